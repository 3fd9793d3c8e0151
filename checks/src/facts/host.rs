//! Facts about the host and about the process that runs the service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Field;

/// The host an instance runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Host {
    /// The name it calls itself; `None` when it does not say.
    #[serde(default)]
    pub name: Option<String>,
    /// The operating system.
    pub os: OperatingSystem,
    /// Processors the host may use, as the kernel counts them.
    pub cpus: u32,
    /// Physical memory.
    pub memory_total_bytes: u64,
    /// Memory that could be given to a program without swapping (`MemAvailable`).
    pub memory_available_bytes: u64,
    /// The running process of the service; `None` inside when it was looked for and does not run.
    pub service: Field<Option<ServiceProcess>>,
    /// Running virus scanners and the like, by the names of their processes.
    #[serde(default)]
    pub scanners: Field<Vec<Scanner>>,
    /// Who starts and stops the service, running or not.
    #[serde(default)]
    pub manager: Field<ServiceManager>,
}

/// Who starts and stops the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceManager {
    /// A unit of the system's systemd.
    Systemd {
        /// Its name: `confluence.service`.
        unit: String,
    },
    /// A script in `/etc/init.d`.
    InitScript {
        /// Where it is.
        path: String,
    },
    /// A Windows service. The agent runs on Unix; only facts of a Windows host say so.
    WindowsService {
        /// Its name.
        name: String,
    },
    /// Nothing of the host: people use the product's own scripts.
    Scripts,
}

/// A running program that looks into files when others use them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Scanner {
    /// Name of the process, as far as the kernel keeps it.
    pub process: String,
    /// The product it belongs to.
    pub product: String,
}

/// An operating system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OperatingSystem {
    /// `linux`, `windows` …, as Rust names families.
    pub family: String,
    /// The distribution as `/etc/os-release` calls it in `ID`: `debian`, `ubuntu`, `rhel` …
    pub id: Option<String>,
    /// `VERSION_ID` of `/etc/os-release`: `12`, `22.04`, `9.4`. Rolling distributions have none.
    pub version: Option<String>,
    /// The name people know it by: `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// Kernel release.
    pub kernel: String,
    /// Machine architecture: `x86_64`, `aarch64`.
    pub architecture: String,
}

/// The process that runs the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ServiceProcess {
    /// Process id.
    pub pid: u32,
    /// User id it runs under.
    pub uid: u32,
    /// Name of that user; the number when it has no name here.
    pub user: String,
    /// Resource limits, from `/proc/<pid>/limits`.
    pub limits: Field<Limits>,
    /// The locale variables (`LC_ALL`, `LC_CTYPE`, `LANG`) of its environment that are set.
    pub locale: Field<BTreeMap<String, String>>,
}

/// Resource limits of a process; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Open files, the limit in force (soft).
    pub open_files: Option<u64>,
    /// Open files, as far as the process may raise it (hard).
    pub open_files_hard: Option<u64>,
    /// Processes and threads of the user, the limit in force (soft).
    pub processes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::golden;

    #[test]
    fn facts_of_an_agent_that_did_not_ask_who_starts_the_service_can_still_be_read() {
        let host = golden().facts.host().unwrap().clone();
        let mut old = toml::Table::try_from(&host).unwrap();
        assert_eq!(old.clone().try_into::<Host>().unwrap(), host);
        old.remove("manager").unwrap();
        assert!(matches!(old.try_into::<Host>().unwrap().manager, Field::Unread(_)));
    }
}
