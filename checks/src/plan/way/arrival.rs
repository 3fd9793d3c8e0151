//! The facts as they will be when a stop is reached, so that each stop can be judged as an upgrade of its own.

use super::{Change, Part, Way};
use crate::facts::{Field, JavaVersion, Reading, Snapshot};
use crate::version::ProductVersion;

/// The facts right before the upgrade to the stop with this number: the release before it runs, on what was changed
/// until then. What is changed together with the upgrade is in place too.
#[must_use]
pub fn on_arrival(facts: &Snapshot, way: &Way, stop: usize) -> Snapshot {
    let mut facts = facts.clone();
    for change in &way.before {
        make(&mut facts, change);
    }
    for (index, passed) in way.stops.iter().enumerate().take(stop + 1) {
        for change in &passed.with_jump {
            make(&mut facts, change);
        }
        if index < stop {
            run(&mut facts, &passed.version);
            for change in &passed.then {
                make(&mut facts, change);
            }
        }
    }
    facts
}

fn run(facts: &mut Snapshot, version: &ProductVersion) {
    if let Reading::Learned(learned) = &mut facts.installation {
        learned.facts.version = Field::Read(version.clone());
    }
}

fn make(facts: &mut Snapshot, change: &Change) {
    match change.part {
        Part::Java => {
            if let Reading::Learned(learned) = &mut facts.java
                && let Some(runtime) = learned.facts.runtimes.iter_mut().min_by_key(|runtime| runtime.role)
                && let Ok(feature) = change.to.parse()
            {
                runtime.version = Field::Read(JavaVersion { feature, text: change.to.clone() });
            }
        }
        Part::Database(_) => {
            if let Reading::Learned(learned) = &mut facts.database {
                learned.facts.version = Field::Read(change.to.clone());
            }
        }
        Part::Driver(engine) => {
            if let Reading::Learned(learned) = &mut facts.installation
                && let Field::Read(drivers) = &mut learned.facts.drivers
            {
                for driver in drivers.iter_mut().filter(|driver| driver.engine == engine) {
                    driver.version = Some(change.to.clone());
                }
            }
        }
        Part::OperatingSystem => {
            if let Reading::Learned(learned) = &mut facts.host {
                learned.facts.os.version = change.to.split_whitespace().nth(1).map(str::to_owned);
            }
        }
        Part::Connection => {
            if let Reading::Learned(learned) = &mut facts.installation
                && let Field::Read(config) = &mut learned.facts.database
            {
                config.data_source = None;
            }
        }
    }
}
