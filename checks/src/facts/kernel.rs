//! What a WSO2 Carbon product keeps in the tables of its kernel, as far as an upgrade minds it.
//!
//! Counts and technical names only. No table holds the release of these tables, so signs of it are collected.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Field, SchemaSigns};

/// What is kept in the tables of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct KernelRecords {
    /// What tells the server from every other, as long as it is not restarted.
    pub identity: Field<String>,
    /// The tables of the kernel that are there, upper case.
    pub tables: Field<BTreeSet<String>>,
    /// How many other tables there are.
    pub other_tables: Field<u64>,
    /// Which releases of the kernel the tables can be of.
    pub schema: Field<SchemaSigns>,
    /// Sequences and counters that stand below the largest number in use, in a few words each.
    pub behind: Field<Vec<String>>,
    /// Active tenants other than the super tenant; empty when there is no table of tenants.
    pub tenants: Field<BTreeSet<u32>>,
    /// Names of the domains of user stores; empty when there is no table of them.
    pub domains: Field<BTreeSet<String>>,
    /// Rows that keys of newer releases refuse, one entry for each key whose table is there.
    pub keys: Field<Vec<KeyRows>>,
    /// Rows that belong to others which are not there, one entry for each pair of tables that is there.
    pub orphans: Field<Vec<OrphanRows>>,
    /// Tables that clean-ups leave behind and that get in the way of the next one.
    pub leftover_tables: Field<Vec<String>>,
}

impl KernelRecords {
    /// Nothing was looked at, for this reason.
    #[must_use]
    pub fn unread(why: &str) -> Self {
        Self {
            identity: Field::Unread(why.to_owned()),
            tables: Field::Unread(why.to_owned()),
            other_tables: Field::Unread(why.to_owned()),
            schema: Field::Unread(why.to_owned()),
            behind: Field::Unread(why.to_owned()),
            tenants: Field::Unread(why.to_owned()),
            domains: Field::Unread(why.to_owned()),
            keys: Field::Unread(why.to_owned()),
            orphans: Field::Unread(why.to_owned()),
            leftover_tables: Field::Unread(why.to_owned()),
        }
    }
}

/// Rows a key refuses. Counts end at [`super::Records::MOST`] and one more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct KeyRows {
    /// The key.
    pub key: KernelKey,
    /// The table has such a key already.
    pub in_force: bool,
    /// Values that stand more than once.
    pub duplicates: Field<u64>,
    /// Rows without a value where the key wants one; 0 for keys that do not mind.
    pub empty: Field<u64>,
}

/// Keys that releases of the kernel, and products on it, have added to tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KernelKey {
    /// Names of users in a tenant.
    UserNames,
    /// Names of users in a tenant whatever their case: from 4.10 on.
    UserNamesWhateverCase,
    /// Permissions: from 4.4.14 on.
    Permissions,
    /// Paths of the registry in a tenant: from 4.5.0 on.
    RegistryPaths,
    /// Domains of user stores in a tenant: from 4.5.0 on.
    Domains,
    /// System roles in a tenant: from 4.5.0 on.
    SystemRoles,
    /// The id each user has: from 4.6.0 on.
    UserIds,
    /// Names of scopes of the identity tables: the migration of Identity Server 5.10 stops at one that stands twice.
    Scopes,
}

impl KernelKey {
    /// Every key.
    pub const ALL: [Self; 8] = [
        Self::UserNames,
        Self::UserNamesWhateverCase,
        Self::Permissions,
        Self::RegistryPaths,
        Self::Domains,
        Self::SystemRoles,
        Self::UserIds,
        Self::Scopes,
    ];
}

/// Rows that belong to others which are not there. Counts end at [`super::Records::MOST`] and one more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OrphanRows {
    /// Their table.
    pub table: String,
    /// The table they point to.
    pub points_to: String,
    /// How many.
    pub rows: Field<u64>,
}
