//! Names that stand several times in a list whose order means nothing else: the first stays the first.

use std::collections::HashMap;

use super::super::align::Slot;
use super::super::node::Order;
use super::unit::{self, Occurrence, Unit};

/// Puts what stands before an earlier one of its name right after that: their order is all that tells them apart.
pub(super) fn in_turn(order: Order, slots: Vec<Slot>, units: [&[Unit<'_>]; 3]) -> Vec<Slot> {
    if order != Order::Free {
        return slots;
    }
    let occurrences = units.map(unit::occurrences);
    let is_repeated =
        |side: &Vec<Option<Occurrence<'_>>>| side.iter().flatten().any(|(_, number)| *number > 0);
    if !occurrences.iter().any(is_repeated) {
        return slots;
    }
    let occurrence = |slot: &Slot| match slot {
        Slot::One(at) => (0..3).find_map(|side| *occurrences[side].get(at[side]?)?),
        Slot::Clash(_) => None,
    };
    let mut places: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
    for (place, slot) in slots.iter().enumerate() {
        if let Some((name, number)) = occurrence(slot) {
            places.entry(name).or_default().push((number, place));
        }
    }
    // By place: the place that it comes to, whether that is another's, and the number among those that come there.
    let mut keys: Vec<_> = (0..slots.len()).map(|place| (place, false, 0)).collect();
    for mut places in places.into_values() {
        places.sort_unstable();
        let mut last = 0;
        for (number, place) in places {
            last = last.max(place);
            keys[place] = (last, last != place, number);
        }
    }
    let mut slots: Vec<_> = keys.into_iter().zip(slots).collect();
    slots.sort_by_key(|(key, _)| *key);
    slots.into_iter().map(|(_, slot)| slot).collect()
}
