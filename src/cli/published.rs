//! The forms that programs read and write: which there are, in which version, and their schemas.
//!
//! New members and new values may come with any version; the minor number tells of them. A change that would mislead a
//! reader raises the major number. `tests/published.rs` holds every schema against the one in `config/schema/`, and what
//! agents of before wrote against the schemas of now.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use serde_json::Value;
use upgrade_readiness_checks::dossier::{DOSSIER_FORMAT, Dossier};

use super::output::advise;
use super::{check, diff, history, license};
use crate::collect::backups::restore::{PROOF_FORMAT, proof_schema};
use crate::collect::backups::{MARKER_FORMAT, marker_schema};
use crate::config;
use crate::surface::attestation::{self, attestation_schema};
use crate::surface::book::{self, book_schema};
use crate::surface::fleet::{self, fleet_schema};
use crate::surface::notify::{self, message_schema};
use crate::surface::status::{self, SARIF_VERSION, offers_schema, status_schema};

/// A form that programs read, or write for the agent.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its name.
    pub(super) id: &'static str,
    /// Its version; `None` for what people write themselves.
    pub(super) version: Option<&'static str>,
    /// Where it is met.
    pub(super) met: &'static str,
    /// Its JSON schema; `None` for a form that is not ours, or not JSON.
    pub(super) schema: Option<fn() -> Value>,
}

pub(super) static CONFIG: Published =
    Published { id: "config", version: None, met: "the configuration file", schema: Some(config::schema) };
pub(super) static STATUS: Published = Published {
    id: "status",
    version: Some(status::FORMAT_VERSION),
    met: "status file, /api/v1/status, agent status, agent check",
    schema: Some(|| status_schema().to_value()),
};
pub(super) static TARGETS: Published = Published {
    id: "targets",
    version: Some(status::FORMAT_VERSION),
    met: "agent targets",
    schema: Some(|| offers_schema().to_value()),
};
pub(super) static PLAN: Published = Published {
    id: "plan",
    version: Some(book::FORMAT_VERSION),
    met: "/api/v1/plan/…, agent plan",
    schema: Some(|| book_schema().to_value()),
};
pub(super) static GATE: Published = Published {
    id: "gate",
    version: Some(attestation::FORMAT_VERSION),
    met: "agent gate",
    schema: Some(|| attestation_schema().to_value()),
};
pub(super) static AFTER: Published = Published {
    id: "after",
    version: Some(check::AFTER_FORMAT),
    met: "agent check --after",
    schema: Some(|| check::after_schema().to_value()),
};
pub(super) static HISTORY: Published = Published {
    id: "history",
    version: Some(history::FORMAT_VERSION),
    met: "agent history",
    schema: Some(|| history::schema().to_value()),
};
pub(super) static DIFF: Published = Published {
    id: "diff",
    version: Some(diff::FORMAT_VERSION),
    met: "agent diff",
    schema: Some(|| diff::schema().to_value()),
};
pub(super) static LICENSE: Published = Published {
    id: "license",
    version: Some(license::FORMAT_VERSION),
    met: "agent license",
    schema: Some(|| license::schema().to_value()),
};
pub(super) static FLEET: Published = Published {
    id: "fleet",
    version: Some(fleet::FORMAT_VERSION),
    met: "/api/v1/fleet, agent fleet",
    schema: Some(|| fleet_schema().to_value()),
};
pub(super) static SNAPSHOT: Published = Published {
    id: "snapshot",
    version: Some(DOSSIER_FORMAT),
    met: "agent snapshot; read with --facts by agent check, targets, plan, gate",
    schema: Some(|| schemars::schema_for!(Dossier).to_value()),
};
pub(super) static NOTIFICATION: Published = Published {
    id: "notification",
    version: Some(notify::FORMAT_VERSION),
    met: "[[channel]] with form = \"json\", templates",
    schema: Some(|| message_schema().to_value()),
};
pub(super) static BACKUP_MARKER: Published = Published {
    id: "backup-marker",
    version: Some(MARKER_FORMAT),
    met: "what a backup job says of a backup; TOML, see agent explain backup-home",
    schema: Some(|| marker_schema().to_value()),
};
pub(super) static RESTORE_PROOF: Published = Published {
    id: "restore-proof",
    version: Some(PROOF_FORMAT),
    met: "agent restore-test, or a job of your own; see agent explain backup-restore",
    schema: Some(|| proof_schema().to_value()),
};
pub(super) static SARIF: Published = Published {
    id: "sarif",
    version: Some(SARIF_VERSION),
    met: "agent status and agent check --output sarif",
    schema: None,
};
pub(super) static PROMETHEUS: Published = Published {
    id: "prometheus",
    version: Some("0.0.4"),
    met: "/metrics, agent status and agent check --output prometheus",
    schema: None,
};

