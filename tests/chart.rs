//! The Helm chart: linted, rendered, held against the schemas of Kubernetes, and its configuration shown to the agent.
//!
//! Nothing is run in a cluster here; what a pod mounts is laid out as the kubelet does it, and the agent run with it. Needs python3-pip, python3-yaml and python3-jsonschema, and fails without them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something goes wrong"
)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "http/certificates.rs"]
mod certificates;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "support/tools.rs"]
mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use certificates::{Authority, Pair};
use process::{Running, agent, command, eventually, free_port, set_mode};
use serde_json::Value;
use tools::tools;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn chart() -> PathBuf {
    project("deploy/helm/upgrade-readiness-agent")
}

fn values(name: &str) -> String {
    chart().join("ci").join(name).display().to_string()
}

/// A helm that keeps nothing in anybody's home.
fn helm(arguments: &[&str], chart: &Path, more: &[&str]) -> Output {
    let scratch = tempfile::tempdir().unwrap();
    command(tools().join("helm"))
        .env_clear()
        .envs(["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"].map(|name| (name, scratch.path())))
        .args(arguments)
        .arg(chart)
        .args(more)
        .output()
        .unwrap()
}

fn good(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

/// What a chart renders, each manifest valid by the schemas of Kubernetes.
fn render(chart: &Path, more: &[&str]) -> Vec<Value> {
    let text = good(&helm(&["template", "rel"], chart, more));
    let mut reader = command(project("tests/chart/manifests"))
        .arg(tools().join("schemas"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    serde_json::from_str(&good(&reader.wait_with_output().unwrap())).unwrap()
}

fn of_kind<'a>(manifests: &'a [Value], kind: &str) -> Vec<&'a Value> {
    manifests.iter().filter(|manifest| manifest["kind"] == kind).collect()
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().map(|item| item["name"].as_str().unwrap()).collect()
}

/// What holds for every container of the agent, wherever it runs.
fn is_narrow_and_whole(pod: &Value, claims: &Value) {
    let container = pod["containers"].as_array().unwrap().iter();
    let container = container.clone().find(|one| one["name"] == "upgrade-readiness-agent").unwrap();
    let security = &container["securityContext"];
    assert_eq!(security["runAsNonRoot"], true);
    assert_ne!(security["runAsUser"], 0);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["privileged"], false);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"], serde_json::json!({ "drop": ["ALL"] }));
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false, "it asks nothing of the cluster");
    for forbidden in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[forbidden].is_null(), "{forbidden}");
    }
    let port = &container["ports"][0]["name"];
    let over_tls = names(&container["volumeMounts"]).contains("readiness-tls");
    for (probe, path) in
        [("startupProbe", "/-/healthy"), ("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")]
    {
        let get = &container[probe]["httpGet"];
        assert_eq!(get["path"], path, "{probe}");
        assert_eq!(get["port"], *port, "{probe}");
        assert_eq!(get["scheme"] == "HTTPS", over_tls, "{probe}");
    }
    // Each mount has its volume, and only state and scratch may be written.
    let mut volumes = names(&pod["volumes"]);
    volumes.extend(
        claims.as_array().into_iter().flatten().map(|claim| claim["metadata"]["name"].as_str().unwrap()),
    );
    for mount in container["volumeMounts"].as_array().unwrap() {
        let name = mount["name"].as_str().unwrap();
        assert!(volumes.contains(name), "{name} is mounted, but there is no such volume");
        assert_eq!(
            mount["readOnly"] == true,
            !["readiness-state", "readiness-tmp"].contains(&name),
            "{name}"
        );
    }
}

/// Secrets of a cluster.
struct Secrets {
    authority: Authority,
    clients: Authority,
    server: Pair,
}

/// The name of the Service, and the user name of an entry of `ci/secured.yaml`.
const SERVICE: &str = "rel-upgrade-readiness-agent.default.svc";
const USER: &str = r"wiki\team";

