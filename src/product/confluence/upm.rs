//! Questions to the Universal Plugin Manager of an instance: what is installed, and its update check.
//!
//! Licences and descriptions are never taken over. Nothing is installed, enabled or disabled.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{AppLicense, Field, Plugin, UpdateCheck};
use upgrade_readiness_checks::version::ProductVersion;

use super::rest::{Rest, bounded};
use crate::collect::http::HttpError;

/// More broken modules of one plug-in than anybody reads.
const MOST_MODULES: usize = 50;

/// Every installed plug-in by key, bundled ones too; none has been asked for its modules.
///
/// Shape: the list is read so by `redradishtech/atl_manage` (lib/http.sh).
pub(super) async fn fetch_installed(rest: &Rest) -> Result<Vec<Plugin>, HttpError> {
    #[derive(Deserialize)]
    struct Answer {
        plugins: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        key: String,
        name: Option<String>,
        version: String,
        enabled: bool,
        user_installed: bool,
        /// Absent from what older plug-in managers say: then it is asked for.
        uses_licensing: Option<bool>,
    }
    let answer = rest
        .get("rest/plugins/1.0/", "application/vnd.atl.plugins.installed+json, application/json;q=0.9")
        .await?;
    let Answer { plugins } = answer.json()?;
    let mut plugins: Vec<Plugin> = plugins
        .into_iter()
        .map(|entry| {
            let key = bounded(&entry.key, 300);
            let name = entry.name.map(|name| bounded(&name, 200)).filter(|name| !name.is_empty());
            Plugin {
                name: name.unwrap_or_else(|| key.clone()),
                version: bounded(&entry.version, 100),
                enabled: entry.enabled,
                user_installed: entry.user_installed && !comes_with_the_product(&key),
                broken_modules: Field::Unread("part of the product: not asked for its modules".to_owned()),
                license: match entry.uses_licensing {
                    Some(false) => Field::Read(None),
                    Some(true) | None => {
                        Field::Unread("part of the product: not asked for its licence".to_owned())
                    }
                },
                key,
            }
        })
        .collect();
    plugins.sort_by(|one, other| one.key.cmp(&other.key));
    plugins.dedup_by(|one, other| one.key == other.key);
    Ok(plugins)
}

/// Whether a plug-in is one of those that Atlassian ships with the product and people update by hand.
///
/// The plug-in manager then calls them user-installed; the upgrade brings its own all the same. The list is
/// that of an administrator's upgrade scripts (`redradishtech/atl_manage`, lib/http.sh).
fn comes_with_the_product(key: &str) -> bool {
    const FAMILIES: [&str; 5] = [
        "com.atlassian.upm",
        "com.atlassian.troubleshooting",
        "com.atlassian.querydsl",
        "com.atlassian.jwt",
        "com.atlassian.plugins.atlassian-chaperone",
    ];
    FAMILIES.iter().any(|family| {
        key.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    })
}

/// The modules of a plug-in that the product calls broken.
///
/// Shape: craftamap/pluploader (pluploader/upm/upmapi.py).
pub(super) async fn fetch_broken_modules(rest: &Rest, key: &str) -> Result<Vec<String>, HttpError> {
    #[derive(Deserialize)]
    struct Details {
        modules: Vec<Module>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Module {
        complete_key: Option<String>,
        key: Option<String>,
        name: Option<String>,
        broken: bool,
    }
    let Details { modules } = rest.get_json(&format!("rest/plugins/1.0/{key}-key")).await?;
    let broken = modules.into_iter().filter(|module| module.broken);
    let names = broken.map(|module| {
        let name = module.complete_key.or(module.key).or(module.name);
        name.map_or_else(|| "a module without a key".to_owned(), |name| bounded(&name, 300))
    });
    Ok(names.take(MOST_MODULES).collect())
}

/// The licence of a plug-in; `None` when it has none and the product does not miss one.
///
/// Shape: craftamap/pluploader (pluploader/upm/upmapi.py). The text of the licence, `rawLicense`, is not taken over.
pub(super) async fn fetch_license(rest: &Rest, key: &str) -> Result<Option<AppLicense>, HttpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        valid: Option<bool>,
        error: Option<String>,
        #[serde(default)]
        evaluation: bool,
        expiry_date: Option<i64>,
        license_type: Option<String>,
    }
    let answer = rest.get(&format!("rest/plugins/1.0/{key}-key/license"), "application/json").await?;
    let Answer { valid, error, evaluation, expiry_date, license_type } = answer.json()?;
    let error = error.map(|error| bounded(&error, 100)).filter(|error| !error.is_empty());
    let expires_at = match expiry_date {
        None => None,
        Some(milliseconds) => Some(
            Timestamp::from_millisecond(milliseconds)
                .map_err(|error| answer.malformed(format!("its end is no time: {error}")))?,
        ),
    };
    let Some(valid) = valid else {
        if error.is_none() && expires_at.is_none() && license_type.is_none() {
            return Ok(None);
        }
        return Err(answer.malformed("it does not say whether the licence is valid".to_owned()));
    };
    let license_type = bounded(&license_type.unwrap_or_default(), 100);
    Ok(Some(AppLicense { valid, error, evaluation, expires_at, license_type }))
}

