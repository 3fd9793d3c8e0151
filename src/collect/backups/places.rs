//! Finding the files and directories that a place of the configuration names.
//!
//! Written here and not left to a library, because what cannot be looked into must be said, names that are no
//! text must be found too, and nothing may lead in circles.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use glob::{MatchOptions, Pattern};

use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;

/// Names that are looked at in all places of a kind.
const MOST_ENTRIES: usize = 200_000;

/// Directories that `**` reaches down.
const DEEPEST: usize = 16;

/// Candidates that are kept: only the newest matter.
const MOST_KEPT: usize = 2_000;

/// What the things a place names are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceForm {
    /// Files; of a directory, the files in it.
    #[default]
    Files,
    /// Directories, each of which is a backup itself: a copy that rsync keeps, a snapshot.
    Directory,
}

/// Something that may be a backup.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) modified: SystemTime,
    pub(super) bytes: u64,
    /// It was named by a path or pattern, and not only found in a directory.
    pub(super) named: bool,
    pub(super) directory: bool,
}

/// Everything that places name, the newest first; or why a place could not be looked into.
pub(super) fn find(places: &[String], form: PlaceForm, stop: &Stop) -> Result<Vec<Candidate>, String> {
    let mut search =
        Search { form, stop, seen: BTreeSet::new(), entries: 0, found: Vec::new(), other_directories: 0 };
    for place in places {
        search.place(place)?;
    }
    search.prune();
    if search.found.is_empty() && search.other_directories > 0 {
        return Err(format!(
            "there are only directories in {}; if each of them is a backup, set form = \"directory\", and if backups \
             lie in them, write the place as a pattern such as \"{}/**/*\"",
            places.join(", "),
            places.first().map_or("", |place| place.trim_end_matches('/')),
        ));
    }
    Ok(search.found)
}

struct Search<'a> {
    form: PlaceForm,
    stop: &'a Stop,
    /// Device and inode: a link to the newest backup is no other backup.
    seen: BTreeSet<(u64, u64)>,
    entries: usize,
    found: Vec<Candidate>,
    other_directories: usize,
}

