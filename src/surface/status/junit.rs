//! The status as a `JUnit` report, for pipelines that show one.
//!
//! The form is the one CI servers read (<https://github.com/testmoapp/junitxml>): a suite for each target, a case for
//! each check. It knows passed, failed, in error and skipped, so a blocker and a warning are failures of that type, and a
//! check that could not look is an error: whoever cannot tell does not pass. How old the status is is a case of its own.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::select::NOT_JUDGED;
use super::words::{length, minute, settled};
use super::{Age, CheckView, FindingView, InstanceView, Selection, TargetView, age};
use crate::surface::html::Html;

/// The report, as one XML document.
#[must_use]
pub fn render_junit(selection: &Selection<'_>, now: Timestamp) -> String {
    let mut suites = vec![of_the_file(selection, now)];
    suites.extend(selection.rows().into_iter().map(|(instance, target)| match target {
        Some(target) => of_target(instance, target),
        None => of_not_judged(instance),
    }));
    let written_at = TimeZone::UTC.to_datetime(selection.status.written_at);
    let written_at = written_at.strftime("%Y-%m-%dT%H:%M:%S").to_string();

    let mut xml = Html::default();
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"upgrade readiness\"");
    counts(&mut xml, suites.iter().flat_map(|suite| &suite.cases));
    xml.raw(">\n");
    for suite in &suites {
        xml.raw("  <testsuite");
        attribute(&mut xml, "name", &suite.name);
        counts(&mut xml, suite.cases.iter());
        attribute(&mut xml, "timestamp", &written_at);
        xml.raw(">\n");
        if !suite.properties.is_empty() {
            xml.raw("    <properties>\n");
            for (name, value) in &suite.properties {
                xml.raw("      <property");
                attribute(&mut xml, "name", name);
                attribute(&mut xml, "value", value);
                xml.raw("/>\n");
            }
            xml.raw("    </properties>\n");
        }
        for case in &suite.cases {
            case.write(&mut xml, &suite.class);
        }
        xml.raw("  </testsuite>\n");
    }
    xml.raw("</testsuites>\n");
    xml.into_text()
}

