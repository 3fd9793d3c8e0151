//! Confluence's licence: reading its text, and collecting it as a source.
//!
//! Where the text is found is for the [`LicenseDirectory`] to know; whether the licence is good enough
//! is for the rules.

mod decode;
mod encode;
mod terms;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use upgrade_readiness_checks::facts::{AtHand, FailureKind, License, LicenseText, Section, Source};

use crate::chain::Chain;
use crate::collect::blocking::Lookout;
use crate::collect::text_file::read_text;
use crate::collect::{CollectError, Collector};

pub use decode::{LicenseError, MOST_CHARACTERS, decode_license};
pub use encode::encode_license;
pub use terms::read_terms;

/// Knows where an instance keeps its licence.
pub trait LicenseDirectory: Send + Sync {
    /// Reads the licence text from its place.
    fn license(&self) -> Result<LicensePlace, CollectError>;
}

/// What was found where the licence should be.
#[derive(Debug)]
pub struct LicensePlace {
    /// The file that was read.
    pub place: String,
    /// The licence text; `None` when the property is not there.
    pub text: Option<SecretString>,
    /// Properties of the old two-part form are there (`confluence.license.message`).
    pub legacy: bool,
    /// What lies where a newer licence would be.
    pub at_hand: AtHand,
}

/// Collects the source `license` of a Confluence instance.
pub struct LicenseCollector {
    site: Arc<dyn LicenseDirectory>,
    lookout: Lookout,
}

