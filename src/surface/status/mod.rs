//! The status file: what the agent knows, for `agent status` and for programs.
//!
//! These types are the public format, kept apart from the agent's own so that those can change. New
//! members and new values of `product`, `category` and `source` may come with any version; a change
//! that would mislead a reader raises the major number of `format_version`.

mod file;
mod junit;
mod many;
mod markdown;
mod nagios;
mod offer;
mod sarif;
mod select;
mod text;
mod words;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{Condition, Profile, Source};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::report::{Blocks, CheckReport, DatedFinding, Word};

pub use file::{StatusError, WriteStatusError, read_status, read_status_of, render_json, write_status};
pub use junit::render_junit;
pub use markdown::render_markdown;
pub use nagios::render_nagios;
pub use offer::{
    LicenseView, OfferView, OfferedView, PluginsView, RecommendedView, RollingState, RollingView,
    exit_code_of_offers, offers_schema, render_offers_json, render_offers_markdown, render_offers_text,
};
pub use sarif::{SARIF_VERSION, render_sarif};
pub use select::{Age, SelectError, Selection, age, exit_code};
pub use text::render_text;

pub(crate) use markdown::escape;

pub(super) use file::{replace, write_pieces};
pub(super) use offer::is_target;
pub(super) use words::{count, length, product_name, settled};
pub(crate) use words::{minute, printable, wrap};

use crate::board::{Board, InstanceState, JudgedTarget, Since, TargetState};
use crate::shard::Shard;

/// Version of the format.
pub const FORMAT_VERSION: &str = "1.0";

/// What the agent knows of all instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Status file of the upgrade readiness agent")]
pub struct StatusFile {
    /// Version of this format: `1.0`.
    pub format_version: String,
    /// The agent that wrote it.
    pub agent: AgentView,
    /// When it was written. It is written at least once a minute.
    pub written_at: Timestamp,
    /// Which part of the instances these are, when many agents share one configuration; absent when this one has all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardView>,
    /// The instances, in the order of the configuration.
    pub instances: Vec<InstanceView>,
    /// What the agent has to say of itself.
    #[serde(default)]
    pub notices: Vec<NoticeView>,
}

/// A part of the instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShardView {
    /// Which it is, counted from 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// Something to know that is no finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeView {
    /// What it is about.
    pub subject: String,
    /// What is to be said, in full sentences.
    pub text: String,
}

/// The agent that wrote a status file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentView {
    /// Its version.
    pub version: String,
    /// The revision it was built from; `unknown` when the build did not say.
    pub revision: String,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceView {
    /// Its name.
    pub name: String,
    /// Its product: `confluence`.
    pub product: String,
    /// The version that runs; null when it is not known.
    pub version: Option<String>,
    /// What all its targets together amount to.
    pub verdict: Verdict,
    /// What it is, for an agent that compares another instance with it; an older agent does not tell.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// How its sources stand.
    pub sources: Vec<SourceView>,
    /// Its targets, in the order of the configuration.
    pub targets: Vec<TargetView>,
    /// What it could be upgraded to, and what is recommended; null from an older agent, and where nobody judged that.
    #[serde(default)]
    pub offer: Option<OfferView>,
    /// SHA-256 of what is known of it, without when that was learned; an older agent does not tell.
    #[serde(default)]
    pub facts_digest: Option<String>,
    /// SHA-256 of the catalog its targets were judged by; an older agent does not tell.
    #[serde(default)]
    pub catalog_digest: Option<String>,
    /// What is to be said of waivers and sign-offs: those that ended, are void, or settle nothing.
    #[serde(default)]
    pub notices: Vec<NoticeView>,
}

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceView {
    /// The source: `host`, `disk`, `database` …
    pub source: String,
    /// One word for how it stands.
    pub state: Condition,
    /// When it last answered; null when it never did.
    pub collected_at: Option<Timestamp>,
    /// How long the newest attempt took, as an ISO 8601 duration.
    pub duration: Option<SignedDuration>,
    /// Why the newest attempt failed.
    pub error: Option<String>,
}

/// One target of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetView {
    /// The release that was judged; null when the target does not stand for one.
    pub version: Option<String>,
    /// The target as written in the configuration.
    pub requested: String,
    /// What follows for the upgrade.
    pub verdict: Verdict,
    /// Why the target does not stand for a release; null when it does.
    pub reason: Option<String>,
    /// The first moment at which it will be blocked; null when none is known.
    pub blocks_at: Option<Timestamp>,
    /// What will block it then; null when no such moment is known.
    #[serde(default)]
    pub blocks_because: Option<BecauseView>,
    /// The planned day, which was judged too; null when none is planned or it has passed.
    pub upgrade_on: Option<Date>,
    /// What each check says.
    pub checks: Vec<CheckView>,
}

