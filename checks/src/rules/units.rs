//! How rules write sizes and spans of days.

use jiff::Timestamp;

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// One mebibyte, the unit of the catalog's minimums.
pub(super) const MIB: u64 = 1 << 20;

/// A size as people write it: `1.5 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    let mut rest = u128::from(count) * 10;
    let mut unit = None;
    for name in UNITS {
        if rest < 10_240 {
            break;
        }
        rest = (rest + 512) / 1024;
        unit = Some(name);
    }
    let (whole, tenth) = (rest / 10, rest % 10);
    match unit {
        None => format!("{count} B"),
        Some(unit) if tenth == 0 || whole >= 100 => format!("{whole} {unit}"),
        Some(unit) => format!("{whole}.{tenth} {unit}"),
    }
}

/// A part of something, in percent, rounded down; never overflows.
pub(crate) fn percent_of(whole: u64, percent: u8) -> u64 {
    u64::try_from(u128::from(whole) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

/// How far a day is away: `today`, `in 12 days`, `1 day ago`.
pub(super) fn in_days(days: i64) -> String {
    let noun = if days.abs() == 1 { "day" } else { "days" };
    match days {
        0 => "today".to_owned(),
        1.. => format!("in {days} {noun}"),
        ..0 => format!("{} {noun} ago", days.abs()),
    }
}

/// A moment, to the minute: `2026-11-20 21:34 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_readable() {
        let sizes =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536 * MIB, "1.5 GiB"), (400 << 30, "400 GiB")];
        for (count, text) in sizes {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(bytes(u64::MAX), "16384 PiB");
        assert_eq!(
            [0, 1, 12, -1, -3].map(in_days),
            ["today", "in 1 day", "in 12 days", "1 day ago", "3 days ago"]
        );
        assert_eq!((percent_of(1000, 90), percent_of(u64::MAX, 255), percent_of(7, 0)), (900, u64::MAX, 0));
    }
}
