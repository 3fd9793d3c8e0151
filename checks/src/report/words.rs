//! What people said of findings: waivers and sign-offs, applied after a rule has spoken and never in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{DatedFinding, Report};
use crate::facts::{Condition, Memory, Missing, SignOff, Snapshot, Source, Waiver};
use crate::model::{Case, Check, Finding, People, Severity, Verdict, fingerprint};
use crate::rules;
use crate::version::ProductVersion;

/// Most characters of a person's text that are shown.
const MOST_CHARS: usize = 300;

/// A person's word that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What kind of word.
    pub kind: WordKind,
    /// Who gave it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The last day it holds.
    pub until: Date,
}

/// A kind of word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordKind {
    /// "We know": somebody lives with it.
    Waiver,
    /// "It is done": a task for people is settled.
    SignOff,
}

impl WordKind {
    /// The name used in the status file.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Waiver => "waiver",
            Self::SignOff => "sign-off",
        }
    }

    fn capital(self) -> &'static str {
        match self {
            Self::Waiver => "The waiver",
            Self::SignOff => "The sign-off",
        }
    }

    /// Why a word that has not ended does not hold.
    fn why_void(self) -> &'static str {
        match self {
            Self::Waiver => "what it waived has changed",
            Self::SignOff => "what it settled has begun to block",
        }
    }

    /// Whether people may say this of a check's findings.
    fn is_for(self, people: People) -> bool {
        match (self, people) {
            (_, People::MaySayNothing) | (Self::SignOff, People::MayWaive) => false,
            (Self::Waiver, People::MayWaive | People::MaySignOff) | (Self::SignOff, People::MaySignOff) => {
                true
            }
        }
    }
}

/// Which word of an instance's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordId {
    /// Its kind.
    pub kind: WordKind,
    /// Its place among those of its kind.
    pub index: usize,
}

/// What became of a word when a target was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// What it is about was there, and it had ended.
    Ended,
    /// What it is about was there, but it is not what was waived or signed off any more.
    Void,
    /// It will hold on the planned day.
    HoldsThen,
    /// It holds.
    Holds,
}

/// What became of the words about a target; those with nothing to hold for are absent.
pub type Heard = BTreeMap<WordId, Outcome>;

/// The words of an instance, by check.
#[derive(Debug)]
pub(super) struct Words<'a> {
    by_check: BTreeMap<&'a str, Vec<Spoken<'a>>>,
}

/// A word as it was given.
#[derive(Debug, Clone, Copy)]
struct Spoken<'a> {
    id: WordId,
    check: &'a str,
    subject: Option<&'a str>,
    target: Option<&'a ProductVersion>,
    by: &'a str,
    reason: &'a str,
    given_at: Timestamp,
    until: Date,
    /// What was waived or signed off.
    seen: Option<&'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn of(memory: &'a Memory) -> Self {
        let mut by_check: BTreeMap<&str, Vec<Spoken<'a>>> = BTreeMap::new();
        for spoken in all(memory) {
            by_check.entry(spoken.check).or_default().push(spoken);
        }
        for words in by_check.values_mut() {
            words.sort_by_key(|word| (word.given_at, word.id));
        }
        Self { by_check }
    }

    /// The latest word people may say of this; an earlier one does not count any more.
    fn latest(&self, check: &Check, target: &ProductVersion, subject: Option<&str>) -> Option<Spoken<'a>> {
        let words = self.by_check.get(check.id)?;
        words
            .iter()
            .rev()
            .find(|word| word.is_for(check) && word.meets(target) && word.subject == subject)
            .copied()
    }

    /// A finding with the word that holds for it, or with what became of a word that does not hold any more.
    pub(super) fn on_finding(
        &self,
        check: &Check,
        case: &Case<'_>,
        finding: Finding,
        heard: &mut Heard,
    ) -> DatedFinding {
        let mut dated = DatedFinding { finding, holds_on: None, word: None, lapsed: None };
        let Some(spoken) = self.latest(check, &case.target.version, Some(&dated.finding.subject)) else {
            return dated;
        };
        let changed = spoken.seen.is_some_and(|seen| !spoken.is_about(&dated.finding, seen));
        if spoken.has_ended(case.today()) {
            heard.insert(spoken.id, Outcome::Ended);
            dated.lapsed = Some(format!("{} ended on {}", spoken.name(), spoken.until));
        } else if changed {
            heard.insert(spoken.id, Outcome::Void);
            dated.lapsed = Some(format!(
                "{} is void because {}: then it was \"{}\"",
                spoken.name(),
                spoken.id.kind.why_void(),
                line(spoken.seen.unwrap_or_default())
            ));
        } else {
            heard.insert(spoken.id, Outcome::Holds);
            dated.word = Some(spoken.word());
        }
        dated
    }

    /// The word that stands in for what the agent itself could not see; else what became of one.
    ///
    /// Only where nothing is set up or nothing is known to the catalog. A source that fails, is stale or has not
    /// been asked is work for somebody with a tool, not for somebody with a word.
    pub(super) fn on_missing(
        &self,
        check: &Check,
        case: &Case<'_>,
        missing: &Missing,
        heard: &mut Heard,
    ) -> Result<Word, Option<String>> {
        let broken = |source| match case.facts.state(source).condition {
            Condition::Pending | Condition::Stale | Condition::Failed => true,
            Condition::Off | Condition::Ok => false,
        };
        // The sources are asked as well: a rule that gives up at the first gap may not have come to the next.
        if !missing.can_be_signed_off() || check.reads.iter().copied().any(broken) {
            return Err(None);
        }
        let spoken = self.latest(check, &case.target.version, None).ok_or(None)?;
        if spoken.has_ended(case.today()) {
            heard.insert(spoken.id, Outcome::Ended);
            return Err(Some(format!("{} ended on {}", spoken.name(), spoken.until)));
        }
        heard.insert(spoken.id, Outcome::Holds);
        Ok(spoken.word())
    }
}

