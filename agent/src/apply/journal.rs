//! The journal: append-only records of the transaction under way, each durable before the next effect. Its header is
//! the plan. It exists exactly as long as the files of a transaction are not settled.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::plan::Plan;
use crate::api::report::Phase;
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::source::vendor_tool::Stood;
use crate::store::ConfigChange;
use crate::store::state::Because;
use crate::sys::fs;

/// The header: everything that recovery needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// The transaction's id.
    pub transaction: String,
    /// When it began, as RFC 3339.
    pub began: String,
    /// What is to be done.
    pub plan: Plan,
    /// Whether the server was running, so that it must run again afterwards.
    pub running: bool,
    /// Which probes passed before the transaction, by name; empty if none was asked.
    pub baseline: BTreeMap<String, bool>,
    /// For a rollback that the agent began by itself.
    #[serde(default)]
    pub because: Option<Because>,
    /// Whether the server goes on serving meanwhile.
    #[serde(default)]
    pub live: bool,
    /// What it does to the configuration, if that is what it is about.
    #[serde(default)]
    pub config: Option<ConfigChange>,
    /// The gates that somebody overrode for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Gate>,
    /// The agent's version.
    pub agent: String,
}

/// How far the transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Staged and left for a later run, as it was asked for.
    Parked,
    /// About to stop the server.
    Stopping,
    /// The vendor's tool works in the home itself.
    InPlace,
    /// About to rename.
    Commit,
    /// Every rename is done and durable.
    Done,
    /// About to take renames back.
    Undo,
    /// Every rename is taken back.
    Undone,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
enum Record {
    Begin(Box<Begin>),
    Mark {
        mark: Mark,
    },
    /// What stood in the home before the vendor's tool begins to work there.
    InPlace {
        held: Vec<Stood>,
    },
    /// What is to be done, where that is only known now.
    Plan {
        plan: Box<Plan>,
    },
    /// Which probes passed, where what was staged is taken up later.
    Baseline {
        baseline: BTreeMap<String, bool>,
    },
}

/// An open journal as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Its header.
    pub begin: Begin,
    /// The last mark; `None` while files are staged.
    pub mark: Option<Mark>,
    /// What stood in the home before the vendor's tool began to work there.
    pub held: Vec<Stood>,
}

impl Open {
    /// Whether it is only staged, and waits for a later run.
    pub fn is_parked(&self) -> bool {
        self.mark == Some(Mark::Parked)
    }

    /// The phase in words of the report.
    pub fn phase(&self) -> Phase {
        match self.mark {
            None | Some(Mark::Parked) => Phase::Staging,
            Some(Mark::Stopping) => Phase::Stopping,
            Some(Mark::InPlace) => Phase::InPlace,
            Some(Mark::Commit) => Phase::Committing,
            Some(Mark::Undo | Mark::Undone) => Phase::Undoing,
            Some(Mark::Done) => Phase::Committed,
        }
    }
}

/// The journal of the transaction under way.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Begins a journal.
    ///
    /// # Errors
    /// Writing failed.
    pub fn begin(path: &Path, begin: Begin) -> Result<Self> {
        fs::remove_if_exists(path).map_err(|error| Failure::io("begin the journal", path, error))?;
        let mut journal = Self::append_to(path)?;
        journal.write(&Record::Begin(Box::new(begin)))?;
        let folder = path.parent().unwrap_or(path);
        fs::sync_dir(folder).map_err(|error| Failure::io("sync", folder, error))?;
        Ok(journal)
    }

    /// Goes on with an open journal; a last line that a kill cut short is taken away.
    ///
    /// # Errors
    /// Opening failed.
    pub fn append_to(path: &Path) -> Result<Self> {
        let open = || {
            let file = fs::open_append(path)?;
            let bytes = fs::read(path, 1 << 30)?;
            let whole = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            if whole != bytes.len() {
                file.set_len(whole as u64)?;
            }
            Ok(file)
        };
        let file = open().map_err(|error| Failure::io("open the journal", path, error))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Adds a mark; it is durable when this returns.
    ///
    /// # Errors
    /// Writing failed.
    pub fn mark(&mut self, mark: Mark) -> Result<()> {
        self.write(&Record::Mark { mark })
    }

    /// Notes what stands in the home before the vendor's tool begins to work there; it is durable when this returns.
    ///
    /// # Errors
    /// Writing failed.
    pub fn in_place(&mut self, held: &[Stood]) -> Result<()> {
        self.write(&Record::InPlace { held: held.to_vec() })
    }

    /// Takes another plan, before anything of the first one is done; it is durable when this returns.
    ///
    /// # Errors
    /// Writing failed.
    pub fn plan(&mut self, plan: &Plan) -> Result<()> {
        self.write(&Record::Plan {
            plan: Box::new(plan.clone()),
        })
    }

    /// Takes another baseline, before the server is stopped; it is durable when this returns.
    ///
    /// # Errors
    /// Writing failed.
    pub fn baseline(&mut self, baseline: &BTreeMap<String, bool>) -> Result<()> {
        self.write(&Record::Baseline {
            baseline: baseline.clone(),
        })
    }

    fn write(&mut self, record: &Record) -> Result<()> {
        let mut line = serde_json::to_vec(record).map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down the journal").because(error)
        })?;
        line.push(b'\n');
        let mut append = || {
            let whole = self.file.metadata()?.len();
            fs::append_durably(&mut self.file, &self.path, &line).inspect_err(|_| {
                // A record that failed must neither count nor stand, in part, before the next one.
                if let Err(error) = self.file.set_len(whole) {
                    tracing::warn!("cannot cut the journal {}: {error}", self.path.display());
                }
            })
        };
        append().map_err(|error| Failure::io("append to the journal", &self.path, error))
    }
}

