//! The operator's own probes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::raw::RawAccess;
use super::schedule::parse_duration;
use super::validate::Validation;
use crate::collect::custom::{CustomProbe, HttpQuestion, Program, PromqlQuestion, Question, Range};

/// How long a probe may take when nothing else is said.
const USUAL_TIME_LIMIT: Duration = Duration::from_secs(10);

/// What the operator's own probes may do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawProbes {
    /// Let probes start programs, with the rights of the agent; default false.
    pub(super) allow_programs: bool,
}

/// A probe of the operator's own. Give one of program, url, sql, and promql with url.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProbe {
    /// Its name: letters, digits, dot, hyphen, underscore.
    name: String,
    /// A program with the contract of monitoring plug-ins, and its arguments; started without a shell.
    program: Option<Vec<String>>,
    /// An address that is asked over HTTP; with promql, that of the Prometheus.
    url: Option<String>,
    /// The status a good answer has; default 200.
    status: Option<u16>,
    /// What must stand in a good answer.
    contains: Option<String>,
    /// One SELECT to the product's database that gives a number.
    sql: Option<String>,
    /// A query to a Prometheus.
    promql: Option<String>,
    /// Warn when the number leaves this range, such as "10", "5:", "5:10" or "@5:10".
    warning: Option<String>,
    /// Block when the number leaves this range.
    critical: Option<String>,
    /// How long it may take; default 10s.
    time_limit: Option<String>,
    /// What is to be done when it is not content.
    remedy: Option<String>,
    /// File with a bearer token for url.
    token_file: Option<String>,
    /// Environment variable with a bearer token.
    token_env: Option<String>,
    /// systemd credential with a bearer token.
    token_credential: Option<String>,
    /// User name for url.
    username: Option<String>,
    /// File with the password.
    password_file: Option<String>,
    /// Environment variable with the password.
    password_env: Option<String>,
    /// systemd credential with the password.
    password_credential: Option<String>,
    /// Certificates to trust beside those of the system (PEM).
    ca_file: Option<String>,
}

impl Validation {
    /// The probes of the instance at `key`.
    pub(super) fn probes(&mut self, key: &str, raw: Vec<RawProbe>, allowed: &RawProbes) -> Vec<CustomProbe> {
        let mut names = BTreeSet::new();
        raw.into_iter()
            .enumerate()
            .filter_map(|(index, raw)| {
                let key = format!("{key}.custom[{index}]");
                if !names.insert(raw.name.clone()) {
                    self.problem(&format!("{key}.name"), format!("{:?} is used twice", raw.name));
                }
                self.probe(&key, raw, allowed)
            })
            .collect()
    }

    fn probe(&mut self, key: &str, raw: RawProbe, allowed: &RawProbes) -> Option<CustomProbe> {
        let name = raw.name.clone();
        let fits = !name.is_empty()
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !fits {
            let reason =
                format!("must be 1 to 64 letters, digits, dots, hyphens or underscores, and is {name:?}");
            self.problem(&format!("{key}.name"), reason);
        }
        let range = |validation: &mut Self, of: &str, text: &Option<String>| -> Option<Range> {
            let text = text.as_deref()?;
            text.parse().map_err(|error| validation.problem(&format!("{key}.{of}"), format!("{error}"))).ok()
        };
        let warning = range(self, "warning", &raw.warning);
        let critical = range(self, "critical", &raw.critical);
        let time_limit = match raw.time_limit.as_deref().map(parse_duration) {
            None => USUAL_TIME_LIMIT,
            Some(Ok(limit)) => limit,
            Some(Err(error)) => {
                self.problem(&format!("{key}.time_limit"), error.to_string());
                USUAL_TIME_LIMIT
            }
        };
        let remedy = raw.remedy.clone();
        let thresholds = raw.warning.is_some() || raw.critical.is_some();
        let question = self.question(key, raw, allowed)?;
        let counts = matches!(question, Question::Sql(_) | Question::Promql(_));
        if counts != thresholds {
            self.problem(
                key,
                if counts {
                    "needs a range for its number: warning, critical or both"
                } else {
                    "has a range, and gives no number; warning and critical are for sql and promql"
                },
            );
        }
        Some(CustomProbe { name, question, warning, critical, time_limit, remedy })
    }

