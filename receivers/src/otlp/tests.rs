mod connections;
mod ferry;
mod grpc_calls;
mod guard;
mod hostile;
mod http_requests;
mod rig;
mod tls;

use super::*;

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<Otlp>();
}

#[test]
fn a_protocol_with_nothing_behind_it_is_on_and_one_that_is_not_there_is_off() {
    let config = rig::config("protocols:\n  grpc:\n");

    assert!(config.protocols.grpc.is_some());
    assert!(config.protocols.http.is_none());
}

#[test]
fn no_protocol_is_an_error() {
    assert!(rig::problems("{}").contains("no protocol is on"));
    assert!(rig::problems("protocols: {}").contains("no protocol is on"));
}

#[test]
fn keys_that_cannot_be_honoured_are_errors() {
    let path = rig::problems("protocols: { http: { traces_url_path: /same, logs_url_path: /same } }");
    let port = rig::problems("protocols: { grpc: { endpoint: a:1 }, http: { endpoint: a:1 } }");
    let typo = rig::problems("protocols: { http: { endpiont: a:1 } }");

    assert!(path.contains("traces_url_path has the same path"), "{path}");
    assert!(port.contains("is the endpoint of grpc as well"), "{port}");
    assert!(typo.contains("endpiont"), "{typo}");
}

#[test]
fn the_defaults_are_the_collectors() {
    let config = rig::config("protocols: { grpc: , http: }");
    let (grpc, http) = (config.protocols.grpc.unwrap(), config.protocols.http.unwrap());

    assert_eq!(grpc.endpoint_or(GRPC_ENDPOINT), "localhost:4317");
    assert_eq!(grpc.message_bytes_max(), 4 * 1024 * 1024);
    assert_eq!(http.server.endpoint_or(HTTP_ENDPOINT), "localhost:4318");
    assert_eq!(http.server.body_bytes_max(), 20 * 1024 * 1024);
    assert_eq!(http.paths, UrlPaths::default());
}
