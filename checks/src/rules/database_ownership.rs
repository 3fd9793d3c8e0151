//! Do the tables belong to the product's account?

use std::collections::BTreeMap;

use super::sql;
use super::wording::{NAMED, counted, first_few};
use crate::facts::{Database, Engine, ForeignObject, Missing, Ownership, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-ownership",
    title: "Tables that belong to the product's account",
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

PostgreSQL: the owner of every table, sequence, view and function in the product's schema, and whether the product's \
account is that owner or a member of it. MySQL and MariaDB: the definer of every view, trigger, routine and event.

## Why it matters

In PostgreSQL only the owner of a table, a member of the owner, or a superuser may alter or drop it; no grant replaces \
that (<https://www.postgresql.org/docs/current/ddl-priv.html>). Tables that were restored or created by an \
administrator work every day and stop the upgrade at the first change to them.
A MySQL view or trigger runs with the rights of its definer. It fails when that account was removed, which happens \
when a dump is restored on another server.

## How to fix it

PostgreSQL: `ALTER TABLE … OWNER TO …` for each object, or `REASSIGN OWNED BY … TO …` for all objects of an owner in the \
database, also those outside the product's schema. MySQL: create the object again with the product's account as \
definer.

## What it needs

PostgreSQL: an account that may connect; the catalogues are readable by all \
(`GRANT CONNECT ON DATABASE confluence TO readiness;`). MySQL and MariaDB: the product's own account, or \
`GRANT SHOW VIEW, TRIGGER, EVENT ON confluence.* TO 'readiness'@'localhost';` and, for routines, \
`GRANT SELECT ON mysql.* TO 'readiness'@'localhost';`. SQL Server and Oracle cannot be asked by this agent.

## Settings

None.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let database = case.facts.database()?;
    let ownership = database.ownership.read(Source::Database, "the owners of tables");
    match database.engine {
        Engine::Postgresql | Engine::Mysql | Engine::Mariadb => {}
        Engine::SqlServer | Engine::Oracle => return Err(cannot_ask(database.engine, ownership.err())),
        Engine::H2 | Engine::Hsqldb => {
            let reason = format!("{} is embedded and has one account only", database.engine.name());
            return Err(Undecided::DoesNotApply(reason));
        }
    }
    let ownership = ownership?;
    let Database { account, address, .. } = database;
    let schema = sql::schema(database);
    if ownership.objects == 0 {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Database,
            what: "the owners of tables".to_owned(),
            why: format!(
                "there is no object in schema {schema} at {address}: this is not the product's schema, or the \
                 account the agent looks with sees nothing in it"
            ),
        }));
    }
    let objects = counted(ownership.objects, "object");
    if ownership.foreign_count == 0 {
        let evidence = format!("{account} owns all of {objects} in schema {schema} at {address}");
        return Ok(Judgement::ready(evidence));
    }
    let (severity, missing) = severity(database);
    let foreign = Foreign { database, ownership, severity, schema: &schema };
    let evidence = format!("{} of {objects} in schema {schema} belong to others", ownership.foreign_count);
    conclude(evidence, foreign.findings(), missing.into_iter().collect())
}

/// How grave foreign objects are, and what would have to be known to say it for sure.
fn severity(database: &Database) -> (Severity, Option<Missing>) {
    match database.engine {
        // A superuser may change what belongs to others; who is not known to be one may not block, nor pass.
        Engine::Postgresql => {
            match database.privileges.read(Source::Database, "whether the product's account is a superuser") {
                Ok(privileges) if privileges.superuser => (Severity::Notice, None),
                Ok(_) => (Severity::Blocker, None),
                Err(missing) => (Severity::Warning, Some(missing)),
            }
        }
        Engine::Mysql
        | Engine::Mariadb
        | Engine::SqlServer
        | Engine::Oracle
        | Engine::H2
        | Engine::Hsqldb => (Severity::Warning, None),
    }
}

fn cannot_ask(engine: Engine, missing: Option<Missing>) -> Undecided {
    let missing = missing.unwrap_or_else(|| Missing::Unread {
        of: Source::Database,
        what: "the owners of tables".to_owned(),
        why: "this check knows PostgreSQL, MySQL and MariaDB only".to_owned(),
    });
    let question = if engine == Engine::Oracle {
        "as the product's account, SELECT COUNT(*) FROM user_tables; must count the product's tables"
    } else {
        "SELECT s.name, COUNT(*) FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id GROUP BY s.name; \
         must show the product's tables in the default schema of its account"
    };
    Undecided::Missing(sql::ask(missing, question))
}

