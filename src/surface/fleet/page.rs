//! The fleet as a page: a table, and below each instance who says what. It works without JavaScript.

use jiff::Timestamp;

use super::{FleetFile, FleetInstanceView, FleetTargetView, ReportState, told_by};
use crate::surface::html::{Html, TOKENS};
use crate::surface::status::{minute, product_name};

const STYLE: &str = include_str!("page.css");

/// The page; without a fleet it says how to have one.
#[must_use]
pub fn render_fleet_page(fleet: Option<&FleetFile>, trouble: Option<&str>, now: Timestamp) -> String {
    let mut html = Html::default();
    html.raw(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"refresh\" content=\"60\">\n\
         <title>Fleet</title>\n<style>\n",
    );
    html.raw(TOKENS);
    html.raw(STYLE);
    html.raw("</style>\n</head>\n<body>\n<header><p><a href=\"./\">This agent</a></p><h1>Fleet</h1>\n");
    if let Some(trouble) = trouble {
        html.element("<p role=\"alert\" class=\"trouble\">", trouble, "</p>\n");
    }
    match fleet {
        None => html.raw(
            "<p>Nothing was read yet. A fleet needs a <code>[store]</code> in the configuration of every agent; it is \
             read within a minute then.</p></header>\n",
        ),
        Some(fleet) => {
            html.element("<p>", &fleet.summary(), "</p>\n");
            html.element("<p class=\"soft\">Read ", &minute(fleet.read_at), " from ");
            html.element("", &fleet.store, "</p></header>\n<main>\n");
            table(&mut html, fleet);
            for (number, instance) in fleet.instances.iter().enumerate() {
                detail(&mut html, number, instance, now);
            }
            html.raw("</main>\n");
        }
    }
    html.raw("</body>\n</html>\n");
    html.into_text()
}

fn table(html: &mut Html, fleet: &FleetFile) {
    html.raw(
        "<table>\n<thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">Instance</th><th scope=\"col\">Upgrade</th>\
         <th scope=\"col\">Blocked from</th></tr></thead>\n<tbody>\n",
    );
    for (number, instance) in fleet.instances.iter().enumerate() {
        let row = |html: &mut Html, target: Option<&FleetTargetView>| {
            html.raw("<tr><td>");
            html.badge(target.map_or(instance.verdict, |target| target.verdict));
            html.raw("</td><td><a href=\"#instance-");
            html.show(number);
            html.element("\">", &instance.name, "</a></td><td>");
            if let Some(target) = target {
                html.text(&target.jump(instance));
                html.element(" <span class=\"soft\">", &target.tally(), "</span>");
            }
            html.element(
                "</td><td>",
                &target.and_then(|target| target.blocks_at).map(minute).unwrap_or_default(),
                "</td></tr>\n",
            );
        };
        for target in &instance.targets {
            row(html, Some(target));
        }
        if instance.targets.is_empty() {
            row(html, None);
        }
    }
    html.raw("</tbody>\n</table>\n");
}

fn detail(html: &mut Html, number: usize, instance: &FleetInstanceView, now: Timestamp) {
    html.raw("<section id=\"instance-");
    html.show(number);
    html.element("\">\n<h2>", &instance.name, " <small>");
    html.text(&product_name(&instance.product));
    html.element(" ", &instance.versions.join(" and "), "</small></h2>\n");
    if !instance.doubts.is_empty() {
        html.raw("<ul class=\"doubts\">\n");
        for doubt in &instance.doubts {
            html.element("<li>", doubt, "</li>\n");
        }
        html.raw("</ul>\n");
    }
    for target in &instance.targets {
        html.raw("<h3>");
        html.badge(target.verdict);
        html.element(" ", &target.jump(instance), "</h3>\n");
        if let Some(at) = target.blocks_at.filter(|at| *at > now) {
            html.element("<p>Will be blocked from ", &minute(at), " if nobody acts: ");
            html.element("", target.blocks_because.as_deref().unwrap_or("a check"), "</p>\n");
        }
        html.raw("<ul>\n");
        for finding in &target.findings {
            html.raw("<li>");
            html.badge(finding.verdict);
            html.element(" <b>", &finding.check, "</b> ");
            html.element("", &finding.summary, " <span class=\"soft\">");
            html.element("", &finding.said_by.join(", "), "</span></li>\n");
        }
        html.raw("</ul>\n");
    }
    html.raw("<p class=\"soft\">Said by</p>\n<ul class=\"soft\">\n");
    for report in &instance.reports {
        let word = match report.state {
            ReportState::Fresh => "",
            ReportState::Stale => " (too old to be believed)",
            ReportState::Unreadable => " (cannot be read)",
        };
        html.element("<li>", &told_by(report), "");
        html.element("", word, "</li>\n");
    }
    html.raw("</ul>\n</section>\n");
}
