//! The API server of a Kubernetes cluster: who we are to it, and objects of one kind as it tells of them.
//!
//! It knows the protocol and no telemetry: who watches says which part of an object is kept, and the rest is dropped as
//! it is read. Lists, watches, bookmarks and what is done when a watch has expired (410) are the crate `kube`'s.

mod cluster;
mod selection;
mod watch;

pub use cluster::{Access, AccessError, Cluster};
pub use k8s_openapi::api;
pub use kube::{Resource, ResourceExt};
pub use selection::Selection;
pub use watch::{Object, Told, Trouble, Watch};
