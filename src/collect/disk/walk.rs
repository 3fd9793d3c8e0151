//! Measuring what a directory tree holds.
//!
//! Names and sizes only: no file is opened. The first look lists every directory, on two threads. A later one
//! asks each directory for its own stamp and lists it again only when that shows a change, when a file in it
//! changed within the day before it was last listed, when it is one of those whose files are known to grow in
//! place, or when its hour of the day has come: every directory is listed at least once within a day and the
//! time between two looks.
//!
//! So the sum is exact but for one thing: a file that lay unchanged for a day or longer and then grew, shrank
//! or got a second name without any file being made, renamed or removed beside it. That shows within a day.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir};
use upgrade_readiness_checks::facts::DirectorySize;

use super::remembered::{Directory, NewDirectory, Remembered};
use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;

/// Threads that walk: more would take the disk away from the service.
const WALKERS: usize = 2;

/// Directories below one another.
const DEEPEST: u16 = 256;

/// Files with several names that are remembered, about 50 MB of memory.
const MOST_LINKED: usize = 1_000_000;

/// Bytes of names the kernel is asked for at a time.
const NAMES_AT_A_TIME: usize = 64 * 1024;

/// Directories whose files grow in place, and those below them: never taken from memory.
const HOT: [&[u8]; 9] =
    [b"index", b"logs", b"log", b"temp", b"tmp", b"work", b"journal", b"database", b"analytics-logs"];

/// Why a tree could not be measured to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error("reading {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{count} parts of it could not be read, the first is {}", first.display())]
    Unreadable {
        count: u64,
        first: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} is nested deeper than {DEEPEST} directories", path.display())]
    TooDeep { path: PathBuf },
    #[error("there are more than {MOST_LINKED} files with several names")]
    TooManyLinks,
    #[error("nobody waited for the result any more")]
    Stopped,
}

impl WalkError {
    /// A right was lacking.
    pub(super) fn is_denied(&self) -> bool {
        match self {
            Self::Read { cause, .. } | Self::Unreadable { cause, .. } => {
                cause.kind() == io::ErrorKind::PermissionDenied
            }
            Self::NotADirectory { .. } | Self::TooDeep { .. } | Self::TooManyLinks | Self::Stopped => false,
        }
    }
}

/// Sums up a tree. Links are not followed, other file systems are not entered, and what vanishes meanwhile is
/// left out. What was learned is kept in the file `memory` for the next time; `now` is in seconds of Unix.
pub(super) fn measure(
    root: &Path,
    memory: Option<&Path>,
    now: i64,
    stop: &Stop,
) -> Result<DirectorySize, WalkError> {
    let failed = |cause| WalkError::Read { path: root.to_owned(), cause };
    let stat =
        rustix::fs::statat(CWD, root, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(WalkError::NotADirectory { path: root.to_owned() });
    }
    let remembered = memory.map(|file| Remembered::read(file, root).unwrap_or_default());
    let walk = Walk {
        device: stat.st_dev,
        remembered: remembered.as_ref(),
        now,
        stop,
        linked: Mutex::default(),
        trouble: Mutex::default(),
        over: AtomicBool::new(false),
        queue: Mutex::default(),
        changed: Condvar::new(),
        idle: AtomicUsize::new(0),
    };
    let name = root.file_name().map(OsStr::as_bytes).unwrap_or_default();
    let first = Job {
        above: None,
        name: Box::from(root.as_os_str().as_bytes()),
        depth: 0,
        parent: None,
        remembered: remembered.as_ref().and_then(Remembered::root),
        hot: HOT.contains(&name),
    };
    lock(&walk.queue).push(first);
    let workers: Vec<Worker> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WALKERS)
            .map(|number| {
                let walk = &walk;
                scope.spawn(move || walk.work(number))
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let Trouble { fatal, count, first } = walk.trouble.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(fatal) = fatal {
        return Err(fatal);
    }
    if workers.len() < WALKERS {
        return Err(failed(io::Error::other("a thread broke off")));
    }
    let size = workers.iter().fold(DirectorySize { bytes: 0, entries: 0 }, |size, worker| DirectorySize {
        bytes: size.bytes.saturating_add(worker.size.bytes),
        entries: size.entries.saturating_add(worker.size.entries),
    });
    if let Some(file) = memory {
        let kept = Remembered::keep(file, workers.into_iter().map(|worker| worker.learned).collect());
        // It is only an aid: without it everything is listed again next time.
        if let Err(error) = kept {
            tracing::debug!(%error, "what was learned of directories could not be kept");
        }
    }
    match (count, first) {
        (_, None) => Ok(size),
        (1, Some((path, cause))) => Err(WalkError::Read { path, cause }),
        (count, Some((first, cause))) => Err(WalkError::Unreadable { count, first, cause }),
    }
}

/// A directory that is still to be looked at.
struct Job {
    /// The path of the directory it is in.
    above: Option<Arc<PathBuf>>,
    name: Box<[u8]>,
    depth: u16,
    /// The number of the directory it is in.
    parent: Option<u32>,
    /// What is remembered of it.
    remembered: Option<Directory>,
    hot: bool,
}

/// A directory is not there any more.
struct Vanished;

/// What went wrong.
#[derive(Default)]
struct Trouble {
    fatal: Option<WalkError>,
    /// Parts that could not be read, and the first of them in alphabetical order.
    count: u64,
    first: Option<(PathBuf, io::Error)>,
}

/// What the threads share.
struct Walk<'a> {
    device: u64,
    remembered: Option<&'a Remembered>,
    now: i64,
    stop: &'a Stop,
    linked: Mutex<HashSet<(u64, u64)>>,
    trouble: Mutex<Trouble>,
    /// Nothing that is still learned is needed.
    over: AtomicBool,
    queue: Mutex<Vec<Job>>,
    changed: Condvar,
    /// Threads without work.
    idle: AtomicUsize,
}

