//! What the store of the daemon remembers, put into facts that a command took.

use upgrade_readiness_checks::facts::Snapshot;

use super::output::Output;
use super::run::block_on;
use crate::chain::Chain;
use crate::config::Config;
use crate::store::{Store, StoreError};

/// Puts what is remembered of an instance into its snapshot. A store that cannot be read is said, and no more:
/// without it nothing is waived.
pub(super) fn recall(config: &Config, snapshot: &mut Snapshot, output: &mut Output) -> anyhow::Result<()> {
    let path = config.store_file();
    let read = async {
        let mut store = Store::open_to_read(&path).await?;
        store.memory(&snapshot.instance).await
    };
    match block_on(read)? {
        Ok(memory) => snapshot.memory = memory,
        Err(StoreError::Absent { .. }) => {}
        Err(trouble) => output.note(&format!(
            "judged without waivers, sign-offs and trends: {}; {}",
            Chain(&trouble),
            trouble.remedy_to_read()
        )),
    }
    Ok(())
}
