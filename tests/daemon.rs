//! The daemon on bad days: wrong configuration, broken files, a full house, signals, restarts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test ends where something goes wrong"
)]

#[path = "support/installation.rs"]
mod installation;
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use installation::Installation;
use process::{NOBODY, Running, agent, agent_without_rights, eventually, free_port, set_mode};
use rustix::fs::{Gid, Mode, Uid, chown, mkfifoat};
use rustix::process::Signal;
use serde_json::Value;
use upgrade_readiness_agent::product::confluence::license::encode_license;

/// A word of the error that is to be seen, and how the file is broken for it.
type Break<'a> = (&'a str, &'a dyn Fn(&Path));

/// Directories, a port and a configuration for a daemon.
struct House {
    dir: tempfile::TempDir,
    installation: Installation,
    port: u16,
}

impl House {
    /// Nothing listens where the database should be.
    fn new() -> Self {
        Self::with_database(1)
    }

    fn with_database(database_port: u16) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o755);
        let installation = Installation::lay_out(dir.path(), database_port);
        let house = Self { dir, installation, port: free_port() };
        house.configure("");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the configuration; every source is asked once an hour and when told to.
    fn configure(&self, more: &str) {
        self.configure_with("[catalog]\nrefresh = false", more);
    }

    /// The same with a table of its own for the catalog.
    fn configure_with(&self, catalog: &str, more: &str) {
        let text = format!(
            "state_dir = \"{state}\"\n{catalog}\n[http]\nlisten = \"127.0.0.1:{port}\"\n[schedule]\n{schedule}\n{instance}{more}",
            state = self.path("state").display(),
            port = self.port,
            schedule = ["host", "disk", "java", "installation", "license", "database"]
                .map(|source| format!("{source} = \"1h\"\n"))
                .concat(),
            instance = self.instance("wiki"),
        );
        fs::write(self.path("agent.toml"), text).unwrap();
    }

    fn instance(&self, name: &str) -> String {
        format!(
            "[[instance]]\nname = \"{name}\"\nproduct = \"confluence\"\ninstallation_dir = \"{}\"\ntargets = [\"9.2.10\"]\n",
            self.installation.installation_dir.display()
        )
    }

    /// A state directory for a daemon without rights.
    fn give_state_away(&self) {
        fs::create_dir(self.path("state")).unwrap();
        if rustix::process::getuid().is_root() {
            let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
            chown(self.path("state"), Some(user), Some(group)).unwrap();
        }
    }

    fn unprivileged(&self) -> Command {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        agent_without_rights(&bin)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    async fn start(&self) -> Running {
        self.start_as(agent()).await
    }

    async fn start_as(&self, mut command: Command) -> Running {
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        let mut agent = Running::start(&mut command, &self.path("stdout"), &self.path("stderr"));
        eventually("it is ready", async || {
            assert!(agent.0.try_wait().unwrap().is_none(), "it has ended: {}", self.read("stderr"));
            self.get("/-/ready").await.0 == 200
        })
        .await;
        agent
    }

    /// Runs a daemon that is to refuse; its exit code and log.
    fn refused(&self, mut command: Command) -> String {
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        let mut agent = Running::start(&mut command, &self.path("stdout"), &self.path("stderr"));
        assert_eq!(agent.wait(), Some(3), "{}", self.read("stderr"));
        self.read("stderr")
    }

    async fn get(&self, path: &str) -> (u16, String) {
        answer(reqwest::get(format!("http://127.0.0.1:{}{path}", self.port)).await).await
    }

    async fn post(&self, path: &str) -> (u16, String) {
        let client = reqwest::Client::builder().build().unwrap();
        answer(client.post(format!("http://127.0.0.1:{}{path}", self.port)).send().await).await
    }

    async fn status(&self) -> Value {
        let (code, text) = self.get("/api/v1/status").await;
        assert_eq!(code, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn source(&self, source: &str) -> Value {
        named(&self.status().await["instances"][0]["sources"], "source", source)
    }

    async fn check(&self, id: &str) -> Value {
        named(&self.status().await["instances"][0]["targets"][0]["checks"], "id", id)
    }
}

async fn answer(answer: reqwest::Result<reqwest::Response>) -> (u16, String) {
    match answer {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(_) => (0, String::new()),
    }
}

fn named(list: &Value, key: &str, name: &str) -> Value {
    let found = list.as_array().unwrap().iter().find(|entry| entry[key] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}")).clone()
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert!(!text.contains("panicked") && !text.contains("planted-password"), "{text}");
}

#[test]
fn a_wrong_configuration_ends_it_with_every_mistake() {
    let house = House::new();
    house.configure("targetz = 1\nupgrade_on = \"soon\"\n");
    has(
        &house.refused(agent()),
        &["targetz", "upgrade_on", "line ", "agent.toml", "do:", "agent config check"],
    );
}

#[test]
fn a_port_that_is_taken_ends_it() {
    let house = House::new();
    let _taken = TcpListener::bind(("127.0.0.1", house.port)).unwrap();
    let port = house.port.to_string();
    has(
        &house.refused(agent()),
        &["listening on 127.0.0.1", &port, "in use", "do:", "ss -ltnp", "http.listen"],
    );
}

#[test]
fn a_state_directory_that_cannot_be_made_ends_it() {
    let house = House::new();
    let log = house.refused(house.unprivileged());
    has(
        &log,
        &["making the state directory", "Permission denied", "do:", "install -d", "state_dir", "agent.toml"],
    );
    fs::write(house.path("state"), "a file").unwrap();
    has(&house.refused(agent()), &["making the state directory", "do:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_file_that_cannot_be_written_ends_nothing() {
    let house = House::new();
    house.give_state_away();
    let mut agent = house.start_as(house.unprivileged()).await;
    let file = house.path("state/status.json");
    eventually("the file is there", async || file.exists()).await;

    set_mode(&house.path("state"), 0o555);
    eventually("the trouble is logged", async || {
        house.post("/-/refresh?source=host").await;
        house.read("stderr").contains("the status file cannot be written")
    })
    .await;
    let old = house.read("state/status.json");
    let again = async || {
        let before = house.status().await["written_at"].clone();
        eventually("it has tried again", async || {
            house.post("/-/refresh?source=host").await;
            house.status().await["written_at"] != before
        })
        .await;
        house.read("stderr").matches("the status file cannot be written").count()
    };
    // The right may go between two steps of one write, which is a reason of its own.
    again().await;
    let told = again().await;
    assert_eq!(again().await, told, "{}", house.read("stderr"));
    assert_eq!(house.read("state/status.json"), old);

    set_mode(&house.path("state"), 0o755);
    eventually("the file is new", async || {
        house.post("/-/refresh?source=host").await;
        house.read("state/status.json") != old
    })
    .await;
    eventually("it is logged", async || house.read("stderr").contains("can be written again")).await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_of_the_product_is_unknown_until_it_is_whole_again() {
    let house = House::new();
    house.give_state_away();
    let mut agent = house.start_as(house.unprivileged()).await;
    let path = house.installation.cfg_xml();
    let good = fs::read_to_string(&path).unwrap();
    let sparse = |path: &Path| fs::File::create(path).unwrap().set_len(1 << 30).unwrap();
    let rows: [Break<'_>; 7] = [
        ("No such file", &|_| ()),
        ("truncated", &|path| fs::write(path, &good[..good.len() / 2]).unwrap()),
        ("empty", &|path| fs::write(path, "").unwrap()),
        ("not UTF-8", &|path| fs::write(path, b"\xff\xfe\x00").unwrap()),
        ("Permission denied", &|path| {
            fs::write(path, &good).unwrap();
            set_mode(path, 0o000);
        }),
        ("not a regular file", &|path| {
            mkfifoat(rustix::fs::CWD, path, Mode::from_raw_mode(0o644)).unwrap();
        }),
        ("longer than", &sparse),
    ];
    for (what, break_it) in rows {
        drop(fs::remove_file(&path));
        break_it(&path);
        eventually(&format!("both sources say {what}"), async || {
            house.post("/-/refresh").await;
            let sources = [house.source("license").await, house.source("database").await];
            let says = |source: &Value| {
                let error = source["error"].as_str().unwrap_or_default();
                source["state"] == "failed" && error.contains("confluence.cfg.xml") && error.contains(what)
            };
            sources.iter().all(says)
        })
        .await;
        for check in ["license-valid", "database-supported", "database-privileges"] {
            assert_eq!(house.check(check).await["verdict"], "unknown", "{what}: {check}");
        }
    }
    fs::remove_file(&path).unwrap();
    fs::write(&path, &good).unwrap();
    eventually("the file is read again", async || {
        house.post("/-/refresh?source=database").await;
        let seen = house.source("database").await;
        !seen["error"].as_str().unwrap_or_default().contains("confluence.cfg.xml")
    })
    .await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    has(&house.read("stderr"), &["source cannot be read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_at_once_although_a_source_hangs() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let house = House::with_database(silent.local_addr().unwrap().port());
    let mut command = agent();
    command.args(["run", "--config"]).arg(house.path("agent.toml"));
    let mut agent = Running::start(&mut command, &house.path("stdout"), &house.path("stderr"));
    let accepted = tokio::task::spawn_blocking(move || (silent.accept().unwrap(), silent)).await.unwrap();
    let (code, _) = house.get("/-/ready").await;
    assert_eq!(code, 503);
    let began = Instant::now();
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(accepted);
}

/// A new release is judged by as soon as it is learned, and still known after a restart without a network.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_becomes_the_latest_without_a_restart() {
    let lists = wiremock::MockServer::start().await;
    let feed = |version: &str| {
        let body = format!("downloads([{{\"version\":\"{version}\",\"released\":\"18-Nov-2026\"}}])");
        wiremock::Mock::given(wiremock::matchers::path("/download/feeds/current/confluence.json"))
            .respond_with(wiremock::ResponseTemplate::new(200).set_body_string(body))
    };
    let before = feed("11.0.0").mount_as_scoped(&lists).await;
    let house = House::new();
    house.configure_with(
        &format!(
            "[catalog]\nrefresh_every = \"1s\"\n[catalog.refresh_from]\nendoflife = \"{0}\"\nfeeds = \"{0}\"\nmarketplace = \"{0}\"",
            lists.uri()
        ),
        "",
    );
    let config = house.read("agent.toml").replace("[\"9.2.10\"]", "[\"latest\"]");
    fs::write(house.path("agent.toml"), config).unwrap();
    let latest = async || house.status().await["instances"][0]["targets"][0]["version"].clone();
    let mut agent = house.start().await;
    assert_eq!(latest().await, "11.0.0");

    drop(before);
    feed("11.0.7").mount(&lists).await;
    eventually("the second has passed in which it is not asked again", async || {
        agent_command(&house, &["refresh", "--source", "releases"]);
        latest().await == "11.0.7"
    })
    .await;
    assert_eq!(house.source("releases").await["state"], "ok");
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));

    drop(lists);
    let facts = agent_command(&house, &["check", "--output", "json"]);
    assert!(facts.contains("11.0.7"), "a command knows it too: {facts}");
    let _agent = house.start().await;
    assert_eq!(latest().await, "11.0.7");
    house.post("/-/refresh?source=releases").await;
    assert_eq!(latest().await, "11.0.7", "that nobody answers takes nothing away");
    assert_eq!(house.source("releases").await["state"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recommended_target_follows_the_licence() {
    let house = House::new();
    let config = house.read("agent.toml").replace("[\"9.2.10\"]", "[\"recommended\"]");
    fs::write(house.path("agent.toml"), config).unwrap();
    let cfg_xml = fs::read_to_string(house.installation.cfg_xml()).unwrap();
    let license = |ends: &str| {
        let text = encode_license(&[
            ("conf.active", "true"),
            ("conf.DataCenter", "true"),
            ("conf.LicenseTypeName", "COMMERCIAL"),
            ("conf.NumberOfUsers", "500"),
            ("Subscription", "true"),
            ("Evaluation", "false"),
            ("CreationDate", "2019-01-02"),
            ("LicenseExpiryDate", ends),
            ("MaintenanceExpiryDate", ends),
        ]);
        let property =
            format!("<property name=\"atlassian.license.message\">{text}</property>\n  </properties>");
        fs::write(house.installation.cfg_xml(), cfg_xml.replace("</properties>", &property)).unwrap();
    };
    license("2020-01-01");
    let _agent = house.start().await;
    let target = async || house.status().await["instances"][0]["targets"][0].clone();
    eventually("the ended licence is heard of", async || {
        target().await["reason"].as_str().is_some_and(|reason| reason.contains("allows no newer release"))
    })
    .await;
    assert_eq!(target().await["verdict"], "unknown");
    let (code, page) = house.get("/instances/wiki").await;
    assert!(code == 200 && page.contains("No release is recommended."), "{page}");

    license("2999-01-01");
    house.post("/-/refresh?source=license").await;
    let now = target().await;
    assert!(now["version"].is_string() && now["requested"] == "recommended", "{now}");
    let offer = house.status().await["instances"][0]["offer"].clone();
    assert_eq!(offer["recommended"]["version"], now["version"]);
    let told = agent_command(&house, &["targets"]);
    assert!(told.contains(&format!("choose   {}", now["version"].as_str().unwrap())), "{told}");

    license("2020-01-01");
    house.post("/-/refresh?source=license").await;
    assert!(target().await["version"].is_null(), "and back");
}

/// What a command says about the configuration of the house.
fn agent_command(house: &House, arguments: &[&str]) -> String {
    let output = agent().args(arguments).arg("--config").arg(house.path("agent.toml")).output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_over_http_are_carried_out_or_refused_with_a_reason() {
    let house = House::new();
    let _agent = house.start().await;
    for (path, code, words) in [
        ("/-/refresh?instance=wiki", 200, "asked again"),
        ("/-/refresh?instance=intranet", 422, "there are: wiki"),
        ("/-/refresh?source=tea", 400, "sources are: host"),
        ("/-/refresh?source=plugins", 422, "switched off"),
        ("/-/refresh?instances=wiki", 400, "instance=NAME"),
        ("/-/reload", 200, "reloaded"),
        ("/-/nothing", 404, "what there is"),
    ] {
        let (seen, text) = house.post(path).await;
        assert_eq!(seen, code, "{path}: {text}");
        assert!(text.contains(words), "{path}: {text}");
    }
    assert_eq!(house.get("/-/reload").await.0, 405);

    house.configure("targetz = 1\n");
    let (code, text) = house.post("/-/reload").await;
    assert_eq!(code, 422);
    has(&text, &["targetz", "line"]);
    house.configure(&house.instance("intranet"));
    assert_eq!(house.post("/-/reload").await.0, 200);
    eventually("there are two", async || house.status().await["instances"].as_array().unwrap().len() == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_the_configuration_again_and_a_wrong_one_changes_nothing() {
    let house = House::new();
    let mut agent = house.start().await;
    fs::write(house.path("agent.toml"), "[[instance\n").unwrap();
    agent.signal(Signal::HUP);
    eventually("it is refused", async || house.read("stderr").contains("configuration not reloaded")).await;
    assert_eq!(house.status().await["instances"][0]["name"], "wiki");

    house.configure("environment = \"test\"\n[policy]\nlicense_warn_days = 30\n");
    agent.signal(Signal::HUP);
    eventually("it is taken", async || house.read("stderr").contains("configuration reloaded")).await;

    let state = house.path("state");
    fs::write(house.path("agent.toml"), house.read("agent.toml").replace("/state\"", "/other\"")).unwrap();
    let (code, text) = house.post("/-/reload").await;
    assert_eq!(code, 422, "{text}");
    assert!(text.contains("state_dir") && text.contains("restart"), "{text}");
    assert!(state.join("status.json").exists());

    let old = house.port;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    house.configure("");
    let moved = house.read("agent.toml").replace(&format!(":{old}\""), &format!(":{port}\""));
    fs::write(house.path("agent.toml"), moved).unwrap();
    let (code, text) = house.post("/-/reload").await;
    assert_eq!(code, 422, "{text}");
    has(&text, &["in use", "ss -ltnp"]);
    agent.signal(Signal::INT);
    assert_eq!(agent.wait(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_asks_every_source_again() {
    let house = House::new();
    let agent = house.start().await;
    let moments = async || {
        let status = house.status().await;
        let sources = status["instances"][0]["sources"].as_array().unwrap().clone();
        let of = |source: &Value| (source["state"] == "ok").then(|| source["collected_at"].to_string());
        sources.iter().filter_map(of).collect::<Vec<_>>()
    };
    let before = moments().await;
    assert!(before.len() >= 3, "{before:?}");
    agent.signal(Signal::USR1);
    eventually("all are newer", async || {
        let after = moments().await;
        after.len() == before.len() && after.iter().zip(&before).all(|(after, before)| after != before)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_of_start_life_and_end() {
    let house = House::new();
    let socket = UnixDatagram::bind(house.path("notify")).unwrap();
    socket.set_read_timeout(Some(process::DEADLINE)).unwrap();
    let hear = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    let mut command = agent();
    command.env("NOTIFY_SOCKET", house.path("notify")).env("WATCHDOG_USEC", "400000");
    let mut agent = house.start_as(command).await;
    assert_eq!(hear(), "READY=1");
    assert_eq!(hear(), "WATCHDOG=1");
    assert_eq!(hear(), "WATCHDOG=1");
    let hear = || loop {
        let word = hear();
        if word != "WATCHDOG=1" {
            return word;
        }
    };
    // A reload is told with its moment, and its end, whether the file was good or refused.
    for configuration in [house.read("agent.toml"), "tea".to_owned()] {
        fs::write(house.path("agent.toml"), configuration).unwrap();
        agent.signal(Signal::HUP);
        let word = hear();
        let moment = word.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{word}"));
        assert!(moment.parse::<u64>().unwrap() > 0);
        assert_eq!(hear(), "READY=1");
    }
    agent.signal(Signal::TERM);
    while hear() != "STOPPING=1" {}
    assert_eq!(agent.wait(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_systemd_is_read_where_systemd_put_it() {
    let house = House::new();
    let credentials = house.path("credentials");
    fs::create_dir(&credentials).unwrap();
    house.configure(
        "[instance.database]\nusername = \"readiness\"\npassword_credential = \"wiki.database\"\n",
    );
    let mut command = agent();
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let _agent = house.start_as(command).await;
    let error = async || house.source("database").await["error"].as_str().unwrap().to_owned();
    let lacking = error().await;
    has(&lacking, &["the password", credentials.join("wiki.database").to_str().unwrap()]);
    // With the secret it gets as far as the server, which is not there.
    fs::write(credentials.join("wiki.database"), "sesame-of-systemd\n").unwrap();
    house.post("/-/refresh?source=database").await;
    has(&error().await, &["connecting to the database", "as readiness"]);
    assert!(!house.read("stderr").contains("sesame") && !house.read("state/status.json").contains("sesame"));
}

#[tokio::test(flavor = "multi_thread")]
async fn since_when_a_verdict_stands_survives_a_restart() {
    let house = House::new();
    let moments = async || {
        let check = house.check("database-embedded").await;
        assert_eq!(check["verdict"], "ready", "{check}");
        ["first_seen", "changed_at"].map(|key| check[key].as_str().unwrap().to_owned())
    };
    let mut agent = house.start().await;
    let before = moments().await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    let _agent = house.start().await;
    assert_eq!(moments().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_switched_off_leaves_its_checks_unknown() {
    let house = House::new();
    let other = house.instance("intranet") + "sources_off = [\"license\", \"disk\"]\n";
    house.configure(&other);
    let _agent = house.start().await;
    let status = house.status().await;
    let names: Vec<_> =
        status["instances"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["wiki", "intranet"]);
    let off = &status["instances"][1];
    for source in ["license", "disk"] {
        assert_eq!(named(&off["sources"], "source", source)["state"], "off");
    }
    for check in ["license-valid", "license-covers-target", "license-seats", "disk-space"] {
        let seen = named(&off["targets"][0]["checks"], "id", check);
        assert_eq!(seen["verdict"], "unknown", "{seen}");
        assert!(seen["reason"].as_str().unwrap().contains("off"), "{seen}");
    }
    assert_eq!(off["targets"][0]["verdict"], "unknown");
}
