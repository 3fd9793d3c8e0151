//! Does the vendor support the running release, and will it support the target?

use jiff::tz::TimeZone;

use super::units::in_days;
use crate::catalog::{Confidence, EndOfLife, PageKind};
use crate::facts::{Missing, Source};
use crate::model::{
    About, Case, Category, Check, Environment, Finding, Judgement, People, Products, Severity, Undecided,
    conclude,
};
use crate::version::Line;

pub(super) static CHECK: Check = Check {
    id: "release-support",
    title: "Releases the vendor supports",
    category: Category::Release,
    products: Products::All,
    reads: &[Source::Installation],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The running release and the target in the catalog: until when the vendor supports their lines, whether the target is \
finished or a preview, and which long-term support line would serve longer; and how old the catalog is. Whether there is a way to it is what \
`upgrade-path` looks at.

## Why it matters

A release out of support gets no fixes, not for security holes either. An upgrade to a line that ends soon has to be \
done again soon. Previews (milestones, betas, release candidates) are not supported in production and there is no \
upgrade from them. The vendor supports a feature line for two years: \
<https://confluence.atlassian.com/support/atlassian-support-end-of-life-policy-201851003.html>; the dates come from \
<https://endoflife.date/confluence>. For releases of WSO2 Carbon and the products on it no end of support is published \
where the agent could read it; the check then does not apply, except to previews.

## How to fix it

Choose a target of a long-term support line: `agent check --target <version>` judges any release.

## What it needs

The version of the installation, and a catalog that has the target. A release that came out after the catalog was \
written is unknown until a newer catalog is in place; the source `releases` looks for news every day.

## Settings

`support_warn_days`: how many days before the target's end of support it warns. `catalog_warn_days`: how old the \
catalog may be before it is noted. `environment` of the instance: a \
preview is in order on a test instance.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let mut found: Vec<Finding> = preview(case).into_iter().collect();
    let mut missing = Vec::new();
    let mut seen = Vec::new();
    let (target, line) = (&case.target.version, case.target.line());
    if case.catalog.releases().iter().all(|release| release.end_of_life.is_none()) {
        return unpublished(case, found);
    }

    let end = end_of_line(case, line);
    seen.push(match end {
        Some(end) => format!("{target} is supported until {}", end.on),
        None => format!("no end of support is known of {target}"),
    });
    match end {
        Some(end) => found.extend(target_end(case, end)),
        None => found.extend(case.target.release.as_ref().map(|_| unknown_end(case))),
    }
    if case.target.release.is_none() {
        missing.push(Missing::Unknown {
            what: format!("support {} {target} has", case.facts.product),
            how_to_answer: format!(
                "the release is not in the catalog of {}: make sure that it exists, and name a newer catalog under [catalog.file]",
                case.catalog.collected_on
            ),
        });
    }

    let version = case
        .facts
        .installation()
        .and_then(|installation| installation.version.read(Source::Installation, "the running version"));
    match version {
        Ok(running) => {
            match end_of_line(case, running.line()) {
                Some(end) => {
                    seen.push(format!("the running {running} until {}", end.on));
                    found.extend(running_end(case, running.as_str(), end));
                }
                None => missing.push(Missing::Unknown {
                    what: format!("support the running {} {running} has", case.facts.product),
                    how_to_answer: format!(
                        "its line is not in the catalog of {}: see {}, and name a newer catalog under [catalog.file]",
                        case.catalog.collected_on,
                        support_page(case, running.line())
                    ),
                }),
            }
        }
        Err(unread) => missing.push(unread),
    }
    found.extend(old_catalog(case));
    conclude(seen.join(", "), found, missing)
}

/// Counted until the facts were taken: how old it will be on a later day nobody knows.
fn old_catalog(case: &Case<'_>) -> Option<Finding> {
    let (day, most) = (case.catalog.collected_on, case.policy.catalog_warn_days);
    let taken = TimeZone::UTC.to_datetime(case.facts.taken_at).date();
    let age = day.until(taken).map_or(0, |span| i64::from(span.get_days()));
    (age > i64::from(most)).then(|| Finding {
        severity: Severity::Notice,
        subject: "catalog".to_owned(),
        summary: format!("What is known of {} releases is {age} days old", case.facts.product),
        observed: format!("catalog of {day}"),
        required: format!("a catalog not older than {most} days"),
        remedy: "Let the agent refresh it ([catalog] refresh = true needs the internet), or carry in what an agent \
                 with internet has learned: [catalog] refresh_file in the agent's configuration. `agent snapshot` \
                 shows under releases which addresses were asked and what they answered."
            .to_owned(),
    })
}

