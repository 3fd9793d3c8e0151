//! An example home of a Carbon product in a temporary folder: the form of the vendor's files, with our own text.
//!
//! What stands where is known from the kernel's repository (tags v4.4.6, v4.5.0), path by path.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use upgrade_readiness_checks::facts::Product;
use upgrade_readiness_checks::model::{Plan, Policy};

use crate::collect::backups::BackupPlaces;
use crate::collect::traffic::AccessLogs;
use crate::config::{DatabaseAccess, FilesAccess, Instance, Marketplace, RestoreProving};

/// The password of the example's database.
pub(crate) const SECRET: &str = "S3CRET";

/// What the home is to be like.
#[derive(Debug)]
pub(crate) struct Example {
    version: String,
    url: String,
    password: String,
    toml: bool,
}

impl Example {
    /// A kernel 4.4.6 with a PostgreSQL database, configured by XML files.
    pub(crate) fn new() -> Self {
        Self {
            version: "4.4.6".to_owned(),
            url: "jdbc:postgresql://db.example.com:5432/carbon".to_owned(),
            password: format!("<password>{SECRET}</password>"),
            toml: false,
        }
    }

    pub(crate) fn version(self, version: &str) -> Self {
        Self { version: version.to_owned(), ..self }
    }

    /// The URL of its database.
    pub(crate) fn jdbc_url(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// The element of its database's password.
    pub(crate) fn password(self, element: &str) -> Self {
        Self { password: element.to_owned(), ..self }
    }

    /// Configured by `deployment.toml`, and never started yet.
    pub(crate) fn toml(self) -> Self {
        Self { toml: true, version: "4.6.0".to_owned(), ..self }
    }

    /// Writes it all down.
    pub(crate) fn lay_out(self) -> LaidOut {
        let folder = TempDir::new().unwrap();
        // Somebody without rights must get as far as the file that is forbidden.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.path().canonicalize().unwrap();
        let laid_out = LaidOut { root, forbidden: RefCell::default(), _folder: folder };
        let version = &self.version;
        laid_out.write("bin/version.txt", &format!("WSO2 Carbon v{version}\n"));
        laid_out.write("bin/wso2carbon-version.txt", &format!("WSO2 Carbon Framework v{version}\n"));
        laid_out.write(
            "bin/wso2server.sh",
            "#!/bin/sh\njava=$(\"$JAVA_HOME/bin/java\" -version 2>&1)\n\
             echo \" [ERROR] CARBON is supported only on JDK 1.7 and 1.8\"\n\
             exec \"$JAVA_HOME/bin/java\" -Xms256m -Xmx1024m -Dcarbon.home=\"$CARBON_HOME\" \
             org.wso2.carbon.bootstrap.Bootstrap $*\n",
        );
        for name in [
            &format!("plugins/org.wso2.carbon.core_{version}.jar"),
            &format!("plugins/org.wso2.carbon.user.core_{version}.jar"),
            "plugins/h2-database-engine_1.2.140.wso2v3.jar",
            "lib/postgresql-42.7.2.jar",
        ] {
            laid_out.write(&format!("repository/components/{name}"), "");
        }
        for name in ["dropins", "patches", "extensions"] {
            laid_out.make_dir(&laid_out.home().join("repository/components").join(name));
        }
        for name in ["logs", "database", "deployment/server", "tenants", "resources/security"] {
            laid_out.make_dir(&laid_out.home().join("repository").join(name));
        }
        laid_out.make_dir(&laid_out.home().join("tmp"));
        if self.toml {
            self.lay_out_toml(&laid_out);
        } else {
            self.lay_out_xml(&laid_out);
        }
        laid_out
    }

    fn lay_out_toml(&self, laid_out: &LaidOut) {
        let url = self.url.replace('&', "&amp;");
        laid_out.write(
            "repository/conf/deployment.toml",
            &format!(
                "[server]\nhostname = \"esb.example.com\"\noffset = \"2\"\n\
                 [super_admin]\nusername = \"admin\"\npassword = \"{SECRET}\"\ncreate_admin_account = true\n\
                 [database.shared_db]\ntype = \"postgre\"\nurl = \"{url}\"\nusername = \"carbon\"\n\
                 password = \"{SECRET}\"\ndriver = \"org.postgresql.Driver\"\n\
                 pool_options.maxActive = \"60\"\n"
            ),
        );
    }

    fn lay_out_xml(&self, laid_out: &LaidOut) {
        let Self { version, url, password, .. } = self;
        laid_out.write(
            "repository/conf/carbon.xml",
            &format!(
                "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n\
                 <Server xmlns=\"http://wso2.org/projects/carbon/carbon.xml\"><Name>WSO2 Carbon</Name>\
                 <ServerKey>Carbon</ServerKey><Version>{version}</Version><Ports><Offset>0</Offset></Ports>\
                 <DeploymentSynchronizer><Enabled>false</Enabled></DeploymentSynchronizer></Server>\n"
            ),
        );
        laid_out.write(
            "repository/conf/datasources/master-datasources.xml",
            &datasources(&datasource("WSO2_CARBON_DB", "jdbc/WSO2CarbonDB", url, password)),
        );
        laid_out.write(
            "repository/conf/registry.xml",
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n\
             <wso2registry><currentDBConfig>wso2registry</currentDBConfig><dbConfig name=\"wso2registry\">\
             <dataSource>jdbc/WSO2CarbonDB</dataSource></dbConfig><staticConfiguration>\
             <versioningProperties>true</versioningProperties></staticConfiguration></wso2registry>\n",
        );
        laid_out.write(
            "repository/conf/user-mgt.xml",
            "<UserManager><Realm><Configuration><AddAdmin>true</AddAdmin><AdminUser><UserName>admin</UserName>\
             <Password>S3CRET</Password></AdminUser><Property name=\"dataSource\">jdbc/WSO2CarbonDB</Property>\
             </Configuration></Realm></UserManager>\n",
        );
        laid_out.write(
            "repository/conf/axis2/axis2.xml",
            "<axisconfig name=\"AxisJava2.0\"><clustering enable=\"false\">\
             <parameter name=\"membershipScheme\">multicast</parameter>\
             <parameter name=\"domain\">wso2.carbon.domain</parameter></clustering></axisconfig>\n",
        );
    }
}

/// A file of data sources.
pub(crate) fn datasources(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <datasources-configuration xmlns:svns=\"http://org.wso2.securevault/configuration\"><datasources>\
         {inside}</datasources></datasources-configuration>\n"
    )
}

