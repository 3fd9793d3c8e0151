//! Public lists that answer as they are documented, and as they should not.
//!
//! Shapes: version 1 of <https://endoflife.date/docs/api/v1/>; the vendor's feeds as public clients read them
//! (`atlassian/data-center-helm-charts`); the marketplace's list as `redradishtech/atl_manage` reads it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use upgrade_readiness_checks::facts::AskOutcome;
use upgrade_readiness_checks::version::ProductVersion;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::catalog_in_use::LivingCatalog;
use crate::config::parse_config;

const LINES: &str = "/api/v1/products/confluence";
const CURRENT: &str = "/download/feeds/current/confluence.json";

/// A catalog, a state directory and a server that stands for all public lists.
struct House {
    dir: tempfile::TempDir,
    server: MockServer,
}

impl House {
    async fn new() -> Self {
        crate::collect::http::install_tls_provider();
        Self { dir: tempfile::tempdir().unwrap(), server: MockServer::start().await }
    }

    fn kept(&self) -> PathBuf {
        self.dir.path().join("catalog/confluence.json")
    }

    fn asking(&self, every: Duration) -> Refreshing {
        let url: Url = self.server.uri().parse().unwrap();
        Refreshing::Ask(Box::new(PublicLists {
            endoflife: url.clone(),
            feeds: url.clone(),
            marketplace: url,
            ca_file: None,
            every,
            time_limit: Duration::from_mins(1),
        }))
    }

    fn open(&self, way: Refreshing) -> (Arc<LivingCatalog>, Refresher) {
        let catalog = Arc::new(embedded());
        let refresher = Refresher::new(Product::Confluence, way, self.kept(), catalog.clone())
            .recalled(Timestamp::now(), true);
        (catalog, refresher)
    }

    async fn answers(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn asked(&self, at: &str) -> usize {
        let asked = self.server.received_requests().await.unwrap();
        asked.iter().filter(|request| request.url.path() == at).count()
    }

    fn file(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.kept()).unwrap()).unwrap()
    }
}

fn embedded() -> LivingCatalog {
    let text = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
    LivingCatalog::new(&parse_config(text).unwrap().catalogs[&Product::Confluence])
}

fn latest(catalog: &LivingCatalog) -> String {
    catalog.current().latest().unwrap().version.to_string()
}

/// The releases and platforms of a catalog, as text.
fn text_of(catalog: &LivingCatalog) -> String {
    let current = catalog.current();
    let cycle = current.cycle("debian", "12");
    format!("{:?} {cycle:?}", current.releases())
}

/// The whole list as it is known, with a new line.
fn lines() -> Value {
    let known = embedded().current();
    let mut lines: Vec<Value> = known
        .releases()
        .iter()
        .filter(|release| release.version.as_str().ends_with(".0"))
        .map(|release| {
            json!({"name": release.version.line(), "codename": null, "label": release.version.line(),
                   "releaseDate": release.released_on, "isLts": release.long_term_support, "isEol": false,
                   "eolFrom": release.end_of_life.map(|end| end.on), "isMaintained": true, "latest": null})
        })
        .collect();
    lines.push(json!({"name": "11.1", "releaseDate": "2026-11-18", "isLts": false, "eolFrom": "2028-11-18",
                      "latest": {"name": "11.1.0", "date": "2026-11-18", "link": null}}));
    json!({"schema_version": "1.2.1", "generated_at": "2026-11-21T00:00:00Z",
           "result": {"name": "confluence", "releases": lines}})
}

/// The beginning of a text.
fn half_of(text: &str) -> String {
    text.chars().take(text.len() / 2).collect()
}

fn feed(version: &str) -> String {
    format!(
        "downloads([{{\"description\":\"Standalone\",\"edition\":\"None\",\"version\":\"{version}\",\
         \"released\":\"18-Nov-2026\",\"platform\":\"Unix, Mac OS X\"}},{{\"version\":\"{version}\",\
         \"released\":\"18-Nov-2026\",\"platform\":\"Windows\"}}])"
    )
}

fn of(releases: &Releases, topic: &str) -> (AskOutcome, String) {
    let asked = releases.refreshed.iter().find(|asked| asked.topic == topic).unwrap();
    (asked.outcome, asked.problem.clone().unwrap_or_default())
}

