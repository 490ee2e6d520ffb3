//! YAML and XML.

use serde_json::json;

use super::*;

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
