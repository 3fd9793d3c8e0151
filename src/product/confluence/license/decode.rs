//! From the text of a licence to the properties in it. What they mean is not known here.
//!
//! The form, as decoded from the test licences the vendor publishes for app developers
//! (<https://developer.atlassian.com/platform/marketplace/timebomb-licenses-for-testing-server-apps/>):
//! Base64 of a container, then `X`, a version of two digits, and the number of characters before the
//! `X` in base 31. The container is a length of four bytes, that many bytes of body, and a signature.
//! The body is five fixed bytes and a zlib stream of Java properties.
//!
//! The signature is not verified: reading dates does not need it, and the product verifies it anyway.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;

use crate::collect::properties::parse_properties;

/// No licence is longer; real ones have fewer than 5,000 characters.
pub const MOST_CHARACTERS: usize = 64 * 1024;

/// No licence says more; real ones say less than 3,000 bytes.
const MOST_INFLATED: usize = 64 * 1024;

/// What every body begins with.
pub(super) const MAGIC: [u8; 5] = [0x0d, 0x0e, 0x0c, 0x0a, 0x0f];

/// Old licences are at least this long in one piece, and nobody writes such words.
const SHORTEST_LEGACY_LINE: usize = 40;

/// Why a text cannot be read as a licence. It never repeats what the text says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LicenseError {
    /// Nothing but white space.
    #[error("there is no text")]
    Empty,
    /// Longer than [`MOST_CHARACTERS`]; it was not looked at.
    #[error("it is {bytes} bytes long, and no licence has more than {MOST_CHARACTERS}: this is another file")]
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// The form before 2008: letters only, in two parts. Confluence refuses it since 5.6.
    #[error("it is in the old two-part form, which Confluence refuses since 5.6")]
    Legacy,
    /// Something stands in it that Base64 does not have.
    #[error(
        "character {position} is {character:?}, which no licence contains: other text was copied along, or this is something else"
    )]
    ForeignCharacter {
        /// Which, counted from one, white space left out.
        position: usize,
        /// The character.
        character: char,
    },
    /// There is no mark at its end.
    #[error(
        "it has no mark such as X02q6 at its end, after {characters} characters: the end was probably lost when it was copied"
    )]
    NoMark {
        /// Characters that are there, white space left out.
        characters: usize,
    },
    /// The mark names a form this agent does not know.
    #[error(
        "its end mark names version {version} of the form, and only 01 and 02 are known: it was changed or cut when it was copied, or is newer than this agent"
    )]
    Version {
        /// The two digits.
        version: String,
    },
    /// Fewer characters than its mark states.
    #[error(
        "{found} characters stand before its end mark, which says {stated}: a part of it was lost when it was copied, or other text follows it"
    )]
    Shortened {
        /// Characters the mark states.
        stated: usize,
        /// Characters that are there.
        found: usize,
    },
    /// More characters than its mark states.
    #[error(
        "{found} characters stand before its end mark, which says {stated}: other text was copied along, its end was lost, or it is there twice"
    )]
    Lengthened {
        /// Characters the mark states.
        stated: usize,
        /// Characters that are there.
        found: usize,
    },
    /// The count of characters is right and Base64 still cannot be read.
    #[error("it is not whole Base64, though its length is right: characters were changed when it was copied")]
    NotBase64,
    /// The container is smaller than its own length says.
    #[error(
        "its content should have {stated} bytes and a signature, and {found} bytes are there: characters were changed when it was copied"
    )]
    Container {
        /// Bytes of the body, as stated.
        stated: usize,
        /// Bytes of body and signature that are there.
        found: usize,
    },
    /// The body does not begin as every licence does.
    #[error("its content does not begin as that of a licence: it was changed, or this is something else")]
    Magic,
    /// The compressed text cannot be unpacked.
    #[error("its content cannot be unpacked: characters were changed when it was copied")]
    NotUnpackable,
    /// It is made to fill the memory of whoever reads it.
    #[error("it inflates to more than {MOST_INFLATED} bytes, which no licence does: it is not genuine")]
    Inflates,
    /// The unpacked text is not text.
    #[error("its unpacked content is not UTF-8 text: it is not genuine")]
    NotText,
    /// The unpacked text has no property.
    #[error("its unpacked content states nothing: it is not genuine")]
    NoProperties,
}

