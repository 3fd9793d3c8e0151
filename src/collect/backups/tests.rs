//! Backups as jobs leave them, good and bad.

use std::fs::{File, FileTimes};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use super::*;
use crate::collect::process::fixture::{FakeLayout, open_up};
use crate::collect::unprivileged::as_another_user;

/// A place for backups, and the agent's own directory beside it.
struct Place {
    tree: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let tree = tempfile::tempdir().unwrap();
        open_up(tree.path());
        fs::create_dir(tree.path().join("b")).unwrap();
        open_up(&tree.path().join("b"));
        Self { tree }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.tree.path().join("b").join(name)
    }

    /// Puts a backup there that was finished so many hours ago.
    fn put(&self, name: &str, hours: u64, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.date(name, hours);
        path
    }

    fn date(&self, name: &str, hours: u64) {
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        File::open(self.path(name)).unwrap().set_times(FileTimes::new().set_modified(then)).unwrap();
    }

    fn look(&self, place: &str, form: PlaceForm) -> Look {
        let places = vec![self.path(place).display().to_string()];
        let set = KindPlaces { kind: BackupKind::Home, places, form };
        Look {
            instance: "wiki".to_owned(),
            places: BackupPlaces { sets: vec![set], limits: UnpackLimits::default() },
            layout: Arc::new(FakeLayout::default()),
            mountinfo: PathBuf::from("/proc/self/mountinfo"),
            notes: Some(self.tree.path().join("cache/backups")),
            proofs: Vec::new(),
        }
    }

    fn read(&self, place: &str, form: PlaceForm) -> Result<Vec<Backup>, String> {
        let facts = self.look(place, form).read(&Stop::default());
        match facts.set(BackupKind::Home).unwrap().backups.clone() {
            Field::Read(backups) => Ok(backups),
            Field::Unread(why) => Err(why),
        }
    }

    fn files(&self, place: &str) -> Vec<Backup> {
        self.read(place, PlaceForm::Files).unwrap()
    }

    /// What comes of reading these bytes to their end.
    fn verify(&self, bytes: &[u8], limits: UnpackLimits) -> (String, Field<Integrity>) {
        self.put("verify", 5, bytes);
        let place = self.path("verify").display().to_string();
        let candidate = find(&[place], PlaceForm::Files, &Stop::default()).unwrap().remove(0);
        let form = recognise(&read_head(&candidate.path).unwrap());
        let verified = verify(&candidate, form, limits, &Stop::default());
        (verified.form, verified.integrity)
    }

    /// Form and contents of bytes that are whole.
    fn whole(&self, bytes: &[u8]) -> (String, u64, u64) {
        match self.verify(bytes, UnpackLimits::default()) {
            (form, Field::Read(Integrity::Whole(contents))) => {
                (form, contents.entries, contents.unpacked_bytes)
            }
            other => panic!("{other:?}"),
        }
    }

    fn damage(&self, bytes: &[u8]) -> String {
        match self.verify(bytes, UnpackLimits::default()) {
            (_, Field::Read(Integrity::Damaged(why))) => why,
            other => panic!("{other:?}"),
        }
    }

    fn unread(&self, bytes: &[u8], limits: UnpackLimits) -> String {
        match self.verify(bytes, limits) {
            (_, Field::Unread(why)) => why,
            other => panic!("{other:?}"),
        }
    }
}

/// Bytes that do not pack well.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn zip_of(files: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip as it comes out of a pipe: sizes stand behind the data.
fn streamed_zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    writer.start_file("a", SimpleFileOptions::default()).unwrap();
    writer.write_all(&noise(5000)).unwrap();
    writer.finish().unwrap().into_inner()
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 0xff;
    bytes
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).rposition(|window| window == wanted).unwrap()
}

