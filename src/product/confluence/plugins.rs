//! The plug-ins of a Confluence, and what the instance and the marketplace say of each for the targets.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use upgrade_readiness_checks::facts::{Field, Plugin, Plugins, Section, Source, TargetPlugins, UpdateCheck};
use upgrade_readiness_checks::version::ProductVersion;

use super::marketplace::{Clock, Lookup};
use super::rest::{Rest, Round, is_askable_key};
use super::upm::{self, Offer};
use crate::collect::targets::{TargetBuild, TargetFeed, Wanted};
use crate::collect::{CollectError, Collector};
use crate::config::{HttpAccess, Marketplace};

/// More user-installed plug-ins are not asked for their details.
const MOST_DETAILS: usize = 500;

/// Questions about single plug-ins that are under way at the same time.
const AT_A_TIME: usize = 4;

/// Asks a Confluence for its plug-ins, and it and the marketplace for their compatibility.
#[derive(Debug)]
pub struct PluginsCollector {
    access: HttpAccess,
    marketplace: Lookup,
    targets: TargetFeed,
}

impl PluginsCollector {
    /// A collector for the instance that is reached this way.
    #[must_use]
    pub fn new(access: HttpAccess, marketplace: Marketplace, targets: TargetFeed) -> Self {
        Self::with_clock(access, marketplace, targets, Clock::default())
    }

    /// A collector that takes the time from `clock`.
    #[must_use]
    pub fn with_clock(
        access: HttpAccess,
        marketplace: Marketplace,
        targets: TargetFeed,
        clock: Clock,
    ) -> Self {
        let marketplace = Lookup::new(marketplace, access.ca_file.clone(), clock);
        Self { access, marketplace, targets }
    }
}

#[async_trait]
impl Collector for PluginsCollector {
    fn source(&self) -> Source {
        Source::Plugins
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let targets = self.targets.borrow().clone();
        let rest = Rest::new(&self.access)?;
        let mut installed = upm::fetch_installed(&rest).await?;
        let round = Round::new(&rest);
        let safe_mode = round.ask(upm::fetch_safe_mode(&rest)).await;
        read_details(&rest, &round, &mut installed).await;
        let checks = read_update_checks(&rest, &round, &targets).await;
        let user_installed: Vec<&Plugin> = installed.iter().filter(|plugin| plugin.user_installed).collect();
        let listings = self.marketplace.ask(&user_installed, &targets).await;
        let for_targets = targets
            .into_iter()
            .zip(checks)
            .zip(listings)
            .map(|((target, instance), marketplace)| TargetPlugins {
                version: target.version,
                instance,
                marketplace,
            })
            .collect();
        Ok(Section::Plugins(Plugins { installed, safe_mode, for_targets, bundles: None }))
    }
}

/// Asks for the modules and the licence of each user-installed plug-in.
async fn read_details(rest: &Rest, round: &Round<'_>, installed: &mut [Plugin]) {
    let wanted: Vec<&mut Plugin> = installed.iter_mut().filter(|plugin| plugin.user_installed).collect();
    stream::iter(wanted.into_iter().enumerate())
        .for_each_concurrent(AT_A_TIME, |(index, plugin)| async move {
            let why = if index >= MOST_DETAILS {
                format!("only the first {MOST_DETAILS} plug-ins are asked for their details")
            } else if is_askable_key(&plugin.key) {
                plugin.broken_modules = round.ask(upm::fetch_broken_modules(rest, &plugin.key)).await;
                if plugin.license != Field::Read(None) {
                    plugin.license = round.ask(upm::fetch_license(rest, &plugin.key)).await;
                }
                return;
            } else {
                "its key has characters that no plug-in's key has".to_owned()
            };
            plugin.broken_modules = Field::Unread(why.clone());
            if plugin.license != Field::Read(None) {
                plugin.license = Field::Unread(why);
            }
        })
        .await;
}

type Checks = Field<BTreeMap<String, UpdateCheck>>;

/// The instance's own update check for each target; each is a question that the instance passes on to the marketplace,
/// so it is not asked about releases that could be chosen only.
async fn read_update_checks(rest: &Rest, round: &Round<'_>, targets: &[TargetBuild]) -> Vec<Checks> {
    if targets.is_empty() {
        return Vec::new();
    }
    let offers = match round.ask(upm::fetch_offers(rest)).await {
        Field::Read(offers) => offers,
        Field::Unread(why) => return targets.iter().map(|_| needs_marketplace(&why)).collect(),
    };
    let mut checks = Vec::new();
    for TargetBuild { version, wanted, .. } in targets {
        if *wanted == Wanted::Choice {
            checks.push(Field::Unread(format!(
                "the instance is asked about targets only; name {version} under targets to have it asked"
            )));
            continue;
        }
        checks.push(match offers.iter().find(|offer| offer.version == *version) {
            None => Field::Unread(why_not_offered(version, &offers)),
            Some(offer) => match round.ask(upm::fetch_update_check(rest, offer)).await {
                Field::Read(check) => Field::Read(check),
                Field::Unread(why) => needs_marketplace(&why),
            },
        });
    }
    checks
}

fn needs_marketplace(why: &str) -> Checks {
    Field::Unread(format!(
        "{why} The update check also needs the instance itself to reach marketplace.atlassian.com."
    ))
}

/// The instance offers only releases newer than itself, and only those its marketplace told it of.
fn why_not_offered(version: &ProductVersion, offers: &[Offer]) -> String {
    const NAMED: usize = 10;
    if offers.is_empty() {
        return format!(
            "the instance's update check does not list {version}, nor any other release: it cannot reach \
             marketplace.atlassian.com, or knows of nothing newer than itself"
        );
    }
    let mut listed: Vec<String> = offers.iter().take(NAMED).map(|offer| offer.version.to_string()).collect();
    if offers.len() > NAMED {
        listed.push("…".to_owned());
    }
    format!("the instance's update check does not list {version}; it lists {}", listed.join(", "))
}
