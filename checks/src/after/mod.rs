//! After the upgrade: the instance as it is now beside a snapshot taken before.
//!
//! Nothing is judged here for a target; that is the business of the rules. What is asked is whether the upgrade
//! happened, whether it ended everywhere, and whether all that was there before is there still. Where the answer needs
//! both sides and one of them is not known, it cannot be told, and that is never good news.

mod bundles;
mod database;
mod files;
mod item;
mod license;
mod nodes;
mod plugins;
mod product;
mod release;
mod rows;
mod settings;
mod site;
#[cfg(test)]
mod testing;

use jiff::Timestamp;

use crate::facts::{Family, Missing, Product, Snapshot, Source};
use crate::model::{Policy, Verdict};
use crate::rules::units::minute;
use crate::version::ProductVersion;

pub use item::{Item, Topic};

/// The sources a comparison reads.
pub const READS: [Source; 7] = [
    Source::Java,
    Source::Installation,
    Source::Files,
    Source::License,
    Source::Database,
    Source::Application,
    Source::Plugins,
];

/// How an instance stands after its upgrade.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    /// The gravest of what was found.
    pub verdict: Verdict,
    /// The version that was installed before, when it is known.
    pub from: Option<ProductVersion>,
    /// The version that is installed now, when it is known.
    pub to: Option<ProductVersion>,
    /// What was compared, by topic in the order of [`Topic::ALL`]; every topic has at least one.
    pub items: Vec<Item>,
}

/// Why two snapshots are not before and after of one upgrade.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotComparable {
    /// Different products.
    #[error("the snapshot from before is of {before}, and this instance runs {now}")]
    OtherProduct {
        /// The product before.
        before: Product,
        /// The product now.
        now: Product,
    },
    /// Different instances.
    #[error("the snapshot from before is of the instance {before:?}, and this is {now:?}")]
    OtherInstance {
        /// The name before, cut to a bearable length.
        before: String,
        /// The name now.
        now: String,
    },
    /// The wrong way round, or twice the same.
    #[error(
        "the snapshot from before was taken {}, which is not before {}",
        minute(*before),
        minute(*now)
    )]
    NotBefore {
        /// When the older one should have been taken.
        before: Timestamp,
        /// When the newer one was.
        now: Timestamp,
    },
}

/// Both sides of a comparison.
struct Sides<'a> {
    before: &'a Snapshot,
    now: &'a Snapshot,
    /// The release that was meant to be installed; any newer one when nobody says.
    expected: Option<&'a ProductVersion>,
    policy: &'a Policy,
}

