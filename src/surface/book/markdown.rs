//! A run book as Markdown (`CommonMark` and tables): for tickets and wikis, and readable as it is.

use std::fmt::{Arguments, Write as _};

use upgrade_readiness_checks::facts::StepMark;
use upgrade_readiness_checks::plan::book::{Block, Book, Open, Section, Step, StopReport};
use upgrade_readiness_checks::plan::way::{NoWay, Stop, Way};

use super::escape::{cell, code, fenced, inline, page};
use super::words;
use crate::surface::status::minute;

/// The whole book.
pub(super) fn render_markdown(book: &Book) -> String {
    let mut sheet = Sheet::default();
    sheet.head(book);
    sheet.way(book);
    sheet.stops(&book.stops);
    sheet.downtime(book);
    sheet.staging(book.since_staging.as_deref());
    sheet.contents(&book.sections);
    for (number, section) in book.sections.iter().enumerate() {
        sheet.section(number + 1, section);
    }
    sheet.elsewhere(&book.marks_elsewhere);
    sheet.out
}

/// Markdown that grows: parts with an empty line between them.
#[derive(Debug, Default)]
struct Sheet {
    out: String,
}

impl Sheet {
    /// A part of its own.
    fn part(&mut self, text: Arguments<'_>) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.line(text);
    }

    /// A line that belongs to the part before it.
    fn line(&mut self, text: Arguments<'_>) {
        // Writing into a string cannot fail.
        let _infallible = self.out.write_fmt(text);
        self.out.push('\n');
    }

    fn head(&mut self, book: &Book) {
        self.part(format_args!(
            "# Run book: {}",
            inline(&format!("{}, {}", book.instance, words::jump_title(book)))
        ));
        self.part(format_args!("| | |\n|---|---|"));
        let mut row =
            |name: &str, value: &str| self.line(format_args!("| {} | {} |", cell(name), cell(value)));
        row("Verdict", book.verdict.id());
        let planned = book.planned_for.map_or_else(|| "not planned".to_owned(), |day| day.to_string());
        row("Planned for", &planned);
        row("Made for", &format!("{}, {} {}", book.instance, book.product, book.running));
        for (name, value) in &book.made_for {
            row(&words::capital(name), value);
        }
        row("Method", words::method(book.method));
        row("Made from", &format!("facts of {}", minute(book.facts_of)));
        row("Progress", &words::progress(book));
        if let Some(blocks) = &book.blocks {
            self.part(format_args!("**{}**", inline(&words::blocks(blocks))));
        }
        if !book.not_seen.is_empty() {
            self.part(format_args!("**{}**", words::NOT_SEEN));
            self.line(format_args!(""));
            for gap in &book.not_seen {
                self.line(format_args!("- {}", inline(gap)));
            }
        }
    }

    fn way(&mut self, book: &Book) {
        self.part(format_args!("## The way"));
        match &book.way {
            Ok(way) => self.steps_of_way(way),
            Err(no_way) => self.no_way(no_way),
        }
    }

    fn steps_of_way(&mut self, way: &Way) {
        let outages = words::outages(way.outages);
        self.part(format_args!("From {}. {outages}", inline(&way.from.to_string())));
        if !way.before.is_empty() {
            self.part(format_args!("Before the first upgrade: {}.", inline(&words::changes(&way.before))));
        }
        for (number, stop) in way.stops.iter().enumerate() {
            self.stop(number + 1, stop);
        }
        if !way.unseen.is_empty() {
            self.part(format_args!("Could not be seen, and is not considered here:\n"));
            self.items(&way.unseen);
        }
    }

    fn stop(&mut self, number: usize, stop: &Stop) {
        let long_term = if stop.long_term_support { " (long-term support)" } else { "" };
        let line = format!("{number}. **{}**{long_term}", inline(&stop.version.to_string()));
        // Only between two items may nothing stand that would end the list.
        if number == 1 {
            self.part(format_args!("{line}"));
        } else {
            self.line(format_args!("{line}"));
        }
        let indent = " ".repeat(number.to_string().len() + 2);
        let look = |at: Option<&str>| at.map_or_else(String::new, |at| format!(" (see {})", page(at)));
        let mut item = |name: &str, text: &str| self.line(format_args!("{indent}- {name}: {text}"));
        item("Jump", &format!("{}{}", inline(&words::jump(&stop.jump)), look(words::jump_page(&stop.jump))));
        if let Some(rule) = &stop.rolling {
            let page = look(Some(&rule.page));
            item("Rolling", &format!("{}{page}", inline(&words::rolling(rule))));
        }
        if !stop.with_jump.is_empty() {
            item("In the same step", &inline(&words::changes(&stop.with_jump)));
        }
        if !stop.then.is_empty() {
            item("Then, before the next upgrade", &inline(&words::changes(&stop.then)));
        }
        for doubt in &stop.doubts {
            item("Doubt", &format!("{}{}", inline(&words::doubt(doubt)), look(doubt.page.as_deref())));
        }
    }

    fn no_way(&mut self, NoWay { because, unless, together }: &NoWay) {
        self.part(format_args!("**There is no way**, because:\n"));
        self.items(because);
        if unless.is_empty() {
            return;
        }
        self.part(format_args!("{}\n", words::opens(*together)));
        self.items(unless);
    }