/// A bug-fix release that the catalog does not have yet shares the end of its line.
fn end_of_line(case: &Case<'_>, line: Line) -> Option<EndOfLife> {
    let mut of_line = case.catalog.releases().iter().filter(|release| release.version.line() == line);
    of_line.find_map(|release| release.end_of_life)
}

/// Where the vendor says until when each line is supported.
fn support_page<'a>(case: &Case<'a>, line: Line) -> &'a str {
    case.catalog.page(PageKind::EndOfLifePolicy, line).unwrap_or("the vendor's documentation")
}

/// Of a product of which no end of support at all is known, not knowing it is no news about the target.
fn unpublished(case: &Case<'_>, found: Vec<Finding>) -> Result<Judgement, Undecided> {
    let (product, target) = (case.facts.product, &case.target.version);
    let collected_on = case.catalog.collected_on;
    if case.target.release.is_none() {
        let missing = Missing::Unknown {
            what: format!("release {target} of {product} is"),
            how_to_answer: format!(
                "it is not in the catalog of {collected_on}: make sure that it exists, and name a newer catalog under [catalog.file]"
            ),
        };
        return conclude(String::new(), found, vec![missing]);
    }
    let reason = format!(
        "no end of support of any {product} release was published where the catalog of {collected_on} comes from; ask the \
         vendor until when {target} gets fixes"
    );
    if found.is_empty() { Err(Undecided::DoesNotApply(reason)) } else { Ok(Judgement::new(reason, found)) }
}

fn preview(case: &Case<'_>) -> Option<Finding> {
    let (product, version) = (case.facts.product, &case.target.version);
    if version.is_release() {
        return None;
    }
    let severity = match case.policy.environment {
        Environment::Production => Severity::Blocker,
        Environment::Test => Severity::Notice,
    };
    Some(Finding {
        severity,
        subject: "preview".to_owned(),
        summary: format!("{product} {version} is a preview and not for production"),
        observed: version.to_string(),
        required: "a finished release".to_owned(),
        remedy: format!(
            "Choose the finished release of {} as the target, or say that this is a test instance: environment = \
             \"test\" in its section of the agent's configuration.",
            version.line()
        ),
    })
}

fn target_end(case: &Case<'_>, end: EndOfLife) -> Option<Finding> {
    let left = case.days_until(end.on);
    let warn = case.policy.support_warn_days;
    if left > i64::from(warn) {
        return None;
    }
    let (product, version) = (case.facts.product, &case.target.version);
    let verb = if left < 0 { "ended" } else { "ends" };
    Some(Finding {
        severity: Severity::Warning,
        subject: "target".to_owned(),
        summary: format!("Support of {product} {version} {verb} {}", when(case, end)),
        observed: format!("end of support: {}", end.on),
        required: format!("more than {warn} days of support after the upgrade"),
        remedy: format!("{} `agent check --target <version>` judges any other release.", better(case, end)),
    })
}

/// A release whose end of support nobody can tell is not one to call ready.
fn unknown_end(case: &Case<'_>) -> Finding {
    let (product, version) = (case.facts.product, &case.target.version);
    Finding {
        severity: Severity::Warning,
        subject: "target".to_owned(),
        summary: format!("Until when {product} {version} is supported is not known"),
        observed: format!("no end of support in the catalog of {}", case.catalog.collected_on),
        required: format!("more than {} days of support after the upgrade", case.policy.support_warn_days),
        remedy: format!(
            "Look it up in {} before you decide, or name a newer catalog under [catalog.file].",
            support_page(case, case.target.line())
        ),
    }
}

/// The long-term support line that would serve longer, when there is one.
fn better(case: &Case<'_>, end: EndOfLife) -> String {
    let product = case.facts.product;
    let lts = case.catalog.latest_long_term_support();
    match lts.and_then(|release| Some((release, release.end_of_life?))) {
        Some((release, lts_end)) if lts_end.on > end.on => format!(
            "The long-term support release {product} {} would serve longer, until {}.",
            release.version, lts_end.on
        ),
        Some(_) | None => {
            format!("No long-term support release of {product} that serves longer is known yet.")
        }
    }
}

fn running_end(case: &Case<'_>, running: &str, end: EndOfLife) -> Option<Finding> {
    let product = case.facts.product;
    (case.days_until(end.on) < 0).then(|| Finding {
        severity: Severity::Warning,
        subject: "running".to_owned(),
        summary: format!("Support of the running {product} {running} ended {}", when(case, end)),
        observed: format!("end of support: {}", end.on),
        required: "a supported release".to_owned(),
        remedy: "Do not put the upgrade off: the running release gets no security fixes any more.".to_owned(),
    })
}

