//! What a feature line needs, how sure that is, and how a given version stands with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PageKind, Pattern};
use crate::facts::Engine;
use crate::version::Line;

/// How sure a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It follows from other facts.
    Inferred,
    /// Some of it is confirmed; the list may be incomplete.
    Partial,
    /// A vendor's page or repository says so. Only this may block.
    Confirmed,
}

/// A thing a release may or may not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Component {
    /// Java feature release: `17`.
    Java,
    /// Kind of database: the ids of [`Engine`].
    DatabaseEngine,
    /// PostgreSQL version.
    Postgresql,
    /// MySQL version.
    Mysql,
    /// MariaDB version.
    Mariadb,
    /// SQL Server version.
    SqlServer,
    /// Oracle Database version.
    Oracle,
    /// Operating system family, or distribution with version: `linux`, `debian 12`.
    OperatingSystem,
    /// Version of the MySQL JDBC driver.
    MysqlDriver,
    /// Engines whose JDBC driver comes with the program.
    BundledDriver,
    /// Character set of a MySQL schema.
    MysqlCharacterSet,
    /// `Server` or `Data Center`.
    LicenseType,
    /// How the database connection is configured: `jdbc` or `data-source`.
    DatabaseConnection,
    /// Releases from which the line can be upgraded to in one step.
    UpgradeFrom,
}

impl Component {
    /// Every component.
    pub const ALL: [Self; 14] = [
        Self::Java,
        Self::DatabaseEngine,
        Self::Postgresql,
        Self::Mysql,
        Self::Mariadb,
        Self::SqlServer,
        Self::Oracle,
        Self::OperatingSystem,
        Self::MysqlDriver,
        Self::BundledDriver,
        Self::MysqlCharacterSet,
        Self::LicenseType,
        Self::DatabaseConnection,
        Self::UpgradeFrom,
    ];

    /// The key under which the operator answers for it in `[requirements]`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::DatabaseEngine => "database-engine",
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::SqlServer => "sql-server",
            Self::Oracle => "oracle",
            Self::OperatingSystem => "operating-system",
            Self::MysqlDriver => "mysql-driver",
            Self::BundledDriver => "bundled-driver",
            Self::MysqlCharacterSet => "mysql-character-set",
            Self::LicenseType => "license-type",
            Self::DatabaseConnection => "database-connection",
            Self::UpgradeFrom => "upgrade-from",
        }
    }

    /// The component that holds the versions of a database engine; `None` for embedded ones.
    #[must_use]
    pub fn of_engine(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Postgresql => Some(Self::Postgresql),
            Engine::Mysql => Some(Self::Mysql),
            Engine::Mariadb => Some(Self::Mariadb),
            Engine::SqlServer => Some(Self::SqlServer),
            Engine::Oracle => Some(Self::Oracle),
            Engine::H2 | Engine::Hsqldb => None,
        }
    }

    /// The vendor page that lists what is supported.
    #[must_use]
    pub fn page(self) -> PageKind {
        match self {
            Self::MysqlDriver | Self::BundledDriver => PageKind::JdbcDrivers,
            Self::UpgradeFrom => PageKind::UpgradeMatrix,
            Self::Java
            | Self::DatabaseEngine
            | Self::Postgresql
            | Self::Mysql
            | Self::Mariadb
            | Self::SqlServer
            | Self::Oracle
            | Self::OperatingSystem
            | Self::MysqlCharacterSet
            | Self::LicenseType
            | Self::DatabaseConnection => PageKind::SupportedPlatforms,
        }
    }
}

/// One statement of the catalog on a component, for a range of feature lines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    pub(super) component: Component,
    /// First line it holds for.
    from: Line,
    /// Last line it holds for; absent when no end is known.
    to: Option<Line>,
    #[serde(default)]
    pub(super) supported: Vec<Pattern>,
    #[serde(default)]
    excluded: Vec<Pattern>,
    /// `supported` is the vendor's whole list: what is not on it is not supported.
    #[serde(default)]
    complete: bool,
    confidence: Confidence,
    source: String,
}

impl Requirement {
    pub(super) fn covers(&self, line: Line) -> bool {
        in_range(self.from, self.to, line)
    }
}

