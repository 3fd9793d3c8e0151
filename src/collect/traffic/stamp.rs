//! When a request came, as a line of an access log tells it.
//!
//! Known are the time of the common log format, which Tomcat, Apache and nginx write in brackets and `HAProxy`
//! without its offset, and ISO 8601. Wherever in the line it stands, the first one counts: what users send
//! stands behind it, or in a place where no time can be.

use jiff::civil;
use jiff::tz::Offset;
use memchr::memchr_iter;

/// No time stands further behind in a line.
const FURTHEST: usize = 512;

/// `18/Dec/2020:12:57`.
const COMMON: usize = 17;

/// `2020-12-18T12:57`.
const ISO: usize = 16;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// When a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Minutes since 1970 in UTC.
    pub(super) minute: i64,
    /// How far the clock that wrote it is ahead of UTC, in minutes.
    pub(super) offset: i32,
    /// The line said so; otherwise UTC was assumed.
    pub(super) offset_told: bool,
}

/// Reads the times of one log, whose lines are alike.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The text of the last time and what it meant: most lines are of the same minute as the one before.
    last: Option<(Text, Moment)>,
    iso: bool,
}

/// Minute and zone of a time, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text {
    minute: [u8; COMMON],
    zone: [u8; 6],
}

impl Clock {
    /// The time in a line, when there is one.
    pub(super) fn read(&mut self, line: &[u8]) -> Option<Moment> {
        let line = line.get(..FURTHEST).unwrap_or(line);
        let forms: [Form; 2] = if self.iso { [iso, common] } else { [common, iso] };
        let (text, is_iso) = match forms[0](line) {
            Some(text) => (text, self.iso),
            None => (forms[1](line)?, !self.iso),
        };
        self.iso = is_iso;
        if let Some((last, moment)) = &self.last
            && *last == text
        {
            return Some(*moment);
        }
        let moment = if is_iso { text.iso_moment() } else { text.common_moment() }?;
        self.last = Some((text, moment));
        Some(moment)
    }
}

type Form = fn(&[u8]) -> Option<Text>;

/// `[18/Dec/2020:12:57:26 +1100]`, `[06/Feb/2009:12:14:14.655]`.
fn common(line: &[u8]) -> Option<Text> {
    memchr_iter(b'[', line).find_map(|at| {
        let rest = line.get(at + 1..)?;
        let minute: [u8; COMMON] = *rest.first_chunk()?;
        let fits = matches!(minute, [_, _, b'/', _, _, _, b'/', _, _, _, _, b':', _, _, b':', _, _]);
        fits.then(|| Text { minute, zone: zone(rest.get(COMMON..).unwrap_or_default()) })
    })
}

