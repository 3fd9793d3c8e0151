//! What a product keeps in tables whose release nothing states: WSO2 Carbon's kernel.
//!
//! Names are product knowledge and come from the product. Signs of the release are sought in the server's own catalogue;
//! rows are counted in the server and never fetched.

mod catalogue;
mod counters;
mod rows;
mod signs;

use std::collections::BTreeSet;

use upgrade_readiness_checks::facts::{Engine, Field, KernelKey, KernelRecords, Records};

use super::failure::one_line;
use super::gap::Gap;
use super::records::{Asker, CountLimits, Growing, count_rows};
pub(super) use catalogue::Catalogue;
pub(super) use counters::Counter;

/// Tenants that are listed at most.
const MOST_TENANTS: usize = 100_000;

/// Tables whose rows are counted at most.
const MOST_COUNTED: usize = 2000;

/// Domains that are listed at most.
const MOST_DOMAINS: usize = 1000;

/// Left-over tables that are listed at most.
const MOST_LEFTOVERS: usize = 50;

/// The tables of a kernel. Names are upper case, and found whatever their case.
#[derive(Debug, Clone, Copy)]
pub struct KernelTables {
    /// Beginnings of the names of its tables.
    pub prefixes: &'static [&'static str],
    /// Names of its tables that do not begin so.
    pub names: &'static [&'static str],
    /// Tables by one of which the schema is found.
    pub markers: &'static [&'static str],
    /// Beginnings of the names of tables that clean-ups leave behind.
    pub leftover_prefixes: &'static [&'static str],
    /// Ends of such names.
    pub leftover_suffixes: &'static [&'static str],
    /// Signs of a release, the oldest first.
    pub signs: &'static [Sign],
    /// Keys that newer releases add.
    pub keys: &'static [Key],
    /// Two tables in which the same name must not stand: the key, and table and columns of both.
    pub disjoint: &'static [Disjoint],
    /// Rows that point to others.
    pub references: &'static [Reference],
    /// Tenants: the table, its column with the number, its column that says whether it is active.
    pub tenants: (&'static str, &'static str, &'static str),
    /// Tables whose rows belong to a tenant, the column with its number, and the numbers that have no row.
    pub of_tenants: (&'static [&'static str], &'static str, &'static [i64]),
    /// Domains of user stores: the table, and its column with the name.
    pub domains: (&'static str, &'static str),
    /// Tables that are known to grow.
    pub growing: Growing,
}

/// Something in the catalogue that tells of a release.
#[derive(Debug, Clone, Copy)]
pub struct Sign {
    /// The first release whose script makes it.
    pub release: &'static str,
    /// No later release makes it.
    pub only: bool,
    /// The engines it is a sign on; empty for all.
    pub engines: &'static [Engine],
    /// What it is.
    pub of: SignOf,
}

/// See [`Sign::of`].
#[derive(Debug, Clone, Copy)]
pub enum SignOf {
    /// An index of one of these names.
    Index(&'static [&'static str]),
    /// A table.
    Table(&'static str),
    /// A table and its column.
    Column(&'static str, &'static str),
    /// A table, its text column, and the least width.
    Width(&'static str, &'static str, u64),
    /// A table and the columns of a unique key, in any order.
    Unique(&'static str, &'static [&'static str]),
}

/// A key a newer release adds.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Which.
    pub key: KernelKey,
    /// The table.
    pub table: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// The case of the first column does not count.
    pub whatever_case: bool,
    /// Every column must have a value.
    pub not_null: bool,
    /// A value of the first column that stands for none.
    pub placeholder: Option<&'static str>,
}

/// Two tables in which the same name must not stand. Columns are name and tenant.
#[derive(Debug, Clone, Copy)]
pub struct Disjoint {
    /// Which key.
    pub key: KernelKey,
    /// The tables.
    pub tables: [&'static str; 2],
    /// The columns both have.
    pub columns: &'static [&'static str],
}

/// Rows that point to others.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// The table.
    pub table: &'static str,
    /// The columns that point, each with the one it points to.
    pub columns: &'static [(&'static str, &'static str)],
    /// The table they point to.
    pub points_to: &'static str,
}

impl KernelTables {
    /// Whether a table is left behind by a clean-up; the name is upper case.
    fn is_leftover(&self, name: &str) -> bool {
        self.leftover_prefixes.iter().any(|prefix| name.starts_with(prefix))
            || self.leftover_suffixes.iter().any(|suffix| name.ends_with(suffix))
    }

    /// Whether a table is the kernel's; the name is upper case.
    fn is_own(&self, name: &str) -> bool {
        let named = self.names.contains(&name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix));
        named && !self.is_leftover(name)
    }
}

