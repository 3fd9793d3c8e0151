//! A golden instance of WSO2 Carbon 4.4.6, with 4.4.7 set up beside it as the guide of the vendor asks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Golden, golden, target, version};
use crate::catalog::{Answers, Catalog, Component};
use crate::facts::{
    BackupKind, Backups, Bundle, BundleKind, Bundles, CarbonHome, Clustering, ComparedWith,
    ConfigurationModel, Connector, CopyDifferences, DatabaseConfig, DatabaseUse, Datasource, Drift, Driver,
    Engine, Field, Installation, Integrity, JavaRange, JavaVersion, KernelKey, KernelRecords, KeyRows, Offer,
    Offered, Offerer, Patches, PidFile, PidProcess, Plugins, Ports, Prepared, Product, Reading, Records,
    Role, RuntimeRole, SchemaSigns, ServiceManager, Snapshot, StagedDatabase, StartRecord, Statement,
    StatementOf, Synchroniser, TableRows, TableState, TenantDirs, TreeCopy, Wanted,
};
use crate::version::Line;

const HOME: &str = "/opt/wso2/wso2carbon-4.4.6";
const NEW_HOME: &str = "/opt/wso2/wso2carbon-4.4.7";
const DATABASE: &str = "WSO2_CARBON_DB";

/// Facts of a source that was learned.
fn learned<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Learned(learned) => &mut learned.facts,
        Reading::Pending | Reading::Off | Reading::Failed { .. } => {
            unreachable!("the golden instance knows it")
        }
    }
}

/// The golden Carbon instance: nothing stands in the way of 4.4.7.
///
/// # Panics
///
/// Never: its parts are literals that a test reads.
#[must_use]
pub fn golden_carbon() -> Golden {
    let mut golden = golden();
    golden.catalog = Catalog::embedded(Product::Wso2Carbon).with_answers(answers());
    golden.target = target(&golden.catalog, "4.4.7");
    let facts = &mut golden.facts;
    facts.product = Product::Wso2Carbon;
    "carbon".clone_into(&mut facts.instance);
    // It has neither a licence nor plug-ins of a marketplace.
    facts.license = Reading::Off;
    **learned(&mut facts.installation) = installation();
    *learned(&mut facts.plugins) = Plugins {
        installed: Vec::new(),
        safe_mode: Field::Read(false),
        for_targets: Vec::new(),
        bundles: Some(Box::new(bundles())),
    };
    replace_what_is_of_confluence(facts);
    replace_backups(learned(&mut facts.backups));
    let written_at = golden.now;
    let rehearsal = learned(&mut golden.facts.rehearsal);
    rehearsal.prepared = Some(Field::Read(Box::new(prepared())));
    if let Some(staging) = &mut rehearsal.staging {
        restage(staging, written_at);
    }
    golden
}

fn restage(staging: &mut crate::facts::Staging, written_at: Timestamp) {
    staging.instance = "carbon-staging".into();
    staging.written_at = written_at;
    staging.profile.base_url = Some("https://carbon-staging.example.com:9443".into());
    let profile = &mut staging.profile;
    profile.version = Some(version("4.4.7"));
    profile.home = Some(format!("staging.example.com:{NEW_HOME}"));
    profile.shared_home = None;
    profile.java = Some("1.8.0_402".into());
    profile.database = Some("db-staging.example.com:5432/carbon".into());
    profile.plugins = None;
}

