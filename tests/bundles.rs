//! Real OSGi bundles, of Debian's packages, and a real Equinox as the oracle: what it resolves is what must resolve, and
//! what it does not resolve must block.
//!
//! Equinox 3.9.1 is the framework of Carbon 4.4. It is told to install the same jars and asked which it resolved.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something goes wrong"
)]

#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use process::{command, eventually};
use upgrade_readiness_agent::collect::Collector;
use upgrade_readiness_agent::config::parse_config;
use upgrade_readiness_agent::product::carbon::bundles::BundlesCollector;
use upgrade_readiness_checks::facts::{Asked, Bundle, BundleKind, Bundles, Field, Section};
use upgrade_readiness_checks::golden::golden_carbon;
use upgrade_readiness_checks::model::Severity;
use upgrade_readiness_checks::report::Judge;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Where Debian puts jars.
const JARS: &str = "/usr/share/java";

/// The framework, without its fragments.
const EQUINOX: &str = "/usr/share/java/org.eclipse.osgi.nb.jar";

const JAVA: &str = "/usr/lib/jvm/default-java/bin/java";

const DROPINS: &str = "repository/components/dropins";
const PLUGINS: &str = "repository/components/plugins";

/// What Java passes on to bundles; `javax.xml.bind` and others are not among it.
const SYSTEM_PACKAGES: &str = "javax.annotation,javax.management,javax.naming,javax.naming.directory,javax.net,javax.net.ssl,\
    javax.security.auth,javax.security.auth.login,javax.sql,javax.transaction.xa,javax.xml.parsers,org.w3c.dom,org.xml.sax,\
    org.xml.sax.helpers";

/// Two homes beside each other.
struct Homes(tempfile::TempDir);

impl Homes {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        for (home, version) in [("old", "4.4.6"), ("new", "4.4.7")] {
            this.put(home, "bin/version.txt", format!("WSO2 Carbon v{version}\n").as_bytes());
            this.put(
                home,
                "bin/wso2carbon-version.txt",
                format!("WSO2 Carbon Framework v{version}\n").as_bytes(),
            );
            let launch = format!("org.osgi.framework.system.packages={SYSTEM_PACKAGES}\n");
            this.put(home, "repository/conf/etc/launch.ini", launch.as_bytes());
        }
        this.put("new", &format!("{PLUGINS}/org.eclipse.osgi_3.9.1.jar"), &fs::read(EQUINOX).unwrap());
        this
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn put(&self, home: &str, below: &str, bytes: &[u8]) {
        let file = self.path(home).join(below);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Lists every plug-in of both homes.
    fn list(&self) {
        for home in ["old", "new"] {
            let mut text = String::from("#encoding=UTF-8\n#version=1\n");
            for file in jars_in(&self.path(home).join(PLUGINS)) {
                let name = file.file_name().unwrap().to_str().unwrap();
                writeln!(text, "{name},1.0.0,../plugins/{name},4,true").unwrap();
            }
            if home == "old" {
                text.push_str("none,1.0.0,../dropins/none.jar,4,true\n");
            }
            let list = "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info";
            self.put(home, list, text.as_bytes());
        }
    }

    async fn look(&self) -> Bundles {
        let text = format!(
            "[[instance]]\nname = 'esb'\nproduct = 'wso2-carbon'\ninstallation_dir = '{}'\n[instance.prepared]\nhome = '{}'\n",
            self.path("old").display(),
            self.path("new").display()
        );
        let instance = parse_config(&text).unwrap().instances.remove(0);
        match BundlesCollector::new(instance, None).collect().await.unwrap() {
            Section::Plugins(plugins) => *plugins.bundles.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn jars_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap().path());
    let mut jars: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "jar")).collect();
    jars.sort();
    jars
}

