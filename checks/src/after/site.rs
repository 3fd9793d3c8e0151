//! Is the site up, may people write, is the product content with itself, and can people search?

use std::collections::BTreeMap;

use super::{Item, Sides, Topic, remedy, shown};
use crate::facts::{
    Field, HealthCheck, IndexFiles, IndexPart, IndexState, Missing, Search, Snapshot, Source,
};
use crate::rules::wording::{counted, excerpt, first_few};

pub(super) fn state(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::State;
    let said = |side: &Snapshot| side.application()?.state.read(Source::Application, "the state").cloned();
    let both = sides.both(said);
    let (before, now) = (shown(&both.before, |said| excerpt(said)), shown(&both.now, |said| excerpt(said)));
    let log = format!("Read {}", sides.whereabouts().log);
    let item = match both.now.as_ref().map(|said| said.trim().to_ascii_uppercase()).as_deref() {
        Ok("RUNNING") => Item::well(topic, "the application is running"),
        Ok("STARTING" | "STOPPING" | "MAINTENANCE") => {
            Item::warning(topic, format!("the application is not running yet: {now}"))
                .so_do(format!("{log}; upgrade tasks may still run. Compare again when it is up."))
        }
        Ok("ERROR") => Item::blocked(topic, "the application is in an error").so_do(format!("{log}.")),
        Ok("FIRST_RUN") => Item::blocked(topic, "the application asks for its first set-up").so_do(
            "It started without its home directory: see what confluence-init.properties of the new installation names \
             as confluence.home, and do not run the set-up.",
        ),
        Ok(_) => {
            let now = format!("not known: {now:?} is no state the vendor names");
            return vec![Item::unknown(topic).seen(before, now).so_do(format!("{log}."))];
        }
        Err(_missing) => Item::unknown(topic).so_do(remedy(false, true)),
    };
    vec![item.seen(before, now)]
}

pub(super) fn access_mode(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::AccessMode;
    let said = |side: &Snapshot| {
        side.application()?.access_mode.read(Source::Application, "the access mode").cloned()
    };
    let both = sides.both(said);
    let (before, now) = (shown(&both.before, |said| excerpt(said)), shown(&both.now, |said| excerpt(said)));
    let read_only = |said: &str| said.trim().eq_ignore_ascii_case("READ_ONLY");
    let end = "Look at the licence first; then end the maintenance (Administration, Maintenance), or take \
               access.mode=READ_ONLY out of confluence.cfg.xml and restart.";
    let item = match both.now.as_deref() {
        Ok(mode) if mode.trim().eq_ignore_ascii_case("READ_WRITE") => Item::well(topic, "people can write"),
        Ok(mode) if read_only(mode) && both.before.as_deref().is_ok_and(read_only) => {
            Item::warning(topic, "the site is read-only, as it was before").so_do(end)
        }
        Ok(mode) if read_only(mode) => Item::blocked(topic, "the site is read-only").so_do(end),
        Ok(mode) => {
            let now = format!("not known: {:?} is neither READ_WRITE nor READ_ONLY", excerpt(mode));
            return vec![Item::unknown(topic).seen(before, now).so_do("Try to edit a page.")];
        }
        Err(_missing) => Item::unknown(topic).so_do(remedy(false, true)),
    };
    vec![item.seen(before, now)]
}

/// Each check once, however many nodes report it; it is healthy when it is on all of them.
type Health<'a> = BTreeMap<&'a str, &'a HealthCheck>;

fn told(side: &Snapshot) -> Result<Health<'_>, Missing> {
    let what = "the product's own health checks";
    let checks = side.application()?.health.read(Source::Application, what)?;
    let mut health = Health::new();
    for check in checks {
        let known = health.entry(&check.key).or_insert(check);
        if known.healthy {
            *known = check;
        }
    }
    if health.is_empty() {
        return Err(Missing::Unread {
            of: Source::Application,
            what: what.to_owned(),
            why: "the product returned none; is the app Troubleshooting and support tools enabled?"
                .to_owned(),
        });
    }
    Ok(health)
}

