//! Whose rights count, and asking the server for them.
//!
//! An account of MySQL is a name and a pattern of hosts, and one name can have many entries.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::Engine;

use super::super::failure::told;
use super::super::gap::Gap;
use super::super::peer::quote_mysql;
use super::Server;
use super::grants::{Grant, Name, NotUnderstood, parse_grant, parse_roles};
use super::hosts::fitting_hosts;
use super::patterns::Matching;
use super::rights::{Holder, Rights, idle_roles};
use super::rows::{TextRow, ask, error_number};

/// Who the agent is to the server.
#[derive(Debug)]
pub(in crate::collect::database) struct Looker {
    /// The entry it was let in by: `conf@%`.
    pub(in crate::collect::database) current_user: String,
    /// The name in it.
    pub(super) user: String,
    /// The pattern of hosts in it.
    host: String,
    /// The host it comes from, as the server sees it.
    from: String,
}

impl Looker {
    /// From `CURRENT_USER()` and `USER()`.
    pub(in crate::collect::database) fn new(current_user: &str, user: &str) -> Self {
        let (name, host) = current_user.rsplit_once('@').unwrap_or((current_user, "%"));
        let from = user.rsplit_once('@').map_or("", |(_, host)| host);
        Self {
            current_user: current_user.to_owned(),
            user: name.to_owned(),
            host: host.to_owned(),
            from: from.to_owned(),
        }
    }

    /// The host it comes from, as the server sees it.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// The entry as statements name it.
    pub(in crate::collect::database) fn quoted(&self) -> String {
        format!("{}@{}", quote_mysql(&self.user), quote_mysql(&self.host))
    }
}

/// What is known of an account's rights.
#[derive(Debug)]
pub(super) struct Account {
    /// The entry whose rights they are.
    pub(super) entry: String,
    /// The rights in force after logging in.
    pub(super) rights: Rights,
    /// Roles that are granted and not in force.
    pub(super) idle_roles: Vec<String>,
}

/// Reads the rights of the account the agent looks with.
pub(super) async fn read_own(
    session: &mut MySqlConnection,
    server: &Server,
    looker: &Looker,
) -> Result<Account, Gap> {
    let lines = parse_lines(&ask(session, "SHOW GRANTS", &[]).await?)?;
    let mut active = BTreeSet::new();
    if lines.iter().any(|grant| matches!(grant, Grant::Roles { .. })) {
        let rows = ask(session, "SELECT CURRENT_ROLE()", &[]).await?;
        let roles = rows.first().and_then(|row| row.text(0)).unwrap_or_default();
        let roles = parse_roles(roles)
            .map_err(|NotUnderstood| Gap::Unread("CURRENT_ROLE() was not understood".to_owned()))?;
        active.extend(roles.into_iter().map(|role| role.user));
    }
    let entry = Name { user: looker.user.clone(), host: Some(looker.host.clone()) };
    let matching = read_matching(session, server).await?;
    Ok(put_together(&entry, vec![lines], active, &looker.quoted(), server, matching))
}

