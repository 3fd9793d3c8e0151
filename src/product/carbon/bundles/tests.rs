//! Homes made of tiny jars, and what is said of them. Their shape is that of a Carbon 4.4 home.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Bundle, BundleKind, Offer, Offerer, Wanted};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::collect::unprivileged::as_another_user;
use crate::config::parse_config;

const DROPINS: &str = "repository/components/dropins";
const PLUGINS: &str = "repository/components/plugins";
const LIBRARY: &str = "repository/components/lib";
const LIST: &str =
    "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info";

/// The head of a class file of a Java feature.
fn class(feature: u8) -> Vec<u8> {
    vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 44 + feature, 0, 0]
}

fn jar(manifest: &str, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut put = |name: &str, bytes: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    };
    if !manifest.is_empty() {
        put("META-INF/MANIFEST.MF", manifest.as_bytes());
    }
    for (name, bytes) in entries {
        put(name, bytes);
    }
    zip.finish().unwrap().into_inner()
}

fn bundle(name: &str, version: &str, headers: &str) -> Vec<u8> {
    jar(
        &format!(
            "Manifest-Version: 1.0\r\nBundle-SymbolicName: {name}\r\nBundle-Version: {version}\r\n{headers}\r\n"
        ),
        &[("com/example/A.class", class(7))],
    )
}

/// Two homes beside each other, the old one and the new one.
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
            let core = format!("org.wso2.carbon.core_{version}.jar");
            let exports = format!("Export-Package: org.wso2.carbon.core;version=\"{version}\"");
            this.put(home, &format!("{PLUGINS}/{core}"), &bundle("org.wso2.carbon.core", version, &exports));
            this.put(
                home,
                LIST,
                format!("#version=1\norg.wso2.carbon.core,{version},../plugins/{core},4,true\n").as_bytes(),
            );
            let launch = "osgi.x=y\norg.osgi.framework.system.packages=javax.naming,\\\n javax.sql,\n";
            this.put(home, "repository/conf/etc/launch.ini", launch.as_bytes());
        }
        this
    }

    fn path(&self, home: &str) -> PathBuf {
        self.0.path().join(home)
    }

    fn put(&self, home: &str, below: &str, bytes: &[u8]) {
        let file = self.path(home).join(below);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    fn instance(&self, more: &str) -> Arc<Instance> {
        let (old, new) = (self.path("old"), self.path("new"));
        let text = format!(
            "[[instance]]\nname = 'esb'\nproduct = 'wso2-carbon'\ninstallation_dir = '{}'\n{more}\n\
             [instance.prepared]\nhome = '{}'\n",
            old.display(),
            new.display()
        );
        parse_config(&text).unwrap().instances.remove(0)
    }

    fn look(&self) -> Bundles {
        self.look_with("")
    }

    fn look_with(&self, more: &str) -> Bundles {
        look(&self.instance(more), None, &Stop::default()).unwrap()
    }
}

fn offered(bundles: &Bundles) -> &Offered {
    match &bundles.offered {
        Field::Read(Some(offered)) => offered,
        other => panic!("{other:?}"),
    }
}

fn names(bundles: &[Bundle]) -> Vec<&str> {
    bundles.iter().map(|bundle| bundle.name.as_str()).collect()
}

fn wanted(name: &str, range: &str) -> Wanted {
    Wanted { name: name.into(), range: range.into(), attributes: BTreeMap::new() }
}

fn shown(offers: Option<&Vec<Offer>>) -> Vec<(&str, &str, Offerer)> {
    let offers = offers.map(Vec::as_slice).unwrap_or_default();
    offers.iter().map(|offer| (offer.version.as_str(), offer.by.as_str(), offer.of)).collect()
}

const HANDLER: &str =
    "Import-Package: org.wso2.carbon.core;version=\"[4.4.6,4.5.0)\",javax.naming,org.postgresql,org.gone";

