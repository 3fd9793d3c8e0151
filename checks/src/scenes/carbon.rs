//! Three instances of WSO2 Carbon products.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scene, database, denied, facts, host, installation, version};
use crate::catalog::Catalog;
use crate::facts::{
    Bundle, BundleKind, CarbonHome, Clustering, DatabaseConfig, DatabaseUse, Datasource, DriftSetting,
    Driver, Engine, Field, Mount, OtherDatabase, Patches, Ports, Product, Reading, ServiceManager,
    SessionGroup, Source, TenantDirs, UserStoreFile,
};
use crate::golden::{Golden, golden_carbon};
use crate::plan::way::Method;

/// All of them.
pub(super) fn scenes() -> Vec<Scene> {
    vec![kernel(), identity_server(), api_manager()]
}

fn carbon(golden: &mut Golden) -> &mut CarbonHome {
    installation(golden).carbon.as_mut().expect("the golden instance has a Carbon home")
}

/// The golden instance as one of this product, with the real catalog and a service of its own.
fn instance(product: Product, running: &str, to: &str) -> Golden {
    let mut golden = golden_carbon();
    golden.catalog = Catalog::embedded(product);
    golden.facts.product = product;
    installation(&mut golden).version = Field::Read(version(running));
    installation(&mut golden).connectors = Field::Read(Vec::new());
    super::own_java(&mut golden, 8, "/usr/lib/jvm/java-8");
    let host = host(&mut golden);
    host.name = Some("carbon1.example.com".to_owned());
    host.manager = Field::Read(ServiceManager::Systemd { unit: "wso2carbon.service".into() });
    if let Field::Read(Some(process)) = &mut host.service {
        process.user = "wso2".into();
    }
    golden.to(to)
}

fn kernel() -> Scene {
    let mut golden = instance(Product::Wso2Carbon, "4.4.6", "4.4.7");
    carbon(&mut golden).patches =
        Field::Read(Patches { present: BTreeSet::from(["patch0042".to_owned()]), ..Patches::default() });
    if let Some(bundles) = &mut super::plugins(&mut golden).bundles {
        bundles.machine_made = vec!["repository/components/dropins/postgresql_42.7.2_1.0.0.jar".to_owned()];
    }
    if let Some(Field::Read(prepared)) = &mut facts(&mut golden.facts.rehearsal).prepared {
        prepared.home.ports = Field::Read(Ports { offset: 1, https: 9444, http: 9764 });
        if let Field::Read(drift) = &mut prepared.drift {
            let own = |file: &str, path: &str, was: &str, is: &str| DriftSetting {
                file: file.to_owned(),
                path: path.to_owned(),
                base: Some(was.to_owned()),
                local: Some(is.to_owned()),
                target: Some(was.to_owned()),
                prepared: Field::Read(Some(is.to_owned())),
                renamed_to: None,
            };
            drift.settings = vec![
                own("carbon.xml", "Server/HideAdminServiceWSDLs", "true", "false"),
                own("user-mgt.xml", "UserManager/Realm/Configuration/AddAdmin", "true", "false"),
            ];
            drift.count = 2;
        }
    }
    Scene { name: "carbon-postgresql-4.4.6", golden, method: None }
}

/// A data source on MySQL.
fn datasource(
    name: &str,
    jndi: &str,
    database: &str,
    uses: &[DatabaseUse],
    like: &DatabaseConfig,
) -> Datasource {
    Datasource {
        name: name.to_owned(),
        jndi: Some(jndi.to_owned()),
        uses: uses.iter().copied().collect(),
        config: DatabaseConfig {
            engine: Some(Engine::Mysql),
            url: Some(format!("jdbc:mysql://mysql.example.com:3306/{database}")),
            host: Some("mysql.example.com".to_owned()),
            port: Some(3306),
            database: Some(database.to_owned()),
            account: Some("wso2is".to_owned()),
            ..like.clone()
        },
        max_active: Some(50),
        named_twice: false,
    }
}

const IDENTITY: &str = "/opt/wso2is-5.7.0";

