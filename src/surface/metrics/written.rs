//! What a status file can tell of the metrics, for hosts whose Prometheus cannot reach the agent.
//!
//! The same names and labels as a scrape, and fewer of them: figures people plot are not in the file. A status nobody
//! renews says of every verdict that it is unknown, and of every source that it is down.

use jiff::Timestamp;
use prometheus::TextEncoder;
use upgrade_readiness_checks::facts::Condition;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::{Gauges, definition, flag, float, seconds, start_of};
use crate::surface::status::{Age, CheckView, InstanceView, Selection, TargetView, age};

/// The selection in Prometheus' text format.
///
/// # Panics
///
/// Never: what a registry gathers can be encoded.
#[must_use]
pub fn render_prometheus(selection: &Selection<'_>, now: Timestamp) -> String {
    let status = selection.status;
    let mut told = Told { gauges: Gauges::default(), fresh: matches!(age(status, now), Age::Fresh(_)) };
    told.gauges.set(&definition::AGENT_BUILD, &[&status.agent.version, &status.agent.revision], 1.0);
    told.gauges.set(&definition::STATUS_FILE, &[], seconds(status.written_at));
    for (instance, targets) in &selection.instances {
        told.sources(instance);
        for target in targets {
            told.target(&instance.name, target);
        }
        if targets.is_empty() {
            told.gauges.not_judged(&instance.name);
        }
        told.first_word_ends(instance, targets);
    }
    let families = told.gauges.series.families();
    TextEncoder::new().encode_to_string(&families).expect("what a registry gathers can be encoded")
}

/// What was told so far, of a status that is fresh or not.
struct Told {
    gauges: Gauges,
    fresh: bool,
}

impl Told {
    fn sources(&mut self, instance: &InstanceView) {
        for source in instance.sources.iter().filter(|source| source.state != Condition::Off) {
            let labels = [instance.name.as_str(), source.source.as_str()];
            let up = self.fresh && source.state == Condition::Ok;
            self.gauges.set(&definition::SOURCE_UP, &labels, flag(up));
            if let Some(at) = source.collected_at {
                self.gauges.set(&definition::SOURCE_COLLECTED, &labels, seconds(at));
            }
        }
    }

    fn target(&mut self, site: &str, target: &TargetView) {
        let name = target.name();
        let is = self.believed(target.verdict);
        for verdict in Verdict::ALL {
            let labels = [site, name, &target.requested, verdict.id()];
            self.gauges.set(&definition::TARGET_VERDICT, &labels, flag(verdict == is));
        }
        if target.version.is_none() {
            return;
        }
        for check in &target.checks {
            let is = self.believed(check.verdict);
            for verdict in Verdict::ALL {
                let labels = [site, name, &check.id, verdict.id()];
                self.gauges.set(&definition::CHECK_VERDICT, &labels, flag(verdict == is));
            }
        }
        self.counts([site, name], &target.checks);
        if let Some(at) = target.blocks_at {
            self.gauges.set(&definition::BLOCKS_AT, &[site, name], seconds(at));
        }
    }

    fn counts(&mut self, [site, target]: [&str; 2], checks: &[CheckView]) {
        let findings = || checks.iter().flat_map(|check| &check.findings);
        for severity in Severity::ALL {
            let of = findings().filter(|it| it.severity == severity && it.waiver.is_none());
            let labels = [site, target, severity.id()];
            self.gauges.set(&definition::FINDINGS, &labels, float(of.count() as u64));
        }
        let waived = findings().filter(|finding| finding.waiver.is_some()).count();
        self.gauges.set(&definition::FINDINGS_WAIVED, &[site, target], float(waived as u64));
        let applies = |check: &&CheckView| check.verdict != Verdict::Skipped;
        let decided = |check: &&CheckView| self.believed(check.verdict) != Verdict::Unknown;
        let planned = checks.iter().filter(applies).count();
        let decided = checks.iter().filter(applies).filter(decided).count();
        self.gauges.set(&definition::CHECKS_PLANNED, &[site, target], float(planned as u64));
        self.gauges.set(&definition::CHECKS_DECIDED, &[site, target], float(decided as u64));
    }

