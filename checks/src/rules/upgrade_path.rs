//! Can the running release be upgraded to the target in one step?

use super::vocabulary::Vocabulary;
use super::wording::excerpt;
use crate::catalog::{Confidence, Ground, Jump, PageKind, Step};
use crate::facts::{Installation, Missing, Source, StatementOf};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};
use crate::version::ProductVersion;

pub(super) static CHECK: Check = Check {
    id: "upgrade-path",
    title: "A way from the running release to the target",
    category: Category::Release,
    products: Products::All,
    reads: &[Source::Installation],
    people: People::MaySayNothing,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The running release, the target, and what the catalog knows of the way between them: whether the vendor allows it in \
one step, and which stops are allowed otherwise. The build number of the home directory beside that of the target.

## Why it matters

An older program does not start on the data of a newer one: \
<https://support.atlassian.com/confluence/kb/after-downgrading-confluence-will-no-longer-run/>. \
Every release also has a lowest build from which it upgrades, and stops at its start when the data is older \
(<https://confluence.atlassian.com/confkb/confluence-startup-checks-935906984.html>). The values of that lowest build \
are on no public page the agent knows. Bug-fix releases of the same line, and since 7.14 the very next line, are \
allowed for sure; of every other jump the agent says that it does not know, and never guesses. Of WSO2 Carbon the \
vendor's guides name two jumps, 4.4.1 to 4.4.2 and 4.4.6 to 4.4.7; other releases need the vendor's migration client, \
which only its support gives out.

## How to fix it

For a target that is too old choose a newer one. For a jump that is refused upgrade to the stops that are named, one \
after the other, each judged with `agent check --target <stop>`. For a jump that is not known look once into the \
vendor's upgrade matrix, <https://confluence.atlassian.com/doc/confluence-upgrade-matrix-960695895.html>, and write \
down from where the line can be reached; the check decides by it from then on.

## What it needs

The version of the installation and `buildNumber` in `confluence.cfg.xml` of the home directory. The build number of \
the target is compared when the catalog has it.

## Settings

`[requirements.\"10.2\"] upgrade-from = [\">=8.5\"]`: releases from which line 10.2 can be reached in one step. \
Everything else then counts as refused. Nothing here can be waived: the product itself refuses.
";

const JUMP: &str = "jump";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let installation = case.facts.installation()?;
    let running = installation.version.read(Source::Installation, "the running version")?;
    let target = &case.target.version;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let evidence = match Step::between(running, target) {
        Step::Same => {
            found.push(same(case));
            format!("{} {target} runs already", case.facts.product)
        }
        Step::Older => {
            found.push(back(case, running));
            format!("{target} is older than {running}")
        }
        Step::SameLine | Step::NextLine | Step::FurtherLine | Step::NewMajor => {
            match older_build(case, installation) {
                Ok(finding) => found.extend(finding),
                Err(not_seen) => missing.push(not_seen),
            }
            let jump = case.catalog.jump(running, target);
            let evidence = match &jump {
                Jump::Direct(ground) | Jump::Refused(ground) => {
                    format!("{running} to {target} in one step: {}", ground.because)
                }
                Jump::NotKnown(_) => format!("{running} to {target} in one step: not known"),
            };
            found.extend(jumps(case, running, jump));
            evidence
        }
    };
    conclude(evidence, found, missing)
}

fn same(case: &Case<'_>) -> Finding {
    let (product, target) = (case.facts.product, &case.target.version);
    Finding {
        severity: Severity::Notice,
        subject: "same-release".to_owned(),
        summary: format!("{product} {target} runs already, and there is nothing to upgrade"),
        observed: format!("{target} is installed"),
        required: format!("a target newer than {target}"),
        remedy: "Name the next release to upgrade to under targets in the agent's configuration.".to_owned(),
    }
}

/// There is no way back: an older program refuses the data of a newer one.
/// <https://support.atlassian.com/confluence/kb/after-downgrading-confluence-will-no-longer-run/>
fn back(case: &Case<'_>, running: &ProductVersion) -> Finding {
    let (product, target) = (case.facts.product, &case.target.version);
    let words = Vocabulary::of(product);
    Finding {
        severity: Severity::Blocker,
        subject: "downgrade".to_owned(),
        summary: format!("{product} {target} is older than {running}, which runs"),
        observed: running.to_string(),
        required: format!("a target newer than {running}"),
        remedy: format!(
            "Choose a newer target in the agent's configuration. {}; the way back is to restore {} from the backups \
             made before.",
            words.no_way_back, words.data
        ),
    }
}

/// A program refuses data of a higher build than its own, whatever the version numbers say.
fn older_build(case: &Case<'_>, installation: &Installation) -> Result<Option<Finding>, Missing> {
    let Some(target) = case.target.release.as_ref().and_then(|release| release.build) else {
        return Ok(None);
    };
    let unread = |why: String| Missing::Unread {
        of: Source::Installation,
        what: "the build number of the home directory".to_owned(),
        why,
    };
    let statement = installation
        .statements
        .iter()
        .find(|statement| statement.of == StatementOf::HomeBuild)
        .ok_or_else(|| unread(format!("no file in {} states one", installation.home_dir)))?;
    let says = statement.says.read(Source::Installation, "the build number of the home directory")?;
    let home: u32 =
        says.trim().parse().ok().ok_or_else(|| {
            unread(format!("{:?} in {} is no build number", excerpt(says), statement.place))
        })?;
    let (product, version) = (case.facts.product, &case.target.version);
    Ok((target < home).then(|| Finding {
        severity: Severity::Blocker,
        subject: "build".to_owned(),
        summary: format!("the data is of a newer build than {product} {version}"),
        observed: format!("build {home} in {}", statement.place),
        required: format!("a home directory of build {target} or lower"),
        remedy: format!(
            "Choose a target with build {home} or higher. {product} does not start on data of a newer build than its own."
        ),
    }))
}

fn jumps(case: &Case<'_>, running: &ProductVersion, jump: Jump) -> Option<Finding> {
    let (product, target) = (case.facts.product, &case.target.version);
    let finding = |severity, summary: String, observed: String, remedy: String| Finding {
        severity,
        subject: JUMP.to_owned(),
        summary,
        observed,
        required: format!("a way from {running} to {target} that the vendor allows"),
        remedy,
    };
    match jump {
        Jump::Direct(Ground { confidence: Confidence::Confirmed, .. }) => None,
        Jump::Direct(ground) => Some(finding(
            Severity::Warning,
            format!("{running} is said to upgrade to {target} in one step, which could not be confirmed"),
            seen(&ground),
            look_up(case, case.catalog.page(PageKind::UpgradeMatrix, target.line())),
        )),
        Jump::Refused(ground) => {
            let sure = ground.confidence == Confidence::Confirmed;
            let severity = if sure { Severity::Blocker } else { Severity::Warning };
            let summary = if sure {
                format!("{product} {target} refuses an upgrade from {running} in one step")
            } else {
                format!("{product} {target} is said to refuse an upgrade from {running} in one step")
            };
            Some(finding(severity, summary, seen(&ground), stops(case, running, ground.page.as_deref())))
        }
        Jump::NotKnown(page) => Some(finding(
            Severity::Warning,
            format!("whether {running} can be upgraded to {target} in one step is not known"),
            format!(
                "the lowest build {target} upgrades from is in no public list, and the catalog of {} has no rule for \
                 this jump",
                case.catalog.collected_on
            ),
            look_up(case, page.as_deref()),
        )),
    }
}

fn seen(ground: &Ground) -> String {
    match &ground.page {
        Some(page) => format!("{} ({page})", ground.because),
        None => ground.because.clone(),
    }
}

/// Where to look, and where the answer goes.
fn look_up(case: &Case<'_>, page: Option<&str>) -> String {
    let line = case.target.line();
    let key = case.catalog.answer_key(line);
    format!(
        "Look it up once in {} and write the releases from which {line} can be reached into the agent's configuration: \
         {key} upgrade-from = [\"…\"]. Try the jump on a staging copy in any case.",
        page.unwrap_or("the vendor's documentation")
    )
}

fn stops(case: &Case<'_>, running: &ProductVersion, page: Option<&str>) -> String {
    let target = &case.target.version;
    let see = page.map_or_else(String::new, |page| format!(" See {page} ."));
    match case.catalog.stops(running, target) {
        Some(stops) if !stops.is_empty() => {
            let names: Vec<String> = stops.iter().map(|stop| stop.version.to_string()).collect();
            format!(
                "Upgrade to {} first, then to {target}; judge each stop with `agent check --target <stop>`.{see}",
                names.join(", then to ")
            )
        }
        Some(_) | None => {
            let line = case.target.line();
            format!(
                "Find the releases to stop at in the vendor's upgrade matrix, {}: the catalog knows no way whose every \
                 step is confirmed. What you find goes into {} upgrade-from, and that of each line on the way.{see}",
                case.catalog.page(PageKind::UpgradeMatrix, line).unwrap_or("the vendor's documentation"),
                case.catalog.answer_key(line)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, PLATFORMS};
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Row, Spoil, installation, judges, judges_spoilt, look, read, unread};

    const B: Severity = Severity::Blocker;
    const W: Severity = Severity::Warning;
    const N: Severity = Severity::Notice;

    fn from_to(from: &str, to: &str) -> Golden {
        let mut golden = golden();
        *read(&mut installation(&mut golden).version) = from.parse().unwrap();
        let line = golden.catalog.release(&from.parse().unwrap()).and_then(|release| release.build);
        installation(&mut golden).statements[1].says = Field::Read(line.unwrap_or(1000).to_string());
        golden.to(to)
    }

    #[test]
    fn only_what_the_vendor_allows_is_ready() {
        let rows: Vec<Row> = vec![
            (golden(), Ready, &[]),
            (from_to("9.2.10", "9.2.10"), Ready, &[(N, "same-release")]),
            (from_to("9.2.11", "9.2.10"), Blocked, &[(B, "downgrade")]),
            (from_to("10.2.3", "9.2.10"), Blocked, &[(B, "downgrade")]),
            (from_to("9.2.10", "9.2.10-rc1"), Blocked, &[(B, "downgrade")]),
            (from_to("9.2.7", "9.3.1"), Ready, &[]),
            (from_to("9.2.7", "9.4.0"), Warning, &[(W, JUMP)]),
            (from_to("9.2.7", "10.2.1"), Warning, &[(W, JUMP)]),
            (from_to("6.4.0", "7.4.3"), Warning, &[(W, JUMP)]),
            (from_to("3.5.1", "9.2.10"), Warning, &[(W, JUMP)]),
            (from_to("9.2.7", "77.0.0"), Warning, &[(W, JUMP)]),
        ];
        judges(&CHECK, rows);
        let seen = look(&CHECK, &from_to("9.2.7", "10.2.1"));
        assert!(seen.findings[0].remedy.contains("upgrade-matrix"), "{}", seen.text());
        assert!(seen.findings[0].remedy.contains("[requirements.\"10.2\"] upgrade-from"), "{}", seen.text());
    }

    #[test]
    fn the_build_counts_too() {
        let rows: &[Spoil] = &[
            (
                "data of a newer build",
                |g| installation(g).statements[1].says = Field::Read("99999".into()),
                Blocked,
                &[(B, "build")],
            ),
            ("older data", |g| installation(g).statements[1].says = Field::Read("8804".into()), Ready, &[]),
            ("no number", |g| installation(g).statements[1].says = Field::Read("many".into()), Unknown, &[]),
            ("build unread", |g| installation(g).statements[1].says = unread(), Unknown, &[]),
            ("no statement", |g| installation(g).statements.truncate(1), Unknown, &[]),
            ("version unread", |g| installation(g).version = unread(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    fn rule(when: &str, result: &str, confidence: &str) -> String {
        format!(
            "[[jump]]\nid = 'r'\nwhen = {{ {when} }}\nresult = '{result}'\nconfidence = '{confidence}'\nbecause = 'so it is'\n\
             page = 'https://confluence.atlassian.com/doc/x.html'\n"
        )
    }

    fn with(rules: &str) -> Golden {
        let lines = "product = 'confluence'\ncollected_on = '2025-11-20'\n\
            [[line]]\nline = '7.4'\nreleases = [{ version = '7.4.9' }]\n\
            [[line]]\nline = '7.19'\nlong_term_support = true\nreleases = [{ version = '7.19.8' }]\n\
            [[line]]\nline = '9.2'\nreleases = [{ version = '9.2.10' }]\n";
        let mut golden = from_to("7.4.9", "9.2.10");
        golden.catalog = Catalog::parse(&format!("{lines}{rules}"), PLATFORMS).unwrap();
        golden.to("9.2.10")
    }

    #[test]
    fn a_refused_jump_names_the_stops() {
        let refused = rule("from_below = '7.19', to = '9.0'", "refused", "confirmed");
        let ways = rule("from = '7.4', to_below = '8.0'", "direct", "confirmed")
            + &rule("from = '7.19'", "direct", "confirmed");
        let seen = look(&CHECK, &with(&(refused.clone() + &ways)));
        assert_eq!(seen.found(), [(B, JUMP)], "{}", seen.text());
        assert!(
            seen.findings[0].remedy.starts_with("Upgrade to 7.19.8 first, then to 9.2.10;"),
            "{}",
            seen.text()
        );

        let seen = look(&CHECK, &with(&refused));
        assert_eq!(seen.found(), [(B, JUMP)]);
        assert!(seen.findings[0].remedy.contains("the catalog knows no way"), "{}", seen.text());

        for weak in ["partial", "inferred"] {
            let seen = look(&CHECK, &with(&rule("to = '9.0'", "refused", weak)));
            assert_eq!(seen.found(), [(W, JUMP)], "only what is confirmed blocks");
        }
    }
}
