//! A run book with every block and every state in it, made by hand.

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::catalog::{Confidence, Ground, Jump, RollingRule};
use upgrade_readiness_checks::facts::{Engine, Product, StepMark, StepState};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::plan::book::{
    Block, Book, Estimate, Open, Proof, Section, SectionKind, Shell, Step, StopReport,
};
use upgrade_readiness_checks::plan::way::{Change, Doubt, Method, NoWay, Part, Stop, Way};
use upgrade_readiness_checks::report::Blocks;
use upgrade_readiness_checks::version::ProductVersion;

pub(super) fn book() -> Book {
    Book {
        instance: "wiki".into(),
        product: Product::Confluence,
        running: version("8.5.4"),
        target: version("10.2.14"),
        method: Method::Archive,
        made_for: vec![
            ("host".into(), "wiki.example.com".into()),
            ("installation".into(), "/opt/atlassian/confluence".into()),
            ("home".into(), "/var/atlassian/application-data/confluence".into()),
            ("database".into(), "PostgreSQL 13.4 at db.example.com:5432/confluence".into()),
        ],
        not_seen: vec!["SERVICE_USER is the user the service runs under, which could not be seen".into()],
        facts_of: at("2026-11-28T12:00:00Z"),
        planned_for: Some(date(2027, 1, 20)),
        verdict: Verdict::Blocked,
        blocks: Some(Blocks { day: date(2026, 12, 11), check: "license-valid", subject: "expiry".into() }),
        way: Ok(way()),
        stops: stops(),
        sections: vec![preparation(), staging(), production(), verification(), way_back()],
        downtime: Some(estimate(155, "production.stop to verification.open, as on staging on 2026-11-20")),
        since_staging: Some(vec![
            "the plug-in com.example.gantt is 4.1.0 here and 4.0.0 on staging".into(),
            "8.5.32 was upgraded to on staging on 2026-11-20, 8 days before these facts".into(),
        ]),
        marks_elsewhere: vec![StepMark {
            step: "production.8.5.32.run-installer".into(),
            ..mark(StepState::Done, "Berta Beispiel", Some(12), Some("before the method was changed"))
        }],
    }
}

/// The same when there is no way, and little is known.
pub(super) fn bare() -> Book {
    Book {
        made_for: Vec::new(),
        planned_for: None,
        verdict: Verdict::Unknown,
        blocks: None,
        way: Err(NoWay {
            because: vec!["no release supports Java 8 and PostgreSQL 16 together".into()],
            unless: vec!["Java 17 is installed".into(), "PostgreSQL 13 is kept".into()],
            together: false,
        }),
        stops: vec![StopReport {
            version: version("10.2.14"),
            verdict: Verdict::Ready,
            findings: Vec::new(),
            unknown: Vec::new(),
        }],
        sections: Vec::new(),
        downtime: None,
        since_staging: None,
        marks_elsewhere: Vec::new(),
        ..book()
    }
}

/// The same with this text wherever a text can stand.
pub(super) fn hostile(text: &'static str) -> Book {
    let own = || text.to_owned();
    let mut book = book();
    book.instance = own();
    for (name, value) in &mut book.made_for {
        (*name, *value) = (own(), own());
    }
    if let Some(blocks) = &mut book.blocks {
        (blocks.check, blocks.subject) = (text, own());
    }
    let way = book.way.as_mut().unwrap();
    way.unseen = vec![own()];
    let spoil_changes = |changes: &mut Vec<Change>| {
        for change in changes {
            (change.from, change.to) = (own(), own());
        }
    };
    spoil_changes(&mut way.before);
    for stop in &mut way.stops {
        spoil_changes(&mut stop.with_jump);
        spoil_changes(&mut stop.then);
        match &mut stop.jump {
            Jump::Direct(ground) | Jump::Refused(ground) => {
                (ground.because, ground.page) = (own(), Some(own()));
            }
            Jump::NotKnown(page) => *page = Some(own()),
        }
        if let Some(rule) = &mut stop.rolling {
            (rule.because, rule.page) = (own(), own());
        }
        for doubt in &mut stop.doubts {
            (doubt.value, doubt.known, doubt.page) = (own(), vec![own(), own()], Some(own()));
        }
    }
    for stop in &mut book.stops {
        for (_, check, summary) in &mut stop.findings {
            (*check, *summary) = (text, own());
        }
        for (check, reason) in &mut stop.unknown {
            (*check, *reason) = (text, own());
        }
    }
    book.downtime = Some(estimate(1, text));
    book.since_staging = Some(vec![own()]);
    for mark in &mut book.marks_elsewhere {
        spoil_mark(mark, text);
    }
    for section in &mut book.sections {
        section.title = own();
        spoil_blocks(&mut section.intro, text);
        for step in &mut section.steps {
            (step.id, step.title, step.time) = (own(), own(), Some(estimate(1, text)));
            spoil_blocks(&mut step.blocks, text);
            for proof in &mut step.proofs {
                (proof.check, proof.title, proof.evidence) = (text, text, own());
            }
            for open in &mut step.open {
                (open.check, open.subject, open.settled_by) = (text, own(), Some(own()));
                (open.summary, open.observed, open.required, open.remedy) = (own(), own(), own(), own());
            }
            if let Some(mark) = &mut step.mark {
                spoil_mark(mark, text);
            }
        }
    }
    book
}