/// What will block a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BecauseView {
    /// Id of the check.
    pub check: String,
    /// Subject of its finding.
    pub subject: String,
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckView {
    /// Its id.
    pub id: String,
    /// What it makes sure of.
    pub title: String,
    /// What it belongs to: `license`, `release`, `platform`, `database`, `plugins`, `application`.
    pub category: String,
    /// What follows from it.
    pub verdict: Verdict,
    /// What was seen, what could not be seen, or why it does not apply.
    pub reason: String,
    /// When it was first judged for this target.
    pub first_seen: Option<Timestamp>,
    /// When its verdict last changed.
    pub changed_at: Option<Timestamp>,
    /// What stands in the way, the gravest first.
    pub findings: Vec<FindingView>,
    /// Who stands in for what the agent itself could not see; null when nobody has to.
    #[serde(default)]
    pub sign_off: Option<WaiverView>,
}

/// One thing between the instance and the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingView {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about; identifies the finding inside its check.
    pub subject: String,
    /// What is wrong.
    pub summary: String,
    /// What was seen.
    pub observed: String,
    /// What is needed.
    pub required: String,
    /// What to do next.
    pub remedy: String,
    /// The planned day, when it does not hold today but will then.
    pub holds_on: Option<Date>,
    /// The person's word that settles it, so that it does not count for the verdict; null when it counts.
    pub waiver: Option<WaiverView>,
    /// What became of a person's word that does not settle it any more; null when there is none.
    #[serde(default)]
    pub lapsed: Option<String>,
}

/// A person's word on a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaiverView {
    /// `waiver`: somebody lives with it; `sign-off`: somebody says that it is done.
    pub kind: String,
    /// Who gave it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The last day it counts.
    pub until: Date,
}

/// The JSON schema of the status file.
#[must_use]
pub fn status_schema() -> schemars::Schema {
    schemars::schema_for!(StatusFile)
}

/// The board as a status file.
#[must_use]
pub fn view(board: &Board, written_at: Timestamp) -> StatusFile {
    StatusFile {
        format_version: FORMAT_VERSION.to_owned(),
        agent: AgentView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: super::metrics::REVISION.to_owned(),
        },
        written_at,
        shard: view_shard(&board.shard),
        instances: board.instances.iter().map(|instance| view_instance(instance)).collect(),
        notices: board.notices.iter().map(|notice| view_notice(notice.subject, &notice.text)).collect(),
    }
}

fn view_shard(shard: &Shard) -> Option<ShardView> {
    let Shard { index, of, .. } = *shard;
    (of > 1).then_some(ShardView { index, of })
}

/// How a status file begins, up to its first instance; each instance then has a line of its own.
pub(super) fn opening(board: &Board, written_at: Timestamp) -> String {
    let StatusFile { format_version, agent, written_at, .. } = view(&Board::default(), written_at);
    let shard = view_shard(&board.shard);
    let shard = shard.map_or_else(String::new, |shard| format!("\"shard\":{},\n", json(&shard)));
    format!(
        "{{\n\"format_version\":{},\n\"agent\":{},\n\"written_at\":{},\n{shard}\"instances\":[\n",
        json(&format_version),
        json(&agent),
        json(&written_at)
    )
}

/// How a status file ends, behind its last instance.
pub(super) fn closing(board: &Board) -> String {
    let notices: Vec<_> =
        board.notices.iter().map(|notice| view_notice(notice.subject, &notice.text)).collect();
    format!("\n],\n\"notices\":{}\n}}\n", json(&notices))
}

/// Writes what a status file says of an instance, in one line.
pub(super) fn write_instance(
    instance: &InstanceState,
    writer: impl std::io::Write,
) -> serde_json::Result<()> {
    serde_json::to_writer(writer, &view_instance(instance))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the view types consist of what JSON can say")
}

fn view_notice(subject: &str, text: &str) -> NoticeView {
    NoticeView { subject: subject.to_owned(), text: text.to_owned() }
}

pub(super) fn view_instance(instance: &InstanceState) -> InstanceView {
    let view_source = |source: Source| {
        let state = instance.snapshot.state(source);
        SourceView {
            source: source.id().to_owned(),
            state: state.condition,
            collected_at: state.collected_at,
            duration: state.took,
            error: state.failure.map(|failure| failure.message.clone()),
        }
    };
    InstanceView {
        name: instance.name.clone(),
        product: instance.product.id().to_owned(),
        version: instance.version.as_ref().map(ToString::to_string),
        verdict: instance.verdict(),
        profile: Some(instance.snapshot.profile()),
        sources: Source::ALL.into_iter().map(view_source).collect(),
        targets: instance.targets.iter().map(view_target).collect(),
        offer: offer::view_offer(&instance.offering, instance.snapshot.taken_at),
        facts_digest: Some(instance.facts_digest().to_owned()),
        catalog_digest: instance.catalog_digest.clone(),
        notices: instance.remarks.iter().map(|remark| view_notice(&remark.subject, &remark.text)).collect(),
    }
}

