//! The files that say who starts the service: units of systemd, and scripts of init.
//!
//! Drop-ins of units are not read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{FailureKind, ServiceManager};

use super::cgroup::is_unit_name;
use crate::chain::Chain;
use crate::collect::host::HostPaths;
use crate::collect::layout::Launch;
use crate::collect::text_file::{ReadTextError, read_text_up_to};

/// No unit and no script of init is longer.
const MOST_BYTES: u64 = 256 * 1024;

/// No more files of one directory are looked at.
const MOST_FILES: usize = 4000;

/// Names listed in a message.
const MOST_LISTED: usize = 4;

/// How surely a file starts the service; the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    /// It runs the script that starts it.
    Starts,
    /// It runs something of the installation.
    Runs,
    /// It works in the installation.
    WorksIn,
}

/// What was found in one kind of files.
#[derive(Default)]
struct Findings {
    /// Those that name the installation.
    named: BTreeMap<String, Sureness>,
    /// Why the search was not complete.
    gap: Option<String>,
}

/// Looks for what starts the service. `Err` is why that cannot be told.
pub(super) fn find_starter(paths: &HostPaths, launch: &Launch) -> Result<Option<ServiceManager>, String> {
    let known = Known::of(launch);
    let units = find_units(paths, &known);
    if let Some(unit) = units.surest("units of systemd")? {
        if unit.contains("@.") {
            return Err(format!(
                "the unit template {unit} starts it, and which instance of it is not known while the service does not \
                 run; `systemctl list-units '{}'` lists them",
                unit.replace("@.", "@*.")
            ));
        }
        return Ok(Some(ServiceManager::Systemd { unit }));
    }
    let scripts = find_scripts(paths, &known);
    if let Some(path) = scripts.surest("scripts of init")? {
        return Ok(Some(ServiceManager::InitScript { path }));
    }
    match units.gap.or(scripts.gap) {
        Some(why) => Err(why),
        None => Ok(None),
    }
}

impl Findings {
    fn surest(&self, what: &str) -> Result<Option<String>, String> {
        let Some(&best) = self.named.values().min() else { return Ok(None) };
        let mut names = self.named.iter().filter(|(_, sureness)| **sureness == best).map(|(name, _)| name);
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(Some(name.clone())),
            (Some(first), Some(second)) => {
                let listed: Vec<&str> =
                    [first, second].into_iter().chain(names).map(String::as_str).take(MOST_LISTED).collect();
                Err(format!("several {what} start it: {}. Keep the one that is used", listed.join(", ")))
            }
            (None, _) => Ok(None),
        }
    }

    fn miss(&mut self, why: String) {
        self.gap.get_or_insert(why);
    }
}

/// The installation, as files may name it.
struct Known<'l> {
    launch: &'l Launch,
    real: Option<PathBuf>,
}

impl<'l> Known<'l> {
    fn of(launch: &'l Launch) -> Self {
        let real = launch.dir.canonicalize().ok().filter(|real| *real != launch.dir);
        Self { launch, real }
    }

    fn dirs(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.launch.dir.as_path()).chain(self.real.as_deref())
    }

    /// How a command line names it.
    fn in_command(&self, line: &str) -> Option<Sureness> {
        let runs = self.dirs().any(|dir| names(line, dir));
        if runs && self.launch.scripts.iter().any(|script| line.contains(script)) {
            return Some(Sureness::Starts);
        }
        if runs {
            return Some(Sureness::Runs);
        }
        // A link that leads into the installation names it as well.
        let program = line.split_whitespace().next()?.trim_start_matches(['@', '-', ':', '+', '!']);
        let program = Path::new(program.trim_matches(['"', '\'']));
        let program = program.is_absolute().then(|| program.canonicalize().ok()).flatten()?;
        let dir = self.dirs().find(|dir| program.starts_with(dir))?;
        let starts = self.launch.scripts.iter().any(|script| program == dir.join(script));
        Some(if starts { Sureness::Starts } else { Sureness::Runs })
    }

    fn holds(&self, path: &str) -> bool {
        let path = Path::new(path.trim_start_matches('-').trim_matches(['"', '\'']));
        let real = path.is_absolute().then(|| path.canonicalize().ok()).flatten();
        self.dirs()
            .any(|dir| path.starts_with(dir) || real.as_ref().is_some_and(|real| real.starts_with(dir)))
    }
}

