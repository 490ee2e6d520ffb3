//! Lines that a server wrote to its log since it was started.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use crate::config::probe::{Log, Probe};
use crate::sys::{fs, procfs};

use super::answer::Answer;

/// How much of a file's end is read at most.
const READ_LIMIT: u64 = 64 << 20;
/// Longer lines are looked at in pieces.
const LINE_LIMIT: u64 = 64 << 10;
/// How many bytes before its end identify what a file held.
const FINGERPRINT: u64 = 64;

/// Where the logs of an instance ended at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogMarks(BTreeMap<String, Vec<Mark>>);

/// The end of one file: its identity, so that it is known again under another name, its size, and its last bytes, so
/// that one which was emptied and filled again is not taken for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    dev: u64,
    ino: u64,
    size: u64,
    last: Vec<u8>,
}

impl LogMarks {
    pub(super) fn of(&self, probe: &str) -> &[Mark] {
        self.0.get(probe).map_or(&[], Vec::as_slice)
    }
}

/// Remembers where the logs of these probes end now: what stands in them was written before. A log that is not there
/// yet is no error.
pub fn mark_logs(home: &Path, probes: &[Probe]) -> LogMarks {
    let of_log = |probe: &Probe| {
        let matches = Place::of(home, probe.log.as_ref()?).matches();
        let marks = matches
            .iter()
            .filter_map(|(path, found)| Mark::of(path, found).ok());
        Some((probe.name.clone(), marks.collect()))
    };
    LogMarks(probes.iter().filter_map(of_log).collect())
}

impl Mark {
    fn of(path: &Path, found: &Metadata) -> io::Result<Self> {
        Ok(Self {
            dev: found.dev(),
            ino: found.ino(),
            size: found.size(),
            last: procfs::read_before(path, found.size(), FINGERPRINT)?,
        })
    }

    /// Where in the file the new content begins.
    fn new_from(&self, path: &Path, found: &Metadata) -> u64 {
        let unchanged = found.size() >= self.size
            && procfs::read_before(path, self.size, FINGERPRINT).is_ok_and(|last| last == self.last);
        if unchanged { self.size } else { 0 }
    }
}

/// A directory and the glob of the files in it.
struct Place {
    dir: PathBuf,
    glob: String,
}

impl Place {
    fn of(home: &Path, log: &Log) -> Self {
        let path = home.join(&log.file);
        Self {
            dir: path.parent().unwrap_or(home).to_owned(),
            glob: path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        }
    }

    fn files(&self) -> Vec<(PathBuf, Metadata)> {
        let file = |entry: std::fs::DirEntry| {
            let found = fs::metadata(&entry.path()).ok().filter(Metadata::is_file)?;
            Some((entry.path(), found))
        };
        fs::list_dir(&self.dir)
            .unwrap_or_default()
            .into_iter()
            .filter_map(file)
            .collect()
    }

    fn matches(&self) -> Vec<(PathBuf, Metadata)> {
        let mut files = self.files();
        files.retain(|(path, _)| path.file_name().is_some_and(|name| self.is_match(name)));
        files
    }

    fn newest(&self) -> Option<(PathBuf, Metadata)> {
        self.matches()
            .into_iter()
            .max_by_key(|(_, found)| (found.mtime(), found.mtime_nsec()))
    }

    fn is_match(&self, name: &OsStr) -> bool {
        glob_matches(self.glob.as_bytes(), name.as_encoded_bytes())
    }
}

/// `*` stands for any bytes, everything else for itself.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    match glob.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| glob_matches(rest, &name[skip..])),
        Some((first, rest)) => name
            .split_first()
            .is_some_and(|(head, tail)| head == first && glob_matches(rest, tail)),
    }
}

/// Which lines count.
pub(super) enum Lines<'a> {
    /// Those after these marks, also in a file that was renamed meanwhile.
    After(&'a [Mark]),
    /// Those of whole files that were written since a server started that runs already. They may hold earlier starts:
    /// what is forbidden only counts after the last line that was looked for. That line may be gone by now, purged or
    /// packed, unless the server may still be starting.
    OfServer {
        since_unix: Option<u64>,
        is_starting: bool,
    },
}

impl Lines<'_> {
    fn missing(&self, why: String) -> Answer {
        match self {
            Self::OfServer {
                is_starting: false, ..
            } => Answer::pass(format!(
                "{why}; not held against a server that has been up for longer than a start may take"
            )),
            _ => Answer::fail(why),
        }
    }
}

