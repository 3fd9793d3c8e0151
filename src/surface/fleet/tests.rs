use std::sync::Arc;

use upgrade_readiness_checks::facts::Condition;

use super::*;
use crate::board::fleet::{Entry, PAPER_FORM, PaperSource};

fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn paper(node: Option<&str>, verdict: Verdict) -> Paper {
    let finding = |verdict, check: &str, summary: &str| PaperFinding {
        verdict,
        check: check.into(),
        summary: summary.into(),
    };
    let (blockers, findings) = match verdict {
        Verdict::Blocked => {
            (1, vec![finding(Verdict::Blocked, "disk-space", "there is no room on <b>/data</b>")])
        }
        _ => (0, vec![]),
    };
    Paper {
        form: PAPER_FORM,
        product: "confluence".into(),
        version: Some("9.2.7".into()),
        node: node.map(Into::into),
        nodes: node.map(|_| 2),
        verdict,
        targets: vec![PaperTarget {
            requested: "latest-lts".into(),
            version: Some("10.2.14".into()),
            verdict,
            reason: None,
            blocks_at: (verdict == Verdict::Ready).then(|| "2026-12-31T00:00:00Z".parse().unwrap()),
            blocks_because: Some("license-valid".into()),
            blockers,
            warnings: 0,
            unknown: 0,
            findings,
        }],
        sources: vec![
            PaperSource { source: "database".into(), state: Condition::Ok, leads: Some(true) },
            PaperSource { source: "disk".into(), state: Condition::Failed, leads: None },
        ],
    }
}

fn entry(instance: &str, agent: &str, seconds: i64, paper: Paper) -> Entry {
    Entry {
        agent: agent.into(),
        host: format!("host-{agent}"),
        agent_version: "0.1.0".into(),
        instance: instance.into(),
        age: Some(SignedDuration::from_secs(seconds)),
        holds: SignedDuration::from_mins(4),
        paper: Ok(Arc::new(paper)),
    }
}

fn view_of(entries: Vec<Entry>) -> FleetFile {
    let reading = FleetReading { read_at: now(), entries, more: false };
    view_fleet(&reading, "postgres://u@db:5432/fleet, schema s", now())
}

#[test]
fn of_many_nodes_the_gravest_counts_and_one_that_is_not_heard_is_never_green() {
    use Verdict::{Blocked, Ready, Unknown, Warning};
    let one = |seconds, verdict| entry("wiki", "a", seconds, paper(Some("node-1"), verdict));
    let two = |seconds, verdict| entry("wiki", "b", seconds, paper(Some("node-2"), verdict));
    let garbage = Entry { paper: Err("it is no report".into()), ..two(1, Ready) };
    let timeless = Entry { age: None, ..two(1, Ready) };
    let other_target = {
        let mut paper = paper(Some("node-2"), Ready);
        paper.targets[0].version = Some("10.2.15".into());
        entry("wiki", "b", 1, paper)
    };
    let no_target = entry("wiki", "b", 1, Paper { targets: vec![], ..paper(Some("node-2"), Unknown) });
    let other_product =
        entry("wiki", "b", 1, Paper { product: "wso2-carbon".into(), ..paper(Some("node-2"), Ready) });
    let unnamed = entry("wiki", "a", 1, Paper { nodes: Some(2), ..paper(None, Ready) });
    let rows = [
        (vec![one(1, Ready), two(1, Ready)], Ready, ""),
        (vec![one(1, Ready), two(1, Warning)], Warning, ""),
        (vec![one(1, Blocked), two(1, Ready)], Blocked, ""),
        (vec![one(1, Ready)], Unknown, "1 of 2 nodes report (node-1)"),
        (vec![one(1, Blocked)], Blocked, "1 of 2 nodes report"),
        (vec![unnamed], Unknown, "1 of 2 nodes report; start"),
        (vec![one(1, Ready), two(241, Ready)], Unknown, "last heard of 4 minutes ago"),
        (vec![one(1, Ready), two(241, Blocked)], Unknown, "last heard of"),
        (vec![one(241, Ready), two(241, Ready)], Unknown, "last heard of"),
        (vec![one(1, Ready), two(-60, Ready)], Unknown, "clock was set back"),
        (vec![one(1, Ready), timeless], Unknown, "clock was set back"),
        (vec![one(1, Ready), garbage], Unknown, "cannot be read: it is no report"),
        (vec![one(1, Ready), other_product], Unknown, "different products"),
        (vec![one(1, Ready), entry("wiki", "b", 1, paper(Some("node-1"), Ready))], Unknown, "1 of 2 nodes"),
        (vec![entry("wiki", "a", 1, paper(None, Ready))], Ready, ""),
        (
            vec![entry("wiki", "a", 1, paper(None, Ready)), entry("wiki", "b", 1, paper(None, Ready))],
            Unknown,
            "without a node of its own",
        ),
    ];
    for (entries, verdict, doubt) in rows {
        let fleet = view_of(entries);
        let wiki = &fleet.instances[0];
        assert_eq!((wiki.verdict, fleet.verdict), (verdict, verdict), "{wiki:?}");
        assert_eq!(wiki.doubts.is_empty(), doubt.is_empty(), "{:?}", wiki.doubts);
        assert!(wiki.doubts.join("; ").contains(doubt), "{doubt:?} is not in {:?}", wiki.doubts);
        // No target is greener than its instance is sure.
        assert!(wiki.doubts.is_empty() || wiki.targets.iter().all(|target| target.verdict >= Unknown));
    }
    for entries in [vec![one(1, Ready), other_target], vec![one(1, Ready), no_target]] {
        let fleet = view_of(entries);
        assert_eq!(fleet.verdict, Unknown);
        assert!(fleet.instances[0].targets[0].findings[0].summary.contains("do not judge the same release"));
    }
    assert_eq!(view_of(vec![]).verdict, Unknown);
}

