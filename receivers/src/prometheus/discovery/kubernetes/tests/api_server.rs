//! An API server that knows lists and watches, in memory or on loopback.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ::kubernetes::Cluster;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Paths of lists.
pub(super) const PODS: &str = "/api/v1/pods";
pub(super) const NODES: &str = "/api/v1/nodes";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An API server.
#[derive(Default)]
pub(super) struct ApiServer(Mutex<State>);

#[derive(Default)]
struct State {
    version: u64,
    /// By list, then by namespace and name.
    objects: BTreeMap<String, BTreeMap<(String, String), Value>>,
    /// What happened: version, list, namespace and the line of a watch.
    events: Vec<(u64, Watched, Bytes)>,
    watches: Vec<(Watched, mpsc::UnboundedSender<Bytes>)>,
    /// Lists that are refused with a status, by the beginning of their paths.
    refused: BTreeMap<String, u16>,
    /// Heads of requests, in small letters.
    requests: Vec<String>,
}

/// A list, and the namespace it is limited to; that of an object says which it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Watched {
    list: String,
    namespace: Option<String>,
}

impl ApiServer {
    /// One with these objects, by list.
    pub(super) fn with(objects: &str) -> Arc<Self> {
        let server = Arc::new(Self::default());
        let objects: BTreeMap<String, Vec<Value>> = serde_json::from_str(objects).unwrap();
        for (list, objects) in objects {
            objects.into_iter().for_each(|object| server.put(&list, object));
        }
        server
    }

    /// Creates an object or changes it.
    pub(super) fn put(&self, list: &str, mut object: Value) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let objects = state.objects.entry(list.to_owned()).or_default();
        let before = objects.insert(key(&object), object.clone());
        let kind = if before.is_none() { "ADDED" } else { "MODIFIED" };
        state.tell(list, kind, &object);
    }

    /// Deletes an object.
    pub(super) fn delete(&self, list: &str, namespace: &str, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let objects = state.objects.get_mut(list).unwrap();
        let object = objects.remove(&(namespace.to_owned(), name.to_owned())).unwrap();
        state.tell(list, "DELETED", &object);
    }

    /// From now on lists whose paths begin so are refused, and their watches end; without a status no more.
    pub(super) fn refuse(&self, paths: &str, status: Option<u16>) {
        let mut state = self.0.lock().unwrap();
        match status {
            Some(status) => state.refused.insert(paths.to_owned(), status),
            None => state.refused.remove(paths),
        };
        state.watches.clear();
    }

    /// Heads of the requests so far, in small letters.
    pub(super) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    /// A cluster that is asked without a socket.
    pub(super) fn cluster(self: &Arc<Self>) -> Cluster {
        let server = Arc::clone(self);
        Cluster::asked_by(move |request: Request<()>| {
            let answer = server.answer(request.uri(), &request.uri().to_string());
            async move { Ok::<_, Infallible>(answer) }
        })
    }

    /// Answers on loopback from now on.
    pub(super) async fn listen(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                // A client that has had enough hangs up.
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        address
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let uri: Uri = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = self.answer(&uri, &head);
        let status = answer.status();
        let begin = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n");
        stream.write_all(begin.as_bytes()).await?;
        while let Some(frame) = answer.body_mut().frame().await {
            stream.write_all(frame.unwrap().data_ref().unwrap()).await?;
        }
        stream.shutdown().await
    }

    fn answer(&self, uri: &Uri, head: &str) -> Response<Body> {
        let mut state = self.0.lock().unwrap();
        state.requests.push(head.to_ascii_lowercase());
        let refused = state.refused.iter().find(|(paths, _)| uri.path().starts_with(*paths));
        if let Some((_, status)) = refused {
            let status = *status;
            let words = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
                "message": format!("{} is refused", uri.path()), "reason": "Refused"});
            let body = Full::new(Bytes::from(words.to_string())).boxed_unsync();
            return Response::builder().status(status).body(body).unwrap();
        }
        let watched = Watched::of(uri.path());
        let query = uri.query().unwrap_or_default();
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        if parameter("watch").as_deref() != Some("true") {
            return Response::new(Full::new(state.list(&watched)).boxed_unsync());
        }
        let since: u64 = parameter("resourceVersion").unwrap().parse().unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        for (version, place, line) in &state.events {
            if *version > since && watched.has(place) {
                sender.send(line.clone()).unwrap();
            }
        }
        state.watches.push((watched, sender));
        let lines = stream::unfold(receiver, |mut receiver| async move {
            let line = receiver.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(line)), receiver))
        });
        Response::new(StreamBody::new(lines).boxed_unsync())
    }
}

impl State {
    fn tell(&mut self, list: &str, kind: &str, object: &Value) {
        let place = Watched {
            list: list.to_owned(),
            namespace: Some(key(object).0),
        };
        let line = Bytes::from(format!("{}\n", json!({"type": kind, "object": object})));
        self.events.push((self.version, place.clone(), line.clone()));
        self.watches
            .retain(|(watched, sender)| !watched.has(&place) || sender.send(line.clone()).is_ok());
    }

    fn list(&self, watched: &Watched) -> Bytes {
        let objects = self.objects.get(&watched.list).into_iter().flatten();
        let of_namespace = |namespace: &str| watched.namespace.as_deref().is_none_or(|it| it == namespace);
        let items: Vec<&Value> = objects
            .filter(|((namespace, _), _)| of_namespace(namespace))
            .map(|(_, object)| object)
            .collect();
        let list = json!({"kind": "List", "apiVersion": "v1",
            "metadata": {"resourceVersion": self.version.to_string()}, "items": items});
        Bytes::from(list.to_string())
    }
}

impl Watched {
    /// `/api/v1/namespaces/a/pods` is the list `/api/v1/pods` in the namespace `a`.
    fn of(path: &str) -> Self {
        let parts = path.split_once("/namespaces/").and_then(|(front, rest)| {
            let (namespace, kind) = rest.split_once('/')?;
            Some((front, namespace, kind))
        });
        match parts {
            Some((front, namespace, kind)) => Self {
                list: format!("{front}/{kind}"),
                namespace: Some(namespace.to_owned()),
            },
            None => Self {
                list: path.to_owned(),
                namespace: None,
            },
        }
    }

    /// Whether what happened in a place is told here.
    fn has(&self, place: &Self) -> bool {
        self.list == place.list && (self.namespace.is_none() || self.namespace == place.namespace)
    }
}

/// Namespace and name.
fn key(object: &Value) -> (String, String) {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}
