//! Channels: where people are told what changes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::SecretSource;
use super::validate::Validation;
use crate::chain::Chain;
use crate::channel::{Account, Address, Body, Channel, Event, Form, Level, Secret, Security, Transport};

const MOST_RECIPIENTS: usize = 50;

/// A kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawKind {
    /// The API (v2) of an Alertmanager.
    Alertmanager,
    /// A POST request, such as chat tools take.
    Webhook,
    /// Mail by SMTP.
    Mail,
}

/// Where people are told what changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChannel {
    /// Its name in metrics and commands.
    pub(super) name: String,
    /// alertmanager, webhook or mail.
    pub(super) kind: RawKind,
    /// Address of the Alertmanager, or of a webhook that is no secret.
    pub(super) url: Option<String>,
    /// File with the address: webhooks of chat tools are secrets.
    pub(super) url_file: Option<String>,
    /// Environment variable with the address.
    pub(super) url_env: Option<String>,
    /// systemd credential with the address.
    pub(super) url_credential: Option<String>,
    /// Allow an address that begins with `http://` and is not on this host; default false, for an Alertmanager true.
    pub(super) allow_plain: Option<bool>,
    /// What is posted to a webhook: slack, teams, mattermost or json; default json.
    pub(super) form: Option<Form>,
    /// Template of your own in place of a form.
    pub(super) template_file: Option<String>,
    /// Type of what the template makes; default application/json.
    pub(super) content_type: Option<String>,
    /// File with the key of the signature that goes with what is posted to a webhook.
    pub(super) signing_key_file: Option<String>,
    /// Environment variable with that key.
    pub(super) signing_key_env: Option<String>,
    /// systemd credential with that key.
    pub(super) signing_key_credential: Option<String>,
    /// Mail server, such as mail.example.com:587.
    pub(super) smtp: Option<String>,
    /// How the connection to it is secured: starttls, tls, or none for one on this host; default starttls.
    pub(super) security: Option<Security>,
    /// Sender of mail.
    pub(super) from: Option<String>,
    /// Recipients of mail.
    pub(super) to: Option<Vec<String>>,
    /// Account at the mail server or the Alertmanager.
    pub(super) username: Option<String>,
    /// File with its password.
    pub(super) password_file: Option<String>,
    /// Environment variable with its password.
    pub(super) password_env: Option<String>,
    /// systemd credential with its password.
    pub(super) password_credential: Option<String>,
    /// Certificates to trust beside those of the system (PEM).
    pub(super) ca_file: Option<String>,
    /// Only what is about these instances; default all, and the agent itself.
    pub(super) instances: Option<Vec<String>>,
    /// What is told; default everything.
    pub(super) on: Option<Vec<Event>>,
    /// What matters less is not told: info, warning or critical; default info.
    pub(super) minimum_severity: Option<Level>,
    /// How long a change must stand before it is told; default 2m.
    pub(super) hold: Option<String>,
    /// How long it must be unknown whether a target is blocked, or a source must fail, before that is told; default 30m.
    pub(super) unknown_for: Option<String>,
    /// What changes within this time is told together; default 30s, for an Alertmanager 0s.
    pub(super) group_wait: Option<String>,
    /// Least time between two messages about the same instance and target; default 5m, for an Alertmanager 0s.
    pub(super) group_interval: Option<String>,
    /// How often what stands is told again; default never, for an Alertmanager 1m.
    pub(super) repeat_every: Option<String>,
    /// How many days ahead it is told that a target will be blocked; default 30.
    pub(super) blocked_within_days: Option<u16>,
    /// How many days ahead it is told that a waiver or sign-off ends; default 7.
    pub(super) waiver_within_days: Option<u16>,
    /// After so many days a message that cannot be delivered is given up; default 7.
    pub(super) give_up_after_days: Option<u16>,
}

