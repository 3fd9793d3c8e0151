//! Backups: whether dumps of the database are whole, and whether they can be restored.

pub mod dump;
pub mod restore;
