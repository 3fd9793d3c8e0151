//! Will the plug-ins people installed work with the target?
//!
//! Two parties speak: the instance's own update check, and the marketplace. What either of them states
//! counts; where they disagree, the graver statement does, and the finding repeats both.

use super::wording::{counted, no_plugins};
use crate::facts::{
    Family, Field, Listing, Missing, Plugin, Plugins, Snapshot, Source, TargetPlugins, UpdateCheck,
};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Policy, Products, Severity, Target, Undecided,
    conclude,
};
use crate::version::ProductVersion;

pub(super) static CHECK: Check = Check {
    id: "plugin-compatibility",
    title: "Plug-ins that work with the target",
    category: Category::Plugins,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Plugins],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Every plug-in people installed, and what is stated of it for the target: by the instance's own update check (the data \
behind \"Confluence update check\" in Manage apps) and by the Atlassian Marketplace. Where the two disagree, the graver \
statement counts.

| stated | finding |
|---|---|
| the installed version works | none |
| update before the upgrade | warning |
| update after the upgrade | notice: a step of the night, nothing to decide before it |
| no version works, says the instance's update check | blocker |
| the marketplace lists it and names no version that works | warning: that may only be late |
| nothing by anybody | warning |

A disabled plug-in never does more than a notice, except in safe mode, which disables all: plugin-state asks what \
becomes of it.

## Why it matters

Plug-ins are the first cause of trouble after an upgrade. One without a version for the target is disabled or breaks the \
pages that use it; from 9.0 on, many of the product's classes are no longer there for plug-ins at all.

## How to fix it

Update what has an update; uninstall what nobody needs; ask the vendor, or try on a staging instance, what nobody states \
anything about. Private plug-ins are not listed anywhere: try them once per target, then waive the finding until that \
version changes.

## What it needs

A personal access token of a system administrator for `GET /rest/plugins/1.0/` and \
`GET /rest/plugins/1.0/product-updates/{build}/compatibility`; the instance needs the way to marketplace.atlassian.com for \
the latter. The agent's own questions go to `https://marketplace.atlassian.com/rest/2/addons/{key}/versions` without an \
account. One of the two is enough.

## Settings

`ignored_plugins` of the policy: keys of plug-ins nobody will miss.
";

/// How many plug-ins people installed stand how with a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PluginCounts {
    /// The installed version works.
    pub compatible: u64,
    /// To be updated before the upgrade.
    pub update_before: u64,
    /// To be updated after the upgrade.
    pub update_after: u64,
    /// No version works.
    pub incompatible: u64,
    /// Nobody states anything, or nobody could be asked.
    pub unknown: u64,
}

/// Counts the plug-ins people installed, without the ignored ones, by how they stand with a target.
///
/// An error when the plug-ins, or what is stated of them for this target, are not known at all.
pub fn plugin_counts(facts: &Snapshot, target: &Target, policy: &Policy) -> Result<PluginCounts, Missing> {
    let stated = Stated::read(facts, target, policy)?;
    let mut counts = PluginCounts::default();
    for plugin in &stated.judged {
        let count = match stated.of(plugin) {
            Ok(Outlook::Compatible) => &mut counts.compatible,
            Ok(Outlook::UpdateAfter(_)) => &mut counts.update_after,
            Ok(Outlook::UpdateBefore(_)) => &mut counts.update_before,
            Ok(Outlook::NoVersion | Outlook::Incompatible) => &mut counts.incompatible,
            Ok(Outlook::Unknown) | Err(_) => &mut counts.unknown,
        };
        *count += 1;
    }
    Ok(counts)
}

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let stated = Stated::read(case.facts, case.target, case.policy)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for plugin in &stated.judged {
        match stated.of(plugin) {
            Ok(outlook) => found.extend(stated.finding(plugin, outlook)),
            Err(not_seen) => missing.push(not_seen),
        }
    }
    let counts = plugin_counts(case.facts, case.target, case.policy)?;
    conclude(stated.evidence(counts), found, missing)
}

