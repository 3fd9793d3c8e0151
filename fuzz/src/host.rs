//! What is read of the host: processes, mounts, accounts, access logs.

use upgrade_readiness_agent::collect::accounts::Accounts;
use upgrade_readiness_agent::collect::process::find_service;
use upgrade_readiness_agent::fuzzing;

use crate::{choose, scratch, text};

/// An access log: no line counts twice, and what is counted was read.
pub(crate) fn access_log(bytes: &[u8]) {
    let Some((read, requests)) = fuzzing::log(bytes) else { return };
    assert!(read <= bytes.len() as u64, "{read} bytes read of {}", bytes.len());
    let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
    assert!(requests <= lines, "{requests} requests in {lines} lines");
}

/// Mounts, accounts and the name of the distribution.
pub(crate) fn accounts(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, 3) else { return };
    match way {
        0 => assert!(fuzzing::mounts(rest).iter().all(|point| point.is_absolute())),
        1 => {
            let name = if rest.len() % 2 == 0 { "etc/passwd" } else { "etc/group" };
            let path = scratch::write(name, rest);
            drop(Accounts::read(path.parent().expect("it is in a directory")));
        }
        _ => {
            if let Some(text) = text(rest) {
                fuzzing::os_release(text);
            }
        }
    }
}

const MARK: &str = "-Dconfluence.home=/var/wiki";

/// A process: it is the service only when it was started with its mark.
pub(crate) fn process(bytes: &[u8]) {
    const FILES: [&str; 4] = ["cmdline", "comm", "status", "environ"];
    let Some((way, rest)) = choose(bytes, FILES.len()) else { return };
    let marked = format!("java\0{MARK}\0org.apache.catalina.startup.Bootstrap\0start\0");
    for (index, name) in FILES.iter().enumerate() {
        let usual: &[u8] = match *name {
            "cmdline" => marked.as_bytes(),
            "comm" => b"java\n",
            "status" => b"Name:\tjava\nUid:\t1000\t1000\t1000\t1000\n",
            _ => b"LANG=C.UTF-8\0",
        };
        scratch::write(&format!("proc/100/{name}"), if index == way { rest } else { usual });
    }
    let found = find_service(&scratch::path("proc"), MARK);
    let has_mark = way != 0 || rest.windows(MARK.len()).any(|window| window == MARK.as_bytes());
    // The same directory may be named by another path.
    let other_way = rest.windows(2).any(|window| window == b"//" || window == b"/." || window == b"./");
    if let Ok(Some(process)) = found {
        assert!(has_mark || other_way, "{process:?} is not the service");
    }
}
