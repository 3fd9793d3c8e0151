//! Does the product keep its data in the database that is built into it?

use crate::facts::{Family, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Environment, Finding, Judgement, People, Products, Severity, Undecided,
};

pub(super) static CHECK: Check = Check {
    id: "database-embedded",
    title: "A database server of its own",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Installation],
    people: People::MaySayNothing,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The JDBC URL and the driver class in the product's configuration (Confluence: `confluence.cfg.xml`, or `server.xml` for a \
data source; WSO2 Carbon: each data source, in `repository/conf`), and whether they name H2 or HSQLDB, the databases that run inside the product.

## Why it matters

The vendor supports the embedded database for evaluation and development only, and not at all for production from \
Confluence 8.0 on. Its files are damaged easily when the process dies, and an upgrade rewrites most of them.
Source: <https://confluence.atlassian.com/doc/embedded-h2-database-145098285.html>. WSO2 calls H2 unsuitable for production, \
API Manager from 4.0 on does not migrate it, and kernels change the format of its files with 4.5, 4.7 and 4.10.

## How to fix it

Move the data to a database server before the upgrade, on the version that runs now: \
<https://confluence.atlassian.com/display/CONF34/Migrate+to+Another+Database> describes the way by an XML backup that \
is restored into a new, empty instance.

## What it needs

Read access to `confluence.cfg.xml` in the home directory, and to `conf/server.xml` when a data source is used.

## Settings

`environment` of the instance: on `production` the finding blocks, on `test` it warns.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let config = case.facts.installation()?.database.read(Source::Installation, "the database connection")?;
    let Some(engine) = config.engine else {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Installation,
            what: "the kind of database".to_owned(),
            why: format!(
                "neither a JDBC URL nor a driver class in {} names one this agent knows; look at them there",
                config.place
            ),
        }));
    };
    let product = case.facts.product;
    let evidence = format!("{product} uses {}, by {}", engine.name(), config.place);
    if !engine.is_embedded() {
        return Ok(Judgement::ready(evidence));
    }
    let severity = match case.policy.environment {
        Environment::Production => Severity::Blocker,
        Environment::Test => Severity::Warning,
    };
    let finding = Finding {
        severity,
        subject: "embedded-database".to_owned(),
        summary: format!("{product} keeps its data in the embedded database {}", engine.name()),
        observed: format!("{} in {}", engine.name(), config.place),
        required: "a database server; the embedded database is for evaluation and development only"
            .to_owned(),
        remedy: match product.family() {
            Family::Carbon => format!(
                "Before the upgrade, on the version that runs now: make the database on a server with the product's own \
                 scripts (dbscripts), move the data there, name it in {}, and try it on a copy of the home first. The \
                 files of H2 are not read by other releases of it.",
                config.place
            ),
            Family::Confluence => format!(
                "Before the upgrade, on the version that runs now: back up the home directory, make a full XML backup \
             under Administration, set up a new {product} of the same version with an empty database on a \
             supported server, and restore the backup there. \
             See https://confluence.atlassian.com/doc/embedded-h2-database-145098285.html."
            ),
        },
    };
    Ok(Judgement::new(evidence, vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Engine;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict;
    use crate::rules::testing::{config, installation, look, unread};

    #[test]
    fn an_embedded_database_is_for_trying_only() {
        use Environment::{Production, Test};
        use Verdict::{Blocked, Ready, Unknown, Warning};
        type Row = (&'static str, fn(&mut Golden), Environment, Verdict);
        let rows: [Row; 9] = [
            ("golden", |_| {}, Production, Ready),
            ("golden, test", |_| {}, Test, Ready),
            ("Oracle", |g| config(g).engine = Some(Engine::Oracle), Production, Ready),
            ("H2", |g| config(g).engine = Some(Engine::H2), Production, Blocked),
            ("HSQLDB", |g| config(g).engine = Some(Engine::Hsqldb), Production, Blocked),
            ("H2, test", |g| config(g).engine = Some(Engine::H2), Test, Warning),
            ("kind not known", |g| config(g).engine = None, Production, Unknown),
            ("unread", |g| installation(g).database = unread(), Production, Unknown),
            ("off", |g| g.facts.switch_off(Source::Installation), Production, Unknown),
        ];
        for (name, spoil, environment, verdict) in rows {
            let mut golden = golden();
            spoil(&mut golden);
            golden.policy.environment = environment;
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, verdict, "{name}: {}", seen.text());
        }
    }
}