impl LicenseCollector {
    /// A collector that asks `site` at every look.
    pub fn new(site: Arc<dyn LicenseDirectory>) -> Self {
        Self { site, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for LicenseCollector {
    fn source(&self) -> Source {
        Source::License
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let site = Arc::clone(&self.site);
        let place = self.lookout.run(move |_| site.license()).await?;
        Ok(Section::License(License { text: read_place(&place), place: place.place, at_hand: place.at_hand }))
    }
}

/// The present form goes first: Confluence reads the old one only to refuse it.
fn read_place(place: &LicensePlace) -> LicenseText {
    let read = place.text.as_ref().map_or(LicenseText::Absent, |text| read_license(text.expose_secret()));
    match read {
        LicenseText::Absent if place.legacy => LicenseText::Legacy,
        LicenseText::Terms(_) | LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => read,
    }
}

/// Looks at the file in which a newer licence would lie.
#[must_use]
pub fn read_at_hand(file: Option<&Path>, in_force: Option<&SecretString>) -> AtHand {
    let Some(file) = file else { return AtHand::NotNamed };
    let place = file.display().to_string();
    match read_text(file) {
        Ok(text) => {
            let text = SecretString::from(text);
            let same = in_force.is_some_and(|known| same_key(known.expose_secret(), text.expose_secret()));
            AtHand::File { place, text: read_license(text.expose_secret()), in_force: same }
        }
        Err(error) if error.kind() == FailureKind::Absent => AtHand::Nothing(place),
        Err(error) => AtHand::Unread(format!("{}. {}", Chain(&error), error.remedy())),
    }
}

/// Line breaks differ between the places a key is kept in.
fn same_key(one: &str, other: &str) -> bool {
    let characters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (one, other) = (SecretString::from(characters(one)), SecretString::from(characters(other)));
    !one.expose_secret().is_empty() && one.expose_secret() == other.expose_secret()
}

/// Reads what a licence text allows Confluence; what is wrong with it is a result, too.
#[must_use]
pub fn read_license(text: &str) -> LicenseText {
    match decode_license(text) {
        Ok(properties) => LicenseText::Terms(Box::new(read_terms(&properties))),
        Err(LicenseError::Empty) => LicenseText::Absent,
        Err(LicenseError::Legacy) => LicenseText::Legacy,
        Err(
            damage @ (LicenseError::TooLong { .. }
            | LicenseError::ForeignCharacter { .. }
            | LicenseError::NoMark { .. }
            | LicenseError::Version { .. }
            | LicenseError::Shortened { .. }
            | LicenseError::Lengthened { .. }
            | LicenseError::NotBase64
            | LicenseError::Container { .. }
            | LicenseError::Magic
            | LicenseError::NotUnpackable
            | LicenseError::Inflates
            | LicenseError::NotText
            | LicenseError::NoProperties),
        ) => LicenseText::Damaged(damage.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Site(Result<(Option<String>, bool), FailureKind>);

    impl LicenseDirectory for Site {
        fn license(&self) -> Result<LicensePlace, CollectError> {
            match &self.0 {
                Ok((text, legacy)) => Ok(LicensePlace {
                    place: "/var/confluence/confluence.cfg.xml".to_owned(),
                    text: text.clone().map(SecretString::from),
                    legacy: *legacy,
                    at_hand: AtHand::NotNamed,
                }),
                Err(kind) => Err(CollectError::new(*kind, "reading /var/confluence/confluence.cfg.xml", "")),
            }
        }
    }

    fn license() -> String {
        encode_license(&[
            ("conf.active", "true"),
            ("conf.DataCenter", "true"),
            ("LicenseExpiryDate", "2027-03-31"),
            ("Organisation", "Secret Works GmbH"),
        ])
    }

    async fn collect(text: Option<String>, legacy: bool) -> LicenseText {
        let collector = LicenseCollector::new(Arc::new(Site(Ok((text, legacy)))));
        assert_eq!(collector.source(), Source::License);
        match collector.collect().await.unwrap() {
            Section::License(license) => {
                assert_eq!(license.place, "/var/confluence/confluence.cfg.xml");
                license.text
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn each_state_of_the_place_is_told_apart() {
        assert!(matches!(
            collect(Some(license()), false).await,
            LicenseText::Terms(terms) if terms.for_this_product && terms.data_center
        ));
        assert!(matches!(collect(Some(license()), true).await, LicenseText::Terms(_)));
        assert_eq!(collect(None, false).await, LicenseText::Absent);
        assert_eq!(collect(Some(" \n ".into()), false).await, LicenseText::Absent);
        assert_eq!(collect(None, true).await, LicenseText::Legacy);
        assert_eq!(collect(Some(String::new()), true).await, LicenseText::Legacy);
        assert_eq!(collect(Some("qwErtzUiopAsdfghjKly".repeat(5)), false).await, LicenseText::Legacy);
        let damaged = collect(license().get(..100).map(ToOwned::to_owned), true).await;
        assert!(matches!(damaged, LicenseText::Damaged(reason) if reason.contains("its end")));
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_read_is_a_failure_and_not_an_absence() {
        let collector = LicenseCollector::new(Arc::new(Site(Err(FailureKind::Denied))));
        assert_eq!(collector.collect().await.unwrap_err().kind(), FailureKind::Denied);
    }

    #[tokio::test]
    async fn nothing_shows_the_text_or_its_owner() {
        let site = Site(Ok((Some(license()), false)));
        let shown = format!("{:?} {:?}", site.license().unwrap(), collect(Some(license()), false).await);
        assert!(!shown.contains("AAA") && !shown.contains("Secret Works"), "{shown}");
    }

    #[test]
    fn a_licence_at_hand_is_compared_by_its_key_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new.txt");
        assert_eq!(read_at_hand(None, None), AtHand::NotNamed);
        assert_eq!(read_at_hand(Some(&file), None), AtHand::Nothing(file.display().to_string()));
        let key = encode_license(&[("Description", "Confluence"), ("conf.active", "true")]);
        let known = SecretString::from(key.replace(char::is_whitespace, ""));
        for (text, same, damaged) in [
            (format!("\n {key}\n"), true, false),
            ("AAAB".to_owned(), false, true),
            (String::new(), false, false),
        ] {
            fs::write(&file, text).unwrap();
            let AtHand::File { text, in_force, .. } = read_at_hand(Some(&file), Some(&known)) else {
                panic!("the file is there")
            };
            assert_eq!((in_force, matches!(text, LicenseText::Damaged(_))), (same, damaged), "{text:?}");
        }
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let unread = crate::collect::unprivileged::as_another_user(|| read_at_hand(Some(&file), None));
        assert!(matches!(&unread, AtHand::Unread(why) if why.contains("denied")), "{unread:?}");
        let empty = SecretString::from("");
        assert!(matches!(read_at_hand(Some(&file), Some(&empty)), AtHand::File { in_force: false, .. }));
    }
}
