//! The search over states: a release, and a version of each part below it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::parts::{Part, Scale, of_instance};
use super::{Change, Doubt, Method, Stop, Way};
use crate::catalog::{Catalog, Component, Confidence, Ground, Jump, Release, RollingRule, Standing};
use crate::facts::{ClusterState, Snapshot};
use crate::model::{Severity, Target};
use crate::report::Judge;
use crate::rules;
use crate::version::{Line, ProductVersion};

/// More states are not looked at: an instance has few parts, and each few versions.
const MOST_COMBINATIONS: usize = 4096;

/// What is taken away for the search, to see whether it alone stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifted {
    /// Nothing: the search for a way that can be gone.
    Nothing,
    /// The licence allows everything.
    License,
    /// Every upgrade can be made in one step.
    Jumps,
    /// Every release takes this kind of database.
    Engine,
    /// Every release takes every version of this part.
    Part(Part),
    /// All of that.
    All,
}

impl Lifted {
    fn lifts(self, obstacle: Self) -> bool {
        self == obstacle || self == Self::All
    }
}

/// A release one may stop at.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) version: ProductVersion,
    pub(super) release: Option<Release>,
    /// Why the licence does not allow it.
    pub(super) not_licensed: Option<String>,
    /// Whether it is confirmed not to take this kind of database.
    pub(super) refuses_engine: bool,
}

/// All states and what leads from one to another.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) catalog: &'a Catalog,
    /// The running release first, the target last, between them the newest release of each line.
    pub(super) places: Vec<Place>,
    pub(super) scales: Vec<Scale>,
    pub(super) unseen: Vec<String>,
    /// The kind of database, as people write it.
    pub(super) engine: Option<&'static str>,
    /// Nodes of the cluster; one when it is none.
    nodes: u64,
    /// Nodes of the cluster, when every step must be a rolling one.
    pub(super) rolling_nodes: Option<u64>,
    jumps: BTreeMap<(usize, usize), Jump>,
}

/// What a way costs. The first that differs decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Cost {
    /// What is not known to work, at each state on the way.
    doubt: u32,
    /// Changes in the same step as an upgrade.
    joint: u32,
    outages: u32,
    /// Steps of which nobody says whether they are allowed.
    open: u32,
    /// Stops outside of long-term support lines.
    short_lived: u32,
    changes: u32,
    /// How many places newer ones would have been possible.
    old: u32,
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            doubt: self.doubt.saturating_add(other.doubt),
            joint: self.joint + other.joint,
            outages: self.outages + other.outages,
            open: self.open + other.open,
            short_lived: self.short_lived + other.short_lived,
            changes: self.changes + other.changes,
            old: self.old.saturating_add(other.old),
        }
    }
}

/// A release and a version of each part: the number of the place and of the combination.
type State = (usize, usize);

/// A way as the states it leads through, the first one being today's.
pub(super) type Path = Vec<State>;

impl<'a> Graph<'a> {
    pub(super) fn of(
        judge: &'a Judge<'a>,
        facts: &Snapshot,
        running: &ProductVersion,
        target: &Target,
        method: Method,
    ) -> Self {
        let catalog = judge.catalog;
        let engine = facts.database().map(|database| database.engine).ok().or_else(|| {
            facts.installation().ok().and_then(|installation| installation.database.value()?.engine)
        });
        let licensed = |candidate: &Target| not_licensed(judge, facts, candidate);
        let between = between(catalog, running, target, &licensed);
        let mut places = vec![place(catalog, running, None, None)];
        places.extend(
            between.into_iter().map(|(version, why)| place(catalog, &version, engine_id(engine), why)),
        );
        places.push(place(catalog, &target.version, engine_id(engine), licensed(target)));
        let lines: Vec<Line> = places.iter().map(|place| place.version.line()).collect();
        let (parts, unseen) = of_instance(facts, catalog);
        let mut scales: Vec<Scale> =
            parts.iter().filter_map(|(part, now)| Scale::of(catalog, *part, now, &lines)).collect();
        while scales.iter().map(|scale| scale.values.len()).product::<usize>() > MOST_COMBINATIONS {
            scales.pop();
        }
        let mut jumps = BTreeMap::new();
        for (from, old) in places.iter().enumerate() {
            for (to, new) in places.iter().enumerate().skip(from + 1) {
                jumps.insert((from, to), catalog.jump(&old.version, &new.version));
            }
        }
        let nodes = nodes(facts);
        let rolling_nodes = (method == Method::Rolling).then_some(nodes);
        let engine = engine.map(crate::facts::Engine::name);
        Self { catalog, places, scales, unseen, engine, nodes, rolling_nodes, jumps }
    }

