//! The jars of a home that people put there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use upgrade_readiness_checks::facts::{Bundle, BundleKind, Field};

use super::jar::{Depth, Jar};
use super::origin::{Origin, made_of, origin};
use super::places::{JarFile, PlaceError, Places};
use super::reader::Reader;

/// More jars of people are not read.
const MOST_CUSTOM: usize = 1_000;

/// What an untouched copy of a release has: the names and versions of its bundles, and the names of its plain jars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Untouched {
    bundles: BTreeSet<(String, String)>,
    plain: BTreeSet<String>,
}

impl Untouched {
    /// Reads an untouched copy, when it is a directory; nothing is known of one that is packed.
    pub(super) fn read(pristine: Option<&Path>, reader: &mut Reader<'_>) -> Result<Self, PlaceError> {
        let Some(directory) = pristine.filter(|path| path.is_dir()) else { return Ok(Self::default()) };
        let places = Places::of(directory)?;
        let mut this = Self::default();
        for file in places.plugins()?.into_iter().chain(places.dropins()?) {
            if let Ok(jar) = reader.read(&file, Depth::Manifest)
                && let (Some(name), Some(version)) = (jar.described.name, jar.described.version)
            {
                this.bundles.insert((name, version));
            }
        }
        this.plain.extend(places.library()?.into_iter().chain(places.extensions()?).map(|file| file.name));
        Ok(this)
    }

    fn has(&self, name: &str, version: &str) -> bool {
        self.bundles.contains(&(name.to_owned(), version.to_owned()))
    }
}

/// The jars of a home that did not come with it, as far as that can be told.
#[derive(Debug, Default)]
pub(super) struct OfPeople {
    /// What they are, and what was read of them.
    pub(super) custom: Vec<(Bundle, Jar)>,
    /// Jars of `dropins` that came with the release.
    pub(super) of_release: Vec<(String, Jar)>,
    /// Plain jars that came with the release.
    pub(super) plain_of_release: Vec<(String, Jar)>,
    /// What the product made itself, of what is there.
    pub(super) made: Vec<String>,
    /// The same, and what it is made of is not there.
    pub(super) made_elsewhere: Vec<(String, Jar)>,
    /// Jars of `dropins` that are no bundles.
    pub(super) no_bundles: Vec<String>,
    /// Jars that could not be read, and why.
    pub(super) broken: BTreeMap<String, String>,
}

impl OfPeople {
    /// Reads the jars of a home.
    pub(super) fn read(
        places: &Places,
        untouched: &Untouched,
        reader: &mut Reader<'_>,
    ) -> Result<Self, PlaceError> {
        let (library, extensions) = (places.library()?, places.extensions()?);
        let made = made_of(library.iter().chain(&extensions).map(|file| file.name.as_str()));
        let mut this = Self::default();
        for file in places.dropins()? {
            if let Some(jar) = this.jar(&file, reader) {
                this.sort(file, jar, &made, untouched);
            }
        }
        let plain = library.into_iter().map(|file| (file, BundleKind::Library));
        for (file, kind) in plain.chain(extensions.into_iter().map(|file| (file, BundleKind::Extension))) {
            let Some(jar) = this.jar(&file, reader) else { continue };
            if untouched.plain.contains(&file.name) {
                this.plain_of_release.push((file.below, jar));
            } else {
                this.custom.push((plain_jar(&file, kind, &jar), jar));
            }
        }
        Ok(this)
    }

    fn jar(&mut self, file: &JarFile, reader: &mut Reader<'_>) -> Option<Jar> {
        let read = if reader.is_stopped() || self.custom.len() >= MOST_CUSTOM {
            Err(format!("only the first {MOST_CUSTOM} jars of people are read"))
        } else {
            reader.read(file, Depth::Classes)
        };
        match read {
            Ok(jar) => Some(jar),
            Err(why) => {
                self.broken.insert(file.below.clone(), why);
                None
            }
        }
    }

    /// Finds out whose a jar of `dropins` is.
    fn sort(&mut self, file: JarFile, jar: Jar, made: &BTreeSet<String>, untouched: &Untouched) {
        match origin(&file.name, &jar, made) {
            Origin::Made => return self.made.push(file.below),
            Origin::MadeElsewhere => return self.made_elsewhere.push((file.below, jar)),
            Origin::Put => {}
        }
        let described = &jar.described;
        let (Some(name), Some(version)) = (&described.name, &described.version) else {
            return self.no_bundles.push(file.below);
        };
        if untouched.has(name, version) {
            return self.of_release.push((file.below, jar));
        }
        let bundle = Bundle {
            file: file.below,
            kind: BundleKind::Dropin,
            name: name.clone(),
            version: version.clone(),
            imports: described.imports.clone(),
            requires: described.requires.clone(),
            not_evaluated: described.not_evaluated.clone(),
            demanded_java: described.demanded_java,
            compiled_for: compiled_for(&jar),
        };
        self.custom.push((bundle, jar));
    }
}

/// A plain jar: whatever its manifest says of a bundle, the product makes one of its own around it.
fn plain_jar(file: &JarFile, kind: BundleKind, jar: &Jar) -> Bundle {
    Bundle {
        file: file.below.clone(),
        kind,
        name: file.name.clone(),
        version: String::new(),
        imports: Vec::new(),
        requires: Vec::new(),
        not_evaluated: Vec::new(),
        demanded_java: None,
        compiled_for: compiled_for(jar),
    }
}

fn compiled_for(jar: &Jar) -> Field<Option<u32>> {
    match &jar.compiled_for {
        Ok(feature) => Field::Read(*feature),
        Err(why) => Field::Unread(why.clone()),
    }
}
