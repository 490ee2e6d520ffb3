//! What answers conflicts: the person's answers first, then what is remembered.

use std::collections::BTreeMap;

use crate::api::Result;
use crate::api::plan::{AnswerView, Conflict, KeyConflict, RememberedView};
use crate::memory::{Decision, Memory, Scope, Subject};
use crate::merge::chunk::Conflict as Open;
use crate::merge::normal;
use crate::merge::settle::{Case, Pick, Undecided};
use crate::model::{Digest, Entry, RelPath};
use crate::plan::{self, Draft, MergeOutcome, Resolution};
use crate::session::Instance;
use crate::template::telling::looks_secret;

use super::super::merges::Merges;
use super::super::{key_conflicts, read};
use super::answers::{self, Answer};
use super::remember::Fresh;
use super::{Finals, values};

/// See the module.
pub(in crate::verb) struct Counsel<'a> {
    pub instance: &'a Instance,
    pub memory: Memory,
    /// The person's answers.
    pub answers: Vec<Answer>,
    /// The files that the person wrote, and what shall not exist.
    pub finals: Finals,
}

/// What became of a plan's conflicts.
#[derive(Default)]
pub(in crate::verb) struct Advised {
    pub answers: BTreeMap<RelPath, plan::Answer>,
    pub contents: BTreeMap<RelPath, Vec<u8>>,
    /// What the person decided now.
    pub fresh: Vec<Fresh>,
    pub remembered: Vec<RememberedView>,
    pub warnings: Vec<String>,
}

/// One conflict of a text, and its answer.
pub(in crate::verb) struct Point {
    pub told: KeyConflict,
    pub case: Option<Case>,
    pub secret: bool,
    pub pick: Option<Pick>,
    /// What the person decided.
    pub own: Option<Answer>,
}

/// A text in conflict, as far as it is decided.
pub(in crate::verb) struct Text {
    pub points: Vec<Point>,
    /// The file, if nothing is open.
    pub result: Option<Vec<u8>>,
    /// Why what is remembered, or answered, was not used.
    pub refused: Option<String>,
}

impl Text {
    pub fn keys(&self) -> Vec<KeyConflict> {
        let told = self.points.iter().take(key_conflicts::MOST);
        let mut keys: Vec<KeyConflict> = told.map(|point| point.told.clone()).collect();
        keys.iter_mut().for_each(key_conflicts::shorten);
        keys
    }

    pub fn picks(&self) -> Vec<Option<Pick>> {
        self.points.iter().map(|point| point.pick.clone()).collect()
    }
}

