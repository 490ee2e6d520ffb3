//! What the tool says: kept for the vendor's support without secrets, its last lines for messages.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::api::{Failure, Result};
use crate::sys::fs;
use crate::sys::process::ProcessId;

/// More is not kept of one update, but for the last lines.
const MOST_BYTES: usize = 4 << 20;
/// Longer lines are taken apart.
const LONGEST_LINE: usize = 8 << 10;
/// How many are kept of runs that others may go on beside.
const KEPT_BESIDE: usize = 3;
/// How many of the last lines a message shows.
const LAST_LINES: usize = 6;
const SHOWN: &str = "<secret>";
/// What follows is the id of the process.
const BESIDE: &str = "vendor-tool-";

/// What follows a word such as `token`, if it is long enough to be one.
static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b((?:access|refresh)[_-]?token|token|password|bearer|secret)(["']?\s*[:=]?\s*["']?)([^\s"',;<>]{8,})"#)
        .ok()
});
/// User and password in an address; the password may hold an `@`.
static USERINFO: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(://)[^/\s]+@").ok());

/// See the module.
pub(super) struct Transcript {
    path: PathBuf,
    file: File,
    secrets: Vec<String>,
    /// The line that is not over yet.
    line: Vec<u8>,
    written: usize,
    last: VecDeque<String>,
    /// What the tool said since pitstop's last word.
    said: String,
}

impl Transcript {
    /// Begins a new one; the one before it stays beside it. Only a run that goes on `alone` may take the place of what another wrote:
    /// any other has a file of its own.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn begin(folder: &Path, alone: bool, secrets: Vec<String>) -> Result<Self> {
        let name = match alone {
            true => "vendor-tool.log".to_owned(),
            false => format!("{BESIDE}{}.log", std::process::id()),
        };
        let path = folder.join(name);
        let begin = || {
            fs::make_private_dirs(folder)?;
            match alone {
                true => fs::rotate(&path, &folder.join("vendor-tool.log.1"))?,
                false => forget_ended(folder),
            }
            fs::create_private(&path)
        };
        let file = begin().map_err(|error| Failure::io("keep the update tool's output in", &path, error))?;
        Ok(Self {
            path,
            file,
            // The longest first: one may be a part of another. What is too short is too common.
            secrets: sorted(
                secrets
                    .into_iter()
                    .filter(|secret| secret.trim().len() > 3)
                    .collect(),
            ),
            line: Vec::new(),
            written: 0,
            last: VecDeque::new(),
            said: String::new(),
        })
    }

    /// Where it is kept.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes what pitstop itself has to say about the run.
    pub(super) fn note(&mut self, text: &str) {
        self.end_line();
        self.hear(format!("# {text}\n").as_bytes());
        // It is no output of the tool.
        self.last.clear();
        self.said.clear();
    }

    /// Takes the next piece of output.
    pub(super) fn hear(&mut self, chunk: &[u8]) {
        for byte in chunk {
            match byte {
                // A progress bar begins its line anew.
                b'\n' | b'\r' => self.end_line(),
                _ if self.line.len() >= LONGEST_LINE => {
                    self.end_line();
                    self.line.push(*byte);
                }
                _ => self.line.push(*byte),
            }
        }
    }

    /// What the tool said since pitstop's last word, without secrets.
    pub(super) fn said(&mut self) -> String {
        self.end_line();
        self.said.clone()
    }

    /// The last lines, on one line.
    pub(super) fn last_lines(&mut self) -> String {
        self.end_line();
        self.last.iter().cloned().collect::<Vec<_>>().join(" | ")
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = self.scrub(&String::from_utf8_lossy(&line));
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        tracing::info!("update tool: {text}");
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(text.to_owned());
        if self.said.len() < MOST_BYTES {
            self.said.extend([text, "\n"]);
        }
        self.keep(text);
    }

    fn keep(&mut self, text: &str) {
        if self.written > MOST_BYTES {
            return;
        }
        self.written += text.len() + 1;
        let text = match self.written > MOST_BYTES {
            true => "# the rest is left out",
            false => text,
        };
        // A full disk must not end an update whose candidate lies elsewhere.
        if let Err(error) = writeln!(self.file, "{text}") {
            tracing::debug!("cannot write {}: {error}", self.path.display());
            self.written = usize::MAX;
        }
    }

    fn scrub(&self, text: &str) -> String {
        let plain = self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), SHOWN)
        });
        let plain = replace_all(&TOKENS, &plain, &format!("${{1}}${{2}}{SHOWN}"));
        replace_all(&USERINFO, &plain, &format!("${{1}}{SHOWN}@"))
    }
}

