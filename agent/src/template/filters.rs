//! How a value is written in a format. Each filter writes the whole value, quotes and all, so that no value can break
//! out of its place; a value that is null is refused, because it was not given.

use serde_json::Value as Json;
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::merge::edit::escape_xml;

/// What a filter says of a value that was not given. [`super::engine`] puts the value's name before it.
pub(super) const NOT_GIVEN: &str = "no value is given";

/// Adds the filters `toml`, `toml_keys`, `json`, `yaml`, `xml`, `properties`, `ini` and `systemd`.
pub(super) fn register(engine: &mut Tera) {
    engine.register_filter("toml", |value: Value, _: Kwargs, _: &State| {
        given(&value).and_then(|value| toml(&value))
    });
    engine.register_filter("toml_keys", |value: Value, _: Kwargs, _: &State| {
        given(&value).and_then(|value| toml_keys(&value))
    });
    engine.register_filter("json", |value: Value, _: Kwargs, _: &State| {
        given(&value).and_then(|value| json(&value))
    });
    // JSON is YAML, and quotes what would mean something else as a plain word.
    engine.register_filter("yaml", |value: Value, _: Kwargs, _: &State| {
        given(&value).and_then(|value| json(&value))
    });
    engine.register_filter("xml", |value: Value, _: Kwargs, _: &State| {
        plain(&value).map(|text| escape_xml(&text))
    });
    engine.register_filter("properties", |value: Value, _: Kwargs, _: &State| {
        plain(&value).map(|text| properties(&text))
    });
    engine.register_filter("systemd", |value: Value, _: Kwargs, _: &State| {
        plain(&value).map(|text| systemd(&text))
    });
    engine.register_filter("ini", |value: Value, _: Kwargs, _: &State| {
        plain(&value).and_then(ini)
    });
}

fn given(value: &Value) -> TeraResult<Json> {
    let value = serde_json::to_value(value).map_err(|_| Error::message("not a value that can be written"))?;
    match value {
        Json::Null => Err(Error::message(NOT_GIVEN)),
        value => Ok(value),
    }
}

/// A text, a number or a truth value as it stands.
fn plain(value: &Value) -> TeraResult<String> {
    match given(value)? {
        Json::String(text) => Ok(text),
        Json::Array(_) | Json::Object(_) => Err(Error::message("a list or a map cannot be written here")),
        other => Ok(other.to_string()),
    }
}

fn json(value: &Json) -> TeraResult<String> {
    serde_json::to_string(value).map_err(|_| Error::message("not a value that JSON can hold"))
}

fn toml(value: &Json) -> TeraResult<String> {
    let written = match value {
        Json::Null => {
            return Err(Error::message(
                "a list or a map with null in it cannot be written in TOML",
            ));
        }
        Json::Bool(truth) => truth.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => toml_edit::Value::from(text.as_str()).to_string(),
        Json::Array(list) => format!(
            "[{}]",
            list.iter().map(toml).collect::<TeraResult<Vec<_>>>()?.join(", ")
        ),
        Json::Object(map) => {
            let pair = |(key, value): (&String, &Json)| {
                Ok(format!(
                    "{} = {}",
                    toml_edit::Key::new(key.as_str()),
                    toml(value)?
                ))
            };
            format!(
                "{{ {} }}",
                map.iter().map(pair).collect::<TeraResult<Vec<_>>>()?.join(", ")
            )
        }
    };
    Ok(written.trim().to_owned())
}

/// The keys of a map, one to a line, sorted; those that are null are left out, maps below become dotted keys.
fn toml_keys(value: &Json) -> TeraResult<String> {
    let Json::Object(map) = value else {
        return Err(Error::message("only the keys of a map can be written"));
    };
    let mut lines = Vec::new();
    add_keys("", map, &mut lines)?;
    Ok(lines.join("\n"))
}

