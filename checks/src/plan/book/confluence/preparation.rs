//! What is done in the days and weeks before an upgrade of Confluence.

use crate::facts::{AtHand, Engine, Field, Listing, Plugin, TargetPlugins, UpdateCheck};
use crate::model::Severity;
use crate::plan::book::commands::{self, sh, sql};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::parts::{Block, Section, SectionKind};
use crate::plan::book::preparation::{
    administrator, announce, antivirus, backups, disk, driver, files, index, notes, platform, release, window,
};
use crate::plan::way::Method;

pub(super) fn section(desk: &Desk<'_>) -> Section {
    let drafts = [
        release(desk),
        license(desk),
        notes(desk),
        method(desk),
        platform(desk),
        database(desk),
        driver(desk),
        disk(desk),
        files(desk),
        antivirus(desk),
        apps(desk),
        customisations(desk),
        health(desk),
        administrator(desk),
        index(desk),
        backups(desk),
        window(desk),
        announce(desk),
        download(desk),
    ];
    Section {
        kind: SectionKind::Preparation,
        stop: None,
        title: "Preparation".to_owned(),
        intro: vec![Block::Text(
            "What is ticked here was seen by the agent, with the time at which it was seen; what is open must be \
             resolved before the night. Work through it in order: the first steps take the longest to arrange."
                .to_owned(),
        )],
        steps: desk.finish_all(SectionKind::Preparation, None, drafts),
    }
}

fn license(desk: &Desk<'_>) -> Draft {
    let product = desk.facts.product;
    let draft = Draft::looked_at("license", "See that the licence allows it");
    let waits = desk.facts.license().ok().and_then(|license| match &license.at_hand {
        AtHand::File { place, in_force: false, .. } => Some(place.clone()),
        AtHand::File { .. } | AtHand::NotNamed | AtHand::Nothing(_) | AtHand::Unread(_) => None,
    });
    match waits {
        Some(place) => draft.text(format!(
            "A newer licence lies in {place}. Enter it in the running {product} before the upgrade, at {}/admin/license.action: \
             it counts only once it is entered.",
            desk.site.public_url()
        )),
        None => draft,
    }
}

fn method(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let instance = sh(&desk.facts.instance);
    let target = &desk.target.version;
    let draft = Draft::work("method", "Choose how the new program gets onto the host");
    let draft = match desk.method {
        Method::Installer => draft.text(format!(
            "This book is for the installer: it packs the old installation, puts the new one in its place in {} and brings a \
             Java of its own. Changed files are not carried over by it.",
            site.program()
        )),
        Method::Archive => draft.text(format!(
            "This book is for the archive: it is unpacked beside {}, gets the settings of the old installation, and then \
             takes its place. The old installation stays as it is, which makes the way back short.",
            site.program()
        )),
        Method::Rolling => draft.text(
            "This book is for a rolling upgrade: the nodes are upgraded one after the other while the site stays up.",
        ),
    };
    let others: Vec<String> = Method::ALL
        .into_iter()
        .filter(|other| *other != desk.method && (*other != Method::Rolling || site.is_cluster()))
        .map(|other| {
            format!(
                "`agent plan {instance} --target {target} --method {other}` writes the book for the other way"
            )
        })
        .collect();
    draft.list(others)
}

fn database(desk: &Desk<'_>) -> Draft {
    let database = &desk.site.database;
    let draft = Draft::looked_at("database", "Bring the database to what the release needs");
    match database.engine {
        Some(Engine::SqlServer) => draft
            .text(
                "The agent cannot ask SQL Server. Run this in the database of the product: every line must say what stands \
                 behind it.",
            )
            .block(sql(
                format!("in {}:{}, database {}", database.host, database.port, database.name),
                vec![
                    "SELECT IS_ROLEMEMBER('db_owner'); -- as the product's account: 1".to_owned(),
                    "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE database_id = DB_ID(); -- 1".to_owned(),
                    "SELECT DATABASEPROPERTYEX(DB_NAME(), 'Collation'); -- SQL_Latin1_General_CP1_CS_AS".to_owned(),
                    "SELECT OBJECT_NAME(object_id), name FROM sys.columns WHERE system_type_id = 167 AND \
                     OBJECTPROPERTY(object_id, 'IsUserTable') = 1; -- no row: every text column is nvarchar"
                        .to_owned(),
                    "SELECT lower_username, COUNT(*) FROM user_mapping GROUP BY lower_username HAVING COUNT(*) > 1 OR \
                     lower_username IS NULL; -- no row"
                        .to_owned(),
                ],
            )),
        Some(Engine::Oracle) => draft
            .text(
                "The agent cannot ask Oracle. Run this as the product's account: every line must say what stands behind it.",
            )
            .block(sql(
                format!("in {}:{}, service {}, as {}", database.host, database.port, database.name, database.account),
                vec![
                    "SELECT privilege FROM session_privs ORDER BY 1; -- CREATE SEQUENCE, CREATE SESSION, CREATE TABLE, CREATE TRIGGER"
                        .to_owned(),
                    "SELECT privilege FROM user_sys_privs WHERE privilege LIKE '% ANY %'; -- no row: wider rights break the upgrade"
                        .to_owned(),
                    "SELECT tablespace_name, max_bytes FROM user_ts_quotas; -- -1, which is unlimited".to_owned(),
                    "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'; -- AL32UTF8".to_owned(),
                    "SELECT lower_username, COUNT(*) FROM user_mapping GROUP BY lower_username HAVING COUNT(*) > 1 OR \
                     lower_username IS NULL; -- no row"
                        .to_owned(),
                ],
            )),
        Some(Engine::H2 | Engine::Hsqldb) => draft.caution(
            "The embedded database is for evaluation only. Move the data to an external one first, while the running \
             release stays as it is, and make this book anew.",
        ),
        Some(Engine::Postgresql | Engine::Mysql | Engine::Mariadb) | None => draft,
    }
    .text("Do not change to another kind of database in the same night: upgrade first, move afterwards.")
}

