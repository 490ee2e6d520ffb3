//! What must hold for any three files.

use proptest::prelude::*;

use super::super::{Format, Merged, Options, merge};
use super::swapped::said;

fn run(format: Format, base: &str, current: &str, new: &str) -> Merged {
    let options = Options {
        format: Some(format),
        ..Options::default()
    };
    merge("x", options, [base, current, new].map(str::as_bytes))
}

fn clean(text: &str) -> Merged {
    Merged::Clean(text.as_bytes().to_vec())
}

/// Files that are not far from each other, with keys that stand several times.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => "[ab]=[12]\n",
        2 => "[c-h]=[12]\n",
        1 => "# [xyz]\n",
        1 => Just("\n".to_owned()),
        1 => "[ij]=[12]\\\\\n  [34]\n",
        1 => "[ab]=?[12]?\\\\\n",
    ];
    proptest::collection::vec(line, 0..10).prop_map(|lines| lines.concat())
}

fn bundles() -> impl Strategy<Value = String> {
    let line = prop_oneof![6 => "[a-e],[12],p/[xy]\\.jar,[14],true\n", 1 => "# [xyz]\n"];
    proptest::collection::vec(line, 0..6).prop_map(|lines| lines.concat())
}

/// Items with names, in any order.
fn items() -> impl Strategy<Value = Vec<(char, u8)>> {
    let names = proptest::sample::subsequence(vec!['p', 'q', 's', 't'], 0..=4).prop_shuffle();
    (names, proptest::collection::vec(0u8..2, 4))
        .prop_map(|(names, values)| names.into_iter().zip(values).collect())
}

/// A list of items, as a format writes it.
fn list(format: Format) -> impl Strategy<Value = String> {
    items().prop_map(move |items| {
        let item = |(name, value): &(char, u8)| match format {
            Format::Json => format!("  {{\"id\": \"{name}\", \"v\": {value}}}"),
            Format::Toml => format!("[[l]]\nid = \"{name}\"\nv = {value}\n"),
            Format::Yaml => format!("- id: {name}\n  v: {value}\n"),
            _ => format!("  <i id=\"{name}\"><v>{value}</v></i>\n"),
        };
        let items: Vec<String> = items.iter().map(item).collect();
        match format {
            Format::Json => format!("[\n{}\n]\n", items.join(",\n")),
            Format::Xml => format!("<r>\n{}</r>\n", items.concat()),
            _ => items.concat(),
        }
    })
}

/// A few fields and lists of values.
fn fields(format: Format) -> impl Strategy<Value = String> {
    let field = ("[a-c]", proptest::collection::vec(0u8..3, 0..4));
    proptest::collection::vec(field, 0..4).prop_map(move |mut fields| {
        let mut known = std::collections::HashSet::new();
        fields.retain(|(name, _)| format == Format::Xml || known.insert(name.clone()));
        let field = |(name, values): &(String, Vec<u8>)| match (format, values.as_slice()) {
            (Format::Toml, [value]) => format!("{name} = {value}\n"),
            (Format::Toml, _) => format!("{name} = {values:?}\n"),
            (Format::Yaml, [value]) => format!("{name}: {value}\n"),
            (Format::Yaml, []) => format!("{name}: {{}}\n"),
            (Format::Yaml, _) => {
                let values: String = values.iter().map(|value| format!("  - {value}\n")).collect();
                format!("{name}:\n{values}")
            }
            (_, []) => format!("  <{name}/>\n"),
            _ => values
                .iter()
                .map(|value| format!("  <{name}>{value}</{name}>\n"))
                .collect(),
        };
        let fields: String = fields.iter().map(field).collect();
        if format == Format::Xml {
            format!("<r>\n{fields}</r>\n")
        } else {
            fields
        }
    })
}

fn sections() -> impl Strategy<Value = String> {
    let section = ("\\[[rst]\\]\n", lines()).prop_map(|(header, lines)| header + &lines);
    (lines(), proptest::collection::vec(section, 0..3))
        .prop_map(|(lines, sections)| lines + &sections.concat())
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("\"x\"".to_owned()),
        Just("null".to_owned())
    ];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4)
            .prop_map(|items| format!("[{}]", items.join(", ")));
        let map = proptest::collection::btree_map("[a-d]|id", inner, 0..4).prop_map(|map| {
            let items: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("  \"{key}\": {value}"))
                .collect();
            if items.is_empty() {
                "{}".to_owned()
            } else {
                format!("{{\n{}\n}}", items.join(",\n"))
            }
        });
        prop_oneof![list, map]
    });
    value.prop_map(|value| value + "\n")
}

fn any() -> impl Strategy<Value = (Format, [String; 3])> {
    let three = |format: Format, one: BoxedStrategy<String>| {
        (one.clone(), one.clone(), one).prop_map(move |(a, b, c)| (format, [a, b, c]))
    };
    prop_oneof![
        three(Format::Properties, lines().boxed()),
        three(Format::Ini, sections().boxed()),
        three(Format::Json, json().boxed()),
        three(Format::Json, list(Format::Json).boxed()),
        three(Format::Text, lines().boxed()),
        three(Format::BundlesInfo, bundles().boxed()),
        three(Format::Toml, list(Format::Toml).boxed()),
        three(Format::Toml, fields(Format::Toml).boxed()),
        three(Format::Yaml, list(Format::Yaml).boxed()),
        three(Format::Yaml, fields(Format::Yaml).boxed()),
        three(Format::Xml, list(Format::Xml).boxed()),
        three(Format::Xml, fields(Format::Xml).boxed()),
    ]
}

proptest! {
    #[test]
    fn a_side_alone_wins((format, [base, side, _]) in any()) {
        prop_assert_eq!(run(format, &base, &side, &base), clean(&side));
        prop_assert_eq!(run(format, &base, &base, &side), clean(&side));
        prop_assert_eq!(run(format, &base, &side, &side), clean(&side));
    }

    #[test]
    fn sides_may_be_swapped((format, [base, a, b]) in any()) {
        let (ab, ba) = (run(format, &base, &a, &b), run(format, &base, &b, &a));
        match (&ab, &ba) {
            (Merged::Clean(ab), Merged::Clean(ba)) => {
                let [ab, ba] = [ab, ba].map(|text| std::str::from_utf8(text).unwrap());
                if format.structure().is_some_and(|structure| (structure.data)(ab).is_ok()) {
                    prop_assert_eq!(said(format, ab), said(format, ba));
                }
            }
            (Merged::Conflicts(_), Merged::Conflicts(_)) => {}
            _ => prop_assert!(false, "{:?} {:?}", ab, ba),
        }
    }

    #[test]
    fn what_was_merged_is_merged((format, [base, current, new]) in any()) {
        if let Merged::Clean(merged) = run(format, &base, &current, &new) {
            let merged = String::from_utf8(merged).unwrap();
            prop_assert_eq!(run(format, &new, &merged, &new), clean(&merged));
            prop_assert_eq!(run(format, &current, &merged, &merged), clean(&merged));
        }
    }

    #[test]
    fn a_tree_is_its_text((format, [text, _, _]) in any()) {
        if let Some(Ok(tree)) = format.structure().map(|structure| (structure.parse)(&text)) {
            prop_assert_eq!(tree.text(), text);
        }
    }
}
