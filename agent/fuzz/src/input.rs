//! One fuzz input as the versions of a file: a base, and two versions that are not far from it. Three random texts would
//! have nothing in common, and never get to where a merge has to decide something.

use pitstop::merge::Format;

/// How many bytes at the end of an input say what the two sides changed.
const SCRIPTS: usize = 48;
/// How many bytes an edit has.
const STEP: usize = 4;

/// Base, current, new; `None` if the input is too short.
pub fn sides(format: Format, input: &[u8]) -> Option<[Vec<u8>; 3]> {
    let (base, current, new) = parts(input)?;
    Some([
        base.to_vec(),
        edited(base, current, format),
        edited(base, new, format),
    ])
}

/// A text and two scripts.
pub fn parts(input: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (base, scripts) = input.split_at_checked(input.len().checked_sub(SCRIPTS)?)?;
    let (current, new) = scripts.split_at(SCRIPTS / 2);
    Some((base, current, new))
}

fn edited(base: &[u8], script: &[u8], format: Format) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = base
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for step in script.chunks_exact(STEP) {
        if let [kind, line, place, what] = *step {
            edit(&mut lines, kind, [line, place, what].map(usize::from), format);
            lines.retain(|line| !line.is_empty());
        }
    }
    lines.concat()
}

/// Signs that mean something in one format or another.
const SIGNS: &[u8] = b"01ab=:,;\"'# \t\n\r[]{}<>()-|&*!\\/.%\xe9\xff";

fn edit(lines: &mut Vec<Vec<u8>>, kind: u8, [line, place, what]: [usize; 3], format: Format) {
    let snippets = snippets(format);
    let snippet = snippets[what % snippets.len()].as_bytes();
    let count = lines.len();
    if count == 0 {
        return lines.push(snippet.to_vec());
    }
    let line = line % count;
    let text = &mut lines[line];
    let at = place % text.len();
    match kind % 10 {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[place % count].clone()),
        2 => lines.swap(line, place % count),
        3 => lines.insert(line, snippet.to_vec()),
        4 => text.insert(at, SIGNS[what % SIGNS.len()]),
        5 => text[at] = SIGNS[what % SIGNS.len()],
        6 => drop(text.drain(at..(at + 1 + what % 8).min(text.len()))),
        7 => replace_word(text, what),
        8 => text
            .splice(..0, std::iter::repeat_n(b' ', 1 + what % 4))
            .for_each(drop),
        // Nothing: two sides that only one of has changed.
        _ => {}
    }
}

/// Another value, mostly.
fn replace_word(text: &mut Vec<u8>, what: usize) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    if let Some(end) = text.iter().rposition(is_word) {
        let start = text[..end]
            .iter()
            .rposition(|byte| !is_word(byte))
            .map_or(0, |at| at + 1);
        text.splice(start..=end, format!("v{}", what % 4).into_bytes());
    }
}

/// Lines that a file of the format may have.
fn snippets(format: Format) -> &'static [&'static str] {
    match format {
        Format::Toml => &[
            "x = 1\n",
            "[t]\n",
            "[[l]]\n",
            "x.y = {a = 1}\n",
            "# c\n",
            "l = [\n  1,\n]\n",
            "s = '''\n",
            "\"q\" = 2\n",
        ],
        Format::Json => &[
            "  \"x\": 1,\n",
            ", \"y\": [1]\n",
            "{\"id\": 1},\n",
            "// c\n",
            "]\n",
            "}\n",
            "[\n",
            "{\n",
        ],
        Format::Yaml => &[
            "x: 1\n",
            "- 1\n",
            "  - id: 1\n",
            "---\n",
            "# c\n",
            "y: &a {b: 1}\n",
            "z: *a\n",
            "t: |\n",
        ],
        Format::Xml => &[
            "<x/>\n",
            "<a id=\"1\">t</a>\n",
            "<!-- c -->\n",
            "</a>\n",
            "<a>\n",
            "<![CDATA[x]]>\n",
            "&amp;\n",
            "<?p x?>\n",
        ],
        Format::Properties => &[
            "x=1\n",
            "x=\\\n",
            "# c\n",
            "! c\n",
            "\n",
            "\\u0078=1\n",
            "y : 2\n",
            "=\n",
        ],
        Format::Ini => &[
            "x=1\n",
            "[s]\n",
            "[t]\n",
            "; c\n",
            "\n",
            "  deeper\n",
            "x\n",
            "y: 2\\\n",
        ],
        Format::BundlesInfo => &[
            "a,1.0.0,p/a.jar,4,true\n",
            "a,1.0.1,p/a.jar,4,true\n",
            "# c\n",
            "b,1.0.0,p/b.jar,1,false\n",
        ],
        Format::Text => &["x\n", "\n", "y\n", "<<<<<<< x\n", "=======\n", ">>>>>>> x\n"],
    }
}
