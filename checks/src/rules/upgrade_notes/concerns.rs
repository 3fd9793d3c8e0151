//! Whether a note concerns an instance, by what is known of it.

use crate::catalog::Condition;
use crate::facts::{
    CarbonHome, ComparedWith, ConfigurationModel, Engine, Family, Files, Host, Installation, Java, Missing,
    PathList, Plugins, RuntimeRole, Search, Source,
};
use crate::model::Case;
use crate::rules::units::minute;
use crate::rules::wording::{counted, excerpt, no_plugins};

/// Whether a note concerns an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concern {
    /// It does: what was seen, empty when nothing had to be.
    Yes(String),
    /// It does not.
    No,
    /// Facts do not tell: why.
    CannotTell(String),
}

impl Concern {
    fn of(holds: bool, seen: impl FnOnce() -> String) -> Self {
        if holds { Self::Yes(seen()) } else { Self::No }
    }
}

/// What conditions can be told from, and what was missing of it.
pub(super) struct Looked<'a> {
    host: Result<&'a Host, Missing>,
    java: Result<&'a Java, Missing>,
    installation: &'a Installation,
    files: Result<&'a Files, Missing>,
    plugins: Result<&'a Plugins, Missing>,
    missing: Vec<Missing>,
}

impl<'a> Looked<'a> {
    /// Looks at every source a condition may need, so that what is missing does not depend on the jump.
    pub(super) fn at(case: &Case<'a>, installation: &'a Installation) -> Self {
        let plugins = case
            .facts
            .plugins()
            .and_then(|plugins| if plugins.installed.is_empty() { Err(no_plugins()) } else { Ok(plugins) });
        let mut looked = Self {
            host: case.facts.host(),
            java: case.facts.java(),
            installation,
            files: case.facts.files(),
            plugins,
            missing: Vec::new(),
        };
        let sources = [
            looked.host.as_ref().err(),
            looked.java.as_ref().err(),
            looked.files.as_ref().err(),
            // What is installed on a Carbon product are bundles, and no note asks for them.
            looked.plugins.as_ref().err().filter(|_| case.facts.product.family() == Family::Confluence),
        ];
        looked.missing = sources.into_iter().flatten().cloned().collect();
        looked
    }

    /// What was missing, each once.
    pub(super) fn missing(mut self) -> Vec<Missing> {
        self.missing.dedup();
        self.missing
    }

    /// Whether a note with this condition concerns the instance.
    pub(super) fn concern(&mut self, condition: &Condition) -> Concern {
        let told = self.told(condition);
        told.unwrap_or_else(|missing| {
            let why = missing.to_string();
            if !self.missing.contains(&missing) {
                self.missing.push(missing);
            }
            Concern::CannotTell(excerpt(&why))
        })
    }

    fn told(&self, condition: &Condition) -> Result<Concern, Missing> {
        let installation = self.installation;
        Ok(match condition {
            Condition::Always => Concern::Yes(String::new()),
            Condition::Cluster => match &installation.carbon {
                Some(carbon) => {
                    let clustering =
                        carbon.clustering.read(Source::Installation, "whether it is clustered")?;
                    Concern::of(clustering.enabled, || {
                        format!("clustering is switched on in {}", clustering.place)
                    })
                }
                None => Concern::of(installation.cluster.is_some(), || {
                    "confluence.cfg.xml names a cluster".to_owned()
                }),
            },
            Condition::XmlConfiguration => Concern::of(
                installation.carbon.as_ref().is_some_and(|carbon| carbon.model == ConfigurationModel::Xml),
                || format!("{}/repository/conf has no deployment.toml", installation.installation_dir),
            ),
            Condition::EmbeddedDatabase => self.embedded()?,
            Condition::Tenants => match &installation.carbon {
                Some(carbon) => {
                    let tenants = carbon.tenants.read(Source::Installation, "the directories of tenants")?;
                    Concern::of(!tenants.ids.is_empty(), || {
                        format!("{} below {}", counted(tenants.ids.len() as u64, "tenant"), tenants.place)
                    })
                }
                None => Concern::No,
            },
            Condition::Windows => self.family("windows")?,
            Condition::Linux => self.family("linux")?,
            Condition::JavaBundled => self.bundled_java()?,
            Condition::JavaBelow(least) => self.java_below(*least)?,
            Condition::Lucene => match &installation.search {
                Search::Lucene { index_dir } => Concern::Yes(format!("the index is in {index_dir}")),
                Search::OpenSearch | Search::None => Concern::No,
            },
            Condition::Proxy => {
                let connectors =
                    installation.connectors.read(Source::Installation, "the connectors of server.xml")?;
                let proxy = connectors.iter().find_map(|connector| connector.proxy_name.as_deref());
                proxy
                    .map_or(Concern::No, |proxy| Concern::Yes(format!("it is reached as {}", excerpt(proxy))))
            }
            Condition::UserPlugins => {
                let plugins = self.plugins.as_ref().map_err(Clone::clone)?;
                let count = plugins.user_installed().count();
                Concern::of(count > 0, || format!("{count} plug-ins were installed by people"))
            }
            Condition::Plugin(key) => {
                let plugins = self.plugins.as_ref().map_err(Clone::clone)?;
                let there = plugins.installed.iter().any(|plugin| plugin.key == *key);
                Concern::of(there, || format!("the plug-in {key} is installed"))
            }
            Condition::Database(engines) => {
                let config = installation.database.read(Source::Installation, "the database connection")?;
                match config.engine {
                    Some(engine) => Concern::of(engines.contains(&engine), || {
                        format!("the database is {}", engine.name())
                    }),
                    None => Concern::CannotTell(format!("{} names no database that is known", config.place)),
                }
            }
            Condition::UrlBegins(start) => {
                let config = installation.database.read(Source::Installation, "the database connection")?;
                match &config.url {
                    Some(url) => Concern::of(url.starts_with(start.as_str()), || {
                        format!("the JDBC URL begins with {start}")
                    }),
                    None => Concern::CannotTell(format!("{} names no JDBC URL", config.place)),
                }
            }
            Condition::FilesTouched(ends) => self.touched(ends)?,
        })
    }

