//! Which Java a bundle needs: what its manifest demands, and what its classes were compiled for.

use super::clause::Clause;

/// Class files of Java 1 have this version, and each feature since one more.
const CLASS_VERSION_OF_JAVA_0: u16 = 44;

/// The Java feature of a class file, from its first eight bytes; nothing when it is none.
pub(super) fn of_class(head: &[u8]) -> Option<u32> {
    let [0xca, 0xfe, 0xba, 0xbe, _, _, high, low] = head else { return None };
    let major = u16::from_be_bytes([*high, *low]);
    major.checked_sub(CLASS_VERSION_OF_JAVA_0).filter(|feature| *feature > 0).map(u32::from)
}

/// The lowest Java feature of `Bundle-RequiredExecutionEnvironment`, one of which is enough; nothing when one of them is
/// smaller than Java, or none is known.
pub(super) fn of_environments(text: &str) -> Option<u32> {
    let mut lowest: Option<u32> = None;
    for name in text.split(',').map(str::trim) {
        if name.starts_with("OSGi/Minimum") || name.starts_with("CDC-") {
            return None;
        }
        let feature = ["JavaSE-", "J2SE-", "JavaSE/"].iter().find_map(|prefix| name.strip_prefix(prefix));
        // `JavaSE/compact1-1.8`
        let feature = feature.and_then(|text| feature_of(text.rsplit('-').next().unwrap_or(text)));
        if let Some(feature) = feature {
            lowest = Some(lowest.map_or(feature, |lowest| lowest.min(feature)));
        }
    }
    lowest
}

/// 8 of `1.8`, 11 of `11`.
fn feature_of(version: &str) -> Option<u32> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next()?.ok()?, numbers.next()) {
        (1, Some(Ok(minor))) => Some(minor),
        (major, _) => Some(major),
    }
}

/// What required capabilities ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// The Java feature.
    pub(super) java: Option<u32>,
    /// What is not evaluated.
    pub(super) not_evaluated: Vec<String>,
}

/// Reads the required capabilities; those that nobody has to offer for a bundle to resolve are left out.
pub(super) fn capabilities(clauses: &[Clause]) -> Capabilities {
    let mut found = Capabilities::default();
    for clause in clauses {
        let at_resolving = clause.directive("effective").is_none_or(|when| when == "resolve");
        if !at_resolving || clause.directive("resolution") == Some("optional") {
            continue;
        }
        let filter = clause.directive("filter").unwrap_or_default();
        let is_environment = clause.paths.iter().all(|path| path == "osgi.ee");
        match of_filter(filter) {
            Environment::Java(feature) if is_environment => found.java = found.java.max(Some(feature)),
            Environment::Smaller if is_environment => {}
            Environment::Java(_) | Environment::Smaller | Environment::NotUnderstood => {
                let filter = if filter.is_empty() { String::new() } else { format!(";filter:={filter:?}") };
                found.not_evaluated.push(format!("{}{filter}", clause.paths.join(";")));
            }
        }
    }
    found
}

/// What an environment is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Environment {
    /// A Java of at least this feature.
    Java(u32),
    /// Less than any Java.
    Smaller,
    NotUnderstood,
}

/// Reads a filter such as `(&(osgi.ee=JavaSE)(version=1.8))`.
fn of_filter(filter: &str) -> Environment {
    let filter: String = filter.chars().filter(|c| !c.is_whitespace()).collect();
    if filter.contains('!') || filter.contains("<=") {
        return Environment::NotUnderstood;
    }
    if filter.contains("(osgi.ee=OSGi/Minimum)") {
        return Environment::Smaller;
    }
    if !["(osgi.ee=JavaSE)", "(osgi.ee=J2SE)"].iter().any(|name| filter.contains(name)) {
        return Environment::NotUnderstood;
    }
    let versions = filter.split("(version").skip(1);
    let features: Option<Vec<u32>> = versions
        .map(|text| {
            let text = text.strip_prefix(">=").or_else(|| text.strip_prefix('='))?;
            feature_of(text.split(')').next()?)
        })
        .collect();
    // Several are alternatives.
    let lowest = features.and_then(|features| features.into_iter().min());
    lowest.map_or(Environment::NotUnderstood, Environment::Java)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::bundles::clause::parse_clauses;

    #[test]
    fn classes_tell_their_java() {
        let rows: [(&[u8], Option<u32>); 7] = [
            (&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52], Some(8)),
            (&[0xca, 0xfe, 0xba, 0xbe, 0xff, 0xff, 0, 61], Some(17)),
            (&[0xca, 0xfe, 0xba, 0xbe, 0, 3, 0, 45], Some(1)),
            (&[0xca, 0xfe, 0xba, 0xbe, 0, 3, 0, 44], None),
            (&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0], None),
            (b"<html>\n<", None),
            (&[], None),
        ];
        for (head, expected) in rows {
            assert_eq!(of_class(head), expected, "{head:?}");
        }
    }

    #[test]
    fn manifests_demand_the_least_they_name() {
        let rows = [
            ("J2SE-1.5", Some(5)),
            ("JavaSE-1.8, JavaSE-1.7", Some(7)),
            ("JavaSE-11", Some(11)),
            ("JavaSE/compact1-1.8", Some(8)),
            ("J2SE-1.5,OSGi/Minimum-1.2", None),
            ("CDC-1.1/Foundation-1.1,J2SE-1.4", None),
            ("Whatever-2", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(of_environments(text), expected, "{text}");
        }
    }

    #[test]
    fn capabilities_are_evaluated_as_far_as_they_speak_of_java() {
        let rows: [(&str, Option<u32>, &[&str]); 9] = [
            ("osgi.ee;filter:=\"(&(osgi.ee=JavaSE)(version=1.8))\"", Some(8), &[]),
            ("osgi.ee;filter:=\"(&(osgi.ee=JavaSE)(version>=11))\"", Some(11), &[]),
            (
                "osgi.ee;filter:=\"(|(&(osgi.ee=JavaSE)(version=1.7))(&(osgi.ee=JavaSE)(version=1.8)))\"",
                Some(7),
                &[],
            ),
            ("osgi.ee;filter:=\"(&(osgi.ee=OSGi/Minimum)(version=1.2))\"", None, &[]),
            ("osgi.ee;filter:=\"(!(osgi.ee=JavaSE))\"", None, &["osgi.ee;filter:=\"(!(osgi.ee=JavaSE))\""]),
            ("osgi.ee", None, &["osgi.ee"]),
            ("osgi.service;effective:=active;filter:=\"(a=b)\"", None, &[]),
            ("osgi.extender;resolution:=optional", None, &[]),
            (
                "osgi.extender;filter:=\"(osgi.extender=x)\"",
                None,
                &["osgi.extender;filter:=\"(osgi.extender=x)\""],
            ),
        ];
        for (text, java, not_evaluated) in rows {
            let found = capabilities(&parse_clauses("Require-Capability", text).unwrap());
            let texts: Vec<&str> = found.not_evaluated.iter().map(String::as_str).collect();
            assert_eq!((found.java, texts.as_slice()), (java, not_evaluated), "{text}");
        }
    }
}
