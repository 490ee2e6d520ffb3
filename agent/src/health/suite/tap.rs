//! Results in the Test Anything Protocol, <https://testanything.org>. Pure.

use super::tally::Tally;

/// Whether a text means to be such results.
pub fn is_tap(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        line.starts_with("TAP version ") || is_result(line) || (test(line).is_some() && has_results(text))
    })
}

/// Whether some line of a text is one of such results. A bare `ok` is not: it may be anybody's answer.
pub fn has_results(text: &str) -> bool {
    text.lines().map(str::trim_end).any(is_result)
}

fn is_result(line: &str) -> bool {
    let tells = |test: Test<'_>| test.numbered || !test.ok;
    line.starts_with("Bail out!") || plan(line).is_some() || test(line).is_some_and(tells)
}

/// What the results say. What was planned and did not run has failed, and so has everything without a plan: nobody knows
/// then whether it is all.
pub fn tally(text: &str) -> Tally {
    let mut tally = Tally::default();
    let mut planned = None;
    let mut ran = 0_u64;
    // Subtests are indented; the line after them says how they went as a whole.
    for line in text.lines().map(str::trim_end) {
        if let Some(count) = plan(line) {
            match planned.replace(count) {
                Some(_) => tally.failed.add("the plan comes twice"),
                None if count == 0 => tally
                    .skipped
                    .add(line.split_once('#').map_or("everything", |(_, why)| why.trim())),
                None => {}
            }
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            tally.failed.add(&format!("it gave up: {}", reason.trim()));
        } else if let Some(test) = test(line) {
            ran += 1;
            let name = if test.name.is_empty() {
                ran.to_string()
            } else {
                test.name.to_owned()
            };
            match (test.ok, test.directive) {
                (_, Some(Directive::Skip)) | (false, Some(Directive::Todo)) => tally.skipped.add(&name),
                (true, _) => tally.passed.add(&name),
                (false, None) => tally.failed.add(&name),
            }
        }
    }
    match planned {
        Some(planned) if planned != ran => tally
            .failed
            .add(&format!("{planned} tests were planned, and {ran} ran")),
        Some(_) => {}
        None => tally.failed.add("nothing says how many tests were planned"),
    }
    tally
}

struct Test<'a> {
    ok: bool,
    numbered: bool,
    name: &'a str,
    directive: Option<Directive>,
}

#[derive(Clone, Copy)]
enum Directive {
    Skip,
    Todo,
}

fn test(line: &str) -> Option<Test<'_>> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let named = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = named.len() < rest.len() && (named.is_empty() || named.starts_with([' ', '-', '#']));
    let rest = named.trim_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim();
    let (name, directive) = match rest.rsplit_once('#') {
        Some((name, said)) if !name.ends_with('\\') => {
            let word: String = said
                .trim()
                .chars()
                .take(4)
                .collect::<String>()
                .to_ascii_uppercase();
            match word.as_str() {
                "SKIP" => (name.trim(), Some(Directive::Skip)),
                "TODO" => (name.trim(), Some(Directive::Todo)),
                _ => (rest, None),
            }
        }
        _ => (rest, None),
    };
    Some(Test {
        ok,
        numbered,
        name,
        directive,
    })
}

/// `1..5`, with or without a comment.
fn plan(line: &str) -> Option<u64> {
    let count = line.strip_prefix("1..")?.split('#').next()?.trim();
    count.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_by_table() {
        let table: &[(&str, [&[&str]; 3])] = &[
            ("1..2\nok 1 - a\nok 2 b\n", [&["a", "b"], &[], &[]]),
            (
                "TAP version 14\nok\nnot ok 2 - it breaks # because\n1..2\n",
                [&["1"], &["it breaks # because"], &[]],
            ),
            (
                "1..3\nok 1 a # SKIP no net\nnot ok 2 b # todo later\nok 3 c # TODO\n",
                [&["c"], &[], &["a", "b"]],
            ),
            ("1..0 # SKIP not here\n", [&[], &[], &["SKIP not here"]]),
            (
                "1..3\nok 1 a\n",
                [&["a"], &["3 tests were planned, and 1 ran"], &[]],
            ),
            (
                "ok 1 a\n",
                [&["a"], &["nothing says how many tests were planned"], &[]],
            ),
            ("ok\nok b\n1..2\n", [&["1", "b"], &[], &[]]),
            (
                "ok a\nnot ok\n",
                [&["a"], &["2", "nothing says how many tests were planned"], &[]],
            ),
            (
                "1..1\nok 1 a\nok 2 b\n",
                [&["a", "b"], &["1 tests were planned, and 2 ran"], &[]],
            ),
            ("1..1\n1..1\nok 1 a\n", [&["a"], &["the plan comes twice"], &[]]),
            (
                "1..2\nok 1 a\nBail out! no server\n",
                [
                    &["a"],
                    &["it gave up: no server", "2 tests were planned, and 1 ran"],
                    &[],
                ],
            ),
            (
                "1..1\n    1..1\n    not ok 1 inner\nok 1 outer\n  ---\n  not ok: no\n  ...\n",
                [&["outer"], &[], &[]],
            ),
            (
                "# hello\n1..1\nok 1 price in \\# x\n",
                [&["price in \\# x"], &[], &[]],
            ),
        ];
        for (text, expected) in table {
            assert!(is_tap(text), "{text}");
            let found = tally(text);
            let found = [found.passed.listed, found.failed.listed, found.skipped.listed];
            assert_eq!(
                found,
                expected.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_only_looks_a_little_like_it_is_not() {
        for text in [
            "",
            "hello\n",
            "okay\n",
            "ok\n",
            "OK\nok it is well\n",
            "ok  \texample.org/lab\t0.5s\n",
            "ok 200ms\n",
            "1.. 2 3\n",
            "<testsuite/>",
            "nothing\n1..1\nok 1\n",
            "not okay\n",
        ] {
            assert!(!is_tap(text), "{text}");
        }
    }
}
