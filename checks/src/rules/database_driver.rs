//! Is the JDBC driver there, the right one, and will the target have it?

use super::support::{Candidate, how_to_answer, supported_by_target};
use super::vocabulary::Vocabulary;
use super::wording::first_few;
use crate::catalog::{Component, Standing};
use crate::facts::{DatabaseConfig, Driver, Engine, Family, Missing, Prepared, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-driver",
    title: "A JDBC driver for the target",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Installation],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The JDBC drivers in the program's library directory (Confluence: `confluence/WEB-INF/lib`; WSO2 Carbon: \
`repository/components/lib`), the kind of database the configuration names, and the driver class and JDBC URL it uses. \
When the target is set up beside the running release (`[instance.prepared]`): whether it has the driver already.

## Why it matters

The new program directory comes with drivers for some databases only. For MySQL and Oracle the driver must be copied \
again at every upgrade, or Confluence does not start; WSO2 Carbon brings a driver for H2 alone: \
<https://confluence.atlassian.com/conf88/database-jdbc-drivers-1354500481.html>. That is a step of the night and nothing \
to decide before it, so it is a notice and does not change the verdict. A driver the target does not support, two \
drivers of which either may be loaded, and the jTDS driver for SQL Server, which gave way to Microsoft's own, are \
decisions to take before.

## How to fix it

Download the driver the target's page names, put it into the library directory of the installation, remove the old \
one, restart, and copy it into the new installation during the upgrade.

## What it needs

Read access to the library directory of the installation and to the file that names the database (Confluence: \
`confluence.cfg.xml`; WSO2 Carbon: `repository/conf`).

## Settings

`[requirements.\"<line>\"]` with the keys `bundled-driver` and `mysql-driver`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let installation = case.facts.installation()?;
    let config = installation.database.read(Source::Installation, "the database connection")?;
    let engine = wanted(config).ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: "the kind of database".to_owned(),
        why: format!("neither a JDBC URL nor a driver class in {} names one this agent knows", config.place),
    })?;
    let Some(versions) = Component::of_engine(engine) else {
        let reason = format!("{} is embedded and comes with the program", engine.name());
        return Err(Undecided::DoesNotApply(reason));
    };
    let directory = Vocabulary::of(case.facts.product).library;
    let library = format!("{}/{directory}", installation.installation_dir);
    let (found, missing) = (Vec::new(), Vec::new());
    let mut look = Look { case, engine, id: versions.id(), directory, library, found, missing };
    // A URL of jTDS is one of those the vendor of Carbon documents.
    if case.facts.product.family() == Family::Confluence {
        look.at_jtds(config);
    }
    let mut evidence = String::new();
    match installation.drivers.read(Source::Installation, "the JDBC drivers") {
        Ok(drivers) => {
            let drivers: Vec<&Driver> = drivers.iter().filter(|driver| driver.engine == engine).collect();
            evidence = look.evidence(&drivers);
            look.at_presence(&drivers);
            look.at_several(&drivers);
            look.at_version(&drivers);
        }
        Err(missing) => look.missing.push(missing),
    }
    conclude(evidence, look.found, look.missing)
}

/// The engine whose driver is used: MariaDB's own driver serves MySQL URLs too.
fn wanted(config: &DatabaseConfig) -> Option<Engine> {
    let class = config.driver_class.as_deref().unwrap_or_default();
    if class.starts_with("org.mariadb.jdbc") { Some(Engine::Mariadb) } else { config.engine }
}

struct Look<'a> {
    case: &'a Case<'a>,
    engine: Engine,
    /// The engine's id, as the catalog names it.
    id: &'static str,
    /// The program's library directory, below the installation.
    directory: &'static str,
    /// The same of the running installation.
    library: String,
    found: Vec<Finding>,
    missing: Vec<Missing>,
}

