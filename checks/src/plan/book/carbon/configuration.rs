//! The configuration of the new home: what is new, what is carried over, what differs while both run.

use super::copying::words;
use super::homes::Homes;
use crate::facts::{ConfigurationModel, Drift, DriftSetting, Field};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::Leg;
use crate::rules::wording::{counted, excerpt, first_few};

/// Settings that are named; more are only counted.
const NAMED: usize = 30;

pub(super) fn configuration(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let draft = Draft::work("configuration", format!("Configure {}", leg.to)).text(format!(
        "In {}, in the files of the new release: every change is written into them by hand, none of the old files is copied.",
        site.below(&homes.new, "repository/conf")
    ));
    let draft = match homes.new_model() {
        Some(ConfigurationModel::Toml) => draft.text(format!(
            "This release is configured by {} alone: the XML files are made from it at each start, and what is changed in them \
             by hand is lost.",
            site.below(&homes.new, "repository/conf/deployment.toml")
        )),
        Some(ConfigurationModel::Xml) => draft,
        None => draft.text(format!(
            "Where {} has a repository/conf/deployment.toml, everything is set in that file: the XML files are made from it.",
            leg.to
        )),
    };
    let from_xml = homes.carbon.is_some_and(|home| home.model == ConfigurationModel::Xml)
        && homes.new_model() == Some(ConfigurationModel::Toml);
    let draft = draft.when(from_xml, || {
        "The running release is configured by XML files: for each change of your own the key of deployment.toml that stands for \
         it is looked up in the vendor's list."
            .to_owned()
    });
    changes(draft, leg, homes)
        .text("As long as the new release runs beside production:")
        .list(apart(homes))
        .text(
            "Keystores: copy your own from repository/resources/security, since what is encrypted in the database and in user \
             stores can be read with that key alone; import the certificates of your servers into the new client-truststore.",
        )
}

/// What is new in the release, and what people changed in the running one.
fn changes(draft: Draft, leg: &Leg<'_>, homes: &Homes<'_>) -> Draft {
    let none_is_new = homes.pair.is_some_and(|pair| pair.same_configuration);
    let compared = homes.prepared.map(|prepared| &prepared.drift);
    let compared = match compared {
        Some(Field::Read(compared)) => compared,
        other => {
            let why = match other {
                Some(Field::Unread(why)) => format!(" ({})", excerpt(why)),
                Some(Field::Read(_)) | None => String::new(),
            };
            let draft = if none_is_new {
                draft.text(format!(
                    "No option is new between {} and {}: their files differ in the version they state and nothing else.",
                    leg.from, leg.to
                ))
            } else {
                draft
            };
            return draft.text(format!(
                "What you changed yourself{} could not be compared{why}: name both untouched archives and the new home in the \
                 agent's configuration, or compare {}/repository/conf with the untouched archive of {}.",
                if none_is_new { "" } else { " and what is new" },
                homes.old,
                leg.from
            ));
        }
    };
    let of_vendor: Vec<&DriftSetting> =
        compared.settings.iter().filter(|setting| setting.base != setting.target).collect();
    let own: Vec<&DriftSetting> =
        compared.settings.iter().filter(|setting| setting.base != setting.local).collect();
    let complete = compared.count <= compared.settings.len() as u64 && compared.unread.is_empty();
    let draft = if of_vendor.is_empty() && complete {
        draft.text(format!(
            "No option is new: {} of both untouched releases say the same.",
            counted(compared.files, "file")
        ))
    } else {
        named(draft, "New or changed by the vendor", &of_vendor, |setting| (&setting.base, &setting.target))
    };
    let draft = if own.is_empty() && complete {
        draft.text(format!("Nothing was changed by hand in {}.", homes.old))
    } else {
        named(draft, "Changed by you", &own, |setting| (&setting.base, &setting.local))
    };
    rest(draft, compared)
}

fn rest(draft: Draft, compared: &Drift) -> Draft {
    draft
        .when(compared.count > compared.settings.len() as u64, || {
            format!("{} more differ and are not listed.", compared.count - compared.settings.len() as u64)
        })
        .when(!compared.unread.is_empty(), || {
            let files = compared.unread.iter().map(|(file, _)| file.as_str());
            format!("Not compared, so look at them by hand: {}.", first_few(files, compared.unread.len() as u64))
        })
        .when(!compared.copied_whole.is_empty(), || {
            let files = compared.copied_whole.iter().map(String::as_str);
            format!(
                "Copied whole from the running home, which loses what the vendor changed in them: {}. Take the file of the new \
                 release again and write the changes into it.",
                first_few(files, compared.copied_whole.len() as u64)
            )
        })
}

fn named<'s>(
    draft: Draft,
    title: &str,
    settings: &[&'s DriftSetting],
    sides: impl Fn(&'s DriftSetting) -> (&'s Option<String>, &'s Option<String>),
) -> Draft {
    if settings.is_empty() {
        return draft;
    }
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "absent".to_owned(), excerpt);
    let items = settings.iter().take(NAMED).map(|setting| {
        let (was, is) = sides(setting);
        format!("{}, {}: {} instead of {}", setting.file, excerpt(&setting.path), shown(is), shown(was))
    });
    let more = settings.len().saturating_sub(NAMED);
    draft
        .text(format!("{title}:"))
        .list(items.collect())
        .when(more > 0, || format!("And {more} more of them."))
}

