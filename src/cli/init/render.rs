//! The configuration for what was found, with words on what is worth filling in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::version::ProductVersion;

use crate::product::find::{Found, Proposed, Survey};

/// Renders the configuration for what was found.
pub(super) fn render(survey: &Survey, now: Timestamp) -> String {
    let day = TimeZone::UTC.to_datetime(now).date();
    let mut text = format!(
        "# The configuration of the upgrade readiness agent, written by `agent init` on {day}.\n\
         #\n\
         # It was found out from running processes and files; passwords and licences were neither read nor copied. What\n\
         # is commented out is worth filling in: what is not named there is unknown to the agent, and never green.\n\
         # `agent config check` finds every mistake, `agent config schema` describes every key.\n"
    );
    if !survey.troubles.is_empty() {
        text.push_str("#\n# What could not be seen, so that there may be more:\n");
        for trouble in &survey.troubles {
            push(&mut text, format_args!("#   {}\n", in_one_line(trouble)));
        }
    }
    if !survey.left_out.is_empty() {
        text.push_str("#\n# Left out, because another one of the same product runs or is older:\n");
        for found in &survey.left_out {
            push(&mut text, format_args!("#   {}\n", describe(found)));
        }
    }
    let mut numbers = BTreeMap::new();
    for proposed in &survey.proposed {
        let product = proposed.instance.says.product.id();
        let number: &mut u32 = numbers.entry(product).or_default();
        *number += 1;
        let name = if *number == 1 { product.to_owned() } else { format!("{product}-{number}") };
        text.push('\n');
        text.push_str(&render_instance(&name, proposed));
    }
    text
}

/// An installation in one line: what it is, where, and whether it runs.
pub(super) fn describe(found: &Found) -> String {
    let name = found.says.called.as_deref().map_or_else(
        || found.says.product.name().to_owned(),
        |called| format!("{called}, which is watched as {}", found.says.product),
    );
    let version = found
        .says
        .version
        .as_ref()
        .map_or_else(|| ", version unknown".to_owned(), |version| format!(" {version}"));
    let runs =
        found.pid.map_or_else(|| "not seen running".to_owned(), |pid| format!("runs as process {pid}"));
    format!("{name}{version} in {}, {runs}", found.installation_dir.display())
}

fn render_instance(name: &str, proposed: &Proposed) -> String {
    let Proposed { instance, prepared, keys } = proposed;
    let target = prepared
        .first()
        .and_then(|newer| newer.says.version.as_ref())
        .map_or("recommended", ProductVersion::as_str);
    let mut text = format!(
        "[[instance]]\n\
         # {what}.\n\
         # Its name in metrics and commands.\n\
         name = \"{name}\"\n\
         product = \"{product}\"\n\
         installation_dir = {dir}\n\
         # Releases to judge: versions, latest, latest-lts, next, or recommended (what `agent targets` recommends).\n\
         targets = [\"{target}\"]\n\
         # The day the upgrade is planned for, and the hour it starts.\n\
         #upgrade_on = \"2027-02-13\"\n\
         #upgrade_at = \"20:00\"\n\
         #downtime = \"4h\"\n\
         # production or test.\n\
         #environment = \"production\"\n\
         \n\
         {keys}",
        what = describe(instance),
        product = instance.says.product.id(),
        dir = quoted(instance),
    );
    for (index, newer) in prepared.iter().enumerate() {
        let word = if index == 0 {
            "This one looks like the new release, set up beside the one above"
        } else {
            "Or this one"
        };
        push(
            &mut text,
            format_args!(
                "\n\
                 # {word}: {what}.\n\
                 # With it and its staging database the agent compares data, configuration, bundles and copied directories.\n\
                 #[instance.prepared]\n\
                 #home = {dir}\n\
                 # The archive it came in, untouched.\n\
                 #pristine = \"/srv/vendor/new-release.zip\"\n",
                what = describe(newer),
                dir = quoted(newer),
            ),
        );
    }
    text
}

/// A path as TOML writes it; it has no control characters.
fn quoted(found: &Found) -> String {
    let path = found.installation_dir.display().to_string();
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

fn in_one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use upgrade_readiness_checks::facts::Product;

    use super::*;
    use crate::config::parse_config;
    use crate::product::find::Looked;

    fn found(dir: &str, product: Product, version: Option<&str>, pid: Option<u32>) -> Found {
        Found {
            installation_dir: PathBuf::from(dir),
            pid,
            says: Looked {
                product,
                called: None,
                version: version.map(|version| version.parse().unwrap()),
                base_url: None,
            },
        }
    }

    fn proposed(instance: Found, prepared: Vec<Found>) -> Proposed {
        Proposed { instance, prepared, keys: "#[instance.http]\n#base_url = \"http://127.0.0.1:1\"\n".into() }
    }

    fn survey() -> Survey {
        let carbon = |dir: &str, version: &str, pid| found(dir, Product::Wso2Carbon, Some(version), pid);
        Survey {
            proposed: vec![
                proposed(found("/opt/w \"1\"\\x", Product::Confluence, None, None), Vec::new()),
                proposed(carbon("/opt/a", "4.4.6", Some(7)), vec![carbon("/opt/b", "4.4.7", None)]),
                proposed(carbon("/opt/c", "4.4.6", Some(8)), Vec::new()),
            ],
            left_out: vec![carbon("/opt/old", "4.4.1", None)],
            looked: vec!["/opt".into()],
            troubles: vec!["/home/x could\nnot be read".into()],
        }
    }

    #[test]
    fn what_is_written_is_a_good_configuration() {
        let text = render(&survey(), "2026-11-28T10:00:00Z".parse().unwrap());
        let config = parse_config(&text).unwrap();
        let rows: Vec<_> = config
            .instances
            .iter()
            .map(|instance| {
                (instance.name.as_str(), instance.product, instance.installation_dir.to_str().unwrap())
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("confluence", Product::Confluence, "/opt/w \"1\"\\x"),
                ("wso2-carbon", Product::Wso2Carbon, "/opt/a"),
                ("wso2-carbon-2", Product::Wso2Carbon, "/opt/c"),
            ]
        );
        let targets: Vec<_> =
            config.instances.iter().map(|instance| instance.targets[0].to_string()).collect();
        assert_eq!(targets, ["recommended", "4.4.7", "recommended"]);
        assert!(config.instances.iter().all(|instance| instance.prepared.is_none()), "only proposed");
        for word in
            ["#   /home/x could not be read\n", "#   WSO2 Carbon 4.4.1 in /opt/old, not seen running\n"]
        {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn what_is_commented_out_is_good_as_well() {
        let text = render(&survey(), "2026-11-28T10:00:00Z".parse().unwrap());
        let on: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .collect();
        let config = parse_config(&on.join("\n")).unwrap();
        let prepared = config.instances[1].prepared.as_ref().unwrap();
        assert_eq!(prepared.home.to_str(), Some("/opt/b"));
    }
}
