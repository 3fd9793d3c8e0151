//! Is the database set up the way the product needs it?
//!
//! What a server must be set to is catalog data; how tables must be is the same for every release and stands here.

mod server;
mod tables;

use super::sql;
use super::wording::{excerpt, sentence};
use crate::catalog::PageKind;
use crate::facts::{Database, DatabaseConfig, Engine, Family, Missing, Settings, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-settings",
    title: "A database set up as the product needs it",
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

PostgreSQL: the encoding of the database. MySQL and MariaDB: transaction isolation (of the server, or as the product's \
own connection sets it), binary log format, packet and log sizes, SQL mode, the character set and collation of the \
schema, and the storage engine and collation of every table. For all of them: whether the JDBC URL can be used as it \
stands, and whether the product's connection pool is smaller than the number of its HTTP threads. Which values are right for a release is in the catalog, each with its source.

## Why it matters

The product checks some of these when it starts and refuses to run; others let statements of the upgrade fail half-way.

- Transaction isolation other than READ-COMMITTED: \
<https://support.atlassian.com/confluence/kb/confluence-fails-to-start-and-throws-mysql-session-isolation-level-repeatable-read-is-no-longer-supported-error/>
- Binary log by statement: \
<https://support.atlassian.com/confluence/kb/confluence-will-not-start-using-mysql-515-with-statement-binary-logging/>
- Tables that are not InnoDB, or collations that differ, so that foreign keys cannot be created: \
<https://jira.atlassian.com/browse/CONFSERVER-30380>

A need that a page of the vendor confirms blocks; one that could not be confirmed warns. For WSO2 Carbon: the script \
`mysql.sql` of 4.4 kernels stops half-way where the SQL mode forbids zero dates, and scripts of identity components do not \
fit into keys of utf8mb4.

## How to fix it

The finding has the statement or the line of the server's configuration. Collations and character sets: \
<https://confluence.atlassian.com/kb/how-to-fix-the-collation-and-character-set-of-a-mysql-database-744326173.html>. \
Change tables only with a backup at hand and the product stopped.

## What it needs

PostgreSQL: an account that may connect (`GRANT CONNECT ON DATABASE confluence TO readiness;`). MySQL and MariaDB: an \
account that sees the product's tables in `information_schema` \
(`GRANT SELECT ON confluence.* TO 'readiness'@'localhost';`); server variables are shown to everybody. Read access to \
`confluence.cfg.xml` for the JDBC URL. SQL Server and Oracle cannot be asked by this agent; the reason then says what to \
ask the database administrator.

## Settings

`[requirements.\"<line>\"]` with the key `mysql-character-set`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let config = case
        .facts
        .installation()
        .and_then(|installation| installation.database.read(Source::Installation, "the database connection"));
    let mut look = Look { case, config, seen: Vec::new(), found: Vec::new(), missing: Vec::new() };
    match &look.config {
        Ok(config) => {
            look.found.extend(damaged_url(config));
            if case.facts.product.family() == Family::Confluence {
                look.found.extend(small_pool(case, config));
            }
        }
        Err(missing) => look.missing.push(missing.clone()),
    }
    match case.facts.database() {
        Ok(database) if database.engine.is_embedded() => {
            let reason = format!("{} is embedded, and the product sets it up itself", database.engine.name());
            return Err(Undecided::DoesNotApply(reason));
        }
        Ok(database) => look.at_database(database),
        Err(missing) => look.missing.push(missing),
    }
    conclude(look.seen.join(", "), look.found, look.missing)
}

/// What the rule has seen so far.
struct Look<'a> {
    case: &'a Case<'a>,
    config: Result<&'a DatabaseConfig, Missing>,
    seen: Vec<String>,
    found: Vec<Finding>,
    missing: Vec<Missing>,
}

/// A database whose settings are being judged.
#[derive(Clone, Copy)]
struct Subject<'a> {
    database: &'a Database,
    settings: &'a Settings,
}

impl<'a> Look<'a> {
    fn at_database(&mut self, database: &'a Database) {
        let settings = database.settings.read(Source::Database, "the settings");
        if let Some(missing) = cannot_ask(self.case, database.engine, settings.as_ref().err()) {
            return self.missing.push(missing);
        }
        match settings {
            Ok(settings) => {
                let subject = Subject { database, settings };
                self.at_server(subject);
                if matches!(database.engine, Engine::Mysql | Engine::Mariadb) {
                    self.at_tables(subject);
                }
            }
            Err(missing) => self.missing.push(missing),
        }
    }