impl Look<'_> {
    fn evidence(&self, drivers: &[&Driver]) -> String {
        format!("{} in {} for {}", files(drivers), self.library, self.engine.name())
    }

    fn find(&mut self, severity: Severity, subject: &str, summary: String, texts: [String; 3]) {
        let [observed, required, remedy] = texts;
        self.found.push(Finding {
            severity,
            subject: subject.to_owned(),
            summary,
            observed,
            required,
            remedy,
        });
    }

    /// No driver, or one that must be carried over.
    fn at_presence(&mut self, drivers: &[&Driver]) {
        let (product, target, name) =
            (self.case.facts.product, &self.case.target.version, self.engine.name());
        let ruling = self.case.catalog.ruling(Component::BundledDriver, self.id, self.case.target.line());
        let bundled = match ruling.standing {
            Standing::Supported => true,
            Standing::Excluded | Standing::NotListed => false,
            Standing::Unknown => {
                return self.missing.push(Missing::Unknown {
                    what: format!("drivers {product} {} brings along", self.case.target.line()),
                    how_to_answer: how_to_answer(self.case, Component::BundledDriver, &ruling),
                });
            }
        };
        if let (false, Some(prepared)) = (bundled, self.case.prepared()) {
            return self.at_prepared(prepared);
        }
        let (library, directory) = (self.library.clone(), self.directory);
        match (drivers, bundled) {
            ([], true) => self.find(
                Severity::Notice,
                "missing-driver",
                format!("no {name} driver was recognised, but {product} {target} brings one along"),
                [
                    format!("no {name} driver in {library}"),
                    format!("a {name} driver in the new installation"),
                    format!("Nothing must be done; after the upgrade see that a {name} driver is in {directory}."),
                ],
            ),
            // Drivers are told by their file names, and a renamed one works as well: only a person can tell.
            ([], false) => self.find(
                Severity::Warning,
                "missing-driver",
                format!("no {name} driver was recognised, and {product} {target} does not bring one along"),
                [
                    format!("no file in {library} with the name of a {name} driver"),
                    format!("a {name} driver in {directory} of the new installation; {product} does not start without"),
                    format!(
                        "When a driver is there under another name, give it its own name back. Else download the \
                         {name} driver {product} {target} supports and put it into {library}. {}",
                        how_to_answer(self.case, Component::BundledDriver, &ruling)
                    ),
                ],
            ),
            (_, true) => {}
            (drivers, false) => self.find(
                Severity::Notice,
                "copy-driver",
                format!("the {name} driver must be copied again into the new installation"),
                [
                    format!("{} in {library}", files(drivers)),
                    format!("the {name} driver in {directory} of the new installation before it is first started"),
                    format!(
                        "During the upgrade, before the first start: {}",
                        drivers.iter().map(|driver| self.copy(&driver.file)).collect::<Vec<_>>().join(" ")
                    ),
                ],
            ),
        }
    }

    /// The target is there already: either it has the driver, or it does not start.
    fn at_prepared(&mut self, prepared: &Prepared) {
        let (name, directory) = (self.engine.name(), self.directory);
        let what = format!("the JDBC drivers of {}", prepared.place);
        match prepared.drivers.read(Source::Rehearsal, &what) {
            Ok(drivers) if drivers.iter().any(|driver| driver.engine == self.engine) => {}
            Ok(_) => self.find(
                Severity::Warning,
                "missing-driver",
                format!("no {name} driver was recognised in the new installation"),
                [
                    format!("no file in {}/{directory} with the name of a {name} driver", prepared.place),
                    format!("a {name} driver in it before its first start"),
                    format!(
                        "Put a {name} driver into {}/{directory}: the one that is in {} when the target's Java and the \
                         server take it, else a newer one.",
                        prepared.place, self.library
                    ),
                ],
            ),
            Err(missing) => self.missing.push(missing),
        }
    }

    /// Which of two drivers is loaded is a matter of chance.
    fn at_several(&mut self, drivers: &[&Driver]) {
        // The program itself brings two drivers for SQL Server, which do not get in each other's way.
        let rivals: Vec<&Driver> = drivers.iter().copied().filter(|driver| !is_jtds(&driver.file)).collect();
        if rivals.len() < 2 {
            return;
        }
        let (name, library) = (self.engine.name(), self.library.clone());
        self.find(
            Severity::Warning,
            "several-drivers",
            format!("there are {} {name} drivers, and either may be loaded", rivals.len()),
            [
                format!("{} in {library}", files(&rivals)),
                "one driver".to_owned(),
                format!(
                    "Keep the newest one the target supports, move the others out of {library}, and restart."
                ),
            ],
        );
    }

    fn at_version(&mut self, drivers: &[&Driver]) {
        if drivers.is_empty() {
            return;
        }
        match (self.engine, self.case.facts.product.family()) {
            (Engine::Mysql, Family::Confluence) => self.at_mysql_version(drivers),
            // The kernel chooses its script by the product name the driver tells, and knows none like "MariaDB".
            (Engine::Mariadb, Family::Carbon) => self.find(
                Severity::Warning,
                "mariadb-driver",
                "the kernel does not know the name under which the MariaDB driver presents its server".to_owned(),
                [
                    files(drivers),
                    "MySQL Connector/J, with which the server passes for MySQL".to_owned(),
                    "Nothing must be done while all tables are there; before tables are made, or on staging, change to \
                     MySQL Connector/J and the driver class com.mysql.cj.jdbc.Driver, and try it."
                        .to_owned(),
                ],
            ),
            (Engine::Mariadb, Family::Confluence) => {
                let (product, line) = (self.case.facts.product, self.case.target.line());
                self.find(
                    Severity::Warning,
                    "mariadb-driver",
                    format!("the vendor does not name the MariaDB driver among those for {product} {line}"),
                    [
                        files(drivers),
                        "a driver the vendor names; for MySQL that is MySQL Connector/J".to_owned(),
                        "Try it on a staging instance with the target, or change to MySQL Connector/J and the driver \
                         class com.mysql.cj.jdbc.Driver."
                            .to_owned(),
                    ],
                );
            }
            // The vendor of Carbon names no versions of drivers.
            (Engine::Mysql, Family::Carbon)
            | (Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb, _) => {}
        }
    }

    /// With several drivers each of them may be the one that is loaded; the first that does not fit is named.
    fn at_mysql_version(&mut self, drivers: &[&Driver]) {
        for driver in drivers {
            let Some(version) = &driver.version else {
                self.missing.push(Missing::Unread {
                    of: Source::Installation,
                    what: "the version of the MySQL driver".to_owned(),
                    why: format!("the name {} does not state one", driver.file),
                });
                continue;
            };
            let ruled = supported_by_target(
                self.case,
                Candidate {
                    component: Component::MysqlDriver,
                    value: version,
                    name: &format!("MySQL Connector/J {version}"),
                    subject: "mysql-driver",
                    remedy: &format!(
                        "Download a MySQL Connector/J the target supports (https://dev.mysql.com/downloads/connector/j/) \
                         and put it into {} of the new installation instead of {}.",
                        self.directory, driver.file
                    ),
                },
            );
            match ruled {
                Ok(None) => {}
                Ok(Some(finding)) => return self.found.push(finding),
                Err(missing) => return self.missing.push(missing),
            }
        }
    }

    fn copy(&self, file: &str) -> String {
        let quoted = format!("{}/{file}", self.library).replace('\'', r"'\''");
        format!("cp '{quoted}' <new installation>/{}/ ;", self.directory)
    }

    fn at_jtds(&mut self, config: &DatabaseConfig) {
        let url = config.url.as_deref().unwrap_or_default();
        let class = config.driver_class.as_deref().unwrap_or_default();
        if !url.starts_with("jdbc:jtds:") && !class.starts_with("net.sourceforge.jtds") {
            return;
        }
        let (host, database) = (config.host.as_deref(), config.database.as_deref());
        let url = format!(
            "jdbc:sqlserver://{}:{};databaseName={}",
            host.unwrap_or("<host>"),
            config.port.map_or_else(|| "1433".to_owned(), |port| port.to_string()),
            database.unwrap_or("<database>")
        );
        self.find(
            Severity::Warning,
            "jtds",
            "the database is reached with the jTDS driver, which gave way to Microsoft's own".to_owned(),
            [
                format!("jTDS in {}", config.place),
                "com.microsoft.sqlserver.jdbc.SQLServerDriver and a URL that begins with jdbc:sqlserver:".to_owned(),
                format!(
                    "With the service stopped, set in {} hibernate.connection.driver_class to \
                     com.microsoft.sqlserver.jdbc.SQLServerDriver and hibernate.connection.url to {url}, start, and see \
                     that it works before the upgrade.",
                    config.place
                ),
            ],
        );
    }
}

