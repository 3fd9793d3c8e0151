//! The overview: every instance with every target, a line each.
//!
//! It stays of a bounded size however many there are: it has pages, and can be filtered and sorted by its address.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::Deserialize;
use upgrade_readiness_checks::model::Verdict;

use super::frame::{Clock, Frame};
use super::row::Row;
use crate::board::Board;
use crate::surface::frame::{Fleet, Part, segment};
use crate::surface::html::{Html, verdict_word};
use crate::surface::status::{count, printable};

/// Lines of one page.
pub const MOST_ROWS: usize = 100;

/// As long as a name can be, and longer than anybody types.
const MOST_CHARS: usize = 64;

/// With fewer lines nobody looks for one.
const FEWEST_TO_FILTER: usize = 6;

/// Which lines are wanted, and in which order; what is absent or empty is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WantedRows {
    /// A part of the name of the instance, its product or the target.
    q: String,
    /// Only with this verdict, by its id.
    verdict: String,
    sort: Sort,
    /// Counted from one.
    page: Option<usize>,
}

/// The order of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sort {
    /// The gravest first.
    #[default]
    Verdict,
    Name,
    Target,
    Blockers,
    Warnings,
    Unknown,
    /// Who will be blocked soonest first.
    Blocks,
    /// Who is planned soonest first.
    Planned,
    /// The most failing first.
    Sources,
}

impl Sort {
    fn id(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Name => "name",
            Self::Target => "target",
            Self::Blockers => "blockers",
            Self::Warnings => "warnings",
            Self::Unknown => "unknown",
            Self::Blocks => "blocks",
            Self::Planned => "planned",
            Self::Sources => "sources",
        }
    }

    fn is_descending(self) -> bool {
        matches!(self, Self::Verdict | Self::Blockers | Self::Warnings | Self::Unknown | Self::Sources)
    }

    /// Lines that are alike in this stay in the order of the configuration.
    fn sort(self, rows: &mut [Row<'_>]) {
        match self {
            Self::Verdict => rows.sort_by_key(|row| {
                (Reverse(row.verdict), Reverse(row.count.blockers), row.blocks_at.unwrap_or(Timestamp::MAX))
            }),
            Self::Name => rows.sort_by(|one, other| one.instance.name.cmp(&other.instance.name)),
            Self::Target => rows.sort_by_cached_key(Row::full_name),
            Self::Blockers => rows.sort_by_key(|row| Reverse(row.count.blockers)),
            Self::Warnings => rows.sort_by_key(|row| Reverse(row.count.warnings)),
            Self::Unknown => rows.sort_by_key(|row| Reverse(row.count.unknown)),
            Self::Blocks => rows.sort_by_key(|row| row.blocks_at.unwrap_or(Timestamp::MAX)),
            Self::Planned => rows.sort_by_key(|row| (row.planned.is_none(), row.planned)),
            Self::Sources => rows.sort_by_key(|row| Reverse(row.sources)),
        }
    }
}

impl WantedRows {
    fn verdict(&self) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.id() == self.verdict)
    }

    /// What is looked for, in small letters.
    fn text(&self) -> String {
        self.q.trim().to_lowercase().chars().take(MOST_CHARS).collect()
    }

    fn includes(&self, row: &Row<'_>, text: &str) -> bool {
        let named = |name: &str| name.to_lowercase().contains(text);
        self.verdict().is_none_or(|verdict| row.verdict == verdict)
            && (text.is_empty()
                || named(&row.instance.name)
                || named(row.instance.product.name())
                || named(&row.full_name()))
    }

    /// The address of the same lines with something else.
    fn address(&self, verdict: Option<&str>, sort: Sort, page: usize) -> String {
        let text = self.text();
        let verdict = verdict.unwrap_or("");
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(format!("q={}", segment(&text)));
        }
        if !verdict.is_empty() {
            parts.push(format!("verdict={verdict}"));
        }
        if sort != Sort::default() {
            parts.push(format!("sort={}", sort.id()));
        }
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        if parts.is_empty() { "./".to_owned() } else { format!("?{}", parts.join("&")) }
    }

    fn this(&self, sort: Sort, page: usize) -> String {
        self.address(self.verdict().map(Verdict::id), sort, page)
    }
}

