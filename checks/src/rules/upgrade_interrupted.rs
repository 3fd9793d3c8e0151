//! Did the last upgrade of this instance end, and do home and database belong together?

mod carbon;

use std::num::ParseIntError;

use super::wording::excerpt;
use crate::facts::{Family, Installation, Missing, Source, Statement, StatementOf, UpgradeStep};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "upgrade-interrupted",
    title: "No upgrade that stopped half-way",
    category: Category::Release,
    products: Products::All,
    reads: &[Source::Installation, Source::Database, Source::Rehearsal],
    people: People::MaySayNothing,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Confluence: `buildNumber` and `setupStep` in `confluence.cfg.xml` of the home directory (and of the shared home of a cluster), and \
the newest row of the table CONFVERSION: its build number and its version tag.

WSO2 Carbon, in the running home and in the one that is set up beside it: the version in the four places that state one \
(`bin/version.txt`, `bin/wso2carbon-version.txt`, `carbon.xml`, the bundle `org.wso2.carbon.core`), placeholders of the \
vendor's build that were never replaced, and patches that lie there and were not applied or are not in effect.

## Why it matters

Confluence compares the build number of the home directory with that of the newest row when it starts, and refuses to \
start when they differ: an earlier upgrade failed, or home and database were restored from different days. \
CONFVERSION records upgrade tasks that ended well, so its numbers can be lower than the build of the program; home and \
newest row must still be equal. \
<https://confluence.atlassian.com/confkb/confluence-data-center-will-not-start-up-because-the-build-number-in-the-home-directory-doesn-t-match-the-build-number-in-the-database-after-upgrade-376834096.html>
While an upgrade runs, the newest row carries the tag `lock_for_upgrade_to_<build>`. A tag that stays there means that \
the upgrade is still running, or died. On older rows it is left over and means nothing.

A `carbon.xml` that states another version than the program was copied over from another release, which the vendor's guide \
forbids: the new options of the release are then missing without a word, and logs and consoles show the wrong number. That \
blocks when it is in the new home, and warns when it is in the running one, which works with it. Patches that were put \
there and never applied make the running release another one than people think; they warn.

## How to fix it

Restore the database and the home directory from backups of the same moment, with the program of that time, and start \
once to see that it runs. Never change the build numbers by hand to get past the check: the tables then are not what \
the program takes them for.

WSO2 Carbon: take the configuration of the release itself from its archive and carry own changes over by hand. Restart the \
server to apply patches, or remove them.

## What it needs

Read access to `confluence.cfg.xml` of the home and the shared home directory. In the database \
`GRANT SELECT ON confversion TO readiness;` (MySQL: `GRANT SELECT ON confluence.CONFVERSION TO 'readiness'@'localhost';`). WSO2 Carbon: read access to `bin` and \
`repository` of both homes.

## Settings

None.
";

/// What CONFVERSION.VERSIONTAG begins with while an upgrade runs.
const LOCK: &str = "lock_for_upgrade";

/// What setupStep says once set-up has ended.
const SET_UP: &str = "complete";

const QUERY: &str = "SELECT buildnumber, installdate, versiontag FROM confversion ORDER BY installdate DESC;";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    match case.facts.product.family() {
        Family::Confluence => confluence(case),
        Family::Carbon => carbon::evaluate(case),
    }
}

fn confluence(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let mut home = None;
    match case.facts.installation() {
        Ok(installation) => {
            keep(set_up(installation).map(|finding| found.extend(finding)), &mut missing);
            home = keep(home_build(installation), &mut missing);
            let shared = keep(shared_build(installation), &mut missing).flatten();
            found.extend(home.zip(shared).and_then(|(home, shared)| shared_differs(home, shared)));
        }
        Err(not_seen) => missing.push(not_seen),
    }
    let newest = keep(newest_step(case), &mut missing);
    if let Some((step, address)) = newest {
        found.extend(lock(step, address));
        found.extend(home.and_then(|home| differs(home, step, address)));
    }
    let evidence = match (home, newest) {
        (Some((home, _)), Some((step, _))) => {
            let tag = step
                .tag
                .as_deref()
                .map_or_else(|| "no tag".to_owned(), |tag| format!("tag {}", excerpt(tag)));
            format!(
                "the home directory is at build {home}, the newest row of CONFVERSION at {} with {tag}",
                step.build
            )
        }
        (Some(_) | None, _) => String::new(),
    };
    conclude(evidence, found, missing)
}

/// Notes what could not be seen.
fn keep<T>(seen: Result<T, Missing>, missing: &mut Vec<Missing>) -> Option<T> {
    seen.map_err(|not_seen| missing.push(not_seen)).ok()
}