/// Every form.
pub(super) static ALL: &[&Published] = &[
    &CONFIG,
    &STATUS,
    &TARGETS,
    &PLAN,
    &GATE,
    &AFTER,
    &HISTORY,
    &DIFF,
    &LICENSE,
    &FLEET,
    &SNAPSHOT,
    &NOTIFICATION,
    &BACKUP_MARKER,
    &RESTORE_PROOF,
    &SARIF,
    &PROMETHEUS,
];

/// Which version of a form its reader understands.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Understood {
    /// The version of the form its reader understands, such as 1 or 1.0: fail when the answer would be of another one.
    /// `agent config schema --list` shows all.
    #[arg(long, value_name = "VERSION")]
    format_version: Option<FormatVersion>,
}

impl Understood {
    /// Fails when an answer in this form would not be understood; `None` stands for a form for people.
    pub(super) fn is(&self, form: Option<&Published>) -> anyhow::Result<()> {
        let Some(asked) = &self.format_version else { return Ok(()) };
        let Some((form, offered)) = form.and_then(|form| Some((form, form.version?))) else {
            let error = anyhow::anyhow!("the form asked for has no version: it is for people, or not ours");
            return Err(advise(error, "Add --output json, or leave --format-version out."));
        };
        if offered.parse().is_ok_and(|offered| asked.reads(&offered)) {
            return Ok(());
        }
        let id = form.id;
        let error = anyhow::anyhow!(
            "this agent writes the form {id} in version {offered}, and {asked} was asked for"
        );
        let schema = match form.schema {
            Some(_) => format!(": `agent config schema {id}` prints its schema"),
            None => String::new(),
        };
        let remedy = format!("Use an agent that writes {asked}, or a reader of {offered}{schema}.");
        Err(advise(error, remedy))
    }
}

/// A version of a form: major, and as far as it is said minor and patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormatVersion(Vec<u16>);

impl FormatVersion {
    /// Whether a reader of this version understands what is written in the other: the same major number, and nothing
    /// that only came later is missed.
    fn reads(&self, offered: &Self) -> bool {
        self.0.first() == offered.0.first() && self.0 <= offered.0
    }
}

impl FromStr for FormatVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Result<Vec<u16>, _> = text.split('.').map(str::parse).collect();
        match parts {
            Ok(parts) if parts.len() <= 3 => Ok(Self(parts)),
            Ok(_) | Err(_) => Err("a version such as 1 or 1.0 is needed".to_owned()),
        }
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u16::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// Descriptions are written for the documentation of the code, and its links lead nowhere in a schema.
pub(super) fn without_links(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            members.values_mut().for_each(without_links);
        }
        Value::Array(items) => items.iter_mut().for_each(without_links),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_served_by_its_version_and_later_ones_of_the_same_major() {
        let rows = [
            ("1", "1.0", true),
            ("1.0", "1.0", true),
            ("1.0", "1.3", true),
            ("1.4", "1.3", false),
            ("2", "1.3", false),
            ("0.9", "1.3", false),
            ("2.1.0", "2.1.0", true),
            ("2.1.1", "2.1.0", false),
        ];
        for (asked, offered, expected) in rows {
            let [asked, offered] = [asked, offered].map(|text| text.parse::<FormatVersion>().unwrap());
            assert_eq!(asked.reads(&offered), expected, "{asked} of {offered}");
        }
        for text in ["", "v1", "1.", "1.0.0.0", "-1", "1.99999", "one"] {
            assert!(text.parse::<FormatVersion>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_form_can_be_told_from_the_others_and_every_version_read() {
        for (index, form) in ALL.iter().enumerate() {
            assert!(ALL.iter().skip(index + 1).all(|other| other.id != form.id), "{}", form.id);
            assert!(
                form.version.is_none_or(|version| version.parse::<FormatVersion>().is_ok()),
                "{}",
                form.id
            );
        }
    }
}
