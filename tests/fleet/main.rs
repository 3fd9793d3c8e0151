//! Many agents and the store they share: real agents, a real PostgreSQL, and everything that goes wrong between them.

#![expect(clippy::duplicate_mod, reason = "servers and the agent both need a free port")]

#[cfg(test)]
mod history;
#[cfg(test)]
#[path = "../support/installation.rs"]
mod installation;
#[cfg(test)]
mod leaders;
#[cfg(test)]
#[path = "../support/process.rs"]
#[expect(dead_code, reason = "other tests start the agent without rights")]
mod process;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests need other servers")]
mod support;
