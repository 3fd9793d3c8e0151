//! Where steps are put together: what was judged, what people said, and how long things took on staging.

use jiff::{SignedDuration, Timestamp};

use super::cover;
use super::parts::{Block, Estimate, Open, Proof, SectionKind, Step};
use super::site::Site;
use crate::facts::{Snapshot, StepMark, StepState};
use crate::model::{Policy, Severity, Target, Verdict};
use crate::plan::way::{Method, NoWay, Part, Way};
use crate::report::{CheckReport, DatedFinding, Judge, Report, WordKind};
use crate::rules;
use crate::rules::units::bytes;
use crate::version::ProductVersion;

/// All that steps are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) judge: Judge<'a>,
    pub(super) facts: &'a Snapshot,
    /// Where the steps are done: production, or staging.
    pub(super) site: &'a Site<'a>,
    pub(super) production: &'a Site<'a>,
    pub(super) running: &'a ProductVersion,
    pub(super) target: &'a Target,
    pub(super) report: &'a Report,
    pub(super) way: &'a Result<Way, NoWay>,
    pub(super) method: Method,
    /// The method somebody asked for.
    pub(super) asked: Option<Method>,
}

/// A step that is being written.
#[derive(Debug)]
pub(super) struct Draft {
    name: String,
    title: String,
    blocks: Vec<Block>,
    outage: bool,
    optional: bool,
    work: bool,
    time: Option<Estimate>,
}

impl Draft {
    /// A step that is settled when its checks are content.
    pub(super) fn looked_at(name: &str, title: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            title: title.into(),
            blocks: Vec::new(),
            outage: false,
            optional: false,
            work: false,
            time: None,
        }
    }

    /// A step with work in it that only a person can say to be done.
    pub(super) fn work(name: &str, title: impl Into<String>) -> Self {
        Self { work: true, ..Self::looked_at(name, title) }
    }

    pub(super) fn text(self, text: impl Into<String>) -> Self {
        self.block(Block::Text(text.into()))
    }

    pub(super) fn caution(self, text: impl Into<String>) -> Self {
        self.block(Block::Caution(text.into()))
    }

    pub(super) fn list(self, items: Vec<String>) -> Self {
        if items.is_empty() { self } else { self.block(Block::List(items)) }
    }

    pub(super) fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    pub(super) fn blocks(mut self, blocks: Vec<Block>) -> Self {
        self.blocks.extend(blocks);
        self
    }

    /// Users cannot work while it is done.
    pub(super) fn outage(self) -> Self {
        Self { outage: true, ..self }
    }

    pub(super) fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    pub(super) fn time(self, time: impl Into<Option<Estimate>>) -> Self {
        Self { time: time.into(), ..self }
    }

    /// Puts the text in when the condition holds.
    pub(super) fn when(self, condition: bool, text: impl FnOnce() -> String) -> Self {
        if condition { self.text(text()) } else { self }
    }
}

