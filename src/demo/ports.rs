//! A network that remembers where it listens, so that port 0 can be used and found again.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use pipeline::outside::{Connection, Listener, Network, SystemNetwork};

/// The operating system's network and a list of what was bound.
///
/// Asking the system for a free port and binding it later would leave a moment in which somebody else may take it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ports {
    bound: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Ports {
    /// The addresses that are listened on, in the order of their binding.
    pub(super) fn bound(&self) -> Vec<SocketAddr> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, address: Option<SocketAddr>) {
        self.bound
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(address);
    }
}

impl Network for Ports {
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let listening = SystemNetwork.listen(address);
        let ports = self.clone();
        Box::pin(async move {
            let listener = listening.await?;
            ports.remember(listener.local_addr());
            Ok(listener)
        })
    }

    fn listen_now(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let listener = SystemNetwork.listen_now(address)?;
        self.remember(listener.local_addr());
        Ok(listener)
    }

    fn listen_unix(&self, path: &Path) -> io::Result<Box<dyn Listener>> {
        SystemNetwork.listen_unix(path)
    }

    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        SystemNetwork.connect(address)
    }

    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        SystemNetwork.connect_unix(path)
    }

    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        SystemNetwork.resolve(address)
    }
}
