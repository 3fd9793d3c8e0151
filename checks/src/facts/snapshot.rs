//! All sources of one instance together, and the honest way to reach them.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Application, Database, Disk, Host, Installation, Java, License, Plugins, Releases};

/// Version of the snapshot's JSON form; raised when a reader of the old form would misread the new one.
pub const SNAPSHOT_FORMAT: &str = "1.0";

/// How far a collection time may lie in the future before it proves that the clock was set back.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A product whose upgrade is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Product {
    /// Atlassian Confluence, Server and Data Center.
    Confluence,
}

impl Product {
    /// The name used in the configuration, the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Confluence => "confluence",
        }
    }

    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Confluence => "Confluence",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place facts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Source {
    /// Operating system, processors, memory, the running service's process.
    Host,
    /// File systems and sizes of the directories the instance lives in.
    Disk,
    /// Every Java that matters, and the options of the running one.
    Java,
    /// Directories, versions and configuration files of the installation.
    Installation,
    /// The product's licence.
    License,
    /// The product's database server and schema.
    Database,
    /// The running application, over HTTP.
    Application,
    /// Installed plug-ins and what is known of their compatibility.
    Plugins,
    /// The catalog of releases.
    Releases,
}

impl Source {
    /// Every source, in the order they are shown.
    pub const ALL: [Self; 9] = [
        Self::Host,
        Self::Disk,
        Self::Java,
        Self::Installation,
        Self::License,
        Self::Database,
        Self::Application,
        Self::Plugins,
        Self::Releases,
    ];

    /// The name used in the configuration, the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Disk => "disk",
            Self::Java => "java",
            Self::Installation => "installation",
            Self::License => "license",
            Self::Database => "database",
            Self::Application => "application",
            Self::Plugins => "plugins",
            Self::Releases => "releases",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Why a source could not be asked, as a closed set for metrics and advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum FailureKind {
    /// Nothing answers at the address.
    Unreachable,
    /// It answers, and refuses: wrong password, missing right, file mode.
    Denied,
    /// It did not answer within the time limit.
    Timeout,
    /// It answered something that is not what it should be.
    Malformed,
    /// The file, directory or setting does not exist.
    Absent,
    /// The collector itself broke; a defect of the agent.
    Internal,
}

impl FailureKind {
    /// Every kind, in the order they are shown.
    pub const ALL: [Self; 6] =
        [Self::Unreachable, Self::Denied, Self::Timeout, Self::Malformed, Self::Absent, Self::Internal];

    /// The name used in metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Absent => "absent",
            Self::Internal => "internal",
        }
    }
}

/// A source that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// The whole story in one line, without secrets: what failed, why, what to do.
    pub message: String,
}

/// Facts that were learned, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned<T> {
    /// When the source was asked.
    pub collected_at: Timestamp,
    /// How long the answer took.
    pub took: SignedDuration,
    /// For how long after `collected_at` the facts may be believed.
    pub fresh_for: SignedDuration,
    /// What was learned.
    pub facts: T,
}

/// What is known of one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Reading<T> {
    /// Not asked yet.
    #[default]
    Pending,
    /// Switched off by the operator.
    Off,
    /// Asked, and it answered.
    Learned(Learned<T>),
    /// Asked, and it did not answer. The last good answer is kept for display only.
    Failed {
        /// Why it failed.
        failure: Failure,
        /// When it failed.
        failed_at: Timestamp,
        /// How long the attempt took.
        took: SignedDuration,
        /// What it said when it last answered; rules never see this.
        last: Option<Learned<T>>,
    },
}

