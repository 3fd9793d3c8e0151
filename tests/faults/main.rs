//! The daemon under faults: killed, without room, without descriptors, with a clock that jumps, a database that comes and
//! goes, clients that mean no good, and a configuration that changes all the time.
//!
//! What must hold whatever happens: it lives, says what is wrong, recovers by itself, loses nothing it has acknowledged,
//! and calls nothing ready that it has not seen. `FAULT_TIMES=10` makes every loop ten times as long: README.md.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::duplicate_mod,
    clippy::print_stderr,
    reason = "a test ends where something goes wrong"
)]
#![expect(clippy::disallowed_methods, reason = "these tasks end with the runtime of their test")]

#[path = "../support/installation.rs"]
mod installation;
#[path = "../support/port.rs"]
mod port;
#[path = "../support/postgres.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod postgres;
#[path = "../support/process.rs"]
#[expect(dead_code, reason = "other tests start the agent without rights")]
mod process;
#[path = "../support/server.rs"]
mod server;

mod chance;
mod churn;
mod clients;
mod clock;
mod database;
mod descriptors;
mod disk_full;
mod house;
mod kill;
mod vitals;
