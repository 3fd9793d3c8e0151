//! Where the backups of an instance are.

use schemars::JsonSchema;
use serde::Deserialize;
use upgrade_readiness_checks::facts::BackupKind;

use super::restore::{RawRestoreTest, RestoreProving};
use super::validate::Validation;
use crate::collect::backups::{BackupPlaces, KindPlaces, PlaceForm, UnpackLimits};

/// Places of one kind; each is looked into at every look.
const MOST_PLACES: usize = 20;

/// Where the backups of an instance are.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawBackups {
    /// Backups of the home directory.
    pub(super) home: Option<RawBackupPlaces>,
    /// Backups of the database.
    pub(super) database: Option<RawBackupPlaces>,
    /// Backups of the installation directory.
    pub(super) installation: Option<RawBackupPlaces>,
    /// Restores the newest dump of the database into a scratch database.
    pub(super) restore_test: RawRestoreTest,
    /// A backup that unpacks to more than so many times its own size is not read further; default 200.
    pub(super) most_unpacked_times: Option<u64>,
    /// A backup that unpacks to more than this is not read further, in GiB; default 4096.
    pub(super) most_unpacked_gib: Option<u64>,
}

/// Where the backups of one kind are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBackupPlaces {
    /// Files, patterns such as "/backup/wiki-*.zip", directories whose files are backups, marker files.
    pub(super) places: Vec<String>,
    /// What the places name: files, or directory when each directory is a backup itself; default files.
    #[serde(default)]
    pub(super) form: PlaceForm,
}

impl Validation {
    /// The places of the table at `key`, and how it is proved that dumps restore.
    pub(super) fn backups(&mut self, key: &str, raw: RawBackups) -> (BackupPlaces, RestoreProving) {
        let usual = UnpackLimits::default();
        let kinds = [
            (BackupKind::Home, raw.home),
            (BackupKind::Database, raw.database),
            (BackupKind::Installation, raw.installation),
        ];
        let mut sets = Vec::new();
        for (kind, raw) in kinds {
            let Some(RawBackupPlaces { places, form }) = raw else { continue };
            let key = format!("{key}.{}.places", kind.id());
            if places.is_empty() || places.len() > MOST_PLACES {
                self.problem(
                    &key,
                    format!("must name 1 to {MOST_PLACES} places, and names {}", places.len()),
                );
            }
            for (index, place) in places.iter().enumerate() {
                let key = format!("{key}[{index}]");
                self.path(&key, place);
                if let Err(error) = place.split('/').try_for_each(|part| glob::Pattern::new(part).map(drop)) {
                    self.problem(&key, format!("is not a pattern: {error}"));
                }
            }
            sets.push(KindPlaces { kind, places, form });
        }
        let times = raw.most_unpacked_times.unwrap_or(usual.times);
        let gib = raw.most_unpacked_gib.unwrap_or(usual.bytes >> 30);
        for (name, value) in [("most_unpacked_times", times), ("most_unpacked_gib", gib)] {
            if value == 0 || value > 1 << 24 {
                self.problem(
                    &format!("{key}.{name}"),
                    format!("must be from 1 to {}, and is {value}", 1 << 24),
                );
            }
        }
        let restore = self.restore_test(&format!("{key}.restore_test"), raw.restore_test);
        let limits = UnpackLimits { times, bytes: gib.saturating_mul(1 << 30) };
        (BackupPlaces { sets, limits }, restore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    fn config(tables: &str) -> String {
        format!("[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n{tables}")
    }

    #[test]
    fn each_kind_has_its_places() {
        let text = config(
            "[instance.backups]\nmost_unpacked_gib = 10\n[instance.backups.home]\nplaces = ['/backup/home']\n\
             form = 'directory'\n[instance.backups.database]\nplaces = ['/backup/*.dump', '/b/marker']\n",
        );
        let backups = parse_config(&text).unwrap().instances[0].backups.clone();
        let kinds: Vec<_> = backups.sets.iter().map(|set| (set.kind, set.form, set.places.len())).collect();
        assert_eq!(
            kinds,
            [(BackupKind::Home, PlaceForm::Directory, 1), (BackupKind::Database, PlaceForm::Files, 2)]
        );
        assert_eq!(backups.limits, UnpackLimits { times: 200, bytes: 10 << 30 });
        let without = parse_config(&config("")).unwrap().instances[0].backups.clone();
        assert_eq!(without, BackupPlaces::default());
    }

    #[test]
    fn every_mistake_names_its_key() {
        let text = config(
            "[instance.backups]\nmost_unpacked_times = 0\n[instance.backups.home]\nplaces = []\n\
             [instance.backups.database]\nplaces = ['backup/*.dump', '/backup/[a.dump']\n",
        );
        let problems = parse_config(&text).unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        for key in ["most_unpacked_times", "home.places", "database.places[0]", "database.places[1]"] {
            assert!(keys.contains(&format!("instance[0].backups.{key}").as_str()), "{key}: {problems:?}");
        }
        assert_eq!(keys.len(), 4, "{problems:?}");
    }
}
