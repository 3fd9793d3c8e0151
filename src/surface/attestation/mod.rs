//! The attestation: one page that says whether an upgrade may go on, by what evidence, and on whose word.
//!
//! It is made of a status and a moment and of nothing else, so that the same status read at the same moment gives
//! the same page. These types are a public format, as those of the status are.

mod markdown;
mod text;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use upgrade_readiness_checks::facts::Condition;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::status::{
    Age, AgentView, BecauseView, CheckView, FindingView, InstanceView, SourceView, StatusFile, TargetView,
    WaiverView, age, length,
};

pub use markdown::render_markdown;
pub use text::render_text;

/// Version of the format.
pub const FORMAT_VERSION: &str = "1.0";

/// What the clocks of two hosts may differ by.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// How an attestation is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Evidence that is older is stale.
    pub max_age: SignedDuration,
    /// Warnings do not hold the upgrade up.
    pub accept_warnings: bool,
    /// Where the status comes from.
    pub origin: Origin,
}

/// Where the status comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The daemon, which renews it every minute.
    Daemon,
    /// Facts in a file, judged at the time they were taken. Nobody renews them: only their age counts.
    Facts,
}

/// Whether an upgrade may go on, and everything that says so.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Attestation {
    /// Version of this format: `1.0`.
    pub format_version: String,
    /// The agent that judged.
    pub agent: AgentView,
    /// The instance.
    pub instance: String,
    /// Its product.
    pub product: String,
    /// The version that runs; null when it is not known.
    pub version: Option<String>,
    /// The release it would be upgraded to; null when the target does not stand for one.
    pub target: Option<String>,
    /// The target as written in the configuration.
    pub requested: String,
    /// What was judged.
    pub verdict: Verdict,
    /// What follows, as the exit code: 0 go on, 1 somebody must decide, 2 blocked, 3 cannot tell or stale.
    pub exit_code: u8,
    /// Warnings were accepted when the attestation was asked for.
    pub accept_warnings: bool,
    /// When it was judged.
    pub judged_at: Timestamp,
    /// When this was written; ages are told of this moment.
    pub attested_at: Timestamp,
    /// Why it does not hold whatever the verdict is, as full sentences; empty when it holds.
    pub stale: Vec<String>,
    /// The planned day, which was judged too; null when none is planned or it has passed.
    pub planned_day: Option<Date>,
    /// The first moment at which it will be blocked; null when none is known.
    pub blocks_at: Option<Timestamp>,
    /// What will block it then.
    pub blocks_because: Option<BecauseView>,
    /// Findings that block.
    pub blockers: Vec<FoundView>,
    /// Findings somebody must decide on.
    pub warnings: Vec<FoundView>,
    /// What could not be told.
    pub unknown: Vec<UnknownView>,
    /// Waivers and sign-offs in use.
    pub words: Vec<WordView>,
    /// How old evidence may be, as an ISO 8601 duration.
    pub max_age: SignedDuration,
    /// What was looked at, the oldest first; sources that are switched off are left out.
    pub evidence: Vec<EvidenceView>,
    /// SHA-256 of the facts without when they were learned; null when an older agent judged.
    pub facts_digest: Option<String>,
    /// SHA-256 of the catalog; null when an older agent judged.
    pub catalog_digest: Option<String>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoundView {
    /// Id of its check.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// What is wrong.
    pub summary: String,
    /// The planned day, when it does not hold today but will then.
    pub holds_on: Option<Date>,
}

/// Checks that could not look, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnknownView {
    /// Their ids; empty when the target itself stands for nothing.
    pub checks: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A person's word in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WordView {
    /// Id of the check it settles.
    pub check: String,
    /// Subject of the finding it settles; null when it stands in for the whole check.
    pub subject: Option<String>,
    /// The word.
    #[serde(flatten)]
    pub word: WaiverView,
}

/// How old what a source said is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidenceView {
    /// The source.
    pub source: String,
    /// How it stands.
    pub state: Condition,
    /// When it last answered; null when it never did.
    pub collected_at: Option<Timestamp>,
    /// How old that answer is, as an ISO 8601 duration.
    pub age: Option<SignedDuration>,
    /// It is too old to go by.
    pub stale: bool,
}

/// The JSON schema of an attestation.
#[must_use]
pub fn attestation_schema() -> schemars::Schema {
    schemars::schema_for!(Attestation)
}

