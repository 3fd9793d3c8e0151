//! What did administrators change in how pages look, that the target may not understand?

use std::collections::BTreeSet;

use super::wording::{counted, first_few};
use crate::facts::{Customised, CustomisedKind, Family, Layout, Missing, Records, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "customised-layouts",
    title: "Layouts, styles and macros of one's own",
    category: Category::Customisation,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Database],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Layouts somebody changed (table `DECORATOR`), for the whole site or for a space; and in the settings (table `BANDANA`) \
stylesheets, HTML put into every page, user macros and themes somebody chose. Keys and names are read, never what is \
written there. The keys are not documented, so what is found needs a person's eye, and nothing here blocks.

## Why it matters

A changed layout is a copy of the product's own template at the time of the change. After an upgrade it still is that old \
copy: pages miss functions, or do not appear at all. It is the most frequent reason for broken pages. Stylesheets, HTML and \
macros lean on markup that changes; a theme may not exist any more.

## How to fix it

Rehearse the upgrade on staging and look at a page of each changed space. Save what was changed, reset it to the default \
before the upgrade, and apply what is still needed to the new template after it. Sign each group off when it is done.

## What it needs

PostgreSQL: `GRANT SELECT ON decorator, bandana, user_mapping TO readiness;`. MySQL and MariaDB: `GRANT SELECT ON \
confluence.* TO 'readiness'@'localhost';`. SQL Server and Oracle cannot be asked by this agent.

## Settings

None.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let database = case.facts.database()?;
    let records = &database.records;
    let (mut found, mut missing): (Vec<Finding>, Vec<Missing>) = (Vec::new(), Vec::new());
    match records.layouts.read(Source::Database, "the layouts that were changed") {
        Ok(layouts) => found.extend(of_layouts(layouts)),
        Err(unread) => missing.push(unread),
    }
    match records.customised.read(Source::Database, "the styles, macros and themes that were changed") {
        Ok(customised) => found.extend(of_settings(customised)),
        Err(unread) => missing.push(unread),
    }
    let evidence = if found.is_empty() {
        format!("no layout, stylesheet, HTML, user macro or theme of one's own at {}", database.address)
    } else {
        format!("{} of changes at {}", counted(found.len() as u64, "kind"), database.address)
    };
    conclude(evidence, found, missing)
}

/// The list ends at [`Records::MOST`] and one more.
fn at_least(listed: usize) -> &'static str {
    if listed as u64 > Records::MOST { "at least " } else { "" }
}

fn of_layouts(layouts: &[Layout]) -> Vec<Finding> {
    let (site, spaces): (Vec<&Layout>, Vec<&Layout>) =
        layouts.iter().partition(|layout| layout.space.is_none());
    let at_least = at_least(layouts.len());
    let mut found = Vec::new();
    if !site.is_empty() {
        let names = first_few(site.iter().map(|layout| layout.name.as_str()), site.len() as u64);
        found.push(finding(
            "site-layouts",
            "the layout of the whole site was changed and may break with the target",
            format!("{at_least}{}: {names}", counted(site.len() as u64, "layout")),
            "Save each of them, try the target with them on staging, and reset them before the upgrade under General \
             Configuration, Look and Feel, Layouts (Reset Default).",
        ));
    }
    if !spaces.is_empty() {
        let names: Vec<String> = spaces
            .iter()
            .map(|layout| format!("{} in {}", layout.name, layout.space.as_deref().unwrap_or_default()))
            .collect();
        let count: BTreeSet<_> = spaces.iter().map(|layout| &layout.space).collect();
        let names = first_few(names.iter().map(String::as_str), names.len() as u64);
        found.push(finding(
            "space-layouts",
            "layouts of spaces were changed and may break with the target",
            format!(
                "{at_least}{} in {}: {names}",
                counted(spaces.len() as u64, "layout"),
                counted(count.len() as u64, "space")
            ),
            "Ask the administrators of these spaces, try the target with them on staging, and reset what nobody needs before \
             the upgrade under Space tools, Look and Feel, Layout (Reset Default). All of them: SELECT spacekey, \
             decoratorname FROM decorator WHERE spacekey IS NOT NULL;",
        ));
    }
    found
}

fn of_settings(customised: &[Customised]) -> Vec<Finding> {
    let kinds =
        [CustomisedKind::Html, CustomisedKind::Stylesheet, CustomisedKind::Theme, CustomisedKind::UserMacros];
    let of_kind = |kind| {
        let of_kind: Vec<&Customised> = customised.iter().filter(|one| one.kind == kind).collect();
        (!of_kind.is_empty()).then(|| of_setting(kind, &of_kind, at_least(customised.len())))
    };
    kinds.into_iter().filter_map(of_kind).collect()
}

