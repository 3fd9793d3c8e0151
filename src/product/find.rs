//! Which installations there are on this host, by running processes and in the usual directories.
//!
//! What an installation of a product looks like stands in the product's own folder, as a [`Finder`]. Nothing but names,
//! versions and ports is read: no password is seen here, so none can be told.

use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Family, Product};
use upgrade_readiness_checks::version::ProductVersion;

use super::{carbon, confluence};
use crate::collect::process::list::{JavaProcesses, list_java};
use crate::collect::process::{FindProcessError, JavaProcess};
use crate::collect::search::{Start, search};

/// How installations of a product are found.
pub struct Finder {
    /// The family of the product.
    pub family: Family,
    /// A new release is set up beside the running one, and takes over from it.
    pub prepared_beside: bool,
    /// A directory is an installation, by marks that no other program has.
    pub is_installation: fn(&Path) -> bool,
    /// The installation a process runs, as its command line says; `None` for processes of other programs.
    pub runs: fn(&JavaProcess) -> Option<PathBuf>,
    /// What the files of an installation, and the process that runs it, say of it.
    pub look: fn(&Path, Option<&JavaProcess>) -> Looked,
    /// Lines of the configuration that are worth filling in for an installation.
    pub keys: fn(&Found) -> String,
}

/// What an installation says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The product.
    pub product: Product,
    /// How it calls itself, where that is no product known by its own name.
    pub called: Option<String>,
    /// Its version.
    pub version: Option<ProductVersion>,
    /// Where its HTTP side is, seen from this host.
    pub base_url: Option<String>,
}

/// An installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where the program is.
    pub installation_dir: PathBuf,
    /// The process that runs it; `None` when none was seen.
    pub pid: Option<u32>,
    /// What it says of itself.
    pub says: Looked,
}

/// An installation to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The installation.
    pub instance: Found,
    /// Newer releases of it that are set up beside it, the newest first.
    pub prepared: Vec<Found>,
    /// Lines of the configuration that are worth filling in.
    pub keys: String,
}

/// What was found on this host.
#[derive(Debug)]
pub struct Survey {
    /// Installations to be watched.
    pub proposed: Vec<Proposed>,
    /// Installations that do not run while another of the same product does.
    pub left_out: Vec<Found>,
    /// Where it was looked.
    pub looked: Vec<String>,
    /// What could not be seen.
    pub troubles: Vec<String>,
}

/// Where it is looked.
#[derive(Debug)]
pub struct Whereabouts {
    /// The process file system.
    pub proc_dir: PathBuf,
    /// Directories, and how deep.
    pub starts: Vec<Start>,
    /// Running installations elsewhere are found too.
    pub anywhere: bool,
}

/// Directories in which people install such products, and how many steps below.
const USUAL: [(&str, usize); 7] = [
    ("/opt", 3),
    ("/usr/lib/wso2", 3),
    ("/usr/local", 2),
    ("/srv", 3),
    ("/home", 4),
    ("/data", 3),
    ("/app", 3),
];

/// How deep it is looked below a directory that somebody names.
const DEPTH: usize = 5;

impl Whereabouts {
    /// Running processes and the usual directories of this host.
    #[must_use]
    pub fn usual() -> Self {
        let starts = USUAL.map(|(dir, depth)| Start { dir: dir.into(), depth });
        Self { proc_dir: "/proc".into(), starts: starts.into(), anywhere: true }
    }

    /// These directories of this host, and what runs from them.
    #[must_use]
    pub fn below(directories: &[PathBuf]) -> Self {
        let starts = directories.iter().map(|dir| Start { dir: dir.clone(), depth: DEPTH }).collect();
        Self { starts, anywhere: false, ..Self::usual() }
    }
}

/// Who finds the products of a family.
fn finder(family: Family) -> &'static Finder {
    match family {
        Family::Confluence => &confluence::find::FINDER,
        Family::Carbon => &carbon::find::FINDER,
    }
}

