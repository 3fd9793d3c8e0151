//! The whole, as a person uses it: `agent demo` with a real PostgreSQL, a real Prometheus and a browser.

#![cfg(test)]

#[path = "support/demo.rs"]
mod demo;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::Path;

use demo::Demo;
use process::{DEADLINE, Running, command, eventually, free_port};
use rustix::process::Signal;
use sqlx::Executor;

const DATABASE_PASSWORD: &str = "example-secret-7f3a";

/// A real Prometheus that scrapes the agent every second.
struct Prometheus {
    _server: Running,
    address: String,
}

impl Prometheus {
    async fn start(dir: &Path, target: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let config = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: upgrade-readiness\n    static_configs:\n      - targets: ['{target}']\n"
        );
        fs::write(dir.join("prometheus.yml"), config).unwrap();
        let mut server = command("/usr/bin/prometheus");
        server
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"));
        let server = Running::start(&mut server, &dir.join("prometheus.out"), &dir.join("prometheus.err"));
        let prometheus = Self { _server: server, address };
        eventually("Prometheus is ready", async || {
            let url = format!("http://{}/-/ready", prometheus.address);
            reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        prometheus
    }

    /// The verdict of a check for a target, as Prometheus knows it.
    async fn verdict(&self, check: &str, requested: &str) -> Option<String> {
        // `requested` is not a label of check series; the target's own series translates it.
        let query = format!(
            "upgrade_readiness_check_verdict{{check=\"{check}\"}} == 1 and on(site,target) upgrade_readiness_target_verdict{{requested=\"{requested}\"}}"
        );
        let mut url = reqwest::Url::parse(&format!("http://{}/api/v1/query", self.address)).unwrap();
        url.query_pairs_mut().append_pair("query", &query);
        let answer = reqwest::get(url).await.ok()?.text().await.ok()?;
        let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
        answer["data"]["result"][0]["metric"]["verdict"].as_str().map(ToOwned::to_owned)
    }

    async fn shows(&self, check: &str, verdict: &str) {
        eventually(&format!("Prometheus shows {check} {verdict}"), async || {
            self.verdict(check, "latest-lts").await.as_deref() == Some(verdict)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_is_taken_blocks_and_a_database_that_is_gone_is_unknown() {
    let mut demo = Demo::start("confluence").await;
    let prometheus = Prometheus::start(demo.dir.path(), &demo.address).await;
    prometheus.shows("database-privileges", "ready").await;
    prometheus.shows("database-ownership", "blocked").await;

    let mut admin = demo.administrator("confluence").await;
    admin.execute("REVOKE CREATE ON SCHEMA public FROM confluence").await.unwrap();
    demo.refresh("database");
    prometheus.shows("database-privileges", "blocked").await;
    let (code, text) = demo.run(&["status", "--target", "latest-lts"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("GRANT") && text.contains("database-privileges"), "{text}");

    admin.execute("GRANT CREATE ON SCHEMA public TO confluence").await.unwrap();
    demo.refresh("database");
    prometheus.shows("database-privileges", "ready").await;

    drop(admin);
    let postmaster = fs::read_to_string(demo.path("postgres/data/postmaster.pid")).unwrap();
    let pid = postmaster.lines().next().and_then(|pid| pid.parse().ok()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    eventually("the database is unknown", async || {
        demo.refresh("database");
        let status: serde_json::Value = serde_json::from_str(&demo.get("/api/v1/status").await).unwrap();
        let checks = status["instances"][0]["targets"][0]["checks"].as_array().unwrap();
        let database = checks.iter().filter(|check| check["category"] == "database");
        let verdict = |id: &str| {
            let check = checks.iter().find(|check| check["id"] == id).unwrap();
            check["verdict"].as_str().unwrap().to_owned()
        };
        assert!(database.clone().count() >= 6);
        verdict("database-privileges") == "unknown" && verdict("database-ownership") == "unknown"
    })
    .await;
    prometheus.shows("database-privileges", "unknown").await;

    demo.agent.signal(Signal::TERM);
    assert_eq!(demo.agent.wait(), Some(0), "{}", demo.read("stderr"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_findings_of_every_kind_and_no_secret() {
    let demo = Demo::start("confluence").await;
    let status: serde_json::Value = serde_json::from_str(&demo.get("/api/v1/status").await).unwrap();
    let target = &status["instances"][0]["targets"][0];
    assert_eq!(target["requested"], "latest-lts");
    let verdict = |id: &str| {
        let checks = target["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        (check["verdict"].as_str().unwrap().to_owned(), check.to_string())
    };
    let rows = [
        ("license-covers-target", "blocked"),
        ("java-version", "blocked"),
        ("database-ownership", "blocked"),
        ("plugin-compatibility", "warning"),
        ("license-seats", "warning"),
        ("plugin-state", "warning"),
        ("application-health", "warning"),
        ("release-support", "warning"),
        ("database-privileges", "ready"),
        ("database-embedded", "ready"),
        ("upgrade-interrupted", "ready"),
        ("database-integrity", "ready"),
        ("database-sessions", "ready"),
        ("customised-layouts", "warning"),
        ("internal-administrator", "ready"),
        ("process-limits", "unknown"),
    ];
    for (id, expected) in rows {
        let (seen, whole) = verdict(id);
        assert_eq!(seen, expected, "{whole}");
    }

    nothing_is_a_gap_and_every_category_has_a_finding(&status);

    let metrics = demo.get("/metrics").await;
    fs::write(demo.path("metrics.txt"), &metrics).unwrap();
    let checked = command("/usr/bin/promtool")
        .args(["check", "metrics"])
        .stdin(fs::File::open(demo.path("metrics.txt")).unwrap())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    let snapshot = demo.path("facts.json");
    let (_, said) = demo.run(&["snapshot", "--output", snapshot.to_str().unwrap()]);
    let facts = fs::read_to_string(&snapshot).unwrap_or_else(|error| panic!("{error}: {said}"));
    let (replayed, replay) = demo.run(&["check", "--facts", snapshot.to_str().unwrap()]);
    assert_eq!(replayed, Some(2), "{replay}");
    let (_, again) = demo.run(&["check", "--facts", snapshot.to_str().unwrap()]);
    assert_eq!(replay, again, "the same facts give the same verdict");

    let page = demo.get("/").await + &demo.get("/instances/wiki?open=all").await;
    assert!(page.contains("href=\"../plan/wiki/latest-lts\">Run book</a>"));
    assert!(page.contains("<a href=\"instances/wiki?target=latest-lts\">wiki</a>"));
    let history = demo.get("/instances/wiki/history?check=java-version").await;
    assert!(history.contains("1 check judged for the first time"), "{history}");
    let [book, book_markdown, book_page] = run_books(&demo, &target["version"]).await;
    let cfg_xml = fs::read_to_string(demo.path("home/confluence.cfg.xml")).unwrap();
    let license = cfg_xml.split("license.message\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let (_, text) = demo.run(&["status"]);
    for line in text.lines() {
        assert!(line.chars().count() <= 80 && !line.contains('\u{1b}'), "{line:?} in\n{text}");
    }
    let outputs = [
        ("page", page.clone()),
        ("history", demo.get("/instances/wiki/history").await),
        ("run book", book),
        ("run book in Markdown", book_markdown),
        ("page of the run book", book_page),
        ("metrics", metrics),
        ("status", status.to_string()),
        ("status file", fs::read_to_string(demo.path("state/status.json")).unwrap()),
        ("snapshot", facts),
        ("text", text),
        ("markdown", demo.run(&["status", "--output", "markdown"]).1),
        ("config show", demo.run(&["config", "show"]).1),
        ("replay", replay),
        ("log", demo.read("stderr")),
        ("stdout", demo.read("stdout")),
        ("process list", String::from_utf8(command("ps").args(["axww"]).output().unwrap().stdout).unwrap()),
    ];
    for (name, text) in outputs {
        for secret in [DATABASE_PASSWORD, license.get(..40).unwrap(), "Example Ltd"] {
            assert!(!text.contains(secret), "{secret:?} is in the {name}");
        }
    }

    let browser = command("/usr/bin/chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", demo.path("browser").display()))
        .arg(format!("http://{}/instances/wiki", demo.address))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&browser.stdout);
    assert!(dom.contains("database-ownership") && dom.contains("AO_950DC3_TC_EVENTS"), "{dom}");
}

/// The run book of the example in each form; a reload hands out the same, and what is not there is told.
async fn run_books(demo: &Demo, version: &serde_json::Value) -> [String; 3] {
    let json = demo.get("/api/v1/plan/wiki/latest-lts").await;
    let book: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&book["format_version"], &book["instance"]), (&"1.0".into(), &"wiki".into()));
    assert_eq!((&book["target"], &book["running"]), (version, &"8.5.4".into()));
    let markdown = demo.get("/api/v1/plan/wiki/latest-lts?form=markdown").await;
    assert!(markdown.starts_with("# Run book: wiki, Confluence 8.5.4 → "), "{markdown}");
    let page = demo.get("/plan/wiki/latest-lts?method=archive").await;
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("The way") && !page.contains("<script"));
    for path in ["/plan/nobody/latest-lts", "/plan/wiki/99.1.0", "/api/v1/plan/wiki/newest"] {
        let answer = reqwest::get(format!("http://{}{path}", demo.address)).await.unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{path}");
    }
    what_is_said_on_the_page_stands_in_the_book(demo, version.as_str().unwrap()).await;
    [json, markdown, page]
}

/// A form of the page, as a browser sends it, and then the command that takes the word back.
async fn what_is_said_on_the_page_stands_in_the_book(demo: &Demo, version: &str) {
    let address = format!("http://{}/plan/wiki/{version}/steps?method=archive", demo.address);
    let answer = reqwest::Client::builder()
        .timeout(DEADLINE)
        .build()
        .unwrap()
        .post(address)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", format!("http://{}", demo.address))
        .body("step=preparation.release&state=skipped&by=Anna+L%C3%B6w&took=1h+30m&note=decided+in+OPS-17")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(
        (answer.url().path(), answer.url().query()),
        (format!("/plan/wiki/{version}").as_str(), Some("method=archive"))
    );
    let page = answer.text().await.unwrap();
    assert!(page.contains("Skipped by Anna Löw, ") && page.contains("took 1 h 30 min"), "{page}");

    let mark = async || {
        let book: serde_json::Value =
            serde_json::from_str(&demo.get(&format!("/api/v1/plan/wiki/{version}")).await).unwrap();
        let steps = book["sections"][0]["steps"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step["id"] == "preparation.release").unwrap()["mark"].clone()
    };
    let kept = mark().await;
    assert_eq!((&kept["state"], &kept["by"]), (&"skipped".into(), &"Anna Löw".into()), "{kept}");
    assert_eq!(kept["note"], "decided in OPS-17");
    let target = format!("--target={version}");
    let (code, told) = demo.run(&["plan", "step", "preparation.release", "--withdraw", &target]);
    assert_eq!(code, Some(0), "{told}");
    assert!(mark().await.is_null());
}

fn nothing_is_a_gap_and_every_category_has_a_finding(status: &serde_json::Value) {
    for source in status["instances"][0]["sources"].as_array().unwrap() {
        assert_eq!(source["state"], "ok", "{source}");
    }
    let checks = status["instances"][0]["targets"][0]["checks"].as_array().unwrap();
    let mut categories: Vec<&str> = checks
        .iter()
        .filter(|check| !check["findings"].as_array().unwrap().is_empty())
        .map(|check| check["category"].as_str().unwrap())
        .collect();
    categories.sort_unstable();
    categories.dedup();
    assert_eq!(
        categories,
        [
            "application",
            "backup",
            "customisation",
            "database",
            "license",
            "platform",
            "plugins",
            "preparation",
            "release"
        ]
    );
    let with = |verdict: &str| -> Vec<&str> {
        let seen = checks.iter().filter(|check| check["verdict"] == verdict);
        seen.map(|check| check["id"].as_str().unwrap()).collect()
    };
    // The limits are those of a running process, and no Confluence runs.
    assert_eq!(with("unknown"), ["process-limits"]);
    let skipped = checks.iter().filter(|check| check["verdict"] == "skipped");
    for check in skipped {
        assert_eq!(check["reason"], "not a question for Confluence", "{check}");
    }
    let rows = [
        ("app-licenses", "com.example.gantt"),
        ("backup-home", "damaged"),
        ("backup-installation", "age"),
        ("backup-restore", "age"),
        ("custom", "space-stylesheets"),
        ("license-replacement", "not-entered"),
        ("rehearsal", "release"),
        ("same-database-engine", "version"),
        ("upgrade-window", "busy"),
    ];
    for (id, subject) in rows {
        let check = checks.iter().find(|check| check["id"] == id).unwrap();
        let findings = check["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["subject"] == subject), "{check}");
    }
    let files =
        checks.iter().find(|check| check["id"] == "customised-files").unwrap()["findings"].to_string();
    for (name, found) in [("web.xml", true), ("seraph-config.xml", true), ("robots.txt", false)] {
        assert_eq!(files.contains(name), found, "{files}");
    }
    let ready = with("ready");
    assert!(ready.contains(&"backup-database") && ready.contains(&"freeze"), "{ready:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_refused_and_the_old_one_stays() {
    let demo = Demo::start("confluence").await;
    let path = demo.path("agent.toml");
    let good = fs::read_to_string(&path).unwrap();
    let targets = async || {
        let status: serde_json::Value = serde_json::from_str(&demo.get("/api/v1/status").await).unwrap();
        status["instances"][0]["targets"].as_array().unwrap().len()
    };
    assert_eq!(targets().await, 3);

    fs::write(&path, good.replace("targets =", "targetz =")).unwrap();
    demo.agent.signal(Signal::HUP);
    eventually("the refusal is logged", async || demo.read("stderr").contains("targetz")).await;
    assert_eq!(targets().await, 3);

    fs::write(&path, good.replace("\"9.2.13\", ", "")).unwrap();
    demo.agent.signal(Signal::HUP);
    eventually("the new targets are there", async || targets().await == 2).await;
}
