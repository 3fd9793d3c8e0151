//! An XML file as settings: where an element or attribute stands, and its value.
//!
//! Elements that stand several times are told apart by what names them, so that a new one in their midst changes nothing
//! for the others. No message quotes the text: these files hold passwords.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

/// Elements and texts of one file.
const MOST_NODES: u32 = 100_000;

/// Elements in one another.
const DEEPEST: usize = 64;

/// What tells elements apart that stand beside each other.
enum Key {
    Attribute(&'static str),
    /// The text of an element in it.
    Child(&'static str),
    /// The texts of all these elements in it, in alphabetical order.
    Children(&'static str, &'static str),
    /// Its own text.
    Own,
}

/// By the name of the element; the first that is there counts. Every other element is told by its `name`, if it has one,
/// and else by its position among those of the same name.
const KEYS: &[(&str, &[Key])] = &[
    ("Action", &[Key::Own]),
    ("Connector", &[Key::Attribute("scheme"), Key::Attribute("port")]),
    ("Context", &[Key::Attribute("path")]),
    ("Listener", &[Key::Attribute("className")]),
    ("Mapping", &[Key::Children("Actions", "Action")]),
    ("Processor", &[Key::Child("Item")]),
    ("Realm", &[Key::Attribute("className")]),
    ("UserStoreManager", &[Key::Attribute("class")]),
    ("Valve", &[Key::Attribute("className")]),
    ("context-param", &[Key::Child("param-name")]),
    ("datasource", &[Key::Child("name")]),
    ("dispatcher", &[Key::Own]),
    ("error-page", &[Key::Child("error-code"), Key::Child("exception-type")]),
    ("filter", &[Key::Child("filter-name")]),
    ("filter-mapping", &[Key::Child("filter-name")]),
    ("init-param", &[Key::Child("param-name")]),
    ("listener", &[Key::Child("listener-class"), Key::Attribute("class")]),
    ("messageBuilder", &[Key::Attribute("contentType")]),
    ("messageFormatter", &[Key::Attribute("contentType")]),
    ("mime-mapping", &[Key::Child("extension")]),
    ("mount", &[Key::Attribute("path")]),
    ("module", &[Key::Attribute("ref")]),
    ("phaseOrder", &[Key::Attribute("type")]),
    ("remoteInstance", &[Key::Child("id")]),
    ("servlet", &[Key::Child("servlet-name")]),
    ("servlet-mapping", &[Key::Child("servlet-name")]),
    ("url-pattern", &[Key::Own]),
    ("welcome-file", &[Key::Own]),
];

/// Reads an XML file in the encoding it declares, and takes it apart.
pub(super) fn flatten_xml(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let text = decode::declared(bytes)?;
    if text.trim().is_empty() {
        return Err("the file is empty".to_owned());
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => {
            "it has a DOCTYPE, which is not read because it can be used for attacks".to_owned()
        }
        roxmltree::Error::NodesLimitReached
        | roxmltree::Error::AttributesLimitReached
        | roxmltree::Error::NamespacesLimitReached => {
            format!("it has more than {MOST_NODES} elements and texts")
        }
        other => format!("line {}, column {}: not well-formed XML", other.pos().row, other.pos().col),
    })?;
    let mut settings = BTreeMap::new();
    let root = document.root_element();
    element(root, name_of(root), 0, &mut settings)?;
    Ok(settings)
}

fn element(
    node: Node<'_, '_>,
    path: String,
    depth: usize,
    settings: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("its elements are nested deeper than {DEEPEST}"));
    }
    for attribute in node.attributes() {
        let name = match prefix_of(node, attribute.namespace()) {
            Some(prefix) => format!("{prefix}:{}", attribute.name()),
            None => attribute.name().to_owned(),
        };
        // Where a schema is found is nothing anybody sets.
        if attribute.name() != "schemaLocation" {
            settings.insert(format!("{path}/@{name}"), one_line(attribute.value()));
        }
    }
    let mut used: BTreeMap<String, u32> = BTreeMap::new();
    let mut has_elements = false;
    for child in node.children().filter(Node::is_element) {
        has_elements = true;
        let step = key_of(child).map_or_else(|| name_of(child), |key| format!("{}[{key}]", name_of(child)));
        let times = used.entry(step.clone()).or_default();
        *times += 1;
        let path = if *times == 1 { format!("{path}/{step}") } else { format!("{path}/{step}[{times}]") };
        element(child, path, depth + 1, settings)?;
    }
    let text = one_line(&own_text(node));
    // An element of others has no value of its own; an empty one is set by being there.
    if !text.is_empty() || !has_elements {
        settings.insert(path, text);
    }
    Ok(())
}

fn prefix_of<'a>(node: Node<'a, '_>, namespace: Option<&str>) -> Option<&'a str> {
    namespace.and_then(|namespace| node.lookup_prefix(namespace))
}

fn name_of(node: Node<'_, '_>) -> String {
    node.tag_name().name().to_owned()
}

fn key_of(node: Node<'_, '_>) -> Option<String> {
    let name = node.tag_name().name();
    let keys = KEYS.iter().find(|(element, _)| *element == name).map_or(&[] as &[Key], |(_, keys)| *keys);
    let key = keys.iter().find_map(|key| match key {
        Key::Attribute(attribute) => node.attribute(*attribute).map(ToOwned::to_owned),
        Key::Child(child) => child_text(node, child),
        Key::Own => Some(own_text(node)),
        Key::Children(list, item) => {
            let list = node.children().find(|child| child.tag_name().name() == *list)?;
            let mut texts: Vec<String> = list
                .children()
                .filter(|child| child.tag_name().name() == *item)
                .map(|item| one_line(&own_text(item)))
                .collect();
            texts.sort_unstable();
            Some(texts.join("+"))
        }
    });
    let key = key.or_else(|| node.attribute("name").map(ToOwned::to_owned))?;
    let key: String = one_line(&key).chars().take(120).collect();
    (!key.is_empty()).then_some(key)
}

fn child_text(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.children().find(|child| child.tag_name().name() == name).map(own_text)
}

fn own_text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// Blanks and line ends do not count.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The encoding an XML file declares.
pub(super) mod decode {
    use std::borrow::Cow;

    /// The text, in the encoding its declaration names.
    pub(in super::super) fn declared(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err("it is written in UTF-16, which is not read here".to_owned());
        }
        let name = encoding(bytes).unwrap_or_else(|| "utf-8".to_owned());
        match name.to_ascii_lowercase().as_str() {
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" => Ok(Cow::Owned(latin1(bytes))),
            "utf-8" | "utf8" | "us-ascii" | "ascii" => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(error) => {
                    Err(format!("byte {} is not {name}, as which it is declared", error.valid_up_to() + 1))
                }
            },
            _ => Err(format!("it declares the encoding {name}, but only UTF-8 and ISO-8859-1 are read here")),
        }
    }

    /// Each byte is the character of its number.
    pub(in super::super) fn latin1(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    }

    fn encoding(bytes: &[u8]) -> Option<String> {
        let head = latin1(bytes.get(..bytes.len().min(300))?);
        let (declaration, _) = head.strip_prefix("<?xml")?.split_once("?>")?;
        let (_, value) = declaration.split_once("encoding")?;
        let value = value.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let name = value.strip_prefix(quote)?.split(quote).next()?;
        Some(name.chars().filter(char::is_ascii_graphic).take(30).collect())
    }
}