/// Two databases on MySQL, behind three data sources.
fn identity_databases(golden: &mut Golden) -> Vec<Datasource> {
    let mut like = super::config(golden).clone();
    like.place = format!("{IDENTITY}/repository/conf/datasources/master-datasources.xml");
    let user = datasource("WSO2_UM_DB", "jdbc/WSO2UMDB", "wso2_um", &[DatabaseUse::UserManagement], &like);
    let registry =
        datasource("WSO2_REG_DB", "jdbc/WSO2RegDB", "wso2_reg", &[DatabaseUse::MountedRegistry], &like);
    let identity =
        datasource("WSO2_CARBON_DB", "jdbc/WSO2CarbonDB", "wso2_um", &[DatabaseUse::Product], &like);
    let facts = database(golden);
    facts.engine = Engine::Mysql;
    facts.version = Field::Read("5.7.44-log".to_owned());
    facts.address = "mysql.example.com:3306/wso2_um".into();
    if let Field::Read(sessions) = &mut facts.sessions {
        sessions.groups = ["10.0.0.7", "10.0.0.8", "10.0.0.31"]
            .map(|host| SessionGroup {
                account: "wso2is".to_owned(),
                host: host.to_owned(),
                program: None,
                count: 12,
            })
            .into();
        sessions.count = 36;
    }
    if let Field::Read(settings) = &mut facts.settings {
        settings.values = BTreeMap::from([
            ("character_set_database".to_owned(), "latin1".to_owned()),
            ("collation_database".to_owned(), "latin1_swedish_ci".to_owned()),
        ]);
    }
    let mut other = facts.clone();
    other.address = "mysql.example.com:3306/wso2_reg".into();
    other.size_bytes = Field::Read(3 << 30);
    facts.others = vec![OtherDatabase {
        name: "WSO2_REG_DB".to_owned(),
        config: registry.config.clone(),
        facts: Field::Read(Box::new(other)),
    }];
    *super::config(golden) = user.config.clone();
    vec![user, registry, identity]
}

fn identity_server() -> Scene {
    let mut golden = instance(Product::Wso2IdentityServer, "5.7.0", "5.11.0");
    // Nothing is prepared, and no staging instance is known.
    let rehearsal = facts(&mut golden.facts.rehearsal);
    rehearsal.prepared = None;
    rehearsal.staging = None;
    let datasources = identity_databases(&mut golden);
    let installation = installation(&mut golden);
    installation.installation_dir = IDENTITY.into();
    installation.home_dir = IDENTITY.into();
    installation.drivers = Field::Read(vec![Driver {
        engine: Engine::Mysql,
        file: "mysql-connector-java-5.1.49.jar".to_owned(),
        version: Some("5.1.49".to_owned()),
    }]);
    let home = carbon(&mut golden);
    home.product_name = Field::Read("WSO2 Identity Server".to_owned());
    home.kernel = Field::Read(version("4.4.35"));
    home.host_name = Field::Read(Some("login.example.com".to_owned()));
    home.datasources = Field::Read(datasources);
    home.clustering = Field::Read(Clustering {
        place: format!("{IDENTITY}/repository/conf/axis2/axis2.xml"),
        enabled: true,
        scheme: Some("wka".to_owned()),
        domain: Some("is.example.com".to_owned()),
        local_member: Some("10.0.0.7:4000".to_owned()),
        members: vec!["10.0.0.7:4000".to_owned(), "10.0.0.8:4000".to_owned()],
    });
    home.mounts = Field::Read(vec![Mount {
        path: "/_system/governance".to_owned(),
        instance: "shared".to_owned(),
        datasource: Some("jdbc/WSO2RegDB".to_owned()),
        cache_id: Some("wso2is@jdbc:mysql://mysql.example.com:3306/wso2_reg".to_owned()),
        read_only: false,
    }]);
    home.tenants = Field::Read(TenantDirs {
        place: format!("{IDENTITY}/repository/tenants"),
        ids: (1..=14).collect(),
        with_event_files: BTreeSet::from([3, 9]),
    });
    let store = |tenant, file: &str, domain: &str, address: &str| UserStoreFile {
        tenant,
        file: file.to_owned(),
        domain: Some(domain.to_owned()),
        address: Some(address.to_owned()),
        encrypted: true,
    };
    home.user_stores = Field::Read(vec![
        store(None, "CORP_EXAMPLE_COM.xml", "CORP.EXAMPLE.COM", "ldaps://ldap.example.com:636"),
        store(Some(3), "PARTNERS.xml", "PARTNERS", "jdbc:mysql://mysql.example.com:3306/partners"),
    ]);
    home.patches = Field::Read(Patches { level: Some("1660491962474".to_owned()), ..Patches::default() });
    if let Some(bundles) = &mut super::plugins(&mut golden).bundles {
        bundles.place = format!("{IDENTITY}/repository/components");
        bundles.offered = Field::Read(None);
        bundles.custom.push(Bundle {
            file: "repository/components/lib/commons-text-1.10.0.jar".to_owned(),
            kind: BundleKind::Library,
            name: "commons-text".to_owned(),
            version: "1.10.0".to_owned(),
            imports: Vec::new(),
            requires: Vec::new(),
            not_evaluated: Vec::new(),
            demanded_java: None,
            compiled_for: Field::Read(Some(8)),
        });
    }
    let application = super::application(&mut golden);
    application.base_url = "https://login.example.com".into();
    application.version = Field::Read(Some("5.7.0".to_owned()));
    Scene { name: "identity-server-mysql-5.7", golden, method: Some(Method::Rolling) }
}

