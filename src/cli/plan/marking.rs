//! A word on a step of the run book, checked before it is kept: the same for the command line and for the page.

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::facts::{Profile, StepMark, StepState};
use upgrade_readiness_checks::plan::book::SectionKind;
use upgrade_readiness_checks::plan::way::Method;
use upgrade_readiness_checks::version::ProductVersion;

use super::outline::{Outline, belongs_to};
use crate::cli::output::advise;
use crate::cli::words::{MOST_NAME, checked_text};
use crate::config::distance;
use crate::surface::status::printable;

/// Longer notes belong into a ticket, whose number is enough here.
const MOST_NOTE: usize = 1000;

/// No id of a step is longer.
const MOST_ID: usize = 200;

/// Nothing in a run book takes longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// When the step before it was marked longer ago, something else was done meanwhile.
const LONGEST_GUESS: SignedDuration = SignedDuration::from_hours(12);

/// So many names are offered for one that does not exist.
const MOST_OFFERED: usize = 5;

/// What somebody says of a step.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Said {
    /// Id of the step.
    pub(in crate::cli) step: String,
    pub(in crate::cli) state: StepState,
    /// Who says so.
    pub(in crate::cli) by: String,
    /// How long it took, as it was typed.
    pub(in crate::cli) took: Option<String>,
    pub(in crate::cli) note: Option<String>,
}

/// The book that has a step: that of the method given; without one that of the method that suits the installation, else
/// one of the others. When none has it, the first that was asked for.
pub(in crate::cli) fn find_step(
    step: &str,
    method: Option<Method>,
    outline_of: impl Fn(Option<Method>) -> anyhow::Result<Outline>,
) -> anyhow::Result<Outline> {
    let first = outline_of(method)?;
    if method.is_some() || first.has(step) {
        return Ok(first);
    }
    // A method that is not possible here has no book, and so not this step.
    let others = Method::ALL.into_iter().filter_map(|other| outline_of(Some(other)).ok());
    Ok(others.into_iter().find(|other| other.has(step)).unwrap_or(first))
}

/// The mark that follows from what was said; an error when it cannot be meant. `known` are the marks of the instance.
pub(in crate::cli) fn marked(
    said: &Said,
    outline: &Outline,
    known: &[StepMark],
    profile: impl FnOnce() -> Option<Profile>,
    now: Timestamp,
) -> anyhow::Result<StepMark> {
    is_step(&said.step, outline)?;
    let by = checked_text(&said.by, "the name of who says so", MOST_NAME)?;
    let note = match &said.note {
        Some(note) if !note.trim().is_empty() => Some(checked_text(note, "the note", MOST_NOTE)?),
        Some(_) | None => None,
    };
    if said.state == StepState::Failed && note.is_none() {
        let error = anyhow::anyhow!("a step that failed needs a note");
        return Err(advise(error, "Say in a sentence what was seen; the next one who reads it needs that."));
    }
    let took = match said.took.as_deref().map(str::trim) {
        Some(took) if !took.is_empty() => Some(parse_took(took)?),
        Some(_) | None => since_step_before(said, &outline.target, known, now),
    };
    let profile = if belongs_to(&said.step, SectionKind::Staging) { profile() } else { None };
    Ok(StepMark {
        target: outline.target.clone(),
        step: said.step.clone(),
        state: said.state,
        by,
        at: now,
        took,
        note,
        profile,
    })
}

/// Whether it is a step of the book; the nearest names are told when it is not.
fn is_step(step: &str, outline: &Outline) -> anyhow::Result<()> {
    if outline.has(step) {
        return Ok(());
    }
    let shown = printable(&step.chars().take(MOST_ID).collect::<String>());
    let error = anyhow::anyhow!("there is no step {shown:?} in the run book to {}", outline.target);
    let nearest = nearest(&shown, outline);
    if nearest.is_empty() {
        bail!(advise(error, "This book has no steps; `agent plan` shows why."));
    }
    Err(advise(error, format!("The nearest are: {}; `agent plan` shows all.", nearest.join(", "))))
}

fn nearest<'a>(asked: &str, outline: &'a Outline) -> Vec<&'a str> {
    let name = |id: &'a str| id.rsplit_once('.').map_or(id, |(_, name)| name);
    // Who leaves the section out may still mean the step.
    let far = |id: &'a str| distance(asked, id).min(distance(asked, name(id)));
    let mut ids: Vec<&str> = outline.steps.iter().map(|step| step.id.as_str()).collect();
    ids.sort_by_cached_key(|id| far(id));
    ids.truncate(MOST_OFFERED);
    ids
}

