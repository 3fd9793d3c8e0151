use std::fs;

use jiff::civil::date;
use tokio_util::task::TaskTracker;
use upgrade_readiness_checks::facts::{StepState, TrendOf};
use upgrade_readiness_checks::model::Verdict;

use super::*;
use crate::board::{InstanceState, TargetState};
use crate::store::{Change, Kind, Subject, Wanted, Word};
use crate::surface::sample;

struct Stage {
    directory: tempfile::TempDir,
    board: watch::Sender<Arc<Board>>,
    reminder: Reminder,
    memories: watch::Receiver<Memories>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Stage {
    /// A recorder at work on the board of the samples.
    async fn set(directory: tempfile::TempDir, below: &str) -> Self {
        let (mut recorder, _, reminder) = Recorder::open(directory.path().join(below)).await;
        recorder.recall(&["wiki".to_owned(), "docs".to_owned()]).await;
        let memories = recorder.memories();
        let board = watch::Sender::new(Arc::new(sample::board()));
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(recorder.run(board.clone(), shutdown.clone()));
        tasks.close();
        let stage = Self { directory, board, reminder, memories, tasks, shutdown };
        stage.reminder.look().await;
        stage
    }

    async fn end(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        self.tasks.wait().await;
        self.directory
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("history.db")
    }

    async fn changes(&self) -> Vec<Change> {
        let mut store = Store::open_to_read(&self.path()).await.unwrap();
        store.changes(&Wanted { most: 1000, ..Wanted::default() }).await.unwrap()
    }

    fn notices(&self) -> Vec<&'static str> {
        self.board.borrow().notices.iter().map(|notice| notice.subject).collect()
    }

    /// Changes the first instance on the board.
    fn change(&self, change: impl FnOnce(&mut InstanceState)) {
        self.board.send_modify(|board| {
            let board = Arc::make_mut(board);
            board.revision += 1;
            change(Arc::make_mut(&mut board.instances[0]));
        });
    }

