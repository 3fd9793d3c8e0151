//! Tells shared collectors where the parts of a Confluence installation are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use upgrade_readiness_checks::facts::{FailureKind, Role};

use super::{options_script, read_site};
use crate::collect::layout::{JavaPlaces, Launch, Layout, OptionsScript};
use crate::collect::scripts::parse_assignments;
use crate::collect::text_file::{explain_io, read_text};
use crate::collect::{CollectError, kind_of_io};
use crate::config::Instance;

/// The layout of one instance.
#[derive(Debug, Clone)]
pub struct SiteLayout {
    instance: Arc<Instance>,
}

impl SiteLayout {
    /// The layout of an instance; files are read at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

/// What stands in the command line of the service's process and of no other.
///
/// The start scripts pass the path they were started by, so the installation directory is given as
/// it is configured: when the configuration names a link, the service must be started through it.
#[must_use]
pub fn service_mark(installation_dir: &Path) -> String {
    let directory = installation_dir.display().to_string();
    format!("-Dcatalina.home={}", directory.trim_end_matches('/'))
}

/// Scripts that may name a Java, the one whose word counts most first.
const JAVA_SCRIPTS: [&str; 4] = ["setenv.sh", "setjre.sh", "user.sh", "setclasspath.sh"];
/// The same on Windows.
const JAVA_SCRIPTS_WINDOWS: [&str; 2] = ["setenv.bat", "setjre.bat"];

/// Scripts that start the service: the product's own, and those of its application server.
const START_SCRIPTS: [&str; 3] = ["bin/start-confluence.sh", "bin/startup.sh", "bin/catalina.sh"];

impl Layout for SiteLayout {
    fn service_mark(&self) -> Result<String, CollectError> {
        Ok(service_mark(&self.instance.installation_dir))
    }

    fn directories(&self) -> Result<Vec<(Role, PathBuf)>, CollectError> {
        let site = read_site(&self.instance)?;
        let parent = |path: &PathBuf| path.parent().map(PathBuf::from);
        let directories = [
            (Role::Installation, Some(site.installation_dir.clone())),
            (Role::InstallationParent, parent(&site.installation_dir)),
            (Role::Home, Some(site.home_dir.clone())),
            (Role::HomeParent, parent(&site.home_dir)),
            (Role::SharedHome, site.shared_home()?),
            (Role::Attachments, site.attachments_dir()?),
            (Role::Index, site.index_dir()?),
        ];
        Ok(directories.into_iter().filter_map(|(role, path)| Some((role, path?))).collect())
    }

    fn launch(&self) -> Result<Launch, CollectError> {
        Ok(Launch { dir: self.instance.installation_dir.clone(), scripts: &START_SCRIPTS })
    }

