//! Is it the same database, of a sane size, and does everything in it belong to the product's account?

use super::{Item, Sides, Topic, shown};
use crate::facts::{Database, Family, Missing, Ownership, Snapshot, Source};
use crate::rules::units::{bytes, percent_of};
use crate::rules::wording::{counted, excerpt, first_few};

/// The same engine at the same address, in the same schema.
pub(super) fn server(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::Database;
    let both = sides.both(|side| {
        let database = side.database()?;
        let version = database.version.read(Source::Database, "the version of the server")?;
        let schema = database.schema.read(Source::Database, "the schema")?;
        Ok((database, version.as_str(), schema.as_str()))
    });
    let show = |(database, version, schema): &(&Database, &str, &str)| {
        excerpt(&format!("{} {version} at {}, schema {schema}", database.engine.name(), database.address))
    };
    let (before, now) = (shown(&both.before, show), shown(&both.now, show));
    let ((was, version_before, schema_before), (is, version, schema)) = match both.known(topic, show) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let look = format!(
        "See which database {} names, and whether that is meant; else stop the service before people write into it.",
        sides.whereabouts().database
    );
    // The new release of a Carbon product stands on a new database, which was filled from the old one.
    let moves = sides.now.product.family() == Family::Carbon;
    let item = if was.engine != is.engine {
        Item::blocked(
            topic,
            format!("the database is {} now and was {}", is.engine.name(), was.engine.name()),
        )
        .so_do(look.clone())
    } else if moves && was.address != is.address {
        Item::well(
            topic,
            format!("{} {} at a new address, as it should be", is.engine.name(), excerpt(version)),
        )
    } else if was.address != is.address || schema_before != schema {
        Item::warning(topic, "the instance uses another database or schema than before").so_do(look.clone())
    } else if version_before == version {
        Item::well(topic, format!("{} {}, as before", is.engine.name(), excerpt(version)))
    } else {
        Item::well(
            topic,
            format!(
                "{} {} at the same address, another version than before",
                is.engine.name(),
                excerpt(version)
            ),
        )
    };
    vec![item.seen(before, now)]
}

pub(super) fn size(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::DatabaseSize;
    let both = sides
        .both(|side| side.database()?.size_bytes.read(Source::Database, "the size of the database").copied());
    let show = |size: &u64| bytes(*size);
    let (before, now) = (shown(&both.before, show), shown(&both.now, show));
    let (was, is) = match both.known(topic, show) {
        Ok((was, is)) => (*was, *is),
        Err(unknown) => return unknown,
    };
    let least = percent_of(was, sides.policy.after_min_percent_of_database);
    let item = if is < least {
        Item::warning(topic, format!("the database has shrunk from {before} to {now}")).so_do(format!(
            "At least {} were expected (after_min_percent_of_database). Compare the rows of the main tables; when all \
             are there, the server may only have given back free room.",
            bytes(least)
        ))
    } else {
        Item::well(topic, format!("{now}, after {before}"))
    };
    vec![item.seen(before, now)]
}

/// No objects that belong to others, beyond those that did before.
pub(super) fn ownership(sides: &Sides<'_>) -> Vec<Item> {
    let topic = Topic::DatabaseOwnership;
    let both = sides.both(owners);
    let show = |owners: &&Ownership| {
        let foreign = owners.foreign.iter().map(|object| object.name.as_str());
        let names = match owners.foreign_count {
            0 => String::new(),
            count => format!(": {}", first_few(foreign, count)),
        };
        excerpt(&format!(
            "{} of {} belong to others{names}",
            owners.foreign_count,
            counted(owners.objects, "object")
        ))
    };
    let (before, now) = (shown(&both.before, show), shown(&both.now, show));
    let (was, is) = match both.known(topic, show) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let more = is.foreign_count.saturating_sub(was.foreign_count);
    let item = if more > 0 {
        let account =
            sides.now.database().map_or_else(|_missing| String::new(), |database| excerpt(&database.account));
        Item::blocked(topic, format!("{} more than before belong to others than {account}", counted(more, "object")))
            .so_do(format!(
                "A restore or a script made them with another account. Give them to {account}: ALTER TABLE … OWNER TO on \
                 PostgreSQL, another DEFINER on MySQL; `agent explain database-ownership` has the statements."
            ))
    } else if is.foreign_count > 0 {
        Item::well(topic, format!("{} of others, no more than before", counted(is.foreign_count, "object")))
    } else {
        Item::well(topic, "every object belongs to the product's account")
    };
    vec![item.seen(before, now)]
}

fn owners(side: &Snapshot) -> Result<&Ownership, Missing> {
    side.database()?.ownership.read(Source::Database, "who owns what")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, read, unread};
    use crate::facts::{Engine, Field};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    #[test]
    fn the_database_is_the_one_from_before() {
        let rows: &[Row] = &[
            ("newer server", |p| p.database().version = Field::Read("16.5".into()), &[(Ready, None)]),
            ("another engine", |p| p.database().engine = Engine::H2, &[(Blocked, None)]),
            ("another address", |p| p.database().address = "db2:5432/confluence".into(), &[(Warning, None)]),
            (
                "another schema",
                |p| p.database().schema = Field::Read("confluence".into()),
                &[(Warning, None)],
            ),
            ("unread", |p| p.database().schema = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.database_before().version = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::Database, rows);
    }

    #[test]
    fn the_database_has_not_shrunk_to_a_part() {
        let rows: &[Row] = &[
            ("half", |p| p.database().size_bytes = Field::Read(6 << 30), &[(Ready, None)]),
            ("less", |p| p.database().size_bytes = Field::Read((6 << 30) - 1), &[(Warning, None)]),
            ("nothing", |p| p.database().size_bytes = Field::Read(0), &[(Warning, None)]),
            ("more", |p| p.database().size_bytes = Field::Read(u64::MAX), &[(Ready, None)]),
            ("unread", |p| p.database().size_bytes = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.database_before().size_bytes = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::DatabaseSize, rows);
    }

    fn foreign(field: &mut Field<Ownership>, count: u64) {
        read(field).foreign_count = count;
    }

    fn now(pair: &mut Pair, count: u64) {
        foreign(&mut pair.database().ownership, count);
    }

    #[test]
    fn nothing_new_belongs_to_others() {
        let rows: &[Row] = &[
            ("a few", |p| now(p, 3), &[(Blocked, None)]),
            (
                "no more than before",
                |p| {
                    now(p, 3);
                    foreign(&mut p.database_before().ownership, 3);
                },
                &[(Ready, None)],
            ),
            ("unread", |p| p.database().ownership = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.database_before().ownership = unread(), &[(Unknown, None)]),
        ];
        judges(Topic::DatabaseOwnership, rows);
    }
}