/// Removes the older ones of runs that had a file of their own and are over, so that one more makes no more than are kept.
fn forget_ended(folder: &Path) {
    let is_over = |name: &str| {
        let pid: u32 = name.strip_prefix(BESIDE)?.strip_suffix(".log")?.parse().ok()?;
        Some(ProcessId::of(pid).is_none())
    };
    let mut ended = Vec::new();
    for entry in fs::list_dir(folder).unwrap_or_default() {
        let modified = entry.metadata().and_then(|found| found.modified());
        if let (Some(true), Ok(modified)) = (is_over(&entry.file_name().to_string_lossy()), modified) {
            ended.push((modified, entry.path()));
        }
    }
    ended.sort();
    let surplus = (ended.len() + 1).saturating_sub(KEPT_BESIDE);
    for (_, path) in ended.iter().take(surplus) {
        // Another run may do the same.
        let _ = fs::remove_if_exists(path);
    }
}

fn replace_all(pattern: &LazyLock<Option<Regex>>, text: &str, by: &str) -> String {
    match &**pattern {
        Some(pattern) => pattern.replace_all(text, by).into_owned(),
        None => text.to_owned(),
    }
}

fn sorted(mut secrets: Vec<String>) -> Vec<String> {
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(chunks: &[&[u8]]) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let secrets = vec!["pw$1".to_owned(), "u@example.com".to_owned(), "ab".to_owned()];
        let mut transcript = Transcript::begin(dir.path(), true, secrets).unwrap();
        chunks.iter().for_each(|chunk| transcript.hear(chunk));
        let last = transcript.last_lines();
        (fs::read_text_if_exists(transcript.path()).unwrap().unwrap(), last)
    }

    #[test]
    fn secrets_are_gone_however_they_come() {
        let table: [(&[&[u8]], &str); 7] = [
            (
                &[b"login u@exam", b"ple.com with p", b"w$1\n"],
                "login <secret> with <secret>\n",
            ),
            (&[b"token STANDIN-SECRET"], "token <secret>\n"),
            (
                &[b"\"access-token\": \"abcdefgh1\","],
                "\"access-token\": \"<secret>\",\n",
            ),
            (&[b"the token has expired"], "the token has expired\n"),
            (
                &[b"via http://me:pass@word@proxy:1/"],
                "via http://<secret>@proxy:1/\n",
            ),
            (
                &[b"1 %\r2 %\r\xff\xfe\x1b[2J\n"],
                "1 %\n2 %\n\u{fffd}\u{fffd} [2J\n",
            ),
            (&[b"cab\n\n"], "cab\n"),
        ];
        for (chunks, expected) in table {
            assert_eq!(heard(chunks).0, expected);
        }
    }

    #[test]
    fn what_was_said_is_all_of_a_run_and_nothing_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut transcript = Transcript::begin(dir.path(), true, vec!["pw$1".to_owned()]).unwrap();
        transcript.note("one");
        transcript.hear(b"of another\n");
        transcript.note("two");
        for chunk in [&b"wso2am-4.2.0 3\n# 9 of p"[..], b"w$1\nwso2am-4.2.0 12"] {
            transcript.hear(chunk);
        }
        assert_eq!(
            transcript.said(),
            "wso2am-4.2.0 3\n# 9 of <secret>\nwso2am-4.2.0 12\n"
        );
    }

    #[test]
    fn a_run_beside_others_touches_none_that_may_go_on_and_few_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        let alone = Transcript::begin(dir.path(), true, Vec::new()).unwrap();
        assert_eq!(alone.path(), place("vendor-tool.log"));
        // No process has an id beyond the largest that the system gives.
        for (age, pid) in [4_194_305, 4_194_306, 4_194_307, 4_194_308]
            .into_iter()
            .enumerate()
        {
            let file = fs::create_private(&place(&format!("vendor-tool-{pid}.log"))).unwrap();
            let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
            file.set_modified(then).unwrap();
        }
        fs::write_whole(&place("vendor-tool-1.log"), b"of a process that lives").unwrap();
        let own = format!("vendor-tool-{}.log", std::process::id());
        for _ in 0..2 {
            let beside = Transcript::begin(dir.path(), false, Vec::new()).unwrap();
            assert_eq!(beside.path(), place(&own));
        }
        let mut expected = vec![
            own,
            "vendor-tool-1.log".to_owned(),
            "vendor-tool-4194307.log".to_owned(),
            "vendor-tool-4194308.log".to_owned(),
            "vendor-tool.log".to_owned(),
        ];
        expected.sort();
        let found = fs::list_dir(dir.path()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_flood_is_cut_and_its_end_is_told() {
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        let flood = line.repeat(60_000);
        let (kept, last) = heard(&[&flood, b"the end"]);
        assert!(kept.len() < MOST_BYTES + 200, "{}", kept.len());
        assert!(kept.ends_with("left out\n"));
        assert!(last.ends_with(" | the end"));
        assert_eq!(heard(&[&vec![b'y'; 3 * LONGEST_LINE]]).0.lines().count(), 3);
    }
}
