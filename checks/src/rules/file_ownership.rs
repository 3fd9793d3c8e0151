//! Can the service use the files it must use?

use crate::facts::{Field, FileOwnership, Installation, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "file-ownership",
    title: "Files the service can use",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Installation],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Owner, group and mode of the home directory, the configuration and the directories the service writes to, beside the \
user the service runs under.

## Why it matters

Somebody who works as root leaves files behind that belong to root. The running service may not notice for months; the \
upgrade, which rewrites the configuration and moves the index at its first start, does, and stops. The startup checks on \
this are listed at <https://confluence.atlassian.com/confkb/confluence-startup-checks-935906984.html>, those on the index \
at <https://ja.confluence.atlassian.com/confkb/startup-check-split-index-migration-1004960943.html>.

## How to fix it

Give the file to the user of the service: `chown --reference=<home> <file>`, with `-R` for a directory. Access control \
lists are not read: where one grants what owner and mode do not (`getfacl <file>`), waive the finding.

## What it needs

Read access to the home directory, far enough to see the owners of the files in it, and to `bin/user.sh` of the \
installation, which names the service's user; where it names none, the owner of `logs` in the home is taken for it. \
The user has to be in `/etc/passwd`: a directory service is not asked.

## Settings

None.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let installation = case.facts.installation()?;
    let files = &installation.ownership;
    if files.is_empty() {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Installation,
            what: "the owners of the files".to_owned(),
            why: "none of the files that matter was found".to_owned(),
        }));
    }
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for file in files {
        match &file.usable {
            Field::Read(true) => found.extend(owned_by_root(installation, file)),
            Field::Read(false) => found.push(out_of_reach(installation, file)),
            Field::Unread(why) => {
                found.extend(owned_by_root(installation, file));
                missing.push(Missing::Unread {
                    of: Source::Installation,
                    what: format!("whether the service can use {}", file.path),
                    why: why.clone(),
                });
            }
        }
    }
    let evidence =
        format!("owner and mode of {} files and directories under {}", files.len(), installation.home_dir);
    conclude(evidence, found, missing)
}

fn out_of_reach(installation: &Installation, file: &FileOwnership) -> Finding {
    let (severity, verb) =
        if file.must_write { (Severity::Blocker, "write") } else { (Severity::Warning, "read") };
    Finding {
        severity,
        subject: file.path.clone(),
        summary: format!("The service cannot {verb} {}", file.path),
        observed: described(file),
        required: format!("the service's user can {verb} it"),
        remedy: format!(
            "{} If an access control list grants it after all (`getfacl {}`), waive this finding.",
            hand_over(installation, file),
            file.path
        ),
    }
}

/// A configuration file of root's, in a home that is somebody else's: usable today by its mode, but not for long.
fn owned_by_root(installation: &Installation, file: &FileOwnership) -> Option<Finding> {
    let home = home(installation)?;
    let strange = !file.directory && file.must_write && file.uid == 0 && home.uid != 0;
    strange.then(|| Finding {
        severity: Severity::Warning,
        subject: file.path.clone(),
        summary: format!("{} belongs to root, in a home that belongs to {}", file.path, home.owner),
        observed: described(file),
        required: format!("owner {}", home.owner),
        remedy: hand_over(installation, file),
    })
}

fn home(installation: &Installation) -> Option<&FileOwnership> {
    installation.ownership.iter().find(|file| file.path == installation.home_dir)
}

fn described(file: &FileOwnership) -> String {
    let FileOwnership { owner, uid, gid, mode, .. } = file;
    format!("owner {owner} ({uid}), group {gid}, mode {mode:04o}")
}

fn hand_over(installation: &Installation, file: &FileOwnership) -> String {
    let recursive = if file.directory { "-R " } else { "" };
    match home(installation) {
        Some(home) if home.path != file.path && home.uid != file.uid => format!(
            "Run as root: `chown {recursive}--reference={} {}`, and find out who works there as root.",
            home.path, file.path
        ),
        Some(_) | None => format!(
            "Give {} to the user of the service: run as root `chown {recursive}USER: {path}` with its name, and \
             `chmod u+rwX {path}`.",
            file.path,
            path = file.path
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, installation, judges_spoilt, look, unread};

    const HOME: &str = "/var/atlassian/application-data/confluence";
    const CFG: &str = "/var/atlassian/application-data/confluence/confluence.cfg.xml";
    const INDEX: &str = "/var/atlassian/application-data/confluence/index";

    fn file<'a>(golden: &'a mut Golden, path: &str) -> &'a mut FileOwnership {
        installation(golden).ownership.iter_mut().find(|file| file.path == path).unwrap()
    }

    #[test]
    fn judges_owner_and_mode() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("not writable", |g| file(g, INDEX).usable = Field::Read(false), Blocked, &[(B, INDEX)]),
            (
                "not readable",
                |g| {
                    file(g, INDEX).usable = Field::Read(false);
                    file(g, INDEX).must_write = false;
                },
                Warning,
                &[(W, INDEX)],
            ),
            ("home not writable", |g| file(g, HOME).usable = Field::Read(false), Blocked, &[(B, HOME)]),
            ("configuration of root's", |g| file(g, CFG).uid = 0, Warning, &[(W, CFG)]),
            (
                "of root's and not writable",
                |g| {
                    file(g, CFG).uid = 0;
                    file(g, CFG).usable = Field::Read(false);
                },
                Blocked,
                &[(B, CFG)],
            ),
            (
                "everything is root's, as is the service",
                |g| installation(g).ownership.iter_mut().for_each(|file| file.uid = 0),
                Ready,
                &[],
            ),
            ("user not known", |g| file(g, INDEX).usable = unread(), Unknown, &[]),
            (
                "user not known, of root's",
                |g| {
                    file(g, CFG).usable = unread();
                    file(g, CFG).uid = 0;
                },
                Unknown,
                &[(W, CFG)],
            ),
            (
                "one not known, one not writable",
                |g| {
                    file(g, CFG).usable = unread();
                    file(g, INDEX).usable = Field::Read(false);
                },
                Blocked,
                &[(B, INDEX)],
            ),
            ("nothing was seen", |g| installation(g).ownership.clear(), Unknown, &[]),
            ("home was not seen", |g| drop(installation(g).ownership.remove(0)), Ready, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn the_remedy_is_a_command_that_works() {
        let mut golden = golden();
        file(&mut golden, CFG).uid = 0;
        let seen = look(&CHECK, &golden);
        let command = format!("`chown --reference={HOME} {CFG}`");
        assert!(seen.findings[0].remedy.contains(&command), "{}", seen.text());
    }
}
