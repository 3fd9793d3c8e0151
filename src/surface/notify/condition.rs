//! What stands on a board that people may want to be told of: one condition for each alert that fires.
//!
//! Pure: the same board at the same time has the same conditions. Names and labels are those of the Prometheus rules
//! in `deploy/prometheus` where they mean the same, so that routes and silences are good for both.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{Condition as SourceCondition, Source};
use upgrade_readiness_checks::model::{Severity, Verdict};

use crate::board::{Board, InstanceState, JudgedTarget, TargetState, is_pending};
use crate::channel::{Channel, Event, Level};
use crate::store::ConditionKey;

/// Longer subjects are cut.
const MOST_OF_A_SUBJECT: usize = 200;

/// More findings of a check are told of together.
const MOST_OF_A_CHECK: usize = 25;

/// Where the rest of them stands.
const THE_REST: &str = "(others)";

/// Texts of others are not told to their end.
const MOST_CHARS: usize = 600;

/// Subject of the notice that channels do not get through.
pub(super) const CHANNELS: &str = "channels";

const FAILING: &str = " gets nothing through since ";

/// How the notice begins that a channel does not get through.
pub(super) fn failing(channel: &str) -> String {
    format!("The channel {channel}{FAILING}")
}

const BLOCKED: &str = "UpgradeBlocked";
const WILL: &str = "UpgradeWillBeBlocked";
const SOON: &str = "UpgradeWillSoonBeBlocked";
const CANNOT_TELL: &str = "UpgradeCannotTell";
const STALE: &str = "UpgradeFactsStale";
const WAIVER: &str = "UpgradeWaiverEnds";
const CATALOG: &str = "UpgradeCatalogOld";
pub(super) const TROUBLE: &str = "UpgradeReadinessAgentTrouble";

/// Every alert there is, for the tests that hold them against the Prometheus rules.
#[cfg(test)]
pub(super) const ALERTS: [&str; 8] = [BLOCKED, WILL, SOON, CANNOT_TELL, STALE, WAIVER, CATALOG, TROUBLE];

/// As in the rules.
const SOON_DAYS: i64 = 14;

/// What is told of a condition, beside its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) event: Event,
    pub(super) level: Level,
    /// The target as it was asked for, or empty.
    pub(super) requested: String,
    pub(super) summary: String,
    pub(super) remedy: String,
}

/// The conditions of a board that a channel is for.
#[derive(Debug, Default)]
pub(super) struct Seen(pub(super) BTreeMap<ConditionKey, Standing>);

/// Why a condition is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// It is over.
    Over,
    /// Nobody can say: what would show it was not seen. Silence is no good news.
    Unclear,
    /// The instance or target is not watched any more.
    Unwatched,
    /// The channel is not for it any more.
    Unwanted,
}

impl Seen {
    /// What of this board the channel is for.
    pub(super) fn of(board: &Board, channel: &Channel, now: Timestamp) -> Self {
        let mut seen = Self::default();
        for instance in board.instances.iter().filter(|instance| is_for(channel, &instance.name)) {
            seen.instance(instance, channel, now);
        }
        if channel.instances.is_none() {
            seen.agent(board, &channel.name, now);
        }
        seen.0.retain(|_, standing| is_wanted(channel, standing));
        seen
    }

    fn put(&mut self, key: [&str; 5], event: Event, level: Level, requested: &str, texts: (&str, &str)) {
        let [instance, target, alert, check, subject] = key.map(ToOwned::to_owned);
        let key = ConditionKey { instance, target, alert, check, subject: cut(&subject, MOST_OF_A_SUBJECT) };
        let (summary, remedy) = (cut(texts.0, MOST_CHARS), cut(texts.1, MOST_CHARS));
        let standing = Standing { event, level, requested: requested.to_owned(), summary, remedy };
        self.0.insert(key, standing);
    }

    fn instance(&mut self, instance: &InstanceState, channel: &Channel, now: Timestamp) {
        for source in Source::ALL {
            self.source(instance, source);
        }
        let name = instance.name.as_str();
        for target in &instance.targets {
            match target {
                TargetState::Judged(judged) => {
                    self.blockers(instance, judged);
                    if !is_waiting(instance) {
                        self.ahead(name, judged, channel, now);
                        if judged.report.verdict == Verdict::Unknown {
                            self.unknown(name, judged);
                        }
                    }
                }
                TargetState::Unresolved { requested, reason } if !is_waiting(instance) => {
                    let asked = requested.to_string();
                    let summary = format!("Whether {name} can be upgraded to {asked} is not known: {reason}");
                    let remedy = format!("`agent status {name}` names what is lacking.");
                    let key = [name, &asked, CANNOT_TELL, "", ""];
                    self.put(key, Event::CannotTell, Level::Warning, &asked, (&summary, &remedy));
                }
                TargetState::Unresolved { .. } => {}
            }
        }
        self.word(instance, channel, now);
    }