#[test]
fn whole_zips_of_every_making_are_read_to_their_end() {
    let place = Place::new();
    let (noise, text) = (noise(40_000), "text ".repeat(2000));
    let files: [(&str, &[u8]); 3] = [("home/a", &noise), ("home/b", text.as_bytes()), ("home/empty", b"")];
    let plain = SimpleFileOptions::default();
    let unpacked = 50_000;
    let whole = ("zip".to_owned(), 3, unpacked);
    assert_eq!(place.whole(&zip_of(&files, plain)), whole);
    assert_eq!(place.whole(&zip_of(&files, plain.compression_method(zip::CompressionMethod::Stored))), whole);
    assert_eq!(place.whole(&zip_of(&files, plain.large_file(true))), whole, "zip64");
    assert_eq!(place.whole(&streamed_zip()), ("zip".to_owned(), 1, 5000), "data descriptors");
    assert_eq!(place.whole(&zip_of(&[], plain)), ("zip".to_owned(), 0, 0));
    let mut commented = zip_of(&files, plain);
    let end = commented.len();
    commented[end - 2..].copy_from_slice(&5_u16.to_le_bytes());
    commented.extend(b"notes");
    assert_eq!(place.whole(&commented), whole, "with a comment");
}

#[test]
fn broken_zips_say_where() {
    let place = Place::new();
    let noise = noise(300_000);
    let whole = zip_of(&[("home/a", &noise), ("home/b", &noise)], SimpleFileOptions::default());
    let why = place.damage(&flip(&whole, 200_000));
    assert!(why.contains("home/a in it cannot be read"), "{why}");
    for length in [whole.len() / 2, whole.len() - 30, 100] {
        let why = place.damage(&whole[..length]);
        assert!(why.contains("cut off"), "{length}: {why}");
    }
    let directory = find_bytes(&whole, b"PK\x01\x02");
    assert!(place.damage(&flip(&whole, directory)).contains("list of its files"));
    let checksum = directory + 16;
    assert!(place.damage(&flip(&whole, checksum)).contains("home/b"), "of a file that is stored as it is");
}

#[test]
fn zips_that_cannot_be_read_are_not_called_damaged() {
    let place = Place::new();
    let (one, limits) = (zip_of(&[("a", b"secret")], SimpleFileOptions::default()), UnpackLimits::default());
    let mut encrypted = one.clone();
    encrypted[6] |= 1;
    encrypted[find_bytes(&one, b"PK\x01\x02") + 8] |= 1;
    let why = place.unread(&encrypted, limits);
    assert!(why.contains("1 of its 1 files are encrypted") && why.contains("marker"), "{why}");

    let mut method = one.clone();
    method[8] = 95;
    method[find_bytes(&one, b"PK\x01\x02") + 10] = 95;
    assert!(place.unread(&method, limits).contains("method this agent does not read"));

    let mut split = one.clone();
    let end = find_bytes(&one, b"PK\x05\x06");
    split[end + 4..end + 8].copy_from_slice(&[2, 0, 2, 0]);
    assert!(place.unread(&split, limits).contains("split"));
    assert!(place.unread(b"PK\x07\x08PK\x03\x04 the first part", limits).contains("split"));
}

#[test]
fn bombs_are_not_unpacked_to_their_end() {
    let place = Place::new();
    let zeros = vec![0; 4 << 20];
    let limits = UnpackLimits { times: 200, bytes: 1 << 20 };
    for bomb in [
        zip_of(&[("a", &zeros)], SimpleFileOptions::default()),
        gzip(&zeros),
        gzip(&tar_of(&[("a", &zeros)])),
    ] {
        let why = place.unread(&bomb, limits);
        assert!(why.contains("most_unpacked_times"), "{why}");
    }
    // The same many times over: entries that share their data.
    let one = zip_of(&[("a", &zeros)], SimpleFileOptions::default());
    let (directory, end) = (find_bytes(&one, b"PK\x01\x02"), find_bytes(&one, b"PK\x05\x06"));
    let mut overlapping = one[..directory].to_vec();
    for _ in 0..300 {
        overlapping.extend(&one[directory..end]);
    }
    let mut last = one[end..].to_vec();
    last[8..12].copy_from_slice(&[44, 1, 44, 1]);
    let size = u32::try_from(300 * (end - directory)).unwrap();
    last[12..16].copy_from_slice(&size.to_le_bytes());
    overlapping.extend(last);
    let why = place.unread(&overlapping, UnpackLimits::default());
    assert!(why.contains("more than 1 GiB"), "{why}");
}

