//! What one setting in four homes amounts to.

use super::place::belongs_to_place;
use crate::facts::DriftSetting;

/// What a setting amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nobody changed it, or the change of the vendor is in.
    AsItCame,
    /// An own value that is in the prepared home.
    Carried,
    /// The prepared home has a value that is neither the old nor the new one: somebody thought about it.
    Decided,
    /// An own value that belongs to the place and not to the product, and is another there.
    OfPlace,
    /// Something is to be done.
    Found(Kind),
}

/// What is to be done, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An own value is not in the prepared home.
    Lost,
    /// The site and the vendor changed it differently.
    Conflict,
    /// The vendor's new option or value is not in the prepared home.
    NotApplied,
    /// An own value of a file that the new release makes of `deployment.toml`.
    ToMap,
    /// An own value of something the new release no longer has, in the prepared home all the same.
    Obsolete,
    /// Something the new release no longer has is still in the prepared home as it came with the old one.
    LeftOver,
    /// An own value that is to be carried over; the prepared home could not be read.
    ToCarry,
    /// An option of the vendor that is to be applied; the prepared home could not be read.
    ToApply,
    /// An own value of something the new release no longer has, and neither has the prepared home.
    Dropped,
}

/// Whether the vendor changed it, beyond the number of the release.
pub(super) fn is_of_vendor(setting: &DriftSetting, releases: (&str, &str)) -> bool {
    let DriftSetting { base, target, .. } = setting;
    base != target && !is_only_number(base.as_deref(), target.as_deref(), releases)
}

/// The new value is the old one with the number of the new release in it.
fn is_only_number(base: Option<&str>, target: Option<&str>, (running, new): (&str, &str)) -> bool {
    match (base, target) {
        (Some(base), Some(target)) => base.contains(running) && base.replace(running, new) == target,
        (None, _) | (_, None) => false,
    }
}

/// What a setting amounts to; `is_made` when the new release makes its file of `deployment.toml`, `releases` are the
/// running and the new one.
pub(super) fn outcome(setting: &DriftSetting, is_made: bool, releases: (&str, &str)) -> Outcome {
    use Outcome::{AsItCame, Carried, Decided, Found, OfPlace};
    let DriftSetting { file, path, base, local, target, prepared, .. } = setting;
    let prepared = prepared.value();
    let is = |value: &Option<String>| prepared == Some(value);
    if belongs_to_place(file, path) {
        return if local == base || is(local) { AsItCame } else { OfPlace };
    }
    if is_made && local != base && local.is_some() && target.is_none() {
        return Found(Kind::ToMap);
    }
    let is_decided = prepared.is_some() && !is(base) && !is(local) && !is(target);
    match (local != base, base != target) {
        (false, false) => AsItCame,
        (false, true) if !is_of_vendor(setting, releases) => AsItCame,
        _ if is_decided => Decided,
        (false, true) if prepared.is_none() => Found(Kind::ToApply),
        (false, true) if is(target) => AsItCame,
        (false, true) if target.is_none() => Found(Kind::LeftOver),
        (false, true) => Found(Kind::NotApplied),
        (true, false) if prepared.is_none() => Found(Kind::ToCarry),
        (true, false) if is(local) => Carried,
        (true, false) => Found(Kind::Lost),
        (true, true) if local == target && (prepared.is_none() || is(target)) => AsItCame,
        (true, true) if local == target => Found(Kind::NotApplied),
        (true, true) if target.is_none() && is(target) => Found(Kind::Dropped),
        (true, true) if target.is_none() => Found(Kind::Obsolete),
        // Also when the old value stands there, which nobody can have meant.
        (true, true) => Found(Kind::Conflict),
    }
}