impl<T> Reading<T> {
    /// The facts, when they are there and believable at `taken_at`.
    fn believable(&self, source: Source, taken_at: Timestamp) -> Result<&T, Missing> {
        match self {
            Self::Pending => Err(Missing::Pending { of: source }),
            Self::Off => Err(Missing::Off { of: source }),
            Self::Failed { failure, .. } => Err(Missing::Failed { of: source, failure: failure.clone() }),
            Self::Learned(learned) => {
                let age = taken_at.duration_since(learned.collected_at);
                if age > learned.fresh_for {
                    Err(Missing::Stale { of: source, collected_at: learned.collected_at })
                } else if age < -CLOCK_TOLERANCE {
                    Err(Missing::ClockSetBack { of: source, collected_at: learned.collected_at })
                } else {
                    Ok(&learned.facts)
                }
            }
        }
    }

    /// The newest good answer, whatever happened since; for display and for fallbacks that say so.
    #[must_use]
    pub fn last(&self) -> Option<&Learned<T>> {
        match self {
            Self::Learned(learned) => Some(learned),
            Self::Failed { last, .. } => last.as_ref(),
            Self::Pending | Self::Off => None,
        }
    }

    fn take_last(&mut self) -> Option<Learned<T>> {
        match std::mem::take(self) {
            Self::Learned(learned) => Some(learned),
            Self::Failed { last, .. } => last,
            Self::Pending | Self::Off => None,
        }
    }
}

/// A value inside a source's facts that may have been out of reach on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field<T> {
    /// It was read.
    Read(T),
    /// It could not be read: the reason, with the right or file that was lacking.
    Unread(String),
}

impl<T> Field<T> {
    /// The value, or what is missing; `what` names it in a person's words.
    pub fn read(&self, source: Source, what: &str) -> Result<&T, Missing> {
        match self {
            Self::Read(value) => Ok(value),
            Self::Unread(why) => Err(Missing::Unread { of: source, what: what.to_owned(), why: why.clone() }),
        }
    }

    /// The value when it was read.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Unread(_) => None,
        }
    }
}

/// A fact a rule needed and could not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The source has not been asked since the agent started.
    #[error("{of}: not asked yet; `agent refresh` asks now")]
    Pending {
        /// The source.
        of: Source,
    },
    /// The operator switched the source off.
    #[error("{of}: switched off in the configuration")]
    Off {
        /// The source.
        of: Source,
    },
    /// The source could not be asked.
    #[error("{of}: {}", failure.message)]
    Failed {
        /// The source.
        of: Source,
        /// Why.
        failure: Failure,
    },
    /// The last answer is too old to be believed.
    #[error("{of}: last looked at {collected_at:.0}, too long ago to be believed")]
    Stale {
        /// The source.
        of: Source,
        /// When it last answered.
        collected_at: Timestamp,
    },
    /// The answer is from the future, so its age is not known.
    #[error("{of}: looked at {collected_at:.0}, which is in the future; the clock of this host was set back")]
    ClockSetBack {
        /// The source.
        of: Source,
        /// The impossible time.
        collected_at: Timestamp,
    },
    /// One value of a source that otherwise answered.
    #[error("{of}: {what} could not be read: {why}")]
    Unread {
        /// The source.
        of: Source,
        /// The value.
        what: String,
        /// Why.
        why: String,
    },
    /// The catalog does not know what the target needs.
    #[error("what {what} is not known to the catalog; {how_to_answer}")]
    Unknown {
        /// What is not known, to be read after "what".
        what: String,
        /// The vendor page to look at and how to answer once and for all.
        how_to_answer: String,
    },
    /// The rule itself broke; a defect of the agent.
    #[error("the check {check} is broken; please report this with the agent's log")]
    Broken {
        /// Its id.
        check: &'static str,
    },
}

/// The facts of one source, as a collector returns them.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    /// See [`Source::Host`].
    Host(Host),
    /// See [`Source::Disk`].
    Disk(Disk),
    /// See [`Source::Java`].
    Java(Java),
    /// See [`Source::Installation`].
    Installation(Box<Installation>),
    /// See [`Source::License`].
    License(License),
    /// See [`Source::Database`].
    Database(Box<Database>),
    /// See [`Source::Application`].
    Application(Application),
    /// See [`Source::Plugins`].
    Plugins(Plugins),
    /// See [`Source::Releases`].
    Releases(Releases),
}

