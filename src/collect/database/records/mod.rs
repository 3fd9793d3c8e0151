//! What a product keeps in its own tables: which tables those are, and reading them.
//!
//! Names are product knowledge and come from the product. Whether a table or column is there, and how it is written,
//! the server's catalogue says; nothing is assumed. Every question is one bounded `SELECT` whose answer is counts and
//! technical names.

mod administrators;
mod asker;
mod counting;
mod customised;
mod users;

use upgrade_readiness_checks::facts::{CustomisedKind, Field, Records};

use super::gap::Gap;
pub(super) use asker::{Asker, Column, Table};
pub(super) use counting::count_rows;
pub use counting::{CountLimits, RowCounts};

/// The tables of a product that an upgrade minds. Names are found whatever their case.
#[derive(Debug, Clone, Copy)]
pub struct ProductTables {
    /// Users and the names they log in with.
    pub users: UserTable,
    /// Page layouts that were changed.
    pub layouts: LayoutTable,
    /// Settings by context and key.
    pub settings: SettingsTable,
    /// Users, groups and the directories they come from.
    pub directories: DirectoryTables,
    /// Tables that are known to grow, and beginnings of names of such tables.
    pub growing: Growing,
    /// The table with which a single node makes sure that it is alone.
    pub safety: &'static str,
    /// The main tables, whose rows administrators compare before and after an upgrade; in alphabetical order.
    pub counted: &'static [&'static str],
}

/// See [`ProductTables::users`].
#[derive(Debug, Clone, Copy)]
pub struct UserTable {
    /// The table.
    pub table: &'static str,
    /// Column with the key other tables refer to.
    pub key: &'static str,
    /// Column with the name.
    pub name: &'static str,
    /// Column with the name in lower case.
    pub lower_name: &'static str,
}

/// See [`ProductTables::layouts`].
#[derive(Debug, Clone, Copy)]
pub struct LayoutTable {
    /// The table.
    pub table: &'static str,
    /// Column with the name of the layout.
    pub name: &'static str,
    /// Column with the key of the space; empty for the whole site.
    pub space: &'static str,
}

/// See [`ProductTables::settings`].
#[derive(Debug, Clone, Copy)]
pub struct SettingsTable {
    /// The table.
    pub table: &'static str,
    /// Column with the key of the space.
    pub context: &'static str,
    /// The context of the whole site.
    pub global: &'static str,
    /// Column with the key.
    pub key: &'static str,
    /// Column with the value, which is looked into by the server and never fetched.
    pub value: &'static str,
    /// Keys under which changes are kept.
    pub customised: &'static [CustomisedKey],
    /// The key of the note that pages must be gone through again; its value says `true` then.
    pub remigration: &'static str,
}

/// A key under which changes are kept.
#[derive(Debug, Clone, Copy)]
pub struct CustomisedKey {
    /// What is kept there.
    pub kind: CustomisedKind,
    /// The key in lower case, as a pattern of `LIKE`.
    pub key: &'static str,
    /// Elements one of which holds something in the value, in lower case; none means that the row suffices.
    pub elements: &'static [&'static str],
}

/// See [`ProductTables::directories`]. Columns that several tables have are named once.
#[derive(Debug, Clone, Copy)]
pub struct DirectoryTables {
    /// Directories, with the columns `id`, `active` and this one with the kind.
    pub directories: (&'static str, &'static str),
    /// The kind of the product's own directories, upper case.
    pub internal: &'static str,
    /// Users, with the columns `id`, `active`, `directory_id` and this one with the name in lower case.
    pub users: (&'static str, &'static str),
    /// Groups, with the column `id` and this one with the name.
    pub groups: (&'static str, &'static str),
    /// Memberships, with the columns of the group and of the user.
    pub memberships: (&'static str, &'static str, &'static str),
    /// The group that may do everything, lower case.
    pub administrators: &'static str,
    /// What groups and users may do.
    pub permissions: PermissionTable,
}

/// What groups and users may do, in a space or everywhere.
#[derive(Debug, Clone, Copy)]
pub struct PermissionTable {
    /// The table.
    pub table: &'static str,
    /// Column with the space; empty for the whole site.
    pub space: &'static str,
    /// Column with the permission.
    pub permission: &'static str,
    /// Column with the group.
    pub group: &'static str,
    /// Column with the key of the user.
    pub user: &'static str,
    /// The permissions that make an administrator.
    pub administers: &'static [&'static str],
}

/// See [`ProductTables::growing`].
#[derive(Debug, Clone, Copy)]
pub struct Growing {
    /// Whole names, lower case.
    pub names: &'static [&'static str],
    /// Beginnings of names, lower case.
    pub prefixes: &'static [&'static str],
}

/// Reads everything; what the server does not tell is unread, what breaks the connection ends the look.
pub(super) async fn read_records(
    asker: &mut Asker<'_>,
    tables: &ProductTables,
    counting: Option<CountLimits>,
) -> Result<Records, sqlx::Error> {
    // Where not even the users are, there is no product, and nothing that is missing says anything.
    let known = asker.known_table(tables.users.table).await;
    if let Field::Unread(why) = asker.settle(known).await? {
        return Ok(Records::unread(&why));
    }
    let growing_tables = asker.growing_tables(&tables.growing).await;
    let growing_tables = asker.settle(growing_tables).await?;
    let leftovers = asker.leftovers().await;
    let leftovers = asker.settle(leftovers).await?;
    let users = users::read_users(asker, &tables.users).await;
    let users = asker.settle(users).await?;
    let safety_rows = read_safety(asker, tables.safety).await;
    let safety_rows = asker.settle(safety_rows).await?;
    let remigration = customised::read_remigration(asker, &tables.settings).await;
    let remigration = asker.settle(remigration).await?;
    let layouts = customised::read_layouts(asker, &tables.layouts).await;
    let layouts = asker.settle(layouts).await?;
    let customised = customised::read_customised(asker, &tables.settings).await;
    let customised = asker.settle(customised).await?;
    let administrators = administrators::read_administrators(asker, &tables.directories, &tables.users).await;
    let administrators = asker.settle(administrators).await?;
    let row_counts = match counting {
        Some(limits) => Field::Read(count_rows(asker, tables.counted, limits).await?),
        None => Field::Unread(Records::NOT_COUNTED.to_owned()),
    };
    Ok(Records {
        users,
        growing_tables,
        leftovers,
        remigration,
        safety_rows,
        layouts,
        customised,
        administrators,
        row_counts,
        kernel: None,
    })
}

async fn read_safety(asker: &mut Asker<'_>, table: &str) -> Result<Option<u64>, Gap> {
    match asker.table(table).await? {
        None => Ok(None),
        Some(table) => asker.count(&format!("SELECT 1 FROM {}", table.place)).await.map(Some),
    }
}
