//! What the server shows the agent's account, and what follows from what it does not show.

use std::fmt;

use upgrade_readiness_checks::facts::{Field, Privileges};

use super::super::failure::quote_mysql;
use super::super::gap::Gap;
use super::Server;
use super::accounts::{Account, Looker};
use super::tables::Tables;

/// How much of the schema the agent's account is shown.
pub(super) struct Sight<'a> {
    pub(super) looker: &'a Looker,
    /// It is the product's account: what that does not see, the product does not have.
    pub(super) is_own: bool,
    /// What it may do itself, when that is known.
    pub(super) rights: Option<&'a Account>,
}

/// Something the agent's account is not shown.
#[derive(Debug)]
pub(super) enum Blind<'a> {
    /// Asking failed.
    Failed(&'a str),
    /// It would have to be given rights.
    Lacking { looker: &'a Looker, schema: String, what: String, rights: String },
}

impl fmt::Display for Blind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => f.write_str(why),
            Self::Lacking { looker, schema, what, rights } => write!(
                f,
                "the agent's account {} is not shown {what} of the schema {schema}: GRANT {rights} ON {}.* TO {}, or \
                 let the agent use the product's account, with which it only reads",
                looker.current_user,
                quote_mysql(schema),
                looker.quoted()
            ),
        }
    }
}

impl<'a> Sight<'a> {
    /// All tables, or why not all are shown.
    pub(super) fn of_tables<'t>(
        &self,
        server: &Server,
        tables: &'t Field<Tables>,
    ) -> Result<&'t Tables, Blind<'t>>
    where
        'a: 't,
    {
        let tables = match tables {
            Field::Unread(why) => return Err(Blind::Failed(why)),
            Field::Read(tables) => tables,
        };
        // A right on the whole schema shows all of its tables, a right on one table that table.
        let all = self.rights.is_some_and(|own| !own.rights.on_schema.is_empty());
        if self.is_own || all {
            return Ok(tables);
        }
        let what = match tables.names().len() {
            0 => "any table".to_owned(),
            some => format!("more than {some} tables"),
        };
        Err(self.lacking(server, what, "SELECT, SHOW VIEW"))
    }

    /// Whether views, routines, triggers and events are shown
    /// (<https://dev.mysql.com/doc/refman/8.4/en/information-schema-introduction.html>).
    pub(super) fn of_code(&self, server: &Server) -> Result<(), Blind<'a>> {
        if self.is_own {
            return Ok(());
        }
        let has = |name: &str| {
            self.rights
                .is_some_and(|own| own.rights.on_schema.contains(name) || own.rights.global.contains(name))
        };
        let routines = ["EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE", "SHOW_ROUTINE", "SHOW CREATE ROUTINE"];
        let (mut what, mut rights) = (Vec::new(), Vec::new());
        for (shown, kind, right) in [
            (has("SHOW VIEW"), "views", "SHOW VIEW"),
            (routines.into_iter().any(has), "routines", "EXECUTE"),
            (has("TRIGGER"), "triggers", "TRIGGER"),
            (has("EVENT"), "events", "EVENT"),
        ] {
            if !shown {
                what.push(kind);
                rights.push(right);
            }
        }
        if what.is_empty() {
            return Ok(());
        }
        Err(self.lacking(server, format!("all {}", what.join(", ")), &rights.join(", ")))
    }

    fn lacking(&self, server: &Server, what: String, rights: &str) -> Blind<'a> {
        Blind::Lacking { looker: self.looker, schema: server.schema.clone(), what, rights: rights.to_owned() }
    }

    /// What an account may do, as facts.
    pub(super) fn privileges(&self, account: &Account, tables: &Tables) -> Result<Privileges, Gap> {
        let rights = &account.rights;
        let has_nothing =
            rights.on_schema.is_empty() && rights.on_tables.is_empty() && rights.with_columns.is_empty();
        // SHOW GRANTS tells of one entry of the account; the server also lets grants on a schema count that were
        // given to another entry whose hosts include this one. Then the answer is short of rights.
        if self.is_own && has_nothing && !tables.names().is_empty() {
            return Err(Gap::Unread(format!(
                "SHOW GRANTS tells of no right of {} on the schema, but the server shows it {} tables: the rights \
                 were given to another entry of the account, such as '%'. See SELECT user, host, db FROM mysql.db, and \
                 give them to this entry",
                self.looker.current_user,
                tables.names().len()
            )));
        }
        let mut through = vec![format!("rights of {}", account.entry)];
        through.extend(rights.through.iter().chain(&account.idle_roles).cloned());
        Ok(Privileges {
            superuser: rights.superuser,
            lacking_on_tables: rights.lacking_on(&tables.names()),
            on_schema: rights.on_schema.clone(),
            through,
        })
    }
}
