//! The releases the plug-ins are asked about: the targets, and what else could be chosen.

use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::plan::offer::OfferedRelease;
use upgrade_readiness_checks::version::ProductVersion;

use crate::board::Offering;
use crate::collect::targets::{TargetBuild, Wanted};

/// No more releases than these are asked about beside the targets.
const MOST_CHOICES: usize = 12;

/// Of no more recommended releases the instance is asked itself, before the catalog learns of others.
const MOST_RECOMMENDED: usize = 4;

/// What was recommended since the catalog changed last.
///
/// The instance's answer about a release may be why another one is recommended then. Were it not asked any more, the
/// first would be recommended again, and so to and fro.
#[derive(Debug, Default)]
pub(super) struct Recommended {
    versions: Vec<ProductVersion>,
    /// The newest release when they were: with another one the list begins anew.
    newest: Option<ProductVersion>,
}

impl Recommended {
    pub(super) fn note(&mut self, catalog: &Catalog, offering: &Offering) {
        let newest = catalog.latest().map(|release| &release.version);
        if self.newest.as_ref() != newest {
            *self = Self { versions: Vec::new(), newest: newest.cloned() };
        }
        if let Ok(version) = offering.recommended()
            && self.versions.len() < MOST_RECOMMENDED
            && !self.versions.contains(version)
        {
            self.versions.push(version.clone());
        }
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = &ProductVersion> {
        self.versions.iter()
    }
}

/// The releases to ask about: those that are wanted, in their order, then the newest of each line that could be
/// chosen, long-term support first.
pub fn builds<'a>(
    wanted: impl Iterator<Item = &'a ProductVersion>,
    offering: &Offering,
    catalog: &Catalog,
) -> Vec<TargetBuild> {
    let mut builds: Vec<TargetBuild> = Vec::new();
    let mut add = |version: &ProductVersion, wanted: Wanted| {
        if builds.iter().any(|known| known.version == *version) {
            return false;
        }
        let build = catalog.release(version).and_then(|release| release.build);
        builds.push(TargetBuild { version: version.clone(), build, wanted });
        true
    };
    for version in wanted {
        add(version, Wanted::Target);
    }
    let Offering::Judged(offer) = offering else { return builds };
    let mut choices: Vec<&OfferedRelease> = offer.newest_of_lines().collect();
    choices.sort_by_key(|release| !release.long_term_support);
    choices
        .into_iter()
        .filter(|release| add(&release.version, Wanted::Choice))
        .take(MOST_CHOICES)
        .for_each(drop);
    builds
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use upgrade_readiness_checks::facts::{Field, Missing, Reading, Source};
    use upgrade_readiness_checks::golden::{Golden, golden};
    use upgrade_readiness_checks::plan::offer::{Recommendation, offer};
    use upgrade_readiness_checks::report::Judge;

    use super::*;

    fn offering(golden: &Golden, running: &str) -> Offering {
        let Golden { facts, catalog, policy, plan, now, .. } = golden;
        let mut facts = facts.clone();
        if let Reading::Learned(learned) = &mut facts.installation {
            learned.facts.version = Field::Read(running.parse().unwrap());
        }
        Offering::Judged(Arc::new(offer(Judge { catalog, policy, plan, now: *now }, &facts).unwrap()))
    }

    #[test]
    fn targets_come_first_and_what_could_be_chosen_is_bounded() {
        let golden = golden();
        let targets: Vec<ProductVersion> = ["9.2.10", "8.5.30"].map(|text| text.parse().unwrap()).into();
        let builds = builds(targets.iter(), &offering(&golden, "5.7"), &golden.catalog);
        let (wanted, choices) = builds.split_at(2);
        assert!(wanted.iter().all(|build| build.wanted == Wanted::Target));
        assert_eq!(wanted[0].version, targets[0]);
        assert!(choices.iter().all(|build| build.wanted == Wanted::Choice));
        assert_eq!(choices.len(), MOST_CHOICES);
        let lines: std::collections::BTreeSet<_> = choices.iter().map(|build| build.version.line()).collect();
        assert_eq!(lines.len(), MOST_CHOICES, "one of each line");
        let long_term = |build: &TargetBuild| {
            golden.catalog.release(&build.version).is_some_and(|release| release.long_term_support)
        };
        assert!(choices.is_sorted_by_key(|build| !long_term(build)), "{choices:?}");
    }

    #[test]
    fn of_an_instance_nobody_knows_only_the_targets_are_asked_about() {
        let golden = golden();
        let target: ProductVersion = "9.2.10".parse().unwrap();
        for offering in [Offering::NotJudged, Offering::Unknown(Missing::Off { of: Source::Installation })] {
            assert_eq!(builds([&target].into_iter(), &offering, &golden.catalog).len(), 1);
        }
    }

    #[test]
    fn what_was_recommended_is_asked_about_until_the_catalog_knows_others() {
        let golden = golden();
        let Offering::Judged(offer) = offering(&golden, "9.2.7") else { panic!("it is judged") };
        let choose = |version: &str| {
            let recommendation =
                Recommendation { version: Some(version.parse().unwrap()), ..Recommendation::default() };
            let offer = upgrade_readiness_checks::plan::offer::Offer { recommendation, ..(*offer).clone() };
            Offering::Judged(Arc::new(offer))
        };
        let mut recommended = Recommended::default();
        for version in ["10.2.1", "10.2.2", "10.2.1", "10.2.3", "10.2.4", "10.2.5"] {
            recommended.note(&golden.catalog, &choose(version));
        }
        let names: Vec<&str> = recommended.versions().map(ProductVersion::as_str).collect();
        assert_eq!(names, ["10.2.1", "10.2.2", "10.2.3", "10.2.4"]);
        let other = Catalog::parse(
            "product = 'confluence'\ncollected_on = '2025-11-20'\n[[line]]\nline = '9.2'\nreleases = [{ version = '9.2.10' }]\n",
            upgrade_readiness_checks::catalog::PLATFORMS,
        );
        recommended.note(&other.unwrap(), &choose("9.2.10"));
        assert_eq!(recommended.versions().count(), 1);
    }
}
