//! An agent that watches a small Confluence with a probe that can be made to block, and a receiver for webhooks.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::installation::Installation;
use super::process::{Running, agent, eventually, free_port};
use serde_json::Value;

pub(crate) struct House {
    pub(crate) dir: tempfile::TempDir,
    port: u16,
}

impl House {
    /// With these channels; every change is told at once.
    pub(crate) fn new(channels: &str) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        let installation = Installation::lay_out(dir.path(), 1);
        let house = Self { dir, port: free_port() };
        let text = format!(
            "state_dir = \"{}\"\n[catalog]\nrefresh = false\n[log]\nlevel = \"trace\"\n[http]\nlisten = \"127.0.0.1:{}\"\n\
             [probes]\nallow_programs = true\n[[instance]]\nname = \"wiki\"\nproduct = \"confluence\"\n\
             installation_dir = \"{}\"\ntargets = [\"9.2.10\"]\n[[instance.custom]]\nname = \"gate\"\n\
             program = [\"/bin/sh\", \"{}\"]\n{channels}",
            house.path("state").display(),
            house.port,
            installation.installation_dir.display(),
            house.path("gate.sh").display(),
        );
        fs::write(house.path("agent.toml"), text).unwrap();
        fs::create_dir(house.path("state")).unwrap();
        house.open_gate(true);
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned()
    }

    /// Lets the probe be content, or block.
    pub(crate) fn open_gate(&self, open: bool) {
        let answer = if open { "echo open; exit 0" } else { "echo shut; exit 2" };
        fs::write(self.path("gate.sh"), answer).unwrap();
    }

    /// Starts the daemon and waits until it has judged everything.
    pub(crate) async fn start(&self) -> Running {
        let mut command = agent();
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        let mut agent = Running::start(&mut command, &self.path("stdout"), &self.path("stderr"));
        eventually("it is ready", async || {
            assert!(agent.0.try_wait().unwrap().is_none(), "it has ended: {}", self.read("stderr"));
            self.get("/-/ready").await.is_some()
        })
        .await;
        agent
    }

    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(format!("http://127.0.0.1:{}{path}", self.port)).await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }

    /// Has everything asked again.
    pub(crate) async fn refresh(&self) {
        let client = reqwest::Client::builder().build().unwrap();
        let url = format!("http://127.0.0.1:{}/-/refresh?source=custom", self.port);
        client.post(url).send().await.unwrap();
    }

    /// The exit code of a command, and all that it said.
    pub(crate) fn told(&self, arguments: &[&str]) -> (i32, String) {
        let output = agent().args(arguments).arg("--config").arg(self.path("agent.toml")).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code().unwrap(), text)
    }
}

/// Takes webhooks, or keeps them waiting.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    hangs: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Posted>>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) id: String,
    pub(crate) taken: bool,
    pub(crate) json: Value,
}

impl Posted {
    /// What happened to the probe, in order.
    pub(crate) fn about_gate(&self) -> Vec<String> {
        let places = self.json["places"].as_array().unwrap().iter();
        let events = places.flat_map(|place| place["events"].as_array().unwrap());
        let ours = events.filter(|event| event["subject"] == "gate");
        ours.map(|event| event["what"].as_str().unwrap().to_owned()).collect()
    }
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/services/zq9Xplanted-token", listener.local_addr().unwrap());
        let receiver = Self { url, hangs: Arc::default(), seen: Arc::default() };
        let this = receiver.clone();
        // It ends with the process: nothing tells a listener to stop.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let this = this.clone();
                std::thread::spawn(move || this.serve(stream));
            }
        });
        receiver
    }

    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    pub(crate) fn seen(&self) -> Vec<Posted> {
        self.seen.lock().unwrap().clone()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let (mut id, mut length, mut line) = (String::new(), 0, String::new());
        while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
            if let Some((name, value)) = line.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "idempotency-key" => id = value.trim().to_owned(),
                    "content-length" => length = value.trim().parse().unwrap(),
                    _ => {}
                }
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if length == 0 || reader.read_exact(&mut body).is_err() {
            return;
        }
        let hangs = self.hangs.load(Ordering::SeqCst);
        let json = serde_json::from_slice(&body).unwrap();
        self.seen.lock().unwrap().push(Posted { id, taken: !hangs, json });
        let mut stream = reader.into_inner();
        if hangs {
            // Until the other side is gone.
            drop(stream.read(&mut [0]));
        } else {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
        }
    }
}
