//! The metrics as a file for the textfile collector of `node_exporter`, for hosts where nothing else is scraped.
//!
//! The file is written when the publisher has published and at no other time: by its age is seen whether the agent
//! lives. It stays when the agent ends, so that a verdict does not vanish with whoever gave it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Published;
use super::status::replace;
use crate::chain::Chain;

/// What is published comes in several steps; together they are one file.
const PAUSE: Duration = Duration::from_secs(1);

/// `node_exporter` runs as another user; what stands in it, everybody who reaches `/metrics` can read.
const MODE: u32 = 0o644;

/// Writes the file.
#[derive(Debug)]
pub struct Textfile {
    path: PathBuf,
    published: watch::Receiver<Published>,
    /// Why it could not be written the last time; kept so that each reason is logged once.
    trouble: Option<String>,
}

impl Textfile {
    /// A file that is to hold the metrics that are published.
    pub fn new(path: PathBuf, published: watch::Receiver<Published>) -> Self {
        Self { path, published, trouble: None }
    }

    /// Writes until it is told to stop, or until nothing is published any more; then the last is in the file.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            self.write().await;
            let goes_on = tokio::select! {
                () = stop.cancelled() => return,
                goes_on = next(&mut self.published) => goes_on,
            };
            if !goes_on {
                return self.write().await;
            }
        }
    }

    async fn write(&mut self) {
        let metrics = self.published.borrow_and_update().metrics.clone();
        if metrics.is_empty() {
            return;
        }
        let path = self.path.clone();
        match spawn_blocking(move || replace(&path, &metrics, MODE)).await {
            Ok(Ok(())) => {
                if self.trouble.take().is_some() {
                    info!(path = %self.path.display(), "the textfile can be written again");
                }
            }
            Ok(Err(failure)) => self.note(Chain(&failure).to_string()),
            Err(defect) => {
                error!(error = %defect, "writing the textfile broke; this is a defect of the agent, please report it");
            }
        }
    }

    fn note(&mut self, trouble: String) {
        if self.trouble.as_ref() != Some(&trouble) {
            error!(
                error = %trouble,
                path = %self.path.display(),
                "the textfile cannot be written, so node_exporter shows an old one or none; make room, or give the \
                 agent's user the right to write in its directory"
            );
            self.trouble = Some(trouble);
        }
    }
}

/// Waits until something was published, and a little for the rest of it; whether more may come.
async fn next(published: &mut watch::Receiver<Published>) -> bool {
    let changed = published.changed().await.is_ok();
    if changed {
        sleep(PAUSE).await;
    }
    changed
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use axum::body::Bytes;
    use tokio::time::timeout;
    use tokio_util::task::TaskTracker;

    use super::*;

    struct Stage {
        published: watch::Sender<Published>,
        stop: CancellationToken,
        tasks: TaskTracker,
    }

    impl Stage {
        fn set(path: &Path) -> Self {
            let (published, receiver) = watch::channel(Published::default());
            let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
            tasks.spawn(Textfile::new(path.to_owned(), receiver).run(stop.clone()));
            tasks.close();
            Self { published, stop, tasks }
        }

        fn publish(&self, metrics: &'static str) {
            self.published.send_modify(|published| published.metrics = Bytes::from(metrics).into());
        }

        async fn ended(self) {
            drop(self.published);
            timeout(Duration::from_mins(10), self.tasks.wait()).await.unwrap();
        }
    }

    async fn until(path: &Path, content: &str) {
        let seen = async {
            while fs::read_to_string(path).ok().as_deref() != Some(content) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_mins(10), seen).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_is_what_was_published_and_everybody_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.prom");
        fs::write(&path, "of an earlier run\n").unwrap();
        let stage = Stage::set(&path);
        stage.publish("a 1\n");
        until(&path, "a 1\n").await;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        stage.publish("a 2\n");
        until(&path, "a 2\n").await;
        // What comes last is not lost in the pause.
        stage.publish("a 3\n");
        stage.ended().await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "a 3\n");
        let names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.prom"], "something was left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_gets_older_while_nothing_is_published() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.prom");
        let stage = Stage::set(&path);
        stage.publish("a 1\n");
        until(&path, "a 1\n").await;
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        sleep(Duration::from_hours(1)).await;
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        stage.stop.cancel();
        timeout(Duration::from_mins(10), stage.tasks.wait()).await.unwrap();
        assert!(path.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_cannot_be_written_ends_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later/a.prom");
        let stage = Stage::set(&path);
        stage.publish("a 1\n");
        sleep(Duration::from_mins(1)).await;
        assert!(!path.exists());
        fs::create_dir(directory.path().join("later")).unwrap();
        stage.publish("a 2\n");
        until(&path, "a 2\n").await;
        stage.ended().await;
    }
}