    /// The way that costs least; `None` when there is none.
    pub(super) fn shortest(&self, lifted: Lifted) -> Option<Path> {
        let combinations: usize = self.scales.iter().map(|scale| scale.values.len()).product();
        let number = |(place, combination): State| place * combinations + combination;
        let target = self.places.len().checked_sub(1)?;
        let mut best: Vec<Option<Cost>> = vec![None; self.places.len() * combinations];
        let mut before: BTreeMap<State, State> = BTreeMap::new();
        let mut open = BinaryHeap::from([Reverse((Cost::default(), (0, 0)))]);
        if let Some(start) = best.first_mut() {
            *start = Some(Cost::default());
        }
        while let Some(Reverse((cost, state))) = open.pop() {
            if best.get(number(state)).is_some_and(|known| *known != Some(cost)) {
                continue;
            }
            if state.0 == target {
                return Some(trace(&before, state));
            }
            self.each_step(state, lifted, &mut |next, step| {
                let cost = cost + step;
                let Some(known) = best.get_mut(number(next)) else { return };
                if known.is_none_or(|known| cost < known) {
                    *known = Some(cost);
                    before.insert(next, state);
                    open.push(Reverse((cost, next)));
                }
            });
        }
        None
    }

    /// Every state that can come next, and what the step to it costs.
    fn each_step(&self, (place, combination): State, lifted: Lifted, take: &mut impl FnMut(State, Cost)) {
        let values = self.values_of(combination);
        let combinations: usize = self.scales.iter().map(|scale| scale.values.len()).product();
        for to in place + 1..self.places.len() {
            let Some(step) = self.jump_cost(place, to, lifted) else { continue };
            if let Some(doubt) = self.doubt(to, &values, lifted) {
                take((to, combination), step + Cost { doubt, ..Cost::default() });
            }
            for (index, scale) in
                self.scales.iter().enumerate().filter(|(_, scale)| scale.part.moves_with_jump())
            {
                let own = values.get(index).copied().unwrap_or_default();
                for newer in own + 1..scale.values.len() {
                    let mut moved = values.clone();
                    if let Some(value) = moved.get_mut(index) {
                        *value = newer;
                    }
                    if let Some(doubt) = self.doubt(to, &moved, lifted) {
                        let joint = Cost { doubt, joint: 1, changes: 1, ..Cost::default() };
                        take((to, self.combination_of(&moved)), step + joint);
                    }
                }
            }
        }
        for other in 0..combinations {
            let newer = self.values_of(other);
            if other == combination || newer.iter().zip(&values).any(|(new, old)| new < old) {
                continue;
            }
            if let Some(doubt) = self.doubt(place, &newer, lifted) {
                let changes = newer.iter().zip(&values).filter(|(new, old)| new != old).count();
                let changes = u32::try_from(changes).unwrap_or(u32::MAX);
                take((place, other), Cost { doubt, outages: 1, changes, ..Cost::default() });
            }
        }
    }

    /// What an upgrade from one place to another costs; `None` when it cannot be.
    fn jump_cost(&self, from: usize, to: usize, lifted: Lifted) -> Option<Cost> {
        let place = self.places.get(to)?;
        if place.not_licensed.is_some() && !lifted.lifts(Lifted::License)
            || place.refuses_engine && !lifted.lifts(Lifted::Engine)
        {
            return None;
        }
        let refused = u32::from(self.refusal(from, to).is_some());
        if refused > 0 && !lifted.lifts(Lifted::Jumps) {
            return None;
        }
        let last = to + 1 == self.places.len();
        let short_lived = !last && !place.release.as_ref().is_some_and(|release| release.long_term_support);
        let open = match self.jumps.get(&(from, to))? {
            Jump::Direct(_) => 0,
            Jump::Refused(_) => 2,
            Jump::NotKnown(_) => 1,
        };
        Some(Cost {
            outages: u32::from(self.rolling_nodes.is_none()),
            open,
            short_lived: short_lived.into(),
            // An obstacle that was lifted is taken only when it must be, and as seldom as it can.
            doubt: refused * 1000
                + u32::from(place.not_licensed.is_some()) * 1000
                + u32::from(place.refuses_engine) * 1000,
            old: if last { 0 } else { u32::try_from(self.places.len() - to).unwrap_or(u32::MAX) },
            ..Cost::default()
        })
    }

