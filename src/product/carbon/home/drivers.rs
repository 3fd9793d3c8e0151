//! The JDBC drivers of a home: plain jars in `lib`, bundles in `dropins`.

use std::path::Path;

use upgrade_readiness_checks::facts::{Driver, FailureKind, Field};

use crate::collect::drivers::{parse_driver, read_jar_names};
use crate::collect::kind_of_io;
use crate::collect::text_file::explain_io;

/// Below the home. The driver of H2 comes with the distribution's own bundles and is not among them.
const DIRECTORIES: [&str; 2] = ["repository/components/lib", "repository/components/dropins"];

/// Reads which drivers a home has, by their names. A jar wrapped into a bundle at a start has underscores in its name.
#[must_use]
pub fn read_drivers(home: &Path) -> Field<Vec<Driver>> {
    let mut drivers: Vec<Driver> = Vec::new();
    if let Err(error) = std::fs::metadata(home.join("repository/components")) {
        return Field::Unread(explain_io(&home.join("repository/components"), &error));
    }
    for below in DIRECTORIES {
        let directory = home.join(below);
        let names = match read_jar_names(&directory) {
            Ok(names) => names,
            Err(error) if kind_of_io(&error) == FailureKind::Absent => continue,
            Err(error) => return Field::Unread(explain_io(&directory, &error)),
        };
        for name in names {
            let found = parse_driver(&name).or_else(|| {
                let plain = unwrapped(&name)?;
                parse_driver(&plain).map(|driver| Driver { file: name.clone(), ..driver })
            });
            let Some(found) = found else { continue };
            // The wrapped copy of a jar is not a second driver.
            let known =
                drivers.iter().any(|driver| driver.engine == found.engine && driver.version == found.version);
            if !known {
                drivers.push(found);
            }
        }
    }
    Field::Read(drivers)
}

/// The name of the jar that `mysql_connector_java_5.1.49_bin_1.0.0.jar` was wrapped from.
fn unwrapped(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".jar")?;
    let stem = stem.strip_suffix("_1.0.0").unwrap_or(stem);
    Some(format!("{}.jar", stem.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::Engine;

    use super::*;
    use crate::product::carbon::fixture::Example;

    #[test]
    fn jars_and_the_bundles_made_of_them_are_one_driver() {
        let example = Example::new().lay_out();
        for name in [
            "lib/mysql-connector-java-5.1.49-bin.jar",
            "dropins/mysql_connector_java_5.1.49_bin_1.0.0.jar",
            "dropins/ojdbc8_1.0.0.jar",
            "dropins/com.example.handler_1.2.0.jar",
        ] {
            example.write(&format!("repository/components/{name}"), "");
        }
        let drivers = read_drivers(&example.home());
        let brief: Vec<_> = drivers
            .value()
            .unwrap()
            .iter()
            .map(|driver| (driver.engine, driver.version.as_deref()))
            .collect();
        assert_eq!(
            brief,
            [(Engine::Mysql, Some("5.1.49")), (Engine::Postgresql, Some("42.7.2")), (Engine::Oracle, None),]
        );
        assert!(matches!(read_drivers(&example.root().join("nothing")), Field::Unread(_)));
    }
}
