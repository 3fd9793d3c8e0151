//! Has every file system room for what the upgrade writes?
//!
//! What it writes, and where, is reckoned in `needs`.

mod needs;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use needs::{Need, Needs};

use super::units::{bytes, percent_of};
use crate::facts::{Disk, FileSystem, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "disk-space",
    title: "Room for the upgrade on every file system",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Disk, Source::Installation, Source::Database],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

For each file system the instance lives on, what the upgrade writes there beside what is free:

- beside the installation: the installer's backup of it, and the new program;
- beside the home: the installer's backup of the home, with the attachments that are kept in it;
- with the index: copies of it, while it is split and rebuilt (not with an external OpenSearch);
- in the home: the recovery dump of the database.

Of a WSO2 Carbon product it is the first alone: the product home is the installation, a copy of it is made and the new \
release is unpacked beside it.

It also looks at how many files can still be made, at file systems mounted read-only, and at the part that should stay \
free afterwards. The sizes are those of today: backups are reckoned as large as what they hold, because attachments \
hardly shrink.

## Why it matters

A disk that fills up in the middle leaves a half-copied program or half-changed data, and the only way back is to restore \
everything. The startup check on the index alone stops the start when there is no room: \
<https://ja.confluence.atlassian.com/confkb/startup-check-split-index-migration-1004960943.html>. The installer always \
packs the old installation, and the home when asked to, into archives beside them.

## How to fix it

Add space, or free some: old archives beside the installation, `backups`, `temp`, `restore` and old `logs` in the home. \
Where one of the parts does not happen here, say so under `[policy]`: no backup of the home by the installer \
(`disk_home_copies = 0`), no recovery dump because `-Dconfluence.upgrade.recovery.file.enabled=false` is set and a \
dump of the database exists (`disk_recovery_percent_of_database = 0`).

## What it needs

The agent on the host of the instance, with the right to walk through home and installation (group membership, or \
`CAP_DAC_READ_SEARCH`); read access to `confluence.cfg.xml`; the size of the database, which the database server tells.

## Settings

`disk_reserve_percent`, `disk_installation_copies`, `disk_home_copies`, `disk_index_copies` and \
`disk_recovery_percent_of_database`.
";

/// What the upgrade writes to one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountNeed {
    /// Where the file system is mounted.
    pub mount_point: String,
    /// What the upgrade writes there; the part that should stay free is not in it.
    pub required_bytes: u64,
}

/// What the upgrade writes to each file system the instance lives on, by mount point; for metrics.
///
/// Empty when a size that counts could not be read: a sum with a part missing would look like good news.
#[must_use]
pub fn requirements_by_mount(case: &Case<'_>) -> Vec<MountNeed> {
    let Ok(disk) = case.facts.disk() else { return Vec::new() };
    let Needs { needs, missing } = needs::reckon(case, disk);
    if !missing.is_empty() {
        return Vec::new();
    }
    let mut sums: BTreeMap<&str, u64> =
        disk.filesystems.iter().map(|filesystem| (filesystem.mount_point.as_str(), 0)).collect();
    for need in &needs {
        let sum = sums.entry(need.mount_point).or_default();
        *sum = sum.saturating_add(need.bytes);
    }
    let need = |(mount_point, required_bytes): (&str, u64)| MountNeed {
        mount_point: mount_point.to_owned(),
        required_bytes,
    };
    sums.into_iter().map(need).collect()
}

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let disk = case.facts.disk()?;
    let Needs { needs, missing } = needs::reckon(case, disk);
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for filesystem in &disk.filesystems {
        let here: Vec<&Need<'_>> =
            needs.iter().filter(|need| need.mount_point == filesystem.mount_point).collect();
        let needed = here.iter().fold(0, |sum: u64, need| sum.saturating_add(need.bytes));
        let FileSystem { mount_point, free_bytes, .. } = filesystem;
        seen.push(format!("{mount_point} has {} free for {}", bytes(*free_bytes), bytes(needed)));
        if let Some(finding) = read_only(disk, filesystem) {
            found.push(finding);
            continue;
        }
        found.extend(space(case, filesystem, needed, &here));
        found.extend(inodes(filesystem, &here));
    }
    conclude(seen.join(", "), found, missing)
}

