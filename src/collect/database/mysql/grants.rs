//! Reads what `SHOW GRANTS` says. Nothing here asks a server.
//!
//! The lines hold password hashes behind the name of the account, so of what follows that name only one thing is
//! read, whether rights may be passed on, and no line is kept or repeated in a message.

use std::collections::{BTreeMap, BTreeSet};

/// One line of `SHOW GRANTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect::database) enum Grant {
    /// `GRANT privileges ON scope TO account`.
    Privileges {
        /// Upper case; `ALL PRIVILEGES` stands as such, `USAGE` is none. Those on single columns are left out.
        privileges: BTreeSet<String>,
        /// Those on single columns, with the columns.
        on_columns: BTreeMap<String, BTreeSet<String>>,
        /// What they are on.
        scope: Scope,
        /// Who has them; `None` when the name could not be read, and then it is the account asked about.
        to: Option<Name>,
        /// They may be passed on: `WITH GRANT OPTION`.
        may_pass_on: bool,
    },
    /// `REVOKE privileges ON schema.* FROM account`: taken out of what holds globally.
    Revoked {
        /// Upper case.
        privileges: BTreeSet<String>,
        /// What they were taken from.
        scope: Scope,
    },
    /// `GRANT role, … TO account`.
    Roles {
        /// The roles.
        roles: Vec<Name>,
        /// Who may use them.
        to: Option<Name>,
        /// They may be passed on: `WITH ADMIN OPTION`.
        may_pass_on: bool,
    },
    /// `SET DEFAULT ROLE role FOR account`, as MariaDB says it.
    DefaultRole(Name),
    /// Rights on routines, or to log in for somebody else: of no interest here.
    Other,
}

/// What privileges are on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::collect::database) enum Scope {
    /// `*.*`.
    Global,
    /// All of the schemas like this.
    Schema(String),
    /// One table.
    Table {
        /// Its schema, literally.
        schema: String,
        /// Its name.
        table: String,
    },
}

/// A user or role, and the hosts it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::collect::database) struct Name {
    /// Its name.
    pub(in crate::collect::database) user: String,
    /// Its hosts; roles of MariaDB have none.
    pub(in crate::collect::database) host: Option<String>,
}

/// A line nobody could make sense of.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::collect::database) struct NotUnderstood;

/// Reads one line.
///
/// Written after MySQL 5.7 to 9 (<https://dev.mysql.com/doc/refman/8.4/en/show-grants.html>) and MariaDB 10 and 11
/// (<https://mariadb.com/docs/server/reference/sql-statements/administrative-sql-statements/show/show-grants>).
pub(in crate::collect::database) fn parse_grant(line: &str) -> Result<Grant, NotUnderstood> {
    let mut tokens = Tokens { rest: line.trim() };
    match tokens.word()?.to_ascii_uppercase().as_str() {
        "GRANT" => parse_granted(&mut tokens),
        "REVOKE" => {
            let list = parse_list(&mut tokens)?;
            if list.end != ListEnd::On {
                return Err(NotUnderstood);
            }
            let Some(scope) = parse_scope(&mut tokens)? else { return Ok(Grant::Other) };
            Ok(Grant::Revoked { privileges: list.privileges(), scope })
        }
        "SET" => {
            for expected in ["DEFAULT", "ROLE"] {
                if !tokens.word()?.eq_ignore_ascii_case(expected) {
                    return Err(NotUnderstood);
                }
            }
            Ok(Grant::DefaultRole(parse_name(&mut tokens)?))
        }
        _ => Err(NotUnderstood),
    }
}

/// Reads a list of roles, as `CURRENT_ROLE()` gives it; `NONE` is none.
pub(super) fn parse_roles(text: &str) -> Result<Vec<Name>, NotUnderstood> {
    let text = text.trim();
    if text.is_empty() || text == "NONE" {
        return Ok(Vec::new());
    }
    // MariaDB gives the bare name of its one current role.
    if !text.starts_with(['`', '"', '\'']) {
        return Ok(vec![Name { user: text.to_owned(), host: None }]);
    }
    let mut tokens = Tokens { rest: text };
    let mut roles = vec![parse_name(&mut tokens)?];
    loop {
        match tokens.next()? {
            None => return Ok(roles),
            Some(Token::Symbol(',')) => roles.push(parse_name(&mut tokens)?),
            Some(_) => return Err(NotUnderstood),
        }
    }
}

