//! Children that are known one by one, wherever they stand.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::super::node::Order;
use super::{At, BLANK, Slot, Token, matches};

/// Children that are known one by one. The side that did not reorder gives way; what only one side has comes after its
/// predecessor there. Where both sides have additions, the vendor's come first, so that they stay where the vendor has
/// them; among children with and without a name the operator's do, also after what the operator removed.
pub(super) fn one_by_one(order: Order, sides: [&[Token]; 3]) -> Vec<Slot> {
    let is_loose = order == Order::Loose;
    let identities = identities(sides);
    let [base, current, new] = &identities;
    let mut places: HashMap<u32, At> = HashMap::new();
    for (side, list) in identities.iter().enumerate() {
        for (at, id) in list.iter().enumerate() {
            places.entry(*id).or_default()[side] = Some(at);
        }
    }
    let anchors = |side: &[u32]| {
        if is_loose {
            interleave(side, base, true)
        } else {
            side.to_vec()
        }
    };
    let merged = if reorders(base, new) && !reorders(base, current) {
        interleave(&anchors(new), current, is_loose)
    } else {
        interleave(&anchors(current), new, !is_loose)
    };
    let slot = |id: u32| Slot::One(places.get(&id).copied().unwrap_or_default());
    let slots = merged.into_iter().map(slot).collect();
    match order {
        Order::Kept => without_clashing_additions(sides, slots),
        Order::Free | Order::Loose => slots,
    }
}

fn reorders(a: &[u32], b: &[u32]) -> bool {
    let place: HashMap<u32, usize> = a.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let places = b.iter().filter_map(|id| place.get(id));
    !places.is_sorted()
}

/// `main` with what only `other` has, each after what it follows there; `first` says that it also comes before what only
/// `main` has in that place.
fn interleave(main: &[u32], other: &[u32], first: bool) -> Vec<u32> {
    let in_main: HashMap<u32, usize> = main.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let in_other: HashSet<u32> = other.iter().copied().collect();
    // Runs of additions by the place in `main` that they follow.
    let mut runs: HashMap<Option<usize>, Vec<u32>> = HashMap::new();
    let mut after = None;
    for id in other {
        match in_main.get(id) {
            Some(at) => after = Some(*at),
            None => runs.entry(after).or_default().push(*id),
        }
    }
    let mut merged = Vec::with_capacity(main.len() + other.len());
    let mut waiting = runs.remove(&None).unwrap_or_default();
    for (at, id) in main.iter().enumerate() {
        if first || in_other.contains(id) {
            merged.append(&mut waiting);
        }
        merged.push(*id);
        waiting.extend(runs.remove(&Some(at)).unwrap_or_default());
    }
    merged.append(&mut waiting);
    merged
}

/// Numbers for children: by name, else by content and where a diff finds them again.
fn identities(sides: [&[Token]; 3]) -> [Vec<u32>; 3] {
    let mut numbers = Numbers::default();
    let mut found = sides.map(|side| side.iter().map(|token| numbers.named(token)).collect::<Vec<_>>());
    for (to, earlier) in [(0, &[][..]), (1, &[0]), (2, &[0, 1])] {
        let mut taken: HashSet<u32> = found[to].iter().flatten().copied().collect();
        for from in earlier {
            let mut pairs = matches(sides[*from], sides[to]);
            if *from == 1 {
                pairs = without_stray_blanks(pairs, sides[1]);
            }
            for (a, b) in pairs {
                let number = found[*from][a];
                if found[to][b].is_none() && number.is_some_and(|number| taken.insert(number)) {
                    found[to][b] = number;
                }
            }
        }
        for number in &mut found[to] {
            number.get_or_insert_with(|| numbers.fresh());
        }
    }
    found.map(|side| side.into_iter().flatten().collect())
}

/// Without the blank lines that two additions have in common by chance.
fn without_stray_blanks(pairs: Vec<(usize, usize)>, side: &[Token]) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> = Vec::with_capacity(pairs.len());
    for (a, b) in pairs.into_iter().rev() {
        let is_blank = side.get(a) == Some(&Token::Content(BLANK));
        if !is_blank || kept.last() == Some(&(a + 1, b + 1)) {
            kept.push((a, b));
        }
    }
    kept
}

#[derive(Default)]
struct Numbers {
    names: HashMap<Token, u32>,
    next: u32,
}

impl Numbers {
    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn named(&mut self, token: &Token) -> Option<u32> {
        if let Token::Content(_) = token {
            return None;
        }
        if let Some(number) = self.names.get(token) {
            return Some(*number);
        }
        let number = self.fresh();
        self.names.insert(*token, number);
        Some(number)
    }
}

/// Where order means something and both sides added something in the same place, nothing says what comes first. What a side
/// removed keeps nothing apart: where it stood among the other side's is no place in the result.
fn without_clashing_additions(sides: [&[Token]; 3], slots: Vec<Slot>) -> Vec<Slot> {
    let is_passing = |slot: &Slot| !matches!(slot, Slot::One([_, Some(_), Some(_)]));
    let mut out: Vec<Slot> = Vec::with_capacity(slots.len());
    let mut slots = slots.into_iter().peekable();
    while let Some(slot) = slots.next() {
        let mut run = vec![slot];
        if is_passing(&run[0]) {
            run.extend(std::iter::from_fn(|| slots.next_if(is_passing)));
        }
        let (added, removed): (Vec<Slot>, Vec<Slot>) = run
            .iter()
            .cloned()
            .partition(|slot| matches!(slot, Slot::One([None, ..])));
        let is_added = |side: usize| added.iter().any(|slot| place(slot, side).is_some());
        if !is_passing(&run[0]) || !is_added(1) || !is_added(2) {
            out.append(&mut run);
        } else if let Some(ranges) = ranges(&added) {
            out.extend(removed);
            out.push(Slot::Clash(ranges));
        } else if let Some(ranges) = ranges(&run) {
            out.push(Slot::Clash(ranges));
        } else {
            return vec![Slot::Clash(sides.map(|side| 0..side.len()))];
        }
    }
    out
}

fn place(slot: &Slot, side: usize) -> Option<usize> {
    match slot {
        Slot::One(at) => at[side],
        Slot::Clash(_) => None,
    }
}

/// Where slots stand on each side, if nothing else stands between them.
fn ranges(slots: &[Slot]) -> Option<[Range<usize>; 3]> {
    let range = |side: usize| {
        let places: Vec<usize> = slots.iter().filter_map(|slot| place(slot, side)).collect();
        let (first, last) = (places.iter().min(), places.iter().max());
        let range = first.zip(last).map_or(0..0, |(first, last)| *first..*last + 1);
        (range.len() == places.len()).then_some(range)
    };
    Some([range(0)?, range(1)?, range(2)?])
}
