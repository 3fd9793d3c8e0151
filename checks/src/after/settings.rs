//! Were the settings that stand in files of the installation carried over?
//!
//! Somebody may have changed them on purpose, so what differs is for a person to decide.

use super::{Both, Item, Sides, Topic, shown};
use crate::facts::{Connector, Family, JvmOptions, Missing, Ports, Snapshot, Source};
use crate::rules::units::bytes;
use crate::rules::wording::excerpt;

pub(super) fn address(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(|side| Ok(side.application()?.base_url.trim_end_matches('/').to_owned()));
    let remedy = "See whether the address in the agent's configuration was changed, and whether people reach the site at \
                  the old one.";
    same(Topic::Address, &both, |address| excerpt(address), remedy)
}

pub(super) fn connectors(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(|side| {
        let installation = side.installation()?;
        if let Some(carbon) = &installation.carbon {
            let ports = carbon.ports.read(Source::Installation, "the ports of the console")?;
            return Ok(Listening::Ports(ports));
        }
        let connectors = &installation.connectors;
        let connectors = connectors.read(Source::Installation, "the connectors in server.xml")?;
        let mut connectors: Vec<&Connector> = connectors.iter().collect();
        connectors.sort_by_key(|connector| connector.port);
        Ok(Listening::Connectors(connectors))
    });
    let remedy = match sides.now.product.family() {
        Family::Confluence => {
            "Carry over port, scheme, proxyName, proxyPort and maxThreads into conf/server.xml of the new installation, and \
             restart."
        }
        Family::Carbon => {
            "Give the new home the offset of the old one, which it had not while both ran side by side, and restart."
        }
    };
    let show = |listening: &Listening<'_>| match listening {
        Listening::Connectors(connectors) => show_connectors(connectors),
        Listening::Ports(Ports { offset, https, http }) => {
            format!("https on {https}, http on {http}, offset {offset}")
        }
    };
    same(Topic::Connectors, &both, show, remedy)
}

