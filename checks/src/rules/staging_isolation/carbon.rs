//! A home of WSO2 Carbon that was prepared beside the running one.

use std::collections::BTreeMap;

use crate::facts::{
    CarbonHome, Clustering, DatabaseConfig, Datasource, Engine, Field, Missing, Mount, Prepared, Source,
    UserStoreFile,
};
use crate::model::{Case, Finding, Severity};
use crate::rules::wording::{excerpt, first_few};

/// What both homes say, and where they are.
struct Both<'a> {
    running: &'a CarbonHome,
    prepared: &'a CarbonHome,
    /// The prepared home.
    place: &'a str,
    /// This host, when its name is known.
    host: Option<&'a str>,
}

/// Looks at one thing both could share.
type Look = fn(&Both<'_>) -> Result<Vec<Finding>, Missing>;

/// Adds what the prepared home shares with production, and what could not be seen; tells what was looked at.
pub(super) fn judge(
    case: &Case<'_>,
    prepared: &Field<Box<Prepared>>,
    found: &mut Vec<Finding>,
    missing: &mut Vec<Missing>,
) -> Result<String, Missing> {
    let prepared = match prepared.read(Source::Rehearsal, "the home that was prepared") {
        Ok(prepared) => prepared,
        Err(not_seen) => {
            missing.push(not_seen);
            return Ok("a prepared home that could not be read".to_owned());
        }
    };
    let installation = case.facts.installation()?;
    let place = prepared.place.as_str();
    match prepared.is_running_home.read(Source::Rehearsal, &format!("whether {place} is the running home")) {
        Ok(true) => {
            found.push(same_home(place, &installation.installation_dir));
            return Ok(format!("{place} is the running home itself"));
        }
        Ok(false) => {}
        Err(not_seen) => missing.push(not_seen),
    }
    let Some(running) = installation.carbon.as_deref() else {
        return Err(Missing::Unread {
            of: Source::Installation,
            what: "the home of the product".to_owned(),
            why: "the agent that took these facts did not read it".to_owned(),
        });
    };
    let host = case.facts.host().ok().and_then(|host| host.name.as_deref());
    let both = Both { running, prepared: &prepared.home, place, host };
    let rules: [Look; 6] = [datasources, clustering, synchroniser, mounts, user_stores, ports];
    for rule in rules {
        match rule(&both) {
            Ok(findings) => found.extend(findings),
            Err(not_seen) => missing.push(not_seen),
        }
    }
    missing.extend(not_told(&both));
    Ok(format!(
        "{place} has data sources, cluster, synchroniser, registries and user stores of its own, as far as its files tell"
    ))
}

fn same_home(place: &str, running: &str) -> Finding {
    Finding {
        severity: Severity::Blocker,
        subject: "prepared-home".to_owned(),
        summary: format!("{place} is the running home itself"),
        observed: format!("{place} and {running} are the same directory"),
        required: "a home of its own for the new release".to_owned(),
        remedy:
            "Unpack the new release into a directory of its own and name that in [instance.prepared] home."
                .to_owned(),
    }
}

/// A data source of the prepared home that leads into a database of production.
fn datasources(both: &Both<'_>) -> Result<Vec<Finding>, Missing> {
    let here = both.running.datasources.read(Source::Installation, "the data sources of the running home")?;
    let there =
        both.prepared.datasources.read(Source::Rehearsal, &format!("the data sources of {}", both.place))?;
    let mut production: BTreeMap<String, &str> = BTreeMap::new();
    for datasource in here {
        if let Some(place) = database_of(&datasource.config, both.host) {
            production.entry(place).or_insert(&datasource.name);
        }
    }
    let shared = |datasource: &Datasource| {
        let place = database_of(&datasource.config, both.host)?;
        let own = production.get(&place)?;
        Some(Finding {
            severity: Severity::Blocker,
            subject: format!("datasource: {}", datasource.name),
            summary: format!(
                "The data source {} of {} leads into production's database",
                datasource.name, both.place
            ),
            observed: format!("{place}, which {own} of the running home uses"),
            required: "the staging database".to_owned(),
            remedy: format!(
                "Do not start {}: the new release must never be connected to a database that was not upgraded. Write the URL \
                 of the staging database into {}.",
                both.place, datasource.config.place
            ),
        })
    };
    let mut subjects = std::collections::BTreeSet::new();
    let found = there.iter().filter_map(shared).filter(|finding| subjects.insert(finding.subject.clone()));
    Ok(found.collect())
}

/// Data sources of which it is not known where they lead.
fn not_told(both: &Both<'_>) -> Vec<Missing> {
    let untold = |field: &Field<Vec<Datasource>>, of: Source| {
        let sources = field.value()?;
        if sources.is_empty() {
            let what = "where the data of both homes is".to_owned();
            return Some(Missing::Unread { of, what, why: "one of them defines no data source".to_owned() });
        }
        let first = sources.iter().find(|source| database_of(&source.config, both.host).is_none())?;
        let why = first.config.defect.clone().unwrap_or_else(|| {
            format!("its URL in {} names no host and database that could be compared", first.config.place)
        });
        Some(Missing::Unread { of, what: format!("where the data source {} leads", first.name), why })
    };
    [
        untold(&both.running.datasources, Source::Installation),
        untold(&both.prepared.datasources, Source::Rehearsal),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where a database is, the same text for the same one; one in files has a place of its own for each home.
fn database_of(config: &DatabaseConfig, this_host: Option<&str>) -> Option<String> {
    let engine = config.engine?;
    if engine.is_embedded() {
        // Relative to the home; only what is no path below it can be shared.
        return Some(config.url.clone().unwrap_or_default()).filter(|url| !url.is_empty()).map(|url| {
            if url.contains(":/") || url.contains(":~/") {
                url
            } else {
                format!("{url} below {}", config.place)
            }
        });
    }
    let host = config.host.as_deref()?.to_ascii_lowercase();
    let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]")
        || this_host.is_some_and(|name| name.eq_ignore_ascii_case(&host));
    let host = if is_here { "localhost" } else { &host };
    let usual = match engine {
        Engine::Postgresql => 5432,
        Engine::Mysql | Engine::Mariadb => 3306,
        Engine::SqlServer => 1433,
        Engine::Oracle => 1521,
        Engine::H2 | Engine::Hsqldb => 0,
    };
    let schema = config.schema.as_deref().map(|schema| format!("?{schema}")).unwrap_or_default();
    Some(format!("{host}:{}/{}{schema}", config.port.unwrap_or(usual), config.database.as_deref()?))
}

/// A member of the cluster of production.
fn clustering(both: &Both<'_>) -> Result<Vec<Finding>, Missing> {
    let there =
        both.prepared.clustering.read(Source::Rehearsal, &format!("the clustering of {}", both.place))?;
    if !there.enabled {
        return Ok(Vec::new());
    }
    let here = both.running.clustering.read(Source::Installation, "the clustering of the running home")?;
    if !here.enabled {
        return Ok(Vec::new());
    }
    let nodes = |clustering: &Clustering| -> Vec<String> {
        clustering
            .members
            .iter()
            .chain(&clustering.local_member)
            .map(|member| member.to_ascii_lowercase())
            .collect()
    };
    let known = nodes(here);
    let common: Vec<&String> =
        there.members.iter().filter(|member| known.contains(&member.to_ascii_lowercase())).collect();
    let same_domain = here.domain == there.domain;
    // By multicast everybody of a domain is found, whoever is named.
    let reaches = !common.is_empty() || there.scheme.as_deref() != Some("wka");
    if !same_domain && common.is_empty() {
        return Ok(Vec::new());
    }
    let domain = there.domain.as_deref().unwrap_or("the default");
    let members = common.iter().map(|member| member.as_str());
    let observed = if common.is_empty() {
        format!("clustering is on in {}, in the domain {domain}", there.place)
    } else {
        format!(
            "clustering is on in {}, in the domain {domain}, with {} of production",
            there.place,
            first_few(members, common.len() as u64)
        )
    };
    Ok(vec![Finding {
        severity: if same_domain && reaches { Severity::Blocker } else { Severity::Warning },
        subject: "clustering".to_owned(),
        summary: format!("{} would join the cluster of production", both.place),
        observed,
        required: "clustering off, or a domain and members of its own".to_owned(),
        remedy: format!(
            "Before {} is started, switch clustering off in {} or give it a domain and members of its own.",
            both.place, there.place
        ),
    }])
}

/// Artifacts that are written into the repository of production.
fn synchroniser(both: &Both<'_>) -> Result<Vec<Finding>, Missing> {
    let there = both
        .prepared
        .synchroniser
        .read(Source::Rehearsal, &format!("the deployment synchroniser of {}", both.place))?;
    if !there.enabled {
        return Ok(Vec::new());
    }
    let here = both
        .running
        .synchroniser
        .read(Source::Installation, "the deployment synchroniser of the running home")?;
    // One that is not named may be the same: it is kept in the registry then.
    let is_other = matches!((&here.repository, &there.repository), (Some(one), Some(other)) if one != other);
    if is_other {
        return Ok(Vec::new());
    }
    let repository =
        there.repository.as_deref().map_or_else(|| "a repository it does not name".to_owned(), excerpt);
    let (severity, does) = if there.commits {
        (Severity::Blocker, "writes its artifacts back into")
    } else {
        (Severity::Warning, "takes artifacts from")
    };
    Ok(vec![Finding {
        severity,
        subject: "synchroniser".to_owned(),
        summary: format!("{} {does} the repository of production", both.place),
        observed: format!("DeploymentSynchronizer is on in {}, with {repository}", there.place),
        required: "the synchroniser off, or a repository of its own".to_owned(),
        remedy: format!("Before {} is started, switch it off in {}.", both.place, there.place),
    }])
}

/// Mounted registries that share a cache with production.
fn mounts(both: &Both<'_>) -> Result<Vec<Finding>, Missing> {
    let there = both.prepared.mounts.read(Source::Rehearsal, &format!("the mounts of {}", both.place))?;
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let here = both.running.mounts.read(Source::Installation, "the mounts of the running home")?;
    let cache = |mount: &Mount| mount.cache_id.clone().filter(|id| !id.trim().is_empty());
    let known: Vec<String> = here.iter().filter_map(cache).collect();
    let shared: Vec<String> = there.iter().filter_map(cache).filter(|id| known.contains(id)).collect();
    let Some(first) = shared.first() else { return Ok(Vec::new()) };
    Ok(vec![Finding {
        severity: Severity::Warning,
        subject: "cache-id".to_owned(),
        summary: format!("Mounted registries of {} bear the cache names of production", both.place),
        observed: format!("the cacheId {}", excerpt(first)),
        required: "names of its own; by convention account and URL of the database".to_owned(),
        remedy: format!(
            "Write account and URL of the staging database into the cacheId of each remote instance of {}: by the same name \
             caches of both may be shared.",
            both.place
        ),
    }])
}

/// User stores that ask the same directory or database as those of production.
fn user_stores(both: &Both<'_>) -> Result<Vec<Finding>, Missing> {
    let there =
        both.prepared.user_stores.read(Source::Rehearsal, &format!("the user stores of {}", both.place))?;
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let here = both.running.user_stores.read(Source::Installation, "the user stores of the running home")?;
    let address = |store: &UserStoreFile| store.address.as_deref().map(str::to_ascii_lowercase);
    let known: Vec<String> = here.iter().filter_map(address).collect();
    let shared: Vec<&str> = there
        .iter()
        .filter(|store| address(store).is_some_and(|address| known.contains(&address)))
        .map(|store| store.file.as_str())
        .collect();
    if shared.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Finding {
        severity: Severity::Warning,
        subject: "user-stores".to_owned(),
        summary: format!("User stores of {} ask the servers of production", both.place),
        observed: first_few(shared.iter().copied(), shared.len() as u64),
        required: "user stores of staging, as users are added in the tests".to_owned(),
        remedy: format!(
            "Change the addresses in the userstores of {} until the tests are done, or add no user and change no password \
             there; when the store is only read, waive this.",
            both.place
        ),
    }])
}

/// Both cannot run at once on this host.
fn ports(both: &Both<'_>) -> Result<Vec<Finding>, Missing> {
    let there = both.prepared.ports.read(Source::Rehearsal, &format!("the ports of {}", both.place))?;
    let here = both.running.ports.read(Source::Installation, "the ports of the running server")?;
    if here.https != there.https && here.http != there.http {
        return Ok(Vec::new());
    }
    Ok(vec![Finding {
        severity: Severity::Notice,
        subject: "ports".to_owned(),
        summary: format!("{} listens on the ports of the running server", both.place),
        observed: format!("{} and {} in both homes", there.https, there.http),
        required: "an offset of its own while it is tested beside the running server".to_owned(),
        remedy: format!(
            "Before {} is tested beside the running server, give it another Offset; set it back when it goes into production.",
            both.place
        ),
    }])
}

#[cfg(test)]
mod tests;
