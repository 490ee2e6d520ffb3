//! Whether a merge is clean does not depend on which side is whose, and neither does what a clean result says.

use super::super::{Format, value::Data};
use super::outcome;

type Sides = [&'static str; 3];

/// What a clean result says; `None` for conflicts.
pub(super) fn said(format: Format, text: &str) -> Data {
    let structure = format.structure().unwrap();
    let data = (structure.data)(text).unwrap();
    // Elements that both sides added come out in either order.
    if format == Format::Xml {
        unordered(data)
    } else {
        data
    }
}

/// Without the order of an element's content.
fn unordered(data: Data) -> Data {
    let Data::List(mut items) = data else {
        return data;
    };
    items
        .iter_mut()
        .for_each(|item| item.data = unordered(item.data.clone()));
    if items.iter().all(|item| item.id.is_none()) {
        items.sort();
    }
    Data::List(items)
}

/// The merge in both directions.
fn both_ways(name: &str, [base, a, b]: Sides) -> [Option<Data>; 2] {
    let format = Format::candidates(name, base)[0];
    [[base, a, b], [base, b, a]].map(|sides| Some(said(format, &outcome(name, sides).ok()?)))
}

fn check(name: &str, is_clean: bool, cases: &[Sides]) {
    for sides in cases {
        let [ab, ba] = both_ways(name, *sides);
        assert_eq!(ab, ba, "{sides:?}");
        assert_eq!(ab.is_some(), is_clean, "{sides:?}");
    }
}

#[test]
fn keys_that_stand_several_times_keep_their_order() {
    let properties = [
        ["a=2\nb=1\nb=1\n", "b=1\na=2\nb=1\n", "b=2\nb=2\na=1\nb=1\n"],
        ["b=2\n", "b=2\nb=1\n\na=1\nb=2\n", "a=1\nb=2\n\n"],
        ["a=1\n# x\n", "b=2\nd=1\na=1\n", "a=1\nd=1\na=2\nb=2\n"],
    ];
    check("a.properties", true, &properties);
    let ini = [
        ["a=1\nb=2\na=2\n", "b=1\na=2\na=2\n", "a=1\na=1\nb=2\na=2\n"],
        [
            "a=1\nb=2\na=2\na=2\n",
            "a=2\na=1\nb=2\na=2\na=2\n",
            "b=2\na=1\na=2\n",
        ],
    ];
    check("a.ini", true, &ini);
    // Both changed the same one.
    let clash = [["a=1\na=1\n", "a=1\na=2\n", "b=1\na=1\na=3\n"]];
    check("a.properties", false, &clash);
    check("a.ini", false, &clash);
}

#[test]
fn a_line_end_that_is_escaped_stays_with_its_value() {
    let cases = [
        ["\nb=1\nb=1\n", "b=1\n\nb=1\\\n\n  2\n", "b=2\nb=1\n"],
        // At the end of the file nothing is left that the line goes on in.
        ["a=1\n", "a=1\nb=1\\\n", "a=1\nc=1\n"],
        ["a=1\n", "a=1\nb=1\\", "a=1\nc=1\n"],
    ];
    check("a.properties", true, &cases);
    check("a.ini", true, &cases[1..]);
}

#[test]
fn what_is_written_empty_gives_way_to_what_is_not() {
    let xml = [
        ["<r/>\n", "<r>\n  <b/>\n</r>\n", "<r>\n  <b>x</b>\n</r>\n"],
        [
            "<r>\n  <b>\n  </b>\n</r>\n",
            "<r>\n  <b/>\n</r>\n",
            "<r>\n  <b><c/></b>\n</r>\n",
        ],
    ];
    check("a.xml", true, &xml);
    check(
        "a.properties",
        true,
        &[["b=\n", "b\n", "b=1\n"], ["b\n", "b=\n", "b=1\n"]],
    );
    let yaml = [["b: 2\na: {} # y\n", "b: 2 # y\na: {}\n", "# x\nb: 2\na: []\n"]];
    check("a.yaml", true, &yaml);
}

#[test]
fn elements_that_both_added_are_the_same_from_either_side() {
    let cases = [
        [
            "<r>\n  <b>2</b>\n  <a>x</a>\n</r>\n",
            "<r>\n  <a/>\n  <b>2</b>\n</r>\n",
            "<r>\n  <b>2</b>\n  <a/>\n  <a>\n    <b>1</b>\n  </a>\n</r>\n",
        ],
        // Of two ids, neither side's first is the surer one.
        [
            "<r>\n</r>\n",
            "<r>\n<x><a-name>1</a-name><b-name>1</b-name></x>\n<x><a-name>2</a-name><b-name>2</b-name></x>\n</r>\n",
            "<r>\n<x><b-name>1</b-name><a-name>3</a-name></x>\n</r>\n",
        ],
    ];
    check("a.xml", true, &cases);
    // One side alone says that the order means something.
    let synapse = [[
        "<r>\n</r>\n",
        "<r>\n<sequence xmlns=\"http://ws.apache.org/ns/synapse\"><log/></sequence>\n</r>\n",
        "<r>\n<sequence><send/></sequence>\n</r>\n",
    ]];
    check("a.xml", false, &synapse);
}

#[test]
fn where_order_means_something_nothing_is_put_in_two_places() {
    let list = |ids: &str| {
        // So long that no two are nearly the same line.
        let items = ids
            .chars()
            .map(|id| format!("  {{\"id\": \"{}\"}}", id.to_string().repeat(40)));
        format!("[\n{}\n]\n", items.collect::<Vec<_>>().join(",\n"))
    };
    let table = [
        // Both moved it, both added it.
        ("abcd", "bcda", "bacd", false),
        ("ab", "nab", "abn", false),
        ("a", "aqs", "asq", false),
        // What one side removed does not say where the other's addition stood.
        ("q", "p", "sq", false),
        ("q", "qs", "p", false),
        ("abc", "axc", "abyc", false),
        // One side alone moved it; the same in the same place.
        ("abcd", "bcda", "abcde", true),
        ("abc", "acb", "acb", true),
        ("abc", "xabc", "abcy", true),
        ("abc", "axbc", "aby", true),
    ];
    for (base, a, b, is_clean) in table {
        let sides = [base, a, b].map(list);
        let [base, a, b] = sides.each_ref().map(String::as_str);
        let both = [[base, a, b], [base, b, a]];
        let [ab, ba] = both.map(|sides| Some(said(Format::Json, &outcome("a.json", sides).ok()?)));
        assert_eq!(ab, ba, "{base}{a}{b}");
        assert_eq!(ab.is_some(), is_clean, "{base}{a}{b}");
    }
}

#[test]
fn documents_with_names_may_come_in_any_order() {
    let document = |name: &str| format!("---\nkind: A\nmetadata:\n  name: {name}\n");
    let of = |names: &[&str]| names.iter().map(|name| document(name)).collect::<String>();
    let [base, a, b] = [&["x", "y"][..], &["n", "x", "y"], &["x", "y", "n"]].map(of);
    assert_eq!(outcome("a.yaml", [&base, &a, &b]).unwrap(), a);
    assert_eq!(outcome("a.yaml", [&base, &b, &a]).unwrap(), b);
}
