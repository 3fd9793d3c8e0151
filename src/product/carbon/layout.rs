//! Tells shared collectors where the parts of a Carbon product are.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use upgrade_readiness_checks::facts::{FailureKind, Role};

use super::home::START_SCRIPTS;
use crate::collect::CollectError;
use crate::collect::layout::{JavaPlaces, Launch, Layout, OptionsScript};
use crate::collect::scripts::parse_assignments;
use crate::collect::text_file::read_text;
use crate::config::Instance;

/// The layout of one instance.
#[derive(Debug, Clone)]
pub struct HomeLayout {
    instance: Arc<Instance>,
}

impl HomeLayout {
    /// The layout of an instance; files are read at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

/// What a failed look at a path says when a link on the way to it leads nowhere, as to a share that is not mounted: that
/// is no directory or file that does not exist.
pub fn unless_link_to_nowhere(path: &Path, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::NotFound {
        return error;
    }
    let nearest = path.ancestors().find_map(|part| Some((part, std::fs::symlink_metadata(part).ok()?)));
    match nearest {
        Some((part, found)) if found.is_symlink() => {
            let to = std::fs::read_link(part).unwrap_or_default();
            io::Error::other(format!(
                "the link {} leads to {}, which is not there",
                part.display(),
                to.display()
            ))
        }
        Some(_) | None => error,
    }
}

/// What stands in the command line of the server's process and of no other. Paths that lead to the same directory
/// count as equal.
#[must_use]
pub fn service_mark(home: &Path) -> String {
    let home = home.display().to_string();
    format!("-Dcarbon.home={}", home.trim_end_matches('/'))
}

impl Layout for HomeLayout {
    fn service_mark(&self) -> Result<String, CollectError> {
        Ok(service_mark(&self.instance.installation_dir))
    }

    /// A Carbon product has no home beside its installation.
    fn directories(&self) -> Result<Vec<(Role, PathBuf)>, CollectError> {
        let home = &self.instance.installation_dir;
        let parent = home.parent().map(|parent| (Role::InstallationParent, parent.to_owned()));
        Ok([(Role::Installation, home.clone())].into_iter().chain(parent).collect())
    }

    fn launch(&self) -> Result<Launch, CollectError> {
        Ok(Launch { dir: self.instance.installation_dir.clone(), scripts: &START_SCRIPTS })
    }

    fn java(&self) -> Result<JavaPlaces, CollectError> {
        let home = &self.instance.installation_dir;
        let mut configured: Vec<PathBuf> = Vec::new();
        let mut options_script = None;
        for name in START_SCRIPTS {
            let path = home.join(name);
            let text = match read_text(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == FailureKind::Absent => continue,
                Err(error) => return Err(error.into()),
            };
            let settings = parse_assignments(&text, "JAVA_HOME");
            let homes = settings.iter().rev().filter_map(|setting| setting.literal()).map(PathBuf::from);
            for home in homes.filter(|home| home.is_absolute()) {
                if !configured.contains(&home) {
                    configured.push(home);
                }
            }
            options_script = options_script.or(Some(OptionsScript::Command(path)));
        }
        Ok(JavaPlaces { configured, bundled: Vec::new(), options_script })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::carbon::fixture::{Example, LaidOut};

    fn layout(example: &LaidOut) -> HomeLayout {
        HomeLayout::new(Arc::new(example.instance()))
    }

    #[test]
    fn everything_is_in_one_directory() {
        let example = Example::new().lay_out();
        let directories = layout(&example).directories().unwrap();
        assert_eq!(
            directories,
            [(Role::Installation, example.home()), (Role::InstallationParent, example.root().to_owned())]
        );
        let mark = layout(&example).service_mark().unwrap();
        assert_eq!(mark, format!("-Dcarbon.home={}", example.home().display()));
        assert_eq!(service_mark(Path::new("/opt/wso2/")), "-Dcarbon.home=/opt/wso2");
    }

    #[test]
    fn java_is_what_the_start_scripts_name() {
        let example = Example::new().lay_out();
        assert_eq!(
            layout(&example).java().unwrap().configured,
            Vec::<PathBuf>::new(),
            "it is in the environment"
        );
        example.write("bin/wso2server.sh", "JAVA_HOME=$(find)\nJAVA_HOME=/opt/java8\n");
        example.write("bin/integrator.sh", "export JAVA_HOME=/opt/java11\n");
        let java = layout(&example).java().unwrap();
        assert_eq!(java.configured, [PathBuf::from("/opt/java8"), PathBuf::from("/opt/java11")]);
        assert_eq!(
            java.options_script,
            Some(OptionsScript::Command(example.home().join("bin/wso2server.sh")))
        );
    }

    #[test]
    fn scripts_nobody_may_read_are_told() {
        let example = Example::new().lay_out();
        example.forbid("bin/wso2server.sh");
        let layout = layout(&example);
        let failure = as_another_user(move || layout.java().unwrap_err()).into_failure();
        assert_eq!(failure.kind, FailureKind::Denied);
        assert!(
            failure.message.contains("wso2server.sh") && failure.message.contains("setfacl"),
            "{failure:?}"
        );
    }
}