/// How one plug-in will do with the target, the graver the greater; updates name the version to update to, when it
/// is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outlook<'a> {
    Compatible,
    UpdateAfter(Option<&'a str>),
    UpdateBefore(Option<&'a str>),
    /// The marketplace lists the plug-in and names no version for the target, which is not yet a no.
    NoVersion,
    Incompatible,
    /// Nobody states anything.
    Unknown,
}

/// The plug-ins to be judged, and what is stated of them.
struct Stated<'a> {
    target: &'a ProductVersion,
    judged: Vec<&'a Plugin>,
    ignored: u64,
    /// Absent only when there is nothing to judge.
    answers: Option<&'a TargetPlugins>,
    safe_mode: &'a Field<bool>,
}

impl<'a> Stated<'a> {
    fn read(facts: &'a Snapshot, target: &'a Target, policy: &Policy) -> Result<Self, Missing> {
        let plugins: &Plugins = facts.plugins()?;
        if plugins.installed.is_empty() {
            return Err(no_plugins());
        }
        let (ignored, judged): (Vec<_>, Vec<_>) =
            plugins.user_installed().partition(|plugin| policy.ignored_plugins.contains(&plugin.key));
        let target = &target.version;
        let answers = plugins.for_target(target);
        if answers.is_none() && !judged.is_empty() {
            return Err(Missing::Unread {
                of: Source::Plugins,
                what: format!("what is stated of the plug-ins for {target}"),
                why: "nobody has been asked about this target yet; `agent refresh` asks now".to_owned(),
            });
        }
        Ok(Self { target, judged, ignored: ignored.len() as u64, answers, safe_mode: &plugins.safe_mode })
    }

    fn instance(&self, plugin: &Plugin) -> Field<Option<UpdateCheck>> {
        match self.answers.map(|answers| &answers.instance) {
            Some(Field::Read(checks)) => Field::Read(checks.get(&plugin.key).copied()),
            Some(Field::Unread(why)) => Field::Unread(why.clone()),
            None => Field::Unread("not asked".to_owned()),
        }
    }

    fn marketplace(&self, plugin: &Plugin) -> Field<&'a Listing> {
        match self.answers.and_then(|answers| answers.marketplace.get(&plugin.key)) {
            Some(Field::Read(listing)) => Field::Read(listing),
            Some(Field::Unread(why)) => Field::Unread(why.clone()),
            None => Field::Unread("not asked".to_owned()),
        }
    }

    fn of(&self, plugin: &Plugin) -> Result<Outlook<'a>, Missing> {
        let (instance, marketplace) = (self.instance(plugin), self.marketplace(plugin));
        // An instance that leaves a plug-in out has not said that nothing is known of it.
        if matches!(instance, Field::Unread(_) | Field::Read(None)) && matches!(marketplace, Field::Unread(_))
        {
            return Err(Missing::Unread {
                of: Source::Plugins,
                what: format!("whether {} works with {}", plugin.key, self.target),
                why: format!("{}; {}", say_instance(&instance), say_marketplace(&marketplace)),
            });
        }
        Ok(graver(instance.value().copied().flatten(), marketplace.value().copied()))
    }

    /// One says that no version works, the other that one does.
    fn disagree(&self, plugin: &Plugin) -> bool {
        let instance = self.instance(plugin).value().copied().flatten();
        let by_instance = graver(instance, None);
        let by_marketplace = graver(None, self.marketplace(plugin).value().copied());
        ![by_instance, by_marketplace].contains(&Outlook::Unknown)
            && (by_instance == Outlook::Incompatible) != (by_marketplace == Outlook::NoVersion)
    }

    fn finding(&self, plugin: &Plugin, outlook: Outlook<'_>) -> Option<Finding> {
        let Self { target, .. } = self;
        let Plugin { key, name, version, enabled, .. } = plugin;
        let to = |newest: Option<&str>| {
            newest.map_or_else(|| "its newest version".to_owned(), |v| format!("version {v}"))
        };
        let (severity, summary, remedy) = match outlook {
            Outlook::Compatible => return None,
            Outlook::UpdateBefore(newest) => (
                Severity::Warning,
                format!("{name} {version} must be updated before the upgrade to {target}"),
                format!(
                    "Before the upgrade, update {name} to {} in {MANAGE}, and see that it works with the release that \
                     runs now; when it does not install there, update it right after the upgrade.",
                    to(newest)
                ),
            ),
            Outlook::UpdateAfter(newest) => (
                Severity::Notice,
                format!("{name} {version} must be updated right after the upgrade to {target}"),
                format!("Right after the upgrade, update {name} to {} in {MANAGE}.", to(newest)),
            ),
            Outlook::NoVersion | Outlook::Incompatible => {
                let (severity, verb) = if outlook == Outlook::Incompatible {
                    (Severity::Blocker, "works")
                } else {
                    (Severity::Warning, "is stated to work")
                };
                let graver = if self.disagree(plugin) {
                    ", by the graver of two statements that disagree"
                } else {
                    ""
                };
                (
                    severity,
                    format!("no version of {name} {verb} with {target}{graver}"),
                    format!(
                        "Ask the vendor of {name} whether a version works with {target} or when one will come; replace \
                         it, or uninstall it in {MANAGE} before the upgrade; or choose a target it has a version for."
                    ),
                )
            }
            Outlook::Unknown => (
                Severity::Warning,
                format!("nobody states whether {name} {version} works with {target}"),
                format!(
                    "Try {name} on a staging instance with {target}, or ask its vendor. Then waive this finding until \
                     that version changes, or add {key} to ignored_plugins when nobody needs it."
                ),
            ),
        };
        // In safe mode all are disabled, and will be enabled again.
        let stays_off = !enabled && matches!(self.safe_mode, Field::Read(false));
        Some(Finding {
            severity: if stays_off { Severity::Notice } else { severity },
            subject: key.clone(),
            summary,
            observed: format!(
                "{name} {version}, {}; {}; {}",
                if *enabled { "enabled" } else { "disabled" },
                say_instance(&self.instance(plugin)),
                say_marketplace(&self.marketplace(plugin))
            ),
            required: format!("a version that works with {target}"),
            remedy,
        })
    }

    fn evidence(&self, counts: PluginCounts) -> String {
        let PluginCounts { compatible, update_before, update_after, incompatible, unknown } = counts;
        let ignored = if self.ignored == 0 { String::new() } else { format!(" ({} ignored)", self.ignored) };
        format!(
            "{} installed by people{ignored}: {compatible} compatible with {}, {update_before} to update before and \
             {update_after} after, {incompatible} incompatible, {unknown} unknown",
            counted(self.judged.len() as u64, "plug-in"),
            self.target
        )
    }
}

