//! What a statement or a command of the client does, as far as it matters.

use super::super::{MOST_TABLES, note, shown};
use super::{Dialect, Ended, Script, Seen, State};

/// Words a statement of `pg_dump` begins with.
const POSTGRESQL: &[&str] = &[
    "SET", "SELECT", "CREATE", "ALTER", "COMMENT", "COPY", "INSERT", "GRANT", "REVOKE", "DROP", "SECURITY",
    "REFRESH", "BEGIN", "COMMIT",
];

/// Functions `pg_dump` calls, and the catalogue it asks for large objects.
const FUNCTIONS: &[&str] = &[
    "SETVAL",
    "SET_CONFIG",
    "LO_CREATE",
    "LO_OPEN",
    "LOWRITE",
    "LO_CLOSE",
    "LO_UNLINK",
    "PG_LARGEOBJECT_METADATA",
];

/// Words a statement of `mysqldump` or `mariadb-dump` begins with.
const MYSQL: &[&str] =
    &["SET", "CREATE", "DROP", "INSERT", "REPLACE", "LOCK", "UNLOCK", "ALTER", "COMMIT", "START", "ANALYZE"];

/// Commands of the clients `mysql` and `mariadb` that need no backslash at the beginning of a line.
const CLIENT_COMMANDS: &[&str] = &[
    "?",
    "BIND",
    "CHARSET",
    "CLEAR",
    "CONNECT",
    "COSTS",
    "EDIT",
    "EGO",
    "EXIT",
    "GO",
    "HELP",
    "NOPAGER",
    "NOTEE",
    "NOWARNING",
    "PAGER",
    "PRINT",
    "PROMPT",
    "QUERY_ATTRIBUTES",
    "QUIT",
    "REHASH",
    "RESETCONNECTION",
    "SANDBOX",
    "SOURCE",
    "SSL_SESSION_DATA_PRINT",
    "STATUS",
    "SYSTEM",
    "TEE",
    "WARNINGS",
];

/// What all databases of a server share.
const SHARED: &[&str] =
    &["DATABASE", "SCHEMA", "ROLE", "USER", "TABLESPACE", "SYSTEM", "SERVER", "LOGFILE", "INSTANCE", "GROUP"];

impl Script {
    /// Judges the statement when it has just ended.
    pub(super) fn end_of_statement(&mut self) {
        // The client takes the whole line for it.
        if self.sets_delimiter() {
            return;
        }
        if self.head.len() >= super::KEPT {
            // Its end is not among what is kept; it ends with the byte that was just seen all the same.
            let last = self.delimiter.last().copied();
            if self.delimiter.len() > 1 || Some(self.previous) != last {
                let two = [self.earlier, self.previous];
                if self.delimiter.len() != 2 || self.delimiter != two {
                    return;
                }
            }
        } else if !self.head.ends_with(&self.delimiter) {
            return;
        }
        let mut head = std::mem::take(&mut self.head);
        if head.ends_with(&self.delimiter) {
            head.truncate(head.len() - self.delimiter.len());
        }
        let upper: String = String::from_utf8_lossy(&head).trim().to_uppercase();
        self.after_escapes = false;
        if self.atomic {
            self.atomic = upper != "END";
            return;
        }
        if upper.is_empty() {
            return;
        }
        self.seen.ended = None;
        match self.dialect {
            Dialect::Postgresql => self.judge_postgresql(&head, &upper),
            Dialect::Mysql => self.judge_mysql(&head, &upper),
        }
    }

    fn judge_postgresql(&mut self, head: &[u8], upper: &str) {
        let words: Vec<&str> = upper.split_whitespace().take(8).collect();
        let (first, second) = (words.first().copied().unwrap_or(""), words.get(1).copied().unwrap_or(""));
        match first {
            "CREATE" | "ALTER" | "DROP" if is_shared(second, &words) => self.leaves(head),
            "CREATE" if is_routine(&words) && upper.contains("BEGIN ATOMIC") => self.atomic = true,
            "CREATE" if is_table(&words) => self.table(head),
            "COPY" if upper.ends_with(" FROM STDIN") => {
                self.seen.data += 1;
                self.state = State::BeforeRows;
            }
            "INSERT" => self.seen.data += 1,
            "SELECT" if calls_of_pg_dump(upper) => self.backslash_meaning(upper),
            // COPY to a file or from a program, calls of other functions.
            "COPY" | "SELECT" => self.runs(head),
            "SET" => self.backslash_meaning(upper),
            word if POSTGRESQL.contains(&word) => {}
            _ => self.runs(head),
        }
    }