struct Foreign<'a> {
    database: &'a Database,
    ownership: &'a Ownership,
    severity: Severity,
    schema: &'a str,
}

impl Foreign<'_> {
    /// One finding per owner; one more when there are foreign objects and none of them is named.
    fn findings(&self) -> Vec<Finding> {
        let mut owners: BTreeMap<&str, Vec<&ForeignObject>> = BTreeMap::new();
        for object in &self.ownership.foreign {
            owners.entry(&object.owner).or_default().push(object);
        }
        if owners.is_empty() {
            return vec![self.of_nobody()];
        }
        owners.into_iter().map(|(owner, objects)| self.of(owner, &objects)).collect()
    }

    fn of(&self, owner: &str, objects: &[&ForeignObject]) -> Finding {
        let Database { account, engine, .. } = self.database;
        let Ownership { foreign, foreign_count, objects: all } = self.ownership;
        let count = counted(objects.len() as u64, "object");
        let (at_least, unlisted) = match foreign_count.saturating_sub(foreign.len() as u64) {
            0 => ("", String::new()),
            more => ("at least ", format!("; {more} more foreign ones are not listed")),
        };
        let names: Vec<String> =
            objects.iter().map(|object| format!("{} {}", object.kind, object.name)).collect();
        let names = first_few(names.iter().map(String::as_str), objects.len() as u64);
        let (summary, required, remedy) = match engine {
            Engine::Mysql | Engine::Mariadb => (
                format!("{owner} is the definer of {at_least}{count} in schema {}", self.schema),
                format!("{account} as the definer of every view, trigger, routine and event"),
                self.define_again(owner, objects),
            ),
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => (
                format!("{owner} and not {account} owns {at_least}{count} in schema {}", self.schema),
                format!("{account} as the owner of all {all} objects, or as a member of their owner"),
                self.hand_over(owner, objects),
            ),
        };
        Finding {
            severity: self.severity,
            subject: owner.to_owned(),
            summary,
            observed: format!("{names}{unlisted}"),
            required,
            remedy,
        }
    }

    fn of_nobody(&self) -> Finding {
        let Database { account, address, .. } = self.database;
        let count = self.ownership.foreign_count;
        Finding {
            severity: self.severity,
            subject: "unnamed-owners".to_owned(),
            summary: format!(
                "{} in schema {} belong to others than {account}",
                counted(count, "object"),
                self.schema
            ),
            observed: format!("{count} of {}", self.ownership.objects),
            required: format!("{account} as the owner of every object"),
            remedy: format!(
                "List the owners of the objects in schema {} at {address} and hand them over.",
                self.schema
            ),
        }
    }

    fn hand_over(&self, owner: &str, objects: &[&ForeignObject]) -> String {
        let (engine, account) = (self.database.engine, sql::account(self.database));
        let statements: Vec<String> = objects
            .iter()
            .take(NAMED)
            .map(|object| {
                let (kind, name) = (object.kind.to_uppercase(), sql::signature(engine, &object.name));
                format!("ALTER {kind} {}.{name} OWNER TO {account};", self.schema)
            })
            .collect();
        let each = format!("As a superuser, for each object: {}", statements.join(" "));
        let rest = if objects.len() > NAMED { " And so on for the rest." } else { "" };
        if owner == BOOTSTRAP_SUPERUSER {
            return format!(
                "{each}{rest} Do not use REASSIGN OWNED for this owner: the server's own objects belong to it, and the \
                 statement fails."
            );
        }
        let (role, schema) = (sql::name(engine, owner), self.schema);
        format!(
            "{each}{rest} Or, when everything {owner} owns in this database may change hands, also outside schema {schema}: \
             REASSIGN OWNED BY {role} TO {account}; Or let the account act as that owner: GRANT {role} TO {account};"
        )
    }

    fn define_again(&self, owner: &str, objects: &[&ForeignObject]) -> String {
        let statements: Vec<String> = objects
            .iter()
            .take(NAMED)
            .map(|object| {
                let name = sql::name(self.database.engine, &object.name);
                format!("SHOW CREATE {} {}.{name};", object.kind.to_uppercase(), self.schema)
            })
            .collect();
        format!(
            "Make sure that the account {owner} exists and has its rights, or show each object with {} and create it \
             again with DEFINER = {}.",
            statements.join(" "),
            sql::account(self.database)
        )
    }
}

