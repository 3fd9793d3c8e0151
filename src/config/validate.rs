//! From the form of a configuration to its meaning; every mistake is found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use toml::de::DeTable;
use upgrade_readiness_checks::catalog::{self, Answers, Catalog, Component, MinimumOf, Pattern};
use upgrade_readiness_checks::facts::{Family, Product, Source};
use upgrade_readiness_checks::model::{Policy, Requested};
use upgrade_readiness_checks::version::Line;

use super::custom::RawProbes;
use super::form::{Lines, prune};
use super::planned::RawPlan;
use super::raw::{
    RawAccess, RawConfig, RawDatabase, RawFreeze, RawInstance, RawMarketplace, RawRequirements, RawSchedule,
};
use super::schedule::parse_duration;
use super::{
    Config, Credentials, DatabaseAccess, HttpAccess, Instance, LoadedCatalog, Marketplace, Problem, Rhythm,
    SecretSource, schema,
};
use crate::chain::Chain;
use crate::collect::text_file::read_text;

pub(crate) const USUAL_STATE_DIR: &str = "/var/lib/upgrade-readiness-agent";
const USUAL_MARKETPLACE: &str = "https://marketplace.atlassian.com";
const USUAL_CONCURRENCY: u32 = 4;

pub(super) fn validate(text: &str) -> Result<Config, Vec<Problem>> {
    let (mut file, broken) = DeTable::parse_recoverable(text);
    if !broken.is_empty() {
        return Err(broken.iter().map(|error| syntax_problem(text, error)).collect());
    }
    let (problems, lines) = prune(text, file.get_mut(), &schema());
    let raw = match RawConfig::deserialize(toml::Deserializer::from(file)) {
        Ok(raw) => raw,
        Err(error) if problems.is_empty() => return Err(vec![syntax_problem(text, &error)]),
        Err(_) => return Err(problems),
    };
    let mut check = Validation { problems, lines };
    let config = check.config(raw);
    if check.problems.is_empty() {
        return Ok(config);
    }
    check.problems.sort_by_key(|problem| problem.line);
    Err(check.problems)
}

fn syntax_problem(text: &str, error: &toml::de::Error) -> Problem {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    Problem { key: String::new(), line, reason: error.message().replace('\n', ", ") }
}

/// One table of `[requirements]`.
struct Answered {
    /// Its key, for messages.
    key: String,
    /// The product it is for; `None` is whichever has the line.
    product: Option<Product>,
    line: Line,
    answers: Answers,
}

/// A catalog before the operator's answers are added to it.
struct ParsedCatalog {
    catalog: Catalog,
    text: String,
    origin: String,
}

/// What is being validated: mistakes so far, and where each key stands.
pub(super) struct Validation {
    problems: Vec<Problem>,
    lines: Lines,
}

