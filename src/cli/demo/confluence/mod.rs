//! An example Confluence: its files, its database and its HTTP side, with something to find in many of them.

mod backups;
mod database;
mod fake;
mod installation;
mod staging;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::files::write;
use super::logs::{self, Request};
use super::{Example, Stage};
use crate::product::confluence::license::encode_license;

/// The version the example runs: a long-term support release whose support has ended.
const VERSION: &str = "8.5.4";

/// Its build number.
const BUILD: u32 = 9012;

/// The days of the example, all counted from today.
#[derive(Debug, Clone, Copy)]
struct Days {
    /// Now.
    now: Timestamp,
    /// The last day of the licence.
    license_ends: Date,
    /// The last day of the licence that nobody entered.
    new_license_ends: Date,
    /// A working day, after the licence has ended.
    upgrade_on: Date,
    /// A freeze, the week after.
    freeze: (Date, Date),
}

impl Days {
    /// The days of an example that is laid out now.
    fn from(now: Timestamp) -> anyhow::Result<Self> {
        let today = TimeZone::UTC.to_datetime(now).date();
        let after = |day: Date, days: i32| day.checked_add(days.days()).context("the days of the example");
        let mut upgrade_on = after(today, 60)?;
        while matches!(upgrade_on.weekday(), Weekday::Saturday | Weekday::Sunday) {
            upgrade_on = after(upgrade_on, 1)?;
        }
        Ok(Self {
            now,
            license_ends: after(today, 45)?,
            new_license_ends: after(today, 410)?,
            upgrade_on,
            freeze: (after(upgrade_on, 7)?, after(upgrade_on, 14)?),
        })
    }
}

/// The example's database, when one runs.
struct Database {
    port: u16,
    /// A dump of it, when the program that makes one is there.
    dump: Option<Vec<u8>>,
}

/// Lays the example out.
pub(super) async fn set_up(stage: &Stage<'_>) -> anyhow::Result<Example> {
    let database = match stage.postgres {
        None => None,
        Some(postgres) => {
            database::fill(postgres).await?;
            Some(Database { port: postgres.port, dump: postgres.dump(database::DATABASE) })
        }
    };
    let days = Days::from(stage.now)?;
    let parts = lay_out(stage.dir, database.as_ref(), &days)?;
    Ok(Example {
        what: format!("Confluence {VERSION}"),
        agent_toml: render_agent_toml(stage, &parts, &days),
        router: fake::router(stage.now),
        database: database::DATABASE,
        front: ("wiki", "/status"),
        explained: "database-ownership",
        mending: "To see a blocker go when the database runs: ALTER TABLE \"AO_950DC3_TC_EVENTS\" OWNER TO confluence;"
            .to_owned(),
    })
}

/// Where the example's parts are.
struct Parts {
    installation_dir: PathBuf,
    backups: backups::Backups,
    staging: PathBuf,
    new_license: PathBuf,
}

/// Writes the example below a directory.
fn lay_out(dir: &Path, database: Option<&Database>, days: &Days) -> anyhow::Result<Parts> {
    let install = &dir.join("opt/confluence");
    let home = &dir.join("home");
    let java_home = dir.join("opt/jdk-11");
    let webapp = install.join("confluence");
    let new_license = dir.join("new-license.txt");
    let pom = format!("version={VERSION}\ngroupId=com.atlassian.confluence\nartifactId=confluence-webapp\n");
    let program = format!("WEB-INF/lib/confluence-{VERSION}.jar");
    // By far the largest part of an installation.
    let archive = "program\n".repeat(100_000);
    let as_shipped = [(POM, pom.as_str()), (DRIVER, "driver"), (program.as_str(), archive.as_str())];
    let files = [
        (
            home.join("confluence.cfg.xml"),
            render_cfg_xml(database.map(|database| database.port), days.license_ends),
        ),
        (new_license.clone(), render_license(days.new_license_ends)),
        (home.join("logs/atlassian-confluence.log"), "Confluence is ready to serve\n".to_owned()),
        (home.join("attachments/v4/1/2/33.1"), "An attachment.\n".repeat(4000)),
        (home.join("index/segments_2"), "index\n".repeat(2000)),
        (home.join("temp/.keep"), String::new()),
        (
            webapp.join("WEB-INF/classes/confluence-init.properties"),
            format!("# Where the data is.\nconfluence.home = {}\n", home.display()),
        ),
        (install.join("bin/setenv.sh"), render_setenv(&java_home)),
        (install.join("bin/start-confluence.sh"), render_script("start")),
        (install.join("bin/stop-confluence.sh"), render_script("stop")),
        (install.join("conf/server.xml"), SERVER_XML.to_owned()),
        // By this an installation of the vendor's installer is known.
        (install.join(".install4j/response.varfile"), render_answers(install, home)),
        (
            java_home.join("release"),
            "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"11.0.24\"\nOS_NAME=\"Linux\"\n".to_owned(),
        ),
    ];
    for (path, content) in files {
        write(&path, &content)?;
    }
    for (name, content) in as_shipped {
        write(&webapp.join(name), content)?;
    }
    installation::lay_out(&webapp, &as_shipped)?;
    let dump = database.and_then(|database| database.dump.as_deref());
    let parts = Parts {
        backups: backups::lay_out(dir, home, install, dump, days.now)?,
        staging: staging::lay_out(dir, days.now)?,
        installation_dir: install.clone(),
        new_license,
    };
    let logs = install.join("logs");
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    logs::lay_out(&logs, "conf_access_log.", days.now, render_request)?;
    Ok(parts)
}

