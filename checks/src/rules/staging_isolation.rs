//! Does staging keep its hands off production?

mod carbon;

use crate::facts::{Family, Missing, Source, Staging};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "staging-isolation",
    title: "Staging kept apart from production",
    category: Category::Preparation,
    products: Products::All,
    reads: &[Source::Rehearsal, Source::Installation],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The database, home, shared home, cluster and public address of the staging instance, as its agent tells them, beside \
those of this instance. Of a WSO2 Carbon product also the home that was prepared beside the running one, as its files \
describe it: its data sources, clustering, deployment synchroniser, mounted registries, user stores, ports and host name.

## Why it matters

Staging is made by copying production, configuration and all. A copy that still names production's database upgrades \
production when it is started with the new release; a copy that joins production's cluster or writes into its shared home \
damages it. A copy with production's address sends people and mails the wrong way. A Carbon server whose deployment \
synchroniser commits writes its artifacts back into the repository production reads, and users that are added in a test \
land in production's directory when its user store is asked.

## How to fix it

Before the copy is started, change in its `confluence.cfg.xml` the JDBC URL, `confluence.cluster.*` and the home \
directories, and in its `server.xml` the `proxyName`. In a Carbon home: the data sources in \
`repository/conf/datasources`, `clustering` in `axis2.xml`, `DeploymentSynchronizer` in `carbon.xml`, the `cacheId` of \
remote instances in `registry.xml`, the addresses in `userstores`; from 4.5 on all of them in `deployment.toml`. Keep it \
from the mail server and from production's database by firewall too.

## What it needs

The status of the staging agent (`[instance.rehearsal]`), or of a Carbon product the prepared home \
(`[instance.prepared]`), and read access to this instance's configuration. A database that is called `localhost` on both \
sides is compared with the names of the hosts.

## Settings

`[instance.rehearsal]`, `[instance.prepared]`. Without them the check does not apply.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let rehearsal = case.facts.rehearsal()?;
    case.facts.installation()?;
    let (mut found, mut missing, mut evidence) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(staging) = &rehearsal.staging {
        evidence.push(instance(case, staging, &mut found, &mut missing));
    }
    if let Some(prepared) = &rehearsal.prepared {
        evidence.push(carbon::judge(case, prepared, &mut found, &mut missing)?);
    }
    if evidence.is_empty() {
        return Err(Undecided::DoesNotApply("the configuration names no staging instance".to_owned()));
    }
    conclude(evidence.join("; "), found, missing)
}

/// The staging instance another agent watches.
fn instance(
    case: &Case<'_>,
    staging: &Staging,
    found: &mut Vec<Finding>,
    missing: &mut Vec<Missing>,
) -> String {
    let (theirs, own) = (&staging.profile, case.facts.profile());
    let name = &staging.instance;
    let words = words(case.facts.product.family());
    let mut shared =
        |what: &'static str, theirs: &Option<String>, own: &Option<String>, must_know: bool| match (
            theirs, own,
        ) {
            (Some(theirs), Some(own)) => (theirs == own).then(|| own.clone()),
            (None, Some(_)) if must_know => {
                let why = format!("the agent of {} does not know it", staging.place);
                missing.push(Missing::Unread {
                    of: Source::Rehearsal,
                    what: format!("{what} of {name}"),
                    why,
                });
                None
            }
            (_, None) if must_know => {
                let why = "the configuration of this instance does not tell it".to_owned();
                missing.push(Missing::Unread {
                    of: Source::Installation,
                    what: format!("{what} of this instance"),
                    why,
                });
                None
            }
            (_, _) => None,
        };
    let database = shared("the database", &theirs.database, &own.database, true);
    let home = shared("the home", &theirs.home, &own.home, false);
    let shared_home = shared("the shared home", &theirs.shared_home, &own.shared_home, false);
    let cluster = shared("the cluster", &theirs.cluster, &own.cluster, false);
    let address = shared("the address", &theirs.base_url, &own.base_url, false);
    let finding = |severity, subject: &str, summary: String, seen: String, remedy: String| Finding {
        severity,
        subject: subject.to_owned(),
        summary,
        observed: format!("both use {seen}"),
        required: "one of its own for staging".to_owned(),
        remedy,
    };
    let config =
        |key: &str| format!("Stop {name} now. Then change {key} of {name} before it is started again.");
    let findings = [
        database.map(|seen| {
            let summary = format!("{name} works on the database of this instance");
            finding(Severity::Blocker, "database", summary, seen, config(words.url))
        }),
        home.map(|seen| {
            let summary = format!("{name} works in the home directory of this instance");
            let remedy = format!("Stop {name} now, and give it a copy of the home{}.", words.home);
            finding(Severity::Blocker, "home", summary, seen, remedy)
        }),
        shared_home.map(|seen| {
            let summary = format!("{name} has a shared home of the same path as this instance");
            let remedy = format!(
                "Look with `mount` on both hosts whether it is the same file system; if it is, stop {name} and give it \
                 its own in confluence.cluster.home."
            );
            finding(Severity::Warning, "shared-home", summary, seen, remedy)
        }),
        cluster.map(|seen| {
            let summary = format!("{name} bears the cluster name of this instance and may join it");
            finding(Severity::Warning, "cluster", summary, seen, config(words.cluster))
        }),
        address.map(|seen| {
            let summary = format!("{name} gives itself the public address of this instance");
            let remedy = format!("Set another {} of {name}.", words.address);
            finding(Severity::Warning, "address", summary, seen, remedy)
        }),
    ];
    found.extend(findings.into_iter().flatten());
    format!("{name} has its own database, home, cluster and address, as far as both tell")
}

