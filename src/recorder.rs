//! The recorder: has the store remember what is new on the board, and tells the keepers what others wrote there.
//!
//! A store that cannot be used never ends the daemon: it goes on without memory, says so on the board and in the
//! log, and tries again at every change of the board, which comes at least once a minute.

mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use upgrade_readiness_checks::facts::StepMark;

use crate::board::{Board, Notice};
use crate::chain::Chain;
use crate::store::{Memories, SetAsideError, State, Store, StoreError, set_aside};
use ledger::Ledger;

/// Changes that come together are written together.
const GATHER: Duration = Duration::from_millis(200);

/// A store that failed is not tried more often.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// A file system that hangs must not keep the daemon from its work.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Subject of the notice that nothing is remembered.
const MEMORY_OFF: &str = "memory-off";

/// Subject of the notice that a store was kept aside.
const STORE_ASIDE: &str = "store-aside";

/// Asks the recorder to look at once for what others wrote, or to write what a person says.
#[derive(Debug, Clone)]
pub struct Reminder(mpsc::Sender<Request>);

enum Request {
    /// To look what is there.
    Look {
        /// Whose memory is wanted; that of the instances on the board when absent.
        instances: Option<Vec<String>>,
        done: oneshot::Sender<()>,
    },
    /// To write what became of a step.
    Mark { instance: String, mark: Box<StepMark>, done: oneshot::Sender<Result<(), String>> },
    /// To have something done with the store.
    Use(Box<dyn Work>),
}

/// Something to be done with the store, by whoever has it open: a second connection of the same process would take
/// the log away from the store that follows one that is kept aside.
trait Work: Send {
    /// Does it; the failure of the store, if that is what came of it.
    fn run(self: Box<Self>, store: &mut Store) -> BoxFuture<'_, Option<StoreError>>;

    /// Tells that there is no store, and why.
    fn decline(self: Box<Self>, why: String);
}

/// A piece of work, and who waits for what comes of it.
struct Piece<T, F> {
    work: F,
    done: oneshot::Sender<Result<T, String>>,
}

impl<T, F> Work for Piece<T, F>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Store) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
{
    fn run(self: Box<Self>, store: &mut Store) -> BoxFuture<'_, Option<StoreError>> {
        let Self { work, done } = *self;
        Box::pin(async move {
            let outcome = work(store).await;
            let told =
                outcome.as_ref().err().map(|trouble| format!("{}. {}", Chain(trouble), trouble.remedy()));
            let (answer, trouble) = match outcome {
                Ok(result) => (Ok(result), None),
                Err(trouble) => (Err(told.unwrap_or_default()), Some(trouble)),
            };
            // Whoever asked may have gone.
            done.send(answer).ok();
            trouble
        })
    }

    fn decline(self: Box<Self>, why: String) {
        self.done.send(Err(why)).ok();
    }
}

impl Reminder {
    /// Returns once the keepers can know what the store holds now, or the recorder has gone.
    pub async fn look(&self) {
        self.ask(None).await;
    }

    /// The same for instances that may not be on the board yet.
    pub async fn recall(&self, instances: Vec<String>) {
        self.ask(Some(instances)).await;
    }

    async fn ask(&self, instances: Option<Vec<String>>) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(Request::Look { instances, done }).await.is_ok() {
            // Gone is as good as done.
            drop(is_done.await);
        }
    }

    /// Has what became of a step written down; returns once the keepers can know it, or in words why it is not kept.
    pub async fn mark(&self, instance: String, mark: StepMark) -> Result<(), String> {
        let (done, is_done) = oneshot::channel();
        let request = Request::Mark { instance, mark: Box::new(mark), done };
        let gone = || "the daemon is stopping; nothing was written".to_owned();
        if self.0.send(request).await.is_err() {
            return Err(gone());
        }
        is_done.await.unwrap_or_else(|_gone| Err(gone()))
    }

    /// Whether the recorder has ended.
    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Has something done with the store: what came of it, or in words why nothing did.
    pub async fn with_store<T, F>(&self, work: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        let gone = || "the daemon is stopping".to_owned();
        let (done, is_done) = oneshot::channel();
        if self.0.send(Request::Use(Box::new(Piece { work, done }))).await.is_err() {
            return Err(gone());
        }
        is_done.await.unwrap_or_else(|_gone| Err(gone()))
    }
}