fn parse_granted(tokens: &mut Tokens<'_>) -> Result<Grant, NotUnderstood> {
    let list = parse_list(tokens)?;
    match list.end {
        ListEnd::On => {
            if list.items.iter().any(|item| item.words == ["PROXY"]) {
                return Ok(Grant::Other);
            }
            let Some(scope) = parse_scope(tokens)? else { return Ok(Grant::Other) };
            if !tokens.word()?.eq_ignore_ascii_case("TO") {
                return Err(NotUnderstood);
            }
            // MySQL 5.7 does not mark a quote inside a name. The account asked about is known anyway.
            let to = parse_name(tokens).ok();
            let may_pass_on = tokens.say_further("GRANT OPTION");
            let (privileges, on_columns) = (list.privileges(), list.on_columns());
            Ok(Grant::Privileges { privileges, on_columns, scope, to, may_pass_on })
        }
        ListEnd::To => {
            let roles = list.items.iter().map(Item::role).collect::<Option<Vec<_>>>().ok_or(NotUnderstood)?;
            let to = parse_name(tokens).ok();
            Ok(Grant::Roles { roles, to, may_pass_on: tokens.say_further("ADMIN OPTION") })
        }
    }
}

/// What ends the list of privileges or roles.
#[derive(Debug, PartialEq, Eq)]
enum ListEnd {
    On,
    To,
}

#[derive(Debug)]
struct List {
    items: Vec<Item>,
    end: ListEnd,
}

/// A privilege in words, or the name of a role.
#[derive(Debug, Default)]
struct Item {
    words: Vec<String>,
    quoted: Vec<String>,
    columns: Option<BTreeSet<String>>,
}

impl List {
    fn privileges(&self) -> BTreeSet<String> {
        let whole = self.items.iter().filter(|item| item.columns.is_none() && item.quoted.is_empty());
        let named = whole.map(Item::privilege);
        named
            .filter(|name| name != "USAGE")
            .map(|name| if name == "ALL" { "ALL PRIVILEGES".to_owned() } else { name })
            .collect()
    }

    fn on_columns(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.items.iter().filter_map(|item| Some((item.privilege(), item.columns.clone()?))).collect()
    }
}

impl Item {
    fn privilege(&self) -> String {
        self.words.join(" ").to_ascii_uppercase()
    }

    fn role(&self) -> Option<Name> {
        match (self.words.as_slice(), self.quoted.as_slice()) {
            ([at], [user, host]) if at == "@" => Some(Name { user: user.clone(), host: Some(host.clone()) }),
            ([], [user]) | ([user], []) => Some(Name { user: user.clone(), host: None }),
            _ => None,
        }
    }
}

fn parse_list(tokens: &mut Tokens<'_>) -> Result<List, NotUnderstood> {
    let mut items = Vec::new();
    let mut item = Item::default();
    loop {
        match tokens.next()?.ok_or(NotUnderstood)? {
            Token::Word(word) if word.eq_ignore_ascii_case("ON") => {
                items.push(item);
                return Ok(List { items, end: ListEnd::On });
            }
            Token::Word(word) if word.eq_ignore_ascii_case("TO") => {
                items.push(item);
                return Ok(List { items, end: ListEnd::To });
            }
            Token::Word(word) => item.words.push(word.to_owned()),
            Token::Quoted(text) => item.quoted.push(text),
            Token::Symbol(',') => items.push(std::mem::take(&mut item)),
            Token::Symbol('(') => {
                item.columns.get_or_insert_default().extend(parse_columns(tokens)?);
            }
            Token::Symbol(_) => return Err(NotUnderstood),
        }
    }
}