impl Attestation {
    /// What a status says of one target of one instance, read at `now`.
    #[must_use]
    pub fn of(
        status: &StatusFile,
        instance: &InstanceView,
        target: &TargetView,
        terms: &Terms,
        now: Timestamp,
    ) -> Self {
        let evidence = evidence(&instance.sources, terms.max_age, now);
        let mut stale: Vec<String> = age_of_status(status, terms, now).into_iter().collect();
        stale.extend(age_of_evidence(&evidence, terms));
        let exit_code = match target.verdict {
            _ if !stale.is_empty() => Verdict::Unknown.exit_code(),
            Verdict::Warning if terms.accept_warnings => Verdict::Ready.exit_code(),
            verdict @ (Verdict::Ready
            | Verdict::Skipped
            | Verdict::Warning
            | Verdict::Unknown
            | Verdict::Blocked) => verdict.exit_code(),
        };
        let found = |severity| {
            let findings = target.findings().into_iter();
            let counts = move |found: &FindingView| found.severity == severity && found.waiver.is_none();
            findings
                .filter(move |(_, found)| counts(found))
                .map(|(check, found)| view_found(check, found))
                .collect()
        };
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            agent: status.agent.clone(),
            instance: instance.name.clone(),
            product: instance.product.clone(),
            version: instance.version.clone(),
            target: target.version.clone(),
            requested: target.requested.clone(),
            verdict: target.verdict,
            exit_code,
            accept_warnings: terms.accept_warnings,
            judged_at: status.written_at,
            attested_at: now,
            stale,
            planned_day: target.upgrade_on,
            blocks_at: target.blocks_at,
            blocks_because: target.blocks_because.clone(),
            blockers: found(Severity::Blocker),
            warnings: found(Severity::Warning),
            unknown: unknown(target),
            words: words(target),
            max_age: terms.max_age,
            evidence,
            facts_digest: instance.facts_digest.clone(),
            catalog_digest: instance.catalog_digest.clone(),
        }
    }

    /// The attestation as JSON.
    ///
    /// # Panics
    ///
    /// Never: the view types consist of what JSON can say.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("the view types consist of what JSON can say");
        text.push('\n');
        text
    }

    /// What follows, in a few words.
    fn conclusion(&self) -> &'static str {
        if !self.stale.is_empty() {
            return "STALE";
        }
        match self.verdict {
            Verdict::Ready | Verdict::Skipped => "READY",
            Verdict::Warning if self.accept_warnings => "WARNINGS ACCEPTED",
            Verdict::Warning => "WARNINGS",
            Verdict::Unknown => "CANNOT TELL",
            Verdict::Blocked => "BLOCKED",
        }
    }

    /// The rows of its head: what each is called, and what it says.
    fn head(&self) -> Vec<(&'static str, String)> {
        let runs = self.version.as_deref().unwrap_or("a version that is not known");
        let product = super::status::product_name(&self.product);
        let target = match &self.target {
            Some(version) if *version != self.requested => format!("{version} ({})", self.requested),
            Some(version) => version.clone(),
            None => format!("{}, which stands for no release", self.requested),
        };
        let planned = match self.planned_day {
            Some(day) => format!("{day}, and judged for that day, too"),
            None => "no day to come; judged for now only".to_owned(),
        };
        let blocks = match (self.blocks_at, self.verdict) {
            (_, Verdict::Blocked) => "now".to_owned(),
            (Some(at), _) => {
                let because = self.blocks_because.as_ref();
                let because = because
                    .map_or_else(String::new, |because| format!(": {} ({})", because.check, because.subject));
                format!("from {} if nobody acts{because}", second(at))
            }
            (None, _) => "on no day that is known".to_owned(),
        };
        let mut rows = vec![
            ("instance", format!("{}, {product} {runs}", self.instance)),
            ("target", target),
            ("verdict", self.verdict.to_string()),
            ("judged", format!("{}, {}", second(self.judged_at), before(self.judged_at, self.attested_at))),
            ("attested", second(self.attested_at)),
            ("planned", planned),
            ("blocked", blocks),
        ];
        if self.accept_warnings {
            rows.push((
                "accepted",
                "warnings, by --accept-warnings: they do not hold the upgrade up".to_owned(),
            ));
        }
        rows
    }

    /// The rows of its foot.
    fn foot(&self) -> Vec<(&'static str, String)> {
        let digest = |digest: &Option<String>| match digest {
            Some(digest) => digest.clone(),
            None => "not told by the agent that judged".to_owned(),
        };
        let AgentView { version, revision } = &self.agent;
        vec![
            ("facts", digest(&self.facts_digest)),
            ("catalog", digest(&self.catalog_digest)),
            ("agent", format!("{version}, revision {revision}")),
            ("exit", self.exit_code.to_string()),
        ]
    }
}

fn view_found(check: &CheckView, found: &FindingView) -> FoundView {
    FoundView {
        check: check.id.clone(),
        subject: found.subject.clone(),
        summary: found.summary.clone(),
        holds_on: found.holds_on,
    }
}

fn unknown(target: &TargetView) -> Vec<UnknownView> {
    let unresolved =
        target.reason.iter().map(|reason| UnknownView { checks: Vec::new(), reason: reason.clone() });
    let groups = target.by_reason(Verdict::Unknown).into_iter().map(|(reason, checks)| UnknownView {
        checks: checks.iter().map(|check| check.id.clone()).collect(),
        reason: reason.to_owned(),
    });
    unresolved.chain(groups).collect()
}

fn words(target: &TargetView) -> Vec<WordView> {
    let view = |check: &CheckView, subject: Option<&String>, word: &WaiverView| WordView {
        check: check.id.clone(),
        subject: subject.cloned(),
        word: word.clone(),
    };
    let mut words = Vec::new();
    for check in &target.checks {
        words.extend(check.sign_off.iter().map(|word| view(check, None, word)));
        for found in &check.findings {
            words.extend(found.waiver.iter().map(|word| view(check, Some(&found.subject), word)));
        }
    }
    words
}

