//! Directories that are to be copied to a prepared home, beside those of the running home.
//!
//! Files the vendor ships with one of the releases are told apart by the untouched releases, where both are at hand: that
//! the new release brings another `Version.aar` says nothing of the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use upgrade_readiness_checks::facts::{CopyDifferences, Field, OutOfReach, PathList, TreeCopy};

use super::archive::read_archive;
use super::layout::unless_link_to_nowhere;
use crate::collect::blocking::Stop;
use crate::collect::files::{Mark, Marks, hash_directory};

/// What the guide of the vendor has copied: the artifacts of the super tenant, and those of all others.
const COPIED: [&str; 2] = ["repository/deployment/server", "repository/tenants"];

/// Where both homes and both untouched releases are.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The running home.
    pub running: &'a Path,
    /// The home that was prepared.
    pub prepared: &'a Path,
    /// The release that runs and the new one, untouched: directories or archives.
    pub untouched: Option<(&'a Path, &'a Path)>,
    /// Where this program keeps what it learned.
    pub cache_dir: Option<&'a Path>,
}

/// Compares the directories that are to be copied.
pub fn compare_copies(places: Places<'_>, stop: &Stop) -> Vec<TreeCopy> {
    let vendor = places.untouched.map(|(base, target)| {
        Ok((
            shipped(base, places.cache_dir, "base", stop)?,
            shipped(target, places.cache_dir, "target", stop)?,
        ))
    });
    COPIED.iter().map(|below| compare_one(places, below, vendor.as_ref(), stop)).collect()
}

type Files = BTreeMap<String, Mark>;
type Vendor = Result<(Files, Files), String>;

fn compare_one(places: Places<'_>, below: &str, vendor: Option<&Vendor>, stop: &Stop) -> TreeCopy {
    let (original, copy) = (places.running.join(below), places.prepared.join(below));
    let found = directory(&original);
    let found_copy = directory(&copy);
    let is_original = matches!(
        (&found, &found_copy),
        (Ok(Some(one)), Ok(Some(other))) if (one.dev(), one.ino()) == (other.dev(), other.ino())
    );
    let last = below.rsplit('/').next().unwrap_or(below);
    let is_nested = copy.join(last).is_dir() && !original.join(last).is_dir();
    let no_home =
        fs::metadata(places.prepared).err().map(|error| format!("{}: {error}", places.prepared.display()));
    let read = |path: &Path, found: &io::Result<Option<Metadata>>, notes: &str| match found {
        Ok(None) => Ok(Marks::default()),
        Ok(Some(_)) => {
            let name = format!("{notes}-{}", below.replace('/', "-"));
            hash_directory(path, places.cache_dir.map(|directory| (directory, name.as_str())), stop)
        }
        Err(error) => Err(format!("{}: {error}. {}", path.display(), let_in(path))),
    };
    let differences = no_home
        .map_or(Ok(()), Err)
        .and_then(|()| read(&original, &found, "copied-from"))
        .and_then(|original| Ok((original, read(&copy, &found_copy, "copied-to")?)))
        .and_then(|(original, copy)| match vendor {
            None => Ok((differences(&original, &copy, None), original, copy)),
            Some(Ok((base, target))) => {
                let vendor = (&below_of(base, below), &below_of(target, below));
                Ok((differences(&original, &copy, Some(vendor)), original, copy))
            }
            Some(Err(why)) => Err(why.clone()),
        })
        .map(|(differences, of_original, of_copy)| CopyDifferences {
            out_of_reach: out_of_reach(&[(original.as_path(), &of_original), (copy.as_path(), &of_copy)]),
            ..differences
        });
    TreeCopy {
        below: below.to_owned(),
        is_there: match found {
            Ok(found) => Field::Read(found.is_some()),
            Err(error) => Field::Unread(format!("{}: {error}. {}", original.display(), let_in(&original))),
        },
        is_original,
        nested: is_nested.then(|| format!("{below}/{last}")),
        differences: differences.map_or_else(Field::Unread, Field::Read),
    }
}

fn let_in(path: &Path) -> String {
    format!(
        "Let the agent's user see it: setfacl -R -m u:{}:rX {}",
        rustix::process::getuid().as_raw(),
        path.display()
    )
}

/// The directory, when there is one.
fn directory(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(Some(found)),
        Ok(_) => Err(io::Error::other("it is no directory")),
        Err(error) => match unless_link_to_nowhere(path, error) {
            error if error.kind() == io::ErrorKind::NotFound => Ok(None),
            error => Err(error),
        },
    }
}

