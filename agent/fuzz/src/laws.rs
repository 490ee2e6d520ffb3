//! What must hold, whatever the input.

use pitstop::merge::edit::{Edit, ensure};
use pitstop::merge::value::{self, Data, Prefer};
use pitstop::merge::{Format, Merged, Options, Structure};
use serde_json::{Value, json};

use crate::input;

/// So long that no input has it by chance.
const MARKER: usize = 31;

/// Merges what an input stands for.
///
/// # Panics
/// If a law is broken.
pub fn merge(format: Format, input: &[u8]) {
    let Some(sides) = input::sides(format, input) else {
        return;
    };
    let [base, current, new] = sides.each_ref().map(Vec::as_slice);
    let run = |sides| {
        let options = Options {
            format: Some(format),
            marker_size: MARKER,
        };
        pitstop::merge::merge("x", options, sides)
    };
    for side in [current, new] {
        let alone = [[base, side, base], [base, base, side], [base, side, side]];
        for sides in alone {
            assert_eq!(run(sides), Merged::Clean(side.to_vec()), "one side alone wins");
        }
    }
    let said = format
        .structure()
        .and_then(|structure| Said::of(structure, [base, current, new]));
    for swapped in [false, true] {
        let (first, second) = if swapped { (new, current) } else { (current, new) };
        let sides = if swapped { [1, 0] } else { [0, 1] };
        match run([base, first, second]) {
            Merged::Clean(text) => {
                let has_marker = |text: &[u8]| text.windows(8).any(|part| part == b"<<<<<<< ");
                assert!(
                    !has_marker(&text) || [base, current, new].into_iter().any(has_marker),
                    "a marker in a clean result"
                );
                if let Some(said) = &said {
                    said.check_clean(&text);
                }
            }
            Merged::Conflicts(found) => {
                assert!(!found.conflicts.is_empty(), "conflicts that are none");
                if let Some(said) = &said {
                    (0..2).for_each(|side| said.check_way_out(&way_out(&found.text, side), sides[side]));
                }
            }
            Merged::NotText => assert!(
                [base, current, new].into_iter().any(|side| side.contains(&0)),
                "text is text"
            ),
        }
    }
}

/// What the three files say, where all can be read.
struct Said {
    structure: &'static Structure,
    data: [Data; 3],
    /// A side has what looks like a conflict: nobody can tell it from those of the merge.
    has_markers: bool,
}

impl Said {
    fn of(structure: &'static Structure, sides: [&[u8]; 3]) -> Option<Self> {
        let texts = sides.map(plain);
        let read = |text: &Option<String>| (structure.data)(text.as_deref()?).ok();
        let [base, current, new] = texts.each_ref().map(read);
        let mut data = [base?, current?, new?];
        if let Some(pairing) = &structure.pairing {
            (pairing.data)(data.each_mut());
        }
        let marks = ["<<<<<<<", "=======", ">>>>>>>"];
        let has_mark = |text: &String| marks.iter().any(|mark| text.contains(mark));
        let has_markers = texts.iter().flatten().any(has_mark);
        Some(Self {
            structure,
            data,
            has_markers,
        })
    }

    fn wanted(&self, prefer: Prefer) -> Option<Data> {
        let [base, current, new] = &self.data;
        value::merge(base, current, new, prefer).ok()
    }

    /// A clean result can be read, and says what a merge by keys says.
    fn check_clean(&self, merged: &[u8]) {
        let text = plain(merged).expect("a clean result in the encoding of its sides");
        let said = (self.structure.data)(&text).expect("a clean result can be read");
        let orders = [Prefer::Neither, Prefer::CurrentFirst, Prefer::NewFirst];
        let is_wanted = orders
            .into_iter()
            .filter_map(|order| self.wanted(order))
            .any(|wanted| wanted == said);
        assert!(is_wanted, "a clean result says something else:\n{text}");
    }

