//! Where a listener listens.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use pipeline::component::BuildError;
use pipeline::outside::{Listener, Network};
use serde::Deserialize;

/// What kind of socket an endpoint is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// `host:port`, IPv4 first.
    #[default]
    Tcp,
    /// `host:port`, IPv4 only.
    Tcp4,
    /// `host:port`, IPv6 only.
    Tcp6,
    /// A path in the file system.
    Unix,
}

/// A socket, and the file to remove when it is no longer used.
pub(super) struct Bound {
    pub(super) listener: Box<dyn Listener>,
    pub(super) path: Option<PathBuf>,
}

pub(super) async fn bind(network: &dyn Network, transport: Transport, endpoint: &str) -> Result<Bound, BuildError> {
    let bound = match transport {
        Transport::Unix => bind_unix(network, Path::new(endpoint)).await,
        _ => bind_tcp(network, transport, endpoint)
            .await
            .map(|listener| Bound { listener, path: None }),
    };
    bound.map_err(|cause| BuildError::because(problem(endpoint, &cause), cause))
}

/// The same without waiting, for what is built where nothing can be waited for. Names are looked up by the operating
/// system, on this thread.
pub(super) fn bind_now(network: &dyn Network, transport: Transport, endpoint: &str) -> Result<Bound, BuildError> {
    let bound = match transport {
        Transport::Unix => bind_unix_now(network, Path::new(endpoint)),
        _ => bind_tcp_now(network, transport, endpoint).map(|listener| Bound { listener, path: None }),
    };
    bound.map_err(|cause| BuildError::because(problem(endpoint, &cause), cause))
}

fn problem(endpoint: &str, cause: &io::Error) -> String {
    let remedy = match cause.kind() {
        io::ErrorKind::AddrInUse => "another process listens there; stop it or choose another endpoint",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::PermissionDenied => "the process may not; choose a port above 1023 or a writable directory",
        _ => "check the endpoint",
    };
    format!("cannot listen on {endpoint}: {remedy}")
}

async fn bind_tcp(network: &dyn Network, transport: Transport, endpoint: &str) -> io::Result<Box<dyn Listener>> {
    // An endpoint without a host means every interface: IPv6 with IPv4 where there is IPv6.
    if let Some(port) = endpoint.strip_prefix(':') {
        if transport != Transport::Tcp4
            && let Ok(listener) = network.listen(&format!("[::]:{port}")).await
        {
            return Ok(listener);
        }
        return network.listen(&format!("0.0.0.0:{port}")).await;
    }
    let mut last = no_address();
    for address in in_order(transport, network.resolve(endpoint).await?) {
        match network.listen(&address.to_string()).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_tcp_now(network: &dyn Network, transport: Transport, endpoint: &str) -> io::Result<Box<dyn Listener>> {
    let addresses = match endpoint.strip_prefix(':') {
        // An endpoint without a host, as above: what stands first is tried first.
        Some(port) if transport == Transport::Tcp4 => lookup(&format!("0.0.0.0:{port}"))?,
        Some(port) => [lookup(&format!("[::]:{port}"))?, lookup(&format!("0.0.0.0:{port}"))?].concat(),
        None => in_order(transport, lookup(endpoint)?),
    };
    let mut last = no_address();
    for address in addresses {
        match network.listen_now(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn lookup(endpoint: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(endpoint.to_socket_addrs()?.collect())
}

/// The addresses of the right kind, the most useful first.
fn in_order(transport: Transport, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    match transport {
        Transport::Tcp4 => addresses.retain(SocketAddr::is_ipv4),
        Transport::Tcp6 => addresses.retain(SocketAddr::is_ipv6),
        // `localhost` is both; what people then write into their clients is 127.0.0.1.
        _ => addresses.sort_by_key(SocketAddr::is_ipv6),
    }
    addresses
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address of this kind")
}

async fn bind_unix(network: &dyn Network, path: &Path) -> io::Result<Bound> {
    match network.listen_unix(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && network.connect_unix(path).await.is_err() => {
            listen_again(network, path)
        }
        other => other.map(|listener| unix(listener, path)),
    }
}

fn bind_unix_now(network: &dyn Network, path: &Path) -> io::Result<Bound> {
    match network.listen_unix(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err() => {
            listen_again(network, path)
        }
        other => other.map(|listener| unix(listener, path)),
    }
}

/// A process that was killed leaves its socket behind; nobody answers there.
fn listen_again(network: &dyn Network, path: &Path) -> io::Result<Bound> {
    std::fs::remove_file(path)?;
    Ok(unix(network.listen_unix(path)?, path))
}

fn unix(listener: Box<dyn Listener>, path: &Path) -> Bound {
    Bound {
        listener,
        path: Some(path.to_owned()),
    }
}
