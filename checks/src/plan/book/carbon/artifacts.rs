//! The new home and what goes into it beside its configuration: drivers, bundles, patches, artifacts.

use super::commands::package;
use super::homes::{Homes, Tenants};
use crate::facts::{BackupKind, BundleKind, Driver, Engine, Product};
use crate::plan::book::commands::{on_host, sh, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::Leg;
use crate::plan::book::parts::Block;
use crate::plan::way::Part;
use crate::rules::wording::{excerpt, first_few};
use crate::version::ProductVersion;

/// The vendor's archive of a release, where the book has it lie.
pub(super) fn archive(desk: &Desk<'_>, version: &ProductVersion) -> String {
    let site = desk.site;
    let name = format!("{}-{version}.zip", package(desk.facts.product));
    site.below(&site.backup_dir(BackupKind::Installation), &name)
}

pub(super) fn home(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let (new, parent) = (&homes.new, site.parent(&homes.new));
    let draft = Draft::work("home", format!("Set {} {} up beside {}", desk.facts.product, leg.to, leg.from));
    let draft = if let Some(prepared) = homes.prepared {
        let states = prepared.version.value().map_or_else(
            || "of a version that could not be read".to_owned(),
            |version| format!("and states {version}"),
        );
        draft.text(format!(
            "{new} is there {states}. Where it was unpacked as the vendor made it, this step is done."
        ))
    } else {
        draft.text(format!("The archive is unpacked into {new}. Nothing of {} is copied over it.", homes.old))
    };
    let versions =
        ["bin/version.txt", "bin/wso2carbon-version.txt"].map(|file| word(site, &site.below(new, file)));
    let unpacked = site.below(parent, &format!("{}-{}", package(desk.facts.product), leg.to));
    let zip = word(site, &archive(desk, leg.to));
    let lines = if site.windows {
        let mut lines = vec![format!("tar -xf {zip} -C {}", word(site, parent))];
        if unpacked != *new {
            lines.push(format!("move {} {}", word(site, &unpacked), word(site, new)));
        }
        lines.push(format!("type {}", versions.join(" ")));
        lines
    } else {
        let mut lines = vec![format!("unzip -q {zip} -d {}", sh(parent))];
        if unpacked != *new {
            lines.push(format!("mv {} {}", sh(&unpacked), sh(new)));
        }
        lines.push(format!("chown --recursive {}: {}", sh(&site.user), sh(new)));
        lines.push(format!("cat {}", versions.join(" ")));
        lines
    };
    let there = homes.prepared.is_some();
    let draft =
        draft.block(on_host(site, if there { lines.into_iter().rev().take(1).collect() } else { lines }));
    let draft = if homes.nested() {
        draft.caution(format!(
            "{new} and {} lie in each other: a copy of one would take the other with it. Put the new home beside the running one.",
            homes.old
        ))
    } else {
        draft
    };
    draft
        .caution("Do not copy repository/conf of the running home over it, nor single files of it: what the new release needs in them would be lost.")
        .time(desk.share(10))
}

/// The drivers of the kinds of database that are in use.
fn drivers<'a>(desk: &'a Desk<'_>, homes: &Homes<'_>) -> Option<Vec<&'a Driver>> {
    let engines: Vec<Engine> = homes.stores.iter().filter_map(|store| store.running.engine).collect();
    let all = desk.facts.installation().ok()?.drivers.value()?;
    let wanted = |driver: &&Driver| {
        engines.iter().any(|engine| {
            *engine == driver.engine || *engine == Engine::Mysql && driver.engine == Engine::Mariadb
        })
    };
    Some(all.iter().filter(wanted).collect())
}

pub(super) fn driver(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let library = site.below(&homes.new, "repository/components/lib");
    let draft = Draft::work("driver", "Put the database driver into the new home");
    if let Some(change) = leg.with_jump.iter().find(|change| matches!(change.part, Part::Driver(_))) {
        return draft.text(format!(
            "{} needs version {} of it; {} is for the old release. Put the new jar into {library}.",
            leg.to, change.to, change.from
        ));
    }
    if let Some(there) = homes.prepared.and_then(|prepared| prepared.drivers.value())
        && !there.is_empty()
    {
        let names: Vec<&str> = there.iter().map(|driver| driver.file.as_str()).collect();
        let names = excerpt(&names.join(", "));
        return draft
            .text(format!("In {} there is: {names}. See that it is the one the server needs.", homes.new));
    }
    let jars = drivers(desk, homes).unwrap_or_default();
    if jars.is_empty() {
        return draft.text(format!(
            "It does not come with the archive, and the jar in use could not be seen. Take the one the vendor of the database \
             names for the version of the server and for the Java of {}, and put it into {library}.",
            leg.to
        ));
    }
    let old = site.below(&homes.old, "repository/components/lib");
    let lines = jars.iter().map(|jar| copy(site, &site.below(&old, &jar.file), &library)).collect();
    draft
        .text("It does not come with the archive. Only the jar in lib is copied: the bundle made of it in dropins is made anew at each start.")
        .block(on_host(site, lines))
}

