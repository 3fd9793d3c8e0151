//! The run book as JSON. These types are the public format, kept apart from the agent's own.
//!
//! New members, and new values of `product`, `shell` and of the kinds of blocks may come with any version; a change
//! that would mislead a reader raises the major number of `format_version`.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::catalog::{Confidence, Ground, Jump, RollingRule};
use upgrade_readiness_checks::facts::{StepMark, StepState};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::plan::book::{Block, Book, Estimate, Open, Proof, Section, Step, StopReport};
use upgrade_readiness_checks::plan::way::{Change, Doubt, Method, NoWay, Stop, Way};
use upgrade_readiness_checks::report::Blocks;

/// Version of the format.
pub const FORMAT_VERSION: &str = "1.0";

/// What is to be done to upgrade an instance to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Run book of the upgrade readiness agent")]
pub struct BookView {
    /// Version of this format: `1.0`.
    pub format_version: String,
    /// The instance it is for.
    pub instance: String,
    /// Its product: `confluence`.
    pub product: String,
    /// The version that runs.
    pub running: String,
    /// The version to upgrade to.
    pub target: String,
    /// How the new program gets onto the host.
    pub method: Method,
    /// What the instance is, as far as it shapes the book.
    pub made_for: Vec<NamedView>,
    /// What could not be seen, so that a word in capitals stands for it or the way leaves it out.
    pub not_seen: Vec<String>,
    /// When the facts were taken that it is made from.
    pub facts_of: Timestamp,
    /// The planned day, in the operator's time zone; null when none is planned.
    pub planned_for: Option<Date>,
    /// What follows from all checks for the target.
    pub verdict: Verdict,
    /// When and by what the upgrade will be blocked if nobody acts; null when no such day is known.
    pub blocks: Option<BlocksView>,
    /// How many steps there are, and how many are settled.
    pub progress: ProgressView,
    /// The way to the target; null when there is none.
    pub way: Option<WayView>,
    /// Why there is no way, and what would open one; null when there is one.
    pub no_way: Option<NoWayView>,
    /// Each stop of the way, judged as an upgrade of its own; the last one is the target.
    pub stops: Vec<StopVerdictView>,
    /// How long users cannot work, all stops together; null when it cannot be reckoned.
    pub downtime: Option<EstimateView>,
    /// What differs between staging and production, and what changed since staging was upgraded, as sentences without
    /// their full stop; null when nothing is known of a staging run.
    pub since_staging: Option<Vec<String>>,
    /// The sections in the order in which they are worked through.
    pub sections: Vec<SectionView>,
    /// What was said of steps that are not in this book.
    pub marks_elsewhere: Vec<MarkView>,
}

/// Something with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedView {
    /// Its name: `host`.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// What will block the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlocksView {
    /// The day, in UTC.
    pub day: Date,
    /// Id of the check.
    pub check: String,
    /// Subject of its finding.
    pub subject: String,
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgressView {
    /// All steps.
    pub steps: usize,
    /// Those with nothing left to do, by a check or by a person's word.
    pub settled: usize,
}

/// A way that can be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WayView {
    /// The version that runs now.
    pub from: String,
    /// What is changed before the first upgrade.
    pub before: Vec<ChangeView>,
    /// The releases that are upgraded to one after the other; the last one is the target.
    pub stops: Vec<StopView>,
    /// How often users cannot work.
    pub outages: usize,
    /// What could not be seen, and so was left out of the search.
    pub unseen: Vec<String>,
}

/// One upgrade on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopView {
    /// The version that is upgraded to.
    pub version: String,
    /// It belongs to a long-term support line.
    pub long_term_support: bool,
    /// Whether this step is allowed, and who says so.
    pub jump: JumpView,
    /// Whether the site can stay up meanwhile; null when nobody says.
    pub rolling: Option<RollingView>,
    /// What changes in the same step.
    pub with_jump: Vec<ChangeView>,
    /// What is changed while this release runs, before the next upgrade.
    pub then: Vec<ChangeView>,
    /// What is not known to work with this release as it is reached.
    pub doubts: Vec<DoubtView>,
}

/// Whether a release can be upgraded to another in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JumpView {
    /// `direct`, `refused`, or `not-known` when nobody says.
    pub result: String,
    /// How sure: `confirmed`, `partial` or `inferred`; null when nobody says.
    pub confidence: Option<String>,
    /// Why, as a sentence without its full stop; null when nobody says.
    pub because: Option<String>,
    /// The page to look at, or where else it comes from.
    pub page: Option<String>,
}

