//! A run book as one file of HTML, for the screen and for paper: no script, and nothing to load.

use upgrade_readiness_checks::facts::{StepMark, StepState};
use upgrade_readiness_checks::plan::book::{Block, Book, Open, Section, Shell, Step, StopReport};
use upgrade_readiness_checks::plan::way::{NoWay, Stop, Way};

use super::words::{self, Standing};
use crate::surface::frame::{Fleet, Part, segment};
use crate::surface::html::{Html, TOKENS};
use crate::surface::status::{minute, printable};

const STYLE: &str = include_str!("book.css");

/// Leads from the page of a book to the overview.
const ROOT: &str = "../../";

/// The forms of the names and notes are no longer than the daemon takes them.
const MOST_NAME: usize = 100;
const MOST_NOTE: usize = 1000;

/// The whole book; with an address, every step has a form that is sent there.
pub(super) fn render_html(book: &Book, action: Option<&str>) -> String {
    let mut html = Html::default();
    html.raw(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Run book: ",
    );
    html.element("", &book.instance, ", ");
    html.element("", &words::jump_title(book), "</title>\n<style>\n");
    html.raw(TOKENS);
    html.raw(STYLE);
    html.raw("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#steps\">Skip to the steps</a>\n");
    if action.is_some() {
        let instance = format!("{ROOT}instances/{}", segment(&book.instance));
        let above = [(ROOT.to_owned(), "Instances"), (instance, book.instance.as_str())];
        html.bar(ROOT, Some(Part::Instances), Fleet::Alone, &above, "Run book");
    }
    html.head(book);
    html.raw("<main>\n<div class=\"front\">\n");
    html.way(book);
    html.stops(&book.stops);
    html.downtime(book);
    html.staging(book.since_staging.as_deref());
    html.raw("</div>\n");
    html.contents(book);
    html.raw("<div class=\"steps\" id=\"steps\">\n");
    for (number, section) in book.sections.iter().enumerate() {
        html.section(number + 1, section, action);
    }
    html.elsewhere(&book.marks_elsewhere);
    html.raw("</div>\n</main>\n<footer>Made from facts of ");
    html.element("", &minute(book.facts_of), "</footer>\n</body>\n</html>\n");
    html.into_text()
}

impl Html {
    fn paragraph(&mut self, text: &str) {
        self.raw("<p>");
        self.prose(text);
        self.raw("</p>\n");
    }

    /// A name and what belongs to it.
    fn pair(&mut self, name: &str, text: &str) {
        self.element("<dt>", name, "</dt><dd>");
        self.prose(text);
        self.raw("</dd>\n");
    }

    /// A name, what belongs to it, and the page to look at.
    fn pair_with_page(&mut self, name: &str, text: &str, page: Option<&str>) {
        self.element("<dt>", name, "</dt><dd>");
        self.prose(text);
        if let Some(page) = page {
            self.raw(" <span class=\"page\">");
            if words::is_link(page) {
                self.element("<a href=\"", page, "\" rel=\"noreferrer\">");
                self.element("", page, "</a>");
            } else {
                self.text(page);
            }
            self.raw("</span>");
        }
        self.raw("</dd>\n");
    }