fn replace_what_is_of_confluence(facts: &mut Snapshot) {
    let host = learned(&mut facts.host);
    host.name = Some("carbon.example.com".into());
    host.manager = Field::Read(ServiceManager::Systemd { unit: "wso2carbon.service".into() });
    if let Field::Read(Some(service)) = &mut host.service {
        service.user = "wso2".into();
    }
    let java = learned(&mut facts.java);
    // No Java comes with it.
    java.runtimes.retain(|runtime| runtime.role == RuntimeRole::Running);
    for runtime in &mut java.runtimes {
        runtime.version = Field::Read(JavaVersion { feature: 8, text: "1.8.0_402".into() });
        runtime.home = "/usr/lib/jvm/java-8".into();
    }
    let disk = learned(&mut facts.disk);
    disk.places.retain(|place| matches!(place.role, Role::Installation | Role::InstallationParent));
    for place in &mut disk.places {
        place.path = if place.role == Role::Installation { HOME } else { "/opt/wso2" }.into();
    }
    let trees = &mut learned(&mut facts.files).trees;
    // The vendor publishes no hashes of its files.
    trees.retain(|tree| matches!(tree.compared_with, ComparedWith::Pristine(_)));
    for tree in trees {
        tree.root = HOME.into();
        tree.compared_with = ComparedWith::Pristine("/srv/vendor/wso2carbon-4.4.6.zip".into());
    }
    learned(&mut facts.traffic).places = vec![format!("{HOME}/repository/logs/http_access_*")];
    let database = learned(&mut facts.database);
    database.address = "db.example.com:5432/carbon".into();
    database.account = "carbon".into();
    database.connected_as = Field::Read("carbon".into());
    if let Field::Read(sessions) = &mut database.sessions {
        for group in &mut sessions.groups {
            group.account = "carbon".into();
        }
    }
    database.upgrade_steps = Field::Read(Vec::new());
    database.records = records();
    let application = learned(&mut facts.application);
    application.base_url = "https://carbon.example.com:9443".into();
    application.version = Field::Read(Some("4.4.6".into()));
    application.build = Field::Read(None);
    // The health service came with later kernels.
    application.health = Field::Read(Vec::new());
}

fn replace_backups(backups: &mut Backups) {
    // The product home is the installation, and kept with it.
    backups.sets.retain(|set| set.kind != BackupKind::Home);
    for set in &mut backups.sets {
        if set.kind != BackupKind::Database {
            continue;
        }
        let Field::Read(dumps) = &mut set.backups else { continue };
        for dump in dumps {
            if let Field::Read(Integrity::Whole(contents)) = &mut dump.integrity {
                contents.database = Some("carbon".into());
                contents.tables = TABLES.iter().map(ToString::to_string).collect();
                contents.entries = TABLES.len() as u64;
            }
        }
    }
    if let Field::Read(Some(proof)) = &mut backups.restore {
        proof.tables = TABLES.len() as u64;
        for row in &mut proof.rows {
            row.table = "um_user".into();
        }
    }
}

fn answers() -> Answers {
    let line = Line { major: 4, minor: 4 };
    let patterns = |texts: &[&str]| -> Vec<_> {
        texts.iter().map(|text| text.parse().expect("a literal pattern")).collect()
    };
    let supported =
        [(Component::Postgresql, patterns(&["16"])), (Component::OperatingSystem, patterns(&["linux"]))];
    Answers {
        supported: supported.into_iter().map(|(component, list)| ((line, component), list)).collect(),
        minimums: BTreeMap::new(),
    }
}

/// What the four places say of a version.
fn statements(home: &str, says: &str) -> Vec<Statement> {
    let statement =
        |below: &str, of| Statement { place: format!("{home}/{below}"), of, says: Field::Read(says.into()) };
    vec![
        statement("bin/version.txt", StatementOf::ProgramVersion),
        statement("bin/wso2carbon-version.txt", StatementOf::KernelVersion),
        statement("repository/conf/carbon.xml", StatementOf::ConfiguredVersion),
        Statement {
            place: format!("{home}/repository/components/plugins/org.wso2.carbon.core_{says}.jar"),
            of: StatementOf::BundleVersion,
            says: Field::Read(says.into()),
        },
    ]
}

