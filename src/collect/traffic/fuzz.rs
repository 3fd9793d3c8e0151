//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::count::{Count, Wanted, count_requests};
use crate::collect::blocking::Stop;

/// Counts the requests in a log: how many bytes of it are whole lines, and how many requests were counted.
pub(crate) fn log(mut bytes: &[u8]) -> Option<(u64, u64)> {
    let wanted = Wanted { minutes: 0..100_000_000, ignore: vec!["/status".to_owned()] };
    let mut count = Count::default();
    let read = count_requests(&mut bytes, &mut count, &wanted, u64::MAX, &Stop::default()).ok()?;
    Some((read, count.hours.values().sum::<u64>() + count.ignored))
}
