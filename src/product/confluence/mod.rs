//! Atlassian Confluence: its files, its licence, its HTTP side, its plug-ins.

pub mod application;
pub mod database;
#[cfg(test)]
mod fake_server;
#[cfg(test)]
pub(crate) mod fixture;
pub mod installation;
pub mod license;
pub mod marketplace;
pub mod plugins;
mod rest;
pub mod site;
mod upm;