/// The newest row of the record of upgrades, and the address of the database.
fn newest_step<'a>(case: &Case<'a>) -> Result<(&'a UpgradeStep, &'a str), Missing> {
    let database = case.facts.database()?;
    let steps = database.upgrade_steps.read(Source::Database, "the table CONFVERSION")?;
    let newest = steps.first().ok_or_else(|| Missing::Unread {
        of: Source::Database,
        what: "the newest row of CONFVERSION".to_owned(),
        why: format!("the table has no row at {}; is this the product's database?", database.address),
    })?;
    Ok((newest, &database.address))
}

fn set_up(installation: &Installation) -> Result<Option<Finding>, Missing> {
    let place = format!("{}/confluence.cfg.xml", installation.home_dir);
    match installation.setup_step.as_deref() {
        Some(SET_UP) => Ok(None),
        Some(step) => Ok(Some(Finding {
            severity: Severity::Blocker,
            subject: "setup".to_owned(),
            summary: "the set-up of Confluence has not ended".to_owned(),
            observed: format!("setupStep is {} in {place}", excerpt(step)),
            required: format!("setupStep {SET_UP}"),
            remedy: "Open Confluence in a browser and finish the set-up, or restore the home directory when the site \
                     was in use before; upgrade after that."
                .to_owned(),
        })),
        None => Err(Missing::Unread {
            of: Source::Installation,
            what: "how far set-up went".to_owned(),
            why: format!("there is no <setupStep> in {place}"),
        }),
    }
}

/// A build number and the file that states it.
type Stated<'a> = (u32, &'a str);

fn home_build(installation: &Installation) -> Result<Stated<'_>, Missing> {
    let statement = stated(installation, StatementOf::HomeBuild).ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: "the build number of the home directory".to_owned(),
        why: format!("there is no <buildNumber> in {}/confluence.cfg.xml", installation.home_dir),
    })?;
    build(statement)
}

fn shared_build(installation: &Installation) -> Result<Option<Stated<'_>>, Missing> {
    stated(installation, StatementOf::SharedHomeBuild).map(build).transpose()
}

fn stated(installation: &Installation, of: StatementOf) -> Option<&Statement> {
    installation.statements.iter().find(|statement| statement.of == of)
}

fn build(statement: &Statement) -> Result<Stated<'_>, Missing> {
    let Statement { place, says, .. } = statement;
    let what = format!("the build number in {place}");
    let says = says.read(Source::Installation, &what)?;
    let not_a_number = |why: ParseIntError| format!("{:?} is not a build number: {why}", excerpt(says));
    let number = says.trim().parse().map_err(|why| Missing::Unread {
        of: Source::Installation,
        what: what.clone(),
        why: not_a_number(why),
    })?;
    Ok((number, place))
}

/// That the shared home must state the same build is not confirmed by the vendor, so it does not block.
fn shared_differs((home, place): Stated<'_>, (shared, shared_place): Stated<'_>) -> Option<Finding> {
    (home != shared).then(|| Finding {
        severity: Severity::Warning,
        subject: "shared-home-build".to_owned(),
        summary: format!("the shared home is at build {shared} and this node's home at build {home}"),
        observed: format!("{shared} in {shared_place}, {home} in {place}"),
        required: "the same build number in both".to_owned(),
        remedy: "Find out which of the two was restored or left behind by an earlier upgrade, and try a restart of this \
                 node before the upgrade. When the site does not start, bring its homes and the database back to the \
                 same state from backups of the same moment."
            .to_owned(),
    })
}

fn differs((home, place): Stated<'_>, newest: &UpgradeStep, address: &str) -> Option<Finding> {
    let build = newest.build;
    if home == build {
        return None;
    }
    let cause = if home > build {
        "the database is older than the home directory: it was restored from an older backup, or its upgrade failed"
    } else {
        "the home directory is older than the database: it was restored from an older backup, or the upgrade ended \
         before the home directory was brought up to date"
    };
    Some(Finding {
        severity: Severity::Blocker,
        subject: "build-number".to_owned(),
        summary: format!("the home directory is at build {home} and the database at build {build}"),
        observed: format!("{home} in {place}, {build} in the newest row of CONFVERSION at {address}"),
        required: "the same build number in both; Confluence does not start otherwise".to_owned(),
        remedy: format!(
            "Look at the record of upgrades: {QUERY} Most likely {cause}. Restore database and home directory from \
             backups of the same moment and start once before the upgrade; do not edit the numbers."
        ),
    })
}

