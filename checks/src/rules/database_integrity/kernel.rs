//! The tables of the Carbon kernel: rows that keys of the target refuse, rows that point to nothing, what clean-ups left.

use super::{Look, counted_up_to, rows};
use crate::facts::{Field, KernelKey, KernelRecords, KeyRows, Missing, Product, Source};
use crate::model::{Case, Finding, Severity};
use crate::rules::wording::first_few;
use crate::version::ProductVersion;

/// What is known of a key.
struct Told {
    /// The first kernel whose tables have it.
    since: &'static str,
    /// Issues of the vendor's products confirm that an upgrade stops; else it is inferred from the scripts.
    confirmed: bool,
    subject: &'static str,
    what: &'static str,
    /// Shows the rows.
    sql: &'static str,
    source: &'static str,
}

fn told(key: KernelKey) -> Told {
    let (since, confirmed, subject, what, sql, source) = match key {
        KernelKey::UserNames => (
            "4.4.0",
            true,
            "user-names",
            "names of users in a tenant",
            "SELECT UM_USER_NAME, UM_TENANT_ID, count(*) FROM UM_USER GROUP BY UM_USER_NAME, UM_TENANT_ID HAVING count(*) > 1;",
            "https://github.com/wso2/product-is/issues/13097",
        ),
        KernelKey::UserNamesWhateverCase => (
            "4.10.0",
            true,
            "user-names-whatever-case",
            "names of users in a tenant that differ in case only",
            "SELECT lower(UM_USER_NAME), UM_TENANT_ID, count(*) FROM UM_USER GROUP BY lower(UM_USER_NAME), UM_TENANT_ID \
             HAVING count(*) > 1;",
            "https://github.com/wso2/product-is/issues/13631",
        ),
        KernelKey::Permissions => (
            "4.4.14",
            true,
            "permissions",
            "permissions",
            "SELECT UM_RESOURCE_ID, UM_ACTION, UM_TENANT_ID, count(*) FROM UM_PERMISSION GROUP BY UM_RESOURCE_ID, \
             UM_ACTION, UM_TENANT_ID HAVING count(*) > 1;",
            "https://github.com/wso2/product-is/issues/3503",
        ),
        KernelKey::RegistryPaths => (
            "4.5.0",
            false,
            "registry-paths",
            "paths of the registry",
            "SELECT REG_PATH_VALUE, REG_TENANT_ID, count(*) FROM REG_PATH GROUP BY REG_PATH_VALUE, REG_TENANT_ID HAVING \
             count(*) > 1 OR REG_PATH_VALUE IS NULL;",
            "the scripts of wso2/carbon-kernel at v4.4.40 and v4.5.0",
        ),
        KernelKey::Domains => (
            "4.5.0",
            false,
            "domains",
            "domains of user stores",
            "SELECT UM_DOMAIN_NAME, UM_TENANT_ID, count(*) FROM UM_DOMAIN GROUP BY UM_DOMAIN_NAME, UM_TENANT_ID HAVING \
             count(*) > 1 OR UM_DOMAIN_NAME IS NULL;",
            "the scripts of wso2/carbon-kernel at v4.4.40 and v4.5.0",
        ),
        KernelKey::SystemRoles => (
            "4.5.0",
            false,
            "system-roles",
            "system roles",
            "SELECT UM_ROLE_NAME, UM_TENANT_ID, count(*) FROM UM_SYSTEM_ROLE GROUP BY UM_ROLE_NAME, UM_TENANT_ID HAVING \
             count(*) > 1 OR UM_ROLE_NAME IS NULL;",
            "the scripts of wso2/carbon-kernel at v4.4.40 and v4.5.0",
        ),
        KernelKey::UserIds => (
            "4.6.0",
            true,
            "user-ids",
            "ids of users",
            "SELECT UM_USER_ID, count(*) FROM UM_USER GROUP BY UM_USER_ID HAVING count(*) > 1 OR UM_USER_ID IS NULL OR \
             UM_USER_ID = 'NONE';",
            "https://github.com/wso2/product-is/issues/15156",
        ),
        KernelKey::Scopes => (
            "4.6.0",
            true,
            "scopes",
            "names of scopes that are both OAuth and OpenID Connect scopes",
            "SELECT a.NAME, a.TENANT_ID FROM IDN_OAUTH2_SCOPE a JOIN IDN_OIDC_SCOPE b ON a.NAME = b.NAME AND a.TENANT_ID = \
             b.TENANT_ID;",
            "the migration client of Identity Server 5.10, which stops at them",
        ),
    };
    Told { since, confirmed, subject, what, sql, source }
}

/// The kernel of the target, when the catalog knows it.
fn kernel(case: &Case<'_>) -> Option<ProductVersion> {
    if case.facts.product == Product::Wso2Carbon {
        return Some(case.target.version.clone());
    }
    case.target.release.as_ref()?.kernel.clone()
}

