//! The kubelet's side: what it answers, and why it does not.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use net::client::grpc::{Failure, GrpcClient, GrpcClientConfig, GrpcMethod};
use pipeline::component::BuildError;
use pipeline::context::authenticators::Authenticators;
use pipeline::outside::Outside;
use prost::Message;

use super::Config;
use super::proto::{self, AllocatableResponse, ListResponse};

/// Not permitted.
const EPERM: u32 = 1;
/// No such file.
const ENOENT: u32 = 2;
/// Permission denied.
const EACCES: u32 = 13;
/// Nobody listens.
const ECONNREFUSED: u32 = 111;

/// A client of one kubelet.
pub(super) struct Kubelet {
    client: GrpcClient,
    list: GrpcMethod,
    allocatable: GrpcMethod,
    /// A hanging kubelet costs this long and nothing else: the last answer goes on to count meanwhile.
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    /// Nothing listens there, or we may not connect.
    #[error("the kubelet cannot be reached: {0}")]
    Unreachable(String),
    /// It took longer than `timeout`.
    #[error("the kubelet took longer than {}", config::Duration::from(*.0))]
    Slow(Duration),
    /// It refused.
    #[error("the kubelet refused: {0}")]
    Refused(String),
    /// What answered is no kubelet, or one that we do not understand.
    #[error("what answers is not understood: {0}")]
    Garbage(String),
}

impl Silence {
    /// Values of the label `result`.
    pub(super) const WORDS: [&'static str; 4] = ["unreachable", "slow", "refused", "garbage"];

    /// What to do about it. Of an error of the system only its words have come this far; they end with its number.
    pub(super) fn remedy(&self) -> &'static str {
        let unreachable = |number: u32| match self {
            Self::Unreachable(problem) => problem.ends_with(&format!("(os error {number})")),
            _ => false,
        };
        if unreachable(EACCES) || unreachable(EPERM) {
            "only uid 0 may open the kubelet's socket: run as uid 0, or take deploy/kubernetes/pod-resources"
        } else if unreachable(ENOENT) {
            "there is no such socket: mount the node's /var/lib/kubelet/pod-resources, or correct `endpoint`"
        } else if unreachable(ECONNREFUSED) {
            "nobody listens at that socket: the kubelet is not running, or has been started anew"
        } else {
            match self {
                Self::Unreachable(_) | Self::Slow(_) => "see whether the kubelet of this node runs",
                Self::Refused(_) => "the kubelet's feature gate KubeletPodResources may be off",
                Self::Garbage(_) => "see whether `endpoint` names the kubelet's socket for pod resources",
            }
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow(_) => "slow",
            Self::Refused(_) => "refused",
            Self::Garbage(_) => "garbage",
        }
    }
}

impl Kubelet {
    pub(super) fn new(config: &Config, outside: &Outside) -> Result<Self, BuildError> {
        let client = GrpcClient::new(
            &GrpcClientConfig::local(&config.endpoint),
            outside,
            &Authenticators::default(), // It names none.
        )?;
        Ok(Self {
            list: client.method(proto::LIST)?,
            allocatable: client.method(proto::GET_ALLOCATABLE)?,
            client,
            timeout: config.timeout.get(),
        })
    }

    /// Every pod of the node with its devices.
    pub(super) async fn list(&self) -> Result<ListResponse, Silence> {
        self.ask(&self.list).await
    }

    /// Every device that the node can give.
    pub(super) async fn allocatable(&self) -> Result<AllocatableResponse, Silence> {
        self.ask(&self.allocatable).await
    }

    /// Lets go of the connection, so that the next question goes to whoever has the socket then.
    pub(super) fn hang_up(&self) {
        self.client.close();
    }

    /// Neither request has a field, so its message has no byte.
    async fn ask<A: Message + Default>(&self, method: &GrpcMethod) -> Result<A, Silence> {
        let question = Bytes::new();
        let call = self.client.call(method, &question, Some(self.timeout));
        let answer = tokio::time::timeout(self.timeout, call).await;
        let answer = answer.map_err(|_| Silence::Slow(self.timeout))?;
        let answer = answer.map_err(|failure| match failure {
            Failure::NoAnswer(problem) => Silence::Unreachable(problem),
            Failure::Status(status) => Silence::Refused(format!("{:?}: {}", status.code, status.message)),
            Failure::Unusable(problem) => Silence::Garbage(problem),
        })?;
        A::decode(answer).map_err(|cause| Silence::Garbage(io::Error::other(cause).to_string()))
    }
}