fn in_range(from: Line, to: Option<Line>, line: Line) -> bool {
    from <= line && to.is_none_or(|to| line <= to)
}

/// How a version stands with a feature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The answer.
    pub standing: Standing,
    /// How sure it is.
    pub confidence: Confidence,
    /// What is known to be supported, for the message.
    pub supported: Vec<String>,
    /// Where the answer comes from.
    pub source: String,
    /// The vendor page on it.
    pub page: Option<String>,
}

/// The answer of the catalog on one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is listed as supported.
    Supported,
    /// It is stated not to work or not to be accepted, or is missing from a list known to be whole.
    Excluded,
    /// It is not on the list, and the list may have gaps.
    NotListed,
    /// Nothing is known.
    Unknown,
}

impl Ruling {
    pub(super) fn of_catalog<'a>(
        requirements: impl Iterator<Item = &'a Requirement>,
        value: &str,
        page: Option<String>,
    ) -> Self {
        let mut ruling = Self {
            standing: Standing::Unknown,
            confidence: Confidence::Inferred,
            supported: Vec::new(),
            source: String::new(),
            page,
        };
        for requirement in requirements {
            for pattern in &requirement.supported {
                let text = pattern.to_string();
                if !ruling.supported.contains(&text) {
                    ruling.supported.push(text);
                }
            }
            let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(value));
            let standing = if matches(&requirement.excluded) {
                Standing::Excluded
            } else if matches(&requirement.supported) {
                Standing::Supported
            } else if requirement.complete {
                Standing::Excluded
            } else if requirement.supported.is_empty() {
                continue; // it names only what does not work, and this is something else
            } else {
                Standing::NotListed
            };
            if ruling.gives_way_to(standing, requirement.confidence) {
                ruling.standing = standing;
                ruling.confidence = requirement.confidence;
                ruling.source.clone_from(&requirement.source);
            }
        }
        ruling
    }

    /// A statement about the very version beats "not listed"; the surer one beats the less sure;
    /// among equally sure ones, "it does not work" beats "it works".
    fn gives_way_to(&self, standing: Standing, confidence: Confidence) -> bool {
        fn weight(standing: Standing, confidence: Confidence) -> (u8, Confidence, u8) {
            match standing {
                Standing::Unknown => (0, confidence, 0),
                Standing::NotListed => (1, confidence, 0),
                Standing::Supported => (2, confidence, 0),
                Standing::Excluded => (2, confidence, 1),
            }
        }
        weight(standing, confidence) > weight(self.standing, self.confidence)
    }

    pub(super) fn of_answer(answered: &[Pattern], value: &str, page: Option<String>) -> Self {
        let listed = answered.iter().any(|pattern| pattern.matches(value));
        Self {
            standing: if listed { Standing::Supported } else { Standing::Excluded },
            confidence: Confidence::Confirmed,
            supported: answered.iter().map(ToString::to_string).collect(),
            source: "[requirements] in the agent's configuration".to_owned(),
            page,
        }
    }
}

/// What a minimum is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum MinimumOf {
    /// Processor cores.
    Cpus,
    /// Physical memory of the host, in mebibytes.
    MemoryMib,
    /// Largest heap of the Java virtual machine, in mebibytes.
    HeapMib,
    /// Memory that must be free beside the heap, in mebibytes.
    FreeBesideHeapMib,
}

impl MinimumOf {
    /// The key under which the operator answers for it in `[requirements]`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Cpus => "cpus",
            Self::MemoryMib => "memory-mib",
            Self::HeapMib => "heap-mib",
            Self::FreeBesideHeapMib => "free-beside-heap-mib",
        }
    }
}

/// The least a range of feature lines needs of something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// Of what.
    pub of: MinimumOf,
    from: Line,
    to: Option<Line>,
    /// How much, in the unit of `of`.
    pub value: u64,
    /// How sure.
    pub confidence: Confidence,
    /// Where it comes from.
    pub source: String,
}

impl Minimum {
    pub(super) fn covers(&self, line: Line) -> bool {
        in_range(self.from, self.to, line)
    }
}