fn installation() -> Installation {
    let base = golden().facts;
    let mut installation = base.installation().expect("the golden installation").clone();
    installation.installation_dir = HOME.into();
    installation.home_dir = HOME.into();
    installation.version = Field::Read(version("4.4.6"));
    installation.statements = statements(HOME, "4.4.6");
    installation.setup_step = None;
    installation.access_mode = None;
    installation.database = Field::Read(config(HOME, "db.example.com"));
    installation.attachments_dir = None;
    installation.connectors = Field::Read(vec![Connector {
        port: 9443,
        scheme: "https".into(),
        proxy_name: None,
        proxy_port: None,
        max_threads: Some(250),
    }]);
    installation.search = crate::facts::Search::None;
    installation.index = Field::Read(None);
    installation.synchrony = Field::Read(None);
    installation.synchrony_proxy = Field::Read(false);
    installation.installer = Field::Read(None);
    for (file, below) in
        installation.ownership.iter_mut().zip(["", "/repository/logs", "/repository/database"])
    {
        file.path = format!("{HOME}{below}");
        file.owner = "wso2".into();
        file.directory = true;
    }
    installation.carbon = Some(Box::new(home(HOME, "4.4.6", "db.example.com")));
    installation
}

fn config(home: &str, host: &str) -> DatabaseConfig {
    let base = golden().facts;
    let config = base.installation().expect("the golden installation").database.value();
    DatabaseConfig {
        place: format!("{home}/repository/conf/datasources/master-datasources.xml"),
        url: Some(format!("jdbc:postgresql://{host}:5432/carbon")),
        host: Some(host.into()),
        database: Some("carbon".into()),
        account: Some("carbon".into()),
        data_source: Some("jdbc/WSO2CarbonDB".into()),
        isolation: None,
        pool_size: Some(50),
        ..config.expect("the golden database").clone()
    }
}

fn home(home: &str, kernel: &str, host: &str) -> CarbonHome {
    CarbonHome {
        product_name: Field::Read("WSO2 Carbon".into()),
        kernel: Field::Read(version(kernel)),
        model: ConfigurationModel::Xml,
        ports: Field::Read(Ports { offset: 0, https: 9443, http: 9763 }),
        host_name: Field::Read(None),
        datasources: Field::Read(vec![Datasource {
            name: DATABASE.into(),
            jndi: Some("jdbc/WSO2CarbonDB".into()),
            uses: BTreeSet::from([DatabaseUse::UserManagement, DatabaseUse::LocalRegistry]),
            config: config(home, host),
            max_active: Some(50),
            named_twice: false,
        }]),
        clustering: Field::Read(Clustering {
            place: format!("{home}/repository/conf/axis2/axis2.xml"),
            enabled: false,
            scheme: Some("multicast".into()),
            domain: Some("wso2.carbon.domain".into()),
            local_member: None,
            members: Vec::new(),
        }),
        synchroniser: Field::Read(Synchroniser {
            place: format!("{home}/repository/conf/carbon.xml"),
            enabled: false,
            commits: false,
            repository: None,
        }),
        mounts: Field::Read(Vec::new()),
        registry_versioning: Field::Read(BTreeMap::new()),
        tenants: Field::Read(TenantDirs {
            place: format!("{home}/repository/tenants"),
            ids: BTreeSet::from([1, 2]),
            with_event_files: BTreeSet::new(),
        }),
        user_stores: Field::Read(Vec::new()),
        patches: Field::Read(Patches::default()),
        pid_file: Field::Read(Some(PidFile {
            place: format!("{home}/wso2carbon.pid"),
            pid: 1234,
            process: Field::Read(PidProcess::Server),
        })),
        java_range: Field::Read(Some(JavaRange { from: 7, to: Some(8) })),
        perilous_options: Field::Read(Vec::new()),
        placeholders: Field::Read(Vec::new()),
        creates_administrator: Field::Read(None),
        last_start: Field::Read(Some(StartRecord {
            place: format!("{home}/repository/logs/wso2carbon.log"),
            at: "2025-12-01 18:00:12,345".into(),
            seconds: 21,
            unresolved: Vec::new(),
        })),
    }
}

