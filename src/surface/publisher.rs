//! The publisher: when the board changes it has what changed made anew and writes the status file.
//!
//! At most once a second, so that a board in motion does not keep a processor busy, and at least once a
//! minute, because the status file says by its age that the daemon lives. With hundreds of instances it takes a
//! moment: then less often, so that it stays a small part of the time. Who waits for it does not wait for that.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Published;
use super::fleet::{render_fleet_json, render_fleet_page, view_fleet};
use super::metrics::Metrics;
use super::parts::Parts;
use super::pieces::Pieces;
use super::scribe::Scribe;
use crate::board::Board;
use crate::board::fleet::FLEET_STORE;

const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// From one time to the next, with a second to spare.
const AT_LEAST_EVERY: Duration = Duration::from_secs(59);

/// One part in so many of the time is spent on publishing what changes by itself.
const SHARE: u32 = 50;

/// Even where publishing takes long, what changed is not older.
const SLOWEST: Duration = Duration::from_secs(45);

/// Makes the texts that surfaces hand out, and the status file.
#[derive(Debug)]
pub struct Publisher {
    metrics: Arc<Metrics>,
    parts: Parts,
    scribe: Scribe,
    published: watch::Sender<Published>,
    /// Somebody waits for what is on the board.
    awaited: Arc<Notify>,
    /// When the status file was last written.
    written_at: Option<Timestamp>,
    /// Why it could not be written the last time; kept so that each reason is logged once.
    trouble: Option<String>,
}

impl Publisher {
    /// A publisher, and where what it makes can be had.
    pub fn new(metrics: Arc<Metrics>, status_file: PathBuf) -> (Self, watch::Receiver<Published>) {
        let (published, receiver) = watch::channel(Published::default());
        let (parts, awaited) = Default::default();
        let scribe = Scribe::new(status_file);
        (Self { metrics, parts, scribe, published, awaited, written_at: None, trouble: None }, receiver)
    }

    /// How to have it publish at once.
    #[must_use]
    pub fn awaited(&self) -> Arc<Notify> {
        self.awaited.clone()
    }

    /// Publishes until the shutdown, and once more then, so that the last state is on disk.
    pub async fn run(mut self, mut board: watch::Receiver<Arc<Board>>, shutdown: CancellationToken) {
        let mut alive = true;
        while alive {
            let began = Instant::now();
            let current = Arc::clone(&board.borrow_and_update());
            self.publish(current).await;
            alive = tokio::select! {
                () = shutdown.cancelled() => false,
                changed = self.pause(&mut board, began) => changed,
            };
        }
        let last = Arc::clone(&board.borrow());
        self.publish(last).await;
    }

    /// Waits until it is time to publish again, `began` being when it last was; whether there is still a board.
    async fn pause(&self, board: &mut watch::Receiver<Arc<Board>>, began: Instant) -> bool {
        let pause = pause_after(began.elapsed());
        tokio::select! {
            () = sleep(pause) => {}
            () = self.awaited.notified() => return true,
        }
        tokio::select! {
            changed = board.changed() => changed.is_ok(),
            () = self.awaited.notified() => true,
            () = sleep(AT_LEAST_EVERY.saturating_sub(began.elapsed())) => true,
        }
    }

    /// Makes the texts first and writes the file then: a file system that hangs must not hold back what is scraped,
    /// neither now nor the next time.
    async fn publish(&mut self, board: Arc<Board>) {
        let now = Timestamp::now();
        let metrics = Arc::clone(&self.metrics);
        let mut parts = std::mem::take(&mut self.parts);
        let written_at = self.written_at;
        let shown = self.published.borrow().revision;
        let trouble = self.trouble.clone();
        let revision = board.revision;
        let made = Arc::clone(&board);
        let published = spawn_blocking(move || {
            parts.update(&made, &metrics);
            let (fleet_page, fleet_json) = fleet_texts(&made, now);
            let published = Published {
                metrics: parts.metrics(&made, &metrics, written_at),
                status: parts.status(&made, now),
                fleet_page,
                fleet_json,
                ready: made.is_complete(),
                status_file_trouble: trouble,
                revision: shown,
            };
            (parts, published)
        });
        let published = match published.await {
            Ok((parts, published)) => {
                self.parts = parts;
                published
            }
            Err(defect) => {
                error!(error = %defect, "publishing broke; this is a defect of the agent, please report it");
                // What was shown before may not be true any more, and nothing is better than that.
                let trouble = Some(format!("publishing broke: {defect}"));
                self.published
                    .send_replace(Published { status_file_trouble: trouble, ..Published::default() });
                return;
            }
        };
        let text = published.status.whole();
        self.published.send_replace(published);

        let written = self.scribe.write(text).await;
        let metrics = written.map(|()| self.parts.metrics(&board, &self.metrics, Some(now)));
        self.note(metrics, now);
        self.published.send_modify(|published| {
            published.revision = revision;
            published.status_file_trouble.clone_from(&self.trouble);
        });
    }

    /// Takes in how writing went, and logs it when it went otherwise than before.
    fn note(&mut self, written: Result<Pieces, String>, now: Timestamp) {
        match written {
            Ok(metrics) => {
                self.written_at = Some(now);
                self.published.send_modify(|published| published.metrics = metrics);
                if self.trouble.take().is_some() {
                    info!(path = %self.scribe.path().display(), "the status file can be written again");
                }
            }
            Err(trouble) => {
                if self.trouble.as_ref() != Some(&trouble) {
                    error!(
                        error = %trouble,
                        path = %self.scribe.path().display(),
                        "the status file cannot be written; make room or give the agent's user the right to \
                         write in its directory"
                    );
                    self.trouble = Some(trouble);
                }
            }
        }
    }
}

