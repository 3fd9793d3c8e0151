//! How differences of the configuration are told to people.

use super::outcome::Kind;
use crate::facts::{Drift, DriftSetting, Field, Prepared};
use crate::model::{Case, Finding, Severity};
use crate::rules::wording::{counted, excerpt, first_few};

/// Where everything is.
pub(super) struct Homes<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) prepared: &'a Prepared,
    pub(super) drift: &'a Drift,
}

impl Homes<'_> {
    fn running(&self) -> &str {
        self.case.facts.installation().map_or("the running home", |facts| facts.installation_dir.as_str())
    }

    /// The commands that show what the site changed and what the vendor changed in a file.
    fn commands(&self, file: &str) -> String {
        let Drift { base, target, .. } = self.drift;
        let own = shows(base, file, &format!("{}/{file}", self.running()));
        let new = shows(target, file, &format!("{}/{file}", self.prepared.place));
        format!("{own} shows what was changed here, {new} what differs there.")
    }
}

/// The command that shows how a file differs from an untouched one.
fn shows(copy: &str, file: &str, beside: &str) -> String {
    let has = |ending: &str| copy.to_ascii_lowercase().ends_with(ending);
    if has(".zip") {
        format!("`unzip -p {copy} '*/{file}' | diff - {beside}`")
    } else if has(".gz") || has(".tgz") {
        format!("`tar -xzOf {copy} --wildcards '*/{file}' | diff - {beside}`")
    } else if has(".tar") {
        format!("`tar -xOf {copy} --wildcards '*/{file}' | diff - {beside}`")
    } else {
        format!("`diff {copy}/{file} {beside}`")
    }
}

/// A file that was copied over whole.
pub(super) fn copied_whole(homes: &Homes<'_>, file: &str) -> Finding {
    let place = &homes.prepared.place;
    Finding {
        severity: Severity::Warning,
        subject: format!("copied-whole: {file}"),
        summary: format!("{file} was copied from the running home to {place} whole"),
        observed: "the same content, byte for byte, while the vendor changed the file".to_owned(),
        required: "the file of the new release, with the site's own changes made in it".to_owned(),
        remedy: format!(
            "Put the file of {} back in {place} and make the own changes in it again. {}",
            homes.drift.target,
            homes.commands(file)
        ),
    }
}

/// The settings of one file to which the same is to be done.
pub(super) fn group(homes: &Homes<'_>, kind: Kind, file: &str, settings: &[&DriftSetting]) -> Finding {
    let what = match settings {
        [setting] if setting.path.is_empty() => file.to_owned(),
        [setting] => format!("{} in {file}", name(setting)),
        several => format!("{} in {file}", counted(several.len() as u64, "setting")),
    };
    let is = if settings.len() == 1 { "is" } else { "are" };
    let seen = settings.iter().map(|setting| seen(kind, setting)).collect::<Vec<_>>();
    let observed = first_few(seen.iter().map(String::as_str), settings.len() as u64);
    Finding {
        severity: severity(kind),
        subject: format!("{}: {file}", id(kind)),
        summary: summary(homes, kind, &what, is),
        observed,
        required: required(kind).to_owned(),
        remedy: format!(
            "{} {}",
            remedy(homes, kind, &format!("{}/{file}", homes.prepared.place)),
            homes.commands(file)
        ),
    }
}

/// All files of a kind that no finding of their own is made for.
pub(super) fn rest(homes: &Homes<'_>, kind: Kind, files: &[(&str, Vec<&DriftSetting>)]) -> Finding {
    let settings: u64 = files.iter().map(|(_, settings)| settings.len() as u64).sum();
    let what =
        format!("{} in {}", counted(settings, "more setting"), counted(files.len() as u64, "more file"));
    Finding {
        severity: severity(kind),
        subject: format!("{}: other files", id(kind)),
        summary: summary(homes, kind, &what, "are"),
        observed: first_few(files.iter().map(|(file, _)| *file), files.len() as u64),
        required: required(kind).to_owned(),
        remedy: format!(
            "{} So many are rarely changed by hand: look whether {} is the release {} was unpacked from.",
            remedy(homes, kind, &homes.prepared.place),
            homes.drift.base,
            homes.running()
        ),
    }
}

/// Own values that belong to the place.
pub(super) fn of_place(homes: &Homes<'_>, settings: &[&DriftSetting]) -> Option<Finding> {
    if settings.is_empty() {
        return None;
    }
    let names: Vec<String> =
        settings.iter().map(|setting| format!("{} in {}", name(setting), setting.file)).collect();
    Some(Finding {
        severity: Severity::Notice,
        subject: "place".to_owned(),
        summary: format!(
            "{} of the running server must be set in {} when it goes into production",
            counted(settings.len() as u64, "value"),
            homes.prepared.place
        ),
        observed: first_few(names.iter().map(String::as_str), settings.len() as u64),
        required: "values of staging until then, those of production from then on".to_owned(),
        remedy: "Nothing needs to be done before: note them, and set them when the servers are switched."
            .to_owned(),
    })
}

