use super::{check, outcome, resolved};

const NAME: &str = "config.json";

#[test]
fn keys_come_together_with_their_commas() {
    check(
        NAME,
        &[
            (
                "{\n  \"a\": 1\n}\n",
                "{\n  \"a\": 1,\n  \"mine\": 2\n}\n",
                "{\n  \"a\": 1,\n  \"its\": 3\n}\n",
                Ok("{\n  \"a\": 1,\n  \"its\": 3,\n  \"mine\": 2\n}\n"),
            ),
            (
                "{\n  \"a\": 1,\n  \"b\": 2\n}\n",
                "{\n  \"a\": 1\n}\n",
                "{\n  \"a\": 5,\n  \"b\": 2\n}\n",
                Ok("{\n  \"a\": 5\n}\n"),
            ),
            // Deeper down, and on one line.
            (
                "{\"a\": {\"x\": 1, \"y\": 2}}",
                "{\"a\": {\"x\": 9, \"y\": 2}}",
                "{\"a\": {\"x\": 1, \"y\": 3}}",
                Ok("{\"a\": {\"x\": 9, \"y\": 3}}"),
            ),
            // Other spellings of the same value are no change.
            (
                "{\"a\": \"\\u0041\",\n \"b\": 1}\n",
                "{\"a\": \"A\",\n \"b\": 1}\n",
                "{\"a\": \"\\u0041\",\n \"b\": 2}\n",
                Ok("{\"a\": \"A\",\n \"b\": 2}\n"),
            ),
        ],
    );
}

#[test]
fn a_file_that_the_operator_indented_anew_stays_so() {
    check(
        NAME,
        &[(
            "{\n  \"a\": {\n    \"x\": 1\n  },\n  \"b\": 2\n}\n",
            "{\n    \"b\": 2,\n    \"a\": {\n        \"x\": 1\n    }\n}\n",
            "{\n  \"a\": {\n    \"x\": 1\n  },\n  \"b\": 3,\n  \"c\": {\n    \"y\": 1\n  }\n}\n",
            Ok(
                "{\n    \"b\": 3,\n    \"c\": {\n        \"y\": 1\n    },\n    \"a\": {\n        \"x\": 1\n    }\n}\n",
            ),
        )],
    );
}

#[test]
fn list_items_are_known_by_an_id_like_key_else_by_content() {
    check(
        NAME,
        &[
            // Moved by one side, changed by the other.
            (
                "[\n {\"id\": 1, \"v\": 1},\n {\"id\": 2, \"v\": 2}\n]\n",
                "[\n {\"id\": 2, \"v\": 2},\n {\"id\": 1, \"v\": 1}\n]\n",
                "[\n {\"id\": 1, \"v\": 5},\n {\"id\": 2, \"v\": 2}\n]\n",
                Ok("[\n {\"id\": 2, \"v\": 2},\n {\"id\": 1, \"v\": 5}\n]\n"),
            ),
            (
                "[1, 2, 3]\n",
                "[1, 2, 3, 4]\n",
                "[0, 1, 2, 3]\n",
                Ok("[0, 1, 2, 3, 4]\n"),
            ),
            // Nothing says which comes first.
            (
                "{\"l\": [1]}\n",
                "{\"l\": [1, 2]}\n",
                "{\"l\": [1, 3]}\n",
                Err(&["l"]),
            ),
            (
                "{\"l\": [1, 2]}\n",
                "{\"l\": [1, 3]}\n",
                "{\"l\": [1, 4]}\n",
                Err(&["l[1]"]),
            ),
        ],
    );
}

#[test]
fn comments_and_trailing_commas_are_tolerated_but_not_brought_in() {
    check(
        "settings.json",
        &[(
            "{\n  // one\n  \"a\": 1,\n  \"b\": 2,\n}\n",
            "{\n  // one\n  \"a\": 9,\n  \"b\": 2,\n}\n",
            "{\n  // one\n  \"a\": 1,\n  // three\n  \"c\": 3,\n  \"b\": 2,\n}\n",
            Ok("{\n  // one\n  \"a\": 9,\n  // three\n  \"c\": 3,\n  \"b\": 2,\n}\n"),
        )],
    );
    let merged = outcome(
        NAME,
        ["{\"a\": 1}", "{\"a\": 1, \"b\": 2}", "{\"c\": 3, \"a\": 1}"],
    )
    .unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(&merged).is_ok(),
        "{merged}"
    );
}

#[test]
fn each_way_out_of_a_conflict_is_json() {
    let base = "{\n  \"a\": 1,\n  \"b\": {\"x\": 1},\n  \"c\": 3\n}\n";
    let table = [
        (
            "{\n  \"a\": 1,\n  \"b\": {\"x\": 2},\n  \"c\": 3\n}\n",
            "{\n  \"a\": 1,\n  \"c\": 3\n}\n",
        ),
        (
            "{\n  \"a\": 1,\n  \"b\": {\"x\": 1}\n}\n",
            "{\n  \"a\": 1,\n  \"b\": {\"x\": 1},\n  \"c\": 4\n}\n",
        ),
        (
            "{\n  \"a\": 1,\n  \"b\": 7,\n  \"c\": 3\n}\n",
            "{\n  \"a\": 1,\n  \"b\": {\"x\": 3},\n  \"c\": 3\n}\n",
        ),
    ];
    for (current, new) in table {
        let (text, _) = outcome(NAME, [base, current, new]).unwrap_err();
        for (side, whole) in [(0, current), (1, new)] {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            assert_eq!(read(&resolved(&text, side)), read(whole), "{text}");
        }
    }
}

#[test]
fn a_key_twice_is_not_called_merged() {
    // By lines, the key would stand there twice.
    let base = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n";
    let sides = [
        base,
        "{\n  \"x\": 1,\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n",
        "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3,\n  \"x\": 2\n}\n",
    ];
    assert_eq!(outcome(NAME, sides).unwrap_err().1, ["x"]);
}
