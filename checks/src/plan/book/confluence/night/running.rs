//! The first start and what follows it until users may come back.

use super::commands::{ask_state, follow_log, start, stop};
use super::{Leg, joined};
use crate::facts::{Role, Search, Synchrony};
use crate::plan::book::commands::{on_host, word};
use crate::plan::book::confluence::preparation::outlook;
use crate::plan::book::desk::{Desk, Draft};
use crate::rules::clock::span;

pub(super) fn first_start(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let lines = start(site).into_iter().chain([follow_log(site), ask_state(site)]).collect();
    let node = site
        .nodes()
        .first()
        .map(|node| format!(" Start it on {node} alone; the other nodes wait."))
        .unwrap_or_default();
    Draft::work("start", format!("Start {product} {}", leg.to))
        .outage()
        .text(format!(
            "The first start changes the database and the home, and takes as long as they are large.{}",
            if site.is_cluster() { node.as_str() } else { "" }
        ))
        .list(vec![
            "The log says \"Upgrade completed successfully\" when all upgrade tasks have ended".to_owned(),
            format!("The log says \"{product} is ready to serve\""),
            format!("{}/status answers {{\"state\":\"RUNNING\"}}", site.local_url()),
        ])
        .block(on_host(site, lines))
        .caution(format!(
            "Do not stop it while upgrade tasks run. When it stops by itself with an error, keep the log, and go to the way \
             back unless the error is understood and solved within the time set for it. {} stays down meanwhile.",
            site.public_url()
        ))
        .time(joined(desk.share(25), desk.half_of_database()))
}

pub(super) fn synchrony(desk: &Desk<'_>) -> Option<Draft> {
    let site = desk.site;
    match site.synchrony()? {
        Synchrony::Managed => None,
        Synchrony::Standalone { url } => {
            let jar = site.below(site.home(), "synchrony-standalone.jar");
            Some(
                Draft::work("synchrony", "Upgrade Synchrony")
                    .text(format!(
                        "Synchrony runs on its own, at {url}, and must be of the same release. Stop it on each of its nodes, copy \
                         {jar}, {} and the database driver from {} there, and start it again. Then open a page for editing in two \
                         browsers.",
                        site.below(site.program(), "bin/synchrony"),
                        site.below(site.program(), "confluence/WEB-INF/lib")
                    ))
                    .time(desk.share(10)),
            )
        }
    }
}

pub(super) fn apps(desk: &Desk<'_>) -> Vec<Draft> {
    let Ok(plugins) = desk.facts.plugins() else {
        return vec![Draft::work("apps", "Update the apps").outage().text(format!(
            "Which apps there are could not be seen: {}/plugins/servlet/upm lists them.",
            desk.site.public_url()
        ))];
    };
    let answers = plugins.for_target(&desk.target.version);
    let all: Vec<_> = plugins.user_installed().collect();
    if all.is_empty() {
        return Vec::new();
    }
    let due: Vec<String> = all
        .iter()
        .map(|plugin| (plugin, outlook(desk, plugin, answers)))
        .filter(|(_, words)| words.starts_with("update"))
        .map(|(plugin, words)| format!("{} {}: {words}", plugin.name, plugin.version))
        .collect();
    let draft = Draft::work("apps", "Update the apps").outage().text(format!(
        "At {}/plugins/servlet/upm: update what has an update for {}, and see that each app that was enabled is enabled.",
        desk.site.public_url(),
        desk.target.version
    ));
    vec![draft.list(due).time(desk.share(10))]
}

pub(super) fn stop_again(desk: &Desk<'_>) -> Draft {
    Draft::work("stop-again", format!("Stop {} once more", desk.facts.product))
        .outage()
        .optional()
        .text("Only to clear the caches of the apps in the next step.")
        .block(on_host(desk.site, stop(desk.site)))
        .time(desk.share(5))
}

pub(super) fn clear_caches(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    // The vendor's page names them: https://support.atlassian.com/confluence/kb/how-to-clear-the-apps-plugins-cache-in-confluence-data-center/
    let directories = ["bundled-plugins", "plugins-cache", "plugins-osgi-cache", "plugins-temp"]
        .map(|name| word(site, &site.below(site.home(), name)));
    let lines = if site.windows {
        directories.iter().map(|directory| format!("rmdir /s /q {directory}")).collect()
    } else {
        vec![format!("rm --recursive --force {}", directories.join(" "))]
    };
    Draft::work("clear-caches", "Clear the caches of the apps")
        .outage()
        .optional()
        .text(
            "Old copies of apps in them can keep old code alive. They are made anew at the next start; clear them only while \
             nothing runs, and on each node in its own home.",
        )
        .block(on_host(site, lines))
}

