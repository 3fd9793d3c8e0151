//! What the tables of several rules share: spoiling one golden fact, and looking at what a rule says.

use std::collections::BTreeSet;

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalog::Catalog;
use crate::facts::{
    Application, Backup, BackupKind, BackupSet, Backups, CarbonHome, Contents, Custom, Database,
    DatabaseConfig, Disk, Field, Host, Installation, Integrity, Java, License, LicenseTerms, LicenseText,
    Plugins, Prepared, Reading, Rehearsal, ServiceProcess, Traffic,
};
use crate::golden::{Golden, golden};
use crate::model::{Check, Finding, Judgement, Severity, Undecided, Verdict};

/// What a rule said, as far as rows compare it.
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    /// Evidence, what is missing, or why it does not apply.
    pub(super) reason: String,
    pub(super) findings: Vec<Finding>,
}

impl Seen {
    /// Severity and subject of every finding, in the order the rule gave them.
    pub(super) fn found(&self) -> Vec<(Severity, &str)> {
        self.findings.iter().map(|finding| (finding.severity, finding.subject.as_str())).collect()
    }

    /// Everything a person would read.
    pub(super) fn text(&self) -> String {
        format!("{}\n{:#?}", self.reason, self.findings)
    }
}

/// Runs a rule, and makes sure that what it says has the form every finding must have.
pub(super) fn look(check: &Check, golden: &Golden) -> Seen {
    let outcome = (check.evaluate)(&golden.case());
    let (verdict, reason, findings) = match outcome {
        Ok(Judgement { evidence, findings }) => (Verdict::of_findings(&findings), evidence, findings),
        Err(Undecided::Missing(missing)) => (Verdict::Unknown, missing.to_string(), Vec::new()),
        Err(Undecided::DoesNotApply(reason)) => (Verdict::Skipped, reason, Vec::new()),
        Err(Undecided::Partly { found, missing }) => {
            let blocked = Verdict::of_findings(&found) == Verdict::Blocked;
            let verdict = if blocked { Verdict::Blocked } else { Verdict::Unknown };
            (verdict, missing.to_string(), found)
        }
    };
    assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
    let subjects: BTreeSet<&str> = findings.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects.len(), findings.len(), "subjects identify findings: {findings:#?}");
    for finding in &findings {
        let Finding { subject, summary, observed, required, remedy, .. } = finding;
        for text in [subject, summary, observed, required, remedy] {
            assert!(!text.trim().is_empty(), "{finding:#?}");
        }
        assert!(!summary.ends_with('.') && !summary.contains('\n'), "{summary}");
        assert!(remedy.ends_with(['.', ';']), "{remedy}");
    }
    Seen { verdict, reason, findings }
}

/// A case, and what the rule must say of it.
pub(super) type Row = (Golden, Verdict, &'static [(Severity, &'static str)]);