    /// Who takes one side in every conflict gets that side's keys, or that side.
    fn check_way_out(&self, text: &[u8], side: usize) {
        if self.has_markers {
            return;
        }
        let text = plain(text).expect("a way out in the encoding of its sides");
        let said = (self.structure.data)(&text).expect("a way out can be read");
        let prefer = [Prefer::Current, Prefer::New][side];
        let is_wanted =
            self.wanted(prefer).is_some_and(|wanted| wanted == said) || self.data[side + 1] == said;
        assert!(is_wanted, "a way out says something else:\n{text}");
    }
}

/// A file as it is read: without byte order mark, with `\n` at the end of every line.
fn plain(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Mixed line ends stay as they are, which only the three sides together say.
    let mut text = if text.contains('\r') {
        return None;
    } else {
        text.to_owned()
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Some(text)
}

/// What is left when one side is taken in every conflict: 0 the first, 1 the second.
fn way_out(marked: &[u8], side: usize) -> Vec<u8> {
    let is_marker =
        |line: &[u8], sign: u8| line.len() > MARKER && line[..MARKER].iter().all(|byte| *byte == sign);
    let mut taking = None;
    let mut out = Vec::new();
    for line in marked.split_inclusive(|byte| *byte == b'\n') {
        match taking {
            None if is_marker(line, b'<') => taking = Some(0),
            Some(0) if is_marker(line, b'=') => taking = Some(1),
            Some(1) if is_marker(line, b'>') => taking = None,
            Some(other) if other != side => {}
            _ => out.extend_from_slice(line),
        }
    }
    out
}

/// The formats whose keys can be set.
const EDITED: [Format; 6] = [
    Format::Toml,
    Format::Json,
    Format::Yaml,
    Format::Xml,
    Format::Properties,
    Format::Ini,
];
/// Keys as people write them.
const KEYS: [&str; 12] = [
    "a",
    "b.c",
    "x.y.z",
    "l[0]",
    "l[1].a",
    "l[id=1].x",
    "\"a.b\".c",
    "r/a",
    "r/a[@id=1]/@x",
    "r/@b",
    "s.x",
    "t.'q'",
];

/// Sets and removes keys in a text, as an input says.
///
/// # Panics
/// If a law is broken.
pub fn edit(input: &[u8]) {
    let Some((text, how, which)) = input::parts(input) else {
        return;
    };
    let format = EDITED[usize::from(how[0]) % EDITED.len()];
    let edits: Vec<Edit> = how[1..4]
        .iter()
        .zip(which)
        .filter_map(|(key, value)| {
            let key = key_of(*key, text);
            Edit::new(&key, value_of(*value), format).ok()
        })
        .collect();
    let Ok(once) = ensure(text, format, &edits) else {
        return;
    };
    assert_eq!(
        ensure(&once, format, &edits).as_ref(),
        Ok(&once),
        "a second time changes something"
    );
    assert_eq!(ensure(&once, format, &[]), Ok(once), "the result can be read");
}

/// A key of the list, or a word of the text.
fn key_of(number: u8, text: &[u8]) -> String {
    let number = usize::from(number);
    let text = String::from_utf8_lossy(text);
    let mut words = text
        .split(|c: char| c.is_whitespace() || "=:,<>{}".contains(c))
        .filter(|word| !word.is_empty());
    match KEYS.get(number) {
        Some(key) => (*key).to_owned(),
        None => words
            .nth(number - KEYS.len())
            .unwrap_or(KEYS[number % KEYS.len()])
            .to_owned(),
    }
}

fn value_of(number: u8) -> Option<Value> {
    let values = [
        json!(1),
        json!(true),
        json!("x"),
        json!("a\"b\\c"),
        json!(" <&>#"),
        json!(""),
        json!(null),
        json!([1, "x"]),
        json!({"k": 1}),
        json!("a\nb"),
        json!(1.5),
        json!("1"),
    ];
    values.get(usize::from(number) % (values.len() + 2)).cloned()
}
