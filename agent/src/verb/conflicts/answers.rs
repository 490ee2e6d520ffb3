//! What a person answered to the conflicts of an update that waits: lies beside the files that the person works on.

use serde::{Deserialize, Serialize};

use crate::api::plan::{AnswerView, Conflict, KeyConflict};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout;
use crate::memory::Decision;
use crate::model::RelPath;
use crate::session::{Instance, Session};

use super::leave::has;
use super::replace;

/// An answer to one conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::verb) struct Answer {
    /// The path in the pack.
    pub path: RelPath,
    /// Which of the path's conflicts; `None` for the path as a whole.
    #[serde(default)]
    pub place: Option<Place>,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// When, as RFC 3339.
    pub decided: String,
    /// By whom.
    pub by: String,
    /// Whether to remember it also if it holds a secret.
    #[serde(default)]
    pub remember_secret: bool,
}

/// One of a file's conflicts. Both must fit: the number alone could name another one after an update of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::verb) struct Place {
    /// Its number, from 0.
    pub at: usize,
    /// How it is called.
    pub name: String,
}

/// How a person calls a conflict: by its key, or by its line.
pub fn name(key: &KeyConflict) -> String {
    match (&key.key, key.line) {
        (Some(key), _) => key.clone(),
        (None, Some(line)) => format!("line {line}"),
        (None, None) => "lines".to_owned(),
    }
}

impl Answer {
    /// As it is reported. `secret` hides the value.
    pub fn view(&self, secret: bool) -> AnswerView {
        AnswerView {
            take: self.decision.taken(),
            value: match &self.decision {
                Decision::Value { value } if !secret => Some(value.clone()),
                _ => None,
            },
            decided: self.decided.clone(),
            by: self.by.clone(),
            remembered: false,
            instance: None,
            file: None,
        }
    }
}

const NAME: &str = "answers.json";

fn file() -> RelPath {
    layout::conflicts()
        .join(NAME)
        .unwrap_or_else(|_| layout::conflicts())
}

/// The answers so far.
pub(in crate::verb) fn read(instance: &Instance) -> Result<Vec<Answer>> {
    let path = file();
    let failed = |error| layout::failed("read", &instance.root, &path, error);
    if instance.root.stat(&path).map_err(failed)?.is_none() {
        return Ok(Vec::new());
    }
    let bytes = instance.root.read(&path, 64 << 20).map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let shown = path.under(instance.root.path());
        Failure::new(ErrorKind::Io, format!("cannot understand {}", shown.display()))
            .at(shown)
            .hint("remove the file and answer again")
            // What serde says could repeat a value.
            .because(anyhow::anyhow!("line {}", error.line()))
    })
}

/// Replaces the answers; a kill leaves the old ones or the new ones.
pub(in crate::verb) fn write(session: &Session, answers: &[Answer]) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(answers)
        .map_err(|error| Failure::new(ErrorKind::Internal, "cannot write down the answers").because(error))?;
    replace(session, &file(), &bytes)
}

/// Keeps the answers to conflicts that are still the same.
pub(super) fn keep(session: &Session, standing: &[Conflict]) -> Result<()> {
    let answers = read(session).unwrap_or_default();
    let mut kept = answers.clone();
    kept.retain(|answer| has(standing, &answer.path));
    match kept == answers {
        true => Ok(()),
        false => write(session, &kept),
    }
}
