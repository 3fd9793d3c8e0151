//! Every page of the sample board: what stands on it, in which order, and that nothing foreign becomes markup.

use std::sync::Arc;

use jiff::civil::date;
use upgrade_readiness_checks::facts::{Memory, Point, Trend, TrendOf};
use upgrade_readiness_checks::model::{Freeze, Plan};

use super::*;
use crate::board::{Board, Grounds, InstanceState, Notice, TargetState};
use crate::surface::sample;

fn rows(query: &str) -> WantedRows {
    read(query)
}

fn read<T: serde::de::DeserializeOwned>(query: &str) -> T {
    axum::extract::Query::try_from_uri(&format!("http://h/?{query}").parse().unwrap()).unwrap().0
}

fn overview(query: &str) -> String {
    render_overview(&sample::board(), &rows(query), sample::now())
}

fn wiki() -> InstanceState {
    InstanceState::clone(&sample::board().instances[0])
}

fn instance(state: &InstanceState, query: &str) -> String {
    render_instance(state, &read(query), Fleet::Alone, sample::now()).unwrap()
}

/// The page without its tags, for reading.
fn text_of(html: &str) -> String {
    let (_, body) = html.split_once("<main").unwrap();
    let mut text = String::new();
    let mut in_tag = true;
    for char in body.chars() {
        match char {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                text.push(' ');
            }
            char if !in_tag => text.push(char),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn in_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let at = text.get(from..).unwrap().find(part);
        from += at.unwrap_or_else(|| panic!("{part:?} is not there, or not in its place, in {text}"));
    }
}