impl Desk<'_> {
    pub(super) fn policy(&self) -> &Policy {
        self.judge.policy
    }

    /// The check as it was judged for the target.
    pub(super) fn check(&self, id: &str) -> Option<&CheckReport> {
        self.report.checks.iter().find(|check| check.id == id)
    }

    /// Findings of a check, in their order, those included that somebody's word settles.
    pub(super) fn findings(&self, id: &str) -> &[DatedFinding] {
        self.check(id).map_or(&[], |check| &check.findings)
    }

    /// A step as it stands in the book; `None` when it is only about checks that do not apply here.
    pub(super) fn finish(
        &self,
        kind: SectionKind,
        stop: Option<&ProductVersion>,
        draft: Draft,
    ) -> Option<Step> {
        let Draft { name, title, blocks, outage, optional, work, time } = draft;
        let id = step_id(kind, stop, &name);
        let covered = cover::of(kind, &name);
        let about: Vec<&CheckReport> = covered.iter().filter_map(|check| self.check(check)).collect();
        let applies = about.iter().any(|check| check.verdict != Verdict::Skipped);
        if !work && !applies {
            return None;
        }
        let proofs: Vec<Proof> = about.iter().filter_map(|check| self.proof(check)).collect();
        let open: Vec<Open> = about.iter().flat_map(|check| self.open(check)).collect();
        let in_the_way = |open: &Open| open.settled_by.is_none() && open.severity != Some(Severity::Notice);
        let proven = !work && !open.iter().any(in_the_way);
        let mark = self.mark(&id).cloned();
        let time = match kind {
            SectionKind::Production => self.as_on_staging(stop, &name).or(time),
            SectionKind::Preparation
            | SectionKind::Staging
            | SectionKind::Verification
            | SectionKind::WayBack => time,
        };
        Some(Step { id, title, blocks, outage, optional, proofs, open, proven, time, mark })
    }

    /// All of these that belong into the book.
    pub(super) fn finish_all(
        &self,
        kind: SectionKind,
        stop: Option<&ProductVersion>,
        drafts: impl IntoIterator<Item = Draft>,
    ) -> Vec<Step> {
        drafts.into_iter().filter_map(|draft| self.finish(kind, stop, draft)).collect()
    }

    fn proof(&self, check: &CheckReport) -> Option<Proof> {
        let seen = match check.verdict {
            Verdict::Ready | Verdict::Warning => true,
            Verdict::Skipped | Verdict::Unknown | Verdict::Blocked => false,
        };
        let quiet =
            check.findings.iter().all(|dated| !dated.counts() || dated.finding.severity == Severity::Notice);
        (seen && quiet && check.word.is_none()).then(|| Proof {
            check: check.id,
            title: check.title,
            evidence: check.reason.clone(),
            seen_at: self.seen_at(check.id),
        })
    }

    fn seen_at(&self, check: &str) -> Option<Timestamp> {
        let check = rules::ALL.iter().find(|known| known.id == check)?;
        self.site.seen_at(check.reads)
    }

    fn open(&self, check: &CheckReport) -> Vec<Open> {
        let mut open: Vec<Open> = check.findings.iter().map(|dated| self.finding(check.id, dated)).collect();
        let signed_off = check
            .word
            .as_ref()
            .map(|word| word_of(word.kind, &word.by, &word.until.to_string(), &word.reason));
        if check.verdict == Verdict::Unknown || signed_off.is_some() {
            open.push(Open {
                check: check.id,
                severity: None,
                subject: String::new(),
                summary: check.reason.clone(),
                observed: String::new(),
                required: String::new(),
                remedy: String::new(),
                settled_by: signed_off,
            });
        }
        open
    }

    fn finding(&self, check: &'static str, dated: &DatedFinding) -> Open {
        let finding = &dated.finding;
        let word = dated
            .word
            .as_ref()
            .map(|word| word_of(word.kind, &word.by, &word.until.to_string(), &word.reason));
        let summary = match dated.holds_on {
            Some(day) => format!("{} (from the planned day, {day}; not yet today)", finding.summary),
            None => finding.summary.clone(),
        };
        Open {
            check,
            severity: Some(finding.severity),
            subject: finding.subject.clone(),
            summary,
            observed: finding.observed.clone(),
            required: finding.required.clone(),
            remedy: finding.remedy.clone(),
            settled_by: word.or_else(|| self.settled_on_the_way(check, &finding.subject)),
        }
    }

    /// What the way of this book does about a finding.
    fn settled_on_the_way(&self, check: &str, subject: &str) -> Option<String> {
        let way = self.way.as_ref().ok()?;
        let part = |wanted: fn(Part) -> bool| {
            let then = way.stops.iter().flat_map(|stop| {
                stop.with_jump.iter().chain(&stop.then).map(move |change| (&stop.version, change))
            });
            let changes = way.before.iter().map(|change| (&way.from, change)).chain(then);
            let steps: Vec<String> = changes
                .filter(|(_, change)| wanted(change.part))
                .map(|(version, change)| format!("{} {} at {version}", change.part, change.to))
                .collect();
            (!steps.is_empty()).then(|| format!("the way of this book: {}", steps.join(", ")))
        };
        match (check, subject) {
            ("java-version", "java") => part(|part| part == Part::Java),
            ("database-supported", "version") => part(|part| matches!(part, Part::Database(_))),
            ("database-supported", "connection") => part(|part| part == Part::Connection),
            ("database-driver", "mysql-driver") => part(|part| matches!(part, Part::Driver(_))),
            ("operating-system", "system") => part(|part| part == Part::OperatingSystem),
            ("upgrade-path", "jump") if way.stops.len() > 1 => {
                let stops: Vec<&str> = way.stops.iter().map(|stop| stop.version.as_str()).collect();
                Some(format!("the way of this book, over {}", stops.join(", ")))
            }
            (_, _) => None,
        }
    }

    fn mark(&self, id: &str) -> Option<&StepMark> {
        self.facts.memory.steps.iter().rfind(|mark| mark.step == id && mark.target == self.target.version)
    }

    /// How long the same step took on staging.
    fn as_on_staging(&self, stop: Option<&ProductVersion>, name: &str) -> Option<Estimate> {
        let mark = self.mark(&step_id(SectionKind::Staging, stop, name))?;
        if mark.state != StepState::Done {
            return None;
        }
        let time = mark.took?;
        let day = jiff::tz::TimeZone::UTC.to_datetime(mark.at).date();
        Some(Estimate { time, ground: format!("as on staging on {day}") })
    }

    /// A share of what every upgrade takes, however small the instance is.
    pub(super) fn share(&self, percent: u32) -> Estimate {
        let seconds = i64::from(self.policy().downtime_base_minutes) * 60 * i64::from(percent) / 100;
        Estimate { time: SignedDuration::from_secs(seconds), ground: "whatever the size".to_owned() }
    }

    /// The time it takes to pack so much.
    pub(super) fn packing(&self, size: Option<u64>) -> Option<Estimate> {
        let rate = self.policy().downtime_backup_mib_per_second;
        size.map(|size| at_rate(size, rate))
    }

    /// The time it takes to dump or to restore a database of this size.
    pub(super) fn moving(&self, size: Option<u64>) -> Option<Estimate> {
        size.map(|size| at_rate(size, self.policy().downtime_database_mib_per_second))
    }

    /// Half of the time it takes to dump and to change the database.
    pub(super) fn half_of_database(&self) -> Option<Estimate> {
        let rate = self.policy().downtime_database_mib_per_second;
        self.site.database_size().map(|size| at_rate(size / 2, rate))
    }
}

fn at_rate(size: u64, mib_per_second: u32) -> Estimate {
    let seconds = size / (u64::from(mib_per_second.max(1)) << 20);
    Estimate {
        time: SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)),
        ground: format!("{} at {mib_per_second} MiB a second", bytes(size)),
    }
}

fn word_of(kind: WordKind, by: &str, until: &str, reason: &str) -> String {
    let verb = match kind {
        WordKind::Waiver => "waived",
        WordKind::SignOff => "signed off",
    };
    format!("{verb} by {by} until {until}: {reason}")
}

/// Section, stop where there are several, and name.
pub(super) fn step_id(kind: SectionKind, stop: Option<&ProductVersion>, name: &str) -> String {
    match stop {
        Some(stop) => format!("{}.{stop}.{name}", kind.id()),
        None => format!("{}.{name}", kind.id()),
    }
}
