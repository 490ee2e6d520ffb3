//! What must hold for any three documents.

use proptest::prelude::*;

use super::super::super::{Format, Merged, Options, merge, xml};
use super::super::outcome;
use super::NAME;

/// A document of a few elements, with and without ids, in any layout.
fn document() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[ab]",
        "\n [ab] ",
        "&amp;",
        "<!\\[CDATA\\[[<a]\\]\\]>",
        "<!-- [ab] -->",
        "<\\?p x\\?>"
    ];
    let space = prop_oneof![Just(""), Just("\n  "), Just("\n\n")];
    let leaf = prop_oneof![text, Just(String::new())];
    let element = leaf.prop_recursive(3, 24, 5, move |inner| {
        let attributes = prop_oneof![
            Just(""),
            Just(" name=\"x\""),
            Just(" name='y'  b=\"1\""),
            Just("\n b='2'")
        ];
        let content = proptest::collection::vec((space.clone(), inner), 0..4);
        ("[a-c]", attributes, content).prop_map(|(tag, attributes, content)| {
            if content.is_empty() {
                return format!("<{tag}{attributes}/>");
            }
            let content: String = content
                .into_iter()
                .map(|(space, item)| format!("{space}{item}"))
                .collect();
            format!("<{tag}{attributes}>{content}\n</{tag}>")
        })
    });
    proptest::collection::vec(element, 0..5)
        .prop_map(|elements| format!("<r>\n{}\n</r>\n", elements.join("\n")))
}

/// A list of settings: their names, values and whether they are there.
fn settings() -> impl Strategy<Value = Vec<Option<u8>>> {
    proptest::collection::vec(proptest::option::weighted(0.8, 0u8..3), 6)
}

/// Whether both sides removed a setting and added others.
fn is_replaced(base: &[Option<u8>], current: &[Option<u8>], new: &[Option<u8>]) -> bool {
    let both = |test: fn(Option<u8>, Option<u8>) -> bool| {
        [current, new].map(|side| {
            base.iter()
                .zip(side)
                .map(|(was, is)| test(*was, *is))
                .collect::<Vec<_>>()
        })
    };
    let [removed, also] = both(|was, is| was.is_some() && is.is_none());
    let [mine, its] = both(|was, is| was.is_none() && is.is_some());
    removed.iter().zip(also).any(|(a, b)| *a && b) && mine.contains(&true) && its.contains(&true)
}

fn written(settings: &[Option<u8>], step: usize) -> String {
    let indent = " ".repeat(step);
    let line = |(name, value): (usize, &Option<u8>)| {
        let value = value.as_ref()?;
        Some(format!("{indent}<Property name=\"p{name}\">{value}</Property>\n"))
    };
    let lines: String = settings.iter().enumerate().filter_map(line).collect();
    format!("<Realm>\n{lines}</Realm>\n")
}

proptest! {
    #[test]
    fn a_tree_is_its_text(text in document()) {
        prop_assert_eq!(xml::parse(&text).unwrap().text(), text);
    }

    #[test]
    fn anything_is_read_or_refused(text in "[<>/a\"'= &;!\\[\\]?\n-]{0,40}") {
        if let Ok(tree) = xml::parse(&text) {
            prop_assert_eq!(tree.text(), text.clone());
        }
        let _ = xml::data(&text);
    }

    #[test]
    fn a_clean_result_says_both(base in document(), current in document(), new in document()) {
        let options = Options { format: Some(Format::Xml), ..Options::default() };
        let sides = [&base, &current, &new].map(|side| side.as_bytes());
        if let Merged::Clean(merged) = merge("x", options, sides) {
            let merged = String::from_utf8(merged).unwrap();
            prop_assert!(xml::data(&merged).is_ok());
            // What both sides say is in it.
            for text in ["<a", "<b", "<c", "CDATA"] {
                let least = [&current, &new].map(|side| side.matches(text).count()).into_iter().min();
                prop_assert!(least == Some(0) || base.contains(text) || merged.contains(text));
            }
        }
    }

    #[test]
    fn settings_are_merged_one_by_one(base in settings(), current in settings(), new in settings()) {
        let sides = [written(&base, 2), written(&current, 4), written(&new, 2)];
        let three = base.iter().zip(&current).zip(&new).map(|((base, current), new)| {
            if current == new || base == new {
                Some(*current)
            } else {
                (base == current).then_some(*new)
            }
        });
        let wanted: Option<Vec<Option<u8>>> = three.collect();
        match (outcome(NAME, sides.each_ref().map(String::as_str)), wanted) {
            (Ok(merged), Some(wanted)) => {
                let read = |name: usize| {
                    let (_, rest) = merged.split_once(&format!("\"p{name}\">"))?;
                    rest.get(..1)?.parse::<u8>().ok()
                };
                let found: Vec<Option<u8>> = (0..wanted.len()).map(read).collect();
                prop_assert_eq!(found, wanted, "{}", merged);
            }
            (Err(_), None) => {}
            // Both put something else for what was there: it may be the same one, renamed.
            (Err(_), Some(_)) if is_replaced(&base, &current, &new) => {}
            (result, wanted) => prop_assert!(false, "{:?} {:?}", result, wanted),
        }
    }
}
