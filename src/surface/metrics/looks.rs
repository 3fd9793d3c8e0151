//! How asking the sources of one instance went: plain counts, since hundreds of instances have them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use prometheus::proto::{Bucket, Counter, Histogram, Metric, MetricFamily, MetricType};
use upgrade_readiness_checks::facts::{Condition, FailureKind, Snapshot, Source};

use super::definition::{self, Definition};
use super::series::{family, labels};

/// Seconds; from a file read to a walk through millions of files.
const BUCKETS: [f64; 11] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// How asking the sources went.
#[derive(Debug, Default)]
pub(super) struct Looks {
    durations: BTreeMap<Source, Durations>,
    failures: BTreeMap<(Source, FailureKind), u64>,
}

/// How long looks took.
#[derive(Debug, Default)]
struct Durations {
    /// How many took at most as long as each bucket says, and longer than the one before.
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Looks {
    /// Counts one look.
    pub(super) fn count(&mut self, source: Source, took: SignedDuration, failure: Option<FailureKind>) {
        let seconds = took.as_secs_f64().max(0.0);
        let durations = self.durations.entry(source).or_default();
        durations.count += 1;
        durations.sum += seconds;
        if let Some(bucket) = BUCKETS
            .iter()
            .zip(&mut durations.buckets)
            .find_map(|(most, count)| (seconds <= *most).then_some(count))
        {
            *bucket += 1;
        }
        if let Some(kind) = failure {
            *self.failures.entry((source, kind)).or_default() += 1;
        }
    }

    /// The counts as metrics; what is lean is told by [`Metrics::be_lean`](super::Metrics::be_lean).
    pub(super) fn families(&self, site: &str, snapshot: &Snapshot, lean: bool) -> Vec<MetricFamily> {
        let durations = self.durations.iter().map(|(source, durations)| {
            let mut metric = labelled(&definition::SOURCE_DURATION, &[site, source.id()]);
            metric.set_histogram(durations.histogram(lean));
            metric
        });
        let durations: Vec<Metric> = durations.collect();
        let mut failures = self.failures.clone();
        // Every counter starts at zero: the first failure could not be seen as an increase otherwise.
        let asked = |source: &Source| !lean && snapshot.state(*source).condition != Condition::Off;
        for source in Source::ALL.into_iter().filter(asked) {
            for kind in FailureKind::ALL {
                failures.entry((source, kind)).or_default();
            }
        }
        let failures = failures.into_iter().map(|((source, kind), count)| {
            let mut metric = labelled(&definition::SOURCE_FAILURES, &[site, source.id(), kind.id()]);
            let mut counter = Counter::default();
            counter.set_value(super::float(count));
            metric.set_counter(counter);
            metric
        });
        let failures: Vec<Metric> = failures.collect();
        let families = [
            (&definition::SOURCE_DURATION, MetricType::HISTOGRAM, durations),
            (&definition::SOURCE_FAILURES, MetricType::COUNTER, failures),
        ];
        families
            .into_iter()
            .filter(|(_, _, metrics)| !metrics.is_empty())
            .map(|(of, kind, metrics)| family(of, kind, metrics))
            .collect()
    }
}

impl Durations {
    fn histogram(&self, lean: bool) -> Histogram {
        let mut cumulative = 0;
        let buckets = BUCKETS.iter().zip(self.buckets).filter(|_| !lean).map(|(most, count)| {
            cumulative += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*most);
            bucket.set_cumulative_count(cumulative);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(self.count);
        histogram.set_sample_sum(self.sum);
        histogram
    }
}

fn labelled(of: &Definition, values: &[&str]) -> Metric {
    let mut metric = Metric::default();
    metric.set_label(labels(of, values));
    metric
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, Registry, TextEncoder};
    use upgrade_readiness_checks::facts::Product;

    use super::*;

    /// The library's own counting tells the same.
    #[test]
    fn what_is_counted_is_what_a_histogram_counts() {
        let Definition { name, help, labels, .. } = definition::SOURCE_DURATION;
        let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        let (registry, theirs) = (Registry::new(), HistogramVec::new(options, labels).unwrap());
        registry.register(Box::new(theirs.clone())).unwrap();
        let mut ours = Looks::default();
        for millis in [0, 5, 6, 24, 100, 101, 4_999, 300_000, 900_000] {
            let took = SignedDuration::from_millis(millis);
            ours.count(Source::Disk, took, None);
            theirs.with_label_values(&["wiki", "disk"]).observe(took.as_secs_f64());
        }
        let nothing = Snapshot::empty("wiki", Product::Confluence, jiff::Timestamp::UNIX_EPOCH);
        let text = |families: &[MetricFamily]| TextEncoder::new().encode_to_string(families).unwrap();
        let mut said = ours.families("wiki", &nothing, true);
        assert_eq!(said.len(), 1, "no failure was counted");
        assert_eq!(text(&said).matches("_bucket{").count(), 1, "lean: all of them and no more");
        said = ours.families("wiki", &nothing, false);
        assert_eq!(text(&said[..1]), text(&registry.gather()));
    }
}