impl Search<'_> {
    fn place(&mut self, place: &str) -> Result<(), String> {
        let parts: Vec<&str> = place.split('/').filter(|part| !part.is_empty()).collect();
        let plain = parts.iter().take_while(|part| !is_pattern(part)).count();
        let (base, rest) = parts.split_at(plain);
        let base = PathBuf::from(format!("/{}", base.join("/")));
        let metadata = fs::metadata(&base).map_err(|error| unreachable(&base, &error))?;
        if rest.is_empty() {
            return self.named(&base, &metadata);
        }
        if !metadata.is_dir() {
            return Err(format!("{} is not a directory, and {place} looks into it", base.display()));
        }
        self.descend(&base, rest, 0)
    }

    fn descend(&mut self, directory: &Path, rest: &[&str], depth: usize) -> Result<(), String> {
        let Some((part, after)) = rest.split_first() else { return Ok(()) };
        if *part == "**" {
            if after.is_empty() {
                return self.descend(directory, &["**", "*"], depth);
            }
            self.descend(directory, after, depth)?;
            if depth >= DEEPEST {
                return Err(format!("{} is nested deeper than {DEEPEST} directories", directory.display()));
            }
            for (path, kind) in self.list(directory)? {
                // A link could lead in a circle; what it leads to has a name of its own.
                if kind.is_dir() {
                    self.descend(&path, rest, depth + 1)?;
                }
            }
            return Ok(());
        }
        let pattern = Pattern::new(part).map_err(|error| format!("{part:?} is not a pattern: {error}"))?;
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
        for (path, _) in self.list(directory)? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !pattern.matches_with(&name, options) {
                continue;
            }
            let Some(metadata) = visible(&path)? else { continue };
            if after.is_empty() {
                self.found_by_pattern(&path, &metadata);
            } else if metadata.is_dir() {
                self.descend(&path, after, depth + 1)?;
            }
        }
        Ok(())
    }

    fn list(&mut self, directory: &Path) -> Result<Vec<(PathBuf, fs::FileType)>, String> {
        let mut listed = Vec::new();
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
            entries => entries.map_err(|error| unreachable(directory, &error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| unreachable(directory, &error))?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(format!(
                    "there are more than {MOST_ENTRIES} names to look at; write a narrower pattern than the one for {}",
                    directory.display()
                ));
            }
            if self.stop.is_wanted() {
                return Err("nobody waited for the result any more".to_owned());
            }
            if let Ok(kind) = entry.file_type() {
                listed.push((entry.path(), kind));
            }
        }
        Ok(listed)
    }

    /// A place that names one thing: what it is not, is said.
    fn named(&mut self, path: &Path, metadata: &Metadata) -> Result<(), String> {
        let shown = path.display();
        match self.form {
            PlaceForm::Directory if metadata.is_dir() => self.add(path, metadata, true),
            PlaceForm::Directory => return Err(format!("{shown} is {}, not a directory", what(metadata))),
            PlaceForm::Files if metadata.is_file() => self.add(path, metadata, true),
            PlaceForm::Files if metadata.is_dir() => self.files_in(path)?,
            PlaceForm::Files => return Err(format!("{shown} is {}, not a file", what(metadata))),
        }
        Ok(())
    }

    fn found_by_pattern(&mut self, path: &Path, metadata: &Metadata) {
        match self.form {
            PlaceForm::Directory if metadata.is_dir() => self.add(path, metadata, true),
            PlaceForm::Files if metadata.is_file() => self.add(path, metadata, true),
            PlaceForm::Files if metadata.is_dir() => self.other_directories += 1,
            // Pipes, sockets and devices are no backups.
            PlaceForm::Files | PlaceForm::Directory => {}
        }
    }

    fn files_in(&mut self, directory: &Path) -> Result<(), String> {
        for (path, _) in self.list(directory)? {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let Some(metadata) = visible(&path)?.filter(|_| !hidden) else { continue };
            if metadata.is_file() {
                self.add(&path, &metadata, false);
            } else if metadata.is_dir() {
                self.other_directories += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, metadata: &Metadata, named: bool) {
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        self.found.push(Candidate {
            path: path.to_owned(),
            stamp: Stamp::of(metadata),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            bytes: if metadata.is_dir() { 0 } else { metadata.len() },
            named,
            directory: metadata.is_dir(),
        });
        if self.found.len() > 4 * MOST_KEPT {
            self.prune();
        }
    }

    fn prune(&mut self) {
        self.found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| b.path.cmp(&a.path)));
        self.found.truncate(MOST_KEPT);
    }
}

fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// `None` for what vanished, and for links that lead nowhere or in a circle.
fn visible(path: &Path) -> Result<Option<Metadata>, String> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || is_loop(&error) => Ok(None),
        Err(error) => Err(unreachable(path, &error)),
    }
}

fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn what(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_file() {
        "a file"
    } else {
        "a device"
    }
}

