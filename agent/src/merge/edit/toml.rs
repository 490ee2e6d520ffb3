//! Keys in TOML.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

use super::{Edit, NO_ITEM, NO_MAP, NOT_PLAIN, Step};

pub(super) fn change(text: &str, edit: &Edit) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|_| "not TOML")?;
    let wanted = edit.value.as_ref().map(value).transpose()?;
    let (Step::Key(last), above) = edit.path.split_last().ok_or(NO_MAP)? else {
        return Err("a whole item of a list cannot be set".to_owned());
    };
    let Some(table) = descend(document.as_item_mut(), above, wanted.is_some())? else {
        return Ok(text.to_owned());
    };
    match (wanted, table.get_mut(last)) {
        (None, None) => return Ok(text.to_owned()),
        (None, Some(_)) => {
            table.remove(last);
        }
        (Some(wanted), Some(found)) if same(found, &wanted) => return Ok(text.to_owned()),
        (Some(mut wanted), Some(Item::Value(found))) => {
            // The comment behind the old value belongs to the line.
            *wanted.decor_mut() = found.decor().clone();
            *found = wanted;
        }
        (Some(wanted), _) => {
            table.insert(last, Item::Value(wanted));
        }
    }
    Ok(document.to_string())
}

/// The table at the end of a path. Tables that are missing are made, if anything is to be set in them.
fn descend<'d>(
    item: &'d mut Item,
    path: &[Step],
    make: bool,
) -> Result<Option<&'d mut dyn TableLike>, String> {
    let Some((step, rest)) = path.split_first() else {
        return item
            .as_table_like_mut()
            .map(Some)
            .ok_or_else(|| NO_MAP.to_owned());
    };
    let below = match step {
        Step::Key(key) => {
            let table = item.as_table_like_mut().ok_or(NO_MAP)?;
            if table.get(key).is_none_or(Item::is_none) {
                if !make {
                    return Ok(None);
                }
                let mut made = Table::new();
                // Only its innermost table gets a header.
                made.set_implicit(rest.iter().any(|step| matches!(step, Step::Key(_))));
                table.insert(key, Item::Table(made));
            }
            table.get_mut(key).ok_or(NO_MAP)?
        }
        Step::At(at) => item.get_mut(*at).ok_or(NO_ITEM)?,
        Step::With(key, wanted) => {
            let at = position(item, key, wanted).ok_or(NO_ITEM)?;
            item.get_mut(at).ok_or(NO_ITEM)?
        }
    };
    descend(below, rest, make)
}

fn position(item: &Item, key: &str, wanted: &str) -> Option<usize> {
    let is_wanted = |table: &dyn TableLike| table.get(key).is_some_and(|found| shown(found) == wanted);
    match item {
        Item::ArrayOfTables(tables) => tables.iter().position(|table| is_wanted(table)),
        Item::Value(toml_edit::Value::Array(items)) => items
            .iter()
            .position(|item| item.as_inline_table().is_some_and(|table| is_wanted(table))),
        _ => None,
    }
}

/// A plain value as a person writes it in a path.
fn shown(item: &Item) -> String {
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => text.value().clone(),
        Some(other) => {
            let mut bare = other.clone();
            bare.decor_mut().clear();
            bare.to_string()
        }
        None => String::new(),
    }
}

fn value(wanted: &Value) -> Result<toml_edit::Value, String> {
    Ok(match wanted {
        Value::Null => return Err(NOT_PLAIN.to_owned()),
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(float)) => float.into(),
            (None, None) => return Err("a number that TOML cannot hold".to_owned()),
        },
        Value::Array(list) => list.iter().map(value).collect::<Result<Array, _>>()?.into(),
        Value::Object(map) => map
            .iter()
            .map(|(key, wanted)| Ok((key.clone(), value(wanted)?)))
            .collect::<Result<InlineTable, String>>()?
            .into(),
    })
}

/// Whether both mean the same, however they are written.
fn same(found: &Item, wanted: &toml_edit::Value) -> bool {
    use toml_edit::Value as V;
    match (found, wanted) {
        (Item::Value(V::String(a)), V::String(b)) => a.value() == b.value(),
        (Item::Value(V::Integer(a)), V::Integer(b)) => a.value() == b.value(),
        (Item::Value(V::Float(a)), V::Float(b)) => a.value().to_bits() == b.value().to_bits(),
        (Item::Value(V::Boolean(a)), V::Boolean(b)) => a.value() == b.value(),
        (Item::Value(V::Array(a)), V::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&Item::Value(a.clone()), b))
        }
        (found, V::InlineTable(b)) => found.as_table_like().is_some_and(|a| {
            let all = b
                .iter()
                .all(|(key, wanted)| a.get(key).is_some_and(|found| same(found, wanted)));
            a.iter().filter(|(_, item)| !item.is_none()).count() == b.len() && all
        }),
        _ => false,
    }
}
