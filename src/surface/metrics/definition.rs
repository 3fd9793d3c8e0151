//! The table of metrics: what there is, what it means, and its labels.
//!
//! Labels come from closed sets and from names in the configuration; the one exception is `mountpoint`.

/// What can be done with a metric's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Observations in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug)]
pub struct Definition {
    /// Its name: never changed.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// What can be done with its values.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
}

macro_rules! definitions {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(pub(super) static $constant: Definition = Definition {
            name: concat!("upgrade_readiness_", $name),
            help: $help,
            kind: Kind::$kind,
            labels: &[$($label),*],
        };)+

        /// Every metric, sorted by name.
        pub static ALL: &[&Definition] = &[$(&$constant),+];
    };
}

definitions! {
    AGENT_BUILD = Gauge "agent_build_info" ["version", "revision"]
        "1, labelled with the version of the agent and the revision it was built from.";
    AGENT_SHARDS = Gauge "agent_shards" ["shard"]
        "How many agents share the configuration, labelled with which of them this one is, counted from 1.";
    BACKUP = Gauge "backup_timestamp_seconds" ["site", "kind"]
        "When the newest backup that is not still being written was finished; absent when there is none or it is not known.";
    BLOCKS_AT = Gauge "blocks_at_timestamp_seconds" ["site", "target"]
        "When the target will become blocked if nobody acts; absent while no such day is known.";
    CATALOG = Gauge "catalog_timestamp_seconds" ["product"]
        "Day on which the catalog of releases was last compared with the vendor's.";
    CHECK_VERDICT = Gauge "check_verdict" ["site", "target", "check", "verdict"]
        "1 for the verdict of the check, 0 for every other.";
    CHECKS_DECIDED = Gauge "checks_decided" ["site", "target"]
        "Checks that apply and could look.";
    CHECKS_PLANNED = Gauge "checks_planned" ["site", "target"]
        "Checks that apply.";
    DATABASE_SESSIONS = Gauge "database_sessions" ["site"]
        "Connections to the product's database apart from the agent's; absent when not all are shown to the agent.";
    FILESYSTEM_FREE = Gauge "filesystem_free_bytes" ["site", "mountpoint"]
        "Bytes an ordinary process may still write to a file system the instance lives on.";
    FILESYSTEM_REQUIRED = Gauge "filesystem_required_bytes" ["site", "target", "mountpoint"]
        "Bytes the upgrade to the target needs on the file system.";
    FINDINGS = Gauge "findings" ["site", "target", "severity"]
        "Things between the instance and the target that nobody waived or signed off.";
    FINDINGS_WAIVED = Gauge "findings_waived" ["site", "target"]
        "Things between the instance and the target that somebody waived or signed off.";
    FLEET_LEADER = Gauge "fleet_leader" ["site", "source"]
        "Whether this agent asks the source for all nodes; absent where every agent asks for itself.";
    FLEET_STORE_UP = Gauge "fleet_store_up" []
        "Whether the shared store took what was last written; absent without one, and before the first attempt.";
    FLEET_UNSENT = Gauge "fleet_unsent_changes" []
        "Changes of verdict the shared store does not have yet; absent while that is not known.";
    FLEET_UNSENT_OLDEST = Gauge "fleet_unsent_oldest_timestamp_seconds" []
        "When the oldest change of verdict happened that the shared store does not have yet; absent while it has all.";
    HTTP_CERTIFICATE_BEGIN = Gauge "http_certificate_begin_timestamp_seconds" []
        "From when the certificate the agent shows over TLS holds; absent without TLS.";
    HTTP_CERTIFICATE_EXPIRY = Gauge "http_certificate_expiry_timestamp_seconds" []
        "When the certificate the agent shows over TLS ends; absent without TLS.";
    HTTP_REFUSED = Counter "http_refused_total" ["reason"]
        "Requests and connections that were turned away, by why.";
    LICENSE_EXPIRY = Gauge "license_expiry_timestamp_seconds" ["site"]
        "When the licence's right to run ends; absent when it has no end or is not known.";
    LICENSE_MAINTENANCE_EXPIRY = Gauge "license_maintenance_expiry_timestamp_seconds" ["site"]
        "When the licence's right to newer releases ends; absent when it has no end or is not known.";
    NOTIFICATIONS_OLDEST = Gauge "notifications_oldest_timestamp_seconds" ["channel"]
        "Since when the oldest message of the channel waits; absent while none does.";
    NOTIFICATIONS = Counter "notifications_total" ["channel", "result"]
        "Attempts to tell people through the channel: sent, failed and tried again, or given up.";
    NOTIFICATIONS_WAITING = Gauge "notifications_waiting" ["channel"]
        "Messages of the channel that its receiver has not taken yet; absent while that is not known.";
    PLUGINS = Gauge "plugins" ["site", "target", "state"]
        "User-installed plug-ins by how they stand with the target.";
    SOURCE_COLLECTED = Gauge "source_collected_timestamp_seconds" ["site", "source"]
        "When the source last answered.";
    SOURCE_DURATION = Histogram "source_duration_seconds" ["site", "source"]
        "How long asking the source took, whether it answered or not.";
    SOURCE_FAILURES = Counter "source_failures_total" ["site", "source", "reason"]
        "Attempts to ask the source that failed.";
    SOURCE_UP = Gauge "source_up" ["site", "source"]
        "Whether the source answered recently enough to be believed; absent when it is switched off.";
    STATUS_FILE = Gauge "status_file_timestamp_seconds" []
        "When the status file was last written; absent until then.";
    TARGET_VERDICT = Gauge "target_verdict" ["site", "target", "requested", "verdict"]
        "1 for the verdict on the target, 0 for every other.";
    WAIVER_ENDS = Gauge "waiver_ends_timestamp_seconds" ["site"]
        "When the first of the waivers and sign-offs in use ends; absent while none is in use.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_unique_and_end_as_they_should() {
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name));
        for definition in ALL {
            assert_eq!(definition.name.ends_with("_total"), definition.kind == Kind::Counter);
            assert!(definition.help.ends_with('.'), "{}", definition.name);
            assert!(!definition.labels.contains(&"instance"), "Prometheus keeps that label for itself");
        }
    }
}
