//! XML: elements, attributes and text as a tree of spans. Entities that a document declares itself are never expanded: such
//! a document is merged by lines.

mod data;
pub(crate) mod guard;
mod ids;
mod matching;
mod names;
mod order;
mod place;
mod read;
mod shape;
mod tag;
mod text;

pub use data::{data, element};
pub use names::{name_data, name_nodes};

use super::ParseError;
use super::node::Node;

/// What a person and the merge call a text between tags.
const TEXT: &str = "#text";

/// Reads a document. Its elements are only known by their tags until [`name_nodes`] has seen all three sides.
///
/// # Errors
/// [`ParseError`] if it is not well-formed or not of a kind that is merged by its structure.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    guard::check(text)?;
    read::document(text)
}
