//! File systems of the instance, and the sizes of its directories.
//!
//! Directories in which nothing changed are not listed again at every look; what follows from that stands in `walk`. A network mount that does not answer holds up the look, not
//! the agent: the schedule gives it up, and no second one is begun beside it (see [`super::blocking`]).

mod filesystem;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod mounts;
mod remembered;
mod walk;
mod whereabouts;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use upgrade_readiness_checks::facts::{DirectorySize, Disk, Field, FileSystem, Place, Role, Section, Source};

use self::filesystem::{Located, merge, read_filesystem};
use self::mounts::parse_mounts;
use self::walk::{WalkError, measure};
pub(super) use self::whereabouts::Whereabouts;
use super::blocking::{Lookout, Stop};
use super::host::HostPaths;
use super::layout::Layout;
use super::{CollectError, Collector};
use crate::chain::Chain;

/// Looks at file systems and directories.
pub struct DiskCollector {
    layout: Arc<dyn Layout>,
    paths: HostPaths,
    cache_dir: Option<PathBuf>,
    lookout: Lookout,
}

impl DiskCollector {
    /// A collector for the host this program runs on.
    #[must_use]
    pub fn new(layout: Arc<dyn Layout>) -> Self {
        Self::with_paths(layout, HostPaths::default())
    }

    /// A collector that reads the list of mounts elsewhere.
    #[must_use]
    pub fn with_paths(layout: Arc<dyn Layout>, paths: HostPaths) -> Self {
        Self { layout, paths, cache_dir: None, lookout: Lookout::default() }
    }

    /// The same, remembering in this directory what it learned of directories.
    #[must_use]
    pub fn remembering_in(self, cache_dir: Option<PathBuf>) -> Self {
        Self { cache_dir, ..self }
    }
}

#[async_trait]
impl Collector for DiskCollector {
    fn source(&self) -> Source {
        Source::Disk
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let (layout, mountinfo) = (Arc::clone(&self.layout), self.paths.proc_dir.join("self/mountinfo"));
        let cache_dir = self.cache_dir.clone();
        self.lookout
            .run(move |stop| {
                let mut directories = layout.directories()?;
                directories.sort();
                Ok(Section::Disk(read_disk(&directories, &mountinfo, cache_dir.as_deref(), stop)))
            })
            .await
    }
}

/// Measures one directory; `memory` is the file with what was learned before, `now` is in seconds of Unix.
pub fn measure_directory(
    root: &Path,
    memory: Option<&Path>,
    now: i64,
    stop: &Stop,
) -> Result<DirectorySize, String> {
    measure(root, memory, now, stop).map_err(|error| Chain(&error).to_string())
}

fn read_disk(
    directories: &[(Role, PathBuf)],
    mountinfo: &Path,
    cache_dir: Option<&Path>,
    stop: &Stop,
) -> Disk {
    let mounts = std::fs::read(mountinfo)
        .map(|text| parse_mounts(&text))
        .map_err(|error| format!("the mounts of this host are listed in {}: {error}", mountinfo.display()));
    let resolved: Vec<_> = directories.iter().map(|(_, path)| resolve(path)).collect();
    let now = Timestamp::now().as_second();
    let sizes: Vec<_> = directories
        .iter()
        .zip(&resolved)
        .map(|((role, _), path)| read_size(*role, path, cache_dir, now, stop))
        .collect();
    let located: Vec<_> = resolved
        .iter()
        .map(|path| {
            read_filesystem(path.as_ref().map_err(Clone::clone)?, mounts.as_ref().map_err(Clone::clone)?)
        })
        .collect();
    let filesystems = merge(located.iter().flatten());
    let mount_point = |located: &Result<Located, String>| match located {
        Ok(located) => {
            let filesystem = filesystems.get(located.device.as_str()).unwrap_or(&located.filesystem);
            Field::Read(filesystem.mount_point.clone())
        }
        Err(why) => Field::Unread(why.clone()),
    };
    let places = directories.iter().zip(&located).zip(sizes).map(|(((role, path), located), size)| Place {
        role: *role,
        path: path.display().to_string(),
        mount_point: mount_point(located),
        size,
    });
    let places = places.collect();
    let mut filesystems: Vec<FileSystem> = filesystems.into_values().collect();
    filesystems.sort_by(|a, b| a.mount_point.cmp(&b.mount_point));
    Disk { filesystems, places }
}

