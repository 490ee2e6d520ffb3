//! The way back that pitstop takes by itself. Nobody is there to help, and what is left behind is known to be bad: what can
//! be tried again is, and what can be done without is only warned of.

use std::collections::BTreeMap;

use crate::api::plan::Plan;
use crate::api::{ErrorKind, Result};
use crate::apply::seal;
use crate::apply::stage::Contents;
use crate::model::RelPath;
use crate::session::Session;
use crate::store::state::{Because, Pending};

use super::super::rollout::Gates;
use super::super::{Run, road, server, view};
use super::{Target, plan};

/// A way back.
struct Back {
    target: Target,
    plan: Plan,
    merged: BTreeMap<RelPath, Vec<u8>>,
    running: bool,
}

/// Takes back a change that failed its verification. A server that went on serving meanwhile is restarted: whatever it
/// has read of the change may be in it still. What changes in between, because a dying server wrote it, is planned anew
/// once; the server stays down meanwhile.
pub(in crate::verb) fn take_back(
    run: &mut Run<'_>,
    session: &mut Session,
    pending: &Pending,
    because: Because,
) -> Result<()> {
    let failed = run.report.transaction.clone();
    let first = Back::plan(run, session, pending);
    let driven = match first.and_then(|back| back.drive(run, session, pending, &because, true)) {
        Err(stale) if stale.kind == ErrorKind::Stale => {
            run.warn(format!("{stale}; the way back is planned again"));
            again(run, session, pending, &because)
        }
        done => done,
    };
    run.report.transaction = failed;
    driven
}

fn again(run: &mut Run<'_>, session: &mut Session, pending: &Pending, because: &Because) -> Result<()> {
    let open = session.open_journal()?;
    let back = Back::plan(run, session, pending).and_then(|back| {
        if let Some(open) = &open {
            seal::discarded(session, &open.begin)?;
        }
        Ok(back)
    });
    match (back, open) {
        (Ok(back), _) => back.drive(run, session, pending, because, false),
        (Err(failure), Some(open)) => Err(road::give_up(run, session, &open.begin, failure)),
        (Err(failure), None) => Err(failure),
    }
}

impl Back {
    fn plan(run: &mut Run<'_>, session: &Session, pending: &Pending) -> Result<Self> {
        let inventory = view::scan(run, session, false)?;
        let target = Target::transaction(session, pending)?;
        let controlled = server::is_controlled(&session.settings);
        // Somebody may have started it since.
        let mut runs = || server::observe(run, session).is_ok_and(|server| server.is_wanted());
        let running = pending.start || (controlled && (pending.live || runs()));
        let (plan, merged) = plan(run, session, inventory, &target, running)?;
        for warning in &plan.warnings {
            run.warn(warning.clone());
        }
        Ok(Self {
            target,
            plan,
            merged,
            running,
        })
    }

    fn drive(
        &self,
        run: &mut Run<'_>,
        session: &mut Session,
        pending: &Pending,
        because: &Because,
        again: bool,
    ) -> Result<()> {
        let change = road::Change {
            plan: &self.plan,
            running: self.running,
            baseline: pending.baseline.clone(),
            because: Some(because.clone()),
            park: false,
            live: pending.live && !self.running,
            config: self.target.change(session),
            gates: Gates::none(),
            waits: false,
            again,
        };
        let mut contents = Contents {
            source: None,
            merged: &self.merged,
        };
        road::drive(run, session, change, &mut contents).map(drop)
    }
}
