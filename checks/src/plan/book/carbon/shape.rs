//! What a Carbon instance is, as far as it shapes its book.

use super::copying::words;
use super::homes::{Homes, Tenants};
use super::pairs::is_kernel;
use crate::facts::{ConfigurationModel, Field, Role};
use crate::plan::book::desk::Desk;
use crate::plan::book::leg::legs;
use crate::plan::book::parts::SectionKind;
use crate::plan::book::site::sized;
use crate::rules::units::bytes;
use crate::rules::wording::first_few;

/// Names and values for the head of the book.
pub(in crate::plan::book) fn made_for(desk: &Desk<'_>) -> Vec<(String, String)> {
    let site = desk.site;
    let Some(homes) = legs(desk, SectionKind::Staging).first().map(|leg| Homes::of(desk, leg)) else {
        return site.made_for();
    };
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    let os = desk.facts.host().map_or_else(|missing| missing.to_string(), |host| host.os.name.clone());
    row("host", format!("{}, {os}", site.host));
    row("servers", servers(&homes));
    row("product home", sized(&homes.old, site.size(Role::Installation)));
    row(
        "new home",
        match homes.prepared {
            Some(_) => format!("{}, set up already", homes.new),
            None => format!("{}, to be set up", homes.new),
        },
    );
    if let Some(carbon) = homes.carbon {
        let kernel = carbon.kernel.value().map_or_else(|| "not seen".to_owned(), ToString::to_string);
        let to = homes.new_kernel.as_ref().map_or_else(|| "not known".to_owned(), ToString::to_string);
        if !is_kernel(desk.facts.product) {
            row("kernel", format!("{kernel} now, {to} with {}", desk.target.version));
        }
        row(
            "configuration",
            match carbon.model {
                ConfigurationModel::Xml => "XML files",
                ConfigurationModel::Toml => "deployment.toml",
            }
            .to_owned(),
        );
        if let Some(ports) = carbon.ports.value() {
            row("ports", format!("{} and {}, offset {}", ports.https, ports.http, ports.offset));
        }
    }
    row("service", site.service_words());
    row("java", site.java_words());
    for store in &homes.stores {
        let large = store.size().map_or_else(String::new, |size| format!(", {}", bytes(size)));
        let name = if store.names.is_empty() {
            "database".to_owned()
        } else {
            format!("database of {}", store.called())
        };
        row(&name, format!("{}{large}", words(store, false)));
    }
    row("tenants", tenants(&homes));
    row("address", site.public_url());
    rows
}

fn servers(homes: &Homes<'_>) -> String {
    let all = homes.servers();
    let names = first_few(all.iter().map(String::as_str), all.len() as u64);
    match homes.clustering() {
        Some(cluster) => format!(
            "a cluster, domain {}: {}",
            cluster.domain.as_deref().unwrap_or("not seen"),
            if all.is_empty() { "members not seen".to_owned() } else { names }
        ),
        None if homes.carbon.is_some_and(|home| home.clustering.value().is_some()) => {
            "a single server".to_owned()
        }
        None => "whether it is a cluster could not be seen".to_owned(),
    }
}

fn tenants(homes: &Homes<'_>) -> String {
    match homes.tenants() {
        Tenants::None => "none but the super tenant".to_owned(),
        Tenants::There(ids) => format!("{} besides the super tenant", ids.len()),
        Tenants::NotKnown => "could not be seen for sure".to_owned(),
    }
}

/// What could not be seen of it, each as a sentence without its full stop.
pub(in crate::plan::book) fn not_seen(desk: &Desk<'_>) -> Vec<String> {
    let Some(homes) = legs(desk, SectionKind::Staging).first().map(|leg| Homes::of(desk, leg)) else {
        return Vec::new();
    };
    let mut gaps = Vec::new();
    if homes.stores.iter().any(|store| store.new.host == "STAGING_DB_HOST") {
        gaps.push(
            "STAGING_DB_HOST is the server of the new databases, which nobody has named yet; it may be the server of production, \
             and their names are proposals"
                .to_owned(),
        );
    }
    let Some(carbon) = homes.carbon else {
        gaps.push("what is particular to the product home was not read".to_owned());
        return gaps;
    };
    let mut unread = |what: &str, why: Option<&str>| {
        if let Some(why) = why {
            gaps.push(format!("{what} could not be seen: {why}"));
        }
    };
    unread("the data sources", why(&carbon.datasources));
    unread("whether there is a cluster", why(&carbon.clustering));
    unread("whether there are tenants", why(&carbon.tenants));
    unread("which user stores there are", why(&carbon.user_stores));
    unread("on which ports it listens, so that the usual ones stand in this book,", why(&carbon.ports));
    unread("which patches it has", why(&carbon.patches));
    for store in &homes.stores {
        let mut word = |value: &str, what: &str| {
            if value.ends_with(what)
                && value != what
                && !value.contains(|c: char| c.is_ascii_lowercase())
                && store.place.is_some()
            {
                gaps.push(format!(
                    "{value} stands for a part of the data source {} that could not be seen",
                    store.called()
                ));
            }
        };
        word(&store.running.host, "_HOST");
        word(&store.running.name, "_NAME");
        word(&store.running.account, "_USER");
    }
    gaps
}

fn why<T>(field: &Field<T>) -> Option<&str> {
    match field {
        Field::Read(_) => None,
        Field::Unread(why) => Some(why),
    }
}
