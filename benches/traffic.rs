//! Reading the access logs that `benches/traffic` made: the first look, and the second when nothing has changed.
//!
//! Not a criterion benchmark: the first look can only be measured once.

use std::path::Path;
use std::time::Instant;

use upgrade_readiness_agent::collect::Collector;
use upgrade_readiness_agent::collect::traffic::{AccessLogs, TrafficCollector};
use upgrade_readiness_checks::facts::Section;

#[expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]
fn main() {
    let Ok(directory) = std::env::var("BENCH_LOGS") else {
        println!("nothing measured: run benches/traffic, which makes the logs");
        return;
    };
    let cache = tempfile::tempdir().expect("a temporary directory");
    let ignore = vec!["/status".to_owned(), "/rest/troubleshooting".to_owned()];
    let logs = AccessLogs { patterns: vec![format!("{directory}/*")], ignore, days: 35 };
    let collector = TrafficCollector::new(logs, Some(cache.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for look in ["first look", "second look"] {
        let started = Instant::now();
        let Ok(Section::Traffic(traffic)) = runtime.block_on(collector.collect()) else {
            println!("{look}: the logs could not be read");
            return;
        };
        println!("{look}: {} requests in {} logs, {:?}", traffic.requests, traffic.logs, started.elapsed());
    }
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("most memory: {line}");
    }
}
