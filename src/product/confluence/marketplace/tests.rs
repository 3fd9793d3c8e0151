//! The marketplace lookup against a fake marketplace, with a clock of its own.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, ResponseTemplate};

use super::super::fake_server::{Fake, app_version, html, page};
use super::*;
use crate::collect::targets::Wanted;

const START: &str = "2026-11-20T22:00:00Z";

/// A marketplace, a lookup at it, and the clock that both are tried with.
struct Shop {
    fake: Fake,
    lookup: Lookup,
    seconds: Arc<AtomicI64>,
}

impl Shop {
    async fn open() -> Self {
        let fake = Fake::start().await;
        let seconds = Arc::new(AtomicI64::new(START.parse::<Timestamp>().unwrap().as_second()));
        let shown = Arc::clone(&seconds);
        let clock = Clock::new(move || Timestamp::from_second(shown.load(Ordering::Relaxed)).unwrap());
        let url = fake.server.uri().parse().unwrap();
        Self { lookup: Lookup::new(Marketplace::Online(url), None, clock), fake, seconds }
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn ask(&self, key: &str, installed: &str, target: &str) -> Field<Listing> {
        ask(&self.lookup, key, installed, target).await
    }

    async fn answer(&self, query: (&str, &str), body: Value) {
        Mock::given(path("/rest/2/addons/app/versions"))
            .and(query_param(query.0, query.1))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&self.fake.server)
            .await;
    }
}

fn installed(key: &str, version: &str) -> Plugin {
    Plugin {
        key: key.to_owned(),
        name: key.to_owned(),
        version: version.to_owned(),
        enabled: true,
        user_installed: true,
        broken_modules: Field::Read(Vec::new()),
        license: Field::Read(None),
    }
}

async fn ask(lookup: &Lookup, key: &str, version: &str, target: &str) -> Field<Listing> {
    let targets = [TargetBuild { version: target.parse().unwrap(), build: None, wanted: Wanted::Target }];
    lookup.ask(&[&installed(key, version)], &targets).await.remove(0).remove(key).unwrap()
}

fn listed(newest: Option<&str>, installed_compatible: bool) -> Field<Listing> {
    Field::Read(Listing::Listed { newest_compatible: newest.map(str::to_owned), installed_compatible })
}

fn unread(field: &Field<Listing>) -> &str {
    match field {
        Field::Unread(why) => why,
        Field::Read(value) => panic!("read {value:?}"),
    }
}

/// A version that does not state what it works with.
fn silent(name: &str) -> Value {
    json!({"name": name, "status": "public"})
}

#[tokio::test]
async fn unknown_and_known_plugins_are_told_apart() {
    let shop = Shop::open().await;
    shop.fake.json("/rest/2/addons/empty/versions", page(&[], None)).await;
    assert_eq!(shop.ask("private", "1", "9.2.9").await, Field::Read(Listing::NotListed));
    assert_eq!(shop.ask("empty", "1", "9.2.9").await, listed(None, false));
    assert!(unread(&shop.ask("../../evil", "1", "9.2.9").await).contains("its key"));
    assert_eq!(
        shop.fake.asked().await[0],
        "/rest/2/addons/private/versions?application=confluence&hosting=datacenter&limit=50&offset=0"
    );
}

#[tokio::test]
async fn pages_are_read_only_as_far_as_needed() {
    let shop = Shop::open().await;
    let next = "/rest/2/addons/app/versions?offset=50";
    shop.answer(("offset", "0"), page(&[app_version("5.0", "9.0", "10.2.0")], Some(next))).await;
    shop.answer(
        ("offset", "50"),
        page(&[app_version("4.0", "8.0", "9.2.9"), app_version("3.0", "7.0", "8.5.0")], None),
    )
    .await;
    assert_eq!(shop.ask("app", "5.0", "9.2.9").await, listed(Some("5.0"), true));
    assert_eq!(shop.fake.asked().await.len(), 1);
    // The rest is read when somebody needs it, and nothing is read twice.
    assert_eq!(shop.ask("app", "3.0", "9.2.9").await, listed(Some("5.0"), false));
    assert_eq!(shop.ask("app", "3.0", "8.5.0").await, listed(Some("4.0"), true));
    assert_eq!(shop.ask("app", "0.1-own", "11.0.0").await, listed(None, false));
    assert_eq!(shop.fake.asked().await.len(), 2);
}

