//! `repository/tenants/<number>`: the directories of tenants. The super tenant has none there.

use std::path::Path;

use upgrade_readiness_checks::facts::TenantDirs;

use super::error::{HomeError, if_there, list};

/// Below the home.
pub(super) const DIRECTORY: &str = "repository/tenants";
/// Directories whose content Identity Server 5.9 and newer cannot use.
const EVENT_FILES: [&str; 2] = ["eventpublishers", "eventstreams"];
/// No server has more tenants with directories.
const MOST: usize = 100_000;

/// Reads which tenants have directories.
pub(super) fn read_tenants(home: &Path) -> Result<TenantDirs, HomeError> {
    let directory = home.join(DIRECTORY);
    let mut tenants = TenantDirs { place: directory.display().to_string(), ..TenantDirs::default() };
    for name in if_there(list(&directory, MOST, "tenants"))?.unwrap_or_default() {
        let Ok(id) = name.parse::<u32>() else { continue };
        let tenant = directory.join(&name);
        tenants.ids.insert(id);
        // Listing tells a directory nobody may look into from one without such files.
        let inside = list(&tenant, MOST, "entries")?;
        if EVENT_FILES.iter().any(|known| inside.iter().any(|name| name == known)) {
            tenants.with_event_files.insert(id);
        }
    }
    Ok(tenants)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::carbon::fixture::Example;

    #[test]
    fn directories_with_numbers_are_tenants() {
        let example = Example::new().lay_out();
        std::fs::remove_dir_all(example.home().join(DIRECTORY)).unwrap();
        assert!(read_tenants(&example.home()).unwrap().ids.is_empty(), "none is none");
        example.write("repository/tenants/1/userstores/x.xml", "<UserStoreManager/>");
        example.write("repository/tenants/22/eventpublishers/a.xml", "<a/>");
        example.write("repository/tenants/README/a", "");
        let tenants = read_tenants(&example.home()).unwrap();
        assert_eq!(tenants.ids, BTreeSet::from([1, 22]));
        assert_eq!(tenants.with_event_files, BTreeSet::from([22]));
    }

    #[test]
    fn a_tenant_nobody_may_look_into_is_not_one_without_files() {
        let example = Example::new().lay_out();
        example.write("repository/tenants/7/eventstreams/a.json", "{}");
        example.forbid("repository/tenants/7");
        let home = example.home();
        let error = as_another_user(move || read_tenants(&home).unwrap_err());
        assert!(
            error.remedy().contains("setfacl") && error.remedy().contains("tenants/7"),
            "{}",
            error.remedy()
        );
    }

    #[test]
    fn a_share_that_is_not_mounted_is_not_a_home_without_tenants() {
        let example = Example::new().lay_out();
        std::fs::remove_dir_all(example.home().join(DIRECTORY)).unwrap();
        std::os::unix::fs::symlink("/nonexistent/share", example.home().join(DIRECTORY)).unwrap();
        let error = read_tenants(&example.home()).unwrap_err();
        assert!(format!("{}", crate::chain::Chain(&error)).contains("/nonexistent/share"), "{error}");
    }
}
