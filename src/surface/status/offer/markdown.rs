//! The releases an instance could be upgraded to as Markdown, for tickets and wikis.

use jiff::Timestamp;

use super::super::markdown::escape;
use super::super::words::{length, minute, product_name};
use super::super::{Age, InstanceView, Selection, age};
use super::text::sentence;
use super::{OfferView, OfferedView};

/// A section per instance: the recommendation, what each licence permits, and a table of releases.
#[must_use]
pub fn render_offers_markdown(selection: &Selection<'_>, now: Timestamp, all: bool) -> String {
    let written = minute(selection.status.written_at);
    let head = match age(selection.status, now) {
        Age::Fresh(age) => format!("Written {} ago ({written}).", length(age)),
        Age::Stale(age) => {
            format!("**Stale:** written {} ago ({written}); the daemon is down or cannot write.", length(age))
        }
        Age::Future(ahead) => {
            format!("**Clock:** written {} in the future ({written}); a clock is wrong.", length(ahead))
        }
    };
    let mut out = format!("# Which release\n\n{head}\n");
    for (instance, _) in &selection.instances {
        out.push_str(&section(instance, all));
    }
    out
}

fn section(instance: &InstanceView, all: bool) -> String {
    let running = instance.version.as_deref().unwrap_or("of a version that is not known");
    let title = format!("{}: {} {running}", instance.name, product_name(&instance.product));
    let mut out = format!("\n## {}\n\n", escape(&title));
    let Some(offer) = &instance.offer else {
        out.push_str("The releases have not been judged.\n");
        return out;
    };
    out.push_str(&recommended(offer));
    for license in &offer.licenses {
        out.extend(["- **Licence:** ", &escape(&sentence(license)), "\n"]);
    }
    if offer.releases.is_empty() {
        return out;
    }
    out.push_str(
        "\n| Release | LTS | Verdict | Blockers | Blocked from | Supported until | Plug-ins | Rolling |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for release in offer.shown(instance, all) {
        out.push_str(&row(offer, release));
    }
    out
}

fn recommended(offer: &OfferView) -> String {
    let view = &offer.recommended;
    let mut out = match (&view.version, &offer.running) {
        (Some(version), _) => format!("**Recommended: {}**\n\n", escape(version)),
        (None, Some(_)) => "**No release is recommended.**\n\n".to_owned(),
        (None, None) => "**Which release to choose is not known.**\n\n".to_owned(),
    };
    for (word, texts) in [("Why", &view.reasons), ("Open", &view.open), ("Not", &view.others)] {
        for text in texts {
            out.extend(["- **", word, ":** ", &escape(text), "\n"]);
        }
    }
    out
}

fn row(offer: &OfferView, release: &OfferedView) -> String {
    let version = escape(&release.version);
    let version = if offer.is_recommended(release) { format!("**{version}**") } else { version };
    let blockers: Vec<String> = release
        .blockers
        .iter()
        .map(|blocker| escape(&format!("{} ({})", blocker.check, blocker.subject)))
        .collect();
    let from = match (release.blocks_at, &release.blocks_because) {
        (Some(at), Some(because)) => {
            escape(&format!("{}: {} ({})", minute(at), because.check, because.subject))
        }
        (Some(at), None) => minute(at),
        (None, _) => String::new(),
    };
    let supported = release.supported_until.map_or_else(
        || "not known".to_owned(),
        |day| format!("{day}{}", if release.supported_until_confirmed { "" } else { " (not confirmed)" }),
    );
    let plugins = release
        .plugins
        .map_or_else(String::new, |plugins| format!("{} ok, {} open", plugins.settled(), plugins.open()));
    format!(
        "| {version} | {} | {} | {} | {from} | {supported} | {plugins} | {} |\n",
        if release.long_term_support { "LTS" } else { "" },
        release.verdict,
        blockers.join(", "),
        release.rolling.state.word(),
    )
}
