//! A whole home, in both models, and what spoils parts of it.

use std::path::Path;

use upgrade_readiness_checks::facts::{
    CarbonHome, ConfigurationModel, DatabaseUse, Field, JavaRange, PasswordKind, PidFile, Ports,
};

use super::read_home_beside;
use crate::collect::process::fixture::FakeProc;
use crate::collect::unprivileged::as_another_user;
use crate::product::carbon::fixture::{Example, LaidOut, SECRET, datasource, datasources};
use crate::product::carbon::layout::service_mark;

fn read(example: &LaidOut) -> CarbonHome {
    let home = read_home_beside(&example.home(), FakeProc::with_init().dir(), &[]);
    assert!(!format!("{home:?}").contains(SECRET), "no secret becomes a fact");
    home
}

fn why<T>(field: &Field<T>) -> &str {
    match field {
        Field::Unread(why) => why,
        Field::Read(_) => panic!("it was read"),
    }
}

#[test]
fn a_home_of_xml_files_is_read_whole() {
    let home = read(&Example::new().lay_out());
    assert_eq!(home.model, ConfigurationModel::Xml);
    assert_eq!(home.product_name, Field::Read("WSO2 Carbon".to_owned()));
    assert_eq!(home.kernel.value().unwrap().as_str(), "4.4.6");
    assert_eq!(home.ports, Field::Read(Ports { offset: 0, https: 9443, http: 9763 }));
    let sources = home.datasources.value().unwrap();
    assert_eq!(sources.len(), 1);
    let source = &sources[0];
    assert_eq!((source.name.as_str(), source.jndi.as_deref()), ("WSO2_CARBON_DB", Some("jdbc/WSO2CarbonDB")));
    assert_eq!(source.uses, [DatabaseUse::UserManagement, DatabaseUse::LocalRegistry].into());
    assert_eq!((source.max_active, source.named_twice), (Some(50), false));
    assert_eq!(
        (source.config.host.as_deref(), source.config.account.as_deref()),
        (Some("db.example.com"), Some("carbon"))
    );
    assert_eq!(source.config.password, PasswordKind::Plain);
    assert!(!home.clustering.value().unwrap().enabled);
    assert!(!home.synchroniser.value().unwrap().enabled);
    assert!(home.registry_versioning.value().unwrap()["versioningProperties"]);
    assert_eq!(home.java_range, Field::Read(Some(JavaRange { from: 7, to: Some(8) })));
    assert_eq!(home.creates_administrator, Field::Read(Some(true)));
    assert_eq!(home.pid_file, Field::Read(None::<PidFile>));
    assert_eq!(home.last_start, Field::Read(None));
    assert_eq!(home.perilous_options, Field::Read(Vec::new()));
    assert_eq!(home.placeholders, Field::Read(Vec::new()));
}

#[test]
fn a_home_of_deployment_toml_is_read_before_its_first_start() {
    let home = read(&Example::new().jdbc_url("jdbc:mysql://db/carbon?useSSL=true&x=y").toml().lay_out());
    assert_eq!(home.model, ConfigurationModel::Toml);
    assert_eq!(home.host_name, Field::Read(Some("esb.example.com".to_owned())));
    assert_eq!(home.ports, Field::Read(Ports { offset: 2, https: 9445, http: 9765 }));
    let sources = home.datasources.value().unwrap();
    assert_eq!((sources[0].name.as_str(), sources[0].max_active), ("WSO2_SHARED_DB", Some(60)));
    assert_eq!(sources[0].uses, [DatabaseUse::UserManagement, DatabaseUse::MountedRegistry].into());
    assert_eq!(sources[0].config.defect, None, "ampersands are escaped there on purpose");
    assert_eq!(home.mounts.value().unwrap().len(), 2);
    assert_eq!(home.creates_administrator, Field::Read(Some(true)));
    assert!(!home.clustering.value().unwrap().enabled && !home.synchroniser.value().unwrap().enabled);
}

#[test]
fn the_offset_of_the_running_server_wins() {
    let example = Example::new().lay_out();
    let proc = FakeProc::with_init();
    let main = "org.wso2.carbon.bootstrap.Bootstrap";
    proc.add(77, "java", &["java", &service_mark(&example.home()), "-DportOffset=5", "-Dsetup", main]);
    let home = read_home_beside(&example.home(), proc.dir(), &[]);
    assert_eq!(home.ports, Field::Read(Ports { offset: 5, https: 9448, http: 9768 }));
    assert_eq!(home.perilous_options.value().unwrap()[0].place, "process 77");
}

#[test]
fn every_form_of_a_data_source_is_understood() {
    let example = Example::new().lay_out();
    let properties = "<datasource><name>PROPS</name><jndiConfig><name>jdbc/props</name></jndiConfig>\
        <definition type=\"RDBMS\"><configuration><dataSourceClassName>com.mysql.cj.jdbc.MysqlXADataSource\
        </dataSourceClassName><dataSourceProps><property name=\"url\">jdbc:mysql://db2/am</property>\
        <property name=\"user\">am</property><property name=\"password\">S3CRET</property></dataSourceProps>\
        </configuration></definition></datasource><datasource><name>CASSANDRA</name><definition type=\"CASSANDRA\"/>\
        </datasource>";
    let vault = "<password svns:secretAlias=\"Datasources.X\">password</password>";
    let aliased = datasource("VAULT", "jdbc/WSO2CarbonDB", "jdbc:db2://h:50000/x", vault);
    example.write(
        "repository/conf/datasources/am-datasources.xml",
        &datasources(&format!("{properties}{aliased}")),
    );
    let home = read(&example);
    let sources = home.datasources.value().unwrap();
    let names: Vec<_> = sources.iter().map(|source| (source.name.as_str(), source.named_twice)).collect();
    assert_eq!(names, [("WSO2_CARBON_DB", true), ("PROPS", false), ("VAULT", true)]);
    assert_eq!(sources[1].config.host.as_deref(), Some("db2"));
    assert_eq!(
        (sources[1].config.account.as_deref(), &sources[1].config.password),
        (Some("am"), &PasswordKind::Plain)
    );
    assert_eq!(sources[1].uses, [DatabaseUse::Product].into());
    assert_eq!(sources[2].config.password, PasswordKind::Encrypted("the secure vault".to_owned()));
    assert_eq!(
        (sources[2].config.engine, sources[2].config.defect.as_deref()),
        (Some(upgrade_readiness_checks::facts::Engine::Postgresql), None)
    );
}