#[tokio::test]
async fn pages_that_lead_astray_are_not_followed() {
    let other = Fake::start().await;
    for (next, said) in [
        (
            "/rest/2/addons/app/versions?application=confluence&hosting=datacenter&limit=50&offset=0"
                .to_owned(),
            "circle",
        ),
        (format!("{}/rest/2/addons/app/versions?offset=50", other.server.uri()), "does not follow"),
        ("https://evil.example.com/".to_owned(), "https://evil.example.com"),
        ("http://[".to_owned(), "none"),
    ] {
        let shop = Shop::open().await;
        shop.fake
            .json("/rest/2/addons/app/versions", page(&[app_version("5.0", "7.0", "8.0")], Some(&next)))
            .await;
        let why = unread(&shop.ask("app", "1.0", "9.2.9").await).to_owned();
        assert!(why.contains(said), "{said}: {why}");
    }
    assert!(other.asked().await.is_empty());
}

#[tokio::test]
async fn an_endless_list_is_read_for_twenty_pages() {
    let shop = Shop::open().await;
    for offset in 0..25 {
        let (at, next) = (offset * 50, format!("/rest/2/addons/app/versions?offset={}", (offset + 1) * 50));
        let version = app_version(&format!("v{at}"), "7.0", "8.0");
        shop.answer(("offset", at.to_string().as_str()), page(&[version], Some(&next))).await;
    }
    let why = unread(&shop.ask("app", "1.0", "9.2.9").await).to_owned();
    assert!(why.contains("20 pages"), "{why}");
    assert_eq!(shop.ask("app", "1.0", "8.0").await, listed(Some("v0"), false));
    assert_eq!(shop.fake.asked().await.len(), 20);
}

#[tokio::test]
async fn an_answer_counts_for_a_day() {
    let shop = Shop::open().await;
    shop.fake.json("/rest/2/addons/app/versions", page(&[app_version("5.0", "9.0", "9.2.9")], None)).await;
    for (pass, questions) in [(0, 1), (86_399, 1), (1, 2), (-3600, 3)] {
        shop.pass(pass);
        assert_eq!(shop.ask("app", "5.0", "9.2.9").await, listed(Some("5.0"), true));
        assert_eq!(shop.fake.asked().await.len(), questions, "after {pass} s");
    }
    // A plug-in that is gone is forgotten.
    shop.ask("other", "1.0", "9.2.9").await;
    shop.ask("app", "5.0", "9.2.9").await;
    assert_eq!(shop.fake.asked().await.len(), 5);
}

#[tokio::test]
async fn who_asks_to_wait_is_not_asked_before() {
    for header in ["600", "Fri, 20 Nov 2026 22:10:00 GMT"] {
        let shop = Shop::open().await;
        let answer = ResponseTemplate::new(429).insert_header("retry-after", header);
        Mock::given(path("/rest/2/addons/app/versions"))
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&shop.fake.server)
            .await;
        shop.fake
            .json("/rest/2/addons/app/versions", page(&[app_version("5.0", "9.0", "9.2.9")], None))
            .await;
        let why = unread(&shop.ask("app", "5.0", "9.2.9").await).to_owned();
        assert!(why.contains("asked to wait until 2026-11-20T22:10:00Z"), "{why}");
        shop.pass(599);
        let why = unread(&shop.ask("app", "5.0", "9.2.9").await).to_owned();
        assert!(why.contains("not asked again until 2026-11-20T22:10:00Z"), "{why}");
        assert_eq!(shop.fake.asked().await.len(), 1);
        shop.pass(1);
        assert_eq!(shop.ask("app", "5.0", "9.2.9").await, listed(Some("5.0"), true));
    }
}

