use super::super::{Format, Merged, Options, merge, merge_and_tell};

fn formats() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().map(|(format, _)| format)
}

fn run(format: Format, sides: [&[u8]; 3]) -> Merged {
    let options = Options {
        format: Some(format),
        ..Options::default()
    };
    merge("x", options, sides)
}

#[test]
fn nesting_without_end_is_merged_by_lines() {
    for open in ["[", "{\"a\":", "<a>", "a = [", "- ", "{"] {
        let bomb = open.repeat(20_000);
        let (more, other) = (format!("x\n{bomb}\n"), format!("{bomb}\ny\n"));
        for format in formats() {
            let merged = run(format, [bomb.as_bytes(), more.as_bytes(), other.as_bytes()]);
            assert!(!matches!(merged, Merged::NotText), "{format:?}");
        }
    }
}

#[test]
fn what_is_no_text_is_refused_by_every_format() {
    let large = vec![b'a'; 17 << 20];
    for format in formats() {
        assert_eq!(run(format, [b"a\0", b"b", b"c"]), Merged::NotText, "{format:?}");
        assert_eq!(run(format, [b"a", &large, b"c"]), Merged::NotText, "{format:?}");
    }
}

#[test]
fn what_would_take_far_more_memory_than_its_text_is_merged_by_lines() {
    let base = format!("[{}1]\n", "1,\n".repeat(160_000));
    let (current, new) = (base.replacen('1', "2", 1), base.replace("1]", "3]"));
    let sides = [base.as_bytes(), current.as_bytes(), new.as_bytes()];
    let (merged, format) = merge_and_tell("x.json", Options::default(), sides);
    assert!(matches!(merged, Merged::Clean(_)));
    assert_eq!(format, Format::Text);
}

#[test]
fn a_file_with_a_conflict_left_in_it_is_not_merged() {
    let base = "a=1\nb=1\nc=1\n";
    let current = "<<<<<<< mine\na=2\n=======\na=3\n>>>>>>> theirs\nb=1\nc=1\n";
    let new = "a=1\nb=1\nc=2\n";
    for format in [Format::Properties, Format::Text] {
        let merged = run(format, [base, current, new].map(str::as_bytes));
        assert!(matches!(merged, Merged::Conflicts(_)), "{format:?} {merged:?}");
    }
}

#[test]
fn markers_in_a_file_are_not_taken_for_ours() {
    let base = "<<<<<<< current\na=1\n=======\nb=1\n>>>>>>> new\n";
    let current = base.replace("a=1", "a=2");
    let merged = run(
        Format::Properties,
        [base.as_bytes(), current.as_bytes(), base.as_bytes()],
    );
    assert_eq!(merged, Merged::Clean(current.into_bytes()));
}
