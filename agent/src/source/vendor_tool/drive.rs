//! Runs the tool on a candidate until the update is done or given up.

use std::collections::{BTreeMap, BTreeSet};

use super::super::directory::Directory;
use super::agree::{List, disagreement};
use super::candidate::Candidate;
use super::changes::{self, Moment};
use super::hotfix::HotfixFile;
use super::machine::{Facts, Goal, Next, Progress, Reading, Stop, next};
use super::outcome::{Change, Outcome, Sides, Work, outcome};
use super::pieces::Piece;
use super::record;
use super::runner::Runner;
use super::{Given, Order};
use crate::api::{ErrorKind, Failure, Result};
use crate::merge::text::LIMIT;
use crate::model::{Class, Digest, Level, RelPath, Work as Shown};
use crate::product::Ownership;
use crate::product::detect::detect;
use crate::product::profile::OwnershipRule;
use crate::sys::fs::StatKey;
use crate::sys::process::End;

/// What the tool prints for a command that changes nothing.
///
/// # Errors
/// `vendor-tool`.
pub(super) fn list(runner: &Runner<'_>, arguments: &[String]) -> Result<String> {
    for last in [false, true] {
        let tool = runner.digest()?;
        match runner.run(arguments)? {
            End::Code(2) if runner.digest()? != tool && !last => {}
            // Which code it has when there is something to list is not documented.
            End::Code(code) if !(1..=4).contains(&code) => return Ok(runner.last_run()),
            End::Code(1) => return Err(runner.failure(&Stop::Refused.to_string(), Stop::Refused.hint())),
            End::TimedOut => return Err(runner.failure(&Stop::TimedOut.to_string(), Stop::TimedOut.hint())),
            End::Signal(signal) => {
                let stop = Stop::Signal(signal);
                return Err(runner.failure(&stop.to_string(), stop.hint()));
            }
            End::Code(_) => break,
        }
    }
    Err(runner.failure(&Stop::Crashed.to_string(), Stop::Crashed.hint()))
}

/// One update under way.
pub(super) struct Drive<'a> {
    pub order: &'a Order<'a>,
    pub candidate: &'a Candidate,
    pub pieces: &'a BTreeMap<RelPath, Piece>,
    /// What belongs to the tool and not to the product.
    pub tools_own: &'a BTreeSet<RelPath>,
    pub runner: Runner<'a>,
    /// The copy before the tool ran.
    before: Moment,
    /// The tool's record before it ran.
    record: Vec<u8>,
    /// The lists of bundles before the tool ran.
    lists: BTreeMap<RelPath, Vec<u8>>,
    so_far: Progress,
    /// The helper files that were answered already.
    answered: BTreeMap<RelPath, StatKey>,
    conflicts: BTreeMap<RelPath, Sides>,
    /// What the tool's runs for earlier hotfixes changed.
    earlier: BTreeMap<RelPath, Change>,
}

impl<'a> Drive<'a> {
    /// Looks at the copy before the tool does.
    pub(super) fn new(
        order: &'a Order<'a>,
        candidate: &'a Candidate,
        pieces: &'a BTreeMap<RelPath, Piece>,
        tools_own: &'a BTreeSet<RelPath>,
        runner: Runner<'a>,
    ) -> Result<Self> {
        let before = changes::look(candidate, order)?;
        let mut drive = Self {
            order,
            candidate,
            pieces,
            tools_own,
            runner,
            before,
            record: order.home_file(&order.rules.record)?.unwrap_or_default(),
            lists: BTreeMap::new(),
            so_far: Progress::default(),
            answered: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            earlier: BTreeMap::new(),
        };
        match drive.level()? {
            Reading::Before => {}
            other => return Err(drive.moved(&other)),
        }
        drive.lists = drive.bundle_lists(&drive.before)?;
        Ok(drive)
    }

    /// Runs the tool. The level that it led to and what that says of the vendor's files; `None` if there was nothing to do.
    ///
    /// # Errors
    /// `vendor-tool` with its last words; the copy is of no use then.
    pub(super) fn run(&mut self) -> Result<Option<(Level, Outcome)>> {
        let _shown = Shown::begin(self.order.progress, "the vendor's update tool", 0);
        let goal = Goal::Level {
            named: self.order.wanted.is_some(),
        };
        let mut resumes = false;
        loop {
            let arguments = self.order.arguments(self.candidate, resumes)?;
            let tool = self.runner.digest()?;
            let end = self.runner.run(&arguments)?;
            let facts = self.facts(tool)?;
            match next(self.so_far, end, &facts, goal) {
                Next::Rerun => self.so_far.rerun = true,
                Next::Answer => {
                    self.answer()?;
                    self.so_far.answers += 1;
                    resumes = true;
                }
                Next::Done(level) => return Ok(Some((level, self.result()?))),
                Next::Nothing => return Ok(None),
                Next::Stop(stop) => return Err(self.stopped(&stop)),
            }
        }
    }

