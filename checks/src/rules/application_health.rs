//! Does the application run properly, by its own word?

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::units::in_days;
use super::vocabulary::Vocabulary;
use super::wording::{asks_for_internal_administrator, counted, excerpt, sentence};
use crate::facts::{Application, HealthCheck, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "application-health",
    title: "An application that runs properly",
    category: Category::Application,
    products: Products::All,
    reads: &[Source::Application],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The state of the application, when the certificate at its address ends, and every health check the product runs on \
itself. Confluence: the state it reports at `/status`, whether it may be written to, and \"Instance health\" in its \
troubleshooting tools. WSO2 Carbon: whether the login page of the management console answers, and the health service \
of newer kernels where it is switched on; a release that offers none is not held against it. Failing health checks are imported one by one, by the \
name the product gives them; that of an internal administrator is left to `internal-administrator`.

## Why it matters

An upgrade must not start from a broken instance: nobody could tell afterwards what the upgrade broke and what was \
broken before. A site that is read-only usually is so for a reason, such as an expired subscription.

The state ERROR blocks. Every other state that is not RUNNING warns, because it may pass: \
<https://support.atlassian.com/jira/kb/jira-status-endpoint-response-meanings/> describes them. A failing health check \
warns, unless the product itself calls it minor; it never blocks, because what its severities mean is not documented: \
<https://confluence.atlassian.com/jirakb/how-to-retrieve-health-check-results-using-rest-api-867195158.html>.

## How to fix it

Confluence: open Administration, Troubleshooting and support tools, Instance health \
(`/plugins/servlet/troubleshooting/view/`) and follow the page each failing check names. For a state that is not \
RUNNING read `logs/atlassian-confluence.log` in the home directory. WSO2 Carbon: read `repository/logs/wso2carbon.log`.

## What it needs

Confluence: `GET /status` needs no account. `GET /rest/troubleshooting/1.0/check/` needs a personal access token of an \
administrator (group `confluence-administrators`) and the app Troubleshooting and support tools enabled; \
`GET /rest/api/accessmode` needs any account. WSO2 Carbon: `GET /carbon/admin/login.jsp` and \
`GET /api/health-check/v1.0/health`, without an account.

## Settings

`certificate_warn_days`: warn so many days before the certificate ends; from its end on it blocks.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let application = case.facts.application()?;
    let words = Vocabulary::of(case.facts.product);
    let access_mode = if words.has_access_mode { access_mode(application) } else { Ok(Vec::new()) };
    let looks = [
        state(words, application),
        access_mode,
        certificate(case, words, application),
        health(words, application),
    ];
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for look in looks {
        match look {
            Ok(findings) => found.extend(findings),
            Err(not_seen) => missing.push(not_seen),
        }
    }
    let checks = application.health.value().map_or(0, |checks| {
        checks.iter().filter(|check| !asks_for_internal_administrator(check)).count() as u64
    });
    let mode = if words.has_access_mode {
        format!(", {}", application.access_mode.value().map_or("?", String::as_str))
    } else {
        String::new()
    };
    let evidence = format!(
        "{} is {}{mode} and content with {} of {}",
        application.base_url,
        application.state.value().map_or("?", String::as_str),
        checks.saturating_sub(found.iter().filter(|finding| is_health(finding)).count() as u64),
        counted(checks, "health check"),
    );
    conclude(evidence, found, missing)
}

/// The states the vendor documents, other than RUNNING; anything else is not an answer.
fn state(words: &Vocabulary, application: &Application) -> Result<Vec<Finding>, Missing> {
    let said = application.state.read(Source::Application, "the state")?;
    let severity = match said.trim().to_ascii_uppercase().as_str() {
        "RUNNING" => return Ok(Vec::new()),
        "ERROR" => Severity::Blocker,
        "STARTING" | "STOPPING" | "FIRST_RUN" | "MAINTENANCE" => Severity::Warning,
        _ => {
            return Err(Missing::Unread {
                of: Source::Application,
                what: "the state".to_owned(),
                why: format!(
                    "{:?} at {} is no state the vendor names",
                    excerpt(said),
                    status(words, application)
                ),
            });
        }
    };
    Ok(vec![Finding {
        severity,
        subject: STATE.to_owned(),
        summary: format!("the application is not running properly: its state is {said}"),
        observed: format!("{said} at {}", status(words, application)),
        required: "RUNNING".to_owned(),
        remedy: format!(
            "Read {}, bring the application to the state RUNNING, and upgrade only then.",
            words.log
        ),
    }])
}

fn status(words: &Vocabulary, application: &Application) -> String {
    format!("{}{}", application.base_url.trim_end_matches('/'), words.status)
}

const STATE: &str = "state";
const ACCESS_MODE: &str = "access-mode";

