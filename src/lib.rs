//! The body of the upgrade readiness agent: everything that touches the world.
//!
//! ```text
//! config ─► collectors ─► snapshot ─► checks × targets ─► report ─► metrics · status file · page
//!           (async I/O)  (plain data)     (pure)          (data)     (surfaces: read only)
//! ```
//!
//! [`config`] says what to watch. A [`product`] knows how to read itself and gives the [`collect`]ors,
//! which the [`schedule`] asks in turn; what they learn of releases goes into the [`catalog_in_use`]. A [`keeper`] per instance takes the
//! facts in, has the pure rules of `upgrade_readiness_checks` judge them and puts the result on the [`board`];
//! the [`surface`]s read the board and nothing else. A [`recorder`] has the [`store`] remember what changes there. Surfaces that tell people do it by [`channel`]s. What a person asks for there comes back as a [`command`].
//! [`access`] knows who may ask for what. Of many agents with one configuration, each watches its [`shard`].
//! Where many agents share a database, the [`fleet`] writes what this one knows there and reads what the others know.
//! [`cli`] wires all of it; [`chain`] prints errors with their causes, everywhere.
//! Who may import whom is kept by `tests/walls.rs`.

pub mod access;
pub mod board;
pub mod catalog_in_use;
pub mod chain;
pub mod channel;
pub mod cli;
pub mod collect;
pub mod command;
pub mod config;
pub mod fleet;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod keeper;
pub mod product;
pub mod recorder;
pub mod schedule;
pub mod shard;
pub mod store;
pub mod surface;
