//! Fuzz targets: every parser of foreign data, with what must hold of its answer.
//!
//! A target gets bytes and panics when something is wrong. None may panic of itself, take more memory than
//! [`Target::most_bytes`], or write into an answer what is secret. How they are run: `README.md`.

mod archives;
mod configuration;
mod host;
mod judging;
mod products;
mod scratch;
mod versions;

/// One parser, or several of the same kind of data.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Tries bytes.
    pub run: fn(&[u8]),
    /// Memory it may take while it does, beside what it began with.
    pub most_bytes: usize,
}

const MIB: usize = 1 << 20;

/// All of them.
pub const ALL: &[Target] = &[
    Target { name: "access-log", run: host::access_log, most_bytes: 16 * MIB },
    Target { name: "accounts", run: host::accounts, most_bytes: 16 * MIB },
    Target { name: "answers", run: products::answers, most_bytes: 32 * MIB },
    // The strongest setting of xz alone takes 65 MiB, and the agent allows itself 128.
    Target { name: "archive", run: archives::archive, most_bytes: 320 * MIB },
    Target { name: "bundles", run: products::bundles, most_bytes: 32 * MIB },
    Target { name: "carbon-home", run: products::carbon_home, most_bytes: 64 * MIB },
    Target { name: "catalog", run: judging::catalog, most_bytes: 64 * MIB },
    Target { name: "confluence-xml", run: products::confluence_xml, most_bytes: 64 * MIB },
    Target { name: "dossier", run: judging::dossier, most_bytes: 64 * MIB },
    Target { name: "dump", run: archives::dump, most_bytes: 32 * MIB },
    Target { name: "grants", run: configuration::grants, most_bytes: 16 * MIB },
    Target { name: "jar", run: archives::jar, most_bytes: 64 * MIB },
    Target { name: "jdbc-url", run: configuration::jdbc_url, most_bytes: 16 * MIB },
    Target { name: "license", run: products::license, most_bytes: 16 * MIB },
    Target { name: "lists", run: judging::lists, most_bytes: 32 * MIB },
    Target { name: "marker", run: archives::marker, most_bytes: 16 * MIB },
    Target { name: "pristine", run: archives::pristine, most_bytes: 64 * MIB },
    Target { name: "process", run: host::process, most_bytes: 32 * MIB },
    Target { name: "properties", run: configuration::properties, most_bytes: 16 * MIB },
    Target { name: "registry", run: products::registry, most_bytes: 16 * MIB },
    Target { name: "schedule", run: configuration::schedule, most_bytes: 16 * MIB },
    Target { name: "scripts", run: configuration::scripts, most_bytes: 64 * MIB },
    Target { name: "settings", run: configuration::settings, most_bytes: 64 * MIB },
    Target { name: "status", run: judging::status, most_bytes: 64 * MIB },
    Target { name: "versions", run: versions::versions, most_bytes: 16 * MIB },
    Target { name: "agent-toml", run: configuration::agent_toml, most_bytes: 64 * MIB },
];

/// The target of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

pub use scratch::clear;

/// Foreign text as the agent meets it: what is not UTF-8 was refused before.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The first byte chooses among so many ways; the rest is what is read.
fn choose(bytes: &[u8], ways: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((usize::from(*first) % ways, rest))
}

/// What must come out of no answer.
const SECRET: &str = "planted-secret-5e11";

/// Holds an answer, as people could be shown it, against what was planted.
fn keeps_secret(shown: &str) {
    assert!(!shown.contains(SECRET), "a secret came out: {shown}");
}