#[test]
fn mounted_registries_are_told_with_their_caches() {
    let example = Example::new().lay_out();
    example.write(
        "repository/conf/registry.xml",
        "<wso2registry><currentDBConfig>local</currentDBConfig>\
         <dbConfig name=\"local\"><url>jdbc:h2:./repository/database/WSO2CARBON_DB</url><userName>sa</userName>\
         <password>S3CRET</password><driverName>org.h2.Driver</driverName></dbConfig>\
         <dbConfig name=\"gov\"><dataSource>jdbc/WSO2CarbonDB</dataSource></dbConfig>\
         <remoteInstance url=\"https://localhost:9443/registry\"><id>gov</id><dbConfig>gov</dbConfig>\
         <readOnly>false</readOnly><cacheId>carbon@jdbc:postgresql://u:S3CRET@db/carbon</cacheId></remoteInstance>\
         <mount path=\"/_system/governance\" overwrite=\"true\"><instanceId>gov</instanceId>\
         <targetPath>/_system/governance</targetPath></mount></wso2registry>",
    );
    let home = read(&example);
    let mount = &home.mounts.value().unwrap()[0];
    assert_eq!(
        (mount.path.as_str(), mount.datasource.as_deref()),
        ("/_system/governance", Some("jdbc/WSO2CarbonDB"))
    );
    assert!(mount.cache_id.as_deref().unwrap().starts_with("carbon@jdbc:postgresql:"));
    let sources = home.datasources.value().unwrap();
    assert_eq!(sources[0].uses, [DatabaseUse::UserManagement, DatabaseUse::MountedRegistry].into());
    assert_eq!(
        (sources[1].name.as_str(), sources[1].uses.clone()),
        ("local", [DatabaseUse::LocalRegistry].into())
    );
}

#[test]
fn what_cannot_be_read_is_unread_and_says_why() {
    type Row<'a> = (&'a str, &'a str, fn(&CarbonHome) -> &str, &'a str);
    let bomb = "<!DOCTYPE a [<!ENTITY b \"b\">]><Server>&b;</Server>";
    let login = "<!DOCTYPE html><html>log in</html>";
    let rows: [Row<'_>; 9] = [
        ("repository/conf/carbon.xml", "", |home| why(&home.ports), "carbon.xml"),
        ("repository/conf/carbon.xml", bomb, |home| why(&home.synchroniser), "DOCTYPE"),
        ("repository/conf/carbon.xml", login, |home| why(&home.host_name), "DOCTYPE"),
        ("repository/conf/registry.xml", "<wso2registry><a", |home| why(&home.mounts), "truncated"),
        ("repository/conf/registry.xml", "<a/>", |home| why(&home.datasources), "not <wso2registry>"),
        (
            "repository/conf/user-mgt.xml",
            "<UserManager/>",
            |home| why(&home.datasources),
            "names no data source",
        ),
        (
            "repository/conf/datasources/x-datasources.xml",
            "x",
            |home| why(&home.datasources),
            "x-datasources.xml",
        ),
        (
            "repository/conf/deployment.toml",
            "[database\npassword = 'S3CRET",
            |home| why(&home.datasources),
            "line 1",
        ),
        ("repository/conf/deployment.toml", "\u{feff}\0", |home| why(&home.clustering), "deployment.toml"),
    ];
    for (file, text, field, part) in rows {
        let example = Example::new().lay_out();
        example.write(file, text);
        let home = read(&example);
        assert!(field(&home).contains(part), "{file}: {}", field(&home));
        assert_eq!(home.kernel.value().unwrap().as_str(), "4.4.6", "the rest is read all the same");
    }
}

#[test]
fn ten_gigabytes_are_not_read() {
    let example = Example::new().lay_out();
    let file = std::fs::File::options()
        .write(true)
        .open(example.home().join("repository/conf/registry.xml"))
        .unwrap();
    file.set_len(10 * 1024 * 1024 * 1024).unwrap();
    assert!(why(&read(&example).mounts).contains("longer than"));
}

#[test]
fn a_home_nobody_may_look_into_is_unread_all_over() {
    let example = Example::new().lay_out();
    example.forbid("repository");
    let path = example.home();
    let proc = FakeProc::with_init();
    let home = as_another_user(move || read_home_beside(&path, proc.dir(), &[]));
    for told in [
        why(&home.datasources),
        why(&home.tenants),
        why(&home.clustering),
        why(&home.user_stores),
        why(&home.last_start),
    ] {
        assert!(told.contains("setfacl"), "{told}");
    }
    let nowhere = read_home_beside(Path::new("/no/such/home"), FakeProc::with_init().dir(), &[]);
    for told in
        [why(&nowhere.kernel), why(&nowhere.datasources), why(&nowhere.ports), why(&nowhere.java_range)]
    {
        assert!(told.contains("/no/such/home"), "{told}");
    }
}
