//! Reading what every agent wrote. Whoever may write there may write anything: what comes back is bounded, and what
//! cannot be understood is said to be so.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::key::hex;
use super::shared_store::within;
use super::{FleetError, SharedStore};
use crate::board::fleet::{Entry, FleetReading, PAPER_FORM, Paper};

/// More papers are not read.
const MOST_PAPERS: i64 = 20_000;

/// A longer paper is none of ours.
const MOST_BYTES: i32 = 256 * 1024;

/// Whoever fills the store does not fill the memory of every agent with it.
const MOST_BYTES_OF_ALL: i64 = 128 * 1024 * 1024;

/// Whatever a writer says, nothing is believed for longer.
const LONGEST_HOLDS: SignedDuration = SignedDuration::from_hours(1);

const MOST_CHARS: usize = 255;

/// A paper, or why it cannot be read.
type Read = Result<Arc<Paper>, String>;

/// Papers that were read before, by their digest, so that only new ones travel.
#[derive(Debug, Default)]
pub struct Reader {
    known: BTreeMap<String, Read>,
}

impl Reader {
    /// Reads how the fleet stands.
    pub async fn read(&mut self, store: &mut SharedStore) -> Result<FleetReading, FleetError> {
        let digests: Vec<&str> = self.known.keys().map(String::as_str).collect();
        let place = store.place().to_owned();
        // The host of a paper nobody signed is not known; a time that is no time has no age.
        let rows = sqlx::query(
            "SELECT left(p.agent, 256), left(p.instance, 256), left(coalesce(a.host, ''), 256), \
             left(coalesce(a.version, ''), 256), left(p.digest, 64), p.holds_ms, \
             CASE WHEN isfinite(p.judged_at) THEN (extract(epoch FROM clock_timestamp() - p.judged_at) * 1000)::bigint END, \
             octet_length(p.body), \
             CASE WHEN octet_length(p.body) <= $1 AND NOT p.digest = ANY($2) \
             AND sum(octet_length(p.body)::bigint) OVER (ORDER BY p.instance, p.agent) <= $4 THEN p.body END \
             FROM paper p LEFT JOIN agent a ON a.id = p.agent ORDER BY p.instance, p.agent LIMIT $3",
        )
        .bind(MOST_BYTES)
        .bind(&digests)
        .bind(MOST_PAPERS + 1)
        .bind(MOST_BYTES_OF_ALL)
        .fetch_all(&mut store.connection);
        let mut rows = within(&place, "reading the fleet", rows).await?;
        let more = rows.len() > usize::try_from(MOST_PAPERS).unwrap_or(usize::MAX);
        rows.truncate(usize::try_from(MOST_PAPERS).unwrap_or(usize::MAX));
        let mut known = BTreeMap::new();
        let entries = rows
            .iter()
            .map(|row| self.entry(row, &mut known))
            .collect::<Result<Vec<Entry>, sqlx::Error>>()
            .map_err(|cause| FleetError::Use { place, doing: "reading the fleet", cause })?;
        self.known = known;
        Ok(FleetReading { read_at: Timestamp::now(), entries, more })
    }

    fn entry(&self, row: &PgRow, known: &mut BTreeMap<String, Read>) -> Result<Entry, sqlx::Error> {
        let text = |column| Ok::<String, sqlx::Error>(cut(&row.try_get::<String, _>(column)?));
        let (agent, instance, digest) = (text(0)?, text(1)?, row.try_get::<String, _>(4)?);
        let holds: i64 = row.try_get(5)?;
        let age: Option<i64> = row.try_get(6)?;
        let length: i32 = row.try_get(7)?;
        let body: Option<String> = row.try_get(8)?;
        let paper = match (body, self.known.get(&digest)) {
            (Some(body), _) => {
                let paper = parse(&body);
                // Only what is known by its true digest is known again.
                if hex(&Sha256::digest(&body)) == digest {
                    known.insert(digest, paper.clone());
                }
                paper
            }
            (None, Some(paper)) => {
                known.insert(digest, paper.clone());
                paper.clone()
            }
            (None, None) if length <= MOST_BYTES => Err(format!(
                "all reports before it are longer than {MOST_BYTES_OF_ALL} bytes together, and no more are read"
            )),
            (None, None) => Err(format!("it is {length} bytes long, and none is longer than {MOST_BYTES}")),
        };
        Ok(Entry {
            agent,
            host: text(2)?,
            agent_version: text(3)?,
            instance,
            age: age.map(SignedDuration::from_millis),
            holds: SignedDuration::from_millis(holds.max(0)).min(LONGEST_HOLDS),
            paper,
        })
    }
}

fn parse(body: &str) -> Result<Arc<Paper>, String> {
    /// Read first: the rest may mean something else in another form.
    #[derive(serde::Deserialize)]
    struct Form {
        form: u32,
    }
    let form: Form =
        serde_json::from_str(body).map_err(|error| format!("it is no report of an agent: {error}"))?;
    if form.form != PAPER_FORM {
        return Err(format!(
            "it is of form {}, and this agent knows form {PAPER_FORM}: install the newest agent",
            form.form
        ));
    }
    serde_json::from_str(body).map(Arc::new).map_err(|error| format!("it is no report of an agent: {error}"))
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_paper_is_said_to_be_none() {
        let rows = [
            ("", "no report"),
            ("<html>", "no report"),
            ("{}", "no report"),
            ("[1]", "no report"),
            ("{\"form\":1}", "no report"),
            ("{\"form\":2}", "form 2"),
            (
                "{\"form\":1,\"product\":\"c\",\"verdict\":\"great\",\"targets\":[],\"sources\":[]}",
                "no report",
            ),
            (&"[".repeat(100_000), "no report"),
        ];
        for (body, words) in rows {
            assert!(parse(body).unwrap_err().contains(words), "{body:.40}");
        }
        let least =
            "{\"form\":1,\"product\":\"c\",\"verdict\":\"ready\",\"targets\":[],\"sources\":[],\"more\":1}";
        assert!(parse(least).is_ok());
    }
}
