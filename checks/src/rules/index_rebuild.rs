//! Is the search index sound, and how long will it take to rebuild it?

use jiff::SignedDuration;

use super::clock::span;
use super::units::bytes;
use super::wording::sign_off;
use crate::facts::{Family, Field, IndexFiles, IndexPart, Installation, Missing, Role, Search, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};
use crate::version::Line;

pub(super) static CHECK: Check = Check {
    id: "index-rebuild",
    title: "A sound search index",
    category: Category::Application,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Installation, Source::Disk, Source::Application],
    people: People::MaySignOff,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The directory of the search index: whether it is there, holds an index (a `segments_*` file), and has a directory `change`; \
its size; whether a rebuild runs now; and whether the upgrade goes to another feature line.

## Why it matters

Confluence may rebuild its index after an upgrade, which puts load on the server for hours, and search finds little until \
it has ended; the vendor says to upgrade outside the hours in which people work. From 7.9 on the index is kept in two \
parts: the upgrade that splits it stops when there is no valid index, or when `index/change` exists already \
(<https://confluence.atlassian.com/confkb/startup-check-split-index-migration-1004960943.html>).

## How to fix it

Rebuild a damaged index before the upgrade (Administration, Content Indexing) and let a running rebuild end. When a \
rebuild is expected, plan the upgrade for the evening before a quiet day, tell people that search will be incomplete, and \
sign the finding off.

## What it needs

Read access to the directory of the index and its size; an account that administers the site, to ask whether a rebuild \
runs. With OpenSearch it does not apply.

## Settings

`index_rebuild_mib_per_minute`: how fast the index is rebuilt; measure it once, it depends on the content. \
`index_rebuild_warn_hours`: warn when a rebuild is expected to take longer; below, it is only worth knowing.
";

/// Since this line the index has two parts (the vendor's page on the split, see [`EXPLAIN`]).
const SPLIT_SINCE: Line = Line { major: 7, minor: 9 };

const INDEX: &str = "index";
const CHANGE: &str = "change";
const REBUILD: &str = "rebuild";
const EXPECTED: &str = "expected";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let installation = case.facts.installation()?;
    let directory = match &installation.search {
        Search::Lucene { index_dir } => index_dir.as_str(),
        Search::OpenSearch => {
            return Err(Undecided::DoesNotApply(
                "the search index is kept in OpenSearch, not in files".to_owned(),
            ));
        }
        Search::None => return Err(Undecided::DoesNotApply("there is no search index".to_owned())),
    };
    let mut found = Vec::new();
    let mut missing = Vec::new();
    match files(installation) {
        Ok(files) => match change_of_line(case, installation) {
            Ok(lines) => found.extend(defect(directory, files, lines)),
            Err(reason) => {
                found.extend(no_index(directory, files));
                missing.push(reason);
            }
        },
        Err(reason) => missing.push(reason),
    }
    match running(case) {
        Ok(rebuild) => found.extend(rebuild),
        Err(reason) => missing.push(reason),
    }
    let size = match size(case) {
        Ok(size) => {
            if let Ok((from, to)) = change_of_line(case, installation)
                && from < to
            {
                found.push(expected(case, directory, size, to));
            }
            bytes(size)
        }
        Err(reason) => {
            missing.push(reason);
            "unknown size".to_owned()
        }
    };
    conclude(format!("the search index in {directory}, {size}; no rebuild runs"), found, missing)
}

fn files(installation: &Installation) -> Result<IndexFiles, Missing> {
    let what = "the directory of the search index";
    installation.index.read(Source::Installation, what)?.ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: what.to_owned(),
        why: "it was not looked at".to_owned(),
    })
}

/// The lines the upgrade goes from and to.
fn change_of_line(case: &Case<'_>, installation: &Installation) -> Result<(Line, Line), Missing> {
    let running = installation.version.read(Source::Installation, "the version that runs")?;
    Ok((running.line(), case.target.line()))
}

fn size(case: &Case<'_>) -> Result<u64, Missing> {
    let disk = case.facts.disk()?;
    let what = "the size of the search index";
    let place = disk.place(Role::Index).ok_or_else(|| Missing::Unread {
        of: Source::Disk,
        what: what.to_owned(),
        why: "it is not among the directories that were looked at".to_owned(),
    })?;
    Ok(place.size.read(Source::Disk, what)?.bytes)
}

