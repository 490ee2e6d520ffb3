use super::*;

/// Capital letters are names, others are content, spaces are blank lines.
fn tokens(text: &str) -> Vec<Token> {
    let token = |c: char| match c {
        ' ' => Token::Content(BLANK),
        'A'..='Z' => Token::Named(u32::from(c)),
        _ => Token::Content(u32::from(c)),
    };
    text.chars().map(token).collect()
}

/// The slots in letters, without those that a side removed; a clash in brackets.
fn shown(order: Order, sides: [&str; 3]) -> String {
    let texts = sides.map(|side| side.chars().collect::<Vec<_>>());
    let tokens = sides.map(tokens);
    let slots = align(order, tokens.each_ref().map(Vec::as_slice));
    let one = |slot: &Slot| match slot {
        Slot::One([Some(_), None, _] | [Some(_), _, None]) => String::new(),
        Slot::One(at) => match pick(texts.each_ref().map(Vec::as_slice), at) {
            [Some(base), Some(current), _] if base != current => current.to_string(),
            found => found.into_iter().flatten().next_back().unwrap().to_string(),
        },
        Slot::Clash(ranges) => {
            let part = |side: usize| texts[side][ranges[side].clone()].iter().collect::<String>();
            format!("({}|{}|{})", part(0), part(1), part(2))
        }
    };
    slots.iter().map(one).collect()
}

#[test]
fn children_whose_order_means_nothing() {
    let table = [
        // Additions after what they follow, the vendor's first.
        (["ABC", "ABXC", "AYBC"], "AYBXC"),
        (["AB", "ABX", "ABY"], "ABYX"),
        (["", "X", "Y"], "YX"),
        // Removed by a side.
        (["ABC", "AC", "ABCX"], "ACX"),
        // The side that did not reorder gives way.
        (["ABC", "CBA", "ABXC"], "CBXA"),
        (["ABC", "AXBC", "CAB"], "CAXB"),
        (["ABC", "CBA", "BAC"], "CBA"),
        // Lines between names: the same ones once, blank lines only with what follows them.
        (["aAB", "aAB", "aAbB"], "aAbB"),
        (["A", "A X", "A Y"], "A Y X"),
        (["A", "A X", "A X"], "A X"),
        (["aAbB", "aAXB", "aAbB"], "aAXB"),
    ];
    for (sides, expected) in table {
        assert_eq!(shown(Order::Free, sides), expected, "{sides:?}");
    }
}

#[test]
fn children_whose_order_means_something() {
    let table = [
        (["abc", "abcx", "yabc"], "yabcx"),
        (["abc", "axc", "abcy"], "axcy"),
        // What both put in the same place.
        (["ab", "abx", "aby"], "ab(|x|y)"),
        (["ab", "abx", "abx"], "abx"),
        (["AB", "ABX", "ABY"], "AB(|X|Y)"),
        (["AB", "AXB", "ABY"], "AXBY"),
        // A named child that a side moved.
        (["ABc", "BAc", "ABcd"], "BAcd"),
        (["ABC", "CAB", "ABCX"], "CXAB"),
    ];
    for (sides, expected) in table {
        assert_eq!(shown(Order::Kept, sides), expected, "{sides:?}");
    }
}

#[test]
fn a_name_that_is_there_twice_names_nothing() {
    let mut sides = [tokens("AB"), tokens("AAB"), tokens("B")];
    demote_duplicates(&mut sides, |_, _| 7);
    assert_eq!(sides[0][0], Token::Content(7));
    assert_eq!(sides[1][1], Token::Content(7));
    assert_eq!(sides[2][0], sides[0][1]);
}