impl Validation {
    /// Takes down a mistake; one that is found for every instance is said once.
    pub(super) fn problem(&mut self, key: &str, reason: impl Into<String>) {
        let line = self.lines.of(key);
        let problem = Problem { key: key.to_owned(), line, reason: reason.into() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn config(&mut self, raw: RawConfig) -> Config {
        let state_dir = raw.state_dir.unwrap_or_else(|| USUAL_STATE_DIR.to_owned());
        let state_dir = self.path("state_dir", &state_dir);
        let (listen, serving) = self.serving(raw.http);
        let textfile = self.textfile(&raw.metrics);
        let log_level = raw.log.level.unwrap_or_else(|| "info".to_owned());
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log_level) {
            self.problem(
                "log.level",
                format!("must be error, warn, info, debug or trace, or a filter: {error}"),
            );
        }
        let rhythms = self.rhythms(&raw.schedule);
        let max_concurrent = raw.schedule.max_concurrent.unwrap_or(USUAL_CONCURRENCY);
        if !(1..=64).contains(&max_concurrent) {
            self.problem("schedule.max_concurrent", format!("must be from 1 to 64, and is {max_concurrent}"));
        }
        let answered = self.answered(raw.requirements);
        if raw.instance.is_empty() && !self.problems.iter().any(|problem| problem.key.starts_with("instance"))
        {
            self.problem(
                "instance",
                "is missing: at least one [[instance]] with name, product and installation_dir must be watched",
            );
        }
        let products: BTreeSet<Product> = raw.instance.iter().map(|instance| instance.product).collect();
        let catalogs = products
            .into_iter()
            .filter_map(|product| {
                let file = raw.catalog.file.get(&product).map(String::as_str);
                Some((product, self.catalog(product, file)?))
            })
            .collect();
        let catalogs = self.with_answers(catalogs, &answered);
        let time_limit = rhythms.get(&Source::Releases).map(|rhythm| rhythm.time_limit);
        let refreshing = self.refreshing(&raw.catalog, time_limit.unwrap_or_default());
        let freezes: Vec<(String, RawFreeze)> = raw
            .freeze
            .into_iter()
            .enumerate()
            .map(|(index, freeze)| (format!("freeze[{index}]"), freeze))
            .collect();
        let shard = self.shard(raw.shard);
        let has_store = raw.store.is_set();
        let shared_store = self.store(raw.store);
        let mut names = BTreeSet::new();
        // All are looked through: a mistake is one for every agent that shares the file.
        let all: Vec<Arc<Instance>> = raw
            .instance
            .into_iter()
            .enumerate()
            .filter_map(|(index, instance)| {
                let key = format!("instance[{index}]");
                if !names.insert(instance.name.clone()) {
                    self.problem(&format!("{key}.name"), format!("{:?} is used twice", instance.name));
                }
                let node = self.node(&format!("{key}.cluster"), instance.cluster.node.clone(), has_store);
                let instance = self.instance(&key, instance, &raw.policy, &freezes, &raw.probes)?;
                Some(Arc::new(Instance { node, ..instance }))
            })
            .collect();
        // None may fall to this agent: then it waits for one, and the others watch all there are.
        let instances: Vec<_> = all.into_iter().filter(|instance| shard.has(&instance.name)).collect();
        let channels = self.channels(raw.channel, &names);
        Config {
            state_dir,
            listen,
            textfile,
            serving,
            log_level,
            log_format: raw.log.format,
            rhythms,
            max_concurrent: usize::try_from(max_concurrent).unwrap_or(1),
            catalogs,
            refreshing,
            detail: raw.metrics.detail,
            shard,
            shared_store,
            instances,
            channels,
        }
    }

    fn rhythms(&mut self, raw: &RawSchedule) -> BTreeMap<Source, Rhythm> {
        Source::ALL
            .into_iter()
            .map(|source| {
                let mut rhythm = Rhythm::usual(source);
                let text = match source {
                    Source::Host => &raw.host,
                    Source::Disk => &raw.disk,
                    Source::Java => &raw.java,
                    Source::Installation => &raw.installation,
                    Source::Files => &raw.files,
                    Source::License => &raw.license,
                    Source::Database => &raw.database,
                    Source::Application => &raw.application,
                    Source::Plugins => &raw.plugins,
                    Source::Backups => &raw.backups,
                    Source::Traffic => &raw.traffic,
                    Source::Releases => &raw.releases,
                    Source::Rehearsal => &raw.rehearsal,
                    Source::Custom => &raw.custom,
                };
                if let Some(text) = text {
                    match text.parse() {
                        Ok(when) => rhythm.when = when,
                        Err(error) => self.problem(&format!("schedule.{source}"), error.to_string()),
                    }
                }
                if let Some(text) = raw.time_limit.get(&source) {
                    match parse_duration(text) {
                        Ok(limit) => rhythm.time_limit = limit,
                        Err(error) => {
                            self.problem(&format!("schedule.time_limit.{source}"), error.to_string());
                        }
                    }
                }
                (source, rhythm)
            })
            .collect()
    }

    /// What stands in `[requirements]`, one entry for each table: `"9.2"`, or `"wso2-api-manager 4.4"`.
    fn answered(&mut self, raw: BTreeMap<String, RawRequirements>) -> Vec<Answered> {
        let mut answered = Vec::new();
        for (text, raw) in raw {
            let key = format!("requirements.{text}");
            let (product, line_text) = match text.trim().split_once(char::is_whitespace) {
                None => (None, text.trim()),
                Some((id, line_text)) => {
                    let Some(product) = Product::by_id(id) else {
                        let known = Product::ALL.map(Product::id).join(", ");
                        self.problem(&key, format!("{id:?} is no product; those there are: {known}"));
                        continue;
                    };
                    (Some(product), line_text.trim())
                }
            };
            let line: Line = match line_text.parse() {
                Ok(line) => line,
                Err(error) => {
                    self.problem(&key, error.to_string());
                    continue;
                }
            };
            let mut answers = Answers::default();
            let (supported, minimums) = raw.into_parts();
            for (component, texts) in supported {
                let key = format!("{key}.{}", component.id());
                if texts.is_empty() {
                    self.problem(
                        &key,
                        "must name at least one version; leave the key out when it is not known",
                    );
                }
                let patterns = texts
                    .iter()
                    .filter_map(|text| {
                        text.parse::<Pattern>()
                            .map_err(|reason| self.problem(&key, format!("{text:?}: {reason}")))
                            .ok()
                    })
                    .collect();
                answers.supported.insert((line, component), patterns);
            }
            answers.minimums.extend(minimums.into_iter().map(|(of, value)| ((line, of), value)));
            answered.push(Answered { key, product, line, answers });
        }
        // What names the product stands above what does not.
        answered.sort_by_key(|answered| answered.product.is_some());
        answered
    }

    /// Gives every catalog the answers that are meant for it.
    fn with_answers(
        &mut self,
        catalogs: BTreeMap<Product, ParsedCatalog>,
        answered: &[Answered],
    ) -> BTreeMap<Product, LoadedCatalog> {
        for Answered { key, line, .. } in answered.iter().filter(|answered| answered.product.is_none()) {
            let has_line = |parsed: &ParsedCatalog| {
                parsed.catalog.releases().iter().any(|release| release.version.line() == *line)
            };
            let of: Vec<Product> =
                catalogs.iter().filter(|(_, parsed)| has_line(parsed)).map(|(product, _)| *product).collect();
            if of.len() > 1 {
                let names: Vec<&str> = of.iter().map(|product| product.name()).collect();
                let tables: Vec<String> =
                    of.iter().map(|product| format!("[requirements.\"{} {line}\"]", product.id())).collect();
                self.problem(
                    key,
                    format!(
                        "{line} is a line of {}, which are all watched; say which is meant: {}",
                        names.join(" and of "),
                        tables.join(" or ")
                    ),
                );
            }
        }
        let load = |(product, ParsedCatalog { catalog, text, origin }): (Product, ParsedCatalog)| {
            let mut answers = Answers::default();
            let meant = answered.iter().filter(|answered| answered.product.is_none_or(|it| it == product));
            for Answered { answers: more, .. } in meant {
                answers.supported.extend(more.supported.clone());
                answers.minimums.extend(more.minimums.clone());
            }
            (product, LoadedCatalog::new(catalog.with_answers(answers), &text, origin))
        };
        catalogs.into_iter().map(load).collect()
    }

    fn catalog(&mut self, product: Product, file: Option<&str>) -> Option<ParsedCatalog> {
        let (origin, text) = match file {
            None => ("embedded".to_owned(), catalog::embedded_text(product).to_owned()),
            Some(path) => {
                let key = format!("catalog.file.{}", product.id());
                let path = self.path(&key, path);
                match read_text(&path) {
                    Ok(text) => (path.display().to_string(), text),
                    Err(error) => {
                        self.problem(&key, format!("{}. {}", Chain(&error), error.remedy()));
                        return None;
                    }
                }
            }
        };
        match Catalog::parse(&text, catalog::PLATFORMS) {
            Ok(catalog) if catalog.product == product => Some(ParsedCatalog { catalog, text, origin }),
            Ok(catalog) => {
                let key = format!("catalog.file.{}", product.id());
                self.problem(&key, format!("{origin} is a catalog of {}", catalog.product));
                None
            }
            Err(error) => {
                let key = format!("catalog.file.{}", product.id());
                self.problem(&key, format!("{origin}: {}", Chain(&error).to_string().replace('\n', " ")));
                None
            }
        }
    }

    fn instance(
        &mut self,
        key: &str,
        raw: RawInstance,
        global: &toml::Table,
        freezes: &[(String, RawFreeze)],
        probes: &RawProbes,
    ) -> Option<Instance> {
        let name_fits = !raw.name.is_empty()
            && raw.name.len() <= 64
            && raw.name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !name_fits {
            self.problem(
                &format!("{key}.name"),
                format!(
                    "must be 1 to 64 letters, digits, dots, hyphens or underscores, and is {:?}",
                    raw.name
                ),
            );
        }
        let installation_dir = self.path(&format!("{key}.installation_dir"), &raw.installation_dir);
        let home_dir = raw.home_dir.map(|path| self.path(&format!("{key}.home_dir"), &path));
        let license_file = raw.license_file.map(|path| self.path(&format!("{key}.license_file"), &path));
        // No release of a Carbon product is a long-term support release.
        let usual_target = match raw.product.family() {
            Family::Confluence => "latest-lts",
            Family::Carbon => "latest",
        };
        let texts = raw.targets.unwrap_or_else(|| vec![usual_target.to_owned()]);
        if texts.is_empty() {
            self.problem(
                &format!("{key}.targets"),
                "must name at least one release, or latest, latest-lts, next, recommended",
            );
        }
        let targets = self.targets(key, &texts);
        let plan = self.plan(
            key,
            RawPlan {
                upgrade_on: raw.upgrade_on,
                upgrade_at: raw.upgrade_at,
                downtime: raw.downtime,
                time_zone: raw.time_zone,
                freezes: freezes.to_vec(),
            },
        );
        let http = raw.http.and_then(|access| self.access(&format!("{key}.http"), access));
        let database = self.database(&format!("{key}.database"), raw.database);
        let marketplace = self.marketplace(&format!("{key}.marketplace"), raw.marketplace);
        let rehearsal = raw.rehearsal.and_then(|raw| self.rehearsal(&format!("{key}.rehearsal"), raw));
        let prepared =
            raw.prepared.map(|prepared| self.prepared(&format!("{key}.prepared"), raw.product, prepared));
        let custom = self.probes(key, raw.custom, probes);
        let cluster_nodes = self.cluster(&format!("{key}.cluster"), &raw.cluster);
        let (backups, restore) = self.backups(&format!("{key}.backups"), raw.backups);
        let traffic = self.traffic(&format!("{key}.traffic"), raw.traffic);
        let files = self.files(&format!("{key}.files"), raw.files);
        let mut limits = global.clone();
        limits.extend(raw.policy);
        let policy = match Policy::deserialize(limits) {
            Ok(policy) => Policy { environment: raw.environment, cluster_nodes, ..policy },
            Err(error) => {
                self.problem(&format!("{key}.policy"), error.message().to_owned());
                Policy::default()
            }
        };
        Some(Instance {
            name: raw.name,
            product: raw.product,
            installation_dir,
            home_dir,
            license_file,
            targets,
            plan,
            http,
            database,
            marketplace: marketplace?,
            rehearsal,
            prepared,
            custom,
            restore,
            backups,
            traffic,
            files,
            sources_off: raw.sources_off.into_iter().collect(),
            node: None,
            policy,
        })
    }

    fn targets(&mut self, key: &str, texts: &[String]) -> Vec<Requested> {
        let mut targets = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let key = format!("{key}.targets[{index}]");
            match text.parse::<Requested>() {
                Ok(requested) if targets.contains(&requested) => {
                    self.problem(&key, format!("{text:?} is there twice"));
                }
                Ok(requested) => targets.push(requested),
                Err(error) => {
                    self.problem(
                        &key,
                        format!("must be a version, latest, latest-lts, next or recommended: {error}"),
                    );
                }
            }
        }
        targets
    }

