//! A golden instance: every fact is there and nothing stands in the way.
//!
//! Tests and benchmarks start from it and spoil one fact at a time. It runs Confluence 9.2.7 and is to be
//! upgraded to 9.2.10, judged on 1 December 2025.

mod carbon;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Answers, Catalog, Component, MinimumOf};
use crate::facts::{
    Administrators, AppLicense, Application, Asked, AtHand, Backup, BackupKind, BackupSet, Backups,
    ComparedWith, Connector, Contents, Custom, Database, DatabaseConfig, Differences, DirectorySize, Disk,
    Driver, Engine, Field, FileOwnership, FileSystem, FileTree, Files, HealthCheck, Host, HourOfWeek,
    IndexFiles, IndexPart, IndexState, Installation, Integrity, Java, JavaVersion, JvmOptions, License,
    LicenseTerms, LicenseText, Limits, Listing, OperatingSystem, Ownership, PasswordKind, Place, Plugin,
    Plugins, Privileges, Probe, ProbeOutcome, Product, Profile, Records, Rehearsal, Releases, RestoreProof,
    Role, RowCount, Runtime, RuntimeRole, Search, Seats, Section, ServiceManager, ServiceProcess,
    SessionGroup, Sessions, Settings, Snapshot, Staging, Statement, StatementOf, Synchrony, TableRows,
    TableSize, TargetPlugins, Traffic, Until, UpdateCheck, UpgradeStep, UserCount, UserRows,
};
use crate::model::{Case, Plan, Policy, Target};
use crate::version::{Line, ProductVersion};

pub use carbon::golden_carbon;

/// Hundreds of tests begin here, and reading the catalog is most of what each would take.
static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::embedded(Product::Confluence).with_answers(answers()));

/// What a rule needs to be run on the golden instance; tests change its parts.
#[derive(Debug, Clone)]
pub struct Golden {
    /// The facts.
    pub facts: Snapshot,
    /// The target, Confluence 9.2.10.
    pub target: Target,
    /// The embedded catalog with the operator's answers to what it does not know for sure.
    pub catalog: Catalog,
    /// The default policy.
    pub policy: Policy,
    /// A quiet Saturday evening is planned, with four hours of downtime.
    pub plan: Plan,
    /// 1 December 2025, 20:00 UTC.
    pub now: Timestamp,
}

impl Golden {
    /// The case to hand to a rule.
    #[must_use]
    pub fn case(&self) -> Case<'_> {
        let Self { facts, target, catalog, policy, plan, now } = self;
        Case { facts, target, catalog, policy, plan, now: *now }
    }

    /// The same instance with another target.
    ///
    /// # Panics
    ///
    /// When the text is not a version.
    #[must_use]
    pub fn to(mut self, version: &str) -> Self {
        self.target = target(&self.catalog, version);
        self
    }
}

/// The golden instance.
///
/// # Panics
///
/// Never: its parts are literals that a test reads.
#[must_use]
pub fn golden() -> Golden {
    let now = timestamp("2025-12-01T20:00:00Z");
    let catalog = CATALOG.clone();
    let target = target(&catalog, "9.2.10");
    Golden {
        facts: snapshot(now, &target),
        target,
        catalog,
        policy: Policy::default(),
        plan: Plan {
            day: Some(date(2025, 12, 6)),
            starts_at: Some(timestamp("2025-12-06T20:00:00Z")),
            downtime: Some(SignedDuration::from_hours(4)),
            ..Plan::default()
        },
        now,
    }
}

fn target(catalog: &Catalog, text: &str) -> Target {
    let requested = text.parse().expect("a literal target");
    Target::resolve(&requested, catalog, None, Err("nobody asked")).expect("a version always resolves")
}

fn timestamp(text: &str) -> Timestamp {
    text.parse().expect("a literal timestamp")
}

fn answers() -> Answers {
    let line = Line { major: 9, minor: 2 };
    let patterns = |texts: &[&str]| -> Vec<_> {
        texts.iter().map(|text| text.parse().expect("a literal pattern")).collect()
    };
    let supported = [
        (Component::DatabaseEngine, patterns(&["postgresql", "mysql", "sql-server", "oracle"])),
        (Component::Postgresql, patterns(&["14", "15", "16"])),
        (Component::Mysql, patterns(&["8.0"])),
        (Component::MysqlDriver, patterns(&["8"])),
        (Component::MysqlCharacterSet, patterns(&["utf8mb4"])),
        (Component::OperatingSystem, patterns(&["linux", "windows"])),
    ];
    let minimums = [
        (MinimumOf::Cpus, 4),
        (MinimumOf::MemoryMib, 6144),
        (MinimumOf::HeapMib, 1024),
        (MinimumOf::FreeBesideHeapMib, 2048),
    ];
    Answers {
        supported: supported.into_iter().map(|(component, list)| ((line, component), list)).collect(),
        minimums: minimums.into_iter().map(|(of, value)| ((line, of), value)).collect(),
    }
}

