//! Are the bundles people put into a Carbon product in the new home as well?

use std::collections::BTreeMap;

use super::{Item, Sides, Topic, shown};
use crate::facts::{BundleKind, Bundles, Missing, Snapshot, Source};
use crate::rules::wording::{counted, excerpt, first_few};

const TOPIC: Topic = Topic::Plugins;

pub(super) fn bundles(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(told);
    let show = |bundles: &&Bundles| {
        let names = bundles.custom.iter().map(|bundle| bundle.name.as_str());
        let count = bundles.custom.len() as u64;
        if count == 0 {
            return "no bundle of people".to_owned();
        }
        excerpt(&format!("{} of people: {}", counted(count, "bundle"), first_few(names, count)))
    };
    let (before, now) = match both.known(TOPIC, show) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let seen = (shown(&both.before, show), shown(&both.now, show));
    let there: BTreeMap<&str, &str> =
        now.custom.iter().map(|bundle| (bundle.name.as_str(), bundle.version.as_str())).collect();
    let mut items = Vec::new();
    let mut other = 0_u64;
    for was in &before.custom {
        match there.get(was.name.as_str()) {
            Some(version) => other += u64::from(*version != was.version),
            None => items.push(
                Item::warning(TOPIC, format!("{} is not in the new home", excerpt(&was.name)))
                    .about(was.name.clone())
                    .seen(format!("{}, {}", excerpt(&was.version), excerpt(&was.file)), "not there")
                    .so_do(match was.kind {
                        BundleKind::Dropin => {
                            "Put a jar that was built for the new release into repository/components/dropins and restart, if it \
                             is still needed; its file may also have another symbolic name now."
                        }
                        BundleKind::Library | BundleKind::Extension => {
                            "Copy the jar into the same directory of the new home and restart, if it is still needed; a newer \
                             jar has another name, and that is well."
                        }
                    }),
            ),
        }
    }
    for (file, why) in now.broken.iter().filter(|(file, _)| !before.broken.contains_key(*file)) {
        items.push(
            Item::warning(TOPIC, format!("{} cannot be read as a bundle", excerpt(file)))
                .about(file.clone())
                .seen("not there, or whole", excerpt(why))
                .so_do("Copy or build it anew, and restart."),
        );
    }
    if items.is_empty() {
        let other = if other == 0 { String::new() } else { format!(", {other} with another version") };
        items.push(Item::well(TOPIC, format!("{}{other}", seen.1)).seen(seen.0, seen.1.clone()));
    }
    items
}

fn told(side: &Snapshot) -> Result<&Bundles, Missing> {
    side.plugins()?.bundles.as_deref().ok_or_else(|| Missing::Unread {
        of: Source::Plugins,
        what: "the bundles of people".to_owned(),
        why: "the home was not looked into".to_owned(),
    })
}
