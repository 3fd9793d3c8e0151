//! The configuration of four homes side by side: the untouched release that runs, the running home, the untouched new
//! release, and the home that was prepared with it.
//!
//! Files are taken apart into settings where their form is known, so that order, blanks and comments do not count. What
//! a difference means is not told here.

mod beside;
mod forms;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod secret;
mod structured;
mod tree;
mod xml;

use std::path::Path;

use upgrade_readiness_checks::facts::{Drift, Product};

use self::tree::{ConfigurationTree, read_tree};
use crate::collect::blocking::Stop;

/// The homes to compare.
#[derive(Debug, Clone, Copy)]
pub struct Homes<'a> {
    /// The product, which decides which of its versions is that of a release.
    pub product: Product,
    /// The release that runs, untouched: a directory or an archive.
    pub base: &'a Path,
    /// The running home.
    pub local: &'a Path,
    /// The new release, untouched: a directory or an archive.
    pub target: &'a Path,
    /// The home that was prepared with the new release.
    pub prepared: &'a Path,
}

/// Compares the configuration of four homes; only the prepared one may be unread.
///
/// # Errors
///
/// In one line, which of the others could not be read, why, and what to do.
pub fn compare_configurations(homes: Homes<'_>, stop: &Stop) -> Result<Drift, String> {
    let untouched = |path: &Path, key: &str| {
        let tree = read_tree(path, stop).map_err(|why| {
            format!(
                "the untouched copy {}: {why}. Put the release there as it was downloaded, where the agent's user can \
                 read it, or correct {key}",
                path.display()
            )
        })?;
        if tree.files.is_empty() {
            return Err(format!(
                "the untouched copy {}: it has neither repository/conf nor bin, so it is no release of a WSO2 product. \
                 Correct {key}",
                path.display()
            ));
        }
        Ok(tree)
    };
    let base = untouched(homes.base, "pristine in [instance.files]")?;
    let target = untouched(homes.target, "pristine in [instance.prepared]")?;
    let of_home = |path: &Path| {
        let tree = read_tree(path, stop).map_err(|why| format!("the home {}: {why}", path.display()))?;
        if tree.files.is_empty() && tree.unread.is_empty() {
            return Err(format!("the home {}: there is no configuration in it", path.display()));
        }
        Ok(tree)
    };
    let local = of_home(homes.local)?;
    let prepared = of_home(homes.prepared);
    let mut drift = beside::beside(&beside::Four {
        base: &base,
        local: &local,
        target: &target,
        prepared: prepared.as_ref(),
    });
    drift.base = homes.base.display().to_string();
    drift.target = homes.target.display().to_string();
    drift.base_release = release(&base, homes.product);
    drift.target_release = release(&target, homes.product);
    Ok(drift)
}

/// The release a tree says it is.
fn release(tree: &ConfigurationTree, product: Product) -> Option<String> {
    let kernel = tree.kernel_version.as_ref().filter(|_| product == Product::Wso2Carbon);
    kernel.or(tree.product_version.as_ref()).cloned()
}

#[cfg(test)]
mod tests;
