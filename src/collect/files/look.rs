//! One look: which parts there are, what each is compared with, and what differs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{ComparedWith, Differences, FailureKind, Field, FileTree, Files};

use super::compare::{Scope, compare, hash_files, manifest_of, wanted_to_compare, wanted_to_take};
use super::digest::Wanted;
use super::manifest::{Expected, KeptError, Manifest, read_manifest, write_manifest};
use super::name::{Name, is_below, parse_name, path_of};
use super::pristine::read_pristine;
use super::tree::{Ignored, Tree, TreeError, read_tree};
use super::{Survey, VendorHashes};
use crate::chain::Chain;
use crate::collect::blocking::Stop;
use crate::collect::text_file::read_text_up_to;
use crate::collect::{CollectError, kind_of_io};

/// A file larger than this is no part of a program but a heap dump or a log: only its size is compared.
pub(super) const LARGE: u64 = 1024 * 1024 * 1024;

/// No vendor's list is longer.
const MOST_LIST_BYTES: u64 = 32 * 1024 * 1024;

/// Where this program keeps what it learned.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cache<'a> {
    /// A directory of its own.
    pub(super) own: Option<&'a Path>,
    /// That of a daemon, which is only read, and only when there is none of its own.
    pub(super) kept: Option<&'a Path>,
}

impl Cache<'_> {
    /// A file of this source.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        self.own.map(|directory| directory.join(format!("files-{name}")))
    }

    /// The same file of a daemon, when it is there.
    fn kept(&self, name: &str) -> Option<PathBuf> {
        let file = self.kept?.join(format!("files-{name}"));
        // One in a directory that lets nobody in is there for all that is known: reading it says so.
        let there = file.try_exists().unwrap_or(true);
        there.then_some(file)
    }
}

/// Since when a list of this program's own is kept, and of which release it is.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    release: String,
    since: Timestamp,
}

/// A part of the installation and what it is compared with.
struct Part {
    scope: Scope,
    compared_with: ComparedWith,
    reference: Result<Reference, String>,
}

enum Reference {
    Known(Manifest),
    /// There is none yet: the part as it is now becomes the list in this file.
    Begin(PathBuf, Header),
}

/// Looks at everything once.
pub(super) fn look(
    survey: &Survey,
    cache: Cache<'_>,
    now: Timestamp,
    stop: &Stop,
) -> Result<Files, CollectError> {
    let failed = |cause: io::Error| {
        CollectError::new(
            kind_of_io(&cause),
            TreeError::Read { path: survey.root.clone(), cause },
            format!(
                "Check installation_dir, and let the agent's user see it: setfacl -R -m u:{uid}:rX {root}.",
                uid = rustix::process::getuid().as_raw(),
                root = survey.root.display(),
            ),
        )
    };
    let root = survey.root.canonicalize().map_err(failed)?;
    let ignored = Ignored {
        names: survey.written.iter().map(|name| name.as_bytes().to_vec()).collect(),
        patterns: survey.ignore.clone(),
    };
    let tree = read_tree(&root, &ignored, stop).map_err(|error| match error {
        TreeError::Read { cause, .. } => failed(cause),
        TreeError::TooMany { .. } | TreeError::Stopped => {
            CollectError::new(FailureKind::Malformed, error, "Check installation_dir.")
        }
    })?;
    let parts = parts(survey, &root, &tree, &ignored, cache, now, stop);
    let wanted = wanted(&tree, &parts);
    let contents = hash_files(&root, &tree, &wanted, &cache, "notes", stop)
        .map_err(|why| CollectError::new(FailureKind::Timeout, why, String::new()))?;
    let trees = parts
        .into_iter()
        .map(|Part { scope, compared_with, reference }| {
            let differences = reference.and_then(|reference| match reference {
                Reference::Known(manifest) => {
                    Ok(compare(&root, &tree, &contents, &scope, &ignored, &manifest))
                }
                Reference::Begin(file, header) => {
                    let unreachable = tree.unreachable.iter().find(|one| scope.covers(&one.name));
                    if unreachable.is_some()
                        && let Some(why) = tree.first_unreachable(&root)
                    {
                        return Err(format!("no list of hashes is begun before all can be read: {why}"));
                    }
                    let manifest = manifest_of(&root, &tree, &contents, &scope)
                        .map_err(|why| format!("no list of hashes is begun before all can be read: {why}"))?;
                    write_manifest(&file, &header, &manifest)
                        .map_err(|error| format!("keeping hashes in {}: {error}", file.display()))?;
                    let compared = manifest.entries.len() as u64;
                    Ok(Differences { compared, ..Differences::default() })
                }
            });
            FileTree {
                root: path_of(&survey.root, &scope.below).display().to_string(),
                compared_with,
                differences: differences.map_or_else(Field::Unread, Field::Read),
            }
        })
        .collect();
    Ok(Files { trees })
}

