//! Is anybody but the product connected to its database when the upgrade begins?

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::sql;
use super::units::in_days;
use super::wording::{excerpt, first_few};
use crate::facts::{Database, Engine, Family, Missing, Sessions, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-sessions",
    title: "Nobody else in the database",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Database],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Who is connected to the product's database apart from the agent: account, host and, on PostgreSQL, the name the program \
gives itself. Connections of the product's own account from the host the agent runs on are the product's; in a cluster, \
those from other hosts are its other nodes. Where nobody is connected to a database of a WSO2 Carbon product, the agent \
looks three times in a row: pools of connections fill again.

## Why it matters

An upgrade changes tables, and waits for everybody who reads or locks them. Reports, backup jobs, forgotten consoles, and \
above all a second server on the same database can stop it half-way or damage data.

On the planned day, and from an hour before the planned start, others in the database warn. In the days before, or when \
no day is planned, they are noted, so that they can be asked in time. Longer before, they are only named.

## How to fix it

Stop the programs the finding names, or agree with their owners that they pause. Look again with \
`agent refresh --source database`. Sign off what is known and harmless.

## What it needs

PostgreSQL: sessions of other accounts are shown with `GRANT pg_read_all_stats TO readiness;`. MySQL and MariaDB: \
`GRANT PROCESS ON *.* TO 'readiness'@'localhost';`. Without it the agent cannot know who else is there: it says so in the \
evidence, and is unknown from `sessions_notice_days` before the planned day on. SQL \
Server and Oracle cannot be asked by this agent.

## Settings

`sessions_notice_days`: from how many days before the planned day on others are noted.
";

/// How long before its start an upgrade's night begins.
const BEFORE_START: SignedDuration = SignedDuration::from_hours(1);

/// How long a night is when no downtime is planned.
const USUAL_DOWNTIME: SignedDuration = SignedDuration::from_hours(4);

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let database = case.facts.database()?;
    if database.engine.is_embedded() {
        let reason = format!("{} is embedded: nobody else can connect", database.engine.name());
        return Err(Undecided::DoesNotApply(reason));
    }
    let sessions = database.sessions.read(Source::Database, "who is connected");
    let sessions = sessions.map_err(|missing| sql::ask(missing, by_hand(database.engine)))?;
    // A cluster's nodes connect with the same account; what is not known to be one is somebody else.
    let is_cluster = case.facts.installation().is_ok_and(|installation| installation.cluster.is_some());
    let others = others(database, sessions, is_cluster);
    let names: Vec<String> = others.keys().map(|(account, host)| format!("{account} from {host}")).collect();
    let list = first_few(names.iter().map(String::as_str), names.len() as u64);
    let when = When::of(case);
    let hidden = not_seen(sessions);
    let evidence = match (names.is_empty(), when) {
        (true, _) if hidden.is_some() => {
            format!("nobody but {} is seen at {}", database.account, database.address)
        }
        (true, _) => format!("nobody but {} is connected to {}", database.account, database.address),
        (false, When::Later(day, days)) => {
            format!("the upgrade is planned for {day}, {}; connected now: {list}", in_days(days))
        }
        (false, When::Unplanned | When::Soon(..) | When::Night) => format!("connected: {list}"),
    };
    let found = others.iter().filter_map(|((account, host), programs)| {
        let severity = match when {
            When::Later(..) => return None,
            When::Unplanned | When::Soon(..) => Severity::Notice,
            When::Night => Severity::Warning,
        };
        Some(finding(database, severity, account, host, programs))
    });
    let found = found.collect();
    match (hidden, when) {
        // Who is connected weeks before the night decides nothing; that not all are seen is said all the same.
        (Some(why), When::Later(..) | When::Unplanned) => {
            conclude(format!("{evidence}; not everybody is seen: {why}"), found, Vec::new())
        }
        (Some(why), When::Soon(..) | When::Night) => conclude(evidence, found, vec![unseen(why)]),
        (None, When::Night) if too_few_looks(case, sessions) => {
            let why = format!(
                "nobody was seen, but the pools of connections of a Carbon server fill again: it takes {} looks in a row; \
                 agent refresh --source database",
                Sessions::ENOUGH_LOOKS
            );
            conclude(evidence, found, vec![unseen(why)])
        }
        (None, _) => conclude(evidence, found, Vec::new()),
    }
}