fn access_mode(application: &Application) -> Result<Vec<Finding>, Missing> {
    let said = application.access_mode.read(Source::Application, "the access mode")?;
    match said.trim().to_ascii_uppercase().as_str() {
        "READ_WRITE" => Ok(Vec::new()),
        "READ_ONLY" => Ok(vec![Finding {
            severity: Severity::Warning,
            subject: ACCESS_MODE.to_owned(),
            summary: "the site is read-only".to_owned(),
            observed: said.clone(),
            required: "READ_WRITE".to_owned(),
            remedy: "Find out why: an expired subscription, more users than licensed, or a maintenance nobody ended \
                     (Administration, Maintenance). Switch it off there, or waive this when it is meant for the upgrade."
                .to_owned(),
        }]),
        _ => Err(Missing::Unread {
            of: Source::Application,
            what: "the access mode".to_owned(),
            why: format!("{:?} is neither READ_WRITE nor READ_ONLY", excerpt(said)),
        }),
    }
}

/// From its end on the agent itself sees nothing any more, nor do the applications that are linked with it.
fn certificate(
    case: &Case<'_>,
    words: &Vocabulary,
    application: &Application,
) -> Result<Vec<Finding>, Missing> {
    let what = "the end of the certificate";
    let Some(end) = application.certificate_ends_at.read(Source::Application, what)? else {
        return Ok(Vec::new());
    };
    let day = TimeZone::UTC.to_datetime(*end).date();
    let left = case.days_until(day);
    let (severity, summary) = if *end <= case.now {
        (Severity::Blocker, format!("the certificate of the site ended on {day}, {}", in_days(left)))
    } else if left <= i64::from(case.policy.certificate_warn_days) {
        (Severity::Warning, format!("the certificate of the site ends on {day}, {}", in_days(left)))
    } else {
        return Ok(Vec::new());
    };
    Ok(vec![Finding {
        severity,
        subject: "certificate".to_owned(),
        summary,
        observed: format!("end: {day}, at {}", application.base_url),
        required: "a certificate that lasts beyond the upgrade".to_owned(),
        remedy: format!(
            "Renew the certificate where the encryption ends, in the proxy or {}, and look again with \
             `agent refresh --source application`.",
            words.certificate
        ),
    }])
}

fn health(words: &Vocabulary, application: &Application) -> Result<Vec<Finding>, Missing> {
    let checks = application.health.read(Source::Application, "the product's own health checks")?;
    if let (true, Some(why)) = (checks.is_empty(), words.no_health_checks) {
        return Err(Missing::Unread {
            of: Source::Application,
            what: "the product's own health checks".to_owned(),
            why: why.to_owned(),
        });
    }
    // The nodes of a cluster may report the same check each; it is one finding, as grave as the gravest.
    let mut failing: BTreeMap<&str, (Severity, &HealthCheck)> = BTreeMap::new();
    for check in checks.iter().filter(|check| !check.healthy && !asks_for_internal_administrator(check)) {
        let severity = severity(check);
        let entry = failing.entry(&check.key).or_insert((severity, check));
        if severity > entry.0 {
            *entry = (severity, check);
        }
    }
    Ok(failing.into_values().map(|(severity, check)| failed(words, severity, check)).collect())
}

/// Only what the product itself calls minor needs nobody's decision. `undefined` is what the product says when it
/// does not rank a check at all, so it counts like one that matters.
fn severity(check: &HealthCheck) -> Severity {
    if check.severity.trim().eq_ignore_ascii_case("minor") { Severity::Notice } else { Severity::Warning }
}

fn is_health(finding: &Finding) -> bool {
    finding.subject != STATE && finding.subject != ACCESS_MODE
}

