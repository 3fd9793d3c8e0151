//! `deployment.toml` and the JSON files beside its templates as settings.
//!
//! No message quotes the text: these files hold passwords.

use std::collections::BTreeMap;

/// Tables in one another.
const DEEPEST: usize = 64;

/// What tells the tables of a list apart, the first that is there.
const KEYS: [&str; 4] = ["id", "name", "domain", "type"];

type Settings = BTreeMap<String, String>;

/// Keys with dots between them, as the product names them: `server.hostname`, `datasource[WSO2_DB].url`.
pub(super) fn flatten_toml(text: &str) -> Result<Settings, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: not well-formed TOML", before.matches('\n').count() + 1)
    })?;
    // One way for both forms: a table of TOML is an object of JSON.
    let value = serde_json::to_value(table).ok().ok_or("it holds what is no table, text or number")?;
    flatten(&value)
}

/// The same for JSON.
pub(super) fn flatten_json(text: &str) -> Result<Settings, String> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| format!("line {}, column {}: not well-formed JSON", error.line(), error.column()))?;
    flatten(&value)
}

fn flatten(value: &serde_json::Value) -> Result<Settings, String> {
    let mut settings = Settings::new();
    walk("", value, 0, &mut settings)?;
    Ok(settings)
}

fn walk(path: &str, value: &serde_json::Value, depth: usize, settings: &mut Settings) -> Result<(), String> {
    use serde_json::Value;
    if depth > DEEPEST {
        return Err(format!("its tables are nested deeper than {DEEPEST}"));
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, member, depth + 1, settings)?;
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let mut used: BTreeMap<String, u32> = BTreeMap::new();
            for item in items {
                let key = KEYS.iter().find_map(|key| item.get(key).and_then(Value::as_str));
                let times = used.entry(key.unwrap_or_default().to_owned()).or_default();
                *times += 1;
                let path = match (key, *times) {
                    (Some(key), 1) => format!("{path}[{key}]"),
                    (Some(key), times) => format!("{path}[{key}][{times}]"),
                    (None, times) => format!("{path}[{times}]"),
                };
                walk(&path, item, depth + 1, settings)?;
            }
        }
        Value::String(text) => {
            settings.insert(path.to_owned(), text.clone());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            settings.insert(path.to_owned(), value.to_string());
        }
    }
    Ok(())
}
