//! Metrics: the board as gauges, and how asking the sources went as counters and histograms.
//!
//! Gauges are built anew from the board each time, so that what has gone is gone from them too. A fact
//! that is stale or could not be had is absent, never its old value. Nothing runs on a scrape.

mod definition;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use upgrade_readiness_checks::facts::{
    Condition, FailureKind, LicenseText, Product, Snapshot, Source, Until,
};
use upgrade_readiness_checks::model::{Requested, Severity, Verdict};

pub use definition::{ALL, Definition, Kind};

use crate::board::{Board, InstanceState, JudgedTarget, TargetState};

/// The revision the agent was built from.
pub const REVISION: &str = match option_env!("AGENT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Seconds; from a file read to a walk through millions of files.
const BUCKETS: [f64; 11] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What must be remembered between boards: how asking the sources went.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    durations: HistogramVec,
    failures: IntCounterVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Panics
    ///
    /// Never: a test registers every metric of the table.
    #[must_use]
    pub fn new() -> Self {
        const SOUND: &str = "a test registers every metric of the table";
        let registry = Registry::new();
        let Definition { name, help, labels, .. } = definition::SOURCE_DURATION;
        let durations =
            HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels).expect(SOUND);
        let Definition { name, help, labels, .. } = definition::SOURCE_FAILURES;
        let failures = IntCounterVec::new(Opts::new(name, help), labels).expect(SOUND);
        registry.register(Box::new(durations.clone())).expect(SOUND);
        registry.register(Box::new(failures.clone())).expect(SOUND);
        Self { registry, durations, failures }
    }

    /// Counts one attempt to ask a source; the schedule calls this after each.
    pub fn observe_source(
        &self,
        site: &str,
        source: Source,
        took: SignedDuration,
        failure: Option<FailureKind>,
    ) {
        self.durations.with_label_values(&[site, source.id()]).observe(took.as_secs_f64().max(0.0));
        if let Some(kind) = failure {
            self.failures.with_label_values(&[site, source.id(), kind.id()]).inc();
        }
    }

    /// The board in Prometheus' text format; `status_written_at` is when the status file was last
    /// written.
    ///
    /// # Panics
    ///
    /// Never: what a registry gathers can be encoded.
    #[must_use]
    pub fn encode(&self, board: &Board, status_written_at: Option<Timestamp>) -> String {
        let gauges = Gauges::of(board, status_written_at);
        self.count_from_zero(board);
        let mut families = gauges.registry.gather();
        families.extend(self.gather_for(board));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        TextEncoder::new().encode_to_string(&families).expect("what a registry gathers can be encoded")
    }

    /// Lets every counter start at zero: the first failure could not be seen as an increase otherwise.
    fn count_from_zero(&self, board: &Board) {
        for instance in &board.instances {
            for source in Source::ALL {
                if instance.snapshot.state(source).condition != Condition::Off {
                    for kind in FailureKind::ALL {
                        self.failures.with_label_values(&[&instance.name, source.id(), kind.id()]);
                    }
                }
            }
        }
    }

    /// What was counted, without instances that are no longer watched.
    fn gather_for(&self, board: &Board) -> Vec<MetricFamily> {
        let sites: BTreeSet<&str> = board.instances.iter().map(|instance| instance.name.as_str()).collect();
        let mut families = self.registry.gather();
        for family in &mut families {
            family.mut_metric().retain(|metric| {
                metric.get_label().iter().any(|label| label.name() == "site" && sites.contains(label.value()))
            });
        }
        families.retain(|family| !family.get_metric().is_empty());
        families
    }
}

/// The gauges of one board.
struct Gauges {
    registry: Registry,
    vectors: BTreeMap<&'static str, GaugeVec>,
}

impl Gauges {
    fn of(board: &Board, status_written_at: Option<Timestamp>) -> Self {
        let mut gauges = Self { registry: Registry::new(), vectors: BTreeMap::new() };
        gauges.set(&definition::AGENT_BUILD, &[env!("CARGO_PKG_VERSION"), REVISION], 1.0);
        if let Some(at) = status_written_at {
            gauges.set(&definition::STATUS_FILE, &[], seconds(at));
        }
        gauges.catalogs(board);
        gauges.fleet(board);
        for instance in &board.instances {
            gauges.sources(instance);
            gauges.domain(&instance.name, &instance.snapshot);
            if let Some(end) = instance.word_ends().and_then(|day| start_of(day.tomorrow().ok()?)) {
                gauges.set(&definition::WAIVER_ENDS, &[&instance.name], seconds(end));
            }
            for target in &instance.targets {
                gauges.target(instance, target);
            }
        }
        gauges
    }

