//! XML that somebody else wrote, read without trusting it.
//!
//! No message quotes the text: these files hold passwords and the licence.

use roxmltree::{Document, Error, Node, ParsingOptions};

/// No file of Confluence has nearly as many elements and texts.
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

/// Reads XML whose outermost element has the name `root`.
pub(super) fn parse_xml<'a>(text: &'a str, root: &'static str) -> Result<Document<'a>, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    if let Some(name) = declared_encoding(text).filter(|name| !is_utf8(name)) {
        return Err(XmlError::Encoding { name: name.chars().take(30).collect() });
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| without_text(&error))?;
    if !document.root_element().has_tag_name(root) {
        return Err(XmlError::OtherRoot { expected: root });
    }
    Ok(document)
}

/// The text of an element; comments in it do not count.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

fn declared_encoding(text: &str) -> Option<&str> {
    let (declaration, _) = text.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.strip_prefix(quote)?.split(quote).next()
}

fn is_utf8(name: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known))
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
