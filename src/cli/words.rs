//! What `agent waive` and `agent sign-off` have in common: a person's word is checked against what is found now,
//! written into the store, and the daemon is asked to take it in. The last two also for what is said of steps.

mod settle;

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::StatusCode;
use upgrade_readiness_checks::model::Check;
use upgrade_readiness_checks::version::ProductVersion;

use super::ConfigArgs;
use super::client::DaemonClient;
use super::output::{Output, advise};
use super::run::block_on;
use super::snapshot::choose_instance;
use crate::config::Config;
use crate::store::{Kind, Store, StoreError, Subject, Word};
use crate::surface::status::{StatusFile, minute, printable, read_status, wrap};

/// A word holds no longer than this: by then it is to be said again.
const MOST_DAYS: i32 = 366;

/// Longer reasons belong into a ticket, whose number is enough here.
const MOST_REASON: usize = 500;
/// Longer names are none.
pub(super) const MOST_NAME: usize = 100;

/// The daemon has the word within a minute even when it is not asked.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// What somebody says.
#[derive(Debug, Args)]
pub(crate) struct SaidArgs {
    /// What was found: the subject `agent status` names beside the check.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Why it can be lived with, or what was done.
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["list", "withdraw"])]
    reason: Option<String>,
    /// Who says so.
    #[arg(long, value_name = "WHO", required_unless_present_any = ["list", "withdraw"])]
    by: Option<String>,
    /// The last day it holds, such as 2027-01-31.
    #[arg(long, value_name = "DATE", required_unless_present_any = ["list", "withdraw"])]
    until: Option<Date>,
    /// Only for this target: its version, or the word in the configuration; for every one by default.
    #[arg(long, value_name = "VERSION")]
    target: Option<String>,
    /// The instance; may be left out when there is only one.
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Show what was said and not taken back.
    #[arg(long, conflicts_with_all = ["reason", "by", "until", "subject", "target", "withdraw"])]
    list: bool,
    /// Take back what was said.
    #[arg(long, conflicts_with_all = ["reason", "by", "until"])]
    withdraw: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

fn command(kind: Kind) -> &'static str {
    match kind {
        Kind::Waiver => "waive",
        Kind::SignOff => "sign-off",
    }
}

fn done(kind: Kind) -> &'static str {
    match kind {
        Kind::Waiver => "waived",
        Kind::SignOff => "signed off",
    }
}

pub(super) fn run_words(
    kind: Kind,
    check: Option<&'static Check>,
    said: &SaidArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let config = said.config.read()?;
    let (Some(check), false) = (check, said.list) else { return list(kind, check, &config, said, output) };
    let instance = choose_instance(&config, said.instance.as_deref())?.name.clone();
    let now = Timestamp::now();
    if said.withdraw {
        return withdraw(kind, check, &config, &instance, said, now, output);
    }
    let (reason, by, until) = checked(said, TimeZone::UTC.to_datetime(now).date())?;
    let path = config.status_file();
    let file = read_status(&path).map_err(|error| {
        let remedy = error.remedy();
        advise(error, remedy)
    })?;
    let existing = read_words(&config, &instance)?;
    let wanted = settle::Wanted {
        kind,
        check,
        instance: &instance,
        subject: said.subject.as_deref(),
        target: said.target.as_deref(),
    };
    let (about, seen) = settle::settle(&wanted, &file, &existing, now)?;
    let word = Word { about, reason, by, given_at: now, until, seen };
    write_store(&config, async |store| store.give(&instance, kind, &word).await)?;
    let what = described(&word.about);
    let heard = tell_daemon(&config, "agent status");
    output.text(&wrapped(&format!(
        "{what} of {instance} is {} until {until} by {}. {heard}",
        done(kind),
        word.by
    )))?;
    Ok(0)
}