    /// Runs the tool for one hotfix after the other. What that says of the vendor's files, and which files of the state the last
    /// one brings.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) fn apply_hotfixes(&mut self, hotfixes: &[HotfixFile<'_>]) -> Result<(Outcome, Vec<RelPath>)> {
        let _shown = Shown::begin(self.order.progress, "the vendor's update tool", 0);
        let mut lost = Vec::new();
        for hotfix in hotfixes {
            let before = changes::look(self.candidate, self.order)?;
            self.apply_hotfix(hotfix)?;
            lost = changes::lost(self.order, &before, &changes::look(self.candidate, self.order)?)?;
        }
        Ok((self.result()?, lost))
    }

    fn apply_hotfix(&mut self, hotfix: &HotfixFile<'_>) -> Result<()> {
        let file = self.candidate.beside(&hotfix.name)?.under(self.order.root.path());
        let file = file.to_string_lossy().into_owned();
        let arguments = ["apply-hotfix".to_owned(), file, "--offline".to_owned()];
        self.so_far = Progress::default();
        loop {
            let tool = self.runner.digest()?;
            let end = self.runner.run(&arguments)?;
            let facts = self.facts(tool)?;
            match next(self.so_far, end, &facts, Goal::Hotfix(self.order.installed)) {
                Next::Rerun => self.so_far.rerun = true,
                Next::Stop(stop) => return Err(self.stopped(&stop)),
                Next::Done(_) | Next::Answer | Next::Nothing => break,
            }
        }
        self.earlier = self.changes(&changes::look(self.candidate, self.order)?)?;
        Ok(())
    }

    fn facts(&self, tool: Option<Digest>) -> Result<Facts> {
        let now = changes::look(self.candidate, self.order)?;
        let changes = self.changes(&now)?;
        Ok(Facts {
            tool_changed: self.runner.digest()? != tool,
            tree_changed: self.touches_product(&changes),
            conflicts: !self.fresh_helpers(&now).is_empty(),
            level: self.level()?,
        })
    }

    /// Whether a run changed more of the product than the runs before it.
    fn touches_product(&self, changes: &BTreeMap<RelPath, Change>) -> bool {
        changes
            .keys()
            .chain(self.earlier.keys())
            .any(|path| !self.tools_own.contains(path) && changes.get(path) != self.earlier.get(path))
    }

    /// What the tool changed, but for what nobody takes over.
    fn changes(&self, now: &Moment) -> Result<BTreeMap<RelPath, Change>> {
        let mut changes = changes::changes(
            self.candidate,
            self.pieces,
            (&self.before, now),
            self.order.progress,
        )?;
        changes.retain(|path, _| {
            let class = self.order.known.class_of(path);
            let is_tools = self.tools_own.contains(path) && class == Class::Customer;
            class != Class::State
                && !is_tools
                && (self.before.contains_key(path) || !self.order.is_helper(path))
        });
        Ok(changes)
    }

    fn fresh_helpers(&self, now: &Moment) -> BTreeMap<RelPath, StatKey> {
        let mut helpers = changes::helpers(self.order, &self.before, now);
        helpers.retain(|path, key| self.answered.get(path) != Some(key));
        helpers
    }

    fn level(&self) -> Result<Reading> {
        let tree = Directory::open(self.candidate.pinned(), self.order.cache_dir)?;
        let (profile, order) = (self.order.profile, self.order.profile.level.order);
        let level = match detect(profile, &tree) {
            Ok(Some(found)) => found.level,
            Ok(None) => {
                return Ok(Reading::Unreadable(format!(
                    "it is no pack of {} any more",
                    profile.title
                )));
            }
            Err(failure) => return Ok(Reading::Unreadable(failure.full_message())),
        };
        let Some(level) = level else {
            return Ok(Reading::Unreadable("nothing tells it".to_owned()));
        };
        let is_reached = match self.order.wanted {
            Some(wanted) => order.compare(&level, wanted).is_eq(),
            None => order.compare(&level, self.order.installed).is_gt(),
        };
        Ok(match order.compare(&level, self.order.installed) {
            std::cmp::Ordering::Equal => Reading::Before,
            _ if is_reached => Reading::Reached(level),
            _ => Reading::Other(level),
        })
    }

    /// Takes both sides of every fresh conflict, and lets the tool go on with its own.
    fn answer(&mut self) -> Result<()> {
        let fresh = self.fresh_helpers(&changes::look(self.candidate, self.order)?);
        let mut paths = BTreeSet::new();
        for helper in fresh.keys() {
            let plain = [".original", ".new"]
                .iter()
                .find_map(|end| helper.as_str().strip_suffix(end));
            paths.extend(plain.and_then(|plain| RelPath::new(plain).ok()));
        }
        for path in paths {
            let read = |suffix| {
                let helper = path.with_suffix(suffix);
                match fresh.contains_key(&helper) {
                    true => self.candidate.read(&helper, LIMIT),
                    false => Ok(None),
                }
            };
            let (original, new) = (read(".original")?, read(".new")?);
            let answer = match &new {
                Some(new) => new.clone(),
                None => self.candidate.read(&path, LIMIT)?.unwrap_or_default(),
            };
            self.candidate
                .write(&path.with_suffix(".final"), &answer, 0o644)?;
            // A later one begins where the one before it ended; the installed level's is the first.
            let sides = self
                .conflicts
                .entry(path)
                .or_insert(Sides { original, new: None });
            sides.new = new;
        }
        self.answered = changes::helpers(
            self.order,
            &self.before,
            &changes::look(self.candidate, self.order)?,
        );
        Ok(())
    }

    fn result(&mut self) -> Result<Outcome> {
        for (path, sides) in &self.conflicts {
            for end in &self.order.profile.lint.strays {
                let helper = path.with_suffix(end);
                if !self.before.contains_key(&helper) {
                    self.candidate.remove(&helper)?;
                }
            }
            if sides.new.is_none() {
                self.candidate.remove(path)?;
            }
        }
        // A hotfix leaves the level as it is, and what the tool remembers of it goes with the copy.
        let keeps_record = self.order.given != Given::Hotfixes;
        if keeps_record {
            self.settle_record()?;
        }
        let now = changes::look(self.candidate, self.order)?;
        self.agree(&now)?;
        let mut changes = self.changes(&now)?;
        changes.retain(|path, _| keeps_record || !self.tools_own.contains(path));
        let outcome = outcome(&Work {
            base: self.order.known.base,
            pieces: self.pieces,
            changes: &changes,
            conflicts: &self.conflicts,
            class_of: &|path| self.order.known.class_of(path),
        });
        match outcome.unknown.first() {
            Some(path) => Err(self.mixed(path)),
            None => Ok(outcome),
        }
    }

    /// Takes out of the tool's record what must not get into the home.
    fn settle_record(&self) -> Result<()> {
        let path = &self.order.rules.record;
        let after = self.candidate.read(path, LIMIT)?.unwrap_or_default();
        let work = self.candidate.work_path();
        let home = self.order.shared_home().unwrap_or(&work);
        let settled = record::settle(
            &self.record,
            &after,
            &self.order.rules.account,
            &[&work.to_string_lossy(), &home.to_string_lossy()],
        );
        let Some(settled) = settled else {
            let why = format!("left a {path} that is no JSON object");
            return Err(self.failure(&why, "run again"));
        };
        let mode = self.candidate.mode(path)?.unwrap_or(0o644);
        self.candidate.write(path, &settled, mode)
    }

    /// The one place where the tool's tree is asked whether it can be right.
    fn agree(&self, now: &Moment) -> Result<()> {
        let after = self.bundle_lists(now)?;
        let text = |lists: &BTreeMap<RelPath, Vec<u8>>, path: &RelPath| {
            lists
                .get(path)
                .map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let texts: Vec<_> = after
            .keys()
            .map(|path| (path, text(&self.lists, path), text(&after, path)))
            .collect();
        let lists: Vec<_> = texts
            .iter()
            .map(|(path, before, after)| List { path, before, after })
            .collect();
        match disagreement(&lists, &changes::files(&self.before), &changes::files(now)) {
            Some(why) => {
                let hint = "the vendor names levels that must not be jumped over: update to the next one of them first";
                Err(self.failure(&format!("told of success (exit code 0), but {why}"), hint))
            }
            None => Ok(()),
        }
    }

    fn bundle_lists(&self, moment: &Moment) -> Result<BTreeMap<RelPath, Vec<u8>>> {
        let rule = OwnershipRule::new(Class::Vendor, self.order.rules.bundle_lists.clone());
        let lists = Ownership::new(&[rule])?;
        let mut found = BTreeMap::new();
        for path in changes::files(moment) {
            if lists.class_of(&path) == Class::Vendor
                && let Some(bytes) = self.candidate.read(&path, LIMIT)?
            {
                found.insert(path, bytes);
            }
        }
        Ok(found)
    }

    fn stopped(&self, stop: &Stop) -> Failure {
        self.failure(&stop.to_string(), stop.hint())
    }

    fn mixed(&self, path: &RelPath) -> Failure {
        let why = format!(
            "merged {path} by itself; the vendor's own text of it is not known here, so neither is what it changed"
        );
        let hint = "take the pack over with the vendor's pack of the installed level: `pitstop adopt NAME --pristine PACK`";
        self.failure(&why, hint)
    }

    fn moved(&self, reading: &Reading) -> Failure {
        let told = match reading {
            Reading::Reached(level) | Reading::Other(level) => format!("level {level}"),
            Reading::Unreadable(why) => format!("no level: {why}"),
            Reading::Before => "its level".to_owned(),
        };
        let message = format!(
            "{} was taken over at level {}, but tells {told}",
            self.order.root.path().display(),
            self.order.installed
        );
        Failure::new(ErrorKind::Stale, message)
            .at(self.order.root.path())
            .hint("somebody else updated it; `pitstop adopt` takes it over as it is now")
    }

    fn failure(&self, why: &str, hint: &str) -> Failure {
        self.runner.failure(why, hint)
    }
}