/// The path without links, or why it cannot be told.
fn resolve(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "{}: {error}. Let the agent's user pass the directories above it: setfacl -m u:{uid}:x {closed}",
            path.display(),
            uid = rustix::process::getuid().as_raw(),
            closed = closed_door(path).display(),
        ),
        _ => format!("{}: {error}", path.display()),
    })
}

/// The lowest directory above a path that can still be seen: it is the one that lets nobody through.
fn closed_door(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok()).unwrap_or(path)
}

fn read_size(
    role: Role,
    path: &Result<PathBuf, String>,
    cache_dir: Option<&Path>,
    now: i64,
    stop: &Stop,
) -> Field<DirectorySize> {
    match role {
        Role::InstallationParent | Role::HomeParent => {
            return Field::Unread(format!(
                "not measured: of the {} only the file system matters",
                role.name()
            ));
        }
        Role::Installation | Role::Home | Role::SharedHome | Role::Attachments | Role::Index => {}
    }
    let memory = cache_dir.map(|directory| directory.join(format!("disk-{role:?}").to_lowercase()));
    match path {
        Ok(path) => measure(path, memory.as_deref(), now, stop)
            .map_or_else(|error| unread_size(path, &error), Field::Read),
        Err(why) => Field::Unread(why.clone()),
    }
}

