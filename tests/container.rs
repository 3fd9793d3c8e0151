//! The container image: its file is linted, and its root file system is laid out and lived in as an engine would do it.
//!
//! There is no engine here, so the build itself is not run. Needs root, `iproute2`, curl, openssl and
//! python3-pip, and fails without.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something goes wrong")]

#[path = "support/installation.rs"]
mod installation;
#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "support/tools.rs"]
mod tools;

use std::fs;
use std::path::Path;

use installation::Installation;
use process::command;
use tools::tools;

fn run(program: &Path, arguments: &[&Path]) -> String {
    let output = command(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}:\n{told}{errors}", program.display());
    told
}

#[test]
fn the_file_is_without_blame() {
    assert_eq!(run(&tools().join("hadolint"), &[Path::new("deploy/container/Containerfile")]), "");
}

#[test]
fn it_is_built_with_the_declared_rust_runs_as_a_number_and_watches_its_health() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = fs::read_to_string(project.join("deploy/container/Containerfile")).unwrap();
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let rust =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(file.contains(&format!("FROM docker.io/library/rust:{rust}-")), "another Rust than {rust}");
    for line in
        ["USER 65532:65532\n", "CMD [\"/usr/bin/agent\", \"healthy\"]\n", "ENTRYPOINT [\"/usr/bin/agent\"]\n"]
    {
        assert!(file.contains(line), "{line}");
    }
    // Every directory that is copied in is there; whatever is not named stays out.
    let ignore = fs::read_to_string(project.join("deploy/container/Containerfile.dockerignore")).unwrap();
    assert!(ignore.lines().any(|line| line == "*"));
    for kept in ignore.lines().filter_map(|line| line.strip_prefix('!')) {
        assert!(project.join(kept).exists(), "there is no {kept}");
    }
    // Cargo reads every member of the workspace before it builds one of them.
    let (_, members) = manifest.split_once("\nmembers = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    let members: Vec<&str> = members.split(',').map(|member| member.trim().trim_matches('"')).collect();
    assert!(members.len() >= 2, "{members:?}");
    for member in members {
        assert!(ignore.lines().any(|line| line.strip_prefix('!') == Some(member)), "{member} is left out");
    }
}

#[test]
fn its_root_is_enough_to_live_in_and_is_never_written() {
    assert!(
        rustix::process::getuid().is_root(),
        "this test mounts: run `sudo -E env PATH=\"$PATH\" cargo test --test container`"
    );
    let dir = tempfile::tempdir().unwrap();
    process::set_mode(dir.path(), 0o755);
    let _installation = Installation::lay_out(&dir.path().join("example"), 1);
    let layer = dir.path().join("layer");
    fs::create_dir(&layer).unwrap();
    let namespaces = ["--mount", "--pid", "--net", "--fork", "--kill-child", "tests/container/run"];
    let mut arguments: Vec<&Path> = namespaces.iter().map(Path::new).collect();
    let example = dir.path().join("example");
    arguments.extend([Path::new(env!("CARGO_BIN_EXE_agent")), &example, &layer]);
    let told = run(Path::new("/usr/bin/unshare"), &arguments);
    assert!(told.starts_with("ok: "), "{told}");
}
