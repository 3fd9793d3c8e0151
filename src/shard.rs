//! Which part of many instances an agent watches.
//!
//! Each instance belongs to the shard that draws the highest number for it (rendezvous hashing): every agent finds
//! the same answer from the name alone, and another shard takes over only what it draws highest for.

use sha2::{Digest, Sha256};

/// The part of the instances an agent watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Which it is, counted from 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
    /// Where each agent listens, in their order; empty when nobody said.
    pub agents: Vec<String>,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 1, of: 1, agents: Vec::new() }
    }
}

impl Shard {
    /// Whether an instance is watched by this agent.
    #[must_use]
    pub fn has(&self, instance: &str) -> bool {
        shard_of(instance, self.of) == self.index
    }
}

/// The shard an instance belongs to, counted from 1.
#[must_use]
pub fn shard_of(instance: &str, of: u32) -> u32 {
    let draws = |index: u32| {
        let digest =
            Sha256::new().chain_update(index.to_be_bytes()).chain_update(instance.as_bytes()).finalize();
        let mut draw = [0; 8];
        draw.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        u64::from_be_bytes(draw)
    };
    (1..=of.max(1)).max_by_key(|index| draws(*index)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instance_is_in_one_shard_and_another_agent_takes_over_only_its_own(
            name in "[a-z0-9._-]{1,40}", of in 1_u32..40
        ) {
            let watching = (1..=of).filter(|index| Shard { index: *index, of, agents: Vec::new() }.has(&name));
            prop_assert_eq!(watching.count(), 1);
            let (before, after) = (shard_of(&name, of), shard_of(&name, of + 1));
            prop_assert!(after == before || after == of + 1);
        }
    }

    #[test]
    fn the_parts_are_of_about_the_same_size_and_few_move() {
        let names: Vec<String> = (0..500).map(|number| format!("wiki-{number}")).collect();
        let mut sizes: BTreeMap<u32, u32> = BTreeMap::new();
        for name in &names {
            *sizes.entry(shard_of(name, 10)).or_default() += 1;
        }
        assert!(sizes.len() == 10 && sizes.values().all(|size| (30..=75).contains(size)), "{sizes:?}");
        let moved = names.iter().filter(|name| shard_of(name, 10) != shard_of(name, 11)).count();
        assert!((20..=80).contains(&moved), "{moved} of 500 moved to an eleventh agent");
        // For ever: another answer would move the history of instances to agents that do not have it.
        assert_eq!([("wiki", 4), ("docs", 4), ("wiki", 10)].map(|(name, of)| shard_of(name, of)), [3, 1, 3]);
    }
}
