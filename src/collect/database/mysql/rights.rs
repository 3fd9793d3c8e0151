//! What an account may do in a schema, worked out from what `SHOW GRANTS` says. Nothing here asks a server.

use std::collections::{BTreeMap, BTreeSet};

use super::super::peer::quote_mysql;
use super::grants::{Grant, Name, Scope};
use super::patterns::{Matching, closeness, is_like, is_same};

/// The privileges a schema can have, which is what `ALL PRIVILEGES` on it stands for
/// (<https://dev.mysql.com/doc/refman/8.4/en/privileges-provided.html>).
const OF_SCHEMA: [&str; 18] = [
    "ALTER",
    "ALTER ROUTINE",
    "CREATE",
    "CREATE ROUTINE",
    "CREATE TEMPORARY TABLES",
    "CREATE VIEW",
    "DELETE",
    "DROP",
    "EVENT",
    "EXECUTE",
    "INDEX",
    "INSERT",
    "LOCK TABLES",
    "REFERENCES",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "UPDATE",
];

/// Those of them a single table can have and a product needs.
const OF_TABLE: [&str; 9] =
    ["ALTER", "DELETE", "DROP", "INDEX", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "UPDATE"];

/// One who has privileges: the account, a role in force, or everybody.
#[derive(Debug)]
pub(super) struct Holder {
    /// What people call it: `the role app`; empty for the account itself.
    pub(super) label: String,
    /// Its grants. Where several entries of an account fit, the closest one comes first.
    pub(super) entries: Vec<Vec<Grant>>,
}

/// What an account may do in a schema.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Holds every privilege on every schema.
    pub(super) superuser: bool,
    /// Holds for the whole schema.
    pub(super) on_schema: BTreeSet<String>,
    /// Holds everywhere, with those no schema can have.
    pub(super) global: BTreeSet<String>,
    /// Holds on single tables.
    pub(super) on_tables: BTreeMap<String, BTreeSet<String>>,
    /// Tables of which it may use single columns.
    pub(super) with_columns: BTreeSet<String>,
    /// Where the privileges come from.
    pub(super) through: Vec<String>,
}

impl Rights {
    /// Works out what `holders` together may do in `schema`.
    pub(super) fn work_out(holders: &[Holder], schema: &str, matching: Matching) -> Self {
        let mut rights = Self::default();
        let mut revoked_somewhere = false;
        for holder in holders {
            let Some(first) = holder.entries.first() else { continue };
            let (mut global, mut revoked) = (BTreeSet::new(), BTreeSet::new());
            for grant in first {
                match grant {
                    Grant::Privileges { privileges, scope: Scope::Global, .. } => {
                        global.extend(expand(privileges));
                        // The one right among all that no schema can have and the agent looks for.
                        if privileges.contains("ALL PRIVILEGES") {
                            global.insert("PROCESS".to_owned());
                        }
                    }
                    Grant::Revoked { privileges, scope: Scope::Schema(pattern) } => {
                        revoked_somewhere = true;
                        let literal = Matching { literal: true, ..matching };
                        if is_like(schema, pattern, literal) {
                            revoked.extend(expand(privileges));
                        }
                    }
                    Grant::Privileges { .. }
                    | Grant::Revoked { .. }
                    | Grant::Roles { .. }
                    | Grant::DefaultRole(_)
                    | Grant::Other => {}
                }
            }
            let here = global.difference(&revoked).filter(|name| OF_SCHEMA.contains(&name.as_str()));
            let here: BTreeSet<String> = here.cloned().collect();
            rights.tell(holder, &here, "on all schemas (*.*)");
            if !revoked.is_empty() {
                rights.through.push(format!("taken away again on this schema: {}", join(&revoked)));
            }
            rights.on_schema.extend(here);
            rights.global.extend(global);
            for entry in &holder.entries {
                if rights.take_schema_grants(holder, entry, schema, matching) {
                    break;
                }
            }
            rights.take_table_grants(holder, schema, matching);
        }
        rights.superuser =
            !revoked_somewhere && OF_SCHEMA.iter().all(|privilege| rights.global.contains(*privilege));
        rights
    }

