//! When a source is asked, and for how long its answer holds.

use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::facts::Source;

/// The shortest interval: more often than this nothing changes that matters for an upgrade.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// The longest interval and time limit: facts are believed for three intervals, and no upgrade is planned on older ones.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How often a source is asked and how long it may take.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// When it is asked.
    pub when: When,
    /// How long it may take.
    pub time_limit: Duration,
}

/// When a source is asked.
#[derive(Debug, Clone)]
pub enum When {
    /// Every so often.
    Every(Duration),
    /// At the times a cron expression names, in UTC.
    Cron(Box<Cron>),
}

/// Why a text is not a time to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASchedule {
    /// Neither a duration nor a cron expression.
    #[error("must be a duration such as \"5m\" or a cron expression such as \"30 2 * * *\", and is {0:?}")]
    Neither(String),
    /// Too short, or not positive.
    #[error("must be at least one second, and is {0:?}")]
    TooShort(String),
    /// Too long.
    #[error("must be at most 31 days (744h), and is {0:?}")]
    TooLong(String),
}

impl FromStr for When {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.split_whitespace().count() >= 5
            && let Ok(cron) = Cron::from_str(text)
        {
            return Ok(Self::Cron(Box::new(cron)));
        }
        parse_duration(text).map(Self::Every)
    }
}

/// Reads a duration such as `90s`, `5m` or `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, NotASchedule> {
    let duration: SignedDuration = text.parse().ok().ok_or_else(|| NotASchedule::Neither(text.to_owned()))?;
    if duration < SHORTEST {
        return Err(NotASchedule::TooShort(text.to_owned()));
    }
    if duration > LONGEST {
        return Err(NotASchedule::TooLong(text.to_owned()));
    }
    Duration::try_from(duration).ok().ok_or_else(|| NotASchedule::TooShort(text.to_owned()))
}

impl When {
    /// How long to wait from `now` until the next look.
    #[must_use]
    pub fn wait_from(&self, now: Timestamp) -> Duration {
        match self {
            Self::Every(interval) => *interval,
            Self::Cron(cron) => next(cron, now)
                .and_then(|then| Duration::try_from(then.duration_since(now)).ok())
                // A day that never comes (30 February): look again tomorrow.
                .unwrap_or(Duration::from_hours(24)),
        }
    }
}

impl Rhythm {
    /// How often a source is asked when nothing else is said.
    #[must_use]
    pub fn usual(source: Source) -> Self {
        let minutes = Duration::from_mins;
        let (every, time_limit) = match source {
            Source::Host | Source::Application => (minutes(1), minutes(1)),
            Source::Java | Source::Installation | Source::License | Source::Database => {
                (minutes(5), minutes(1))
            }
            Source::Disk => (minutes(60), minutes(30)),
            Source::Files => (minutes(6 * 60), minutes(30)),
            Source::Plugins | Source::Traffic => (minutes(60), minutes(10)),
            Source::Backups => (minutes(60), minutes(6 * 60)),
            Source::Releases => (minutes(60), minutes(1)),
            Source::Rehearsal => (minutes(15), minutes(10)),
            Source::Custom => (minutes(5), minutes(1)),
        };
        Self { when: When::Every(every), time_limit }
    }

    /// For how long an answer given at `now` may be believed: until two further looks have failed to come.
    #[must_use]
    pub fn fresh_for(&self, now: Timestamp) -> SignedDuration {
        let between = match &self.when {
            When::Every(interval) => signed(*interval) * 3,
            When::Cron(cron) => next(cron, now)
                .and_then(|first| next(cron, first))
                .map_or(SignedDuration::from_hours(72), |second| second.duration_since(now)),
        };
        between + signed(self.time_limit)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX / 8)
}

fn next(cron: &Cron, after: Timestamp) -> Option<Timestamp> {
    let after = after.to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&after, false).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn durations_and_cron_expressions_are_told_apart() {
        assert!(matches!("5m".parse(), Ok(When::Every(every)) if every == Duration::from_mins(5)));
        assert!(matches!("1h 30m".parse(), Ok(When::Every(every)) if every == Duration::from_mins(90)));
        let cron: When = "30 2 * * *".parse().unwrap();
        assert_eq!(cron.wait_from(at("2026-11-20T02:00:00Z")), Duration::from_mins(30));
        for wrong in ["", "soon", "5", "-5m", "0s", "1ms", "61 2 * * *", "* * * * * * * * *"] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
        }
        for wrong in ["745h", "2000000000h", "2562047788015215h", "9223372036854775807s"] {
            assert_eq!(wrong.parse::<When>().unwrap_err(), NotASchedule::TooLong(wrong.into()));
        }
        assert!("744h".parse::<When>().is_ok());
    }

    #[test]
    fn answers_outlive_two_missed_looks() {
        let every = Rhythm::usual(Source::Database);
        assert_eq!(every.fresh_for(at("2026-11-20T02:00:00Z")), SignedDuration::from_mins(16));
        let nightly = Rhythm { when: "30 2 * * *".parse().unwrap(), time_limit: Duration::from_mins(1) };
        let fresh = nightly.fresh_for(at("2026-11-20T02:30:10Z"));
        assert!(
            fresh > SignedDuration::from_hours(47) && fresh < SignedDuration::from_hours(49),
            "{fresh:?}"
        );
        let never = Rhythm { when: "0 0 30 2 *".parse().unwrap(), time_limit: Duration::from_mins(1) };
        assert_eq!(never.when.wait_from(at("2026-11-20T02:00:00Z")), Duration::from_hours(24));
    }
}
