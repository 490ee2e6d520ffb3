//! Whether a configuration file can be read at all by what its name says it is.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::merge;

/// Why a configuration file cannot be read, with the line where that is known; `None` if it can, or if its name
/// says of no format that is checked: `.json`, `.yaml`, `.yml`, `.toml`, `.properties`. The reason never repeats the
/// file's content.
pub fn parse_error(file_name: &str, bytes: &[u8]) -> Option<String> {
    checked(file_name, bytes, json)
}

/// The same of a file that somebody else answers for: JSON may have comments and trailing commas, as products are free to
/// read them.
pub fn lenient_error(file_name: &str, bytes: &[u8]) -> Option<String> {
    checked(file_name, bytes, json_with_comments)
}

fn checked(file_name: &str, bytes: &[u8], json: fn(&str) -> Option<String>) -> Option<String> {
    let (_, extension) = file_name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "json" => text_error(bytes, json),
        "yaml" | "yml" => text_error(bytes, yaml),
        "toml" => text_error(bytes, toml),
        "properties" => properties(bytes),
        _ => None,
    }
}

fn text_error(bytes: &[u8], check: impl Fn(&str) -> Option<String>) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => check(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = line_at(bytes, error.valid_up_to());
            Some(format!("line {line}: not UTF-8"))
        }
    }
}

fn line_at(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn json(text: &str) -> Option<String> {
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    Some(format!("line {}: not JSON", error.line()))
}

fn json_with_comments(text: &str) -> Option<String> {
    let error = merge::json::parse(text).err()?;
    Some(format!("line {}: not JSON", line_at(text.as_bytes(), error.at)))
}

fn yaml(text: &str) -> Option<String> {
    let error = serde_yaml::Deserializer::from_str(text)
        .find_map(|document| IgnoredAny::deserialize(document).err())?;
    Some(match error.location() {
        Some(at) => format!("line {}: not YAML", at.line()),
        None => "not YAML".to_owned(),
    })
}

fn toml(text: &str) -> Option<String> {
    let error = text.parse::<toml_edit::Document<String>>().err()?;
    let line = error
        .span()
        .map_or(1, |span| line_at(text.as_bytes(), span.start));
    Some(format!("line {line}: not TOML: {}", error.message()))
}

/// The only thing that a Java program refuses in such a file is a broken `\u` escape. NUL bytes are what a power cut
/// leaves.
fn properties(bytes: &[u8]) -> Option<String> {
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Some(format!("line {}: a NUL byte", line_at(bytes, at)));
    }
    let mut at = 0;
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'\\') {
        let escape = at + found + 1;
        if bytes.get(escape) == Some(&b'u') && !is_in_comment(bytes, escape) {
            let digits = bytes.get(escape + 1..escape + 5).unwrap_or_default();
            if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                return Some(format!("line {}: a broken \\u escape", line_at(bytes, escape)));
            }
        }
        at = escape + 1;
    }
    None
}

fn is_in_comment(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    matches!(line.trim_ascii_start().first(), Some(b'#' | b'!'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_what_their_names_say() {
        let table: [(&str, &[u8], Option<&str>); 24] = [
            ("a.json", b"{\"a\": [1, 2]}\n", None),
            ("a.json", b"\xef\xbb\xbf{}", None),
            ("a.json", b"{\n\"a\": 1,\n}", Some("line 3: not JSON")),
            ("a.JSON", b"", Some("line 1: not JSON")),
            ("a.json", b"{}\nx", Some("line 2: not JSON")),
            ("config.yaml", b"a: 1\nb: [x, y]\n", None),
            ("config.yaml", b"", None),
            ("config.yml", b"a: 1\n---\nb: 2\n", None),
            ("config.yaml", b"a: 1\nb: [x\nc: 2\n", Some("line ")),
            ("config.yaml", b"a: 1\n---\n\tb: 2\n", Some("line 3: not YAML")),
            ("config.yaml", b"a: \xff\n", Some("line 1: not UTF-8")),
            ("a.toml", b"[server]\nhostname = \"h\" # x\n[[user]]\n", None),
            ("a.toml", b"[server]\nhostname = \n", Some("line 2: not TOML")),
            ("a.toml", b"a = 1\na = 2\n", Some("line 2: not TOML")),
            ("a.toml", b"a = 'x'\n<<<<<<< mine\n", Some("line 2: not TOML")),
            ("log4j2.properties", b"a = b\nc : \\u00fc \\\\user\n", None),
            ("log4j2.properties", b"caf\xe9 = 1\n", None),
            (
                "log4j2.properties",
                b"a=1\nb=C:\\users\n",
                Some("line 2: a broken \\u escape"),
            ),
            ("log4j2.properties", b"# C:\\users\n", None),
            (
                "log4j2.properties",
                b"a=\\u12",
                Some("line 1: a broken \\u escape"),
            ),
            ("log4j2.properties", b"a=1\n\0\0\0", Some("line 2: a NUL byte")),
            ("log4j2.properties", b"a=\\", None),
            ("x.sh", b"\xff\0", None),
            ("README", b"{", None),
        ];
        for (name, bytes, expected) in table {
            let error = parse_error(name, bytes);
            match expected {
                None => assert_eq!(error, None, "{name}"),
                Some(part) => assert!(
                    error.as_ref().is_some_and(|text| text.starts_with(part)),
                    "{name} {error:?}"
                ),
            }
        }
    }

    #[test]
    fn json_may_have_comments_where_somebody_else_answers_for_it() {
        let table: [(&[u8], bool, bool); 6] = [
            (b"{\"a\": 1}\n", true, true),
            (b"// levels\n{\"a\": 1, /* b */ \"b\": [1, 2,],}\n", false, true),
            (b"{\n\"a\": 1\n\"b\": 2}", false, false),
            (b"{\n\"a\": 1,\n<<<<<<< mine\n}", false, false),
            (b"", false, false),
            (b"{\"a\": \"\xff\"}", false, false),
        ];
        for (bytes, strict, lenient) in table {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(parse_error("a.json", bytes).is_none(), strict, "{text}");
            assert_eq!(lenient_error("a.json", bytes).is_none(), lenient, "{text}");
        }
    }

    #[test]
    fn a_reason_never_repeats_the_content() {
        let secret = "hunter2";
        let table = [
            ("a.json", format!("{{\"password\": {secret}}}")),
            ("a.yaml", format!("password: [{secret}\nx: &y *z: {secret}")),
            ("a.toml", format!("password = {secret}")),
            ("a.properties", format!("password=\\u{secret}")),
        ];
        for (name, text) in table {
            let error = parse_error(name, text.as_bytes()).unwrap();
            assert!(!error.contains(secret), "{name}: {error}");
        }
    }
}
