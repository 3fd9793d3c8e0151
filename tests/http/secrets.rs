//! Secrets of those who ask, right and wrong ones, the log at its most talkative, and all that is told searched for
//! them.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;

use crate::process::command;
use crate::stage::{CHANGER, EVERYBODY, PASSWORD, Stage, TOKEN, basic, bearer};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_who_asks_is_told_anywhere() {
    let stage = Stage::set();
    let stranger = stage.clients.client("stranger");
    stage.configure("0.0.0.0", &format!("{EVERYBODY}\n[log]\nlevel = \"trace\"\n"), "");
    let mut daemon = stage.start().await;
    let local: serde_json::Value = serde_json::from_str(&stage.read("state/local-access.json")).unwrap();
    let local = local["token"].as_str().unwrap().to_owned();
    let mut said = Vec::new();
    for authorization in [
        bearer(TOKEN),
        bearer(CHANGER),
        bearer(&local),
        bearer("wrong-zq9X"),
        basic("anna", PASSWORD),
        basic("anna", "wrong-zq9X"),
        // Somebody types the password in the wrong place.
        basic(PASSWORD, ""),
        "Negotiate zq9X".to_owned(),
    ] {
        for line in
            ["GET /", "GET /metrics", "GET /api/v1/status", "POST /-/reload", "POST /-/refresh?source=host"]
        {
            let (_, headers, text) = stage.ask(line, Some(&authorization)).await;
            said.push((line.to_owned(), format!("{headers:?} {text}")));
        }
    }
    let seen = stage.try_ask(&stage.client(Some(&stranger)), "GET /", None).await;
    said.push(("a stranger".to_owned(), format!("{seen:?}")));
    // Somebody who does not speak TLS; it is talked of at the most talkative only.
    let plain = reqwest::get(format!("http://127.0.0.1:{}/?zq9X", stage.port)).await;
    assert_eq!(plain.unwrap().status().as_u16(), 400);
    // A reload that fails for a secret.
    fs::write(stage.path("token"), "short-zq9X").unwrap();
    let (code, _, text) = stage.ask("POST /-/reload", Some(&bearer(CHANGER))).await;
    assert_eq!(code, 422, "{text}");
    said.push(("a refused reload".to_owned(), text));
    for arguments in [
        &["config", "check"][..],
        &["config", "show"],
        &["status"],
        &["status", "--output", "json"],
        &["refresh"],
        &["plan", "--target", "9.2.10"],
        &["snapshot"],
    ] {
        said.push((arguments.join(" "), stage.run(Stage::agent(), arguments).1));
    }
    let processes = command("ps").args(["axww", "-o", "args"]).output().unwrap();
    said.push(("the process list".to_owned(), String::from_utf8_lossy(&processes.stdout).into_owned()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), Some(0));
    said.push(("the output".to_owned(), stage.read("stdout")));
    let log = stage.read("stderr");
    assert!(log.contains("no TLS with a client") && log.contains("is not believed"), "{log}");
    said.push(("the log".to_owned(), log));
    for entry in fs::read_dir(stage.path("state")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("local-access.json") {
            let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            said.push((path.display().to_string(), content));
        }
    }
    let key = stage.read("key.pem");
    let encoded = [format!("anna:{PASSWORD}"), "anna:wrong-zq9X".to_owned(), format!("{PASSWORD}:")]
        .map(|both| STANDARD.encode(both));
    let secrets = ["zq9X", local.as_str(), key.lines().nth(1).unwrap()];
    for (place, text) in &said {
        for secret in secrets.iter().copied().chain(encoded.iter().map(String::as_str)) {
            let told = text.lines().find(|line| line.contains(secret));
            assert!(told.is_none(), "{secret:?} is in {place}: {told:?}");
        }
    }
}