const MANAGE: &str = "Manage apps (/plugins/servlet/upm)";

/// What follows from both statements: the graver one. A party that says nothing does not weigh. An update the
/// marketplace knows of is one before the upgrade, unless the instance says that it comes after.
fn graver(instance: Option<UpdateCheck>, marketplace: Option<&Listing>) -> Outlook<'_> {
    let newest = match marketplace {
        Some(Listing::Listed { newest_compatible, .. }) => newest_compatible.as_deref(),
        Some(Listing::NotListed) | None => None,
    };
    let (by_instance, update) = match instance {
        Some(UpdateCheck::Compatible) => (Some(Outlook::Compatible), Outlook::UpdateBefore(newest)),
        Some(UpdateCheck::UpdateBefore) => {
            (Some(Outlook::UpdateBefore(newest)), Outlook::UpdateBefore(newest))
        }
        Some(UpdateCheck::UpdateAfter) => (Some(Outlook::UpdateAfter(newest)), Outlook::UpdateAfter(newest)),
        Some(UpdateCheck::Incompatible) => (Some(Outlook::Incompatible), Outlook::UpdateBefore(newest)),
        Some(UpdateCheck::Unknown) | None => (None, Outlook::UpdateBefore(newest)),
    };
    let by_marketplace = match marketplace {
        Some(Listing::Listed { newest_compatible: None, .. }) => Some(Outlook::NoVersion),
        Some(Listing::Listed { installed_compatible: true, .. }) => Some(Outlook::Compatible),
        Some(Listing::Listed { installed_compatible: false, .. }) => Some(update),
        Some(Listing::NotListed) | None => None,
    };
    by_instance.max(by_marketplace).unwrap_or(Outlook::Unknown)
}

fn say_instance(answer: &Field<Option<UpdateCheck>>) -> String {
    let says = match answer {
        Field::Read(Some(UpdateCheck::Compatible)) => "compatible",
        Field::Read(Some(UpdateCheck::UpdateBefore)) => "update before the upgrade",
        Field::Read(Some(UpdateCheck::UpdateAfter)) => "update after the upgrade",
        Field::Read(Some(UpdateCheck::Incompatible)) => "incompatible",
        Field::Read(Some(UpdateCheck::Unknown)) => "unknown",
        Field::Read(None) => "does not name it",
        Field::Unread(why) => return format!("the instance's update check gives no answer ({why})"),
    };
    format!("the instance's update check: {says}")
}