    /// Sets one series; `values` stand in the order of the definition's labels.
    fn set(&mut self, of: &'static Definition, values: &[&str], value: f64) {
        const SOUND: &str = "a test sets every gauge of the table";
        let registry = &self.registry;
        let vector = self.vectors.entry(of.name).or_insert_with(|| {
            let vector = GaugeVec::new(Opts::new(of.name, of.help), of.labels).expect(SOUND);
            registry.register(Box::new(vector.clone())).expect(SOUND);
            vector
        });
        vector.get_metric_with_label_values(values).expect(SOUND).set(value);
    }

    fn fleet(&mut self, board: &Board) {
        let Some(fleet) = &board.fleet else { return };
        if let Some(up) = fleet.up {
            self.set(&definition::FLEET_STORE_UP, &[], if up { 1.0 } else { 0.0 });
        }
        if let Some(unsent) = fleet.unsent {
            self.set(&definition::FLEET_UNSENT, &[], float(unsent));
        }
        if let Some(at) = fleet.oldest_unsent {
            self.set(&definition::FLEET_UNSENT_OLDEST, &[], seconds(at));
        }
        for ((site, source), leads) in &fleet.leads {
            self.set(&definition::FLEET_LEADER, &[site, source.id()], if *leads { 1.0 } else { 0.0 });
        }
    }

    /// Instances of a product share its catalog; where they do not, the oldest counts.
    fn catalogs(&mut self, board: &Board) {
        let mut oldest: BTreeMap<Product, Date> = BTreeMap::new();
        for instance in &board.instances {
            if let Ok(releases) = instance.snapshot.releases() {
                let day = oldest.entry(instance.product).or_insert(releases.collected_on);
                *day = (*day).min(releases.collected_on);
            }
        }
        for (product, day) in oldest {
            if let Some(at) = start_of(day) {
                self.set(&definition::CATALOG, &[product.id()], seconds(at));
            }
        }
    }

    fn sources(&mut self, instance: &InstanceState) {
        let site = instance.name.as_str();
        for source in Source::ALL {
            let state = instance.snapshot.state(source);
            let up = match state.condition {
                Condition::Off => continue,
                Condition::Ok => 1.0,
                Condition::Pending | Condition::Stale | Condition::Failed => 0.0,
            };
            self.set(&definition::SOURCE_UP, &[site, source.id()], up);
            if let Some(at) = state.collected_at {
                self.set(&definition::SOURCE_COLLECTED, &[site, source.id()], seconds(at));
            }
        }
    }

    fn domain(&mut self, site: &str, snapshot: &Snapshot) {
        if let Ok(disk) = snapshot.disk() {
            for filesystem in &disk.filesystems {
                let labels = [site, filesystem.mount_point.as_str()];
                self.set(&definition::FILESYSTEM_FREE, &labels, float(filesystem.free_bytes));
            }
        }
        if let Ok(database) = snapshot.database()
            && let Some(sessions) = database.sessions.value()
            && sessions.hidden.is_none()
        {
            self.set(&definition::DATABASE_SESSIONS, &[site], float(sessions.count));
        }
        if let Ok(backups) = snapshot.backups() {
            for set in &backups.sets {
                let finished = set.backups.value().into_iter().flatten().filter(|one| !one.being_written);
                if let Some(newest) = finished.map(|one| one.finished_at).max() {
                    self.set(&definition::BACKUP, &[site, set.kind.id()], seconds(newest));
                }
            }
        }
        if let Ok(license) = snapshot.license()
            && let LicenseText::Terms(terms) = &license.text
        {
            if let Some(end) = end_of(&terms.expires) {
                self.set(&definition::LICENSE_EXPIRY, &[site], seconds(end));
            }
            if let Some(end) = end_of(&terms.maintenance_ends) {
                self.set(&definition::LICENSE_MAINTENANCE_EXPIRY, &[site], seconds(end));
            }
        }
    }

