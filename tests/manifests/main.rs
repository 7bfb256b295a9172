//! What the Kubernetes manifests in `deploy/kubernetes` promise: no rights that nobody needs, and names, ports and
//! configurations that fit together. That an API server takes them is the business of `tests/e2e`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod access;
mod documents;
mod fit;
mod security;
