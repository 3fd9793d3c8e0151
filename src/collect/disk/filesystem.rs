//! What a file system says of its room.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::StatVfs;
use upgrade_readiness_checks::facts::FileSystem;

use super::mounts::{Mount, mount_of};

/// A file system as one directory on it shows it.
pub(super) struct Located {
    /// Number of the device; one file system may be mounted at several places.
    pub(super) device: String,
    /// What it says.
    pub(super) filesystem: FileSystem,
}

/// Asks the file system a directory is on. With quotas for directories, the answer is this directory's.
pub(super) fn read_filesystem(path: &Path, mounts: &[Mount]) -> Result<Located, String> {
    let mount = mount_of(mounts, path)
        .ok_or_else(|| format!("the list of mounts names none that {} is on", path.display()))?;
    let figures = rustix::fs::statvfs(path)
        .map_err(|error| format!("asking the file system at {}: {error}", mount.point.display()))?;
    Ok(Located { device: mount.device.clone(), filesystem: filesystem(mount, &figures) })
}

fn filesystem(mount: &Mount, figures: &StatVfs) -> FileSystem {
    let unit = if figures.f_frsize == 0 { figures.f_bsize } else { figures.f_frsize };
    let counts_files = figures.f_files > 0;
    FileSystem {
        mount_point: mount.point.display().to_string(),
        kind: mount.kind.clone(),
        total_bytes: figures.f_blocks.saturating_mul(unit),
        free_bytes: figures.f_bavail.saturating_mul(unit),
        inodes_total: counts_files.then_some(figures.f_files),
        inodes_free: counts_files.then_some(figures.f_favail),
        read_only: mount.read_only,
    }
}

/// Each file system once: under its shortest mount point, with the least room any directory on it has.
pub(super) fn merge<'a>(located: impl Iterator<Item = &'a Located>) -> BTreeMap<&'a str, FileSystem> {
    let mut filesystems: BTreeMap<_, FileSystem> = BTreeMap::new();
    for located in located {
        let seen = &located.filesystem;
        let known = filesystems.entry(located.device.as_str()).or_insert_with(|| seen.clone());
        if seen.mount_point.len() < known.mount_point.len() {
            known.mount_point.clone_from(&seen.mount_point);
        }
        known.total_bytes = known.total_bytes.min(seen.total_bytes);
        known.free_bytes = known.free_bytes.min(seen.free_bytes);
        known.inodes_free = known.inodes_free.min(seen.inodes_free);
    }
    filesystems
}

#[cfg(test)]
mod tests {
    use super::super::mounts::parse_mounts;
    use super::*;

    #[test]
    fn figures_are_turned_into_bytes() {
        let mount = parse_mounts(b"1 0 8:1 / / ro - vfat /dev/a ro").remove(0);
        let mut figures = rustix::fs::statvfs("/").unwrap();
        (figures.f_bsize, figures.f_frsize) = (65_536, 512);
        (figures.f_blocks, figures.f_bfree, figures.f_bavail) = (100, 50, 40);
        (figures.f_files, figures.f_ffree, figures.f_favail) = (0, 0, 0);
        let expected = FileSystem {
            mount_point: "/".into(),
            kind: "vfat".into(),
            total_bytes: 51_200,
            free_bytes: 20_480,
            inodes_total: None,
            inodes_free: None,
            read_only: true,
        };
        assert_eq!(filesystem(&mount, &figures), expected);

        (figures.f_frsize, figures.f_bavail, figures.f_files, figures.f_favail) = (0, u64::MAX, 9, 3);
        let counted = filesystem(&mount, &figures);
        assert_eq!((counted.inodes_total, counted.inodes_free), (Some(9), Some(3)));
        assert_eq!((counted.total_bytes, counted.free_bytes), (6_553_600, u64::MAX));
    }

    #[test]
    fn one_file_system_has_its_shortest_mount_point_and_its_least_room() {
        let seen = |device: &str, mount_point: &str, free_bytes| Located {
            device: device.into(),
            filesystem: FileSystem {
                mount_point: mount_point.into(),
                kind: "xfs".into(),
                total_bytes: 100,
                free_bytes,
                inodes_total: Some(10),
                inodes_free: Some(free_bytes),
                read_only: false,
            },
        };
        let all = [seen("8:1", "/srv/home", 7), seen("8:2", "/opt", 1), seen("8:1", "/srv", 9)];
        let merged = merge(all.iter());
        let seen: Vec<_> =
            merged.values().map(|one| (one.mount_point.as_str(), one.free_bytes, one.inodes_free)).collect();
        assert_eq!(seen, [("/srv", 7, Some(7)), ("/opt", 1, Some(1))]);
    }
}
