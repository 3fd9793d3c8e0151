//! What is said of bundles, in words.

use super::resolve::{Met, Need, shown};
use crate::facts::{Bundle, Bundles, Offered, Wanted};
use crate::model::{Case, Finding, Severity};
use crate::rules::wording::{counted, excerpt, first_few};

/// Lines of `bundles.info` the product stumbles over.
pub(super) fn list(subject: &str, place: &str, defects: &[String]) -> Option<Finding> {
    let first = defects.first()?;
    let count = defects.len() as u64;
    Some(Finding {
        severity: Severity::Warning,
        subject: subject.to_owned(),
        summary: format!("{} of bundles.info in {place} cannot be used", counted(count, "line")),
        observed: excerpt(&first_few(defects.iter().map(String::as_str), count)),
        required: "five fields a line: name, version, location, start level, whether it is started"
            .to_owned(),
        remedy: format!(
            "Correct what is named ({}): over a line with another number of fields the product passes over all of \
             dropins, with one line in its log, and a bundle whose file is not there is not started.",
            excerpt(first)
        ),
    })
}

/// Jars a product made itself, in a home where it could not have made them.
pub(super) fn copied_machine_made(offered: &Offered, running: &[String]) -> Option<Finding> {
    let files = &offered.copied_machine_made;
    if files.is_empty() {
        return None;
    }
    let count = files.len() as u64;
    let list = first_few(files.iter().map(String::as_str), count);
    let also = files.iter().filter(|file| running.contains(file)).count() as u64;
    Some(Finding {
        severity: Severity::Warning,
        subject: "machine-made".to_owned(),
        summary: format!(
            "{} in {} were made by a server at its start, and what they are made from is not there",
            counted(count, "jar"),
            offered.place
        ),
        observed: format!("{list}; {also} of them are in the running home as well"),
        required: "the plain jars in lib and extensions, from which the new server makes its own bundles"
            .to_owned(),
        remedy: format!(
            "Delete from {} what is named, and copy the jars of repository/components/lib and \
             repository/components/extensions of the running home instead.",
            offered.place
        ),
    })
}

/// Jars the product passes over.
pub(super) fn no_bundles(bundles: &Bundles) -> Option<Finding> {
    let files = &bundles.no_bundles;
    if files.is_empty() {
        return None;
    }
    let count = files.len() as u64;
    Some(Finding {
        severity: Severity::Notice,
        subject: "no-bundles".to_owned(),
        summary: format!("{} in dropins say no name or version of a bundle", counted(count, "jar")),
        observed: first_few(files.iter().map(String::as_str), count),
        required: "Bundle-SymbolicName and Bundle-Version in the manifest, or the jar in lib".to_owned(),
        remedy: "The product passes them over today. Move what is needed to repository/components/lib, where plain jars \
                 are made into bundles, and leave the rest behind."
            .to_owned(),
    })
}

/// Capabilities that are not looked at.
pub(super) fn not_evaluated(subject: &str, bundle: &Bundle) -> Option<Finding> {
    if bundle.not_evaluated.is_empty() {
        return None;
    }
    let count = bundle.not_evaluated.len() as u64;
    let list = excerpt(&first_few(bundle.not_evaluated.iter().map(String::as_str), count));
    Some(Finding {
        severity: Severity::Warning,
        subject: format!("{subject} capabilities"),
        summary: format!("{} requires what cannot be judged from jars", named(bundle)),
        observed: format!("Require-Capability: {list}"),
        required: "a start of the target that resolves it".to_owned(),
        remedy: format!(
            "Put {} into the new home, start it on staging, and look for its name in repository/logs/wso2carbon.log; \
             waive this when it was resolved.",
            bundle.file
        ),
    })
}