fn parse_took(text: &str) -> anyhow::Result<SignedDuration> {
    let advice = "Give how long it took, such as 12m, 90s or 1h 30m.";
    let shown = || printable(&text.chars().take(MOST_NAME).collect::<String>());
    let took: SignedDuration = text.parse().map_err(|_unread: jiff::Error| {
        advise(anyhow::anyhow!("{:?} is no length of time", shown()), advice)
    })?;
    if took < SignedDuration::from_secs(1) || took > LONGEST {
        let error =
            anyhow::anyhow!("{:?} is not between a second and {} days", shown(), LONGEST.as_hours() / 24);
        return Err(advise(error, advice));
    }
    Ok(SignedDuration::from_secs(took.as_secs()))
}

/// The time since the newest mark of another step in the same section; what is left out takes none.
fn since_step_before(
    said: &Said,
    target: &ProductVersion,
    known: &[StepMark],
    now: Timestamp,
) -> Option<SignedDuration> {
    if said.state == StepState::Skipped {
        return None;
    }
    let section = section_of(&said.step);
    let before = known
        .iter()
        .filter(|mark| mark.target == *target && mark.step != said.step && section_of(&mark.step) == section)
        .map(|mark| mark.at)
        .filter(|at| *at <= now)
        .max()?;
    let took = SignedDuration::from_secs(now.duration_since(before).as_secs());
    (took >= SignedDuration::from_secs(1) && took < LONGEST_GUESS).then_some(took)
}