/// What one thread has.
struct Worker {
    number: usize,
    size: DirectorySize,
    jobs: Vec<Job>,
    learned: Vec<NewDirectory>,
    names: Vec<u8>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Walk<'_> {
    fn work(&self, number: usize) -> Worker {
        let mut worker = Worker {
            number,
            size: DirectorySize { bytes: 0, entries: 0 },
            jobs: Vec::new(),
            learned: Vec::new(),
            names: Vec::with_capacity(NAMES_AT_A_TIME),
        };
        while let Some(job) = worker.jobs.pop().or_else(|| self.next(&mut worker)) {
            if self.stop.is_wanted() {
                self.end(WalkError::Stopped);
            }
            if self.over.load(Ordering::Relaxed) {
                worker.jobs.clear();
                continue;
            }
            self.look(&mut worker, job);
            if worker.jobs.len() > 1 && self.idle.load(Ordering::Relaxed) > 0 {
                // The older half: it lies closer to the root, so there is more below it.
                let half = worker.jobs.len() / 2;
                lock(&self.queue).extend(worker.jobs.drain(..half));
                self.changed.notify_all();
            }
        }
        worker
    }

    /// Work somebody else has left over; waits for it. `None` when all is done.
    fn next(&self, worker: &mut Worker) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(job) = queue.pop() {
                let half = queue.len() / 2;
                worker.jobs.extend(queue.drain(..half));
                return Some(job);
            }
            if self.idle.fetch_add(1, Ordering::AcqRel) + 1 >= WALKERS {
                // It stays counted as idle, so that the others see the end too.
                self.changed.notify_all();
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            if queue.is_empty() && self.idle.load(Ordering::Acquire) >= WALKERS {
                return None;
            }
            self.idle.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn end(&self, error: WalkError) {
        lock(&self.trouble).fatal.get_or_insert(error);
        self.over.store(true, Ordering::Relaxed);
    }

    fn unreadable(&self, path: PathBuf, cause: io::Error) {
        let mut trouble = lock(&self.trouble);
        trouble.count += 1;
        if trouble.first.as_ref().is_none_or(|(first, _)| path < *first) {
            trouble.first = Some((path, cause));
        }
    }

    /// Looks at one directory.
    fn look(&self, worker: &mut Worker, job: Job) {
        let name = OsStr::from_bytes(&job.name);
        let path = job.above.as_ref().map_or_else(|| PathBuf::from(name), |above| above.join(name));
        let stat = match rustix::fs::statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(rustix::io::Errno::NOENT) => return,
            Err(error) => {
                self.unreadable(path, error.into());
                return self.learn(worker, job, NewDirectory::unknown(), usize::MAX);
            }
        };
        // It may have become a file meanwhile, or something is mounted on it.
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory || stat.st_dev != self.device {
            return self.learn(worker, job, NewDirectory::unknown(), usize::MAX);
        }
        let stamp = Stamp::of_stat(&stat);
        let first_child = worker.jobs.len();
        let known = job.remembered.and_then(|place| Some((place, self.remembered?.get(place)?)));
        let found = match known {
            Some((place, known)) if !job.hot && known.still_holds(stamp, self.now) => {
                let above = Arc::new(path);
                for (child, name) in self.remembered.map(|all| all.children(place)).into_iter().flatten() {
                    worker.jobs.push(Job {
                        above: Some(Arc::clone(&above)),
                        name: Box::from(name),
                        depth: job.depth + 1,
                        parent: None,
                        remembered: Some(child),
                        hot: HOT.contains(&name),
                    });
                }
                known.again()
            }
            Some(_) | None => {
                let Ok(found) = self.list(worker, path, stamp, &job) else {
                    worker.jobs.truncate(first_child);
                    return;
                };
                found
            }
        };
        worker.size.bytes = worker.size.bytes.saturating_add(found.bytes);
        worker.size.entries = worker.size.entries.saturating_add(found.entries);
        self.learn(worker, job, found, first_child);
    }

