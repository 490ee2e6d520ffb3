//! What is signed: in-toto statements, <https://in-toto.io/Statement/v1>. A statement is about subjects, named by digests,
//! and says something of a known type about them.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::dsse::{Envelope, Verified};
use super::json;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Digest;

/// The type of payloads that are statements.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// What a statement can say.
pub trait Predicate: Serialize + DeserializeOwned {
    /// The address that names this kind of statement.
    const TYPE: &'static str;
    /// What it is called in messages, with its article.
    const WHAT: &'static str;
}

/// A statement about subjects. Names that others add are left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What it says.
    pub predicate: P,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name; tells nothing about what it is.
    #[serde(default)]
    pub name: String,
    /// Its digests, by algorithm.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// A subject with its SHA-256.
    pub fn new(name: impl Into<String>, sha256: &Digest) -> Self {
        Self {
            name: name.into(),
            digest: [("sha256".to_owned(), sha256.to_string())].into(),
        }
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> Option<Digest> {
        self.digest.get("sha256")?.parse().ok()
    }
}

impl<P: Predicate> Statement<P> {
    /// A statement.
    pub fn new(subject: Vec<Subject>, predicate: P) -> Self {
        Self {
            kind: STATEMENT.to_owned(),
            subject,
            predicate_type: P::TYPE.to_owned(),
            predicate,
        }
    }

    /// Puts it into an envelope, which nobody has signed yet.
    ///
    /// # Errors
    /// `internal`.
    pub fn seal(&self) -> Result<Envelope> {
        let payload = serde_json::to_vec(self).map_err(|error| {
            Failure::new(ErrorKind::Internal, format!("cannot write down {}", P::WHAT)).because(error)
        })?;
        Ok(Envelope::new(PAYLOAD_TYPE, payload))
    }

    /// What an envelope says. `what` names it in errors.
    ///
    /// # Errors
    /// `signature`: it is not a statement, or one of another kind.
    pub fn open(verified: &Verified, what: &str) -> Result<Self> {
        let found = kind_of(verified, what)?;
        if found != P::TYPE {
            return Err(refuse(
                what,
                format!("it is no {} but a statement of type `{found}`", bare(P::WHAT)),
            ));
        }
        json::parse(verified.payload()).map_err(|error| refuse(what, format!("as {}: {error}", P::WHAT)))
    }

    /// Whether one of the subjects is this one.
    pub fn is_about(&self, sha256: &Digest) -> bool {
        self.subject
            .iter()
            .any(|subject| subject.sha256().as_ref() == Some(sha256))
    }
}

/// What kind of statement an envelope holds.
///
/// # Errors
/// `signature`: it holds none.
pub fn kind_of(verified: &Verified, what: &str) -> Result<String> {
    if verified.payload_type() != PAYLOAD_TYPE {
        let found = verified.payload_type();
        return Err(refuse(
            what,
            format!("its payload is `{found}` and no in-toto statement"),
        ));
    }
    let statement: Statement<IgnoredAny> =
        json::parse(verified.payload()).map_err(|error| refuse(what, error.to_string()))?;
    match statement.kind == STATEMENT {
        true => Ok(statement.predicate_type),
        false => Err(refuse(
            what,
            format!("it is a `{}` and no statement of version 1", statement.kind),
        )),
    }
}

fn bare(what: &str) -> &str {
    what.split_once(' ').map_or(what, |(_, bare)| bare)
}

fn refuse(what: &str, why: String) -> Failure {
    Failure::new(
        ErrorKind::Signature,
        format!("{what} does not say what it should: {why}"),
    )
    .hint("it is signed by a key that is trusted, so ask who signed it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::dsse::Signers;
    use crate::trust::keys::PrivateKey;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
    }

    impl Predicate for Note {
        const TYPE: &'static str = "https://example.com/note/v1";
        const WHAT: &'static str = "a note";
    }

    fn verified(payload_type: &str, payload: &str) -> Verified {
        let key = PrivateKey::generate().unwrap();
        let mut envelope = Envelope::new(payload_type, payload.as_bytes().to_vec());
        envelope.sign(&key).unwrap();
        let signers = Signers {
            role: "note".to_owned(),
            threshold: 1,
            keys: vec![key.public().clone()],
        };
        envelope.verify(&signers, "it").unwrap()
    }

    #[test]
    fn it_reads_what_it_seals_and_is_about_its_subjects_only() {
        let text = "hello".to_owned();
        let statement = Statement::new(vec![Subject::new("x", &Digest::of(b"x"))], Note { text });
        let payload = serde_json::to_string(&statement).unwrap();
        let read = Statement::<Note>::open(&verified(PAYLOAD_TYPE, &payload), "it").unwrap();
        assert_eq!(read, statement);
        assert!(read.is_about(&Digest::of(b"x")));
        assert!(!read.is_about(&Digest::of(b"y")));
        let keys: serde_json::Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(keys["_type"], STATEMENT);
        assert_eq!(keys["predicateType"], Note::TYPE);
    }

    #[test]
    fn another_type_at_any_level_is_refused() {
        let statement = |kind: &str, predicate: &str, text: &str| {
            format!(r#"{{"_type":"{kind}","subject":[],"predicateType":"{predicate}","predicate":{text}}}"#)
        };
        let good = statement(STATEMENT, Note::TYPE, r#"{"text":"x","more":1}"#);
        assert!(Statement::<Note>::open(&verified(PAYLOAD_TYPE, &good), "it").is_ok());
        let table = [
            ("application/json", good.clone(), "no in-toto statement"),
            (
                PAYLOAD_TYPE,
                statement("https://in-toto.io/Statement/v0.1", Note::TYPE, "{}"),
                "no statement of version 1",
            ),
            (
                PAYLOAD_TYPE,
                statement(STATEMENT, "https://example.com/other", "{}"),
                "it is no note but",
            ),
            (
                PAYLOAD_TYPE,
                statement(STATEMENT, Note::TYPE, r#"{"text":1}"#),
                "as a note: invalid type",
            ),
            (
                PAYLOAD_TYPE,
                statement(STATEMENT, Note::TYPE, r#"{"text":"a","text":"b"}"#),
                "comes twice",
            ),
            (PAYLOAD_TYPE, "[]".to_owned(), "does not say what it should"),
        ];
        for (payload_type, payload, why) in table {
            let failure = Statement::<Note>::open(&verified(payload_type, &payload), "it").unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Signature);
            assert!(failure.message.contains(why), "{why}: {failure}");
        }
    }
}
