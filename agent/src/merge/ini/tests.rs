//! The tree and what the file says are read apart from each other, and must agree.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::value::Data;
use super::*;

/// What a file's tree says.
fn said(text: &str) -> Result<Data, ParseError> {
    let mut sections = BTreeMap::new();
    for section in parse(text)?.children() {
        let Key::Named(name) = &section.key else { continue };
        let mut keys: BTreeMap<String, Vec<Data>> = BTreeMap::new();
        for node in section.children() {
            let Key::Named(key) = &node.key else { continue };
            let value = Data::Scalar(node.scalar().unwrap_or_default().to_owned());
            keys.entry(key.clone()).or_default().push(value);
        }
        if name.is_empty() && keys.is_empty() {
            continue;
        }
        let keys = keys
            .into_iter()
            .map(|(key, values)| (key, lines::occurrences(values)));
        if sections.insert(name.clone(), Data::Map(keys.collect())).is_some() {
            return Err(ParseError::new(0, "a section that is there twice"));
        }
    }
    Ok(Data::Map(sections))
}

#[test]
fn a_line_says_the_same_to_both_readers() {
    let table: [(&str, &str, &str); 21] = [
        ("a=1\n", "a", "1"),
        ("a = 1 = 2  \n", "a", "1 = 2"),
        ("a: 1\n", "a", "1"),
        ("a : 1\n", "a", "1"),
        ("a b : 1\n", "a", "b : 1"),
        ("a:b = 1\n", "a", "b = 1"),
        ("a b:c = 1\n", "a b:c", "1"),
        ("url http://h = 1\n", "url http://h", "1"),
        ("save 900 1\n", "save", "900 1"),
        ("alone\n", "alone", "\0"),
        ("alone  \n", "alone", "\0"),
        ("empty =\n", "empty", ""),
        ("empty =   \n", "empty", ""),
        ("=x\n", "=x", "\0"),
        ("a=1 # no comment\n", "a", "1 # no comment"),
        ("a 'b' = 1\n", "a", "'b' = 1"),
        ("  a=1\n", "a", "1"),
        ("a=1\\\nb=2\n", "a", "1\\\nb=2"),
        ("a =\n  1\n  # c\n\n  2\n# d\n", "a", "\n  1\n  # c\n\n  2"),
        ("a=1\r\n", "a", "1"),
        ("a=1\\\\\n", "a", "1\\\\"),
    ];
    for (text, key, value) in table {
        let expected = Data::Map(BTreeMap::from([(key.to_owned(), Data::Scalar(value.to_owned()))]));
        let expected = Data::Map(BTreeMap::from([(String::new(), expected)]));
        assert_eq!(data(text).as_ref(), Ok(&expected), "{text:?}");
        assert_eq!(said(text), Ok(expected), "{text:?}");
    }
}

#[test]
fn what_one_reader_refuses_so_does_the_other() {
    let refused = [
        "server {\n",
        "}\n",
        "<a>\n",
        "[a\n",
        "[a] b\n",
        "[[a]]\n",
        "[a]\n[b]\n[a]\n",
        "\"a\": 1\n",
        "a\0b\n",
    ];
    for text in refused {
        assert!(data(text).is_err() && said(text).is_err(), "{text:?}");
    }
    for text in ["", "\n# a\n", "[a] ; b\n", "[]\n", "[a] # b\\\n c\n x=1\n"] {
        assert_eq!(data(text), said(text), "{text:?}");
        assert!(data(text).is_ok(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn readers_agree(text in "([ \\t]{0,2}[ab\\[\\]=:;#'\"\\\\\\r{ ]{0,6}\\n){0,8}") {
        let (data, said) = (data(&text), said(&text));
        prop_assert_eq!(data.is_ok(), said.is_ok(), "{:?} {:?}", data, said);
        prop_assert!(data.is_err() || data == said, "{:?} {:?}", data, said);
    }
}
