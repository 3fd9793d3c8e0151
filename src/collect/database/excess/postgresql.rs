//! PostgreSQL: what the account may by itself, as everybody, and by every role it is a member of, at any depth.
//!
//! Whether a role is in force does not matter: the account can take it on with `SET ROLE`. What is read are the lists
//! of rights in the catalogues, which say who was given what, and not one table after the other.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::errand::{Session, StatementError};
use super::{Beyond, Told};

/// Roles of the server that only read. Of what others may, reading needs nothing.
const READING_ROLES: [&str; 6] = [
    "pg_monitor",
    "pg_read_all_data",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_stat_scan_tables",
    // Whoever owns the database, which is told as such.
    "pg_database_owner",
];

/// Attributes of roles, and what they allow.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("SUPERUSER", "everything: it is a superuser"),
    ("CREATEROLE", "make and change roles"),
    ("CREATEDB", "make databases"),
    ("REPLICATION", "copy the whole server as a replica"),
    ("BYPASSRLS", "read past row-level security"),
];

/// Answers a question may have at most.
const MOST: usize = 1000;

/// The roles the account is a member of, itself first. What takes them away is a grant to the account, through
/// however many roles it leads; from version 16 on, a grant of a role belongs to who gave it.
const ROLES: &str = "
SELECT pg_catalog.json_build_object(
    'name', r.rolname,
    'itself', r.rolname = session_user,
    'attributes', pg_catalog.array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
        CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL),
    'undo', ARRAY(
        SELECT pg_catalog.format('REVOKE %I FROM %I%s;', d.rolname, session_user,
            CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 AND m.grantor <> 10
                THEN pg_catalog.format(' GRANTED BY %I', g.rolname) ELSE '' END)
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles d ON d.oid = m.roleid
        JOIN pg_catalog.pg_roles me ON me.oid = m.member AND me.rolname = session_user
        LEFT JOIN pg_catalog.pg_roles g ON g.oid = m.grantor
        WHERE pg_catalog.pg_has_role(d.oid, r.oid, 'MEMBER') ORDER BY d.rolname, g.rolname)
)::text
FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
ORDER BY r.rolname <> session_user, r.rolname LIMIT 1001";

/// Roles that may be given to others.
const ROLES_PASSED_ON: &str = "
SELECT pg_catalog.json_build_object('role', r.rolname, 'by', h.rolname)::text
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles r ON r.oid = m.roleid JOIN pg_catalog.pg_roles h ON h.oid = m.member
WHERE m.admin_option AND pg_catalog.pg_has_role(session_user, h.oid, 'MEMBER')
ORDER BY h.rolname, r.rolname LIMIT 1001";

/// What was given to the account, to its roles and to everybody, but for reading. The owner of a thing may everything
/// with it and is told as such. What somebody else gave is taken away from each thing by itself: who gave it may not
/// have rights on the others. What the server gives everybody on its own views is not counted.
const GIVEN: &str = "
WITH mine AS MATERIALIZED (
    SELECT oid FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
), relations AS (
    SELECT c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END AS kind, n.nspname, c.relname::text,
        c.relowner, c.relacl
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_(temp|toast)'
), things AS (
    SELECT '' AS front, pg_catalog.format('ALL %s IN SCHEMA %I', kind, nspname) AS place,
        pg_catalog.format('the %s of the schema %I', pg_catalog.lower(kind), nspname) AS words,
        relname AS thing, pg_catalog.format('%s %I.%I', pg_catalog.left(kind, -1), nspname, relname) AS single,
        relowner AS owner, oid < 16384 AS is_the_servers, relacl AS acl
    FROM relations WHERE relacl IS NOT NULL
    UNION ALL
    SELECT '', pg_catalog.format('ALL %s IN SCHEMA %I', kind, nspname),
        pg_catalog.format('the %s of the schema %I', pg_catalog.lower(kind), nspname),
        relname, pg_catalog.format('%s %I.%I', pg_catalog.left(kind, -1), nspname, relname),
        relowner, oid < 16384, a.attacl
    FROM pg_catalog.pg_attribute a JOIN relations ON oid = a.attrelid
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT '', pg_catalog.format('SCHEMA %I', nspname), pg_catalog.format('the schema %I', nspname),
        NULL, NULL, nspowner, false, nspacl
    FROM pg_catalog.pg_namespace WHERE nspacl IS NOT NULL
    UNION ALL
    SELECT '', pg_catalog.format('DATABASE %I', datname), pg_catalog.format('the database %I', datname),
        NULL, NULL, datdba, false, datacl
    FROM pg_catalog.pg_database WHERE datacl IS NOT NULL
    UNION ALL
    SELECT pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s ', o.rolname,
            CASE WHEN n.oid IS NULL THEN '' ELSE pg_catalog.format(' IN SCHEMA %I', n.nspname) END),
        k.kind, pg_catalog.format('new %s of %I', pg_catalog.lower(k.kind), o.rolname),
        NULL, NULL, d.defaclrole, false, d.defaclacl
    FROM pg_catalog.pg_default_acl d
    JOIN pg_catalog.pg_roles o ON o.oid = d.defaclrole
    JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('n', 'SCHEMAS')) AS k (letter, kind)
        ON k.letter = d.defaclobjtype::text
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
), given AS (
    SELECT t.front, CASE WHEN a.grantor <> t.owner THEN COALESCE(t.single, t.place) ELSE t.place END AS place,
        t.words, t.thing, a.grantee, NULLIF(a.grantor, t.owner) AS grantor, a.privilege_type, a.is_grantable,
        a.privilege_type IN ('SELECT', 'CONNECT', 'TEMPORARY')
            OR a.privilege_type = 'USAGE' AND t.place ~ '^SCHEMA' AS reads
    FROM things t CROSS JOIN LATERAL pg_catalog.aclexplode(t.acl) a
    WHERE a.grantee <> t.owner
        AND (a.grantee = 0 AND NOT t.is_the_servers OR a.grantee IN (SELECT oid FROM mine))
)
SELECT pg_catalog.json_build_object(
    'front', front, 'place', place, 'words', words,
    'number', pg_catalog.count(DISTINCT thing), 'such_as', pg_catalog.min(thing),
    'rights', pg_catalog.string_agg(DISTINCT privilege_type, ', '), 'reads', reads,
    'to', r.rolname, 'by', g.rolname)::text
