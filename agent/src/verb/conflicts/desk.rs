//! `conflicts list`, `show` and `resolve`: the conflicts of an update that waits.

use crate::api::plan::{Conflict, ConflictKind};
use crate::api::report::{Action, ConflictView, Report, Status, WaitingView};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout;
use crate::config::Settings;
use crate::config::nearest::did_you_mean;
use crate::merge::settle::Undecided;
use crate::merge::text::LIMIT;
use crate::merge::{self, MARKER_SIZE, Opened};
use crate::model::{Digest, Entry, Progress, RelPath};
use crate::session::Instance;

use super::super::told::Told;
use super::super::{Run, key_conflicts, read, report_on};
use super::counsel::{Counsel, Text};
use super::remember::recall;
use super::{Waiting, answers, demand_finished, file, finals, waiting};

pub use super::answers::name as name_of;
pub use super::resolve::{How, Resolve, resolve};

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct Show {
    /// Only this path.
    pub path: Option<RelPath>,
    /// Only this key, or line, of it.
    pub key: Option<String>,
    /// Whether values are shown as a whole.
    pub whole: bool,
}

/// Runs `conflicts list` and `conflicts show`.
pub fn show(name: &str, settings: Result<Settings>, options: &Show, progress: &dyn Progress) -> Report {
    report_on(Action::Conflicts, name, settings, progress, |run, settings| {
        let instance = Instance::open(settings)?;
        let Some(desk) = Desk::open(run, &instance)? else {
            return nothing_waits(run, name);
        };
        desk.report(run, options)
    })
}

/// The text of a waiting file with markers around what is open, for an editor.
///
/// # Errors
/// No update waits, or the path is not among its conflicts, or is no text.
pub fn marked(settings: Settings, path: &RelPath, progress: &dyn Progress) -> Result<Vec<u8>> {
    let name = settings.name.clone();
    let instance = Instance::open(settings)?;
    let told = Told::new(progress);
    let mut run = Run::new(Action::Conflicts, &name, &told);
    let desk = Desk::open(&mut run, &instance)?.ok_or_else(|| none_waits(&name))?;
    let conflict = desk.conflict(path)?;
    let open = desk.undecided(conflict)?.ok_or_else(|| {
        let message = format!("{path} cannot be merged as text");
        Failure::new(ErrorKind::Usage, message)
            .hint("take one of its sides, or give a whole file with --final")
    })?;
    let text = desk.counsel.text(path, &open);
    Ok(open.marked(&text.picks(), MARKER_SIZE))
}

fn nothing_waits(run: &mut Run<'_>, name: &str) -> Result<()> {
    let message = format!("no update of {name} waits for conflicts to be resolved");
    run.done(Status::Current, false, message);
    Ok(())
}

/// For who wanted to resolve something.
pub(super) fn none_waits(name: &str) -> Failure {
    let message = format!("no update of {name} waits for conflicts to be resolved");
    Failure::new(ErrorKind::Usage, message).hint(format!(
        "run `pitstop update {name}`: it leaves its conflicts for a person"
    ))
}

/// The update that waits, and what answers its conflicts.
pub(in crate::verb) struct Desk<'a> {
    pub waiting: Waiting,
    pub counsel: Counsel<'a>,
}

/// A conflict with its answers.
struct Seen {
    view: ConflictView,
    open: usize,
    answered: usize,
}

impl<'a> Desk<'a> {
    /// `None` if no update waits.
    pub fn open(run: &mut Run<'_>, instance: &'a Instance) -> Result<Option<Self>> {
        let Some(waiting) = waiting(instance)? else {
            return Ok(None);
        };
        let answers = answers::read(instance)?;
        let counsel = Counsel {
            instance,
            memory: recall(run, &instance.settings.memory, waiting.no_remembered),
            finals: finals(instance, &waiting.conflicts, &answers)?,
            answers,
        };
        Ok(Some(Self { waiting, counsel }))
    }

    /// The conflict of a path.
    pub fn conflict(&self, path: &RelPath) -> Result<&Conflict> {
        let known = || self.waiting.conflicts.iter().map(|one| one.path.as_str());
        let found = self.waiting.conflicts.iter().find(|one| one.path == *path);
        found.ok_or_else(|| {
            let suggestion = did_you_mean(path.as_str(), known());
            let message = format!("{path} is not among the paths in conflict{suggestion}");
            let name = &self.counsel.instance.settings.name;
            Failure::new(ErrorKind::Usage, message)
                .hint(format!("`pitstop conflicts list {name}` lists them"))
        })
    }

    /// A text's merge; `None` for what is not merged as text.
    pub fn undecided(&self, conflict: &Conflict) -> Result<Option<Undecided>> {
        let instance = self.counsel.instance;
        let staged = |suffix: &str| {
            let path = file(&conflict.path, suffix);
            let read = instance.root.read(&path, LIMIT);
            read.map_err(|error| layout::failed("read", &instance.root, &path, error))
        };
        let current = self.current(conflict)?;
        if conflict.kind != ConflictKind::Text {
            return Ok(None);
        }
        let (base, new) = (staged(".original")?, staged(".new")?);
        let sides = [base.as_slice(), &current.unwrap_or_default(), &new];
        match merge::open(conflict.path.file_name(), merge::Options::default(), sides).0 {
            Opened::Undecided(open) => Ok(Some(*open)),
            Opened::Clean(_) | Opened::NotText => Ok(None),
        }
    }