fn bundles() -> Bundles {
    let core = "org.wso2.carbon.core";
    Bundles {
        place: HOME.into(),
        kernel: Field::Read(version("4.4.6")),
        custom: vec![Bundle {
            file: "repository/components/dropins/com.example.handler_1.2.0.jar".into(),
            kind: BundleKind::Dropin,
            name: "com.example.handler".into(),
            version: "1.2.0".into(),
            imports: vec![Wanted {
                name: core.into(),
                range: "[4.4.6,4.5.0)".into(),
                attributes: BTreeMap::new(),
            }],
            requires: Vec::new(),
            not_evaluated: Vec::new(),
            demanded_java: None,
            compiled_for: Field::Read(Some(7)),
        }],
        machine_made: vec!["repository/components/dropins/postgresql_42.7.2_1.0.0.jar".into()],
        no_bundles: Vec::new(),
        broken: BTreeMap::new(),
        list_defects: Field::Read(Vec::new()),
        offered: Field::Read(Some(Offered {
            place: NEW_HOME.into(),
            version: Field::Read(version("4.4.7")),
            read: 230,
            unread: BTreeMap::new(),
            broken: BTreeMap::new(),
            list_defects: Field::Read(Vec::new()),
            system_packages: Field::Read(180),
            custom: Vec::new(),
            copied_machine_made: Vec::new(),
            packages: BTreeMap::from([(
                core.into(),
                vec![Offer {
                    version: "4.4.7".into(),
                    by: "repository/components/plugins/org.wso2.carbon.core_4.4.7.jar".into(),
                    of: Offerer::Release,
                    attributes: BTreeMap::new(),
                    mandatory: BTreeSet::new(),
                }],
            )]),
            bundles: BTreeMap::new(),
        })),
    }
}

fn prepared() -> Prepared {
    let copy = |below: &str| TreeCopy {
        below: below.into(),
        is_there: Field::Read(true),
        is_original: false,
        nested: None,
        differences: Field::Read(CopyDifferences {
            compared: 40,
            knows_vendor: true,
            ..CopyDifferences::default()
        }),
    };
    Prepared {
        place: NEW_HOME.into(),
        is_running_home: Field::Read(false),
        version: Field::Read(version("4.4.7")),
        statements: statements(NEW_HOME, "4.4.7"),
        home: CarbonHome {
            pid_file: Field::Read(None),
            // It is tested beside the running one, so it listens elsewhere.
            ports: Field::Read(Ports { offset: 10, https: 9453, http: 9773 }),
            ..home(NEW_HOME, "4.4.7", "db-staging.example.com")
        },
        drivers: Field::Read(vec![Driver {
            engine: Engine::Postgresql,
            file: "postgresql-42.7.2.jar".into(),
            version: Some("42.7.2".into()),
        }]),
        copies: vec![copy("repository/deployment/server"), copy("repository/tenants")],
        drift: Field::Read(Drift {
            base: "/srv/vendor/wso2carbon-4.4.6.zip".into(),
            base_release: Some("4.4.6".into()),
            target: "/srv/vendor/wso2carbon-4.4.7.zip".into(),
            target_release: Some("4.4.7".into()),
            files: 34,
            ..Drift::default()
        }),
        databases: Field::Read(vec![StagedDatabase {
            name: DATABASE.into(),
            production: Field::Read(tables("db.example.com", "7300000000000000001", "4.4.6")),
            staging: Field::Read(tables("db-staging.example.com", "7300000000000000002", "4.4.6")),
        }]),
    }
}

fn records() -> Records {
    let key = |key| KeyRows { key, in_force: false, duplicates: Field::Read(0), empty: Field::Read(0) };
    Records {
        growing_tables: Field::Read(Vec::new()),
        leftovers: Field::Read(Vec::new()),
        row_counts: Field::Read(
            [("reg_path", 900), ("um_user", 655)]
                .map(|(table, rows)| TableRows { table: table.into(), rows: Field::Read(rows) })
                .into(),
        ),
        kernel: Some(Box::new(KernelRecords {
            identity: Field::Read("7300000000000000001".into()),
            tables: Field::Read(TABLES.iter().map(ToString::to_string).collect()),
            other_tables: Field::Read(0),
            schema: Field::Read(SchemaSigns {
                at_least: Some("4.4.6".into()),
                exactly: Some("4.4.6".into()),
                signs: vec!["index REG_RESOURCE_IND_BY_TENANT_UUID".into()],
            }),
            behind: Field::Read(Vec::new()),
            tenants: Field::Read(BTreeSet::from([1, 2])),
            domains: Field::Read(["PRIMARY", "SYSTEM"].map(ToOwned::to_owned).into()),
            keys: Field::Read(KernelKey::ALL.map(key).into()),
            orphans: Field::Read(Vec::new()),
            leftover_tables: Field::Read(Vec::new()),
        })),
        ..Records::unread(Records::OF_ANOTHER_PRODUCT)
    }
}

