//! Ownership rules as a matcher that walks down a tree.
//!
//! Every glob is a small automaton over path components. A [`Cursor`] holds the states that are still alive in one
//! directory, so classifying a name looks at those few and never at the whole path again.

use std::collections::BTreeSet;

use super::glob::{BadGlob, Glob, literally};
use super::profile::OwnershipRule;
use crate::api::{ErrorKind, Failure};
use crate::model::{Class, RelPath};

/// A profile's ownership rules, compiled. The first rule that matches wins; what no rule matches is the customer's.
#[derive(Debug, Clone)]
pub struct Ownership {
    /// The globs of all rules, in the order in which they win.
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    class: Class,
    optional: bool,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// `**`.
    AnyDepth,
    One(Glob),
}

/// The rules that can still match below a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// Sorted by pattern. A state that matches everything below is the last one: later patterns cannot win.
    states: Vec<State>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct State {
    pattern: usize,
    /// The part that the next component must match.
    part: usize,
}

/// The rules as they are for one tree: one that holds only for what is made from a template names those paths then.
/// `files_below` tells which files there are below a directory of that tree.
///
/// # Errors
/// Those of `files_below`, and as [`Ownership::new`].
pub fn for_tree(
    rules: &[OwnershipRule],
    files_below: impl Fn(&RelPath) -> Result<Vec<RelPath>, Failure>,
) -> Result<Vec<OwnershipRule>, Failure> {
    let mut of_tree = rules.to_vec();
    for rule in &mut of_tree {
        let Some(made_from) = rule.made_from.take() else {
            continue;
        };
        let (dir, end) = templates(&made_from)?;
        let globs = Ownership::of_globs(&rule.paths)?;
        let made = |template: &RelPath| {
            let path = template.as_str().strip_prefix(dir.as_str())?;
            let path = RelPath::new(path.strip_prefix('/')?.strip_suffix(end)?).ok()?;
            globs.glob_of(&path).map(|_| literally(path.as_str()))
        };
        let paths: BTreeSet<String> = files_below(&dir)?.iter().filter_map(made).collect();
        rule.paths = paths.into_iter().collect();
    }
    Ok(of_tree)
}

/// The directory of the templates and the end of their names, from the text of `made_from`.
///
/// # Errors
/// `settings` if the text says neither.
pub fn templates(made_from: &str) -> Result<(RelPath, &str), Failure> {
    let parts = made_from.split_once("/{path}");
    let parts = parts.and_then(|(dir, end)| Some((RelPath::new(dir).ok()?, end)));
    parts.ok_or_else(|| {
        let message = format!(
            "made_from: `{made_from}` is not a folder of the pack, `/{{path}}`, and the end of a name"
        );
        Failure::new(ErrorKind::Settings, message)
    })
}

