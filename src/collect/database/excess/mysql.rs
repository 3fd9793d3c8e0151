//! MySQL and MariaDB: what `SHOW GRANTS` tells of the account, and of every role it may take on.
//!
//! MySQL is asked what the account may with each role it was granted. MariaDB tells that of roles in force only, so
//! they are put into force for this session, one after the other. Neither needs a right, and both tell of the roles of
//! these roles as well.

use std::collections::{BTreeMap, BTreeSet};

use super::super::errand::{Session, StatementError};
use super::super::mysql::{Grant, Looker as Entry, Name, Scope, parse_grant, quote_account};
use super::super::peer::quote_mysql;
use super::{Beyond, Told};

/// Rights that only read.
const READING: [&str; 10] = [
    "SELECT",
    "SHOW VIEW",
    "SHOW DATABASES",
    "PROCESS",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "REPLICA MONITOR",
    "SHOW_ROUTINE",
    "SHOW CREATE ROUTINE",
];

/// Roles that are looked into at most.
const MOST_ROLES: usize = 200;

/// What lets an account pass on its rights, among them.
const PASSING_ON: &str = "GRANT OPTION";

/// Asks what the account may do beyond reading.
pub(super) async fn told(session: &mut Session) -> Result<Told, StatementError> {
    let account = session.value("SELECT CURRENT_USER()").await?.unwrap_or_default();
    let mut ledger = Ledger { account: Entry::new(&account, "").quoted(), ..Ledger::default() };
    // With no role in force, what is told is the account's own. Servers without roles do not know the statement.
    drop(session.execute("SET ROLE NONE").await);
    ledger.take(&session.column("SHOW GRANTS").await?, None);
    let mut asked = BTreeSet::new();
    let mut told = Told::default();
    while let Some(role) = ledger.role_to_ask_about(&asked) {
        if asked.len() == MOST_ROLES {
            told.unclear("further roles of the database account", format!("it has more than {MOST_ROLES}"));
            break;
        }
        match grants_with(session, &role).await {
            Ok(lines) => ledger.take(&lines, Some(&role)),
            Err(refused) => {
                let role = quote_account(&role);
                told.unclear(
                    format!("what the role {role} of the database account may"),
                    format!("{refused}; `SHOW GRANTS FOR {role}` tells an administrator"),
                );
            }
        }
        asked.insert(role);
    }
    ledger.tell(&mut told);
    Ok(told)
}

/// The lines of `SHOW GRANTS` with a role in force; where that cannot be, those of the role.
async fn grants_with(session: &mut Session, role: &Name) -> Result<Vec<Option<String>>, StatementError> {
    let role = quote_account(role);
    // To MariaDB this is no statement.
    if let Ok(lines) = session.column(&format!("SHOW GRANTS FOR CURRENT_USER() USING {role}")).await {
        return Ok(lines);
    }
    match session.execute(&format!("SET ROLE {role}")).await {
        Ok(()) => session.column("SHOW GRANTS").await,
        Err(_) => session.column(&format!("SHOW GRANTS FOR {role}")).await,
    }
}

/// Who has a right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    /// The account itself.
    Account,
    /// `PUBLIC`.
    Everybody,
    /// This role.
    Role(Name),
}

/// What lines of `SHOW GRANTS` amount to.
#[derive(Default)]
struct Ledger {
    /// The account, as statements name it.
    account: String,
    /// Who may take on a role.
    roles: BTreeMap<Name, BTreeSet<Holder>>,
    /// Roles that may be passed on, and by whom.
    passed_on: BTreeSet<(Name, Holder)>,
    /// Roles of which a line was told.
    known: BTreeSet<Name>,
    /// What goes beyond reading. A role of another role is not held here, but the one that leads to it.
    rights: BTreeMap<(Holder, Scope), BTreeSet<String>>,
    /// Lines that were taken. They hold hashes: this is not to be shown.
    lines: BTreeSet<String>,
    not_understood: usize,
    of_other_things: usize,
}