fn withdraw(
    kind: Kind,
    check: &Check,
    config: &Config,
    instance: &str,
    said: &SaidArgs,
    now: Timestamp,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let file = read_status(&config.status_file()).ok();
    let target =
        said.target.as_deref().map(|asked| target_version(file.as_ref(), instance, asked)).transpose()?;
    let about = Subject { check: check.id.to_owned(), subject: said.subject.clone(), target };
    let what = described(&about);
    if !write_store(config, async |store| store.withdraw(instance, kind, &about, now).await)? {
        let error = anyhow::anyhow!("{what} of {instance} was not {}", done(kind));
        let remedy = format!(
            "`agent {} --list` shows what was; name the same subject and target to take it back.",
            command(kind)
        );
        return Err(advise(error, remedy));
    }
    let heard = tell_daemon(config, "agent status");
    output.text(&wrapped(&format!("{what} of {instance} is not {} any more. {heard}", done(kind))))?;
    Ok(0)
}

fn list(
    kind: Kind,
    check: Option<&Check>,
    config: &Config,
    said: &SaidArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let names: Vec<String> = match &said.instance {
        Some(name) => vec![choose_instance(config, Some(name))?.name.clone()],
        None => config.instances.iter().map(|instance| instance.name.clone()).collect(),
    };
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let mut text = String::new();
    for name in names {
        for (found, word) in read_words(config, &name)? {
            if found == kind && check.is_none_or(|check| check.id == word.about.check) {
                text.push_str(&render_word(&name, &word, today));
            }
        }
    }
    if text.is_empty() {
        text = format!("Nothing is {}.\n", done(kind));
    }
    output.text(&text)?;
    Ok(0)
}

fn render_word(instance: &str, word: &Word, today: Date) -> String {
    let ended = if word.until < today { ", which has passed" } else { "" };
    let mut text = wrapped(&format!("{instance}: {}", described(&word.about)));
    for (name, value) in [
        ("until", format!("{}{ended}", word.until)),
        ("reason", word.reason.clone()),
        ("by", format!("{}, {}", word.by, minute(word.given_at))),
    ] {
        for (index, line) in wrap(&value, 68).iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            // Writing into a string cannot fail.
            let _infallible = writeln!(text, "  {name:8}{line}");
        }
    }
    text
}

fn described(about: &Subject) -> String {
    let subject = about.subject.as_ref().map(|subject| format!(", {}", printable(subject)));
    let target = about.target.as_ref().map(|target| format!(" (to {target})"));
    format!("{}{}{}", about.check, subject.unwrap_or_default(), target.unwrap_or_default())
}

pub(super) fn wrapped(text: &str) -> String {
    wrap(text, 80).into_iter().map(|line| line + "\n").collect()
}

/// Reason, name and day, when they can be what is meant.
fn checked(said: &SaidArgs, today: Date) -> anyhow::Result<(String, String, Date)> {
    let reason = checked_text(said.reason.as_deref().unwrap_or_default(), "--reason", MOST_REASON)?;
    let by = checked_text(said.by.as_deref().unwrap_or_default(), "--by", MOST_NAME)?;
    let last = today.saturating_add(MOST_DAYS.days());
    let until = said.until.unwrap_or(Date::MIN);
    if until < today {
        let error = anyhow::anyhow!("{until} has passed");
        return Err(advise(error, format!("Give the last day it holds, from {today} to {last}.")));
    }
    if until > last {
        let error = anyhow::anyhow!("{until} is more than {MOST_DAYS} days ahead");
        return Err(advise(error, format!("Give {last} at most; by then it is to be looked at again.")));
    }
    Ok((reason, by, until))
}

/// A text of a person in one line, without what could drive a terminal; `what` it is.
pub(super) fn checked_text(given: &str, what: &str, most: usize) -> anyhow::Result<String> {
    let text = printable(given).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        bail!(advise(
            anyhow::anyhow!("{what} is empty"),
            "Somebody will ask why, and whom: say it in a sentence and with a name."
        ));
    }
    let length = text.chars().count();
    if length > most {
        bail!(advise(
            anyhow::anyhow!("{what} has {length} characters, and there is room for {most}"),
            "Name the ticket that tells the rest."
        ));
    }
    Ok(text)
}

/// The release an asked target stands for.
pub(super) fn target_version(
    file: Option<&StatusFile>,
    instance: &str,
    asked: &str,
) -> anyhow::Result<ProductVersion> {
    let selected = file.and_then(|file| {
        let selection = file.select(Some(instance), Some(asked)).ok()?;
        selection.instances.first()?.1.first()?.version.clone()
    });
    let version = selected.as_deref().unwrap_or(asked);
    version.parse().map_err(|error| {
        advise(
            anyhow::Error::new(error).context(format!("{asked:?} is no release")),
            "Give the version of a target, such as 10.2.14; `agent status` names them.",
        )
    })
}

