//! Asking the public lists, one address after the other.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use upgrade_readiness_checks::facts::{
    AskOutcome, AskedAddress, Family, Product, PublicAnswer, ReleaseSeen, Said, Topic,
};

use super::parse::{MarketplacePage, parse_endoflife, parse_feed};
use super::{CatalogInUse, PublicLists, State};
use crate::chain::Chain;
use crate::collect::http::{Answer, Client, HttpError, Limits, Marks};
use crate::config::Credentials;

/// The largest list is far shorter.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// An address that gave no answer is asked again after this time, or after the usual one when that is shorter.
const RETRY_AFTER: Duration = Duration::from_hours(1);

/// The marketplace lists fifty releases a page.
const MOST_PAGES: usize = 40;

/// How endoflife.date calls the platforms of the catalog; the rest is not asked for.
///
/// The list of its products: <https://endoflife.date/api/v1/products>.
const PLATFORMS: [(&str, &str); 22] = [
    ("almalinux", "almalinux"),
    ("amazon-aurora-postgresql", "amazon-aurora-postgresql"),
    ("amazon-corretto", "amazon-corretto"),
    ("amzn", "amazon-linux"),
    ("azul-zulu", "azul-zulu"),
    ("debian", "debian"),
    ("eclipse-temurin", "eclipse-temurin"),
    ("mariadb", "mariadb"),
    ("microsoft-build-of-openjdk", "microsoft-build-of-openjdk"),
    ("mysql", "mysql"),
    ("ol", "oracle-linux"),
    ("oracle", "oracle-database"),
    ("oracle-jdk", "oracle-jdk"),
    ("postgresql", "postgresql"),
    ("red-hat-build-of-openjdk", "red-hat-build-of-openjdk"),
    ("rhel", "rhel"),
    ("rocky", "rocky-linux"),
    ("sles", "sles"),
    ("sql-server", "mssqlserver"),
    ("tomcat", "tomcat"),
    ("ubuntu", "ubuntu"),
    ("windows-server", "windows-server"),
];

/// One question.
struct Question<'a> {
    topic: Topic,
    base: &'a Url,
    path: String,
}

impl Question<'_> {
    fn address(&self) -> String {
        format!("{}/{}", self.base.as_str().trim_end_matches('/'), self.path)
    }

    fn place(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}

/// How a question ended.
enum Outcome {
    Answered(Box<PublicAnswer>),
    Unchanged,
    Failed { problem: String, wait_until: Option<Timestamp>, is_away: bool },
}

/// Asks what is due; tells whether anything is to be written down.
pub(super) async fn ask_all(
    lists: &PublicLists,
    product: Product,
    catalog: &dyn CatalogInUse,
    state: &mut State,
) -> bool {
    // What is begun last may take its whole time and is still in time.
    let share = lists.time_limit * 2 / 5;
    let ends = Instant::now() + share;
    let limits = Limits {
        connect: share.min(Duration::from_secs(5)),
        total: share.min(Duration::from_secs(20)),
        most_bytes: MOST_BYTES,
    };
    let mut away = BTreeSet::new();
    let mut changed = false;
    for question in questions(lists, product, &catalog.platforms()) {
        let now = Timestamp::now();
        if Instant::now() >= ends {
            break; // the next look goes on here
        }
        let place = question.place();
        let is_paused = state.pauses.get(&place).is_some_and(|until| now < *until);
        if is_paused || away.contains(&place) || !is_due(state, &question, lists.every, now) {
            continue;
        }
        changed = true;
        let address = question.address();
        let before = state.known.answers.get(&question.topic).filter(|answer| answer.from == address);
        let marks = before.map_or_else(Marks::default, |answer| Marks {
            etag: answer.etag.clone(),
            last_modified: answer.last_modified.clone(),
        });
        let outcome = ask(&question, lists.ca_file.as_deref(), limits, &marks, ends).await;
        let (outcome, problem) = match outcome {
            Outcome::Answered(answer) => {
                let refusal = catalog.refuses(&question.topic, &answer);
                if refusal.is_some() {
                    (AskOutcome::Refused, refusal)
                } else {
                    state.known.answers.insert(question.topic.clone(), *answer);
                    (AskOutcome::Answered, None)
                }
            }
            Outcome::Unchanged => match state.known.answers.get_mut(&question.topic) {
                Some(answer) => {
                    answer.learned_at = now;
                    (AskOutcome::Unchanged, None)
                }
                None => (AskOutcome::Failed, Some("it has nothing new, and nothing is known".to_owned())),
            },
            Outcome::Failed { problem, wait_until, is_away } => {
                if let Some(until) = wait_until {
                    state.pauses.insert(place.clone(), until);
                }
                if is_away {
                    away.insert(place);
                }
                (AskOutcome::Failed, Some(problem))
            }
        };
        let sound_at = state.known.answers.get(&question.topic).map(|answer| answer.learned_at);
        let topic = String::from(question.topic.clone());
        let asked = AskedAddress { topic, address, asked_at: now, sound_at, outcome, problem };
        state.known.asked.insert(question.topic, asked);
    }
    changed
}

