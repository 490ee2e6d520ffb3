//! What must hold before anything is staged: room, and the right to write.

use std::collections::BTreeSet;

use crate::api::plan::{FileStep, Plan};
use crate::api::report::Action;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::RelPath;
use crate::observe::permissions;
use crate::product::profile::DiskRule;
use crate::session::Instance;
use crate::sys::process::User;
use crate::sys::root::{Kind, Root};

use super::layout;

/// What the state grows by, its history and marks in the journal take at most.
const STATE_BYTES: u64 = 256 << 10;

/// Checks that a plan can be carried out as far as that can be told beforehand.
///
/// # Errors
/// `space`, `read-only`, `permission` or `wrong-user`, naming the path and the numbers; as [`may_start`].
pub fn check(instance: &Instance, plan: &Plan) -> Result<()> {
    carry_out(instance, plan, true)
}

/// The same for somebody who only looks: where root's right to write was taken away, as a unit does that checks, what
/// this process may write says nothing of the run that will.
///
/// # Errors
/// As [`check`].
pub fn predict(instance: &Instance, plan: &Plan) -> Result<()> {
    carry_out(instance, plan, !User::is_root_who_only_looks())
}

fn carry_out(instance: &Instance, plan: &Plan, as_the_writer: bool) -> Result<()> {
    if plan.files.is_empty() {
        return Ok(());
    }
    let home = instance.root.path();
    let space = instance
        .root
        .space(None)
        .map_err(|error| Failure::io("look at the space of", home, error))?;
    if space.read_only && as_the_writer {
        let message = format!(
            "cannot update {}: its file system is mounted read-only",
            home.display()
        );
        return Err(Failure::new(ErrorKind::ReadOnly, message)
            .at(home)
            .hint("remount it read-write and run again"));
    }
    enough_space(instance.settings.profile.disk, plan, space.free_bytes)?;
    enough_space_on_mounts(instance, plan)?;
    enough_space_for_state(instance, plan)?;
    if as_the_writer {
        may_write(instance, plan)?;
    }
    may_own(plan, home)?;
    may_move(instance, plan)?;
    let permissions = &instance.settings.profile.permissions;
    writable(
        instance,
        &[&permissions.needed[..], &permissions.renewed].concat(),
    )
}

/// Checks that the server's user may write what the server does not start without.
///
/// # Errors
/// `permission`, with the command that mends it.
pub fn may_start(instance: &Instance) -> Result<()> {
    writable(instance, &instance.settings.profile.permissions.needed)
}

fn writable(instance: &Instance, needed: &[String]) -> Result<()> {
    if needed.is_empty() {
        return Ok(());
    }
    let home = instance.root.path();
    let (user, shut) =
        permissions::shut_for_server(&instance.root, &instance.ownership, &instance.settings, needed)?;
    let Some(first) = shut.first() else { return Ok(()) };
    let message = format!(
        "the server would not start: its user {} may not write {}, which belongs to {}",
        user.name,
        first.path.under(home).display(),
        User::name_of(first.owner)
    );
    Err(Failure::new(ErrorKind::Permission, message)
        .at(first.path.under(home))
        .hint(format!("run `{}`", permissions::mend(home, &shut, &user))))
}

fn enough_space(rule: DiskRule, plan: &Plan, free: u64) -> Result<()> {
    if plan.required_bytes <= free {
        return Ok(());
    }
    let staged = mib(staged_bytes(plan.files.iter()));
    let (sum, hint) = match plan.action {
        Action::Rollback => (format!("{staged} MiB that are copied"), "free space there"),
        _ => (
            format!(
                "{} × {staged} MiB staged + {} MiB",
                rule.factor,
                mib(rule.extra_bytes)
            ),
            "free space there, or keep fewer snapshots (policy `keep_snapshots`)",
        ),
    };
    let message = format!(
        "not enough space on the file system of {}: {} MiB needed = {sum}, {} MiB free",
        plan.home.display(),
        mib(plan.required_bytes),
        free >> 20
    );
    Err(Failure::new(ErrorKind::Space, message).at(&plan.home).hint(hint))
}