#[test]
fn two_homes_are_read() {
    let homes = Homes::new();
    homes.put("old", &format!("{DROPINS}/handler.jar"), &bundle("com.example.handler", "1.2.0", HANDLER));
    homes.put(
        "old",
        &format!("{LIBRARY}/postgresql-42.7.2.jar"),
        &jar("", &[("org/postgresql/Driver.class", class(8))]),
    );
    let made = jar(
        "Bundle-SymbolicName: postgresql_42.7.2\nBundle-Version: 1.0.0\nDynamicImport-Package: *\n",
        &[("META-INF/p2.inf", Vec::new())],
    );
    homes.put("old", &format!("{DROPINS}/postgresql_42.7.2_1.0.0.jar"), &made);
    homes.put("old", &format!("{DROPINS}/plain.jar"), &jar("Manifest-Version: 1.0\n", &[]));
    homes.put("old", &format!("{DROPINS}/notes.txt"), b"not looked at");
    homes.put("new", &format!("{DROPINS}/postgresql_42.7.2_1.0.0.jar"), &made);
    homes.put("new", &format!("{PLUGINS}/unlisted.jar"), &bundle("u", "1.0.0", "Export-Package: org.gone"));

    let seen = homes.look();
    assert_eq!(seen.place, homes.path("old").display().to_string());
    assert_eq!(seen.kernel, Field::Read("4.4.6".parse().unwrap()));
    assert_eq!(names(&seen.custom), ["com.example.handler", "postgresql-42.7.2.jar"]);
    let handler = &seen.custom[0];
    assert_eq!(handler.file, format!("{DROPINS}/handler.jar"));
    assert_eq!((handler.kind, handler.version.as_str()), (BundleKind::Dropin, "1.2.0"));
    assert_eq!(handler.compiled_for, Field::Read(Some(7)));
    assert_eq!(handler.imports.len(), 4);
    assert_eq!(handler.imports[0], wanted("org.wso2.carbon.core", "[4.4.6,4.5.0)"));
    assert_eq!(seen.custom[1].compiled_for, Field::Read(Some(8)));
    assert_eq!(seen.machine_made, [format!("{DROPINS}/postgresql_42.7.2_1.0.0.jar")]);
    assert_eq!(seen.no_bundles, [format!("{DROPINS}/plain.jar")]);
    assert_eq!((&seen.broken, &seen.list_defects), (&BTreeMap::new(), &Field::Read(Vec::new())));

    let offered = offered(&seen);
    assert_eq!(offered.version, Field::Read("4.4.7".parse().unwrap()));
    assert_eq!(offered.system_packages, Field::Read(2));
    assert_eq!(offered.copied_machine_made, [format!("{DROPINS}/postgresql_42.7.2_1.0.0.jar")]);
    let core = format!("{PLUGINS}/org.wso2.carbon.core_4.4.7.jar");
    assert_eq!(
        shown(offered.packages.get("org.wso2.carbon.core")),
        [("4.4.7", core.as_str(), Offerer::Release)]
    );
    assert_eq!(
        shown(offered.packages.get("javax.naming")),
        [("0.0.0", "repository/conf/etc/launch.ini", Offerer::Release)]
    );
    let driver = format!("{LIBRARY}/postgresql-42.7.2.jar");
    assert_eq!(
        shown(offered.packages.get("org.postgresql")),
        [("0.0.0", driver.as_str(), Offerer::RunningHome)]
    );
    assert_eq!(shown(offered.packages.get("org.gone")), [], "what is not listed is not started");
}

#[test]
fn what_is_in_the_new_home_takes_the_place_of_its_namesake() {
    let homes = Homes::new();
    homes.put("old", &format!("{DROPINS}/a_1.jar"), &bundle("a", "1.0.0", "Export-Package: p"));
    homes.put(
        "old",
        &format!("{DROPINS}/b.jar"),
        &bundle("b", "1.0.0", "Import-Package: p\r\nRequire-Bundle: a"),
    );
    homes.put("new", &format!("{DROPINS}/a_2.jar"), &bundle("a", "2.0.0", "Export-Package: p;version=2"));
    let seen = homes.look();
    let offered = offered(&seen);
    assert_eq!(names(&offered.custom), ["a"]);
    let by = format!("{DROPINS}/a_2.jar");
    assert_eq!(shown(offered.packages.get("p")), [("2", by.as_str(), Offerer::NewHome)]);
    assert_eq!(shown(offered.bundles.get("a")), [("2.0.0", by.as_str(), Offerer::NewHome)]);
}

