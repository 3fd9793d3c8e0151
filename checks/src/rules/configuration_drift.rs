//! Are own changes and new options of the configuration in the home that was prepared?

mod outcome;
mod place;
mod registry;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use self::outcome::{Kind, Outcome, is_of_vendor, outcome};
use super::prepared_home::prepared_home;
use super::wording::{counted, excerpt};
use crate::facts::{Drift, DriftSetting, Family, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};
use crate::version::ProductVersion;

pub(super) static CHECK: Check = Check {
    id: "configuration-drift",
    title: "Configuration carried over setting by setting",
    category: Category::Customisation,
    products: Products::Only(&[Family::Carbon]),
    reads: &[Source::Rehearsal, Source::Installation],
    people: People::MaySignOff,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

/// Files that a finding of their own is made for, for each kind of difference; more are counted in one.
const NAMED: usize = 25;

const EXPLAIN: &str = "\
## What it looks at

The configuration (`repository/conf`, and the templates and defaults of releases that have a `deployment.toml`) and the \
scripts in `bin` of four homes, setting by setting: the untouched release that runs, the running home, the untouched new \
release, and the home that was prepared with it. What the running home has changed should be in the prepared one; what is \
new or changed in the release should be there as well; what both changed differently, somebody must decide. A file that \
was copied over whole is named, because it takes the new release's own changes away. The switches of `registry.xml` by \
which versions of properties are kept are compared as well, since their default changed. XML, properties and TOML files are \
taken apart, so that order, blanks and comments do not count; scripts and other files are compared as a whole.

Not taken for a loss, because they belong to the place and not to the product: URLs and accounts of data sources, host \
name and port offset, cluster domain and members, places of keystores, names of shared caches, the deployment \
synchroniser, and the addresses of user stores. They are listed in a notice, to be set when the prepared home goes into \
production.

## Why it matters

The guide of the vendor asks for exactly this: the new options are applied and the own changes made again in the new \
files, and configuration is not copied between servers. A file copied whole lacks the options of the new release and even \
makes it call itself by the old number (<https://github.com/wso2/product-is/issues/782>); a forgotten change shows when \
users do. From 4.5 on, XML files are made of `deployment.toml`, and every change to one must be found a key there.

## How to fix it

Make each change in the file of the prepared home by hand. What was left out on purpose, sign off.

## What it needs

Both releases as they were downloaded, never unpacked or changed: the running one as `pristine` in `[instance.files]`, \
the new one as `pristine` in `[instance.prepared]`; and read access to `repository/conf` and `bin` of both homes. Values \
of passwords and other secrets never leave the host: they stand as `***` with a number that tells different ones apart.

## Settings

`[instance.files] pristine`; `[instance.prepared] home` and `pristine`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let running = case.facts.installation()?.version.read(Source::Installation, "the running version")?;
    let prepared = prepared_home(case)?;
    let drift = prepared.drift.read(Source::Rehearsal, "how the configurations differ")?;
    releases_fit(case, running, drift)?;
    let (mut missing, mut groups) =
        (unread_files(drift), BTreeMap::<(Kind, &str), Vec<&DriftSetting>>::new());
    let (mut carried, mut decided, mut of_vendor) = (0_u64, 0_u64, 0_u64);
    let mut of_place = Vec::new();
    let releases = (running.as_str(), case.target.version.as_str());
    let gone = gone(drift);
    for setting in &drift.settings {
        of_vendor += u64::from(is_of_vendor(setting, releases));
        match outcome(setting, gone.contains(setting.file.as_str()), releases) {
            Outcome::AsItCame => {}
            Outcome::Carried => carried += 1,
            Outcome::Decided => decided += 1,
            Outcome::OfPlace => of_place.push(setting),
            Outcome::Found(kind) => groups.entry((kind, &setting.file)).or_default().push(setting),
        }
    }
    if let Some(setting) = drift.settings.iter().find(|setting| setting.prepared.value().is_none()) {
        missing
            .extend(setting.prepared.read(Source::Rehearsal, "the configuration of the prepared home").err());
    }
    if not_listed(drift) {
        let listed = drift.settings.len();
        let why = format!("{} differ, and only {listed} are listed", counted(drift.count, "setting"));
        missing.push(unread("every setting that differs", why));
    }
    let homes = words::Homes { case, prepared, drift };
    let mut found: Vec<Finding> =
        drift.copied_whole.iter().map(|file| words::copied_whole(&homes, file)).collect();
    found.extend(limited(&homes, groups));
    found.extend(words::of_place(&homes, &of_place));
    match registry::switches(case.facts.installation()?.carbon.as_deref(), &prepared.home) {
        Ok(finding) => found.extend(finding),
        Err(not_seen) => missing.push(not_seen),
    }
    let of_vendor = if missing.is_empty() && of_vendor == 0 {
        format!("no configuration option is new between {} and {}", releases.0, releases.1)
    } else {
        format!(
            "{} new, changed or gone between {} and {}",
            counted(of_vendor, "option"),
            releases.0,
            releases.1
        )
    };
    let evidence = format!(
        "{} of {} beside {}: {of_vendor}; of the site's own settings {carried} stand in {} as well and {decided} with \
         another value",
        counted(drift.files, "file"),
        drift.base,
        drift.target,
        prepared.place,
    );
    conclude(evidence, found, missing)
}

/// Whether the untouched copies are of the releases they should be of.
fn releases_fit(case: &Case<'_>, running: &ProductVersion, drift: &Drift) -> Result<(), Missing> {
    let rows = [
        (&drift.base, &drift.base_release, running, "runs", "[instance.files]"),
        (&drift.target, &drift.target_release, &case.target.version, "is judged", "[instance.prepared]"),
    ];
    for (place, says, wanted, is, table) in rows {
        let version = says.as_ref().and_then(|says| says.parse::<ProductVersion>().ok());
        if version.as_ref() != Some(wanted) {
            let says = says.as_ref().map_or_else(
                || "does not tell its release in bin/version.txt".to_owned(),
                |says| format!("is of {}", excerpt(says)),
            );
            let why = format!(
                "{place} {says}, and {wanted} {is}; name an untouched {wanted} as pristine in {table}"
            );
            return Err(unread(&format!("the configuration of {wanted} as the vendor ships it"), why));
        }
    }
    Ok(())
}

/// Files the new release no longer has, because it makes them of `deployment.toml`.
fn gone(drift: &Drift) -> BTreeSet<&str> {
    let is_gone = |setting: &&DriftSetting| {
        setting.path.is_empty() && setting.base.is_some() && setting.target.is_none()
    };
    let files = drift.settings.iter().filter(|_| drift.becomes_toml).filter(is_gone);
    files.map(|setting| setting.file.as_str()).collect()
}

fn unread_files(drift: &Drift) -> Vec<Missing> {
    let what = |file: &str| format!("what differs in {file}");
    drift.unread.iter().map(|(file, why)| unread(&what(file), why.clone())).collect()
}

/// Something that may matter is not among what is listed: what both homes have as it came is listed last.
fn not_listed(drift: &Drift) -> bool {
    let is_settled = |setting: &DriftSetting| {
        setting.local == setting.base && setting.prepared.value() == Some(&setting.target)
    };
    drift.count > drift.settings.len() as u64 && !drift.settings.last().is_some_and(is_settled)
}

fn unread(what: &str, why: String) -> Missing {
    Missing::Unread { of: Source::Rehearsal, what: what.to_owned(), why }
}

/// A finding for each file and kind, the gravest first; from some number on, the rest of a kind in one.
fn limited(homes: &words::Homes<'_>, groups: BTreeMap<(Kind, &str), Vec<&DriftSetting>>) -> Vec<Finding> {
    let mut of_kind: BTreeMap<Kind, Vec<(&str, Vec<&DriftSetting>)>> = BTreeMap::new();
    for ((kind, file), settings) in groups {
        of_kind.entry(kind).or_default().push((file, settings));
    }
    let mut found = Vec::new();
    for (kind, mut files) in of_kind {
        let rest = files.split_off(files.len().min(NAMED));
        found.extend(files.iter().map(|(file, settings)| words::group(homes, kind, file, settings)));
        if !rest.is_empty() {
            found.push(words::rest(homes, kind, &rest));
        }
    }
    debug_assert!(found.iter().all(|finding| finding.severity < Severity::Blocker), "people decide");
    found
}

#[cfg(test)]
mod tests;