/// Reads the properties of a licence.
///
/// They name people and the organisation: pass them to [`super::read_terms`] and nowhere else.
pub fn decode_license(text: &str) -> Result<BTreeMap<String, String>, LicenseError> {
    if text.len() > MOST_CHARACTERS {
        return Err(LicenseError::TooLong { bytes: text.len() });
    }
    // Windows editors put a byte order mark before the text.
    let text = text.trim_start_matches('\u{feff}');
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if compact.is_empty() {
        return Err(LicenseError::Empty);
    }
    if is_legacy(text, &compact) {
        return Err(LicenseError::Legacy);
    }
    let encoded = check_mark(&compact)?;
    let container = STANDARD.decode(encoded).ok().ok_or(LicenseError::NotBase64)?;
    let properties = parse_properties(&inflate(open_container(&container)?)?);
    if properties.is_empty() { Err(LicenseError::NoProperties) } else { Ok(properties) }
}

/// The old form has nothing but letters in long lines; the present one begins with `AA`, the high
/// bytes of a small length.
fn is_legacy(text: &str, compact: &str) -> bool {
    compact.chars().all(|c| c.is_ascii_alphabetic())
        && !compact.starts_with("AA")
        && text.split_whitespace().any(|line| line.len() >= SHORTEST_LEGACY_LINE)
}

/// Compares the text with the mark at its end, and gives what stands before the mark.
fn check_mark(compact: &str) -> Result<&str, LicenseError> {
    let foreign = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=');
    if let Some((index, character)) = compact.chars().enumerate().find(|(_, c)| foreign(c)) {
        return Err(LicenseError::ForeignCharacter { position: index + 1, character });
    }
    let no_mark = || LicenseError::NoMark { characters: compact.len() };
    let (encoded, mark) = compact.rsplit_once('X').ok_or_else(no_mark)?;
    let (version, length) = mark.split_at_checked(2).ok_or_else(no_mark)?;
    if !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_mark()); // an X of the Base64 text: the mark itself is gone
    }
    if !matches!(version, "01" | "02") {
        return Err(LicenseError::Version { version: version.to_owned() });
    }
    let (stated, found) = (parse_base31(length).ok_or_else(no_mark)?, encoded.len());
    match stated.cmp(&found) {
        std::cmp::Ordering::Equal => Ok(encoded),
        std::cmp::Ordering::Greater => Err(LicenseError::Shortened { stated, found }),
        std::cmp::Ordering::Less => Err(LicenseError::Lengthened { stated, found }),
    }
}

/// A number of at most six digits from `0` to `9` and `a` to `u`.
fn parse_base31(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'u'));
    (digits && text.len() <= 6).then(|| usize::from_str_radix(text, 31).ok()).flatten()
}

/// The zlib stream of a container.
fn open_container(container: &[u8]) -> Result<&[u8], LicenseError> {
    let (length, rest) =
        container.split_first_chunk().ok_or(LicenseError::Container { stated: 0, found: container.len() })?;
    let stated = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    match rest.split_at_checked(stated) {
        Some((body, [_, ..])) => body.strip_prefix(&MAGIC).ok_or(LicenseError::Magic),
        // Without a signature the product refuses it, so it is not whole.
        Some((_, [])) | None => Err(LicenseError::Container { stated, found: rest.len() }),
    }
}

fn inflate(stream: &[u8]) -> Result<String, LicenseError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_INFLATED).unwrap_or(u64::MAX);
    ZlibDecoder::new(stream)
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()
        .ok_or(LicenseError::NotUnpackable)?;
    if bytes.len() > MOST_INFLATED {
        return Err(LicenseError::Inflates);
    }
    String::from_utf8(bytes).ok().ok_or(LicenseError::NotText)
}

#[cfg(test)]
mod tests;
