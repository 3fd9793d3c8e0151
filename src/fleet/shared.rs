//! A collector of what all nodes share: asks when this agent leads, and else takes what the leader learned.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use upgrade_readiness_checks::facts::{Failure, FailureKind, Section, Source};

use super::desk::{Heard, Outgoing, Post, Way};
use super::letter::{Expected, Letter, Word};
use crate::collect::{Answer, CollectError, Collector};

/// Stands before the collector that asks.
pub(super) struct Shared {
    pub(super) inner: Arc<dyn Collector>,
    pub(super) post: Arc<Post>,
}

#[async_trait]
impl Collector for Shared {
    fn source(&self) -> Source {
        self.inner.source()
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        self.answer().await.map(|answer| answer.section)
    }

    async fn answer(&self) -> Result<Answer, CollectError> {
        match self.post.way().await {
            Way::Ask => self.inner.answer().await,
            Way::AskAndTell { epoch } => self.ask_and_tell(epoch).await,
            Way::Take(heard) => self.take(&heard).await,
            Way::Nothing => Err(CollectError::new(
                FailureKind::Unreachable,
                "another node asks for all, and has not told yet what it learned",
                "`agent fleet --all` shows which one; look at its log.",
            )),
        }
    }
}

impl Shared {
    fn expected(&self) -> Expected<'_> {
        let Post { product, source, fingerprint, .. } = &*self.post;
        Expected { product: *product, source: *source, fingerprint }
    }

    async fn ask_and_tell(&self, epoch: i64) -> Result<Answer, CollectError> {
        // What is learned is as old as the question.
        let learned = Instant::now();
        match self.inner.collect().await {
            Ok(section) => {
                let letter = Letter::learned(self.expected(), &self.post.node, &section);
                self.tell(epoch, letter, learned);
                Ok(Answer { section, age: Duration::ZERO })
            }
            Err(error) => {
                let failure = error.into_failure();
                self.tell(epoch, Some(Letter::failed(self.expected(), &self.post.node, &failure)), learned);
                Err(told(failure))
            }
        }
    }

    fn tell(&self, epoch: i64, letter: Option<Letter>, learned: Instant) {
        let Some(letter) = letter else { return };
        let body = match serde_json::to_string(&letter) {
            Ok(body) if i32::try_from(body.len()).is_ok_and(|length| length <= super::letter::MOST_BYTES) => {
                body
            }
            // The others hear nothing, so they cannot tell; this agent can.
            Ok(_) | Err(_) => {
                let failure = Failure {
                    kind: FailureKind::Malformed,
                    message: "what was learned is too long for the shared store".to_owned(),
                };
                let letter = Letter::failed(self.expected(), &self.post.node, &failure);
                serde_json::to_string(&letter).unwrap_or_default()
            }
        };
        let Post { instance, source, .. } = &*self.post;
        let outgoing = Outgoing { instance: instance.clone(), source: *source, epoch, body, learned };
        // When so much waits already the store is in trouble; the next look tells again.
        if self.post.outgoing.try_send(outgoing).is_err() {
            tracing::debug!(%instance, %source, "not told to the other nodes");
        }
    }

    async fn take(&self, heard: &Heard) -> Result<Answer, CollectError> {
        let unclear = |what: &str| {
            CollectError::new(
                FailureKind::Malformed,
                format!("what another node wrote into the shared store does not count here: {what}"),
                "See who else writes into the schema.",
            )
        };
        let letter = match &heard.letter {
            Err(why) => return Err(unclear(why)),
            // Agents are renewed one after the other.
            Ok(None) => return self.inner.answer().await,
            Ok(Some(letter)) => letter.clone(),
        };
        let Some(age) = heard.age_now().and_then(|age| Duration::try_from(age).ok()) else {
            return Err(unclear("the clock of the store cannot tell how old it is"));
        };
        match letter.word(self.expected()) {
            Word::Facts(section) => Ok(Answer { section: *section, age }),
            Word::Failed(failure) => Err(told(failure)),
        }
    }
}

fn told(failure: Failure) -> CollectError {
    CollectError::new(failure.kind, failure.message, "")
}