/// The overview.
#[must_use]
pub fn render_overview(board: &Board, wanted: &WantedRows, now: Timestamp) -> String {
    let all: Vec<Row<'_>> =
        board.instances.iter().flat_map(|instance| Row::of_instance(instance, now)).collect();
    let tally: Vec<(Verdict, usize)> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, all.iter().filter(|row| row.verdict == verdict).count()))
        .filter(|(_, number)| *number > 0)
        .collect();
    let title = if all.is_empty() { "Starting".to_owned() } else { in_words(&tally) };
    let mut html = Html::default();
    let part = Some(Part::Instances);
    let fleet = Fleet::of(board);
    let frame = Frame { title: &title, root: "", part, above: &[], here: "", live: true, fleet };
    html.begin(&frame, now);
    html.raw("<div id=\"head\" data-live>\n<h1>");
    if all.is_empty() {
        html.raw("No target is watched yet</h1>\n<p class=\"lead\">Right after its start the agent needs a moment.</p>\n</div>\n");
        html.agent_notices(board);
        html.end("", now);
        return html.into_text();
    }
    html.headline(&all, &tally, board.instances.len());
    html.tally(&tally, wanted, all.len());
    html.agent_notices(board);
    html.raw("</div>\n");
    if all.len() >= FEWEST_TO_FILTER {
        html.filter(wanted);
    }
    let text = wanted.text();
    let total = all.len();
    let mut rows: Vec<Row<'_>> = all.into_iter().filter(|row| wanted.includes(row, &text)).collect();
    wanted.sort.sort(&mut rows);
    html.raw("<div id=\"rows\" data-live>\n");
    if rows.is_empty() {
        html.element(
            "<p class=\"lead\">None of ",
            &count(total, "line"),
            " is like that. <a href=\"./\">Show all</a></p>\n",
        );
    } else {
        html.page_of_rows(&rows, wanted, now);
    }
    html.raw("</div>\n");
    html.end("", now);
    html.into_text()
}

/// `2 blocked, 1 cannot tell, 4 ready`.
fn in_words(tally: &[(Verdict, usize)]) -> String {
    let words = tally.iter().map(|(verdict, number)| {
        let word = match verdict {
            Verdict::Blocked => "blocked",
            Verdict::Unknown => "cannot tell",
            Verdict::Warning => "with warnings",
            Verdict::Ready => "ready",
            Verdict::Skipped => "skipped",
        };
        format!("{number} {word}")
    });
    words.collect::<Vec<_>>().join(", ")
}

