//! Comment lines that both sides wrote anew in the same place, in nearly the same words: two versions of one line.

use super::super::align::{self, Slot};
use super::super::similar;
use super::unit::Unit;

/// Shorter lines say too little to be told apart.
const SHORTEST: usize = 12;
/// How many lines of one place are looked at.
const MOST: usize = 100;
/// How many slots a list has at most whose lines are looked at.
const MOST_SLOTS: usize = 20_000;

/// Gives lines of the vendor's and the operator's that are versions of one line one slot.
pub(super) fn unite(slots: Vec<Slot>, units: [&[Unit<'_>]; 3]) -> Vec<Slot> {
    if slots.len() > MOST_SLOTS {
        return slots;
    }
    let mut slots: Vec<Option<Slot>> = slots.into_iter().map(Some).collect();
    let line = |slot: &Option<Slot>, side: usize| added_line(slot.as_ref()?, units, side);
    let is_added = |slot: &Option<Slot>| line(slot, 1).or(line(slot, 2)).is_some();
    let mut at = 0;
    while at < slots.len() {
        let run = slots[at..].iter().take_while(|slot| is_added(slot)).count();
        if (2..=MOST).contains(&run) {
            for (mine, its) in pairs(&slots[at..at + run], line) {
                unite_two(&mut slots, at + mine, at + its);
            }
        }
        at += run.max(1);
    }
    slots.into_iter().flatten().collect()
}

/// The words of a comment line that only this side has.
fn added_line<'a>(slot: &Slot, units: [&[Unit<'a>]; 3], side: usize) -> Option<&'a str> {
    let Slot::One(at) = slot else {
        return None;
    };
    let mut places = [None; 3];
    places[side] = at[side];
    let unit = align::pick(units, at)[side].filter(|unit| unit.view.is_none())?;
    (*at == places).then_some(unit.lead.trim())
}

fn pairs<'a>(
    run: &[Option<Slot>],
    line: impl Fn(&Option<Slot>, usize) -> Option<&'a str>,
) -> Vec<(usize, usize)> {
    let lines = |side: usize| {
        let numbered = run.iter().enumerate();
        numbered
            .filter_map(|(number, slot)| Some((number, line(slot, side)?)))
            .collect::<Vec<_>>()
    };
    let (mut mine, its) = (lines(1), lines(2));
    let mut pairs = Vec::new();
    for (number, text) in its {
        let is_version = |(_, other): &(usize, &str)| is_version(text, other);
        if let Some(found) = mine.iter().position(is_version) {
            pairs.push((mine[found].0, number));
            mine.drain(..=found);
        }
    }
    pairs
}

fn is_version(a: &str, b: &str) -> bool {
    let long = a.len().min(b.len()) >= SHORTEST;
    long && similar::is_version(a, b)
}

fn unite_two(slots: &mut [Option<Slot>], mine: usize, its: usize) {
    if let (Some(Slot::One([_, current, _])), Some(Slot::One([_, _, new]))) = (&slots[mine], &slots[its]) {
        slots[mine] = Some(Slot::One([None, *current, *new]));
        slots[its] = None;
    }
}
