use super::{noise, rebuilt};

#[test]
fn plain_bytes_come_back() {
    let old = noise(100_000, 1);
    let mut new = old.clone();
    new.splice(5000..5003, *b"another");
    let (delta, out) = rebuilt(&old, &new);
    assert!(out == new);
    assert!(delta.len() < 200, "{}", delta.len());
}
