use proptest::prelude::*;
use serde_json::json;

use super::super::{Opened, Options, open};
use super::*;

fn undecided(name: &str, sides: [&str; 3]) -> Undecided {
    match open(name, Options::default(), sides.map(str::as_bytes)).0 {
        Opened::Undecided(open) => *open,
        other => panic!("{name}: {other:?}"),
    }
}

/// Picks by key; `None` leaves a conflict open.
fn settled(name: &str, sides: [&str; 3], picks: &[(&str, Pick)]) -> Result<Option<String>, String> {
    let open = undecided(name, sides);
    let pick = |conflict: &Conflict| {
        let found = picks.iter().find(|(key, _)| *key == conflict.path);
        found.map(|(_, pick)| pick.clone())
    };
    let picks: Vec<_> = open.conflicts().map(pick).collect();
    let settled = open.settle(&picks)?;
    Ok(settled.map(|bytes| String::from_utf8(bytes).unwrap()))
}

const BASE: &str = "# server\nserver:\n  port: 1\n  host: a # where\nlog: info\n";
const CURRENT: &str = "# server\nserver:\n  port: 2 # mine\n  host: b\nlog: 'debug'\nown: 1\n";
const NEW: &str = "# server\nserver:\n  port: 3\n  host: c # where\nlog: warn\nadded: 1\n";
const SIDES: [&str; 3] = [BASE, CURRENT, NEW];

#[test]
fn each_conflict_takes_its_side_and_nothing_else_moves() {
    let picks = [
        ("server.port", Pick::Ours),
        ("server.host", Pick::Theirs),
        ("log", Pick::Value(json!("error"))),
    ];
    let text = settled("a.yaml", SIDES, &picks).unwrap().unwrap();
    for line in [
        "  port: 2 # mine\n",
        "  host: c",
        "own: 1\n",
        "added: 1\n",
        "# server\n",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    assert!(
        text.contains("log: error") || text.contains("log: 'error'"),
        "{text}"
    );
    assert!(!text.contains("<<<<<<<"), "{text}");
}

#[test]
fn what_is_not_decided_stays_open() {
    assert_eq!(settled("a.yaml", SIDES, &[("log", Pick::Theirs)]).unwrap(), None);
    let open = undecided("a.yaml", SIDES);
    let picks: Vec<_> = open
        .conflicts()
        .map(|one| (one.path == "log").then_some(Pick::Theirs))
        .collect();
    let text = String::from_utf8(open.marked(&picks, 7)).unwrap();
    assert_eq!(text.matches("<<<<<<< ").count(), 2, "{text}");
    assert!(text.contains("log: warn"), "{text}");
}

#[test]
fn every_format_is_settled_by_key() {
    let table = [
        (
            "a.toml",
            [
                "[s]\nport = 1\nhost = 'a'\n",
                "[s]\nport = 2\nhost = 'b'\n",
                "[s]\nport = 3\nhost = 'c'\n",
            ],
            "s.port",
        ),
        (
            "a.json",
            [
                "{\n  \"port\": 1,\n  \"host\": 1\n}\n",
                "{\n  \"port\": 2,\n  \"host\": 2\n}\n",
                "{\n  \"port\": 3,\n  \"host\": 3\n}\n",
            ],
            "port",
        ),
        (
            "a.properties",
            ["port=1\nhost=a\n", "port=2\nhost=b\n", "port=3\nhost=c\n"],
            "port",
        ),
        (
            "a.ini",
            [
                "[s]\nport=1\nhost=a\n",
                "[s]\nport=2\nhost=b\n",
                "[s]\nport=3\nhost=c\n",
            ],
            "[s] port",
        ),
        (
            "a.xml",
            ["<s port=\"1\"/>\n", "<s port=\"2\"/>\n", "<s port=\"3\"/>\n"],
            "/s/@port",
        ),
        (
            "a.yaml",
            [
                "auth.configs:\n  port: 1\nhost: a\n",
                "auth.configs:\n  port: 2\nhost: b\n",
                "auth.configs:\n  port: 3\nhost: c\n",
            ],
            "auth.configs.port",
        ),
        (
            "a.json",
            [
                "{\"org.x[0]\": {\"port\": 1}}\n",
                "{\"org.x[0]\": {\"port\": 2}}\n",
                "{\"org.x[0]\": {\"port\": 3}}\n",
            ],
            "org.x[0].port",
        ),
        (
            "a.toml",
            [
                "[\"a.b\"]\nport = 1\n",
                "[\"a.b\"]\nport = 2\n",
                "[\"a.b\"]\nport = 3\n",
            ],
            "\"a.b\".port",
        ),
        (
            "a.ini",
            [
                "wrapper.java.port=1\nhost=a\n",
                "wrapper.java.port=2\nhost=b\n",
                "wrapper.java.port=3\nhost=c\n",
            ],
            "wrapper.java.port",
        ),
        (
            "a.xml",
            [
                "<C>\n  <Logger name=\"root\" level=\"9\"/>\n  <Logger name=\"org.x\" level=\"1\"/>\n</C>\n",
                "<C>\n  <Logger name=\"root\" level=\"9\"/>\n  <Logger name=\"org.x\" level=\"2\"/>\n</C>\n",
                "<C>\n  <Logger name=\"root\" level=\"9\"/>\n  <Logger name=\"org.x\" level=\"3\"/>\n</C>\n",
            ],
            "/C/Logger[org.x]/@level",
        ),
        (
            "a.xml",
            [
                "<a>\n  <b>\n    <x>1</x>\n  </b>\n  <b>\n    <x>9</x>\n  </b>\n</a>\n",
                "<a>\n  <b>\n    <x>2</x>\n  </b>\n  <b>\n    <x>9</x>\n  </b>\n</a>\n",
                "<a>\n  <b>\n    <x>3</x>\n  </b>\n  <b>\n    <x>9</x>\n  </b>\n</a>\n",
            ],
            "/a/b[1]/x",
        ),
    ];
    for (name, sides, key) in table {
        let open = undecided(name, sides);
        let is_other = |conflict: &Conflict| conflict.path != key;
        let all = |pick: &Pick| -> Vec<_> {
            open.conflicts()
                .map(|one| Some(if is_other(one) { Pick::Ours } else { pick.clone() }))
                .collect()
        };
        let theirs = open.settle(&all(&Pick::Theirs)).unwrap().unwrap();
        assert!(String::from_utf8(theirs).unwrap().contains('3'), "{name}");
        let ours = open.settle(&all(&Pick::Ours)).unwrap().unwrap();
        assert_eq!(String::from_utf8(ours).unwrap(), sides[1], "{name}");
        let value = open.settle(&all(&Pick::Value(json!(4)))).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(value).unwrap(),
            sides[1].replacen('2', "4", 1),
            "{name}"
        );
    }
}

