use super::*;
use crate::surface::sample;
use crate::surface::status::view;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn terms() -> Terms {
    Terms { max_age: HOUR * 24, accept_warnings: false, origin: Origin::Daemon }
}

/// The sample's status, with a digest that does not follow what the golden instance is made of.
fn status() -> StatusFile {
    let mut status = view(&sample::board(), sample::now());
    status.instances[0].facts_digest = Some("f00d".repeat(16));
    status
}

fn attest(status: &StatusFile, target: &str, terms: &Terms, now: Timestamp) -> Attestation {
    let selection = status.select(Some("wiki"), Some(target)).unwrap();
    Attestation::of(status, selection.instances[0].0, selection.instances[0].1[0], terms, now)
}

#[test]
fn the_whole_page() {
    let status = status();
    let now = sample::now() + SignedDuration::from_secs(30);
    let attestation = attest(&status, "latest-lts", &terms(), now);
    let text = render_text(&attestation);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!("text", text);
    insta::assert_snapshot!("markdown", render_markdown(&attestation));
    insta::assert_snapshot!("json", attestation.to_json());
    let again = attest(&status, "10.2.14", &terms(), now);
    assert_eq!(again, attestation, "the same status at the same moment is the same page");
}

#[test]
fn the_exit_code_follows_verdict_terms_and_age() {
    let mut status = status();
    let now = sample::now();
    let mut code = |verdict, accept_warnings, now| {
        status.instances[0].targets[1].verdict = verdict;
        let terms = Terms { accept_warnings, ..terms() };
        attest(&status, "9.2.10", &terms, now).exit_code
    };
    let rows = [
        (Verdict::Ready, 0, 0),
        (Verdict::Warning, 1, 0),
        (Verdict::Blocked, 2, 2),
        (Verdict::Unknown, 3, 3),
    ];
    for (verdict, strict, lenient) in rows {
        assert_eq!(code(verdict, false, now), strict, "{verdict}");
        assert_eq!(code(verdict, true, now), lenient, "{verdict}");
        for shift in [301, -6] {
            let other = now + SignedDuration::from_secs(shift);
            assert_eq!(code(verdict, true, other), 3, "{verdict} {shift}");
        }
    }
}

#[test]
fn old_evidence_is_named_whatever_the_verdict() {
    let mut status = status();
    let now = sample::now();
    let fresh = |status: &mut StatusFile| {
        for source in &mut status.instances[0].sources {
            source.collected_at = Some(now);
            source.state = Condition::Ok;
        }
    };
    let stale = |status: &StatusFile| {
        let attestation = attest(status, "9.2.10", &terms(), now);
        assert_eq!(attestation.exit_code == 3, !attestation.stale.is_empty());
        attestation.stale.join(" ")
    };
    fresh(&mut status);
    status.instances[0].sources[1].collected_at = Some(now - HOUR * 24);
    assert_eq!(stale(&status), "", "exactly as old as allowed");
    for at in [now - HOUR * 24 - SignedDuration::from_secs(1), now + SignedDuration::from_secs(6)] {
        status.instances[0].sources[1].collected_at = Some(at);
        assert!(stale(&status).contains("disk is") && stale(&status).contains("refresh --source disk"));
    }
    status.instances[0].sources[0].state = Condition::Stale;
    assert!(stale(&status).contains("disk, host are") || stale(&status).contains("host, disk are"));
    // What failed is in the verdict; what is off is not looked at.
    for state in [Condition::Failed, Condition::Off] {
        fresh(&mut status);
        status.instances[0].sources[1].state = state;
        status.instances[0].sources[1].collected_at = Some(now - HOUR * 48);
        assert_eq!(stale(&status), "", "{state:?}");
    }
}

#[test]
fn facts_in_a_file_are_only_as_good_as_they_are_young() {
    let status = status();
    let at = |hours: i32| {
        let terms = Terms { origin: Origin::Facts, max_age: HOUR * 100_000, ..terms() };
        attest(&status, "9.2.10", &terms, sample::now() + HOUR * hours).stale
    };
    assert!(at(20).is_empty());
    assert!(at(100_001).iter().any(|why| why.contains("agent snapshot")));
    assert!(at(-1).iter().any(|why| why.contains("in the future")));
}

#[test]
fn foreign_text_drives_neither_terminal_nor_ticket() {
    let mut status = status();
    let target = &mut status.instances[0].targets[0];
    for check in &mut target.checks {
        for found in &mut check.findings {
            found.summary = "\u{1b}[2J| <b>x</b>\n# title".repeat(20);
        }
    }
    let attestation = attest(&status, "latest-lts", &terms(), sample::now());
    let text = render_text(&attestation);
    assert!(text.lines().all(|line| line.chars().count() <= 80) && !text.contains('\u{1b}'), "{text}");
    let markdown = render_markdown(&attestation);
    assert!(!markdown.contains("<b>") && !markdown.contains("\n# title"), "{markdown}");
}
