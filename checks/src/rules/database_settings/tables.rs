//! Storage engines, collations and the character set of MySQL and MariaDB schemas.

use std::collections::{BTreeMap, BTreeSet};

use super::{Look, Subject};
use crate::catalog::Component;
use crate::facts::{Family, Missing, Settings, Source, TableGroup};
use crate::model::{Finding, Severity};
use crate::rules::sql;
use crate::rules::support::{Candidate, supported_by_target};
use crate::rules::wording::{NAMED, counted, first_few};

/// The storage engine with transactions and foreign keys.
const STORAGE_ENGINE: &str = "InnoDB";

/// Collations that tell upper from lower case, as the vendor's pages name them. Which of them a release wants could
/// not be confirmed.
///
/// <https://confluence.atlassian.com/kb/how-to-fix-the-collation-and-character-set-of-a-mysql-database-744326173.html>
const BINARY: [&str; 2] = ["utf8mb4_bin", "utf8mb3_bin"];

const CHARACTER_SET: &str = "character_set_database";
const COLLATION: &str = "collation_database";

impl<'a> Look<'a> {
    pub(super) fn at_tables(&mut self, subject: Subject<'a>) {
        let Subject { settings, .. } = subject;
        if settings.tables_by_engine.is_empty() {
            self.missing.push(no_table(subject, "the storage engines of the tables"));
        }
        let foreign = settings
            .tables_by_engine
            .iter()
            .filter(|(engine, group)| !engine.eq_ignore_ascii_case(STORAGE_ENGINE) && group.count > 0);
        self.found.extend(foreign.map(|(engine, group)| other_engine(subject, engine, group)));
        self.take(collations(subject, self.case.facts.product.family()));
        self.take(self.character_set(subject));
    }

    fn character_set(&self, subject: Subject<'_>) -> Result<Option<Finding>, Missing> {
        let value = stated(subject.settings, CHARACTER_SET)?;
        supported_by_target(
            self.case,
            Candidate {
                component: Component::MysqlCharacterSet,
                value,
                name: &format!("the character set {value}"),
                subject: CHARACTER_SET,
                remedy: &format!(
                    "With the service stopped and a backup at hand: ALTER DATABASE {} CHARACTER SET <character set> COLLATE \
                     <collation>; and convert the tables the same way.{}",
                    sql::schema(subject.database),
                    see(self.case.facts.product.family())
                ),
            },
        )
    }
}

const PAGE: &str = "https://confluence.atlassian.com/kb/how-to-fix-the-collation-and-character-set-of-a-mysql-database-744326173.html";

/// Where the vendor tells how it is done.
fn see(family: Family) -> String {
    match family {
        Family::Confluence => format!(" See {PAGE}."),
        Family::Carbon => String::new(),
    }
}

fn stated<'a>(settings: &'a Settings, name: &str) -> Result<&'a str, Missing> {
    settings.values.get(name).map(String::as_str).ok_or_else(|| Missing::Unread {
        of: Source::Database,
        what: format!("the setting {name}"),
        why: "the server does not state it".to_owned(),
    })
}

/// A schema without tables is not the product's, or its tables are hidden from the agent.
fn no_table(subject: Subject<'_>, what: &str) -> Missing {
    let schema = sql::schema(subject.database);
    Missing::Unread {
        of: Source::Database,
        what: what.to_owned(),
        why: format!(
            "no table is to be seen in schema {schema}; GRANT SELECT ON {schema}.* to the agent's account"
        ),
    }
}

/// What the collector calls the engine of a table that the server cannot open.
const CANNOT_OPEN: &str = "none";

fn other_engine(subject: Subject<'_>, engine: &str, group: &TableGroup) -> Finding {
    let schema = sql::schema(subject.database);
    let tables = first_few(group.examples.iter().map(String::as_str), group.count);
    if engine == CANNOT_OPEN {
        let examples = group.examples.iter().take(NAMED);
        let statements: Vec<String> = examples
            .map(|table| format!("CHECK TABLE {schema}.{};", sql::name(subject.database.engine, table)))
            .collect();
        return Finding {
            severity: Severity::Warning,
            subject: "unopened-tables".to_owned(),
            summary: format!(
                "the server shows no storage engine for {}, as for damaged ones",
                counted(group.count, "table")
            ),
            observed: tables,
            required: format!("{STORAGE_ENGINE} for every table"),
            remedy: format!(
                "See what the server says of them, and restore what is damaged: {}",
                statements.join(" ")
            ),
        };
    }
    let name = |table: &String| sql::name(subject.database.engine, table);
    let statements: Vec<String> = group
        .examples
        .iter()
        .take(NAMED)
        .map(|table| format!("ALTER TABLE {schema}.{} ENGINE = {STORAGE_ENGINE};", name(table)))
        .collect();
    let all =
        subject.database.schema.value().map_or_else(|| "'<schema>'".to_owned(), |schema| sql::text(schema));
    Finding {
        severity: Severity::Blocker,
        subject: engine.to_owned(),
        summary: format!(
            "{} in {engine}, which knows no foreign keys and no transactions",
            counted(group.count, "table")
        ),
        observed: format!("{engine}: {tables}"),
        required: format!("{STORAGE_ENGINE} for every table"),
        remedy: format!(
            "With the service stopped and a backup at hand: {} All of them: SELECT table_name FROM \
             information_schema.tables WHERE table_schema = {all} AND engine <> '{STORAGE_ENGINE}';",
            statements.join(" ")
        ),
    }
}

