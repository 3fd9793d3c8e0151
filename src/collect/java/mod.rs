//! Java: the runtimes that matter to an instance, and the options of the one in use.
//!
//! No Java is started, and nothing of command lines but the options in [`JvmOptions`] is kept. What
//! environment variables (`JAVA_TOOL_OPTIONS`, `_JAVA_OPTIONS`) add is not seen.

mod command;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod options;
mod release;
mod runtimes;
mod script;
mod shell;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{Field, Java, JvmOptions, RuntimeRole, Section, Source};

pub use self::release::{NotAJavaVersion, parse_java_version};

use self::runtimes::{add, is_absent, read_running, unseen};
use super::blocking::Lookout;
use super::host::HostPaths;
use super::layout::{JavaPlaces, Layout, OptionsScript};
use super::process::{JavaProcess, find_service};
use super::text_file::read_text;
use super::{CollectError, Collector};
use crate::chain::Chain;

/// Looks at the Java of an instance.
pub struct JavaCollector {
    layout: Arc<dyn Layout>,
    paths: HostPaths,
    lookout: Lookout,
}

impl JavaCollector {
    /// A collector for the host this program runs on.
    #[must_use]
    pub fn new(layout: Arc<dyn Layout>) -> Self {
        Self::with_paths(layout, HostPaths::default())
    }

