//! The restore test beside the sources: one at a time, when it is due, ended with the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use upgrade_readiness_checks::facts::{BackupKind, Backups, Integrity, Reading, Source};

use crate::board::Board;
use crate::chain::Chain;
use crate::collect::backups::restore::{
    PROOF_FILE, RestoreSettings, Task, clear_leftovers, prove, read_proof, write_proof,
};
use crate::config::{Config, Instance};
use crate::product;
use crate::schedule::Schedule;

/// How long to wait when there is nothing to restore yet, or it was refused.
const AGAIN: Duration = Duration::from_hours(1);

/// How soon to try again after a dump that did not restore; there may be a better one.
const AFTER_DEFECT: Duration = Duration::from_hours(24);

/// The restore tests of one reading of the configuration.
pub(super) struct RestoreJobs {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl RestoreJobs {
    /// Starts one job for each instance whose restore test is switched on.
    pub(super) fn start(
        config: &Config,
        board: &watch::Sender<Arc<Board>>,
        schedule: &Arc<Schedule>,
    ) -> Self {
        let jobs = Self { tasks: TaskTracker::new(), stop: CancellationToken::new() };
        let turn = Arc::new(Semaphore::new(1));
        for instance in &config.instances {
            let Some(settings) = instance.restore.test.clone() else { continue };
            let job = Job {
                instance: instance.clone(),
                settings,
                work_dir: config.cache_dir(&instance.name),
                board: board.subscribe(),
                schedule: schedule.clone(),
                turn: turn.clone(),
            };
            let stop = jobs.stop.clone();
            // Dropping the job kills the program it runs; the next job drops its scratch database.
            jobs.tasks.spawn(async move { stop.run_until_cancelled(job.run()).await });
        }
        jobs.tasks.close();
        jobs
    }

    /// Ends them, whatever they are doing; one that hangs in a system call is given up after the time given.
    pub(super) async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        drop(tokio::time::timeout(patience, self.tasks.wait()).await);
    }
}

struct Job {
    instance: Arc<Instance>,
    settings: RestoreSettings,
    work_dir: PathBuf,
    board: watch::Receiver<Arc<Board>>,
    schedule: Arc<Schedule>,
    turn: Arc<Semaphore>,
}

impl Job {
    async fn run(mut self) {
        // The next restore may be days away, and what an ended one left behind is a copy of production.
        let cleared = clear_leftovers(&self.settings, &self.instance.name, &self.work_dir).await;
        if let Err(error) = cleared {
            tracing::warn!(instance = %self.instance.name, reason = %Chain(&error), "scratch databases of an ended restore test may be left");
        }
        loop {
            let due = due_in(&self.settings, &self.work_dir);
            if !due.is_zero() {
                tokio::time::sleep(due).await;
            }
            let wait = if self.once().await { Duration::ZERO } else { AGAIN };
            tokio::time::sleep(wait).await;
        }
    }

    /// Restores once; whether there is a new proof.
    async fn once(&mut self) -> bool {
        let name = self.instance.name.clone();
        // While no dump is whole, the check of the backups says so; a new one is restored as soon as it is seen.
        let newest = |board: &Board| newest_whole(&backups_of(board, &name)?);
        let found = self.board.wait_for(|board| newest(board).is_some()).await;
        let Some((dump, finished_at)) = found.ok().and_then(|board| newest(&board)) else { return false };
        let Ok(_turn) = self.turn.acquire().await else { return false };
        let task = Task { instance: name.clone(), dump, finished_at, work_dir: self.work_dir.clone() };
        let directory = product::database_directory(&self.instance);
        let progress = |step: String| tracing::debug!(step, "restore test");
        tracing::info!(instance = %name, dump = %task.dump.display(), "restore test begins");
        let proved = Box::pin(prove(&self.settings, &task, &directory, &progress)).await;
        let written = match proved {
            Ok(proof) => {
                tracing::info!(instance = %name, defects = proof.defects.len(), "restore test ended");
                write_proof(&self.work_dir.join(PROOF_FILE), &proof)
            }
            Err(error) => {
                tracing::warn!(instance = %name, reason = %Chain(&error), "restore test not done");
                return false;
            }
        };
        if let Err(error) = &written {
            tracing::error!(instance = %name, reason = %Chain(error), "the proof of the restore is lost");
            return false;
        }
        // The proof is news to the check that asks for one, which would not see it for hours.
        self.schedule.refresh(Some(&name), Some(Source::Backups)).await;
        true
    }
}

/// How long until the next restore: nothing when there is no proof that can be read.
fn due_in(settings: &RestoreSettings, work_dir: &std::path::Path) -> Duration {
    let Ok(Some(proof)) = read_proof(&work_dir.join(PROOF_FILE)) else { return Duration::ZERO };
    let age = Timestamp::now().duration_since(proof.restored_at);
    // A proof from the future proves that the clock was set back.
    let every = if proof.defects.is_empty() { settings.every } else { settings.every.min(AFTER_DEFECT) };
    Duration::try_from(age).map_or(Duration::ZERO, |age| every.saturating_sub(age))
}

fn backups_of(board: &Board, instance: &str) -> Option<Backups> {
    let state = board.instances.iter().find(|state| state.name == instance)?;
    match &state.snapshot.backups {
        Reading::Learned(learned) => Some(learned.facts.clone()),
        Reading::Pending | Reading::Off | Reading::Failed { .. } => None,
    }
}

/// The newest dump of the database that was read to its end, and when it was finished.
pub(super) fn newest_whole(backups: &Backups) -> Option<(PathBuf, Option<Timestamp>)> {
    let dumps = backups.set(BackupKind::Database)?.backups.value()?;
    let whole = dumps.iter().filter(|dump| {
        !dump.being_written
            && matches!(dump.integrity.value(), Some(Integrity::Whole(_)))
            && is_restorable(&dump.form)
    });
    let newest = whole.max_by_key(|dump| dump.finished_at)?;
    Some((PathBuf::from(&newest.path), Some(newest.finished_at)))
}

/// An archive around a dump, or what only a marker vouches for, is whole and no dump the clients take.
fn is_restorable(form: &str) -> bool {
    ["postgresql-", "mysql-", "mariadb-", "directory"].iter().any(|start| form.starts_with(start))
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::Field;
    use upgrade_readiness_checks::golden::golden;

    use super::*;

    #[test]
    fn the_newest_dump_that_is_whole_and_finished_is_restored() {
        let facts = golden().facts;
        let mut backups = facts.backups().unwrap().clone();
        assert_eq!(newest_whole(&backups).unwrap().0, PathBuf::from("/backup/database-0"));
        let set = backups.sets.iter_mut().find(|set| set.kind == BackupKind::Database).unwrap();
        let Field::Read(dumps) = &mut set.backups else { panic!("the golden instance has dumps") };
        dumps[1].integrity = dumps[0].integrity.clone();
        dumps[0].being_written = true;
        assert_eq!(newest_whole(&backups).unwrap().0, PathBuf::from("/backup/database-1"));
        for form in ["marker", "tar.gz", "zip", "gz", "unknown"] {
            let set = backups.sets.iter_mut().find(|set| set.kind == BackupKind::Database).unwrap();
            let Field::Read(dumps) = &mut set.backups else { panic!("the golden instance has dumps") };
            dumps[1].form = form.to_owned();
            assert!(newest_whole(&backups).is_none(), "{form}");
        }
        backups.sets.clear();
        assert!(newest_whole(&backups).is_none());
    }
}
