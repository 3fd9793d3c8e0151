//! Command lines that only Confluence has.

use crate::plan::book::commands::{self, sh, word};
use crate::plan::book::site::Site;

/// Stops the service and looks whether it is gone.
pub(super) fn stop(site: &Site<'_>) -> Vec<String> {
    commands::stop(site, site.program(), &[&script(site, "stop")])
}

/// Starts the service.
pub(super) fn start(site: &Site<'_>) -> Vec<String> {
    commands::start(site, &[&script(site, "start")])
}

fn script(site: &Site<'_>, verb: &str) -> String {
    let ending = if site.windows { "bat" } else { "sh" };
    site.below(site.program(), &format!("bin/{verb}-confluence.{ending}"))
}

/// Watches the log of the product.
pub(super) fn follow_log(site: &Site<'_>) -> String {
    let log = site.below(site.home(), "logs/atlassian-confluence.log");
    if site.windows {
        format!("powershell Get-Content -Wait -Tail 50 {}", word(site, &log))
    } else {
        format!("tail -n 50 -F {}", sh(&log))
    }
}

/// Asks the application how it is.
pub(super) fn ask_state(site: &Site<'_>) -> String {
    format!("curl --fail --silent --show-error {}/status", word(site, &site.local_url()))
}