    /// A collector that looks for the process elsewhere.
    #[must_use]
    pub fn with_paths(layout: Arc<dyn Layout>, paths: HostPaths) -> Self {
        Self { layout, paths, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for JavaCollector {
    fn source(&self) -> Source {
        Source::Java
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let (layout, proc_dir) = (Arc::clone(&self.layout), self.paths.proc_dir.clone());
        self.lookout.run(move |_| read_java(layout.as_ref(), &proc_dir).map(Section::Java)).await
    }
}

fn read_java(layout: &dyn Layout, proc_dir: &Path) -> Result<Java, CollectError> {
    // `Err` is the reason why it cannot be told whether it runs.
    let process = match layout.service_mark() {
        Ok(mark) => find_service(proc_dir, &mark).map_err(|error| Chain(&error).to_string()),
        Err(error) => Err(error.into_failure().message),
    };
    let running = match &process {
        Ok(Some(process)) => Some(read_running(process)),
        Ok(None) | Err(_) => None,
    };
    let places = match layout.java() {
        Ok(places) => places,
        // The process says all that matters most.
        Err(_) if running.as_ref().is_some_and(|runtime| runtime.version.value().is_some()) => {
            JavaPlaces::default()
        }
        Err(error) => return Err(error),
    };
    let mut runtimes = Vec::from_iter(running);
    for home in &places.configured {
        add(&mut runtimes, RuntimeRole::Configured, home);
    }
    // One that did not come with the installation is not missed; one that is named and missing is.
    for home in places.bundled.iter().filter(|home| !is_absent(home)) {
        add(&mut runtimes, RuntimeRole::Bundled, home);
    }
    if let (Err(why), true) = (&process, runtimes.is_empty()) {
        runtimes.push(unseen("not known".to_owned(), why.clone()));
    }
    Ok(Java { runtimes, options: read_options(&process, places.options_script.as_ref()) })
}

fn read_options(
    process: &Result<Option<JavaProcess>, String>,
    script: Option<&OptionsScript>,
) -> Field<JvmOptions> {
    if let Ok(Some(process)) = process {
        let place = format!("process {}", process.pid);
        return match options::parse_arguments(place, &process.arguments) {
            Ok(options) => Field::Read(options),
            Err(file) => Field::Unread(format!(
                "process {} takes options from an argument file, {file}, which is not read",
                process.pid
            )),
        };
    }
    let Some(script) = script else {
        return Field::Unread(match process {
            Ok(_) => "the service does not run, and no script is known that sets its options".to_owned(),
            Err(why) => why.clone(),
        });
    };
    let (OptionsScript::Variables(path) | OptionsScript::Command(path)) = script;
    let parse = |text: &str| {
        let place = path.display().to_string();
        match script {
            OptionsScript::Variables(_) => {
                script::parse_script(place, text).map_err(|error| error.to_string())
            }
            OptionsScript::Command(_) => {
                command::parse_command(place, text).map_err(|error| error.to_string())
            }
        }
    };
    match read_text(path) {
        Ok(text) => parse(&text).map_or_else(
            |why| {
                Field::Unread(format!("{}: {why}. Start the service: its process then tells", path.display()))
            },
            Field::Read,
        ),
        Err(error) => Field::Unread(format!("{}. {}", Chain(&error), error.remedy())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use upgrade_readiness_checks::facts::{FailureKind, JavaVersion};

    use super::*;
    use crate::collect::process::fixture::{FakeLayout, FakeProc};

    const MARK: &str = "-Dcatalina.home=/opt/c";

    fn layout(java: Option<JavaPlaces>) -> FakeLayout {
        FakeLayout { mark: Some(MARK), java, ..FakeLayout::default() }
    }

    fn java_home(path: &Path, version: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("release"), format!("JAVA_VERSION=\"{version}\"\n")).unwrap();
    }

    fn seen(java: &Java) -> Vec<(RuntimeRole, Option<u32>)> {
        let feature = |version: &Field<_>| version.value().map(|version: &JavaVersion| version.feature);
        java.runtimes.iter().map(|runtime| (runtime.role, feature(&runtime.version))).collect()
    }

    fn unread<T: std::fmt::Debug>(field: &Field<T>) -> &str {
        match field {
            Field::Read(value) => panic!("read: {value:?}"),
            Field::Unread(why) => why,
        }
    }

    #[tokio::test]
    async fn the_running_java_comes_first_and_a_home_is_repeated_only_as_bundled() {
        let tree = tempfile::tempdir().unwrap();
        let (jre, jdk) = (tree.path().join("c/jre"), tree.path().join("jdk-21"));
        java_home(&jre, "17.0.9");
        java_home(&jdk, "21.0.1");
        let proc = FakeProc::with_init();
        proc.add(7, "java", &["java", "-Xmx2g", "-Dpassword=hidden", MARK, "Main", "start"]);
        proc.link("7/exe", jre.join("bin/java").to_str().unwrap());
        let places = JavaPlaces {
            configured: vec![jdk, tree.path().join("c//jre/")],
            bundled: vec![jre, tree.path().join("not-bundled")],
            options_script: Some(OptionsScript::Variables(tree.path().join("setenv.sh"))),
        };
        let paths = HostPaths { proc_dir: proc.dir().to_owned(), ..HostPaths::default() };
        let collector = JavaCollector::with_paths(Arc::new(layout(Some(places))), paths);
        assert_eq!(collector.source(), Source::Java);
        let Section::Java(java) = collector.collect().await.unwrap() else { panic!("Java facts") };

        assert_eq!(
            seen(&java),
            [
                (RuntimeRole::Running, Some(17)),
                (RuntimeRole::Configured, Some(21)),
                (RuntimeRole::Bundled, Some(17))
            ]
        );
        assert!(java.is_bundled(&java.in_use().unwrap().home));
        assert_eq!(java.in_use().unwrap().role, RuntimeRole::Running);
        let options = java.options.value().unwrap();
        assert_eq!((options.place.as_str(), options.max_heap_bytes), ("process 7", Some(2 << 30)));
        assert!(!format!("{java:?}").contains("hidden"));
    }

    #[test]
    fn a_stopped_service_is_described_by_its_scripts() {
        let tree = tempfile::tempdir().unwrap();
        let (jre, script) = (tree.path().join("jre"), tree.path().join("setenv.sh"));
        java_home(&jre, "11.0.21");
        let places = JavaPlaces {
            configured: vec![tree.path().join("gone")],
            bundled: vec![jre],
            options_script: Some(OptionsScript::Variables(script.clone())),
        };
        let proc = FakeProc::with_init();
        let read = || read_java(&layout(Some(places.clone())), proc.dir()).unwrap();

        let java = read();
        assert_eq!(seen(&java), [(RuntimeRole::Configured, None), (RuntimeRole::Bundled, Some(11))]);
        assert!(unread(&java.runtimes[0].version).contains("gone/release"), "named and missing is said");
        assert!(unread(&java.options).contains("setenv.sh"));

        fs::write(&script, "CATALINA_OPTS=\"-Xmx1g\"\n").unwrap();
        let options = read().options;
        assert_eq!(options.value().unwrap().max_heap_bytes, Some(1 << 30));
        assert_eq!(options.value().unwrap().place, script.display().to_string());

        fs::write(&script, "CATALINA_OPTS=\"-Xmx$HEAP\"\n").unwrap();
        assert!(unread(&read().options).contains("HEAP"));
        fs::write(&script, [0xff, 0xfe]).unwrap();
        assert!(unread(&read().options).contains("not UTF-8"));
    }

    #[test]
    fn when_the_process_cannot_be_looked_for_nothing_is_claimed() {
        let nothing = JavaPlaces::default();
        let hidden = read_java(&layout(Some(nothing.clone())), FakeProc::empty().dir()).unwrap();
        assert_eq!(seen(&hidden), [(RuntimeRole::Running, None)]);
        assert!(unread(&hidden.runtimes[0].version).contains("hidden"));
        assert!(unread(&hidden.options).contains("hidden"));

        let stopped = read_java(&layout(Some(nothing.clone())), FakeProc::with_init().dir()).unwrap();
        assert_eq!(stopped.runtimes, [], "looked for, there is none");
        assert!(unread(&stopped.options).contains("does not run"));

        let unmarked = FakeLayout { java: Some(nothing), ..FakeLayout::default() };
        let java = read_java(&unmarked, FakeProc::with_init().dir()).unwrap();
        assert!(matches!(&java.runtimes[0].version, Field::Unread(_)));
    }

    #[test]
    fn without_places_only_a_running_java_is_an_answer() {
        let tree = tempfile::tempdir().unwrap();
        java_home(tree.path(), "21");
        let proc = FakeProc::with_init();
        assert_eq!(read_java(&layout(None), proc.dir()).unwrap_err().kind(), FailureKind::Absent);
        proc.add(7, "java", &["java", MARK, "@/etc/jvm.opts", "Main"]);
        proc.link("7/exe", tree.path().join("bin/java").to_str().unwrap());
        let java = read_java(&layout(None), proc.dir()).unwrap();
        assert_eq!(seen(&java), [(RuntimeRole::Running, Some(21))]);
        assert!(unread(&java.options).contains("/etc/jvm.opts"));
    }
}