/// Whether a text names a directory, and not one whose name only begins or ends alike.
fn names(text: &str, dir: &Path) -> bool {
    let Some(dir) = dir.to_str().map(|dir| dir.trim_end_matches('/')).filter(|dir| !dir.is_empty()) else {
        return false;
    };
    let of_a_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    text.match_indices(dir).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| of_a_name(c) || c == '/') && !after.is_some_and(of_a_name)
    })
}

fn find_units(paths: &HostPaths, known: &Known<'_>) -> Findings {
    let mut findings = Findings::default();
    // The first directory that has a name decides what it means.
    let mut seen = BTreeSet::new();
    for dir in [&paths.etc_dir, &paths.usr_lib_dir, &paths.lib_dir].map(|dir| dir.join("systemd/system")) {
        for path in list(&dir, &mut findings) {
            let Some(name) = file_name(&path).filter(|name| is_unit_name(name)) else { continue };
            if !seen.insert(name.to_owned()) {
                continue;
            }
            let Some(text) = read(&path, &mut findings) else { continue };
            if let Some(sureness) = judge_unit(&text, known) {
                findings.named.insert(
                    real_name(&path).filter(|name| is_unit_name(name)).unwrap_or(name.to_owned()),
                    sureness,
                );
            }
        }
    }
    findings
}

/// How a unit names the installation. Form: `man 7 systemd.syntax`, `man 5 systemd.service`.
fn judge_unit(text: &str, known: &Known<'_>) -> Option<Sureness> {
    let mut section = String::new();
    let mut found = None;
    for line in joined(text) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "Service") else { continue };
        let sureness = match key.trim_end() {
            "ExecStart" => known.in_command(value.trim_start()),
            "WorkingDirectory" => known.holds(value.trim()).then_some(Sureness::WorksIn),
            _ => None,
        };
        found = [found, sureness].into_iter().flatten().min();
    }
    found
}

/// Lines without comments; one that ends with a backslash goes on in the next.
fn joined(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        match line.strip_suffix('\\') {
            Some(part) => {
                begun.push_str(part);
                begun.push(' ');
            }
            None => lines.push(std::mem::take(&mut begun) + line),
        }
    }
    lines.push(begun);
    lines
}

fn find_scripts(paths: &HostPaths, known: &Known<'_>) -> Findings {
    let mut findings = Findings::default();
    for path in list(&paths.etc_dir.join("init.d"), &mut findings) {
        let plain =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
        if !file_name(&path).is_some_and(plain) || !is_executable(&path) {
            continue;
        }
        let Some(text) = read(&path, &mut findings) else { continue };
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        if !lines.any(|line| known.dirs().any(|dir| names(line, dir))) {
            continue;
        }
        let script = |script: &&str| text.contains(script.rsplit('/').next().unwrap_or(script));
        let starts = known.launch.scripts.iter().any(script);
        let path = match real_name(&path) {
            Some(name) => path.with_file_name(name),
            None => path,
        };
        let sureness = if starts { Sureness::Starts } else { Sureness::Runs };
        findings.named.insert(path.display().to_string(), sureness);
    }
    findings
}

/// The files of a directory in order; one that is not there has none.
fn list(dir: &Path, findings: &mut Findings) -> Vec<PathBuf> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            findings.miss(format!("listing {}: {error}", dir.display()));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).take(MOST_FILES + 1).collect();
    if paths.len() > MOST_FILES {
        findings.miss(format!("{} holds more than {MOST_FILES} files", dir.display()));
    }
    paths.sort();
    paths.truncate(MOST_FILES);
    paths
}

/// The text of a file; `None` when it surely starts nothing, or is a gap in the findings.
fn read(path: &Path, findings: &mut Findings) -> Option<String> {
    match read_text_up_to(path, MOST_BYTES) {
        Ok(text) => Some(text),
        // A unit that is masked is a link to a device; programs are not text.
        Err(ReadTextError::NotAFile { .. } | ReadTextError::NotText { .. }) => None,
        Err(error) if error.kind() == FailureKind::Absent => None,
        Err(error) => {
            findings.miss(format!("{}. {}", Chain(&error), error.remedy()));
            None
        }
    }
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// The name of what a link leads to, when it is in the same kind of place: an alias of it.
fn real_name(path: &Path) -> Option<String> {
    file_name(&path.canonicalize().ok()?).map(str::to_owned)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
