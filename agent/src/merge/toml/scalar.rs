//! What a scalar means.

use std::borrow::Cow;

use toml_parser::Raw;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::Event;

use crate::merge::ParseError;

/// Fails with the first error found, if any.
pub fn refuse(error: Option<toml_parser::ParseError>) -> Result<(), ParseError> {
    let Some(error) = error else {
        return Ok(());
    };
    let at = error
        .unexpected()
        .or(error.context())
        .map_or(0, |span| span.start());
    Err(ParseError::new(at, "not TOML"))
}

/// The text of a key, unquoted.
pub fn key(text: &str, event: &Event) -> Result<String, ParseError> {
    let mut decoded = Cow::Borrowed("");
    let mut error = None;
    raw(text, event).decode_key(&mut decoded, &mut error);
    refuse(error)?;
    Ok(decoded.into_owned())
}

/// A form of a value that is equal exactly for values of the same meaning.
pub fn meaning<'s>(text: &'s str, event: &Event) -> Result<Cow<'s, str>, ParseError> {
    let raw = raw(text, event);
    if raw.as_str().contains("\r\n") {
        // The line ends in a multi-line string are those of its file.
        let text = raw.as_str().replace("\r\n", "\n");
        let raw = Raw::new_unchecked(&text, event.encoding(), event.span());
        return decode(raw, event.encoding()).map(|meaning| Cow::Owned(meaning.into_owned()));
    }
    decode(raw, event.encoding())
}

fn decode<'s>(raw: Raw<'s>, encoding: Option<Encoding>) -> Result<Cow<'s, str>, ParseError> {
    let mut decoded = Cow::Borrowed("");
    let mut error = None;
    let kind = raw.decode_scalar(&mut decoded, &mut error);
    refuse(error)?;
    Ok(match kind {
        ScalarKind::String if encoding == Some(Encoding::BasicString) && raw.len() == decoded.len() + 2 => {
            Cow::Borrowed(raw.as_str())
        }
        ScalarKind::String => format!("\"{decoded}\"").into(),
        ScalarKind::Boolean(_) => decoded,
        ScalarKind::Integer(radix) => match i64::from_str_radix(&decoded, radix.value()) {
            Ok(value) => value.to_string().into(),
            Err(_) => return Err(ParseError::new(0, "an integer out of range")),
        },
        ScalarKind::Float => match decoded.parse::<f64>() {
            Ok(value) => format!("{value:?}").into(),
            Err(_) => return Err(ParseError::new(0, "not a number")),
        },
        // `1979-05-27 07:32:00z` is `1979-05-27T07:32:00Z`.
        ScalarKind::DateTime => decoded.to_ascii_uppercase().replace(' ', "T").into(),
    })
}

fn raw<'s>(text: &'s str, event: &Event) -> Raw<'s> {
    let span = event.span();
    let text = text.get(span.start()..span.end()).unwrap_or_default();
    Raw::new_unchecked(text, event.encoding(), span)
}
