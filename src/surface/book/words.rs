//! What both forms for people say in the same words.

use jiff::SignedDuration;
use upgrade_readiness_checks::catalog::{Confidence, Jump, RollingRule};
use upgrade_readiness_checks::facts::{StepMark, StepState};
use upgrade_readiness_checks::model::Severity;
use upgrade_readiness_checks::plan::book::{Book, Estimate, Open, Proof, Section, Step};
use upgrade_readiness_checks::plan::way::{Change, Doubt, Method};
use upgrade_readiness_checks::report::Blocks;

use crate::surface::status::{count, minute};

/// What is said when nobody can tell the downtime.
pub(super) const NO_DOWNTIME: &str = "How long users cannot work cannot be reckoned yet: steps on staging that are \
                                      marked with the time they took make it known.";

/// What is said when nothing is known of staging.
pub(super) const NO_STAGING: &str =
    "Nothing is known of an upgrade on staging, so nobody can tell what differs from it.";

/// What is said when staging is like production.
pub(super) const SAME_AS_STAGING: &str =
    "Nothing differs between staging and production, and nothing changed since staging was upgraded.";

/// The same with a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// How often users cannot work, as a sentence.
pub(super) fn outages(times: usize) -> String {
    match times {
        0 => "There is no outage.".to_owned(),
        1 => "There is one outage.".to_owned(),
        times => format!("There are {times} outages."),
    }
}

/// A length of time, rounded up to minutes: `45 min`, `4 h`, `1 h 15 min`.
pub(super) fn duration(time: SignedDuration) -> String {
    let minutes = time.unsigned_abs().as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// `about 45 min (30 GiB at 20 MiB a second)`.
pub(super) fn estimate(Estimate { time, ground }: &Estimate) -> String {
    let time = duration(*time);
    if ground.is_empty() { format!("about {time}") } else { format!("about {time} ({ground})") }
}

/// `Confluence 9.2.7 → 10.2.14`.
pub(super) fn jump_title(book: &Book) -> String {
    format!("{} {} → {}", book.product, book.running, book.target)
}

/// How the program gets onto the host, as part of a sentence.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::Rolling => "node by node, while the site stays up",
        Method::Installer => "with the vendor's installer",
        Method::Archive => "from the archive, unpacked beside the old installation",
    }
}

/// When it will be blocked, as a sentence.
pub(super) fn blocks(Blocks { day, check, subject }: &Blocks) -> String {
    format!("The upgrade will be blocked from {day} (UTC) if nobody acts: {check} ({subject}).")
}

/// Stands before the list of what could not be seen.
pub(super) const NOT_SEEN: &str = "What could not be seen: look it up before the night.";

/// A sentence that says how far the work is.
pub(super) fn progress(book: &Book) -> String {
    tally(book.steps().map(|(_, step)| step))
}

/// `8 steps, 3 of them settled`.
fn tally<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let (all, settled) =
        steps.fold((0, 0), |(all, settled), step| (all + 1, settled + usize::from(step.is_settled())));
    match settled {
        0 => format!("{}, none settled yet", count(all, "step")),
        settled if settled == all => format!("{}, all settled", count(all, "step")),
        settled => format!("{}, {settled} of them settled", count(all, "step")),
    }
}

/// What there is to a section: steps, and their time as far as it can be reckoned.
pub(super) fn extent(section: &Section) -> String {
    let tally = tally(section.steps.iter());
    let open = section.steps.iter().filter(|step| step.time.is_none()).count();
    match section.time() {
        None => tally,
        Some(time) if open == 0 => format!("{tally}; about {}", duration(time)),
        Some(time) => {
            format!("{tally}; about {} and {} without an estimate", duration(time), count(open, "step"))
        }
    }
}

/// Whether a jump is allowed and who says so, without the page.
pub(super) fn jump(jump: &Jump) -> String {
    match jump {
        Jump::Direct(ground) => {
            format!("allowed in one step{}: {}", sureness(ground.confidence), ground.because)
        }
        Jump::Refused(ground) => {
            format!("not allowed in one step{}: {}", sureness(ground.confidence), ground.because)
        }
        Jump::NotKnown(_) => "open: nobody could say whether it is allowed in one step".to_owned(),
    }
}

/// The page to look at for a jump.
pub(super) fn jump_page(jump: &Jump) -> Option<&str> {
    match jump {
        Jump::Direct(ground) | Jump::Refused(ground) => ground.page.as_deref(),
        Jump::NotKnown(page) => page.as_deref(),
    }
}

/// Whether the site can stay up meanwhile, without the page.
pub(super) fn rolling(rule: &RollingRule) -> String {
    let sure = sureness(rule.confidence);
    if rule.possible {
        let nodes = count(usize::try_from(rule.least_nodes).unwrap_or(usize::MAX), "node");
        format!("possible with {nodes} or more{sure}: {}", rule.because)
    } else {
        format!("not possible{sure}: {}", rule.because)
    }
}