/// A setting a database engine must have for a range of feature lines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The engine.
    pub engine: Engine,
    /// Its name, as in [`crate::facts::Settings::values`].
    pub name: String,
    from: Line,
    to: Option<Line>,
    /// Values that are right, whatever their case; any of them.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// Words that must not be in a comma-separated value (`sql_mode`).
    #[serde(default)]
    pub without: Vec<String>,
    /// The least value that is right.
    pub at_least: Option<u64>,
    /// It matters only when another setting has one of the given values.
    pub only_when: Option<OtherSetting>,
    /// How sure.
    pub confidence: Confidence,
    /// What happens when it is wrong, as a sentence without its full stop.
    pub otherwise: String,
    /// How to set it: the statement or the line of the server's configuration.
    pub remedy: String,
    /// Where it comes from.
    pub source: String,
}

/// The other setting a [`Setting`] depends on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherSetting {
    /// Its name.
    pub name: String,
    /// Values, whatever their case, with which it matters.
    pub values: Vec<String>,
}

impl Setting {
    pub(super) fn covers(&self, line: Line) -> bool {
        in_range(self.from, self.to, line)
    }
}

/// The operator's own answers to what the catalog does not know for sure.
///
/// They stand in `[requirements."9.2"]` of the configuration and count as confirmed and complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Supported versions per line and component.
    pub supported: BTreeMap<(Line, Component), Vec<Pattern>>,
    /// Minimums per line.
    pub minimums: BTreeMap<(Line, MinimumOf), u64>,
}

impl Answers {
    pub(super) fn get(&self, line: Line, component: Component) -> Option<&[Pattern]> {
        self.supported.get(&(line, component)).map(Vec::as_slice)
    }

    pub(super) fn minimum(&self, of: MinimumOf, line: Line) -> Option<Minimum> {
        self.minimums.get(&(line, of)).map(|&value| Minimum {
            of,
            from: line,
            to: Some(line),
            value,
            confidence: Confidence::Confirmed,
            source: "[requirements] in the agent's configuration".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(toml: &str) -> Requirement {
        let head = "component = 'java'\nfrom = '9.0'\nto = '9.5'\nsource = 's'\n";
        toml::from_str(&format!("{head}{toml}")).unwrap()
    }

    fn stand(requirements: &[Requirement], value: &str) -> (Standing, Confidence) {
        let ruling = Ruling::of_catalog(requirements.iter(), value, None);
        (ruling.standing, ruling.confidence)
    }

    #[test]
    fn the_surest_statement_on_the_very_version_wins() {
        use Confidence::{Confirmed, Inferred, Partial};
        let requirements = [
            requirement("supported = ['17']\nexcluded = ['<=11']\nconfidence = 'confirmed'"),
            requirement("supported = ['21']\nconfidence = 'partial'"),
        ];
        assert_eq!(stand(&requirements, "17"), (Standing::Supported, Confirmed));
        assert_eq!(stand(&requirements, "21"), (Standing::Supported, Partial));
        assert_eq!(stand(&requirements, "11"), (Standing::Excluded, Confirmed));
        assert_eq!(stand(&requirements, "25"), (Standing::NotListed, Confirmed));
        assert_eq!(stand(&[], "25"), (Standing::Unknown, Inferred));

        let complete = [requirement("supported = ['8']\ncomplete = true\nconfidence = 'confirmed'")];
        assert_eq!(stand(&complete, "11"), (Standing::Excluded, Confirmed));

        let only_excluded = [requirement("excluded = ['11']\nconfidence = 'confirmed'")];
        assert_eq!(stand(&only_excluded, "17"), (Standing::Unknown, Inferred));
    }

    #[test]
    fn ranges_include_both_ends() {
        let requirement = requirement("supported = ['17']\nconfidence = 'confirmed'");
        let covered = |line: &str| requirement.covers(line.parse().unwrap());
        assert!(!covered("8.9") && covered("9.0") && covered("9.5") && !covered("9.6"));
    }

    #[test]
    fn every_component_is_named_once() {
        for component in Component::ALL {
            let name = toml::Value::try_from(component).unwrap();
            assert_eq!(name.as_str(), Some(component.id()));
        }
    }
}