#[test]
fn deleting_against_changing_can_be_decided_either_way() {
    let sides = ["a: 1\nb: 1\nc: 1\n", "a: 1\nc: 1\n", "a: 1\nb: 2\nc: 1\n"];
    let with = |pick| settled("a.yaml", sides, &[("b", pick)]).unwrap().unwrap();
    assert_eq!(with(Pick::Ours), sides[1]);
    assert_eq!(with(Pick::Theirs), sides[2]);
    assert_eq!(with(Pick::Value(json!(7))), "a: 1\nb: 7\nc: 1\n");
}

#[test]
fn lines_are_decided_in_any_text() {
    let sides = ["a\nb\nc\n", "a\nmine\nc\n", "a\ntheirs\nc\n"];
    let with = |pick| settled("run.sh", sides, &[("", pick)]).unwrap().unwrap();
    assert_eq!(with(Pick::Ours), sides[1]);
    assert_eq!(with(Pick::Theirs), sides[2]);
    assert_eq!(with(Pick::Lines("both\n".into())), "a\nboth\nc\n");
    let marker = Pick::Lines("<<<<<<< mine\n".into());
    assert!(settled("run.sh", sides, &[("", marker)]).is_err());
}

#[test]
fn line_ends_and_byte_order_marks_stay() {
    let sides = [
        "\u{feff}a=1\r\nb=1\r\n",
        "\u{feff}a=2\r\nb=1\r\n",
        "\u{feff}a=3\r\nb=1\r\n",
    ];
    let text = settled("a.properties", sides, &[("a", Pick::Value(json!(9)))]).unwrap();
    assert_eq!(text.unwrap(), "\u{feff}a=9\r\nb=1\r\n");
}

#[test]
fn a_value_that_names_no_key_of_the_conflict_is_refused() {
    // Two keys on one line are one conflict, of a name that is no key.
    let sides = [
        "{\"a\": 1, \"b\": 1}\n",
        "{\"a\": 2, \"b\": 2}\n",
        "{\"a\": 3, \"b\": 3}\n",
    ];
    let open = undecided("a.json", sides);
    let name = open.conflicts().next().unwrap().path.clone();
    assert_eq!(name, "a, b");
    assert!(open.settle(&[Some(Pick::Value(json!(4)))]).is_err());
    assert!(open.settle(&[Some(Pick::Theirs)]).unwrap().is_some());
}

#[test]
fn a_value_goes_to_the_item_in_conflict_whatever_its_number() {
    let sides = [
        "users:\n- id: b\n  port: 1\n",
        "users:\n- id: b\n  port: 2\n",
        "users:\n- id: a\n  port: 1\n- id: b\n  port: 3\n",
    ];
    let text = settled("a.yaml", sides, &[("users[0].port", Pick::Value(json!(4)))]);
    assert_eq!(
        text.unwrap().unwrap(),
        "users:\n- id: a\n  port: 1\n- id: b\n  port: 4\n"
    );
}

