//! Deciding the conflicts of a merge one by one.
//!
//! A decision chooses a side, or gives a text or a value of its own, for one conflict; those without a decision stay
//! open. The result is held to what a clean merge is held to: it parses, and it says exactly what the key-level merge
//! says, with the decided side at exactly the decided keys. That is checked without naming keys twice: taking one
//! conflict's other side must change what the file says in places of its own, all conflicts' places together must be all
//! in which the sides' merges differ, and the result must follow the decided side in exactly the decided places. Where
//! that cannot be shown, the decisions are refused and the file stays in conflict.

mod places;
mod target;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;

use super::chunk::{Chunks, Conflict};
use super::edit::{self, Edit};
use super::layout::Layout;
use super::value::{Data, Prefer};
use super::{Format, Known, Reader, normal};
use places::{Place, differences, followed};

/// What a conflict is decided to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Pick {
    /// The operator's side.
    Ours,
    /// The vendor's side.
    Theirs,
    /// A value for the key.
    Value(Value),
    /// Lines in the place of those in conflict.
    Lines(String),
}

/// What tells one conflict from every other: equal wherever the same conflict arises again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Case {
    /// The key; `None` for lines.
    pub key: Option<String>,
    /// Base, current, new in one form each; `None` where it is missing. Of several conflicts of a file that would be equal,
    /// base has the number from the second on.
    pub sides: [Option<String>; 3],
}

/// A merge whose conflicts wait for decisions.
#[derive(Debug)]
pub struct Undecided {
    format: Format,
    chunks: Chunks,
    /// A marker that the operator left, and the merged text with it: nothing can be decided then.
    left: Option<(Conflict, Vec<u8>)>,
    layout: Layout,
    known: Option<Known>,
    reads: Option<Reader>,
}

/// What the conflicts are about, in terms of what the file says.
struct Places {
    /// What the file says with every conflict taken as ours.
    ours: Data,
    theirs: Data,
    /// By conflict, the numbers of the differences between the two that are its own; `None` if they cannot be told.
    own: Option<Vec<Vec<usize>>>,
}

impl Undecided {
    pub(super) fn new(
        format: Format,
        chunks: Chunks,
        layout: Layout,
        known: Option<Known>,
        reads: Option<Reader>,
    ) -> Self {
        Self {
            format,
            chunks,
            left: None,
            layout,
            known,
            reads,
        }
    }

    pub(super) fn left(left: Conflict, text: Vec<u8>) -> Self {
        Self {
            format: Format::Text,
            chunks: Chunks::default(),
            left: Some((left, text)),
            layout: Layout::of([b"", b"", b""]),
            known: None,
            reads: None,
        }
    }

