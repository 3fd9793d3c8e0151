//! What the vendor says to read before this upgrade, as far as it concerns this instance.

mod concerns;

use super::wording::{self, counted, sentence};
use crate::catalog::{Confidence, Note, PageKind, Weight};
use crate::facts::{Installation, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};
use crate::version::{Line, ProductVersion};
use concerns::{Concern, Looked};

pub(super) static CHECK: Check = Check {
    id: "upgrade-notes",
    title: "The vendor's upgrade notes, read by somebody",
    category: Category::Preparation,
    products: Products::All,
    reads: &[Source::Host, Source::Java, Source::Installation, Source::Files, Source::Plugins],
    people: People::MaySignOff,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The upgrade notes of the catalog that lie between the running release and the target. A note that facts can decide is \
left to the check on those facts. A note that cannot concern this instance (another database, no cluster, a file nobody \
touched) is left out. What remains is a task for people, as are the pages of every feature line that is skipped; those of one major version \
are signed off together. Notes on the WSO2 Carbon kernel concern every product on it: they are looked up by the kernels of \
both releases.

## Why it matters

Things that went wrong in other people's upgrades stand in these notes, and nobody reads those of twenty skipped lines \
on the evening of the upgrade: \
<https://confluence.atlassian.com/display/DOC/Preparing+to+Upgrade+Confluence> asks for those of every major version \
that is skipped.

## How to fix it

Read, do what is needed, and sign it off with the line each finding ends with. A sign-off ends by itself.

## What it needs

The versions of the installation, the host's operating system, the Java in use, the changed files of the installation, \
and the installed plug-ins, to leave out the notes that do not concern this instance. A note whose condition could not \
be told is shown, and says so.

## Settings

None. Severities: a task warns, what is only worth knowing is a notice. A note blocks only when the vendor says for sure \
that the target does not start, its condition is known to hold, and no other check looks at it.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let installation = case.facts.installation()?;
    let running = installation.version.read(Source::Installation, "the running version")?;
    let target = &case.target.version;
    if target < running {
        return Err(Undecided::DoesNotApply(format!("{target} is older than {running}, which runs")));
    }
    let mut looked = Looked::at(case, installation);
    let (mut decided, mut elsewhere, mut all) = (0_u64, 0_u64, 0_u64);
    // The findings, with the release they belong to: those of every upgrade first, then line by line.
    let mut found: Vec<(Option<Line>, Finding)> = Vec::new();
    let (kernels, unknown_kernel) = kernels(case, installation, running);
    let of_product = case.catalog.notes().iter().filter(|note| note.lies_between(running, target));
    let of_kernel = kernels.iter().flat_map(|(from, to)| case.catalog.kernel_notes(from, to));
    let of_every = case.catalog.notes_on_every_upgrade().filter(|note| note.lies_between(running, target));
    for note in of_product.chain(of_kernel).chain(of_every) {
        all += 1;
        if note.decided_by.is_some() {
            decided += 1;
            continue;
        }
        match looked.concern(&note.applies_when) {
            Concern::No => elsewhere += 1,
            concern @ (Concern::Yes(_) | Concern::CannotTell(_)) => {
                // A note on the kernel belongs to the line of the product that is upgraded to.
                let own = case.catalog.notes().iter().any(|own| own.id == note.id);
                let line = note.to.as_ref().map(|to| if own { to.line() } else { case.target.line() });
                let name = if own { case.facts.product.name() } else { KERNEL };
                found.push((line, task(case, running, (name, note), &concern)));
            }
        }
    }
    let skipped = skipped_lines(case, running);
    let majors = skipped.chunk_by(|one, next| one.major == next.major);
    found.extend(majors.filter_map(|lines| Some((lines.last().copied(), read(case, running, lines)?))));
    found.sort_by_key(|(line, _)| *line); // stable: a line's notes stay before its page
    let evidence = format!(
        "{} between {running} and {target}: {decided} decided by other checks, {elsewhere} do not concern this \
         instance, {} for people",
        counted(all, "note"),
        all - decided - elsewhere
    );
    let missing = looked.missing().into_iter().chain(unknown_kernel).collect();
    conclude(evidence, found.into_iter().map(|(_, finding)| finding).collect(), missing)
}

/// What a note on the kernel is about.
const KERNEL: &str = "WSO2 Carbon kernel";

