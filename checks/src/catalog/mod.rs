//! What is known of a product's releases: dates, builds, ends of life, and what each needs.
//!
//! The data stands in `config/catalog/*.toml`, is embedded at build time and can be replaced by the
//! operator. This module reads it and answers questions; it knows nothing of instances.
//! Requirements carry their confidence. What the catalog does not know it does not guess:
//! [`Standing::Unknown`] is an answer.

mod file;
mod jump;
mod kernel;
mod lifecycle;
mod note;
mod pattern;
mod refresh;
mod requirement;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

pub use file::CatalogError;
pub use jump::{Ground, Jump, JumpResult, JumpRule, RollingRule, Step};
pub use lifecycle::{Cycle, Platform};
pub use note::{Condition, Leap, Note, Weight};
pub use pattern::Pattern;
pub use refresh::Refreshed;
pub use requirement::{Answers, Component, Confidence, Minimum, MinimumOf, Ruling, Setting, Standing};

use crate::facts::{Engine, Product};
use crate::version::{Line, ProductVersion};
use requirement::Requirement;

/// Confluence releases and what they need, as it was when the agent was built.
pub const CONFLUENCE: &str = include_str!("../../../config/catalog/confluence.toml");

/// Ends of life of Java, databases and operating systems, as they were when the agent was built.
pub const PLATFORMS: &str = include_str!("../../../config/catalog/platforms.toml");

/// A catalog of the embedded ones, by its file's name.
macro_rules! embedded {
    ($name:literal) => {
        include_str!(concat!("../../../config/catalog/", $name, ".toml"))
    };
}

/// The text of a product's catalog, as it was when the agent was built.
#[must_use]
pub fn embedded_text(product: Product) -> &'static str {
    match product {
        Product::Confluence => CONFLUENCE,
        Product::Wso2Carbon => embedded!("wso2-carbon"),
        Product::Wso2ApiManager => embedded!("wso2-api-manager"),
        Product::Wso2ApplicationServer => embedded!("wso2-application-server"),
        Product::Wso2BusinessProcessServer => embedded!("wso2-business-process-server"),
        Product::Wso2ComplexEventProcessor => embedded!("wso2-complex-event-processor"),
        Product::Wso2DataAnalyticsServer => embedded!("wso2-data-analytics-server"),
        Product::Wso2DataServicesServer => embedded!("wso2-data-services-server"),
        Product::Wso2EnterpriseIntegrator => embedded!("wso2-enterprise-integrator"),
        Product::Wso2EnterpriseMobilityManager => embedded!("wso2-enterprise-mobility-manager"),
        Product::Wso2EnterpriseServiceBus => embedded!("wso2-enterprise-service-bus"),
        Product::Wso2GovernanceRegistry => embedded!("wso2-governance-registry"),
        Product::Wso2IdentityServer => embedded!("wso2-identity-server"),
        Product::Wso2IotServer => embedded!("wso2-iot-server"),
        Product::Wso2MessageBroker => embedded!("wso2-message-broker"),
        Product::Wso2MicroIntegrator => embedded!("wso2-micro-integrator"),
    }
}

/// One release of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: ProductVersion,
    /// The day it was published; `None` when only its existence is known.
    pub released_on: Option<Date>,
    /// Its build number, when it is known.
    pub build: Option<u32>,
    /// The release of the Carbon kernel it is built on; `None` for other products and where it is not known.
    pub kernel: Option<ProductVersion>,
    /// It belongs to a long-term support line.
    pub long_term_support: bool,
    /// When the vendor's support of its line ends.
    pub end_of_life: Option<EndOfLife>,
}

/// When the vendor's support of a line ends, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndOfLife {
    /// The last day of support.
    pub on: Date,
    /// How sure.
    pub confidence: Confidence,
}

/// A vendor page and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageKind {
    /// Supported Java, databases and operating systems.
    SupportedPlatforms,
    /// Hardware requirements.
    HardwareRequirements,
    /// JDBC drivers.
    JdbcDrivers,
    /// Release notes.
    ReleaseNotes,
    /// Upgrade notes.
    UpgradeNotes,
    /// Policy on the end of support.
    EndOfLifePolicy,
    /// The vendor's tool that tells which releases can be upgraded to which.
    UpgradeMatrix,
    /// Where the upgrade notes of a line stand; `{line}` stands for the line.
    UpgradeNotesPattern,
    /// Setting up SQL Server.
    DatabaseSetupSqlserver,
    /// Setting up Oracle Database.
    DatabaseSetupOracle,
}