/// A book without a way, spoiled in the same manner.
pub(super) fn hostile_without_way(text: &'static str) -> Book {
    let no_way = NoWay { because: vec![text.into()], unless: vec![text.into()], together: true };
    Book { way: Err(no_way), ..hostile(text) }
}

fn spoil_mark(mark: &mut StepMark, text: &str) {
    (mark.step, mark.by, mark.note) = (text.to_owned(), text.to_owned(), Some(text.to_owned()));
}

fn spoil_blocks(blocks: &mut [Block], text: &str) {
    for block in blocks {
        match block {
            Block::Text(own) | Block::Caution(own) => text.clone_into(own),
            Block::List(items) => items.fill(text.to_owned()),
            Block::Commands { place, lines, .. } => {
                text.clone_into(place);
                lines.fill(text.to_owned());
            }
            Block::Table { head, rows } => {
                head.fill(text.to_owned());
                for row in rows {
                    row.fill(text.to_owned());
                }
            }
        }
    }
}

fn way() -> Way {
    let page = || Some("https://confluence.atlassian.com/doc/upgrading-confluence-4578.html".to_owned());
    let ground = |confidence, because: &str| Ground { confidence, because: because.into(), page: page() };
    Way {
        from: version("8.5.4"),
        before: vec![change(Part::Database(Engine::Postgresql), "13.4", "14")],
        stops: vec![
            Stop {
                version: version("8.5.32"),
                long_term_support: true,
                jump: Jump::Direct(ground(Confidence::Confirmed, "a bug-fix release of the same line")),
                rolling: Some(rolling(true, "a bug-fix release of the same line")),
                with_jump: Vec::new(),
                then: vec![change(Part::OperatingSystem, "debian 11", "debian 12")],
                doubts: Vec::new(),
            },
            Stop {
                version: version("9.2.10"),
                long_term_support: true,
                jump: Jump::Direct(ground(
                    Confidence::Inferred,
                    "releases of this line start from 7.19 or newer",
                )),
                rolling: Some(rolling(false, "a platform release is always upgraded with downtime")),
                with_jump: vec![
                    change(Part::Java, "11", "17"),
                    change(Part::Driver(Engine::Mysql), "8.0.33", "8.4.0"),
                ],
                then: Vec::new(),
                doubts: vec![Doubt {
                    part: Part::Database(Engine::Postgresql),
                    value: "14".into(),
                    known: vec!["15".into(), "16".into()],
                    contested: false,
                    page: page(),
                }],
            },
            Stop {
                version: version("10.2.14"),
                long_term_support: false,
                jump: Jump::NotKnown(page()),
                rolling: None,
                with_jump: vec![change(Part::Java, "17", "21")],
                then: Vec::new(),
                doubts: vec![Doubt {
                    part: Part::Connection,
                    value: "data-source".into(),
                    known: Vec::new(),
                    contested: true,
                    page: None,
                }],
            },
        ],
        outages: 4,
        unseen: vec!["the JDBC driver: its version could not be read from the file name".into()],
    }
}

fn stops() -> Vec<StopReport> {
    vec![
        StopReport {
            version: version("8.5.32"),
            verdict: Verdict::Ready,
            findings: Vec::new(),
            unknown: Vec::new(),
        },
        StopReport {
            version: version("9.2.10"),
            verdict: Verdict::Warning,
            findings: vec![(
                Severity::Warning,
                "plugin-compatibility",
                "Draw must be updated before the upgrade".into(),
            )],
            unknown: Vec::new(),
        },
        StopReport {
            version: version("10.2.14"),
            verdict: Verdict::Blocked,
            findings: vec![
                (
                    Severity::Blocker,
                    "database-ownership",
                    "former_dba and not confluence owns 1 object in schema public".into(),
                ),
                (Severity::Warning, "upgrade-window", "People use the instance at the planned time".into()),
            ],
            unknown: vec![("process-limits", "the service does not run".into())],
        },
    ]
}

