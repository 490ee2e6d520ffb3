//! The two messages of the ssh-agent's protocol that a signature takes (draft-miller-ssh-agent).

use std::path::Path;
use std::time::Duration;

use super::keys::{PublicKey, SIGNATURE_BYTES};
use crate::api::{ErrorKind, Failure, Result};
use crate::sys::socket;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const KIND: &[u8] = b"ssh-ed25519";

/// Lets the agent behind a socket sign with the private half of a key.
///
/// # Errors
/// `signature`: there is no agent, it does not hold the key, or it does not sign.
pub(super) fn sign(
    socket: &Path,
    key: &PublicKey,
    message: &[u8],
    patience: Duration,
) -> Result<[u8; SIGNATURE_BYTES]> {
    let failed = |why: &str, hint: &str| {
        let message = format!(
            "the ssh-agent at {} {why} key {}",
            socket.display(),
            key.id().short()
        );
        Failure::new(ErrorKind::Signature, message).hint(hint)
    };
    let ask = |request: &[u8]| {
        let failed = |error: std::io::Error| {
            failed("does not answer about", "start one and set SSH_AUTH_SOCK").because(error)
        };
        socket::exchange(socket, request, patience).map_err(failed)
    };
    let blob = blob(key);
    if !identities(&ask(&[REQUEST_IDENTITIES])?).any(|held| held == blob) {
        return Err(failed(
            "does not hold",
            "`ssh-add` gives it a key, as PEM too where it is in OpenSSH's own form",
        ));
    }
    let mut request = vec![SIGN_REQUEST];
    put(&mut request, &blob);
    put(&mut request, message);
    request.extend_from_slice(&0_u32.to_be_bytes());
    let signature = signature(&ask(&request)?);
    signature.ok_or_else(|| {
        failed(
            "does not sign with",
            "it may be locked, or somebody has to confirm it",
        )
    })
}

fn blob(key: &PublicKey) -> Vec<u8> {
    let mut blob = Vec::new();
    put(&mut blob, KIND);
    put(&mut blob, key.bytes());
    blob
}

fn put(message: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing that is signed comes near four gigabytes.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(bytes);
}

/// Takes a string, a length before its bytes, from the front.
fn take<'a>(message: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = message.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (bytes, rest) = rest.split_at_checked(length)?;
    *message = rest;
    Some(bytes)
}

fn identities(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Their number follows the kind of the answer; the strings tell it themselves.
    let mut rest = match answer {
        [IDENTITIES_ANSWER, _, _, _, _, rest @ ..] => rest,
        _ => &[],
    };
    std::iter::from_fn(move || {
        let blob = take(&mut rest)?;
        take(&mut rest)?;
        Some(blob)
    })
}

fn signature(answer: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut rest = match answer {
        [SIGN_RESPONSE, rest @ ..] => rest,
        _ => return None,
    };
    let mut signature = take(&mut rest)?;
    let kind = take(&mut signature)?;
    let bytes = take(&mut signature)?;
    (kind == KIND).then(|| bytes.try_into().ok()).flatten()
}
