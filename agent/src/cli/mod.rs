//! The command line: clap types, dispatch, printing. The only module that prints; decides nothing.

mod args;
mod attach;
mod bundle_args;
mod columns;
mod config_args;
mod conflicts;
mod conflicts_args;
mod hotfix_args;
mod internals;
mod merge_args;
mod pack_args;
mod progress;
mod proof_args;
mod render;
mod report;
mod report_args;
mod sign_args;
mod trust;
mod trust_args;
mod update_args;
mod walk;

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::api::report::{Action, ErrorView, Report, ReportList};
use crate::api::{ErrorKind, ExitCode, Failure, Result};
use crate::config::{Settings, load};
use crate::model::Progress;
use crate::sys::{interrupt, journal};
use crate::verb;
use crate::verb::bundle::Outcome;

use args::{Args, Command, Many, OnDisconnect, Output};
use hotfix_args::Hotfix;
use merge_args::MergeArgs;
use pack_args::Pack;

/// Parses the command line, runs the verb, prints its report. Returns the exit code.
pub fn run() -> u8 {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are printed as they are asked for, errors with a hint; writing them cannot be helped.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::Usage as u8
            } else {
                ExitCode::Ok as u8
            };
        }
    };
    log(args.verbose);
    if args.command.hears_signals()
        && let Err(error) = interrupt::listen(args.on_disconnect.into())
    {
        tracing::warn!("signals end this run at once: {error}");
    }
    match dispatch(&args) {
        Ok(code) => code,
        Err(failure) => refuse(&args, &failure),
    }
}

fn dispatch(args: &Args) -> Result<u8> {
    let progress = progress::Bar::new();
    let progress: &dyn Progress = &progress;
    match &args.command {
        Command::Check {
            which,
            from,
            level,
            no_remembered,
            online,
            against,
            prometheus,
        } => {
            let options = verb::check::Options {
                from: from.clone(),
                level: level.clone(),
                no_remembered: *no_remembered,
                online: *online,
                against: against.clone(),
            };
            let check = |name: &str, settings| verb::check::check(name, settings, &options, progress);
            match prometheus {
                Some(file) => print_list(args, verb::check::publish(all(args, Action::Check, check), file)),
                None => each(args, which, Action::Check, check),
            }
        }
        Command::Stop { which, dry_run } => each(args, which, Action::Stop, |name, settings| {
            verb::service::stop(name, settings, *dry_run, progress)
        }),
        Command::Start { which, dry_run } => each(args, which, Action::Start, |name, settings| {
            verb::service::start(name, settings, *dry_run, progress)
        }),
        Command::Recover { which } => each(args, which, Action::Recover, |name, settings| {
            verb::recover::on_its_own(name, settings, progress)
        }),
        Command::Verify {
            which,
            deep,
            release_lock,
            proof,
        } => {
            let options = verb::verify::Options {
                deep: *deep,
                release_lock: *release_lock,
                suites: proof.suites(),
                proof: proof.proof(&args.dirs())?,
            };
            each(args, which, Action::Verify, |name, settings| {
                verb::verify::verify(name, settings, &options, progress)
            })
        }
        Command::Adopt { name, options } => {
            let options = options.clone().into();
            one(args, name, |settings| {
                verb::adopt::adopt(name, settings, &options, progress)
            })
        }
        Command::Update { name, options } => {
            let options = options.clone().into();
            one(args, name, |settings| {
                verb::update::update(name, settings, &options, progress)
            })
        }
        Command::Rollback { name, options } => {
            let options = options.clone().into();
            one(args, name, |settings| {
                verb::rollback::rollback(name, settings, &options, progress)
            })
        }
        Command::Attach { name } => attach::attach(args, name),
        Command::Merge(options) => merge(args, options),
        Command::Config { what } => {
            let stdin = if what.reads_stdin() {
                stdin()?
            } else {
                String::new()
            };
            let options = what.clone().options(stdin);
            one(args, what.name(), |settings| {
                verb::config::config(what.name(), settings, &options, progress)
            })
        }
        Command::Hotfix { what } => one(args, what.name(), |settings| hotfix(what, settings, progress)),
        Command::Conflicts { what } => conflicts::conflicts(args, what, progress),
        Command::Pack {
            what: Pack::Build(options),
        } => {
            let report = verb::pack::build(&args.dirs(), &options.clone().into(), progress)?;
            show(args, &report, &render::pack::built(&report))
        }
        Command::Bundle { what } => {
            match verb::bundle::bundle(&args.dirs(), &what.clone().what()?, progress)? {
                Outcome::One(report) => show(args, &report, &render::bundle::one(&report)),
                Outcome::Listed(report) => show(args, &report, &render::bundle::all(&report)),
                Outcome::Keys(report) => trust::print(args, &report, &report.message),
            }
        }
        Command::Report(options) => report::report(args, options),
        Command::Receipt { name, out, sign, .. } => {
            let report = verb::receipt::receipt(&args.dirs(), name, out, &sign.required()?, progress)?;
            trust::print(args, &report, &report.message)
        }
        Command::Trust { what } => trust::trust(args, what),
        Command::Internals { what } => internals::print(what, &args.dirs()),
    }
}

