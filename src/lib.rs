//! The body of the upgrade readiness agent: everything that touches the world.
//!
//! ```text
//! config ─► collectors ─► snapshot ─► checks × targets ─► report ─► metrics · status file · page
//!           (async I/O)  (plain data)     (pure)          (data)     (surfaces: read only)
//! ```
//!
//! [`config`] says what to watch. A [`product`] knows how to read itself and gives the [`collect`]ors,
//! which the `schedule` asks in turn. Their facts come together on the [`board`], where the pure rules
//! of `upgrade_readiness_checks` judge them; the [`surface`]s read the board and nothing else.
//! [`cli`] wires all of it.

pub mod board;
pub mod chain;
pub mod cli;
pub mod collect;
pub mod command;
pub mod config;
pub mod product;
pub mod surface;