fn name(setting: &DriftSetting) -> String {
    let path = if setting.path.is_empty() { "the file" } else { &setting.path };
    match &setting.renamed_to {
        Some(new) => format!("{} (now {new})", excerpt(path)),
        None => excerpt(path),
    }
}

/// A setting and the values that matter.
fn seen(kind: Kind, setting: &DriftSetting) -> String {
    let value = |value: &Option<String>| match value {
        Some(text) if text.is_empty() => "empty".to_owned(),
        Some(text) => excerpt(text),
        None => "absent".to_owned(),
    };
    let there = match &setting.prepared {
        Field::Read(prepared) => format!(", prepared {}", value(prepared)),
        Field::Unread(_) => String::new(),
    };
    let (local, target) = (value(&setting.local), value(&setting.target));
    let values = match kind {
        Kind::Lost | Kind::ToMap | Kind::Obsolete | Kind::ToCarry | Kind::Dropped => {
            format!("here {local}{there}")
        }
        Kind::Conflict => format!("here {local}, new {target}{there}"),
        Kind::NotApplied | Kind::LeftOver | Kind::ToApply => format!("new {target}{there}"),
    };
    format!("{} ({values})", name(setting))
}

fn id(kind: Kind) -> &'static str {
    match kind {
        Kind::Lost => "lost",
        Kind::Conflict => "conflict",
        Kind::NotApplied => "not-applied",
        Kind::ToMap => "to-map",
        Kind::Obsolete => "obsolete",
        Kind::LeftOver => "left-over",
        Kind::ToCarry => "to-carry-over",
        Kind::ToApply => "to-apply",
        Kind::Dropped => "dropped",
    }
}

fn severity(kind: Kind) -> Severity {
    match kind {
        Kind::Dropped | Kind::LeftOver => Severity::Notice,
        Kind::Lost
        | Kind::Conflict
        | Kind::NotApplied
        | Kind::ToMap
        | Kind::Obsolete
        | Kind::ToCarry
        | Kind::ToApply => Severity::Warning,
    }
}

fn summary(homes: &Homes<'_>, kind: Kind, what: &str, is: &str) -> String {
    let place = &homes.prepared.place;
    let target = &homes.case.target.version;
    match kind {
        Kind::Lost => format!("{what} {is} changed here and not in {place}: the customisation is lost"),
        Kind::Conflict => format!("{what} {is} changed here and in {target}, and differently"),
        Kind::NotApplied => format!("{what} {is} new or changed in {target} and not applied in {place}"),
        Kind::ToMap => format!("{what} {is} changed here, and {target} makes the file of deployment.toml"),
        Kind::Obsolete => {
            format!("{what} {is} changed here and gone in {target}: the customisation is obsolete")
        }
        Kind::LeftOver => format!("{what} {is} gone in {target} and still in {place}"),
        Kind::ToCarry => format!("{what} {is} changed here and to be carried over to {place}"),
        Kind::ToApply => format!("{what} {is} new, changed or gone in {target}"),
        Kind::Dropped => {
            format!("{what} {is} changed here, and neither {target} nor {place} has it any more")
        }
    }
}

fn required(kind: Kind) -> &'static str {
    match kind {
        Kind::Lost | Kind::ToCarry => {
            "the same change in the prepared home, or a word that it is not wanted there"
        }
        Kind::Conflict => "a value somebody decided on, knowing both",
        Kind::NotApplied | Kind::ToApply => "what the new release brings",
        Kind::ToMap => "a key of deployment.toml for each, or a word that it is not wanted any more",
        Kind::Obsolete | Kind::LeftOver => "nothing the new release does not read",
        Kind::Dropped => "nothing, when its purpose is served in another way",
    }
}

fn remedy(homes: &Homes<'_>, kind: Kind, file: &str) -> String {
    let target = &homes.case.target.version;
    match kind {
        Kind::Lost => format!("Make the change again in {file}; do not copy the old file over it."),
        Kind::Conflict => format!(
            "Read in the release notes of {target} why it was changed, decide by hand, and write the value into {file}; \
             when the one that stands there is meant, sign this off."
        ),
        Kind::NotApplied => format!("Take what {target} brings over into {file}."),
        Kind::ToMap => format!(
            "Find the key in the vendor's configuration catalog of {target} and set it in deployment.toml of {}; a change to \
             the XML file itself is overwritten at each start. Then sign this off.",
            homes.prepared.place
        ),
        Kind::Obsolete => format!("Find out what took its place in {target}, and take it out of {file}."),
        Kind::LeftOver => format!("Take it out of {file}: {target} does not read it."),
        Kind::ToCarry => {
            format!("Make the change in {file}, and let the agent's user read it so that this can be seen.")
        }
        Kind::ToApply => {
            format!("See to it in {file}, and let the agent's user read it so that this can be seen.")
        }
        Kind::Dropped => format!("Make sure that {target} serves its purpose in another way."),
    }
}
