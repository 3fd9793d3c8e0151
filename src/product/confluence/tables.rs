//! Confluence's tables that an upgrade minds, as administrators and the vendor's pages name them.
//!
//! Keys of customisations are not documented; they are patterns, and what they find needs a person's eye.

use upgrade_readiness_checks::facts::CustomisedKind;

use crate::collect::database::{
    CustomisedKey, DirectoryTables, Growing, LayoutTable, PermissionTable, ProductTables, SettingsTable,
    UserTable,
};

/// The tables.
pub static TABLES: ProductTables = ProductTables {
    users: UserTable {
        table: "user_mapping",
        key: "user_key",
        name: "username",
        lower_name: "lower_username",
    },
    layouts: LayoutTable { table: "decorator", name: "decoratorname", space: "spacekey" },
    settings: SettingsTable {
        table: "bandana",
        context: "bandanacontext",
        global: "_GLOBAL",
        key: "bandanakey",
        value: "bandanavalue",
        customised: &[
            CustomisedKey {
                kind: CustomisedKind::Stylesheet,
                key: "atlassian.confluence.css.resource.custom",
                elements: &[],
            },
            // Part of the site's settings, which every site has.
            CustomisedKey {
                kind: CustomisedKind::Html,
                key: "atlassian.confluence.settings",
                elements: &["beforeheadend", "afterbodystart", "beforebodyend"],
            },
            CustomisedKey { kind: CustomisedKind::Html, key: "%custom%html%", elements: &[] },
            CustomisedKey { kind: CustomisedKind::UserMacros, key: "%user%macro%", elements: &[] },
            CustomisedKey {
                kind: CustomisedKind::Theme,
                key: "atlassian.confluence.theme.%",
                elements: &["string"],
            },
        ],
        remigration: "migration.required",
    },
    directories: DirectoryTables {
        directories: ("cwd_directory", "directory_type"),
        internal: "INTERNAL",
        users: ("cwd_user", "lower_user_name"),
        groups: ("cwd_group", "group_name"),
        memberships: ("cwd_membership", "parent_id", "child_user_id"),
        administrators: "confluence-administrators",
        permissions: PermissionTable {
            table: "spacepermissions",
            space: "spaceid",
            permission: "permtype",
            group: "permgroupname",
            user: "permusername",
            administers: &["ADMINISTRATECONFLUENCE", "SYSTEMADMINISTRATOR"],
        },
    },
    growing: Growing { names: &["events", "snapshots", "scheduler_run_details"], prefixes: &["ao_"] },
    safety: "clustersafety",
    counted: &[
        "attachmentdata",
        "attachments",
        "bandana",
        "bodycontent",
        "content",
        "content_label",
        "content_perm",
        "content_perm_set",
        "contentproperties",
        "cwd_directory",
        "cwd_group",
        "cwd_membership",
        "cwd_user",
        "decorator",
        "extrnlnks",
        "label",
        "likes",
        "links",
        "notifications",
        "os_propertyentry",
        "pagetemplates",
        "spacepermissions",
        "spaces",
        "user_mapping",
        "usercontent_relation",
    ],
};
