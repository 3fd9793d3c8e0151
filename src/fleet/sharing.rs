//! Which sources all nodes of a cluster share: the one table, with reasons.

use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{Backups, Database, Plugins, Rehearsal, Section, Source};

use super::key::fingerprint;
use crate::config::{Instance, StagingAt};

/// Whose facts a source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Each node has its own: its agent asks.
    OfNode(&'static str),
    /// All nodes have the same: one agent asks for all.
    OfAll(&'static str),
}

/// Whose facts a source tells, and why.
#[must_use]
pub fn sharing(source: Source) -> Sharing {
    use Sharing::{OfAll, OfNode};
    match source {
        Source::Host => OfNode("operating system, memory and the service's process are this machine's"),
        Source::Disk => {
            OfNode("every node has file systems of its own; what is mounted here may be missing there")
        }
        Source::Java => OfNode("every node has a Java and options of its own"),
        Source::Installation => OfNode("every node has an installation of its own, which may differ"),
        Source::Files => OfNode("a file may have been changed on one node only"),
        Source::License => OfNode("it is read from this node's own home, in moments"),
        Source::Application => OfNode(
            "whether this node lives, and its index, are its own; another one's good health says nothing of it",
        ),
        Source::Traffic => OfNode("every node has access logs of its own"),
        Source::Releases => OfNode("every agent keeps a catalog of its own, and asks for news once a day"),
        Source::Custom => OfNode("a probe may look at anything of this host"),
        Source::Database => OfAll("all nodes use one database; asking it once spares it work"),
        Source::Plugins => {
            OfAll("plug-ins are installed in the database, for all nodes; the marketplace is asked once")
        }
        Source::Backups => OfAll("there is one set of backups, and to read archives through takes hours"),
        Source::Rehearsal => OfAll("there is one staging instance"),
    }
}

/// Facts that all nodes share, as they are written for the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", content = "facts", rename_all = "kebab-case")]
pub(super) enum SharedFacts {
    Database(Box<Database>),
    Plugins(Plugins),
    Backups(Backups),
    Rehearsal(Rehearsal),
}

impl SharedFacts {
    /// `None` for facts of one node.
    pub(super) fn of(section: &Section) -> Option<Self> {
        match section {
            Section::Database(facts) => Some(Self::Database(facts.clone())),
            Section::Plugins(facts) => Some(Self::Plugins(facts.clone())),
            Section::Backups(facts) => Some(Self::Backups(facts.clone())),
            Section::Rehearsal(facts) => Some(Self::Rehearsal(facts.clone())),
            Section::Host(_)
            | Section::Disk(_)
            | Section::Java(_)
            | Section::Installation(_)
            | Section::Files(_)
            | Section::License(_)
            | Section::Application(_)
            | Section::Traffic(_)
            | Section::Releases(_)
            | Section::Custom(_) => None,
        }
    }

    pub(super) fn into_section(self) -> Section {
        match self {
            Self::Database(facts) => Section::Database(facts),
            Self::Plugins(facts) => Section::Plugins(facts),
            Self::Backups(facts) => Section::Backups(facts),
            Self::Rehearsal(facts) => Section::Rehearsal(facts),
        }
    }
}

/// What the configurations of two nodes must have in common for one to take the other's word. Where secrets are kept
/// may differ from node to node.
pub(super) fn fingerprint_of(instance: &Instance, source: Source) -> String {
    let mut parts = vec![instance.name.clone(), instance.product.id().to_owned(), source.id().to_owned()];
    match sharing(source) {
        Sharing::OfNode(_) => {}
        Sharing::OfAll(_) => match source {
            Source::Database => {
                let database = &instance.database;
                parts.push(format!("{:?} {:?}", database.url, database.username));
                parts.push(format!("{:?}", instance.home_dir));
            }
            Source::Plugins => {
                // The address of the node's own HTTP side may be another one on every node.
                parts.push(format!("{:?} {}", instance.marketplace, instance.http.is_some()));
                parts.push(format!("{:?}", instance.targets));
            }
            Source::Backups => parts.push(format!("{:?}", instance.backups)),
            Source::Rehearsal => {
                parts.push(match &instance.rehearsal {
                    None => String::new(),
                    Some(place) => match &place.at {
                        StagingAt::Http(http) => format!("{:?} {}", place.instance, http.base_url),
                        StagingAt::File(path) => format!("{:?} {}", place.instance, path.display()),
                    },
                });
            }
            Source::Host
            | Source::Disk
            | Source::Java
            | Source::Installation
            | Source::Files
            | Source::License
            | Source::Application
            | Source::Traffic
            | Source::Releases
            | Source::Custom => {}
        },
    }
    fingerprint(&parts)
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::golden::golden;

    use super::*;
    use crate::config::parse_config;

    #[test]
    fn every_shared_source_can_be_written_and_read_and_no_other() {
        let facts = golden().facts;
        let sections = [
            Section::Host(facts.host().unwrap().clone()),
            Section::License(facts.license().unwrap().clone()),
            Section::Application(facts.application().unwrap().clone()),
            Section::Database(Box::new(facts.database().unwrap().clone())),
            Section::Plugins(facts.plugins().unwrap().clone()),
            Section::Backups(facts.backups().unwrap().clone()),
            Section::Rehearsal(facts.rehearsal().unwrap().clone()),
        ];
        for section in sections {
            let shared = matches!(sharing(section.source()), Sharing::OfAll(_));
            let Some(facts) = SharedFacts::of(&section) else {
                assert!(!shared, "{}", section.source());
                continue;
            };
            assert!(shared, "{}", section.source());
            let json = serde_json::to_string(&facts).unwrap();
            let read: SharedFacts = serde_json::from_str(&json).unwrap();
            assert_eq!(read.into_section(), section);
        }
    }

    #[test]
    fn what_matters_changes_the_fingerprint_and_where_a_secret_is_does_not() {
        let of = |more: &str, source| {
            let head = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
            fingerprint_of(&parse_config(&format!("{head}{more}")).unwrap().instances[0], source)
        };
        let database = |url: &str, file: &str| {
            format!("[instance.database]\nurl = '{url}'\nusername = 'look'\npassword_file = '{file}'\n")
        };
        let (first, other) = ("jdbc:postgresql://db/wiki", "jdbc:postgresql://db/other");
        let known = of(&database(first, "/a"), Source::Database);
        assert_eq!(of(&database(first, "/b"), Source::Database), known);
        assert_ne!(of(&database(other, "/a"), Source::Database), known);
        assert_ne!(of(&database(first, "/a"), Source::Plugins), known);
        assert_ne!(of("targets = ['9.2.10']", Source::Plugins), of("targets = ['10.2.1']", Source::Plugins));
        assert_eq!(of("targets = ['9.2.10']", Source::Backups), of("targets = ['10.2.1']", Source::Backups));
    }
}