FROM given LEFT JOIN pg_catalog.pg_roles r ON r.oid = grantee LEFT JOIN pg_catalog.pg_roles g ON g.oid = grantor
WHERE is_grantable OR NOT reads
GROUP BY front, place, words, reads, r.rolname, g.rolname
ORDER BY front, place, reads, r.rolname, g.rolname LIMIT 1001";

/// What the account and its roles own, on the whole server, and on what else they were given rights: the server keeps
/// a list of both. Rights on things `GIVEN` asks about are left out.
const MENTIONED: &str = "
WITH here AS (
    SELECT oid, datname FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
), mentioned AS (
    SELECT s.refobjid, s.deptype, s.dbid, s.classid, s.objid, s.dbid = 0 OR s.dbid = here.oid AS is_here,
        pg_catalog.count(*) OVER (PARTITION BY s.refobjid, s.deptype, s.dbid) AS number,
        pg_catalog.row_number() OVER (PARTITION BY s.refobjid, s.deptype, s.dbid ORDER BY s.classid, s.objid) AS place
    FROM pg_catalog.pg_shdepend s CROSS JOIN here
    WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
        AND s.refobjid IN (
            SELECT oid FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER'))
        AND (s.deptype = 'o' OR s.deptype = 'a' AND NOT (s.dbid IN (0, here.oid) AND (
            s.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_namespace'::pg_catalog.regclass,
                'pg_catalog.pg_database'::pg_catalog.regclass)
            OR s.classid = 'pg_catalog.pg_default_acl'::pg_catalog.regclass AND EXISTS (
                SELECT FROM pg_catalog.pg_default_acl d WHERE d.oid = s.objid AND d.defaclobjtype IN ('r', 'S', 'n')))))
)
SELECT pg_catalog.json_build_object(
    'owns', m.deptype = 'o', 'role', r.rolname, 'number', m.number,
    'database', CASE WHEN NOT m.is_here THEN d.datname END,
    'such_as', CASE WHEN m.is_here THEN pg_catalog.pg_describe_object(m.classid, m.objid, 0) END)::text
FROM mentioned m JOIN pg_catalog.pg_roles r ON r.oid = m.refobjid LEFT JOIN pg_catalog.pg_database d ON d.oid = m.dbid
WHERE m.place = 1 ORDER BY m.deptype, r.rolname, d.datname LIMIT 1001";