fn when(case: &Case<'_>, end: EndOfLife) -> String {
    let about = match end.confidence {
        Confidence::Confirmed => "on",
        Confidence::Partial | Confidence::Inferred => "about",
    };
    format!("{about} {}, {}", end.on, in_days(case.days_until(end.on)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Row, days_after, installation, judges, look, read, unread};

    const W: Severity = Severity::Warning;

    fn end(line: &str) -> jiff::civil::Date {
        let golden = golden();
        end_of_line(&golden.case(), line.parse().unwrap()).unwrap().on
    }

    /// The golden instance so many days after support of its line has ended.
    fn on(days: i64) -> Golden {
        days_after(end("9.2"), days)
    }

    #[test]
    fn warns_before_and_after_support_ends() {
        let rows: Vec<Row> = vec![
            (golden(), Ready, &[]),
            (on(-181), Ready, &[]),
            (on(-180), Warning, &[(W, "target")]),
            (on(0), Warning, &[(W, "target")]),
            (on(1), Warning, &[(W, "target"), (W, "running")]),
            (golden().to("11.0.0"), Warning, &[(W, "target")]),
            (golden().to("9.2.999"), Unknown, &[]),
            (golden().to("77.0.0"), Unknown, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn a_running_release_the_catalog_does_not_know_is_not_taken_for_a_supported_one() {
        let mut golden = golden();
        *read(&mut installation(&mut golden).version) = "3.5.1".parse().unwrap();
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Unknown, "{}", seen.text());
        assert!(seen.reason.contains("3.5.1"), "{}", seen.reason);
    }

    #[test]
    fn names_the_long_term_support_release_only_when_it_serves_longer() {
        let seen = look(&CHECK, &on(-20));
        assert!(seen.findings[0].remedy.contains("10.2."), "{}", seen.text());
        let best = golden().catalog.latest_long_term_support().unwrap().version.clone();
        let seen = look(&CHECK, &days_after(end(&best.line().to_string()), -1).to(best.as_str()));
        assert!(seen.findings[0].remedy.contains("No long-term support release"), "{}", seen.text());
    }

    #[test]
    fn an_old_catalog_is_noted_and_changes_no_verdict() {
        for (days, noted) in [(90, false), (91, true)] {
            let mut golden = golden();
            let moment = days_after(golden.catalog.collected_on, days).now;
            golden.facts.taken_at = moment;
            // Facts of that day, judged on the golden day: only the age of the catalog differs.
            let mut missing = look(&CHECK, &golden);
            missing.findings.retain(|finding| finding.subject == "catalog");
            assert_eq!(missing.findings.len(), usize::from(noted), "{days}");
            let severe = missing.findings.iter().any(|finding| finding.severity != Severity::Notice);
            assert!(!severe, "{}", missing.text());
        }
        let mut golden = golden();
        golden.policy.catalog_warn_days = 0;
        golden.facts.taken_at = golden.now;
        assert_eq!(look(&CHECK, &golden).verdict, Ready);
    }

    #[test]
    fn a_preview_is_for_tests() {
        let mut golden = golden().to("9.3.0-rc1");
        assert_eq!(look(&CHECK, &golden).verdict, Blocked);
        golden.policy.environment = Environment::Test;
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.found(), [(Severity::Notice, "preview")]);
        assert_eq!(seen.verdict, Unknown, "the catalog has no such release");
    }

    #[test]
    fn the_target_is_judged_without_the_running_version() {
        let mut golden = on(-20);
        installation(&mut golden).version = unread();
        let seen = look(&CHECK, &golden);
        assert_eq!((seen.verdict, seen.found().as_slice()), (Unknown, &[(W, "target")][..]));
        golden.facts.switch_off(Source::Installation);
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
    }

    #[test]
    fn what_no_vendor_publishes_is_neither_green_nor_held_against_the_target() {
        let golden = crate::golden::golden_carbon();
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Verdict::Skipped, "{}", seen.text());
        assert!(seen.reason.contains("no end of support"), "{}", seen.reason);
        let unheard = look(&CHECK, &golden.clone().to("4.4.999"));
        assert_eq!(unheard.verdict, Verdict::Unknown, "{}", unheard.text());
        let preview = look(&CHECK, &golden.to("4.5.0-m1"));
        assert!(preview.found().contains(&(Severity::Blocker, "preview")), "{}", preview.text());
    }
}