impl Validation {
    /// The channels; `watched` are the names of the instances.
    pub(super) fn channels(&mut self, raw: Vec<RawChannel>, watched: &BTreeSet<String>) -> Vec<Channel> {
        let mut names = BTreeSet::new();
        let mut channels = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let key = format!("channel[{index}]");
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if raw.name.is_empty() || raw.name.len() > 64 || !raw.name.chars().all(fits) {
                self.problem(
                    &format!("{key}.name"),
                    format!("must be up to 64 letters, digits, '-', '_' and '.', and is {:?}", raw.name),
                );
            }
            if !names.insert(raw.name.clone()) {
                self.problem(&format!("{key}.name"), format!("{:?} is used twice", raw.name));
            }
            channels.extend(self.channel(&key, raw, watched));
        }
        channels
    }

    fn channel(&mut self, key: &str, mut raw: RawChannel, watched: &BTreeSet<String>) -> Option<Channel> {
        self.refuse_strangers(key, &raw);
        for name in raw.instances.iter().flatten().filter(|name| !watched.contains(*name)) {
            self.problem(&format!("{key}.instances"), format!("names {name:?}, which is no instance"));
        }
        let to_alertmanager = raw.kind == RawKind::Alertmanager;
        let transport = match raw.kind {
            RawKind::Alertmanager => Transport::Alertmanager(self.channel_address(key, &mut raw, true)?),
            RawKind::Webhook => self.webhook(key, &mut raw)?,
            RawKind::Mail => self.mail(key, &mut raw)?,
        };
        let seconds = |seconds, of_alertmanager| {
            Duration::from_secs(if to_alertmanager { of_alertmanager } else { seconds })
        };
        let hold = self.span_of(key, "hold", raw.hold.as_deref(), Duration::from_mins(2));
        let unknown_for =
            self.span_of(key, "unknown_for", raw.unknown_for.as_deref(), Duration::from_mins(30));
        let group_wait = self.span_of(key, "group_wait", raw.group_wait.as_deref(), seconds(30, 0));
        let group_interval =
            self.span_of(key, "group_interval", raw.group_interval.as_deref(), seconds(300, 0));
        let usual_repeat = to_alertmanager.then_some(Duration::from_mins(1));
        let repeat_every = match raw.repeat_every.as_deref() {
            Some(text) => Some(self.span_of(key, "repeat_every", Some(text), Duration::from_mins(1))),
            None => usual_repeat.and_then(|usual| SignedDuration::try_from(usual).ok()),
        };
        let least = SignedDuration::from_secs(if to_alertmanager { 1 } else { 60 });
        if repeat_every.is_some_and(|every| every < least) {
            self.problem(&format!("{key}.repeat_every"), format!("must be at least {least:#}"));
        }
        let give_up_after_days = raw.give_up_after_days.unwrap_or(7);
        if give_up_after_days == 0 {
            self.problem(&format!("{key}.give_up_after_days"), "must be at least 1");
        }
        Some(Channel {
            name: raw.name,
            transport,
            instances: raw.instances.map(BTreeSet::from_iter),
            on: raw.on.map_or_else(|| BTreeSet::from(Event::ALL), BTreeSet::from_iter),
            minimum: raw.minimum_severity.unwrap_or(Level::Info),
            hold,
            unknown_for,
            group_wait,
            group_interval,
            repeat_every,
            blocked_within_days: raw.blocked_within_days.unwrap_or(30),
            waiver_within_days: raw.waiver_within_days.unwrap_or(7),
            give_up_after: SignedDuration::from_hours(24 * i64::from(give_up_after_days)),
        })
    }

    /// Keys that mean nothing for the kind are mistakes, or people would rely on them.
    fn refuse_strangers(&mut self, key: &str, raw: &RawChannel) {
        use RawKind::{Alertmanager, Mail, Webhook};
        let over_http: &[RawKind] = &[Alertmanager, Webhook];
        for (name, is_there, of) in [
            ("url", raw.url.is_some(), over_http),
            ("url_file", raw.url_file.is_some(), over_http),
            ("url_env", raw.url_env.is_some(), over_http),
            ("url_credential", raw.url_credential.is_some(), over_http),
            ("allow_plain", raw.allow_plain.is_some(), over_http),
            ("form", raw.form.is_some(), &[Webhook]),
            ("template_file", raw.template_file.is_some(), &[Webhook]),
            ("content_type", raw.content_type.is_some(), &[Webhook]),
            ("signing_key_file", raw.signing_key_file.is_some(), &[Webhook]),
            ("signing_key_env", raw.signing_key_env.is_some(), &[Webhook]),
            ("signing_key_credential", raw.signing_key_credential.is_some(), &[Webhook]),
            ("smtp", raw.smtp.is_some(), &[Mail]),
            ("security", raw.security.is_some(), &[Mail]),
            ("from", raw.from.is_some(), &[Mail]),
            ("to", raw.to.is_some(), &[Mail]),
            ("username", raw.username.is_some(), &[Alertmanager, Mail]),
        ] {
            if is_there && !of.contains(&raw.kind) {
                self.problem(&format!("{key}.{name}"), "is not a key of this kind of channel");
            }
        }
    }

    fn span_of(&mut self, key: &str, name: &str, text: Option<&str>, usual: Duration) -> SignedDuration {
        if text == Some("0s") {
            return SignedDuration::ZERO;
        }
        let span = self.span(&format!("{key}.{name}"), text, usual);
        SignedDuration::try_from(span).unwrap_or(SignedDuration::from_mins(1))
    }

    fn channel_secret(&mut self, key: &str, places: [(&str, Option<String>); 3]) -> Option<Secret> {
        self.secret(key, places).map(|source| of_source(&source))
    }

    fn channel_account(&mut self, key: &str, raw: &mut RawChannel) -> Option<Account> {
        let password = self.channel_secret(
            key,
            [
                ("password_file", raw.password_file.take()),
                ("password_env", raw.password_env.take()),
                ("password_credential", raw.password_credential.take()),
            ],
        );
        match (raw.username.take(), password) {
            (Some(username), Some(password)) => Some(Account { username, password }),
            (None, None) => None,
            (_, _) => {
                self.problem(
                    key,
                    "must have both a username and a password (password_file, password_env or password_credential), or neither",
                );
                None
            }
        }
    }

    fn channel_address(&mut self, key: &str, raw: &mut RawChannel, plain_is_usual: bool) -> Option<Address> {
        let kept = self.channel_secret(
            key,
            [
                ("url_file", raw.url_file.take()),
                ("url_env", raw.url_env.take()),
                ("url_credential", raw.url_credential.take()),
            ],
        );
        let allow_plain = raw.allow_plain.unwrap_or(plain_is_usual);
        let account = self.channel_account(key, raw);
        let ca_file = raw.ca_file.take().map(|path| self.path(&format!("{key}.ca_file"), &path));
        let url = match (raw.url.take(), kept) {
            (Some(_), Some(_)) => {
                self.problem(&format!("{key}.url"), "stands beside another place of the address; give one");
                return None;
            }
            (None, None) => {
                self.problem(
                    key,
                    "has no address: url, or url_file, url_env or url_credential for one that is secret",
                );
                return None;
            }
            (None, Some(kept)) => kept,
            (Some(url), None) => {
                // Not repeated: it may hold a secret.
                match reqwest::Url::parse(&url) {
                    Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() => {
                        if !parsed.username().is_empty() || parsed.password().is_some() {
                            self.problem(
                                &format!("{key}.url"),
                                "must not hold a user name or password; use username and password_file",
                            );
                        }
                    }
                    Ok(_) | Err(_) => {
                        self.problem(
                            &format!("{key}.url"),
                            "must begin with http:// or https:// and name a host",
                        );
                    }
                }
                Secret::new("the url in the configuration", move || Ok(SecretString::from(url.clone())))
            }
        };
        Some(Address { url, account, ca_file, allow_plain })
    }

    fn webhook(&mut self, key: &str, raw: &mut RawChannel) -> Option<Transport> {
        let content_type = raw.content_type.take();
        if let Some(content_type) = &content_type
            && reqwest::header::HeaderValue::from_str(content_type).is_err()
        {
            self.problem(&format!("{key}.content_type"), "must be a type such as application/json");
        }
        let body = match (raw.form, raw.template_file.take()) {
            (Some(_), Some(_)) => {
                self.problem(&format!("{key}.template_file"), "stands beside form; give one of them");
                return None;
            }
            (form, None) => {
                if content_type.is_some() {
                    self.problem(&format!("{key}.content_type"), "is of a template_file, and there is none");
                }
                Body::Known(form.unwrap_or(Form::Json))
            }
            (None, Some(file)) => Body::Template {
                file: self.path(&format!("{key}.template_file"), &file),
                content_type: content_type.unwrap_or_else(|| "application/json".to_owned()),
            },
        };
        let signed_with = self.channel_secret(
            key,
            [
                ("signing_key_file", raw.signing_key_file.take()),
                ("signing_key_env", raw.signing_key_env.take()),
                ("signing_key_credential", raw.signing_key_credential.take()),
            ],
        );
        Some(Transport::Webhook { address: self.channel_address(key, raw, false)?, body, signed_with })
    }

    fn mail(&mut self, key: &str, raw: &mut RawChannel) -> Option<Transport> {
        let account = self.channel_account(key, raw);
        let ca_file: Option<PathBuf> =
            raw.ca_file.take().map(|path| self.path(&format!("{key}.ca_file"), &path));
        let security = raw.security.unwrap_or_default();
        let server = raw.smtp.as_deref().and_then(|smtp| {
            let (host, port) = smtp.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            (!host.is_empty()).then_some(())?;
            Some((host.to_owned(), port.parse::<u16>().ok()?))
        });
        if server.is_none() {
            self.problem(
                &format!("{key}.smtp"),
                "must be the mail server with its port, such as \"mail.example.com:587\"",
            );
        }
        let is_here = |host: &str| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        };
        if let Some((host, _)) = &server
            && security == Security::None
            && !is_here(host)
        {
            self.problem(
                &format!("{key}.security"),
                format!("would send mail and password to {host} in the clear; use starttls or tls, or a mail server on this host"),
            );
        }
        let from = raw.from.take();
        if from.as_deref().is_none_or(|from| from.parse::<Mailbox>().is_err()) {
            self.problem(
                &format!("{key}.from"),
                "must be a mail address such as \"Upgrade readiness <agent@example.com>\"",
            );
        }
        let to = raw.to.take().unwrap_or_default();
        if to.is_empty() || to.len() > MOST_RECIPIENTS {
            self.problem(&format!("{key}.to"), format!("must name from 1 to {MOST_RECIPIENTS} recipients"));
        }
        for one in to.iter().filter(|one| one.parse::<Mailbox>().is_err()) {
            self.problem(&format!("{key}.to"), format!("{one:?} is not a mail address"));
        }
        let (host, port) = server?;
        Some(Transport::Mail { host, port, security, account, ca_file, from: from?, to })
    }
}

