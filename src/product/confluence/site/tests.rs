//! Installations as they should be, as they are left behind, and as nobody should meet them.

use std::fs;

use super::*;
use crate::collect::unprivileged::as_another_user;
use crate::product::confluence::fixture::{Example, LaidOut};

fn failure(example: &LaidOut) -> upgrade_readiness_checks::facts::Failure {
    CollectError::from(read_site(&example.instance()).unwrap_err()).into_failure()
}

const INIT: &str = "install/confluence/WEB-INF/classes/confluence-init.properties";
const SETENV: &str = "install/bin/setenv.sh";

#[test]
fn the_home_is_found_in_the_order_the_product_has() {
    let example = Example::new().lay_out();
    let home = example.home_dir();
    assert_eq!(read_site(&example.instance()).unwrap().home_dir, home, "confluence-init.properties");

    let other = example.root().join("other");
    fs::rename(&home, &other).unwrap();
    example
        .write(SETENV, &format!("CATALINA_OPTS=\"-Dconfluence.home={} $CATALINA_OPTS\"\n", other.display()));
    assert_eq!(read_site(&example.instance()).unwrap().home_dir, other, "setenv.sh overrides it");

    let third = example.root().join("third");
    fs::rename(&other, &third).unwrap();
    let instance = Instance { home_dir: Some(third.clone()), ..example.instance() };
    assert_eq!(read_site(&instance).unwrap().home_dir, third, "the operator overrides both");
}

#[test]
fn a_home_that_is_not_known_is_told_with_file_and_key() {
    let rows = [
        (INIT, "confluence.home = data\n", FailureKind::Malformed, "\"data\", which is not an absolute path"),
        (INIT, "confluence.home=${user.home}/data\n", FailureKind::Malformed, "variables are only known"),
        (INIT, "# confluence.home=/data\n", FailureKind::Absent, "has no confluence.home"),
        (INIT, "", FailureKind::Absent, "has no confluence.home"),
        (
            SETENV,
            "X=-Dconfluence.home=${CONFLUENCE_HOME}\n",
            FailureKind::Malformed,
            "variables are only known",
        ),
        (SETENV, "X=-Dconfluence.home=~/data\n", FailureKind::Malformed, "not an absolute path"),
        (
            SETENV,
            "X=-Dconfluence.home=/a\nX=-Dconfluence.home=/b\n",
            FailureKind::Malformed,
            "both \"/a\" and \"/b\"",
        ),
    ];
    for (file, text, kind, reason) in rows {
        let example = Example::new().lay_out();
        example.write(file, text);
        let failure = failure(&example);
        assert_eq!(failure.kind, kind, "{text}: {failure:?}");
        for part in [reason, "confluence.home", "home_dir", file.rsplit('/').next().unwrap()] {
            assert!(failure.message.contains(part), "{text}: {part}: {failure:?}");
        }
    }
    let example = Example::new().lay_out();
    example.remove(INIT);
    let failure = failure(&example);
    assert_eq!(failure.kind, FailureKind::Absent);
    assert!(failure.message.contains("confluence-init.properties"), "{failure:?}");
}

#[test]
fn with_a_configured_home_the_other_files_may_be_missing() {
    let example = Example::new().lay_out();
    let instance = Instance { home_dir: Some(example.home_dir()), ..example.instance() };
    fs::remove_dir_all(example.installation_dir()).unwrap();
    assert_eq!(read_site(&instance).unwrap().cfg.build_number.as_deref(), Some("9111"));
}