    pub(super) fn access(&mut self, key: &str, raw: RawAccess) -> Option<HttpAccess> {
        let base_url = self.url(&format!("{key}.base_url"), &raw.base_url);
        let token = self.secret(
            key,
            [
                ("token_file", raw.token_file),
                ("token_env", raw.token_env),
                ("token_credential", raw.token_credential),
            ],
        );
        let password = self.secret(
            key,
            [
                ("password_file", raw.password_file),
                ("password_env", raw.password_env),
                ("password_credential", raw.password_credential),
            ],
        );
        let credentials = match (token, raw.username, password) {
            (None, None, None) => Credentials::Anonymous,
            (Some(token), None, None) => Credentials::Bearer(token),
            (None, Some(username), Some(password)) => Credentials::Basic { username, password },
            (Some(_), _, _) => {
                self.problem(key, "has both a token and a user name or password; give one of them");
                Credentials::Anonymous
            }
            (None, Some(_), None) => {
                self.problem(
                    &format!("{key}.username"),
                    "needs a password: password_file, password_env or password_credential",
                );
                Credentials::Anonymous
            }
            (None, None, Some(_)) => {
                self.problem(key, "has a password but no username");
                Credentials::Anonymous
            }
        };
        let ca_file = raw.ca_file.map(|path| self.path(&format!("{key}.ca_file"), &path));
        Some(HttpAccess { base_url: base_url?, credentials, ca_file })
    }

