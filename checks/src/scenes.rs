//! Instances that differ as real ones do: their run books are read from start to end, and kept as reviewed texts.

mod carbon;

use std::sync::LazyLock;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

use crate::catalog::Catalog;
use crate::facts::{
    Application, Cluster, ClusterNode, ClusterState, Database, DatabaseConfig, Differences, Driver, Engine,
    Failure, FailureKind, Field, Host, Installation, Java, JavaVersion, LicenseTerms, LicenseText, Listing,
    PathList, Plugin, Plugins, Product, Reading, Runtime, RuntimeRole, Scanner, Search, ServiceManager,
    SignOff, StepMark, StepState, Synchrony, TargetPlugins, Until, UpdateCheck,
};
use crate::golden::{Golden, golden};
use crate::plan::way::Method;
use crate::version::ProductVersion;

/// Reading it is most of what a scene takes.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded(Product::Confluence));

/// An instance, a target and a method.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What is special about it, as a file name.
    pub name: &'static str,
    /// The instance with its target.
    pub golden: Golden,
    /// The method that is asked for.
    pub method: Option<Method>,
}

/// All of them.
#[must_use]
pub fn scenes() -> Vec<Scene> {
    let mut scenes = vec![
        single(),
        rolling(),
        mysql_from_the_archive(),
        windows(),
        oracle_over_stops(),
        old(),
        cluster_with_downtime(),
        unseen(),
        no_way(),
        rehearsed(),
    ];
    scenes.extend(carbon::scenes());
    scenes
}

fn facts<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Learned(learned) => &mut learned.facts,
        Reading::Pending | Reading::Off | Reading::Failed { .. } => {
            unreachable!("the golden instance has every fact")
        }
    }
}

fn installation(golden: &mut Golden) -> &mut Installation {
    facts(&mut golden.facts.installation).as_mut()
}

fn host(golden: &mut Golden) -> &mut Host {
    facts(&mut golden.facts.host)
}

fn java(golden: &mut Golden) -> &mut Java {
    facts(&mut golden.facts.java)
}

fn database(golden: &mut Golden) -> &mut Database {
    facts(&mut golden.facts.database).as_mut()
}

fn application(golden: &mut Golden) -> &mut Application {
    facts(&mut golden.facts.application)
}

fn plugins(golden: &mut Golden) -> &mut Plugins {
    facts(&mut golden.facts.plugins)
}

fn config(golden: &mut Golden) -> &mut DatabaseConfig {
    match &mut installation(golden).database {
        Field::Read(config) => config,
        Field::Unread(_) => unreachable!("the golden instance has every fact"),
    }
}

fn terms(golden: &mut Golden) -> &mut LicenseTerms {
    match &mut facts(&mut golden.facts.license).text {
        LicenseText::Terms(terms) => terms,
        LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => {
            unreachable!("the golden instance has a licence")
        }
    }
}

fn denied(message: &str) -> Failure {
    Failure { kind: FailureKind::Denied, message: message.to_owned() }
}

fn version(text: &str) -> ProductVersion {
    text.parse().expect("a literal version")
}

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a literal moment")
}

/// A golden instance that runs this release, with the real catalog.
fn running(text: &str) -> Golden {
    let mut golden = golden();
    golden.catalog = CATALOG.clone();
    installation(&mut golden).version = Field::Read(version(text));
    golden
}

/// A Java of the administrator's own.
fn own_java(golden: &mut Golden, feature: u32, home: &str) {
    java(golden).runtimes = vec![Runtime {
        role: RuntimeRole::Running,
        home: home.to_owned(),
        version: Field::Read(JavaVersion { feature, text: format!("{feature}.0.2") }),
        implementor: Some("Eclipse Adoptium".to_owned()),
    }];
}

fn engine(golden: &mut Golden, engine: Engine, version: &str, port: u16) {
    let facts = database(golden);
    facts.engine = engine;
    facts.version = Field::Read(version.to_owned());
    let config = config(golden);
    config.engine = Some(engine);
    config.port = Some(port);
}

fn cluster(golden: &mut Golden, names: &[&str], version: &str) {
    installation(golden).cluster = Some(Cluster {
        name: Some("wiki".to_owned()),
        node: names.first().map(|name| (*name).to_owned()),
        shared_home_dir: Some("/mnt/wiki-shared".to_owned()),
    });
    let node = |name: &&str| ClusterNode {
        id: format!("{name}-id"),
        name: Some((*name).to_owned()),
        state: Some("ACTIVE".to_owned()),
        version: Some(version.to_owned()),
        build: None,
    };
    application(golden).nodes = Field::Read(Some(ClusterState {
        told_by: "/rest/zdu/cluster".to_owned(),
        upgrade: Field::Unread("it does not tell".to_owned()),
        nodes: names.iter().map(node).collect(),
    }));
}

fn single() -> Scene {
    let golden = running("9.2.7").to("10.2.19");
    Scene { name: "single-postgresql-9.2", golden, method: None }
}