    fn first_word_ends(&mut self, instance: &InstanceView, targets: &[&TargetView]) {
        let checks = || targets.iter().flat_map(|target| &target.checks);
        let findings = checks().flat_map(|check| &check.findings);
        let words = findings.filter_map(|finding| finding.waiver.as_ref());
        let words = words.chain(checks().filter_map(|check| check.sign_off.as_ref()));
        let first = words.map(|word| word.until).min();
        if let Some(end) = first.and_then(|day| start_of(day.tomorrow().ok()?)) {
            self.gauges.set(&definition::WAIVER_ENDS, &[&instance.name], seconds(end));
        }
    }

    fn believed(&self, verdict: Verdict) -> Verdict {
        if self.fresh { verdict } else { Verdict::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::SignedDuration;

    use super::super::{ALL, Metrics};
    use super::*;
    use crate::surface::sample;
    use crate::surface::status::view;

    fn render(seconds: i64) -> String {
        let status = view(&sample::board(), sample::now());
        let now = status.written_at + SignedDuration::from_secs(seconds);
        render_prometheus(&status.select(None, None).unwrap(), now)
    }

    #[test]
    fn it_says_what_a_scrape_says() {
        let scrape = Metrics::new().encode(&sample::board(), Some(sample::now()));
        let scrape: BTreeSet<&str> = scrape.lines().collect();
        let written = render(20);
        let unlike: Vec<&str> = written.lines().filter(|line| !scrape.contains(line)).collect();
        assert!(unlike.is_empty(), "{unlike:?}");

        // What is not there is what the file does not hold.
        let families = |lines: &BTreeSet<&str>| -> BTreeSet<&'static str> {
            let has = |name: &str| lines.iter().any(|line| line.starts_with(&format!("# TYPE {name} ")));
            ALL.iter().map(|definition| definition.name).filter(|name| has(name)).collect()
        };
        let absent: Vec<_> =
            families(&scrape).difference(&families(&written.lines().collect())).copied().collect();
        let figures = [
            "agent_shards",
            "backup_timestamp_seconds",
            "catalog_timestamp_seconds",
            "database_sessions",
            "filesystem_free_bytes",
            "filesystem_required_bytes",
            "license_expiry_timestamp_seconds",
            "license_maintenance_expiry_timestamp_seconds",
            "plugins",
        ];
        let absent = absent.iter().map(|name| name.strip_prefix("upgrade_readiness_").unwrap());
        let mut others = absent.filter(|name| {
            !figures.contains(name) && !["http_", "source_"].iter().any(|of| name.starts_with(of))
        });
        assert_eq!(others.next(), None);
    }

    #[test]
    fn an_instance_that_was_not_judged_is_unknown_and_not_absent() {
        let mut board = sample::board();
        std::sync::Arc::make_mut(&mut board.instances[1]).targets.clear();
        let scrape = Metrics::new().encode(&board, Some(sample::now()));
        let status = view(&board, sample::now());
        let written = render_prometheus(&status.select(None, None).unwrap(), status.written_at);
        let series = "target_verdict{requested=\"not-judged\",site=\"docs\",target=\"not-judged\",verdict=";
        for text in [scrape, written] {
            assert!(text.contains(&format!("{series}\"unknown\"}} 1\n")), "{text}");
            assert!(text.contains(&format!("{series}\"ready\"}} 0\n")), "{text}");
        }
    }

    #[test]
    fn what_nobody_renews_is_not_believed() {
        for seconds in [900, -900] {
            let text = render(seconds);
            let says = |series: &str| text.contains(series);
            assert!(says(
                "target_verdict{requested=\"9.2.10\",site=\"wiki\",target=\"9.2.10\",verdict=\"unknown\"} 1\n"
            ));
            let green = |line: &str| line.contains("verdict=\"ready\"") && line.ends_with(" 1");
            assert!(!text.lines().any(green), "{text}");
            assert!(!text.lines().any(|line| line.contains("source_up{") && line.ends_with(" 1")));
            assert!(says("checks_decided{site=\"wiki\",target=\"9.2.10\"} 0\n"));
        }
    }
}
