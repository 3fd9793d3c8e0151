//! Does the target support this database: its kind, its version, and the way it is reached?

use super::sql;
use super::support::{Candidate, supported_by_target};
use super::wording::{counted, excerpt};
use crate::catalog::{Component, Standing};
use crate::facts::{Database, DatabaseConfig, Engine, Family, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-supported",
    title: "A database the target supports",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Installation, Source::Database],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The kind of database and the version the server states, compared with what the catalog knows of the target; the day \
on which the database's own vendor stops supporting that version; and whether the product reaches it by a JDBC URL of \
its own or by a data source of the application server.

## Why it matters

A release may refuse to start on a database it does not support, or start and fail in the middle of changing tables. \
From 8.0 on Confluence does not accept data sources any more: \
<https://confluence.atlassian.com/conf81/configuring-a-datasource-connection-1209875719.html>.
A database out of support gets no security fixes, and the next target will not accept it.

## How to fix it

Upgrade the database server first, to a version that both the running release and the target support, and let the \
product run on it for a while before its own upgrade. Replace a data source by \
`hibernate.connection.url`, `.username`, `.password` and `.driver_class` in `confluence.cfg.xml`.
Only what a vendor's page confirms blocks. Where the vendor's list could not be confirmed, the finding names the page: \
look it up once and answer under `[requirements.\"<line>\"]` in the agent's configuration.

## What it needs

An account that may connect to the database; the version is shown to everybody \
(PostgreSQL: `GRANT CONNECT ON DATABASE confluence TO readiness;`). Read access to `confluence.cfg.xml`. \
SQL Server and Oracle cannot be asked by this agent: their version stays unknown.

## Settings

`support_warn_days` of the policy: how many days before the end of support it warns. `[requirements.\"<line>\"]` with \
the keys `database-engine`, `postgresql`, `mysql`, `mariadb`, `sql-server`, `oracle` and `database-connection`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let database = case.facts.database();
    let config = case
        .facts
        .installation()
        .and_then(|installation| installation.database.read(Source::Installation, "the database connection"));
    // The server knows best what it is: a MariaDB is reached through a MySQL URL too.
    let engine = match (&database, &config) {
        (Ok(database), _) => Some(database.engine),
        (Err(_), Ok(config)) => config.engine,
        (Err(_), Err(_)) => None,
    };
    let mut look = Look { case, seen: Vec::new(), found: Vec::new(), missing: Vec::new() };
    match engine.map(|engine| (engine, Component::of_engine(engine))) {
        None => {}
        Some((engine, None)) => {
            let reason = format!("{} is embedded, which the check database-embedded judges", engine.name());
            return Err(Undecided::DoesNotApply(reason));
        }
        Some((engine, Some(versions))) => look.at_engine(engine, versions),
    }
    match database {
        Ok(database) => look.at_version(database),
        Err(missing) => look.missing.push(missing),
    }
    match config {
        // A Carbon product knows data sources alone.
        Ok(config) if case.facts.product.family() == Family::Confluence => look.at_connection(config),
        Ok(_) => {}
        Err(missing) => look.missing.push(missing),
    }
    conclude(look.seen.join(", "), look.found, look.missing)
}

struct Look<'a> {
    case: &'a Case<'a>,
    seen: Vec<String>,
    found: Vec<Finding>,
    missing: Vec<Missing>,
}

