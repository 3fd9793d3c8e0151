//! Directories of the running home beside their copies.

use std::collections::BTreeSet;

use crate::facts::{
    CarbonHome, CopyDifferences, Field, Missing, Prepared, Product, Source, StatementOf, TreeCopy,
    UserStoreFile,
};
use crate::model::{Case, Finding, Severity};
use crate::rules::wording::{counted, first_few, sh};
use crate::version::ProductVersion;

/// The release from which directories of event streams and publishers are no longer carried along.
const EVENTS_UNTIL: &str = "5.8";

/// Adds what is wrong with the directories, and what could not be seen of them.
pub(super) fn judge(
    case: &Case<'_>,
    running: &CarbonHome,
    prepared: &Prepared,
    found: &mut Vec<Finding>,
    missing: &mut Vec<Missing>,
    compared: &mut u64,
) {
    let from = case.facts.installation().map_or("the running home", |facts| facts.installation_dir.as_str());
    for copy in &prepared.copies {
        match one(from, prepared, copy) {
            Ok(of_copy) => found.extend(of_copy),
            Err(not_seen) => missing.push(not_seen),
        }
        if let Some(differences) = copy.differences.value() {
            *compared += differences.compared.saturating_sub(differences.differing.count);
            missing.extend(differences.out_of_reach.as_ref().map(|out| Missing::Unread {
                of: Source::Rehearsal,
                what: format!("a part of {}", copy.below),
                why: format!("the first of {} is {}: {}", counted(out.count, "place"), out.first, out.why),
            }));
        }
    }
    if prepared.copies.is_empty() {
        missing.push(unread("the directories that are to be copied", "none was compared"));
    }
    match user_stores(running, prepared) {
        Ok(finding) => found.extend(finding),
        Err(not_seen) => missing.push(not_seen),
    }
    match events(case, prepared) {
        Ok(finding) => found.extend(finding),
        Err(not_seen) => missing.push(not_seen),
    }
    found.extend(old_bundles(case, prepared));
    found.extend(without_row(running, prepared));
}

/// Directories of tenants that no database knows; the other way round is usual, for a tenant that was never loaded.
fn without_row(running: &CarbonHome, prepared: &Prepared) -> Option<Finding> {
    let tenants = running.tenants.value()?;
    let mut rows = BTreeSet::<u32>::new();
    let databases = prepared.databases.value().filter(|databases| !databases.is_empty())?;
    for database in databases {
        rows.extend(database.production.value()?.tenants.value()?);
    }
    let orphans: Vec<String> =
        tenants.ids.iter().filter(|id| !rows.contains(id)).map(ToString::to_string).collect();
    let count = orphans.len() as u64;
    (count > 0).then(|| Finding {
        severity: Severity::Notice,
        subject: "tenant-directories".to_owned(),
        summary: format!(
            "{} of tenants have no active row in UM_TENANT",
            counted(count, "directory").replace("ys", "ies")
        ),
        observed: format!("in {}: {}", tenants.place, first_few(orphans.iter().map(String::as_str), count)),
        required: "directories of tenants that exist".to_owned(),
        remedy: "They are of tenants that were deleted or deactivated; they need not be copied.".to_owned(),
    })
}

fn unread(what: &str, why: &str) -> Missing {
    Missing::Unread { of: Source::Rehearsal, what: what.to_owned(), why: why.to_owned() }
}

