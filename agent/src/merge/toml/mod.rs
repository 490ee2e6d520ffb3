//! TOML, read into the [tree of spans](super::node).
//!
//! The root is made of the file's head (a licence, blank lines), the keys before the first table, and the tables. Tables
//! are siblings by their full path, wherever they stand; the elements of an array of tables are a list of their own, and
//! each holds the sub-tables that follow it. Comments and blank lines above a key or a table belong to it; comments right
//! below a table's last key belong to that table.

mod data;
mod reader;
mod scalar;
mod strict;
mod tables;

use super::ParseError;
use super::node::{Key, Node, Part};
use reader::Reader;

pub use data::data;

/// Reads a document.
///
/// # Errors
/// If the text is not TOML, nests too deeply, or has the same key or table twice in one place.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    let mut reader = Reader::new(text)?;
    let head = reader.head();
    let keys = reader.keys("")?;
    let mut sections = Vec::new();
    while let Some(section) = reader.section()? {
        sections.push(section);
    }
    let mut tables = tables::nest(sections)?;
    tables.close = reader.rest();
    let parts = vec![Part::Syntax(head), Part::List(keys), Part::List(tables)];
    Ok(reader::node(Key::Named(String::new()), String::new(), parts))
}

/// Whether a document keeps to TOML 1.0, as far as it is about inline tables.
pub fn is_strict(text: &str) -> bool {
    parse(text).is_ok_and(|root| strict::is_strict(&root))
}

#[cfg(test)]
mod tests;
