use super::{check, outcome, resolved};

#[test]
fn lines_that_are_edited_next_to_each_other_are_no_conflict() {
    check(
        "run.sh",
        &[
            ("a\nb\n", "x\nb\n", "a\ny\n", Ok("x\ny\n")),
            // Both did the same, and one went on.
            ("a\n", "a\nb\n", "a\nb\nc\n", Ok("a\nb\nc\n")),
            // An edit in place, and a line added next to it.
            (
                "export MEMORY=512m\nend\n",
                "export MEMORY=2g\nend\n",
                "export MEMORY=512m\nexport THREADS=4\nend\n",
                Ok("export MEMORY=2g\nexport THREADS=4\nend\n"),
            ),
        ],
    );
}

#[test]
fn what_could_go_wrong_is_a_conflict() {
    check(
        "run.sh",
        &[
            ("a\n", "b\n", "c\n", Err(&[""])),
            ("a\n", "a\nb\n", "a\nc\n", Err(&[""])),
            // One replaced the line, the other added to it.
            (
                "start\nend\n",
                "if [ -x y ]; then z; fi\nend\n",
                "start\nmore\nend\n",
                Err(&[""]),
            ),
            ("a\nb\n", "b\n", "a2\nb\n", Err(&[""])),
            // Both made the same change, and one removed the next line, which the other changed.
            (
                "JAVA_MIN=8\nJAVA_MAX=11\n",
                "JAVA_MIN=11\n",
                "JAVA_MIN=11\nJAVA_MAX=17\n",
                Err(&[""]),
            ),
            (
                "JAVA_MIN=8\nJAVA_MAX=11\n",
                "JAVA_MIN=11\nJAVA_MAX=17\n",
                "JAVA_MIN=11\n",
                Err(&[""]),
            ),
        ],
    );
}

#[test]
fn lines_that_are_not_each_others_are_not_put_beside_each_other() {
    // As many on all sides, but one came and one went.
    let sides = [
        "cd /srv\nexec old\n",
        "exec old\ntrap - EXIT\n",
        "cd /srv\n./new --as service\n",
    ];
    let (text, _) = outcome("run.sh", sides).unwrap_err();
    assert_eq!([0, 1].map(|side| resolved(&text, side)), [sides[1], sides[2]]);
}

#[test]
fn only_the_lines_in_conflict_are_marked() {
    let sides = ["a\nb\nc\nz\n", "a1\nb1\nc\nz\n", "a\nb2\nc2\nz\n"];
    let (text, _) = outcome("run.sh", sides).unwrap_err();
    assert_eq!(text, "a1\n<<<<<<< current\nb1\n=======\nb2\n>>>>>>> new\nc2\nz\n");
    assert_eq!(resolved(&text, 0), "a1\nb1\nc2\nz\n");
}
