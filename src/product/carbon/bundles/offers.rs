//! What the home of a new release offers to bundles of people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use upgrade_readiness_checks::facts::{Bundle, BundleKind, Field, Offer, Offered, Offerer};

use super::bundle::{Export, exports};
use super::clause::parse_clauses;
use super::jar::{Depth, Jar};
use super::list::{BundleList, parse_list};
use super::people::{OfPeople, Untouched};
use super::places::{JarFile, PlaceError, Places};
use super::reader::Reader;
use super::stated_version;
use crate::chain::Chain;
use crate::collect::properties::parse_properties;
use crate::collect::text_file::read_text;

/// What says which packages of Java bundles may import, below the home.
const LAUNCH: &str = "repository/conf/etc/launch.ini";

/// Its keys for that.
const SYSTEM_PACKAGES: [&str; 2] =
    ["org.osgi.framework.system.packages", "org.osgi.framework.system.packages.extra"];

/// More offers of one package say nothing more.
const MOST_OFFERS: usize = 50;

/// Reads the list a home starts from; what is listed and not there is a defect.
pub(super) fn read_list(places: &Places, plugins: &[JarFile]) -> Field<BundleList> {
    let read = places.list().map_err(|error| error.line());
    let text = read.and_then(|file| read_text(&file).map_err(|error| Chain(&error).to_string()));
    let text = match text {
        Ok(text) => text,
        Err(why) => return Field::Unread(why),
    };
    let mut list = parse_list(&text);
    let there: BTreeSet<&str> = plugins.iter().map(|file| file.name.as_str()).collect();
    let gone: Vec<String> = list
        .locations
        .iter()
        // Those of dropins are put into the list, and taken out of it, at each start.
        .filter(|location| location.contains("plugins/"))
        .filter_map(|location| location.rsplit('/').next())
        .filter(|file| !there.contains(file))
        .map(|file| format!("{file} is not in plugins"))
        .collect();
    for text in gone {
        list.defect(text);
    }
    Field::Read(list)
}

/// What the new home offers.
pub(super) fn read_offered(
    home: &Path,
    untouched: &Untouched,
    running: &[(Bundle, Jar)],
    reader: &mut Reader<'_>,
) -> Result<Offered, PlaceError> {
    let places = Places::of(home)?;
    let people = OfPeople::read(&places, untouched, reader)?;
    let plugins = places.plugins()?;
    let list = read_list(&places, &plugins);
    let mut shelf = Shelf::wanted_by(running.iter().chain(&people.custom).map(|(bundle, _)| bundle));

    let mut read = 0;
    let mut unread = BTreeMap::new();
    for file in started(plugins, places.patches()?, &list) {
        match reader.read(&file, Depth::Manifest) {
            Ok(jar) => {
                read += 1;
                shelf.put(&file.below, Offerer::Release, &jar);
            }
            Err(why) => drop(unread.insert(file.below, why)),
        }
    }
    for (file, jar) in people.of_release.iter().chain(&people.made_elsewhere) {
        read += 1;
        shelf.put(file, Offerer::Release, jar);
    }
    for (file, jar) in &people.plain_of_release {
        read += 1;
        shelf.put_plain(file, Offerer::Release, jar);
    }
    for (bundle, jar) in &people.custom {
        read += 1;
        shelf.put_of_people(bundle, jar, Offerer::NewHome);
    }
    let is_there = |bundle: &Bundle| {
        people.custom.iter().any(|(other, _)| (other.kind, &other.name) == (bundle.kind, &bundle.name))
    };
    for (bundle, jar) in running.iter().filter(|(bundle, _)| !is_there(bundle)) {
        shelf.put_of_people(bundle, jar, Offerer::RunningHome);
    }
    let system_packages = read_system_packages(home, &mut shelf);
    let Shelf { mut packages, mut bundles, .. } = shelf;
    packages.retain(|_, offers| !offers.is_empty());
    bundles.retain(|_, offers| !offers.is_empty());
    Ok(Offered {
        place: home.display().to_string(),
        version: stated_version(home, "bin/version.txt"),
        read,
        unread,
        broken: people.broken,
        list_defects: match list {
            Field::Read(list) => Field::Read(list.defects),
            Field::Unread(why) => Field::Unread(why),
        },
        system_packages,
        custom: people.custom.into_iter().map(|(bundle, _)| bundle).collect(),
        copied_machine_made: people.made_elsewhere.into_iter().map(|(file, _)| file).collect(),
        packages,
        bundles,
    })
}

