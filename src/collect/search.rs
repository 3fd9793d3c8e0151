//! Looking for directories of a kind below others: so deep and so many at most, and none twice.
//!
//! Links are followed, and a directory that two ways lead to is looked at once, so that links in a circle end. What
//! may not be read is told, and never taken for empty.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Not more directories are looked at.
const MOST_DIRECTORIES: usize = 20_000;

/// Not more troubles are told.
const MOST_TROUBLES: usize = 20;

/// Where to begin, and how deep to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The directory.
    pub dir: PathBuf,
    /// How many steps below it directories are looked at.
    pub depth: usize,
}

/// What was found, and where it could not be looked.
#[derive(Debug, Default)]
pub struct Searched {
    /// The directories of the kind, by their true paths, in order.
    pub found: BTreeSet<PathBuf>,
    /// The directories to begin at that are there.
    pub looked: Vec<PathBuf>,
    /// Where it could not be looked, and why.
    pub troubles: Vec<String>,
    visited: BTreeSet<(u64, u64)>,
    troubles_left_out: usize,
}

/// Looks for directories that are of a kind; below such a one it does not look further, nor where names begin with a dot.
pub fn search(starts: &[Start], is_wanted: &dyn Fn(&Path) -> bool) -> Searched {
    let mut searched = Searched::default();
    for start in starts {
        match fs::metadata(&start.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => searched.trouble(&start.dir, &error),
            Ok(about) if !about.is_dir() => {
                searched.tell(format!("{} is no directory", start.dir.display()));
            }
            Ok(_) => {
                searched.looked.push(start.dir.clone());
                searched.below(&start.dir, start.depth, is_wanted);
            }
        }
    }
    if searched.visited.len() >= MOST_DIRECTORIES {
        searched.troubles.push(format!(
            "not all was looked at: after {MOST_DIRECTORIES} directories the search ended; name those to look in with --below"
        ));
    }
    if searched.troubles_left_out > 0 {
        searched.troubles.push(format!("{} more could not be read", searched.troubles_left_out));
    }
    searched
}

impl Searched {
    fn below(&mut self, dir: &Path, depth: usize, is_wanted: &dyn Fn(&Path) -> bool) {
        let about = match fs::metadata(dir) {
            Ok(about) => about,
            // A link that leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.trouble(dir, &error),
        };
        if !about.is_dir()
            || self.visited.len() >= MOST_DIRECTORIES
            || !self.visited.insert((about.dev(), about.ino()))
        {
            return;
        }
        if is_wanted(dir) {
            self.found.insert(fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned()));
            return;
        }
        let Some(depth) = depth.checked_sub(1) else { return };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => return self.trouble(dir, &error),
        };
        let mut below = Vec::new();
        // Files are skipped without asking for more than their kind.
        for entry in entries.take(MOST_DIRECTORIES) {
            match entry {
                Ok(entry) if !entry.file_name().as_encoded_bytes().starts_with(b".") => {
                    let kind = entry.file_type();
                    if kind.is_ok_and(|kind| kind.is_dir() || kind.is_symlink()) {
                        below.push(entry.path());
                    }
                }
                Ok(_) => {}
                Err(error) => self.trouble(dir, &error),
            }
        }
        below.sort();
        for dir in below {
            self.below(&dir, depth, is_wanted);
        }
    }

    fn trouble(&mut self, dir: &Path, error: &io::Error) {
        self.tell(format!("{} could not be read: {error}", dir.display()));
    }

    fn tell(&mut self, trouble: String) {
        if self.troubles.len() < MOST_TROUBLES {
            self.troubles.push(trouble);
        } else {
            self.troubles_left_out += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::collect::unprivileged::as_another_user;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(directories: &[&str]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            tree.mode("", 0o755);
            for dir in directories {
                fs::create_dir_all(tree.at(dir)).unwrap();
            }
            tree
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }

        fn mode(&self, path: &str, mode: u32) {
            fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
        }

        fn search(&self, below: &str, depth: usize) -> Searched {
            search(&[Start { dir: self.at(below), depth }], &|dir| dir.join("mark").is_dir())
        }

        fn found(&self, depth: usize) -> Vec<String> {
            let top = self.at("");
            let found = self.search("", depth).found;
            found.iter().map(|dir| dir.strip_prefix(&top).unwrap().display().to_string()).collect()
        }
    }

    #[test]
    fn directories_of_the_kind_are_found_as_deep_as_allowed() {
        let tree = Tree::new(&["a/mark", "b/c/mark", "b/c/d/mark", "e/f/g/mark", ".hidden/mark", "h"]);
        assert_eq!(tree.found(2), ["a", "b/c"]);
        assert_eq!(tree.found(3), ["a", "b/c", "e/f/g"]);
        assert!(tree.found(0).is_empty());
        fs::create_dir(tree.at("mark")).unwrap();
        assert_eq!(tree.found(0), [""], "the start itself");
    }

    #[test]
    fn links_are_followed_once_and_circles_end() {
        let tree = Tree::new(&["apps/product-1/mark", "apps/x"]);
        symlink(tree.at("apps/product-1"), tree.at("apps/current")).unwrap();
        symlink(tree.at(""), tree.at("apps/x/top")).unwrap();
        symlink(tree.at("gone"), tree.at("apps/nowhere")).unwrap();
        symlink("itself", tree.at("apps/itself")).unwrap();
        let searched = tree.search("", 9);
        assert_eq!(searched.found.into_iter().collect::<Vec<_>>(), [tree.at("apps/product-1")]);
        // Links that lead to themselves cannot be followed.
        assert_eq!(searched.troubles.len(), 1, "{:?}", searched.troubles);
    }

    #[test]
    fn what_may_not_be_read_is_told_and_what_is_not_there_is_not() {
        let tree = Tree::new(&["open/mark", "closed/product/mark", "passed/mark"]);
        tree.mode("closed", 0o000);
        tree.mode("passed", 0o111);
        fs::write(tree.at("file"), "").unwrap();
        let searched = as_another_user(|| tree.search("", 3));
        tree.mode("closed", 0o755);
        tree.mode("passed", 0o755);
        assert_eq!(
            searched.found.into_iter().collect::<Vec<_>>(),
            [tree.at("open"), tree.at("passed")],
            "a directory one may pass is known by its mark"
        );
        assert!(
            searched.troubles.len() == 1 && searched.troubles[0].contains("/closed could not be read"),
            "{:?}",
            searched.troubles
        );
        assert!(tree.search("nowhere", 3).looked.is_empty());
        assert!(tree.search("file", 3).troubles[0].contains("is no directory"));
    }
}