pub(super) fn start_again(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    Draft::work("start-again", format!("Start {} again", desk.facts.product))
        .outage()
        .optional()
        .block(on_host(site, start(site).into_iter().chain([ask_state(site)]).collect()))
        .time(desk.share(5))
}

pub(super) fn search(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = desk.site;
    if leg.from.line() == leg.to.line() {
        return None;
    }
    Some(match &site.installation.search {
        Search::None => return None,
        Search::OpenSearch => Draft::work("search", "See to the search index").text(
            "The index is in OpenSearch. See that its cluster is well and of a version the release supports, and look under \
             Administration, General Configuration, Content indexing whether the index is rebuilt.",
        ),
        Search::Lucene { index_dir } => {
            let bytes = site.size(Role::Index);
            let rate = desk.policy().index_rebuild_mib_per_minute;
            let time = bytes.map(|bytes| {
                let minutes = bytes / (u64::from(rate.max(1)) << 20);
                let time = jiff::SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(i64::MAX / 60));
                format!("About {} at {rate} MiB a minute (index_rebuild_mib_per_minute).", span(time))
            });
            Draft::work("search", "See to the search index").text(format!(
                "The index in {index_dir} may be rebuilt by itself a minute or two after the start; while that lasts, search is \
                 incomplete and the server is loaded. See it at Administration, General Configuration, Content indexing,, and start it there when search finds \
                 nothing. {}",
                time.unwrap_or_default()
            ))
        }
    })
}

pub(super) fn other_nodes(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let site = desk.site;
    if !site.is_cluster() {
        return None;
    }
    let others: Vec<&str> = site.nodes().into_iter().skip(1).collect();
    let names = if others.is_empty() { "every other node".to_owned() } else { others.join(", then ") };
    Some(
        Draft::work("nodes", "Upgrade the other nodes")
            .text(format!(
                "When the first node runs {}: {names}. On each: install the same program, carry the same files over, put the same \
                 driver in, clear its caches, start it, and wait until the cluster shows it before the next. No node of {} may \
                 be started any more.",
                leg.to, leg.from
            ))
            .block(on_host(site, vec![ask_state(site)]))
            .time(desk.share(u32::try_from(others.len().max(1)).unwrap_or(1).saturating_mul(25))),
    )
}

pub(super) fn look_at_stop(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    Draft::work("look", format!("See that {} runs", leg.to))
        .outage()
        .list(vec![
            format!("{}/status answers RUNNING", site.local_url()),
            format!("An administrator can log in, and the foot of the page says {}", leg.to),
            "A page can be opened and saved".to_owned(),
            "The log has no error of the upgrade".to_owned(),
        ])
        .text("Users stay out: this is only a stop, and apps may not work on it.")
        .time(desk.share(5))
}

pub(super) fn test(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let mut items = vec![
        format!("The foot of the page says {product} {}", leg.to),
        "Log in as an administrator, as a user of each directory, and by single sign-on where there is one"
            .to_owned(),
        "Open, edit and save a page; upload an attachment and open an old one; search for both".to_owned(),
    ];
    if let Ok(plugins) = desk.facts.plugins() {
        items.extend(
            plugins
                .user_installed()
                .filter(|plugin| plugin.enabled)
                .map(|plugin| format!("App {}: use it on a page that needs it", plugin.name)),
        );
    }
    for dated in desk.findings("customised-layouts") {
        items.push(format!("{} ({})", dated.finding.summary, dated.finding.subject));
    }
    if let Some(proxy) = site.proxy() {
        items.push(format!("Through the proxy: {} opens, links in mails begin with it, uploads of large files work ({proxy})", site.public_url()));
    }
    if site.synchrony().is_some() {
        items.push("Edit one page in two browsers at the same time".to_owned());
    }
    let title = if leg.production() {
        "Test what matters before users come back"
    } else {
        "Test apps, customisations and proxy, and let users accept it"
    };
    Draft::work("test", title)
        .when(leg.production(), || "The short list; the long one was done on staging.".to_owned())
        .list(items)
        .time(leg.production().then(|| desk.share(10)))
}

pub(super) fn companion() -> Draft {
    Draft::work("companion", "See whether there is a newer Companion app").optional().text(
        "Where the Atlassian Companion app is rolled out to the desks by administrators, see on its release notes whether the \
         new release wants a newer one.",
    )
}
