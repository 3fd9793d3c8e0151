//! What Confluence's own files are: where its hashes stand, what it writes, how a copy tells its release.

use std::collections::BTreeMap;
use std::sync::Arc;

use upgrade_readiness_checks::facts::Field;
use upgrade_readiness_checks::version::ProductVersion;

use super::site::versions::{POM_PROPERTIES, read_versions};
use crate::collect::CollectError;
use crate::collect::files::{Anatomy, Digest, ReleaseMarker, Survey, VendorHashes, VendorList};
use crate::collect::properties::parse_properties;
use crate::config::Instance;

/// The web application, below the installation.
const WEB_APPLICATION: &str = "confluence";

/// The hashes of the web application, below the installation.
const HASH_REGISTRY: &str = "confluence/WEB-INF/classes/hash-registry.properties";

/// Keys of the registry for files, and for resources of the class path, with the directory they stand for.
const PREFIXES: [(&str, &str); 2] = [("fs.", ""), ("cp.", "WEB-INF/classes/")];

/// The installer brings a Java and its own uninstaller, the archive does not.
const OPTIONAL: [&str; 3] = ["jre", ".install4j", "uninstall"];

/// What the running application server writes into the installation.
const WRITTEN: [&str; 4] = ["logs", "temp", "work", "conf/Catalina"];

/// The files of one instance.
#[derive(Debug, Clone)]
pub struct SiteFiles {
    instance: Arc<Instance>,
}

impl SiteFiles {
    /// The files of an instance; they are looked up at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl Anatomy for SiteFiles {
    fn survey(&self) -> Result<Survey, CollectError> {
        let root = self.instance.installation_dir.clone();
        let release = match read_versions(&root).0 {
            Field::Read(version) => Ok(version.as_str().to_owned()),
            Field::Unread(why) => Err(why),
        };
        Ok(Survey {
            root,
            release,
            vendor: Some(VendorHashes { below: WEB_APPLICATION, file: HASH_REGISTRY, parse: parse_registry }),
            optional: &OPTIONAL,
            written: &WRITTEN,
            ignore: self.instance.files.ignore.clone(),
            pristine: self.instance.files.pristine.clone(),
            marker: ReleaseMarker { file: POM_PROPERTIES, parse: parse_marker, parse_name: release_in_name },
        })
    }
}

/// A door for the fuzz targets: reads the vendor's list, and the file that tells the release.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(text: &str) -> Option<usize> {
    parse_marker(text);
    parse_registry(text).ok().map(|list| list.hashes.len())
}

/// Reads `hash-registry.properties`: `fs.<path>` and `cp.<class path resource>` with their MD5.
///
/// Its form is known from public copies of releases 5.5.3 and others.
fn parse_registry(text: &str) -> Result<VendorList, String> {
    let mut hashes: BTreeMap<String, Digest> = BTreeMap::new();
    let mut strange = 0;
    for (key, value) in parse_properties(text) {
        let digest = match Digest::parse(value.trim()) {
            Some(digest @ Digest::Md5(_)) => digest,
            // A list that was cut off ends within a line, and what stands behind its end is not known.
            Some(Digest::Blake3(_)) | None => {
                return Err(format!("it is damaged or cut off: {:?} has no MD5", excerpt(&key)));
            }
        };
        let place = PREFIXES
            .into_iter()
            .find_map(|(prefix, directory)| key.strip_prefix(prefix).map(|rest| (directory, rest)));
        match place {
            // The same file may stand there under both prefixes; keys are in order, and fs counts.
            Some((directory, rest)) => drop(hashes.insert(format!("{directory}{rest}"), digest)),
            None => strange += 1,
        }
    }
    if hashes.is_empty() {
        return Err("there is no hash in it".to_owned());
    }
    Ok(VendorList { hashes, strange })
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

fn parse_marker(text: &str) -> Option<String> {
    release(parse_properties(text).remove("version")?.trim())
}

/// The release in a name such as `atlassian-confluence-9.2.7.tar.gz`.
fn release_in_name(name: &str) -> Option<String> {
    let name = name.strip_prefix("atlassian-confluence-")?;
    let endings = [".tar.gz", ".tgz", ".tar", ".zip"];
    release(endings.into_iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name))
}

fn release(text: &str) -> Option<String> {
    text.parse::<ProductVersion>().ok().map(|version| version.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    #[test]
    fn both_prefixes_and_escapes_are_read() {
        let text = format!(
            "# THIS FILE IS GENERATED - DO NOT MODIFY. algorithm: MD5 HEX\n#Mon Mar 03\n\
             fs.WEB-INF/web.xml={MD5}\ncp.seraph-config.xml={MD5}\nfs.a\\ b\\:c\\=d\\#e\\!.vm={MD5}\n\
             fs.caf\\u00e9={MD5}\nfs.../x={MD5}\nother={MD5}\n"
        );
        let list = parse_registry(&text).unwrap();
        let names: Vec<&str> = list.hashes.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["../x", "WEB-INF/classes/seraph-config.xml", "WEB-INF/web.xml", "a b:c=d#e!.vm", "café"]
        );
        assert_eq!(list.strange, 1);
    }

    #[test]
    fn a_list_that_is_no_list_is_refused() {
        let cut = format!("fs.a={MD5}\nfs.b=d41d8c");
        for text in ["", "# nothing\n", "<!DOCTYPE html><html>", cut.as_str(), "fs.a", "fs.a=sha256:aa"] {
            assert!(parse_registry(text).is_err(), "{text}");
        }
        let long = format!("fs.a={MD5}{MD5}");
        assert!(parse_registry(&long).is_err(), "another algorithm");
    }

    #[test]
    fn a_copy_tells_its_release() {
        let rows = [
            ("atlassian-confluence-9.2.7.tar.gz", Some("9.2.7")),
            ("atlassian-confluence-9.2.7.zip", Some("9.2.7")),
            ("atlassian-confluence-9.2.7", Some("9.2.7")),
            ("confluence-backup.tar.gz", None),
            ("atlassian-confluence-latest.zip", None),
        ];
        for (name, expected) in rows {
            assert_eq!(release_in_name(name).as_deref(), expected, "{name}");
        }
        assert_eq!(parse_marker("#x\nversion=9.2.7\n").as_deref(), Some("9.2.7"));
        assert_eq!(parse_marker("<html>"), None);
    }
}
