//! Requests of a running vLLM, as if they had run just now on a simulated GPU, through the program into a real Jaeger.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inferscope_nvml_sim::Stage;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::server::Jaeger;
use super::trace::JaegerSpan;
use super::{Way, send};
use crate::capture::{Capture, decode, hex};
use crate::program;

/// One GPU that takes the same power all the time, so that energy is power times length.
const SCENARIO: &str = "
gpus:
  - uuid: GPU-00000000-0000-4000-8000-000000000001
    load: [[0s, 0.9]]
    power: {idle: 500, full: 500}
    memory_used: 72_000_000_000
";
const POWER_W: f64 = 500.0;

/// Requests that took longer than this are left out: they would have begun before the first sample.
pub(crate) const LENGTH_MAX: Duration = Duration::from_secs(2);

/// As the configuration says.
const HORIZON: Duration = Duration::from_secs(2);

/// The short requests of the capture as if all had ended at this time.
pub(crate) fn requests_that_ended(at: u64) -> Capture {
    let mut capture = Capture::of("vllm-0.32.0");
    for request in &mut capture.requests {
        let mut decoded = ExportTraceServiceRequest::decode(request.as_slice()).unwrap();
        for scope in decoded.resource_spans.iter_mut().flat_map(|it| &mut it.scope_spans) {
            scope.spans.retain(|span| {
                let length = span.end_time_unix_nano - span.start_time_unix_nano;
                span.name == "llm_request" && u128::from(length) < LENGTH_MAX.as_nanos()
            });
            for span in &mut scope.spans {
                let length = span.end_time_unix_nano - span.start_time_unix_nano;
                (span.start_time_unix_nano, span.end_time_unix_nano) = (at - length, at);
            }
        }
        *request = decoded.encode_to_vec();
    }
    capture
}

pub(crate) fn number(span: &JaegerSpan, key: &str) -> f64 {
    let value = span.tags.get(key).unwrap_or_else(|| panic!("no {key} in {span:?}"));
    value["float64"].as_str().unwrap().parse().unwrap()
}

fn is_request(span: &JaegerSpan) -> bool {
    span.name == "llm_request"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_phases_say_on_which_gpu_they_ran_and_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, SCENARIO).unwrap();
    let jaeger = Jaeger::start().await;
    let program = program::with("gpus.yaml")
        .env("JAEGER", jaeger.otlp_grpc)
        .env("LIBRARY", Stage::built().display())
        .env("INFERSCOPE_NVML_SCENARIO", scenario.display());
    let mut program = program.start().await;
    // What is joined has to be sampled, and the samples are of this very time.
    tokio::time::sleep(LENGTH_MAX + Duration::from_secs(2)).await;

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let capture = requests_that_ended(now.as_nanos() as u64);
    send(&program, Way::Grpc, &capture).await;
    // Energy is shared two seconds later; a program that stops before says nothing of it.
    tokio::time::sleep(HORIZON + Duration::from_secs(2)).await;
    program.stop().await;

    let came: Vec<_> = capture.requests.iter().flat_map(|request| decode(request)).collect();
    let ids: BTreeSet<String> = came.iter().map(|captured| hex(&captured.span.trace_id)).collect();
    assert!(came.len() > 10, "{}", came.len());
    let spans = jaeger.traces(&ids, 2 * came.len()).await;
    assert_eq!(spans.iter().filter(|span| is_request(span)).count(), came.len());
    for span in &spans {
        assert_eq!(span.text("hw.id"), "GPU-00000000-0000-4000-8000-000000000001");
    }
    let long = spans.iter().filter(|span| span.duration_us > 500_000);
    for span in long.clone() {
        let expected = POWER_W * span.duration_us as f64 / 1e6;
        let energy = number(span, "inferscope.gpu.energy.device");
        assert!((energy / expected - 1.0).abs() < 0.03, "{energy} J and not {expected}");
        assert!(number(span, "inferscope.gpu.coverage") > 0.9, "{span:?}");
        assert!(number(span, "inferscope.gpu.utilization.mean") > 0.5, "{span:?}");
    }
    assert!(long.clone().any(is_request) && long.clone().any(|span| !is_request(span)));
    let shares = spans.iter().filter(|span| is_request(span));
    let shares: f64 = shares
        .map(|span| number(span, "inferscope.gpu.energy.attributed"))
        .sum();
    let longest = spans.iter().map(|span| span.duration_us).max().unwrap();
    let device = POWER_W * longest as f64 / 1e6;
    assert!(shares > 0.0 && shares < 1.03 * device, "{shares} J of {device}");
}
