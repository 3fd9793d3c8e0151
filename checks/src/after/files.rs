//! Were the files that somebody changed in the old installation changed again in the new one?
//!
//! Contents are not compared, only whether a file differs from its release: what must be in it is for people to say.

use std::collections::{BTreeMap, BTreeSet};

use super::{Both, Item, Sides, Topic, shown};
use crate::facts::{ComparedWith, FileTree, Missing, PathList, Snapshot, Source};
use crate::rules::customised_files::{Change, is_expected};
use crate::rules::units::minute;
use crate::rules::wording::{counted, excerpt, first_few};

const TOPIC: Topic = Topic::Files;

/// Files that are told by name; more are told in one.
const NAMED: usize = 20;

/// What differs on one side. Paths are relative to the installation directory, which may have another name now.
#[derive(Default)]
struct Differing {
    /// How each file differs.
    changed: BTreeMap<String, Change>,
    /// What stands in the way of seeing all: place inside the installation, and reason.
    hidden: BTreeMap<String, Vec<String>>,
    /// The trees that are compared with the release itself.
    whole: BTreeSet<String>,
}

impl Differing {
    fn show(&self) -> String {
        format!("{} differ from the release", counted(self.changed.len() as u64, "file"))
    }

    /// Whether a file that is not among the changed ones is certainly as the release brings it.
    fn sees(&self, path: &str) -> bool {
        let inside = |tree: &String| {
            tree.is_empty() || path.strip_prefix(tree.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        self.whole.iter().any(inside)
    }
}

pub(super) fn files(sides: &Sides<'_>) -> Vec<Item> {
    let both: Both<Differing> = sides.both(differing);
    let (before, now) = match both.known(TOPIC, Differing::show) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let seen = (shown(&both.before, Differing::show), shown(&both.now, Differing::show));
    let mut items = Vec::new();
    let (mut lost, mut untold) = (Vec::new(), Vec::new());
    let mut carried = 0_u64;
    for (path, was) in &before.changed {
        match (was, now.changed.get(path)) {
            (Change::Modified | Change::Added, Some(Change::Modified | Change::Added))
            | (Change::Removed, Some(Change::Removed)) => carried += 1,
            (Change::Modified | Change::Added | Change::Removed, Some(_)) => lost.push((path, *was)),
            (_, None) if now.sees(path) => lost.push((path, *was)),
            (_, None) => untold.push(path.as_str()),
        }
    }
    let rest = lost.split_off(lost.len().min(NAMED));
    items.extend(lost.into_iter().map(|(path, was)| not_carried(path, was)));
    if !rest.is_empty() {
        let count = rest.len() as u64;
        items.push(
            Item::warning(TOPIC, format!("{} were not carried over either", counted(count, "more file")))
                .about("other files")
                .seen(
                    excerpt(&first_few(rest.iter().map(|(path, _)| path.as_str()), count)),
                    "as the release brings them",
                )
                .so_do("Go through them with `agent diff` of the two snapshots."),
        );
    }
    if !untold.is_empty() {
        let names = excerpt(&first_few(untold.iter().copied(), untold.len() as u64));
        items.push(
            Item::untold(TOPIC, &format!("whether {} were carried over", counted(untold.len() as u64, "changed file")))
                .about("not compared now")
                .seen(names, format!("not known: {}", reasons(&now.hidden)))
                .so_do(
                    "Look at each of them, or name the archive of the new release as pristine in [instance.files] and compare \
                     again.",
                ),
        );
    }
    if !before.hidden.is_empty() {
        items.push(
            Item::untold(TOPIC, "whether all that was changed is carried over")
                .about("not compared before")
                .seen(format!("not known: {}", reasons(&before.hidden)), seen.1.clone())
                .so_do(
                    "Compare the old installation, or its backup, with the new one by hand; with the archive of the installed \
                     release as pristine in [instance.files] the agent does it the next time.",
                ),
        );
    }
    if items.is_empty() {
        let summary = match carried {
            0 => "no file was changed by hand before".to_owned(),
            count => format!("{} changed by hand before and again now", counted(count, "file")),
        };
        items.push(Item::well(TOPIC, summary).seen(seen.0, seen.1));
    }
    items
}

fn reasons(hidden: &BTreeMap<String, Vec<String>>) -> String {
    let all: Vec<&str> = hidden.values().flatten().map(String::as_str).collect();
    excerpt(&all.join("; "))
}

fn differing(side: &Snapshot) -> Result<Differing, Missing> {
    let files = side.files()?;
    let root = &side.installation()?.installation_dir;
    if files.trees.is_empty() {
        return Err(Missing::Unread {
            of: Source::Files,
            what: "the files of the installation".to_owned(),
            why: "no part of it was compared with anything".to_owned(),
        });
    }
    let mut differing = Differing::default();
    for tree in &files.trees {
        read_tree(tree, &relative(&tree.root, root), &mut differing);
    }
    Ok(differing)
}

/// A tree inside the installation, `confluence`; empty for all of it. One elsewhere keeps its whole path.
fn relative(tree: &str, root: &str) -> String {
    let root = root.trim_end_matches('/');
    let tree = tree.trim_end_matches('/');
    match tree.strip_prefix(root) {
        Some("") => String::new(),
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/').to_owned(),
        Some(_) | None => tree.to_owned(),
    }
}

fn read_tree(tree: &FileTree, place: &str, differing: &mut Differing) {
    let mut hide = |why: String| differing.hidden.entry(place.to_owned()).or_default().push(why);
    let differences = match tree.differences.read(Source::Files, &format!("what differs in {}", tree.root)) {
        Ok(differences) => differences,
        Err(missing) => return hide(missing.to_string()),
    };
    let mut whole = true;
    if let ComparedWith::Baseline(since) = &tree.compared_with {
        hide(format!("what was changed in {} before {} does not show", tree.root, minute(*since)));
        whole = false;
    }
    if let Some(out) = &differences.out_of_reach {
        hide(format!(
            "{} out of reach, the first is {}: {}",
            counted(out.count, "place"),
            out.first,
            out.why
        ));
        whole = false;
    }
    let lists = [
        (Change::Modified, &differences.modified),
        (Change::Added, &differences.added),
        (Change::Removed, &differences.removed),
    ];
    for (change, PathList { count, paths }) in lists {
        if *count > paths.len() as u64 {
            hide(format!("{} more in {} are not listed", count - paths.len() as u64, tree.root));
            whole = false;
        }
        for inner in paths {
            if !is_expected(change, &format!("{}/{inner}", tree.root)) {
                let path = if place.is_empty() { inner.clone() } else { format!("{place}/{inner}") };
                // A file that two comparisons find is one; that it is there outweighs that it is not.
                differing.changed.entry(path).or_insert(change);
            }
        }
    }
    if whole {
        differing.whole.insert(place.to_owned());
    }
}

fn not_carried(path: &str, was: Change) -> Item {
    let (was, now, remedy) = match was {
        Change::Modified => (
            "changed by hand",
            "as the release brings it",
            "Make the same change in the new file, if it is still wanted; do not copy the old one over it.",
        ),
        Change::Added => (
            "put there by hand",
            "not there, or as the release brings it",
            "Put it into the new installation, if it is still needed.",
        ),
        Change::Removed => {
            ("removed by hand", "there again", "Remove it again, if that was done on purpose.")
        }
    };
    let path = excerpt(path);
    Item::warning(TOPIC, format!("{path} was not carried over")).about(path).seen(was, now).so_do(format!(
        "{remedy} `agent explain customised-files` tells how; the installer keeps a backup of the old installation."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, look, read, unread};
    use crate::facts::{Differences, OutOfReach};
    use crate::model::Verdict::{Ready, Unknown, Warning};

    const FILE: &str = "WEB-INF/classes/seraph-config.xml";
    const PATH: &str = "confluence/WEB-INF/classes/seraph-config.xml";

    fn list(paths: &[&str]) -> PathList {
        PathList { count: paths.len() as u64, paths: paths.iter().map(|path| (*path).to_owned()).collect() }
    }

    fn before(pair: &mut Pair) -> &mut Differences {
        read(&mut pair.trees().0.differences)
    }

    fn now(pair: &mut Pair) -> &mut Differences {
        read(&mut pair.trees().1.differences)
    }

    /// The tree of the application server is the agent's own list on a side.
    fn baseline(trees: &mut [FileTree]) {
        for tree in trees {
            tree.compared_with = ComparedWith::Baseline("2025-12-01T19:58:00Z".parse().unwrap());
        }
    }

    #[test]
    fn what_was_changed_by_hand_is_changed_again() {
        let rows: &[Row] = &[
            ("nothing was changed", |_| {}, &[(Ready, None)]),
            (
                "carried over",
                |p| {
                    before(p).modified = list(&[FILE]);
                    now(p).modified = list(&[FILE]);
                },
                &[(Ready, None)],
            ),
            (
                "to another directory",
                |p| {
                    before(p).modified = list(&[FILE]);
                    now(p).modified = list(&[FILE]);
                    p.installation().installation_dir = "/opt/new".into();
                    p.files().trees[0].root = "/opt/new/confluence".into();
                    p.files().trees[1].root = "/opt/new/".into();
                },
                &[(Ready, None)],
            ),
            (
                "added, and comes with the release now",
                |p| {
                    before(p).added = list(&[FILE]);
                    now(p).modified = list(&[FILE]);
                },
                &[(Ready, None)],
            ),
            ("a change is lost", |p| before(p).modified = list(&[FILE]), &[(Warning, Some(PATH))]),
            ("an added one is lost", |p| before(p).added = list(&[FILE]), &[(Warning, Some(PATH))]),
            ("a removed one is back", |p| before(p).removed = list(&[FILE]), &[(Warning, Some(PATH))]),
            (
                "a changed one is gone",
                |p| {
                    before(p).modified = list(&[FILE]);
                    now(p).removed = list(&[FILE]);
                },
                &[(Warning, Some(PATH))],
            ),
            (
                "changed as in every installation",
                |p| before(p).added = list(&["WEB-INF/lib/mysql-connector-j-8.0.33.jar"]),
                &[(Ready, None)],
            ),
            (
                "the agent's own list is newer than the upgrade",
                |p| {
                    before(p).modified = list(&[FILE]);
                    baseline(&mut p.files().trees);
                },
                &[(Unknown, Some("not compared now"))],
            ),
            (
                "the agent's own list, and nothing to carry over",
                |p| baseline(&mut p.files().trees),
                &[(Ready, None)],
            ),
            (
                "the agent's own list before",
                |p| baseline(&mut p.files_before().trees),
                &[(Unknown, Some("not compared before"))],
            ),
            (
                "a part is out of reach",
                |p| {
                    before(p).modified = list(&[FILE]);
                    for tree in &mut p.files().trees {
                        let first = "/opt/x".to_owned();
                        read(&mut tree.differences).out_of_reach =
                            Some(OutOfReach { count: 2, first, why: "permission denied".into() });
                    }
                },
                &[(Unknown, Some("not compared now"))],
            ),
            (
                "too many to list",
                |p| before(p).modified.count = 5000,
                &[(Unknown, Some("not compared before"))],
            ),
            (
                "unread now",
                |p| {
                    before(p).modified = list(&[FILE]);
                    p.files().trees.iter_mut().for_each(|tree| tree.differences = unread());
                },
                &[(Unknown, Some("not compared now"))],
            ),
            (
                "unread before",
                |p| p.trees().0.differences = unread(),
                &[(Unknown, Some("not compared before"))],
            ),
            ("no trees", |p| p.files().trees.clear(), &[(Unknown, None)]),
        ];
        judges(TOPIC, rows);
    }

    #[test]
    fn a_tree_that_is_not_seen_hides_only_its_own_files() {
        let items = look(None, TOPIC, |pair| {
            before(pair).modified = list(&[FILE]);
            let trees = &mut pair.files_before().trees;
            read(&mut trees[1].differences).modified = list(&["conf/server.xml"]);
            baseline(&mut pair.files().trees[1..]);
        });
        let found: Vec<_> =
            items.iter().map(|item| (item.verdict, item.subject.as_deref().unwrap())).collect();
        assert_eq!(found, [(Warning, PATH), (Unknown, "not compared now")]);
        assert_eq!(items[1].before, "conf/server.xml");
    }

    #[test]
    fn many_files_are_told_in_one() {
        let items = look(None, TOPIC, |pair| {
            let paths: Vec<String> = (0..50).map(|n| format!("WEB-INF/x{n:02}")).collect();
            before(pair).modified = PathList { count: 50, paths };
        });
        assert_eq!(items.len(), NAMED + 1);
        assert_eq!(items[NAMED].summary, "30 more files were not carried over either");
    }
}
