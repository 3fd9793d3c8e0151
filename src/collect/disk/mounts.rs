//! Which file system a path is on, from `/proc/self/mountinfo`.
//!
//! Its form: `man 5 proc_pid_mountinfo`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    id: u64,
    parent: u64,
    /// Major and minor number: mounts with the same one show the same file system.
    pub(super) device: String,
    /// Where it is.
    pub(super) point: PathBuf,
    /// Type of the file system.
    pub(super) kind: String,
    /// The whole file system is read-only. A mount that is read-only for the agent alone, because of
    /// `ProtectSystem=` in its unit, does not count: the service can still write there.
    pub(super) read_only: bool,
}

/// Takes the mounts out of the text, in its order; lines that are none are passed over.
pub(super) fn parse_mounts(text: &[u8]) -> Vec<Mount> {
    text.split(|&byte| byte == b'\n').filter_map(parse_mount).collect()
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|&byte| byte == b' ');
    let mut number = || text_of(words.next()?)?.parse().ok();
    let (id, parent) = (number()?, number()?);
    let device = text_of(words.next()?)?.to_owned();
    let point = PathBuf::from(OsString::from_vec(unescape(words.nth(1)?)));
    // Any number of optional fields ends with a single dash.
    let mut words = words.skip_while(|&word| word != b"-").skip(1);
    let kind = text_of(words.next()?)?.to_owned();
    let read_only = words.nth(1)?.split(|&byte| byte == b',').any(|option| option == b"ro");
    (point.is_absolute() && !kind.is_empty()).then_some(Mount { id, parent, device, point, kind, read_only })
}

fn text_of(word: &[u8]) -> Option<&str> {
    std::str::from_utf8(word).ok()
}

/// Undoes the kernel's `\040` for a blank (and likewise tab, newline, backslash).
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.first_chunk::<3>().filter(|_| first == b'\\').and_then(|digits| {
            digits.iter().try_fold(0_u8, |sum, &digit| {
                matches!(digit, b'0'..=b'7').then_some(())?;
                sum.checked_mul(8)?.checked_add(digit - b'0')
            })
        });
        bytes.push(octal.unwrap_or(first));
        rest = if octal.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    bytes
}

/// The mount a path without links is on.
///
/// It is walked as the kernel does, from the root down, because a mount hides those that were made
/// before below its point, however well their point fits.
pub(super) fn mount_of<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let is_root = |mount: &&Mount| {
        mount.point == Path::new("/")
            && (mount.parent == mount.id || !mounts.iter().any(|other| other.id == mount.parent))
    };
    let mut here = mounts.iter().find(is_root)?;
    // No path crosses more mounts than there are; this ends the walk if they stand in a circle.
    for _ in mounts {
        let next = mounts
            .iter()
            .filter(|mount| mount.parent == here.id && mount.id != here.id)
            .filter(|mount| path.starts_with(&mount.point))
            .min_by_key(|mount| mount.point.components().count());
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    Some(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of a Debian 12 host, with a blank in a name, a stacked mount and a hidden one.
    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime shared:12 - proc proc rw
27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 27 254:2 / /var rw,relatime shared:5 master:7 - xfs /dev/vdb rw,attr2
41 40 254:3 / /var/atlassian rw shared:6 - ext4 /dev/vdc rw
42 27 0:50 / /mnt/my\\040share rw - nfs4 filer:/export/my\\040share rw,vers=4.2
43 27 254:5 / /data rw - ext4 /dev/vde rw
44 43 254:6 / /data rw - btrfs /dev/vdf rw
45 27 254:7 / /opt/atlassian rw - ext4 /dev/vdg rw
46 27 254:8 / /opt rw - ext4 /dev/vdh rw
garbage
47 27
48 27 254:9 / relative rw - ext4 x rw
";

    #[test]
    fn a_path_is_on_the_mount_the_kernel_would_reach() {
        let mounts = parse_mounts(MOUNTS.as_bytes());
        assert_eq!(mounts.len(), 9);
        let rows = [
            ("/", "/", "ext4", "254:1"),
            ("/home/x", "/", "ext4", "254:1"),
            ("/var", "/var", "xfs", "254:2"),
            ("/var/atlassian-old", "/var", "xfs", "254:2"),
            ("/var/atlassian/home", "/var/atlassian", "ext4", "254:3"),
            ("/mnt/my share/x", "/mnt/my share", "nfs4", "0:50"),
            // Mounted over another: the upper one.
            ("/data/x", "/data", "btrfs", "254:6"),
            // /opt was mounted later and hides what was mounted below it.
            ("/opt/atlassian/confluence", "/opt", "ext4", "254:8"),
        ];
        for (path, point, kind, device) in rows {
            let mount = mount_of(&mounts, Path::new(path)).unwrap();
            let seen = (mount.point.to_str().unwrap(), mount.kind.as_str(), mount.device.as_str());
            assert_eq!(seen, (point, kind, device), "{path}");
        }
    }

    #[test]
    fn damaged_mounts_end_in_nothing() {
        assert_eq!(mount_of(&[], Path::new("/x")), None);
        for text in [
            "",
            "\n\n",
            "1 2 3:4",
            "1 2 3:4 / / rw shared:1",
            "1 2 3:4 / / rw -",
            "x 2 3:4 / / rw - ext4 a b",
        ] {
            assert_eq!(parse_mounts(text.as_bytes()), [], "{text}");
        }
        let circle = "1 9 0:1 / / rw - ext4 a rw\n2 1 0:2 / /a rw - ext4 a rw\n1 2 0:1 / /a rw - ext4 a rw\n";
        assert!(mount_of(&parse_mounts(circle.as_bytes()), Path::new("/a/b")).is_some(), "it ends");
        assert_eq!(parse_mounts(b"1 0 0:1 / /\xff rw - ext4 a rw").len(), 1, "names need not be text");
    }

    #[test]
    fn only_a_read_only_file_system_is_read_only() {
        let rows = [
            ("rw", "rw", false),
            ("ro", "rw,errors=remount-ro", false),
            ("ro", "ro,seclabel", true),
            ("rw", "ro", true),
        ];
        for (mount, filesystem, read_only) in rows {
            let mounts = parse_mounts(format!("1 0 8:1 / / {mount} - ext4 a {filesystem}").as_bytes());
            assert_eq!(mounts[0].read_only, read_only, "{mount} {filesystem}");
        }
    }

    #[test]
    fn names_are_unescaped() {
        let rows: [(&[u8], &[u8]); 6] = [
            (b"/a\\040b\\011\\012\\134", b"/a b\t\n\\"),
            (b"\\", b"\\"),
            (b"\\04", b"\\04"),
            (b"\\999", b"\\999"),
            (b"\\777", b"\\777"),
            (b"", b""),
        ];
        for (escaped, plain) in rows {
            assert_eq!(unescape(escaped), plain);
        }
    }
}
