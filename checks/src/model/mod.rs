//! The words every rule and every surface shares.

mod case;
mod finding;
mod fingerprint;
mod plan;
mod policy;
mod target;

pub use case::{About, Case, Category, Check, Judgement, People, Products, Undecided, conclude};
pub use finding::{Finding, Severity, Verdict};
pub use fingerprint::fingerprint;
pub use plan::{Freeze, Plan};
pub use policy::{Environment, Policy};
pub use target::{Requested, Target, TargetError};