    /// The conflicts, in the order of the file.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.left
            .iter()
            .map(|(left, _)| left)
            .chain(self.chunks.conflicts())
    }

    /// The three texts, as far as they are known: with every conflict as base, current or new has it.
    pub fn sides(&self) -> [String; 3] {
        [0, 1, 2].map(|side| self.chunks.side(side))
    }

    /// The text with markers of that many characters around what is still open.
    pub fn marked(&self, picks: &[Option<Pick>], marker_size: usize) -> Vec<u8> {
        if let Some((_, text)) = &self.left {
            return text.clone();
        }
        let decided = self.chunks.decided(|number, conflict| {
            let pick = picks.get(number)?.as_ref()?;
            Some(Self::text(Some(pick), conflict).to_owned())
        });
        self.layout.restore_marked(&decided.marked(marker_size, "\n"))
    }

    /// What tells each conflict from every other, in their order. Empty if nothing can be decided.
    pub fn cases(&self) -> Vec<Case> {
        let places = self.places();
        let own = places.as_ref().and_then(|places| places.own.as_ref());
        let differing = places
            .as_ref()
            .map(|places| differences(&places.ours, &places.theirs));
        let said = |number: usize| {
            let own = own?.get(number).filter(|own| !own.is_empty())?;
            let said = own.iter().filter_map(|at| differing.as_ref()?.get(*at));
            let said = said.map(|one| {
                // Where an item stands in a list depends on the rest of the list.
                let names = one.place.iter().filter(|step| !step.starts_with('['));
                let names = names.map(String::as_str).collect::<Vec<_>>().join("\n");
                format!("{names}\n{}", one.first.map_or_else(String::new, normal::data))
            });
            Some(said.collect::<Vec<_>>().join("\n"))
        };
        let case = |(number, conflict): (usize, &Conflict)| self.case(conflict, said(number));
        let mut cases: Vec<Case> = self.chunks.conflicts().enumerate().map(case).collect();
        number_equal(&mut cases);
        cases
    }

    fn case(&self, conflict: &Conflict, said: Option<String>) -> Case {
        let [base, current, new] = &conflict.values;
        let plain = |text: &Option<String>| text.as_deref().map(normal::lines);
        let is_key = !conflict.path.is_empty();
        Case {
            key: is_key.then(|| conflict.path.clone()),
            sides: [
                // Lines that were found without base could stand anywhere.
                plain(base).or_else(|| (!is_key).then(|| normal::lines(&self.layout.texts[0]))),
                current
                    .as_ref()
                    .map(|text| said.unwrap_or_else(|| normal::lines(text))),
                plain(new),
            ],
        }
    }

    /// Decides conflicts, by their numbers; those without a pick stay open. Returns the file if none does.
    ///
    /// # Errors
    /// Why the picks cannot be combined. Never holds a value.
    pub fn settle(&self, picks: &[Option<Pick>]) -> Result<Option<Vec<u8>>, String> {
        if self.left.is_some() {
            return Err("the file holds the marker of an earlier conflict".to_owned());
        }
        if self.layout.bytes && !picks.iter().flatten().all(Pick::is_ascii) {
            return Err(edit::NOT_UTF8.to_owned());
        }
        let count = self.chunks.conflicts().count();
        let pick = |number: usize| picks.get(number).and_then(Option::as_ref);
        let sided = self.chunks.chosen(|number, conflict| {
            match pick(number).filter(|pick| !matches!(pick, Pick::Lines(_))) {
                picked @ Some(_) => Self::text(picked, conflict),
                None => Self::text(Some(&Pick::Ours), conflict),
            }
        });
        let custom: Vec<usize> = (0..count)
            .filter(|number| matches!(pick(*number), Some(Pick::Value(_) | Pick::Lines(_))))
            .collect();
        let places = self.judge(&sided, &pick, count)?;
        let text = self
            .chunks
            .chosen(|number, conflict| Self::text(pick(number).or(Some(&Pick::Ours)), conflict));
        let text = self.with_values(text, &pick, places.as_ref())?;
        if !custom.is_empty() {
            self.judge_custom(&sided, &text, &custom, places.as_ref())?;
        }
        let has_marker = |text: &str| {
            let is_marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
            text.lines().any(is_marker)
        };
        if has_marker(&text) && !self.layout.texts.iter().any(|side| has_marker(side)) {
            return Err("the result would hold conflict markers".to_owned());
        }
        let is_complete = (0..count).all(|number| pick(number).is_some());
        Ok(is_complete.then(|| self.layout.restore(&text)))
    }

    /// What stands in a conflict's place.
    fn text<'c>(pick: Option<&'c Pick>, conflict: &'c Conflict) -> &'c str {
        let [_, current, new] = &conflict.texts;
        match pick {
            None | Some(Pick::Ours) => current,
            Some(Pick::Theirs) => new,
            // The value is written into what is there.
            Some(Pick::Value(_)) if conflict.values[1].is_some() => current,
            Some(Pick::Value(_)) => new,
            Some(Pick::Lines(lines)) => lines,
        }
    }

    /// Checks that a text of sides alone says what it must.
    fn judge<'p>(
        &self,
        text: &str,
        pick: &dyn Fn(usize) -> Option<&'p Pick>,
        count: usize,
    ) -> Result<Option<Places>, String> {
        let Some(known) = &self.known else {
            return match self.reads {
                Some(reads) if reads(text).is_err() => Err(UNREADABLE.to_owned()),
                _ => Ok(None),
            };
        };
        let places = self.places().ok_or(AS_A_WHOLE)?;
        let read = known.read(text).ok_or(UNREADABLE)?;
        let Some(own) = &places.own else {
            let is_right = [&places.ours, &places.theirs].contains(&&read);
            return if is_right {
                Ok(Some(places))
            } else {
                Err(AS_A_WHOLE.to_owned())
            };
        };
        let takes_new = |number: &usize| match pick(*number) {
            Some(Pick::Theirs) => true,
            Some(Pick::Value(_)) => self
                .chunks
                .conflicts()
                .nth(*number)
                .is_some_and(|one| one.values[1].is_none()),
            _ => false,
        };
        let mut wanted: Vec<usize> = (0..count)
            .filter(takes_new)
            .filter_map(|number| own.get(number))
            .flatten()
            .copied()
            .collect();
        wanted.sort_unstable();
        let differing = differences(&places.ours, &places.theirs);
        match followed(&read, &places.ours, &differing) == Some(wanted) {
            true => Ok(Some(places)),
            false => Err("the result would not say what was decided".to_owned()),
        }
    }

    /// Checks that values and lines of one's own changed nothing but their conflicts.
    fn judge_custom(
        &self,
        sided: &str,
        text: &str,
        custom: &[usize],
        places: Option<&Places>,
    ) -> Result<(), String> {
        let Some(known) = &self.known else {
            return match self.reads {
                Some(reads) if reads(text).is_err() => Err(UNREADABLE.to_owned()),
                _ => Ok(()),
            };
        };
        let places = places.ok_or(AS_A_WHOLE)?;
        let own = custom.iter().map(|number| places.of(*number));
        let allowed: Vec<Vec<Place>> = own.collect::<Option<_>>().ok_or(AS_A_WHOLE)?;
        let (before, after) = (known.read(sided), known.read(text));
        let (before, after) = (before.ok_or(UNREADABLE)?, after.ok_or(UNREADABLE)?);
        let is_allowed = |place: &Place| allowed.iter().flatten().any(|one| place.starts_with(one));
        match differences(&before, &after)
            .iter()
            .all(|one| is_allowed(&one.place))
        {
            true => Ok(()),
            false => Err("more than what is in conflict would change".to_owned()),
        }
    }

    fn with_values<'p>(
        &self,
        text: String,
        pick: &dyn Fn(usize) -> Option<&'p Pick>,
        places: Option<&Places>,
    ) -> Result<String, String> {
        let mut edits = Vec::new();
        for (number, conflict) in self.chunks.conflicts().enumerate() {
            if let Some(Pick::Value(value)) = pick(number) {
                let places = places.ok_or(AS_A_WHOLE)?;
                let own = places.of(number).ok_or(AS_A_WHOLE)?;
                edits.push(Edit {
                    key: conflict.path.clone(),
                    path: target::way(&conflict.path, self.format, &places.ours, &own).ok_or(NO_KEY)?,
                    value: Some(value.clone()),
                });
            }
        }
        if edits.is_empty() {
            return Ok(text);
        }
        let edited = edit::ensure(text.as_bytes(), self.format, &edits)?;
        String::from_utf8(edited).map_err(|_| UNREADABLE.to_owned())
    }

    /// `None` if the sides of the conflicts do not add up to what the sides' merges say.
    fn places(&self) -> Option<Places> {
        let known = self.known.as_ref()?;
        let side = |side: usize, prefer: Prefer| {
            let said = known.read(&self.chunks.side(side))?;
            (known.wanted(prefer).ok()? == said).then_some(said)
        };
        let (ours, theirs) = (side(1, Prefer::Current)?, side(2, Prefer::New)?);
        let own = self.own_places(known, &ours, &theirs);
        Some(Places { ours, theirs, own })
    }

    fn own_places(&self, known: &Known, ours: &Data, theirs: &Data) -> Option<Vec<Vec<usize>>> {
        let count = self.chunks.conflicts().count();
        if count > MOST {
            return None;
        }
        let differing = differences(ours, theirs);
        let mut all = Vec::new();
        let mut own = Vec::with_capacity(count);
        for taken in 0..count {
            let text = self
                .chunks
                .chosen(|number, conflict| &conflict.texts[if number == taken { 2 } else { 1 }]);
            let found = followed(&known.read(&text)?, ours, &differing)?;
            all.extend(found.iter().copied());
            own.push(found);
        }
        all.sort_unstable();
        all.into_iter().eq(0..differing.len()).then_some(own)
    }
}

