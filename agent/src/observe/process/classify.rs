//! What a process is to an instance, decided from what was read of it. Pure but for two questions to the file system.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use crate::api::report::{ProcessRole, ProcessView};
use crate::observe::tree::{CANDIDATES, OWN_FOLDER};
use crate::product::profile::{ProcessRules, VendorToolRules};

use super::command::{self, Code, SHELLS, TOOLS, script_of};
use super::{Found, Row};

/// Only the first paths of a command line are followed through symlinks: class paths can hold hundreds.
const RESOLVED_PATHS: usize = 8;

type Role = (ProcessRole, String);
/// The vendor's update tool, by the processes that run it.
type Tools = HashMap<u32, PathBuf>;

/// Where what a process runs lies.
enum Origin {
    /// In the home; the text says what tells so.
    Home(String),
    Elsewhere,
    Untold,
}

/// The rules of one instance.
pub(super) struct Classify<'a> {
    pub homes: &'a [PathBuf],
    pub rules: &'a ProcessRules,
    pub vendor_tool: Option<&'a VendorToolRules>,
    pub main_pid: Option<u32>,
    pub resolve: &'a dyn Fn(&Path) -> Option<PathBuf>,
    pub open_file: &'a dyn Fn(u32) -> Option<PathBuf>,
}

