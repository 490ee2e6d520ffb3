//! What a rollback goes back to.

use crate::api::plan::FileOp;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Level, RelPath};
use crate::session::Session;
use crate::store::ConfigChange;
use crate::store::state::Pending;

/// What to go back to, by its place among the snapshots.
pub(in crate::verb) enum Target {
    Level(usize),
    Config(usize),
}

impl Target {
    /// The snapshot that leads to a level.
    pub(super) fn level(session: &Session, level: Option<&Level>) -> Result<Self> {
        let snapshots = &session.state.snapshots;
        let found = match level {
            None => snapshots.len().checked_sub(1),
            Some(level) => snapshots
                .iter()
                .rposition(|snapshot| snapshot.installed.release.level == *level),
        };
        found.map(Self::Level).ok_or_else(|| no_snapshot(session, level))
    }

    pub(super) fn newest_config(session: &Session) -> Result<Self> {
        let newest = session.state.config.snapshots.len().checked_sub(1);
        newest.map(Self::Config).ok_or_else(|| {
            let name = &session.settings.name;
            let message = format!("there is no configuration of {name} to take back");
            Failure::new(ErrorKind::NoSnapshot, message).hint(
                "`config apply` keeps what it replaces; there was none yet, or it was taken back already",
            )
        })
    }

    /// The snapshot that a transaction left.
    pub(super) fn transaction(session: &Session, pending: &Pending) -> Result<Self> {
        let id = &pending.transaction;
        let (state, config) = (&session.state, &session.state.config);
        let found = match pending.config {
            Some(_) => {
                let at = config
                    .snapshots
                    .iter()
                    .position(|snapshot| snapshot.transaction == *id);
                at.map(Self::Config)
            }
            None => {
                let at = state
                    .snapshots
                    .iter()
                    .position(|snapshot| snapshot.transaction == *id);
                at.map(Self::Level)
            }
        };
        found.ok_or_else(|| no_snapshot(session, None))
    }

    /// The transactions to take back, the newest first.
    pub(super) fn transactions(&self, session: &Session) -> Vec<String> {
        let state = &session.state;
        match self {
            Self::Level(at) => {
                let newer = state.snapshots[*at..].iter().rev();
                newer.map(|snapshot| snapshot.transaction.clone()).collect()
            }
            Self::Config(at) => vec![state.config.snapshots[*at].transaction.clone()],
        }
    }

    pub(super) fn change(&self, session: &Session) -> Option<ConfigChange> {
        match self {
            Self::Level(_) => None,
            Self::Config(at) => Some(ConfigChange::TakeBack {
                transaction: session.state.config.snapshots[*at].transaction.clone(),
            }),
        }
    }

    /// Going back to a level always needs one; a configuration does if one of its files does.
    pub(super) fn needs_restart(&self, session: &Session) -> Result<bool> {
        let Self::Config(at) = self else { return Ok(true) };
        let plan = session
            .store
            .snapshot_plan(&session.state.config.snapshots[*at].transaction)?;
        let rules = session.settings.config.iter().flat_map(|config| &config.files);
        let calm: Vec<&RelPath> = rules
            .filter(|rule| !rule.restart)
            .map(|rule| &rule.path)
            .collect();
        let files = plan.files.iter().filter(|step| step.op != FileOp::MakeDir);
        Ok(files.into_iter().any(|step| !calm.contains(&&step.path)))
    }
}

pub(super) fn no_snapshot(session: &Session, level: Option<&Level>) -> Failure {
    let name = &session.settings.name;
    let wanted = level.map_or_else(String::new, |level| format!(" of level {level}"));
    let kept: Vec<&str> = session
        .state
        .snapshots
        .iter()
        .map(|snapshot| snapshot.installed.release.level.as_str())
        .collect();
    let hint = if kept.is_empty() {
        "an update keeps one; there was none yet, or it was taken back already".to_owned()
    } else {
        format!("snapshots are kept of {}", kept.join(", "))
    };
    Failure::new(
        ErrorKind::NoSnapshot,
        format!("there is no snapshot{wanted} of {name} to go back to"),
    )
    .hint(hint)
}
