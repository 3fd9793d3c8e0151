//! The server's own settings, against the catalog.

use super::{Look, Subject};
use crate::catalog::{Component, Confidence, Setting};
use crate::facts::{DatabaseConfig, Family, Missing, Source};
use crate::model::{Finding, Severity};
use crate::rules::wording::{counted, excerpt, sentence};

/// The one setting that the product's own connection may override.
const ISOLATION: &str = "transaction_isolation";

/// What session variables may call it; the second name is that of MySQL 5.
const ISOLATION_NAMES: [&str; 2] = [ISOLATION, "tx_isolation"];

/// Settings of older servers, and what took their place. The old one is without effect where the new one exists.
///
/// <https://dev.mysql.com/doc/refman/8.0/en/innodb-redo-log.html>
const REPLACED: [(&str, &str); 1] = [("innodb_log_file_size", "innodb_redo_log_capacity")];

impl<'a> Look<'a> {
    pub(super) fn at_server(&mut self, subject: Subject<'a>) {
        let (catalog, line) = (self.case.catalog, self.case.target.line());
        let known: Vec<&Setting> = catalog.settings(subject.database.engine, line).collect();
        if known.is_empty() {
            let page =
                catalog.page(Component::DatabaseEngine.page(), line).unwrap_or("the vendor's documentation");
            return self.missing.push(Missing::Unknown {
                what: format!(
                    "{} {line} needs of the settings of {}",
                    self.case.facts.product,
                    subject.database.engine.name()
                ),
                how_to_answer: format!("compare them with {page}"),
            });
        }
        self.seen.push(format!(
            "{} at {} looked at",
            counted(known.len() as u64, "setting"),
            subject.database.address
        ));
        for setting in known {
            self.take(self.judge(subject, setting));
        }
    }

    fn judge(&self, subject: Subject<'_>, setting: &Setting) -> Result<Option<Finding>, Missing> {
        let values = &subject.settings.values;
        let name = setting.name.as_str();
        let stands_in = |(old, new): &(&str, &str)| {
            let (has_old, has_new) = (values.contains_key(*old), values.contains_key(*new));
            (name == *old && has_new) || (name == *new && !has_new && has_old)
        };
        if REPLACED.iter().any(stands_in) || matters(subject, setting) == Some(false) {
            return Ok(None);
        }
        let server = values.get(name).map(|value| (value.clone(), subject.database.address.clone()));
        let (value, place) = match self.by_connection(name) {
            Ok(Some(connection)) => connection,
            Ok(None) => server.ok_or_else(|| unread(name, "the server does not state it"))?,
            // What the server says is overridden or not: only when it is right already does that not matter here.
            Err(missing) => match server {
                Some((value, _)) if fits(setting, &value)? => return Ok(None),
                Some(_) | None => return Err(missing),
            },
        };
        if fits(setting, &value)? {
            return Ok(None);
        }
        if let (None, Some(other)) = (matters(subject, setting), &setting.only_when) {
            return Err(unread(
                &other.name,
                &format!("the server does not state it, and {name} depends on it"),
            ));
        }
        Ok(Some(finding(setting, &excerpt(&value), &place, self.by_product_alone(name))))
    }

    /// How the same is set for the product's connections and nobody else's.
    fn by_product_alone(&self, name: &str) -> &'static str {
        match self.case.facts.product.family() {
            Family::Confluence if name == ISOLATION => {
                " Or for this product alone: set the property hibernate.connection.isolation to 2 in confluence.cfg.xml \
                 and restart the service."
            }
            Family::Confluence | Family::Carbon => "",
        }
    }

    /// What the product's own connection sets, and where; nothing for most settings.
    fn by_connection(&self, name: &str) -> Result<Option<(String, String)>, Missing> {
        if name != ISOLATION {
            return Ok(None);
        }
        let config = self.config.as_ref().map_err(Clone::clone)?;
        Ok(isolation(config).map(|value| (value, config.place.clone())))
    }
}

fn finding(setting: &Setting, value: &str, place: &str, by_product_alone: &str) -> Finding {
    let Setting { name, confidence, otherwise, remedy, source, .. } = setting;
    let (severity, sureness) = match confidence {
        Confidence::Confirmed => (Severity::Blocker, ""),
        Confidence::Partial | Confidence::Inferred => {
            (Severity::Warning, " (the vendor's own value for this release could not be confirmed)")
        }
    };
    let value = if value.is_empty() { "empty" } else { value };
    Finding {
        severity,
        subject: name.clone(),
        summary: format!("{name} is {value}: {}", otherwise.trim_end_matches('.')),
        observed: format!("{value}, at {place}"),
        required: format!("{}{sureness}", required(setting)),
        remedy: format!(
            "As an administrator of the database server: {}{by_product_alone} Source: {}",
            sentence(remedy),
            sentence(source)
        ),
    }
}

