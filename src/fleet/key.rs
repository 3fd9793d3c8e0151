//! The numbers of advisory locks.

use sha2::{Digest as _, Sha256};

/// The number of the lock for these parts: the first eight bytes of the SHA-256 of a prefix and of every part with its
/// length, so that no two lists of parts read the same.
///
/// PostgreSQL keeps advisory locks per database, and other programs may use some, too. That two numbers out of 2^64
/// meet is not to be expected; if it happened, nobody would lead one source, and that reads "cannot tell".
pub(super) fn lock_key(parts: &[&str]) -> i64 {
    let mut hash = Sha256::new().chain_update("upgrade-readiness-agent/lock/1");
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0_i64, |key, byte| key << 8 | i64::from(*byte))
}

/// A text that says whether two agents look at the same thing in the same way.
pub(super) fn fingerprint(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_lock_never_changes_and_depends_on_every_part() {
        // Agents of different versions must agree on it.
        assert_eq!(lock_key(&["upgrade_readiness", "wiki", "database"]), KNOWN);
        let keys = [
            lock_key(&["s", "wiki", "database"]),
            lock_key(&["s", "wikid", "atabase"]),
            lock_key(&["s", "wiki", "plugins"]),
            lock_key(&["t", "wiki", "database"]),
        ];
        for (place, key) in keys.iter().enumerate() {
            assert!(!keys[place + 1..].contains(key));
        }
    }

    const KNOWN: i64 = 6_145_480_476_245_467_150;
}