/// Looks once for the line.
pub(super) fn ask(home: &Path, log: &Log, lines: &Lines<'_>) -> Answer {
    let (Ok(pattern), Ok(forbid)) = (
        Regex::new(&log.pattern),
        log.forbid.as_deref().map(Regex::new).transpose(),
    ) else {
        return Answer::fail("the pattern is not a regular expression");
    };
    let place = Place::of(home, log);
    let Some(newest) = place.newest() else {
        return lines.missing(format!("there is no {}", log.file));
    };
    let parts = match lines {
        Lines::After(marks) => since_marks(&place, newest, marks),
        Lines::OfServer { since_unix, .. } => since_start(&place, newest, *since_unix),
    };
    let mut search = Search {
        pattern,
        forbid,
        forgives: matches!(lines, Lines::OfServer { .. }),
        seen: false,
        forbidden: None,
    };
    for (path, from) in &parts {
        if let Err(error) = search.read(path, *from) {
            return Answer::fail(format!("cannot read {}: {error}", path.display()));
        }
    }
    if let Some((path, line)) = search.forbidden {
        let path = path.display();
        Answer::fail(format!("line {line} after the start in {path} is forbidden"))
    } else if search.seen {
        Answer::pass(format!("{} has the line", log.file))
    } else {
        lines.missing(format!(
            "no line of {} since the start matches `{}`",
            log.file, log.pattern
        ))
    }
}

fn since_marks(place: &Place, newest: (PathBuf, Metadata), marks: &[Mark]) -> Vec<(PathBuf, u64)> {
    let mark_of = |found: &Metadata| {
        marks
            .iter()
            .find(|mark| (mark.dev, mark.ino) == (found.dev(), found.ino()))
    };
    let renamed = place.files().into_iter().filter_map(|(path, found)| {
        let mark = mark_of(&found).filter(|mark| path != newest.0 && found.size() > mark.size)?;
        let from = mark.new_from(&path, &found);
        Some((path, from))
    });
    let mut parts: Vec<_> = renamed.collect();
    let from = mark_of(&newest.1).map_or(0, |mark| mark.new_from(&newest.0, &newest.1));
    parts.push((newest.0, from));
    parts
}

/// Rotated logs keep the beginning of the name; the start of a server that has been up for long is in one of them.
fn since_start(place: &Place, newest: (PathBuf, Metadata), started_unix: Option<u64>) -> Vec<(PathBuf, u64)> {
    let Some(started) = started_unix.and_then(|seconds| i64::try_from(seconds).ok()) else {
        return vec![(newest.0, 0)];
    };
    let stem = newest
        .0
        .file_stem()
        .unwrap_or_default()
        .as_encoded_bytes()
        .to_owned();
    let is_log = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(&stem))
    };
    let mut files = place.files();
    files.retain(|(path, found)| found.mtime() >= started && is_log(path));
    files.sort_by_key(|(_, found)| (found.mtime(), found.mtime_nsec()));
    files.into_iter().map(|(path, _)| (path, 0)).collect()
}

struct Search {
    pattern: Regex,
    forbid: Option<Regex>,
    /// Whether a line that was looked for makes up for forbidden ones before it.
    forgives: bool,
    seen: bool,
    /// The first line that counts as forbidden, from 1.
    forbidden: Option<(PathBuf, u64)>,
}

impl Search {
    fn read(&mut self, path: &Path, from: u64) -> io::Result<()> {
        let mut file = procfs::open(path)?;
        let size = file.metadata()?.size();
        file.seek(SeekFrom::Start(from.max(size.saturating_sub(READ_LIMIT))))?;
        let mut reader = BufReader::new(file.take(READ_LIMIT));
        let mut line = Vec::new();
        let mut number = 1;
        while reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)? > 0 {
            let text = line.trim_ascii_end();
            if self.pattern.is_match(text) {
                self.seen = true;
                self.forbidden.take_if(|_| self.forgives);
            }
            if self.forbid.as_ref().is_some_and(|forbid| forbid.is_match(text)) {
                self.forbidden.get_or_insert_with(|| (path.to_owned(), number));
            }
            if self.seen && self.forbid.is_none() {
                return Ok(());
            }
            number += 1;
            line.clear();
        }
        Ok(())
    }
}