    /// Takes in what an entry has on the schema; of several grants that fit, the server uses the closest one only.
    fn take_schema_grants(
        &mut self,
        holder: &Holder,
        entry: &[Grant],
        schema: &str,
        matching: Matching,
    ) -> bool {
        let fitting: Vec<(&String, &BTreeSet<String>)> = entry
            .iter()
            .filter_map(|grant| match grant {
                Grant::Privileges { privileges, scope: Scope::Schema(pattern), .. }
                    if is_like(schema, pattern, matching) =>
                {
                    Some((pattern, privileges))
                }
                Grant::Privileges { .. }
                | Grant::Revoked { .. }
                | Grant::Roles { .. }
                | Grant::DefaultRole(_)
                | Grant::Other => None,
            })
            .collect();
        let closeness = |pattern: &str| if matching.literal { usize::MAX } else { closeness(pattern) };
        let Some(closest) = fitting.iter().map(|(pattern, _)| closeness(pattern)).max() else { return false };
        for (pattern, privileges) in fitting {
            let of_schema = expand(privileges);
            let place = if closeness(pattern) == usize::MAX {
                "on the schema".to_owned()
            } else {
                format!("on schemas like {pattern}")
            };
            if closeness(pattern) == closest {
                self.tell(holder, &of_schema, &place);
                self.on_schema.extend(of_schema);
            } else {
                self.through.push(format!(
                    "the grant {place} does not count: the server uses the one closest to the schema's name only"
                ));
            }
        }
        true
    }

    fn take_table_grants(&mut self, holder: &Holder, of_schema: &str, matching: Matching) {
        for grant in holder.entries.iter().flatten() {
            let Grant::Privileges { privileges, on_columns, scope: Scope::Table { schema, table }, .. } =
                grant
            else {
                continue;
            };
            if !is_same(schema, of_schema, matching) {
                continue;
            }
            if !on_columns.is_empty() && self.with_columns.insert(table.clone()) {
                self.through.push(format!("rights on single columns of {table} are not counted"));
            }
            let on_table = expand(privileges);
            if !on_table.is_empty() {
                self.on_tables.entry(table.clone()).or_default().extend(on_table);
            }
        }
    }

    fn tell(&mut self, holder: &Holder, privileges: &BTreeSet<String>, place: &str) {
        if privileges.is_empty() {
            return;
        }
        let by = if holder.label.is_empty() { String::new() } else { format!(" through {}", holder.label) };
        self.through.push(format!("{} {place}{by}", join(privileges)));
    }

    /// Privileges single tables lack, when single tables were given any.
    ///
    /// MySQL cannot take a table out of a grant on its schema; but who has rights on single tables only lacks them
    /// on the others.
    pub(super) fn lacking_on(&self, tables: &[String]) -> BTreeMap<String, BTreeSet<String>> {
        if self.on_tables.is_empty() {
            return BTreeMap::new();
        }
        let mut lacking = BTreeMap::new();
        for table in tables {
            let held = self.on_tables.get(table);
            let missing: BTreeSet<String> = OF_TABLE
                .iter()
                .filter(|name| {
                    !self.on_schema.contains(**name) && !held.is_some_and(|held| held.contains(**name))
                })
                .map(|name| (*name).to_owned())
                .collect();
            if !missing.is_empty() {
                lacking.insert(table.clone(), missing);
            }
        }
        lacking
    }
}

/// The roles granted to the account that are not in force when it logs in, as a line for people.
pub(super) fn idle_roles(granted: &BTreeSet<Name>, active: &BTreeSet<String>, account: &str) -> Vec<String> {
    granted
        .iter()
        .filter(|role| !active.contains(&role.user))
        .map(|role| {
            format!(
                "the role {} is granted but is no default role, so it is not in force when the product logs in: SET \
                 DEFAULT ROLE {} FOR {account} (MariaDB) or TO {account} (MySQL)",
                role.user,
                quote_mysql(&role.user)
            )
        })
        .collect()
}

fn expand(privileges: &BTreeSet<String>) -> BTreeSet<String> {
    if privileges.contains("ALL PRIVILEGES") {
        let all = OF_SCHEMA.iter().map(|name| (*name).to_owned());
        return all.chain(privileges.iter().filter(|name| *name != "ALL PRIVILEGES").cloned()).collect();
    }
    privileges.clone()
}