    /// Why an upgrade in one step is refused; only what is confirmed refuses.
    pub(super) fn refusal(&self, from: usize, to: usize) -> Option<String> {
        let (old, new) = (&self.places.get(from)?.version, &self.places.get(to)?.version);
        if let Jump::Refused(Ground { confidence: Confidence::Confirmed, because, .. }) =
            self.jumps.get(&(from, to))?
        {
            return Some(format!("{old} cannot be upgraded to {new} in one step: {because}"));
        }
        let nodes = self.rolling_nodes?;
        match self.catalog.rolling(old, new) {
            None => Some(format!("nobody says that {old} can be upgraded to {new} while the site stays up")),
            Some(RollingRule { possible: false, because, .. }) => {
                Some(format!("{old} cannot be upgraded to {new} while the site stays up: {because}"))
            }
            Some(rule) if nodes < rule.least_nodes => Some(format!(
                "an upgrade while the site stays up needs {} nodes, and the cluster has {nodes}",
                rule.least_nodes
            )),
            Some(_) => None,
        }
    }

    /// How much is in doubt about all parts together; `None` when one is confirmed not to work.
    fn doubt(&self, place: usize, values: &[usize], lifted: Lifted) -> Option<u32> {
        let mut sum = 0_u32;
        for (scale, value) in self.scales.iter().zip(values) {
            sum = sum.saturating_add(match scale.doubt(place, *value) {
                // What runs now below the running release is nothing the way brings about.
                _ if place == 0 && *value == 0 => 0,
                Some(doubt) => doubt,
                None if lifted.lifts(Lifted::Part(scale.part)) => 1000,
                None => return None,
            });
        }
        Some(sum)
    }

    /// The version of each part in a combination.
    pub(super) fn values_of(&self, combination: usize) -> Vec<usize> {
        let mut rest = combination;
        let digit = |scale: &Scale| {
            let value = rest % scale.values.len();
            rest /= scale.values.len();
            value
        };
        self.scales.iter().map(digit).collect()
    }

    fn combination_of(&self, values: &[usize]) -> usize {
        let pairs = self.scales.iter().zip(values).rev();
        pairs.fold(0, |number, (scale, value)| number * scale.values.len() + value)
    }

    /// A path in the words of people.
    pub(super) fn way(&self, path: &Path) -> Way {
        let running = self.places.first().expect("the running release is the first place");
        let mut way = Way {
            from: running.version.clone(),
            before: Vec::new(),
            stops: Vec::new(),
            outages: 0,
            unseen: self.unseen.clone(),
        };
        for (old, new) in path.iter().zip(path.iter().skip(1)) {
            let changes = self.changes(old.1, new.1);
            if old.0 == new.0 {
                way.outages += 1;
                way.stops.last_mut().map_or(&mut way.before, |stop| &mut stop.then).extend(changes);
            } else {
                way.outages += usize::from(self.rolling_nodes.is_none());
                way.stops.extend(self.stop(*old, *new, changes));
            }
        }
        way
    }

    fn stop(&self, old: State, new: State, with_jump: Vec<Change>) -> Option<Stop> {
        let place = self.places.get(new.0)?;
        let from = &self.places.get(old.0)?.version;
        Some(Stop {
            version: place.version.clone(),
            long_term_support: place.release.as_ref().is_some_and(|release| release.long_term_support),
            jump: self.jumps.get(&(old.0, new.0))?.clone(),
            rolling: self.catalog.rolling(from, &place.version).filter(|_| self.nodes > 1).cloned(),
            with_jump,
            then: Vec::new(),
            doubts: self.doubts(new),
        })
    }

    fn changes(&self, old: usize, new: usize) -> Vec<Change> {
        let values = self.values_of(old).into_iter().zip(self.values_of(new));
        let changed = self.scales.iter().zip(values).filter(|(_, (old, new))| old != new);
        changed
            .filter_map(|(scale, (old, new))| {
                let (from, to) = (scale.values.get(old)?.clone(), scale.values.get(new)?.clone());
                Some(Change { part: scale.part, from, to })
            })
            .collect()
    }