/// What a channel may know of a place where a secret is kept.
fn of_source(source: &SecretSource) -> Secret {
    let kept = source.to_string();
    let read = source.clone();
    let secret = Secret::new(kept, move || read.read().map_err(|error| Chain(&error).to_string()));
    match source {
        SecretSource::File(path) => secret.in_file(path.clone()),
        SecretSource::Environment(_) => secret,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    fn channel(keys: &str) -> Result<Channel, Vec<String>> {
        let head = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
        parse_config(&format!("{head}[[channel]]\nname = 'c'\n{keys}\n"))
            .map(|config| config.channels[0].clone())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn each_kind_of_channel_can_be_set_up() {
        for (keys, kind) in [
            ("kind = 'alertmanager'\nurl = 'http://alertmanager:9093'", "alertmanager"),
            ("kind = 'webhook'\nurl_file = '/etc/hook'\nform = 'slack'", "webhook"),
            (
                "kind = 'webhook'\nurl_env = 'HOOK'\ntemplate_file = '/etc/t'\ncontent_type = 'text/plain'",
                "webhook",
            ),
            ("kind = 'mail'\nsmtp = 'mail:587'\nfrom = 'A <a@example.com>'\nto = ['b@example.com']", "mail"),
            (
                "kind = 'mail'\nsmtp = '[::1]:25'\nsecurity = 'none'\nfrom = 'a@e.com'\nto = ['b@e.com']",
                "mail",
            ),
        ] {
            assert_eq!(channel(keys).unwrap().transport.kind(), kind);
        }
        let hook = channel("kind = 'webhook'\nurl = 'https://hooks.example.com/T0/s3cret'").unwrap();
        assert!(!format!("{hook:?}").contains("s3cret"));
        assert_eq!((hook.hold, hook.repeat_every), (SignedDuration::from_mins(2), None));
        let alerts = channel("kind = 'alertmanager'\nurl = 'http://alertmanager:9093'").unwrap();
        assert_eq!(alerts.repeat_every, Some(SignedDuration::from_mins(1)));
        assert_eq!(alerts.group_wait, SignedDuration::ZERO);
    }

    #[test]
    fn every_mistake_is_told_and_no_address_is_repeated() {
        let mail = "kind = 'mail'\nfrom = 'a@e.com'\nto = ['b@e.com']\n";
        for (keys, part) in [
            ("kind = 'pager'", "one of alertmanager, webhook, mail"),
            ("kind = 'webhook'", "has no address"),
            ("kind = 'webhook'\nurl = 'hooks.example.com/s3cret'", "must begin with http"),
            ("kind = 'webhook'\nurl = 'https://u:s3cret@h/'", "must not hold a user name"),
            ("kind = 'webhook'\nurl = 'https://h/s3cret'\nurl_file = '/a'", "give one"),
            ("kind = 'webhook'\nurl_file = 'https://h/s3cret'", "must be the path from the root"),
            ("kind = 'webhook'\nurl_file = '/a'\nform = 'slack'\ntemplate_file = '/t'", "stands beside form"),
            ("kind = 'webhook'\nurl_file = '/a'\nsmtp = 'h:25'", "not a key of this kind"),
            ("kind = 'webhook'\nurl_file = '/a'\ncontent_type = 'text/plain'", "there is none"),
            ("kind = 'webhook'\nurl_file = '/a'\non = ['everything']", "must be one of blocked"),
            ("kind = 'webhook'\nurl_file = '/a'\ninstances = ['docs']", "no instance"),
            ("kind = 'webhook'\nurl_file = '/a'\nhold = 'soon'", "must be a duration"),
            ("kind = 'webhook'\nurl_file = '/a'\nrepeat_every = '1s'", "must be at least"),
            (&format!("{mail}smtp = 'mail'"), "with its port"),
            (&format!("{mail}smtp = 'mail:25'\nsecurity = 'none'"), "in the clear"),
            (&format!("{mail}smtp = 'mail:25'\nusername = 'u'"), "both a username and a password"),
            ("kind = 'mail'\nsmtp = 'h:25'\nfrom = 'x'\nto = []", "must be a mail address"),
            (
                "kind = 'mail'\nsmtp = 'h:25'\nfrom = 'a@e.com'\nto = [\"b@e.com\\nBcc: c@e.com\"]",
                "not a mail address",
            ),
        ] {
            let problems = channel(keys).expect_err(keys);
            assert!(problems.iter().any(|problem| problem.contains(part)), "{keys}: {problems:?}");
            assert!(!problems.concat().contains("s3cret"), "{problems:?}");
        }
    }
}
