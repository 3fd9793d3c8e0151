//! `agent init` as a person uses it.

#![cfg(test)]

#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use process::{agent, agent_without_rights, set_mode};

const SECRET: &str = "s3cret-of-nobody";

struct Host(tempfile::TempDir);

impl Host {
    /// A Confluence, and a Carbon home with a newer one beside it.
    fn new() -> Self {
        let host = Self::empty();
        let webapp = "apps/atlassian/confluence-9.2.1/confluence";
        let pom = "META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties";
        host.write(&format!("{webapp}/{pom}"), "version=9.2.1\n");
        host.write(
            &format!("{webapp}/WEB-INF/classes/confluence-init.properties"),
            &format!("confluence.home=/data/{SECRET}\n"),
        );
        for version in ["2.2.0", "2.6.0"] {
            let home = format!("apps/wso2/wso2am-{version}");
            host.write(&format!("{home}/bin/version.txt"), &format!("WSO2 API Manager v{version}\n"));
            host.write(&format!("{home}/bin/wso2carbon-version.txt"), "WSO2 Carbon Framework v4.4.11\n");
            host.write(
                &format!("{home}/repository/conf/carbon.xml"),
                &format!("<Server><Ports><Offset>1</Offset></Ports><Password>{SECRET}</Password></Server>"),
            );
        }
        host
    }

    fn empty() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        fs::create_dir(host.at("apps")).unwrap();
        set_mode(host.0.path(), 0o755);
        host
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    fn init(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        told(agent().args(["init", "--below"]).arg(self.at("apps")).args(arguments))
    }
}

fn told(command: &mut std::process::Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_it_writes_passes_the_check_and_names_what_was_found() {
    let host = Host::new();
    symlink(host.at("apps"), host.at("apps/wso2/round")).unwrap();
    let file = host.at("agent.toml");
    let (code, out, err) = host.init(&["--output", file.to_str().unwrap()]);
    // Which processes can be seen depends on where the test runs.
    let troubles = err.lines().filter(|line| !line.contains("process"));
    assert_eq!((code, troubles.count()), (Some(0), 0), "{out}{err}");
    assert!(out.contains("Confluence 9.2.1") && out.contains("WSO2 API Manager 2.2.0"), "{out}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
    let written = fs::read_to_string(&file).unwrap();
    let newer = format!("#home = \"{}\"", host.at("apps/wso2/wso2am-2.6.0").display());
    for word in ["product = \"wso2-api-manager\"", "targets = [\"2.6.0\"]", "https://127.0.0.1:9444", &newer]
    {
        assert!(written.contains(word), "{word} is not in {written}");
    }
    assert!(!written.contains(SECRET));
    let (code, out, err) = told(agent().args(["config", "check", "--config"]).arg(&file));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("confluence, wso2-api-manager"), "{out}");
    let (_, printed, _) = host.init(&[]);
    assert_eq!(printed, written);
}

#[test]
fn a_file_that_is_there_is_left_as_it_is_unless_told() {
    let host = Host::new();
    host.write("agent.toml", "# mine\n");
    let file = host.at("agent.toml");
    let (code, out, err) = host.init(&["--output", file.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains("is there already") && err.contains("--force"), "{err}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n");
    let (code, _, err) = host.init(&["--force", "--output", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    assert!(fs::read_to_string(&file).unwrap().contains("[[instance]]"));
    let (code, _, err) = host.init(&["--output", host.at("nowhere/agent.toml").to_str().unwrap()]);
    assert!(code == Some(3) && err.contains("nowhere/agent.toml"), "{err}");
}

#[test]
fn where_nothing_is_it_says_where_it_looked() {
    let host = Host::empty();
    let (code, out, err) = host.init(&["--output", host.at("agent.toml").to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains(host.at("apps").to_str().unwrap()) && err.contains("--below"), "{err}");
    assert!(!host.at("agent.toml").exists());
    let (code, _, err) = told(agent().args(["init", "--below"]).arg(host.at("gone")));
    assert!(code == Some(3) && err.contains("gone is no directory"), "{err}");
}

#[test]
fn what_may_not_be_read_is_told() {
    let host = Host::new();
    host.write("apps/closed/x", "");
    set_mode(&host.at("apps/closed"), 0o000);
    let programs = tempfile::tempdir().unwrap();
    let mut command = agent_without_rights(programs.path());
    let (code, out, err) = told(command.args(["init", "--below"]).arg(host.at("apps")));
    set_mode(&host.at("apps/closed"), 0o755);
    assert_eq!(code, Some(0), "{err}");
    let closed = format!("{} could not be read", host.at("apps/closed").display());
    assert!(err.contains(&closed) && out.contains(&closed), "{err}\n{out}");
}
