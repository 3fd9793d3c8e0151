//! Asks an installation's own files what it is and how it is configured.
//!
//! The running service is not asked, but for the options it was started with, and nothing is compared: a
//! difference between two places that state a version is for the rules to find.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{
    Cluster, FailureKind, Field, FileOwnership, Installation, Search, Section, Source, Statement, StatementOf,
};

use super::database::read_configured;
use super::site::index_files::read_index;
use super::site::run_user::read_run_user;
use super::site::server_xml::{ServerXml, parse_server_xml};
use super::site::synchrony::read_synchrony;
use super::site::versions::{read_drivers, read_versions};
use super::site::{CFG_XML, Site, SiteError, parse_cfg_xml, read_site, service_mark};
use crate::chain::Chain;
use crate::collect::accounts::Accounts;
use crate::collect::blocking::Lookout;
use crate::collect::ownership::{Needed, read_ownership, unseen};
use crate::collect::process::find_service;
use crate::collect::text_file::{explain_io, explain_text, read_text};
use crate::collect::{CollectError, Collector, kind_of_io};
use crate::config::Instance;

/// Collects [`Source::Installation`] of one Confluence instance.
#[derive(Debug)]
pub struct InstallationCollector {
    instance: Arc<Instance>,
    lookout: Lookout,
}

impl InstallationCollector {
    /// A collector for an instance.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for InstallationCollector {
    fn source(&self) -> Source {
        Source::Installation
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let instance = Arc::clone(&self.instance);
        let read = self
            .lookout
            .run(move |_| {
                let accounts = Accounts::read(Path::new("/etc"));
                Ok(read_installation(&instance, &accounts, Path::new("/proc"))?)
            })
            .await?;
        Ok(Section::Installation(Box::new(read)))
    }
}

fn read_installation(
    instance: &Instance,
    accounts: &Accounts,
    proc_dir: &Path,
) -> Result<Installation, SiteError> {
    let site = read_site(instance)?;
    let process = find_service(proc_dir, &service_mark(&site.installation_dir))
        .map_err(|error| Chain(&error).to_string());
    let server = read_server_xml(&site);
    let (version, mut statements) = read_versions(&site.installation_dir);
    statements.extend(read_builds(&site));
    let text = |name| site.cfg.property(name).map(|value| value.trim().to_owned());
    let context_path = match &server {
        Ok(ServerXml { context_path: Some(path), .. }) => path.clone(),
        Ok(_) | Err(_) => text("confluence.webapp.context.path").unwrap_or_default(),
    };
    let synchrony_proxy = match &server {
        Ok(server) => Field::Read(server.synchrony_proxy),
        Err(why) => Field::Unread(why.clone()),
    };
    Ok(Installation {
        carbon: None,
        synchrony: read_synchrony(&site, &version, &process),
        synchrony_proxy,
        installer: read_installer(&site.installation_dir),
        installation_dir: site.installation_dir.display().to_string(),
        home_dir: site.home_dir.display().to_string(),
        version,
        statements,
        setup_step: site.cfg.setup_step.clone(),
        access_mode: text("access.mode"),
        cluster: site.is_clustered().then(|| Cluster {
            name: text("confluence.cluster.name"),
            node: text("confluence.cluster.node.name"),
            shared_home_dir: shown(site.shared_home(), || text("confluence.cluster.home"), "${shared-home}"),
        }),
        database: match read_configured(&site) {
            Ok(configured) => Field::Read(configured.config),
            Err(error) => Field::Unread(error.into_failure().message),
        },
        drivers: read_drivers(&site.installation_dir),
        ownership: {
            let user = read_run_user(&site.installation_dir, &site.home_dir, accounts);
            let mut files = read_ownership(&needed(&site), &user, accounts);
            files.extend(unresolved(&site));
            files
        },
        search: match shown(site.index_dir(), || text("lucene.index.dir"), "${localHome}/index") {
            Some(index_dir) => Search::Lucene { index_dir },
            None => Search::OpenSearch,
        },
        index: read_index(&site),
        attachments_dir: shown(
            site.attachments_dir(),
            || text("attachments.dir"),
            "${confluenceHome}/attachments",
        ),
        connectors: server.map_or_else(Field::Unread, |server| server.connectors),
        context_path,
    })
}

