//! What people and programs see: surfaces read the board and nothing else.

pub mod http;
pub mod metrics;
pub mod page;
pub mod status;
