//! Looks at real trees: good, changed, damaged and hostile.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use upgrade_readiness_checks::facts::{ComparedWith, Differences, FailureKind, Field, FileTree, Files};

use super::*;
use crate::collect::blocking::Stop;
use crate::collect::unprivileged::as_another_user;

const LIST: &str = "app/hashes.txt";

/// `md5  path` lines, as the test product's vendor writes them.
fn parse_list(text: &str) -> Result<VendorList, String> {
    let mut list = VendorList::default();
    for line in text.lines() {
        let (hash, name) = line.split_once("  ").ok_or("it is cut off")?;
        list.hashes.insert(name.to_owned(), Digest::parse(hash).ok_or("it is cut off")?);
    }
    Ok(list)
}

fn parse_release(text: &str) -> Option<String> {
    text.trim().strip_prefix("release ").map(str::to_owned)
}

fn name_release(name: &str) -> Option<String> {
    name.strip_prefix("product-").map(|rest| rest.trim_end_matches(".zip").to_owned())
}

/// An installation, a cache, and room for copies.
struct Site {
    folder: TempDir,
    survey: Survey,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let survey = Survey {
            root: folder.path().join("install"),
            release: Ok("1.0".into()),
            vendor: Some(VendorHashes { below: "app", file: LIST, parse: parse_list }),
            optional: &["jre"],
            written: &["logs"],
            ignore: Vec::new(),
            pristine: None,
            marker: ReleaseMarker { file: "app/release", parse: parse_release, parse_name: name_release },
        };
        let site = Self { folder, survey };
        for (name, text) in [
            ("app/index.jsp", "index"),
            ("app/WEB-INF/web.xml", "web"),
            ("app/release", "release 1.0\n"),
            ("conf/server.xml", "server"),
            ("bin/setenv.sh", "setenv"),
            ("logs/catalina.out", "log"),
            ("jre/lib/cacerts", "certificates"),
        ] {
            site.write(name, text);
        }
        symlink("setenv.sh", site.survey.root.join("bin/env.sh")).unwrap();
        site
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.survey.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.survey.root.join(name)).unwrap();
    }

    /// Writes the vendor's list of what is in the web application now.
    fn list(&self) {
        use md5::Digest as _;
        let mut text = String::new();
        for name in ["index.jsp", "WEB-INF/web.xml", "release"] {
            let content = fs::read(self.survey.root.join("app").join(name)).unwrap();
            let hash: [u8; 16] = md5::Md5::digest(&content).into();
            text.extend([Digest::Md5(hash).to_string().as_str(), "  ", name, "\n"]);
        }
        self.write(LIST, &text);
    }

    fn look(&self) -> Files {
        self.look_at("2026-01-01T00:00:00Z").unwrap()
    }

    fn look_at(&self, now: &str) -> Result<Files, CollectError> {
        let cache = self.folder.path().join("cache");
        look::look(
            &self.survey,
            look::Cache { own: Some(&cache), kept: None },
            now.parse().unwrap(),
            &Stop::default(),
        )
    }

    /// Packs the installation as it is, without logs and jre, below `top`.
    fn tar_gz(&self, name: &str, top: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut builder =
            tar::Builder::new(GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast()));
        builder.follow_symlinks(false);
        for part in ["app", "conf", "bin"] {
            builder.append_dir_all(format!("{top}/{part}"), self.survey.root.join(part)).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        path
    }
}

fn tree(files: &Files, index: usize) -> &Differences {
    match &files.trees[index].differences {
        Field::Read(differences) => differences,
        Field::Unread(why) => panic!("{why}"),
    }
}

fn unread(tree: &FileTree) -> &str {
    match &tree.differences {
        Field::Read(differences) => panic!("{differences:?}"),
        Field::Unread(why) => why,
    }
}

/// Modified, removed, added.
fn lists(differences: &Differences) -> [Vec<&str>; 3] {
    [&differences.modified, &differences.removed, &differences.added]
        .map(|list| list.paths.iter().map(String::as_str).collect())
}

const NOTHING: [Vec<&str>; 3] = [Vec::new(), Vec::new(), Vec::new()];