impl Places {
    /// Where the readings differ by one conflict.
    fn of(&self, number: usize) -> Option<Vec<Place>> {
        let differing = differences(&self.ours, &self.theirs);
        let own = self.own.as_ref()?.get(number)?.iter();
        Some(
            own.filter_map(|at| Some(differing.get(*at)?.place.clone()))
                .collect(),
        )
    }
}

impl Pick {
    fn is_ascii(&self) -> bool {
        match self {
            Self::Ours | Self::Theirs => true,
            Self::Value(value) => value.to_string().is_ascii(),
            Self::Lines(lines) => lines.is_ascii(),
        }
    }
}

/// Tells equal cases apart by their number. The first is what it would be without the others, and no text in one form has an
/// empty line.
fn number_equal(cases: &mut [Case]) {
    let mut before: HashMap<Case, usize> = HashMap::new();
    for case in cases {
        let count = before.entry(case.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let base = case.sides[0].get_or_insert_default();
            *base += &format!("\n\n{count}");
        }
    }
}

/// Of a file with more conflicts than this only all together can be decided: each costs a reading of the file.
const MOST: usize = 100;
const UNREADABLE: &str = "the result could not be read";
const AS_A_WHOLE: &str = "its conflicts hang together and can only be decided for the file as a whole";
const NO_KEY: &str = "what is in conflict is not one key that could be given a value";
