//! Suites of tests: which there are, and what became of them.

pub mod junit;
mod tally;
pub mod tap;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use tally::Tally;

use super::excerpt::excerpt;
use crate::api::report::ProbeView;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::RelPath;
use crate::sys::clock::Stopwatch;
use crate::sys::fs;
use crate::sys::process::{Environment, Output, Spec, User, run_keeping};
use crate::sys::root::{Kind, Root};
use crate::sys::scratch::Scratch;

/// How much of what a suite writes is read as results.
const MOST_OUTPUT: usize = 8 << 20;
/// The same for a file of results.
const LARGEST_FILE: u64 = 32 << 20;
/// How many files of results are read.
const MOST_FILES: usize = 1000;

/// A suite of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Its name, its own among all of them.
    pub name: String,
    /// Whether it must pass.
    pub required: bool,
    /// Program and arguments.
    pub command: Vec<String>,
}

/// Where suites run.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Who runs them.
    pub user: User,
    /// Where.
    pub home: PathBuf,
    /// What they find in their environment.
    pub env: BTreeMap<String, String>,
    /// For how long each may run.
    pub timeout: Duration,
}

/// What became of a suite.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// For the report.
    pub view: ProbeView,
    /// What its tests told; absent where it only ended well or not.
    pub tally: Option<Tally>,
}

/// The suites of these folders, each with its `required` and `wanted`, and those that were asked for by name: a folder like
/// these, a program, or a line for the shell, with `NAME=` in front of it if it is to have a name.
///
/// # Errors
/// A folder cannot be read, or one that was asked for holds no suite.
pub fn find(folders: &[PathBuf], asked: &[String]) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for folder in folders {
        in_folder(&mut suites, folder)?;
    }
    for one in asked {
        let path = fs::canonicalize(Path::new(one)).ok();
        match path.map(|path| (fs::metadata(&path), path)) {
            Some((Ok(found), path)) if found.is_dir() => {
                let before = suites.len();
                in_folder(&mut suites, &path)?;
                if suites.len() == before {
                    let message = format!("{} holds no suite of tests", path.display());
                    return Err(Failure::new(ErrorKind::Usage, message)
                        .at(&path)
                        .hint("suites are programs in its folders `required` and `wanted`"));
                }
            }
            Some((Ok(_), path)) => add(&mut suites, stem(&path), true, vec![path.display().to_string()]),
            _ => {
                let (name, line) = named(one);
                let command = ["/bin/sh", "-c", line].map(str::to_owned);
                add(&mut suites, name, true, command.to_vec());
            }
        }
    }
    Ok(suites)
}

