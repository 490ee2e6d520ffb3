//! From what a person gave to what a file shall hold.

use serde_json::Value;

use crate::memory::Decision;
use crate::merge::Format;
use crate::merge::chunk::Conflict;
use crate::merge::settle::Pick;
use crate::model::RelPath;

/// A decision about one conflict of a text; `None` if it is none of that kind.
pub(super) fn pick(decision: &Decision, conflict: &Conflict, path: &RelPath) -> Option<Pick> {
    match decision {
        Decision::Ours => Some(Pick::Ours),
        Decision::Theirs => Some(Pick::Theirs),
        Decision::Value { value } if conflict.path.is_empty() => Some(Pick::Lines(whole_lines(value))),
        Decision::Value { value } => Some(Pick::Value(typed(value, conflict, path))),
        Decision::Final { .. } | Decision::Deleted => None,
    }
}

fn whole_lines(text: &str) -> String {
    match text.is_empty() || text.ends_with('\n') {
        true => text.to_owned(),
        false => format!("{text}\n"),
    }
}

/// A value with its type: what reads as JSON is that, anything else is text. Where both sides have a quoted text, so has
/// the result.
fn typed(value: &str, conflict: &Conflict, path: &RelPath) -> Value {
    let text = || Value::String(value.to_owned());
    let formats = Format::candidates(path.file_name(), "");
    let has_types = formats
        .iter()
        .any(|format| matches!(format, Format::Toml | Format::Json | Format::Yaml));
    let is_quoted = |side: &String| {
        let side = side
            .rsplit_once(['=', ':'])
            .map_or(side.as_str(), |(_, side)| side);
        side.trim_start().starts_with(['"', '\''])
    };
    let [_, current, new] = &conflict.values;
    let mut sides = [current, new].into_iter().flatten();
    let are_quoted = sides.clone().next().is_some() && sides.all(is_quoted);
    match serde_json::from_str::<Value>(value) {
        Ok(found @ (Value::Number(_) | Value::Bool(_))) if has_types && !are_quoted => found,
        Ok(found @ (Value::String(_) | Value::Array(_) | Value::Object(_))) if has_types => found,
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_get_the_type_that_is_meant() {
        let conflict = |current: &str, new: &str| Conflict {
            path: "a".into(),
            line: None,
            values: [None, Some(current.into()), Some(new.into())],
            texts: Default::default(),
        };
        let table = [
            ("a.yaml", "1", "2", "9", json!(9)),
            ("a.yaml", "'1'", "\"2\"", "9", json!("9")),
            ("a.yaml", "1g", "2g", "1728m", json!("1728m")),
            ("a.toml", "true", "false", "true", json!(true)),
            ("a.toml", "a = \"x\"", "a = \"y\"", "true", json!("true")),
            ("a.json", "1", "2", "[1, 2]", json!([1, 2])),
            ("a.json", "1", "2", "\"9\"", json!("9")),
            ("a.properties", "1", "2", "9", json!("9")),
            ("a.yaml", "1", "2", "null", json!("null")),
        ];
        for (name, current, new, given, expected) in table {
            let path = RelPath::new(name).unwrap();
            assert_eq!(
                typed(given, &conflict(current, new), &path),
                expected,
                "{name} {given}"
            );
        }
    }
}
