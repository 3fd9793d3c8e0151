//! A script of statements, followed byte by byte: where strings, comments and data begin and end.
//!
//! A dump is somebody else's script. What stands inside a string, a comment or the rows of a table is data and says
//! nothing; what stands outside is executed by the client or by the server. This follows the same rules as `psql`
//! and `mariadb` do, and where they could be led to another opinion (another meaning of the backslash, a string that
//! goes on behind a line break, another delimiter) it says so instead of guessing: no dump has such things.
//!
//! The rules: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>,
//! <https://www.postgresql.org/docs/current/app-psql.html>, <https://dev.mysql.com/doc/refman/8.4/en/comments.html>,
//! <https://dev.mysql.com/doc/refman/8.4/en/mysql-commands.html>.

mod judge;

use super::{note, shown};

/// Bytes of a statement that are kept to judge it.
const KEPT: usize = 4096;

/// Whose script it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL, read by `psql`.
    Postgresql,
    /// MySQL or MariaDB, read by `mysql` or `mariadb`.
    Mysql,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Statement,
    LineComment,
    /// Nested this deep.
    BlockComment(u32),
    /// Behind `/*` in MySQL: what follows tells whether it is executed.
    CommentStart,
    /// The digits behind `/*!`.
    CommentVersion,
    /// A backslash was the first thing in `/*! … */`.
    SandboxComment,
    Quoted {
        quote: u8,
        escapes: bool,
    },
    /// The tag of a dollar quote is being read.
    DollarTag(Vec<u8>),
    Dollar {
        tag: Vec<u8>,
        matched: usize,
    },
    /// A command of `psql`, to the end of its line.
    Command,
    /// Behind `COPY … FROM stdin;`, until the line ends.
    BeforeRows,
    /// Rows; what the line has been so far, as far as that matters.
    Rows {
        line: RowStart,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowStart {
    Beginning,
    Backslash,
    Dot,
    Within,
    WithinBackslash,
}

/// The remark at the end of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Of a database.
    Database,
    /// Of a whole server.
    Cluster,
}

/// What a script has shown so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) tables: Vec<String>,
    pub(super) table_count: u64,
    /// Statements that bring rows.
    pub(super) data: u64,
    pub(super) leaves_database: Vec<String>,
    pub(super) runs_commands: Vec<String>,
    pub(super) database: Option<String>,
    pub(super) server_version: Option<String>,
    pub(super) written_by: Option<String>,
    /// The last thing seen is the remark that the dump is complete.
    pub(super) ended: Option<Ended>,
}

/// Follows a script.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about where the script is")]
pub struct Script {
    dialect: Dialect,
    state: State,
    /// The statement, or what is kept of it, without comments.
    head: Vec<u8>,
    comment: Vec<u8>,
    command: Vec<u8>,
    previous: u8,
    /// The one before that.
    earlier: u8,
    skip_next: bool,
    /// Inside `/*! … */`, which MySQL executes.
    executed_comment: bool,
    delimiter: Vec<u8>,
    /// The string that has just ended was one with escapes.
    after_escapes: bool,
    /// Inside `BEGIN ATOMIC … END`.
    atomic: bool,
    /// The word before a dollar sign began with a digit.
    word_start: u8,
    seen: Seen,
}