/// Where each family of products has it.
struct Words {
    url: &'static str,
    home: &'static str,
    cluster: &'static str,
    address: &'static str,
}

fn words(family: Family) -> Words {
    match family {
        Family::Confluence => Words {
            url: "hibernate.connection.url in the confluence.cfg.xml",
            home: " in confluence-init.properties",
            cluster: "confluence.cluster.name and the peers in the confluence.cfg.xml",
            address: "proxyName in the server.xml and another base URL in the general configuration",
        },
        Family::Carbon => Words {
            url: "the URLs in repository/conf/datasources (from 4.5 on in deployment.toml)",
            home: ", from which it is started",
            cluster: "the parameter domain and the members in axis2.xml (from 4.5 on in deployment.toml)",
            address: "HostName in the carbon.xml (from 4.5 on hostname in deployment.toml)",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cluster, Profile};
    use crate::golden::Golden;
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, config, installation, judges_spoilt, rehearsal};

    fn profile(golden: &mut Golden) -> &mut Profile {
        &mut rehearsal(golden).staging.as_mut().unwrap().profile
    }

    fn clustered(golden: &mut Golden) {
        installation(golden).cluster = Some(Cluster {
            name: Some("wiki".into()),
            node: None,
            shared_home_dir: Some("/mnt/shared".into()),
        });
    }

    #[test]
    fn staging_must_share_nothing_with_production() {
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("no staging", |g| rehearsal(g).staging = None, Skipped, &[]),
            (
                "the same database",
                |g| profile(g).database = Some("db.example.com:5432/confluence".into()),
                Blocked,
                &[(Severity::Blocker, "database")],
            ),
            ("database not known there", |g| profile(g).database = None, Unknown, &[]),
            ("database not known here", |g| config(g).host = None, Unknown, &[]),
            (
                "the same home",
                |g| profile(g).home = g.facts.profile().home,
                Blocked,
                &[(Severity::Blocker, "home")],
            ),
            (
                "the same cluster and shared home",
                |g| {
                    clustered(g);
                    profile(g).cluster = Some("wiki".into());
                    profile(g).shared_home = Some("/mnt/shared".into());
                },
                Warning,
                &[(Severity::Warning, "shared-home"), (Severity::Warning, "cluster")],
            ),
            (
                "a cluster of its own",
                |g| {
                    clustered(g);
                    profile(g).cluster = Some("wiki-staging".into());
                },
                Ready,
                &[],
            ),
            (
                "the same address",
                |g| profile(g).base_url = Some("https://wiki.example.com".into()),
                Warning,
                &[(Severity::Warning, "address")],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
