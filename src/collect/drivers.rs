//! JDBC drivers, known by the names of their files.

use std::fs;
use std::io;
use std::path::Path;

use upgrade_readiness_checks::facts::{Driver, Engine};

/// No library directory has more files.
const MOST_FILES: usize = 20_000;

/// Names of jar files, in order.
pub fn read_jar_names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for (count, entry) in fs::read_dir(directory)?.enumerate() {
        if count >= MOST_FILES {
            return Err(io::Error::other(format!("it holds more than {MOST_FILES} files")));
        }
        let name = entry?.file_name();
        names.extend(name.to_str().filter(|name| has_jar_ending(name)).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn has_jar_ending(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jar"))
}

/// How driver files are called, as their makers publish them. Longer names come before their beginnings.
const DRIVERS: [(&str, Engine); 11] = [
    ("postgresql", Engine::Postgresql),
    ("mysql-connector-java", Engine::Mysql),
    ("mysql-connector-j", Engine::Mysql),
    ("mariadb-java-client", Engine::Mariadb),
    ("mssql-jdbc", Engine::SqlServer),
    ("sqljdbc", Engine::SqlServer),
    ("jtds", Engine::SqlServer),
    ("ojdbc", Engine::Oracle),
    ("h2", Engine::H2),
    ("hsqldb", Engine::Hsqldb),
    ("hsql", Engine::Hsqldb),
];

/// The driver a file is, by its name.
#[must_use]
pub fn parse_driver(file: &str) -> Option<Driver> {
    let lower = file.to_ascii_lowercase();
    let stem = lower.strip_suffix(".jar")?;
    let (engine, rest) =
        DRIVERS.iter().find_map(|(name, engine)| Some((*engine, stem.strip_prefix(name)?)))?;
    // `ojdbc8` and `sqljdbc42` carry the release of Java or JDBC in their name.
    let numbered = matches!(engine, Engine::Oracle | Engine::SqlServer);
    let rest = if numbered { rest.trim_start_matches(|c: char| c.is_ascii_digit()) } else { rest };
    let version = match rest {
        "" => None,
        rest => Some(rest.strip_prefix('-').filter(|text| text.starts_with(|c: char| c.is_ascii_digit()))?),
    };
    let version = version.map(|text| {
        let text = text.strip_suffix("-bin").unwrap_or(text);
        let end = [".jre", ".jdbc"].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
        text.get(..end).unwrap_or(text).to_owned()
    });
    Some(Driver { engine, file: file.to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_known_by_their_names() {
        let rows = [
            ("postgresql-42.7.3.jar", Some((Engine::Postgresql, Some("42.7.3")))),
            ("postgresql-9.4.1212.jre7.jar", Some((Engine::Postgresql, Some("9.4.1212")))),
            ("postgresql-9.1-901.jdbc4.jar", Some((Engine::Postgresql, Some("9.1-901")))),
            ("postgresql.jar", Some((Engine::Postgresql, None))),
            ("mysql-connector-java-5.1.49-bin.jar", Some((Engine::Mysql, Some("5.1.49")))),
            ("mysql-connector-j-8.4.0.jar", Some((Engine::Mysql, Some("8.4.0")))),
            ("mariadb-java-client-3.3.3.jar", Some((Engine::Mariadb, Some("3.3.3")))),
            ("mssql-jdbc-12.4.2.jre11.jar", Some((Engine::SqlServer, Some("12.4.2")))),
            ("sqljdbc42.jar", Some((Engine::SqlServer, None))),
            ("jtds-1.3.1.jar", Some((Engine::SqlServer, Some("1.3.1")))),
            ("ojdbc8.jar", Some((Engine::Oracle, None))),
            ("ojdbc11-23.4.0.24.05.jar", Some((Engine::Oracle, Some("23.4.0.24.05")))),
            ("h2-1.4.200.jar", Some((Engine::H2, Some("1.4.200")))),
            ("hsqldb-2.3.0.jar", Some((Engine::Hsqldb, Some("2.3.0")))),
            ("PostgreSQL-42.7.3.JAR", Some((Engine::Postgresql, Some("42.7.3")))),
            ("postgresql-dialect-1.0.jar", None),
            ("h2o-3.jar", None),
            ("mysql-connector-java-5.1.49.jar.bak", None),
            ("confluence-9.2.0.jar", None),
            (".jar", None),
        ];
        for (file, expected) in rows {
            let found = parse_driver(file);
            let brief = found.as_ref().map(|driver| (driver.engine, driver.version.as_deref()));
            assert_eq!(brief, expected, "{file}");
        }
    }
}