fn snapshot(now: Timestamp, target: &Target) -> Snapshot {
    let mut snapshot = Snapshot::empty("wiki", Product::Confluence, now);
    let asked =
        Asked { at: now, took: SignedDuration::from_millis(12), fresh_for: SignedDuration::from_hours(1) };
    let sections = [
        Section::Host(host()),
        Section::Disk(disk()),
        Section::Java(java()),
        Section::Installation(Box::new(installation())),
        Section::License(license()),
        Section::Database(Box::new(database())),
        Section::Application(application()),
        Section::Plugins(plugins(&target.version)),
        Section::Releases(Releases::unrefreshed("embedded", date(2025, 11, 20), "0".repeat(64))),
        Section::Files(files()),
        Section::Backups(backups(now)),
        Section::Traffic(traffic(now)),
        Section::Rehearsal(rehearsal(now, target)),
        Section::Custom(custom()),
    ];
    for section in sections {
        snapshot.learn(section, asked);
    }
    snapshot
}

const INSTALLATION: &str = "/opt/atlassian/confluence";
const HOME: &str = "/var/atlassian/application-data/confluence";
const GIB: u64 = 1 << 30;

fn host() -> Host {
    Host {
        name: Some("wiki.example.com".into()),
        os: OperatingSystem {
            family: "linux".into(),
            id: Some("debian".into()),
            version: Some("12".into()),
            name: "Debian GNU/Linux 12 (bookworm)".into(),
            kernel: "6.1.0-28-amd64".into(),
            architecture: "x86_64".into(),
        },
        cpus: 8,
        memory_total_bytes: 16 * GIB,
        memory_available_bytes: 9 * GIB,
        service: Field::Read(Some(ServiceProcess {
            pid: 1234,
            uid: 2002,
            user: "confluence".into(),
            limits: Field::Read(Limits {
                open_files: Some(32768),
                open_files_hard: Some(32768),
                processes: Some(63000),
            }),
            locale: Field::Read(BTreeMap::from([("LANG".into(), "en_US.UTF-8".into())])),
        })),
        scanners: Field::Read(Vec::new()),
        manager: Field::Read(ServiceManager::Systemd { unit: "confluence.service".into() }),
    }
}

fn disk() -> Disk {
    let place = |role, path: &str, gib: u64| Place {
        role,
        path: path.into(),
        mount_point: Field::Read("/".into()),
        size: Field::Read(DirectorySize { bytes: gib * GIB, entries: 10_000 }),
    };
    Disk {
        filesystems: vec![FileSystem {
            mount_point: "/".into(),
            kind: "ext4".into(),
            total_bytes: 500 * GIB,
            free_bytes: 400 * GIB,
            inodes_total: Some(32_000_000),
            inodes_free: Some(30_000_000),
            read_only: false,
        }],
        places: vec![
            place(Role::Installation, INSTALLATION, 2),
            place(Role::InstallationParent, "/opt/atlassian", 2),
            place(Role::Home, HOME, 30),
            place(Role::HomeParent, "/var/atlassian/application-data", 30),
            place(Role::Attachments, &format!("{HOME}/attachments"), 20),
            place(Role::Index, &format!("{HOME}/index"), 3),
        ],
    }
}

fn java() -> Java {
    let runtime = |role| Runtime {
        role,
        home: format!("{INSTALLATION}/jre"),
        version: Field::Read(JavaVersion { feature: 17, text: "17.0.9".into() }),
        implementor: Some("Eclipse Adoptium".into()),
    };
    Java {
        runtimes: vec![runtime(RuntimeRole::Running), runtime(RuntimeRole::Bundled)],
        options: Field::Read(JvmOptions {
            place: "process 1234".into(),
            max_heap_bytes: Some(4 * GIB),
            initial_heap_bytes: Some(4 * GIB),
            code_cache_bytes: Some(256 << 20),
            file_encoding: None,
        }),
    }
}