    /// Takes down what was learned of a directory; its children are the jobs from `first_child` on.
    ///
    /// One that could not be looked at is taken down too: its parent, taken from memory, leads to it again.
    fn learn(&self, worker: &mut Worker, job: Job, mut found: NewDirectory, first_child: usize) {
        if self.remembered.is_none() {
            return;
        }
        found.parent = job.parent;
        found.name = job.name;
        let number = u32::try_from(worker.number + WALKERS * worker.learned.len()).ok();
        worker.learned.push(found);
        for child in worker.jobs.iter_mut().skip(first_child) {
            child.parent = number;
        }
    }

    /// Lists a directory and sums up the files in it; the directories in it become jobs.
    fn list(
        &self,
        worker: &mut Worker,
        path: PathBuf,
        stamp: Stamp,
        job: &Job,
    ) -> Result<NewDirectory, Vanished> {
        if job.depth >= DEEPEST {
            self.end(WalkError::TooDeep { path });
            return Ok(NewDirectory::unknown());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::NOENT) => return Err(Vanished),
            Err(error) => {
                self.unreadable(path, error.into());
                return Ok(NewDirectory::unknown());
            }
        };
        let above = Arc::new(path);
        let mut found = NewDirectory::listed(stamp, self.now);
        let mut entries = RawDir::new(&handle, worker.names.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(above.as_path().to_owned(), error.into());
                    found.forget();
                    return Ok(found);
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let mut kind = entry.file_type();
            if kind != FileType::Directory {
                let stat = match rustix::fs::statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => stat,
                    Err(rustix::io::Errno::NOENT) => continue,
                    Err(error) => {
                        self.unreadable(above.join(OsStr::from_bytes(name.to_bytes())), error.into());
                        found.forget();
                        continue;
                    }
                };
                kind = FileType::from_raw_mode(stat.st_mode);
                if kind == FileType::RegularFile {
                    if stat.st_nlink > 1 {
                        // Which of its names is counted is not settled by this directory alone.
                        found.forget();
                        let mut linked = lock(&self.linked);
                        if !linked.insert((stat.st_dev, stat.st_ino)) {
                            continue;
                        }
                        if linked.len() > MOST_LINKED {
                            drop(linked);
                            self.end(WalkError::TooManyLinks);
                            return Ok(NewDirectory::unknown());
                        }
                    }
                    found.add(Stamp::of_stat(&stat), u64::try_from(stat.st_size).unwrap_or_default());
                }
            }
            found.entries += 1;
            if kind == FileType::Directory {
                let remembered = job
                    .remembered
                    .and_then(|place| self.remembered.and_then(|all| all.child(place, name.to_bytes())));
                worker.jobs.push(Job {
                    above: Some(Arc::clone(&above)),
                    name: Box::from(name.to_bytes()),
                    depth: job.depth + 1,
                    parent: None,
                    remembered,
                    hot: job.hot || HOT.contains(&name.to_bytes()),
                });
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::collect::process::fixture::open_up;
    use crate::collect::unprivileged::as_another_user;

    fn write(root: &Path, path: &str, bytes: usize) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; bytes]).unwrap();
    }

    fn size(root: &Path) -> DirectorySize {
        measure(root, None, 0, &Stop::default()).unwrap()
    }

    #[test]
    fn files_count_once_and_links_do_not_lead_anywhere() {
        let (tree, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = tree.path();
        assert_eq!(size(root), DirectorySize { bytes: 0, entries: 0 }, "empty");

        write(root, "a", 1000);
        write(root, "sub/deep/b", 234);
        assert_eq!(size(root), DirectorySize { bytes: 1234, entries: 4 });

        write(other.path(), "outside", 5000);
        symlink(other.path(), root.join("out")).unwrap();
        symlink(root, root.join("sub/circle")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(size(root), DirectorySize { bytes: 1234, entries: 7 }, "a link is an entry without bytes");

        fs::hard_link(root.join("a"), root.join("sub/again")).unwrap();
        fs::hard_link(root.join("a"), root.join("sub/deep/and-again")).unwrap();
        assert_eq!(size(root), DirectorySize { bytes: 1234, entries: 7 }, "one file with three names");
    }

    #[test]
    fn an_unreadable_part_is_named_and_the_sum_is_not_given() {
        use std::os::unix::fs::PermissionsExt;
        let tree = tempfile::tempdir().unwrap();
        open_up(tree.path());
        write(tree.path(), "a", 10);
        let secret = tree.path().join("sub");
        fs::create_dir(&secret).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
        let error = as_another_user(|| measure(tree.path(), None, 0, &Stop::default()).unwrap_err());
        assert!(matches!(&error, WalkError::Read { path, cause }
            if *path == secret && cause.kind() == io::ErrorKind::PermissionDenied));
        open_up(&secret);
        assert_eq!(size(tree.path()).entries, 2);
    }

    #[test]
    fn what_is_no_tree_is_said_not_to_be_one() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "file", 1);
        let fails = |path: &Path| measure(path, None, 0, &Stop::default()).unwrap_err();
        assert!(matches!(fails(&tree.path().join("file")), WalkError::NotADirectory { .. }));
        assert!(matches!(fails(&tree.path().join("missing")), WalkError::Read { .. }));

        let mut deep = tree.path().to_owned();
        for _ in 0..=DEEPEST {
            deep.push("d");
        }
        fs::create_dir_all(&deep).unwrap();
        assert!(matches!(fails(tree.path()), WalkError::TooDeep { .. }));
    }

    /// A moment so long after every file of the test was made that all of them lie quiet.
    const LATER: i64 = 4_000_000_000;

    /// Measures with a memory, at a moment.
    fn again(root: &Path, memory: &Path, now: i64) -> DirectorySize {
        measure(root, Some(memory), now, &Stop::default()).unwrap()
    }

    /// The directories below `root` that a look at this moment would list.
    fn listed(root: &Path, memory: &Path, now: i64) -> usize {
        let before = Remembered::read(memory, root).unwrap();
        again(root, memory, now);
        let after = Remembered::read(memory, root).unwrap();
        assert_eq!(before.len(), after.len());
        after.listed_at(now)
    }

    #[test]
    fn what_is_remembered_gives_the_same_sum_and_changes_show() {
        let (tree, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, memory) = (tree.path(), cache.path().join("sub/disk-home"));
        for number in 0..500 {
            write(root, &format!("a{}/b{}/c{number}/file", number % 5, number % 50), number);
        }
        let whole = size(root);
        assert_eq!(whole.entries, 5 + 50 + 500 + 500);
        assert_eq!(again(root, &memory, LATER), whole, "the first time");
        // Of one or two of them the hour of the day may come in just this second.
        assert!(listed(root, &memory, LATER + 1) <= 3, "nothing changed");
        assert_eq!(again(root, &memory, LATER + 1), whole);

        write(root, "a1/b1/c1/another", 1000);
        write(root, "new/deep/file", 1);
        fs::remove_file(root.join("a2/b2/c2/file")).unwrap();
        fs::rename(root.join("a3/b3/c3"), root.join("a4/b4/moved")).unwrap();
        assert_eq!(again(root, &memory, LATER + 2), size(root));
        assert_eq!(again(root, &memory, LATER + 3), size(root));
    }

    #[test]
    fn a_file_that_grows_in_a_quiet_directory_shows_within_a_day() {
        let (tree, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, memory) = (tree.path(), cache.path().join("disk"));
        for name in ["quiet/old", "index/segment", "x/logs/deep/log"] {
            write(root, name, 10);
        }
        assert_eq!(again(root, &memory, LATER).bytes, 30);
        for name in ["quiet/old", "index/segment", "x/logs/deep/log"] {
            fs::write(root.join(name), vec![b'x'; 100]).unwrap();
        }
        assert_eq!(again(root, &memory, LATER + 1).bytes, 210, "where files grow in place, at once");
        assert_eq!(again(root, &memory, LATER + 24 * 60 * 60).bytes, 300, "everywhere, within a day");
    }

    #[test]
    fn every_directory_is_listed_once_a_day_and_not_all_at_once() {
        let (tree, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, memory) = (tree.path(), cache.path().join("disk"));
        for number in 0..240 {
            write(root, &format!("d{number}/file"), 1);
        }
        again(root, &memory, LATER);
        let hours: Vec<usize> = (1..=24).map(|hour| listed(root, &memory, LATER + hour * 60 * 60)).collect();
        assert_eq!(hours.iter().sum::<usize>(), 241, "{hours:?}");
        assert!(hours.iter().all(|listed| *listed < 60), "{hours:?}");
    }

    #[test]
    fn what_changed_lately_is_listed_again() {
        let (tree, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, memory) = (tree.path(), cache.path().join("disk"));
        write(root, "a/file", 1);
        let now = fs::metadata(root.join("a/file")).unwrap().modified().unwrap();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed();
        again(root, &memory, now + 60);
        fs::write(root.join("a/file"), "longer").unwrap();
        assert_eq!(again(root, &memory, now + 120).bytes, 6);
        assert_eq!(again(root, &memory, now - 1000).bytes, 6, "a clock that was set back trusts nothing");
    }

    #[test]
    fn files_with_several_names_count_once_however_often_one_looks() {
        let (tree, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, memory) = (tree.path(), cache.path().join("disk"));
        write(root, "a/one", 100);
        write(root, "b/other", 1);
        fs::hard_link(root.join("a/one"), root.join("b/two")).unwrap();
        for look in 0..3 {
            assert_eq!(again(root, &memory, LATER + look).bytes, 101);
        }
        fs::remove_file(root.join("a/one")).unwrap();
        assert_eq!(again(root, &memory, LATER + 4).bytes, 101);
    }

    #[test]
    fn an_unreadable_part_is_never_forgotten() {
        use std::os::unix::fs::PermissionsExt;
        let (tree, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, memory) = (tree.path(), cache.path().join("disk"));
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).unwrap();
        open_up(root);
        write(root, "a/x", 10);
        write(root, "b/x", 10);
        write(root, "c/x", 10);
        for name in ["b", "c"] {
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o000)).unwrap();
        }
        for look in 0..3 {
            let error =
                as_another_user(|| measure(root, Some(&memory), LATER + look, &Stop::default()).unwrap_err());
            assert!(
                matches!(&error, WalkError::Unreadable { count: 2, first, .. } if *first == root.join("b")),
                "{error:?}"
            );
            assert!(error.is_denied());
        }
        for name in ["b", "c"] {
            open_up(&root.join(name));
        }
        assert_eq!(as_another_user(|| again(root, &memory, LATER + 3)), size(root));
    }

    #[test]
    fn a_damaged_memory_and_that_of_another_tree_are_none() {
        let (tree, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cache = tempfile::tempdir().unwrap();
        let (root, memory) = (tree.path(), cache.path().join("disk"));
        write(root, "a/b/c", 7);
        again(root, &memory, LATER);
        assert!(Remembered::read(&memory, other.path()).is_none());
        assert_eq!(again(other.path(), &memory, LATER).entries, 0);
        again(root, &memory, LATER);
        let whole = fs::read(&memory).unwrap();
        for at in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            fs::write(&memory, &spoilt).unwrap();
            assert!(Remembered::read(&memory, root).is_none(), "spoilt at {at}");
            fs::write(&memory, &whole[..at]).unwrap();
            assert!(Remembered::read(&memory, root).is_none(), "cut off at {at}");
        }
        assert_eq!(again(root, &memory, LATER), size(root));
    }

    #[test]
    fn nobody_waits() {
        let tree = tempfile::tempdir().unwrap();
        let stop = Stop::default();
        stop.want();
        assert!(matches!(measure(tree.path(), None, 0, &stop), Err(WalkError::Stopped)));
    }
}