fn defect(directory: &str, files: IndexFiles, (from, to): (Line, Line)) -> Option<Finding> {
    let split_now = from < SPLIT_SINCE && to >= SPLIT_SINCE;
    if split_now && files.change != IndexPart::Absent {
        return Some(Finding {
            severity: Severity::Blocker,
            subject: CHANGE.to_owned(),
            summary: format!("{directory}/change exists, and the upgrade stops when it is to make it"),
            observed: format!("a directory {directory}/change in an index of {from}"),
            required: format!("no such directory before {SPLIT_SINCE} makes it"),
            remedy: format!(
                "It is a rest of an earlier attempt: stop Confluence, move {directory}/change out of the way, start it."
            ),
        });
    }
    no_index(directory, files).or_else(|| {
        (from >= SPLIT_SINCE && files.change != IndexPart::Present).then(|| Finding {
            severity: Severity::Notice,
            subject: CHANGE.to_owned(),
            summary: format!("{directory}/change holds no index of changes"),
            observed: format!("no segments_* file in {directory}/change"),
            required: format!("an index of changes, as {SPLIT_SINCE} and later keep it"),
            remedy:
                "Look whether the search finds recent changes; if not, rebuild the index before the upgrade."
                    .to_owned(),
        })
    })
}

fn no_index(directory: &str, files: IndexFiles) -> Option<Finding> {
    let observed = match files.content {
        IndexPart::Present => return None,
        IndexPart::Empty => format!("no segments_* file in {directory} or right below it"),
        IndexPart::Absent => format!("no directory {directory}"),
    };
    Some(Finding {
        severity: Severity::Warning,
        subject: INDEX.to_owned(),
        summary: format!("{directory} holds no search index"),
        observed,
        required: "a whole index, so that the upgrade does not stop or rebuild it".to_owned(),
        remedy: "Compare the path with lucene.index.dir in confluence.cfg.xml. If it is the right one, rebuild the index \
                 before the upgrade: Administration, Content Indexing."
            .to_owned(),
    })
}

fn running(case: &Case<'_>) -> Result<Option<Finding>, Missing> {
    let what = "whether a rebuild of the search index runs";
    let Some(state) = case.facts.application()?.index.read(Source::Application, what)? else {
        return Ok(None);
    };
    let field = match state.running {
        Some(running) => Field::Read(running),
        None => Field::Unread("the product's answer does not say it".to_owned()),
    };
    if !*field.read(Source::Application, what)? {
        return Ok(None);
    }
    let progress = state.percent.map_or_else(String::new, |percent| format!(", at {percent} %"));
    Ok(Some(Finding {
        severity: Severity::Warning,
        subject: REBUILD.to_owned(),
        summary: "The search index is being rebuilt".to_owned(),
        observed: format!("a rebuild that has not ended{progress}"),
        required: "no rebuild while the upgrade runs".to_owned(),
        remedy:
            "Let the rebuild end before the upgrade; Administration, Content Indexing shows how far it is."
                .to_owned(),
    }))
}

