//! Are the rows of the main tables still there?

use std::collections::BTreeMap;

use super::{Both, Item, Sides, Topic, shown};
use crate::facts::{Field, Missing, Snapshot, Source, TableRows};
use crate::rules::wording::{counted, excerpt, first_few};

const TOPIC: Topic = Topic::RowCounts;

/// Tables that hold what people wrote and who may see it: an upgrade leaves every row of them. Lower case.
///
/// Users and groups of an outer directory come and go with it, and links and properties are worked out anew by some
/// upgrade tasks, so fewer rows of other tables are for a person to judge.
const KEPT: [&str; 14] = [
    "attachmentdata",
    "attachments",
    "bodycontent",
    "content",
    "content_label",
    "content_perm",
    "content_perm_set",
    "label",
    "pagetemplates",
    "spacepermissions",
    "spaces",
    "um_tenant",
    "um_user",
    "user_mapping",
];

pub(super) fn rows(sides: &Sides<'_>) -> Vec<Item> {
    let both: Both<&[TableRows]> = sides.both(counts);
    let (before, now) = match both.known(TOPIC, |tables| show(tables)) {
        Ok((before, now)) => (*before, *now),
        Err(unknown) => return unknown,
    };
    // Engines store names in the case they like.
    let there: BTreeMap<String, &Field<u64>> =
        now.iter().map(|table| (table.table.to_ascii_lowercase(), &table.rows)).collect();
    let mut items = Vec::new();
    let mut untold: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    let mut more = Vec::new();
    for TableRows { table, rows } in before {
        let key = table.to_ascii_lowercase();
        let grave = KEPT.contains(&key.as_str());
        match (rows, there.get(&key)) {
            (Field::Read(0), None) => {}
            (Field::Read(was), None) => items.push(gone(table, *was, grave)),
            (Field::Read(was), Some(Field::Read(is))) if is < was => {
                items.push(fewer(table, *was, *is, grave || *is == 0, sides.whereabouts().log));
            }
            (Field::Read(was), Some(Field::Read(is))) if is > was => {
                more.push(format!("{} +{}", excerpt(table), is - was));
            }
            (Field::Read(_), Some(Field::Read(_))) => {}
            (_, Some(Field::Unread(why))) => untold.entry((true, why)).or_default().push(table),
            (Field::Unread(why), Some(Field::Read(_)) | None) => {
                untold.entry((false, why)).or_default().push(table);
            }
        }
    }
    for ((is_now, why), tables) in untold {
        let names = first_few(tables.iter().copied(), tables.len() as u64);
        let why = format!("not known: {}", excerpt(why));
        let (was, is) = if is_now { (excerpt(&names), why) } else { (why, excerpt(&names)) };
        let what = format!("the rows of {} ({})", counted(tables.len() as u64, "table"), excerpt(&names));
        let about = tables.first().copied().unwrap_or_default();
        items.push(
            Item::untold(TOPIC, &what)
                .about(excerpt(about))
                .seen(was, is)
                .so_do(super::remedy(!is_now, is_now)),
        );
    }
    if items.is_empty() {
        let more = match more.len() as u64 {
            0 => "none has other rows than before".to_owned(),
            count => {
                format!("{count} with more rows ({})", first_few(more.iter().map(String::as_str), count))
            }
        };
        let summary = format!("{} counted, {more}", counted(before.len() as u64, "table"));
        items.push(
            Item::well(TOPIC, summary)
                .seen(shown(&both.before, |one| show(one)), shown(&both.now, |one| show(one))),
        );
    }
    items
}

fn counts(side: &Snapshot) -> Result<&[TableRows], Missing> {
    let what = "the rows of the main tables";
    let database = side.database()?;
    let counts = database.records.row_counts.read(Source::Database, what)?;
    if counts.is_empty() {
        return Err(Missing::Unread {
            of: Source::Database,
            what: what.to_owned(),
            why: format!("none of the product's tables is at {}", database.address),
        });
    }
    Ok(counts)
}

