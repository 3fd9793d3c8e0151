//! A secret planted in every place one can stand, the log at its most talkative, and all outputs searched for it.

#![cfg(test)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};

use process::{Running, agent, command, eventually, free_port};
use rustix::process::Signal;

/// Begins every planted secret; no other text has it.
const MARK: &str = "zq9Xplanted";

/// The demo's example, under a configuration of its own with secrets everywhere.
struct Planted {
    dir: tempfile::TempDir,
    address: String,
    _demo: Running,
}

impl Planted {
    async fn lay_out() -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        let demo_address = format!("127.0.0.1:{}", free_port());
        let mut demo = agent();
        demo.args(["demo", "--listen", &demo_address, "--dir"]).arg(dir.path().join("example"));
        let demo = Running::start(&mut demo, &dir.path().join("demo.out"), &dir.path().join("demo.err"));
        let address = format!("127.0.0.1:{}", free_port());
        let planted = Self { dir, address, _demo: demo };
        eventually("the demo is ready", async || try_get(&demo_address, "/-/ready").await.is_some()).await;
        planted
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn example(&self, name: &str) -> PathBuf {
        self.path("example").join(name)
    }

    /// Writes a configuration from the demo's and returns its path.
    fn configure(&self, name: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let demo = fs::read_to_string(self.example("agent.toml")).unwrap();
        let listen = demo.lines().find(|line| line.starts_with("listen")).unwrap().to_owned();
        let text = demo
            .replace(&listen, &format!("listen = \"{}\"\n\n[log]\nlevel = \"trace\"", self.address))
            .replace(&self.example("state").display().to_string(), &self.path("state").display().to_string());
        let path = self.path(name);
        fs::write(&path, change(text)).unwrap();
        path
    }

    fn rewrite(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.example(name);
        let text = fs::read_to_string(&path).unwrap();
        let new = change(text.clone());
        assert_ne!(text, new, "{name} is changed");
        fs::write(path, new).unwrap();
    }

    /// Runs the daemon on a configuration and returns everything anybody could see of it.
    async fn everything_said(&self, config: &Path, variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let mut run = agent();
        run.args(["run", "--config"]).arg(config).envs(variables.iter().copied());
        let mut daemon = Running::start(&mut run, &out, &err);
        eventually("every source was asked", async || try_get(&self.address, "/-/ready").await.is_some())
            .await;
        let mut said = Vec::new();
        for path in ["/", "/metrics", "/api/v1/status", "/nothing-here"] {
            let answer = reqwest::get(format!("http://{}{path}", self.address)).await.unwrap();
            said.push((format!("GET {path}"), answer.text().await.unwrap()));
        }
        let processes = command("ps").args(["axww", "-o", "args"]).output().unwrap();
        said.push(("the process list".into(), String::from_utf8_lossy(&processes.stdout).into_owned()));
        let facts = self.path("facts.json");
        let facts = facts.to_str().unwrap();
        for arguments in [
            vec!["status"],
            vec!["status", "--output", "json"],
            vec!["status", "--output", "markdown"],
            vec!["status", "--output", "nagios"],
            vec!["config", "show"],
            vec!["config", "check"],
            vec!["refresh"],
            vec!["snapshot", "--output", facts],
            vec!["check"],
            vec!["check", "--facts", facts],
            vec!["plan", "--facts", facts, "--target", "latest"],
            vec!["plan", "--facts", facts, "--target", "latest", "--output", "html"],
            vec!["plan", "--facts", facts, "--target", "latest", "--output", "json"],
        ] {
            let mut one = agent();
            one.args(&arguments).arg("--config").arg(config).envs(variables.iter().copied());
            let output = one.output().unwrap();
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            said.push((arguments.join(" "), text));
        }
        daemon.signal(Signal::TERM);
        let code = daemon.wait();
        for (name, path) in [
            ("the log", err),
            ("the output", out),
            ("the facts", facts.into()),
            ("the status file", self.path("state/status.json")),
        ] {
            said.push((name.into(), fs::read_to_string(path).unwrap()));
        }
        assert_eq!(code, Some(0));
        assert!(said.iter().any(|(name, text)| name == "the log" && text.contains(" TRACE ")));
        said
    }
}

async fn try_get(address: &str, path: &str) -> Option<String> {
    reqwest::get(format!("http://{address}{path}")).await.ok()?.error_for_status().ok()?.text().await.ok()
}

/// Searches what was said for the secrets, and for the forms in which they travel.
fn search(said: &[(String, String)], secrets: &[String]) {
    for (place, text) in said {
        for secret in secrets {
            let told = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(told.is_none(), "{secret:?} is in {place}: {told:?}");
        }
    }
}