/// The superuser a PostgreSQL server is set up with, as a rule; what the server needs itself belongs to it.
const BOOTSTRAP_SUPERUSER: &str = "postgres";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, database, judges_spoilt, look, read, unread};

    fn foreign(golden: &mut Golden, owner: &str, kind: &str, names: &[&str]) {
        let ownership = read(&mut database(golden).ownership);
        ownership.foreign.extend(names.iter().map(|name| ForeignObject {
            kind: kind.into(),
            name: (*name).into(),
            owner: owner.into(),
        }));
        ownership.foreign_count += names.len() as u64;
    }

    #[test]
    fn foreign_objects_block_where_only_their_owner_may_change_them() {
        use Severity::{Blocker, Notice};
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("one table", |g| foreign(g, "admin", "table", &["content"]), Blocked, &[(Blocker, "admin")]),
            (
                "two owners",
                |g| {
                    foreign(g, "postgres", "table", &["content", "bandana"]);
                    foreign(g, "admin", "sequence", &["seq"]);
                },
                Blocked,
                &[(Blocker, "admin"), (Blocker, "postgres")],
            ),
            (
                "a superuser may",
                |g| {
                    foreign(g, "admin", "table", &["content"]);
                    read(&mut database(g).privileges).superuser = true;
                },
                Ready,
                &[(Notice, "admin")],
            ),
            (
                "a superuser perhaps",
                |g| {
                    foreign(g, "admin", "table", &["content"]);
                    database(g).privileges = unread();
                },
                Unknown,
                &[(Severity::Warning, "admin")],
            ),
            ("rights do not matter when all is owned", |g| database(g).privileges = unread(), Ready, &[]),
            (
                "counted, not named",
                |g| read(&mut database(g).ownership).foreign_count = 7,
                Blocked,
                &[(Blocker, "unnamed-owners")],
            ),
            (
                "foreign definer",
                |g| {
                    database(g).engine = Engine::Mysql;
                    foreign(g, "root@localhost", "view", &["v"]);
                },
                Warning,
                &[(Severity::Warning, "root@localhost")],
            ),
            ("own definers", |g| database(g).engine = Engine::Mariadb, Ready, &[]),
            ("empty schema", |g| read(&mut database(g).ownership).objects = 0, Unknown, &[]),
            ("unread", |g| database(g).ownership = unread(), Unknown, &[]),
            ("SQL Server", |g| database(g).engine = Engine::SqlServer, Unknown, &[]),
            ("embedded", |g| database(g).engine = Engine::H2, Skipped, &[]),
            ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn the_remedy_can_be_pasted_and_is_safe() {
        let mut golden = golden();
        foreign(&mut golden, "old role", "table", &["content", "AO_1", "x\"; DROP TABLE y; --"]);
        foreign(&mut golden, "old role", "function", &["reindex(integer, text[])"]);
        let text = look(&CHECK, &golden).findings.remove(0).remedy;
        for part in [
            "ALTER FUNCTION public.reindex(integer, text[]) OWNER TO confluence;",
            "ALTER TABLE public.content OWNER TO confluence;",
            "ALTER TABLE public.\"AO_1\" OWNER TO confluence;",
            "ALTER TABLE public.\"x\"\"; DROP TABLE y; --\" OWNER TO confluence;",
            "REASSIGN OWNED BY \"old role\" TO confluence;",
            "GRANT \"old role\" TO confluence;",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }

        let mut golden = crate::golden::golden();
        foreign(&mut golden, "postgres", "table", &["content"]);
        let text = look(&CHECK, &golden).findings.remove(0).remedy;
        assert!(!text.contains("REASSIGN OWNED BY") && !text.contains("GRANT"), "{text}");
    }

    #[test]
    fn many_objects_are_counted_and_a_few_are_named() {
        let mut golden = golden();
        let names: Vec<String> = (0..Ownership::MOST).map(|number| format!("t{number:02}")).collect();
        foreign(&mut golden, "admin", "table", &names.iter().map(String::as_str).collect::<Vec<_>>());
        read(&mut database(&mut golden).ownership).foreign_count = 412;
        let seen = look(&CHECK, &golden);
        let finding = &seen.findings[0];
        assert!(finding.summary.contains("at least 50 objects"), "{}", finding.summary);
        assert!(finding.observed.contains("table t04 and 45 more; 362 more foreign"), "{}", finding.observed);
        assert_eq!(finding.remedy.matches("ALTER TABLE").count(), NAMED);
        database(&mut golden).schema = Field::Read("wiki".into());
        assert!(look(&CHECK, &golden).text().contains("wiki.t00"));
    }
}
