//! An example installation in a temporary folder, laid out as Confluence's installer does it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use upgrade_readiness_checks::facts::Product;
use upgrade_readiness_checks::model::{Plan, Policy};

use super::site::versions::POM_PROPERTIES;
use crate::collect::backups::BackupPlaces;
use crate::collect::traffic::AccessLogs;
use crate::config::{DatabaseAccess, Instance, Marketplace};

/// What the installation is to be like.
#[derive(Debug)]
pub(crate) struct Example {
    version: String,
    build: String,
    setup_type: String,
    properties: Vec<(String, String)>,
}

impl Example {
    /// A single node with a PostgreSQL database.
    pub(crate) fn new() -> Self {
        let example = Self {
            version: "9.2.10".to_owned(),
            build: "9111".to_owned(),
            setup_type: "custom".to_owned(),
            properties: Vec::new(),
        };
        example
            .property("attachments.dir", "${confluenceHome}/attachments")
            .property("lucene.index.dir", "${localHome}/index")
            .property("confluence.webapp.context.path", "")
            .property("hibernate.connection.driver_class", "org.postgresql.Driver")
            .property("hibernate.connection.isolation", "2")
            .property("hibernate.connection.password", "S3CRET")
            .property("hibernate.connection.username", "confdb")
            .jdbc_url("jdbc:postgresql://db.example.com:5432/confluence")
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    pub(crate) fn build(mut self, build: &str) -> Self {
        build.clone_into(&mut self.build);
        self
    }

    /// A property of `confluence.cfg.xml`, in place of one of the same name.
    pub(crate) fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.retain(|(other, _)| other != name);
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.properties.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn jdbc_url(self, url: &str) -> Self {
        self.property("hibernate.connection.url", url)
    }

    pub(crate) fn license(self, text: &str) -> Self {
        self.property("atlassian.license.message", text)
    }

    /// A node of a cluster with its shared home in `shared`.
    pub(crate) fn cluster(mut self) -> Self {
        "cluster".clone_into(&mut self.setup_type);
        self.property("confluence.cluster", "true")
            .property("confluence.cluster.name", "wiki-cluster")
            .property("confluence.cluster.node.name", "node1")
    }

    /// Writes it all down.
    pub(crate) fn lay_out(mut self) -> LaidOut {
        let folder = TempDir::new().unwrap();
        // Somebody without rights must get as far as the file that is forbidden.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.path().canonicalize().unwrap();
        let laid_out = LaidOut { root, forbidden: RefCell::default(), _folder: folder };
        if self.setup_type == "cluster" {
            let shared = laid_out.root.join("shared").display().to_string();
            self = self.property("confluence.cluster.home", &shared).property("shared-home", &shared);
            laid_out.write("shared/confluence.cfg.xml", &self.cfg_xml());
            laid_out.make_dir(&laid_out.root.join("shared/attachments"));
        }
        let home = laid_out.home_dir();
        laid_out.write("home/confluence.cfg.xml", &self.cfg_xml());
        for name in ["attachments", "index", "logs", "temp"] {
            laid_out.make_dir(&home.join(name));
        }
        for name in ["conf", "logs", "temp", "work", "lib", "jre/bin"] {
            laid_out.make_dir(&laid_out.installation_dir().join(name));
        }
        laid_out.write(
            "install/confluence/WEB-INF/classes/confluence-init.properties",
            &format!("# where the home is\nconfluence.home = {}\n", home.display()),
        );
        let version = &self.version;
        laid_out.write(&format!("install/{POM_PROPERTIES}"), &format!("#Generated\nversion={version}\n"));
        for jar in [&format!("confluence-{version}.jar"), "postgresql-42.7.3.jar", "h2-1.4.200.jar"] {
            laid_out.write(&format!("install/confluence/WEB-INF/lib/{jar}"), "");
        }
        laid_out.write(
            "install/bin/setenv.sh",
            "CATALINA_OPTS=\"-Xms1024m -Xmx1024m ${CATALINA_OPTS}\"\nexport CATALINA_OPTS\n",
        );
        laid_out.write(
            "install/bin/user.sh",
            "CONF_USER=\"root\" # user created by installer\nexport CONF_USER\n",
        );
        laid_out.write(
            "install/conf/server.xml",
            "<Server port=\"8000\"><Service><Connector port=\"8090\" maxThreads=\"48\"/><Engine><Host>\
             <Context path=\"\" docBase=\"../confluence\"/></Host></Engine></Service></Server>",
        );
        laid_out
    }

    fn cfg_xml(&self) -> String {
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n<confluence-configuration>\n  \
             <setupStep>complete</setupStep>\n  <setupType>{}</setupType>\n  \
             <buildNumber>{}</buildNumber>\n  <properties>\n",
            self.setup_type, self.build
        );
        for (name, value) in &self.properties {
            let value = value.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(text, "    <property name=\"{name}\">{value}</property>").unwrap();
        }
        text + "  </properties>\n</confluence-configuration>\n"
    }
}

/// An installation that has been written down; it goes away with this value.
#[derive(Debug)]
pub(crate) struct LaidOut {
    root: PathBuf,
    forbidden: RefCell<Vec<PathBuf>>,
    _folder: TempDir,
}

impl Drop for LaidOut {
    /// Gives the rights back, or the folder could not be removed.
    fn drop(&mut self) {
        for path in self.forbidden.borrow().iter() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

impl LaidOut {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn installation_dir(&self) -> PathBuf {
        self.root.join("install")
    }

    pub(crate) fn home_dir(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The instance as it would be configured: its home is found by itself.
    pub(crate) fn instance(&self) -> Instance {
        Instance {
            name: "wiki".to_owned(),
            product: Product::Confluence,
            installation_dir: self.installation_dir(),
            home_dir: None,
            targets: Vec::new(),
            license_file: None,
            rehearsal: None,
            prepared: None,
            custom: Vec::new(),
            plan: Plan::default(),
            http: None,
            database: DatabaseAccess::default(),
            node: None,
            sources_off: std::collections::BTreeSet::new(),
            marketplace: Marketplace::Off,
            restore: crate::config::RestoreProving::default(),
            backups: BackupPlaces::default(),
            traffic: AccessLogs { patterns: Vec::new(), ignore: Vec::new(), days: 35 },
            files: crate::config::FilesAccess::default(),
            policy: Policy::default(),
        }
    }

    /// Writes a file below the root, and the directories to it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        self.make_dir(path.parent().unwrap());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Makes a directory below the root with the usual rights, whatever the mask of the person who tests.
    fn make_dir(&self, path: &Path) {
        if path == self.root || path.is_dir() {
            return;
        }
        self.make_dir(path.parent().unwrap());
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.root.join(name)).unwrap();
    }

    /// Takes every right on a file or directory away.
    pub(crate) fn forbid(&self, name: &str) {
        self.set_mode(name, 0o000);
        self.forbidden.borrow_mut().push(self.root.join(name));
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}
