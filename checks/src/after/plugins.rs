//! Are the plug-ins that were enabled before there and enabled, with all their modules?

use std::collections::BTreeMap;

use super::{Item, Sides, Topic, remedy, shown};
use crate::facts::{AppLicense, Field, Missing, Plugin, Plugins, Snapshot};
use crate::rules::wording::{counted, excerpt, first_few, no_plugins};

const TOPIC: Topic = Topic::Plugins;

/// Where plug-ins are switched on and off.
const MANAGE: &str = "Administration, Manage apps";

pub(super) fn plugins(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(told);
    let show = |plugins: &&Plugins| {
        let enabled = plugins.user_installed().filter(|plugin| plugin.enabled).count() as u64;
        format!("{} of people enabled, {} in all", counted(enabled, "plug-in"), plugins.installed.len())
    };
    let (before, now) = match both.known(TOPIC, show) {
        Ok((before, now)) => (*before, *now),
        Err(unknown) => return unknown,
    };
    let seen = (shown(&both.before, show), shown(&both.now, show));
    let mut comparison = Comparison::default();
    let safe = now.safe_mode.value() == Some(&true);
    comparison.items.extend(safe_mode(&now.safe_mode, &seen));
    let there: BTreeMap<&str, &Plugin> =
        now.installed.iter().map(|plugin| (plugin.key.as_str(), plugin)).collect();
    let wanted = before.installed.iter().filter(|plugin| plugin.enabled);
    for was in wanted.filter(|plugin| !sides.policy.ignored_plugins.contains(&plugin.key)) {
        match there.get(was.key.as_str()) {
            None => comparison.missing(was),
            // In safe mode all of them are disabled, which is one item and not a hundred.
            Some(is) if !is.enabled && safe => {}
            Some(is) => comparison.compare(was, is),
        }
    }
    comparison.conclude(before, now, seen)
}

fn told(side: &Snapshot) -> Result<&Plugins, Missing> {
    let plugins = side.plugins()?;
    if plugins.installed.is_empty() { Err(no_plugins()) } else { Ok(plugins) }
}

fn safe_mode(safe: &Field<bool>, (before, _now): &(String, String)) -> Option<Item> {
    match safe {
        Field::Read(false) => None,
        Field::Read(true) => Some(
            Item::blocked(TOPIC, "the plug-in system runs in safe mode")
                .about("safe-mode")
                .seen(before, "safe mode is on: every plug-in people installed is disabled")
                .so_do(format!(
                    "In {MANAGE} choose \"Exit safe mode and restore the previous configuration\"."
                )),
        ),
        Field::Unread(why) => Some(
            Item::untold(TOPIC, "whether the plug-in system runs in safe mode")
                .about("safe-mode")
                .seen(before, format!("not known: {}", excerpt(why)))
                .so_do(remedy(false, true)),
        ),
    }
}

/// What came of the plug-ins so far.
#[derive(Default)]
struct Comparison {
    items: Vec<Item>,
    /// Plug-ins people installed that are well.
    well: u64,
    updated: Vec<String>,
    /// Plug-ins of the product that came with the old release only.
    dropped: u64,
    /// By reason, those of which modules or licence could not be compared.
    untold: BTreeMap<String, Vec<String>>,
}

impl Comparison {
    fn missing(&mut self, was: &Plugin) {
        // Releases bring plug-ins of their own and leave others out.
        if !was.user_installed {
            self.dropped += 1;
            return;
        }
        let name = excerpt(&was.name);
        self.items.push(
            Item::blocked(TOPIC, format!("{name} is not installed any more"))
                .about(&was.key)
                .seen(format!("enabled, {}", excerpt(&was.version)), "not there")
                .so_do(format!(
                    "Install {name} again in {MANAGE}, in a version for the new release; its data is still in the database \
                     while nobody deletes it."
                )),
        );
    }

