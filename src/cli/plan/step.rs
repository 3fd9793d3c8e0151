//! `agent plan step`: what became of a step of the run book, what was said before, and which step is next.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::facts::{Profile, StepMark, StepState};
use upgrade_readiness_checks::model::Requested;
use upgrade_readiness_checks::plan::way::Method;

use super::basis::given_or_only;
use super::daemon::{Question, Told};
use super::marking::{Said, find_step, marked};
use super::outline::Outline;
use super::{Basis, BookForm, method_parser, note_of_look};
use crate::chain::Chain;
use crate::cli::ConfigArgs;
use crate::cli::output::{Output, advise};
use crate::cli::snapshot::choose_instance;
use crate::cli::words::{read_store, target_version, tell_daemon, wrapped, write_store};
use crate::config::{Config, Instance};
use crate::surface::status::{Age, age, minute, printable, read_status, wrap};

/// Arguments of `agent plan step`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(super) struct StepArgs {
    /// The step, as the run book names it: production.stop (with several stops `production.VERSION.stop`).
    #[arg(required_unless_present_any = ["list", "next"], conflicts_with_all = ["list", "next"])]
    step: Option<String>,
    /// What became of it.
    #[arg(value_parser = state_parser(), required_unless_present_any = ["list", "next", "withdraw"])]
    state: Option<StepState>,
    /// Who says so.
    #[arg(long, value_name = "WHO", required_unless_present_any = ["list", "next", "withdraw"])]
    by: Option<String>,
    /// How long it took, such as 12m; by default the time since the step before it in its section was marked.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    took: Option<String>,
    /// What else is to be known; needed when it failed.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// The release the book leads to: a version, latest, latest-lts, next or recommended; the one of the configuration
    /// by default.
    #[arg(long, value_name = "VERSION")]
    target: Option<Requested>,
    /// The method the book is for; by default the step may be of any.
    #[arg(long, value_parser = method_parser())]
    method: Option<Method>,
    /// The instance; may be left out when there is only one.
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Take back what was said.
    #[arg(long, conflicts_with_all = ["state", "by", "took", "note", "list", "next"])]
    withdraw: bool,
    /// Show what was said and not taken back.
    #[arg(long, conflicts_with_all = ["state", "by", "took", "note", "next"])]
    list: bool,
    /// Show the first step that is left to do.
    #[arg(long, conflicts_with_all = ["state", "by", "took", "note"])]
    next: bool,
    /// Look now which steps there are, and do not ask the daemon.
    #[arg(long, conflicts_with_all = ["list", "withdraw"])]
    look: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

fn state_parser() -> impl TypedValueParser<Value = StepState> {
    PossibleValuesParser::new(StepState::ALL.map(StepState::id)).try_map(|id| {
        let found = StepState::ALL.into_iter().find(|state| state.id() == id);
        found.ok_or("there is no such state")
    })
}

pub(super) fn run(args: &StepArgs, output: &mut Output) -> anyhow::Result<u8> {
    let config = args.config.read()?;
    match (&args.step, args.state, &args.by) {
        (Some(step), _, _) if args.withdraw => withdraw(args, &config, step, output),
        (Some(step), Some(state), Some(by)) => {
            let (took, note) = (args.took.clone(), args.note.clone());
            mark(args, &config, &Said { step: step.clone(), state, by: by.clone(), took, note }, output)
        }
        _ if args.next => next(args, &config, output),
        _ => list(args, &config, output),
    }
}

fn mark(args: &StepArgs, config: &Config, said: &Said, output: &mut Output) -> anyhow::Result<u8> {
    let instance = choose_instance(config, args.instance.as_deref())?;
    let books = Books::open(args, config, &instance, output)?;
    let outline = find_step(&said.step, args.method, |method| books.outline(method))?;
    let known = read_store(config, async |store| store.steps(&instance.name).await)?;
    let trouble = RefCell::new(None);
    let profile = || books.profile().map_err(|error| trouble.replace(Some(error))).ok();
    let mark = marked(said, &outline, &known, profile, Timestamp::now())?;
    if let Some(trouble) = trouble.take() {
        output.note(&format!(
            "what {} is now is not kept with the step, so what changes from here on cannot be told: {}",
            instance.name,
            Chain(trouble.as_ref())
        ));
    }
    write_store(config, async |store| store.mark_step(&instance.name, &mark).await)?;
    let heard = tell_daemon(config, "agent plan");
    let took = mark.took.map(|took| format!(" after {took:#}")).unwrap_or_default();
    let (step, target) = (&mark.step, &mark.target);
    output.text(&wrapped(&format!(
        "{step} of {} to {target} is {}{took}, says {}. {heard}",
        instance.name,
        mark.state.id(),
        mark.by
    )))?;
    Ok(0)
}

fn withdraw(args: &StepArgs, config: &Config, step: &str, output: &mut Output) -> anyhow::Result<u8> {
    let instance = choose_instance(config, args.instance.as_deref())?;
    let name = &instance.name;
    let mut known = read_store(config, async |store| store.steps(name).await)?;
    known.retain(|mark| mark.step == step);
    if let Some(wanted) = &args.target {
        let file = read_status(&config.status_file()).ok();
        let version = target_version(file.as_ref(), name, &wanted.to_string())?;
        known.retain(|mark| mark.target == version);
    }
    let mark = match known.as_slice() {
        [one] => one,
        [] => {
            let error = anyhow::anyhow!("nothing was said of the step {:?} of {name}", printable(step));
            return Err(advise(error, "`agent plan step --list` shows what was said, and of which target."));
        }
        several => {
            let targets: Vec<String> = several.iter().map(|mark| mark.target.to_string()).collect();
            let error = anyhow::anyhow!("{step} of {name} was marked for several targets");
            return Err(advise(error, format!("Name one with --target: {}.", targets.join(", "))));
        }
    };
    let now = Timestamp::now();
    let target = &mark.target;
    if !write_store(config, async |store| store.withdraw_step(name, target, step, now).await)? {
        anyhow::bail!("somebody else took it back just now");
    }
    let heard = tell_daemon(config, "agent plan");
    output.text(&wrapped(&format!("{step} of {name} to {target} is not marked any more. {heard}")))?;
    Ok(0)
}

