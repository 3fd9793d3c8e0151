//! The main section of a jar's `META-INF/MANIFEST.MF`.
//!
//! Lines are at most 72 bytes long and are continued on a next line that begins with a blank; that cuts through
//! characters, so bytes are joined before they are taken for text. Names of headers are told apart without case.
//!
//! Source: the JAR file specification, "Notes on Manifest and Signature Files".

use std::collections::BTreeMap;

/// Why a manifest cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManifestError {
    #[error("line {line} of its manifest has no colon")]
    NoHeader { line: usize },
    #[error("the first line of its manifest continues none")]
    NothingToContinue,
}

/// The headers of the main section, their names in small letters; of one that is there twice, the last counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest(BTreeMap<String, String>);

impl Manifest {
    /// The value of a header, when it has one; `name` in small letters.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Reads the main section.
pub(super) fn parse_manifest(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    // Some tools write it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut headers: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, line) in lines(bytes).enumerate() {
        match line.split_first() {
            // The main section ends at the first empty line.
            None => break,
            Some((b' ', rest)) => {
                let (_, header) = headers.last_mut().ok_or(ManifestError::NothingToContinue)?;
                header.extend_from_slice(rest);
            }
            Some(_) => headers.push((index + 1, line.to_vec())),
        }
    }
    let mut manifest = Manifest::default();
    for (line, header) in headers {
        let text = String::from_utf8_lossy(&header);
        let (name, value) = text.split_once(':').ok_or(ManifestError::NoHeader { line })?;
        manifest.0.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
    }
    Ok(manifest)
}

/// Lines end at LF, CR LF and a lone CR.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            rest = None;
            return Some(text);
        };
        let (line, ending) = text.split_at(end);
        let after = ending.strip_prefix(b"\r\n").or_else(|| ending.get(1..));
        rest = after;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(bytes: &[u8], name: &str) -> Option<String> {
        parse_manifest(bytes).unwrap().get(name).map(ToOwned::to_owned)
    }

    #[test]
    fn folded_lines_and_every_line_end_are_read() {
        let rows: [(&[u8], Option<&str>); 11] = [
            (b"A: b\r\n c\r\n  d\r\n", Some("bc d")),
            (b"A: b\n c", Some("bc")),
            (b"A: b\r c\rB: x\r", Some("bc")),
            (b"a:b", Some("b")),
            (b"A:   b  ", Some("b")),
            (b"A: b\n\nA: c\n", Some("b")),
            (b"A: b\r\n\r\nName: x\r\nA: c\r\n", Some("b")),
            (b"A: b\nA: c\n", Some("c")),
            (b"A: \n", None),
            (b"", None),
            ("\u{feff}A: b".as_bytes(), Some("b")),
        ];
        for (bytes, expected) in rows {
            assert_eq!(get(bytes, "a").as_deref(), expected, "{}", String::from_utf8_lossy(bytes));
        }
        // A character of two bytes, cut by the fold.
        assert_eq!(get(b"A: \xc3\n \xa4", "a").as_deref(), Some("\u{e4}"));
        assert_eq!(get(b"A: http://x:1", "a").as_deref(), Some("http://x:1"));
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let html: &[u8] = b"<!DOCTYPE html>\n<html>";
        for bytes in [html, b" A: b", b"A: b\nno header\n", b"\x00\x01\x02"] {
            assert!(parse_manifest(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_megabyte_of_folds_is_only_long() {
        let text = format!("A: {}", "x\n ".repeat(300_000));
        assert_eq!(get(text.as_bytes(), "a").unwrap().len(), 300_000);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>()) {
            let _manifest = parse_manifest(&bytes);
        }

        #[test]
        fn what_is_folded_comes_back(value in "[!-~]{1,300}", width in 1_usize..72) {
            let mut text = String::from("A: ");
            for chunk in value.as_bytes().chunks(width) {
                text.push_str(std::str::from_utf8(chunk).unwrap());
                text.push_str("\r\n ");
            }
            prop_assert_eq!(get(text.as_bytes(), "a"), Some(value));
        }
    }
}
