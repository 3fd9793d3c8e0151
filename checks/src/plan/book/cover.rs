//! Which step of the book each check belongs to: what it proves is ticked there, and what it finds stands there.

use super::parts::SectionKind::{self, Preparation, Production, Staging};

/// The section and the name of a step, and the checks it is about.
static COVER: &[(SectionKind, &str, &[&str])] = &[
    (Preparation, "release", &["release-support", "upgrade-path"]),
    (
        Preparation,
        "license",
        &["license-covers-target", "license-replacement", "license-seats", "license-valid"],
    ),
    (Preparation, "notes", &["upgrade-notes"]),
    (
        Preparation,
        "platform",
        &["hardware", "java-memory", "java-version", "locale-encoding", "operating-system", "process-limits"],
    ),
    (
        Preparation,
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
    (Preparation, "driver", &["database-driver"]),
    (Preparation, "disk", &["disk-space"]),
    (Preparation, "files", &["file-ownership"]),
    (Preparation, "antivirus", &["antivirus"]),
    (Preparation, "apps", &["app-licenses", "osgi-bundles", "plugin-compatibility", "plugin-state"]),
    (Preparation, "customisations", &["customised-files", "customised-layouts"]),
    (Preparation, "health", &["application-health", "cluster-nodes", "custom", "upgrade-interrupted"]),
    (Preparation, "administrator", &["internal-administrator"]),
    (Preparation, "index", &["index-rebuild"]),
    (Preparation, "backups", &["backup-database", "backup-home", "backup-installation", "backup-restore"]),
    (Preparation, "window", &["freeze", "upgrade-window"]),
    (Staging, "environment", &["same-database-engine", "staging-isolation"]),
    (Staging, "database", &["staging-database"]),
    (Staging, "configuration", &["configuration-drift"]),
    (Staging, "copy-artifacts", &["staging-copy"]),
    (Staging, "rehearsal", &["rehearsal"]),
    (Production, "sessions", &["database-sessions"]),
];

/// The checks a step is about; none for work of the night that no check can see.
pub(super) fn of(kind: SectionKind, step: &str) -> &'static [&'static str] {
    let found = COVER.iter().find(|(section, name, _)| *section == kind && *name == step);
    found.map_or(&[], |(_, _, checks)| checks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules;

    #[test]
    fn every_check_has_one_step() {
        let listed: Vec<&str> = COVER.iter().flat_map(|(_, _, checks)| *checks).copied().collect();
        let once: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(listed.len(), once.len(), "a check stands at two steps");
        let all: BTreeSet<&str> = rules::ALL.iter().map(|check| check.id).collect();
        assert_eq!(once, all);
    }
}
