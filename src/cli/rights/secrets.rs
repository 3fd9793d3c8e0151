//! The files the configuration names for secrets of the agent. What is in them is of no interest here.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::channel::{Address, Channel, Secret, Transport};
use crate::collect::custom::Question;
use crate::config::{
    Config, Credentials, HttpAccess, Instance, ProofSource, SecretSource, Serving, StagingAt, StagingPlace,
};

/// All of them: the agent's own, and those for an instance.
pub(super) fn secret_files(config: &Config, instance: &Instance) -> BTreeSet<PathBuf> {
    let of_channels = config.channels.iter().flat_map(of_channel).filter_map(Secret::file);
    let mut files: BTreeSet<PathBuf> = of_channels.map(PathBuf::from).collect();
    files.extend(config.serving.tls.as_ref().map(|tls| tls.key_file.clone()));
    let of_store = config.shared_store.iter().filter_map(|store| store.password.as_ref());
    let sources = of_serving(&config.serving).chain(of_store).chain(of_instance(instance));
    files.extend(sources.filter_map(|source| match source {
        SecretSource::File(path) => Some(path.clone()),
        SecretSource::Environment(_) => None,
    }));
    files
}

fn of_serving(serving: &Serving) -> impl Iterator<Item = &SecretSource> {
    serving.access.iter().filter_map(|entry| match &entry.proof {
        ProofSource::Token(secret) | ProofSource::Basic { password: secret, .. } => Some(secret),
        ProofSource::Certificate(_) => None,
    })
}

fn of_channel(channel: &Channel) -> Vec<&Secret> {
    let (address, account, further) = match &channel.transport {
        Transport::Alertmanager(address) => (Some(address), address.account.as_ref(), None),
        Transport::Webhook { address, signed_with, .. } => {
            (Some(address), address.account.as_ref(), signed_with.as_ref())
        }
        Transport::Mail { account, .. } => (None, account.as_ref(), None),
    };
    let url = address.map(|Address { url, .. }| url);
    url.into_iter().chain(account.map(|account| &account.password)).chain(further).collect()
}

fn of_instance(instance: &Instance) -> impl Iterator<Item = &SecretSource> {
    let of_rehearsal = instance.rehearsal.iter().filter_map(|StagingPlace { at, .. }| match at {
        StagingAt::Http(access) => Some(access),
        StagingAt::File(_) => None,
    });
    let of_probes = instance.custom.iter().filter_map(|probe| match &probe.question {
        Question::Http(question) => Some(&question.access),
        Question::Promql(question) => Some(&question.access),
        Question::Program(_) | Question::Sql(_) => None,
    });
    let of_http = instance.http.iter().chain(of_rehearsal).chain(of_probes).filter_map(of_access);
    let of_prepared = instance.prepared.iter().filter_map(|prepared| prepared.database.password.as_ref());
    let of_restore = instance.restore.test.iter().map(|test| &test.password);
    of_http.chain(&instance.database.password).chain(of_prepared).chain(of_restore)
}

fn of_access(access: &HttpAccess) -> Option<&SecretSource> {
    match &access.credentials {
        Credentials::Bearer(secret) | Credentials::Basic { password: secret, .. } => Some(secret),
        Credentials::Anonymous => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    const EVERYTHING: &str = "
[http]
listen = '127.0.0.1:9977'
[http.tls]
cert_file = '/s/cert'
key_file = '/s/01-key'
[[http.access]]
name = 'a'
may = 'read'
token_file = '/s/02-token'
[[http.access]]
name = 'b'
may = 'change'
username = 'b'
password_file = '/s/03-password'
[store]
url = 'postgres://u@db.example.com/fleet'
password_file = '/s/04-store'
[[channel]]
name = 'hook'
kind = 'webhook'
url_file = '/s/05-url'
form = 'json'
signing_key_file = '/s/06-signing'
[[channel]]
name = 'alerts'
kind = 'alertmanager'
url = 'https://alerts.example.com'
username = 'u'
password_file = '/s/07-alerts'
[[channel]]
name = 'mail'
kind = 'mail'
smtp = 'mail.example.com:587'
from = 'a@example.com'
to = ['b@example.com']
username = 'u'
password_file = '/s/08-mail'
[[instance]]
name = 'esb'
product = 'wso2-enterprise-integrator'
installation_dir = '/opt/c'
[instance.http]
base_url = 'https://esb.example.com'
token_file = '/s/09-http'
[instance.database]
username = 'reader'
password_file = '/s/10-database'
[instance.rehearsal]
base_url = 'https://staging.example.com'
token_file = '/s/11-rehearsal'
[instance.prepared]
home = '/opt/new'
[instance.prepared.database]
username = 'reader'
password_file = '/s/12-prepared'
[instance.backups.restore_test]
enabled = true
url = 'jdbc:postgresql://scratch.example.com/postgres'
username = 'u'
password_file = '/s/13-restore'
[[instance.custom]]
name = 'page'
url = 'https://page.example.com'
token_file = '/s/14-page'
[[instance.custom]]
name = 'number'
url = 'https://prometheus.example.com'
promql = 'up'
warning = '1:'
token_file = '/s/15-promql'
";

    #[test]
    fn every_file_with_a_secret_is_looked_at() {
        let config = parse_config(EVERYTHING).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let files = secret_files(&config, &config.instances[0]);
        let expected: Vec<&str> =
            EVERYTHING.split('\'').filter(|word| word.starts_with("/s/") && *word != "/s/cert").collect();
        let mut told: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, expected);
        assert_eq!(told.len(), 15);
    }

    #[test]
    fn what_is_kept_elsewhere_is_no_file() {
        let text = EVERYTHING
            .replace("_file = '/s/", "_env = 'S_")
            .replace("cert_env = 'S_cert", "cert_file = '/cert");
        let text = text
            .replace("key_env = 'S_01-key", "key_file = '/s/key")
            .replace("signing_key_file", "signing_key_env");
        let config = parse_config(&text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let files = secret_files(&config, &config.instances[0]);
        assert_eq!(files.into_iter().collect::<Vec<_>>(), [PathBuf::from("/s/key")]);
    }
}