    /// Has the first check of the first target say something else.
    fn turn(&self, verdict: Verdict) {
        self.change(|instance| {
            let TargetState::Judged(judged) = &mut instance.targets[0] else { panic!("it is judged") };
            let judged = Arc::make_mut(judged);
            judged.report.checks[0].verdict = verdict;
            judged.report.checks[0].reason = "it was turned".into();
            judged.since[0].changed_at = sample::now() + jiff::SignedDuration::from_hours(1);
        });
    }
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn what_is_new_is_written_once() {
    let stage = Stage::set(place(), "history.db").await;
    let first = stage.changes().await;
    assert!(!first.is_empty());
    assert!(first.iter().all(|change| change.before.is_none()), "{first:?}");
    assert!(
        first.iter().all(|change| !matches!(change.after, Verdict::Ready | Verdict::Skipped)),
        "{first:?}"
    );

    let unknown = |change: &Change| change.after == Verdict::Unknown && change.before == Some(Verdict::Ready);
    stage.turn(Verdict::Unknown);
    stage.reminder.look().await;
    let changes = stage.changes().await;
    assert_eq!(changes.len(), first.len() + 1);
    assert!(unknown(&changes[0]), "{changes:?}");
    assert_eq!(changes[0].cause, "it was turned");

    // Over a restart, too.
    let before = stage.board.borrow().clone();
    let stage = Stage::set(stage.end().await, "history.db").await;
    stage.board.send_replace(before);
    stage.reminder.look().await;
    let again: Vec<Change> = stage.changes().await.into_iter().filter(unknown).collect();
    assert_eq!(again.len(), 2, "the sample says ready at first after its restart: {again:?}");
}

#[tokio::test]
async fn versions_and_room_are_remembered_and_reach_the_keepers() {
    let stage = Stage::set(place(), "history.db").await;
    let known = stage.memories.borrow().clone();
    let wiki = &known["wiki"];
    assert_eq!(wiki.versions[0].version.to_string(), "9.2.7");
    let disk = stage.board.borrow().instances[0].snapshot.disk().unwrap().clone();
    for filesystem in &disk.filesystems {
        let trend = wiki.trend(&TrendOf::FreeBytes(filesystem.mount_point.clone())).unwrap();
        assert_eq!(trend.points[0].value, filesystem.free_bytes);
    }
    assert!(known["docs"].versions.is_empty());
}

#[tokio::test]
async fn words_of_another_process_are_taken_in() {
    let mut stage = Stage::set(place(), "history.db").await;
    stage.memories.borrow_and_update();
    let word = Word {
        about: Subject { check: "disk-space".into(), subject: Some("/srv".into()), target: None },
        reason: "known".into(),
        by: "Ann".into(),
        given_at: sample::now(),
        until: date(2027, 1, 1),
        seen: None,
    };
    let mut other = Store::open(&stage.path()).await.unwrap();
    other.give("wiki", Kind::Waiver, &word).await.unwrap();
    // The minute that passes on the board is enough.
    stage.change(|_| ());
    stage.memories.changed().await.unwrap();
    assert_eq!(stage.memories.borrow_and_update()["wiki"].waivers.len(), 1);
    other.withdraw("wiki", Kind::Waiver, &word.about, sample::now()).await.unwrap();
    stage.reminder.look().await;
    assert!(stage.memories.borrow()["wiki"].waivers.is_empty());
}

fn mark(step: &str) -> StepMark {
    StepMark {
        target: "10.2.14".parse().unwrap(),
        step: step.into(),
        state: StepState::Done,
        by: "Ann".into(),
        at: sample::now(),
        took: None,
        note: None,
        profile: None,
    }
}

#[tokio::test]
async fn a_mark_is_written_and_reaches_the_keepers() {
    let mut stage = Stage::set(place(), "history.db").await;
    stage.memories.borrow_and_update();
    stage.reminder.mark("wiki".into(), mark("production.stop")).await.unwrap();
    assert!(stage.memories.has_changed().unwrap(), "a reason to judge anew");
    assert_eq!(stage.memories.borrow_and_update()["wiki"].steps, [mark("production.stop")]);
    let mut other = Store::open(&stage.path()).await.unwrap();
    assert_eq!(other.steps("wiki").await.unwrap(), [mark("production.stop")]);
    // What another process says of steps is taken in as well.
    other.mark_step("wiki", &mark("production.start")).await.unwrap();
    stage.reminder.look().await;
    assert_eq!(stage.memories.borrow()["wiki"].steps.len(), 2);
    let many = |number: usize| stage.reminder.mark("wiki".into(), mark(&format!("production.{number}")));
    futures_util::future::join_all((0..20).map(many)).await.into_iter().for_each(Result::unwrap);
    assert_eq!(stage.memories.borrow()["wiki"].steps.len(), 22);

    let reminder = stage.reminder.clone();
    let stage = Stage::set(stage.end().await, "history.db").await;
    assert_eq!(stage.memories.borrow()["wiki"].steps.len(), 22, "over a restart");
    let gone = reminder.mark("wiki".into(), mark("production.stop")).await.unwrap_err();
    assert!(gone.contains("stopping"), "{gone}");
}

#[tokio::test]
async fn a_mark_that_cannot_be_kept_is_refused_in_words() {
    let stage = Stage::set(place(), "later/history.db").await;
    let refusal = stage.reminder.mark("wiki".into(), mark("production.stop")).await.unwrap_err();
    assert!(refusal.contains("Nothing is remembered") && refusal.contains("No such file"), "{refusal}");
    fs::create_dir(stage.directory.path().join("later")).unwrap();
    stage.reminder.mark("wiki".into(), mark("production.stop")).await.unwrap();

    let stage = Stage::set(place(), "history.db").await;
    let mut other = Store::open(&stage.path()).await.unwrap();
    for number in 0..crate::store::MOST_STEPS {
        other.mark_step("wiki", &mark(&number.to_string())).await.unwrap();
    }
    let refusal = stage.reminder.mark("wiki".into(), mark("production.stop")).await.unwrap_err();
    assert!(refusal.contains("1000 steps of wiki are marked already. Take back"), "{refusal}");
    assert!(stage.notices().is_empty(), "the store is as good as before");
    stage.reminder.mark("docs".into(), mark("production.stop")).await.unwrap();
}

#[tokio::test]
async fn a_figure_is_no_reason_to_judge_anew() {
    let mut stage = Stage::set(place(), "history.db").await;
    stage.memories.borrow_and_update();
    let less = |instance: &mut InstanceState| {
        let snapshot = Arc::make_mut(&mut instance.snapshot);
        let upgrade_readiness_checks::facts::Reading::Learned(disk) = &mut snapshot.disk else {
            panic!("it is known")
        };
        disk.facts.filesystems[0].free_bytes /= 2;
    };
    stage.change(less);
    stage.reminder.look().await;
    assert!(!stage.memories.has_changed().unwrap());
    let disk = stage.board.borrow().instances[0].snapshot.disk().unwrap().filesystems[0].clone();
    let known = stage.memories.borrow().clone();
    let trend = known["wiki"].trend(&TrendOf::FreeBytes(disk.mount_point)).unwrap();
    assert_eq!(trend.points.last().unwrap().value, disk.free_bytes, "known all the same");
}

#[tokio::test]
async fn without_a_store_it_goes_on_and_says_so() {
    let stage = Stage::set(place(), "later/history.db").await;
    assert_eq!(stage.notices(), [MEMORY_OFF]);
    let text = stage.board.borrow().notices[0].text.clone();
    assert!(text.contains("later/history.db") && text.contains("No such file"), "{text}");
    fs::create_dir(stage.directory.path().join("later")).unwrap();
    stage.reminder.look().await;
    assert!(stage.notices().is_empty());
    assert!(!stage.memories.borrow()["wiki"].versions.is_empty());
}

#[tokio::test]
async fn a_spoilt_store_is_kept_aside_and_a_new_one_begun() {
    let directory = place();
    fs::write(directory.path().join("history.db"), "no database ".repeat(1000)).unwrap();
    let stage = Stage::set(directory, "history.db").await;
    assert_eq!(stage.notices(), [STORE_ASIDE]);
    assert!(!stage.changes().await.is_empty());
    let text = stage.board.borrow().notices[0].text.clone();
    assert!(text.contains("history.db.aside-") && text.contains("agent waive"), "{text}");
}

#[tokio::test]
async fn a_store_that_is_spoilt_while_in_use_is_kept_aside_too() {
    let stage = Stage::set(place(), "history.db").await;
    let mut other = Store::open(&stage.path()).await.unwrap();
    other.spoil().await;
    drop(other);
    stage.turn(Verdict::Unknown);
    stage.reminder.look().await;
    stage.turn(Verdict::Warning);
    stage.reminder.look().await;
    assert_eq!(stage.notices(), [STORE_ASIDE]);
    assert!(!stage.changes().await.is_empty(), "the new one knows what is on the board");
}

#[tokio::test]
async fn a_store_that_was_removed_is_noticed_and_begun_anew() {
    let stage = Stage::set(place(), "history.db").await;
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(stage.directory.path().join(format!("history.db{ending}"))).unwrap();
    }
    stage.reminder.look().await;
    assert_eq!(stage.notices(), [MEMORY_OFF]);
    stage.reminder.look().await;
    assert!(stage.notices().is_empty());
    assert!(!stage.changes().await.is_empty(), "the new one knows what is on the board");
}
