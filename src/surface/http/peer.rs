//! Who is at the other end of a connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::access::ClientCertificate;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub(super) address: IpAddr,
    /// Whether it is on the host the daemon runs on.
    pub(super) on_this_host: bool,
    /// The certificate it showed, which an authority of the configuration has signed.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
}

impl Peer {
    /// The other end of a connection from one address to another.
    #[must_use]
    pub fn new(from: SocketAddr, to: Option<SocketAddr>) -> Self {
        let address = from.ip().to_canonical();
        let to = to.map(|to| to.ip().to_canonical());
        Self { address, on_this_host: address.is_loopback() || to == Some(address), certificate: None }
    }
}

/// Addresses one person usually has at hand: one of IPv4, the 64 bits that a network gives out of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Neighbourhood {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Neighbourhood {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_one_person_has_at_hand_count_as_one() {
        let rows = [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ];
        let of = |text: &str| Neighbourhood::of(text.parse().unwrap());
        for (one, other, same) in rows {
            assert_eq!(of(one) == of(other), same, "{one} and {other}");
        }
    }

    #[test]
    fn who_is_on_this_host_is_told_by_the_addresses() {
        let rows = [
            ("127.0.0.1:5", "127.0.0.1:1", true),
            ("[::1]:5", "[::1]:1", true),
            ("[::ffff:127.0.0.1]:5", "[::ffff:127.0.0.1]:1", true),
            ("192.0.2.7:5", "192.0.2.7:1", true),
            ("192.0.2.8:5", "192.0.2.7:1", false),
        ];
        for (from, to, here) in rows {
            let peer = Peer::new(from.parse().unwrap(), to.parse().ok());
            assert_eq!(peer.on_this_host, here, "{from} to {to}");
        }
        assert!(!Peer::new("192.0.2.7:5".parse().unwrap(), None).on_this_host);
    }
}
