//! Was this upgrade tried before, on an instance that is like this one?

use super::units::{in_days, minute};
use super::wording::{first_few, sign_off};
use crate::facts::{Missing, Profile, Source, Staging};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "rehearsal",
    title: "The upgrade rehearsed on staging",
    category: Category::Preparation,
    products: Products::All,
    reads: &[Source::Rehearsal],
    people: People::MaySignOff,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

What the agent that watches the staging instance says of it: the release that runs there and since when, its database, \
Java and apps, laid beside this instance and the target.

## Why it matters

The guides ask for the upgrade to be tried on a copy of production before production is touched: it is the only test of \
the apps, customisations and proxies of a site together, and it tells how long the night will be. A trial on something \
else, or of another release, proves little.

## How to fix it

Run an agent beside the staging instance, name it in `[instance.rehearsal]` of this one, copy production to staging and \
upgrade it. When the rehearsal was done where no agent watches, say so: `agent sign-off rehearsal --subject none --by NAME \
--reason \"…\" --until DATE`.

## What it needs

The status of the staging agent, over HTTP (`GET /api/v1/status`) or as a copy of its status file.

## Settings

`[instance.rehearsal]`; `rehearsal_max_age_days`: older than this, a rehearsal proves little.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let target = &case.target.version;
    let product = case.facts.product;
    let Some(staging) = &case.facts.rehearsal()?.staging else {
        return Ok(Judgement::new("the configuration names no staging instance", vec![no_staging(case)]));
    };
    let Staging { place, instance, profile, written_at } = staging;
    let Some(running) = &profile.version else {
        let why = format!("the agent of {place} does not know it; look there with `agent status {instance}`");
        return Err(unread("the version of the staging instance", why).into());
    };
    let evidence = format!("{instance} runs {product} {running}, as {place} said at {}", minute(*written_at));
    if running != target {
        let finding = Finding {
            severity: Severity::Warning,
            subject: "release".to_owned(),
            summary: format!("The upgrade to {target} was not rehearsed"),
            observed: format!("{instance} runs {running}"),
            required: format!("{instance} upgraded to {target}"),
            remedy: format!(
                "Copy production to {instance}, upgrade it to {product} {target}, and test the apps, customisations and \
                 the proxy there."
            ),
        };
        return Ok(Judgement::new(evidence, vec![finding]));
    }
    let own = case.facts.profile();
    let findings = [
        age(case, staging),
        changed_since(case, staging, &own),
        apps(staging, &own),
        platform(staging, &own),
    ];
    Ok(Judgement::new(evidence, findings.into_iter().flatten().collect()))
}

fn unread(what: &str, why: String) -> Missing {
    Missing::Unread { of: Source::Rehearsal, what: what.to_owned(), why }
}

fn no_staging(case: &Case<'_>) -> Finding {
    let target = &case.target.version;
    Finding {
        severity: Severity::Warning,
        subject: "none".to_owned(),
        summary: format!("Nothing is known of a rehearsal of the upgrade to {target}"),
        observed: "no [instance.rehearsal] in the configuration".to_owned(),
        required: "a staging instance that was upgraded first".to_owned(),
        remedy: format!(
            "Name the agent that watches staging in [instance.rehearsal]; when the upgrade to {target} was rehearsed where \
             none watches, say so with {}.",
            sign_off(case, CHECK.id, "none")
        ),
    }
}

fn age(case: &Case<'_>, staging: &Staging) -> Option<Finding> {
    let since = staging.profile.version_since.unwrap_or(staging.written_at);
    let days = case.now.duration_since(since).as_hours() / 24;
    let most = i64::from(case.policy.rehearsal_max_age_days);
    (days > most).then(|| Finding {
        severity: Severity::Warning,
        subject: "age".to_owned(),
        summary: format!("The upgrade was rehearsed long ago: {}", in_days(-days)),
        observed: format!("{} runs the target for {days} days", staging.instance),
        required: format!("a rehearsal within {most} days (rehearsal_max_age_days)"),
        remedy: format!("Copy production to {} once more and repeat the upgrade there.", staging.instance),
    })
}

/// The way of the rehearsal began at another release than the one that would be left now.
fn changed_since(case: &Case<'_>, staging: &Staging, own: &Profile) -> Option<Finding> {
    let (rehearsed, changed) = (staging.profile.version_since?, own.version_since?);
    let version = own.version.as_ref()?;
    // What ran when the agent began to watch has no beginning that anybody saw.
    let seen_before = case.facts.memory.versions.first().is_some_and(|first| first.version != *version);
    (seen_before && changed > rehearsed).then(|| Finding {
        severity: Severity::Warning,
        subject: "production-upgraded".to_owned(),
        summary: "Production was upgraded after the rehearsal, which began at another release".to_owned(),
        observed: format!("{version} since {}; rehearsed at {}", minute(changed), minute(rehearsed)),
        required: format!("a rehearsal that begins at {version}"),
        remedy: format!("Copy production to {} once more and repeat the upgrade there.", staging.instance),
    })
}