fn secret(name: &str) -> String {
    format!("{MARK}-{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_instance_or_the_configuration_is_told_anywhere() {
    let planted = Planted::lay_out().await;
    let cfg = fs::read_to_string(planted.example("home/confluence.cfg.xml")).unwrap();
    let license = cfg.split("license.message\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let mut secrets = vec![MARK.to_owned(), license.chars().take(40).collect(), "Example Ltd".to_owned()];

    planted.rewrite("home/confluence.cfg.xml", |text| {
        let more = [
            "jwt.private.key",
            "synchrony.service.authtoken",
            "opensearch.password",
            "confluence.cluster.authentication.secret",
        ]
        .map(|name| format!("<property name=\"{name}\">{}</property>", secret(name)))
        .concat();
        text.replace("</properties>", &format!("{more}</properties>"))
    });
    planted.rewrite("opt/confluence/conf/server.xml", |text| {
        let source = format!(
            "<Resource name=\"jdbc/confluence\" type=\"javax.sql.DataSource\" username=\"confluence\" password=\"{0}\" \
             url=\"jdbc:postgresql://127.0.0.1:1/confluence?user=u&amp;password={0}\"/><Context path=\"\"",
            secret("server.xml")
        );
        text.replace("<Context path=\"\"", &source).replace(
            "<Connector port",
            &format!("<Connector keystorePass=\"{}\" port", secret("keystore")),
        )
    });
    planted.rewrite("opt/confluence/bin/setenv.sh", |text| {
        let more = format!(
            "CATALINA_OPTS=\"-Djavax.net.ssl.keyStorePassword={0} -Dopensearch.password={0} \
             -Dsynchrony.service.url=http://{0}:{0}@sync.example.com/synchrony/v1?token={0}#{0} ${{CATALINA_OPTS}}\"\n",
            secret("setenv.sh")
        );
        text + &more + &format!("export DB_PASSWORD={}\n", secret("exported"))
    });

    let token = planted.path("token");
    fs::write(&token, secret("token") + "\n").unwrap();
    let config = planted.configure("first.toml", |text| {
        text.replace(
            "[instance.marketplace]",
            &format!("token_file = \"{}\"\n\n[instance.marketplace]", token.display()),
        )
    });
    search(&planted.everything_said(&config, &[]).await, &secrets);

    // The same with a password in the environment, and the account's name and password in the JDBC URL.
    planted.rewrite("home/confluence.cfg.xml", |text| {
        text.replace(
            "/confluence</property>",
            &format!("/confluence?user={0}&amp;password={0}</property>", secret("url")),
        )
        .replace("example-secret-7f3a", &secret("cfg.xml"))
    });
    let basic = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("somebody:{}", secret("basic")))
    };
    secrets.push(basic);
    let config = planted.configure("second.toml", |text| {
        text.replace(
            "[instance.marketplace]",
            "username = \"somebody\"\npassword_env = \"WIKI_PASSWORD\"\n\n[instance.marketplace]",
        )
    });
    search(&planted.everything_said(&config, &[("WIKI_PASSWORD", &secret("basic"))]).await, &secrets);

    // And a URL and account of the agent's own, by a data source this time.
    planted.rewrite("home/confluence.cfg.xml", |text| {
        text.replace("hibernate.connection.url", "hibernate.connection.datasource")
            .replace("jdbc:postgresql://127.0.0.1", "java:comp/env/jdbc/confluence-127.0.0.1")
    });
    let config = planted.configure("third.toml", |text| {
        text + &format!(
            "\n[instance.database]\nurl = \"jdbc:postgresql://x:{0}@127.0.0.1:1/confluence?password={0}&sslpassword={0}\"\n\
             username = \"readiness\"\npassword_env = \"DB_PASSWORD\"\n",
            secret("config")
        )
    });
    search(&planted.everything_said(&config, &[("DB_PASSWORD", &secret("agent"))]).await, &secrets);
}

#[test]
fn a_secret_in_the_wrong_place_of_the_configuration_is_refused_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    let start = "[[instance]]\nname = \"wiki\"\nproduct = \"confluence\"\ninstallation_dir = \"/opt/c\"\n";
    let rows = [
        "[instance.marketplace]\nurl = \"http://127.0.0.1:1/?api_key=S\"\n",
        "[instance.marketplace]\nurl = \"http://127.0.0.1:1/#S\"\n",
        "[instance.marketplace]\nurl = \"http://S@127.0.0.1:1/\"\n",
        "[instance.http]\nbase_url = \"http://u:S@127.0.0.1:1/\"\n",
        "[instance.http]\nbase_url = \"http://127.0.0.1:99999/?S\"\n",
        "[instance.http]\nbase_url = \"http://127.0.0.1:1\"\ntoken = \"S\"\n",
        "[instance.http]\nbase_url = \"http://127.0.0.1:1\"\npassword = \"S\"\n",
        "[instance.database]\npassword = \"S\"\n",
        "[instance.database]\nurl = \"postgresql://u:S@db/c\"\n",
        "[instance.database]\nusername = \"u\"\npassword_file = \"S\"\n",
        "[instance.database]\npassword = \"S\n",
    ];
    for row in rows {
        fs::write(&path, format!("{start}{}", row.replace('S', MARK))).unwrap();
        for arguments in [["config", "check"], ["config", "show"], ["run", "--config"]] {
            let mut one = agent();
            one.args(arguments);
            if arguments[0] == "config" {
                one.arg("--config");
            }
            let output = one.arg(&path).output().unwrap();
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            assert_eq!(output.status.code(), Some(3), "{row}: {text}");
            assert!(!text.contains(MARK), "{row}: {text}");
        }
    }
}
