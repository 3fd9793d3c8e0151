//! May the product's account do in its schema what an upgrade does there?

use std::collections::BTreeMap;

use super::sql;
use super::wording::{counted, first_few, sentence};
use crate::facts::{Database, Engine, Family, Missing, Privileges, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-privileges",
    title: "The rights an upgrade needs in the database",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Database],
    people: People::MaySayNothing,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

What the product's own database account (not the agent's) may do in the product's schema: by its own grants, by the \
roles it is a member of, and by wildcard grants.

PostgreSQL: `CREATE` and `USAGE` on the schema, and `SELECT`, `INSERT`, `UPDATE`, `DELETE` on every table in it. \
MySQL and MariaDB: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `CREATE`, `DROP`, `ALTER`, `INDEX` and `REFERENCES` on the \
whole schema; without one of them it blocks. The vendor asks for `ALL PRIVILEGES` on the schema, so it warns when \
another one is missing.

## Why it matters

The daily work needs no right to change tables; an upgrade does little else. An account whose rights were cut down \
after the set-up runs well for years and then fails in the middle of the upgrade, with half of the tables changed. \
From PostgreSQL 15 on, `CREATE` on the schema `public` is no longer given to everybody: \
<https://www.postgresql.org/docs/release/15.0/>.

## How to fix it

Run the statement of the finding as an administrator of the database. Changing and dropping existing tables is not a \
privilege in PostgreSQL: it belongs to their owner, which the check database-ownership judges.

## What it needs

PostgreSQL: an account that may connect; the catalogues are readable by all \
(`GRANT CONNECT ON DATABASE confluence TO readiness;`). MySQL and MariaDB: the product's own account, which may see \
its own grants, or an account that may read those of others (`GRANT SELECT ON mysql.* TO 'readiness'@'localhost';`). \
SQL Server and Oracle cannot be asked by this agent; the reason then says what to ask the database administrator.

## Settings

None.
";

/// Without them a PostgreSQL schema is of no use.
///
/// <https://www.postgresql.org/docs/current/ddl-priv.html>
const ON_POSTGRESQL_SCHEMA: [&str; 2] = ["CREATE", "USAGE"];

/// What the daily work needs on every PostgreSQL table.
const ON_POSTGRESQL_TABLES: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// What creating, filling and changing tables with keys and indexes needs in MySQL.
///
/// <https://dev.mysql.com/doc/refman/8.0/en/privileges-provided.html>
const MYSQL_CORE: [&str; 9] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"];

/// What `ALL PRIVILEGES` on a schema gives besides. The vendor asks for all of them; that a particular
/// one is needed could not be confirmed.
const MYSQL_REST: [&str; 8] = [
    "TRIGGER",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EXECUTE",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
];

/// How a list of privileges may say "all of them".
const ALL_OF_THEM: [&str; 2] = ["ALL PRIVILEGES", "ALL"];

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let database = case.facts.database()?;
    let what = "what the product's account may do";
    let privileges = database.privileges.read(Source::Database, what);
    let judge: fn(&Rights<'_>) -> Vec<Finding> = match database.engine {
        Engine::Postgresql => postgresql,
        Engine::Mysql | Engine::Mariadb => mysql,
        Engine::SqlServer => {
            return Err(cannot_ask(
                privileges,
                "SELECT IS_ROLEMEMBER('db_owner'); as that account must give 1",
            ));
        }
        Engine::Oracle => {
            return Err(cannot_ask(
                privileges,
                "SELECT * FROM session_privs; and SELECT * FROM session_roles; as that account must show CONNECT, \
                 RESOURCE, CREATE TABLE, CREATE SEQUENCE and CREATE TRIGGER, and nothing with ANY",
            ));
        }
        Engine::H2 | Engine::Hsqldb => {
            let reason = format!("{} is embedded and has no rights to lack", database.engine.name());
            return Err(Undecided::DoesNotApply(reason));
        }
    };
    let rights = Rights { case, database, privileges: privileges? };
    let missing = database.schema.read(Source::Database, "the schema of the product's tables").err();
    let found = if rights.privileges.superuser { vec![rights.too_many()] } else { judge(&rights) };
    conclude(rights.evidence(), found, missing.into_iter().collect())
}

/// The agent has no eyes for this kind of server.
fn cannot_ask(privileges: Result<&Privileges, Missing>, question: &str) -> Undecided {
    let missing = privileges.err().unwrap_or_else(|| Missing::Unread {
        of: Source::Database,
        what: "what the product's account may do".to_owned(),
        why: "this check knows PostgreSQL, MySQL and MariaDB only".to_owned(),
    });
    Undecided::Missing(sql::ask(missing, question))
}

