//! The running home and the new one beside it, with their databases.

use std::collections::BTreeSet;

use super::commands::package;
use super::pairs::{self, Pair};
use super::stores::Store;
use crate::facts::{CarbonHome, Clustering, ConfigurationModel, Datasource, Field, Prepared, UserStoreFile};
use crate::plan::book::desk::Desk;
use crate::plan::book::leg::Leg;
use crate::version::ProductVersion;

/// What an upgrade goes from and to.
#[derive(Debug)]
pub(super) struct Homes<'a> {
    /// What is known of the running home; `None` when it was not read as one of Carbon.
    pub(super) carbon: Option<&'a CarbonHome>,
    /// The new home, when it is set up already and is of the release that is upgraded to.
    pub(super) prepared: Option<&'a Prepared>,
    /// Where the running home is.
    pub(super) old: String,
    /// Where the new home is, or is to be.
    pub(super) new: String,
    pub(super) stores: Vec<Store<'a>>,
    /// What is known of the two kernels.
    pub(super) pair: Option<&'static Pair>,
    /// The kernel of the new release, when it is known.
    pub(super) new_kernel: Option<ProductVersion>,
}

/// Whether there are tenants besides the super tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tenants {
    None,
    There(BTreeSet<u32>),
    NotKnown,
}

impl<'a> Homes<'a> {
    pub(super) fn of(desk: &Desk<'a>, leg: &Leg<'_>) -> Self {
        let site = desk.site;
        let carbon = site.installation.carbon.as_deref();
        let prepared = desk
            .facts
            .rehearsal()
            .ok()
            .and_then(|rehearsal| rehearsal.prepared.as_ref())
            .and_then(Field::value)
            .map(AsRef::as_ref)
            .filter(|prepared| prepared.version.value().is_none_or(|version| version == leg.to));
        let mut old = site.program().trim_end_matches(['/', '\\']).to_owned();
        let stops = desk.stops();
        let mut from = desk.running;
        for stop in stops.into_iter().take(leg.index) {
            old = beside(desk, &old, from, stop);
            from = stop;
        }
        let new = prepared.map_or_else(|| beside(desk, &old, leg.from, leg.to), |there| there.place.clone());
        let catalog = desk.judge.catalog;
        let kernel_of = |version: &ProductVersion| {
            pairs::kernel_of(desk.facts.product, catalog.release(version), version)
        };
        let old_kernel = match carbon.map(|home| &home.kernel) {
            Some(Field::Read(kernel)) if leg.is_first() => Some(kernel.clone()),
            Some(Field::Read(_) | Field::Unread(_)) | None => kernel_of(leg.from),
        };
        let new_kernel = match prepared.map(|prepared| &prepared.home.kernel) {
            Some(Field::Read(kernel)) => Some(kernel.clone()),
            Some(Field::Unread(_)) | None => kernel_of(leg.to),
        };
        let pair = old_kernel.as_ref().zip(new_kernel.as_ref()).and_then(|(old, new)| pairs::known(old, new));
        // A product on the kernel has tables of its own, of which a pair of kernels says nothing.
        let pair = pair.filter(|_| pairs::is_kernel(desk.facts.product));
        Self {
            carbon,
            prepared,
            old,
            new,
            stores: Store::all(site, carbon, prepared, leg.to),
            pair,
            new_kernel,
        }
    }

    /// How the new release is configured; `None` when its kernel is not known.
    pub(super) fn new_model(&self) -> Option<ConfigurationModel> {
        let known = self.prepared.map(|prepared| prepared.home.model);
        known.or_else(|| self.new_kernel.as_ref().map(pairs::model_of))
    }

    pub(super) fn tenants(&self) -> Tenants {
        let directories = self.carbon.and_then(|home| home.tenants.value()).map(|dirs| &dirs.ids);
        // A database that could not be read may be the one with the tenants in it.
        let rows: Option<Vec<&BTreeSet<u32>>> = self
            .prepared
            .and_then(|prepared| prepared.databases.value())
            .and_then(|all| all.iter().map(|staged| staged.production.value()?.tenants.value()).collect());
        let mut known: BTreeSet<u32> = directories.into_iter().flatten().copied().collect();
        known.extend(rows.iter().flatten().copied().flatten());
        match (known.is_empty(), directories, rows) {
            (false, _, _) => Tenants::There(known),
            (true, Some(_), Some(_)) => Tenants::None,
            // A tenant that was never loaded has no directory.
            (true, _, _) => Tenants::NotKnown,
        }
    }

    /// Tenants with directories of event streams and publishers, which stay behind.
    pub(super) fn with_event_files(&self) -> bool {
        let tenants = self.carbon.and_then(|home| home.tenants.value());
        tenants.is_some_and(|tenants| !tenants.with_event_files.is_empty())
    }

    pub(super) fn clustering(&self) -> Option<&'a Clustering> {
        self.carbon?.clustering.value().filter(|clustering| clustering.enabled)
    }

    /// Every server of the cluster that is known: its named members, and hosts with sessions on a database.
    pub(super) fn servers(&self) -> Vec<String> {
        let mut servers: Vec<String> = Vec::new();
        // The port of a member says nothing of the host.
        let members = self.clustering().into_iter().flat_map(|cluster| {
            let all = cluster.members.iter().chain(cluster.local_member.as_ref());
            all.map(|member| member.rsplit_once(':').map_or(member.as_str(), |(host, _)| host))
        });
        for server in members.chain(self.stores.iter().flat_map(Store::hosts)) {
            if !servers.iter().any(|known| known == server) {
                servers.push(server.to_owned());
            }
        }
        servers
    }

    pub(super) fn user_stores(&self) -> Option<&'a [UserStoreFile]> {
        self.carbon?.user_stores.value().map(Vec::as_slice)
    }

    /// The data sources of the running home; `None` when they could not be read.
    pub(super) fn datasources(&self) -> Option<&'a [Datasource]> {
        self.carbon?.datasources.value().map(Vec::as_slice)
    }

    /// The new home stands in the running one, or the other way round.
    pub(super) fn nested(&self) -> bool {
        let inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
        };
        inside(&self.new, &self.old) || inside(&self.old, &self.new)
    }

    /// The same file in the new home.
    pub(super) fn in_new(&self, place: &str) -> String {
        match place.strip_prefix(self.old.as_str()) {
            Some(below) => format!("{}{below}", self.new),
            None => place.to_owned(),
        }
    }

    /// What the https port of the new home is while both run, and what is added to every port for it.
    pub(super) fn trial_ports(&self) -> (u16, u16) {
        if let Some(ports) = self.prepared.and_then(|prepared| prepared.home.ports.value()) {
            return (ports.offset, ports.https);
        }
        let now = self.carbon.and_then(|home| home.ports.value());
        let (offset, https) = now.map_or((0, 9443), |ports| (ports.offset, ports.https));
        (offset.saturating_add(1), https.saturating_add(1))
    }
}

/// Where a release stands beside another: the same name with the new version in it, else as the vendor calls it.
fn beside(desk: &Desk<'_>, old: &str, from: &ProductVersion, to: &ProductVersion) -> String {
    let site = desk.site;
    let (parent, name) = (site.parent(old), site.last(old));
    let renamed = if name.contains(from.as_str()) {
        name.replace(from.as_str(), to.as_str())
    } else {
        format!("{}-{to}", package(desk.facts.product))
    };
    site.below(parent, &renamed)
}
