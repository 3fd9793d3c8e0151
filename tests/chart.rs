//! The Helm chart: linted, rendered, held against the schemas of Kubernetes, and its configuration shown to the agent.
//!
//! Nothing is run in a cluster here. Needs python3-pip, python3-yaml and python3-jsonschema, and fails without them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something goes wrong"
)]

#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "support/tools.rs"]
mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use process::{agent, command};
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
    for (probe, path) in
        [("startupProbe", "/-/healthy"), ("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")]
    {
        let get = &container[probe]["httpGet"];
        assert_eq!(get["path"], path, "{probe}");
        assert_eq!(get["port"], *port, "{probe}");
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

/// The configuration is good, and fits what the pod mounts and listens on.
fn is_a_good_configuration(manifests: &[Value], pod: &Value) {
    let text = of_kind(manifests, "ConfigMap")[0]["data"]["agent.toml"].as_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    fs::write(&path, text).unwrap();
    good(&agent().args(["config", "check", "--config"]).arg(&path).output().unwrap());
    let container = pod["containers"].as_array().unwrap().iter();
    let container = container.clone().find(|one| one["name"] == "upgrade-readiness-agent").unwrap();
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
    let rows: [(&str, &[&str]); 3] = [
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

#[test]
fn wrong_values_are_refused_with_what_is_needed() {
    let instance = "config=[[instance]]\nname = 'a'\n";
    let rows: [(&[&str], &str); 9] = [
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
