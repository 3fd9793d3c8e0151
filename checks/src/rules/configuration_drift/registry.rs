//! The switches of the registry by which versions of properties, comments, tags and ratings are kept.
//!
//! Their default changed from on to off in the newer products. Rows that were written while a switch was on are not found
//! while it is off, unless the vendor's clean-up statements were run first; and those must not be run when it was off
//! already. Source: the vendor's upgrade guides of Identity Server 5.9 and API Manager 3.x.

use std::collections::BTreeMap;

use crate::facts::{CarbonHome, Missing, Source};
use crate::model::{Finding, Severity};
use crate::rules::wording::first_few;

/// What is found when a switch that is on in the running home is off in the prepared one.
pub(super) fn switches(
    running: Option<&CarbonHome>,
    prepared: &CarbonHome,
) -> Result<Option<Finding>, Missing> {
    let running = running.ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: "the registry's switches".to_owned(),
        why: "the agent that took these facts did not read the home of the product".to_owned(),
    })?;
    let here = running.registry_versioning.read(Source::Installation, "the registry's switches")?;
    let there = prepared
        .registry_versioning
        .read(Source::Rehearsal, "the registry's switches in the prepared home")?;
    let is_on = |switches: &BTreeMap<String, bool>, name: &str| switches.get(name).copied();
    let changed: Vec<&str> = here
        .keys()
        .map(String::as_str)
        .filter(|name| is_on(here, name) == Some(true) && is_on(there, name) == Some(false))
        .collect();
    let count = changed.len() as u64;
    Ok((count > 0).then(|| Finding {
        severity: Severity::Warning,
        subject: "registry-versioning".to_owned(),
        summary: "The registry keeps versions of properties here and will not in the prepared home".to_owned(),
        observed: format!("on here and off there: {}", first_few(changed.iter().copied(), count)),
        required: "the same switches, or the vendor's clean-up of the registry before the first start".to_owned(),
        remedy: "Set the same values in the prepared home, or run the registry clean-up statements of the vendor's upgrade \
                 guide on the staging database before its first start: without them resources lose their properties, \
                 comments, tags and ratings. Where a switch is off already, they must not be run."
            .to_owned(),
    }))
}
