//! Who runs Synchrony, which people need to edit a page together.
//!
//! The virtual machine's options say it: `synchrony.service.url` names a Synchrony that people run on their own,
//! and without it Confluence runs one itself. Whether collaborative editing is switched on in the administration
//! stands in the database and is not asked here.
//!
//! <https://confluence.atlassian.com/doc/migrate-from-a-standalone-synchrony-cluster-to-managed-synchrony-958779077.html>
//! and, for the option that switches it off, the vendor's Helm charts:
//! <https://github.com/atlassian/data-center-helm-charts>

use reqwest::Url;
use upgrade_readiness_checks::facts::{Field, Synchrony};
use upgrade_readiness_checks::version::{Line, ProductVersion};

use super::Site;
use crate::collect::process::JavaProcess;
use crate::collect::scripts::{Setting, parse_system_property};

const URL: &str = "synchrony.service.url";
const DISABLED: &str = "synchrony.btf.disabled";

/// The first release with Synchrony, and the first that runs it in a cluster.
const FIRST: Line = Line { major: 6, minor: 0 };
const FIRST_IN_CLUSTER: Line = Line { major: 6, minor: 12 };

/// No address is longer.
const LONGEST_URL: usize = 2000;

/// Tells who runs Synchrony; `process` is the running service, when that could be told.
pub fn read_synchrony(
    site: &Site,
    version: &Field<ProductVersion>,
    process: &Result<Option<JavaProcess>, String>,
) -> Field<Option<Synchrony>> {
    let options = match process {
        Ok(Some(process)) => Options::of_process(process),
        // The script may be another's word on what runs unseen; it is the word that is kept over an upgrade.
        Ok(None) | Err(_) => match &site.options {
            Ok(script) => Options::of_script(script),
            Err(why) => return Field::Unread(why.clone()),
        },
    };
    match options {
        Ok(Options { url: Some(url), .. }) => standalone(&url),
        Ok(Options { disabled: true, .. }) => Field::Read(None),
        Ok(Options { url: None, disabled: false }) => {
            let first = if site.is_clustered() { FIRST_IN_CLUSTER } else { FIRST };
            match version {
                Field::Read(version) => Field::Read((version.line() >= first).then_some(Synchrony::Managed)),
                Field::Unread(why) => {
                    Field::Unread(format!("no option names a Synchrony, and the version is not known: {why}"))
                }
            }
        }
        Err(why) => Field::Unread(why),
    }
}

/// What the options say.
struct Options {
    url: Option<String>,
    disabled: bool,
}

impl Options {
    /// The machine takes the last of several.
    fn of_process(process: &JavaProcess) -> Result<Self, String> {
        let last = |name: &str| {
            let prefix = format!("-D{name}=");
            let value = process.arguments.iter().rev().find_map(|one| one.strip_prefix(prefix.as_bytes()));
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let (url, disabled) = (last(URL), last(DISABLED));
        // What stands in such a file is not seen.
        if url.is_none() && process.arguments.iter().any(|argument| argument.starts_with(b"@")) {
            return Err(format!(
                "process {} takes options from an argument file, which is not read",
                process.pid
            ));
        }
        Ok(Self {
            url: url.filter(|url| !url.is_empty()),
            disabled: disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }

    fn of_script(script: &str) -> Result<Self, String> {
        let only = |name: &str| {
            let settings = parse_system_property(script, name);
            let Some(first) = settings.first() else { return Ok(None) };
            if settings.iter().any(|setting| setting != first) {
                return Err(format!(
                    "the start script sets {name} to several values, and which counts depends on how it runs"
                ));
            }
            match first {
                Setting::Literal(value) => Ok(Some(value.clone()).filter(|value| !value.is_empty())),
                Setting::Computed(_) => Err(format!(
                    "the start script makes {name} of variables; while the service runs, its process tells"
                )),
            }
        };
        let disabled = only(DISABLED)?.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self { url: only(URL)?, disabled })
    }
}

/// The address without what may be secret in it: account, query and fragment.
fn standalone(text: &str) -> Field<Option<Synchrony>> {
    let text = Some(text.trim()).filter(|text| text.len() <= LONGEST_URL);
    let harmless = text.and_then(|text| Url::parse(text).ok()).filter(Url::has_host).and_then(|mut url| {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    });
    match harmless {
        Some(url) if matches!(url.scheme(), "http" | "https") => {
            Field::Read(Some(Synchrony::Standalone { url: url.to_string() }))
        }
        Some(_) | None => Field::Unread(format!(
            "the option {URL} is not an address such as http://synchrony.example.com:8091/synchrony/v1"
        )),
    }
}
