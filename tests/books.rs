//! Run books, for instances that differ as real ones do, as reviewed texts.
//!
//! Whoever changes a sentence of a step reads here what becomes of it everywhere.

use upgrade_readiness_agent::surface::book::{Form, render};
use upgrade_readiness_checks::plan::book::make;
use upgrade_readiness_checks::report::Judge;
use upgrade_readiness_checks::scenes::scenes;

#[test]
fn the_books_read_as_they_were_reviewed() {
    for scene in scenes() {
        let golden = &scene.golden;
        let judge =
            Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
        let book = make(judge, &golden.facts, &golden.target, scene.method).unwrap();
        let text = render(&book, Form::Markdown);
        assert!(!text.contains("<b>macros</b>"), "{}: the name of an app became markup", scene.name);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(scene.name, text);
        });
    }
}
