//! What engines really sent.

use crate::payload::{Limits, Rejected, TraceId, Traces};
use std::path::{Path, PathBuf};

pub(super) struct Capture {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Every captured export request of the repository (`tests/fixtures/engines`).
pub(super) fn captures() -> Vec<Capture> {
    let engines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/engines");
    let mut captures = Vec::new();
    for engine in engines.read_dir().unwrap() {
        let Ok(requests) = engine.unwrap().path().join("otlp").read_dir() else {
            continue;
        };
        for request in requests {
            let path = request.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pb") {
                captures.push(Capture {
                    bytes: std::fs::read(&path).unwrap(),
                    path,
                });
            }
        }
    }
    captures.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(captures.len() >= 30, "the captures are in the repository");
    captures
}

#[test]
fn every_captured_request_is_accepted_as_the_same_bytes() {
    for capture in captures() {
        let bytes = bytes::Bytes::from(capture.bytes);

        let parsed = Traces::parse(bytes.clone(), &Limits::default()).unwrap();

        assert_eq!(parsed.rejected, Rejected::default(), "{}", capture.path.display());
        assert_eq!(parsed.payload.bytes().as_ptr(), bytes.as_ptr());
        assert!(parsed.payload.spans() > 0);
    }
}

/// SGLang makes trace ids of 64 random bits.
#[test]
fn h17_a_trace_id_with_a_zero_upper_half_is_an_id() {
    let padded: TraceId = "0000000000000000a56435bf3549ca20".parse().unwrap();
    let mut found = 0;

    for capture in captures() {
        let traces = Traces::parse(capture.bytes.into(), &Limits::default()).unwrap().payload;
        for span in traces
            .resources()
            .flat_map(|resource| resource.scopes())
            .flat_map(|scope| scope.spans())
        {
            found += u32::from(span.trace_id() == padded);
        }
    }

    assert!(found > 0);
    assert_eq!(padded.to_string().len(), 32);
}
