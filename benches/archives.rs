//! How long verifying a backup takes, the first time and when it has not changed. Not a criterion benchmark: one
//! look is seconds long, and `benches/archives-beside` runs it beside `unzip -t`.
//!
//! `cargo bench --bench archives -- FILE` verifies FILE twice, with a notebook beside it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use upgrade_readiness_agent::collect::backups::{
    BackupPlaces, BackupsCollector, KindPlaces, PlaceForm, UnpackLimits,
};
use upgrade_readiness_agent::collect::layout::{JavaPlaces, Launch, Layout};
use upgrade_readiness_agent::collect::{CollectError, Collector};
use upgrade_readiness_checks::facts::{BackupKind, FailureKind, Role, Section};

struct Nowhere;

impl Layout for Nowhere {
    fn service_mark(&self) -> Result<String, CollectError> {
        Err(CollectError::new(FailureKind::Absent, "there is no service", ""))
    }

    fn directories(&self) -> Result<Vec<(Role, PathBuf)>, CollectError> {
        Ok(Vec::new())
    }

    fn launch(&self) -> Result<Launch, CollectError> {
        Err(CollectError::new(FailureKind::Absent, "there is no service", ""))
    }

    fn java(&self) -> Result<JavaPlaces, CollectError> {
        Ok(JavaPlaces::default())
    }
}

fn main() -> anyhow::Result<()> {
    // Without a file there is nothing to measure: `cargo bench` of everything passes by.
    let Some(place) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        return Ok(());
    };
    let cache = std::env::temp_dir().join(format!("archives-bench-{}", std::process::id()));
    let set = KindPlaces { kind: BackupKind::Home, places: vec![place], form: PlaceForm::Files };
    let places = BackupPlaces { sets: vec![set], limits: UnpackLimits::default() };
    let collector = BackupsCollector::new("bench", places, Arc::new(Nowhere), None, Some(&cache));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let mut out = std::io::stdout();
    for round in ["first time", "again"] {
        let started = Instant::now();
        let facts = runtime.block_on(collector.collect());
        let took = started.elapsed().as_secs_f64();
        let Ok(Section::Backups(backups)) = facts else { bail!("{facts:?}") };
        writeln!(out, "{round}: {took:.3} s, {:?}", backups.sets)?;
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    writeln!(out, "{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default())?;
    Ok(std::fs::remove_dir_all(cache)?)
}