/// What an untouched release has in the directories that are copied.
fn shipped(path: &Path, cache_dir: Option<&Path>, notes: &str, stop: &Stop) -> Result<Files, String> {
    let failed = |error: io::Error| format!("the untouched copy {}: {error}", path.display());
    let path = path.canonicalize().map_err(failed)?;
    let mut files = Files::new();
    if fs::metadata(&path).map_err(failed)?.is_dir() {
        for below in COPIED {
            if directory(&path.join(below)).map_err(failed)?.is_none() {
                continue;
            }
            let name = format!("shipped-{notes}-{}", below.replace('/', "-"));
            let marks = hash_directory(
                &path.join(below),
                cache_dir.map(|directory| (directory, name.as_str())),
                stop,
            )?;
            if let Some((first, why)) = marks.unreachable.first() {
                return Err(format!("the untouched copy {}: {below}/{first}: {why}", path.display()));
            }
            files.extend(marks.files.into_iter().map(|(name, mark)| (format!("{below}/{name}"), mark)));
        }
        return Ok(files);
    }
    let is_wanted = |name: &str| COPIED.iter().any(|below| inner(name, below).is_some());
    let mut take = |name: String, reader: &mut dyn Read| {
        let mut hasher = blake3::Hasher::new();
        io::copy(reader, &mut hasher)?;
        files.insert(name, Mark::File(*hasher.finalize().as_bytes()));
        Ok(())
    };
    read_archive(&path, &is_wanted, &mut take, stop).map_err(failed)?;
    Ok(files)
}

fn inner<'a>(name: &'a str, below: &str) -> Option<&'a str> {
    name.strip_prefix(below)?.strip_prefix('/')
}

fn below_of(files: &Files, below: &str) -> Files {
    files.iter().filter_map(|(name, mark)| Some((inner(name, below)?.to_owned(), mark.clone()))).collect()
}

fn out_of_reach(both: &[(&Path, &Marks); 2]) -> Option<OutOfReach> {
    let count = both.iter().map(|(_, marks)| marks.unreachable.len() as u64).sum();
    let first = both.iter().find_map(|(root, marks)| Some((root, marks.unreachable.first()?)));
    first.map(|(root, (name, why))| OutOfReach {
        count,
        first: root.join(name).display().to_string(),
        why: why.clone(),
    })
}

fn differences(original: &Marks, copy: &Marks, vendor: Option<(&Files, &Files)>) -> CopyDifferences {
    let mut differences = CopyDifferences { knows_vendor: vendor.is_some(), ..CopyDifferences::default() };
    let unreachable: Vec<&str> =
        original.unreachable.iter().chain(&copy.unreachable).map(|(name, _)| name.as_str()).collect();
    let (original, copy) = (&original.files, &copy.files);
    let unpacked: BTreeSet<String> = original
        .keys()
        .chain(copy.keys())
        .filter_map(|name| name.strip_suffix(".war").map(ToOwned::to_owned))
        .collect();
    let (mut missing, mut differing, mut extra) = (Vec::new(), Vec::new(), Vec::new());
    let names: BTreeSet<&String> = original.keys().chain(copy.keys()).collect();
    for name in names {
        // What lies where nobody may look is neither there nor missing.
        let is_hidden =
            unreachable.iter().any(|one| *one == name || one.is_empty() || inner(name, one).is_some());
        if is_hidden || is_made(name, &unpacked) {
            continue;
        }
        let (there, copied) = (original.get(name), copy.get(name));
        let (base, target) = vendor.map_or((None, None), |(base, target)| (base.get(name), target.get(name)));
        let as_it_came = there == base && (base.is_some() || target.is_some());
        if there.is_some() && copied.is_some() {
            differences.compared += 1;
        }
        if there == copied {
            continue;
        }
        if as_it_came && copied == target {
            differences.of_vendor += 1;
            continue;
        }
        match (there, copied) {
            (Some(_), None) => missing.push(name.as_str()),
            (Some(_), Some(_)) => differing.push(name.as_str()),
            (None, _) => extra.push(name.as_str()),
        }
    }
    differences.missing = list(missing);
    differences.differing = list(differing);
    differences.extra = list(extra);
    differences
}

/// What a server makes for itself: a web application it unpacks beside its archive, and notes of the synchroniser.
fn is_made(name: &str, unpacked: &BTreeSet<String>) -> bool {
    let mut ends = name.match_indices('/').map(|(end, _)| end);
    name.split('/').any(|part| part == ".svn")
        || ends.any(|end| name.get(..end).is_some_and(|directory| unpacked.contains(directory)))
}

/// Those closest to the root are named.
fn list(mut names: Vec<&str>) -> PathList {
    names.sort_by_key(|name| (name.matches('/').count(), *name));
    let paths = names.iter().take(PathList::MOST).map(|name| (*name).to_owned()).collect();
    PathList { count: names.len() as u64, paths }
}

#[cfg(test)]
mod tests;
