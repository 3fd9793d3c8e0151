use serde_json::{Value, json};
use upgrade_readiness_checks::facts::Snapshot;
use upgrade_readiness_checks::golden::golden;
use upgrade_readiness_checks::model::Verdict;

use super::*;
use crate::surface::sample;
use crate::surface::status::view;

fn paths(found: &Differences) -> Vec<&str> {
    found.differences.iter().map(|difference| difference.path.as_str()).collect()
}

#[test]
fn two_snapshots_differ_by_their_facts_and_not_by_their_time() {
    let a = golden().facts;
    let mut json: Value = serde_json::to_value(&a).unwrap();
    json["taken_at"] = json!("2031-01-01T00:00:00Z");
    let later: Snapshot = serde_json::from_value(json.clone()).unwrap();
    let taken = |facts: &Snapshot| Taken::Facts(Box::new(facts.clone()));
    assert!(facts::compare(taken(&a), taken(&later)).unwrap().differences.is_empty());

    let mut b = a.clone();
    if let upgrade_readiness_checks::facts::Reading::Learned(disk) = &mut b.disk {
        disk.collected_at = "2031-01-01T00:00:00Z".parse().unwrap();
        disk.facts.filesystems[0].free_bytes = 17;
        disk.facts.filesystems.rotate_left(1);
    }
    let found = facts::compare(taken(&a), taken(&b)).unwrap();
    let [only] = found.differences.as_slice() else { panic!("{found:?}") };
    assert!(only.path.starts_with("disk.") && only.path.ends_with(".free_bytes"), "{only:?}");
    assert_eq!(only.after.as_deref(), Some("17"));
}

#[test]
fn two_status_files_differ_by_verdicts_and_findings() {
    let a = view(&sample::board(), sample::now());
    let mut b = a.clone();
    b.written_at += jiff::SignedDuration::from_hours(1);
    b.instances[0].sources[0].collected_at = None;
    assert!(verdicts::compare(&a, &b).differences.is_empty());

    let check = b.instances[0].targets[0].checks.iter_mut().find(|check| !check.findings.is_empty()).unwrap();
    check.verdict = Verdict::Ready;
    let gone = check.findings.remove(0);
    let id = check.id.clone();
    let found = verdicts::compare(&a, &b);
    assert_eq!(paths(&found).len(), 2, "{found:?}");
    assert!(paths(&found)[0].ends_with(&id) && paths(&found)[1].contains(&gone.subject), "{found:?}");
    assert!(found.differences[1].after.is_none());
    let text = render_text(&found);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("  - ") && text.contains("  + ready"), "{text}");
}

#[test]
fn differences_are_bounded() {
    let mut found = Differences::default();
    for number in 0..MOST + 5 {
        found.add(number.to_string(), None, Some("é".repeat(1000)));
    }
    assert_eq!((found.differences.len(), found.left_out), (MOST, 5));
    assert_eq!(found.differences[0].after.as_ref().unwrap().chars().count(), MOST_CHARS + 1);
    assert!(render_text(&found).ends_with("and 5 more differences\n"));
}

#[test]
fn what_is_neither_is_refused_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    for content in ["", "{}", "[1]", "<html>", "{\"taken_at\": 1}", "{\"written_at\": 1}"] {
        std::fs::write(&path, content).unwrap();
        assert!(read(&path).is_err(), "{content}");
    }
    assert!(read(directory.path()).is_err());
}