/// Closes the journal for good.
///
/// # Errors
/// Removing failed.
pub fn close(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::remove_if_exists(path)
        .and_then(|()| fs::sync_dir(folder))
        .map_err(|error| Failure::io("close the journal", path, error))
}

/// The open journal; `None` if there is none. A last line that a kill cut short does not count: its effect had not
/// begun. A journal without a whole header had no effect at all.
///
/// # Errors
/// Reading failed, or a line in the middle is damaged.
pub fn read(path: &Path) -> Result<Option<Open>> {
    let bytes = match fs::read(path, 1 << 30) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("read the journal", path, error)),
    };
    let mut open = None;
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        match (serde_json::from_slice(line), &mut open) {
            (Ok(Record::Begin(begin)), None) => {
                open = Some(Open {
                    begin: *begin,
                    mark: None,
                    held: Vec::new(),
                })
            }
            (Ok(Record::Mark { mark }), Some(open)) => open.mark = Some(mark),
            (Ok(Record::InPlace { held }), Some(open)) => {
                open.mark = Some(Mark::InPlace);
                open.held = held;
            }
            (Ok(Record::Plan { plan }), Some(open)) => open.begin.plan = *plan,
            (Ok(Record::Baseline { baseline }), Some(open)) => open.begin.baseline = baseline,
            (Err(_), _) if lines.peek().is_none() => {}
            _ => return Err(damaged(path)),
        }
    }
    Ok(open)
}

fn damaged(path: &Path) -> Failure {
    Failure::new(ErrorKind::Interrupted, format!("cannot understand the journal {}", path.display()))
        .at(path)
        .hint("the old files lie in `.pitstop/tx/*/old` of the home; put them back by hand, then remove the journal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::report::Action;
    use crate::model::{Digest, Level, Release};
    use proptest::prelude::*;

    fn begin() -> Begin {
        let release = Release {
            product: "p".into(),
            level: Level::new("1"),
            tree: None,
        };
        let plan = Plan {
            id: "i".into(),
            action: Action::Update,
            instance: "a".into(),
            home: "/srv/a".into(),
            from: release.clone(),
            to: release,
            base_revision: Digest::of(b""),
            steps: vec![],
            files: vec![],
            conflicts: vec![],
            remembered: vec![],
            manual: vec![],
            hotfixes: vec![],
            in_place: false,
            warnings: vec![],
            required_bytes: 0,
        };
        Begin {
            transaction: "000001-x".into(),
            began: "2026-01-01T00:00:00Z".into(),
            plan,
            running: true,
            baseline: BTreeMap::new(),
            because: None,
            live: false,
            config: None,
            overridden: Vec::new(),
            agent: "0".into(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        #[expect(clippy::disallowed_methods, reason = "cuts the file as a kill would")]
        fn a_journal_cut_anywhere_tells_the_last_whole_mark_and_can_go_on(cut in 0_usize..4000) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("journal.jsonl");
            let mut journal = Journal::begin(&path, begin()).unwrap();
            journal.mark(Mark::Stopping).unwrap();
            journal.mark(Mark::Commit).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let cut = cut.min(bytes.len());
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let whole_lines = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            let found = read(&path).unwrap();
            let expected = [None, Some(None), Some(Some(Mark::Stopping)), Some(Some(Mark::Commit))][whole_lines];
            // A line that only lacks its line feed may count already: its effect had not begun either way.
            let found_mark = found.as_ref().map(|open| open.mark);
            if bytes.get(cut) != Some(&b'\n') {
                prop_assert_eq!(found_mark, expected);
            }
            if whole_lines > 0 {
                Journal::append_to(&path).unwrap().mark(Mark::Done).unwrap();
                prop_assert_eq!(read(&path).unwrap().unwrap().mark, Some(Mark::Done));
            }
            close(&path).unwrap();
            prop_assert_eq!(read(&path).unwrap(), None);
        }
    }
}
