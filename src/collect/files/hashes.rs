//! The content of every file below a directory, so that two directories can be compared.

use std::collections::BTreeMap;
use std::path::Path;

use super::compare::{Content, hash_files, wanted_to_take};
use super::digest::{Digest, Wanted};
use super::look::Cache;
use super::name::shown;
use super::tree::{Found, Ignored, read_tree};
use crate::chain::Chain;
use crate::collect::blocking::Stop;

/// What is in a file, as far as two of them are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A file with content of this hash.
    File([u8; 32]),
    /// A file too large to be hashed, with this size.
    Large(u64),
    /// A symbolic link with this text.
    Link(Vec<u8>),
}

/// The files of a directory.
#[derive(Debug, Default)]
pub struct Marks {
    /// By their names below it, of which bytes that are no text stand as `\xNN`.
    pub files: BTreeMap<String, Mark>,
    /// Files and directories that could not be looked at, and why, in alphabetical order.
    pub unreachable: Vec<(String, String)>,
}

/// Hashes every file below a directory; a file whose stamp is in the notes of an earlier look is not read. Links are not
/// followed.
///
/// # Errors
///
/// In one line, why the directory could not be listed.
pub fn hash_directory(root: &Path, notes: Option<(&Path, &str)>, stop: &Stop) -> Result<Marks, String> {
    let tree = read_tree(root, &Ignored::default(), stop).map_err(|error| Chain(&error).to_string())?;
    let wanted: Vec<Wanted> = tree.entries.iter().map(|(_, found)| wanted_to_take(found)).collect();
    let (directory, name) = notes.map_or((None, ""), |(directory, name)| (Some(directory), name));
    let cache = Cache { own: directory, kept: None };
    let contents = hash_files(root, &tree, &wanted, &cache, name, stop)?;
    let mut marks = Marks::default();
    let mut unreachable: Vec<(String, String)> =
        tree.unreachable.iter().map(|one| (shown(&one.name), one.why.clone())).collect();
    for ((name, found), content) in tree.entries.iter().zip(contents) {
        let name = shown(name);
        let mark = match (found, content) {
            (Found::Link(target), _) => Mark::Link(target.clone()),
            (Found::File(_, bytes), Content::Known(digests)) => match digests.blake3() {
                Some(Digest::Blake3(digest)) => Mark::File(digest),
                Some(Digest::Md5(_)) | None => Mark::Large(*bytes),
            },
            (Found::File(_, bytes), Content::NotAsked) => Mark::Large(*bytes),
            // A socket or a pipe is made by what runs; nobody copies it.
            (Found::File(..), Content::Gone) | (Found::Other, _) => continue,
            (Found::File(..), Content::Unread(why)) => {
                unreachable.push((name, why));
                continue;
            }
        };
        marks.files.insert(name, mark);
    }
    unreachable.sort_unstable();
    marks.unreachable = unreachable;
    Ok(marks)
}
