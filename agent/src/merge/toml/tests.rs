use proptest::prelude::*;

use super::*;
use crate::merge::node::List;

/// A document with every construct.
const DOCUMENT: &str = r##"# Licence

# The first key
title = "a" # trail
server.port = 0x10

[server]
hostname = "localhost"
#offset=0
mode = "single" #single or ha
headers = [ # open
  # lead
  "a", # trail
  "b"
  # close
]
point = { x = 1, y.z = 2 }
#last = 1

# A commented-out table
#[database.local]
#url = "jdbc:h2"

[database."shared db".pool_options]
maxActive = 1_00

[[apim.gateway.environment]]
name = "Default"
[apim.gateway.environment.extra]
text = """
[[not.a.table]]
"""
[[apim.gateway.environment.virtual_host]]
name = "v"

[[apim.gateway.environment]]
name = 'Other'

[apim.cors]
[[apim.gateway.environment]]
name = "Third"
# end

# bye"##;

/// The names of a document's nodes, indented.
fn outline(list: &List<'_>, depth: usize, out: &mut String) {
    for node in &list.nodes {
        let name = match &node.key {
            Key::Named(name) => name,
            Key::Item => "-",
        };
        *out += &format!("{}{name}\n", "  ".repeat(depth));
        for part in &node.parts {
            if let Part::List(list) = part {
                outline(list, depth + 1, out);
            }
        }
    }
}

fn names(text: &str) -> String {
    let mut out = String::new();
    for part in &parse(text).unwrap().parts {
        if let Part::List(list) = part {
            outline(list, 0, &mut out);
        }
    }
    out
}

#[test]
fn tables_are_siblings_by_path_and_elements_hold_their_tables() {
    let expected = r#"title
server.port
[server]
  hostname
  mode
  headers
    -
    -
  point
    x
    y.z
[database."shared db".pool_options]
  maxActive
[[apim.gateway.environment]]
  -
    name
    [apim.gateway.environment.extra]
      text
    [[apim.gateway.environment.virtual_host]]
      -
        name
  -
    name
[apim.cors]
[[apim.gateway.environment]] name = "Third"
  name
"#;
    assert_eq!(names(DOCUMENT), expected);
}

/// The text before the first name, and each name's lead, trail and its first list's close.
fn around<'s>(node: &Node<'s>, label: &str) -> Option<[&'s str; 3]> {
    let lists = node.parts.iter().filter_map(|part| match part {
        Part::List(list) => Some(list),
        _ => None,
    });
    if node.label == label && node.key != Key::Item {
        let close = lists.clone().next().map_or("", |list| list.close);
        return Some([node.lead, node.trail, close]);
    }
    lists
        .flat_map(|list| &list.nodes)
        .find_map(|node| around(node, label))
}

#[test]
fn comments_belong_to_what_stands_next_to_them() {
    let root = parse(DOCUMENT).unwrap();
    let free = "\n# A commented-out table\n#[database.local]\n#url = \"jdbc:h2\"\n\n";
    let table: [(&str, [&str; 3]); 6] = [
        ("title", ["# The first key\n", " # trail\n", ""]),
        ("server", ["\n", "", "#last = 1\n"]),
        ("server.mode", ["#offset=0\n", " #single or ha\n", ""]),
        ("server.headers", ["", "\n", "  # close\n"]),
        ("server.point", ["", "\n", " "]),
        ("database.\"shared db\".pool_options", [free, "", ""]),
    ];
    for (label, expected) in table {
        assert_eq!(around(&root, label), Some(expected), "{label}");
    }
    assert!(matches!(root.parts[0], Part::Syntax("# Licence\n\n")));
    assert!(matches!(
        &root.parts[2],
        Part::List(List { close: "\n# bye", .. })
    ));
}

#[test]
fn values_of_the_same_meaning_are_equal() {
    let meaning = |value: &str| {
        let text = format!("a = {value}");
        let root = parse(&text).unwrap();
        let Part::List(keys) = &root.parts[1] else {
            panic!()
        };
        keys.nodes[0].scalar().unwrap().to_owned()
    };
    let same: [(&str, &str); 7] = [
        ("0x10", "1_6"),
        ("\"a\\u0062\"", "'ab'"),
        ("\"a\\nb\"", "\"\"\"\na\r\nb\"\"\""),
        ("1e3", "1000.0"),
        ("+1", "1"),
        ("1979-05-27 07:32:00z", "1979-05-27T07:32:00Z"),
        ("inf", "+inf"),
    ];
    for (a, b) in same {
        assert_eq!(meaning(a), meaning(b));
    }
    let different = [
        ("1", "1.0"),
        ("1", "\"1\""),
        ("true", "\"true\""),
        ("\"\\r\\n\"", "\"\\n\""),
    ];
    for (a, b) in different {
        assert_ne!(meaning(a), meaning(b));
    }
}

