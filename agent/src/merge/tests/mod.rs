//! What operators and vendors do to files, and what comes out.

mod hostile;
mod ini;
mod json;
mod laws;
mod layout;
mod properties;
mod swapped;
mod text;
mod toml;
mod xml;

use super::{Merged, Options, merge};

/// Base, current, new, and the merged text or the keys in conflict.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    Result<&'static str, &'static [&'static str]>,
);

fn outcome(name: &str, sides: [&str; 3]) -> Result<String, (String, Vec<String>)> {
    match merge(name, Options::default(), sides.map(str::as_bytes)) {
        Merged::Clean(text) => Ok(String::from_utf8(text).unwrap()),
        Merged::Conflicts(found) => {
            let keys = found.conflicts.iter().map(|one| one.path.clone()).collect();
            Err((String::from_utf8(found.text).unwrap(), keys))
        }
        Merged::NotText => panic!("{name} is text"),
    }
}

fn check(name: &str, cases: &[Case]) {
    for (base, current, new, expected) in cases {
        match (outcome(name, [base, current, new]), expected) {
            (Ok(merged), Ok(expected)) => assert_eq!(&merged, expected),
            (Err((text, keys)), Err(expected)) => assert_eq!(&keys, expected, "{text}"),
            (result, _) => panic!("{base:?} {current:?} {new:?}: {result:?}"),
        }
    }
}

/// What a person gets who takes one side in every conflict: 0 the operator's, 1 the vendor's.
fn resolved(marked: &str, side: usize) -> String {
    let mut at = None;
    let mut text = String::new();
    for line in marked.split_inclusive('\n') {
        match (line.get(..7), at) {
            (Some("<<<<<<<"), None) => at = Some(0),
            (Some("======="), Some(0)) => at = Some(1),
            (Some(">>>>>>>"), Some(1)) => at = None,
            _ if at.is_none_or(|at| at == side) => text.push_str(line),
            _ => {}
        }
    }
    text
}
