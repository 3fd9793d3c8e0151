//! XML that somebody else wrote, read without trusting it.
//!
//! No message quotes the text: these files hold passwords and licences. Three encodings are read: UTF-8, US-ASCII and
//! ISO-8859-1, in which the files of Carbon products are declared.

use std::path::{Path, PathBuf};

use roxmltree::{Document, Error, Node, ParsingOptions};
use upgrade_readiness_checks::facts::FailureKind;

use super::CollectError;
use super::text_file::{ReadTextError, read_bytes};

/// No configuration file of a product has nearly as many elements and texts.
const MOST_NODES: u32 = 100_000;

/// Why a text is not the XML it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It says that it is written in another encoding.
    #[error("it declares the encoding {name}, but only UTF-8 is read here")]
    Encoding {
        /// What it declares.
        name: String,
    },
    /// Its bytes are not of the encoding it declares, or of UTF-8 when it declares none.
    #[error("its bytes are not text in the encoding it declares")]
    NotOfEncoding,
    /// It defines its own entities, or is a web page.
    #[error(
        "it has a DOCTYPE, which does not belong there and is not read because it can be used for attacks"
    )]
    Dtd,
    /// It has more in it than any such file.
    #[error("it has more than {MOST_NODES} elements and texts")]
    TooManyNodes,
    /// It stops in the middle.
    #[error("it ends before its elements are closed: the file is truncated")]
    Truncated,
    /// An ampersand that is not written as XML wants it.
    #[error("line {line}, column {column}: an & that is not the beginning of &amp; or another XML character")]
    BadReference {
        /// Line.
        line: u32,
        /// Column.
        column: u32,
    },
    /// Something else.
    #[error("line {line}, column {column}: not well-formed XML")]
    Malformed {
        /// Line.
        line: u32,
        /// Column.
        column: u32,
    },
    /// It is some other XML.
    #[error("its outermost element is not <{expected}>")]
    OtherRoot {
        /// The element it should be.
        expected: &'static str,
    },
}

/// Why an XML file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadXmlError {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] ReadTextError),
    /// It is not the XML it should be.
    #[error("reading {}", path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: XmlError,
    },
}

impl ReadXmlError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Read(cause) => cause.kind(),
            Self::Xml { .. } => FailureKind::Malformed,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Read(cause) => cause.remedy(),
            Self::Xml { path, cause } => xml_remedy(path, cause),
        }
    }
}

impl From<ReadXmlError> for CollectError {
    fn from(error: ReadXmlError) -> Self {
        let (kind, remedy) = (error.kind(), error.remedy());
        Self::new(kind, error, remedy)
    }
}

/// What a person can do about an XML file that is not what it should be.
#[must_use]
pub fn xml_remedy(path: &Path, cause: &XmlError) -> String {
    let path = path.display();
    match cause {
        XmlError::Empty | XmlError::Truncated => {
            format!(
                "Restore {path} from a backup before the product is restarted; a full disk can leave it so."
            )
        }
        XmlError::BadReference { .. } => format!("Write &amp; for & in {path}."),
        XmlError::Encoding { .. } | XmlError::NotOfEncoding => {
            format!("Convert {path} to UTF-8 and declare it so.")
        }
        XmlError::Dtd | XmlError::TooManyNodes | XmlError::Malformed { .. } | XmlError::OtherRoot { .. } => {
            format!("Look at {path}: `xmllint --noout {path}` shows what is wrong.")
        }
    }
}

/// Reads an XML file in the encoding it declares and gives what `take` makes of its outermost element, which has the
/// name `root`.
pub fn read_xml<T>(
    path: &Path,
    root: &'static str,
    take: impl FnOnce(Node<'_, '_>) -> T,
) -> Result<T, ReadXmlError> {
    let bytes = read_bytes(path)?;
    let failed = |cause| ReadXmlError::Xml { path: path.to_owned(), cause };
    let text = decode_xml(&bytes).map_err(failed)?;
    let document = parse_decoded(&text, root).map_err(failed)?;
    Ok(take(document.root_element()))
}

/// The text of an XML file, in the encoding its declaration names.
pub fn decode_xml(bytes: &[u8]) -> Result<String, XmlError> {
    // Of every encoding that is read here, the declaration is ASCII; no declaration is longer.
    let start = bytes.get(..200).unwrap_or(bytes);
    let start = String::from_utf8_lossy(start);
    let declared = declared_encoding(start.strip_prefix('\u{feff}').unwrap_or(&start));
    match declared {
        Some(name) if is_latin_1(name) => Ok(bytes.iter().copied().map(char::from).collect()),
        Some(name) if is_ascii(name) && !bytes.is_ascii() => Err(XmlError::NotOfEncoding),
        Some(name) if !is_utf8(name) => Err(other_encoding(name)),
        Some(_) | None => String::from_utf8(bytes.to_vec()).ok().ok_or(XmlError::NotOfEncoding),
    }
}

