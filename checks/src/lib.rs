//! The brain of the upgrade readiness agent: facts in, verdicts out.
//!
//! Nothing here touches the world. There is no file, socket or clock in this crate, and its
//! `Cargo.toml` has nothing to reach one with; time arrives as an argument. The order in which
//! modules may use each other is the order below: each may use those above it, never those under it.

pub mod version;

pub mod osgi;

pub mod facts;

pub mod projection;

pub mod catalog;

pub mod model;

pub mod dossier;

pub mod rules;

pub mod report;

pub mod plan;

pub mod after;

#[cfg(any(test, feature = "golden"))]
pub mod golden;

#[cfg(any(test, feature = "golden"))]
pub mod scenes;