    /// What stands there, which must be what the update was planned on.
    fn current(&self, conflict: &Conflict) -> Result<Option<Vec<u8>>> {
        let Some(Entry::File { sha256, .. }) = &conflict.current else {
            return Ok(None);
        };
        let instance = self.counsel.instance;
        let there = instance.root.stat(&conflict.path);
        let there =
            there.map_err(|error| layout::failed("look at", &instance.root, &conflict.path, error))?;
        let bytes = match there {
            Some(_) => read(instance, &conflict.path)?,
            None => None,
        };
        match bytes {
            Some(bytes) if Digest::of(&bytes) != *sha256 => Err(self.stale(&conflict.path)),
            None if there.is_none() => Err(self.stale(&conflict.path)),
            bytes => Ok(bytes),
        }
    }

    fn stale(&self, path: &RelPath) -> Failure {
        let instance = self.counsel.instance;
        let shown = path.under(instance.root.path());
        let message = format!("{} changed since the update was staged", shown.display());
        let name = &instance.settings.name;
        Failure::new(ErrorKind::Stale, message).at(shown).hint(format!(
            "run `pitstop update {name}`: it finds the conflicts again and keeps the answers to those that are the same"
        ))
    }

    fn seen(&self, conflict: &Conflict, options: &Show) -> Result<Seen> {
        let mut view = self.view(conflict);
        let path = &conflict.path;
        if let Some(open) = self.undecided(conflict)?
            && !self.counsel.finals.contains_key(path)
        {
            let text = self.counsel.text(path, &open);
            return Ok(Seen::of_text(view, &text, options));
        }
        let sides = [&conflict.base, &conflict.current, &conflict.new].map(Option::as_ref);
        let is_flawed = self
            .counsel
            .finals
            .get(path)
            .is_some_and(|hand| hand.flaw.is_some());
        let answer = self.counsel.whole(path, sides)?.answer;
        view.answer = answer.filter(|_| !is_flawed).map(|(_, answer)| answer);
        let is_answered = view.answer.is_some();
        Ok(Seen {
            view,
            open: usize::from(!is_answered),
            answered: usize::from(is_answered),
        })
    }

    fn view(&self, conflict: &Conflict) -> ConflictView {
        let root = &self.counsel.instance.root;
        let at = |suffix: &str| file(&conflict.path, suffix);
        let there = |suffix: &str| {
            let found = root.stat(&at(suffix)).ok().flatten();
            found.map(|_| at(suffix).under(root.path()))
        };
        ConflictView {
            conflict: conflict.clone(),
            original_file: there(".original"),
            new_file: there(".new"),
            final_file: Some(at(".final").under(root.path())),
            answer: None,
        }
    }

    /// What waits, in numbers.
    pub fn count(&self) -> Result<WaitingView> {
        let open = self.waiting.conflicts.iter().try_fold(0, |open, conflict| {
            Ok(open + self.seen(conflict, &Show::default())?.open as u64)
        });
        Ok(WaitingView {
            open: open?,
            ..self.waiting.view(&self.counsel.instance.settings.name)
        })
    }

    /// Reports what is open and what is answered.
    pub fn report(&self, run: &mut Run<'_>, options: &Show) -> Result<()> {
        let wanted = |one: &&Conflict| options.path.as_ref().is_none_or(|path| one.path == *path);
        if let Some(path) = &options.path {
            self.conflict(path)?;
        }
        if let Err(unfinished) = demand_finished(&self.counsel.instance.root, &self.counsel.finals) {
            run.warn(unfinished.full_message());
        }
        let (mut open, mut answered) = (0, 0);
        for conflict in &self.waiting.conflicts {
            let seen = self.seen(conflict, options)?;
            open += seen.open;
            answered += seen.answered;
            if wanted(&conflict) {
                run.report.conflicts.push(seen.view);
            }
        }
        if let Some(key) = &options.key {
            self.only(run, key)?;
        }
        let (what, name) = (self.waiting.what(), &self.counsel.instance.settings.name);
        let (status, message) = match (open, answered) {
            (0, _) => (
                Status::Resolved,
                format!(
                    "all {answered} conflicts of {what} are answered; run `{}`",
                    self.waiting.command(name)
                ),
            ),
            _ => (
                Status::Conflicts,
                format!(
                    "{open} of {} conflicts of {what} are open; decide with `pitstop conflicts resolve {name}`",
                    open + answered
                ),
            ),
        };
        run.done(status, false, message);
        Ok(())
    }

    /// Leaves out every key but one.
    fn only(&self, run: &mut Run<'_>, key: &str) -> Result<()> {
        let keys = run
            .report
            .conflicts
            .iter_mut()
            .map(|view| &mut view.conflict.keys);
        let mut found = false;
        for keys in keys {
            keys.retain(|one| answers::name(one) == key);
            found |= !keys.is_empty();
        }
        match found {
            true => Ok(()),
            false => Err(Failure::new(
                ErrorKind::Usage,
                format!("`{key}` is not among the keys in conflict"),
            )
            .hint("a key is given as it is listed; lines without a key as `line 7`")),
        }
    }
}

impl Seen {
    fn of_text(mut view: ConflictView, text: &Text, options: &Show) -> Self {
        let answered = text.points.iter().filter(|point| point.pick.is_some()).count();
        view.conflict.keys = text.points.iter().map(|point| point.told.clone()).collect();
        if !options.whole {
            view.conflict.keys.iter_mut().for_each(key_conflicts::shorten);
        }
        Self {
            view,
            open: text.points.len() - answered,
            answered,
        }
    }
}
