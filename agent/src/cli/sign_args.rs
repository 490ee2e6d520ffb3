//! Who signs, on the command line.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::api::{ErrorKind, Failure, Result};
use crate::trust::SignWith;

/// Who signs.
#[derive(Debug, Clone, ClapArgs)]
pub struct SignArgs {
    /// Sign with this key: an Ed25519 private key in PEM form that only its owner may read
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
    /// What signs in place of a key in a file, where KEY is the public key only: `agent` for the ssh-agent, or a shell
    /// command that reads the message and writes the signature, raw or as base64
    #[arg(long, value_name = "agent|COMMAND", requires = "sign")]
    pub signer: Option<String>,
    /// The ssh-agent's socket
    #[arg(long, env = "SSH_AUTH_SOCK", value_name = "SOCKET", hide = true)]
    pub ssh_auth_sock: Option<PathBuf>,
}

impl SignArgs {
    /// How the signature is come by; `None` if nobody is to sign.
    ///
    /// # Errors
    /// `usage`: the ssh-agent is to sign, and there is none.
    pub fn with(&self) -> Result<Option<SignWith>> {
        let Some(key) = self.sign.clone() else {
            return Ok(None);
        };
        Ok(Some(match (self.signer.as_deref(), &self.ssh_auth_sock) {
            (None, _) => SignWith::File(key),
            (Some("agent"), Some(socket)) => SignWith::Agent {
                public: key,
                socket: socket.clone(),
            },
            (Some("agent"), None) => {
                let message = "the ssh-agent is to sign, and SSH_AUTH_SOCK does not say where it is";
                return Err(Failure::new(ErrorKind::Usage, message)
                    .hint("start one with `eval $(ssh-agent)`, then `ssh-add`"));
            }
            (Some(command), _) => SignWith::Command {
                public: key,
                command: command.to_owned(),
            },
        }))
    }

    /// The same where somebody has to sign.
    ///
    /// # Errors
    /// `usage`: no key is named; or as [`SignArgs::with`].
    pub fn required(&self) -> Result<SignWith> {
        self.with()?.ok_or_else(|| {
            Failure::new(ErrorKind::Usage, "it has to be signed, and no key is named")
                .hint("name one with --sign; `pitstop trust keygen FILE` makes one")
        })
    }
}