/// Keeps the store of a daemon.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    store: Option<Store>,
    ledger: Ledger,
    memories: watch::Sender<Memories>,
    /// What is said on the board.
    notices: Vec<Notice>,
    /// When the store was last tried without success.
    failed_at: Option<Instant>,
    /// The day on which was last cleared out.
    cleared_on: Option<Date>,
    reminders: mpsc::Receiver<Request>,
}

impl Recorder {
    /// Opens the store, as far as it can be: what it remembers, and how to ask for a look.
    pub async fn open(path: PathBuf) -> (Self, Vec<State>, Reminder) {
        let (remind, reminders) = mpsc::channel(8);
        let mut recorder = Self {
            path,
            store: None,
            ledger: Ledger::default(),
            memories: watch::Sender::default(),
            notices: Vec::new(),
            failed_at: None,
            cleared_on: None,
            reminders,
        };
        let states = recorder.open_store().await;
        (recorder, states, Reminder(remind))
    }

    /// What is remembered of every instance, as it changes.
    #[must_use]
    pub fn memories(&self) -> watch::Receiver<Memories> {
        self.memories.subscribe()
    }

    /// Takes in what is remembered of these instances, before anything is judged.
    pub async fn recall(&mut self, instances: &[String]) {
        if let Err(trouble) = self.read_memories(instances, &instances.iter().collect()).await {
            self.fail(&trouble).await;
        }
    }

    /// Records until the shutdown, and once more then.
    pub async fn run(mut self, board: watch::Sender<Arc<Board>>, shutdown: CancellationToken) {
        let mut changes = board.subscribe();
        let mut alive = true;
        while alive {
            let current = Arc::clone(&changes.borrow_and_update());
            self.record(&current).await;
            self.say(&board);
            alive = self.pause(&mut changes, &board, &shutdown).await;
        }
        let last = Arc::clone(&changes.borrow());
        self.record(&last).await;
        if let Some(store) = self.store.take()
            && let Err(trouble) = store.close().await
        {
            error!(error = %Chain(&trouble), "the store could not be closed");
        }
    }