/// What the vendor says of an upgrade node by node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollingView {
    /// Whether it can be made while the site stays up.
    pub possible: bool,
    /// The fewest nodes with which it can.
    pub least_nodes: u64,
    /// How sure: `confirmed`, `partial` or `inferred`.
    pub confidence: String,
    /// Why, as a sentence without its full stop.
    pub because: String,
    /// The vendor's page.
    pub page: String,
}

/// Something below the product that is changed on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeView {
    /// What, as people call it: `Java`, `PostgreSQL`.
    pub part: String,
    /// As it is.
    pub from: String,
    /// What it becomes.
    pub to: String,
}

/// Something of which nobody says that a release works with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoubtView {
    /// What, as people call it.
    pub part: String,
    /// Its version.
    pub value: String,
    /// What is known to work; empty when nothing is.
    pub known: Vec<String>,
    /// Somebody says that it does not work, which could not be confirmed.
    pub contested: bool,
    /// The vendor's page to look at.
    pub page: Option<String>,
}

/// Why there is no way, and what would open one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoWayView {
    /// What stands in the way, as sentences without their full stop.
    pub because: Vec<String>,
    /// What would open a way; any one of them does, unless `together`.
    pub unless: Vec<String>,
    /// Only all of `unless` together open a way.
    pub together: bool,
}

/// A stop of the way, judged as an upgrade from the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopVerdictView {
    /// The version.
    pub version: String,
    /// What follows from all checks.
    pub verdict: Verdict,
    /// What stands in the way of it, the gravest first.
    pub findings: Vec<StopFindingView>,
    /// Checks that could not tell.
    pub unknown: Vec<StopUnknownView>,
}

/// What stands in the way of a stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopFindingView {
    /// How much it matters.
    pub severity: Severity,
    /// Id of the check.
    pub check: String,
    /// What is wrong.
    pub summary: String,
}

/// A check that could not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopUnknownView {
    /// Id of the check.
    pub check: String,
    /// Why it could not.
    pub reason: String,
}

/// How long something takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateView {
    /// How long, as an ISO 8601 duration.
    pub time: SignedDuration,
    /// How it was reckoned.
    pub ground: String,
}

/// Steps that are worked through one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SectionView {
    /// What it is for: `preparation`, `staging`, `production`, `verification` or `way-back`.
    pub kind: String,
    /// The version of the stop it belongs to; null when the way has one stop.
    pub stop: Option<String>,
    /// Its heading.
    pub title: String,
    /// How long its steps take together, as far as they can be reckoned, as an ISO 8601 duration.
    pub time: Option<SignedDuration>,
    /// What is to be known before its first step.
    pub intro: Vec<BlockView>,
    /// Its steps.
    pub steps: Vec<StepView>,
}

/// One thing to do.
#[expect(clippy::struct_excessive_bools, reason = "members of the JSON form, each true or false by itself")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// By which it is named: `production.stop`.
    pub id: String,
    /// What is done.
    pub title: String,
    /// Nothing is left to do, by a check or by a person's word.
    pub settled: bool,
    /// Every check it is about is content, and there is no work of the night in it.
    pub proven: bool,
    /// Users cannot work while it is done.
    pub outage: bool,
    /// It may be left out.
    pub optional: bool,
    /// How long it takes; null when that cannot be reckoned.
    pub time: Option<EstimateView>,
    /// What a person said of it; null when nobody did.
    pub mark: Option<MarkView>,
    /// Checks that prove what it is about.
    pub proofs: Vec<ProofView>,
    /// What must be resolved here.
    pub open: Vec<OpenView>,
    /// How it is done.
    pub blocks: Vec<BlockView>,
}

/// What a person said of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkView {
    /// The version of the target the book leads to.
    pub target: String,
    /// Id of the step.
    pub step: String,
    /// What became of it.
    pub state: StepState,
    /// Who says so.
    pub by: String,
    /// When it was said.
    pub at: Timestamp,
    /// How long it took, as an ISO 8601 duration; null when that is not known.
    pub took: Option<SignedDuration>,
    /// What else was said of it.
    pub note: Option<String>,
}

/// What a check saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofView {
    /// Id of the check.
    pub check: String,
    /// What it makes sure of.
    pub title: String,
    /// What it saw.
    pub evidence: String,
    /// When the oldest of the facts it read was learned; null when it reads none.
    pub seen_at: Option<Timestamp>,
}