impl Section {
    /// The source these facts come from.
    #[must_use]
    pub fn source(&self) -> Source {
        match self {
            Self::Host(_) => Source::Host,
            Self::Disk(_) => Source::Disk,
            Self::Java(_) => Source::Java,
            Self::Installation(_) => Source::Installation,
            Self::License(_) => Source::License,
            Self::Database(_) => Source::Database,
            Self::Application(_) => Source::Application,
            Self::Plugins(_) => Source::Plugins,
            Self::Releases(_) => Source::Releases,
        }
    }
}

/// When a source was asked, how long it took, and how long its answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: SignedDuration,
    /// How long the facts may be believed.
    pub fresh_for: SignedDuration,
}

/// How a source stands, without its facts: what surfaces show.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceState<'a> {
    /// The source.
    pub source: Source,
    /// One word for the state.
    pub condition: Condition,
    /// When facts were last learned, however long ago.
    pub collected_at: Option<Timestamp>,
    /// How long the newest attempt took.
    pub took: Option<SignedDuration>,
    /// Why the newest attempt failed.
    pub failure: Option<&'a Failure>,
}

/// One word for how a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Condition {
    /// Not asked yet.
    Pending,
    /// Switched off.
    Off,
    /// Answered, and recently enough.
    Ok,
    /// Answered too long ago, or in the future.
    Stale,
    /// The newest attempt failed.
    Failed,
}

/// All that is known of an instance at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// [`SNAPSHOT_FORMAT`] of the writer.
    pub format_version: String,
    /// Name of the instance, as in the configuration.
    pub instance: String,
    /// The product it runs.
    pub product: Product,
    /// When the snapshot was put together; the age of facts is judged at this moment.
    pub taken_at: Timestamp,
    /// See [`Source::Host`].
    pub host: Reading<Host>,
    /// See [`Source::Disk`].
    pub disk: Reading<Disk>,
    /// See [`Source::Java`].
    pub java: Reading<Java>,
    /// See [`Source::Installation`].
    pub installation: Reading<Box<Installation>>,
    /// See [`Source::License`].
    pub license: Reading<License>,
    /// See [`Source::Database`].
    pub database: Reading<Box<Database>>,
    /// See [`Source::Application`].
    pub application: Reading<Application>,
    /// See [`Source::Plugins`].
    pub plugins: Reading<Plugins>,
    /// See [`Source::Releases`].
    pub releases: Reading<Releases>,
}

/// Runs the same expression on the reading of a source, whatever the type of its facts.
macro_rules! with_reading {
    ([$($borrow:tt)+] $snapshot:ident, $source:expr, $reading:ident => $body:expr) => {
        match $source {
            Source::Host => { let $reading = $($borrow)+ $snapshot.host; $body }
            Source::Disk => { let $reading = $($borrow)+ $snapshot.disk; $body }
            Source::Java => { let $reading = $($borrow)+ $snapshot.java; $body }
            Source::Installation => { let $reading = $($borrow)+ $snapshot.installation; $body }
            Source::License => { let $reading = $($borrow)+ $snapshot.license; $body }
            Source::Database => { let $reading = $($borrow)+ $snapshot.database; $body }
            Source::Application => { let $reading = $($borrow)+ $snapshot.application; $body }
            Source::Plugins => { let $reading = $($borrow)+ $snapshot.plugins; $body }
            Source::Releases => { let $reading = $($borrow)+ $snapshot.releases; $body }
        }
    };
}

