//! The running home with what people made of it, and the new one beside it with what somebody forgot.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::super::files::{write, write_bytes};
use super::super::logs::{self, Request};
use super::super::postgres::Postgres;
use super::database::{PASSWORD, PRODUCTION, STAGING};
use super::release::{AXIS2_XML, BUNDLES_INFO, Release, carbon_xml, list_line};
use super::{NEW_VERSION, Stage, VERSION, jars};

/// Where the homes and their untouched releases are.
pub(super) struct Homes {
    pub(super) running: PathBuf,
    pub(super) prepared: PathBuf,
    pub(super) untouched: PathBuf,
    pub(super) untouched_new: PathBuf,
}

/// What people log, so that it shows when the new home does not.
const LOGGER: (&str, &str) =
    ("log4j.logger.org.wso2.carbon.user=WARN", "log4j.logger.org.wso2.carbon.user=DEBUG");

/// Writes both homes and both archives.
pub(super) fn lay_out(stage: &Stage<'_>) -> anyhow::Result<Homes> {
    let (old, new) = (Release::new(VERSION)?, Release::new(NEW_VERSION)?);
    let homes = Homes {
        running: stage.dir.join("opt/wso2").join(old.name()),
        prepared: stage.dir.join("opt/wso2").join(new.name()),
        untouched: stage.dir.join("vendor").join(format!("{}.zip", old.name())),
        untouched_new: stage.dir.join("vendor").join(format!("{}.zip", new.name())),
    };
    old.unpack(&homes.running)?;
    new.unpack(&homes.prepared)?;
    old.pack(&homes.untouched)?;
    new.pack(&homes.untouched_new)?;
    let java_home = stage.dir.join("opt/jdk-8");
    write(
        &java_home.join("release"),
        "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"1.8.0_402\"\nOS_NAME=\"Linux\"\n",
    )?;
    run(&homes.running, &java_home, stage)?;
    prepare(&homes, stage)?;
    Ok(homes)
}

/// What people made of the running home.
fn run(home: &Path, java_home: &Path, stage: &Stage<'_>) -> anyhow::Result<()> {
    let conf = home.join("repository/conf");
    change(
        &home.join("bin/wso2server.sh"),
        "CARBON_HOME=",
        &format!("JAVA_HOME=\"{}\"\nCARBON_HOME=", java_home.display()),
    )?;
    write(&conf.join("carbon.xml"), &own_carbon_xml())?;
    write(&conf.join("axis2/axis2.xml"), &own_axis2_xml())?;
    change(&conf.join("log4j.properties"), LOGGER.0, LOGGER.1)?;
    connect(home, PRODUCTION, stage.postgres)?;
    let components = home.join("repository/components");
    write_bytes(&components.join("lib/postgresql-42.7.2.jar"), &jars::library()?)?;
    let own = [
        // Exactly what the running kernel has: the new one is out of its range.
        (
            "com.example.audit",
            "1.2.0",
            "Import-Package: org.wso2.carbon.core;version=\"[4.4.6,4.4.7)\",org.osgi.framework",
        ),
        (
            "com.example.handler",
            "2.0.1",
            "Import-Package: org.wso2.carbon.user.core;version=\"[4.4.6,4.5.0)\"",
        ),
    ];
    let list = home.join(BUNDLES_INFO);
    let mut lines = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    for (name, version, imports) in own {
        let file = format!("{name}_{version}.jar");
        write_bytes(&components.join("dropins").join(&file), &jars::bundle(name, version, &[imports])?)?;
        lines.push_str(&list_line(name, version, &format!("../dropins/{file}")));
    }
    let made = "postgresql_42.7.2_1.0.0.jar";
    write_bytes(&components.join("dropins").join(made), &jars::wrapped("postgresql_42.7.2")?)?;
    lines.push_str(&list_line("postgresql_42.7.2", "1.0.0", &format!("../dropins/{made}")));
    write(&list, &lines)?;
    for (name, content) in ARTIFACTS {
        write(&home.join("repository").join(name), content)?;
    }
    write(&home.join("repository/logs/wso2carbon.log"), LOG)?;
    write(&home.join("repository/logs/audit.log"), "An example.\n")?;
    write_bytes(&home.join("wso2carbon.pid"), &pid_file())?;
    fs::create_dir_all(home.join("tmp")).context("making the directory for temporary files")?;
    logs::lay_out(&home.join("repository/logs"), "http_access_", stage.now, render_request)
}

