use super::*;
use crate::facts::Product;

const TODAY: &str = "2026-11-25T08:00:00Z";

fn embedded() -> Catalog {
    Catalog::embedded(Product::Confluence)
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn learned(said: Said) -> PublicAnswer {
    let from = "http://127.0.0.1".to_owned();
    PublicAnswer { from, learned_at: TODAY.parse().unwrap(), etag: None, last_modified: None, said }
}

fn refresh(topic: Topic, said: Said) -> Refresh {
    let mut refresh = Refresh::empty(Product::Confluence);
    refresh.answers.insert(topic, learned(said));
    refresh
}

fn line(name: &str, released_on: &str, end: &str, newest: &str) -> CycleSeen {
    let newest = (!newest.is_empty()).then(|| release(newest, "2026-11-24"));
    CycleSeen {
        name: name.into(),
        released_on: Some(day(released_on)),
        long_term_support: false,
        end_of_life: Some(day(end)),
        extended_end: None,
        newest,
    }
}

fn release(version: &str, date: &str) -> ReleaseSeen {
    ReleaseSeen { version: version.into(), date: date.parse().ok(), long_term_support: false }
}

/// All lines the catalog is sure of, as a sound list has them.
fn all_lines() -> Vec<CycleSeen> {
    let mut lines = BTreeMap::new();
    for known in embedded().releases {
        if let Some(end) = known.end_of_life.filter(|end| end.confidence == Confidence::Confirmed) {
            lines.entry(known.version.line()).or_insert_with(|| CycleSeen {
                name: known.version.line().to_string(),
                released_on: known.released_on,
                long_term_support: known.long_term_support,
                end_of_life: Some(end.on),
                extended_end: None,
                newest: None,
            });
        }
    }
    lines.into_values().collect()
}

fn with_line(extra: CycleSeen) -> Refreshed {
    let mut lines = all_lines();
    lines.retain(|line| line.name != extra.name);
    lines.push(extra);
    embedded().refreshed(&refresh(Topic::Lines, Said::Cycles(lines)))
}

/// Everything that follows from a catalog.
fn text_of(catalog: &Catalog) -> String {
    format!("{:?} {:?}", catalog.releases, catalog.platforms)
}

fn end_of<'a>(catalog: &'a Catalog, version: &str) -> &'a Release {
    catalog.release(&version.parse().unwrap()).unwrap()
}

#[test]
fn what_is_known_already_changes_nothing() {
    let seen = embedded().refreshed(&refresh(Topic::Lines, Said::Cycles(all_lines())));
    assert_eq!(text_of(&seen.catalog), text_of(&embedded()));
    assert!(seen.refused.is_empty(), "{:?}", seen.refused);
    assert_eq!(seen.catalog.collected_on, day("2026-11-25"));
}

#[test]
fn a_new_line_and_a_new_release_are_added_with_what_is_said_of_them() {
    let seen = with_line(line("11.1", "2026-11-24", "2028-11-24", "11.1.0"));
    let added = seen.catalog.latest().unwrap();
    assert_eq!(added.version.as_str(), "11.1.0");
    assert_eq!((added.build, added.long_term_support), (None, false));
    assert_eq!(added.end_of_life.unwrap().on, day("2028-11-24"));

    let mut feed = Refresh::empty(Product::Confluence);
    let releases = vec![release("9.2.98", "2026-11-20"), release("9.2.98", "2026-11-20")];
    feed.answers.insert(Topic::FeedCurrent, learned(Said::Releases(releases)));
    let seen = embedded().refreshed(&feed);
    let added = end_of(&seen.catalog, "9.2.98");
    assert!(added.long_term_support, "it belongs to its line");
    assert_eq!(added.end_of_life, end_of(&embedded(), "9.2.7").end_of_life);
    assert!(seen.catalog.releases.is_sorted_by(|a, b| a.version < b.version));
    assert_eq!(seen.catalog.releases.len(), embedded().releases.len() + 1);
}

