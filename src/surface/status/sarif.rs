//! The status in SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), for tools that collect results of many
//! others.
//!
//! A run for each target, a result for each finding. A check that could not look would have the kind `open`, and readers
//! that know levels alone would drop it and show green; so it is a result of its own rule, `ID/cannot-tell`, and the run is
//! said not to have succeeded. So it is with a status nobody renews and with an instance of which nothing was judged:
//! `status/cannot-tell` and `instance/cannot-tell`. Findings that a person's word settles are there, suppressed.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::select::NOT_JUDGED;
use super::words::{length, minute, printable, settled};
use super::{Age, CheckView, FindingView, InstanceView, Selection, StatusFile, TargetView, WaiverView, age};

/// Version of SARIF.
pub const SARIF_VERSION: &str = "2.1.0";

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The status as one SARIF log.
///
/// # Panics
///
/// Never: it is made of what JSON can say.
#[must_use]
pub fn render_sarif(selection: &Selection<'_>, now: Timestamp) -> String {
    let status = selection.status;
    let doubt = doubt(status, now);
    let doubt = doubt.as_deref();
    let of_row = |(instance, target): (&InstanceView, Option<&TargetView>)| match target {
        Some(target) => run(status, instance, target, doubt),
        None => run_without_targets(status, Some(instance), doubt),
    };
    let mut runs: Vec<Value> = selection.rows().into_iter().map(of_row).collect();
    if runs.is_empty() {
        runs.push(run_without_targets(status, None, doubt));
    }
    let log = json!({"$schema": SCHEMA, "version": SARIF_VERSION, "runs": runs});
    let mut text = serde_json::to_string_pretty(&log).expect("it is made of what JSON can say");
    text.push('\n');
    text
}

/// Why nothing of it may be believed, when nobody renewed the status.
fn doubt(status: &StatusFile, now: Timestamp) -> Option<String> {
    let written = minute(status.written_at);
    Some(match age(status, now) {
        Age::Fresh(_) => return None,
        Age::Stale(age) => format!(
            "the status is {} old (written {written}), so its results may no longer be true: is the daemon down?",
            length(age)
        ),
        Age::Future(ahead) => {
            format!("the status was written {} in the future ({written}): a clock is wrong", length(ahead))
        }
    })
}

/// The run of an instance of which nothing was judged, or of a status without instances.
fn run_without_targets(status: &StatusFile, instance: Option<&InstanceView>, doubt: Option<&str>) -> Value {
    let name = instance.map_or("", |instance| instance.name.as_str());
    let place = Place { instance: name, target: "", requested: "" };
    let about = instance.map_or("status", |_| "instance");
    // Of a status without instances there is one thing to say of the status: both reasons stand in it.
    let reasons: Vec<(&str, String)> = match (instance, doubt) {
        (Some(_), Some(doubt)) => vec![("status", doubt.to_owned()), (about, NOT_JUDGED.to_owned())],
        (None, Some(doubt)) => vec![(about, format!("{NOT_JUDGED}, and {doubt}"))],
        (_, None) => vec![(about, NOT_JUDGED.to_owned())],
    };
    let notifications: Vec<Value> = reasons.iter().map(|(_, reason)| notification(reason, None)).collect();
    let results: Vec<Value> = reasons.iter().map(|(id, reason)| place.cannot_tell(id, reason)).collect();
    let mut run = json!({
        "tool": tool(status, &[]),
        "invocations": [invocation(status, &notifications)],
        "results": results,
    });
    if let (Some(instance), Some(run)) = (instance, run.as_object_mut()) {
        let id = format!("upgrade-readiness/{}/", instance.name);
        run.insert("automationDetails".to_owned(), json!({ "id": id }));
        let InstanceView { name, product, version, .. } = instance;
        let properties =
            json!({"instance": name, "product": product, "runs": version, "verdict": Verdict::Unknown});
        run.insert("properties".to_owned(), properties);
    }
    run
}

fn run(status: &StatusFile, instance: &InstanceView, target: &TargetView, doubt: Option<&str>) -> Value {
    let place = Place { instance: &instance.name, target: target.name(), requested: &target.requested };
    let mut notifications: Vec<Value> =
        doubt.into_iter().chain(target.reason.as_deref()).map(|reason| notification(reason, None)).collect();
    let mut results: Vec<Value> = doubt.map(|doubt| place.cannot_tell("status", doubt)).into_iter().collect();
    for check in &target.checks {
        results.extend(check.findings.iter().map(|finding| place.result(check, finding)));
        if check.verdict == Verdict::Unknown {
            notifications.push(notification(&check.reason, Some(&check.id)));
            results.push(place.cannot_tell(&check.id, &check.reason));
        }
    }
    if let Some(reason) = &target.reason {
        results.push(place.cannot_tell("target", reason));
    }
    let told: Vec<&CheckView> = target
        .checks
        .iter()
        .filter(|check| !check.findings.is_empty() || check.verdict == Verdict::Unknown)
        .collect();
    json!({
        "tool": tool(status, &told),
        "automationDetails": {"id": format!("upgrade-readiness/{}/{}/", instance.name, target.requested)},
        "invocations": [invocation(status, &notifications)],
        "results": results,
        "properties": {
            "instance": instance.name,
            "product": instance.product,
            "runs": instance.version,
            "target": target.version,
            "requested": target.requested,
            "verdict": target.verdict,
            "blocksAt": target.blocks_at,
            "upgradeOn": target.upgrade_on,
        },
    })
}