#[test]
fn what_a_report_says_of_all_its_targets_counts_beyond_those_it_lists() {
    let listed = Paper { verdict: Verdict::Blocked, ..paper(None, Verdict::Ready) };
    let fleet = view_of(vec![entry("wiki", "a", 1, listed)]);
    assert_eq!((fleet.verdict, fleet.instances[0].verdict), (Verdict::Blocked, Verdict::Blocked));
    assert_eq!(fleet.instances[0].targets[0].verdict, Verdict::Ready);
}

#[test]
fn a_reading_that_is_not_renewed_grows_old_with_all_that_is_in_it() {
    let entries = vec![entry("wiki", "a", 1, paper(None, Verdict::Ready))];
    let reading = FleetReading { read_at: now(), entries, more: false };
    let at = |seconds| view_fleet(&reading, "", now() + SignedDuration::from_secs(seconds)).verdict;
    let verdicts = [0, 200, 240, -10].map(at);
    assert_eq!(verdicts, [Verdict::Ready, Verdict::Ready, Verdict::Unknown, Verdict::Unknown]);
    let cut = FleetReading { more: true, ..reading.clone() };
    assert_eq!(view_fleet(&cut, "", now()).verdict, Verdict::Unknown);
}

fn sample() -> FleetFile {
    view_of(vec![
        entry("ready", "a", 5, paper(None, Verdict::Ready)),
        entry("wiki", "a", 5, paper(Some("node-1"), Verdict::Blocked)),
        entry("wiki", "b", 900, paper(Some("node-2"), Verdict::Ready)),
        entry("esc\u{1b}[2J<script>", "c", 5, paper(None, Verdict::Warning)),
    ])
}

#[test]
fn the_text_fits_the_terminal_and_begins_with_what_blocks() {
    let text = render_fleet_text(&sample(), now(), false, false);
    let all = render_fleet_text(&sample(), now(), true, false);
    for line in text.lines().chain(all.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!all.contains('\u{1b}'), "{all}");
    assert!(!text.contains("READY") && all.contains("READY"));
    assert!(all.find("BLOCKED") < all.find("WARNING") && all.contains("said by node-1 on host-a"), "{all}");
}

#[test]
fn page_and_markdown_show_foreign_text_as_text() {
    let page = render_fleet_page(Some(&sample()), Some("it is <down>"), now());
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains("<b>/data"), "{page}");
    assert!(page.contains("it is &lt;down&gt;") && page.contains("10.2.14"));
    assert!(page.contains("No") || page.contains("Blocked"));
    let none = render_fleet_page(None, None, now());
    assert!(none.contains("Nothing was read yet"));
    let markdown = render_fleet_markdown(&sample(), true);
    assert!(markdown.starts_with("# Fleet") && !markdown.replace("\\<", "").contains('<'), "{markdown}");
}

#[test]
fn the_schema_knows_every_member() {
    let schema = serde_json::to_string(&fleet_schema()).unwrap();
    let json = serde_json::to_value(sample()).unwrap();
    let mut left = vec![&json];
    while let Some(value) = left.pop() {
        match value {
            serde_json::Value::Object(members) => {
                for (name, value) in members {
                    assert!(schema.contains(&format!("\"{name}\"")), "{name}");
                    left.push(value);
                }
            }
            serde_json::Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    assert_eq!(serde_json::from_value::<FleetFile>(json).unwrap(), sample());
}
