//! `conflicts resolve`: answers go beside the files of the update that waits, and are used when it goes on.

use crate::api::plan::Conflict;
use crate::api::report::{Action, Report};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Settings;
use crate::memory::Decision;
use crate::merge::settle::Undecided;
use crate::model::{Progress, RelPath};
use crate::session::Session;
use crate::store::memory::who;
use crate::sys::clock::now_rfc3339;

use super::super::{Run, key_conflicts, report_on};
use super::answers::{self, Answer, Place};
use super::counsel::{Counsel, Point};
use super::desk::{Desk, Show, none_waits};
use super::{file, flaw, remove, replace};

/// What to decide.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// The path; every path with something open without it.
    pub path: Option<RelPath>,
    /// The key, or line, of the path; all of its conflicts without it.
    pub key: Option<String>,
    /// What it shall be.
    pub how: How,
    /// Whether to remember it also if it holds a secret.
    pub remember_secret: bool,
}

/// What a conflict shall be.
#[derive(Debug, Clone)]
pub enum How {
    /// The operator's side.
    Ours,
    /// The vendor's side.
    Theirs,
    /// A value.
    Value {
        /// The value.
        value: String,
        /// Whether it stood on the command line, where others can see it.
        in_sight: bool,
    },
    /// This file.
    Final(Vec<u8>),
    /// Open again.
    Reopen,
}

/// Runs the verb.
pub fn resolve(name: &str, settings: Result<Settings>, options: &Resolve, progress: &dyn Progress) -> Report {
    report_on(Action::Conflicts, name, settings, progress, |run, settings| {
        let session = Session::begin(settings, Action::Conflicts)?;
        let changed = answer(run, &session, options)?;
        let desk = Desk::open(run, &session)?.ok_or_else(|| none_waits(name))?;
        desk.report(run, &Show::default())?;
        run.report.changed = changed;
        Ok(())
    })
}

/// Takes an answer down. Tells whether anything changed.
fn answer(run: &mut Run<'_>, session: &Session, options: &Resolve) -> Result<bool> {
    let desk = Desk::open(run, session)?.ok_or_else(|| none_waits(&session.settings.name))?;
    let targets = match &options.path {
        Some(path) => vec![desk.conflict(path)?],
        None => desk.waiting.conflicts.iter().collect(),
    };
    let mut taking = Taking {
        session,
        options,
        answers: desk.counsel.answers.clone(),
        changed: false,
    };
    for conflict in targets {
        taking.take(&desk, conflict)?;
    }
    if taking.answers != desk.counsel.answers {
        answers::write(session, &taking.answers)?;
        taking.changed = true;
    }
    Ok(taking.changed)
}

/// An answer while it is taken down.
struct Taking<'a> {
    session: &'a Session,
    options: &'a Resolve,
    answers: Vec<Answer>,
    changed: bool,
}