fn tool(status: &StatusFile, checks: &[&CheckView]) -> Value {
    let rule = |check: &&CheckView| {
        json!({
            "id": check.id,
            "shortDescription": {"text": message(&check.title)},
            "help": {"text": format!("`agent explain {}` says what is looked at, why, and how to fix it.", check.id)},
            "properties": {"tags": [check.category]},
        })
    };
    json!({"driver": {
        "name": "upgrade-readiness-agent",
        "version": status.agent.version,
        "rules": checks.iter().map(rule).collect::<Vec<_>>(),
    }})
}

/// Whether every check could look, and what kept it from that.
fn invocation(status: &StatusFile, notifications: &[Value]) -> Value {
    json!({
        "executionSuccessful": notifications.is_empty(),
        "endTimeUtc": status.written_at,
        "toolExecutionNotifications": notifications,
    })
}

fn notification(text: &str, check: Option<&str>) -> Value {
    let message = json!({"text": message(text)});
    match check {
        Some(id) => json!({"level": "error", "message": message, "associatedRule": {"id": id}}),
        None => json!({"level": "error", "message": message}),
    }
}

/// Where results are. What was asked for identifies them: they are the same after a newer release came out.
#[derive(Clone, Copy)]
struct Place<'a> {
    instance: &'a str,
    target: &'a str,
    requested: &'a str,
}

impl Place<'_> {
    fn result(self, check: &CheckView, finding: &FindingView) -> Value {
        let level = match finding.severity {
            Severity::Blocker => "error",
            Severity::Warning => "warning",
            Severity::Notice => "note",
        };
        let FindingView { summary, observed, required, remedy, .. } = finding;
        let mut lines = vec![summary.clone()];
        let rows = [("Seen", observed), ("Needed", required), ("Do", remedy)];
        lines.extend(
            rows.iter().filter(|(_, text)| !text.is_empty()).map(|(word, text)| format!("{word}: {text}")),
        );
        lines.extend(finding.holds_on.map(|day| format!("From the planned day, {day}; not yet today.")));
        lines.extend(finding.lapsed.iter().map(|lapsed| format!("Counts again: {lapsed}")));
        let lines: Vec<String> = lines.iter().map(|line| message(line)).collect();
        let mut result = self.base(&check.id, &finding.subject, level, &lines.join("\n"));
        if let Some(word) = &finding.waiver {
            result.insert("suppressions".to_owned(), json!([suppression(word)]));
        }
        if let Some(since) = check.first_seen {
            result.insert("provenance".to_owned(), json!({"firstDetectionTimeUtc": since}));
        }
        result.into()
    }

    fn cannot_tell(self, id: &str, reason: &str) -> Value {
        let rule = format!("{id}/cannot-tell");
        let told = format!("Cannot tell: {}", message(reason));
        self.base(&rule, id, "warning", &told).into()
    }

    fn base(self, rule: &str, subject: &str, level: &str, text: &str) -> Map<String, Value> {
        let Self { instance, target, requested } = self;
        let mut result = Map::new();
        result.insert("ruleId".to_owned(), rule.into());
        result.insert("level".to_owned(), level.into());
        result.insert("message".to_owned(), json!({"text": text}));
        let subject_shown = printable(subject);
        let path: Vec<&str> =
            [instance, target, &subject_shown].into_iter().filter(|part| !part.is_empty()).collect();
        let location = json!({
            "name": subject_shown,
            "fullyQualifiedName": path.join("/"),
            "kind": "resource",
        });
        result.insert("locations".to_owned(), json!([{"logicalLocations": [location]}]));
        let identity = Sha256::digest([instance, requested, rule, subject].join("\0"));
        let identity = identity.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        result.insert("partialFingerprints".to_owned(), json!({"upgradeReadiness/v1": identity}));
        result
    }
}

fn suppression(word: &WaiverView) -> Value {
    let (name, text) = settled(word);
    json!({"kind": "external", "status": "accepted", "justification": message(&format!("{name} {text}"))})
}

