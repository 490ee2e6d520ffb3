//! Results in the XML that JUnit made common. Pure.

use roxmltree::{Document, Node, ParsingOptions};

use super::tally::Tally;
use crate::merge::xml::guard;

/// More elements are no results.
const MOST_NODES: u32 = 1_000_000;

/// What the results say. A suite that counts more failures than it names cases has those failures.
///
/// # Errors
/// The text is no such results, or it costs too much to read.
pub fn tally(text: &str) -> Result<Tally, String> {
    guard::check(text).map_err(|error| error.reason.into_owned())?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    let root = document.root_element();
    if !["testsuites", "testsuite"].contains(&root.tag_name().name()) {
        return Err(format!("`{}` is no test suite", root.tag_name().name()));
    }
    let mut tally = Tally::default();
    for case in root.descendants().filter(|node| node.has_tag_name("testcase")) {
        add(&mut tally, case);
    }
    let suites = root.descendants().filter(|node| node.has_tag_name("testsuite"));
    // Nested suites count what is in them, too, so the largest number is that of an outer one.
    let counted = suites
        .map(|suite| number(suite, "failures") + number(suite, "errors"))
        .max();
    if counted
        .unwrap_or(0)
        .max(number(root, "failures") + number(root, "errors"))
        > tally.failed.count
    {
        tally.failed.add("it counts more failures than it names");
    }
    if tally == Tally::default() {
        tally.failed.add("it names no test");
    }
    Ok(tally)
}

fn add(tally: &mut Tally, case: Node<'_, '_>) {
    let name = match (case.attribute("classname"), case.attribute("name")) {
        (Some(class), Some(name)) if !class.is_empty() => format!("{class}.{name}"),
        (_, name) => name.unwrap_or("a test without a name").to_owned(),
    };
    let has = |what: &str| case.children().any(|child| child.has_tag_name(what));
    match (has("failure") || has("error"), has("skipped")) {
        (true, _) => tally.failed.add(&name),
        (false, true) => tally.skipped.add(&name),
        (false, false) => tally.passed.add(&name),
    }
}

fn number(node: Node<'_, '_>, name: &str) -> u64 {
    node.attribute(name)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_by_table() {
        let table: &[(&str, [&[&str]; 3])] = &[
            (
                "<testsuites><testsuite name='s' tests='4' failures='1' errors='1'><testcase classname='C' name='a'/>\
                 <testcase name='b'><failure message='x'>trace</failure></testcase><testcase name='c'><error/></testcase>\
                 <testcase name='d'><skipped/></testcase></testsuite></testsuites>",
                [&["C.a"], &["b", "c"], &["d"]],
            ),
            (
                "<testsuite><properties/><testcase name='a'><system-out>failure</system-out></testcase></testsuite>",
                [&["a"], &[], &[]],
            ),
            (
                "<testsuite failures='1'><testcase name='a'/></testsuite>",
                [&["a"], &["it counts more failures than it names"], &[]],
            ),
            (
                "<testsuites errors='2'><testsuite errors='1'><testcase name='a'><error/></testcase></testsuite></testsuites>",
                [&[], &["a", "it counts more failures than it names"], &[]],
            ),
            ("<testsuite tests='0'/>", [&[], &["it names no test"], &[]]),
            (
                "<testsuite><testsuite failures='1'><testcase name='&lt;x>'><failure/></testcase></testsuite></testsuite>",
                [&[], &["<x>"], &[]],
            ),
        ];
        for (text, expected) in table {
            let found = tally(text).unwrap();
            let found = [found.passed.listed, found.failed.listed, found.skipped.listed];
            assert_eq!(
                found,
                expected.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_hostile_or_no_result_is_refused() {
        let deep = "<testsuite>".repeat(2_000_000);
        let wide = format!(
            "<testsuite {}/>",
            (0..100_000).map(|n| format!("a{n}='' ")).collect::<String>()
        );
        let table = [
            ("<!DOCTYPE t [<!ENTITY a 'aaaa'>]><testsuite/>", "entities"),
            ("<!DOCTYPE t SYSTEM 'file:///etc/passwd'><testsuite/>", "DTD"),
            ("<html/>", "`html` is no test suite"),
            ("<testsuite>", ""),
            ("", ""),
            (deep.as_str(), "too many elements"),
            (wide.as_str(), "too many attributes"),
        ];
        for (text, why) in table {
            let found = tally(text).unwrap_err();
            assert!(found.contains(why), "{why}: {found}");
        }
    }
}