/// The oldest first; what never answered comes before everything.
fn evidence(sources: &[SourceView], max_age: SignedDuration, now: Timestamp) -> Vec<EvidenceView> {
    let mut evidence: Vec<EvidenceView> = sources
        .iter()
        .filter(|source| source.state != Condition::Off)
        .map(|source| {
            let age = source.collected_at.map(|at| now.duration_since(at));
            let out_of_range = age.is_some_and(|age| age > max_age || age < -CLOCK_TOLERANCE);
            // What failed or never answered is not gone by: its checks say so in the verdict.
            let gone_by = match source.state {
                Condition::Ok | Condition::Stale => true,
                Condition::Pending | Condition::Off | Condition::Failed => false,
            };
            EvidenceView {
                source: source.source.clone(),
                state: source.state,
                collected_at: source.collected_at,
                age,
                stale: source.state == Condition::Stale || (gone_by && out_of_range),
            }
        })
        .collect();
    evidence.sort_by_key(|one| one.collected_at);
    evidence
}

fn age_of_status(status: &StatusFile, terms: &Terms, now: Timestamp) -> Option<String> {
    let written = second(status.written_at);
    match (terms.origin, age(status, now)) {
        (_, Age::Future(ahead)) => Some(format!(
            "It was judged {} in the future ({written}): the clock of this host or of the other one is wrong. Look \
             with `timedatectl`.",
            length(ahead)
        )),
        (Origin::Daemon, Age::Stale(age)) => Some(format!(
            "The status file was written {} ago ({written}), although the daemon writes every minute: it is down or \
             cannot write. Look with `systemctl status upgrade-readiness-agent`.",
            length(age)
        )),
        (Origin::Facts, Age::Stale(age)) if age > terms.max_age => Some(format!(
            "The facts were taken {} ago ({written}), and may be {} old. Take them again with `agent snapshot`.",
            length(age),
            length(terms.max_age)
        )),
        (Origin::Facts, Age::Stale(_)) | (_, Age::Fresh(_)) => None,
    }
}

fn age_of_evidence(evidence: &[EvidenceView], terms: &Terms) -> Option<String> {
    let stale: Vec<&str> = evidence.iter().filter(|one| one.stale).map(|one| one.source.as_str()).collect();
    if stale.is_empty() {
        return None;
    }
    let (is, again) = if stale.len() == 1 { ("is", "it") } else { ("are", "them") };
    let how = match (terms.origin, stale.as_slice()) {
        (Origin::Facts, _) => "`agent snapshot`".to_owned(),
        (Origin::Daemon, [only]) => format!("`agent refresh --source {only}`"),
        (Origin::Daemon, _) => "`agent refresh`".to_owned(),
    };
    Some(format!(
        "What is known of {} {is} older than {} or older than it is believed. Look at {again} again with {how}.",
        stale.join(", "),
        length(terms.max_age)
    ))
}

/// `2025-12-01 20:00:07 UTC`.
fn second(at: Timestamp) -> String {
    jiff::tz::TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long one moment lies before another.
fn before(at: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(at);
    if age.is_negative() {
        format!("{} in the future", length(age))
    } else {
        format!("{} before", length(age))
    }
}

/// `host, 5 minutes`.
fn told_age(one: &EvidenceView) -> String {
    let age = match one.age {
        Some(age) if age.is_negative() => format!("{} ahead", length(age)),
        Some(age) => length(age),
        None => "never".to_owned(),
    };
    let state = match one.state {
        Condition::Ok | Condition::Off if one.stale => ", STALE",
        Condition::Ok | Condition::Off => "",
        Condition::Pending => ", not asked yet",
        Condition::Stale => ", STALE",
        Condition::Failed => ", failed",
    };
    format!("{age}{state}")
}

/// The first so many characters of a long reason; the rest stands in the status.
fn shortened(reason: &str) -> String {
    const MOST: usize = 140;
    match reason.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", reason.get(..end).unwrap_or_default()),
        None => reason.to_owned(),
    }
}

/// A finding in one line.
fn told_found(found: &FoundView) -> String {
    let FoundView { check, subject, summary, holds_on } = found;
    let from = holds_on.map_or_else(String::new, |day| format!(" on {day}"));
    format!("{summary} [{check}, {subject}{from}]")
}

/// What could not be told, in one line.
fn told_unknown(unknown: &UnknownView) -> String {
    let UnknownView { checks, reason } = unknown;
    if checks.is_empty() {
        return shortened(reason);
    }
    format!("{}: {}", checks.join(", "), shortened(reason))
}

/// A person's word in one line.
fn told_word(view: &WordView) -> String {
    let WordView { check, subject, word: WaiverView { kind, by, reason, until } } = view;
    let subject = subject.as_ref().map_or_else(String::new, |subject| format!(", {subject}"));
    format!("{kind} of [{check}{subject}] by {by} until {until}: {reason}")
}

#[cfg(test)]
mod tests;
