//! Access logs on a real disk.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::collect::process::fixture::open_up;
use crate::collect::unprivileged::as_another_user;

/// A Wednesday noon.
const NOW: &str = "2026-11-18T12:30:00Z";

struct Logs(TempDir);

impl Logs {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        open_up(dir.path());
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn access(&self) -> AccessLogs {
        let pattern = self.path("*_access_log*").display().to_string();
        AccessLogs { patterns: vec![pattern], ignore: vec!["/status".into()], days: 35 }
    }

    fn look(&self) -> Traffic {
        self.look_with(&self.access())
    }

    fn look_with(&self, access: &AccessLogs) -> Traffic {
        let notes = self.path("cache/traffic");
        read_traffic(access, Some(notes), NOW.parse().unwrap(), &Stop::default())
    }
}

/// A day of November with one request in each hour of office, and probes at all hours.
fn day(day: u32) -> String {
    let mut text = String::new();
    for hour in 0..24 {
        writeln!(text, "[{day:02}/Nov/2026:{hour:02}:10:00 +0000] - x 10.0.0.1 GET /status HTTP/1.1 200")
            .unwrap();
        if (8..18).contains(&hour) {
            writeln!(text, "[{day:02}/Nov/2026:{hour:02}:20:00 +0000] u x 10.0.0.1 GET /a HTTP/1.1 200")
                .unwrap();
        }
    }
    text
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_collector_tells_what_the_logs_hold() {
    let logs = Logs::new();
    let now = Timestamp::now();
    let yesterday = (now - jiff::SignedDuration::from_hours(24)).strftime("%d/%b/%Y:%H:%M:%S +0000");
    logs.write("conf_access_log.log", format!("[{yesterday}] u x 10.0.0.1 GET /a HTTP/1.1 200\n"));
    let cache = logs.path("cache");
    let collector = TrafficCollector::new(logs.access(), Some(&cache));
    assert_eq!(collector.source(), Source::Traffic);
    let Section::Traffic(traffic) = collector.collect().await.unwrap() else { panic!("traffic facts") };
    assert_eq!((traffic.requests, traffic.logs, traffic.unread.clone()), (1, 1, None));
    assert_eq!(traffic.places, logs.access().patterns);
    assert!(cache.join("traffic").exists(), "remembered for the next look");
}

#[test]
fn plain_and_packed_logs_are_put_together() {
    let logs = Logs::new();
    for date in 2..16 {
        logs.write(&format!("conf_access_log.2026-11-{date:02}.log.gz"), packed(&day(date)));
    }
    logs.write("conf_access_log.2026-11-16.log", packed(&(day(16) + "no end of line")));
    logs.write("conf_access_log.2026-11-17.log", day(17));
    for _look in 0..2 {
        let traffic = logs.look();
        assert_eq!((traffic.requests, traffic.ignored), (16 * 10, 16 * 24));
        assert_eq!((traffic.logs, traffic.strange_lines, traffic.unread.clone()), (16, 1, None));
        assert_eq!(traffic.by_hour.iter().map(|hour| hour.seen).sum::<u32>(), 16 * 24);
        assert_eq!(traffic.first.unwrap().to_string(), "2026-11-02T00:10:00Z");
        assert_eq!(traffic.last.unwrap().to_string(), "2026-11-17T23:10:00Z");
    }
}

#[test]
fn a_log_that_grows_is_read_on_and_one_that_was_renamed_is_not_read_again() {
    let logs = Logs::new();
    logs.write("conf_access_log.log", day(16));
    assert_eq!(logs.look().requests, 10);
    // If it were read again, these lines would be missed: only the ends of what was read are compared.
    let mut text = day(16).into_bytes();
    text[600..1000].fill(b'x');
    text.extend(day(17).bytes());
    logs.write("conf_access_log.log", &text);
    assert_eq!(logs.look().requests, 20);
    fs::rename(logs.path("conf_access_log.log"), logs.path("conf_access_log.1")).unwrap();
    logs.write("conf_access_log.log", day(18));
    let traffic = logs.look();
    assert_eq!((traffic.requests, traffic.logs, traffic.strange_lines), (24, 2, 0));
}

#[test]
fn a_log_that_was_emptied_or_written_anew_is_read_from_its_beginning() {
    let logs = Logs::new();
    logs.write("conf_access_log.log", day(15) + &day(16));
    assert_eq!(logs.look().requests, 20);
    logs.write("conf_access_log.log", day(17));
    assert_eq!(logs.look().requests, 10, "shorter");
    logs.write("conf_access_log.log", day(15));
    assert_eq!(logs.look().requests, 10, "as long");
    logs.write("conf_access_log.log", day(14) + &day(15) + &day(16));
    assert_eq!(logs.look().requests, 30, "longer");
    let access = AccessLogs { ignore: Vec::new(), ..logs.access() };
    assert_eq!(logs.look_with(&access).requests, 30 + 3 * 24, "other requests count");
    let access = AccessLogs { days: 2, ..access };
    assert_eq!(logs.look_with(&access).requests, 12 + 6, "only the 16th from noon");
    assert_eq!(logs.look().requests, 30);
}

#[test]
fn a_line_is_counted_when_it_is_whole() {
    let logs = Logs::new();
    let text = day(17);
    let (half, _) = text.split_at(text.len() - 20);
    logs.write("conf_access_log.log", half);
    let before = logs.look();
    logs.write("conf_access_log.log", &text);
    let after = logs.look();
    assert_eq!((before.ignored + 1, before.strange_lines), (after.ignored, after.strange_lines));
}

#[test]
fn no_log_is_learned_as_none() {
    let logs = Logs::new();
    let traffic = logs.look();
    assert_eq!((traffic.logs, traffic.requests, traffic.unread), (0, 0, None));
    assert_eq!(traffic.by_hour.len(), 168);
    let nowhere = AccessLogs { patterns: vec!["/no/such/place/*.log".into()], ..logs.access() };
    assert_eq!(logs.look_with(&nowhere).first, None);
}

#[test]
fn what_is_no_log_is_named() {
    let logs = Logs::new();
    logs.write("good_access_log", day(17));
    fs::create_dir(logs.path("dir_access_log")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        logs.path("pipe_access_log"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    logs.write("html_access_log", "<html>\n".repeat(5000));
    logs.write("bz_access_log", b"BZh91AY&SY");
    logs.write("cut_access_log", &packed(&day(17))[..100]);
    logs.write("empty_access_log", b"");
    let bomb = vec![0_u8; 70 << 20];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bomb).unwrap();
    logs.write("bomb_access_log", encoder.finish().unwrap());
    std::os::unix::fs::symlink(logs.path("good_access_log"), logs.path("link_access_log")).unwrap();
    std::os::unix::fs::symlink(logs.path("gone"), logs.path("dangling_access_log")).unwrap();
    let traffic = logs.look();
    assert_eq!((traffic.requests, traffic.logs), (10, 2), "{traffic:?}");
    let why = traffic.unread.unwrap();
    assert!(why.starts_with("6 of 8: ") && why.contains("bomb_access_log: no line"), "{why}");
}

#[test]
fn who_may_not_read_learns_which_right_is_lacking() {
    let logs = Logs::new();
    logs.write("a_access_log", day(16));
    logs.write("b_access_log", day(17));
    fs::set_permissions(logs.path("b_access_log"), fs::Permissions::from_mode(0o000)).unwrap();
    let read = |access: AccessLogs| {
        as_another_user(move || read_traffic(&access, None, NOW.parse().unwrap(), &Stop::default()))
    };
    let traffic = read(logs.access());
    assert_eq!((traffic.requests, traffic.logs), (10, 1));
    let why = traffic.unread.unwrap();
    assert!(why.starts_with("1 of 2: ") && why.contains("setfacl -R -m u:"), "{why}");

    fs::create_dir_all(logs.path("closed/logs")).unwrap();
    fs::set_permissions(logs.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    for pattern in ["closed/logs/*", "closed/*", "clo*/logs/*"] {
        let patterns = vec![logs.path(pattern).display().to_string()];
        let traffic = read(AccessLogs { patterns, ..logs.access() });
        assert!(traffic.unread.is_some_and(|why| why.contains("closed")), "{pattern}");
    }
    open_up(&logs.path("closed"));
}