impl Html {
    fn headline(&mut self, rows: &[Row<'_>], tally: &[(Verdict, usize)], instances: usize) {
        let total = rows.len();
        let worst = tally.first().copied();
        let headline = match worst {
            Some((Verdict::Blocked, number)) if number == total && total > 1 => {
                format!("All {total} upgrades are blocked")
            }
            Some((Verdict::Blocked, 1)) if total == 1 => "The upgrade is blocked".to_owned(),
            Some((Verdict::Blocked, 1)) => format!("1 of {total} upgrades is blocked"),
            Some((Verdict::Unknown, 1)) if total == 1 => {
                "Whether the upgrade can start cannot be told".to_owned()
            }
            Some((Verdict::Blocked, number)) => format!("{number} of {total} upgrades are blocked"),
            Some((Verdict::Unknown, 1)) => "Nothing is blocked, and 1 upgrade cannot be told".to_owned(),
            Some((Verdict::Unknown, number)) => {
                format!("Nothing is blocked, and {number} upgrades cannot be told")
            }
            Some((Verdict::Warning, _)) => "Nothing is blocked, and somebody must decide".to_owned(),
            Some((Verdict::Ready, _)) => "Everything is ready".to_owned(),
            Some((Verdict::Skipped, _)) | None => "Nothing was judged".to_owned(),
        };
        self.element("", &headline, "</h1>\n");
        let watched = format!("{} with {} watched.", count(instances, "instance"), count(total, "target"));
        self.element("<p class=\"lead\">", &watched, "</p>\n");
    }

    /// How many of each verdict, each leading to them.
    fn tally(&mut self, tally: &[(Verdict, usize)], wanted: &WantedRows, total: usize) {
        self.raw("<nav aria-label=\"By verdict\"><ul class=\"tally\">\n");
        let all = [("", "All", total, "")];
        let each = tally
            .iter()
            .map(|(verdict, number)| (verdict.id(), verdict_word(*verdict), *number, verdict.id()));
        for (id, word, number, class) in each.chain(all) {
            self.element("<li><a href=\"", &wanted.address(Some(id), wanted.sort, 1), "\"");
            let chosen = wanted.verdict().map_or("", Verdict::id) == id;
            self.raw(if chosen { " aria-current=\"true\">" } else { ">" });
            self.raw(&format!("<b>{number}</b> "));
            if class.is_empty() {
                self.raw(word);
            } else {
                self.raw(&format!("<span class=\"sign {class}\">{word}</span>"));
            }
            self.raw("</a></li>\n");
        }
        self.raw("</ul></nav>\n");
    }

    fn agent_notices(&mut self, board: &Board) {
        for notice in &board.notices {
            self.element("<p class=\"caution\"><strong>", notice.subject, "</strong> ");
            self.prose(&notice.text);
            self.raw("</p>\n");
        }
    }

    fn filter(&mut self, wanted: &WantedRows) {
        self.raw("<form class=\"filter\" role=\"search\" aria-label=\"Instances\">\n<label>Find <input type=\"search\" name=\"q\" ");
        self.element(
            "maxlength=\"64\" autocomplete=\"off\" placeholder=\"name, product or target\" value=\"",
            wanted.q.trim(),
            "\"></label>\n",
        );
        self.raw("<label>Verdict <select name=\"verdict\"><option value=\"\">any</option>");
        for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Skipped) {
            let chosen = if wanted.verdict() == Some(verdict) { " selected" } else { "" };
            self.raw(&format!(
                "<option value=\"{}\"{chosen}>{}</option>",
                verdict.id(),
                verdict_word(verdict)
            ));
        }
        self.raw("</select></label>\n");
        if wanted.sort != Sort::default() {
            self.element("<input type=\"hidden\" name=\"sort\" value=\"", wanted.sort.id(), "\">\n");
        }
        self.raw("<button>Show</button>\n</form>\n");
    }

