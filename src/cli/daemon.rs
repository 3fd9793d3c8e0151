//! The daemon: schedule, keepers, surfaces and signals put together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use upgrade_readiness_checks::facts::{Memory, Source, StepMark};
use upgrade_readiness_checks::model::Requested;

use super::channels;
use super::entrance::{self, Listener};
use super::generation::{Generation, recall_all, remembered, still_true};
use super::output::{advise, render_in_one_line};
use super::plan::{Basis, Outline, Said, find_step, marked};
use super::rounds::Rounds;
use crate::board::Board;
use crate::chain::Chain;
use crate::command::Command;
use crate::config::{Config, read_config};
use crate::keeper::Keeper;
use crate::recorder::{Recorder, Reminder};
use crate::store::Memories;
use crate::surface::Published;
use crate::surface::http::{HttpSurface, serve};
use crate::surface::metrics::Metrics;
use crate::surface::notify::Channels;
use crate::surface::page::Past;
use crate::surface::publisher::Publisher;
use crate::surface::status::printable;
use crate::surface::textfile::Textfile;

/// How often systemd is told that the daemon lives, when it does not say how often it wants to know.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_mins(1);

/// A source that hangs must not let requests for it pile up.
const MOST_REFRESHES: usize = 32;

/// Each makes a run book to see whether its step is there.
const MOST_MARKS: usize = 4;

/// How long looks and requests under way may take when the daemon ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// A daemon that has its port and will watch when it is run.
pub(super) struct Daemon {
    config_path: PathBuf,
    config: Config,
    listener: TcpListener,
    address: SocketAddr,
}

impl Daemon {
    /// Takes the port. A port that is taken ends the daemon before it begins.
    pub(super) async fn bind(config_path: PathBuf, config: Config) -> anyhow::Result<Self> {
        let (listener, address) = bind(config.listen).await?;
        Ok(Self { config_path, config, listener, address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Watches until SIGTERM or SIGINT.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut signals = Signals::new().context("listening for signals")?;
        let (commands, mut asked) = mpsc::channel(16);
        let mut running = Running::start(self, commands.clone()).await?;
        let mut memories = running.memories.clone();
        notify(&[sd_notify::NotifyState::Ready]);
        let mut watchdog = interval(watchdog_interval());
        watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
                _ = signals.hangup.recv() => {
                    // Its outcome is logged; nobody waits for it here.
                    drop(running.reload().await);
                }
                _ = signals.user1.recv() => running.refresh(None, None, None),
                Some(command) = asked.recv() => running.execute(command).await,
                () = running.rounds.due() => running.rounds.judge_next(running.generation.keepers()),
                Ok(()) = memories.changed() => recall_all(running.generation.keepers()),
                _ = watchdog.tick() => notify(&[sd_notify::NotifyState::Watchdog]),
            }
        }
        tracing::info!("stopping");
        notify(&[sd_notify::NotifyState::Stopping]);
        running.stop().await;
        Ok(())
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }
}

/// Everything that runs.
struct Running {
    config_path: PathBuf,
    config: Config,
    generation: Generation,
    channels: Channels,
    rounds: Rounds,
    board: watch::Sender<Arc<Board>>,
    metrics: Arc<Metrics>,
    entrance: Arc<entrance::Keeper>,
    memories: watch::Receiver<Memories>,
    reminder: Reminder,
    published: watch::Receiver<Published>,
    /// Has the surfaces show at once what is on the board.
    awaited: Arc<Notify>,
    commands: mpsc::Sender<Command>,
    surfaces: TaskTracker,
    stop_surfaces: CancellationToken,
    stop_http: CancellationToken,
    stop_textfile: CancellationToken,
    /// How many refreshes may wait for their answers at the same time.
    refreshes: Arc<Semaphore>,
    /// How many marks of steps may be taken in at the same time.
    marks: Arc<Semaphore>,
}

