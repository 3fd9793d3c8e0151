//! `confluence.cfg.xml`: how Confluence is set up. Every value in it is treated as a secret.
//!
//! Its form is known from public samples of the 5.5 to 7.9 lines and from Atlassian's container images.

use std::collections::BTreeMap;
use std::fmt;

use crate::collect::xml::{XmlError, parse_xml, text_of};

/// What `confluence.cfg.xml` says.
#[derive(Clone, Default)]
pub struct CfgXml {
    /// How far set-up went: `complete`, or the step it stopped at.
    pub setup_step: Option<String>,
    /// `custom`, `cluster` …
    pub setup_type: Option<String>,
    /// Build number of the data in the home, as it is written.
    pub build_number: Option<String>,
    properties: BTreeMap<String, String>,
}

impl CfgXml {
    /// The value of a property, when there is one that is not blank.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }
}

/// Shows which properties there are, and never what they are.
impl fmt::Debug for CfgXml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Hidden<'a>(&'a BTreeMap<String, String>);
        impl fmt::Debug for Hidden<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.0.keys().map(|name| (name, "***"))).finish()
            }
        }
        f.debug_struct("CfgXml")
            .field("setup_step", &self.setup_step)
            .field("setup_type", &self.setup_type)
            .field("build_number", &self.build_number)
            .field("properties", &Hidden(&self.properties))
            .finish()
    }
}

/// Reads `confluence.cfg.xml`; of a property that is there twice, the last one counts.
pub fn parse_cfg_xml(text: &str) -> Result<CfgXml, XmlError> {
    let document = parse_xml(text, "confluence-configuration")?;
    let mut cfg = CfgXml::default();
    for node in document.root_element().children() {
        let text = || Some(text_of(node).trim().to_owned()).filter(|text| !text.is_empty());
        match node.tag_name().name() {
            "setupStep" => cfg.setup_step = text(),
            "setupType" => cfg.setup_type = text(),
            "buildNumber" => cfg.build_number = text(),
            "properties" => {
                let named = node.children().filter(|child| child.has_tag_name("property"));
                cfg.properties.extend(
                    named.filter_map(|child| Some((child.attribute("name")?.to_owned(), text_of(child)))),
                );
            }
            _ => {}
        }
    }
    Ok(cfg)
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn with(properties: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n<confluence-configuration>\n  \
             <setupStep>complete</setupStep>\n  <setupType>custom</setupType>\n  \
             <buildNumber>9012</buildNumber>\n  <properties>{properties}</properties>\n\
             </confluence-configuration>\n"
        )
    }

    #[test]
    fn what_it_says_is_read() {
        let cfg = parse_cfg_xml(&with(
            "<property name=\"attachments.dir\">${confluenceHome}/attachments</property>",
        ));
        let cfg = cfg.unwrap();
        assert_eq!(cfg.setup_step.as_deref(), Some("complete"));
        assert_eq!(cfg.setup_type.as_deref(), Some("custom"));
        assert_eq!(cfg.build_number.as_deref(), Some("9012"));
        assert_eq!(cfg.property("attachments.dir"), Some("${confluenceHome}/attachments"));
        assert_eq!(cfg.property("no.such"), None);
    }

    #[test]
    fn each_way_to_write_a_value_gives_the_value() {
        let rows = [
            ("<property name=\"p\">a&amp;b</property>", Some("a&b")),
            ("<property name=\"p\">a&amp;amp;b</property>", Some("a&amp;b")),
            ("<property name=\"p\"><![CDATA[a&b<c]]></property>", Some("a&b<c")),
            ("<property name=\"p\">a<!-- not this -->b</property>", Some("ab")),
            ("<!-- <property name=\"p\">old</property> --><property name=\"p\">new</property>", Some("new")),
            ("<property name=\"p\">new</property><!-- <property name=\"p\">old</property> -->", Some("new")),
            ("<property name=\"p\">1</property><property name=\"p\">2</property>", Some("2")),
            ("<property name=\"p\"></property>", None),
            ("<property name=\"p\"> \n</property>", None),
            ("<property name=\"p\"/>", None),
            ("<property>nameless</property>", None),
            ("<other name=\"p\">x</other>", None),
        ];
        for (properties, value) in rows {
            assert_eq!(parse_cfg_xml(&with(properties)).unwrap().property("p"), value, "{properties}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_utf8_in_other_spellings_do_no_harm() {
        for text in
            [format!("\u{feff}{}", with("")), with("").replace("UTF-8", "utf8"), with("").replace('"', "'")]
        {
            assert_eq!(parse_cfg_xml(&text).unwrap().build_number.as_deref(), Some("9012"), "{text}");
        }
    }

    #[test]
    fn foreign_and_hostile_texts_are_refused_with_a_reason_and_without_a_secret() {
        let whole = with("<property name=\"hibernate.connection.password\">S3CRET</property>");
        let rows = [
            (String::new(), "is empty"),
            (" \n".to_owned(), "is empty"),
            ("\u{feff}".to_owned(), "is empty"),
            (whole.replace("UTF-8", "ISO-8859-1"), "declares the encoding ISO-8859-1"),
            (whole.replace("UTF-8", "UTF-16"), "declares the encoding UTF-16"),
            (whole.replace("</confluence-configuration>", ""), "truncated"),
            (whole.split("</properties>").next().unwrap().to_owned(), "truncated"),
            (whole.split("T</property>").next().unwrap().to_owned(), "truncated"),
            ("<?xml version=\"1.0\"?>".to_owned(), "truncated"),
            (whole.replace("S3CRET", "S3&CRET"), "an & that is not"),
            (whole.replace("S3CRET", "S3&CRET;"), "an & that is not"),
            (whole.replace("S3CRET", "S3<CRET"), "not well-formed"),
            (whole.replace("S3CRET", "S3CRET\u{0}"), "not well-formed"),
            (format!("{whole}<S3CRET/>"), "not well-formed"),
            ("S3CRET".to_owned(), "not well-formed"),
            ("<server/>".to_owned(), "not <confluence-configuration>"),
            ("<!DOCTYPE html><html><body>Log in</body></html>".to_owned(), "DOCTYPE"),
            (
                "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><x>&b;</x>"
                    .to_owned(),
                "DOCTYPE",
            ),
            ("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/shadow\">]><x>&a;</x>".to_owned(), "DOCTYPE"),
            ("<a>".repeat(1_000_000), "more than 100000"),
            (with(&"<property/>".repeat(200_000)), "more than 100000"),
        ];
        for (text, reason) in rows {
            let error = parse_cfg_xml(&text).unwrap_err();
            let told = format!("{error} {error:?}");
            let start: String = text.chars().take(300).collect();
            assert!(told.contains(reason), "{start}: {told}");
            assert!(!told.contains("S3") && !told.contains("CRET"), "{told}");
        }
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let cfg =
            parse_cfg_xml(&with("<property name=\"atlassian.license.message\">S3CRET</property>")).unwrap();
        let shown = format!("{cfg:?} {cfg:#?}");
        assert!(shown.contains("atlassian.license.message") && shown.contains("***"), "{shown}");
        assert!(!shown.contains("S3CRET"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _read = parse_cfg_xml(&text);
            let _read = parse_cfg_xml(&with(&text));
        }
    }
}