    fn compare(&mut self, was: &Plugin, is: &Plugin) {
        if !is.enabled {
            self.items.push(disabled(was, is));
            return;
        }
        if !was.user_installed {
            return;
        }
        let mut found = Vec::new();
        match (&was.broken_modules, &is.broken_modules) {
            (Field::Read(earlier), Field::Read(broken)) => {
                let new: Vec<&str> =
                    broken.iter().filter(|module| !earlier.contains(module)).map(String::as_str).collect();
                if !new.is_empty() {
                    found.push(broken_now(was, is, &new));
                }
            }
            (Field::Unread(_), Field::Read(broken)) if broken.is_empty() => {}
            (_, Field::Unread(why)) | (Field::Unread(why), Field::Read(_)) => {
                self.untold
                    .entry(format!("its modules: {}", excerpt(why)))
                    .or_default()
                    .push(was.key.clone());
            }
        }
        if let Field::Read(Some(AppLicense { valid: true, .. })) = &was.license {
            match &is.license {
                Field::Read(Some(AppLicense { valid: true, .. })) => {}
                Field::Read(license) => found.push(unlicensed(is, license.as_ref())),
                Field::Unread(why) => {
                    self.untold
                        .entry(format!("its licence: {}", excerpt(why)))
                        .or_default()
                        .push(was.key.clone());
                }
            }
        }
        if found.is_empty() {
            self.well += 1;
        }
        if was.version != is.version {
            let versions = (excerpt(&was.version), excerpt(&is.version));
            self.updated.push(format!("{} {} to {}", excerpt(&is.name), versions.0, versions.1));
        }
        self.items.append(&mut found);
    }

    fn conclude(mut self, before: &Plugins, now: &Plugins, seen: (String, String)) -> Vec<Item> {
        for (why, keys) in std::mem::take(&mut self.untold) {
            let names = first_few(keys.iter().map(String::as_str), keys.len() as u64);
            let what = format!("a part of {}", counted(keys.len() as u64, "plug-in"));
            self.items.push(
                Item::untold(TOPIC, &what)
                    .about(why.split(':').next().unwrap_or_default())
                    .seen(format!("of {}", excerpt(&names)), format!("not known: {why}"))
                    .so_do(format!("Open {MANAGE} and look at each of them.")),
            );
        }
        if !self.items.is_empty() {
            return self.items;
        }
        let mut told = vec![format!("{} of people there and enabled", counted(self.well, "plug-in"))];
        if !self.updated.is_empty() {
            let names = first_few(self.updated.iter().map(String::as_str), self.updated.len() as u64);
            told.push(format!("{} with another version ({names})", self.updated.len()));
        }
        let is_new = |plugin: &&Plugin| !before.installed.iter().any(|was| was.key == plugin.key);
        let new = now.user_installed().filter(is_new).count();
        if new > 0 {
            told.push(format!("{new} new"));
        }
        if self.dropped > 0 {
            told.push(format!("{} of the product not in this release", self.dropped));
        }
        vec![Item::well(TOPIC, told.join(", ")).seen(seen.0, seen.1)]
    }
}

fn disabled(was: &Plugin, is: &Plugin) -> Item {
    let name = excerpt(&is.name);
    let summary = format!("{name} is disabled");
    // Of the product's own some are switched off by a release on purpose.
    let item = if was.user_installed { Item::blocked(TOPIC, summary) } else { Item::warning(TOPIC, summary) };
    item.about(&was.key)
        .seen(format!("enabled, {}", excerpt(&was.version)), format!("disabled, {}", excerpt(&is.version)))
        .so_do(format!(
            "In {MANAGE} update {name} to a version for the new release and enable it; logs/atlassian-confluence.log says \
             why it was switched off."
        ))
}

fn broken_now(was: &Plugin, is: &Plugin, new: &[&str]) -> Item {
    let count = new.len() as u64;
    let modules = first_few(new.iter().copied(), count);
    let name = excerpt(&is.name);
    Item::blocked(TOPIC, format!("{name} has {} that worked before", counted(count, "broken module")))
        .about(&was.key)
        .seen(format!("enabled, {}", excerpt(&was.version)), excerpt(&format!("broken: {modules}")))
        .so_do(format!(
            "In {MANAGE} update {name}, or disable and enable it; logs/atlassian-confluence.log has the reason."
        ))
}