impl Running {
    async fn start(daemon: Daemon, commands: mpsc::Sender<Command>) -> anyhow::Result<Self> {
        let Daemon { config_path, config, listener, address } = daemon;
        channels::check(&config)?;
        let state_dir = config.state_dir.display();
        std::fs::create_dir_all(&config.state_dir)
            .with_context(|| format!("making the state directory {state_dir}"))
            .map_err(|error| {
                let uid = rustix::process::getuid().as_raw();
                advise(
                    error,
                    format!(
                        "Make it with `install -d -o {uid} -m 750 {state_dir}`, or name another state_dir in {}.",
                        config_path.display()
                    ),
                )
            })?;
        let metrics = Arc::new(Metrics::new());
        let board = watch::Sender::new(Arc::new(Board::default()));
        let opened = entrance::Keeper::open(&config, board.clone(), metrics.clone());
        let entrance = opened.map_err(|error| {
            let remedy = error.remedy();
            advise(error, remedy)
        })?;
        let (mut recorder, states, reminder) = Recorder::open(config.store_file()).await;
        recorder.recall(&names_of(&config)).await;
        let memories = recorder.memories();
        let known = remembered(&config, &states);
        drop(states);
        let generation = Generation::start(&config, known, &board, &metrics, &memories);
        let (maker, published) = Publisher::new(metrics.clone(), config.status_file());
        let awaited = maker.awaited();
        let surfaces = TaskTracker::new();
        let stop_surfaces = CancellationToken::new();
        surfaces.spawn(maker.run(board.subscribe(), stop_surfaces.clone()));
        surfaces.spawn(recorder.run(board.clone(), stop_surfaces.clone()));
        let channels = channels::start(&config, &board, &published, &reminder, &metrics);
        surfaces.spawn(entrance.clone().follow(stop_surfaces.clone()));
        let stop_http = CancellationToken::new();
        let running = Self {
            config_path,
            rounds: Rounds::begin(config.instances.len()),
            config,
            generation,
            channels,
            board,
            metrics,
            entrance,
            memories,
            reminder,
            published,
            awaited,
            commands,
            surfaces,
            stop_surfaces,
            stop_http,
            stop_textfile: CancellationToken::new(),
            refreshes: Arc::new(Semaphore::new(MOST_REFRESHES)),
            marks: Arc::new(Semaphore::new(MOST_MARKS)),
        };
        running.serve(listener, address);
        running.write_textfile();
        Ok(running)
    }

    /// Starts to write the metrics for the textfile collector, when the configuration says where.
    fn write_textfile(&self) {
        if let Some(path) = &self.config.textfile {
            let textfile = Textfile::new(path.clone(), self.published.clone());
            self.surfaces.spawn(textfile.run(self.stop_textfile.clone()));
        }
    }

    fn serve(&self, listener: TcpListener, address: SocketAddr) {
        tracing::info!(%address, "listening");
        let surface = HttpSurface {
            published: self.published.clone(),
            board: self.board.subscribe(),
            past: Past::in_store(self.config.store_file()),
            commands: self.commands.clone(),
            address,
            entrance: self.entrance.entrance(),
            refusals: self.metrics.refusals(),
        };
        self.surfaces.spawn(serve(listener, surface, self.stop_http.clone()));
    }

    async fn execute(&mut self, command: Command) {
        match command {
            Command::Reload { reply } => {
                let outcome = self.reload().await;
                // Whoever asked may have gone meanwhile.
                drop(reply.send(outcome));
            }
            Command::Refresh { instance, source, reply } => self.refresh(instance, source, Some(reply)),
            Command::Remember { reply } => self.remember(reply),
            Command::MarkStep { instance, target, step, state, by, took, note, reply } => {
                self.mark_step(instance, target, Said { step, state, by, took, note }, reply);
            }
        }
    }

    /// Takes in what another process wrote into the store; a store may hang, so the daemon does not wait for it.
    fn remember(&self, reply: oneshot::Sender<Result<(), String>>) {
        let reminder = self.reminder.clone();
        let keepers = self.generation.keepers().to_vec();
        let board = self.board.subscribe();
        let mut published = self.published.clone();
        let awaited = self.awaited.clone();
        self.surfaces.spawn(async move {
            reminder.look().await;
            recall_all(&keepers);
            let judged = board.borrow().revision;
            awaited.notify_one();
            let shown = published.wait_for(|published| published.revision >= judged);
            drop(timeout(PATIENCE, shown).await);
            // Whoever asked may have gone meanwhile.
            drop(reply.send(Ok(())));
        });
    }