impl Script {
    /// At the beginning of a script.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            state: State::Statement,
            head: Vec::new(),
            comment: Vec::new(),
            command: Vec::new(),
            previous: 0,
            earlier: 0,
            skip_next: false,
            executed_comment: false,
            delimiter: b";".to_vec(),
            after_escapes: false,
            atomic: false,
            word_start: 0,
            seen: Seen::default(),
        }
    }

    /// Whether the next byte begins a statement or a command.
    #[must_use]
    pub fn is_between_statements(&self) -> bool {
        self.state == State::Statement
            && self.head.is_empty()
            && !self.executed_comment
            && self.previous_is_blank()
    }

    /// Whether the next byte belongs to a statement, and to no string or comment in it.
    #[must_use]
    pub fn is_outside_strings(&self) -> bool {
        self.state == State::Statement
    }

    fn previous_is_blank(&self) -> bool {
        matches!(self.previous, 0 | b'\n' | b'\r' | b' ' | b'\t')
    }

    /// What would leave the database, or run something; empty as long as all is well.
    pub fn dangers(&self) -> impl Iterator<Item = &str> {
        self.seen.leaves_database.iter().chain(&self.seen.runs_commands).map(String::as_str)
    }

    pub(super) fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }

    /// Ends the script; says where in the middle it is when it is not between statements.
    pub fn finish(&mut self) -> Result<(), String> {
        match self.state {
            State::Command => self.end_command(),
            State::LineComment => self.end_comment(),
            State::Statement
            | State::BlockComment(_)
            | State::CommentStart
            | State::CommentVersion
            | State::SandboxComment
            | State::Quoted { .. }
            | State::DollarTag(_)
            | State::Dollar { .. }
            | State::BeforeRows
            | State::Rows { .. } => {}
        }
        self.client_command();
        match &self.state {
            State::Statement if self.head.is_empty() => Ok(()),
            State::Statement => Err(format!("inside the statement \"{}\"", shown(&self.head, 60))),
            State::Rows { .. } | State::BeforeRows => Err("inside the rows of a table".to_owned()),
            State::Quoted { .. } | State::Dollar { .. } | State::DollarTag(_) => {
                Err(format!("inside a string of the statement \"{}\"", shown(&self.head, 60)))
            }
            State::BlockComment(_) | State::CommentStart | State::CommentVersion | State::SandboxComment => {
                Err("inside a comment".to_owned())
            }
            State::LineComment | State::Command => Ok(()),
        }
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let skipped = self.skip(rest);
            let Some(next) = rest.get(skipped..) else { return };
            let Some((byte, behind)) = next.split_first() else { return };
            self.step(*byte);
            rest = behind;
        }
    }

    /// How many of the bytes mean nothing where the script is; the long runs of a dump are of this kind.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let run = match &self.state {
            State::Quoted { quote, escapes } if !self.skip_next && self.head.len() >= KEPT => {
                let (quote, escapes) = (*quote, *escapes);
                bytes.iter().position(|b| *b == quote || (escapes && *b == b'\\'))
            }
            State::Rows { line: RowStart::Within } => bytes.iter().position(|b| matches!(b, b'\n' | b'\\')),
            State::Statement
            | State::LineComment
            | State::BlockComment(_)
            | State::CommentStart
            | State::CommentVersion
            | State::SandboxComment
            | State::Quoted { .. }
            | State::DollarTag(_)
            | State::Dollar { .. }
            | State::Command
            | State::BeforeRows
            | State::Rows { .. } => Some(0),
        };
        run.unwrap_or(bytes.len())
    }

    fn step(&mut self, byte: u8) {
        match &mut self.state {
            State::Statement => self.statement(byte),
            State::LineComment if byte == b'\n' => {
                self.end_comment();
                self.state = State::Statement;
                self.remember(b'\n');
            }
            State::LineComment => {
                if self.comment.len() < 300 {
                    self.comment.push(byte);
                }
            }
            State::BlockComment(_) => self.block_comment(byte),
            State::CommentStart => self.comment_start(byte),
            State::CommentVersion if byte.is_ascii_digit() => {}
            State::CommentVersion => {
                self.state = State::Statement;
                self.blank();
                self.statement(byte);
            }
            State::SandboxComment => {
                if byte != b'-' {
                    self.danger("a command of the client inside a comment");
                }
                self.state = State::BlockComment(1);
            }
            State::Quoted { .. } => self.quoted(byte),
            State::DollarTag(_) => self.dollar_tag(byte),
            State::Dollar { tag, matched } => {
                if tag.get(*matched) == Some(&byte) {
                    *matched += 1;
                } else {
                    *matched = usize::from(byte == b'$');
                }
                if *matched == tag.len() {
                    self.state = State::Statement;
                }
                self.keep(byte);
            }
            State::Command if byte == b'\n' => {
                self.end_command();
                self.state = State::Statement;
                self.remember(b'\n');
            }
            State::Command => {
                if self.command.len() < 300 {
                    self.command.push(byte);
                }
            }
            State::BeforeRows if byte == b'\n' => self.state = State::Rows { line: RowStart::Beginning },
            State::BeforeRows => {
                if !byte.is_ascii_whitespace() {
                    self.danger("something behind COPY … FROM stdin; on the same line");
                }
            }
            State::Rows { line } => {
                let line = *line;
                self.row(line, byte);
            }
        }
    }

    fn remember(&mut self, byte: u8) {
        self.earlier = self.previous;
        self.previous = byte;
    }

    fn keep(&mut self, byte: u8) {
        if self.head.len() < KEPT {
            self.head.push(byte);
        }
    }

    /// White space: one blank, and none at the beginning.
    fn blank(&mut self) {
        if !self.head.is_empty() && self.head.last() != Some(&b' ') {
            self.keep(b' ');
        }
    }

    fn danger(&mut self, text: &str) {
        note(&mut self.seen.runs_commands, text.to_owned());
    }

    fn statement(&mut self, byte: u8) {
        let (previous, earlier) = (self.previous, self.earlier);
        self.remember(byte);
        if self.dialect == Dialect::Mysql && previous == b'-' && earlier == b'-' && byte.is_ascii_whitespace()
        {
            self.take_back(2);
            self.begin_comment();
            if byte == b'\n' {
                self.end_comment();
                self.state = State::Statement;
            }
            return;
        }
        match (previous, byte) {
            (b'-', b'-') if self.dialect == Dialect::Postgresql => {
                self.take_back(1);
                self.begin_comment();
                return;
            }
            (_, b'#') if self.dialect == Dialect::Mysql => return self.begin_comment(),
            (b'/', b'*') => {
                self.take_back(1);
                self.after_escapes = false;
                self.remember(0);
                self.state = match self.dialect {
                    Dialect::Postgresql => State::BlockComment(1),
                    Dialect::Mysql => State::CommentStart,
                };
                return;
            }
            (b'*', b'/') if self.executed_comment => {
                self.take_back(1);
                self.executed_comment = false;
                self.blank();
                self.remember(0);
                return;
            }
            _ => {}
        }
        match byte {
            b'\'' => self.open_single(previous, earlier),
            b'"' => self.open(b'"', self.dialect == Dialect::Mysql),
            b'`' if self.dialect == Dialect::Mysql => self.open(b'`', false),
            b'$' if self.dialect == Dialect::Postgresql => self.dollar(previous),
            b'\\' => self.backslash(),
            b'\n' => {
                self.client_command();
                self.blank();
            }
            blank if blank.is_ascii_whitespace() => self.blank(),
            other => {
                self.after_escapes = false;
                if !is_word(previous) {
                    self.word_start = other;
                }
                self.keep(other);
                self.end_of_statement();
            }
        }
    }

    fn take_back(&mut self, bytes: usize) {
        if self.head.len() < KEPT {
            self.head.truncate(self.head.len().saturating_sub(bytes));
        }
    }

    fn open(&mut self, quote: u8, escapes: bool) {
        if self.sets_delimiter() {
            self.danger("a delimiter no dump has");
        }
        self.keep(quote);
        self.state = State::Quoted { quote, escapes };
    }

    fn open_single(&mut self, previous: u8, earlier: u8) {
        let escapes = match self.dialect {
            Dialect::Mysql => true,
            Dialect::Postgresql => matches!(previous, b'e' | b'E') && !is_word(earlier),
        };
        // Behind a line break such a string goes on, behind a blank it does not.
        if self.after_escapes && previous != b'\'' {
            self.danger("a string that goes on behind another one");
        }
        let reopened = previous == b'\'' && self.after_escapes;
        self.open(b'\'', escapes || reopened);
    }

    fn quoted(&mut self, byte: u8) {
        let State::Quoted { quote, escapes } = self.state else { return };
        self.keep(byte);
        if std::mem::take(&mut self.skip_next) {
            return;
        }
        if escapes && byte == b'\\' {
            self.skip_next = true;
        } else if byte == quote {
            // Two quotes are one inside the string: it ends here and begins again at once, in the same way.
            self.after_escapes = escapes && self.dialect == Dialect::Postgresql;
            self.state = State::Statement;
            self.remember(byte);
        }
    }

    fn dollar(&mut self, previous: u8) {
        if is_word(previous) {
            if self.word_start.is_ascii_digit() {
                self.danger("a dollar sign behind a number");
            }
            self.keep(b'$');
        } else {
            self.state = State::DollarTag(vec![b'$']);
        }
    }

    fn dollar_tag(&mut self, byte: u8) {
        let State::DollarTag(tag) = &mut self.state else { return };
        let fits = is_word(byte) && byte != b'$' && (tag.len() > 1 || !byte.is_ascii_digit());
        if byte == b'$' || (fits && tag.len() < 64) {
            tag.push(byte);
            let tag = tag.clone();
            self.keep(byte);
            if byte == b'$' {
                self.state = State::Dollar { tag, matched: 0 };
            }
            return;
        }
        // It was the sign of a parameter, or nothing.
        if tag.len() > 1 {
            self.danger("a dollar sign that begins no string");
        }
        self.state = State::Statement;
        self.keep(b'$');
        self.previous = b'$';
        self.statement(byte);
    }

    fn backslash(&mut self) {
        match self.dialect {
            Dialect::Postgresql => {
                if !self.head.is_empty() {
                    self.danger("a command of psql inside a statement");
                }
                self.command.clear();
                self.state = State::Command;
            }
            // The sandbox comment is `/*M!999999\- enable the sandbox mode */`.
            Dialect::Mysql if self.executed_comment && self.head.is_empty() => {
                self.state = State::SandboxComment;
            }
            Dialect::Mysql => self.danger("a command of the client (a backslash outside a string)"),
        }
    }

    fn begin_comment(&mut self) {
        self.comment.clear();
        self.state = State::LineComment;
    }

    fn end_comment(&mut self) {
        let comment = std::mem::take(&mut self.comment);
        self.seen.remark(&comment);
    }

    fn block_comment(&mut self, byte: u8) {
        let State::BlockComment(depth) = &mut self.state else { return };
        let pair = (self.previous, byte);
        self.previous = byte;
        if byte == b'\\' && self.executed_comment {
            note(&mut self.seen.runs_commands, "a command of the client inside a comment".to_owned());
        }
        match (pair, self.dialect) {
            ((b'*', b'/'), _) => {
                *depth = depth.saturating_sub(1);
                self.previous = 0;
            }
            ((b'/', b'*'), Dialect::Postgresql) => {
                *depth = depth.saturating_add(1);
                self.previous = 0;
            }
            _ => {}
        }
        if *depth == 0 {
            self.executed_comment = false;
            self.state = State::Statement;
            self.blank();
        }
    }

    fn comment_start(&mut self, byte: u8) {
        match byte {
            b'!' => {
                self.executed_comment = true;
                self.state = State::CommentVersion;
            }
            // `/*M!` is MariaDB's own.
            b'M' if self.previous == 0 => self.previous = b'M',
            _ => {
                self.state = State::BlockComment(1);
                self.block_comment(byte);
            }
        }
    }

    fn row(&mut self, line: RowStart, byte: u8) {
        use RowStart::{Backslash, Beginning, Dot, Within, WithinBackslash};
        let next = match (line, byte) {
            (Dot, b'\n') => {
                self.state = State::Statement;
                self.previous = b'\n';
                return;
            }
            (Dot, b'\r') | (Backslash, b'.') => Dot,
            (Dot, _) => {
                self.danger("an end of rows that is none");
                Within
            }
            // What PostgreSQL writes behind a backslash, and nothing else.
            (Backslash | WithinBackslash, b'N' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' | b'v') => Within,
            (Backslash | WithinBackslash, other) => {
                let text = format!("\\{} among the rows of a table", char::from(other).escape_default());
                self.danger(&text);
                if other == b'\n' { Beginning } else { Within }
            }
            (Beginning, b'\\') => Backslash,
            (Within, b'\\') => WithinBackslash,
            (_, b'\n') => Beginning,
            (Beginning | Within, _) => Within,
        };
        self.state = State::Rows { line: next };
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
