//! What the vendor says to read before an upgrade over a release: one entry for each thing that may go wrong.

use serde::Deserialize;

use super::{Catalog, Confidence};
use crate::facts::Engine;
use crate::version::ProductVersion;

/// One upgrade note: one `[[note]]` of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Its name: the subject of the finding and of a sign-off, so it never changes.
    pub id: String,
    /// It applies when the source is older than this; from every source when absent.
    pub from_below: Option<ProductVersion>,
    /// It applies when the target is this or newer; to every target when absent.
    pub to: Option<ProductVersion>,
    /// It applies to jumps as long as this.
    #[serde(default)]
    pub leap: Leap,
    /// What it is about, in a few words.
    pub topic: String,
    /// What happens, as a sentence without its full stop.
    pub effect: String,
    /// What to do; full sentences. Empty when another check decides it.
    #[serde(default)]
    pub remedy: String,
    /// How much it matters.
    #[serde(default)]
    pub weight: Weight,
    /// Which instances it concerns.
    #[serde(default)]
    pub applies_when: Condition,
    /// The check that decides it from facts; then it is no task for people.
    pub decided_by: Option<String>,
    /// How sure.
    pub confidence: Confidence,
    /// The vendor's page.
    pub page: Option<String>,
    /// Where it comes from when no page of the vendor says it.
    pub source: Option<String>,
}

impl Note {
    /// It is about every upgrade, from whatever release to whatever other.
    #[must_use]
    pub fn is_of_every_release(&self) -> bool {
        self.from_below.is_none() && self.to.is_none()
    }

    /// Whether it stands between two releases.
    #[must_use]
    pub fn lies_between(&self, from: &ProductVersion, to: &ProductVersion) -> bool {
        let leap = match self.leap {
            Leap::Any => true,
            Leap::NewLine => from.line() != to.line(),
            Leap::NewMajor => from.line().major != to.line().major,
        };
        leap && from < to
            && self.from_below.as_ref().is_none_or(|below| from < below)
            && self.to.as_ref().is_none_or(|least| to >= least)
    }
}

/// How long a jump must be for a note to apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leap {
    /// Every jump, also to a bug-fix release.
    #[default]
    Any,
    /// To another feature line.
    NewLine,
    /// To another major.
    NewMajor,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// The target does not start, and no other check says so.
    Refuses,
    /// Somebody must look and do something.
    #[default]
    Task,
    /// Worth knowing.
    Informative,
}

/// Which instances a note concerns: a closed set of questions that facts can answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Every instance, as far as facts can tell.
    #[default]
    Always,
    /// Nodes of a cluster.
    Cluster,
    /// Hosts with Windows.
    Windows,
    /// Hosts with Linux.
    Linux,
    /// Those that run on the Java that came with the program.
    JavaBundled,
    /// Those whose service runs on a Java older than this feature release.
    JavaBelow(u32),
    /// Those that keep the search index in files.
    Lucene,
    /// Those configured by many XML files, as Carbon products on a kernel before 4.5 are.
    XmlConfiguration,
    /// Those that keep any of their data in a database that runs inside the product.
    EmbeddedDatabase,
    /// Those with tenants beside the super tenant.
    Tenants,
    /// Those behind a reverse proxy, by the connectors of the application server.
    Proxy,
    /// Those with plug-ins people installed.
    UserPlugins,
    /// Those with this plug-in.
    Plugin(String),
    /// Those on one of these databases.
    Database(Vec<Engine>),
    /// Those whose JDBC URL begins like this.
    UrlBegins(String),
    /// Those in which one of these files was changed, added or removed: the end of its path, or a
    /// directory with a slash at its end.
    FilesTouched(Vec<String>),
}

impl Catalog {
    /// Every upgrade note, in the order of the catalog.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::{Family, Product};

    fn version(text: &str) -> ProductVersion {
        text.parse().unwrap()
    }

    /// As many as the vendor's pages and other people's operations notes gave when they were read.
    const NOTES: usize = 65;

    /// Known from run books and the documentation of classes besides.
    const BESIDES: usize = 2;

    #[test]
    fn every_note_is_there_once_and_whole() {
        assert_eq!(Catalog::embedded(Product::Confluence).notes().len(), NOTES + BESIDES);
        for product in Product::ALL {
            every_note_is_whole(&Catalog::embedded(product));
        }
    }

