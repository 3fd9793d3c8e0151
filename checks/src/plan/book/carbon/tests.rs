use crate::facts::{CarbonHome, Engine, Family, Field, Prepared, Reading};
use crate::golden::{Golden, golden_carbon};
use crate::plan::book::tests::{SCENES, commands, made, outside_of_quotes, scene, text_of};
use crate::plan::book::{Block, Book, SectionKind, Shell};

const KERNEL: &str = "carbon-postgresql-4.4.6";
const IDENTITY: &str = "identity-server-mysql-5.7";
const WINDOWS: &str = "api-manager-oracle-windows-2.6";

fn books() -> impl Iterator<Item = (&'static str, &'static Book)> {
    let all = SCENES.iter().filter(|(_, book)| book.product.family() == Family::Carbon);
    all.map(|(scene, book)| (scene.name, book))
}

fn carbon(golden: &mut Golden) -> &mut CarbonHome {
    match &mut golden.facts.installation {
        Reading::Learned(learned) => learned.facts.carbon.as_mut().unwrap(),
        _ => panic!("the golden instance has a home"),
    }
}

fn prepared(golden: &mut Golden) -> &mut Prepared {
    match &mut golden.facts.rehearsal {
        Reading::Learned(learned) => match &mut learned.facts.prepared {
            Some(Field::Read(prepared)) => prepared,
            _ => panic!("the golden instance is prepared"),
        },
        _ => panic!("the golden instance is prepared"),
    }
}

fn step(golden: &Golden, id: &str) -> String {
    let book = made(golden, None);
    text_of(book.step(id).unwrap_or_else(|| panic!("no step {id}")))
}

