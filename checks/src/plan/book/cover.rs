//! Which step of the book each check belongs to: what it proves is ticked there, and what it finds stands there.

/// The name of a step in the preparation, or in the night where one says so, and the checks it is about.
static COVER: &[(&str, &[&str])] = &[
    ("release", &["release-support", "upgrade-path"]),
    ("license", &["license-covers-target", "license-replacement", "license-seats", "license-valid"]),
    ("notes", &["upgrade-notes"]),
    (
        "platform",
        &["hardware", "java-memory", "java-version", "locale-encoding", "operating-system", "process-limits"],
    ),
    (
        "database",
        &[
            "database-embedded",
            "database-integrity",
            "database-ownership",
            "database-privileges",
            "database-settings",
            "database-supported",
        ],
    ),
    ("driver", &["database-driver"]),
    ("disk", &["disk-space"]),
    ("files", &["file-ownership"]),
    ("antivirus", &["antivirus"]),
    ("apps", &["app-licenses", "plugin-compatibility", "plugin-state"]),
    ("customisations", &["customised-files", "customised-layouts"]),
    ("health", &["application-health", "cluster-nodes", "custom", "upgrade-interrupted"]),
    ("administrator", &["internal-administrator"]),
    ("index", &["index-rebuild"]),
    ("backups", &["backup-database", "backup-home", "backup-installation", "backup-restore"]),
    ("window", &["freeze", "upgrade-window"]),
    ("environment", &["same-database-engine", "staging-isolation"]),
    ("rehearsal", &["rehearsal"]),
    ("sessions", &["database-sessions"]),
];

/// The checks a step is about; none for work of the night that no check can see.
pub(super) fn of(step: &str) -> &'static [&'static str] {
    COVER.iter().find(|(name, _)| *name == step).map_or(&[], |(_, checks)| checks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules;

    #[test]
    fn every_check_has_one_step() {
        let listed: Vec<&str> = COVER.iter().flat_map(|(_, checks)| *checks).copied().collect();
        let once: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(listed.len(), once.len(), "a check stands at two steps");
        let all: BTreeSet<&str> = rules::ALL.iter().map(|check| check.id).collect();
        assert_eq!(once, all);
    }
}
