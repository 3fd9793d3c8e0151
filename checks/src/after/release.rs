//! Is the release that was meant installed, does it run, and did the upgrade of the data end?

use super::{Both, Item, Sides, Topic, remedy, shown};
use crate::facts::{Missing, Snapshot, Source, Statement, StatementOf, UpgradeStep};
use crate::rules::wording::{counted, excerpt};
use crate::version::ProductVersion;

/// What CONFVERSION.VERSIONTAG begins with while an upgrade runs.
const LOCK: &str = "lock_for_upgrade";

/// The release that is installed, by the installation's own word.
pub(super) fn installed(side: &Snapshot) -> Result<ProductVersion, Missing> {
    Ok(side.installation()?.version.read(Source::Installation, "the installed version")?.clone())
}

pub(super) fn version(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::Version;
    let both = sides.both(installed);
    let (before, now) = match both.known(topic, ToString::to_string) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let meant = sides.expected.map_or_else(|| format!("newer than {before}"), ToString::to_string);
    let problem = if now == before {
        Some(format!("{now} is installed as before: was it upgraded at all?"))
    } else if sides.expected.is_some_and(|expected| expected != now) {
        Some(format!("{now} is installed, and {meant} was meant"))
    } else if now < before {
        Some(format!("{now} is installed, which is older than {before}"))
    } else {
        None
    };
    let item = match problem {
        None => Item::well(topic, format!("{now} is installed, after {before}")),
        Some(problem) => Item::blocked(topic, problem).so_do(format!(
            "Needed is {meant}. Look which installation directory the service starts from, and whether the agent's \
             configuration names the new one (installation_dir); then end the upgrade, or name the release that was \
             meant with --target."
        )),
    };
    vec![item.seen(before.to_string(), now.to_string())]
}

/// Every place that states the version of the program, and the first that states another one than is installed.
pub(super) fn statements(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::Statements;
    let both = sides.both(stated_programs);
    let show = |stated: &Vec<&Statement>| {
        let says = |one: &&Statement| one.says.value().map_or("not known".to_owned(), |says| excerpt(says));
        let mut versions: Vec<String> = stated.iter().map(says).collect();
        versions.sort();
        versions.dedup();
        format!("{} in {}", versions.join(", "), counted(stated.len() as u64, "place"))
    };
    let before = shown(&both.before, show);
    let version = installed(sides.now);
    let (stated, version) = match (&both.now, &version) {
        (Ok(stated), Ok(version)) => (stated, version),
        (Err(missing), _) | (_, Err(missing)) => {
            let now = format!("not known: {missing}");
            return vec![Item::unknown(topic).seen(before, now).so_do(remedy(false, true))];
        }
    };
    let mut items = Vec::new();
    for Statement { place, says, .. } in stated {
        let says = says.read(Source::Installation, "the version");
        let parsed = says.as_ref().ok().and_then(|says| says.trim().parse::<ProductVersion>().ok());
        match parsed {
            Some(says) if says == *version => {}
            Some(says) => items.push(
                Item::blocked(topic, format!("{place} states {says}, and {version} is installed"))
                    .about(place)
                    .seen(before.clone(), says.to_string())
                    .so_do(
                        "Files of two releases lie in one directory, or a part of the old one was copied over. Unpack the \
                         release into an empty directory and carry over what was changed by hand.",
                    ),
            ),
            None => items.push(
                Item::untold(topic, &format!("the version in {place}"))
                    .about(place)
                    .seen(before.clone(), no_version(&says))
                    .so_do(remedy(false, true)),
            ),
        }
    }
    if items.is_empty() {
        let places = counted(stated.len() as u64, "place");
        items.push(Item::well(topic, format!("{version} in {places}")).seen(before, show(stated)));
    }
    items
}

fn no_version(says: &Result<&String, Missing>) -> String {
    match says {
        Ok(says) => format!("not known: {:?} is no version", excerpt(says)),
        Err(missing) => format!("not known: {missing}"),
    }
}

fn stated_programs(side: &Snapshot) -> Result<Vec<&Statement>, Missing> {
    let statements = &side.installation()?.statements;
    let stated: Vec<&Statement> = statements.iter().filter(|one| one.of.is_of_program()).collect();
    if stated.is_empty() {
        return Err(Missing::Unread {
            of: Source::Installation,
            what: "the version of the program".to_owned(),
            why: "no file states it".to_owned(),
        });
    }
    Ok(stated)
}