/// Reads everything; what the server does not tell is unread, what breaks the connection ends the look.
pub(super) async fn read_kernel(
    asker: &mut Asker<'_>,
    tables: &KernelTables,
    counting: Option<CountLimits>,
) -> Result<Records, sqlx::Error> {
    let growing_tables = asker.growing_tables(&tables.growing).await;
    let growing_tables = asker.settle(growing_tables).await?;
    let leftovers = asker.leftovers().await;
    let leftovers = asker.settle(leftovers).await?;
    let catalogue = asker.catalogue().await;
    let catalogue = asker.settle(catalogue).await?;
    let kernel = Box::pin(read_kernel_records(asker, tables, &catalogue)).await?;
    let row_counts = match (counting, &catalogue) {
        (None, _) => Field::Unread(Records::NOT_COUNTED.to_owned()),
        (Some(_), Field::Unread(why)) => Field::Unread(why.clone()),
        (Some(_), Field::Read(catalogue)) if catalogue.tables.len() > MOST_COUNTED => {
            Field::Unread(format!("there are more than {MOST_COUNTED} tables"))
        }
        (Some(limits), Field::Read(catalogue)) => {
            let names: Vec<&str> = catalogue.tables.iter().map(String::as_str).collect();
            Field::Read(count_rows(asker, &names, limits).await?)
        }
    };
    Ok(Records {
        growing_tables,
        leftovers,
        row_counts,
        kernel: Some(Box::new(kernel)),
        ..Records::unread(Records::OF_ANOTHER_PRODUCT)
    })
}

async fn read_kernel_records(
    asker: &mut Asker<'_>,
    tables: &KernelTables,
    catalogue: &Field<Catalogue>,
) -> Result<KernelRecords, sqlx::Error> {
    let identity = asker.identity().await;
    let identity = asker.settle(identity).await?;
    let engine = asker.engine();
    let behind = counters::read_behind(asker, tables).await;
    let behind = asker.settle(behind).await?;
    let tenants = read_tenants(asker, tables).await;
    let tenants = asker.settle(tenants).await?;
    let domains = read_domains(asker, tables).await;
    let domains = asker.settle(domains).await?;
    let (keys, orphans) = match catalogue {
        Field::Read(catalogue) => (
            Field::Read(rows::read_keys(asker, tables, catalogue).await?),
            Field::Read(rows::read_orphans(asker, tables, catalogue).await?),
        ),
        Field::Unread(why) => (Field::Unread(why.clone()), Field::Unread(why.clone())),
    };
    Ok(KernelRecords {
        identity,
        tables: of(catalogue, |catalogue| {
            catalogue.tables.iter().filter(|name| tables.is_own(name)).cloned().collect()
        }),
        other_tables: of(catalogue, |catalogue| {
            catalogue.tables.iter().filter(|name| !tables.is_own(name)).count() as u64
        }),
        schema: of(catalogue, |catalogue| signs::find_signs(tables.signs, engine, catalogue)),
        leftover_tables: of(catalogue, |catalogue| {
            let leftovers = catalogue.tables.iter().filter(|name| tables.is_leftover(name));
            leftovers.take(MOST_LEFTOVERS).cloned().collect()
        }),
        behind,
        tenants,
        domains,
        keys,
        orphans,
    })
}

fn of<T>(catalogue: &Field<Catalogue>, take: impl Fn(&Catalogue) -> T) -> Field<T> {
    match catalogue {
        Field::Read(catalogue) => Field::Read(take(catalogue)),
        Field::Unread(why) => Field::Unread(why.clone()),
    }
}

async fn read_tenants(asker: &mut Asker<'_>, tables: &KernelTables) -> Result<BTreeSet<u32>, Gap> {
    let (name, id, active) = tables.tenants;
    let Some(table) = asker.table(name).await? else { return Ok(BTreeSet::new()) };
    let id = asker.text(table.column(id)?);
    let is_active = asker.is_on(table.column(active)?);
    let sql = format!("SELECT {id} FROM {} WHERE {is_active} LIMIT {}", table.place, MOST_TENANTS + 1);
    let rows = asker.ask(sql).await?;
    if rows.len() > MOST_TENANTS {
        return Err(Gap::Unread(format!("{} has more than {MOST_TENANTS} tenants", table.place)));
    }
    let numbers = rows.into_iter().flatten().flatten().map(|text| {
        text.parse().map_err(|why| Gap::Unread(format!("the number {text:?} of a tenant: {why}")))
    });
    numbers.collect()
}

async fn read_domains(asker: &mut Asker<'_>, tables: &KernelTables) -> Result<BTreeSet<String>, Gap> {
    let (name, column) = tables.domains;
    let Some(table) = asker.table(name).await? else { return Ok(BTreeSet::new()) };
    let domain = asker.text(table.column(column)?);
    let sql = format!("SELECT DISTINCT {domain} FROM {} LIMIT {}", table.place, MOST_DOMAINS + 1);
    let rows = asker.ask(sql).await?;
    if rows.len() > MOST_DOMAINS {
        return Err(Gap::Unread(format!("{} has more than {MOST_DOMAINS} domains", table.place)));
    }
    Ok(rows.into_iter().flatten().flatten().map(|domain| one_line(&domain)).collect())
}
