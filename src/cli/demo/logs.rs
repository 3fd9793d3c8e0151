//! Five weeks of the example's access logs: busy office hours, quiet nights and weekends.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::files::write;

/// How many days back there are logs.
const DAYS: i32 = 35;

/// Older ones are compressed, as log rotation leaves them.
const PLAIN_DAYS: i32 = 2;

/// One request of somebody.
pub(super) struct Request {
    /// The day, as access logs write it: `28/Nov/2026`.
    pub(super) day: String,
    /// The time of the day.
    pub(super) time: String,
    /// Its number within the hour.
    pub(super) number: u32,
}

impl Request {
    /// Who sent it.
    pub(super) fn user(&self) -> u32 {
        self.number % 40
    }
}

/// Writes the logs up to now, a file for each day, named `<prefix><day>.log`.
pub(super) fn lay_out(
    dir: &Path,
    prefix: &str,
    now: Timestamp,
    render: fn(&Request) -> String,
) -> anyhow::Result<()> {
    let now = TimeZone::UTC.to_datetime(now);
    for ago in 0..=DAYS {
        let day = now.date().checked_sub(ago.days()).context("a day of the access logs")?;
        let until = if ago == 0 { now.hour() } else { 24 };
        let text = render_day(day, until, render);
        let name = format!("{prefix}{day}.log");
        if ago < PLAIN_DAYS {
            write(&dir.join(name), &text)?;
        } else {
            let path = dir.join(format!("{name}.gz"));
            let file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
            let mut packed = GzEncoder::new(file, Compression::fast());
            packed
                .write_all(text.as_bytes())
                .and_then(|()| packed.finish())
                .with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}

fn render_day(day: Date, until: i8, render: fn(&Request) -> String) -> String {
    let mut text = String::new();
    for hour in 0..until {
        let requests = requests(day, hour);
        for number in 0..requests {
            let second = number * 3600 / requests;
            let (minute, second) = (second / 60, second % 60);
            let time = format!("{hour:02}:{minute:02}:{second:02}");
            let day = day.strftime("%d/%b/%Y").to_string();
            text.push_str(&render(&Request { day, time, number }));
            text.push('\n');
        }
    }
    text
}

fn requests(day: Date, hour: i8) -> u32 {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let varying = u32::from(day.day().unsigned_abs()) * 7 % 10;
    match hour {
        7..=17 if !weekend => 60 + varying,
        7..=17 => 4,
        _ => 1,
    }
}
