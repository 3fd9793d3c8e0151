//! What facts hold of a JDBC URL, and which engines the agent can ask.

use upgrade_readiness_checks::facts::{DatabaseConfig, Engine};

use super::{JdbcUrl, Server};

impl JdbcUrl {
    /// Writes what it says into the facts of a configuration.
    pub fn describe(&self, config: &mut DatabaseConfig) {
        config.engine = Some(self.engine);
        config.url = Some(self.redacted().to_owned());
        config.host = self.servers.first().map(|server| server.host.clone());
        config.port = self.servers.first().and_then(|server| server.port);
        config.database.clone_from(&self.database);
        config.schema.clone_from(&self.schema);
        config.parameters.clone_from(&self.parameters);
        config.defect.clone_from(&self.defect);
    }

    /// Where the database is, for people.
    #[must_use]
    pub fn address(&self) -> String {
        let database = self.database.as_deref().unwrap_or_default();
        match self.servers.first() {
            Some(Server { host, port: Some(port) }) => format!("{host}:{port}/{database}"),
            Some(Server { host, port: None }) => format!("{host}/{database}"),
            None => database.to_owned(),
        }
    }
}

/// Whether the agent speaks with servers of this engine.
#[must_use]
pub fn can_be_asked(engine: Engine) -> bool {
    match engine {
        Engine::Postgresql | Engine::Mysql | Engine::Mariadb => true,
        Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => false,
    }
}

/// The engine a driver class is for, by the package its maker uses.
#[must_use]
pub fn engine_of_driver(class: &str) -> Option<Engine> {
    let packages = [
        ("org.postgresql.", Engine::Postgresql),
        ("com.mysql.", Engine::Mysql),
        ("org.mariadb.", Engine::Mariadb),
        ("com.microsoft.sqlserver.", Engine::SqlServer),
        ("net.sourceforge.jtds.", Engine::SqlServer),
        ("oracle.jdbc.", Engine::Oracle),
        ("org.h2.", Engine::H2),
        ("org.hsqldb.", Engine::Hsqldb),
    ];
    packages.iter().find(|(package, _)| class.starts_with(package)).map(|(_, engine)| *engine)
}
