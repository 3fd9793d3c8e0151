//! What the files of an installation are compared with.

use std::path::PathBuf;

use glob::Pattern;
use schemars::JsonSchema;
use serde::Deserialize;

use super::validate::Validation;

/// What the files of the installation are compared with, beside the hashes its vendor ships.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawFiles {
    /// An untouched copy of the installed release: the archive it came in (.tar.gz, .tar or .zip, never
    /// unpacked), or a directory. Without one, changes show from the day the agent looked first.
    pub(super) pristine: Option<String>,
    /// Files that are left out: paths relative to the installation, with * for a part of a name and ** for
    /// any directories.
    pub(super) ignore: Vec<String>,
}

/// What the files of an installation are compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesAccess {
    /// An untouched copy of the installed release: an archive or a directory.
    pub pristine: Option<PathBuf>,
    /// What is left out, relative to the installation; a directory with everything in it.
    pub ignore: Vec<Pattern>,
}

impl Validation {
    /// What stands at `key` about the files of an instance.
    pub(super) fn files(&mut self, key: &str, raw: RawFiles) -> FilesAccess {
        let pristine = raw.pristine.map(|path| self.path(&format!("{key}.pristine"), &path));
        let mut ignore = Vec::new();
        for (index, text) in raw.ignore.iter().enumerate() {
            let key = format!("{key}.ignore[{index}]");
            // A directory stands for everything in it.
            let inner = text.trim_end_matches("/**").trim_end_matches('/');
            if inner.is_empty() || inner == "**" || inner == "*" {
                self.problem(&key, format!("must leave something to compare, and is {text:?}"));
                continue;
            }
            if inner.starts_with('/') || inner.split('/').any(|part| matches!(part, "." | "..")) {
                self.problem(
                    &key,
                    format!(
                        "must be a path relative to the installation such as \"conf/old/**\", and is {text:?}"
                    ),
                );
                continue;
            }
            match Pattern::new(inner) {
                Ok(pattern) => ignore.push(pattern),
                Err(error) => {
                    self.problem(&key, format!("must be a pattern such as \"conf/*.bak\": {error}"));
                }
            }
        }
        FilesAccess { pristine, ignore }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{FilesAccess, parse_config};

    fn parse(keys: &str) -> Result<FilesAccess, Vec<String>> {
        let text = format!(
            "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n[instance.files]\n{keys}"
        );
        parse_config(&text)
            .map(|config| config.instances[0].files.clone())
            .map_err(|problems| problems.into_iter().map(|problem| problem.key).collect())
    }

    #[test]
    fn a_copy_and_patterns_are_taken() {
        let files =
            parse("pristine = '/srv/c.tar.gz'\nignore = ['conf/old/**', 'conf/*.bak', 'bin/']\n").unwrap();
        assert_eq!(files.pristine.unwrap().to_str(), Some("/srv/c.tar.gz"));
        let patterns: Vec<&str> = files.ignore.iter().map(glob::Pattern::as_str).collect();
        assert_eq!(patterns, ["conf/old", "conf/*.bak", "bin"]);
        assert_eq!(parse("").unwrap(), FilesAccess::default());
    }

    #[test]
    fn every_mistake_names_its_key() {
        let keys =
            parse("pristine = 'c.zip'\nignore = ['a***', '/etc/x', '../x', '**', '', 'ok', 'a/./b']\n")
                .unwrap_err();
        let expected =
            ["pristine", "ignore[0]", "ignore[1]", "ignore[2]", "ignore[3]", "ignore[4]", "ignore[6]"];
        assert_eq!(keys, expected.map(|key| format!("instance[0].files.{key}")));
        assert_eq!(parse("pristin = '/a'\n").unwrap_err(), ["instance[0].files.pristin"]);
    }
}