fn sureness(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Confirmed => "",
        Confidence::Partial => " (confirmed in part)",
        Confidence::Inferred => " (not confirmed)",
    }
}

/// `Java 11 → 17`.
fn change(Change { part, from, to }: &Change) -> String {
    format!("{part} {from} → {to}")
}

/// Several of them.
pub(super) fn changes(changes: &[Change]) -> String {
    changes.iter().map(change).collect::<Vec<_>>().join(", ")
}

/// What is said before what would open a way.
pub(super) fn opens(together: bool) -> &'static str {
    if together { "Only all of these together open one:" } else { "Any of these opens one:" }
}

/// What nobody says to work, without the page.
pub(super) fn doubt(doubt: &Doubt) -> String {
    let Doubt { part, value, known, contested, page: _ } = doubt;
    let what =
        if *contested { "is said not to work, which is not confirmed" } else { "is not known to work" };
    if known.is_empty() {
        format!("{part} {value} {what}")
    } else {
        format!("{part} {value} {what}; known to work: {}", known.join(", "))
    }
}

/// A page that can be led to.
pub(super) fn is_link(page: &str) -> bool {
    let rest = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://"));
    let fits = |char: char| char.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(char);
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(fits))
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    ToDo,
    Proven,
    Done,
    Skipped,
    Failed,
}

impl Standing {
    pub(super) fn of(step: &Step) -> Self {
        match step.mark.as_ref().map(|mark| mark.state) {
            Some(StepState::Done) => Self::Done,
            Some(StepState::Skipped) => Self::Skipped,
            Some(StepState::Failed) => Self::Failed,
            None if step.proven => Self::Proven,
            None => Self::ToDo,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::ToDo => "To do",
            Self::Proven => "Proven by checks",
            Self::Done => "Done",
            Self::Skipped => "Skipped",
            Self::Failed => "Failed",
        }
    }

    /// What stands in its box.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::ToDo => "",
            Self::Proven | Self::Done => "✓",
            Self::Skipped => "–",
            Self::Failed => "✗",
        }
    }

    /// The class by which a style goes.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::ToDo => "to-do",
            Self::Proven => "proven",
            Self::Done => "done",
            Self::Skipped => "left-out",
            Self::Failed => "failed",
        }
    }
}

/// Who said what became of a step, and how long it took, without the note: `Done by A. Smith, 2026-11-28 12:00 UTC`.
pub(super) fn mark(mark: &StepMark) -> String {
    let state = match mark.state {
        StepState::Done => Standing::Done,
        StepState::Skipped => Standing::Skipped,
        StepState::Failed => Standing::Failed,
    };
    let took = mark.took.map_or_else(String::new, |took| format!(", took {}", duration(took)));
    format!("{} by {}, {}{took}", state.word(), mark.by, minute(mark.at))
}

/// What is between id and text of a step: outage, optional, time.
pub(super) fn remarks(step: &Step) -> Vec<String> {
    let outage = step.outage.then(|| "outage: users cannot work".to_owned());
    let optional = step.optional.then(|| "optional".to_owned());
    outage.into_iter().chain(optional).chain(step.time.as_ref().map(estimate)).collect()
}

/// Where a proof comes from: the check, and when its facts were learned.
pub(super) fn proof_time(proof: &Proof) -> Option<String> {
    proof.seen_at.map(minute)
}

/// The word before what must be resolved, and the class by which a style goes.
pub(super) fn gravity(open: &Open) -> (&'static str, &'static str) {
    severity(open.severity)
}

/// The same for a severity; `None` when a check could not tell.
pub(super) fn severity(severity: Option<Severity>) -> (&'static str, &'static str) {
    match severity {
        Some(Severity::Blocker) => ("Blocker", "blocked"),
        Some(Severity::Warning) => ("Warning", "warning"),
        Some(Severity::Notice) => ("Notice", "skipped"),
        None => ("Cannot tell", "unknown"),
    }
}

/// Rows of what must be resolved, those that say something.
pub(super) fn rows(open: &Open) -> Vec<(&'static str, &str)> {
    let settled = open.settled_by.as_deref().unwrap_or_default();
    let rows =
        [("Seen", &*open.observed), ("Needed", &open.required), ("Do", &open.remedy), ("Settled", settled)];
    rows.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

/// A table in which every row has as many cells.
pub(super) fn columns<'a>(head: &'a [String], rows: &'a [Vec<String>]) -> (Vec<&'a str>, Vec<Vec<&'a str>>) {
    let width = rows.iter().map(Vec::len).fold(head.len(), usize::max);
    let fill = |cells: &'a [String]| -> Vec<&'a str> {
        cells.iter().map(String::as_str).chain(std::iter::repeat("")).take(width).collect()
    };
    (fill(head), rows.iter().map(|row| fill(row)).collect())
}
