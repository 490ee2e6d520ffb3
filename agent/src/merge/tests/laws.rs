//! What must hold for any three files.

use proptest::prelude::*;

use super::super::{Format, Merged, Options, merge};

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

/// Files that are not far from each other.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => "[ab]=[12]\n",
        2 => "[c-h]=[12]\n",
        1 => "# [xyz]\n",
        1 => Just("\n".to_owned()),
        1 => "[ij]=[12]\\\\\n  [34]\n",
    ];
    proptest::collection::vec(line, 0..10).prop_map(|lines| lines.concat())
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
        three(Format::Text, lines().boxed()),
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
                if let Some(structure) = format.structure() {
                    let data = |text: &[u8]| (structure.data)(std::str::from_utf8(text).unwrap());
                    prop_assert_eq!(data(ab), data(ba));
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