/// A sentence of the guide: its step, a word of it, a book it is in, and one in which it does not say so.
type Row = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const GUIDE: &[Row] = &[
    ("G1", "preparation.method", "a new database, empty", KERNEL, None),
    ("G2", "staging.database", "CREATE DATABASE \"carbon\"", KERNEL, Some(IDENTITY)),
    ("G2", "staging.database", "CREATE DATABASE `wso2_um_5_11_0`", IDENTITY, Some(KERNEL)),
    ("G2", "staging.database", "user_tables", WINDOWS, Some(KERNEL)),
    ("G3", "staging.environment", "reach neither the databases", KERNEL, None),
    ("G4", "production.backup-database", "pg_dump", KERNEL, Some(IDENTITY)),
    ("G4", "production.backup-database", "mysqldump", IDENTITY, Some(KERNEL)),
    ("G4", "production.backup-database", "expdp", WINDOWS, Some(KERNEL)),
    ("G4", "production.backup-home", "tar --create", KERNEL, Some(WINDOWS)),
    ("G4", "production.backup-home", "robocopy", WINDOWS, Some(KERNEL)),
    ("G5", "production.backup-home", "/opt/wso2/wso2carbon-4.4.6", KERNEL, Some(IDENTITY)),
    ("G6", "preparation.servers", "pg_stat_activity", KERNEL, Some(IDENTITY)),
    ("G6", "preparation.servers", "10.0.0.31", IDENTITY, Some(KERNEL)),
    ("G6", "production.stop", "systemctl stop wso2carbon.service", KERNEL, Some(WINDOWS)),
    ("G6", "production.stop", "net stop", WINDOWS, Some(KERNEL)),
    ("G6", "production.sessions", "three times", KERNEL, None),
    ("G7", "preparation.window", "low traffic", KERNEL, None),
    ("G8", "preparation.database", "another kind of database", KERNEL, None),
    ("G9", "production.no-way-back", "no way from 4.4.7 back to 4.4.6", KERNEL, Some(IDENTITY)),
    ("G10", "production.promote", "counts this switch alone", KERNEL, None),
    ("G11", "staging.migrate", "are the same", KERNEL, Some(IDENTITY)),
    ("G11", "staging.migrate", "-Dcomponent=identity", IDENTITY, Some(KERNEL)),
    ("G11", "staging.migrate", "-DmigrateFromVersion=2.6.0", WINDOWS, Some(KERNEL)),
    ("G11", "staging.indexes", "RENAME TO REG_LOG_IND_BY_REG_LOGTIME", KERNEL, Some(IDENTITY)),
    ("G12", "staging.configuration", "No option is new", KERNEL, Some(IDENTITY)),
    ("G13", "staging.copy-data", "--single-transaction", KERNEL, None),
    ("G13", "staging.copy-data", "--dbname=carbon --no-owner", KERNEL, Some(IDENTITY)),
    ("G13", "staging.copy-data", "wso2_reg_5_11_0 <", IDENTITY, Some(KERNEL)),
    ("G13", "production.copy-data", "before-4.4.7.dump", KERNEL, Some(IDENTITY)),
    ("G14", "preparation.download", "wso2carbon-4.4.7.zip", KERNEL, Some(IDENTITY)),
    ("G14", "preparation.download", "certutil", WINDOWS, Some(KERNEL)),
    ("G14", "staging.home", "unzip -q /backup/wso2is-5.11.0.zip", IDENTITY, Some(KERNEL)),
    ("G14", "staging.driver", "mysql-connector-java-5.1.49.jar", IDENTITY, Some(KERNEL)),
    ("G14", "staging.configuration", "db-staging.example.com", KERNEL, Some(IDENTITY)),
    (
        "G15",
        "staging.configuration",
        "Server/HideAdminServiceWSDLs: false instead of true",
        KERNEL,
        Some(IDENTITY),
    ),
    ("G15", "staging.configuration", "deployment.toml", IDENTITY, Some(KERNEL)),
    ("G16", "staging.copy-artifacts", "rsync", KERNEL, Some(WINDOWS)),
    ("G16", "production.copy-artifacts", "--delete", KERNEL, Some(WINDOWS)),
    ("G16", "staging.copy-artifacts", "repository\\deployment\\server", WINDOWS, Some(KERNEL)),
    ("G17", "staging.copy-artifacts", "repository/tenants/", KERNEL, Some(WINDOWS)),
    ("G17", "staging.copy-artifacts", "eventpublishers", IDENTITY, Some(KERNEL)),
    ("G18", "staging.home", "Do not copy repository/conf", KERNEL, None),
    ("G19", "staging.start", "WSO2 Carbon started in", KERNEL, None),
    ("G19", "production.start", "-Dsetup", KERNEL, None),
    ("G20", "staging.test-user-stores", "two more user stores", KERNEL, None),
    ("G20", "staging.test-user-stores", "CORP.EXAMPLE.COM of the super tenant", IDENTITY, Some(KERNEL)),
    ("G21", "staging.test-tenants", "two tenants", KERNEL, None),
    ("G22", "staging.test-tenants", "add users to it", KERNEL, None),
    ("G23", "production.begin", "agent gate", KERNEL, None),
    ("G24", "staging.test-features", "com.example.handler", KERNEL, Some(WINDOWS)),
    ("B1", "staging.bundles", "build it against 4.4.7", KERNEL, Some(WINDOWS)),
    ("B27", "staging.patches", "patch0042", KERNEL, Some(IDENTITY)),
    ("B28", "staging.configuration", "is.example.com", IDENTITY, Some(KERNEL)),
    ("B29", "staging.test-user-stores", "PARTNERS of tenant 3", IDENTITY, Some(KERNEL)),
    ("nodes", "production.nodes", "10.0.0.8", IDENTITY, Some(KERNEL)),
    ("nodes", "production.nodes", "could not be seen", WINDOWS, Some(KERNEL)),
    ("service", "production.switch", "setx /M CARBON_HOME", WINDOWS, Some(KERNEL)),
    ("after", "verification.old-home", "is not started", KERNEL, None),
    ("after", "verification.compare", "--after carbon-before.json", KERNEL, None),
    ("after", "way-back.switch-back", "systemctl edit --full", KERNEL, Some(WINDOWS)),
];

#[test]
fn every_sentence_of_the_guide_is_there_when_it_applies_and_absent_when_not() {
    for (row, step, says, there, absent) in GUIDE {
        let text = scene(there).step(step).map(text_of);
        let text = text.unwrap_or_else(|| panic!("{row}: {there} has no step {step}"));
        assert!(text.contains(says), "{row}: {step} of {there} does not say {says:?}: {text}");
        match absent {
            Some(absent) => {
                let text = scene(absent).step(step).map(text_of).unwrap_or_default();
                assert!(!text.contains(says), "{row}: {step} of {absent} says {says:?}: {text}");
            }
            None => {
                for (name, book) in books() {
                    assert!(book.step(step).is_some(), "{row}: {name} has no step {step}");
                }
            }
        }
    }
}

