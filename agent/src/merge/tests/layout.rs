use super::super::{Merged, Options, merge};
use super::outcome;

#[test]
fn line_ends_byte_order_mark_and_last_line_are_the_operators() {
    let table = [
        // Windows on the operator's side alone.
        ("a=1\nb=2\n", "a=9\r\nb=2\r\n", "a=1\nb=3\n", "a=9\r\nb=3\r\n"),
        // On the vendor's side alone.
        ("a=1\nb=2\n", "a=9\nb=2\n", "a=1\r\nb=3\r\n", "a=9\nb=3\n"),
        (
            "a=1\r\nb=2\r\n",
            "a=9\r\nb=2\r\n",
            "a=1\r\nb=3\r\n",
            "a=9\r\nb=3\r\n",
        ),
        (
            "\u{feff}a=1\nb=2\n",
            "\u{feff}a=9\nb=2\n",
            "\u{feff}a=1\nb=3\n",
            "\u{feff}a=9\nb=3\n",
        ),
        (
            "a=1\nb=2\n",
            "\u{feff}a=9\nb=2\n",
            "a=1\nb=3\n",
            "\u{feff}a=9\nb=3\n",
        ),
        // The last line has no end; what follows it must not be glued to it.
        ("a=1", "a=1\nb=2", "a=1\nc=3", "a=1\nc=3\nb=2"),
        ("a=1\nb=2\n", "a=9\nb=2", "a=1\nb=3\n", "a=9\nb=3"),
    ];
    for (base, current, new, expected) in table {
        assert_eq!(
            outcome("a.properties", [base, current, new]).unwrap(),
            expected,
            "{current:?}"
        );
    }
}

#[test]
fn conflict_markers_end_their_lines_as_the_file_does() {
    let (text, _) = outcome("a.properties", ["a=1\r\n", "a=2\r\n", "a=3\r\n"]).unwrap_err();
    assert_eq!(
        text,
        "<<<<<<< current\r\na=2\r\n=======\r\na=3\r\n>>>>>>> new\r\n"
    );
    let (text, _) = outcome("a.properties", ["a=1", "a=2", "a=3"]).unwrap_err();
    assert_eq!(text, "<<<<<<< current\na=2\n=======\na=3\n>>>>>>> new\n");
}

#[test]
fn bytes_that_are_not_utf_8_come_through() {
    let sides: [&[u8]; 3] = [b"a=caf\xe9\nb=1\n", b"a=caf\xe9\nb=2\n", b"a=th\xe9\nb=1\n"];
    let merged = merge("a.properties", Options::default(), sides);
    assert_eq!(merged, Merged::Clean(b"a=th\xe9\nb=2\n".to_vec()));
}
