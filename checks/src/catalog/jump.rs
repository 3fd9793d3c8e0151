//! Which jumps from one release to another the vendor allows, which it refuses, and which keep running.
//!
//! The lowest build a release upgrades from is a constant in it that no public page lists, so many jumps
//! are simply not known; [`Jump::NotKnown`] is an answer.

use serde::Deserialize;

use super::{Catalog, Component, Confidence, PageKind, Release};
use crate::version::ProductVersion;

/// More stops than any way between two releases needs.
const MOST_STOPS: usize = 20;

/// How far it is from one release to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The other release is older.
    Older,
    /// It is the same.
    Same,
    /// A newer bug-fix release of the same feature line.
    SameLine,
    /// The very next feature line of the same major.
    NextLine,
    /// A later feature line of the same major.
    FurtherLine,
    /// Another major: what the vendor calls a platform release.
    NewMajor,
}

impl Step {
    /// How far it is.
    #[must_use]
    pub fn between(from: &ProductVersion, to: &ProductVersion) -> Self {
        let (old, new) = (from.line(), to.line());
        if to < from {
            Self::Older
        } else if to == from {
            Self::Same
        } else if old == new {
            Self::SameLine
        } else if old.major != new.major {
            Self::NewMajor
        } else if new.minor == old.minor + 1 {
            Self::NextLine
        } else {
            Self::FurtherLine
        }
    }
}

/// The releases a rule is about; what is absent does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    /// The source is this release or newer.
    from: Option<ProductVersion>,
    /// The source is older than this release.
    from_below: Option<ProductVersion>,
    /// The target is this release or newer.
    to: Option<ProductVersion>,
    /// The target is older than this release.
    to_below: Option<ProductVersion>,
    /// How far it is; any of them.
    #[serde(default)]
    steps: Vec<Step>,
}

impl Between {
    fn covers(&self, from: &ProductVersion, to: &ProductVersion) -> bool {
        self.from.as_ref().is_none_or(|least| from >= least)
            && self.from_below.as_ref().is_none_or(|end| from < end)
            && self.to.as_ref().is_none_or(|least| to >= least)
            && self.to_below.as_ref().is_none_or(|end| to < end)
            && (self.steps.is_empty() || self.steps.contains(&Step::between(from, to)))
    }
}

/// What the catalog says of a range of jumps: one `[[jump]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JumpRule {
    /// Its name in the catalog.
    pub id: String,
    when: Between,
    /// What holds for them.
    pub result: JumpResult,
    /// How sure.
    pub confidence: Confidence,
    /// Why, as a sentence without its full stop.
    pub because: String,
    /// The vendor's page.
    pub page: Option<String>,
    /// Where it comes from when no page of the vendor says it.
    pub source: Option<String>,
}

/// What a rule on jumps says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JumpResult {
    /// In one step.
    Direct,
    /// Not in one step.
    Refused,
}

/// Whether one release can be upgraded to another in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jump {
    /// It can.
    Direct(Ground),
    /// It cannot.
    Refused(Ground),
    /// Nobody says; the page to look at.
    NotKnown(Option<String>),
}

/// On what ground a jump is allowed or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// How sure.
    pub confidence: Confidence,
    /// Why, as a sentence without its full stop.
    pub because: String,
    /// The page that says so, or where else it comes from.
    pub page: Option<String>,
}

/// Whether a range of jumps can be made node by node while the site stays up: one `[[rolling]]`.
///
/// Only Data Center has it, with two or more nodes, in upgrade mode:
/// <https://confluence.atlassian.com/doc/upgrade-confluence-without-downtime-1027127923.html>.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollingRule {
    /// Its name in the catalog.
    pub id: String,
    when: Between,
    /// Whether it can.
    pub possible: bool,
    /// The fewest nodes with which it can.
    pub least_nodes: u64,
    /// How sure.
    pub confidence: Confidence,
    /// Why, as a sentence without its full stop.
    pub because: String,
    /// The vendor's page.
    pub page: String,
}

