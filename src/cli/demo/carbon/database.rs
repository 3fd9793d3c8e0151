//! The example's databases: the kernel's tables as far as they matter, in production and in a copy that is not whole.
//!
//! Names and keys of tables: the scripts of wso2/carbon-kernel at v4.4.6; the statements are our own.

use std::fmt::Write as _;

use super::super::postgres::Postgres;

/// Production's database, and its account.
pub(super) const PRODUCTION: &str = "carbon";

/// The staging database, and its account.
pub(super) const STAGING: &str = "carbon_staging";

/// The password of both accounts, which nothing shows.
pub(super) const PASSWORD: &str = "example-secret-7f3a";

/// Tables with their own columns; each has a number, a tenant and a key over both.
const NUMBERED: [(&str, &str, &str, &str); 29] = [
    ("REG_PATH", "REG_PATH_ID", "REG", "REG_PATH_VALUE varchar(2000) NOT NULL, REG_PATH_PARENT_ID integer"),
    ("REG_CONTENT", "REG_CONTENT_ID", "REG", "REG_CONTENT_DATA bytea"),
    ("REG_CONTENT_HISTORY", "REG_CONTENT_ID", "REG", "REG_CONTENT_DATA bytea"),
    (
        "REG_LOG",
        "REG_LOG_ID",
        "REG",
        "REG_PATH varchar(2000), REG_USER_ID varchar(20), REG_LOGGED_TIME timestamp",
    ),
    ("REG_COMMENT", "REG_ID", "REG", "REG_COMMENT_TEXT varchar(500)"),
    ("REG_RATING", "REG_ID", "REG", "REG_RATING integer"),
    ("REG_TAG", "REG_ID", "REG", "REG_TAG_NAME varchar(500)"),
    ("REG_PROPERTY", "REG_ID", "REG", "REG_NAME varchar(100), REG_VALUE varchar(1000)"),
    (
        "REG_ASSOCIATION",
        "REG_ASSOCIATION_ID",
        "REG",
        "REG_SOURCEPATH varchar(2000), REG_TARGETPATH varchar(2000)",
    ),
    ("REG_SNAPSHOT", "REG_SNAPSHOT_ID", "REG", "REG_PATH_ID integer"),
    ("UM_DOMAIN", "UM_DOMAIN_ID", "UM", "UM_DOMAIN_NAME varchar(255)"),
    ("UM_USER", "UM_ID", "UM", "UM_USER_NAME varchar(255) NOT NULL, UNIQUE (UM_USER_NAME, UM_TENANT_ID)"),
    (
        "UM_USER_ATTRIBUTE",
        "UM_ID",
        "UM",
        "UM_ATTR_NAME varchar(255), UM_ATTR_VALUE varchar(255), UM_USER_ID integer",
    ),
    ("UM_ROLE", "UM_ID", "UM", "UM_ROLE_NAME varchar(255) NOT NULL, UNIQUE (UM_ROLE_NAME, UM_TENANT_ID)"),
    (
        "UM_PERMISSION",
        "UM_ID",
        "UM",
        "UM_RESOURCE_ID varchar(255), UM_ACTION varchar(255), UM_MODULE_ID integer",
    ),
    ("UM_ROLE_PERMISSION", "UM_ID", "UM", "UM_PERMISSION_ID integer, UM_ROLE_NAME varchar(255)"),
    ("UM_USER_PERMISSION", "UM_ID", "UM", "UM_PERMISSION_ID integer, UM_USER_NAME varchar(255)"),
    ("UM_USER_ROLE", "UM_ID", "UM", "UM_ROLE_ID integer, UM_USER_ID integer"),
    ("UM_ACCOUNT_MAPPING", "UM_ID", "UM", "UM_USER_NAME varchar(255), UM_ACC_LINK_ID integer"),
    ("UM_DIALECT", "UM_ID", "UM", "UM_DIALECT_URI varchar(255)"),
    ("UM_CLAIM", "UM_ID", "UM", "UM_CLAIM_URI varchar(255), UM_DIALECT_ID integer"),
    ("UM_PROFILE_CONFIG", "UM_ID", "UM", "UM_PROFILE_NAME varchar(255)"),
    ("UM_CLAIM_BEHAVIOR", "UM_ID", "UM", "UM_PROFILE_ID integer, UM_CLAIM_ID integer"),
    ("UM_HYBRID_ROLE", "UM_ID", "UM", "UM_ROLE_NAME varchar(255)"),
    (
        "UM_HYBRID_USER_ROLE",
        "UM_ID",
        "UM",
        "UM_USER_NAME varchar(255), UM_ROLE_ID integer, UM_DOMAIN_ID integer",
    ),
    ("UM_HYBRID_REMEMBER_ME", "UM_ID", "UM", "UM_USER_NAME varchar(255), UM_CREATED_TIME timestamp"),
    ("UM_SYSTEM_ROLE", "UM_ID", "UM", "UM_ROLE_NAME varchar(255)"),
    ("UM_SYSTEM_USER", "UM_ID", "UM", "UM_USER_NAME varchar(255)"),
    ("UM_SYSTEM_USER_ROLE", "UM_ID", "UM", "UM_USER_NAME varchar(255), UM_ROLE_ID integer"),
];

