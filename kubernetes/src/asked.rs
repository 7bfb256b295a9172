//! An API server that a client of the caller's asks.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::Cluster;

/// Only objects that name no namespace themselves would be looked for here, and there are none: watches say theirs.
const NAMESPACE: &str = "default";

impl Cluster {
    /// Asks through a client of the caller's, which knows where the server is and what it is shown.
    ///
    /// `ask` gets requests whose URI is a path with a query; they have no body, because only lists and watches are
    /// asked for. The body of an answer is read while it comes. Must be called on a runtime.
    pub fn asked_by<A, F, B, E>(ask: A) -> Self
    where
        A: Fn(Request<()>) -> F + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        Self {
            client: kube::Client::new(Asked(ask), NAMESPACE),
        }
    }
}

/// A function as the service that kube wants.
struct Asked<A>(A);

impl<A, F, B, E> Service<Request<kube::client::Body>> for Asked<A>
where
    A: Fn(Request<()>) -> F,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
{
    type Response = Response<B>;
    type Error = E;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        Box::pin((self.0)(request.map(|_| ())))
    }
}