/// What to spoil of the golden case, and what the rule must say then.
pub(super) type Spoil = (&'static str, fn(&mut Golden), Verdict, &'static [(Severity, &'static str)]);

/// Runs a rule on each row of a table.
pub(super) fn judges(check: &Check, rows: Vec<Row>) {
    for (row, (golden, verdict, found)) in rows.into_iter().enumerate() {
        expect(check, &golden, verdict, found, &format!("row {row}"));
    }
}

/// Runs a rule on the golden case, spoilt as each row says.
pub(super) fn judges_spoilt(check: &Check, rows: &[Spoil]) {
    judges_spoilt_from(check, golden, rows);
}

/// The same for another start than the golden case.
pub(super) fn judges_spoilt_from(check: &Check, start: fn() -> Golden, rows: &[Spoil]) {
    for (name, spoil, verdict, found) in rows {
        let mut golden = start();
        spoil(&mut golden);
        expect(check, &golden, *verdict, found, name);
    }
}

fn expect(check: &Check, golden: &Golden, verdict: Verdict, found: &[(Severity, &str)], name: &str) {
    let seen = look(check, golden);
    assert_eq!((seen.verdict, seen.found().as_slice()), (verdict, found), "{name}: {}", seen.text());
}

/// Facts of a source of the golden instance, to be spoiled.
fn facts<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Learned(learned) => &mut learned.facts,
        Reading::Pending | Reading::Off | Reading::Failed { .. } => panic!("the golden instance has them"),
    }
}

pub(super) fn database(golden: &mut Golden) -> &mut Database {
    facts(&mut golden.facts.database).as_mut()
}

pub(super) fn installation(golden: &mut Golden) -> &mut Installation {
    facts(&mut golden.facts.installation).as_mut()
}

/// The running home of the golden Carbon instance.
pub(super) fn carbon(golden: &mut Golden) -> &mut CarbonHome {
    installation(golden).carbon.as_mut().expect("the golden Carbon instance has a home")
}

/// The new home beside that of the golden Carbon instance.
pub(super) fn prepared(golden: &mut Golden) -> &mut Prepared {
    read(rehearsal(golden).prepared.as_mut().expect("the golden Carbon instance has one")).as_mut()
}

pub(super) fn config(golden: &mut Golden) -> &mut DatabaseConfig {
    read(&mut installation(golden).database)
}

pub(super) fn plugins(golden: &mut Golden) -> &mut Plugins {
    facts(&mut golden.facts.plugins)
}

pub(super) fn application(golden: &mut Golden) -> &mut Application {
    facts(&mut golden.facts.application)
}

/// A value of the golden instance, to be spoiled.
pub(super) fn read<T>(field: &mut Field<T>) -> &mut T {
    match field {
        Field::Read(value) => value,
        Field::Unread(why) => panic!("the golden instance has it: {why}"),
    }
}

/// A value that could not be read.
pub(super) fn unread<T>() -> Field<T> {
    Field::Unread("permission denied".into())
}

/// The golden instance on the evening of the day so many days after `day`.
pub(super) fn days_after(day: Date, days: i64) -> Golden {
    let day = day.checked_add(Span::new().days(days)).unwrap();
    let now = day.at(20, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    Golden { now, ..golden() }
}

pub(super) fn host(golden: &mut Golden) -> &mut Host {
    facts(&mut golden.facts.host)
}

pub(super) fn service(golden: &mut Golden) -> &mut ServiceProcess {
    read(&mut host(golden).service).as_mut().expect("the golden instance runs")
}

pub(super) fn disk(golden: &mut Golden) -> &mut Disk {
    facts(&mut golden.facts.disk)
}

pub(super) fn custom(golden: &mut Golden) -> &mut Custom {
    facts(&mut golden.facts.custom)
}

pub(super) fn rehearsal(golden: &mut Golden) -> &mut Rehearsal {
    facts(&mut golden.facts.rehearsal)
}

pub(super) fn java(golden: &mut Golden) -> &mut Java {
    facts(&mut golden.facts.java)
}

pub(super) fn traffic(golden: &mut Golden) -> &mut Traffic {
    facts(&mut golden.facts.traffic)
}

pub(super) fn license(golden: &mut Golden) -> &mut License {
    facts(&mut golden.facts.license)
}

pub(super) fn terms(golden: &mut Golden) -> &mut LicenseTerms {
    match &mut license(golden).text {
        LicenseText::Terms(terms) => terms,
        LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => panic!("the golden licence"),
    }
}

/// A catalog that knows the golden target and what stands in `entries`, and nothing else.
pub(super) fn catalog(entries: &str) -> Catalog {
    let head = "product = 'confluence'\ncollected_on = '2025-11-20'\n\
                [[line]]\nline = '9.2'\nreleases = [{ version = '9.2.10' }]\n";
    let platforms = "collected_on = '2025-11-20'\n[[platform]]\nid = 'postgresql'\nname = 'PostgreSQL'\n\
                     cycles = [{ cycle = '16', end_of_life = '2028-11-09' }, { cycle = '15' },\
                     { cycle = '13', end_of_life = '2025-11-13', extended_end = '2026-11-13' }]";
    Catalog::parse(&format!("{head}{entries}"), platforms).unwrap()
}

pub(super) fn backups(golden: &mut Golden) -> &mut Backups {
    facts(&mut golden.facts.backups)
}

pub(super) fn backup_set(golden: &mut Golden, kind: BackupKind) -> &mut BackupSet {
    backups(golden).sets.iter_mut().find(|set| set.kind == kind).expect("the golden instance has every kind")
}

/// The newest backup of a kind.
pub(super) fn newest(golden: &mut Golden, kind: BackupKind) -> &mut Backup {
    read(&mut backup_set(golden, kind).backups).first_mut().expect("the golden instance has backups")
}

/// What the newest backup of a kind holds.
pub(super) fn contents(golden: &mut Golden, kind: BackupKind) -> &mut Contents {
    match read(&mut newest(golden, kind).integrity) {
        Integrity::Whole(contents) => contents,
        Integrity::Damaged(why) => panic!("the golden backups are whole: {why}"),
    }
}
