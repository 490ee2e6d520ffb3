//! `conflicts` on the command line.

use std::io::{IsTerminal, Read};
use std::path::Path;

use crate::api::memory::MemoryReport;
use crate::api::{ErrorKind, Failure, Result};
use crate::memory::document::LARGEST_VALUE;
use crate::merge::text::LIMIT;
use crate::model::Progress;
use crate::sys::fs;
use crate::verb::conflicts::desk::{self, How, Resolve, Show};
use crate::verb::conflicts::exchange;

use super::args::Args;
use super::conflicts_args::{Conflicts, HowArgs, ResolveArgs, Take};
use super::{one, print_text, render, show, walk};

/// Runs one of the verbs.
pub fn conflicts(args: &Args, what: &Conflicts, progress: &dyn Progress) -> Result<u8> {
    match what {
        Conflicts::List { name } => one(args, name, |settings| {
            desk::show(name, settings, &Show::default(), progress)
        }),
        Conflicts::Show { name, path, key } => {
            let options = Show {
                path: path.clone(),
                key: key.clone(),
                whole: true,
            };
            one(args, name, |settings| {
                desk::show(name, settings, &options, progress)
            })
        }
        Conflicts::Resolve { name, options } => resolve(args, name, options, progress),
        Conflicts::Export { which, out } => {
            let (document, mut report) = exchange::export(&args.dirs().memory(), &which.clone().into())?;
            match out.as_deref().filter(|out| *out != Path::new("-")) {
                Some(out) => {
                    exchange::write(out, &document, &mut report)?;
                    print(args, &report)
                }
                None => {
                    report
                        .warnings
                        .iter()
                        .for_each(|warning| super::tell(&format!("pitstop: {warning}\n")));
                    print_text(&String::from_utf8_lossy(&document))?;
                    Ok(0)
                }
            }
        }
        Conflicts::Import { file } => {
            let from = (file != Path::new("-")).then_some(file.as_path());
            let bytes = match from {
                Some(path) => exchange::read(path)?,
                None => standard_input(crate::memory::document::LIMIT)?,
            };
            print(args, &exchange::import(&args.dirs().memory(), &bytes, from)?)
        }
        Conflicts::Forget { which, all: _ } => print(
            args,
            &exchange::forget(&args.dirs().memory(), &which.clone().into())?,
        ),
    }
}

fn print(args: &Args, report: &MemoryReport) -> Result<u8> {
    show(args, report, &render::memory(report))
}

fn resolve(args: &Args, name: &str, options: &ResolveArgs, progress: &dyn Progress) -> Result<u8> {
    let Some(how) = how(&options.how)? else {
        return one_by_one(args, name, options, progress);
    };
    if options.path.is_none() && !options.all {
        let message = "nothing says which conflicts are meant";
        return Err(Failure::new(ErrorKind::Usage, message)
            .hint("name a path, or give --all for everything that is open"));
    }
    let options = Resolve {
        path: options.path.clone(),
        key: options.key.clone(),
        how,
        remember_secret: options.remember_secret,
    };
    one(args, name, |settings| {
        desk::resolve(name, settings, &options, progress)
    })
}

/// One by one, with a person.
fn one_by_one(args: &Args, name: &str, options: &ResolveArgs, progress: &dyn Progress) -> Result<u8> {
    let refuse = |message: &str| {
        Err(Failure::new(ErrorKind::Usage, message).hint(
            "name the path and say --take ours, --take theirs, --value-from FILE or --final FILE; or --all --take ours",
        ))
    };
    if options.path.is_some() {
        return refuse("nothing says what the path shall be");
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return refuse("deciding one by one needs a terminal for both input and output");
    }
    walk::walk(args, name, options.remember_secret, progress)
}

/// What the options say; `None` if they say nothing.
fn how(args: &HowArgs) -> Result<Option<How>> {
    let HowArgs {
        take,
        value,
        value_from,
        whole,
        reopen,
    } = args;
    if let Some(value) = value {
        return Ok(Some(How::Value {
            value: value.clone(),
            in_sight: true,
        }));
    }
    if let Some(from) = value_from {
        let bytes = content(from, LARGEST_VALUE as u64)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::new(
                ErrorKind::Usage,
                format!("the value in {} is not UTF-8", from.display()),
            )
        })?;
        // Files end with a line end, values do not.
        let value = text.strip_suffix('\n').unwrap_or(&text);
        let value = value.strip_suffix('\r').unwrap_or(value).to_owned();
        return Ok(Some(How::Value {
            value,
            in_sight: false,
        }));
    }
    if let Some(from) = whole {
        return Ok(Some(How::Final(content(from, LIMIT)?)));
    }
    Ok(match take {
        Some(Take::Ours) => Some(How::Ours),
        Some(Take::Theirs) => Some(How::Theirs),
        None => reopen.then_some(How::Reopen),
    })
}

fn content(path: &Path, limit: u64) -> Result<Vec<u8>> {
    match path == Path::new("-") {
        true => standard_input(limit),
        false => fs::read(path, limit).map_err(|error| Failure::io("read", path, error)),
    }
}

fn standard_input(limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read", "standard input", error))?;
    match bytes.len() as u64 > limit {
        true => Err(Failure::new(
            ErrorKind::Usage,
            format!("standard input holds more than {limit} bytes"),
        )),
        false => Ok(bytes),
    }
}
