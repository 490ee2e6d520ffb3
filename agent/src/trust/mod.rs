//! Who said it: keys, signed envelopes, what the statements in them say, and whom this host believes. Prints nothing.
//!
//! Nothing that is signed is read before its signature holds: [`Envelope`] gives its payload away only as [`Verified`].

pub mod anchor;
pub mod dsse;
pub mod json;
pub mod keys;
pub mod predicate;
pub mod signer;
mod ssh_agent;
pub mod statement;
pub mod store;

pub use anchor::Trust;
pub use dsse::{Envelope, Signers, Verified};
pub use keys::{KeyId, PrivateKey, PublicKey};
pub use signer::{SignWith, Signer};
pub use statement::{Predicate, Statement, Subject};
pub use store::TrustStore;