fn view_target(target: &TargetState) -> TargetView {
    let verdict = target.verdict();
    match target {
        TargetState::Judged(judged) => view_judged(judged),
        TargetState::Unresolved { requested, reason } => TargetView {
            version: None,
            requested: requested.to_string(),
            verdict,
            reason: Some(reason.clone()),
            blocks_at: None,
            blocks_because: None,
            upgrade_on: None,
            checks: Vec::new(),
        },
    }
}

fn view_judged(judged: &JudgedTarget) -> TargetView {
    let JudgedTarget { report, since, blocks_at, blocks_because, .. } = judged;
    let since = since.iter().copied().map(Some).chain(std::iter::repeat(None));
    TargetView {
        version: Some(report.version.to_string()),
        requested: report.requested.to_string(),
        verdict: report.verdict,
        reason: None,
        blocks_at: *blocks_at,
        blocks_because: blocks_because.as_ref().map(view_because),
        upgrade_on: report.planned_for,
        checks: report.checks.iter().zip(since).map(|(check, since)| view_check(check, since)).collect(),
    }
}

fn view_because(blocks: &Blocks) -> BecauseView {
    BecauseView { check: blocks.check.to_owned(), subject: blocks.subject.clone() }
}

fn view_check(check: &CheckReport, since: Option<Since>) -> CheckView {
    CheckView {
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        category: check.category.id().to_owned(),
        verdict: check.verdict,
        reason: check.reason.clone(),
        first_seen: since.map(|since| since.first_seen),
        changed_at: since.map(|since| since.changed_at),
        findings: check.findings.iter().map(view_finding).collect(),
        sign_off: check.word.as_ref().map(view_word),
    }
}

fn view_finding(dated: &DatedFinding) -> FindingView {
    let DatedFinding { finding, holds_on, word, lapsed } = dated.clone();
    FindingView {
        severity: finding.severity,
        subject: finding.subject,
        summary: finding.summary,
        observed: finding.observed,
        required: finding.required,
        remedy: finding.remedy,
        holds_on,
        waiver: word.as_ref().map(view_word),
        lapsed,
    }
}

fn view_word(word: &Word) -> WaiverView {
    let Word { kind, by, reason, until } = word;
    WaiverView { kind: kind.id().to_owned(), by: by.clone(), reason: reason.clone(), until: *until }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::sample;

    #[test]
    fn the_view_has_the_members_people_rely_on() {
        let json = serde_json::to_value(view(&sample::board(), sample::now())).unwrap();
        let members = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(members(&json), ["agent", "format_version", "instances", "notices", "written_at"]);
        let instance = &json["instances"][0];
        let expected = [
            "catalog_digest",
            "facts_digest",
            "name",
            "notices",
            "offer",
            "product",
            "profile",
            "sources",
            "targets",
            "verdict",
            "version",
        ];
        assert_eq!(members(instance), expected);
        let source = &instance["sources"][6];
        assert_eq!(members(source), ["collected_at", "duration", "error", "source", "state"]);
        assert_eq!((&source["source"], &source["state"]), (&"database".into(), &"failed".into()));
        let target = &instance["targets"][0];
        let expected = [
            "blocks_at",
            "blocks_because",
            "checks",
            "reason",
            "requested",
            "upgrade_on",
            "verdict",
            "version",
        ];
        assert_eq!(members(target), expected);
        let check = target["checks"].as_array().unwrap().iter().find(|check| check["id"] == "java-version");
        let check = check.unwrap();
        let expected = [
            "category",
            "changed_at",
            "findings",
            "first_seen",
            "id",
            "reason",
            "sign_off",
            "title",
            "verdict",
        ];
        assert_eq!(members(check), expected);
        let expected = [
            "holds_on", "lapsed", "observed", "remedy", "required", "severity", "subject", "summary",
            "waiver",
        ];
        assert_eq!(members(&check["findings"][0]), expected);
        assert_eq!(check["findings"][0]["holds_on"], "2026-01-17");

        let unresolved = &json["instances"][1]["targets"][0];
        assert_eq!((&unresolved["version"], &unresolved["verdict"]), (&().into(), &"unknown".into()));
        assert!(unresolved["reason"].as_str().unwrap().contains("running version"));
    }

    #[test]
    fn the_schema_knows_every_member_and_every_word() {
        let schema = serde_json::to_string(&status_schema()).unwrap();
        let json = serde_json::to_value(view(&sample::board(), sample::now())).unwrap();
        for member in json["instances"][0]["targets"][0].as_object().unwrap().keys() {
            assert!(schema.contains(&format!("\"{member}\":")), "{member}");
        }
        for verdict in Verdict::ALL {
            assert!(schema.contains(verdict.id()));
        }
        assert!(schema.contains("date-time"));
    }
}
