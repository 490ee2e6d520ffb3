//! What a template refers to, read from its text: the engine takes a misspelt name in a condition for `false` and does
//! not say which values a template uses.

use std::collections::BTreeSet;

/// A value that a template names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// The name and its fields.
    pub path: Vec<String>,
    /// The line, from 1.
    pub line: usize,
}

/// Everything that a template refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    /// Values that must exist.
    pub needed: Vec<Mention>,
    /// Values that the template asks whether they exist.
    pub optional: Vec<Mention>,
    /// Texts that values may be compared with.
    pub literals: BTreeSet<String>,
}

/// Words that are no names.
const WORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "set_global",
    "endset",
    "block",
    "endblock",
    "extends",
    "include",
    "filter",
    "endfilter",
    "component",
    "endcomponent",
    "break",
    "continue",
    "true",
    "false",
    "True",
    "False",
    "none",
    "None",
    "with",
    "as",
    "import",
    "macro",
    "endmacro",
    "raw",
    "endraw",
    "super",
];

/// Reads a template. What is no template is not noticed here: the engine says so better.
pub(super) fn mentions(text: &str) -> Mentions {
    let tags = tags(text);
    let mut locals: BTreeSet<&str> = ["loop"].into();
    tags.iter().for_each(|tag| tag.add_locals(&mut locals));
    let mut found = Mentions::default();
    for tag in &tags {
        tag.collect(&locals, &mut found);
    }
    let optional = std::mem::take(&mut found.optional);
    // What is asked for in one place may be used in another.
    found
        .needed
        .retain(|one| !optional.iter().any(|asked| one.path.starts_with(&asked.path)));
    found.optional = optional;
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Text(&'t str),
    Sign(&'t str),
}

/// One `{{ … }}` or `{% … %}`.
struct Tag<'t> {
    tokens: Vec<(Token<'t>, usize)>,
}

fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(start) = find_from(text, at, &["{{", "{%", "{#"]) {
        let inside = start + 2;
        if text[start..].starts_with("{#") {
            at = text[inside..]
                .find("#}")
                .map_or(text.len(), |end| inside + end + 2);
            continue;
        }
        let (tokens, end) = tokens(text, inside);
        let is_raw = tokens
            .first()
            .is_some_and(|(token, _)| *token == Token::Word("raw"));
        at = match is_raw {
            true => text[end..].find("endraw").map_or(text.len(), |found| end + found),
            false => end,
        };
        tags.push(Tag { tokens });
    }
    tags
}

fn find_from(text: &str, at: usize, wanted: &[&str]) -> Option<usize> {
    let rest = text.get(at..)?;
    wanted
        .iter()
        .filter_map(|sign| rest.find(sign))
        .min()
        .map(|found| at + found)
}

/// The tokens from a place on, up to the tag's end, and where that is.
fn tokens(text: &str, mut at: usize) -> (Vec<(Token<'_>, usize)>, usize) {
    let mut tokens = Vec::new();
    let mut line = text[..at].matches('\n').count() + 1;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("}}") || rest.starts_with("%}") {
            return (tokens, at + 2);
        }
        let length = match c {
            '"' | '\'' | '`' => {
                let length = rest[1..].find(c).map_or(rest.len(), |end| end + 2);
                tokens.push((Token::Text(rest.get(1..length - 1).unwrap_or_default()), line));
                length
            }
            c if c.is_alphabetic() || c == '_' => {
                let is_end = |c: char| !c.is_alphanumeric() && c != '_';
                let length = rest.find(is_end).unwrap_or(rest.len());
                tokens.push((Token::Word(&rest[..length]), line));
                length
            }
            // `1.5` is no field of anything.
            c if c.is_ascii_digit() => rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len()),
            c => {
                let length = if rest.starts_with("==") || rest.starts_with("?.") {
                    2
                } else {
                    c.len_utf8()
                };
                if !c.is_whitespace() {
                    tokens.push((Token::Sign(&rest[..length]), line));
                }
                length
            }
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    (tokens, at)
}

impl<'t> Tag<'t> {
    fn token(&self, at: usize) -> Option<Token<'t>> {
        self.tokens.get(at).map(|(token, _)| *token)
    }

    /// Names that the template gives values itself.
    fn add_locals(&self, locals: &mut BTreeSet<&'t str>) {
        let first = self
            .tokens
            .iter()
            .position(|(token, _)| matches!(token, Token::Word(_)));
        let mut words = self
            .tokens
            .iter()
            .skip(first.map_or(usize::MAX, |at| at + 1))
            .map(|(token, _)| *token);
        match first.and_then(|at| self.token(at)) {
            Some(Token::Word("set" | "set_global")) => locals.extend(words.next().and_then(Token::word)),
            Some(Token::Word("component" | "macro")) => locals.extend(words.filter_map(Token::word)),
            _ => {}
        }
        // Also in `[x for x in list]`.
        for at in 0..self.tokens.len() {
            if self.token(at) == Some(Token::Word("for")) {
                let names = self.tokens[at + 1..].iter().map(|(token, _)| *token);
                locals.extend(
                    names
                        .take_while(|token| *token != Token::Word("in"))
                        .filter_map(Token::word),
                );
            }
        }
    }

    fn collect(&self, locals: &BTreeSet<&str>, found: &mut Mentions) {
        let mut at = 0;
        while let Some((token, line)) = self.tokens.get(at) {
            match token {
                Token::Text(text) => {
                    found.literals.insert((*text).to_owned());
                }
                Token::Word(word) if self.is_name(at, word) => {
                    let (path, end, is_asked) = self.path(at);
                    let mention = Mention { path, line: *line };
                    let asked = is_asked || self.is_asked(end);
                    if !locals.contains(word) {
                        let list = if asked {
                            &mut found.optional
                        } else {
                            &mut found.needed
                        };
                        list.push(mention);
                    }
                    at = end;
                    continue;
                }
                Token::Word(_) | Token::Sign(_) => {}
            }
            at += 1;
        }
    }

    /// Whether a word is the name of a value: no key word, filter, test, function, argument or component.
    fn is_name(&self, at: usize, word: &str) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.token(at));
        let names_something_else = match before {
            Some(Token::Sign("." | "?." | "|"))
            | Some(Token::Word("is" | "block" | "endblock" | "filter")) => true,
            Some(Token::Word("not")) => at > 1 && self.token(at - 2) == Some(Token::Word("is")),
            Some(Token::Sign("<" | "/")) => at == 1 || self.token(at - 2) == Some(Token::Sign("<")),
            _ => false,
        };
        let is_called = matches!(self.token(at + 1), Some(Token::Sign("(" | "=")));
        !names_something_else && !is_called && !WORDS.contains(&word)
    }

    /// The path that begins here, where it ends, and whether a part of it may be missing.
    fn path(&self, at: usize) -> (Vec<String>, usize, bool) {
        let (mut path, mut at) = (
            vec![
                self.token(at)
                    .and_then(Token::word)
                    .unwrap_or_default()
                    .to_owned(),
            ],
            at + 1,
        );
        while let (Some(Token::Sign(".")), Some(Token::Word(field))) = (self.token(at), self.token(at + 1)) {
            path.push(field.to_owned());
            at += 2;
        }
        (path, at, self.token(at) == Some(Token::Sign("?.")))
    }

    /// Whether what stands at a place asks if the value before it exists.
    fn is_asked(&self, at: usize) -> bool {
        let words = [at, at + 1, at + 2].map(|at| self.token(at).and_then(Token::word));
        matches!(
            words,
            [Some("is"), Some("defined" | "undefined"), _]
                | [Some("is"), Some("not"), Some("defined" | "undefined")]
        ) || (self.token(at) == Some(Token::Sign("|")) && words[1] == Some("default"))
    }
}