/// One directory and its copy.
fn one(from: &str, prepared: &Prepared, copy: &TreeCopy) -> Result<Vec<Finding>, Missing> {
    let TreeCopy { below, is_there, is_original, nested, differences } = copy;
    let (original, place) = (format!("{from}/{below}"), format!("{}/{below}", prepared.place));
    let again = format!("rsync -a {} {}", sh(&format!("{original}/")), sh(&format!("{place}/")));
    let mut found = Vec::new();
    if *is_original {
        found.push(Finding {
            severity: Severity::Blocker,
            subject: format!("original: {below}"),
            summary: format!("{place} is no copy but the directory of the running home"),
            observed: format!("{place} and {original} are the same directory"),
            required: "a copy that can be changed and started without touching production".to_owned(),
            remedy: format!("Take the link or mount away and copy the directory: {again}."),
        });
        return Ok(found);
    }
    if !*is_there.read(Source::Rehearsal, &format!("whether there is {original}"))? {
        return Ok(found);
    }
    if let Some(nested) = nested {
        found.push(Finding {
            severity: Severity::Warning,
            subject: format!("nested: {below}"),
            summary: format!("{place} was copied into itself"),
            observed: format!("{}/{nested}, which the running home does not have", prepared.place),
            required: format!("its content directly in {place}"),
            remedy: format!(
                "Look what is in {}/{nested}, copy the content again with {again}, and remove the \
                 directory that landed inside.",
                prepared.place
            ),
        });
    }
    let differences = differences.read(Source::Rehearsal, &format!("how {place} differs from {original}"))?;
    let CopyDifferences { compared, missing, differing, extra, knows_vendor, .. } = differences;
    let hint = if *knows_vendor {
        ""
    } else {
        " Files the vendor ships are among them: name both untouched releases as pristine in [instance.files] and \
         [instance.prepared], and they are told apart."
    };
    let paths = |list: &crate::facts::PathList| first_few(list.paths.iter().map(String::as_str), list.count);
    if missing.count > 0 && *compared == 0 {
        found.push(Finding {
            severity: Severity::Blocker,
            subject: format!("not-copied: {below}"),
            summary: format!("{original} was not copied to {}", prepared.place),
            observed: format!(
                "{} there, and none of them here: {}",
                counted(missing.count, "file"),
                paths(missing)
            ),
            required: format!("every file of {original} in {place}"),
            remedy: format!("Copy its content: {again}."),
        });
    } else if missing.count > 0 {
        found.push(Finding {
            severity: Severity::Blocker,
            subject: format!("missing: {below}"),
            summary: format!("{} missing in {} of those in {original}", is(missing.count), prepared.place),
            observed: paths(missing),
            required: format!("every file of {original} in {place}"),
            remedy: format!("Copy them: {again}; what is meant to be left behind, waive.{hint}"),
        });
    }
    if differing.count > 0 {
        found.push(Finding {
            severity: Severity::Warning,
            subject: format!("differing: {below}"),
            summary: format!("{} another content in {place} than in {original}", has(differing.count)),
            observed: paths(differing),
            required: "the same content, unless it was changed for the new release on purpose".to_owned(),
            remedy: format!(
                "Compare them with diff -r {} {}, and copy again what production has changed since: {again}.{hint}",
                sh(&original),
                sh(&place)
            ),
        });
    }
    if extra.count > 0 {
        found.push(Finding {
            severity: Severity::Notice,
            subject: format!("extra: {below}"),
            summary: format!("{} only in {place}", is(extra.count)),
            observed: paths(extra),
            required: "nothing that was deleted in production since the copy".to_owned(),
            remedy: format!(
                "Look whether they were deleted in {original} since the copy was made, and delete them in the copy then.{hint}"
            ),
        });
    }
    Ok(found)
}

fn is(count: u64) -> String {
    format!("{} {}", counted(count, "file"), if count == 1 { "is" } else { "are" })
}

fn has(count: u64) -> String {
    format!("{} {}", counted(count, "file"), if count == 1 { "has" } else { "have" })
}

