//! Hashing what has to be hashed, and comparing it.

use std::io;
use std::path::Path;

use rayon::prelude::*;
use upgrade_readiness_checks::facts::{Differences, OutOfReach, PathList};

use super::digest::{Digests, Wanted, hash, open_file};
use super::look::{Cache, LARGE};
use super::manifest::{Expected, Manifest};
use super::name::{Name, depth, is_below, path_of, shown};
use super::tree::{Found, Ignored, Tree};
use crate::collect::blocking::Stop;
use crate::collect::notebook::{Notebook, Stamp};

/// Files hashed at a time: more would take the disk away from the service.
const WORKERS: usize = 2;

/// Part of an installation.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// The directory, below the root; empty for the root itself.
    pub(super) below: Name,
    /// What in it belongs to no part, or to another one.
    pub(super) without: Vec<Name>,
}

impl Scope {
    /// Whether a file belongs to this part.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        (self.below.is_empty() || is_below(name, &self.below))
            && !self.without.iter().any(|without| is_below(name, without))
    }

    /// Whether something of this part is, or lies in, what could not be looked at.
    fn is_touched_by(&self, unreachable: &[u8]) -> bool {
        self.covers(unreachable) || is_within(&self.below, unreachable)
    }

    /// A name as it stands in the facts: relative to the directory of the part.
    fn shown(&self, name: &[u8]) -> String {
        let inner = name.strip_prefix(self.below.as_slice()).unwrap_or(name);
        shown(inner.strip_prefix(b"/").unwrap_or(inner))
    }
}

/// Whether a name lies in a directory, of which the empty one holds all.
fn is_within(name: &[u8], directory: &[u8]) -> bool {
    directory.is_empty() || is_below(name, directory)
}

/// The content of a file.
#[derive(Debug)]
pub(super) enum Content {
    /// Nobody asked for it.
    NotAsked,
    Known(Digests),
    /// It vanished between being listed and being read.
    Gone,
    Unread(String),
}

/// What came of reading a file, its place in the tree, and its path.
type Looked = (io::Result<(Stamp, Digests)>, usize, std::path::PathBuf);