/// Reads columns up to the parenthesis that ends them.
fn parse_columns(tokens: &mut Tokens<'_>) -> Result<BTreeSet<String>, NotUnderstood> {
    let mut columns = BTreeSet::new();
    loop {
        match tokens.next()?.ok_or(NotUnderstood)? {
            Token::Quoted(column) => columns.insert(column),
            Token::Word(column) => columns.insert(column.to_owned()),
            Token::Symbol(',') => continue,
            Token::Symbol(')') => return Ok(columns),
            Token::Symbol(_) => return Err(NotUnderstood),
        };
    }
}

/// `None` for routines, which are of no interest.
fn parse_scope(tokens: &mut Tokens<'_>) -> Result<Option<Scope>, NotUnderstood> {
    match tokens.next()?.ok_or(NotUnderstood)? {
        Token::Word("*.*") => Ok(Some(Scope::Global)),
        Token::Word(word) => match word.split_once('.') {
            Some((schema, "*")) => Ok(Some(Scope::Schema(schema.to_owned()))),
            Some((schema, table)) => {
                Ok(Some(Scope::Table { schema: schema.to_owned(), table: table.to_owned() }))
            }
            None => match word.to_ascii_uppercase().as_str() {
                "PROCEDURE" | "FUNCTION" | "PACKAGE" | "LIBRARY" => Ok(None),
                _ => Err(NotUnderstood),
            },
        },
        Token::Quoted(schema) => match tokens.word()? {
            ".*" => Ok(Some(Scope::Schema(schema))),
            "." => match tokens.next()?.ok_or(NotUnderstood)? {
                Token::Quoted(table) => Ok(Some(Scope::Table { schema, table })),
                Token::Word(_) | Token::Symbol(_) => Err(NotUnderstood),
            },
            _ => Err(NotUnderstood),
        },
        Token::Symbol(_) => Err(NotUnderstood),
    }
}

fn parse_name(tokens: &mut Tokens<'_>) -> Result<Name, NotUnderstood> {
    let user = match tokens.next()?.ok_or(NotUnderstood)? {
        Token::Quoted(user) => user,
        Token::Word(word) => match word.strip_suffix('@') {
            Some(user) => return Ok(Name { user: user.to_owned(), host: Some(parse_host(tokens)?) }),
            None => word.to_owned(),
        },
        Token::Symbol(_) => return Err(NotUnderstood),
    };
    if !tokens.rest.starts_with('@') {
        return Ok(Name { user, host: None });
    }
    let host = match tokens.word()? {
        "@" => parse_host(tokens)?,
        word => word.trim_start_matches('@').to_owned(),
    };
    Ok(Name { user, host: Some(host) })
}