    fn every_note_is_whole(catalog: &Catalog) {
        // Notes on the kernel stand beside those of the product.
        let of_kernel = catalog.kernel.iter().flat_map(|kernel| kernel.notes());
        let mut ids: BTreeSet<&String> = of_kernel.map(|note| &note.id).collect();
        for note in catalog.notes() {
            let Note { id, topic, effect, remedy, .. } = note;
            assert!(ids.insert(id), "{id} stands twice");
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{id}");
            assert!(!id.starts_with("read-"), "{id} looks like the pages of a line");
            assert!(!topic.is_empty() && !effect.is_empty(), "{id}");
            assert!(!effect.ends_with('.') && !topic.ends_with('.'), "{id}");
            assert_eq!(remedy.is_empty(), note.decided_by.is_some(), "{id}: a task says what to do");
            assert!(remedy.is_empty() || remedy.ends_with('.'), "{id}");
            assert!(note.page.is_some() != note.source.is_some(), "{id}: either a page or another source");
            if note.weight == Weight::Refuses {
                assert_eq!(note.confidence, Confidence::Confirmed, "{id}: only what is confirmed blocks");
            }
        }
    }

    #[test]
    fn pages_are_the_vendors_and_secure() {
        for product in Product::ALL {
            pages_are_secure(&Catalog::embedded(product));
        }
    }

    fn pages_are_secure(catalog: &Catalog) {
        let notes = catalog.notes().iter().filter_map(|note| note.page.as_deref());
        let jumps = catalog.jumps.iter().filter_map(|rule| rule.page.as_deref());
        let rolling = catalog.rolling.iter().map(|rule| rule.page.as_str());
        let pages = catalog.pages.values().map(String::as_str);
        let (vendor, projects) = match catalog.product.family() {
            Family::Confluence => ("atlassian.com", "developer.atlassian.com/"),
            Family::Carbon => ("wso2.com", "github.com/wso2/"),
        };
        for page in notes.chain(jumps).chain(rolling).chain(pages) {
            let host = page.strip_prefix("https://").and_then(|rest| rest.split('/').next());
            let host = host.unwrap_or_else(|| panic!("{page} is not https"));
            let of_vendor = host == vendor || host.ends_with(&format!(".{vendor}"));
            assert!(of_vendor || page.starts_with(&format!("https://{projects}")), "{page}");
            assert!(!page.contains(char::is_whitespace), "{page}");
        }
        for rule in &catalog.jumps {
            assert!(rule.page.is_some() != rule.source.is_some(), "{}", rule.id);
        }
    }

    #[test]
    fn a_note_lies_between_two_releases() {
        let note = |from_below: Option<&str>, to: Option<&str>, leap: Leap| Note {
            from_below: from_below.map(version),
            to: to.map(version),
            leap,
            ..Catalog::embedded(Product::Confluence).notes()[0].clone()
        };
        let lies = |note: &Note, from, to| note.lies_between(&version(from), &version(to));
        let both = note(Some("9.0"), Some("9.0"), Leap::Any);
        assert!(lies(&both, "8.9.8", "9.0.1") && lies(&both, "8.5.1", "10.2.0"));
        assert!(!lies(&both, "9.0.0", "9.0.1") && !lies(&both, "8.5.1", "8.9.1"));
        let inside_a_line = note(Some("8.5.4"), Some("8.5.4"), Leap::Any);
        assert!(lies(&inside_a_line, "8.5.3", "8.5.4") && !lies(&inside_a_line, "8.5.4", "8.5.5"));
        let any = note(None, None, Leap::Any);
        assert!(lies(&any, "9.2.7", "9.2.10"));
        assert!(!lies(&any, "9.2.7", "9.2.7") && !lies(&any, "9.2.7", "9.2.6"));
        let line = note(None, None, Leap::NewLine);
        assert!(!lies(&line, "9.2.7", "9.2.10") && lies(&line, "9.2.7", "9.3.0"));
        let major = note(None, None, Leap::NewMajor);
        assert!(!lies(&major, "9.2.7", "9.3.0") && lies(&major, "9.2.7", "10.0.2"));
    }
}
