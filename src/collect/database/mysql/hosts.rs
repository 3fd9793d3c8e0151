//! Which entries of an account are for a host.

use std::cmp::Reverse;
use std::net::Ipv4Addr;

use super::patterns::{Matching, closeness, is_like};

/// The patterns that a client's host fits, the closest first, as the server sorts them
/// (<https://dev.mysql.com/doc/refman/8.4/en/connection-access.html>).
pub(super) fn fitting_hosts<'a>(patterns: &'a [String], from: &str) -> Vec<&'a String> {
    let names: &[&str] = if from == "localhost" { &["localhost", "127.0.0.1", "::1"] } else { &[from] };
    let matching = Matching { literal: false, ignore_case: true };
    let fits = |pattern: &str| {
        names
            .iter()
            .any(|name| pattern.is_empty() || is_like(name, pattern, matching) || is_in_net(name, pattern))
    };
    let mut fitting: Vec<&String> = patterns.iter().filter(|pattern| fits(pattern)).collect();
    fitting.sort_by_key(|pattern| {
        let place = match pattern.as_str() {
            "" => 0,
            net if net.contains('/') => usize::MAX - 1,
            pattern => closeness(pattern).saturating_add(1),
        };
        Reverse(place)
    });
    fitting
}

/// `198.51.100.0/255.255.255.0`, and from MySQL 8.0.23 on `198.51.100.0/24`.
fn is_in_net(host: &str, pattern: &str) -> bool {
    let parse = |text: &str| text.parse::<Ipv4Addr>().ok().map(u32::from);
    let Some((net, mask)) = pattern.split_once('/') else { return false };
    let mask = parse(mask).or_else(|| {
        let bits: u32 = mask.parse().ok().filter(|bits| *bits <= 32)?;
        Some(u32::MAX.checked_shl(32 - bits).unwrap_or(0))
    });
    match (parse(host), parse(net), mask) {
        (Some(host), Some(net), Some(mask)) => host & mask == net,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_entry_comes_first() {
        let patterns = ["%", "10.0.%", "10.0.0.7", "10.0.0.0/255.255.255.0", "", "db.example.com"];
        let patterns = patterns.map(String::from);
        let expected = ["10.0.0.7", "10.0.0.0/255.255.255.0", "10.0.%", "%", ""];
        assert_eq!(fitting_hosts(&patterns, "10.0.0.7"), expected);
        assert_eq!(fitting_hosts(&patterns, "192.0.2.1"), ["%", ""]);
        assert_eq!(fitting_hosts(&patterns, "DB.example.com"), ["db.example.com", "%", ""]);
        let local = ["127.0.0.1", "app.example.com"].map(String::from);
        assert_eq!(fitting_hosts(&local, "localhost"), ["127.0.0.1"]);
        assert!(fitting_hosts(&local, "other").is_empty());
    }

    #[test]
    fn nets_are_masks_or_bits() {
        assert!(is_in_net("198.51.100.9", "198.51.100.0/255.255.255.0"));
        assert!(is_in_net("198.51.100.9", "198.51.100.0/24"));
        assert!(is_in_net("198.51.100.9", "0.0.0.0/0"));
        assert!(!is_in_net("198.51.101.9", "198.51.100.0/24"));
        for wrong in ["198.51.100.0", "198.51.100.0/33", "x/24", "198.51.100.0/", "/"] {
            assert!(!is_in_net("198.51.100.9", wrong), "{wrong}");
        }
    }
}
