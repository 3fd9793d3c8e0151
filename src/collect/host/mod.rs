//! The host: operating system, processors, memory, and the process that runs the service.
//!
//! What limits a container or a unit puts on the service (cgroups) is not read.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod manager;
mod os_release;
mod scanners;
mod service;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use upgrade_readiness_checks::facts::{FailureKind, Host, OperatingSystem, Section, Source};

use self::os_release::{OsRelease, read_os_release};
use super::blocking::Lookout;
use super::layout::Layout;
use super::process::{JavaProcess, find_service};
use super::{CollectError, Collector};
use crate::chain::Chain;

/// Where a host keeps what it tells about itself. Tests put other places here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPaths {
    /// The process file system.
    pub proc_dir: PathBuf,
    /// The configuration of the system.
    pub etc_dir: PathBuf,
    /// What the distribution ships.
    pub usr_lib_dir: PathBuf,
    /// The same where `/lib` is a directory of its own.
    pub lib_dir: PathBuf,
}

impl Default for HostPaths {
    fn default() -> Self {
        Self {
            proc_dir: "/proc".into(),
            etc_dir: "/etc".into(),
            usr_lib_dir: "/usr/lib".into(),
            lib_dir: "/lib".into(),
        }
    }
}

/// Looks at the host.
pub struct HostCollector {
    layout: Arc<dyn Layout>,
    paths: HostPaths,
    lookout: Lookout,
}

impl HostCollector {
    /// A collector for the host this program runs on.
    #[must_use]
    pub fn new(layout: Arc<dyn Layout>) -> Self {
        Self::with_paths(layout, HostPaths::default())
    }

    /// A collector that reads elsewhere.
    #[must_use]
    pub fn with_paths(layout: Arc<dyn Layout>, paths: HostPaths) -> Self {
        Self { layout, paths, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for HostCollector {
    fn source(&self) -> Source {
        Source::Host
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let (layout, paths) = (Arc::clone(&self.layout), self.paths.clone());
        self.lookout.run(move |_| read_host(layout.as_ref(), &paths).map(Section::Host)).await
    }
}

/// The kernel did not say how large the machine is.
#[derive(Debug, thiserror::Error)]
#[error("the kernel did not say how many processors and how much memory there are")]
struct NoMachine;

fn read_host(layout: &dyn Layout, paths: &HostPaths) -> Result<Host, CollectError> {
    let no_machine = || {
        CollectError::new(
            FailureKind::Unreachable,
            NoMachine,
            "Let the agent read /proc/meminfo and /proc/stat: set ProcSubset=all in its unit.",
        )
    };
    let wanted = RefreshKind::nothing()
        .with_memory(MemoryRefreshKind::nothing().with_ram())
        .with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(wanted).ok().ok_or_else(no_machine)?;
    // Not std's available_parallelism: that counts the quota of the agent's own unit.
    let cpus = u32::try_from(system.cpus().len()).unwrap_or(u32::MAX);
    if cpus == 0 || system.total_memory() == 0 {
        return Err(no_machine());
    }
    let process = find_process(layout, paths);
    Ok(Host {
        name: System::host_name().ok(),
        os: read_operating_system(paths),
        cpus,
        memory_total_bytes: system.total_memory(),
        memory_available_bytes: system.available_memory(),
        service: service::read_service(paths, &process),
        scanners: scanners::read_scanners(&paths.proc_dir),
        manager: manager::read_manager(layout, paths, &process),
    })
}

fn read_operating_system(paths: &HostPaths) -> OperatingSystem {
    let OsRelease { id, version, name } = read_os_release(paths);
    OperatingSystem {
        family: std::env::consts::OS.to_owned(),
        id,
        version,
        name: name.unwrap_or_else(|| format!("{} (no os-release file that names it)", std::env::consts::OS)),
        kernel: System::kernel_version().unwrap_or_else(|_| "unknown".to_owned()),
        architecture: System::cpu_arch(),
    }
}

/// The running process; `Err` is the reason why it cannot be told whether it runs.
fn find_process(layout: &dyn Layout, paths: &HostPaths) -> Result<Option<JavaProcess>, String> {
    let mark = layout.service_mark().map_err(|error| error.into_failure().message)?;
    find_service(&paths.proc_dir, &mark).map_err(|error| Chain(&error).to_string())
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::Field;

    use super::*;
    use crate::collect::process::fixture::{FakeLayout, FakeProc};

    fn layout(mark: Option<&'static str>) -> Arc<FakeLayout> {
        Arc::new(FakeLayout { mark, ..FakeLayout::default() })
    }

    async fn collect(mark: Option<&'static str>, proc: &FakeProc) -> Host {
        let paths = HostPaths {
            proc_dir: proc.dir().to_owned(),
            etc_dir: proc.dir().join("etc"),
            usr_lib_dir: proc.dir().join("lib"),
            lib_dir: proc.dir().join("lib"),
        };
        let collector = HostCollector::with_paths(layout(mark), paths);
        assert_eq!(collector.source(), Source::Host);
        let Section::Host(host) = collector.collect().await.unwrap() else { panic!("host facts") };
        host
    }

    #[tokio::test]
    async fn the_host_is_described() {
        let proc = FakeProc::with_init();
        proc.write(
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        );
        let host = collect(Some("-Dcatalina.home=/opt/x"), &proc).await;
        assert!(host.cpus >= 1);
        assert!(host.memory_total_bytes > 0);
        assert!(host.memory_available_bytes <= host.memory_total_bytes);
        assert_eq!(host.os.id.as_deref(), Some("debian"));
        assert_eq!(host.os.version.as_deref(), Some("12"));
        assert_eq!(host.os.name, "Debian GNU/Linux 12 (bookworm)");
        assert!(!host.os.kernel.is_empty() && !host.os.architecture.is_empty());
        assert_eq!(host.service, Field::Read(None), "looked for, does not run");
    }

    #[tokio::test]
    async fn without_a_mark_the_service_is_unread_and_the_rest_is_there() {
        let host = collect(None, &FakeProc::with_init()).await;
        assert_eq!(host.service, Field::Unread("reading /opt/x. Check it.".into()));
        assert_eq!((host.os.id, host.os.version), (None, None));
        assert!(host.os.name.contains("no os-release"), "{}", host.os.name);
    }

    #[tokio::test]
    async fn a_proc_that_is_not_there_is_not_a_service_that_does_not_run() {
        let proc = FakeProc::empty();
        let paths = HostPaths { proc_dir: "/no/proc/here".into(), ..HostPaths::default() };
        let collector = HostCollector::with_paths(layout(Some("-Dx=/y")), paths);
        let Section::Host(host) = collector.collect().await.unwrap() else { panic!("host facts") };
        assert!(matches!(host.service, Field::Unread(why) if why.contains("/no/proc/here")));
        assert!(matches!(collect(Some("-Dx=/y"), &proc).await.service, Field::Unread(_)), "an empty one");
    }
}