/// The version the running application states must be the installed one.
pub(super) fn running(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::RunningVersion;
    let both = sides.both(running_version);
    let before = shown(&both.before, ToString::to_string);
    let version = installed(sides.now);
    let item = match (&both.now, &version) {
        (Ok(running), Ok(version)) if running == version => {
            Item::well(topic, format!("{running} runs")).seen(before, running.to_string())
        }
        (Ok(running), Ok(version)) => {
            Item::blocked(topic, format!("{running} runs, and {version} is installed"))
                .seen(before, running.to_string())
                .so_do("The service still runs from the old installation, or was not restarted: restart it from the new one.")
        }
        (Err(missing), _) | (_, Err(missing)) => {
            let now = format!("not known: {missing}");
            Item::unknown(topic).seen(before, now).so_do(remedy(false, true))
        }
    };
    vec![item]
}

fn running_version(side: &Snapshot) -> Result<ProductVersion, Missing> {
    let what = "the version of the running application";
    let unread = |why| Missing::Unread { of: Source::Application, what: what.to_owned(), why };
    let told = side.application()?.version.read(Source::Application, what)?;
    let told = told.as_deref().ok_or_else(|| unread("it states none".to_owned()))?;
    told.trim().parse().map_err(|_not_a_version| unread(format!("it states {:?}", excerpt(told))))
}

/// Build numbers one side states.
struct Builds<'a> {
    home: u32,
    shared: Option<u32>,
    newest: &'a UpgradeStep,
}

impl Builds<'_> {
    fn show(&self) -> String {
        let shared = self.shared.map_or_else(String::new, |shared| format!(", shared home {shared}"));
        let tag = self.newest.tag.as_deref().filter(|tag| is_lock(tag));
        let tag = tag.map_or_else(String::new, |tag| format!(" with the tag {}", excerpt(tag)));
        format!("home {}{shared}, database {}{tag}", self.home, self.newest.build)
    }
}

/// Home and database must have ended at the same build, and none earlier than before.
pub(super) fn builds(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::Builds;
    let both: Both<Builds<'_>> = sides.both(read_builds);
    let (before, now) = (shown(&both.before, Builds::show), shown(&both.now, Builds::show));
    let mut items = Vec::new();
    if let Ok(builds) = &both.now {
        let log = "Read logs/atlassian-confluence.log of the start after the upgrade: \"Upgrade completed successfully\" ends \
                   it. When it failed, restore database and home directory of the same moment; do not edit the numbers.";
        let newest = builds.newest;
        if newest.tag.as_deref().is_some_and(is_lock) {
            items.push(
                Item::blocked(topic, "the upgrade is still running, or died half-way")
                    .about("lock")
                    .so_do(log),
            );
        }
        if builds.home != newest.build {
            let summary = format!(
                "the home directory is at build {} and the database at {}",
                builds.home, newest.build
            );
            items.push(Item::blocked(topic, summary).about("database").so_do(log));
        }
        if let Some(shared) = builds.shared.filter(|shared| *shared != builds.home) {
            let summary =
                format!("the shared home is at build {shared} and this node's home at {}", builds.home);
            let remedy = "See whether every node was started with the new release, the last one too, and restart this one.";
            items.push(Item::warning(topic, summary).about("shared-home").so_do(remedy));
        }
        if let Ok(earlier) = &both.before
            && builds.home.min(newest.build) < earlier.home.min(earlier.newest.build)
        {
            let summary = "home or database are at an earlier build than before";
            let remedy = "They were restored from a backup older than the snapshot, or are another instance's. Find out \
                          which backup it was before people write into it.";
            items.push(Item::blocked(topic, summary).about("earlier").so_do(remedy));
        }
    }
    if both.before.is_err() || both.now.is_err() {
        items.push(Item::unknown(topic).so_do(remedy(both.before.is_err(), both.now.is_err())));
    }
    if items.is_empty() {
        items.push(Item::well(topic, now.clone()));
    }
    items.into_iter().map(|item| item.seen(before.clone(), now.clone())).collect()
}

fn read_builds(side: &Snapshot) -> Result<Builds<'_>, Missing> {
    let installation = side.installation()?;
    let stated = |of: StatementOf| installation.statements.iter().find(|statement| statement.of == of);
    let home = stated(StatementOf::HomeBuild).ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: "the build number of the home directory".to_owned(),
        why: format!("nothing in {} states it", installation.home_dir),
    })?;
    let database = side.database()?;
    let steps = database.upgrade_steps.read(Source::Database, "the product's record of upgrades")?;
    Ok(Builds {
        home: build(home)?,
        shared: stated(StatementOf::SharedHomeBuild).map(build).transpose()?,
        newest: steps.first().ok_or_else(|| Missing::Unread {
            of: Source::Database,
            what: "the newest row of the product's record of upgrades".to_owned(),
            why: format!("the table has no row at {}", database.address),
        })?,
    })
}

fn build(statement: &Statement) -> Result<u32, Missing> {
    let what = format!("the build number in {}", statement.place);
    let says = statement.says.read(Source::Installation, &what)?;
    let number = says.trim().parse();
    number.map_err(|why| Missing::Unread {
        of: Source::Installation,
        what,
        why: format!("{:?} is not a build number: {why}", excerpt(says)),
    })
}

