use jiff::civil::date;

use super::*;
use crate::facts::{Failure, FailureKind, Reading};
use crate::golden::Golden;
use crate::model::Verdict::{Blocked, Ready};
use crate::model::{Category, Judgement, Plan, Products, Severity, Undecided};
use crate::report::{Answers, CheckReport, Judge, evaluate};

/// The golden instance without a planned day.
fn golden() -> Golden {
    Golden { plan: Plan::default(), ..crate::golden::golden() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The golden instance with its file system mounted read-only: disk-space blocks.
fn read_only() -> Golden {
    let mut golden = golden();
    if let Reading::Learned(learned) = &mut golden.facts.disk {
        learned.facts.filesystems[0].read_only = true;
    }
    golden
}

fn judge(golden: &Golden) -> Report {
    let Golden { facts, target, catalog, policy, plan, now } = golden;
    Judge { catalog, policy, plan, now: *now }.judge(facts, target)
}

fn check<'a>(report: &'a Report, id: &str) -> &'a CheckReport {
    report.checks.iter().find(|check| check.id == id).unwrap()
}

fn texts(golden: &Golden, report: &Report) -> Vec<String> {
    remarks(&golden.facts, &[report], 0, golden.now).into_iter().map(|remark| remark.text).collect()
}

/// A waiver of the read-only file system, given on 30 November.
fn waiver() -> Waiver {
    Waiver {
        check: "disk-space".into(),
        subject: "/".into(),
        target: None,
        reason: "the purchase is on its way".into(),
        by: "Anna Muster".into(),
        given_at: at("2025-11-30T08:00:00Z"),
        until: date(2025, 12, 1),
        seen: "blocker: ext4 mounted read-only".into(),
    }
}

type Spoil = fn(&mut Golden, &mut Waiver);

