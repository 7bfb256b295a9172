//! One connection: TCP or a Unix socket, with or without TLS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use pipeline::component::BuildError;
use pipeline::outside::{Clock, Connection, Network};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::tls::{ClientTls, Reloading};

/// Where one connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A resolved address.
    Socket(SocketAddr),
    /// `host:port`, resolved by the dialer.
    Name(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(formatter),
            Self::Name(name) => name.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
        }
    }
}

/// TLS for connections to one server.
#[derive(Clone)]
pub(super) struct Tls {
    /// Read again when the files are old and a connection is opened.
    settings: Arc<Reloading<ClientConfig>>,
    clock: Arc<dyn Clock>,
    server: ServerName<'static>,
}

impl Tls {
    /// TLS to `host`, speaking one of `protocols`. Reads the files of the configuration.
    pub(super) fn new(
        config: &ClientTls,
        host: &str,
        protocols: &'static [&'static [u8]],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let name = config.server_name_override().unwrap_or(host).to_owned();
        let invalid = || BuildError::new(format!("{name:?} is not a name that a certificate can show"));
        let server = ServerName::try_from(name.clone()).map_err(|_| invalid())?;
        let files = config.clone();
        let load = move || {
            let mut settings = files.client_config()?;
            settings.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Ok(Arc::new(settings))
        };
        let settings = Reloading::new(config.reload_interval(), clock.now(), load);
        let settings = settings.map_err(|cause| BuildError::because("TLS cannot be set up", cause))?;
        Ok(Self {
            settings: Arc::new(settings),
            clock,
            server,
        })
    }

    fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.settings.current(self.clock.now()))
    }
}

/// A connection that is ready for HTTP.
pub(super) struct Dialled {
    pub(super) stream: Box<dyn Connection>,
    /// TLS agreed on HTTP/2.
    pub(super) h2: bool,
}

/// Connects to an address.
pub(super) async fn dial(network: &dyn Network, address: &Address, tls: Option<&Tls>) -> io::Result<Dialled> {
    let stream = connect(network, address).await?;
    secure(stream, tls).await
}

pub(super) async fn connect(network: &dyn Network, address: &Address) -> io::Result<Box<dyn Connection>> {
    match address {
        Address::Socket(address) => network.connect(&address.to_string()).await,
        Address::Name(name) => network.connect(name).await,
        Address::Unix(path) => network.connect_unix(path).await,
    }
}

pub(super) async fn secure(stream: Box<dyn Connection>, tls: Option<&Tls>) -> io::Result<Dialled> {
    let Some(tls) = tls else {
        return Ok(Dialled { stream, h2: false });
    };
    let failed = |cause: io::Error| io::Error::new(cause.kind(), format!("TLS handshake failed: {cause}"));
    let stream = tls
        .connector()
        .connect(tls.server.clone(), stream)
        .await
        .map_err(failed)?;
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Dialled {
        stream: Box::new(stream),
        h2,
    })
}