fn files(drivers: &[&Driver]) -> String {
    if drivers.is_empty() {
        return "no driver".to_owned();
    }
    first_few(drivers.iter().map(|driver| driver.file.as_str()), drivers.len() as u64)
}

fn is_jtds(file: &str) -> bool {
    file.to_ascii_lowercase().starts_with("jtds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, catalog, config, installation, judges_spoilt, look, read, unread};

    fn drivers(golden: &mut Golden) -> &mut Vec<Driver> {
        read(&mut installation(golden).drivers)
    }

    fn add(golden: &mut Golden, engine: Engine, file: &str, version: Option<&str>) {
        drivers(golden).push(Driver { engine, file: file.into(), version: version.map(Into::into) });
    }

    fn engine(golden: &mut Golden, engine: Engine) {
        config(golden).engine = Some(engine);
        config(golden).driver_class = None;
        drivers(golden).clear();
    }

    fn mysql(golden: &mut Golden, version: Option<&str>) {
        engine(golden, Engine::Mysql);
        add(golden, Engine::Mysql, "mysql-connector-j.jar", version);
    }

    #[test]
    fn the_driver_is_there_and_the_right_one() {
        use Severity::{Blocker, Notice};
        const COPY: (Severity, &str) = (Notice, "copy-driver");
        const WARNED: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("bundled, not recognised", |g| drivers(g).clear(), Ready, &[(Notice, "missing-driver")]),
            ("MySQL", |g| mysql(g, Some("8.0.33")), Ready, &[COPY]),
            ("MySQL, too old", |g| mysql(g, Some("5.1.49")), Blocked, &[COPY, (Blocker, "mysql-driver")]),
            ("MySQL, version not stated", |g| mysql(g, None), Unknown, &[COPY]),
            ("no MySQL driver", |g| engine(g, Engine::Mysql), Warning, &[(WARNED, "missing-driver")]),
            (
                "a driver for something else",
                |g| {
                    engine(g, Engine::Oracle);
                    add(g, Engine::Postgresql, "postgresql-42.7.2.jar", Some("42.7.2"));
                },
                Warning,
                &[(WARNED, "missing-driver")],
            ),
            (
                "Oracle",
                |g| {
                    engine(g, Engine::Oracle);
                    add(g, Engine::Oracle, "ojdbc8.jar", None);
                },
                Ready,
                &[COPY],
            ),
            (
                "two MySQL drivers",
                |g| {
                    mysql(g, Some("8.0.33"));
                    add(g, Engine::Mysql, "mysql-connector-java-5.1.49-bin.jar", Some("5.1.49"));
                },
                Blocked,
                &[COPY, (WARNED, "several-drivers"), (Blocker, "mysql-driver")],
            ),
            (
                "two PostgreSQL drivers",
                |g| add(g, Engine::Postgresql, "postgresql-9.jar", None),
                Warning,
                &[(WARNED, "several-drivers")],
            ),
            (
                "both drivers of SQL Server",
                |g| {
                    engine(g, Engine::SqlServer);
                    add(g, Engine::SqlServer, "mssql-jdbc-12.4.2.jre11.jar", Some("12.4.2"));
                    add(g, Engine::SqlServer, "jtds-1.3.1.jar", Some("1.3.1"));
                },
                Ready,
                &[],
            ),
            (
                "jTDS by its URL",
                |g| {
                    engine(g, Engine::SqlServer);
                    add(g, Engine::SqlServer, "jtds-1.3.1.jar", Some("1.3.1"));
                    config(g).url = Some("jdbc:jtds:sqlserver://db:1433/wiki".into());
                },
                Warning,
                &[(WARNED, "jtds")],
            ),
            (
                "jTDS by its class, drivers unread",
                |g| {
                    engine(g, Engine::SqlServer);
                    config(g).driver_class = Some("net.sourceforge.jtds.jdbc.Driver".into());
                    installation(g).drivers = unread();
                },
                Unknown,
                &[(WARNED, "jtds")],
            ),
            (
                "MariaDB's driver",
                |g| {
                    engine(g, Engine::Mysql);
                    config(g).driver_class = Some("org.mariadb.jdbc.Driver".into());
                    add(g, Engine::Mariadb, "mariadb-java-client-3.3.2.jar", Some("3.3.2"));
                },
                Warning,
                &[COPY, (WARNED, "mariadb-driver")],
            ),
            ("embedded", |g| engine(g, Engine::H2), Skipped, &[]),
            ("kind not known", |g| config(g).engine = None, Unknown, &[]),
            ("drivers unread", |g| installation(g).drivers = unread(), Unknown, &[]),
            ("connection unread", |g| installation(g).database = unread(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
            ("nothing known of the target", |g| g.catalog = catalog(""), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn commands_name_the_real_file_and_addresses() {
        let mut golden = golden();
        mysql(&mut golden, Some("8.0.33"));
        drivers(&mut golden)[0].file = "it's.jar".into();
        let text = look(&CHECK, &golden).findings.remove(0).remedy;
        let command = r"cp '/opt/atlassian/confluence/confluence/WEB-INF/lib/it'\''s.jar' <new installation>/confluence/WEB-INF/lib/ ;";
        assert!(text.ends_with(command), "{text}");

        config(&mut golden).url = Some("jdbc:jtds:sqlserver://db.example.com/confluence".into());
        config(&mut golden).port = None;
        let text = look(&CHECK, &golden).text();
        assert!(text.contains("jdbc:sqlserver://db.example.com:1433;databaseName=confluence"), "{text}");
    }

    #[test]
    fn a_new_carbon_home_has_the_driver_or_does_not_start() {
        use crate::golden::golden_carbon;
        use crate::rules::testing::{judges_spoilt_from, prepared, rehearsal};
        let rows: &[Spoil] = &[
            ("it is there", |_| {}, Verdict::Ready, &[]),
            (
                "it is not",
                |g| read(&mut prepared(g).drivers).clear(),
                Verdict::Warning,
                &[(Severity::Warning, "missing-driver")],
            ),
            (
                "another one",
                |g| read(&mut prepared(g).drivers)[0].engine = Engine::Mysql,
                Verdict::Warning,
                &[(Severity::Warning, "missing-driver")],
            ),
            ("unread", |g| prepared(g).drivers = unread(), Verdict::Unknown, &[]),
            (
                "of another release",
                |g| prepared(g).version = crate::facts::Field::Read("4.4.8".parse().unwrap()),
                Verdict::Ready,
                &[(Severity::Notice, "copy-driver")],
            ),
            (
                "none is set up",
                |g| rehearsal(g).prepared = None,
                Verdict::Ready,
                &[(Severity::Notice, "copy-driver")],
            ),
            (
                "the driver of MariaDB",
                |g| {
                    config(g).driver_class = Some("org.mariadb.jdbc.Driver".into());
                    read(&mut prepared(g).drivers)[0].engine = Engine::Mariadb;
                    read(&mut installation(g).drivers)[0].engine = Engine::Mariadb;
                },
                Verdict::Warning,
                &[(Severity::Warning, "mariadb-driver")],
            ),
        ];
        judges_spoilt_from(&CHECK, golden_carbon, rows);
        let mut alone = golden_carbon();
        rehearsal(&mut alone).prepared = None;
        let text = look(&CHECK, &alone).text();
        assert!(text.contains("<new installation>/repository/components/lib/ ;"), "{text}");
    }
}
