//! The plan of a rollback: the snapshots of one or more transactions, taken back in one go.

use std::collections::BTreeMap;

use crate::api::plan::{Content, FileOp, FileStep, Plan, Why};
use crate::model::{Class, Entry, RelPath};

use super::decide::Decision;
use super::decided::Decided;
use super::draft::{Common, Draft, MergeRequest, Side};

/// A transaction to take back.
#[derive(Debug, Clone)]
pub struct Undone {
    /// Its id.
    pub transaction: String,
    /// What it did.
    pub plan: Plan,
}

/// A path's way through the transactions: what the oldest found, what the newest left.
struct Way<'a> {
    /// The first transaction that moved the path's content into its snapshot.
    transaction: Option<&'a str>,
    oldest: &'a FileStep,
    newest: &'a FileStep,
}

/// Decides every path of a rollback. `undone` is ordered from the newest transaction to the oldest.
///
/// Vendor and config files return to the oldest transaction's snapshot. A file that was edited since the update is
/// merged back; where that is not possible, or the transactions left nothing there to merge from, the file that
/// stands there is kept aside. A customer's file that an update added stays if it was touched since.
pub fn draft<'a>(common: &Common<'a>, undone: &[Undone]) -> Draft<'a> {
    let mut draft = Draft {
        common: common.clone(),
        decided: BTreeMap::new(),
        requests: Vec::new(),
        warnings: Vec::new(),
        remembered: Vec::new(),
    };
    for (path, way) in ways(undone) {
        restore(&mut draft, path, &way);
    }
    draft
}

/// Within one transaction a path can have two steps, where a directory took a file's place or the other way round:
/// the first tells what was found, the last what was left.
fn ways(undone: &[Undone]) -> BTreeMap<&RelPath, Way<'_>> {
    let mut ways: BTreeMap<&RelPath, Way<'_>> = BTreeMap::new();
    for one in undone.iter().rev() {
        for step in &one.plan.files {
            let way = ways.entry(&step.path).or_insert(Way {
                transaction: None,
                oldest: step,
                newest: step,
            });
            way.newest = step;
            if way.transaction.is_none() && matches!(step.op, FileOp::Put | FileOp::Remove) {
                way.transaction = Some(&one.transaction);
            }
        }
    }
    ways
}

fn restore(draft: &mut Draft<'_>, path: &RelPath, way: &Way<'_>) {
    let current = draft.common.inventory.entry(path).cloned();
    let left = way.newest.new.as_ref();
    // A seed that the customer made his own stays; an untouched one goes with the update that brought it.
    if way.newest.class == Class::Customer && (current.is_none() || !Entry::same(current.as_ref(), left)) {
        return;
    }
    let (transaction, oldest) = (way.transaction.unwrap_or_default(), way.oldest);
    let old = oldest.old.clone();
    let snapshot = Content::Snapshot {
        transaction: transaction.to_owned(),
    };
    let only_mode = oldest.op == FileOp::SetMode && way.newest.op == FileOp::SetMode;
    let mut one = Decided {
        class: way.newest.class,
        decision: Decision::Keep,
        base: left.cloned(),
        current: current.clone(),
        new: old.clone(),
        content: snapshot,
        owner: oldest.owner.filter(|_| oldest.op == FileOp::RemoveDir),
        keep_old: false,
        keys: Vec::new(),
    };
    let edited = !Entry::same(current.as_ref(), left) && one.class != Class::Generated;
    let base = left.and_then(Entry::sha256).filter(|_| edited);
    one.decision = match (&old, &current) {
        _ if Entry::same(old.as_ref(), current.as_ref()) || only_mode => Decision::Keep,
        (Some(_), None) => Decision::TakeNew(Why::Restored),
        (Some(Entry::File { .. }), Some(Entry::File { .. })) if base.is_some() => Decision::Merge,
        (Some(_), Some(_)) => Decision::TakeNew(Why::Restored),
        (None, _) => Decision::Remove(Why::Restored),
    };
    if edited && matches!(one.decision, Decision::Remove(_) | Decision::TakeNew(_)) && current.is_some() {
        one.keep_old = true;
        draft.warnings.push(format!(
            "{path} was edited after the update; the edited file is kept aside"
        ));
    }
    if let (Decision::Merge, Some(base)) = (one.decision, base) {
        draft.requests.push(MergeRequest {
            path: path.clone(),
            base: Side::Kept(base),
            current: Side::Home,
            new: Side::Snapshot(transaction.to_owned()),
        });
    }
    draft.decided.insert(path.clone(), one);
}
