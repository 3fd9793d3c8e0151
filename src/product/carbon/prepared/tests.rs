//! A running home and a new one beside it, in temporary directories.

use std::sync::Arc;

use serde_json::json;
use upgrade_readiness_checks::golden::golden_carbon;

use super::super::fixture::{Example, LaidOut, SECRET};
use super::*;
use crate::collect::files::hash_directory;
use crate::config::{DatabaseAccess, FilesAccess, StagingAt, StagingPlace};

/// Nobody answers there.
const NOWHERE: &str = "jdbc:postgresql://127.0.0.1:1/carbon";

fn home(version: &str) -> LaidOut {
    Example::new().version(version).jdbc_url(NOWHERE).lay_out()
}

/// Untouched, they are configured as the vendor ships them; here that is as the running one is.
fn instance(running: &LaidOut, base: Option<&LaidOut>, place: PreparedPlace) -> Instance {
    let files = FilesAccess { pristine: base.map(LaidOut::home), ..FilesAccess::default() };
    Instance { prepared: Some(place), files, ..running.instance() }
}

fn place(prepared: &Path, target: Option<&LaidOut>) -> PreparedPlace {
    PreparedPlace {
        home: prepared.to_owned(),
        pristine: target.map(LaidOut::home),
        database: DatabaseAccess::default(),
    }
}

async fn collect(instance: Instance) -> Rehearsal {
    let place = instance.prepared.clone().unwrap();
    let collector = PreparedCollector::new(Arc::new(instance), place, None);
    match collector.collect().await.unwrap() {
        Section::Rehearsal(rehearsal) => rehearsal,
        other => panic!("{other:?}"),
    }
}

async fn prepared(instance: Instance) -> Prepared {
    match collect(instance).await.prepared {
        Some(Field::Read(prepared)) => *prepared,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_home_is_read_beside_the_running_one_and_nothing_is_written() {
    let (running, new, base, target) = (home("4.4.6"), home("4.4.7"), home("4.4.6"), home("4.4.7"));
    running.write(
        "repository/conf/axis2/axis2.xml",
        "<axisconfig><parameter name='own'>1</parameter></axisconfig>",
    );
    running.write("repository/deployment/server/webapps/shop.war", "shop");
    let both = || {
        [&running, &new, &base, &target]
            .map(|home| hash_directory(&home.home(), None, &Stop::default()).unwrap().files)
    };
    let before = both();
    let seen = prepared(instance(&running, Some(&base), place(&new.home(), Some(&target)))).await;
    assert!(both() == before, "it never changes what it watches");
    assert_eq!(seen.version.value().unwrap().to_string(), "4.4.7");
    assert_eq!(seen.is_running_home, Field::Read(false));
    assert_eq!(seen.home.kernel.value().unwrap().to_string(), "4.4.7");
    assert_eq!(seen.drivers.value().unwrap().len(), 1);
    assert_eq!(seen.copies[0].differences.value().unwrap().missing.paths, ["webapps/shop.war"]);
    assert!(seen.copies[0].differences.value().unwrap().knows_vendor);
    let drift = seen.drift.value().unwrap();
    assert_eq!(
        (drift.base_release.as_deref(), drift.target_release.as_deref()),
        (Some("4.4.6"), Some("4.4.7"))
    );
    let own = drift.settings.iter().find(|setting| setting.path.ends_with("parameter[own]")).unwrap();
    assert_eq!((own.local.as_deref(), own.prepared.value()), (Some("1"), Some(&None)));
    let databases = seen.databases.value().unwrap();
    assert!(
        databases.iter().all(|database| database.staging.value().is_none()),
        "nobody answers: {databases:?}"
    );
    assert!(!format!("{seen:?}").contains(SECRET));
}

#[tokio::test]
async fn what_is_not_configured_or_not_there_is_said() {
    let (running, new, target) = (home("4.4.6"), home("4.4.7"), home("4.4.7"));
    let seen = prepared(instance(&running, None, place(&new.home(), Some(&target)))).await;
    let Field::Unread(why) = &seen.drift else { panic!("{seen:?}") };
    assert!(why.contains("pristine in [instance.files]"), "{why}");
    let seen = prepared(instance(&running, Some(&running), place(&new.home(), None))).await;
    let Field::Unread(why) = &seen.drift else { panic!("{seen:?}") };
    assert!(why.contains("pristine in [instance.prepared]"), "{why}");

    let gone = running.root().join("gone");
    let seen = prepared(instance(&running, Some(&running), place(&gone, Some(&target)))).await;
    assert!(seen.version.value().is_none() && seen.is_running_home.value().is_none(), "{seen:?}");
    assert!(seen.copies.iter().all(|copy| copy.differences.value().is_none()), "{seen:?}");
    assert!(seen.drift.value().is_some(), "the work to do is known all the same");
    assert!(seen.databases.value().is_none(), "{seen:?}");

    let seen = prepared(instance(&running, None, place(&running.home(), None))).await;
    assert_eq!(seen.is_running_home, Field::Read(true));
    assert!(seen.copies[0].is_original);
}

#[tokio::test]
async fn what_another_agent_says_stands_beside_it() {
    let (running, new) = (home("4.4.6"), home("4.4.7"));
    let file = running.root().join("status.json");
    let profile = golden_carbon().facts.profile();
    let status = json!({"format_version": "1.3", "written_at": "2025-12-01T20:00:00Z",
        "instances": [{"name": "esb-staging", "profile": profile}]});
    std::fs::write(&file, status.to_string()).unwrap();
    let rehearsal = Some(StagingPlace { instance: None, at: StagingAt::File(file.clone()) });
    let instance = Instance { rehearsal, ..instance(&running, None, place(&new.home(), None)) };
    let seen = collect(instance.clone()).await;
    assert_eq!(seen.staging.unwrap().instance, "esb-staging");
    assert!(matches!(seen.prepared, Some(Field::Read(_))));
    std::fs::remove_file(file).unwrap();
    let place = instance.prepared.clone().unwrap();
    let collector = PreparedCollector::new(Arc::new(instance), place, None);
    assert!(collector.collect().await.is_err(), "an agent that is named and silent is no news");
}
