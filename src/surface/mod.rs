//! What people and programs see: surfaces read the board and nothing else; [`notify`] keeps what it told in the store.
//!
//! The [`publisher`] has the texts for machines made when the board changes, of each instance that changed its [`parts`];
//! [`http`] hands out what was made. Pages and run books for people are made when somebody looks, and kept until the board
//! changes.

pub mod attestation;
pub mod book;
pub mod fleet;
mod frame;
mod html;
pub mod http;
pub mod metrics;
pub mod notify;
pub mod page;
pub mod parts;
pub mod pieces;
mod prose;
pub mod publisher;
mod scribe;
pub mod status;
pub mod textfile;

use axum::body::Bytes;

use parts::StatusText;
use pieces::Pieces;

/// The texts that are handed out until the board changes again.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// `/metrics`.
    pub metrics: Pieces,
    /// `/api/v1/status`, which is also the content of the status file.
    pub status: StatusText,
    /// `/fleet`.
    pub fleet_page: Bytes,
    /// `/api/v1/fleet`; empty without a shared store, or before it was read.
    pub fleet_json: Bytes,
    /// Whether every source has been asked once.
    pub ready: bool,
    /// Why the status file cannot be written.
    pub status_file_trouble: Option<String>,
    /// [`Board::revision`](crate::board::Board::revision) that is shown here and was written to the status file.
    pub revision: u64,
}

#[cfg(test)]
use crate::board;
#[cfg(test)]
#[path = "../../tests/support/sample.rs"]
pub(crate) mod sample;
