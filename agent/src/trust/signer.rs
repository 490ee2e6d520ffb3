//! Who signs: a key in a file, an ssh-agent that holds it, or a command that reaches it.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::{PrivateKey, PublicKey, SIGNATURE_BYTES};
use super::ssh_agent;
use crate::api::{ErrorKind, Failure, Result};
use crate::sys::process::{Environment, Spec, run};

/// A person may have to touch a token or type a PIN.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whoever makes signatures of one key.
pub trait Signer {
    /// The key that verifies them.
    fn public(&self) -> &PublicKey;

    /// Signs a message.
    ///
    /// # Errors
    /// There is no signature to be had, with the reason.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES]>;
}

/// How a signature is come by, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignWith {
    /// The private key in a file.
    File(PathBuf),
    /// The key in an ssh-agent that belongs to a public key in a file.
    Agent {
        /// The file with the public key.
        public: PathBuf,
        /// The agent's socket.
        socket: PathBuf,
    },
    /// A shell command that reads the message and writes the signature, raw or as base64; for HSMs and key services.
    Command {
        /// The file with the public key.
        public: PathBuf,
        /// The command.
        command: String,
    },
}

impl SignWith {
    /// Opens it. Nothing is signed yet.
    ///
    /// # Errors
    /// The key cannot be read or is not usable.
    pub fn open(&self) -> Result<Box<dyn Signer>> {
        Ok(match self {
            Self::File(path) => Box::new(PrivateKey::read(path)?),
            Self::Agent { public, socket } => Box::new(Agent {
                public: PublicKey::read(public)?,
                socket: socket.clone(),
            }),
            Self::Command { public, command } => Box::new(External {
                public: PublicKey::read(public)?,
                command: command.clone(),
            }),
        })
    }
}

impl Signer for PrivateKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES]> {
        Ok(self.sign(message))
    }
}

struct Agent {
    public: PublicKey,
    socket: PathBuf,
}

impl Signer for Agent {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES]> {
        ssh_agent::sign(&self.socket, &self.public, message, PATIENCE)
    }
}

struct External {
    public: PublicKey,
    command: String,
}

impl Signer for External {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES]> {
        let spec = Spec {
            // Its own environment may say where the token is.
            env: Environment::Inherited([].into()),
            stdin: Some(message.to_vec()),
            ..Spec::new(["/bin/sh", "-c", &self.command])
        };
        let failed = |why: String| {
            let message = format!(
                "the command that signs for key {} {why}",
                self.public.id().short()
            );
            Failure::new(ErrorKind::Signature, message)
                .hint("it gets the message on standard input and writes 64 bytes, or base64 of them, to standard output")
        };
        let output = run(&spec, PATIENCE).map_err(|error| failed(format!("cannot be run: {error}")))?;
        if !output.success() {
            let said = output.stderr_tail.trim();
            return Err(failed(format!("ended with {}: {said}", output.ending())));
        }
        let signature = raw_or_base64(&output.stdout);
        signature.ok_or_else(|| failed("did not write a signature".to_owned()))
    }
}

fn raw_or_base64(written: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    if let Ok(raw) = written.try_into() {
        return Some(raw);
    }
    let text: String = std::str::from_utf8(written).ok()?.split_whitespace().collect();
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