/// A file below the home.
fn below(homes: &Homes<'_>, place: &str) -> String {
    let inside = place.strip_prefix(homes.old.as_str());
    inside.map_or_else(|| place.to_owned(), |inside| inside.trim_start_matches(['/', '\\']).to_owned())
}

/// What must not be as in production while the new release is tried.
fn apart(homes: &Homes<'_>) -> Vec<String> {
    let toml = homes.new_model() == Some(ConfigurationModel::Toml);
    let file = |xml: &str| if toml { "repository/conf/deployment.toml".to_owned() } else { xml.to_owned() };
    let mut items: Vec<String> = Vec::new();
    for store in &homes.stores {
        let place = match store.place {
            Some(place) if !toml => below(homes, place),
            Some(_) | None => file("repository/conf/datasources/master-datasources.xml"),
        };
        items.push(format!("{place}: {} names {}", store.called(), words(store, true)));
    }
    let (offset, https) = homes.trial_ports();
    items.push(format!(
        "{}: offset {offset}, so that the console answers on {https} beside the running one",
        file("repository/conf/carbon.xml")
    ));
    let axis = file("repository/conf/axis2/axis2.xml");
    items.push(if let Some(cluster) = homes.clustering() {
        format!(
            "{axis}: clustering off, or another domain than {} and none of its members; else the new server joins the running \
             cluster",
            cluster.domain.as_deref().unwrap_or("that of production")
        )
    } else {
        let now = homes.carbon.and_then(|home| home.clustering.value()).map_or("", |_| ", as now");
        format!("{axis}: clustering off{now}")
    });
    let synchroniser = homes.carbon.and_then(|home| home.synchroniser.value());
    items.push(match synchroniser {
        Some(synchroniser) if synchroniser.enabled => format!(
            "{}: deployment synchroniser off; it works with {}, and would write into it",
            file("repository/conf/carbon.xml"),
            synchroniser.repository.as_deref().map_or_else(|| "the shared repository".to_owned(), excerpt)
        ),
        Some(_) => format!("{}: deployment synchroniser off, as now", file("repository/conf/carbon.xml")),
        None => format!("{}: deployment synchroniser off", file("repository/conf/carbon.xml")),
    });
    let mounts = homes.carbon.and_then(|home| home.mounts.value()).map_or(&[][..], Vec::as_slice);
    for mount in mounts {
        items.push(format!(
            "{}: the mount {} has another cacheId ({}), or both share a cache",
            file("repository/conf/registry.xml"),
            excerpt(&mount.path),
            mount.cache_id.as_deref().map_or_else(|| "not seen".to_owned(), excerpt)
        ));
    }
    let directories: Vec<String> = homes
        .user_stores()
        .unwrap_or_default()
        .iter()
        .filter_map(|store| Some(format!("{} at {}", store.file, excerpt(store.address.as_deref()?))))
        .take(NAMED)
        .collect();
    items.push(format!(
        "{}, so that the administrator who came with the data is not made anew",
        if toml {
            "repository/conf/deployment.toml: create_admin_account = false under [super_admin]"
        } else {
            "repository/conf/user-mgt.xml: AddAdmin false"
        }
    ));
    if !directories.is_empty() {
        items.push(format!(
            "User stores name a directory for trying, or an account that only reads: {}",
            directories.join(", ")
        ));
    }
    items
}

/// What becomes again as production has it, when the new release takes its place.
pub(super) fn as_production(homes: &Homes<'_>) -> Vec<String> {
    let toml = homes.new_model() == Some(ConfigurationModel::Toml);
    let file = |xml: &str| if toml { "repository/conf/deployment.toml".to_owned() } else { xml.to_owned() };
    let ports = homes.carbon.and_then(|home| home.ports.value());
    let mut items = vec![match ports {
        Some(ports) => format!(
            "{}: offset {}, so that the console answers on {} as before",
            file("repository/conf/carbon.xml"),
            ports.offset,
            ports.https
        ),
        None => format!(
            "{}: the offset of the running home, which could not be seen",
            file("repository/conf/carbon.xml")
        ),
    }];
    if let Some(Some(name)) = homes.carbon.and_then(|home| home.host_name.value()) {
        items.push(format!("{}: host name {name}", file("repository/conf/carbon.xml")));
    }
    if let Some(cluster) = homes.clustering() {
        items.push(format!(
            "{}: clustering on, in another domain than {}: no old node may ever join it; members as now: {}",
            file("repository/conf/axis2/axis2.xml"),
            cluster.domain.as_deref().unwrap_or("the old one"),
            if cluster.members.is_empty() { "none are named".to_owned() } else { cluster.members.join(", ") }
        ));
    }
    let synchroniser = homes.carbon.and_then(|home| home.synchroniser.value());
    if synchroniser.is_some_and(|synchroniser| synchroniser.enabled) {
        items.push(format!(
            "{}: deployment synchroniser on, with a repository of its own that was filled from the new home",
            file("repository/conf/carbon.xml")
        ));
    }
    if homes.user_stores().is_some_and(|stores| !stores.is_empty()) {
        items.push("User stores name the directories and accounts of production again".to_owned());
    }
    items
}