impl Catalog {
    /// Whether one release can be upgraded to another in one step.
    ///
    /// The operator's answer (`upgrade-from` of the target's line) stands above what the catalog says; it is
    /// about the way into the line; about bug-fix releases inside it only where the catalog has no rule for them.
    #[must_use]
    pub fn jump(&self, from: &ProductVersion, to: &ProductVersion) -> Jump {
        let page = self.page(PageKind::UpgradeMatrix, to.line()).map(ToOwned::to_owned);
        let rules = || self.jumps.iter().filter(|rule| rule.when.covers(from, to));
        let asked = from.line() != to.line() || rules().next().is_none();
        if asked
            && from < to
            && let Some(answered) = self.answers.get(to.line(), Component::UpgradeFrom)
        {
            let list: Vec<String> = answered.iter().map(ToString::to_string).collect();
            let ground = Ground {
                confidence: Confidence::Confirmed,
                because: format!(
                    "{} upgrade-from in the agent's configuration lists {}",
                    self.answer_key(to.line()),
                    list.join(", ")
                ),
                page,
            };
            let listed = answered.iter().any(|pattern| pattern.matches(from.as_str()));
            return if listed { Jump::Direct(ground) } else { Jump::Refused(ground) };
        }
        // The surest rule counts; among equally sure ones, a refusal.
        let rule = rules().max_by_key(|rule| (rule.confidence, rule.result == JumpResult::Refused));
        let Some(rule) = rule else { return Jump::NotKnown(page) };
        let ground = Ground {
            confidence: rule.confidence,
            because: rule.because.clone(),
            page: rule.page.clone().or_else(|| rule.source.clone()),
        };
        match rule.result {
            JumpResult::Direct => Jump::Direct(ground),
            JumpResult::Refused => Jump::Refused(ground),
        }
    }

    /// The releases to stop at on the way, when each step of it is known to be allowed; `None` when no such way
    /// is known. Each stop is the newest allowed one, of a long-term support line where there is one.
    #[must_use]
    pub fn stops(&self, from: &ProductVersion, to: &ProductVersion) -> Option<Vec<&Release>> {
        let direct = |from: &ProductVersion, to: &ProductVersion| {
            matches!(self.jump(from, to), Jump::Direct(Ground { confidence: Confidence::Confirmed, .. }))
        };
        let mut stops: Vec<&Release> = Vec::new();
        for _ in 0..=MOST_STOPS {
            let here = stops.last().map_or(from, |stop| &stop.version);
            if direct(here, to) {
                return Some(stops);
            }
            let next = self
                .releases
                .iter()
                .filter(|release| release.version.is_release())
                .filter(|release| *here < release.version && release.version < *to)
                // Other bug-fix releases of the same line lead nowhere new.
                .filter(|release| release.version.line() != here.line())
                .filter(|release| direct(here, &release.version))
                .max_by_key(|release| (release.long_term_support, &release.version))?;
            stops.push(next);
        }
        None
    }

