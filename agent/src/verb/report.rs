//! `report`: what the reports of many hosts say together, as pages for people.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::api::fleet::{FLEET_SCHEMA, FleetReport};
use crate::api::{ErrorKind, Failure, Result};
use crate::fleet::{Collection, Fleet, Rule, markdown, page, read};
use crate::sys::{clock, fs};

/// How deep folders are looked into: one per host, and what may lie in it.
const DEEPEST: usize = 6;

/// What to make of what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files, and folders of files; `-` is standard input.
    pub from: Vec<PathBuf>,
    /// Where the page goes as HTML; `-` is standard output.
    pub html: Option<PathBuf>,
    /// Where the page goes as Markdown; `-` is standard output.
    pub markdown: Option<PathBuf>,
    /// Days after which a level is overdue.
    pub every: u64,
    /// Days after which an instance counts as silent.
    pub silent: u64,
    /// The page's title.
    pub title: String,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The counts.
    pub report: FleetReport,
    /// The page that belongs on standard output.
    pub printed: Option<String>,
}

/// Runs the verb. `stdin` is only read if it is asked for.
///
/// # Errors
/// There is no report at all, or a page cannot be written.
pub fn report(options: &Options, stdin: impl BufRead) -> Result<Made> {
    let outputs = [&options.html, &options.markdown];
    outputs
        .into_iter()
        .flatten()
        .try_for_each(|out| refuse_folder(out))?;
    let mut collection = Collection::default();
    let mut stdin = Some(stdin);
    for from in &options.from {
        match stdin.take_if(|_| is_stream(from)) {
            Some(stdin) => hear(&mut collection, "standard input", read::read(stdin)),
            None => look_into(&mut collection, from, &outputs.map(Option::as_deref), 0),
        }
    }
    if collection.reports() == 0 {
        return Err(nothing(&collection));
    }
    let rule = Rule {
        now: clock::now().as_second(),
        every: options.every,
        silent: options.silent,
    };
    let fleet = Fleet::new(collection, &options.title, rule);
    let mut printed = None;
    for (out, make) in [
        (&options.html, page::html as fn(&Fleet) -> Result<String>),
        (&options.markdown, markdown::markdown),
    ] {
        let Some(out) = out else { continue };
        let text = make(&fleet)?;
        if is_stream(out) {
            printed = Some(text);
        } else {
            fs::write_page(out, text.as_bytes())
                .map_err(|error| Failure::io("write the page to", out, error))?;
        }
    }
    Ok(Made {
        report: summary(&fleet, options),
        printed,
    })
}

fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

fn refuse_folder(out: &Path) -> Result<()> {
    if !is_stream(out) && fs::metadata(out).is_ok_and(|found| found.is_dir()) {
        let message = format!("cannot write the page to {}: it is a directory", out.display());
        return Err(Failure::new(ErrorKind::Usage, message)
            .at(out)
            .hint("name a file in it"));
    }
    Ok(())
}

fn hear(collection: &mut Collection, name: &str, heard: std::io::Result<read::Heard>) {
    match heard {
        Ok(heard) => collection.add(name, heard),
        Err(error) => collection.miss(name, &format!("it cannot be read: {error}")),
    }
}

/// Whatever lies at a path. In folders hidden files and the pages themselves are passed over, and so is what is neither a
/// file nor a folder: a link could lead anywhere, a pipe could wait for ever.
fn look_into(collection: &mut Collection, path: &Path, outputs: &[Option<&Path>], depth: usize) {
    let name = path.display().to_string();
    let found = if depth == 0 {
        fs::metadata(path)
    } else {
        fs::symlink_metadata(path)
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return collection.miss(&name, &format!("it cannot be read: {error}")),
    };
    if !found.is_dir() {
        if depth == 0 || found.is_file() {
            hear(
                collection,
                &name,
                fs::open(path).and_then(|file| read::read(BufReader::new(file))),
            );
        }
        return;
    }
    if depth == DEEPEST {
        return collection.miss(&name, "it lies too deep in the folder");
    }
    match fs::list_dir(path) {
        Ok(entries) => {
            let wanted = entries
                .iter()
                .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
            let paths = wanted.map(std::fs::DirEntry::path);
            paths
                .filter(|path| !outputs.contains(&Some(path)))
                .for_each(|path| look_into(collection, &path, outputs, depth + 1));
        }
        Err(error) => collection.miss(&name, &format!("it cannot be listed: {error}")),
    }
}

fn nothing(collection: &Collection) -> Failure {
    let message = match collection.unread() {
        [] => "there is no report in what was given".to_owned(),
        [first, rest @ ..] => {
            let more = if rest.is_empty() {
                String::new()
            } else {
                format!(" (and {} more)", rest.len())
            };
            format!(
                "there is no report in what was given: {}: {}{more}",
                first.file, first.why
            )
        }
    };
    Failure::new(ErrorKind::Usage, message).hint(
        "give what `pitstop --output json check --all` printed on each host, as a file or a folder of files",
    )
}

fn summary(fleet: &Fleet, options: &Options) -> FleetReport {
    let file = |out: &Option<PathBuf>| out.clone().filter(|out| !is_stream(out));
    let unread = fleet
        .unread
        .iter()
        .map(|one| format!("{}: {}", one.file, one.why));
    let more =
        (fleet.more_unread > 0).then(|| format!("and {} more that could not be read", fleet.more_unread));
    let count = |number: usize| number as u64;
    FleetReport {
        schema: FLEET_SCHEMA.to_owned(),
        ok: true,
        changed: options.html.is_some() || options.markdown.is_some(),
        message: format!(
            "{} instances on {} hosts: {} failing, {} need attention, {} fine",
            fleet.instances, fleet.hosts, fleet.failing, fleet.attention, fleet.fine
        ),
        reports: fleet.reports,
        instances: count(fleet.instances),
        hosts: count(fleet.hosts),
        failing: count(fleet.failing),
        attention: count(fleet.attention),
        fine: count(fleet.fine),
        problems: fleet
            .kinds
            .iter()
            .map(|kind| (kind.code.to_owned(), count(kind.count)))
            .collect(),
        html: file(&options.html),
        markdown: file(&options.markdown),
        warnings: unread.chain(more).collect(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
