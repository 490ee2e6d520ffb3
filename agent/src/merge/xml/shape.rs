//! What elements are recognised by.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::super::value::{Data, Item};
use super::{TEXT, data};

/// An element, a text or an instruction, as far as it can be recognised by.
#[derive(Debug)]
pub struct Shape<'a> {
    /// The element's name; [`TEXT`] or an instruction's target.
    pub tag: &'a str,
    /// Attributes with their values.
    pub attributes: Vec<(&'a str, &'a str)>,
    /// The text, where it has nothing but text.
    pub text: Option<&'a str>,
    /// Its content otherwise.
    pub children: Vec<Shape<'a>>,
    /// Equal for what says the same. What says something else has another but by a chance that no file can bring about:
    /// then an element is not found again.
    pub content: u64,
    /// How many values it holds: attributes and texts.
    pub size: usize,
}

/// Makes shapes that can be compared with each other.
#[derive(Debug, Default)]
pub struct Shapes {
    state: RandomState,
    /// How many values have been compared.
    compared: Cell<usize>,
}

/// How much of what two elements say is in both, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Likeness {
    /// Of what the larger one says.
    pub of_larger: usize,
    /// Of what the smaller one says.
    pub of_smaller: usize,
}

/// How alike two elements must be to be the same one, in thousandths.
pub const ALIKE: usize = 500;
/// How many values are compared in a merge, at most: then all are unlike.
const COMPARED: usize = 5_000_000;

impl Shapes {
    fn make<'a>(
        &self,
        tag: &'a str,
        attributes: Vec<(&'a str, &'a str)>,
        text: Option<&'a str>,
        children: Vec<Shape<'a>>,
    ) -> Shape<'a> {
        let mut sorted = attributes.clone();
        sorted.sort_unstable();
        let mut hasher = self.state.build_hasher();
        (tag, sorted, text).hash(&mut hasher);
        children.iter().for_each(|child| child.content.hash(&mut hasher));
        let content = hasher.finish();
        let of_children: usize = children.iter().map(|child| child.size).sum();
        let size = attributes.len() + usize::from(text.is_some()) + of_children;
        Shape {
            tag,
            attributes,
            text,
            children,
            content,
            size,
        }
    }

    /// How alike two elements are.
    pub fn likeness(&self, a: &Shape<'_>, b: &Shape<'_>) -> Likeness {
        let compared = self.compared.get() + a.size + b.size;
        self.compared.set(compared);
        if compared > COMPARED {
            return Likeness::default();
        }
        let (mine, its) = (a.all_values(), b.all_values());
        let mut rest = its.as_slice();
        let mut common = 0;
        for value in &mine {
            rest = &rest[rest.partition_point(|other| other < value)..];
            if let Some((first, after)) = rest.split_first()
                && first == value
            {
                common += 1;
                rest = after;
            }
        }
        let share = |whole: usize| 1000 * common / whole.max(1);
        Likeness {
            of_larger: share(mine.len().max(its.len())),
            of_smaller: share(mine.len().min(its.len())),
        }
    }

    /// A piece of an element's content in plain data.
    pub fn of<'a>(&self, item: &'a Item) -> Shape<'a> {
        match data::element(&item.data) {
            Some((tag, attributes, content)) => {
                let scalar = |(name, value): (&'a String, &'a Data)| match value {
                    Data::Scalar(value) => Some((name.as_str(), value.as_str())),
                    _ => None,
                };
                let attributes = attributes.iter().filter_map(scalar).collect();
                match content {
                    [
                        Item {
                            data: Data::Scalar(text),
                            ..
                        },
                    ] => self.make(tag, attributes, Some(text), Vec::new()),
                    _ => {
                        let children = content.iter().map(|item| self.of(item)).collect();
                        self.make(tag, attributes, None, children)
                    }
                }
            }
            None => {
                let (tag, text) = data::text(&item.data);
                self.make(tag, Vec::new(), Some(text), Vec::new())
            }
        }
    }
}

impl<'a> Shape<'a> {
    /// Everything it says, sorted.
    fn all_values(&self) -> Vec<(&'a str, &'a str, &'a str)> {
        let mut values = Vec::with_capacity(self.size);
        self.values("", &mut values);
        values.sort_unstable();
        values
    }

    fn values(&self, tag: &'a str, out: &mut Vec<(&'a str, &'a str, &'a str)>) {
        out.extend(self.attributes.iter().map(|(name, value)| (tag, *name, *value)));
        out.extend(self.text.map(|text| (tag, TEXT, text)));
        self.children
            .iter()
            .for_each(|child| child.values(if child.tag == TEXT { tag } else { child.tag }, out));
    }
}
