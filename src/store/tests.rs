use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::date;
use upgrade_readiness_checks::facts::{Point, Profile, StepMark, StepState, TrendOf, VersionSeen};
use upgrade_readiness_checks::model::Verdict;

use super::*;
use crate::collect::unprivileged::as_another_user;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-11-20T12:00:00.123456789Z")
}

fn state(check: &str, verdict: Verdict) -> State {
    State {
        instance: "wiki".into(),
        target: "10.2.14".into(),
        check: check.into(),
        verdict,
        first_seen: noon(),
        changed_at: noon(),
    }
}

fn change(check: &str, when: Timestamp) -> Change {
    Change {
        instance: "wiki".into(),
        target: "10.2.14".into(),
        check: check.into(),
        at: when,
        before: Some(Verdict::Ready),
        after: Verdict::Blocked,
        cause: "there is no room".into(),
        observed: Some("17 B".into()),
    }
}

fn all() -> Wanted {
    Wanted { most: 1_000_000, ..Wanted::default() }
}

fn word(subject: Option<&str>, until: Date) -> Word {
    Word {
        about: Subject { check: "disk-space".into(), subject: subject.map(Into::into), target: None },
        reason: "known".into(),
        by: "Ann".into(),
        given_at: noon(),
        until,
        seen: subject.map(|_| "blocker: 17 B".into()),
    }
}

