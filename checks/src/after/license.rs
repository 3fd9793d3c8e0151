//! Is the licence still there, and is it the one from before?

use super::{Item, Sides, Topic, shown};
use crate::facts::{LicenseTerms, LicenseText, Missing, Seats, Snapshot};
use crate::rules::wording::excerpt;

const TOPIC: Topic = Topic::License;

pub(super) fn license(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(|side: &Snapshot| Ok::<_, Missing>(&side.license()?.text));
    let (before, now) = (shown(&both.before, |text| show(text)), shown(&both.now, |text| show(text)));
    let enter = "Enter the licence again (Administration, License details); the text is at my.atlassian.com, and \
                 `agent license FILE` tells which releases it allows.";
    // What cannot do without a licence needs no comparison.
    let problem = match &both.now {
        Ok(LicenseText::Terms(terms)) if terms.for_this_product => None,
        Ok(LicenseText::Terms(_)) => Some("the licence is for another product"),
        Ok(LicenseText::Absent) => Some("there is no licence"),
        Ok(LicenseText::Damaged(_)) => Some("the licence is damaged"),
        Ok(LicenseText::Legacy) => Some("the licence is of a kind the product refuses"),
        Err(_missing) => None,
    };
    if let Some(problem) = problem {
        return vec![Item::blocked(TOPIC, problem).seen(before, now).so_do(enter)];
    }
    let item = match both.known(TOPIC, |text| show(text)) {
        Err(unknown) => return unknown,
        Ok((LicenseText::Terms(was), LicenseText::Terms(is))) => compared(was, is),
        Ok((_, _)) => Item::well(TOPIC, "a licence is there; before there was none that could be read"),
    };
    vec![item.seen(before, now)]
}

fn compared(was: &LicenseTerms, is: &LicenseTerms) -> Item {
    if is.evaluation && !was.evaluation {
        return Item::warning(TOPIC, "an evaluation licence stands in the place of a bought one")
            .so_do("Enter the licence that was bought (Administration, License details).");
    }
    if fewer(was.users, is.users) {
        return Item::warning(
            TOPIC,
            format!("the licence allows {} users, and {} before", is.users, was.users),
        )
        .so_do("See whether it is the licence that was meant (Administration, License details).");
    }
    if was == is {
        Item::well(TOPIC, "the licence is the same")
    } else {
        Item::well(TOPIC, "a licence for this product is there, another one than before")
    }
}

fn fewer(was: Seats, is: Seats) -> bool {
    match (was, is) {
        (Seats::Limited(was), Seats::Limited(is)) => is < was,
        (Seats::Unlimited, Seats::Limited(_)) => true,
        (Seats::Limited(_) | Seats::Unlimited | Seats::NotStated, _) => false,
    }
}

fn show(text: &LicenseText) -> String {
    match text {
        LicenseText::Terms(terms) => {
            let LicenseTerms { description, expires, maintenance_ends, users, .. } = terms.as_ref();
            excerpt(&format!(
                "{description}, {users} users, ends {expires}, maintenance until {maintenance_ends}"
            ))
        }
        LicenseText::Absent => "no licence".to_owned(),
        LicenseText::Damaged(why) => format!("damaged: {}", excerpt(why)),
        LicenseText::Legacy => "a licence in the old two-part form".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::after::testing::{Row, judges};
    use crate::facts::{Reading, Until};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    #[test]
    fn the_licence_must_still_be_there() {
        let rows: &[Row] = &[
            ("the same", |_| {}, &[(Ready, None)]),
            ("none", |p| p.license().text = LicenseText::Absent, &[(Blocked, None)]),
            ("damaged", |p| p.license().text = LicenseText::Damaged("cut off".into()), &[(Blocked, None)]),
            ("old", |p| p.license().text = LicenseText::Legacy, &[(Blocked, None)]),
            ("another product's", |p| p.terms().for_this_product = false, &[(Blocked, None)]),
            ("renewed", |p| p.terms().expires = Until::Day(date(2028, 1, 1)), &[(Ready, None)]),
            ("an evaluation", |p| p.terms().evaluation = true, &[(Warning, None)]),
            ("for fewer", |p| p.terms().users = Seats::Limited(999), &[(Warning, None)]),
            ("for more", |p| p.terms().users = Seats::Unlimited, &[(Ready, None)]),
            ("none before", |p| p.license_before().text = LicenseText::Absent, &[(Ready, None)]),
            ("not known", |p| p.now.license = Reading::Pending, &[(Unknown, None)]),
            ("not known before", |p| p.before.license = Reading::Off, &[(Unknown, None)]),
            (
                "none, and not known before",
                |p| {
                    p.license().text = LicenseText::Absent;
                    p.before.license = Reading::Off;
                },
                &[(Blocked, None)],
            ),
        ];
        judges(Topic::License, rows);
    }
}
