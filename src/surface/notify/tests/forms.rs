//! What receivers get to see, reviewed.

use serde_json::Value;

use super::scene::{board, now, site};
use crate::channel::{Event, Form, Level};
use crate::surface::notify::forms::{Parcel, render_form, render_template};
use crate::surface::notify::letter::{Entry, Letter, Place, What};
use crate::surface::notify::mail::compose;
use crate::surface::notify::words::{subject, text};

fn entry(what: What, subject: &str, summary: &str) -> Entry {
    Entry {
        what,
        event: Event::Blocked,
        alert: "UpgradeBlocked".into(),
        level: Level::Critical,
        check: "plugin-compatibility".into(),
        subject: subject.into(),
        summary: summary.into(),
        remedy: "Ask the vendor for a version, or uninstall it.".into(),
        at: now(),
        began_at: (what == What::Passed).then(|| now() - jiff::SignedDuration::from_hours(3)),
    }
}

fn parcel() -> Parcel {
    let here = board([site("wiki", &["gantt", "draw"])]);
    let mut place = Place::on(&here, &("wiki".into(), "10.2.14".into()));
    place.entries = vec![
        entry(What::New, "gantt", "Gantt <!channel> & @all has \"no\" version [x](http://evil.example)"),
        entry(What::Over, "draw", "Draw has no version"),
        entry(What::Passed, "clock", "Clock has no version"),
    ];
    Parcel {
        id: "c0ffee".into(),
        channel: "ops".into(),
        made_at: now(),
        late_since: Some(now() - jiff::SignedDuration::from_hours(24)),
        letter: Letter { places: vec![place], left_out: 2, lost: 1 },
    }
}

#[test]
fn each_form_has_the_shape_its_receiver_wants_and_nobody_can_be_called() {
    let made = |form| serde_json::from_str::<Value>(&render_form(form, &parcel())).unwrap();
    let slack = made(Form::Slack);
    assert_eq!(
        (&slack["blocks"][0]["type"], &slack["blocks"][1]["type"]),
        (&"header".into(), &"section".into())
    );
    assert!(slack["blocks"][2]["text"]["text"].as_str().unwrap().contains("&lt;!channel&gt; &amp; @all"));
    assert!(slack["text"].as_str().unwrap().contains("&lt;"));
    let teams = made(Form::Teams);
    let card = &teams["attachments"][0]["content"];
    assert_eq!((&teams["type"], &card["type"]), (&"message".into(), &"AdaptiveCard".into()));
    assert_eq!(card["body"][0]["color"], "attention");
    assert!(teams.to_string().contains(r"\\[x\\](http"), "{teams}");
    let mattermost = made(Form::Mattermost);
    let text = mattermost["text"].as_str().unwrap();
    assert!(text.starts_with("#### ") && text.contains("@\u{200b}all") && !text.contains("@all"), "{text}");
    assert!(text.contains("<\u{200b}!channel>") && !text.contains("<!"), "{text}");
    let json = made(Form::Json);
    assert_eq!((&json["format_version"], &json["id"]), (&"1.0".into(), &"c0ffee".into()));
    assert_eq!(
        (&json["severity"], &json["left_out"], &json["given_up_before"]),
        (&"critical".into(), &2.into(), &1.into())
    );
    let place = &json["places"][0];
    assert_eq!((&place["instance"], &place["blockers"]), (&"wiki".into(), &2.into()));
    assert_eq!(
        (&place["events"][2]["what"], &place["events"][0]["check"]),
        (&"passed".into(), &"plugin-compatibility".into())
    );
}

#[test]
fn a_mail_has_the_headers_it_needs_and_none_can_be_added() {
    let to = ["Ops <ops@example.com>".to_owned()];
    let mail = |parcel: &Parcel| {
        let mail = compose("Upgrade readiness <agent@example.com>", &to, parcel).unwrap();
        String::from_utf8(mail.formatted()).unwrap().replace("\r\n", "\n")
    };
    let good = mail(&parcel());
    for header in [
        "To: Ops <ops@example.com>",
        "Message-ID: <c0ffee@example.com>",
        "Auto-Submitted: auto-generated",
        "X-Readiness-Severity: critical",
    ] {
        assert!(good.lines().any(|line| line == header), "{header} in {good}");
    }
    assert!(good.contains("1 earlier messages could not be delivered"), "{good}");

    let mut hostile = parcel();
    hostile.letter.places[0].entries[0].summary = "x\r\nBcc: evil@example.com\r\n\r\nBody".into();
    hostile.letter.places[0].site = "wiki\r\nX-Evil: yes".into();
    let mail = mail(&hostile);
    let (head, _) = mail.split_once("\n\n").unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc") || line.starts_with("X-Evil")), "{head}");
}

#[test]
fn subjects_are_short_and_say_what_matters() {
    let mut one = parcel().letter;
    assert_eq!(subject(&one), "[BLOCKED] wiki 9.2.7 → 10.2.14: Gantt <!channel> & @all has \"no\" ver…");
    assert!("Subject: ".len() + subject(&one).chars().count() <= 78);
    one.places[0].entries.remove(0);
    one.places[0].verdict = "ready".into();
    assert_eq!(subject(&one), "[ready] wiki 9.2.7 → 10.2.14: over: Draw has no version");
    one.places.push(one.places[0].clone());
    assert_eq!(subject(&one), "[0 blocked] news of 1 instances");
    assert_eq!(subject(&Letter::default()), "Upgrade readiness");
    assert!(text(&Letter::default(), None).trim().is_empty());
}

#[test]
fn a_message_that_is_too_long_for_a_chat_is_cut_and_says_so() {
    let mut long = parcel();
    let place = long.letter.places[0].clone();
    long.letter.places =
        (0..500).map(|number| Place { site: format!("wiki-{number}"), ..place.clone() }).collect();
    for (form, most) in [(Form::Slack, 150_000), (Form::Teams, 28_000), (Form::Mattermost, 20_000)] {
        let body = render_form(form, &long);
        assert!(body.len() <= most && body.contains("shows all"), "{form:?}: {}", body.len());
    }
    let slack: Value = serde_json::from_str(&render_form(Form::Slack, &long)).unwrap();
    let blocks = slack["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    assert!(blocks.iter().all(|block| block["text"]["text"].as_str().unwrap().chars().count() <= 3000));
}

#[test]
fn templates_of_an_operator_cannot_be_broken_by_what_is_told() {
    let good = r#"{"message": {{ text }}, "n": {{ places | length }}{% for place in places %}, {{ place.instance }}: 1{% endfor %}}"#;
    let made = render_template(good, true, &parcel()).unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    assert!(made["message"].as_str().unwrap().contains("\"no\" version"));
    assert_eq!((&made["n"], &made["wiki"]), (&1.into(), &1.into()));
    assert_eq!(render_template("{{ subject }}", false, &parcel()).unwrap(), subject(&parcel().letter));
    for (template, part) in [
        (r#"{"message": "{{ text }}"}"#, "not JSON"),
        ("{{ txt }}", "undefined"),
        ("{{ text", "line 1"),
        ("{% include 'other' %}", "line 1"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}", "fuel"),
    ] {
        let why = render_template(template, true, &parcel()).unwrap_err();
        assert!(why.contains(part), "{template}: {why}");
    }
}