fn unreachable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{shown} is not there. Is the disk mounted that it is on, and the place spelled right?")
        }
        io::ErrorKind::PermissionDenied => {
            let closed =
                path.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok()).unwrap_or(path);
            let uid = rustix::process::getuid().as_raw();
            let door = if path.symlink_metadata().is_ok() { path } else { closed };
            format!(
                "{shown}: {error}. Let the agent's user look into it: setfacl -m u:{uid}:rx {}",
                door.display()
            )
        }
        _ => format!("{shown}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::collect::process::fixture::open_up;
    use crate::collect::unprivileged::as_another_user;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn with(files: &[&str]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            open_up(tree.0.path());
            for file in files {
                let path = tree.path(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, file).unwrap();
            }
            tree
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn place(&self, place: &str) -> String {
            self.path(place).display().to_string()
        }

        fn find(&self, place: &str, form: PlaceForm) -> Result<Vec<String>, String> {
            let root = self.0.path();
            let found = find(&[self.place(place)], form, &Stop::default())?;
            let mut names: Vec<String> = found
                .iter()
                .map(|one| one.path.strip_prefix(root).unwrap().to_string_lossy().into_owned())
                .collect();
            names.sort();
            Ok(names)
        }

        fn files(&self, place: &str) -> Vec<String> {
            self.find(place, PlaceForm::Files).unwrap()
        }

        fn fails(&self, place: &str) -> String {
            self.find(place, PlaceForm::Files).unwrap_err()
        }
    }

    #[test]
    fn paths_patterns_and_directories_name_files() {
        let tree = Tree::with(&["a.zip", "b.zip", ".c.zip", "n.txt", "deep/d.zip", "deep/er/e.zip"]);
        assert_eq!(tree.files("a.zip"), ["a.zip"]);
        assert_eq!(tree.files("*.zip"), ["a.zip", "b.zip"], "hidden ones are being written by somebody");
        assert_eq!(tree.files("[ab].zip"), ["a.zip", "b.zip"]);
        assert_eq!(tree.files(""), ["a.zip", "b.zip", "n.txt"], "the files of a directory, not those below");
        assert_eq!(tree.files("*/*.zip"), ["deep/d.zip"]);
        assert_eq!(tree.files("**/*.zip"), ["a.zip", "b.zip", "deep/d.zip", "deep/er/e.zip"]);
        assert_eq!(tree.files("deep/**"), ["deep/d.zip", "deep/er/e.zip"]);
        assert!(tree.files("x*").is_empty(), "looked, there is none");
        assert_eq!(tree.find("d*", PlaceForm::Directory).unwrap(), ["deep"]);
        assert_eq!(tree.find("deep/er", PlaceForm::Directory).unwrap(), ["deep/er"]);
    }

    #[test]
    fn what_cannot_be_looked_into_is_said() {
        let tree = Tree::with(&["a.zip", "only/dirs/x"]);
        assert!(tree.fails("gone/*.zip").contains("is not there"));
        assert!(tree.fails("gone.zip").contains("mounted"));
        assert!(tree.fails("a.zip/*").contains("is not a directory"));
        assert!(tree.fails("only").contains("form = \"directory\""));
        assert!(tree.find("a.zip", PlaceForm::Directory).unwrap_err().contains("is a file"));
        symlink(tree.path("loop"), tree.path("loop")).unwrap();
        assert!(tree.fails("loop").contains("loop"));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            tree.path("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert!(tree.fails("pipe").contains("is a pipe"));
        assert_eq!(tree.files("*"), ["a.zip"], "neither pipes nor circles nor directories");

        fs::create_dir(tree.path("closed")).unwrap();
        fs::set_permissions(tree.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        let why = as_another_user(|| tree.fails("closed/*.zip"));
        assert!(why.contains("setfacl -m u:") && why.ends_with("/closed"), "{why}");
        open_up(&tree.path("closed"));
    }

    #[test]
    fn links_lead_once_and_never_in_circles() {
        let tree = Tree::with(&["a/x.zip"]);
        symlink(tree.path("a/x.zip"), tree.path("a/latest.zip")).unwrap();
        symlink(tree.path("a"), tree.path("a/again")).unwrap();
        symlink("nowhere", tree.path("a/dangling.zip")).unwrap();
        assert_eq!(tree.files("a/*").len(), 1);
        assert_eq!(tree.files("**/*.zip").len(), 1);
    }

    #[test]
    fn names_that_are_no_text_and_ten_thousand_others_are_found() {
        let tree = Tree::with(&[]);
        fs::write(tree.path("").join(OsStr::from_bytes(b"home-\xff\xfe.zip")), "x").unwrap();
        assert_eq!(tree.files("home-*.zip").len(), 1);
        for number in 0..10_000 {
            fs::write(tree.path(&format!("m{number}")), "").unwrap();
        }
        let found = find(&[tree.place("*")], PlaceForm::Files, &Stop::default()).unwrap();
        assert_eq!(found.len(), MOST_KEPT);
        assert!(found.is_sorted_by(|a, b| a.modified >= b.modified), "the newest are kept");
    }
}