#[tokio::test]
async fn news_are_learned_kept_and_asked_for_only_when_they_change() {
    let house = House::new().await;
    // Tried first because it was mounted first: whoever sends the mark is told that nothing has changed.
    Mock::given(path(LINES))
        .and(header("if-none-match", "\"one\""))
        .respond_with(ResponseTemplate::new(304))
        .mount(&house.server)
        .await;
    let answer = ResponseTemplate::new(200)
        .set_body_json(lines())
        .insert_header("etag", "\"one\"")
        .insert_header("last-modified", "Fri, 20 Nov 2026 00:00:00 GMT");
    house.answers(LINES, answer).await;
    house.answers(CURRENT, ResponseTemplate::new(200).set_body_string(feed("11.1.1"))).await;

    let (catalog, refresher) = house.open(house.asking(Duration::ZERO));
    let first = refresher.look().await;
    assert_eq!(latest(&catalog), "11.1.1");
    let newest = catalog.current().latest().cloned().unwrap();
    assert_eq!(newest.end_of_life.unwrap().on.to_string(), "2028-11-18");
    assert_eq!(of(&first, "endoflife").0, AskOutcome::Answered);
    assert!(of(&first, "platform/debian").1.contains("404"), "{first:?}");
    assert!(first.refused.is_empty() && first.origin.contains("confluence.json"), "{first:?}");
    assert_eq!(first.collected_on, embedded().current().collected_on.max(today()));
    let before = house.file();

    let second = refresher.look().await;
    assert_eq!(of(&second, "endoflife").0, AskOutcome::Unchanged);
    assert_eq!(second.digest, first.digest, "nothing was learned anew");
    let after = house.file();
    assert_eq!(before["answers"]["endoflife"]["said"], after["answers"]["endoflife"]["said"]);
    let requests = house.server.received_requests().await.unwrap();
    let again = requests.iter().rfind(|request| request.url.path() == LINES).unwrap();
    assert_eq!(again.headers["if-modified-since"], "Fri, 20 Nov 2026 00:00:00 GMT");
    let agent = again.headers["user-agent"].clone();
    assert!(agent.to_str().unwrap().starts_with("upgrade-readiness-agent/"), "{agent:?}");

    // The next run knows it before anybody is asked, and so does a command.
    let (catalog, _) = house.open(house.asking(Duration::from_hours(1)));
    assert_eq!(latest(&catalog), "11.1.1");
    let (catalog, by_hand) = house.open(house.asking(Duration::ZERO));
    let asked = house.server.received_requests().await.unwrap().len();
    let by_hand = by_hand.without_asking().look().await;
    assert_eq!((latest(&catalog).as_str(), by_hand.digest.as_str()), ("11.1.1", first.digest.as_str()));
    assert_eq!(house.server.received_requests().await.unwrap().len(), asked);
    // A network without internet gets the same from the file.
    let carried = house.dir.path().join("carried.json");
    fs::copy(house.kept(), &carried).unwrap();
    let (catalog, refresher) = House::new().await.open(Refreshing::File(carried.clone()));
    let facts = refresher.look().await;
    assert_eq!((latest(&catalog).as_str(), facts.digest.as_str()), ("11.1.1", first.digest.as_str()));
    // When the file is spoilt later, what was learned from it stays.
    fs::write(&carried, "<html>").unwrap();
    let facts = refresher.look().await;
    assert_eq!(latest(&catalog), "11.1.1");
    assert!(facts.refused.concat().contains("carried.json"), "{:?}", facts.refused);
}