impl<'a> Look<'a> {
    pub(super) fn at_kernel(&mut self, case: &Case<'_>) {
        let Some(records) = self.database.records.kernel.as_deref() else {
            return self.missing.push(Missing::Unread {
                of: Source::Database,
                what: "the tables of the kernel".to_owned(),
                why: "the agent did not look into them; agent refresh --source database".to_owned(),
            });
        };
        let is_blank = records.tables.value().is_some_and(std::collections::BTreeSet::is_empty)
            && records.other_tables.value() == Some(&0);
        if is_blank {
            self.missing.push(Missing::Unread {
                of: Source::Database,
                what: "the tables of the kernel".to_owned(),
                why: "no table was seen: the account may not see them, or the data source leads elsewhere"
                    .to_owned(),
            });
        }
        let kernel = kernel(case);
        let keys = records.keys.read(Source::Database, "rows that new keys refuse");
        for key in self.take(keys).into_iter().flatten() {
            self.at_key(key, kernel.as_ref());
        }
        self.at_orphans(records);
        self.at_left_tables(records);
        let behind = records.behind.read(Source::Database, "the sequences");
        if let Some(behind) = self.take(behind).filter(|behind| !behind.is_empty()) {
            self.found.push(Finding {
                severity: Severity::Warning,
                subject: "sequences".to_owned(),
                summary: "sequences give numbers that are taken".to_owned(),
                observed: first_few(behind.iter().map(String::as_str), behind.len() as u64),
                required: "sequences above every number in use".to_owned(),
                remedy: "New rows fail on their key until the numbers are passed. Set each above the largest number of its \
                         column, as the owner of the tables."
                    .to_owned(),
            });
        }
    }

    fn at_key(&mut self, key: &'a KeyRows, kernel: Option<&ProductVersion>) {
        let Told { since, confirmed, subject, what, sql, source } = told(key.key);
        let since: Option<ProductVersion> = since.parse().ok();
        let applies = since.as_ref().zip(kernel).map(|(since, kernel)| kernel >= since);
        if key.in_force || applies == Some(false) {
            return;
        }
        let read = |field: &'a Field<u64>| field.read(Source::Database, what);
        let (duplicates, empty) = (self.take(read(&key.duplicates)), self.take(read(&key.empty)));
        let (duplicates, empty) = (duplicates.copied().unwrap_or(0), empty.copied().unwrap_or(0));
        if duplicates == 0 && empty == 0 {
            return;
        }
        let severity = if confirmed && applies == Some(true) { Severity::Blocker } else { Severity::Warning };
        let since = since.map_or_else(String::new, |since| format!(", as kernels from {since} on want it"));
        self.found.push(Finding {
            severity,
            subject: subject.to_owned(),
            summary: format!("{what} stand twice or are missing, which the target's tables refuse"),
            observed: format!("{} more than once, {} without one", counted_up_to(duplicates, "value"), rows(empty)),
            required: format!("each once{since}"),
            remedy: format!(
                "Look at them: {sql} Decide with a fresh backup at hand which row stays, and try the change on staging first. \
                 Source: {source}."
            ),
        });
    }

    fn at_orphans(&mut self, records: &'a KernelRecords) {
        let read = records.orphans.read(Source::Database, "rows that point to nothing");
        let mut told = Vec::new();
        for orphans in self.take(read).into_iter().flatten() {
            let what = format!("rows of {} without {}", orphans.table, orphans.points_to);
            let read = orphans.rows.read(Source::Database, &what);
            if let Some(count) = self.take(read).filter(|count| **count > 0) {
                told.push(format!("{} of {} without {}", rows(*count), orphans.table, orphans.points_to));
            }
        }
        if !told.is_empty() {
            self.found.push(Finding {
                severity: Severity::Notice,
                subject: "orphans".to_owned(),
                summary: "there are rows that belong to others which are not there".to_owned(),
                observed: told.join("; "),
                required: "rows whose path, content or tenant is there".to_owned(),
                remedy: "Deleted tenants and broken-off changes leave them. Ask the vendor's support before any change; mind \
                         them when a step of the upgrade names these tables."
                    .to_owned(),
            });
        }
    }

    fn at_left_tables(&mut self, records: &'a KernelRecords) {
        let read = records.leftover_tables.read(Source::Database, "tables clean-ups leave");
        if let Some(left) = self.take(read).filter(|left| !left.is_empty()) {
            self.found.push(Finding {
                severity: Severity::Warning,
                subject: "leftover-tables".to_owned(),
                summary: "clean-ups left tables that get in the way of the next one".to_owned(),
                observed: first_few(left.iter().map(String::as_str), left.len() as u64),
                required: "no tables of finished clean-ups".to_owned(),
                remedy: "See that nobody needs what is in them, back them up, and drop them before the upgrade. Source: \
                         https://github.com/wso2/product-is/issues/20329."
                    .to_owned(),
            });
        }
    }
}

#[cfg(test)]
#[path = "kernel/tests.rs"]
mod tests;
