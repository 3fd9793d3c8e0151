//! A question to the product's database: one SELECT in a read-only transaction, and the number it gives.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use upgrade_readiness_checks::facts::ProbeOutcome;

use super::{CustomProbe, Said};
use crate::collect::database::{DatabaseDirectory, ask_for_number};

/// One statement that only reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlQuestion(String);

/// A text that is not one question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuestion {
    /// It does more than to ask, or nothing.
    #[error("must be one SELECT, or a WITH that ends in one")]
    NotASelect,
    /// Several statements could leave the read-only transaction.
    #[error("must be a single statement, without a semicolon in it")]
    Several,
}

impl SqlQuestion {
    /// The statement.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl FromStr for SqlQuestion {
    type Err = NotAQuestion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches(';').trim_end();
        if text.contains(';') {
            return Err(NotAQuestion::Several);
        }
        let first = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if ["select", "with"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAQuestion::NotASelect)
        }
    }
}

impl fmt::Display for SqlQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) async fn ask(
    question: &SqlQuestion,
    database: Option<Arc<dyn DatabaseDirectory>>,
    probe: &CustomProbe,
) -> Said {
    let unknown = |text: String| Said { outcome: ProbeOutcome::Unknown, text };
    let Some(database) = database else {
        return unknown("the agent knows no way to the database of this product".to_owned());
    };
    match ask_for_number(database, question.text(), probe.time_limit).await {
        Ok(Some(value)) => probe.judge(value, "the query gives "),
        Ok(None) => unknown("the query gives no row, or NULL".to_owned()),
        Err(error) => unknown(error.into_failure().message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_select_is_a_question() {
        for right in ["SELECT 1", " select count(*) from x ; ", "WITH a AS (SELECT 1) SELECT * FROM a"] {
            assert!(right.parse::<SqlQuestion>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "DELETE FROM x",
            "selectx",
            "SELECT 1; DROP TABLE x",
            "COMMIT",
            "-- SELECT 1",
            "EXPLAIN SELECT 1",
        ] {
            assert!(wrong.parse::<SqlQuestion>().is_err(), "{wrong}");
        }
    }
}