fn hotfix(what: &Hotfix, settings: Result<Settings>, progress: &dyn Progress) -> Report {
    match what.clone() {
        Hotfix::List { name } => verb::hotfix::list(&name, settings, progress),
        Hotfix::Apply { name, options } => verb::hotfix::apply(&name, settings, &options.into(), progress),
        Hotfix::Revert { name, options } => verb::hotfix::revert(&name, settings, &options.into(), progress),
    }
}

/// What needs a person is told on stderr, so that stdout is free for the report.
fn merge(args: &Args, options: &MergeArgs) -> Result<u8> {
    let report = verb::merge::merge(&options.clone().into())?;
    if args.wants_json() {
        print_json(&report)?;
    } else if !report.ok {
        tell(&render::merge(&report));
    }
    Ok(report.exit())
}

fn one(args: &Args, name: &str, work: impl FnOnce(Result<Settings>) -> Report) -> Result<u8> {
    let report = work(load::load(&args.dirs(), name));
    print_report(args, &report)?;
    Ok(report.exit())
}

/// Values from standard input: the way for secrets that lie nowhere on this host.
fn stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(16 << 20)
        .read_to_string(&mut text)
        .map_err(|error| Failure::io("read the values in", "standard input", error))?;
    Ok(text)
}

fn each(
    args: &Args,
    which: &Many,
    action: Action,
    work: impl Fn(&str, Result<Settings>) -> Report,
) -> Result<u8> {
    if let Some(name) = &which.name {
        return one(args, name, |settings| work(name, settings));
    }
    print_list(args, all(args, action, work))
}

/// What a verb does to every instance.
fn all(args: &Args, action: Action, work: impl Fn(&str, Result<Settings>) -> Report) -> ReportList {
    let reports = match load::load_all(&args.dirs()) {
        Ok(all) => ReportList::new(all.into_iter().map(|one| work(&one.name, one.settings)).collect()),
        Err(failure) => ReportList {
            ok: false,
            error: Some((&failure).into()),
            ..ReportList::new(Vec::new())
        },
    };
    tracing::debug!("{} on {} instances", action.name(), reports.reports.len());
    reports
}

fn print_list(args: &Args, reports: ReportList) -> Result<u8> {
    if args.wants_json() {
        print_json(&reports)?;
    } else {
        for report in &reports.reports {
            print_text(&render::report(report, args.verbose))?;
        }
        if let Some(error) = &reports.error {
            print_text(&render::error(error))?;
        }
    }
    Ok(reports.exit())
}

fn print_report(args: &Args, report: &Report) -> Result<()> {
    if args.wants_json() {
        print_json(report)
    } else {
        print_text(&render::report(report, args.verbose))
    }
}

/// One document, or its text for people.
fn show(args: &Args, report: &impl serde::Serialize, text: &str) -> Result<u8> {
    match args.wants_json() {
        true => print_json(report)?,
        false => print_text(text)?,
    }
    Ok(0)
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_string(value).map_err(unprintable)?;
    text.push('\n');
    print_text(&text)
}

fn print_text(text: &str) -> Result<()> {
    // Others choose names; what they call something must not command a terminal.
    let commands = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let text = match text.contains(commands) {
        true => &text.replace(commands, "?"),
        false => text,
    };
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever closed the pipe, or the terminal, does not want the rest; the work is done all the same.
        Err(error) if is_gone(&error) => Ok(()),
        other => other.map_err(unprintable),
    }
}

fn is_gone(error: &std::io::Error) -> bool {
    // What a terminal answers that was hung up.
    const EIO: i32 = nix::errno::Errno::EIO as i32;
    error.kind() == std::io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO)
}

/// A line for a person; nobody may be there any more.
fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn unprintable(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(ErrorKind::Internal, "cannot print the report").because(error)
}

/// A failure before any verb began.
fn refuse(args: &Args, failure: &Failure) -> u8 {
    let view = ErrorView::from(failure);
    let code = view.exit;
    if args.wants_json() {
        let list = ReportList {
            ok: false,
            error: Some(view),
            ..ReportList::new(Vec::new())
        };
        if print_json(&list).is_err() {
            tell(&format!("{failure}\n"));
        }
    } else {
        tell(&render::error(&view));
    }
    code
}

/// What is being done goes to stderr, what was done to the host's log.
fn log(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let shown = filter_fn(move |metadata| metadata.target() != journal::TARGET && *metadata.level() <= level);
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        // It would say on a broken stderr that stderr is broken, and panic then.
        .log_internal_errors(false)
        .with_filter(shown);
    // A second subscriber in one process is the only way to fail, and tests are the only ones to have it.
    let _ = tracing_subscriber::registry()
        .with(to_stderr)
        .with(journal::layer())
        .try_init();
}

/// A path as programs in other folders find it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl From<OnDisconnect> for interrupt::OnDisconnect {
    fn from(what: OnDisconnect) -> Self {
        match what {
            OnDisconnect::Continue => Self::Continue,
            OnDisconnect::Stop => Self::Stop,
        }
    }
}

impl Args {
    fn wants_json(&self) -> bool {
        if let Command::Merge(merge) = &self.command {
            return merge.json_report || matches!(self.output, Some(Output::Json));
        }
        match self.output {
            Some(Output::Json) => true,
            Some(Output::Text) => false,
            None => !std::io::stdout().is_terminal(),
        }
    }
}