    fn java(&self) -> Result<JavaPlaces, CollectError> {
        let directory = &self.instance.installation_dir;
        let names = if cfg!(windows) { JAVA_SCRIPTS_WINDOWS.as_slice() } else { JAVA_SCRIPTS.as_slice() };
        let mut scripts = Vec::new();
        for name in names {
            match read_text(&directory.join("bin").join(name)) {
                Ok(text) => scripts.push(text),
                Err(error) if error.kind() == FailureKind::Absent => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut configured: Vec<PathBuf> = Vec::new();
        // The scripts of the application server prefer JRE_HOME; in each, the last assignment counts.
        for variable in ["JRE_HOME", "JAVA_HOME"] {
            for script in &scripts {
                let settings = parse_assignments(script, variable);
                let homes = settings.iter().rev().filter_map(|setting| setting.literal()).map(PathBuf::from);
                for home in homes.filter(|home| home.is_absolute()) {
                    if !configured.contains(&home) {
                        configured.push(home);
                    }
                }
            }
        }
        let jre = directory.join("jre");
        let bundled = match fs::metadata(&jre) {
            Ok(found) => {
                if found.is_dir() {
                    vec![jre]
                } else {
                    Vec::new()
                }
            }
            Err(error) if kind_of_io(&error) == FailureKind::Absent => Vec::new(),
            Err(error) => {
                let told = explain_io(&jre, &error);
                return Err(CollectError::new(kind_of_io(&error), told, String::new()));
            }
        };
        Ok(JavaPlaces {
            configured,
            bundled,
            options_script: options_script(directory).map(OptionsScript::Variables),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::confluence::fixture::{Example, LaidOut};

    fn directories(example: &LaidOut) -> Vec<(Role, String)> {
        let layout = SiteLayout::new(Arc::new(example.instance()));
        let directories = layout.directories().unwrap();
        let below = |path: &PathBuf| path.strip_prefix(example.root()).unwrap().display().to_string();
        directories.iter().map(|(role, path)| (*role, below(path))).collect()
    }

    #[test]
    fn a_single_node_keeps_everything_in_its_home() {
        let expected = [
            (Role::Installation, "install"),
            (Role::InstallationParent, ""),
            (Role::Home, "home"),
            (Role::HomeParent, ""),
            (Role::Attachments, "home/attachments"),
            (Role::Index, "home/index"),
        ];
        let expected = expected.map(|(role, path)| (role, path.to_owned()));
        assert_eq!(directories(&Example::new().lay_out()), expected);
        let bare = Example::new().without("attachments.dir").without("lucene.index.dir").lay_out();
        assert_eq!(directories(&bare), expected, "what the product assumes");
    }

    #[test]
    fn a_cluster_node_shares_a_home() {
        let found = directories(&Example::new().cluster().lay_out());
        assert!(found.contains(&(Role::SharedHome, "shared".to_owned())), "{found:?}");
        assert!(found.contains(&(Role::Attachments, "shared/attachments".to_owned())), "{found:?}");
        assert!(found.contains(&(Role::Index, "home/index".to_owned())), "{found:?}");
    }

    #[test]
    fn what_is_kept_elsewhere_has_no_directory() {
        let opensearch = Example::new().property("search.platform", "opensearch").lay_out();
        assert!(!directories(&opensearch).iter().any(|(role, _)| *role == Role::Index));
        let s3 = Example::new().lay_out();
        s3.write(
            "install/bin/setenv.sh",
            "X=\"-Dconfluence.filestore.attachments.s3.bucket.name=wiki $X\"\n",
        );
        assert!(!directories(&s3).iter().any(|(role, _)| *role == Role::Attachments));
    }

    #[test]
    fn a_directory_that_cannot_be_known_is_an_error_and_not_left_out() {
        for value in ["${someHome}/attachments", "attachments"] {
            let example = Example::new().property("attachments.dir", value).lay_out();
            let layout = SiteLayout::new(Arc::new(example.instance()));
            let failure = layout.directories().unwrap_err().into_failure();
            assert_eq!(failure.kind, FailureKind::Malformed);
            let told = &failure.message;
            assert!(told.contains("attachments.dir") && told.contains("cfg.xml"), "{told}");
        }
    }

    #[test]
    fn the_service_is_known_by_its_directory() {
        let example = Example::new().lay_out();
        let mut instance = example.instance();
        instance.installation_dir = "/opt/atlassian/confluence/".into();
        let mark = SiteLayout::new(Arc::new(instance)).service_mark().unwrap();
        assert_eq!(mark, "-Dcatalina.home=/opt/atlassian/confluence");
    }

    #[test]
    fn java_is_what_the_scripts_name_and_what_came_with_the_program() {
        let example = Example::new().lay_out();
        example.write(
            "install/bin/setenv.sh",
            "JAVA_HOME=/opt/java17\n# JRE_HOME=/opt/old\nJRE_HOME=$JAVA_HOME\nJRE_HOME=relative\n",
        );
        example.write(
            "install/bin/setjre.sh",
            "JRE_HOME=\"/opt/jre11/\"; export JRE_HOME\nexport JAVA_HOME=/opt/java17\n",
        );
        let java = SiteLayout::new(Arc::new(example.instance())).java().unwrap();
        assert_eq!(java.configured, [PathBuf::from("/opt/jre11/"), PathBuf::from("/opt/java17")]);
        assert_eq!(java.bundled, [example.installation_dir().join("jre")]);
        assert_eq!(
            java.options_script,
            Some(OptionsScript::Variables(example.installation_dir().join("bin/setenv.sh")))
        );
    }

    #[test]
    fn an_installation_without_scripts_names_no_java() {
        let example = Example::new().lay_out();
        let mut instance = example.instance();
        instance.installation_dir = example.root().join("nothing");
        let java = SiteLayout::new(Arc::new(instance)).java().unwrap();
        assert_eq!(java, JavaPlaces::default());
    }

    #[test]
    fn scripts_nobody_may_read_are_told() {
        let example = Example::new().lay_out();
        example.forbid("install/bin/setenv.sh");
        let layout = SiteLayout::new(Arc::new(example.instance()));
        let error = as_another_user(move || layout.java().unwrap_err());
        let failure = error.into_failure();
        assert_eq!(failure.kind, FailureKind::Denied);
        assert!(failure.message.contains("setenv.sh") && failure.message.contains("setfacl"), "{failure:?}");
    }
}
