//! Which bundles of people find what they need in the new release, as the framework resolves them.
//!
//! Without its `uses` constraints: which of several exporters is wired to whom only a start tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Bundle, Offer, Offered, Offerer, Wanted};
use crate::osgi::{Version, VersionRange};

/// A bundle that is to run in the new release, and where it is now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) bundle: &'a Bundle,
    /// [`Offerer::NewHome`] or [`Offerer::RunningHome`].
    pub(super) of: Offerer,
}

/// The bundles that are to run in the new release: those that are there already take the place of their namesakes.
pub(super) fn judged<'a>(custom: &'a [Bundle], offered: Option<&'a Offered>) -> Vec<Judged<'a>> {
    let new: &[Bundle] = offered.map_or(&[], |offered| &offered.custom);
    let is_there: BTreeSet<_> = new.iter().map(|bundle| (bundle.kind, &bundle.name)).collect();
    let old = custom.iter().filter(|bundle| !is_there.contains(&(bundle.kind, &bundle.name)));
    let old = old.map(|bundle| Judged { bundle, of: Offerer::RunningHome });
    old.chain(new.iter().map(|bundle| Judged { bundle, of: Offerer::NewHome })).collect()
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A package.
    Package,
    /// A bundle.
    Bundle,
}

impl What {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Bundle => "bundle",
        }
    }
}

/// How one need of a bundle is met.
#[derive(Debug)]
pub(super) enum Met<'a> {
    /// By the new release, or by bundles of people that are there already.
    There,
    /// Only by bundles of people that have to be carried over as well.
    CarriedOver(Vec<&'a Offer>),
    /// Only by bundles of people that do not resolve themselves.
    Failing(Vec<&'a Offer>),
    /// Offered, but not in a version, or not with the attributes, that is wanted.
    OutOfRange(Vec<&'a Offer>),
    /// Nobody offers it.
    Gone,
    /// Nobody is known to offer it, and not everybody could be asked: why not.
    CannotTell(String),
}

impl Met<'_> {
    fn fails(&self) -> bool {
        match self {
            Self::There | Self::CarriedOver(_) | Self::CannotTell(_) => false,
            Self::Failing(_) | Self::OutOfRange(_) | Self::Gone => true,
        }
    }
}

/// One need of a bundle, and how it is met.
#[derive(Debug)]
pub(super) struct Need<'a> {
    pub(super) what: What,
    pub(super) wanted: &'a Wanted,
    pub(super) met: Met<'a>,
}

/// Who offers what to whom.
pub(super) struct Resolver<'a> {
    offered: &'a Offered,
    /// Bundles of people that do not resolve: whose, and the file.
    failing: BTreeSet<(Offerer, &'a str)>,
}

