//! `bin/*.sh`: the Java a start script accepts, and options that make tables or delete data at the next start.
//!
//! Nothing is executed; the words of the scripts are read.

use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{JavaRange, PerilousOption};

use super::error::{HomeError, if_there, list};
use crate::collect::process::JavaProcess;
use crate::collect::scripts::code_of;
use crate::collect::text_file::{explain_text, read_text};

/// Below the home: the scripts that start a server, the usual one first. Products bring one under a name of their own.
pub const START_SCRIPTS: [&str; 10] = [
    "bin/wso2server.sh",
    "bin/api-manager.sh",
    "bin/integrator.sh",
    "bin/gateway.sh",
    "bin/api-control-plane.sh",
    "bin/traffic-manager.sh",
    "bin/micro-integrator.sh",
    "bin/broker.sh",
    "bin/business-process.sh",
    "bin/iot-server.sh",
];
/// What makes tables when they seem to be absent, and what deletes the registry.
const PERILOUS: [&str; 3] = ["-Dsetup", "--cleanRegistry", "-cleanRegistry"];
/// Where units of the service manager are.
pub(super) const UNITS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// No host has more units in one directory.
const MOST_UNITS: usize = 5000;

/// The texts of the start scripts that are there.
pub(super) fn read_scripts(home: &Path) -> Result<Vec<(PathBuf, String)>, HomeError> {
    let mut scripts = Vec::new();
    for name in START_SCRIPTS {
        let path = home.join(name);
        if let Some(text) = if_there(read_text(&path).map_err(HomeError::from))? {
            scripts.push((path, text));
        }
    }
    Ok(scripts)
}

/// The Java the first script accepts that says so: the line that tells what is supported names the releases.
pub(super) fn java_range(scripts: &[(PathBuf, String)]) -> Option<JavaRange> {
    scripts.iter().flat_map(|(_, text)| text.lines()).find_map(parse_range)
}

fn parse_range(line: &str) -> Option<JavaRange> {
    let lower = line.to_ascii_lowercase();
    let (_, words) = lower.split_once("supported only")?;
    let mut features = Vec::new();
    for word in words.split(|c: char| !c.is_ascii_digit() && c != '.') {
        let word = word.trim_matches('.');
        let feature = word.strip_prefix("1.").unwrap_or(word).split('.').next().unwrap_or_default();
        // A number above 99 is no release of Java.
        features.extend(feature.parse::<u32>().ok().filter(|feature| (1..100).contains(feature)));
    }
    let open = ["above", "higher", "later", "newer", "+"].iter().any(|mark| words.contains(mark));
    let (from, to) = (*features.iter().min()?, *features.iter().max()?);
    Some(JavaRange { from, to: (!open).then_some(to) })
}

/// Perilous options in the scripts, in units that name the home, and in the running process.
pub(super) fn perilous_options(
    home: &Path,
    scripts: &[(PathBuf, String)],
    unit_dirs: &[&Path],
    running: Option<&JavaProcess>,
) -> Result<Vec<PerilousOption>, String> {
    let mut found = Vec::new();
    let option = |place: String, option: &str| PerilousOption { place, option: option.to_owned() };
    for (path, text) in scripts {
        found
            .extend(options_of_script(text).into_iter().map(|name| option(path.display().to_string(), name)));
    }
    for path in units(unit_dirs).map_err(|error| format!("{error}. {}", error.remedy()))? {
        let text = match read_text(&path) {
            Ok(text) => text,
            // A unit may be masked: a link to /dev/null, or to what is not there.
            Err(error) if error.is_no_file() => continue,
            Err(error) => return Err(explain_text(&error)),
        };
        if names_home(&text, &home.display().to_string()) {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']));
            let names = PERILOUS.into_iter().filter(|name| lines.clone().any(|line| has_word(line, name)));
            found.extend(names.map(|name| option(path.display().to_string(), name)));
        }
    }
    if let Some(process) = running {
        let has = |name: &str| {
            process.arguments.iter().any(|argument| {
                argument == name.as_bytes()
                    || argument.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
            })
        };
        let names = PERILOUS.into_iter().filter(|name| has(name));
        found.extend(names.map(|name| option(format!("process {}", process.pid), name)));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether a text names the home, and not one whose name only begins so.
fn names_home(text: &str, home: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c));
    text.match_indices(home).any(|(at, found)| !text.get(at + found.len()..).is_some_and(goes_on))
}

