//! Are there more users than the licence allows, or nearly so?

use crate::facts::{Family, LicenseText, Missing, Seats, Source};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "license-seats",
    title: "Seats for all users",
    category: Category::License,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::License, Source::Application],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The users the running application counts against its licence, beside the number the licence allows; where licence and \
application name different numbers, the smaller one.

## Why it matters

With more users than the licence allows the site is read-only, before the upgrade and after it: \
<https://confluence.atlassian.com/confkb/health-check-confluence-license-limit-1402415835.html>. An upgrade that also \
changes user directories or groups may add users on the same night.

## How to fix it

Take the right to use the product from people who left (*Administration, Global permissions* and the groups named \
there; deactivate accounts in *User management*), or buy more seats at <https://my.atlassian.com> and enter the new key.

## What it needs

Read access to `confluence.cfg.xml`, and an account that may read the licence over HTTP: an administrator's. A licence \
for unlimited users needs neither.

## Settings

`seats_warn_percent`: the share of the seats from which on it warns.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let license = case.facts.license()?;
    let licensed = match &license.text {
        LicenseText::Terms(terms) if terms.for_this_product => terms.users,
        LicenseText::Terms(_) => {
            return Err(Undecided::Missing(Missing::Unread {
                of: Source::License,
                what: "the number of licensed users".to_owned(),
                why: "the licence is for another product; see license-valid".to_owned(),
            }));
        }
        LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => {
            return Err(Undecided::Missing(Missing::Unread {
                of: Source::License,
                what: "the number of licensed users".to_owned(),
                why: "there is no licence that can be read; see license-valid".to_owned(),
            }));
        }
    };
    if licensed == Seats::Unlimited {
        return Ok(Judgement::ready("the licence is for unlimited users"));
    }
    let counted = case.facts.application()?.users.read(Source::Application, "the number of users")?;
    let stated = match licensed {
        Seats::Limited(seats) => Some(seats),
        Seats::Unlimited | Seats::NotStated => None,
    };
    let Some(seats) = stated.into_iter().chain(counted.allowed).min() else {
        return Ok(Judgement::ready(format!("{} users, and no limit is set to them", counted.users)));
    };
    let users = counted.users;
    let evidence = format!("{users} of {seats} seats are taken");
    let percent = case.policy.seats_warn_percent;
    let (severity, summary) = if users > seats {
        (Severity::Blocker, format!("There are {users} users and only {seats} seats: the site is read-only"))
    } else if users >= seats || nearly_all(users, seats, percent) {
        (Severity::Warning, format!("{users} of {seats} seats are taken"))
    } else {
        return Ok(Judgement::ready(evidence));
    };
    let finding = Finding {
        severity,
        subject: "users".to_owned(),
        summary,
        observed: format!("{users} users"),
        required: format!("fewer than {percent}% of {seats} seats"),
        remedy: "Take the right to use the product from people who left (Administration, Global permissions), or buy \
                 more seats at https://my.atlassian.com and enter the new key under License Details."
            .to_owned(),
    };
    Ok(Judgement::new(evidence, vec![finding]))
}

fn nearly_all(users: u64, seats: u64, percent: u8) -> bool {
    u128::from(users) * 100 >= u128::from(seats) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::UserCount;
    use crate::golden::golden;
    use crate::model::Verdict::{self, Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{application, license, look, read, terms, unread};

    #[test]
    fn users_are_compared_with_the_smaller_limit() {
        use Seats::{Limited, NotStated, Unlimited};
        let rows: [(Seats, u64, Option<u64>, Verdict); 15] = [
            (Limited(1000), 640, Some(1000), Ready),
            (Limited(1000), 899, None, Ready),
            (Limited(1000), 900, None, Warning),
            (Limited(1000), 1000, None, Warning),
            (Limited(1000), 1001, None, Blocked),
            (Limited(1000), 640, Some(600), Blocked),
            (Limited(600), 640, Some(1000), Blocked),
            (NotStated, 640, Some(600), Blocked),
            (NotStated, 640, None, Ready),
            (Unlimited, 640, Some(600), Ready),
            (Limited(0), 0, None, Warning),
            (Limited(0), 1, None, Blocked),
            (Limited(u64::MAX), u64::MAX - 1, None, Warning),
            (Limited(25), 22, None, Ready),
            (Limited(25), 23, None, Warning),
        ];
        for (licensed, users, allowed, verdict) in rows {
            let mut golden = golden();
            terms(&mut golden).users = licensed;
            *read(&mut application(&mut golden).users) = UserCount { users, allowed };
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{users} of {licensed} and {allowed:?}: {}", seen.text());
        }
    }

    #[test]
    fn what_could_not_be_counted_is_unknown() {
        let mut golden = golden();
        application(&mut golden).users = unread();
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
        terms(&mut golden).users = Seats::Unlimited;
        golden.facts.switch_off(Source::Application);
        assert_eq!(look(&CHECK, &golden).verdict, Ready, "unlimited needs no counting");
        terms(&mut golden).for_this_product = false;
        assert_eq!(look(&CHECK, &golden).verdict, Unknown, "seats of another product are no seats");
        license(&mut golden).text = LicenseText::Absent;
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
    }
}
