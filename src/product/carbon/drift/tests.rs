//! Homes with our own text in the form of the vendor's files; what changed between releases is known from the kernel's
//! repository, tag by tag.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use upgrade_readiness_checks::facts::{DriftSetting, Field, Product, Reading};
use upgrade_readiness_checks::golden::golden_carbon;
use upgrade_readiness_checks::model::Undecided;
use upgrade_readiness_checks::rules::ALL;

use super::*;

const CARBON: &str = "repository/conf/carbon.xml";
const LOG4J: &str = "repository/conf/log4j.properties";
const TOML: &str = "repository/conf/deployment.toml";

/// Files of a home, by name.
type Tree = BTreeMap<String, Vec<u8>>;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

fn with(tree: &Tree, files: &[(&str, &str)]) -> Tree {
    let mut tree = tree.clone();
    for (name, text) in files {
        tree.insert((*name).to_owned(), text.as_bytes().to_vec());
    }
    tree
}

/// `carbon.xml` with more in it.
fn carbon(version: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<!-- any -->\n<Server \
         xmlns=\"http://wso2.org/projects/carbon/carbon.xml\">\n<Name>WSO2 Carbon</Name>\n<Version>{version}</Version>\n\
         {inside}\n</Server>\n"
    )
}

fn release(version: &str, files: &[(&str, &str)]) -> Tree {
    let product = format!("WSO2 Carbon v{version}\n");
    let kernel = format!("WSO2 Carbon Framework v{version}\n");
    let base = tree(&[
        ("bin/version.txt", product.as_str()),
        ("bin/wso2carbon-version.txt", kernel.as_str()),
        ("bin/wso2server.sh", "#!/bin/sh\nexec java\n"),
        (CARBON, carbon(version, "<Ports><Offset>0</Offset></Ports>").as_str()),
        (LOG4J, "log4j.rootLogger=ERROR, CARBON_LOGFILE\nlog4j.logger.org.wso2=INFO\n"),
    ]);
    with(&base, files)
}

struct Laid {
    directory: TempDir,
}

impl Laid {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn compare(&self) -> Result<Drift, String> {
        let [base, local, target, prepared] =
            ["base", "local", "target", "prepared"].map(|name| self.path(name));
        let homes = Homes {
            product: Product::Wso2Carbon,
            base: &base,
            local: &local,
            target: &target,
            prepared: &prepared,
        };
        compare_configurations(homes, &Stop::default())
    }
}

