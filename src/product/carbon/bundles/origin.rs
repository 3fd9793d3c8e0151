//! Which jars of `dropins` the product made itself.
//!
//! At each start it makes a bundle of every plain jar in `lib`, a part of the framework of every one in `extensions`, and
//! fragments of its logging configuration and of `conf/etc/bundle-config`. All of them stand in `dropins` beside those
//! of people, and none of them may be carried over: the new server makes its own.

use std::collections::BTreeSet;

use super::jar::Jar;

/// The end of the name of what it makes.
const END: &str = "_1.0.0.jar";

/// The version it gives.
const VERSION: &str = "1.0.0";

/// The beginning of the names of what it makes of extensions.
const EXTENSION: &str = "org.wso2.carbon.framework.extension.";

/// Where a jar of `dropins` is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// People, or the distribution.
    Put,
    /// The product made it, of what is there.
    Made,
    /// A product made it, and what it is made of is not there.
    MadeElsewhere,
}

/// The names of what is made of plain jars, without their ends.
pub(super) fn made_of<'a>(plain: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let stem = |name: &'a str| name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    plain.into_iter().map(|name| stem(name).replace('-', "_")).collect()
}

/// Tells where a jar is from; `made` are the names of what is made of the plain jars that are there.
pub(super) fn origin(file: &str, jar: &Jar, made: &BTreeSet<String>) -> Origin {
    let described = &jar.described;
    let symbolic = described.name.as_deref().unwrap_or_default();
    let is_extension = [file, symbolic].iter().any(|name| name.starts_with(EXTENSION));
    let Some(stem) = file.strip_suffix(END) else {
        return if is_extension { Origin::MadeElsewhere } else { Origin::Put };
    };
    let stem = stem.strip_prefix(EXTENSION).unwrap_or(stem);
    if described.version.as_deref() != Some(VERSION) {
        return Origin::Put;
    }
    if made.contains(stem) {
        return Origin::Made;
    }
    if is_extension {
        return Origin::MadeElsewhere;
    }
    if !jar.has_instructions {
        return Origin::Put;
    }
    match (&described.host, described.takes_any_package) {
        // Of its configuration, which every home has.
        (Some(_), _) => Origin::Made,
        (None, true) => Origin::MadeElsewhere,
        (None, false) => Origin::Put,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::bundles::bundle::Described;
    use crate::product::carbon::bundles::jar::Depth;

    struct Row(&'static str, &'static str, &'static str, Option<&'static str>, bool, bool, Origin);

    #[test]
    fn what_the_product_made_is_told_from_what_people_put_there() {
        use Origin::{Made, MadeElsewhere, Put};
        let made = made_of(["postgresql-42.7.2.jar", "my-ext.jar", "plain"]);
        let rows = [
            // The file, its symbolic name and version, its host, any package, instructions.
            Row("postgresql_42.7.2_1.0.0.jar", "postgresql_42.7.2", "1.0.0", None, true, true, Made),
            Row("ojdbc8_1.0.0.jar", "ojdbc8", "1.0.0", None, true, true, MadeElsewhere),
            Row("ojdbc8_1.0.0.jar", "ojdbc8", "1.0.0", None, true, false, Put),
            Row("ojdbc8_1.0.0.jar", "ojdbc8", "1.0.0", None, false, true, Put),
            Row("com.example_1.0.0.jar", "com.example", "1.0.0", None, false, false, Put),
            Row("postgresql_42.7.2_1.0.0.jar", "postgresql", "42.7.2", None, true, true, Put),
            Row("com.example_1.2.0.jar", "com.example", "1.2.0", None, true, true, Put),
            Row(
                "org.wso2.carbon.framework.extension.my_ext_1.0.0.jar",
                "my_ext",
                "1.0.0",
                Some("system.bundle"),
                false,
                false,
                Made,
            ),
            Row(
                "org.wso2.carbon.framework.extension.other_1.0.0.jar",
                "x",
                "1.0.0",
                Some("system.bundle"),
                false,
                false,
                MadeElsewhere,
            ),
            Row("log4j_config_1.0.0.jar", "log4j.config", "1.0.0", Some("org.log4j"), true, true, Made),
            Row(
                "com.example.fragment_1.0.0.jar",
                "com.example.fragment",
                "1.0.0",
                Some("h"),
                false,
                false,
                Put,
            ),
        ];
        for Row(file, name, version, host, takes_any_package, has_instructions, expected) in rows {
            let jar = Jar {
                depth: Depth::Manifest,
                described: Described {
                    name: Some(name.into()),
                    version: Some(version.into()),
                    host: host.map(Into::into),
                    takes_any_package,
                    ..Described::default()
                },
                has_instructions,
                packages: Vec::new(),
                compiled_for: Ok(None),
            };
            assert_eq!(origin(file, &jar, &made), expected, "{file} {name} {version}");
        }
    }
}
