//! The pages: what is on the board and in the store, for people with a browser.
//!
//! Plain HTML that is whole without a script; with one it renews itself. Pages are made when somebody asks, for a
//! minute, so that what they say of ages stays true as long as they are kept. Every foreign text goes through
//! `Html::text`.

mod ahead;
mod assets;
mod check;
mod findings;
mod frame;
mod history;
mod instance;
mod markdown;
mod missing;
mod offer;
mod overview;
mod row;
mod sources;
mod timeline;

#[cfg(test)]
mod tests;

pub use crate::surface::frame::Fleet;
pub use assets::{ASSETS, Asset, version_of};
pub use check::{render_check, render_checks};
pub use history::{Past, WantedChanges};
pub use instance::{WantedTarget, no_such_instance, render_instance};
pub use missing::render_missing;
pub use overview::{MOST_ROWS, WantedRows, render_overview};
