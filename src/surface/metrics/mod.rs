//! Metrics: the board as gauges, and how asking the sources went as counters and histograms.
//!
//! Gauges are built anew from the board each time, so that what has gone is gone from them too. A fact
//! that is stale or could not be had is absent, never its old value. Nothing runs on a scrape.

mod channels;
mod definition;
mod looks;
mod series;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};
use upgrade_readiness_checks::facts::{
    Condition, FailureKind, LicenseText, Product, Snapshot, Source, Until,
};
use upgrade_readiness_checks::model::{Severity, Verdict};

pub use definition::{ALL, Definition, Kind};
pub use written::render_prometheus;

use channels::ChannelFigures;
use looks::Looks;
use series::Series;

use super::pieces::{Piece, Pieces};
use crate::access::{Refusal, Refusals};
use crate::board::{Board, InstanceState, JudgedTarget, TargetState};
use crate::shard::Shard;

/// The revision the agent was built from.
pub const REVISION: &str = match option_env!("AGENT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Stands in the place of a target and of what was asked for, of an instance of which nothing was judged.
const NOT_JUDGED: &str = "not-judged";

/// What must be remembered between boards: how asking the sources went.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By the name of the instance.
    sites: Mutex<BTreeMap<String, Looks>>,
    channels: ChannelFigures,
    refusals: Arc<Refusals>,
    /// From when and until when it holds.
    certificate: Mutex<Option<(Timestamp, Timestamp)>>,
    /// See [`Metrics::be_lean`].
    lean: AtomicBool,
}

/// The series of one instance as text, kept until it changes.
#[derive(Debug)]
pub struct InstanceSeries(Vec<Lines>);

/// The lines of one metric.
#[derive(Debug)]
struct Lines {
    name: String,
    /// What it means and what it is.
    head: Bytes,
    series: Bytes,
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With hundreds of instances most series say 0: what a check does not say, and failures that did not happen. Lean
    /// is without those, and without the buckets of how long sources took.
    pub fn be_lean(&self, lean: bool) {
        self.lean.store(lean, Ordering::Relaxed);
    }

    fn is_lean(&self) -> bool {
        self.lean.load(Ordering::Relaxed)
    }

    /// Where the HTTP surface counts those it turns away.
    #[must_use]
    pub fn refusals(&self) -> Arc<Refusals> {
        self.refusals.clone()
    }

    /// Notes from when and until when the certificate holds that the agent shows over TLS; `None` without TLS.
    pub fn note_certificate(&self, holds: Option<(Timestamp, Timestamp)>) {
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = holds;
    }

    /// Counts one attempt to ask a source; the schedule calls this after each.
    pub fn observe_source(
        &self,
        site: &str,
        source: Source,
        took: SignedDuration,
        failure: Option<FailureKind>,
    ) {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        match sites.get_mut(site) {
            Some(looks) => looks.count(source, took, failure),
            None => sites.entry(site.to_owned()).or_default().count(source, took, failure),
        }
    }

    /// Begins to count for these channels, and forgets all others.
    pub fn watch_channels(&self, channels: &BTreeSet<&str>, results: &[&str]) {
        self.channels.watch(channels, results);
    }

    /// Counts one attempt to tell people.
    pub fn count_notification(&self, channel: &str, result: &str) {
        self.channels.count(channel, result);
    }

    /// Takes in how much waits to be told, and since when.
    pub fn queue_notifications(&self, channel: &str, waiting: usize, oldest: Option<Timestamp>) {
        self.channels.queue(channel, waiting, oldest);
    }

    /// Takes in that nobody knows what waits to be told.
    pub fn lose_sight_of_notifications(&self, channel: &str) {
        self.channels.lose_sight(channel);
    }

    /// The board in Prometheus' text format; `status_written_at` is when the status file was last
    /// written.
    #[must_use]
    pub fn encode(&self, board: &Board, status_written_at: Option<Timestamp>) -> String {
        let series: Vec<_> =
            board.instances.iter().map(|instance| Arc::new(self.series_of(instance))).collect();
        self.assemble(board, &series, status_written_at).to_text()
    }

    /// What is said of one instance.
    #[must_use]
    pub fn series_of(&self, instance: &InstanceState) -> InstanceSeries {
        let lean = self.is_lean();
        let mut families = Gauges::of_instance(instance, lean).series.families();
        let nothing = Looks::default();
        let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = sites.get(&instance.name).unwrap_or(&nothing);
        families.extend(looks.families(&instance.name, &instance.snapshot, lean));
        drop(sites);
        InstanceSeries(lines_of(families))
    }