fn installation() -> Installation {
    let statement = |place: String, of, says: &str| Statement { place, of, says: Field::Read(says.into()) };
    let ownership = |path: String, directory, must_write| FileOwnership {
        path,
        uid: 2002,
        owner: "confluence".into(),
        gid: 2002,
        mode: if directory { 0o750 } else { 0o640 },
        directory,
        must_write,
        usable: Field::Read(true),
    };
    Installation {
        installation_dir: INSTALLATION.into(),
        home_dir: HOME.into(),
        version: Field::Read(version("9.2.7")),
        statements: vec![
            statement(
                format!(
                    "{INSTALLATION}/confluence/META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties"
                ),
                StatementOf::ProgramVersion,
                "9.2.7",
            ),
            statement(format!("{HOME}/confluence.cfg.xml"), StatementOf::HomeBuild, "9111"),
        ],
        setup_step: Some("complete".into()),
        access_mode: Some("READ_WRITE".into()),
        cluster: None,
        database: Field::Read(DatabaseConfig {
            place: format!("{HOME}/confluence.cfg.xml"),
            engine: Some(Engine::Postgresql),
            url: Some("jdbc:postgresql://db.example.com:5432/confluence".into()),
            host: Some("db.example.com".into()),
            port: Some(5432),
            database: Some("confluence".into()),
            schema: None,
            parameters: BTreeMap::new(),
            account: Some("confluence".into()),
            password: PasswordKind::Plain,
            data_source: None,
            driver_class: Some("org.postgresql.Driver".into()),
            isolation: Some(2),
            pool_size: Some(60),
            defect: None,
        }),
        drivers: Field::Read(vec![Driver {
            engine: Engine::Postgresql,
            file: "postgresql-42.7.2.jar".into(),
            version: Some("42.7.2".into()),
        }]),
        ownership: vec![
            ownership(HOME.into(), true, true),
            ownership(format!("{HOME}/confluence.cfg.xml"), false, true),
            ownership(format!("{HOME}/index"), true, true),
        ],
        search: Search::Lucene { index_dir: format!("{HOME}/index") },
        index: Field::Read(Some(IndexFiles { content: IndexPart::Present, change: IndexPart::Present })),
        attachments_dir: Some(format!("{HOME}/attachments")),
        connectors: Field::Read(vec![Connector {
            port: 8090,
            scheme: "https".into(),
            proxy_name: Some("wiki.example.com".into()),
            proxy_port: Some(443),
            max_threads: Some(48),
        }]),
        context_path: String::new(),
        synchrony: Field::Read(Some(Synchrony::Managed)),
        synchrony_proxy: Field::Read(true),
        installer: Field::Read(Some(format!("{INSTALLATION}/.install4j/response.varfile"))),
        carbon: None,
    }
}

fn license() -> License {
    License {
        place: format!("{HOME}/confluence.cfg.xml"),
        text: LicenseText::Terms(Box::new(LicenseTerms {
            description: "Confluence (Data Center): Commercial".into(),
            products: vec!["conf".into()],
            for_this_product: true,
            data_center: true,
            license_type: "COMMERCIAL".into(),
            evaluation: false,
            subscription: true,
            not_for_production: None,
            expires: Until::Day(date(2026, 12, 31)),
            maintenance_ends: Until::Day(date(2026, 12, 31)),
            users: Seats::Limited(1000),
            created_on: Some(date(2025, 1, 2)),
            support_entitlement: Some("SEN-L12345678".into()),
        })),
        at_hand: AtHand::Nothing("/root/wiki-license.txt".into()),
    }
}

