//! `bundles.info`: the bundles a product starts, one a line with five fields.
//!
//! Carbon adds those of `dropins` itself at each start. It stumbles over a line with another number of fields, and then
//! passes over `dropins` altogether, with one line in its log.

use std::collections::BTreeSet;

/// More lines than any product has bundles.
const MOST_LINES: usize = 20_000;

/// What is told of the lines that are wrong, at most.
const MOST_DEFECTS: usize = 50;

/// What the list says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BundleList {
    /// Names of the files that are listed, without their directories.
    pub(super) files: BTreeSet<String>,
    /// Where each listed file is said to be.
    pub(super) locations: BTreeSet<String>,
    /// What is wrong with it, line by line.
    pub(super) defects: Vec<String>,
}

impl BundleList {
    /// Adds what is wrong, as long as there is room.
    pub(super) fn defect(&mut self, text: String) {
        if self.defects.len() < MOST_DEFECTS {
            self.defects.push(text);
        }
    }
}

/// Reads the list.
pub(super) fn parse_list(text: &str) -> BundleList {
    let mut list = BundleList::default();
    for (index, line) in text.lines().enumerate() {
        if index >= MOST_LINES {
            list.defect(format!("it has more than {MOST_LINES} lines"));
            break;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [name, version, location, level, started] = fields.as_slice() else {
            list.defect(format!("line {} has {} fields", index + 1, fields.len()));
            continue;
        };
        let file = location.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || version.is_empty() || file.is_empty() {
            list.defect(format!("line {} leaves its name, version or location empty", index + 1));
            continue;
        }
        if level.parse::<i32>().is_err() || !matches!(*started, "true" | "false") {
            list.defect(format!(
                "line {} has no start level or neither true nor false at its end",
                index + 1
            ));
        }
        list.files.insert(file.to_owned());
        list.locations.insert((*location).to_owned());
    }
    if list.files.is_empty() && list.defects.is_empty() {
        list.defect("it lists no bundle".to_owned());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_broken_ones_named() {
        let text = "#encoding=UTF-8\n#version=1\n\norg.a,1.0.0,../plugins/org.a_1.0.0.jar,4,true\r\n\
                    org.b,1.0.0,file:plugins/org.b_1.0.0.jar,1,false\n\
                    org.c,1.0.0,../plugins/org.c.jar,4\norg.d,1,x,y,4,true\n,1,../a.jar,4,true\n\
                    org.e,1.0,../dropins/e.jar,four,maybe\n";
        let list = parse_list(text);
        assert_eq!(
            list.files.iter().map(String::as_str).collect::<Vec<_>>(),
            ["e.jar", "org.a_1.0.0.jar", "org.b_1.0.0.jar"]
        );
        assert_eq!(
            list.defects,
            [
                "line 6 has 4 fields",
                "line 7 has 6 fields",
                "line 8 leaves its name, version or location empty",
                "line 9 has no start level or neither true nor false at its end"
            ]
        );
    }

    #[test]
    fn what_is_no_list_has_defects() {
        for text in ["", "# only comments\n", "<html>\n<body>", "\u{0}\u{1}", "a,b,c,d,e,f"] {
            assert_ne!(parse_list(text).defects, [""; 0], "{text:?}");
        }
        let huge = parse_list(&"x\n".repeat(100_000));
        assert_eq!(huge.defects.len(), MOST_DEFECTS);
    }
}
