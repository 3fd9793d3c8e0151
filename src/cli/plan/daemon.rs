//! Asking the running daemon for a run book.

use std::time::Duration;

use anyhow::anyhow;
use reqwest::{RequestBuilder, StatusCode, Url};
use upgrade_readiness_checks::model::Requested;
use upgrade_readiness_checks::plan::way::Method;

use super::BookForm;
use crate::chain::Chain;
use crate::cli::client::DaemonClient;
use crate::cli::output::advise;
use crate::cli::run::block_on;
use crate::config::Config;
use crate::surface::status::printable;

/// A book is made in a moment; a daemon that does not answer by then hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// No book is longer.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// So much of a refusal is shown.
const MOST_REFUSAL: usize = 1000;

/// How the agent begins its answer to an address it does not know: it is older than this command.
const NO_SUCH_ADDRESS: &str = "there is nothing here";

/// Which book is wanted.
pub(super) struct Question<'a> {
    pub(super) config: &'a Config,
    pub(super) instance: &'a str,
    pub(super) wanted: Requested,
    pub(super) method: Option<Method>,
}

/// What came of asking.
pub(super) enum Told<T> {
    /// The answer.
    Text(T),
    /// Nobody answers who could tell, and why that is so.
    Nobody(String),
}

impl Question<'_> {
    /// Asks; what the daemon refuses is an error.
    pub(super) fn ask(&self, form: BookForm) -> anyhow::Result<Told<String>> {
        let daemon = DaemonClient::new(self.config, ANSWER_WITHIN)?;
        let url = self.url(&daemon, form)?;
        let answered = block_on(fetch(daemon.get(url)))?;
        let (status, text) = match answered {
            Ok(answered) => answered,
            Err(why) => return Ok(Told::Nobody(why)),
        };
        match status {
            StatusCode::OK => Ok(Told::Text(text)),
            StatusCode::NOT_FOUND if text.starts_with(NO_SUCH_ADDRESS) => {
                Ok(Told::Nobody("it is of an older version".to_owned()))
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                let error = anyhow!("the daemon cannot answer now: {}", refusal(&text));
                Err(advise(error, "Try again in a moment, or look without it: --look."))
            }
            _ => Err(daemon.refused(status, anyhow!("the daemon refused: {}", refusal(&text)))),
        }
    }

    fn url(&self, daemon: &DaemonClient<'_>, form: BookForm) -> anyhow::Result<Url> {
        let mut url = daemon.url("api/v1/plan")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([self.instance, &self.wanted.to_string()]);
        }
        url.query_pairs_mut()
            .append_pair("form", form.id())
            .extend_pairs(self.method.map(|method| ("method", method.id())));
        Ok(url)
    }
}

/// Status and text; in words why there are none.
async fn fetch(question: RequestBuilder) -> Result<(StatusCode, String), String> {
    let told = |error: reqwest::Error| Chain(&error.without_url()).to_string();
    let mut answer = question.send().await.map_err(told)?;
    let status = answer.status();
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(told)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST_BYTES {
            return Err(format!("its answer is longer than {MOST_BYTES} bytes, which no run book is"));
        }
    }
    let text = String::from_utf8(bytes).map_err(|_not_text| "its answer is no text".to_owned())?;
    Ok((status, text))
}

fn refusal(text: &str) -> String {
    printable(text.trim()).chars().take(MOST_REFUSAL).collect()
}