fn is_lock(tag: &str) -> bool {
    tag.trim().get(..LOCK.len()).is_some_and(|start| start.eq_ignore_ascii_case(LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Row, judges, judges_expecting, unread};
    use crate::facts::Field;
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    fn says(of: StatementOf, says: &str) -> Statement {
        Statement { place: "/some/file".into(), of, says: Field::Read(says.into()) }
    }

    #[test]
    fn the_release_that_was_meant_must_be_installed() {
        let topic = Topic::Version;
        let rows: &[Row] = &[
            ("newer", |_| {}, &[(Ready, None)]),
            (
                "the same",
                |p| p.installation().version = Field::Read("9.2.7".parse().unwrap()),
                &[(Blocked, None)],
            ),
            (
                "older",
                |p| p.installation().version = Field::Read("9.2.6".parse().unwrap()),
                &[(Blocked, None)],
            ),
            ("not known now", |p| p.installation().version = unread(), &[(Unknown, None)]),
            ("not known before", |p| p.installation_before().version = unread(), &[(Unknown, None)]),
        ];
        judges(topic, rows);
        let rows: &[Row] = &[
            ("another than was meant", |_| {}, &[(Blocked, None)]),
            (
                "the one",
                |p| p.installation().version = Field::Read("9.2.11".parse().unwrap()),
                &[(Ready, None)],
            ),
        ];
        judges_expecting(Some("9.2.11"), topic, rows);
    }

    #[test]
    fn every_place_states_the_installed_version() {
        let rows: &[Row] = &[
            (
                "one more",
                |p| p.installation().statements.push(says(StatementOf::ProgramVersion, "9.2.10")),
                &[(Ready, None)],
            ),
            (
                "an old one",
                |p| p.installation().statements.push(says(StatementOf::ProgramVersion, "9.2.7")),
                &[(Blocked, Some("/some/file"))],
            ),
            (
                "no version",
                |p| p.installation().statements.push(says(StatementOf::ProgramVersion, "<html>")),
                &[(Unknown, Some("/some/file"))],
            ),
            (
                "unread",
                |p| {
                    let says = unread();
                    let place = "/x".into();
                    p.installation().statements.push(Statement {
                        place,
                        of: StatementOf::ProgramVersion,
                        says,
                    });
                },
                &[(Unknown, Some("/x"))],
            ),
            ("none", |p| p.installation().statements.clear(), &[(Unknown, None)]),
            ("none before", |p| p.installation_before().statements.clear(), &[(Ready, None)]),
        ];
        judges(Topic::Statements, rows);
    }

    #[test]
    fn the_installed_version_must_run() {
        let rows: &[Row] = &[
            (
                "the old one",
                |p| p.application().version = Field::Read(Some("9.2.7".into())),
                &[(Blocked, None)],
            ),
            ("it states none", |p| p.application().version = Field::Read(None), &[(Unknown, None)]),
            (
                "it states nonsense",
                |p| p.application().version = Field::Read(Some("new".into())),
                &[(Unknown, None)],
            ),
            ("unread", |p| p.application().version = unread(), &[(Unknown, None)]),
            ("installed is not known", |p| p.installation().version = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::RunningVersion, rows);
    }

    #[test]
    fn home_and_database_are_at_the_same_build() {
        let rows: &[Row] = &[
            ("a later build", |p| p.builds(9200, 9200), &[(Ready, None)]),
            ("a database that was not upgraded", |p| p.builds(9200, 9111), &[(Blocked, Some("database"))]),
            ("both earlier", |p| p.builds(9000, 9000), &[(Blocked, Some("earlier"))]),
            (
                "a lock",
                |p| p.steps()[0].tag = Some("lock_for_upgrade_to_9200".into()),
                &[(Blocked, Some("lock"))],
            ),
            (
                "a shared home that stayed behind",
                |p| p.installation().statements.push(says(StatementOf::SharedHomeBuild, "9000")),
                &[(Warning, Some("shared-home"))],
            ),
            ("no row", |p| p.steps().clear(), &[(Unknown, None)]),
            ("unread", |p| p.database().upgrade_steps = unread(), &[(Unknown, None)]),
            (
                "unread before, and a lock",
                |p| {
                    p.database_before().upgrade_steps = unread();
                    p.steps()[0].tag = Some("LOCK_FOR_UPGRADE_TO_9200".into());
                },
                &[(Blocked, Some("lock")), (Unknown, None)],
            ),
            ("no number", |p| p.home_build("9111; DROP"), &[(Unknown, None)]),
        ];
        judges(Topic::Builds, rows);
    }
}
