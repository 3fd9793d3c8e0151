//! Who may do what, and what is refused before anybody may.

use std::fs;

use crate::certificates::Authority;
use crate::process::{Running, agent, eventually};
use crate::stage::{CHANGER, EVERYBODY, PASSWORD, Stage, TOKEN, basic, bearer, has};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_what_the_configuration_says() {
    let stage = Stage::set();
    let _daemon = stage.start().await;
    let refresh = "POST /-/refresh?source=host";
    let rows: [(&str, Option<String>, u16); 14] = [
        ("GET /-/healthy", None, 200),
        ("GET /-/ready", None, 200),
        ("GET /", None, 401),
        ("GET /metrics", None, 401),
        ("GET /plan/wiki/9.2.10", None, 401),
        ("GET /nothing", None, 401),
        (refresh, None, 401),
        ("GET /", Some(bearer(TOKEN)), 200),
        ("GET /metrics", Some(basic("anna", PASSWORD)), 200),
        (refresh, Some(bearer(TOKEN)), 403),
        (refresh, Some(basic("anna", PASSWORD)), 403),
        (refresh, Some(bearer(CHANGER)), 200),
        ("GET /metrics", Some(bearer("nobody's-token-0123456789abcdef-zq9X")), 401),
        ("GET /metrics", Some(basic("nobody", PASSWORD)), 401),
    ];
    for (line, authorization, expected) in rows {
        let (code, headers, text) = stage.ask(line, authorization.as_deref()).await;
        assert_eq!(code, expected, "{line}: {text}");
        assert_eq!(headers.contains_key("www-authenticate"), code == 401);
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }

    // Certificates: of somebody known, of somebody else, of another authority, and none of the right kind.
    let known = stage.clients.client("proxy");
    let stranger = stage.clients.client("stranger");
    let foreign = Authority::new("Client authority").client("proxy");
    for (pair, line, expected) in [
        (&known, "GET /metrics", Some(200)),
        (&known, refresh, Some(200)),
        (&stranger, "GET /metrics", Some(401)),
        (&stranger, "GET /-/healthy", Some(200)),
        (&foreign, "GET /metrics", None),
        (&foreign, "GET /-/healthy", None),
    ] {
        let seen = stage.try_ask(&stage.client(Some(pair)), line, None).await;
        assert_eq!(seen.as_ref().ok().map(|seen| seen.0), expected, "{line}: {seen:?}");
    }
    let (_, _, text) = stage.try_ask(&stage.client(Some(&stranger)), "GET /", None).await.unwrap();
    has(&text, &["CN=stranger"]);

    // Another site may not use what a browser adds by itself.
    let client = stage.client(Some(&known));
    let url = format!("https://localhost:{}/-/refresh?source=host", stage.port);
    for (name, value, expected) in [
        ("origin", format!("https://localhost:{}", stage.port), 200),
        ("origin", format!("http://localhost:{}", stage.port), 403),
        ("origin", "https://evil.example.com".to_owned(), 403),
        ("sec-fetch-site", "same-site".to_owned(), 403),
        ("host", "evil.example.com".to_owned(), 403),
    ] {
        let answer = client.post(&url).header(name, &value).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{name}: {value}");
    }

    // Guessing is slowed down, for who guesses.
    let mut codes = Vec::new();
    for number in 0..14 {
        let wrong = basic("anna", &format!("zq9X-guess-{number}"));
        let (code, headers, _) = stage.ask("GET /metrics", Some(&wrong)).await;
        assert_eq!(headers.contains_key("retry-after"), code == 429);
        codes.push(code);
    }
    assert_eq!((codes[0], *codes.last().unwrap()), (401, 429), "{codes:?}");
    assert_eq!(stage.ask("GET /metrics", Some(&basic("anna", PASSWORD))).await.0, 429);
    assert_eq!(stage.ask("GET /metrics", Some(&bearer(TOKEN))).await.0, 200);
    eventually("it is counted", async || {
        stage.ask(refresh, Some(&bearer(CHANGER))).await;
        let (_, _, metrics) = stage.ask("GET /metrics", Some(&bearer(TOKEN))).await;
        let counted = |reason: &str| {
            let series = format!("upgrade_readiness_http_refused_total{{reason=\"{reason}\"}} ");
            let value = metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
            value.parse::<u64>().unwrap()
        };
        counted("wrong") >= 12
            && counted("throttled") >= 3
            && counted("handshake") >= 2
            && counted("site") == 4
    })
    .await;
    let log = stage.read("stderr");
    has(&log, &["is not believed", "client=127.0.0.1"]);
    assert!(log.matches("is not believed").count() < 12, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_too_who_is_listed_is_asked_who_they_are() {
    let stage = Stage::set();
    let plain = "[[http.access]]\nname = \"scraper\"\nmay = \"read\"\ntoken_file = \"DIR/token\"\n";
    stage.configure_with("127.0.0.1", plain, "");
    let mut run = Stage::agent();
    run.args(["run", "--config"]).arg(stage.path("agent.toml"));
    let _daemon = Running::start(&mut run, &stage.path("stdout"), &stage.path("stderr"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str, token: Option<&str>| {
        let mut request = client.get(format!("http://127.0.0.1:{}{path}", stage.port));
        request = token.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.map_or(0, |answer| answer.status().as_u16())
    };
    eventually("it is ready", async || ask("/-/ready", None).await == 200).await;
    assert_eq!((ask("/", None).await, ask("/", Some(TOKEN)).await), (401, 200));
    let local = stage.path("state/local-access.json");
    assert!(local.exists());
    has(&stage.run(Stage::agent(), &["refresh", "--source", "host"]).1, &["asked again"]);

    stage.configure_with("127.0.0.1", "", "");
    has(&stage.run(Stage::agent(), &["refresh", "--source", "host"]).1, &["asked again"]);
    let reloaded = reqwest::Client::builder().no_proxy().build().unwrap();
    let left: serde_json::Value = serde_json::from_str(&fs::read_to_string(&local).unwrap()).unwrap();
    let reload = reloaded.post(format!("http://127.0.0.1:{}/-/reload", stage.port));
    let reload = reload.bearer_auth(left["token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(reload.status().as_u16(), 200, "the key of this host opens");
    assert_eq!(ask("/", None).await, 200, "and without entries nobody is asked any more");
    assert!(!local.exists());
    has(&stage.run(Stage::agent(), &["refresh", "--source", "host"]).1, &["asked again"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_kept_is_refused_at_the_start_and_by_the_check() {
    type Row<'a> = (&'a str, &'a dyn Fn(), &'a [&'a str]);
    let stage = Stage::set();
    let other = stage.authority.server(2077);
    let everybody: &dyn Fn() = &|| stage.configure("0.0.0.0", EVERYBODY, "");
    let write = |name: &str, text: &str| fs::write(stage.path(name), text).unwrap();
    let rows: [Row<'_>; 6] = [
        ("nothing is wrong", &|| (), &[]),
        (
            "remote without access",
            &|| stage.configure("0.0.0.0", "", ""),
            &["http.listen", "[[http.access]] is missing", "allow_remote"],
        ),
        ("a short token", &|| write("token", "zq9X"), &["scraper", "holds 4 characters", "at least 32"]),
        ("a short password", &|| write("password", "zq9X"), &["Anna", "holds 4 characters", "at least 12"]),
        ("another key", &|| write("key.pem", &other.key), &["key.pem", "not that of the certificate"]),
        (
            "no certificate",
            &|| fs::remove_file(stage.path("cert.pem")).unwrap(),
            &["cert_file", "No such file"],
        ),
    ];
    for (what, spoil, words) in rows {
        everybody();
        stage.show(&stage.authority.server(2077));
        write("token", TOKEN);
        write("password", PASSWORD);
        spoil();
        let (code, said) = stage.run(Stage::agent(), &["config", "check"]);
        assert_eq!(code, Some(if words.is_empty() { 0 } else { 3 }), "{what}: {said}");
        has(&said, words);
        if !words.is_empty() {
            let (code, said) = stage.run(Stage::agent(), &["run"]);
            assert_eq!(code, Some(3), "{what}: {said}");
            has(&said, words);
        }
    }
    everybody();
    stage.show(&other);
    // What is kept in the environment of the service is not seen by a person, which is no mistake.
    let (code, said) = stage.run(agent(), &["config", "check"]);
    assert_eq!(code, Some(0), "{said}");
    has(&said, &["not looked at", "ROBOT_TOKEN", "is good"]);
    let (_, said) = stage.run(agent(), &["config", "show"]);
    has(
        &said,
        &["cert.pem", "scraper may read, by the token in the file", "CN=proxy,O=Example", "Anna may read"],
    );
}