fn write(root: &Path, tree: &Tree) {
    for (name, text) in tree {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn lay_out(base: &Tree, local: &Tree, target: &Tree, prepared: &Tree) -> Laid {
    let laid = Laid { directory: tempfile::tempdir().unwrap() };
    for (name, tree) in [("base", base), ("local", local), ("target", target), ("prepared", prepared)] {
        write(&laid.path(name), tree);
    }
    laid
}

fn drift(base: &Tree, local: &Tree, target: &Tree, prepared: &Tree) -> Drift {
    lay_out(base, local, target, prepared).compare().unwrap()
}

/// File, path and the four values, of which `-` is absent and `?` unread.
fn settings(drift: &Drift) -> Vec<(String, String)> {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let line = |setting: &DriftSetting| {
        let DriftSetting { file, path, base, local, target, prepared, .. } = setting;
        let prepared = prepared.value().map_or_else(|| "?".into(), shown);
        let values = [shown(base), shown(local), shown(target), prepared].join(" | ");
        (format!("{file} {path}"), values)
    };
    drift.settings.iter().map(line).collect()
}

fn row(file: &str, path: &str, values: &str) -> (String, String) {
    (format!("{file} {path}"), values.to_owned())
}

/// What the check says of it: what it looked at, and the subjects of its findings.
fn judged(drift: Drift, from: &str, to: &str) -> (String, Vec<String>) {
    let mut golden = golden_carbon().to(to);
    golden.target.version = to.parse().unwrap();
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        learned.facts.version = Field::Read(from.parse().unwrap());
    }
    let Reading::Learned(learned) = &mut golden.facts.rehearsal else { panic!("it is learned") };
    let Some(Field::Read(prepared)) = &mut learned.facts.prepared else { panic!("it is there") };
    prepared.version = Field::Read(to.parse().unwrap());
    prepared.drift = Field::Read(drift);
    let check = ALL.iter().find(|check| check.id == "configuration-drift").unwrap();
    match (check.evaluate)(&golden.case()) {
        Ok(said) => (said.evidence, said.findings.into_iter().map(|finding| finding.subject).collect()),
        Err(Undecided::Partly { found, missing }) => {
            (missing.to_string(), found.into_iter().map(|finding| finding.subject).collect())
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn from_4_4_6_to_4_4_7_no_option_is_new() {
    let (base, target) = (release("4.4.6", &[]), release("4.4.7", &[]));
    let drift = drift(&base, &base, &target, &target);
    assert_eq!(
        (drift.base_release.as_deref(), drift.target_release.as_deref()),
        (Some("4.4.6"), Some("4.4.7"))
    );
    assert_eq!(settings(&drift), [row(CARBON, "Server/Version", "4.4.6 | 4.4.6 | 4.4.7 | 4.4.7")]);
    assert_eq!((drift.files, drift.count, drift.copied_whole.len()), (3, 1, 0));
    let (evidence, found) = judged(drift, "4.4.6", "4.4.7");
    assert!(evidence.contains("no configuration option is new between 4.4.6 and 4.4.7"), "{evidence}");
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn a_file_copied_whole_is_told_and_what_it_takes_away() {
    let (base, target) = (release("4.4.6", &[]), release("4.4.7", &[]));
    let own = carbon("4.4.6", "<Ports><Offset>3</Offset></Ports>");
    let (local, prepared) = (with(&base, &[(CARBON, &own)]), with(&target, &[(CARBON, &own)]));
    let drift = drift(&base, &local, &target, &prepared);
    assert_eq!(drift.copied_whole, [CARBON]);
    let (_, found) = judged(drift, "4.4.6", "4.4.7");
    assert_eq!(found, ["copied-whole: repository/conf/carbon.xml"]);
}

#[test]
fn from_4_4_5_to_4_4_6_a_new_file_must_be_there_and_a_logger_is_gone() {
    let guard = "repository/conf/security/Owasp.CsrfGuard.Carbon.properties";
    let base = release("4.4.5", &[(LOG4J, "log4j.logger.org.old=WARN\nlog4j.logger.org.wso2=INFO\n")]);
    let target = release(
        "4.4.6",
        &[(LOG4J, "# a comment\nlog4j.logger.org.wso2 : INFO\n"), (guard, "a.b=c\nd\\:e = f\n")],
    );
    // Its own logger, and the new file is forgotten.
    let local = with(&base, &[(LOG4J, "log4j.logger.org.old=WARN\nlog4j.logger.org.wso2=DEBUG\n")]);
    let mut prepared = with(&target, &[(LOG4J, "log4j.logger.org.wso2=INFO\n")]);
    prepared.remove(guard);
    let drift = drift(&base, &local, &target, &prepared);
    assert_eq!(
        settings(&drift)[..2],
        [
            row(LOG4J, "log4j.logger.org.wso2", "INFO | DEBUG | INFO | INFO"),
            row(guard, "", "- | - | there | -"),
        ]
    );
    let (_, found) = judged(drift, "4.4.5", "4.4.6");
    assert_eq!(
        found,
        [
            "lost: repository/conf/log4j.properties",
            "not-applied: repository/conf/security/Owasp.CsrfGuard.Carbon.properties"
        ]
    );
}

#[test]
fn from_4_4_8_to_4_4_9_what_was_removed_is_obsolete() {
    let prevention = |enabled: &str| {
        format!(
            "<Security><CSRFPreventionConfig><Enabled>{enabled}</Enabled></CSRFPreventionConfig></Security>"
        )
    };
    let base = release("4.4.8", &[(CARBON, &carbon("4.4.8", &prevention("true")))]);
    let local = with(&base, &[(CARBON, &carbon("4.4.8", &prevention("false")))]);
    let target = release("4.4.9", &[(CARBON, &carbon("4.4.9", ""))]);
    let kept = with(&target, &[(CARBON, &carbon("4.4.9", &prevention("false")))]);
    let path = "Server/Security/CSRFPreventionConfig/Enabled";
    let seen = drift(&base, &local, &target, &kept);
    assert_eq!(settings(&seen)[0], row(CARBON, path, "true | false | - | false"));
    assert_eq!(judged(seen, "4.4.8", "4.4.9").1, ["obsolete: repository/conf/carbon.xml"]);
    let seen = drift(&base, &local, &target, &target);
    assert_eq!(judged(seen, "4.4.8", "4.4.9").1, ["dropped: repository/conf/carbon.xml"]);
}

#[test]
fn from_4_4_7_to_4_4_40_new_blocks_are_named_option_by_option() {
    let offset = "<Ports><Offset>0</Offset></Ports>";
    let new = format!(
        "{offset}<Tenant><TenantDelete><ListenerInvocationPolicy>x</ListenerInvocationPolicy></TenantDelete></Tenant>\
         <Cache><ForceLocalCache>false</ForceLocalCache></Cache>"
    );
    let (base, target) = (release("4.4.7", &[]), release("4.4.40", &[(CARBON, &carbon("4.4.40", &new))]));
    // The old text with the new number: the new blocks are forgotten.
    let prepared = with(&target, &[(CARBON, &carbon("4.4.40", offset))]);
    let drift = drift(&base, &base, &target, &prepared);
    assert_eq!(
        settings(&drift)[..2],
        [
            row(CARBON, "Server/Cache/ForceLocalCache", "- | - | false | -"),
            row(CARBON, "Server/Tenant/TenantDelete/ListenerInvocationPolicy", "- | - | x | -"),
        ]
    );
    assert_eq!(judged(drift, "4.4.7", "4.4.40").1, ["not-applied: repository/conf/carbon.xml"]);
}

#[test]
fn from_4_4_40_to_4_5_0_every_customisation_is_mapped_by_hand() {
    let base = release("4.4.40", &[]);
    let local = with(
        &base,
        &[
            (CARBON, &carbon("4.4.40", "<Ports><Offset>0</Offset></Ports><Mine>1</Mine>")),
            (LOG4J, "log4j.rootLogger=DEBUG\nlog4j.logger.org.wso2=INFO\n"),
        ],
    );
    let mut target = release(
        "4.5.0",
        &[
            (TOML, "[server]\nhostname = \"localhost\"\n"),
            ("repository/resources/conf/default.json", "{\"a\": {\"b\": true}}"),
            ("repository/resources/conf/templates/repository/conf/carbon.xml.j2", "<Server/>"),
            ("repository/conf/log4j2.properties", "rootLogger.level=ERROR\n"),
        ],
    );
    target.remove(LOG4J);
    target.remove(CARBON);
    // It was started once, so its carbon.xml was made of the template.
    let prepared = with(&target, &[(CARBON, &carbon("4.5.0", "<Made/>"))]);
    let drift = drift(&base, &local, &target, &prepared);
    assert!(drift.becomes_toml && drift.copied_whole.is_empty());
    let own: Vec<_> =
        settings(&drift).into_iter().filter(|(_, values)| !values.starts_with("there")).take(2).collect();
    assert_eq!(
        own,
        [
            row(CARBON, "Server/Mine", "- | 1 | - | -"),
            row(LOG4J, "log4j.rootLogger", "ERROR, CARBON_LOGFILE | DEBUG | - | -"),
        ]
    );
    let (_, found) = judged(drift, "4.4.40", "4.5.0");
    assert_eq!(found, ["to-map: repository/conf/carbon.xml", "to-map: repository/conf/log4j.properties"]);
}

#[test]
fn between_releases_with_toml_new_defaults_apply_by_themselves_and_keys_are_renamed() {
    let json = "repository/resources/conf/default.json";
    let mappings = "repository/resources/conf/key-mappings.json";
    let base = release("4.5.0", &[(TOML, "[server]\nhostname = 'h'\n"), (json, "{\"a\": 1}")]);
    let local = with(
        &base,
        &[(
            TOML,
            "[server]\nhostname = 'h'\n[old]\nkey = 'mine'\n[[datasource]]\nid='B'\nurl='x'\nmax=9\n[[datasource]]\nid='A'\nmax=7\n",
        )],
    );
    let target = release(
        "4.6.0",
        &[
            (TOML, "[server]\nhostname = 'h'\n"),
            (json, "{\"a\": 1, \"b\": {\"c\": [1, 2]}}"),
            (mappings, "{\"old.key\": \"new.key\"}"),
        ],
    );
    let prepared = with(
        &target,
        &[(TOML, "[server]\nhostname = 'h'\n[new]\nkey = 'mine'\n[[datasource]]\nid='A'\nmax=7\n")],
    );
    let drift = drift(&base, &local, &target, &prepared);
    let old = drift.settings.iter().find(|setting| setting.path == "old.key").unwrap();
    assert_eq!(
        (old.renamed_to.as_deref(), &old.prepared),
        (Some("new.key"), &Field::Read(Some("mine".into())))
    );
    let all = settings(&drift);
    assert!(all.contains(&row(json, "b.c", "- | - | [1,2] | [1,2]")), "{all:?}");
    assert!(all.contains(&row(TOML, "datasource[A].max", "- | 7 | - | 7")), "{all:?}");
    assert!(all.contains(&row(TOML, "datasource[B].url", "- | x | - | -")), "{all:?}");
    assert_eq!(judged(drift, "4.5.0", "4.6.0").1, ["lost: repository/conf/deployment.toml", "place"]);
}

#[test]
fn elements_are_told_apart_by_what_names_them_and_order_does_not_count() {
    let one = "<R><P name='b'>2</P><P name='a'>1</P><datasource><name>X</name><url>u</url></datasource>\
               <Mapping><Actions><Action>k</Action><Action>j</Action></Actions><Class>c</Class></Mapping>\
               <Q>1</Q><Q>2</Q><filter><filter-name>F</filter-name><filter-class>z</filter-class></filter></R>";
    let other = "<!-- c --><R>\n <filter><filter-class>z</filter-class><filter-name>F</filter-name></filter>\
                 <Mapping><Class>c</Class><Actions><Action>j</Action><!-- x --><Action>k</Action></Actions></Mapping>\
                 <datasource><url> u </url><name>X</name></datasource><P name=\"a\">1</P><P name='b'>2</P><Q>1</Q><Q>2</Q></R>";
    assert_eq!(xml::flatten_xml(one.as_bytes()), xml::flatten_xml(other.as_bytes()));
    let settings = xml::flatten_xml(one.as_bytes()).unwrap();
    for (path, value) in [
        ("R/P[a]", "1"),
        ("R/datasource[X]/url", "u"),
        ("R/Mapping[j+k]/Class", "c"),
        ("R/Q", "1"),
        ("R/Q[2]", "2"),
    ] {
        assert_eq!(settings.get(path).map(String::as_str), Some(value), "{path}: {settings:?}");
    }
}

#[test]
fn hostile_and_foreign_xml_is_refused_in_one_line_that_quotes_nothing() {
    let deep = format!("<a>{}x{}</a>", "<b>".repeat(90_000), "</b>".repeat(90_000));
    let many = format!("<a>{}</a>", "<b/>".repeat(200_000));
    let bomb = "<!DOCTYPE a [<!ENTITY x \"hunter2\">]><a>&x;</a>";
    let rows: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (bomb.as_bytes(), "DOCTYPE"),
        (b"<a>&hunter2;</a>", "line 1, column"),
        (b"<a><password>hunter2</a>", "line 1, column"),
        (b"\xff\xfe<\0a\0", "UTF-16"),
        (b"<?xml version='1.0' encoding='Shift_JIS'?><a/>", "declares the encoding Shift_JIS"),
        (b"<?xml version='1.0' encoding='UTF-8'?><a>\xe9</a>", "byte 42 is not UTF-8"),
        (deep.as_bytes(), "nested deeper than 64"),
        (many.as_bytes(), "more than 100000 elements"),
    ];
    for (bytes, expected) in rows {
        let why = xml::flatten_xml(bytes).unwrap_err();
        assert!(
            why.contains(expected) && !why.contains("hunter2") && !why.contains('\n'),
            "{expected}: {why}"
        );
    }
}

#[test]
fn text_is_read_in_the_encoding_it_declares() {
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a><n>caf\xe9</n><p>${carbon.home}</p></a>";
    let settings = xml::flatten_xml(latin).unwrap();
    assert_eq!(settings["a/n"], "café");
    assert_eq!(settings["a/p"], "${carbon.home}");
    let utf = "\u{feff}<a><n>café</n></a>";
    assert_eq!(xml::flatten_xml(utf.as_bytes()).unwrap()["a/n"], "café");
}

#[test]
fn secrets_never_leave_and_differ_all_the_same() {
    let users = "repository/conf/user-mgt.xml";
    let master = "repository/conf/datasources/master-datasources.xml";
    let store = |password: &str| {
        format!(
            "<UserManager><Realm><UserStoreManager class='x'><Property name='ConnectionPassword'>{password}</Property>\
             </UserStoreManager></Realm></UserManager>"
        )
    };
    let source = |password: &str, alias: &str| {
        format!(
            "<c xmlns:svns='http://org.wso2.securevault/configuration'><datasource><name>D</name><url>jdbc:mysql://h/d?\
             password={password}</url><password svns:secretAlias='{alias}'>{password}</password></datasource></c>"
        )
    };
    let cipher = "repository/conf/security/cipher-text.properties";
    let base = release(
        "4.4.6",
        &[(users, &store("admin")), (master, &source("wso2", "a")), (cipher, "A=[hunter1]\n")],
    );
    let local = with(
        &base,
        &[
            (users, store("hunter2").as_str()),
            (master, &source("hunter3", "hunter4")),
            (cipher, "A=[hunter5]\n"),
            ("repository/conf/security/my.key", "hunter6"),
            ("bin/password-tmp", "hunter7"),
            (TOML, "[secrets]\nx = 'hunter8'\n[a]\npassword = \"hunter9\"\n"),
            ("repository/conf/broken.xml", "<a><b>hunter10</a>"),
            ("repository/conf/broken.toml", "a = hunter11\n"),
        ],
    );
    let drift = drift(&base, &local, &release("4.4.7", &[]), &release("4.4.7", &[]));
    let text = format!("{drift:?}");
    assert!(!text.contains("hunter"), "{text}");
    let all = settings(&drift);
    assert!(
        all.contains(&row(
            users,
            "UserManager/Realm/UserStoreManager[x]/Property[ConnectionPassword]",
            "***1 | ***2 | - | -"
        )),
        "{all:?}"
    );
    let unread: Vec<&str> = drift.unread.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(unread, ["repository/conf/broken.toml", "repository/conf/broken.xml"]);
}

fn zip_of(path: &Path, top: &str, tree: &Tree) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in tree {
        archive.start_file(format!("{top}{name}"), options).unwrap();
        archive.write_all(text).unwrap();
    }
    archive.start_file(format!("{top}../../repository/conf/evil.xml"), options).unwrap();
    archive.write_all(b"<a/>").unwrap();
    archive.finish().unwrap();
}

fn tar_gz_of(path: &Path, top: &str, tree: &Tree) {
    let packed = flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    for (name, text) in tree {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{top}{name}"), text.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

#[test]
fn releases_stay_in_the_archives_they_came_in() {
    let (base, target) = (release("4.4.6", &[]), release("4.4.7", &[("repository/conf/new.xml", "<n/>")]));
    let expected = drift(&base, &base, &target, &target);
    for pack in [zip_of, tar_gz_of] {
        for top in ["wso2carbon-4.4.6/", ""] {
            let laid = lay_out(&Tree::new(), &base, &Tree::new(), &target);
            pack(&laid.path("base"), top, &base);
            pack(&laid.path("target"), top, &target);
            let seen = laid.compare().unwrap();
            assert_eq!((&seen.settings, seen.files), (&expected.settings, expected.files));
            assert_eq!(seen.target_release.as_deref(), Some("4.4.7"));
        }
    }
    // Cut off, or no archive at all.
    let laid = lay_out(&Tree::new(), &base, &target, &target);
    tar_gz_of(&laid.path("base"), "", &base);
    let whole = fs::read(laid.path("base")).unwrap();
    for bytes in [&whole[..whole.len() / 2], b"<html>login</html>"] {
        fs::write(laid.path("base"), bytes).unwrap();
        let why = laid.compare().unwrap_err();
        assert!(why.contains("pristine in [instance.files]") && !why.contains('\n'), "{why}");
    }
}

#[test]
fn what_is_absent_or_forbidden_is_said_and_never_taken_for_equal() {
    let (base, target) = (release("4.4.6", &[]), release("4.4.7", &[]));
    let laid = lay_out(&base, &base, &target, &Tree::new());
    let seen = laid.compare().unwrap();
    assert!(seen.settings.iter().all(|setting| matches!(setting.prepared, Field::Unread(_))), "{seen:?}");
    assert!(judged(seen, "4.4.6", "4.4.7").0.contains("the prepared home"));
    fs::remove_dir_all(laid.path("target")).unwrap();
    assert!(laid.compare().unwrap_err().contains("pristine in [instance.prepared]"));
    fs::create_dir(laid.path("target")).unwrap();
    assert!(laid.compare().unwrap_err().contains("no release of a WSO2 product"));

    let laid = lay_out(&base, &base, &target, &target);
    let secret = laid.path("local").join("repository/conf");
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let directory = laid.path("");
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let seen = crate::collect::unprivileged::as_another_user(|| laid.compare().unwrap());
    assert_eq!(seen.unread.len(), 1, "{seen:?}");
    assert_eq!(seen.unread[0].0, "repository/conf");
    assert!(seen.unread[0].1.contains("running home"), "{seen:?}");
    assert!(seen.settings.is_empty(), "what could not be read is not absent: {seen:?}");
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let long = with(&base, &[("repository/conf/long.xml", &"<a>".repeat(3_000_000))]);
    fs::write(laid.path("local").join("repository/conf/link.xml"), "").unwrap();
    fs::remove_file(laid.path("local").join("repository/conf/link.xml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", laid.path("local").join("repository/conf/link.xml")).unwrap();
    std::os::unix::fs::symlink("/", laid.path("local").join("repository/conf/all")).unwrap();
    write(&laid.path("local"), &long);
    let seen = laid.compare().unwrap();
    let unread: Vec<&str> = seen.unread.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(unread, ["repository/conf/all", "repository/conf/link.xml"]);
    assert!(settings(&seen).contains(&row("repository/conf/long.xml", "", "- | content 1 | - | -")));
}

#[test]
fn more_settings_than_are_listed_are_counted_and_those_of_nobody_go_first() {
    let many = |value: &str| -> String {
        {
            let lines: Vec<String> = (0..1500).map(|number| format!("key.{number:04}={value}")).collect();
            lines.join("\n") + "\n"
        }
    };
    let file = "repository/conf/many.properties";
    let base = release("4.4.6", &[(file, &many("1")), (LOG4J, "a=1\n")]);
    let target = release("4.4.7", &[(file, &many("2")), (LOG4J, "a=1\n")]);
    let local = with(&base, &[(LOG4J, "a=2\n")]);
    let seen = drift(&base, &local, &target, &target);
    assert_eq!((seen.count, seen.settings.len()), (1502, Drift::MOST));
    assert_eq!(seen.settings[0].file, LOG4J);
    assert_eq!(judged(seen, "4.4.6", "4.4.7").1, ["lost: repository/conf/log4j.properties"]);
}
