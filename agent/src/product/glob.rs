//! Globs over one path component: `*`, `?`, `[a-z]` and `[!a]`.

/// One component of a glob, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Nothing to expand: most components of most rules, compared as bytes.
    Literal(Box<str>),
    Tokens(Box<[Token]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyChar,
    AnyText,
    Set {
        negated: bool,
        ranges: Box<[(char, char)]>,
    },
}

/// Why a text is not a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadGlob {
    /// Nothing is left of it.
    #[error("it is empty")]
    Empty,
    /// It starts at the root.
    #[error("it is absolute; globs are relative to the home")]
    Absolute,
    /// It climbs with `..`.
    #[error("it climbs with `..`")]
    Climbs,
    /// It holds an empty or `.` component.
    #[error("it has an empty or `.` component; a whole directory is `dir/**`")]
    NotPlain,
    /// `**` is a part of a component.
    #[error("`**` must stand alone between slashes")]
    PartialDepth,
    /// A `[` is not closed, or nothing stands in the brackets.
    #[error("`[` is not closed, or its set is empty")]
    OpenSet,
    /// A range ends before it begins.
    #[error("a range in `[…]` ends before it begins")]
    BackwardRange,
}

impl Glob {
    /// Compiles one component.
    ///
    /// # Errors
    /// A set in brackets is not one.
    pub fn new(text: &str) -> Result<Self, BadGlob> {
        if !is_glob(text) {
            return Ok(Self(Kind::Literal(text.into())));
        }
        let mut tokens = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            tokens.push(match c {
                '*' => Token::AnyText,
                '?' => Token::AnyChar,
                '[' => parse_set(&mut rest)?,
                c => Token::Char(c),
            });
        }
        tokens.dedup_by(|a, b| *a == Token::AnyText && *b == Token::AnyText);
        Ok(Self(Kind::Tokens(tokens.into())))
    }

    /// Whether a name matches as a whole.
    pub fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Kind::Literal(literal) => **literal == *name,
            Kind::Tokens(tokens) => match_tokens(tokens, name),
        }
    }
}

/// A path, or a part of one, as the glob that matches nothing else.
pub fn literally(path: &str) -> String {
    let mut glob = String::with_capacity(path.len());
    for c in path.chars() {
        match is_glob(c.encode_utf8(&mut [0; 4])) {
            true => glob.extend(['[', c, ']']),
            false => glob.push(c),
        }
    }
    glob
}

/// Whether a component holds anything to expand.
pub fn is_glob(component: &str) -> bool {
    component.contains(['*', '?', '['])
}

fn parse_set(rest: &mut std::str::Chars<'_>) -> Result<Token, BadGlob> {
    let negated = rest.as_str().starts_with('!');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next().ok_or(BadGlob::OpenSet)? {
            // A `]` that comes first stands for itself, as in a shell.
            ']' if !ranges.is_empty() => break,
            c => c,
        };
        let mut ahead = rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                *rest = ahead;
                to
            }
            _ => from,
        };
        if to < from {
            return Err(BadGlob::BackwardRange);
        }
        ranges.push((from, to));
    }
    Ok(Token::Set {
        negated,
        ranges: ranges.into(),
    })
}

/// Matches greedily and falls back to the last `*` only, which is enough: an earlier one could not take more.
fn match_tokens(tokens: &[Token], name: &str) -> bool {
    let (mut at, mut rest) = (0, name);
    let mut last_star: Option<(usize, &str)> = None;
    loop {
        if tokens.get(at) == Some(&Token::AnyText) {
            at += 1;
            last_star = Some((at, rest));
            continue;
        }
        let mut chars = rest.chars();
        match (tokens.get(at), chars.next()) {
            (None, None) => return true,
            (Some(token), Some(c)) if token.accepts(c) => {
                at += 1;
                rest = chars.as_str();
            }
            _ => {
                let Some((after, from)) = last_star else {
                    return false;
                };
                let mut chars = from.chars();
                if chars.next().is_none() {
                    return false;
                }
                (at, rest) = (after, chars.as_str());
                last_star = Some((after, rest));
            }
        }
    }
}

impl Token {
    fn accepts(&self, c: char) -> bool {
        match self {
            Token::Char(own) => *own == c,
            Token::AnyChar => true,
            Token::AnyText => false,
            Token::Set { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        let table = [
            ("a.jar", "a.jar", true),
            ("a.jar", "a.jarx", false),
            ("flink-*.jar", "flink-dist-1.20.0.jar", true),
            ("flink-*.jar", "flink.jar", false),
            ("*", "", true),
            ("*a*a", "aa", true),
            ("*a*b*c", "xaybzcc", true),
            ("*a*b*c", "xaybzcd", false),
            ("?", "ü", true),
            ("?", "", false),
            ("log4j[!2]*", "log4j.properties", true),
            ("log4j[!2]*", "log4j2.properties", false),
            ("v[0-9][0-9]", "v42", true),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
        ];
        for (glob, name, expected) in table {
            assert_eq!(Glob::new(glob).unwrap().matches(name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn sets_that_are_none_are_refused() {
        assert_eq!(Glob::new("a[bc"), Err(BadGlob::OpenSet));
        assert_eq!(Glob::new("a[]"), Err(BadGlob::OpenSet));
        assert_eq!(Glob::new("[z-a]"), Err(BadGlob::BackwardRange));
    }
}