    pub(super) fn database(&mut self, key: &str, raw: RawDatabase) -> DatabaseAccess {
        let password = self.secret(
            key,
            [
                ("password_file", raw.password_file),
                ("password_env", raw.password_env),
                ("password_credential", raw.password_credential),
            ],
        );
        if raw.username.is_some() != password.is_some() {
            self.problem(key, "must have both a username and a password (password_file, password_env or password_credential), or neither");
        }
        if let Some(url) = &raw.url
            && !url.starts_with("jdbc:")
        {
            self.problem(
                &format!("{key}.url"),
                "must be a JDBC URL such as \"jdbc:postgresql://db.example.com:5432/confluence\"",
            );
        }
        let ca_file = raw.ca_file.map(|path| self.path(&format!("{key}.ca_file"), &path));
        DatabaseAccess { url: raw.url, username: raw.username, password, ca_file }
    }

    fn marketplace(&mut self, key: &str, raw: RawMarketplace) -> Option<Marketplace> {
        match (raw.enabled.unwrap_or(true), raw.offline_file) {
            (false, None) => Some(Marketplace::Off),
            (false, Some(_)) => {
                self.problem(key, "has an offline_file but is not enabled; leave one of them out");
                None
            }
            (true, Some(path)) => {
                Some(Marketplace::Offline(self.path(&format!("{key}.offline_file"), &path)))
            }
            (true, None) => {
                let url = raw.url.as_deref().unwrap_or(USUAL_MARKETPLACE);
                self.url(&format!("{key}.url"), url).map(Marketplace::Online)
            }
        }
    }