/// All others, whole.
const OTHERS: &str = "
    CREATE TABLE REG_CLUSTER_LOCK (REG_LOCK_NAME varchar(20) PRIMARY KEY, REG_LOCK_STATUS varchar(20));
    CREATE TABLE REG_RESOURCE (REG_PATH_ID integer NOT NULL, REG_NAME varchar(256), REG_VERSION serial,
        REG_CONTENT_ID integer, REG_UUID varchar(100), REG_TENANT_ID integer DEFAULT 0,
        PRIMARY KEY (REG_VERSION, REG_TENANT_ID));
    CREATE TABLE REG_RESOURCE_HISTORY (REG_VERSION integer, REG_PATH_ID integer, REG_TENANT_ID integer DEFAULT 0,
        PRIMARY KEY (REG_VERSION, REG_TENANT_ID));
    CREATE TABLE REG_RESOURCE_COMMENT (REG_COMMENT_ID integer, REG_VERSION integer, REG_TENANT_ID integer);
    CREATE TABLE REG_RESOURCE_RATING (REG_RATING_ID integer, REG_VERSION integer, REG_TENANT_ID integer);
    CREATE TABLE REG_RESOURCE_TAG (REG_TAG_ID integer, REG_VERSION integer, REG_TENANT_ID integer);
    CREATE TABLE REG_RESOURCE_PROPERTY (REG_PROPERTY_ID integer, REG_VERSION integer, REG_TENANT_ID integer);
    CREATE TABLE UM_TENANT (UM_ID serial PRIMARY KEY, UM_DOMAIN_NAME varchar(255) NOT NULL UNIQUE,
        UM_ACTIVE boolean DEFAULT false);
    CREATE TABLE UM_MODULE (UM_ID serial PRIMARY KEY, UM_MODULE_NAME varchar(100) UNIQUE);
    CREATE TABLE UM_MODULE_ACTIONS (UM_ACTION varchar(255), UM_MODULE_ID integer, PRIMARY KEY (UM_ACTION, UM_MODULE_ID));
    CREATE TABLE UM_SHARED_USER_ROLE (UM_ROLE_ID integer, UM_USER_ID integer, UM_USER_TENANT_ID integer,
        UM_ROLE_TENANT_ID integer);
    CREATE INDEX REG_LOG_IND_BY_REG_LOGGED_TIME ON REG_LOG (REG_LOGGED_TIME, REG_TENANT_ID);
    CREATE INDEX REG_RESOURCE_IND_BY_TENANT_UUID ON REG_RESOURCE (REG_TENANT_ID, REG_UUID);
";

