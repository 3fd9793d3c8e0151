//! Has somebody restored a dump of the database lately, and was everything in it?

use jiff::{SignedDuration, Timestamp};

use super::units::{in_days, minute};
use super::wording::{counted, excerpt};
use crate::facts::{Missing, RestoreProof, RowCount, Source};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "backup-restore",
    title: "A dump that was really restored",
    category: Category::Backup,
    products: Products::All,
    reads: &[Source::Backups],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The newest proof that a dump of the database can be restored: written by the agent's own restore test, or by whatever \
restores dumps for you. It looks at when that was, which dump it was, what went wrong, and how the rows of the most \
important tables compare with production's.

## Why it matters

After a failed upgrade the only way back is to restore the database, the home directory and the installation of the \
same moment. A dump that nobody ever restored is a hope: dumps are cut off by full disks, are of another database, or \
lack a table since an option was changed years ago. The guides to the upgrade ask for a backup that was tested.

A dump that failed to restore, or in which a table is empty that has rows in production, blocks. Everything else \
warns: no proof, an old one, rows that differ by more than is tolerated.

## How to fix it

Let the agent do it: `[instance.backups.restore_test]` with a server (never the one of the instance) and an account \
that may only create databases. `agent restore-test` runs it at once. It makes a scratch database, restores the newest \
dump that is whole, counts, and drops it.

Or have the job that restores dumps for you write a proof, to the file that `proof` names there:

    {
      \"format_version\": \"1.0\",
      \"dump\": \"/backup/wiki-2026-11-20.dump\",
      \"dump_finished_at\": \"2026-11-20T02:10:00Z\",
      \"restored_at\": \"2026-11-20T09:00:00Z\",
      \"took\": \"PT24M\",
      \"server\": \"restore.example.com:5432\",
      \"by\": \"nightly restore job\",
      \"defects\": [],
      \"tables\": 412,
      \"rows\": [{ \"table\": \"content\", \"restored\": 80000, \"production\": 80120 }]
    }

`agent config schema restore-proof` prints its schema. Who has restored a dump by hand can sign this off.

## What it needs

The source `backups`, and read access to the proof.

## Settings

`restore_max_age_days`: how old a proof, and the dump it is about, may be. `restore_proof_required`: without a proof \
the upgrade must not start. `restore_rows_tolerance_percent`: by how much rows may differ.
";

/// A proof from further ahead than this has a wrong time in it.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let backups = case.facts.backups()?;
    let what = "the proof that a dump restores";
    let Some(proof) = backups.restore.read(Source::Backups, what)? else {
        return Ok(Judgement::new("nobody has proved that a dump restores", vec![no_proof(case)]));
    };
    if proof.restored_at.duration_since(case.facts.taken_at) > AHEAD {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Backups,
            what: what.to_owned(),
            why: format!(
                "it says the dump was restored at {}, which is in the future",
                minute(proof.restored_at)
            ),
        }));
    }
    let mut found = Vec::new();
    found.extend(defects(proof));
    if proof.defects.is_empty() {
        found.extend(age(case, proof));
        found.extend(nothing_restored(proof));
        found.extend(proof.rows.iter().filter_map(|row| rows(case, proof, row)));
    }
    let evidence = format!(
        "{} was restored on {} with {}, {}",
        excerpt(&proof.dump),
        excerpt(&proof.server),
        counted(proof.tables, "table"),
        in_days(-days_since(case, proof.restored_at)),
    );
    Ok(Judgement::new(evidence, found))
}

fn days_since(case: &Case<'_>, then: Timestamp) -> i64 {
    case.now.duration_since(then).as_hours() / 24
}

fn no_proof(case: &Case<'_>) -> Finding {
    let required = case.policy.restore_proof_required;
    Finding {
        severity: if required { Severity::Blocker } else { Severity::Warning },
        subject: "proof".to_owned(),
        summary: "nobody has proved that a dump of the database can be restored".to_owned(),
        observed: "no proof".to_owned(),
        required: format!("a dump that was restored within {} days", case.policy.restore_max_age_days),
        remedy: HOW.to_owned(),
    }
}