impl Ledger {
    /// Takes in lines, told with this role in force.
    fn take(&mut self, lines: &[Option<String>], role: Option<&Name>) {
        let mut grants = Vec::new();
        for line in lines.iter().map(|line| line.as_deref().unwrap_or_default()) {
            if !self.lines.insert(line.to_owned()) {
                continue;
            }
            let Ok(grant) = parse_grant(line) else {
                self.not_understood += 1;
                continue;
            };
            if let Grant::Roles { roles, .. } = &grant {
                for role in roles {
                    self.roles.entry(role.clone()).or_default();
                }
            }
            grants.push(grant);
        }
        // Only now every role is known by its name.
        for grant in grants {
            match grant {
                Grant::Privileges { privileges, on_columns, scope, to, may_pass_on } => {
                    let mut rights = beyond_reading(&privileges, &on_columns);
                    rights.extend(may_pass_on.then(|| PASSING_ON.to_owned()));
                    self.take_rights(rights, scope, to.as_ref(), role);
                }
                Grant::Roles { roles, to, may_pass_on } => self.take_roles(&roles, to.as_ref(), may_pass_on),
                Grant::Other => self.of_other_things += 1,
                // What is taken out of a global right leaves the rest of it; a role says itself what it may.
                Grant::Revoked { .. } | Grant::DefaultRole(_) => {}
            }
        }
    }

    fn take_roles(&mut self, roles: &[Name], to: Option<&Name>, may_pass_on: bool) {
        let holder = self.holder(to);
        for role in roles {
            self.roles.entry(role.clone()).or_default().insert(holder.clone());
            if may_pass_on {
                self.passed_on.insert((role.clone(), holder.clone()));
            }
        }
    }

    fn take_rights(
        &mut self,
        mut rights: BTreeSet<String>,
        scope: Scope,
        to: Option<&Name>,
        role: Option<&Name>,
    ) {
        let holder = match (self.holder(to), role) {
            // MySQL tells what a role in force may as if the account might.
            (Holder::Account, Some(role)) => Holder::Role(role.clone()),
            (holder, _) => holder,
        };
        let holder = match holder {
            Holder::Role(named) => {
                self.known.insert(named.clone());
                Holder::Role(self.leading_to(role.unwrap_or(&named)))
            }
            Holder::Account | Holder::Everybody => holder,
        };
        if holder != Holder::Account
            && let Some(own) = self.rights.get(&(Holder::Account, scope.clone()))
        {
            rights.retain(|right| !own.contains(right));
        }
        self.rights.entry((holder, scope)).or_default().extend(rights);
    }

    fn holder(&self, to: Option<&Name>) -> Holder {
        match to {
            Some(Name { user, host: None }) if user == "PUBLIC" => Holder::Everybody,
            Some(name) if self.roles.contains_key(name) => Holder::Role(name.clone()),
            Some(_) | None => Holder::Account,
        }
    }

    /// The role the account or everybody has, through which it has this one.
    fn leading_to(&self, role: &Name) -> Name {
        let (mut passed, mut leading) = (BTreeSet::from([role]), role);
        while let Some(holders) = self.roles.get(leading) {
            let direct = |holder: &Holder| !matches!(holder, Holder::Role(_));
            let next = holders.iter().find_map(|holder| match holder {
                Holder::Role(next) => passed.insert(next).then_some(next),
                Holder::Account | Holder::Everybody => None,
            });
            match next {
                Some(next) if !holders.iter().any(direct) => leading = next,
                Some(_) | None => break,
            }
        }
        leading.clone()
    }

    /// A role the account was granted, or one nothing was told of.
    fn role_to_ask_about(&self, asked: &BTreeSet<Name>) -> Option<Name> {
        let open = |(role, holders): &(&Name, &BTreeSet<Holder>)| {
            !asked.contains(*role) && (holders.contains(&Holder::Account) || !self.known.contains(*role))
        };
        self.roles.iter().find(open).map(|(role, _)| role.clone())
    }

    fn tell(&self, told: &mut Told) {
        for ((holder, scope), rights) in &self.rights {
            let place = place(scope);
            let through = through(holder);
            let more: Vec<&str> =
                rights.iter().map(String::as_str).filter(|right| *right != PASSING_ON).collect();
            if !more.is_empty() {
                let more = more.join(", ");
                let undo = self.undo(holder, &more, &place);
                told.beyond.push(Beyond { may: format!("{more} on {place}{through}"), undo });
            }
            if rights.contains(PASSING_ON) {
                let may = format!("give others what it may on {place}{through}");
                told.beyond.push(Beyond { may, undo: self.undo(holder, PASSING_ON, &place) });
            }
        }
        for (role, holder) in &self.passed_on {
            let (role, to) = (quote_account(role), self.grantee(holder));
            told.beyond.push(Beyond {
                may: format!("give others the role {role}{}", through(holder)),
                undo: format!(
                    "REVOKE {role} FROM {to}; and, where it is needed, grant it again without ADMIN OPTION"
                ),
            });
        }
        self.tell_unclear(told);
    }

