//! What files are freed of before they are read, and how a result gets it back: byte order mark, line ends, the missing
//! end of the last line, an encoding that is not UTF-8.

use super::lines;

/// Three texts as they are merged.
#[derive(Debug)]
pub(super) struct Layout {
    /// Base, current, new: each line ends with `\n`, including the last.
    pub(super) texts: [String; 3],
    /// They are not in UTF-8: each character is a byte.
    pub(super) bytes: bool,
    bom: bool,
    crlf: Option<bool>,
    final_newline: bool,
    /// The last line of a side goes on where nothing is left.
    goes_on: bool,
}

const BOM: &str = "\u{feff}";

impl Layout {
    pub(super) fn of(sides: [&[u8]; 3]) -> Self {
        let bytes = sides.iter().any(|side| std::str::from_utf8(side).is_err());
        let texts = sides.map(|side| decode(side, bytes));
        let bare = texts
            .each_ref()
            .map(|text| text.strip_prefix(BOM).unwrap_or(text));
        let uniform = bare.iter().all(|text| is_uniform(text));
        let ends = bare.map(|text| text.is_empty() || text.ends_with('\n'));
        Self {
            bytes,
            bom: texts[1].starts_with(BOM),
            crlf: uniform.then(|| if bare[1].contains('\n') { bare[1] } else { bare[2] }.contains("\r\n")),
            goes_on: bare.into_iter().any(goes_on),
            final_newline: if ends[0] == ends[1] { ends[2] } else { ends[1] },
            texts: bare.map(|text| plain(text, uniform)),
        }
    }

    /// A result of merging the files as they are, as it is read.
    pub(super) fn plain(&self, result: &[u8]) -> String {
        let text = decode(result, self.bytes);
        plain(text.strip_prefix(BOM).unwrap_or(&text), self.crlf.is_some())
    }

    /// A result as the operator has it.
    pub(super) fn restore(&self, text: &str) -> Vec<u8> {
        let is_as_it_was = |text: &&str| self.goes_on && text.ends_with('\n') && goes_on(text);
        let text = text.strip_suffix('\n').filter(is_as_it_was).unwrap_or(text);
        match text.strip_suffix('\n') {
            Some(text) if !self.final_newline => self.restore_marked(text),
            _ => self.restore_marked(text),
        }
    }

    /// A result that ends with a conflict marker, or may: its last line has an end.
    pub(super) fn restore_marked(&self, text: &str) -> Vec<u8> {
        let bom = if self.bom { BOM } else { "" };
        let text = match self.crlf {
            Some(true) => format!("{bom}{}", text.replace('\n', "\r\n")),
            _ => format!("{bom}{text}"),
        };
        if self.bytes {
            // Nothing but what was decoded so, and ASCII, is ever put into such a text.
            text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
        } else {
            text.into_bytes()
        }
    }
}

/// Bytes that are not UTF-8 are taken one by one: all that is merged is ASCII or not looked into.
fn decode(bytes: &[u8], one_by_one: bool) -> String {
    if one_by_one {
        bytes.iter().copied().map(char::from).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// All lines end alike, so that they can be told again afterwards.
fn is_uniform(text: &str) -> bool {
    if !text.contains('\r') {
        return true;
    }
    let count = |what: &str| text.matches(what).count();
    let (returns, both) = (count("\r"), count("\r\n"));
    returns == both && both == count("\n")
}

fn plain(text: &str, uniform: bool) -> String {
    let mut text = if uniform && text.contains('\r') {
        text.replace("\r\n", "\n")
    } else {
        text.to_owned()
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if goes_on(&text) {
        text.push('\n');
    }
    text
}

/// Whether the last line's end is escaped, or would be: what comes after it in a result would be a part of that line, if it
/// did not get an end of its own.
fn goes_on(text: &str) -> bool {
    let line = text.strip_suffix('\n').unwrap_or(text);
    lines::escapes_its_end(line.strip_suffix('\r').unwrap_or(line))
}
