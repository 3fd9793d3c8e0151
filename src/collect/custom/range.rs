//! Ranges as monitoring plug-ins write them: `10`, `10:`, `~:10`, `10:20`, `@10:20`.
//!
//! A value outside its range is a reason to alert; with `@` a value inside is. See the development guidelines of the
//! monitoring plug-ins: <https://www.monitoring-plugins.org/doc/guidelines.html#THRESHOLDFORMAT>.

use std::fmt;
use std::str::FromStr;

/// A range that a value should stay in, or with `@` out of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    from: f64,
    to: f64,
    inside_alerts: bool,
}

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a range as monitoring plug-ins write it, such as \"10\", \"5:\", \"~:10\", \"5:10\" or \"@5:10\", and is {0:?}"
)]
pub struct NotARange(String);

impl Range {
    /// Whether a value is a reason to alert; what is no number always is.
    #[must_use]
    pub fn alerts(&self, value: f64) -> bool {
        let inside = self.from <= value && value <= self.to;
        value.is_nan() || inside == self.inside_alerts
    }
}

impl FromStr for Range {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotARange(text.to_owned());
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let (inside_alerts, rest) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
        let (from, to) = match rest.split_once(':') {
            None => (0.0, number(rest).ok_or_else(wrong)?),
            Some((from, to)) => {
                let from = match from {
                    "~" => f64::NEG_INFINITY,
                    "" => 0.0,
                    from => number(from).ok_or_else(wrong)?,
                };
                (from, if to.is_empty() { f64::INFINITY } else { number(to).ok_or_else(wrong)? })
            }
        };
        if from > to { Err(wrong()) } else { Ok(Self { from, to, inside_alerts }) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.inside_alerts { "outside" } else { "inside" };
        write!(f, "{mark} {} to {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_the_guidelines_say() {
        let rows: &[(&str, &[f64], &[f64])] = &[
            ("10", &[-0.1, 10.1, f64::NAN], &[0.0, 10.0]),
            ("10:", &[9.9], &[10.0, 1e300]),
            ("~:10", &[10.1], &[-1e300, 10.0]),
            ("10:20", &[9.9, 20.1], &[10.0, 20.0]),
            ("@10:20", &[10.0, 20.0, f64::NAN], &[9.9, 20.1]),
            (":5", &[-1.0, 6.0], &[0.0, 5.0]),
        ];
        for (text, alert, calm) in rows {
            let range: Range = text.parse().unwrap();
            assert!(alert.iter().all(|value| range.alerts(*value)), "{text}");
            assert!(!calm.iter().any(|value| range.alerts(*value)), "{text}");
        }
        for wrong in ["", "x", "20:10", "@", "1:2:3", "NaN", "inf"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }
}