const HOW: &str = "Restore the newest dump into an empty database on another server and look at it. The agent does it \
                   by itself with [instance.backups.restore_test] (`agent restore-test` at once); a job of your own \
                   writes its proof to the file `proof` names there (`agent explain backup-restore`).";

fn defects(proof: &RestoreProof) -> Option<Finding> {
    let first = proof.defects.first()?;
    let more = proof.defects.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    Some(Finding {
        severity: Severity::Blocker,
        subject: "restore".to_owned(),
        summary: format!("the dump {} does not restore as it should", excerpt(&proof.dump)),
        observed: format!("{}{more}", excerpt(first)),
        required: "a dump that restores, with every table".to_owned(),
        remedy: format!(
            "Make a new dump, see that its job ends without an error, and restore it again on {}: `agent restore-test` \
             shows every step. Do not upgrade before one dump was restored well.",
            excerpt(&proof.server)
        ),
    })
}

/// A proof says something about a dump of its day, and about no later one.
fn age(case: &Case<'_>, proof: &RestoreProof) -> Option<Finding> {
    let most = i64::from(case.policy.restore_max_age_days);
    let (restored, dumped) = (days_since(case, proof.restored_at), days_since(case, proof.dump_finished_at));
    let (subject, summary, days) = if restored > most {
        ("age", "a dump was restored long ago, and none since", restored)
    } else if dumped > most {
        ("dump-age", "the dump that was restored is an old one", dumped)
    } else {
        return None;
    };
    Some(Finding {
        severity: Severity::Warning,
        subject: subject.to_owned(),
        summary: summary.to_owned(),
        observed: in_days(-days),
        required: format!("at most {} ago", counted(u64::from(case.policy.restore_max_age_days), "day")),
        remedy: HOW.to_owned(),
    })
}

/// A proof of nothing: a job may write it although its restore did nothing.
fn nothing_restored(proof: &RestoreProof) -> Option<Finding> {
    (proof.tables == 0).then(|| Finding {
        severity: Severity::Warning,
        subject: "tables".to_owned(),
        summary: "the proof of a restore speaks of no table at all".to_owned(),
        observed: "0 tables".to_owned(),
        required: "the tables of the restored database, counted".to_owned(),
        remedy: format!(
            "See what {} did, and let it count the tables after the restore. {HOW}",
            excerpt(&proof.by)
        ),
    })
}

fn nothing_to_compare(proof: &RestoreProof, table: &str) -> Finding {
    let table = excerpt(table);
    Finding {
        severity: Severity::Warning,
        subject: format!("rows:{table}"),
        summary: format!(
            "the table {table} is empty in the restored dump, and production's rows were not counted"
        ),
        observed: "0 rows restored".to_owned(),
        required: "as many rows as production has".to_owned(),
        remedy: format!(
            "Count its rows in production (SELECT count(*) FROM {table}). If there are any, make a new dump, for {} \
             lacks them; then let the agent's account read the table and restore again.",
            excerpt(&proof.dump)
        ),
    }
}