fn database() -> Database {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let setting = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Database {
        others: Vec::new(),
        engine: Engine::Postgresql,
        version: Field::Read("16.4 (Debian 16.4-1.pgdg120+1)".into()),
        address: "db.example.com:5432/confluence".into(),
        account: "confluence".into(),
        connected_as: Field::Read("confluence".into()),
        schema: Field::Read("public".into()),
        privileges: Field::Read(Privileges {
            superuser: false,
            on_schema: words(&["CREATE", "USAGE"]),
            lacking_on_tables: BTreeMap::new(),
            through: Vec::new(),
        }),
        ownership: Field::Read(Ownership { objects: 412, foreign: Vec::new(), foreign_count: 0 }),
        settings: Field::Read(Settings {
            values: [
                ("encoding", "UTF8"),
                ("lc_collate", "en_US.UTF-8"),
                ("lc_ctype", "en_US.UTF-8"),
                ("default_transaction_isolation", "read committed"),
            ]
            .map(setting)
            .into(),
            tables_by_engine: BTreeMap::new(),
            tables_by_collation: BTreeMap::new(),
        }),
        size_bytes: Field::Read(12 * GIB),
        upgrade_steps: Field::Read(vec![UpgradeStep {
            build: 9111,
            installed_at: Some(timestamp("2025-08-10T18:30:00Z")),
            tag: None,
        }]),
        sessions: Field::Read(Sessions {
            groups: vec![SessionGroup {
                account: "confluence".into(),
                host: "10.20.0.5".into(),
                program: Some("PostgreSQL JDBC Driver".into()),
                count: 20,
            }],
            count: 20,
            agent_host: "10.20.0.5".into(),
            hidden: None,
            looks: 1,
        }),
        records: Records {
            kernel: None,
            users: Field::Read(UserRows { kept_apart: true, ..UserRows::default() }),
            growing_tables: Field::Read(vec![TableSize {
                name: "EVENTS".into(),
                rows: Some(84_000),
                row_bytes: 90 << 20,
                bytes: 120 << 20,
            }]),
            leftovers: Field::Read(Vec::new()),
            remigration: Field::Read(Some(false)),
            safety_rows: Field::Read(Some(1)),
            layouts: Field::Read(Vec::new()),
            customised: Field::Read(Vec::new()),
            administrators: Field::Read(Administrators {
                internal_directories: 1,
                external: vec!["CONNECTOR".into()],
                internal: 2,
            }),
            row_counts: Field::Read(
                [
                    ("bodycontent", 80_120),
                    ("content", 80_120),
                    ("cwd_user", 655),
                    ("spaces", 85),
                    ("user_mapping", 655),
                ]
                .map(|(table, rows)| TableRows { table: table.into(), rows: Field::Read(rows) })
                .into(),
            ),
        },
    }
}

fn application() -> Application {
    Application {
        base_url: "http://127.0.0.1:8090/".into(),
        state: Field::Read("RUNNING".into()),
        version: Field::Read(Some("9.2.7".into())),
        build: Field::Read(Some(9111)),
        access_mode: Field::Read("READ_WRITE".into()),
        certificate_ends_at: Field::Read(Some(timestamp("2027-12-31T00:00:00Z"))),
        health: Field::Read(vec![HealthCheck {
            key: "com.atlassian.troubleshooting.plugin-confluence:eolHealthCheck".into(),
            name: "End of Life".into(),
            tag: "Supported Platforms".into(),
            healthy: true,
            severity: "undefined".into(),
            reason: "This version is supported.".into(),
            documentation: None,
        }]),
        users: Field::Read(UserCount { users: 640, allowed: Some(1000) }),
        nodes: Field::Read(None),
        index: Field::Read(Some(IndexState { running: Some(false), percent: Some(100) })),
    }
}

fn plugins(target: &ProductVersion) -> Plugins {
    let key = "com.example.gantt";
    Plugins {
        bundles: None,
        installed: vec![
            Plugin {
                key: key.into(),
                name: "Gantt for Confluence".into(),
                version: "4.1.0".into(),
                enabled: true,
                user_installed: true,
                broken_modules: Field::Read(Vec::new()),
                license: Field::Read(Some(AppLicense {
                    valid: true,
                    error: None,
                    evaluation: false,
                    expires_at: Some(timestamp("2027-12-31T00:00:00Z")),
                    license_type: "COMMERCIAL".into(),
                })),
            },
            Plugin {
                key: "com.atlassian.confluence.plugins.confluence-jira-metadata".into(),
                name: "Jira metadata".into(),
                version: "9.2.7".into(),
                enabled: true,
                user_installed: false,
                broken_modules: Field::Unread("details of bundled plug-ins are not asked for".into()),
                license: Field::Read(None),
            },
        ],
        safe_mode: Field::Read(false),
        for_targets: vec![TargetPlugins {
            version: target.clone(),
            instance: Field::Read(BTreeMap::from([(key.to_owned(), UpdateCheck::Compatible)])),
            marketplace: BTreeMap::from([(
                key.to_owned(),
                Field::Read(Listing::Listed {
                    newest_compatible: Some("4.2.0".into()),
                    installed_compatible: true,
                }),
            )]),
        }],
    }
}

fn files() -> Files {
    let tree = |root: String, compared_with| FileTree {
        root,
        compared_with,
        differences: Field::Read(Differences { compared: 2500, ..Differences::default() }),
    };
    let registry = format!("{INSTALLATION}/confluence/WEB-INF/classes/hash-registry.properties");
    Files {
        trees: vec![
            tree(format!("{INSTALLATION}/confluence"), ComparedWith::VendorHashes(registry)),
            tree(
                INSTALLATION.into(),
                ComparedWith::Pristine("/srv/atlassian-confluence-9.2.7.tar.gz".into()),
            ),
        ],
    }
}

