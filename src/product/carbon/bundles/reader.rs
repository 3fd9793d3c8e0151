//! Reads jars, and remembers what did not change.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::jar::{Depth, Jar, JarError, read_jar};
use super::places::JarFile;
use crate::collect::blocking::Stop;
use crate::collect::notebook::Notebook;

/// The notebook does not take longer lines; such a jar is read each time.
const MOST_REMEMBERED: usize = 48 * 1024;

/// What is remembered of a jar: how much was looked for, and what was found or is wrong with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Learned {
    depth: Depth,
    jar: Result<Jar, String>,
}

/// Reads jars of one look.
pub(super) struct Reader<'a> {
    notebook: Notebook<Learned>,
    stop: &'a Stop,
}

impl<'a> Reader<'a> {
    /// A reader that remembers in a file, or not at all.
    pub(super) fn new(notes: Option<PathBuf>, stop: &'a Stop) -> Self {
        Self { notebook: Notebook::open(notes), stop }
    }

    /// Reads a jar; an error in a person's words when it cannot be read or is no jar.
    pub(super) fn read(&mut self, file: &JarFile, depth: Depth) -> Result<Jar, String> {
        let (stamp, _) = file.stamp.clone()?;
        let known = self.notebook.recall(&file.path, stamp);
        if let Some(learned) = known.filter(|learned| learned.depth == depth) {
            return learned.jar;
        }
        let jar = match read_jar(&file.path, depth, self.stop) {
            Ok(jar) => Ok(jar),
            Err(JarError::Broken(why)) => Err(why),
            // It says nothing of the jar, and is tried again next time.
            Err(error @ (JarError::NotRead(_) | JarError::Stopped)) => return Err(error.to_string()),
        };
        let learned = Learned { depth, jar };
        if serde_json::to_string(&learned).is_ok_and(|text| text.len() <= MOST_REMEMBERED) {
            self.notebook.note(&file.path, stamp, learned.clone());
        }
        learned.jar
    }

    /// Nobody waits any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_wanted()
    }

    /// Keeps what was learned. It is only an aid: without it everything is read again next time.
    pub(super) fn close(self) {
        if let Err(error) = self.notebook.close() {
            tracing::debug!(%error, "what was learned of jars could not be kept");
        }
    }
}