    /// Any of its data sources counts.
    fn embedded(&self) -> Result<Concern, Missing> {
        let of = |name: &str, engine: Engine| Concern::Yes(format!("{name} is in {}", engine.name()));
        let config = self.installation.database.read(Source::Installation, "the database connection");
        if let Some(engine) =
            config.as_ref().ok().and_then(|config| config.engine).filter(|it| it.is_embedded())
        {
            return Ok(of("the main database", engine));
        }
        if let Some(carbon) = &self.installation.carbon {
            let CarbonHome { datasources, .. } = carbon.as_ref();
            for source in datasources.read(Source::Installation, "the data sources")? {
                if let Some(engine) = source.config.engine.filter(|engine| engine.is_embedded()) {
                    return Ok(of(&excerpt(&source.name), engine));
                }
            }
        }
        config.map(|_| Concern::No)
    }

    fn family(&self, family: &str) -> Result<Concern, Missing> {
        let host = self.host.as_ref().map_err(Clone::clone)?;
        Ok(Concern::of(host.os.family == family, || format!("the host runs {}", excerpt(&host.os.name))))
    }

    fn java_below(&self, least: u32) -> Result<Concern, Missing> {
        let java = self.java.as_ref().map_err(Clone::clone)?;
        let Some(in_use) = java.in_use() else {
            return Ok(Concern::CannotTell("no Java was found".to_owned()));
        };
        let what = format!("the version of the Java in {}", in_use.home);
        let version = in_use.version.read(Source::Java, &what)?;
        Ok(Concern::of(version.feature < least, || format!("Java {} is in {}", version.text, in_use.home)))
    }

    fn bundled_java(&self) -> Result<Concern, Missing> {
        let java = self.java.as_ref().map_err(Clone::clone)?;
        let Some(in_use) = java.in_use() else {
            return Ok(Concern::CannotTell("no Java was found".to_owned()));
        };
        let bundled = in_use.role == RuntimeRole::Bundled || java.is_bundled(&in_use.home);
        Ok(Concern::of(bundled, || format!("{} came with the installation", in_use.home)))
    }

    /// A file that is listed as changed settles it; nothing listed does so only when every change would be.
    fn touched(&self, ends: &[String]) -> Result<Concern, Missing> {
        let files = self.files.as_ref().map_err(Clone::clone)?;
        let mut doubt = None;
        let mut unread = None;
        for tree in &files.trees {
            let differences =
                match tree.differences.read(Source::Files, &format!("the changed files below {}", tree.root))
                {
                    Ok(differences) => differences,
                    Err(missing) => {
                        unread.get_or_insert(missing);
                        continue;
                    }
                };
            let lists = [&differences.modified, &differences.removed, &differences.added];
            for path in lists.into_iter().flat_map(|list| &list.paths) {
                if ends.iter().any(|end| is_one_of(path, end)) {
                    return Ok(Concern::Yes(format!("{}/{} was changed", tree.root, excerpt(path))));
                }
            }
            if lists.into_iter().any(is_cut) {
                doubt = Some(format!("more files below {} were changed than are listed", tree.root));
            }
            if let ComparedWith::Baseline(since) = &tree.compared_with {
                doubt = Some(format!(
                    "what was changed below {} before {} does not show",
                    tree.root,
                    minute(*since)
                ));
            }
        }
        if let Some(missing) = unread {
            return Err(missing);
        }
        if files.trees.is_empty() {
            doubt = Some("no directory is compared with anything".to_owned());
        }
        Ok(doubt.map_or(Concern::No, Concern::CannotTell))
    }
}