fn preparation() -> Section {
    Section {
        kind: SectionKind::Preparation,
        stop: None,
        title: "Preparation".into(),
        intro: vec![Block::Text(
            "Days and weeks before the night. Begin with what takes others longest: licences, plug-ins, and the \
             administrator of the database."
                .into(),
        )],
        steps: vec![
            Step {
                proofs: vec![Proof {
                    check: "license-valid",
                    title: "A licence that is valid on the day",
                    evidence: "Data Center, subscription ends on 2027-06-30".into(),
                    seen_at: Some(at("2026-11-28T12:00:00Z")),
                }],
                proven: true,
                ..step("preparation.license", "Have a licence that covers 10.2.14")
            },
            Step {
                open: vec![
                    Open {
                        check: "database-ownership",
                        severity: Some(Severity::Blocker),
                        subject: "former_dba".into(),
                        summary: "former_dba and not confluence owns 1 object in schema public".into(),
                        observed: "table AO_950DC3_TC_EVENTS".into(),
                        required: "confluence as the owner of all 14 objects, or as a member of their owner".into(),
                        remedy: "As a superuser: `ALTER TABLE public.\"AO_950DC3_TC_EVENTS\" OWNER TO confluence;`"
                            .into(),
                        settled_by: None,
                    },
                    Open {
                        check: "database-settings",
                        severity: None,
                        subject: String::new(),
                        summary: "the database could not be asked: password authentication failed".into(),
                        observed: String::new(),
                        required: String::new(),
                        remedy: String::new(),
                        settled_by: None,
                    },
                ],
                blocks: vec![
                    Block::Text("Let the administrator of the database run this.".into()),
                    Block::Commands {
                        place: "on db.example.com:5432/confluence as a superuser".into(),
                        shell: Shell::Sql,
                        lines: vec!["ALTER TABLE public.\"AO_950DC3_TC_EVENTS\" OWNER TO confluence;".into()],
                    },
                ],
                time: Some(estimate(10, "a rule of thumb")),
                ..step("preparation.database", "Put the database in order")
            },
            Step {
                open: vec![
                    Open {
                        check: "plugin-compatibility",
                        severity: Some(Severity::Warning),
                        subject: "com.example.clock".into(),
                        summary: "Nothing is known of Clock for 10.2.14".into(),
                        observed: "1.0".into(),
                        required: "a version that is stated to work with 10.2.14".into(),
                        remedy: "Ask the vendor for a version, or uninstall it before the upgrade.".into(),
                        settled_by: Some("waived by Anna Muster until 2027-01-31: nobody uses the clock".into()),
                    },
                    Open {
                        check: "operating-system",
                        severity: Some(Severity::Notice),
                        subject: "debian".into(),
                        summary: "A newer Debian release is out".into(),
                        observed: "12".into(),
                        required: "nothing".into(),
                        remedy: "Nothing has to be done before the upgrade.".into(),
                        settled_by: None,
                    },
                ],
                blocks: vec![Block::Table {
                    head: vec!["Plug-in".into(), "Now".into(), "For 10.2.14".into(), "When".into()],
                    rows: vec![
                        row(["Gantt for Confluence", "4.1.0", "4.3.1", "after"]),
                        row(["Draw | and more", "3.0.2", "3.4.0", "before"]),
                        row(["Clock", "1.0", "", "uninstall"]),
                    ],
                }],
                optional: true,
                mark: Some(mark(StepState::Skipped, "Anna Muster", None, Some("goes with the upgrade"))),
                ..step("preparation.plugins", "Update plug-ins")
            },
        ],
    }
}

fn staging() -> Section {
    Section {
        kind: SectionKind::Staging,
        stop: None,
        title: "Staging".into(),
        intro: Vec::new(),
        steps: vec![Step {
            time: Some(estimate(95, "as it was said")),
            mark: Some(mark(StepState::Done, "Anna Muster", Some(95), None)),
            ..step("staging.upgrade", "Upgrade staging to 10.2.14 and measure each step")
        }],
    }
}