const POM: &str = "META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties";

const DRIVER: &str = "WEB-INF/lib/postgresql-42.5.5.jar";

/// The form is that of the `AccessLogValve` Confluence ships.
fn render_request(request: &Request) -> String {
    let Request { day, time, number } = request;
    let (user, thread) = (request.user(), number % 48);
    format!(
        "[{day}:{time} +0000] user{user} http-nio-8090-exec-{thread} 10.1.2.{user} GET /display/DOCS/Page+{number} HTTP/1.1 200 {thread}ms 5120 - Mozilla/5.0"
    )
}

/// The configuration of an agent that watches the example.
fn render_agent_toml(stage: &Stage<'_>, parts: &Parts, days: &Days) -> String {
    let Stage { dir, listen, url: instance_url, .. } = stage;
    let Days { upgrade_on, freeze: (freeze_from, freeze_until), .. } = days;
    let backups = parts.backups.dir.display();
    let database = if parts.backups.has_dump {
        format!("\n[instance.backups.database]\nplaces = [\"{backups}/wiki-*.dump\"]\n")
    } else {
        String::new()
    };
    format!(
        r#"# Written by `agent demo`: an example instance with something to find in many places.
state_dir = "{state}"

[http]
listen = "{listen}"

# A demo asks nobody on the internet.
[catalog]
refresh = false

[schedule]
host = "15s"
disk = "30s"
java = "30s"
installation = "15s"
license = "15s"
database = "15s"
application = "15s"
plugins = "1m"
files = "30s"
backups = "30s"
traffic = "30s"
rehearsal = "30s"
custom = "30s"

# What somebody would have looked up in the vendor's documentation; these numbers are invented.
[requirements."10.2"]
cpus = 1
memory-mib = 1024

[[freeze]]
name = "quarterly closing"
from = "{freeze_from}"
until = "{freeze_until}"

[[instance]]
name = "wiki"
product = "confluence"
installation_dir = "{install}"
targets = ["latest-lts", "9.2.13", "8.5.27"]
license_file = "{new_license}"
upgrade_on = "{upgrade_on}"
upgrade_at = "10:00"
downtime = "2h"

[instance.http]
base_url = "{instance_url}"

[instance.marketplace]
url = "{instance_url}"

[instance.rehearsal]
file = "{staging}"

[instance.backups.home]
places = ["{backups}/wiki-home-*.tar.gz"]

[instance.backups.installation]
places = ["{backups}/wiki-installation*.zip"]
{database}
[instance.backups.restore_test]
enabled = false
proof = "{backups}/restore-proof.json"

[[instance.custom]]
name = "running"
url = "{instance_url}/status"
contains = "RUNNING"

[[instance.custom]]
name = "space-stylesheets"
sql = "SELECT count(*) FROM bandana WHERE bandanakey = 'atlassian.confluence.css.resource.custom'"
warning = "0"
remedy = "Look at the pages of these spaces on staging after the rehearsal."
"#,
        staging = parts.staging.display(),
        new_license = parts.new_license.display(),
        state = dir.join("state").display(),
        install = parts.installation_dir.display(),
    )
}

/// Shape: `confluence.cfg.xml` as public samples show it; the licence is broken into blanks as there.
fn render_cfg_xml(database_port: Option<u16>, license_ends: Date) -> String {
    let license = render_license(license_ends);
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
    <property name="hibernate.connection.password">{password}</property>
    <property name="hibernate.connection.url">jdbc:postgresql://127.0.0.1:{port}/{database}</property>
    <property name="hibernate.connection.username">{user}</property>
    <property name="lucene.index.dir">${{localHome}}/index</property>
  </properties>
</confluence-configuration>
"#,
        database = database::DATABASE,
        user = database::USER,
        password = database::PASSWORD,
    )
}

/// A licence that ends on a day.
fn render_license(ends: Date) -> String {
    let ends = ends.to_string();
    encode_license(&[
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
    ])
}

fn render_setenv(java_home: &Path) -> String {
    format!(
        "#!/bin/bash\nJAVA_HOME=\"{}\"\nexport JAVA_HOME\nCATALINA_OPTS=\"-Xms1024m -Xmx1024m -Dfile.encoding=UTF-8 ${{CATALINA_OPTS}}\"\nexport CATALINA_OPTS\n",
        java_home.display()
    )
}

/// The product's own scripts; those of the example have nothing to run.
fn render_script(verb: &str) -> String {
    format!("#!/bin/bash\necho \"This is an example, and there is nothing to {verb}.\"\n")
}

/// What the vendor's installer was answered.
fn render_answers(install: &Path, home: &Path) -> String {
    format!(
        "app.confHome={}\nsys.installationDir={}\nportChoice=default\n",
        home.display(),
        install.display()
    )
}

const SERVER_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Server port="8000" shutdown="SHUTDOWN">
  <Service name="Tomcat-Standalone">
    <Connector port="8090" maxThreads="48" scheme="https" proxyName="wiki.example.com" proxyPort="443" secure="true"/>
    <Engine name="Standalone" defaultHost="localhost">
      <Host name="localhost" appBase="webapps">
        <Context path="" docBase="../confluence" reloadable="false"/>
        <Context path="${confluence.context.path}/synchrony-proxy" docBase="../synchrony-proxy" reloadable="false"/>
      </Host>
    </Engine>
  </Service>
</Server>
"#;
