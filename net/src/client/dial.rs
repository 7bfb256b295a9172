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

use super::alert::{Explained, explained};
use super::heard::Heard;
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
    /// `server_name_override` was set: the name is that, whichever host is dialled.
    overridden: bool,
    /// The authority that is dialled, under which is kept what the server says before it goes.
    authority: Arc<str>,
    pub(super) heard: Heard,
}

impl Tls {
    /// TLS to `host`, speaking one of `protocols`. Reads the files of the configuration.
    pub(super) fn new(
        config: &ClientTls,
        host: &str,
        protocols: &'static [&'static [u8]],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let overriding = config.server_name_override();
        let server = server_name(overriding.unwrap_or(host)).map_err(|cause| BuildError::new(cause.to_string()))?;
        let files = config.clone();
        let load = move || {
            let mut settings = files.client_config()?;
            settings.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Ok(Arc::new(settings))
        };
        let settings = Reloading::new(config.reload_interval(), clock.now(), load);
        let settings =
            settings.map_err(|cause| BuildError::because(format!("TLS cannot be set up: {cause}"), cause))?;
        Ok(Self {
            settings: Arc::new(settings),
            clock,
            server,
            overridden: overriding.is_some(),
            authority: host.into(),
            heard: Heard::default(),
        })
    }

    /// The same for another host, which a URL names by this authority.
    pub(super) fn to_host(&self, host: &str, authority: &str) -> io::Result<Self> {
        let server = if self.overridden {
            self.server.clone()
        } else {
            server_name(host)?
        };
        Ok(Self {
            server,
            authority: authority.into(),
            ..self.clone()
        })
    }

    fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.settings.current(self.clock.now()))
    }
}

fn server_name(name: &str) -> io::Result<ServerName<'static>> {
    let invalid = |_| io::Error::other(format!("{name:?} is not a name that a certificate can show"));
    ServerName::try_from(name.to_owned()).map_err(invalid)
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

/// Connects without TLS.
pub(super) async fn connect(network: &dyn Network, address: &Address) -> io::Result<Box<dyn Connection>> {
    match address {
        Address::Socket(address) => network.connect(&address.to_string()).await,
        Address::Name(name) => network.connect(name).await,
        Address::Unix(path) => network.connect_unix(path).await,
    }
}

/// Adds TLS where it is wanted.
pub(super) async fn secure(stream: Box<dyn Connection>, tls: Option<&Tls>) -> io::Result<Dialled> {
    let Some(tls) = tls else {
        return Ok(Dialled { stream, h2: false });
    };
    let failed = |cause: io::Error| io::Error::new(cause.kind(), format!("TLS handshake failed: {}", explained(cause)));
    let stream = tls
        .connector()
        .connect(tls.server.clone(), stream)
        .await
        .map_err(failed)?;
    // Whatever an earlier connection came to, this one is a new attempt.
    tls.heard.forget(&tls.authority);
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Dialled {
        stream: Box::new(Explained {
            stream,
            server: Arc::clone(&tls.authority),
            heard: tls.heard.clone(),
        }),
        h2,
    })
}
