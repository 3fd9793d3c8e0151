//! Sequences and counters, against the largest number that is in use.
//!
//! A copy of the data alone leaves them where they were: the first row that is added then gets a number that is taken.

use super::super::gap::Gap;
use super::super::records::Asker;
use super::KernelTables;

/// Counters that are looked at at most.
pub(in crate::collect::database) const MOST_COUNTERS: usize = 500;

/// Counters behind that are listed; more are only counted in the last entry.
const MOST_BEHIND: usize = 50;

/// Something that gives the numbers of a column.
#[derive(Debug)]
pub(in crate::collect::database) struct Counter {
    /// Its name, for people.
    pub(in crate::collect::database) name: String,
    /// The table, for people.
    pub(in crate::collect::database) table: String,
    /// The column, for people.
    pub(in crate::collect::database) column: String,
    /// A question with one number for an answer: what it gives next.
    pub(in crate::collect::database) next: String,
    /// A question with one number for an answer: the largest number in use.
    pub(in crate::collect::database) largest: String,
}

/// The kernel's counters that give numbers which are taken.
pub(super) async fn read_behind(asker: &mut Asker<'_>, tables: &KernelTables) -> Result<Vec<String>, Gap> {
    let counters = asker.counters().await?;
    if counters.len() > MOST_COUNTERS {
        return Err(Gap::Unread(format!("there are more than {MOST_COUNTERS} sequences and counters")));
    }
    let mut behind = Vec::new();
    for counter in counters {
        let Counter { name, table, column, next, largest } = counter;
        if !tables.is_own(&table.to_uppercase()) {
            continue;
        }
        let Some(largest) = number(asker, &largest).await? else { continue };
        let Some(next) = number(asker, &next).await? else { continue };
        if next <= largest {
            behind.push(format!("{name} gives {next} next, and {table}.{column} goes up to {largest}"));
        }
    }
    behind.sort();
    if behind.len() > MOST_BEHIND {
        let more = behind.len() - MOST_BEHIND;
        behind.truncate(MOST_BEHIND);
        behind.push(format!("and {more} more"));
    }
    Ok(behind)
}

async fn number(asker: &mut Asker<'_>, sql: &str) -> Result<Option<i128>, Gap> {
    let rows = asker.ask(sql.to_owned()).await?;
    let Some(text) = rows.into_iter().flatten().next().flatten() else { return Ok(None) };
    let number = text.parse().map_err(|why| Gap::Unread(format!("{text:?} is no number: {why}")))?;
    Ok(Some(number))
}