/// Files of bundles that block the upgrade because they do not resolve, without their directories.
fn blocked(bundles: &Bundles) -> BTreeSet<String> {
    let mut golden = golden_carbon();
    let mut plugins = golden.facts.plugins().unwrap().clone();
    plugins.bundles = Some(Box::new(bundles.clone()));
    let (took, fresh_for) = (SignedDuration::ZERO, SignedDuration::from_hours(1));
    golden.facts.learn(Section::Plugins(plugins), Asked { at: golden.now, took, fresh_for });
    let judge =
        Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
    let report = judge.judge(&golden.facts, &golden.target);
    let check = report.checks.into_iter().find(|check| check.id == "osgi-bundles").unwrap();
    let blockers = check.findings.into_iter().filter(|finding| {
        // That of Java has another subject: Equinox is told that it runs on every one.
        finding.finding.severity == Severity::Blocker && !finding.finding.subject.ends_with(" java")
    });
    blockers.map(|finding| finding.finding.subject.rsplit('/').next().unwrap().to_owned()).collect()
}

/// A real Equinox, to which one types commands; it ends with its value.
struct Equinox {
    running: Child,
    stdin: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl Equinox {
    /// Starts one that keeps its state below a directory, and waits until it takes commands.
    async fn start(directory: &Path) -> Self {
        let configuration = directory.join("configuration");
        fs::create_dir_all(&configuration).unwrap();
        let environments = "J2SE-1.2,J2SE-1.3,J2SE-1.4,J2SE-1.5,JavaSE-1.6,JavaSE-1.7,JavaSE-1.8,JavaSE-9,JavaSE-11,JavaSE-17";
        let versions = "1.2,1.3,1.4,1.5,1.6,1.7,1.8,9,10,11,17";
        let config = format!(
            "org.osgi.framework.system.packages={SYSTEM_PACKAGES}\n\
             org.osgi.framework.executionenvironment={environments}\n\
             org.osgi.framework.system.capabilities=osgi.ee; osgi.ee=\"JavaSE\"; version:List<Version>=\"{versions}\"\n"
        );
        fs::write(configuration.join("config.ini"), config).unwrap();
        let mut running = command(JAVA)
            .args([
                "-Dosgi.console.enable.builtin=true",
                "-jar",
                EQUINOX,
                "-console",
                "-clean",
                "-configuration",
            ])
            .arg(&configuration)
            .env_clear()
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {JAVA}: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        let (stdin, stdout) = (running.stdin.take().unwrap(), running.stdout.take().unwrap());
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let mut said = heard.lock().unwrap();
                said.push_str(&String::from_utf8_lossy(&line));
                said.push('\n');
            }
        });
        let mut this = Self { running, stdin, said };
        eventually("Equinox takes commands", async || {
            this.tell("ss\n");
            this.said().lines().any(|line| line.starts_with("0\tACTIVE"))
        })
        .await;
        this
    }

    fn tell(&mut self, commands: &str) {
        self.stdin.write_all(commands.as_bytes()).unwrap();
        self.stdin.flush().unwrap();
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Equinox {
    fn drop(&mut self) {
        drop(self.running.kill());
        drop(self.running.wait());
    }
}

/// Installs jars in a real Equinox, and gives the files of those it did not resolve.
async fn unresolved(directory: &Path, jars: &[PathBuf]) -> BTreeSet<String> {
    let mut equinox = Equinox::start(directory).await;
    for jar in jars {
        equinox.tell(&format!("install file:{}\n", jar.display()));
    }
    for number in 1..=jars.len() {
        equinox.tell(&format!("start {number}\n"));
    }
    equinox.tell("ss\ngetprop os.name\n");
    eventually("Equinox answers everything", async || equinox.said().contains("os.name=")).await;
    let said = equinox.said();
    let mut states = BTreeMap::new();
    for line in said.lines() {
        let mut words = line.split_whitespace();
        if let (Some(Ok(number)), Some(state)) = (words.next().map(str::parse::<usize>), words.next())
            && ["INSTALLED", "RESOLVED", "STARTING", "ACTIVE", "STOPPING"].contains(&state)
        {
            states.insert(number, state == "INSTALLED");
        }
    }
    assert_eq!(states.len(), jars.len() + 1, "a jar was not installed: {said}");
    let numbered = jars.iter().zip(1..).filter(|(_, number)| states[number]);
    numbered.map(|(jar, _)| jar.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Compares what is said of the homes with what Equinox makes of the same jars.
async fn compare(homes: &Homes) -> BTreeSet<String> {
    homes.list();
    let seen = homes.look().await;
    assert_eq!((seen.broken.len(), seen.no_bundles.len()), (0, 0), "{seen:#?}");
    let Field::Read(Some(offered)) = &seen.offered else { panic!("{:?}", seen.offered) };
    assert_eq!(offered.unread, BTreeMap::new());
    let mut jars = jars_in(&homes.path("old").join(DROPINS));
    // The framework itself is not installed in itself.
    let plugins = jars_in(&homes.path("new").join(PLUGINS));
    jars.extend(plugins.into_iter().filter(|jar| !jar.ends_with("org.eclipse.osgi_3.9.1.jar")));
    let oracle = unresolved(homes.0.path(), &jars).await;
    let ours = blocked(&seen);
    assert_eq!(ours, oracle, "ours and Equinox's");
    oracle
}

fn bundle(name: &str, version: &str, headers: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("META-INF/MANIFEST.MF", SimpleFileOptions::default()).unwrap();
    let mut text = format!(
        "Manifest-Version: 1.0\r\nBundle-ManifestVersion: 2\r\nBundle-SymbolicName: {name}\r\nBundle-Version: {version}\r\n"
    );
    for header in headers.lines().map(str::trim).filter(|header| !header.is_empty()) {
        // As the tools of Java fold it.
        let (first, rest) = header.split_at(header.len().min(70));
        text.push_str(first);
        for chunk in rest.as_bytes().chunks(69) {
            text.push_str("\r\n ");
            text.push_str(std::str::from_utf8(chunk).unwrap());
        }
        text.push_str("\r\n");
    }
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

const KERNEL: &str = "Export-Package: org.wso2.carbon.core;version=\"4.4.7\",org.wso2.carbon.base;version=\"1.0.0\",\
    org.q;version=\"1.6.1.wso2v9\",org.closed;version=\"1\";vendor=x;mandatory:=\"vendor\",org.none,\
    org.a;org.b;version=\"2.1\";kind=\"one, two\"";

/// A bundle of people, and whether Equinox resolves it.
const CASES: [(&str, &str, bool); 37] = [
    ("range", "Import-Package: org.wso2.carbon.core;version=\"[4.4.6,4.5.0)\"", true),
    ("exact", "Import-Package: org.wso2.carbon.core;version=\"[4.4.6,4.4.6]\"", false),
    ("exact.now", "Import-Package: org.wso2.carbon.core;version=\"[4.4.7,4.4.7]\"", true),
    ("half.open", "Import-Package: org.wso2.carbon.core;version=\"[4.4.6,4.4.7)\"", false),
    ("above", "Import-Package: org.wso2.carbon.core;version=\"(4.4.7,5)\"", false),
    ("lower", "Import-Package: org.wso2.carbon.core;version=4.4.6", true),
    ("newer", "Import-Package: org.wso2.carbon.core;version=\"4.5\"", false),
    ("constant", "Import-Package: org.wso2.carbon.base;version=\"[1.0.0,1.1.0)\"", true),
    ("gone", "Import-Package: org.gone", false),
    ("optional", "Import-Package: org.gone;resolution:=optional", true),
    ("dynamic", "DynamicImport-Package: org.gone,*", true),
    ("own", "Import-Package: org.own;version=\"[1,2)\"\nExport-Package: org.own;version=\"1.5\"", true),
    ("qualifier", "Import-Package: org.q;version=\"[1.6.1.wso2v15,1.7)\"", true),
    ("qualifier.beyond", "Import-Package: org.q;version=\"[1.6.1.wso2v90,1.7)\"", false),
    ("qualifier.none", "Import-Package: org.q;version=\"(1.6.1.wso2v9,1.7)\"", false),
    ("closed", "Import-Package: org.closed", false),
    ("closed.asked", "Import-Package: org.closed;vendor=x", true),
    ("closed.other", "Import-Package: org.closed;vendor=y", false),
    ("unversioned", "Import-Package: org.none;version=\"[0,1)\"", true),
    ("unversioned.wanted", "Import-Package: org.none;version=1", false),
    ("several", "Import-Package: org.a;org.b;version=\"[2,3)\"", true),
    ("attribute", "Import-Package: org.a;kind=\"one, two\"", true),
    ("attribute.none", "Import-Package: org.none;kind=x", false),
    ("exporter", "Import-Package: org.a;bundle-symbolic-name=kernel;bundle-version=\"[4.4,4.5)\"", true),
    ("exporter.other", "Import-Package: org.a;bundle-symbolic-name=other", false),
    ("exporter.version", "Import-Package: org.a;bundle-symbolic-name=kernel;bundle-version=\"[5,6)\"", false),
    ("java", "Import-Package: javax.naming,javax.sql,org.w3c.dom", true),
    ("java.gone", "Import-Package: javax.xml.bind", false),
    ("framework", "Import-Package: org.osgi.framework;version=\"[1.5,2)\"", true),
    ("required", "Require-Bundle: kernel;bundle-version=\"[4.4.0,4.5.0)\"", true),
    ("required.newer", "Require-Bundle: kernel;bundle-version=\"[4.5,5)\"", false),
    ("required.gone", "Require-Bundle: nobody", false),
    ("required.optional", "Require-Bundle: nobody;resolution:=optional", true),
    ("fragment", "Fragment-Host: kernel;bundle-version=\"[4.4,5)\"", true),
    ("fragment.gone", "Fragment-Host: nobody", false),
    ("friend", "Import-Package: org.own;version=1\nExport-Package: org.friend", true),
    ("friend.of.failing", "Require-Bundle: required.gone", false),
];

/// Two that need each other, and a chain whose end is missing.
const TOGETHER: [(&str, &str, bool); 5] = [
    ("ring.one", "Import-Package: org.ring.two\nExport-Package: org.ring.one", true),
    ("ring.two", "Import-Package: org.ring.one\nExport-Package: org.ring.two", true),
    ("chain.one", "Import-Package: org.chain.two", false),
    ("chain.two", "Import-Package: org.chain.three\nExport-Package: org.chain.two", false),
    ("chain.three", "Import-Package: org.gone\nExport-Package: org.chain.three", false),
];

#[tokio::test]
async fn every_kind_of_need_is_judged_as_equinox_judges_it() {
    let homes = Homes::new();
    homes.put("new", &format!("{PLUGINS}/kernel_4.4.7.jar"), &bundle("kernel", "4.4.7", KERNEL));
    for (name, headers, _) in CASES.iter().chain(&TOGETHER) {
        homes.put("old", &format!("{DROPINS}/{name}.jar"), &bundle(name, "1.2.0", headers));
    }
    let oracle = compare(&homes).await;
    let expected = CASES.iter().chain(&TOGETHER).filter(|(_, _, resolves)| !resolves);
    assert_eq!(oracle, expected.map(|(name, _, _)| format!("{name}.jar")).collect::<BTreeSet<_>>());
}

/// Equinox 3.9.1 takes whatever a bundle exports itself, in any version; the framework of later kernels does not, and
/// neither do we.
#[tokio::test]
async fn what_a_bundle_exports_too_old_for_itself_is_judged_as_later_frameworks_judge_it() {
    let homes = Homes::new();
    let headers = "Import-Package: org.own;version=\"2\"\nExport-Package: org.own;version=\"1.5\"";
    homes.put("old", &format!("{DROPINS}/own.jar"), &bundle("own", "1.0.0", headers));
    homes.list();
    assert_eq!(unresolved(homes.0.path(), &jars_in(&homes.path("old").join(DROPINS))).await, BTreeSet::new());
    assert_eq!(blocked(&homes.look().await), BTreeSet::from(["own.jar".to_owned()]));
}

/// Every jar of Debian on this machine whose manifest says it is a bundle, once; those the tests' own packages brought
/// are among them.
fn debian_bundles(seen: &[Bundle]) -> Vec<&Bundle> {
    seen.iter().filter(|bundle| bundle.not_evaluated.is_empty()).collect()
}

#[tokio::test]
async fn real_bundles_of_debian_are_judged_as_equinox_judges_them() {
    let homes = Homes::new();
    // All of them first, to see which are bundles, and which of those can be compared.
    let mut taken = BTreeSet::new();
    for jar in jars_in(Path::new(JARS)) {
        let Ok(real) = jar.canonicalize() else { continue };
        // Debian has it under several names; an OSGi framework takes each once.
        if taken.insert(real.clone()) && !real.ends_with("org.eclipse.osgi.nb-3.9.1.jar") {
            homes.put(
                "old",
                &format!("{DROPINS}/{}", real.file_name().unwrap().to_str().unwrap()),
                &fs::read(&real).unwrap(),
            );
        }
    }
    homes.list();
    let all = homes.look().await;
    let comparable = debian_bundles(&all.custom);
    let mut once: BTreeMap<&str, &Bundle> = BTreeMap::new();
    for bundle in comparable {
        once.entry(&bundle.name).or_insert(bundle);
    }
    for (name, file) in [
        ("org.mariadb.jdbc", "mariadb-java-client"),
        ("org.eclipse.equinox.simpleconfigurator", "equinox-simpleconfigurator"),
        ("org.eclipse.equinox.common", "equinox-common"),
    ] {
        assert!(once.get(name).is_some_and(|bundle| bundle.file.contains(file)), "{name}: {:?}", once.keys());
    }
    let keep: BTreeSet<&str> = once.values().map(|bundle| bundle.file.as_str()).collect();
    for jar in jars_in(&homes.path("old").join(DROPINS)) {
        let below = format!("{DROPINS}/{}", jar.file_name().unwrap().to_str().unwrap());
        if !keep.contains(below.as_str()) {
            fs::remove_file(jar).unwrap();
        }
    }
    compare(&homes).await;
}

#[tokio::test]
async fn real_jars_are_read_as_what_they_are() {
    let homes = Homes::new();
    let copy = |below: &str, name: &str| {
        homes.put("old", below, &fs::read(Path::new(JARS).join(name)).unwrap());
    };
    copy(&format!("{DROPINS}/mariadb.jar"), "mariadb-java-client.jar");
    copy("repository/components/lib/postgresql-42.5.5.jar", "postgresql.jar");
    copy(&format!("{DROPINS}/postgresql.jar"), "postgresql.jar");
    homes.list();
    let seen = homes.look().await;
    let [mariadb, postgresql] = seen.custom.as_slice() else { panic!("{seen:#?}") };
    assert_eq!((mariadb.name.as_str(), mariadb.kind), ("org.mariadb.jdbc", BundleKind::Dropin));
    let imports: Vec<&str> = mariadb.imports.iter().map(|wanted| wanted.name.as_str()).collect();
    assert_eq!(
        imports,
        [
            "org.osgi.service.jdbc",
            "org.osgi.framework",
            "javax.naming",
            "javax.management",
            "javax.sql",
            "javax.sql.rowset.serial"
        ],
        "without the optional ones"
    );
    assert!(matches!(mariadb.compiled_for, Field::Read(Some(7..=8))), "{:?}", mariadb.compiled_for);
    assert_eq!((postgresql.kind, postgresql.imports.len()), (BundleKind::Library, 0));
    assert!(matches!(postgresql.compiled_for, Field::Read(Some(8))), "{:?}", postgresql.compiled_for);
    assert_eq!(seen.no_bundles, [format!("{DROPINS}/postgresql.jar")], "its manifest is that of no bundle");
    // Nobody offers the service compendium here.
    assert_eq!(blocked(&seen), BTreeSet::from(["mariadb.jar".to_owned()]));
}

#[tokio::test]
async fn a_home_of_a_thousand_jars_is_read() {
    let homes = Homes::new();
    let plugins = homes.path("new").join(PLUGINS);
    for number in 0..1_000 {
        std::os::unix::fs::symlink(
            Path::new(JARS).join("mariadb-java-client.jar"),
            plugins.join(format!("mariadb_{number}.jar")),
        )
        .unwrap();
    }
    homes.put("old", &format!("{DROPINS}/a.jar"), &bundle("a", "1.0.0", "Import-Package: org.mariadb.jdbc"));
    homes.list();
    let seen = tokio::time::timeout(process::DEADLINE, homes.look()).await.unwrap();
    let Field::Read(Some(offered)) = &seen.offered else { panic!("{:?}", seen.offered) };
    assert_eq!((offered.read, &offered.unread), (1_001, &BTreeMap::new()));
    assert!(offered.packages["org.mariadb.jdbc"].len() <= 50, "more of the same says nothing");
}
