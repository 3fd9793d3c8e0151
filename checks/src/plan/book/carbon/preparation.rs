//! What is done in the days and weeks before an upgrade of a Carbon product.

use super::artifacts::archive;
use super::databases::sessions;
use super::homes::Homes;
use crate::facts::{Engine, SessionGroup};
use crate::plan::book::commands::{on_host, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::legs;
use crate::plan::book::parts::{Block, Section, SectionKind};
use crate::plan::book::preparation::{
    administrator, announce, antivirus, backups, disk, driver, files, index, notes, platform, release, window,
};
use crate::plan::way::Method;
use crate::version::ProductVersion;

pub(super) fn section(desk: &Desk<'_>) -> Section {
    let all = legs(desk, SectionKind::Staging);
    let homes: Vec<Homes<'_>> = all.iter().map(|leg| Homes::of(desk, leg)).collect();
    let mut drafts = vec![
        release(desk),
        Draft::looked_at("license", "See that the licence allows it"),
        notes(desk),
        method(desk),
        platform(desk),
        database(desk),
        driver(desk),
        disk(desk),
        files(desk),
        antivirus(desk),
        Draft::looked_at("apps", "Note what is plugged in and see that each has a version"),
        customisations(desk),
        health(desk),
        administrator(desk),
        index(desk),
    ];
    drafts.extend(homes.first().map(|homes| servers(desk, homes)));
    drafts.extend([
        backups(desk),
        window(desk).text(
            "Choose an hour of low traffic: the vendor asks for it, and every call that comes in the meantime is refused.",
        ),
        announce(desk),
        download(desk),
    ]);
    Section {
        kind: SectionKind::Preparation,
        stop: None,
        title: "Preparation".to_owned(),
        intro: vec![Block::Text(
            "What is ticked here was seen by the agent, with the time at which it was seen; what is open must be resolved before \
             the night. All of it is done before the new release is started for the first time: the vendor makes it a condition."
                .to_owned(),
        )],
        steps: desk.finish_all(SectionKind::Preparation, None, drafts),
    }
}

fn method(desk: &Desk<'_>) -> Draft {
    let draft = Draft::work("method", "Know how the upgrade goes").list(vec![
        "Staging: a new database, empty, gets a copy of the data; the new release is set up beside the running one, is configured, \
         gets the artifacts, and is tried"
            .to_owned(),
        "Production: every server stops, the data and the artifacts are copied once more, and the new release with its databases \
         takes the place of the old one"
            .to_owned(),
        "The old home and the old databases are not touched: they are the only way back, until users write into the new ones".to_owned(),
    ]);
    match desk.asked {
        None | Some(Method::Archive) => draft,
        Some(asked @ (Method::Installer | Method::Rolling)) => draft.caution(format!(
            "The method {asked} was asked for, which this product does not have: this book is for the archive, with an outage.",
        )),
    }
}

fn database(desk: &Desk<'_>) -> Draft {
    let database = &desk.site.database;
    let draft = Draft::looked_at("database", "Bring the database to what the release needs");
    match database.engine {
        Some(Engine::H2 | Engine::Hsqldb) => draft.caution(
            "The embedded database is for trying out only. Move the data to a database server first, while the running release \
             stays as it is, and make this book anew.",
        ),
        Some(engine @ (Engine::SqlServer | Engine::Oracle)) => draft.text(format!(
            "The agent cannot ask {}: have its administrator say that the version is on the vendor's list, that the account {} may \
             create, alter and drop tables, indexes{}, and that the character set is as the vendor wants it.",
            engine.name(),
            database.account,
            if engine == Engine::Oracle { ", sequences, triggers and procedures" } else { " and procedures" }
        )),
        Some(Engine::Postgresql | Engine::Mysql | Engine::Mariadb) | None => draft,
    }
    .text("Do not change to another kind of database in the same night: the data cannot be carried over on this way.")
}

fn customisations(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("customisations", "Note what was changed by hand").text(format!(
        "Scripts in {} with own options of Java, templates, jaggery applications, the look of the login page: they are changed \
         again in the new release, on staging first.",
        desk.site.below(desk.site.program(), "bin")
    ))
}

fn health(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("health", "Begin with an instance that is well").text(format!(
        "{} has no line with ERROR that nobody can explain.",
        super::commands::log(desk.site, desk.site.program())
    ))
}

/// The inventory of everybody who uses the databases: a forgotten node writes into them in the night.
fn servers(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let mut draft = Draft::work("servers", "Find every server that uses the databases").text(format!(
        "All of them are stopped in the night: nodes and workers of {}, and other products that share one of the databases.",
        desk.facts.product
    ));
    let named = homes.clustering().map(|cluster| cluster.members.clone()).unwrap_or_default();
    if !named.is_empty() {
        draft = draft.text(format!("Named as members of the cluster: {}.", named.join(", ")));
    }
    let mut rows = Vec::new();
    for store in &homes.stores {
        let called = store.called();
        let Some(seen) = store.facts.and_then(|facts| facts.sessions.value()) else {
            draft = draft.text(format!("Who is connected to {called} could not be seen."));
            continue;
        };
        if let Some(hidden) = &seen.hidden {
            draft = draft.text(format!("{called}: not everybody was shown: {hidden}."));
        }
        rows.extend(seen.groups.iter().take(MOST).map(|SessionGroup { account, host, program, count }| {
            let program = program.clone().unwrap_or_else(|| "does not say".to_owned());
            vec![called.clone(), host.clone(), account.clone(), program, count.to_string()]
        }));
    }
    if !rows.is_empty() {
        let head = ["Database", "Host", "Account", "Program", "Sessions"].map(str::to_owned).to_vec();
        draft = draft.block(Block::Table { head, rows });
    }
    draft = draft.text("Look again at a busy hour, and note every host:");
    for store in &homes.stores {
        if let Some(Block::Commands { place, shell, lines }) = sessions(store) {
            let lines = lines.into_iter().map(|line| line.replace("-- no row; ", "-- ")).collect();
            draft = draft.block(Block::Commands { place, shell, lines });
        }
    }
    draft
}

/// Rows of a table that are shown of each database.
const MOST: usize = 20;

fn download(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let newer: Vec<&ProductVersion> = desk.stops();
    let all: Vec<&ProductVersion> = std::iter::once(desk.running).chain(newer).collect();
    let versions: Vec<String> = all.iter().map(ToString::to_string).collect();
    let lines = all
        .iter()
        .map(|version| {
            let file = word(site, &archive(desk, version));
            if site.windows {
                format!("certutil -hashfile {file} SHA256")
            } else {
                format!("sha256sum {file}")
            }
        })
        .collect();
    Draft::work("download", "Download the untouched archives")
        .text(format!(
            "Of {product} {}: the old one too, since only beside it can be told what was changed by hand. They come from the \
             vendor's download page or, for old releases, from its support, and are kept as they are.",
            versions.join(" and ")
        ))
        .text("Compare each checksum with the one on the page:")
        .block(on_host(site, lines))
        .text("Name the old one as pristine in [instance.files], and the new one in [instance.prepared], of the agent's configuration: \
             it then compares configuration, bundles and copies.")
}
