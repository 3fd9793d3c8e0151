//! Addresses of webhooks and passwords are planted, the log is at its most talkative, and all that can be seen is
//! searched for them.

use std::fs;
use std::path::Path;

use super::house::{House, Receiver};
use super::process::{command, eventually, free_port};
use rustix::process::Signal;

/// Begins every planted secret.
const MARK: &str = "zq9Xplanted";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_channel_is_told_anywhere() {
    let receiver = Receiver::start();
    let closed = free_port();
    let house = House::new(&format!(
        "[[channel]]\nname = \"good\"\nkind = \"webhook\"\nurl_file = \"PLACE/url\"\nsigning_key_file = \"PLACE/key\"\n\
         hold = \"0s\"\nunknown_for = \"0s\"\ngroup_wait = \"0s\"\n\
         [[channel]]\nname = \"bad\"\nkind = \"webhook\"\nurl_env = \"HOOK\"\nform = \"slack\"\nhold = \"0s\"\n\
         unknown_for = \"0s\"\ngroup_wait = \"0s\"\n\
         [[channel]]\nname = \"mail\"\nkind = \"mail\"\nsmtp = \"127.0.0.1:{closed}\"\nsecurity = \"none\"\n\
         from = \"a@example.com\"\nto = [\"b@example.com\"]\nusername = \"agent\"\npassword_file = \"PLACE/password\"\n\
         hold = \"0s\"\nunknown_for = \"0s\"\ngroup_wait = \"0s\"\n"
    ));
    let place = house.dir.path().display().to_string();
    fs::write(house.path("agent.toml"), house.read("agent.toml").replace("PLACE", &place)).unwrap();
    fs::write(house.path("url"), &receiver.url).unwrap();
    fs::write(house.path("key"), format!("{MARK}-key")).unwrap();
    fs::write(house.path("password"), format!("{MARK}-mail")).unwrap();
    house.open_gate(false);
    let hook = format!("http://127.0.0.1:{closed}/services/{MARK}-token");
    let mut run = super::process::agent();
    run.args(["run", "--config"]).arg(house.path("agent.toml")).env("HOOK", &hook);
    let mut daemon = super::process::Running::start(&mut run, &house.path("stdout"), &house.path("stderr"));
    eventually("it is ready", async || house.get("/-/ready").await.is_some()).await;
    eventually("each channel was tried", async || {
        let failing = house.told(&["notify", "list"]).1.matches("  failing").count();
        !receiver.seen().is_empty() && failing == 2
    })
    .await;

    let mut said = Vec::new();
    for path in ["/", "/metrics", "/api/v1/status"] {
        said.push((path.to_owned(), house.get(path).await.unwrap()));
    }
    let processes = command("ps").args(["axww", "-o", "args"]).output().unwrap();
    said.push(("the process list".into(), String::from_utf8_lossy(&processes.stdout).into_owned()));
    for arguments in [
        vec!["notify", "list"],
        vec!["notify", "test", "good"],
        vec!["notify", "test", "bad"],
        vec!["notify", "test", "mail"],
        vec!["notify", "test", "nobody"],
        vec!["config", "show"],
        vec!["config", "check"],
        vec!["status"],
    ] {
        let mut one = super::process::agent();
        one.args(&arguments).arg("--config").arg(house.path("agent.toml")).env("HOOK", &hook);
        let output = one.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        said.push((arguments.join(" "), text));
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), Some(0));
    said.push(("the log".into(), house.read("stderr")));
    assert!(said.last().unwrap().1.contains(" TRACE "));
    keep(&house.path("state"), &mut said);
    for (place, text) in &said {
        let told = text.lines().find(|line| line.contains(MARK));
        assert!(told.is_none(), "a secret is in {place}: {told:?}");
    }
    let list = &said.iter().find(|(place, _)| place == "notify list").unwrap().1;
    assert!(list.contains("failing") && list.contains("could not be reached"), "{list}");
}

/// Adds what the agent wrote down for itself.
fn keep(dir: &Path, said: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            keep(&path, said);
        } else {
            said.push((
                path.display().to_string(),
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
            ));
        }
    }
}
