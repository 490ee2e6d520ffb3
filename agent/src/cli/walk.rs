//! Deciding conflicts one by one with a person at a terminal.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::api::plan::KeyConflict;
use crate::api::report::{ConflictView, Report};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::load;
use crate::merge::text::LIMIT;
use crate::model::{Progress, RelPath};
use crate::sys::process::ProcessId;
use crate::sys::{fs, host, process, terminal};
use crate::template::mask::SHOWN as SHOWN_SECRET;
use crate::verb::conflicts::desk::{self, How, Resolve, Show, name_of};

use super::args::Args;
use super::columns::columns;
use super::{print_report, print_text};

/// How the folder begins in which a file is edited; the id of the process follows.
const FOLDER: &str = "edit-";
/// How wide a terminal is that does not know.
const USUAL_WIDTH: usize = 80;

/// One thing to decide.
struct Item {
    path: RelPath,
    /// How the conflict is called; `None` for the path as a whole.
    name: Option<String>,
    message: String,
    sides: [Option<String>; 3],
}

/// What a person chose.
enum Choice {
    Take(How),
    Skip,
    Quit,
}

struct Walk<'a> {
    args: &'a Args,
    name: &'a str,
    remember_secret: bool,
    progress: &'a dyn Progress,
}

/// Asks about everything that is open; answers are kept as they come. Prints where things stand at the end.
pub fn walk(args: &Args, name: &str, remember_secret: bool, progress: &dyn Progress) -> Result<u8> {
    let walk = Walk {
        args,
        name,
        remember_secret,
        progress,
    };
    let mut passed: Vec<(RelPath, Option<String>)> = Vec::new();
    loop {
        let report = walk.show();
        let items = if report.ok { items(&report) } else { Vec::new() };
        let is_new = |item: &&Item| !passed.contains(&(item.path.clone(), item.name.clone()));
        let Some(item) = items.iter().find(is_new) else {
            break;
        };
        print_text(&shown(item, items.len()))?;
        match walk.ask(item)? {
            Choice::Quit => break,
            Choice::Skip => passed.push((item.path.clone(), item.name.clone())),
            Choice::Take(how) => walk.take(item, how)?,
        }
    }
    let report = desk::show(name, walk.settings(), &Show::default(), progress);
    print_report(args, &report)?;
    Ok(report.exit())
}

/// What is open, in the order of the paths.
fn items(report: &Report) -> Vec<Item> {
    let of_key = |view: &ConflictView, key: &KeyConflict| Item {
        path: view.conflict.path.clone(),
        name: Some(name_of(key)),
        message: key.message.clone(),
        sides: [key.base.clone(), key.current.clone(), key.new.clone()],
    };
    let of_path = |view: &ConflictView| {
        let conflict = &view.conflict;
        let there = |is: bool| is.then(|| "(the file)".to_owned());
        Item {
            path: conflict.path.clone(),
            name: None,
            message: conflict.message.clone(),
            sides: [
                conflict.base.is_some(),
                conflict.current.is_some(),
                conflict.new.is_some(),
            ]
            .map(there),
        }
    };
    let open = report.conflicts.iter().filter(|view| view.answer.is_none());
    open.flat_map(|view| {
        let keys = &view.conflict.keys;
        match keys.is_empty() {
            true => vec![of_path(view)],
            false => keys
                .iter()
                .filter(|key| key.answer.is_none())
                .map(|key| of_key(view, key))
                .collect(),
        }
    })
    .collect()
}

fn shown(item: &Item, left: usize) -> String {
    let width = terminal::width().unwrap_or(USUAL_WIDTH);
    let plain = |text: &str| text.replace(|c: char| c.is_control(), "?");
    let name = item
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!("  {}", plain(name)));
    let mut text = format!(
        "\n{}{name}  ({left} open)\n{}\n\n",
        plain(item.path.as_str()),
        plain(&item.message)
    );
    let heads = ["was", "[o]urs: yours", "[t]heirs: the vendor's"];
    for line in columns(width, heads, item.sides.each_ref().map(Option::as_deref)) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

impl Item {
    fn has_text(&self) -> bool {
        self.name.is_some()
    }

    /// Whether its values are not shown, so that one that is typed must not be either.
    fn is_secret(&self) -> bool {
        self.sides.iter().flatten().any(|side| side == SHOWN_SECRET)
    }
}

