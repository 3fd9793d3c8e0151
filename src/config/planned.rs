//! When the upgrade is planned, and when nothing may be changed.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use upgrade_readiness_checks::model::{Freeze, Plan};

use super::raw::RawFreeze;
use super::schedule::parse_duration;
use super::validate::Validation;

/// What stands in an instance about the planned upgrade.
pub(super) struct RawPlan {
    pub(super) upgrade_on: Option<String>,
    pub(super) upgrade_at: Option<String>,
    pub(super) downtime: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) freezes: Vec<(String, RawFreeze)>,
}

impl Validation {
    /// The plan of the instance at `key`; each freeze comes with the key it stands at.
    pub(super) fn plan(&mut self, key: &str, raw: RawPlan) -> Plan {
        let zone = self.time_zone(&format!("{key}.time_zone"), raw.time_zone.as_deref());
        let day: Option<Date> = raw.upgrade_on.and_then(|text| {
            let day = text.parse().ok();
            if day.is_none() {
                let reason = format!("must be a day such as \"2026-12-05\", and is {text:?}");
                self.problem(&format!("{key}.upgrade_on"), reason);
            }
            day
        });
        let hour = raw.upgrade_at.and_then(|text| {
            let hour = text.parse::<Time>().ok();
            if hour.is_none() {
                let reason = format!("must be a time of day such as \"20:00\", and is {text:?}");
                self.problem(&format!("{key}.upgrade_at"), reason);
            }
            hour
        });
        if day.is_none() && hour.is_some() {
            self.problem(&format!("{key}.upgrade_at"), "needs a day: set upgrade_on too");
        }
        let downtime = raw.downtime.and_then(|text| match parse_duration(&text) {
            Ok(downtime) => SignedDuration::try_from(downtime).ok(),
            Err(error) => {
                self.problem(&format!("{key}.downtime"), error.to_string());
                None
            }
        });
        let freezes = raw
            .freezes
            .into_iter()
            .filter_map(|(key, raw)| self.freeze(&key, raw, &zone))
            .collect::<Vec<_>>();
        // Without a planned day the freezes are told by the clock of the first of them.
        let frozen: Option<&Freeze> = freezes.first();
        let of_freeze = frozen.map_or(0, |freeze| zone.to_offset(freeze.from).seconds());
        let evening = hour.unwrap_or_else(|| Time::constant(20, 0, 0, 0));
        let planned = day.and_then(|day| day.to_datetime(evening).to_zoned(zone).ok());
        Plan {
            day,
            starts_at: planned.as_ref().filter(|_| hour.is_some()).map(jiff::Zoned::timestamp),
            downtime,
            utc_offset_seconds: planned.map_or(of_freeze, |planned| planned.offset().seconds()),
            freezes,
        }
    }

    fn time_zone(&mut self, key: &str, name: Option<&str>) -> TimeZone {
        let Some(name) = name else { return TimeZone::UTC };
        TimeZone::get(name).unwrap_or_else(|_unknown| {
            self.problem(
                key,
                format!(
                    "must be a time zone this host knows, such as \"Europe/Berlin\", and is {name:?}; `timedatectl list-timezones` names them"
                ),
            );
            TimeZone::UTC
        })
    }

    fn freeze(&mut self, key: &str, raw: RawFreeze, zone: &TimeZone) -> Option<Freeze> {
        let from = self.moment(&format!("{key}.from"), &raw.from, zone, false);
        let until = self.moment(&format!("{key}.until"), &raw.until, zone, true);
        if raw.name.trim().is_empty() {
            self.problem(&format!("{key}.name"), "must say what the freeze is called");
        }
        let (from, until) = (from?, until?);
        if until <= from {
            self.problem(&format!("{key}.until"), format!("must be later than from, {}", raw.from));
        }
        Some(Freeze { name: raw.name, from, until })
    }

    /// A moment, or a whole day: then its beginning, or its end.
    fn moment(&mut self, key: &str, text: &str, zone: &TimeZone, end: bool) -> Option<Timestamp> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Some(moment);
        }
        let day = text.parse::<Date>().ok().and_then(|day| {
            let first = if end { day.checked_add(1.day()).ok()? } else { day };
            Some(first.to_zoned(zone.clone()).ok()?.timestamp())
        });
        if day.is_none() {
            self.problem(
                key,
                format!("must be a day such as \"2026-12-20\" or a moment such as \"2026-12-20T18:00:00+01:00\", and is {text:?}"),
            );
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse_config;

    fn config(keys: &str) -> String {
        format!("[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n{keys}")
    }

    #[test]
    fn days_and_hours_are_those_of_the_time_zone() {
        let text = config(
            "upgrade_on = '2026-12-05'\nupgrade_at = '20:00'\ndowntime = '4h'\ntime_zone = 'Europe/Berlin'\n\
             [[freeze]]\nname = 'closing'\nfrom = '2026-12-20'\nuntil = '2026-12-31'\n",
        );
        let plan = parse_config(&text).unwrap().instances[0].plan.clone();
        assert_eq!(plan.starts_at.unwrap().to_string(), "2026-12-05T19:00:00Z");
        assert_eq!(plan.utc_offset_seconds, 3600);
        assert_eq!(plan.downtime.unwrap().as_hours(), 4);
        assert_eq!(plan.freezes[0].from.to_string(), "2026-12-19T23:00:00Z");
        assert_eq!(plan.freezes[0].until.to_string(), "2026-12-31T23:00:00Z");
        let nothing_planned = config(
            "time_zone = 'Asia/Tokyo'\n[[freeze]]\nname = 'closing'\nfrom = '2027-02-03'\nuntil = '2027-02-11'\n",
        );
        let plan = parse_config(&nothing_planned).unwrap().instances[0].plan.clone();
        assert_eq!((plan.day, plan.utc_offset_seconds), (None, 9 * 3600));
    }

    #[test]
    fn every_mistake_names_its_key() {
        let text = config(
            "upgrade_at = 'late'\ndowntime = 'long'\ntime_zone = 'Mars/Base'\n\
             [[freeze]]\nname = ' '\nfrom = 'soon'\nuntil = '2026-12-31'\n\
             [[freeze]]\nname = 'x'\nfrom = '2026-12-31'\nuntil = '2026-12-01'\n",
        );
        let problems = parse_config(&text).unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        for key in [
            "instance[0].upgrade_at",
            "instance[0].downtime",
            "instance[0].time_zone",
            "freeze[0].name",
            "freeze[0].from",
            "freeze[1].until",
        ] {
            assert!(keys.contains(&key), "{key}: {problems:?}");
        }
        assert_eq!(keys.len(), 6, "{problems:?}");
        let alone = parse_config(&config("upgrade_at = '20:00'\n")).unwrap_err();
        assert_eq!(alone[0].key, "instance[0].upgrade_at");
    }
}