/// `2020-12-18T12:57:26+11:00`, `2020-12-18 12:57:26,123`.
fn iso(line: &[u8]) -> Option<Text> {
    memchr_iter(b'-', line).find_map(|dash| {
        let start = dash.checked_sub(4)?;
        let alone = start == 0 || !line.get(start - 1)?.is_ascii_alphanumeric();
        let rest = line.get(start..)?;
        let text: [u8; ISO] = *rest.first_chunk()?;
        let fits =
            matches!(text, [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', _, _, b':', _, _]) && alone;
        let mut minute = [0; COMMON];
        minute.iter_mut().zip(text).for_each(|(to, from)| *to = from);
        fits.then(|| Text { minute, zone: zone(rest.get(ISO..).unwrap_or_default()) })
    })
}

/// The zone behind seconds and fractions of them: `Z`, ` +0100`, `+01:00`; zeros when there is none.
fn zone(rest: &[u8]) -> [u8; 6] {
    let seconds = rest.iter().take_while(|byte| byte.is_ascii_digit() || b":.,".contains(byte)).count();
    let rest = rest.get(seconds..).unwrap_or_default();
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let mut zone = [0; 6];
    let length = match rest {
        [b'Z', ..] => 1,
        [b'+' | b'-', _, _, b':', _, _, ..] => 6,
        [b'+' | b'-', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 5,
        _ => 0,
    };
    zone.iter_mut().zip(rest.iter().take(length)).for_each(|(to, from)| *to = *from);
    zone
}

impl Text {
    fn number<const N: usize>(&self, at: usize) -> Option<i16> {
        let digits: &[u8; N] = self.minute.get(at..)?.first_chunk()?;
        digits
            .iter()
            .try_fold(0_i16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0')))
    }

    fn two(&self, at: usize) -> Option<i8> {
        i8::try_from(self.number::<2>(at)?).ok()
    }

    fn common_moment(&self) -> Option<Moment> {
        let name = self.minute.get(3..6)?;
        let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
        let month = i8::try_from(month + 1).ok()?;
        self.moment(self.number::<4>(7)?, month, self.two(0)?, self.two(12)?, self.two(15)?)
    }

    fn iso_moment(&self) -> Option<Moment> {
        self.moment(self.number::<4>(0)?, self.two(5)?, self.two(8)?, self.two(11)?, self.two(14)?)
    }

    fn moment(&self, year: i16, month: i8, day: i8, hour: i8, minute: i8) -> Option<Moment> {
        let time = civil::DateTime::new(year, month, day, hour, minute, 0, 0).ok()?;
        let (offset, offset_told) = match self.zone {
            [0, ..] => (0, false),
            [b'Z', ..] => (0, true),
            [sign, hours @ .., 0] => (parse_offset(sign, hours)?, true),
            [sign, h1, h2, _, m1, m2] => (parse_offset(sign, [h1, h2, m1, m2])?, true),
        };
        let zone = Offset::from_seconds(offset * 60).ok()?;
        let minute = zone.to_timestamp(time).ok()?.as_second().div_euclid(60);
        Some(Moment { minute, offset, offset_told })
    }
}

fn parse_offset(sign: u8, digits: [u8; 4]) -> Option<i32> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i32::from(byte - b'0'));
    let [h1, h2, m1, m2] = digits;
    let minutes = (digit(h1)? * 10 + digit(h2)?) * 60 + digit(m1)? * 10 + digit(m2)?;
    Some(if sign == b'-' { -minutes } else { minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, i32, bool)> {
        let Moment { minute, offset, offset_told } = Clock::default().read(line.as_bytes())?;
        let time = jiff::Timestamp::from_second(minute * 60).unwrap();
        Some((time.to_string(), offset, offset_told))
    }

    #[test]
    fn the_time_is_found_in_every_known_form() {
        let rows = [
            // Confluence's default pattern, from its page "Configure access logs".
            (
                "[18/Dec/2020:12:57:26 +1100] testuser http-nio-8090-exec-6 0:0:0:0:0:0:0:1 GET /index.action HTTP/1.1 200",
                "2020-12-18T01:57:00Z",
                660,
                true,
            ),
            // Common and combined log format, from the documentation of Apache's mod_log_config.
            (
                "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 2326 \"http://w/\" \"Mozilla [en]\"",
                "2000-10-10T20:55:00Z",
                -420,
                true,
            ),
            ("10.0.0.1 1234 20ms [10/oct/2000:13:55:36 +0530]", "2000-10-10T08:25:00Z", 330, true),
            // HAProxy's HTTP log behind a syslog header, from its configuration manual.
            (
                "Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in",
                "2009-02-06T12:14:00Z",
                0,
                false,
            ),
            // nginx with $time_iso8601.
            ("2024-05-01T12:00:01+02:00 10.0.0.1 GET /", "2024-05-01T10:00:00Z", 120, true),
            ("10.0.0.1 [2024-05-01 12:00:01,123] GET /", "2024-05-01T12:00:00Z", 0, false),
            ("{\"time\":\"2024-05-01T12:00:01.5Z\"}", "2024-05-01T12:00:00Z", 0, true),
            ("a-b-c 1-2 2024-05-01T12:00:01Z", "2024-05-01T12:00:00Z", 0, true),
        ];
        for (line, time, offset, told) in rows {
            assert_eq!(read(line), Some((time.to_owned(), offset, told)), "{line}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let rows = [
            "",
            "[",
            "[18/Dec/2020]",
            "[31/Feb/2020:12:57:26 +1100]",
            "[18/Foo/2020:12:57:26 +1100]",
            "[18/Dec/2020:25:57:26 +1100]",
            "[1x/Dec/2020:12:57:26 +1100]",
            "[18/Dec/2020:12:57:26 +9900]",
            "2024-13-01T12:00:00Z",
            "12024-05-01T12:00:00Z",
            "-------------------------",
            "<html><body>not found</body></html>",
        ];
        for line in rows {
            assert_eq!(read(line), None, "{line}");
        }
        let far = format!("{}[18/Dec/2020:12:57:26 +1100]", " ".repeat(FURTHEST));
        assert_eq!(read(&far), None);
    }

    #[test]
    fn lines_of_one_log_may_differ_all_the_same() {
        let mut clock = Clock::default();
        let mut minute = |line: &str| clock.read(line.as_bytes()).map(|moment| moment.minute);
        let common = minute("[01/May/2024:12:00:26 +0000]");
        assert_eq!(minute("[01/May/2024:14:00:27 +0200]"), common);
        assert_eq!(minute("2024-05-01T12:00:28Z"), common);
        assert_eq!(minute("[01/May/2024:12:00:59 +0000]"), common);
        assert_eq!(minute("[01/May/2024:12:01:00 +0000]"), common.map(|minute| minute + 1));
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_the_clock(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _any = Clock::default().read(&line);
            let mut stamped = b"[18/Dec/".to_vec();
            stamped.extend(&line);
            let _any = Clock::default().read(&stamped);
        }
    }
}
