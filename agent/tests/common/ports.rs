//! Ports for servers that start later.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;

/// A free port of the same range as in tests/packs/ports.py: below those that Linux gives to outgoing connections
/// (`ip_local_port_range`), any of which may be in use when the server starts.
pub fn free_port() -> u16 {
    loop {
        let port = 10_000 + (RandomState::new().hash_one(()) % 15_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