/// A group of cases.
struct Suite {
    name: String,
    /// What readers sort cases by: they take it for a package and a class, divided by the last dot.
    class: String,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

/// One thing that passed or did not.
struct Case {
    name: String,
    outcome: Outcome,
    /// What is worth knowing and not the outcome, a line each.
    aside: Vec<String>,
}

/// What became of a case.
enum Outcome {
    Passed,
    Skipped(String),
    /// It could not look.
    Error(String),
    Failed {
        kind: &'static str,
        message: String,
        lines: Vec<String>,
    },
}

fn of_the_file(selection: &Selection<'_>, now: Timestamp) -> Suite {
    let written = minute(selection.status.written_at);
    let is_fresh = match age(selection.status, now) {
        Age::Fresh(_) => Outcome::Passed,
        Age::Stale(age) => Outcome::Error(format!(
            "the status is {} old (written {written}), so what follows may no longer be true: is the daemon down?",
            length(age)
        )),
        Age::Future(ahead) => Outcome::Error(format!(
            "the status was written {} in the future ({written}): a clock is wrong",
            length(ahead)
        )),
    };
    let is_about_something =
        if selection.targets().is_empty() { Outcome::Error(NOT_JUDGED.to_owned()) } else { Outcome::Passed };
    let case = |name: &str, outcome| Case { name: name.to_owned(), outcome, aside: Vec::new() };
    let notices =
        selection.status.notices.iter().map(|notice| format!("{}: {}", notice.subject, notice.text));
    let fresh = Case { aside: notices.collect(), ..case("fresh", is_fresh) };
    Suite {
        name: "the status itself".to_owned(),
        class: "agent.status".to_owned(),
        properties: vec![("agent", selection.status.agent.version.clone())],
        cases: vec![fresh, case("judged", is_about_something)],
    }
}

/// An instance without judged targets has no checks, and is no pass for that.
fn of_not_judged(instance: &InstanceView) -> Suite {
    let verdict = Verdict::Unknown;
    let outcome = Outcome::Error(NOT_JUDGED.to_owned());
    Suite {
        name: instance.name.clone(),
        class: format!("{}.targets", undotted(&instance.name)),
        properties: vec![("product", instance.product.clone()), ("verdict", verdict.to_string())],
        cases: vec![Case { name: "judged".to_owned(), outcome, aside: Vec::new() }],
    }
}

fn undotted(text: &str) -> String {
    text.replace('.', "_")
}

fn of_target(instance: &InstanceView, target: &TargetView) -> Suite {
    let mut properties = vec![("product", instance.product.clone()), ("verdict", target.verdict.to_string())];
    properties.extend(instance.version.clone().map(|version| ("runs", version)));
    properties.extend(target.upgrade_on.map(|day| ("upgrade_on", day.to_string())));
    properties.extend(target.blocks_at.map(|at| ("blocks_at", at.to_string())));
    let mut cases: Vec<Case> = target.checks.iter().map(of_check).collect();
    // A target that stands for no release has no checks, and is no pass for that.
    cases.extend(target.reason.clone().map(|reason| Case {
        name: "target".to_owned(),
        outcome: Outcome::Error(reason),
        aside: Vec::new(),
    }));
    Suite {
        name: format!("{} to {}", instance.name, target.full_name()),
        class: format!("{}.{}", undotted(&instance.name), undotted(target.name())),
        properties,
        cases,
    }
}

fn of_check(check: &CheckView) -> Case {
    let standing = |finding: &&FindingView| finding.waiver.is_none() && finding.severity != Severity::Notice;
    let (mut counted, rest): (Vec<_>, Vec<_>) = check.findings.iter().partition(standing);
    counted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let outcome = match (check.verdict, counted.first()) {
        (Verdict::Blocked | Verdict::Warning, Some(gravest)) => Outcome::Failed {
            kind: gravest.severity.id(),
            message: gravest.summary.clone(),
            lines: counted.iter().flat_map(|finding| lines(finding)).collect(),
        },
        (Verdict::Blocked | Verdict::Warning, None) => {
            Outcome::Failed { kind: check.verdict.id(), message: check.reason.clone(), lines: Vec::new() }
        }
        (Verdict::Unknown, _) => Outcome::Error(check.reason.clone()),
        (Verdict::Ready, _) => Outcome::Passed,
        (Verdict::Skipped, _) => Outcome::Skipped(check.reason.clone()),
    };
    let mut aside: Vec<String> = rest.into_iter().flat_map(lines).collect();
    if check.verdict == Verdict::Unknown {
        aside.extend(counted.into_iter().flat_map(lines));
    }
    if let Some(word) = &check.sign_off {
        let (name, text) = settled(word);
        aside.push(format!("{name} {text}"));
    }
    Case { name: check.id.clone(), outcome, aside }
}

fn lines(finding: &FindingView) -> Vec<String> {
    let FindingView { severity, subject, summary, observed, required, remedy, holds_on, waiver, lapsed } =
        finding;
    let mut lines = vec![
        format!("{}: {summary}", severity.id()),
        format!("  seen    {observed}"),
        format!("  needed  {required}"),
        format!("  do      {remedy}"),
    ];
    lines.extend(holds_on.map(|day| format!("  from    the planned day, {day}; not yet today")));
    if let Some(waiver) = waiver {
        let (name, text) = settled(waiver);
        lines.push(format!("  {}  {text}", name.to_lowercase()));
    }
    lines.extend(lapsed.iter().map(|lapsed| format!("  counts again: {lapsed}")));
    lines.push(format!("  subject {subject}"));
    lines
}

impl Case {
    fn write(&self, xml: &mut Html, class: &str) {
        xml.raw("    <testcase");
        attribute(xml, "classname", class);
        attribute(xml, "name", &self.name);
        xml.raw(" time=\"0\">\n");
        match &self.outcome {
            Outcome::Passed => {}
            Outcome::Skipped(why) => {
                xml.raw("      <skipped");
                attribute(xml, "message", why);
                xml.raw("/>\n");
            }
            Outcome::Error(why) => {
                xml.raw("      <error type=\"unknown\"");
                attribute(xml, "message", why);
                xml.raw("/>\n");
            }
            Outcome::Failed { kind, message, lines } => {
                xml.raw("      <failure");
                attribute(xml, "type", kind);
                attribute(xml, "message", message);
                xml.raw(">");
                text(xml, lines);
                xml.raw("</failure>\n");
            }
        }
        if !self.aside.is_empty() {
            xml.raw("      <system-out>");
            text(xml, &self.aside);
            xml.raw("</system-out>\n");
        }
        xml.raw("    </testcase>\n");
    }
}

fn counts<'a>(xml: &mut Html, cases: impl Iterator<Item = &'a Case>) {
    let (mut tests, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    for case in cases {
        tests += 1;
        match case.outcome {
            Outcome::Passed => {}
            Outcome::Skipped(_) => skipped += 1,
            Outcome::Error(_) => errors += 1,
            Outcome::Failed { .. } => failures += 1,
        }
    }
    for (name, number) in [("tests", tests), ("failures", failures), ("errors", errors), ("skipped", skipped)]
    {
        attribute(xml, name, &number.to_string());
    }
    xml.raw(" time=\"0\"");
}

fn attribute(xml: &mut Html, name: &str, value: &str) {
    xml.raw(" ");
    xml.raw(name);
    xml.element("=\"", &sound(value), "\"");
}

fn text(xml: &mut Html, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        xml.element(if index == 0 { "" } else { "\n" }, &sound(line), "");
    }
}