    fn question(&mut self, key: &str, raw: RawProbe, allowed: &RawProbes) -> Option<Question> {
        let RawProbe { program, url, status, contains, sql, promql, .. } = raw;
        if (status.is_some() || contains.is_some()) && (url.is_none() || promql.is_some()) {
            self.problem(key, "has status or contains, which are for an url that is asked over HTTP");
        }
        let access = url.map(|base_url| RawAccess {
            base_url,
            token_file: raw.token_file,
            token_env: raw.token_env,
            token_credential: raw.token_credential,
            username: raw.username,
            password_file: raw.password_file,
            password_env: raw.password_env,
            password_credential: raw.password_credential,
            ca_file: raw.ca_file,
        });
        match (program, access, sql, promql) {
            (Some(program), None, None, None) => self.program(key, program, allowed).map(Question::Program),
            (None, Some(access), None, None) => {
                let access = self.access(key, access)?;
                let status = status.unwrap_or(200);
                Some(Question::Http(HttpQuestion { access, status, contains }))
            }
            (None, Some(access), None, Some(query)) => {
                Some(Question::Promql(PromqlQuestion { access: self.access(key, access)?, query }))
            }
            (None, None, Some(sql), None) => match sql.parse() {
                Ok(question) => Some(Question::Sql(question)),
                Err(error) => {
                    self.problem(&format!("{key}.sql"), format!("{error}"));
                    None
                }
            },
            (None, None, None, Some(_)) => {
                self.problem(key, "has promql and no url: the address of the Prometheus");
                None
            }
            (_, _, _, _) => {
                self.problem(key, "must ask one thing: program, url, sql, or promql with url");
                None
            }
        }
    }

    fn program(&mut self, key: &str, words: Vec<String>, allowed: &RawProbes) -> Option<Program> {
        if !allowed.allow_programs {
            self.problem(
                &format!("{key}.program"),
                "would be started with the rights of the agent, which is not allowed; set allow_programs = true under [probes] if that is meant",
            );
        }
        let mut words = words.into_iter();
        let Some(first) = words.next() else {
            self.problem(&format!("{key}.program"), "must name a program, and may name its arguments");
            return None;
        };
        let path: PathBuf = self.path(&format!("{key}.program"), &first);
        Some(Program { path, arguments: words.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    fn config(probe: &str) -> Result<Vec<CustomProbe>, Vec<String>> {
        let head = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
        let parsed =
            parse_config(&format!("[probes]\nallow_programs = true\n{head}[[instance.custom]]\n{probe}\n"));
        parsed
            .map(|config| config.instances[0].custom.clone())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn each_kind_of_probe_can_be_set_up() {
        for (probe, kind) in [
            ("name = 'a'\nprogram = ['/bin/true', '-x']", "program"),
            ("name = 'a'\nurl = 'http://127.0.0.1:1/x'\ncontains = 'y'", "http"),
            ("name = 'a'\nsql = 'SELECT 1'\nwarning = '5'", "sql"),
            ("name = 'a'\nurl = 'http://127.0.0.1:9090'\npromql = 'up'\ncritical = '1:'", "promql"),
        ] {
            assert_eq!(config(probe).unwrap()[0].question.kind(), kind);
        }
    }

    #[test]
    fn every_mistake_is_told() {
        for (probe, part) in [
            ("name = 'a b'\nprogram = ['/bin/true']", "custom[0].name must be"),
            ("name = 'a'", "must ask one thing"),
            ("name = 'a'\nprogram = ['/bin/true']\nsql = 'SELECT 1'", "must ask one thing"),
            ("name = 'a'\nprogram = []", "must name a program"),
            ("name = 'a'\nprogram = ['true']", "must be a path"),
            ("name = 'a'\nprogram = ['/bin/true']\nwarning = '5'", "gives no number"),
            ("name = 'a'\nsql = 'SELECT 1'", "needs a range"),
            ("name = 'a'\nsql = 'DROP TABLE x'\nwarning = '1'", "must be one SELECT"),
            ("name = 'a'\npromql = 'up'\nwarning = '1'", "no url"),
            ("name = 'a'\nsql = 'SELECT 1'\nwarning = 'much'", "must be a range"),
            ("name = 'a'\nprogram = ['/bin/true']\nstatus = 200", "status or contains"),
            ("name = 'a'\nurl = 'http://x'\ntime_limit = 'soon'", "must be a duration"),
        ] {
            let problems = config(probe).unwrap_err();
            assert!(problems.iter().any(|problem| problem.contains(part)), "{probe}: {problems:?}");
        }
        let closed = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n\
                      [[instance.custom]]\nname = 'a'\nprogram = ['/bin/true']\n";
        let problems = parse_config(closed).unwrap_err();
        assert!(problems[0].to_string().contains("allow_programs = true"), "{problems:?}");
    }
}
