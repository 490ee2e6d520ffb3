//! Signed envelopes: DSSE 1.0, <https://github.com/secure-systems-lab/dsse>.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::{Deserialize, Serialize};

use super::json;
use super::keys::{KeyId, PublicKey};
use super::signer::Signer;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Digest;
use crate::sys::fs;

/// How many bytes an envelope may have.
pub const LIMIT: u64 = 32 << 20;
/// How many signatures one may have.
const MOST_SIGNATURES: usize = 32;

/// Who must have signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers {
    /// What they are called in messages, such as `release`.
    pub role: String,
    /// How many of the keys.
    pub threshold: usize,
    /// The keys, each once.
    pub keys: Vec<PublicKey>,
}

impl Signers {
    /// Whether anybody was ever named. Who was stays named when all their keys are revoked: nobody speaks for the role then.
    pub fn is_named(&self) -> bool {
        self.threshold > 0
    }

    /// Whether these keys are enough.
    pub fn satisfied_by(&self, signed: &BTreeSet<KeyId>) -> bool {
        self.is_named() && self.count(signed) >= self.threshold
    }

    fn count(&self, signed: &BTreeSet<KeyId>) -> usize {
        let mine: BTreeSet<KeyId> = self.keys.iter().map(PublicKey::id).collect();
        mine.intersection(signed).count()
    }
}

/// Bytes of a type with signatures over both. What they say is only to be had once it is [`Verified`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    /// Only a hint.
    key: Option<String>,
    bytes: Vec<u8>,
}

/// The payload of an envelope whose signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    payload_type: String,
    payload: Vec<u8>,
    signed_by: BTreeSet<KeyId>,
}

impl Verified {
    /// What kind of bytes the payload is.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The keys that signed it, of those that were asked for.
    pub fn signed_by(&self) -> &BTreeSet<KeyId> {
        &self.signed_by
    }
}

