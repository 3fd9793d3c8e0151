//! A daemon with a certificate and people it knows.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::certificates::{Authority, Pair};
use crate::installation::Installation;
use crate::process::{Running, agent, eventually, free_port, set_mode};

pub(crate) const TOKEN: &str = "read-only-token-0123456789abcdef-zq9X";
pub(crate) const CHANGER: &str = "may-change-token-0123456789abcdef-zq9X";
pub(crate) const PASSWORD: &str = "correct horse zq9X";

/// A token for reading, one for changing, a user who reads, and a client certificate.
pub(crate) const EVERYBODY: &str = r#"
[[http.access]]
name = "scraper"
may = "read"
token_file = "DIR/token"

[[http.access]]
name = "robot"
may = "change"
token_env = "ROBOT_TOKEN"

[[http.access]]
name = "Anna"
may = "read"
username = "anna"
password_file = "DIR/password"

[[http.access]]
name = "proxy"
may = "change"
certificate_subject = "CN=proxy, O=Example"
"#;

pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) installation: Installation,
    pub(crate) authority: Authority,
    pub(crate) clients: Authority,
    pub(crate) port: u16,
}

pub(crate) type Answered = (u16, HeaderMap, String);

impl Stage {
    /// Everything is laid out; the daemon listens on all addresses.
    pub(crate) fn set() -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o755);
        let installation = Installation::lay_out(dir.path(), 1);
        let (authority, clients) = (Authority::new("Server authority"), Authority::new("Client authority"));
        let stage = Self { dir, installation, authority, clients, port: free_port() };
        stage.show(&stage.authority.server(2077));
        for (name, content) in [
            ("ca.pem", stage.authority.pem()),
            ("clients.pem", stage.clients.pem()),
            ("token", format!("{TOKEN}\n")),
            ("password", format!("{PASSWORD}\n")),
        ] {
            fs::write(stage.path(name), content).unwrap();
        }
        stage.configure("0.0.0.0", EVERYBODY, "");
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Puts certificate and key where the daemon looks for them.
    pub(crate) fn show(&self, pair: &Pair) {
        fs::write(self.path("cert.pem"), &pair.certificate).unwrap();
        fs::write(self.path("key.pem"), &pair.key).unwrap();
        set_mode(&self.path("key.pem"), 0o640);
    }

    pub(crate) fn configure(&self, listen: &str, access: &str, more: &str) {
        let tls = "[http.tls]\ncert_file = \"DIR/cert.pem\"\nkey_file = \"DIR/key.pem\"\nclient_ca_file = \"DIR/clients.pem\"\n";
        self.configure_with(listen, &format!("{tls}{access}"), more);
    }

    /// The same with another table in place of `[http.tls]`.
    pub(crate) fn configure_with(&self, listen: &str, http: &str, more: &str) {
        let schedule = ["host", "disk", "java", "installation", "license", "database", "rehearsal"]
            .map(|source| format!("{source} = \"1h\"\n"))
            .concat();
        let text = format!(
            "state_dir = \"DIR/state\"\n[catalog]\nrefresh = false\n[http]\nlisten = \"{listen}:{}\"\n{http}\n[schedule]\n{schedule}\n\
             [[instance]]\nname = \"wiki\"\nproduct = \"confluence\"\ninstallation_dir = \"{}\"\ntargets = [\"9.2.10\"]\n{more}",
            self.port,
            self.installation.installation_dir.display()
        );
        let text = text.replace("DIR", self.dir.path().to_str().unwrap());
        fs::write(self.path("agent.toml"), text).unwrap();
    }

    /// A command with the secret that is kept in the environment of the daemon.
    pub(crate) fn agent() -> Command {
        let mut command = agent();
        command.env("ROBOT_TOKEN", CHANGER);
        command
    }

    pub(crate) async fn start(&self) -> Running {
        let mut command = Self::agent();
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        let mut daemon = Running::start(&mut command, &self.path("stdout"), &self.path("stderr"));
        eventually("it is ready", async || {
            assert!(daemon.0.try_wait().unwrap().is_none(), "it has ended: {}", self.read("stderr"));
            self.try_ask(&self.client(None), "GET /-/ready", None).await.is_ok_and(|seen| seen.0 == 200)
        })
        .await;
        daemon
    }

    /// A client that trusts the authority of the server, with a new connection for every question.
    pub(crate) fn client(&self, identity: Option<&Pair>) -> reqwest::Client {
        let authority = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let mut builder = reqwest::Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .tls_info(true)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0);
        if let Some(pair) = identity {
            builder = builder.identity(pair.identity());
        }
        builder.build().unwrap()
    }

    pub(crate) async fn try_ask(
        &self,
        client: &reqwest::Client,
        line: &str,
        authorization: Option<&str>,
    ) -> reqwest::Result<Answered> {
        let (method, path) = line.split_once(' ').unwrap();
        let url = format!("https://localhost:{}{path}", self.port);
        let mut request = client.request(method.parse().unwrap(), url);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.headers().clone(), answer.text().await?))
    }

    pub(crate) async fn ask(&self, line: &str, authorization: Option<&str>) -> Answered {
        self.try_ask(&self.client(None), line, authorization).await.unwrap()
    }

    pub(crate) async fn status(&self) -> Value {
        let (code, _, text) = self.ask("GET /api/v1/status", Some(&bearer(TOKEN))).await;
        assert_eq!(code, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What the agent has to say of itself.
    pub(crate) async fn notices(&self) -> Vec<String> {
        let status = self.status().await;
        let notices = status["notices"].as_array().unwrap().clone();
        notices.iter().map(|notice| format!("{}: {}", notice["subject"], notice["text"])).collect()
    }

    /// Runs a command to its end: its exit code and all it said.
    pub(crate) fn run(&self, mut command: Command, arguments: &[&str]) -> (Option<i32>, String) {
        command.args(arguments).arg("--config").arg(self.path("agent.toml"));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code(), said)
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {both}")
}

pub(crate) fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    for secret in ["zq9X", "panicked", "PRIVATE KEY"] {
        assert!(!text.contains(secret), "{secret:?} is in {text}");
    }
}
