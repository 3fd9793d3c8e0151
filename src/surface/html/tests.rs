//! Whether what the colours are for can be read.

use std::collections::BTreeMap;

use super::*;

/// The colours of a theme by their names.
fn colours(css: &str) -> BTreeMap<&str, [f64; 3]> {
    let mut colours = BTreeMap::new();
    for part in css.split(';') {
        let Some((name, value)) = part.rsplit_once("--").and_then(|(_, rest)| rest.split_once(": #")) else {
            continue;
        };
        let channel =
            |at: usize| f64::from(u8::from_str_radix(value.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0;
        colours.insert(name, [channel(0), channel(2), channel(4)]);
    }
    colours
}

/// As WCAG 2 defines it.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let linear = colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_text_can_be_read_in_both_themes() {
    let (light, dark) = TOKENS.split_once("@media screen and (prefers-color-scheme: dark)").unwrap();
    let dark = dark.split("}\n}").next().unwrap();
    for (theme, css) in [("light", light), ("dark", dark)] {
        let colours = colours(css);
        let colour = |name: &str| *colours.get(name).unwrap_or_else(|| panic!("{theme} has no {name}"));
        let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
        for under in ["paper", "sheet", "skipped-wash"] {
            pairs.extend([
                ("ink", under, 7.0),
                ("soft", under, 4.5),
                ("accent", under, 4.5),
                ("focus", under, 3.0),
            ]);
        }
        for verdict in ["blocked", "unknown", "warning", "ready", "skipped"] {
            pairs.extend([(verdict, "paper", 4.5), (verdict, "sheet", 4.5)]);
        }
        for (verdict, wash) in [
            ("blocked", "blocked-wash"),
            ("unknown", "unknown-wash"),
            ("warning", "warning-wash"),
            ("ready", "ready-wash"),
            ("skipped", "skipped-wash"),
        ] {
            pairs.extend([(verdict, wash, 4.5), ("ink", wash, 7.0)]);
        }
        // Edges of what can be pressed.
        pairs.extend([("edge", "paper", 3.0), ("edge", "sheet", 3.0)]);
        for (over, under, least) in pairs {
            let seen = contrast(colour(over), colour(under));
            assert!(seen >= least, "{theme}: {over} on {under} has {seen:.2}, and needs {least}");
        }
    }
}