fn rolling() -> Scene {
    let mut golden = running("9.2.7").to("9.2.10");
    cluster(&mut golden, &["wiki-a", "wiki-b", "wiki-c"], "9.2.7");
    Scene { name: "rolling-cluster-9.2", golden, method: Some(Method::Rolling) }
}

fn mysql_from_the_archive() -> Scene {
    let mut golden = running("8.5.4").to("9.2.10");
    engine(&mut golden, Engine::Mysql, "8.0.39", 3306);
    own_java(&mut golden, 17, "/usr/lib/jvm/temurin-17");
    host(&mut golden).manager =
        Field::Read(ServiceManager::InitScript { path: "/etc/init.d/confluence".into() });
    let installation = installation(&mut golden);
    installation.installer = Field::Read(None);
    installation.drivers = Field::Read(vec![Driver {
        engine: Engine::Mysql,
        file: "mysql-connector-j-8.0.33.jar".to_owned(),
        version: Some("8.0.33".to_owned()),
    }]);
    Scene { name: "archive-mysql-8.5", golden, method: None }
}

fn windows() -> Scene {
    let mut golden = running("7.19.30").to("8.5.31");
    engine(&mut golden, Engine::SqlServer, "15.0.4312", 1433);
    golden.facts.fail(
        crate::facts::Source::Database,
        Failure { kind: FailureKind::Absent, message: "SQL Server cannot be asked by this agent".to_owned() },
        crate::facts::Asked {
            at: golden.now,
            took: SignedDuration::ZERO,
            fresh_for: SignedDuration::from_hours(1),
        },
    );
    let host = host(&mut golden);
    host.name = Some("WIKI01".to_owned());
    host.os.family = "windows".into();
    host.os.id = None;
    host.os.version = None;
    host.os.name = "Windows Server 2019".into();
    host.manager = Field::Read(ServiceManager::WindowsService { name: "Confluence020124".to_owned() });
    let installation = installation(&mut golden);
    installation.installation_dir = "C:\\Program Files\\Atlassian\\Confluence".into();
    installation.home_dir = "D:\\Confluence Home".into();
    installation.search = Search::Lucene { index_dir: "D:\\Confluence Home\\index".to_owned() };
    installation.attachments_dir = Some("D:\\Confluence Home\\attachments".to_owned());
    golden.facts.backups = Reading::Off;
    Scene { name: "windows-sqlserver-7.19", golden, method: None }
}

fn oracle_over_stops() -> Scene {
    let mut golden = running("6.13.4").to("10.2.19");
    engine(&mut golden, Engine::Oracle, "19.0", 1521);
    config(&mut golden).database = Some("WIKI".to_owned());
    own_java(&mut golden, 8, "/opt/java/jdk8");
    host(&mut golden).manager = Field::Read(ServiceManager::Scripts);
    let installation = installation(&mut golden);
    installation.installer = Field::Read(None);
    installation.synchrony = Field::Read(None);
    installation.drivers =
        Field::Read(vec![Driver { engine: Engine::Oracle, file: "ojdbc8.jar".to_owned(), version: None }]);
    if let Field::Read(connectors) = &mut installation.connectors {
        for connector in connectors {
            connector.proxy_name = None;
            connector.proxy_port = None;
        }
    }
    Scene { name: "archive-oracle-6.13", golden, method: None }
}

fn old() -> Scene {
    let mut golden = running("5.7.1");
    let newest = golden.catalog.latest().expect("the embedded catalog has releases").version.to_string();
    golden = golden.to(&newest);
    database(&mut golden).version = Field::Read("9.5.25".to_owned());
    installation(&mut golden).synchrony = Field::Read(None);
    Scene { name: "old-postgresql-5.7", golden, method: Some(Method::Installer) }
}

fn cluster_with_downtime() -> Scene {
    let mut golden = running("8.5.4").to("10.2.19");
    cluster(&mut golden, &["wiki-a", "wiki-b"], "8.5.4");
    let installation = installation(&mut golden);
    installation.search = Search::OpenSearch;
    installation.attachments_dir = None;
    installation.synchrony = Field::Read(Some(Synchrony::Standalone {
        url: "http://synchrony.example.com:8091/synchrony/v1".into(),
    }));
    Scene { name: "cluster-opensearch-8.5", golden, method: Some(Method::Archive) }
}

fn unseen() -> Scene {
    let mut golden = running("9.2.7").to("9.2.10");
    let asked = crate::facts::Asked {
        at: golden.now,
        took: SignedDuration::ZERO,
        fresh_for: SignedDuration::from_hours(1),
    };
    golden.facts.fail(crate::facts::Source::Host, denied("/proc cannot be read"), asked);
    golden.facts.fail(crate::facts::Source::Database, denied("password authentication failed"), asked);
    golden.facts.backups = Reading::Off;
    golden.facts.disk = Reading::Pending;
    golden.facts.plugins = Reading::Off;
    golden.facts.files = Reading::Off;
    let installation = installation(&mut golden);
    installation.database = Field::Unread("confluence.cfg.xml: permission denied".to_owned());
    installation.ownership = Vec::new();
    golden.plan = crate::model::Plan::default();
    Scene { name: "hardly-anything-seen-9.2", golden, method: None }
}