fn parse_host(tokens: &mut Tokens<'_>) -> Result<String, NotUnderstood> {
    match tokens.next()?.ok_or(NotUnderstood)? {
        Token::Quoted(host) => Ok(host),
        Token::Word(_) | Token::Symbol(_) => Err(NotUnderstood),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    /// Anything without blanks, quotes, commas and parentheses.
    Word(&'a str),
    /// Something in backticks, single or (in mode `ANSI_QUOTES`) double quotes; a quote inside is doubled.
    Quoted(String),
    /// A comma or a parenthesis.
    Symbol(char),
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, NotUnderstood> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        match first {
            '`' | '\'' | '"' => self.quoted(first).map(Some),
            ',' | '(' | ')' => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                Ok(Some(Token::Symbol(first)))
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '`' | '\'' | '"' | ',' | '(' | ')');
                let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
                self.rest = rest;
                Ok(Some(Token::Word(word)))
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'a>, NotUnderstood> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                text.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
                text.push(quote);
            } else {
                self.rest = self.rest.get(at + quote.len_utf8()..).unwrap_or_default();
                return Ok(Token::Quoted(text));
            }
        }
        Err(NotUnderstood)
    }

    /// Whether what is left of the line says so. It is not taken apart, since names in it may hold quotes.
    fn say_further(&self, words: &str) -> bool {
        self.rest.to_ascii_uppercase().contains(words)
    }

    fn word(&mut self) -> Result<&'a str, NotUnderstood> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Quoted(_) | Token::Symbol(_)) | None => Err(NotUnderstood),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(user: &str, host: &str) -> Name {
        Name { user: user.into(), host: (!host.is_empty()).then(|| host.into()) }
    }

    fn granted(privileges: &[&str], scope: Scope, to: Name) -> Grant {
        let (privileges, on_columns, to) = (set(privileges), BTreeMap::new(), Some(to));
        Grant::Privileges { privileges, on_columns, scope, to, may_pass_on: false }
    }

    fn passed_on(granted: Grant) -> Grant {
        let Grant::Privileges { privileges, on_columns, scope, to, .. } = granted else { return granted };
        Grant::Privileges { privileges, on_columns, scope, to, may_pass_on: true }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn schema(pattern: &str) -> Scope {
        Scope::Schema(pattern.into())
    }

    fn table(schema: &str, table: &str) -> Scope {
        Scope::Table { schema: schema.into(), table: table.into() }
    }

    /// Shapes of MariaDB 10.11, seen on a real server; the hash is made up.
    #[test]
    fn lines_of_mariadb() {
        let conf = || name("conf", "127.0.0.1");
        let rows = [
            (
                "GRANT `app` TO `conf`@`127.0.0.1`",
                Grant::Roles { roles: vec![name("app", "")], to: Some(conf()), may_pass_on: false },
            ),
            (
                "GRANT USAGE ON *.* TO `conf`@`127.0.0.1` IDENTIFIED BY PASSWORD '*0123456789ABCDEF'",
                granted(&[], Scope::Global, conf()),
            ),
            (
                "GRANT CREATE ON `co\\_n%`.* TO `conf`@`127.0.0.1`",
                granted(&["CREATE"], schema("co\\_n%"), conf()),
            ),
            (
                "GRANT SELECT (`a`, `b,)`), UPDATE ON `conf`.`t` TO `conf`@`127.0.0.1`",
                Grant::Privileges {
                    privileges: set(&["UPDATE"]),
                    on_columns: [("SELECT".to_owned(), set(&["a", "b,)"]))].into(),
                    scope: table("conf", "t"),
                    to: Some(conf()),
                    may_pass_on: false,
                },
            ),
            ("GRANT INSERT ON `conf`.* TO `app`", granted(&["INSERT"], schema("conf"), name("app", ""))),
            (
                "GRANT TRIGGER ON `conf`.* TO PUBLIC",
                granted(&["TRIGGER"], schema("conf"), name("PUBLIC", "")),
            ),
            ("SET DEFAULT ROLE `app` FOR `conf`@`127.0.0.1`", Grant::DefaultRole(name("app", ""))),
            (
                "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` IDENTIFIED VIA mysql_native_password USING \
                 'invalid' OR unix_socket WITH GRANT OPTION",
                passed_on(granted(&["ALL PRIVILEGES"], Scope::Global, name("root", "localhost"))),
            ),
            ("GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION", Grant::Other),
            ("GRANT EXECUTE ON PROCEDURE `conf`.`p` TO `conf`@`%`", Grant::Other),
            ("GRANT EXECUTE ON PACKAGE BODY `conf`.`p` TO `conf`@`%`", Grant::Other),
            // MariaDB before 10.4 writes single quotes, and roles without any.
            (
                "GRANT SELECT, DELETE HISTORY ON `conf`.* TO 'conf'@'127.0.0.1'",
                granted(&["SELECT", "DELETE HISTORY"], schema("conf"), conf()),
            ),
            (
                "GRANT journalist TO 'conf'@'127.0.0.1' WITH ADMIN OPTION",
                Grant::Roles { roles: vec![name("journalist", "")], to: Some(conf()), may_pass_on: true },
            ),
        ];
        for (line, expected) in rows {
            assert_eq!(parse_grant(line), Ok(expected), "{line}");
        }
    }

    /// Shapes of MySQL 5.7 and 8, from its manual and recorded output; no such server was at hand.
    #[test]
    fn lines_of_mysql() {
        let conf = || name("conf", "%");
        let rows = [
            (
                "GRANT APPLICATION_PASSWORD_ADMIN,SHOW_ROUTINE ON *.* TO `conf`@`%` WITH GRANT OPTION",
                passed_on(granted(&["APPLICATION_PASSWORD_ADMIN", "SHOW_ROUTINE"], Scope::Global, conf())),
            ),
            (
                "GRANT CREATE TEMPORARY TABLES, LOCK TABLES ON `conf`.* TO `conf`@`%`",
                granted(&["CREATE TEMPORARY TABLES", "LOCK TABLES"], schema("conf"), conf()),
            ),
            (
                "REVOKE INSERT, UPDATE ON `conf`.* FROM `conf`@`%`",
                Grant::Revoked { privileges: set(&["INSERT", "UPDATE"]), scope: schema("conf") },
            ),
            (
                "GRANT `r1`@`%`,`r2`@`localhost` TO `conf`@`%`",
                Grant::Roles {
                    roles: vec![name("r1", "%"), name("r2", "localhost")],
                    to: Some(conf()),
                    may_pass_on: false,
                },
            ),
            // The mode ANSI_QUOTES.
            (
                "GRANT ALL PRIVILEGES ON \"conf\".* TO \"conf\"@\"%\"",
                granted(&["ALL PRIVILEGES"], schema("conf"), conf()),
            ),
            // sql_quote_show_create = 0.
            ("GRANT SELECT ON conf.* TO conf@'%'", granted(&["SELECT"], schema("conf"), name("conf", "%"))),
            (
                "GRANT SELECT ON `we``ird`.`t.a'b` TO `o'bri``en (x), y`@`%`",
                granted(&["SELECT"], table("we`ird", "t.a'b"), name("o'bri`en (x), y", "%")),
            ),
            ("GRANT USAGE ON *.* TO ''@'%'", granted(&[], Scope::Global, name("", "%"))),
        ];
        for (line, expected) in rows {
            assert_eq!(parse_grant(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_quote_that_is_not_marked_in_a_name_does_not_cost_the_privileges() {
        let line = "GRANT SELECT ON `conf`.* TO 'o'brien'@'%' IDENTIFIED BY PASSWORD '*01'";
        let Ok(Grant::Privileges { privileges, scope, .. }) = parse_grant(line) else {
            panic!("not understood")
        };
        assert_eq!((privileges, scope), (set(&["SELECT"]), schema("conf")));
    }

    #[test]
    fn nonsense_is_not_understood() {
        let lines = [
            "",
            "GRANT",
            "GRANT SELECT",
            "GRANT SELECT ON",
            "GRANT SELECT ON `conf",
            "GRANT SELECT ON `conf`.",
            "GRANT SELECT ON `conf`.* FROM `x`",
            "GRANT SELECT (`a` ON `conf`.* TO `x`",
            "GRANT SELECT ON SOMETHING `conf` TO `x`",
            "REVOKE `role` TO `x`",
            "SET PASSWORD",
            "<html>login</html>",
            "ALTER USER `x`",
        ];
        for line in lines {
            assert_eq!(parse_grant(line), Err(NotUnderstood), "{line}");
        }
        let long = format!("GRANT {} ON *.* TO `x`", "SELECT, ".repeat(100_000));
        assert!(parse_grant(&long).is_ok());
    }

    #[test]
    fn current_roles() {
        assert_eq!(parse_roles("NONE"), Ok(vec![]));
        assert_eq!(parse_roles("app"), Ok(vec![name("app", "")]));
        assert_eq!(parse_roles("`a`@`%`,`b`@`h`"), Ok(vec![name("a", "%"), name("b", "h")]));
        assert_eq!(parse_roles("`a`@`%`;"), Err(NotUnderstood));
    }
}