    fn items(&mut self, items: &[String]) {
        self.raw("<ul>\n");
        for item in items {
            self.raw("<li>");
            self.prose(item);
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
    }

    fn head(&mut self, book: &Book) {
        self.element(
            "<div class=\"cover\">\n<p class=\"kicker\">Run book</p>\n<div class=\"title\"><h1>",
            &book.instance,
            " <small>",
        );
        self.text(&words::jump_title(book));
        self.raw("</small></h1>");
        self.badge(book.verdict);
        self.raw("</div>\n");
        if let Some(blocks) = &book.blocks {
            self.element(
                "<p class=\"caution\"><strong>Mind the day:</strong> ",
                &words::blocks(blocks),
                "</p>\n",
            );
        }
        self.raw("<dl class=\"pairs made\">\n");
        let planned = book.planned_for.map_or_else(|| "not planned".to_owned(), |day| day.to_string());
        self.pair("Planned for", &planned);
        self.pair("Made for", &format!("{}, {} {}", book.instance, book.product, book.running));
        for (name, value) in &book.made_for {
            self.pair(&words::capital(name), value);
        }
        self.pair("Method", words::method(book.method));
        self.pair("Made from", &format!("facts of {}", minute(book.facts_of)));
        self.pair("Progress", &words::progress(book));
        self.raw("</dl>\n");
        if !book.not_seen.is_empty() {
            self.element("<p class=\"caution\"><strong>", words::NOT_SEEN, "</strong></p>\n<ul>\n");
            for gap in &book.not_seen {
                self.element("<li>", gap, "</li>\n");
            }
            self.raw("</ul>\n");
        }
        self.raw("</div>\n");
    }

    fn way(&mut self, book: &Book) {
        self.raw("<section aria-labelledby=\"way\">\n<h2 id=\"way\">The way</h2>\n");
        match &book.way {
            Ok(way) => self.stops_of_way(way),
            Err(no_way) => self.no_way(no_way),
        }
        self.raw("</section>\n");
    }

    fn stops_of_way(&mut self, way: &Way) {
        self.paragraph(&format!("From {}. {}", way.from, words::outages(way.outages)));
        if !way.before.is_empty() {
            self.paragraph(&format!("Before the first upgrade: {}.", words::changes(&way.before)));
        }
        self.raw("<ol class=\"way\">\n");
        for stop in &way.stops {
            self.stop(stop);
        }
        self.raw("</ol>\n");
        if !way.unseen.is_empty() {
            self.raw("<p>Could not be seen, and is not considered here:</p>\n");
            self.items(&way.unseen);
        }
    }

    fn stop(&mut self, stop: &Stop) {
        self.element("<li><strong>", &stop.version.to_string(), "</strong>");
        if stop.long_term_support {
            self.raw(" <span class=\"tag\">long-term support</span>");
        }
        self.raw("\n<dl class=\"pairs\">\n");
        self.pair_with_page("Jump", &words::jump(&stop.jump), words::jump_page(&stop.jump));
        if let Some(rule) = &stop.rolling {
            self.pair_with_page("Rolling", &words::rolling(rule), Some(&rule.page));
        }
        if !stop.with_jump.is_empty() {
            self.pair("In this step", &words::changes(&stop.with_jump));
        }
        if !stop.then.is_empty() {
            self.pair("Then", &format!("{}, before the next upgrade", words::changes(&stop.then)));
        }
        for doubt in &stop.doubts {
            self.pair_with_page("Doubt", &words::doubt(doubt), doubt.page.as_deref());
        }
        self.raw("</dl>\n</li>\n");
    }

    fn no_way(&mut self, NoWay { because, unless, together }: &NoWay) {
        self.raw("<div class=\"card blocked\"><span class=\"kind blocked\">There is no way</span>\n");
        self.items(because);
        self.raw("</div>\n");
        if !unless.is_empty() {
            self.paragraph(words::opens(*together));
            self.items(unless);
        }
    }

    fn stops(&mut self, stops: &[StopReport]) {
        if stops.is_empty() {
            return;
        }
        self.raw(
            "<section aria-labelledby=\"stops\">\n<h2 id=\"stops\">Each stop judged</h2>\n<table class=\"stops\">\n\
             <thead><tr><th scope=\"col\">Release</th><th scope=\"col\">Verdict</th>\
             <th scope=\"col\">What stands in the way</th></tr></thead>\n<tbody>\n",
        );
        for stop in stops {
            self.element("<tr><th scope=\"row\">", &stop.version.to_string(), "</th><td>");
            self.badge(stop.verdict);
            self.raw("</td><td>");
            let found = stop.findings.iter().map(|(severity, check, text)| (Some(*severity), check, text));
            let unknown = stop.unknown.iter().map(|(check, reason)| (None, check, reason));
            let all: Vec<_> = found.chain(unknown).collect();
            if all.is_empty() {
                self.raw("nothing");
            } else {
                self.raw("<ul>");
                for (severity, check, text) in all {
                    let (word, class) = words::severity(severity);
                    self.raw("<li><span class=\"kind ");
                    self.raw(class);
                    self.element("\">", word, "</span> ");
                    self.prose(text);
                    self.element(" <code>", check, "</code></li>");
                }
                self.raw("</ul>");
            }
            self.raw("</td></tr>\n");
        }
        self.raw("</tbody>\n</table>\n</section>\n");
    }

    fn downtime(&mut self, book: &Book) {
        self.raw("<section aria-labelledby=\"downtime\">\n<h2 id=\"downtime\">Downtime</h2>\n");
        match &book.downtime {
            Some(estimate) => self.paragraph(&format!("{}.", words::capital(&words::estimate(estimate)))),
            None => self.paragraph(words::NO_DOWNTIME),
        }
        self.raw("</section>\n");
    }

    fn staging(&mut self, since: Option<&[String]>) {
        self.raw("<section aria-labelledby=\"staging\">\n<h2 id=\"staging\">Since staging</h2>\n");
        match since {
            None => self.paragraph(words::NO_STAGING),
            Some([]) => self.paragraph(words::SAME_AS_STAGING),
            Some(differences) => self.items(differences),
        }
        self.raw("</section>\n");
    }

    fn contents(&mut self, book: &Book) {
        self.raw("<nav class=\"contents\" aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n");
        self.raw("<li><a href=\"#way\">The way</a></li>\n");
        if !book.stops.is_empty() {
            self.raw("<li><a href=\"#stops\">Each stop judged</a></li>\n");
        }
        self.raw(
            "<li><a href=\"#downtime\">Downtime</a></li>\n<li><a href=\"#staging\">Since staging</a></li>\n",
        );
        for (number, section) in book.sections.iter().enumerate() {
            let number = number + 1;
            self.raw(&format!("<li class=\"part\"><a href=\"#section-{number}\">{number} "));
            self.element("", &section.title, "</a>\n<ol>\n");
            for (place, step) in section.steps.iter().enumerate() {
                let standing = Standing::of(step);
                self.raw(&format!("<li><a href=\"#{}\">{number}.{} ", anchor(&step.id), place + 1));
                self.element("", &step.title, " ");
                self.state(standing);
                self.raw("</a></li>\n");
            }
            self.raw("</ol></li>\n");
        }
        if !book.marks_elsewhere.is_empty() {
            self.raw("<li><a href=\"#elsewhere\">Steps that are not in this book</a></li>\n");
        }
        self.raw("</ol>\n</nav>\n");
    }

    /// How a step stands, in a word.
    fn state(&mut self, standing: Standing) {
        self.raw("<span class=\"state ");
        self.raw(standing.id());
        self.element("\">", standing.word(), "</span>");
    }

    fn section(&mut self, number: usize, section: &Section, action: Option<&str>) {
        let id = format!("section-{number}");
        self.raw(&format!(
            "<section class=\"part {}\" aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{number} ",
            section.kind.id()
        ));
        self.element("", &section.title, "</h2>\n<p class=\"soft\">");
        self.element("", &words::extent(section), "</p>\n");
        self.blocks(&section.intro);
        for (place, step) in section.steps.iter().enumerate() {
            self.step(&format!("{number}.{}", place + 1), step, action);
        }
        self.raw("</section>\n");
    }

    fn step(&mut self, number: &str, step: &Step, action: Option<&str>) {
        let standing = Standing::of(step);
        let id = anchor(&step.id);
        self.raw(&format!(
            "<article class=\"step {}\" id=\"{id}\" aria-labelledby=\"{id}-title\">\n<div class=\"step-head\">\
             <span class=\"box\" aria-hidden=\"true\">{}</span><h3 id=\"{id}-title\">{number} ",
            standing.id(),
            standing.sign()
        ));
        self.element("", &step.title, "</h3>");
        self.state(standing);
        self.element("</div>\n<p class=\"about\"><code>", &step.id, "</code>");
        for remark in words::remarks(step) {
            self.raw("<span>");
            self.prose(&remark);
            self.raw("</span>");
        }
        self.raw("</p>\n");
        if let Some(mark) = &step.mark {
            self.raw("<p class=\"said\">");
            self.said(mark);
            self.raw("</p>\n");
        }
        self.proofs(step);
        for open in &step.open {
            self.open(open);
        }
        self.blocks(&step.blocks);
        if !step.is_settled() {
            self.raw("<p class=\"sign\" aria-hidden=\"true\"><span>Name</span><i></i><span>Time</span><i></i></p>\n");
        }
        if let Some(action) = action {
            self.form(step, action);
        }
        self.raw("</article>\n");
    }

    fn proofs(&mut self, step: &Step) {
        if step.proofs.is_empty() {
            return;
        }
        self.raw("<ul class=\"proofs\">\n");
        for proof in &step.proofs {
            self.raw("<li>Seen: ");
            self.prose(if proof.evidence.is_empty() { proof.title } else { &proof.evidence });
            self.element(" <span class=\"soft\">(<code>", proof.check, "</code>");
            if let Some(at) = words::proof_time(proof) {
                self.element(", ", &at, "");
            }
            self.raw(")</span></li>\n");
        }
        self.raw("</ul>\n");
    }

    fn open(&mut self, open: &Open) {
        let (word, class) = words::gravity(open);
        self.raw("<div class=\"card ");
        self.raw(if open.settled_by.is_some() { "settled" } else { class });
        self.raw("\"><span class=\"kind ");
        self.raw(class);
        self.element("\">", word, "</span>");
        if open.settled_by.is_some() {
            self.raw("<span class=\"kind settled\">Settled</span>");
        }
        self.raw("<strong>");
        self.prose(&open.summary);
        self.raw("</strong>\n<dl class=\"pairs\">\n");
        for (name, text) in words::rows(open) {
            self.pair(name, text);
        }
        self.element("<dt>Check</dt><dd><code>", open.check, "</code>");
        if !open.subject.is_empty() {
            self.element(" <code>", &open.subject, "</code>");
        }
        self.raw("</dd>\n</dl></div>\n");
    }

    /// What a person says of a step when he has no terminal at hand.
    fn form(&mut self, step: &Step, action: &str) {
        let prompt = if step.mark.is_some() { "Say something else" } else { "Say what became of it" };
        self.element("<details class=\"mark\"><summary>", prompt, "</summary>\n");
        self.element("<form method=\"post\" action=\"", action, "\">\n");
        self.element("<input type=\"hidden\" name=\"step\" value=\"", &step.id, "\">\n");
        self.raw(&format!(
            "<label>Name <input name=\"by\" required maxlength=\"{MOST_NAME}\" autocomplete=\"name\"></label>\n\
             <label>Took <input name=\"took\" maxlength=\"20\" placeholder=\"12m\" autocomplete=\"off\"></label>\n\
             <label class=\"note\">Note, needed when it failed <input name=\"note\" maxlength=\"{MOST_NOTE}\" \
             autocomplete=\"off\"></label>\n<p>"
        ));
        for state in StepState::ALL {
            self.element("<button name=\"state\" value=\"", state.id(), "\">");
            self.element("", &words::capital(state.id()), "</button>\n");
        }
        self.raw("</p>\n</form></details>\n");
    }

    fn said(&mut self, mark: &StepMark) {
        self.element("<strong>", &words::mark(mark), "</strong>");
        if let Some(note) = mark.note.as_deref().filter(|note| !note.is_empty()) {
            self.raw(": ");
            self.prose(note);
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Text(text) => self.paragraph(text),
                Block::Caution(text) => {
                    self.raw("<p class=\"caution\"><strong>Caution:</strong> ");
                    self.prose(text);
                    self.raw("</p>\n");
                }
                Block::List(items) => self.items(items),
                Block::Commands { place, shell, lines } => self.commands(place, *shell, lines),
                Block::Table { head, rows } => self.table(head, rows),
            }
        }
    }