fn unread_size(root: &Path, error: &WalkError) -> Field<DirectorySize> {
    let story = Chain(error);
    Field::Unread(if error.is_denied() {
        format!(
            "{story}. Let the agent's user see the tree, now and later: \
             setfacl -R -m u:{uid}:rX {root} && setfacl -R -d -m u:{uid}:rX {root}",
            uid = rustix::process::getuid().as_raw(),
            root = root.display(),
        )
    } else {
        story.to_string()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use upgrade_readiness_checks::facts::FailureKind;

    use super::*;
    use crate::collect::process::fixture::{FakeLayout, open_up};
    use crate::collect::unprivileged::as_another_user;

    fn layout(directories: Option<Vec<(Role, PathBuf)>>) -> Arc<FakeLayout> {
        Arc::new(FakeLayout { directories, ..FakeLayout::default() })
    }

    fn unread<T: std::fmt::Debug>(field: &Field<T>) -> &str {
        match field {
            Field::Read(value) => panic!("read: {value:?}"),
            Field::Unread(why) => why,
        }
    }

    /// Reads directories with mounts as a test puts them.
    fn read(directories: &[(Role, PathBuf)], mountinfo: &str) -> Disk {
        let list = tempfile::NamedTempFile::new().unwrap();
        fs::write(list.path(), mountinfo).unwrap();
        read_disk(directories, list.path(), None, &Stop::default())
    }

    #[tokio::test]
    async fn directories_are_measured_on_the_real_host() {
        let tree = tempfile::tempdir().unwrap();
        let (home, install) = (tree.path().join("home"), tree.path().join("install"));
        for directory in [&home, &install] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(home.join("a"), [b'x'; 4321]).unwrap();
        let directories = vec![
            (Role::Index, home.join("index")),
            (Role::HomeParent, tree.path().to_owned()),
            (Role::Home, home),
            (Role::Installation, install),
        ];
        let collector = DiskCollector::new(layout(Some(directories)));
        assert_eq!(collector.source(), Source::Disk);
        let Section::Disk(disk) = collector.collect().await.unwrap() else { panic!("disk facts") };

        let roles: Vec<Role> = disk.places.iter().map(|place| place.role).collect();
        assert_eq!(roles, [Role::Installation, Role::Home, Role::HomeParent, Role::Index]);
        let home = disk.place(Role::Home).unwrap();
        assert_eq!(home.size, Field::Read(DirectorySize { bytes: 4321, entries: 1 }));
        assert!(unread(&disk.place(Role::HomeParent).unwrap().size).contains("not measured"));
        let index = disk.place(Role::Index).unwrap();
        assert!(unread(&index.size).contains("home/index"), "not there is not empty");
        assert!(matches!(index.mount_point, Field::Unread(_)));

        assert_eq!(disk.filesystems.len(), 1, "{:?}", disk.filesystems);
        let filesystem = disk.filesystem(home.mount_point.value().unwrap()).unwrap();
        assert!(filesystem.total_bytes > 0 && filesystem.free_bytes <= filesystem.total_bytes);
        assert!(!filesystem.read_only);
    }

    #[tokio::test]
    async fn an_unknown_layout_fails_the_source() {
        let collector = DiskCollector::new(layout(None));
        assert_eq!(collector.collect().await.unwrap_err().kind(), FailureKind::Absent);
        let none = DiskCollector::new(layout(Some(Vec::new())));
        let Section::Disk(disk) = none.collect().await.unwrap() else { panic!("disk facts") };
        assert_eq!(disk, Disk { filesystems: Vec::new(), places: Vec::new() });
    }

    #[test]
    fn a_file_system_with_two_mount_points_counts_once() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path().canonicalize().unwrap();
        let (home, install) = (root.join("home"), root.join("install"));
        for directory in [&home, &install] {
            fs::create_dir(directory).unwrap();
        }
        symlink(&home, root.join("link")).unwrap();
        let mounts = |home_device: &str| {
            format!(
                "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / {root} rw - ext4 /dev/b rw\n\
                 3 2 {home_device} / {root}/home rw - ext4 /dev/c rw\n",
                root = root.display()
            )
        };
        // The home is given by a link that stands on the other file system.
        let directories = [(Role::Installation, install), (Role::Home, root.join("link"))];
        let points = |disk: &Disk| -> Vec<String> {
            disk.places.iter().map(|place| place.mount_point.value().unwrap().clone()).collect()
        };

        let apart = read(&directories, &mounts("8:3"));
        assert_eq!(points(&apart), [root.display().to_string(), root.join("home").display().to_string()]);
        assert_eq!(apart.filesystems.len(), 2);
        assert!(apart.filesystems.is_sorted_by_key(|filesystem| filesystem.mount_point.clone()));

        let bound = read(&directories, &mounts("8:2"));
        assert_eq!(points(&bound), [root.display().to_string(), root.display().to_string()]);
        assert_eq!(bound.filesystems.len(), 1, "its free bytes must not be promised twice");
    }

    #[test]
    fn without_a_list_of_mounts_sizes_are_still_there() {
        let tree = tempfile::tempdir().unwrap();
        let directories = [(Role::Home, tree.path().to_owned())];
        let missing = read_disk(&directories, &tree.path().join("mountinfo"), None, &Stop::default());
        for disk in [missing, read(&directories, ""), read(&directories, "<html>")] {
            assert!(matches!(disk.places[0].mount_point, Field::Unread(_)));
            assert!(matches!(disk.places[0].size, Field::Read(_)));
            assert!(disk.filesystems.is_empty());
        }
    }

    #[test]
    fn who_may_not_look_learns_which_right_is_lacking() {
        let tree = tempfile::tempdir().unwrap();
        open_up(tree.path());
        let root = tree.path().canonicalize().unwrap();
        let (closed, home) = (root.join("closed"), root.join("closed/deep/home"));
        fs::create_dir_all(&home).unwrap();
        fs::create_dir_all(root.join("part/locked")).unwrap();
        for path in [&closed, &root.join("part/locked")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        }
        let directories = [(Role::Home, home), (Role::Attachments, root.join("part"))];
        let mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n";
        let disk =
            as_another_user(|| read_disk(&directories, &root.join("mountinfo"), None, &Stop::default()));
        let why = unread(&disk.places[0].size);
        assert!(why.ends_with(&format!(":x {}", closed.display())), "{why}");
        let why = unread(&disk.places[1].size);
        assert!(why.contains("part/locked") && why.contains("setfacl -R -m u:"), "{why}");
        for path in [&closed, &root.join("part/locked")] {
            open_up(path);
        }
        assert!(read(&directories, mounts).places.iter().all(|place| place.size.value().is_some()));
    }
}
