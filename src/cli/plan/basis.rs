//! What a run book is made from: facts, and what they are judged by.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::Snapshot;
use upgrade_readiness_checks::model::{Plan, Policy, Requested, Target};
use upgrade_readiness_checks::plan::book::{self, Book};
use upgrade_readiness_checks::plan::offer::offer;
use upgrade_readiness_checks::plan::way::{Method, target_of};
use upgrade_readiness_checks::report::Judge;
use upgrade_readiness_checks::version::NotAVersion;

use crate::cli::ConfigArgs;
use crate::cli::judged::{self, Judged};
use crate::cli::output::{Output, advise};
use crate::config::Instance;
use crate::keeper::running_version;

/// A target as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Wanted {
    /// A version, or a word the catalog has an answer to.
    Requested(Requested),
    /// The release that `agent targets` recommends.
    Recommended,
}

impl Wanted {
    /// The target that was given, else the only one of the configuration.
    pub(super) fn or_only(given: Option<&Self>, configured: &[Requested]) -> anyhow::Result<Self> {
        match (given, configured) {
            (Some(given), _) => Ok(given.clone()),
            (None, [only]) => Ok(Self::Requested(only.clone())),
            (None, several) => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(advise(
                    anyhow::anyhow!("a run book leads to one release, and several are configured"),
                    format!("Name one with --target: {}, recommended.", several.join(", ")),
                ))
            }
        }
    }
}

impl FromStr for Wanted {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "recommended" => Ok(Self::Recommended),
            other => other.parse().map(Self::Requested),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(requested) => requested.fmt(f),
            Self::Recommended => f.write_str("recommended"),
        }
    }
}

/// Facts of one instance, and what they are judged by.
pub(in crate::cli) struct Basis {
    pub(in crate::cli) snapshot: Snapshot,
    pub(in crate::cli) catalog: Arc<Catalog>,
    pub(in crate::cli) targets: Vec<Requested>,
    pub(in crate::cli) policy: Policy,
    pub(in crate::cli) plan: Plan,
}

impl Basis {
    /// The facts that are wanted, from a file or from a look of now.
    pub(super) fn open(
        facts: Option<&Path>,
        instance: Option<&str>,
        wanted: Option<&Wanted>,
        config: &ConfigArgs,
        output: &mut Output,
    ) -> anyhow::Result<Self> {
        let targets = match wanted {
            Some(Wanted::Requested(requested)) => vec![requested.clone()],
            Some(Wanted::Recommended) | None => Vec::new(),
        };
        let judged = Judged::open(judged::Wanted { facts, instance, targets: &targets, config }, output)?;
        let Judged { snapshot, catalog, targets, policy, plan } = judged;
        Ok(Self { snapshot, catalog, targets, policy, plan })
    }

    /// Facts, judged by what the configuration says of the instance.
    pub(in crate::cli) fn of(snapshot: Snapshot, catalog: Arc<Catalog>, instance: &Instance) -> Self {
        Self {
            snapshot,
            catalog,
            targets: instance.targets.clone(),
            policy: instance.policy.clone(),
            plan: instance.plan.clone(),
        }
    }

    /// The release a wanted target stands for.
    pub(in crate::cli) fn target(&self, wanted: &Wanted) -> anyhow::Result<Target> {
        let advice = "Name a version with --target, such as 10.2.14.";
        match wanted {
            Wanted::Requested(requested) => {
                let running = running_version(&self.snapshot);
                Target::resolve(requested, &self.catalog, running.as_ref())
                    .map_err(|error| advise(error, advice))
            }
            Wanted::Recommended => {
                let offer = offer(self.judge(), &self.snapshot)
                    .context("no release can be recommended")
                    .map_err(|error| advise(error, advice))?;
                let recommended = offer.recommendation.version.ok_or_else(|| {
                    let why = offer.recommendation.reasons.join("; ");
                    advise(anyhow::anyhow!("no release can be recommended: {why}"), advice)
                })?;
                Ok(target_of(&self.catalog, &recommended))
            }
        }
    }

    /// The run book to a target.
    pub(in crate::cli) fn book(&self, target: &Target, method: Option<Method>) -> anyhow::Result<Book> {
        book::make(self.judge(), &self.snapshot, target, method)
            .with_context(|| format!("a run book for {} cannot be made", self.snapshot.instance))
            .map_err(|error| {
                advise(error, "`agent status` shows what cannot be read, and what to do about it.")
            })
    }

    /// A moment later than that of the facts would find them stale.
    fn judge(&self) -> Judge<'_> {
        let Self { snapshot, catalog, policy, plan, .. } = self;
        Judge { catalog, policy, plan, now: snapshot.taken_at }
    }
}
