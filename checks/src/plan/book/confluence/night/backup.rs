//! Stopping, and the backups of that very moment.

use super::Leg;
use super::commands::stop;
use crate::facts::{BackupKind, Role};
use crate::plan::book::commands::{backup_file, dump, on_host, pack, sh, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::way::Method;

pub(super) fn stop_service(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let draft = Draft::work("stop", format!("Stop {product}")).outage();
    let nodes = site.nodes();
    let draft = if site.is_cluster() {
        let names = if nodes.is_empty() { "every node".to_owned() } else { nodes.join(", ") };
        draft.text(format!(
            "Every node is stopped, one after the other, and the load balancer shows a page that says so: {names}."
        ))
    } else {
        draft
    };
    let draft = match site.proxy() {
        Some(proxy) if !site.is_cluster() && leg.production() => {
            draft.text(format!("Let the reverse proxy of {proxy} show a maintenance page first."))
        }
        Some(_) | None => draft,
    };
    draft.block(on_host(site, stop(site))).time(desk.share(10))
}

/// Backups of the very moment: database, home and installation belong together.
pub(super) fn back_up(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Draft> {
    let site = desk.site;
    let before = leg.to.to_string();
    let mut drafts = Vec::new();
    let rolls = desk.method == Method::Rolling;
    let outage = |draft: Draft| if rolls { draft } else { draft.outage() };
    if site.database.engine.is_none_or(|engine| !engine.is_embedded()) {
        let file = backup_file(site, BackupKind::Database, &before);
        let draft = Draft::work("backup-database", "Back up the database")
            .when(rolls, || "The site stays up: the dump is of the moment at which it begins.".to_owned());
        let draft = match dump(site, &site.database, &file) {
            Some((text, block)) => draft.text(text).block(block),
            None => draft.text(
                "Which kind of database it is could not be seen: dump it in the way of its vendor, and see that the dump can \
                 be read to its end.",
            ),
        };
        drafts.push(outage(draft).time(desk.half_of_database()));
    }
    let home = backup_file(site, BackupKind::Home, &before);
    let shared = site.shared_home();
    let mut lines = pack(site, site.home(), &home);
    if let Some(shared) = shared {
        let name = format!(
            "{}-shared-home-before-{before}{}",
            desk.facts.instance,
            if site.windows { "" } else { ".tar.gz" }
        );
        lines.extend(pack(site, shared, &site.below(&site.backup_dir(BackupKind::Home), &name)));
    }
    let bytes =
        site.size(Role::Home).map(|home| home.saturating_add(site.size(Role::SharedHome).unwrap_or(0)));
    drafts.push(
        outage(
            Draft::work("backup-home", "Back up the home directory")
                .text(format!(
                    "The home is {}{}. {}",
                    site.home(),
                    shared.map_or_else(String::new, |shared| format!(", and the nodes share {shared}")),
                    if rolls {
                        "Made while people work, it is of about the same moment as the dump."
                    } else {
                        "Database and home must be of the same moment, or they do not fit together when they are restored."
                    }
                ))
                .when(outside(desk), || {
                    "Attachments lie outside of the home: they are backed up by their own snapshot or copy.".to_owned()
                })
                .block(on_host(site, lines)),
        )
        .time(desk.packing(bytes)),
    );
    let installation = backup_file(site, BackupKind::Installation, &before);
    drafts.push(
        outage(
            Draft::work("backup-installation", "Back up the installation directory")
                .block(on_host(site, pack(site, site.program(), &installation))),
        )
        .time(desk.packing(site.size(Role::Installation))),
    );
    drafts
}

/// Whether attachments are kept outside of the home.
fn outside(desk: &Desk<'_>) -> bool {
    let site = desk.site;
    let homes = [Some(site.home()), site.shared_home()];
    desk.facts
        .installation()
        .ok()
        .and_then(|installation| installation.attachments_dir.as_deref())
        .is_some_and(|attachments| !homes.into_iter().flatten().any(|home| attachments.starts_with(home)))
}

pub(super) fn keep_files(desk: &Desk<'_>, leg: &Leg<'_>) -> Draft {
    let site = desk.site;
    let kept = kept_files(desk, leg);
    let mut paths: Vec<String> = carried(desk);
    if paths.is_empty() {
        paths = usual_files(desk);
    }
    let draft = Draft::work("keep-files", "Put the changed files aside")
        .outage()
        .text(format!("They are needed in a moment, when the new installation gets its settings: {kept}."));
    if site.windows {
        let lines = std::iter::once(format!("mkdir {}", word(site, &kept)))
            .chain(paths.iter().map(|path| format!("copy {} {}", word(site, path), word(site, &kept))))
            .collect();
        return draft.block(on_host(site, lines));
    }
    let list: Vec<String> = paths.iter().map(|path| sh(path)).collect();
    draft.block(on_host(
        site,
        vec![
            format!("mkdir --parents {}", sh(&kept)),
            format!("cp --parents --preserve=all {} {}", list.join(" "), sh(&kept)),
        ],
    ))
}

/// The directory in which the changed files of the old installation wait.
pub(super) fn kept_files(desk: &Desk<'_>, leg: &Leg<'_>) -> String {
    let name = format!("{}-files-of-{}", desk.facts.instance, leg.from);
    desk.site.below(&desk.site.backup_dir(BackupKind::Installation), &name)
}

/// Files that were changed or added by hand, as the check on them names them.
pub(super) fn carried(desk: &Desk<'_>) -> Vec<String> {
    let inside = |path: &str| path.starts_with(desk.site.program());
    desk.findings("customised-files")
        .iter()
        .map(|dated| &dated.finding)
        .filter(|finding| inside(&finding.subject) && !finding.summary.contains("removed"))
        .map(|finding| finding.subject.clone())
        .collect()
}

/// What is changed in nearly every installation, where nobody could compare it.
pub(super) fn usual_files(desk: &Desk<'_>) -> Vec<String> {
    let site = desk.site;
    let environment = if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" };
    ["conf/server.xml", environment, "confluence/WEB-INF/classes/confluence-init.properties"]
        .map(|path| site.below(site.program(), path))
        .into()
}