fn finders() -> Vec<&'static Finder> {
    let mut families: Vec<Family> = Product::ALL.iter().map(|product| product.family()).collect();
    families.dedup();
    families.into_iter().map(finder).collect()
}

/// Looks for installations.
#[must_use]
pub fn find(whereabouts: &Whereabouts) -> Survey {
    let finders = finders();
    let JavaProcesses { seen, gap } = list_java(&whereabouts.proc_dir);
    let searched =
        search(&whereabouts.starts, &|dir| finders.iter().any(|finder| (finder.is_installation)(dir)));
    let mut survey = Survey {
        proposed: Vec::new(),
        left_out: Vec::new(),
        looked: searched.looked.iter().map(|dir| dir.display().to_string()).collect(),
        troubles: searched.troubles,
    };
    match &gap {
        Some(gap) => survey.troubles.push(explain(gap)),
        None => survey.looked.insert(0, "running Java processes".to_owned()),
    }
    let places: Vec<&PathBuf> = searched.found.iter().filter(|dir| survey.can_be_named(dir)).collect();
    for finder in finders {
        let mut found: Vec<Found> = Vec::new();
        for process in &seen {
            let Some(dir) = (finder.runs)(process) else { continue };
            let dir = dir.canonicalize().unwrap_or(dir);
            if !whereabouts.includes(&dir) || !survey.can_be_named(&dir) {
                continue;
            }
            if !(finder.is_installation)(&dir) {
                survey.troubles.push(format!(
                    "process {} runs {} from {}, whose files are not seen from here: it may run in a container, or the \
                     agent may not read them",
                    process.pid,
                    finder.family.id(),
                    dir.display()
                ));
            } else if found.iter().all(|other| other.installation_dir != dir) {
                let says = (finder.look)(&dir, Some(process));
                found.push(Found { installation_dir: dir, pid: Some(process.pid), says });
            }
        }
        for dir in places.iter().copied().filter(|dir| (finder.is_installation)(dir)) {
            if found.iter().all(|other| other.installation_dir != *dir) {
                let says = (finder.look)(dir, None);
                found.push(Found { installation_dir: dir.clone(), pid: None, says });
            }
        }
        survey.sort_out(found, finder);
    }
    survey
}

impl Whereabouts {
    fn includes(&self, dir: &Path) -> bool {
        self.anywhere
            || self
                .starts
                .iter()
                .any(|start| start.dir.canonicalize().is_ok_and(|start| dir.starts_with(start)))
    }
}

impl Survey {
    /// Whether a path can stand in a configuration; told when it cannot.
    fn can_be_named(&mut self, dir: &Path) -> bool {
        let fits = dir.to_str().is_some_and(|path| !path.chars().any(char::is_control));
        if !fits {
            let name = dir.display().to_string();
            let trouble =
                format!("{name:?} cannot be written into a configuration: its name is no plain text");
            if !self.troubles.contains(&trouble) {
                self.troubles.push(trouble);
            }
        }
        fits
    }

    /// Of each product, those that run are to be watched, or when none was seen running, those of the lowest version. A
    /// newer one beside them waits to take over.
    fn sort_out(&mut self, mut found: Vec<Found>, finder: &Finder) {
        found.sort_by(|one, other| one.installation_dir.cmp(&other.installation_dir));
        let mut products: Vec<Product> = found.iter().map(|found| found.says.product).collect();
        products.sort();
        products.dedup();
        for product in products {
            let of_product = || found.iter().filter(|found| found.says.product == product);
            let lowest = of_product().filter_map(|found| found.says.version.as_ref()).min();
            let some_runs = of_product().any(|found| found.pid.is_some());
            let (watched, others): (Vec<&Found>, Vec<&Found>) = of_product().partition(|found| {
                if some_runs {
                    found.pid.is_some()
                } else {
                    found.says.version.as_ref().is_none_or(|version| Some(version) == lowest)
                }
            });
            let newer_than = |watched: &Found| {
                let mut newer: Vec<Found> = others
                    .iter()
                    .filter(|other| finder.prepared_beside && is_newer(other, watched))
                    .map(|other| (*other).clone())
                    .collect();
                newer.sort_by(|one, other| other.says.version.cmp(&one.says.version));
                newer
            };
            let proposed: Vec<Proposed> = watched
                .iter()
                .map(|watched| Proposed {
                    instance: (*watched).clone(),
                    prepared: newer_than(watched),
                    keys: (finder.keys)(watched),
                })
                .collect();
            let waits = |other: &Found| proposed.iter().any(|proposed| proposed.prepared.contains(other));
            self.left_out.extend(others.into_iter().filter(|other| !waits(other)).cloned());
            self.proposed.extend(proposed);
        }
    }
}