/// Checks that were healthy before, or not there, must be healthy.
pub(super) fn health(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::HealthChecks;
    let both = sides.both(told);
    let show = |health: &Health<'_>| {
        let healthy = health.values().filter(|check| check.healthy).count();
        format!("{healthy} of {} healthy", counted(health.len() as u64, "check"))
    };
    let (before, now) = (shown(&both.before, show), shown(&both.now, show));
    let Ok(health) = &both.now else {
        return vec![Item::unknown(topic).seen(before, now).so_do(remedy(false, true))];
    };
    let failing: Vec<&&HealthCheck> = health.values().filter(|check| !check.healthy).collect();
    let Ok(earlier) = &both.before else {
        if failing.is_empty() {
            return vec![Item::well(topic, now.clone()).seen(before, now)];
        }
        let names = first_few(failing.iter().map(|check| check.name.as_str()), failing.len() as u64);
        return vec![
            Item::untold(topic, "whether checks that fail now failed before")
                .seen(before, excerpt(&format!("failing: {names}")))
                .so_do("Look at each in Administration, Troubleshooting and support tools, Instance health."),
        ];
    };
    let failed_before = |key: &str| earlier.get(key).is_some_and(|check| !check.healthy);
    let (old, new): (Vec<&&HealthCheck>, Vec<_>) =
        failing.into_iter().partition(|check| failed_before(&check.key));
    if new.is_empty() {
        let gone = earlier.keys().filter(|key| !health.contains_key(*key)).count() as u64;
        let gone = if gone == 0 { String::new() } else { format!(", {gone} no longer there") };
        let old = if old.is_empty() { String::new() } else { format!(", {} failing as before", old.len()) };
        return vec![Item::well(topic, format!("{now}{old}{gone}")).seen(before, now)];
    }
    new.into_iter().map(|check| newly_failing(check, earlier.contains_key(check.key.as_str()))).collect()
}

fn newly_failing(check: &HealthCheck, known: bool) -> Item {
    let HealthCheck { key, name, severity, reason, .. } = check;
    let summary = format!("the product's own health check \"{}\" fails", excerpt(name));
    let grave = ["major", "critical"].iter().any(|word| severity.trim().eq_ignore_ascii_case(word));
    let item = if grave {
        Item::blocked(Topic::HealthChecks, summary)
    } else {
        Item::warning(Topic::HealthChecks, summary)
    };
    let reason = excerpt(reason);
    let now = if reason.is_empty() { format!("not healthy, severity {}", excerpt(severity)) } else { reason };
    item.about(key).seen(if known { "healthy" } else { "not among the checks" }, now).so_do(
        "Open Administration, Troubleshooting and support tools, Instance health, and do what it says there.",
    )
}

/// The index as one side shows it: in files, or as the application tells.
struct Index {
    files: Option<IndexFiles>,
    rebuild: Option<IndexState>,
}

impl Index {
    fn show(&self) -> String {
        let rebuild =
            self.rebuild.and_then(|state| state.running.filter(|running| *running).map(|_| state.percent));
        let rebuild = match rebuild {
            Some(Some(percent)) => format!(", being rebuilt, {percent} %"),
            Some(None) => ", being rebuilt".to_owned(),
            None => String::new(),
        };
        let part = |part: IndexPart| match part {
            IndexPart::Absent => "no directory",
            IndexPart::Empty => "an empty directory",
            IndexPart::Present => "there",
        };
        let files = self.files.map_or_else(
            || "in OpenSearch".to_owned(),
            |files| format!("index of content {}, of changes {}", part(files.content), part(files.change)),
        );
        format!("{files}{rebuild}")
    }
}

