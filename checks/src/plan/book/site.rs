//! What the instance is, in the words that stand in its book: real names and paths, or a word in capitals where a
//! fact could not be seen.

use crate::facts::{
    BackupKind, Cluster, ClusterNode, Connector, DatabaseConfig, Engine, Family, Field, Installation, Role,
    Runtime, RuntimeRole, Search, ServiceManager, Snapshot, Source, Synchrony,
};
use crate::plan::way::Method;
use crate::rules::units::bytes;

/// The instance, as its book names it.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) facts: &'a Snapshot,
    pub(super) installation: &'a Installation,
    /// Where commands are typed: the name of the host.
    pub(super) host: String,
    /// It runs on Windows.
    pub(super) windows: bool,
    /// The user the service runs under.
    pub(super) user: String,
    pub(super) manager: ServiceManager,
    pub(super) database: Database,
    /// Where people reach it, without a slash at the end.
    pub(super) public_url: String,
    /// What could not be seen and stands in capitals, each as a sentence without its full stop.
    pub(super) gaps: Vec<String>,
}

/// The product's database, as commands name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) engine: Option<Engine>,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) name: String,
    pub(super) account: String,
}

impl<'a> Site<'a> {
    pub(super) fn of(facts: &'a Snapshot, installation: &'a Installation) -> Self {
        let mut gaps = Vec::new();
        let host = facts.host().ok();
        let name = host.and_then(|host| host.name.clone());
        let windows = host.is_some_and(|host| host.os.family == "windows")
            || looks_like_windows(&installation.installation_dir);
        let process = host.and_then(|host| host.service.value()).and_then(Option::as_ref);
        let owner = installation.ownership.iter().find(|file| file.path == installation.home_dir);
        let user = process.map(|process| process.user.clone()).or_else(|| {
            owner.filter(|owner| owner.usable.value().is_some()).map(|owner| owner.owner.clone())
        });
        if user.is_none() && !windows {
            gaps.push("SERVICE_USER is the user the service runs under, which could not be seen".to_owned());
        }
        let manager = match host.map(|host| &host.manager) {
            Some(Field::Read(manager)) => manager.clone(),
            Some(Field::Unread(_)) | None if windows => {
                gaps.push(
                    "SERVICE_NAME is the name of the Windows service; `sc query` lists them".to_owned(),
                );
                ServiceManager::WindowsService { name: "SERVICE_NAME".to_owned() }
            }
            Some(Field::Unread(_)) | None => {
                gaps.push(
                    "who starts the service could not be seen: where a unit or an init script does, use it instead of \
                     the scripts of the product"
                        .to_owned(),
                );
                ServiceManager::Scripts
            }
        };
        if name.is_none() {
            gaps.push("what the host is called could not be seen".to_owned());
        }
        let database = database(installation, &mut gaps);
        Self {
            facts,
            installation,
            host: name.unwrap_or_else(|| format!("the host of {}", facts.instance)),
            windows,
            user: user.unwrap_or_else(|| "SERVICE_USER".to_owned()),
            manager,
            database,
            public_url: public_url(facts, installation),
            gaps,
        }
    }

