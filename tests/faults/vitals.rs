//! What a process takes of its host.

use std::fs;

/// Descriptors, threads and memory of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vitals {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) resident_kib: usize,
}

impl Vitals {
    /// Those of a running process.
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |key: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        Self { descriptors, threads: number("Threads:"), resident_kib: number("VmRSS:") }
    }
}
