//! Tiny OSGi bundles: a manifest and one class.

use std::io::{Cursor, Write as _};

use zip::write::{SimpleFileOptions, ZipWriter};

/// No line of a manifest is longer, in bytes; what follows begins with a blank
/// (<https://docs.oracle.com/javase/8/docs/technotes/guides/jar/jar.html>).
const LINE: usize = 72;

/// Java 7, as class files write it.
const JAVA_7: u8 = 51;

/// A bundle with a name, a version and further headers, each a line.
pub(super) fn bundle(name: &str, version: &str, headers: &[&str]) -> anyhow::Result<Vec<u8>> {
    let own = [
        "Manifest-Version: 1.0".to_owned(),
        "Bundle-ManifestVersion: 2".to_owned(),
        format!("Bundle-SymbolicName: {name}"),
        format!("Bundle-Version: {version}"),
    ];
    let lines = own.iter().map(String::as_str).chain(headers.iter().copied());
    let manifest: String = lines.map(fold).collect();
    jar(&[("META-INF/MANIFEST.MF", manifest.as_bytes()), ("org/example/Main.class", &class())])
}

/// A plain jar.
pub(super) fn library() -> anyhow::Result<Vec<u8>> {
    let manifest = "Manifest-Version: 1.0\r\n\r\n";
    jar(&[("META-INF/MANIFEST.MF", manifest.as_bytes()), ("org/postgresql/Driver.class", &class())])
}

/// What the product makes of a plain jar in `lib` at each start, by the marks it is known by.
pub(super) fn wrapped(name: &str) -> anyhow::Result<Vec<u8>> {
    let manifest: String = [
        "Manifest-Version: 1.0",
        "Bundle-ManifestVersion: 2",
        &format!("Bundle-SymbolicName: {name}"),
        "Bundle-Version: 1.0.0",
        "DynamicImport-Package: *",
        "Export-Package: org.postgresql",
    ]
    .map(fold)
    .concat();
    jar(&[("META-INF/MANIFEST.MF", manifest.as_bytes()), ("META-INF/p2.inf", b"instructions.configure = \n")])
}

fn fold(line: &str) -> String {
    let mut folded = String::new();
    let mut room = LINE;
    for character in line.chars() {
        if room < character.len_utf8() {
            folded.push_str("\r\n ");
            room = LINE - 1;
        }
        room -= character.len_utf8();
        folded.push(character);
    }
    folded + "\r\n"
}

/// The head of a class file; nothing of it is ever run.
fn class() -> [u8; 10] {
    [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, JAVA_7, 0, 1]
}

fn jar(files: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default())?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_manifest_is_longer_than_allowed() {
        let long = format!("Import-Package: {}", "org.example.package,".repeat(20));
        let folded = fold(&long);
        assert!(folded.split("\r\n").all(|line| line.len() <= LINE), "{folded}");
        assert_eq!(folded.replace("\r\n ", ""), format!("{long}\r\n"));
        assert_eq!(fold("Manifest-Version: 1.0"), "Manifest-Version: 1.0\r\n");
    }
}