/// A role the account is a member of, or the account itself.
#[derive(Debug, Deserialize)]
struct Role {
    name: String,
    itself: bool,
    attributes: Vec<String>,
    /// What takes it away from the account.
    undo: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct RolePassedOn {
    role: String,
    by: String,
}

/// Rights somebody was given on things of a kind.
#[derive(Debug, Deserialize)]
struct Given {
    /// What stands before a statement that takes them away.
    front: String,
    /// What they are on, as statements name it.
    place: String,
    /// The same in words.
    words: String,
    /// How many things that is, where they are counted.
    number: u64,
    such_as: Option<String>,
    rights: String,
    /// They only read: too much is that they may be passed on.
    reads: bool,
    /// Who was given them; everybody, when it is nobody.
    to: Option<String>,
    /// Who gave them, when that was not the owner.
    by: Option<String>,
}

/// Things a role owns or has rights on.
#[derive(Debug, Deserialize)]
struct Mentioned {
    owns: bool,
    role: String,
    number: u64,
    /// The database they are in, when it is not this one.
    database: Option<String>,
    such_as: Option<String>,
}

/// Asks what the account may do beyond reading.
pub(super) async fn told(session: &mut Session) -> Result<Told, StatementError> {
    let mut told = Told::default();
    let roles = Roles(ask(session, &mut told, "which roles the database account has", ROLES).await);
    if let Some(all) = roles.superuser() {
        // All that follows would only say the same.
        told.beyond.push(all);
        return Ok(told);
    }
    told.beyond.extend(roles.beyond());
    let what = "which roles the database account may give to others";
    let rows: Vec<RolePassedOn> = ask(session, &mut told, what, ROLES_PASSED_ON).await;
    told.beyond.extend(rows.iter().map(|row| roles.of_role_passed_on(row)));
    let rows: Vec<Given> = ask(session, &mut told, "what the database account was given", GIVEN).await;
    told.beyond.extend(rows.iter().map(|row| roles.of_given(row)));
    let rows: Vec<Mentioned> = ask(session, &mut told, "what the database account owns", MENTIONED).await;
    for row in &rows {
        if row.owns {
            told.beyond.push(roles.of_owned(row));
        } else {
            roles.tell_unclear(row, &mut told);
        }
    }
    Ok(told)
}

/// The rows of an answer; none when it was refused, which is told.
async fn ask<T: DeserializeOwned>(
    session: &mut Session,
    told: &mut Told,
    what: &str,
    question: &str,
) -> Vec<T> {
    let answer = match session.column(question).await {
        Ok(answer) => answer,
        Err(refused) => {
            told.unclear(what, refused.to_string());
            return Vec::new();
        }
    };
    if answer.len() > MOST {
        told.unclear(
            what,
            format!("the server tells more than {MOST} rows, of which these were looked into"),
        );
    }
    let mut rows = Vec::new();
    for row in answer.iter().take(MOST) {
        match serde_json::from_str(row.as_deref().unwrap_or_default()) {
            Ok(row) => rows.push(row),
            Err(error) => told.unclear(what, format!("a row was not understood: {error}")),
        }
    }
    rows
}

/// The account and its roles.
struct Roles(Vec<Role>);

impl Roles {
    fn superuser(&self) -> Option<Beyond> {
        let role = self.0.iter().find(|role| role.itself)?;
        let attribute = ATTRIBUTES.into_iter().find(|(attribute, _)| *attribute == "SUPERUSER")?;
        role.attributes.iter().any(|has| has == attribute.0).then(|| self.of_attribute(role, attribute))
    }

    /// What attributes allow, and roles of the server.
    fn beyond(&self) -> Vec<Beyond> {
        let mut beyond = Vec::new();
        for role in &self.0 {
            let has = |(attribute, _): &(&str, &str)| role.attributes.iter().any(|has| has == attribute);
            beyond.extend(
                ATTRIBUTES.into_iter().filter(has).map(|attribute| self.of_attribute(role, attribute)),
            );
            // Names beginning so are the server's.
            if !role.itself && role.name.starts_with("pg_") && !READING_ROLES.contains(&role.name.as_str()) {
                let undo = self.undo(&role.name, String::new());
                beyond.push(Beyond { may: format!("what {} may", role.name), undo });
            }
        }
        beyond
    }

    fn of_attribute(&self, role: &Role, (attribute, may): (&str, &str)) -> Beyond {
        let statement = format!("ALTER ROLE {} NO{attribute};", quote(&role.name));
        Beyond { may: format!("{may}{}", self.through(&role.name)), undo: self.undo(&role.name, statement) }
    }

    fn of_role_passed_on(&self, RolePassedOn { role, by }: &RolePassedOn) -> Beyond {
        let statement = format!("REVOKE ADMIN OPTION FOR {} FROM {};", quote(role), quote(by));
        Beyond {
            may: format!("give others the role {role}{}", self.through(by)),
            undo: self.undo(by, statement),
        }
    }

    fn of_given(&self, given: &Given) -> Beyond {
        let Given { front, place, words, number, such_as, rights, reads, to, by } = given;
        let things = match such_as {
            Some(such_as) => format!("{number} of {words}, such as {such_as}"),
            None => words.clone(),
        };
        let (give, option) = if *reads { ("give others ", "GRANT OPTION FOR ") } else { ("", "") };
        let grantee = to.as_deref().map_or_else(|| "PUBLIC".to_owned(), quote);
        let mut statement = format!("{front}REVOKE {option}{rights} ON {place} FROM {grantee};");
        if let Some(by) = by.as_deref().filter(|_| front.is_empty()) {
            // A grant belongs to who gave it, and nobody else takes it away.
            statement = format!("SET ROLE {}; {statement} RESET ROLE;", quote(by));
        }
        let (through, undo) = match to {
            Some(to) => (self.through(to), self.undo(to, statement)),
            None => (", as everybody may".to_owned(), statement),
        };
        Beyond { may: format!("{give}{rights} on {things}{through}"), undo }
    }