#[test]
fn tars_are_read_to_their_end_mark() {
    let place = Place::new();
    let noise = noise(70_000);
    let tar = tar_of(&[("home/a", &noise), (&"long/".repeat(50), b"x"), ("home/empty", b"")]);
    let (form, entries, unpacked) = place.whole(&tar);
    assert_eq!((form.as_str(), entries), ("tar", 3));
    assert_eq!(unpacked, tar.len() as u64);
    assert_eq!(place.whole(&gzip(&tar)).0, "tar.gz");
    let members = [gzip(&tar[..30_000]), gzip(&tar[30_000..])].concat();
    assert_eq!(place.whole(&members).0, "tar.gz", "packed by several processors");

    let end = tar.len() - 1024;
    for length in [end, 40_000, 700] {
        let why = place.damage(&tar[..length]);
        assert!(why.contains("cut off"), "{length}: {why}");
    }
    let second = 512 + 70_144;
    assert!(place.damage(&flip(&tar, second + 5)).contains("header after 1 entries"));
    let packed = gzip(&tar);
    assert!(place.damage(&packed[..packed.len() / 2]).contains("cut off"));
    assert!(place.damage(&packed[..packed.len() - 4]).contains("cut off"), "its length is missing");
    let checksum = packed.len() - 8;
    assert!(place.damage(&flip(&packed, checksum)).contains("corrupt"), "checksum of the gzip");
    place.damage(&flip(&packed, packed.len() / 2));
}

#[test]
fn a_size_in_an_extended_header_counts() {
    let place = Place::new();
    let mut header = tar::Header::new_ustar();
    header.set_path("big").unwrap();
    header.set_size(0);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("size", b"600".as_slice())]).unwrap();
    let mut tar = builder.into_inner().unwrap();
    tar.truncate(1024);
    tar.extend(header.as_bytes());
    tar.extend([b'x'; 1024]);
    tar.extend([0; 1024]);
    assert_eq!(place.whole(&tar).1, 1);
}

#[test]
fn other_packings_are_read_or_said_not_to_be() {
    let place = Place::new();
    let xz = BASE64_STANDARD.decode(XZ).unwrap();
    // Whole, and nobody knows of what.
    let limits = UnpackLimits::default();
    assert!(place.unread(&xz, limits).contains("unpacks to its end"));
    assert!(place.damage(&xz[..xz.len() - 9]).contains("cut off"));
    place.damage(&flip(&xz, 30));
    let zst = BASE64_STANDARD.decode(ZST).unwrap();
    assert!(place.unread(&zst, limits).contains("unpacks to its end"));
    assert!(place.unread(&gzip(b"<html>login</html>"), limits).contains("neither an archive nor a dump"));
    let checksum = zst.len() - 1;
    assert!(place.damage(&flip(&zst, checksum)).contains("checksum"));
    place.damage(&zst[..zst.len() - 5]);
    let tar = tar_of(&[("a", b"x")]);
    let packed =
        ruzstd::encoding::compress_to_vec(tar.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    assert_eq!(place.whole(&packed).0, "tar.zst");
    let frame =
        |part: &[u8]| ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest);
    let (begin, end) = tar.split_at(512);
    let unpacked = tar.len() as u64;
    let frames = place.whole(&[frame(begin), frame(end)].concat());
    assert_eq!(frames, ("tar.zst".to_owned(), 1, unpacked), "two frames");
    let note = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    assert_eq!(place.whole(&[frame(begin), note, frame(end)].concat()), frames, "a note between frames");

    assert!(place.unread(b"BZh91AY&SY", limits).contains("bzip2"));
    assert!(place.unread(b"age-encryption.org/v1\n", limits).contains("encrypted"));
    assert!(place.unread(b"<html>login</html>", limits).contains("neither an archive nor a dump"));
    assert_eq!(place.damage(b""), "it is empty");
}

const XZ: &str =
    "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAPQ1JFQVRFIFRBQkxFIHg7CgC1oUnRewKXzwABKBDlC2xgH7bzfQEAAAAABFla";
