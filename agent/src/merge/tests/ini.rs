use super::{check, outcome};

#[test]
fn keys_come_together_section_by_section() {
    check(
        "my.cnf",
        &[
            // Both add to one section.
            (
                "[client]\nport = 1\n\n[mysqld]\nport = 1\n",
                "[client]\nport = 1\nssl\n\n[mysqld]\nport = 2\n",
                "[client]\nport = 1\nhost = h\n\n[mysqld]\nport = 1\n",
                Ok("[client]\nport = 1\nhost = h\nssl\n\n[mysqld]\nport = 2\n"),
            ),
            // Both add a section.
            (
                "[a]\nx = 1\n",
                "[a]\nx = 1\n\n[mine]\ny = 1\n",
                "[a]\nx = 1\n\n[its]\nz = 1\n",
                Ok("[a]\nx = 1\n\n[its]\nz = 1\n\n[mine]\ny = 1\n"),
            ),
            // A key alone, and its value.
            (
                "[m]\nskip\na=1\n",
                "[m]\nskip\na=2\n",
                "[m]\nskip = no\na=1\n",
                Ok("[m]\nskip = no\na=2\n"),
            ),
            // The same name in two sections is two keys.
            (
                "[a]\nx = 1\n[b]\nx = 1\n",
                "[a]\nx = 2\n[b]\nx = 1\n",
                "[a]\nx = 1\n[b]\nx = 3\n",
                Ok("[a]\nx = 2\n[b]\nx = 3\n"),
            ),
        ],
    );
    check(
        "my.cnf",
        &[
            ("[a]\nx = 1\n", "[a]\nx = 2\n", "[a]\nx = 3\n", Err(&["[a] x"])),
            ("[a]\nx = 1\n", "", "[a]\nx = 3\n", Err(&["[a]"])),
        ],
    );
}

#[test]
fn files_without_sections_and_with_many_numbered_keys() {
    let base = "wrapper.java.additional.1=-Xms256m\nwrapper.java.additional.2=-Xmx512m\n#wrapper.java.additional.3=-Dx\n";
    check(
        "wrapper.conf",
        &[
            (
                base,
                "wrapper.java.additional.1=-Xms1g\nwrapper.java.additional.2=-Xmx2g\n#wrapper.java.additional.3=-Dx\n",
                "wrapper.java.additional.1=-Xms256m\nwrapper.java.additional.2=-Xmx512m\nwrapper.java.additional.3=-Dy\n",
                Ok(
                    "wrapper.java.additional.1=-Xms1g\nwrapper.java.additional.2=-Xmx2g\nwrapper.java.additional.3=-Dy\n",
                ),
            ),
            (
                base,
                "wrapper.java.additional.1=-Xms1g\n#wrapper.java.additional.3=-Dx\n",
                "wrapper.java.additional.1=-Xms256m\nwrapper.java.additional.2=-Xmx1g\n",
                Err(&["wrapper.java.additional.2"]),
            ),
        ],
    );
}

#[test]
fn values_of_several_lines_are_one() {
    check(
        "tox.ini",
        &[(
            "[testenv]\ndeps =\n    a\n    b\ncommands = x\n",
            "[testenv]\ndeps =\n    a\n    b\n    mine\ncommands = x\n",
            "[testenv]\ndeps =\n    a\n    b\ncommands = y\n",
            Ok("[testenv]\ndeps =\n    a\n    b\n    mine\ncommands = y\n"),
        )],
    );
}

#[test]
fn what_is_no_ini_is_merged_by_lines_or_by_what_it_is() {
    // Blocks: the second `listen` must not be taken for the first.
    let nginx = [
        "server {\n  listen 1;\n}\n",
        "server {\n  listen 2;\n}\n",
        "server {\n  listen 3;\n}\n",
    ];
    let (text, keys) = outcome("nginx.conf", nginx).unwrap_err();
    assert_eq!(keys, [""]);
    assert_eq!(
        text,
        "server {\n<<<<<<< current\n  listen 2;\n=======\n  listen 3;\n>>>>>>> new\n}\n"
    );
    // JSON, whatever its name.
    let json = [
        "{\"a\": 1, \"b\": 2}\n",
        "{\"a\": 9, \"b\": 2}\n",
        "{\"a\": 1, \"b\": 3}\n",
    ];
    assert_eq!(outcome("jaggery.conf", json).unwrap(), "{\"a\": 9, \"b\": 3}\n");
}

#[test]
fn a_directive_that_stands_several_times_keeps_its_order() {
    check(
        "redis.conf",
        &[
            (
                "save 900 1\nsave 300 10\nport 1\n",
                "save 900 1\nsave 300 10\nport 2\n",
                "save 900 1\nsave 300 10\nsave 60 1\nport 1\n",
                Ok("save 900 1\nsave 300 10\nsave 60 1\nport 2\n"),
            ),
            (
                "save 900 1\nport 1\n",
                "save 901 1\nport 1\n",
                "save 902 1\nport 1\n",
                Err(&["save"]),
            ),
        ],
    );
}
