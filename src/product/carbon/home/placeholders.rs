//! Configuration in which the build's placeholders were never replaced: it comes from a source tree, not from a release.

use std::path::Path;

use super::error::{HomeError, if_there, list};
use crate::collect::text_file::read_bytes;

/// Below the home: where placeholders of the build can stand.
const PLACES: [&str; 6] = [
    "bin",
    "repository/conf",
    "repository/conf/axis2",
    "repository/conf/etc",
    "repository/conf/datasources",
    "repository/conf/tomcat",
];
/// What the build replaces. Variables of the running product, such as `${carbon.home}`, stay as they are.
const PLACEHOLDERS: [&[u8]; 6] = [
    b"${product.name}",
    b"${product.version}",
    b"${carbon.version}",
    b"@product.name@",
    b"@product.version@",
    b"@carbon.version@",
];
/// What such files end with.
const ENDINGS: [&str; 5] = ["xml", "txt", "properties", "toml", "ini"];
/// No directory of a release has more files there.
const MOST: usize = 2000;

/// The files, below the home, in which a placeholder of the build stands.
pub(super) fn read_placeholders(home: &Path) -> Result<Vec<String>, HomeError> {
    let mut found = Vec::new();
    for place in PLACES {
        let directory = home.join(place);
        for name in if_there(list(&directory, MOST, "files"))?.unwrap_or_default() {
            let path = directory.join(&name);
            let ending = Path::new(&name).extension().and_then(|ending| ending.to_str());
            if !ending.is_some_and(|ending| ENDINGS.contains(&ending)) || path.is_dir() {
                continue;
            }
            let bytes = read_bytes(&path)?;
            if PLACEHOLDERS.iter().any(|text| memchr::memmem::find(&bytes, text).is_some()) {
                found.push(format!("{place}/{name}"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    #[test]
    fn only_what_the_build_replaces_counts() {
        let example = Example::new().lay_out();
        assert_eq!(read_placeholders(&example.home()).unwrap(), [""; 0]);
        example.write(
            "repository/conf/log4j.properties",
            "log=${carbon.home}/repository/logs ${carbon.context}",
        );
        assert_eq!(read_placeholders(&example.home()).unwrap(), [""; 0]);
        example.write(
            "repository/conf/axis2/axis2.xml",
            "<axisconfig>@product.name@-@product.version@</axisconfig>",
        );
        example.write("bin/version.txt", "${product.name} v${product.version}");
        let found = read_placeholders(&example.home()).unwrap();
        assert_eq!(found, ["bin/version.txt", "repository/conf/axis2/axis2.xml"]);
    }
}