/// A bundle that does not resolve.
pub(super) fn unresolved(
    subject: &str,
    bundle: &Bundle,
    needs: &[Need<'_>],
    target: &str,
    offered: &Offered,
) -> Option<Finding> {
    let mut observed = Vec::new();
    let mut required = Vec::new();
    for Need { what, wanted, met } in needs {
        let name = format!("{} {}", what.name(), wanted.name);
        let seen = match met {
            Met::There | Met::CarriedOver(_) | Met::CannotTell(_) => continue,
            Met::Gone => format!("nobody offers {name}"),
            Met::OutOfRange(offers) => format!("{name} is offered in {}", shown(offers)),
            Met::Failing(offers) => {
                format!("{name} is offered only by what does not resolve itself: {}", shown(offers))
            }
        };
        observed.push(seen);
        required.push(format!("{name} in {}{}", wanted.range, with(wanted)));
    }
    if observed.is_empty() {
        return None;
    }
    let count = observed.len() as u64;
    let directory = bundle.file.rsplit_once('/').map_or("", |(directory, _)| directory);
    Some(Finding {
        severity: Severity::Blocker,
        subject: subject.to_owned(),
        summary: format!(
            "{} does not resolve on {target}: {} not offered as it needs them",
            named(bundle),
            if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") }
        ),
        observed: first_few(observed.iter().map(String::as_str), count),
        required: first_few(required.iter().map(String::as_str), count),
        remedy: format!(
            "Build {} against the jars of {target} ({}/repository/components/plugins), or get the version of it that is \
             meant for {target}, and put it into {}/{directory}; leave it behind when nobody needs it.",
            bundle.name, offered.place, offered.place
        ),
    })
}

fn with(wanted: &Wanted) -> String {
    let attributes: Vec<String> =
        wanted.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if attributes.is_empty() { String::new() } else { format!(" with {}", attributes.join(", ")) }
}

/// A bundle that needs others of people.
pub(super) fn carried_over(subject: &str, bundle: &Bundle, needs: &[Need<'_>]) -> Option<Finding> {
    let mut names = Vec::new();
    let mut files = Vec::new();
    for Need { wanted, met, .. } in needs {
        if let Met::CarriedOver(offers) = met {
            names.push(wanted.name.as_str());
            files.extend(offers.iter().map(|offer| offer.by.as_str()));
        }
    }
    files.sort_unstable();
    files.dedup();
    if names.is_empty() {
        return None;
    }
    let files = first_few(files.iter().copied(), files.len() as u64);
    Some(Finding {
        severity: Severity::Notice,
        subject: format!("{subject} companions"),
        summary: format!("{} needs what only other jars of people offer", named(bundle)),
        observed: format!("{} is offered by {files}", first_few(names.iter().copied(), names.len() as u64)),
        required: "these jars in the new home as well".to_owned(),
        remedy: format!("Carry {files} over together with {}.", bundle.file),
    })
}

/// A bundle that was built for another line of the kernel.
pub(super) fn tied_to_the_kernel(
    subject: &str,
    bundle: &Bundle,
    tied: &[&Wanted],
    target: &str,
) -> Option<Finding> {
    if tied.is_empty() {
        return None;
    }
    let texts: Vec<String> =
        tied.iter().map(|wanted| format!("{} in {}", wanted.name, wanted.range)).collect();
    Some(Finding {
        severity: Severity::Warning,
        subject: subject.to_owned(),
        summary: format!(
            "{} was built for the running kernel, and hardly resolves on {target}",
            named(bundle)
        ),
        observed: first_few(texts.iter().map(String::as_str), texts.len() as u64),
        required: format!("ranges that include what {target} exports, which is mostly its own version"),
        remedy: format!(
            "Set {target} up beside the running one and name it as home under [instance.prepared]: then it is known and \
             not guessed. Expect that {} has to be built anew against it.",
            bundle.name
        ),
    })
}

/// A bundle that needs a newer Java than the target takes.
pub(super) fn java(
    case: &Case<'_>,
    severity: Severity,
    subject: &str,
    bundle: &Bundle,
    (needed, highest): (u32, u32),
) -> Finding {
    let (product, target) = (case.facts.product, &case.target.version);
    let why = if bundle.demanded_java == Some(needed) {
        "its manifest demands"
    } else {
        "its classes are compiled for"
    };
    Finding {
        severity,
        subject: format!("{subject} java"),
        summary: format!(
            "{} needs Java {needed}, and {product} {target} takes none newer than {highest}",
            named(bundle)
        ),
        observed: format!("{why} Java {needed}"),
        required: format!("Java {highest} or older"),
        remedy: format!(
            "Build {} for Java {highest}, or get a version of it that is; when only parts of it that are never loaded \
             are newer, waive this.",
            bundle.name
        ),
    }
}

fn named(bundle: &Bundle) -> String {
    if bundle.version.is_empty() {
        bundle.name.clone()
    } else {
        format!("{} {}", bundle.name, bundle.version)
    }
}
