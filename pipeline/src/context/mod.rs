//! What all components of one process know together: facts about the outside, and about requests.
//!
//! Whoever learns something publishes it here, whoever needs it reads the latest; nobody waits for anybody. Each
//! member is bounded, and no lock of it is held while something is awaited.

pub mod authenticators;
pub mod engine_requests;
pub mod gpus;
pub mod pods;

use authenticators::Authenticators;
use engine_requests::EngineRequests;
use gpus::Gpus;
use pods::Pods;

/// What all components of one process know together; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Who makes sure of senders, and shows destinations who we are; the extensions `bearertokenauth` and `basicauth` are in it.
    pub authenticators: Authenticators,
    /// What request spans said about each instance of an engine.
    pub engine_requests: EngineRequests,
    /// GPUs of this node with what was sampled of them; the receiver `nvml` publishes.
    pub gpus: Gpus,
    /// Pods with their namespaces, nodes and devices; the extensions `k8s` and `pod_resources` publish.
    pub pods: Pods,
}