    fn page_of_rows(&mut self, rows: &[Row<'_>], wanted: &WantedRows, now: Timestamp) {
        let pages = rows.len().div_ceil(MOST_ROWS);
        let page = wanted.page.unwrap_or(1).clamp(1, pages);
        let first = (page - 1) * MOST_ROWS;
        let shown = rows.iter().skip(first).take(MOST_ROWS);
        self.raw("<table class=\"rows\">\n<caption class=\"heard\">Instances and their targets</caption>\n<thead><tr>");
        for (sort, name, class) in [
            (Sort::Name, "Instance", ""),
            (Sort::Target, "Target", ""),
            (Sort::Verdict, "Verdict", ""),
            (Sort::Blockers, "Blockers", "number"),
            (Sort::Warnings, "Warnings", "number"),
            (Sort::Unknown, "Cannot tell", "number"),
            (Sort::Blocks, "Blocked from", ""),
            (Sort::Planned, "Planned", ""),
            (Sort::Sources, "Sources", ""),
        ] {
            let order = match (sort == wanted.sort, sort.is_descending()) {
                (true, true) => " aria-sort=\"descending\"",
                (true, false) => " aria-sort=\"ascending\"",
                (false, _) => "",
            };
            self.raw(&format!("<th scope=\"col\" class=\"{class}\"{order}>"));
            self.element("<a href=\"", &wanted.this(sort, 1), "\">");
            self.element("", name, "</a></th>");
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for row in shown {
            self.row_of_overview(row, now);
        }
        self.raw("</tbody>\n</table>\n");
        if pages > 1 {
            self.pages(rows.len(), page, pages, |page| wanted.this(wanted.sort, page));
        }
    }

    fn row_of_overview(&mut self, row: &Row<'_>, now: Timestamp) {
        let Row { instance, verdict, count, blocks_at, planned, sources, .. } = row;
        let name = &instance.name;
        let names = row.names();
        let (requested, version) = names.unwrap_or_default();
        let address = if requested.is_empty() {
            format!("instances/{}", segment(name))
        } else {
            format!("instances/{}?target={}", segment(name), segment(&requested))
        };
        self.element(
            "<tr id=\"row:",
            &format!("{}:{}", segment(name), segment(&requested)),
            "\" data-what=\"",
        );
        self.element("", name, " to ");
        self.element("", &row.full_name(), "\" data-verdict=\"");
        self.element("", verdict_word(*verdict), "\"><th scope=\"row\"><a href=\"");
        self.element("", &address, "\">");
        self.element("", name, "</a> <span class=\"soft\">");
        self.text(instance.product.name());
        self.raw(" ");
        self.text(
            &instance
                .version
                .as_ref()
                .map_or_else(|| "of an unknown version".to_owned(), ToString::to_string),
        );
        self.raw("</span></th><td data-name=\"Target\">");
        match version {
            Some(version) if version != requested => {
                self.element("", &version, " <span class=\"soft\">");
                self.element("", &requested, "</span>");
            }
            Some(version) => self.text(&version),
            None if requested.is_empty() => self.raw("<span class=\"soft\">not judged yet</span>"),
            None => self.text(&requested),
        }
        self.raw("</td><td data-name=\"Verdict\">");
        self.badge(*verdict);
        for (number, heading) in
            [(count.blockers, "Blockers"), (count.warnings, "Warnings"), (count.unknown, "Cannot tell")]
        {
            let class = if number == 0 { "number none" } else { "number" };
            self.raw(&format!("</td><td class=\"{class}\" data-name=\"{heading}\">{number}"));
        }
        self.raw("</td>");
        let clock = Clock::of(&instance.grounds.plan, now);
        self.day_cell("Blocked from", blocks_at.map(|at| clock.blocked_from(at)), clock);
        self.day_cell("Planned", *planned, clock);
        let (class, words) = sources.words();
        self.raw(&format!(
            "<td data-name=\"Sources\"><span class=\"sign {class}\"></span> {words}</td></tr>\n"
        ));
    }

    fn day_cell(&mut self, heading: &str, day: Option<jiff::civil::Date>, clock: Clock) {
        match day {
            Some(day) => {
                self.raw(&format!("<td data-name=\"{heading}\">"));
                self.day(day, clock);
            }
            None => self.raw(&format!(
                "<td class=\"none\" data-name=\"{heading}\"><span aria-hidden=\"true\">–</span>"
            )),
        }
        self.raw("</td>");
    }

    /// Leads to the page before and after, and says where one is.
    pub(super) fn pages(
        &mut self,
        total: usize,
        page: usize,
        pages: usize,
        address: impl Fn(usize) -> String,
    ) {
        self.raw("<nav class=\"pages\" aria-label=\"Pages\">");
        if page > 1 {
            self.element("<a rel=\"prev\" href=\"", &address(page - 1), "\">Previous</a>");
        }
        self.element("<span>", &printable(&format!("Page {page} of {pages}, {total} in all")), "</span>");
        if page < pages {
            self.element("<a rel=\"next\" href=\"", &address(page + 1), "\">Next</a>");
        }
        self.raw("</nav>\n");
    }
}