    /// What nobody says to work in a state.
    fn doubts(&self, (place, combination): State) -> Vec<Doubt> {
        let values = self.scales.iter().zip(self.values_of(combination));
        values
            .filter_map(|(scale, value)| {
                let ruling = scale.ruling(place, value)?;
                let contested = match ruling.standing {
                    Standing::Supported => return None,
                    Standing::Excluded => true,
                    Standing::NotListed | Standing::Unknown => false,
                };
                Some(Doubt {
                    part: scale.part,
                    value: scale.values.get(value)?.clone(),
                    known: ruling.supported.clone(),
                    contested,
                    page: ruling.page.clone(),
                })
            })
            .collect()
    }
}

fn trace(before: &BTreeMap<State, State>, last: State) -> Path {
    let mut path = vec![last];
    let mut here = last;
    while let Some(earlier) = before.get(&here) {
        path.push(*earlier);
        here = *earlier;
    }
    path.reverse();
    path
}

/// The newest release of each line between the running one and the target, of those the licence allows where it
/// allows any.
fn between(
    catalog: &Catalog,
    running: &ProductVersion,
    target: &Target,
    not_licensed: &impl Fn(&Target) -> Option<String>,
) -> Vec<(ProductVersion, Option<String>)> {
    let mut by_line: BTreeMap<Line, Vec<&Release>> = BTreeMap::new();
    let lines = catalog
        .releases()
        .iter()
        .filter(|release| release.version.is_release())
        .filter(|release| *running < release.version && release.version < target.version)
        .filter(|release| {
            release.version.line() != running.line() && release.version.line() != target.line()
        });
    for release in lines {
        by_line.entry(release.version.line()).or_default().push(release);
    }
    let mut places = Vec::new();
    for releases in by_line.into_values() {
        let judged = releases.iter().rev().map(|release| (*release, not_licensed(&as_target(release))));
        let mut first = None;
        for (release, why) in judged {
            if why.is_none() {
                first = Some((release.version.clone(), None));
                break;
            }
            first.get_or_insert((release.version.clone(), why));
        }
        places.extend(first);
    }
    places
}

fn as_target(release: &Release) -> Target {
    let requested = crate::model::Requested::Version(release.version.clone());
    Target { requested, version: release.version.clone(), release: Some(release.clone()) }
}

fn place(
    catalog: &Catalog,
    version: &ProductVersion,
    engine: Option<&str>,
    not_licensed: Option<String>,
) -> Place {
    let refuses_engine = engine.is_some_and(|engine| {
        let ruling = catalog.ruling(Component::DatabaseEngine, engine, version.line());
        ruling.standing == Standing::Excluded && ruling.confidence == Confidence::Confirmed
    });
    Place {
        version: version.clone(),
        release: catalog.release(version).cloned(),
        not_licensed,
        refuses_engine,
    }
}

/// The kind of database, as the catalog calls it.
fn engine_id(engine: Option<crate::facts::Engine>) -> Option<&'static str> {
    use crate::facts::Engine::{H2, Hsqldb, Mariadb, Mysql, Oracle, Postgresql, SqlServer};
    engine.map(|engine| match engine {
        Postgresql | Mysql | Mariadb | SqlServer | Oracle => {
            Component::of_engine(engine).map_or("", Component::id)
        }
        H2 => "h2",
        Hsqldb => "hsqldb",
    })
}

/// Why the licence does not allow a release, when it is known not to.
fn not_licensed(judge: &Judge<'_>, facts: &Snapshot, target: &Target) -> Option<String> {
    const CHECK: &str = "license-covers-target";
    let check = rules::ALL.iter().find(|check| check.id == CHECK)?;
    let findings = match (check.evaluate)(&judge.case(facts, target)) {
        Ok(judgement) => judgement.findings,
        Err(crate::model::Undecided::Partly { found, .. }) => found,
        Err(crate::model::Undecided::Missing(_) | crate::model::Undecided::DoesNotApply(_)) => return None,
    };
    let blocker = findings.into_iter().find(|finding| finding.severity == Severity::Blocker)?;
    Some(blocker.summary)
}

fn nodes(facts: &Snapshot) -> u64 {
    let count = |cluster: &ClusterState| cluster.nodes.len() as u64;
    let told = facts.application().ok().and_then(|facts| facts.nodes.value()).and_then(Option::as_ref);
    told.map_or(1, count)
}
