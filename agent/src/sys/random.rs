//! Random numbers of the system.

use std::io;

/// So many random bytes.
///
/// # Errors
/// The system gives none.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// A random number, for names that nobody can know beforehand.
///
/// # Errors
/// As [`bytes`].
pub fn number() -> io::Result<u64> {
    bytes().map(u64::from_le_bytes)
}
