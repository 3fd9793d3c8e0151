//! The words every rule and every surface shares.

mod case;
mod finding;
mod plan;
mod policy;
mod target;

pub use case::{Case, Category, Check, Judgement, People, Products, Undecided, conclude};
pub use finding::{Finding, Severity, Verdict, fingerprint};
pub use plan::{Freeze, Plan};
pub use policy::{Environment, Policy};
pub use target::{Requested, Target, TargetError};