#[test]
fn a_configuration_that_cannot_be_read_is_told() {
    type Row = (&'static str, fn(&LaidOut), FailureKind, &'static str);
    let rows: [Row; 8] = [
        ("missing", |e| e.remove("home/confluence.cfg.xml"), FailureKind::Absent, "home_dir"),
        ("empty", |e| e.write("home/confluence.cfg.xml", ""), FailureKind::Malformed, "Restore"),
        (
            "truncated",
            |e| e.write("home/confluence.cfg.xml", "<confluence-configuration><properties><prop"),
            FailureKind::Malformed,
            "truncated",
        ),
        (
            "a gigabyte",
            |e| {
                let file = fs::File::options().write(true).open(e.home_dir().join(CFG_XML)).unwrap();
                file.set_len(1024 * 1024 * 1024).unwrap();
            },
            FailureKind::Malformed,
            "longer than",
        ),
        (
            "Latin-1",
            |e| {
                let text = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
                fs::write(e.home_dir().join(CFG_XML), text).unwrap();
            },
            FailureKind::Malformed,
            "not UTF-8",
        ),
        (
            "an entity bomb",
            |e| e.write("home/confluence.cfg.xml", "<!DOCTYPE a [<!ENTITY b \"b\">]><a>&b;</a>"),
            FailureKind::Malformed,
            "DOCTYPE",
        ),
        (
            "a directory",
            |e| {
                e.remove("home/confluence.cfg.xml");
                e.write("home/confluence.cfg.xml/file", "");
            },
            FailureKind::Malformed,
            "not a regular file",
        ),
        (
            "an unescaped &",
            |e| {
                e.write(
                    "home/confluence.cfg.xml",
                    "<confluence-configuration>a&b</confluence-configuration>",
                );
            },
            FailureKind::Malformed,
            "Write &amp;",
        ),
    ];
    for (what, spoil, kind, part) in rows {
        let example = Example::new().lay_out();
        spoil(&example);
        let failure = failure(&example);
        assert_eq!(failure.kind, kind, "{what}: {failure:?}");
        assert!(failure.message.contains(part), "{what}: {failure:?}");
        assert!(failure.message.contains("confluence.cfg.xml"), "{what}: {failure:?}");
    }
}

#[test]
fn files_nobody_may_read_are_told_with_the_right_that_lacks() {
    for (name, told) in [
        ("home/confluence.cfg.xml", "confluence.cfg.xml"),
        ("home", "confluence.cfg.xml"),
        (INIT, "confluence-init.properties"),
        (SETENV, "setenv.sh"),
        ("install/bin", "setenv.sh"),
    ] {
        let example = Example::new().lay_out();
        example.forbid(name);
        let instance = example.instance();
        let error = as_another_user(move || read_site(&instance).unwrap_err());
        let failure = CollectError::from(error).into_failure();
        assert_eq!(failure.kind, FailureKind::Denied, "{name}: {failure:?}");
        assert!(failure.message.contains(told) && failure.message.contains("setfacl"), "{name}: {failure:?}");
    }
}

#[test]
fn variables_stand_for_the_homes() {
    let single = Example::new()
        .property("attachments.dir", " ${localHome}/files ")
        .property("lucene.index.dir", "${confluenceHome}/idx")
        .property("shared-home", "${confluenceHome}/shared-home")
        .lay_out();
    let site = read_site(&single.instance()).unwrap();
    let home = single.home_dir();
    assert!(!site.is_clustered());
    assert_eq!(site.attachments_dir().unwrap(), Some(home.join("files")));
    assert_eq!(site.index_dir().unwrap(), Some(home.join("idx")));
    assert_eq!(site.shared_home().unwrap(), Some(home.join("shared-home")));

    let cluster = Example::new().cluster().lay_out();
    let site = read_site(&cluster.instance()).unwrap();
    assert!(site.is_clustered());
    assert_eq!(site.attachments_dir().unwrap(), Some(cluster.root().join("shared/attachments")));
}

#[test]
fn whether_it_is_a_cluster_is_what_the_file_says() {
    let rows = [
        (Example::new(), false),
        (Example::new().cluster(), true),
        (Example::new().cluster().without("confluence.cluster"), true),
        (Example::new().cluster().property("confluence.cluster", "false"), false),
        (Example::new().property("confluence.cluster", "true"), true),
    ];
    for (example, expected) in rows {
        assert_eq!(read_site(&example.lay_out().instance()).unwrap().is_clustered(), expected);
    }
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let example = Example::new().license("TOPS3CRET").lay_out();
    let shown = format!("{:?}", read_site(&example.instance()).unwrap().cfg);
    assert!(shown.contains("atlassian.license.message") && !shown.contains("S3CRET"), "{shown}");
}