fn copy(site: &crate::plan::book::site::Site<'_>, from: &str, to: &str) -> String {
    let verb = if site.windows { "copy" } else { "cp" };
    format!("{verb} {} {}", word(site, from), word(site, to))
}

pub(super) fn bundles(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let draft = Draft::work("bundles", "Put your own bundles into the new home");
    let components = site.below(&homes.old, "repository/components");
    let Some(bundles) = desk.facts.plugins().ok().and_then(|plugins| plugins.bundles.as_deref()) else {
        return draft.text(format!(
            "Which bundles people put in could not be seen: compare dropins, lib and extensions of {components} with the untouched \
             archive of {}.",
            leg.from
        ));
    };
    if bundles.custom.is_empty() && bundles.broken.is_empty() {
        return draft.optional().text(format!("No bundle of people was found in {components}."));
    }
    let what = |kind| match kind {
        BundleKind::Dropin => format!("build it against {} and put the new jar into dropins", leg.to),
        BundleKind::Library => "copy the jar into lib".to_owned(),
        BundleKind::Extension => "copy the jar into extensions".to_owned(),
    };
    let shown = bundles.custom.iter().take(MOST);
    let rows =
        shown.map(|bundle| vec![bundle.file.clone(), bundle.version.clone(), what(bundle.kind)]).collect();
    let head = ["Bundle", "Version", "What to do"].map(str::to_owned).to_vec();
    let driver_files: Vec<&str> =
        drivers(desk, homes).unwrap_or_default().into_iter().map(|driver| driver.file.as_str()).collect();
    let plain: Vec<String> = bundles
        .custom
        .iter()
        .filter(|bundle| bundle.kind != BundleKind::Dropin)
        .filter(|bundle| !driver_files.iter().any(|driver| bundle.file.ends_with(driver)))
        .take(MOST)
        .map(|bundle| {
            let to = site.below(&homes.new, &bundle.file);
            copy(site, &site.below(&homes.old, &bundle.file), site.parent(&to))
        })
        .collect();
    let draft = draft.block(Block::Table { head, rows });
    let draft = if bundles.custom.len() > MOST {
        draft.text(format!("And {} more.", bundles.custom.len() - MOST))
    } else {
        draft
    };
    let draft = if plain.is_empty() { draft } else { draft.block(on_host(site, plain)) };
    draft
        .when(!bundles.broken.is_empty(), || {
            format!(
                "No bundles, or not readable, so that nobody can say what becomes of them: {}.",
                first_few(bundles.broken.keys().map(String::as_str), bundles.broken.len() as u64)
            )
        })
        .when(!bundles.machine_made.is_empty(), || {
            format!(
                "Not copied, since the product makes them anew: {}.",
                first_few(bundles.machine_made.iter().map(String::as_str), bundles.machine_made.len() as u64)
            )
        })
}

/// Rows and commands of a list that are shown.
const MOST: usize = 40;

pub(super) fn patches(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let tool = site
        .below(&homes.new, if site.windows { "bin/wso2update_windows.exe" } else { "bin/wso2update_linux" });
    let draft = Draft::work("patches", "Bring the new release to its newest update level").text(format!(
        "Where the archive has an update tool ({tool}), run it with --dry-run first; it ends with 3 when files of yours stand \
         against it. Do it before any data is migrated."
    ));
    match homes.carbon.and_then(|home| home.patches.value()) {
        None => draft.text(format!(
            "Which patches the running home has could not be seen: look into {}.",
            site.below(&homes.old, "repository/components/patches")
        )),
        Some(patches) => draft
            .when(!patches.present.is_empty(), || {
                let names = first_few(patches.present.iter().map(String::as_str), patches.present.len() as u64);
                format!(
                    "The running home has {names}. None of them is copied: ask the vendor for each, whether {} has what it mends \
                     or which patch of {} does.",
                    leg.to, leg.to
                )
            })
            .when(patches.level.is_some(), || {
                format!("The running home is at update level {}.", patches.level.as_deref().unwrap_or_default())
            })
            .when(patches.present.is_empty() && patches.level.is_none(), || {
                "The running home has neither patches nor an update level.".to_owned()
            }),
    }
}