fn staged_bytes<'a>(steps: impl Iterator<Item = &'a FileStep>) -> u64 {
    steps.map(FileStep::copied_bytes).sum()
}

/// What is staged for a mount inside the home is staged there.
fn enough_space_on_mounts(instance: &Instance, plan: &Plan) -> Result<()> {
    for mount in layout::mounts(plan).into_iter().flatten() {
        let at = mount.under(&plan.home);
        let staged = staged_bytes(
            plan.files
                .iter()
                .filter(|step| step.mount.as_ref() == Some(&mount)),
        );
        let space = instance
            .root
            .space(Some(&mount))
            .map_err(|error| Failure::io("look at the space of", &at, error))?;
        if staged > space.free_bytes {
            let message = format!(
                "not enough space on {}, which is mounted inside the home: {} MiB needed for staged files, {} MiB free",
                at.display(),
                mib(staged),
                space.free_bytes >> 20
            );
            return Err(Failure::new(ErrorKind::Space, message)
                .at(at)
                .hint("free space there, or enlarge that file system"));
        }
    }
    Ok(())
}

/// The journal and the snapshot's plan are written there, the latter while the server is down, and the state itself.
fn enough_space_for_state(instance: &Instance, plan: &Plan) -> Result<()> {
    let at = &instance.settings.state_dir;
    // Nothing was written there yet.
    let Ok(state) = Root::open(at) else { return Ok(()) };
    let plan_bytes = serde_json::to_vec(plan).map_or(0, |text| text.len() as u64);
    // The new state is written beside the old one, and a snapshot remembers what was installed.
    let needed = 2 * plan_bytes + 2 * instance.store.state_bytes() + STATE_BYTES;
    let free = state
        .space(None)
        .map_err(|error| Failure::io("look at the space of", at, error))?
        .free_bytes;
    if needed <= free {
        return Ok(());
    }
    let message = format!(
        "not enough space on {}, where the state is kept: {} KiB needed, {} KiB free",
        at.display(),
        needed.div_ceil(1 << 10),
        free >> 10
    );
    Err(Failure::new(ErrorKind::Space, message)
        .at(at)
        .hint("free space there: the state could not be written once the server is stopped"))
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn may_own(plan: &Plan, home: &std::path::Path) -> Result<()> {
    let me = nix::unistd::geteuid();
    if me.is_root() {
        return Ok(());
    }
    let foreign = |step: &FileStep| {
        let owner = step.owner.filter(|owner| owner.uid != me.as_raw())?;
        Some((step.path.under(home), owner.uid))
    };
    plan.files
        .iter()
        .find_map(foreign)
        .map_or(Ok(()), |(path, uid)| {
            let message = format!(
                "cannot put {} in place: it has to belong to {}, as what stands there does, and only root can give files away",
                path.display(),
                User::name_of(uid)
            );
            Err(Failure::new(ErrorKind::WrongUser, message)
                .at(path)
                .hint("run as root, or give the file, or its directory if it is new, to the pack's user"))
        })
}

fn may_write(instance: &Instance, plan: &Plan) -> Result<()> {
    let mut folders: BTreeSet<Option<RelPath>> = plan.files.iter().map(|step| step.path.parent()).collect();
    // Ours lie at the top of each file system.
    folders.extend(layout::mounts(plan));
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
                .hint(
                    "run as root, or give the directory to the pack's user and make it writable; `lsattr -d` shows whether \
                     it is marked as immutable",
                ));
        }
    }
    Ok(())
}

/// No file that is marked as immutable can be moved aside, not even by root. The system tells it from a missing
/// permission, which a move does not need.
fn may_move(instance: &Instance, plan: &Plan) -> Result<()> {
    for step in plan.files.iter().filter(|step| step.old.is_some()) {
        let path = step.path.under(instance.root.path());
        let is_immutable = instance
            .root
            .is_immutable(&step.path)
            .map_err(|error| Failure::io("look at", &path, error))?;
        if is_immutable {
            let message = format!("cannot replace {}: it is marked as immutable", path.display());
            let hint = format!(
                "take the mark away with `chattr -i {}` and run again",
                path.display()
            );
            return Err(Failure::new(ErrorKind::Permission, message).at(path).hint(hint));
        }
    }
    Ok(())
}
