//! Free ports of this machine.

use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux gives to outgoing connections (32768 and above), so that no connection of another test
/// takes a port between the moment it is chosen and the moment a process listens on it.
const LOWEST: u16 = 12_000;

/// How many ports there are to choose from.
const PORTS: u16 = 20_000;

/// A port that nobody listens on, given out once in this test run.
pub(crate) fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    // Test runs at the same time begin at different places.
    let next = NEXT.get_or_init(|| AtomicU16::new((std::process::id() * 37 % u32::from(PORTS)) as u16));
    for _ in 0..PORTS {
        let port = LOWEST + next.fetch_add(1, Ordering::Relaxed) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("all ports from {LOWEST} to {} are in use", LOWEST + PORTS);
}
