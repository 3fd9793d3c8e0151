//! When each source is asked: intervals with spread, time limits, bounded concurrency.
//!
//! Whatever a collector does, it cannot end the daemon: a panic, a hang or an error all become a
//! failed reading. The schedule knows nothing of what the facts mean.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use upgrade_readiness_checks::facts::{Asked, Failure, FailureKind, Section, Source};

use crate::collect::targets::TargetFeed;
use crate::collect::turn::{Length, Turns};
use crate::collect::{Answer, Collector};
use crate::config::Rhythm;

/// A tenth of the interval is the most by which looks are spread.
const SPREAD_PARTS: u32 = 10;

/// A source that may take longer leaves a turn to those that may not.
const MOMENTS: Duration = Duration::from_mins(1);

/// What takes in the answers of one instance.
pub trait Sink: Send + Sync {
    /// A source was asked; this came of it.
    fn take(&self, source: Source, answer: Result<Section, Failure>, asked: Asked);
}

/// One source of one instance, and how it is asked.
pub struct Job {
    /// Who asks.
    pub collector: Arc<dyn Collector>,
    /// How often, and for how long at most.
    pub rhythm: Rhythm,
    /// Where the answer goes.
    pub sink: Arc<dyn Sink>,
    /// The name of the instance, to spread the looks of many.
    pub instance: String,
    /// Look again as soon as these change.
    pub targets: Option<TargetFeed>,
    /// Look again as soon as this is raised: what another agent learned can be taken, or has to be asked for here.
    pub nudge: Option<Arc<Notify>>,
}

/// Held by a look that was asked for; when all are dropped, all looks are done.
type Done = mpsc::Sender<Infallible>;

/// The running jobs of one configuration.
pub struct Schedule {
    tracker: TaskTracker,
    stop: CancellationToken,
    jobs: Vec<RunningJob>,
}

struct RunningJob {
    instance: String,
    source: Source,
    wake: mpsc::Sender<Done>,
}

impl Schedule {
    /// Starts all jobs. The first look of each begins at once.
    #[must_use]
    pub fn start(jobs: Vec<Job>, max_concurrent: usize) -> Self {
        let turns = Turns::new(max_concurrent);
        let tracker = TaskTracker::new();
        let stop = CancellationToken::new();
        let jobs = jobs
            .into_iter()
            .map(|job| {
                let (wake, woken) = mpsc::channel(4);
                let running =
                    RunningJob { instance: job.instance.clone(), source: job.collector.source(), wake };
                tracker.spawn(run(job, woken, turns.clone(), stop.clone()));
                running
            })
            .collect();
        tracker.close();
        Self { tracker, stop, jobs }
    }

    /// Asks sources now and returns when all of them have answered; how many were asked.
    ///
    /// Both filters are for all when absent.
    pub async fn refresh(&self, instance: Option<&str>, source: Option<Source>) -> usize {
        let (done, mut all_done) = mpsc::channel(1);
        let mut asked = 0;
        for job in &self.jobs {
            let wanted = instance.is_none_or(|name| name == job.instance)
                && source.is_none_or(|source| source == job.source);
            if wanted && job.wake.send(done.clone()).await.is_ok() {
                asked += 1;
            }
        }
        drop(done);
        let _: Option<Infallible> = all_done.recv().await;
        asked
    }

    /// Ends all jobs; looks under way are given up after the time given.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        // Whoever is not done by then is given up: nothing is left to do about it.
        drop(timeout(patience, self.tracker.wait()).await);
    }
}

async fn run(mut job: Job, mut woken: mpsc::Receiver<Done>, turns: Turns, stop: CancellationToken) {
    let mut next = Instant::now();
    let mut first = true;
    let length = if job.rhythm.time_limit > MOMENTS { Length::Long } else { Length::Short };
    loop {
        let mut done = Vec::new();
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(next) => {}
            Some(token) = woken.recv() => done.push(token),
            () = targets_changed(&mut job.targets), if !first => {}
            () = nudged(job.nudge.as_deref()), if !first => {}
        }
        // Requests that came in meanwhile are answered by this look too.
        while let Ok(token) = woken.try_recv() {
            done.push(token);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = turns.take(length, look(&job)) => {}
        }
        let spread = if first { spread(&job) } else { Duration::ZERO };
        first = false;
        next = Instant::now() + job.rhythm.when.wait_from(Timestamp::now()) + spread;
    }
}

