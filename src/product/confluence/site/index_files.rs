//! What is in the directory of the search index.

use std::fs;
use std::io;
use std::path::Path;

use upgrade_readiness_checks::facts::{Field, IndexFiles, IndexPart};

use super::Site;
use crate::collect::CollectError;
use crate::collect::text_file::explain_io;

/// An index has some hundred files; more are looked at, but not without end.
const MOST_ENTRIES: usize = 100_000;

/// Looks into the directory of the index and those right below it.
pub fn read_index(site: &Site) -> Field<Option<IndexFiles>> {
    let directory = match site.index_dir() {
        Ok(Some(directory)) => directory,
        Ok(None) => return Field::Read(None),
        Err(error) => return Field::Unread(CollectError::from(error).into_failure().message),
    };
    match look_into(&directory) {
        Ok(files) => Field::Read(Some(files)),
        Err(why) => Field::Unread(why),
    }
}

fn look_into(directory: &Path) -> Result<IndexFiles, String> {
    let mut files = IndexFiles { content: IndexPart::Absent, change: IndexPart::Absent };
    let Some(below) = list(directory)? else { return Ok(files) };
    files.content = below.part();
    for name in &below.directories {
        let inner = list(&directory.join(name))?.unwrap_or_default();
        if name == "change" {
            files.change = inner.part();
        } else if inner.has_segments {
            files.content = IndexPart::Present;
        }
    }
    Ok(files)
}

#[derive(Debug, Default)]
struct Listing {
    has_segments: bool,
    directories: Vec<std::ffi::OsString>,
}

impl Listing {
    fn part(&self) -> IndexPart {
        if self.has_segments { IndexPart::Present } else { IndexPart::Empty }
    }
}

/// What is in a directory; `None` when it is not there.
fn list(directory: &Path) -> Result<Option<Listing>, String> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(explain_io(directory, &error)),
    };
    let mut listing = Listing::default();
    for (count, entry) in entries.enumerate() {
        if count >= MOST_ENTRIES {
            return Err(format!("{} has more than {MOST_ENTRIES} entries", directory.display()));
        }
        let entry = entry.map_err(|error| explain_io(directory, &error))?;
        let name = entry.file_name();
        // What it is tells the entry itself; of a link it does not matter where it leads.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            listing.directories.push(name);
        } else {
            listing.has_segments |= name.as_encoded_bytes().starts_with(b"segments_");
        }
    }
    Ok(Some(listing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::confluence::fixture::{Example, LaidOut};
    use crate::product::confluence::site::read_site;
    use IndexPart::{Absent, Empty, Present};

    fn read(example: &LaidOut) -> Field<Option<IndexFiles>> {
        read_index(&read_site(&example.instance()).unwrap())
    }

    fn files(content: IndexPart, change: IndexPart) -> Field<Option<IndexFiles>> {
        Field::Read(Some(IndexFiles { content, change }))
    }

    #[test]
    fn an_index_is_known_by_its_segments() {
        let example = Example::new().lay_out();
        assert_eq!(read(&example), files(Empty, Absent), "an empty directory");
        example.write("home/index/_0.cfs", "");
        example.write("home/index/segments.gen", "");
        assert_eq!(read(&example), files(Empty, Absent));
        example.write("home/index/segments_1a", "");
        assert_eq!(read(&example), files(Present, Absent), "as before 7.9");
        fs::create_dir(example.home_dir().join("index/change")).unwrap();
        assert_eq!(read(&example), files(Present, Empty));
        example.write("home/index/change/segments_2", "");
        assert_eq!(read(&example), files(Present, Present));
        example.remove("home/index/segments_1a");
        example.write("home/index/content/segments_2", "");
        assert_eq!(read(&example), files(Present, Present), "as since 7.9");
    }

    #[test]
    fn what_is_not_there_or_kept_elsewhere_or_closed_is_told_apart() {
        let example = Example::new().lay_out();
        fs::remove_dir(example.home_dir().join("index")).unwrap();
        assert_eq!(read(&example), files(Absent, Absent));
        example.write("home/index", "a file");
        assert_eq!(read(&example), files(Absent, Absent));
        let opensearch = Example::new().property("search.platform", "opensearch").lay_out();
        assert_eq!(read(&opensearch), Field::Read(None));
        let nowhere = Example::new().property("lucene.index.dir", "${x}/index").lay_out();
        assert!(matches!(read(&nowhere), Field::Unread(why) if why.contains("lucene.index.dir")));
        let closed = Example::new().lay_out();
        closed.forbid("home/index");
        let site = read_site(&closed.instance()).unwrap();
        let read = as_another_user(move || read_index(&site));
        assert!(matches!(read, Field::Unread(why) if why.contains("setfacl")));
    }
}
