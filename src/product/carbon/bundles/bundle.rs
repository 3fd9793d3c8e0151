//! What the manifest of a jar says of the bundle it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::Wanted;
use upgrade_readiness_checks::osgi::{Version, VersionRange};

use super::clause::{Clause, parse_clauses};
use super::java;
use super::manifest::Manifest;

/// More packages or bundles than any one needs.
const MOST_WANTED: usize = 2_000;

/// The name every bundle knows the framework by.
const FRAMEWORK: &str = "system.bundle";

/// Any version.
const ANY: &str = "0.0.0";

/// What a manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Described {
    /// The symbolic name; a jar without one is no bundle.
    pub(super) name: Option<String>,
    /// The version; a jar without one is none to Carbon.
    pub(super) version: Option<String>,
    /// The packages it exports.
    pub(super) exports: Vec<Export>,
    /// The packages it imports and does not offer itself.
    pub(super) imports: Vec<Wanted>,
    /// The bundles it requires, and the host of a fragment.
    pub(super) requires: Vec<Wanted>,
    /// The host of a fragment.
    pub(super) host: Option<String>,
    /// Capabilities that are not evaluated.
    pub(super) not_evaluated: Vec<String>,
    /// The Java feature it demands.
    pub(super) demanded_java: Option<u32>,
    /// It takes any package it finds.
    pub(super) takes_any_package: bool,
}

/// A package somebody exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Export {
    pub(super) package: String,
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) mandatory: BTreeSet<String>,
}

/// Reads what a manifest says of a bundle; an error in a person's words, since the framework refuses such a jar.
pub(super) fn describe(manifest: &Manifest) -> Result<Described, String> {
    let exports = exports(&clauses(manifest, "Export-Package")?)?;
    let hosts = clauses(manifest, "Fragment-Host")?;
    let mut requires = required(&clauses(manifest, "Require-Bundle")?)?;
    requires.extend(required(&hosts)?);
    let capabilities = java::capabilities(&clauses(manifest, "Require-Capability")?);
    let dynamic = clauses(manifest, "DynamicImport-Package")?;
    let names = clauses(manifest, "Bundle-SymbolicName")?;
    let version = manifest.get("bundle-version").map(ToOwned::to_owned);
    if let Some(version) = &version {
        version.parse::<Version>().map_err(|error| format!("Bundle-Version of its manifest: {error}"))?;
    }
    let environments = manifest.get("bundle-requiredexecutionenvironment");
    let described = Described {
        name: names.into_iter().flat_map(|clause| clause.paths).next(),
        version,
        imports: imports(&clauses(manifest, "Import-Package")?, &exports)?,
        exports,
        requires,
        host: hosts.into_iter().flat_map(|clause| clause.paths).next(),
        not_evaluated: capabilities.not_evaluated,
        demanded_java: environments.and_then(java::of_environments).max(capabilities.java),
        takes_any_package: dynamic.iter().any(|clause| clause.paths.iter().any(|path| path == "*")),
    };
    if described.imports.len() + described.requires.len() > MOST_WANTED {
        return Err(format!("its manifest asks for more than {MOST_WANTED} packages and bundles"));
    }
    Ok(described)
}

fn clauses(manifest: &Manifest, header: &str) -> Result<Vec<Clause>, String> {
    let text = manifest.get(&header.to_ascii_lowercase());
    text.map_or(Ok(Vec::new()), |text| parse_clauses(header, text).map_err(|error| error.to_string()))
}

/// The packages a list exports; the same list describes what Java passes on.
pub(super) fn exports(clauses: &[Clause]) -> Result<Vec<Export>, String> {
    let mut exports = Vec::new();
    for clause in clauses {
        let version = version_of(clause);
        version.parse::<Version>().map_err(|error| format!("Export-Package of its manifest: {error}"))?;
        let mandatory = clause.directive("mandatory").unwrap_or_default();
        let mandatory = mandatory.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mandatory: BTreeSet<String> = mandatory.map(ToOwned::to_owned).collect();
        for package in &clause.paths {
            exports.push(Export {
                package: package.clone(),
                version: version.to_owned(),
                attributes: attributes(clause),
                mandatory: mandatory.clone(),
            });
        }
    }
    Ok(exports)
}

fn imports(clauses: &[Clause], exports: &[Export]) -> Result<Vec<Wanted>, String> {
    let mut wanted = Vec::new();
    for clause in clauses.iter().filter(|clause| !is_optional(clause)) {
        let range = version_of(clause);
        let parsed: VersionRange =
            range.parse().map_err(|error| format!("Import-Package of its manifest: {error}"))?;
        let attributes = attributes(clause);
        let is_own = |package: &str| {
            let mut own = exports.iter().filter(|export| export.package == package);
            attributes.is_empty()
                && own.any(|export| export.version.parse().is_ok_and(|version| parsed.includes(&version)))
        };
        // Java's own packages need not be imported, and are always there.
        for package in clause.paths.iter().filter(|path| !path.starts_with("java.") && !is_own(path)) {
            let (name, range, attributes) = (package.clone(), range.to_owned(), attributes.clone());
            wanted.push(Wanted { name, range, attributes });
        }
    }
    Ok(wanted)
}

