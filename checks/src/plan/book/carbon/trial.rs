//! The new release is started on staging and tried.

use super::commands::{ask_console, follow_log, log, start_by_script, stop_by_script};
use super::homes::{Homes, Tenants};
use crate::plan::book::commands::{on_host, sh};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::Leg;
use crate::plan::way::Part;
use crate::rules::wording::{excerpt, first_few};

/// The Java the new release runs on: a new one where the way changes it, else the one in use.
pub(super) fn java(desk: &Desk<'_>, leg: &Leg<'_>) -> String {
    let changed = leg.with_jump.iter().any(|change| change.part == Part::Java) || leg.java.is_some();
    let in_use = desk.facts.java().ok().and_then(|java| java.in_use());
    match in_use {
        Some(runtime) if !changed => runtime.home.clone(),
        Some(_) | None => "NEW_JAVA_HOME".to_owned(),
    }
}

/// What a good start shows.
pub(super) fn signs(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>, https: u16) -> Vec<String> {
    let site = desk.site;
    vec![
        format!("{} has a line with \"WSO2 Carbon started in\"", log(site, &homes.new)),
        "No line has \"Could not resolve module\", \"Missing Constraint\" or \"Unresolved requirement\", and none has ERROR that the \
         old log does not have"
            .to_owned(),
        format!("https://127.0.0.1:{https}/carbon/admin/login.jsp answers 200; a product without a console refuses, and is asked at one of its services"),
        format!("The log and the console say {}", leg.to),
    ]
}

/// What must not be in the command line or in a script of the new release.
pub(super) fn perils(homes: &Homes<'_>) -> String {
    let found: Vec<String> = homes
        .prepared
        .and_then(|prepared| prepared.home.perilous_options.value())
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|option| format!("{} in {}", option.option, option.place))
        .collect();
    let seen = if found.is_empty() {
        String::new()
    } else {
        format!(" Take it out: {}.", excerpt(&found.join(", ")))
    };
    format!(
        "Never start it with -Dsetup or --cleanRegistry: the one makes tables anew, the other deletes the registry.{seen}"
    )
}

pub(super) fn start(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let (_, https) = homes.trial_ports();
    let java = java(desk, leg);
    let mut lines = start_by_script(site, &homes.new, &java);
    lines.extend([follow_log(site, &homes.new), ask_console(site, https)]);
    Draft::work("start", format!("Start {} {} on the copy", desk.facts.product, leg.to))
        .when(java == "NEW_JAVA_HOME", || {
            "NEW_JAVA_HOME is the Java the new release is to run on: the one in use could not be seen, or does not do for it.".to_owned()
        })
        .block(on_host(site, lines))
        .list(signs(desk, leg, homes, https))
        .caution(perils(homes))
        .time(desk.share(25))
}

pub(super) fn user_stores(homes: &Homes<'_>) -> Draft {
    let known = homes.user_stores();
    let mut items = vec![
        "Make two more user stores, of the kinds you use, each in a domain of its own".to_owned(),
        "Add a user to the first store and to each of the others, give each a role, and log in as each"
            .to_owned(),
    ];
    if let Some(known) = known {
        items.extend(known.iter().take(MOST).map(|store| {
            let tenant = store
                .tenant
                .map_or_else(|| "the super tenant".to_owned(), |tenant| format!("tenant {tenant}"));
            let domain = store.domain.as_deref().map_or_else(|| store.file.clone(), excerpt);
            format!("{domain} of {tenant}: its users are listed, and one of them can log in")
        }));
    }
    Draft::work("test-user-stores", "Try several user stores")
        .list(items)
        .when(known.is_none(), || {
            "Which user stores production has could not be seen: list them in its console, and try each."
                .to_owned()
        })
        .text("The domains stand in the table UM_DOMAIN of the new database, where the agent sees them.")
}

pub(super) fn tenants(homes: &Homes<'_>) -> Draft {
    let mut items = vec![
        "Make two tenants".to_owned(),
        "In each of them make a user store, in each a different one, and add users to it and to the first store".to_owned(),
        "Log in as a user of each tenant".to_owned(),
    ];
    let tenants = homes.tenants();
    if let Tenants::There(ids) = &tenants {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        items.push(format!(
            "Log in to each tenant that came over, and call one service of each, since a tenant is loaded only when somebody asks \
             for it: {}",
            first_few(names.iter().map(String::as_str), names.len() as u64)
        ));
    }
    let draft = Draft::work("test-tenants", "Try several tenants");
    let draft = if tenants == Tenants::None {
        draft
            .optional()
            .text("Production has no tenant but the super tenant: leave it out when you want none.")
    } else {
        draft
    };
    draft.list(items).when(tenants == Tenants::NotKnown, || {
        "Whether production has tenants could not be seen for sure: its console lists them; try each that came over.".to_owned()
    })
}

/// Lines of a list of things to try.
const MOST: usize = 30;

pub(super) fn features(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let mut items = Vec::new();
    if let Some(bundles) = desk.facts.plugins().ok().and_then(|plugins| plugins.bundles.as_deref()) {
        items.extend(
            bundles
                .custom
                .iter()
                .take(MOST)
                .map(|bundle| format!("{} {}: use what it does", bundle.name, bundle.version)),
        );
    }
    if let Some(datasources) = homes.datasources() {
        items.extend(
            datasources.iter().take(MOST).map(|datasource| {
                format!("Data source {}: its test in the console succeeds", datasource.name)
            }),
        );
    }
    let mounts = homes.carbon.and_then(|home| home.mounts.value()).map_or(&[][..], Vec::as_slice);
    items.extend(
        mounts
            .iter()
            .take(MOST)
            .map(|mount| format!("Mount {}: its resources can be browsed", excerpt(&mount.path))),
    );
    if homes.clustering().is_some() {
        items.push("Two nodes of the new release find each other, in a domain of their own".to_owned());
    }
    items.push("Every client that calls it: one call of each kind, with its real credentials".to_owned());
    items.push(
        "Everything that is scheduled, and everything that sends something: once, to somebody who expects it"
            .to_owned(),
    );
    let server = site.below(&homes.old, "repository/deployment/server");
    let draft = Draft::work("test-features", "Try every feature production uses").list(items);
    let draft = if site.windows {
        draft.block(on_host(
            site,
            vec![format!("dir /s /b /a-d {}", crate::plan::book::commands::word(site, &server))],
        ))
    } else {
        draft.block(on_host(
            site,
            vec![format!("find {} -mindepth 2 -maxdepth 2 -printf '%P\\n'", sh(&server))],
        ))
    };
    draft.text("It lists what is deployed: try each line, and write down what was tried.")
}

pub(super) fn stop(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    Draft::work("stop", "Stop it again")
        .text("It waits, stopped, until the night: what is written on it from now on is lost.")
        .block(on_host(desk.site, stop_by_script(desk.site, &homes.new)))
        .time(desk.share(5))
}
