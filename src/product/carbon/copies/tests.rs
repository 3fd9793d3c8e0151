//! Two homes and two untouched releases in temporary directories.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

struct Laid(TempDir);

impl Laid {
    fn new() -> Self {
        let laid = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(laid.path(""), PermissionsExt::from_mode(0o755)).unwrap();
        for home in ["running", "prepared", "base", "target"] {
            laid.write(home, "bin/version.txt", home);
            fs::create_dir_all(laid.path(home).join(COPIED[0])).unwrap();
        }
        laid
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, home: &str, name: &str, text: &str) {
        let path = self.path(home).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn server(&self, home: &str, name: &str, text: &str) {
        self.write(home, &format!("{}/{name}", COPIED[0]), text);
    }

    fn compare(&self, with_vendor: bool) -> Vec<TreeCopy> {
        let (running, prepared, base, target) =
            (self.path("running"), self.path("prepared"), self.path("base"), self.path("target"));
        let untouched = with_vendor.then_some((base.as_path(), target.as_path()));
        let places = Places { running: &running, prepared: &prepared, untouched, cache_dir: None };
        compare_copies(places, &Stop::default())
    }

    fn differences(&self, with_vendor: bool) -> CopyDifferences {
        self.compare(with_vendor)[0].differences.value().unwrap().clone()
    }
}

#[test]
fn files_of_the_site_are_told_from_those_of_the_vendor() {
    let laid = Laid::new();
    for (home, text) in [("running", "old"), ("base", "old"), ("prepared", "new"), ("target", "new")] {
        laid.server(home, "axis2services/Version.aar", text);
    }
    laid.server("prepared", "webapps/new.war", "n");
    laid.server("target", "webapps/new.war", "n");
    laid.server("running", "axis2services/mine.aar", "1");
    laid.server("prepared", "axis2services/mine.aar", "1");
    laid.server("running", "axis2services/lost.aar", "1");
    laid.server("running", "synapse-configs/default/a.xml", "1");
    laid.server("prepared", "synapse-configs/default/a.xml", "2");
    laid.server("prepared", "axis2services/more.aar", "1");
    let seen = laid.differences(true);
    assert_eq!(seen.missing.paths, ["axis2services/lost.aar"]);
    assert_eq!(seen.differing.paths, ["synapse-configs/default/a.xml"]);
    assert_eq!(seen.extra.paths, ["axis2services/more.aar"]);
    assert_eq!((seen.compared, seen.of_vendor, seen.knows_vendor), (3, 2, true));

    let seen = laid.differences(false);
    assert_eq!(seen.differing.paths, ["axis2services/Version.aar", "synapse-configs/default/a.xml"]);
    assert_eq!((seen.extra.count, seen.of_vendor, seen.knows_vendor), (2, 0, false));
    // A file of the vendor that the site changed is the site's.
    laid.server("running", "axis2services/Version.aar", "mine");
    assert_eq!(laid.differences(true).differing.count, 2);
}

#[test]
fn untouched_releases_may_be_archives() {
    let laid = Laid::new();
    laid.server("running", "a.aar", "old");
    laid.server("prepared", "a.aar", "new");
    for (home, text) in [("base", "old"), ("target", "new")] {
        fs::remove_dir_all(laid.path(home)).unwrap();
        let mut archive = zip::ZipWriter::new(fs::File::create(laid.path(home)).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("wso2carbon/{}/a.aar", COPIED[0]), options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
        archive.finish().unwrap();
    }
    let seen = laid.differences(true);
    assert_eq!((seen.of_vendor, seen.differing.count), (1, 0));
    fs::write(laid.path("target"), "<html>").unwrap();
    let Field::Unread(why) = &laid.compare(true)[0].differences else { panic!("it is no archive") };
    assert!(why.contains("neither a directory nor a zip or tar archive"), "{why}");
}

#[test]
fn what_a_server_unpacks_beside_its_archive_is_not_compared() {
    let laid = Laid::new();
    for home in ["running", "prepared"] {
        laid.server(home, "webapps/shop.war", "w");
    }
    laid.server("running", "webapps/shop/WEB-INF/web.xml", "1");
    laid.server("running", "webapps/other/WEB-INF/web.xml", "1");
    laid.server("running", ".svn/entries", "1");
    assert_eq!(laid.differences(true).missing.paths, ["webapps/other/WEB-INF/web.xml"]);
}

#[test]
fn a_directory_in_itself_and_a_link_to_the_running_one_are_told() {
    let laid = Laid::new();
    laid.server("running", "a.aar", "1");
    laid.server("prepared", "server/a.aar", "1");
    let seen = &laid.compare(true)[0];
    assert_eq!(seen.nested.as_deref(), Some("repository/deployment/server/server"));
    assert_eq!(seen.differences.value().unwrap().missing.paths, ["a.aar"]);

    fs::remove_dir_all(laid.path("prepared").join(COPIED[0])).unwrap();
    symlink(laid.path("running").join(COPIED[0]), laid.path("prepared").join(COPIED[0])).unwrap();
    let seen = &laid.compare(true)[0];
    assert!(seen.is_original && seen.nested.is_none(), "{seen:?}");
}

#[test]
fn absent_is_not_forbidden() {
    let laid = Laid::new();
    let tenants = &laid.compare(true)[1];
    assert_eq!((&tenants.is_there, tenants.below.as_str()), (&Field::Read(false), COPIED[1]));
    laid.write("running", "repository/tenants/1/userstores/A.xml", "1");
    let tenants = &laid.compare(true)[1];
    assert_eq!(tenants.is_there, Field::Read(true));
    let differences = tenants.differences.value().unwrap();
    assert_eq!((differences.missing.count, differences.compared), (1, 0), "nothing was copied");

    // A part that nobody may look at is neither there nor missing.
    laid.write("prepared", "repository/tenants/1/userstores/A.xml", "1");
    laid.write("prepared", "repository/tenants/2/a.xml", "1");
    let hidden = laid.path("prepared").join("repository/tenants/1");
    fs::set_permissions(&hidden, PermissionsExt::from_mode(0o000)).unwrap();
    let seen = crate::collect::unprivileged::as_another_user(|| laid.compare(true));
    let differences = seen[1].differences.value().unwrap();
    assert_eq!((differences.missing.count, differences.extra.count), (0, 1), "{differences:?}");
    let out = differences.out_of_reach.as_ref().unwrap();
    assert!(out.count == 1 && out.first.ends_with("prepared/repository/tenants/1"), "{out:?}");
    fs::set_permissions(&hidden, PermissionsExt::from_mode(0o755)).unwrap();

    let hidden = laid.path("prepared").join("repository");
    fs::set_permissions(&hidden, PermissionsExt::from_mode(0o000)).unwrap();
    let seen = crate::collect::unprivileged::as_another_user(|| laid.compare(true));
    for copy in &seen {
        let Field::Unread(why) = &copy.differences else { panic!("{copy:?}") };
        assert!(why.contains("setfacl"), "{why}");
    }
    fs::set_permissions(&hidden, PermissionsExt::from_mode(0o755)).unwrap();

    // A home that is not there yet has no copies either, and that says nothing of them.
    fs::remove_dir_all(laid.path("prepared")).unwrap();
    for copy in laid.compare(true) {
        assert!(matches!(&copy.differences, Field::Unread(why) if why.contains("prepared")), "{copy:?}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_not_a_directory_that_is_not_there() {
    for (name, hung) in [("the directory", COPIED[1]), ("one above it", "repository"), ("the home", "")] {
        let laid = Laid::new();
        let path = laid.path("running").join(hung);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        }
        symlink(
            "/nonexistent/share",
            laid.0.path().join("running").join(hung).to_str().unwrap().trim_end_matches('/'),
        )
        .unwrap();
        let tenants = &laid.compare(false)[1];
        assert!(matches!(tenants.is_there, Field::Unread(_)), "{name}: {tenants:?}");
        assert!(matches!(tenants.differences, Field::Unread(_)), "{name}: {tenants:?}");
    }
}