#[test]
fn an_untouched_copy_tells_what_came_with_the_release() {
    let homes = Homes::new();
    for home in ["old", "pristine"] {
        homes.put(home, &format!("{DROPINS}/vendor.jar"), &bundle("vendor", "1.0.0", ""));
        homes.put(home, &format!("{LIBRARY}/h2.jar"), &jar("", &[("org/h2/Driver.class", class(6))]));
    }
    homes.put("old", &format!("{DROPINS}/own.jar"), &bundle("vendor", "1.0.1", ""));
    assert_eq!(names(&homes.look().custom), ["vendor", "vendor", "h2.jar"]);
    let pristine = format!("[instance.files]\npristine = '{}'", homes.path("pristine").display());
    let seen = homes.look_with(&pristine);
    assert_eq!(names(&seen.custom), ["vendor"], "another version is not the vendor's");
    assert_eq!(seen.custom[0].version, "1.0.1");
}

#[test]
fn patches_take_the_place_of_what_they_patch() {
    let homes = Homes::new();
    homes.put(
        "old",
        &format!("{DROPINS}/a.jar"),
        &bundle("a", "1.0.0", "Import-Package: org.wso2.carbon.core,q"),
    );
    let patches = "repository/components/patches";
    let core = "org.wso2.carbon.core_4.4.7.jar";
    for (patch, version) in [("patch0000", "1"), ("patch0001", "4.4.7.p1"), ("patch0002", "4.4.7.p2")] {
        let exports = format!("Export-Package: org.wso2.carbon.core;version=\"{version}\"");
        homes.put(
            "new",
            &format!("{patches}/{patch}/{core}"),
            &bundle("org.wso2.carbon.core", "4.4.7", &exports),
        );
    }
    homes.put("new", &format!("{patches}/patch0002/new.jar"), &bundle("q", "1.0.0", "Export-Package: q"));
    let seen = homes.look();
    let offers = shown(offered(&seen).packages.get("org.wso2.carbon.core"));
    assert_eq!(offers.iter().map(|offer| offer.0).collect::<Vec<_>>(), ["4.4.7.p2"]);
    assert_eq!(shown(offered(&seen).packages.get("q")), [], "nobody lists it");
}

#[test]
fn an_exporter_can_be_asked_for() {
    let homes = Homes::new();
    homes.put(
        "old",
        &format!("{DROPINS}/a.jar"),
        &bundle(
            "a",
            "1.0.0",
            "Import-Package: org.wso2.carbon.core;bundle-symbolic-name=org.wso2.carbon.core",
        ),
    );
    let seen = homes.look();
    let offer = &offered(&seen).packages["org.wso2.carbon.core"][0];
    assert_eq!(offer.attributes["bundle-symbolic-name"], "org.wso2.carbon.core");
    assert_eq!(offer.attributes["bundle-version"], "4.4.7");
}

#[test]
fn the_shared_directories_of_the_enterprise_integrator_are_read() {
    let homes = Homes::new();
    fs::create_dir_all(homes.path("old").join("wso2")).unwrap();
    fs::rename(homes.path("old/repository/components"), homes.path("old/wso2/components")).unwrap();
    homes.put("old", "dropins/a.jar", &bundle("a", "1.0.0", ""));
    homes.put("old", "lib/b.jar", &jar("", &[]));
    let seen = homes.look();
    let files: Vec<&str> = seen.custom.iter().map(|bundle| bundle.file.as_str()).collect();
    assert_eq!(files, ["dropins/a.jar", "lib/b.jar"]);
    assert_eq!(seen.list_defects, Field::Read(Vec::new()));
}

#[test]
fn jars_that_are_none_are_named_and_never_passed_over() {
    let whole = bundle("com.example.a", "1.0.0", "");
    let huge = format!("Bundle-SymbolicName: {}\n", "x".repeat(3 * 1024 * 1024));
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "no whole jar"),
        ("a login page", b"<!DOCTYPE html><html><form>".to_vec(), "no whole jar"),
        ("a jar that was cut off", whole[..whole.len() / 2].to_vec(), "no whole jar"),
        ("a manifest that is none", jar("<html>\n</html>\n", &[]), "has no colon"),
        ("a huge manifest", jar(&huge, &[]), "longer than"),
        ("a header that is none", bundle("a", "1.0.0", "Import-Package: a;version=\"[1"), "has no end"),
        ("a version that is none", bundle("a", "${project.version}", ""), "is not a version"),
    ];
    for (name, bytes, why) in rows {
        let homes = Homes::new();
        homes.put("old", &format!("{DROPINS}/x.jar"), &bytes);
        let seen = homes.look();
        assert_eq!(names(&seen.custom), [""; 0], "{name}");
        let broken = seen.broken.get(&format!("{DROPINS}/x.jar")).unwrap();
        assert!(broken.contains(why), "{name}: {broken}");
    }
    // The same in the new home: what it offers is not known.
    let homes = Homes::new();
    homes.put("new", &format!("{PLUGINS}/org.wso2.carbon.core_4.4.7.jar"), &whole[..40]);
    assert_eq!(offered(&homes.look()).unread.len(), 1);
}