impl Classify<'_> {
    /// The processes that have to do with the instance.
    pub(super) fn all(&self, rows: &[Row]) -> Vec<Found> {
        let tools: Tools = rows
            .iter()
            .filter_map(|row| Some((row.pid, self.update_tool(row)?)))
            .collect();
        let mut roles: HashMap<u32, Role> = rows
            .iter()
            .filter_map(|row| Some((row.pid, self.by_itself(row, &tools)?)))
            .collect();
        self.make_sure_of_a_main(rows, &mut roles);
        leave_people_alone(rows, &mut roles);
        self.add_descendants(rows, &tools, &mut roles);
        for row in rows {
            if !roles.contains_key(&row.pid)
                && let Some(evidence) = self.uses_home(row)
            {
                roles.insert(row.pid, (ProcessRole::Bystander, evidence));
            }
        }
        rows.iter()
            .filter_map(|row| Some(self.found(row, roles.remove(&row.pid)?, &tools)))
            .collect()
    }

    fn found(&self, row: &Row, (role, evidence): Role, tools: &Tools) -> Found {
        Found {
            parent: row.stat.parent,
            is_update_tool: tools.get(&row.pid).is_some_and(|path| self.is_update_tool(path)),
            view: ProcessView {
                pid: row.pid,
                started_ticks: row.stat.started_ticks,
                role,
                program: row.stat.program.clone(),
                evidence,
            },
        }
    }

    /// What a process is, judged without the others.
    fn by_itself(&self, row: &Row, tools: &Tools) -> Option<Role> {
        if let Some(path) = tools.get(&row.pid) {
            let evidence = format!("the vendor's update tool, {}", path.display());
            return Some((ProcessRole::Bystander, evidence));
        }
        let main = if is_one_of(row, TOOLS) && self.exe_evidence(row).is_none() {
            None
        } else if is_one_of(row, SHELLS) {
            self.as_script(row)
        } else if self.rules.main.is_empty() {
            self.as_any_server(row)
        } else {
            self.as_named(row)
        };
        let in_unit = || {
            row.in_unit
                .then(|| helper("in the unit's control group".to_owned()))
        };
        main.or_else(in_unit)
    }

    /// The vendor's update tool that a process runs, in the home or in a copy: no stop may end it in the middle of its work.
    fn update_tool(&self, row: &Row) -> Option<PathBuf> {
        let script = is_one_of(row, SHELLS).then(|| script_of(&row.args)).flatten();
        let called = [row.args.first().map(String::as_str), script];
        let named = called.into_iter().flatten().filter_map(|text| joined(text, row));
        let mut runs = row.exe.iter().cloned().chain(named).chain(self.code(row));
        let is_tool = |path: &PathBuf| self.is_own_copys(path) || self.is_update_tool(path);
        runs.find(is_tool).filter(|_| !row.in_unit)
    }

    fn is_update_tool(&self, path: &Path) -> bool {
        let mut executables = self.vendor_tool.iter().flat_map(|rules| rules.executables());
        executables.any(|tool| self.below(path).any(|path| path == Path::new(tool.as_str())))
    }

    fn is_own_copys(&self, path: &Path) -> bool {
        let copies = Path::new(OWN_FOLDER).join(CANDIDATES);
        self.below(path).any(|path| path.starts_with(&copies))
    }

    /// A path as it is below each name of the home.
    fn below<'p>(&self, path: &'p Path) -> impl Iterator<Item = &'p Path> {
        self.homes.iter().filter_map(|home| path.strip_prefix(home).ok())
    }

    /// A shell is judged by the script that it runs: its other arguments can be anything.
    fn as_script(&self, row: &Row) -> Option<Role> {
        let script = script_of(&row.args)?;
        let path = self.inside(script, row)?;
        let evidence = format!("runs the script {}", path.display());
        let is_server = self.rules.main.iter().any(|text| script.contains(text.as_str()));
        let role = if is_server {
            ProcessRole::Main
        } else {
            ProcessRole::Helper
        };
        Some((role, evidence))
    }

    /// Without rules, whatever runs from the home is the server. Who only mentions the home, in an option or as a file to
    /// read, does not, unless he works there too.
    fn as_any_server(&self, row: &Row) -> Option<Role> {
        let evidence = match self.origin(row) {
            Origin::Home(evidence) => evidence,
            Origin::Elsewhere => return None,
            Origin::Untold => {
                let place = self.cwd_evidence(row)?;
                let relative = || {
                    let path = row.args.iter().skip(1).find_map(|arg| self.inside(arg, row))?;
                    Some(format!("its command line names {}", path.display()))
                };
                let named = self.argument_evidence(row).or_else(relative)?;
                format!("{named}, {place}")
            }
        };
        Some((ProcessRole::Main, evidence))
    }

    fn as_named(&self, row: &Row) -> Option<Role> {
        let named = |texts: &[String]| {
            let is_named = |text: &&String| row.args.iter().any(|arg| arg.contains(text.as_str()));
            texts.iter().find(is_named).cloned()
        };
        let (role, text) = match (named(&self.rules.main), named(&self.rules.helpers)) {
            (Some(text), _) => (ProcessRole::Main, text),
            (None, Some(text)) => (ProcessRole::Helper, text),
            (None, None) if self.is_of_another_home(row) => return None,
            (None, None) => return self.exe_evidence(row).map(helper),
        };
        let place = match self.origin(row) {
            Origin::Home(evidence) => self.argument_evidence(row).unwrap_or(evidence),
            Origin::Elsewhere => return None,
            Origin::Untold => self.argument_evidence(row).or_else(|| self.cwd_evidence(row))?,
        };
        Some((role, format!("its command line has {text}, {place}")))
    }

    /// What a process says of its home goes before all else, then its program, then the code that it runs.
    fn origin(&self, row: &Row) -> Origin {
        if let Some(home) = self.said_home(row) {
            return match self.holds(&home) {
                true => Origin::Home(format!("says that its home is {}", home.display())),
                false => Origin::Elsewhere,
            };
        }
        if let Some(evidence) = self.exe_evidence(row).or_else(|| self.called_evidence(row)) {
            return Origin::Home(evidence);
        }
        match self.code(row) {
            Some(path) if self.holds(&path) => Origin::Home(format!("runs {}", path.display())),
            Some(_) => Origin::Elsewhere,
            None => Origin::Untold,
        }
    }

    /// The home that a process says it has: the first of the profile's options that it was given. Of an option that is
    /// given twice the last counts, as for Java.
    fn said_home(&self, row: &Row) -> Option<PathBuf> {
        let value = |option: &String| {
            let is_home = |arg: &&String| arg.len() > option.len() && arg.starts_with(option.as_str());
            let arg = row.args.iter().rev().find(is_home)?;
            joined(&arg[option.len()..], row)
        };
        self.rules.home.iter().find_map(value)
    }

    fn is_of_another_home(&self, row: &Row) -> bool {
        self.said_home(row).is_some_and(|home| !self.holds(&home))
    }

    /// The code that a process runs besides its program, seen from where it works.
    fn code(&self, row: &Row) -> Option<PathBuf> {
        match command::code(row.exe.as_deref(), &row.args)? {
            Code::At(path) => joined(path, row),
            Code::AnyOf(files) => files.into_iter().find_map(|file| {
                let is_there =
                    |path: &PathBuf| Path::new(file).is_absolute() || (self.resolve)(path).is_some();
                joined(file, row).filter(is_there)
            }),
        }
    }

    /// A wrapper alone can be the whole server where no rule says what else it would be, and systemd knows the main
    /// process of a unit.
    fn make_sure_of_a_main(&self, rows: &[Row], roles: &mut HashMap<u32, Role>) {
        if roles.values().any(|(role, _)| *role == ProcessRole::Main) {
            return;
        }
        let of_unit = rows.iter().find(|row| Some(row.pid) == self.main_pid);
        if let Some(row) = of_unit {
            let evidence = "the main process of the unit".to_owned();
            roles.insert(row.pid, (ProcessRole::Main, evidence));
        } else if self.rules.main.is_empty() {
            let scripts = rows.iter().filter(|row| is_one_of(row, SHELLS));
            for row in scripts {
                if let Some((role, _)) = roles.get_mut(&row.pid) {
                    *role = ProcessRole::Main;
                }
            }
        }
    }

    /// What came out of the instance's processes belongs to it, but for another home's server, the update tool, and their own.
    fn add_descendants(&self, rows: &[Row], tools: &Tools, roles: &mut HashMap<u32, Role>) {
        let is_ours = |(pid, (role, _)): (&u32, &Role)| (*role != ProcessRole::Bystander).then_some(*pid);
        let ours: HashSet<u32> = roles.iter().filter_map(is_ours).collect();
        let others = rows
            .iter()
            .filter(|row| !ours.contains(&row.pid))
            .filter(|row| self.is_of_another_home(row) || tools.contains_key(&row.pid));
        let others: HashSet<u32> = others.map(|row| row.pid).collect();
        let parents: HashMap<u32, u32> = rows.iter().map(|row| (row.pid, row.stat.parent)).collect();
        for row in rows.iter().filter(|row| !ours.contains(&row.pid)) {
            let mut seen = HashSet::new();
            let mut at = row.pid;
            while !ours.contains(&at) && !others.contains(&at) && seen.insert(at) {
                at = parents.get(&at).copied().unwrap_or_default();
            }
            if ours.contains(&at) {
                roles.insert(row.pid, helper(format!("started by process {at}")));
            }
        }
    }

    fn uses_home(&self, row: &Row) -> Option<String> {
        let open = || {
            let path = (self.open_file)(row.pid)?;
            Some(format!("has {} open", path.display()))
        };
        self.argument_evidence(row)
            .or_else(|| self.exe_evidence(row))
            .or_else(|| self.cwd_evidence(row))
            .or_else(open)
    }

    fn exe_evidence(&self, row: &Row) -> Option<String> {
        let exe = row.exe.as_ref().filter(|exe| self.is_inside(exe))?;
        Some(format!("its program is {}", exe.display()))
    }

    /// An interpreter that is called by a link in the home.
    fn called_evidence(&self, row: &Row) -> Option<String> {
        let called = row.args.first().map(Path::new)?;
        let inside = called.is_absolute() && self.holds(called);
        inside.then(|| format!("its program is {}", called.display()))
    }

    fn cwd_evidence(&self, row: &Row) -> Option<String> {
        let cwd = row.cwd.as_ref().filter(|cwd| self.is_inside(cwd))?;
        Some(format!("works in {}", cwd.display()))
    }

    fn argument_evidence(&self, row: &Row) -> Option<String> {
        let spelled = |arg: &String| self.homes.iter().any(|home| names(arg, &home.to_string_lossy()));
        let through_links = || {
            let paths = row.args.iter().flat_map(|arg| absolute_paths(arg));
            let mut real = paths.take(RESOLVED_PATHS).filter_map(|path| (self.resolve)(path));
            real.any(|path| self.is_inside(&path))
        };
        (row.args.iter().any(spelled) || through_links())
            .then(|| "its command line names the home".to_owned())
    }

    /// The existing file inside the home that an argument stands for, seen from where the process works.
    fn inside(&self, argument: &str, row: &Row) -> Option<PathBuf> {
        if argument.is_empty() || argument.starts_with('-') {
            return None;
        }
        let path = joined(argument, row)?;
        let real = (self.resolve)(&path).filter(|real| self.is_inside(real));
        // A script that was replaced since is still the one that runs.
        let is_spelled = Path::new(argument).is_absolute() && self.is_inside(&path);
        real.or_else(|| is_spelled.then_some(path))
    }

    /// Whether a path lies in the home, as it is spelled or in truth. What was replaced since is where its folder is.
    fn holds(&self, path: &Path) -> bool {
        let mut real = path.ancestors().filter_map(|at| (self.resolve)(at));
        self.is_inside(path) || real.next().is_some_and(|real| self.is_inside(&real))
    }

    fn is_inside(&self, path: &Path) -> bool {
        self.homes.iter().any(|home| path.starts_with(home))
    }
}