/// All that is known of one product's releases, and of the platforms they run on.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The product.
    pub product: Product,
    /// The day its content was last compared with the vendor's.
    pub collected_on: Date,
    /// Every release, oldest first.
    releases: Vec<Release>,
    requirements: Vec<Requirement>,
    minimums: Vec<Minimum>,
    settings: Vec<Setting>,
    jumps: Vec<JumpRule>,
    rolling: Vec<RollingRule>,
    notes: Vec<Note>,
    pages: BTreeMap<(PageKind, Option<Line>), String>,
    platforms: Vec<Platform>,
    answers: Answers,
    /// What is known of the kernel it is built on; `None` for the kernel itself and for products without one.
    kernel: Option<Arc<Self>>,
    /// Which catalog it is, when somebody said.
    digest: Option<String>,
}

impl Catalog {
    /// Reads a product's catalog and the platforms' ends of life.
    pub fn parse(product: &str, platforms: &str) -> Result<Self, CatalogError> {
        file::parse(product, platforms)
    }

    /// The catalog the agent was built with.
    ///
    /// # Panics
    ///
    /// Never: a test reads the embedded files.
    #[must_use]
    pub fn embedded(product: Product) -> Self {
        Self::parse(embedded_text(product), PLATFORMS).expect("the embedded catalog is read by a test")
    }

    /// The same catalog with the operator's own answers, which stand above what the catalog says.
    #[must_use]
    pub fn with_answers(mut self, answers: Answers) -> Self {
        self.answers = answers;
        self
    }

    /// The same catalog, known by a digest of what it was made of.
    #[must_use]
    pub fn identified(mut self, digest: String) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The digest of what it was made of, as in [`crate::facts::Releases::digest`]; `None` when nobody said.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The operator's own answers.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Every release, oldest first.
    #[must_use]
    pub fn releases(&self) -> &[Release] {
        &self.releases
    }

    /// A release by its version.
    #[must_use]
    pub fn release(&self, version: &ProductVersion) -> Option<&Release> {
        self.releases
            .binary_search_by(|release| release.version.cmp(version))
            .ok()
            .and_then(|index| self.releases.get(index))
    }

    /// The newest finished release.
    #[must_use]
    pub fn latest(&self) -> Option<&Release> {
        self.releases.iter().rfind(|release| release.version.is_release())
    }

    /// The newest finished release of a long-term support line.
    #[must_use]
    pub fn latest_long_term_support(&self) -> Option<&Release> {
        self.releases.iter().rfind(|release| release.version.is_release() && release.long_term_support)
    }

    /// The newest finished release of the feature line that follows the running one.
    #[must_use]
    pub fn next(&self, running: &ProductVersion) -> Option<&Release> {
        let released = || self.releases.iter().filter(|release| release.version.is_release());
        let line = released().map(|release| release.version.line()).find(|line| *line > running.line())?;
        released().rfind(|release| release.version.line() == line)
    }

    /// How a version of a component stands with a feature line.
    #[must_use]
    pub fn ruling(&self, component: Component, value: &str, line: Line) -> Ruling {
        let page = self.page(component.page(), line).map(ToOwned::to_owned);
        if let Some(answered) = self.answers.get(line, component) {
            return Ruling::of_answer(answered, value, page);
        }
        let relevant = self
            .requirements
            .iter()
            .filter(|requirement| requirement.component == component && requirement.covers(line));
        let ruling = Ruling::of_catalog(relevant, value, page);
        match self.of_kernel(line) {
            Some((kernel, of_kernel)) if ruling.standing == Standing::Unknown => {
                let by_kernel = kernel.ruling(component, value, of_kernel);
                Ruling { page: ruling.page.or(by_kernel.page), ..by_kernel }
            }
            Some(_) | None => ruling,
        }
    }

