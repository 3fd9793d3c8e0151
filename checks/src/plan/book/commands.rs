//! Command lines with this instance's names in them, quoted so that they can be typed as they stand.
//!
//! Nothing here is ever executed: a person reads it, judges it and types it. No password stands in any of them.

use super::parts::{Block, Shell};
use super::site::{Database, Site};
use crate::facts::{BackupKind, Engine, ServiceManager, Settings};
pub(super) use crate::rules::wording::sh;

/// A word of a command line, quoted where the shell would take it apart.
pub(super) fn word(site: &Site<'_>, text: &str) -> String {
    if site.windows { cmd(text) } else { sh(text) }
}

/// A word for the command prompt of Windows, where a quote cannot be in a name.
fn cmd(text: &str) -> String {
    let plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:@/\\=+,".contains(c));
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace(['"', '\r', '\n'], "")) }
}

/// Commands on the host of the instance.
pub(super) fn on_host(site: &Site<'_>, lines: Vec<String>) -> Block {
    let (shell, rights) =
        if site.windows { (Shell::Cmd, "as administrator") } else { (Shell::Sh, "as root") };
    Block::Commands { place: format!("on {}, {rights}", site.host), shell, lines }
}

/// Commands of the agent, wherever it is installed.
pub(super) fn of_agent(site: &Site<'_>, lines: Vec<String>) -> Block {
    Block::Commands {
        place: format!("where the agent watches {}", site.facts.instance),
        shell: Shell::Sh,
        lines,
    }
}

/// Statements for the database.
pub(super) fn sql(place: String, lines: Vec<String>) -> Block {
    Block::Commands { place, shell: Shell::Sql, lines }
}

/// Stops the service and looks whether a process with the mark is left. The script is that of the product, with its
/// arguments: it is used where nobody else starts the service.
pub(super) fn stop(site: &Site<'_>, mark: &str, script: &[&str]) -> Vec<String> {
    let gone = format!("pgrep --full --list-full {} || echo stopped", word(site, mark));
    match &site.manager {
        ServiceManager::Systemd { unit } => vec![format!("systemctl stop {}", sh(unit)), gone],
        ServiceManager::InitScript { path } => vec![format!("{} stop", sh(path)), gone],
        ServiceManager::WindowsService { name } => {
            vec![format!("net stop {}", cmd(name)), format!("sc query {} | find \"STOPPED\"", cmd(name))]
        }
        ServiceManager::Scripts if site.windows => vec![words(site, script)],
        ServiceManager::Scripts => vec![as_user(site, script), gone],
    }
}

/// Starts the service; the script as for [`stop`].
pub(super) fn start(site: &Site<'_>, script: &[&str]) -> Vec<String> {
    match &site.manager {
        ServiceManager::Systemd { unit } => vec![format!("systemctl start {}", sh(unit))],
        ServiceManager::InitScript { path } => vec![format!("{} start", sh(path))],
        ServiceManager::WindowsService { name } => vec![format!("net start {}", cmd(name))],
        ServiceManager::Scripts if site.windows => vec![words(site, script)],
        ServiceManager::Scripts => vec![as_user(site, script)],
    }
}

/// Words of a command line, each quoted where it must be.
pub(super) fn words(site: &Site<'_>, list: &[&str]) -> String {
    list.iter().map(|text| word(site, text)).collect::<Vec<_>>().join(" ")
}

/// A program as the user of the service.
pub(super) fn as_user(site: &Site<'_>, program: &[&str]) -> String {
    format!("runuser -u {} -- {}", sh(&site.user), words(site, program))
}

/// The file into which a backup of this kind goes.
pub(super) fn backup_file(site: &Site<'_>, kind: BackupKind, before: &str) -> String {
    let name = format!("{}-{}-before-{before}", site.facts.instance, kind.id());
    let ending = match kind {
        BackupKind::Home | BackupKind::Installation if site.windows => "",
        BackupKind::Home | BackupKind::Installation => ".tar.gz",
        BackupKind::Database => dump_ending(site.database.engine),
    };
    site.below(&site.backup_dir(kind), &format!("{name}{ending}"))
}

/// How the name of a dump ends.
pub(super) fn dump_ending(engine: Option<Engine>) -> &'static str {
    match engine {
        Some(Engine::Postgresql) => ".dump",
        Some(Engine::SqlServer) => ".bak",
        Some(Engine::Oracle) => ".dmp",
        Some(Engine::Mysql | Engine::Mariadb | Engine::H2 | Engine::Hsqldb) | None => ".sql",
    }
}