pub(super) fn search_index(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::SearchIndex;
    let both = sides.both(read_index);
    let (before, now) = (shown(&both.before, Index::show), shown(&both.now, Index::show));
    let rebuild = "Rebuild it: Administration, Content indexing. People find nothing until then.";
    let change_was_there = both
        .before
        .as_ref()
        .is_ok_and(|index| index.files.is_some_and(|files| files.change == IndexPart::Present));
    let item = match &both.now {
        Err(_missing) => Item::unknown(topic).so_do(remedy(false, true)),
        Ok(Index { rebuild: Some(IndexState { running: Some(true), .. }), .. }) => {
            Item::warning(topic, "the search index is being rebuilt").so_do(
                "Wait for its end (Administration, Content indexing) before people are let in, or tell them.",
            )
        }
        Ok(Index { files: Some(files), .. }) => {
            if files.content != IndexPart::Present {
                Item::blocked(topic, "there is no search index").so_do(rebuild)
            } else if change_was_there && files.change != IndexPart::Present {
                Item::blocked(topic, "the index of changes is gone").so_do(rebuild)
            } else {
                Item::well(topic, "the search index is there")
            }
        }
        Ok(Index { files: None, rebuild: Some(IndexState { running: Some(false), percent: Some(100) }) }) => {
            Item::well(topic, "OpenSearch, the newest rebuild has ended")
        }
        Ok(Index { files: None, .. }) => {
            let now =
                "not known: the index is in OpenSearch, and the application tells of no rebuild that ended";
            return vec![
                Item::unknown(topic)
                    .seen(before, now)
                    .so_do("Search for a word that is on an old and on a new page."),
            ];
        }
    };
    vec![item.seen(before, now)]
}