    /// Every version of a component that is said to work with some line, as it is written; ranges are left out.
    #[must_use]
    pub fn named_values(&self, component: Component) -> BTreeSet<String> {
        let listed = self.requirements.iter().filter(|requirement| requirement.component == component);
        let answered = self.answers.supported.iter().filter(|((_, answered), _)| *answered == component);
        let patterns = listed
            .flat_map(|requirement| &requirement.supported)
            .chain(answered.flat_map(|(_, patterns)| patterns));
        patterns.filter_map(Pattern::named).map(ToOwned::to_owned).collect()
    }

    /// What a feature line needs at least; the operator's answer where there is one.
    #[must_use]
    pub fn minimum(&self, of: MinimumOf, line: Line) -> Option<Minimum> {
        let of_product =
            || self.minimums.iter().find(|minimum| minimum.of == of && minimum.covers(line)).cloned();
        self.answers.minimum(of, line).or_else(of_product).or_else(|| {
            let (kernel, of_kernel) = self.of_kernel(line)?;
            kernel.minimum(of, of_kernel)
        })
    }

    /// Settings a database engine must have for a feature line.
    pub fn settings(&self, engine: Engine, line: Line) -> impl Iterator<Item = &Setting> {
        let of = move |setting: &&Setting, line| setting.engine == engine && setting.covers(line);
        let own = self.settings.iter().filter(move |setting| of(setting, line));
        let by_kernel = self.of_kernel(line).into_iter().flat_map(move |(kernel, of_kernel)| {
            kernel.settings.iter().filter(move |setting| of(setting, of_kernel))
        });
        own.chain(by_kernel)
    }

    /// The vendor's page on a subject: that of the line, else the general one.
    #[must_use]
    pub fn page(&self, kind: PageKind, line: Line) -> Option<&str> {
        self.pages.get(&(kind, Some(line))).or_else(|| self.pages.get(&(kind, None))).map(String::as_str)
    }

    /// A platform's release cycle by the platform's id (`postgresql`, `debian` …) and a version of it.
    #[must_use]
    pub fn cycle(&self, platform: &str, version: &str) -> Option<&Cycle> {
        self.platforms.iter().find(|known| known.id == platform)?.cycle(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ProductVersion {
        text.parse().unwrap()
    }

    #[test]
    fn the_embedded_catalog_can_be_read_and_is_whole() {
        let catalog = Catalog::embedded(Product::Confluence);
        assert!(catalog.releases().len() >= 416, "{}", catalog.releases().len());
        assert!(catalog.releases().is_sorted_by(|a, b| a.version < b.version));
        let release = catalog.release(&version("9.2.7")).unwrap();
        assert_eq!(release.build, Some(9111));
        assert!(release.long_term_support);
        assert_eq!(release.released_on, Some(jiff::civil::date(2025, 8, 5)));
    }

    #[test]
    fn every_product_has_a_catalog_of_its_own() {
        for product in Product::ALL {
            let catalog = Catalog::embedded(product);
            assert_eq!(catalog.product, product);
            assert!(!catalog.releases().is_empty(), "{product}");
            assert_eq!(Product::by_id(product.id()), Some(product));
        }
        let product = Catalog::embedded(Product::Wso2IdentityServer);
        let built_on = product.release(&version("5.10.0")).unwrap().kernel.clone();
        assert_eq!(built_on, Some(version("4.6.0")));
        let kernel = Catalog::embedded(Product::Wso2Carbon);
        assert!(kernel.release(&version("4.4.7")).is_some_and(|release| release.released_on.is_some()));
    }

    #[test]
    fn symbolic_releases_resolve() {
        let catalog = Catalog::embedded(Product::Confluence);
        assert_eq!(catalog.latest().unwrap().version, version("11.0.0"));
        assert_eq!(catalog.latest_long_term_support().unwrap().version.line(), "10.2".parse().unwrap());
        assert_eq!(catalog.next(&version("9.2.7")).unwrap().version.line(), "9.3".parse().unwrap());
        assert_eq!(catalog.next(&version("9.5.1")).unwrap().version.line(), "10.0".parse().unwrap());
        assert!(catalog.next(&version("11.0.0")).is_none());
    }
}