/// What is done to the waiver, the verdict, what becomes of it, and a part of the remark, if there must be one.
type Row = (&'static str, Spoil, Verdict, Option<&'static str>, Option<&'static str>);

const WAIVED: [Row; 16] = [
    ("its last day is today", |_, _| (), Ready, None, None),
    (
        "it ended yesterday",
        |_, w| w.until = date(2025, 11, 30),
        Blocked,
        Some("the waiver of Anna Muster ended on 2025-11-30"),
        Some("ended on 2025-11-30, and what it was about is still there"),
    ),
    ("a moment before midnight", |g, _| g.now = at("2025-12-01T23:59:59Z"), Ready, None, None),
    (
        "midnight in UTC, whatever the clock on the wall says",
        |g, _| g.now = at("2025-12-02T00:00:00Z"),
        Blocked,
        Some("ended on 2025-12-01"),
        Some("ended on 2025-12-01"),
    ),
    (
        "the clock was set back to before it was given",
        |g, _| g.now = at("2025-11-10T00:00:00Z"),
        Ready,
        None,
        None,
    ),
    ("for this target", |_, w| w.target = Some("9.2.10".parse().unwrap()), Ready, None, None),
    (
        "for another target",
        |_, w| w.target = Some("10.2.1".parse().unwrap()),
        Blocked,
        None,
        Some("does nothing: 10.2.1 is not among the targets"),
    ),
    (
        "the fact has changed",
        |_, w| w.seen = "blocker: xfs mounted read-only".into(),
        Blocked,
        Some("is void because what it waived has changed: then it was \"blocker: xfs mounted read-only\""),
        Some("is void"),
    ),
    (
        "it was less grave",
        |_, w| w.seen = "warning: ext4 mounted read-only".into(),
        Blocked,
        Some("is void"),
        Some("is void"),
    ),
    ("nothing was seen", |_, w| w.seen = String::new(), Blocked, Some("is void"), Some("is void")),
    (
        "another subject",
        |_, w| w.subject = "/srv".into(),
        Blocked,
        None,
        Some("The waiver of Anna Muster for disk-space, /srv has nothing to settle"),
    ),
    ("another check", |_, w| w.check = "hardware".into(), Blocked, None, Some("nothing to settle")),
    (
        "a check of a newer agent",
        |_, w| w.check = "license-of-tomorrow".into(),
        Blocked,
        None,
        Some("this agent has no check license-of-tomorrow, a newer one may"),
    ),
    (
        "a check of which nobody may say anything",
        |_, w| w.check = "upgrade-interrupted".into(),
        Blocked,
        None,
        Some("cannot be waived"),
    ),
    (
        "it ended and there is nothing",
        |_, w| {
            w.subject = "/srv".into();
            w.until = date(2025, 1, 1);
        },
        Blocked,
        None,
        Some("ended on 2025-01-01, and nothing is left that it was about. It can be taken back."),
    ),
    (
        "its check cannot look",
        |g, _| g.facts.switch_off(crate::facts::Source::Disk),
        Verdict::Unknown,
        None,
        None,
    ),
];

#[test]
fn a_waiver_holds_for_what_it_waived_as_long_as_it_says() {
    for (name, spoil, verdict, lapsed, remark) in WAIVED {
        let (mut golden, mut waiver) = (read_only(), waiver());
        spoil(&mut golden, &mut waiver);
        golden.facts.memory.waivers = vec![waiver];
        let report = judge(&golden);
        let disk = check(&report, "disk-space");
        assert_eq!(disk.verdict, verdict, "{name}: {disk:#?}");
        let finding = disk.findings.iter().find(|dated| dated.finding.subject == "/");
        if verdict == Ready {
            let word = finding.unwrap().word.as_ref().unwrap();
            assert_eq!(
                (word.kind, word.by.as_str(), word.until),
                (WordKind::Waiver, "Anna Muster", date(2025, 12, 1))
            );
            assert_eq!(report.waived(), 1, "{name}");
            assert_eq!(first_end(&golden.facts, &[&report]), Some(date(2025, 12, 1)));
        } else {
            assert_eq!((report.waived(), first_end(&golden.facts, &[&report])), (0, None), "{name}");
        }
        let said = finding.and_then(|dated| dated.lapsed.as_deref());
        match lapsed {
            Some(part) => assert!(said.unwrap().contains(part), "{name}: {said:?}"),
            None => assert_eq!(said, None, "{name}"),
        }
        let texts = texts(&golden, &report);
        match remark {
            Some(part) => assert!(texts.len() == 1 && texts[0].contains(part), "{name}: {texts:#?}"),
            None => assert!(texts.is_empty(), "{name}: {texts:#?}"),
        }
    }
}

#[test]
fn of_several_words_the_latest_counts() {
    let later = |until, seen: &str| Waiver {
        given_at: at("2025-12-01T08:00:00Z"),
        until,
        seen: seen.into(),
        by: "Berta".into(),
        ..waiver()
    };
    let seen = waiver().seen;
    let rows = [
        (vec![waiver(), later(date(2026, 1, 1), &seen)], Verdict::Ready, Some("Berta")),
        (vec![later(date(2026, 1, 1), &seen), waiver()], Verdict::Ready, Some("Berta")),
        (vec![waiver(), later(date(2025, 11, 30), &seen)], Verdict::Blocked, None),
        (vec![waiver(), later(date(2026, 1, 1), "warning: else")], Verdict::Blocked, None),
        // The very same word twice.
        (vec![waiver(), waiver()], Verdict::Ready, Some("Anna Muster")),
        // A later one about another release says nothing about this one.
        (
            vec![
                waiver(),
                Waiver { target: Some("9.2.11".parse().unwrap()), ..later(date(2025, 11, 30), &seen) },
            ],
            Verdict::Ready,
            Some("Anna Muster"),
        ),
    ];
    for (number, (waivers, verdict, by)) in rows.into_iter().enumerate() {
        let mut golden = read_only();
        golden.facts.memory.waivers = waivers;
        let report = judge(&golden);
        let disk = check(&report, "disk-space");
        assert_eq!(disk.verdict, verdict, "row {number}");
        let word = disk.findings[0].word.as_ref();
        assert_eq!(word.map(|word| word.by.as_str()), by, "row {number}");
        let silent = texts(&golden, &report);
        assert!(silent.iter().all(|text| !text.contains("nothing to settle")), "row {number}: {silent:#?}");
    }
}

#[test]
fn a_word_may_be_used_by_one_target_and_not_by_another() {
    let mut golden = read_only();
    golden.facts.memory.waivers = vec![waiver()];
    let used = judge(&golden);
    let unused = Report { heard: Heard::new(), ..used.clone() };
    assert!(remarks(&golden.facts, &[&unused, &used], 0, golden.now).is_empty());
    assert_eq!(remarks(&golden.facts, &[&unused], 0, golden.now).len(), 1);
    golden.facts.memory.waivers[0].target = Some("10.2.1".parse().unwrap());
    let report = judge(&golden);
    assert!(
        remarks(&golden.facts, &[&report], 1, golden.now).is_empty(),
        "it may be the target nobody can resolve"
    );
    assert!(remarks(&golden.facts, &[], 0, golden.now).len() == 1);
}

#[test]
fn a_waiver_that_will_have_ended_on_the_planned_day_counts_again_then() {
    let mut golden = read_only();
    golden.facts.memory.waivers = vec![waiver()];
    for (day, verdict, holds_on) in [
        (date(2025, 12, 2), Verdict::Blocked, Some(date(2025, 12, 2))),
        (date(2025, 12, 1), Verdict::Ready, None),
    ] {
        golden.plan = Plan { day: Some(day), ..Plan::default() };
        let report = judge(&golden);
        let disk = check(&report, "disk-space");
        assert_eq!((disk.verdict, disk.findings.len()), (verdict, 1), "{disk:#?}");
        assert_eq!(disk.findings[0].holds_on, holds_on);
        assert_eq!(disk.findings[0].counts(), holds_on.is_some());
        assert!(texts(&golden, &report).is_empty(), "it holds today");
    }
    // And one whose finding only comes on the planned day is not useless.
    let mut golden = crate::golden::golden();
    golden.plan.day = Some(date(2028, 6, 1));
    let os = check(&judge(&golden), "operating-system").clone();
    let finding = &os.findings[0].finding;
    assert_eq!(os.verdict, Verdict::Warning);
    golden.facts.memory.waivers = vec![Waiver {
        check: os.id.into(),
        subject: finding.subject.clone(),
        until: date(2028, 6, 1),
        seen: finding.fingerprint(),
        ..waiver()
    }];
    let report = judge(&golden);
    let os = check(&report, "operating-system");
    assert_eq!((os.verdict, os.findings[0].counts()), (Verdict::Ready, false), "{os:#?}");
    assert!(texts(&golden, &report).is_empty());
}

/// What the checks below say; a function without surroundings cannot be told.
fn nothing_set_up(_: &Case<'_>) -> Result<Judgement, Undecided> {
    let how = "name them under [instance.backups]".to_owned();
    Err(Missing::NotConfigured { of: Source::Backups, what: "where the backups are".to_owned(), how }.into())
}

fn task(severity: Severity) -> Finding {
    Finding {
        severity,
        subject: "antivirus".into(),
        summary: "A scanner runs".into(),
        observed: "clamd".into(),
        required: "nothing".into(),
        remedy: "Switch it off.".into(),
    }
}

fn a_task() -> Judgement {
    Judgement::new("looked", vec![task(Severity::Blocker)])
}

fn a_task_and_a_gap(_: &Case<'_>) -> Result<Judgement, Undecided> {
    let missing = Missing::Unknown { what: "it needs".into(), how_to_answer: "look".into() };
    Err(Undecided::Partly { found: vec![task(Severity::Warning)], missing })
}

fn reads_backups(case: &Case<'_>) -> Result<Judgement, Undecided> {
    case.facts.backups()?;
    Ok(Judgement::ready("seen"))
}

fn reads_two(case: &Case<'_>) -> Result<Judgement, Undecided> {
    case.facts.backups()?;
    case.facts.database()?;
    Ok(Judgement::ready("seen"))
}

fn unread(_: &Case<'_>) -> Result<Judgement, Undecided> {
    Err(Missing::Unread { of: Source::Backups, what: "x".into(), why: "permission denied".into() }.into())
}

fn stub(people: People, rule: fn(&Case<'_>) -> Result<Judgement, Undecided>) -> Check {
    Check {
        id: "stub",
        title: "Stub",
        category: Category::Preparation,
        products: Products::All,
        reads: &[Source::Backups, Source::Database],
        people,
        about: crate::model::About::Target,
        explain: "",
        evaluate: rule,
    }
}

fn sign_off(subject: Option<&str>) -> SignOff {
    SignOff {
        check: "stub".into(),
        subject: subject.map(Into::into),
        target: None,
        reason: "restored on\n staging".into(),
        by: "Anna".into(),
        given_at: at("2025-11-30T08:00:00Z"),
        until: date(2025, 12, 1),
        seen: None,
    }
}

fn say(golden: &Golden, check: &Check) -> CheckReport {
    evaluate(
        check,
        &golden.case(),
        &Words::of(&golden.facts.memory),
        &mut Answers::default(),
        &mut Heard::new(),
    )
}

type Change<'a> = &'a dyn Fn(&mut Golden);

#[test]
fn a_sign_off_stands_in_for_what_is_not_set_up_and_for_nothing_that_fails() {
    use Verdict::{Unknown, Warning};
    let failure = || Failure { kind: FailureKind::Denied, message: "may not".into() };
    let asked = |golden: &Golden| crate::facts::Asked {
        at: golden.now,
        took: jiff::SignedDuration::ZERO,
        fresh_for: jiff::SignedDuration::from_hours(1),
    };
    let fails = |golden: &mut Golden, source| {
        let asked = asked(golden);
        golden.facts.fail(source, failure(), asked);
    };
    let signs = People::MaySignOff;
    let rows: [(&str, Check, Change<'_>, Verdict); 13] = [
        ("not configured", stub(signs, nothing_set_up), &|_| (), Ready),
        ("switched off", stub(signs, reads_backups), &|g| g.facts.switch_off(Source::Backups), Ready),
        ("unknown to the catalog, and a warning", stub(signs, a_task_and_a_gap), &|_| (), Warning),
        ("a check for waivers only", stub(People::MayWaive, nothing_set_up), &|_| (), Unknown),
        ("a check for nobody", stub(People::MaySayNothing, nothing_set_up), &|_| (), Unknown),
        ("failed", stub(signs, reads_backups), &|g| fails(g, Source::Backups), Unknown),
        (
            "stale",
            stub(signs, reads_backups),
            &|g| g.facts.taken_at += jiff::SignedDuration::from_hours(5),
            Unknown,
        ),
        ("pending", stub(signs, reads_backups), &|g| g.facts.backups = Reading::Pending, Unknown),
        (
            "one is off and hides that the other fails",
            stub(signs, reads_two),
            &|g| {
                g.facts.switch_off(Source::Backups);
                fails(g, Source::Database);
            },
            Unknown,
        ),
        ("not readable", stub(signs, unread), &|_| (), Unknown),
        ("broken", stub(signs, |_| panic!("a defect")), &|_| (), Unknown),
        (
            "it ended",
            stub(signs, nothing_set_up),
            &|g| g.facts.memory.sign_offs[0].until = date(2025, 11, 30),
            Unknown,
        ),
        (
            "for another target",
            stub(signs, nothing_set_up),
            &|g| g.facts.memory.sign_offs[0].target = Some("10.2.1".parse().unwrap()),
            Unknown,
        ),
    ];
    for (name, check, change, verdict) in rows {
        let mut golden = golden();
        golden.facts.memory.sign_offs = vec![sign_off(None)];
        change(&mut golden);
        let report = say(&golden, &check);
        assert_eq!(report.verdict, verdict, "{name}: {}", report.reason);
        if verdict == Unknown {
            assert_eq!(report.word, None, "{name}");
            assert_eq!(
                report.reason.contains("the sign-off of Anna ended on 2025-11-30"),
                name == "it ended",
                "{name}"
            );
        } else {
            let start = "signed off by Anna until 2025-12-01: restored on staging; the agent itself could not see it: ";
            assert!(report.reason.starts_with(start), "{name}: {}", report.reason);
        }
    }
    let mut golden = golden();
    golden.facts.memory.sign_offs = vec![sign_off(None)];
    let reason = say(&golden, &stub(signs, nothing_set_up)).reason;
    assert!(
        reason.contains("where the backups are is not in the configuration; name them under"),
        "{reason}"
    );
}

#[test]
fn a_task_is_settled_by_a_sign_off_of_its_subject() {
    let rows = [
        ("its subject", People::MaySignOff, sign_off(Some("antivirus")), Ready),
        ("the whole check is no finding", People::MaySignOff, sign_off(None), Blocked),
        ("another subject", People::MaySignOff, sign_off(Some("else")), Blocked),
        ("no task", People::MayWaive, sign_off(Some("antivirus")), Blocked),
        ("nobody may", People::MaySayNothing, sign_off(Some("antivirus")), Blocked),
        (
            "it ended",
            People::MaySignOff,
            SignOff { until: date(2025, 11, 30), ..sign_off(Some("antivirus")) },
            Blocked,
        ),
    ];
    for (name, people, word, verdict) in rows {
        let mut golden = golden();
        golden.facts.memory.sign_offs = vec![word];
        let report = say(&golden, &stub(people, |_| Ok(a_task())));
        assert_eq!(report.verdict, verdict, "{name}");
        let kind = report.findings[0].word.as_ref().map(|word| word.kind);
        assert_eq!(kind, (verdict == Ready).then_some(WordKind::SignOff), "{name}");
    }
}

#[test]
fn a_waiver_and_a_sign_off_of_the_same_task_are_two_words_of_which_the_later_counts() {
    let mut golden = golden();
    let waiver = Waiver {
        check: "stub".into(),
        subject: "antivirus".into(),
        seen: "blocker: clamd".into(),
        ..waiver()
    };
    golden.facts.memory.sign_offs = vec![sign_off(Some("antivirus"))];
    for (given_at, expected) in
        [("2025-11-30T07:00:00Z", WordKind::SignOff), ("2025-11-30T09:00:00Z", WordKind::Waiver)]
    {
        golden.facts.memory.waivers = vec![Waiver { given_at: at(given_at), ..waiver.clone() }];
        let report = say(&golden, &stub(People::MaySignOff, |_| Ok(a_task())));
        assert_eq!(report.findings[0].word.as_ref().unwrap().kind, expected);
    }
    // A word that may not be said does not hide one that may.
    golden.facts.memory.waivers = vec![Waiver { given_at: at("2025-11-01T00:00:00Z"), ..waiver }];
    let report = say(&golden, &stub(People::MayWaive, |_| Ok(a_task())));
    assert_eq!(report.findings[0].word.as_ref().unwrap().kind, WordKind::Waiver);
}

#[test]
fn a_sign_off_where_none_can_be_is_said() {
    let mut golden = golden();
    golden.facts.memory.sign_offs = vec![SignOff { check: "disk-space".into(), ..sign_off(None) }];
    let report = judge(&golden);
    let texts = texts(&golden, &report);
    assert!(texts[0].contains("no task that could be signed off"), "{texts:#?}");
}

#[test]
fn what_blocks_only_since_it_was_signed_off_is_not_settled() {
    let with = |seen: &str| SignOff { seen: Some(seen.to_owned()), ..sign_off(Some("antivirus")) };
    let rows = [
        ("it blocked then", "blocker: clamd", Severity::Blocker, Ready),
        ("it was less grave", "warning: clamd", Severity::Blocker, Blocked),
        ("it was worth knowing", "notice: clamd", Severity::Blocker, Blocked),
        ("nothing was seen", "", Severity::Blocker, Blocked),
        ("the night has come, and somebody has asked before", "notice: clamd", Severity::Warning, Ready),
        ("something is left of it", "warning: clamd, freshclam", Severity::Warning, Ready),
    ];
    for (name, seen, severity, verdict) in rows {
        let mut golden = golden();
        golden.facts.memory.sign_offs = vec![with(seen)];
        let check = match severity {
            Severity::Blocker => stub(People::MaySignOff, |_| Ok(a_task())),
            _ => stub(People::MaySignOff, |_| {
                Ok(Judgement::new("one".to_owned(), vec![task(Severity::Warning)]))
            }),
        };
        let report = say(&golden, &check);
        assert_eq!(report.verdict, verdict, "{name}");
        let lapsed = report.findings[0].lapsed.clone().unwrap_or_default();
        assert_eq!(
            lapsed.contains("the sign-off of Anna is void because what it settled has begun to block"),
            verdict == Blocked,
            "{name}: {lapsed}"
        );
    }
}