/// Section and stop of a step: everything before its name.
fn section_of(step: &str) -> &str {
    step.rsplit_once('.').map_or("", |(section, _)| section)
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::model::Verdict;

    use super::super::outline::OutlineStep;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn outline(ids: &[&str]) -> Outline {
        let step = |id: &&str| OutlineStep { id: (*id).into(), title: "Stop it".into(), settled: false };
        Outline {
            target: "10.2.14".parse().unwrap(),
            verdict: Verdict::Warning,
            steps: ids.iter().map(step).collect(),
        }
    }

    const IDS: [&str; 5] = [
        "preparation.license",
        "staging.start",
        "production.8.5.32.stop",
        "production.stop",
        "production.start",
    ];

    fn said(step: &str, state: StepState) -> Said {
        Said { step: step.into(), state, by: "Ann".into(), took: None, note: None }
    }

    fn mark(step: &str, when: &str) -> StepMark {
        let said = Said { note: Some("n".into()), ..said(step, StepState::Done) };
        marked(&said, &outline(&[step]), &[], || None, at(when)).unwrap()
    }

    fn told(error: &anyhow::Error) -> String {
        crate::cli::output::render_in_one_line(error)
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_advice() {
        use StepState::{Done, Failed};
        let text = |text: &str| Some(text.to_owned());
        let long = "x".repeat(1001);
        let stop = || said("production.stop", Done);
        let rows = [
            (said("production.stp", Done), "production.stop, "),
            (said("start", Done), "staging.start, production.start"),
            (said("", Done), "there is no step \"\""),
            (said("production.stop\u{1b}[2J", Done), "\\u{1b}"),
            (said(&"y".repeat(100_000), Done), "there is no step \"yyy"),
            (Said { by: " \n ".into(), ..stop() }, "the name of who says so is empty"),
            (Said { by: "x".repeat(101), ..stop() }, "there is room for 100"),
            (Said { note: text(&long), ..stop() }, "there is room for 1000"),
            (said("production.stop", Failed), "needs a note"),
            (Said { note: text(" \t"), ..said("production.stop", Failed) }, "needs a note"),
            (Said { took: text("soon"), ..stop() }, "\"soon\" is no length of time; Give"),
            (Said { took: text("-5m"), ..stop() }, "not between a second and 31 days"),
            (Said { took: text("0s"), ..stop() }, "not between a second"),
            (Said { took: text("745h"), ..stop() }, "not between a second"),
            (Said { took: text(&"9".repeat(10_000)), ..stop() }, "is no length of time"),
        ];
        for (said, words) in rows {
            let error = marked(&said, &outline(&IDS), &[], || None, at("2026-11-20T12:00:00Z")).unwrap_err();
            let told = told(&error);
            assert!(told.contains(words), "{words:?} is not in {told}");
            assert!(!told.contains('\u{1b}') && told.len() < 1000, "{told}");
        }
        let none = marked(&stop(), &outline(&[]), &[], || None, at("2026-11-20T12:00:00Z")).unwrap_err();
        assert!(told(&none).contains("has no steps"), "{}", told(&none));
    }

    #[test]
    fn texts_are_kept_in_one_line_and_cannot_drive_a_terminal() {
        let said = Said {
            by: " Ann\tBlair ".into(),
            note: Some("first\nsecond\u{1b}[2J'); DROP TABLE step; --".into()),
            took: Some("1h 30m 0.9s".into()),
            ..said("production.stop", StepState::Failed)
        };
        let now = at("2026-11-20T12:00:00Z");
        let mark = marked(&said, &outline(&IDS), &[], || panic!("not on staging"), now).unwrap();
        assert_eq!((mark.by.as_str(), mark.at), ("Ann Blair", now));
        assert_eq!(mark.note.as_deref(), Some("first second\\u{1b}[2J'); DROP TABLE step; --"));
        assert_eq!(mark.took, Some(SignedDuration::from_mins(90)));
        let blank = Said { note: Some(" ".into()), took: Some(" ".into()), ..said };
        let blank = Said { state: StepState::Done, ..blank };
        let mark = marked(&blank, &outline(&IDS), &[], || None, now).unwrap();
        assert_eq!((mark.note, mark.took), (None, None), "fields of a form that were left empty");
    }

    #[test]
    fn how_long_it_took_is_the_time_since_the_step_before_in_its_section() {
        let now = "2026-11-20T12:00:00Z";
        let other_target = StepMark {
            target: "9.2.10".parse().unwrap(),
            ..mark("production.start", "2026-11-20T11:59:00Z")
        };
        let rows: [(&[StepMark], Option<i64>); 9] = [
            (&[], None),
            (&[mark("production.start", "2026-11-20T11:48:00.5Z")], Some(719)),
            (
                &[
                    mark("production.backup", "2026-11-20T11:58:00Z"),
                    mark("production.start", "2026-11-20T11:48:00Z"),
                ],
                Some(120),
            ),
            (&[mark("production.stop", "2026-11-20T11:48:00Z")], None),
            (&[mark("production.8.5.32.start", "2026-11-20T11:48:00Z")], None),
            (&[mark("staging.start", "2026-11-20T11:48:00Z")], None),
            (&[mark("production.start", "2026-11-20T00:00:00Z")], None),
            (&[mark("production.start", "2026-11-20T12:00:01Z")], None),
            (&[other_target], None),
        ];
        for (known, expected) in rows {
            let took = |state| {
                let mark = marked(
                    &Said { note: Some("n".into()), ..said("production.stop", state) },
                    &outline(&IDS),
                    known,
                    || None,
                    at(now),
                );
                mark.unwrap().took.map(|took| took.as_secs())
            };
            assert_eq!(took(StepState::Done), expected, "{known:?}");
            assert_eq!(took(StepState::Failed), expected, "{known:?}");
            assert_eq!(took(StepState::Skipped), None, "{known:?}");
        }
    }

    #[test]
    fn only_a_step_on_staging_keeps_what_the_instance_was() {
        let profile = Profile { java: Some("17".into()), ..Profile::default() };
        let now = at("2026-11-20T12:00:00Z");
        for (step, kept) in [("staging.start", true), ("production.start", false)] {
            let said = said(step, StepState::Done);
            let mark = marked(&said, &outline(&IDS), &[], || Some(profile.clone()), now).unwrap();
            assert_eq!(mark.profile.is_some(), kept, "{step}");
        }
    }

    #[test]
    fn a_step_of_another_method_is_found_unless_one_method_is_meant() {
        let of = |method: Option<Method>| match method {
            None | Some(Method::Installer) => Ok(outline(&["production.install"])),
            Some(Method::Rolling) => bail!("not possible here"),
            Some(Method::Archive) => Ok(outline(&["production.unpack"])),
        };
        let found = |step, method| find_step(step, method, of).unwrap().has(step);
        assert!(found("production.install", None) && found("production.unpack", None));
        assert!(found("production.unpack", Some(Method::Archive)));
        assert!(!found("production.unpack", Some(Method::Installer)) && !found("tea", None));
        assert!(find_step("production.unpack", Some(Method::Rolling), of).is_err());
    }
}
