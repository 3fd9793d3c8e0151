//! The scribe: writes the status file, one text after another, and waits for none that hangs.
//!
//! A file system that does not answer, such as a dead network mount, must not keep what is scraped at what was true when
//! it went away. Two writers at a time would take each other's file away, so nothing is begun before what hangs has ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::pieces::Pieces;
use super::status::{WriteStatusError, write_pieces};
use crate::chain::Chain;

/// How long writing may take before it is taken to hang; hundreds of megabytes take less.
const WITHIN: Duration = Duration::from_secs(10);

/// How a text gets into its file.
type Write = dyn Fn(&Path, &Pieces) -> Result<(), WriteStatusError> + Send + Sync;

/// Writes the status file.
pub(super) struct Scribe {
    path: PathBuf,
    write: Arc<Write>,
    under_way: Option<JoinHandle<Result<(), WriteStatusError>>>,
    /// What is under way was waited for in vain.
    hangs: bool,
}

impl Scribe {
    pub(super) fn new(path: PathBuf) -> Self {
        Self::with(path, Arc::new(write_pieces))
    }

    fn with(path: PathBuf, write: Arc<Write>) -> Self {
        Self { path, write, under_way: None, hangs: false }
    }

    /// Where it writes.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes this text; why it is not in the file, when it is not.
    pub(super) async fn write(&mut self, text: Pieces) -> Result<(), String> {
        if self.under_way.is_some() {
            // How the older one ended does not matter any more.
            self.settled().await.ok_or_else(|| self.silence())?.ok();
        }
        let (path, write) = (self.path.clone(), Arc::clone(&self.write));
        self.under_way = Some(spawn_blocking(move || write(&path, &text)));
        self.settled().await.ok_or_else(|| self.silence())?
    }

    /// How what is under way ended; `None` when it has not.
    async fn settled(&mut self) -> Option<Result<(), String>> {
        let task = self.under_way.as_mut()?;
        let patience = if self.hangs { Duration::ZERO } else { WITHIN };
        let Ok(ended) = timeout(patience, task).await else {
            self.hangs = true;
            return None;
        };
        self.under_way = None;
        self.hangs = false;
        Some(match ended {
            Ok(written) => written.map_err(|failure| Chain(&failure).to_string()),
            Err(defect) => {
                Err(format!("writing broke: {defect}; this is a defect of the agent, please report it"))
            }
        })
    }

    fn silence(&self) -> String {
        format!("the file system of {} does not answer", self.path.display())
    }
}

impl std::fmt::Debug for Scribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scribe").field("path", &self.path).field("hangs", &self.hangs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use axum::body::Bytes;

    use super::*;

    /// A file system that answers when it is told to, and what was written to it.
    fn slow(answers: Receiver<()>) -> (Scribe, Arc<Mutex<Vec<String>>>) {
        let written = Arc::<Mutex<Vec<String>>>::default();
        let (there, answers) = (written.clone(), Mutex::new(answers));
        let write = move |_: &Path, text: &Pieces| {
            answers.lock().unwrap().recv().ok();
            there.lock().unwrap().push(text.to_text());
            Ok(())
        };
        (Scribe::with("/srv/status.json".into(), Arc::new(write)), written)
    }

    fn text(text: &'static str) -> Pieces {
        Bytes::from_static(text.as_bytes()).into()
    }

    #[tokio::test]
    async fn what_hangs_is_waited_for_once_and_followed_by_what_is_true_then() {
        let (answer, answers) = channel();
        let (mut scribe, written) = slow(answers);
        // Already waited for in vain, as after ten seconds.
        scribe.hangs = true;
        for told in ["one", "two", "three"] {
            let why = scribe.write(text(told)).await.unwrap_err();
            assert_eq!(why, "the file system of /srv/status.json does not answer");
        }
        assert!(written.lock().unwrap().is_empty());
        answer.send(()).unwrap();
        answer.send(()).unwrap();
        while written.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        scribe.hangs = false;
        scribe.write(text("four")).await.unwrap();
        assert_eq!(*written.lock().unwrap(), ["one", "four"]);
    }
}
