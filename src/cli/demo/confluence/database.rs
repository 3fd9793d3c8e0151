//! The example's database: users and a schema like Confluence's; one table belongs to somebody else.

use super::super::postgres::Postgres;
use super::BUILD;

/// Its name.
pub(super) const DATABASE: &str = "confluence";

/// The account of the example.
pub(super) const USER: &str = "confluence";

/// Its password, which nothing shows.
pub(super) const PASSWORD: &str = "example-secret-7f3a";

/// Makes and fills it.
pub(super) async fn fill(postgres: &Postgres) -> anyhow::Result<()> {
    // A database cannot be made beside other statements.
    for statement in [
        format!("CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"),
        "CREATE ROLE former_dba".to_owned(),
        format!("CREATE DATABASE {DATABASE}"),
    ] {
        postgres.run("postgres", &statement).await?;
    }
    let schema = format!(
        "GRANT CREATE, USAGE ON SCHEMA public TO {USER};
         SET ROLE {USER};
         CREATE TABLE confversion (confversionid bigint PRIMARY KEY, buildnumber integer NOT NULL,
             installdate timestamp, versiontag varchar(255), finalized varchar(1));
         INSERT INTO confversion VALUES (1, 8804, '2023-02-11 18:00', NULL, 'Y'), (2, {BUILD}, '2024-03-16 19:12', NULL, 'Y');
         CREATE TABLE content (contentid bigint PRIMARY KEY, title varchar(255));
         CREATE TABLE bodycontent (bodycontentid bigint PRIMARY KEY, body text);
         INSERT INTO bodycontent SELECT number, repeat(md5(number::text), 20) FROM generate_series(1, 3000) number;
         CREATE TABLE spaces (spaceid bigint PRIMARY KEY, spacekey varchar(255));
         CREATE TABLE user_mapping (user_key varchar(255) PRIMARY KEY, username varchar(255) NOT NULL,
             lower_username varchar(255), CONSTRAINT unq_lwr_username UNIQUE (lower_username));
         INSERT INTO user_mapping VALUES ('1', 'admin', 'admin'), ('2', 'Example', 'example');
         CREATE TABLE bandana (bandanaid bigint PRIMARY KEY, bandanacontext varchar(255), bandanakey varchar(255),
             bandanavalue text);
         INSERT INTO bandana VALUES (1, '_GLOBAL', 'migration.required', '<boolean>false</boolean>'),
             (2, 'DOCS', 'atlassian.confluence.css.resource.custom', 'body {{ color: black }}');
         CREATE TABLE decorator (decoratorid bigint PRIMARY KEY, spacekey varchar(255), decoratorname varchar(255),
             body text);
         INSERT INTO decorator VALUES (1, NULL, 'decorators/main.vmd', '<html/>');
         CREATE TABLE clustersafety (clustersafetyid bigint PRIMARY KEY, safetynumber integer);
         CREATE TABLE cwd_directory (id bigint PRIMARY KEY, directory_type varchar(60), active char(1));
         INSERT INTO cwd_directory VALUES (1, 'INTERNAL', 'T'), (2, 'CONNECTOR', 'T');
         CREATE TABLE cwd_user (id bigint PRIMARY KEY, lower_user_name varchar(255), active char(1), directory_id bigint);
         INSERT INTO cwd_user VALUES (1, 'admin', 'T', 1), (2, 'example', 'T', 2);
         CREATE TABLE cwd_group (id bigint PRIMARY KEY, group_name varchar(255), directory_id bigint);
         INSERT INTO cwd_group VALUES (1, 'confluence-administrators', 1), (2, 'confluence-administrators', 2);
         CREATE TABLE cwd_membership (id bigint PRIMARY KEY, parent_id bigint, child_user_id bigint);
         INSERT INTO cwd_membership VALUES (1, 1, 1), (2, 2, 2);
         CREATE TABLE spacepermissions (permid bigint PRIMARY KEY, spaceid bigint, permtype varchar(255),
             permgroupname varchar(255), permusername varchar(255));
         RESET ROLE;
         CREATE TABLE \"AO_950DC3_TC_EVENTS\" (\"ID\" serial PRIMARY KEY, \"TITLE\" text);
         ALTER TABLE \"AO_950DC3_TC_EVENTS\" OWNER TO former_dba;
         GRANT SELECT, INSERT, UPDATE, DELETE ON \"AO_950DC3_TC_EVENTS\" TO {USER};"
    );
    postgres.run(DATABASE, &schema).await
}
