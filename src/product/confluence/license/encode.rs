//! Makes licences nobody's product accepts: the signature is filler.
//!
//! For tests and for the demonstration instance, which need licences of every shape and may not carry
//! anybody's. It is the reverse of [`super::decode_license`] and knows no key to sign with.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::decode::MAGIC;

/// Characters of a line, as the vendor wraps licences.
const LINE: usize = 76;

/// As long as a genuine signature (a DER sequence of two integers), and verified by no key.
const FILLER_SIGNATURE: [u8; 46] = {
    let mut filler = [0x2a; 46];
    [filler[0], filler[1], filler[2], filler[3]] = [0x30, 0x2c, 0x02, 0x14];
    [filler[24], filler[25]] = [0x02, 0x14];
    filler
};

/// Encodes properties as a licence text whose signature is filler.
///
/// The names are those of the vendor's licences: `conf.active`, `MaintenanceExpiryDate` …
#[must_use]
pub fn encode_license(properties: &[(&str, &str)]) -> String {
    // The vendor's tool writes the day of encoding here; a fixed day keeps the text reproducible.
    let mut text = String::from("#Thu Jan 01 00:00:00 UTC 1970\n");
    for (key, value) in properties {
        text.push_str(&escape(key, true));
        text.push('=');
        text.push_str(&escape(value, false));
        text.push('\n');
    }
    encode_text(text.as_bytes())
}

/// Encodes what a licence says, be it sensible or not.
pub(super) fn encode_text(text: &[u8]) -> String {
    let mut stream = ZlibEncoder::new(MAGIC.to_vec(), Compression::best());
    let written = stream.write_all(text).and_then(|()| stream.finish());
    seal_body(&written.expect("a Vec takes every byte"))
}

/// Puts a body into a container with a filler signature.
pub(super) fn seal_body(body: &[u8]) -> String {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    seal_container(&[&length, body, &FILLER_SIGNATURE].concat())
}

/// Writes a container as text, with the mark at its end, in lines.
pub(super) fn seal_container(container: &[u8]) -> String {
    let encoded = STANDARD.encode(container);
    let marked = format!("{encoded}X02{}", base31(encoded.len()));
    let mut text = String::new();
    for (index, c) in marked.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text
}

fn base31(mut number: usize) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 31).unwrap_or_default();
        digits.extend(char::from_digit(digit, 31));
        number /= 31;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// As `java.util.Properties.store` escapes: blanks everywhere in keys, and at the beginning of values.
fn escape(text: &str, key: bool) -> String {
    let mut escaped = String::new();
    for (index, c) in text.chars().enumerate() {
        match c {
            ' ' if key || index == 0 => escaped.push_str("\\ "),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\u{c}' => escaped.push_str("\\f"),
            '\\' | '=' | ':' | '#' | '!' => escaped.extend(['\\', c]),
            ' '..='~' => escaped.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    escaped.extend(['\\', 'u']);
                    escaped.extend([12, 8, 4, 0].map(|shift| hex_digit(*unit >> shift)));
                }
            }
        }
    }
    escaped
}

/// The lowest four bits, as Java writes them.
fn hex_digit(number: u16) -> char {
    char::from_digit(u32::from(number & 0xf), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_form_of_a_licence() {
        let license = encode_license(&[("conf.active", "true"), ("Organisation", "Nobody & Söhne")]);
        assert!(license.starts_with("AAA"), "{license}");
        assert!(license.lines().all(|line| line.len() <= LINE));
        let compact: String = license.split_whitespace().collect();
        let (before, mark) = compact.rsplit_once("X02").unwrap();
        assert_eq!(usize::from_str_radix(mark, 31).unwrap(), before.len());
    }

    #[test]
    fn base_31_counts_as_the_vendor_does() {
        // Lengths and marks of the vendor's test licences.
        for (number, text) in [(0, "0"), (30, "u"), (31, "10"), (420, "dh"), (708, "mq"), (812, "q6")] {
            assert_eq!(base31(number), text);
        }
    }

    #[test]
    fn values_are_escaped_as_java_does() {
        assert_eq!(escape("Confluence: Developer = 1", false), "Confluence\\: Developer \\= 1");
        assert_eq!(escape("a key", true), "a\\ key");
        assert_eq!(escape(" é😀\n", false), "\\ \\u00E9\\uD83D\\uDE00\\n");
    }
}