    /// What is said of the agent itself: of what it watches, whom it told, and who asks it.
    fn families_of_agent(&self, board: &Board, status_written_at: Option<Timestamp>) -> Vec<MetricFamily> {
        let mut gauges = Gauges::of_agent(board, status_written_at);
        if let Some((begin, end)) = *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) {
            gauges.set(&definition::HTTP_CERTIFICATE_BEGIN, &[], seconds(begin));
            gauges.set(&definition::HTTP_CERTIFICATE_EXPIRY, &[], seconds(end));
        }
        let mut families = gauges.series.families();
        families.extend(self.gather_refusals());
        families.extend(self.channels.gather());
        families
    }

    /// Those who were turned away.
    fn gather_refusals(&self) -> Vec<MetricFamily> {
        const SOUND: &str = "a test gathers them";
        let Definition { name, help, labels, .. } = definition::HTTP_REFUSED;
        let counters = IntCounterVec::new(Opts::new(name, help), labels).expect(SOUND);
        for refusal in Refusal::ALL {
            counters.with_label_values(&[refusal.id()]).inc_by(self.refusals.counted(refusal));
        }
        let registry = Registry::new();
        registry.register(Box::new(counters)).expect(SOUND);
        registry.gather()
    }

    /// The whole text: what is said of the agent and of each instance, metric by metric.
    #[must_use]
    pub fn assemble(
        &self,
        board: &Board,
        instances: &[Arc<InstanceSeries>],
        status_written_at: Option<Timestamp>,
    ) -> Pieces {
        let agent = InstanceSeries(lines_of(self.families_of_agent(board, status_written_at)));
        let mut metrics: BTreeMap<&str, (&Bytes, Vec<&Bytes>)> = BTreeMap::new();
        let all = instances.iter().flat_map(|series| &series.0).chain(&agent.0);
        for Lines { name, head, series } in all {
            metrics.entry(name).or_insert_with(|| (head, Vec::new())).1.push(series);
        }
        let mut pieces = Vec::new();
        for (head, series) in metrics.into_values() {
            pieces.push(Piece::Plain(head.clone()));
            pieces.extend(series.into_iter().map(|series| Piece::Plain(series.clone())));
        }
        pieces.into()
    }
}

/// The lines of each metric.
fn lines_of(families: Vec<MetricFamily>) -> Vec<Lines> {
    let mut text = String::new();
    let mut places = Vec::new();
    for family in families {
        let begin = text.len();
        TextEncoder::new()
            .encode_utf8(std::slice::from_ref(&family), &mut text)
            .expect("what a registry gathers can be encoded");
        // What it means, and what it is: two lines.
        let head = text.bytes().enumerate().skip(begin).filter(|(_, byte)| *byte == b'\n').nth(1);
        let series = head.map_or(text.len(), |(end, _)| end + 1);
        places.push((family.name().to_owned(), begin, series, text.len()));
    }
    let text = Bytes::from(text);
    let lines = |(name, begin, series, end): (String, usize, usize, usize)| Lines {
        name,
        head: text.slice(begin..series),
        series: text.slice(series..end),
    };
    places.into_iter().map(lines).collect()
}

/// Gauges, as they are on the board.
#[derive(Debug, Default)]
struct Gauges {
    series: Series,
    lean: bool,
}

impl Gauges {
    /// What is said of the agent itself.
    fn of_agent(board: &Board, status_written_at: Option<Timestamp>) -> Self {
        let mut gauges = Self::default();
        gauges.set(&definition::AGENT_BUILD, &[env!("CARGO_PKG_VERSION"), REVISION], 1.0);
        let Shard { index, of, .. } = &board.shard;
        gauges.set(&definition::AGENT_SHARDS, &[&index.to_string()], f64::from(*of));
        if let Some(at) = status_written_at {
            gauges.set(&definition::STATUS_FILE, &[], seconds(at));
        }
        gauges.catalogs(board);
        gauges.fleet(board);
        gauges
    }

    /// What is said of an instance.
    fn of_instance(instance: &InstanceState, lean: bool) -> Self {
        let mut gauges = Self { lean, ..Self::default() };
        gauges.sources(instance);
        gauges.domain(&instance.name, &instance.snapshot);
        if let Some(end) = instance.word_ends().and_then(|day| start_of(day.tomorrow().ok()?)) {
            gauges.set(&definition::WAIVER_ENDS, &[&instance.name], seconds(end));
        }
        for target in &instance.targets {
            gauges.target(instance, target);
        }
        if instance.targets.is_empty() {
            gauges.not_judged(&instance.name);
        }
        gauges
    }

