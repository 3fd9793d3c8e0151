//! Do the licences of paid apps last until the upgrade?

use jiff::tz::TimeZone;

use super::units::in_days;
use super::wording::no_plugins;
use crate::facts::{AppLicense, Family, Field, Missing, Plugin, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "app-licenses",
    title: "Licences of paid apps that last",
    category: Category::License,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Plugins],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

For each app that people installed and that needs a licence of its own: whether the product accepts the licence, and \
when it ends. Only its dates and type are read, never its text.

## Why it matters

An app whose licence has ended stops working and cannot be updated any more. Most apps must be updated for a new \
feature release, so this shows on the night of the upgrade, when nobody can order a licence.

An enabled app whose paid licence is not accepted blocks. An evaluation that has run out warns, and an app that stays \
disabled is only noted: neither serves anybody now.

## How to fix it

Renew the app's licence at <https://my.atlassian.com> and enter it in the product under Manage apps. Remove apps that \
nobody needs, or name them in `ignored_plugins`.

## What it needs

An account or token that administers the site: `GET /rest/plugins/1.0/<key>-key/license` for each app.

## Settings

`license_warn_days`: warn so many days before the end. `ignored_plugins`: apps that are not judged.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let plugins = case.facts.plugins()?;
    if plugins.installed.is_empty() {
        return Err(no_plugins().into());
    }
    let (mut found, mut missing, mut paid) = (Vec::new(), Vec::new(), 0_u32);
    for plugin in plugins.user_installed().filter(|plugin| !case.policy.ignored_plugins.contains(&plugin.key))
    {
        // In safe mode all are disabled, and will be enabled again.
        let stays_off = !plugin.enabled && matches!(plugins.safe_mode, Field::Read(false));
        match &plugin.license {
            Field::Read(None) => {}
            Field::Read(Some(license)) => {
                paid += 1;
                found.extend(judge(case, plugin, license, stays_off));
            }
            Field::Unread(why) => missing.push(Missing::Unread {
                of: Source::Plugins,
                what: format!("the licence of {}", plugin.name),
                why: why.clone(),
            }),
        }
    }
    conclude(format!("apps with a licence of their own: {paid}"), found, missing)
}

/// A trial that has run out, and an app nobody has switched on, are left-overs of a site that works: they stop no upgrade.
fn judge(case: &Case<'_>, plugin: &Plugin, license: &AppLicense, stays_off: bool) -> Option<Finding> {
    let name = &plugin.name;
    let end = license.expires_at.map(|at| TimeZone::UTC.to_datetime(at).date());
    let ended = license.expires_at.is_some_and(|at| at <= case.now);
    let left = end.map(|day| case.days_until(day));
    let kind = if license.evaluation { "evaluation" } else { "licence" };
    let (severity, summary) = if let (true, Some(day), Some(left)) = (ended, end, left) {
        (Severity::Blocker, format!("The {kind} of {name} ended on {day}, {}", in_days(left)))
    } else if !license.valid {
        let why = license.error.as_deref().unwrap_or("no reason given");
        (Severity::Blocker, format!("The product does not accept the {kind} of {name}: {why}"))
    } else if let (Some(day), Some(left)) = (end, left)
        && left <= i64::from(case.policy.license_warn_days)
    {
        (Severity::Warning, format!("The {kind} of {name} ends on {day}, {}", in_days(left)))
    } else {
        return None;
    };
    let severity = match severity {
        _ if stays_off => Severity::Notice,
        Severity::Blocker if license.evaluation => Severity::Warning,
        severity => severity,
    };
    Some(Finding {
        severity,
        subject: plugin.key.clone(),
        summary,
        observed: format!(
            "{}, end: {}",
            if license.valid { "accepted" } else { "not accepted" },
            end.map_or_else(|| "not stated".to_owned(), |day| day.to_string())
        ),
        required: "a licence that lasts beyond the upgrade".to_owned(),
        remedy: format!(
            "Renew the licence of {name} at https://my.atlassian.com and enter it under Manage apps, or uninstall the \
             app ({}) when nobody needs it. Then run `agent refresh --source plugins`.",
            plugin.key
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::Golden;
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, judges_spoilt, plugins, read, unread};

    const KEY: &str = "com.example.gantt";

    fn app(golden: &mut Golden) -> &mut Plugin {
        plugins(golden).installed.iter_mut().find(|plugin| plugin.key == KEY).unwrap()
    }

    fn license(golden: &mut Golden) -> &mut AppLicense {
        read(&mut app(golden).license).as_mut().unwrap()
    }

    fn ends(golden: &mut Golden, at: &str) {
        license(golden).expires_at = Some(at.parse().unwrap());
    }

    #[test]
    fn an_app_must_be_licensed_on_the_day() {
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("free", |g| app(g).license = Field::Read(None), Ready, &[]),
            ("no end", |g| license(g).expires_at = None, Ready, &[]),
            ("ends this second", |g| ends(g, "2025-12-01T20:00:00Z"), Blocked, &[(Severity::Blocker, KEY)]),
            ("ends in a second", |g| ends(g, "2025-12-01T20:00:01Z"), Warning, &[(Severity::Warning, KEY)]),
            ("ends in 60 days", |g| ends(g, "2026-01-30T00:00:00Z"), Warning, &[(Severity::Warning, KEY)]),
            ("ends in 61 days", |g| ends(g, "2026-01-31T00:00:00Z"), Ready, &[]),
            ("not accepted", |g| license(g).valid = false, Blocked, &[(Severity::Blocker, KEY)]),
            (
                "a trial that has run out",
                |g| {
                    license(g).evaluation = true;
                    license(g).valid = false;
                    ends(g, "2024-12-01T20:00:00Z");
                },
                Warning,
                &[(Severity::Warning, KEY)],
            ),
            (
                "switched off, and not accepted",
                |g| {
                    app(g).enabled = false;
                    license(g).valid = false;
                },
                Ready,
                &[(Severity::Notice, KEY)],
            ),
            (
                "switched off by safe mode, and not accepted",
                |g| {
                    app(g).enabled = false;
                    *read(&mut plugins(g).safe_mode) = true;
                    license(g).valid = false;
                },
                Blocked,
                &[(Severity::Blocker, KEY)],
            ),
            ("not readable", |g| app(g).license = unread(), Unknown, &[]),
            (
                "nobody will miss it",
                |g| {
                    license(g).valid = false;
                    g.policy.ignored_plugins.push(KEY.into());
                },
                Ready,
                &[],
            ),
            ("bundled", |g| app(g).user_installed = false, Ready, &[]),
            ("none at all", |g| plugins(g).installed.clear(), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