impl Counsel<'_> {
    fn product(&self) -> &str {
        &self.instance.settings.profile.name
    }

    pub(super) fn words(&self) -> &[String] {
        &self.instance.settings.profile.secrets
    }

    /// Whether a configuration put secrets into a file, under whatever key.
    fn is_concealed(&self, path: &RelPath) -> bool {
        let configured = self.instance.state.config.files.get(path);
        configured.is_some_and(|file| !file.secret_lines.is_empty())
    }

    /// Answers what can be answered of a draft's conflicts.
    pub fn advise(&self, draft: &Draft<'_>, merges: &mut Merges) -> Result<Advised> {
        let mut advised = Advised::default();
        let texts = std::mem::take(&mut merges.open);
        for (path, open) in &texts {
            self.advise_text(draft, path, open, merges, &mut advised)?;
        }
        let has_whole = self.answers.iter().any(|answer| answer.place.is_none());
        if has_whole || !self.finals.is_empty() || self.memory.iter().next().is_some() {
            let plan = draft.clone().finish(&merges.outcomes, &advised.answers)?;
            for conflict in plan.conflicts.iter().filter(|one| !texts.contains_key(&one.path)) {
                self.advise_path(conflict, &mut advised)?;
            }
        }
        Ok(advised)
    }

    fn advise_text(
        &self,
        draft: &Draft<'_>,
        path: &RelPath,
        open: &Undecided,
        merges: &mut Merges,
        advised: &mut Advised,
    ) -> Result<()> {
        let sides = draft.sides(path).unwrap_or_default();
        let is_answered = self.answers.iter().any(|answer| answer.path == *path);
        if self.finals.contains_key(path) || !is_answered {
            let whole = self.whole(path, sides)?;
            if self.take_whole(path, whole, advised) {
                return Ok(());
            }
        }
        let text = self.text(path, open);
        advised.warnings.extend(
            text.refused
                .iter()
                .map(|why| format!("what is decided about {path} is not used: {why}")),
        );
        for point in &text.points {
            let view = |answer: &AnswerView| RememberedView {
                path: path.clone(),
                key: point.told.key.clone(),
                line: point.told.line,
                answer: answer.clone(),
            };
            let answer = point.told.answer.as_ref().filter(|answer| answer.remembered);
            advised.remembered.extend(answer.map(view));
        }
        let Some(result) = &text.result else {
            merges
                .outcomes
                .insert(path.clone(), MergeOutcome::Conflicts(text.keys()));
            return Ok(());
        };
        let fresh = text
            .points
            .iter()
            .filter_map(|point| Fresh::of_point(path, point));
        let before = advised.fresh.len();
        advised.fresh.extend(fresh);
        let answer = plan::Answer {
            resolution: Resolution::File(Digest::of(result), result.len() as u64),
            remembered: advised.fresh.len() == before,
        };
        advised.answers.insert(path.clone(), answer);
        advised.contents.insert(path.clone(), result.clone());
        Ok(())
    }

    fn advise_path(&self, conflict: &Conflict, advised: &mut Advised) -> Result<()> {
        let sides = [&conflict.base, &conflict.current, &conflict.new].map(Option::as_ref);
        let whole = self.whole(&conflict.path, sides)?;
        self.take_whole(&conflict.path, whole, advised);
        Ok(())
    }

    /// Uses an answer to a path as a whole. `false` if there is none.
    fn take_whole(&self, path: &RelPath, whole: Whole, advised: &mut Advised) -> bool {
        let Some((decision, view)) = whole.answer else {
            return false;
        };
        let file = |bytes: &[u8]| Resolution::File(Digest::of(bytes), bytes.len() as u64);
        let resolution = match &decision {
            Chosen::Bytes(bytes) => file(bytes),
            Chosen::Decision(Decision::Final { content }) => file(content.as_bytes()),
            Chosen::Decision(Decision::Ours) => Resolution::Ours,
            Chosen::Decision(Decision::Theirs) => Resolution::Theirs,
            Chosen::Decision(Decision::Deleted) => Resolution::Delete,
            Chosen::Decision(Decision::Value { .. }) => return false,
        };
        match &decision {
            Chosen::Bytes(bytes) => advised.contents.insert(path.clone(), bytes.clone()),
            Chosen::Decision(Decision::Final { content }) => advised
                .contents
                .insert(path.clone(), content.clone().into_bytes()),
            Chosen::Decision(_) => None,
        };
        let answer = plan::Answer {
            resolution,
            remembered: view.remembered,
        };
        advised.answers.insert(path.clone(), answer);
        if view.remembered {
            advised.remembered.push(RememberedView {
                path: path.clone(),
                key: None,
                line: None,
                answer: view,
            });
        } else {
            let decision = match decision {
                Chosen::Decision(decision) => Some(decision),
                Chosen::Bytes(bytes) => String::from_utf8(bytes)
                    .ok()
                    .map(|content| Decision::Final { content }),
            };
            advised.fresh.push(Fresh {
                path: path.clone(),
                scope: Scope::File,
                key: None,
                sides: whole.sides,
                secret: whole.secret,
                decision,
                decided: view.decided,
                by: view.by,
                remember_secret: whole.remember_secret,
            });
        }
        true
    }

    /// The answer to a path as a whole, and what it would be remembered by.
    pub fn whole(&self, path: &RelPath, sides: [Option<&Entry>; 3]) -> Result<Whole> {
        let mut meanings = sides.map(|entry| entry.map(meaning));
        let mut secret = self.is_concealed(path);
        if let Some(Entry::File { .. }) = sides[1]
            && let Some(bytes) = read(self.instance, path)?
            && let Some(text) = normal::whole(path.file_name(), &bytes)
        {
            secret |= self.is_secret_bytes(&bytes);
            meanings[1] = Some(text);
        }
        let own = self
            .answers
            .iter()
            .find(|answer| answer.path == *path && answer.place.is_none())
            // Its content is the `.final` file; without that it says nothing.
            .filter(|answer| !matches!(answer.decision, Decision::Final { .. }));
        let hand = self.finals.get(path);
        let written = hand.and_then(|hand| hand.bytes.as_deref());
        secret |= written.is_some_and(|bytes| self.is_secret_bytes(bytes));
        let answer = match (hand, own) {
            (Some(hand), _) => Some((hand.chosen(), hand.view.clone())),
            (None, Some(own)) => Some((Chosen::Decision(own.decision.clone()), own.view(secret))),
            (None, None) => {
                let subject = Subject {
                    product: self.product(),
                    path,
                    scope: Scope::File,
                    key: None,
                    sides: meanings.each_ref().map(Option::as_deref),
                    secret,
                };
                let found = self.memory.find(&subject);
                found.map(|(entry, view)| (Chosen::Decision(entry.decision.clone()), view))
            }
        };
        Ok(Whole {
            answer,
            sides: meanings,
            secret,
            remember_secret: hand.map_or_else(
                || own.is_some_and(|own| own.remember_secret),
                |hand| hand.remember_secret,
            ),
        })
    }

    /// Answers the conflicts of a text one by one. Answers that do not fit together are not used; those that are
    /// remembered go first.
    pub fn text(&self, path: &RelPath, open: &Undecided) -> Text {
        let mut points = self.points(path, open);
        let picks = |points: &[Point]| points.iter().map(|point| point.pick.clone()).collect::<Vec<_>>();
        let mut refused = None;
        let result = loop {
            let why = match open.settle(&picks(&points)) {
                Ok(result) => break result,
                Err(why) => why,
            };
            let is_remembered = |point: &Point| point.own.is_none() && point.pick.is_some();
            let some_remembered = points.iter().any(is_remembered);
            let mut dropped = 0;
            for point in &mut points {
                if point.pick.is_some() && (!some_remembered || is_remembered(point)) {
                    point.reopen();
                    dropped += 1;
                }
            }
            refused.get_or_insert(why);
            if dropped == 0 {
                break None;
            }
        };
        Text {
            points,
            result,
            refused,
        }
    }

    fn points(&self, path: &RelPath, open: &Undecided) -> Vec<Point> {
        let sides = open.sides();
        let secrets = key_conflicts::Secrets::new(sides.each_ref().map(String::as_str), self.words());
        let mut told = key_conflicts::tell_all(open.conflicts(), &secrets);
        let is_concealed = self.is_concealed(path);
        if is_concealed {
            key_conflicts::conceal(&mut told);
        }
        let cases = open.cases();
        let conflicts = open.conflicts().zip(told).enumerate();
        conflicts
            .map(|(at, (conflict, told))| {
                let secret = is_concealed || secrets.has(conflict);
                self.point(path, (at, conflict), told, cases.get(at).cloned(), secret)
            })
            .collect()
    }

    fn point(
        &self,
        path: &RelPath,
        (at, conflict): (usize, &Open),
        mut told: KeyConflict,
        case: Option<Case>,
        secret: bool,
    ) -> Point {
        let name = answers::name(&told);
        let is_it = |answer: &&Answer| {
            let place = answer.place.as_ref();
            answer.path == *path && place.is_some_and(|place| place.at == at && place.name == name)
        };
        let own = self.answers.iter().find(is_it).cloned();
        let pick = |decision: &Decision| values::pick(decision, conflict, path);
        let words = self.words();
        let is_secret = |own: &Answer| key_conflicts::is_secret_decision(&own.decision, words);
        let secret = secret || own.as_ref().is_some_and(is_secret);
        let found = match (&own, &case) {
            (Some(own), _) => pick(&own.decision).map(|pick| (pick, own.view(secret))),
            (None, Some(case)) => {
                let subject = self.subject(path, case, secret);
                let found = self.memory.find(&subject);
                found.and_then(|(entry, view)| Some((pick(&entry.decision)?, view)))
            }
            (None, None) => None,
        };
        let (pick, answer) = found.unzip();
        told.answer = answer;
        Point {
            told,
            case,
            secret,
            pick,
            own,
        }
    }

    fn is_secret_bytes(&self, bytes: &[u8]) -> bool {
        looks_secret(&String::from_utf8_lossy(bytes), self.words())
    }

    fn subject<'s>(&'s self, path: &'s RelPath, case: &'s Case, secret: bool) -> Subject<'s> {
        Subject {
            product: self.product(),
            path,
            scope: case.key.as_ref().map_or(Scope::Lines, |_| Scope::Key),
            key: case.key.as_deref(),
            sides: case.sides.each_ref().map(Option::as_deref),
            secret,
        }
    }
}

impl Point {
    fn reopen(&mut self) {
        self.pick = None;
        self.own = None;
        self.told.answer = None;
    }
}

/// What a path as a whole shall be.
pub(in crate::verb) enum Chosen {
    Decision(Decision),
    /// What a person wrote, whatever it is.
    Bytes(Vec<u8>),
}

/// See [`Counsel::whole`].
pub(in crate::verb) struct Whole {
    pub answer: Option<(Chosen, AnswerView)>,
    pub sides: [Option<String>; 3],
    pub secret: bool,
    pub remember_secret: bool,
}

/// What an entry is, in a form that is equal exactly for equal content.
fn meaning(entry: &Entry) -> String {
    match entry {
        Entry::File { sha256, .. } => format!("file {sha256}"),
        Entry::Dir { .. } => "directory".to_owned(),
        Entry::Symlink { target } => format!("link {target}"),
    }
}
