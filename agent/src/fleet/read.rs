//! Reports out of a stream: documents after one another, arrays, lists, one per line. Pure but for the reader it is given.

use std::io::{self, BufRead, Read};

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::listed::Listed;
use super::told::Told;
use crate::api::report::{LIST_SCHEMA, SCHEMA};

/// The longest line that is read as a document of its own.
const LONGEST_LINE: u64 = 64 << 20;
/// How many things that cannot be read are told of one stream.
const TOLD_AT_MOST: usize = 20;

/// What a stream held.
#[derive(Debug, Default)]
pub struct Heard {
    /// The reports.
    pub reports: Vec<Told>,
    /// The lists of all instances of a host among them.
    pub lists: Vec<Listed>,
    /// What is no report, and why.
    pub unread: Vec<String>,
}

/// Reads a stream to its end. What is no report is told and passed over; a stream that does not go on to make sense ends.
///
/// # Errors
/// Of the reader.
pub fn read(mut from: impl BufRead) -> io::Result<Heard> {
    let mut heard = Heard::default();
    let (mut number, mut said_something) = (0, false);
    loop {
        let mut line = Vec::new();
        (&mut from).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        number += 1;
        if line.is_empty() {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        said_something = true;
        match serde_json::from_slice::<Document>(&line) {
            Ok(document) => document.0.into_iter().for_each(|one| heard.take(one)),
            // A document over several lines, and whatever follows it.
            Err(error) if error.is_eof() => {
                heard.rest(line.chain(&mut from), number)?;
                break;
            }
            Err(error) => heard.miss(format!("line {number} is not JSON: {error}")),
        }
    }
    if !said_something {
        heard.miss("it is empty".to_owned());
    }
    Ok(heard)
}

impl Heard {
    fn rest(&mut self, from: impl Read, first: u64) -> io::Result<()> {
        let stream = serde_json::Deserializer::from_reader(from).into_iter::<Document>();
        for document in stream {
            match document {
                Ok(document) => document.0.into_iter().for_each(|one| self.take(one)),
                Err(error) if error.is_io() => return Err(error.into()),
                Err(error) => {
                    self.miss(format!("it is not JSON from line {first} on: {error}"));
                    break;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, told: Told) {
        match told.schema.as_str() {
            LIST_SCHEMA => {
                if let Some(error) = &told.error {
                    self.miss(format!("no report could be made: {}", error.message));
                }
                self.lists.extend(Listed::new(&told.reports));
                told.reports.into_iter().for_each(|one| self.take(one));
            }
            SCHEMA if told.host.is_empty() || told.instance.is_empty() => {
                self.miss("a report names no host or no instance".to_owned());
            }
            SCHEMA => self.reports.push(told),
            "" => self.miss("it is not a report of pitstop's: it has no `schema`".to_owned()),
            other => self.miss(format!("it is not a report that this version knows: {other:.60}")),
        }
    }

    fn miss(&mut self, why: String) {
        if self.unread.len() < TOLD_AT_MOST && !self.unread.contains(&why) {
            self.unread.push(why);
        }
    }
}

/// One document, or an array of them.
struct Document(Vec<Told>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Document;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a report, or an array of reports")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Document, A::Error> {
                let mut all = Vec::new();
                while let Some(document) = from.next_element::<Document>()? {
                    all.extend(document.0);
                }
                Ok(Document(all))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, from: A) -> Result<Document, A::Error> {
                let from = serde::de::value::MapAccessDeserializer::new(from);
                Ok(Document(vec![Told::deserialize(from)?]))
            }

            fn visit_unit<E: Error>(self) -> Result<Document, E> {
                Ok(Document(Vec::new()))
            }
        }
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(instance: &str) -> String {
        format!(r#"{{"schema":"pitstop/report/v1","host":"h","instance":"{instance}","later":{{"x":[1]}}}}"#)
    }

    /// The instances that are read, and what is told of the rest.
    fn heard(text: &str) -> (String, Vec<String>) {
        let heard = read(text.as_bytes()).unwrap();
        let names: Vec<_> = heard.reports.iter().map(|one| one.instance.as_str()).collect();
        (names.join(" "), heard.unread)
    }

    #[test]
    fn every_form_is_read() {
        let (a, b) = (one("a"), one("b"));
        let list = format!(r#"{{"schema":"pitstop/report-list/v1","reports":[{a},{b}]}}"#);
        let pretty = a.replace(',', ",\n  ");
        for text in [
            format!("{a}\n{b}\n"),
            format!("{a}\n\n{b}"),
            format!("[{a},{b}]"),
            format!("[\n{a},\n{b}\n]\n"),
            format!("[[{a}],[],{b}, null]"),
            format!("{pretty}\n{b}"),
            format!("{pretty}\n{pretty}\n")
                .replacen(r#""a""#, r#""b""#, 2)
                .replacen(r#""b""#, r#""a""#, 1),
            list.clone(),
            list.replace(',', ",\n"),
        ] {
            assert_eq!(heard(&text), ("a b".to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn what_is_no_report_is_told_and_hides_no_other() {
        let (a, b) = (one("a"), one("b"));
        let table = [
            ("\n\n".to_owned(), "", "it is empty"),
            ("hello\n".to_owned(), "", "line 1 is not JSON"),
            (format!("{a}\n{{broken}}\n{b}\n"), "a b", "line 2 is not JSON"),
            (format!("{a}\n{}", &b[..40]), "a", "not JSON from line 2 on"),
            (format!("{a}\n{{\"schema\":\"pitstop/merge/v1\"}}\n"), "a", "pitstop/merge/v1"),
            (format!("{a}\n{{\"schema\":\"pitstop/report/v2\"}}\n"), "a", "not a report that this version knows"),
            ("{\"x\": 1}".to_owned(), "", "has no `schema`"),
            ("17".to_owned(), "", "expected a report, or an array"),
            (one(""), "", "names no host or no instance"),
            (
                r#"{"schema":"pitstop/report-list/v1","reports":[],"error":{"kind":"settings","message":"bad key"}}"#
                    .to_owned(),
                "",
                "no report could be made: bad key",
            ),
            (format!("{}{a}", "[".repeat(300)), "", "recursion limit"),
        ];
        for (text, names, why) in table {
            let (found, unread) = heard(&text);
            assert_eq!(found, names, "{text}");
            assert!(unread.iter().any(|one| one.contains(why)), "{why}: {unread:?}");
        }
    }

    #[test]
    fn a_host_without_instances_is_no_mistake() {
        for text in ["[]", r#"{"schema":"pitstop/report-list/v1","reports":[]}"#] {
            assert_eq!(heard(text), (String::new(), vec![]));
        }
    }

    #[test]
    fn no_flood_of_complaints() {
        assert_eq!(heard(&"x\n".repeat(1000)).1.len(), TOLD_AT_MOST);
    }
}