/// Bundles that are required, or the host of a fragment.
fn required(clauses: &[Clause]) -> Result<Vec<Wanted>, String> {
    let mut wanted = Vec::new();
    for clause in clauses.iter().filter(|clause| !is_optional(clause)) {
        let range = clause.attribute("bundle-version").unwrap_or(ANY);
        range
            .parse::<VersionRange>()
            .map_err(|error| format!("a required bundle of its manifest: {error}"))?;
        for name in clause.paths.iter().filter(|name| *name != FRAMEWORK) {
            wanted.push(Wanted { name: name.clone(), range: range.to_owned(), attributes: BTreeMap::new() });
        }
    }
    Ok(wanted)
}

/// The version of an export or the range of an import; older manifests have another name for it.
fn version_of(clause: &Clause) -> &str {
    let version = clause.attribute("version").or_else(|| clause.attribute("specification-version"));
    version.map(str::trim).filter(|version| !version.is_empty()).unwrap_or(ANY)
}

fn attributes(clause: &Clause) -> BTreeMap<String, String> {
    let mut attributes = clause.attributes.clone();
    attributes.retain(|key, _| !matches!(key.as_str(), "version" | "specification-version" | "optional"));
    attributes
}

fn is_optional(clause: &Clause) -> bool {
    clause.directive("resolution") == Some("optional") || clause.attribute("optional") == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::bundles::manifest::parse_manifest;

    fn described(text: &str) -> Described {
        describe(&parse_manifest(text.as_bytes()).unwrap()).unwrap()
    }

    fn wanted(list: &[Wanted]) -> Vec<String> {
        let attributes = |wanted: &Wanted| -> String {
            wanted.attributes.iter().flat_map(|(key, value)| [" ", key, "=", value]).collect()
        };
        list.iter().map(|one| format!("{} {}{}", one.name, one.range, attributes(one))).collect()
    }

    #[test]
    fn a_bundle_is_described() {
        let bundle = described(
            "Bundle-SymbolicName: com.example.x;singleton:=true\nBundle-Version: 1.2.0.wso2v1\n\
             Import-Package: a;version=\"[1,2)\",b;resolution:=optional,c;d;vendor=x,java.util,own,newer;version=2\n\
             Export-Package: own;version=1,newer;version=1,e;mandatory:=\"vendor\";vendor=y;uses:=\"a,b\"\n\
             Require-Bundle: org.r;bundle-version=\"[3,4)\",org.o;resolution:=optional,system.bundle,org.v;visibility:=reexport\n\
             DynamicImport-Package: *\nFragment-Host: org.h;bundle-version=4.4.6\n",
        );
        assert_eq!(bundle.name.as_deref(), Some("com.example.x"));
        assert_eq!(bundle.version.as_deref(), Some("1.2.0.wso2v1"));
        assert_eq!(wanted(&bundle.imports), ["a [1,2)", "c 0.0.0 vendor=x", "d 0.0.0 vendor=x", "newer 2"]);
        assert_eq!(wanted(&bundle.requires), ["org.r [3,4)", "org.v 0.0.0", "org.h 4.4.6"]);
        assert_eq!(bundle.host.as_deref(), Some("org.h"));
        let last = bundle.exports.last().unwrap();
        assert_eq!((last.package.as_str(), last.version.as_str()), ("e", "0.0.0"));
        assert!(last.mandatory.contains("vendor") && last.attributes["vendor"] == "y");
        assert!(bundle.takes_any_package);
    }

    #[test]
    fn a_jar_that_is_no_bundle_says_nothing() {
        assert_eq!(described("Manifest-Version: 1.0\nCreated-By: x\n"), Described::default());
        let old = described(
            "Import-Package: a;specification-version=1.2\nExport-Package: b;specification-version=3",
        );
        assert_eq!((wanted(&old.imports), old.exports[0].version.as_str()), (vec!["a 1.2".into()], "3"));
    }

    #[test]
    fn what_the_framework_refuses_is_refused() {
        for text in [
            "Import-Package: a;version=\"[1,2\"",
            "Import-Package: a,,b",
            "Export-Package: a;version=${v}",
            "Bundle-Version: one",
            "Require-Bundle: a;bundle-version=\"(x,y)\"",
            "Import-Package: a;version=\"[1,2)",
        ] {
            assert!(describe(&parse_manifest(text.as_bytes()).unwrap()).is_err(), "{text}");
        }
        let many = (0..3_000).map(|number| format!("p{number}")).collect::<Vec<_>>().join(",");
        let text = format!("Import-Package: {many}");
        assert!(describe(&parse_manifest(text.as_bytes()).unwrap()).unwrap_err().contains("more than 2000"));
    }
}