/// Whether all user-installed plug-ins are disabled for the sake of finding a fault.
pub(super) async fn fetch_safe_mode(rest: &Rest) -> Result<bool, HttpError> {
    #[derive(Deserialize)]
    struct SafeMode {
        enabled: bool,
    }
    Ok(rest.get_json::<SafeMode>("rest/plugins/1.0/safe-mode").await?.enabled)
}

/// A release for which the instance offers an update check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// The release.
    pub(super) version: ProductVersion,
    /// The address of the check, as the instance gave it.
    link: String,
}

/// The releases for which the instance offers an update check; it needs the marketplace for that.
///
/// Shape: a public Go client of the plug-in manager, which passes `links.self` straight on.
pub(super) async fn fetch_offers(rest: &Rest) -> Result<Vec<Offer>, HttpError> {
    #[derive(Deserialize)]
    struct Updates {
        versions: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        version: String,
        #[serde(default)]
        links: Links,
    }
    #[derive(Deserialize, Default)]
    struct Links {
        #[serde(rename = "self")]
        this: Option<String>,
    }
    let Updates { versions } = rest.get_json("rest/plugins/1.0/product-updates/").await?;
    // A release whose name cannot be read is no target of anybody's.
    let offers = versions
        .into_iter()
        .filter_map(|entry| Some(Offer { version: entry.version.parse().ok()?, link: entry.links.this? }));
    Ok(offers.collect())
}

/// The instance's update check for a release: its answer per plug-in key.
///
/// Shape: the same Go client, and `redradishtech/atl_manage` (getcompatibility). Needs the marketplace too.
pub(super) async fn fetch_update_check(
    rest: &Rest,
    offer: &Offer,
) -> Result<BTreeMap<String, UpdateCheck>, HttpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Groups {
        compatible: Option<Vec<Entry>>,
        update_required: Option<Vec<Entry>>,
        update_required_after_product_update: Option<Vec<Entry>>,
        incompatible: Option<Vec<Entry>>,
        unknown: Option<Vec<Entry>>,
    }
    #[derive(Deserialize)]
    struct Entry {
        key: String,
    }
    let answer = rest.get(&rest.path_of_link(&offer.link)?, "application/json").await?;
    let groups: Groups = answer.json()?;
    // The gravest word comes last and stays, should a plug-in stand in two groups.
    let groups = [
        (groups.compatible, UpdateCheck::Compatible),
        (groups.update_required_after_product_update, UpdateCheck::UpdateAfter),
        (groups.update_required, UpdateCheck::UpdateBefore),
        (groups.unknown, UpdateCheck::Unknown),
        (groups.incompatible, UpdateCheck::Incompatible),
    ];
    if groups.iter().all(|(entries, _)| entries.is_none()) {
        return Err(answer.malformed("none of its groups of plug-ins is there".to_owned()));
    }
    let mut checks = BTreeMap::new();
    for (entries, check) in groups {
        for entry in entries.unwrap_or_default() {
            checks.insert(bounded(&entry.key, 300), check);
        }
    }
    Ok(checks)
}
