//! Four configurations, setting by setting.

use std::collections::{BTreeMap, BTreeSet};

use upgrade_readiness_checks::facts::{Drift, DriftSetting, Field};

use super::forms::Form;
use super::secret::shown;
use super::tree::{ConfigurationFile, ConfigurationTree};

/// Files that are listed as not compared.
const MOST_UNREAD: usize = 50;

/// The file in which the newer products are configured.
const TOML: &str = "/deployment.toml";

/// What stands for a file that is there, beside homes in which it is not.
const THERE: &str = "there";

/// The configurations of the four homes.
pub(super) struct Four<'a> {
    pub(super) base: &'a ConfigurationTree,
    pub(super) local: &'a ConfigurationTree,
    pub(super) target: &'a ConfigurationTree,
    pub(super) prepared: Result<&'a ConfigurationTree, &'a String>,
}

/// In the order of their differences: untouched, running, untouched new, prepared.
type Values<'a> = [Option<&'a str>; 4];

/// Compares them.
pub(super) fn beside(four: &Four<'_>) -> Drift {
    let nothing = ConfigurationTree::default();
    let trees = [four.base, four.local, four.target, four.prepared.unwrap_or(&nothing)];
    let mut looking = Looking {
        why_unread: four.prepared.err().map(String::as_str),
        renamed: renamed(four.target),
        drift: Drift { becomes_toml: !is_toml(four.base) && is_toml(four.target), ..Drift::default() },
        settled: Vec::new(),
    };
    let mut unread: BTreeMap<String, String> = BTreeMap::new();
    let homes = [
        "the untouched running release",
        "the running home",
        "the untouched new release",
        "the prepared home",
    ];
    for (tree, home) in trees.iter().zip(homes) {
        for (name, why) in &tree.unread {
            unread.entry(name.clone()).or_insert_with(|| format!("in {home}: {why}"));
        }
    }
    let names: BTreeSet<&String> = trees.iter().flat_map(|tree| tree.files.keys()).collect();
    for name in names {
        if unread.keys().any(|unread| is_within(name, unread)) {
            continue;
        }
        let files = trees.map(|tree| tree.files.get(name).filter(|_| !is_made(tree, name)));
        let damaged = files.iter().zip(homes).find_map(|(file, home)| match &file.as_ref()?.form {
            Form::Damaged(why) => Some(format!("in {home}: {why}")),
            Form::Settings(_) | Form::Whole => None,
        });
        if let Some(why) = damaged
            && !all_alike(&files)
        {
            unread.insert(name.clone(), why);
        } else if files.iter().any(Option::is_some) {
            looking.file(name, &files);
        }
    }
    looking.drift.unread = unread.into_iter().take(MOST_UNREAD).collect();
    looking.finish()
}

/// What is known so far.
struct Looking<'a> {
    /// Why the prepared home was not read; `None` when it was.
    why_unread: Option<&'a str>,
    /// What the new release calls keys of `deployment.toml`.
    renamed: BTreeMap<String, String>,
    drift: Drift,
    /// Settings the vendor changed, and both homes are as they came.
    settled: Vec<DriftSetting>,
}