impl Snapshot {
    /// A snapshot of an instance nothing is known of yet.
    #[must_use]
    pub fn empty(instance: &str, product: Product, taken_at: Timestamp) -> Self {
        Self {
            format_version: SNAPSHOT_FORMAT.to_owned(),
            instance: instance.to_owned(),
            product,
            taken_at,
            host: Reading::Pending,
            disk: Reading::Pending,
            java: Reading::Pending,
            installation: Reading::Pending,
            license: Reading::Pending,
            database: Reading::Pending,
            application: Reading::Pending,
            plugins: Reading::Pending,
            releases: Reading::Pending,
        }
    }

    /// Takes in what a source answered.
    pub fn learn(&mut self, section: Section, asked: Asked) {
        fn put<T>(reading: &mut Reading<T>, facts: T, asked: Asked) {
            let Asked { at: collected_at, took, fresh_for } = asked;
            *reading = Reading::Learned(Learned { collected_at, took, fresh_for, facts });
        }
        match section {
            Section::Host(facts) => put(&mut self.host, facts, asked),
            Section::Disk(facts) => put(&mut self.disk, facts, asked),
            Section::Java(facts) => put(&mut self.java, facts, asked),
            Section::Installation(facts) => put(&mut self.installation, facts, asked),
            Section::License(facts) => put(&mut self.license, facts, asked),
            Section::Database(facts) => put(&mut self.database, facts, asked),
            Section::Application(facts) => put(&mut self.application, facts, asked),
            Section::Plugins(facts) => put(&mut self.plugins, facts, asked),
            Section::Releases(facts) => put(&mut self.releases, facts, asked),
        }
    }

    /// Takes in that a source could not be asked; what it said last is kept for display.
    pub fn fail(&mut self, source: Source, failure: Failure, asked: Asked) {
        with_reading!([&mut] self, source, reading => {
            let last = reading.take_last();
            *reading = Reading::Failed { failure, failed_at: asked.at, took: asked.took, last };
        });
    }

    /// Forgets a source: it is not asked (any more).
    pub fn switch_off(&mut self, source: Source) {
        with_reading!([&mut] self, source, reading => *reading = Reading::Off);
    }

    /// Expects an answer from a source that was switched off before.
    pub fn switch_on(&mut self, source: Source) {
        with_reading!([&mut] self, source, reading => {
            if matches!(reading, Reading::Off) {
                *reading = Reading::Pending;
            }
        });
    }

