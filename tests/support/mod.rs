//! Throw-away servers for tests: own directory, free port, unprivileged user, stopped when dropped.
//!
//! A server that does not start fails the test loudly; nothing is ever skipped.

pub(crate) mod mariadb;
mod port;
pub(crate) mod postgres;
mod server;