impl Look<'_> {
    fn ask(&mut self, candidate: Candidate<'_>) {
        match supported_by_target(self.case, candidate) {
            Ok(finding) => self.found.extend(finding),
            Err(missing) => self.missing.push(missing),
        }
    }

    /// The id of the component that holds an engine's versions is the engine's own id too.
    fn at_engine(&mut self, engine: Engine, versions: Component) {
        let product = self.case.facts.product;
        self.ask(Candidate {
            component: Component::DatabaseEngine,
            value: versions.id(),
            name: engine.name(),
            subject: "engine",
            remedy: &format!(
                "Move the data to a kind of database the target supports before the upgrade: set up a new \
                 {product} of the running version on it and restore a full backup there."
            ),
        });
    }

    fn at_version(&mut self, database: &Database) {
        let Database { engine, address, .. } = database;
        let Some(versions) = Component::of_engine(*engine) else { return };
        let said = match database.version.read(Source::Database, "the version of the server") {
            Ok(said) => said,
            Err(missing) => return self.missing.push(how_to_ask(*engine, missing)),
        };
        let number = leading_number(said);
        if number.is_empty() {
            return self.missing.push(Missing::Unread {
                of: Source::Database,
                what: "the version of the server".to_owned(),
                why: format!("it does not begin with a number: {}", excerpt(said)),
            });
        }
        let name = format!("{} {number}", engine.name());
        self.seen.push(format!("{name} at {address}"));
        // A kind that is not supported has no supported versions either; one finding says it.
        let ruling =
            self.case.catalog.ruling(Component::DatabaseEngine, versions.id(), self.case.target.line());
        if ruling.standing != Standing::Excluded {
            let running = self.case.facts.product;
            self.ask(Candidate {
                component: versions,
                value: number,
                name: &name,
                subject: "version",
                remedy: &format!(
                    "Back up the database, then upgrade the server at {address} to a version the target supports; \
                     make sure that the running {running} works with it as well, because it comes first."
                ),
            });
        }
        self.at_end_of_support(versions, number, &name, address);
    }

    fn at_end_of_support(&mut self, platform: Component, number: &str, name: &str, address: &str) {
        let Some(cycle) = self.case.catalog.cycle(platform.id(), number) else {
            self.found.push(Finding {
                severity: Severity::Notice,
                subject: "end-of-support".to_owned(),
                summary: format!("until when {name} is supported is not known to the catalog"),
                observed: name.to_owned(),
                required: "a version its vendor supports on the day of the upgrade".to_owned(),
                remedy: format!("Look the day up with the vendor of {name} and mind it when planning."),
            });
            return;
        };
        let Some(ends) = cycle.end_of_life else { return };
        let days = self.case.days_until(ends);
        if days > i64::from(self.case.policy.support_warn_days) {
            self.seen.push(format!("supported by its vendor until {ends}"));
            return;
        }
        let summary = if days < 0 {
            format!("{name} is out of support since {ends}")
        } else {
            format!("the support of {name} ends on {ends}, in {}", counted(days.unsigned_abs(), "day"))
        };
        let extended = cycle
            .extended_end
            .filter(|extended| *extended > ends)
            .map_or_else(String::new, |extended| format!("; paid or extended support until {extended}"));
        self.found.push(Finding {
            severity: Severity::Warning,
            subject: "end-of-support".to_owned(),
            summary,
            observed: format!("{name}, supported until {ends}{extended}"),
            required: "a version its vendor supports on the day of the upgrade and after".to_owned(),
            remedy: format!(
                "Plan the upgrade of the database server at {address} to a supported version that the target \
                 accepts, before the upgrade of the product or soon after it."
            ),
        });
    }

    fn at_connection(&mut self, config: &DatabaseConfig) {
        let place = &config.place;
        let (value, name) = match (&config.data_source, &config.url) {
            (Some(data_source), _) => {
                ("data-source", format!("a connection by the data source {data_source}"))
            }
            (None, Some(_)) => ("jdbc", "a connection by a JDBC URL of its own".to_owned()),
            (None, None) => {
                return self.missing.push(Missing::Unread {
                    of: Source::Installation,
                    what: "how the database is reached".to_owned(),
                    why: format!("{place} has neither a JDBC URL nor a data source"),
                });
            }
        };
        self.seen.push(name.clone());
        self.ask(Candidate {
            component: Component::DatabaseConnection,
            value,
            name: &name,
            subject: "connection",
            remedy: &format!(
                "With the service stopped, in confluence.cfg.xml of the home directory replace \
                 hibernate.connection.datasource by hibernate.connection.url, .username, .password and \
                 .driver_class with the values that stand in {place}; then take the <Resource> out of \
                 conf/server.xml and its <resource-ref> out of WEB-INF/web.xml, and start the service. \
                 See https://confluence.atlassian.com/conf81/configuring-a-datasource-connection-1209875719.html."
            ),
        });
    }
}

/// What to ask where the agent cannot.
fn how_to_ask(engine: Engine, missing: Missing) -> Missing {
    match engine {
        Engine::SqlServer => sql::ask(missing, "SELECT SERVERPROPERTY('ProductVersion');"),
        Engine::Oracle => sql::ask(missing, "SELECT version_full FROM product_component_version;"),
        Engine::Postgresql | Engine::Mysql | Engine::Mariadb | Engine::H2 | Engine::Hsqldb => missing,
    }
}