    /// Keeps what was found, or what could not be seen.
    fn take(&mut self, looked: Result<Option<Finding>, Missing>) {
        match looked {
            Ok(finding) => self.found.extend(finding),
            Err(missing) => self.missing.push(missing),
        }
    }
}

/// What to ask the administrator of a server that the agent cannot ask.
fn cannot_ask(case: &Case<'_>, engine: Engine, missing: Option<&Missing>) -> Option<Missing> {
    let family = case.facts.product.family();
    let (question, page) = match engine {
        Engine::SqlServer if family == Family::Carbon => (
            "SELECT collation_name, is_read_committed_snapshot_on FROM sys.databases WHERE name = DB_NAME(); must show the \
             same on production and staging",
            PageKind::DatabaseSetupSqlserver,
        ),
        Engine::Oracle if family == Family::Carbon => (
            "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'; must show the same on \
             production and staging, and SELECT version_full FROM product_component_version; 12.2 or newer, or the target's \
             script must have no name longer than 30 bytes",
            PageKind::DatabaseSetupOracle,
        ),
        Engine::SqlServer => (
            "SELECT collation_name, is_read_committed_snapshot_on FROM sys.databases WHERE name = DB_NAME(); must show \
             SQL_Latin1_General_CP1_CS_AS and 1",
            PageKind::DatabaseSetupSqlserver,
        ),
        Engine::Oracle => (
            "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'; must show AL32UTF8",
            PageKind::DatabaseSetupOracle,
        ),
        Engine::Postgresql | Engine::Mysql | Engine::Mariadb | Engine::H2 | Engine::Hsqldb => return None,
    };
    let page =
        case.catalog.page(page, case.target.line()).map_or_else(String::new, |page| format!(" ({page})"));
    let missing = missing.cloned().unwrap_or_else(|| Missing::Unread {
        of: Source::Database,
        what: "the settings".to_owned(),
        why: "this check knows PostgreSQL, MySQL and MariaDB only".to_owned(),
    });
    Some(sql::ask(missing, &format!("{question}{page}")))
}

fn damaged_url(config: &DatabaseConfig) -> Option<Finding> {
    let defect = excerpt(config.defect.as_deref()?);
    let place = &config.place;
    Some(Finding {
        severity: Severity::Blocker,
        subject: "jdbc-url".to_owned(),
        summary: "the JDBC URL cannot be used as it stands".to_owned(),
        observed: format!("{defect}, in {place}"),
        required: "a JDBC URL the driver understands".to_owned(),
        remedy: format!(
            "With the service stopped, correct the URL in {place}: {} In an XML file an ampersand of the URL is written \
             &amp; and not &amp;amp;. Start the service and look again.",
            sentence(&defect)
        ),
    })
}