struct Rights<'a> {
    case: &'a Case<'a>,
    database: &'a Database,
    privileges: &'a Privileges,
}

impl Rights<'_> {
    fn evidence(&self) -> String {
        let Database { account, address, .. } = self.database;
        let held: Vec<&str> = self.privileges.on_schema.iter().map(String::as_str).collect();
        let held = match (self.privileges.superuser, held.as_slice()) {
            (true, _) => "everything".to_owned(),
            (false, []) => "nothing".to_owned(),
            (false, held) => held.join(", "),
        };
        let through = match self.privileges.through.as_slice() {
            [] => String::new(),
            through => format!(" (through {})", through.join(", ")),
        };
        format!("{account} holds {held} on schema {} at {address}{through}", sql::schema(self.database))
    }

    fn lacks_on_schema(&self, privilege: &str) -> bool {
        let held = &self.privileges.on_schema;
        !held.contains(privilege) && !ALL_OF_THEM.iter().any(|all| held.contains(*all))
    }

    fn too_many(&self) -> Finding {
        let Database { account, engine, .. } = self.database;
        let case = self.case;
        let (product, grantee, schema) =
            (self.case.facts.product, sql::account(self.database), sql::schema(self.database));
        let (summary, remedy) = match engine {
            Engine::Mysql | Engine::Mariadb => (
                format!(
                    "{account} holds every privilege on every schema, which is more than {product} needs"
                ),
                format!(
                    "Nothing must be done for the upgrade. {}",
                    if account == MYSQL_ADMINISTRATOR {
                        own_account(case, "all privileges on its schema only")
                    } else {
                        format!(
                            "Afterwards, in this order, and when nothing else uses the account: GRANT ALL PRIVILEGES ON \
                             {schema}.* TO {grantee}; REVOKE ALL PRIVILEGES ON *.* FROM {grantee};"
                        )
                    }
                ),
            ),
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => (
                format!("{account} is a superuser, which is more than {product} needs"),
                format!(
                    "Nothing must be done for the upgrade. {}",
                    if account == POSTGRESQL_ADMINISTRATOR {
                        own_account(case, "its schema and all objects in it as their owner")
                    } else {
                        format!(
                            "Afterwards make {account} the owner of its schema and all objects in it; then, when another \
                             superuser is left and nothing else uses the account: ALTER ROLE {grantee} NOSUPERUSER;"
                        )
                    }
                ),
            ),
        };
        Finding {
            severity: Severity::Notice,
            subject: "superuser".to_owned(),
            summary,
            observed: format!("{account} may do everything"),
            required: format!("all rights in schema {schema}, and none elsewhere"),
            remedy,
        }
    }

    fn finding(&self, severity: Severity, privilege: &str, place: &str, remedy: &str) -> Finding {
        let Database { account, address, .. } = self.database;
        Finding {
            severity,
            subject: privilege.to_owned(),
            summary: format!("{account} lacks {privilege} on {place}"),
            observed: self.evidence(),
            required: format!("{privilege} on {place}"),
            remedy: format!("At {address}, as its administrator: {}", sentence(remedy)),
        }
    }

    /// Privileges that are missing on single tables only, each once with its tables.
    fn on_tables(&self, grave: &[&str], remedy: &str) -> Vec<Finding> {
        let mut lacking: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (table, privileges) in &self.privileges.lacking_on_tables {
            for privilege in privileges.iter().filter(|privilege| !self.reported(privilege)) {
                lacking.entry(privilege).or_default().push(table);
            }
        }
        let finding = |(privilege, tables): (&str, Vec<&str>)| {
            let severity = if grave.contains(&privilege) { Severity::Blocker } else { Severity::Warning };
            let count = tables.len() as u64;
            let place = format!("{}: {}", counted(count, "table"), first_few(tables, count));
            self.finding(severity, privilege, &place, remedy)
        };
        lacking.into_iter().map(finding).collect()
    }

    /// Already said of the whole schema.
    fn reported(&self, privilege: &str) -> bool {
        let of_schema: &[&str] = match self.database.engine {
            Engine::Mysql | Engine::Mariadb => &[MYSQL_CORE.as_slice(), MYSQL_REST.as_slice()].concat(),
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
                &ON_POSTGRESQL_SCHEMA
            }
        };
        of_schema.contains(&privilege) && self.lacks_on_schema(privilege)
    }
}