#[test]
fn the_web_application_is_compared_with_its_vendors_hashes() {
    let site = Site::new();
    site.list();
    let files = site.look();
    assert!(
        matches!(&files.trees[0].compared_with, ComparedWith::VendorHashes(file) if file.ends_with(LIST))
    );
    assert!(files.trees[0].root.ends_with("install/app"));
    assert_eq!((tree(&files, 0).compared, lists(tree(&files, 0))), (3, NOTHING));

    site.write("app/WEB-INF/web.xml", "changed");
    site.write("app/extra/deep.txt", "x");
    site.remove("app/index.jsp");
    let files = site.look();
    assert_eq!(lists(tree(&files, 0)), [vec!["WEB-INF/web.xml"], vec!["index.jsp"], vec!["extra/deep.txt"]]);
    assert_eq!(lists(tree(&files, 1)), NOTHING, "the rest is another part");
}

#[test]
fn links_and_sockets_in_the_place_of_files_are_changes() {
    let site = Site::new();
    site.list();
    site.remove("app/index.jsp");
    symlink("/etc/passwd", site.survey.root.join("app/index.jsp")).unwrap();
    symlink("..", site.survey.root.join("app/circle")).unwrap();
    site.remove("app/WEB-INF/web.xml");
    let socket = site.survey.root.join("app/WEB-INF/web.xml");
    let _socket = std::os::unix::net::UnixListener::bind(socket).unwrap();
    let pipe = site.survey.root.join("app/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let files = site.look();
    assert_eq!(lists(tree(&files, 0)), [vec!["index.jsp", "WEB-INF/web.xml"], vec![], vec!["circle"]]);
}

#[test]
fn a_damaged_or_hostile_list_of_the_vendor_is_said() {
    let site = Site::new();
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    site.write(LIST, &format!("{md5}  index.jsp\n{md5}  ../conf/server.xml\n{md5}  /etc/passwd\n"));
    let files = site.look();
    let found = tree(&files, 0);
    assert_eq!((found.strange_entries, found.compared), (2, 1));
    assert_eq!(lists(found), [vec!["index.jsp"], vec![], vec!["release", "WEB-INF/web.xml"]]);

    site.write(LIST, "d41d8c");
    assert!(unread(&site.look().trees[0]).contains("cut off"));
    assert!(matches!(site.look().trees[1].compared_with, ComparedWith::Baseline(_)), "the rest is compared");
    let huge = fs::File::create(site.survey.root.join(LIST)).unwrap();
    huge.set_len(5 << 30).unwrap();
    assert!(unread(&site.look().trees[0]).contains("longer than"), "and not read");
    fs::write(site.survey.root.join(LIST), b"\xff\xfe").unwrap();
    assert!(unread(&site.look().trees[0]).contains("not UTF-8"));
}

#[test]
fn an_own_list_is_begun_once_and_never_renewed_for_the_same_release() {
    let mut site = Site::new();
    let files = site.look_at("2026-01-01T00:00:00Z").unwrap();
    assert_eq!(files.trees.len(), 2, "without a vendor's list the web application has an own one too");
    for tree in &files.trees {
        assert_eq!(tree.compared_with, ComparedWith::Baseline("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(lists(tree.differences.value().unwrap()), NOTHING);
    }
    assert_eq!(tree(&files, 1).compared, 4, "without logs");

    site.write("conf/server.xml", "changed");
    site.write("app/index.jsp", "changed too");
    site.remove("bin/env.sh");
    symlink("elsewhere", site.survey.root.join("bin/env.sh")).unwrap();
    for day in ["2026-01-02T00:00:00Z", "2026-06-02T00:00:00Z"] {
        let files = site.look_at(day).unwrap();
        assert_eq!(lists(tree(&files, 0)), [vec!["index.jsp"], vec![], vec![]]);
        assert_eq!(lists(tree(&files, 1)), [vec!["bin/env.sh", "conf/server.xml"], vec![], vec![]]);
        assert_eq!(
            files.trees[1].compared_with,
            ComparedWith::Baseline("2026-01-01T00:00:00Z".parse().unwrap())
        );
    }

    site.survey.release = Err("nobody says".into());
    assert!(unread(&site.look().trees[1]).contains("which release"), "no list is begun or used then");
    site.survey.release = Ok("1.1".into());
    let files = site.look_at("2026-07-01T00:00:00Z").unwrap();
    assert_eq!(lists(tree(&files, 1)), NOTHING);
    assert_eq!(files.trees[1].compared_with, ComparedWith::Baseline("2026-07-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn a_damaged_own_list_is_said_and_not_begun_anew() {
    let site = Site::new();
    site.look();
    let list = site.folder.path().join("cache/files-baseline-rest");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, text.replace("setenv", "setemv")).unwrap();
    for _ in 0..2 {
        let files = site.look();
        assert!(unread(&files.trees[1]).contains("damaged"), "{files:?}");
    }
}

#[test]
fn without_a_place_to_keep_a_list_there_is_nothing_to_compare_with() {
    let site = Site::new();
    site.list();
    let files =
        look::look(&site.survey, look::Cache::default(), Timestamp::UNIX_EPOCH, &Stop::default()).unwrap();
    assert_eq!(lists(tree(&files, 0)), NOTHING, "the vendor's hashes need no place");
    assert!(unread(&files.trees[1]).contains("pristine"));
}

#[test]
fn the_list_a_daemon_keeps_is_compared_with_and_never_written() {
    let mut site = Site::new();
    site.list();
    let kept = site.folder.path().join("cache");
    let by_hand = |site: &Site| {
        let cache = look::Cache { own: None, kept: Some(&kept) };
        look::look(&site.survey, cache, Timestamp::UNIX_EPOCH, &Stop::default()).unwrap()
    };
    assert!(unread(&by_hand(&site).trees[1]).contains("nothing to compare with"));
    assert!(!kept.exists(), "no list is begun");
    site.look();
    let before: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    site.write("conf/server.xml", "changed");
    let files = by_hand(&site);
    assert_eq!(lists(tree(&files, 1)), [vec!["conf/server.xml"], vec![], vec![]]);
    site.survey.release = Ok("1.1".into());
    assert!(unread(&by_hand(&site).trees[1]).contains("nothing to compare with"), "it is of another release");
    let after: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(before, after);
}

#[test]
fn everything_is_compared_with_an_untouched_copy() {
    let mut site = Site::new();
    site.list();
    site.survey.pristine = Some(site.tar_gz("copy.tar.gz", "product-1.0"));
    let files = site.look();
    let kinds: Vec<bool> =
        files.trees.iter().map(|tree| matches!(tree.compared_with, ComparedWith::Pristine(_))).collect();
    assert_eq!(kinds, [false, true, false], "the vendor's list, the copy, and the Java it came without");
    assert!(files.trees[2].root.ends_with("jre"));
    for index in 0..3 {
        assert_eq!(lists(tree(&files, index)), NOTHING);
    }
    site.write("conf/server.xml", "longer than before");
    site.write("bin/setenv.sh", "SETENV");
    site.write("jre/lib/cacerts", "more certificates");
    site.remove("bin/env.sh");
    // Twice: the second look uses what it remembers of the archive.
    for _ in 0..2 {
        let files = site.look();
        let expected = [vec!["bin/setenv.sh", "conf/server.xml"], vec!["bin/env.sh"], vec![]];
        assert_eq!(lists(tree(&files, 1)), expected);
        assert_eq!(lists(tree(&files, 2)), [vec!["lib/cacerts"], vec![], vec![]]);
    }
}

#[test]
fn a_copy_may_be_a_directory_or_a_zip() {
    let mut site = Site::new();
    let copy = site.folder.path().join("product-1.0");
    for name in ["app/index.jsp", "app/WEB-INF/web.xml", "app/release", "conf/server.xml", "bin/setenv.sh"] {
        fs::create_dir_all(copy.join(name).parent().unwrap()).unwrap();
        fs::copy(site.survey.root.join(name), copy.join(name)).unwrap();
    }
    site.survey.pristine = Some(copy.clone());
    assert_eq!(lists(tree(&site.look(), 0)), [vec![], vec![], vec!["bin/env.sh"]]);

    let zip_path = site.folder.path().join("product-1.0.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&zip_path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.add_symlink("x/bin/env.sh", "setenv.sh", options).unwrap();
    for name in ["app/index.jsp", "app/WEB-INF/web.xml", "conf/server.xml", "bin/setenv.sh"] {
        zip.start_file(format!("x/{name}"), options).unwrap();
        zip.write_all(&fs::read(site.survey.root.join(name)).unwrap()).unwrap();
    }
    zip.finish().unwrap();
    site.survey.pristine = Some(zip_path);
    let files = site.look();
    assert_eq!(lists(tree(&files, 0)), [vec![], vec![], vec!["app/release"]]);
}

#[test]
fn a_copy_that_cannot_be_used_is_said_with_its_reason() {
    let mut site = Site::new();
    let good = site.tar_gz("good.tar.gz", "product-1.0");
    let whole = fs::read(&good).unwrap();
    let make = |name: &str, bytes: &[u8]| {
        let path = site.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let empty = site.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let pipe = site.folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let rows = [
        (make("cut.tar.gz", &whole[..whole.len() / 2]), "cut.tar.gz"),
        (make("page.tar.gz", b"<!DOCTYPE html>"), "neither a zip nor a tar"),
        (make("nothing.tar.gz", b""), "neither a zip nor a tar"),
        (make("broken.zip", b"PK\x03\x04 and nothing more"), "broken.zip"),
        (site.folder.path().join("missing.tar.gz"), "missing.tar.gz"),
        (empty, "there is no file in it"),
        (pipe, "no regular file"),
    ];
    for (path, reason) in rows {
        site.survey.pristine = Some(path);
        let files = site.look();
        assert!(unread(&files.trees[0]).contains(reason), "{reason}: {files:?}");
    }
    site.survey.pristine = Some(good);
    site.survey.release = Ok("1.1".into());
    assert!(unread(&site.look().trees[0]).contains("is a copy of 1.0, and 1.1 is installed"));
    site.survey.release = Err("nobody says".into());
    assert!(unread(&site.look().trees[0]).contains("nobody says"));
}

#[test]
fn a_hostile_archive_reaches_nothing_outside() {
    let mut site = Site::new();
    let path = site.folder.path().join("hostile.tar.gz");
    let mut builder =
        tar::Builder::new(GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast()));
    let mut add = |name: &[u8], kind: tar::EntryType, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_size(content.len() as u64);
        header.set_entry_type(kind);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    };
    add(b"x/../../etc/passwd", tar::EntryType::Regular, b"evil");
    add(b"/etc/shadow", tar::EntryType::Regular, b"evil");
    add(b"x/dev", tar::EntryType::Char, b"");
    add(b"x/hard", tar::EntryType::Link, b"");
    add(b"x/conf/server.xml", tar::EntryType::Regular, b"server");
    builder.into_inner().unwrap().finish().unwrap();
    site.survey.pristine = Some(path);
    let files = site.look();
    let found = tree(&files, 0);
    assert_eq!((found.strange_entries, found.compared), (4, 1));
}

#[test]
fn what_cannot_be_read_is_counted_named_and_never_taken_for_removed() {
    let site = Site::new();
    site.list();
    site.look();
    let closed = ["app/WEB-INF", "conf", "bin/setenv.sh"];
    let set = |mode| {
        for name in closed {
            fs::set_permissions(site.survey.root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    // The notebook would know the hash: it is forgotten, as after a change.
    fs::remove_file(site.folder.path().join("cache/files-notes")).unwrap_or_default();
    fs::set_permissions(site.folder.path().join("cache"), fs::Permissions::from_mode(0o777)).unwrap();
    for name in fs::read_dir(site.folder.path().join("cache")).unwrap() {
        fs::set_permissions(name.unwrap().path(), fs::Permissions::from_mode(0o666)).unwrap();
    }
    set(0o000);
    site.write("bin/new.sh", "new");
    let files = as_another_user(|| site.look());
    set(0o755);
    let application = tree(&files, 0);
    assert_eq!(lists(application), NOTHING);
    let out = application.out_of_reach.as_ref().unwrap();
    assert_eq!(out.count, 1);
    assert!(out.first.ends_with("app/WEB-INF") && out.why.contains("ermission"), "{out:?}");
    let rest = tree(&files, 1);
    assert_eq!(lists(rest), [vec![], vec![], vec!["bin/new.sh"]]);
    let out = rest.out_of_reach.as_ref().unwrap();
    assert_eq!(out.count, 2);
    assert!(out.first.ends_with("bin/setenv.sh"), "{out:?}");
}

#[test]
fn no_own_list_is_begun_of_what_cannot_be_read() {
    let site = Site::new();
    fs::create_dir(site.folder.path().join("cache")).unwrap();
    fs::set_permissions(site.folder.path().join("cache"), fs::Permissions::from_mode(0o777)).unwrap();
    let server = site.survey.root.join("conf/server.xml");
    fs::set_permissions(&server, fs::Permissions::from_mode(0o000)).unwrap();
    let files = as_another_user(|| site.look());
    assert!(unread(&files.trees[1]).contains("conf/server.xml"), "{files:?}");
    fs::set_permissions(&server, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(lists(tree(&site.look(), 1)), NOTHING);
}

#[test]
fn names_that_are_no_text_are_compared_and_shown() {
    let site = Site::new();
    let strange = site.survey.root.join("conf").join(OsStr::from_bytes(b"caf\xe9\n.xml"));
    fs::write(&strange, "one").unwrap();
    assert_eq!(lists(tree(&site.look(), 1)), NOTHING);
    fs::write(&strange, "two").unwrap();
    assert_eq!(lists(tree(&site.look(), 1)), [vec!["conf/caf\\xe9\\x0a.xml"], vec![], vec![]]);
}

#[test]
fn what_the_operator_leaves_out_is_left_out() {
    let mut site = Site::new();
    site.list();
    site.survey.pristine = Some(site.tar_gz("copy.tar.gz", "product-1.0"));
    site.write("conf/server.xml", "changed");
    site.write("conf/old/a/b", "x");
    site.write("conf/x.bak", "x");
    site.remove("bin/setenv.sh");
    site.survey.ignore =
        ["conf/old", "conf/*.bak", "bin"].iter().map(|text| Pattern::new(text).unwrap()).collect();
    assert_eq!(lists(tree(&site.look(), 1)), [vec!["conf/server.xml"], vec![], vec![]]);
}

#[test]
fn many_files_are_counted_and_some_are_named() {
    let site = Site::new();
    site.look();
    for number in 0..300 {
        site.write(&format!("conf/many/{number:03}"), "x");
    }
    site.write("top", "x");
    let files = site.look();
    let added = &tree(&files, 1).added;
    assert_eq!((added.count, added.paths.len(), added.paths[0].as_str()), (301, 200, "top"));
}

#[test]
fn a_heap_dump_is_not_read() {
    let site = Site::new();
    let dump = fs::File::create(site.survey.root.join("bin/heap.hprof")).unwrap();
    dump.set_len(40 << 30).unwrap();
    assert_eq!(lists(tree(&site.look(), 1)), NOTHING, "forty gigabytes would take a minute");
    dump.set_len(41 << 30).unwrap();
    assert_eq!(lists(tree(&site.look(), 1)), [vec!["bin/heap.hprof"], vec![], vec![]]);
}

#[test]
fn an_installation_that_is_not_there_or_that_nobody_waits_for_fails_the_source() {
    let mut site = Site::new();
    let stop = Stop::default();
    let lookout_stop =
        |survey: &Survey| look::look(survey, look::Cache::default(), Timestamp::UNIX_EPOCH, &stop);
    assert!(lookout_stop(&site.survey).is_ok());
    site.survey.root = Path::new("/nowhere/at/all").to_owned();
    assert_eq!(lookout_stop(&site.survey).unwrap_err().kind(), FailureKind::Absent);
}

#[tokio::test]
async fn the_collector_gives_its_section() {
    struct Known(Survey);
    impl Anatomy for Known {
        fn survey(&self) -> Result<Survey, CollectError> {
            Ok(self.0.clone())
        }
    }
    let site = Site::new();
    let collector = FilesCollector::new(Arc::new(Known(site.survey.clone())), None);
    assert_eq!(collector.source(), Source::Files);
    assert!(matches!(collector.collect().await.unwrap(), Section::Files(files) if files.trees.len() == 2));
}
