//! What administrators changed in how pages look: layouts, stylesheets, HTML, macros, themes.
//!
//! Values are looked into by the server where it must be; what is fetched are keys and names.

use upgrade_readiness_checks::facts::{Customised, Layout, Records};

use super::super::failure::one_line;
use super::super::gap::Gap;
use super::asker::{Asker, Table};
use super::{CustomisedKey, LayoutTable, SettingsTable};

/// Reads the layouts; a product without the table has none.
pub(super) async fn read_layouts(asker: &mut Asker<'_>, wanted: &LayoutTable) -> Result<Vec<Layout>, Gap> {
    let Some(table) = asker.table(wanted.table).await? else { return Ok(Vec::new()) };
    let (name, space) = (table.column(wanted.name)?, table.column(wanted.space)?);
    let sql = format!(
        "SELECT {}, {} FROM {} LIMIT {}",
        asker.text(name),
        asker.text(space),
        table.place,
        Records::MOST + 1
    );
    let rows = asker.ask(sql).await?;
    let mut layouts: Vec<Layout> = rows
        .into_iter()
        .map(|row| {
            let mut values = row.into_iter();
            let name = values.next().flatten().unwrap_or_default();
            Layout { name: one_line(&name), space: of_space(values.next().flatten()) }
        })
        .collect();
    layouts.sort();
    Ok(layouts)
}

/// Reads under which keys changes are kept.
pub(super) async fn read_customised(
    asker: &mut Asker<'_>,
    wanted: &SettingsTable,
) -> Result<Vec<Customised>, Gap> {
    let table = asker.known_table(wanted.table).await?;
    let (context, key) = (table.column(wanted.context)?, table.column(wanted.key)?);
    let mut found = Vec::new();
    for one in wanted.customised {
        let sql = format!(
            "SELECT {}, {} FROM {} WHERE {} LIMIT {}",
            asker.text(context),
            asker.text(key),
            table.place,
            condition(&table, wanted, one)?,
            Records::MOST + 1
        );
        for row in asker.ask(sql).await? {
            let mut values = row.into_iter();
            let context = values.next().flatten();
            found.push(Customised {
                kind: one.kind,
                space: of_space(context).filter(|context| context != wanted.global),
                key: one_line(&values.next().flatten().unwrap_or_default()),
            });
        }
    }
    found.sort();
    found.dedup();
    found.truncate(usize::try_from(Records::MOST + 1).unwrap_or(usize::MAX));
    Ok(found)
}

/// Rows under the key; of those that always are there, the ones with something in one of the elements.
fn condition(table: &Table, wanted: &SettingsTable, one: &CustomisedKey) -> Result<String, Gap> {
    let key = format!("lower({}) LIKE '{}'", table.column(wanted.key)?, one.key);
    if one.elements.is_empty() {
        return Ok(key);
    }
    let value = format!("lower({})", table.column(wanted.value)?);
    let holds = |element: &&str| {
        format!("({value} LIKE '%<{element}>%' AND {value} NOT LIKE '%<{element}></{element}>%')")
    };
    let any: Vec<String> = one.elements.iter().map(holds).collect();
    Ok(format!("{key} AND ({})", any.join(" OR ")))
}

/// Whether the product has noted that pages must be gone through again.
pub(super) async fn read_remigration(
    asker: &mut Asker<'_>,
    wanted: &SettingsTable,
) -> Result<Option<bool>, Gap> {
    let table = asker.known_table(wanted.table).await?;
    let (key, value) = (table.column(wanted.key)?, table.column(wanted.value)?);
    let note = format!("SELECT 1 FROM {} WHERE {key} = '{}'", table.place, wanted.remigration);
    if asker.count(&note).await? == 0 {
        return Ok(None);
    }
    let says_so = asker.count(&format!("{note} AND lower({value}) LIKE '%true%'")).await?;
    Ok(Some(says_so > 0))
}

fn of_space(text: Option<String>) -> Option<String> {
    text.map(|text| one_line(&text)).filter(|text| !text.is_empty())
}