    fn set(&mut self, of: &'static Definition, values: &[&str], value: f64) {
        self.series.set(of, values, value);
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
                let requested = requested.to_string();
                self.target_verdict(site, &requested, &requested, Verdict::Unknown);
            }
        }
    }

    fn judged(&mut self, instance: &InstanceState, judged: &JudgedTarget) {
        let site = instance.name.as_str();
        let report = &judged.report;
        let target = report.version.as_str();
        self.target_verdict(site, target, &report.requested.to_string(), report.verdict);
        let lean = self.lean;
        for check in &report.checks {
            for verdict in Verdict::ALL.into_iter().filter(|verdict| !lean || *verdict == check.verdict) {
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

    /// Of an instance without judged targets: that nobody can tell must not look like nothing to tell.
    fn not_judged(&mut self, site: &str) {
        self.target_verdict(site, NOT_JUDGED, NOT_JUDGED, Verdict::Unknown);
    }

    fn target_verdict(&mut self, site: &str, target: &str, requested: &str, is: Verdict) {
        for verdict in Verdict::ALL {
            let labels = [site, target, requested, verdict.id()];
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
        metrics.count_notification("ops", "sent");
        metrics.queue_notifications("ops", 1, Some(sample::now()));
        metrics.note_certificate(Some((sample::now(), sample::now())));
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
    fn channels_count_from_zero_and_end_with_the_configuration() {
        let metrics = Metrics::new();
        metrics.watch_channels(&BTreeSet::from(["ops", "chat"]), &["sent", "failed"]);
        metrics.count_notification("ops", "sent");
        metrics.queue_notifications("chat", 2, Some(sample::now()));
        let of = |series: &str| {
            let text = metrics.encode(&Board::default(), None);
            value(&text, &format!("upgrade_readiness_{series}")).map(ToOwned::to_owned)
        };
        assert_eq!(of(r#"notifications_total{channel="ops",result="sent"}"#).as_deref(), Some("1"));
        assert_eq!(of(r#"notifications_total{channel="chat",result="failed"}"#).as_deref(), Some("0"));
        // Nobody looked yet, or the store does not tell any more: that is not nothing.
        assert_eq!(of(r#"notifications_waiting{channel="ops"}"#), None);
        metrics.queue_notifications("ops", 0, None);
        assert_eq!(of(r#"notifications_waiting{channel="ops"}"#).as_deref(), Some("0"));
        assert_eq!(of(r#"notifications_waiting{channel="chat"}"#).as_deref(), Some("2"));
        metrics.lose_sight_of_notifications("ops");
        assert_eq!(of(r#"notifications_waiting{channel="ops"}"#), None);
        metrics.watch_channels(&BTreeSet::from(["ops"]), &["sent", "failed"]);
        assert_eq!(of(r#"notifications_total{channel="ops",result="sent"}"#).as_deref(), Some("1"));
        for gone in ["notifications_waiting", "notifications_oldest_timestamp_seconds"] {
            assert_eq!(of(&format!(r#"{gone}{{channel="chat"}}"#)), None);
        }
    }

    #[test]
    fn the_board_can_be_read_from_the_gauges() {
        let metrics = Metrics::new();
        metrics.refusals().count(Refusal::Wrong);
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
            (r#"http_refused_total{reason="wrong"}"#, Some("1")),
            (r#"http_refused_total{reason="throttled"}"#, Some("0")),
            ("http_certificate_begin_timestamp_seconds", None),
            ("http_certificate_expiry_timestamp_seconds", None),
            ("status_file_timestamp_seconds", None),
        ];
        for (series, expected) in rows {
            assert_eq!(value(&text, &format!("upgrade_readiness_{series}")), expected, "{series}");
        }
    }

    #[test]
    fn lean_is_what_holds_and_nothing_else() {
        let (full, lean) = (Metrics::new(), Metrics::new());
        lean.be_lean(true);
        for metrics in [&full, &lean] {
            let took = SignedDuration::from_millis(120);
            metrics.observe_source("wiki", Source::Database, took, Some(FailureKind::Denied));
        }
        let [full, lean] = [full, lean].map(|metrics| metrics.encode(&sample::board(), None));
        let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(series(&lean) * 2 < series(&full), "{} of {}", series(&lean), series(&full));
        // What is left is told as it was; what is gone said nothing, or how many of few.
        for line in lean.lines() {
            assert!(full.contains(&format!("{line}\n")), "{line}");
        }
        let lines = full.lines().filter(|line| !lean.contains(&format!("{line}\n")));
        let says_nothing = |line: &str| {
            line.ends_with(" 0") && (line.contains("_check_verdict{") || line.contains("_failures_total{"))
        };
        for line in lines {
            assert!(says_nothing(line) || line.contains("_bucket{"), "{line}");
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
        let others = text.lines().filter(|line| !line.contains("upgrade_readiness_http_refused_total"));
        assert_eq!(others.count(), 6);
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
