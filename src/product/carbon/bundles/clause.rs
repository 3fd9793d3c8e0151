//! Headers of OSGi: clauses with attributes and directives.
//!
//! `a.b;c.d;version="[1,2)";resolution:=optional,e.f` is two clauses: the first names two paths, has the attribute
//! `version` and the directive `resolution`.
//!
//! Source: OSGi Core, section 3.2.4 "Common Header Syntax".

use std::collections::BTreeMap;

/// More clauses than any real header has.
const MOST_CLAUSES: usize = 20_000;

/// One clause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clause {
    /// What it is about: packages, names.
    pub(super) paths: Vec<String>,
    /// `key=value`; the type in `key:Version=value` is left out.
    pub(super) attributes: BTreeMap<String, String>,
    /// `key:=value`.
    pub(super) directives: BTreeMap<String, String>,
}

/// Why a header cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClauseError {
    #[error("a quotation in {header} of its manifest has no end")]
    Unclosed { header: String },
    #[error("{header} of its manifest has a clause that says nothing")]
    Empty { header: String },
    #[error("{header} of its manifest has more than {MOST_CLAUSES} clauses")]
    TooMany { header: String },
}

/// Reads the clauses of a header, whose name is for messages.
pub(super) fn parse_clauses(header: &str, text: &str) -> Result<Vec<Clause>, ClauseError> {
    let mut clauses = Vec::new();
    for clause in split(text, ',').ok_or_else(|| ClauseError::Unclosed { header: header.to_owned() })? {
        if clauses.len() >= MOST_CLAUSES {
            return Err(ClauseError::TooMany { header: header.to_owned() });
        }
        let parts = split(clause, ';').ok_or_else(|| ClauseError::Unclosed { header: header.to_owned() })?;
        let mut parsed = Clause::default();
        for part in parts {
            parsed.take(part.trim());
        }
        if parsed.paths.iter().all(String::is_empty) {
            return Err(ClauseError::Empty { header: header.to_owned() });
        }
        clauses.push(parsed);
    }
    Ok(clauses)
}

impl Clause {
    fn take(&mut self, part: &str) {
        // A quotation stands behind the sign only, so the first sign is the one.
        let Some((key, value)) = part.split_once('=') else {
            return self.paths.push(unquoted(part));
        };
        if let Some(key) = key.trim_end().strip_suffix(':') {
            self.directives.insert(key.trim().to_owned(), unquoted(value));
        } else {
            let name = key.split(':').next().unwrap_or_default().trim();
            self.attributes.insert(name.to_owned(), unquoted(value));
        }
    }

    /// A directive.
    pub(super) fn directive(&self, name: &str) -> Option<&str> {
        self.directives.get(name).map(String::as_str)
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// Splits outside of quotations; nothing when one has no end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut quoted, mut escaped, mut from) = (false, false, 0);
    for (index, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == separator && !quoted {
            parts.push(text.get(from..index)?);
            from = index + c.len_utf8();
        }
    }
    parts.push(text.get(from..)?);
    (!quoted).then_some(parts)
}

/// The text of a quotation, or the text itself.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut result = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        result.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Paths, attributes and directives in one line.
    fn shown(text: &str) -> String {
        let clauses = parse_clauses("X", text).unwrap();
        let pairs = |map: &BTreeMap<String, String>, sign: &str| -> String {
            map.iter().flat_map(|(key, value)| [" ", key, sign, value]).collect()
        };
        let texts = clauses.iter().map(|clause| {
            let paths = clause.paths.join("+");
            format!("{paths}{}{}", pairs(&clause.attributes, "="), pairs(&clause.directives, ":="))
        });
        texts.collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn clauses_are_taken_apart() {
        let rows = [
            ("a.b", "a.b"),
            ("a.b , c", "a.b | c"),
            ("a;b;version=\"[1,2)\";x:=\"c,d;e\",f", "a+b version=[1,2) x:=c,d;e | f"),
            ("a; version = 1.2 ;resolution := optional", "a version=1.2 resolution:=optional"),
            ("a;version:Version=\"1.0\";l:List<String>=\"x,y\"", "a l=x,y version=1.0"),
            ("a;x=\"say \\\"b;c\\\", \\\\\"", "a x=say \"b;c\", \\"),
            (
                "osgi.ee;filter:=\"(&(osgi.ee=JavaSE)(version=1.7))\"",
                "osgi.ee filter:=(&(osgi.ee=JavaSE)(version=1.7))",
            ),
            ("*", "*"),
            ("\"a.b\"", "a.b"),
        ];
        for (text, expected) in rows {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn broken_headers_are_refused() {
        for text in ["", ",", "a,", "a,,b", "a;x=\"b", "version=1", "a;x=\"b\\\"", ";;"] {
            assert!(parse_clauses("X", text).is_err(), "{text}");
        }
        assert!(matches!(parse_clauses("X", &"a,".repeat(30_000)), Err(ClauseError::TooMany { .. })));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _clauses = parse_clauses("X", &text);
        }
    }
}
