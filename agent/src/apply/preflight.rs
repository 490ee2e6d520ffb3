//! What must hold before anything is staged: room, and the right to write.

use std::collections::BTreeSet;

use crate::api::plan::{FileOp, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Entry, RelPath};
use crate::product::profile::DiskRule;
use crate::session::Instance;
use crate::sys::root::Kind;

use super::layout;

/// Checks that a plan can be carried out as far as that can be told beforehand.
///
/// # Errors
/// `space`, `read-only`, `permission` or `wrong-user`, naming the path and the numbers.
pub fn check(instance: &Instance, plan: &Plan) -> Result<()> {
    if plan.files.is_empty() {
        return Ok(());
    }
    let home = instance.root.path();
    let space = instance
        .root
        .space(None)
        .map_err(|error| Failure::io("look at the space of", home, error))?;
    if space.read_only {
        let message = format!(
            "cannot update {}: its file system is mounted read-only",
            home.display()
        );
        return Err(Failure::new(ErrorKind::ReadOnly, message)
            .at(home)
            .hint("remount it read-write and run again"));
    }
    enough_space(instance.settings.profile.disk, plan, space.free_bytes)?;
    may_own(plan, home)?;
    may_write(instance, plan)
}

fn enough_space(rule: DiskRule, plan: &Plan, free: u64) -> Result<()> {
    if plan.required_bytes <= free {
        return Ok(());
    }
    let staged: u64 = plan
        .files
        .iter()
        .filter(|step| step.op == FileOp::Put)
        .filter_map(|step| step.new.as_ref())
        .map(Entry::size)
        .sum();
    let message = format!(
        "not enough space on the file system of {}: {} MiB needed = {} × {} MiB staged + {} MiB, {} MiB free",
        plan.home.display(),
        mib(plan.required_bytes),
        rule.factor,
        mib(staged),
        mib(rule.extra_bytes),
        mib(free)
    );
    Err(Failure::new(ErrorKind::Space, message)
        .at(&plan.home)
        .hint("free space there, or keep fewer snapshots (policy `keep_snapshots`)"))
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn may_own(plan: &Plan, home: &std::path::Path) -> Result<()> {
    let me = nix::unistd::geteuid();
    if me.is_root() {
        return Ok(());
    }
    let foreign = plan
        .files
        .iter()
        .find(|step| step.owner.is_some_and(|owner| owner.uid != me.as_raw()));
    foreign.map_or(Ok(()), |step| {
        let path = step.path.under(home);
        let message = format!(
            "cannot replace {}: it belongs to another user than this run's",
            path.display()
        );
        Err(Failure::new(ErrorKind::WrongUser, message)
            .at(path)
            .hint("run as root, or give the file to the pack's user"))
    })
}

fn may_write(instance: &Instance, plan: &Plan) -> Result<()> {
    let mut folders: BTreeSet<Option<RelPath>> = plan.files.iter().map(|step| step.path.parent()).collect();
    folders.insert(None);
    for folder in folders {
        let shown = folder.as_ref().map_or_else(
            || instance.root.path().to_owned(),
            |dir| dir.under(instance.root.path()),
        );
        let exists = match &folder {
            None => true,
            Some(dir) => instance
                .root
                .stat(dir)
                .map_err(|error| layout::failed("look at", &instance.root, dir, error))?
                .is_some_and(|stat| stat.kind == Kind::Dir),
        };
        let may = !exists
            || instance
                .root
                .may_write_dir(folder.as_ref())
                .map_err(|error| Failure::io("look at", &shown, error))?;
        if !may {
            let message = format!("no permission to replace files in {}", shown.display());
            return Err(Failure::new(ErrorKind::Permission, message)
                .at(shown)
                .hint("run as root, or give the directory to the pack's user and make it writable"));
        }
    }
    Ok(())
}