/// Foreign text as a message: braces would be places for arguments (§3.11.5), and what looks like a link would be one
/// (§3.11.6).
fn message(text: &str) -> String {
    printable(text).replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::view;
    use super::*;
    use crate::surface::sample;

    fn render(status: &StatusFile, instance: Option<&str>, seconds: i64) -> Value {
        let now = status.written_at + SignedDuration::from_secs(seconds);
        serde_json::from_str(&render_sarif(&status.select(instance, None).unwrap(), now)).unwrap()
    }

    #[test]
    fn the_whole_log() {
        let status = view(&sample::board(), sample::now());
        insta::assert_snapshot!(render_sarif(&status.select(None, None).unwrap(), sample::now()));
    }

    fn succeeded(run: &Value) -> bool {
        run["invocations"][0]["executionSuccessful"].as_bool().unwrap()
    }

    #[test]
    fn whoever_cannot_tell_says_so_twice() {
        let status = view(&sample::board(), sample::now());
        let docs = &render(&status, Some("docs"), 0)["runs"][0];
        assert!(!succeeded(docs));
        assert_eq!(docs["results"][0]["ruleId"], "target/cannot-tell");
        assert_eq!(docs["results"][0]["level"], "warning");

        let wiki = render(&status, Some("wiki"), 0);
        for run in wiki["runs"].as_array().unwrap() {
            let results = run["results"].as_array().unwrap();
            let cannot =
                results.iter().filter(|it| it["ruleId"].as_str().unwrap().ends_with("/cannot-tell")).count();
            let target = run["properties"]["target"].as_str().unwrap();
            let target = status.instances[0].targets.iter().find(|it| it.name() == target).unwrap();
            assert_eq!(cannot, target.with_verdict(Verdict::Unknown).count());
            assert_eq!(succeeded(run), cannot == 0);
            let rules: Vec<_> =
                run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
            for result in results {
                let id = result["ruleId"].as_str().unwrap().trim_end_matches("/cannot-tell");
                assert!(rules.iter().any(|rule| **rule == id), "{id}");
            }
        }
        for seconds in [900, -900] {
            let late = render(&status, Some("wiki"), seconds);
            for run in late["runs"].as_array().unwrap() {
                assert!(!succeeded(run));
                assert_eq!(told(run)[0], "status/cannot-tell");
            }
        }
    }

    /// The rules of the results.
    fn told(run: &Value) -> Vec<&str> {
        run["results"].as_array().unwrap().iter().map(|result| result["ruleId"].as_str().unwrap()).collect()
    }

    #[test]
    fn what_was_not_judged_is_a_result_and_not_their_absence() {
        let mut status = view(&sample::board(), sample::now());
        // Of one that is ready, and too old to be believed.
        let ready = status.select(Some("wiki"), Some("9.2.10")).unwrap().to_status();
        let run = &render(&ready, None, 900)["runs"][0];
        assert_eq!((told(run), succeeded(run)), (vec!["status/cannot-tell"], false));
        assert!(run["results"][0]["message"]["text"].as_str().unwrap().contains("15 minutes old"));

        status.instances[1].targets.clear();
        for (seconds, expected) in
            [(0, &["instance/cannot-tell"][..]), (900, &["status/cannot-tell", "instance/cannot-tell"])]
        {
            let run = &render(&status, None, seconds)["runs"][1];
            assert_eq!((told(run), succeeded(run)), (expected.to_vec(), false));
            assert_eq!(run["properties"]["instance"], "docs");
            let place = &run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
            assert!(place.as_str().unwrap().starts_with("docs/"), "{place}");
        }
        let nothing = StatusFile { instances: Vec::new(), ..status };
        for seconds in [0, 900] {
            let run = &render(&nothing, None, seconds)["runs"][0];
            assert_eq!((told(run), succeeded(run)), (vec!["status/cannot-tell"], false));
        }
    }

    #[test]
    fn what_a_word_settles_is_suppressed_and_every_result_keeps_its_identity() {
        let status = view(&sample::board(), sample::now());
        let log = render(&status, Some("wiki"), 0);
        let results: Vec<&Value> = log["runs"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|run| run["results"].as_array().unwrap())
            .collect();
        let suppressed = results.iter().filter(|result| result["suppressions"].is_array()).count();
        let waived = status.instances[0]
            .targets
            .iter()
            .flat_map(TargetView::findings)
            .filter(|(_, it)| it.waiver.is_some());
        assert_eq!(suppressed, waived.count());
        assert!(suppressed > 0);
        let prints = results
            .iter()
            .map(|result| result["partialFingerprints"]["upgradeReadiness/v1"].as_str().unwrap());
        let distinct: std::collections::BTreeSet<_> = prints.clone().collect();
        assert_eq!(distinct.len(), prints.count());
    }

    #[test]
    fn foreign_text_is_no_link_and_no_argument() {
        assert_eq!(message("[x](javascript:y) {0} \u{1b}"), "[x] (javascript:y) {{0}} \\u{{1b}}");
    }
}
