//! Which release to upgrade to, by which way, and what to do in that night.
//!
//! Everything here follows from a snapshot, the catalog, the operator's limits and plan: the same input gives
//! the same way, the same recommendation and the same run book.

pub mod book;
pub mod offer;
pub mod way;
