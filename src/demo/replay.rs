//! Sends the capture as the engine sent it: over gRPC, one export request after the other.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use config::{Diagnostics, Section};
use net::client::grpc::{GrpcClient, GrpcClientConfig};
use pipeline::context::authenticators::Authenticators;
use pipeline::outside::Outside;

use super::capture;

/// How long one export may take. Nothing leaves this machine, so only a hang takes that long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where every OTLP receiver takes traces (OTLP specification, "OTLP/gRPC").
const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Sends every request of the capture to `address`; fails unless each is accepted whole.
pub(super) async fn replay(address: SocketAddr) -> anyhow::Result<()> {
    let client = GrpcClient::new(&destination(address)?, &Outside::system(), &Authenticators::default())?;
    let method = client.method(METHOD)?;
    for (number, request) in capture::REQUESTS.iter().enumerate() {
        let request = Bytes::from_static(request);
        let answer = tokio::time::timeout(TIMEOUT, client.call(&method, &request, Some(TIMEOUT)));
        let answer = answer.await.with_context(|| format!("{address} did not answer"))??;
        // An ExportTraceServiceResponse without fields: everything was taken.
        if !answer.is_empty() {
            bail!("request {number} of the capture was taken only in part; please report this bug");
        }
    }
    client.close();
    Ok(())
}

/// Plain text without compression, as vLLM's exporter sends.
fn destination(address: SocketAddr) -> anyhow::Result<GrpcClientConfig> {
    let text = format!("endpoint: {address}\ncompression: none\ntls:\n  insecure: true\n");
    let mut diagnostics = Diagnostics::new();
    let section = Section::from_yaml("replay", &text).map_err(|problems| anyhow::anyhow!(problems.render(false)))?;
    let config = config::decode(&section, &mut diagnostics);
    config.with_context(|| {
        format!(
            "the replay's settings are broken; please report this bug\n{}",
            diagnostics.render(false)
        )
    })
}