    /// How a source stands.
    #[must_use]
    pub fn state(&self, source: Source) -> SourceState<'_> {
        fn of<T>(reading: &Reading<T>, source: Source, taken_at: Timestamp) -> SourceState<'_> {
            let condition = match reading.believable(source, taken_at) {
                Ok(_) => Condition::Ok,
                Err(Missing::Pending { .. }) => Condition::Pending,
                Err(Missing::Off { .. }) => Condition::Off,
                Err(Missing::Stale { .. } | Missing::ClockSetBack { .. }) => Condition::Stale,
                Err(
                    Missing::Failed { .. }
                    | Missing::Unread { .. }
                    | Missing::Unknown { .. }
                    | Missing::Broken { .. },
                ) => Condition::Failed,
            };
            let (took, failure) = match reading {
                Reading::Pending | Reading::Off => (None, None),
                Reading::Learned(learned) => (Some(learned.took), None),
                Reading::Failed { failure, took, .. } => (Some(*took), Some(failure)),
            };
            let collected_at = reading.last().map(|learned| learned.collected_at);
            SourceState { source, condition, collected_at, took, failure }
        }
        with_reading!([&] self, source, reading => of(reading, source, self.taken_at))
    }

    /// Host facts, when they can be believed.
    pub fn host(&self) -> Result<&Host, Missing> {
        self.host.believable(Source::Host, self.taken_at)
    }

    /// Disk facts, when they can be believed.
    pub fn disk(&self) -> Result<&Disk, Missing> {
        self.disk.believable(Source::Disk, self.taken_at)
    }

    /// Java facts, when they can be believed.
    pub fn java(&self) -> Result<&Java, Missing> {
        self.java.believable(Source::Java, self.taken_at)
    }

    /// Installation facts, when they can be believed.
    pub fn installation(&self) -> Result<&Installation, Missing> {
        self.installation.believable(Source::Installation, self.taken_at).map(AsRef::as_ref)
    }

    /// Licence facts, when they can be believed.
    pub fn license(&self) -> Result<&License, Missing> {
        self.license.believable(Source::License, self.taken_at)
    }

    /// Database facts, when they can be believed.
    pub fn database(&self) -> Result<&Database, Missing> {
        self.database.believable(Source::Database, self.taken_at).map(AsRef::as_ref)
    }

    /// Application facts, when they can be believed.
    pub fn application(&self) -> Result<&Application, Missing> {
        self.application.believable(Source::Application, self.taken_at)
    }

    /// Plug-in facts, when they can be believed.
    pub fn plugins(&self) -> Result<&Plugins, Missing> {
        self.plugins.believable(Source::Plugins, self.taken_at)
    }

    /// Catalog facts, when they can be believed.
    pub fn releases(&self) -> Result<&Releases, Missing> {
        self.releases.believable(Source::Releases, self.taken_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn releases() -> Section {
        Section::Releases(Releases {
            origin: "embedded".into(),
            collected_on: jiff::civil::date(2026, 11, 20),
            digest: String::new(),
        })
    }

    fn asked(when: &str) -> Asked {
        Asked { at: at(when), took: SignedDuration::from_millis(5), fresh_for: SignedDuration::from_mins(10) }
    }

    #[test]
    fn only_fresh_facts_reach_a_rule() {
        let mut snapshot = Snapshot::empty("wiki", Product::Confluence, at("2026-11-20T20:00:00Z"));
        assert!(matches!(snapshot.releases(), Err(Missing::Pending { .. })));

        snapshot.learn(releases(), asked("2026-11-20T19:50:00Z"));
        assert!(snapshot.releases().is_ok(), "exactly as old as allowed");

        snapshot.taken_at = at("2026-11-20T20:00:01Z");
        assert!(matches!(snapshot.releases(), Err(Missing::Stale { .. })));

        snapshot.taken_at = at("2026-11-20T19:40:00Z");
        assert!(matches!(snapshot.releases(), Err(Missing::ClockSetBack { .. })));

        snapshot.switch_off(Source::Releases);
        assert!(matches!(snapshot.releases(), Err(Missing::Off { .. })));
    }

    #[test]
    fn a_failure_keeps_the_last_answer_for_display_only() {
        let mut snapshot = Snapshot::empty("wiki", Product::Confluence, at("2026-11-20T20:00:00Z"));
        snapshot.learn(releases(), asked("2026-11-20T19:59:00Z"));
        let failure = Failure { kind: FailureKind::Timeout, message: "no answer in 10 s".into() };
        for _ in 0..2 {
            snapshot.fail(Source::Releases, failure.clone(), asked("2026-11-20T20:00:00Z"));
        }
        assert!(matches!(snapshot.releases(), Err(Missing::Failed { .. })));
        let state = snapshot.state(Source::Releases);
        assert_eq!(state.condition, Condition::Failed);
        assert_eq!(state.collected_at, Some(at("2026-11-20T19:59:00Z")));
        assert_eq!(state.failure, Some(&failure));
    }

    #[test]
    fn every_source_has_its_own_state_and_name() {
        let mut snapshot = Snapshot::empty("wiki", Product::Confluence, at("2026-11-20T20:00:00Z"));
        for source in Source::ALL {
            snapshot.switch_off(source);
            assert_eq!(snapshot.state(source).condition, Condition::Off);
            assert_eq!(serde_names(source), source.id());
        }
    }

    fn serde_names(source: Source) -> String {
        toml::Value::try_from(source).unwrap().as_str().unwrap().to_owned()
    }
}