    /// The staging instance, as far as the agent that watches it tells: the paths of production on another host.
    pub(super) fn of_staging(facts: &'a Snapshot, installation: &'a Installation) -> Self {
        let production = Self::of(facts, installation);
        let staging = facts.rehearsal().ok().and_then(|rehearsal| rehearsal.staging.as_ref());
        let profile = staging.map(|staging| &staging.profile);
        let host = profile
            .and_then(|profile| profile.home.as_deref()?.split_once(':'))
            .map(|(host, _)| host.to_owned());
        let place = profile.and_then(|profile| {
            let (server, name) = profile.database.as_deref()?.split_once('/')?;
            let (host, port) = server.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?, name.split('?').next()?.to_owned()))
        });
        let (db_host, port, name) = place.unwrap_or_else(|| {
            ("STAGING_DB_HOST".to_owned(), production.database.port, "STAGING_DB_NAME".to_owned())
        });
        let embedded = production.database.engine.is_some_and(Engine::is_embedded);
        Self {
            host: host.unwrap_or_else(|| "STAGING_HOST".to_owned()),
            public_url: profile
                .and_then(|profile| profile.base_url.clone())
                .unwrap_or_else(|| "http://STAGING_HOST".to_owned()),
            database: if embedded {
                production.database
            } else {
                Database { host: db_host, port, name, ..production.database }
            },
            ..production
        }
    }

    /// Where the program is.
    pub(super) fn program(&self) -> &'a str {
        &self.installation.installation_dir
    }

    /// Where the (local) home is.
    pub(super) fn home(&self) -> &'a str {
        &self.installation.home_dir
    }

    /// Both of them, or the one of a product that has its home where its program is.
    pub(super) fn directories(&self, between: &str) -> String {
        if self.program() == self.home() {
            self.program().to_owned()
        } else {
            format!("{}{between}{}", self.program(), self.home())
        }
    }

    pub(super) fn cluster(&self) -> Option<&'a Cluster> {
        self.installation.cluster.as_ref()
    }

    /// Names of the nodes, as the application tells them; empty on a single node.
    pub(super) fn nodes(&self) -> Vec<&'a str> {
        let told =
            self.facts.application().ok().and_then(|facts| facts.nodes.value()).and_then(Option::as_ref);
        told.map_or_else(Vec::new, |cluster| cluster.nodes.iter().map(ClusterNode::shown).collect())
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.cluster().is_some() || self.nodes().len() > 1
    }

    /// The home shared by the nodes.
    pub(super) fn shared_home(&self) -> Option<&'a str> {
        self.cluster().and_then(|cluster| cluster.shared_home_dir.as_deref())
    }

    /// A path below a directory, in the manner of the host.
    pub(super) fn below(&self, directory: &str, parts: &str) -> String {
        let directory = directory.trim_end_matches(['/', '\\']);
        if self.windows {
            format!("{directory}\\{}", parts.replace('/', "\\"))
        } else {
            format!("{directory}/{parts}")
        }
    }

    /// The directory a directory stands in.
    pub(super) fn parent<'p>(&self, directory: &'p str) -> &'p str {
        let trimmed = directory.trim_end_matches(['/', '\\']);
        let cut = trimmed.rsplit_once(if self.windows { ['/', '\\'] } else { ['/', '/'] });
        match cut {
            Some(("", _)) => "/",
            Some((parent, _)) => parent,
            None => ".",
        }
    }

    /// The last part of a path.
    pub(super) fn last<'p>(&self, path: &'p str) -> &'p str {
        let trimmed = path.trim_end_matches(['/', '\\']);
        trimmed
            .rsplit_once(if self.windows { ['/', '\\'] } else { ['/', '/'] })
            .map_or(trimmed, |(_, last)| last)
    }

    /// Where backups of a kind are put: where the newest one lies, else beside the home.
    pub(super) fn backup_dir(&self, kind: BackupKind) -> String {
        let newest = self
            .facts
            .backups()
            .ok()
            .and_then(|backups| backups.set(kind)?.backups.value()?.first())
            .filter(|backup| backup.path.starts_with('/') || looks_like_windows(&backup.path));
        match newest {
            Some(backup) => self.parent(&backup.path).to_owned(),
            None => self.parent(self.home()).to_owned(),
        }
    }

    /// The size of a directory of the instance, when it is known.
    pub(super) fn size(&self, role: Role) -> Option<u64> {
        Some(self.facts.disk().ok()?.place(role)?.size.value()?.bytes)
    }

    /// The size of the database, when it is known.
    pub(super) fn database_size(&self) -> Option<u64> {
        self.facts.database().ok()?.size_bytes.value().copied()
    }

    /// The connector that people, or the proxy before it, reach.
    pub(super) fn connector(&self) -> Option<&'a Connector> {
        connector(self.installation)
    }

    /// The name of the reverse proxy before the instance.
    pub(super) fn proxy(&self) -> Option<&'a str> {
        self.connector().and_then(|connector| connector.proxy_name.as_deref())
    }

    /// Where the application answers on its own host, without a slash at the end.
    pub(super) fn local_url(&self) -> String {
        local_url(self.installation)
    }

    /// Where people reach it, without a slash at the end.
    pub(super) fn public_url(&self) -> String {
        self.public_url.trim_end_matches('/').to_owned()
    }

    /// Who runs Synchrony; `None` when there is none, or nobody could tell.
    pub(super) fn synchrony(&self) -> Option<&'a Synchrony> {
        self.installation.synchrony.value().and_then(Option::as_ref)
    }

    /// The Java in use, when it did not come with the installation.
    pub(super) fn own_java(&self) -> Option<&'a Runtime> {
        let java = self.facts.java().ok()?;
        let runtime = java.in_use()?;
        (runtime.role != RuntimeRole::Bundled && !java.is_bundled(&runtime.home)).then_some(runtime)
    }

    /// The way the program most likely came onto the host.
    pub(super) fn usual_method(&self) -> Method {
        match &self.installation.installer {
            _ if self.facts.product.family() == Family::Carbon => Method::Archive,
            Field::Read(None) => Method::Archive,
            Field::Unread(_) if self.own_java().is_some() => Method::Archive,
            Field::Read(Some(_)) | Field::Unread(_) => Method::Installer,
        }
    }

    /// What shapes the book, as names and values.
    pub(super) fn made_for(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
        let os = self.facts.host().map_or_else(|missing| missing.to_string(), |host| host.os.name.clone());
        row("host", format!("{}, {os}", self.host));
        row(
            "nodes",
            match (self.is_cluster(), self.nodes()) {
                (false, _) => "a single node".to_owned(),
                (true, nodes) if nodes.is_empty() => "a cluster whose nodes could not be seen".to_owned(),
                (true, nodes) => format!("a cluster of {}: {}", nodes.len(), nodes.join(", ")),
            },
        );
        row("installation", sized(self.program(), self.size(Role::Installation)));
        row("home", sized(self.home(), self.size(Role::Home)));
        if let Some(shared) = self.shared_home() {
            row("shared home", sized(shared, self.size(Role::SharedHome)));
        }
        row("service", self.service_words());
        row("java", self.java_words());
        row("database", self.database_words());
        row("address", self.public_url());
        if let Some(proxy) = self.proxy() {
            row("reverse proxy", proxy.to_owned());
        }
        match &self.installation.search {
            Search::OpenSearch => row("search", "OpenSearch".to_owned()),
            Search::Lucene { index_dir } => row("search", sized(index_dir, self.size(Role::Index))),
            Search::None => {}
        }
        if let Some(synchrony) = self.synchrony() {
            row(
                "Synchrony",
                match synchrony {
                    Synchrony::Managed => format!("managed by {}", self.facts.product),
                    Synchrony::Standalone { url } => format!("standalone at {url}"),
                },
            );
        }
        rows
    }

    pub(super) fn service_words(&self) -> String {
        let by = match &self.manager {
            ServiceManager::Systemd { unit } => format!("systemd unit {unit}"),
            ServiceManager::InitScript { path } => format!("init script {path}"),
            ServiceManager::WindowsService { name } => format!("Windows service {name}"),
            ServiceManager::Scripts => format!("the scripts in {}", self.below(self.program(), "bin")),
        };
        if self.windows { by } else { format!("{by}, as user {}", self.user) }
    }

    pub(super) fn java_words(&self) -> String {
        let java = match self.facts.java() {
            Ok(java) => java,
            Err(missing) => return missing.to_string(),
        };
        let Some(runtime) = java.in_use() else { return "none was found".to_owned() };
        let version =
            runtime.version.value().map_or("of an unknown version", |version| version.text.as_str());
        let origin = if self.own_java().is_some() { "" } else { ", came with the installation" };
        format!("{version} in {}{origin}", runtime.home)
    }

    /// The database in words: kind, place, name, account and size.
    pub(super) fn database_words(&self) -> String {
        let Database { engine, host, port, name, account } = &self.database;
        let Some(engine) = engine else { return "of a kind that could not be seen".to_owned() };
        if engine.is_embedded() {
            return format!("{}, embedded", engine.name());
        }
        let version = self
            .facts
            .database()
            .ok()
            .and_then(|facts| facts.version.value())
            .map_or_else(String::new, |version| {
                format!(" {}", version.split([' ', '-']).next().unwrap_or_default())
            });
        let size = self.database_size().map_or_else(String::new, |size| format!(", {}", bytes(size)));
        format!("{}{version} at {host}:{port}, database {name}, account {account}{size}", engine.name())
    }

    /// When the oldest of the facts of some sources was learned.
    pub(super) fn seen_at(&self, sources: &[Source]) -> Option<jiff::Timestamp> {
        sources.iter().filter_map(|source| self.facts.state(*source).collected_at).min()
    }
}