/// XML has no way to write the two characters that are none; control characters are told when they are escaped.
fn sound(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::{StatusFile, view};
    use super::*;
    use crate::surface::sample;

    fn status() -> StatusFile {
        view(&sample::board(), sample::now())
    }

    fn render(status: &StatusFile, instance: Option<&str>, seconds: i64) -> String {
        let now = status.written_at + SignedDuration::from_secs(seconds);
        render_junit(&status.select(instance, None).unwrap(), now)
    }

    #[test]
    fn the_whole_report() {
        insta::assert_snapshot!(render(&status(), None, 20));
    }

    /// The numbers a reader shows first, of all suites.
    fn totals(xml: &str) -> [String; 4] {
        let document = roxmltree::Document::parse(xml).unwrap();
        let all = document.root_element();
        let numbers = ["tests", "failures", "errors", "skipped"];
        for (number, element) in numbers.iter().zip(["testcase", "failure", "error", "skipped"]) {
            let counted = document.descendants().filter(|node| node.has_tag_name(element)).count();
            assert_eq!(all.attribute(*number), Some(counted.to_string().as_str()), "{number}");
            let of_suites =
                all.children().filter_map(|suite| suite.attribute(*number)?.parse::<usize>().ok());
            assert_eq!(of_suites.sum::<usize>(), counted, "{number}");
        }
        numbers.map(|number| all.attribute(number).unwrap().to_owned())
    }

    #[test]
    fn whoever_cannot_tell_does_not_pass() {
        let status = status();
        let [_, failures, errors, _] = totals(&render(&status, None, 0));
        assert_ne!((failures.as_str(), errors.as_str()), ("0", "0"));
        for (seconds, words) in [(900, "is 15 minutes old"), (-900, "15 minutes in the future")] {
            let late = render(&status, None, seconds);
            let [_, _, more, _] = totals(&late);
            assert!(late.contains(words) && more.parse::<u8>().unwrap() == errors.parse::<u8>().unwrap() + 1);
        }
        let nothing = StatusFile { instances: Vec::new(), ..status.clone() };
        assert_eq!(totals(&render(&nothing, None, 0)), ["2", "0", "1", "0"]);
        // Beside one that is ready, one that was not judged is not ready.
        let mut beside = status.clone();
        beside.instances[0].targets.remove(0);
        beside.instances[1].targets.clear();
        let beside = render(&beside, None, 0);
        assert_eq!(totals(&beside)[1..3], ["0", "1"], "{beside}");
        assert!(beside.contains("<testcase classname=\"docs.targets\" name=\"judged\""), "{beside}");
        let unresolved = render(&status, Some("docs"), 0);
        assert_eq!(totals(&unresolved)[2], "1", "{unresolved}");
    }

    #[test]
    fn foreign_text_stays_text() {
        let mut status = status();
        status.instances[0].name = "a\"><testcase name='ready'/>.b".into();
        let check = status.instances[0].targets[0].checks.iter_mut().find(|check| !check.findings.is_empty());
        let finding = &mut check.unwrap().findings[0];
        finding.summary = "]]> <b>\u{0}\u{8}\u{1b}[2J\u{fffe}\u{ffff} &amp; \r\n".into();
        finding.observed = "</failure></testcase>".into();
        let plain = totals(&render(&self::status(), None, 0));
        assert_eq!(totals(&render(&status, None, 0)), plain);
    }
}
