//! Statements and commands for the databases of a Carbon product.

use super::homes::Homes;
use super::stores::Store;
use crate::facts::{BackupKind, Engine};
use crate::plan::book::commands::{
    brackets, character_set, dump_ending, identifier, literal, locale, on_host, sh, sql, word,
};
use crate::plan::book::desk::Draft;
use crate::plan::book::parts::{Block, Shell};
use crate::plan::book::site::{Database, Site};

/// Where a statement for a database is typed.
fn inside(database: &Database) -> String {
    if database.engine == Some(Engine::Oracle) {
        format!("in {}:{}, service {}, as {}", database.host, database.port, database.name, database.account)
    } else {
        format!("in {}:{}, database {}", database.host, database.port, database.name)
    }
}

fn as_administrator(database: &Database) -> String {
    format!("in {}:{}, as an administrator of the server", database.host, database.port)
}

/// The file a dump of a database goes into.
pub(super) fn dump_file(site: &Site<'_>, store: &Store<'_>, purpose: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
    };
    let of = if store.running.engine == Some(Engine::Oracle) {
        &store.running.account
    } else {
        &store.running.name
    };
    let name = format!(
        "{}-{}-{purpose}{}",
        plain(&site.facts.instance),
        plain(of),
        dump_ending(store.running.engine)
    );
    site.below(&site.backup_dir(BackupKind::Database), &name)
}

/// Makes the new database, empty. On SQL Server the restore makes it.
pub(super) fn create(store: &Store<'_>) -> Vec<Block> {
    let new = &store.new;
    let place = as_administrator(new);
    match new.engine {
        Some(Engine::Postgresql) => vec![sql(
            place,
            vec![format!(
                "CREATE DATABASE {} OWNER {} TEMPLATE template0{};",
                identifier(&new.name),
                identifier(&new.account),
                locale(store.settings())
            )],
        )],
        Some(Engine::Mysql | Engine::Mariadb) => {
            vec![sql(
                place,
                vec![format!("CREATE DATABASE {}{};", backticks(&new.name), character_set(store.settings()))],
            )]
        }
        Some(Engine::SqlServer) => vec![Block::Text(format!(
            "{} is not made now: the restore in the next step makes it, and refuses where it is there already.",
            new.name
        ))],
        Some(Engine::Oracle) => vec![Block::Text(format!(
            "Have the account {} made at {}:{}, service {}, with an empty schema, the tablespaces and the rights of {}.",
            new.account, new.host, new.port, new.name, store.running.account
        ))],
        Some(Engine::H2 | Engine::Hsqldb) | None => Vec::new(),
    }
}

/// Takes a new database away, so that it can be made again.
pub(super) fn drop_new(store: &Store<'_>) -> Vec<Block> {
    let new = &store.new;
    let place = as_administrator(new);
    match new.engine {
        Some(Engine::Postgresql) => {
            vec![sql(place, vec![format!("DROP DATABASE {};", identifier(&new.name))])]
        }
        Some(Engine::Mysql | Engine::Mariadb) => {
            vec![sql(place, vec![format!("DROP DATABASE {};", backticks(&new.name))])]
        }
        Some(Engine::SqlServer) => vec![sql(place, vec![format!("DROP DATABASE {};", brackets(&new.name))])],
        Some(Engine::Oracle) => vec![Block::Text(format!(
            "Have every object of the account {} at {}:{} dropped, or the account made anew.",
            new.account, new.host, new.port
        ))],
        Some(Engine::H2 | Engine::Hsqldb) | None => {
            vec![Block::Text(format!("Empty {} in the way of its vendor.", store.called()))]
        }
    }
}