/// The accounts servers are set up with: to take their rights locks the administrators out.
const MYSQL_ADMINISTRATOR: &str = "root";
const POSTGRESQL_ADMINISTRATOR: &str = "postgres";

fn own_account(case: &Case<'_>, holding: &str) -> String {
    format!(
        "Do not take rights from this account, which administers the server. Afterwards create an account for {} alone, \
         with {holding}, and name it in {}.",
        case.facts.product,
        match case.facts.product.family() {
            Family::Confluence => "confluence.cfg.xml",
            Family::Carbon => "the data source in repository/conf",
        }
    )
}

fn postgresql(rights: &Rights<'_>) -> Vec<Finding> {
    let (schema, account) = (sql::schema(rights.database), sql::account(rights.database));
    let place = format!("schema {schema}");
    let on_schema =
        ON_POSTGRESQL_SCHEMA.iter().filter(|privilege| rights.lacks_on_schema(privilege)).map(|privilege| {
            let hint = if *privilege == "CREATE" && schema == "public" {
                " From PostgreSQL 15 on, schema public no longer gives CREATE to everybody."
            } else {
                ""
            };
            let grant = format!("GRANT CREATE, USAGE ON SCHEMA {schema} TO {account};{hint}");
            rights.finding(Severity::Blocker, privilege, &place, &grant)
        });
    let grant =
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {account};");
    on_schema.chain(rights.on_tables(&ON_POSTGRESQL_TABLES, &grant)).collect()
}

