//! How much `/metrics` tells, and where metrics go beside it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::validate::Validation;

/// How much `/metrics` tells, and where metrics go beside it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMetrics {
    /// A file for the textfile collector of `node_exporter`; its name ends in .prom. Default: none is written.
    textfile: Option<String>,
    /// full, or lean for hundreds of instances: without the verdicts of checks that do not hold, without failures that
    /// did not happen, and how long sources take as sum and count alone.
    pub(super) detail: Detail,
}

/// How much `/metrics` tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Every series.
    #[default]
    Full,
    /// A third of them; all that alerts and dashboards of `deploy/` look at.
    Lean,
}

impl Validation {
    /// The file for the textfile collector, which reads names that end in `.prom` and no others.
    pub(super) fn textfile(&mut self, raw: &RawMetrics) -> Option<PathBuf> {
        let key = "metrics.textfile";
        let path = self.path(key, raw.textfile.as_deref()?);
        if path.extension().is_none_or(|ending| ending != "prom") {
            self.problem(
                key,
                format!(
                    "must be a file whose name ends in .prom, for node_exporter reads no other, and is \"{}\"",
                    path.display()
                ),
            );
        }
        if path.is_dir() {
            self.problem(key, format!("must be a file, and {} is a directory", path.display()));
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::parse_config;

    fn textfile(keys: &str) -> Result<Option<std::path::PathBuf>, String> {
        let instance = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
        parse_config(&format!("{keys}\n{instance}"))
            .map(|config| config.textfile)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_textfile_is_written_where_node_exporter_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("x.prom");
        std::fs::create_dir(&taken).unwrap();
        assert_eq!(textfile(""), Ok(None));
        assert_eq!(textfile("[metrics]"), Ok(None));
        let usual = "/var/lib/prometheus/node-exporter/a.prom";
        assert_eq!(
            textfile(&format!("[metrics]\ntextfile = '{usual}'")).unwrap().as_deref(),
            Some(Path::new(usual))
        );
        let rows = [
            ("", "path from the root"),
            ("a.prom", "path from the root"),
            ("/srv/metrics.txt", "ends in .prom"),
            ("/srv/.prom", "ends in .prom"),
            ("/srv/a.prom/..", "ends in .prom"),
            ("/", "ends in .prom"),
            (taken.to_str().unwrap(), "is a directory"),
        ];
        for (path, words) in rows {
            let told = textfile(&format!("[metrics]\ntextfile = '{path}'")).unwrap_err();
            assert!(told.contains("metrics.textfile") && told.contains(words), "{path}: {told}");
        }
        let told = textfile("[metrics]\ntextfil = '/srv/a.prom'").unwrap_err();
        assert!(told.contains("textfile"), "{told}");
    }
}
