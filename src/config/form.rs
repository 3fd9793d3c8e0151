//! Compares a configuration file with the form it must have, and reports every mistake at once.
//!
//! A deserializer stops at the first mistake. This walk holds the parsed file against the schema of
//! the raw types, notes each mistake with its key and line, takes the wrong part out, and goes on;
//! what is left can be deserialized and checked for its meaning too.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::Problem;

/// Lines of keys, by their path such as `instance[0].targets`.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The line of a key, or that of the closest table around it.
    pub(super) fn of(&self, key: &str) -> Option<usize> {
        let mut key = key;
        loop {
            if let Some(line) = self.0.get(key) {
                return Some(*line);
            }
            key = key.rfind(['.', '[']).and_then(|end| key.get(..end))?;
        }
    }
}

/// Walks a parsed file beside its schema; removes what does not fit and says why.
pub(super) fn prune(text: &str, file: &mut DeTable<'_>, schema: &Value) -> (Vec<Problem>, Lines) {
    let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut walk = Walk { line_ends, schema, problems: Vec::new(), lines: Lines::default() };
    walk.table(file, schema, "", None);
    (walk.problems, walk.lines)
}

struct Walk<'a> {
    line_ends: Vec<usize>,
    schema: &'a Value,
    problems: Vec<Problem>,
    lines: Lines,
}

impl Walk<'_> {
    fn line(&self, offset: usize) -> usize {
        self.line_ends.partition_point(|end| *end < offset) + 1
    }

    fn problem(&mut self, key: &str, line: usize, reason: String) {
        self.problems.push(Problem { key: key.to_owned(), line: Some(line), reason });
    }

    /// Follows `$ref`, and takes the branch that is not `null` out of an optional type.
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| self.schema.pointer(path.strip_prefix('#')?));
        if let Some(target) = target {
            return self.resolve(target);
        }
        let real = schema.get("anyOf").and_then(Value::as_array).and_then(|branches| {
            branches.iter().find(|branch| branch.get("type").and_then(Value::as_str) != Some("null"))
        });
        real.map_or(schema, |real| self.resolve(real))
    }

    fn table(&mut self, table: &mut DeTable<'_>, schema: &Value, path: &str, at: Option<usize>) {
        let schema = self.resolve(schema).clone();
        let empty = Map::new();
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let mut wrong = Vec::new();
        for (key, value) in table.iter_mut() {
            let name = key.get_ref().to_string();
            let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let line = self.line(key.span().start);
            self.lines.0.insert(here.clone(), line);
            let fits = match known.get(&name).or(others) {
                None => {
                    self.problem(&here, line, unknown_key(&name, known));
                    false
                }
                Some(schema) => self.value(value, schema, &here),
            };
            if !fits {
                wrong.push(key.clone());
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !table.keys().any(|key| key.get_ref() == name) {
                let key = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                let line = at.unwrap_or(1);
                self.problem(&key, line, format!("is missing: {}", description(known.get(name))));
            }
        }
        for key in wrong {
            table.remove(&key);
        }
    }

    /// Whether a value has the form it must have.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &Value, path: &str) -> bool {
        let line = self.line(value.span().start);
        let schema = self.resolve(schema).clone();
        match value.get_mut() {
            DeValue::Table(table) if wants(&schema, "object") => {
                let before = self.problems.len();
                self.table(table, &schema, path, Some(line));
                // A table that lacks a required key cannot be read at all.
                !self
                    .problems
                    .iter()
                    .skip(before)
                    .any(|problem| problem.reason.starts_with("is missing") && parent(&problem.key) == path)
                    && !self.lost_required(table, &schema)
            }
            DeValue::Array(items) if wants(&schema, "array") => {
                let Some(item_schema) = schema.get("items").cloned() else { return true };
                // An item that is taken out leaves its number to the next, as in what is read later.
                let mut kept = DeArray::new();
                for mut item in std::mem::replace(items, DeArray::new()) {
                    let here = format!("{path}[{}]", kept.len());
                    let item_line = self.line(item.span().start);
                    self.lines.0.insert(here.clone(), item_line);
                    if self.value(&mut item, &item_schema, &here) {
                        kept.push(item);
                    }
                }
                *items = kept;
                true
            }
            other => match misfit(other, &schema) {
                None => true,
                Some(reason) => {
                    self.problem(path, line, reason);
                    false
                }
            },
        }
    }

    /// A required key that was there but was wrong has been taken out: the table is incomplete now.
    fn lost_required(&self, table: &DeTable<'_>, schema: &Value) -> bool {
        let required = self.resolve(schema).get("required").and_then(Value::as_array);
        required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|name| !table.keys().any(|key| key.get_ref() == name))
    }
}

