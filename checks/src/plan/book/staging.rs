//! What differs between staging and production, and what changed since staging was upgraded.

use super::desk::Desk;
use super::parts::SectionKind;
use crate::facts::Profile;

/// Differences as sentences without their full stop; `None` when nothing is known of a staging run.
pub(super) fn since(desk: &Desk<'_>) -> Option<Vec<String>> {
    let now = desk.facts.profile();
    let staging = desk.facts.rehearsal().ok().and_then(|rehearsal| rehearsal.staging.as_ref());
    let staging = staging.filter(|staging| staging.profile.version.as_ref() == Some(&desk.target.version));
    let prefix = format!("{}.", SectionKind::Staging.id());
    let marked = desk
        .facts
        .memory
        .steps
        .iter()
        .filter(|mark| mark.target == desk.target.version && mark.step.starts_with(&prefix))
        .find_map(|mark| Some((mark.at, mark.profile.as_ref()?)));
    if staging.is_none() && marked.is_none() {
        return None;
    }
    let mut told = Vec::new();
    if let Some(staging) = staging {
        let beside = differences(&staging.profile, &now);
        told.extend(beside.into_iter().map(|(what, there, here)| {
            format!("{what}: {there} on {}, {here} in production", staging.instance)
        }));
    }
    if let Some((at, then)) = marked {
        let day = jiff::tz::TimeZone::UTC.to_datetime(at).date();
        let moved = differences(then, &now);
        told.extend(moved.into_iter().map(|(what, before, today)| {
            format!("{what} of production: {before} when staging was begun on {day}, {today} now")
        }));
    }
    Some(told)
}

/// What two profiles say differently: what it is, and both values. Places and addresses always differ, and so does the
/// release after the upgrade of one of them.
fn differences(one: &Profile, other: &Profile) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut beside = |what: &str, a: Option<String>, b: Option<String>| {
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            found.push((what.to_owned(), a, b));
        }
    };
    let engine = |profile: &Profile| profile.engine.map(|engine| engine.name().to_owned());
    beside("kind of database", engine(one), engine(other));
    beside("version of the database", one.database_version.clone(), other.database_version.clone());
    beside("Java", one.java.clone(), other.java.clone());
    beside("operating system", one.operating_system.clone(), other.operating_system.clone());
    let nodes = |profile: &Profile| {
        Some(if profile.cluster.is_some() { "a cluster" } else { "a single node" }.to_owned())
    };
    beside("shape", nodes(one), nodes(other));
    if let (Some(a), Some(b)) = (&one.plugins, &other.plugins) {
        for (key, version) in a {
            match b.get(key) {
                None => found.push((format!("app {key}"), version.clone(), "not installed".to_owned())),
                Some(there) if there != version => {
                    found.push((format!("app {key}"), version.clone(), there.clone()));
                }
                Some(_) => {}
            }
        }
        for (key, version) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
            found.push((format!("app {key}"), "not installed".to_owned(), version.clone()));
        }
    }
    found
}