const ZST: &str = "KLUv/QRYgQAAQ1JFQVRFIFRBQkxFIHg7Cnybx9g=";

#[test]
fn the_newest_are_read_and_the_others_listed() {
    let place = Place::new();
    for hours in [30, 6, 54, 78] {
        place.put(&format!("home-{hours}.tar.gz"), hours, &gzip(&tar_of(&[("a", b"x")])));
    }
    place.put("home-6.tar.gz.sha256", 5, b"0123  home-6.tar.gz");
    let seen = place.files("");
    let names: Vec<&str> = seen.iter().map(|one| one.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["home-6.tar.gz", "home-30.tar.gz", "home-54.tar.gz", "home-78.tar.gz"]);
    let read: Vec<bool> = seen.iter().map(|one| one.integrity.value().is_some()).collect();
    assert_eq!(read, [true, true, false, false]);
    assert!(seen.iter().all(|one| one.form == "tar.gz" && !one.being_written));
    assert!(seen[0].mount_point.value().is_some(), "{:?}", seen[0]);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let place = Place::new();
    let path = place.put("home.zip", 6, b"PK\x03\x04 damaged");
    let limits = UnpackLimits::default();
    let learned = Learned {
        form: "zip".to_owned(),
        integrity: Field::Read(Integrity::Whole(Contents { entries: 7, ..Contents::default() })),
        limits,
    };
    // The notebook of an earlier look.
    let mut notebook = Notebook::open(Some(place.tree.path().join("cache/backups")));
    notebook.note_growing(&path, Stamp::of(&fs::metadata(&path).unwrap()), learned.clone());
    notebook.close().unwrap();
    assert_eq!(place.files("home.zip")[0].integrity, learned.integrity);
    let mut look = place.look("home.zip", PlaceForm::Files);
    look.places.limits.times = 3;
    let facts = look.read(&Stop::default());
    let read = facts.sets[0].backups.value().unwrap()[0].integrity.clone();
    assert!(matches!(read, Field::Read(Integrity::Damaged(_))), "under other limits it is: {read:?}");
}

#[test]
fn what_is_being_written_is_passed_over() {
    let place = Place::new();
    let whole = gzip(&tar_of(&[("a", b"x")]));
    place.put("1.tar.gz", 0, &whole[..20]);
    place.put("2.tar.gz.part", 2, &whole[..20]);
    place.put("3.tar.gz", 6, &whole);
    let seen = place.files("*");
    let written: Vec<bool> = seen.iter().map(|one| one.being_written).collect();
    assert_eq!(written, [true, true, false]);
    assert!(matches!(seen[2].integrity, Field::Read(Integrity::Whole(_))));
    assert!(
        seen[..2].iter().all(|one| matches!(&one.integrity, Field::Unread(why) if why.contains("written")))
    );
}

#[test]
fn a_marker_speaks_for_what_the_agent_cannot_read() {
    let place = Place::new();
    place.put("home.age", 6, b"age-encryption.org/v1\n....");
    let marker = |verified: bool, bytes: u64, more: &str| {
        let at = Timestamp::now() - jiff::SignedDuration::from_hours(6);
        format!(
            "backup_marker = 1\nkind = 'home'\nfinished_at = {at:.0}\nbytes = {bytes}\nverified = {verified}\n\
             by = 'nightly check'\n{more}"
        )
    };
    let put = |text: &str| place.put("home.marker", 5, text.as_bytes());

    put(&marker(true, 26, "location = 'home.age'"));
    let seen = place.files("*");
    assert_eq!(seen.len(), 1);
    let Field::Read(Integrity::Whole(contents)) = &seen[0].integrity else { panic!("{seen:?}") };
    assert!(contents.written_by.as_deref().unwrap().contains("nightly check"));

    let unread = |text: &str, why: &str| {
        put(text);
        let seen = place.files("*");
        let reasons: Vec<_> = seen.iter().filter(|one| one.integrity.value().is_none()).collect();
        assert!(reasons.iter().any(|one| format!("{:?}", one.integrity).contains(why)), "{why}: {seen:?}");
    };
    unread(&marker(false, 26, "location = 'home.age'"), "does not say that it was verified");
    unread(&marker(true, 27, "location = 'home.age'"), "speaks of 27 bytes");
    unread(&marker(true, 1, "unknown = 1"), "unknown field");
    unread(&marker(true, 26, "instance = 'another'\nlocation = 'home.age'"), "it is encrypted");
    unread(&marker(true, 26, "location = 'home.age'").replace("'home'", "'database'"), "it is encrypted");

    put(&marker(true, 9000, "location = 's3://key:secret@bucket/home.age'"));
    let seen = place.files("*");
    let elsewhere = seen.iter().find(|one| one.form == "marker").unwrap();
    assert_eq!((elsewhere.path.as_str(), elsewhere.bytes), ("s3://bucket/home.age", 9000));
    assert!(matches!((&elsewhere.integrity, &elsewhere.mount_point), (Field::Read(_), Field::Unread(_))));
}