    fn of_owned(&self, owned: &Mentioned) -> Beyond {
        let Mentioned { role, number, database, such_as, .. } = owned;
        let things = match (number, such_as, database) {
            (1, Some(thing), _) => format!("the {thing}"),
            (_, Some(thing), _) => format!("{number} things, such as the {thing}"),
            (_, None, Some(database)) => format!("{number} of the things in the database {database}"),
            (_, None, None) => format!("{number} of the things on the server"),
        };
        let place = database.as_ref().map(|name| format!(", in the database {name}")).unwrap_or_default();
        let statement =
            format!("REASSIGN OWNED BY {} TO …; with the role that is to own that{place}", quote(role));
        Beyond {
            may: format!("change and drop what it owns{}: {things}", self.through(role)),
            undo: self.undo(role, statement),
        }
    }

    fn tell_unclear(&self, Mentioned { role, number, database, such_as, .. }: &Mentioned, told: &mut Told) {
        let place = database.as_ref().map(|name| format!(" in the database {name}")).unwrap_or_default();
        let such_as =
            such_as.as_ref().map(|thing| format!(", such as that on the {thing}")).unwrap_or_default();
        told.unclear(
            format!("what the database account may{place}{}", self.through(role)),
            format!("{number} of its grants were not looked into{such_as}"),
        );
    }

    fn find(&self, name: &str) -> Option<&Role> {
        self.0.iter().find(|role| role.name == name)
    }

    /// By which role the account has what a role has.
    fn through(&self, name: &str) -> String {
        match self.find(name) {
            Some(role) if role.itself => String::new(),
            Some(_) | None => format!(", through the role {name}"),
        }
    }

    /// What takes from the account what a role has: others may need what the role may.
    fn undo(&self, name: &str, statement: String) -> String {
        match self.find(name) {
            Some(role) if !role.itself && role.undo.is_empty() => {
                "ALTER DATABASE … OWNER TO …; with another role, since it is a member as owner".to_owned()
            }
            Some(role) if !role.itself => role.undo.join(" "),
            Some(_) | None => statement,
        }
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        let role = |name: &str, itself, undo: &[&str]| Role {
            name: name.to_owned(),
            itself,
            attributes: vec!["CREATEDB".to_owned()],
            undo: undo.iter().map(|line| (*line).to_owned()).collect(),
        };
        Roles(vec![
            role("a\"b", true, &[]),
            role("group", false, &["REVOKE outer FROM a;", "REVOKE other FROM a;"]),
            role("pg_database_owner", false, &[]),
        ])
    }

    fn given(to: Option<&str>, by: Option<&str>, reads: bool) -> Given {
        Given {
            front: String::new(),
            place: "SCHEMA s".to_owned(),
            words: "the schema s".to_owned(),
            number: 0,
            such_as: None,
            rights: "CREATE".to_owned(),
            reads,
            to: to.map(str::to_owned),
            by: by.map(str::to_owned),
        }
    }

    #[test]
    fn a_right_is_taken_away_where_it_comes_from() {
        let rows = [
            (
                given(Some("a\"b"), None, false),
                "CREATE on the schema s",
                "REVOKE CREATE ON SCHEMA s FROM \"a\"\"b\";",
            ),
            (
                given(Some("a\"b"), Some("c"), true),
                "give others CREATE on the schema s",
                "SET ROLE \"c\"; REVOKE GRANT OPTION FOR CREATE ON SCHEMA s FROM \"a\"\"b\"; RESET ROLE;",
            ),
            (
                given(None, None, false),
                "CREATE on the schema s, as everybody may",
                "REVOKE CREATE ON SCHEMA s FROM PUBLIC;",
            ),
            (
                given(Some("group"), None, false),
                "CREATE on the schema s, through the role group",
                "REVOKE outer FROM a; REVOKE other FROM a;",
            ),
            (
                given(Some("pg_database_owner"), None, false),
                "CREATE on the schema s, through the role pg_database_owner",
                "ALTER DATABASE … OWNER TO …; with another role, since it is a member as owner",
            ),
        ];
        for (given, may, undo) in rows {
            assert_eq!(roles().of_given(&given), Beyond { may: may.to_owned(), undo: undo.to_owned() });
        }
    }
}