    fn stops(&mut self, stops: &[StopReport]) {
        if stops.is_empty() {
            return;
        }
        self.part(format_args!(
            "## Each stop judged\n\n| Release | Verdict | Check | What stands in the way |"
        ));
        self.line(format_args!("|---|---|---|---|"));
        for stop in stops {
            let mut head = format!("{} | {}", cell(&stop.version.to_string()), stop.verdict);
            if stop.findings.is_empty() && stop.unknown.is_empty() {
                self.line(format_args!("| {head} | – | nothing |"));
            }
            let found = stop.findings.iter().map(|(severity, check, text)| (Some(*severity), check, text));
            let unknown = stop.unknown.iter().map(|(check, reason)| (None, check, reason));
            for (severity, check, text) in found.chain(unknown) {
                let (word, _) = words::severity(severity);
                let check = cell(&format!("`{check}`"));
                self.line(format_args!("| {head} | {check} | {word}: {} |", cell(text)));
                " | ".clone_into(&mut head);
            }
        }
    }

    fn downtime(&mut self, book: &Book) {
        self.part(format_args!("## Downtime"));
        match &book.downtime {
            Some(estimate) => {
                self.part(format_args!("{}.", inline(&words::capital(&words::estimate(estimate)))));
            }
            None => self.part(format_args!("{}", words::NO_DOWNTIME)),
        }
    }

    fn staging(&mut self, since: Option<&[String]>) {
        self.part(format_args!("## Since staging"));
        match since {
            None => self.part(format_args!("{}", words::NO_STAGING)),
            Some([]) => self.part(format_args!("{}", words::SAME_AS_STAGING)),
            Some(differences) => {
                self.out.push('\n');
                self.items(differences);
            }
        }
    }

    fn contents(&mut self, sections: &[Section]) {
        if sections.is_empty() {
            return;
        }
        self.part(format_args!("## Contents\n"));
        for (number, section) in sections.iter().enumerate() {
            let number = number + 1;
            let extent = words::extent(section);
            self.line(format_args!("- **{number} {}** – {extent}", inline(&section.title)));
            for (place, step) in section.steps.iter().enumerate() {
                let state = words::Standing::of(step).word().to_lowercase();
                self.line(format_args!("  - {number}.{} {} – {state}", place + 1, inline(&step.title)));
            }
        }
    }

    fn section(&mut self, number: usize, section: &Section) {
        self.part(format_args!("## {number} {}", inline(&section.title)));
        self.part(format_args!("*{}*", words::extent(section)));
        self.blocks(&section.intro);
        for (place, step) in section.steps.iter().enumerate() {
            self.step(&format!("{number}.{}", place + 1), step);
        }
    }

    fn step(&mut self, number: &str, step: &Step) {
        self.part(format_args!("### {number} {}", inline(&step.title)));
        let tick = if step.is_settled() { 'x' } else { ' ' };
        let standing = words::Standing::of(step);
        let mut about = vec![code(&step.id)];
        about.extend(words::remarks(step).iter().map(|remark| inline(remark)));
        self.part(format_args!("- [{tick}] **{}** – {}", standing.word(), about.join(" · ")));
        if let Some(mark) = &step.mark {
            self.part(format_args!("{}", said(mark)));
        }
        for (place, proof) in step.proofs.iter().enumerate() {
            let evidence = if proof.evidence.is_empty() { proof.title } else { &proof.evidence };
            let at = words::proof_time(proof).map_or_else(String::new, |at| format!(", {at}"));
            if place == 0 {
                self.out.push('\n');
            }
            self.line(format_args!("* seen: {} ({}{at})", inline(evidence), code(proof.check)));
        }
        for open in &step.open {
            self.open(open);
        }
        self.blocks(&step.blocks);
        if !step.is_settled() {
            self.part(format_args!("Name: ______________________ Time: ______________"));
        }
    }

    fn open(&mut self, open: &Open) {
        let (word, _) = words::gravity(open);
        let settled = if open.settled_by.is_some() { ", settled" } else { "" };
        self.part(format_args!("> **{word}{settled}:** {}\n>", inline(&open.summary)));
        for (name, text) in words::rows(open) {
            self.line(format_args!("> - {name}: {}", inline(text)));
        }
        let subject =
            if open.subject.is_empty() { String::new() } else { format!(", {}", inline(&open.subject)) };
        self.line(format_args!("> - Check: {}{subject}", code(open.check)));
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Text(text) => self.part(format_args!("{}", inline(text))),
                Block::Caution(text) => self.part(format_args!("> **Caution:** {}", inline(text))),
                Block::List(items) => {
                    self.out.push('\n');
                    self.items(items);
                }
                Block::Commands { place, shell, lines } => {
                    if !place.is_empty() {
                        self.part(format_args!("{}:", inline(&words::capital(place))));
                    }
                    self.part(format_args!("{}", fenced(shell.id(), lines)));
                }
                Block::Table { head, rows } => self.table(head, rows),
            }
        }
    }

    /// Items of a list; the mark is another one than that of check boxes, so that the lists stay apart.
    fn items(&mut self, items: &[String]) {
        for item in items {
            self.line(format_args!("* {}", inline(item)));
        }
    }

    fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        let (head, rows) = words::columns(head, rows);
        if head.is_empty() {
            return;
        }
        let cells = |row: &[&str]| row.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | ");
        self.part(format_args!("| {} |\n|{}", cells(&head), "---|".repeat(head.len())));
        for row in &rows {
            self.line(format_args!("| {} |", cells(row)));
        }
    }

    fn elsewhere(&mut self, marks: &[StepMark]) {
        if marks.is_empty() {
            return;
        }
        self.part(format_args!("## Said of steps that are not in this book\n"));
        for mark in marks {
            self.line(format_args!(
                "* {} ({}): {}",
                code(&mark.step),
                inline(&mark.target.to_string()),
                said(mark)
            ));
        }
    }
}

/// What a person said of a step.
fn said(mark: &StepMark) -> String {
    let note = mark.note.as_deref().filter(|note| !note.is_empty());
    let note = note.map_or_else(String::new, |note| format!(": {note}"));
    inline(&format!("{}{note}", words::mark(mark)))
}