#[test]
fn what_the_encoding_of_a_file_cannot_hold_is_refused() {
    let sides: [&[u8]; 3] = [
        b"# caf\xe9\nkey=1\n",
        b"# caf\xe9\nkey=2\n",
        b"# caf\xe9\nkey=3\n",
    ];
    for name in ["a.properties", "run.sh"] {
        let Opened::Undecided(open) = open(name, Options::default(), sides).0 else {
            panic!("{name} is in conflict");
        };
        let pick = |text: &str| match name {
            "run.sh" => Pick::Lines(format!("key={text}\n")),
            _ => Pick::Value(json!(text)),
        };
        for text in ["pa\u{20ac}ss", "p\u{fc}ss"] {
            let refused = open.settle(&[Some(pick(text))]).unwrap_err();
            assert!(refused.contains("UTF-8"), "{refused}");
        }
        let settled = open.settle(&[Some(pick("pass"))]).unwrap();
        assert_eq!(settled.unwrap(), b"# caf\xe9\nkey=pass\n", "{name}");
    }
}

#[test]
fn equal_conflicts_of_a_file_are_told_apart_and_the_first_is_as_it_would_be_alone() {
    let twice = |line: &str| format!("if a\n{line}\nfi\nif b\nother\nif a\n{line}\nfi\n");
    let sides = ["run 1", "run 2", "run 3"].map(twice);
    let both = undecided("run.sh", sides.each_ref().map(String::as_str)).cases();
    assert_eq!(both.len(), 2);
    assert_ne!(both[0], both[1]);
    let alone = undecided("run.sh", ["a\nrun 1\nb\n", "a\nrun 2\nb\n", "a\nrun 3\nb\n"]).cases();
    assert_eq!(both[0], alone[0]);
}

#[test]
fn a_marker_that_the_operator_left_cannot_be_decided_away() {
    let current = "a\n<<<<<<< mine\nb\n=======\nc\n>>>>>>> theirs\nd\n";
    let open = undecided("run.sh", ["a\nd\n", current, "z\na\nd\n"]);
    assert!(open.settle(&[Some(Pick::Ours)]).is_err());
    assert!(open.cases().is_empty());
}

/// A file of ten keys, each with this value.
fn yaml(values: &[u8], quoted: bool, comment: &str, reversed: bool) -> String {
    let line = |(number, value): (usize, &u8)| {
        let value = if quoted {
            format!("\"v{value}\"")
        } else {
            format!("v{value}")
        };
        format!("{comment}k{number}: {value}\n")
    };
    let mut lines: Vec<String> = values.iter().enumerate().map(line).collect();
    if reversed {
        lines.reverse();
    }
    lines.concat()
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0..4_u8, 6)
}

/// The case of a key; `None` if it is not in conflict.
fn case_of(sides: [&str; 3], key: &str) -> Option<Case> {
    match open("a.yaml", Options::default(), sides.map(str::as_bytes)).0 {
        Opened::Undecided(open) => open
            .cases()
            .into_iter()
            .find(|case| case.key.as_deref() == Some(key)),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_settled_file_says_the_decided_sides(
        base in values(), current in values(), new in values(), theirs in proptest::collection::vec(any::<bool>(), 6),
    ) {
        let texts = [&base, &current, &new].map(|values| yaml(values, false, "", false));
        let sides = texts.each_ref().map(String::as_str);
        if let Opened::Undecided(open) = open("a.yaml", Options::default(), sides.map(str::as_bytes)).0 {
            let takes = |conflict: &Conflict| {
                let number: usize = conflict.path.trim_start_matches('k').parse().unwrap();
                theirs[number]
            };
            let picks: Vec<_> = open
                .conflicts()
                .map(|one| Some(if takes(one) { Pick::Theirs } else { Pick::Ours }))
                .collect();
            let text = String::from_utf8(open.settle(&picks).unwrap().unwrap()).unwrap();
            let expected: Vec<u8> = (0..6)
                .map(|at| match (base[at], current[at], new[at]) {
                    (b, c, n) if c == n || b == n => c,
                    (b, c, n) if b == c => n,
                    (_, c, n) => if theirs[at] { n } else { c },
                })
                .collect();
            prop_assert_eq!(text, yaml(&expected, false, "", false));
        }
    }

    #[test]
    fn a_case_is_the_same_however_the_operator_writes_and_another_for_another_meaning(
        current in values(), other in values(), quoted in any::<bool>(), reversed in any::<bool>(),
    ) {
        let [base, new] = [7, 8].map(|value| yaml(&[value; 6], false, "", false));
        let plain = yaml(&current, false, "", false);
        let case = case_of([&base, &plain, &new], "k0").unwrap();
        let written = yaml(&current, quoted, "# note\n", reversed);
        prop_assert_eq!(case_of([&base, &written, &new], "k0"), Some(case.clone()));
        // Other keys have another value; this one does not.
        let mut elsewhere = other.clone();
        elsewhere[0] = current[0];
        prop_assert_eq!(case_of([&base, &yaml(&elsewhere, false, "", false), &new], "k0"), Some(case.clone()));
        let changed = yaml(&[9; 6], false, "", false);
        for sides in [[&changed, &plain, &new], [&base, &changed, &new], [&base, &plain, &changed]] {
            prop_assert_ne!(case_of(sides.map(String::as_str), "k0"), Some(case.clone()));
        }
    }
}