impl Taking<'_> {
    fn take(&mut self, desk: &Desk<'_>, conflict: &Conflict) -> Result<()> {
        let path = &conflict.path;
        match &self.options.how {
            How::Reopen => return self.reopen(conflict),
            How::Final(bytes) => return self.write_final(desk, conflict, bytes),
            _ => {}
        }
        if desk.counsel.finals.contains_key(path) {
            // With every path asked for, those that are answered stay.
            return if self.options.path.is_none() {
                Ok(())
            } else {
                Err(hand_wins(path))
            };
        }
        match desk.undecided(conflict)? {
            Some(open) => self.take_text(&desk.counsel, conflict, &open),
            None => self.take_path(conflict),
        }
    }

    fn answer(&self, path: &RelPath, place: Option<Place>, decision: Decision) -> Answer {
        let answer = Answer {
            path: path.clone(),
            place,
            decision,
            decided: now_rfc3339(),
            by: who(),
            remember_secret: self.options.remember_secret,
        };
        // Deciding the same again is no change.
        let same = |old: &&Answer| {
            (&old.path, &old.place, &old.decision, old.remember_secret)
                == (
                    &answer.path,
                    &answer.place,
                    &answer.decision,
                    answer.remember_secret,
                )
        };
        self.answers.iter().find(same).cloned().unwrap_or(answer)
    }

    fn put(&mut self, answer: Answer) {
        self.answers
            .retain(|old| (&old.path, &old.place) != (&answer.path, &answer.place));
        self.answers.push(answer);
        let key = |one: &Answer| (one.path.clone(), one.place.as_ref().map(|place| place.at));
        self.answers.sort_by_key(key);
    }

    fn decision(&self) -> Option<Decision> {
        match &self.options.how {
            How::Ours => Some(Decision::Ours),
            How::Theirs => Some(Decision::Theirs),
            How::Value { value, .. } => Some(Decision::Value { value: value.clone() }),
            How::Final(_) | How::Reopen => None,
        }
    }

    fn take_text(&mut self, counsel: &Counsel<'_>, conflict: &Conflict, open: &Undecided) -> Result<()> {
        let path = &conflict.path;
        let text = counsel.text(path, open);
        let wanted = self.wanted(path, &text.points)?;
        let Some(decision) = self.decision().filter(|_| !wanted.is_empty()) else {
            return Ok(());
        };
        for at in &wanted {
            self.refuse_in_sight(counsel, &text.points[*at], &decision)?;
            let place = Place {
                at: *at,
                name: answers::name(&text.points[*at].told),
            };
            self.put(self.answer(path, Some(place), decision.clone()));
        }
        let with = Counsel {
            instance: counsel.instance,
            memory: Default::default(),
            answers: self.answers.clone(),
            finals: Default::default(),
        };
        let tried = with.text(path, open);
        let is_taken = |at: &usize| tried.points.get(*at).is_some_and(|point| point.own.is_some());
        match tried.refused {
            None if wanted.iter().all(is_taken) => Ok(()),
            why => Err(cannot(
                path,
                why.as_deref().unwrap_or("nothing of it can be decided"),
            )),
        }
    }

    /// The numbers of the conflicts that are asked for.
    fn wanted(&self, path: &RelPath, points: &[Point]) -> Result<Vec<usize>> {
        let numbered = || points.iter().enumerate();
        if let Some(key) = &self.options.key {
            let found: Vec<usize> = numbered()
                .filter(|(_, point)| answers::name(&point.told) == *key)
                .map(|(at, _)| at)
                .collect();
            return match found.is_empty() {
                true => Err(no_key(path, key)),
                false => Ok(found),
            };
        }
        if matches!(self.options.how, How::Value { .. }) && points.len() > 1 {
            let message = format!("{path} has {} conflicts, and a value is for one", points.len());
            return Err(Failure::new(ErrorKind::Usage, message).hint("name its key with --key"));
        }
        let is_wanted = |point: &Point| self.options.path.is_some() || point.pick.is_none();
        Ok(numbered()
            .filter(|(_, point)| is_wanted(point))
            .map(|(at, _)| at)
            .collect())
    }

    fn refuse_in_sight(&self, counsel: &Counsel<'_>, point: &Point, decision: &Decision) -> Result<()> {
        let is_secret = || point.secret || key_conflicts::is_secret_decision(decision, counsel.words());
        match &self.options.how {
            How::Value { in_sight: true, .. } if is_secret() => {
                let message = format!(
                    "what is given for {} looks like a secret, and a command line is no place for one",
                    answers::name(&point.told)
                );
                Err(Failure::new(ErrorKind::Usage, message)
                    .hint("give the value with --value-from FILE, or with --value-from - on standard input"))
            }
            _ => Ok(()),
        }
    }

    fn take_path(&mut self, conflict: &Conflict) -> Result<()> {
        let path = &conflict.path;
        if let Some(key) = &self.options.key {
            return Err(no_key(path, key));
        }
        let is_answered = |answer: &Answer| answer.path == *path && answer.place.is_none();
        if self.options.path.is_none() && self.answers.iter().any(is_answered) {
            return Ok(());
        }
        match self.decision() {
            Some(Decision::Value { .. }) => Err(cannot(
                path,
                "it is in conflict as a whole, and has no place for a value",
            )),
            Some(decision) => {
                self.put(self.answer(path, None, decision));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The person's whole file: nothing else counts then.
    fn write_final(&mut self, desk: &Desk<'_>, conflict: &Conflict, bytes: &[u8]) -> Result<()> {
        let path = &conflict.path;
        if self.options.key.is_some() {
            let message = "a whole file answers all conflicts of its path, not one key".to_owned();
            return Err(Failure::new(ErrorKind::Usage, message).hint("leave --key out"));
        }
        if let Some(why) = flaw(path, bytes) {
            return Err(cannot(path, &why));
        }
        let held = desk
            .counsel
            .finals
            .get(path)
            .and_then(|hand| hand.bytes.as_deref());
        if held != Some(bytes) {
            remove(&self.session.root, &file(path, ".deleted"))?;
            replace(self.session, &file(path, ".final"), bytes)?;
            self.changed = true;
        }
        self.answers
            .retain(|answer| answer.path != *path || answer.place.is_none());
        // The file itself holds the content.
        let mark = Decision::Final {
            content: String::new(),
        };
        self.put(self.answer(path, None, mark));
        Ok(())
    }

    fn reopen(&mut self, conflict: &Conflict) -> Result<()> {
        let path = &conflict.path;
        let key = self.options.key.as_ref();
        let is_meant = |answer: &Answer| {
            let name = answer.place.as_ref().map(|place| &place.name);
            answer.path == *path && key.is_none_or(|key| name == Some(key))
        };
        self.answers.retain(|answer| !is_meant(answer));
        if key.is_some() {
            return Ok(());
        }
        for place in [file(path, ".final"), file(path, ".deleted")] {
            self.changed |= self.session.root.stat(&place).is_ok_and(|found| found.is_some());
            remove(&self.session.root, &place)?;
        }
        Ok(())
    }
}

fn hand_wins(path: &RelPath) -> Failure {
    let message = format!("{path} is answered by a whole file, which wins over everything else");
    Failure::new(ErrorKind::Usage, message).hint("take that back first, with --reopen")
}

fn no_key(path: &RelPath, key: &str) -> Failure {
    let message = format!("`{key}` is not among the conflicts of {path}");
    Failure::new(ErrorKind::Usage, message)
        .hint("`pitstop conflicts show` lists them; lines without a key are given as `line 7`")
}

fn cannot(path: &RelPath, why: &str) -> Failure {
    Failure::new(ErrorKind::Usage, format!("cannot decide {path} so: {why}"))
        .hint("decide its other conflicts first, or give the whole file with --final FILE")
}
