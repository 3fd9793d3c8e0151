//! Rows that keys of newer releases refuse, and rows that point to others which are not there.

use upgrade_readiness_checks::facts::{Field, KeyRows, OrphanRows};

use super::super::gap::Gap;
use super::super::records::{Asker, Table};
use super::{Catalogue, Disjoint, KernelTables, Key, Reference};

/// Counts what each key refuses whose table and columns are there.
pub(super) async fn read_keys(
    asker: &mut Asker<'_>,
    tables: &KernelTables,
    catalogue: &Catalogue,
) -> Result<Vec<KeyRows>, sqlx::Error> {
    let mut found = Vec::new();
    for key in tables.keys.iter().filter(|key| is_there(catalogue, key.table, key.columns)) {
        let in_force = !key.whatever_case && catalogue.keeps_apart(key.table, key.columns);
        let duplicates = if in_force { Ok(0) } else { count_duplicates(asker, key).await };
        let duplicates = asker.settle(duplicates).await?;
        let empty = if key.not_null { count_empty(asker, key).await } else { Ok(0) };
        let empty = asker.settle(empty).await?;
        found.push(KeyRows { key: key.key, in_force, duplicates, empty });
    }
    for disjoint in tables.disjoint {
        if disjoint.tables.iter().all(|table| is_there(catalogue, table, disjoint.columns)) {
            let duplicates = count_shared(asker, disjoint).await;
            let duplicates = asker.settle(duplicates).await?;
            found.push(KeyRows { key: disjoint.key, in_force: false, duplicates, empty: Field::Read(0) });
        }
    }
    Ok(found)
}

/// Counts what points to nothing, for each pair of tables that is there.
pub(super) async fn read_orphans(
    asker: &mut Asker<'_>,
    tables: &KernelTables,
    catalogue: &Catalogue,
) -> Result<Vec<OrphanRows>, sqlx::Error> {
    let mut found = Vec::new();
    for reference in tables.references {
        let (from, to): (Vec<&str>, Vec<&str>) = reference.columns.iter().copied().unzip();
        if is_there(catalogue, reference.table, &from) && is_there(catalogue, reference.points_to, &to) {
            let rows = count_orphans(asker, reference).await;
            let rows = asker.settle(rows).await?;
            let (table, points_to) = (reference.table.to_owned(), reference.points_to.to_owned());
            found.push(OrphanRows { table, points_to, rows });
        }
    }
    let (tenants, id, _) = tables.tenants;
    let (of_tenants, column, without_row) = tables.of_tenants;
    if is_there(catalogue, tenants, &[id]) {
        for table in of_tenants.iter().filter(|table| is_there(catalogue, table, &[column])) {
            let rows = count_of_no_tenant(asker, (table, column), (tenants, id), without_row).await;
            let rows = asker.settle(rows).await?;
            found.push(OrphanRows { table: (*table).to_owned(), points_to: tenants.to_owned(), rows });
        }
    }
    Ok(found)
}

fn is_there(catalogue: &Catalogue, table: &str, columns: &[&str]) -> bool {
    let has = |column: &&str| catalogue.columns.contains_key(&(table.to_owned(), (*column).to_owned()));
    catalogue.tables.contains(table) && columns.iter().all(has)
}

async fn find(asker: &mut Asker<'_>, table: &str) -> Result<Table, Gap> {
    let found = asker.table(table).await?;
    found.ok_or_else(|| Gap::Unread(format!("the table {table} has gone meanwhile")))
}

/// A table's columns as a statement writes them, behind this letter.
fn columns(table: &Table, letter: &str, names: &[&str]) -> Result<Vec<String>, Gap> {
    names.iter().map(|name| Ok(format!("{letter}.{}", table.column(name)?))).collect()
}

async fn count_duplicates(asker: &mut Asker<'_>, key: &Key) -> Result<u64, Gap> {
    let table = find(asker, key.table).await?;
    let names = columns(&table, "a", key.columns)?;
    let mut values = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let folded = if index == 0 && key.whatever_case { format!("lower({name})") } else { name.clone() };
        values.push(asker.exact(&folded));
    }
    let mut wanted: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    if let (Some(placeholder), Some(first)) = (key.placeholder, names.first()) {
        wanted.push(format!("{} <> '{placeholder}'", asker.text(first)));
    }
    let selected: Vec<String> =
        values.iter().enumerate().map(|(index, value)| format!("{value} AS k{index}")).collect();
    let sql = format!(
        "SELECT {} FROM {} AS a WHERE {} GROUP BY {} HAVING count(*) > 1",
        selected.join(", "),
        table.place,
        wanted.join(" AND "),
        values.join(", ")
    );
    asker.count(&sql).await
}

async fn count_empty(asker: &mut Asker<'_>, key: &Key) -> Result<u64, Gap> {
    let table = find(asker, key.table).await?;
    let names = columns(&table, "a", key.columns)?;
    let mut empty: Vec<String> = names.iter().map(|name| format!("{name} IS NULL")).collect();
    if let (Some(placeholder), Some(first)) = (key.placeholder, names.first()) {
        empty.push(format!("{} = '{placeholder}'", asker.text(first)));
    }
    asker.count(&format!("SELECT 1 FROM {} AS a WHERE {}", table.place, empty.join(" OR "))).await
}

async fn count_shared(asker: &mut Asker<'_>, disjoint: &Disjoint) -> Result<u64, Gap> {
    let [one, other] = disjoint.tables;
    let (one, other) = (find(asker, one).await?, find(asker, other).await?);
    let names = columns(&one, "a", disjoint.columns)?;
    let others = columns(&other, "b", disjoint.columns)?;
    let pairs = names.iter().zip(&others);
    let same: Vec<String> =
        pairs.map(|(one, other)| format!("{} = {}", asker.exact(one), asker.exact(other))).collect();
    asker
        .count(&format!(
            "SELECT 1 FROM {} AS a WHERE EXISTS (SELECT 1 FROM {} AS b WHERE {})",
            one.place,
            other.place,
            same.join(" AND ")
        ))
        .await
}

async fn count_orphans(asker: &mut Asker<'_>, reference: &Reference) -> Result<u64, Gap> {
    let (from, to): (Vec<&str>, Vec<&str>) = reference.columns.iter().copied().unzip();
    let (table, other) = (find(asker, reference.table).await?, find(asker, reference.points_to).await?);
    let (from, to) = (columns(&table, "a", &from)?, columns(&other, "b", &to)?);
    let points: Vec<String> = from.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let same: Vec<String> = from.iter().zip(&to).map(|(from, to)| format!("{to} = {from}")).collect();
    asker
        .count(&format!(
            "SELECT 1 FROM {} AS a WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS b WHERE {})",
            table.place,
            points.join(" AND "),
            other.place,
            same.join(" AND ")
        ))
        .await
}

async fn count_of_no_tenant(
    asker: &mut Asker<'_>,
    (table, column): (&str, &str),
    (tenants, id): (&str, &str),
    without_row: &[i64],
) -> Result<u64, Gap> {
    let (table, tenants) = (find(asker, table).await?, find(asker, tenants).await?);
    let (column, id) = (table.column(column)?, tenants.column(id)?);
    let without_row: Vec<String> = without_row.iter().map(ToString::to_string).collect();
    asker
        .count(&format!(
            "SELECT 1 FROM {} AS a WHERE a.{column} NOT IN ({}) \
                AND NOT EXISTS (SELECT 1 FROM {} AS b WHERE b.{id} = a.{column})",
            table.place,
            without_row.join(", "),
            tenants.place
        ))
        .await
}