/// What must be resolved at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenView {
    /// Id of the check.
    pub check: String,
    /// How much it matters; null when the check could not tell.
    pub severity: Option<Severity>,
    /// What it is about; empty when the check could not tell.
    pub subject: String,
    /// What is wrong, or why nobody can tell.
    pub summary: String,
    /// What was seen; empty when nothing was.
    pub observed: String,
    /// What is needed; empty when the check could not tell.
    pub required: String,
    /// What to do; empty when `summary` says it.
    pub remedy: String,
    /// Whose word settles it, and until when; null when it counts.
    pub settled_by: Option<String>,
}

/// A piece of a step's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BlockView {
    /// Sentences.
    Text {
        /// The sentences.
        text: String,
    },
    /// Something that goes wrong easily.
    Caution {
        /// The sentences.
        text: String,
    },
    /// Things to see or to do.
    List {
        /// Each a sentence without its full stop.
        items: Vec<String>,
    },
    /// What is typed.
    Commands {
        /// Where: `on wiki.example.com as root`.
        place: String,
        /// What takes them: `sh`, `bat` or `sql`.
        shell: String,
        /// Line by line.
        lines: Vec<String>,
    },
    /// Names and figures.
    Table {
        /// The heads of the columns.
        head: Vec<String>,
        /// The rows.
        rows: Vec<Vec<String>>,
    },
}

/// The JSON schema of a run book.
#[must_use]
pub fn book_schema() -> schemars::Schema {
    schemars::schema_for!(BookView)
}

/// A book as JSON, with a line end after it.
pub(super) fn render_json(book: &Book) -> String {
    let json = serde_json::to_string_pretty(&view(book));
    let mut text = json.expect("the view types consist of what JSON can say");
    text.push('\n');
    text
}

/// A book in the published format.
#[must_use]
pub fn view(book: &Book) -> BookView {
    let steps = book.steps().map(|(_, step)| step.is_settled());
    BookView {
        format_version: FORMAT_VERSION.to_owned(),
        instance: book.instance.clone(),
        product: book.product.id().to_owned(),
        running: book.running.to_string(),
        target: book.target.to_string(),
        method: book.method,
        made_for: book
            .made_for
            .iter()
            .map(|(name, value)| NamedView { name: name.clone(), value: value.clone() })
            .collect(),
        not_seen: book.not_seen.clone(),
        facts_of: book.facts_of,
        planned_for: book.planned_for,
        verdict: book.verdict,
        blocks: book.blocks.as_ref().map(view_blocks),
        progress: ProgressView {
            steps: book.steps().count(),
            settled: steps.filter(|settled| *settled).count(),
        },
        way: book.way.as_ref().ok().map(view_way),
        no_way: book.way.as_ref().err().map(view_no_way),
        stops: book.stops.iter().map(view_verdict).collect(),
        downtime: book.downtime.as_ref().map(view_estimate),
        since_staging: book.since_staging.clone(),
        sections: book.sections.iter().map(view_section).collect(),
        marks_elsewhere: book.marks_elsewhere.iter().map(view_mark).collect(),
    }
}

fn view_blocks(Blocks { day, check, subject }: &Blocks) -> BlocksView {
    BlocksView { day: *day, check: (*check).to_owned(), subject: subject.clone() }
}

fn view_way(Way { from, before, stops, outages, unseen }: &Way) -> WayView {
    WayView {
        from: from.to_string(),
        before: before.iter().map(view_change).collect(),
        stops: stops.iter().map(view_stop).collect(),
        outages: *outages,
        unseen: unseen.clone(),
    }
}

fn view_stop(stop: &Stop) -> StopView {
    let Stop { version, long_term_support, jump, rolling, with_jump, then, doubts } = stop;
    StopView {
        version: version.to_string(),
        long_term_support: *long_term_support,
        jump: view_jump(jump),
        rolling: rolling.as_ref().map(view_rolling),
        with_jump: with_jump.iter().map(view_change).collect(),
        then: then.iter().map(view_change).collect(),
        doubts: doubts.iter().map(view_doubt).collect(),
    }
}