/// The tables of the kernel on PostgreSQL at 4.4.7, as its script makes them.
const TABLES: [&str; 40] = [
    "REG_ASSOCIATION",
    "REG_CLUSTER_LOCK",
    "REG_COMMENT",
    "REG_CONTENT",
    "REG_CONTENT_HISTORY",
    "REG_LOG",
    "REG_PATH",
    "REG_PROPERTY",
    "REG_RATING",
    "REG_RESOURCE",
    "REG_RESOURCE_COMMENT",
    "REG_RESOURCE_HISTORY",
    "REG_RESOURCE_PROPERTY",
    "REG_RESOURCE_RATING",
    "REG_RESOURCE_TAG",
    "REG_SNAPSHOT",
    "REG_TAG",
    "UM_ACCOUNT_MAPPING",
    "UM_CLAIM",
    "UM_CLAIM_BEHAVIOR",
    "UM_DIALECT",
    "UM_DOMAIN",
    "UM_HYBRID_REMEMBER_ME",
    "UM_HYBRID_ROLE",
    "UM_HYBRID_USER_ROLE",
    "UM_MODULE",
    "UM_MODULE_ACTIONS",
    "UM_PERMISSION",
    "UM_PROFILE_CONFIG",
    "UM_ROLE",
    "UM_ROLE_PERMISSION",
    "UM_SHARED_USER_ROLE",
    "UM_SYSTEM_ROLE",
    "UM_SYSTEM_USER",
    "UM_SYSTEM_USER_ROLE",
    "UM_TENANT",
    "UM_USER",
    "UM_USER_ATTRIBUTE",
    "UM_USER_PERMISSION",
    "UM_USER_ROLE",
];

fn tables(host: &str, identity: &str, schema: &str) -> TableState {
    let rows = TABLES.iter().map(|table| TableRows { table: (*table).into(), rows: Field::Read(12) });
    TableState {
        engine: Engine::Postgresql,
        address: format!("{host}:5432/carbon"),
        identity: Field::Read(identity.into()),
        version: Field::Read("16.4 (Debian 16.4-1.pgdg120+1)".into()),
        kernel_tables: Field::Read(TABLES.iter().map(ToString::to_string).collect()),
        other_tables: Field::Read(0),
        rows: Field::Read(rows.collect()),
        schema: Field::Read(SchemaSigns {
            at_least: Some(schema.into()),
            exactly: Some(schema.into()),
            signs: vec!["index REG_RESOURCE_IND_BY_TENANT_UUID".into()],
        }),
        behind: Field::Read(Vec::new()),
        tenants: Field::Read(BTreeSet::from([1, 2])),
        domains: Field::Read(["PRIMARY", "SYSTEM"].map(ToOwned::to_owned).into()),
        sessions: Field::Read(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::report::Judge;

    #[test]
    fn the_golden_carbon_instance_has_nothing_of_confluence() {
        let facts = toml::Value::try_from(&golden_carbon().facts).unwrap().to_string().to_lowercase();
        for word in ["confluence", "atlassian", "wiki", "jira"] {
            let around =
                facts.split_once(word).map(|(before, _)| before.chars().rev().take(80).collect::<String>());
            assert_eq!(around, None, "{word}, read backwards from there");
        }
    }

    #[test]
    fn nothing_stands_in_the_way_of_the_golden_carbon_instance() {
        let golden = golden_carbon();
        let Golden { facts, target, catalog, policy, plan, now } = &golden;
        let report = Judge { catalog, policy, plan, now: *now }.judge(facts, target);
        for check in &report.checks {
            let fine = matches!(check.verdict, Verdict::Ready | Verdict::Skipped);
            assert!(
                fine && check.findings.is_empty(),
                "{}: {} {:#?}",
                check.id,
                check.reason,
                check.findings
            );
        }
    }
}