    fn target(&mut self, instance: &InstanceState, target: &TargetState) {
        let site = instance.name.as_str();
        match target {
            TargetState::Judged(judged) => self.judged(instance, judged),
            // It has no version; what was asked for stands in its place, so that an alert can name it.
            TargetState::Unresolved { requested, .. } => {
                self.target_verdict(site, &requested.to_string(), requested, Verdict::Unknown);
            }
        }
    }

    fn judged(&mut self, instance: &InstanceState, judged: &JudgedTarget) {
        let site = instance.name.as_str();
        let report = &judged.report;
        let target = report.version.as_str();
        self.target_verdict(site, target, &report.requested, report.verdict);
        for check in &report.checks {
            for verdict in Verdict::ALL {
                let labels = [site, target, check.id, verdict.id()];
                self.set(&definition::CHECK_VERDICT, &labels, flag(verdict == check.verdict));
            }
        }
        for severity in Severity::ALL {
            let findings = report.checks.iter().flat_map(|check| &check.findings);
            let count = findings.filter(|dated| dated.counts() && dated.finding.severity == severity).count();
            self.set(&definition::FINDINGS, &[site, target, severity.id()], float(count as u64));
        }
        self.set(&definition::FINDINGS_WAIVED, &[site, target], float(report.waived() as u64));
        self.set(&definition::CHECKS_DECIDED, &[site, target], float(report.decided() as u64));
        self.set(&definition::CHECKS_PLANNED, &[site, target], float(report.planned() as u64));
        if let Some(at) = judged.blocks_at {
            self.set(&definition::BLOCKS_AT, &[site, target], seconds(at));
        }
        if instance.snapshot.disk().is_ok() {
            for (mountpoint, bytes) in &judged.disk_needs {
                self.set(&definition::FILESYSTEM_REQUIRED, &[site, target, mountpoint], float(*bytes));
            }
        }
        if instance.snapshot.plugins().is_ok() {
            for (state, count) in &judged.plugin_counts {
                self.set(&definition::PLUGINS, &[site, target, state], float(*count));
            }
        }
    }

    fn target_verdict(&mut self, site: &str, target: &str, requested: &Requested, is: Verdict) {
        let requested = requested.to_string();
        for verdict in Verdict::ALL {
            let labels = [site, target, requested.as_str(), verdict.id()];
            self.set(&definition::TARGET_VERDICT, &labels, flag(verdict == is));
        }
    }
}

fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers; 2^53 bytes are 9 PB")]
fn float(number: u64) -> f64 {
    number as f64
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

fn start_of(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The first moment at which something that holds through a day holds no longer.
fn end_of(until: &Until) -> Option<Timestamp> {
    match until {
        Until::Day(day) => start_of(day.tomorrow().ok()?),
        Until::NotStated | Until::Forever | Until::AfterActivation(_) | Until::Unreadable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::{Asked, Failure, Field};

    use super::*;
    use crate::board::fleet::FleetState;
    use crate::surface::sample;

    /// The value of a series, written as in the text.
    fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    fn spoil(board: &mut Board, change: impl FnOnce(&mut Snapshot)) {
        let instance = std::sync::Arc::make_mut(&mut board.instances[0]);
        let mut snapshot = (*instance.snapshot).clone();
        change(&mut snapshot);
        instance.snapshot = snapshot.into();
    }

    fn in_a_fleet() -> Board {
        let leads = [Source::Database, Source::Plugins].map(|source| ("wiki".to_owned(), source));
        let leads = leads.into_iter().zip([true, false]).collect();
        let oldest_unsent = Some(sample::now());
        let fleet =
            FleetState { up: Some(false), unsent: Some(2), oldest_unsent, leads, ..FleetState::default() };
        Board { fleet: Some(fleet), ..sample::board() }
    }

    #[test]
    fn how_the_shared_store_stands_can_be_read() {
        let text = Metrics::new().encode(&in_a_fleet(), None);
        let rows = [
            ("fleet_store_up", Some("0")),
            ("fleet_unsent_changes", Some("2")),
            (r#"fleet_leader{site="wiki",source="database"}"#, Some("1")),
            (r#"fleet_leader{site="wiki",source="plugins"}"#, Some("0")),
            (r#"fleet_leader{site="wiki",source="host"}"#, None),
        ];
        for (series, expected) in rows {
            assert_eq!(value(&text, &format!("upgrade_readiness_{series}")), expected, "{series}");
        }
        // Without a shared store there is nothing to say of one.
        assert!(!Metrics::new().encode(&sample::board(), None).contains("_fleet_"));
    }

    #[test]
    fn every_metric_of_the_table_is_there_with_its_type_and_labels_and_no_other() {
        let metrics = Metrics::new();
        let took = SignedDuration::from_millis(120);
        metrics.observe_source("wiki", Source::Database, took, Some(FailureKind::Denied));
        let text = metrics.encode(&in_a_fleet(), Some(sample::now()));
        for definition in ALL {
            let kind = format!("{:?}", definition.kind).to_lowercase();
            assert!(text.contains(&format!("# TYPE {} {kind}\n", definition.name)), "{}", definition.name);
            assert!(text.contains(&format!("# HELP {} ", definition.name)), "{}", definition.name);
            let mut labels = definition.labels.to_vec();
            labels.sort_unstable();
            let series = text.lines().find(|line| line.starts_with(definition.name)).unwrap();
            let found: Vec<_> = series.split(['{', ',']).filter_map(|part| part.split_once("=\"")).collect();
            let found: Vec<_> =
                found.into_iter().map(|(name, _)| name).filter(|name| *name != "le").collect();
            assert_eq!(found, labels, "{series}");
        }
        let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(families, ALL.len());
    }

    #[test]
    fn the_board_can_be_read_from_the_gauges() {
        let metrics = Metrics::new();
        let text = metrics.encode(&sample::board(), None);
        let rows = [
            (
                r#"target_verdict{requested="latest-lts",site="wiki",target="10.2.14",verdict="blocked"}"#,
                Some("1"),
            ),
            (
                r#"target_verdict{requested="latest-lts",site="wiki",target="10.2.14",verdict="ready"}"#,
                Some("0"),
            ),
            (r#"target_verdict{requested="next",site="docs",target="next",verdict="unknown"}"#, Some("1")),
            (
                r#"check_verdict{check="license-covers-target",site="wiki",target="10.2.14",verdict="blocked"}"#,
                Some("1"),
            ),
            (r#"findings{severity="blocker",site="wiki",target="10.2.14"}"#, Some("2")),
            // The clock that was waived counts apart.
            (r#"findings{severity="warning",site="wiki",target="10.2.14"}"#, Some("2")),
            (r#"findings_waived{site="wiki",target="10.2.14"}"#, Some("1")),
            (r#"findings_waived{site="wiki",target="9.2.10"}"#, Some("0")),
            // The waiver holds through 31 January 2026, and ends before the sign-off.
            (r#"waiver_ends_timestamp_seconds{site="wiki"}"#, Some("1769904000")),
            (r#"waiver_ends_timestamp_seconds{site="docs"}"#, None),
            // The licence holds through 31 December 2026.
            (r#"license_expiry_timestamp_seconds{site="wiki"}"#, Some("1798761600")),
            (r#"catalog_timestamp_seconds{product="confluence"}"#, Some("1763596800")),
            (r#"source_up{site="wiki",source="java"}"#, Some("1")),
            (r#"source_up{site="wiki",source="database"}"#, Some("0")),
            (r#"source_up{site="docs",source="plugins"}"#, None),
            (r#"database_sessions{site="docs"}"#, Some("20")),
            (r#"database_sessions{site="wiki"}"#, None),
            (r#"source_failures_total{reason="denied",site="wiki",source="database"}"#, Some("0")),
            (r#"blocks_at_timestamp_seconds{site="wiki",target="9.2.10"}"#, None),
            ("status_file_timestamp_seconds", None),
        ];
        for (series, expected) in rows {
            assert_eq!(value(&text, &format!("upgrade_readiness_{series}")), expected, "{series}");
        }
    }

    #[test]
    fn facts_that_cannot_be_believed_are_absent() {
        let domain = [
            "filesystem_free_bytes",
            "filesystem_required_bytes",
            "license_expiry",
            "license_maintenance",
            "plugins",
        ];
        let has = |board: &Board| {
            let text = Metrics::new().encode(board, None);
            domain.map(|name| text.contains(&format!("\nupgrade_readiness_{name}")))
        };
        let mut board = sample::board();
        board.instances.truncate(1);
        assert_eq!(has(&board), [true; 5]);

        let mut failed = board.clone();
        spoil(&mut failed, |snapshot| {
            let took = SignedDuration::from_secs(1);
            let asked = Asked { at: snapshot.taken_at, took, fresh_for: took };
            for source in [Source::Disk, Source::License, Source::Plugins] {
                let failure = Failure { kind: FailureKind::Denied, message: "may not".into() };
                snapshot.fail(source, failure, asked);
            }
        });
        assert_eq!(has(&failed), [false; 5]);

        let mut stale = board;
        spoil(&mut stale, |snapshot| snapshot.taken_at += SignedDuration::from_hours(1000));
        assert_eq!(has(&stale), [false; 5]);
        let text = Metrics::new().encode(&stale, None);
        assert_eq!(value(&text, r#"upgrade_readiness_source_up{site="wiki",source="disk"}"#), Some("0"));
    }

    /// Fewer than there are would be worse than no number.
    #[test]
    fn sessions_are_counted_when_all_of_them_are_shown() {
        let with = |change: fn(&mut upgrade_readiness_checks::facts::Database)| {
            let mut board = sample::board();
            spoil(&mut board, |snapshot| {
                let mut database = sample::board().instances[1].snapshot.database().unwrap().clone();
                change(&mut database);
                let took = SignedDuration::ZERO;
                let asked = Asked { at: snapshot.taken_at, took, fresh_for: SignedDuration::from_hours(1) };
                let section = upgrade_readiness_checks::facts::Section::Database(Box::new(database));
                snapshot.learn(section, asked);
            });
            let text = Metrics::new().encode(&board, None);
            value(&text, r#"upgrade_readiness_database_sessions{site="wiki"}"#).map(str::to_owned)
        };
        let hide = |database: &mut upgrade_readiness_checks::facts::Database| {
            let mut sessions = database.sessions.value().unwrap().clone();
            sessions.hidden = Some("GRANT PROCESS".into());
            database.sessions = Field::Read(sessions);
        };
        assert_eq!(with(|_| {}).as_deref(), Some("20"));
        assert_eq!(with(hide), None);
        assert_eq!(with(|database| database.sessions = Field::Unread("denied".into())), None);
    }

    #[test]
    fn instances_that_are_no_longer_watched_disappear() {
        let metrics = Metrics::new();
        let took = SignedDuration::from_secs(2);
        for site in ["wiki", "gone"] {
            metrics.observe_source(site, Source::Java, took, Some(FailureKind::Timeout));
        }
        let text = metrics.encode(&sample::board(), None);
        assert!(!text.contains("gone"));
        let failures =
            r#"upgrade_readiness_source_failures_total{reason="timeout",site="wiki",source="java"}"#;
        assert_eq!(value(&text, failures), Some("1"));
        let count = r#"upgrade_readiness_source_duration_seconds_count{site="wiki",source="java"}"#;
        assert_eq!(value(&text, count), Some("1"));

        // Nobody to watch is still a scrape that can be read.
        let text = metrics.encode(&Board::default(), None);
        assert!(text.starts_with("# HELP upgrade_readiness_agent_build_info"));
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn hostile_names_stay_inside_their_label() {
        let mut board = sample::board();
        spoil(&mut board, |snapshot| {
            let mut disk = snapshot.disk().unwrap().clone();
            disk.filesystems[0].mount_point = "/a\"} 1\nupgrade_readiness_findings 0\\".into();
            snapshot.learn(
                upgrade_readiness_checks::facts::Section::Disk(disk),
                Asked {
                    at: snapshot.taken_at,
                    took: SignedDuration::ZERO,
                    fresh_for: SignedDuration::from_hours(1),
                },
            );
        });
        let text = Metrics::new().encode(&board, None);
        assert!(text.contains(r#"mountpoint="/a\"} 1\nupgrade_readiness_findings 0\\""#));
        assert!(!text.contains("\nupgrade_readiness_findings 0"));
    }
}