fn production() -> Section {
    let host = "on wiki.example.com as root";
    Section {
        kind: SectionKind::Production,
        stop: Some(version("8.5.32")),
        title: "Production: 8.5.4 → 8.5.32".into(),
        intro: vec![
            Block::Text("From here on users notice. Two people, one of whom reads aloud.".into()),
            Block::Caution("Once the new release has changed the database, the old program cannot use it.".into()),
        ],
        steps: vec![
            Step {
                outage: true,
                time: Some(estimate(5, "as on staging on 2026-11-20")),
                mark: Some(mark(StepState::Failed, "Berta Beispiel", Some(22), Some("did not end within 20 minutes"))),
                blocks: vec![Block::Commands {
                    place: host.into(),
                    shell: Shell::Sh,
                    lines: vec!["systemctl stop confluence".into(), "systemctl status confluence".into()],
                }],
                ..step("production.8.5.32.stop", "Stop Confluence")
            },
            Step {
                outage: true,
                time: Some(estimate(26, "30 GiB at 20 MiB a second")),
                proofs: vec![
                    Proof {
                        check: "disk-space",
                        title: "Room for the upgrade",
                        evidence: "212 GiB free on /backup, 77 GiB needed".into(),
                        seen_at: Some(at("2026-11-28T11:59:00Z")),
                    },
                    Proof {
                        check: "upgrade-window",
                        title: "A quiet time",
                        evidence: String::new(),
                        seen_at: None,
                    },
                ],
                blocks: vec![
                    Block::Text("Take home, installation and database, in this order.".into()),
                    Block::Commands {
                        place: host.into(),
                        shell: Shell::Sh,
                        lines: vec![
                            "tar --create --zstd --file=/backup/wiki-home-$(date +%F).tar.zst --directory=/var/atlassian/application-data confluence".into(),
                            "pg_dump --format=custom --file=/backup/wiki.dump --host=db.example.com --username=confluence confluence".into(),
                        ],
                    },
                    Block::List(vec![
                        "both commands end without a word".into(),
                        "`ls -l /backup` shows two new files of about 30 GiB".into(),
                    ]),
                ],
                ..step("production.8.5.32.backup", "Make the last backup")
            },
            Step {
                optional: true,
                blocks: vec![Block::Commands {
                    place: String::new(),
                    shell: Shell::Cmd,
                    lines: vec!["net stop \"Atlassian Confluence\"".into()],
                }],
                ..step("production.8.5.32.windows", "Stop the synchroniser on Windows")
            },
        ],
    }
}

fn verification() -> Section {
    Section {
        kind: SectionKind::Verification,
        stop: None,
        title: "Verification".into(),
        intro: Vec::new(),
        steps: vec![Step {
            blocks: vec![Block::List(vec![
                "a page with an attachment opens".into(),
                "a search finds what was written today".into(),
                "the log has no line with ERROR".into(),
            ])],
            ..step("verification.look", "Look at what users look at")
        }],
    }
}

fn way_back() -> Section {
    Section {
        kind: SectionKind::WayBack,
        stop: None,
        title: "The way back".into(),
        intro: vec![Block::Text("Only when the night failed. Decide by 02:00 at the latest.".into())],
        steps: vec![Step {
            outage: true,
            time: Some(estimate(65, "30 GiB at 8 MiB a second")),
            ..step("way-back.restore", "Restore the database from the last backup")
        }],
    }
}

fn step(id: &str, title: &str) -> Step {
    Step {
        id: id.into(),
        title: title.into(),
        blocks: Vec::new(),
        outage: false,
        optional: false,
        proofs: Vec::new(),
        open: Vec::new(),
        proven: false,
        time: None,
        mark: None,
    }
}

fn mark(state: StepState, by: &str, minutes: Option<i64>, note: Option<&str>) -> StepMark {
    StepMark {
        target: version("10.2.14"),
        step: "production.stop".into(),
        state,
        by: by.into(),
        at: at("2026-11-27T22:10:00Z"),
        took: minutes.map(SignedDuration::from_mins),
        note: note.map(ToOwned::to_owned),
        profile: None,
    }
}

fn estimate(minutes: i64, ground: &str) -> Estimate {
    Estimate { time: SignedDuration::from_mins(minutes), ground: ground.into() }
}

fn change(part: Part, from: &str, to: &str) -> Change {
    Change { part, from: from.into(), to: to.into() }
}

fn rolling(possible: bool, because: &str) -> RollingRule {
    let rule = format!(
        "id = 'example'\nwhen = {{ from = '7.14' }}\npossible = {possible}\nleast_nodes = 2\n\
         confidence = 'confirmed'\nbecause = '{because}'\npage = 'https://confluence.atlassian.com/doc/rolling.html'\n"
    );
    toml::from_str(&rule).unwrap()
}

fn row<const CELLS: usize>(cells: [&str; CELLS]) -> Vec<String> {
    cells.map(ToOwned::to_owned).to_vec()
}

fn version(text: &str) -> ProductVersion {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