fn show(tables: &[TableRows]) -> String {
    let rows = tables.iter().filter_map(|table| table.rows.value());
    let total = rows.fold(0_u64, |total, rows| total.saturating_add(*rows));
    format!("{} with {}", counted(tables.len() as u64, "table"), counted(total, "row"))
}

fn graded(grave: bool, summary: String) -> Item {
    if grave { Item::blocked(TOPIC, summary) } else { Item::warning(TOPIC, summary) }
}

fn fewer(table: &str, was: u64, is: u64, grave: bool, log: &str) -> Item {
    let table = excerpt(table);
    graded(grave, format!("{table} lost {}", counted(was - is, "row")))
        .about(table.clone())
        .seen(counted(was, "row"), counted(is, "row"))
        .so_do(format!(
            "Find out who took them away: people who deleted something between the two looks, a synchronised directory, or \
             an upgrade task named in {log}. When nobody can tell, restore the backup beside it and \
             compare {table} before people write again."
        ))
}

fn gone(table: &str, was: u64, grave: bool) -> Item {
    let table = excerpt(table);
    graded(grave, format!("the table {table} is not there any more"))
        .about(table.clone())
        .seen(counted(was, "row"), "no such table")
        .so_do(
            "See whether the release notes name it and where its rows went; when they do not, whether the instance uses the \
             database and schema it used before.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, look, read, unread};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    fn tables(pair: &mut Pair) -> &mut Vec<TableRows> {
        read(&mut pair.database().records.row_counts)
    }

    fn tables_before(pair: &mut Pair) -> &mut Vec<TableRows> {
        read(&mut pair.database_before().records.row_counts)
    }

    fn set(tables: &mut [TableRows], name: &str, rows: Field<u64>) {
        tables.iter_mut().find(|table| table.table == name).unwrap().rows = rows;
    }

    #[test]
    fn no_row_may_be_lost() {
        let rows: &[Row] = &[
            ("as many", |_| {}, &[(Ready, None)]),
            ("more", |p| set(tables(p), "content", Field::Read(80_121)), &[(Ready, None)]),
            (
                "fewer pages",
                |p| set(tables(p), "content", Field::Read(80_119)),
                &[(Blocked, Some("content"))],
            ),
            ("fewer users", |p| set(tables(p), "cwd_user", Field::Read(654)), &[(Warning, Some("cwd_user"))]),
            (
                "no user at all",
                |p| set(tables(p), "cwd_user", Field::Read(0)),
                &[(Blocked, Some("cwd_user"))],
            ),
            (
                "no pages table",
                |p| tables(p).retain(|one| one.table != "content"),
                &[(Blocked, Some("content"))],
            ),
            (
                "no users table",
                |p| tables(p).retain(|one| one.table != "cwd_user"),
                &[(Warning, Some("cwd_user"))],
            ),
            (
                "an empty table went",
                |p| {
                    tables(p).retain(|one| one.table != "cwd_user");
                    set(tables_before(p), "cwd_user", Field::Read(0));
                },
                &[(Ready, None)],
            ),
            (
                "another case",
                |p| tables(p).iter_mut().for_each(|one| one.table = one.table.to_uppercase()),
                &[(Ready, None)],
            ),
            (
                "two took too long",
                |p| {
                    set(tables(p), "content", unread());
                    set(tables(p), "bodycontent", unread());
                },
                &[(Unknown, Some("bodycontent"))],
            ),
            (
                "not counted before",
                |p| set(tables_before(p), "content", unread()),
                &[(Unknown, Some("content"))],
            ),
            ("unread", |p| p.database().records.row_counts = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.database_before().records.row_counts = unread(), &[(Unknown, None)]),
            ("another database", |p| tables(p).clear(), &[(Unknown, None)]),
            (
                "absurd numbers",
                |p| tables(p).iter_mut().for_each(|one| one.rows = Field::Read(u64::MAX)),
                &[(Ready, None)],
            ),
        ];
        judges(TOPIC, rows);
    }

    #[test]
    fn more_rows_are_told() {
        let items = look(None, TOPIC, |pair| set(tables(pair), "content", Field::Read(80_155)));
        assert_eq!(items[0].summary, "5 tables counted, 1 with more rows (content +35)");
    }
}
