//! The envelope and every lie about it.

use super::*;
use crate::trust::keys::PrivateKey;

struct Pair(PrivateKey);

impl Signer for Pair {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        Ok(self.0.sign(message))
    }
}

/// Who signs, how many must of whom, and how many count if that is enough.
type Case<'a> = (&'a [&'a Pair], usize, &'a [&'a Pair], Option<usize>);

fn pair() -> Pair {
    Pair(PrivateKey::generate().unwrap())
}

fn signers(threshold: usize, of: &[&Pair]) -> Signers {
    Signers {
        role: "release".to_owned(),
        threshold,
        keys: of.iter().map(|one| one.public().clone()).collect(),
    }
}

fn signed(by: &[&Pair]) -> Envelope {
    let mut envelope = Envelope::new("text/plain", b"hello".to_vec());
    by.iter().for_each(|one| envelope.sign(*one).unwrap());
    envelope
}

/// The message of the protocol's own example.
#[test]
fn the_message_is_the_published_one() {
    let envelope = Envelope::new("http://example.com/HelloWorld", b"hello world".to_vec());
    assert_eq!(
        envelope.message(),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn it_is_told_without_a_signature_whether_a_digest_stands_in_it() {
    let digest = Digest::of(b"x");
    let text = digest.to_string();
    for (payload, expected) in [
        (format!("{{{text}}}"), true),
        (text.to_uppercase(), true),
        (text[1..].to_owned(), false),
        (String::new(), false),
        (Digest::of(b"y").to_string(), false),
    ] {
        assert_eq!(
            Envelope::new("t", payload.clone().into()).mentions(&digest),
            expected,
            "{payload}"
        );
    }
}

#[test]
fn so_many_distinct_keys_must_have_signed() {
    let (a, b, c) = (pair(), pair(), pair());
    let table: [Case; 9] = [
        (&[&a], 1, &[&a], Some(1)),
        (&[&a, &b], 1, &[&a], Some(1)),
        (&[&a, &b], 2, &[&a, &b, &c], Some(2)),
        (&[&a, &c], 2, &[&a, &b], None),
        (&[&a], 2, &[&a, &b], None),
        // The same key in the role twice counts once.
        (&[&a], 2, &[&a, &a], None),
        (&[], 1, &[&a], None),
        // Nobody is nobody, also where nobody is demanded.
        (&[&a], 0, &[&a], None),
        (&[&a], 1, &[], None),
    ];
    for (row, (by, threshold, of, counted)) in table.into_iter().enumerate() {
        let verified = signed(by).verify(&signers(threshold, of), "it");
        assert_eq!(
            verified.as_ref().ok().map(|one| one.signed_by().len()),
            counted,
            "row {row}"
        );
        let kind = verified.err().map(|failure| failure.kind);
        assert!(kind.is_none_or(|kind| kind == ErrorKind::Signature), "row {row}");
    }
}

#[test]
fn a_key_that_signs_twice_counts_once_and_a_lie_about_who_signed_changes_nothing() {
    let (a, b) = (pair(), pair());
    let mut envelope = signed(&[&a]);
    envelope.sign(&a).unwrap();
    assert_eq!(envelope.signatures.len(), 1);
    let mut copy = envelope.signatures[0].clone();
    copy.key = Some(b.public().id().to_string());
    envelope.signatures.push(copy);
    assert!(envelope.verify(&signers(2, &[&a, &b]), "it").is_err());
    envelope.signatures.remove(0);
    let verified = envelope.verify(&signers(1, &[&a, &b]), "it").unwrap();
    assert_eq!(verified.signed_by(), &BTreeSet::from([a.public().id()]));
    envelope.signatures[0].key = None;
    assert!(envelope.verify(&signers(1, &[&a]), "it").is_ok());
}

#[test]
fn another_type_or_other_bytes_are_not_what_was_signed() {
    let a = pair();
    let good = signed(&[&a]);
    let mut other = good.clone();
    other.payload_type = "text/html".to_owned();
    assert!(other.verify(&signers(1, &[&a]), "it").is_err());
    // A byte that moves from the type to the payload.
    let mut other = good.clone();
    other.payload_type = "text/plai".to_owned();
    other.payload = b"nhello".to_vec();
    assert!(other.verify(&signers(1, &[&a]), "it").is_err());
    let mut other = good;
    other.payload.push(b' ');
    assert!(other.verify(&signers(1, &[&a]), "it").is_err());
}

#[test]
fn it_reads_what_it_writes_and_what_others_write() {
    let a = pair();
    let envelope = signed(&[&a]);
    let bytes = envelope.to_bytes().unwrap();
    assert_eq!(Envelope::parse(&bytes, "it").unwrap(), envelope);
    let written: Written = serde_json::from_slice(&bytes).unwrap();
    let url = written.signatures[0].sig.replace('+', "-").replace('/', "_");
    let text = format!(
        r#"{{"payloadType":"text/plain","extra":[1],"payload":"aGVsbG8","signatures":[{{"sig":"{}","cert":"x"}}]}}"#,
        url.trim_end_matches('=')
    );
    let read = Envelope::parse(text.as_bytes(), "it").unwrap();
    assert_eq!(read.verify(&signers(1, &[&a]), "it").unwrap().payload(), b"hello");
}

#[test]
fn what_is_no_envelope_is_refused_before_anything_is_made_of_it() {
    let many = format!(
        r#"{{"payload":"","payloadType":"","signatures":[{}]}}"#,
        vec![r#"{"sig":""}"#; 33].join(",")
    );
    let table = [
        ("", "EOF"),
        ("{}", "missing field `payload`"),
        (
            r#"{"payload":"a","payloadType":"t","signatures":[]}"#,
            "`payload` is not base64",
        ),
        (
            r#"{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"!"}]}"#,
            "`sig` is not base64",
        ),
        (
            r#"{"payload":"YQ==","payload":"Yg==","payloadType":"t","signatures":[]}"#,
            "comes twice",
        ),
        (
            r#"{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"","sig":""}]}"#,
            "comes twice",
        ),
        (
            r#"{"payload":"YQ==","payloadType":1,"signatures":[]}"#,
            "invalid type",
        ),
        (many.as_str(), "more than 32 signatures"),
    ];
    for (text, why) in table {
        let failure = Envelope::parse(text.as_bytes(), "it").unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Signature);
        assert!(failure.message.contains(why), "{why}: {failure}");
    }
    let large = vec![b' '; usize::try_from(LIMIT).unwrap() + 1];
    assert!(
        Envelope::parse(&large, "it")
            .unwrap_err()
            .message
            .contains("larger than 32 MiB")
    );
}

#[test]
fn a_signer_that_signs_with_another_key_is_found_out() {
    struct Wrong(Pair, Pair);
    impl Signer for Wrong {
        fn public(&self) -> &PublicKey {
            self.0.public()
        }
        fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
            self.1.sign(message)
        }
    }
    let mut envelope = Envelope::new("t", Vec::new());
    let failure = envelope.sign(&Wrong(pair(), pair())).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Signature);
    assert!(envelope.signatures.is_empty());
}