fn helper(evidence: String) -> Role {
    (ProcessRole::Helper, evidence)
}

/// A script of the pack that somebody runs in a terminal, such as a backup, is no part of the server, unless the server
/// came out of it.
fn leave_people_alone(rows: &[Row], roles: &mut HashMap<u32, Role>) {
    let parents: HashMap<u32, u32> = rows.iter().map(|row| (row.pid, row.stat.parent)).collect();
    let mains = roles
        .iter()
        .filter(|(_, (role, _))| *role == ProcessRole::Main)
        .map(|(pid, _)| *pid);
    let mut above_mains = HashSet::new();
    for main in mains {
        let mut next = parents.get(&main);
        while let Some(pid) = next.filter(|pid| above_mains.insert(**pid)) {
            next = parents.get(pid);
        }
    }
    let in_terminal = rows
        .iter()
        .filter(|row| row.stat.has_terminal && is_one_of(row, SHELLS));
    for row in in_terminal.filter(|row| !above_mains.contains(&row.pid)) {
        if let Some((role @ ProcessRole::Helper, _)) = roles.get_mut(&row.pid) {
            *role = ProcessRole::Bystander;
        }
    }
}

fn is_one_of(row: &Row, programs: &[&str]) -> bool {
    let base = |path: &Path| Some(path.file_name()?.to_str()?.trim_start_matches('-').to_owned());
    // A multi-call binary is what it was called as. The kernel's name for it would be that of a script it runs.
    let called = row.args.first().and_then(|arg| base(Path::new(arg)));
    let exe = row.exe.as_deref().and_then(base);
    let is_listed = |name: String| programs.contains(&name.as_str());
    called.is_some_and(is_listed) || exe.is_some_and(is_listed)
}

/// Whether a text names a path or something below it, as whole components: `-Dhome=/srv/app` and `/srv/app/x:/y` name
/// `/srv/app`, but `/srv/app2` and `/mnt/srv/app` do not.
pub(super) fn names(text: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return false;
    }
    let is_name = |c: char| c.is_alphanumeric() || "._-+~".contains(c);
    text.match_indices(path).any(|(at, _)| {
        let before = &text[..at];
        let begins = before.ends_with("//") || !before.ends_with(|c: char| is_name(c) || c == '/');
        let ends = !text[at + path.len()..].starts_with(is_name);
        begins && ends
    })
}

/// A path as a process sees it, without `.` and `..`.
fn joined(text: &str, row: &Row) -> Option<PathBuf> {
    let path = match &row.cwd {
        Some(cwd) => cwd.join(text),
        None => PathBuf::from(text),
    };
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain.is_absolute().then_some(plain)
}

fn absolute_paths(text: &str) -> impl Iterator<Item = &Path> {
    text.split([':', ';', ',', '=', '"', '\'', ' ', '@'])
        .filter(|part| part.starts_with('/') && part.len() > 1)
        .map(Path::new)
}
