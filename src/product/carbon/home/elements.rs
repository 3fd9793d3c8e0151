//! Finding one's way in the XML of a Carbon home; namespaces do not count.

use roxmltree::Node;

use crate::collect::xml::text_of;

/// The first child element of a name.
pub(super) fn child<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    node.children().find(|child| child.has_tag_name(name))
}

/// The text of the first child element of a name, when it is not blank.
pub(super) fn text_below(node: Node<'_, '_>, name: &str) -> Option<String> {
    texts_below(node, &[name])
}

/// The text at the end of a way of element names, when it is not blank.
pub(super) fn texts_below(node: Node<'_, '_>, names: &[&str]) -> Option<String> {
    let found = names.iter().try_fold(node, |node, name| child(node, name))?;
    Some(text_of(found).trim().to_owned()).filter(|text| !text.is_empty())
}
