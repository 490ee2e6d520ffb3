use super::*;
use serde_json::json;

fn layer(text: &str) -> Layer {
    Layer::parse(Path::new("/etc/pitstop/values/a.yaml"), text).unwrap()
}

fn refusal(text: &str) -> String {
    let failure = Layer::parse(Path::new("/v/a.yaml"), text).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Settings);
    failure.message
}

#[test]
fn later_layers_win_key_by_key_and_lists_are_replaced() {
    let merged = merge(
        vec![
            layer("a: {x: 1, y: 2}\nl: [1, 2]\nn: 1\n"),
            layer("{\"a\": {\"y\": 3}, \"l\": [9], \"n\": null}"),
            layer("# nothing\n"),
        ],
        Map::new(),
    );
    let values = merged.with_secrets(Vec::new());
    assert_eq!(
        Value::Object(values.tree),
        json!({"a": {"x": 1, "y": 3}, "l": [9], "n": null})
    );
}

#[test]
fn secrets_are_found_where_they_count_and_put_in_place_in_order() {
    let merged = merge(
        vec![
            layer(
                "z: {secret: {file: key}}\ndb: [{password: {secret: {env: DB}}}]\nover: {secret: {env: UNUSED}}\n",
            ),
            layer("admin: {secret: {secret: {value: 'pa ss'}}}\nover: plain\n"),
        ],
        Map::new(),
    );
    let found: Vec<(String, Reference)> = merged
        .references()
        .into_iter()
        .map(|(place, reference)| (place.join("."), reference))
        .collect();
    assert_eq!(
        found,
        [
            ("admin.secret".into(), Reference::Value("pa ss".into())),
            ("db.0.password".into(), Reference::Env("DB".into())),
            ("z".into(), Reference::File("/etc/pitstop/values/key".into())),
        ]
    );
    let values = merged.with_secrets(vec!["pa ss".into(), "two".into(), "three3".into()]);
    assert_eq!(values.tree["admin"], json!({"secret": "pa ss"}));
    assert_eq!(values.tree["db"], json!([{"password": "two"}]));
    assert_eq!(values.tree["z"], json!("three3"));
    assert_eq!(values.tree["over"], json!("plain"));
    for place in [["z"].as_slice(), &["db", "0", "password"]] {
        let place: Place = place.iter().map(|key| (*key).to_owned()).collect();
        assert_ne!(
            values.at(&place),
            Values {
                tree: values.decoys.clone(),
                ..values.clone()
            }
            .at(&place)
        );
    }
    assert_eq!(values.scrub("a pa ss b two"), "a <secret> b two");
}

#[test]
fn layers_that_make_no_sense_are_named_without_their_values() {
    let table = [
        (
            "a: {secret: {fil: hunter2}}",
            "/v/a.yaml: a: unknown `fil`; did you mean `file`?",
        ),
        (
            "a: [{b: {secret: {file: x, env: hunter2}}}]",
            "a[0].b: a secret is given by one of",
        ),
        ("a: {secret: {}}", "a: a secret is given by one of"),
        ("a: {secret: {env: ''}}", "`env` of a secret is empty"),
        ("a: {secret: {value: 12}}", "`value` of a secret must be a text"),
        ("instance: {name: x}", "`instance` is taken"),
        ("[1]", "values are a map"),
        ("a: !tag hunter2", "values are a map"),
        ("a: 1\na: 2", "line 1, column 1: duplicate"),
        ("a: [hunter2", "line 2, column 1"),
    ];
    for (text, expected) in table {
        let message = refusal(text);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    // A map that merely has such a name is no secret.
    assert_eq!(
        layer("a: {secret: plain}\nb: {secret: {env: X}, more: 1}\n")
            .tree
            .len(),
        2
    );
}

#[test]
fn leaves_are_what_a_layer_itself_says() {
    let values = merge(
        vec![
            layer("a: 1\n"),
            layer("b: {c: [1, {d: 2}], e: {secret: {env: X}}, f: {}}\n"),
        ],
        Map::new(),
    )
    .with_secrets(vec!["x".into()]);
    let leaves: Vec<String> = values
        .leaves_from(1)
        .iter()
        .map(|place| place.join("."))
        .collect();
    assert_eq!(leaves, ["b.c.0", "b.c.1.d", "b.e", "b.f"]);
}

#[test]
fn a_value_is_traced_to_the_file_and_the_line_that_won() {
    let first = Layer::parse(Path::new("/a.yaml"), "# x\na:\n  b: 1\n  c: [1, {d: 2}]\n").unwrap();
    let second = Layer::parse(Path::new("/b.json"), "{\n\"a\": {\n\"b\": 2}}").unwrap();
    let values = merge(vec![first, second], Map::new()).with_secrets(Vec::new());
    let origin = |place: &str| values.origin(&place.split('.').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(origin("a.b"), "/b.json, line 3");
    assert_eq!(origin("a.c.1.d"), "/a.yaml, line 4");
    assert_eq!(origin("none"), "the values");
}