fn in_folder(suites: &mut Vec<Suite>, folder: &Path) -> Result<()> {
    for (name, required) in [("required", true), ("wanted", false)] {
        let dir = folder.join(name);
        let listed = match fs::list_dir(&dir) {
            Ok(listed) => listed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::io("list the suites in", &dir, error)),
        };
        for path in listed.iter().map(std::fs::DirEntry::path) {
            let found =
                fs::metadata(&path).map_err(|error| Failure::io("look at the suite", &path, error))?;
            if found.is_file() && found.permissions().mode() & 0o111 != 0 {
                add(suites, stem(&path), required, vec![path.display().to_string()]);
            }
        }
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A shell line and its name: what is said, or the program.
fn named(line: &str) -> (String, &str) {
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    match line.split_once('=') {
        Some((name, rest)) if plain(name) => (name.to_owned(), rest),
        _ => (
            stem(Path::new(line.split_whitespace().next().unwrap_or("suite"))),
            line,
        ),
    }
}

fn add(suites: &mut Vec<Suite>, name: String, required: bool, command: Vec<String>) {
    let is_free = |name: &String| suites.iter().all(|suite| suite.name != *name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let name = std::iter::once(name.clone())
        .chain(numbered)
        .find(is_free)
        .unwrap_or(name);
    suites.push(Suite {
        name,
        required,
        command,
    });
}

/// Runs a suite. It writes results as JUnit's XML into the folder `PITSTOP_RESULTS`, or as TAP to its standard output, or only
/// ends with an exit code; that counts at any rate.
///
/// # Errors
/// The folder cannot be made. How the suite ends is no error.
pub fn run(suite: &Suite, ground: &Ground) -> Result<Outcome> {
    let clock = Stopwatch::start();
    let results = Scratch::new(&ground.user);
    let results =
        results.map_err(|error| Failure::io("make a folder for results in", std::env::temp_dir(), error))?;
    let mut env = ground.env.clone();
    env.insert("PITSTOP_RESULTS".to_owned(), results.path().display().to_string());
    let spec = Spec {
        argv: suite.command.clone(),
        env: Environment::Clean(env),
        user: Some(ground.user.clone()),
        cwd: Some(ground.home.clone()),
        stdin: None,
    };
    let output = run_keeping(&spec, ground.timeout, MOST_OUTPUT);
    let tally = tally(output.as_ref().ok(), results.path());
    let (ok, detail) = judged(&spec, output, tally.as_ref());
    let view = ProbeView {
        name: suite.name.clone(),
        kind: "suite".to_owned(),
        required: suite.required,
        ok,
        detail,
        attempts: 1,
        ms: clock.ms(),
        baseline_ok: None,
    };
    Ok(Outcome { view, tally })
}

fn judged(spec: &Spec, output: std::io::Result<Output>, tally: Option<&Tally>) -> (bool, String) {
    let output = match output {
        Ok(output) => output,
        Err(error) => return (false, format!("cannot run {}: {error}", spec.program())),
    };
    let counted = tally.map(Tally::in_words);
    let failed = tally.is_some_and(|tally| tally.failed.count > 0);
    let told = match (counted, output.success()) {
        (Some(counted), true) => counted,
        (Some(counted), false) => format!("{}, {counted}", output.ending()),
        (None, true) => output.ending(),
        (None, false) => {
            let said = match output.stderr_tail.trim() {
                "" => &output.stdout_tail,
                _ => &output.stderr_tail,
            };
            format!("{}: {}", output.ending(), excerpt(said))
        }
    };
    (output.success() && !failed, told)
}

/// Files first: what is printed beside them is for people.
fn tally(output: Option<&Output>, results: &Path) -> Option<Tally> {
    if let Some(tally) = in_files(results) {
        return Some(tally);
    }
    let output = output?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.stdout_is_cut() {
        return tap::has_results(&text).then(|| unknown(output.stdout_bytes));
    }
    tap::is_tap(&text).then(|| tap::tally(&text))
}

/// What was cut off may have been failures.
fn unknown(bytes: u64) -> Tally {
    let mut tally = Tally::default();
    tally.failed.add(&format!(
        "its output of {bytes} bytes was cut, so its results are not known"
    ));
    tally
}

/// What stands in the folder was written by the suite, whatever it is: nothing is followed, and only files are read.
fn in_files(results: &Path) -> Option<Tally> {
    let root = Root::open(results).ok()?;
    let names = root.names_in(None).ok()?;
    let files: Vec<_> = names.iter().filter(|name| name.ends_with(".xml")).collect();
    let mut all: Option<Tally> = None;
    for name in files.iter().take(MOST_FILES) {
        let tally = all.get_or_insert_default();
        match in_file(&root, name) {
            Ok(found) => tally.append(found),
            Err(why) => tally.failed.add(&format!("{name} is no result: {why}")),
        }
    }
    if let (Some(tally), true) = (&mut all, files.len() > MOST_FILES) {
        let count = files.len();
        tally.failed.add(&format!(
            "{count} files of results are there, and no more than {MOST_FILES} are read"
        ));
    }
    all
}

fn in_file(root: &Root, name: &str) -> std::result::Result<Tally, String> {
    let path = RelPath::new(name).map_err(|error| error.to_string())?;
    let stat = root.stat(&path).map_err(|error| error.to_string())?;
    if !stat.is_some_and(|stat| stat.kind == Kind::File) {
        return Err("it is no file".to_owned());
    }
    let bytes = root
        .read(&path, LARGEST_FILE)
        .map_err(|error| error.to_string())?;
    junit::tally(&String::from_utf8_lossy(&bytes))
}