    fn source(&mut self, instance: &InstanceState, source: Source) {
        let state = instance.snapshot.state(source);
        let (what, why) = match (state.condition, state.failure) {
            (SourceCondition::Failed, Some(failure)) => ("does not answer", failure.message.as_str()),
            (SourceCondition::Failed, None) => ("does not answer", ""),
            (SourceCondition::Stale, _) => ("was last asked too long ago", ""),
            (SourceCondition::Pending | SourceCondition::Off | SourceCondition::Ok, _) => return,
        };
        let name = instance.name.as_str();
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let summary = format!("The source {source} of {name} {what}{why}");
        let remedy =
            format!("`agent status {name}` shows it; `agent refresh {name} --source {source}` asks again.");
        let key = [name, "", STALE, "", source.id()];
        self.put(key, Event::SourceFailing, Level::Warning, "", (&summary, &remedy));
    }

    fn blockers(&mut self, instance: &InstanceState, judged: &JudgedTarget) {
        let (name, report) = (instance.name.as_str(), &judged.report);
        let (target, requested) = (report.version.as_str(), report.requested.to_string());
        let blocked = report.checks.iter().filter(|check| check.verdict == Verdict::Blocked);
        for check in blocked.filter(|check| !is_pending(&instance.snapshot, check.id)) {
            let counts = check.findings.iter().filter(|dated| dated.counts());
            let mut blockers: Vec<_> = counts
                .filter(|dated| dated.finding.severity == Severity::Blocker)
                .map(|dated| (&dated.finding, dated.holds_on))
                .collect();
            blockers.sort_by(|(a, _), (b, _)| a.subject.cmp(&b.subject));
            let rest = blockers.len().saturating_sub(MOST_OF_A_CHECK);
            for (finding, holds_on) in blockers.into_iter().take(MOST_OF_A_CHECK) {
                let on = holds_on.map(|day| format!(" (on the planned day, {day})")).unwrap_or_default();
                let summary = format!("{}{on}", finding.summary);
                let key = [name, target, BLOCKED, check.id, finding.subject.as_str()];
                self.put(key, Event::Blocked, Level::Critical, &requested, (&summary, &finding.remedy));
            }
            if rest > 0 {
                let summary = format!("{}: {rest} more things stand in the way", check.title);
                let remedy = format!("`agent status {name} --target {target}` shows all of them.");
                let key = [name, target, BLOCKED, check.id, THE_REST];
                self.put(key, Event::Blocked, Level::Critical, &requested, (&summary, &remedy));
            }
        }
    }

    fn ahead(&mut self, name: &str, judged: &JudgedTarget, channel: &Channel, now: Timestamp) {
        let Some(at) = judged.blocks_at.filter(|at| *at > now) else { return };
        let (target, requested) = (judged.report.version.as_str(), judged.report.requested.to_string());
        let (check, subject) = judged
            .blocks_because
            .as_ref()
            .map_or(("", ""), |because| (because.check, because.subject.as_str()));
        let day = TimeZone::UTC.to_datetime(at).date();
        let summary = format!("The upgrade of {name} to {target} will be blocked on {day} if nobody acts");
        let remedy = if check.is_empty() {
            format!("`agent status {name} --target {target}` shows what comes up.")
        } else {
            format!("{check} will block: `agent explain {check}` says how to fix it.")
        };
        let left = at.duration_since(now);
        for (alert, level, days) in [
            (WILL, Level::Warning, i64::from(channel.blocked_within_days)),
            (SOON, Level::Critical, SOON_DAYS.min(i64::from(channel.blocked_within_days))),
        ] {
            if left < SignedDuration::from_hours(24 * days) {
                let key = [name, target, alert, check, subject];
                self.put(key, Event::WillBeBlocked, level, &requested, (&summary, &remedy));
            }
        }
    }