    /// With another meaning of the backslash, strings end elsewhere than it seems.
    fn backslash_meaning(&mut self, upper: &str) {
        let usual = ["SET STANDARD_CONFORMING_STRINGS = ON", "SET STANDARD_CONFORMING_STRINGS = 'ON'"];
        if upper.contains("STANDARD_CONFORMING_STRINGS") && !usual.contains(&upper) {
            self.danger("another meaning of the backslash (standard_conforming_strings)");
        }
        if upper.len() >= super::KEPT {
            self.danger("a setting that is too long to be one");
        }
    }

    fn judge_mysql(&mut self, head: &[u8], upper: &str) {
        let words: Vec<&str> = upper.split_whitespace().take(8).collect();
        let (first, second) = (words.first().copied().unwrap_or(""), words.get(1).copied().unwrap_or(""));
        match first {
            "USE" => self.leaves(head),
            "CREATE" | "ALTER" | "DROP" if is_shared(second, &words) || second == "SCHEMA" => {
                self.leaves(head);
            }
            "GRANT" | "REVOKE" | "CHANGE" | "FLUSH" | "RESET" | "PURGE" | "INSTALL" | "UNINSTALL" => {
                self.leaves(head);
            }
            "SET" if upper.contains("@@GLOBAL.") || second == "GLOBAL" || second == "PERSIST" => {
                self.leaves(head);
            }
            "SET" if upper.contains("NO_BACKSLASH_ESCAPES") || upper.len() >= super::KEPT => {
                self.danger("another meaning of the backslash (NO_BACKSLASH_ESCAPES)");
            }
            "CREATE" if is_table(&words) => {
                self.table(head);
                self.qualified(head);
            }
            "INSERT" | "REPLACE" => {
                self.seen.data += 1;
                self.qualified(head);
            }
            "DROP" | "LOCK" | "ALTER" | "ANALYZE" => self.qualified(head),
            word if MYSQL.contains(&word) => {}
            _ => self.runs(head),
        }
    }

    /// A table that is named with its database, before the first bracket.
    fn qualified(&mut self, head: &[u8]) {
        let mut quoted = false;
        let mut previous = 0_u8;
        for byte in head {
            match byte {
                b'`' => quoted = !quoted,
                b'(' | b'\'' | b'"' if !quoted => return,
                // A number such as 1.5 stands nowhere before a bracket.
                b'.' if !quoted && (previous == b'`' || super::is_word(previous)) => {
                    return self.leaves(head);
                }
                _ => {}
            }
            previous = *byte;
        }
    }

    /// A command of `psql` has ended with its line.
    pub(super) fn end_command(&mut self) {
        let command = std::mem::take(&mut self.command);
        let text = String::from_utf8_lossy(&command);
        let name = text.split_whitespace().next().unwrap_or("");
        match name {
            "restrict" | "unrestrict" if command.len() < 200 && !text.contains('\\') => {}
            "c" | "connect" if !text.contains(['\\', '`']) => {
                note(&mut self.seen.leaves_database, format!("\\{}", shown(&command, 80)));
            }
            _ => self.danger(&format!("\\{}", shown(&command, 80))),
        }
    }

    /// A line has ended: a command of `mysql` needs neither backslash nor delimiter.
    pub(super) fn client_command(&mut self) {
        if self.dialect != Dialect::Mysql || self.head.is_empty() || self.state != State::Statement {
            return;
        }
        let line = String::from_utf8_lossy(self.head.get(..self.head.len().min(200)).unwrap_or_default());
        let upper = line.to_uppercase();
        let word = upper.split([' ', ';', '\t']).next().unwrap_or("");
        if CLIENT_COMMANDS.contains(&word) {
            let text = shown(line.as_bytes(), 80);
            self.danger(&text);
            self.head.clear();
        } else if word == "DELIMITER" {
            let delimiter = line.split_whitespace().nth(1).unwrap_or("").as_bytes().to_vec();
            if !matches!(delimiter.as_slice(), b";" | b";;" | b"//" | b"$$") {
                self.danger("a delimiter no dump has");
            }
            self.delimiter = delimiter;
            self.head.clear();
        } else if word == "USE" {
            let line = self.head.clone();
            self.leaves(&line);
        }
    }

    /// Inside the line of the client's command DELIMITER.
    pub(super) fn sets_delimiter(&self) -> bool {
        let word = b"delimiter ";
        self.dialect == Dialect::Mysql
            && self.head.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
    }

    fn leaves(&mut self, head: &[u8]) {
        note(&mut self.seen.leaves_database, beginning(head));
    }