#[test]
fn an_end_of_support_may_move_but_not_far() {
    let ours = end_of(&embedded(), "9.2.7").end_of_life.unwrap().on;
    let rows = [
        (years_from(ours, 1), true),
        (ours.checked_sub(Span::new().days(300)).unwrap(), true),
        (ours.checked_sub(Span::new().days(400)).unwrap(), false),
        (years_from(ours, 11), false),
        (day("1999-01-01"), false),
        (day("2099-01-01"), false),
    ];
    for (end, believed) in rows {
        let seen = with_line(line("9.2", "2024-12-09", &end.to_string(), ""));
        let expected = if believed { end } else { ours };
        assert_eq!(end_of(&seen.catalog, "9.2.7").end_of_life.unwrap().on, expected, "{end}");
        assert_eq!(seen.refused.is_empty(), believed, "{:?}", seen.refused);
    }
}

#[test]
fn what_was_learned_before_the_catalog_was_written_only_fills_gaps() {
    let ours = end_of(&embedded(), "9.2.7").end_of_life;
    let mut lines = all_lines();
    for line in lines.iter_mut().filter(|line| line.name == "9.2") {
        line.end_of_life = Some(years_from(ours.unwrap().on, 1));
    }
    let mut refresh = refresh(Topic::Lines, Said::Cycles(lines));
    for answer in refresh.answers.values_mut() {
        answer.learned_at = "2026-11-01T00:00:00Z".parse().unwrap();
    }
    let seen = embedded().refreshed(&refresh);
    assert_eq!(end_of(&seen.catalog, "9.2.7").end_of_life, ours);
    assert_eq!(seen.catalog.collected_on, embedded().collected_on);
}

#[test]
fn lines_from_hell_leave_the_catalog_as_it_is() {
    let rows = [
        (line("11.1", "2026-11-24", "2026-01-01", ""), "before its first release"),
        (line("11.1", "2027-06-01", "2028-06-01", "11.1.0"), "out of range"),
        (line("11.1", "1999-06-01", "2028-06-01", "11.1.0"), "out of range"),
        (line("99.0", "2026-11-24", "2028-11-24", "99.0.0"), "too far ahead"),
        (line("11.1", "2026-11-24", "2028-11-24", "12.0.0"), "does not belong"),
        (line("11.1", "2026-11-24", "2028-11-24", "eleven"), "no version"),
        (line("\u{1b}[2Jx", "2026-11-24", "2028-11-24", "11.1.0"), "\"[2Jx\""),
        (line(&"9".repeat(9999), "2026-11-24", "2028-11-24", ""), "no feature line"),
    ];
    for (bad, why) in rows {
        let seen = with_line(bad);
        assert_eq!(text_of(&seen.catalog), text_of(&embedded()), "{why}");
        let text = seen.refused.concat();
        assert!(text.contains(why) && text.len() < 300, "{why}: {text}");
    }
    let mut twice = all_lines();
    let first = twice[0].clone();
    twice.push(CycleSeen { end_of_life: Some(day("2017-01-01")), ..first });
    let seen = embedded().refreshed(&refresh(Topic::Lines, Said::Cycles(twice)));
    assert!(seen.refused[0].contains("twice"), "{:?}", seen.refused);
    assert_eq!(text_of(&seen.catalog), text_of(&embedded()));
}