/// Copies the artifacts; in the night what was changed and deleted since as well.
pub(super) fn copy_artifacts(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let title = if leg.production() { "Copy the artifacts for good" } else { "Copy the artifacts" };
    let draft = Draft::work("copy-artifacts", title);
    let draft = if leg.production() { draft.outage() } else { draft };
    let server = "repository/deployment/server";
    let mut below = vec![server];
    let tenants = homes.tenants();
    if tenants != Tenants::None {
        below.push("repository/tenants");
    }
    let draft = draft.text(format!(
        "{} holds what the super tenant has deployed: services, applications, user stores.{}",
        site.below(&homes.old, server),
        match &tenants {
            Tenants::None => " There are no tenants, so that nothing else is copied.".to_owned(),
            Tenants::There(ids) => format!(
                " {} holds the same of the {} other tenants.",
                site.below(&homes.old, "repository/tenants"),
                ids.len()
            ),
            Tenants::NotKnown => format!(
                " Whether there are other tenants could not be seen for sure: where {} has directories, they are copied as well.",
                site.below(&homes.old, "repository/tenants")
            ),
        }
    ));
    let draft = draft.block(on_host(site, lines(desk, leg, homes, &below)));
    draft
        .when(!site.windows, || {
            "Files that come with the new archive are left as they are; one of them that you had changed is changed again by hand."
                .to_owned()
        })
        .when(site.windows, || {
            "What is newer in the new home stays as it is. Take away by hand what was made on staging for trying.".to_owned()
        })
        .when(leg.production() && !site.windows, || {
            "What was deployed on staging for trying, and is not in the running home, goes away again.".to_owned()
        })
        .when(desk.facts.product == Product::Wso2IdentityServer, || {
            format!(
                "Users in the embedded directory ({}) are carried by none of these copies: see before whether it holds any that \
                 somebody needs, and what the vendor's guide says of them.",
                site.below(&homes.old, "repository/data")
            )
        })
        .when(homes.with_event_files(), || {
            "The directories eventpublishers and eventstreams of tenants stay behind: the new release does not take them."
                .to_owned()
        })
        .time(desk.share(5))
}

fn lines(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>, below: &[&str]) -> Vec<String> {
    let site = desk.site;
    if site.windows {
        let events = if homes.with_event_files() { " /XD eventpublishers eventstreams" } else { "" };
        let pair = |below: &&str| {
            let (from, to) = (site.below(&homes.old, below), site.below(&homes.new, below));
            format!(
                "robocopy {} {} /E /XO /COPY:DAT /R:1 /W:1 /NFL /NDL{events}",
                word(site, &from),
                word(site, &to)
            )
        };
        return below.iter().map(pair).collect();
    }
    let vendor = site.below(
        &site.backup_dir(BackupKind::Installation),
        &format!("{}-{}-vendor-files.txt", package(desk.facts.product), leg.to),
    );
    let mut lines = vec![format!(
        "unzip -Z1 {} '*/repository/deployment/server/*' | grep --invert-match '/$' | sed \
         's|^[^/]*/repository/deployment/server||' > {}",
        sh(&archive(desk, leg.to)),
        sh(&vendor)
    )];
    let delete = if leg.production() { " --delete" } else { "" };
    for part in below {
        let (from, to) = (site.below(&homes.old, part), site.below(&homes.new, part));
        let exclude = if part.ends_with("server") {
            format!(" --exclude-from={}", sh(&vendor))
        } else if homes.with_event_files() {
            " --exclude=/*/eventpublishers/ --exclude=/*/eventstreams/".to_owned()
        } else {
            String::new()
        };
        let if_there =
            if part.ends_with("tenants") { format!("test ! -d {} || ", sh(&from)) } else { String::new() };
        lines.push(format!(
            "{if_there}rsync --archive --itemize-changes{delete}{exclude} {} {}",
            sh(&format!("{from}/")),
            sh(&format!("{to}/"))
        ));
    }
    lines
}
