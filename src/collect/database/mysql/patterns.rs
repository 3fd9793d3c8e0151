//! Patterns with wildcards, as grants and accounts have them.

/// How the server compares names with the patterns of grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matching {
    /// `%` and `_` stand for themselves (MySQL with `partial_revokes`).
    pub(super) literal: bool,
    /// Case does not count (`lower_case_table_names`).
    pub(super) ignore_case: bool,
}

/// The place of the first wildcard: the further back, the closer the pattern. Without one it is closest.
pub(super) fn closeness(pattern: &str) -> usize {
    let mut escaped = false;
    for (at, c) in pattern.chars().enumerate() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '%' | '_' => return at,
            _ => {}
        }
    }
    usize::MAX
}

/// Whether two names are the same to the server.
pub(super) fn is_same(one: &str, other: &str, matching: Matching) -> bool {
    one == other || matching.ignore_case && one.to_lowercase() == other.to_lowercase()
}

/// Whether a name is like a pattern with `%`, `_` and `\`.
pub(super) fn is_like(name: &str, pattern: &str, matching: Matching) -> bool {
    let (name, pattern) = if matching.ignore_case {
        (name.to_lowercase(), pattern.to_lowercase())
    } else {
        (name.to_owned(), pattern.to_owned())
    };
    let pattern = parts(&pattern, matching.literal);
    let name: Vec<char> = name.chars().collect();
    // The usual walk with one place to go back to, so that no pattern takes longer than name × pattern.
    let (mut at, mut part, mut back) = (0, 0, None);
    while at < name.len() {
        match (pattern.get(part), name.get(at)) {
            (Some(Part::Any), _) => {
                back = Some((at, part));
                part += 1;
            }
            (Some(Part::One), Some(_)) => {
                (at, part) = (at + 1, part + 1);
            }
            (Some(Part::Literal(expected)), Some(found)) if expected == found => {
                (at, part) = (at + 1, part + 1);
            }
            (Some(Part::Literal(_) | Part::One) | None, _) => match back {
                Some((from, any)) => {
                    back = Some((from + 1, any));
                    (at, part) = (from + 1, any + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(part).all(|part| *part == Part::Any)
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Literal(char),
}

fn parts(pattern: &str, literal: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '\\' if chars.peek().is_some_and(|next| matches!(next, '%' | '_' | '\\')) => {
                Part::Literal(chars.next().unwrap_or('\\'))
            }
            '%' if !literal => Part::Any,
            '_' if !literal => Part::One,
            _ => Part::Literal(c),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Matching = Matching { literal: false, ignore_case: false };

    #[test]
    fn patterns_are_those_of_the_server() {
        let rows = [
            ("conf", "conf", true),
            ("conf", "con", false),
            ("conf", "conf_", false),
            ("conf_db", "conf\\_db", true),
            ("confXdb", "conf\\_db", false),
            ("confXdb", "conf_db", true),
            ("conf_db", "conf\\_%", true),
            ("conf", "%", true),
            ("conf", "c%f", true),
            ("conf", "c%x", false),
            ("conf", "%o%f%", true),
            ("a%b", "a\\%b", true),
            ("axb", "a\\%b", false),
            ("", "%", true),
            ("", "", true),
            ("a\\b", "a\\b", true),
            ("Conf", "conf", false),
        ];
        for (name, pattern, expected) in rows {
            assert_eq!(is_like(name, pattern, USUAL), expected, "{name} like {pattern}");
        }
        assert!(is_like("Conf", "cONF", Matching { ignore_case: true, ..USUAL }));
        let literal = Matching { literal: true, ..USUAL };
        assert!(is_like("a_b", "a_b", literal) && is_like("a_b", "a\\_b", literal));
        assert!(!is_like("axb", "a_b", literal) && !is_like("axb", "a%", literal));
        assert!(!is_like(&"a".repeat(64), &"%a".repeat(2000), USUAL));
        assert!(!is_like(&"a".repeat(5000), &format!("{}b", "%a".repeat(300)), USUAL));
    }
}
