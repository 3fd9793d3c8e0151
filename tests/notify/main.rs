//! Telling people, with the real agent: killed between what it writes down and what it delivers; to a real
//! Alertmanager and a real mail server; and no secret of a channel anywhere.

#![cfg(test)]

#[path = "../support/installation.rs"]
mod installation;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../support/process.rs"]
mod process;

mod alertmanager;
mod house;
mod killed;
mod mail;
mod secrets;