fn is_cut(list: &PathList) -> bool {
    list.count > list.paths.len() as u64
}

/// Whether a path is the file an end names, or lies in the directory it names.
fn is_one_of(path: &str, end: &str) -> bool {
    if end.ends_with('/') {
        return path.starts_with(end) || path.contains(&format!("/{end}"));
    }
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cluster, DatabaseConfig, Engine, Field, Reading};
    use crate::golden::{Golden, golden, golden_carbon};
    use crate::rules::testing::{carbon, config, host, installation, java, plugins, read, unread};

    fn files(golden: &mut Golden) -> &mut Files {
        match &mut golden.facts.files {
            Reading::Learned(learned) => &mut learned.facts,
            other => panic!("{other:?}"),
        }
    }

    fn concern(golden: &Golden, condition: &Condition) -> (char, usize) {
        let case = golden.case();
        let mut looked = Looked::at(&case, case.facts.installation().unwrap());
        let letter = match looked.concern(condition) {
            Concern::Yes(_) => 'y',
            Concern::No => 'n',
            Concern::CannotTell(why) => {
                assert!(!why.is_empty());
                '?'
            }
        };
        (letter, looked.missing().len())
    }

    fn touch(golden: &mut Golden, path: &str) {
        let Field::Read(differences) = &mut files(golden).trees[1].differences else { panic!("golden") };
        differences.modified = PathList { count: 1, paths: vec![path.into()] };
    }

    type Row = (&'static str, fn(&mut Golden), Condition, (char, usize));

    #[test]
    fn each_condition_is_told_from_its_facts() {
        let mysql = || Condition::Database(vec![Engine::Mysql, Engine::Mariadb]);
        let setenv = || Condition::FilesTouched(vec!["bin/setenv.sh".into(), "WEB-INF/lib/".into()]);
        let rows: Vec<Row> = vec![
            ("always", |_| {}, Condition::Always, ('y', 0)),
            ("single", |_| {}, Condition::Cluster, ('n', 0)),
            (
                "cluster",
                |g| {
                    installation(g).cluster = Some(Cluster { name: None, node: None, shared_home_dir: None });
                },
                Condition::Cluster,
                ('y', 0),
            ),
            ("linux", |_| {}, Condition::Linux, ('y', 0)),
            ("not windows", |_| {}, Condition::Windows, ('n', 0)),
            ("windows", |g| host(g).os.family = "windows".into(), Condition::Windows, ('y', 0)),
            ("host off", |g| g.facts.switch_off(Source::Host), Condition::Windows, ('?', 1)),
            ("bundled", |_| {}, Condition::JavaBundled, ('y', 0)),
            (
                "own",
                |g| java(g).runtimes[0].home = "/usr/lib/jvm/17".into(),
                Condition::JavaBundled,
                ('n', 0),
            ),
            ("no java", |g| java(g).runtimes.clear(), Condition::JavaBundled, ('?', 0)),
            ("java off", |g| g.facts.switch_off(Source::Java), Condition::JavaBundled, ('?', 1)),
            ("lucene", |_| {}, Condition::Lucene, ('y', 0)),
            ("opensearch", |g| installation(g).search = Search::OpenSearch, Condition::Lucene, ('n', 0)),
            ("proxy", |_| {}, Condition::Proxy, ('y', 0)),
            ("connectors unread", |g| installation(g).connectors = unread(), Condition::Proxy, ('?', 1)),
            (
                "no connector",
                |g| installation(g).connectors = Field::Read(Vec::new()),
                Condition::Proxy,
                ('n', 0),
            ),
            ("plug-ins", |_| {}, Condition::UserPlugins, ('y', 0)),
            ("none by people", |g| drop(plugins(g).installed.remove(0)), Condition::UserPlugins, ('n', 0)),
            ("an empty list", |g| plugins(g).installed.clear(), Condition::UserPlugins, ('?', 1)),
            ("plug-in", |_| {}, Condition::Plugin("com.example.gantt".into()), ('y', 0)),
            ("no such plug-in", |_| {}, Condition::Plugin("com.example".into()), ('n', 0)),
            ("postgresql", |_| {}, mysql(), ('n', 0)),
            ("mysql", |g| config(g).engine = Some(Engine::Mysql), mysql(), ('y', 0)),
            ("no engine", |g| config(g).engine = None, mysql(), ('?', 0)),
            ("database unread", |g| installation(g).database = unread::<DatabaseConfig>(), mysql(), ('?', 1)),
            ("url", |_| {}, Condition::UrlBegins("jdbc:postgresql:".into()), ('y', 0)),
            ("no url", |g| config(g).url = None, Condition::UrlBegins("jdbc:jtds:".into()), ('?', 0)),
            ("untouched", |_| {}, setenv(), ('n', 0)),
            ("touched", |g| touch(g, "bin/setenv.sh"), setenv(), ('y', 0)),
            ("touched below", |g| touch(g, "confluence/WEB-INF/lib/x.jar"), setenv(), ('y', 0)),
            ("another file", |g| touch(g, "sbin/setenv.sh"), setenv(), ('n', 0)),
            (
                "more than are listed",
                |g| {
                    touch(g, "x");
                    let Field::Read(differences) = &mut files(g).trees[1].differences else { return };
                    differences.modified.count = 1000;
                },
                setenv(),
                ('?', 0),
            ),
            (
                "a baseline",
                |g| files(g).trees[1].compared_with = ComparedWith::Baseline(g.now),
                setenv(),
                ('?', 0),
            ),
            ("a tree unread", |g| files(g).trees[0].differences = unread(), setenv(), ('?', 1)),
            (
                "a tree unread, touched in the other",
                |g| {
                    files(g).trees[0].differences = unread();
                    touch(g, "bin/setenv.sh");
                },
                setenv(),
                ('y', 0),
            ),
            ("no tree", |g| files(g).trees.clear(), setenv(), ('?', 0)),
            ("files off", |g| g.facts.switch_off(Source::Files), setenv(), ('?', 1)),
        ];
        judge(golden, rows);
    }

    fn judge(start: fn() -> Golden, rows: Vec<Row>) {
        for (name, spoil, condition, expected) in rows {
            let mut golden = start();
            spoil(&mut golden);
            assert_eq!(concern(&golden, &condition), expected, "{name}");
        }
    }

    #[test]
    fn conditions_of_carbon_are_told_from_its_home() {
        let (embedded, tenants) = (|| Condition::EmbeddedDatabase, || Condition::Tenants);
        let rows: Vec<Row> = vec![
            ("xml", |_| {}, Condition::XmlConfiguration, ('y', 0)),
            ("toml", |g| carbon(g).model = ConfigurationModel::Toml, Condition::XmlConfiguration, ('n', 0)),
            ("a server", |_| {}, embedded(), ('n', 0)),
            ("main in h2", |g| config(g).engine = Some(Engine::H2), embedded(), ('y', 0)),
            (
                "another in h2",
                |g| read(&mut carbon(g).datasources)[0].config.engine = Some(Engine::H2),
                embedded(),
                ('y', 0),
            ),
            ("data sources unread", |g| carbon(g).datasources = unread(), embedded(), ('?', 1)),
            (
                "database unread",
                |g| installation(g).database = unread::<DatabaseConfig>(),
                embedded(),
                ('?', 1),
            ),
            ("tenants", |g| read(&mut carbon(g).tenants).ids = [1].into(), tenants(), ('y', 0)),
            ("no tenants", |g| read(&mut carbon(g).tenants).ids.clear(), tenants(), ('n', 0)),
            ("tenants unread", |g| carbon(g).tenants = unread(), tenants(), ('?', 1)),
            ("alone", |_| {}, Condition::Cluster, ('n', 0)),
            ("clustered", |g| read(&mut carbon(g).clustering).enabled = true, Condition::Cluster, ('y', 0)),
            ("clustering unread", |g| carbon(g).clustering = unread(), Condition::Cluster, ('?', 1)),
            ("java 8", |_| {}, Condition::JavaBelow(8), ('n', 0)),
            ("java 8 and not 11", |_| {}, Condition::JavaBelow(11), ('y', 0)),
            ("no java", |g| java(g).runtimes.clear(), Condition::JavaBelow(8), ('?', 0)),
            ("java unread", |g| java(g).runtimes[0].version = unread(), Condition::JavaBelow(8), ('?', 1)),
            ("java off", |g| g.facts.switch_off(Source::Java), Condition::JavaBelow(8), ('?', 1)),
            ("plug-ins off", |g| g.facts.switch_off(Source::Plugins), Condition::Always, ('y', 0)),
        ];
        judge(golden_carbon, rows);
        let of_confluence: Vec<Row> = vec![
            ("xml", |_| {}, Condition::XmlConfiguration, ('n', 0)),
            ("tenants", |_| {}, Condition::Tenants, ('n', 0)),
            ("embedded", |g| config(g).engine = Some(Engine::H2), Condition::EmbeddedDatabase, ('y', 0)),
        ];
        judge(golden, of_confluence);
    }
}