impl Secrets {
    fn new() -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let (authority, clients) = (Authority::new("Server authority"), Authority::new("Client authority"));
        let server = authority.server_called(&[SERVICE], 1975..2077);
        Self { authority, clients, server }
    }

    fn get(&self, name: &str, key: &str) -> String {
        match (name, key) {
            ("readiness-tls", "tls.crt") => self.server.certificate.clone(),
            ("readiness-tls", "tls.key") => self.server.key.clone(),
            ("readiness-tls", "ca.crt") => self.authority.pem(),
            ("client-authority", "ca.crt") => self.clients.pem(),
            ("readiness-access", "operators-name") => USER.to_owned(),
            ("readiness-access", key) => format!("{key}-0123456789abcdef-ghijklm-zq9X"),
            (name, key) => panic!("there is no {key} in {name}"),
        }
    }

    /// What a reference of a manifest leads to.
    fn at(&self, reference: &Value) -> String {
        self.get(reference["name"].as_str().unwrap(), reference["key"].as_str().unwrap())
    }

    /// Lays out what a volume of Secrets holds, as the kubelet does: links lead through `..data` to where files are.
    fn lay_out(&self, volume: &Value, at: &Path) {
        let mode = u32::try_from(volume["projected"]["defaultMode"].as_u64().unwrap()).unwrap();
        assert_eq!(mode, 0o440, "only the group of the pod may read it");
        let inner = at.join("..2026_11_28");
        fs::create_dir_all(&inner).unwrap();
        symlink("..2026_11_28", at.join("..data")).unwrap();
        for source in volume["projected"]["sources"].as_array().unwrap() {
            let secret = &source["secret"];
            for item in secret["items"].as_array().unwrap() {
                let path = item["path"].as_str().unwrap();
                let content = self.get(secret["name"].as_str().unwrap(), item["key"].as_str().unwrap());
                fs::write(inner.join(path), content).unwrap();
                set_mode(&inner.join(path), mode);
                symlink(Path::new("..data").join(path), at.join(path)).unwrap();
            }
        }
    }
}

const MOUNTED: &str = "/run/upgrade-readiness-agent";

/// The configuration, with what the pod mounts for it below `dir`.
fn configuration(manifests: &[Value], pod: &Value, secrets: &Secrets, dir: &Path) -> String {
    let container = pod["containers"].as_array().unwrap().iter();
    let container = container.clone().find(|one| one["name"] == "upgrade-readiness-agent").unwrap();
    for mount in container["volumeMounts"].as_array().unwrap() {
        let Some(place) = mount["mountPath"].as_str().unwrap().strip_prefix(MOUNTED) else { continue };
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        secrets.lay_out(volume, &dir.join(place.trim_start_matches('/')));
    }
    let text = of_kind(manifests, "ConfigMap")[0]["data"]["agent.toml"].as_str().unwrap();
    text.replace(MOUNTED, dir.to_str().unwrap())
}

