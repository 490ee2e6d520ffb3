//! What tells conflicts apart without telling what is in them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Scope, Subject};
use crate::model::{Digest, RelPath};

/// A random key that never leaves the host.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey([u8; 32]);

/// The digests of a conflict's three sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// What the vendor had.
    pub base: Digest,
    /// What the operator has; for what looks secret under the host's key.
    pub current: Digest,
    /// What the vendor has now.
    pub new: Digest,
}

impl HostKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 (RFC 2104).
    fn hmac(&self, message: &[u8]) -> Digest {
        // A whole block, as HMAC itself would pad it.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let keyed = Hmac::<Sha256>::new(&block.into()).chain_update(message);
        Digest(keyed.finalize().into_bytes().into())
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(…)")
    }
}

/// Texts one after the other, so that no two lists of texts give the same bytes.
fn framed(parts: &[Option<&str>]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            None => out.push(0),
            Some(text) => {
                out.push(1);
                out.extend((text.len() as u64).to_be_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
    out
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Key => "key",
        Scope::Lines => "lines",
        Scope::File => "file",
    }
}

impl Subject<'_> {
    /// Its digests; `None` if it is secret and there is no key to hide it under.
    pub fn signature(&self, key: Option<&HostKey>) -> Option<Signature> {
        let side = |name: &str, at: usize| {
            let scope = scope_name(self.scope);
            framed(&[
                Some("pitstop/conflict/v1"),
                Some(self.product),
                Some(self.path.as_str()),
                Some(scope),
                self.key,
                Some(name),
                self.sides[at],
            ])
        };
        let plain = |name: &str, at: usize| Digest::of(&side(name, at));
        let current = match self.secret {
            true => key?.hmac(&side("current", 1)),
            false => plain("current", 1),
        };
        Some(Signature {
            base: plain("base", 0),
            current,
            new: plain("new", 2),
        })
    }
}

impl Signature {
    /// Names a conflict.
    pub(super) fn id(
        &self,
        product: &str,
        path: &RelPath,
        scope: Scope,
        key: Option<&str>,
        secret: bool,
    ) -> Digest {
        let [base, current, new] = [self.base, self.current, self.new].map(|digest| digest.to_string());
        Digest::of(&framed(&[
            Some("pitstop/resolution/v1"),
            Some(product),
            Some(path.as_str()),
            Some(scope_name(scope)),
            key,
            secret.then_some("secret"),
            Some(&base),
            Some(&current),
            Some(&new),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyed_digest_is_the_published_one() {
        // RFC 4231, test case 1, whose key is padded with zeros as HMAC does.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(HostKey::new(key).hmac(b"Hi There").to_string(), expected);
    }
}