fn view_jump(jump: &Jump) -> JumpView {
    let (result, ground) = match jump {
        Jump::Direct(ground) => ("direct", ground.clone()),
        Jump::Refused(ground) => ("refused", ground.clone()),
        Jump::NotKnown(page) => {
            let result = "not-known".to_owned();
            return JumpView { result, confidence: None, because: None, page: page.clone() };
        }
    };
    let Ground { confidence, because, page } = ground;
    JumpView {
        result: result.to_owned(),
        confidence: Some(sureness(confidence).to_owned()),
        because: Some(because),
        page,
    }
}

fn view_rolling(rule: &RollingRule) -> RollingView {
    RollingView {
        possible: rule.possible,
        least_nodes: rule.least_nodes,
        confidence: sureness(rule.confidence).to_owned(),
        because: rule.because.clone(),
        page: rule.page.clone(),
    }
}

fn sureness(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Confirmed => "confirmed",
        Confidence::Partial => "partial",
        Confidence::Inferred => "inferred",
    }
}

fn view_change(Change { part, from, to }: &Change) -> ChangeView {
    ChangeView { part: part.to_string(), from: from.clone(), to: to.clone() }
}

fn view_doubt(Doubt { part, value, known, contested, page }: &Doubt) -> DoubtView {
    DoubtView {
        part: part.to_string(),
        value: value.clone(),
        known: known.clone(),
        contested: *contested,
        page: page.clone(),
    }
}

fn view_no_way(NoWay { because, unless, together }: &NoWay) -> NoWayView {
    NoWayView { because: because.clone(), unless: unless.clone(), together: *together }
}

fn view_verdict(StopReport { version, verdict, findings, unknown }: &StopReport) -> StopVerdictView {
    let found = findings.iter().map(|(severity, check, summary)| StopFindingView {
        severity: *severity,
        check: (*check).to_owned(),
        summary: summary.clone(),
    });
    let unknown = unknown
        .iter()
        .map(|(check, reason)| StopUnknownView { check: (*check).to_owned(), reason: reason.clone() });
    StopVerdictView {
        version: version.to_string(),
        verdict: *verdict,
        findings: found.collect(),
        unknown: unknown.collect(),
    }
}

fn view_estimate(Estimate { time, ground }: &Estimate) -> EstimateView {
    EstimateView { time: *time, ground: ground.clone() }
}

fn view_section(section: &Section) -> SectionView {
    let Section { kind, stop, title, intro, steps } = section;
    SectionView {
        kind: kind.id().to_owned(),
        stop: stop.as_ref().map(ToString::to_string),
        title: title.clone(),
        time: section.time(),
        intro: intro.iter().map(view_block).collect(),
        steps: steps.iter().map(view_step).collect(),
    }
}

fn view_step(step: &Step) -> StepView {
    let Step { id, title, blocks, outage, optional, proofs, open, proven, time, mark } = step;
    StepView {
        id: id.clone(),
        title: title.clone(),
        settled: step.is_settled(),
        proven: *proven,
        outage: *outage,
        optional: *optional,
        time: time.as_ref().map(view_estimate),
        mark: mark.as_ref().map(view_mark),
        proofs: proofs.iter().map(view_proof).collect(),
        open: open.iter().map(view_open).collect(),
        blocks: blocks.iter().map(view_block).collect(),
    }
}

/// The profile that is kept with it is for the agent's own comparing.
fn view_mark(StepMark { target, step, state, by, at, took, note, profile: _ }: &StepMark) -> MarkView {
    MarkView {
        target: target.to_string(),
        step: step.clone(),
        state: *state,
        by: by.clone(),
        at: *at,
        took: *took,
        note: note.clone(),
    }
}

fn view_proof(Proof { check, title, evidence, seen_at }: &Proof) -> ProofView {
    ProofView {
        check: (*check).to_owned(),
        title: (*title).to_owned(),
        evidence: evidence.clone(),
        seen_at: *seen_at,
    }
}

fn view_open(open: &Open) -> OpenView {
    let Open { check, severity, subject, summary, observed, required, remedy, settled_by } = open.clone();
    OpenView { check: check.to_owned(), severity, subject, summary, observed, required, remedy, settled_by }
}

fn view_block(block: &Block) -> BlockView {
    match block.clone() {
        Block::Text(text) => BlockView::Text { text },
        Block::Caution(text) => BlockView::Caution { text },
        Block::List(items) => BlockView::List { items },
        Block::Commands { place, shell, lines } => {
            BlockView::Commands { place, shell: shell.id().to_owned(), lines }
        }
        Block::Table { head, rows } => BlockView::Table { head, rows },
    }
}