fn say_marketplace(answer: &Field<&Listing>) -> String {
    let says = match answer {
        Field::Read(Listing::Listed { newest_compatible: None, .. }) => {
            "no version for the target".to_owned()
        }
        Field::Read(Listing::Listed { newest_compatible: Some(newest), installed_compatible: true }) => {
            format!("the installed version works, newest is {newest}")
        }
        Field::Read(Listing::Listed { newest_compatible: Some(newest), installed_compatible: false }) => {
            format!("version {newest} works, the installed one is not among those that do")
        }
        Field::Read(Listing::NotListed) => "does not list it".to_owned(),
        Field::Unread(why) => return format!("the marketplace could not be asked ({why})"),
    };
    format!("the marketplace: {says}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{look, plugins, unread};

    const KEY: &str = "com.example.gantt";

    fn listed(newest: Option<&str>, installed_compatible: bool) -> Field<Listing> {
        Field::Read(Listing::Listed { newest_compatible: newest.map(Into::into), installed_compatible })
    }

    /// The golden instance, with these statements on its one plug-in.
    fn said(instance: Field<Option<UpdateCheck>>, marketplace: Option<Field<Listing>>) -> Golden {
        let mut golden = golden();
        let answers = &mut plugins(&mut golden).for_targets[0];
        answers.instance = match instance {
            Field::Read(check) => {
                Field::Read(check.map(|check| (KEY.to_owned(), check)).into_iter().collect())
            }
            Field::Unread(why) => Field::Unread(why),
        };
        answers.marketplace = marketplace.map(|listing| (KEY.to_owned(), listing)).into_iter().collect();
        golden
    }

    #[test]
    fn the_graver_statement_counts() {
        use UpdateCheck::{Compatible, Incompatible, UpdateAfter, UpdateBefore};
        let yes = || Some(listed(Some("4.2.0"), true));
        let other = || Some(listed(Some("5.0.0"), false));
        let none = || Some(listed(None, false));
        let contradiction = || Some(listed(None, true));
        let private = || Some(Field::Read(Listing::NotListed));
        let offline = || Some(unread());
        let checked = |check| Field::Read(Some(check));
        let rows = [
            (checked(Compatible), yes(), Ready, None),
            (checked(Compatible), private(), Ready, None),
            (checked(Compatible), offline(), Ready, None),
            (checked(Compatible), None, Ready, None),
            (checked(Compatible), other(), Warning, Some("version 5.0.0")),
            (checked(Compatible), none(), Warning, Some("check: compatible; the marketplace: no version")),
            (checked(Compatible), none(), Warning, Some("statements that disagree")),
            (checked(Incompatible), none(), Blocked, Some("works with 9.2.10\"")),
            (checked(UpdateBefore), yes(), Warning, Some("version 4.2.0")),
            (checked(UpdateBefore), other(), Warning, Some("version 5.0.0")),
            (checked(UpdateBefore), offline(), Warning, Some("its newest version")),
            (checked(UpdateBefore), none(), Warning, Some("no version of Gantt")),
            (checked(UpdateAfter), yes(), Ready, Some("Right after the upgrade")),
            (checked(UpdateAfter), other(), Ready, Some("to version 5.0.0")),
            (
                checked(Incompatible),
                yes(),
                Blocked,
                Some("check: incompatible; the marketplace: the installed"),
            ),
            (checked(Incompatible), offline(), Blocked, Some("could not be asked (permission denied)")),
            (checked(UpdateCheck::Unknown), yes(), Ready, None),
            (checked(UpdateCheck::Unknown), other(), Warning, Some("version 5.0.0")),
            (checked(UpdateCheck::Unknown), private(), Warning, Some("nobody states")),
            (checked(UpdateCheck::Unknown), offline(), Warning, Some("nobody states")),
            (Field::Read(None), private(), Warning, Some("does not name it")),
            (Field::Read(None), yes(), Ready, None),
            (Field::Read(None), offline(), Unknown, None),
            (unread(), yes(), Ready, None),
            (unread(), other(), Warning, Some("version 5.0.0")),
            (unread(), none(), Warning, Some("is stated to work with")),
            (unread(), contradiction(), Warning, Some("no version of Gantt")),
            (unread(), private(), Warning, Some("nobody states")),
            (unread(), offline(), Unknown, None),
            (unread(), None, Unknown, None),
        ];
        for (instance, marketplace, verdict, text) in rows {
            let name = format!("{instance:?} {marketplace:?}");
            let seen = look(&CHECK, &said(instance, marketplace));
            assert_eq!(seen.verdict, verdict, "{name}: {}", seen.text());
            assert_eq!(seen.findings.is_empty(), text.is_none(), "{name}: {}", seen.text());
            assert!(seen.text().contains(text.unwrap_or_default()), "{name}: {}", seen.text());
        }
    }

    #[test]
    fn who_counts_and_who_could_be_asked() {
        type Row = (&'static str, fn(&mut Golden), Verdict);
        let rows: [Row; 10] = [
            ("golden", |_| {}, Ready),
            ("disabled and incompatible", |g| plugins(g).installed[0].enabled = false, Ready),
            (
                "disabled by safe mode",
                |g| {
                    plugins(g).installed[0].enabled = false;
                    plugins(g).safe_mode = Field::Read(true);
                },
                Blocked,
            ),
            (
                "disabled, by what is not known",
                |g| {
                    plugins(g).installed[0].enabled = false;
                    plugins(g).safe_mode = unread();
                },
                Blocked,
            ),
            ("enabled and incompatible", |_| {}, Blocked),
            ("ignored", |g| g.policy.ignored_plugins.push(KEY.into()), Ready),
            ("target nobody asked about", |g| plugins(g).for_targets.clear(), Unknown),
            (
                "nothing to ask about",
                |g| {
                    plugins(g).installed[0].user_installed = false;
                    plugins(g).for_targets.clear();
                },
                Ready,
            ),
            ("an empty list", |g| plugins(g).installed.clear(), Unknown),
            ("off", |g| g.facts.switch_off(Source::Plugins), Unknown),
        ];
        for (name, spoil, verdict) in rows {
            let incompatible = name != "golden";
            let mut golden = if incompatible {
                said(Field::Read(Some(UpdateCheck::Incompatible)), None)
            } else {
                golden()
            };
            spoil(&mut golden);
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{name}: {}", seen.text());
        }
        let other_target = golden().to("10.2.1");
        assert_eq!(look(&CHECK, &other_target).verdict, Unknown);
    }

    #[test]
    fn every_plug_in_is_counted_once() {
        let mut golden = golden();
        let plugin = plugins(&mut golden).installed[0].clone();
        let answers = [
            ("a", Some(UpdateCheck::UpdateBefore)),
            ("b", Some(UpdateCheck::UpdateAfter)),
            ("c", Some(UpdateCheck::Incompatible)),
            ("d", Some(UpdateCheck::Unknown)),
            ("e", None),
            ("ignored", Some(UpdateCheck::Incompatible)),
        ];
        for (key, check) in answers {
            plugins(&mut golden).installed.push(Plugin { key: key.into(), ..plugin.clone() });
            let Field::Read(checks) = &mut plugins(&mut golden).for_targets[0].instance else {
                panic!("golden")
            };
            checks.extend(check.map(|check| (key.to_owned(), check)));
        }
        golden.policy.ignored_plugins.push("ignored".into());
        let counts = plugin_counts(&golden.facts, &golden.target, &golden.policy).unwrap();
        let expected =
            PluginCounts { compatible: 1, update_before: 1, update_after: 1, incompatible: 1, unknown: 2 };
        assert_eq!(counts, expected);
        let reason = look(&CHECK, &golden).reason;
        assert!(reason.contains("whether e works with 9.2.10"), "{reason}");
        golden.policy.ignored_plugins.push("e".into());
        let reason = look(&CHECK, &golden).reason;
        assert!(reason.starts_with("5 plug-ins installed by people (2 ignored): 1 compatible"), "{reason}");

        golden.facts.switch_off(Source::Plugins);
        assert!(plugin_counts(&golden.facts, &golden.target, &golden.policy).is_err());
    }
}
