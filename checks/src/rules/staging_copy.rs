//! Is everything that is to be copied in the prepared home and its databases?

mod databases;
mod directories;

use super::prepared_home::prepared_home;
use super::wording::counted;
use crate::facts::{CarbonHome, Family, Missing, Source};
use crate::model::{About, Case, Category, Check, Judgement, People, Products, Undecided, conclude};

pub(super) static CHECK: Check = Check {
    id: "staging-copy",
    title: "Artifacts, tenants and rows copied completely",
    category: Category::Preparation,
    products: Products::Only(&[Family::Carbon]),
    reads: &[Source::Rehearsal, Source::Installation],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

`repository/deployment/server` and `repository/tenants` of the running home beside those of the prepared one, file by \
file; the latter when the product has tenants, by its directories or by the rows of `UM_TENANT`. Files that the vendor \
ships with one of the releases are left out. Files of secondary user stores, of the super tenant and of every other, and \
their domains in the database. Whether a directory landed inside itself, or is a link to the running one; whether bundles \
of the running release were copied as well; and, from Identity Server 5.8 and older, directories of event streams and \
publishers of tenants. Rows of each table of production beside those of the staging copy.

## Why it matters

What is not copied is gone when the prepared home takes over: services, applications, user stores and with them the users \
in them. The guide of the vendor names exactly these two directories. Tenants that were forgotten, and event publishers \
that were carried along, stop migrations (<https://github.com/wso2/product-is/issues/9308>, \
<https://github.com/wso2/product-is/issues/14745>).

## How to fix it

Copy the contents of the directories again, with `rsync -a --delete` of what the finding names, and copy the rows once \
more when production has moved on. Bundles, libraries and patches of the old release are never copied.

## What it needs

`[instance.prepared] home`, read access to both directories in both homes, and to the databases of both. With `pristine` \
in `[instance.files]` and in `[instance.prepared]`, files of the vendor are told apart; without, they are listed with the \
others.

## Settings

`[instance.prepared]`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let running = running_home(case)?;
    let prepared = prepared_home(case)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut compared = 0;
    directories::judge(case, running, prepared, &mut found, &mut missing, &mut compared);
    let tables = databases::judge(prepared, &mut found, &mut missing);
    let evidence = format!(
        "{} in both homes alike, rows of {} of {} compared",
        counted(compared, "file"),
        counted(tables, "table"),
        prepared.place
    );
    conclude(evidence, found, missing)
}

fn running_home<'a>(case: &Case<'a>) -> Result<&'a CarbonHome, Missing> {
    let carbon = case.facts.installation()?.carbon.as_deref();
    carbon.ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: "the home of the product".to_owned(),
        why: "the agent that took these facts did not read it".to_owned(),
    })
}

#[cfg(test)]
mod tests;