/// Hashes what is wanted of each file of a tree; a file whose stamp is known is not read.
pub(super) fn hash_files(
    root: &Path,
    tree: &Tree,
    wanted: &[Wanted],
    cache: &Cache<'_>,
    notes: &str,
    stop: &Stop,
) -> Result<Vec<Content>, String> {
    let mut notebook: Notebook<Digests> = Notebook::open(cache.file(notes));
    let mut contents: Vec<Content> = Vec::with_capacity(tree.entries.len());
    let mut unknown = Vec::new();
    for (index, ((name, found), wanted)) in tree.entries.iter().zip(wanted).enumerate() {
        let mut content = Content::NotAsked;
        if let Found::File(stamp, _) = found
            && wanted.anything()
        {
            let path = path_of(root, name);
            match notebook.recall(&path, *stamp).filter(|digests| digests.answers(*wanted)) {
                Some(digests) => content = Content::Known(digests),
                None => unknown.push((index, path, *wanted)),
            }
        }
        contents.push(content);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(WORKERS)
        .thread_name(|index| format!("hash-{index}"))
        .build()
        .map_err(|error| format!("starting threads: {error}"))?;
    let read: Vec<Looked> = pool.install(|| {
        unknown
            .into_par_iter()
            .with_max_len(8)
            .map(|(index, path, wanted)| (read_file(&path, wanted, stop), index, path))
            .collect()
    });
    if stop.is_wanted() {
        return Err("nobody waited for the result any more".to_owned());
    }
    for (result, index, path) in read {
        let content = match result {
            Ok((stamp, digests)) => {
                notebook.note(&path, stamp, digests);
                Content::Known(digests)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::Gone,
            Err(error) => Content::Unread(error.to_string()),
        };
        if let Some(place) = contents.get_mut(index) {
            *place = content;
        }
    }
    // It is only an aid: without it everything is read again next time.
    if let Err(error) = notebook.close() {
        tracing::debug!(%error, "what was learned of files could not be kept");
    }
    Ok(contents)
}

fn read_file(path: &Path, wanted: Wanted, stop: &Stop) -> io::Result<(Stamp, Digests)> {
    let (file, stamp) = open_file(path)?;
    let (_, digests) = hash(file, wanted, LARGE.saturating_mul(2), stop)?;
    Ok((stamp, digests))
}

/// The manifest of a tree as it is now, every file hashed.
pub(super) fn take(
    root: &Path,
    tree: &Tree,
    cache: &Cache<'_>,
    notes: &str,
    stop: &Stop,
) -> Result<Manifest, String> {
    let wanted: Vec<Wanted> = tree.entries.iter().map(|(_, found)| wanted_to_take(found)).collect();
    let contents = hash_files(root, tree, &wanted, cache, notes, stop)?;
    let everything = Scope { below: Name::new(), without: Vec::new() };
    manifest_of(root, tree, &contents, &everything)
}

/// What is hashed of a file to have it in a manifest.
pub(super) fn wanted_to_take(found: &Found) -> Wanted {
    Wanted { md5: false, blake3: matches!(found, Found::File(_, bytes) if *bytes <= LARGE) }
}

/// The manifest of a part, or the first file of it that could not be read.
pub(super) fn manifest_of(
    root: &Path,
    tree: &Tree,
    contents: &[Content],
    scope: &Scope,
) -> Result<Manifest, String> {
    let mut manifest = Manifest::default();
    for ((name, found), content) in tree.entries.iter().zip(contents) {
        if !scope.covers(name) {
            continue;
        }
        let expected = match (found, content) {
            (Found::Link(target), _) => Expected::Link(target.clone()),
            (Found::File(_, bytes), Content::Known(digests)) => match digests.blake3() {
                Some(digest) => Expected::File { bytes: Some(*bytes), digest },
                None => Expected::Large(*bytes),
            },
            (Found::File(_, bytes), Content::NotAsked) => Expected::Large(*bytes),
            (Found::File(..), Content::Gone) | (Found::Other, _) => continue,
            (Found::File(..), Content::Unread(why)) => {
                return Err(format!("{}: {why}", root.join(shown(name)).display()));
            }
        };
        manifest.entries.insert(name.clone(), expected);
    }
    Ok(manifest)
}

/// What must be hashed of a file to compare it with what is expected in its place.
pub(super) fn wanted_to_compare(found: &Found, expected: &Expected) -> Wanted {
    match (found, expected) {
        (Found::File(_, found), Expected::File { bytes, digest })
            if *found <= LARGE && bytes.is_none_or(|bytes| bytes == *found) =>
        {
            digest.wanted()
        }
        // Another size or another kind is another content, without reading it.
        (Found::File(..) | Found::Link(_) | Found::Other, _) => Wanted::default(),
    }
}

/// How a part of the tree differs from what is expected.
pub(super) fn compare(
    root: &Path,
    tree: &Tree,
    contents: &[Content],
    scope: &Scope,
    ignored: &Ignored,
    manifest: &Manifest,
) -> Differences {
    let mut unreachable: Vec<(&[u8], &str)> = tree
        .unreachable
        .iter()
        .filter(|unreachable| scope.is_touched_by(&unreachable.name))
        .map(|unreachable| (unreachable.name.as_slice(), unreachable.why.as_str()))
        .collect();
    let (mut modified, mut removed, mut added) = (Vec::new(), Vec::new(), Vec::new());
    let mut compared = 0;
    // Both are in alphabetical order of their bytes: they are walked side by side.
    let mut expected = manifest.entries.iter().filter(|(name, _)| scope.covers(name)).peekable();
    let is_removed = |name: &[u8]| {
        !tree.unreachable.iter().any(|unreachable| is_within(name, &unreachable.name))
            && !ignored.covers(name)
    };
    for ((name, found), content) in tree.entries.iter().zip(contents) {
        if !scope.covers(name) {
            continue;
        }
        while let Some((missing, _)) = expected.next_if(|(other, _)| *other < name) {
            if is_removed(missing) {
                removed.push(missing.as_slice());
            }
        }
        match expected.next_if(|(other, _)| *other == name) {
            None => match found {
                Found::File(..) | Found::Link(_) => added.push(name.as_slice()),
                // A socket or a pipe is made by what runs; nobody carries it over.
                Found::Other => {}
            },
            Some((_, expected)) => {
                compared += 1;
                match is_same(found, content, expected) {
                    Same::Yes => {}
                    Same::No => modified.push(name.as_slice()),
                    Same::Gone => removed.push(name.as_slice()),
                    Same::Unread(why) => {
                        compared -= 1;
                        unreachable.push((name, why));
                    }
                }
            }
        }
    }
    removed.extend(expected.map(|(name, _)| name.as_slice()).filter(|name| is_removed(name)));
    unreachable.sort_unstable();
    let out_of_reach = unreachable.first().map(|(name, why)| OutOfReach {
        count: unreachable.len() as u64,
        first: root.join(shown(name)).display().to_string(),
        why: (*why).to_owned(),
    });
    Differences {
        compared,
        modified: path_list(modified, scope),
        removed: path_list(removed, scope),
        added: path_list(added, scope),
        out_of_reach,
        strange_entries: manifest.strange,
    }
}

enum Same<'a> {
    Yes,
    No,
    Gone,
    Unread(&'a str),
}

fn is_same<'a>(found: &Found, content: &'a Content, expected: &Expected) -> Same<'a> {
    let same = match (found, expected) {
        (Found::Link(found), Expected::Link(expected)) => found == expected,
        (Found::File(_, found), Expected::Large(expected)) => found == expected,
        (Found::File(..), Expected::File { digest, .. }) => match content {
            Content::Known(digests) => digests.fits(digest),
            Content::NotAsked => false,
            Content::Gone => return Same::Gone,
            Content::Unread(why) => return Same::Unread(why),
        },
        (Found::File(..) | Found::Link(_) | Found::Other, _) => false,
    };
    if same { Same::Yes } else { Same::No }
}

/// Those closest to the root are named: what an administrator changes by hand rarely lies deep.
fn path_list(mut names: Vec<&[u8]>, scope: &Scope) -> PathList {
    names.sort_by(|a, b| (depth(a), a).cmp(&(depth(b), b)));
    let paths = names.iter().take(PathList::MOST).map(|name| scope.shown(name)).collect();
    PathList { count: names.len() as u64, paths }
}
