//! Facts and all they are judged by, for every command that judges: from a look at the instance, or from a file.

use std::path::Path;
use std::sync::Arc;

use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::dossier::{Brief, CatalogIdentity, Dossier};
use upgrade_readiness_checks::facts::{Refresh, Snapshot};
use upgrade_readiness_checks::model::{Plan, Policy, Requested};

use super::ConfigArgs;
use super::dossier::{Taken, read_dossier};
use super::output::Output;
use super::recall::recall;
use super::run::block_on;
use super::snapshot::{catalog_of, choose_instance, look_once};
use crate::board::{Grounds, InstanceState, Offering};
use crate::catalog_in_use::digest_of;
use crate::config::LoadedCatalog;
use crate::keeper::{History, Judging, judge_instance, judge_offering};
use crate::surface::status::printable;

/// Which facts are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The file they stand in; without it they are taken now.
    pub(super) facts: Option<&'a Path>,
    /// The instance that is looked at; may be left out when there is only one.
    pub(super) instance: Option<&'a str>,
    /// Releases to judge; when empty, those the facts come with.
    pub(super) targets: &'a [Requested],
    /// Where the configuration is.
    pub(super) config: &'a ConfigArgs,
}

/// Facts, and what they are judged by.
#[derive(Debug)]
pub(super) struct Judged {
    /// The facts, with what is remembered of the instance.
    pub(super) snapshot: Snapshot,
    /// What is known of releases.
    pub(super) catalog: Arc<Catalog>,
    /// The releases to judge.
    pub(super) targets: Vec<Requested>,
    /// The operator's limits.
    pub(super) policy: Policy,
    /// What is planned.
    pub(super) plan: Plan,
}

impl Judged {
    /// Takes the facts, or reads them; says on standard error what may make them be judged otherwise.
    pub(super) fn open(wanted: Wanted<'_>, output: &mut Output) -> anyhow::Result<Self> {
        let mut judged = match wanted.facts {
            Some(path) => Self::from_file(path, wanted.config, output)?,
            None => Self::from_instance(wanted, output)?,
        };
        if !wanted.targets.is_empty() {
            judged.targets = wanted.targets.to_vec();
        }
        Ok(judged)
    }

    /// What is recommended, when one of the targets asks for it: judging every release takes its time.
    pub(super) fn offering(&self) -> Offering {
        if self.targets.contains(&Requested::Recommended) {
            judge_offering(&self.snapshot, &self.catalog, &self.policy, &self.plan)
        } else {
            Offering::NotJudged
        }
    }

    /// What is said of every target at the time the facts were taken, and what they can be upgraded to.
    pub(super) fn state(self, offering: &Offering) -> InstanceState {
        let Self { snapshot, catalog, targets, policy, plan } = self;
        let grounds = Arc::new(Grounds { catalog, policy, plan });
        let judging =
            Judging { grounds: &grounds, targets: &targets, offering, now: snapshot.taken_at, ahead: false };
        judge_instance(&judging, &Arc::new(snapshot), &mut History::default())
    }

    fn from_file(path: &Path, config: &ConfigArgs, output: &mut Output) -> anyhow::Result<Self> {
        match read_dossier(path)? {
            Taken::Dossier(dossier) => Self::from_dossier(*dossier, config, output),
            Taken::Facts(facts) => Self::from_facts(*facts, config),
        }
    }

    fn from_instance(wanted: Wanted<'_>, output: &mut Output) -> anyhow::Result<Self> {
        let config = wanted.config.read()?;
        let instance = choose_instance(&config, wanted.instance)?;
        let mut asked = (*instance).clone();
        if !wanted.targets.is_empty() {
            asked.targets = wanted.targets.to_vec();
        }
        let mut looked = block_on(look_once(&config, &Arc::new(asked)))??;
        recall(&config, &mut looked.snapshot, output)?;
        Ok(Self {
            snapshot: looked.snapshot,
            catalog: looked.catalog,
            targets: instance.targets.clone(),
            policy: instance.policy.clone(),
            plan: instance.plan.clone(),
        })
    }

