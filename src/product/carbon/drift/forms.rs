//! Which form a file of the configuration has, and its settings in that form.

use std::collections::BTreeMap;

use super::structured::{flatten_json, flatten_toml};
use super::xml::{decode, flatten_xml};
use crate::collect::properties::parse_properties;

/// What a file holds, as far as it can be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Settings, by where they stand in the file.
    Settings(BTreeMap<String, String>),
    /// It is compared as a whole.
    Whole,
    /// It should have settings and could not be taken apart: the reason.
    Damaged(String),
}

/// Takes a file apart by the form its name tells.
pub(super) fn form_of(name: &str, bytes: &[u8]) -> Form {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let parsed = match (file, ending) {
        ("default.json" | "key-mappings.json", _) => utf8(bytes).and_then(flatten_json),
        (_, "xml") => flatten_xml(bytes),
        (_, "toml") => utf8(bytes).and_then(flatten_toml),
        ("launch.ini" | "wrapper.conf", _) | (_, "properties") => {
            // Java reads them as ISO-8859-1, and people write them as UTF-8.
            let text =
                std::str::from_utf8(bytes).ok().map_or_else(|| decode::latin1(bytes), ToOwned::to_owned);
            Ok(parse_properties(&text))
        }
        _ => return Form::Whole,
    };
    parsed.map_or_else(Form::Damaged, Form::Settings)
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).ok().ok_or_else(|| "it is not UTF-8 text".to_owned())
}
