//! Which version is installed, and which JDBC drivers lie beside it: told by `pom.properties` and jar names.

use std::io;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Driver, FailureKind, Field, Statement, StatementOf};
use upgrade_readiness_checks::version::ProductVersion;

use crate::collect::drivers::{parse_driver, read_jar_names};
use crate::collect::properties::parse_properties;
use crate::collect::text_file::{explain_io, explain_text, read_text};

/// Below the installation directory: states the version in a line of its own.
pub const POM_PROPERTIES: &str =
    "confluence/META-INF/maven/com.atlassian.confluence/confluence-webapp/pom.properties";
/// Below the installation directory: the program's libraries.
pub const LIBRARIES: &str = "confluence/WEB-INF/lib";
/// Below the installation directory: the application server's libraries.
const SERVER_LIBRARIES: &str = "lib";

/// What the installed program says of its version, the closest place first.
///
/// Sources: the Maven file inside the web application, and the name of the main jar beside its libraries.
pub fn read_versions(installation_dir: &Path) -> (Field<ProductVersion>, Vec<Statement>) {
    let mut statements = Vec::new();
    let mut unread = Vec::new();
    let pom = installation_dir.join(POM_PROPERTIES);
    match read_text(&pom) {
        Ok(text) => statements.push(statement(
            &pom,
            match parse_properties(&text).remove("version").filter(|version| !version.is_empty()) {
                Some(version) => Field::Read(version),
                None => Field::Unread(format!("{} has no version in it", pom.display())),
            },
        )),
        // Not every way to install brings this file.
        Err(error) if error.kind() == FailureKind::Absent => {
            unread.push(format!("{} is not there", pom.display()));
        }
        Err(error) => statements.push(statement(&pom, Field::Unread(explain_text(&error)))),
    }
    let libraries = installation_dir.join(LIBRARIES);
    match read_jar_names(&libraries) {
        Ok(names) => {
            let main_jars = names.iter().filter_map(|name| Some((name, version_of_main_jar(name)?)));
            let before = statements.len();
            statements.extend(main_jars.map(|(name, version)| {
                statement(&libraries.join(name), Field::Read(version.as_str().to_owned()))
            }));
            if statements.len() == before {
                unread.push(format!("{} has no confluence-<version>.jar", libraries.display()));
            }
        }
        Err(error) => unread.push(explain_io(&libraries, &error)),
    }
    let mut says = statements.iter().filter_map(|statement| statement.says.value());
    let version = says.find_map(|text| text.parse().ok()).map_or_else(
        || {
            let stated = statements.iter().map(|statement| match &statement.says {
                Field::Read(text) => format!("{} states {text:?}, which is not a version", statement.place),
                Field::Unread(why) => why.clone(),
            });
            Field::Unread(stated.chain(unread.iter().cloned()).collect::<Vec<_>>().join("; "))
        },
        Field::Read,
    );
    (version, statements)
}

fn statement(place: &Path, says: Field<String>) -> Statement {
    Statement { place: place.display().to_string(), of: StatementOf::ProgramVersion, says }
}

fn version_of_main_jar(name: &str) -> Option<ProductVersion> {
    name.strip_prefix("confluence-")?.strip_suffix(".jar")?.parse().ok()
}

/// The JDBC drivers among the libraries of the program and of the application server.
pub fn read_drivers(installation_dir: &Path) -> Field<Vec<Driver>> {
    let mut drivers = Vec::new();
    for (below, required) in [(LIBRARIES, true), (SERVER_LIBRARIES, false)] {
        let directory: PathBuf = installation_dir.join(below);
        match read_jar_names(&directory) {
            Ok(names) => drivers.extend(names.iter().filter_map(|name| parse_driver(name))),
            Err(error) if !required && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Field::Unread(explain_io(&directory, &error)),
        }
    }
    Field::Read(drivers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::confluence::fixture::Example;

    #[test]
    fn the_maven_file_comes_before_the_jar_and_both_are_told() {
        let example = Example::new().version("9.2.10").lay_out();
        example.write("install/confluence/WEB-INF/lib/confluence-9.2.9.jar", "");
        let (version, statements) = read_versions(&example.installation_dir());
        assert_eq!(version.value().unwrap().as_str(), "9.2.10");
        let says: Vec<_> = statements.iter().map(|s| s.says.value().unwrap().as_str()).collect();
        assert_eq!(says, ["9.2.10", "9.2.10", "9.2.9"], "pom.properties, its jar, and a left-over one");
    }

    #[test]
    fn without_the_maven_file_the_jar_tells() {
        for pom in [None, Some(""), Some("version=\n"), Some("version=${project.version}"), Some("<html>")] {
            let example = Example::new().version("9.2.10").lay_out();
            match pom {
                None => example.remove(&format!("install/{POM_PROPERTIES}")),
                Some(text) => example.write(&format!("install/{POM_PROPERTIES}"), text),
            }
            let (version, _) = read_versions(&example.installation_dir());
            assert_eq!(version.value().map(ProductVersion::as_str), Some("9.2.10"), "{pom:?}");
        }
    }

    #[test]
    fn no_version_anywhere_says_where_was_looked() {
        let example = Example::new().lay_out();
        let empty = example.root().join("nothing");
        let (Field::Unread(why), statements) = read_versions(&empty) else { panic!("there is nothing") };
        assert!(why.contains("pom.properties") && why.contains("WEB-INF/lib"), "{why}");
        assert_eq!(statements, []);
        assert!(matches!(read_drivers(&empty), Field::Unread(why) if why.contains("WEB-INF/lib")));
    }

    #[test]
    fn files_nobody_may_read_are_told_with_a_remedy() {
        let example = Example::new().version("9.2.10").lay_out();
        example.forbid("install/confluence");
        let installation_dir = example.installation_dir();
        let ((version, statements), drivers) =
            as_another_user(move || (read_versions(&installation_dir), read_drivers(&installation_dir)));
        let Field::Unread(why) = version else { panic!("{version:?}") };
        assert!(why.contains("pom.properties") && why.contains("setfacl"), "{why}");
        assert_eq!(statements.len(), 1);
        assert!(matches!(drivers, Field::Unread(why) if why.contains("setfacl")));
    }
}