    /// Keeps what became of a step; making the book takes a moment and a store may hang, so the daemon does not wait.
    fn mark_step(
        &self,
        instance: String,
        target: String,
        said: Said,
        reply: oneshot::Sender<Result<(), String>>,
    ) {
        let refused = |why: String, reply: oneshot::Sender<Result<(), String>>| drop(reply.send(Err(why)));
        let Ok(place) = self.marks.clone().try_acquire_owned() else {
            return refused("other steps are being marked; try again in a moment".to_owned(), reply);
        };
        let Some(keeper) = self.generation.keeper(&instance) else {
            let known = self.generation.names.join(", ");
            let asked: String = printable(&instance).chars().take(100).collect();
            return refused(format!("there is no instance {asked:?}; there are: {known}"), reply);
        };
        let reminder = self.reminder.clone();
        let memories = self.memories.clone();
        let board = self.board.subscribe();
        let mut published = self.published.clone();
        let awaited = self.awaited.clone();
        self.surfaces.spawn(async move {
            let _place = place;
            let known = memories.borrow().get(&instance).cloned().unwrap_or_default();
            let outcome = match checked_mark(&keeper, &target, &said, &known) {
                Ok(mark) => reminder.mark(instance, mark).await,
                Err(refusal) => Err(refusal),
            };
            if outcome.is_ok() {
                keeper.tick();
                let judged = board.borrow().revision;
                awaited.notify_one();
                let shown = published.wait_for(|published| published.revision >= judged);
                drop(timeout(PATIENCE, shown).await);
            }
            // Whoever asked may have gone meanwhile.
            drop(reply.send(outcome));
        });
    }

    /// Asks now; looks may take long, so the daemon does not wait for them.
    fn refresh(
        &self,
        instance: Option<String>,
        source: Option<Source>,
        reply: Option<oneshot::Sender<Result<(), String>>>,
    ) {
        let Ok(place) = self.refreshes.clone().try_acquire_owned() else {
            if let Some(reply) = reply {
                drop(reply.send(Err("too many looks that were asked for are still under way".to_owned())));
            }
            return;
        };
        let schedule = self.generation.schedule.clone();
        let names = self.generation.names.clone();
        let board = self.board.subscribe();
        let mut published = self.published.clone();
        let awaited = self.awaited.clone();
        self.surfaces.spawn(async move {
            let _place = place;
            let asked = schedule.refresh(instance.as_deref(), source).await;
            // Whoever asked will look at the status next; it must show what was learned.
            let learned = board.borrow().revision;
            awaited.notify_one();
            let shown = published.wait_for(|published| published.revision >= learned);
            drop(timeout(PATIENCE, shown).await);
            let outcome = match (&instance, asked) {
                (Some(name), 0) if !names.contains(name) => {
                    Err(format!("there is no instance {name:?}; there are: {}", names.join(", ")))
                }
                (_, 0) => {
                    Err("that source is switched off: sources_off names it, or it needs [instance.http]"
                        .to_owned())
                }
                (_, _) => Ok(()),
            };
            if let Some(reply) = reply {
                drop(reply.send(outcome));
            }
        });
    }

    /// Reads the configuration again; a wrong one changes nothing.
    async fn reload(&mut self) -> Result<(), String> {
        match sd_notify::NotifyState::monotonic_usec_now() {
            Ok(moment) => notify(&[sd_notify::NotifyState::Reloading, moment]),
            Err(error) => tracing::debug!(%error, "systemd cannot be told of a reload"),
        }
        let outcome = self.try_reload().await;
        // A refused file is no end of being ready: the old one is in force.
        notify(&[sd_notify::NotifyState::Ready]);
        match &outcome {
            Ok(()) => tracing::info!("configuration reloaded"),
            Err(reason) => {
                tracing::error!(%reason, "configuration not reloaded; the old one stays in force");
            }
        }
        outcome
    }

    async fn try_reload(&mut self) -> Result<(), String> {
        let config = read_config(&self.config_path).map_err(|error| Chain(&error).to_string())?;
        channels::check(&config).map_err(|error| render_in_one_line(&error))?;
        if config.state_dir != self.config.state_dir {
            return Err("state_dir cannot change while the agent runs; restart it".to_owned());
        }
        let prepared = self.entrance.prepare(&config);
        let prepared = prepared.map_err(|error| format!("{}; {}", Chain(&error), error.remedy()))?;
        if config.listen == self.config.listen {
            self.entrance.install(prepared, Listener::Same);
        } else {
            let (listener, address) =
                bind(config.listen).await.map_err(|error| render_in_one_line(&error))?;
            // Whoever still speaks with the old listener keeps to its rules.
            self.entrance.install(prepared, Listener::Another);
            let stop_old = std::mem::take(&mut self.stop_http);
            self.serve(listener, address);
            stop_old.cancel();
        }
        // First the old looks end: their answers must not reach a board that has other instances in other places.
        self.generation.stop(PATIENCE).await;
        let known = still_true(self.generation.known(), &self.config, &config);
        // What was said of a new instance counts from the first judgement on.
        if timeout(PATIENCE, self.reminder.recall(names_of(&config))).await.is_err() {
            tracing::warn!("the store does not answer; what it remembers comes later");
        }
        self.generation = Generation::start(&config, known, &self.board, &self.metrics, &self.memories);
        let has_moved = config.textfile != self.config.textfile;
        self.channels.stop(PATIENCE).await;
        self.channels = channels::start(&config, &self.board, &self.published, &self.reminder, &self.metrics);
        self.config = config;
        if has_moved {
            std::mem::take(&mut self.stop_textfile).cancel();
            self.write_textfile();
        }
        Ok(())
    }

