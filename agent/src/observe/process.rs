//! Which processes belong to an instance, and whether it runs.
//!
//! An instance is alive because a process proves it: by the unit's control group, its command line, its executable,
//! or where it works. Pid files are never read: they are stale, reused, and hold NUL bytes.

mod classify;
mod command;
#[cfg(test)]
mod origin_tests;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::api::report::{ProcessRole, ProcessView, RunState};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Settings;
use crate::product::profile::{ProcessRules, VendorToolRules};
use crate::sys::process::{ProcessId, User};
use crate::sys::{fs, procfs};

use super::unit::UnitState;

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The pack's directory.
    pub home: &'a Path,
    /// How its processes are recognised.
    pub rules: &'a ProcessRules,
    /// Its vendor's update tool, which is no part of the server.
    pub vendor_tool: Option<&'a VendorToolRules>,
    /// The unit that controls it.
    pub unit: Option<&'a UnitState>,
    /// The user id that the server runs as.
    pub uid: u32,
    /// Whether to look at every process's open files, which takes long on a busy host and finds bystanders only.
    pub open_files: bool,
}

/// The processes of an instance at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether the server runs.
    pub state: RunState,
    /// Its processes, by pid.
    pub processes: Vec<Found>,
    /// What could not be seen, and helpers that are left over.
    pub warnings: Vec<String>,
}

/// A process of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its parent's process id.
    pub parent: u32,
    /// Whether it is the vendor's update tool, at work in the home itself.
    pub is_update_tool: bool,
    /// As reports show it.
    pub view: ProcessView,
}

impl Found {
    /// What names it for good.
    pub fn id(&self) -> ProcessId {
        ProcessId {
            pid: self.view.pid,
            started_ticks: self.view.started_ticks,
        }
    }
}

impl Observed {
    /// The processes as reports show them.
    pub fn views(&self) -> Vec<ProcessView> {
        self.processes.iter().map(|found| found.view.clone()).collect()
    }

    /// The server's own processes.
    pub fn mains(&self) -> impl Iterator<Item = &Found> {
        self.of_role(ProcessRole::Main)
    }

    /// What a stop ends: helpers first, so that a wrapper does not start again what is ended after it.
    pub fn to_stop(&self) -> Vec<&Found> {
        let helpers = self.of_role(ProcessRole::Helper);
        helpers.chain(self.mains()).collect()
    }

    /// The vendor's update tool, if somebody lets it work in the home itself.
    pub fn update_tool(&self) -> Option<&Found> {
        self.processes.iter().find(|found| found.is_update_tool)
    }

    fn of_role(&self, role: ProcessRole) -> impl Iterator<Item = &Found> {
        self.processes.iter().filter(move |found| found.view.role == role)
    }
}

/// A process as it was read, before anybody knows whose it is.
#[derive(Debug, Clone)]
struct Row {
    pid: u32,
    stat: procfs::Stat,
    args: Vec<String>,
    exe: Option<PathBuf>,
    cwd: Option<PathBuf>,
    in_unit: bool,
}

/// The user that the server runs as: the one of the settings, else the owner of the home.
///
/// # Errors
/// `settings` if there is no such user; `home-missing` if the home cannot be looked at.
pub fn server_user(settings: &Settings) -> Result<User> {
    use std::os::unix::fs::MetadataExt;
    let looked_up = |error| Failure::io("look up the user of", &settings.home, error);
    if let Some(name) = &settings.user {
        let unknown = || {
            let text = format!("the user `{name}` of the instance does not exist on this host");
            Failure::new(ErrorKind::Settings, text).hint("create the user or correct `user`")
        };
        return User::find(name).map_err(looked_up)?.ok_or_else(unknown);
    }
    let home = fs::metadata(&settings.home).map_err(|error| {
        Failure::new(ErrorKind::HomeMissing, "cannot look at the home")
            .at(&settings.home)
            .because(error)
    })?;
    User::by_uid(home.uid()).map_err(looked_up)
}

/// Looks for the processes of an instance. What vanishes meanwhile is left out. This process, its ancestors and the
/// commands that it runs do not count.
///
/// # Errors
/// `io` or `permission` if `/proc` cannot be read at all.
pub fn observe(query: &Query<'_>) -> Result<Observed> {
    let stats = living().map_err(|error| Failure::io("list the processes in", "/proc", error))?;
    let ours = our_own(std::process::id(), &stats);
    let rows: Vec<Row> = stats
        .into_iter()
        .filter(|(pid, _)| !ours.contains(pid))
        .filter_map(|(pid, stat)| row(pid, stat, query.unit))
        .collect();
    let homes = homes(query.home);
    // Many processes name the same files.
    let resolved = RefCell::new(HashMap::new());
    let resolve = |path: &Path| -> Option<PathBuf> {
        let mut resolved = resolved.borrow_mut();
        let known = resolved.entry(path.to_owned());
        known
            .or_insert_with(|| {
                means_the_same_to_all(path)
                    .then(|| fs::canonicalize(path).ok())
                    .flatten()
            })
            .clone()
    };
    let open_file = |pid: u32| query.open_files.then(|| open_file_in(pid, &homes)).flatten();
    let main_pid = query.unit.and_then(|unit| unit.main_pid);
    let mut processes = classify::Classify {
        homes: &homes,
        rules: query.rules,
        vendor_tool: query.vendor_tool,
        main_pid,
        resolve: &resolve,
        open_file: &open_file,
    }
    .all(&rows);
    processes.retain(|found| sees_our_files(found.view.pid));
    processes.sort_by_key(|found| found.view.pid);
    let hidden = procfs::Stat::of(1).is_err();
    let own = nix::unistd::Uid::effective().as_raw() == query.uid;
    Ok(conclude(processes, hidden, own))
}

