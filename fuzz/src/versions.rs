//! Versions: what is read orders as an order does, and reads the same when it is written again.

use std::cmp::Ordering;
use std::fmt::Debug;

use upgrade_readiness_agent::collect::custom::Range;
use upgrade_readiness_agent::collect::drivers::parse_driver;
use upgrade_readiness_agent::collect::http::RetryAfter;
use upgrade_readiness_agent::collect::java::parse_java_version;
use upgrade_readiness_checks::model::Requested;
use upgrade_readiness_checks::osgi::{Version, VersionRange};
use upgrade_readiness_checks::version::{Line, ProductVersion};

use crate::text;

/// Up to three versions, one on each line.
pub(crate) fn versions(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let lines: Vec<&str> = text.lines().take(3).collect();
    let products: Vec<ProductVersion> = lines.iter().filter_map(|line| line.parse().ok()).collect();
    orders(&products);
    for version in &products {
        let again: ProductVersion = version.to_string().parse().expect("what was written can be read");
        assert_eq!(again, *version);
        assert_eq!(version.line().to_string().parse::<Line>().ok(), Some(version.line()), "{version}");
    }
    let bundles: Vec<Version> = lines.iter().filter_map(|line| line.parse().ok()).collect();
    orders(&bundles);
    for version in &bundles {
        assert_eq!(version.to_string().parse::<Version>().ok().as_ref(), Some(version), "{version}");
    }
    for range in lines.iter().filter_map(|line| line.parse::<VersionRange>().ok()) {
        // Nothing below and nothing above what is in it may make a hole.
        if let [a, b, c] = sorted(&bundles).as_slice() {
            assert!(!(range.includes(a) && range.includes(c)) || range.includes(b), "{range:?}: {a} {b} {c}");
        }
    }
    for line in &lines {
        drop(parse_java_version(line));
        drop(parse_driver(&format!("postgresql-{line}.jar")));
        drop(parse_driver(line));
        if let Ok(range) = line.parse::<Range>() {
            assert!(!range.to_string().is_empty());
        }
        if let Ok(requested) = line.parse::<Requested>() {
            assert_eq!(requested.to_string().parse::<Requested>().ok(), Some(requested));
        }
        if let Some(after) = RetryAfter::parse(line) {
            let now = jiff::Timestamp::UNIX_EPOCH;
            let until = after.until(now);
            assert!(until >= now && until.as_second() <= 24 * 3600, "{line}: {until}");
        }
    }
}

fn sorted<T: Ord + Clone>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort();
    values
}

/// The laws of an order.
fn orders<T: Ord + Debug>(values: &[T]) {
    for a in values {
        assert_eq!(a.cmp(a), Ordering::Equal, "{a:?}");
        for b in values {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{a:?} {b:?}");
            assert_eq!(a == b, a.cmp(b).is_eq(), "{a:?} {b:?}");
            for c in values {
                assert!(!(a <= b && b <= c) || a <= c, "{a:?} {b:?} {c:?}");
            }
        }
    }
}
