//! Channels wired into the daemon: who counts what they do, and templates that are tried before they are used.

use std::sync::Arc;

use anyhow::anyhow;
use jiff::Timestamp;
use tokio::sync::watch;

use super::output::advise;
use crate::board::Board;
use crate::config::Config;
use crate::recorder::Reminder;
use crate::surface::Published;
use crate::surface::metrics::Metrics;
use crate::surface::notify::{Channels, Outcome, Tally, check_templates};

struct Counted(Arc<Metrics>);

impl Tally for Counted {
    fn count(&self, channel: &str, outcome: Outcome) {
        self.0.count_notification(channel, outcome.id());
    }

    fn queue(&self, channel: &str, waiting: usize, oldest: Option<Timestamp>) {
        self.0.queue_notifications(channel, waiting, oldest);
    }

    fn lose_sight(&self, channel: &str) {
        self.0.lose_sight_of_notifications(channel);
    }
}

/// Begins to tell through the channels of a configuration.
pub(super) fn start(
    config: &Config,
    board: &watch::Sender<Arc<Board>>,
    published: &watch::Receiver<Published>,
    reminder: &Reminder,
    metrics: &Arc<Metrics>,
) -> Channels {
    let names = config.channels.iter().map(|channel| channel.name.as_str()).collect();
    metrics.watch_channels(&names, &Outcome::ALL.map(Outcome::id));
    let tally: Arc<dyn Tally> = Arc::new(Counted(Arc::clone(metrics)));
    Channels::start(&config.channels, board, published.clone(), reminder, &tally)
}

/// Tries the templates of a configuration: one that cannot be used would be noticed on the night it is needed.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    check_templates(&config.channels).map_err(|why| {
        advise(
            anyhow!(why),
            "Mend the template, or take a known form: form = \"json\" shows what there is to use.",
        )
    })
}