    fn tell_unclear(&self, told: &mut Told) {
        let (what, told_by) = ("what the database account may", "`SHOW GRANTS` as this account tells them");
        if self.not_understood > 0 {
            let number = self.not_understood;
            told.unclear(what, format!("{number} of its grants were not understood; {told_by}"));
        }
        if self.of_other_things > 0 {
            let number = self.of_other_things;
            let why = format!(
                "{number} of its grants are on routines, or let it act as another account, and were not looked into; {told_by}"
            );
            told.unclear(what, why);
        }
    }

    fn grantee(&self, holder: &Holder) -> String {
        match holder {
            Holder::Account => self.account.clone(),
            Holder::Everybody => "PUBLIC".to_owned(),
            Holder::Role(role) => quote_account(role),
        }
    }

    fn undo(&self, holder: &Holder, rights: &str, place: &str) -> String {
        if let Holder::Role(role) = holder {
            // Others may need what the role may; the account does not need the role.
            let holders = self.roles.get(role).into_iter().flatten();
            let from = holders
                .map(|holder| format!("REVOKE {} FROM {};", quote_account(role), self.grantee(holder)));
            return from.collect::<Vec<_>>().join(" ");
        }
        let undo = format!("REVOKE {rights} ON {place} FROM {};", self.grantee(holder));
        if rights.contains("ALL PRIVILEGES") {
            return format!(
                "{undo} then grant what reading needs: SELECT, SHOW VIEW on the schema and PROCESS on *.*"
            );
        }
        undo
    }
}

/// The rights of a grant that do more than read, as statements name them.
fn beyond_reading(
    privileges: &BTreeSet<String>,
    on_columns: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    let more = |privilege: &&String| !READING.contains(&privilege.as_str());
    let single = on_columns.iter().filter(|(privilege, _)| more(privilege)).map(|(privilege, columns)| {
        let columns: Vec<String> = columns.iter().map(|column| quote_mysql(column)).collect();
        format!("{privilege} ({})", columns.join(", "))
    });
    privileges.iter().filter(more).cloned().chain(single).collect()
}

/// How the account has what this one has.
fn through(holder: &Holder) -> String {
    match holder {
        Holder::Account => String::new(),
        Holder::Everybody => ", as everybody may".to_owned(),
        Holder::Role(role) => format!(", through the role {}", quote_account(role)),
    }
}

