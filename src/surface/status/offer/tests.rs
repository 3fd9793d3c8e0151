use jiff::{SignedDuration, Timestamp};

use super::super::{StatusFile, status_schema, view};
use super::*;
use crate::surface::sample;

fn status() -> StatusFile {
    view(&sample::board(), sample::now())
}

fn text(status: &StatusFile, instance: &str, now: Timestamp, all: bool) -> String {
    render_offers_text(&status.select(Some(instance), None).unwrap(), now, false, all)
}

fn offer(status: &mut StatusFile) -> &mut OfferView {
    status.instances[0].offer.as_mut().unwrap()
}

#[test]
fn the_whole_sheet() {
    insta::assert_snapshot!(text(&status(), "wiki", sample::now(), false));
}

#[test]
fn the_whole_page() {
    let status = status();
    insta::assert_snapshot!(render_offers_markdown(
        &status.select(None, None).unwrap(),
        sample::now(),
        false
    ));
}

#[test]
fn every_line_fits_whatever_it_tells() {
    let mut status = status();
    let release = &mut offer(&mut status).releases[0];
    release.version = "10.2.14-milestone0123".into();
    release.verdict = Verdict::Blocked;
    release.plugins = Some(PluginsView {
        compatible: 1234,
        update_before: 0,
        update_after: 0,
        incompatible: 12,
        unknown: 3,
    });
    let blocker =
        BecauseView { check: "database-ownership".into(), subject: "former\u{1b}[2J_dba".repeat(9) };
    release.blockers = vec![blocker; 5];
    for all in [false, true] {
        let text = text(&status, "wiki", sample::now(), all);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("and 2 more") && !text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn one_of_each_line_is_shown_and_every_one_when_asked() {
    let mut status = status();
    let shown = |status: &StatusFile, all| -> Vec<String> {
        let instance = &status.instances[0];
        let offer = instance.offer.as_ref().unwrap();
        offer.shown(instance, all).into_iter().map(|release| release.version.clone()).collect()
    };
    assert_eq!(shown(&status, false), ["10.2.14", "9.5.4", "9.2.10"]);
    assert_eq!(shown(&status, true), ["10.2.14", "9.5.4", "9.2.10", "9.2.9"]);
    assert!(text(&status, "wiki", sample::now(), false).contains("1 release more with --all"));
    status.instances[0].targets[1].version = Some("9.2.9".into());
    assert_eq!(shown(&status, false), ["10.2.14", "9.5.4", "9.2.10", "9.2.9"], "a target");
    status.instances[0].targets.clear();
    offer(&mut status).recommended.version = Some("9.2.9".into());
    assert_eq!(shown(&status, false), ["10.2.14", "9.5.4", "9.2.10", "9.2.9"], "the recommended one");
}

#[test]
fn the_exit_code_is_that_of_the_recommended_release() {
    let mut status = status();
    let code = |status: &StatusFile, instance: Option<&str>, seconds: i64| {
        let now = status.written_at + SignedDuration::from_secs(seconds);
        exit_code_of_offers(&status.select(instance, None).unwrap(), now)
    };
    let recommended = offer(&mut status).recommended.version.clone();
    for (verdict, expected) in
        [(Verdict::Ready, 0), (Verdict::Warning, 1), (Verdict::Blocked, 2), (Verdict::Unknown, 3)]
    {
        for release in &mut offer(&mut status).releases {
            let is_it = recommended.as_deref() == Some(&*release.version);
            release.verdict = if is_it { verdict } else { Verdict::Blocked };
        }
        assert_eq!(code(&status, Some("wiki"), 0), expected);
        assert_eq!(code(&status, Some("wiki"), 301), 3, "stale");
        assert_eq!(code(&status, Some("wiki"), -6), 3, "from the future");
    }
    assert_eq!(code(&status, Some("docs"), 0), 3, "nobody knows what runs");
    offer(&mut status).recommended.version = None;
    assert_eq!(code(&status, Some("wiki"), 0), 2, "none is recommended");
    status.instances[0].offer = None;
    assert_eq!(code(&status, Some("wiki"), 0), 3, "nobody judged");
}

#[test]
fn what_is_not_known_is_said() {
    let mut status = status();
    let docs = text(&status, "docs", sample::now(), false);
    assert!(
        docs.contains("UNKNOWN") && docs.contains("the releases cannot be judged: installation"),
        "{docs}"
    );
    status.instances[0].offer = None;
    assert!(text(&status, "wiki", sample::now(), false).contains("the releases have not been judged"));
    let late = sample::now() + SignedDuration::from_hours(3);
    assert!(text(&status, "wiki", late, false).starts_with("STALE    Written 3 hours ago"));
}

#[test]
fn an_older_status_file_still_reads_and_the_schema_knows_the_new_member() {
    let mut json = serde_json::to_value(status()).unwrap();
    let members: Vec<String> =
        json["instances"][0]["offer"]["releases"][0].as_object().unwrap().keys().cloned().collect();
    let expected = [
        "blockers",
        "blocks_at",
        "blocks_because",
        "licensed",
        "line",
        "long_term_support",
        "plugins",
        "released_on",
        "rolling",
        "supported_until",
        "supported_until_confirmed",
        "unknown",
        "verdict",
        "version",
        "warnings",
    ];
    assert_eq!(members, expected);
    let schema = serde_json::to_string(&status_schema()).unwrap();
    for member in members.iter().map(String::as_str).chain(["recommended", "licenses", "not-clustered"]) {
        assert!(schema.contains(member), "{member}");
    }
    json["instances"][0].as_object_mut().unwrap().remove("offer");
    let old: StatusFile = serde_json::from_value(json).unwrap();
    assert_eq!(old.instances[0].offer, None);
}

#[test]
fn colour_does_not_move_the_columns() {
    let status = status();
    let selection = status.select(Some("wiki"), None).unwrap();
    let colored = render_offers_text(&selection, sample::now(), true, true);
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render_offers_text(&selection, sample::now(), false, true));
}