impl Ownership {
    /// Compiles rules. One that asks the tree what it has holds for nothing: see [`for_tree`].
    ///
    /// # Errors
    /// `settings` if a glob is empty, absolute, climbs or is otherwise not one; the message names rule and glob.
    pub fn new(rules: &[OwnershipRule]) -> Result<Self, Failure> {
        let mut patterns = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            for glob in &rule.paths {
                let parts = parse_glob(glob).map_err(|why| bad_glob(at, glob, why))?;
                if rule.made_from.is_some() {
                    continue;
                }
                patterns.push(Pattern {
                    class: rule.class,
                    optional: rule.optional,
                    parts,
                });
            }
        }
        Ok(Self { patterns })
    }

    /// Globs alone, to ask [`Ownership::glob_of`] for.
    ///
    /// # Errors
    /// As [`Ownership::new`].
    pub fn of_globs(globs: &[String]) -> Result<Self, Failure> {
        Self::new(&[OwnershipRule::new(Class::Vendor, globs.to_vec())])
    }

    /// Whether it is no deviation that a path of the vendor's is missing.
    pub fn is_optional(&self, path: &RelPath) -> bool {
        self.glob_of(path).is_some_and(|at| self.patterns[at].optional)
    }

    /// The class of a path.
    pub fn class_of(&self, path: &RelPath) -> Class {
        self.glob_of(path)
            .map_or(Class::Customer, |at| self.patterns[at].class)
    }

    /// Which glob decides about a path, counted through all rules from 0; `None` if no rule matches.
    pub fn glob_of(&self, path: &RelPath) -> Option<usize> {
        let mut cursor = self.root();
        let mut components = path.as_str().split('/');
        let name = components.next_back()?;
        for dir in components {
            cursor = self.enter(&cursor, dir);
        }
        self.winner(&cursor, name)
    }

    /// The cursor at the root of a tree.
    pub fn root(&self) -> Cursor {
        let mut cursor = Cursor { states: Vec::new() };
        for pattern in 0..self.patterns.len() {
            if self.add(&mut cursor, State { pattern, part: 0 }) {
                break;
            }
        }
        cursor
    }

    /// The cursor inside a directory directly below the cursor's.
    pub fn enter(&self, at: &Cursor, dir: &str) -> Cursor {
        let mut below = Cursor { states: Vec::new() };
        for state in &at.states {
            if let Some(next) = self.step(*state, dir)
                && self.add(&mut below, next)
            {
                break;
            }
        }
        below
    }

    /// The class of a name directly in the cursor's directory.
    pub fn class_in(&self, at: &Cursor, name: &str) -> Class {
        self.winner(at, name)
            .map_or(Class::Customer, |at| self.patterns[at].class)
    }

    /// The one class of everything below the cursor's directory, if that is certain already: a scan need not
    /// descend into a directory that is wholly state or the customer's.
    pub fn uniform(&self, at: &Cursor) -> Option<Class> {
        let class = match at.states.last() {
            Some(state) if self.takes_everything(*state) => self.patterns[state.pattern].class,
            // Some path can fall through all that is left to match.
            _ => Class::Customer,
        };
        let agrees = |state: &State| self.patterns[state.pattern].class == class;
        at.states.iter().all(agrees).then_some(class)
    }

    /// The first pattern that a name directly in the cursor's directory completes.
    fn winner(&self, at: &Cursor, name: &str) -> Option<usize> {
        let completes = |state: &&State| {
            self.step(**state, name)
                .is_some_and(|next| self.is_complete(next))
        };
        at.states.iter().find(completes).map(|state| state.pattern)
    }

    fn parts_from(&self, state: State) -> &[Part] {
        &self.patterns[state.pattern].parts[state.part..]
    }

    /// Where a state is after one component.
    fn step(&self, state: State, component: &str) -> Option<State> {
        match self.parts_from(state).first()? {
            Part::AnyDepth => Some(state),
            Part::One(glob) => glob.matches(component).then_some(State {
                part: state.part + 1,
                ..state
            }),
        }
    }

    /// Whether what was read so far is a match already: `dir/**` matches `dir` itself.
    fn is_complete(&self, state: State) -> bool {
        matches!(self.parts_from(state), [] | [Part::AnyDepth])
    }

    fn takes_everything(&self, state: State) -> bool {
        matches!(self.parts_from(state), [Part::AnyDepth])
    }

    /// Adds a state, and the one behind a `**` that spans nothing. True if nothing later can win any more.
    fn add(&self, cursor: &mut Cursor, state: State) -> bool {
        let parts = self.parts_from(state);
        let mut of_pattern = cursor
            .states
            .iter()
            .rev()
            .take_while(|known| known.pattern == state.pattern);
        if parts.is_empty() || of_pattern.any(|known| *known == state) {
            return false;
        }
        cursor.states.push(state);
        match parts {
            [Part::AnyDepth] => true,
            [Part::AnyDepth, ..] => self.add(
                cursor,
                State {
                    part: state.part + 1,
                    ..state
                },
            ),
            _ => false,
        }
    }
}

fn parse_glob(text: &str) -> Result<Box<[Part]>, BadGlob> {
    if text.is_empty() {
        return Err(BadGlob::Empty);
    }
    if text.starts_with('/') {
        return Err(BadGlob::Absolute);
    }
    let mut parts = text
        .split('/')
        .map(parse_component)
        .collect::<Result<Vec<_>, _>>()?;
    parts.dedup_by(|a, b| *a == Part::AnyDepth && *b == Part::AnyDepth);
    Ok(parts.into())
}

fn parse_component(component: &str) -> Result<Part, BadGlob> {
    match component {
        "**" => Ok(Part::AnyDepth),
        ".." => Err(BadGlob::Climbs),
        "" | "." => Err(BadGlob::NotPlain),
        _ if component.contains("**") => Err(BadGlob::PartialDepth),
        _ => Glob::new(component).map(Part::One),
    }
}

fn bad_glob(rule: usize, glob: &str, why: BadGlob) -> Failure {
    Failure::new(
        ErrorKind::Settings,
        format!("ownership rule {}: `{glob}` is not a glob: {why}", rule + 1),
    )
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