fn place(scope: &Scope) -> String {
    match scope {
        Scope::Global => "*.*".to_owned(),
        Scope::Schema(schema) => format!("{}.*", quote_mysql(schema)),
        Scope::Table { schema, table } => format!("{}.{}", quote_mysql(schema), quote_mysql(table)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(own: &[&str], with_roles: &[(&str, &[&str])]) -> Ledger {
        let owned = |lines: &[&str]| lines.iter().map(|line| Some((*line).to_owned())).collect::<Vec<_>>();
        let mut ledger = Ledger { account: "`r`@`%`".to_owned(), ..Ledger::default() };
        ledger.take(&owned(own), None);
        for (role, lines) in with_roles {
            let host = role.split_once('@').map(|(_, host)| host.to_owned());
            let user = role.split('@').next().unwrap().to_owned();
            ledger.take(&owned(lines), Some(&Name { user, host }));
        }
        ledger
    }

    fn told(ledger: &Ledger) -> Told {
        let mut told = Told::default();
        ledger.tell(&mut told);
        told
    }

    #[test]
    fn what_a_grant_gives_beyond_reading_is_told_without_the_hash() {
        let usage = "GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*A4B6157319038724E3560894F7F932C8886EBFCF'";
        let passing_on = format!("{usage} WITH GRANT OPTION");
        let rows: [(&str, &[&str]); 13] = [
            (usage, &[]),
            ("GRANT SELECT, SHOW VIEW ON `wiki`.* TO `r`@`%`", &[]),
            ("GRANT PROCESS ON *.* TO `r`@`%`", &[]),
            ("GRANT SELECT (`a`) ON `wiki`.`t` TO `r`@`%`", &[]),
            ("GRANT SELECT, INSERT, UPDATE ON `wi``ki`.* TO `r`@`%`", &["INSERT, UPDATE on `wi``ki`.*"]),
            ("GRANT DELETE ON `wiki`.`CONTENT` TO `r`@`%`", &["DELETE on `wiki`.`CONTENT`"]),
            ("GRANT EXECUTE ON `wiki`.* TO `r`@`%`", &["EXECUTE on `wiki`.*"]),
            (
                "GRANT SELECT, UPDATE (`b,)`, `a`) ON `wiki`.`t` TO `r`@`%`",
                &["UPDATE (`a`, `b,)`) on `wiki`.`t`"],
            ),
            (
                "GRANT SELECT ON `wiki`.* TO `r`@`%` WITH GRANT OPTION",
                &["give others what it may on `wiki`.*"],
            ),
            (&passing_on, &["give others what it may on *.*"]),
            (
                "GRANT ALL PRIVILEGES ON *.* TO `r`@`%` WITH GRANT OPTION",
                &["ALL PRIVILEGES on *.*", "give others what it may on *.*"],
            ),
            ("GRANT INDEX ON `wiki`.* TO PUBLIC", &["INDEX on `wiki`.*, as everybody may"]),
            ("GRANT `writers` TO `r`@`%` WITH ADMIN OPTION", &["give others the role `writers`"]),
        ];
        for (line, expected) in rows {
            let told = told(&ledger(&[line], &[]));
            let may: Vec<&str> = told.beyond.iter().map(|beyond| beyond.may.as_str()).collect();
            assert_eq!((may.as_slice(), &told.unclear), (expected, &vec![]), "{line}");
            assert!(told.beyond.iter().all(|beyond| beyond.undo.starts_with("REVOKE ")), "{told:?}");
            assert!(!format!("{told:?}").contains("A4B615"), "{told:?}");
        }
    }

    #[test]
    fn a_grant_that_was_not_looked_into_is_unclear_and_not_shown() {
        let rows = [
            ("nonsense '*A4B615'", "1 of its grants were not understood"),
            ("GRANT EXECUTE ON PROCEDURE `wiki`.`p_A4B615` TO `r`@`%`", "on routines"),
            ("GRANT PROXY ON 'A4B615'@'%' TO 'r'@'%'", "act as another account"),
        ];
        for (line, why) in rows {
            let told = told(&ledger(&[line, line], &[]));
            assert_eq!((told.beyond.len(), told.unclear.len()), (0, 1), "{line}");
            assert!(told.unclear[0].why.contains(why), "{told:?}");
            assert!(!format!("{told:?}").contains("A4B615"), "{told:?}");
        }
    }

    /// Recorded from MariaDB 10.11, where a role in force brings lines of its own and of its roles.
    #[test]
    fn roles_of_mariadb_are_followed_to_the_one_the_account_has() {
        let own = [
            "GRANT `app` TO `r`@`%`",
            "GRANT `shown` TO PUBLIC",
            "GRANT `deep` TO `shown`",
            "GRANT USAGE ON *.* TO `shown`",
            "GRANT DROP ON `wiki`.* TO `deep`",
        ];
        let app = [
            "GRANT `app` TO `r`@`%`",
            "GRANT `base` TO `app`",
            "GRANT USAGE ON *.* TO `app`",
            "GRANT DELETE ON `wiki`.* TO `base`",
        ];
        let ledger = ledger(&own, &[("app", &app)]);
        let told = told(&ledger);
        let pairs: Vec<(&str, &str)> =
            told.beyond.iter().map(|beyond| (beyond.may.as_str(), beyond.undo.as_str())).collect();
        let expected = [
            ("DELETE on `wiki`.*, through the role `app`", "REVOKE `app` FROM `r`@`%`;"),
            ("DROP on `wiki`.*, through the role `shown`", "REVOKE `shown` FROM PUBLIC;"),
        ];
        assert_eq!(pairs, expected);
        let app = Name { user: "app".into(), host: None };
        assert_eq!(ledger.role_to_ask_about(&[app].into()), None, "what the others may was told");
    }

    /// Shape of MySQL 8, where a role in force adds to the rights of the account; no such server was at hand.
    #[test]
    fn what_mysql_adds_to_an_account_is_the_roles() {
        let own = [
            "GRANT USAGE ON *.* TO `r`@`%`",
            "GRANT SELECT, INSERT ON `wiki`.* TO `r`@`%`",
            "GRANT `app`@`%` TO `r`@`%`",
        ];
        let app = ["GRANT SELECT, INSERT, DELETE ON `wiki`.* TO `r`@`%`", "GRANT `app`@`%` TO `r`@`%`"];
        let told = told(&ledger(&own, &[("app@%", &app)]));
        let pairs: Vec<(&str, &str)> =
            told.beyond.iter().map(|beyond| (beyond.may.as_str(), beyond.undo.as_str())).collect();
        let expected = [
            ("INSERT on `wiki`.*", "REVOKE INSERT ON `wiki`.* FROM `r`@`%`;"),
            ("DELETE on `wiki`.*, through the role `app`@`%`", "REVOKE `app`@`%` FROM `r`@`%`;"),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn a_circle_of_roles_is_walked_once() {
        let lines = ["GRANT `a` TO `b`", "GRANT `b` TO `a`", "GRANT DROP ON *.* TO `a`"];
        let told = told(&ledger(&lines, &[]));
        assert_eq!(told.beyond.len(), 1);
    }
}