fn connector(installation: &Installation) -> Option<&Connector> {
    let connectors = installation.connectors.value()?;
    connectors.iter().find(|connector| connector.proxy_name.is_some()).or_else(|| connectors.first())
}

fn public_url(facts: &Snapshot, installation: &Installation) -> String {
    // A Carbon home names no connector; where the agent asks it is where people reach it, as far as is known.
    let asked = facts.application().ok().map(|application| application.base_url.clone());
    let of_home = asked.filter(|_| installation.carbon.is_some());
    let Some(carbon) = &installation.carbon else {
        return facts.profile().base_url.unwrap_or_else(|| local_url(installation));
    };
    let host = facts.host().ok().and_then(|host| host.name.clone());
    let name = carbon.host_name.value().cloned().flatten().or(host).unwrap_or_else(|| "HOST".to_owned());
    let https = carbon.ports.value().map_or(9443, |ports| ports.https);
    of_home.unwrap_or_else(|| format!("https://{name}:{https}"))
}

fn local_url(installation: &Installation) -> String {
    let port = connector(installation).map_or(8090, |connector| connector.port);
    format!("http://127.0.0.1:{port}{}", installation.context_path)
}

/// A path, with its size when it is known.
pub(super) fn sized(path: &str, size: Option<u64>) -> String {
    size.map_or_else(|| path.to_owned(), |size| format!("{path}, {}", bytes(size)))
}

