//! Reading `os-release`, which names the distribution.
//!
//! Its form: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>.

use std::path::Path;

use super::HostPaths;
use crate::collect::text_file::read_text;

/// No value of interest is longer.
const LONGEST_VALUE: usize = 200;

/// What a distribution calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OsRelease {
    /// `ID`.
    pub(super) id: Option<String>,
    /// `VERSION_ID`.
    pub(super) version: Option<String>,
    /// `PRETTY_NAME`.
    pub(super) name: Option<String>,
}

/// Reads `/etc/os-release`, or what the distribution ships when that one is not there or says nothing.
pub(super) fn read_os_release(paths: &HostPaths) -> OsRelease {
    [&paths.etc_dir, &paths.usr_lib_dir]
        .into_iter()
        .filter_map(|dir: &std::path::PathBuf| read(&dir.join("os-release")))
        .find(|release| release.id.is_some())
        .unwrap_or_default()
}

/// A file that cannot be read tells as little as one that is not there.
fn read(path: &Path) -> Option<OsRelease> {
    read_text(path).ok().map(|text| parse_os_release(&text))
}

pub(super) fn parse_os_release(text: &str) -> OsRelease {
    let mut release = OsRelease::default();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let place = match key {
            "ID" => &mut release.id,
            "VERSION_ID" => &mut release.version,
            "PRETTY_NAME" => &mut release.name,
            _ => continue,
        };
        // As in a shell, the last assignment counts.
        *place = parse_value(value);
    }
    release
}

/// Takes a value out of its quotes; `None` when it is empty or not a name a person could read.
fn parse_value(raw: &str) -> Option<String> {
    let quote = raw.chars().next().filter(|first| matches!(first, '"' | '\''));
    let mut value = String::new();
    let mut rest = raw.chars();
    if quote.is_some() {
        rest.next();
    }
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(end), character) if character == end => break,
            (None, ' ' | '\t' | '#') => break,
            (Some('"') | None, '\\') => value.extend(rest.next()),
            (Some(_) | None, character) => value.push(character),
        }
    }
    let readable = value.len() <= LONGEST_VALUE && !value.chars().any(char::is_control);
    (readable && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shortened to the lines that matter, from the base images of the distributions.
    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n";
    const UBUNTU: &str = "PRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nID=ubuntu\nID_LIKE=debian\n";
    const RHEL: &str = "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.4 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n";
    const AMAZON: &str = "NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\nPRETTY_NAME=\"Amazon Linux 2023.4.20240611\"\n";
    const ARCH: &str = "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n";

    #[test]
    fn distributions_are_named_as_they_name_themselves() {
        let long = format!("ID={}", "x".repeat(5000));
        let rows: [(&str, &str, [Option<&str>; 3]); 14] = [
            ("Debian", DEBIAN, [Some("debian"), Some("12"), Some("Debian GNU/Linux 12 (bookworm)")]),
            ("Ubuntu", UBUNTU, [Some("ubuntu"), Some("22.04"), Some("Ubuntu 22.04.4 LTS")]),
            ("RHEL", RHEL, [Some("rhel"), Some("9.4"), Some("Red Hat Enterprise Linux 9.4 (Plow)")]),
            ("Amazon", AMAZON, [Some("amzn"), Some("2023"), Some("Amazon Linux 2023.4.20240611")]),
            ("Arch has no version", ARCH, [Some("arch"), None, Some("Arch Linux")]),
            ("empty", "", [None, None, None]),
            ("empty values", "ID=\nVERSION_ID=\"\"\n", [None, None, None]),
            ("carriage returns", "ID=debian\r\nVERSION_ID=\"12\"\r\n", [Some("debian"), Some("12"), None]),
            ("comments", "# ID=no\n  #ID=no\nID=yes # the end\n", [Some("yes"), None, None]),
            (
                "single quotes, escapes",
                "ID='a b'\nPRETTY_NAME=\"a \\\"b\\\" \\$c\"",
                [Some("a b"), None, Some("a \"b\" $c")],
            ),
            ("a quote that is not closed", "ID=\"debian\nVERSION_ID=12", [Some("debian"), Some("12"), None]),
            ("the last one counts", "ID=a\nID=b", [Some("b"), None, None]),
            ("control characters", "ID=a\u{1b}[31m\nVERSION_ID=\u{0}", [None, None, None]),
            ("far too long", &long, [None, None, None]),
        ];
        for (name, text, [id, version, pretty]) in rows {
            let release = parse_os_release(text);
            let seen = [release.id.as_deref(), release.version.as_deref(), release.name.as_deref()];
            assert_eq!(seen, [id, version, pretty], "{name}");
        }
    }

    #[test]
    fn what_the_distribution_ships_stands_in() {
        let root = tempfile::tempdir().unwrap();
        let paths = HostPaths {
            proc_dir: root.path().join("proc"),
            etc_dir: root.path().join("etc"),
            usr_lib_dir: root.path().join("lib"),
            lib_dir: root.path().join("lib"),
        };
        assert_eq!(read_os_release(&paths), OsRelease::default(), "neither is there");
        std::fs::create_dir(&paths.etc_dir).unwrap();
        std::fs::create_dir(&paths.usr_lib_dir).unwrap();
        std::fs::write(paths.usr_lib_dir.join("os-release"), ARCH).unwrap();
        assert_eq!(read_os_release(&paths).id.as_deref(), Some("arch"));
        std::fs::write(paths.etc_dir.join("os-release"), [0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0]).unwrap();
        assert_eq!(read_os_release(&paths).id.as_deref(), Some("arch"), "garbage says nothing");
        std::fs::write(paths.etc_dir.join("os-release"), DEBIAN).unwrap();
        assert_eq!(read_os_release(&paths).id.as_deref(), Some("debian"));
    }
}