impl Spoken<'_> {
    fn is_for(&self, check: &Check) -> bool {
        self.id.kind.is_for(check.people)
    }

    fn meets(&self, target: &ProductVersion) -> bool {
        self.target.is_none_or(|only| only == target)
    }

    /// Whether it was given for this finding as it is now.
    ///
    /// A task that is done stays done while what is left of it is counted, dated or worded otherwise; what did not
    /// block when somebody said so and blocks now is another matter.
    fn is_about(&self, finding: &Finding, seen: &str) -> bool {
        match self.id.kind {
            WordKind::Waiver => finding.is_what_was_waived(seen),
            WordKind::SignOff => {
                finding.severity < Severity::Blocker || seen.starts_with(&fingerprint(Severity::Blocker, ""))
            }
        }
    }

    fn has_ended(&self, today: Date) -> bool {
        today > self.until
    }

    fn word(&self) -> Word {
        Word { kind: self.id.kind, by: line(self.by), reason: line(self.reason), until: self.until }
    }

    /// `the waiver of Anna Schmidt`.
    fn name(&self) -> String {
        format!("the {} of {}", self.id.kind.id(), line(self.by))
    }

    /// `license-valid, expiry`.
    fn place(&self) -> String {
        let subject = self.subject.map(|subject| format!(", {}", line(subject))).unwrap_or_default();
        format!("{}{subject}", line(self.check))
    }
}

/// Something to be said about an instance beside its findings: about the words people gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What it is about: check and subject.
    pub subject: String,
    /// What is to be said, in full sentences.
    pub text: String,
}

/// What is to be said of the words people gave, once all targets of an instance have been judged.
///
/// A word that holds needs no remark: it is shown with what it settles. `unresolved` is how many targets could not be
/// judged because they do not stand for a release yet; a word may be about one of them.
#[must_use]
pub fn remarks(facts: &Snapshot, reports: &[&Report], unresolved: usize, now: Timestamp) -> Vec<Remark> {
    let words: Vec<Spoken<'_>> = all(&facts.memory).collect();
    let today = TimeZone::UTC.to_datetime(now).date();
    let hearing = Hearing { facts, words: &words, reports, unresolved, today };
    let mut seen = BTreeSet::new();
    let remark = |word: &Spoken<'_>| {
        let text = hearing.remark_on(word)?;
        let (the_word, by, place) = (word.id.kind.capital(), line(word.by), word.place());
        Some(Remark { text: format!("{the_word} of {by} for {place} {text}"), subject: place })
    };
    words
        .iter()
        .filter_map(remark)
        .filter(|remark| seen.insert((remark.subject.clone(), remark.text.clone())))
        .collect()
}

/// What a remark on a word depends on.
struct Hearing<'a> {
    facts: &'a Snapshot,
    words: &'a [Spoken<'a>],
    reports: &'a [&'a Report],
    unresolved: usize,
    today: Date,
}

const TAKE_BACK: &str = "It can be taken back.";