/// What the vendor's installer left: the file with the answers it was given, else its directory.
///
/// <https://www.ej-technologies.com/resources/install4j/help/doc/installers/responseFile.html>
fn read_installer(installation_dir: &Path) -> Field<Option<String>> {
    // Nothing is left in an installation that is not there, and that says nothing.
    if let Err(error) = fs::metadata(installation_dir) {
        return Field::Unread(explain_io(installation_dir, &error));
    }
    let left = installation_dir.join(".install4j");
    for path in [left.join("response.varfile"), left] {
        match fs::symlink_metadata(&path) {
            Ok(_) => return Field::Read(Some(path.display().to_string())),
            Err(error) if kind_of_io(&error) == FailureKind::Absent => {}
            Err(error) => return Field::Unread(explain_io(&path, &error)),
        }
    }
    Field::Read(None)
}

/// A directory as text; one that cannot be resolved is shown as it is written, or as it is assumed.
fn shown(
    directory: Result<Option<PathBuf>, SiteError>,
    as_written: impl Fn() -> Option<String>,
    assumed: &str,
) -> Option<String> {
    match directory {
        Ok(path) => path.map(|path| path.display().to_string()),
        Err(_unresolved) => Some(as_written().unwrap_or_else(|| assumed.to_owned())),
    }
}

fn read_server_xml(site: &Site) -> Result<ServerXml, String> {
    let path = site.server_xml_path();
    let text = read_text(&path).map_err(|error| explain_text(&error))?;
    parse_server_xml(&text)
        .map_err(|cause| CollectError::from(SiteError::Xml { path, cause }).into_failure().message)
}

/// What local and shared home say of the build their data belong to.
fn read_builds(site: &Site) -> Vec<Statement> {
    let build = |number: &Option<String>, place: &Path| match number {
        Some(number) => Field::Read(number.clone()),
        None => Field::Unread(format!("{} has no buildNumber", place.display())),
    };
    let statement = |place: &Path, of, says| Statement { place: place.display().to_string(), of, says };
    let local = site.cfg_path();
    let says = build(&site.cfg.build_number, &local);
    let mut statements = vec![statement(&local, StatementOf::HomeBuild, says)];
    if !site.is_clustered() {
        return statements;
    }
    let shared = match site.shared_home() {
        Ok(Some(home)) => home.join(CFG_XML),
        Ok(None) => return statements,
        Err(error) => {
            let says = Field::Unread(CollectError::from(error).into_failure().message);
            statements.push(statement(&local, StatementOf::SharedHomeBuild, says));
            return statements;
        }
    };
    let says = match read_text(&shared) {
        Ok(text) => match parse_cfg_xml(&text) {
            Ok(cfg) => build(&cfg.build_number, &shared),
            Err(cause) => {
                let error = SiteError::Xml { path: shared.clone(), cause };
                Field::Unread(CollectError::from(error).into_failure().message)
            }
        },
        // Not every cluster keeps a copy there. A shared home that is not mounted is another matter.
        Err(error) if error.kind() == FailureKind::Absent => match shared.parent().map(fs::metadata) {
            Some(Err(error)) => Field::Unread(explain_io(&shared, &error)),
            Some(Ok(_)) | None => return statements,
        },
        Err(error) => Field::Unread(explain_text(&error)),
    };
    statements.push(statement(&shared, StatementOf::SharedHomeBuild, says));
    statements
}

/// The files and directories the service cannot do without, as far as they are known.
///
/// The application server writes its logs, its working copies and temporary files; its configuration
/// it only has to read.
fn needed(site: &Site) -> Vec<Needed> {
    let home = &site.home_dir;
    let installation = &site.installation_dir;
    let known = |directory: Result<Option<PathBuf>, SiteError>| directory.ok().flatten();
    let written = [
        Some(home.clone()),
        Some(home.join(CFG_XML)),
        Some(home.join("temp")),
        Some(home.join("logs")),
        known(site.index_dir()),
        // Since 7.9 the index has a part of its own for changes.
        known(site.index_dir()).map(|index| index.join("change")),
        known(site.attachments_dir()),
        known(site.shared_home()),
        Some(installation.join("logs")),
        Some(installation.join("temp")),
        Some(installation.join("work")),
    ];
    let written = written.into_iter().flatten().map(|path| Needed { path, must_write: true });
    written.chain([Needed { path: installation.join("conf"), must_write: false }]).collect()
}