#[test]
fn answers_that_are_no_whole_lists_are_refused_as_a_whole() {
    let some = |count: usize| all_lines().into_iter().take(count).collect::<Vec<_>>();
    let many = vec![release("9.2.1", "2026-01-01"); MOST_ENTRIES + 1];
    let cycle = |name: &str| CycleSeen { name: name.into(), ..line("1", "2020-01-01", "2027-01-01", "") };
    let rows = [
        (Topic::Lines, Said::Cycles(Vec::new()), "empty"),
        (Topic::Lines, Said::Cycles(some(3)), "has only 3"),
        (Topic::Lines, Said::Releases(vec![release("12.0.0", "2026-11-24")]), "something else"),
        (Topic::FeedCurrent, Said::Releases(Vec::new()), "empty"),
        (Topic::FeedCurrent, Said::Releases(many), "more than 5000"),
        (Topic::FeedArchived, Said::Releases(vec![release("9.2.97", "2026-11-20")]), "has only 0"),
        (Topic::Marketplace, Said::Releases(vec![release("9.2.97", "2026-11-20")]), "has only 0"),
        (Topic::Platform("debian".into()), Said::Cycles(vec![cycle("12")]), "has only 1"),
        (Topic::Platform("beos".into()), Said::Cycles(vec![cycle("5")]), "no such platform"),
    ];
    for (topic, said, why) in rows {
        let seen = embedded().refreshed(&refresh(topic, said));
        assert_eq!(text_of(&seen.catalog), text_of(&embedded()), "{why}");
        assert_eq!(seen.catalog.collected_on, embedded().collected_on, "{why}");
        assert!(seen.refused.concat().contains(why), "{why}: {:?}", seen.refused);
    }
}

#[test]
fn a_known_day_stays_and_remarks_have_an_end() {
    let releases: Vec<ReleaseSeen> =
        (0..50).map(|n| release("x", &format!("20{:02}-01-01", n % 20 + 1))).collect();
    let mut rows = vec![release("9.2.7", "2025-01-01"), release("9.2.6", "2031-01-01")];
    rows.extend(releases);
    let seen = embedded().refreshed(&refresh(Topic::FeedCurrent, Said::Releases(rows)));
    assert_eq!(text_of(&seen.catalog), text_of(&embedded()));
    assert_eq!(seen.refused.len(), MOST_REMARKS + 1);
    assert!(seen.refused[0].contains("which stays"), "{:?}", seen.refused[0]);
}

#[test]
fn cycles_of_platforms_are_updated_and_added() {
    let known = embedded().platforms.iter().find(|known| known.id == "debian").unwrap().clone();
    let mut cycles: Vec<CycleSeen> = known
        .cycles
        .iter()
        .map(|cycle| CycleSeen {
            name: cycle.cycle.clone(),
            released_on: None,
            long_term_support: false,
            end_of_life: cycle.end_of_life,
            extended_end: cycle.extended_end,
            newest: None,
        })
        .collect();
    let twelve = known.cycle("12").unwrap().end_of_life.unwrap();
    for cycle in &mut cycles {
        if cycle.name == "12" {
            cycle.end_of_life = Some(years_from(twelve, 1));
        }
    }
    cycles.push(line("77", "2026-11-01", "2031-11-01", ""));
    cycles.push(line("<script>", "2026-11-01", "2031-11-01", ""));
    let seen = embedded().refreshed(&refresh(Topic::Platform("debian".into()), Said::Cycles(cycles)));
    assert_eq!(seen.catalog.cycle("debian", "12").unwrap().end_of_life, Some(years_from(twelve, 1)));
    assert_eq!(seen.catalog.cycle("debian", "77").unwrap().end_of_life, Some(day("2031-11-01")));
    assert_eq!(seen.refused.len(), 1, "{:?}", seen.refused);
    assert_eq!(seen.catalog.collected_on, embedded().collected_on, "it says nothing of the product");
}

#[test]
fn requirements_and_answers_are_never_touched() {
    let line = "9.2".parse().unwrap();
    let answers = super::super::Answers {
        supported: [((line, super::super::Component::Java), vec!["17".parse().unwrap()])].into(),
        ..Default::default()
    };
    let seen = embedded().with_answers(answers).refreshed(&refresh(Topic::Lines, Said::Cycles(all_lines())));
    let ruling = seen.catalog.ruling(super::super::Component::Java, "21", line);
    assert_eq!(ruling.standing, super::super::Standing::Excluded);
}
