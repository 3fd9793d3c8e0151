//! From the properties of a licence to what it allows. Whom it was sold to stays here.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::Date;
use upgrade_readiness_checks::facts::{LicenseTerms, Seats, Until};

/// Confluence's own properties begin with this and a dot.
const NAMESPACE: &str = "conf";

/// Licence types that are not for production.
const TYPES_FOR_TESTS: [&str; 2] = ["TESTING", "DEVELOPER"];

/// Words of a description that say it is not for production.
const WORDS_FOR_TESTS: [&str; 7] =
    ["test", "tests", "testing", "developer", "developers", "timebomb", "non-production"];

/// The vendor marks its own test licences with a property of this name.
const MARK_FOR_TESTS: &str = "NOT-FOR-PRODUCTION";

/// Properties, without their namespace, that name somebody.
const NAMES_SOMEBODY: [&str; 6] =
    ["organisation", "organization", "contactname", "contactemail", "partnername", "***created-by***"];

/// A shorter name may be part of any word, so it is not looked for in other values.
const SHORTEST_NAME: usize = 3;

/// Hours of a hundred years; a longer time is not meant.
const MOST_HOURS: i64 = 24 * 36_525;

/// What a licence allows Confluence.
///
/// A property of Confluence's own (`conf.NumberOfUsers`) goes before the general one of that name
/// (`NumberOfUsers`), which also stands for other products of the same licence.
#[must_use]
pub fn read_terms(properties: &BTreeMap<String, String>) -> LicenseTerms {
    let stated = Stated::new(properties);
    LicenseTerms {
        description: stated.shown("Description", 200).unwrap_or_default(),
        products: stated.products(),
        for_this_product: is_true(stated.own("active")),
        // A general `DataCenter` would be another product's, and would let 9.0 through.
        data_center: is_true(stated.own("DataCenter")),
        license_type: stated.license_type(),
        evaluation: is_true(stated.find("Evaluation")),
        subscription: is_true(stated.find("Subscription")),
        not_for_production: stated.not_for_production(),
        expires: stated.until("LicenseExpiryDate"),
        maintenance_ends: stated.until("MaintenanceExpiryDate"),
        users: stated.users(),
        created_on: stated.find("CreationDate").and_then(parse_day),
        support_entitlement: stated
            .shown("SEN", 40)
            .filter(|number| !number.is_empty() && !number.eq_ignore_ascii_case("unknown")),
    }
}

/// The properties of a licence, and the names in them that must not get out.
struct Stated<'a> {
    properties: &'a BTreeMap<String, String>,
    names: Vec<&'a str>,
}

impl<'a> Stated<'a> {
    fn new(properties: &'a BTreeMap<String, String>) -> Self {
        let names_somebody = |key: &str| {
            let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
            NAMES_SOMEBODY.contains(&name.as_str())
        };
        let mut names: Vec<&str> = properties
            .iter()
            .filter(|(key, _)| names_somebody(key))
            .map(|(_, value)| value.trim())
            .filter(|name| name.chars().count() >= SHORTEST_NAME)
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self { properties, names }
    }

    /// Confluence's own property.
    fn own(&self, name: &str) -> Option<&'a str> {
        self.properties.get(&format!("{NAMESPACE}.{name}")).map(|value| value.trim())
    }

    /// Confluence's own property, else the general one.
    fn find(&self, name: &str) -> Option<&'a str> {
        self.own(name).or_else(|| self.properties.get(name).map(|value| value.trim()))
    }

    /// A property as it may be shown.
    fn shown(&self, name: &str, most: usize) -> Option<String> {
        self.find(name).map(|value| self.cleaned(value, most))
    }

    /// Without names, control characters and excess.
    fn cleaned(&self, text: &str, most: usize) -> String {
        let text = self.names.iter().fold(text.to_owned(), |text, name| text.replace(name, "***"));
        plain(&text, most)
    }

    fn products(&self) -> Vec<String> {
        self.properties
            .iter()
            .filter(|(_, value)| is_true(Some(value.trim())))
            .filter_map(|(key, _)| key.strip_suffix(".active"))
            .map(|namespace| plain(namespace, 80))
            .collect()
    }

    /// `Confluence: Developer` and `DEVELOPER` are the same type.
    fn license_type(&self) -> String {
        let stated = self
            .own("LicenseTypeName")
            .or_else(|| self.own("LicenseType"))
            .or_else(|| self.find("LicenseTypeName"));
        let stated = stated.unwrap_or_default();
        let name = stated.rsplit(':').next().unwrap_or(stated).trim();
        self.cleaned(name, 40).to_uppercase().replace([' ', '-'], "_")
    }

    fn not_for_production(&self) -> Option<String> {
        let mark = self.properties.keys().find(|key| key.to_ascii_uppercase().contains(MARK_FOR_TESTS));
        if let Some(mark) = mark {
            return Some(format!("it has the property {}", plain(mark, 60)));
        }
        let license_type = self.license_type();
        if TYPES_FOR_TESTS.contains(&license_type.as_str()) {
            return Some(format!("its type is {license_type}"));
        }
        // Only whole words, and not those of the owner's name: "Contest Ltd" makes no test licence.
        let description = self.shown("Description", 200)?;
        let word = description
            .split(|c: char| !c.is_alphanumeric() && c != '-')
            .find(|word| WORDS_FOR_TESTS.contains(&word.to_lowercase().as_str()))?;
        Some(format!("its description says {word:?}"))
    }

    fn until(&self, name: &str) -> Until {
        match self.find(name) {
            None => Until::NotStated,
            Some(value) => parse_until(value).unwrap_or_else(|| Until::Unreadable(self.cleaned(value, 40))),
        }
    }

    fn users(&self) -> Seats {
        match self.find("NumberOfUsers") {
            Some("-1") => Seats::Unlimited,
            Some(count) if is_digits(count) => count.parse().map_or(Seats::NotStated, Seats::Limited),
            Some(_) | None => Seats::NotStated,
        }
    }
}

/// The forms of an end: a day, `unlimited`, `P3H` (hours, in the vendor's own spelling) and
/// `Duration:60000` (milliseconds).
fn parse_until(text: &str) -> Option<Until> {
    if text.eq_ignore_ascii_case("unlimited") {
        return Some(Until::Forever);
    }
    if let Some(day) = parse_day(text) {
        return Some(Until::Day(day));
    }
    let time = if let Some(hours) = text.strip_prefix('P').and_then(|rest| rest.strip_suffix('H')) {
        SignedDuration::from_hours(parse_at_most(hours, MOST_HOURS)?)
    } else {
        let milliseconds = text.strip_prefix("Duration:")?.trim();
        SignedDuration::from_millis(parse_at_most(milliseconds, MOST_HOURS * 3_600_000)?)
    };
    Some(Until::AfterActivation(time))
}

fn parse_at_most(digits: &str, most: i64) -> Option<i64> {
    is_digits(digits).then(|| digits.parse().ok()).flatten().filter(|number| *number <= most)
}

/// `YYYY-MM-DD` and nothing else; the parser of the library would also take times and zones.
fn parse_day(text: &str) -> Option<Date> {
    let form = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    form.then(|| text.parse().ok()).flatten()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// In one line, printable, and at most so many characters.
fn plain(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).take(most).collect()
}

/// Characters that turn the direction of what follows, or hide in it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