/// The configuration is good, and fits what the pod mounts and listens on.
fn is_a_good_configuration(manifests: &[Value], pod: &Value) {
    let text = of_kind(manifests, "ConfigMap")[0]["data"]["agent.toml"].as_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    fs::write(&path, configuration(manifests, pod, &Secrets::new(), dir.path())).unwrap();
    good(&agent().args(["config", "check", "--config"]).arg(&path).output().unwrap());
    let container = pod["containers"].as_array().unwrap().iter();
    let container = container.clone().find(|one| one["name"] == "upgrade-readiness-agent").unwrap();
    // Nobody reads it who is not known, or the operator is told.
    assert_ne!(text.contains("allow_remote = true"), text.contains("[http.tls]"));
    assert_eq!(text.contains("[[http.access]]"), text.contains("[http.tls]"));
    let port = &container["ports"][0]["containerPort"];
    assert!(text.contains(&format!("listen = \"0.0.0.0:{port}\"\n")), "{text}");
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mounted = |path: &str| mounts.iter().any(|mount| mount["mountPath"] == path);
    assert!(mounted("/var/lib/upgrade-readiness-agent") && mounted("/etc/upgrade-readiness-agent"));
    assert!(text.starts_with("state_dir = \"/var/lib/upgrade-readiness-agent\"\n"));
    assert_eq!(
        container["args"],
        serde_json::json!(["run", "--config", "/etc/upgrade-readiness-agent/agent.toml"])
    );
    // A credential the configuration names is a file where the agent looks.
    for line in text.lines().filter(|line| line.contains("_credential")) {
        let name = line.split('"').nth(1).unwrap();
        let mount = container["env"][0]["value"].as_str().unwrap();
        assert_eq!(container["env"][0]["name"], "CREDENTIALS_DIRECTORY");
        assert!(mounted(mount));
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == "readiness-credentials").unwrap();
        let sources = volume["projected"]["sources"].as_array().unwrap();
        assert!(sources.iter().any(|source| source["secret"]["items"][0]["path"] == name), "{name}");
    }
}

