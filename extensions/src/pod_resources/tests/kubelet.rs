//! A kubelet that says what a test wants: a real gRPC server on a Unix socket.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use net::grpc::{self, Prefix};
use net::server::{Handler, Peer, Reply, Rules, Server, Transport};
use pipeline::component::Stop;
use pipeline::outside::Outside;
use prost::Message;
use tokio::task::JoinHandle;

use super::super::proto::{
    AllocatableResponse, ClaimResource, ContainerResources, Devices, DynamicResource, GET_ALLOCATABLE, LIST,
    ListResponse, PodResources,
};

/// What it says to the next questions.
#[derive(Clone)]
pub(super) enum Answer {
    Pods(ListResponse),
    Bytes(Vec<u8>),
    Refusal,
    Never,
}

pub(super) struct Simulated {
    desk: Arc<Desk>,
    stop: Stop,
    work: JoinHandle<()>,
}

struct Desk {
    answer: Mutex<Answer>,
    allocatable: Mutex<AllocatableResponse>,
    stop: Stop,
}

impl Simulated {
    pub(super) async fn on(socket: &Path) -> Self {
        let stop = Stop::new();
        let desk = Arc::new(Desk {
            answer: Mutex::new(Answer::Pods(ListResponse::default())),
            allocatable: Mutex::default(),
            stop: stop.clone(),
        });
        let path = socket.to_str().unwrap();
        let server = Server::bind(Transport::Unix, path, None, Rules::default(), &Outside::system())
            .await
            .unwrap();
        let work = tokio::spawn(server.serve(Arc::clone(&desk), stop.clone()));
        Self { desk, stop, work }
    }

    pub(super) fn say(&self, answer: Answer) {
        *self.desk.answer.lock().unwrap() = answer;
    }

    pub(super) fn say_allocatable(&self, devices: &[(&str, &[&str])]) {
        let devices = devices
            .iter()
            .map(|(resource, ids)| self::devices(resource, ids))
            .collect();
        *self.desk.allocatable.lock().unwrap() = AllocatableResponse { devices };
    }

    /// Goes, and takes its socket with it.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.work.await.unwrap();
    }
}

impl Handler for Desk {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        let path = request.uri().path().to_owned();
        // gRPC's own server refuses a request whose message is missing.
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.as_ref(), [0; 5], "one empty message");
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            _ if path == GET_ALLOCATABLE => good(&self.allocatable.lock().unwrap().encode_to_vec()),
            _ if path != LIST => refusal("12"),
            Answer::Pods(pods) => good(&pods.encode_to_vec()),
            Answer::Bytes(bytes) => good(&bytes),
            Answer::Refusal => refusal("8"),
            Answer::Never => {
                self.stop.cancelled().await;
                refusal("14")
            }
        }
    }

    fn panicked(&self, _grpc: bool) -> Response<Reply> {
        refusal("13")
    }
}

fn good(message: &[u8]) -> Response<Reply> {
    let prefix = Prefix {
        compressed: false,
        length: message.len().try_into().unwrap(),
    };
    reply("0", [&prefix.bytes(), message].concat())
}

fn refusal(code: &'static str) -> Response<Reply> {
    reply(code, Vec::new())
}

fn reply(code: &'static str, body: Vec<u8>) -> Response<Reply> {
    let trailers: HeaderMap = [(grpc::STATUS.parse().unwrap(), HeaderValue::from_static(code))]
        .into_iter()
        .collect();
    let mut response = Response::new(Reply::of(body).with_trailers(trailers));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(grpc::CONTENT_TYPE));
    response
}

pub(super) fn list(pod_resources: Vec<PodResources>) -> ListResponse {
    ListResponse { pod_resources }
}

/// A pod of one container with these devices.
pub(super) fn pod(name: &str, resource: &str, ids: &[&str]) -> PodResources {
    one_container(
        name,
        ContainerResources {
            name: "vllm".to_owned(),
            devices: vec![devices(resource, ids)],
            dynamic_resources: Vec::new(),
        },
    )
}

/// A pod of one container with a claim of these devices: driver, pool, name.
pub(super) fn claimed(name: &str, devices: &[(&str, &str, &str)]) -> PodResources {
    let device = |(driver, pool, device): &(&str, &str, &str)| ClaimResource {
        cdi_devices: Vec::new(),
        driver_name: (*driver).to_owned(),
        pool_name: (*pool).to_owned(),
        device_name: (*device).to_owned(),
    };
    let claim = DynamicResource {
        claim_name: "gpus".to_owned(),
        claim_namespace: "inference".to_owned(),
        claim_resources: devices.iter().map(device).collect(),
    };
    one_container(
        name,
        ContainerResources {
            name: "vllm".to_owned(),
            devices: Vec::new(),
            dynamic_resources: vec![claim],
        },
    )
}

fn one_container(name: &str, container: ContainerResources) -> PodResources {
    PodResources {
        name: name.to_owned(),
        namespace: "inference".to_owned(),
        containers: vec![container],
    }
}

fn devices(resource: &str, ids: &[&str]) -> Devices {
    Devices {
        resource_name: resource.to_owned(),
        device_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    }
}
