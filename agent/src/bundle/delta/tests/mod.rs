use super::{DeltaError, apply, encode};

mod archive;
mod class;
mod hostile;
mod odd;
mod random;
mod seeds;
mod similar;
mod sketch;
mod stable;

/// The delta, which there must be and which must work.
fn delta_of(old: &[u8], new: &[u8]) -> Vec<u8> {
    let delta = encode(&old, &new).unwrap().expect("a delta");
    assert!(applied(old, &delta, new.len()).unwrap() == new, "another file");
    delta
}

fn applied(old: &[u8], mut delta: &[u8], size: usize) -> Result<Vec<u8>, DeltaError> {
    let mut out = Vec::new();
    apply(&old, &mut delta, size as u64, &mut out)?;
    Ok(out)
}

/// Bytes that do not compress, the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

/// Text that compresses as text does, the same for the same seed.
fn prose(len: usize, seed: u64) -> Vec<u8> {
    let words = [
        "public ",
        "static ",
        "final ",
        "void\n",
        "java/lang/",
        "Object;",
        "\0\x01",
        "(I)V",
    ];
    noise(len, seed)
        .into_iter()
        .flat_map(|byte| {
            words[usize::from(byte % 8)]
                .bytes()
                .take(1 + usize::from(byte >> 5))
        })
        .take(len)
        .collect()
}