    /// Waits for something to do; whether to go on.
    async fn pause(
        &mut self,
        changes: &mut watch::Receiver<Arc<Board>>,
        board: &watch::Sender<Arc<Board>>,
        shutdown: &CancellationToken,
    ) -> bool {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                Some(request) = self.reminders.recv() => match request {
                    // A store that cannot be used is tried again for a person, and not for what asks by itself.
                    Request::Use(work) => {
                        self.lend(work).await;
                        self.say(board);
                    }
                    request @ (Request::Look { .. } | Request::Mark { .. }) => {
                        self.failed_at = None;
                        let current = Arc::clone(&changes.borrow_and_update());
                        self.record(&current).await;
                        self.answer(request, &current, board).await;
                        return true;
                    }
                },
                alive = changes.changed() => match alive {
                    Ok(()) => break,
                    Err(_gone) => return false,
                },
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => false,
            () = sleep(GATHER) => true,
        }
    }

    async fn answer(&mut self, request: Request, current: &Board, board: &watch::Sender<Arc<Board>>) {
        match request {
            Request::Look { instances, done } => {
                if let Some(instances) = instances {
                    self.recall(&instances).await;
                }
                self.say(board);
                // Whoever asked may have gone.
                done.send(()).ok();
            }
            Request::Mark { instance, mark, done } => {
                let outcome = self.mark(&instance, &mark, current).await;
                self.say(board);
                done.send(outcome).ok();
            }
            Request::Use(work) => self.lend(work).await,
        }
    }

    async fn lend(&mut self, work: Box<dyn Work>) {
        let Some(store) = &mut self.store else {
            let why = self.notices.iter().find(|notice| notice.subject == MEMORY_OFF);
            return work.decline(
                why.map_or_else(|| "nothing is remembered".to_owned(), |notice| notice.text.clone()),
            );
        };
        if let Some(trouble) = work.run(store).await {
            self.fail(&trouble).await;
        }
    }

    async fn mark(&mut self, instance: &str, mark: &StepMark, board: &Board) -> Result<(), String> {
        let Some(store) = &mut self.store else {
            let why = self.notices.iter().find(|notice| notice.subject == MEMORY_OFF);
            return Err(why.map_or_else(|| "nothing is remembered".to_owned(), |notice| notice.text.clone()));
        };
        if let Err(trouble) = store.mark_step(instance, mark).await {
            let told = format!("{}. {}", Chain(&trouble), trouble.remedy());
            // A store that is full of marks is as good as before.
            if !matches!(trouble, StoreError::TooManySteps { .. }) {
                self.fail(&trouble).await;
            }
            return Err(told);
        }
        let names: Vec<String> = board.instances.iter().map(|known| known.name.clone()).collect();
        if let Err(trouble) = self.read_memories(&names, &BTreeSet::from([&instance.to_owned()])).await {
            // It is written; that it cannot be read again is said on the board.
            self.fail(&trouble).await;
        }
        Ok(())
    }

    async fn record(&mut self, board: &Board) {
        if self.store.is_none() {
            if self.failed_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
                return;
            }
            self.open_store().await;
        }
        match self.try_record(board).await {
            Ok(()) => self.recover(),
            Err(trouble) => self.fail(&trouble).await,
        }
    }

    async fn try_record(&mut self, board: &Board) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let (batch, entries) = self.ledger.news(board);
        if !batch.is_empty() {
            store.write(&batch).await?;
        }
        self.ledger.enter(entries);
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        if self.cleared_on != Some(today) {
            store.forget(today, &ledger::judged(board)).await?;
            self.cleared_on = Some(today);
        }
        let names: Vec<String> = board.instances.iter().map(|instance| instance.name.clone()).collect();
        let versions = batch.versions.iter().map(|(instance, _)| instance);
        let renewed = versions.chain(batch.points.iter().map(|(instance, ..)| instance)).collect();
        self.read_memories(&names, &renewed).await
    }

    /// Reads again what is remembered when there is reason to: others wrote, instances are other ones,
    /// or something of them was written just now.
    async fn read_memories(
        &mut self,
        instances: &[String],
        renewed: &BTreeSet<&String>,
    ) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let news = store.has_news().await?;
        let known = Arc::clone(&self.memories.borrow());
        let same = known.len() == instances.len() && instances.iter().all(|name| known.contains_key(name));
        if same && !news && renewed.is_empty() {
            return Ok(());
        }
        let mut memories = BTreeMap::new();
        for name in instances {
            // With hundreds of instances, a figure of one is no reason to read them all.
            let memory = match known.get(name) {
                Some(memory) if !news && !renewed.contains(name) => Arc::clone(memory),
                Some(_) | None => Arc::new(store.memory(name).await?),
            };
            memories.insert(name.clone(), memory);
        }
        self.memories.send_if_modified(|known| {
            // A figure of today is no reason to judge anew: the keepers see it when they judge next.
            let tell = memories.iter().any(|(name, new)| {
                known.get(name).is_none_or(|old| {
                    old.waivers != new.waivers
                        || old.sign_offs != new.sign_offs
                        || old.versions != new.versions
                        || old.steps != new.steps
                })
            });
            *known = Arc::new(memories);
            tell
        });
        Ok(())
    }

    /// Opens the store, keeps one aside that is beyond use; what it says of every check.
    async fn open_store(&mut self) -> Vec<State> {
        let opened = match timeout(OPEN_WITHIN, open(&self.path)).await {
            Ok(opened) => opened,
            Err(_elapsed) => {
                let told = format!("opening the store {} takes too long", self.path.display());
                self.off(&told, "See whether its file system answers: `df -h`.");
                return Vec::new();
            }
        };
        match opened {
            Ok((store, states)) => {
                self.store = Some(store);
                self.ledger = Ledger::new(&states);
                states
            }
            Err(trouble) => {
                let beyond_use = trouble.is_beyond_use();
                self.fail(&trouble).await;
                // It was kept aside: then a new one can be begun at once.
                if beyond_use && self.failed_at.is_none() {
                    return Box::pin(self.open_store()).await;
                }
                Vec::new()
            }
        }
    }

    async fn fail(&mut self, trouble: &StoreError) {
        if let Some(store) = self.store.take() {
            // Closed before it is kept aside: SQLite removes the log beside it by its name.
            drop(store.close().await);
        }
        if !trouble.is_beyond_use() {
            self.off(&Chain(trouble).to_string(), &trouble.remedy());
            return;
        }
        match set_aside(&self.path, Timestamp::now()) {
            Ok(aside) => {
                let told = Chain(trouble).to_string();
                error!(error = %told, aside = %aside.display(), "the store cannot be used and was kept aside; a new one begins without the history, waivers, sign-offs and marks of steps of the old one");
                let text = format!(
                    "The store could not be used and was kept aside as {}: {told}. A new one was begun: history, waivers, sign-offs and marks of steps of the old one are not in force; give them again with `agent waive`, `agent sign-off` and `agent plan step`, or bring the file back from a backup while the agent is stopped.",
                    aside.display()
                );
                self.put(Notice { subject: STORE_ASIDE, text });
                self.failed_at = None;
            }
            Err(why) => {
                let remedy = match &why {
                    SetAsideError::TooMany { directory } => format!(
                        "Look for what damages them, and remove those in {} nobody needs.",
                        directory.display()
                    ),
                    SetAsideError::Rename { .. } => trouble.remedy(),
                };
                self.off(&format!("{}; {}", Chain(trouble), Chain(&why)), &remedy);
            }
        }
    }

    fn off(&mut self, told: &str, remedy: &str) {
        self.failed_at = Some(Instant::now());
        let text = format!(
            "Nothing is remembered: {told}. Changes of verdict are not written down, and what people waived or signed off meanwhile is not known. {remedy}"
        );
        let notice = Notice { subject: MEMORY_OFF, text };
        if !self.notices.contains(&notice) {
            error!(error = %told, %remedy, "the store cannot be used; the agent goes on without memory and tries again");
        }
        self.put(notice);
    }

    fn recover(&mut self) {
        if self.store.is_none() {
            return;
        }
        self.failed_at = None;
        let before = self.notices.len();
        self.notices.retain(|notice| notice.subject != MEMORY_OFF);
        if self.notices.len() != before {
            info!(path = %self.path.display(), "the store can be used again");
        }
    }

    fn put(&mut self, notice: Notice) {
        self.notices.retain(|known| known.subject != notice.subject);
        self.notices.push(notice);
    }

    /// Says on the board what is to be said.
    fn say(&self, board: &watch::Sender<Arc<Board>>) {
        board.send_if_modified(|board| {
            let ours = |notice: &&Notice| [MEMORY_OFF, STORE_ASIDE].contains(&notice.subject);
            let said: Vec<&Notice> = board.notices.iter().filter(ours).collect();
            if said == self.notices.iter().collect::<Vec<_>>() {
                return false;
            }
            let board = Arc::make_mut(board);
            board.notices.retain(|notice| !ours(&notice));
            board.notices.extend(self.notices.iter().cloned());
            board.revision += 1;
            true
        });
    }
}

async fn open(path: &Path) -> Result<(Store, Vec<State>), StoreError> {
    let mut store = Store::open(path).await?;
    let read = match store.examine().await {
        Ok(()) => store.states().await,
        Err(trouble) => Err(trouble),
    };
    match read {
        Ok(states) => Ok((store, states)),
        Err(trouble) => {
            // It may be kept aside now. Why it cannot be used is what is told.
            drop(store.close().await);
            Err(trouble)
        }
    }
}

#[cfg(test)]
mod tests;
