//! Who starts and stops the service: a unit of systemd, a script in `/etc/init.d`, or people.
//!
//! What the kernel says of the running process counts most. What it does not tell, or when nothing runs, is
//! looked up in the files systemd and init read. No program is asked, and nothing of those files is kept but
//! their names.

mod cgroup;
mod files;

use upgrade_readiness_checks::facts::{Field, ServiceManager};

use self::cgroup::{Group, parse_cgroup};
use self::files::find_starter;
use super::HostPaths;
use crate::chain::Chain;
use crate::collect::layout::Layout;
use crate::collect::process::JavaProcess;
use crate::collect::text_file::read_text;

/// Tells who starts and stops the service; `process` is the running one, when that could be told.
pub(super) fn read_manager(
    layout: &dyn Layout,
    paths: &HostPaths,
    process: &Result<Option<JavaProcess>, String>,
) -> Field<ServiceManager> {
    let group = match process {
        Ok(Some(process)) => read_group(process),
        Ok(None) => Ok(Group::Untold),
        Err(why) => Err(why.clone()),
    };
    if let Ok(Group::Unit(unit)) = group {
        return Field::Read(ServiceManager::Systemd { unit });
    }
    let found = match layout.launch() {
        Ok(launch) => find_starter(paths, &launch),
        Err(error) => Err(error.into_failure().message),
    };
    match (found, group) {
        (Ok(Some(ServiceManager::Systemd { unit })), Ok(Group::Outside(group))) => Field::Unread(format!(
            "the unit {unit} starts it, but it runs outside of it (in {group}), as when somebody starts it by hand: \
             `systemctl stop {unit}` would not end it. Stop it with its own script, then `systemctl start {unit}`"
        )),
        (Ok(Some(manager)), _) => Field::Read(manager),
        (Err(why), _) | (Ok(None), Ok(Group::Beyond(why)) | Err(why)) => Field::Unread(why),
        (Ok(None), Ok(Group::Unit(_) | Group::Outside(_) | Group::Untold)) => {
            Field::Read(ServiceManager::Scripts)
        }
    }
}

fn read_group(process: &JavaProcess) -> Result<Group, String> {
    match read_text(&process.dir.join("cgroup")) {
        Ok(text) => Ok(parse_cgroup(&text)),
        Err(error) => Err(Chain(&error).to_string()),
    }
}

#[cfg(test)]
mod tests;