/// Each request needs a connection, and one that finds none waits; the product looks at this itself, but only while
/// it starts (<https://confluence.atlassian.com/confkb/confluence-startup-checks-935906984.html>). What neither file
/// states is not guessed at: a notice is not worth that.
fn small_pool(case: &Case<'_>, config: &DatabaseConfig) -> Option<Finding> {
    let installation = case.facts.installation().ok()?;
    let pool = config.pool_size?;
    let connectors = installation.connectors.value()?;
    let threads: u64 = connectors.iter().filter_map(|connector| connector.max_threads).map(u64::from).sum();
    let (place, directory) = (&config.place, &installation.installation_dir);
    (threads > u64::from(pool)).then(|| Finding {
        severity: Severity::Notice,
        subject: "pool-size".to_owned(),
        summary: "the product works on more requests at a time than it has database connections".to_owned(),
        observed: format!(
            "maxThreads adds up to {threads} in {directory}/conf/server.xml, and the pool in {place} holds {pool}"
        ),
        required: "at least one connection for each thread".to_owned(),
        remedy: format!(
            "Raise hibernate.hikari.maximumPoolSize (hibernate.c3p0.max_size on older releases) in {place} above \
             {threads}, as far as the database takes so many connections, or lower maxThreads in \
             {directory}/conf/server.xml; both need a restart."
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::{Field, TableGroup};
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{
        Spoil, catalog, config, database, installation, judges_spoilt, judges_spoilt_from, look, read, unread,
    };

    const MYSQL: &[(&str, &str)] = &[
        ("transaction_isolation", "READ-COMMITTED"),
        ("log_bin", "1"),
        ("binlog_format", "ROW"),
        ("max_allowed_packet", "268435456"),
        ("innodb_log_file_size", "50331648"),
        ("innodb_redo_log_capacity", "536870912"),
        ("sql_mode", "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"),
        ("character_set_database", "utf8mb4"),
        ("collation_database", "utf8mb4_bin"),
        ("default_storage_engine", "InnoDB"),
        ("log_bin_trust_function_creators", "ON"),
    ];

    fn group(count: u64, examples: &[&str]) -> TableGroup {
        TableGroup { count, examples: examples.iter().map(ToString::to_string).collect() }
    }

    /// The golden instance on a MySQL that leaves nothing to be desired.
    fn mysql() -> Golden {
        let mut golden = golden();
        golden.catalog = catalog(NEEDS);
        database(&mut golden).engine = Engine::Mysql;
        database(&mut golden).schema = Field::Read("wiki".into());
        config(&mut golden).isolation = None;
        *settings(&mut golden) = Settings {
            values: MYSQL.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            tables_by_engine: BTreeMap::from([("InnoDB".into(), group(412, &["AO_1"]))]),
            tables_by_collation: BTreeMap::from([("utf8mb4_bin".into(), group(412, &["AO_1"]))]),
        };
        golden
    }

    const NEEDS: &str = "
        [[requirement]]
        component = 'mysql-character-set'
        from = '9.0'
        supported = ['utf8mb4']
        excluded = ['latin1']
        confidence = 'confirmed'
        source = 's'
        [[setting]]
        engine = 'mysql'
        name = 'transaction_isolation'
        from = '5.7'
        allowed = ['READ-COMMITTED']
        confidence = 'confirmed'
        otherwise = 'It does not start'
        remedy = 'SET GLOBAL x'
        source = 's'
        [[setting]]
        engine = 'mysql'
        name = 'binlog_format'
        from = '5.7'
        allowed = ['ROW']
        only_when = { name = 'log_bin', values = ['ON', '1'] }
        confidence = 'confirmed'
        otherwise = 'It does not write'
        remedy = 'SET GLOBAL y'
        source = 's'
        [[setting]]
        engine = 'mysql'
        name = 'max_allowed_packet'
        from = '5.7'
        at_least = 35651584
        confidence = 'partial'
        otherwise = 'Pages are too large'
        remedy = 'SET GLOBAL z'
        source = 's'
        [[setting]]
        engine = 'mysql'
        name = 'innodb_log_file_size'
        from = '5.7'
        at_least = 268435456
        confidence = 'partial'
        otherwise = 'Rows are too large'
        remedy = 'in my.cnf'
        source = 's'
        [[setting]]
        engine = 'mysql'
        name = 'innodb_redo_log_capacity'
        from = '5.7'
        at_least = 268435456
        confidence = 'inferred'
        otherwise = 'Rows are too large'
        remedy = 'in my.cnf'
        source = 's'
        [[setting]]
        engine = 'mysql'
        name = 'sql_mode'
        from = '5.7'
        without = ['NO_AUTO_VALUE_ON_ZERO']
        confidence = 'inferred'
        otherwise = 'Ids are wrong'
        remedy = 'SET GLOBAL'
        source = 's'
        ";

    fn settings(golden: &mut Golden) -> &mut Settings {
        read(&mut database(golden).settings)
    }

    fn set(golden: &mut Golden, name: &str, value: &str) {
        settings(golden).values.insert(name.into(), value.into());
    }

    fn unset(golden: &mut Golden, name: &str) {
        assert!(settings(golden).values.remove(name).is_some());
    }

    fn session(golden: &mut Golden, variables: &str) {
        config(golden).parameters.insert("sessionvariables".into(), variables.into());
    }

    fn collation(golden: &mut Golden, name: &str, tables: &[&str]) {
        settings(golden).tables_by_collation.insert(name.into(), group(tables.len() as u64, tables));
    }

    const BLOCKED: Severity = Severity::Blocker;
    const WARNED: Severity = Severity::Warning;

    #[test]
    fn postgresql_is_utf8_and_the_url_is_whole() {
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("lower case", |g| set(g, "encoding", "utf8"), Ready, &[]),
            ("not UTF-8", |g| set(g, "encoding", "LATIN1"), Blocked, &[(BLOCKED, "encoding")]),
            ("SQL_ASCII", |g| set(g, "encoding", "SQL_ASCII"), Blocked, &[(BLOCKED, "encoding")]),
            ("empty", |g| set(g, "encoding", ""), Blocked, &[(BLOCKED, "encoding")]),
            ("not stated", |g| unset(g, "encoding"), Unknown, &[]),
            (
                "URL",
                |g| config(g).defect = Some("it has amp; in it".into()),
                Blocked,
                &[(BLOCKED, "jdbc-url")],
            ),
            (
                "URL, and no database",
                |g| {
                    config(g).defect = Some("it has amp; in it".into());
                    g.facts.switch_off(Source::Database);
                },
                Blocked,
                &[(BLOCKED, "jdbc-url")],
            ),
            ("a small pool", |g| config(g).pool_size = Some(47), Ready, &[(Severity::Notice, "pool-size")]),
            ("a pool as large as the threads", |g| config(g).pool_size = Some(48), Ready, &[]),
            ("no word of the pool", |g| config(g).pool_size = None, Ready, &[]),
            ("settings unread", |g| database(g).settings = unread(), Unknown, &[]),
            ("connection unread", |g| installation(g).database = unread(), Unknown, &[]),
            ("no installation", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
            ("no database", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
            ("nothing known of the target", |g| g.catalog = catalog(""), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn mysql_settings_are_judged_by_what_is_known_of_them() {
        let rows: &[Spoil] = &[
            ("all right", |_| {}, Ready, &[]),
            ("packet at the limit", |g| set(g, "max_allowed_packet", "35651584"), Ready, &[]),
            (
                "packet below it",
                |g| set(g, "max_allowed_packet", "35651583"),
                Warning,
                &[(WARNED, "max_allowed_packet")],
            ),
            ("packet not a number", |g| set(g, "max_allowed_packet", "64M"), Unknown, &[]),
            ("packet not stated", |g| unset(g, "max_allowed_packet"), Unknown, &[]),
            (
                "by statement",
                |g| set(g, "binlog_format", "STATEMENT"),
                Blocked,
                &[(BLOCKED, "binlog_format")],
            ),
            (
                "by statement, never written",
                |g| {
                    set(g, "binlog_format", "STATEMENT");
                    set(g, "log_bin", "OFF");
                },
                Ready,
                &[],
            ),
            (
                "by statement, written or not",
                |g| {
                    set(g, "binlog_format", "STATEMENT");
                    unset(g, "log_bin");
                },
                Unknown,
                &[],
            ),
            ("by row, written or not", |g| unset(g, "log_bin"), Ready, &[]),
            (
                "no format where nothing is written",
                |g| {
                    unset(g, "binlog_format");
                    set(g, "log_bin", "0");
                },
                Ready,
                &[],
            ),
            (
                "redo log",
                |g| set(g, "innodb_redo_log_capacity", "104857600"),
                Warning,
                &[(WARNED, "innodb_redo_log_capacity")],
            ),
            (
                "older server",
                |g| unset(g, "innodb_redo_log_capacity"),
                Warning,
                &[(WARNED, "innodb_log_file_size")],
            ),
            (
                "older server, large log",
                |g| {
                    unset(g, "innodb_redo_log_capacity");
                    set(g, "innodb_log_file_size", "268435456");
                },
                Ready,
                &[],
            ),
            (
                "neither log size",
                |g| {
                    unset(g, "innodb_redo_log_capacity");
                    unset(g, "innodb_log_file_size");
                },
                Unknown,
                &[],
            ),
            (
                "SQL mode",
                |g| set(g, "sql_mode", "STRICT_TRANS_TABLES, no_auto_value_on_zero"),
                Warning,
                &[(WARNED, "sql_mode")],
            ),
            ("no SQL mode", |g| set(g, "sql_mode", ""), Ready, &[]),
            ("settings unread", |g| database(g).settings = unread(), Unknown, &[]),
        ];
        judges_spoilt_from(&CHECK, mysql, rows);
    }

    #[test]
    fn isolation_is_what_the_products_own_connection_gets() {
        const FOUND: &[(Severity, &str)] = &[(BLOCKED, "transaction_isolation")];
        const SERVER: &str = "transaction_isolation";
        let rows: &[Spoil] = &[
            ("server", |g| set(g, SERVER, "REPEATABLE-READ"), Blocked, FOUND),
            (
                "server, and the property",
                |g| {
                    set(g, SERVER, "REPEATABLE-READ");
                    config(g).isolation = Some(2);
                },
                Ready,
                &[],
            ),
            (
                "server, and the URL",
                |g| {
                    set(g, SERVER, "REPEATABLE-READ");
                    session(g, "tx_isolation='READ-COMMITTED'");
                },
                Ready,
                &[],
            ),
            ("the property spoils it", |g| config(g).isolation = Some(4), Blocked, FOUND),
            ("no such level", |g| config(g).isolation = Some(3), Blocked, FOUND),
            ("the URL spoils it", |g| session(g, "transaction_isolation='SERIALIZABLE'"), Blocked, FOUND),
            (
                "server, and nobody knows the connection",
                |g| {
                    set(g, SERVER, "REPEATABLE-READ");
                    g.facts.switch_off(Source::Installation);
                },
                Unknown,
                &[],
            ),
            ("not stated", |g| unset(g, SERVER), Unknown, &[]),
        ];
        judges_spoilt_from(&CHECK, mysql, rows);
    }

    #[test]
    fn mysql_tables_share_engine_collation_and_character_set() {
        let rows: &[Spoil] = &[
            (
                "MyISAM",
                |g| {
                    settings(g)
                        .tables_by_engine
                        .insert("MyISAM".into(), group(2, &["OS_PROPERTYENTRY", "x"]));
                },
                Blocked,
                &[(BLOCKED, "MyISAM")],
            ),
            (
                "no table in it after all",
                |g| {
                    settings(g).tables_by_engine.insert("MyISAM".into(), group(0, &[]));
                },
                Ready,
                &[],
            ),
            (
                "damaged",
                |g| {
                    settings(g).tables_by_engine.insert("none".into(), group(2, &["a", "b"]));
                },
                Warning,
                &[(WARNED, "unopened-tables")],
            ),
            ("no table", |g| settings(g).tables_by_engine.clear(), Unknown, &[]),
            ("no collation", |g| settings(g).tables_by_collation.clear(), Unknown, &[]),
            ("one other", |g| collation(g, "utf8mb4_general_ci", &["b"]), Blocked, &[(BLOCKED, "collation")]),
            (
                "only a default",
                |g| set(g, "collation_database", "utf8mb4_general_ci"),
                Blocked,
                &[(BLOCKED, "collation")],
            ),
            (
                "all of another kind",
                |g| {
                    settings(g).tables_by_collation.clear();
                    collation(g, "utf8mb4_general_ci", &["b"]);
                    set(g, "collation_database", "utf8mb4_general_ci");
                },
                Warning,
                &[(WARNED, "collation")],
            ),
            (
                "two names for one",
                |g| {
                    settings(g).tables_by_collation.clear();
                    collation(g, "utf8mb3_bin", &["b"]);
                    collation(g, "utf8_bin", &["c"]);
                    set(g, "collation_database", "utf8_bin");
                },
                Ready,
                &[],
            ),
            ("no default", |g| unset(g, "collation_database"), Unknown, &[]),
            (
                "character set",
                |g| set(g, "character_set_database", "latin1"),
                Blocked,
                &[(BLOCKED, "character_set_database")],
            ),
            (
                "character set not on the list",
                |g| set(g, "character_set_database", "ucs2"),
                Warning,
                &[(WARNED, "character_set_database")],
            ),
            ("no character set", |g| unset(g, "character_set_database"), Unknown, &[]),
            ("SQL Server", |g| database(g).engine = Engine::SqlServer, Unknown, &[]),
            ("Oracle", |g| database(g).engine = Engine::Oracle, Unknown, &[]),
            ("embedded", |g| database(g).engine = Engine::Hsqldb, Skipped, &[]),
        ];
        judges_spoilt_from(&CHECK, mysql, rows);
    }

    #[test]
    fn the_remedy_can_be_pasted() {
        let mut golden = mysql();
        settings(&mut golden).tables_by_engine.insert("MyISAM".into(), group(9, &["OS_PROPERTYENTRY"]));
        collation(&mut golden, "utf8mb4_general_ci", &["CONTENT.TITLE", "CONTENT.BODY", "x`y"]);
        set(&mut golden, "transaction_isolation", "REPEATABLE-READ");
        let text = look(&CHECK, &golden).text();
        for part in [
            "ALTER TABLE `wiki`.`OS_PROPERTYENTRY` ENGINE = InnoDB;",
            "OS_PROPERTYENTRY and 8 more",
            "table_schema = 'wiki'",
            "ALTER TABLE `wiki`.`CONTENT` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; ALTER TABLE `wiki`.`x``y`",
            "hibernate.connection.isolation to 2",
            "transaction_isolation is REPEATABLE-READ: It does not start",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("ALTER DATABASE"), "{text}");
        set(&mut golden, "collation_database", "latin1_swedish_ci");
        let text = look(&CHECK, &golden).text();
        assert!(text.contains("ALTER DATABASE `wiki` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"), "{text}");
    }

    #[test]
    fn the_embedded_catalog_is_judged_too() {
        let mut golden = mysql();
        golden.catalog = crate::golden::golden().catalog;
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Ready, "{}", seen.text());
        set(&mut golden, "binlog_format", "STATEMENT");
        assert_eq!(look(&CHECK, &golden).verdict, Blocked);
    }
}
