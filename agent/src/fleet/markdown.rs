//! The same as a page of Markdown, for mails, tickets and wikis.

use std::io::{self, Write};

use tera::Tera;

use super::Fleet;
use super::page::{context, part, render};
use crate::api::Result;

/// The page as Markdown.
///
/// # Errors
/// `internal`: the built-in template is wrong.
pub fn markdown(fleet: &Fleet) -> Result<String> {
    let mut tera = Tera::default();
    tera.autoescape_on(vec![".md"]);
    tera.set_escape_fn(escape);
    render(tera, "page.md", part!("page.md.tera"), &context(fleet)?)
}

/// Text that is only text: no markup, no cell of its own, no element of HTML, and on the line that it is on.
fn escape(text: &str, to: &mut dyn Write) -> io::Result<()> {
    for c in text.chars() {
        match c {
            '<' => to.write_all(b"&lt;")?,
            '>' => to.write_all(b"&gt;")?,
            '&' => to.write_all(b"&amp;")?,
            c if c.is_control() => to.write_all(b" ")?,
            // What joins the parts of names, levels and sentences is no markup within a line.
            '.' | ',' | '-' | '/' | '(' | ')' | ';' | '\'' | '"' | '=' | '%' => write!(to, "{c}")?,
            c if c.is_ascii_punctuation() => write!(to, "\\{c}")?,
            c => write!(to, "{c}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let table = [
            ("wso2is-7.1.0.41", "wso2is-7.1.0.41"),
            ("a|b", "a\\|b"),
            ("[x](javascript:1)", "\\[x\\](javascript\\:1)"),
            ("<script>&", "&lt;script&gt;&amp;"),
            ("a\n# b\r", "a \\# b "),
            ("*a* _b_ `c` ~d~ \\", "\\*a\\* \\_b\\_ \\`c\\` \\~d\\~ \\\\"),
            ("ä – 1", "ä – 1"),
        ];
        for (text, escaped) in table {
            let mut found = Vec::new();
            escape(text, &mut found).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), escaped);
        }
    }
}