fn mysql(rights: &Rights<'_>) -> Vec<Finding> {
    let (schema, account) = (sql::schema(rights.database), sql::account(rights.database));
    let place = format!("schema {schema}");
    let grant = format!("GRANT ALL PRIVILEGES ON {schema}.* TO {account};");
    let lacks = |severity, privileges: &[&'static str]| {
        let lacking = privileges.iter().filter(|privilege| rights.lacks_on_schema(privilege));
        lacking.map(|privilege| rights.finding(severity, privilege, &place, &grant)).collect::<Vec<_>>()
    };
    let mut found = lacks(Severity::Blocker, &MYSQL_CORE);
    found.extend(lacks(Severity::Warning, &MYSQL_REST));
    found.extend(rights.on_tables(&MYSQL_CORE, &grant));
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, database, judges_spoilt, judges_spoilt_from, look, read, unread};

    fn privileges(golden: &mut Golden) -> &mut Privileges {
        read(&mut database(golden).privileges)
    }

    fn lack(golden: &mut Golden, privilege: &str) {
        assert!(privileges(golden).on_schema.remove(privilege));
    }

    fn lack_on(golden: &mut Golden, privilege: &str, tables: &[&str]) {
        for table in tables {
            let lacking = privileges(golden).lacking_on_tables.entry((*table).to_owned()).or_default();
            lacking.insert(privilege.to_owned());
        }
    }

    fn mysql() -> Golden {
        let mut golden = golden();
        database(&mut golden).engine = Engine::Mysql;
        database(&mut golden).schema = Field::Read("wiki".into());
        privileges(&mut golden).on_schema =
            MYSQL_CORE.iter().chain(&MYSQL_REST).map(ToString::to_string).collect();
        golden
    }

    #[test]
    fn postgresql_needs_the_schema_and_every_table() {
        use Severity::{Blocker, Notice};
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("no CREATE", |g| lack(g, "CREATE"), Blocked, &[(Blocker, "CREATE")]),
            ("no USAGE", |g| lack(g, "USAGE"), Blocked, &[(Blocker, "USAGE")]),
            ("a table", |g| lack_on(g, "UPDATE", &["content"]), Blocked, &[(Blocker, "UPDATE")]),
            (
                "another right",
                |g| lack_on(g, "TRIGGER", &["content"]),
                Warning,
                &[(Severity::Warning, "TRIGGER")],
            ),
            (
                "nothing lacking after all",
                |g| {
                    privileges(g).lacking_on_tables.insert("content".into(), BTreeSet::new());
                },
                Ready,
                &[],
            ),
            (
                "two rights on two tables",
                |g| {
                    lack_on(g, "UPDATE", &["bandana", "content"]);
                    lack_on(g, "DELETE", &["content"]);
                },
                Blocked,
                &[(Blocker, "DELETE"), (Blocker, "UPDATE")],
            ),
            (
                "superuser",
                |g| {
                    privileges(g).superuser = true;
                    privileges(g).on_schema.clear();
                },
                Ready,
                &[(Notice, "superuser")],
            ),
            ("unread", |g| database(g).privileges = unread(), Unknown, &[]),
            ("schema unread", |g| database(g).schema = unread(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn mysql_blocks_for_what_changes_tables_and_warns_for_the_rest() {
        use Severity::{Blocker, Notice};
        let rows: &[Spoil] = &[
            ("all", |_| {}, Ready, &[]),
            (
                "all in one word",
                |g| privileges(g).on_schema = BTreeSet::from(["ALL PRIVILEGES".into()]),
                Ready,
                &[],
            ),
            ("no ALTER", |g| lack(g, "ALTER"), Blocked, &[(Blocker, "ALTER")]),
            ("no TRIGGER", |g| lack(g, "TRIGGER"), Warning, &[(Severity::Warning, "TRIGGER")]),
            ("DROP revoked on a table", |g| lack_on(g, "DROP", &["CONTENT"]), Blocked, &[(Blocker, "DROP")]),
            (
                "said once",
                |g| {
                    lack(g, "DROP");
                    lack_on(g, "DROP", &["CONTENT"]);
                },
                Blocked,
                &[(Blocker, "DROP")],
            ),
            ("superuser", |g| privileges(g).superuser = true, Ready, &[(Notice, "superuser")]),
            ("unread", |g| database(g).privileges = unread(), Unknown, &[]),
        ];
        judges_spoilt_from(&CHECK, mysql, rows);
        let mut nothing = mysql();
        privileges(&mut nothing).on_schema.clear();
        assert_eq!(look(&CHECK, &nothing).findings.len(), MYSQL_CORE.len() + MYSQL_REST.len());
    }

    #[test]
    fn the_remedy_can_be_pasted() {
        let mut golden = golden();
        lack(&mut golden, "CREATE");
        let text = look(&CHECK, &golden).text();
        assert!(text.contains("GRANT CREATE, USAGE ON SCHEMA public TO confluence;"), "{text}");
        assert!(text.contains("PostgreSQL 15"), "{text}");

        let mut golden = mysql();
        lack(&mut golden, "INDEX");
        let text = look(&CHECK, &golden).text();
        assert!(text.contains("GRANT ALL PRIVILEGES ON `wiki`.* TO 'confluence'@'%';"), "{text}");

        let mut golden = crate::golden::golden();
        let tables: Vec<String> = (0..400).map(|number| format!("AO_{number:03}")).collect();
        lack_on(&mut golden, "SELECT", &tables.iter().map(String::as_str).collect::<Vec<_>>());
        let text = look(&CHECK, &golden).text();
        assert!(text.contains("AO_004 and 395 more"), "{text}");
    }

    #[test]
    fn nobody_is_told_to_lock_the_administrators_out() {
        let rows = vec![
            (golden(), "confluence", "NOSUPERUSER", true),
            (golden(), "postgres", "NOSUPERUSER", false),
            (mysql(), "confluence", "REVOKE", true),
            (mysql(), "root", "REVOKE", false),
        ];
        for (mut golden, account, statement, told) in rows {
            privileges(&mut golden).superuser = true;
            database(&mut golden).account = account.into();
            let remedy = look(&CHECK, &golden).findings[0].remedy.clone();
            assert_eq!(remedy.contains(statement), told, "{remedy}");
            // What is taken is granted elsewhere first.
            let granted = remedy.find("GRANT ALL").unwrap_or_default();
            assert!(remedy.find("REVOKE").is_none_or(|revoked| granted < revoked), "{remedy}");
        }
    }

    #[test]
    fn servers_the_agent_cannot_ask_are_unknown_and_the_question_is_told() {
        let rows = [
            (Engine::SqlServer, Unknown, "IS_ROLEMEMBER('db_owner')"),
            (Engine::Oracle, Unknown, "session_privs"),
            (Engine::H2, Skipped, "embedded"),
        ];
        for (engine, verdict, text) in rows {
            let mut golden = golden();
            database(&mut golden).engine = engine;
            for unreadable in [false, true] {
                if unreadable {
                    database(&mut golden).privileges = unread();
                }
                let seen = look(&CHECK, &golden);
                assert_eq!(seen.verdict, verdict, "{}", seen.text());
                assert!(seen.reason.contains(text), "{}", seen.reason);
            }
        }
    }
}
