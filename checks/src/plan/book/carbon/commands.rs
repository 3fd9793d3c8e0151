//! Command lines that only Carbon products have.

use crate::facts::Product;
use crate::plan::book::commands::{self, as_user, sh, word, words};
use crate::plan::book::site::Site;

/// How the vendor names the directory of a product in its archive.
pub(super) fn package(product: Product) -> &'static str {
    match product {
        Product::Confluence | Product::Wso2Carbon => "wso2carbon",
        Product::Wso2ApiManager => "wso2am",
        Product::Wso2ApplicationServer => "wso2as",
        Product::Wso2BusinessProcessServer => "wso2bps",
        Product::Wso2ComplexEventProcessor => "wso2cep",
        Product::Wso2DataAnalyticsServer => "wso2das",
        Product::Wso2DataServicesServer => "wso2dss",
        Product::Wso2EnterpriseIntegrator => "wso2ei",
        Product::Wso2EnterpriseMobilityManager => "wso2emm",
        Product::Wso2EnterpriseServiceBus => "wso2esb",
        Product::Wso2GovernanceRegistry => "wso2greg",
        Product::Wso2IdentityServer => "wso2is",
        Product::Wso2IotServer => "wso2iot",
        Product::Wso2MessageBroker => "wso2mb",
        Product::Wso2MicroIntegrator => "wso2mi",
    }
}

/// The start script of a home.
pub(super) fn script(site: &Site<'_>, home: &str) -> String {
    let name = match site.facts.product {
        Product::Wso2EnterpriseIntegrator => "integrator",
        Product::Wso2MicroIntegrator => "micro-integrator",
        Product::Confluence
        | Product::Wso2Carbon
        | Product::Wso2ApiManager
        | Product::Wso2ApplicationServer
        | Product::Wso2BusinessProcessServer
        | Product::Wso2ComplexEventProcessor
        | Product::Wso2DataAnalyticsServer
        | Product::Wso2DataServicesServer
        | Product::Wso2EnterpriseMobilityManager
        | Product::Wso2EnterpriseServiceBus
        | Product::Wso2GovernanceRegistry
        | Product::Wso2IdentityServer
        | Product::Wso2IotServer
        | Product::Wso2MessageBroker => "wso2server",
    };
    site.below(home, &format!("bin/{name}.{}", if site.windows { "bat" } else { "sh" }))
}

/// What stands in the command line of a server of this home, and of no other.
pub(super) fn mark(home: &str) -> String {
    format!("carbon.home={home}")
}

/// Stops the service that runs a home.
pub(super) fn stop(site: &Site<'_>, home: &str) -> Vec<String> {
    commands::stop(site, &mark(home), &arguments(site, &script(site, home), "stop"))
}

/// Starts the service.
pub(super) fn start(site: &Site<'_>, home: &str) -> Vec<String> {
    commands::start(site, &arguments(site, &script(site, home), "start"))
}

fn arguments<'a>(site: &Site<'_>, script: &'a str, verb: &'a str) -> Vec<&'a str> {
    // The script of Windows knows no start: it runs in its window.
    match (site.windows, verb) {
        (true, "start") => vec![script],
        (true, _) => vec![script, "--stop"],
        (false, _) => vec!["sh", script, verb],
    }
}

/// Starts a home by its own script with this Java, whoever starts the service.
pub(super) fn start_by_script(site: &Site<'_>, home: &str, java: &str) -> Vec<String> {
    let script = script(site, home);
    if site.windows {
        return vec![format!("set JAVA_HOME={java}"), word(site, &script)];
    }
    vec![as_user(site, &["env", &format!("JAVA_HOME={java}"), "sh", &script, "start"])]
}

/// Stops a home by its own script, and looks whether its process is gone.
pub(super) fn stop_by_script(site: &Site<'_>, home: &str) -> Vec<String> {
    let script = script(site, home);
    if site.windows {
        return vec![words(site, &[&script, "--stop"])];
    }
    vec![
        as_user(site, &["sh", &script, "stop"]),
        format!("pgrep --full --list-full {} || echo stopped", word(site, &mark(home))),
    ]
}

/// The log of a home.
pub(super) fn log(site: &Site<'_>, home: &str) -> String {
    site.below(home, "repository/logs/wso2carbon.log")
}

/// Watches the log of a home.
pub(super) fn follow_log(site: &Site<'_>, home: &str) -> String {
    let log = log(site, home);
    if site.windows {
        format!("powershell Get-Content -Wait -Tail 50 {}", word(site, &log))
    } else {
        format!("tail -n 50 -F {}", sh(&log))
    }
}

/// Asks the management console on this host; its certificate is usually signed by itself.
pub(super) fn ask_console(site: &Site<'_>, https: u16) -> String {
    let (sink, quote) = if site.windows { ("NUL", '"') } else { ("/dev/null", '\'') };
    format!(
        "curl --insecure --silent --show-error --output {sink} --write-out {quote}%{{http_code}}\\n{quote} \
         https://127.0.0.1:{https}/carbon/admin/login.jsp"
    )
}