#[tokio::test]
async fn failures_are_waited_out_longer_and_longer_and_the_last_word_counts_meanwhile() {
    let shop = Shop::open().await;
    Mock::given(path("/rest/2/addons/app/versions"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(page(&[app_version("5.0", "9.0", "9.2.9")], None)),
        )
        .up_to_n_times(1)
        .mount(&shop.fake.server)
        .await;
    shop.fake.answer("/rest/2/addons/app/versions", html(503, "<html>")).await;
    assert_eq!(shop.ask("app", "5.0", "9.2.9").await, listed(Some("5.0"), true));
    shop.pass(86_400);
    assert!(unread(&shop.ask("app", "5.0", "9.2.9").await).contains("answered 503"));
    assert_eq!(
        shop.ask("app", "5.0", "9.2.9").await,
        listed(Some("5.0"), true),
        "of yesterday, while it is down"
    );
    for wait in [60, 120, 240, 480, 960, 1920, 3840, 7680, 15_360, 21_600, 21_600] {
        let asked = shop.fake.asked().await.len();
        shop.pass(wait - 1);
        shop.ask("app", "5.0", "9.2.9").await;
        assert_eq!(shop.fake.asked().await.len(), asked, "before {wait} s have passed");
        shop.pass(1);
        assert!(unread(&shop.ask("app", "5.0", "9.2.9").await).contains("answered 503"));
        assert_eq!(shop.fake.asked().await.len(), asked + 1, "after {wait} s");
    }
    shop.pass(21_599);
    assert!(unread(&shop.ask("app", "5.0", "9.2.9").await).contains("not asked again"), "too old by now");
}

#[tokio::test]
async fn a_marketplace_out_of_reach_is_asked_once_and_not_for_each_plugin() {
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(403),
        html(200, "<html>Blocked by the proxy</html>"),
        ResponseTemplate::new(302).insert_header("location", "https://proxy.example.com/login"),
    ] {
        let shop = Shop::open().await;
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&shop.fake.server).await;
        let plugins = [installed("a", "1"), installed("b", "1"), installed("c", "1")];
        let targets =
            [TargetBuild { version: "9.2.9".parse().unwrap(), build: None, wanted: Wanted::Target }];
        let answers = shop.lookup.ask(&plugins.iter().collect::<Vec<_>>(), &targets).await;
        assert!(answers[0].values().all(|listing| matches!(listing, Field::Unread(_))));
        assert_eq!((answers[0].len(), shop.fake.asked().await.len()), (3, 1));
    }
}

#[tokio::test]
async fn one_bad_answer_does_not_hide_the_others() {
    let shop = Shop::open().await;
    for (key, body) in [
        ("a", json!({})),
        ("b", json!({"_embedded": {}})),
        ("c", json!({"_embedded": {"versions": [{"status": "public"}]}})),
        ("d", json!([1, 2])),
        ("e", json!("s")),
    ] {
        shop.fake.json(&format!("/rest/2/addons/{key}/versions"), body).await;
    }
    shop.fake.status("/rest/2/addons/f/versions", 400).await;
    shop.fake.json("/rest/2/addons/z/versions", page(&[app_version("5.0", "9.0", "9.2.9")], None)).await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        assert!(
            unread(&shop.ask(key, "1", "9.2.9").await).contains(&format!("/rest/2/addons/{key}/versions"))
        );
    }
    assert_eq!(shop.ask("z", "5.0", "9.2.9").await, listed(Some("5.0"), true));
}

#[tokio::test]
async fn a_look_ends_and_the_next_goes_on() {
    let shop = Shop::open().await;
    let seconds = Arc::clone(&shop.seconds);
    // Each answer takes 25 s.
    let slow = move |_: &wiremock::Request| {
        seconds.fetch_add(25, Ordering::Relaxed);
        ResponseTemplate::new(200).set_body_json(page(&[app_version("5.0", "9.0", "9.2.9")], None))
    };
    Mock::given(wiremock::matchers::any()).respond_with(slow).mount(&shop.fake.server).await;
    let plugins: Vec<Plugin> = ["a", "b", "c", "d", "e"].iter().map(|key| installed(key, "5.0")).collect();
    let plugins: Vec<&Plugin> = plugins.iter().collect();
    let targets = [TargetBuild { version: "9.2.9".parse().unwrap(), build: None, wanted: Wanted::Target }];
    let first = shop.lookup.ask(&plugins, &targets).await;
    assert_eq!(first[0].values().filter(|listing| listing.value().is_some()).count(), 3);
    assert!(unread(&first[0]["d"]).contains("next look"));
    let second = shop.lookup.ask(&plugins, &targets).await;
    assert!(second[0].values().all(|listing| listing.value().is_some()));
}

