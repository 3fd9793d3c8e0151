//! What the leader of a source writes for the other nodes, and whether another node may take its word.

use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{Failure, FailureKind, Product, SNAPSHOT_FORMAT, Section, Source};

use super::sharing::SharedFacts;

/// A longer one is not written, and not read.
pub(super) const MOST_BYTES: i32 = 4 * 1024 * 1024;

/// Form of the letter and of the facts in it.
fn form() -> String {
    format!("1/{SNAPSHOT_FORMAT}/{}", env!("CARGO_PKG_VERSION"))
}

/// What the leader learned, and what it was asked to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Letter {
    form: String,
    product: Product,
    source: Source,
    fingerprint: String,
    /// The node whose agent asked.
    pub(super) node: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Learned(Box<SharedFacts>),
    Failed(Failure),
}

/// What a letter must say to be meant for a reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) product: Product,
    pub(super) source: Source,
    pub(super) fingerprint: &'a str,
}

/// What follows from a letter.
#[derive(Debug, PartialEq)]
pub(super) enum Word {
    /// These are the facts.
    Facts(Box<Section>),
    /// The leader could not look, or its word does not count here.
    Failed(Failure),
}

impl Letter {
    /// `None` for facts that are not shared.
    pub(super) fn learned(expected: Expected<'_>, node: &str, section: &Section) -> Option<Self> {
        Some(Self::new(expected, node, Outcome::Learned(Box::new(SharedFacts::of(section)?))))
    }

    pub(super) fn failed(expected: Expected<'_>, node: &str, failure: &Failure) -> Self {
        Self::new(expected, node, Outcome::Failed(failure.clone()))
    }

    fn new(expected: Expected<'_>, node: &str, outcome: Outcome) -> Self {
        let Expected { product, source, fingerprint } = expected;
        let (fingerprint, node) = (fingerprint.to_owned(), node.to_owned());
        Self { form: form(), product, source, fingerprint, node, outcome }
    }

    /// What a letter says to a reader. Whatever anybody wrote into the store, it is facts that fit or it is none.
    pub(super) fn word(self, expected: Expected<'_>) -> Word {
        let Self { product, source, fingerprint, node, outcome, .. } = self;
        let refused = |what: &str| {
            Word::Failed(Failure {
                kind: FailureKind::Malformed,
                message: format!(
                    "what node {} wrote into the shared store does not count here: {what}",
                    shown(&node)
                ),
            })
        };
        if product != expected.product {
            return refused(
                "it is of another product. Two instances have the same name; give one of them another",
            );
        }
        if source != expected.source {
            return refused("it is of another source. Somebody changed it by hand");
        }
        if fingerprint != expected.fingerprint {
            return refused(
                "its agent looks elsewhere or for other targets. Give [[instance]] the same targets and the same \
                 places in the configuration of every node",
            );
        }
        match outcome {
            Outcome::Learned(facts) => match facts.into_section() {
                section if section.source() == expected.source => Word::Facts(Box::new(section)),
                _ => refused("its facts are of another source. Somebody changed it by hand"),
            },
            Outcome::Failed(Failure { kind, message }) => {
                let message: String = message.chars().take(2000).collect();
                Word::Failed(Failure {
                    kind,
                    message: format!("node {} asked for all: {message}", shown(&node)),
                })
            }
        }
    }
}

fn shown(node: &str) -> String {
    node.chars().take(64).collect()
}

/// A letter as it stands in the store; `Ok(None)` is one of another version of the agent, whose facts may mean something
/// else: then every agent looks for itself.
pub(super) fn parse(body: &str) -> Result<Option<Letter>, String> {
    #[derive(Deserialize)]
    struct Form {
        form: String,
    }
    let told = |error: serde_json::Error| format!("it is no letter of an agent: {error}");
    let found: Form = serde_json::from_str(body).map_err(told)?;
    if found.form != form() {
        return Ok(None);
    }
    serde_json::from_str(body).map(Some).map_err(told)
}
