//! What a Java home says of itself in its `release` file. No Java is ever started.

use std::path::Path;

use upgrade_readiness_checks::facts::{Field, JavaVersion};

use crate::chain::Chain;
use crate::collect::text_file::read_text;

/// No Java version is longer.
const LONGEST_VERSION: usize = 64;

/// No builder's name is longer.
const LONGEST_NAME: usize = 100;

/// A text that is not a Java version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Java version such as 1.8.0_392 or 17.0.9")]
pub struct NotAJavaVersion;

/// What a `release` file says.
pub(super) struct Release {
    pub(super) version: Field<JavaVersion>,
    pub(super) implementor: Option<String>,
}

/// Reads a Java home. The runtime inside a JDK 8 (`…/jre`) has its `release` file one level up.
pub(super) fn read_release(home: &Path) -> Release {
    let file = home.join("release");
    let above = home.parent().filter(|_| home.file_name().is_some_and(|name| name == "jre"));
    let text = read_text(&file).or_else(|error| match above {
        Some(above) => read_text(&above.join("release")).or(Err(error)),
        None => Err(error),
    });
    match text {
        Ok(text) => parse_release(&text).unwrap_or_else(|error| Release {
            version: Field::Unread(format!(
                "JAVA_VERSION in {} is missing or {error}. Ask it: {home}/bin/java -version",
                file.display(),
                home = home.display()
            )),
            implementor: None,
        }),
        Err(error) => Release {
            version: Field::Unread(format!(
                "{}. Ask it: {}/bin/java -version",
                Chain(&error),
                home.display()
            )),
            implementor: None,
        },
    }
}

pub(super) fn parse_release(text: &str) -> Result<Release, NotAJavaVersion> {
    let version = parse_java_version(value(text, "JAVA_VERSION").unwrap_or_default())?;
    let implementor = value(text, "IMPLEMENTOR")
        .filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control))
        .map(str::to_owned);
    Ok(Release { version: Field::Read(version), implementor })
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches('"'))
}

/// Understands the versions Java gives itself, old (`1.8.0_392`) and new (`17.0.9+9`, `22-ea`).
///
/// Their form: <https://openjdk.org/jeps/223>.
pub fn parse_java_version(text: &str) -> Result<JavaVersion, NotAJavaVersion> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    if text.len() > LONGEST_VERSION || !text.bytes().all(plain) {
        return Err(NotAJavaVersion);
    }
    let (first, rest) = leading_number(text)?;
    let feature = match (first, rest.strip_prefix('.')) {
        (1, Some(rest)) => leading_number(rest)?.0,
        (1, None) => return Err(NotAJavaVersion),
        (first, _) => first,
    };
    // Three digits last for longer than anybody will read this.
    if !(1..1000).contains(&feature) {
        return Err(NotAJavaVersion);
    }
    Ok(JavaVersion { feature, text: text.to_owned() })
}

/// A number and what follows it; a letter may not follow.
fn leading_number(text: &str) -> Result<(u32, &str), NotAJavaVersion> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).ok_or(NotAJavaVersion)?;
    let number = digits.parse().ok().ok_or(NotAJavaVersion)?;
    if rest.starts_with(|character: char| character.is_ascii_alphabetic()) {
        return Err(NotAJavaVersion);
    }
    Ok((number, rest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Shortened from the `release` files of the builds they name.
    const TEMURIN_17: &str = "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\nJAVA_VERSION_DATE=\"2023-10-17\"\n";
    const JDK_8: &str = "JAVA_VERSION=\"1.8.0_392\"\nOS_NAME=\"Linux\"\nOS_VERSION=\"2.6\"\n";

    #[test]
    fn versions_of_all_times_are_understood() {
        let rows = [
            ("1.8.0_392", 8),
            ("1.8.0_392-b08", 8),
            ("1.8.0", 8),
            ("9.0.4", 9),
            ("11.0.21", 11),
            ("17.0.9", 17),
            ("17.0.9+9", 17),
            ("17.0.15+6-Debian-1deb12u1", 17),
            ("21", 21),
            ("22-ea", 22),
            ("25.0.3", 25),
        ];
        for (text, feature) in rows {
            let version = parse_java_version(text).unwrap();
            assert_eq!((version.feature, version.text.as_str()), (feature, text));
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        let long = "17.".repeat(100);
        let rows = [
            "",
            " ",
            "1",
            "1.",
            "1.x",
            "0",
            "0.9",
            "1.0.0.0x\n",
            "-17",
            "+17",
            "17x",
            "x17",
            "1.8x",
            "1000",
            "99999999999",
            "17.0.9 ",
            "17\u{0}",
            "17.0.9\u{1b}[31m",
            "１７",
            "<html>",
            "${JAVA}",
            ".17",
            &long,
        ];
        for text in rows {
            assert_eq!(parse_java_version(text), Err(NotAJavaVersion), "{text:?}");
        }
    }

    #[test]
    fn a_java_home_says_what_it_is() {
        let tree = tempfile::tempdir().unwrap();
        let home = tree.path().join("jdk/jre");
        fs::create_dir_all(&home).unwrap();
        let read = || {
            let release = read_release(&home);
            (release.version, release.implementor)
        };
        let unread = |part: &str| match read() {
            (Field::Unread(why), None) => {
                assert!(why.contains(part) && why.contains("bin/java -version"), "{why}");
            }
            other => panic!("{other:?}"),
        };
        unread("jdk/jre/release");

        fs::write(tree.path().join("jdk/release"), JDK_8).unwrap();
        assert!(matches!(read(), (Field::Read(JavaVersion { feature: 8, .. }), None)), "one level up");

        fs::write(home.join("release"), TEMURIN_17).unwrap();
        let (version, implementor) = read();
        assert_eq!(version.value().unwrap().text, "17.0.9", "its own file comes first");
        assert_eq!(implementor.as_deref(), Some("Eclipse Adoptium"));

        for broken in [
            "",
            "JAVA_VERSION=",
            "JAVA_VERSION=\"\"",
            "<!DOCTYPE html>",
            "XJAVA_VERSION=\"17\"",
            "JAVA_VERSION_DATE=\"2023\"",
        ] {
            fs::write(home.join("release"), broken).unwrap();
            unread("JAVA_VERSION");
        }
        fs::write(home.join("release"), "JAVA_VERSION=21\r\nIMPLEMENTOR=\"\u{1b}\"\r\n").unwrap();
        assert!(matches!(read(), (Field::Read(JavaVersion { feature: 21, .. }), None)));
        fs::write(home.join("release"), [0xff, 0xfe, 0]).unwrap();
        fs::remove_file(tree.path().join("jdk/release")).unwrap();
        unread("not UTF-8");
    }
}
