//! What is remembered of the directories of a tree between two looks, in a file.
//!
//! Between looks it takes no memory; during a look about 100 bytes a directory, for [`MOST`] directories at
//! most: those beyond are listed each time. A damaged file is an empty one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::collect::notebook::Stamp;

/// Directories that are remembered.
const MOST: usize = 500_000;

/// The longest file that is read: it was written by this program, and a name has 255 bytes at most.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Says what the file is; another number for another form.
const MAGIC: &[u8; 8] = b"urasize1";

const DAY: i64 = 24 * 60 * 60;

/// Place of a directory among those remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory(u32);

/// One directory, as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    stamp: Figures,
    /// Sum of the sizes of the files in it, without those below.
    bytes: u64,
    /// Files and directories in it.
    entries: u64,
    /// When something in it was changed last, in seconds of Unix; the end of time when it must be listed anyway.
    newest: i64,
    /// When it was listed last.
    looked: i64,
    first_child: u32,
    children: u32,
    name_start: u32,
    name_length: u32,
}

/// Inode, modified and changed: device and size say nothing about a directory's content.
type Figures = [i64; 5];

fn figures(stamp: Stamp) -> Figures {
    let (inode, modified, changed) = stamp.of_directory();
    [inode.cast_signed(), modified.0, modified.1, changed.0, changed.1]
}

/// What was learned of one directory.
#[derive(Debug)]
pub(super) struct NewDirectory {
    /// Number of the directory it is in; the root has none.
    pub(super) parent: Option<u32>,
    pub(super) name: Box<[u8]>,
    pub(super) bytes: u64,
    pub(super) entries: u64,
    stamp: Figures,
    newest: i64,
    looked: i64,
}

impl NewDirectory {
    /// One that is being listed now; nothing was found in it yet.
    pub(super) fn listed(stamp: Stamp, now: i64) -> Self {
        Self {
            parent: None,
            name: Box::default(),
            bytes: 0,
            entries: 0,
            stamp: figures(stamp),
            newest: stamp.newest(),
            looked: now,
        }
    }

    /// One that could not be looked at: it is asked anew each time.
    pub(super) fn unknown() -> Self {
        Self {
            parent: None,
            name: Box::default(),
            bytes: 0,
            entries: 0,
            stamp: [0; 5],
            newest: i64::MAX,
            looked: 0,
        }
    }

    /// Adds a file.
    pub(super) fn add(&mut self, stamp: Stamp, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.newest = self.newest.max(stamp.newest());
    }

    /// It must be listed again next time, whatever its stamp says.
    pub(super) fn forget(&mut self) {
        self.newest = i64::MAX;
    }
}

impl Record {
    /// Whether the directory need not be listed: its own stamp is the same, nothing in it had changed for a day when
    /// it was listed, and its hour of the day has not come since.
    pub(super) fn still_holds(&self, stamp: Stamp, now: i64) -> bool {
        let [inode, ..] = self.stamp;
        // Spread over the day, so that not all come at once.
        let phase = (inode.wrapping_mul(0x5851_F42D_4C95_7F2D) >> 33).rem_euclid(DAY);
        let day_of = |moment: i64| moment.saturating_sub(phase).div_euclid(DAY);
        figures(stamp) == self.stamp
            && self.newest.checked_add(DAY).is_some_and(|quiet| quiet < self.looked)
            && self.looked <= now
            && day_of(self.looked) == day_of(now)
    }

    /// The same for the next time.
    pub(super) fn again(&self) -> NewDirectory {
        let Self { stamp, bytes, entries, newest, looked, .. } = *self;
        NewDirectory { parent: None, name: Box::default(), bytes, entries, stamp, newest, looked }
    }
}

/// The directories of a tree: each one's children stand side by side, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    records: Vec<Record>,
    names: Vec<u8>,
}

impl Remembered {
    /// The root, when anything is remembered.
    pub(super) fn root(&self) -> Option<Directory> {
        (!self.records.is_empty()).then_some(Directory(0))
    }

    /// What is remembered of a directory.
    pub(super) fn get(&self, directory: Directory) -> Option<&Record> {
        self.records.get(usize::try_from(directory.0).ok()?)
    }

    /// The directories in a directory.
    pub(super) fn children(&self, directory: Directory) -> impl Iterator<Item = (Directory, &[u8])> {
        let range = self
            .get(directory)
            .map_or(0..0, |record| record.first_child..record.first_child.saturating_add(record.children));
        range.filter_map(|child| Some((Directory(child), self.name(Directory(child))?)))
    }

