//! First and second look at an installation and at a home, for `benches/beside-files`: one line of seconds each.
//!
//! Usage: `looks files INSTALLATION CACHE` or `looks disk HOME CACHE`. Without arguments it does nothing, so that
//! `cargo bench` passes by.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use upgrade_readiness_agent::collect::blocking::Stop;
use upgrade_readiness_agent::collect::disk::measure_directory;
use upgrade_readiness_agent::collect::files::{
    Anatomy, Digest, FilesCollector, ReleaseMarker, Survey, VendorHashes, VendorList,
};
use upgrade_readiness_agent::collect::{CollectError, Collector as _};

struct Plain(PathBuf);

impl Anatomy for Plain {
    fn survey(&self) -> Result<Survey, CollectError> {
        Ok(Survey {
            root: self.0.clone(),
            release: Ok("1".to_owned()),
            vendor: Some(VendorHashes { below: "app", file: "app/md5", parse }),
            optional: &[],
            written: &[],
            ignore: Vec::new(),
            pristine: None,
            marker: ReleaseMarker { file: "release", parse: |_| None, parse_name: |_| None },
        })
    }
}

/// The list `md5sum -c` reads.
fn parse(text: &str) -> Result<VendorList, String> {
    let mut list = VendorList::default();
    for line in text.lines() {
        let (hash, name) = line.split_once("  ").ok_or("no md5sum line")?;
        list.hashes.insert(name.to_owned(), Digest::parse(hash).ok_or("no MD5")?);
    }
    Ok(list)
}

#[expect(clippy::print_stdout, reason = "the figures are its output")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [what, root, cache] = arguments.as_slice() else { return Ok(()) };
    let (root, cache) = (Path::new(root), Path::new(cache));
    match what.as_str() {
        "files" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            for look in ["first look", "second look"] {
                let collector = FilesCollector::new(Arc::new(Plain(root.to_owned())), Some(cache.to_owned()));
                let start = Instant::now();
                let Ok(section) = runtime.block_on(collector.collect()) else { bail!("the look failed") };
                println!("{look} {:.3} s", start.elapsed().as_secs_f64());
                drop(section);
            }
        }
        "disk" => {
            // Far enough ahead that every file has lain quiet, as most of a real home has.
            let now = jiff::Timestamp::now().as_second() + 30 * 24 * 60 * 60;
            let memory = cache.join("disk");
            for (look, now) in [("first look", now), ("second look", now + 1), ("an hour later", now + 3600)]
            {
                let start = Instant::now();
                let size = measure_directory(root, Some(&memory), now, &Stop::default())
                    .map_err(anyhow::Error::msg)
                    .context("measuring")?;
                println!(
                    "{look} {:.3} s, {} bytes, {} entries",
                    start.elapsed().as_secs_f64(),
                    size.bytes,
                    size.entries
                );
            }
        }
        _ => bail!("files or disk"),
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
