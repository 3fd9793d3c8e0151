//! The HTTP surface beyond loopback: TLS, who may do what, and those who ask it.
//!
//! With the real binary, `openssl` (Debian: openssl) and a real Prometheus; these tests fail without them.

#![cfg(test)]
mod access;
mod certificates;
mod clients;
#[path = "../support/installation.rs"]
mod installation;
#[path = "../support/process.rs"]
mod process;
mod secrets;
mod stage;
mod tls;
