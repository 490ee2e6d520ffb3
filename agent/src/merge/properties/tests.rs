//! The tree and what the file says are read apart from each other, and must agree.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::value::Data;
use super::*;

/// What a file's tree says.
fn said(text: &str) -> Data {
    let mut found: BTreeMap<String, Vec<Data>> = BTreeMap::new();
    for node in parse(text).unwrap().children() {
        let Key::Named(key) = &node.key else { continue };
        let value = node.scalar().unwrap_or_default().to_owned();
        found.entry(key.clone()).or_default().push(Data::Scalar(value));
    }
    let keys = found.into_iter();
    Data::Map(
        keys.map(|(key, values)| (key, lines::occurrences(values)))
            .collect(),
    )
}

#[test]
fn a_line_says_to_both_readers_what_java_reads() {
    let table: [(&str, &str, &str); 22] = [
        ("a=1\n", "a", "1"),
        ("a:1\n", "a", "1"),
        ("a 1\n", "a", "1"),
        ("a  =  1 \n", "a", "1 "),
        ("a = = 1\n", "a", "= 1"),
        ("a\t:=1\n", "a", "=1"),
        (" \t\u{c}a=1\n", "a", "1"),
        ("a\n", "a", ""),
        ("=1\n", "", "1"),
        ("a=1\r\n", "a", "1"),
        ("a=x,\\\n   y\n", "a", "x,y"),
        ("a=x\\\n\n", "a", "x"),
        ("a=x\\\n# y\n", "a", "x# y"),
        ("a\\\n  b=1\n", "ab", "1"),
        ("# c \\\na=1\n", "a", "1"),
        ("! c\n\n \na=1\n", "a", "1"),
        ("a\\ b\\=c\\:d=1\n", "a b=c:d", "1"),
        ("a=\\t\\n\\f\\r\\q\\\\\n", "a", "\t\n\u{c}\rq\\"),
        ("a=\\u0041\\u00e9\n", "a", "Aé"),
        ("\\u0061=1\n", "a", "1"),
        ("a=1\\\\\n", "a", "1\\"),
        ("a=1\\", "a", "1"),
    ];
    for (text, key, value) in table {
        let expected = Data::Map(BTreeMap::from([(key.to_owned(), Data::Scalar(value.to_owned()))]));
        assert_eq!(data(text).as_ref(), Ok(&expected), "{text:?}");
        assert_eq!(said(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_no_character_is_not_taken_for_one() {
    let said = |text: &str| data(text).unwrap();
    // A pair is the one character that it stands for.
    assert_eq!(said("a=\\ud83d\\ude00\n"), said("a=😀\n"));
    let different = [
        "a=\\ud83d\n",
        "a=\\ud83e\n",
        "a=\\\\ud83d\n",
        "a=\\users\n",
        "a=\\\\users\n",
        "a=users\n",
    ];
    for (number, text) in different.iter().enumerate() {
        for other in &different[number + 1..] {
            assert_ne!(said(text), said(other), "{text:?} {other:?}");
        }
    }
}

proptest! {
    #[test]
    fn readers_agree(text in "([ \\t]{0,2}([ab=:#! \\\\]|\\\\\\\\|\\\\u0061|\\\\t){0,6}(\\n|\\r\\n)){0,8}") {
        prop_assert_eq!(data(&text).unwrap(), said(&text));
    }
}
