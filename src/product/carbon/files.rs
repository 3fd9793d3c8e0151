//! What the files of a Carbon product are: what the server writes, how a copy tells its release.
//!
//! The vendor ships no hashes with its products, so they are compared with an untouched copy or with the agent's own
//! list.

use std::sync::Arc;

use upgrade_readiness_checks::facts::{Field, Product};
use upgrade_readiness_checks::version::ProductVersion;

use super::home::{KERNEL, PRODUCT, read_versions};
use crate::collect::CollectError;
use crate::collect::files::{Anatomy, ReleaseMarker, Survey};
use crate::config::Instance;

/// What a running server writes into its home: logs, data, what it makes of bundles and of `deployment.toml`.
const WRITTEN: [&str; 12] = [
    "repository/logs",
    "repository/database",
    "repository/data",
    "repository/tenants",
    "repository/components/default",
    "repository/components/worker",
    "repository/components/patches/.metadata",
    "repository/components/patches/patch0000",
    "repository/resources/conf/.metadata",
    "tmp",
    "updates",
    "wso2carbon.pid",
];

/// Directories that only some archives bring.
const OPTIONAL: [&str; 2] = ["jdk", "jre"];

/// The files of one instance.
#[derive(Debug, Clone)]
pub struct HomeFiles {
    instance: Arc<Instance>,
}

impl HomeFiles {
    /// The files of an instance; they are looked up at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl Anatomy for HomeFiles {
    fn survey(&self) -> Result<Survey, CollectError> {
        let root = self.instance.installation_dir.clone();
        let release = match read_versions(&root).of(self.instance.product) {
            Field::Read(version) => Ok(version.as_str().to_owned()),
            Field::Unread(why) => Err(why.clone()),
        };
        let file = if self.instance.product == Product::Wso2Carbon { KERNEL } else { PRODUCT };
        Ok(Survey {
            root,
            release,
            vendor: None,
            optional: &OPTIONAL,
            written: &WRITTEN,
            ignore: self.instance.files.ignore.clone(),
            pristine: self.instance.files.pristine.clone(),
            marker: ReleaseMarker { file, parse: parse_marker, parse_name: release_in_name },
        })
    }
}

/// The release a line such as `WSO2 API Manager v2.6.0` states.
fn parse_marker(text: &str) -> Option<String> {
    release(text.lines().next()?.trim().rsplit_once(" v")?.1)
}

/// The release in a name such as `wso2am-2.6.0.zip` or `wso2carbon-4.4.7`.
pub(super) fn release_in_name(name: &str) -> Option<String> {
    let name = name.strip_suffix(".zip").unwrap_or(name);
    let (product, version) = name.split_once('-')?;
    if product.starts_with("wso2") { release(version) } else { None }
}

/// An update tool adds a timestamp behind a plus sign, which is no part of the version.
fn release(text: &str) -> Option<String> {
    let text = text.split('+').next().unwrap_or(text);
    text.parse::<ProductVersion>().ok().map(|version| version.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::{ComparedWith, Section};

    use super::*;
    use crate::collect::Collector;
    use crate::collect::files::FilesCollector;
    use crate::product::carbon::fixture::Example;

    #[test]
    fn a_copy_tells_its_release() {
        let rows = [
            ("wso2am-2.6.0.zip", Some("2.6.0")),
            ("wso2carbon-4.4.7", Some("4.4.7")),
            ("wso2is-5.7.0+1660491962474.full.zip", Some("5.7.0")),
            ("wso2am-latest.zip", None),
            ("backup-2.6.0.zip", None),
        ];
        for (name, expected) in rows {
            assert_eq!(release_in_name(name).as_deref(), expected, "{name}");
        }
        assert_eq!(parse_marker("WSO2 Carbon Framework v4.4.7\n").as_deref(), Some("4.4.7"));
        assert_eq!(parse_marker("<html>"), None);
    }

    #[tokio::test]
    async fn changes_show_since_the_first_look_without_what_the_server_writes() {
        let example = Example::new().lay_out();
        let cache = tempfile::tempdir().unwrap();
        let anatomy = Arc::new(HomeFiles::new(Arc::new(example.instance())));
        let collector = FilesCollector::new(anatomy, Some(cache.path().to_owned()));
        let look = async || match collector.collect().await.unwrap() {
            Section::Files(files) => files,
            other => panic!("{other:?}"),
        };
        assert_eq!(look().await.trees.len(), 1);
        example.write("repository/conf/carbon.xml", "<Server><Name>mine</Name></Server>");
        example.write("repository/logs/wso2carbon.log", "x");
        example.write("wso2carbon.pid", "1");
        let files = look().await;
        assert!(matches!(files.trees[0].compared_with, ComparedWith::Baseline(_)));
        let differences = files.trees[0].differences.value().unwrap();
        assert_eq!(differences.modified.paths, ["repository/conf/carbon.xml"]);
        assert_eq!(differences.added.count, 0, "{differences:?}");
    }

    #[tokio::test]
    async fn an_untouched_copy_of_the_same_release_is_compared_with() {
        let (example, copy) = (Example::new().lay_out(), Example::new().lay_out());
        example.write("repository/conf/user-mgt.xml", "<UserManager/>");
        let mut instance = example.instance();
        instance.files.pristine = Some(copy.home());
        let cache = tempfile::tempdir().unwrap();
        let anatomy = Arc::new(HomeFiles::new(Arc::new(instance)));
        let collector = FilesCollector::new(anatomy, Some(cache.path().to_owned()));
        let Section::Files(files) = collector.collect().await.unwrap() else { panic!() };
        assert!(matches!(files.trees[0].compared_with, ComparedWith::Pristine(_)));
        assert_eq!(files.trees[0].differences.value().unwrap().modified.count, 1);
    }
}
