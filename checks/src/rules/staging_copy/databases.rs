//! Rows of production beside those of the staging copy.

use std::collections::BTreeMap;

use crate::facts::{Field, Missing, Prepared, Source, StagedDatabase, TableRows, TableState};
use crate::model::{Finding, Severity};
use crate::rules::kernel_tables::moves;
use crate::rules::wording::{counted, first_few};

/// Adds what is not copied of the databases, and what could not be seen; tells how many tables were compared.
pub(super) fn judge(prepared: &Prepared, found: &mut Vec<Finding>, missing: &mut Vec<Missing>) -> u64 {
    let databases = match prepared.databases.read(Source::Rehearsal, "the databases of both homes") {
        Ok(databases) => databases,
        Err(not_seen) => {
            missing.push(not_seen);
            return 0;
        }
    };
    if databases.is_empty() {
        missing.push(Missing::Unread {
            of: Source::Rehearsal,
            what: "the databases of both homes".to_owned(),
            why: "no data source was found in them".to_owned(),
        });
    }
    let mut compared = 0;
    for database in databases {
        if let Err(not_seen) = one(database, found, missing, &mut compared) {
            missing.push(not_seen);
        }
    }
    compared
}

fn one(
    database: &StagedDatabase,
    found: &mut Vec<Finding>,
    missing: &mut Vec<Missing>,
    compared: &mut u64,
) -> Result<(), Missing> {
    let StagedDatabase { name, production, staging } = database;
    let production = production.read(Source::Rehearsal, &format!("the tables of {name} in production"))?;
    let staging = staging.read(Source::Rehearsal, &format!("the tables of {name} in staging"))?;
    let here = rows(production, &format!("the rows of {}", production.address), missing)?;
    let there = rows(staging, &format!("the rows of {}", staging.address), missing)?;
    if production.rows.value().is_some_and(Vec::is_empty) {
        return Err(Missing::Unread {
            of: Source::Rehearsal,
            what: format!("the rows of {}", production.address),
            why: "no table was seen there: the account may not see them, or the data source leads elsewhere"
                .to_owned(),
        });
    }
    *compared += here.keys().filter(|table| there.contains_key(*table)).count() as u64;
    let has_rows = here.values().any(|rows| *rows > 0);
    let all_counted =
        staging.rows.value().is_some_and(|tables| tables.iter().all(|table| table.rows.value().is_some()));
    if has_rows && all_counted && there.values().all(|rows| *rows == 0) {
        found.push(Finding {
            severity: Severity::Blocker,
            subject: format!("rows: {name}"),
            summary: format!("The rows of {name} were not copied to staging"),
            observed: format!("no row in {}", staging.address),
            required: format!("those of {}", production.address),
            remedy: format!(
                "Dump {} and restore it into {}; see the run book of this jump.",
                production.address, staging.address
            ),
        });
        return Ok(());
    }
    found.extend(fewer(name, &here, &there, production, staging));
    match members(name, "tenants", "UM_TENANT", &production.tenants, &staging.tenants, staging) {
        Ok(finding) => found.extend(finding),
        Err(not_seen) => missing.push(not_seen),
    }
    match members(name, "domains", "UM_DOMAIN", &production.domains, &staging.domains, staging) {
        Ok(finding) => found.extend(finding),
        Err(not_seen) => missing.push(not_seen),
    }
    Ok(())
}

/// Tables whose rows were counted; one that could not be is missing.
fn rows<'a>(
    state: &'a TableState,
    what: &str,
    missing: &mut Vec<Missing>,
) -> Result<BTreeMap<&'a str, u64>, Missing> {
    let tables = state.rows.read(Source::Rehearsal, what)?;
    let uncounted: Vec<&TableRows> = tables.iter().filter(|table| table.rows.value().is_none()).collect();
    if let Some(first) = uncounted.first() {
        let what = format!("{what}, of {}", counted(uncounted.len() as u64, "table"));
        missing
            .extend(first.rows.read(Source::Rehearsal, &format!("{what}, the first {}", first.table)).err());
    }
    Ok(tables.iter().filter_map(|table| Some((table.table.as_str(), *table.rows.value()?))).collect())
}

/// Tables with fewer rows in staging than in production.
fn fewer(
    name: &str,
    here: &BTreeMap<&str, u64>,
    there: &BTreeMap<&str, u64>,
    production: &TableState,
    staging: &TableState,
) -> Option<Finding> {
    // A table that could not be counted is missing; one that is not there at all has no rows.
    let is_in_staging =
        |table: &str| staging.rows.value().is_some_and(|all| all.iter().any(|one| one.table == table));
    let less: Vec<(&str, u64, u64)> = here
        .iter()
        .filter(|(table, _)| !moves(table))
        .filter_map(|(table, rows)| {
            let copied = match there.get(table) {
                Some(copied) => *copied,
                None if is_in_staging(table) => return None,
                None => 0,
            };
            (copied < *rows).then_some((*table, *rows, copied))
        })
        .collect();
    let empty = less.iter().any(|(_, _, copied)| *copied == 0);
    let names: Vec<String> =
        less.iter().map(|(table, rows, copied)| format!("{table} {copied} of {rows}")).collect();
    let count = less.len() as u64;
    (count > 0).then(|| Finding {
        severity: if empty { Severity::Blocker } else { Severity::Warning },
        subject: format!("rows: {name}"),
        summary: format!("{} of {name} with fewer rows in staging than in production", counted(count, "table")),
        observed: first_few(names.iter().map(String::as_str), count),
        required: format!("in {} every row of {}", staging.address, production.address),
        remedy: format!(
            "When production has only moved on since the copy, copy once more on the night, with all servers stopped; when \
             not, look for errors in the output of the restore into {}.",
            staging.address
        ),
    })
}

/// Tenants or domains staging does not have.
fn members<T: Ord + std::fmt::Display>(
    name: &str,
    what: &str,
    table: &str,
    production: &Field<std::collections::BTreeSet<T>>,
    staging: &Field<std::collections::BTreeSet<T>>,
    place: &TableState,
) -> Result<Option<Finding>, Missing> {
    let here = production.read(Source::Rehearsal, &format!("the {what} in {name} of production"))?;
    let there = staging.read(Source::Rehearsal, &format!("the {what} in {name} of staging"))?;
    let lacking: Vec<String> = here.difference(there).map(ToString::to_string).collect();
    let count = lacking.len() as u64;
    Ok((count > 0).then(|| Finding {
        severity: Severity::Blocker,
        subject: format!("{what}: {name}"),
        summary: format!("{count} of the {what} in production are not in {name} of staging"),
        observed: first_few(lacking.iter().map(String::as_str), count),
        required: format!("all {} of production in {table} of {}", here.len(), place.address),
        remedy: format!(
            "Copy the rows of {name} once more; {what} that are not in {table} do not exist for the new release, whatever \
             files there are of them."
        ),
    }))
}