fn mark(step: &str, when: Timestamp) -> StepMark {
    StepMark {
        target: "10.2.14".parse().unwrap(),
        step: step.into(),
        state: StepState::Done,
        by: "Ann".into(),
        at: when,
        took: None,
        note: None,
        profile: None,
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("history.db")
    }

    async fn open(&self) -> Store {
        Store::open(&self.path()).await.unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let place = Place::new();
    let mut store = place.open().await;
    let states = vec![state("disk-space", Verdict::Blocked), state("java-version", Verdict::Unknown)];
    let batch =
        Batch { states: states.clone(), changes: vec![change("disk-space", noon())], ..Batch::default() };
    store.write(&batch).await.unwrap();
    // Dropped, and not closed.
    drop(store);
    let mut store = place.open().await;
    store.examine().await.unwrap();
    assert_eq!(store.states().await.unwrap(), states);
    assert_eq!(store.changes(&all()).await.unwrap(), [change("disk-space", noon())]);
    let renewed = State { verdict: Verdict::Ready, ..states[0].clone() };
    store.write(&Batch { states: vec![renewed.clone()], ..Batch::default() }).await.unwrap();
    assert_eq!(store.states().await.unwrap()[0], renewed);
    store.close().await.unwrap();
    assert_eq!(place.names(), ["history.db"]);
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn a_transaction_that_was_cut_off_leaves_nothing() {
    let place = Place::new();
    let mut store = place.open().await;
    store.write(&Batch { states: vec![state("a", Verdict::Ready)], ..Batch::default() }).await.unwrap();
    let mut transaction = store.connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("DELETE FROM state").execute(&mut *transaction).await.unwrap();
    std::mem::forget(transaction);
    drop(store);
    let mut store = place.open().await;
    assert_eq!(store.states().await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_a_day_the_lowest_figure_is_kept_and_of_days_the_newest() {
    let place = Place::new();
    let mut store = place.open().await;
    let of = TrendOf::FreeBytes("/srv".into());
    let point = |when: Timestamp, value| ("wiki".to_owned(), of.clone(), Point { at: when, value });
    let morning = at("2026-11-20T06:00:00Z");
    for value in [50, 30, 40] {
        store.write(&Batch { points: vec![point(morning, value)], ..Batch::default() }).await.unwrap();
    }
    let points = (1..200).map(|day| point(noon() - jiff::SignedDuration::from_hours(24 * day), u64::MAX));
    store.write(&Batch { points: points.collect(), ..Batch::default() }).await.unwrap();
    let memory = store.memory("wiki").await.unwrap();
    let trend = memory.trend(&of).unwrap();
    assert_eq!(trend.points.len(), MOST_POINTS as usize);
    assert_eq!(trend.points.last(), Some(&Point { at: morning, value: 30 }));
    assert!(trend.points.is_sorted_by_key(|point| point.at));
    assert_eq!(store.memory("docs").await.unwrap(), Memory::default());

    store.forget(date(2028, 1, 1), &[]).await.unwrap();
    assert!(store.memory("wiki").await.unwrap().trends.is_empty());
}

#[tokio::test]
async fn versions_are_remembered_from_when_they_were_first_seen() {
    let place = Place::new();
    let mut store = place.open().await;
    let seen =
        |version: &str, when: Timestamp| VersionSeen { version: version.parse().unwrap(), first_seen: when };
    let later = noon() + jiff::SignedDuration::from_hours(1);
    for version in [seen("9.2.10", later), seen("9.2.9", noon()), seen("9.2.9", later)] {
        store.write(&Batch { versions: vec![("wiki".into(), version)], ..Batch::default() }).await.unwrap();
    }
    assert_eq!(store.memory("wiki").await.unwrap().versions, [seen("9.2.9", noon()), seen("9.2.10", later)]);
}

#[tokio::test]
async fn a_word_takes_the_place_of_an_older_one_and_can_be_taken_back() {
    let place = Place::new();
    let mut store = place.open().await;
    let old = word(Some("/srv"), date(2026, 12, 1));
    let new = Word { until: date(2027, 1, 1), ..old.clone() };
    store.give("wiki", Kind::Waiver, &old).await.unwrap();
    store.give("wiki", Kind::Waiver, &new).await.unwrap();
    store.give("wiki", Kind::SignOff, &word(None, date(2026, 1, 1))).await.unwrap();
    let memory = store.memory("wiki").await.unwrap();
    assert_eq!(memory.waivers.len(), 1);
    assert_eq!((memory.waivers[0].until, memory.waivers[0].seen.as_str()), (new.until, "blocker: 17 B"));
    // It has ended, and stays until it is taken back.
    assert_eq!(memory.sign_offs[0].subject, None);
    assert!(store.withdraw("wiki", Kind::Waiver, &new.about, noon()).await.unwrap());
    assert!(!store.withdraw("wiki", Kind::Waiver, &new.about, noon()).await.unwrap());
    let only = store.words("wiki").await.unwrap();
    assert_eq!(only, [(Kind::SignOff, word(None, date(2026, 1, 1)))]);
}

#[tokio::test]
async fn words_are_bounded() {
    let place = Place::new();
    let mut store = place.open().await;
    for number in 0..MOST_WORDS {
        store.give("wiki", Kind::Waiver, &word(Some(&number.to_string()), date(2027, 1, 1))).await.unwrap();
    }
    let one_more = store.give("wiki", Kind::Waiver, &word(Some("more"), date(2027, 1, 1))).await;
    assert!(matches!(one_more, Err(StoreError::TooManyWords { .. })), "{one_more:?}");
    // Renewing needs no room.
    store.give("wiki", Kind::Waiver, &word(Some("7"), date(2027, 1, 2))).await.unwrap();
}

#[tokio::test]
async fn a_step_is_marked_marked_again_and_taken_back() {
    let place = Place::new();
    let mut store = place.open().await;
    let minute = jiff::SignedDuration::from_mins(1);
    let profile = Profile {
        version: Some("9.2.7".parse().unwrap()),
        plugins: Some([("com.example.clock".to_owned(), "1.0".to_owned())].into()),
        ..Profile::default()
    };
    let first = StepMark {
        state: StepState::Failed,
        took: Some(minute * 12),
        note: Some("'); DROP TABLE step; -- \u{1b}[2J".into()),
        profile: Some(profile),
        ..mark("staging.start", noon())
    };
    let stop = mark("production.stop", noon() + minute);
    let elsewhere = StepMark { target: "9.2.10".parse().unwrap(), ..mark("staging.start", noon() + minute) };
    for mark in [&first, &stop, &elsewhere] {
        store.mark_step("wiki", mark).await.unwrap();
    }
    // Dropped, and not closed.
    drop(store);
    let mut store = place.open().await;
    assert_eq!(store.steps("wiki").await.unwrap(), [first, stop.clone(), elsewhere.clone()]);
    assert_eq!(store.memory("wiki").await.unwrap().steps.len(), 3);
    assert!(store.steps("docs").await.unwrap().is_empty());

    let again = mark("staging.start", noon() + minute * 2);
    store.mark_step("wiki", &again).await.unwrap();
    assert_eq!(store.steps("wiki").await.unwrap(), [stop.clone(), elsewhere.clone(), again.clone()]);
    let rows = [("docs", "10.2.14", false), ("wiki", "10.2.19", false), ("wiki", "10.2.14", true)];
    for (instance, target, expected) in rows {
        let target = target.parse().unwrap();
        let taken_back = store.withdraw_step(instance, &target, "staging.start", noon()).await.unwrap();
        assert_eq!(taken_back, expected, "{instance} {target}");
    }
    assert!(!store.withdraw_step("wiki", &again.target, "staging.start", noon()).await.unwrap());
    assert_eq!(store.steps("wiki").await.unwrap(), [stop, elsewhere]);
    let kept: Vec<(Option<i64>, Option<i64>)> =
        sqlx::query_as("SELECT withdrawn_at, replaced_at FROM step WHERE target = '10.2.14' ORDER BY id")
            .fetch_all(&mut store.connection)
            .await
            .unwrap();
    let ended: Vec<_> = kept.iter().map(|(back, anew)| (back.is_some(), anew.is_some())).collect();
    assert_eq!(ended, [(false, true), (false, false), (true, false)], "what was said stays for the record");
}

#[tokio::test]
async fn marks_of_steps_are_bounded_and_forgotten() {
    let place = Place::new();
    let mut store = place.open().await;
    for number in 0..MOST_STEPS {
        store.mark_step("wiki", &mark(&number.to_string(), noon())).await.unwrap();
    }
    let one_more = store.mark_step("wiki", &mark("more", noon())).await.unwrap_err();
    assert!(matches!(one_more, StoreError::TooManySteps { .. }) && !one_more.is_beyond_use());
    assert!(one_more.remedy().contains("agent plan step --list"), "{}", one_more.remedy());
    store.mark_step("docs", &mark("more", noon())).await.unwrap();
    // Saying it again needs no room, and the record of it is bounded.
    let young = noon() + jiff::SignedDuration::from_hours(48);
    for _ in 0..60 {
        store.mark_step("wiki", &mark("7", young)).await.unwrap();
    }
    let of_seven: i64 = sqlx::query_scalar("SELECT count(*) FROM step WHERE step = '7'")
        .fetch_one(&mut store.connection)
        .await
        .unwrap();
    assert_eq!(of_seven, 51, "the one in force and the newest before it");

    store.forget(date(2026, 11, 21).saturating_add(KEPT_DAYS.days()), &[]).await.unwrap();
    assert_eq!(store.steps("wiki").await.unwrap(), [mark("7", young)]);
}

#[tokio::test]
async fn a_mark_that_no_agent_wrote_is_damage() {
    let rows = [
        ("target = 'tea'", "tea"),
        ("target = ''", "not a version"),
        ("profile = '{'", "EOF"),
        ("profile = '[1]'", "expected"),
        ("note = CAST(x'ff' AS TEXT)", "utf-8"),
    ];
    for (spoilt, words) in rows {
        let place = Place::new();
        let mut store = place.open().await;
        store.mark_step("wiki", &mark("production.stop", noon())).await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("UPDATE step SET {spoilt}"));
        sqlx::query(sql).execute(&mut store.connection).await.unwrap();
        let error = store.memory("wiki").await.unwrap_err();
        assert!(error.is_beyond_use(), "{spoilt}: {error:?}");
        assert!(crate::chain::Chain(&error).to_string().contains(words), "{}", crate::chain::Chain(&error));
    }
    // What SQLite itself refuses cannot be there.
    let mut store = Place::new().open().await;
    for refused in ["state = 'tea'", "marked_by = NULL", "took = 'long'"] {
        store.mark_step("wiki", &mark("production.stop", noon())).await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("UPDATE step SET {refused}"));
        sqlx::query(sql).execute(&mut store.connection).await.unwrap_err();
    }
    // A profile of a newer agent is read as far as it is known here.
    let newer = "UPDATE step SET profile = '{\"java\": \"21\", \"moon\": \"full\"}'";
    sqlx::query(newer).execute(&mut store.connection).await.unwrap();
    let profile = store.steps("wiki").await.unwrap().remove(0).profile.unwrap();
    assert_eq!(profile, Profile { java: Some("21".into()), ..Profile::default() });
}

#[tokio::test]
async fn a_store_without_steps_gets_them_and_keeps_what_it_holds() {
    let place = Place::new();
    let old = async {
        let mut store = place.open().await;
        let said = word(Some("/srv"), date(2027, 1, 1));
        store.give("wiki", Kind::Waiver, &said).await.unwrap();
        store.write(&Batch { changes: vec![change("a", noon())], ..Batch::default() }).await.unwrap();
        // As the first version of the agent left it.
        for sql in [
            "DROP TABLE step",
            "DROP TABLE message",
            "DROP TABLE told",
            "DROP TABLE channel",
            "DROP TABLE stream",
            "DELETE FROM _sqlx_migrations WHERE version > 1",
        ] {
            sqlx::query(sql).execute(&mut store.connection).await.unwrap();
        }
        store.close().await.unwrap();
    };
    old.await;
    let unread = Store::open_to_read(&place.path()).await.unwrap_err();
    assert!(matches!(unread, StoreError::OtherVersion { .. }), "{unread:?}");
    let mut store = place.open().await;
    store.mark_step("wiki", &mark("production.stop", noon())).await.unwrap();
    let memory = store.memory("wiki").await.unwrap();
    assert_eq!((memory.waivers.len(), memory.steps.len()), (1, 1));
    assert_eq!(store.changes(&all()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_marks_that_come_at_the_same_time_one_is_in_force() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let path = place.path();
    let one = async |number: i64| {
        let mut store = Store::open(&path).await.unwrap();
        let when = noon() + jiff::SignedDuration::from_secs(number);
        store.mark_step("wiki", &mark("production.stop", when)).await.unwrap();
        store.mark_step("wiki", &mark(&format!("production.{number}"), when)).await.unwrap();
        store.close().await.unwrap();
    };
    futures_util::future::join_all((0..12).map(one)).await;
    let steps = place.open().await.steps("wiki").await.unwrap();
    assert_eq!(steps.len(), 13, "{steps:?}");
    assert_eq!(steps.iter().filter(|mark| mark.step == "production.stop").count(), 1);
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let place = Place::new();
    let mut store = place.open().await;
    let day = |days: i64| noon() + jiff::SignedDuration::from_hours(24 * days);
    let mut changes = vec![change("old", noon()), change("young", day(2))];
    let flapping = (0..KEPT_CHANGES_OF_A_CHECK + 50)
        .map(|second| change("flapping", day(300) + jiff::SignedDuration::from_secs(second)));
    changes.extend(flapping);
    let other = State { target: "9.2.10".into(), ..state("b", Verdict::Ready) };
    let states = vec![state("a", Verdict::Ready), other];
    store.write(&Batch { states, changes, ..Batch::default() }).await.unwrap();
    let today = date(2026, 11, 21).saturating_add(KEPT_DAYS.days());
    store.forget(today, &[("wiki".into(), "10.2.14".into())]).await.unwrap();
    let left = store.changes(&all()).await.unwrap();
    let count = |check: &str| left.iter().filter(|change| change.check == check).count();
    assert_eq!((count("old"), count("young")), (0, 1));
    assert_eq!(count("flapping"), usize::try_from(KEPT_CHANGES_OF_A_CHECK).unwrap());
    let states: Vec<String> = store.states().await.unwrap().into_iter().map(|state| state.check).collect();
    assert_eq!(states, ["a"], "a target nobody judges any more is forgotten");
}

#[tokio::test]
async fn changes_are_found_by_what_they_are_about() {
    let place = Place::new();
    let mut store = place.open().await;
    let hour = jiff::SignedDuration::from_hours(1);
    let other = Change { instance: "docs".into(), target: "9.2.10".into(), ..change("b", noon() + hour) };
    store.write(&Batch { changes: vec![change("a", noon()), other], ..Batch::default() }).await.unwrap();
    let rows = [
        (all(), 2),
        (Wanted { instance: Some("wiki".into()), ..all() }, 1),
        (Wanted { target: Some("9.2.10".into()), ..all() }, 1),
        (Wanted { check: Some("a".into()), ..all() }, 1),
        (Wanted { check: Some("' OR 1=1 --".into()), ..all() }, 0),
        (Wanted { since: Some(noon() + hour), ..all() }, 1),
        (Wanted { most: 1, ..all() }, 1),
    ];
    for (wanted, count) in rows {
        assert_eq!(store.changes(&wanted).await.unwrap().len(), count, "{wanted:?}");
    }
    assert_eq!(store.changes(&all()).await.unwrap()[0].check, "b", "the newest first");
}

#[tokio::test]
async fn others_write_at_the_same_time_and_are_noticed() {
    let place = Place::new();
    let mut daemon = place.open().await;
    assert!(daemon.has_news().await.unwrap(), "the first time");
    daemon.write(&Batch { states: vec![state("a", Verdict::Ready)], ..Batch::default() }).await.unwrap();
    assert!(!daemon.has_news().await.unwrap(), "what one wrote oneself is no news");
    let path = place.path();
    let people = async {
        for number in 0..20 {
            let mut store = Store::open(&path).await.unwrap();
            let said = word(Some(&number.to_string()), date(2027, 1, 1));
            store.give("wiki", Kind::Waiver, &said).await.unwrap();
            store.close().await.unwrap();
        }
    };
    let writing = async {
        for number in 0..100 {
            let changes = vec![change(&number.to_string(), noon())];
            daemon.write(&Batch { changes, ..Batch::default() }).await.unwrap();
        }
    };
    tokio::join!(people, writing);
    assert!(daemon.has_news().await.unwrap());
    assert_eq!(daemon.memory("wiki").await.unwrap().waivers.len(), 20);
    assert_eq!(daemon.changes(&all()).await.unwrap().len(), 100);
}

#[tokio::test]
async fn two_that_make_it_at_the_same_time_do_not_disturb_each_other() {
    for _ in 0..5 {
        let place = Place::new();
        let path = place.path();
        let (one, two) = tokio::join!(Store::open(&path), Store::open(&path));
        // Turning the log on is nothing SQLite waits for; the daemon tries again, a person too.
        assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
        place.open().await.examine().await.unwrap();
    }
}

async fn foreign(path: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("CREATE TABLE album (title TEXT)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_is_beyond_use_is_known_and_kept_aside_whole() {
    type Expected = fn(&StoreError) -> bool;
    let rows: [(&str, Expected); 6] = [
        ("garbage", |error| matches!(error, StoreError::Damaged { .. })),
        ("truncated", |error| matches!(error, StoreError::Damaged { .. })),
        ("overwritten", |error| matches!(error, StoreError::Damaged { .. })),
        ("foreign", |error| matches!(error, StoreError::Foreign { .. })),
        ("newer", |error| matches!(error, StoreError::OtherVersion { .. })),
        ("changed", |error| matches!(error, StoreError::OtherVersion { .. })),
    ];
    for (what, expected) in rows {
        let place = Place::new();
        let path = place.path();
        if what != "foreign" && what != "garbage" {
            let mut store = place.open().await;
            let changes = (0..500).map(|number| change(&number.to_string(), noon())).collect();
            store.write(&Batch { changes, ..Batch::default() }).await.unwrap();
            if what == "newer" {
                let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                             VALUES (99, 'later', 1, x'00', 0)";
                sqlx::query(newer).execute(&mut store.connection).await.unwrap();
            }
            if what == "changed" {
                let other = "UPDATE _sqlx_migrations SET checksum = x'00'";
                sqlx::query(other).execute(&mut store.connection).await.unwrap();
            }
            store.close().await.unwrap();
        }
        let whole = fs::read(&path).unwrap_or_default();
        match what {
            "garbage" => fs::write(&path, "not a database at all ".repeat(500)).unwrap(),
            "truncated" => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
            "overwritten" => {
                let mut spoilt = whole.clone();
                let end = spoilt.len();
                spoilt[4096..end].fill(0xa5);
                fs::write(&path, spoilt).unwrap();
            }
            "foreign" => foreign(&path).await,
            _ => {}
        }
        let before = fs::read(&path).unwrap();
        let opened = async {
            let mut store = Store::open(&path).await?;
            store.examine().await?;
            store.states().await
        };
        let error = opened.await.unwrap_err();
        assert!(expected(&error) && error.is_beyond_use(), "{what}: {error:?}");
        assert!(!error.remedy().is_empty());

        fs::write(place.0.path().join("history.db-wal"), "").unwrap();
        let aside = set_aside(&path, noon()).unwrap();
        assert!(aside.ends_with("history.db.aside-20261120T120000Z"), "{}", aside.display());
        if what != "truncated" && what != "overwritten" {
            assert_eq!(fs::read(&aside).unwrap(), before, "{what}: nothing was changed in it");
        }
        assert!(
            place.names().iter().all(|name| name.starts_with("history.db.aside-")),
            "{:?}",
            place.names()
        );
        place.open().await.examine().await.unwrap();
        // Two in the same second are both kept, and no more than a few.
        let second = set_aside(&path, noon()).unwrap();
        assert_ne!(second, aside);
        for _ in 0..20 {
            fs::write(&path, "").unwrap();
            drop(set_aside(&path, noon()));
        }
        assert!(matches!(set_aside(&path, noon()), Err(SetAsideError::TooMany { .. })));
    }
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let place = Place::new();
    let elsewhere = place.0.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, place.path()).unwrap();
    assert!(matches!(Store::open(&place.path()).await, Err(StoreError::NotAFile { .. })));
    fs::remove_file(place.path()).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.path(), rustix::fs::Mode::RUSR).unwrap();
    assert!(matches!(Store::open(&place.path()).await, Err(StoreError::NotAFile { .. })));
    assert!(matches!(Store::open_to_read(&place.path()).await, Err(StoreError::NotAFile { .. })));
    fs::remove_file(place.path()).unwrap();
    assert!(matches!(Store::open_to_read(&place.path()).await, Err(StoreError::Absent { .. })));
    assert!(place.names() == ["elsewhere"], "reading makes nothing");
}

fn as_nobody<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    // SQLite works on a thread of its own, which inherits the rights of the thread that starts it.
    as_another_user(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work())
    })
}