/// Returns when the targets change; never when there is no feed or it has ended.
async fn targets_changed(feed: &mut Option<TargetFeed>) {
    if let Some(targets) = feed
        && targets.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// The same for a nudge.
async fn nudged(nudge: Option<&Notify>) {
    match nudge {
        Some(nudge) => nudge.notified().await,
        None => std::future::pending().await,
    }
}

/// Asks once, whatever happens, and hands the answer to the sink.
pub async fn look(job: &Job) {
    let source = job.collector.source();
    let at = Timestamp::now();
    let started = Instant::now();
    let looking = AssertUnwindSafe(job.collector.answer()).catch_unwind();
    let mut age = Duration::ZERO;
    let answer = match timeout(job.rhythm.time_limit, looking).await {
        Ok(Ok(Ok(answer))) if answer.section.source() == source => {
            age = answer.age;
            Ok(answer.section)
        }
        Ok(Ok(Ok(Answer { section, .. }))) => Err(internal(&format!("it answered for {}", section.source()))),
        Ok(Ok(Err(error))) => Err(error.into_failure()),
        Ok(Err(_panic)) => Err(internal("it panicked; the log has the place")),
        Err(_elapsed) => Err(Failure {
            kind: FailureKind::Timeout,
            message: format!(
                "no answer within {:#}. Raise schedule.time_limit.{source} in the agent's configuration if that is too short",
                SignedDuration::try_from(job.rhythm.time_limit).unwrap_or(SignedDuration::MAX)
            ),
        }),
    };
    let took = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
    // Facts that are older than time itself are as old as can be told: too old to be believed.
    let at = if age.is_zero() { at } else { Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN) };
    job.sink.take(source, answer, Asked { at, took, fresh_for: job.rhythm.fresh_for(at) });
}

fn internal(what: &str) -> Failure {
    Failure {
        kind: FailureKind::Internal,
        message: format!("the collector is broken: {what}. Please report this with the agent's log"),
    }
}