fn conclude(processes: Vec<Found>, hidden: bool, own: bool) -> Observed {
    let any = |role| processes.iter().any(|found| found.view.role == role);
    let mut warnings = Vec::new();
    if hidden {
        let text =
            "the processes of other users are hidden from this user (hidepid); run as root to see them";
        warnings.push(text.to_owned());
    }
    let state = match any(ProcessRole::Main) {
        true => RunState::Running,
        false if hidden && !own => RunState::Unknown,
        false => RunState::Stopped,
    };
    if state == RunState::Stopped && any(ProcessRole::Helper) {
        warnings.push("the server is down, but helper processes of it are left".to_owned());
    }
    Observed {
        state,
        processes,
        warnings,
    }
}

/// `/dev/fd/3` and `/proc/self` are other files in every process: ours can lie in the home where theirs do not.
fn means_the_same_to_all(path: &Path) -> bool {
    !path.starts_with("/dev") && !path.starts_with("/proc")
}

/// A process in a container or a chroot may have another home under the same path. One whose root cannot be looked at
/// belongs to another user of this host and counts.
fn sees_our_files(pid: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let root = |path: &str| {
        fs::metadata(Path::new(path))
            .map(|root| (root.dev(), root.ino()))
            .ok()
    };
    match (root(&format!("/proc/{pid}/root")), root("/")) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    }
}

/// The home as it is spelled and as it is without symlinks.
fn homes(home: &Path) -> Vec<PathBuf> {
    let mut homes = vec![home.to_owned()];
    homes.extend(fs::canonicalize(home).ok().filter(|real| real != home));
    homes
}

fn living() -> io::Result<HashMap<u32, procfs::Stat>> {
    let read = |pid| Some((pid, procfs::Stat::of(pid).ok().filter(procfs::Stat::lives)?));
    Ok(procfs::pids()?.into_iter().filter_map(read).collect())
}

/// This process, its ancestors, and its descendants in its own session: servers that it started lead sessions of
/// their own.
fn our_own(me: u32, stats: &HashMap<u32, procfs::Stat>) -> HashSet<u32> {
    let mut ours = HashSet::from([me]);
    let above = |pid: u32| stats.get(&pid).map(|stat| stat.parent);
    let mut next = above(me);
    while let Some(pid) = next.filter(|pid| ours.insert(*pid)) {
        next = above(pid);
    }
    let session = stats.get(&me).map(|stat| stat.session);
    let is_ours = |stat: &procfs::Stat| Some(stat.session) == session && descends_from(me, stat, stats);
    ours.extend(
        stats
            .iter()
            .filter(|(_, stat)| is_ours(stat))
            .map(|(pid, _)| *pid),
    );
    ours
}

fn descends_from(ancestor: u32, stat: &procfs::Stat, stats: &HashMap<u32, procfs::Stat>) -> bool {
    let mut seen = HashSet::new();
    let mut at = stat.parent;
    while at != ancestor && seen.insert(at) {
        match stats.get(&at) {
            Some(stat) => at = stat.parent,
            None => return false,
        }
    }
    at == ancestor
}

/// `None` if it vanished meanwhile. Links of other users' processes may be unreadable, the rest still counts.
fn row(pid: u32, stat: procfs::Stat, unit: Option<&UnitState>) -> Option<Row> {
    let line = procfs::of_process(pid, "cmdline").ok()?;
    let group = unit.and_then(|unit| unit.cgroup.as_deref());
    let in_unit = group.is_some_and(|group| {
        let text = procfs::of_process(pid, "cgroup").unwrap_or_default();
        is_in_group(&String::from_utf8_lossy(&text), group)
    });
    Some(Row {
        pid,
        stat,
        args: arguments(&line),
        exe: procfs::link_of_process(pid, "exe").ok(),
        cwd: procfs::link_of_process(pid, "cwd").ok(),
        in_unit,
    })
}

fn arguments(line: &[u8]) -> Vec<String> {
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    line.split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

/// Lines are `ID:CONTROLLERS:PATH`. Units live in the unified hierarchy (no controllers) or in the one called
/// `name=systemd`.
fn is_in_group(lines: &str, group: &str) -> bool {
    let of_systemd = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let named = matches!(fields.next(), Some("" | "name=systemd"));
        fields.next().filter(|_| named).map(str::to_owned)
    };
    lines
        .lines()
        .filter_map(of_systemd)
        .any(|path| Path::new(&path).starts_with(group))
}

fn open_file_in(pid: u32, homes: &[PathBuf]) -> Option<PathBuf> {
    let inside = |path: &PathBuf| homes.iter().any(|home| path.starts_with(home));
    procfs::open_files(pid).ok()?.find(inside)
}
