//! What happens to the status file when the disk is full.
//!
//! A process of its own, because the limit that stands in for the full disk holds for the whole process.

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use upgrade_readiness_agent::board;
use upgrade_readiness_agent::surface::status::{WriteStatusError, read_status, view, write_status};

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/sample.rs"]
mod sample;

#[tokio::test]
async fn a_write_that_ends_in_the_middle_leaves_the_old_file_and_nothing_else() {
    // The kernel sends this signal at the limit; unhandled it would end the process.
    let _handled = signal(SignalKind::from_raw(25)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("status.json");
    let old = view(&board::Board::default(), sample::now());
    write_status(&path, &old).unwrap();

    let limit = Rlimit { current: Some(1024), maximum: None };
    setrlimit(Resource::Fsize, limit).unwrap();
    let error = write_status(&path, &view(&sample::board(), sample::now())).unwrap_err();
    setrlimit(Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();

    assert!(matches!(error, WriteStatusError::Write { .. }), "{error:?}");
    assert_eq!(read_status(&path).unwrap(), old);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    write_status(&path, &view(&sample::board(), sample::now())).unwrap();
}