fn read_words(config: &Config, instance: &str) -> anyhow::Result<Vec<(Kind, Word)>> {
    read_store(config, async |store| store.words(instance).await)
}

/// Asks the store for something; where there is none, there is nothing in it.
pub(super) fn read_store<T: Default>(
    config: &Config,
    work: impl AsyncFnOnce(&mut Store) -> Result<T, StoreError>,
) -> anyhow::Result<T> {
    let path = config.store_file();
    let read = async {
        let mut store = Store::open_to_read(&path).await?;
        work(&mut store).await
    };
    match block_on(read)? {
        Err(StoreError::Absent { .. }) => Ok(T::default()),
        other => other.map_err(|error| {
            let remedy = error.remedy_to_read();
            advise(error, remedy)
        }),
    }
}

/// Does something with the store. One that is beyond use is left to the daemon: it may be of a newer version.
pub(super) fn write_store<T>(
    config: &Config,
    work: impl AsyncFnOnce(&mut Store) -> Result<T, StoreError>,
) -> anyhow::Result<T> {
    let path = config.store_file();
    let written = block_on(async {
        let mut store = Store::open(&path).await?;
        let outcome = work(&mut store).await?;
        store.close().await?;
        Ok(outcome)
    })?;
    written.map_err(|error: StoreError| {
        let directory = config.state_dir.display();
        let remedy = if error.is_denied() {
            format!("Run it with sudo, or as the owner of {directory}, which `ls -ld {directory}` shows.")
        } else {
            error.remedy()
        };
        advise(error, remedy)
    })
}

/// Asks the daemon to take it in; what became of it, as a sentence that names the command that shows it.
pub(super) fn tell_daemon(config: &Config, shown_by: &str) -> String {
    let asked = DaemonClient::new(config, ASK_WITHIN).ok().and_then(|daemon| {
        let url = daemon.url("-/remember").ok()?;
        let answered = block_on(async { daemon.post(url).send().await.ok() }).ok()??;
        Some(answered.status())
    });
    let listen = config.listen;
    match asked {
        Some(status) if status.is_success() => {
            format!("The daemon has taken it in; `{shown_by}` shows it.")
        }
        Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => format!(
            "The daemon at {listen} does not let this user ask it to take it in; it does so within a minute."
        ),
        Some(_) | None => {
            format!(
                "The daemon at {listen} did not answer; it takes it in within a minute, or when it starts."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn said(reason: &str, by: &str, until: Date) -> SaidArgs {
        SaidArgs {
            subject: None,
            reason: Some(reason.to_owned()),
            by: Some(by.to_owned()),
            until: Some(until),
            target: None,
            instance: None,
            list: false,
            withdraw: false,
            config: ConfigArgs { config: "agent.toml".into() },
        }
    }

    #[test]
    fn a_word_has_a_reason_a_name_and_a_day_that_can_be_meant() {
        let today = date(2026, 11, 20);
        let long = "x".repeat(501);
        let rows = [
            ("known", "Ann", today, None),
            ("known", "Ann", date(2027, 11, 21), None),
            ("known", "Ann", date(2027, 11, 22), Some("366 days ahead")),
            ("known", "Ann", date(2026, 11, 19), Some("has passed")),
            (" \n ", "Ann", today, Some("--reason is empty")),
            ("known", "", today, Some("--by is empty")),
            (&long, "Ann", today, Some("room for 500")),
        ];
        for (reason, by, until, refused) in rows {
            let outcome = checked(&said(reason, by, until), today);
            match refused {
                None => assert!(outcome.is_ok(), "{outcome:?}"),
                Some(words) => assert!(outcome.unwrap_err().to_string().contains(words), "{words}"),
            }
        }
        let (reason, ..) = checked(&said("two\nlines\u{1b}", "Ann", today), today).unwrap();
        assert_eq!(reason, "two lines\\u{1b}");
    }
}
