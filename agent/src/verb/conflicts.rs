//! The files in which a person resolves conflicts: beside each other in the staging area lie `<path>.original` (pristine
//! at the installed level), `<path>.new` (pristine at the target level), and the place for `<path>.final`, the person's
//! result. An empty `<path>.deleted` means that the path shall not exist. `answers.json` holds what `conflicts resolve` was
//! told. A result that does not fit any more becomes `<path>.final.old`, which stays until a person removes it.

pub(in crate::verb) mod answers;
pub(in crate::verb) mod counsel;
pub mod desk;
pub mod exchange;
mod leave;
pub(in crate::verb) mod remember;
mod resolve;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::api::plan::{AnswerView, Conflict, Plan, Taken};
use crate::api::report::{ConflictView, WaitingView};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout;
use crate::health::parse;
use crate::memory::Decision;
use crate::merge::text::LIMIT;
use crate::model::{Level, RelPath};
use crate::session::{Instance, Session};
use crate::sys::clock::rfc3339;
use crate::sys::process::User;
use crate::sys::root::Root;

use super::again::Again;
use answers::Answer;
use counsel::Chosen;
pub(super) use leave::{clear, leave, standing};

/// What `update --continue` goes on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// Where the update comes from, if it was told where; the instance's own source without it.
    #[serde(default)]
    pub from: Option<PathBuf>,
    /// Its level.
    pub level: Level,
    /// What was in conflict, and what of it is answered since: it stays until the update went through.
    pub conflicts: Vec<Conflict>,
    /// Whether what is remembered is left out of it.
    #[serde(default)]
    pub no_remembered: bool,
    /// Whether it is a hotfix that waits, and not an update.
    #[serde(default)]
    pub hotfix: bool,
    /// Which of the hotfixes it is that a bundle carries, if it comes out of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<String>,
    /// Whether it is an update in the home itself.
    #[serde(default)]
    pub in_place: bool,
    /// Whether it was only to be staged.
    #[serde(default)]
    pub stage_only: bool,
}

impl Waiting {
    /// What waits, in words.
    fn what(&self) -> String {
        let file = || Some(self.from.as_ref()?.file_name()?.to_string_lossy().into_owned());
        match (self.hotfix, self.carried.clone().or_else(file)) {
            (true, Some(name)) => format!("the hotfix {name}"),
            _ => format!("the update to {}", self.level),
        }
    }

    /// The same for reports, with every conflict open.
    pub fn view(&self, instance: &str) -> WaitingView {
        let conflicts = self.conflicts.len() as u64;
        WaitingView {
            level: self.level.clone(),
            conflicts,
            open: conflicts,
            command: self.command(instance),
        }
    }

    /// The command that goes on with it.
    pub fn command(&self, instance: &str) -> String {
        match (self.hotfix, &self.from) {
            (true, Some(file)) => Again::new("hotfix apply", instance)
                .path(file)
                .each("--hotfix", &self.carried)
                .flag(true, "--continue"),
            _ => Again::new("update", instance)
                .flag(true, "--continue")
                .flag(self.stage_only, "--stage-only"),
        }
        .to_string()
    }
}

const RECORD: &str = "update.json";

fn record_path() -> RelPath {
    layout::conflicts()
        .join(RECORD)
        .unwrap_or_else(|_| layout::conflicts())
}

fn file(path: &RelPath, suffix: &str) -> RelPath {
    layout::below(&layout::conflicts(), path).with_suffix(suffix)
}

/// The update that waits for a person; `None` if none does.
pub(super) fn waiting(instance: &Instance) -> Result<Option<Waiting>> {
    let path = record_path();
    let failed = |error| layout::failed("read", &instance.root, &path, error);
    if instance.root.stat(&path).map_err(failed)?.is_none() {
        return Ok(None);
    }
    let bytes = instance.root.read(&path, 64 << 20).map_err(failed)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::new(
            ErrorKind::Io,
            format!("cannot understand {}", path.under(instance.root.path()).display()),
        )
        .hint("run `pitstop update` without --continue: it finds the conflicts again")
        .because(error)
    })
}

/// What a person wrote, or deleted, by hand.
pub(super) struct Hand {
    /// The content; `None` if the path shall not exist.
    pub bytes: Option<Vec<u8>>,
    /// Why it cannot be the result yet.
    pub flaw: Option<String>,
    /// Who did it and when.
    pub view: AnswerView,
    /// Whether to remember it also if it holds a secret.
    pub remember_secret: bool,
}

