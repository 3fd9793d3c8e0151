//! The tables of the Carbon kernel that an upgrade minds, and the signs of its releases in them.
//!
//! No table states the release of the kernel; signs are objects that the scripts of a release were the first to make.
//! Release lines run in parallel, and a database that was upgraded by the vendor's scripts may have other names: signs are
//! evidence and never a verdict. Source: the scripts `dbscripts/*.sql` of wso2/carbon-kernel at each tag.

use upgrade_readiness_checks::facts::{Engine, KernelKey};

use crate::collect::database::{Disjoint, Growing, KernelTables, Key, Reference, Sign, SignOf};

const POSTGRESQL: &[Engine] = &[Engine::Postgresql];
const MYSQL: &[Engine] = &[Engine::Mysql, Engine::Mariadb];

const fn sign(release: &'static str, of: SignOf) -> Sign {
    Sign { release, only: false, engines: &[], of }
}

const SIGNS: &[Sign] = &[
    Sign {
        only: true,
        ..sign("4.4.6", SignOf::Index(&["REG_LOG_IND_BY_REG_LOGGED_TIME", "REG_RESOURCE_IND_BY_TENANT_UUID"]))
    },
    sign(
        "4.4.7",
        SignOf::Index(&[
            "REG_LOG_IND_BY_REG_LOGTIME",
            "REG_RESOURCE_IND_BY_TENANT",
            "REG_LOG_IND_BY_REGLOG",
            "REG_RESOURCE_IND_BY_TENAN",
        ]),
    ),
    sign("4.4.11", SignOf::Index(&["UM_USER_ID_INDEX"])),
    sign("4.4.14", SignOf::Unique("UM_PERMISSION", &["UM_RESOURCE_ID", "UM_ACTION", "UM_TENANT_ID"])),
    sign("4.4.17", SignOf::Index(&["SYSTEM_ROLE_IND_BY_RN_TI"])),
    Sign { engines: POSTGRESQL, ..sign("4.4.17", SignOf::Width("REG_LOG", "REG_USER_ID", 31)) },
    Sign {
        engines: POSTGRESQL,
        ..sign(
            "4.4.21",
            SignOf::Unique(
                "UM_HYBRID_USER_ROLE",
                &["UM_USER_NAME", "UM_ROLE_ID", "UM_TENANT_ID", "UM_DOMAIN_ID"],
            ),
        )
    },
    Sign { engines: MYSQL, ..sign("4.4.24", SignOf::Table("UM_CLAIM_BEHAVIOR")) },
    sign("4.5.0", SignOf::Unique("REG_PATH", &["REG_PATH_VALUE", "REG_TENANT_ID"])),
    sign("4.6.0", SignOf::Table("UM_UUID_DOMAIN_MAPPER")),
    sign("4.6.0", SignOf::Column("UM_USER", "UM_USER_ID")),
    sign("4.6.1", SignOf::Column("UM_TENANT", "UM_TENANT_UUID")),
    sign("4.7.0", SignOf::Table("UM_ORG")),
    sign("4.7.0", SignOf::Table("UM_HYBRID_GROUP_ROLE")),
    sign("4.7.0", SignOf::Table("UM_GROUP_UUID_DOMAIN_MAPPER")),
    sign("4.9.15", SignOf::Table("UM_HYBRID_ROLE_AUDIENCE")),
    sign("4.10.0", SignOf::Table("UM_SHARED_ROLE")),
    sign("4.10.29", SignOf::Table("KEY_STORE")),
    sign("4.10.32", SignOf::Table("UM_RESOURCE_SHARING_POLICY")),
];

const fn key(key: KernelKey, table: &'static str, columns: &'static [&'static str]) -> Key {
    Key { key, table, columns, whatever_case: false, not_null: false, placeholder: None }
}

const KEYS: &[Key] = &[
    key(KernelKey::UserNames, "UM_USER", &["UM_USER_NAME", "UM_TENANT_ID"]),
    Key {
        whatever_case: true,
        ..key(KernelKey::UserNamesWhateverCase, "UM_USER", &["UM_USER_NAME", "UM_TENANT_ID"])
    },
    key(KernelKey::Permissions, "UM_PERMISSION", &["UM_RESOURCE_ID", "UM_ACTION", "UM_TENANT_ID"]),
    Key { not_null: true, ..key(KernelKey::RegistryPaths, "REG_PATH", &["REG_PATH_VALUE", "REG_TENANT_ID"]) },
    Key { not_null: true, ..key(KernelKey::Domains, "UM_DOMAIN", &["UM_DOMAIN_NAME", "UM_TENANT_ID"]) },
    Key {
        not_null: true,
        ..key(KernelKey::SystemRoles, "UM_SYSTEM_ROLE", &["UM_ROLE_NAME", "UM_TENANT_ID"])
    },
    // The column's default is a word that stands for no id.
    Key { not_null: true, placeholder: Some("NONE"), ..key(KernelKey::UserIds, "UM_USER", &["UM_USER_ID"]) },
];

const REFERENCES: &[Reference] = &[
    Reference {
        table: "REG_RESOURCE",
        columns: &[("REG_PATH_ID", "REG_PATH_ID"), ("REG_TENANT_ID", "REG_TENANT_ID")],
        points_to: "REG_PATH",
    },
    Reference {
        table: "REG_RESOURCE",
        columns: &[("REG_CONTENT_ID", "REG_CONTENT_ID"), ("REG_TENANT_ID", "REG_TENANT_ID")],
        points_to: "REG_CONTENT",
    },
];

/// The tables.
pub static TABLES: KernelTables = KernelTables {
    prefixes: &["REG_", "UM_"],
    names: &["HYBRID_ROLE", "HYBRID_USER_ROLE", "KEY_STORE"],
    markers: &["REG_PATH", "UM_USER", "UM_TENANT", "REG_RESOURCE"],
    leftover_prefixes: &["AUDITLOG_"],
    leftover_suffixes: &["_BACKUP"],
    signs: SIGNS,
    keys: KEYS,
    disjoint: &[Disjoint {
        key: KernelKey::Scopes,
        tables: ["IDN_OAUTH2_SCOPE", "IDN_OIDC_SCOPE"],
        columns: &["NAME", "TENANT_ID"],
    }],
    references: REFERENCES,
    tenants: ("UM_TENANT", "UM_ID", "UM_ACTIVE"),
    of_tenants: (
        &[
            "UM_USER",
            "UM_ROLE",
            "UM_PERMISSION",
            "UM_HYBRID_ROLE",
            "UM_DOMAIN",
            "UM_DIALECT",
            "UM_SYSTEM_ROLE",
        ],
        "UM_TENANT_ID",
        // The super tenant has no row.
        &[-1234],
    ),
    domains: ("UM_DOMAIN", "UM_DOMAIN_NAME"),
    growing: Growing {
        names: &[
            "reg_log",
            "reg_resource",
            "reg_content",
            "idn_oauth2_access_token",
            "idn_oauth2_access_token_audit",
            "idn_oauth2_authorization_code",
            "idn_auth_session_store",
            "idn_auth_temp_session_store",
            "idn_auth_user_session_mapping",
            "idn_identity_user_data",
        ],
        prefixes: &["auditlog_"],
    },
};
