use jiff::SignedDuration;

use super::*;
use crate::store::Batch;
use crate::surface::sample;

fn change(number: i64, check: &str, target: &str, before: Option<Verdict>) -> Change {
    Change {
        instance: "wiki".into(),
        target: target.into(),
        check: check.into(),
        at: sample::now() - SignedDuration::from_hours(number),
        before,
        after: Verdict::Blocked,
        cause: format!("<cause> {number}; run `agent refresh`"),
        observed: (number % 2 == 0).then(|| "x".repeat(40)),
    }
}

async fn page(past: &Past, query: &str) -> String {
    let wanted =
        axum::extract::Query::try_from_uri(&format!("http://h/?{query}").parse().unwrap()).unwrap().0;
    past.render(&sample::board().instances[0], &wanted, Fleet::Alone, sample::now()).await
}

#[tokio::test]
async fn changes_are_told_the_newest_first_and_page_by_page() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let mut store = Store::open(&path).await.unwrap();
    let mut changes: Vec<Change> =
        (0..150).map(|number| change(number, "disk-space", "10.2.14", Some(Verdict::Ready))).collect();
    changes.push(change(7, "java-version", "9.2.10", Some(Verdict::Unknown)));
    changes.push(change(200, "freeze", "10.2.14", None));
    changes.push(Change { instance: "docs".into(), ..change(1, "hardware", "10.2.14", None) });
    store.write(&Batch { changes, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();

    let past = Past::in_store(path);
    let first = page(&past, "").await;
    assert!(first.contains("<title>History of wiki ·"), "{first}");
    assert!(first.contains("<h2 class=\"date\" id=\"day:2025-12-01\">2025-12-01</h2>"));
    assert!(first.contains("&lt;cause&gt; 0; run <code>agent refresh</code>") && !first.contains("hardware"));
    assert!(first.contains("<span class=\"sign unknown\">Cannot tell</span>"));
    let count = |page: &str| page.matches("<p class=\"turn\">").count();
    assert_eq!(count(&first), 100);
    assert!(first.contains("href=\"?page=2\">Older</a>") && !first.contains("Newer"));
    let moments: Vec<&str> = first
        .split("<section class=\"sheet moment\" id=\"moment:")
        .skip(1)
        .map(|part| part.split('"').next().unwrap())
        .collect();
    assert_eq!(moments.len(), first.matches("<section ").count());
    assert!(moments.iter().any(|id| id.ends_with(":9.2.10")), "{moments:?}");
    let distinct: std::collections::BTreeSet<_> = moments.iter().collect();
    assert_eq!(distinct.len(), moments.len(), "an id is given twice");
    let second = page(&past, "page=2").await;
    assert_eq!(count(&second), 52);
    assert!(second.contains("href=\"history\">Newer</a>") && !second.contains("Older"));
    assert!(second.contains("1 check judged for the first time"));

    // A word of the configuration stands for its release.
    let rows = [
        ("target=latest-lts", 100, "cause&gt; 0;"),
        ("target=latest-lts&page=2", 51, "cause&gt; 149;"),
        ("target=9.2.10", 1, "java-version"),
        ("check=freeze&target=", 1, "show all checks"),
        ("check=%27+OR+1%3D1", 0, "Nothing has changed that is remembered."),
        ("page=99999999", 0, "Nothing has changed that is remembered."),
    ];
    for (query, expected, part) in rows {
        let page = page(&past, query).await;
        assert_eq!(count(&page), expected, "{query}");
        assert!(page.contains(part), "{query}");
    }
}

#[tokio::test]
async fn a_store_that_is_absent_or_no_store_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let past = Past::in_store(path.clone());
    assert!(page(&past, "").await.contains("Nothing is remembered yet: there is no store."));
    std::fs::write(&path, "no database, but long enough to be looked at as one".repeat(100)).unwrap();
    let told = page(&past, "").await;
    assert!(told.contains("The history cannot be read:") && told.contains("history.db"), "{told}");
}