fn parent(path: &str) -> &str {
    path.rfind('.').and_then(|end| path.get(..end)).unwrap_or_default()
}

fn wants(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

/// Why a value that is neither table nor array does not fit, or that it does.
fn misfit(value: &DeValue<'_>, schema: &Value) -> Option<String> {
    let choices = choices(schema);
    let expected = || expectation(schema, &choices);
    let (kind, seen) = match value {
        DeValue::String(text) => {
            if !choices.is_empty() {
                let listed = choices.iter().any(|choice| choice == text.as_ref());
                return (!listed).then(|| format!("must be {}, and is {:?}", expected(), text.as_ref()));
            }
            ("string", "a text".to_owned())
        }
        DeValue::Integer(number) => {
            let seen = format!("the number {number}");
            if wants(schema, "integer") {
                return out_of_range(number.as_str(), schema)
                    .map(|limit| format!("must be {limit}, and is {number}"));
            }
            ("integer", seen)
        }
        DeValue::Float(number) => ("number", format!("the number {number}")),
        DeValue::Boolean(word) => ("boolean", word.to_string()),
        DeValue::Datetime(when) => ("datetime", format!("the date {when} without quotes")),
        DeValue::Array(_) => ("array", "a list".to_owned()),
        DeValue::Table(_) => ("object", "a table".to_owned()),
    };
    (!wants(schema, kind)).then(|| format!("must be {}, and is {seen}", expected()))
}

fn out_of_range(number: &str, schema: &Value) -> Option<String> {
    let number: i128 = number.parse().ok()?;
    let limit = |name: &str| schema.get(name).and_then(Value::as_i64).map(i128::from);
    let lowest = limit("minimum").unwrap_or(i128::from(i64::MIN));
    let highest = limit("maximum").unwrap_or(match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => i128::from(u8::MAX),
        Some("uint32") => i128::from(u32::MAX),
        _ => i128::from(i64::MAX),
    });
    (!(lowest..=highest).contains(&number)).then(|| format!("a number from {lowest} to {highest}"))
}

/// The words a closed set allows.
fn choices(schema: &Value) -> Vec<String> {
    let listed = schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    let described = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let described = described.iter().flat_map(|one| {
        let constant = one.get("const").cloned();
        let listed = one.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
        listed.into_iter().chain(constant)
    });
    listed.iter().cloned().chain(described).filter_map(|one| one.as_str().map(ToOwned::to_owned)).collect()
}

fn expectation(schema: &Value, choices: &[String]) -> String {
    if !choices.is_empty() {
        return format!("one of {}", choices.join(", "));
    }
    let kinds = [
        ("string", "a text in quotes"),
        ("integer", "a whole number"),
        ("boolean", "true or false"),
        ("array", "a list in brackets"),
        ("object", "a table"),
    ];
    kinds.iter().find(|(kind, _)| wants(schema, kind)).map_or("something else", |(_, words)| words).to_owned()
}

fn description(schema: Option<&Value>) -> String {
    let text = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str);
    text.unwrap_or("it has no default").trim_end_matches('.').to_owned()
}

fn unknown_key(name: &str, known: &Map<String, Value>) -> String {
    let closest = known.keys().map(|key| (distance(name, key), key)).min();
    match closest {
        Some((steps, key)) if steps <= 3 => format!("is not a key that stands here; did you mean {key}?"),
        _ => {
            let keys: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("is not a key that stands here; these are: {}", keys.join(", "))
        }
    }
}

/// Single-letter changes that turn one word into the other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let changed = (diagonal + usize::from(from != *to)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = changed;
            left = changed;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