impl<'a> Resolver<'a> {
    /// Finds out which bundles do not resolve; a bundle that needs one of those does not resolve either.
    pub(super) fn new(offered: &'a Offered, judged: &[Judged<'a>]) -> Self {
        let mut this = Self { offered, failing: BTreeSet::new() };
        loop {
            let fails = |judged: &&Judged<'a>| this.needs(judged.bundle).iter().any(|need| need.met.fails());
            let failing: BTreeSet<_> =
                judged.iter().filter(fails).map(|judged| (judged.of, judged.bundle.file.as_str())).collect();
            if failing == this.failing {
                return this;
            }
            // It only grows: who needs a failing bundle was not failing for another reason before.
            this.failing = failing;
        }
    }

    /// What a bundle needs, and how each of it is met.
    pub(super) fn needs(&self, bundle: &'a Bundle) -> Vec<Need<'a>> {
        let packages = bundle.imports.iter().map(|wanted| (What::Package, wanted));
        let bundles = bundle.requires.iter().map(|wanted| (What::Bundle, wanted));
        packages
            .chain(bundles)
            .map(|(what, wanted)| Need { what, wanted, met: self.met(what, wanted) })
            .collect()
    }

    fn met(&self, what: What, wanted: &'a Wanted) -> Met<'a> {
        let offers = match what {
            What::Package => &self.offered.packages,
            What::Bundle => &self.offered.bundles,
        };
        let offers: &'a [Offer] = offers.get(&wanted.name).map_or(&[], Vec::as_slice);
        let Ok(range) = wanted.range.parse::<VersionRange>() else {
            return Met::CannotTell(format!("{:?} is not a range of versions", wanted.range));
        };
        let fitting: Vec<&'a Offer> = offers.iter().filter(|offer| fits(wanted, &range, offer)).collect();
        let resolving = fitting.iter().filter(|offer| !self.failing.contains(&(offer.of, offer.by.as_str())));
        let resolving: Vec<&'a Offer> = resolving.copied().collect();
        if resolving.iter().any(|offer| offer.of != Offerer::RunningHome) {
            return Met::There;
        }
        if !resolving.is_empty() {
            return Met::CarriedOver(resolving);
        }
        if let Some(why) = self.not_asked(what, wanted) {
            return Met::CannotTell(why);
        }
        match (fitting.is_empty(), offers.is_empty()) {
            (false, _) => Met::Failing(fitting),
            (true, false) => Met::OutOfRange(offers.iter().collect()),
            (true, true) => Met::Gone,
        }
    }

    /// Why somebody may offer it nevertheless.
    fn not_asked(&self, what: What, wanted: &Wanted) -> Option<String> {
        let Offered { unread, broken, list_defects, system_packages, .. } = self.offered;
        if let Some((file, why)) = unread.iter().chain(broken).next() {
            let more = match unread.len() + broken.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            return Some(format!("{file}{more} of the new release could not be read: {why}"));
        }
        if let crate::facts::Field::Unread(why) = list_defects {
            return Some(format!("which bundles the new release starts is not known: {why}"));
        }
        match system_packages {
            crate::facts::Field::Unread(why) if what == What::Package && is_of_java(&wanted.name) => {
                Some(format!("which packages of Java it passes on is not known: {why}"))
            }
            crate::facts::Field::Unread(_) | crate::facts::Field::Read(_) => None,
        }
    }
}

/// Whether a package may come from Java itself.
fn is_of_java(package: &str) -> bool {
    const OF_JAVA: [&str; 8] =
        ["javax", "org.w3c", "org.xml", "org.omg", "org.ietf", "sun", "com.sun", "jdk"];
    OF_JAVA
        .iter()
        .any(|root| package.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether an offer is what is wanted.
fn fits(wanted: &Wanted, range: &VersionRange, offer: &Offer) -> bool {
    let in_range = |range: &VersionRange, version: &str| {
        version.parse::<Version>().is_ok_and(|version| range.includes(&version))
    };
    let asked_for = |attribute: &String| {
        wanted.attributes.contains_key(attribute) || (attribute == "version" && wanted.range != "0.0.0")
    };
    let alike = |(key, value): (&String, &String)| {
        let offered = offer.attributes.get(key);
        if key == "bundle-version" {
            let range = value.parse::<VersionRange>();
            return range.is_ok_and(|range| offered.is_some_and(|version| in_range(&range, version)));
        }
        offered == Some(value)
    };
    in_range(range, &offer.version)
        && wanted.attributes.iter().all(alike)
        && offer.mandatory.iter().all(asked_for)
}

/// The versions somebody offers, and by which files, for a message: `4.5.0 by plugins/x_4.5.0.jar`.
pub(super) fn shown(offers: &[&Offer]) -> String {
    const SHOWN: usize = 3;
    let mut by_version: BTreeMap<&str, &str> = BTreeMap::new();
    for offer in offers {
        by_version.entry(&offer.version).or_insert(&offer.by);
    }
    let texts: Vec<String> =
        by_version.iter().take(SHOWN).map(|(version, by)| format!("{version} by {by}")).collect();
    let more = by_version.len().saturating_sub(SHOWN);
    if more == 0 { texts.join(", ") } else { format!("{} and in {more} more versions", texts.join(", ")) }
}