fn today() -> jiff::civil::Date {
    jiff::tz::TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

#[tokio::test]
async fn an_address_is_asked_once_a_day_and_not_while_it_wants_to_be_left_alone() {
    let house = House::new().await;
    house.answers(LINES, ResponseTemplate::new(200).set_body_json(lines())).await;
    let day = Duration::from_hours(24);
    let (_, refresher) = house.open(house.asking(day));
    refresher.look().await;
    let everything = house.server.received_requests().await.unwrap().len();
    refresher.look().await;
    let (_, restarted) = house.open(house.asking(day));
    restarted.look().await;
    assert_eq!(house.server.received_requests().await.unwrap().len(), everything);

    let house = House::new().await;
    house.answers(LINES, ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    let (_, refresher) = house.open(house.asking(Duration::ZERO));
    refresher.look().await;
    refresher.look().await;
    assert_eq!(house.server.received_requests().await.unwrap().len(), 1, "the whole host is left alone");
}

#[tokio::test]
async fn a_bad_answer_leaves_the_catalog_as_it_was_built() {
    let page = "<!doctype html><html>Please log in</html>";
    let ok = || ResponseTemplate::new(200);
    let whole = lines().to_string();
    let rows: Vec<(&str, &str, ResponseTemplate, &str)> = vec![
        ("a page", LINES, ok().set_body_raw(page, "text/html"), "web page"),
        ("a page as data", LINES, ok().set_body_raw(page, "application/json"), "web page"),
        ("truncated", LINES, ok().set_body_string(half_of(&whole)), "line 1"),
        ("something else", LINES, ok().set_body_string("[1, 2]"), "line 1"),
        ("nothing", LINES, ok(), "line 1"),
        ("no text", LINES, ok().set_body_bytes(vec![0xff; 99]), "UTF-8"),
        ("too long", LINES, ok().set_body_bytes(vec![b' '; 9 * 1024 * 1024]), "longer than"),
        ("deep", LINES, ok().set_body_string("[".repeat(1_000_000)), "line 1"),
        ("empty list", LINES, ok().set_body_json(json!({"result": {"releases": []}})), "empty"),
        (
            "a list that lost most",
            LINES,
            ok().set_body_json(json!({"result": {"releases": [{"name": "9.2", "eolFrom": "2030-01-01"}]}})),
            "has only 1",
        ),
        ("server error", LINES, ResponseTemplate::new(503), "503"),
        (
            "another host",
            LINES,
            ResponseTemplate::new(302).insert_header("location", "http://x.invalid/"),
            "sends",
        ),
        ("unasked 304", LINES, ResponseTemplate::new(304), "nothing is known"),
        ("a feed that is a page", CURRENT, ok().set_body_raw(page, "text/html"), "web page"),
        ("a feed without end", CURRENT, ok().set_body_string("downloads([{\"version\":\"12.0.0\""), "line 1"),
        ("an empty feed", CURRENT, ok().set_body_string("downloads([])"), "empty"),
    ];
    for (name, at, answer, why) in rows {
        let house = House::new().await;
        house.answers(at, answer).await;
        let (catalog, refresher) = house.open(house.asking(Duration::ZERO));
        let facts = refresher.look().await;
        let topic = if at == LINES { "endoflife" } else { "feed/current" };
        let (outcome, problem) = of(&facts, topic);
        assert!(matches!(outcome, AskOutcome::Refused | AskOutcome::Failed), "{name}: {outcome:?}");
        assert!(problem.contains(why) && problem.len() < 400, "{name}: {problem}");
        assert_eq!(text_of(&catalog), text_of(&embedded()), "{name}");
        assert_eq!(facts.digest, embedded().releases().digest, "{name}");
        assert_eq!(facts.collected_on, embedded().releases().collected_on, "{name}");
        assert_eq!(house.asked(at).await, 1, "{name}");
    }
}

#[tokio::test]
async fn a_bad_answer_does_not_displace_a_good_one() {
    let house = House::new().await;
    Mock::given(path(LINES))
        .respond_with(ResponseTemplate::new(200).set_body_json(lines()))
        .up_to_n_times(1)
        .mount(&house.server)
        .await;
    house.answers(LINES, ResponseTemplate::new(200).set_body_json(json!({"result": {"releases": []}}))).await;
    let (catalog, refresher) = house.open(house.asking(Duration::ZERO));
    refresher.look().await;
    let facts = refresher.look().await;
    assert_eq!(of(&facts, "endoflife").0, AskOutcome::Refused);
    assert_eq!(latest(&catalog), "11.1.0");
}

#[tokio::test]
async fn entries_nobody_can_believe_are_said() {
    let house = House::new().await;
    house.answers(CURRENT, ResponseTemplate::new(200).set_body_string(feed("99.0.0"))).await;
    let (catalog, refresher) = house.open(house.asking(Duration::ZERO));
    let facts = refresher.look().await;
    assert_eq!(text_of(&catalog), text_of(&embedded()));
    assert!(facts.refused.concat().contains("99.0.0"), "{:?}", facts.refused);
}

#[tokio::test]
async fn the_marketplace_is_read_page_by_page() {
    let house = House::new().await;
    let known = embedded().current();
    let versions: Vec<Value> = known
        .releases()
        .iter()
        .map(|release| json!({"version": release.version, "buildNumber": 1, "releaseDate": release.released_on}))
        .chain([json!({"version": "11.1.0", "buildNumber": 99999, "releaseDate": "2026-11-18"})])
        .collect();
    for (page, chunk) in versions.chunks(50).enumerate() {
        Mock::given(path("/rest/2/applications/confluence/versions"))
            .and(wiremock::matchers::query_param("offset", (page * 50).to_string()))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"_embedded": {"versions": chunk}})))
            .mount(&house.server)
            .await;
    }
    house
        .answers(
            "/rest/2/applications/confluence/versions",
            ResponseTemplate::new(200).set_body_json(json!({"_embedded": {"versions": []}})),
        )
        .await;
    let (catalog, refresher) = house.open(house.asking(Duration::ZERO));
    let facts = refresher.look().await;
    assert_eq!(of(&facts, "marketplace").0, AskOutcome::Answered, "{facts:?}");
    let version: ProductVersion = "11.1.0".parse().unwrap();
    let added = catalog.current().release(&version).cloned().unwrap();
    assert_eq!(added.build, None, "its numbers are not those of the product");
    assert_eq!(added.released_on.unwrap().to_string(), "2026-11-18");
}

