//! Who is connected to the product's database.

use serde::{Deserialize, Serialize};

/// Who is connected to the product's database, apart from the agent itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Sessions {
    /// Those that were shown, by account, host and program, in this order. At most [`Sessions::MOST`].
    pub groups: Vec<SessionGroup>,
    /// How many were shown, listed or not.
    pub count: u64,
    /// The host the server sees the agent come from, as in [`SessionGroup::host`].
    pub agent_host: String,
    /// Who is not shown, and the right that would show them; `None` when everybody was.
    pub hidden: Option<String>,
    /// How many times in a row it was looked, [`Sessions::APART`] apart, because nobody was seen; 0 is one look.
    #[serde(default)]
    pub looks: u32,
}

impl Sessions {
    /// How long it is waited between two looks when nobody was seen.
    pub const APART: std::time::Duration = std::time::Duration::from_secs(10);

    /// Looks in a row after which nobody counts as nobody: pools of connections fill again.
    pub const ENOUGH_LOOKS: u32 = 3;

    /// Groups that are listed; more are only counted.
    pub const MOST: usize = 200;

    /// What [`SessionGroup::host`] says of a connection from the database server itself.
    pub const LOCAL: &'static str = "localhost";
}

/// Connections of one account from one host with one program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SessionGroup {
    /// The account.
    pub account: String,
    /// The host it comes from, as the server names it; [`Sessions::LOCAL`] for the server itself.
    pub host: String,
    /// What the program calls itself; `None` when it does not say, or the server does not keep it.
    pub program: Option<String>,
    /// How many.
    pub count: u64,
}