/// What both databases hold.
const ROWS: &str = "
    INSERT INTO UM_TENANT (UM_DOMAIN_NAME, UM_ACTIVE) VALUES ('shop.example.com', true), ('prices.example.com', true);
    INSERT INTO UM_DOMAIN (UM_DOMAIN_NAME, UM_TENANT_ID)
        VALUES ('PRIMARY', -1234), ('SYSTEM', -1234), ('EXAMPLE.COM', -1234);
    INSERT INTO UM_ROLE (UM_ROLE_NAME, UM_TENANT_ID) VALUES ('admin', -1234), ('clerks', -1234), ('admin', 1);
    INSERT INTO UM_PERMISSION (UM_RESOURCE_ID, UM_ACTION, UM_TENANT_ID)
        VALUES ('/permission/admin', 'ui.execute', -1234), ('/permission/admin', 'ui.execute', 1);
    INSERT INTO REG_PATH (REG_PATH_VALUE, REG_PATH_PARENT_ID, REG_TENANT_ID)
        VALUES ('/', 0, -1234), ('/_system', 1, -1234), ('/_system/config', 2, -1234), ('/_system/governance', 2, -1234);
    INSERT INTO REG_CONTENT (REG_CONTENT_DATA, REG_TENANT_ID)
        SELECT decode(repeat(md5(number::text), 40), 'hex'), -1234 FROM generate_series(1, 1000) number;
    INSERT INTO REG_RESOURCE (REG_PATH_ID, REG_NAME, REG_CONTENT_ID, REG_TENANT_ID)
        VALUES (1, NULL, 1, -1234), (2, NULL, 2, -1234);
    INSERT INTO REG_LOG (REG_PATH, REG_USER_ID, REG_LOGGED_TIME, REG_TENANT_ID)
        SELECT '/_system', 'system', now(), -1234 FROM generate_series(1, 500);
";

/// What was added to production since the copy was made.
const SINCE: &str = "
    INSERT INTO UM_USER (UM_USER_NAME, UM_TENANT_ID) SELECT 'example' || number, -1234 FROM generate_series(1, 12) number;
    INSERT INTO UM_USER_ROLE (UM_ROLE_ID, UM_USER_ID, UM_TENANT_ID)
        SELECT 2, number, -1234 FROM generate_series(1, 12) number;
";

/// A copy of the data alone: the numbers were copied, and the sequences still begin at one.
const COPIED: &str = "
    INSERT INTO UM_USER (UM_ID, UM_USER_NAME, UM_TENANT_ID)
        SELECT number, 'example' || number, -1234 FROM generate_series(1, 10) number;
    INSERT INTO UM_USER_ROLE (UM_ID, UM_ROLE_ID, UM_USER_ID, UM_TENANT_ID)
        SELECT number, 2, number, -1234 FROM generate_series(1, 10) number;
";

/// Makes and fills both.
pub(super) async fn fill(postgres: &Postgres) -> anyhow::Result<()> {
    postgres.run("postgres", "CREATE ROLE former_dba").await?;
    for (database, rows) in [(PRODUCTION, SINCE), (STAGING, COPIED)] {
        // A database cannot be made beside other statements.
        postgres.run("postgres", &format!("CREATE ROLE {database} LOGIN PASSWORD '{PASSWORD}'")).await?;
        postgres.run("postgres", &format!("CREATE DATABASE {database}")).await?;
        let statements = format!(
            "GRANT CREATE, USAGE ON SCHEMA public TO {database};
             SET ROLE {database}; {tables} {ROWS} {rows} RESET ROLE; ANALYZE;",
            tables = tables(),
        );
        postgres.run(database, &statements).await?;
    }
    let table = "UM_HYBRID_REMEMBER_ME";
    postgres
        .run(
            PRODUCTION,
            &format!(
                "ALTER TABLE {table} OWNER TO former_dba;
                 GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {PRODUCTION};"
            ),
        )
        .await
}

fn tables() -> String {
    let mut statements = String::new();
    for (table, number, prefix, columns) in NUMBERED {
        write!(
            statements,
            "CREATE TABLE {table} ({number} serial, {prefix}_TENANT_ID integer DEFAULT 0, {columns}, \
             PRIMARY KEY ({number}, {prefix}_TENANT_ID));"
        )
        .expect("a string takes everything");
    }
    statements + OTHERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forty_tables_of_the_kernel_are_made() {
        let statements = tables();
        assert_eq!(statements.matches("CREATE TABLE REG_").count(), 17);
        assert_eq!(statements.matches("CREATE TABLE UM_").count(), 23);
    }
}
