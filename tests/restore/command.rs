//! `agent restore-test`, the binary.

use std::process::Output;

use upgrade_readiness_agent::collect::backups::restore::read_proof;

use crate::installation::Installation;
use crate::postgres::{NOTHING_ELSE, Servers};
use crate::trial::{PASSWORD, Trial, program};

fn agent(trial: &Trial, arguments: &[&str]) -> Output {
    let mut agent = program(env!("CARGO_BIN_EXE_agent"));
    agent.env_clear().env("PATH", "/usr/bin:/bin");
    agent.arg("restore-test").args(arguments).arg("--config").arg(trial.path("agent.toml")).output().unwrap()
}

#[test]
fn by_hand_it_shows_its_steps_and_its_exit_code_says_what_came_of_it() {
    let servers = Servers::start();
    let trial = servers.trial();
    let installation = Installation::lay_out(trial.dir.path(), servers.production.port);
    let config = format!(
        "state_dir = '{state}'\n[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '{dir}'\n\
         [instance.database]\nurl = 'jdbc:postgresql://127.0.0.1:{own}/wiki'\nusername = 'conf'\npassword_file = '{password}'\n\
         [instance.backups.restore_test]\nenabled = true\nurl = 'jdbc:postgresql://127.0.0.1:{port}/postgres'\n\
         username = 'restorer'\npassword_file = '{password}'\nkey_tables = ['content']\n",
        state = trial.path("state").display(),
        dir = installation.installation_dir.display(),
        own = servers.production.port,
        port = servers.restore.port,
        password = trial.path("password").display(),
    );
    trial.write("agent.toml", &config);
    let good = servers.dump(&trial, "good", &["-Fc", "wiki"]).display().to_string();
    let bytes = std::fs::read(&good).unwrap();
    let cut = trial.write("cut", &bytes[..bytes.len() / 2]).display().to_string();
    let evil = trial
        .write(
            "evil",
            "-- PostgreSQL database dump\nCREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n\
        \\connect production\n-- PostgreSQL database dump complete\n",
        )
        .display()
        .to_string();
    let rows: &[(&[&str], i32, &[&str])] = &[
        (
            &["--dump", &good],
            0,
            &["was restored on", "rows of content: 500 (production: 500)", "dropping the scratch"],
        ),
        (&["--dump", &cut], 2, &["does not restore as it should", "cut off"]),
        (&["--dump", &evil], 3, &["was refused", "\\connect production"]),
        (&["--dump", "/nowhere"], 3, &["reading the dump /nowhere"]),
        (&[], 3, &["--dump PATH"]),
        (&["other"], 3, &["there is no instance"]),
    ];
    for (arguments, code, words) in rows {
        let output = agent(&trial, arguments);
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{arguments:?}: {text}");
        assert!(!text.contains(PASSWORD), "{text}");
        assert_eq!(servers.databases(), NOTHING_ELSE);
    }
    let proof = read_proof(&trial.path("state/cache/wiki/restore.json")).unwrap().unwrap();
    assert_eq!((proof.dump.as_str(), proof.defects.len()), (cut.as_str(), 1));

    trial.write("agent.toml", config.replace("enabled = true", "enabled = false"));
    let output = agent(&trial, &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("[instance.backups.restore_test]"));
}
