//! How a person names a key: `server.port`, `"a.b".c`, `users[0].name`, `datasource[id=DB].url`; in XML
//! `Server/Service[@name=Catalina]/Connector[@port=9443]/@secure`; in properties the whole text is the key.

use super::super::Format;

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The child of this name.
    Key(String),
    /// The item at this place, from 0.
    At(usize),
    /// The item in which this key has this value.
    With(String, String),
}

/// Reads a path. Never empty.
///
/// # Errors
/// Why the text names no key.
pub fn parse(text: &str, format: Format) -> Result<Vec<Step>, String> {
    if text.is_empty() {
        return Err("a key without a name".to_owned());
    }
    let separator = match format {
        Format::Properties => return Ok(vec![Step::Key(text.to_owned())]),
        Format::Xml => '/',
        _ => '.',
    };
    let mut reader = Reader { rest: text };
    let mut steps = Vec::new();
    loop {
        steps.push(Step::Key(reader.name(&[separator, '['])?));
        while reader.takes('[') {
            steps.push(reader.selector()?);
        }
        match reader.takes(separator) {
            true => {}
            false if reader.rest.is_empty() => return Ok(steps),
            false => return Err(format!("`{}` does not belong there", reader.rest)),
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A name up to one of the signs, or in quotes.
    fn name(&mut self, ends: &[char]) -> Result<String, String> {
        if let Some(quote) = self.rest.chars().next().filter(|c| ['"', '\''].contains(c)) {
            let inside = &self.rest[1..];
            let end = inside.find(quote).ok_or("a quote without its end")?;
            self.rest = &inside[end + 1..];
            return Ok(inside[..end].to_owned());
        }
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        match name.is_empty() {
            true => Err("a part without a name".to_owned()),
            false => Ok(name.to_owned()),
        }
    }

    /// What stands between brackets.
    fn selector(&mut self) -> Result<Step, String> {
        let key = self.name(&['=', ']'])?;
        let step = match self.takes('=') {
            true => Step::With(key, self.name(&[']'])?),
            false => Step::At(
                key.parse()
                    .map_err(|_| format!("`[{key}]` is neither a number nor `[key=value]`"))?,
            ),
        };
        match self.takes(']') {
            true => Ok(step),
            false => Err("`[` without `]`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn keys_are_named_as_people_do() {
        let with = |key: &str, value: &str| Step::With(key.to_owned(), value.to_owned());
        let table = [
            (Format::Toml, "server.port", vec![key("server"), key("port")]),
            (Format::Toml, "\"a.b\".'c d'", vec![key("a.b"), key("c d")]),
            (
                Format::Yaml,
                "users[0].name",
                vec![key("users"), Step::At(0), key("name")],
            ),
            (
                Format::Toml,
                "ds[id=A.B].url",
                vec![key("ds"), with("id", "A.B"), key("url")],
            ),
            (
                Format::Json,
                "ds[\"i]d\"='x]y']",
                vec![key("ds"), with("i]d", "x]y")],
            ),
            (Format::Properties, "a.b[0]=c", vec![key("a.b[0]=c")]),
            (
                Format::Xml,
                "Server/Connector[@port=9443]/@scheme",
                vec![
                    key("Server"),
                    key("Connector"),
                    with("@port", "9443"),
                    key("@scheme"),
                ],
            ),
        ];
        for (format, text, expected) in table {
            assert_eq!(parse(text, format).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[0", "a[0]b", "\"a", "a[b=]",
        ] {
            assert!(parse(text, Format::Toml).is_err(), "{text}");
        }
    }
}
