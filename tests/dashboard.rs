//! The Grafana dashboard: every query of it, asked of a real Prometheus that scrapes a real agent, and its form.
//!
//! There is no Grafana here: what it does with the variables is done as its documentation says, and nobody has seen
//! the panels drawn.

#![cfg(test)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/demo.rs"]
mod demo;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/monitoring.rs"]
mod monitoring;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use demo::Demo;
use jiff::{Timestamp, ToSpan};
use monitoring::{Prometheus, scraping};
use process::eventually;
use serde_json::{Value, json};
use upgrade_readiness_agent::surface::metrics::ALL;

/// Metrics that are not for a dashboard, and why.
const NOT_SHOWN: &[(&str, &str)] = &[];

/// Queries that give nothing of the example, by a part of them, and why.
const EMPTY: &[(&str, &str)] = &[
    ("blocks_at_timestamp_seconds", "every target of the example is blocked today, so no later day is known"),
    ("notifications_", "the example tells nobody"),
    ("fleet_", "the example has no shared store"),
    ("http_certificate_", "the example serves without TLS"),
];

fn project(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&project("deploy/grafana/upgrade-readiness.json")).unwrap()
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("no {key} in {of}"))
}

/// Every query with the title of its panel.
fn queries(dashboard: &Value) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for panel in list(dashboard, "panels") {
        for query in list(panel, "targets") {
            found.push((text(panel, "title"), query));
        }
    }
    found
}

/// A query as Grafana sends it, with what stands for each of the variables `site` and `target`.
fn interpolated(expr: &str, site: &str, target: &str) -> String {
    // Grafana's interval is at least four times that of the scrapes, and its range what is looked at.
    let times = [("$__rate_interval", "15s"), ("$__range", "1m"), ("$site", site), ("$target", target)];
    let sent = times.iter().fold(expr.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!sent.contains('$'), "{sent} has a variable that is not known here");
    sent
}

/// How many values of an answer are numbers.
fn numbers(series: &[Value]) -> usize {
    let is_number = |value: &Value| value[1].as_str().is_some_and(|number| number != "NaN");
    let of_one = |one: &Value| {
        let many = list(one, "values").iter().filter(|value| is_number(value)).count();
        many + usize::from(is_number(&one["value"]))
    };
    series.iter().map(of_one).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_answered_by_a_prometheus_that_scrapes_the_agent() {
    let demo = Demo::start("confluence").await;
    let prometheus = Prometheus::start(demo.dir.path(), &scraping(&demo.address)).await;
    prometheus.gives("upgrade_readiness_target_verdict").await;
    waive_seats(&demo).await;
    prometheus.gives("upgrade_readiness_waiver_ends_timestamp_seconds").await;
    // What is counted is seen to increase only when it does so between two scrapes.
    demo.refresh("host");

    let dashboard = dashboard();
    let variables = list(&dashboard["templating"], "list");
    let site = variables.iter().find(|variable| variable["name"] == "site").unwrap();
    let all = text(site, "allValue");
    let mut asked = 0;
    for (panel, query) in queries(&dashboard) {
        let expr = text(query, "expr");
        let is_empty = EMPTY.iter().any(|(part, _)| expr.contains(part));
        // All, one, and several, as Grafana writes them into a regular expression.
        for (site, target) in [(all, all), ("wiki", all), ("(docs|wiki)", all), (all, r"(1.*|8\\.5\\.27)")] {
            let sent = interpolated(expr, site, target);
            let ask = async || {
                if query["instant"] == true {
                    prometheus.query(&sent).await
                } else {
                    prometheus.query_range(&sent).await
                }
            };
            if is_empty {
                let series = ask().await.unwrap_or_else(|error| panic!("{panel}: {error}\n{sent}"));
                assert!(series.is_empty(), "{panel} is not empty any more: take it off the list");
            } else {
                eventually(&format!("{panel} has data: {sent}"), async || {
                    let series = ask().await.unwrap_or_else(|error| panic!("{panel}: {error}\n{sent}"));
                    numbers(&series) > 0
                })
                .await;
            }
            asked += 1;
        }
        // A site that there is not gives nothing, and no number that looks like good news.
        if expr.contains("$site") {
            let sent = interpolated(expr, "nobody", all);
            assert_eq!(prometheus.query(&sent).await.unwrap(), Vec::<Value>::new(), "{panel}: {sent}");
        }
    }
    assert!(asked > 100, "only {asked} queries: the search is broken");
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        let definition = text(&variable["query"], "query").replace("$site", all);
        let (selector, label) = definition
            .strip_prefix("label_values(")
            .unwrap()
            .strip_suffix(')')
            .unwrap()
            .rsplit_once(", ")
            .unwrap();
        let query = format!("count by ({label}) ({selector})");
        let series = prometheus.query(&query).await.unwrap();
        assert!(series.iter().any(|one| one["metric"][label].is_string()), "{definition}");
    }
}