/// Every element that is opened is closed, in turn, and no id is given twice.
fn is_sound(html: &str) {
    const VOID: [&str; 6] = ["meta", "link", "input", "br", "hr", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    for part in html.split('<').skip(1) {
        let tag = part.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in {tag}");
        } else if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let mut ids: Vec<&str> =
        html.split(" id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    let total = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), total, "an id is given twice");
}

#[test]
fn the_overview_lists_every_target_the_gravest_first() {
    let page = overview("");
    is_sound(&page);
    assert!(page.contains("<title>1 blocked, 1 cannot tell, 1 ready · Upgrade readiness</title>"), "{page}");
    in_order(
        &text_of(&page),
        &[
            "1 of 3 upgrades is blocked",
            "2 instances with 3 targets watched.",
            "wiki Confluence 9.2.7 10.2.14 latest-lts Blocked 2 2 4",
            "2026-01-17 in 47 days",
            "1 failed",
            "docs Confluence of an unknown version next Cannot tell 0 0 1",
            "wiki Confluence 9.2.7 9.2.10 Ready 0 0 0",
            "As of 2025-12-01 20:00 UTC",
        ],
    );
    assert!(page.contains("<a href=\"instances/wiki?target=latest-lts\">wiki</a>"), "{page}");
    assert!(!page.contains("<form"), "three lines need no filter");
}

#[test]
fn the_overview_is_filtered_and_sorted_by_its_address() {
    let names = |query: &str| -> Vec<String> {
        let page = overview(query);
        let rows = page.split("<tr id=\"row:").skip(1);
        rows.map(|row| row.split('"').next().unwrap().to_owned()).collect()
    };
    let (blocked, ready, docs) = ("wiki:latest-lts", "wiki:9.2.10", "docs:next");
    let table: [(&str, &[&str]); 12] = [
        ("", &[blocked, docs, ready]),
        ("sort=name", &[docs, blocked, ready]),
        ("sort=target", &[blocked, ready, docs]),
        ("sort=sources", &[blocked, ready, docs]),
        ("sort=warnings", &[blocked, ready, docs]),
        ("sort=planned", &[blocked, ready, docs]),
        ("verdict=ready", &[ready]),
        ("verdict=&q=&sort=name", &[docs, blocked, ready]),
        ("q=WIKI", &[blocked, ready]),
        ("q=latest", &[blocked]),
        ("q=nothing+of+the+kind", &[]),
        ("q=wiki&page=99", &[blocked, ready]),
    ];
    for (query, expected) in table {
        assert_eq!(names(query), expected, "{query}");
    }
    assert!(overview("sort=name").contains("aria-sort=\"ascending\"><a href=\"?sort=name\">Instance"));
    assert!(text_of(&overview("q=nothing")).contains("None of 3 lines is like that. Show all"));
    for wrong in ["sort=magic", "page=-1", "page=x", "q=a&q=b"] {
        let uri = format!("http://h/?{wrong}").parse().unwrap();
        assert!(axum::extract::Query::<WantedRows>::try_from_uri(&uri).is_err(), "{wrong}");
    }
}

#[test]
fn five_hundred_instances_stay_of_a_bounded_size() {
    let board = sample::large_board(500);
    let page = render_overview(&board, &rows("sort=name"), sample::now());
    is_sound(&page);
    assert_eq!(page.matches("<tr id=").count(), MOST_ROWS);
    assert!(page.len() < 120_000, "{} bytes", page.len());
    assert!(page.contains("Page 1 of 10, 1000 in all") && page.contains("<form"), "{}", page.len());
    assert!(page.contains("<a rel=\"next\" href=\"?sort=name&amp;page=2\">Next</a>"));
    let last = render_overview(&board, &rows("sort=name&page=10&q=wiki-&verdict="), sample::now());
    assert!(
        last.contains("rel=\"prev\" href=\"?q=wiki-&amp;sort=name&amp;page=9\"")
            && !last.contains("rel=\"next\"")
    );
    assert!(render_checks(&board, sample::now()).len() < 60_000);
    let check = render_check(&board, "java-version", sample::now()).unwrap();
    assert!(check.len() < 60_000 && check.contains("These are the 50 gravest of 1000."), "{}", check.len());
}

#[test]
fn a_board_without_anything_is_said() {
    let mut board = Board::default();
    board.notices.push(Notice { subject: "store", text: "The memory is <new>.".into() });
    let page = render_overview(&board, &WantedRows::default(), sample::now());
    is_sound(&page);
    in_order(&text_of(&page), &["No target is watched yet", "store The memory is &lt;new&gt;."]);
    assert!(page.contains("<title>Starting ·"));
    let mut fresh = wiki();
    fresh.targets.clear();
    assert!(text_of(&instance(&fresh, "")).contains("Nothing was judged yet"));
}

#[test]
fn an_instance_tells_findings_first() {
    let page = instance(&wiki(), "");
    is_sound(&page);
    assert!(page.contains("<title>Blocked: wiki to 10.2.14 (latest-lts) · Upgrade readiness</title>"));
    in_order(
        &text_of(&page),
        &[
            "Confluence 9.2.7 wiki",
            "Planned 2025-12-06 in 5 days",
            "14 of 18 checks could look",
            "Run book History",
            "What stands in the way 5",
            "What the sources say 14",
            "Blocked 9.2.7 → 10.2.14 (latest-lts)",
            "The upgrade must not start: 2 blockers, 2 warnings, 4 unknown, 1 waived, 1 signed off.",
            "What stands in the way",
            "2 blockers",
            "Blocker: The licence&#39;s maintenance ended before 10.2.14 was released",
            "Gantt for Confluence has no version for 10.2.14",
            "Seen 4.1.0 installed",
            "Needed a version that is stated to work",
            "Do Ask the vendor for a version",
            "Since 2025-12-01 20:00 UTC (just now)",
            "Check plugin-compatibility com.example.gantt",
            "2 warnings",
            "the planned day, 2026-01-17 (in 47 days); not yet today",
            "again: the waiver of Berta Beispiel is void",
            "1 notice",
            "What cannot be told",
            "password authentication failed. Put the current password",
            "The account owns its tables database-ownership",
            "What is to come",
            "Settled by a person’s word",
            "Waived by Anna Muster until 2026-01-31: Nobody uses the clock",
            "signed off by Anna Muster until 2026-03-31",
            "What is in order",
            "640 of 1000 users",
            "Which release",
            "What the sources say",
            "database failed",
            "has nothing to settle: what it is about was not found",
        ],
    );
    assert!(page.contains("<a class=\"button\" href=\"../plan/wiki/latest-lts\">Run book</a>"));
    assert!(page.contains("href=\"../checks/plugin-compatibility\""));
    let folded = page.matches("<details class=\"finding\"").count();
    let open = page.matches(" open><summary>").count();
    assert_eq!((folded, open), (6, 2), "only what blocks is unfolded");
    let all = instance(&wiki(), "open=all");
    assert_eq!(all.matches(" open><summary>").count(), 5);
}

#[test]
fn each_target_has_its_page_and_none_else() {
    for query in ["target=9.2.10", "target=9.2.10&open=all&more=ignored"] {
        let page = instance(&wiki(), query);
        assert!(page.contains("<title>Ready: wiki to 9.2.10 ·"), "{query}");
        assert!(text_of(&page).contains("Nothing stands in the way."));
    }
    assert!(instance(&wiki(), "target=10.2.14").contains("<title>Blocked: wiki"));
    let refused = render_instance(&wiki(), &read("target=8.0"), Fleet::Alone, sample::now()).unwrap_err();
    assert_eq!(refused, "\"8.0\" is no target of wiki; its targets are: latest-lts, 9.2.10");
    let docs = instance(&InstanceState::clone(&sample::board().instances[1]), "");
    is_sound(&docs);
    in_order(
        &text_of(&docs),
        &["Cannot tell", "Whether it can start cannot be told", "the running version is not known"],
    );
    assert!(!docs.contains("Run book"), "there is no release to make one for");
}

#[test]
fn what_is_to_come_is_drawn_and_listed() {
    let mut state = wiki();
    let planned = Plan {
        day: Some(date(2026, 1, 17)),
        freezes: vec![Freeze {
            name: "year-end <closing>".into(),
            from: "2025-12-20T00:00:00Z".parse().unwrap(),
            until: "2026-01-06T00:00:00Z".parse().unwrap(),
        }],
        ..Plan::default()
    };
    state.grounds = Arc::new(Grounds { plan: planned, ..Grounds::clone(&state.grounds) });
    let mut snapshot = state.snapshot.as_ref().clone();
    let taken = snapshot.taken_at;
    let free = snapshot.disk().unwrap().filesystems[0].free_bytes;
    let points = (0..20_u32).rev().map(|day| Point {
        at: taken - jiff::SignedDuration::from_hours(24 * i64::from(day)),
        value: free + u64::from(day) * (free / 100),
    });
    let mount = snapshot.disk().unwrap().filesystems[0].mount_point.clone();
    snapshot.memory = Memory {
        trends: vec![Trend { of: TrendOf::FreeBytes(mount), points: points.collect() }],
        ..snapshot.memory
    };
    state.snapshot = Arc::new(snapshot);
    if let TargetState::Judged(judged) = &mut state.targets[1] {
        Arc::make_mut(judged).blocks_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
    }
    let page = instance(&state, "target=9.2.10");
    is_sound(&page);
    in_order(
        &text_of(&page),
        &[
            "Blocked from 2026-02-01 in 62 days",
            "Time line from 2025-12-01 to 2026-12-01",
            "10.2.14 (latest-lts): Blocked. 9.2.10: Ready, blocked from 2026-02-01.",
            "2026-01-17 in 47 days The upgrade is planned",
            "2026-01-31 in 61 days The waiver of Anna Muster for plugin-compatibility (com.example.clock) ends",
            "2026-02-01 in 62 days 9.2.10 is blocked from here on if nobody acts",
            "/ is full if it goes on filling as it did",
            "The sign-off of Anna Muster for upgrade-path ends",
            "2025-12-20 in 19 days Nothing may be changed until 2026-01-05: year-end &lt;closing&gt;",
            "Nothing else is known until 2026-12-01.",
        ],
    );
    let drawn = page.matches("<svg class=\"mark ").count();
    let (_, list) = page.split_once("<ol class=\"events\">").unwrap();
    assert_eq!(drawn, list.split("</ol>").next().unwrap().matches("<li ").count());
    assert!(drawn >= 5, "{drawn}");
}

#[test]
fn days_are_those_of_the_operator_and_a_freeze_ends_on_its_last_day() {
    // In Tokyo both days are named: its first moment, and the one after its last.
    let freeze = Freeze {
        name: "closing".into(),
        from: "2025-12-19T15:00:00Z".parse().unwrap(),
        until: "2025-12-31T15:00:00Z".parse().unwrap(),
    };
    let page = |hours: i32, day, now: &str| {
        let mut state = wiki();
        let plan = Plan {
            day: Some(day),
            utc_offset_seconds: hours * 3600,
            freezes: vec![freeze.clone()],
            ..Plan::default()
        };
        state.grounds = Arc::new(Grounds { plan, ..Grounds::clone(&state.grounds) });
        for target in &mut state.targets {
            let TargetState::Judged(judged) = target else { continue };
            // By UTC the day is over.
            Arc::make_mut(judged).report.planned_for = None;
        }
        let now = now.parse().unwrap();
        let board = Board { instances: vec![Arc::new(state.clone())], ..Board::default() };
        let overview = text_of(&render_overview(&board, &rows(""), now));
        (text_of(&render_instance(&state, &read(""), Fleet::Alone, now).unwrap()), overview)
    };
    let (tokyo, _) = page(9, date(2026, 1, 17), "2025-12-01T20:00:00Z");
    in_order(
        &tokyo,
        &[
            "Time line from 2025-12-02",
            "2025-12-20 in 18 days Nothing may be changed until 2025-12-31: closing",
        ],
    );
    // The upgrade is tonight in New York, where it is the evening of the 5th.
    let (new_york, overview) = page(-5, date(2025, 12, 5), "2025-12-06T01:00:00Z");
    in_order(&new_york, &["Planned 2025-12-05 today", "2025-12-05 today The upgrade is planned"]);
    assert!(overview.contains("2025-12-05 today"), "{overview}");
    assert!(!overview.contains("yesterday") && !new_york.contains("yesterday"), "{new_york}");
}

#[test]
fn the_fleet_is_linked_where_there_is_one() {
    let alone = sample::board();
    let shared = Board { fleet: Some(crate::board::fleet::FleetState::default()), ..sample::board() };
    for (board, expected) in [(&alone, false), (&shared, true)] {
        let fleet = Fleet::of(board);
        let pages = [
            ("", render_overview(board, &rows(""), sample::now())),
            ("./", render_checks(board, sample::now())),
            ("../", render_check(board, "freeze", sample::now()).unwrap()),
            ("../", render_instance(&wiki(), &read(""), fleet, sample::now()).unwrap()),
            ("../", render_missing("x", "../", fleet, sample::now())),
        ];
        for (root, page) in pages {
            let link = format!("<li><a href=\"{root}fleet\">Fleet</a></li>");
            assert_eq!(page.contains(&link), expected, "{page}");
        }
    }
}

#[test]
fn a_check_is_explained_with_its_last_answers() {
    let board = sample::board();
    let page = render_check(&board, "plugin-compatibility", sample::now()).unwrap();
    is_sound(&page);
    in_order(
        &text_of(&page),
        &[
            "plugin-compatibility",
            "What it says now",
            "wiki to 10.2.14 Blocked",
            "What it looks at",
            "Why it matters",
        ],
    );
    let refused = render_check(&board, "plugin-<x>", sample::now()).unwrap_err();
    assert!(
        refused.contains("There is no check \"plugin-<x>\"") && refused.contains("plugin-state"),
        "{refused}"
    );
    let list = render_checks(&board, sample::now());
    is_sound(&list);
    for check in upgrade_readiness_checks::rules::ALL {
        assert_eq!(list.matches(&format!("href=\"checks/{}\"", check.id)).count(), 1, "{}", check.id);
        is_sound(&render_check(&board, check.id, sample::now()).unwrap());
    }
}

#[test]
fn who_asks_for_an_instance_that_is_not_there_is_told_what_is() {
    let page =
        render_missing(&no_such_instance(&sample::board(), "w\"<iki>"), "../", Fleet::Alone, sample::now());
    is_sound(&page);
    assert!(
        page.contains("There is no instance &quot;w\\&quot;&lt;iki&gt;&quot;. There are: wiki, docs."),
        "{page}"
    );
    let many = no_such_instance(&sample::large_board(500), "wiki-49");
    assert!(many.starts_with("There is no instance \"wiki-49\"") || many.contains("wiki-49"), "{many}");
    assert!(many.len() < 400 && many.ends_with(", and 480 instances more."), "{many}");
}

#[test]
fn only_our_own_style_and_script_are_loaded() {
    for page in [overview(""), instance(&wiki(), ""), render_missing("x", "", Fleet::Alone, sample::now())] {
        for part in ["<style", "style=\"", "<img", "@import", "javascript:", "onclick", "http://", "//fonts"]
        {
            assert!(!page.contains(part), "{part}");
        }
        for address in page.split(" src=\"").skip(1).chain(page.split("<link ").skip(1)) {
            assert!(address.contains("assets/"), "{}", address.get(..60).unwrap());
        }
    }
}

#[test]
fn foreign_text_is_never_markup() {
    const HOSTILE: &str =
        "\"><script>alert('x')</script><a href='javascript:1' onclick=1>&\u{202e}\u{0}`<b>`";
    let mut state = wiki();
    state.name = HOSTILE.into();
    for remark in &mut state.remarks {
        (remark.subject, remark.text) = (HOSTILE.into(), HOSTILE.into());
    }
    let mut snapshot = state.snapshot.as_ref().clone();
    for waiver in &mut snapshot.memory.waivers {
        (waiver.by, waiver.check, waiver.subject) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
    }
    let failure = upgrade_readiness_checks::facts::Failure {
        kind: upgrade_readiness_checks::facts::FailureKind::Denied,
        message: HOSTILE.into(),
    };
    let asked = upgrade_readiness_checks::facts::Asked {
        at: snapshot.taken_at,
        took: jiff::SignedDuration::ZERO,
        fresh_for: jiff::SignedDuration::from_hours(1),
    };
    snapshot.fail(upgrade_readiness_checks::facts::Source::Host, failure, asked);
    state.snapshot = Arc::new(snapshot);
    for target in &mut state.targets {
        let TargetState::Judged(judged) = target else { continue };
        for check in &mut Arc::make_mut(judged).report.checks {
            check.reason = HOSTILE.into();
            for dated in &mut check.findings {
                let finding = &mut dated.finding;
                for text in
                    [&mut finding.summary, &mut finding.observed, &mut finding.required, &mut finding.remedy]
                {
                    *text = HOSTILE.into();
                }
                finding.subject.push_str(HOSTILE);
                dated.lapsed = Some(HOSTILE.into());
            }
        }
    }
    let board = Board { instances: vec![Arc::new(state.clone())], ..Board::default() };
    let pages = [
        render_overview(
            &board,
            &rows(&format!("q={}", crate::surface::frame::segment(HOSTILE))),
            sample::now(),
        ),
        render_overview(&board, &rows(""), sample::now()),
        instance(&state, "open=all"),
        render_check(&board, "java-version", sample::now()).unwrap(),
        render_missing(&no_such_instance(&board, HOSTILE), "", Fleet::Alone, sample::now()),
    ];
    for page in &pages {
        assert!(!page.contains("<script>") && !page.contains("href='") && !page.contains('\0'));
        assert!(!page.contains("<b>`") && !page.contains("<a href='"));
        is_sound(page);
    }
    assert!(pages[1].contains("instances/%22%3E%3Cscript%3E"));
    assert!(pages[2].contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)"));
}