fn is_newer(one: &Found, other: &Found) -> bool {
    matches!((&one.says.version, &other.says.version), (Some(one), Some(other)) if one > other)
}

fn explain(gap: &FindProcessError) -> String {
    match gap {
        FindProcessError::List { dir, cause } => {
            format!("the running processes could not be listed in {}: {cause}", dir.display())
        }
        FindProcessError::Hidden { how, .. } => {
            format!("processes of other users are hidden ({how}): run it as root to see what runs")
        }
        FindProcessError::Contained => {
            "only the processes of the agent's own container are seen: run it on the host to see what runs"
                .to_owned()
        }
        FindProcessError::Unclear { pid, why } => {
            format!("process {pid} could not be looked at ({why})")
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Laid-out trees and played processes.

    use std::fs;

    use super::*;
    use crate::collect::process::fixture::FakeProc;

    /// A host with a directory of its own for installations.
    pub(crate) struct FakeHost {
        pub(crate) proc: FakeProc,
        dir: tempfile::TempDir,
    }

    impl FakeHost {
        pub(crate) fn new() -> Self {
            Self { proc: FakeProc::with_init(), dir: tempfile::tempdir().unwrap() }
        }

        pub(crate) fn at(&self, path: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(path)
        }

        pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
            let path = self.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        pub(crate) fn run(&self, pid: u32, arguments: &[&str]) {
            let all: Vec<&str> =
                std::iter::once("/opt/jdk/bin/java").chain(arguments.iter().copied()).collect();
            self.proc.add(pid, "java", &all);
        }

        pub(crate) fn find(&self) -> Survey {
            let starts = vec![Start { dir: self.at(""), depth: 3 }];
            find(&Whereabouts { proc_dir: self.proc.dir().to_owned(), starts, anywhere: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::FakeHost;
    use super::*;

    fn carbon(host: &FakeHost, dir: &str, version: &str) {
        host.write(
            &format!("{dir}/bin/wso2carbon-version.txt"),
            format!("WSO2 Carbon Framework v{version}\n"),
        );
        host.write(&format!("{dir}/bin/version.txt"), format!("WSO2 Carbon v{version}\n"));
    }

    fn confluence(host: &FakeHost, dir: &str, version: &str) {
        let pom = "confluence/META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties";
        host.write(&format!("{dir}/{pom}"), format!("version={version}\n"));
        host.write(&format!("{dir}/confluence/WEB-INF/classes/confluence-init.properties"), "");
    }

    fn names(host: &FakeHost, found: &[Found]) -> Vec<String> {
        let top = host.at("");
        found
            .iter()
            .map(|found| found.installation_dir.strip_prefix(&top).unwrap().display().to_string())
            .collect()
    }

    fn sorted_out(host: &FakeHost) -> (Vec<(String, Vec<String>)>, Vec<String>) {
        let survey = host.find();
        assert!(survey.troubles.is_empty(), "{:?}", survey.troubles);
        let proposed = survey
            .proposed
            .iter()
            .map(|proposed| {
                let instance = names(host, std::slice::from_ref(&proposed.instance)).remove(0);
                (instance, names(host, &proposed.prepared))
            })
            .collect();
        (proposed, names(host, &survey.left_out))
    }

    #[test]
    fn what_runs_is_watched_and_a_newer_one_beside_it_waits() {
        let host = FakeHost::new();
        for version in ["4.4.1", "4.4.6", "4.4.7", "4.4.10"] {
            carbon(&host, &format!("wso2/carbon-{version}"), version);
        }
        confluence(&host, "atlassian/confluence-8.5.4", "8.5.4");
        confluence(&host, "atlassian/confluence-9.2.1", "9.2.1");
        let home = host.at("wso2/carbon-4.4.6").display().to_string();
        host.run(70, &[&format!("-Dcarbon.home={home}"), "org.wso2.carbon.bootstrap.Bootstrap"]);
        let installed = host.at("atlassian/confluence-9.2.1").display().to_string();
        host.run(
            80,
            &[&format!("-Dcatalina.home={installed}"), "org.apache.catalina.startup.Bootstrap", "start"],
        );
        let (proposed, left_out) = sorted_out(&host);
        assert_eq!(
            proposed,
            [
                ("atlassian/confluence-9.2.1".to_owned(), vec![]),
                (
                    "wso2/carbon-4.4.6".to_owned(),
                    vec!["wso2/carbon-4.4.10".to_owned(), "wso2/carbon-4.4.7".to_owned()]
                ),
            ]
        );
        assert_eq!(left_out, ["atlassian/confluence-8.5.4", "wso2/carbon-4.4.1"]);
    }

    #[test]
    fn when_none_runs_the_lowest_is_watched_and_one_of_unknown_version_too() {
        let host = FakeHost::new();
        carbon(&host, "a", "4.4.7");
        carbon(&host, "b", "4.4.6");
        carbon(&host, "c", "4.4.6");
        host.write("d/bin/wso2carbon-version.txt", "${carbon.version}");
        let newer = || vec!["a".to_owned()];
        let (proposed, left_out) = sorted_out(&host);
        assert_eq!(
            proposed,
            [("b".to_owned(), newer()), ("c".to_owned(), newer()), ("d".to_owned(), vec![])]
        );
        assert!(left_out.is_empty());
    }

    #[test]
    fn what_runs_out_of_sight_is_told() {
        let host = FakeHost::new();
        host.run(7, &["-Dcarbon.home=/home/wso2carbon/wso2am", "org.wso2.carbon.bootstrap.Bootstrap"]);
        let survey = host.find();
        assert!(survey.proposed.is_empty());
        assert!(survey.troubles[0].contains("process 7 runs wso2-carbon from /home/wso2carbon/wso2am"));
        let hidden = Whereabouts { proc_dir: "/no/proc".into(), starts: Vec::new(), anywhere: true };
        let survey = find(&hidden);
        assert!(survey.looked.is_empty() && survey.troubles[0].contains("could not be listed"));
    }

    #[test]
    fn a_name_that_would_break_out_of_a_line_is_told_and_left_out() {
        let host = FakeHost::new();
        carbon(&host, "a\n[[instance]]", "4.4.6");
        let survey = host.find();
        assert!(survey.proposed.is_empty());
        assert!(survey.troubles.len() == 1 && survey.troubles[0].contains("\\n[[instance]]"), "{survey:?}");
    }

    #[test]
    fn named_directories_bound_what_is_found() {
        let host = FakeHost::new();
        carbon(&host, "mine/carbon", "4.4.6");
        carbon(&host, "other/carbon", "4.4.6");
        for (pid, dir) in [(7, "mine/carbon"), (8, "other/carbon")] {
            let home = format!("-Dcarbon.home={}", host.at(dir).display());
            host.run(pid, &[&home, "org.wso2.carbon.bootstrap.Bootstrap"]);
        }
        let below =
            Whereabouts { proc_dir: host.proc.dir().to_owned(), ..Whereabouts::below(&[host.at("mine")]) };
        let survey = find(&below);
        assert_eq!(survey.proposed.len(), 1);
        assert_eq!(survey.proposed[0].instance.pid, Some(7));
    }
}
