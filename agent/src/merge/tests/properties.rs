use super::{check, outcome, resolved};

const NAME: &str = "log4j2.properties";

#[test]
fn keys_come_together_whatever_stands_next_to_them() {
    check(
        NAME,
        &[
            // Neighbours.
            ("a=1\nb=2\n", "a=9\nb=2\n", "a=1\nb=3\n", Ok("a=9\nb=3\n")),
            // Both add in the same place: the vendor's first.
            (
                "a=1\n",
                "a=1\nmine=2\n",
                "a=1\nits=3\n",
                Ok("a=1\nits=3\nmine=2\n"),
            ),
            // The same twice is once, also if it stands elsewhere.
            (
                "a=1\nb=2\n",
                "x=5\na=1\nb=2\n",
                "a=1\nb=2\nx=5\n",
                Ok("x=5\na=1\nb=2\n"),
            ),
            ("a=1\nb=2\n", "a=1\n", "b=2\n", Ok("")),
            // The operator's order stays, the vendor's news come in after what they follow.
            (
                "a=1\nb=2\nc=3\n",
                "c=3\nb=2\na=1\n",
                "a=1\nb=5\nx=4\nc=3\n",
                Ok("c=3\nb=5\nx=4\na=1\n"),
            ),
            // Nobody but the vendor moved it.
            (
                "a=1\nb=2\nc=3\n",
                "a=9\nb=2\nc=3\n",
                "c=3\na=1\nb=2\n",
                Ok("c=3\na=9\nb=2\n"),
            ),
            // Escapes, continued lines, other separators: the same value is no change.
            (
                "a = x,\\\n    y\nb : 1\n",
                "a = x,y\nb : 1\n",
                "a = x,\\\n    y\nb : 2\n",
                Ok("a = x,y\nb : 2\n"),
            ),
            (
                "a\\ b=1\nc d\n",
                "a\\ b=2\nc d\n",
                "a\\ b=1\nc e\n",
                Ok("a\\ b=2\nc e\n"),
            ),
        ],
    );
}

#[test]
fn the_same_key_changed_differently_is_a_conflict_of_that_key() {
    check(
        NAME,
        &[
            (
                "a=1\nb=2\nc=3\n",
                "a=1\nb=8\nc=4\n",
                "a=2\nb=9\nc=3\n",
                Err(&["b"]),
            ),
            ("a=1\n", "a=1\nx=1\n", "a=1\nx=2\n", Err(&["x"])),
            ("a=1\nb=2\n", "a=1\n", "a=1\nb=3\n", Err(&["b"])),
            ("a=1\nb=2\n", "a=1\nb=3\n", "a=1\n", Err(&["b"])),
        ],
    );
}

#[test]
fn markers_cover_the_key_alone_and_each_way_out_is_whole() {
    let sides = ["a=1\nb=2\nc=3\n", "a=1\nb=8\nc=4\n", "a=2\nb=9\nc=3\n"];
    let (text, _) = outcome(NAME, sides).unwrap_err();
    assert_eq!(
        text,
        "a=2\n<<<<<<< current\nb=8\n=======\nb=9\n>>>>>>> new\nc=4\n"
    );
    assert_eq!(resolved(&text, 0), "a=2\nb=8\nc=4\n");
    assert_eq!(resolved(&text, 1), "a=2\nb=9\nc=4\n");
}

#[test]
fn comments_stay_with_what_they_are_about() {
    check(
        NAME,
        &[
            // An uncommented key is the operator's, also if the vendor changes the comment next to it.
            (
                "# ports\n# port = 1\n# more\nz=1\n",
                "# ports\nport = 2\n# more\nz=1\n",
                "# the ports\n# port = 1\n# more\nz=2\n",
                Ok("# the ports\nport = 2\n# more\nz=2\n"),
            ),
            (
                "# port = 1\nz=1\n",
                "port = 2\nz=1\n",
                "# port = 3\nz=1\n",
                Ok("# port = 3\nport = 2\nz=1\n"),
            ),
            // A key goes with its comment; what stands apart stays.
            (
                "# licence\n\n# about a\na=1\nb=1\n",
                "# licence\n\n# about a\na=1\nb=2\n",
                "# licence\n\nb=1\n",
                Ok("# licence\n\nb=2\n"),
            ),
            // New vendor comments come with their keys.
            (
                "a=1\nz=1\n",
                "a=2\nz=1\n",
                "a=1\n\n# new in 2\nb=1\n\nz=1\n",
                Ok("a=2\n\n# new in 2\nb=1\n\nz=1\n"),
            ),
            // Two versions of one comment: the vendor's.
            (
                "# The number of threads to run\na=1\n",
                "# The number of threads to run.\na=2\n",
                "# The numbers of threads to run\na=1\n",
                Ok("# The numbers of threads to run\na=2\n"),
            ),
        ],
    );
}

#[test]
fn a_key_that_stands_twice_is_never_guessed_at() {
    // Nobody touched the same one.
    let twice = "a=1\nb=1\na=2\n";
    check(
        NAME,
        &[
            (
                twice,
                "a=1\nb=5\na=2\n",
                "a=1\nb=1\na=2\nc=1\n",
                Ok("a=1\nb=5\na=2\nc=1\n"),
            ),
            (twice, "a=1\nb=1\na=3\n", "a=1\nb=1\na=4\n", Err(&["a"])),
        ],
    );
    // Lines alone would make it stand twice with two values.
    let both = [
        "a=1\nb=1\nc=1\nd=1\n",
        "x=1\na=1\nb=1\nc=1\nd=1\n",
        "a=1\nb=1\nc=1\nd=1\nx=2\n",
    ];
    assert_eq!(outcome(NAME, both).unwrap_err().1, ["x"]);
}
