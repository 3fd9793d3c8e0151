//! The database collector against real servers, started by the tests themselves, and against false ones.

#[cfg(test)]
mod directory;
#[cfg(test)]
mod false_servers;
#[cfg(test)]
mod kernel;
#[cfg(test)]
mod looker;
#[cfg(test)]
mod mariadb;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod records;
#[cfg(test)]
mod row_counts;
#[cfg(test)]
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests stop a server and start it again")]
mod support;
#[cfg(test)]
mod tls;
