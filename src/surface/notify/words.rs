//! A message in words: its subject and its text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::condition::cut;
use super::letter::{Entry, Letter, Place, What};

/// A subject is read in a list: it says what matters within this many characters.
const MOST_OF_A_SUBJECT: usize = 78;

/// What matters, in one line.
pub(super) fn subject(letter: &Letter) -> String {
    let text = match letter.places.as_slice() {
        [] => "Upgrade readiness".to_owned(),
        [place] => subject_of(place),
        places => {
            let sites: std::collections::BTreeSet<&str> =
                places.iter().map(|place| place.site.as_str()).filter(|site| !site.is_empty()).collect();
            let blocked =
                places.iter().filter(|place| place.verdict == "blocked" && !place.target.is_empty());
            format!("[{} blocked] news of {} instances", blocked.count(), sites.len())
        }
    };
    // 78 is for the whole line, its name too.
    cut(&text, MOST_OF_A_SUBJECT - "Subject: ".len() - 1)
}

fn subject_of(place: &Place) -> String {
    let Some(entry) = place.entries.first() else { return format!("[{}] {}", place.verdict, place.name()) };
    let mark = match (place.verdict.as_str(), entry.what.stands()) {
        ("", true) => entry.level.id().to_uppercase(),
        ("", false) => "over".to_owned(),
        ("blocked", _) => "BLOCKED".to_owned(),
        (verdict, _) => verdict.to_owned(),
    };
    let what = match entry.what {
        What::New | What::Again => entry.summary.clone(),
        What::Still => format!("still: {}", entry.summary),
        What::Over => format!("over: {}", entry.summary),
        What::Unwatched => format!("not watched any more: {}", entry.summary),
        What::Passed => format!("came and went: {}", entry.summary),
    };
    format!("[{mark}] {}: {what}", place.name())
}

/// The whole text. `late_since`: since when it could not be delivered.
pub(super) fn text(letter: &Letter, late_since: Option<Timestamp>) -> String {
    let mut text = String::new();
    if let Some(since) = late_since {
        line(
            &mut text,
            &format!(
                "This is late: what happened since {} is told together, because it could not be \
             delivered before.\n",
                minute(since)
            ),
        );
    }
    if letter.lost > 0 {
        line(
            &mut text,
            &format!("{} earlier messages could not be delivered and were given up.\n", letter.lost),
        );
    }
    for place in &letter.places {
        line(&mut text, &heading(place));
        for entry in &place.entries {
            line(&mut text, &described(entry));
        }
        text.push('\n');
    }
    if letter.left_out > 0 {
        line(
            &mut text,
            &format!(
                "{} more things happened than are told here; `agent status` shows all that stands, \
             `agent history` what happened.\n",
                letter.left_out
            ),
        );
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// How a place stands now.
pub(super) fn heading(place: &Place) -> String {
    let product = if place.product.is_empty() { String::new() } else { format!(" ({})", place.product) };
    let stands = match (place.verdict.as_str(), place.blockers) {
        ("", _) => String::new(),
        (verdict, 0) => format!(": now {verdict}"),
        (verdict, 1) => format!(": now {verdict}, 1 thing stands in the way"),
        (verdict, many) => format!(": now {verdict}, {many} things stand in the way"),
    };
    format!("{}{product}{stands}", place.name())
}

/// One thing that happened, with what to do.
pub(super) fn described(entry: &Entry) -> String {
    let mut text = format!("  {}  {}", entry.what.word(), entry.summary);
    if entry.what.stands() && !entry.remedy.is_empty() {
        text.push_str("\n      do: ");
        text.push_str(&entry.remedy);
    }
    let when = match entry.began_at {
        Some(began) => format!("from {} to {}", minute(began), minute(entry.at)),
        None if entry.what == What::Still => format!("since {}", minute(entry.at)),
        None => minute(entry.at),
    };
    let mut about: Vec<&str> = vec![entry.check.as_str(), entry.subject.as_str()];
    about.retain(|part| !part.is_empty());
    about.push(&when);
    text.push_str("\n      ");
    text.push_str(&about.join(", "));
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A moment for people.
pub(super) fn minute(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M UTC").to_string()
}
