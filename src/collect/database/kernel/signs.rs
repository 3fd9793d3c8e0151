//! Which release the tables can be of, by what is in the catalogue.

use upgrade_readiness_checks::facts::{Engine, SchemaSigns};

use super::{Catalogue, Sign, SignOf};

/// The signs that are there, the oldest release first.
pub(super) fn find_signs(signs: &[Sign], engine: Engine, catalogue: &Catalogue) -> SchemaSigns {
    let counts = |sign: &&Sign| sign.engines.is_empty() || sign.engines.contains(&engine);
    let mut found = SchemaSigns::default();
    for sign in signs.iter().filter(counts) {
        let Some(told) = sign.of.find(catalogue) else { continue };
        found.signs.push(format!("{told} ({})", sign.release));
        found.at_least = Some(sign.release.to_owned());
        found.exactly = sign.only.then(|| sign.release.to_owned());
    }
    found
}

impl SignOf {
    /// What is seen of the sign, when it is there.
    fn find(&self, catalogue: &Catalogue) -> Option<String> {
        let column = |table: &str, column: &str| (table.to_owned(), column.to_owned());
        match *self {
            Self::Index(names) => {
                let name = names.iter().find(|name| catalogue.indexes.contains(**name))?;
                Some(format!("index {name}"))
            }
            Self::Table(name) => catalogue.tables.contains(name).then(|| format!("table {name}")),
            Self::Column(table, name) => {
                let there = catalogue.columns.contains_key(&column(table, name));
                there.then(|| format!("column {table}.{name}"))
            }
            Self::Width(table, name, least) => {
                let width = catalogue.columns.get(&column(table, name)).copied().flatten()?;
                (width >= least).then(|| format!("width {width} of {table}.{name}"))
            }
            Self::Unique(table, columns) => {
                let there = catalogue.is_unique(table, columns);
                there.then(|| format!("unique key of {table} on {}", columns.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNS: &[Sign] = &[
        Sign { release: "1.0", only: true, engines: &[], of: SignOf::Index(&["A", "B"]) },
        Sign { release: "1.1", only: false, engines: &[Engine::Postgresql], of: SignOf::Width("T", "C", 31) },
        Sign { release: "1.2", only: false, engines: &[], of: SignOf::Unique("T", &["C", "D"]) },
        Sign { release: "1.3", only: false, engines: &[], of: SignOf::Table("N") },
        Sign { release: "1.4", only: false, engines: &[], of: SignOf::Column("T", "E") },
    ];

    fn seen(engine: Engine, spoil: impl Fn(&mut Catalogue)) -> (Option<String>, Option<String>, usize) {
        let mut catalogue = Catalogue::default();
        spoil(&mut catalogue);
        let found = find_signs(SIGNS, engine, &catalogue);
        (found.at_least, found.exactly, found.signs.len())
    }

    #[test]
    fn the_newest_sign_counts_and_signs_are_of_an_engine() {
        let column = |name: &str| ("T".to_owned(), name.to_owned());
        let old = |catalogue: &mut Catalogue| assert!(catalogue.indexes.insert("B".into()));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(seen(Engine::Postgresql, |_| {}), (None, None, 0));
        assert_eq!(seen(Engine::Postgresql, old), (some("1.0"), some("1.0"), 1));
        let wide = |catalogue: &mut Catalogue| {
            old(catalogue);
            catalogue.columns.insert(column("C"), Some(31));
        };
        assert_eq!(seen(Engine::Postgresql, wide), (some("1.1"), None, 2));
        assert_eq!(seen(Engine::Mariadb, wide), (some("1.0"), some("1.0"), 1));
        let narrow =
            |catalogue: &mut Catalogue| assert!(catalogue.columns.insert(column("C"), Some(30)).is_none());
        assert_eq!(seen(Engine::Postgresql, narrow), (None, None, 0));
        let keyed = |columns: &'static [&'static str]| {
            move |catalogue: &mut Catalogue| {
                let key = columns.iter().map(ToString::to_string).collect();
                catalogue.uniques.insert(column("K"), key);
            }
        };
        assert_eq!(seen(Engine::Mysql, keyed(&["D", "C"])), (some("1.2"), None, 1));
        assert_eq!(seen(Engine::Mysql, keyed(&["D", "C", "X"])), (None, None, 0));
        let newest = |catalogue: &mut Catalogue| {
            catalogue.tables.insert("N".into());
            catalogue.columns.insert(column("E"), None);
        };
        assert_eq!(seen(Engine::Mysql, newest), (some("1.4"), None, 2));
    }
}