/// The same delay for the same job at every start, and different ones for different jobs.
fn spread(job: &Job) -> Duration {
    let mut hasher = DefaultHasher::new();
    (&job.instance, job.collector.source()).hash(&mut hasher);
    let most = job.rhythm.when.wait_from(Timestamp::now()) / SPREAD_PARTS;
    let share = u32::try_from(hasher.finish() % 1000).unwrap_or(0);
    most * share / 1000
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::sync::watch;
    use upgrade_readiness_checks::facts::Releases;

    use super::*;
    use crate::collect::CollectError;
    use crate::config::When;

    enum Behaviour {
        Answer,
        Panic,
        Hang,
        Refuse,
    }

    struct Fake {
        behaviour: Behaviour,
        looks: AtomicUsize,
        at_once: Arc<(AtomicUsize, AtomicUsize)>,
    }

    #[async_trait]
    impl Collector for Fake {
        fn source(&self) -> Source {
            Source::Releases
        }

        async fn collect(&self) -> Result<Section, CollectError> {
            let (now, most) = &*self.at_once;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            self.looks.fetch_add(1, Ordering::SeqCst);
            match self.behaviour {
                Behaviour::Answer => Ok(Section::Releases(Releases::unrefreshed(
                    "embedded",
                    jiff::civil::date(2026, 1, 1),
                    String::new(),
                ))),
                Behaviour::Panic => panic!("boom"),
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Refuse => {
                    Err(CollectError::new(FailureKind::Denied, "asking for 'releases'", "Ask nicely."))
                }
            }
        }
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<Result<(), FailureKind>>>, tokio::sync::Notify);

    impl Sink for Heard {
        fn take(&self, _: Source, answer: Result<Section, Failure>, _: Asked) {
            self.0.lock().unwrap().push(answer.map(|_| ()).map_err(|failure| failure.kind));
            self.1.notify_one();
        }
    }

    impl Heard {
        async fn at_least(&self, count: usize) -> Vec<Result<(), FailureKind>> {
            let enough = async {
                while self.0.lock().unwrap().len() < count {
                    self.1.notified().await;
                }
            };
            timeout(Duration::from_hours(1), enough).await.expect("the answers come");
            self.0.lock().unwrap().clone()
        }
    }

    fn job(behaviour: Behaviour, sink: &Arc<Heard>, every: u64) -> (Job, Arc<Fake>) {
        let collector = Arc::new(Fake { behaviour, looks: AtomicUsize::new(0), at_once: Arc::default() });
        let rhythm =
            Rhythm { when: When::Every(Duration::from_secs(every)), time_limit: Duration::from_secs(5) };
        let sink = sink.clone() as Arc<dyn Sink>;
        let job = Job {
            collector: collector.clone(),
            rhythm,
            sink,
            instance: "wiki".into(),
            targets: None,
            nudge: None,
        };
        (job, collector)
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_a_collector_does_becomes_an_answer_and_it_is_asked_again() {
        let rows = [
            (Behaviour::Answer, Ok(())),
            (Behaviour::Panic, Err(FailureKind::Internal)),
            (Behaviour::Hang, Err(FailureKind::Timeout)),
            (Behaviour::Refuse, Err(FailureKind::Denied)),
        ];
        for (behaviour, expected) in rows {
            let heard = Arc::new(Heard::default());
            let schedule = Schedule::start(vec![job(behaviour, &heard, 60).0], 4);
            let answers = heard.at_least(3).await;
            assert!(answers.iter().all(|answer| *answer == expected), "{answers:?}");
            schedule.stop(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_returns_when_the_answer_is_there() {
        let heard = Arc::new(Heard::default());
        let (job, collector) = job(Behaviour::Answer, &heard, 86_400);
        let schedule = Schedule::start(vec![job], 4);
        heard.at_least(1).await;
        assert_eq!(schedule.refresh(Some("wiki"), None).await, 1);
        assert_eq!(collector.looks.load(Ordering::SeqCst), 2);
        assert_eq!(schedule.refresh(Some("other"), None).await, 0);
        assert_eq!(schedule.refresh(None, Some(Source::Host)).await, 0);
        schedule.stop(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn new_targets_are_asked_about_at_once() {
        let heard = Arc::new(Heard::default());
        let (feed, targets) = watch::channel(Vec::new());
        let (job, collector) = job(Behaviour::Answer, &heard, 86_400);
        let schedule = Schedule::start(vec![Job { targets: Some(targets), ..job }], 4);
        heard.at_least(1).await;
        feed.send_replace(Vec::new());
        heard.at_least(2).await;
        assert_eq!(collector.looks.load(Ordering::SeqCst), 2);
        schedule.stop(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_sources_are_asked_at_once_than_allowed() {
        let heard = Arc::new(Heard::default());
        let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let jobs = (0..10)
            .map(|_| {
                let (mut job, _) = job(Behaviour::Answer, &heard, 60);
                let behaviour = Behaviour::Answer;
                job.collector =
                    Arc::new(Fake { behaviour, looks: AtomicUsize::new(0), at_once: at_once.clone() });
                job
            })
            .collect();
        let schedule = Schedule::start(jobs, 3);
        heard.at_least(10).await;
        assert_eq!(at_once.1.load(Ordering::SeqCst), 3);
        schedule.stop(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_does_not_wait_for_a_hanging_source() {
        let heard = Arc::new(Heard::default());
        let schedule = Schedule::start(vec![job(Behaviour::Hang, &heard, 60).0], 4);
        let stopping = schedule.stop(Duration::from_secs(2));
        timeout(Duration::from_secs(3), stopping).await.expect("stop returns");
    }
}