fn backticks(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Counts the tables of the new database: there must be none.
pub(super) fn count_tables(store: &Store<'_>) -> Option<Block> {
    let new = &store.new;
    let line = match new.engine? {
        Engine::Postgresql => {
            "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', \
                               'information_schema'); -- 0"
                .to_owned()
        }
        Engine::Mysql | Engine::Mariadb => format!(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {}; -- 0",
            literal(&new.name)
        ),
        Engine::Oracle => "SELECT COUNT(*) FROM user_tables; -- 0".to_owned(),
        Engine::SqlServer | Engine::H2 | Engine::Hsqldb => return None,
    };
    Some(sql(inside(new), vec![line]))
}

/// Reads a dump into the new database, which stops at the first error.
pub(super) fn read_in(draft: Draft, site: &Site<'_>, store: &Store<'_>, file: &str) -> Draft {
    let Store { new, running, .. } = store;
    let (host, port, account) = (word(site, &new.host), new.port, word(site, &new.account));
    let (name, quoted) = (word(site, &new.name), word(site, file));
    match new.engine {
        Some(Engine::Postgresql) => draft.block(on_host(
            site,
            vec![
                format!(
                    "pg_restore --host={host} --port={port} --username={account} --dbname={name} --no-owner \
                     --no-privileges --single-transaction {quoted}"
                ),
                format!(
                    "psql --host={host} --port={port} --username={account} --dbname={name} --set=ON_ERROR_STOP=1 \
                     --command=ANALYZE"
                ),
            ],
        )),
        Some(engine @ (Engine::Mysql | Engine::Mariadb)) => {
            let client = if engine == Engine::Mariadb { "mariadb" } else { "mysql" };
            draft
                .block(on_host(
                    site,
                    vec![format!(
                        "{client} --host={host} --port={port} --user={account} --password {name} < {quoted}"
                    )],
                ))
                .text(
                    "It stops at the first error. MySQL takes nothing back: after an error drop the new database, make it again \
                     empty, and begin this step anew.",
                )
        }
        Some(Engine::SqlServer) => draft
            .text(
                "The first statement names the files in the dump; write them and new paths where words stand in capitals.",
            )
            .block(sql(
                as_administrator(new),
                vec![
                    format!("RESTORE FILELISTONLY FROM DISK = N{};", literal(file)),
                    format!(
                        "RESTORE DATABASE {} FROM DISK = N{} WITH CHECKSUM, MOVE N'LOGICAL_DATA' TO N'DATA_FILE', MOVE \
                         N'LOGICAL_LOG' TO N'LOG_FILE';",
                        brackets(&new.name),
                        literal(file)
                    ),
                    format!("USE {};", brackets(&new.name)),
                    format!("ALTER USER {0} WITH LOGIN = {0};", brackets(&new.account)),
                ],
            )),
        Some(Engine::Oracle) => {
            let dump = site.last(file);
            let connect = format!("system@//{}:{}/{}", new.host, new.port, new.name);
            draft
                .text(
                    "The dump must lie in the directory DATA_PUMP_DIR of the new server; the log must end with \"successfully \
                     completed\".",
                )
                .block(Block::Commands {
                    place: format!("on {}, with the client of Oracle", new.host),
                    shell: Shell::Sh,
                    lines: vec![format!(
                        "impdp {} schemas={old} remap_schema={old}:{} directory=DATA_PUMP_DIR dumpfile={} logfile={}",
                        sh(&connect),
                        sh(&new.account.to_uppercase()),
                        sh(dump),
                        sh(&format!("{dump}.new.log")),
                        old = sh(&running.account.to_uppercase()),
                    )],
                })
        }
        Some(Engine::H2 | Engine::Hsqldb) | None => draft.text(format!(
            "Read it into the new database of {} in the way of its vendor, so that it stops at the first error.",
            store.called()
        )),
    }
}

/// Lists who is connected to the running database.
pub(super) fn sessions(store: &Store<'_>) -> Option<Block> {
    let running = &store.running;
    let line = match running.engine? {
        Engine::Postgresql => format!(
            "SELECT client_addr, usename, application_name, count(*) FROM pg_stat_activity WHERE datname = {} AND pid <> \
             pg_backend_pid() GROUP BY 1, 2, 3; -- no row; needs pg_read_all_stats",
            literal(&running.name)
        ),
        Engine::Mysql | Engine::Mariadb => format!(
            "SELECT user, host, time FROM information_schema.processlist WHERE db = {} AND id <> CONNECTION_ID(); -- no row; \
             needs PROCESS",
            literal(&running.name)
        ),
        Engine::SqlServer => format!(
            "SELECT login_name, host_name, program_name FROM sys.dm_exec_sessions WHERE database_id = DB_ID({}) AND \
             session_id <> @@SPID; -- no row; needs VIEW SERVER STATE",
            literal(&running.name)
        ),
        Engine::Oracle => format!(
            "SELECT machine, program, COUNT(*) FROM v$session WHERE username = {} GROUP BY machine, program; -- no row; needs \
             SELECT on v_$session",
            literal(&running.account.to_uppercase())
        ),
        Engine::H2 | Engine::Hsqldb => return None,
    };
    Some(sql(inside(running), vec![line]))
}

/// Gives indexes the names the scripts of the new release give them.
pub(super) fn rename_indexes(homes: &Homes<'_>, store: &Store<'_>) -> Option<Block> {
    let engine = store.new.engine?;
    let renamed = homes.pair?.renamed;
    let line = |index: &super::pairs::Renamed| {
        let (table, old, new) = (index.table, index.old, index.new_name(engine));
        match engine {
            Engine::Postgresql | Engine::Oracle => Some(format!("ALTER INDEX {old} RENAME TO {new};")),
            Engine::Mysql | Engine::Mariadb => {
                Some(format!("ALTER TABLE {table} RENAME INDEX {old} TO {new};"))
            }
            Engine::SqlServer => Some(format!("EXEC sp_rename N'{table}.{old}', N'{new}', N'INDEX';")),
            Engine::H2 | Engine::Hsqldb => None,
        }
    };
    let lines: Vec<String> = renamed.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| sql(inside(&store.new), lines))
}

/// Gives the new database the name of the old one, where both are on one server.
pub(super) fn swap_names(store: &Store<'_>, aside: &str) -> Option<Block> {
    let Store { running, new, .. } = store;
    if running.host != new.host || running.port != new.port {
        return None;
    }
    let kept = format!("{}_{aside}", running.name);
    let lines = match running.engine? {
        Engine::Postgresql => vec![
            format!("ALTER DATABASE {} RENAME TO {};", identifier(&running.name), identifier(&kept)),
            format!("ALTER DATABASE {} RENAME TO {};", identifier(&new.name), identifier(&running.name)),
        ],
        Engine::SqlServer => vec![
            format!("ALTER DATABASE {} MODIFY NAME = {};", brackets(&running.name), brackets(&kept)),
            format!("ALTER DATABASE {} MODIFY NAME = {};", brackets(&new.name), brackets(&running.name)),
        ],
        Engine::Mysql | Engine::Mariadb | Engine::Oracle | Engine::H2 | Engine::Hsqldb => return None,
    };
    Some(sql(as_administrator(running), lines))
}