/// The schema's default and every table and column must share one collation, and a binary one:
/// foreign keys between differing ones cannot be created.
///
/// <https://jira.atlassian.com/browse/CONFSERVER-30380>
///
/// The scripts of Carbon products give some columns a collation of their own, so there it is a matter for people.
fn collations(subject: Subject<'_>, family: Family) -> Result<Option<Finding>, Missing> {
    let groups = &subject.settings.tables_by_collation;
    if groups.is_empty() {
        return Err(no_table(subject, "the collations of the tables"));
    }
    let default = stated(subject.settings, COLLATION)?;
    let names: BTreeSet<String> = groups.keys().map(String::as_str).chain([default]).map(today).collect();
    let is_binary = |name: &String| BINARY.contains(&name.as_str());
    let (severity, summary, required) = if names.len() > 1 {
        let severity = match family {
            Family::Confluence => Severity::Blocker,
            Family::Carbon => Severity::Warning,
        };
        (
            severity,
            format!(
                "{} differ in the schema, so that foreign keys cannot be created",
                counted(names.len() as u64, "collation")
            ),
            "one collation for the schema, every table and every column".to_owned(),
        )
    } else if family == Family::Carbon || names.iter().all(is_binary) {
        return Ok(None);
    } else {
        (
            Severity::Warning,
            format!("the collation {default} is not one the vendor's pages name"),
            format!("{} (which of them, the vendor's page for the release says)", BINARY.join(" or ")),
        )
    };
    let wanted = match family {
        Family::Confluence => wanted(groups, default),
        Family::Carbon => default.to_owned(),
    };
    Ok(Some(Finding {
        severity,
        subject: "collation".to_owned(),
        summary,
        observed: observed(groups, default),
        required,
        remedy: convert(subject, groups, default, &wanted, family),
    }))
}

/// MySQL 8 calls `utf8` `utf8mb3`; it is the same.
fn today(collation: &str) -> String {
    let name = collation.to_ascii_lowercase();
    name.strip_prefix("utf8_").map_or(name.clone(), |rest| format!("utf8mb3_{rest}"))
}

fn observed(groups: &BTreeMap<String, TableGroup>, default: &str) -> String {
    let mut parts: Vec<String> = groups
        .iter()
        .map(|(name, group)| {
            let examples = first_few(group.examples.iter().map(String::as_str), group.count);
            format!("{name}: {} ({examples})", group.count)
        })
        .collect();
    parts.push(format!("default of the schema: {default}"));
    parts.join("; ")
}

/// The binary collation that is nearest: the schema's default, else that of most tables, else the newest.
fn wanted(groups: &BTreeMap<String, TableGroup>, default: &str) -> String {
    let is_binary = |name: &&String| BINARY.contains(&today(name).as_str());
    let default = default.to_owned();
    let most = || groups.iter().filter(|(name, _)| is_binary(name)).max_by_key(|(_, group)| group.count);
    if is_binary(&&default) {
        return default;
    }
    most().map_or_else(|| BINARY.first().copied().unwrap_or_default().to_owned(), |(name, _)| name.clone())
}

fn convert(
    subject: Subject<'_>,
    groups: &BTreeMap<String, TableGroup>,
    default: &str,
    wanted: &str,
    family: Family,
) -> String {
    let schema = sql::schema(subject.database);
    let set = wanted.split('_').next().unwrap_or(wanted);
    let mut statements = vec!["SET FOREIGN_KEY_CHECKS = 0;".to_owned()];
    if today(default) != today(wanted) {
        statements.push(format!("ALTER DATABASE {schema} CHARACTER SET {set} COLLATE {wanted};"));
    }
    // Columns are listed as table.column; converting the table converts its columns.
    let tables: BTreeSet<&str> = groups
        .iter()
        .filter(|(name, _)| today(name) != today(wanted))
        .flat_map(|(_, group)| &group.examples)
        .map(|example| example.split('.').next().unwrap_or(example))
        .collect();
    statements.extend(tables.into_iter().take(NAMED).map(|table| {
        let table = sql::name(subject.database.engine, table);
        format!("ALTER TABLE {schema}.{table} CONVERT TO CHARACTER SET {set} COLLATE {wanted};")
    }));
    format!(
        "With the service stopped and a backup at hand, and the same for every other table that is not {wanted}: {}{}",
        statements.join(" "),
        see(family)
    )
}