#[tokio::test]
async fn who_may_only_read_reads_it_with_and_without_a_daemon() {
    let place = Place::new();
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = place.path();
    let mut store = place.open().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    store.close().await.unwrap();
    store = place.open().await;
    store.write(&Batch { changes: vec![change("a", noon())], ..Batch::default() }).await.unwrap();
    let read = || {
        as_nobody(async || {
            let mut store = Store::open_to_read(&path).await?;
            let changes = store.changes(&all()).await;
            // In one process SQLite uses files again that another thread has open, whatever their rights are.
            store.close().await?;
            changes
        })
    };
    assert_eq!(read().unwrap().len(), 1, "beside a daemon");
    store.close().await.unwrap();
    assert_eq!(read().unwrap().len(), 1, "without one");
    if rustix::process::geteuid().is_root() {
        let written = as_nobody(async || Store::open(&path).await.map(drop));
        let error = written.unwrap_err();
        assert!(error.is_denied() && error.remedy().contains("sudo"), "{error:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read().unwrap_err().is_denied());
    }
}

#[tokio::test]
async fn what_root_makes_belongs_to_the_owner_of_the_directory() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away, and only root has to.
        return;
    }
    let place = Place::new();
    let (uid, gid) = (rustix::fs::Uid::from_raw(65_534), rustix::fs::Gid::from_raw(65_534));
    rustix::fs::chown(place.0.path(), Some(uid), Some(gid)).unwrap();
    let path = place.path();
    let mut store = place.open().await;
    store.give("wiki", Kind::Waiver, &word(Some("a"), date(2027, 1, 1))).await.unwrap();
    for name in place.names() {
        let owner = fs::metadata(place.0.path().join(&name)).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (65_534, 65_534), "{name}");
    }
    // The daemon writes while root's command still has it open, and afterwards.
    let said = word(Some("b"), date(2027, 1, 1));
    let write = || {
        as_nobody(async || {
            let mut store = Store::open(&path).await?;
            store.give("wiki", Kind::Waiver, &said).await?;
            store.close().await
        })
    };
    write().unwrap();
    store.close().await.unwrap();
    write().unwrap();
}

impl Store {
    /// Writes what no agent writes.
    pub(crate) async fn spoil(&mut self) {
        for sql in ["DROP TABLE point", "UPDATE state SET verdict = 'tea'", "UPDATE version SET version = ''"]
        {
            sqlx::query(sql).execute(&mut self.connection).await.unwrap();
        }
        sqlx::query("UPDATE word SET until = 'never'").execute(&mut self.connection).await.unwrap();
    }
}
