//! The facts of a snapshot without when they were learned: the same facts are the same text, whenever somebody looks.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Reading, Snapshot};

/// What is known of an instance, as its digest is made of it.
///
/// Times of asking are left out, and so is what a source said before it failed: nothing is judged by it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a>(&'a Snapshot);

impl Snapshot {
    /// What is known, without when it was learned.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        Known(self)
    }
}

impl Serialize for Known<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Named one by one: what is added must be thought of here.
        let Snapshot {
            format_version: _,
            instance,
            product,
            taken_at: _,
            host,
            disk,
            java,
            installation,
            files,
            license,
            database,
            application,
            plugins,
            backups,
            traffic,
            releases,
            rehearsal,
            custom,
            memory,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("instance", instance)?;
        map.serialize_entry("product", product)?;
        map.serialize_entry("host", &Source(host))?;
        map.serialize_entry("disk", &Source(disk))?;
        map.serialize_entry("java", &Source(java))?;
        map.serialize_entry("installation", &Source(installation))?;
        map.serialize_entry("files", &Source(files))?;
        map.serialize_entry("license", &Source(license))?;
        map.serialize_entry("database", &Source(database))?;
        map.serialize_entry("application", &Source(application))?;
        map.serialize_entry("plugins", &Source(plugins))?;
        map.serialize_entry("backups", &Source(backups))?;
        map.serialize_entry("traffic", &Source(traffic))?;
        map.serialize_entry("releases", &Source(releases))?;
        map.serialize_entry("rehearsal", &Source(rehearsal))?;
        map.serialize_entry("custom", &Source(custom))?;
        map.serialize_entry("memory", memory)?;
        map.end()
    }
}

/// What is known of one source.
struct Source<'a, T>(&'a Reading<T>);

impl<T: Serialize> Serialize for Source<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            Reading::Pending => map.serialize_entry("pending", &true)?,
            Reading::Off => map.serialize_entry("off", &true)?,
            Reading::Learned(learned) => map.serialize_entry("facts", &learned.facts)?,
            Reading::Failed { failure, .. } => map.serialize_entry("failure", failure)?,
        }
        map.end()
    }
}
