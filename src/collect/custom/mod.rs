//! The operator's own probes: programs, HTTP, SQL and `PromQL` questions.
//!
//! A probe that cannot be asked is unknown, and does not keep the others from speaking.

mod http;
mod program;
mod promql;
mod range;
mod sql;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use upgrade_readiness_checks::facts::{Custom, Probe, ProbeOutcome, Section, Source};

use super::database::DatabaseDirectory;
use super::{CollectError, Collector};
use crate::chain::Chain;

pub use http::HttpQuestion;
pub use program::Program;
pub use promql::PromqlQuestion;
pub use range::{NotARange, Range};
pub use sql::{NotAQuestion, SqlQuestion};

/// Probes that are asked at the same time.
const AT_A_TIME: usize = 4;

/// Most characters of what a probe says.
const MOST_CHARACTERS: usize = 300;

/// A probe the operator set up.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomProbe {
    /// Its name, the subject of its finding.
    pub name: String,
    /// What is asked.
    pub question: Question,
    /// When a number that comes back is a warning.
    pub warning: Option<Range>,
    /// When a number that comes back is critical.
    pub critical: Option<Range>,
    /// How long it may take.
    pub time_limit: Duration,
    /// What is to be done when it is not content.
    pub remedy: Option<String>,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// A program with the contract of monitoring plug-ins.
    Program(Program),
    /// Something served over HTTP.
    Http(HttpQuestion),
    /// A query to the product's database.
    Sql(SqlQuestion),
    /// A query to a Prometheus.
    Promql(PromqlQuestion),
}

impl Question {
    /// The word for its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Program(_) => "program",
            Self::Http(_) => "http",
            Self::Sql(_) => "sql",
            Self::Promql(_) => "promql",
        }
    }

    /// What is in question; arguments of a program may hold secrets and are left out.
    fn asks(&self) -> String {
        match self {
            Self::Program(program) => program.path.display().to_string(),
            Self::Http(question) => question.url(),
            Self::Sql(question) => question.text().to_owned(),
            Self::Promql(question) => question.query.clone(),
        }
    }
}

/// Asks the operator's own probes.
pub struct CustomCollector {
    probes: Vec<CustomProbe>,
    database: Option<Arc<dyn DatabaseDirectory>>,
}

impl CustomCollector {
    /// A collector for these probes; those in SQL go to the database that `database` tells of.
    #[must_use]
    pub fn new(probes: Vec<CustomProbe>, database: Option<Arc<dyn DatabaseDirectory>>) -> Self {
        Self { probes, database }
    }

    async fn ask(&self, probe: &CustomProbe) -> Probe {
        let begun = Instant::now();
        let asking = self.answer(probe);
        let said = match tokio::time::timeout(probe.time_limit + Duration::from_secs(1), asking).await {
            Ok(said) => said,
            Err(_elapsed) => Said {
                outcome: ProbeOutcome::Unknown,
                text: format!("no answer within {:?}", probe.time_limit),
            },
        };
        Probe {
            name: probe.name.clone(),
            kind: probe.question.kind().to_owned(),
            asks: one_line(&probe.question.asks()),
            outcome: said.outcome,
            said: one_line(&said.text),
            took: SignedDuration::try_from(begun.elapsed()).unwrap_or(SignedDuration::MAX),
            remedy: probe.remedy.clone(),
        }
    }

    async fn answer(&self, probe: &CustomProbe) -> Said {
        match &probe.question {
            Question::Program(program) => program::run(program, probe.time_limit).await,
            Question::Http(question) => http::ask(question, probe.time_limit).await,
            Question::Sql(question) => sql::ask(question, self.database.clone(), probe).await,
            Question::Promql(question) => promql::ask(question, probe).await,
        }
    }
}

#[async_trait]
impl Collector for CustomCollector {
    fn source(&self) -> Source {
        Source::Custom
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let questions: Vec<_> = self.probes.iter().map(|probe| self.ask(probe)).collect();
        let probes = stream::iter(questions).buffered(AT_A_TIME).collect().await;
        Ok(Section::Custom(Custom { probes }))
    }
}

/// What a probe said.
struct Said {
    outcome: ProbeOutcome,
    text: String,
}

impl Said {
    fn unknown(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { outcome: ProbeOutcome::Unknown, text: Chain(error).to_string() }
    }
}

impl CustomProbe {
    /// What a number amounts to.
    fn judge(&self, value: f64, of: &str) -> Said {
        let alerts = |range: Option<Range>| range.filter(|range| range.alerts(value));
        let (outcome, wanted) = match (alerts(self.critical), alerts(self.warning)) {
            (Some(range), _) => (ProbeOutcome::Critical, Some(range)),
            (None, Some(range)) => (ProbeOutcome::Warning, Some(range)),
            (None, None) => (ProbeOutcome::Ok, None),
        };
        let text = match wanted {
            None => format!("{of}{value}"),
            Some(range) => format!("{of}{value}, and should be {range}"),
        };
        Said { outcome, text }
    }
}

/// A foreign text in one line, of bearable length and without characters that control a terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= MOST_CHARACTERS {
        return line;
    }
    line.chars().take(MOST_CHARACTERS).chain(['…']).collect()
}