fn next(args: &StepArgs, config: &Config, output: &mut Output) -> anyhow::Result<u8> {
    let instance = choose_instance(config, args.instance.as_deref())?;
    let outline = Books::open(args, config, &instance, output)?.outline(args.method)?;
    output.text(&render_next(&instance.name, &outline))?;
    Ok(0)
}

fn render_next(instance: &str, outline: &Outline) -> String {
    let target = &outline.target;
    let mut left = outline.left();
    let Some(first) = left.next() else {
        return wrapped(&format!("No step of {instance} to {target} is left to do."));
    };
    let after = match left.count() {
        0 => "It is the last one.".to_owned(),
        1 => "One more is left after it.".to_owned(),
        more => format!("{more} more are left after it."),
    };
    let mut text = wrapped(&format!("{}: {}", first.id, first.title));
    text.push_str(&wrapped(&format!("Next of {instance} to {target}. {after}")));
    text
}

fn list(args: &StepArgs, config: &Config, output: &mut Output) -> anyhow::Result<u8> {
    let names: Vec<String> = match &args.instance {
        Some(name) => vec![choose_instance(config, Some(name))?.name.clone()],
        None => config.instances.iter().map(|instance| instance.name.clone()).collect(),
    };
    let file = read_status(&config.status_file()).ok();
    let mut text = String::new();
    for name in names {
        let version = args.target.as_ref();
        let version =
            version.map(|wanted| target_version(file.as_ref(), &name, &wanted.to_string())).transpose()?;
        for mark in read_store(config, async |store| store.steps(&name).await)? {
            if version.as_ref().is_none_or(|version| *version == mark.target) {
                text.push_str(&render_mark(&name, &mark));
            }
        }
    }
    if text.is_empty() {
        "No step is marked.\n".clone_into(&mut text);
    }
    output.text(&text)?;
    Ok(0)
}

fn render_mark(instance: &str, mark: &StepMark) -> String {
    let StepMark { target, step, state, by, at, took, note, profile: _ } = mark;
    let mut text = wrapped(&format!("{instance} to {target}: {step} is {}", state.id()));
    let by = format!("{by}, {}", minute(*at));
    let took = took.map(|took: SignedDuration| format!("{took:#}"));
    for (name, value) in [("by", Some(by)), ("took", took), ("note", note.clone())] {
        for (index, line) in wrap(&value.unwrap_or_default(), 68).iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            // Writing into a string cannot fail.
            let _infallible = writeln!(text, "  {name:8}{line}");
        }
    }
    text
}

/// Where the steps are known from: the daemon's run book, or one of a look of now.
enum Books<'a> {
    Daemon { question: Question<'a>, first: Outline },
    Looked { basis: Box<Basis>, wanted: Requested },
}

impl<'a> Books<'a> {
    fn open(
        args: &StepArgs,
        config: &'a Config,
        instance: &'a Arc<Instance>,
        output: &mut Output,
    ) -> anyhow::Result<Self> {
        let wanted = given_or_only(args.target.as_ref(), &instance.targets)?;
        if !args.look {
            let question =
                Question { config, instance: &instance.name, wanted: wanted.clone(), method: args.method };
            match question.ask(BookForm::Json)? {
                Told::Text(json) => {
                    let first = Outline::of_json(&json)?;
                    return Ok(Self::Daemon { question, first });
                }
                Told::Nobody(why) => note_of_look(config, &why, output),
            }
        }
        let name = Some(instance.name.as_str());
        let basis = Box::new(Basis::open(None, name, args.target.as_ref(), &args.config, output)?);
        Ok(Self::Looked { basis, wanted })
    }

    fn outline(&self, method: Option<Method>) -> anyhow::Result<Outline> {
        match self {
            Self::Daemon { question, first } if question.method == method => Ok(first.clone()),
            Self::Daemon { question, .. } => {
                let question = Question { wanted: question.wanted.clone(), method, ..*question };
                match question.ask(BookForm::Json)? {
                    Told::Text(json) => Outline::of_json(&json),
                    Told::Nobody(why) => anyhow::bail!("the daemon does not answer any more: {why}"),
                }
            }
            Self::Looked { basis, wanted } => Ok(Outline::of(&basis.book(&basis.target(wanted)?, method)?)),
        }
    }

    /// What the instance is now.
    fn profile(&self) -> anyhow::Result<Profile> {
        match self {
            Self::Daemon { question, .. } => {
                let file = read_status(&question.config.status_file())?;
                match age(&file, Timestamp::now()) {
                    Age::Fresh(_) => {}
                    Age::Stale(_) | Age::Future(_) => {
                        anyhow::bail!("the status file is of {:.0}", file.written_at)
                    }
                }
                let view = file.instances.into_iter().find(|view| view.name == question.instance);
                view.and_then(|view| view.profile)
                    .ok_or_else(|| anyhow::anyhow!("the status file does not tell it"))
            }
            Self::Looked { basis, .. } => Ok(basis.snapshot.profile()),
        }
    }
}
