//! How many connections there are, in all and of one client.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::peer::Neighbourhood;

/// More clients than this wait until one has gone.
pub(super) const MOST_CONNECTIONS: usize = 256;
/// More of one client are closed at once. Those on this host have no such limit: all that comes through a proxy here
/// has its address.
pub(super) const MOST_OF_ONE_CLIENT: usize = 64;

/// The places for connections.
#[derive(Debug, Clone)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    taken: Arc<Mutex<BTreeMap<Neighbourhood, usize>>>,
}

/// A place in all; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// A place among those of one client; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Neighbourhood,
    taken: Arc<Mutex<BTreeMap<Neighbourhood, usize>>>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST_CONNECTIONS)), taken: Arc::default() }
    }

    /// Waits for a place.
    pub(super) async fn take(&self) -> io::Result<Place> {
        self.all.clone().acquire_owned().await.map(Place).map_err(io::Error::other)
    }

    /// A place among those of one client; `None` when it has them all.
    pub(super) fn share(&self, address: IpAddr) -> Option<Share> {
        let of = Neighbourhood::of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(of).or_default();
        if *count >= MOST_OF_ONE_CLIENT {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Share { of, taken: self.taken.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_takes_its_share_and_no_more() {
        let places = Places::new();
        let greedy: IpAddr = "192.0.2.1".parse().unwrap();
        let mut held: Vec<Share> = (0..MOST_OF_ONE_CLIENT).map(|_| places.share(greedy).unwrap()).collect();
        assert!(places.share(greedy).is_none());
        assert!(places.share("192.0.2.2".parse().unwrap()).is_some());
        held.pop();
        held.push(places.share(greedy).unwrap());
        assert!(places.share(greedy).is_none());
        drop(held);
        assert!(places.taken.lock().unwrap().is_empty(), "nothing is kept of those who have gone");
    }
}