    fn runs(&mut self, head: &[u8]) {
        note(&mut self.seen.runs_commands, beginning(head));
    }

    fn table(&mut self, head: &[u8]) {
        self.seen.table_count += 1;
        if self.seen.tables.len() < MOST_TABLES
            && let Some(name) = table_name(head)
        {
            self.seen.tables.push(name);
        }
    }
}

impl Seen {
    /// What the program that wrote the dump says about it, in comments.
    pub(super) fn remark(&mut self, comment: &[u8]) {
        let text = shown(comment, 200);
        let text = text.trim();
        let behind = |prefix: &str| text.strip_prefix(prefix).map(|rest| rest.trim().to_owned());
        match text {
            "PostgreSQL database dump complete" => self.ended = Some(Ended::Database),
            "PostgreSQL database cluster dump complete" => self.ended = Some(Ended::Cluster),
            _ if text.starts_with("Dump completed") => self.ended = Some(Ended::Database),
            _ => {}
        }
        if let Some(version) = behind("Dumped from database version ").or_else(|| behind("Server version ")) {
            self.server_version.get_or_insert(version);
        }
        if let Some(version) = behind("Dumped by pg_dump version ") {
            self.written_by.get_or_insert(version);
        }
        // `MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)`
        if let Some(version) = behind("MariaDB dump ").or_else(|| behind("MySQL dump ")) {
            let distribution = version.split_once("Distrib ").map_or(version.as_str(), |(_, rest)| rest);
            let number = distribution.split([',', ' ']).next().unwrap_or(distribution);
            self.written_by.get_or_insert(number.to_owned());
        }
        if text.starts_with("Host: ")
            && let Some((_, name)) = text.split_once("Database: ")
            && !name.trim().is_empty()
        {
            self.database.get_or_insert(name.trim().to_owned());
        }
    }
}

/// The first words of a statement; never a string of it, which may be a password.
fn beginning(head: &[u8]) -> String {
    let end = head.iter().position(|byte| matches!(byte, b'\'' | b'(')).unwrap_or(head.len());
    let text = shown(head.get(..end).unwrap_or_default(), 80);
    let words = text.split(' ').take_while(|word| {
        !["PASSWORD", "IDENTIFIED", "ENCRYPTED"].contains(&word.to_ascii_uppercase().as_str())
    });
    words.take(6).collect::<Vec<_>>().join(" ")
}

fn is_shared(second: &str, words: &[&str]) -> bool {
    // A schema is a database in MySQL, and a part of one in PostgreSQL, where CREATE SCHEMA is no danger; the mapping
    // of a user and a foreign server are parts of a database too.
    let third = words.get(2).copied().unwrap_or("");
    let part = (second == "USER" && third == "MAPPING") || second == "SERVER" || second == "SCHEMA";
    SHARED.contains(&second) && !part
}

fn is_routine(words: &[&str]) -> bool {
    words.iter().take(4).any(|word| matches!(*word, "FUNCTION" | "PROCEDURE"))
}

fn is_table(words: &[&str]) -> bool {
    let behind = words.iter().skip(1).find(|word| {
        !matches!(
            **word,
            "UNLOGGED" | "FOREIGN" | "TEMPORARY" | "TEMP" | "GLOBAL" | "LOCAL" | "OR" | "REPLACE"
        )
    });
    behind == Some(&"TABLE")
}

fn calls_of_pg_dump(upper: &str) -> bool {
    let Some(call) = upper.strip_prefix("SELECT PG_CATALOG.") else { return false };
    // One call, and nothing that is called inside it but a function of the same list.
    let word =
        |rest: &str| -> String { rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut names = upper.split("PG_CATALOG.").skip(1).map(word);
    call.contains('(') && names.all(|name| FUNCTIONS.contains(&name.as_str())) && !upper.contains("DBLINK")
}

/// The name behind TABLE, without its schema and quotes.
fn table_name(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let at = text.to_ascii_uppercase().find("TABLE ")? + "TABLE ".len();
    let mut rest = text.get(at..)?.trim_start();
    if rest.to_ascii_uppercase().starts_with("IF NOT EXISTS ") {
        rest = rest.get("IF NOT EXISTS ".len()..)?.trim_start();
    }
    let mut name = String::new();
    let mut quote = None;
    for c in rest.chars().take(300) {
        match (quote, c) {
            (None, '"' | '`') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '.') => name.clear(),
            (None, c) if c.is_whitespace() || c == '(' => break,
            (_, c) => name.push(c),
        }
    }
    (!name.is_empty()).then(|| name.chars().filter(|c| !c.is_control()).collect())
}
