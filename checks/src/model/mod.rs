//! The words every rule and every surface shares.

mod case;
mod finding;
mod policy;
mod target;

pub use case::{Case, Category, Check, Judgement, Products, Undecided, conclude};
pub use finding::{Finding, Severity, Verdict};
pub use policy::{Environment, Policy};
pub use target::{Requested, Target, TargetError};