fn add_keys(above: &str, map: &serde_json::Map<String, Json>, lines: &mut Vec<String>) -> TeraResult<()> {
    for (key, value) in map {
        let key = format!("{above}{}", toml_edit::Key::new(key.as_str()));
        match value {
            Json::Null => {}
            Json::Object(below) => add_keys(&format!("{key}."), below, lines)?,
            value => lines.push(format!("{key} = {}", toml(value)?)),
        }
    }
    Ok(())
}

/// A value as `java.util.Properties` reads it, in a file of any encoding.
fn properties(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            ' ' if at == 0 => written.push_str("\\ "),
            ' '..='~' => written.push(c),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    written.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    written
}

/// A word in a unit file, in quotes where it needs them. In a command, `$` has a meaning besides.
fn systemd(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    match text.is_empty() || text.contains([' ', '\t', ';', '\'', '"', '\\']) {
        true => format!("\"{escaped}\""),
        false => escaped,
    }
}

/// INI files have no way to escape that all their readers know: what would not come out again is refused.
fn ini(text: String) -> TeraResult<String> {
    let is_odd = text.contains(['\n', '\r', ';', '#']) || text != text.trim();
    match is_odd {
        true => Err(Error::message(
            "a text with a line end, `;`, `#` or spaces around it has no safe form in an INI file",
        )),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(filter: &str, value: &Json) -> Result<String, String> {
        let mut engine = Tera::default();
        register(&mut engine);
        let mut context = tera::Context::new();
        context.insert("v", value);
        engine
            .render_str(&format!("{{{{ v | {filter} }}}}"), &context, false)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_written_in_each_format() {
        let table = [
            ("toml", json!("a\"b\\c"), r#"'a"b\c'"#),
            ("toml", json!("plain"), "\"plain\""),
            ("toml", json!(9443), "9443"),
            ("toml", json!(1.0), "1.0"),
            ("toml", json!(["a", true]), "[\"a\", true]"),
            ("toml", json!({"a b": 1, "c": [2]}), "{ \"a b\" = 1, c = [2] }"),
            (
                "toml_keys",
                json!({"b": {"x y": 1, "none": {}}, "a": "t", "n": null, "l": [true]}),
                "a = \"t\"\nb.\"x y\" = 1\nl = [true]",
            ),
            ("json", json!({"a": null}), "{\"a\":null}"),
            ("yaml", json!("yes"), "\"yes\""),
            ("xml", json!("a<b>&\"'\n"), "a&lt;b&gt;&amp;&quot;&apos;&#10;"),
            ("properties", json!(" a\\b=ü\n"), "\\ a\\\\b=\\u00fc\\n"),
            ("properties", json!(true), "true"),
            ("ini", json!("a = b"), "a = b"),
            ("systemd", json!("-Dx=1"), "-Dx=1"),
            ("systemd", json!("a b\"$x%"), "\"a b\\\"$x%%\""),
        ];
        for (filter, value, expected) in table {
            assert_eq!(written(filter, &value).unwrap(), expected, "{filter} {value}");
        }
    }

    #[test]
    fn what_was_not_given_or_has_no_form_is_refused() {
        for filter in ["toml", "json", "yaml", "xml", "properties", "ini"] {
            assert!(
                written(filter, &Json::Null).unwrap_err().contains(NOT_GIVEN),
                "{filter}"
            );
        }
        for (filter, value) in [
            ("toml", json!([null])),
            ("xml", json!([1])),
            ("properties", json!({})),
            ("ini", json!("a;b")),
        ] {
            assert!(written(filter, &value).is_err(), "{filter} {value}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_out_again(text in any::<String>()) {
            let toml: toml_edit::DocumentMut = format!("v = {}", written("toml", &json!(text)).unwrap()).parse().unwrap();
            prop_assert_eq!(toml["v"].as_str(), Some(text.as_str()));
            let yaml: Json = serde_yaml::from_str(&format!("v: {}", written("yaml", &json!(text)).unwrap())).unwrap();
            prop_assert_eq!(yaml["v"].as_str(), Some(text.as_str()));
        }
    }
}
