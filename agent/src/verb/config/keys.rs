//! The values of named keys: texts in them are templates.

use serde_json::Value;

use crate::api::{ErrorKind, Failure, Result};

/// What fills in a template, by its name.
pub(super) type Fill<'a> = dyn Fn(&str) -> Result<Value> + 'a;

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|sign| text.contains(sign))
}

/// Shows every template in a value with its name, which says where it stands.
///
/// # Errors
/// A secret stands there by reference; or as `add`.
pub(super) fn templates(
    name: &str,
    value: &Value,
    add: &mut dyn FnMut(String, &str) -> Result<()>,
) -> Result<()> {
    match value {
        Value::String(text) if is_template(text) => add(name.to_owned(), text),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| templates(&format!("{name}[{at}]"), item, add)),
        Value::Object(map) if map.len() == 1 && map.contains_key("secret") => {
            let message =
                format!("{name}: a secret belongs to the values; refer to it as `{{{{ its.name }}}}`");
            Err(Failure::new(ErrorKind::Settings, message))
        }
        Value::Object(map) => map
            .iter()
            .try_for_each(|(key, below)| templates(&format!("{name}.{key}"), below, add)),
        _ => Ok(()),
    }
}

/// The value with its templates filled in; names are those of [`templates`].
///
/// # Errors
/// As `fill`.
pub(super) fn filled(name: &str, value: &Value, fill: &Fill<'_>) -> Result<Value> {
    Ok(match value {
        Value::String(text) if is_template(text) => fill(name)?,
        Value::Array(list) => {
            let items = list.iter().enumerate();
            let items = items.map(|(at, item)| filled(&format!("{name}[{at}]"), item, fill));
            Value::Array(items.collect::<Result<_>>()?)
        }
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, below)| Ok((key.clone(), filled(&format!("{name}.{key}"), below, fill)?)));
            Value::Object(pairs.collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}
