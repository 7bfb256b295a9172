//! An OTLP destination of the configuration as an exporter of the SDK.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use config::telemetry::{Compression, Otlp, Protocol, Temporality};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::metrics::Temporality as SdkTemporality;
use pipeline::outside::Outside;

use super::http::Client;

/// Sends metrics there.
pub fn metrics(otlp: &Otlp, timeout: Duration, outside: &Outside) -> anyhow::Result<MetricExporter> {
    let builder = MetricExporter::builder().with_temporality(match otlp.temporality_preference.unwrap_or_default() {
        Temporality::Cumulative => SdkTemporality::Cumulative,
        Temporality::Delta => SdkTemporality::Delta,
        Temporality::LowMemory => SdkTemporality::LowMemory,
    });
    if otlp.protocol == Some(Protocol::Grpc) {
        return Ok(grpc(builder.with_tonic(), otlp, timeout)?.build()?);
    }
    let builder = over_http(builder.with_http(), otlp, "/v1/metrics", timeout, outside)?;
    Ok(builder.build()?)
}

/// Sends spans there.
pub fn spans(otlp: &Otlp, timeout: Duration, outside: &Outside) -> anyhow::Result<SpanExporter> {
    let builder = SpanExporter::builder();
    if otlp.protocol == Some(Protocol::Grpc) {
        return Ok(grpc(builder.with_tonic(), otlp, timeout)?.build()?);
    }
    let builder = over_http(builder.with_http(), otlp, "/v1/traces", timeout, outside)?;
    Ok(builder.build()?)
}

fn grpc<B: WithExportConfig + WithTonicConfig>(builder: B, otlp: &Otlp, timeout: Duration) -> anyhow::Result<B> {
    let mut headers = HeaderMap::new();
    for (name, value) in otlp.all_headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).with_context(|| format!("{name:?} is not a header name"))?;
        let mut value =
            HeaderValue::from_str(&value).with_context(|| format!("the value of header {name} cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let url = otlp.url();
    let mut builder = builder
        .with_endpoint(&url)
        .with_timeout(timeout)
        .with_metadata(MetadataMap::from_headers(headers));
    if otlp.compression == Compression::Gzip {
        builder = builder.with_compression(opentelemetry_otlp::Compression::Gzip);
    }
    if url.starts_with("https://") {
        builder = builder.with_tls_config(tls(otlp)?);
    }
    Ok(builder)
}

fn tls(otlp: &Otlp) -> anyhow::Result<ClientTlsConfig> {
    let mut tls = ClientTlsConfig::new();
    tls = match &otlp.certificate {
        Some(file) => tls.ca_certificate(Certificate::from_pem(read(file)?)),
        None => tls.with_native_roots(),
    };
    if let (Some(certificate), Some(key)) = (&otlp.client_certificate, &otlp.client_key) {
        tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
    }
    Ok(tls)
}

fn over_http<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    otlp: &Otlp,
    path: &str,
    timeout: Duration,
    outside: &Outside,
) -> anyhow::Result<B> {
    let mut url = otlp.url();
    if otlp.path().is_empty() {
        url = format!("{}{path}", url.trim_end_matches('/'));
    }
    let headers: HashMap<String, String> = otlp.all_headers().into_iter().collect();
    let mut builder = builder
        .with_endpoint(url)
        .with_timeout(timeout)
        .with_headers(headers)
        .with_http_client(Client::new(otlp, timeout, outside)?);
    if otlp.compression == Compression::Gzip {
        builder = builder.with_compression(opentelemetry_otlp::Compression::Gzip);
    }
    Ok(builder)
}

fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {file}"))
}
