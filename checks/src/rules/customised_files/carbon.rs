//! What of a WSO2 Carbon home other checks speak of, so that no file is found twice.

/// Directories below the home, and the check that looks at what is in them.
const ELSEWHERE: [(&str, &str); 10] = [
    ("bin", "configuration-drift"),
    ("conf", "configuration-drift"),
    ("repository/components/dropins", "osgi-bundles"),
    ("repository/components/extensions", "osgi-bundles"),
    ("repository/components/patches", "osgi-bundles"),
    ("repository/components/servicepacks", "osgi-bundles"),
    ("repository/conf", "configuration-drift"),
    ("repository/deployment/server", "staging-copy"),
    ("repository/resources/conf", "configuration-drift"),
    ("repository/tenants", "staging-copy"),
];

/// The check that looks at a file, by its path below the home.
pub(super) fn looked_at_by(inner: &str) -> Option<&'static str> {
    let is_below = |directory: &str| inner.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    ELSEWHERE.iter().find(|(directory, _)| is_below(directory)).map(|(_, check)| *check)
}