impl<'a> Sides<'a> {
    /// The same fact of both sides.
    fn both<T>(&self, read: impl Fn(&'a Snapshot) -> Result<T, Missing>) -> Both<T> {
        Both { before: read(self.before), now: read(self.now) }
    }
}

/// A fact before and now, each as far as it is known.
struct Both<T> {
    before: Result<T, Missing>,
    now: Result<T, Missing>,
}

/// A fact as people read it, or why it is not known.
fn shown<T>(fact: &Result<T, Missing>, show: impl Fn(&T) -> String) -> String {
    fact.as_ref().map_or_else(|missing| format!("not known: {missing}"), show)
}

impl<T> Both<T> {
    /// Both facts, or that it cannot be told without them.
    fn known(&self, topic: Topic, show: impl Fn(&T) -> String) -> Result<(&T, &T), Vec<Item>> {
        match (&self.before, &self.now) {
            (Ok(before), Ok(now)) => Ok((before, now)),
            (before, now) => Err(vec![
                Item::unknown(topic)
                    .seen(shown(before, &show), shown(now, &show))
                    .so_do(remedy(before.is_err(), now.is_err())),
            ]),
        }
    }
}

/// What to do where something is not known.
fn remedy(before: bool, now: bool) -> String {
    let look = "Give the agent what it lacks now, and compare again.";
    let by_hand = "What was not read before the upgrade can be compared by hand only; see to it that \
                   `agent snapshot` reads it before the next one.";
    match (before, now) {
        (true, true) => format!("{look} {by_hand}"),
        (true, false) => by_hand.to_owned(),
        (false, _) => look.to_owned(),
    }
}

/// Compares an instance with what it was before the upgrade to `expected`, or to any newer release.
pub fn compare(
    before: &Snapshot,
    now: &Snapshot,
    expected: Option<&ProductVersion>,
    policy: &Policy,
) -> Result<After, NotComparable> {
    if before.product != now.product {
        return Err(NotComparable::OtherProduct { before: before.product, now: now.product });
    }
    if before.instance != now.instance {
        let cut = |name: &str| name.chars().take(64).collect();
        return Err(NotComparable::OtherInstance { before: cut(&before.instance), now: cut(&now.instance) });
    }
    if before.taken_at >= now.taken_at {
        return Err(NotComparable::NotBefore { before: before.taken_at, now: now.taken_at });
    }
    let sides = Sides { before, now, expected, policy };
    let items: Vec<Item> = Topic::ALL.into_iter().flat_map(|topic| look(topic, &sides)).collect();
    let installed = |side| release::installed(side).ok();
    Ok(After {
        verdict: Verdict::roll_up(items.iter().map(|item| item.verdict)),
        from: installed(before),
        to: installed(now),
        items,
    })
}

fn look(topic: Topic, sides: &Sides<'_>) -> Vec<Item> {
    if let Some(skipped) = product::skipped(topic, sides) {
        return vec![skipped];
    }
    match topic {
        Topic::Version => release::version(sides),
        Topic::Statements => release::statements(sides),
        Topic::RunningVersion => release::running(sides),
        Topic::Builds => release::builds(sides),
        Topic::Nodes => nodes::nodes(sides),
        Topic::State => site::state(sides),
        Topic::AccessMode => site::access_mode(sides),
        Topic::HealthChecks => site::health(sides),
        Topic::SearchIndex => site::search_index(sides),
        Topic::License => license::license(sides),
        Topic::Plugins => match sides.now.product.family() {
            Family::Confluence => plugins::plugins(sides),
            Family::Carbon => bundles::bundles(sides),
        },
        Topic::RowCounts => rows::rows(sides),
        Topic::Database => database::server(sides),
        Topic::DatabaseSize => database::size(sides),
        Topic::DatabaseOwnership => database::ownership(sides),
        Topic::Files => files::files(sides),
        Topic::Address => settings::address(sides),
        Topic::Connectors => settings::connectors(sides),
        Topic::ContextPath => settings::context_path(sides),
        Topic::Heap => settings::heap(sides),
        Topic::JvmOptions => settings::jvm_options(sides),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::SignedDuration;

    use super::testing::{Pair, carbon_pair, pair};
    use super::*;
    use crate::facts::{Field, StatementOf};

    #[test]
    fn an_upgrade_that_went_well_is_ready_in_every_topic() {
        let Pair { before, now } = pair();
        for expected in [None, Some("9.2.10".parse().unwrap())] {
            let after = compare(&before, &now, expected.as_ref(), &Policy::default()).unwrap();
            assert_eq!(after.verdict, Verdict::Ready, "{:#?}", after.items);
            let topics: Vec<Topic> = after.items.iter().map(|item| item.topic).collect();
            assert_eq!(topics, Topic::ALL, "one item each");
            assert_eq!(after.from.map(|version| version.to_string()).as_deref(), Some("9.2.7"));
            assert_eq!(after.to.map(|version| version.to_string()).as_deref(), Some("9.2.10"));
        }
    }

    #[test]
    fn nothing_is_well_where_nothing_is_known() {
        let Pair { before, now } = pair();
        let empty = |of: &Snapshot| Snapshot::empty(&of.instance, of.product, of.taken_at);
        let nothing = compare(&empty(&before), &empty(&now), None, &Policy::default()).unwrap();
        assert!(nothing.items.iter().all(|item| item.verdict == Verdict::Unknown), "{:#?}", nothing.items);
        let half = compare(&before, &empty(&now), None, &Policy::default()).unwrap();
        assert!(half.items.iter().all(|item| item.verdict == Verdict::Unknown), "{:#?}", half.items);
        for item in &half.items {
            assert!(item.now.starts_with("not known: "), "{item:#?}");
            assert!(item.remedy.is_some());
        }

        // What asks only whether it is well now needs nothing from before.
        let half = compare(&empty(&before), &now, None, &Policy::default()).unwrap();
        let well: Vec<Topic> =
            half.items.iter().filter(|item| item.verdict == Verdict::Ready).map(|item| item.topic).collect();
        let now_only = [
            Topic::Statements,
            Topic::RunningVersion,
            Topic::State,
            Topic::AccessMode,
            Topic::HealthChecks,
            Topic::SearchIndex,
        ];
        assert_eq!(well, now_only, "{:#?}", half.items);
        assert_eq!(half.verdict, Verdict::Unknown);
    }

    #[test]
    fn every_source_that_is_read_is_named() {
        let Pair { before, now } = pair();
        for source in Source::ALL {
            let mut now = now.clone();
            now.switch_off(source);
            let after = compare(&before, &now, None, &Policy::default()).unwrap();
            assert_eq!(after.verdict == Verdict::Unknown, READS.contains(&source), "{source}");
        }
    }

    #[test]
    fn only_before_and_after_of_one_instance_are_compared() {
        let Pair { before, now } = pair();
        let compared = |before: &Snapshot, now: &Snapshot| compare(before, now, None, &Policy::default());
        let other = Snapshot { instance: "other".repeat(100), ..before.clone() };
        let refused = compared(&other, &now).unwrap_err();
        assert!(matches!(refused, NotComparable::OtherInstance { .. }) && refused.to_string().len() < 200);
        for late in [now.taken_at, now.taken_at + SignedDuration::from_hours(1)] {
            let late = Snapshot { taken_at: late, ..before.clone() };
            assert!(matches!(compared(&late, &now), Err(NotComparable::NotBefore { .. })));
        }
        assert!(matches!(compared(&now, &now), Err(NotComparable::NotBefore { .. })));
    }

    #[test]
    fn a_carbon_product_is_compared_in_what_it_has() {
        let Pair { before, now } = carbon_pair();
        let after = compare(&before, &now, Some(&"4.4.7".parse().unwrap()), &Policy::default()).unwrap();
        assert_eq!(after.verdict, Verdict::Ready, "{:#?}", after.items);
        let skipped: Vec<Topic> = after
            .items
            .iter()
            .filter(|item| item.verdict == Verdict::Skipped)
            .map(|item| item.topic)
            .collect();
        let without = [
            Topic::Builds,
            Topic::AccessMode,
            Topic::HealthChecks,
            Topic::SearchIndex,
            Topic::License,
            Topic::ContextPath,
        ];
        assert_eq!(skipped, without);
        for item in &after.items {
            let all = format!("{} {} {:?}", item.summary, item.now, item.remedy).to_lowercase();
            assert!(!all.contains("server.xml") && !all.contains("setenv"), "{item:#?}");
        }
    }

    #[test]
    fn what_a_carbon_product_lost_is_told() {
        type Spoil = fn(&mut Pair);
        let rows: [(&str, Spoil, Topic, Verdict); 6] = [
            (
                "a bundle is not carried over",
                |p| p.plugins().bundles.as_mut().unwrap().custom.clear(),
                Topic::Plugins,
                Verdict::Warning,
            ),
            ("bundles were not read", |p| p.plugins().bundles = None, Topic::Plugins, Verdict::Unknown),
            (
                "the offset of the time of trying is left",
                |p| {
                    let carbon = p.installation().carbon.as_mut().unwrap();
                    carbon.ports = Field::Read(crate::facts::Ports { offset: 1, https: 9444, http: 9764 });
                },
                Topic::Connectors,
                Verdict::Warning,
            ),
            (
                "the ports were not read",
                |p| p.installation().carbon.as_mut().unwrap().ports = Field::Unread("denied".into()),
                Topic::Connectors,
                Verdict::Unknown,
            ),
            (
                "the configuration was copied from the old home",
                |p| {
                    let statements = &mut p.installation().statements;
                    let configured =
                        statements.iter_mut().find(|one| one.of == StatementOf::ConfiguredVersion);
                    configured.unwrap().says = Field::Read("4.4.6".into());
                },
                Topic::Statements,
                Verdict::Blocked,
            ),
            (
                "another kind of database",
                |p| p.database().engine = crate::facts::Engine::Mysql,
                Topic::Database,
                Verdict::Blocked,
            ),
        ];
        for (name, spoil, topic, verdict) in rows {
            let mut pair = carbon_pair();
            spoil(&mut pair);
            let after = compare(&pair.before, &pair.now, None, &Policy::default()).unwrap();
            let items = after.items.iter().filter(|item| item.topic == topic);
            let found: Vec<Verdict> = items.map(|item| item.verdict).collect();
            assert_eq!(found, [verdict], "{name}: {:#?}", after.items);
        }
    }

    #[test]
    fn topics_have_names_of_their_own() {
        let ids: BTreeSet<&str> = Topic::ALL.iter().map(|topic| topic.id()).collect();
        assert_eq!(ids.len(), Topic::ALL.len());
        for topic in Topic::ALL {
            assert!(topic.id().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(!topic.title().is_empty());
        }
    }
}
