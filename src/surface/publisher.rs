//! The publisher: when the board changes it has every text made anew and writes the status file.
//!
//! At most once a second, so that a board in motion does not keep a processor busy, and at least once a
//! minute, because the status file says by its age that the daemon lives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Published;
use super::metrics::Metrics;
use super::status::{WriteStatusError, render_json, view, write_json};
use crate::board::Board;
use crate::chain::Chain;

const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Beside the second above.
const AT_LEAST_EVERY: Duration = Duration::from_secs(59);

/// Makes the texts that surfaces hand out, and the status file.
#[derive(Debug)]
pub struct Publisher {
    metrics: Arc<Metrics>,
    status_file: PathBuf,
    published: watch::Sender<Published>,
    /// When the status file was last written.
    written_at: Option<Timestamp>,
    /// Why it could not be written the last time; kept so that each reason is logged once.
    trouble: Option<String>,
}

impl Publisher {
    /// A publisher, and where what it makes can be had.
    pub fn new(metrics: Arc<Metrics>, status_file: PathBuf) -> (Self, watch::Receiver<Published>) {
        let (published, receiver) = watch::channel(Published::default());
        (Self { metrics, status_file, published, written_at: None, trouble: None }, receiver)
    }

    /// Publishes until the shutdown, and once more then, so that the last state is on disk.
    pub async fn run(mut self, mut board: watch::Receiver<Arc<Board>>, shutdown: CancellationToken) {
        let mut alive = true;
        while alive {
            let current = Arc::clone(&board.borrow_and_update());
            self.publish(current).await;
            alive = tokio::select! {
                () = shutdown.cancelled() => false,
                changed = pause(&mut board) => changed,
            };
        }
        let last = Arc::clone(&board.borrow());
        self.publish(last).await;
    }

    /// Makes the texts first and writes the file then: a file system that hangs must not hold back what
    /// is scraped.
    async fn publish(&mut self, board: Arc<Board>) {
        let now = Timestamp::now();
        let metrics = Arc::clone(&self.metrics);
        let written_at = self.written_at;
        let shown = self.published.borrow().revision;
        let revision = board.revision;
        let made = Arc::clone(&board);
        let published = spawn_blocking(move || {
            let status = view(&made, now);
            Published {
                metrics: Bytes::from(metrics.encode(&made, written_at)),
                status_json: Bytes::from(render_json(&status)),
                ready: made.is_complete(),
                revision: shown,
            }
        });
        let published = match published.await {
            Ok(published) => published,
            Err(defect) => return broken(&defect),
        };
        let json = published.status_json.clone();
        self.published.send_replace(published);

        let path = self.status_file.clone();
        let metrics = Arc::clone(&self.metrics);
        let written = spawn_blocking(move || {
            write_json(&path, &json)?;
            Ok(Bytes::from(metrics.encode(&board, Some(now))))
        });
        match written.await {
            Ok(written) => self.note(written, now),
            Err(defect) => broken(&defect),
        }
        self.published.send_modify(|published| published.revision = revision);
    }

    /// Takes in how writing went, and logs it when it went otherwise than before.
    fn note(&mut self, written: Result<Bytes, WriteStatusError>, now: Timestamp) {
        match written {
            Ok(metrics) => {
                self.written_at = Some(now);
                self.published.send_modify(|published| published.metrics = metrics);
                if self.trouble.take().is_some() {
                    info!(path = %self.status_file.display(), "the status file can be written again");
                }
            }
            Err(failure) => {
                let trouble = Chain(&failure).to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    error!(
                        error = %trouble,
                        path = %self.status_file.display(),
                        "the status file cannot be written; make room or give the agent's user the right to \
                         write in its directory"
                    );
                    self.trouble = Some(trouble);
                }
            }
        }
    }
}

/// Waits until it is time to publish again; whether there is still a board.
async fn pause(board: &mut watch::Receiver<Arc<Board>>) -> bool {
    sleep(AT_MOST_EVERY).await;
    tokio::select! {
        changed = board.changed() => changed.is_ok(),
        () = sleep(AT_LEAST_EVERY) => true,
    }
}

fn broken(defect: &JoinError) {
    error!(error = %defect, "publishing broke; this is a defect of the agent, please report it");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::time::{Instant, timeout};
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::surface::sample;
    use crate::surface::status::read_status;

    struct Stage {
        board: watch::Sender<Arc<Board>>,
        published: watch::Receiver<Published>,
        shutdown: CancellationToken,
        tasks: TaskTracker,
    }

    impl Stage {
        fn set(board: Board, status_file: &Path) -> Self {
            let (sender, receiver) = watch::channel(Arc::new(board));
            let (maker, published) = Publisher::new(Arc::new(Metrics::new()), status_file.to_owned());
            let shutdown = CancellationToken::new();
            let tasks = TaskTracker::new();
            tasks.spawn(maker.run(receiver, shutdown.clone()));
            tasks.close();
            Self { board: sender, published, shutdown, tasks }
        }

        async fn until(&mut self, state: impl FnMut(&Published) -> bool) -> Published {
            let deadline = Duration::from_mins(10);
            timeout(deadline, self.published.wait_for(state)).await.unwrap().unwrap().clone()
        }
    }

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    fn has_file_time(published: &Published) -> bool {
        text(&published.metrics).contains("\nupgrade_readiness_status_file_timestamp_seconds ")
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_the_board_reaches_every_surface() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.json");
        let mut stage = Stage::set(Board::default(), &path);
        let published = stage.until(has_file_time).await;
        assert!(!published.ready);
        assert!(read_status(&path).unwrap().instances.is_empty());

        let mut board = sample::board();
        board.instances.truncate(1);
        stage.board.send_replace(Arc::new(board));
        let published = stage.until(|published| published.ready && has_file_time(published)).await;
        assert!(text(&published.metrics).contains("site=\"wiki\""));
        assert!(text(&published.status_json).contains("\"wiki\""));

        stage.shutdown.cancel();
        stage.tasks.wait().await;
        assert_eq!(read_status(&path).unwrap().instances[0].name, "wiki");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_change_the_file_is_renewed_once_a_minute() {
        let directory = tempfile::tempdir().unwrap();
        let mut stage = Stage::set(sample::board(), &directory.path().join("status.json"));
        let first = stage.until(has_file_time).await.status_json;
        let began = Instant::now();
        stage.until(|published| published.status_json != first).await;
        let waited = began.elapsed();
        assert!(waited >= AT_LEAST_EVERY && waited <= 2 * AT_LEAST_EVERY, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_cannot_be_written_ends_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later/status.json");
        let mut stage = Stage::set(sample::board(), &path);
        let published = stage.until(|published| !published.status_json.is_empty()).await;
        assert!(!has_file_time(&published));
        let first = published.status_json;
        let published = stage.until(|published| published.status_json != first).await;
        assert!(!has_file_time(&published));

        std::fs::create_dir(directory.path().join("later")).unwrap();
        stage.until(has_file_time).await;
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
