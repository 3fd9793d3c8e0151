//! The file system of any path, named as the facts on disks name it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Field, Role};

use super::mounts::{Mount, mount_of, parse_mounts};
use super::resolve;

/// Tells which file system a path is on.
///
/// A file system with several mount points is named by the one its directory of the instance has, so that a
/// backup and what it is of are seen to be on the same one.
#[derive(Debug)]
pub(in crate::collect) struct Whereabouts {
    mounts: Result<Vec<Mount>, String>,
    by_device: BTreeMap<String, PathBuf>,
}

impl Whereabouts {
    /// Reads the list of mounts; `directories` are those of the instance.
    pub(in crate::collect) fn read(directories: &[(Role, PathBuf)], mountinfo: &Path) -> Self {
        let mounts = std::fs::read(mountinfo).map(|text| parse_mounts(&text)).map_err(|error| {
            format!("the mounts of this host are listed in {}: {error}", mountinfo.display())
        });
        let mut by_device: BTreeMap<String, PathBuf> = BTreeMap::new();
        let known = mounts.as_deref().unwrap_or_default();
        for path in directories.iter().filter_map(|(_, path)| resolve(path).ok()) {
            let Some(mount) = mount_of(known, &path) else { continue };
            let name = by_device.entry(mount.device.clone()).or_insert_with(|| mount.point.clone());
            if mount.point.as_os_str().len() < name.as_os_str().len() {
                name.clone_from(&mount.point);
            }
        }
        Self { mounts, by_device }
    }

    /// The mount point of the file system a path is on.
    pub(in crate::collect) fn of(&self, path: &Path) -> Field<String> {
        let mount_point = || -> Result<String, String> {
            let mounts = self.mounts.as_ref().map_err(Clone::clone)?;
            let mount = mount_of(mounts, &resolve(path)?)
                .ok_or_else(|| format!("the list of mounts names none that {} is on", path.display()))?;
            Ok(self.by_device.get(&mount.device).unwrap_or(&mount.point).display().to_string())
        };
        mount_point().map_or_else(Field::Unread, Field::Read)
    }
}
