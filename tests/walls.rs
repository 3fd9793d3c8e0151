//! Who may import whom: the walls between the modules, held up by reading the sources.
//!
//! The crate boundary is the first wall: `checks/Cargo.toml` has nothing to reach the world with. These are
//! the walls inside the two crates, which the compiler does not know of. Tests may look over them.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

/// The code below a file or folder of the project, and what it must not name.
struct Wall {
    behind: &'static str,
    never: &'static [&'static str],
}

/// In paths of the agent, `checks::` stands for the crate of the rules.
const WALLS: &[Wall] = &[
    Wall {
        behind: "checks/src/version.rs",
        never: &[
            "crate::facts",
            "crate::catalog",
            "crate::model",
            "crate::rules",
            "crate::report",
            "crate::plan",
            "crate::after",
        ],
    },
    Wall {
        behind: "checks/src/facts",
        never: &[
            "crate::catalog",
            "crate::model",
            "crate::rules",
            "crate::report",
            "crate::plan",
            "crate::after",
        ],
    },
    Wall {
        behind: "checks/src/catalog",
        never: &["crate::model", "crate::rules", "crate::report", "crate::plan", "crate::after"],
    },
    Wall {
        behind: "checks/src/model",
        never: &["crate::dossier", "crate::rules", "crate::report", "crate::plan", "crate::after"],
    },
    Wall {
        behind: "checks/src/dossier.rs",
        never: &["crate::rules", "crate::report", "crate::plan", "crate::after"],
    },
    Wall {
        behind: "checks/src/dossier",
        never: &["crate::rules", "crate::report", "crate::plan", "crate::after"],
    },
    Wall { behind: "checks/src/rules", never: &["crate::report", "crate::plan", "crate::after"] },
    Wall { behind: "checks/src/report", never: &["crate::plan", "crate::after"] },
    Wall { behind: "checks/src/plan", never: &["crate::after"] },
    Wall { behind: "checks/src/after", never: &["crate::report", "crate::catalog", "crate::plan"] },
    Wall {
        behind: "checks/src",
        never: &[
            "Timestamp::now",
            "Zoned::now",
            "SystemTime",
            "std::time::Instant",
            "std::fs",
            "std::env",
            "std::io",
            "std::net",
            "std::process",
            "std::thread",
        ],
    },
    // A collector does not know what is good or bad, nor what becomes of its answer. Of the configuration it
    // knows how secrets are kept and nothing else.
    Wall {
        behind: "src/collect",
        never: &[
            "checks::model",
            "checks::rules",
            "checks::report",
            "checks::after",
            "checks::catalog",
            "crate::config::Config",
            "crate::config::Instance",
            "crate::product",
            "crate::schedule",
            "crate::keeper",
            "crate::board",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    Wall {
        behind: "src/product",
        never: &[
            "checks::model",
            "checks::rules",
            "checks::report",
            "checks::after",
            "checks::catalog",
            "crate::schedule",
            "crate::keeper",
            "crate::board",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    // The hinge between who learns of releases and who judges by them; it does neither.
    Wall {
        behind: "src/catalog_in_use.rs",
        never: &[
            "checks::model",
            "checks::rules",
            "checks::report",
            "crate::product",
            "crate::schedule",
            "crate::keeper",
            "crate::board",
            "crate::surface",
            "crate::cli",
        ],
    },
    // Reading the configuration looks at files, and at nothing of what is watched.
    Wall {
        behind: "src/config",
        never: &[
            "checks::rules",
            "checks::report",
            "crate::product",
            "crate::schedule",
            "crate::keeper",
            "crate::board",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    // When to ask, and nothing of what the answers mean.
    Wall {
        behind: "src/schedule.rs",
        never: &[
            "checks::model",
            "checks::rules",
            "checks::report",
            "checks::catalog",
            "crate::product",
            "crate::keeper",
            "crate::board",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    Wall {
        behind: "src/keeper.rs",
        never: &["crate::product", "crate::command", "crate::surface", "crate::cli"],
    },
    Wall { behind: "src/access.rs", never: &["crate::", "checks::"] },
    Wall {
        behind: "src/board.rs",
        never: &[
            "crate::catalog_in_use",
            "crate::chain",
            "crate::cli",
            "crate::collect",
            "crate::command",
            "crate::config",
            "crate::keeper",
            "crate::product",
            "crate::recorder",
            "crate::schedule",
            "crate::store",
            "crate::surface",
        ],
    },
    // Plain data, as the board.
    Wall { behind: "src/board", never: &["crate::", "checks::rules"] },
    Wall { behind: "src/shard.rs", never: &["crate::", "checks::"] },
    // What agents tell each other: it asks nothing of what is watched, judges nothing and shows nothing.
    Wall {
        behind: "src/fleet",
        never: &[
            "checks::rules",
            "checks::report",
            "checks::catalog",
            "crate::product",
            "crate::schedule",
            "crate::keeper",
            "crate::recorder",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    // What is remembered, and not when, by whom or for what.
    Wall {
        behind: "src/store",
        never: &[
            "checks::rules",
            "checks::report",
            "checks::catalog",
            "crate::config",
            "crate::collect",
            "crate::product",
            "crate::schedule",
            "crate::keeper",
            "crate::board",
            "crate::recorder",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    Wall {
        behind: "src/recorder.rs",
        never: &[
            "crate::collect",
            "crate::config",
            "crate::product",
            "crate::command",
            "crate::surface",
            "crate::cli",
        ],
    },
    Wall {
        behind: "src/recorder",
        never: &["crate::config", "crate::command", "crate::surface", "crate::cli"],
    },
    Wall { behind: "src/chain.rs", never: &["crate::", "checks::"] },
    Wall { behind: "src/command.rs", never: &["crate::"] },
    Wall { behind: "src/channel.rs", never: &["crate::", "checks::"] },
    // Surfaces show what is on the board; the daemon does what they ask for only through `command`.
    Wall {
        behind: "src/surface",
        never: &[
            "crate::collect",
            "crate::config",
            "crate::product",
            "crate::schedule",
            "crate::keeper",
            "crate::fleet",
            "crate::cli",
        ],
    },
    // A run book is shown as it was made: nothing is judged, asked or remembered, and no clock is looked at.
    Wall {
        behind: "src/surface/book",
        never: &[
            "checks::rules",
            "crate::board",
            "crate::store",
            "crate::surface::http",
            "crate::surface::page",
            "Timestamp::now",
            "Zoned::now",
            "SystemTime",
        ],
    },
    // What people are told follows from the board and from what they were told, and from no other surface.
    Wall {
        behind: "src/surface/notify",
        never: &[
            "checks::rules",
            "checks::catalog",
            "crate::command",
            "crate::surface::http",
            "crate::surface::metrics",
            "crate::surface::page",
            "crate::surface::status",
        ],
    },
    // What a request asks for is made from the board by the plan, and by nothing else.
    Wall {
        behind: "src/surface/http",
        never: &["checks::rules", "checks::catalog", "checks::report", "crate::store"],
    },
];

#[test]
fn no_module_names_what_stands_behind_a_wall() {
    let mut breaches = Vec::new();
    for wall in WALLS {
        let files = rust_files(wall.behind);
        assert!(!files.is_empty(), "{} is gone: adapt the table of walls", wall.behind);
        for file in files {
            let names = names_of(&code_of(&file));
            for never in wall.never {
                if names.iter().any(|name| name.contains(never)) {
                    breaches.push(format!("{} names {never}", file.display()));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn no_product_names_another_and_nobody_names_the_command_line() {
    let products: Vec<String> = fs::read_dir(project().join("src/product"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(!products.is_empty());
    for product in &products {
        for file in rust_files(&format!("src/product/{product}")) {
            let names = names_of(&code_of(&file));
            for other in products.iter().filter(|other| *other != product) {
                let other = format!("crate::product::{other}");
                assert!(
                    !names.iter().any(|name| name.starts_with(&other)),
                    "{} names {other}",
                    file.display()
                );
            }
        }
    }
    for file in rust_files("src") {
        if !file.starts_with(project().join("src/cli")) {
            let names = names_of(&code_of(&file));
            assert!(!names.iter().any(|name| name.starts_with("crate::cli")), "{}", file.display());
        }
    }
}

/// Rules share wording, units and the like, and never ask each other.
#[test]
fn no_rule_names_another_rule() {
    let registry = fs::read_to_string(project().join("checks/src/rules/mod.rs")).unwrap();
    let rules: Vec<&str> =
        registry.lines().filter_map(|line| line.trim().strip_prefix('&')?.strip_suffix("::CHECK,")).collect();
    assert!(rules.len() > 20, "{rules:?}");
    for file in rust_files("checks/src/rules") {
        if file.ends_with("rules/mod.rs") {
            continue;
        }
        let names = names_of(&code_of(&file));
        for rule in rules.iter().filter(|rule| !file.display().to_string().contains(&format!("/{rule}"))) {
            let (from_crate, from_beside) = (format!("crate::rules::{rule}::"), format!("super::{rule}::"));
            let breach = names.iter().any(|name| {
                let name = format!("{name}::");
                name.starts_with(&from_crate) || name.contains(&from_beside)
            });
            assert!(!breach, "{} names the rule {rule}", file.display());
        }
    }
}

#[test]
fn nothing_is_left_to_be_written() {
    for file in rust_files("src").into_iter().chain(rust_files("checks/src")) {
        let text = fs::read_to_string(&file).unwrap();
        for left in ["todo!", "unimplemented!", "To be written"] {
            assert!(!text.contains(left), "{} contains {left}", file.display());
        }
    }
}

#[test]
fn names_are_found_however_they_are_written() {
    let code = "use crate::{board, surface::{page::Page, status as shown}};\nlet x = crate::cli::run();";
    let names = names_of(code);
    for name in
        ["crate::board", "crate::surface::page::Page", "crate::surface::status as shown", "crate::cli::run"]
    {
        assert!(names.iter().any(|found| found.starts_with(name)), "{name} is not among {names:?}");
    }
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file at or below a path of the project, without files that hold only tests.
fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![project().join(below)];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn is_test(path: &Path) -> bool {
    let only_tests =
        ["tests", "tests.rs", "testing.rs", "contracts.rs", "fixture.rs", "fake_server.rs", "golden.rs"];
    path.strip_prefix(project()).unwrap().iter().any(|part| only_tests.iter().any(|name| part == *name))
}

/// A file without comments and without the tests at its end.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().take_while(|line| line.trim_end() != "mod tests {");
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// Every path in the code, with those in braces written out; `checks::` stands for the crate of the rules.
fn names_of(code: &str) -> Vec<String> {
    let code = code.replace("upgrade_readiness_checks::", "checks::");
    let mut names: Vec<String> = Vec::new();
    for part in code.split(';') {
        let part = part.trim();
        match part.find("use ").filter(|_| part.contains("::{")) {
            Some(at) => {
                let tree: String =
                    part.get(at + 4..).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
                write_out("", &tree, &mut names);
            }
            None => names.extend(
                part.split(|c: char| c.is_whitespace() || "()<>&,[]{}".contains(c)).map(str::to_owned),
            ),
        }
    }
    names
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn write_out(before: &str, tree: &str, names: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        names.push(format!("{before}{}", tree.trim()));
        return;
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut start) = (0, 0);
    let before = format!("{before}{}", head.trim());
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                write_out(&before, inner.get(start..at).unwrap(), names);
                start = at + 1;
            }
            _ => {}
        }
    }
    write_out(&before, inner.get(start..).unwrap(), names);
}