/// The plug-ins that are started: those that are listed, with patches in their place.
///
/// A patch whose name no plug-in has is copied beside them, but nobody lists it.
fn started(plugins: Vec<JarFile>, patches: Vec<JarFile>, list: &Field<BundleList>) -> Vec<JarFile> {
    let mut by_name: BTreeMap<String, JarFile> =
        plugins.into_iter().map(|file| (file.name.clone(), file)).collect();
    by_name.extend(patches.into_iter().map(|file| (file.name.clone(), file)));
    if let Field::Read(list) = list {
        by_name.retain(|name, _| list.files.contains(name));
    }
    by_name.into_values().collect()
}

/// Offers of what is wanted; other names are not taken.
#[derive(Debug, Default)]
struct Shelf {
    packages: BTreeMap<String, Vec<Offer>>,
    bundles: BTreeMap<String, Vec<Offer>>,
    /// Packages somebody wants with certain attributes; of others, attributes say nothing.
    choosy: BTreeSet<String>,
}

impl Shelf {
    fn wanted_by<'a>(bundles: impl Iterator<Item = &'a Bundle>) -> Self {
        let mut this = Self::default();
        for bundle in bundles {
            this.packages.extend(bundle.imports.iter().map(|wanted| (wanted.name.clone(), Vec::new())));
            this.bundles.extend(bundle.requires.iter().map(|wanted| (wanted.name.clone(), Vec::new())));
            let choosy = bundle.imports.iter().filter(|wanted| !wanted.attributes.is_empty());
            this.choosy.extend(choosy.map(|wanted| wanted.name.clone()));
        }
        this
    }

    /// Takes what a bundle exports, and the bundle itself.
    fn put(&mut self, file: &str, of: Offerer, jar: &Jar) {
        let described = &jar.described;
        // Who imports may ask for a certain exporter.
        let exporter = [("bundle-symbolic-name", &described.name), ("bundle-version", &described.version)];
        for Export { package, version, attributes, mandatory } in &described.exports {
            let mut asked = BTreeMap::new();
            if self.choosy.contains(package) {
                asked.clone_from(attributes);
                let known =
                    exporter.iter().filter_map(|(key, value)| Some(((*key).to_owned(), (*value).clone()?)));
                asked.extend(known);
            }
            let (version, by, mandatory) = (version.clone(), file.to_owned(), mandatory.clone());
            self.offer(package, Offer { version, by, of, attributes: asked, mandatory });
        }
        // Nobody can require a fragment.
        if let (Some(name), Some(version), None) = (&described.name, &described.version, &described.host)
            && let Some(offers) = self.bundles.get_mut(name)
            && offers.len() < MOST_OFFERS
        {
            offers.push(plain_offer(version, file, of));
        }
    }

    /// The same of a jar of people.
    fn put_of_people(&mut self, bundle: &Bundle, jar: &Jar, of: Offerer) {
        match bundle.kind {
            BundleKind::Dropin => self.put(&bundle.file, of, jar),
            BundleKind::Library | BundleKind::Extension => self.put_plain(&bundle.file, of, jar),
        }
    }

    /// Takes the packages of a plain jar: it is wrapped into a bundle that exports them all in no version.
    fn put_plain(&mut self, file: &str, of: Offerer, jar: &Jar) {
        for package in &jar.packages {
            self.offer(package, plain_offer("0.0.0", file, of));
        }
    }

    fn offer(&mut self, package: &str, offer: Offer) {
        if let Some(offers) = self.packages.get_mut(package)
            && offers.len() < MOST_OFFERS
        {
            offers.push(offer);
        }
    }
}

fn plain_offer(version: &str, by: &str, of: Offerer) -> Offer {
    Offer {
        version: version.to_owned(),
        by: by.to_owned(),
        of,
        attributes: BTreeMap::new(),
        mandatory: BTreeSet::new(),
    }
}

/// The packages of Java that `launch.ini` passes on, and how many they are.
fn read_system_packages(home: &Path, shelf: &mut Shelf) -> Field<u64> {
    let file = home.join(LAUNCH);
    let text = match read_text(&file) {
        Ok(text) => text,
        Err(error) => return Field::Unread(Chain(&error).to_string()),
    };
    let properties = parse_properties(&text);
    let mut count = 0;
    for key in SYSTEM_PACKAGES {
        let Some(list) = properties.get(key) else { continue };
        // Such a list may end with a comma.
        let list = list.trim().trim_end_matches(',');
        let read =
            parse_clauses(key, list).map_err(|error| error.to_string()).and_then(|list| exports(&list));
        let packages = match read {
            Ok(packages) => packages,
            Err(why) => return Field::Unread(format!("{} says {key}, and {why}", file.display())),
        };
        for Export { package, version, .. } in packages {
            count += 1;
            shelf.offer(&package, plain_offer(&version, LAUNCH, Offerer::Release));
        }
    }
    if count == 0 {
        return Field::Unread(format!("{} lists no {}", file.display(), SYSTEM_PACKAGES[0]));
    }
    Field::Read(count)
}
