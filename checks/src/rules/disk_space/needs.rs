//! What the upgrade writes, and to which file system.

use crate::facts::{DirectorySize, Disk, Family, FileSystem, Missing, Place, Role, Search, Source};
use crate::model::Case;

/// One thing the upgrade writes.
#[derive(Debug)]
pub(super) struct Need<'a> {
    /// Where it goes.
    pub(super) mount_point: &'a str,
    /// What it is, to be read after "for".
    pub(super) what: &'static str,
    /// The key of the policy that says how much of it there is.
    pub(super) setting: &'static str,
    /// The directory whose size decides, or that it goes to.
    pub(super) of: &'a str,
    /// Its size.
    pub(super) bytes: u64,
    /// Files and directories it consists of.
    pub(super) entries: u64,
}

/// All the upgrade writes, as far as it could be reckoned.
#[derive(Debug)]
pub(super) struct Needs<'a> {
    pub(super) needs: Vec<Need<'a>>,
    /// What could not be seen.
    pub(super) missing: Vec<Missing>,
}

/// Reckons what the upgrade writes; a part the policy sets to nothing needs no facts.
pub(super) fn reckon<'a>(case: &Case<'a>, disk: &'a Disk) -> Needs<'a> {
    let parts = match case.facts.product.family() {
        Family::Confluence => {
            vec![installation(case, disk), home(case, disk), index(case, disk), recovery(case, disk)]
        }
        // The product home is the installation; its copy and the new release stand beside it. The copy of the database
        // is on its server.
        Family::Carbon => vec![installation(case, disk)],
    };
    let mut needs = Vec::new();
    let mut missing = Vec::new();
    for part in parts {
        match part {
            Ok(need) => needs.extend(need),
            Err(reason) => missing.push(reason),
        }
    }
    // Read-only file systems and the reserve are judged for all of them, also where nothing is written.
    missing.extend(disk.places.iter().filter_map(|place| filesystem_of(disk, place).err()));
    Needs { needs, missing }
}

type Part<'a> = Result<Option<Need<'a>>, Missing>;

/// The installer always packs the old installation, and unpacks the new one beside it.
fn installation<'a>(case: &Case<'a>, disk: &'a Disk) -> Part<'a> {
    let copies = case.policy.disk_installation_copies;
    if copies == 0 {
        return Ok(None);
    }
    let (place, size) = sized(disk, Role::Installation)?;
    let target = filesystem_of(disk, place_of(disk, Role::InstallationParent)?)?;
    Ok(Some(Need {
        mount_point: &target.mount_point,
        what: "the backup of the installation and the new program",
        setting: "disk_installation_copies",
        of: &place.path,
        bytes: size.bytes.saturating_mul(copies.into()),
        entries: size.entries, // a backup is one file; only the new program is many
    }))
}

/// The installer packs the home when asked to, with all that is in it, also what is mounted into it.
fn home<'a>(case: &Case<'a>, disk: &'a Disk) -> Part<'a> {
    let copies = case.policy.disk_home_copies;
    if copies == 0 {
        return Ok(None);
    }
    let (place, size) = sized(disk, Role::Home)?;
    let mut total = size.bytes;
    for role in [Role::Attachments, Role::Index] {
        let Some(part) = disk.place(role) else { continue };
        // The size of the home does not reach into other file systems.
        let elsewhere = filesystem_of(disk, part)?.mount_point != filesystem_of(disk, place)?.mount_point;
        if elsewhere && is_below(&part.path, &place.path) {
            total = total.saturating_add(sized(disk, role)?.1.bytes);
        }
    }
    let target = filesystem_of(disk, place_of(disk, Role::HomeParent)?)?;
    Ok(Some(Need {
        mount_point: &target.mount_point,
        what: "the backup of the home",
        setting: "disk_home_copies",
        of: &place.path,
        bytes: total.saturating_mul(copies.into()),
        entries: copies.into(),
    }))
}

/// Copies of the index stand beside it while it is split and rebuilt.
/// <https://ja.confluence.atlassian.com/confkb/startup-check-split-index-migration-1004960943.html>
fn index<'a>(case: &Case<'a>, disk: &'a Disk) -> Part<'a> {
    let copies = u64::from(case.policy.disk_index_copies);
    if copies == 0 {
        return Ok(None);
    }
    match &case.facts.installation()?.search {
        Search::OpenSearch | Search::None => Ok(None),
        Search::Lucene { .. } => {
            let (place, size) = sized(disk, Role::Index)?;
            Ok(Some(Need {
                mount_point: &filesystem_of(disk, place)?.mount_point,
                what: "copies of the index",
                setting: "disk_index_copies",
                of: &place.path,
                bytes: size.bytes.saturating_mul(copies),
                entries: size.entries.saturating_mul(copies),
            }))
        }
    }
}

/// The upgrade writes the database into the home before it changes anything.
fn recovery<'a>(case: &Case<'a>, disk: &'a Disk) -> Part<'a> {
    let percent = case.policy.disk_recovery_percent_of_database;
    if percent == 0 {
        return Ok(None);
    }
    let size = case.facts.database()?.size_bytes.read(Source::Database, "the size of the database")?;
    let place = place_of(disk, Role::Home)?;
    Ok(Some(Need {
        mount_point: &filesystem_of(disk, place)?.mount_point,
        what: "the recovery dump of the database",
        setting: "disk_recovery_percent_of_database",
        of: &place.path,
        bytes: super::percent_of(*size, percent),
        entries: 1,
    }))
}

fn place_of(disk: &Disk, role: Role) -> Result<&Place, Missing> {
    disk.place(role).ok_or_else(|| Missing::Unread {
        of: Source::Disk,
        what: format!("the {}", role.name()),
        why: "it is not among the directories that were looked at".to_owned(),
    })
}

fn sized(disk: &Disk, role: Role) -> Result<(&Place, DirectorySize), Missing> {
    let place = place_of(disk, role)?;
    let what = format!("the size of the {}, {},", role.name(), place.path);
    Ok((place, *place.size.read(Source::Disk, &what)?))
}

fn filesystem_of<'a>(disk: &'a Disk, place: &Place) -> Result<&'a FileSystem, Missing> {
    let what = format!("the file system of {}", place.path);
    let mount_point = place.mount_point.read(Source::Disk, &what)?;
    disk.filesystem(mount_point).ok_or_else(|| Missing::Unread {
        of: Source::Disk,
        what,
        why: format!("nothing is known of {mount_point}"),
    })
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}
