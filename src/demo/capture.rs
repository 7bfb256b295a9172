//! The bundled capture of a real engine. `tests/fixtures/engines/README.md` says how it was taken.

use anyhow::Context;
use bytes::Bytes;
use pipeline::payload::{Limits, Traces};

use super::load::Span;

/// Which engine sent it.
pub(super) const ENGINE: &str = "vLLM 0.32.0";

macro_rules! request {
    ($number:literal) => {
        include_bytes!(concat!(
            "../../tests/fixtures/engines/vllm-0.32.0/otlp/",
            $number,
            "-traces-grpc.pb"
        ))
    };
}

/// Export requests as the engine put them on the wire, in order.
pub(super) const REQUESTS: [&[u8]; 12] = [
    request!("0013"),
    request!("0014"),
    request!("0015"),
    request!("0016"),
    request!("0017"),
    request!("0018"),
    request!("0019"),
    request!("0020"),
    request!("0021"),
    request!("0022"),
    request!("0023"),
    request!("0024"),
];

/// What vLLM calls the span of a request.
const REQUEST: &str = "llm_request";

/// What is in it, as counted before anything is sent.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// All spans.
    pub(super) spans: u64,
    /// When requests ran.
    pub(super) requests: Vec<Span>,
}

/// Reads it.
pub(super) fn contents() -> anyhow::Result<Contents> {
    let mut contents = Contents::default();
    for request in REQUESTS {
        let parsed = Traces::parse(Bytes::from_static(request), &Limits::default());
        let traces = parsed
            .context("the bundled capture cannot be read; please report this bug")?
            .payload;
        contents.spans += u64::from(traces.spans());
        let scopes = traces.resources().flat_map(|resource| resource.scopes());
        let requests = scopes
            .flat_map(|scope| scope.spans())
            .filter(|span| span.name() == REQUEST);
        contents
            .requests
            .extend(requests.map(|span| (span.start(), span.end())));
    }
    Ok(contents)
}
