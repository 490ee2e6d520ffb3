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

const YAML: &str = "# the server
wso2.carbon:
  id: wso2-si   # mine
  ports:
    # the offset
    offset: 0

list:
- id: a
  url: \"x\"
- { id: b, url: y }
text: |
  two
  lines
flow: {a: 1, b: [1, 2]}
nothing:
last: 'yes'
";

#[test]
fn yaml() {
    let set = |edits: &[(&str, Option<Value>)]| ensured(Format::Yaml, YAML, edits);
    let same = [
        ("\"wso2.carbon\".id", Some(json!("wso2-si"))),
        ("\"wso2.carbon\".ports.offset", Some(json!(0))),
        ("list[id=a].url", Some(json!("x"))),
        ("flow.b", Some(json!([1, 2]))),
        ("last", Some(json!("yes"))),
        ("text", Some(json!("two\nlines\n"))),
        ("none.at.all", None),
        ("list[id=z].url", None),
    ];
    assert_eq!(set(&same).unwrap(), YAML);
    let text = set(&[
        ("\"wso2.carbon\".id", Some(json!("yes: no"))),
        ("\"wso2.carbon\".ports.offset", Some(json!(2))),
        ("\"wso2.carbon\".ports.added", Some(json!("8080"))),
        ("list[id=a].new", Some(json!(true))),
        ("list[1].url", Some(json!("z"))),
        ("list[id=b].deep.er", Some(json!(1))),
        ("text", Some(json!("one"))),
        ("flow.a", None),
        ("nothing.at", Some(json!("x"))),
        ("at.the.end", Some(json!(["x"]))),
    ])
    .unwrap();
    assert_eq!(
        text,
        "# the server
wso2.carbon:
  id: \"yes: no\"   # mine
  ports:
    # the offset
    offset: 2
    added: \"8080\"

list:
- id: a
  url: \"x\"
  new: true
- { id: b, url: z, deep: { er: 1 } }
text: one
flow: {b: [1, 2]}
nothing:
  at: x
last: 'yes'
at:
  the:
    end: [\"x\"]
"
    );
    let text = set(&[
        ("\"wso2.carbon\".ports.offset", None),
        ("list[0].id", None),
        ("text", None),
        ("list[1].url", None),
        ("nothing", None),
    ])
    .unwrap();
    assert_eq!(
        text,
        "# the server
wso2.carbon:
  id: wso2-si   # mine
  ports:
    # the offset
    {}

list:
- url: \"x\"
- { id: b }
flow: {a: 1, b: [1, 2]}
last: 'yes'
"
    );
    for (key, expected) in [
        ("list[id=z].url", NO_ITEM),
        ("last.x", NO_MAP),
        ("list[0]", "a whole item"),
        ("list.x", NO_MAP),
    ] {
        let refused = set(&[(key, Some(json!(1)))]).unwrap_err();
        assert!(refused.contains(expected), "{key}: {refused}");
    }
    assert_eq!(
        ensured(Format::Yaml, "", &[("a.b", Some(json!(1)))]).unwrap(),
        "a:\n  b: 1\n"
    );
    assert!(ensured(Format::Yaml, "a: 1\n---\nb: 1\n", &[("a", Some(json!(2)))]).is_err());
    assert!(ensured(Format::Yaml, "a: &x 1\nb: *x\n", &[("a", Some(json!(2)))]).is_err());
}

const XML: &str = "<?xml version=\"1.0\"?>
<Server port='8005'>
  <!-- mine -->
  <Service name=\"Catalina\">
    <Connector port=\"9443\" scheme=\"https\"/>
    <Connector port=\"9763\"
               scheme='http' />
    <Engine>
      <Name>a &amp; b</Name>
    </Engine>
  </Service>
  <Empty></Empty>
</Server>
";

#[test]
fn xml() {
    let set = |edits: &[(&str, Option<Value>)]| ensured(Format::Xml, XML, edits);
    let same = [
        ("Server/@port", Some(json!(8005))),
        ("Server/Service/Engine/Name", Some(json!("a & b"))),
        ("Server/Nothing/@x", None),
        ("Server/Service[@name=None]/@x", None),
    ];
    assert_eq!(set(&same).unwrap(), XML);
    let text = set(&[
        ("Server/@port", Some(json!("<'1\">"))),
        (
            "Server/Service[@name=Catalina]/Connector[@port=9443]/@scheme",
            None,
        ),
        ("Server/Service/Connector[@port=9763]/@secure", Some(json!(true))),
        ("Server/Service/Engine/Name", Some(json!("c < d"))),
        ("Server/Service/Engine/Host/@name", Some(json!("h"))),
        ("Server/Empty", Some(json!("now"))),
        ("Server/New/Deep", Some(json!(1))),
    ])
    .unwrap();
    assert_eq!(
        text,
        "<?xml version=\"1.0\"?>
<Server port='&lt;&apos;1&quot;&gt;'>
  <!-- mine -->
  <Service name=\"Catalina\">
    <Connector port=\"9443\"/>
    <Connector port=\"9763\"
               scheme='http' secure=\"true\" />
    <Engine>
      <Name>c &lt; d</Name>
      <Host name=\"h\"/>
    </Engine>
  </Service>
  <Empty>now</Empty>
  <New><Deep>1</Deep></New>
</Server>
"
    );
    let text = set(&[
        ("Server/Service/Engine/Name", None),
        ("Server/Service/Connector[1]", None),
    ])
    .unwrap();
    assert!(
        !text.contains("Name") && !text.contains("9763") && text.contains("    <Engine>\n    </Engine>\n"),
        "{text}"
    );
    let deep = ensured(Format::Xml, "<a><b/></a>", &[("a/b/c/@d", Some(json!("x")))]).unwrap();
    assert_eq!(deep, "<a><b><c d=\"x\"/></b></a>");
    for (key, expected) in [
        ("Server/Service/Connector/@x", "several `Connector`"),
        ("Server/Service/Connector[@port=1]/@x", NO_ITEM),
        ("Server/Service", "holds elements"),
        ("Other/@x", "no element"),
        ("Server/Service/Engine/Name/More/@x", "no element"),
    ] {
        let refused = set(&[(key, Some(json!(1)))]).unwrap_err();
        assert!(refused.contains(expected), "{key}: {refused}");
    }
    assert!(
        ensured(
            Format::Xml,
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
            &[("a/@b", Some(json!(1)))]
        )
        .is_err()
    );
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
