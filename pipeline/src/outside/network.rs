//! Sockets.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A byte stream between two parties.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Accepts connections.
pub trait Listener: Send + Sync {
    /// The next connection, and who it is from where that is known.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Connection>, Option<SocketAddr>)>>;

    /// Where it listens; None for a Unix socket.
    fn local_addr(&self) -> Option<SocketAddr>;
}

/// Listens and connects.
pub trait Network: Send + Sync {
    /// Listens on `host:port`.
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>>;

    /// Listens on an address at once, for what is built where nothing can be waited for.
    fn listen_now(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Box::new(TcpListener::from_std(listener)?))
    }

    /// Listens on a Unix socket.
    fn listen_unix(&self, path: &Path) -> io::Result<Box<dyn Listener>>;

    /// Connects to `host:port`.
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Connection>>>;

    /// Connects to a Unix socket.
    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Connection>>>;

    /// The addresses of `host:port`, for clients that spread over all of them.
    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// The operating system's network.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let address = address.to_owned();
        Box::pin(async move { Ok(Box::new(TcpListener::bind(address).await?) as Box<dyn Listener>) })
    }

    fn listen_unix(&self, path: &Path) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(UnixListener::bind(path)?))
    }

    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        let address = address.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // Requests are written whole, so waiting to fill a segment only delays the last one.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }

    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        let path = path.to_owned();
        Box::pin(async move { Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Connection>) })
    }

    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let address = address.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host(address).await?.collect()) })
    }
}

impl Listener for TcpListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Connection>, Option<SocketAddr>)>> {
        Box::pin(async {
            let (stream, peer) = TcpListener::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Box<dyn Connection>, Some(peer)))
        })
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        TcpListener::local_addr(self).ok()
    }
}

impl Listener for UnixListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Connection>, Option<SocketAddr>)>> {
        Box::pin(async {
            let (stream, _) = UnixListener::accept(self).await?;
            Ok((Box::new(stream) as Box<dyn Connection>, None))
        })
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}
