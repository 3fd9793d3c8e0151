//! How rules write times: on the operator's clock.

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::model::Plan;

/// A moment as the operator's clock shows it: `2026-12-05 20:00`.
pub(crate) fn local(moment: Timestamp, plan: &Plan) -> String {
    offset(plan).to_datetime(moment).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The operator's clock: `UTC`, `UTC+05:30`.
pub(crate) fn zone_name(plan: &Plan) -> String {
    let minutes = plan.utc_offset_seconds / 60;
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    match minutes {
        0 => "UTC".to_owned(),
        1.. => format!("UTC+{hours:02}:{rest:02}"),
        ..0 => format!("UTC-{hours:02}:{rest:02}"),
    }
}

/// How far the operator's clock is ahead of UTC.
pub(crate) fn offset(plan: &Plan) -> Offset {
    Offset::from_seconds(plan.utc_offset_seconds).unwrap_or(Offset::UTC)
}

/// A span as people write it, rounded up to minutes: `45 min`, `4 h`, `1 h 15 min`.
pub(crate) fn span(duration: SignedDuration) -> String {
    let minutes = duration.as_secs().max(0).saturating_add(59) / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        let plan = |utc_offset_seconds| Plan { utc_offset_seconds, ..Plan::default() };
        let moment: Timestamp = "2026-12-05T22:30:00Z".parse().unwrap();
        assert_eq!(local(moment, &plan(19_800)), "2026-12-06 04:00");
        assert_eq!([0, 19_800, -12_600].map(|at| zone_name(&plan(at))), ["UTC", "UTC+05:30", "UTC-03:30"]);
        let spans = [0, 61, 3600, 4500].map(|secs| span(SignedDuration::from_secs(secs)));
        assert_eq!(spans, ["0 min", "2 min", "1 h", "1 h 15 min"]);
    }
}