fn unread(name: &str, why: &str) -> Missing {
    Missing::Unread { of: Source::Database, what: format!("the setting {name}"), why: why.to_owned() }
}

/// Whether the setting matters here; `None` when that hangs on another one that is not stated.
fn matters(subject: Subject<'_>, setting: &Setting) -> Option<bool> {
    let Some(other) = &setting.only_when else { return Some(true) };
    let value = subject.settings.values.get(&other.name)?;
    Some(other.values.iter().any(|wanted| wanted.eq_ignore_ascii_case(value.trim())))
}

fn fits(setting: &Setting, value: &str) -> Result<bool, Missing> {
    let value = value.trim();
    let allowed = setting.allowed.is_empty()
        || setting.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value));
    let mut words = value.split(',').map(str::trim);
    let clean = !words.any(|word| setting.without.iter().any(|banned| banned.eq_ignore_ascii_case(word)));
    let enough = match setting.at_least {
        None => true,
        Some(least) => {
            let number: u64 = value.parse().map_err(|why| {
                unread(&setting.name, &format!("{:?} is not a number: {why}", excerpt(value)))
            })?;
            number >= least
        }
    };
    Ok(allowed && clean && enough)
}

fn required(setting: &Setting) -> String {
    let mut parts = Vec::new();
    if !setting.allowed.is_empty() {
        parts.push(setting.allowed.join(" or "));
    }
    if let Some(least) = setting.at_least {
        let mebibytes = least >> 20;
        let readable = if mebibytes == 0 { String::new() } else { format!(" ({mebibytes} MiB)") };
        parts.push(format!("at least {least}{readable}"));
    }
    if !setting.without.is_empty() {
        parts.push(format!("without {}", setting.without.join(", ")));
    }
    parts.join(", ")
}

/// The isolation level the product's own connection asks for; the vendor names both ways.
///
/// The property is applied to an open connection, so it wins over a session variable.
/// <https://support.atlassian.com/confluence/kb/confluence-fails-to-start-and-throws-mysql-session-isolation-level-repeatable-read-is-no-longer-supported-error/>
fn isolation(config: &DatabaseConfig) -> Option<String> {
    let by_property = config.isolation.map(|level| match level {
        1 => "READ-UNCOMMITTED".to_owned(),
        2 => "READ-COMMITTED".to_owned(),
        4 => "REPEATABLE-READ".to_owned(),
        8 => "SERIALIZABLE".to_owned(),
        other => format!("hibernate.connection.isolation {other}"),
    });
    by_property.or_else(|| session_variable(config.parameters.get("sessionvariables")?))
}

/// The isolation level among `storage_engine=InnoDB,transaction_isolation='READ-COMMITTED'`; the last one counts.
fn session_variable(variables: &str) -> Option<String> {
    // URLs may carry the sign and the quotes encoded.
    let mut plain = variables.to_owned();
    for (encoded, sign) in [("%3D", "="), ("%3d", "="), ("%27", "'"), ("%2C", ","), ("%2c", ",")] {
        plain = plain.replace(encoded, sign);
    }
    let assignments = plain.split([',', ';']).filter_map(|assignment| assignment.split_once('='));
    let mut levels = assignments.filter_map(|(name, value)| {
        let name = name.trim().to_ascii_lowercase();
        let name = name.trim_start_matches("@@").trim_start_matches("session").trim_start_matches(['.', ' ']);
        ISOLATION_NAMES.contains(&name).then(|| value.trim().trim_matches(['\'', '"']).to_ascii_uppercase())
    });
    levels.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_variables_are_found_in_every_spelling() {
        let rows = [
            ("transaction_isolation='READ-COMMITTED'", Some("READ-COMMITTED")),
            ("tx_isolation=%27READ-COMMITTED%27", Some("READ-COMMITTED")),
            ("storage_engine%3DInnoDB", None),
            ("storage_engine=InnoDB,tx_isolation = \"read-committed\"", Some("READ-COMMITTED")),
            ("@@session.transaction_isolation='READ-COMMITTED'", Some("READ-COMMITTED")),
            ("SESSION tx_isolation='SERIALIZABLE'", Some("SERIALIZABLE")),
            ("tx_isolation='READ-COMMITTED';tx_isolation='REPEATABLE-READ'", Some("REPEATABLE-READ")),
            ("my_transaction_isolation='READ-COMMITTED'", None),
            ("transaction_isolation", None),
            ("", None),
            (",,;=%", None),
        ];
        for (variables, expected) in rows {
            assert_eq!(session_variable(variables).as_deref(), expected, "{variables}");
        }
    }
}
