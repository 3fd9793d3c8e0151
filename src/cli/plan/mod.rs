//! `agent plan`: the run book of an instance to a target; and what people say of its steps.

mod basis;
mod daemon;
mod marking;
mod outline;
mod step;

use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use upgrade_readiness_checks::model::Requested;
use upgrade_readiness_checks::plan::way::Method;

use super::ConfigArgs;
use super::output::{Output, advise};
use super::published::{self, Understood};
use super::snapshot::choose_instance;
use crate::config::Config;
use crate::surface::book;
use daemon::Told;

pub(super) use basis::Basis;

use basis::given_or_only;
pub(super) use marking::{Said, find_step, marked};
pub(super) use outline::Outline;

/// Arguments of `agent plan`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PlanArgs {
    #[command(subcommand)]
    command: Option<PlanCommand>,
    /// The instance; may be left out when there is only one.
    #[arg(conflicts_with = "facts")]
    instance: Option<String>,
    /// The release to upgrade to: a version, latest, latest-lts, next or recommended; the one of the configuration by
    /// default.
    #[arg(long, value_name = "VERSION")]
    target: Option<Requested>,
    /// How the new program gets onto the host; what suits the installation by default.
    #[arg(long, value_parser = method_parser())]
    method: Option<Method>,
    /// Form of the book.
    #[arg(long, value_enum, default_value_t)]
    output: BookForm,
    #[command(flatten)]
    understood: Understood,
    /// Make it from the facts in this file, as of the time they were taken, and look at nothing.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Look now, and do not ask the daemon.
    #[arg(long, conflicts_with = "facts")]
    look: bool,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    to: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum PlanCommand {
    /// Say what became of a step, see what was said, take it back, or ask which step is next.
    Step(step::StepArgs),
}

/// The form of a run book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum BookForm {
    /// For people, tickets and wikis.
    #[default]
    Markdown,
    /// One page, to print or to send.
    Html,
    /// For programs.
    Json,
}

impl BookForm {
    fn id(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Json => "json",
        }
    }

    fn of_surface(self) -> book::Form {
        match self {
            Self::Markdown => book::Form::Markdown,
            Self::Html => book::Form::Html,
            Self::Json => book::Form::Json,
        }
    }
}

fn method_parser() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.map(Method::id)).try_map(|id| {
        let found = Method::ALL.into_iter().find(|method| method.id() == id);
        found.ok_or("there is no such method")
    })
}

pub(super) fn run(args: &PlanArgs, output: &mut Output) -> anyhow::Result<u8> {
    if let Some(PlanCommand::Step(args)) = &args.command {
        return step::run(args, output);
    }
    args.understood.is((args.output == BookForm::Json).then_some(&published::PLAN))?;
    let (text, code) = match &args.facts {
        Some(path) => {
            let basis = Basis::open(Some(path), None, args.target.as_ref(), &args.config, output)?;
            made(args, &basis)?
        }
        None => of_instance(args, output)?,
    };
    if args.to == Path::new("-") {
        output.text(&text)?;
    } else {
        let failed = |cause| {
            let error = anyhow::Error::new(cause).context(format!("writing {}", args.to.display()));
            advise(error, "Name a file in a directory you may write to; nothing else was changed.")
        };
        fs::write(&args.to, text).map_err(failed)?;
    }
    Ok(code)
}

/// The book of the daemon, or one of a look of now.
fn of_instance(args: &PlanArgs, output: &mut Output) -> anyhow::Result<(String, u8)> {
    let config = args.config.read()?;
    let instance = choose_instance(&config, args.instance.as_deref())?;
    let wanted = given_or_only(args.target.as_ref(), &instance.targets)?;
    if !args.look {
        let question =
            daemon::Question { config: &config, instance: &instance.name, wanted, method: args.method };
        match told(&question, args.output)? {
            Told::Text(book) => return Ok(book),
            Told::Nobody(why) => note_of_look(&config, &why, output),
        }
    }
    let basis = Basis::open(None, Some(&instance.name), args.target.as_ref(), &args.config, output)?;
    made(args, &basis)
}

/// What the daemon answers, in the form that is wanted, with the exit code.
fn told(question: &daemon::Question<'_>, form: BookForm) -> anyhow::Result<Told<(String, u8)>> {
    let json = match question.ask(BookForm::Json)? {
        Told::Text(json) => json,
        Told::Nobody(why) => return Ok(Told::Nobody(why)),
    };
    let code = Outline::of_json(&json)?.verdict.exit_code();
    Ok(match form {
        BookForm::Json => Told::Text((json, code)),
        BookForm::Markdown | BookForm::Html => match question.ask(form)? {
            Told::Text(text) => Told::Text((text, code)),
            Told::Nobody(why) => Told::Nobody(why),
        },
    })
}

fn note_of_look(config: &Config, why: &str, output: &mut Output) {
    output.note(&format!(
        "the daemon at {} tells no run book ({why}); looking now, which may take some minutes",
        config.listen
    ));
}

fn made(args: &PlanArgs, basis: &Basis) -> anyhow::Result<(String, u8)> {
    let wanted = given_or_only(args.target.as_ref(), &basis.targets)?;
    let book = basis.book(&basis.target(&wanted)?, args.method)?;
    Ok((book::render(&book, args.output.of_surface()), book.verdict.exit_code()))
}