/// Nobody was seen, and not often enough to believe it.
fn too_few_looks(case: &Case<'_>, sessions: &Sessions) -> bool {
    let refills = match case.facts.product.family() {
        Family::Confluence => false,
        Family::Carbon => true,
    };
    refills && sessions.count == 0 && sessions.looks < Sessions::ENOUGH_LOOKS
}

/// How far away the upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Unplanned,
    Later(Date, i64),
    Soon(Date, i64),
    Night,
}

impl When {
    /// Sessions come and go, so what counts is when they were seen and not the day that is judged.
    fn of(case: &Case<'_>) -> Self {
        let plan = case.plan;
        let seen_at = case.facts.taken_at;
        if let Some(starts_at) = plan.starts_at {
            let downtime = plan.downtime.unwrap_or(USUAL_DOWNTIME);
            let into = seen_at.duration_since(starts_at);
            if -BEFORE_START <= into && into <= downtime {
                return Self::Night;
            }
        }
        let Some(day) = plan.day else { return Self::Unplanned };
        let offset = SignedDuration::from_secs(i64::from(plan.utc_offset_seconds));
        let local = seen_at.checked_add(offset).unwrap_or(seen_at);
        let days = i64::from((day - TimeZone::UTC.to_datetime(local).date()).get_days());
        match days {
            0 => Self::Night,
            1.. if days <= i64::from(case.policy.sessions_notice_days) => Self::Soon(day, days),
            1.. => Self::Later(day, days),
            ..0 => Self::Unplanned,
        }
    }
}

/// Programs of each account and host that is not the product's.
fn others<'a>(
    database: &Database,
    sessions: &'a Sessions,
    is_cluster: bool,
) -> BTreeMap<(&'a str, &'a str), BTreeSet<String>> {
    let mut others: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for group in &sessions.groups {
        let is_own = group.account == database.account && (is_cluster || group.host == sessions.agent_host);
        if !is_own {
            let programs = others.entry((group.account.as_str(), group.host.as_str())).or_default();
            programs.extend(group.program.as_deref().map(without_numbers));
        }
    }
    others
}

/// Programs put process ids into their names; a finding must not change with them.
fn without_numbers(program: &str) -> String {
    let mut text = String::new();
    let mut digits = String::new();
    for c in excerpt(program).chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        text.push_str(if digits.len() > 2 { "…" } else { &digits });
        digits.clear();
        if c != '\0' {
            text.push(c);
        }
    }
    text
}

