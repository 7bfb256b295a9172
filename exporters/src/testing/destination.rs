//! A server on loopback, over HTTP/1.1 and HTTP/2, that answers each request as a script says.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use net::codec::{self, Encoding};
use net::grpc::{Code, Prefix, Status};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::PATIENCE;

/// What the exporter sent.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) authority: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The message of a gRPC call, decompressed.
    pub(crate) fn message(&self) -> Bytes {
        let prefix = Prefix::read(*self.body.first_chunk().unwrap()).unwrap();
        let message = self.body.slice(5..);
        assert_eq!(message.len(), prefix.length as usize);
        assert_eq!(prefix.compressed, !self.header("grpc-encoding").is_empty());
        decompressed(self.header("grpc-encoding"), &message)
    }

    /// The body of an HTTP request, decompressed.
    pub(crate) fn content(&self) -> Bytes {
        decompressed(self.header("content-encoding"), &self.body)
    }
}

fn decompressed(encoding: &str, bytes: &[u8]) -> Bytes {
    let encoding = Encoding::from_name(encoding).unwrap();
    codec::decompress(encoding, bytes, 64 << 20, &mut |_| Ok(()))
        .unwrap()
        .into()
}

/// What the destination does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A gRPC answer with a message and headers.
    Grpc {
        status: Status,
        message: Bytes,
        headers: Vec<(&'static str, String)>,
    },
    /// An HTTP answer.
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    },
    /// Reads the request and says nothing.
    Silence,
    /// Breaks the connection.
    HangUp,
}

impl Answer {
    pub(crate) fn grpc_ok() -> Self {
        Self::grpc(Status::new(Code::Ok, ""))
    }

    pub(crate) fn grpc(status: Status) -> Self {
        Self::Grpc {
            status,
            message: Bytes::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn http(status: u16) -> Self {
        let headers = vec![("content-type", "application/x-protobuf".to_owned())];
        Self::Http {
            status,
            headers,
            body: Bytes::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        match &mut self {
            Self::Grpc { headers, .. } | Self::Http { headers, .. } => {
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value.to_owned()));
            }
            Self::Silence | Self::HangUp => {}
        }
        self
    }

    pub(crate) fn saying(mut self, content: impl Into<Bytes>) -> Self {
        match &mut self {
            Self::Grpc { message, .. } => *message = content.into(),
            Self::Http { body, .. } => *body = content.into(),
            Self::Silence | Self::HangUp => {}
        }
        self
    }
}

type Script = Arc<dyn Fn(&Received) -> Answer + Send + Sync>;

/// Certificates for `localhost` with the authority that issued them.
pub(crate) struct TestTls {
    pub(crate) ca_pem: String,
    acceptor: TlsAcceptor,
}

impl TestTls {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        let mut config = builder
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self {
            ca_pem: certificate.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }
}

/// A running destination; dropping it breaks its connections and frees its port.
pub(crate) struct Destination {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    script: Script,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    /// Counts up when connections are to end after the requests under way.
    retired: tokio::sync::watch::Sender<usize>,
}

impl Destination {
    pub(crate) async fn start(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", None, script).await
    }

    pub(crate) async fn start_at(
        address: &str,
        tls: Option<&TestTls>,
        script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared::new(script);
        let mut tasks = JoinSet::new();
        let (accepting, acceptor) = (Arc::clone(&shared), tls.map(|tls| tls.acceptor.clone()));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, acceptor) = (Arc::clone(&accepting), acceptor.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => shared.serve(stream).await,
                        Some(acceptor) => {
                            // An error: the client did not like the certificate.
                            if let Ok(stream) = acceptor.accept(stream).await {
                                shared.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    pub(crate) async fn start_unix(path: &Path, script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let shared = Shared::new(script);
        let mut tasks = JoinSet::new();
        let accepting = Arc::clone(&shared);
        tasks.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            accepting.serve(stream).await;
        });
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            shared,
            _tasks: tasks,
        }
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Ends all connections after the requests under way, as a maximum age does; new ones are welcome.
    pub(crate) fn retire_connections(&self) {
        self.shared.retired.send_modify(|retired| *retired += 1);
    }

    /// The connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn new(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        let script = Arc::new(script);
        Arc::new(Self {
            script,
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
            retired: tokio::sync::watch::Sender::new(0),
        })
    }

    async fn serve<S>(self: Arc<Self>, stream: S)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (hang_up, hung_up) = tokio::sync::watch::channel(false);
        let mut retired = self.retired.subscribe();
        let service = service_fn(move |request| {
            let (shared, hang_up) = (Arc::clone(&self), hang_up.clone());
            async move { Ok::<_, Infallible>(shared.answer(request, &hang_up).await) }
        });
        let server = auto::Builder::new(TokioExecutor::new());
        let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
        let mut hung_up = hung_up;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = hung_up.wait_for(|hung_up| *hung_up) => return,
                _ = retired.changed() => connection.as_mut().graceful_shutdown(),
            }
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        hang_up: &tokio::sync::watch::Sender<bool>,
    ) -> Response<BoxBody<Bytes, Infallible>> {
        let (head, body) = request.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect())
            .await
            .unwrap()
            .unwrap()
            .to_bytes();
        let authority = head.uri.authority().map(ToString::to_string);
        let host = head.headers.get("host").map(|host| host.to_str().unwrap().to_owned());
        let received = Received {
            method: head.method,
            path: head.uri.path().to_owned(),
            authority: authority.or(host).unwrap_or_default(),
            headers: head.headers,
            body,
        };
        let answer = (self.script)(&received);
        self.received.lock().unwrap().push(received);
        match answer {
            Answer::Silence => pending().await,
            Answer::HangUp => {
                hang_up.send_replace(true);
                pending().await
            }
            Answer::Http { status, headers, body } => {
                let mut response = Response::new(Full::new(body).boxed());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                add(response.headers_mut(), headers);
                response
            }
            Answer::Grpc {
                status,
                message,
                headers,
            } => grpc(&status, &message, headers),
        }
    }
}

fn grpc(
    status: &Status,
    message: &Bytes,
    headers: Vec<(&'static str, String)>,
) -> Response<BoxBody<Bytes, Infallible>> {
    let mut trailers = HeaderMap::new();
    status.write(&mut trailers);
    let compressed = headers.iter().any(|(name, _)| *name == "grpc-encoding");
    let prefix = Prefix {
        compressed,
        length: u32::try_from(message.len()).unwrap(),
    };
    let framed: Vec<u8> = prefix.bytes().into_iter().chain(message.iter().copied()).collect();
    // Errors come without a message, with the status in the headers.
    let mut response = if status.code == Code::Ok {
        let trailers = async move { Some(Ok(trailers)) };
        Response::new(Full::new(Bytes::from(framed)).with_trailers(trailers).boxed())
    } else {
        let mut response = Response::new(Full::new(Bytes::new()).boxed());
        *response.headers_mut() = trailers;
        response
    };
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    add(response.headers_mut(), headers);
    response
}

fn add(map: &mut HeaderMap, headers: Vec<(&'static str, String)>) {
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
}