    /// Nothing of this machine counts but the catalogs it has.
    fn from_dossier(dossier: Dossier, config: &ConfigArgs, output: &mut Output) -> anyhow::Result<Self> {
        let Dossier { format_version: _, agent, catalog: identity, brief, learned, facts } = dossier;
        let Brief { targets, policy, plan, answers } = brief;
        let learned = learned.unwrap_or_else(|| Refresh::empty(facts.product));
        let base = Base::of(&identity, &learned, config)?;
        if let Some(note) = base.note(&identity, &agent) {
            output.note(&note);
        }
        let catalog = Catalog::clone(&base.loaded.catalog).refreshed(&learned).catalog;
        let catalog = Arc::new(catalog.with_answers(answers).identified(base.digest));
        Ok(Self { snapshot: facts, catalog, targets, policy, plan })
    }

    /// Limits, answers and targets of the instance when it is configured here, else the defaults.
    fn from_facts(snapshot: Snapshot, config: &ConfigArgs) -> anyhow::Result<Self> {
        let configured = if config.config.exists() { Some(config.read()?) } else { None };
        let instance = configured
            .as_ref()
            .and_then(|config| config.instances.iter().find(|known| known.name == snapshot.instance))
            .cloned();
        let catalog = match (&configured, &instance) {
            (Some(config), Some(instance)) => catalog_of(config, instance)?.catalog.current(),
            _ => LoadedCatalog::embedded(snapshot.product).catalog,
        };
        Ok(Self {
            catalog,
            targets: instance
                .as_ref()
                .map_or_else(|| vec![Requested::LatestLongTermSupport], |known| known.targets.clone()),
            policy: instance.as_ref().map_or_else(Policy::default, |known| known.policy.clone()),
            plan: instance.map(|known| known.plan.clone()).unwrap_or_default(),
            snapshot,
        })
    }
}

/// The catalog of this machine that stands in for the one of a dossier.
struct Base {
    loaded: LoadedCatalog,
    /// Its digest with what the dossier learned.
    digest: String,
}

impl Base {
    /// The embedded catalog or the configured one, whichever it was; the embedded one when it was neither.
    fn of(identity: &CatalogIdentity, learned: &Refresh, config: &ConfigArgs) -> anyhow::Result<Self> {
        let with_learned = |loaded: LoadedCatalog| {
            let digest = digest_of(&loaded.releases.digest, learned);
            Self { loaded, digest }
        };
        let embedded = with_learned(LoadedCatalog::embedded(learned.product));
        if embedded.digest == identity.digest {
            return Ok(embedded);
        }
        let configured = match config.read() {
            Ok(config) => config.catalogs.get(&learned.product).cloned().map(with_learned),
            Err(error) if config.is_named() => return Err(error),
            Err(_) => None,
        };
        Ok(configured.filter(|base| base.digest == identity.digest).unwrap_or(embedded))
    }

    /// Why the verdict may be another than where the facts were taken; `None` when it is the same.
    fn note(&self, identity: &CatalogIdentity, agent: &str) -> Option<String> {
        let ours = env!("CARGO_PKG_VERSION");
        let agent = printable(agent);
        if self.digest != identity.digest {
            return Some(format!(
                "the facts were judged by the catalog {} with digest {}, and it is not here: they are judged by the \
                 embedded one, digest {}. Dates and needs of releases may differ, and the verdict with them. Use agent \
                 {agent}, or name with --config a configuration whose [catalog] file is that one",
                printable(&identity.origin),
                printable(&identity.digest),
                self.digest,
            ));
        }
        (agent != ours).then(|| {
            format!(
                "the facts were written by agent {agent}, and this is {ours}: its checks may judge otherwise. Use agent \
                 {agent} to see the same verdict"
            )
        })
    }
}