    fn unknown(&mut self, name: &str, judged: &JudgedTarget) {
        let (target, requested) = (judged.report.version.as_str(), judged.report.requested.to_string());
        let checks = judged.report.checks.iter().filter(|check| check.verdict == Verdict::Unknown);
        let checks: Vec<&str> = checks.map(|check| check.id).collect();
        let some = checks.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = checks.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let summary =
            format!("Whether {name} can be upgraded to {target} is not known: {some}{more} could not look");
        let remedy =
            format!("`agent status {name} --target {target}` names the right, file or host each one lacked.");
        let key = [name, target, CANNOT_TELL, "", ""];
        self.put(key, Event::CannotTell, Level::Warning, &requested, (&summary, &remedy));
    }

    fn word(&mut self, instance: &InstanceState, channel: &Channel, now: Timestamp) {
        let name = instance.name.as_str();
        let Some(day) = instance.word_ends() else { return };
        let Some(end) = day.tomorrow().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok()) else { return };
        let left = end.timestamp().duration_since(now);
        if left <= SignedDuration::ZERO
            || left >= SignedDuration::from_hours(24 * i64::from(channel.waiver_within_days))
        {
            return;
        }
        let memory = &instance.snapshot.memory;
        let waived = memory.waivers.iter().map(|word| (word.until, word.check.as_str()));
        let signed = memory.sign_offs.iter().map(|word| (word.until, word.check.as_str()));
        let checks: BTreeSet<&str> =
            waived.chain(signed).filter(|(until, _)| *until == day).map(|(_, check)| check).collect();
        let about: Vec<&str> = checks.into_iter().take(5).collect();
        let summary = format!(
            "A waiver or sign-off for {name} ends after {day}: its finding counts again ({})",
            about.join(", ")
        );
        let remedy =
            format!("Fix what was waived, or give a new word: `agent waive --list --instance {name}`.");
        let key = [name, "", WAIVER, "", &day.to_string()];
        self.put(key, Event::WaiverEnding, Level::Warning, "", (&summary, &remedy));
    }

    fn agent(&mut self, board: &Board, channel: &str, now: Timestamp) {
        let today = TimeZone::UTC.to_datetime(now).date();
        for instance in &board.instances {
            let Ok(releases) = instance.snapshot.releases() else { continue };
            let age =
                today.since((Unit::Day, releases.collected_on)).map_or(0, |span| i64::from(span.get_days()));
            if age > i64::from(instance.grounds.policy.catalog_warn_days) {
                let product = instance.product;
                let summary = format!(
                    "What is known of releases of {product} is of {}: what came out since is not judged by",
                    releases.collected_on
                );
                let remedy =
                    "Let the agent refresh it ([catalog] refresh), or carry a newer one in (refresh_file).";
                let key = ["", "", CATALOG, "", product.id()];
                self.put(key, Event::CatalogOld, Level::Info, "", (&summary, remedy));
            }
        }
        // That it does not get through itself is nothing a channel can tell.
        let own = |text: &str| text.starts_with(&failing(channel)) && text.matches(FAILING).count() == 1;
        for notice in board.notices.iter().filter(|notice| notice.subject != CHANNELS || !own(&notice.text)) {
            let key = ["", "", TROUBLE, "", notice.subject];
            self.put(key, Event::AgentTrouble, Level::Warning, "", (&notice.text, ""));
        }
    }
}

/// How long a condition must stand, or be gone, before that is told.
pub(super) fn hold_of(channel: &Channel, event: Event) -> SignedDuration {
    match event {
        Event::CannotTell | Event::SourceFailing => channel.unknown_for,
        Event::Blocked
        | Event::WillBeBlocked
        | Event::WaiverEnding
        | Event::CatalogOld
        | Event::AgentTrouble => channel.hold,
    }
}

/// Why a condition that was told is not there.
pub(super) fn absence(board: &Board, channel: &Channel, key: &ConditionKey, told: &Standing) -> Absence {
    if !is_wanted(channel, told) {
        return Absence::Unwanted;
    }
    if key.instance.is_empty() {
        return agent_absence(board, channel, key, told);
    }
    if !is_for(channel, &key.instance) {
        return Absence::Unwanted;
    }
    let Some(instance) = board.instances.iter().find(|instance| instance.name == key.instance) else {
        return Absence::Unwatched;
    };
    if instance.targets.is_empty() {
        return Absence::Unclear;
    }
    match told.event {
        Event::SourceFailing => source_absence(instance, &key.subject),
        Event::WaiverEnding if is_waiting(instance) => Absence::Unclear,
        Event::WaiverEnding | Event::CatalogOld | Event::AgentTrouble => Absence::Over,
        Event::Blocked | Event::WillBeBlocked | Event::CannotTell => {
            target_absence(instance, key, told.event)
        }
    }
}

