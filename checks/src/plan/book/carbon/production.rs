//! The night: everything is stopped, copied for the last time, and the copy becomes production.

use super::commands::{ask_console, follow_log, script, start, stop};
use super::databases::{dump_file, sessions, swap_names};
use super::homes::Homes;
use super::{artifacts, configuration, copying, trial};
use crate::facts::{BackupKind, Role, ServiceManager};
use crate::plan::book::commands::{backup_file, dump, on_host, pack, sh, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::Leg;
use crate::plan::book::night::{begin, scanners, snapshot};
use crate::rules::wording::first_few;

pub(super) fn steps(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if leg.is_first() {
        drafts.extend([begin(desk), snapshot(desk)]);
        drafts.extend(scanners(desk, leg));
    }
    drafts.extend([no_way_back(leg, homes), stop_all(desk, homes), connected(homes)]);
    drafts.extend([
        back_up_databases(desk, leg, homes),
        back_up_home(desk, leg, homes),
        copying::final_copy(desk, leg, homes),
        artifacts::copy_artifacts(desk, leg, homes),
        copying::migrate(desk, leg, homes),
    ]);
    drafts.extend(copying::indexes(leg, homes));
    drafts.extend([promote(desk, leg, homes), switch(desk, leg, homes), begin_anew(desk, leg, homes)]);
    drafts.extend(other_nodes(desk, leg, homes));
    drafts.push(test(desk, leg, homes));
    drafts
}

fn no_way_back(leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let databases: Vec<String> = homes.stores.iter().map(|store| copying::words(store, false)).collect();
    Draft::work("no-way-back", "Agree that there is no way back")
        .text(format!(
            "The vendor knows no way from {} back to {}. What ran before stays as it is, in {} and in {}, and can be started again \
             only until users write into the new release: whatever they write from then on is in the new databases alone.",
            leg.to,
            leg.from,
            homes.old,
            databases.join("; ")
        ))
        .list(vec![
            "Whoever is responsible for the service knows it and agrees".to_owned(),
            "It is agreed who decides to go back, and until when".to_owned(),
            format!("Nobody starts {}, changes its databases or deletes either before the new release was accepted", homes.old),
        ])
}

/// The servers that are known, in words.
fn servers_words(homes: &Homes<'_>) -> String {
    let servers = homes.servers();
    if servers.is_empty() {
        return "No other server is known; who has sessions on the databases tells of those that are not."
            .to_owned();
    }
    format!(
        "Known from the configuration and from sessions on the databases: {}. A forgotten one shows in the next step.",
        first_few(servers.iter().map(String::as_str), servers.len() as u64)
    )
}

fn stop_all(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let draft = Draft::work("stop", format!("Stop every {product} server on these databases")).outage().text(
        format!(
            "Each node, each worker, each other product that shares one of the databases. {}",
            servers_words(homes)
        ),
    );
    let draft = match site.proxy() {
        Some(proxy) => draft.text(format!("Let the load balancer of {proxy} show a maintenance page first.")),
        None => draft.text("Where a load balancer stands before it, let it show a maintenance page first."),
    };
    draft
        .block(on_host(site, stop(site, &homes.old)))
        .text("The same on every other host. wso2carbon.pid stays behind after a stop and says nothing.")
        .caution("A server that is only in maintenance mode keeps its sessions and goes on writing.")
        .time(desk.share(10))
}

fn connected(homes: &Homes<'_>) -> Draft {
    let mut draft = Draft::work("sessions", "See that nobody is connected to the databases").outage().text(
        "Look three times, twenty seconds apart: a pool that is still alive fills itself again. An account without the right that \
         is named sees its own sessions only, and no row then means nothing.",
    );
    for store in &homes.stores {
        if let Some(block) = sessions(store) {
            draft = draft.block(block);
        }
    }
    draft.text("Whoever is left is found by its host, stopped there, and looked for again.")
}

fn back_up_databases(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let mut draft = Draft::work("backup-database", "Back up the databases").outage().text(
        "The dump is the backup of the last moment, and the copy for the new database is made from it.",
    );
    for store in &homes.stores {
        let file = dump_file(site, store, &format!("before-{}", leg.to));
        draft = match dump(site, &store.running, &file) {
            Some((text, block)) => draft.text(format!("{}: {text}", store.called())).block(block),
            None => draft.text(format!(
                "{}: dump it in the way of its vendor, and see that the dump can be read to its end.",
                store.called()
            )),
        };
    }
    let sizes: Option<Vec<u64>> = homes.stores.iter().map(super::stores::Store::size).collect();
    draft.time(desk.moving(sizes.map(|sizes| sizes.into_iter().fold(0, u64::saturating_add))))
}

fn back_up_home(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let file = backup_file(site, BackupKind::Installation, leg.to.as_str());
    Draft::work("backup-home", "Back up the product home")
        .outage()
        .text(format!(
            "{} on this host; each other node has a home of its own, and it is backed up there.",
            homes.old
        ))
        .block(on_host(site, pack(site, &homes.old, &file)))
        .time(desk.packing(site.size(Role::Installation)))
}

fn promote(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let names: Vec<String> = homes
        .stores
        .iter()
        .map(|store| format!("{} is {}", store.called(), copying::words(store, true)))
        .collect();
    let mut draft = Draft::work("promote", "Make the new databases those of production")
        .outage()
        .text(format!(
            "The data sources of {} name the new databases already, and go on doing so: nothing is renamed, and {} cannot write \
             into them by mistake.",
            homes.new, homes.old
        ))
        .list(names)
        .text("What differed from production while both ran becomes as production needs it:")
        .list(configuration::as_production(homes));
    let swaps: Vec<_> = homes
        .stores
        .iter()
        .filter_map(|store| {
            swap_names(store, &format!("before_{}", leg.to.as_str().replace(['.', '-', '+'], "_")))
        })
        .collect();
    if !swaps.is_empty() {
        draft = draft
            .text(format!(
                "Only where others need the old name: exchange the names, and the name in the data sources of {}. The way back then \
                 begins with taking this back.",
                homes.new
            ))
            .blocks(swaps);
    }
    draft
        .text(
            "The vendor counts this switch alone as downtime. That holds only where nobody writes from the copy on; this book \
             counts from the moment the servers stop.",
        )
        .time(desk.share(5))
}

fn switch(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let java = trial::java(desk, leg);
    let draft = Draft::work("switch", format!("Have the service start {}", leg.to)).outage();
    let new_script = script(site, &homes.new);
    let draft = match &site.manager {
        ServiceManager::Systemd { unit } => draft
            .text(format!(
                "In the unit, {} takes the place of {} wherever it stands (ExecStart, ExecStop, PIDFile, WorkingDirectory), and \
                 JAVA_HOME is {java}. The last command must name the new home alone.",
                homes.new, homes.old
            ))
            .block(on_host(
                site,
                vec![
                    format!("systemctl edit --full {}", sh(unit)),
                    "systemctl daemon-reload".to_owned(),
                    format!("systemctl cat {} | grep --fixed-strings --regexp={} --regexp={}", sh(unit), sh(&homes.old), sh(&homes.new)),
                ],
            )),
        ServiceManager::InitScript { path } => draft
            .text(format!("In {path}, {} takes the place of {}, and JAVA_HOME is {java}.", homes.new, homes.old))
            .block(on_host(
                site,
                vec![format!("grep --line-number --fixed-strings --regexp={} --regexp={} {}", sh(&homes.old), sh(&homes.new), sh(path))],
            )),
        ServiceManager::WindowsService { name } => draft
            .text(
                "The service runs by YAJSW: the variable CARBON_HOME and wrapper.conf say which home it starts. YAJSW_HOME is where \
                 YAJSW is unpacked; the service gets the account it had (services.msc, Log On)."
            )
            .block(on_host(
                site,
                vec![
                    format!("sc qc {}", word(site, name)),
                    "YAJSW_HOME\\bat\\uninstallService.bat".to_owned(),
                    format!("setx /M CARBON_HOME {}", word(site, &homes.new)),
                    format!("copy {} YAJSW_HOME\\conf", word(site, &site.below(&homes.new, "bin/yajsw/wrapper.conf"))),
                    "YAJSW_HOME\\bat\\installService.bat".to_owned(),
                ],
            ))
            .text("Open a new prompt for the last command: the old one does not know the new variable."),
        ServiceManager::Scripts => draft.text(format!(
            "It is started by {new_script} from now on, with JAVA_HOME {java}: change whatever names the script of {}, such as \
             jobs at boot and monitoring.",
            homes.old
        )),
    };
    draft.time(desk.share(5))
}

fn begin_anew(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let https = homes.carbon.and_then(|home| home.ports.value()).map_or(9443, |ports| ports.https);
    let mut lines = start(site, &homes.new);
    lines.extend([follow_log(site, &homes.new), ask_console(site, https)]);
    Draft::work("start", format!("Start {} {}", desk.facts.product, leg.to))
        .outage()
        .when(homes.clustering().is_some(), || "This node alone; the others wait.".to_owned())
        .block(on_host(site, lines))
        .list(trial::signs(desk, leg, homes, https))
        .caution(trial::perils(homes))
        .time(desk.share(25))
}

fn other_nodes(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Option<Draft> {
    let servers = homes.servers();
    let seen = homes.carbon.is_some_and(|home| home.clustering.value().is_some());
    if homes.clustering().is_none() && servers.len() < 2 && seen {
        return None;
    }
    let names = if servers.is_empty() && !seen {
        "Whether there are other nodes could not be seen. Every other node".to_owned()
    } else if servers.is_empty() {
        "Every other node".to_owned()
    } else {
        format!(
            "Of {}, all but this one",
            first_few(servers.iter().map(String::as_str), servers.len() as u64)
        )
    };
    let others = u32::try_from(servers.len().saturating_sub(1).max(1)).unwrap_or(1);
    Some(
        Draft::work("nodes", "Bring the other nodes over")
            .text(format!(
                "{names}: each gets its own new home, configured like this one (with its own address and offset), on the same new \
                 databases, which are neither copied nor changed again. Start one, wait for \"WSO2 Carbon started in\", then the next."
            ))
            .caution(format!(
                "No node of {} may be started any more: nodes of two releases do not stand in one cluster.",
                leg.from
            ))
            .time(desk.share(25_u32.saturating_mul(others))),
    )
}

fn test(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let mut items = vec![
        format!("The console says {}, and its users and roles are those of before", leg.to),
        "A user of each user store logs in".to_owned(),
        "One call of each service that matters most succeeds, through the load balancer".to_owned(),
    ];
    if homes.tenants() != super::homes::Tenants::None {
        items.push("A user of a tenant logs in, and a service of it answers".to_owned());
    }
    Draft::work("test", "Test what matters before users come back")
        .outage()
        .text("The short list; the long one was done on staging. Whoever tests writes: it is the last moment at which going back loses nothing of users.")
        .list(items)
        .time(desk.share(10))
}
