//! The API server of a Kubernetes cluster: who we are to it, and objects of one kind as it tells of them.
//!
//! It knows the protocol and no telemetry: who watches says which part of an object is kept, and the rest is dropped as
//! it is read. Connections, credentials and requests are the crate `kube`'s. When to list, when to watch and how long to
//! wait after a failure is decided here (`feed.rs` says why).

mod asked;
mod cluster;
mod feed;
mod kubeconfig;
mod pace;
mod part;
mod selection;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod trouble;
mod watch;

pub use cluster::{Access, AccessError, Cluster};
pub use k8s_openapi::api;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
pub use kube::Resource;
pub use kubeconfig::NoKubeconfig;
pub use part::Part;
pub use selection::Selection;
pub use trouble::Trouble;
pub use watch::{Object, Told, Watch};
