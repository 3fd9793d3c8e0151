//! A small Confluence installation, laid out by hand for black-box tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Where its parts are.
pub(crate) struct Installation {
    pub(crate) installation_dir: PathBuf,
    pub(crate) home_dir: PathBuf,
}

impl Installation {
    /// Lays it out below a directory; its database is said to listen on a port of this host.
    pub(crate) fn lay_out(dir: &Path, database_port: u16) -> Self {
        let this = Self { installation_dir: dir.join("install"), home_dir: dir.join("home") };
        let webapp = this.installation_dir.join("confluence");
        let files = [
            (this.cfg_xml(), render_cfg_xml(database_port)),
            (
                webapp.join("WEB-INF/classes/confluence-init.properties"),
                format!("confluence.home = {}\n", this.home_dir.display()),
            ),
            (
                webapp.join("META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties"),
                "version=9.2.7\ngroupId=com.atlassian.confluence\nartifactId=confluence-webapp\n".to_owned(),
            ),
            (webapp.join("WEB-INF/lib/postgresql-42.7.2.jar"), "driver".to_owned()),
            (this.installation_dir.join("conf/server.xml"), "<Server port=\"8000\"/>\n".to_owned()),
        ];
        for (path, content) in files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        this
    }

    /// The product's main configuration file.
    pub(crate) fn cfg_xml(&self) -> PathBuf {
        self.home_dir.join("confluence.cfg.xml")
    }
}

/// Shape: that file as public samples show it.
fn render_cfg_xml(database_port: u16) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<confluence-configuration>
  <setupStep>complete</setupStep>
  <setupType>custom</setupType>
  <buildNumber>9111</buildNumber>
  <properties>
    <property name="hibernate.connection.driver_class">org.postgresql.Driver</property>
    <property name="hibernate.connection.password">planted-password</property>
    <property name="hibernate.connection.url">jdbc:postgresql://127.0.0.1:{database_port}/confluence</property>
    <property name="hibernate.connection.username">confluence</property>
  </properties>
</confluence-configuration>
"#
    )
}