/// As it is written down. Names that others add are left alone.
#[derive(Serialize, Deserialize)]
struct Written {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Serialize, Deserialize)]
struct WrittenSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    /// One that nobody has signed yet.
    pub fn new(payload_type: impl Into<String>, payload: Vec<u8>) -> Self {
        Self {
            payload_type: payload_type.into(),
            payload,
            signatures: Vec::new(),
        }
    }

    /// Reads one. `what` names it in errors.
    ///
    /// # Errors
    /// `signature`: it is too large or no envelope.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        let bad = |why: String| {
            let message = format!("{what} is not a signed envelope (DSSE): {why}");
            Failure::new(ErrorKind::Signature, message).hint("get it again from whoever signed it")
        };
        if bytes.len() as u64 > LIMIT {
            return Err(bad(format!("it is larger than {} MiB", LIMIT >> 20)));
        }
        let written: Written = json::parse(bytes).map_err(|error| bad(error.to_string()))?;
        if written.signatures.len() > MOST_SIGNATURES {
            return Err(bad(format!("it has more than {MOST_SIGNATURES} signatures")));
        }
        let decoded =
            |text: &str, name: &str| decode(text).ok_or_else(|| bad(format!("`{name}` is not base64")));
        let signature = |one: &WrittenSignature| {
            Ok(Signature {
                key: one.keyid.clone(),
                bytes: decoded(&one.sig, "sig")?,
            })
        };
        Ok(Self {
            payload: decoded(&written.payload, "payload")?,
            signatures: written.signatures.iter().map(signature).collect::<Result<_>>()?,
            payload_type: written.payload_type,
        })
    }

    /// Reads one from a file.
    ///
    /// # Errors
    /// It cannot be read, or as [`Envelope::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path, LIMIT).map_err(|error| Failure::io("read the envelope", path, error))?;
        Self::parse(&bytes, &path.display().to_string()).map_err(|failure| failure.at(path))
    }

    /// As it is written down.
    ///
    /// # Errors
    /// `internal`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let written = Written {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self.signatures.iter().map(Signature::written).collect(),
        };
        let mut bytes = serde_json::to_vec(&written).map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down an envelope").because(error)
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Adds a signature; one that the same key made before is replaced.
    ///
    /// # Errors
    /// The signer does not sign.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<()> {
        let message = self.message();
        let bytes = signer.sign(&message)?;
        let key = signer.public();
        if !key.verifies(&message, &bytes) {
            let message = format!(
                "what signs for key {} made no signature of that key",
                key.id().short()
            );
            return Err(
                Failure::new(ErrorKind::Signature, message).hint("name the public key of the key that signs")
            );
        }
        let id = Some(key.id().to_string());
        self.signatures.retain(|one| one.key != id);
        self.signatures.push(Signature {
            key: id,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    /// The payload, if enough of those who must have signed it. `what` names it in errors.
    ///
    /// # Errors
    /// `signature`: too few of the keys have.
    pub fn verify(&self, signers: &Signers, what: &str) -> Result<Verified> {
        let signed_by = self.signed_by(&signers.keys);
        if signers.satisfied_by(&signed_by) {
            return Ok(Verified {
                payload_type: self.payload_type.clone(),
                payload: self.payload.clone(),
                signed_by,
            });
        }
        let message = match signers.keys.is_empty() {
            true => format!(
                "{what} cannot be verified: this host trusts no key of the role {}",
                signers.role
            ),
            false => format!(
                "{what} is not signed by who must: {} of the {} keys that the role {} demands{}",
                signed_by.len(),
                signers.threshold,
                signers.role,
                self.others(&signed_by),
            ),
        };
        let hint = format!("`pitstop trust show` lists the keys of the role {}", signers.role);
        Err(Failure::new(ErrorKind::Signature, message).hint(hint))
    }

    /// The payload without any proof: to be looked at, and for where the policy allows what nobody has signed.
    pub fn unproven(&self) -> Verified {
        Verified {
            payload_type: self.payload_type.clone(),
            payload: self.payload.clone(),
            signed_by: BTreeSet::new(),
        }
    }

    /// Whether the text of a digest stands anywhere in the payload. Tells what need not be verified, because it cannot be about
    /// what has that digest, and nothing else.
    pub fn mentions(&self, digest: &Digest) -> bool {
        let text = digest.to_string();
        let mut places = self.payload.windows(text.len());
        places.any(|place| place.eq_ignore_ascii_case(text.as_bytes()))
    }

    /// The ids of the keys that its signatures name, proven or not.
    pub fn claimed(&self) -> BTreeSet<String> {
        self.signatures.iter().filter_map(|one| one.key.clone()).collect()
    }

    /// Which of these keys have signed it. Each counts once, whatever a signature says of itself.
    pub fn signed_by(&self, keys: &[PublicKey]) -> BTreeSet<KeyId> {
        let message = self.message();
        let has_signed = |key: &&PublicKey| {
            self.signatures
                .iter()
                .any(|one| key.verifies(&message, &one.bytes))
        };
        keys.iter().filter(has_signed).map(PublicKey::id).collect()
    }

    fn others(&self, known: &BTreeSet<KeyId>) -> String {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        let names = self.signatures.iter().filter_map(|one| one.key.as_ref());
        let others: Vec<String> = names
            .filter(|name| !known.contains(name))
            .map(|name| shortened(name))
            .collect();
        match others.as_slice() {
            [] => String::new(),
            others => format!("; it also names {}", others.join(", ")),
        }
    }

    /// What is signed: the type and the payload, so that neither can be read as something else.
    fn message(&self) -> Vec<u8> {
        let lengths = (self.payload_type.len(), self.payload.len());
        let mut message = format!("DSSEv1 {} {} {} ", lengths.0, self.payload_type, lengths.1).into_bytes();
        message.extend_from_slice(&self.payload);
        message
    }
}

impl Signature {
    fn written(&self) -> WrittenSignature {
        WrittenSignature {
            keyid: self.key.clone(),
            sig: STANDARD.encode(&self.bytes),
        }
    }
}

/// A name that anybody may have written, for a message.
fn shortened(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_graphic();
    let short: String = name.chars().filter(plain).take(12).collect();
    format!("key `{short}`")
}

/// Both alphabets, with padding or without, as the specification demands.
fn decode(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const ENGINES: [GeneralPurpose; 2] = [
        GeneralPurpose::new(&alphabet::STANDARD, CONFIG),
        GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG),
    ];
    ENGINES.iter().find_map(|engine| engine.decode(text).ok())
}

#[cfg(test)]
#[path = "dsse_tests.rs"]
mod tests;
