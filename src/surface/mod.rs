//! What people and programs see: surfaces read the board and nothing else.
//!
//! The [`publisher`] has every text for machines made when the board changes; [`http`] hands out what was made. Pages
//! and run books for people are made when somebody looks, and kept until the board changes.

pub mod attestation;
pub mod book;
mod frame;
mod html;
pub mod http;
pub mod metrics;
pub mod page;
mod prose;
pub mod publisher;
pub mod status;

use axum::body::Bytes;

/// The texts that are handed out until the board changes again.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// `/metrics`.
    pub metrics: Bytes,
    /// `/api/v1/status`, which is also the content of the status file.
    pub status_json: Bytes,
    /// Whether every source has been asked once.
    pub ready: bool,
    /// [`Board::revision`](crate::board::Board::revision) that is shown here and was written to the status file.
    pub revision: u64,
}

#[cfg(test)]
use crate::board;
#[cfg(test)]
#[path = "../../tests/support/sample.rs"]
pub(crate) mod sample;