/// One data source; `password` is its whole element.
pub(crate) fn datasource(name: &str, jndi: &str, url: &str, password: &str) -> String {
    let url = url.replace('&', "&amp;");
    format!(
        "<datasource><name>{name}</name><jndiConfig><name>{jndi}</name></jndiConfig><definition type=\"RDBMS\">\
         <configuration><url>{url}</url><username>carbon</username>{password}\
         <driverClassName>org.postgresql.Driver</driverClassName><maxActive>50</maxActive></configuration>\
         </definition></datasource>"
    )
}

/// A home that has been written down; it goes away with this value.
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
    /// The folder around the home.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The home.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("wso2carbon")
    }

    /// The instance as it would be configured.
    pub(crate) fn instance(&self) -> Instance {
        Instance {
            name: "esb".to_owned(),
            product: Product::Wso2Carbon,
            installation_dir: self.home(),
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
            restore: RestoreProving::default(),
            backups: BackupPlaces::default(),
            traffic: AccessLogs { patterns: Vec::new(), ignore: Vec::new(), days: 35 },
            files: FilesAccess::default(),
            policy: Policy::default(),
        }
    }

    /// Writes a file below the home, and the directories to it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.home().join(name);
        self.make_dir(path.parent().unwrap());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Makes a directory with the usual rights, whatever the mask of the person who tests.
    fn make_dir(&self, path: &Path) {
        if path == self.root || path.is_dir() {
            return;
        }
        self.make_dir(path.parent().unwrap());
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Removes a file below the home.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.home().join(name)).unwrap();
    }

    /// Takes every right on a file or directory below the home away.
    pub(crate) fn forbid(&self, name: &str) {
        let path = self.home().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        self.forbidden.borrow_mut().push(path);
    }
}
