//! Are the plug-ins people installed switched on and whole?

use super::wording::{counted, first_few, no_plugins};
use crate::facts::{Family, Field, Missing, Plugin, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "plugin-state",
    title: "Plug-ins that are switched on and whole",
    category: Category::Plugins,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Plugins],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Whether the plug-in system runs in safe mode, which of the plug-ins people installed are disabled, and whether a \
plug-in has modules the product calls broken.

## Why it matters

A plug-in that is disabled or broken now will be blamed on the upgrade afterwards; and one that nobody needs any more \
is one to remove before the upgrade and not to update during it. In safe mode no plug-in that people installed runs, so \
nobody can tell which of them work.

## How to fix it

In Manage apps (`/plugins/servlet/upm`): leave safe mode, and enable or uninstall what is disabled. For a broken module \
read `logs/atlassian-confluence.log` after disabling and enabling the app; update or reinstall it.

## What it needs

A personal access token of a system administrator: `GET /rest/plugins/1.0/`, `GET /rest/plugins/1.0/safe-mode` and, \
for modules, `GET /rest/plugins/1.0/{key}-key`.

## Settings

`ignored_plugins` of the policy: keys of plug-ins nobody will miss.
";

const MANAGE: &str = "Manage apps (/plugins/servlet/upm)";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let plugins = case.facts.plugins()?;
    if plugins.installed.is_empty() {
        return Err(Undecided::Missing(no_plugins()));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut safe = false;
    match plugins.safe_mode.read(Source::Plugins, "whether safe mode is on") {
        Ok(on) => safe = *on,
        Err(not_seen) => missing.push(not_seen),
    }
    if safe {
        found.push(safe_mode());
    }
    let judged: Vec<&Plugin> = plugins
        .installed
        .iter()
        .filter(|plugin| !case.policy.ignored_plugins.contains(&plugin.key))
        .collect();
    for plugin in &judged {
        // In safe mode all of them are disabled, which is one finding and not a hundred.
        let disabled = plugin.user_installed && !plugin.enabled && !safe;
        match &plugin.broken_modules {
            Field::Read(broken) if disabled || !broken.is_empty() => {
                found.push(finding(plugin, disabled, broken));
            }
            Field::Read(_) => {}
            Field::Unread(why) => {
                found.extend(disabled.then(|| finding(plugin, disabled, &[])));
                // A disabled plug-in has no modules to be broken; those of the product are not asked about.
                if plugin.user_installed && plugin.enabled {
                    missing.push(Missing::Unread {
                        of: Source::Plugins,
                        what: format!("the modules of {}", plugin.key),
                        why: why.clone(),
                    });
                }
            }
        }
    }
    let own = judged.iter().filter(|plugin| plugin.user_installed).count() as u64;
    let evidence = format!(
        "{} installed by people and {} of the product looked at, safe mode {}",
        counted(own, "plug-in"),
        judged.len() as u64 - own,
        if safe { "on" } else { "off" }
    );
    conclude(evidence, found, missing)
}

fn safe_mode() -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: "safe-mode".to_owned(),
        summary: "the plug-in system runs in safe mode".to_owned(),
        observed: "safe mode is on: every plug-in people installed is disabled".to_owned(),
        required: "safe mode off".to_owned(),
        remedy: format!(
            "In {MANAGE} choose \"Exit safe mode and restore the previous configuration\", see whether everything works, \
             and look again."
        ),
    }
}

fn finding(plugin: &Plugin, disabled: bool, broken: &[String]) -> Finding {
    let Plugin { key, name, version, .. } = plugin;
    let modules = first_few(broken.iter().map(String::as_str), broken.len() as u64);
    let (state, observed, remedy) = match (disabled, broken.is_empty()) {
        (true, true) => (
            "is disabled".to_owned(),
            "disabled".to_owned(),
            format!("In {MANAGE} uninstall {name} when nobody needs it, or enable it and see that it works."),
        ),
        (disabled, _) => (
            format!("has {}", counted(broken.len() as u64, "broken module")),
            format!("{}broken: {modules}", if disabled { "disabled; " } else { "" }),
            format!(
                "In {MANAGE} disable and enable {name}, read logs/atlassian-confluence.log for the reason, and update, \
                 reinstall or uninstall it."
            ),
        ),
    };
    Finding {
        severity: Severity::Warning,
        subject: key.clone(),
        summary: format!("{name} {version} {state}"),
        observed: format!("{key} {version}: {observed}"),
        required: "enabled with all its modules, or uninstalled".to_owned(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Ready, Unknown, Warning};
    use crate::rules::testing::{look, plugins, unread};

    const KEY: &str = "com.example.gantt";

    fn own(golden: &mut Golden) -> &mut Plugin {
        &mut plugins(golden).installed[0]
    }

    fn bundled(golden: &mut Golden) -> &mut Plugin {
        &mut plugins(golden).installed[1]
    }

    fn broken(plugin: &mut Plugin) {
        plugin.broken_modules = Field::Read(vec!["com.example.gantt:macro".into()]);
    }

    #[test]
    fn what_is_off_or_broken_warns() {
        type Row = (&'static str, fn(&mut Golden), Verdict, &'static [&'static str]);
        let rows: [Row; 15] = [
            ("golden", |_| {}, Ready, &[]),
            ("safe mode", |g| plugins(g).safe_mode = Field::Read(true), Warning, &["safe-mode"]),
            (
                "safe mode disables all",
                |g| {
                    plugins(g).safe_mode = Field::Read(true);
                    own(g).enabled = false;
                },
                Warning,
                &["safe-mode"],
            ),
            ("safe mode unread", |g| plugins(g).safe_mode = unread(), Unknown, &[]),
            ("disabled", |g| own(g).enabled = false, Warning, &[KEY]),
            ("broken", |g| broken(own(g)), Warning, &[KEY]),
            (
                "disabled and broken",
                |g| {
                    own(g).enabled = false;
                    broken(own(g));
                },
                Warning,
                &[KEY],
            ),
            ("modules unread", |g| own(g).broken_modules = unread(), Unknown, &[]),
            (
                "disabled, modules unread",
                |g| {
                    own(g).enabled = false;
                    own(g).broken_modules = unread();
                },
                Warning,
                &[KEY],
            ),
            ("the product's own is disabled", |g| bundled(g).enabled = false, Ready, &[]),
            (
                "the product's own is broken",
                |g| broken(bundled(g)),
                Warning,
                &["com.atlassian.confluence.plugins.confluence-jira-metadata"],
            ),
            (
                "ignored",
                |g| {
                    own(g).enabled = false;
                    g.policy.ignored_plugins.push(KEY.into());
                },
                Ready,
                &[],
            ),
            ("nobody installed any", |g| own(g).user_installed = false, Ready, &[]),
            ("an empty list", |g| plugins(g).installed.clear(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Plugins), Unknown, &[]),
        ];
        for (name, spoil, verdict, subjects) in rows {
            let mut golden = golden();
            spoil(&mut golden);
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{name}: {}", seen.text());
            let found: Vec<&str> = seen.found().into_iter().map(|(_, subject)| subject).collect();
            assert_eq!(found, subjects, "{name}: {}", seen.text());
            assert!(seen.findings.iter().all(|finding| finding.severity == Severity::Warning));
        }
    }
}