impl Hearing<'_> {
    fn remark_on(&self, word: &Spoken<'_>) -> Option<String> {
        let Some(check) = rules::ALL.iter().find(|check| check.id == word.check) else {
            let id = line(word.check);
            return Some(format!("does nothing: this agent has no check {id}, a newer one may. {TAKE_BACK}"));
        };
        if !word.is_for(check) {
            return Some(not_for_people(check));
        }
        let concerned: Vec<&&Report> =
            self.reports.iter().filter(|report| word.meets(&report.version)).collect();
        match concerned.iter().filter_map(|report| report.heard.get(&word.id)).max() {
            Some(Outcome::Holds | Outcome::HoldsThen) => None,
            Some(Outcome::Void) => Some(format!(
                "is void because {}; the finding counts again. Look at it, then give the word anew or take it back.",
                word.id.kind.why_void()
            )),
            Some(Outcome::Ended) => Some(format!(
                "ended on {}, and what it was about is still there and counts again. Settle it, give the word anew, \
                 or take it back.",
                word.until
            )),
            None if self.is_replaced(word, check) => None,
            None => self.remark_on_unused(word, check, &concerned),
        }
    }

    /// Whether a later word on the same thing took its place.
    fn is_replaced(&self, word: &Spoken<'_>, check: &Check) -> bool {
        self.words.iter().any(|other| {
            (other.given_at, other.id) > (word.given_at, word.id)
                && other.is_for(check)
                && (other.check, other.subject) == (word.check, word.subject)
                && (other.target.is_none() || other.target == word.target)
        })
    }

    fn remark_on_unused(&self, word: &Spoken<'_>, check: &Check, concerned: &[&&Report]) -> Option<String> {
        if concerned.is_empty() {
            let target = word.target.filter(|_| self.unresolved == 0)?;
            return Some(format!("does nothing: {target} is not among the targets. {TAKE_BACK}"));
        }
        let mut of_check =
            concerned.iter().flat_map(|report| &report.checks).filter(|said| said.id == check.id);
        if of_check.any(|said| said.verdict == Verdict::Unknown) {
            let waits = |source: &Source| self.facts.state(*source).condition == Condition::Pending;
            // What cannot be seen may well be there, and what nobody has looked at yet is no news.
            let helpless = word.subject.is_none() && !check.reads.iter().any(waits);
            return helpless.then(|| {
                "does not help: what could not be seen there is set up and fails, and no word stands in for that. Mend \
                 what the check names."
                    .to_owned()
            });
        }
        Some(if word.has_ended(self.today) {
            format!("ended on {}, and nothing is left that it was about. {TAKE_BACK}", word.until)
        } else {
            format!("has nothing to settle: what it is about was not found. {TAKE_BACK}")
        })
    }
}

fn not_for_people(check: &Check) -> String {
    match check.people {
        People::MaySayNothing => format!(
            "does nothing: what {} finds cannot be waived, because the product itself refuses to go on or data would \
             be lost. {TAKE_BACK}",
            check.id
        ),
        People::MayWaive | People::MaySignOff => format!(
            "does nothing: what {} finds is no task that could be signed off; it can be waived. {TAKE_BACK}",
            check.id
        ),
    }
}

/// Every word of an instance.
fn all(memory: &Memory) -> impl Iterator<Item = Spoken<'_>> {
    let waivers = memory.waivers.iter().enumerate().map(|(index, waiver)| {
        let Waiver { check, subject, target, reason, by, given_at, until, seen } = waiver;
        Spoken {
            id: WordId { kind: WordKind::Waiver, index },
            check,
            subject: Some(subject),
            target: target.as_ref(),
            by,
            reason,
            given_at: *given_at,
            until: *until,
            seen: Some(seen),
        }
    });
    let sign_offs = memory.sign_offs.iter().enumerate().map(|(index, sign_off)| {
        let SignOff { check, subject, target, reason, by, given_at, until, seen } = sign_off;
        Spoken {
            id: WordId { kind: WordKind::SignOff, index },
            check,
            subject: subject.as_deref(),
            target: target.as_ref(),
            by,
            reason,
            given_at: *given_at,
            until: *until,
            seen: seen.as_deref(),
        }
    });
    waivers.chain(sign_offs)
}

/// The last day of the word that holds today and ends first.
#[must_use]
pub fn first_end(facts: &Snapshot, reports: &[&Report]) -> Option<Date> {
    let held: BTreeSet<WordId> = reports
        .iter()
        .flat_map(|report| &report.heard)
        .filter(|(_, outcome)| **outcome == Outcome::Holds)
        .map(|(id, _)| *id)
        .collect();
    all(&facts.memory).filter(|word| held.contains(&word.id)).map(|word| word.until).min()
}

/// A person's text in one line and of bearable length.
fn line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST_CHARS {
        return line;
    }
    let cut: String = line.chars().take(MOST_CHARS).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests;