#[test]
fn the_referee_reads_what_the_tree_is_made_of() {
    let same = [
        (
            "a.b = 1\n[c]\nd.e = 'x'",
            "[a]\r\nb = 0x1\r\n[c.d]\r\ne = \"x\"\r\n",
        ),
        ("a = [{ b = 1 }]", "[[a]]\nb = 1"),
        ("a = \"\"\"\nx\r\ny\"\"\"", "a = \"x\\ny\""),
    ];
    for (a, b) in same {
        assert_eq!(data(a), data(b));
        assert!(data(a).is_ok());
    }
}

#[test]
fn inline_tables_of_several_lines_are_not_strict() {
    let strict = [
        "a = { b = [\n1,\n], c = \"\"\"\n\"\"\" }\n",
        "a = [\n  { b = 1 },\n]\n",
        "a = {}\n",
    ];
    let loose = [
        "a = { b = 1, }\n",
        "a = {\n b = 1 }\n",
        "a = { b = 1\n }\n",
        "a = [{ b = 1,\n c = 2 }]\n",
    ];
    for text in strict {
        assert!(is_strict(text), "{text}");
    }
    for text in loose {
        assert!(parse(text).is_ok() && !is_strict(text), "{text}");
    }
}

#[test]
fn what_is_not_toml_is_refused() {
    let deep = format!("a = {}{}", "[".repeat(1000), "]".repeat(1000));
    let unclosed = format!("a = {}", "{ b = ".repeat(100_000));
    let long = format!("[{}]", vec!["a"; 1000].join("."));
    let table = [
        "a",
        "a = ",
        "a = 1 b = 2",
        "[a",
        "a = 1\na = 2",
        "[a]\n[b]\n[a]",
        "a = {b = 1, b = 2}",
        "a = \"\0\"",
        "\0",
        "# \u{1}",
        "a = 99999999999999999999",
        "<<<<<<< current",
        &deep,
        &unclosed,
        &long,
    ];
    for text in table {
        assert!(parse(text).is_err(), "{text:.40}");
        assert!(data(text).is_err() || text.starts_with("[a."), "{text:.40}");
    }
}

#[test]
fn a_huge_line_is_read_in_one_go() {
    let items = format!("a = [{}]", "1,".repeat(500_000));
    let root = parse(&items).unwrap();
    assert_eq!(root.text(), items);
}

fn line() -> impl Strategy<Value = String> {
    let key = r#"([a-c]|"d e"|'f'|[ab]\.[cd])"#;
    let value = prop_oneof![
        "[0-9]{1,3}",
        r#""[a-z# ]{0,3}""#,
        Just("\"\"\"\nx\n\n[y]\"\"\"".to_owned()),
        r"\[ ?1(, ?[23]){0,2},? ?\]",
        r"\[ ?(# x)?\n ?1 ?(# y)?\n ?,\n\]",
        r"\{ ?a = 1(, b\.c = '2')? ?\}",
    ];
    prop_oneof![
        "(\\s|#[a-z \\[\\]=]{0,8}){0,1}",
        r"\[ ?[a-c](\.[a-c]){0,2} ?\] ?(# t)?",
        r"\[\[[a-c](\.[a-c]){0,2}\]\]",
        (key, " ?= ?", value, "( ?# t)?").prop_map(|(key, is, value, trail)| key + &is + &value + &trail),
    ]
}

proptest! {
    #[test]
    fn the_text_is_its_spans(lines in proptest::collection::vec(line(), 0..20), end in "(\r?\n)?") {
        let crlf = end.starts_with('\r');
        let text = lines.join("\n") + &end;
        let text = if crlf { text.replace('\r', "").replace('\n', "\r\n") } else { text };
        if let Ok(root) = parse(&text) {
            prop_assert_eq!(root.text(), text);
        } else {
            prop_assert!(data(&text).is_err(), "{:?}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        if let Ok(root) = parse(&text) {
            prop_assert_eq!(root.text(), text);
        }
    }
}
