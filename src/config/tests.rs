//! The configuration as people write it, right and wrong.

use super::*;

const SAMPLE: &str = include_str!("../../config/agent.toml");

const SMALLEST: &str = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";

fn problems(text: &str) -> Vec<String> {
    parse_config(text).expect_err("the text has mistakes").iter().map(ToString::to_string).collect()
}

/// The sample with every commented key switched on.
fn everything_on() -> String {
    SAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && !rest.is_empty()).unwrap_or(line)
        })
        .filter(|line| {
            !["offline_file", "confluence =", "file = \"/srv/staging"]
                .iter()
                .any(|other| line.starts_with(other))
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_sample_says_what_is_the_default_anyway() {
    let sample = parse_config(SAMPLE).unwrap();
    let everything = everything_on().replace("requirements.\"10.2\"", "requirements.\"99.9\"");
    let on = parse_config(&everything).unwrap();
    assert_eq!(sample.state_dir, on.state_dir);
    assert_eq!(sample.listen, on.listen);
    assert_eq!((&sample.log_level, sample.log_format), (&on.log_level, on.log_format));
    assert_eq!(sample.max_concurrent, on.max_concurrent);
    assert_eq!(format!("{:?}", sample.rhythms), format!("{:?}", on.rhythms));
    let (sample, on) = (&sample.instances[0], &on.instances[0]);
    assert_eq!(sample.targets, on.targets);
    assert_eq!(sample.sources_off, on.sources_off);
    assert_eq!(sample.marketplace, on.marketplace);
    // These two are examples and no defaults.
    let examples = Policy { license_warn_days: 90, cluster_nodes: Some(3), ..sample.policy.clone() };
    assert_eq!(examples, on.policy);
    assert_eq!(sample.policy, Policy::default());
}

#[test]
fn the_sample_names_every_key_there_is() {
    let everything = everything_on();
    let schema = schema();
    let mut missing = Vec::new();
    for (table, definition) in schema["$defs"].as_object().unwrap() {
        for key in definition["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
            let shown = SAMPLE.contains(&format!("{key} =")) || SAMPLE.contains(&format!("{key}]"));
            // Requirements have words for keys that other texts use too.
            let told = table != "RawRequirements" && SAMPLE.contains(key.as_str());
            if !(shown || told) {
                missing.push(format!("{table}.{key}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?} not in config/agent.toml\n{everything}");
}

#[test]
fn every_mistake_is_reported_at_once_with_key_and_line() {
    let text = r#"
statedir = "/var/lib/x"
[http]
listen = "0.0.0.0:9977"
[schedule]
database = "often"
max_concurrent = "four"
[policy]
license_warn_days = -1
seats_warn_percent = 300
[requirements."9"]
java = ["17"]
[[instance]]
name = "my wiki"
product = "jira"
installation_dir = "/opt/a"
[[instance]]
name = "wiki"
product = "confluence"
installation_dir = "opt/atlassian"
targets = ["newest", "9.2.7", "9.2.7"]
upgrade_on = "tomorrow"
[instance.http]
base_url = "http://admin:hunter2@wiki"
token_file = "/a"
token_env = "B"
"#;
    let found = problems(text);
    let expected = [
        "line 2: statedir is not a key that stands here; did you mean state_dir?",
        "line 4: http.listen 0.0.0.0:9977 can be reached from other hosts",
        "line 6: schedule.database must be a duration such as \"5m\"",
        "line 7: schedule.max_concurrent must be a whole number, and is a text",
        "line 9: policy.license_warn_days must be a number from 0",
        "line 10: policy.seats_warn_percent must be a number from 0 to 255, and is 300",
        "line 11: requirements.9 \"9\" is not a version",
        "line 15: instance[0].product must be one of confluence, wso2-carbon, wso2-api-manager, wso2-application-server, wso2-business-process-server, wso2-complex-event-processor, wso2-data-analytics-server, wso2-data-services-server, wso2-enterprise-integrator, wso2-enterprise-mobility-manager, wso2-enterprise-service-bus, wso2-governance-registry, wso2-identity-server, wso2-iot-server, wso2-message-broker, wso2-micro-integrator, and is \"jira\"",
        "line 20: instance[0].installation_dir must be a path from the root",
        "line 21: instance[0].targets[0] must be a version, latest, latest-lts, next or recommended",
        "line 21: instance[0].targets[2] \"9.2.7\" is there twice",
        "line 22: instance[0].upgrade_on must be a day",
        "line 24: instance[0].http.base_url must not hold a user name or password",
        "line 26: instance[0].http.token_env stands beside token_file",
    ];
    for wanted in expected {
        assert!(found.iter().any(|one| one.starts_with(wanted)), "{wanted:?} not in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    assert!(!found.join("\n").contains("hunter2"));
}

#[test]
fn what_cannot_be_parsed_names_the_line() {
    let found = problems("state_dir = \n[http]\nlisten = =\n");
    assert!(found.iter().any(|one| one.starts_with("line 1: ")), "{found:?}");
    assert!(found.iter().any(|one| one.starts_with("line 3: ")), "{found:?}");
    assert!(problems("").join("").contains("at least one [[instance]]"));
    assert!(
        problems("[[instance]]\nname = 'x'").iter().any(|one| one.contains("installation_dir is missing"))
    );
}

#[test]
fn a_broken_file_cannot_do_harm() {
    let hostile = [
        "\u{0}".to_owned(),
        "[".repeat(10_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("name = '{}'", "x".repeat(3_000_000)),
        "[[instance]]\n".repeat(10_000),
    ];
    for text in hostile {
        assert!(!parse_config(&text).expect_err("hostile").is_empty());
    }
}

#[test]
fn an_answer_of_the_operator_decides() {
    use upgrade_readiness_checks::catalog::{Component, Standing};
    let config = parse_config(&format!("[requirements.'10.2']\npostgresql = ['15']\n{SMALLEST}")).unwrap();
    let catalog = &config.catalogs[&Product::Confluence].catalog;
    let standing = |version| catalog.ruling(Component::Postgresql, version, "10.2".parse().unwrap()).standing;
    assert_eq!(standing("15.4"), Standing::Supported);
    assert_eq!(standing("14"), Standing::Excluded);
}

#[test]
fn an_answer_names_its_product_where_lines_collide() {
    use upgrade_readiness_checks::catalog::{Component, Standing};
    let instance = |product: &str| {
        format!(
            "[[instance]]\nname = '{product}'\nproduct = '{product}'\ninstallation_dir = '/opt/{product}'\n"
        )
    };
    let both = format!("{}{}", instance("wso2-carbon"), instance("wso2-api-manager"));
    let found = problems(&format!("[requirements.'4.4']\npostgresql = ['15']\n{both}"));
    assert_eq!(
        found,
        [
            "line 1: requirements.4.4 4.4 is a line of WSO2 Carbon and of WSO2 API Manager, which are all watched; say which \
          is meant: [requirements.\"wso2-carbon 4.4\"] or [requirements.\"wso2-api-manager 4.4\"]"
        ]
    );
    let found = problems(&format!("[requirements.'wso2-kernel 4.4']\npostgresql = ['15']\n{both}"));
    assert!(found[0].contains("\"wso2-kernel\" is no product"), "{found:?}");
    let found = problems(&format!("[requirements.'wso2-carbon four']\npostgresql = ['15']\n{both}"));
    assert!(found[0].contains("\"four\" is not a version"), "{found:?}");

    let standing = |text: &str, product: Product| {
        let config = parse_config(text).unwrap();
        let catalog = &config.catalogs[&product].catalog;
        catalog.ruling(Component::Postgresql, "15", "4.4".parse().unwrap()).standing
    };
    let named = format!("[requirements.'wso2-carbon 4.4']\npostgresql = ['15']\n{both}");
    assert_eq!(standing(&named, Product::Wso2Carbon), Standing::Supported);
    assert_eq!(standing(&named, Product::Wso2ApiManager), Standing::NotListed);
    let alone = format!("[requirements.'4.4']\npostgresql = ['15']\n{}", instance("wso2-carbon"));
    assert_eq!(standing(&alone, Product::Wso2Carbon), Standing::Supported);
    let above = format!("[requirements.'wso2-carbon 4.4']\npostgresql = ['14']\n{alone}");
    assert_eq!(standing(&above, Product::Wso2Carbon), Standing::Excluded);
}

#[test]
fn limits_of_an_instance_stand_above_those_of_all() {
    let text = format!(
        "[policy]\nlicense_warn_days = 10\nseats_warn_percent = 50\n{SMALLEST}environment = 'test'\n[instance.policy]\nlicense_warn_days = 20"
    );
    let policy = parse_config(&text).unwrap().instances[0].policy.clone();
    assert_eq!((policy.license_warn_days, policy.seats_warn_percent), (20, 50));
    assert_eq!(policy.environment, upgrade_readiness_checks::model::Environment::Test);
}

#[test]
fn secrets_are_named_and_never_shown() {
    let text = format!(
        "{SMALLEST}[instance.http]\nbase_url = 'http://w'\nusername = 'u'\npassword_env = 'WIKI_PASSWORD'"
    );
    let config = parse_config(&text).unwrap();
    assert!(format!("{config:?}").contains("the environment variable WIKI_PASSWORD"));
}

#[test]
fn a_replaced_catalog_must_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    let with = |content: &str| {
        std::fs::write(&path, content).unwrap();
        let text = format!("[catalog.file]\nconfluence = '{}'\n{SMALLEST}", path.display());
        parse_config(&text)
    };
    assert!(with(upgrade_readiness_checks::catalog::CONFLUENCE).is_ok());
    assert!(with("product = 'confluence'").is_err());
    assert!(with("\u{0}\u{1}").is_err());
}

#[test]
fn a_credential_is_a_name_and_never_a_path() {
    let with = |name: &str| {
        format!("{SMALLEST}[instance.database]\nusername = 'reader'\npassword_credential = '{name}'\n")
    };
    let good = parse_config(&with("wiki.database")).unwrap();
    let place = format!("{:?}", good.instances[0].database.password);
    assert!(place.contains("/wiki.database"), "{place}");
    for name in ["", ".", "..", "/etc/shadow", "../shadow", "a/b"] {
        let told = problems(&with(name)).join("\n");
        assert!(told.contains("must be the name of a systemd credential"), "{name:?}: {told}");
    }
}
