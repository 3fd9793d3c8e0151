//! How telling people through channels goes. Only the daemon's configuration names channels, so nothing of an instance
//! stands in these labels.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};

use super::definition::{self, Definition};
use super::seconds;

/// Counters and queues of all channels.
#[derive(Debug)]
pub(super) struct ChannelFigures {
    registry: Registry,
    outcomes: IntCounterVec,
    waiting: GaugeVec,
    oldest: GaugeVec,
}

impl Default for ChannelFigures {
    fn default() -> Self {
        Self::new()
    }
}

impl ChannelFigures {
    pub(super) fn new() -> Self {
        const SOUND: &str = "a test registers every metric of the table";
        let registry = Registry::new();
        let options = |of: &Definition| Opts::new(of.name, of.help);
        let of = &definition::NOTIFICATIONS;
        let outcomes = IntCounterVec::new(options(of), of.labels).expect(SOUND);
        let of = &definition::NOTIFICATIONS_OLDEST;
        let oldest = GaugeVec::new(options(of), of.labels).expect(SOUND);
        let of = &definition::NOTIFICATIONS_WAITING;
        let waiting = GaugeVec::new(options(of), of.labels).expect(SOUND);
        registry.register(Box::new(outcomes.clone())).expect(SOUND);
        registry.register(Box::new(oldest.clone())).expect(SOUND);
        registry.register(Box::new(waiting.clone())).expect(SOUND);
        Self { registry, outcomes, waiting, oldest }
    }

    /// Begins to count for these channels, from zero, and forgets all others.
    pub(super) fn watch(&self, channels: &BTreeSet<&str>, results: &[&str]) {
        for family in self.registry.gather() {
            for metric in family.get_metric() {
                let label = |wanted: &str| {
                    metric
                        .get_label()
                        .iter()
                        .find(|label| label.name() == wanted)
                        .map(|label| label.value().to_owned())
                };
                let Some(channel) = label("channel").filter(|channel| !channels.contains(channel.as_str()))
                else {
                    continue;
                };
                // One that is gone already is as good.
                drop(self.waiting.remove_label_values(&[&channel]));
                drop(self.oldest.remove_label_values(&[&channel]));
                if let Some(result) = label("result") {
                    drop(self.outcomes.remove_label_values(&[&channel, &result]));
                }
            }
        }
        for channel in channels {
            for result in results {
                self.outcomes.with_label_values(&[*channel, *result]);
            }
        }
    }

    pub(super) fn count(&self, channel: &str, result: &str) {
        self.outcomes.with_label_values(&[channel, result]).inc();
    }

    #[expect(clippy::cast_precision_loss, reason = "a queue is short")]
    pub(super) fn queue(&self, channel: &str, waiting: usize, oldest: Option<Timestamp>) {
        self.waiting.with_label_values(&[channel]).set(waiting as f64);
        match oldest {
            Some(at) => self.oldest.with_label_values(&[channel]).set(seconds(at)),
            None => drop(self.oldest.remove_label_values(&[channel])),
        }
    }

    /// Nobody knows what waits: the last that was known is no news.
    pub(super) fn lose_sight(&self, channel: &str) {
        // Where nothing was known before there is nothing to take away.
        drop(self.waiting.remove_label_values(&[channel]));
        drop(self.oldest.remove_label_values(&[channel]));
    }

    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather().into_iter().filter(|family| !family.get_metric().is_empty()).collect()
    }
}