impl Walk<'_> {
    fn settings(&self) -> Result<crate::config::Settings> {
        load::load(&self.args.dirs(), self.name)
    }

    fn show(&self) -> Report {
        let options = Show {
            whole: true,
            ..Show::default()
        };
        desk::show(self.name, self.settings(), &options, self.progress)
    }

    fn ask(&self, item: &Item) -> Result<Choice> {
        let choices = match item.has_text() {
            true => "\n[o]urs, [t]heirs, [v]alue, [e]dit the file, [s]kip, [q]uit? ",
            false => "\n[o]urs, [t]heirs, [s]kip, [q]uit? ",
        };
        loop {
            let Some(answer) = prompt(choices, false)? else {
                return Ok(Choice::Quit);
            };
            match (answer.trim(), item.has_text()) {
                ("o" | "ours", _) => return Ok(Choice::Take(How::Ours)),
                ("t" | "theirs", _) => return Ok(Choice::Take(How::Theirs)),
                ("s" | "skip", _) => return Ok(Choice::Skip),
                ("q" | "quit", _) => return Ok(Choice::Quit),
                ("v" | "value", true) => {
                    if let Some(value) = prompt("value: ", item.is_secret())? {
                        let in_sight = false;
                        return Ok(Choice::Take(How::Value { value, in_sight }));
                    }
                }
                ("e" | "edit", true) => match self.edit(item) {
                    Ok(Some(bytes)) => return Ok(Choice::Take(How::Final(bytes))),
                    Ok(None) => print_text("The file was not changed; it is still open.\n")?,
                    Err(failure) => print_text(&told(&failure))?,
                },
                _ => {}
            }
        }
    }

    /// Takes an answer down, or says why it cannot be: the item is asked about again then.
    fn take(&self, item: &Item, how: How) -> Result<()> {
        let is_whole = matches!(how, How::Final(_));
        let options = Resolve {
            path: Some(item.path.clone()),
            key: item.name.clone().filter(|_| !is_whole),
            how,
            remember_secret: self.remember_secret,
        };
        let report = desk::resolve(self.name, self.settings(), &options, self.progress);
        if let Some(error) = report.error {
            print_text(&super::render::error(&error))?;
        }
        Ok(())
    }

    /// What a person makes of the file with markers; `None` if nothing.
    fn edit(&self, item: &Item) -> Result<Option<Vec<u8>>> {
        let settings = self.settings()?;
        let folder = settings.state_dir.join(format!("{FOLDER}{}", std::process::id()));
        sweep(&settings.state_dir).map_err(|error| Failure::io("clear", &settings.state_dir, error))?;
        let marked = desk::marked(settings, &item.path, self.progress)?;
        let file = folder.join(item.path.file_name());
        let edited = edited(&folder, &file, &marked);
        // The file may hold secrets; that it could not be removed is for a person to know.
        fs::remove_if_exists(&file).map_err(|error| Failure::io("remove", &file, error))?;
        fs::remove_dir_if_empty(&folder).map_err(|error| Failure::io("remove", &folder, error))?;
        Ok(edited?.filter(|edited| *edited != marked))
    }
}

/// Removes what runs left that were killed while a person edited: secrets may be in it.
fn sweep(state_dir: &Path) -> std::io::Result<()> {
    for left in fs::list_dir(state_dir)? {
        let name = left.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER)?.parse().ok());
        if pid.is_none_or(|pid| ProcessId::of(pid).is_some()) {
            continue;
        }
        for file in fs::list_dir(&left.path())? {
            fs::remove_if_exists(&file.path())?;
        }
        fs::remove_dir_if_empty(&left.path())?;
    }
    Ok(())
}

fn edited(folder: &PathBuf, file: &Path, marked: &[u8]) -> Result<Option<Vec<u8>>> {
    fs::make_private_dirs(folder).map_err(|error| Failure::io("make", folder, error))?;
    fs::write_atomic(file, marked).map_err(|error| Failure::io("write", file, error))?;
    let mut named = ["VISUAL", "EDITOR"].into_iter().filter_map(host::variable);
    let editor = named.find(|editor| !editor.is_empty());
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let ended = process::edit(&editor, file).map_err(|error| Failure::io("edit", file, error))?;
    if !ended.success() {
        let message = format!("the editor `{editor}` ended with {}", process::ending(ended));
        return Err(Failure::new(ErrorKind::Usage, message).hint("name another one in VISUAL or EDITOR"));
    }
    let bytes = fs::read(file, LIMIT).map_err(|error| Failure::io("read", file, error))?;
    Ok(Some(bytes))
}

fn told(failure: &Failure) -> String {
    super::render::error(&failure.into())
}

/// What a person types; `None` at the end of the input.
fn prompt(text: &str, hidden: bool) -> Result<Option<String>> {
    let failed = |error| Failure::io("ask at", "the terminal", error);
    let ask = || {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    };
    let typed = match hidden {
        true => terminal::hidden_line(ask),
        false => ask().and_then(|()| terminal::line()),
    }
    .map_err(failed)?;
    if hidden || typed.is_none() {
        // The line end that was not shown.
        print_text("\n")?;
    }
    Ok(typed)
}