/// Reads the rights of another account, which needs a look into the server's own tables.
pub(super) async fn read_other(
    session: &mut MySqlConnection,
    server: &Server,
    looker: &Looker,
    account: &str,
) -> Result<Account, Gap> {
    let may_not = |error: sqlx::Error| match error_number(&error) {
        Some(1044 | 1045 | 1142 | 1143 | 1227) => Gap::Unread(format!(
            "the agent's account {} may not see the rights of {account} ({}): GRANT SELECT ON mysql.* TO {}, or let \
             the agent use the product's account, with which it only reads",
            looker.current_user,
            told(&error),
            looker.quoted()
        )),
        Some(_) | None => Gap::from(error),
    };
    let default_role = match server.engine {
        Engine::Mariadb => "default_role",
        Engine::Mysql
        | Engine::Postgresql
        | Engine::SqlServer
        | Engine::Oracle
        | Engine::H2
        | Engine::Hsqldb => "NULL",
    };
    let sql = format!("SELECT Host, {default_role} FROM mysql.user WHERE User = ? ORDER BY Host LIMIT 100");
    let rows = ask(session, sql, &[account]).await.map_err(may_not)?;
    if rows.is_empty() {
        return Err(Gap::Unread(format!(
            "the server has no account {account}, which the product's configuration names; compare with SELECT user, \
             host FROM mysql.user"
        )));
    }
    let hosts: Vec<String> = rows.iter().map(|row| row.owned(0)).collect();
    let fitting = fitting_hosts(&hosts, &looker.from);
    let Some(host) = fitting.first() else {
        return Err(Gap::Unread(format!(
            "no entry of {account} ({}) is for {}, where the agent looks from, so which one the product uses is not \
             known: let the agent use the product's account, with which it only reads",
            hosts.join(", "),
            looker.from
        )));
    };
    let entry = Name { user: account.to_owned(), host: Some((*host).clone()) };
    let quoted = quote(&entry);

    let mut entries = Vec::new();
    for host in &fitting {
        let name = Name { user: account.to_owned(), host: Some((*host).clone()) };
        let sql = format!("SHOW GRANTS FOR {}", quote(&name));
        entries.push(parse_lines(&ask(session, sql, &[]).await.map_err(may_not)?)?);
    }
    let mut active = BTreeSet::new();
    if server.engine == Engine::Mariadb {
        let role = rows.iter().find(|row| row.text(0) == Some(host)).and_then(|row| row.text(1));
        if let Some(role) = role.filter(|role| !role.is_empty()) {
            active.insert(role.to_owned());
            let sql = format!("SHOW GRANTS FOR {}", quote_mysql(role));
            let lines = parse_lines(&ask(session, sql, &[]).await.map_err(may_not)?)?;
            extend_first(&mut entries, lines);
        }
        match ask(session, "SHOW GRANTS FOR PUBLIC", &[]).await {
            Ok(rows) => extend_first(&mut entries, parse_lines(&rows)?),
            // Nothing was given to everybody, or the server knows no such thing (before 10.11).
            Err(error) if matches!(error_number(&error), Some(1064 | 1133 | 1141)) => {}
            Err(error) => return Err(may_not(error)),
        }
    } else {
        let roles = read_default_roles(session, &entry, entries.first()).await.map_err(may_not)?;
        if !roles.is_empty() {
            active.extend(roles.iter().map(|role| role.user.clone()));
            let using = roles.iter().map(quote).collect::<Vec<_>>().join(", ");
            let sql = format!("SHOW GRANTS FOR {quoted} USING {using}");
            let merged = parse_lines(&ask(session, sql, &[]).await.map_err(may_not)?)?;
            if let Some(first) = entries.first_mut() {
                *first = merged;
            }
        }
    }
    let matching = read_matching(session, server).await?;
    Ok(put_together(&entry, entries, active, &quoted, server, matching))
}

/// The roles MySQL 8 puts into force when the account logs in
/// (<https://dev.mysql.com/doc/refman/8.4/en/roles.html>). Older servers have none.
async fn read_default_roles(
    session: &mut MySqlConnection,
    entry: &Name,
    grants: Option<&Vec<Grant>>,
) -> Result<Vec<Name>, sqlx::Error> {
    let granted = granted_roles(grants.into_iter().flatten());
    if granted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ask(session, "SELECT CAST(@@global.activate_all_roles_on_login AS CHAR)", &[]).await?;
    if rows.first().and_then(|row| row.text(0)) == Some("1") {
        return Ok(granted.into_iter().collect());
    }
    let sql =
        "SELECT default_role_user, default_role_host FROM mysql.default_roles WHERE user = ? AND host = ?";
    let host = entry.host.as_deref().unwrap_or_default();
    let rows = ask(session, sql, &[&entry.user, host]).await?;
    Ok(rows.iter().map(|row| Name { user: row.owned(0), host: Some(row.owned(1)) }).collect())
}

async fn read_matching(session: &mut MySqlConnection, server: &Server) -> Result<Matching, Gap> {
    // Only MySQL from 8.0.16 on has this; elsewhere the answer is empty.
    let rows = ask(session, "SHOW GLOBAL VARIABLES LIKE 'partial_revokes'", &[]).await?;
    let literal = rows.first().and_then(|row| row.text(1)) == Some("ON");
    Ok(Matching { literal, ignore_case: server.ignore_case })
}

fn parse_lines(rows: &[TextRow]) -> Result<Vec<Grant>, Gap> {
    let lines = rows.iter().enumerate().map(|(index, row)| {
        parse_grant(row.text(0).unwrap_or_default()).map_err(|NotUnderstood| {
            // The line itself may hold a password hash.
            Gap::Unread(format!(
                "line {} of SHOW GRANTS was not understood; tell the agent's makers",
                index + 1
            ))
        })
    });
    lines.collect()
}

fn extend_first(entries: &mut [Vec<Grant>], lines: Vec<Grant>) {
    if let Some(first) = entries.first_mut() {
        first.extend(lines);
    }
}

fn granted_roles<'a>(grants: impl Iterator<Item = &'a Grant>) -> BTreeSet<Name> {
    let roles = grants.filter_map(|grant| match grant {
        Grant::Roles { roles, .. } => Some(roles),
        Grant::Privileges { .. } | Grant::Revoked { .. } | Grant::DefaultRole(_) | Grant::Other => None,
    });
    roles.flatten().cloned().collect()
}

