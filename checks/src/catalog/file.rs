//! The form of `config/catalog/*.toml`, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;

use super::kernel;
use super::requirement::Requirement;
use super::{
    Answers, Catalog, Confidence, EndOfLife, JumpRule, Minimum, Note, PageKind, Platform, Release,
    RollingRule, Setting,
};
use crate::facts::Product;
use crate::version::{Line, ProductVersion};

/// Why a catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Its text does not have the form of a catalog.
    #[error("the catalog is not in the form this agent reads")]
    Form(#[from] toml::de::Error),
    /// A release is listed twice, or under a line it does not belong to.
    #[error("release {version} stands under line {line} and must stand once, under its own line")]
    Misplaced {
        /// The release.
        version: ProductVersion,
        /// The line it was found under.
        line: Line,
    },
    /// It has no release at all.
    #[error("the catalog names no release")]
    Empty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductFile {
    product: Product,
    collected_on: Date,
    #[serde(rename = "line")]
    lines: Vec<LineEntry>,
    #[serde(rename = "requirement", default)]
    requirements: Vec<Requirement>,
    #[serde(rename = "minimum", default)]
    minimums: Vec<Minimum>,
    #[serde(rename = "setting", default)]
    settings: Vec<Setting>,
    #[serde(rename = "jump", default)]
    jumps: Vec<JumpRule>,
    #[serde(default)]
    rolling: Vec<RollingRule>,
    #[serde(rename = "note", default)]
    notes: Vec<Note>,
    #[serde(rename = "page", default)]
    pages: Vec<PageEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineEntry {
    line: Line,
    #[serde(default)]
    long_term_support: bool,
    end_of_life: Option<Date>,
    end_of_life_confidence: Option<Confidence>,
    releases: Vec<ReleaseEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseEntry {
    version: ProductVersion,
    date: Option<Date>,
    build: Option<u32>,
    kernel: Option<ProductVersion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageEntry {
    kind: PageKind,
    line: Option<Line>,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlatformsFile {
    #[serde(rename = "collected_on")]
    _collected_on: Date,
    #[serde(rename = "platform")]
    platforms: Vec<Platform>,
}

pub(super) fn parse(product: &str, platforms: &str) -> Result<Catalog, CatalogError> {
    let catalog = parse_one(product, platforms)?;
    let kernel = match kernel::of(catalog.product) {
        Some(kernel) => Some(Arc::new(parse_one(super::embedded_text(kernel), platforms)?)),
        None => None,
    };
    Ok(Catalog { kernel, ..catalog })
}

/// Reads one catalog, without that of the kernel it is built on.
fn parse_one(product: &str, platforms: &str) -> Result<Catalog, CatalogError> {
    let file: ProductFile = toml::from_str(product)?;
    let platforms: PlatformsFile = toml::from_str(platforms)?;
    let mut seen = BTreeSet::new();
    let mut releases = Vec::new();
    for entry in file.lines {
        let end_of_life = entry.end_of_life.map(|on| EndOfLife {
            on,
            confidence: entry.end_of_life_confidence.unwrap_or(Confidence::Confirmed),
        });
        for release in entry.releases {
            let version = release.version;
            if version.line() != entry.line || !seen.insert(version.clone()) {
                return Err(CatalogError::Misplaced { version, line: entry.line });
            }
            releases.push(Release {
                version,
                released_on: release.date,
                build: release.build,
                kernel: release.kernel,
                long_term_support: entry.long_term_support,
                end_of_life,
            });
        }
    }
    if releases.is_empty() {
        return Err(CatalogError::Empty);
    }
    releases.sort_by(|a, b| a.version.cmp(&b.version));
    let pages: BTreeMap<_, _> =
        file.pages.into_iter().map(|page| ((page.kind, page.line), page.url)).collect();
    Ok(Catalog {
        product: file.product,
        collected_on: file.collected_on,
        releases,
        requirements: file.requirements,
        minimums: file.minimums,
        settings: file.settings,
        jumps: file.jumps,
        rolling: file.rolling,
        notes: file.notes,
        pages,
        platforms: platforms.platforms,
        answers: Answers::default(),
        kernel: None,
        digest: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLATFORMS: &str = "collected_on = '2026-11-20'\nplatform = []";

    fn parse_line(line: &str) -> Result<Catalog, CatalogError> {
        let text = format!("product = 'confluence'\ncollected_on = '2026-11-20'\n[[line]]\n{line}");
        parse(&text, PLATFORMS)
    }

    #[test]
    fn a_release_stands_once_under_its_own_line() {
        let good = "line = '9.2'\nreleases = [{ version = '9.2.1' }, { version = '9.2.0' }]";
        let catalog = parse_line(good).unwrap();
        assert_eq!(catalog.releases()[0].version.as_str(), "9.2.0");

        let twice = "line = '9.2'\nreleases = [{ version = '9.2' }, { version = '9.2.0' }]";
        assert!(matches!(parse_line(twice), Err(CatalogError::Misplaced { .. })));
        let foreign = "line = '9.2'\nreleases = [{ version = '9.3.0' }]";
        assert!(matches!(parse_line(foreign), Err(CatalogError::Misplaced { .. })));
        assert!(matches!(parse_line("line = '9.2'\nreleases = []"), Err(CatalogError::Empty)));
        let misspelt = "line = '9.2'\nreleases = []\nltss = true";
        assert!(matches!(parse_line(misspelt), Err(CatalogError::Form(_))));
    }
}
