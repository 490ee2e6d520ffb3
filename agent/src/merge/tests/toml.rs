use super::{check, outcome};

const SERVER: &str = "[server]\nhostname = \"localhost\"\n#offset=0\nmode = \"single\" #single or ha\n";

/// Both sides edit [`SERVER`].
fn server(current: [&str; 2], new: [&str; 2], expected: Result<&str, &[&str]>) {
    let edit = |[from, to]: [&str; 2]| {
        assert!(SERVER.contains(from), "{from}");
        SERVER.replace(from, to)
    };
    let (current, new) = (edit(current), edit(new));
    match (outcome("deployment.toml", [SERVER, &current, &new]), expected) {
        (Ok(merged), Ok(expected)) => assert_eq!(merged, expected),
        (Err((text, keys)), Err(expected)) => assert_eq!(keys, expected, "{text}"),
        (result, _) => panic!("{current}\n{new}\n{result:?}"),
    }
}

#[test]
fn keys_of_a_table_come_together() {
    // Next to each other.
    server(
        ["\"localhost\"", "\"am.example.com\""],
        ["\"single\"", "\"ha\""],
        Ok("[server]\nhostname = \"am.example.com\"\n#offset=0\nmode = \"ha\" #single or ha\n"),
    );
    // A key that the operator uncomments, beside one that the vendor changes.
    server(
        ["#offset=0\n", "offset=3\n"],
        ["\"single\"", "\"ha\""],
        Ok("[server]\nhostname = \"localhost\"\noffset=3\nmode = \"ha\" #single or ha\n"),
    );
    // What is written differently but means the same is not a change.
    server(
        ["\"localhost\"", "'localhost'"],
        ["\"localhost\"", "\"gw\""],
        Ok("[server]\nhostname = \"gw\"\n#offset=0\nmode = \"single\" #single or ha\n"),
    );
    server(
        ["\"localhost\"", "\"a\""],
        ["\"localhost\"", "\"b\""],
        Err(&["server.hostname"]),
    );
    server(
        ["hostname = \"localhost\"\n", ""],
        ["\"localhost\"", "\"b\""],
        Err(&["server.hostname"]),
    );
    server(
        ["[server]\n", "[server]\nx = 1\n"],
        ["[server]\n", "[server]\nx = 2\n"],
        Err(&["server.x"]),
    );
}

#[test]
fn tables_are_matched_by_path_wherever_they_stand() {
    let base = "[a]\nx = 1\n\n[b]\ny = 1\n";
    check(
        "deployment.toml",
        &[
            // Moved by the vendor, edited by the operator.
            (
                base,
                "[a]\nx = 2\n\n[b]\ny = 1\n",
                "[b]\ny = 1\n\n[a]\nx = 1\n",
                Ok("[b]\ny = 1\n\n[a]\nx = 2\n"),
            ),
            // Added by both, with different keys.
            (
                base,
                "[a]\nx = 1\n\n[b]\ny = 1\n\n[c.d]\nmine = 1\n",
                "[a]\nx = 1\n\n[c.d]\nits = 1\n\n[b]\ny = 1\n",
                Ok("[a]\nx = 1\n\n[b]\ny = 1\n\n[c.d]\nits = 1\nmine = 1\n"),
            ),
            // Removed by the operator, who wants none of the vendor's changes to it decided for him.
            (
                base,
                "[a]\nx = 1\n",
                "[a]\nx = 1\n\n[b]\ny = 1\nz = 1\n",
                Err(&["b"]),
            ),
            // Quotes in a path mean nothing.
            (
                "[\"a\".b]\nx = 1\n",
                "[\"a\".b]\nx = 1\ny = 1\n",
                "[a.b]\nx = 2\n",
                Ok("[a.b]\nx = 2\ny = 1\n"),
            ),
        ],
    );
}

