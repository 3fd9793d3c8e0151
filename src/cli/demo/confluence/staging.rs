//! What the agent beside the example's staging instance says of it.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::files::write;

/// Writes the status of a staging instance that was upgraded to the last bug-fix release and lacks an app.
pub(super) fn lay_out(dir: &Path, now: Timestamp) -> anyhow::Result<PathBuf> {
    let path = dir.join("staging/status.json");
    let status = json!({
        "format_version": "1.0",
        "written_at": now,
        "instances": [{
            "name": "wiki-staging",
            "profile": {
                "version": "8.5.27",
                "version_since": now - SignedDuration::from_hours(10 * 24),
                "base_url": "https://wiki-staging.example.com",
                "engine": "postgresql",
                "database_version": "13.14",
                "database": "db-staging.example.com:5432/confluence",
                "home": "wiki-staging.example.com:/var/atlassian/application-data/confluence",
                "java": "11.0.24",
                "operating_system": "Debian GNU/Linux 12 (bookworm)",
                "plugins": {
                    "com.example.gantt": "4.1.0",
                    "com.example.forms": "2.8.4",
                    "com.example.intranet.theme": "1.0.3",
                    "com.example.calendar": "0.9.2",
                },
            },
        }],
    });
    write(&path, &status.to_string())?;
    Ok(path)
}