/// What somebody did to the new home, and what they forgot.
fn prepare(homes: &Homes, stage: &Stage<'_>) -> anyhow::Result<()> {
    let Homes { running, prepared, .. } = homes;
    // Two files of the running home, copied as they are: the version, the ports and the cluster came along.
    for file in ["carbon.xml", "axis2/axis2.xml"] {
        let below = Path::new("repository/conf").join(file);
        fs::copy(running.join(&below), prepared.join(&below))
            .with_context(|| format!("copying {}", below.display()))?;
    }
    connect(prepared, STAGING, stage.postgres)?;
    write_bytes(&prepared.join("repository/components/lib/postgresql-42.7.2.jar"), &jars::library()?)?;
    // It was needed once for an empty database, and runs the script over a filled one at the next start.
    change(&prepared.join("bin/wso2server.sh"), "JAVA_OPTS=\"\"", "JAVA_OPTS=\"-Dsetup\"")?;
    for (name, content) in ARTIFACTS.iter().filter(|(name, _)| !FORGOTTEN.contains(name)) {
        write(&prepared.join("repository").join(name), content)?;
    }
    Ok(())
}

/// What was deployed, below `repository`.
const ARTIFACTS: [(&str, &str); 6] = [
    ("deployment/server/webapps/portal.war", "The portal of the example.\n"),
    ("deployment/server/axis2services/OrderService.aar", "A service of the example.\n"),
    ("deployment/server/carbonapps/invoices_1.0.0.car", "An application of the example.\n"),
    ("deployment/server/userstores/EXAMPLE_COM.xml", USER_STORE),
    ("tenants/1/webapps/shop.war", "The shop of a tenant.\n"),
    ("tenants/2/axis2services/PriceService.aar", "A service of another tenant.\n"),
];

/// What of it was not copied.
const FORGOTTEN: [&str; 2] =
    ["deployment/server/axis2services/OrderService.aar", "tenants/2/axis2services/PriceService.aar"];

const USER_STORE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<UserStoreManager class="org.wso2.carbon.user.core.ldap.ReadOnlyLDAPUserStoreManager">
    <Property name="ConnectionURL">ldap://ldap.example.com:389</Property>
    <Property name="UserSearchBase">ou=people,dc=example,dc=com</Property>
    <Property name="DomainName">EXAMPLE.COM</Property>
    <Property name="Disabled">false</Property>
</UserStoreManager>
"#;

const LOG: &str = "TID: [-1234] [] [2026-03-01 18:00:02,120]  INFO {org.wso2.carbon.core.internal.CarbonCoreActivator} -  Starting WSO2 Carbon...\n\
    TID: [-1234] [] [2026-03-01 18:00:24,480]  INFO {org.wso2.carbon.core.internal.StartupFinalizerServiceComponent} -  WSO2 Carbon started in 22 sec\n";

/// The whole buffer is written, whatever the length of the number; no process has this one.
fn pid_file() -> [u8; 100] {
    let mut buffer = [0; 100];
    for (place, byte) in buffer.iter_mut().zip(b"4194305\n") {
        *place = *byte;
    }
    buffer
}

fn own_carbon_xml() -> String {
    carbon_xml(VERSION)
        .replace("<!--HostName>www.example.com</HostName-->", "<HostName>carbon.example.com</HostName>")
        .replace("<DefaultCacheTimeout>15<", "<DefaultCacheTimeout>30<")
}

fn own_axis2_xml() -> String {
    AXIS2_XML
        .replace("enable=\"false\"", "enable=\"true\"")
        .replace(">multicast<", ">wka<")
        .replace(">wso2.carbon.domain<", ">carbon.example.com<")
}

/// Makes a home use a database of the example; without a PostgreSQL, one at a port where nothing listens.
fn connect(home: &Path, database: &str, postgres: Option<&Postgres>) -> anyhow::Result<()> {
    let file = home.join("repository/conf/datasources/master-datasources.xml");
    let port = postgres.map_or(1, |postgres| postgres.port);
    change(
        &file,
        "jdbc:h2:repository/database/WSO2CARBON_DB;DB_CLOSE_ON_EXIT=FALSE;LOCK_TIMEOUT=60000",
        &format!("jdbc:postgresql://127.0.0.1:{port}/{database}"),
    )?;
    change(&file, "<username>example<", &format!("<username>{database}<"))?;
    change(&file, "<password>example<", &format!("<password>{PASSWORD}<"))?;
    change(&file, "org.h2.Driver", "org.postgresql.Driver")
}

/// The form is `combined`, as the server of the product writes it.
fn render_request(request: &Request) -> String {
    let Request { day, time, number } = request;
    format!(
        "10.1.2.{user} - - [{day}:{time} +0000] \"GET /services/OrderService HTTP/1.1\" 200 {number} \"-\" \"Mozilla/5.0\"",
        user = request.user(),
    )
}

fn change(path: &Path, from: &str, to: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    anyhow::ensure!(text.contains(from), "{} has no {from:?} to change", path.display());
    write(path, &text.replace(from, to))
}