    /// The directory of a name in a directory.
    pub(super) fn child(&self, directory: Directory, name: &[u8]) -> Option<Directory> {
        let record = self.get(directory)?;
        let (mut low, mut high) = (record.first_child, record.first_child.saturating_add(record.children));
        while low < high {
            let middle = Directory(low + (high - low) / 2);
            match self.name(middle)?.cmp(name) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle.0 + 1,
                std::cmp::Ordering::Greater => high = middle.0,
            }
        }
        None
    }

    fn name(&self, directory: Directory) -> Option<&[u8]> {
        let record = self.get(directory)?;
        let start = usize::try_from(record.name_start).ok()?;
        self.names.get(start..start.checked_add(usize::try_from(record.name_length).ok()?)?)
    }

    /// Directories that are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Directories that were listed at this moment.
    #[cfg(test)]
    pub(super) fn listed_at(&self, moment: i64) -> usize {
        self.records.iter().filter(|record| record.looked == moment).count()
    }

    /// Reads what is remembered of the tree below `root`.
    pub(super) fn read(file: &Path, root: &Path) -> Option<Self> {
        if fs::metadata(file).ok()?.len() > MOST_BYTES {
            return None;
        }
        let bytes = fs::read(file).ok()?;
        let (content, hash) = bytes.split_last_chunk::<32>()?;
        if blake3::hash(content).as_bytes() != hash {
            return None;
        }
        let mut rest = content.strip_prefix(MAGIC)?;
        let mut word = || {
            let (word, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(u64::from_le_bytes(*word))
        };
        let count = usize::try_from(word()?).ok().filter(|count| *count <= MOST)?;
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            let mut signed = || word().map(u64::cast_signed);
            let stamp = [signed()?, signed()?, signed()?, signed()?, signed()?];
            let (newest, looked) = (signed()?, signed()?);
            let (bytes, entries) = (word()?, word()?);
            let mut half = || word().and_then(|word| u32::try_from(word).ok());
            let (first_child, children, name_start, name_length) = (half()?, half()?, half()?, half()?);
            records.push(Record {
                stamp,
                bytes,
                entries,
                newest,
                looked,
                first_child,
                children,
                name_start,
                name_length,
            });
        }
        let remembered = Self { records, names: rest.to_vec() };
        let of_this_tree = remembered.name(Directory(0))? == root.as_os_str().as_bytes();
        of_this_tree.then_some(remembered)
    }

    /// Keeps what was learned of a tree, by the threads that learned it, for nobody but the file's owner to read.
    pub(super) fn keep(file: &Path, learned: Vec<Vec<NewDirectory>>) -> io::Result<()> {
        let ordered = order(learned);
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = file.with_extension("new");
        let opened =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut writer =
            Hashing { inner: io::BufWriter::with_capacity(64 * 1024, opened), hasher: blake3::Hasher::new() };
        writer.put(MAGIC)?;
        writer.word(ordered.len() as u64)?;
        let mut start: u64 = 0;
        for Ordered { learned, first_child, children } in &ordered {
            let NewDirectory { name, bytes, entries, stamp, newest, looked, .. } = learned;
            for figure in stamp.iter().chain([newest, looked]) {
                writer.word(figure.cast_unsigned())?;
            }
            let length = name.len() as u64;
            for figure in [*bytes, *entries, u64::from(*first_child), u64::from(*children), start, length] {
                writer.word(figure)?;
            }
            start += length;
        }
        for Ordered { learned, .. } in &ordered {
            writer.put(&learned.name)?;
        }
        let Hashing { mut inner, hasher } = writer;
        inner.write_all(hasher.finalize().as_bytes())?;
        inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(beside, file)
    }
}

/// A directory in its place, with the places of its children.
struct Ordered {
    learned: NewDirectory,
    first_child: u32,
    children: u32,
}

/// Puts directories into an order in which the children of each stand side by side, from the root down. The n-th
/// directory thread t learned of has the number n × threads + t.
fn order(learned: Vec<Vec<NewDirectory>>) -> Vec<Ordered> {
    let threads = learned.len();
    let mut unordered: Vec<(Option<u32>, u32, NewDirectory)> = Vec::new();
    for (thread, directories) in learned.into_iter().enumerate() {
        for (index, directory) in directories.into_iter().enumerate() {
            if let Ok(number) = u32::try_from(index * threads + thread) {
                unordered.push((directory.parent, number, directory));
            }
        }
    }
    unordered.sort_unstable_by(|(a, _, one), (b, _, other)| (a, &one.name).cmp(&(b, &other.name)));
    let parents: Vec<Option<u32>> = unordered.iter().map(|(parent, ..)| *parent).collect();
    let mut waiting: Vec<Option<(u32, NewDirectory)>> =
        unordered.into_iter().map(|(_, number, directory)| Some((number, directory))).collect();
    let mut ordered: Vec<Ordered> = Vec::with_capacity(waiting.len().min(MOST));
    let mut numbers = Vec::with_capacity(waiting.len().min(MOST));
    let mut take = |parent: Option<u32>, ordered: &mut Vec<Ordered>, numbers: &mut Vec<u32>| {
        let first = parents.partition_point(|other| *other < parent);
        let end = parents.partition_point(|other| *other <= parent);
        // Either all children of a directory are remembered or none: a child that is not there would not be counted.
        if ordered.len() + (end - first) > MOST {
            return false;
        }
        for (number, learned) in waiting.get_mut(first..end).into_iter().flatten().filter_map(Option::take) {
            ordered.push(Ordered { learned, first_child: 0, children: 0 });
            numbers.push(number);
        }
        true
    };
    take(None, &mut ordered, &mut numbers);
    let mut place = 0;
    while let Some(number) = numbers.get(place).copied() {
        let first_child = ordered.len();
        let all = take(Some(number), &mut ordered, &mut numbers);
        let children = ordered.len() - first_child;
        if let Some(directory) = ordered.get_mut(place) {
            directory.first_child = u32::try_from(first_child).unwrap_or(u32::MAX);
            directory.children = u32::try_from(children).unwrap_or_default();
            if !all {
                directory.learned.forget();
            }
        }
        place += 1;
    }
    ordered
}

/// Hashes what is written.
struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.inner.write_all(bytes)
    }

    fn word(&mut self, figure: u64) -> io::Result<()> {
        self.put(&figure.to_le_bytes())
    }
}
