mod markup;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn ensured(format: Format, text: &str, edits: &[(&str, Option<Value>)]) -> Result<String, String> {
    let edits: Vec<Edit> = edits
        .iter()
        .map(|(key, value)| Edit::new(key, value.clone(), format))
        .collect::<Result<_, _>>()?;
    let once = ensure(text.as_bytes(), format, &edits)?;
    let twice = ensure(&once, format, &edits)?;
    assert_eq!(once, twice, "a second time changes something");
    Ok(String::from_utf8(once).unwrap())
}

const TOML: &str = "# the server
[server]
hostname = \"localhost\"   # where
offset=0

[[datasource]]
id = \"A\"
url = \"a\"

[[datasource]]
id = \"B\"
url = 'b' # second
";

#[test]
fn toml() {
    let set = |edits: &[(&str, Option<Value>)]| ensured(Format::Toml, TOML, edits);
    assert_eq!(
        set(&[
            ("server.hostname", Some(json!("localhost"))),
            ("none.at.all", None)
        ])
        .unwrap(),
        TOML
    );
    let text = set(&[
        ("server.hostname", Some(json!("a\"b"))),
        ("server.offset", Some(json!(2))),
        ("server.added", Some(json!([1, "x"]))),
        ("datasource[id=B].url", Some(json!("c"))),
        ("datasource[0].pool", Some(json!({"max": 5}))),
        ("database.apim_db.type", Some(json!("mysql"))),
    ])
    .unwrap();
    assert_eq!(
        text,
        "# the server
[server]
hostname = 'a\"b'   # where
offset=2
added = [1, \"x\"]

[[datasource]]
id = \"A\"
url = \"a\"
pool = { max = 5 }

[[datasource]]
id = \"B\"
url = \"c\" # second

[database.apim_db]
type = \"mysql\"
"
    );
    let text = set(&[("server.offset", None), ("datasource[id=A].url", None)]).unwrap();
    assert_eq!(text, TOML.replace("offset=0\n", "").replace("url = \"a\"\n", ""));
    for (key, expected) in [
        ("datasource[id=C].url", NO_ITEM),
        ("datasource[7].url", NO_ITEM),
        ("server.hostname.x", NO_MAP),
        ("datasource[0]", "a whole item"),
    ] {
        let refused = set(&[(key, Some(json!(1)))]).unwrap_err();
        assert!(
            refused.starts_with(&format!("`{key}`: ")) && refused.contains(expected),
            "{refused}"
        );
    }
}

#[test]
fn json_with_its_comments_and_line_ends() {
    let text = "{\r\n  // the port\r\n  \"port\": 1,\r\n  \"list\": [{\"id\": \"a\", \"v\": 1}],\r\n  \"old\": {\"x\": null}\r\n}";
    let set = |edits: &[(&str, Option<Value>)]| ensured(Format::Json, text, edits);
    assert_eq!(set(&[("port", Some(json!(1))), ("nothing", None)]).unwrap(), text);
    assert_eq!(
        set(&[
            ("port", Some(json!(2))),
            ("list[id=a].v", Some(json!("two"))),
            ("old", None),
            ("new.deep", Some(json!(true))),
        ])
        .unwrap(),
        "{\r\n  // the port\r\n  \"port\": 2,\r\n  \"list\": [{\"id\": \"a\", \"v\": \"two\"}],\r\n  \"new\": {\r\n    \"deep\": true\r\n  }\r\n}"
    );
    assert!(set(&[("port.x", Some(json!(1)))]).unwrap_err().contains(NO_MAP));
    assert!(ensured(Format::Json, "{\"a\": 1, \"a\": 2}", &[("b", Some(json!(1)))]).is_err());
}

#[test]
fn properties() {
    let text = "# ports\nserver.port = 1\nserver.host=h\n\n! last\nlog.level : INFO \\\n   more\ndouble=1\ndouble=2\nbare\n";
    let set = |edits: &[(&str, Option<Value>)]| ensured(Format::Properties, text, edits);
    let same = [
        ("server.port", Some(json!(1))),
        ("log.level", Some(json!("INFO more"))),
        ("double", Some(json!("2"))),
        ("x", None),
    ];
    assert_eq!(set(&same).unwrap(), text);
    assert_eq!(
        set(&[
            ("server.port", Some(json!("a=b\\c\n"))),
            ("server.name", Some(json!(" x"))),
            ("log.level", Some(json!("WARN"))),
            ("double", None),
            ("bare", Some(json!("v"))),
            ("a key=", Some(json!("v"))),
        ])
        .unwrap(),
        "# ports\nserver.port = a=b\\\\c\\n\nserver.host=h\nserver.name=\\ x\n\n! last\nlog.level : WARN\nbare=v\na\\ key\\==v\n"
    );
    assert_eq!(
        ensured(Format::Properties, "", &[("a", Some(json!(1)))]).unwrap(),
        "a=1\n"
    );
}

#[test]
fn properties_in_another_encoding_keep_their_bytes() {
    let edits = [Edit::new("b", Some(json!("2")), Format::Properties).unwrap()];
    let text = b"a=caf\xe9\r\nb=1\r\n";
    assert_eq!(
        ensure(text, Format::Properties, &edits).unwrap(),
        b"a=caf\xe9\r\nb=2\r\n"
    );
    // Nobody knows how it would be written there.
    for (key, value) in [("b", "\u{20ac}"), ("b", "\u{e9}"), ("\u{20ac}", "2")] {
        let edits = [Edit::new(key, Some(json!(value)), Format::Properties).unwrap()];
        let why = ensure(text, Format::Properties, &edits).unwrap_err();
        assert!(why.contains("not in UTF-8"), "{why}");
    }
}

#[test]
fn ini() {
    let text = "top = 1\n\n; the server\n[server]\nport=1\n# end of it\n\n[empty]\n\n[client]\nport : 2\n";
    let set = |edits: &[(&str, Option<Value>)]| ensured(Format::Ini, text, edits);
    assert_eq!(
        set(&[
            ("server.port", Some(json!(1))),
            ("nothing.x", None),
            ("top", Some(json!("1")))
        ])
        .unwrap(),
        text
    );
    assert_eq!(
        set(&[
            ("top", Some(json!(5))),
            ("second", Some(json!("s"))),
            ("server.host", Some(json!("h"))),
            ("empty.k", Some(json!("v"))),
            ("client.port", None),
            ("added.key", Some(json!("x"))),
        ])
        .unwrap(),
        "top = 5\nsecond = s\n\n; the server\n[server]\nport=1\nhost=h\n# end of it\n\n[empty]\nk = v\n\n[client]\n\n[added]\nkey = x\n"
    );
    assert!(set(&[("a.b.c", Some(json!(1)))]).is_err());
    assert!(set(&[("server.port", Some(json!("a\nb")))]).is_err());
}

#[test]
fn no_refusal_holds_a_value() {
    for (format, text) in [
        (Format::Toml, "a = hunter2"),
        (Format::Json, "{hunter2"),
        (Format::Ini, "hunter2 {\n"),
    ] {
        let refused = ensured(format, text, &[("a.b", Some(json!("hunter2")))]).unwrap_err();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

/// Documents of the same few keys in every format.
fn document(format: Format, keys: &[(u8, String)]) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let keys = keys.iter().filter(|(key, _)| seen.insert(*key));
    let line = |(key, value): &(u8, String)| match format {
        Format::Toml => format!("# {value}\n[s{key}]\nk = {}\n", json!(value)),
        Format::Ini => format!("; {value}\n[s{key}]\nk = {value}\n"),
        Format::Properties => format!("# {value}\ns{key}.k={value}\n"),
        Format::Yaml => format!("# {value}\ns{key}:\n  k: {}\n", json!(value)),
        _ => format!("\"s{key}\": {{\"k\": {}}},", json!(value)),
    };
    let text: String = keys.map(line).collect();
    match format {
        Format::Json => format!("{{{}}}", text.trim_end_matches(',')),
        _ => text,
    }
}

proptest! {
    #[test]
    fn only_the_named_key_changes(
        keys in proptest::collection::vec((0_u8..5, "[a-z]{1,6}"), 0..6),
        at in 0_u8..7,
        value in proptest::option::of("[a-zA-Z0-9=:./ -]{0,8}"),
    ) {
        for format in [Format::Toml, Format::Ini, Format::Properties, Format::Json, Format::Yaml] {
            let text = document(format, &keys);
            let value = value.clone().map(|text| json!(text.trim()));
            // The checks are in `ensure` itself; here they must never fire.
            let result = ensured(format, &text, &[(&format!("s{at}.k"), value)]);
            prop_assert!(result.is_ok(), "{format:?} {text} {result:?}");
        }
    }
}
