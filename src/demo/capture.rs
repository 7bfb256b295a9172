//! The bundled capture of a real engine. `tests/fixtures/engines/README.md` says how it was taken.

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