fn rows(case: &Case<'_>, proof: &RestoreProof, row: &RowCount) -> Option<Finding> {
    let RowCount { table, restored, production } = row;
    let Some(production) = *production else {
        return (*restored == 0).then(|| nothing_to_compare(proof, table));
    };
    let percent = case.policy.restore_rows_tolerance_percent;
    let difference = production.abs_diff(*restored);
    let tolerated = u128::from(production.max(*restored)) * u128::from(percent) / 100;
    let empty = *restored == 0 && production > 0;
    if !empty && u128::from(difference) <= tolerated.max(10) {
        return None;
    }
    let table = excerpt(table);
    let severity = if empty { Severity::Blocker } else { Severity::Warning };
    Some(Finding {
        severity,
        subject: format!("rows:{table}"),
        summary: if empty {
            format!("the table {table} is empty in the restored dump and not in production")
        } else {
            format!("the table {table} has another number of rows in the restored dump than in production")
        },
        observed: format!("{restored} rows restored, {production} in production"),
        required: format!("a difference of at most {percent}%"),
        remedy: format!(
            "See whether {} is a dump of this instance and of which day it is. Make a new dump and restore that.",
            excerpt(&proof.dump)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Backups, Field, Reading};
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, judges_spoilt, look, read, unread};

    const BLOCKER: Severity = Severity::Blocker;
    const WARNED: Severity = Severity::Warning;

    fn facts(golden: &mut Golden) -> &mut Backups {
        match &mut golden.facts.backups {
            Reading::Learned(learned) => &mut learned.facts,
            Reading::Pending | Reading::Off | Reading::Failed { .. } => {
                panic!("the golden instance has them")
            }
        }
    }

    fn proof(golden: &mut Golden) -> &mut RestoreProof {
        read(&mut facts(golden).restore).as_mut().unwrap()
    }

    fn restored_before(golden: &mut Golden, days: i64) {
        let then = golden.now - SignedDuration::from_hours(24 * days);
        proof(golden).restored_at = then;
        proof(golden).dump_finished_at = then;
    }

    fn rows_are(golden: &mut Golden, restored: u64, production: Option<u64>) {
        proof(golden).rows = vec![RowCount { table: "content".into(), restored, production }];
    }

    #[test]
    fn only_a_dump_that_was_restored_lately_and_whole_is_ready() {
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("no proof", |g| facts(g).restore = Field::Read(None), Warning, &[(WARNED, "proof")]),
            (
                "no proof, and it is required",
                |g| {
                    facts(g).restore = Field::Read(None);
                    g.policy.restore_proof_required = true;
                },
                Blocked,
                &[(BLOCKER, "proof")],
            ),
            ("35 days", |g| restored_before(g, 35), Ready, &[]),
            ("36 days", |g| restored_before(g, 36), Warning, &[(WARNED, "age")]),
            (
                "an old dump restored today",
                |g| proof(g).dump_finished_at = g_now(g) - SignedDuration::from_hours(24 * 36),
                Warning,
                &[(WARNED, "dump-age")],
            ),
            (
                "a shorter limit",
                |g| {
                    restored_before(g, 8);
                    g.policy.restore_max_age_days = 7;
                },
                Warning,
                &[(WARNED, "age")],
            ),
            ("it failed", |g| proof(g).defects = vec!["cut off".into()], Blocked, &[(BLOCKER, "restore")]),
            (
                "it failed long ago",
                |g| {
                    restored_before(g, 90);
                    proof(g).defects = vec!["cut off".into(), "no table".into()];
                },
                Blocked,
                &[(BLOCKER, "restore")],
            ),
            ("10% fewer rows", |g| rows_are(g, 900, Some(1000)), Ready, &[]),
            ("11% fewer rows", |g| rows_are(g, 890, Some(1000)), Warning, &[(WARNED, "rows:content")]),
            ("more rows", |g| rows_are(g, 2000, Some(1000)), Warning, &[(WARNED, "rows:content")]),
            ("a few rows of few", |g| rows_are(g, 3, Some(9)), Ready, &[]),
            ("an empty table", |g| rows_are(g, 0, Some(9)), Blocked, &[(BLOCKER, "rows:content")]),
            ("empty in both", |g| rows_are(g, 0, Some(0)), Ready, &[]),
            ("production not counted", |g| rows_are(g, 9, None), Ready, &[]),
            (
                "production not counted, and nothing restored",
                |g| rows_are(g, 0, None),
                Warning,
                &[(WARNED, "rows:content")],
            ),
            ("a proof of nothing", |g| proof(g).tables = 0, Warning, &[(WARNED, "tables")]),
            ("huge", |g| rows_are(g, u64::MAX, Some(1)), Warning, &[(WARNED, "rows:content")]),
            ("from the future", |g| restored_before(g, -2), Unknown, &[]),
            ("unread", |g| facts(g).restore = unread(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Backups), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    fn g_now(golden: &Golden) -> Timestamp {
        golden.now
    }

    #[test]
    fn a_proof_somebody_else_wrote_is_quoted_but_not_at_length() {
        let mut golden = golden();
        proof(&mut golden).dump = "/very/long\n".repeat(10_000);
        proof(&mut golden).server = "s".repeat(100_000);
        proof(&mut golden).defects = vec!["bad\nthing ".repeat(10_000); 1000];
        let seen = look(&CHECK, &golden);
        assert!(seen.text().len() < 4_000, "{}", seen.text().len());
        assert!(seen.text().contains("(and 999 more)"), "{}", seen.text());
    }
}
