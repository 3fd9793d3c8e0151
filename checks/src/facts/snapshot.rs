//! All sources of one instance together, and the honest way to reach them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Application, Backups, Custom, Database, Disk, Failure, Files, Host, Installation, Java, Learned, License,
    Memory, Missing, Plugins, Product, Reading, Rehearsal, Releases, Source, Traffic,
};

/// Version of the snapshot's JSON form; raised when a reader of the old form would misread the new one.
pub const SNAPSHOT_FORMAT: &str = "1.0";

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
    /// See [`Source::Files`].
    Files(Files),
    /// See [`Source::License`].
    License(License),
    /// See [`Source::Database`].
    Database(Box<Database>),
    /// See [`Source::Application`].
    Application(Application),
    /// See [`Source::Plugins`].
    Plugins(Plugins),
    /// See [`Source::Backups`].
    Backups(Backups),
    /// See [`Source::Traffic`].
    Traffic(Traffic),
    /// See [`Source::Releases`].
    Releases(Releases),
    /// See [`Source::Rehearsal`].
    Rehearsal(Rehearsal),
    /// See [`Source::Custom`].
    Custom(Custom),
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
            Self::Files(_) => Source::Files,
            Self::License(_) => Source::License,
            Self::Database(_) => Source::Database,
            Self::Application(_) => Source::Application,
            Self::Plugins(_) => Source::Plugins,
            Self::Backups(_) => Source::Backups,
            Self::Traffic(_) => Source::Traffic,
            Self::Releases(_) => Source::Releases,
            Self::Rehearsal(_) => Source::Rehearsal,
            Self::Custom(_) => Source::Custom,
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
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
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
    /// See [`Source::Files`].
    #[serde(default)]
    pub files: Reading<Files>,
    /// See [`Source::License`].
    pub license: Reading<License>,
    /// See [`Source::Database`].
    pub database: Reading<Box<Database>>,
    /// See [`Source::Application`].
    pub application: Reading<Application>,
    /// See [`Source::Plugins`].
    pub plugins: Reading<Plugins>,
    /// See [`Source::Backups`].
    #[serde(default)]
    pub backups: Reading<Backups>,
    /// See [`Source::Traffic`].
    #[serde(default)]
    pub traffic: Reading<Traffic>,
    /// See [`Source::Releases`].
    pub releases: Reading<Releases>,
    /// See [`Source::Rehearsal`].
    #[serde(default)]
    pub rehearsal: Reading<Rehearsal>,
    /// See [`Source::Custom`].
    #[serde(default)]
    pub custom: Reading<Custom>,
    /// What is remembered of the instance; nothing when nobody remembers.
    #[serde(default)]
    pub memory: Memory,
}

/// Runs the same expression on the reading of a source, whatever the type of its facts.
macro_rules! with_reading {
    ([$($borrow:tt)+] $snapshot:ident, $source:expr, $reading:ident => $body:expr) => {
        match $source {
            Source::Host => { let $reading = $($borrow)+ $snapshot.host; $body }
            Source::Disk => { let $reading = $($borrow)+ $snapshot.disk; $body }
            Source::Java => { let $reading = $($borrow)+ $snapshot.java; $body }
            Source::Installation => { let $reading = $($borrow)+ $snapshot.installation; $body }
            Source::Files => { let $reading = $($borrow)+ $snapshot.files; $body }
            Source::License => { let $reading = $($borrow)+ $snapshot.license; $body }
            Source::Database => { let $reading = $($borrow)+ $snapshot.database; $body }
            Source::Application => { let $reading = $($borrow)+ $snapshot.application; $body }
            Source::Plugins => { let $reading = $($borrow)+ $snapshot.plugins; $body }
            Source::Backups => { let $reading = $($borrow)+ $snapshot.backups; $body }
            Source::Traffic => { let $reading = $($borrow)+ $snapshot.traffic; $body }
            Source::Releases => { let $reading = $($borrow)+ $snapshot.releases; $body }
            Source::Rehearsal => { let $reading = $($borrow)+ $snapshot.rehearsal; $body }
            Source::Custom => { let $reading = $($borrow)+ $snapshot.custom; $body }
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
            files: Reading::Pending,
            license: Reading::Pending,
            database: Reading::Pending,
            application: Reading::Pending,
            plugins: Reading::Pending,
            backups: Reading::Pending,
            traffic: Reading::Pending,
            releases: Reading::Pending,
            rehearsal: Reading::Pending,
            custom: Reading::Pending,
            memory: Memory::default(),
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
            Section::Files(facts) => put(&mut self.files, facts, asked),
            Section::License(facts) => put(&mut self.license, facts, asked),
            Section::Database(facts) => put(&mut self.database, facts, asked),
            Section::Application(facts) => put(&mut self.application, facts, asked),
            Section::Plugins(facts) => put(&mut self.plugins, facts, asked),
            Section::Backups(facts) => put(&mut self.backups, facts, asked),
            Section::Traffic(facts) => put(&mut self.traffic, facts, asked),
            Section::Releases(facts) => put(&mut self.releases, facts, asked),
            Section::Rehearsal(facts) => put(&mut self.rehearsal, facts, asked),
            Section::Custom(facts) => put(&mut self.custom, facts, asked),
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
                    | Missing::NotConfigured { .. }
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

    /// Facts about changed files, when they can be believed.
    pub fn files(&self) -> Result<&Files, Missing> {
        self.files.believable(Source::Files, self.taken_at)
    }

    /// Backup facts, when they can be believed.
    pub fn backups(&self) -> Result<&Backups, Missing> {
        self.backups.believable(Source::Backups, self.taken_at)
    }

    /// Traffic facts, when they can be believed.
    pub fn traffic(&self) -> Result<&Traffic, Missing> {
        self.traffic.believable(Source::Traffic, self.taken_at)
    }

    /// Facts about the staging instance, when they can be believed.
    pub fn rehearsal(&self) -> Result<&Rehearsal, Missing> {
        self.rehearsal.believable(Source::Rehearsal, self.taken_at)
    }

    /// Facts of the operator's own probes, when they can be believed.
    pub fn custom(&self) -> Result<&Custom, Missing> {
        self.custom.believable(Source::Custom, self.taken_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::FailureKind;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn releases() -> Section {
        Section::Releases(Releases::unrefreshed("embedded", jiff::civil::date(2026, 11, 20), String::new()))
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