/// What a product listens on, as its configuration says.
#[derive(PartialEq)]
enum Listening<'a> {
    Connectors(Vec<&'a Connector>),
    Ports(&'a Ports),
}

fn show_connectors(connectors: &[&Connector]) -> String {
    let one = |connector: &&Connector| {
        let Connector { port, scheme, proxy_name, proxy_port, max_threads } = connector;
        let proxy = match (proxy_name, proxy_port) {
            (None, None) => String::new(),
            (name, port) => format!(
                " for {}:{}",
                name.as_deref().unwrap_or("any name"),
                port.map_or_else(|| "any port".to_owned(), |port| port.to_string())
            ),
        };
        let threads = max_threads.map_or_else(String::new, |threads| format!(", {threads} threads"));
        format!("{scheme} on {port}{proxy}{threads}")
    };
    if connectors.is_empty() {
        return "none".to_owned();
    }
    excerpt(&connectors.iter().map(one).collect::<Vec<_>>().join("; "))
}

pub(super) fn context_path(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(|side| Ok(side.installation()?.context_path.clone()));
    let show = |path: &String| if path.is_empty() { "the root".to_owned() } else { excerpt(path) };
    let remedy =
        "Carry over the path of the Context in conf/server.xml of the new installation, and restart.";
    same(Topic::ContextPath, &both, show, remedy)
}

/// The heap may grow; it may not shrink, or fall back to what Java or the release chooses.
pub(super) fn heap(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::Heap;
    let both = sides.both(options);
    let show = |options: &&JvmOptions| {
        format!("-Xmx {}, -Xms {}", size(options.max_heap_bytes), size(options.initial_heap_bytes))
    };
    let (before, now) = (shown(&both.before, show), shown(&both.now, show));
    let (was, is) = match both.known(topic, show) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let less = shrunk(was.max_heap_bytes, is.max_heap_bytes)
        || shrunk(was.initial_heap_bytes, is.initial_heap_bytes);
    let item = if less {
        Item::warning(
            topic,
            format!(
                "the heap is smaller than before: -Xmx {}, and {}",
                size(is.max_heap_bytes),
                size(was.max_heap_bytes)
            ),
        )
        .so_do(format!(
            "Carry over -Xmx and -Xms into {} of the new installation, and restart.",
            sides.whereabouts().script
        ))
    } else {
        Item::well(topic, now.clone())
    };
    vec![item.seen(before, now)]
}

fn shrunk(was: Option<u64>, is: Option<u64>) -> bool {
    was.is_some_and(|was| is.is_none_or(|is| is < was))
}

fn size(size: Option<u64>) -> String {
    size.map_or_else(|| "not set".to_owned(), bytes)
}

pub(super) fn jvm_options(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(|side| {
        let JvmOptions { code_cache_bytes, file_encoding, .. } = options(side)?;
        Ok((*code_cache_bytes, file_encoding.as_deref()))
    });
    let show = |(code_cache, encoding): &(Option<u64>, Option<&str>)| {
        let encoding = encoding.map_or_else(|| "not set".to_owned(), excerpt);
        format!("ReservedCodeCacheSize {}, file.encoding {encoding}", size(*code_cache))
    };
    let remedy = format!(
        "See whether the new release brings the option itself; else carry it over into {} and restart.",
        sides.whereabouts().script
    );
    same(Topic::JvmOptions, &both, show, &remedy)
}

fn options(side: &Snapshot) -> Result<&JvmOptions, Missing> {
    side.java()?.options.read(Source::Java, "the options of Java")
}

/// A setting that should be what it was.
fn same<T: PartialEq>(topic: Topic, both: &Both<T>, show: impl Fn(&T) -> String, remedy: &str) -> Vec<Item> {
    let (before, now) = (shown(&both.before, &show), shown(&both.now, &show));
    let (was, is) = match both.known(topic, &show) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let item = if was == is {
        Item::well(topic, now.clone())
    } else {
        Item::warning(topic, format!("{} changed", plural(topic))).so_do(remedy)
    };
    vec![item.seen(before, now)]
}

fn plural(topic: Topic) -> String {
    let have = if topic.title().starts_with("the connectors") || topic.title().starts_with("the options") {
        "have"
    } else {
        "has"
    };
    format!("{} {have}", topic.title())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, look, read, unread};
    use crate::facts::{Field, Reading};
    use crate::model::Verdict::{Ready, Unknown, Warning};

    fn connector(pair: &mut Pair) -> &mut Connector {
        &mut read(&mut pair.installation().connectors)[0]
    }

    #[test]
    fn connectors_are_carried_over() {
        let rows: &[Row] = &[
            ("the same", |_| {}, &[(Ready, None)]),
            ("no proxy", |p| connector(p).proxy_name = None, &[(Warning, None)]),
            ("another port", |p| connector(p).port = 8080, &[(Warning, None)]),
            ("none", |p| read(&mut p.installation().connectors).clear(), &[(Warning, None)]),
            (
                "in another order",
                |p| {
                    let other = Connector { port: 80, ..connector(p).clone() };
                    read(&mut p.installation_before().connectors).push(other.clone());
                    read(&mut p.installation().connectors).insert(0, other);
                },
                &[(Ready, None)],
            ),
            ("unread", |p| p.installation().connectors = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.installation_before().connectors = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::Connectors, rows);
        let items = look(None, Topic::Connectors, |pair| connector(pair).proxy_name = None);
        assert_eq!(items[0].summary, "the connectors of the application server have changed");
        assert_eq!(items[0].before, "https on 8090 for wiki.example.com:443, 48 threads");
        assert_eq!(items[0].now, "https on 8090 for any name:443, 48 threads");
    }

    #[test]
    fn addresses_are_kept() {
        let rows: &[Row] = &[
            ("a slash more", |p| p.application().base_url = "http://127.0.0.1:8090".into(), &[(Ready, None)]),
            ("another", |p| p.application().base_url = "http://127.0.0.1:8080/".into(), &[(Warning, None)]),
            ("unread", |p| p.now.application = Reading::Off, &[(Unknown, None)]),
        ];
        judges(Topic::Address, rows);
        let rows: &[Row] = &[
            ("the same", |_| {}, &[(Ready, None)]),
            ("another", |p| p.installation().context_path = "/wiki".into(), &[(Warning, None)]),
            ("unread before", |p| p.before.installation = Reading::Pending, &[(Unknown, None)]),
        ];
        judges(Topic::ContextPath, rows);
    }

    #[test]
    fn the_heap_does_not_shrink() {
        let rows: &[Row] = &[
            ("the same", |_| {}, &[(Ready, None)]),
            ("more", |p| p.options().max_heap_bytes = Some(1 << 40), &[(Ready, None)]),
            ("less", |p| p.options().max_heap_bytes = Some(1 << 20), &[(Warning, None)]),
            ("not set", |p| p.options().max_heap_bytes = None, &[(Warning, None)]),
            (
                "never set",
                |p| {
                    p.options().max_heap_bytes = None;
                    p.options_before().max_heap_bytes = None;
                },
                &[(Ready, None)],
            ),
            ("unread", |p| p.java().options = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.java_before().options = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::Heap, rows);
    }

    #[test]
    fn options_are_carried_over() {
        let rows: &[Row] = &[
            ("the same", |_| {}, &[(Ready, None)]),
            (
                "another encoding",
                |p| p.options().file_encoding = Some("ISO-8859-1".into()),
                &[(Warning, None)],
            ),
            ("a cache that is not set", |p| p.options().code_cache_bytes = Some(1), &[(Warning, None)]),
            ("unread", |p| p.java().options = Field::Unread("denied".into()), &[(Unknown, None)]),
        ];
        judges(Topic::JvmOptions, rows);
    }
}
