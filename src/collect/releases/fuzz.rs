//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use upgrade_readiness_checks::facts::Said;

use super::parse::{MarketplacePage, parse_endoflife, parse_feed};

/// What an answer says, read as each of the lists.
pub(crate) fn answers(bytes: &[u8]) -> Vec<Said> {
    let feed = std::str::from_utf8(bytes).ok().and_then(|text| parse_feed(text).ok());
    let page = serde_json::from_slice::<MarketplacePage>(bytes).ok();
    let page = page.map(|page| Said::Releases(page.into_releases()));
    [parse_endoflife(bytes).ok(), feed, page].into_iter().flatten().collect()
}