#[test]
fn names_that_lead_to_no_file_are_named() {
    let homes = Homes::new();
    let dropins = homes.path("old").join(DROPINS);
    fs::create_dir_all(dropins.join("directory.jar")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all.jar", dropins.join("dangling.jar")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, dropins.join("pipe.jar"), rustix::fs::Mode::RUSR).unwrap();
    let broken = homes.look().broken;
    let files: Vec<&str> = broken.keys().map(|file| file.rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["dangling.jar", "pipe.jar"]);
}

fn forbid(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
}

#[test]
fn what_may_not_be_read_is_said() {
    let homes = Homes::new();
    let file = format!("{DROPINS}/a.jar");
    homes.put("old", &file, &bundle("a", "1.0.0", ""));
    homes.put("new", &file, &bundle("b", "1.0.0", ""));
    forbid(&homes.path("old").join(&file));
    forbid(&homes.path("new").join(&file));
    forbid(&homes.path("new").join(LIST));
    let open = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(homes.0.path());
    let seen = as_another_user(|| homes.look());
    assert!(seen.broken[&file].contains("denied"), "{:?}", seen.broken);
    assert!(offered(&seen).broken[&file].contains("denied"), "{:?}", offered(&seen).broken);
    assert!(matches!(offered(&seen).list_defects, Field::Unread(_)));

    forbid(&homes.path("new").join(DROPINS));
    let seen = as_another_user(|| homes.look());
    assert!(matches!(&seen.offered, Field::Unread(why) if why.contains("denied")), "{:?}", seen.offered);
    forbid(&homes.path("old").join(DROPINS));
    let error = as_another_user(|| look(&homes.instance(""), None, &Stop::default())).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Denied);
    open(&homes.path("old").join(DROPINS));
    open(&homes.path("new").join(DROPINS));
}

#[test]
fn what_is_not_there_is_said() {
    let homes = Homes::new();
    fs::remove_file(homes.path("old").join(LIST)).unwrap();
    fs::remove_file(homes.path("new/repository/conf/etc/launch.ini")).unwrap();
    homes.put("new", "bin/version.txt", b"<html>\n");
    let seen = homes.look();
    assert!(matches!(&seen.list_defects, Field::Unread(why) if why.contains("bundles.info")));
    assert!(matches!(&offered(&seen).system_packages, Field::Unread(why) if why.contains("launch.ini")));
    assert!(matches!(&offered(&seen).version, Field::Unread(why) if why.contains("version.txt")));
    homes.put("new", "repository/conf/etc/launch.ini", b"osgi.x=y\n");
    assert!(
        matches!(&offered(&homes.look()).system_packages, Field::Unread(why) if why.contains("lists no"))
    );

    fs::remove_dir_all(homes.path("new")).unwrap();
    assert!(matches!(&homes.look().offered, Field::Unread(why) if why.contains("new")));
    fs::remove_dir_all(homes.path("old")).unwrap();
    let error = look(&homes.instance(""), None, &Stop::default()).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Absent);
}

#[test]
fn a_list_that_names_what_is_not_there_has_a_defect() {
    let homes = Homes::new();
    homes.put(
        "new",
        LIST,
        b"a,1.0.0,../plugins/a.jar,4,true\nb,1.0.0,../dropins/b.jar,4,true\nbroken,line\n",
    );
    let Field::Read(defects) = &offered(&homes.look()).list_defects.clone() else { panic!("it was read") };
    assert_eq!(defects, &["line 3 has 2 fields", "a.jar is not in plugins"]);
}

#[tokio::test]
async fn the_collector_answers_for_plug_ins() {
    let homes = Homes::new();
    let collector = BundlesCollector::new(homes.instance(""), Some(homes.0.path().join("cache")));
    assert_eq!(collector.source(), Source::Plugins);
    for _ in 0..2 {
        let Section::Plugins(plugins) = collector.collect().await.unwrap() else { panic!("plug-ins") };
        assert_eq!(*plugins.bundles.unwrap(), homes.look());
    }
}