impl Hand {
    fn chosen(&self) -> Chosen {
        match &self.bytes {
            Some(bytes) => Chosen::Bytes(bytes.clone()),
            None => Chosen::Decision(Decision::Deleted),
        }
    }
}

/// What people did by hand, by path.
pub(super) type Finals = BTreeMap<RelPath, Hand>;

/// The person's `.final` and `.deleted` files.
pub(super) fn finals(instance: &Instance, conflicts: &[Conflict], answers: &[Answer]) -> Result<Finals> {
    let root = &instance.root;
    let mut finals = Finals::new();
    for conflict in conflicts {
        let stat = |path: &RelPath| {
            root.stat(path)
                .map_err(|error| layout::failed("look at", root, path, error))
        };
        let (done, deleted) = (file(&conflict.path, ".final"), file(&conflict.path, ".deleted"));
        let (take, found, bytes) = match (stat(&done)?, stat(&deleted)?) {
            (Some(found), _) => {
                let read = root.read(&done, LIMIT);
                let bytes = read.map_err(|error| layout::failed("read", root, &done, error))?;
                (Taken::Final, found, Some(bytes))
            }
            (None, Some(found)) => (Taken::Deleted, found, None),
            (None, None) => continue,
        };
        // What `conflicts resolve --final` wrote, it also wrote down.
        let told = answers
            .iter()
            .find(|answer| answer.path == conflict.path && answer.place.is_none());
        let hand = Hand {
            flaw: bytes.as_deref().and_then(|bytes| flaw(&conflict.path, bytes)),
            bytes,
            view: AnswerView {
                take,
                value: None,
                decided: told.map_or_else(|| rfc3339(found.key.mtime_ns), |told| told.decided.clone()),
                by: told.map_or_else(|| user_name(found.uid), |told| told.by.clone()),
                remembered: false,
                instance: None,
                file: None,
            },
            remember_secret: told.is_some_and(|told| told.remember_secret),
        };
        finals.insert(conflict.path.clone(), hand);
    }
    Ok(finals)
}

/// Why a file that a person wrote cannot be put in place.
fn flaw(path: &RelPath, bytes: &[u8]) -> Option<String> {
    let is_marker = |line: &[u8]| line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> ");
    if bytes.split(|byte| *byte == b'\n').any(is_marker) {
        return Some("the file still holds conflict markers".to_owned());
    }
    let why = parse::lenient_error(path.file_name(), bytes)?;
    Some(format!("the file cannot be read: {why}"))
}

/// Refuses what people left unfinished.
///
/// # Errors
/// `conflicts`.
pub(super) fn demand_finished(root: &Root, finals: &Finals) -> Result<()> {
    let mut flaws = finals
        .iter()
        .filter_map(|(path, hand)| Some((path, hand.flaw.as_ref()?)));
    let Some((path, why)) = flaws.next() else {
        return Ok(());
    };
    let at = file(path, ".final").under(root.path());
    let message = format!("{} is not used: {why}", at.display());
    Err(Failure::new(ErrorKind::Conflicts, message)
        .at(at)
        .hint("finish the file, or take it back with `pitstop conflicts resolve … --reopen`"))
}

fn user_name(uid: u32) -> String {
    User::by_uid(uid).map_or_else(|_| uid.to_string(), |user| user.name)
}

/// The conflicts of a plan, without leaving anything.
pub(super) fn views(plan: &Plan) -> Vec<ConflictView> {
    let view = |conflict: &Conflict| ConflictView {
        conflict: conflict.clone(),
        original_file: None,
        new_file: None,
        final_file: None,
        answer: None,
    };
    plan.conflicts.iter().map(view).collect()
}

/// Replaces a file of ours; a kill leaves the old content or the new one.
fn replace(session: &Session, path: &RelPath, bytes: &[u8]) -> Result<()> {
    let root = &session.root;
    let attempt = || {
        path.parent()
            .map_or(Ok(()), |folder| root.make_private_dirs(&folder))?;
        root.replace_file(path, bytes)
    };
    attempt().map_err(|error| layout::failed("write", root, path, error))
}

fn remove(root: &Root, path: &RelPath) -> Result<()> {
    root.remove_tree(path)
        .map_err(|error| layout::failed("remove", root, path, error))
}