/// The kernels of both releases of a product that is built on one, and what could not be told of them.
fn kernels(
    case: &Case<'_>,
    installation: &Installation,
    running: &ProductVersion,
) -> (Option<(ProductVersion, ProductVersion)>, Option<Missing>) {
    let Some(carbon) = &installation.carbon else { return (None, None) };
    let of = |version: &ProductVersion| {
        case.catalog.kernel_of(version).ok_or_else(|| Missing::Unknown {
            what: format!("kernel {} {version} is built on", case.facts.product),
            how_to_answer: format!(
                "the catalog of {} does not say it; look into bin/wso2carbon-version.txt of that release, and read the \
                 notes of every kernel in between",
                case.catalog.collected_on
            ),
        })
    };
    // The home states it; the catalog knows it too, for homes in which that file cannot be read.
    let from = carbon.kernel.value().cloned().map_or_else(|| of(running), Ok);
    match (from, of(&case.target.version)) {
        (Ok(from), Ok(to)) => (Some((from, to)), None),
        (Err(unknown), _) | (_, Err(unknown)) => (None, Some(unknown)),
    }
}

/// The feature lines above the running one, up to that of the target.
fn skipped_lines(case: &Case<'_>, running: &ProductVersion) -> Vec<Line> {
    let mut lines: Vec<Line> = case
        .catalog
        .releases()
        .iter()
        .filter(|release| release.version.is_release())
        .map(|release| release.version.line())
        .chain([case.target.line()])
        .filter(|line| running.line() < *line && *line <= case.target.line())
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn task(case: &Case<'_>, running: &ProductVersion, (of, note): (&str, &Note), concern: &Concern) -> Finding {
    let target = &case.target.version;
    let severity = match (note.weight, concern, note.confidence) {
        (Weight::Informative, _, _) => Severity::Notice,
        (Weight::Refuses, Concern::Yes(_), Confidence::Confirmed) => Severity::Blocker,
        (Weight::Refuses | Weight::Task, _, _) => Severity::Warning,
    };
    let summary = match &note.to {
        Some(since) => format!("{of} {since}: {}", note.effect),
        None => format!("{}: {}", note.topic, note.effect),
    };
    let mut observed = match concern {
        Concern::Yes(seen) => seen.clone(),
        Concern::CannotTell(why) => format!("whether it concerns this instance could not be told: {why}"),
        Concern::No => String::new(),
    };
    if observed.is_empty() {
        observed = format!("{running} is to become {target}");
    }
    let surely = match note.confidence {
        Confidence::Confirmed => "",
        Confidence::Partial | Confidence::Inferred => " (not confirmed by the vendor)",
    };
    let see = note.page.as_deref().map_or_else(String::new, |page| format!(" See {page} ."));
    let remedy = format!("{}{see}", sentence(&note.remedy));
    // What changes no verdict needs nobody's word.
    let (required, remedy) = if severity == Severity::Notice {
        ("nothing; it is worth knowing", remedy)
    } else {
        ("somebody who looked and says so", format!("{remedy} {}", sign_off(case, &note.id)))
    };
    Finding {
        severity,
        subject: note.id.clone(),
        summary,
        observed: format!("{observed}{surely}"),
        required: required.to_owned(),
        remedy,
    }
}

/// The pages of the lines of one major, which are read in one go and signed off together.
fn read(case: &Case<'_>, running: &ProductVersion, lines: &[Line]) -> Option<Finding> {
    let (product, target) = (case.facts.product, &case.target.version);
    let (first, last) = (lines.first()?, lines.last()?);
    // Another target has other pages: what was said of fewer must not hold for more.
    let (subject, named) = if first == last {
        (format!("read-{first}"), first.to_string())
    } else {
        (format!("read-{first}-to-{last}"), format!("{first} to {last}"))
    };
    let mut pages: Vec<String> = lines.iter().map(|line| page(case, *line)).collect();
    pages.dedup();
    Some(Finding {
        severity: Severity::Warning,
        summary: format!("the upgrade notes of {product} {named} must be read"),
        observed: format!("{running} is to become {target}, over or to {named}"),
        required: "somebody who read them and says so".to_owned(),
        remedy: format!(
            "Read {} and note what concerns this site. {}",
            pages.join(" , "),
            sign_off(case, &subject)
        ),
        subject,
    })
}

/// Where the notes of a line are.
fn page(case: &Case<'_>, line: Line) -> String {
    [PageKind::UpgradeNotes, PageKind::ReleaseNotes]
        .into_iter()
        .find_map(|kind| case.catalog.page(kind, line).map(ToOwned::to_owned))
        .or_else(|| {
            let pattern = case.catalog.page(PageKind::UpgradeNotesPattern, line)?;
            Some(pattern.replace("{line}", &line.to_string()))
        })
        .unwrap_or_else(|| "the vendor's documentation".to_owned())
}

/// The line to type when it is done.
fn sign_off(case: &Case<'_>, subject: &str) -> String {
    format!("When it is done: {}.", wording::sign_off(case, CHECK.id, subject))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, PLATFORMS};
    use crate::facts::Product;
    use crate::golden::{Golden, golden, golden_carbon};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::ALL;
    use crate::rules::testing::{
        Spoil, carbon, installation, judges_spoilt, judges_spoilt_from, look, read, unread,
    };

    const B: Severity = Severity::Blocker;
    const W: Severity = Severity::Warning;
    const N: Severity = Severity::Notice;

    fn from_to(from: &str, to: &str) -> Golden {
        let mut golden = golden();
        *read(&mut installation(&mut golden).version) = from.parse().unwrap();
        golden.to(to)
    }

    #[test]
    fn what_decides_a_note_is_a_check() {
        for note in Product::ALL.iter().flat_map(|product| Catalog::embedded(*product).notes().to_vec()) {
            let Some(check) = note.decided_by.as_deref() else { continue };
            let known = ALL.iter().any(|known| known.id == check);
            assert!(known && check != CHECK.id, "{} is decided by {check}, which is no check", note.id);
        }
    }

    #[test]
    fn a_bug_fix_release_of_a_healthy_instance_needs_nobody() {
        let seen = look(&CHECK, &golden());
        assert_eq!((seen.verdict, seen.found().len()), (Ready, 0), "{}", seen.text());
        assert!(seen.reason.contains("decided by other checks") && seen.reason.ends_with("0 for people"));
    }

    #[test]
    fn notes_come_release_by_release_with_the_page_of_each_line() {
        let seen = look(&CHECK, &from_to("8.9.8", "9.2.10"));
        assert_eq!(seen.verdict, Warning);
        let expected = [
            (N, "connection-pool"),
            (W, "xml-backup-across-majors"),
            (N, "space-import"),
            (N, "data-center-end"),
            (W, "plugin-caches"),
            (W, "platform-7"),
            (W, "dark-theme"),
            (W, "read-9.0-to-9.2"),
        ];
        assert_eq!(seen.found(), expected, "{}", seen.text());
        let remedy = |subject: &str| {
            seen.findings.iter().find(|finding| finding.subject == subject).unwrap().remedy.clone()
        };
        for page in
            ["confluence-9-0-release-notes", "Confluence+9.1+Upgrade+Notes", "confluence-9-2-upgrade-notes"]
        {
            assert!(remedy("read-9.0-to-9.2").contains(page), "{}", remedy("read-9.0-to-9.2"));
        }
        assert!(!remedy("data-center-end").contains("sign-off"), "{}", remedy("data-center-end"));
        assert!(remedy("platform-7").ends_with(
            "`agent sign-off upgrade-notes --instance wiki --subject platform-7 --by NAME --reason TEXT --until DATE`."
        ));
        let none = look(&CHECK, &from_to("9.2.10", "9.2.9"));
        assert_eq!(none.verdict, Skipped);
        assert_eq!(look(&CHECK, &from_to("9.2.10", "9.2.10")).verdict, Ready);
    }

    /// Identity Server on a kernel of its own.
    fn identity_server(from: &str, kernel: &str, to: &str) -> Golden {
        let mut golden = golden_carbon();
        golden.facts.product = Product::Wso2IdentityServer;
        golden.catalog = Catalog::embedded(Product::Wso2IdentityServer);
        *read(&mut installation(&mut golden).version) = from.parse().unwrap();
        *read(&mut carbon(&mut golden).kernel) = kernel.parse().unwrap();
        golden.to(to)
    }

    #[test]
    fn the_jump_of_the_guide_is_decided_by_checks() {
        let seen = look(&CHECK, &golden_carbon());
        assert_eq!((seen.verdict, seen.found().len()), (Ready, 0), "{}", seen.text());
        assert!(seen.reason.ends_with("0 for people"), "{}", seen.reason);
    }

    #[test]
    fn notes_on_the_kernel_concern_the_products_on_it() {
        let kernel = look(&CHECK, &golden_carbon().to("4.5.0"));
        let expected = [
            (W, "carbon-4-5-0-configuration"),
            (W, "carbon-4-5-0-logging"),
            (W, "carbon-4-5-0-tomcat"),
            (W, "read-4.5"),
        ];
        assert_eq!(kernel.found(), expected, "{}", kernel.text());
        // 5.8.0 is built on 4.4.40, 5.9.0 on 4.5.1.
        let product = look(&CHECK, &identity_server("5.8.0", "4.4.40", "5.9.0"));
        let expected = [
            (W, "carbon-4-5-0-configuration"),
            (W, "carbon-4-5-0-logging"),
            (W, "carbon-4-5-0-tomcat"),
            (W, "read-5.9"),
        ];
        assert_eq!(product.found(), expected, "{}", product.text());
        assert!(product.text().contains("WSO2 Carbon kernel 4.5.0: "), "{}", product.text());
        // Both on the same line of the kernel: only what holds for every upgrade remains.
        let near = look(&CHECK, &identity_server("5.10.0", "4.6.0", "5.11.0"));
        assert_eq!(near.found(), [(W, "read-5.11")], "{}", near.text());
        let unheard = look(&CHECK, &identity_server("5.10.0", "4.6.0", "5.12.0"));
        assert_eq!(unheard.verdict, Unknown, "{}", unheard.text());
        assert!(unheard.reason.contains("bin/wso2carbon-version.txt"), "{}", unheard.reason);
    }

    #[test]
    fn class_files_of_a_newer_java_refuse() {
        let mut golden = identity_server("5.7.0", "4.4.35", "5.8.0");
        assert!(look(&CHECK, &golden).found().iter().all(|(severity, _)| *severity != B));
        for runtime in &mut crate::rules::testing::java(&mut golden).runtimes {
            read(&mut runtime.version).feature = 7;
        }
        let seen = look(&CHECK, &golden);
        assert!(seen.found().contains(&(B, "carbon-4-4-37-java")), "{}", seen.text());
    }

    #[test]
    fn the_longest_way_names_every_line_once_and_asks_once_for_each_major() {
        let seen = look(&CHECK, &from_to("5.7.1", "11.0.0"));
        let pages: Vec<_> =
            seen.findings.iter().filter(|finding| finding.subject.starts_with("read-")).collect();
        let subjects: Vec<&str> = pages.iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(pages.len(), 7, "{subjects:?}");
        assert_eq!(subjects.last(), Some(&"read-11.0"));
        let lines: std::collections::BTreeSet<Line> =
            golden().catalog.releases().iter().map(|release| release.version.line()).collect();
        let named: usize = pages.iter().map(|finding| finding.remedy.matches("https://").count()).sum();
        assert_eq!(named, lines.len() - 1);
    }

    #[test]
    fn the_usual_jumps_leave_a_list_somebody_can_work_through() {
        for (from, most) in [("8.5.4", 6), ("7.19.30", 8)] {
            let seen = look(&CHECK, &from_to(from, "9.2.10"));
            let tasks = seen.findings.iter().filter(|finding| finding.severity != N).count();
            assert!(tasks <= most, "{tasks} tasks from {from}: {}", seen.text());
        }
    }

    fn note(keys: &str) -> Golden {
        let text = format!(
            "product = 'confluence'\ncollected_on = '2025-11-20'\n[[line]]\nline = '9.2'\nreleases = [{{ version = '9.2.10' }}]\n\
             [[note]]\nid = 'x'\ntopic = 't'\neffect = 'e'\nremedy = 'Do it.'\nsource = 's'\n{keys}"
        );
        let mut golden = golden();
        golden.catalog = Catalog::parse(&text, PLATFORMS).unwrap();
        golden.to("9.2.10")
    }

    #[test]
    fn only_a_sure_refusal_blocks() {
        let rows: [(&str, _, &[(Severity, &str)]); 6] = [
            ("weight = 'refuses'\nconfidence = 'confirmed'", Blocked, &[(B, "x")]),
            ("weight = 'refuses'\nconfidence = 'partial'", Warning, &[(W, "x")]),
            ("weight = 'task'\nconfidence = 'confirmed'", Warning, &[(W, "x")]),
            ("weight = 'informative'\nconfidence = 'confirmed'", Ready, &[(N, "x")]),
            ("decided_by = 'java-version'\nconfidence = 'confirmed'", Ready, &[]),
            ("applies_when = 'cluster'\nconfidence = 'confirmed'", Ready, &[]),
        ];
        for (keys, verdict, found) in rows {
            let seen = look(&CHECK, &note(keys));
            assert_eq!((seen.verdict, seen.found().as_slice()), (verdict, found), "{keys}: {}", seen.text());
        }
    }

    fn refuses_on_java() -> Golden {
        note("weight = 'refuses'\napplies_when = 'java-bundled'\nconfidence = 'confirmed'")
    }

    #[test]
    fn what_could_not_be_told_is_shown_and_does_not_block() {
        let rows: &[Spoil] = &[
            ("known", |_| {}, Blocked, &[(B, "x")]),
            ("java off", |g| g.facts.switch_off(Source::Java), Unknown, &[(W, "x")]),
            ("files off", |g| g.facts.switch_off(Source::Files), Blocked, &[(B, "x")]),
        ];
        judges_spoilt_from(&CHECK, refuses_on_java, rows);
        let rows: &[Spoil] = &[
            ("version unread", |g| installation(g).version = unread(), Unknown, &[]),
            ("installation off", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
            ("host off", |g| g.facts.switch_off(Source::Host), Unknown, &[(W, "windows-service")]),
            ("files off", |g| g.facts.switch_off(Source::Files), Unknown, &[(W, "memory-settings-reset")]),
            ("plug-ins off", |g| g.facts.switch_off(Source::Plugins), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
