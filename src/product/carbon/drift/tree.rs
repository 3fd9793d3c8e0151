//! The configuration of one home or release: read from a directory, or from an archive that stays packed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::forms::{Form, form_of};
use crate::collect::blocking::Stop;
use crate::product::carbon::archive::{asked_to_stop, in_one_line, open_file, read_archive};

/// Files of configuration a home may have; the largest products have fewer than a thousand.
const MOST_FILES: usize = 5_000;

/// Bytes of one file that is taken apart.
pub(super) const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of one file that is compared as a whole.
const MOST_HASHED: u64 = 64 * 1024 * 1024;

/// Settings of all files of a home together.
const MOST_SETTINGS: usize = 300_000;

/// Directories below one another.
const DEEPEST: usize = 32;

/// Where configuration and scripts are, below a home. The integrators keep theirs in `conf`.
const PLACES: [&str; 4] = ["bin/", "conf/", "repository/conf/", "repository/resources/conf/"];

/// What differs in every release, and is looked at elsewhere; and what a server notes down for itself.
const LEFT_OUT: [&str; 4] = [
    "bin/version.txt",
    "bin/wso2carbon-version.txt",
    "repository/resources/conf/.metadata",
    "repository/conf/.metadata",
];

/// The configuration of one home.
#[derive(Debug, Default)]
pub(super) struct ConfigurationTree {
    /// By the name below the home.
    pub(super) files: BTreeMap<String, ConfigurationFile>,
    /// Files and directories that could not be read, and why.
    pub(super) unread: BTreeMap<String, String>,
    /// What `bin/version.txt` says.
    pub(super) product_version: Option<String>,
    /// What `bin/wso2carbon-version.txt` says.
    pub(super) kernel_version: Option<String>,
    settings: usize,
}

/// One file.
#[derive(Debug)]
pub(super) struct ConfigurationFile {
    /// Tells equal content from different content, and is never shown.
    pub(super) digest: [u8; 32],
    pub(super) form: Form,
}

/// Reads the configuration of a directory or an archive; the reason is for people.
pub(super) fn read_tree(path: &Path, stop: &Stop) -> Result<ConfigurationTree, String> {
    let failed = |error: io::Error| error.to_string();
    let path = path.canonicalize().map_err(failed)?;
    let mut tree = ConfigurationTree::default();
    let found = std::fs::metadata(&path).map_err(failed)?;
    if found.is_dir() {
        std::fs::read_dir(&path).map_err(failed)?;
        for place in PLACES {
            let place = place.trim_end_matches('/');
            tree.directory(&path, place, 0, stop).map_err(failed)?;
        }
    } else {
        read_archive(&path, &is_configuration, &mut |name, entry| tree.file(name, entry), stop)
            .map_err(failed)?;
    }
    Ok(tree)
}

impl ConfigurationTree {
    fn directory(&mut self, root: &Path, below: &str, depth: usize, stop: &Stop) -> io::Result<()> {
        asked_to_stop(stop)?;
        let listed = match std::fs::read_dir(root.join(below)) {
            Ok(listed) => listed,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => {
                self.unread.insert(below.to_owned(), error.to_string());
                return Ok(());
            }
        };
        if depth > DEEPEST {
            self.unread.insert(below.to_owned(), format!("it is nested deeper than {DEEPEST} directories"));
            return Ok(());
        }
        for entry in listed {
            let entry = entry?;
            let name = format!("{below}/{}", in_one_line(entry.file_name().as_encoded_bytes()));
            if is_left_out(&name) && !is_version(&name) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.directory(root, &name, depth + 1, stop)?;
                continue;
            }
            // A link to a file is read, as the product reads it; one to a directory might lead anywhere.
            match std::fs::metadata(entry.path()) {
                Ok(found) if found.is_file() => match open_file(&entry.path()) {
                    Ok(file) => self.file(name, file)?,
                    Err(error) => {
                        self.unread.insert(name, error.to_string());
                    }
                },
                Ok(found) if found.is_dir() => {
                    self.unread.insert(name, "it is a link to a directory, which is not followed".to_owned());
                }
                Ok(_) => {
                    self.unread.insert(name, "it is no regular file".to_owned());
                }
                Err(error) if is_absent(&error) && !kind.is_symlink() => {}
                Err(error) => {
                    self.unread.insert(name, error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Takes in one file.
    fn file(&mut self, name: String, reader: impl Read) -> io::Result<()> {
        let read = match read_content(reader) {
            Ok(read) => read,
            // What a whole archive cannot be read for is not the matter of one file.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                return Err(error);
            }
            Err(error) => {
                self.unread.insert(name, error.to_string());
                return Ok(());
            }
        };
        match name.as_str() {
            "bin/version.txt" => self.product_version = read.text.as_deref().and_then(version),
            "bin/wso2carbon-version.txt" => self.kernel_version = read.text.as_deref().and_then(version),
            _ => {
                let form = read.text.map_or(Form::Whole, |text| form_of(&name, &text));
                if let Form::Settings(settings) = &form {
                    self.settings += settings.len();
                }
                self.files.insert(name, ConfigurationFile { digest: read.digest, form });
            }
        }
        if self.files.len() > MOST_FILES {
            return Err(io::Error::other(format!(
                "there are more than {MOST_FILES} files of configuration in it"
            )));
        }
        if self.settings > MOST_SETTINGS {
            return Err(io::Error::other(format!("there are more than {MOST_SETTINGS} settings in it")));
        }
        Ok(())
    }
}

struct Content {
    digest: [u8; 32],
    /// Everything, unless it is too long to be taken apart.
    text: Option<Vec<u8>>,
}

fn read_content(mut reader: impl Read) -> io::Result<Content> {
    let mut text = Vec::new();
    reader.by_ref().take(MOST_BYTES + 1).read_to_end(&mut text)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&text);
    if text.len() as u64 <= MOST_BYTES {
        return Ok(Content { digest: *hasher.finalize().as_bytes(), text: Some(text) });
    }
    let rest = io::copy(&mut reader.by_ref().take(MOST_HASHED), &mut hasher)?;
    if rest >= MOST_HASHED {
        return Err(io::Error::other(format!("it is longer than {MOST_HASHED} bytes")));
    }
    Ok(Content { digest: *hasher.finalize().as_bytes(), text: None })
}

/// `4.4.7` of `WSO2 Carbon v4.4.7`.
fn version(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, version) = text.lines().next()?.trim().rsplit_once(" v")?;
    let plain =
        version.len() <= 64 && version.chars().all(|c| c.is_ascii_alphanumeric() || ".-+_".contains(c));
    plain.then(|| version.to_owned())
}

/// The name, when it is of the configuration.
fn is_configuration(name: &str) -> bool {
    PLACES.iter().any(|place| name.starts_with(place)) && (is_version(name) || !is_left_out(name))
}

fn is_left_out(name: &str) -> bool {
    LEFT_OUT.iter().any(|left_out| {
        name.strip_prefix(left_out).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn is_version(name: &str) -> bool {
    matches!(name, "bin/version.txt" | "bin/wso2carbon-version.txt")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
