//! What verdicts are made of: the catalog, what is learned of releases, facts, and what others say of them.

use std::sync::LazyLock;

use upgrade_readiness_agent::surface::status::read_status;
use upgrade_readiness_agent::{chain::Chain, fuzzing};
use upgrade_readiness_checks::catalog::{Catalog, PLATFORMS, embedded_text};
use upgrade_readiness_checks::dossier::Dossier;
use upgrade_readiness_checks::facts::{Condition, Product, Refresh, Snapshot, Source};
use upgrade_readiness_checks::golden::{Golden, golden};
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::report::Judge;

use crate::{choose, scratch, text};

static GOLDEN: LazyLock<Golden> = LazyLock::new(golden);

/// A catalog somebody carried in.
pub(crate) fn catalog(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, 3) else { return };
    let Some(text) = text(rest) else { return };
    let catalog = match way {
        0 => Catalog::parse(text, PLATFORMS),
        1 => Catalog::parse(embedded_text(Product::Wso2Carbon), text),
        _ => {
            // What was learned may add to the catalog, and take no release from it.
            let Ok(refresh) = serde_json::from_str::<Refresh>(text) else { return };
            let before = GOLDEN.catalog.releases().len();
            let after = GOLDEN.catalog.clone().refreshed(&refresh).catalog.releases().len();
            assert!(after >= before, "{before} releases became {after}");
            return;
        }
    };
    if let Ok(catalog) = catalog {
        let newest = catalog.latest().map(|release| release.version.clone());
        for release in catalog.releases() {
            assert!(catalog.release(&release.version).is_some(), "{} is not found", release.version);
            let older = newest.as_ref().is_some_and(|newest| *newest >= release.version);
            assert!(older || !release.version.is_release(), "{} is newer than the latest", release.version);
        }
    }
}

/// Answers of public lists.
pub(crate) fn lists(bytes: &[u8]) {
    drop(fuzzing::lists(bytes));
}

/// A status file, read as our own and as that of another agent.
pub(crate) fn status(bytes: &[u8]) {
    let path = scratch::write("status.json", bytes);
    match read_status(&path) {
        Ok(status) => {
            let again = serde_json::to_vec(&status).expect("it was JSON");
            scratch::write("status.json", &again);
            read_status(&path).expect("what was read can be written and read again");
        }
        Err(error) => assert!(Chain(&error).to_string().len() < 4000, "{}", Chain(&error)),
    }
    if let Some(text) = text(bytes) {
        fuzzing::other_status(text);
    }
}

/// Facts from elsewhere: a check whose sources all failed or were never asked is not ready.
pub(crate) fn dossier(bytes: &[u8]) {
    let facts = match serde_json::from_slice::<Dossier>(bytes) {
        Ok(dossier) => {
            let again = serde_json::to_vec(&dossier).expect("it was JSON");
            let again: Dossier = serde_json::from_slice(&again).expect("what was written can be read");
            assert_eq!(again, dossier, "written and read again");
            dossier.facts
        }
        Err(_) => match serde_json::from_slice::<Snapshot>(bytes) {
            Ok(facts) => facts,
            Err(_) => return,
        },
    };
    let Golden { target, catalog, policy, plan, now, .. } = &*GOLDEN;
    let report = Judge { catalog, policy, now: *now, plan }.judge(&facts, target);
    let is_there =
        |source: &Source| matches!(facts.state(*source).condition, Condition::Ok | Condition::Stale);
    let mut unseen = 0;
    for (check, reported) in upgrade_readiness_checks::rules::ALL.iter().zip(&report.checks) {
        let seen = check.reads.is_empty() || check.reads.iter().any(is_there);
        assert!(
            seen || reported.verdict != Verdict::Ready || reported.word.is_some(),
            "{} is ready unseen",
            check.id
        );
        unseen += usize::from(!seen);
    }
    assert!(unseen == 0 || report.verdict != Verdict::Ready, "ready although {unseen} checks saw nothing");
}
