//! Lays out the files of an example Confluence installation, with something to find in many of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::civil::Date;

use crate::product::confluence::license::encode_license;

/// The version the example runs: a long-term support release whose support has ended.
pub(super) const VERSION: &str = "8.5.4";

/// Its build number.
pub(super) const BUILD: u32 = 9012;

/// The account of the example's database.
pub(super) const DATABASE_USER: &str = "confluence";

/// Its password, which nothing shows.
pub(super) const DATABASE_PASSWORD: &str = "example-secret-7f3a";

/// Where the example's parts are.
pub(super) struct Example {
    pub(super) installation_dir: PathBuf,
    pub(super) home_dir: PathBuf,
}

/// Writes the example below a directory. The licence ends on the given day.
pub(super) fn lay_out(dir: &Path, database_port: Option<u16>, license_ends: Date) -> anyhow::Result<Example> {
    let example = Example { installation_dir: dir.join("opt/confluence"), home_dir: dir.join("home") };
    let java_home = dir.join("opt/jdk-11");
    let Example { installation_dir: install, home_dir: home } = &example;
    let webapp = install.join("confluence");
    let files = [
        (home.join("confluence.cfg.xml"), render_cfg_xml(database_port, license_ends)),
        (home.join("logs/atlassian-confluence.log"), "Confluence is ready to serve\n".to_owned()),
        (home.join("attachments/v4/1/2/33.1"), "An attachment.\n".repeat(4000)),
        (home.join("index/segments_2"), "index\n".repeat(2000)),
        (home.join("temp/.keep"), String::new()),
        (
            webapp.join("WEB-INF/classes/confluence-init.properties"),
            format!("# Where the data is.\nconfluence.home = {}\n", home.display()),
        ),
        (
            webapp.join("META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties"),
            format!("version={VERSION}\ngroupId=com.atlassian.confluence\nartifactId=confluence-webapp\n"),
        ),
        (webapp.join("WEB-INF/lib/postgresql-42.5.5.jar"), "driver".to_owned()),
        (webapp.join(format!("WEB-INF/lib/confluence-{VERSION}.jar")), "program".to_owned()),
        (install.join("bin/setenv.sh"), render_setenv(&java_home)),
        (install.join("conf/server.xml"), SERVER_XML.to_owned()),
        (
            java_home.join("release"),
            "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"11.0.24\"\nOS_NAME=\"Linux\"\n".to_owned(),
        ),
    ];
    for (path, content) in files {
        let parent = path.parent().context("every file of the example is in a directory")?;
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(example)
}

/// The configuration of an agent that watches the example.
pub(super) fn render_agent_toml(
    dir: &Path,
    example: &Example,
    listen: &str,
    instance_url: &str,
    upgrade_on: Date,
) -> String {
    format!(
        r#"# Written by `agent demo`: an example instance with something to find in many places.
state_dir = "{state}"

[http]
listen = "{listen}"

[schedule]
host = "15s"
disk = "30s"
java = "30s"
installation = "15s"
license = "15s"
database = "15s"
application = "15s"
plugins = "1m"

# A demo asks nobody on the internet.
[catalog]
refresh = false

[[instance]]
name = "wiki"
product = "confluence"
installation_dir = "{install}"
targets = ["latest-lts", "9.2.13", "8.5.27"]
upgrade_on = "{upgrade_on}"

[instance.http]
base_url = "{instance_url}"

[instance.marketplace]
url = "{instance_url}"
"#,
        state = dir.join("state").display(),
        install = example.installation_dir.display(),
    )
}

/// Shape: `confluence.cfg.xml` as public samples show it; the licence is broken into blanks as there.
fn render_cfg_xml(database_port: Option<u16>, license_ends: Date) -> String {
    let ends = license_ends.to_string();
    let license = encode_license(&[
        ("Description", "Confluence (Data Center): Commercial"),
        ("conf.active", "true"),
        ("conf.DataCenter", "true"),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("conf.NumberOfUsers", "500"),
        ("Subscription", "true"),
        ("Evaluation", "false"),
        ("CreationDate", "2025-01-02"),
        ("LicenseExpiryDate", &ends),
        ("MaintenanceExpiryDate", &ends),
        ("SEN", "SEN-EXAMPLE"),
        ("Organisation", "Example Ltd"),
    ]);
    // Without a PostgreSQL the example points at a port where nothing listens.
    let port = database_port.unwrap_or(1);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>

<confluence-configuration>
  <setupStep>complete</setupStep>
  <setupType>custom</setupType>
  <buildNumber>{BUILD}</buildNumber>
  <properties>
    <property name="access.mode">READ_WRITE</property>
    <property name="atlassian.license.message">{license}</property>
    <property name="attachments.dir">${{confluenceHome}}/attachments</property>
    <property name="confluence.database.choice">postgresql</property>
    <property name="confluence.setup.server.id">BEXA-MPLE-0000-0001</property>
    <property name="confluence.webapp.context.path"></property>
    <property name="hibernate.connection.driver_class">org.postgresql.Driver</property>
    <property name="hibernate.connection.isolation">2</property>
    <property name="hibernate.connection.password">{DATABASE_PASSWORD}</property>
    <property name="hibernate.connection.url">jdbc:postgresql://127.0.0.1:{port}/{database}</property>
    <property name="hibernate.connection.username">{DATABASE_USER}</property>
    <property name="lucene.index.dir">${{localHome}}/index</property>
  </properties>
</confluence-configuration>
"#,
        database = super::postgres::DATABASE,
    )
}

fn render_setenv(java_home: &Path) -> String {
    format!(
        "#!/bin/bash\nJAVA_HOME=\"{}\"\nexport JAVA_HOME\nCATALINA_OPTS=\"-Xms1024m -Xmx1024m ${{CATALINA_OPTS}}\"\nexport CATALINA_OPTS\n",
        java_home.display()
    )
}

const SERVER_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Server port="8000" shutdown="SHUTDOWN">
  <Service name="Tomcat-Standalone">
    <Connector port="8090" maxThreads="48" scheme="https" proxyName="wiki.example.com" proxyPort="443" secure="true"/>
    <Engine name="Standalone" defaultHost="localhost">
      <Host name="localhost" appBase="webapps">
        <Context path="" docBase="../confluence" reloadable="false"/>
      </Host>
    </Engine>
  </Service>
</Server>
"#;