fn of_setting(kind: CustomisedKind, of_kind: &[&Customised], at_least: &str) -> Finding {
    let (subject, summary, remedy) = match kind {
        CustomisedKind::Html => (
            "custom-html",
            "HTML of one's own is put into every page and may break with the target",
            "Save it, try the target with it on staging, and empty it before the upgrade under General Configuration, Look and \
             Feel, Custom HTML.",
        ),
        CustomisedKind::Stylesheet => (
            "stylesheets",
            "stylesheets of one's own may not fit the pages of the target",
            "Save them, try the target with them on staging, and empty them before the upgrade under General Configuration, \
             Look and Feel, Stylesheet, or for a space under Space tools, Look and Feel, Stylesheet.",
        ),
        CustomisedKind::Theme => (
            "themes",
            "a theme was chosen that the target may not have any more",
            "See under General Configuration, Look and Feel, Themes, and for a space under Space tools, Look and Feel, Themes, \
             whether the theme is the product's own or of an app that has a version for the target; otherwise choose the \
             default theme before the upgrade.",
        ),
        CustomisedKind::UserMacros => (
            "user-macros",
            "user macros are kept, and may not work with the target",
            "Save each under General Configuration, User Macros, and try pages that use them on staging; delete what nobody \
             uses.",
        ),
    };
    let places: BTreeSet<&str> =
        of_kind.iter().map(|one| one.space.as_deref().unwrap_or("the whole site")).collect();
    let keys: BTreeSet<&str> = of_kind.iter().map(|one| one.key.as_str()).collect();
    let observed = format!(
        "{at_least}for {}; under {}",
        first_few(places.iter().copied(), places.len() as u64),
        first_few(keys.iter().copied(), keys.len() as u64)
    );
    finding(subject, summary, observed, remedy)
}

fn finding(subject: &str, summary: &str, observed: String, remedy: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: subject.to_owned(),
        summary: summary.to_owned(),
        observed,
        required: "the product's own, or changes that were tried with the target".to_owned(),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, database, judges_spoilt, look, read, unread};

    fn layout(golden: &mut Golden, space: Option<&str>, name: &str) {
        let layouts = read(&mut database(golden).records.layouts);
        layouts.push(Layout { space: space.map(Into::into), name: name.into() });
    }

    fn custom(golden: &mut Golden, kind: CustomisedKind, space: Option<&str>) {
        let customised = read(&mut database(golden).records.customised);
        customised.push(Customised { kind, space: space.map(Into::into), key: "some.key".into() });
    }

    #[test]
    fn every_group_of_changes_is_a_task() {
        const WARNED: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("site", |g| layout(g, None, "main.vmd"), Warning, &[(WARNED, "site-layouts")]),
            ("space", |g| layout(g, Some("DS"), "main.vmd"), Warning, &[(WARNED, "space-layouts")]),
            ("html", |g| custom(g, CustomisedKind::Html, None), Warning, &[(WARNED, "custom-html")]),
            (
                "styles",
                |g| {
                    custom(g, CustomisedKind::Stylesheet, None);
                    custom(g, CustomisedKind::Stylesheet, Some("DS"));
                },
                Warning,
                &[(WARNED, "stylesheets")],
            ),
            ("theme", |g| custom(g, CustomisedKind::Theme, Some("DS")), Warning, &[(WARNED, "themes")]),
            ("macros", |g| custom(g, CustomisedKind::UserMacros, None), Warning, &[(WARNED, "user-macros")]),
            ("layouts unread", |g| database(g).records.layouts = unread(), Unknown, &[]),
            (
                "settings unread",
                |g| {
                    database(g).records.customised = unread();
                    layout(g, None, "main.vmd");
                },
                Unknown,
                &[(WARNED, "site-layouts")],
            ),
            ("an older snapshot", |g| database(g).records = Records::default(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn many_are_counted_and_a_few_are_named() {
        let mut golden = golden();
        for number in 0..=Records::MOST {
            layout(&mut golden, Some(&format!("S{number:04}")), "main.vmd");
        }
        custom(&mut golden, CustomisedKind::Stylesheet, None);
        custom(&mut golden, CustomisedKind::Stylesheet, Some("DS"));
        let text = look(&CHECK, &golden).text();
        for part in [
            "at least 1001 layouts in 1001 spaces: main.vmd in S0000",
            "and 996 more",
            "for DS, the whole site; under some.key",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