fn unlicensed(is: &Plugin, license: Option<&AppLicense>) -> Item {
    let now = license.map_or_else(
        || "no licence".to_owned(),
        |license| {
            format!("not valid: {}", license.error.as_deref().map_or("no reason given".to_owned(), excerpt))
        },
    );
    let name = excerpt(&is.name);
    Item::warning(TOPIC, format!("the licence of {name} is not accepted any more"))
        .about(&is.key)
        .seen("a valid licence", now)
        .so_do(format!("Enter the licence of {name} again in {MANAGE}, or renew it."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, look, read, unread};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    const KEY: &str = "com.example.gantt";
    const BUNDLED: &str = "com.atlassian.confluence.plugins.confluence-jira-metadata";

    fn gantt(pair: &mut Pair) -> &mut Plugin {
        &mut pair.plugins().installed[0]
    }

    fn gantt_before(pair: &mut Pair) -> &mut Plugin {
        &mut pair.plugins_before().installed[0]
    }

    fn license(pair: &mut Pair) -> &mut AppLicense {
        read(&mut gantt(pair).license).as_mut().unwrap()
    }

    #[test]
    fn plug_ins_are_there_and_enabled() {
        let rows: &[Row] = &[
            ("the same", |_| {}, &[(Ready, None)]),
            ("updated", |p| gantt(p).version = "5.0".into(), &[(Ready, None)]),
            ("missing", |p| drop(p.plugins().installed.remove(0)), &[(Blocked, Some(KEY))]),
            ("disabled", |p| gantt(p).enabled = false, &[(Blocked, Some(KEY))]),
            (
                "disabled as before",
                |p| {
                    gantt(p).enabled = false;
                    gantt_before(p).enabled = false;
                },
                &[(Ready, None)],
            ),
            (
                "nobody will miss it",
                |p| {
                    gantt_before(p).key = "com.example.ignored".into();
                    gantt(p).key = "com.example.other".into();
                },
                &[(Ready, None)],
            ),
            ("comes with the product now", |p| gantt(p).user_installed = false, &[(Ready, None)]),
            ("broken", |p| gantt(p).broken_modules = Field::Read(vec!["m".into()]), &[(Blocked, Some(KEY))]),
            (
                "broken as before",
                |p| {
                    gantt(p).broken_modules = Field::Read(vec!["m".into()]);
                    gantt_before(p).broken_modules = Field::Read(vec!["m".into()]);
                },
                &[(Ready, None)],
            ),
            (
                "broken, and not known before",
                |p| {
                    gantt(p).broken_modules = Field::Read(vec!["m".into()]);
                    gantt_before(p).broken_modules = unread();
                },
                &[(Unknown, Some("its modules"))],
            ),
            ("whole, and not known before", |p| gantt_before(p).broken_modules = unread(), &[(Ready, None)]),
            (
                "modules are not known",
                |p| gantt(p).broken_modules = unread(),
                &[(Unknown, Some("its modules"))],
            ),
            ("its licence is refused", |p| license(p).valid = false, &[(Warning, Some(KEY))]),
            ("its licence is gone", |p| gantt(p).license = Field::Read(None), &[(Warning, Some(KEY))]),
            ("its licence is not known", |p| gantt(p).license = unread(), &[(Unknown, Some("its licence"))]),
            ("one of the product is gone", |p| drop(p.plugins().installed.remove(1)), &[(Ready, None)]),
            (
                "one of the product is off",
                |p| p.plugins().installed[1].enabled = false,
                &[(Warning, Some(BUNDLED))],
            ),
            (
                "safe mode",
                |p| {
                    p.plugins().safe_mode = Field::Read(true);
                    gantt(p).enabled = false;
                },
                &[(Blocked, Some("safe-mode"))],
            ),
            ("safe mode is not known", |p| p.plugins().safe_mode = unread(), &[(Unknown, Some("safe-mode"))]),
            ("an empty list", |p| p.plugins().installed.clear(), &[(Unknown, None)]),
            ("an empty list before", |p| p.plugins_before().installed.clear(), &[(Unknown, None)]),
        ];
        judges(TOPIC, rows);
    }

    #[test]
    fn updates_are_told() {
        let items = look(None, TOPIC, |pair| {
            gantt(pair).version = "5.0".into();
            let new = Plugin { key: "new".into(), ..gantt(pair).clone() };
            pair.plugins().installed.push(new);
        });
        assert_eq!(
            items[0].summary,
            "1 plug-in of people there and enabled, 1 with another version (Gantt for Confluence 4.1.0 to 5.0), 1 new"
        );
    }
}
