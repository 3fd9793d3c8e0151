//! Names of files below a root: bytes with `/` between the parts, compared exactly.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path below a root, as the file system has it.
pub(super) type Name = Vec<u8>;

/// The longest name that is taken.
const LONGEST: usize = 4096;

/// Makes a name of what a list or an archive says; `None` for what can be no file below a root.
pub(super) fn parse_name(bytes: &[u8]) -> Option<Name> {
    if bytes.is_empty() || bytes.len() > LONGEST || bytes.starts_with(b"/") || bytes.contains(&0) {
        return None;
    }
    let parts: Vec<&[u8]> =
        bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.is_empty() || parts.contains(&b"..".as_slice()) {
        return None;
    }
    Some(parts.join(&b'/'))
}

/// Whether a name is a directory's, or lies below it.
pub(super) fn is_below(name: &[u8], directory: &[u8]) -> bool {
    name.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The directories a name lies in, the outermost first, and the name itself.
pub(super) fn with_ancestors(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
    ends.chain([name.len()]).filter_map(|end| name.get(..end))
}

/// How deep below the root it lies.
pub(super) fn depth(name: &[u8]) -> usize {
    name.split(|byte| *byte == b'/').skip(1).count()
}

/// The path on this host.
pub(super) fn path_of(root: &Path, name: &[u8]) -> PathBuf {
    if name.is_empty() { root.to_owned() } else { root.join(OsStr::from_bytes(name)) }
}

/// For people, in one line: what is no text, or would break the line, stands as `\xNN`.
pub(super) fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                c.to_string().bytes().for_each(|byte| escape(&mut text, byte));
            } else {
                text.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(&mut text, *byte));
    }
    text
}

fn escape(text: &mut String, byte: u8) {
    write!(text, "\\x{byte:02x}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_root_has_a_name() {
        let rows: [(&[u8], Option<&[u8]>); 13] = [
            (b"a", Some(b"a")),
            (b"a/b.c", Some(b"a/b.c")),
            (b"./a//b/", Some(b"a/b")),
            (b"a/caf\xe9", Some(b"a/caf\xe9")),
            (b"a/...", Some(b"a/...")),
            (b"", None),
            (b".", None),
            (b"/", None),
            (b"/etc/passwd", None),
            (b"../a", None),
            (b"a/../../b", None),
            (b"a/..", None),
            (b"a\0b", None),
        ];
        for (bytes, name) in rows {
            assert_eq!(parse_name(bytes).as_deref(), name, "{bytes:?}");
        }
        assert_eq!(parse_name(&[b'a'; 5000]), None);
    }

    #[test]
    fn directories_hold_what_is_below_them_and_nothing_else() {
        assert!(is_below(b"logs", b"logs") && is_below(b"logs/a", b"logs"));
        assert!(!is_below(b"logs2", b"logs") && !is_below(b"log", b"logs"));
        let all: Vec<&[u8]> = with_ancestors(b"a/b/c").collect();
        assert_eq!(all, [b"a".as_slice(), b"a/b", b"a/b/c"]);
        assert_eq!((depth(b"a"), depth(b"a/b/c")), (0, 2));
    }

    #[test]
    fn names_are_shown_in_one_line_and_stay_different() {
        assert_eq!(shown("conf/größe.xml".as_bytes()), "conf/größe.xml");
        assert_eq!(shown(b"caf\xe9"), "caf\\xe9");
        assert_eq!(shown(b"caf\xe8"), "caf\\xe8");
        assert_eq!(shown(b"a\nb\x1b[1m"), "a\\x0ab\\x1b[1m");
    }
}
