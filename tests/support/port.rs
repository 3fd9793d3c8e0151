//! Ports for servers that tests start.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

/// Ports below those the kernel gives to outgoing connections: nobody else takes one between the moment
/// it is found free and the moment a server binds it.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Tokens of the ports that were given out, kept until the process ends.
static GIVEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port nobody uses, and no other call gets, be it of this process, of another, or through another copy of this
/// module: whoever has bound the port of the same number for datagrams has been given it.
pub(crate) fn free_port() -> u16 {
    let own_part = u16::try_from(std::process::id() % u32::from(COUNT)).expect("less than COUNT");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (own_part.wrapping_add(step)) % COUNT;
        let Ok(token) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            GIVEN.lock().unwrap_or_else(PoisonError::into_inner).push(token);
            return port;
        }
    }
    panic!("all {COUNT} ports from {FIRST} on are taken");
}