/// Directories the service must write whose place cannot be told: not knowing it is no good news.
fn unresolved(site: &Site) -> Vec<FileOwnership> {
    let directories = [
        ("lucene.index.dir", site.index_dir()),
        ("attachments.dir", site.attachments_dir()),
        ("confluence.cluster.home", site.shared_home()),
    ];
    let unknown = directories.into_iter().filter_map(|(key, directory)| Some((key, directory.err()?)));
    unknown.map(|(key, error)| unseen(key, true, CollectError::from(error).into_failure().message)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use upgrade_readiness_checks::facts::{Engine, PasswordKind, Synchrony};

    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::confluence::fixture::{Example, LaidOut};

    fn read(example: &LaidOut) -> Installation {
        read_installation(&example.instance(), &Accounts::default(), &example.root().join("proc")).unwrap()
    }

    fn statements(installation: &Installation) -> Vec<(StatementOf, Option<&str>)> {
        installation.statements.iter().map(|s| (s.of, s.says.value().map(String::as_str))).collect()
    }

    #[tokio::test]
    async fn a_whole_installation_is_told() {
        let example = Example::new().version("9.2.10").build("9111").license("TOPS3CRET").lay_out();
        let collector = InstallationCollector::new(Arc::new(example.instance()));
        assert_eq!(collector.source(), Source::Installation);
        let Section::Installation(found) = collector.collect().await.unwrap() else {
            panic!("another source")
        };
        assert_eq!(found.version.value().unwrap().as_str(), "9.2.10");
        assert_eq!(
            statements(&found),
            [
                (StatementOf::ProgramVersion, Some("9.2.10")),
                (StatementOf::ProgramVersion, Some("9.2.10")),
                (StatementOf::HomeBuild, Some("9111")),
            ]
        );
        assert_eq!(found.setup_step.as_deref(), Some("complete"));
        assert_eq!((found.access_mode.clone(), found.cluster.clone()), (None, None));
        assert_eq!(found.context_path, "");
        assert_eq!(found.connectors.value().unwrap()[0].port, 8090);
        assert_eq!(
            found.search,
            Search::Lucene { index_dir: example.home_dir().join("index").display().to_string() }
        );
        let database = found.database.value().unwrap();
        assert_eq!(database.engine, Some(Engine::Postgresql));
        assert_eq!(database.host.as_deref(), Some("db.example.com"));
        assert_eq!((database.password.clone(), database.isolation), (PasswordKind::Plain, Some(2)));
        assert_eq!(database.parameters, BTreeMap::new());
        let drivers: Vec<_> = found.drivers.value().unwrap().iter().map(|d| d.engine).collect();
        assert_eq!(drivers, [Engine::H2, Engine::Postgresql]);
        let names: Vec<&str> =
            found.ownership.iter().filter_map(|file| file.path.rsplit('/').next()).collect();
        assert_eq!(
            names,
            [
                "home",
                "confluence.cfg.xml",
                "temp",
                "logs",
                "index",
                "attachments",
                "logs",
                "temp",
                "work",
                "conf"
            ]
        );
        assert!(!found.ownership.last().unwrap().must_write, "conf is only read");
        assert!(!format!("{found:?}").contains("S3CRET"), "no secret becomes a fact");
    }

    #[test]
    fn the_changes_of_the_index_must_be_written_too() {
        let example = Example::new().lay_out();
        let change = example.home_dir().join("index/change");
        std::fs::create_dir_all(&change).unwrap();
        let found = read(&example);
        let change = change.display().to_string();
        let file = found.ownership.iter().find(|file| file.path == change).unwrap();
        assert!(file.must_write && file.directory);
    }

    #[test]
    fn a_cluster_node_tells_its_cluster_and_the_shared_build() {
        let example = Example::new().cluster().build("9111").lay_out();
        let found = read(&example);
        let cluster = found.cluster.as_ref().unwrap();
        assert_eq!(cluster.name.as_deref(), Some("wiki-cluster"));
        assert_eq!(cluster.node.as_deref(), Some("node1"));
        let shared = example.root().join("shared");
        assert_eq!(cluster.shared_home_dir.as_deref(), shared.to_str());
        assert!(statements(&found).contains(&(StatementOf::SharedHomeBuild, Some("9111"))));
        assert_eq!(found.attachments_dir.as_deref(), shared.join("attachments").to_str());
    }

    #[test]
    fn a_shared_home_without_a_copy_states_nothing_and_one_that_is_gone_is_unread() {
        let example = Example::new().cluster().lay_out();
        let shared_build = |example: &LaidOut| {
            read(example).statements.into_iter().find(|s| s.of == StatementOf::SharedHomeBuild)
        };
        example.write("shared/confluence.cfg.xml", "<confluence-configuration/>");
        assert!(
            matches!(shared_build(&example).unwrap().says, Field::Unread(why) if why.contains("no buildNumber"))
        );
        example.write("shared/confluence.cfg.xml", "");
        assert!(matches!(shared_build(&example).unwrap().says, Field::Unread(why) if why.contains("empty")));
        example.remove("shared/confluence.cfg.xml");
        assert_eq!(shared_build(&example), None);
        std::fs::remove_dir_all(example.root().join("shared")).unwrap();
        assert!(matches!(shared_build(&example).unwrap().says, Field::Unread(why) if why.contains("shared")));
    }

    #[test]
    fn what_the_configuration_adds_is_told() {
        let example = Example::new()
            .property("access.mode", "READ_ONLY")
            .property("search.platform", "opensearch")
            .property("confluence.webapp.context.path", "/wiki")
            .lay_out();
        example.remove("install/conf/server.xml");
        let found = read(&example);
        assert_eq!(found.access_mode.as_deref(), Some("READ_ONLY"));
        assert_eq!(found.search, Search::OpenSearch);
        assert_eq!(found.context_path, "/wiki", "without server.xml the other file tells");
        let Field::Unread(why) = found.connectors else { panic!("{:?}", found.connectors) };
        assert!(why.contains("server.xml"), "{why}");
    }

    #[test]
    fn directories_that_cannot_be_told_are_shown_as_written_and_not_passed_over() {
        let example = Example::new()
            .cluster()
            .property("attachments.dir", "${someHome}/files")
            .without("lucene.index.dir")
            .lay_out();
        let found = read(&example);
        assert_eq!(found.attachments_dir.as_deref(), Some("${someHome}/files"));
        let unknown = found.ownership.iter().find(|file| file.path == "attachments.dir").unwrap();
        assert!(matches!(&unknown.usable, Field::Unread(why) if why.contains("${someHome}")), "{unknown:?}");

        // Without a shared home, what is relative to it is not known either.
        let cfg = std::fs::read_to_string(example.home_dir().join(CFG_XML)).unwrap();
        let shared = example.root().join("shared").display().to_string();
        example.write("home/confluence.cfg.xml", &cfg.replace(&shared, "shared"));
        let found = read(&example);
        assert_eq!(found.cluster.as_ref().unwrap().shared_home_dir.as_deref(), Some("shared"));
        assert_eq!(found.search, Search::Lucene { index_dir: "${localHome}/index".to_owned() });
        let keys = ["lucene.index.dir", "attachments.dir", "confluence.cluster.home"];
        for key in keys {
            assert!(found.ownership.iter().any(|file| file.path == key), "{key}");
        }
        let builds = statements(&found);
        assert!(builds.contains(&(StatementOf::SharedHomeBuild, None)), "{builds:?}");
    }

    #[test]
    fn an_installation_that_is_gone_leaves_what_the_home_tells() {
        let example = Example::new().lay_out();
        let instance = Instance { home_dir: Some(example.home_dir()), ..example.instance() };
        std::fs::remove_dir_all(example.installation_dir()).unwrap();
        let found = read_installation(&instance, &Accounts::default(), Path::new("/no/proc")).unwrap();
        assert_eq!(statements(&found), [(StatementOf::HomeBuild, Some("9111"))]);
        assert!(matches!(found.version, Field::Unread(why) if why.contains("pom.properties")));
        assert!(matches!(found.drivers, Field::Unread(_)) && matches!(found.connectors, Field::Unread(_)));
        assert!(found.database.value().is_some());
    }

    #[test]
    fn what_nobody_may_read_is_unread_with_path_and_remedy() {
        let example = Example::new().lay_out();
        for name in ["install/conf/server.xml", "install/confluence/WEB-INF/lib", "install/bin/user.sh"] {
            example.forbid(name);
        }
        let instance = example.instance();
        let found = as_another_user(move || {
            read_installation(&instance, &Accounts::default(), Path::new("/no/proc")).unwrap()
        });
        for (why, part) in [
            (found.connectors.clone().err(), "server.xml"),
            (found.drivers.clone().err(), "WEB-INF/lib"),
            (found.ownership[0].usable.clone().err(), "user.sh"),
        ] {
            let why = why.unwrap();
            assert!(why.contains(part) && why.contains("setfacl"), "{why}");
        }
        assert_eq!(found.version.value().unwrap().as_str(), "9.2.10", "from pom.properties");
    }

    #[test]
    fn synchrony_is_run_by_confluence_unless_an_option_names_another() {
        let option = |option: &str| {
            let example = Example::new().lay_out();
            example
                .write("install/bin/setenv.sh", &format!("CATALINA_OPTS=\"{option} ${{CATALINA_OPTS}}\"\n"));
            read(&example).synchrony
        };
        let at = |url: &str| Field::Read(Some(Synchrony::Standalone { url: url.into() }));
        let rows = [
            ("", Field::Read(Some(Synchrony::Managed))),
            ("-Dsynchrony.proxy.enabled=true", Field::Read(Some(Synchrony::Managed))),
            ("-Dsynchrony.service.url=http://sync:8091/synchrony/v1", at("http://sync:8091/synchrony/v1")),
            ("-Dsynchrony.service.url=https://u:S3CRET@sync/v1?t=S3CRET#S3CRET", at("https://sync/v1")),
            ("-Dsynchrony.service.url=", Field::Read(Some(Synchrony::Managed))),
            ("-Dsynchrony.btf.disabled=true", Field::Read(None)),
            ("-Dsynchrony.btf.disabled=false", Field::Read(Some(Synchrony::Managed))),
        ];
        for (text, expected) in rows {
            assert_eq!(option(text), expected, "{text}");
        }
        let unread = [
            ("-Dsynchrony.service.url=${SYNCHRONY_URL}", "variables"),
            ("-Dsynchrony.service.url=http://a/v1 -Dsynchrony.service.url=http://b/v1", "several"),
            ("-Dsynchrony.service.url=S3CRET", "not an address"),
            ("-Dsynchrony.service.url=file:///S3CRET", "not an address"),
            ("-Dsynchrony.service.url=jdbc:S3CRET", "not an address"),
            (&format!("-Dsynchrony.service.url=http://a/{}", "S3CRET".repeat(10_000)), "not an address"),
        ];
        for (text, reason) in unread {
            let why = option(text).err().unwrap();
            assert!(why.contains(reason) && !why.contains("S3CRET"), "{why}");
        }
    }

    #[test]
    fn the_running_service_knows_its_synchrony_best() {
        let example = Example::new().lay_out();
        example.write("install/bin/setenv.sh", "CATALINA_OPTS=-Dsynchrony.service.url=http://script/v1\n");
        let mark = service_mark(&example.installation_dir());
        let run = |options: &str| {
            example.write("proc/1/comm", "systemd\n");
            example.write("proc/7/comm", "java\n");
            example.write("proc/7/cmdline", &format!("java\0{options}{mark}\0Main\0start\0"));
            read(&example).synchrony
        };
        let at = |url: &str| Field::Read(Some(Synchrony::Standalone { url: url.into() }));
        assert_eq!(read(&example).synchrony, at("http://script/v1"), "nothing is seen to run");
        let two = "-Dsynchrony.service.url=http://old/v1\0-Dsynchrony.service.url=http://u:S3CRET@new/v1\0";
        assert_eq!(run(two), at("http://new/v1"));
        assert_eq!(run("-Xmx1g\0"), Field::Read(Some(Synchrony::Managed)));
        assert_eq!(run("-Dsynchrony.btf.disabled=TRUE\0"), Field::Read(None));
        assert!(run("@/etc/S3CRET\0").err().unwrap().contains("argument file"));
    }

    #[test]
    fn early_releases_have_no_synchrony_and_an_unknown_one_is_not_guessed() {
        let synchrony = |example: Example, version: &str| read(&example.version(version).lay_out()).synchrony;
        let managed = Field::Read(Some(Synchrony::Managed));
        assert_eq!(synchrony(Example::new(), "5.10.9"), Field::Read(None));
        assert_eq!(synchrony(Example::new(), "6.0.1"), managed);
        assert_eq!(synchrony(Example::new().cluster(), "6.11.2"), Field::Read(None));
        assert_eq!(synchrony(Example::new().cluster(), "6.12.0"), managed);

        let example = Example::new().lay_out();
        std::fs::remove_dir_all(example.installation_dir().join("confluence/META-INF")).unwrap();
        std::fs::remove_dir_all(example.installation_dir().join("confluence/WEB-INF/lib")).unwrap();
        assert!(read(&example).synchrony.err().unwrap().contains("version"));
        let example = Example::new().lay_out();
        example.forbid("install/bin/setenv.sh");
        let instance = Instance { home_dir: Some(example.home_dir()), ..example.instance() };
        let found = as_another_user(move || {
            read_installation(&instance, &Accounts::default(), Path::new("/no/proc")).unwrap()
        });
        assert!(found.synchrony.err().unwrap().contains("setenv.sh"));
    }

    #[test]
    fn the_proxy_for_synchrony_and_the_vendors_installer_are_seen() {
        let example = Example::new().lay_out();
        let found = read(&example);
        assert_eq!((found.synchrony_proxy, found.installer), (Field::Read(false), Field::Read(None)));

        example.write(
            "install/conf/server.xml",
            "<Server><Context path=\"${confluence.context.path}/synchrony-proxy\"/></Server>",
        );
        example.write("install/.install4j/i4jruntime.jar", "");
        let left = example.installation_dir().join(".install4j");
        let found = read(&example);
        assert_eq!(found.synchrony_proxy, Field::Read(true));
        assert_eq!(found.installer, Field::Read(Some(left.display().to_string())));
        example.write("install/.install4j/response.varfile", "app.confHome=/data\n");
        let answers = left.join("response.varfile").display().to_string();
        assert_eq!(read(&example).installer, Field::Read(Some(answers)));

        example.remove("install/conf/server.xml");
        example.forbid("install/.install4j");
        let instance = example.instance();
        let found = as_another_user(move || {
            read_installation(&instance, &Accounts::default(), Path::new("/no/proc")).unwrap()
        });
        assert!(found.synchrony_proxy.err().unwrap().contains("server.xml"));
        assert!(found.installer.err().unwrap().contains(".install4j"));
    }

    #[tokio::test]
    async fn only_a_home_or_configuration_that_cannot_be_read_fails_it_all() {
        let example = Example::new().lay_out();
        example.remove("home/confluence.cfg.xml");
        let collector = InstallationCollector::new(Arc::new(example.instance()));
        let failure = collector.collect().await.unwrap_err().into_failure();
        assert_eq!(failure.kind, FailureKind::Absent);
        assert!(failure.message.contains("confluence.cfg.xml"), "{failure:?}");
    }

    /// The reason of a field that was not read.
    trait Reason {
        fn err(self) -> Option<String>;
    }

    impl<T> Reason for Field<T> {
        fn err(self) -> Option<String> {
            match self {
                Field::Read(_) => None,
                Field::Unread(why) => Some(why),
            }
        }
    }
}