/// Packs a directory and reads the archive to its end.
pub(super) fn pack(site: &Site<'_>, directory: &str, file: &str) -> Vec<String> {
    if site.windows {
        return vec![format!("robocopy {} {} /E /COPYALL /R:1 /W:1 /NFL /NDL", cmd(directory), cmd(file))];
    }
    vec![
        format!(
            "tar --create --gzip --file={} --directory={} {}",
            sh(file),
            sh(site.parent(directory)),
            sh(site.last(directory))
        ),
        format!("tar --list --file={} | wc -l", sh(file)),
    ]
}

/// Puts a directory back as it was packed; what is there is moved aside first.
pub(super) fn unpack(site: &Site<'_>, directory: &str, file: &str, aside: &str) -> Vec<String> {
    if site.windows {
        return vec![
            format!("move {} {}", cmd(directory), cmd(&format!("{directory}-{aside}"))),
            format!("robocopy {} {} /E /COPYALL /R:1 /W:1 /NFL /NDL", cmd(file), cmd(directory)),
        ];
    }
    vec![
        format!("mv {} {}", sh(directory), sh(&format!("{}-{aside}", directory.trim_end_matches('/')))),
        format!(
            "tar --extract --gzip --preserve-permissions --same-owner --file={} --directory={}",
            sh(file),
            sh(site.parent(directory))
        ),
    ]
}

/// Dumps a database into a file and looks whether the dump is whole: what is to be known of it, and how.
pub(super) fn dump(site: &Site<'_>, database: &Database, file: &str) -> Option<(String, Block)> {
    let (host, port, name, account) = (
        word(site, &database.host),
        database.port,
        word(site, &database.name),
        word(site, &database.account),
    );
    let quoted = word(site, file);
    let asks = format!("Into {file}. The password of {} is asked for.", database.account);
    let (text, lines) = match database.engine? {
        Engine::Postgresql => (
            format!("{asks} The second command reads the dump to its end and counts what is in it."),
            vec![
                format!(
                    "pg_dump --host={host} --port={port} --username={account} --format=custom --file={quoted} {name}"
                ),
                format!("pg_restore --list {quoted} {}", count_lines(site)),
            ],
        ),
        Engine::Mysql | Engine::Mariadb => {
            let program = if database.engine == Some(Engine::Mariadb) { "mariadb-dump" } else { "mysqldump" };
            let tail = if site.windows {
                format!("powershell Get-Content -Tail 1 {quoted}")
            } else {
                format!("tail -n 1 {quoted}")
            };
            let text = format!("{asks} The second command must show \"Dump completed on\".");
            (
                text,
                vec![
                    format!(
                        "{program} --host={host} --port={port} --user={account} --password --single-transaction --routines \
                     --triggers --hex-blob --result-file={quoted} {name}"
                    ),
                    tail,
                ],
            )
        }
        Engine::SqlServer => {
            let (name, path) = (brackets(&database.name), literal(file));
            let place = format!("in {}:{port}, as a member of db_backupoperator", database.host);
            let text = format!(
                "Into {file}, which is a path of the database server. The second statement verifies it."
            );
            let block = sql(
                place,
                vec![
                    format!("BACKUP DATABASE {name} TO DISK = N{path} WITH COPY_ONLY, CHECKSUM, INIT;"),
                    format!("RESTORE VERIFYONLY FROM DISK = N{path} WITH CHECKSUM;"),
                ],
            );
            return Some((text, block));
        }
        Engine::Oracle => {
            let file = site.last(file).to_owned();
            let connect = format!("//{}:{port}/{}", database.host, database.name);
            let text = format!(
                "Into {file} in the directory DATA_PUMP_DIR of the server. The password of system is asked for; the log must end \
                 with \"successfully completed\"."
            );
            let block = Block::Commands {
                place: format!("on {}, with the client of Oracle", database.host),
                shell: Shell::Sh,
                lines: vec![format!(
                    "expdp {} schemas={} directory=DATA_PUMP_DIR dumpfile={} logfile={}",
                    sh(&format!("system@{connect}")),
                    sh(&database.account.to_uppercase()),
                    sh(&file),
                    sh(&format!("{file}.log"))
                )],
            };
            return Some((text, block));
        }
        Engine::H2 | Engine::Hsqldb => return None,
    };
    Some((text, on_host(site, lines)))
}