/// Sorts the lines by who has them, and works out what they amount to.
fn put_together(
    entry: &Name,
    entries: Vec<Vec<Grant>>,
    mut active: BTreeSet<String>,
    quoted: &str,
    server: &Server,
    matching: Matching,
) -> Account {
    let mut own = Holder { label: String::new(), entries: Vec::new() };
    let mut others: BTreeMap<String, Holder> = BTreeMap::new();
    let mut granted = BTreeSet::new();
    for grants in entries {
        let mut direct = Vec::new();
        for grant in grants {
            let to = match &grant {
                Grant::Privileges { to, .. } | Grant::Roles { to, .. } => to.as_ref(),
                Grant::Revoked { .. } | Grant::DefaultRole(_) | Grant::Other => None,
            };
            let role = to.filter(|to| to.user != entry.user || to.host.is_none() && entry.host.is_some());
            match (role, &grant) {
                // A role in force brings the roles it was granted.
                (Some(_), Grant::Roles { roles, .. }) => {
                    active.extend(roles.iter().map(|role| role.user.clone()));
                }
                (Some(role), _) => {
                    let label = match role.user.as_str() {
                        "PUBLIC" if role.host.is_none() => "PUBLIC, which is everybody".to_owned(),
                        name => format!("the role {name}"),
                    };
                    let holder = Holder { label: label.clone(), entries: vec![Vec::new()] };
                    let holder = others.entry(label).or_insert(holder);
                    extend_first(&mut holder.entries, vec![grant]);
                }
                (None, Grant::Roles { roles, .. }) => granted.extend(roles.iter().cloned()),
                (None, _) => direct.push(grant),
            }
        }
        own.entries.push(direct);
    }
    let holders: Vec<Holder> = std::iter::once(own).chain(others.into_values()).collect();
    let rights = Rights::work_out(&holders, &server.schema, matching);
    Account { entry: quoted.to_owned(), rights, idle_roles: idle_roles(&granted, &active, quoted) }
}

/// A name as statements take it. Roles of MariaDB have no host.
pub(in crate::collect::database) fn quote(name: &Name) -> String {
    match &name.host {
        Some(host) => format!("{}@{}", quote_mysql(&name.user), quote_mysql(host)),
        None => quote_mysql(&name.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(engine: Engine) -> Server {
        Server { engine, version: "8.4.2".into(), schema: "conf".into(), ignore_case: false }
    }

    fn account(engine: Engine, lines: &[&str], active: &[&str]) -> Account {
        let entry = Name { user: "conf".into(), host: Some("%".into()) };
        let lines = lines.iter().map(|line| parse_grant(line).unwrap()).collect();
        let active = active.iter().map(|role| (*role).to_owned()).collect();
        let matching = Matching { literal: false, ignore_case: false };
        put_together(&entry, vec![lines], active, "`conf`@`%`", &server(engine), matching)
    }

    /// Recorded shape of MySQL 8, where the privileges of roles in force stand under the account; no such server
    /// was at hand.
    #[test]
    fn mysql_merges_the_roles_in_force() {
        let lines = [
            "GRANT USAGE ON *.* TO `conf`@`%`",
            "GRANT SELECT, INSERT ON `conf`.* TO `conf`@`%`",
            "GRANT `app`@`%`,`other`@`%` TO `conf`@`%`",
        ];
        let account = account(Engine::Mysql, &lines, &["app"]);
        assert_eq!(account.rights.on_schema.len(), 2);
        assert_eq!(account.idle_roles.len(), 1);
        assert!(account.idle_roles[0].contains("the role other"));
    }

    #[test]
    fn mariadb_tells_roles_apart() {
        let lines = [
            "GRANT `app` TO `conf`@`%`",
            "GRANT `other` TO `conf`@`%`",
            "GRANT USAGE ON *.* TO `conf`@`%`",
            "GRANT `base` TO `app`",
            "GRANT INSERT ON `conf`.* TO `app`",
            "GRANT SELECT ON `conf`.* TO `base`",
            "GRANT TRIGGER ON `conf`.* TO PUBLIC",
            "SET DEFAULT ROLE `app` FOR `conf`@`%`",
        ];
        let account = account(Engine::Mariadb, &lines, &["app"]);
        assert_eq!(account.rights.on_schema.iter().collect::<Vec<_>>(), ["INSERT", "SELECT", "TRIGGER"]);
        assert!(account.rights.through.iter().any(|line| line.contains("PUBLIC")));
        assert_eq!(account.idle_roles.len(), 1);
    }

    /// A role may have the name of the account; on MariaDB it then has no host.
    #[test]
    fn a_role_with_the_name_of_the_account_is_a_role() {
        let lines = ["GRANT USAGE ON *.* TO `conf`@`%`", "GRANT SELECT ON `conf`.* TO `conf`"];
        let account = account(Engine::Mariadb, &lines, &["conf"]);
        assert_eq!(account.rights.through, ["SELECT on the schema through the role conf"]);
    }

    #[test]
    fn an_at_sign_in_a_name_stays_in_it() {
        let looker = Looker::new("a@b@%", "a@b@10.0.0.7");
        assert_eq!((looker.user.as_str(), looker.from.as_str()), ("a@b", "10.0.0.7"));
        assert_eq!(looker.quoted(), "`a@b`@`%`");
    }
}