/// How long to wait after publishing took so long.
fn pause_after(took: Duration) -> Duration {
    (took * SHARE).clamp(AT_MOST_EVERY, SLOWEST)
}

/// What is shown of the fleet: made anew with everything else, since what was read of it grows old.
fn fleet_texts(board: &Board, now: Timestamp) -> (Bytes, Bytes) {
    let Some(state) = &board.fleet else { return (Bytes::new(), Bytes::new()) };
    let fleet = state.reading.as_ref().map(|reading| view_fleet(reading, &state.place, now));
    let trouble = board.notices.iter().find(|notice| notice.subject == FLEET_STORE);
    let page = render_fleet_page(fleet.as_ref(), trouble.map(|notice| notice.text.as_str()), now);
    let json = fleet.as_ref().map(render_fleet_json).unwrap_or_default();
    (Bytes::from(page), Bytes::from(json))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::time::timeout;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::surface::sample;
    use crate::surface::status::read_status;

    struct Stage {
        board: watch::Sender<Arc<Board>>,
        published: watch::Receiver<Published>,
        awaited: Arc<Notify>,
        shutdown: CancellationToken,
        tasks: TaskTracker,
    }

    impl Stage {
        fn set(board: Board, status_file: &Path) -> Self {
            let (sender, receiver) = watch::channel(Arc::new(board));
            let (maker, published) = Publisher::new(Arc::new(Metrics::new()), status_file.to_owned());
            let awaited = maker.awaited();
            let shutdown = CancellationToken::new();
            let tasks = TaskTracker::new();
            tasks.spawn(maker.run(receiver, shutdown.clone()));
            tasks.close();
            Self { board: sender, published, awaited, shutdown, tasks }
        }

        async fn until(&mut self, state: impl FnMut(&Published) -> bool) -> Published {
            let deadline = Duration::from_mins(10);
            timeout(deadline, self.published.wait_for(state)).await.unwrap().unwrap().clone()
        }
    }

    fn said(published: &Published) -> String {
        published.status.whole().to_text()
    }

    fn has_file_time(published: &Published) -> bool {
        published.metrics.to_text().contains("\nupgrade_readiness_status_file_timestamp_seconds ")
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_the_board_reaches_every_surface() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.json");
        let mut stage = Stage::set(Board::default(), &path);
        let published = stage.until(has_file_time).await;
        assert!(!published.ready && !published.status.whole().is_empty());
        assert!(read_status(&path).unwrap().instances.is_empty());

        let mut board = sample::board();
        board.instances.truncate(1);
        stage.board.send_replace(Arc::new(board));
        let published = stage.until(|published| published.ready && has_file_time(published)).await;
        assert!(published.metrics.to_text().contains("site=\"wiki\""));
        assert!(said(&published).contains("\"wiki\""));

        stage.shutdown.cancel();
        stage.tasks.wait().await;
        assert_eq!(read_status(&path).unwrap().instances[0].name, "wiki");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_change_the_file_is_renewed_once_a_minute() {
        let directory = tempfile::tempdir().unwrap();
        let mut stage = Stage::set(sample::board(), &directory.path().join("status.json"));
        let first = said(&stage.until(has_file_time).await);
        let began = Instant::now();
        stage.until(|published| said(published) != first).await;
        let waited = began.elapsed();
        assert!(
            waited >= AT_LEAST_EVERY.checked_sub(AT_MOST_EVERY).unwrap() && waited <= 2 * AT_LEAST_EVERY,
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_it_does_not_wait_for_the_pause() {
        let directory = tempfile::tempdir().unwrap();
        let mut stage = Stage::set(sample::board(), &directory.path().join("status.json"));
        stage.until(|published| published.revision == 0 && has_file_time(published)).await;
        let began = Instant::now();
        stage.board.send_modify(|board| Arc::make_mut(board).revision = 7);
        stage.awaited.notify_one();
        stage.until(|published| published.revision == 7).await;
        assert!(began.elapsed() < AT_MOST_EVERY, "{:?}", began.elapsed());
    }

    #[test]
    fn what_takes_long_is_done_seldom_and_never_more_seldom_than_once_a_minute() {
        let rows = [(0, 1_000), (5, 1_000), (40, 2_000), (700, 35_000), (5_000, 45_000), (3_600_000, 45_000)];
        for (took, pause) in rows {
            assert_eq!(pause_after(Duration::from_millis(took)), Duration::from_millis(pause), "{took} ms");
        }
        assert!(SLOWEST < AT_LEAST_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_cannot_be_written_ends_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later/status.json");
        let mut stage = Stage::set(sample::board(), &path);
        let published = stage.until(|published| published.status_file_trouble.is_some()).await;
        assert!(!has_file_time(&published));
        let first = said(&published);
        let published = stage.until(|published| said(published) != first).await;
        assert!(!has_file_time(&published));

        std::fs::create_dir(directory.path().join("later")).unwrap();
        stage.until(|published| has_file_time(published) && published.status_file_trouble.is_none()).await;
        assert!(read_status(&path).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_nobody_can_change_the_board_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let mut stage = Stage::set(sample::board(), &directory.path().join("status.json"));
        stage.until(has_file_time).await;
        let Stage { board, tasks, .. } = stage;
        drop(board);
        timeout(Duration::from_mins(10), tasks.wait()).await.unwrap();
    }
}