#[tokio::test]
async fn nobody_there_is_no_failure() {
    let house = House::new().await;
    let mut lists = match house.asking(Duration::ZERO) {
        Refreshing::Ask(lists) => lists,
        Refreshing::Off | Refreshing::File(_) => panic!(),
    };
    // Port 1 is nobody's.
    lists.endoflife = "http://127.0.0.1:1".parse().unwrap();
    let (catalog, refresher) = house.open(Refreshing::Ask(lists));
    let collector = ReleasesCollector::new(Arc::new(refresher));
    let Section::Releases(facts) = collector.collect().await.unwrap() else { panic!() };
    assert!(of(&facts, "endoflife").1.contains("could not be reached"), "{facts:?}");
    let asked = facts.refreshed.iter().filter(|asked| asked.address.contains(":1/")).count();
    assert_eq!(asked, 1, "where nobody is, nothing more is asked for in this look");
    assert_eq!(text_of(&catalog), text_of(&embedded()));
}

#[test]
fn a_kept_file_that_cannot_be_used_is_set_aside_and_said() {
    let sound = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(Refresh::empty(Product::Confluence)).unwrap();
        value["answers"]["feed/current"] = json!({"from": "http://x", "learned_at": "2026-11-20T00:00:00Z",
            "said": {"releases": [{"version": "11.1.0", "date": "2026-11-18"}]}});
        change(&mut value);
        value.to_string()
    };
    let rows = [
        ("garbage", "\u{0}\u{1}".to_owned(), "line 1"),
        ("cut", half_of(&sound(|_| ())), "line 1"),
        ("newer", sound(|value| value["format_version"] = "2.0".into()), "2.0"),
        (
            "future",
            sound(|value| value["answers"]["feed/current"]["learned_at"] = "9999-01-01T00:00:00Z".into()),
            "future",
        ),
        (
            "a day that is none",
            sound(|value| value["answers"]["feed/current"]["said"]["releases"][0]["date"] = "never".into()),
            "line 1",
        ),
        (
            "a foreign topic",
            sound(|value| value["answers"]["x"] = value["answers"]["feed/current"].clone()),
            "line 1",
        ),
    ];
    for (name, text, why) in rows {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("confluence.json");
        let write = |text: &str| fs::write(&kept, text).unwrap();
        write(&text);
        let url: Url = "http://127.0.0.1:1".parse().unwrap();
        let lists = PublicLists {
            endoflife: url.clone(),
            feeds: url.clone(),
            marketplace: url,
            ca_file: None,
            every: Duration::ZERO,
            time_limit: Duration::ZERO,
        };
        let catalog = Arc::new(embedded());
        let open = |mend| {
            let way = Refreshing::Ask(Box::new(lists.clone()));
            Refresher::new(Product::Confluence, way, kept.clone(), catalog.clone())
                .recalled(Timestamp::now(), mend)
        };
        let said = |mut refresher: Refresher| refresher.trouble().unwrap_or_default();
        assert!(said(open(false)).contains(why) && Path::exists(&kept), "{name}: {}", said(open(false)));
        let told = said(open(true));
        assert!(told.contains("kept aside as"), "{name}: {told}");
        assert_eq!(fs::read_to_string(dir.path().join("confluence.json.aside")).unwrap(), text, "{name}");
        assert!(!kept.exists(), "{name}");
        assert_eq!(text_of(&catalog), text_of(&embedded()), "{name}");
        write(&sound(|_| ()));
        assert_eq!(said(open(true)), "", "{name}: a sound one is taken in");
        assert_eq!(latest(&catalog), "11.1.0");
    }
}