/// Has a person live with a finding, so that there is a word that ends.
async fn waive_seats(demo: &Demo) {
    let status: Value = serde_json::from_str(&demo.get("/api/v1/status").await).unwrap();
    let checks = list(&status["instances"][0]["targets"][0], "checks");
    let seats = checks.iter().find(|check| check["id"] == "license-seats").unwrap();
    let subject = text(&list(seats, "findings")[0], "subject");
    let until = Timestamp::now().in_tz("UTC").unwrap().checked_add(30.days()).unwrap().date();
    let (code, said) = demo.run(&[
        "waive",
        "license-seats",
        "--subject",
        subject,
        "--reason",
        "more are ordered",
        "--by",
        "A. Smith",
        "--until",
        &until.to_string(),
    ]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn every_metric_is_on_it() {
    let dashboard = dashboard();
    let queries: Vec<&str> = queries(&dashboard).into_iter().map(|(_, query)| text(query, "expr")).collect();
    for name in ALL.iter().map(|definition| definition.name) {
        // A histogram is asked for its buckets.
        let is_named = |query: &&str| {
            let mut words = query.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
            words.any(|word| word == name || word.strip_suffix("_bucket") == Some(name))
        };
        let excepted = NOT_SHOWN.iter().any(|(metric, _)| *metric == name);
        assert!(queries.iter().any(is_named) || excepted, "{name} is on no panel");
    }
}

#[test]
fn its_panels_are_whole_and_lie_beside_each_other() {
    /// Panels every current Grafana has.
    const KNOWN: [&str; 7] = ["row", "stat", "table", "timeseries", "state-timeline", "bargauge", "text"];
    let dashboard = dashboard();
    assert_eq!(dashboard["schemaVersion"], 39);
    assert!(dashboard["id"].is_null(), "an id is of one Grafana");
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in list(&dashboard, "panels") {
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title} has the id of another");
        let kind = text(panel, "type");
        assert!(KNOWN.contains(&kind), "{title} is of type {kind}");
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24 && at("w") > 0 && at("h") > 0, "{title} is beyond the edge");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{title} lies on another panel");
            }
        }
        if ["row", "text"].contains(&kind) {
            continue;
        }
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(panel["description"].is_string() && !list(panel, "targets").is_empty(), "{title}");
        // A state has words, a table a unit for each column that needs one.
        let has_unit = defaults["unit"].is_string() || ["state-timeline", "table"].contains(&kind);
        assert!(has_unit, "{title} has no unit");
        assert!(defaults["noValue"].is_string(), "{title} does not say what no data means");
        let mut refs = BTreeSet::new();
        for query in list(panel, "targets") {
            assert_eq!(query["datasource"]["uid"], "${datasource}", "{title}");
            assert!(refs.insert(text(query, "refId")), "{title} has two queries of one name");
        }
    }
    assert!(ids.len() > 25);
}

/// What is not known is never good news.
#[test]
fn nothing_that_is_not_known_is_green() {
    let dashboard = dashboard().to_string();
    for word in ["cannot tell", "not believed"] {
        assert!(dashboard.contains(&format!("\"text\":\"{word}\"")), "{word} is nowhere");
    }
    let mut mappings = Vec::new();
    collect(&serde_json::from_str(&dashboard).unwrap(), &mut mappings);
    assert!(mappings.len() >= 8);
    for (text, color) in mappings {
        let expected = match text.as_str() {
            "ready" | "answers" | "up" => "green",
            "warning" => "orange",
            "cannot tell" | "not believed" => "purple",
            "blocked" | "down" => "red",
            other => panic!("{other:?} has no colour here"),
        };
        assert_eq!(color, expected, "{text}");
    }
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    for (verdict, color) in
        [("blocked", "red"), ("unknown", "purple"), ("warning", "orange"), ("ready", "green")]
    {
        let is_of = |panel: &&Value| {
            panel["type"] == "stat"
                && panel["targets"].to_string().contains(&format!("verdict=\\\"{verdict}\\\""))
        };
        let stat = list(&dashboard, "panels").iter().find(is_of).unwrap();
        let steps = list(&stat["fieldConfig"]["defaults"]["thresholds"], "steps");
        let colors: Vec<&str> = steps.iter().map(|step| text(step, "color")).collect();
        assert_eq!(colors, ["text", color], "{verdict}");
    }
}