fn apps(desk: &Desk<'_>) -> Draft {
    let target = &desk.target.version;
    let draft = Draft::looked_at("apps", "Note the apps and see that each has a version").text(format!(
        "The same is told by the update check of the product: {}/plugins/servlet/upm/check.",
        desk.site.public_url()
    ));
    let Ok(plugins) = desk.facts.plugins() else { return draft };
    let answers = plugins.for_target(target);
    let rows: Vec<Vec<String>> = plugins
        .user_installed()
        .map(|plugin| {
            let state = if plugin.enabled { "enabled" } else { "disabled" };
            vec![
                plugin.name.clone(),
                plugin.version.clone(),
                state.to_owned(),
                outlook(desk, plugin, answers),
            ]
        })
        .collect();
    if rows.is_empty() {
        return draft.text("No app was installed by people.");
    }
    let head = vec!["App".to_owned(), "Version".to_owned(), "State".to_owned(), format!("With {target}")];
    draft.block(Block::Table { head, rows })
}

/// What becomes of a plug-in, in a few words.
pub(super) fn outlook(desk: &Desk<'_>, plugin: &Plugin, answers: Option<&TargetPlugins>) -> String {
    if desk.policy().ignored_plugins.contains(&plugin.key) {
        return "nobody will miss it (ignored_plugins)".to_owned();
    }
    let Some(answers) = answers else { return "nobody was asked yet".to_owned() };
    let newest = match answers.marketplace.get(&plugin.key) {
        Some(Field::Read(Listing::Listed { newest_compatible: Some(newest), .. })) => Some(newest.as_str()),
        Some(
            Field::Read(Listing::Listed { newest_compatible: None, .. } | Listing::NotListed)
            | Field::Unread(_),
        )
        | None => None,
    };
    let to = newest.map_or_else(String::new, |newest| format!(" to {newest}"));
    let finding =
        desk.findings("plugin-compatibility").iter().find(|dated| dated.finding.subject == plugin.key);
    let told = match &answers.instance {
        Field::Read(checks) => checks.get(&plugin.key).copied(),
        Field::Unread(_) => None,
    };
    match (finding.map(|dated| dated.finding.severity), told) {
        (None, _) => "works".to_owned(),
        (Some(_), Some(UpdateCheck::UpdateAfter)) => format!("update{to} right after the upgrade"),
        (Some(Severity::Blocker), _) => "no version works".to_owned(),
        (Some(_), _) if newest.is_some() => format!("update{to} before the upgrade"),
        (Some(_), Some(UpdateCheck::Incompatible)) => "no version works".to_owned(),
        (Some(_), _) => "nobody says that it works".to_owned(),
    }
}

fn customisations(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("customisations", "Note what was changed by hand").text(format!(
        "Changed layouts, themes and files are tried on staging and carried over in the night. The running {} shows its own \
         list at {}/admin/systeminfo.action under Modification.",
        desk.facts.product,
        desk.site.public_url()
    ))
}

fn health(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("health", "Begin with an instance that is well").text(format!(
        "The product's own checks: {}/plugins/servlet/troubleshooting/view.",
        desk.site.public_url()
    ))
}

fn download(desk: &Desk<'_>) -> Draft {
    let mut draft = Draft::work("download", "Download the new program").text(
        "Download it before the night, and compare its checksum with the one on the download page \
         (https://www.atlassian.com/software/confluence/download-archives).",
    );
    for version in desk.stops() {
        let file = desk.package(version);
        draft = draft.block(commands::on_host(
            desk.site,
            vec![
                format!("curl --fail --location --remote-name {DOWNLOADS}/{file}"),
                if desk.site.windows {
                    format!("certutil -hashfile {file} SHA256")
                } else {
                    format!("sha256sum {file}")
                },
            ],
        ));
    }
    draft
}

/// Where the vendor's programs lie, as the archives of its download page link to it.
const DOWNLOADS: &str = "https://product-downloads.atlassian.com/software/confluence/downloads";
