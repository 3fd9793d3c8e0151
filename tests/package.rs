//! The Debian package: made from the program that was just built, and lived through in a Debian of its own.
//!
//! These tests need root, since a package is installed by root: debootstrap makes the Debian once, below `target/`, and
//! `unshare` gives each run namespaces with which everything it started and mounted ends. They need `debootstrap`,
//! `dpkg-dev`, `iproute2` and `lintian`, and fail without them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something goes wrong")]

#[path = "support/installation.rs"]
mod installation;
#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};

use installation::Installation;
use process::command;

/// Runs a program of this project to its end; what it printed, which is shown when it fails.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = command(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // The package is thrown away again: pressing it well would only take time.
        .envs([("DPKG_DEB_COMPRESSOR_TYPE", "gzip"), ("DPKG_DEB_COMPRESSOR_LEVEL", "1")])
        .output()
        .unwrap_or_else(|error| panic!("starting {program}: {error}"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}:\n{told}{errors}");
    told
}

/// Makes the package of the program that was just built.
fn build(version: &str, dir: &Path) -> PathBuf {
    let binary = env!("CARGO_BIN_EXE_agent");
    let output = dir.to_str().unwrap();
    let told = run("deploy/debian/build", &["--binary", binary, "--version", version, "--output", output]);
    PathBuf::from(told.trim())
}

#[test]
fn it_installs_runs_upgrades_and_leaves_nothing_behind() {
    assert!(
        rustix::process::getuid().is_root(),
        "packages are installed by root: run `sudo -E env PATH=\"$PATH\" cargo test --test package`"
    );
    let dir = tempfile::tempdir().unwrap();
    let old = build("0.1.0", dir.path());
    let new = build("0.1.1", dir.path());
    let told =
        run("lintian", &["--no-cfg", "--allow-root", "--fail-on=error,warning", old.to_str().unwrap()]);
    assert_eq!(told, "", "lintian has something to say");

    let _installation = Installation::lay_out(dir.path(), 1);
    let layer = dir.path().join("layer");
    fs::create_dir(&layer).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
    let root = run("tests/package/root", &[target.to_str().unwrap()]);
    let mut arguments = vec!["--mount", "--pid", "--net", "--fork", "--kill-child", "tests/package/life"];
    arguments.push(root.trim());
    let paths = [&layer, &old, &new, &dir.path().to_path_buf()].map(|path| path.to_str().unwrap().to_owned());
    arguments.extend(paths.iter().map(String::as_str));
    let told = run("unshare", &arguments);
    assert!(told.ends_with("ok: nothing of others is gone\n"), "it ended early:\n{told}");
}

#[test]
fn what_it_depends_on_is_computed_from_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let package = build("1.2.3-rc1", dir.path());
    let field = |name: &str| run("dpkg-deb", &["--field", package.to_str().unwrap(), name]).trim().to_owned();
    assert_eq!(field("Version"), "1.2.3~rc1", "a release candidate comes before its release");
    let depends = field("Depends");
    for needed in ["libc6 (>= ", "libgcc-s1 (>= ", "ca-certificates", "systemd-standalone-sysusers"] {
        assert!(depends.contains(needed), "{needed:?} is not in {depends}");
    }
    let listed = run("dpkg-deb", &["--contents", package.to_str().unwrap()]);
    for path in [
        "usr/bin/agent",
        "usr/lib/systemd/system/upgrade-readiness-agent.service",
        "usr/share/man/man1/agent-status.1.gz",
        "usr/share/upgrade-readiness-agent/prometheus/upgrade-readiness.rules.yml",
        "usr/share/zsh/vendor-completions/_agent",
        "usr/share/fish/vendor_completions.d/agent.fish",
        "usr/share/doc/upgrade-readiness-agent/examples/agent.toml",
        "usr/share/doc/upgrade-readiness-agent/README.md",
        "usr/share/doc/upgrade-readiness-agent/checks/README.md",
        "usr/share/doc/upgrade-readiness-agent/config/agent.toml",
        "usr/share/doc/upgrade-readiness-agent/config/schema/config.json",
        "usr/share/doc/upgrade-readiness-agent/deploy/channels/README.md",
        "usr/share/doc/upgrade-readiness-agent/deploy/fleet/README.md",
        "usr/share/doc/upgrade-readiness-agent/deploy/grafana/upgrade-readiness.json",
        "usr/share/doc/upgrade-readiness-agent/deploy/prometheus/README.md",
        "usr/share/doc/upgrade-readiness-agent/deploy/prometheus/shards/agents.yml",
        "usr/share/doc/upgrade-readiness-agent/deploy/systemd/upgrade-readiness-agent.service.d/textfile.conf",
    ] {
        assert!(listed.lines().any(|line| line.ends_with(path)), "{path} is not in\n{listed}");
    }
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");
}

#[test]
fn a_wrong_call_of_the_build_says_what_is_needed() {
    let rows: [(&[&str], &str); 4] = [
        (&[], "--output DIR"),
        (&["--output"], "needs a value"),
        (&["--tea"], "Usage: deploy/debian/build"),
        (&["--output", "/tmp", "--binary", "/nonexistent"], "cargo build --release"),
    ];
    for (arguments, words) in rows {
        let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/debian/build");
        let output = command(build).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(words), "{arguments:?}: {told}");
    }
}