    pub(super) fn path(&mut self, key: &str, text: &str) -> PathBuf {
        let path = PathBuf::from(text);
        if !path.is_absolute() {
            self.problem(
                key,
                format!(
                    "must be a path from the root such as \"/opt/atlassian/confluence\", and is {text:?}"
                ),
            );
        }
        path
    }

    pub(super) fn url(&mut self, key: &str, text: &str) -> Option<reqwest::Url> {
        let wrong = match reqwest::Url::parse(text) {
            Err(error) => format!("must be an address such as \"http://127.0.0.1:8090\": {error}"),
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                "must begin with http:// or https://".to_owned()
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "must not hold a user name or password; use username and password_file".to_owned()
            }
            // It would be shown with the address, and keys of an interface stand in such places.
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                "must end with its path: nothing behind a ? or # belongs to an address to start from"
                    .to_owned()
            }
            Ok(url) => return Some(url),
        };
        self.problem(key, wrong);
        None
    }

    /// A secret may be kept in one place; which one is in the key's name.
    pub(super) fn secret(&mut self, key: &str, places: [(&str, Option<String>); 3]) -> Option<SecretSource> {
        let mut given = places.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let (name, value) = given.next()?;
        if let Some((other, _)) = given.next() {
            self.problem(&format!("{key}.{other}"), format!("stands beside {name}; give one of them"));
        }
        if name.ends_with("_file") {
            let path = PathBuf::from(value);
            if !path.is_absolute() {
                // Not repeated: whoever mistakes the key writes the secret itself here.
                self.problem(
                    &format!("{key}.{name}"),
                    "must be the path from the root of a file that holds the secret",
                );
            }
            return Some(SecretSource::File(path));
        }
        if name.ends_with("_env") {
            return Some(SecretSource::Environment(value));
        }
        let credential = SecretSource::credential(&value);
        if credential.is_none() {
            self.problem(
                &format!("{key}.{name}"),
                "must be the name of a systemd credential, as LoadCredential= of the unit gives it, and no path",
            );
        }
        credential
    }
}

/// A component and the versions of it that are supported, as texts.
type Supported = (Component, Vec<String>);

impl RawRequirements {
    /// What the operator answered: the values supported, as texts, and the least numbers.
    fn into_parts(self) -> (Vec<Supported>, Vec<(MinimumOf, u64)>) {
        let supported = [
            (Component::Java, self.java),
            (Component::DatabaseEngine, self.database_engine),
            (Component::Postgresql, self.postgresql),
            (Component::Mysql, self.mysql),
            (Component::Mariadb, self.mariadb),
            (Component::SqlServer, self.sql_server),
            (Component::Oracle, self.oracle),
            (Component::OperatingSystem, self.operating_system),
            (Component::MysqlDriver, self.mysql_driver),
            (Component::BundledDriver, self.bundled_driver),
            (Component::MysqlCharacterSet, self.mysql_character_set),
            (Component::LicenseType, self.license_type),
            (Component::DatabaseConnection, self.database_connection),
            (Component::UpgradeFrom, self.upgrade_from),
        ];
        let minimums = [
            (MinimumOf::Cpus, self.cpus),
            (MinimumOf::MemoryMib, self.memory_mib),
            (MinimumOf::HeapMib, self.heap_mib),
            (MinimumOf::FreeBesideHeapMib, self.free_beside_heap_mib),
        ];
        (
            supported.into_iter().filter_map(|(component, texts)| Some((component, texts?))).collect(),
            minimums.into_iter().filter_map(|(of, value)| Some((of, value?))).collect(),
        )
    }
}
