//! Texts and what they say in one form: equal for files that mean the same, however they are written.

use super::Format;
use super::layout::Layout;
use super::text::is_text;
use super::value::Data;

/// Lines without white space at their ends, and without blank ones.
pub fn lines(text: &str) -> String {
    let bare = text.lines().map(str::trim).filter(|line| !line.is_empty());
    bare.collect::<Vec<_>>().join("\n")
}

/// What data says, so that two texts are equal exactly for equal data.
pub fn data(data: &Data) -> String {
    let mut out = String::new();
    write(data, &mut out);
    out
}

fn write(data: &Data, out: &mut String) {
    let text = |text: &str, out: &mut String| {
        *out += &format!("{}:{text}", text.len());
    };
    match data {
        Data::Scalar(scalar) => {
            out.push('s');
            text(scalar, out);
        }
        Data::Map(map) => {
            *out += &format!("m{}:", map.len());
            for (key, value) in map {
                text(key, out);
                write(value, out);
            }
        }
        Data::List(list) => {
            *out += &format!("l{}:", list.len());
            list.iter().for_each(|item| write(&item.data, out));
        }
    }
}

/// What a whole file means: its data where its format can be read, else its lines; `None` if it is no text.
pub fn whole(name: &str, bytes: &[u8]) -> Option<String> {
    if !is_text(bytes) {
        return None;
    }
    let layout = Layout::of([bytes, bytes, bytes]);
    let text = &layout.texts[1];
    if super::is_too_much(text) {
        return Some(lines(text));
    }
    let formats = Format::candidates(name, text);
    let mut read = formats.iter().filter_map(|format| {
        let structure = format.structure()?;
        (structure.data)(text).ok()
    });
    Some(read.next().map_or_else(|| lines(text), |found| data(&found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_the_same() {
        let same = [
            ("a.yaml", "a: 1\nb: x\n", "# why\nb:   'x'\na: 1\n"),
            ("a.toml", "[s]\nport = 0x10\n", "s.port = 16 # hex\r\n"),
            ("a.properties", "a=1\nb=2", "b = 2\n\na : 1\n"),
            ("run.sh", "a\nb\n", "a  \r\n\r\nb"),
        ];
        for (name, a, b) in same {
            assert_eq!(whole(name, a.as_bytes()), whole(name, b.as_bytes()), "{name}");
        }
        let different = [
            ("a.yaml", "a: 1\n", "a: '1'\n"),
            ("a.yaml", "a: [1, 2]\n", "a: [2, 1]\n"),
            ("run.sh", "a\nb\n", "b\na\n"),
        ];
        for (name, a, b) in different {
            assert_ne!(whole(name, a.as_bytes()), whole(name, b.as_bytes()), "{name}");
        }
        assert_eq!(whole("a", b"\0"), None);
    }
}
