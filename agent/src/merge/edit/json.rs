//! Keys in JSON, comments tolerated.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstRootNode};
use serde_json::Value;

use super::{Edit, NO_ITEM, NO_MAP, Step};

pub(super) fn change(text: &str, edit: &Edit) -> Result<String, String> {
    let root = CstRootNode::parse(text, &ParseOptions::default()).map_err(|_| "not JSON")?;
    let top = root.value().ok_or("the file is empty")?;
    let (last, above) = edit.path.split_last().ok_or(NO_MAP)?;
    let mut node = top;
    for step in above {
        node = match child(&node, step)? {
            Some(found) => found,
            None if edit.value.is_none() => return Ok(text.to_owned()),
            None => add_map(&node, step)?,
        };
    }
    let found = child(&node, last)?;
    match (&edit.value, found, last) {
        (None, None, _) => return Ok(text.to_owned()),
        (None, Some(found), _) => remove(found),
        (Some(value), Some(found), _) if found.to_serde_value().as_ref() == Some(value) => {
            return Ok(text.to_owned());
        }
        (Some(value), Some(found), _) => replace(found, input(value)),
        (Some(value), None, Step::Key(key)) => {
            node.as_object().ok_or(NO_MAP)?.append(key, input(value));
        }
        (Some(_), None, _) => return Err(NO_ITEM.to_owned()),
    }
    Ok(root.to_string())
}

fn child(node: &CstNode, step: &Step) -> Result<Option<CstNode>, String> {
    match step {
        Step::Key(key) => {
            let object = node.as_object().ok_or(NO_MAP)?;
            Ok(object.get(key).and_then(|property| property.value()))
        }
        Step::At(at) => {
            let array = node.as_array().ok_or(NO_ITEM)?;
            Ok(Some(array.elements().into_iter().nth(*at).ok_or(NO_ITEM)?))
        }
        Step::With(key, wanted) => {
            let array = node.as_array().ok_or(NO_ITEM)?;
            let is_wanted = |element: &CstNode| {
                let value = element
                    .as_object()
                    .and_then(|object| object.get(key)?.value()?.to_serde_value());
                value.as_ref().and_then(super::plain).as_ref() == Some(wanted)
            };
            Ok(Some(array.elements().into_iter().find(is_wanted).ok_or(NO_ITEM)?))
        }
    }
}

fn add_map(node: &CstNode, step: &Step) -> Result<CstNode, String> {
    let Step::Key(key) = step else {
        return Err(NO_ITEM.to_owned());
    };
    let object = node.as_object().ok_or(NO_MAP)?;
    let property = object.append(key, CstInputValue::Object(Vec::new()));
    property.value().ok_or_else(|| NO_MAP.to_owned())
}

fn remove(found: CstNode) {
    match found.parent().and_then(|parent| parent.as_object_prop()) {
        Some(property) => property.remove(),
        None => found.remove(),
    }
}

fn replace(found: CstNode, value: CstInputValue) {
    if let Some(property) = found.parent().and_then(|parent| parent.as_object_prop()) {
        property.set_value(value);
    } else if let Some(array) = found.parent().and_then(|parent| parent.as_array()) {
        let at = found.element_index();
        found.remove();
        array.insert(at.unwrap_or_default(), value);
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(truth) => CstInputValue::Bool(*truth),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Value::Object(map) => CstInputValue::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), input(value)))
                .collect(),
        ),
    }
}
