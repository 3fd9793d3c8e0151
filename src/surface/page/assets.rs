//! The style and the script of the pages, as they are served.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::surface::html::TOKENS;

/// A file that goes with the pages.
#[derive(Debug)]
pub struct Asset {
    /// Its name below `/assets/`.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub body: String,
    /// Changes when what is in it changes.
    pub version: String,
}

/// All of them: style, script and icon.
pub static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset("page.css", "text/css; charset=utf-8", format!("{TOKENS}{}", include_str!("assets/page.css"))),
        asset("page.js", "text/javascript; charset=utf-8", include_str!("assets/page.js").to_owned()),
        asset("icon.svg", "image/svg+xml", include_str!("assets/icon.svg").to_owned()),
    ]
});

fn asset(name: &'static str, content_type: &'static str, body: String) -> Asset {
    let version = version_of(body.as_bytes());
    Asset { name, content_type, body, version }
}

/// A short name for a content; another content has another.
#[must_use]
pub fn version_of(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().take(8).fold(String::new(), |mut out, byte| {
        // Writing into a string cannot fail.
        let _infallible = write!(out, "{byte:02x}");
        out
    })
}

/// The address of an asset from a page, such that a browser never shows an old one.
pub(super) fn address(root: &str, name: &str) -> String {
    let version = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.version);
    format!("{root}assets/{name}?v={version}")
}
