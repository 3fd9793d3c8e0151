//! The assignments of a shell script, without running it.
//!
//! Commands, here-documents and files that are read in (`. other.sh`) are not followed.

use std::iter::Peekable;
use std::str::Chars;

use super::script::{ScriptError, Variables};

/// Words that open a part which may not be run, or not once.
const OPENERS: [&str; 6] = ["if", "case", "for", "while", "until", "{"];

/// Words that close such a part.
const CLOSERS: [&str; 4] = ["fi", "esac", "done", "}"];

/// Words after which a command follows as at the beginning of a line.
const LEADERS: [&str; 5] = ["then", "else", "elif", "do", "!"];

/// Words that make what follows them assignments.
const DECLARERS: [&str; 5] = ["export", "readonly", "declare", "typeset", "local"];

/// Takes the assignments of a script in, in order.
pub(super) fn parse_shell(text: &str, variables: &mut Variables) -> Result<(), ScriptError> {
    let mut reader = Reader { rest: text.chars().peekable(), variables };
    let mut words = Vec::new();
    let mut depth = 0_usize;
    // The command before was followed by `&&` or `||`.
    let mut chained = false;
    loop {
        let end = loop {
            match reader.read_piece()? {
                Piece::Word(word) => words.push(word),
                Piece::End(end) => break end,
            }
        };
        run(&std::mem::take(&mut words), &mut depth, chained, reader.variables)?;
        chained = end == End::Chain;
        if end == End::Text {
            return Ok(());
        }
    }
}

/// Carries out one command, when it is an assignment.
fn run(
    words: &[String],
    depth: &mut usize,
    chained: bool,
    variables: &mut Variables,
) -> Result<(), ScriptError> {
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.peek() {
        if OPENERS.contains(word) {
            *depth = depth.saturating_add(1);
        } else if CLOSERS.contains(word) {
            *depth = depth.saturating_sub(1);
        } else if !LEADERS.contains(word) {
            break;
        }
        words.next();
    }
    let conditional = *depth > 0 || chained;
    match words.peek().copied() {
        Some("unset") => {
            for name in words.skip(1).filter(|name| is_name(name)) {
                variables.assign(name, String::new(), conditional);
            }
            Ok(())
        }
        Some(word) if DECLARERS.contains(&word) => {
            words.skip(1).filter_map(assignment).try_for_each(|found| found.make(conditional, variables))
        }
        Some(_) => {
            // With a command behind them, assignments are for that command only.
            let found: Option<Vec<_>> = words.map(assignment).collect();
            found.unwrap_or_default().into_iter().try_for_each(|found| found.make(conditional, variables))
        }
        None => Ok(()),
    }
}

struct Assignment<'a> {
    name: &'a str,
    value: &'a str,
    appends: bool,
}

impl Assignment<'_> {
    fn make(&self, conditional: bool, variables: &mut Variables) -> Result<(), ScriptError> {
        let before = if self.appends { variables.value(self.name) } else { String::new() };
        variables.count(before.len())?;
        variables.assign(self.name, before + self.value, conditional);
        Ok(())
    }
}

fn assignment(word: &str) -> Option<Assignment<'_>> {
    let (name, value) = word.split_once('=')?;
    let appended = name.strip_suffix('+');
    let name = appended.unwrap_or(name);
    is_name(name).then_some(Assignment { name, value, appends: appended.is_some() })
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with(|first: char| first.is_ascii_digit())
        && word.chars().all(is_name_part)
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

enum Piece {
    Word(String),
    End(End),
}

/// How a command ends.
#[derive(PartialEq, Eq)]
enum End {
    Plain,
    Chain,
    Text,
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    variables: &'a mut Variables,
}

impl Reader<'_> {
    /// Reads the next word, expanded and without its quotes, or the end of the command.
    fn read_piece(&mut self) -> Result<Piece, ScriptError> {
        let mut word: Option<String> = None;
        loop {
            let next = self.rest.peek().copied();
            match next {
                Some(' ' | '\t' | '\r') => {
                    self.rest.next();
                    if let Some(word) = word {
                        return Ok(Piece::Word(word));
                    }
                }
                None | Some('\n' | ';' | '&' | '|' | '(' | ')') => {
                    if let Some(word) = word {
                        return Ok(Piece::Word(word));
                    }
                    return Ok(Piece::End(self.read_end()));
                }
                Some('#') if word.is_none() => while self.rest.next_if(|&next| next != '\n').is_some() {},
                Some(next) => {
                    self.rest.next();
                    self.read_part(next, word.get_or_insert_default())?;
                }
            }
        }
    }

    fn read_end(&mut self) -> End {
        match self.rest.next() {
            None => End::Text,
            Some(sign @ ('&' | '|')) if self.rest.next_if_eq(&sign).is_some() => End::Chain,
            Some(_) => End::Plain,
        }
    }

    /// Reads one character of a word, or a quoted or expanded part of it.
    fn read_part(&mut self, first: char, word: &mut String) -> Result<(), ScriptError> {
        match first {
            '\'' => word.extend(self.rest.by_ref().take_while(|&next| next != '\'')),
            '"' => {
                while let Some(next) = self.rest.next().filter(|&next| next != '"') {
                    match next {
                        '\\' => match self.rest.next() {
                            Some('\n') | None => {}
                            Some(escaped @ ('$' | '`' | '"' | '\\')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                        },
                        '$' | '`' => self.expand(next, word)?,
                        plain => word.push(plain),
                    }
                }
            }
            '\\' => word.extend(self.rest.next().filter(|&next| next != '\n')),
            '$' | '`' => self.expand(first, word)?,
            plain => word.push(plain),
        }
        self.variables.count(1)
    }

    fn expand(&mut self, sign: char, word: &mut String) -> Result<(), ScriptError> {
        let value = if sign == '`' {
            self.rest.by_ref().find(|&next| next == '`');
            Variables::unknown("`…`")
        } else {
            match self.rest.peek().copied() {
                Some('{') => self.braced(),
                Some('(') => {
                    self.read_nested('(', ')');
                    Variables::unknown("$(…)")
                }
                Some(first) if first.is_ascii_digit() || "@*?$!#-".contains(first) => {
                    self.rest.next();
                    Variables::unknown(&format!("${first}"))
                }
                Some(first) if is_name_part(first) => {
                    let name: String =
                        std::iter::from_fn(|| self.rest.next_if(|&next| is_name_part(next))).collect();
                    self.variables.value(&name)
                }
                Some(_) | None => "$".to_owned(),
            }
        };
        word.push_str(&value);
        self.variables.count(value.len())
    }

    /// `${NAME}`, or with an operator behind the name.
    fn braced(&mut self) -> String {
        let inside = self.read_nested('{', '}');
        let end = inside.find(|character| !is_name_part(character)).unwrap_or(inside.len());
        let (name, operator) = inside.split_at_checked(end).unwrap_or_default();
        let value = self.variables.value(name);
        // `:-` and its like give another value only where there is none.
        let keeps = operator.is_empty() || (operator.starts_with([':', '-', '=', '?']) && !value.is_empty());
        if keeps { value } else { Variables::unknown(name) }
    }

    /// Reads from an opening sign to the one that closes it, and gives what is between.
    fn read_nested(&mut self, open: char, close: char) -> String {
        let mut inside = String::new();
        let mut depth = 0_usize;
        for next in self.rest.by_ref() {
            if next == open {
                depth += 1;
            } else if next == close {
                depth -= 1;
            }
            if depth == 0 {
                break;
            }
            inside.push(next);
        }
        inside.split_off(open.len_utf8().min(inside.len()))
    }
}
