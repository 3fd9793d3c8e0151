//! What is looked for in a product's own tables.

use upgrade_readiness_checks::facts::Records;

use super::kernel::{KernelTables, read_kernel};
use super::records::{Asker, CountLimits, ProductTables, read_records};

/// The tables of a product.
#[derive(Debug, Clone, Copy)]
pub enum Tables {
    /// Of a product that keeps a record of its upgrades.
    Product(&'static ProductTables),
    /// Of a product whose tables do not state their release.
    Kernel(&'static KernelTables),
}

impl Tables {
    /// Reads what is in them.
    pub(super) async fn read(
        self,
        asker: &mut Asker<'_>,
        counting: Option<CountLimits>,
    ) -> Result<Records, sqlx::Error> {
        match self {
            Self::Product(tables) => read_records(asker, tables, counting).await,
            Self::Kernel(tables) => read_kernel(asker, tables, counting).await,
        }
    }
}
