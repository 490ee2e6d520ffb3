//! What a TOML file says, read by `toml_edit`: the referee of what [`parse`](super::parse) led to.

use toml_edit::{Document, Item, TableLike, Value};

use crate::merge::ParseError;
use crate::merge::value::Data;

/// Reads a document's data.
///
/// # Errors
///
/// If it is not valid TOML.
pub fn data(text: &str) -> Result<Data, ParseError> {
    // The line ends in a multi-line string are those of its file.
    let text = text.replace("\r\n", "\n");
    let document = Document::parse(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        ParseError::new(at, "not TOML")
    })?;
    Ok(table(document.as_table()))
}

fn table(table: &dyn TableLike) -> Data {
    let pair = |(key, item): (&str, &Item)| (key.to_owned(), self::item(item));
    Data::Map(table.iter().map(pair).collect())
}

fn item(item: &Item) -> Data {
    match item {
        Item::None => Data::empty(),
        Item::Value(value) => self::value(value),
        Item::Table(table) => self::table(table),
        Item::ArrayOfTables(tables) => {
            Data::List(tables.iter().map(|table| self::table(table).into()).collect())
        }
    }
}

fn value(value: &Value) -> Data {
    match value {
        Value::String(text) => Data::scalar("string", text.value()),
        Value::Integer(number) => Data::scalar("integer", number.value()),
        Value::Float(number) => Data::scalar("float", format_args!("{:?}", number.value())),
        Value::Boolean(flag) => Data::scalar("boolean", flag.value()),
        Value::Datetime(time) => Data::scalar("datetime", time.value()),
        Value::Array(items) => Data::List(items.iter().map(|item| self::value(item).into()).collect()),
        Value::InlineTable(table) => self::table(table),
    }
}