/// Whether a line can change what it is sent to.
fn writes(line: &str) -> bool {
    let reads =
        ["SELECT ", "pg_dump ", "mysqldump ", "mariadb-dump ", "expdp ", "pg_restore --list", "tail ", "-- "];
    let asks = ["pg_restore ", "psql ", "mysql ", "mariadb ", "impdp "];
    let statement = ["CREATE ", "DROP ", "ALTER ", "RESTORE ", "EXEC ", "USE "];
    let begins = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
    !begins(&reads) && (begins(&asks) || begins(&statement))
}

#[test]
fn nothing_writes_into_a_database_that_runs() {
    let mut same_server = golden_carbon();
    let staged = prepared(&mut same_server).home.datasources.value().unwrap().clone();
    let mut named = staged;
    named[0].config.host = Some("DB.example.com".into());
    named[0].config.database = Some("carbon_new".into());
    prepared(&mut same_server).home.datasources = Field::Read(named.clone());
    // The prepared home still names the database that runs: its name stands in no command that writes.
    let mut still_running = golden_carbon();
    named[0].config.database = Some("CARBON".into());
    prepared(&mut still_running).home.datasources = Field::Read(named);
    let text = step(&still_running, "staging.database");
    assert!(text.contains("names the running database for WSO2_CARBON_DB"), "{text}");
    assert!(text.contains("STAGING_DB_HOST"), "{text}");

    let more = [made(&same_server, None), made(&still_running, None)];
    let running = ["db.example.com", "mysql.example.com", "ora.example.com"];
    let mut seen = 0;
    for book in books().map(|(_, book)| book).chain(&more) {
        for (_, step) in book.steps() {
            for block in &step.blocks {
                let Block::Commands { place, lines, .. } = block else { continue };
                for line in lines.iter().filter(|line| writes(line)) {
                    seen += 1;
                    let all = format!("{place} {line}").to_ascii_lowercase();
                    let names_server = running
                        .iter()
                        .any(|host| all.split([' ', ':', '/', '=', ',']).any(|word| word == *host));
                    let new_name = all.contains("carbon_new");
                    assert!(!names_server || new_name, "{}: {place}: {line}", step.id);
                }
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn data_sources_of_one_database_are_copied_once() {
    let book = scene(IDENTITY);
    let dumps = commands(book).into_iter().filter(|(kind, ..)| *kind == SectionKind::Production);
    let dumps: Vec<String> =
        dumps.flat_map(|(_, _, lines)| lines.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let count = |word: &str| {
        dumps.iter().filter(|line| line.starts_with("mysqldump") && line.ends_with(word)).count()
    };
    assert_eq!((count(" wso2_um"), count(" wso2_reg")), (1, 1), "{dumps:#?}");
}

#[test]
fn what_could_not_be_seen_is_said() {
    let gaps = scene(WINDOWS).not_seen.join("\n");
    for part in [
        "STAGING_DB_HOST",
        "WSO2AM_DB_USER",
        "whether there is a cluster could not be seen: access denied",
        "whether there are tenants",
        "SERVICE_NAME",
    ] {
        assert!(gaps.contains(part), "{part}: {gaps}");
    }
    assert!(scene(KERNEL).not_seen.is_empty(), "{:?}", scene(KERNEL).not_seen);
    let mut unread = golden_carbon();
    carbon(&mut unread).datasources = Field::Unread("permission denied".into());
    let book = made(&unread, None);
    assert!(
        book.not_seen.iter().any(|gap| gap.contains("the data sources could not be seen")),
        "{:?}",
        book.not_seen
    );
    // What is known of the one database of the installation is used all the same.
    assert!(text_of(book.step("production.backup-database").unwrap()).contains("--host=db.example.com"));
}

#[test]
fn the_configuration_says_what_is_known_of_it() {
    let mut golden = golden_carbon();
    prepared(&mut golden).drift = Field::Unread("no untouched archive is named".into());
    let text = step(&golden, "staging.configuration");
    assert!(text.contains("No option is new between 4.4.6 and 4.4.7"), "{text}");
    assert!(text.contains("could not be compared (no untouched archive is named)"), "{text}");
    let mut copied = golden_carbon();
    if let Field::Read(drift) = &mut prepared(&mut copied).drift {
        drift.copied_whole = vec!["carbon.xml".into()];
        drift.count = 7;
    }
    let text = step(&copied, "staging.configuration");
    assert!(text.contains("Copied whole") && text.contains("7 more differ"), "{text}");
    assert!(!text.contains("Nothing was changed by hand"), "a list that is cut proves nothing: {text}");
}

#[test]
fn tenants_decide_what_is_copied_and_tried() {
    let mut none = golden_carbon();
    if let Field::Read(tenants) = &mut carbon(&mut none).tenants {
        tenants.ids.clear();
    }
    if let Field::Read(databases) = &mut prepared(&mut none).databases
        && let Field::Read(tables) = &mut databases[0].production
    {
        tables.tenants = Field::Read([].into());
    }
    assert!(!step(&none, "staging.copy-artifacts").contains("repository/tenants"));
    assert!(step(&none, "staging.test-tenants").contains("no tenant but the super tenant"));
    // No directory alone proves nothing: a tenant that was never loaded has none.
    if let Field::Read(databases) = &mut prepared(&mut none).databases {
        databases[0].production = Field::Unread("denied".into());
    }
    assert!(step(&none, "staging.copy-artifacts").contains("could not be seen for sure"));
}

#[test]
fn an_embedded_database_and_nested_homes_are_warned_of() {
    let mut golden = golden_carbon();
    if let Field::Read(datasources) = &mut carbon(&mut golden).datasources {
        let config = &mut datasources[0].config;
        config.engine = Some(Engine::H2);
        config.database = None;
        config.url = Some("jdbc:h2:repository/database/WSO2CARBON_DB".into());
    }
    let text = step(&golden, "staging.database");
    assert!(text.contains("embedded database") && text.contains("WSO2CARBON_DB"), "{text}");
    let mut nested = golden_carbon();
    prepared(&mut nested).place = "/opt/wso2/wso2carbon-4.4.6/new".into();
    assert!(step(&nested, "staging.home").contains("lie in each other"));
    assert!(!step(&golden_carbon(), "staging.home").contains("lie in each other"));
}

#[test]
fn options_that_destroy_are_named_where_they_stand() {
    let mut golden = golden_carbon();
    prepared(&mut golden).home.perilous_options = Field::Read(vec![crate::facts::PerilousOption {
        place: "/etc/systemd/system/new.service".into(),
        option: "-Dsetup".into(),
    }]);
    for id in ["staging.start", "production.start"] {
        let text = step(&golden, id);
        assert!(text.contains("-Dsetup in /etc/systemd/system/new.service"), "{text}");
    }
}

#[test]
fn names_of_others_cannot_break_out_of_a_command() {
    let hostile = "x'; rm -rf / #\n$(reboot)`id`\"";
    let mut golden = golden_carbon();
    golden.facts.instance = hostile.to_owned();
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        learned.facts.installation_dir = format!("/opt/{hostile}");
    }
    prepared(&mut golden).place = format!("/srv/{hostile}");
    let Field::Read(datasources) = &mut carbon(&mut golden).datasources else { panic!() };
    let config = &mut datasources[0].config;
    config.database = Some(hostile.to_owned());
    config.account = Some(hostile.to_owned());
    config.host = Some(hostile.to_owned());
    let book = made(&golden, None);
    let mut seen = 0;
    for (_, step) in book.steps() {
        for block in &step.blocks {
            let Block::Commands { lines, shell: Shell::Sh, .. } = block else { continue };
            for line in lines.iter().filter(|line| line.contains("rm -rf")) {
                seen += 1;
                assert!(!outside_of_quotes(line).contains("rm -rf"), "{}: {line}", step.id);
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn another_method_than_the_archive_is_refused_in_words() {
    let book = made(&golden_carbon(), Some(crate::plan::way::Method::Rolling));
    assert_eq!(book.method, crate::plan::way::Method::Archive);
    assert!(text_of(book.step("preparation.method").unwrap()).contains("The method rolling was asked for"));
}