fn read_index(side: &Snapshot) -> Result<Index, Missing> {
    let installation = side.installation()?;
    // Only how a rebuild stands comes from the application, and files speak for themselves.
    let rebuild =
        side.application().ok().and_then(|application| application.index.value().copied().flatten());
    let unread = |why: &str| Missing::Unread {
        of: Source::Installation,
        what: "the directory of the search index".to_owned(),
        why: why.to_owned(),
    };
    let files = match (&installation.search, &installation.index) {
        (Search::OpenSearch | Search::None, _) => None,
        (Search::Lucene { .. }, Field::Read(Some(files))) => Some(*files),
        (Search::Lucene { .. }, Field::Read(None)) => return Err(unread("nothing was looked at")),
        (Search::Lucene { .. }, Field::Unread(why)) => return Err(unread(why)),
    };
    Ok(Index { files, rebuild })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, look, read, unread};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    const KEY: &str = "com.atlassian.troubleshooting.plugin-confluence:eolHealthCheck";

    #[test]
    fn the_application_must_run() {
        let rows: &[Row] = &[
            ("starting", |p| p.application().state = Field::Read("STARTING".into()), &[(Warning, None)]),
            (
                "in maintenance",
                |p| p.application().state = Field::Read("maintenance".into()),
                &[(Warning, None)],
            ),
            ("an error", |p| p.application().state = Field::Read("ERROR".into()), &[(Blocked, None)]),
            ("a new home", |p| p.application().state = Field::Read("FIRST_RUN".into()), &[(Blocked, None)]),
            ("no state", |p| p.application().state = Field::Read("<html>".into()), &[(Unknown, None)]),
            ("unread", |p| p.application().state = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.application_before().state = unread(), &[(Ready, None)]),
        ];
        judges(Topic::State, rows);
    }

    #[test]
    fn people_must_be_able_to_write() {
        let rows: &[Row] = &[
            (
                "read-only",
                |p| p.application().access_mode = Field::Read("READ_ONLY".into()),
                &[(Blocked, None)],
            ),
            (
                "as before",
                |p| {
                    p.application().access_mode = Field::Read("READ_ONLY".into());
                    p.application_before().access_mode = Field::Read("READ_ONLY".into());
                },
                &[(Warning, None)],
            ),
            (
                "no longer",
                |p| p.application_before().access_mode = Field::Read("READ_ONLY".into()),
                &[(Ready, None)],
            ),
            ("nonsense", |p| p.application().access_mode = Field::Read("maybe".into()), &[(Unknown, None)]),
            ("unread", |p| p.application().access_mode = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::AccessMode, rows);
    }

    fn fail(field: &mut Field<Vec<HealthCheck>>, severity: &str) {
        let check = &mut read(field)[0];
        (check.healthy, check.severity) = (false, severity.into());
    }

    #[test]
    fn checks_that_begin_to_fail_are_told() {
        let rows: &[Row] = &[
            ("critical", |p| fail(&mut p.application().health, "critical"), &[(Blocked, Some(KEY))]),
            ("major", |p| fail(&mut p.application().health, "Major"), &[(Blocked, Some(KEY))]),
            ("not ranked", |p| fail(&mut p.application().health, "undefined"), &[(Warning, Some(KEY))]),
            (
                "a new check",
                |p| {
                    let health = read(&mut p.application().health);
                    health.push(HealthCheck { key: "new".into(), healthy: false, ..health[0].clone() });
                },
                &[(Warning, Some("new"))],
            ),
            (
                "on one node only",
                |p| {
                    let health = read(&mut p.application().health);
                    health.insert(0, HealthCheck { healthy: false, ..health[0].clone() });
                },
                &[(Warning, Some(KEY))],
            ),
            (
                "as before",
                |p| {
                    fail(&mut p.application().health, "critical");
                    fail(&mut p.application_before().health, "critical");
                },
                &[(Ready, None)],
            ),
            ("no longer", |p| fail(&mut p.application_before().health, "critical"), &[(Ready, None)]),
            ("none", |p| read(&mut p.application().health).clear(), &[(Unknown, None)]),
            ("unread", |p| p.application().health = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.application_before().health = unread(), &[(Ready, None)]),
        ];
        judges(Topic::HealthChecks, rows);
    }

    #[test]
    fn who_fails_now_and_was_not_asked_before_may_have_failed_before() {
        let topic = Topic::HealthChecks;
        let items = look(None, topic, |pair| {
            fail(&mut pair.application().health, "critical");
            pair.application_before().health = unread();
        });
        assert_eq!(items[0].verdict, Unknown);
        assert!(items[0].now.contains("End of Life"), "{items:#?}");
    }

    #[test]
    fn checks_that_are_gone_are_told() {
        let items = look(None, Topic::HealthChecks, |pair| {
            let health = read(&mut pair.application_before().health);
            health.push(HealthCheck { key: "old".into(), ..health[0].clone() });
        });
        assert_eq!(items[0].summary, "1 of 1 check healthy, 1 no longer there");
    }

    fn index(pair: &mut Pair) -> &mut IndexFiles {
        read(&mut pair.installation().index).as_mut().unwrap()
    }

    fn external(pair: &mut Pair, rebuild: Option<IndexState>) {
        pair.installation().search = Search::OpenSearch;
        pair.installation().index = Field::Read(None);
        pair.application().index = Field::Read(rebuild);
    }

    #[test]
    fn people_must_be_able_to_search() {
        let rows: &[Row] = &[
            ("none", |p| index(p).content = IndexPart::Absent, &[(Blocked, None)]),
            ("empty", |p| index(p).content = IndexPart::Empty, &[(Blocked, None)]),
            ("without changes", |p| index(p).change = IndexPart::Absent, &[(Blocked, None)]),
            (
                "never with changes",
                |p| {
                    index(p).change = IndexPart::Absent;
                    let before = read(&mut p.installation_before().index).as_mut().unwrap();
                    before.change = IndexPart::Absent;
                },
                &[(Ready, None)],
            ),
            (
                "being rebuilt",
                |p| {
                    let state = IndexState { running: Some(true), percent: Some(4) };
                    p.application().index = Field::Read(Some(state));
                },
                &[(Warning, None)],
            ),
            ("unread", |p| p.installation().index = unread(), &[(Unknown, None)]),
            ("rebuild not known", |p| p.application().index = unread(), &[(Ready, None)]),
            ("elsewhere", |p| external(p, None), &[(Unknown, None)]),
            (
                "elsewhere, and whole",
                |p| external(p, Some(IndexState { running: Some(false), percent: Some(100) })),
                &[(Ready, None)],
            ),
        ];
        judges(Topic::SearchIndex, rows);
    }
}