#[tokio::test]
async fn where_nothing_is_stated_the_marketplace_sorts_by_its_own_build_numbers() {
    let shop = Shop::open().await;
    let build = |version: &str, number: u64| json!({"version": version, "buildNumber": number, "releaseDate": "2026-01-01"});
    shop.fake
        .json(
            "/rest/2/applications/confluence/versions",
            page(&[build("10.0.3", 22_975), build("9.2.9", 21_745)], None),
        )
        .await;
    // What is mounted first counts, so the filtered questions come first.
    shop.answer(("applicationBuild", "1"), page(&[], None)).await;
    shop.answer(("applicationBuild", "21745"), page(&[silent("4.0"), silent("3.0")], None)).await;
    shop.fake
        .json("/rest/2/addons/app/versions", page(&[silent("5.0"), silent("4.0"), silent("3.0")], None))
        .await;
    assert_eq!(shop.ask("app", "3.0", "9.2.9").await, listed(Some("4.0"), true));
    assert_eq!(shop.ask("app", "5.0", "9.2.9").await, listed(Some("4.0"), false));
    let why = unread(&shop.ask("app", "3.0", "9.2.10").await).to_owned();
    assert!(why.contains("does not list Confluence 9.2.10"), "{why}");
    assert_eq!(shop.fake.asked().await.len(), 4);
}

#[tokio::test]
async fn a_marketplace_that_does_not_sort_is_not_believed() {
    let shop = Shop::open().await;
    shop.fake
        .json(
            "/rest/2/applications/confluence/versions",
            page(&[json!({"version": "9.2.9", "buildNumber": 21_745})], None),
        )
        .await;
    shop.fake.json("/rest/2/addons/app/versions", page(&[silent("5.0")], None)).await;
    let why = unread(&shop.ask("app", "5.0", "9.2.9").await).to_owned();
    assert!(why.contains("does not sort them by release"), "{why}");
}

#[tokio::test]
async fn a_file_carried_in_by_hand_answers_too() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("marketplace.json");
    let body = json!({"addons": {
        "app": page(&[app_version("5.0", "9.0", "9.2.9")], None),
        "first-page-only": page(&[app_version("5.0", "9.0", "9.2.9")], Some("/rest/2/more")),
        "private": null,
        "silent": page(&[silent("1.0")], None),
        "broken": {"status": 500},
    }});
    std::fs::write(&file, body.to_string()).unwrap();
    let lookup = Lookup::new(Marketplace::Offline(file.clone()), None, Clock::default());
    assert_eq!(ask(&lookup, "app", "5.0", "9.2.9").await, listed(Some("5.0"), true));
    assert_eq!(ask(&lookup, "app", "4.0", "10.0.1").await, listed(None, false));
    assert_eq!(ask(&lookup, "first-page-only", "4.0", "9.2.9").await, listed(Some("5.0"), false));
    assert_eq!(ask(&lookup, "private", "1", "9.2.9").await, Field::Read(Listing::NotListed));
    for (key, said) in [
        ("first-page-only", "only the first page"),
        ("silent", "states which Confluence"),
        ("broken", "no answer of the marketplace"),
        ("absent", "has nothing for absent"),
    ] {
        let why = unread(&ask(&lookup, key, "1", "10.0.1").await).to_owned();
        assert!(why.contains(said) && why.contains(&file.display().to_string()), "{said}: {why}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_for_each_plugin() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("marketplace.json");
    for text in [None, Some(""), Some("[]"), Some("{}"), Some("{\"addons\": []}"), Some("<html>login</html>")]
    {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let lookup = Lookup::new(Marketplace::Offline(file.clone()), None, Clock::default());
        let why = unread(&ask(&lookup, "app", "1", "9.2.9").await).to_owned();
        assert!(why.contains(&file.display().to_string()), "{text:?}: {why}");
    }
    let lookup = Lookup::new(Marketplace::Offline(dir.path().to_owned()), None, Clock::default());
    assert!(unread(&ask(&lookup, "app", "1", "9.2.9").await).contains("not a regular file"));
}

#[tokio::test]
async fn nowhere_is_nowhere() {
    let lookup = Lookup::new(Marketplace::Off, None, Clock::default());
    let targets = [TargetBuild { version: "9.2.9".parse().unwrap(), build: None, wanted: Wanted::Target }];
    assert_eq!(lookup.ask(&[&installed("app", "1")], &targets).await, vec![Listings::new()]);
}
