//! The new databases: made empty, filled with a copy of the data, changed where the new release needs it.

use super::databases::{count_tables, create, drop_new, dump_file, read_in, rename_indexes};
use super::homes::Homes;
use super::stores::Store;
use crate::facts::{Engine, Product};
use crate::plan::book::commands::{dump, on_host, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::Leg;
use crate::plan::book::parts::Estimate;
use crate::rules::wording::counted;

/// Makes the new databases, empty.
pub(super) fn database(homes: &Homes<'_>) -> Draft {
    let engines = homes.stores.iter().filter_map(|store| store.running.engine);
    let kinds: Vec<&str> = engines.filter(|engine| !engine.is_embedded()).map(Engine::name).collect();
    let kind = kinds.first().copied().unwrap_or("database, of the kind production has");
    let mut draft = Draft::work("database", "Make a new, empty database").text(format!(
        "A server of the same kind, {kind}: data cannot be carried from one kind of database to another on this way. It stays \
         without any table; the tables come with the data in the next step."
    ));
    for store in &homes.stores {
        draft = embedded_caution(draft, store);
        draft = draft.text(format!(
            "{}: {} takes the place of {}.",
            store.called(),
            words(store, true),
            words(store, false)
        ));
        if let (Some(old), Some(new)) = (store.running.engine, store.new.engine)
            && old != new
        {
            draft = draft.caution(format!(
                "{} is {} now, and the new home names {}: what follows does not carry data from the one to the other.",
                store.called(),
                old.name(),
                new.name()
            ));
        }
        if store.still_running {
            draft = draft.caution(format!(
                "The new home names the running database for {}. The new release must never be started on it: write the new \
                 one into {} first.",
                store.called(),
                store.place.map_or_else(|| "its data sources".to_owned(), |place| homes.in_new(place))
            ));
        }
        draft = match state(homes, store) {
            Some((state, true)) => draft.text(state),
            Some((state, false)) => draft.text(state).blocks(drop_new(store)).blocks(create(store)),
            None => draft.blocks(create(store)),
        };
        if let Some(block) = count_tables(store) {
            draft = draft.block(block);
        }
    }
    draft.caution(
        "A count that is not 0 is of another database, or of one somebody has used: stop, and find out which before anything is \
         written into it.",
    )
}

/// What is in the new database already, and whether it is empty, where the agent could look into it.
fn state(homes: &Homes<'_>, store: &Store<'_>) -> Option<(String, bool)> {
    let all = homes.prepared?.databases.value()?;
    let staged = all.iter().find(|staged| store.names.contains(&staged.name.as_str()))?;
    let tables = staged.staging.value()?;
    let kernel = tables.kernel_tables.value()?.len() as u64;
    let others = tables.other_tables.value().copied()?;
    let address = &tables.address;
    if kernel.saturating_add(others) == 0 {
        return Some((format!("{address} is there already, and has no table."), true));
    }
    let told = format!(
        "{address} is there already, with {} of the kernel and {others} more. Where they are of an earlier try, drop it and make \
         it again; where nobody knows, find out first.",
        counted(kernel, "table")
    );
    Some((told, false))
}

fn embedded_caution(draft: Draft, store: &Store<'_>) -> Draft {
    if !store.running.engine.is_some_and(Engine::is_embedded) {
        return draft;
    }
    draft.caution(format!(
        "{} is in an embedded database ({}), which is for trying out only, and whose file a newer release may not read. Move \
         the data to a database server first, while the running release stays as it is, and make this book anew.",
        store.called(),
        store.running.name
    ))
}

/// A database in words: `PostgreSQL at db:5432, database carbon, account carbon`.
pub(super) fn words(store: &Store<'_>, new: bool) -> String {
    let database = if new { &store.new } else { &store.running };
    let Some(engine) = database.engine else {
        return "a database of a kind that could not be seen".to_owned();
    };
    if engine.is_embedded() {
        return format!("{}, embedded, {}", engine.name(), database.name);
    }
    let what = if engine == Engine::Oracle { "service" } else { "database" };
    format!(
        "{} at {}:{}, {what} {}, account {}",
        engine.name(),
        database.host,
        database.port,
        database.name,
        database.account
    )
}

/// Copies the data on staging.
pub(super) fn copy_data(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let draft = Draft::work("copy-data", "Copy the data into the new database").text(
        "The running servers may stay up for this: the copy is for trying only, and is made again in the night.",
    );
    copied(draft, desk, homes, &format!("for-staging-{}", leg.to)).caution(
        "Never run a script of dbscripts on a database with data in it: the one for PostgreSQL drops every table before it makes \
         it, empties most of them, and the client ends as if all were well.",
    )
}

/// Empties the new databases again and copies the data for good.
pub(super) fn final_copy(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let mut draft = Draft::work("copy-data", "Copy the data for good").outage().text(
        "What was tried on staging goes away: the new database is dropped, made again empty, and filled from the dump that was \
         just made.",
    );
    for store in &homes.stores {
        draft = draft.blocks(drop_new(store)).blocks(create(store));
        if let Some(block) = count_tables(store) {
            draft = draft.block(block);
        }
        let file = dump_file(desk.site, store, &format!("before-{}", leg.to));
        draft = read_in(draft, desk.site, store, &file);
    }
    draft
        .text(
            "The agent compares the rows of every table of both: `agent refresh` has it look at once. While nobody writes, they \
             are equal.",
        )
        .caution(
            "The statements that drop name the new database. Read each name twice: the one of production is a word away.",
        )
        .time(restoring(desk, homes))
}

fn copied(mut draft: Draft, desk: &Desk<'_>, homes: &Homes<'_>, purpose: &str) -> Draft {
    let site = desk.site;
    for store in &homes.stores {
        let file = dump_file(site, store, purpose);
        draft = match dump(site, &store.running, &file) {
            Some((text, block)) => draft.text(format!("{}: {text}", store.called())).block(block),
            None => draft.text(format!("Dump {} in the way of its vendor.", store.called())),
        };
        draft = read_in(draft, site, store, &file);
    }
    let engines: Vec<Engine> = homes.stores.iter().filter_map(|store| store.running.engine).collect();
    let both = restoring(desk, homes).map(|time| Estimate { time: time.time.saturating_mul(2), ..time });
    draft
        .when(engines.contains(&Engine::Postgresql), || {
            "The whole dump carries the sequences. Where only data is copied into tables that are there already, set each \
             sequence to the largest number of its column afterwards, or the first new row collides."
                .to_owned()
        })
        .when(engines.iter().any(|engine| matches!(engine, Engine::Mysql | Engine::Mariadb)), || {
            "Routines and triggers keep the account that made them (DEFINER): where staging has another account, they are made \
             anew with it."
                .to_owned()
        })
        .time(both)
}

fn restoring(desk: &Desk<'_>, homes: &Homes<'_>) -> Option<Estimate> {
    let sizes: Option<Vec<u64>> = homes.stores.iter().map(Store::size).collect();
    desk.moving(sizes.map(|sizes| sizes.into_iter().fold(0, u64::saturating_add)))
}

/// What the new release needs of the database beyond a copy.
pub(super) fn migrate(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let outage = |draft: Draft| if leg.production() { draft.outage() } else { draft };
    if homes.pair.is_some() {
        return Draft::work("migrate", "Change nothing in the database")
            .text(format!(
                "Tables, columns and keys of {} and {} are the same: the copy is all the new release needs, and no script is \
                 run.",
                leg.from, leg.to
            ))
            .optional();
    }
    let product = desk.facts.product;
    let ages = matches!(product, Product::Wso2IdentityServer | Product::Wso2ApiManager);
    let draft = Draft::work("migrate", "Let the vendor's migration client change the copy").text(format!(
        "What changes in the database between {} and {} is not described here: the vendor's guide for this pair and the \
         migration client that belongs to {product} {} say it. It runs on the new databases only, with {product} {} at its \
         newest update level, and is tried on staging as often as it takes.",
        leg.from, leg.to, leg.to, leg.to
    ));
    let draft = draft.when(ages && !leg.production(), || {
        "Have the vendor's clean-up of sessions and tokens run on production in the weeks before: what is gone needs neither to be \
         copied nor to be changed."
            .to_owned()
    });
    let draft = match product {
        Product::Wso2IdentityServer => draft.list(vec![
            "Put the client into repository/components/dropins and its migration-resources into the new home; write both \
             versions into migration-config.yaml"
                .to_owned(),
            "Start once with -Dmigrate -Dcomponent=identity -DdryRun and read its report; many of its parts write none".to_owned(),
            "Start with -Dmigrate -Dcomponent=identity; then take the client out of dropins".to_owned(),
        ]),
        Product::Wso2ApiManager => draft.list(vec![
            format!("Start once with -Dmigrate -DmigrateFromVersion={} -DrunPreMigration and settle every line it complains of", leg.from),
            format!("Run the migration with -Dmigrate -DmigrateFromVersion={}; then take the client out of dropins", leg.from),
            "Where an Identity Server is its key manager, look up which of the two is upgraded first: the wrong order breaks both".to_owned(),
        ]),
        Product::Confluence
        | Product::Wso2Carbon
        | Product::Wso2ApplicationServer
        | Product::Wso2BusinessProcessServer
        | Product::Wso2ComplexEventProcessor
        | Product::Wso2DataAnalyticsServer
        | Product::Wso2DataServicesServer
        | Product::Wso2EnterpriseIntegrator
        | Product::Wso2EnterpriseMobilityManager
        | Product::Wso2EnterpriseServiceBus
        | Product::Wso2GovernanceRegistry
        | Product::Wso2IotServer
        | Product::Wso2MessageBroker
        | Product::Wso2MicroIntegrator => draft,
    };
    let draft = if site.windows || leg.production() {
        draft
    } else {
        draft
            .text("What differs between the scripts of both releases shows what the client has to do:")
            .block(on_host(
                site,
                vec![format!(
                    "diff --recursive --brief {} {}",
                    word(site, &site.below(&homes.old, "dbscripts")),
                    word(site, &site.below(&homes.new, "dbscripts"))
                )],
            ))
    };
    outage(draft)
        .caution("It is one way: after a failure the new database is dropped and filled again. It never runs on production's.")
        .time(restoring(desk, homes))
}

/// Names of indexes that differ between the scripts of two releases.
pub(super) fn indexes(leg: &Leg<'_>, homes: &Homes<'_>) -> Option<Draft> {
    let blocks: Vec<_> = homes.stores.iter().filter_map(|store| rename_indexes(homes, store)).collect();
    (!blocks.is_empty()).then(|| {
        Draft::work("indexes", format!("Give two indexes the names of {}", leg.to))
            .optional()
            .text(
                "Only their names differ, and the old names do no harm; with the new ones the database looks as the scripts of the \
                 new release make it. An index that is not there was never made: leave it out.",
            )
            .blocks(blocks)
    })
}