/// Files of secondary user stores the prepared home does not have.
fn user_stores(running: &CarbonHome, prepared: &Prepared) -> Result<Option<Finding>, Missing> {
    let here = running.user_stores.read(Source::Installation, "the secondary user stores")?;
    if here.is_empty() {
        return Ok(None);
    }
    let there = prepared
        .home
        .user_stores
        .read(Source::Rehearsal, "the secondary user stores of the prepared home")?;
    let key = |store: &UserStoreFile| (store.tenant, store.file.clone());
    let copied: BTreeSet<_> = there.iter().map(key).collect();
    let lacking: Vec<String> = here
        .iter()
        .filter(|store| !copied.contains(&key(store)))
        .map(|store| {
            let directory = store.tenant.map_or_else(
                || "repository/deployment/server".to_owned(),
                |tenant| format!("repository/tenants/{tenant}"),
            );
            format!("{directory}/userstores/{}", store.file)
        })
        .collect();
    let count = lacking.len() as u64;
    Ok((count > 0).then(|| Finding {
        severity: Severity::Blocker,
        subject: "user-stores".to_owned(),
        summary: format!("{} not in {}", counted(count, "secondary user store"), prepared.place),
        observed: first_few(lacking.iter().map(String::as_str), count),
        required: format!("{} as in the running home", counted(here.len() as u64, "user store")),
        remedy: format!(
            "Copy the files to {}, and with them the keystore that decrypts the passwords in them: users of a store that is \
             missing cannot log in.",
            prepared.place
        ),
    }))
}

/// Directories of event streams and publishers of tenants, from releases that no longer use them.
fn events(case: &Case<'_>, prepared: &Prepared) -> Result<Option<Finding>, Missing> {
    if case.facts.product != Product::Wso2IdentityServer {
        return Ok(None);
    }
    let running = case.facts.installation()?.version.read(Source::Installation, "the running version")?;
    let until: ProductVersion = EVENTS_UNTIL.parse().expect("a literal version");
    if running.line() > until.line() || case.target.version.line() <= until.line() {
        return Ok(None);
    }
    let tenants = prepared.home.tenants.read(Source::Rehearsal, "the tenants of the prepared home")?;
    let with: Vec<String> = tenants.with_event_files.iter().map(ToString::to_string).collect();
    let count = with.len() as u64;
    Ok((count > 0).then(|| Finding {
        severity: Severity::Warning,
        subject: "event-directories".to_owned(),
        summary: format!("{} with event streams and publishers of {running} in the copy", counted(count, "tenant")),
        observed: format!("in {} of {}", tenants.place, first_few(with.iter().map(String::as_str), count)),
        required: format!("none from {EVENTS_UNTIL} or older"),
        remedy: format!(
            "Delete the directories eventpublishers and eventstreams of each tenant below {}; not in the running home.",
            tenants.place
        ),
    }))
}

/// Bundles of the running release among those of the new one.
fn old_bundles(case: &Case<'_>, prepared: &Prepared) -> Option<Finding> {
    let running = case.facts.installation().ok()?;
    let kernel_of = |of: &[crate::facts::Statement]| -> BTreeSet<String> {
        let of_bundles = of.iter().filter(|statement| statement.of == StatementOf::BundleVersion);
        of_bundles.filter_map(|statement| statement.says.value().cloned()).collect()
    };
    let (old, new) = (kernel_of(&running.statements), kernel_of(&prepared.statements));
    let kernel = match &prepared.home.kernel {
        Field::Read(kernel) => kernel.as_str(),
        Field::Unread(_) => return None,
    };
    let copied: Vec<&String> =
        new.iter().filter(|version| old.contains(*version) && version.as_str() != kernel).collect();
    let first = copied.first()?;
    Some(Finding {
        severity: Severity::Blocker,
        subject: "bundles".to_owned(),
        summary: format!("Bundles of the running release were copied to {}", prepared.place),
        observed: format!("org.wso2.carbon.core {first} in repository/components/plugins"),
        required: format!("only those of the kernel {kernel}"),
        remedy: format!(
            "Unpack the new release anew, and copy repository/deployment/server and repository/tenants alone; bundles of the \
             site's own go into repository/components/dropins of {}.",
            prepared.place
        ),
    })
}