fn expected(case: &Case<'_>, directory: &str, size: u64, to: Line) -> Finding {
    let a_minute = (u64::from(case.policy.index_rebuild_mib_per_minute) << 20).max(1);
    let minutes = i64::try_from(size.div_ceil(a_minute)).unwrap_or(i64::MAX / 60);
    let takes = SignedDuration::from_secs(minutes.saturating_mul(60));
    let long = minutes > i64::from(case.policy.index_rebuild_warn_hours) * 60;
    Finding {
        severity: if long { Severity::Warning } else { Severity::Notice },
        subject: EXPECTED.to_owned(),
        summary: format!(
            "Confluence {to} may rebuild the search index after the upgrade, for about {}",
            span(takes)
        ),
        observed: format!("{} in {directory}", bytes(size)),
        required: format!(
            "so much time before people need the search, at {} MiB a minute",
            case.policy.index_rebuild_mib_per_minute
        ),
        remedy: format!(
            "Plan the upgrade for the evening before a quiet day, and tell people that search is incomplete until then. \
             When that is settled: {}.",
            sign_off(case, CHECK.id, EXPECTED)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::IndexState;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{
        Spoil, application, disk, installation, judges_spoilt, judges_spoilt_from, look, read, unread,
    };

    const W: Severity = Severity::Warning;
    const N: Severity = Severity::Notice;

    fn index(golden: &mut Golden) -> &mut IndexFiles {
        read(&mut installation(golden).index).as_mut().unwrap()
    }

    fn rebuild(golden: &mut Golden, running: Option<bool>) {
        application(golden).index = Field::Read(Some(IndexState { running, percent: Some(40) }));
    }

    fn index_bytes(golden: &mut Golden, bytes: u64) {
        let places = &mut disk(golden).places;
        let place = places.iter_mut().find(|place| place.role == Role::Index).unwrap();
        read(&mut place.size).bytes = bytes;
    }

    #[test]
    fn the_index_must_be_whole_and_left_alone() {
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("no segments", |g| index(g).content = IndexPart::Empty, Warning, &[(W, INDEX)]),
            (
                "no directory",
                |g| {
                    *index(g) = IndexFiles { content: IndexPart::Absent, change: IndexPart::Absent };
                },
                Warning,
                &[(W, INDEX)],
            ),
            ("no index of changes", |g| index(g).change = IndexPart::Empty, Ready, &[(N, CHANGE)]),
            ("a rebuild runs", |g| rebuild(g, Some(true)), Warning, &[(W, REBUILD)]),
            ("a rebuild has ended", |g| rebuild(g, Some(false)), Ready, &[]),
            ("nothing of a rebuild", |g| application(g).index = Field::Read(None), Ready, &[]),
            ("a rebuild of which little is told", |g| rebuild(g, None), Unknown, &[]),
            ("rebuild unread", |g| application(g).index = unread(), Unknown, &[]),
            ("files unread", |g| installation(g).index = unread(), Unknown, &[]),
            (
                "version unread, no segments",
                |g| {
                    installation(g).version = unread();
                    index(g).content = IndexPart::Empty;
                },
                Unknown,
                &[(W, INDEX)],
            ),
            ("no size", |g| disk(g).places.retain(|place| place.role != Role::Index), Unknown, &[]),
            ("OpenSearch", |g| installation(g).search = Search::OpenSearch, Skipped, &[]),
            ("application off", |g| g.facts.switch_off(Source::Application), Unknown, &[]),
            ("disk off", |g| g.facts.switch_off(Source::Disk), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn another_line_may_mean_a_rebuild() {
        let rows: &[Spoil] = &[
            ("3 GiB", |_| {}, Ready, &[(N, EXPECTED)]),
            ("8 hours", |g| index_bytes(g, (8 * 60 * 30) << 20), Ready, &[(N, EXPECTED)]),
            ("longer", |g| index_bytes(g, ((8 * 60 * 30) << 20) + 1), Warning, &[(W, EXPECTED)]),
            ("a rate of nothing", |g| g.policy.index_rebuild_mib_per_minute = 0, Warning, &[(W, EXPECTED)]),
            ("not of that size", |g| index_bytes(g, u64::MAX), Warning, &[(W, EXPECTED)]),
        ];
        judges_spoilt_from(&CHECK, || golden().to("10.2.1"), rows);
        let text = look(&CHECK, &golden().to("10.2.1")).text();
        assert!(text.contains("for about 1 h 43 min"), "{text}");
    }

    #[test]
    fn before_the_split_a_directory_of_changes_blocks() {
        fn old() -> Golden {
            let mut golden = golden();
            installation(&mut golden).version = Field::Read("7.4.1".parse().unwrap());
            golden
        }
        let rows: &[Spoil] = &[
            ("there already", |_| {}, Blocked, &[(Severity::Blocker, CHANGE), (N, EXPECTED)]),
            ("not there", |g| index(g).change = IndexPart::Absent, Ready, &[(N, EXPECTED)]),
            (
                "not there, and no index",
                |g| {
                    index(g).change = IndexPart::Absent;
                    index(g).content = IndexPart::Empty;
                },
                Warning,
                &[(W, INDEX), (N, EXPECTED)],
            ),
        ];
        judges_spoilt_from(&CHECK, old, rows);
    }
}