fn questions<'a>(lists: &'a PublicLists, product: Product, platforms: &[String]) -> Vec<Question<'a>> {
    let mut questions = match product.family() {
        Family::Confluence => vec![
            Question {
                topic: Topic::Lines,
                base: &lists.endoflife,
                path: "api/v1/products/confluence".to_owned(),
            },
            Question {
                topic: Topic::FeedCurrent,
                base: &lists.feeds,
                path: "download/feeds/current/confluence.json".to_owned(),
            },
            Question {
                topic: Topic::FeedArchived,
                base: &lists.feeds,
                path: "download/feeds/archived/confluence.json".to_owned(),
            },
            Question {
                topic: Topic::Marketplace,
                base: &lists.marketplace,
                path: "rest/2/applications/confluence/versions".to_owned(),
            },
        ],
        // No public list tells of its releases; only the ends of platforms are asked for.
        Family::Carbon => Vec::new(),
    };
    for (id, name) in PLATFORMS {
        if platforms.iter().any(|known| known == id) {
            questions.push(Question {
                topic: Topic::Platform(id.to_owned()),
                base: &lists.endoflife,
                path: format!("api/v1/products/{name}"),
            });
        }
    }
    questions
}

fn is_due(state: &State, question: &Question<'_>, every: Duration, now: Timestamp) -> bool {
    let Some(asked) = state.known.asked.get(&question.topic) else { return true };
    let wait = match asked.outcome {
        AskOutcome::Answered | AskOutcome::Unchanged | AskOutcome::Refused => every,
        AskOutcome::Failed => every.min(RETRY_AFTER),
    };
    let age = now.duration_since(asked.asked_at);
    // A clock that was put back must not stop it for years.
    asked.address != question.address()
        || age < SignedDuration::ZERO
        || SignedDuration::try_from(wait).is_ok_and(|wait| age >= wait)
}

async fn ask(
    question: &Question<'_>,
    ca_file: Option<&Path>,
    limits: Limits,
    marks: &Marks,
    ends: Instant,
) -> Outcome {
    let asked = async {
        let client = Client::with_limits(question.base, &Credentials::Anonymous, ca_file, limits)?;
        if question.topic == Topic::Marketplace {
            return ask_marketplace(&client, &question.path, ends).await.map(Some);
        }
        let answer = client.get_if_changed(&question.path, "application/json, */*;q=0.1", marks).await?;
        if answer.status == 304 {
            return Ok(None);
        }
        let answer = answer.accepted()?;
        let said = parse(&question.topic, &answer)?;
        Ok(Some((said, answer.marks)))
    };
    match asked.await {
        Ok(None) => Outcome::Unchanged,
        Ok(Some((said, marks))) => Outcome::Answered(Box::new(PublicAnswer {
            from: question.address(),
            learned_at: Timestamp::now(),
            etag: marks.etag,
            last_modified: marks.last_modified,
            said,
        })),
        Err(error) => failed(&error),
    }
}

fn failed(error: &HttpError) -> Outcome {
    let wait_until = match error {
        HttpError::Status { retry_after: Some(after), .. } => Some(after.until(Timestamp::now())),
        _ => None,
    };
    let is_away =
        matches!(error, HttpError::Unreachable { .. } | HttpError::Tls { .. } | HttpError::Timeout { .. });
    Outcome::Failed { problem: Chain(error).to_string(), wait_until, is_away }
}

fn parse(topic: &Topic, answer: &Answer) -> Result<Said, HttpError> {
    let text = answer.text()?;
    let parsed = match topic {
        Topic::FeedArchived | Topic::FeedCurrent => parse_feed(text),
        Topic::Lines | Topic::Platform(_) | Topic::Marketplace => parse_endoflife(text.as_bytes()),
    };
    // The library's own words may quote the answer.
    parsed.map_err(|error| answer.malformed(format!("line {}, column {}", error.line(), error.column())))
}

/// Reads the pages of the marketplace, until one is not full or brings nothing new. It gives no marks.
async fn ask_marketplace(client: &Client, path: &str, ends: Instant) -> Result<(Said, Marks), HttpError> {
    let mut releases: Vec<ReleaseSeen> = Vec::new();
    let mut known = BTreeSet::new();
    for _ in 0..MOST_PAGES {
        let page = format!("{path}?limit=50&offset={}", releases.len());
        let answer = client.get(&page, "application/json").await?.accepted()?;
        let page = answer.json::<MarketplacePage>()?.into_releases();
        let fresh: Vec<ReleaseSeen> =
            page.into_iter().filter(|release| known.insert(release.version.clone())).collect();
        if fresh.is_empty() {
            return Ok((Said::Releases(releases), Marks::default()));
        }
        releases.extend(fresh);
        if Instant::now() >= ends {
            return Err(answer.malformed("it did not end in time".to_owned()));
        }
    }
    // Longer lists are cut; whether enough of what is known stands in them is seen by the catalog.
    Ok((Said::Releases(releases), Marks::default()))
}