fn agent_absence(board: &Board, channel: &Channel, key: &ConditionKey, told: &Standing) -> Absence {
    if channel.instances.is_some() {
        return Absence::Unwanted;
    }
    let of_product = || board.instances.iter().filter(|instance| instance.product.id() == key.subject);
    match told.event {
        Event::CatalogOld if of_product().next().is_none() => Absence::Unwatched,
        Event::CatalogOld if of_product().any(|instance| instance.snapshot.releases().is_err()) => {
            Absence::Unclear
        }
        Event::Blocked
        | Event::WillBeBlocked
        | Event::CannotTell
        | Event::SourceFailing
        | Event::WaiverEnding
        | Event::CatalogOld
        | Event::AgentTrouble => Absence::Over,
    }
}

fn source_absence(instance: &InstanceState, source: &str) -> Absence {
    let state = Source::ALL.into_iter().find(|known| known.id() == source);
    match state.map(|source| instance.snapshot.state(source).condition) {
        Some(SourceCondition::Ok) => Absence::Over,
        // Of the last two it would be a condition.
        Some(SourceCondition::Pending | SourceCondition::Failed | SourceCondition::Stale) => Absence::Unclear,
        Some(SourceCondition::Off) | None => Absence::Unwatched,
    }
}

fn target_absence(instance: &InstanceState, key: &ConditionKey, event: Event) -> Absence {
    let mut unresolved = false;
    for target in &instance.targets {
        match target {
            TargetState::Unresolved { .. } => unresolved = true,
            TargetState::Judged(judged) if judged.report.version.as_str() == key.target => {
                return judged_absence(instance, judged, key, event);
            }
            // What was not known to stand for any release does now.
            TargetState::Judged(judged) if judged.report.requested.to_string() == key.target => {
                return if is_waiting(instance) { Absence::Unclear } else { Absence::Over };
            }
            TargetState::Judged(_) => {}
        }
    }
    // A word such as `latest` may stand for that release again once it stands for one.
    if unresolved || is_waiting(instance) { Absence::Unclear } else { Absence::Unwatched }
}

fn judged_absence(
    instance: &InstanceState,
    judged: &JudgedTarget,
    key: &ConditionKey,
    event: Event,
) -> Absence {
    let checks = &judged.report.checks;
    let of_id = |id: &str| checks.iter().find(|check| check.id == id);
    let blind = |id: &str| {
        let partly = of_id(id).is_some_and(|check| check.verdict == Verdict::Unknown || !check.saw_all);
        partly || is_pending(&instance.snapshot, id)
    };
    // What is no longer told by itself, because there are so many, is not over for that.
    let stands = |key: &ConditionKey| {
        let findings = of_id(&key.check).into_iter().flat_map(|check| &check.findings);
        let mut blockers =
            findings.filter(|dated| dated.counts() && dated.finding.severity == Severity::Blocker);
        blockers.any(|dated| cut(&dated.finding.subject, MOST_OF_A_SUBJECT) == key.subject)
    };
    let unclear = match event {
        Event::Blocked => blind(&key.check) || stands(key),
        // It has come: that is told as what it is.
        Event::WillBeBlocked if judged.report.verdict == Verdict::Blocked => false,
        Event::WillBeBlocked => is_waiting(instance) || blind(&key.check),
        Event::CannotTell
        | Event::SourceFailing
        | Event::WaiverEnding
        | Event::CatalogOld
        | Event::AgentTrouble => is_waiting(instance),
    };
    if unclear { Absence::Unclear } else { Absence::Over }
}

/// Whether a source was not asked since the start: then nothing that needs all of them is known yet.
fn is_waiting(instance: &InstanceState) -> bool {
    let pending = |source| instance.snapshot.state(source).condition == SourceCondition::Pending;
    instance.targets.is_empty() || Source::ALL.into_iter().any(pending)
}

fn is_for(channel: &Channel, instance: &str) -> bool {
    channel.instances.as_ref().is_none_or(|names| names.contains(instance))
}

fn is_wanted(channel: &Channel, standing: &Standing) -> bool {
    channel.on.contains(&standing.event) && standing.level >= channel.minimum
}

/// The beginning of a text, without what would steer a terminal, a mail or a chat.
pub(super) fn cut(text: &str, most: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or_default().chars().map(plain).chain(['…']).collect(),
        None => text.chars().map(plain).collect(),
    }
}