#[test]
fn a_table_that_the_operator_uncommented_is_his() {
    let base = "[a]\nx = 1\n\n#[keystore.primary]\n#type = \"JKS\"\n\n[b]\ny = 1\n";
    check(
        "deployment.toml",
        &[
            (
                base,
                "[a]\nx = 1\n\n[keystore.primary]\ntype = \"PKCS12\"\n\n[b]\ny = 1\n",
                "[a]\nx = 2\n\n#[keystore.primary]\n#type = \"JKS\"\n\n[b]\ny = 2\n",
                Ok("[a]\nx = 2\n\n[keystore.primary]\ntype = \"PKCS12\"\n\n[b]\ny = 2\n"),
            ),
            // The other way round: he commented out what the vendor did not touch.
            (
                "[a]\nx = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n",
                "[a]\nx = 1\n\n#[b]\n#y = 1\n\n[c]\nz = 1\n",
                "[a]\nx = 2\n\n[b]\ny = 1\n\n[c]\nz = 2\n",
                Ok("[a]\nx = 2\n\n#[b]\n#y = 1\n\n[c]\nz = 2\n"),
            ),
        ],
    );
}

#[test]
fn elements_of_arrays_of_tables_are_matched_by_name() {
    let base = "[[env]]\nname = \"Default\"\nuser = \"a\"\n[env.x]\nk = 1\n\n[[env]]\nname = \"Other\"\nuser = \"b\"\n\n[z]\n";
    let edit = |from: &str, to: &str| base.replace(from, to);
    let swapped = "[[env]]\nname = \"Other\"\nuser = \"b\"\n\n[[env]]\nname = \"Default\"\nuser = \"a\"\n[env.x]\nk = 1\n\n[z]\n";
    let table = [
        (
            edit("k = 1", "k = 2"),
            edit("\"b\"", "\"c\""),
            Ok(edit("k = 1", "k = 2").replace("\"b\"", "\"c\"")),
        ),
        (
            edit("k = 1", "k = 2"),
            swapped.to_owned(),
            Ok(swapped.replace("k = 1", "k = 2")),
        ),
        (
            edit("[env.x]\nk = 1", "[env.x]\nk = 2"),
            edit("[env.x]\nk = 1", "[env.x]\nk = 3"),
            Err(["env[0].x.k"]),
        ),
        // One at the end of the file, one where the others are.
        (
            format!("{base}\n[[env]]\nname = \"Mine\"\n"),
            edit("[z]", "[[env]]\nname = \"Its\"\n\n[z]"),
            Ok(format!(
                "{}\n[[env]]\nname = \"Mine\"\n",
                edit("[z]", "[[env]]\nname = \"Its\"\n\n[z]")
            )),
        ),
    ];
    for (current, new, expected) in table {
        let result = outcome("deployment.toml", [base, &current, &new]);
        match expected {
            Ok(merged) => assert_eq!(result, Ok(merged)),
            Err(keys) => assert_eq!(result.unwrap_err().1, keys),
        }
    }
}

#[test]
fn elements_without_a_name_are_matched_by_place() {
    let base = "[[group]]\nurls = [\"tcp://a\"]\ntype = \"failover\"\n\n[[group]]\nurls = [\"tcp://b\"]\ntype = \"failover\"\n";
    let (current, new) = (
        base.replace("//a", "//mine"),
        base.replace("tcp://b\"]", "tcp://b\"]\nits = 1"),
    );
    let merged = current.replace("tcp://b\"]", "tcp://b\"]\nits = 1");
    assert_eq!(outcome("deployment.toml", [base, &current, &new]), Ok(merged));
    let twice = outcome("deployment.toml", [base, &current, &base.replace("//a", "//its")]);
    assert_eq!(twice.unwrap_err().1, ["group[0].urls[0]"]);
}

