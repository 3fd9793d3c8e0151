//! Those who ask the daemon: commands, another agent, Prometheus.

use std::fs;

use serde_json::Value;

use crate::certificates::Authority;
use crate::process::{Running, agent_without_rights, command, eventually, free_port, set_mode};
use crate::stage::{CHANGER, EVERYBODY, Stage, bearer, has};

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_this_host_are_let_in() {
    let stage = Stage::set();
    let _daemon = stage.start().await;
    // Whoever may read the state directory needs no secret of the list.
    let own = || crate::process::agent();
    let rows: [(&[&str], i32, &[&str]); 4] = [
        (&["refresh", "--source", "host"], 0, &["asked again"]),
        (&["refresh", "--instance", "tea"], 3, &[]),
        (&["refresh", "tea"], 3, &["refused", "there are: wiki"]),
        (
            &["plan", "step", "preparation.release", "done", "--by", "Ann", "--target", "9.2.10"],
            0,
            &["preparation.release of wiki to 9.2.10 is done", "The daemon has taken it"],
        ),
    ];
    for (arguments, code, words) in rows {
        let (seen, said) = stage.run(own(), arguments);
        assert_eq!(seen, Some(code), "{arguments:?}: {said}");
        has(&said, words);
    }
    let (_, said) = stage.run(own(), &["plan", "--target", "9.2.10"]);
    has(&said, &["preparation.release"]);
    assert!(!said.contains("looking now"), "the daemon told it: {said}");

    // Somebody else may not, unless they may read a secret of the list.
    if rustix::process::getuid().is_root() {
        set_mode(&stage.path("state"), 0o700);
        set_mode(&stage.path("token"), 0o600);
        set_mode(&stage.path("password"), 0o600);
        let bin = stage.path("bin");
        fs::create_dir(&bin).unwrap();
        let refresh = ["refresh", "--source", "host"];
        let (code, said) = stage.run(agent_without_rights(&bin), &refresh);
        assert_eq!(code, Some(3), "{said}");
        has(&said, &["refused", "say who you are", "sudo", "local-access.json"]);
        let mut robot = agent_without_rights(&bin);
        robot.env("ROBOT_TOKEN", CHANGER);
        let (code, said) = stage.run(robot, &refresh);
        assert_eq!(code, Some(0), "{said}");
        set_mode(&stage.path("token"), 0o644);
        let (code, said) = stage.run(agent_without_rights(&bin), &refresh);
        assert_eq!(code, Some(3), "{said}");
        has(&said, &["scraper may read, and nothing else"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_is_asked_with_its_certificate_and_a_secret() {
    let staging = Stage::set();
    let _staging_daemon = staging.start().await;
    let stage = Stage::set();
    let _daemon = stage.start().await;
    let foreign = Authority::new("Server authority");
    fs::write(stage.path("foreign.pem"), foreign.pem()).unwrap();
    fs::write(stage.path("wrong"), "wrong-token-0123456789abcdef-zq9X").unwrap();
    let ca = staging.path("ca.pem").display().to_string();
    let rows = [
        ("token_file = \"DIR/token\"", ca.as_str(), None),
        ("username = \"anna\"\npassword_file = \"DIR/password\"", ca.as_str(), None),
        ("token_file = \"DIR/wrong\"", ca.as_str(), Some("401")),
        ("", ca.as_str(), Some("401")),
        ("token_file = \"DIR/token\"", "DIR/foreign.pem", Some("not signed by anyone the agent trusts")),
    ];
    for (who, ca, refused) in rows {
        let more = format!(
            "[instance.rehearsal]\nbase_url = \"https://localhost:{}\"\nca_file = \"{ca}\"\n{who}\n",
            staging.port
        );
        stage.configure("0.0.0.0", EVERYBODY, &more);
        assert_eq!(stage.ask("POST /-/reload", Some(&bearer(CHANGER))).await.0, 200);
        stage.ask("POST /-/refresh?source=rehearsal", Some(&bearer(CHANGER))).await;
        eventually(&format!("{who} {ca} gives {refused:?}"), async || {
            let status = stage.status().await;
            let sources = status["instances"][0]["sources"].as_array().unwrap().clone();
            let seen = sources.iter().find(|source| source["source"] == "rehearsal").unwrap();
            let error = seen["error"].as_str().unwrap_or_default();
            match refused {
                None => seen["state"] == "ok",
                Some(words) => seen["state"] == "failed" && error.contains(words),
            }
        })
        .await;
    }
    has(&stage.read("stderr"), &["rehearsal"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_it() {
    let stage = Stage::set();
    let _daemon = stage.start().await;
    let dir = stage.dir.path().display();
    let job = |name: &str, who: &str| {
        format!(
            "  - job_name: {name}\n    scheme: https\n    tls_config:\n      ca_file: {dir}/ca.pem\n{who}    static_configs:\n      - targets: ['localhost:{}']\n",
            stage.port
        )
    };
    let proxy = stage.clients.client("proxy");
    fs::write(stage.path("proxy.pem"), &proxy.certificate).unwrap();
    fs::write(stage.path("proxy.key"), &proxy.key).unwrap();
    let config = [
        "global:\n  scrape_interval: 1s\nscrape_configs:\n".to_owned(),
        job("bearer", &format!("    authorization:\n      credentials_file: {dir}/token\n")),
        job(
            "basic",
            &format!("    basic_auth:\n      username: anna\n      password_file: {dir}/password\n"),
        ),
        job("certificate", &format!("      cert_file: {dir}/proxy.pem\n      key_file: {dir}/proxy.key\n")),
        job("nobody", ""),
    ];
    fs::write(stage.path("prometheus.yml"), config.concat()).unwrap();
    let checked =
        command("/usr/bin/promtool").args(["check", "config"]).arg(stage.path("prometheus.yml")).output();
    assert!(checked.unwrap().status.success());
    let address = format!("127.0.0.1:{}", free_port());
    let mut server = command("/usr/bin/prometheus");
    server
        .arg(format!("--config.file={dir}/prometheus.yml"))
        .arg(format!("--storage.tsdb.path={dir}/tsdb"))
        .arg(format!("--web.listen-address={address}"));
    let _server = Running::start(&mut server, &stage.path("prometheus.out"), &stage.path("prometheus.err"));
    let ask = async |query: &str| -> Option<Value> {
        let mut url = reqwest::Url::parse(&format!("http://{address}/api/v1/query")).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        serde_json::from_str(&reqwest::get(url).await.ok()?.text().await.ok()?).ok()
    };
    for (job, up) in [("bearer", "1"), ("basic", "1"), ("certificate", "1"), ("nobody", "0")] {
        eventually(&format!("up of {job} is {up}"), async || {
            let answer = ask(&format!("up{{job=\"{job}\"}}")).await;
            answer.is_some_and(|answer| answer["data"]["result"][0]["value"][1] == up)
        })
        .await;
    }
    let answer =
        ask("upgrade_readiness_http_certificate_expiry_timestamp_seconds{job=\"basic\"}").await.unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "3376684800", "2077-01-01: {answer}");
}