const GRAVEST_FIRST: [&str; 4] = ["blocked", "unknown", "warning", "ready"];

/// What an agent says of one target, and of one check of it, as series for `promtool`.
fn series_of(agent: &str, said: &str) -> Vec<Value> {
    let mut series = Vec::new();
    for verdict in GRAVEST_FIRST {
        for name in ["target_verdict{", "check_verdict{check=\"disk-space\","] {
            let labels = format!("instance='{agent}',site='wiki',target='9.2.10',verdict='{verdict}'");
            let value = u8::from(verdict == said).to_string();
            series.push(json!({ "series": format!("upgrade_readiness_{name}{labels}}}"), "values": value }));
        }
    }
    series
}

/// Two agents that watch the same site and do not agree: the graver word is shown, as `promtool` computes it.
#[test]
fn of_two_agents_that_disagree_the_graver_is_shown() {
    let dashboard = dashboard();
    let chosen = queries(&dashboard).into_iter().filter(|(_, query)| text(query, "expr").contains("\nor "));
    let (panels, shown): (Vec<&str>, Vec<String>) =
        chosen.map(|(panel, query)| (panel, interpolated(text(query, "expr"), ".*", ".*"))).unzip();
    assert_eq!(panels, ["Verdicts", "Targets", "Checks that are not ready"]);

    let expected = |expr: &str, graver: &str| {
        let check = if expr.contains("check_verdict") { ", check='disk-space'" } else { "" };
        let number = 4 - GRAVEST_FIRST.iter().position(|verdict| *verdict == graver).unwrap();
        // The table of checks has no line for one that is ready.
        let is_left_out = !check.is_empty() && graver == "ready";
        let labels = format!("{{site='wiki', target='9.2.10'{check}}}");
        let samples = if is_left_out { json!([]) } else { json!([{ "labels": labels, "value": number }]) };
        json!({ "expr": expr, "eval_time": "0s", "exp_samples": samples })
    };
    let mut tests = Vec::new();
    for (place, graver) in GRAVEST_FIRST.iter().enumerate() {
        for milder in GRAVEST_FIRST.iter().skip(place) {
            for (first, second) in [(graver, milder), (milder, graver)] {
                let series = [series_of("a:9977", first), series_of("b:9977", second)].concat();
                let asked: Vec<Value> = shown.iter().map(|expr| expected(expr, graver)).collect();
                tests.push(json!({
                    "name": format!("{first} and {second}"),
                    "interval": "1m",
                    "input_series": series,
                    "promql_expr_test": asked,
                }));
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("disagree.yml");
    fs::write(&file, json!({ "tests": tests }).to_string()).unwrap();
    let output = process::command("promtool").args(["test", "rules"]).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

/// Every value that is shown as a word, with its colour.
fn collect(value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            if let (Some(Value::String(word)), Some(Value::String(color))) =
                (members.get("text"), members.get("color"))
            {
                into.push((word.clone(), color.clone()));
            }
            for value in members.values() {
                collect(value, into);
            }
        }
        Value::Array(values) => {
            for value in values {
                collect(value, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The variable `runbooks` is the one place that says where the documentation is kept.
#[test]
fn its_links_lead_to_pages_that_are_there() {
    let whole = project("deploy/grafana/upgrade-readiness.json");
    let links: BTreeSet<&str> = whole
        .split("${runbooks}/")
        .skip(1)
        .map(|rest| rest.split(|char: char| "\"#)\\ ".contains(char)).next().unwrap())
        .collect();
    assert!(links.len() >= 2, "{links:?}");
    for path in links {
        assert!(!project(path).is_empty(), "{path}");
    }
    let dashboard = dashboard();
    let runbooks = list(&dashboard["templating"], "list")
        .iter()
        .find(|variable| variable["name"] == "runbooks")
        .unwrap();
    assert_eq!(text(runbooks, "query"), "https://runbooks.example.com/upgrade-readiness");
}