#[test]
fn arrays_and_inline_tables_are_merged_item_by_item() {
    check(
        "deployment.toml",
        &[
            (
                "a = [\"GET\", \"PUT\"]\n",
                "a = [\"GET\", \"PUT\", \"MINE\"]\n",
                "a = [\"ITS\", \"GET\", \"PUT\"]\n",
                Ok("a = [\"ITS\", \"GET\", \"PUT\", \"MINE\"]\n"),
            ),
            (
                "a = [\n  \"b\", # first\n  \"c\"\n]\n",
                "a = [\n  \"b\", # first\n  \"c\",\n  \"mine\", # m\n]\n",
                "a = [\n  \"b\", # one\n  \"c\"\n]\nd = 1\n",
                Ok("a = [\n  \"b\", # one\n  \"c\",\n  \"mine\", # m\n]\nd = 1\n"),
            ),
            (
                "a = { x = 1, y = 2 }\n",
                "a = { x = 9, y = 2 }\n",
                "a = { x = 1, y = 2, z = 3 }\n",
                Ok("a = { x = 9, y = 2, z = 3 }\n"),
            ),
            ("a = [1]\n", "a = [1, 2]\n", "a = [1, 3]\n", Err(&["a"])),
            // Written on one line by the operator, on several by the vendor.
            (
                "a = [1, 2]\n",
                "a = [1, 2, 3]\n",
                "a = [\n  0,\n  1,\n  2,\n]\n",
                Ok("a = [0, 1, 2, 3]\n"),
            ),
        ],
    );
}

#[test]
fn dotted_keys_are_kept_apart_from_tables_that_they_may_not_meet() {
    check(
        "deployment.toml",
        &[
            (
                "[t]\na.b = 1\na.c = 1\n",
                "[t]\na.b = 2\na.c = 1\n",
                "[t]\na.b = 1\na.c = 1\na.d = 1\n",
                Ok("[t]\na.b = 2\na.c = 1\na.d = 1\n"),
            ),
            // To add to a dotted key below a header of its own is not valid.
            (
                "[t]\nx = 1\n",
                "[t]\nx = 1\na.b = 1\n",
                "[t]\nx = 1\n\n[t.a]\nc = 1\n",
                Err(&[""]),
            ),
        ],
    );
}

#[test]
fn texts_of_several_lines_are_merged_by_line() {
    let text = |first: &str, last: &str| format!("run = '''\n{first}\n# [not.a.table]\nb\nc\n{last}\n'''\n");
    let sides = [text("a", "d"), text("mine", "d"), text("a", "its")];
    let merged = outcome("Makefile.toml", sides.each_ref().map(String::as_str));
    assert_eq!(merged, Ok(text("mine", "its")));
    let sides = [text("a", "d"), text("mine", "d"), text("its", "d")];
    assert_eq!(
        outcome("Makefile.toml", sides.each_ref().map(String::as_str))
            .unwrap_err()
            .1,
        ["run"]
    );
}

#[test]
fn what_toml_1_0_does_not_allow_is_not_written() {
    let base = "a = { x = 1 }\n";
    let merged = outcome(
        "c.toml",
        [
            base,
            "a = { x = 1, mine = 2 }\n",
            "# new\na = { its = 3, x = 1 }\n",
        ],
    );
    assert_eq!(merged, Ok("# new\na = { its = 3, x = 1, mine = 2 }\n".to_owned()));
}

#[test]
fn what_is_not_toml_is_merged_by_lines() {
    let base = "[a]\nx = 1\n[a]\ny = 1\n\n\nz = 1\n";
    let merged = outcome(
        "c.toml",
        [
            base,
            &base.replace("x = 1", "x = 2"),
            &base.replace("z = 1", "z = 2"),
        ],
    );
    assert_eq!(
        merged,
        Ok(base.replace("x = 1", "x = 2").replace("z = 1", "z = 2"))
    );
}

#[test]
fn the_operators_line_ends_and_byte_order_mark_stay() {
    let base = "[a]\nx = 1\ny = 1\n";
    let current = "\u{feff}[a]\r\nx = 2\r\ny = 1\r\n[b]\r\nz = 1";
    let merged = outcome("c.toml", [base, current, "[a]\nx = 1\ny = 2\n"]);
    assert_eq!(
        merged,
        Ok("\u{feff}[a]\r\nx = 2\r\ny = 2\r\n[b]\r\nz = 1".to_owned())
    );
}
