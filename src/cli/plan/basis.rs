//! What a run book is made from: facts, and what they are judged by.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::Snapshot;
use upgrade_readiness_checks::model::{Plan, Policy, Requested, Target};
use upgrade_readiness_checks::plan::book::{self, Book};
use upgrade_readiness_checks::plan::way::Method;
use upgrade_readiness_checks::report::Judge;

use crate::board::Offering;
use crate::cli::ConfigArgs;
use crate::cli::judged::{Judged, Wanted};
use crate::cli::output::{Output, advise};
use crate::config::Instance;
use crate::keeper::{judge_offering, running_version};

/// The target that was given, else the only one of the configuration.
pub(super) fn given_or_only(
    given: Option<&Requested>,
    configured: &[Requested],
) -> anyhow::Result<Requested> {
    match (given, configured) {
        (Some(given), _) => Ok(given.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(advise(
                anyhow::anyhow!("a run book leads to one release, and several are configured"),
                format!("Name one with --target: {}, recommended.", several.join(", ")),
            ))
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
        target: Option<&Requested>,
        config: &ConfigArgs,
        output: &mut Output,
    ) -> anyhow::Result<Self> {
        let targets = target.map(std::slice::from_ref).unwrap_or_default();
        let judged = Judged::open(Wanted { facts, instance, targets, config }, output)?;
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
    pub(in crate::cli) fn target(&self, requested: &Requested) -> anyhow::Result<Target> {
        let Self { snapshot, catalog, policy, plan, .. } = self;
        let offering = match requested {
            Requested::Recommended => judge_offering(snapshot, catalog, policy, plan),
            Requested::Version(_)
            | Requested::Latest
            | Requested::LatestLongTermSupport
            | Requested::Next => Offering::NotJudged,
        };
        let recommended = offering.recommended();
        let recommended = recommended.as_ref().copied().map_err(String::as_str);
        Target::resolve(requested, catalog, running_version(snapshot).as_ref(), recommended)
            .map_err(|error| advise(error, "Name a version with --target, such as 10.2.14."))
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