/// Why not everybody is seen, when it is so.
fn not_seen(sessions: &Sessions) -> Option<String> {
    let listed: u64 = sessions.groups.iter().map(|group| group.count).sum();
    let unlisted = (listed < sessions.count).then(|| {
        format!("there are more than {} kinds of connections, and the rest is not listed", Sessions::MOST)
    });
    let reasons: Vec<String> = sessions.hidden.clone().into_iter().chain(unlisted).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn unseen(why: String) -> Missing {
    Missing::Unread { of: Source::Database, what: "who else is connected".to_owned(), why }
}

fn finding(
    database: &Database,
    severity: Severity,
    account: &str,
    host: &str,
    programs: &BTreeSet<String>,
) -> Finding {
    let from = if host == Sessions::LOCAL { "the database server itself" } else { host };
    let Database { engine, address, account: own, .. } = database;
    let summary = if account == own {
        format!("the product's account {account} is also connected from {from}")
    } else {
        format!("{account} is connected from {from}")
    };
    let remedy = match engine {
        Engine::Mysql | Engine::Mariadb => format!(
            "Find out what it is: SHOW FULL PROCESSLIST; Stop the program before the upgrade, or end the connections of \
             {account} with KILL and their Id."
        ),
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => format!(
            "Find out what it is: SELECT pid, client_addr, application_name, state, query_start FROM pg_stat_activity WHERE \
             datname = current_database() AND usename = {}; Stop the program before the upgrade, or end its connections \
             with SELECT pg_terminate_backend(<pid>);",
            sql::text(account)
        ),
    };
    Finding {
        severity,
        subject: format!("{account}@{host}"),
        summary,
        observed: if programs.is_empty() {
            format!("connected to {address}")
        } else {
            first_few(programs.iter().map(String::as_str), programs.len() as u64)
        },
        required: format!("nobody but {own} of the product's own servers while the upgrade runs"),
        remedy,
    }
}

fn by_hand(engine: Engine) -> &'static str {
    match engine {
        Engine::SqlServer => {
            "SELECT login_name, host_name, program_name FROM sys.dm_exec_sessions WHERE database_id = DB_ID()"
        }
        Engine::Oracle => "SELECT username, machine, program FROM v$session WHERE type = 'USER'",
        Engine::Mysql | Engine::Mariadb => "SHOW FULL PROCESSLIST",
        Engine::Postgresql | Engine::H2 | Engine::Hsqldb => {
            "SELECT usename, client_addr, application_name FROM pg_stat_activity WHERE datname = current_database()"
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::facts::{Cluster, SessionGroup};
    use crate::golden::{Golden, golden, golden_carbon};
    use crate::model::Verdict::{Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{
        Spoil, database, installation, judges_spoilt, judges_spoilt_from, look, read, unread,
    };

    fn add(golden: &mut Golden, account: &str, host: &str, program: &str) {
        let sessions = read(&mut database(golden).sessions);
        let program = Some(program.to_owned()).filter(|program| !program.is_empty());
        sessions.groups.push(SessionGroup { account: account.into(), host: host.into(), program, count: 2 });
        sessions.count += 2;
    }

    fn report(golden: &mut Golden) {
        add(golden, "reports", "10.9.9.9", "psql");
    }

    fn report_with_day(golden: &mut Golden, day: i8) {
        report(golden);
        golden.plan.day = Some(date(2025, 12, day));
    }

    const WHO: &str = "reports@10.9.9.9";

    #[test]
    fn nobody_is_nobody_of_a_carbon_product_only_after_several_looks() {
        fn nobody(golden: &mut Golden, looks: u32, day: i8) {
            golden.plan.day = Some(date(2025, 12, day));
            *read(&mut database(golden).sessions) = Sessions { looks, ..Sessions::default() };
        }
        let rows: &[Spoil] = &[
            ("an older agent", |g| nobody(g, 0, 1), Unknown, &[]),
            ("one look", |g| nobody(g, 1, 1), Unknown, &[]),
            ("two looks", |g| nobody(g, 2, 1), Unknown, &[]),
            ("three looks", |g| nobody(g, 3, 1), Ready, &[]),
            ("one look, long before", |g| nobody(g, 1, 20), Ready, &[]),
        ];
        judges_spoilt_from(&CHECK, golden_carbon, rows);
        judges_spoilt(&CHECK, &[("Confluence is known to be stopped", |g| nobody(g, 1, 1), Ready, &[])]);
    }

    #[test]
    fn others_matter_on_the_night() {
        use Severity::Notice;
        const WARNED: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("nobody at all", |g| *read(&mut database(g).sessions) = Sessions::default(), Ready, &[]),
            ("no plan", report, Ready, &[(Notice, WHO)]),
            ("long before", |g| report_with_day(g, 9), Ready, &[]),
            ("soon", |g| report_with_day(g, 8), Ready, &[(Notice, WHO)]),
            (
                "the operator's days",
                |g| {
                    report_with_day(g, 8);
                    g.policy.sessions_notice_days = 6;
                },
                Ready,
                &[],
            ),
            ("on the day", |g| report_with_day(g, 1), Warning, &[(WARNED, WHO)]),
            (
                "on the day of the operator, which is tomorrow in UTC",
                |g| {
                    report_with_day(g, 2);
                    g.plan.utc_offset_seconds = 5 * 3600;
                },
                Warning,
                &[(WARNED, WHO)],
            ),
            (
                "judged for the day, seen long before",
                |g| {
                    report_with_day(g, 20);
                    g.now = "2025-12-20T20:00:00Z".parse().unwrap();
                },
                Ready,
                &[],
            ),
            (
                "an hour before midnight",
                |g| {
                    report_with_day(g, 2);
                    g.plan.starts_at = Some("2025-12-01T21:00:00Z".parse().unwrap());
                },
                Warning,
                &[(WARNED, WHO)],
            ),
            (
                "more than an hour before",
                |g| {
                    report_with_day(g, 2);
                    g.plan.starts_at = Some("2025-12-01T21:00:01Z".parse().unwrap());
                },
                Ready,
                &[(Notice, WHO)],
            ),
            (
                "within the downtime, after midnight",
                |g| {
                    report(g);
                    g.plan.day = Some(date(2025, 11, 30));
                    g.plan.starts_at = Some("2025-12-01T15:00:00Z".parse().unwrap());
                    g.plan.downtime = Some(SignedDuration::from_hours(5));
                },
                Warning,
                &[(WARNED, WHO)],
            ),
            (
                "the day has passed",
                |g| {
                    report(g);
                    g.plan.day = Some(date(2025, 11, 30));
                },
                Ready,
                &[(Notice, WHO)],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn who_is_not_shown_may_be_anybody() {
        let rows: &[Spoil] = &[
            (
                "the same account elsewhere",
                |g| add(g, "confluence", "10.20.0.6", ""),
                Ready,
                &[(Severity::Notice, "confluence@10.20.0.6")],
            ),
            (
                "another node",
                |g| {
                    add(g, "confluence", "10.20.0.6", "");
                    installation(g).cluster = Some(Cluster { name: None, node: None, shared_home_dir: None });
                },
                Ready,
                &[],
            ),
            ("some are hidden, no plan", |g| hide(g, None), Ready, &[]),
            ("some are hidden long before", |g| hide(g, Some(9)), Ready, &[]),
            ("some are hidden soon", |g| hide(g, Some(8)), Unknown, &[]),
            ("some are hidden on the day", |g| hide(g, Some(1)), Unknown, &[]),
            (
                "some are hidden, some are seen",
                |g| {
                    report_with_day(g, 1);
                    read(&mut database(g).sessions).hidden = Some("GRANT PROCESS".into());
                },
                Unknown,
                &[(Severity::Warning, WHO)],
            ),
            (
                "some are not listed",
                |g| {
                    g.plan.day = Some(date(2025, 12, 1));
                    read(&mut database(g).sessions).count = 5000;
                },
                Unknown,
                &[],
            ),
            ("unread", |g| database(g).sessions = unread(), Unknown, &[]),
            ("embedded", |g| database(g).engine = Engine::H2, Skipped, &[]),
            ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    fn hide(golden: &mut Golden, day: Option<i8>) {
        golden.plan.day = day.map(|day| date(2025, 12, day));
        read(&mut database(golden).sessions).hidden = Some("GRANT PROCESS ON *.* TO x".into());
    }

    #[test]
    fn nobody_is_said_to_be_gone_whom_one_cannot_see() {
        let mut golden = golden();
        hide(&mut golden, None);
        let reason = look(&CHECK, &golden).reason;
        assert!(reason.contains("is seen at") && reason.contains("GRANT PROCESS"), "{reason}");
        assert!(!reason.contains("is connected to"), "{reason}");
    }

    #[test]
    fn programs_are_named_and_nothing_ticks() {
        let say = |program: &str, count| {
            let mut golden = golden();
            add(&mut golden, "o'brien", "localhost", program);
            read(&mut database(&mut golden).sessions).groups[1].count = count;
            read(&mut database(&mut golden).sessions).count = 20 + count;
            look(&CHECK, &golden).text()
        };
        let text = say("pgAdmin 4 - CONN:8154321", 1);
        assert_eq!(text, say("pgAdmin 4 - CONN:123", 7));
        for part in ["pgAdmin 4 - CONN:…", "from the database server itself", "usename = 'o''brien'"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let mut golden = golden();
        database(&mut golden).engine = Engine::SqlServer;
        database(&mut golden).sessions = unread();
        assert!(look(&CHECK, &golden).reason.contains("sys.dm_exec_sessions"));
    }
}