#[test]
fn every_set_of_values_is_linted_rendered_and_understood() {
    let rows: [(&str, &[&str]); 4] = [
        (
            "secured.yaml",
            &["ConfigMap", "NetworkPolicy", "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet"],
        ),
        ("least.yaml", &["ConfigMap", "NetworkPolicy", "Service", "ServiceAccount", "StatefulSet"]),
        ("forgetful.yaml", &["ConfigMap", "Service", "ServiceAccount", "StatefulSet"]),
        (
            "everything.yaml",
            &[
                "ConfigMap",
                "NetworkPolicy",
                "PodDisruptionBudget",
                "PrometheusRule",
                "Service",
                "ServiceAccount",
                "ServiceMonitor",
                "StatefulSet",
            ],
        ),
    ];
    for (name, kinds) in rows {
        let file = values(name);
        good(&helm(&["lint", "--strict"], &chart(), &["--values", &file]));
        let manifests = render(&chart(), &["--values", &file]);
        let seen: BTreeSet<&str> =
            manifests.iter().map(|manifest| manifest["kind"].as_str().unwrap()).collect();
        assert_eq!(seen, kinds.iter().copied().collect::<BTreeSet<&str>>(), "{name}");
        let set = of_kind(&manifests, "StatefulSet")[0];
        let pod = &set["spec"]["template"]["spec"];
        is_narrow_and_whole(pod, &set["spec"]["volumeClaimTemplates"]);
        is_a_good_configuration(&manifests, pod);
        let labels = set["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
        let mut selectors = vec![
            &set["spec"]["selector"]["matchLabels"],
            &of_kind(&manifests, "Service")[0]["spec"]["selector"],
        ];
        selectors.extend(
            of_kind(&manifests, "NetworkPolicy")
                .into_iter()
                .map(|policy| &policy["spec"]["podSelector"]["matchLabels"]),
        );
        for selector in selectors {
            for (key, value) in selector.as_object().unwrap() {
                assert_eq!(labels.get(key), Some(value), "{name}: {key} selects something else");
            }
        }
        assert!(of_kind(&manifests, "Secret").is_empty(), "the chart never makes a Secret");
    }
}

#[test]
fn nobody_reaches_it_unless_named() {
    let policy = |name| {
        let manifests = render(&chart(), &["--values", &values(name)]);
        of_kind(&manifests, "NetworkPolicy")[0]["spec"].clone()
    };
    let closed = policy("least.yaml");
    assert_eq!(
        (&closed["policyTypes"], &closed["ingress"]),
        (&serde_json::json!(["Ingress"]), &serde_json::json!([]))
    );
    let open = policy("everything.yaml");
    let label = &open["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"];
    assert_eq!(label["kubernetes.io/metadata.name"], "monitoring");
    assert_eq!(open["ingress"][0]["ports"][0]["port"], "readiness");
}

#[test]
fn rules_and_scrapes_are_those_of_prometheus_without_an_operator() {
    let manifests = render(&chart(), &["--values", &values("everything.yaml")]);
    let mut own = Vec::new();
    for entry in fs::read_dir(project("deploy/prometheus")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(".rules.yml") {
            let text = fs::read_to_string(path).unwrap();
            own.extend(text.lines().filter_map(|line| Some(line.split_once("- alert: ")?.1.to_owned())));
        }
    }
    let groups = of_kind(&manifests, "PrometheusRule")[0]["spec"]["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let rendered: Vec<&str> = rules.filter_map(|rule| rule["alert"].as_str()).collect();
    assert!(rendered.len() >= 6);
    own.sort();
    let mut sorted = rendered.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, own);
    let endpoint = &of_kind(&manifests, "ServiceMonitor")[0]["spec"]["endpoints"][0];
    let service = &of_kind(&manifests, "Service")[0]["spec"]["ports"][0];
    assert_eq!(endpoint["port"], service["name"]);
    assert_eq!(endpoint["path"], "/metrics");
    // The name of the job the alerts look for.
    assert_eq!(endpoint["relabelings"][0]["replacement"], "upgrade-readiness");
}

/// A client of the agent that trusts what Prometheus is told to trust, and shows what it is told to show.
fn prometheus(endpoint: &Value, secrets: &Secrets, port: u16) -> reqwest::RequestBuilder {
    let tls = &endpoint["tlsConfig"];
    let name = tls["serverName"].as_str().unwrap();
    let authority = secrets.at(&tls["ca"]["secret"]);
    let mut client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(authority.as_bytes()).unwrap()])
        .resolve(name, ([127, 0, 0, 1], port).into());
    if tls["cert"].is_object() {
        assert_eq!(
            (&tls["cert"]["secret"]["key"], &tls["keySecret"]["key"]),
            (&"tls.crt".into(), &"tls.key".into())
        );
        client = client.identity(secrets.clients.client("robot").identity());
    }
    let url = format!("{}://{name}:{port}/metrics", endpoint["scheme"].as_str().unwrap());
    let mut request = client.build().unwrap().get(url);
    let authorization = &endpoint["authorization"];
    if authorization.is_object() {
        assert_eq!(authorization["type"], "Bearer");
        request = request.bearer_auth(secrets.at(&authorization["credentials"]));
    }
    let basic = &endpoint["basicAuth"];
    if basic.is_object() {
        request = request.basic_auth(secrets.at(&basic["username"]), Some(secrets.at(&basic["password"])));
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secured_pod_is_probed_by_the_kubelet_scraped_by_prometheus_and_closed_to_others() {
    let file = values("secured.yaml");
    let manifests = render(&chart(), &["--values", &file]);
    let pod = &of_kind(&manifests, "StatefulSet")[0]["spec"]["template"]["spec"];
    let (secrets, dir, port) = (Secrets::new(), tempfile::tempdir().unwrap(), free_port());
    let state = dir.path().join("state");
    let text = configuration(&manifests, pod, &secrets, dir.path())
        .replace("/var/lib/upgrade-readiness-agent", state.to_str().unwrap())
        .replace("0.0.0.0:9977", &format!("0.0.0.0:{port}"));
    let config = dir.path().join("agent.toml");
    fs::write(&config, text + "[catalog]\nrefresh = false\n").unwrap();
    let (stdout, stderr) = (dir.path().join("stdout"), dir.path().join("stderr"));
    let mut daemon = Running::start(agent().args(["run", "--config"]).arg(&config), &stdout, &stderr);

    // The kubelet asks the address of the pod, believes any certificate, and shows nothing.
    let kubelet =
        reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    let ask = async |path: &str| {
        let answer = kubelet.get(format!("https://127.0.0.1:{port}{path}")).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    };
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = pod["containers"][0][probe]["httpGet"]["path"].as_str().unwrap();
        eventually(&format!("{probe} succeeds"), async || {
            let ended = daemon.0.try_wait().unwrap();
            assert!(ended.is_none(), "it has ended: {}", fs::read_to_string(&stderr).unwrap());
            ask(path).await == Some(200)
        })
        .await;
    }
    for path in ["/", "/metrics", "/api/v1/status"] {
        assert_eq!(ask(path).await, Some(401), "{path} is open to everybody");
    }

    let ca = r#""ca": {"secret": "readiness-tls", "key": "ca.crt"}"#;
    let rows = [
        r#""access": "Prometheus""#,
        r#""access": "The \"wiki\" team", "usernameKey": "operators-name""#,
        r#""access": "robot", "clientCertificate": "prometheus-certificate""#,
    ];
    for row in rows {
        let monitor = format!(r#"serviceMonitor={{"enabled": true, {ca}, {row}}}"#);
        let manifests = render(&chart(), &["--values", &file, "--set-json", &monitor]);
        let endpoint = &of_kind(&manifests, "ServiceMonitor")[0]["spec"]["endpoints"][0];
        let ways = ["authorization", "basicAuth"].map(|way| usize::from(endpoint[way].is_object()));
        assert_eq!(ways.iter().sum::<usize>() + usize::from(endpoint["tlsConfig"]["cert"].is_object()), 1);
        let answer = prometheus(endpoint, &secrets, port).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{row}");
        assert!(answer.text().await.unwrap().contains("upgrade_readiness_http_certificate_expiry_"), "{row}");
    }
}

#[test]
fn what_would_not_be_safe_or_not_be_let_in_is_refused() {
    let token = r#"{"name": "a", "may": "read", "token": {"secret": "s", "key": "k"}}"#;
    let tls = r#""tls": {"secret": "t"}"#;
    let http = |tls: &str, access: &str| format!(r#"http={{{tls}, "access": [{access}]}}"#);
    let entry = |proof: &str| http(tls, &format!(r#"{{"name": "a", "may": "read", {proof}}}"#));
    let secret = r#"{"secret": "s", "key": "k"}"#;
    let monitor = |more: &str| format!(r#"serviceMonitor={{"enabled": true {more}}}"#);
    let ready = http(tls, token);
    let rows: Vec<(Vec<String>, &str)> = vec![
        (vec![http(r#""tls": {"secret": ""}"#, token)], "http.access needs http.tls.secret"),
        (vec![http(tls, "")], "http.tls.secret needs http.access"),
        (
            vec![r#"http={"tls": {"clientCA": {"secret": "c"}}}"#.to_owned()],
            "clientCA.secret needs http.tls.secret",
        ),
        (vec![http(tls, &format!("{token}, {token}"))], "is used twice"),
        (vec![http(tls, r#"{"name": "a", "may": "read"}"#)], "must have one of token"),
        (vec![entry(&format!(r#""token": {secret}, "certificateSan": "x""#))], "must have one of token"),
        (vec![entry(r#""certificateSubject": "CN=x", "certificateSan": "x""#)], "must have one of token"),
        (vec![entry(r#""username": "u""#)], "both username and password"),
        (vec![entry(&format!(r#""password": {secret}"#))], "both username and password"),
        (vec![entry(r#""certificateSan": "x""#)], "needs http.tls.clientCA.secret"),
        (vec![entry(r#""token": "0123456789abcdef0123456789abcdef""#)], "/http/access/0/token"),
        (vec![entry(&format!(r#""username": "u:v", "password": {secret}"#))], "/http/access/0/username"),
        (vec![entry(r#""certificateSha256": "abc""#)], "/http/access/0/certificateSha256"),
        (vec![http(tls, r#"{"name": "a", "may": "all", "certificateSan": "x"}"#)], "/http/access/0/may"),
        (vec![ready.clone(), monitor("")], "serviceMonitor.access must be the name"),
        (vec![ready.clone(), monitor(r#", "access": "b""#)], "serviceMonitor.access must be the name"),
        (
            vec![ready.clone(), monitor(r#", "access": "a", "usernameKey": "u""#)],
            "usernameKey is needed when",
        ),
        (
            vec![ready, monitor(r#", "access": "a", "clientCertificate": "c""#)],
            "clientCertificate is needed when",
        ),
        (
            vec![entry(&format!(r#""username": "u", "password": {secret}"#)), monitor(r#", "access": "a""#)],
            "usernameKey is needed when",
        ),
        (vec![monitor(r#", "access": "a""#)], "need http.tls.secret"),
    ];
    for (set, words) in rows {
        let mut more = vec!["--set", "config=[[instance]]\nname = 'a'\n"];
        more.extend(set.iter().flat_map(|value| ["--set-json", value.as_str()]));
        let output = helm(&["template", "rel"], &chart(), &more);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(words), "{set:?}: {told}");
    }
}

/// What helm says after it installed the chart.
#[test]
fn that_nobody_is_asked_who_they_are_is_said_plainly() {
    let rows = [("least.yaml", true), ("forgetful.yaml", true), ("secured.yaml", false)];
    for (name, is_open) in rows {
        let told =
            good(&helm(&["install", "--dry-run=client", "rel"], &chart(), &["--values", &values(name)]));
        let (_, notes) = told.split_once("NOTES:").unwrap();
        assert_eq!(notes.contains("WITHOUT TLS AND AUTHENTICATION"), is_open, "{notes}");
        assert_eq!(notes.contains("https://localhost"), !is_open, "{notes}");
    }
}

#[test]
fn wrong_values_are_refused_with_what_is_needed() {
    let instance = "config=[[instance]]\nname = 'a'\n";
    let rows: [(&[&str], &str); 11] = [
        (&["config=[[instance]]\n[[http.access]]\nname = 'x'"], "must not have [http]"),
        (&["config=[[instance]]\n[http.tls]\ncert_file = '/x'"], "must not have [http]"),
        (&[], "at least one [[instance]]"),
        (&["config=# [[instance]]"], "at least one [[instance]]"),
        (&["config=[[instance]]\n[http]\nlisten = '0.0.0.0:1'"], "must not have [http]"),
        (&["config=[[instance]]\n[ log ]\n"], "must not have [log]"),
        (&[instance, "service.port=80"], "service"),
        (&[instance, "user=0"], "user"),
        (&[instance, "tea=true"], "tea"),
        (&[instance, "log.level=a\"b"], "log"),
        (&[instance, "image.digest=sha256:12"], "digest"),
    ];
    for (set, words) in rows {
        let more: Vec<&str> = set.iter().flat_map(|value| ["--set", *value]).collect();
        let output = helm(&["template", "rel"], &chart(), &more);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(words), "{set:?}: {told}");
    }
}

#[test]
fn a_chart_of_a_product_takes_it_in_as_a_sidecar() {
    let dir = tempfile::tempdir().unwrap();
    let copied = command("cp").arg("-rL").arg(project("deploy/helm")).arg(dir.path()).output().unwrap();
    good(&copied);
    let example = dir.path().join("helm/examples/confluence-with-sidecar");
    good(&helm(&["dependency", "build"], &example, &[]));
    good(&helm(&["lint", "--strict"], &example, &[]));
    let manifests = render(&example, &[]);
    let seen: Vec<&str> = manifests.iter().map(|manifest| manifest["kind"].as_str().unwrap()).collect();
    assert_eq!(seen, ["ConfigMap", "StatefulSet"]);
    let pod = &of_kind(&manifests, "StatefulSet")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["shareProcessNamespace"], true);
    is_narrow_and_whole(pod, &Value::Null);
    is_a_good_configuration(&manifests, pod);
}
