//! Why there is no way: each obstacle is taken away in turn, to see whether it alone stands there.

use super::NoWay;
use super::parts::Part;
use super::search::{Graph, Lifted, Path};
use crate::catalog::PageKind;

/// Something that stands in the way, and what would remove it.
struct Obstacle {
    because: String,
    unless: String,
}

pub(super) fn explain(graph: &Graph<'_>) -> NoWay {
    let alone = [Lifted::License, Lifted::Jumps, Lifted::Engine];
    let parts = graph.scales.iter().map(|scale| Lifted::Part(scale.part));
    let mut found = Vec::new();
    for lifted in alone.into_iter().chain(parts) {
        if let Some(path) = graph.shortest(lifted) {
            found.extend(on(graph, &path));
        }
    }
    let together = found.is_empty();
    if together && let Some(path) = graph.shortest(Lifted::All) {
        found = on(graph, &path);
    }
    let mut no_way = NoWay { because: Vec::new(), unless: Vec::new(), together: together && found.len() > 1 };
    for Obstacle { because, unless } in found {
        if !no_way.because.contains(&because) {
            no_way.because.push(because);
        }
        if !no_way.unless.contains(&unless) {
            no_way.unless.push(unless);
        }
    }
    no_way
}

/// What a path that takes no notice of obstacles runs into.
fn on(graph: &Graph<'_>, path: &Path) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for (old, new) in path.iter().zip(path.iter().skip(1)) {
        let Some(place) = graph.places.get(new.0) else { continue };
        if old.0 != new.0 {
            if let Some(why) = &place.not_licensed {
                found.push(Obstacle {
                    because: why.clone(),
                    unless: format!(
                        "a licence is entered that covers {}, or a release is chosen that the one in force permits; \
                         `agent targets` names the newest",
                        place.version
                    ),
                });
            }
            if place.refuses_engine {
                found.push(engine(graph, new.0));
            }
            if let Some(why) = graph.refusal(old.0, new.0) {
                found.push(jump(graph, new.0, why));
            }
        }
        let values = graph.values_of(new.1);
        for (scale, value) in graph.scales.iter().zip(values) {
            if scale.doubt(new.0, value).is_none()
                && let (Some(text), Some(ruling)) = (scale.values.get(value), scale.ruling(new.0, value))
            {
                found.push(part(scale.part, text, &place.version.to_string(), &ruling.supported));
            }
        }
    }
    found
}

fn engine(graph: &Graph<'_>, place: usize) -> Obstacle {
    let version = graph.places.get(place).map_or_else(String::new, |place| place.version.to_string());
    let name = graph.engine.unwrap_or("this kind of database");
    Obstacle {
        because: format!("{version} does not work with {name}"),
        unless: "the data is moved to another kind of database while the running release stays as it is"
            .to_owned(),
    }
}

fn jump(graph: &Graph<'_>, to: usize, why: String) -> Obstacle {
    let Some(place) = graph.places.get(to) else { return Obstacle { because: why, unless: String::new() } };
    if graph.rolling_nodes.is_some() {
        return Obstacle {
            because: why,
            unless: "the upgrade is made with downtime: --method installer or --method archive".to_owned(),
        };
    }
    let line = place.version.line();
    let page = graph.catalog.page(PageKind::UpgradeMatrix, line).unwrap_or("the vendor's documentation");
    Obstacle {
        because: why,
        unless: format!(
            "the vendor does allow it ({page}): then add the release to {} upgrade-from",
            graph.catalog.answer_key(line)
        ),
    }
}

fn part(part: Part, value: &str, version: &str, supported: &[String]) -> Obstacle {
    let takes = if supported.is_empty() { "another one".to_owned() } else { supported.join(" or ") };
    let unless = match part {
        Part::Java => format!("a Java that {version} takes is installed: {takes}"),
        Part::Database(engine) => format!(
            "the data is moved to {} {takes} in another way, such as a dump that is restored there while nothing runs",
            engine.name()
        ),
        Part::Driver(engine) => {
            format!("a driver for {} that {version} takes is found: {takes}", engine.name())
        }
        Part::OperatingSystem => format!("the instance is moved to a host with {takes}"),
        Part::Connection => format!("the database connection is configured by {takes}"),
    };
    Obstacle { because: format!("{version} does not work with {part} {value}"), unless }
}