fn lock(newest: &UpgradeStep, address: &str) -> Option<Finding> {
    let tag = newest.tag.as_deref()?.trim();
    let locked = tag.get(..LOCK.len()).is_some_and(|start| start.eq_ignore_ascii_case(LOCK));
    locked.then(|| Finding {
        severity: Severity::Blocker,
        subject: "upgrade-lock".to_owned(),
        summary: "an upgrade is running or died half-way".to_owned(),
        observed: format!("tag {} on the newest row of CONFVERSION at {address}, build {}", excerpt(tag), newest.build),
        required: "no lock on the newest row".to_owned(),
        remedy: format!(
            "See in logs/atlassian-confluence.log whether an upgrade is running (\"Upgrade completed successfully\" \
             ends it) and let it end. If it died, restore database and home directory from the backups made before it. \
             The record: {QUERY}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{database, installation, look, read, unread};

    fn home_says(golden: &mut Golden, says: &str) {
        let statements = &mut installation(golden).statements;
        let statement = statements.iter_mut().find(|statement| statement.of == StatementOf::HomeBuild);
        statement.unwrap().says = Field::Read(says.into());
    }

    fn shared_says(golden: &mut Golden, says: Field<String>) {
        let place = "/mnt/shared/confluence.cfg.xml".to_owned();
        installation(golden).statements.push(Statement { place, of: StatementOf::SharedHomeBuild, says });
    }

    fn steps(golden: &mut Golden) -> &mut Vec<UpgradeStep> {
        read(&mut database(golden).upgrade_steps)
    }

    fn tag(golden: &mut Golden, tag: &str) {
        steps(golden)[0].tag = Some(tag.into());
    }

    #[test]
    fn home_and_database_are_at_the_same_build_and_nothing_is_locked() {
        type Row = (&'static str, fn(&mut Golden), Verdict, &'static [&'static str]);
        let rows: [Row; 25] = [
            ("golden", |_| {}, Ready, &[]),
            ("home behind", |g| home_says(g, "9110"), Blocked, &["build-number"]),
            ("home ahead", |g| home_says(g, "9112"), Blocked, &["build-number"]),
            ("blanks", |g| home_says(g, " 9111\n"), Ready, &[]),
            ("no number", |g| home_says(g, "nine"), Unknown, &[]),
            ("negative", |g| home_says(g, "-9111"), Unknown, &[]),
            ("lock", |g| tag(g, "lock_for_upgrade_to_9115"), Blocked, &["upgrade-lock"]),
            ("lock in capitals", |g| tag(g, " LOCK_FOR_UPGRADE_TO_9115"), Blocked, &["upgrade-lock"]),
            ("another tag", |g| tag(g, "löck_for_upgräde"), Ready, &[]),
            ("empty tag", |g| tag(g, ""), Ready, &[]),
            (
                "lock left on an old row",
                |g| {
                    let tag = Some("lock_for_upgrade_to_9111".into());
                    steps(g).push(UpgradeStep { build: 8703, installed_at: None, tag });
                },
                Ready,
                &[],
            ),
            (
                "a higher build in an older row",
                |g| steps(g).push(UpgradeStep { build: 9200, installed_at: None, tag: None }),
                Ready,
                &[],
            ),
            (
                "lock and difference",
                |g| {
                    tag(g, "lock_for_upgrade_to_9115");
                    home_says(g, "9115");
                },
                Blocked,
                &["upgrade-lock", "build-number"],
            ),
            ("shared home equal", |g| shared_says(g, Field::Read("9111".into())), Ready, &[]),
            (
                "shared home behind",
                |g| shared_says(g, Field::Read("9000".into())),
                Warning,
                &["shared-home-build"],
            ),
            ("shared home unread", |g| shared_says(g, unread()), Unknown, &[]),
            (
                "shared home unread, home behind",
                |g| {
                    shared_says(g, unread());
                    home_says(g, "9110");
                },
                Blocked,
                &["build-number"],
            ),
            ("set-up", |g| installation(g).setup_step = Some("setupstart".into()), Blocked, &["setup"]),
            ("set-up not stated", |g| installation(g).setup_step = None, Unknown, &[]),
            ("no statement", |g| installation(g).statements.clear(), Unknown, &[]),
            ("no row", |g| steps(g).clear(), Unknown, &[]),
            ("table unread", |g| database(g).upgrade_steps = unread(), Unknown, &[]),
            (
                "set-up, and no database",
                |g| {
                    g.facts.switch_off(Source::Database);
                    installation(g).setup_step = Some("setupstart".into());
                },
                Blocked,
                &["setup"],
            ),
            ("no installation", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
            ("no database", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        for (name, spoil, verdict, subjects) in rows {
            let mut golden = golden();
            spoil(&mut golden);
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{name}: {}", seen.text());
            let found: Vec<&str> = seen.found().into_iter().map(|(_, subject)| subject).collect();
            assert_eq!(found, subjects, "{name}: {}", seen.text());
            let blocks = |subject| subject != "shared-home-build";
            assert!(
                seen.found()
                    .iter()
                    .all(|(severity, subject)| (*severity == Severity::Blocker) == blocks(*subject))
            );
        }
    }

    #[test]
    fn a_lock_is_seen_when_the_home_cannot_be() {
        let mut golden = golden();
        golden.facts.switch_off(Source::Installation);
        tag(&mut golden, "lock_for_upgrade_to_9115");
        assert_eq!(look(&CHECK, &golden).verdict, Blocked);
    }
}