fn looks_like_windows(path: &str) -> bool {
    let mut chars = path.chars();
    chars.next().is_some_and(|letter| letter.is_ascii_alphabetic()) && chars.next() == Some(':')
        || path.starts_with("\\\\")
}

fn database(installation: &Installation, gaps: &mut Vec<String>) -> Database {
    let config = installation.database.value();
    let mut known = |value: Option<&String>, word: &str, what: &str| {
        if value.is_none() {
            gaps.push(format!("{word} is {what}, which could not be seen"));
        }
        value.cloned().unwrap_or_else(|| word.to_owned())
    };
    let engine = config.and_then(|config| config.engine);
    let embedded = engine.is_some_and(Engine::is_embedded);
    let of = |get: fn(&DatabaseConfig) -> Option<&String>| config.and_then(get);
    let (host, name, account) = if embedded {
        Default::default()
    } else {
        (
            known(of(|config| config.host.as_ref()), "DB_HOST", "the host of the database"),
            known(of(|config| config.database.as_ref()), "DB_NAME", "the name of the database"),
            known(of(|config| config.account.as_ref()), "DB_USER", "the account of the database"),
        )
    };
    let port = config.and_then(|config| config.port).unwrap_or(usual_port(engine));
    Database { engine, host, port, name, account }
}

/// The port a server listens on when nothing else is said.
pub(super) fn usual_port(engine: Option<Engine>) -> u16 {
    match engine {
        Some(Engine::Mysql | Engine::Mariadb) => 3306,
        Some(Engine::SqlServer) => 1433,
        Some(Engine::Oracle) => 1521,
        Some(Engine::Postgresql | Engine::H2 | Engine::Hsqldb) | None => 5432,
    }
}