fn apps(staging: &Staging, own: &Profile) -> Option<Finding> {
    let (tried, installed) = (staging.profile.plugins.as_ref()?, own.plugins.as_ref()?);
    let untried: Vec<&str> =
        installed.keys().filter(|key| !tried.contains_key(*key)).map(String::as_str).collect();
    let total = u64::try_from(untried.len()).unwrap_or(u64::MAX);
    (!untried.is_empty()).then(|| Finding {
        severity: Severity::Warning,
        subject: "apps".to_owned(),
        summary: "Production has apps that were not there at the rehearsal".to_owned(),
        observed: first_few(untried.iter().copied(), total),
        required: "every app of production on staging".to_owned(),
        remedy: format!(
            "Install them on {} and test them there, or uninstall them from production when nobody needs them.",
            staging.instance
        ),
    })
}

/// Java and operating system under the rehearsal; the database is same-database-engine's.
fn platform(staging: &Staging, own: &Profile) -> Option<Finding> {
    let feature = |java: &str| java.split(['.', '+']).next().map(str::to_owned);
    let java = |profile: &Profile| profile.java.as_deref().and_then(feature);
    let differs = |one: Option<String>, other: Option<String>, what: &str| match (one, other) {
        (Some(one), Some(other)) if one != other => Some(format!("{what} {one} there, {other} here")),
        (_, _) => None,
    };
    let profile = &staging.profile;
    let differences: Vec<String> = [
        differs(java(profile), java(own), "Java"),
        differs(profile.operating_system.clone(), own.operating_system.clone(), "the operating system"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!differences.is_empty()).then(|| Finding {
        severity: Severity::Notice,
        subject: "platform".to_owned(),
        summary: "The rehearsal ran on another platform".to_owned(),
        observed: differences.join("; "),
        required: "the platform that production will have after the upgrade".to_owned(),
        remedy: "Nothing, when production gets the same platform before or with the upgrade; else rehearse on its own."
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::VersionSeen;
    use crate::golden::Golden;
    use crate::model::Verdict::{Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, judges_spoilt, plugins, rehearsal};

    const W: Severity = Severity::Warning;

    fn profile(golden: &mut Golden) -> &mut Profile {
        &mut rehearsal(golden).staging.as_mut().unwrap().profile
    }

    /// Production ran 9.2.6 before, and got its release at this time.
    fn upgraded_at(golden: &mut Golden, at: &str) {
        let seen = |version: &str, at: &str| VersionSeen {
            version: version.parse().unwrap(),
            first_seen: at.parse().unwrap(),
        };
        golden.facts.memory.versions = vec![seen("9.2.6", "2025-01-01T00:00:00Z"), seen("9.2.7", at)];
    }

    #[test]
    fn the_upgrade_must_have_been_tried_on_something_alike() {
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("no staging", |g| rehearsal(g).staging = None, Warning, &[(W, "none")]),
            ("version not known", |g| profile(g).version = None, Unknown, &[]),
            (
                "another release",
                |g| profile(g).version = Some("9.2.9".parse().unwrap()),
                Warning,
                &[(W, "release")],
            ),
            (
                "90 days ago",
                |g| profile(g).version_since = Some("2025-09-02T19:00:00Z".parse().unwrap()),
                Ready,
                &[],
            ),
            (
                "91 days ago",
                |g| profile(g).version_since = Some("2025-09-01T19:00:00Z".parse().unwrap()),
                Warning,
                &[(W, "age")],
            ),
            ("nobody saw since when", |g| profile(g).version_since = None, Ready, &[]),
            ("upgraded before", |g| upgraded_at(g, "2025-11-01T00:00:00Z"), Ready, &[]),
            (
                "upgraded after",
                |g| upgraded_at(g, "2025-11-30T00:00:00Z"),
                Warning,
                &[(W, "production-upgraded")],
            ),
            (
                "only began to watch after",
                |g| {
                    upgraded_at(g, "2025-11-30T00:00:00Z");
                    g.facts.memory.versions.remove(0);
                },
                Ready,
                &[],
            ),
            (
                "another app",
                |g| {
                    let mut other = plugins(g).installed[0].clone();
                    other.key = "org.example.new".into();
                    plugins(g).installed.push(other);
                },
                Warning,
                &[(W, "apps")],
            ),
            ("apps not known", |g| profile(g).plugins = None, Ready, &[]),
            (
                "another Java",
                |g| profile(g).java = Some("21.0.4+7".into()),
                Ready,
                &[(Severity::Notice, "platform")],
            ),
            ("another update of Java", |g| profile(g).java = Some("17.0.12".into()), Ready, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
