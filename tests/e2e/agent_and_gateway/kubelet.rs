//! A kubelet that has given GPUs to pods: its PodResources service on a Unix socket, by a gRPC server that is not ours.

use std::convert::Infallible;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::wire::framed;

/// A pod with the device that it has.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) device: String,
}

/// Ends with the test.
pub(super) struct Kubelet {
    _listening: JoinHandle<()>,
}

impl Kubelet {
    pub(super) fn start(socket: &Path, given: &[Given]) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let list = List {
            pods: given.iter().map(pod).collect(),
        };
        let answer = framed(false, &list.encode_to_vec());
        Self {
            _listening: tokio::spawn(accept(listener, answer)),
        }
    }
}

async fn accept(listener: UnixListener, list: Bytes) {
    while let Ok((stream, _)) = listener.accept().await {
        let list = list.clone();
        let service = service_fn(move |request| std::future::ready(answer(&request, &list)));
        tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

/// `List` has an answer; nothing else is there.
fn answer(request: &Request<Incoming>, list: &Bytes) -> Result<Response<Body>, Infallible> {
    let is_known = request.uri().path() == "/v1.PodResourcesLister/List";
    let (body, status) = if is_known {
        (list.clone(), "0")
    } else {
        (Bytes::new(), "12")
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let body = Full::new(body).with_trailers(std::future::ready(Some(Ok(trailers))));
    let response = Response::builder().header("content-type", "application/grpc");
    Ok(response.body(body.boxed()).unwrap())
}

fn pod(given: &Given) -> Pod {
    let devices = Devices {
        resource: "nvidia.com/gpu".to_owned(),
        ids: vec![given.device.clone()],
    };
    Pod {
        name: given.pod.clone(),
        namespace: given.namespace.clone(),
        containers: vec![Container {
            name: "vllm".to_owned(),
            devices: vec![devices],
        }],
    }
}

// `k8s.io/kubelet/pkg/apis/podresources/v1/api.proto`, as far as it is said here.

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    pods: Vec<Pod>,
}

#[derive(Clone, PartialEq, Message)]
struct Pod {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    namespace: String,
    #[prost(message, repeated, tag = "3")]
    containers: Vec<Container>,
}

#[derive(Clone, PartialEq, Message)]
struct Container {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    devices: Vec<Devices>,
}

#[derive(Clone, PartialEq, Message)]
struct Devices {
    #[prost(string, tag = "1")]
    resource: String,
    #[prost(string, repeated, tag = "2")]
    ids: Vec<String>,
}