fn api_manager() -> Scene {
    let mut golden = instance(Product::Wso2ApiManager, "2.6.0", "3.2.0");
    let asked = crate::facts::Asked {
        at: golden.now,
        took: jiff::SignedDuration::ZERO,
        fresh_for: jiff::SignedDuration::from_hours(1),
    };
    golden.facts.fail(Source::Database, denied("Oracle cannot be asked by this agent"), asked);
    golden.facts.backups = Reading::Off;
    golden.facts.disk = Reading::Pending;
    golden.facts.files = Reading::Off;
    golden.facts.java = Reading::Pending;
    golden.facts.plugins = Reading::Off;
    golden.facts.rehearsal = Reading::Off;
    golden.facts.application = Reading::Off;
    golden.plan = crate::model::Plan::default();
    let host = host(&mut golden);
    host.name = Some("APIM01".to_owned());
    host.os.family = "windows".into();
    host.os.id = None;
    host.os.version = None;
    host.os.name = "Windows Server 2016".into();
    host.manager = Field::Unread("the services could not be listed".to_owned());
    let like = super::config(&mut golden).clone();
    let oracle = DatabaseConfig {
        place: "D:\\wso2\\wso2am-2.6.0\\repository\\conf\\datasources\\master-datasources.xml".to_owned(),
        engine: Some(Engine::Oracle),
        url: Some("jdbc:oracle:thin:@ora.example.com:1521/APIM".to_owned()),
        host: Some("ora.example.com".to_owned()),
        port: None,
        database: Some("APIM".to_owned()),
        account: Some("apim_um".to_owned()),
        ..like
    };
    *super::config(&mut golden) = oracle.clone();
    let installation = installation(&mut golden);
    installation.installation_dir = "D:\\wso2\\wso2am-2.6.0".into();
    installation.home_dir = "D:\\wso2\\wso2am-2.6.0".into();
    installation.drivers = Field::Unread("repository\\components\\lib: access denied".to_owned());
    installation.ownership = Vec::new();
    let unread = "access denied";
    let home = carbon(&mut golden);
    home.kernel = Field::Unread(unread.to_owned());
    home.ports = Field::Unread(unread.to_owned());
    home.clustering = Field::Unread(unread.to_owned());
    home.tenants = Field::Unread(unread.to_owned());
    home.user_stores = Field::Unread(unread.to_owned());
    home.patches = Field::Unread(unread.to_owned());
    home.synchroniser = Field::Unread(unread.to_owned());
    home.mounts = Field::Unread(unread.to_owned());
    home.datasources = Field::Read(vec![
        Datasource {
            name: "WSO2UM_DB".to_owned(),
            jndi: Some("jdbc/WSO2UM_DB".to_owned()),
            uses: BTreeSet::from([DatabaseUse::UserManagement]),
            config: oracle.clone(),
            max_active: None,
            named_twice: false,
        },
        Datasource {
            name: "WSO2AM_DB".to_owned(),
            jndi: Some("jdbc/WSO2AM_DB".to_owned()),
            uses: BTreeSet::from([DatabaseUse::Product]),
            config: DatabaseConfig { account: None, ..oracle },
            max_active: None,
            named_twice: false,
        },
    ]);
    Scene { name: "api-manager-oracle-windows-2.6", golden, method: None }
}