impl Looking<'_> {
    fn file(&mut self, name: &str, files: &[Option<&ConfigurationFile>; 4]) {
        self.drift.files += 1;
        let digests = files.map(|file| file.map(|file| file.digest));
        let [base, local, target, prepared] = digests;
        if prepared.is_some()
            && prepared == local
            && base.is_some()
            && target.is_some()
            && base != target
            && local != target
        {
            self.drift.copied_whole.push(name.to_owned());
        }
        let read = if self.why_unread.is_some() { 3 } else { 4 };
        let known: Vec<Option<[u8; 32]>> = digests.into_iter().take(read).collect();
        if known.windows(2).all(|pair| pair.first() == pair.last()) {
            return;
        }
        let settings: Vec<Option<&BTreeMap<String, String>>> = files
            .iter()
            .map(|file| match file.map(|file| &file.form) {
                Some(Form::Settings(settings)) => Some(settings),
                Some(Form::Whole | Form::Damaged(_)) | None => None,
            })
            .collect();
        let is_there: Vec<bool> = files.iter().map(Option::is_some).collect();
        let takes_apart =
            settings.iter().zip(&is_there).all(|(settings, there)| settings.is_some() == *there);
        if takes_apart {
            if known.iter().any(Option::is_none) {
                self.setting(name, "", files.map(|file| file.map(|_| THERE)), None);
            }
            let keys: BTreeSet<&String> =
                settings.iter().flatten().flat_map(|settings| settings.keys()).collect();
            for key in keys {
                let values = std::array::from_fn(|home| {
                    settings
                        .get(home)
                        .copied()
                        .flatten()
                        .and_then(|settings| settings.get(key))
                        .map(String::as_str)
                });
                let prepared = settings.get(3).copied().flatten();
                self.key(name, key, values, files.map(|file| file.is_some()), prepared);
            }
        } else {
            let contents: Vec<String> = {
                let mut distinct: Vec<[u8; 32]> = Vec::new();
                let mut number = |digest: [u8; 32]| {
                    let at = distinct.iter().position(|other| *other == digest).unwrap_or_else(|| {
                        distinct.push(digest);
                        distinct.len() - 1
                    });
                    format!("content {}", at + 1)
                };
                digests.iter().map(|digest| digest.map_or_else(String::new, &mut number)).collect()
            };
            let values = std::array::from_fn(|home| {
                contents.get(home).map(String::as_str).filter(|content| !content.is_empty())
            });
            self.setting(name, "", values, None);
        }
    }

    fn key(
        &mut self,
        file: &str,
        key: &str,
        values: Values<'_>,
        there: [bool; 4],
        prepared: Option<&BTreeMap<String, String>>,
    ) {
        // In homes that have no such file at all, that the file is not there says it for all its settings.
        let mut in_files = values.iter().zip(there).filter(|(_, there)| *there).map(|(value, _)| value);
        let first = in_files.next();
        if in_files.all(|value| Some(value) == first) {
            return;
        }
        let [base, local, target, own] = values;
        let new_name = self.renamed.get(key).filter(|_| own.is_none() && file.ends_with(TOML)).cloned();
        let moved = new_name.and_then(|name| Some((prepared?.get(&name)?.as_str(), name)));
        match moved {
            Some((value, name)) => self.setting(file, key, [base, local, target, Some(value)], Some(name)),
            None => self.setting(file, key, values, None),
        }
    }

    fn setting(&mut self, file: &str, path: &str, values: Values<'_>, renamed_to: Option<String>) {
        self.drift.count += 1;
        let [base, local, target, own] = values;
        let [base_shown, local_shown, target_shown, own_shown] = shown(file, path, values);
        let prepared = self.why_unread.map_or(Field::Read(own_shown), |why| Field::Unread(why.to_owned()));
        let is_settled = self.why_unread.is_none() && local == base && own == target;
        let path: String = path.chars().take(300).collect();
        let setting = DriftSetting {
            file: file.to_owned(),
            path,
            base: base_shown,
            local: local_shown,
            target: target_shown,
            prepared,
            renamed_to,
        };
        let list = if is_settled { &mut self.settled } else { &mut self.drift.settings };
        if list.len() < Drift::MOST {
            list.push(setting);
        }
    }

    fn finish(self) -> Drift {
        let mut drift = self.drift;
        let room = Drift::MOST.saturating_sub(drift.settings.len());
        drift.settings.extend(self.settled.into_iter().take(room));
        drift
    }
}

fn all_alike(files: &[Option<&ConfigurationFile>; 4]) -> bool {
    let digest = |file: Option<&ConfigurationFile>| file.map(|file| file.digest);
    files.windows(2).all(|pair| pair.first().copied().map(digest) == pair.last().copied().map(digest))
}

fn is_within(name: &str, directory: &str) -> bool {
    name.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_toml(tree: &ConfigurationTree) -> bool {
    tree.files.keys().any(|name| name.ends_with(TOML))
}

/// A file that is made of a template at each start: not it, but the template and `deployment.toml` are the
/// configuration.
fn is_made(tree: &ConfigurationTree, name: &str) -> bool {
    tree.files.contains_key(&format!("repository/resources/conf/templates/{name}.j2"))
}

fn renamed(target: &ConfigurationTree) -> BTreeMap<String, String> {
    match target.files.get("repository/resources/conf/key-mappings.json").map(|file| &file.form) {
        Some(Form::Settings(settings)) => settings.clone(),
        Some(Form::Whole | Form::Damaged(_)) | None => BTreeMap::new(),
    }
}