    fn commands(&mut self, place: &str, shell: Shell, lines: &[String]) {
        self.raw("<figure>\n");
        if !place.is_empty() {
            self.element("<figcaption>", &words::capital(place), "</figcaption>\n");
        }
        self.raw(&format!("<pre class=\"{}\"><code>", shell.id()));
        for (number, line) in lines.iter().enumerate() {
            self.raw(if number == 0 { "<span>" } else { "\n<span>" });
            for (place, word) in printable(line).split(' ').enumerate() {
                self.raw(if place == 0 { "" } else { " " });
                if word.starts_with('-') { self.element("<i>", word, "</i>") } else { self.text(word) }
            }
            self.raw("</span>");
        }
        self.raw("</code></pre>\n</figure>\n");
    }

    fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        let (head, rows) = words::columns(head, rows);
        if head.is_empty() {
            return;
        }
        // A wide table is moved sideways inside of its place, by keyboard too.
        self.raw(
            "<div class=\"wide\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">\n<table>\n<thead><tr>",
        );
        for cell in head {
            self.raw("<th scope=\"col\">");
            self.prose(cell);
            self.raw("</th>");
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.raw("<tr>");
            for cell in row {
                self.raw("<td>");
                self.prose(cell);
                self.raw("</td>");
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody>\n</table>\n</div>\n");
    }

    fn elsewhere(&mut self, marks: &[StepMark]) {
        if marks.is_empty() {
            return;
        }
        self.raw(
            "<section aria-labelledby=\"elsewhere\">\n<h2 id=\"elsewhere\">Said of steps that are not in this \
             book</h2>\n<ul>\n",
        );
        for mark in marks {
            self.element("<li><code>", &mark.step, "</code> (");
            self.element("", &mark.target.to_string(), "): ");
            self.said(mark);
            self.raw("</li>\n");
        }
        self.raw("</ul>\n</section>\n");
    }
}

/// The id of a step as an anchor: of characters that need no care.
#[must_use]
pub fn anchor(id: &str) -> String {
    let harmless = |char: char| if char.is_ascii_alphanumeric() || "-.".contains(char) { char } else { '_' };
    id.chars().map(harmless).collect()
}
