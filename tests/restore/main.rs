//! The restore test against real servers, with dumps the real programs made.

#![expect(clippy::duplicate_mod, reason = "servers and the agent both need a free port")]

#[cfg(test)]
mod command;
#[cfg(test)]
mod daemon;
#[cfg(test)]
#[path = "../support/installation.rs"]
mod installation;
#[cfg(test)]
mod mariadb;
#[cfg(test)]
mod postgres;
#[cfg(test)]
#[path = "../support/process.rs"]
#[expect(dead_code, reason = "other tests start the agent without rights")]
mod process;
#[cfg(test)]
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests stop a server and start it again")]
mod support;
#[cfg(test)]
mod trial;