impl<'t> Token<'t> {
    fn word(self) -> Option<&'t str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(text: &str) -> Vec<String> {
        mentions(text)
            .needed
            .iter()
            .map(|one| format!("{}:{}", one.path.join("."), one.line))
            .collect()
    }

    #[test]
    fn names_are_told_from_everything_else() {
        let table: [(&str, &[&str]); 16] = [
            ("{{ a.b }} {{c}}", &["a.b:1", "c:1"]),
            (
                "x\n{% if not a.b == \"x.y\" and c %}\n{% elif d %}{% endif %}",
                &["a.b:2", "c:2", "d:3"],
            ),
            ("{{ a | toml }} {{ b | default(value=c.d) }}", &["a:1", "c.d:1"]),
            (
                "{% for x in list %}{{ x.name }}{{ loop.index }}{% endfor %}",
                &["list:1"],
            ),
            ("{% for k, v in map %}{{ k }}{{ v }}{% endfor %}", &["map:1"]),
            ("{% set x = a.b %}{{ x.c }}", &["a.b:1"]),
            ("{{ [x.a for x in xs] }}", &["xs:1"]),
            ("{{ a[0].b }} {{ c[d] }}", &["a:1", "c:1", "d:1"]),
            ("{{ throw(message=\"a.b\" ~ m) }}", &["m:1"]),
            ("{# {{ no }} #}{% raw %}{{ no }}{% endraw %}{{ yes }}", &["yes:1"]),
            ("{% if a is defined %}{{ a.b }}{% endif %}{{ c }}", &["c:1"]),
            (
                "{% if a is not defined %}{% endif %}{{ a?.b }}{{ c.d?.e }}{{ c.d.e }}",
                &[],
            ),
            (
                "{% if a is string and b is starting_with(pat=c) %}{% endif %}",
                &["a:1", "b:1", "c:1"],
            ),
            (
                "{% include \"x.tera\" %}{% block head %}{{ a }}{% endblock head %}",
                &["a:1"],
            ),
            ("{{ 1.5 + a }}{{ a.b.c }", &["a:1", "a.b.c:1"]),
            ("no template { { a } }", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(needed(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_counted_and_literals_kept() {
        let found = mentions("a\n{{ \"mysql\"\n  == db.type }}\r\n{{ 'é' }}{{ x }}");
        let lines: Vec<usize> = found.needed.iter().map(|one| one.line).collect();
        assert_eq!(lines, [3, 4]);
        assert_eq!(found.literals, ["mysql".to_owned(), "é".to_owned()].into());
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "{{",
            "{{ \"",
            "{{ é.ü }}",
            "{% raw",
            "{#",
            "{{ a. }}",
            "{{ . }}",
            "{% for %}",
            "{{ 'ü }}",
        ] {
            mentions(text);
        }
    }
}
