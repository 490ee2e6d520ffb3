//! What text and attribute values mean, apart from how they are written.

use std::borrow::Cow;

use quick_xml::escape::unescape;

/// White space as XML knows it.
pub fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// What an attribute's value means, without its quotes. `None` if it refers to an entity that XML itself does not know.
pub fn attribute(raw: &str) -> Option<Cow<'_, str>> {
    match folded(raw) {
        Cow::Borrowed(raw) => unescape(raw).ok(),
        Cow::Owned(raw) => Some(unescape(&raw).ok()?.into_owned().into()),
    }
}

/// What a run of text, references and CDATA means: references are resolved, CDATA is plain, and the indentation of
/// continued lines is nothing. `None` if it refers to an entity that XML itself does not know.
pub fn run(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains(CDATA) {
        return attribute(raw);
    }
    let mut meaning = String::new();
    let mut rest = raw;
    while let Some((text, cdata)) = rest.split_once(CDATA) {
        let (cdata, after) = cdata.split_once(CDATA_END)?;
        meaning.push_str(&attribute(text)?);
        meaning.push_str(cdata);
        rest = after;
    }
    meaning.push_str(&attribute(rest)?);
    Some(meaning.into())
}

/// How a CDATA section begins.
pub const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// Every line break with the white space around it as one line break.
pub fn folded(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['\n', '\r']) {
        return Cow::Borrowed(raw);
    }
    let mut folded = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(is_space) {
        let (text, after) = rest.split_at(at);
        let next = after.trim_start_matches(is_space);
        let space = &after[..after.len() - next.len()];
        folded.push_str(text);
        folded.push_str(if space.contains(['\n', '\r']) { "\n" } else { space });
        rest = next;
    }
    folded.push_str(rest);
    Cow::Owned(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_means_the_same_however_it_is_written() {
        let table = [
            ("a", "a"),
            ("a&amp;b &#x41;&lt;", "a&b A<"),
            ("a\n      b", "a\nb"),
            ("a \r\n b  c", "a\nb  c"),
            ("<![CDATA[a & b]]>", "a & b"),
            ("1 <![CDATA[<x>]]>\n <![CDATA[]]>&gt;", "1 <x>\n>"),
        ];
        for (raw, meaning) in table {
            assert_eq!(run(raw).as_deref(), Some(meaning), "{raw:?}");
        }
        assert_eq!(run("&nbsp;"), None);
        assert_eq!(run("a & b"), None);
    }
}