/// `15.6 (Debian 15.6-1)` is 15.6.
fn leading_number(version: &str) -> &str {
    let version = version.trim();
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version.get(..end).unwrap_or_default().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{catalog, config, database, installation, look, unread};

    fn version(golden: &mut Golden, text: &str) {
        database(golden).version = Field::Read(text.into());
    }

    fn server(golden: &mut Golden, engine: Engine, text: &str) {
        database(golden).engine = engine;
        version(golden, text);
    }

    #[test]
    fn kind_version_and_connection_are_judged() {
        type Row = (&'static str, fn(&mut Golden), Verdict, &'static [&'static str]);
        let rows: [Row; 21] = [
            ("golden", |_| {}, Ready, &[]),
            ("oldest on the list", |g| version(g, "14.9 (Debian 14.9-1)"), Ready, &[]),
            ("too old and out of support", |g| version(g, "13.9"), Blocked, &["version", "end-of-support"]),
            ("too new", |g| version(g, "17.2"), Blocked, &["version"]),
            ("newer than the catalog", |g| version(g, "99.1"), Blocked, &["version", "end-of-support"]),
            ("not 1.6", |g| version(g, "1.64"), Blocked, &["version", "end-of-support"]),
            ("no number", |g| version(g, "Aurora"), Unknown, &[]),
            ("no text", |g| version(g, ""), Unknown, &[]),
            ("MySQL", |g| server(g, Engine::Mysql, "8.0.36-0ubuntu0.22.04.1"), Warning, &["end-of-support"]),
            ("another MySQL", |g| server(g, Engine::Mysql, "8.4.0"), Blocked, &["version"]),
            ("kind not on the list", |g| server(g, Engine::Mariadb, "10.11.6-MariaDB"), Blocked, &["engine"]),
            ("version unread", |g| database(g).version = unread(), Unknown, &[]),
            ("data source", |g| config(g).data_source = Some("jdbc/wiki".into()), Blocked, &["connection"]),
            ("no connection", |g| config(g).url = None, Unknown, &[]),
            ("embedded", |g| server(g, Engine::H2, "2.1"), Skipped, &[]),
            ("connection unread", |g| installation(g).database = unread(), Unknown, &[]),
            ("no installation", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
            ("no database", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
            (
                "nothing",
                |g| {
                    g.facts.switch_off(Source::Database);
                    g.facts.switch_off(Source::Installation);
                },
                Unknown,
                &[],
            ),
            (
                "kind from the configuration alone",
                |g| {
                    g.facts.switch_off(Source::Database);
                    config(g).engine = Some(Engine::Mariadb);
                },
                Blocked,
                &["engine"],
            ),
            (
                "embedded by the configuration alone",
                |g| {
                    g.facts.switch_off(Source::Database);
                    config(g).engine = Some(Engine::Hsqldb);
                },
                Skipped,
                &[],
            ),
        ];
        for (name, spoil, verdict, subjects) in rows {
            let mut golden = golden();
            spoil(&mut golden);
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{name}: {}", seen.text());
            let found: Vec<&str> = seen.found().into_iter().map(|(_, subject)| subject).collect();
            assert_eq!(found, subjects, "{name}: {}", seen.text());
        }
    }

    #[test]
    fn the_end_of_support_warns_in_time() {
        let rows = [
            ("2026-05-15T12:00:00Z", Ready, "supported by its vendor until 2026-11-12"),
            ("2026-05-16T12:00:00Z", Warning, "ends on 2026-11-12, in 180 days"),
            ("2026-11-12T12:00:00Z", Warning, "in 0 days"),
            ("2026-11-13T12:00:00Z", Warning, "is out of support since 2026-11-12"),
        ];
        for (now, verdict, text) in rows {
            let mut golden = golden();
            version(&mut golden, "14.9");
            golden.now = now.parse().unwrap();
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{now}: {}", seen.text());
            assert!(seen.text().contains(text), "{now}: {}", seen.text());
        }
    }

    #[test]
    fn extended_support_is_told_and_an_unknown_end_is_only_a_notice() {
        let mut golden = golden();
        golden.catalog = catalog(
            "[[requirement]]\ncomponent = 'database-engine'\nfrom = '9.2'\nsupported = ['postgresql']\n\
             confidence = 'confirmed'\nsource = 's'\n\
             [[requirement]]\ncomponent = 'database-connection'\nfrom = '9.2'\nsupported = ['jdbc']\n\
             confidence = 'confirmed'\nsource = 's'\n\
             [[requirement]]\ncomponent = 'postgresql'\nfrom = '9.2'\nsupported = ['13', '15', '18']\n\
             excluded = ['12']\nconfidence = 'confirmed'\nsource = 's'\n\
             [[requirement]]\ncomponent = 'postgresql'\nfrom = '9.2'\nsupported = ['14']\nexcluded = ['11']\n\
             confidence = 'partial'\nsource = 's'\n",
        );
        let rows = [
            ("13.2", Warning, "extended support until 2026-11-13"),
            ("15.2", Ready, "PostgreSQL 15.2 at"),
            ("18.1", Ready, "is not known to the catalog"),
            ("14.1", Warning, "could not be confirmed"),
            ("11.1", Warning, "is said not to work"),
            ("12.1", Blocked, "does not support PostgreSQL 12.1"),
            ("16.1", Warning, "is not among the versions known to work"),
        ];
        for (text, verdict, expected) in rows {
            version(&mut golden, text);
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{text}: {}", seen.text());
            assert!(seen.text().contains(expected), "{text}: {}", seen.text());
        }
    }

    #[test]
    fn what_nobody_knows_is_unknown_and_says_how_to_answer() {
        let mut golden = golden();
        golden.catalog = catalog("");
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Unknown);
        assert!(seen.text().contains("[requirements.\"9.2\"] database-engine"), "{}", seen.text());

        let mut golden = crate::golden::golden();
        database(&mut golden).engine = Engine::SqlServer;
        database(&mut golden).version = Field::Unread("the agent does not speak to SQL Server".into());
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Unknown);
        assert!(seen.reason.contains("SERVERPROPERTY"), "{}", seen.reason);
    }
}