/// Reads XML in UTF-8 whose outermost element has the name `root`.
pub fn parse_xml<'a>(text: &'a str, root: &'static str) -> Result<Document<'a>, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(name) = declared_encoding(text).filter(|name| !is_utf8(name)) {
        return Err(other_encoding(name));
    }
    parse_decoded(text, root)
}

/// Reads XML whose encoding has been seen to before.
fn parse_decoded<'a>(text: &'a str, root: &'static str) -> Result<Document<'a>, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| without_text(&error))?;
    if !document.root_element().has_tag_name(root) {
        return Err(XmlError::OtherRoot { expected: root });
    }
    Ok(document)
}

/// The text of an element; comments in it do not count.
#[must_use]
pub fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

fn declared_encoding(text: &str) -> Option<&str> {
    let (declaration, _) = text.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.strip_prefix(quote)?.split(quote).next()
}

fn other_encoding(name: &str) -> XmlError {
    XmlError::Encoding { name: name.chars().take(30).collect() }
}

fn is_utf8(name: &str) -> bool {
    is_ascii(name) || ["utf-8", "utf8"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn is_ascii(name: &str) -> bool {
    name.eq_ignore_ascii_case("us-ascii")
}

fn is_latin_1(name: &str) -> bool {
    ["iso-8859-1", "iso8859-1", "latin1"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The parser's message quotes what it stumbles over, which may be a piece of a password.
fn without_text(error: &Error) -> XmlError {
    let (line, column) = (error.pos().row, error.pos().col);
    match error {
        Error::DtdDetected => XmlError::Dtd,
        Error::NodesLimitReached | Error::AttributesLimitReached | Error::NamespacesLimitReached => {
            XmlError::TooManyNodes
        }
        Error::NoRootNode | Error::UnclosedRootNode | Error::UnexpectedEndOfStream => XmlError::Truncated,
        Error::UnknownEntityReference(..) | Error::MalformedEntityReference(_) => {
            XmlError::BadReference { line, column }
        }
        _ => XmlError::Malformed { line, column },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_encoding_is_honoured() {
        let read = |bytes: &[u8]| {
            decode_xml(bytes)
                .and_then(|text| parse_decoded(&text, "a").map(|document| text_of(document.root_element())))
        };
        assert_eq!(
            read(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>caf\xe9</a>").unwrap(),
            "caf\u{e9}"
        );
        assert_eq!(
            read(b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xc3\xa9</a>").unwrap(),
            "\u{c3}\u{a9}"
        );
        assert_eq!(
            read("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>caf\u{e9}</a>".as_bytes()).unwrap(),
            "caf\u{e9}"
        );
        assert_eq!(read("\u{feff}<a>caf\u{e9}</a>".as_bytes()).unwrap(), "caf\u{e9}");
        assert_eq!(read(b"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><a>tea</a>").unwrap(), "tea");
    }

    #[test]
    fn what_is_not_in_a_known_encoding_is_refused() {
        let refused = |bytes: &[u8]| decode_xml(bytes).unwrap_err();
        assert_eq!(refused(b"<a>caf\xe9</a>"), XmlError::NotOfEncoding, "no declaration means UTF-8");
        assert_eq!(
            refused(b"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><a>\xe9</a>"),
            XmlError::NotOfEncoding
        );
        let other = refused(b"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a/>");
        assert!(matches!(other, XmlError::Encoding { name } if name == "Shift_JIS"));
        assert_eq!(refused(b"\xff\xfe<\0a\0/\0>\0"), XmlError::NotOfEncoding, "UTF-16");
    }

    #[test]
    fn a_file_that_is_not_xml_says_which_one_and_not_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        for (content, part) in [
            ("", "empty"),
            ("<!DOCTYPE html><html>S3CRET</html>", "DOCTYPE"),
            ("<b>S3CRET</b>", "not <a>"),
            ("<a>S3CRET", "truncated"),
            ("<a>S3&CRET;</a>", "an & that"),
        ] {
            let path = dir.path().join("carbon.xml");
            std::fs::write(&path, content).unwrap();
            let error = read_xml(&path, "a", |_| ()).unwrap_err();
            let told = CollectError::from(error).into_failure().message;
            assert!(told.contains(part) && told.contains("carbon.xml") && !told.contains("CRET"), "{told}");
        }
        let gone = read_xml(&dir.path().join("none.xml"), "a", |_| ()).unwrap_err();
        assert_eq!(gone.kind(), FailureKind::Absent);
    }
}