fn failed(words: &Vocabulary, severity: Severity, check: &HealthCheck) -> Finding {
    let HealthCheck { key, name, tag, reason, documentation, .. } = check;
    let (name, reason) = (excerpt(name), excerpt(reason));
    let page = documentation
        .as_deref()
        .filter(|page| page.starts_with("https://") || page.starts_with("http://"))
        .map_or_else(String::new, |page| format!(" See {} .", excerpt(page)));
    Finding {
        severity,
        subject: key.clone(),
        summary: format!("the product's own health check \"{name}\" fails"),
        observed: if reason.is_empty() {
            format!("not healthy, severity {}", check.severity)
        } else {
            reason
        },
        required: format!("a healthy {name} ({})", if tag.is_empty() { "no group" } else { tag.as_str() }),
        remedy: sentence(&format!("{} \"{name}\".{page}", words.health)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, application, judges_spoilt, look, read, unread};

    const KEY: &str = "com.atlassian.troubleshooting.plugin-confluence:eolHealthCheck";

    fn state_is(golden: &mut Golden, state: &str) {
        application(golden).state = Field::Read(state.into());
    }

    fn access_is(golden: &mut Golden, mode: &str) {
        application(golden).access_mode = Field::Read(mode.into());
    }

    fn certificate_ends(golden: &mut Golden, at: &str) {
        application(golden).certificate_ends_at = Field::Read(Some(at.parse().unwrap()));
    }

    #[test]
    fn a_certificate_must_last() {
        let rows: &[Spoil] = &[
            ("none", |g| application(g).certificate_ends_at = Field::Read(None), Ready, &[]),
            ("in 31 days", |g| certificate_ends(g, "2026-01-01T00:00:00Z"), Ready, &[]),
            (
                "in 30 days",
                |g| certificate_ends(g, "2025-12-31T23:00:00Z"),
                Warning,
                &[(Severity::Warning, "certificate")],
            ),
            (
                "this second",
                |g| certificate_ends(g, "2025-12-01T20:00:00Z"),
                Blocked,
                &[(Severity::Blocker, "certificate")],
            ),
            ("not read", |g| application(g).certificate_ends_at = unread(), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    fn fail(golden: &mut Golden, severity: &str) {
        let check = &mut read(&mut application(golden).health)[0];
        check.healthy = false;
        check.severity = severity.into();
    }

    #[test]
    fn only_a_running_and_healthy_application_is_ready() {
        use Severity::{Blocker, Notice};
        const WARNED: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("error", |g| state_is(g, "ERROR"), Blocked, &[(Blocker, STATE)]),
            ("starting", |g| state_is(g, "STARTING"), Warning, &[(WARNED, STATE)]),
            ("stopping", |g| state_is(g, "STOPPING"), Warning, &[(WARNED, STATE)]),
            ("first run", |g| state_is(g, "FIRST_RUN"), Warning, &[(WARNED, STATE)]),
            ("maintenance", |g| state_is(g, "maintenance"), Warning, &[(WARNED, STATE)]),
            ("no state", |g| state_is(g, ""), Unknown, &[]),
            ("a login page", |g| state_is(g, "<!DOCTYPE html>\n<html>"), Unknown, &[]),
            ("state unread", |g| application(g).state = unread(), Unknown, &[]),
            ("read-only", |g| access_is(g, "READ_ONLY"), Warning, &[(WARNED, ACCESS_MODE)]),
            ("no such mode", |g| access_is(g, "SOMETIMES"), Unknown, &[]),
            ("mode unread", |g| application(g).access_mode = unread(), Unknown, &[]),
            (
                "what internal-administrator speaks of",
                |g| {
                    fail(g, "critical");
                    read(&mut application(g).health)[0].name = "Internal administrator user".into();
                },
                Ready,
                &[],
            ),
            ("critical", |g| fail(g, "critical"), Warning, &[(WARNED, KEY)]),
            ("major", |g| fail(g, "major"), Warning, &[(WARNED, KEY)]),
            ("warning", |g| fail(g, "warning"), Warning, &[(WARNED, KEY)]),
            ("undefined", |g| fail(g, "undefined"), Warning, &[(WARNED, KEY)]),
            ("a new word", |g| fail(g, "catastrophic"), Warning, &[(WARNED, KEY)]),
            ("minor", |g| fail(g, "Minor"), Ready, &[(Notice, KEY)]),
            ("none", |g| read(&mut application(g).health).clear(), Unknown, &[]),
            ("health unread", |g| application(g).health = unread(), Unknown, &[]),
            (
                "health unread, error",
                |g| {
                    application(g).health = unread();
                    state_is(g, "ERROR");
                },
                Blocked,
                &[(Blocker, STATE)],
            ),
            (
                "two nodes",
                |g| {
                    fail(g, "minor");
                    let mut other = read(&mut application(g).health)[0].clone();
                    other.severity = "major".into();
                    read(&mut application(g).health).push(other);
                },
                Warning,
                &[(WARNED, KEY)],
            ),
            (
                "healthy, whatever its severity",
                |g| read(&mut application(g).health)[0].severity = "critical".into(),
                Ready,
                &[],
            ),
            ("off", |g| g.facts.switch_off(Source::Application), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn the_product_is_quoted_but_not_at_length() {
        let mut golden = golden();
        fail(&mut golden, "major");
        let check = &mut read(&mut application(&mut golden).health)[0];
        check.reason = "very\nbad ".repeat(10_000);
        check.documentation = Some("javascript:alert(1)".into());
        let seen = look(&CHECK, &golden);
        assert!(seen.text().len() < 2_000 && !seen.text().contains("javascript"), "{}", seen.text());
        assert!(seen.reason.ends_with("READ_WRITE and content with 0 of 1 health check"), "{}", seen.reason);
        read(&mut application(&mut golden).health)[0].documentation =
            Some("https://confluence.atlassian.com/x/1".into());
        assert!(look(&CHECK, &golden).text().contains("See https://confluence.atlassian.com/x/1 ."));
    }

    #[test]
    fn a_carbon_server_is_asked_for_what_it_has() {
        use crate::golden::golden_carbon;
        let mut golden = golden_carbon();
        application(&mut golden).access_mode = Field::Unread("it has none".into());
        assert_eq!(look(&CHECK, &golden).verdict, Verdict::Ready, "there is no read-only mode");
        application(&mut golden).health = Field::Unread("200 without an answer".into());
        assert_eq!(look(&CHECK, &golden).verdict, Verdict::Unknown);
        let mut broken = golden_carbon();
        application(&mut broken).state = Field::Read("ERROR".into());
        let seen = look(&CHECK, &broken);
        assert_eq!(seen.found(), [(Severity::Blocker, "state")]);
        assert!(seen.text().contains("repository/logs/wso2carbon.log"), "{}", seen.text());
        assert!(seen.text().contains(":9443/carbon/admin/login.jsp"), "{}", seen.text());
    }
}