fn no_way() -> Scene {
    let mut golden = running("8.5.4").to("9.2.10");
    let terms = terms(&mut golden);
    terms.data_center = false;
    terms.subscription = false;
    terms.description = "Confluence (Server): Commercial".into();
    terms.expires = Until::NotStated;
    terms.maintenance_ends = Until::Day(date(2024, 2, 15));
    Scene { name: "server-licence-8.5", golden, method: None }
}

fn rehearsed() -> Scene {
    let mut golden = running("9.2.7").to("10.2.19");
    golden.policy.ignored_plugins = vec!["com.example.clock".to_owned()];
    let target = golden.target.version.clone();
    let app = |key: &str, name: &str, version: &str, enabled| Plugin {
        key: key.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        enabled,
        user_installed: true,
        broken_modules: Field::Read(Vec::new()),
        license: Field::Read(None),
    };
    let found = plugins(&mut golden);
    found.installed.extend([
        app("com.example.diagrams", "Diagrams | Charts", "12.0.1", true),
        app("com.example.forms", "Forms", "7.3", true),
        app("com.example.clock", "Clock", "1.0", false),
        app("com.example.private", "House <b>macros</b>", "0.9", true),
    ]);
    let listed = |newest: &str, installed_compatible| {
        Field::Read(Listing::Listed { newest_compatible: Some(newest.to_owned()), installed_compatible })
    };
    found.for_targets = vec![TargetPlugins {
        version: target.clone(),
        instance: Field::Read(
            [
                ("com.example.gantt", UpdateCheck::Compatible),
                ("com.example.diagrams", UpdateCheck::UpdateAfter),
                ("com.example.forms", UpdateCheck::UpdateBefore),
                ("com.example.private", UpdateCheck::Unknown),
            ]
            .map(|(key, check)| (key.to_owned(), check))
            .into(),
        ),
        marketplace: [
            ("com.example.gantt", listed("4.2.0", true)),
            ("com.example.diagrams", listed("13.1.0", false)),
            ("com.example.forms", listed("8.0", false)),
            ("com.example.private", Field::Read(Listing::NotListed)),
        ]
        .map(|(key, listing)| (key.to_owned(), listing))
        .into(),
    }];
    host(&mut golden).scanners =
        Field::Read(vec![Scanner { process: "clamd".to_owned(), product: "ClamAV".to_owned() }]);
    if let Some(tree) = facts(&mut golden.facts.files).trees.last_mut() {
        tree.differences = Field::Read(Differences {
            compared: 900,
            modified: PathList {
                count: 2,
                paths: vec!["bin/setenv.sh".to_owned(), "conf/server.xml".to_owned()],
            },
            ..Differences::default()
        });
    }
    let staging = facts(&mut golden.facts.rehearsal).staging.as_mut();
    let staging = staging.expect("the golden instance has a staging one");
    staging.profile.version = Some(target.clone());
    staging.profile.java = Some("21.0.5".to_owned());
    let mut profile = golden.facts.profile();
    profile.plugins = Some([("com.example.gantt".to_owned(), "4.0.9".to_owned())].into());
    let mark = |step: &str, at: &str, minutes, state, note: Option<&str>| StepMark {
        target: target.clone(),
        step: step.to_owned(),
        state,
        by: "Anna Muster".to_owned(),
        at: moment(at),
        took: Some(SignedDuration::from_mins(minutes)),
        note: note.map(str::to_owned),
        profile: step.starts_with("staging.").then(|| profile.clone()),
    };
    golden.facts.memory.steps = vec![
        mark("staging.copy", "2025-11-20T09:00:00Z", 95, StepState::Done, None),
        mark("staging.stop", "2025-11-20T09:04:00Z", 4, StepState::Done, None),
        mark("staging.backup-database", "2025-11-20T09:15:00Z", 11, StepState::Done, None),
        mark("staging.install", "2025-11-20T09:33:00Z", 18, StepState::Done, None),
        mark(
            "staging.start",
            "2025-11-20T10:20:00Z",
            47,
            StepState::Failed,
            Some("heap too small; -Xmx raised to 6g"),
        ),
        mark("staging.clear-caches", "2025-11-20T11:00:00Z", 1, StepState::Skipped, None),
        mark("preparation.announce", "2025-11-28T08:00:00Z", 5, StepState::Done, Some("mail to all-staff")),
        mark("production.node-a", "2025-11-28T08:00:00Z", 5, StepState::Done, None),
    ];
    golden.facts.memory.sign_offs = vec![SignOff {
        check: "antivirus".to_owned(),
        subject: Some("clamd".to_owned()),
        target: None,
        reason: "excluded by ticket OPS-17".to_owned(),
        by: "Berta Beispiel".to_owned(),
        given_at: moment("2025-11-25T10:00:00Z"),
        until: date(2026, 1, 31),
        seen: None,
    }];
    Scene { name: "rehearsed-9.2", golden, method: None }
}
