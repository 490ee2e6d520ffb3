use super::{apply, encode};

mod roundtrip;

/// The delta, which there must be, applied.
fn rebuilt(old: &[u8], new: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let delta = encode(&old, &new).unwrap().expect("a delta");
    let mut out = Vec::new();
    apply(&old, &mut delta.as_slice(), new.len() as u64, &mut out).unwrap();
    (delta, out)
}

/// Bytes that do not compress, the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}