#[test]
fn directories_can_be_backups() {
    let place = Place::new();
    place.put("daily.0/home/a", 7, &[b'x'; 100]);
    place.put("daily.0/home/b", 9, &[b'x'; 11]);
    for name in ["daily.0/home", "daily.0"] {
        place.date(name, 30);
    }
    let seen = place.read("daily.*", PlaceForm::Directory).unwrap();
    assert_eq!((seen.len(), seen[0].bytes, seen[0].form.as_str()), (1, 111, "directory"));
    let age = Timestamp::now().duration_since(seen[0].finished_at);
    assert_eq!(age.as_hours(), 7, "as old as the newest thing in it");
    assert!(place.read("", PlaceForm::Files).unwrap_err().contains("form = \"directory\""));
}

#[test]
fn a_directory_is_no_backup_of_a_database_by_being_there() {
    let place = Place::new();
    place.put("base/PG_VERSION", 7, b"15\n");
    place.put("cut/toc.dat", 7, b"PGDMP\x01\x0e");
    for (name, expected) in [("base", "no toc.dat"), ("cut", "cut off")] {
        let mut look = place.look(name, PlaceForm::Directory);
        look.places.sets[0].kind = BackupKind::Database;
        let facts = look.read(&Stop::default());
        let Field::Read(seen) = &facts.sets[0].backups else { panic!("{facts:?}") };
        assert!(!matches!(seen[0].integrity, Field::Read(Integrity::Whole(_))), "{seen:?}");
        assert!(format!("{:?}", seen[0].integrity).contains(expected), "{seen:?}");
    }
}

#[test]
fn what_may_not_be_read_names_the_right() {
    let place = Place::new();
    let whole = gzip(&tar_of(&[("a", b"x")]));
    let path = place.put("home.tar.gz", 6, &whole);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let seen = as_another_user(|| place.files("*"));
    let why = format!("{:?}", seen[0].integrity);
    assert!(why.contains("setfacl -m u:") && why.contains("home.tar.gz"), "{why}");
    let closed = place.path("");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let why = as_another_user(|| place.read("*", PlaceForm::Files).unwrap_err());
    assert!(why.contains("setfacl"), "{why}");
    open_up(&closed);
}

#[test]
fn a_name_that_is_no_text_is_read_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.put("x", 6, &gzip(&tar_of(&[("a", b"x")])));
    let odd = place.path("").join(std::ffi::OsStr::from_bytes(b"home-\xff.tar.gz"));
    fs::rename(place.path("x"), &odd).unwrap();
    let seen = place.files("home-*");
    assert!(matches!(seen[0].integrity, Field::Read(Integrity::Whole(_))), "{seen:?}");
}

#[tokio::test]
async fn the_collector_answers_for_every_kind_it_was_told_of() {
    let place = Place::new();
    place.put("home.tar", 6, &tar_of(&[("a", b"x")]));
    let look = place.look("home.tar", PlaceForm::Files);
    let collector = BackupsCollector::new("wiki", look.places, look.layout, None, None);
    assert_eq!(collector.source(), Source::Backups);
    let Section::Backups(backups) = collector.collect().await.unwrap() else { panic!("backups") };
    assert!(backups.set(BackupKind::Home).is_some() && backups.set(BackupKind::Database).is_none());
}
