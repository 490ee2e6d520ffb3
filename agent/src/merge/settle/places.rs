//! Where two readings of a file differ, and which of the two a third one follows there.

use super::super::value::Data;

/// From the root to a value: keys, and places in lists.
pub(super) type Place = Vec<String>;

/// One place in which two readings differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference<'d> {
    pub place: Place,
    /// What the first says there.
    pub first: Option<&'d Data>,
    /// What the second says there.
    pub second: Option<&'d Data>,
}

/// The smallest places in which two readings differ.
pub(super) fn differences<'d>(first: &'d Data, second: &'d Data) -> Vec<Difference<'d>> {
    let mut out = Vec::new();
    walk(
        Some(first),
        Some(second),
        &mut Vec::new(),
        &mut |place, first, second| {
            out.push(Difference {
                place: place.clone(),
                first,
                second,
            });
        },
    );
    out
}

type Visit<'v, 'd> = &'v mut dyn FnMut(&Place, Option<&'d Data>, Option<&'d Data>);

fn walk<'d>(first: Option<&'d Data>, second: Option<&'d Data>, place: &mut Place, visit: Visit<'_, 'd>) {
    if first == second {
        return;
    }
    match (first, second) {
        (Some(Data::Map(a)), Some(Data::Map(b))) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                place.push(key.clone());
                walk(a.get(key), b.get(key), place, visit);
                place.pop();
            }
        }
        (Some(Data::List(a)), Some(Data::List(b))) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                place.push(format!("[{number}]"));
                walk(Some(&a.data), Some(&b.data), place, visit);
                place.pop();
            }
        }
        _ => visit(place, first, second),
    }
}

/// In which of the places, by number, a reading follows the second; `None` if it follows neither anywhere.
pub(super) fn followed(reading: &Data, first: &Data, differences: &[Difference<'_>]) -> Option<Vec<usize>> {
    let mut seconds = Vec::new();
    let mut is_explained = true;
    walk(Some(first), Some(reading), &mut Vec::new(), &mut |place, _, _| {
        is_explained &= differences.iter().any(|one| place.starts_with(&one.place));
    });
    for (number, one) in differences.iter().enumerate() {
        let found = at(reading, &one.place);
        if found == one.second {
            seconds.push(number);
        } else if found != one.first {
            is_explained = false;
        }
    }
    is_explained.then_some(seconds)
}

/// What a reading says at a place.
fn at<'d>(data: &'d Data, place: &[String]) -> Option<&'d Data> {
    place.iter().try_fold(data, |data, step| match data {
        Data::Map(map) => map.get(step),
        Data::List(list) => list.get(number(step)?).map(|item| &item.data),
        Data::Scalar(_) => None,
    })
}

/// The place in a list that a step is.
pub(super) fn number(step: &str) -> Option<usize> {
    step.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