/// The parts of the installation, each with what it is compared with.
fn parts(
    survey: &Survey,
    root: &Path,
    tree: &Tree,
    ignored: &Ignored,
    cache: Cache<'_>,
    now: Timestamp,
    stop: &Stop,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut has_list = false;
    if let Some(VendorHashes { below, file, .. }) = survey.vendor
        && let Some(reference) = read_vendor_list(survey, root).transpose()
    {
        has_list = true;
        parts.push(Part {
            scope: Scope { below: below.into(), without: vec![file.into()] },
            compared_with: ComparedWith::VendorHashes(survey.root.join(file).display().to_string()),
            reference: reference.map(Reference::Known),
        });
    }
    let own = |below: &str, without: Vec<Name>, name: &str| {
        let (compared_with, reference) = own_list(survey, cache, name, now);
        Part { scope: Scope { below: below.into(), without }, compared_with, reference }
    };
    let Some(path) = &survey.pristine else {
        let Some(VendorHashes { below, .. }) = survey.vendor else {
            parts.push(own("", Vec::new(), "baseline-all"));
            return parts;
        };
        if !has_list {
            parts.push(own(below, Vec::new(), "baseline-application"));
        }
        parts.push(own("", vec![below.into()], "baseline-rest"));
        return parts;
    };
    let pristine = read_pristine(path, survey, ignored, &cache, stop);
    let mut lacking: Vec<&str> = Vec::new();
    if let Ok(pristine) = &pristine {
        let here = |part: &str| tree.entries.iter().any(|(name, _)| is_below(name, part.as_bytes()));
        lacking.extend(
            survey.optional.iter().copied().filter(|part| !pristine.has(part.as_bytes()) && here(part)),
        );
    }
    parts.push(Part {
        scope: Scope {
            below: Name::new(),
            without: lacking.iter().map(|part| part.as_bytes().to_vec()).collect(),
        },
        compared_with: ComparedWith::Pristine(path.display().to_string()),
        reference: pristine.map(Reference::Known),
    });
    parts.extend(lacking.iter().map(|part| own(part, Vec::new(), &format!("baseline-{part}"))));
    parts
}

/// The vendor's list; `None` when the installation has none.
fn read_vendor_list(survey: &Survey, root: &Path) -> Result<Option<Manifest>, String> {
    let Some(VendorHashes { below, file, parse }) = survey.vendor else { return Ok(None) };
    let text = match read_text_up_to(&root.join(file), MOST_LIST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == FailureKind::Absent => return Ok(None),
        Err(error) => return Err(format!("{}. {}", Chain(&error), error.remedy())),
    };
    let list = parse(&text).map_err(|why| {
        format!(
            "{}: {why}. Restore it from the archive of the same release",
            survey.root.join(file).display()
        )
    })?;
    let mut manifest = Manifest { entries: BTreeMap::new(), strange: list.strange };
    for (name, digest) in list.hashes {
        match parse_name(name.as_bytes()) {
            Some(name) => {
                let name = [below.as_bytes(), b"/", &name].concat();
                manifest.entries.insert(name, Expected::File { bytes: None, digest });
            }
            None => manifest.strange += 1,
        }
    }
    Ok(Some(manifest))
}

/// This program's own list of a part, as it is kept or as it is to be begun.
fn own_list(
    survey: &Survey,
    cache: Cache<'_>,
    name: &str,
    now: Timestamp,
) -> (ComparedWith, Result<Reference, String>) {
    let begun = ComparedWith::Baseline(now);
    let nothing = "there is nothing to compare with: hashes of its own are kept by the daemon only. Name an untouched \
                   copy of the release as pristine in [instance.files]";
    let may_begin = cache.own.is_some();
    let Some(file) = cache.file(name).or_else(|| cache.kept(name)) else {
        return (begun, Err(nothing.to_owned()));
    };
    let kept = match read_manifest::<Header>(&file) {
        Ok(kept) => kept,
        Err(error) => {
            let remedy = match &error {
                KeptError::Read(_) => "Let the agent's user read it".to_owned(),
                // Begun anew by itself, it would hide what was changed since the old one.
                KeptError::Damaged => format!(
                    "Bring it back from a backup of the agent's directory, or begin anew, knowing that earlier \
                     changes do not show then: rm {}",
                    file.display()
                ),
            };
            return (
                begun,
                Err(format!("the list of hashes {}: {}. {remedy}", file.display(), Chain(&error))),
            );
        }
    };
    match (kept, &survey.release) {
        (Some((header, manifest)), Ok(release)) if header.release == *release => {
            (ComparedWith::Baseline(header.since), Ok(Reference::Known(manifest)))
        }
        (_, Ok(_)) if !may_begin => (begun, Err(nothing.to_owned())),
        (_, Ok(release)) => {
            let header = Header { release: release.clone(), since: now };
            (begun, Ok(Reference::Begin(file, header)))
        }
        (kept, Err(why)) => {
            let since = kept.map_or(now, |(header, _)| header.since);
            let why = format!("which release is installed is not known: {why}");
            (ComparedWith::Baseline(since), Err(why))
        }
    }
}

/// What must be hashed of each file, for all parts together.
fn wanted(tree: &Tree, parts: &[Part]) -> Vec<Wanted> {
    tree.entries
        .iter()
        .map(|(name, found)| {
            parts.iter().filter(|part| part.scope.covers(name)).fold(Wanted::default(), |wanted, part| {
                wanted.and(match &part.reference {
                    Ok(Reference::Known(manifest)) => manifest
                        .entries
                        .get(name)
                        .map_or_else(Wanted::default, |expected| wanted_to_compare(found, expected)),
                    Ok(Reference::Begin(..)) => wanted_to_take(found),
                    Err(_) => Wanted::default(),
                })
            })
        })
        .collect()
}
