use super::*;

const SECRET: &str = "hunter2";

fn secrets() -> Vec<String> {
    vec![SECRET.to_owned(), "ab".to_owned()]
}

/// The diff from `old` to a template's result for each of the secrets' values.
fn shown(old: &str, template: impl Fn(&str, &str) -> String, written: &BTreeSet<Digest>) -> String {
    let new = template(SECRET, "ab");
    let other = template(&decoy(SECRET), &decoy("ab"));
    let mask = Mask::new(&new, Some(&other), &secrets(), &[]);
    diff("conf/x", [old, &new], &mask, &secrets(), written)
}

#[test]
fn a_decoy_differs_and_keeps_the_shape() {
    for secret in ["hunter2", "Pa ss\n-line2", "--", "ü", "42"] {
        let other = decoy(secret);
        assert_ne!(other, secret);
        assert_eq!(other.lines().count(), secret.lines().count());
    }
}

#[test]
fn every_line_that_depends_on_a_secret_is_hidden_whatever_was_done_with_it() {
    let old = "a = 1\nstore = \"old-one\"\nb = 2\n";
    let text = shown(
        old,
        |one, two| {
            format!(
                "a = 1\nstore = \"{one}\"\nturned: {}\n  {two}\n{one}=x\nb = 3\n",
                reversed(one)
            )
        },
        &BTreeSet::new(),
    );
    assert_eq!(
        text,
        "--- conf/x\n+++ conf/x\n@@ -1,3 +1,6 @@\n a = 1\n-store = <secret>\n-b = 2\n+store = <secret>\n\
         +turned: <secret>\n+  <secret>\n+<secret>\n+b = 3\n"
    );
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

#[test]
fn a_line_that_was_secret_when_it_was_written_stays_so() {
    let written = [Digest::of(b"- first-one")].into();
    let text = shown(
        "- first-one\nplain\n",
        |one, _| format!("key: {one}\nplain\n"),
        &written,
    );
    assert!(!text.contains("first-one") && !text.contains(SECRET), "{text}");
    assert!(text.contains("+key: <secret>"), "{text}");
}

#[test]
fn keys_that_sound_like_secrets_are_not_shown_even_if_nobody_said_so() {
    let old = "[a]\nadmin.password=one\npassword.digest=SHA\n<keyPassword>two</keyPassword>\n\"apiKey\": \"three\"\npin.code = four\n";
    let mask = Mask::new("", None, &[], &["Pin".to_owned()]);
    let text = diff("x", [old, ""], &mask, &[], &BTreeSet::new());
    assert!(text.contains("-admin.password=<secret>"), "{text}");
    assert!(text.contains("-password.digest=SHA"), "{text}");
    for word in ["one", "two", "three", "four"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn a_secret_of_several_lines_is_hidden_wherever_the_hunk_begins() {
    let long = "MIIE1\nMIIE2\nMIIE3\nMIIE4\nMIIE5\n";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{long}-----END PRIVATE KEY-----\n");
    let deeper = |text: &str| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let joined = |by: &str| long.trim_end().replace('\n', by);
    let table = [
        format!("private_key: |\n{}", deeper(&pem)),
        format!("private_key: |\n{}", deeper(long)),
        format!("private_key: !!str >-\n\n{}", deeper(long)),
        format!("private_key: MIIE0\n{}", deeper(long)),
        format!("- private_key:\n{}", deeper(&deeper(long))),
        format!("password:\n- {}", joined("\n- ")),
        format!("password = [\n{long}]\n"),
        format!("\"password\": {{\n{long}}}\n"),
        format!("private_key = \"\"\"\n{long}\"\"\"\n"),
        format!("private_key = '''{long}'''\n"),
        format!("PASSWORD=\"MIIE0\n{long}\"\n"),
        format!("password=MIIE0\\\n{}\n", joined("\\\n")),
        format!("<password>\n{long}</password>\n"),
        format!("<p name=\"password\">{long}</p>\n"),
        format!("<p name=\"password\"\n  a=\"b\"\n  value=\"{long}\"/>\n"),
        format!("<p value=\"{long}\"\n  name=\"password\"/>\n"),
        format!("key\n{pem}"),
        "url = http://u:MIIE1@MIIE2@h".to_owned(),
    ];
    for old in table {
        let old = format!("before = 1\n{}\nafter = 2\n", old.trim_end());
        let new = old.replace("MIIE4", "MIIE6");
        for (mask, sides) in [
            (Mask::default(), [old.as_str(), ""]),
            (Mask::new(&new, None, &[], &[]), [&old, &new]),
            (Mask::new(&old, None, &[], &[]), ["", &old]),
        ] {
            let text = diff("x", sides, &mask, &[], &BTreeSet::new());
            assert!(!text.contains("MIIE"), "{old}{text}");
            let around = ["before = 1\n", "after = 2\n"];
            assert!(
                text.is_empty() || sides[1] == new || around.iter().all(|line| text.contains(line)),
                "{text}"
            );
        }
    }
}

#[test]
fn what_only_stands_near_a_secret_is_shown() {
    for old in [
        "password=\nport = 1\n",
        "- password: \"x\"\n  port: 1\n",
        "<a\n  keystorePass=\"x\"\n  port = \"1\"/>\n",
        "x</password>\nport = 1\n",
        "password = 'it\nport = 1\n",
        "private_key: |\n  a\n\n  b\nport = 1\n",
        "password = [\n\"a\",\n]\nport = 1\n",
        "key: |\n  -----BEGIN CERTIFICATE-----\n  port = 1\n",
    ] {
        let text = diff("x", [old, ""], &Mask::default(), &[], &BTreeSet::new());
        assert!(text.contains("port") && text.contains('1'), "{old}{text}");
    }
}

#[test]
fn what_cannot_be_told_is_hidden_as_a_whole() {
    let new = "a = 1\nb = hunter2\nc = 3\n";
    for other in [None, Some("a = 1\nb = uhagre7\n\nc = 3\n")] {
        let text = diff(
            "x",
            ["", new],
            &Mask::new(new, other, &secrets(), &[]),
            &secrets(),
            &BTreeSet::new(),
        );
        assert_eq!(text.matches("+<secret>").count(), 3, "{text}");
    }
}

#[test]
fn the_same_content_has_no_diff_and_a_huge_one_ends() {
    let mask = Mask::default();
    assert_eq!(diff("x", ["a\n", "a\n"], &mask, &[], &BTreeSet::new()), "");
    let many = "line\n".repeat(5000);
    let text = diff("x", ["", &many], &mask, &[], &BTreeSet::new());
    assert_eq!(text.lines().count(), MOST_LINES + 1);
}