fn backups(now: Timestamp) -> Backups {
    let set = |kind, name: &str, form: &str, gib: u64, contents: Contents| BackupSet {
        kind,
        places: vec![format!("/backup/{name}-*")],
        backups: Field::Read(
            (0_u64..10)
                .map(|days| {
                    let finished_at =
                        now - SignedDuration::from_hours(i64::try_from(days).unwrap_or(0) * 24 + 15);
                    let integrity = if days == 0 {
                        Field::Read(Integrity::Whole(contents.clone()))
                    } else {
                        Field::Unread("only the newest backup is read".into())
                    };
                    Backup {
                        path: format!("/backup/{name}-{days}"),
                        finished_at,
                        bytes: gib * GIB,
                        form: form.into(),
                        being_written: false,
                        mount_point: Field::Read("/backup".into()),
                        integrity,
                    }
                })
                .collect(),
        ),
    };
    let archive = |entries, gib: u64| Contents { entries, unpacked_bytes: gib * GIB, ..Contents::default() };
    let dump = Contents {
        entries: 412,
        unpacked_bytes: 9 * GIB,
        tables: ["confversion", "content", "cwd_user", "user_mapping"].map(Into::into).into(),
        database: Some("confluence".into()),
        server_version: Some("16.4".into()),
        written_by: Some("16.4".into()),
        leaves_database: Vec::new(),
    };
    let dumped = now - SignedDuration::from_hours(15);
    Backups {
        sets: vec![
            set(BackupKind::Home, "home", "tar.gz", 20, archive(9_800, 29)),
            set(BackupKind::Database, "database", "postgresql-custom", 3, dump),
            set(BackupKind::Installation, "installation", "tar.gz", 1, archive(9_900, 2)),
        ],
        restore: Field::Read(Some(RestoreProof {
            dump: "/backup/database-0".into(),
            dump_finished_at: dumped,
            restored_at: dumped + SignedDuration::from_hours(2),
            took: SignedDuration::from_mins(24),
            server: "restore.example.com:5432".into(),
            by: "restore test of the agent".into(),
            defects: Vec::new(),
            tables: 412,
            rows: vec![RowCount { table: "content".into(), restored: 80_000, production: Some(80_120) }],
        })),
    }
}

/// Four weeks in which the nights and Sundays are quiet.
fn traffic(now: Timestamp) -> Traffic {
    let hour = |hour: u64| {
        let busy = (6..18).contains(&(hour % 24)) && hour / 24 < 5;
        let requests = if busy { 20_000 } else { 40 };
        HourOfWeek { seen: 4, requests: 4 * requests, most: requests + requests / 10 }
    };
    let by_hour: Vec<HourOfWeek> = (0..168).map(hour).collect();
    Traffic {
        places: vec![format!("{INSTALLATION}/logs/conf_access_log*")],
        first: Some(now - SignedDuration::from_hours(28 * 24)),
        last: Some(now),
        requests: by_hour.iter().map(|hour| hour.requests).sum(),
        ignored: 120_000,
        strange_lines: 0,
        without_offset: 0,
        logs: 29,
        unread: None,
        by_hour,
    }
}

fn rehearsal(now: Timestamp, target: &Target) -> Rehearsal {
    Rehearsal {
        prepared: None,
        staging: Some(Staging {
            place: "http://staging.example.com:9977/api/v1/status".into(),
            instance: "wiki-staging".into(),
            written_at: now,
            profile: Profile {
                version: Some(target.version.clone()),
                version_since: Some(now - SignedDuration::from_hours(10 * 24)),
                base_url: Some("http://staging.example.com:8090/".into()),
                engine: Some(Engine::Postgresql),
                database_version: Some("16.4 (Debian 16.4-1.pgdg120+1)".into()),
                database: Some("db-staging.example.com:5432/confluence".into()),
                cluster: None,
                home: Some(format!("staging.example.com:{HOME}")),
                shared_home: None,
                java: Some("17.0.9".into()),
                operating_system: Some("Debian GNU/Linux 12 (bookworm)".into()),
                plugins: Some(BTreeMap::from([("com.example.gantt".to_owned(), "4.1.0".to_owned())])),
            },
        }),
    }
}

fn custom() -> Custom {
    Custom {
        probes: vec![Probe {
            name: "replication".into(),
            kind: "program".into(),
            asks: "/usr/lib/nagios/plugins/check_replication".into(),
            outcome: ProbeOutcome::Ok,
            said: "OK - 0 s behind".into(),
            took: SignedDuration::from_millis(8),
            remedy: None,
        }],
    }
}

fn version(text: &str) -> ProductVersion {
    text.parse().expect("a literal version")
}
