//! `confluence-init.properties`: where the home is.
//!
//! Form: <https://confluence.atlassian.com/doc/confluence-home-and-other-important-directories-590259707.html>

use crate::collect::properties::parse_properties;

/// The property that names the home directory.
pub(super) const HOME: &str = "confluence.home";

/// The home directory it names, as it is written.
pub(super) fn parse_home(text: &str) -> Option<String> {
    let home = parse_properties(text).remove(HOME)?;
    let home = home.trim();
    (!home.is_empty()).then(|| home.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_live_line_names_the_home() {
        let rows = [
            ("confluence.home=/data", Some("/data")),
            ("confluence.home = /var/data/confluence \n", Some("/var/data/confluence")),
            ("# confluence.home=/old\nconfluence.home=/data\n", Some("/data")),
            ("confluence.home=/old\nconfluence.home=/data", Some("/data")),
            ("confluence.home=C:/data", Some("C:/data")),
            ("confluence.home=C\\:\\\\data", Some("C:\\data")),
            ("confluence.home=/my\\ data", Some("/my data")),
            ("\u{feff}confluence.home=/data", None),
            ("# confluence.home=/old", None),
            ("confluence.home=", None),
            ("confluence.home", None),
            ("", None),
            ("<!DOCTYPE html><html>", None),
        ];
        for (text, home) in rows {
            assert_eq!(parse_home(text).as_deref(), home, "{text:?}");
        }
    }
}