fn join(privileges: &BTreeSet<String>) -> String {
    if OF_SCHEMA.iter().all(|name| privileges.contains(*name)) {
        return "ALL PRIVILEGES".to_owned();
    }
    privileges.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::grants::parse_grant;
    use super::*;

    const USUAL: Matching = Matching { literal: false, ignore_case: false };

    fn holder(label: &str, lines: &[&str]) -> Holder {
        let grants = lines.iter().map(|line| parse_grant(line).unwrap()).collect();
        Holder { label: label.into(), entries: vec![grants] }
    }

    fn on_schema(lines: &[&str], schema: &str, matching: Matching) -> Vec<String> {
        Rights::work_out(&[holder("", lines)], schema, matching).on_schema.into_iter().collect()
    }

    #[test]
    fn all_privileges_are_the_schemas() {
        let all = on_schema(&["GRANT ALL PRIVILEGES ON `conf`.* TO `conf`@`%`"], "conf", USUAL);
        assert_eq!(all, OF_SCHEMA);
        let rights =
            Rights::work_out(&[holder("", &["GRANT ALL PRIVILEGES ON *.* TO `root`@`%`"])], "conf", USUAL);
        assert!(rights.superuser);
        assert_eq!(rights.on_schema.len(), OF_SCHEMA.len());
        let some = "GRANT SELECT, SUPER, RELOAD ON *.* TO `x`@`%`";
        assert_eq!(on_schema(&[some], "conf", USUAL), ["SELECT"]);
    }

    #[test]
    fn the_closest_grant_on_a_schema_counts_alone() {
        let wide = "GRANT ALL PRIVILEGES ON `conf%`.* TO `conf`@`%`";
        let close = "GRANT SELECT ON `conf`.* TO `conf`@`%`";
        assert_eq!(on_schema(&[wide, close], "conf", USUAL), ["SELECT"]);
        assert_eq!(on_schema(&[wide, close], "conf2", USUAL), OF_SCHEMA);
        assert_eq!(on_schema(&[wide, close], "jira", USUAL), [""; 0]);
        let literal = Matching { literal: true, ..USUAL };
        assert_eq!(on_schema(&[wide], "conf", literal), [""; 0]);
        let everywhere = "GRANT INSERT ON *.* TO `conf`@`%`";
        assert_eq!(on_schema(&[everywhere, close], "conf", USUAL), ["INSERT", "SELECT"]);
    }

    #[test]
    fn partial_revokes_take_from_global_rights_only() {
        let lines = [
            "GRANT SELECT, INSERT, UPDATE ON *.* TO `conf`@`%`",
            "GRANT UPDATE ON `conf`.* TO `conf`@`%`",
            "REVOKE INSERT, UPDATE ON `conf`.* FROM `conf`@`%`",
        ];
        assert_eq!(on_schema(&lines, "conf", USUAL), ["SELECT", "UPDATE"]);
        assert_eq!(on_schema(&lines, "jira", USUAL), ["INSERT", "SELECT", "UPDATE"]);
        let root = ["GRANT ALL PRIVILEGES ON *.* TO `r`@`%`", "REVOKE SELECT ON `mysql`.* FROM `r`@`%`"];
        assert!(!Rights::work_out(&[holder("", &root)], "conf", USUAL).superuser);
    }

    #[test]
    fn roles_add_and_say_so() {
        let holders = [
            holder("", &["GRANT SELECT ON `conf`.* TO `conf`@`%`"]),
            holder("the role app", &["GRANT INSERT ON `conf`.* TO `app`"]),
        ];
        let rights = Rights::work_out(&holders, "conf", USUAL);
        assert_eq!(rights.on_schema.iter().collect::<Vec<_>>(), ["INSERT", "SELECT"]);
        assert_eq!(rights.through, ["SELECT on the schema", "INSERT on the schema through the role app"]);
    }

    #[test]
    fn single_tables_lack_what_others_have() {
        let lines = [
            "GRANT SELECT ON `conf`.* TO `conf`@`%`",
            "GRANT INSERT, UPDATE (`a`) ON `conf`.`content` TO `conf`@`%`",
            "GRANT ALL PRIVILEGES ON `other`.`content` TO `conf`@`%`",
        ];
        let rights = Rights::work_out(&[holder("", &lines)], "conf", USUAL);
        let lacking = rights.lacking_on(&["content".into(), "spaces".into()]);
        assert!(!lacking["content"].contains("INSERT") && lacking["content"].contains("UPDATE"));
        assert!(lacking["spaces"].contains("INSERT") && !lacking["spaces"].contains("SELECT"));
        assert!(rights.through.iter().any(|line| line.contains("single columns of content")));
        let whole = Rights::work_out(&[holder("", &["GRANT SELECT ON `conf`.* TO `c`@`%`"])], "conf", USUAL);
        assert!(whole.lacking_on(&["content".into()]).is_empty());
    }

    #[test]
    fn the_entry_closest_to_the_host_decides_on_the_schema() {
        let entry = |line: &str| vec![parse_grant(line).unwrap()];
        let holder = |first: &str, second: &str| Holder {
            label: String::new(),
            entries: vec![entry(first), entry(second)],
        };
        let usage = "GRANT USAGE ON *.* TO `conf`@`localhost`";
        let select = "GRANT SELECT ON `conf`.* TO `conf`@`localhost`";
        let all = "GRANT ALL PRIVILEGES ON `conf`.* TO `conf`@`%`";
        assert_eq!(Rights::work_out(&[holder(usage, all)], "conf", USUAL).on_schema.len(), OF_SCHEMA.len());
        assert_eq!(Rights::work_out(&[holder(select, all)], "conf", USUAL).on_schema.len(), 1);
    }

    #[test]
    fn idle_roles_are_told() {
        let role = |user: &str| Name { user: user.into(), host: Some("%".into()) };
        let granted = BTreeSet::from([role("app"), role("other")]);
        let lines = idle_roles(&granted, &BTreeSet::from(["app".to_owned()]), "`conf`@`%`");
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("the role other"));
    }
}