    async fn stop(self) {
        self.generation.stop(PATIENCE).await;
        self.channels.stop(PATIENCE).await;
        self.stop_http.cancel();
        self.stop_surfaces.cancel();
        self.surfaces.close();
        if timeout(PATIENCE, self.surfaces.wait()).await.is_err() {
            tracing::warn!("some requests were cut off");
        }
    }
}

/// The mark that follows from what was said, by the facts of now.
fn checked_mark(keeper: &Keeper, target: &str, said: &Said, known: &Memory) -> Result<StepMark, String> {
    let (snapshot, catalog, instance) = keeper.basis();
    let basis = Basis::of(snapshot, catalog, &instance);
    let check = || {
        let wanted: Requested = target.parse()?;
        let target = basis.target(&wanted)?;
        let outline_of = |method| Ok(Outline::of(&basis.book(&target, method)?));
        let outline = find_step(&said.step, None, outline_of)?;
        marked(said, &outline, &known.steps, || Some(basis.snapshot.profile()), Timestamp::now())
    };
    check().map_err(|error| render_in_one_line(&error))
}

fn names_of(config: &Config) -> Vec<String> {
    config.instances.iter().map(|instance| instance.name.clone()).collect()
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bound = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"));
    let listener = bound.map_err(|error| {
        let port = address.port();
        advise(
            error,
            format!(
                "See what uses the port with `ss -ltnp sport = :{port}` and stop it, or change http.listen."
            ),
        )
    })?;
    let address = listener.local_addr().context("asking for the address in use")?;
    Ok((listener, address))
}

/// Half the time systemd allows between two signs of life.
fn watchdog_interval() -> Duration {
    let allowed = sd_notify::watchdog_enabled();
    allowed.map_or(SIGN_OF_LIFE_EVERY, |allowed| allowed / 2).max(Duration::from_millis(100))
}

fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd could not be notified");
    }
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::{Reading, StepState};
    use upgrade_readiness_checks::golden::golden;

    use super::*;
    use crate::config::parse_config;
    use crate::keeper::History;

    #[test]
    fn what_the_page_says_of_a_step_is_checked_by_the_facts_of_now() {
        let config = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
        let config = parse_config(config).unwrap();
        let golden = golden();
        let keeper_of = |snapshot| {
            let catalog = watch::Sender::new(Arc::new(golden.catalog.clone())).subscribe();
            let (board, feed) = (watch::Sender::default(), watch::Sender::default());
            Keeper::new(config.instances[0].clone(), catalog, 0, board, feed, snapshot, History::default())
        };
        let said = Said {
            step: "production.\u{1b}[2Jtea".into(),
            state: StepState::Done,
            by: "Ann".into(),
            took: None,
            note: None,
        };
        let mut unread = golden.facts.clone();
        unread.installation = Reading::Pending;
        let long = "9".repeat(10_000);
        let rows = vec![
            (golden.facts.clone(), "9.2.10", "there is no step"),
            (golden.facts.clone(), "recommended", "there is no step"),
            (golden.facts.clone(), "tea\u{1b}", "version"),
            (golden.facts.clone(), &long, "longer than 64 characters"),
            (unread, "9.2.10", "a run book for wiki cannot be made: installation"),
        ];
        for (facts, target, words) in rows {
            let refusal = checked_mark(&keeper_of(facts), target, &said, &Memory::default()).unwrap_err();
            assert!(refusal.contains(words), "{words:?} is not in {refusal}");
            assert!(!refusal.contains('\u{1b}') && refusal.len() < 1000, "{refusal}");
        }
    }
}