fn read_only(disk: &Disk, filesystem: &FileSystem) -> Option<Finding> {
    let mount_point = &filesystem.mount_point;
    let place = disk.places.iter().find(|place| place.mount_point.value() == Some(mount_point))?;
    filesystem.read_only.then(|| Finding {
        severity: Severity::Blocker,
        subject: mount_point.clone(),
        summary: format!("The {} is on {mount_point}, which is mounted read-only", place.role.name()),
        observed: format!("{} mounted read-only", filesystem.kind),
        required: "a file system that can be written to".to_owned(),
        remedy: format!(
            "Find out why it is read-only (`dmesg` names errors of the disk, /etc/fstab the option), then run as root \
             `mount -o remount,rw {mount_point}`."
        ),
    })
}

fn space(case: &Case<'_>, filesystem: &FileSystem, needed: u64, here: &[&Need<'_>]) -> Option<Finding> {
    let FileSystem { mount_point, free_bytes, total_bytes, .. } = filesystem;
    let reserve = percent_of(*total_bytes, case.policy.disk_reserve_percent);
    let (severity, summary, lacking) = match free_bytes.checked_sub(needed) {
        None => (
            Severity::Blocker,
            format!(
                "The upgrade writes {} to {mount_point} and {} are free",
                bytes(needed),
                bytes(*free_bytes)
            ),
            needed.saturating_sub(*free_bytes),
        ),
        Some(left) if left < reserve => (
            Severity::Warning,
            format!("Only {} of {mount_point} would stay free after the upgrade", bytes(left)),
            reserve.saturating_sub(left),
        ),
        Some(_) => return None,
    };
    Some(Finding {
        severity,
        subject: mount_point.clone(),
        summary,
        observed: format!("{} free of {}", bytes(*free_bytes), bytes(*total_bytes)),
        required: required(here, reserve),
        remedy: format!(
            "Free or add {} on {mount_point}{}. Old archives of former upgrades and the folders backups, temp, restore and \
             logs of the home are the first places to look.{}",
            bytes(lacking),
            largest(here),
            settings(here)
        ),
    })
}

fn required(here: &[&Need<'_>], reserve: u64) -> String {
    let parts = here.iter().map(|need| format!("{} for {}", bytes(need.bytes), need.what));
    let reserve = (reserve > 0).then(|| format!("{} to stay free", bytes(reserve)));
    parts.chain(reserve).collect::<Vec<_>>().join(", ")
}

/// How to look for the largest folders of the directory that needs most here.
fn largest(here: &[&Need<'_>]) -> String {
    let most = here.iter().max_by_key(|need| need.bytes);
    most.map_or_else(String::new, |need| format!(" (`du -xh -d 2 {} | sort -h | tail`)", need.of))
}

/// Which part can be said not to happen here.
fn settings(here: &[&Need<'_>]) -> String {
    if here.is_empty() {
        return String::new();
    }
    let keys: Vec<&str> = here.iter().map(|need| need.setting).collect();
    format!(" A part that does not happen here can be set to 0 under [policy]: {}.", keys.join(", "))
}

fn inodes(filesystem: &FileSystem, here: &[&Need<'_>]) -> Option<Finding> {
    let needed = here.iter().fold(0, |sum: u64, need| sum.saturating_add(need.entries));
    let free = filesystem.inodes_free.filter(|free| *free < needed)?;
    let mount_point = &filesystem.mount_point;
    Some(Finding {
        severity: Severity::Blocker,
        subject: format!("{mount_point} inodes"),
        summary: format!(
            "The upgrade makes {needed} files on {mount_point}, where only {free} more can be made"
        ),
        observed: format!("{free} free inodes"),
        required: format!("{needed} free inodes"),
        remedy: format!(
            "Remove files that are not needed on {mount_point} (`df -i {mount_point}` counts them; temp and plugins-cache \
             folders of the home hold many), or move it to a file system with more inodes."
        ),
    })
}
