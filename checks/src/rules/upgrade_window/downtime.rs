//! How long an upgrade of an instance of this size takes.

use jiff::SignedDuration;

use crate::facts::{Missing, Role, Source};
use crate::model::Case;
use crate::rules::clock::span;
use crate::rules::units::bytes;
use crate::rules::vocabulary::Vocabulary;

/// An estimated downtime.
#[derive(Debug)]
pub(super) struct Estimate {
    /// All of it.
    pub(super) total: SignedDuration,
    /// What it consists of.
    pub(super) story: String,
}

/// Reckons the time for what does not depend on size, for packing, and for the database.
pub(super) fn estimate(case: &Case<'_>) -> Result<Estimate, Missing> {
    let policy = case.policy;
    let mut packed = size(case, Role::Installation)?;
    if policy.disk_home_copies > 0 && Vocabulary::of(case.facts.product).has_home_apart {
        packed = packed.saturating_add(size(case, Role::Home)?);
    }
    let database = *case.facts.database()?.size_bytes.read(Source::Database, "the size of the database")?;
    let base = SignedDuration::from_mins(policy.downtime_base_minutes.into());
    let packing = time_for(packed, policy.downtime_backup_mib_per_second);
    let changing = time_for(database, policy.downtime_database_mib_per_second);
    Ok(Estimate {
        total: base.saturating_add(packing).saturating_add(changing),
        story: format!(
            "{} whatever the size, {} to pack {}, {} for {} of database",
            span(base),
            span(packing),
            bytes(packed),
            span(changing),
            bytes(database)
        ),
    })
}

fn size(case: &Case<'_>, role: Role) -> Result<u64, Missing> {
    let what = format!("the size of the {}", role.name());
    let disk = case.facts.disk()?;
    let place = disk.place(role).ok_or_else(|| Missing::Unread {
        of: Source::Disk,
        what: what.clone(),
        why: "it is not among the directories that were looked at".to_owned(),
    })?;
    Ok(place.size.read(Source::Disk, &what)?.bytes)
}

/// A rate of nothing is taken for the slowest there is.
fn time_for(bytes: u64, mib_per_second: u32) -> SignedDuration {
    let seconds = bytes / (u64::from(mib_per_second.max(1)) << 20);
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}