/// A script compares its arguments with such words and explains them; only what it passes on counts.
fn options_of_script(text: &str) -> Vec<&'static str> {
    let passes = |line: &&str| {
        let line = line.trim_start();
        !["echo", "if ", "elif ", "case "].iter().any(|word| line.starts_with(word)) && !line.ends_with(')')
    };
    let lines = || text.lines().map(code_of).filter(passes);
    PERILOUS.into_iter().filter(|name| lines().any(|line| has_word(line, name))).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| c.is_whitespace() || "\"'\\;".contains(c))
        .any(|part| part == word || part.strip_prefix(word).is_some_and(|rest| rest.starts_with('=')))
}

fn units(directories: &[&Path]) -> Result<Vec<PathBuf>, HomeError> {
    let mut units = Vec::new();
    for directory in directories {
        let names = if_there(list(directory, MOST_UNITS, "units"))?.unwrap_or_default();
        let services = names.into_iter().filter(|name| name.ends_with(".service"));
        units.extend(services.map(|name| directory.join(name)));
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    #[test]
    fn the_range_is_what_the_script_says_of_itself() {
        let rows = [
            ("   echo \" [ERROR] CARBON is supported only on JDK 1.7 and 1.8\"", Some((7, Some(8)))),
            ("echo \" [ERROR] CARBON is supported only between JDK 1.7 and JDK 11\"", Some((7, Some(11)))),
            ("echo \"[ERROR] CARBON is supported only between JDK 11 and JDK 17\"", Some((11, Some(17)))),
            ("echo \" [ERROR] CARBON is supported only on JDK 21 and above\"", Some((21, None))),
            ("echo \"supported only\"", None),
            ("echo Starting 2020", None),
        ];
        for (line, expected) in rows {
            assert_eq!(parse_range(line).map(|range| (range.from, range.to)), expected, "{line}");
        }
    }

    #[test]
    fn perilous_options_are_found_where_they_are_passed_on() {
        let rows: [(&str, &[&str]); 7] = [
            ("$JAVACMD -Dsetup -Dcarbon.home=\"$CARBON_HOME\"", &["-Dsetup"]),
            ("args=\"-Dsetup=true $args\"", &["-Dsetup"]),
            ("exec java org.wso2.Main --cleanRegistry", &["--cleanRegistry"]),
            ("# $JAVACMD -Dsetup", &[]),
            ("if [ \"$c\" = \"--cleanRegistry\" ]; then", &[]),
            ("echo \"use -Dsetup to make tables\"", &[]),
            ("java -Dsetupx -Dmy-Dsetup", &[]),
        ];
        for (script, expected) in rows {
            assert_eq!(options_of_script(script), expected, "{script}");
        }
    }

    #[test]
    fn units_count_when_they_name_the_home_and_processes_when_they_run() {
        let example = Example::new().lay_out();
        let home = example.home();
        let units = example.root().join("units");
        std::fs::create_dir(&units).unwrap();
        let unit = |name: &str, text: String| std::fs::write(units.join(name), text).unwrap();
        unit("esb.service", format!("[Service]\nExecStart={}/bin/wso2server.sh -Dsetup\n", home.display()));
        unit("other.service", "[Service]\nExecStart=/opt/x/bin/wso2server.sh -Dsetup\n".to_owned());
        unit("older.service", format!("[Service]\nExecStart={}-old/bin/x.sh -Dsetup\n", home.display()));
        unit("off.service", format!("#ExecStart={} --cleanRegistry\n", home.display()));
        std::os::unix::fs::symlink("/dev/null", units.join("masked.service")).unwrap();
        let process = JavaProcess {
            pid: 9,
            dir: "/proc/9".into(),
            arguments: vec![b"java".to_vec(), b"-Dsetup".to_vec()],
        };
        let found = perilous_options(&home, &[], &[&units], Some(&process)).unwrap();
        let brief: Vec<_> =
            found.iter().map(|each| (each.place.rsplit('/').next().unwrap(), each.option.as_str())).collect();
        assert_eq!(brief, [("esb.service", "-Dsetup"), ("process 9", "-Dsetup")]);
    }
}
