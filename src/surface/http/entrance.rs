//! How the surface is entered: over what, by whom, and under which names.

use std::sync::Arc;

use tokio::sync::watch;

use super::tls::Tls;
use crate::access::AccessList;

/// How the surface is entered. The daemon replaces it when the configuration or a file it names is renewed; what is
/// new holds for the next connection, and for the next request of those there are.
#[derive(Debug, Clone, Default)]
pub struct Entrance {
    /// What is shown over TLS; plain HTTP when absent.
    pub tls: Option<Tls>,
    /// Who is known; when absent everybody may read, and everybody on this host may change something.
    pub known: Option<AccessList>,
    /// Names by which this host is called, beside its addresses and the names in its certificate.
    pub hosts: Vec<String>,
}

impl Entrance {
    /// Plain HTTP for everybody who reaches it, for good.
    #[must_use]
    pub fn open() -> watch::Receiver<Arc<Self>> {
        watch::Sender::new(Arc::new(Self::default())).subscribe()
    }
}
