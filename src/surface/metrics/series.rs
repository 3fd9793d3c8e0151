//! Series in the form of the library that encodes them.

use std::collections::BTreeMap;

use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::definition::Definition;

/// Gauges: the last value of each series.
#[derive(Debug, Default)]
pub(super) struct Series(BTreeMap<&'static str, (&'static Definition, Values)>);

/// By the values of the labels, in the order of their names.
type Values = BTreeMap<Vec<String>, f64>;

impl Series {
    /// Sets one series; `values` stand in the order of the definition's labels.
    pub(super) fn set(&mut self, of: &'static Definition, values: &[&str], value: f64) {
        let key = sorted(of, values).into_iter().map(|(_, value)| value.to_owned()).collect();
        let (_, series) = self.0.entry(of.name).or_insert_with(|| (of, Values::new()));
        series.insert(key, value);
    }

    /// Metric by metric.
    pub(super) fn families(self) -> Vec<MetricFamily> {
        let of_metric = |(of, series): (&'static Definition, Values)| {
            let mut names = of.labels.to_vec();
            names.sort_unstable();
            let metrics = series.into_iter().map(|(values, value)| {
                let pairs = names.iter().zip(values).map(|(name, value)| pair(name, value));
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                let mut metric = Metric::default();
                metric.set_label(pairs.collect());
                metric.set_gauge(gauge);
                metric
            });
            family(of, MetricType::GAUGE, metrics.collect())
        };
        self.0.into_values().map(of_metric).collect()
    }
}

/// A metric with its series.
pub(super) fn family(of: &Definition, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(of.name.to_owned());
    family.set_help(of.help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// Labels in the order of their names; `values` stand in that of the definition.
pub(super) fn labels(of: &Definition, values: &[&str]) -> Vec<LabelPair> {
    sorted(of, values).into_iter().map(|(name, value)| pair(name, value.to_owned())).collect()
}

fn sorted<'a>(of: &Definition, values: &[&'a str]) -> Vec<(&'static str, &'a str)> {
    debug_assert_eq!(of.labels.len(), values.len(), "{}", of.name);
    let mut pairs: Vec<_> = of.labels.iter().copied().zip(values.iter().copied()).collect();
    pairs.sort_unstable_by_key(|(name, _)| *name);
    pairs
}

fn pair(name: &str, value: String) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value);
    pair
}
