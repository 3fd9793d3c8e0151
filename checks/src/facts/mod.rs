//! What was learned about an instance: plain data, one file per source.
//!
//! Facts say what is, never whether it is good. `Option` means "looked, there is none"; a [`Field`]
//! that could not be read says why; a whole source that could not be asked is a [`Reading`] that
//! says so. Rules reach facts through the accessors of [`Snapshot`], which turn everything that is
//! not a good and fresh reading into [`Missing`]: silence can never be mistaken for good news.
//!
//! Secrets have no place in any of these types.

mod application;
mod backups;
mod bundles;
mod carbon;
mod cluster;
mod custom;
mod database;
mod disk;
mod drift;
mod files;
mod host;
mod installation;
mod java;
mod kernel;
mod known;
mod license;
mod memory;
mod plugins;
mod prepared;
mod reading;
mod records;
mod refresh;
mod rehearsal;
mod releases;
mod same;
mod sessions;
mod snapshot;
mod source;
mod staging;
mod traffic;

pub use application::*;
pub use backups::*;
pub use bundles::*;
pub use carbon::*;
pub use cluster::*;
pub use custom::*;
pub use database::*;
pub use disk::*;
pub use drift::*;
pub use files::*;
pub use host::*;
pub use installation::*;
pub use java::*;
pub use kernel::*;
pub use known::*;
pub use license::*;
pub use memory::*;
pub use plugins::*;
pub use prepared::*;
pub use reading::*;
pub use records::*;
pub use refresh::*;
pub use rehearsal::*;
pub use releases::*;
pub use sessions::*;
pub use snapshot::*;
pub use source::*;
pub use staging::*;
pub use traffic::*;
