//! Which key a value goes to. What a conflict is called does not tell: a name may hold what separates names, items are
//! numbered as one side has them, and elements are called by their ids. Where the sides' readings differ does.

use super::super::edit::{Edit, Step};
use super::super::value::{Data, Item};
use super::super::{Format, xml};
use super::places::{Place, number};

/// The way to the key that a conflict is called by. `places` is what is in conflict of a reading; `None` if that is not in
/// one key of that name.
pub(super) fn way(name: &str, format: Format, reading: &Data, places: &[Place]) -> Option<Vec<Step>> {
    let key = |name: &str| Step::Key(name.to_owned());
    match format {
        Format::Properties => Some(vec![key(name)]),
        Format::Ini => {
            let section = name.strip_prefix('[').and_then(|rest| rest.split_once("] "));
            Some(section.map_or_else(
                || vec![key(name)],
                |(section, name)| vec![key(section), key(name)],
            ))
        }
        Format::Xml => element(name, reading, common(places)).or_else(|| removed(name)),
        _ => {
            let mut steps = steps(reading, common(places))?;
            if format == Format::Yaml {
                // Which document it is.
                steps.drain(..steps.len().min(2));
            }
            let depth = (1..=steps.len()).rfind(|depth| is_called(name, &steps[..*depth]))?;
            steps.truncate(depth);
            Some(steps)
        }
    }
}

/// What all places begin with.
fn common(places: &[Place]) -> &[String] {
    let Some((first, others)) = places.split_first() else {
        return &[];
    };
    let shared = |other: &Place| first.iter().zip(other.iter()).take_while(|(a, b)| a == b).count();
    let length = others.iter().map(shared).min().unwrap_or(first.len());
    &first[..length]
}

fn steps(reading: &Data, place: &[String]) -> Option<Vec<Step>> {
    let mut steps = Vec::with_capacity(place.len());
    let mut data = Some(reading);
    for step in place {
        data = match data? {
            Data::Map(map) => {
                steps.push(Step::Key(step.clone()));
                map.get(step)
            }
            Data::List(items) => {
                let at = number(step)?;
                steps.push(Step::At(at));
                items.get(at).map(|item| &item.data)
            }
            Data::Scalar(_) => return None,
        };
    }
    Some(steps)
}

/// Whether a name is that of these steps, whatever the numbers in it: `a.b`, `a."b.c"`, `a[0].b`.
fn is_called(name: &str, steps: &[Step]) -> bool {
    let mut rest = Some(name);
    for (depth, step) in steps.iter().enumerate() {
        rest = rest.and_then(|rest| match step {
            Step::Key(key) => {
                let rest = if depth > 0 { rest.strip_prefix('.')? } else { rest };
                let quoted = format!("{key:?}");
                let written = [key, &quoted].into_iter();
                written.filter_map(|key| rest.strip_prefix(key.as_str())).next()
            }
            Step::At(_) | Step::With(..) => {
                let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
                number.bytes().all(|byte| byte.is_ascii_digit()).then_some(rest)
            }
        });
    }
    rest == Some("")
}

/// An attribute, or an element with a text, by its place among those of its tag.
fn element(name: &str, reading: &Data, place: &[String]) -> Option<Vec<Step>> {
    let Data::List(items) = reading else { return None };
    let mut items: &[Item] = items;
    let mut steps = Vec::new();
    let mut last = String::new();
    let mut place = place.iter();
    while let Some(step) = place.next() {
        let at = number(step)?;
        let Some((tag, _, content)) = xml::element(&items.get(at)?.data) else {
            break;
        };
        let is_alike = |item: &&Item| xml::element(&item.data).is_some_and(|(other, ..)| other == tag);
        steps.push(Step::Key(tag.to_owned()));
        if items.iter().filter(is_alike).count() > 1 {
            steps.push(Step::At(items[..at].iter().filter(is_alike).count()));
        }
        last = format!("/{tag}");
        match place.next().and_then(|part| number(part))? {
            1 => {
                let attribute = format!("@{}", place.next()?);
                let is_it = name.ends_with(&format!("/{attribute}"));
                steps.push(Step::Key(attribute));
                return is_it.then_some(steps);
            }
            2 => items = content,
            _ => return None,
        }
    }
    let is_it = name.ends_with(&last) || (name.ends_with(']') && name.contains(&format!("{last}[")));
    is_it.then_some(steps)
}

/// An element that a side removed, so that the readings differ in what holds it. Where it would take a number or an id to
/// tell it from others nothing says which it is.
fn removed(name: &str) -> Option<Vec<Step>> {
    let name = name.strip_prefix('/').filter(|name| !name.contains(['[', ',']))?;
    Edit::new(name, None, Format::Xml).ok().map(|edit| edit.path)
}