fn count_lines(site: &Site<'_>) -> &'static str {
    if site.windows { "| find /c /v \"\"" } else { "| wc -l" }
}

/// Puts the database back from its dump; what is there is kept aside where the server can do that.
pub(super) fn restore(site: &Site<'_>, file: &str, aside: &str) -> Vec<Block> {
    let database = &site.database;
    let settings = site.facts.database().ok().and_then(|facts| facts.settings.value());
    let place = format!("in {}:{}, as an administrator of the server", database.host, database.port);
    let (host, port) = (word(site, &database.host), database.port);
    let (name, account, quoted) =
        (word(site, &database.name), word(site, &database.account), word(site, file));
    match database.engine {
        Some(Engine::Postgresql) => {
            let (own, owner) = (identifier(&database.name), identifier(&database.account));
            let failed = identifier(&format!("{}_{aside}", database.name));
            vec![
                sql(
                    place,
                    vec![
                        format!("ALTER DATABASE {own} RENAME TO {failed};"),
                        format!(
                            "CREATE DATABASE {own} OWNER {owner} TEMPLATE template0{};",
                            locale(settings)
                        ),
                    ],
                ),
                on_host(
                    site,
                    vec![format!(
                        "pg_restore --host={host} --port={port} --username={account} --dbname={name} --no-owner \
                         --exit-on-error {quoted}"
                    )],
                ),
            ]
        }
        Some(engine @ (Engine::Mysql | Engine::Mariadb)) => {
            let own = format!("`{}`", database.name.replace('`', "``"));
            let client = if engine == Engine::Mariadb { "mariadb" } else { "mysql" };
            vec![
                sql(
                    place,
                    vec![
                        format!("DROP DATABASE {own};"),
                        format!("CREATE DATABASE {own}{};", character_set(settings)),
                    ],
                ),
                on_host(
                    site,
                    vec![format!(
                        "{client} --host={host} --port={port} --user={account} --password {name} < {quoted}"
                    )],
                ),
            ]
        }
        Some(Engine::SqlServer) => {
            let (name, file) = (brackets(&database.name), literal(file));
            vec![sql(
                place,
                vec![
                    format!("ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE;"),
                    format!("RESTORE DATABASE {name} FROM DISK = N{file} WITH REPLACE, CHECKSUM;"),
                    format!("ALTER DATABASE {name} SET MULTI_USER;"),
                ],
            )]
        }
        Some(Engine::Oracle) => {
            let file = site.last(file).to_owned();
            let connect = format!("//{}:{port}/{}", database.host, database.name);
            let owner = database.account.to_uppercase();
            vec![
                Block::Text(format!(
                    "Drop the objects of {owner} first, or import into a fresh schema: `impdp` does not replace what the \
                     upgrade has changed."
                )),
                Block::Commands {
                    place: format!("on {}, with the client of Oracle", database.host),
                    shell: Shell::Sh,
                    lines: vec![format!(
                        "impdp {} schemas={} directory=DATA_PUMP_DIR dumpfile={} logfile={}",
                        sh(&format!("system@{connect}")),
                        sh(&owner),
                        sh(&file),
                        sh(&format!("{file}.restore.log"))
                    )],
                },
            ]
        }
        Some(Engine::H2 | Engine::Hsqldb) => {
            vec![Block::Text(
                "The embedded database lies in the home directory and comes back with it.".to_owned(),
            )]
        }
        None => vec![Block::Text(
            "Which kind of database it is could not be seen: restore the dump in the way of its vendor."
                .to_owned(),
        )],
    }
}

/// The encoding the database has now, so that the new one gets it too.
pub(super) fn locale(settings: Option<&Settings>) -> String {
    let value =
        |name: &str| settings.and_then(|settings| settings.values.get(name)).map(|value| literal(value));
    let part =
        |key: &str, value: Option<String>| value.map_or_else(String::new, |value| format!(" {key} {value}"));
    part("ENCODING", value("encoding"))
        + &part("LC_COLLATE", value("lc_collate"))
        + &part("LC_CTYPE", value("lc_ctype"))
}

/// The character set the database has now.
pub(super) fn character_set(settings: Option<&Settings>) -> String {
    let plain = |name: &str| {
        let value = settings?.values.get(name)?;
        value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then(|| value.clone())
    };
    match (plain("character_set_database"), plain("collation_database")) {
        (Some(set), Some(collation)) => format!(" CHARACTER SET {set} COLLATE {collation}"),
        (_, _) => " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin".to_owned(),
    }
}

/// A name as PostgreSQL and Oracle quote it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as SQL Server quotes it.
pub(super) fn brackets(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A text in a statement.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