    /// What is known of making a jump while the site stays up.
    #[must_use]
    pub fn rolling(&self, from: &ProductVersion, to: &ProductVersion) -> Option<&RollingRule> {
        self.rolling.iter().find(|rule| rule.when.covers(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Answers, PLATFORMS};
    use crate::facts::{Family, Product};

    fn version(text: &str) -> ProductVersion {
        text.parse().unwrap()
    }

    fn embedded() -> Catalog {
        Catalog::embedded(Product::Confluence)
    }

    #[test]
    fn steps_follow_the_order_of_lines() {
        let rows = [
            ("9.2.10", "9.2.9", Step::Older),
            ("8.5", "8.5.0", Step::Same),
            ("9.2.9", "9.2.10", Step::SameLine),
            ("9.2.10", "9.3.0", Step::NextLine),
            ("9.2.10", "9.4.0", Step::FurtherLine),
            ("9.2.10", "10.0.2", Step::NewMajor),
            ("9.2.10", "10.2.0", Step::NewMajor),
            ("9.2.10", "8.9.9", Step::Older),
        ];
        for (from, to, step) in rows {
            assert_eq!(Step::between(&version(from), &version(to)), step, "{from} {to}");
        }
    }

    #[test]
    fn only_what_the_vendor_says_is_allowed() {
        let catalog = embedded();
        let sure = |from, to| match catalog.jump(&version(from), &version(to)) {
            Jump::Direct(ground) => format!("direct {:?}", ground.confidence),
            Jump::Refused(ground) => format!("refused {:?}", ground.confidence),
            Jump::NotKnown(page) => {
                assert!(page.unwrap().contains("upgrade-matrix"));
                "not known".to_owned()
            }
        };
        assert_eq!(sure("9.2.7", "9.2.10"), "direct Confirmed");
        assert_eq!(sure("6.13.1", "6.13.2"), "direct Confirmed");
        assert_eq!(sure("9.2.7", "9.3.0"), "direct Confirmed");
        assert_eq!(sure("7.13.1", "7.14.0"), "not known");
        assert_eq!(sure("9.2.7", "9.4.0"), "not known");
        assert_eq!(sure("9.2.7", "10.2.1"), "not known");
        assert_eq!(sure("6.4.0", "7.4.3"), "direct Partial");
        assert_eq!(sure("3.5.1", "4.0.0"), "direct Partial");
        assert_eq!(sure("9.2.7", "9.2.6"), "refused Confirmed");
    }

    #[test]
    fn of_carbon_only_the_jumps_of_the_guides_are_known() {
        let kernel = Catalog::embedded(Product::Wso2Carbon);
        let sure = |catalog: &Catalog, from, to| match catalog.jump(&version(from), &version(to)) {
            Jump::Direct(Ground { confidence: Confidence::Confirmed, .. }) => "direct",
            Jump::Direct(_) => "perhaps",
            Jump::Refused(_) => "refused",
            Jump::NotKnown(_) => "not known",
        };
        let rows = [
            ("4.4.6", "4.4.7", "direct"),
            ("4.4.1", "4.4.2", "direct"),
            ("4.4.5", "4.4.7", "not known"),
            ("4.4.6", "4.4.8", "not known"),
            ("4.4.7", "4.4.8", "not known"),
            ("4.4.40", "4.5.0", "not known"),
            ("4.4.7", "4.4.6", "refused"),
        ];
        for (from, to, expected) in rows {
            assert_eq!(sure(&kernel, from, to), expected, "{from} {to}");
        }
        let products = Product::ALL.into_iter().filter(|product| product.family() == Family::Carbon);
        for product in products {
            assert_eq!(sure(&Catalog::embedded(product), "5.2.0", "5.1.0"), "refused", "{product}");
        }
        // Where the catalog is silent the answer counts inside a line too.
        let mut answers = Answers::default();
        answers
            .supported
            .insert(("4.4".parse().unwrap(), Component::UpgradeFrom), vec![">=4.4.5".parse().unwrap()]);
        let answered = kernel.with_answers(answers);
        assert_eq!(sure(&answered, "4.4.7", "4.4.8"), "direct");
        assert_eq!(sure(&answered, "4.4.1", "4.4.8"), "refused");
        assert_eq!(sure(&answered, "4.4.1", "4.4.2"), "direct");
        assert_eq!(sure(&answered, "4.4.8", "4.4.7"), "refused");
        match answered.jump(&version("4.4.7"), &version("4.4.8")) {
            Jump::Direct(ground) => assert!(ground.because.starts_with("[requirements.\"wso2-carbon 4.4\"]")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_operators_answer_stands_above_the_catalog() {
        let mut answers = Answers::default();
        let line = "10.2".parse().unwrap();
        answers.supported.insert((line, Component::UpgradeFrom), vec![">=8.5".parse().unwrap()]);
        let catalog = embedded().with_answers(answers);
        assert!(matches!(catalog.jump(&version("8.5.4"), &version("10.2.1")), Jump::Direct(_)));
        assert!(matches!(catalog.jump(&version("7.19.1"), &version("10.2.1")), Jump::Refused(_)));
        assert!(matches!(catalog.jump(&version("10.2.0"), &version("10.2.1")), Jump::Direct(_)));
        assert!(matches!(catalog.jump(&version("10.2.1"), &version("10.2.0")), Jump::Refused(_)));
    }

    const SMALL: &str = "product = 'confluence'\ncollected_on = '2026-11-20'\n\
        [[line]]\nline = '7.4'\nlong_term_support = true\nreleases = [{ version = '7.4.1' }, { version = '7.4.9' }]\n\
        [[line]]\nline = '7.19'\nlong_term_support = true\nreleases = [{ version = '7.19.0' }, { version = '7.19.8' }]\n\
        [[line]]\nline = '7.20'\nreleases = [{ version = '7.20.0' }]\n\
        [[line]]\nline = '8.5'\nlong_term_support = true\nreleases = [{ version = '8.5.4' }, { version = '8.5.9-rc1' }]\n\
        [[line]]\nline = '10.2'\nreleases = [{ version = '10.2.0' }]\n";

    fn small(rules: &str) -> Catalog {
        Catalog::parse(&format!("{SMALL}{rules}"), PLATFORMS).unwrap()
    }

    fn rule(id: &str, when: &str, result: &str) -> String {
        format!(
            "[[jump]]\nid = '{id}'\nwhen = {{ {when} }}\nresult = '{result}'\nconfidence = 'confirmed'\nbecause = 'b'\n"
        )
    }

    #[test]
    fn stops_are_the_newest_allowed_ones_and_long_term_support_first() {
        let rules = rule("a", "from = '7.0', to_below = '8.0'", "direct")
            + &rule("b", "from = '7.19', to_below = '9.0'", "direct")
            + &rule("c", "from = '8.5', to = '10.0'", "direct")
            + &rule("d", "from_below = '8.5', to = '10.0'", "refused");
        let catalog = small(&rules);
        let names = |from, to| {
            let stops = catalog.stops(&version(from), &version(to))?;
            Some(stops.iter().map(|stop| stop.version.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(names("7.4.1", "10.2.0"), Some(vec!["7.19.8".into(), "8.5.4".into()]));
        assert_eq!(names("7.20.0", "10.2.0"), Some(vec!["8.5.4".into()]));
        assert_eq!(names("8.5.4", "10.2.0"), Some(Vec::new()));
        assert_eq!(names("6.0.1", "10.2.0"), None);
    }

    #[test]
    fn rolling_upgrades_follow_the_vendors_table() {
        let catalog = embedded();
        let rows = [
            ("7.8.1", "7.8.3", Some(false)),
            ("7.12.0", "7.12.2", Some(true)),
            ("7.12.0", "7.13.0", Some(false)),
            ("7.13.1", "8.0.0", Some(false)),
            ("7.14.0", "7.14.2", Some(true)),
            ("7.14.2", "7.15.0", Some(true)),
            ("7.14.2", "7.17.0", Some(false)),
            ("7.20.0", "8.0.0", Some(false)),
            ("9.2.7", "9.2.10", Some(true)),
            ("9.2.7", "10.2.1", Some(false)),
            ("9.2.7", "9.2.7", None),
            ("9.2.7", "9.2.6", None),
        ];
        for (from, to, possible) in rows {
            let rule = catalog.rolling(&version(from), &version(to));
            assert_eq!(rule.map(|rule| rule.possible), possible, "{from} {to}");
        }
    }
}
