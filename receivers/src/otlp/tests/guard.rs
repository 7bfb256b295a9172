//! Who is let in, with an authenticator that the test plays.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending, ready};
use http::StatusCode;
use net::grpc::Code;
use pipeline::context::authenticators::{Authenticator, Unauthenticated};
use pipeline::{Identity, Method, Outcome, Subject};

use super::rig::{self, Rig, TRACES, span};

/// Knows `key-of-acme`, is busy when it sees `busy`, and never comes to an end with `slow`.
struct Keys;

impl Authenticator for Keys {
    fn header(&self) -> &str {
        "x-api-key"
    }

    fn challenge(&self) -> &str {
        "Key realm=\"test\""
    }

    fn authenticate<'a>(&'a self, shown: &'a [u8]) -> BoxFuture<'a, Result<Arc<Subject>, Unauthenticated>> {
        let found = match shown {
            b"key-of-acme" => Ok(Arc::new(Subject {
                method: Method::Token,
                names: vec!["acme".to_owned()],
            })),
            b"busy" => Err(Unauthenticated::Busy),
            b"slow" => return pending().boxed(),
            _ => Err(Unauthenticated::Wrong),
        };
        ready(found).boxed()
    }
}

const AUTH: &str = "auth: {authenticator: keys/main}";

/// Both listeners, of which those named are guarded.
fn yaml(grpc: &str, http: &str) -> String {
    format!(
        "protocols: {{ grpc: {{ endpoint: '127.0.0.1:0', {grpc} }},
            http: {{ endpoint: '127.0.0.1:0', include_metadata: true, {http} }} }}"
    )
}

async fn start(yaml: &str) -> Rig {
    Rig::start_with(yaml, |world| {
        world
            .context
            .authenticators
            .add("keys/main".parse().unwrap(), Arc::new(Keys));
    })
    .await
}

/// One span by HTTP or by gRPC, to the first listener or to the second.
struct Try<'a> {
    by_grpc: bool,
    to_http: bool,
    keys: &'a [&'a str],
}

/// HTTP status, gRPC status, challenge, and the identity of the batch that came of it with its metadata.
type Found = (
    StatusCode,
    Option<Code>,
    Option<String>,
    Option<(Identity, Vec<(String, String)>)>,
);

async fn send(rig: &mut Rig, what: &Try<'_>) -> Found {
    let address = if what.to_http { rig.http() } else { rig.grpc() };
    let message = rig::request(vec![span("one")]);
    let mut request = if what.by_grpc {
        http::Request::post(format!("http://localhost{TRACES}")).header("content-type", "application/grpc")
    } else {
        http::Request::post("http://localhost/v1/traces").header("content-type", "application/x-protobuf")
    };
    for key in what.keys {
        request = request.header("x-api-key", *key);
    }
    let body = if what.by_grpc {
        rig::framed(false, &message)
    } else {
        message
    };
    let request = request.body(http_body_util::Full::new(Bytes::from(body))).unwrap();
    let batches = rig.batches.as_mut().unwrap();
    let answering = async {
        let (mut client, _connection) = rig::connect(address).await;
        rig::answer_of(client.send_request(request).await.unwrap()).await
    };
    tokio::pin!(answering);
    let mut came = None;
    let answer = loop {
        tokio::select! {
            answer = &mut answering => break answer,
            Some(batch) = batches.recv() => {
                came = Some((batch.origin.identity.clone(), batch.origin.metadata.clone()));
                batch.settle(Outcome::Delivered);
            }
        }
    };
    let challenge = answer.headers.get("www-authenticate");
    (
        answer.http,
        answer.status.as_ref().map(|status| status.code),
        challenge.map(|value| value.to_str().unwrap().to_owned()),
        came,
    )
}

#[tokio::test]
async fn only_who_shows_the_right_thing_is_let_in_by_every_protocol_of_a_guarded_listener() {
    let mut rig = start(&yaml(AUTH, AUTH)).await;

    for (by_grpc, to_http) in [(true, false), (true, true), (false, false), (false, true)] {
        let (status, code, _, came) = send(
            &mut rig,
            &Try {
                by_grpc,
                to_http,
                keys: &["key-of-acme"],
            },
        )
        .await;
        assert_eq!((status, code), (StatusCode::OK, by_grpc.then_some(Code::Ok)));
        let (identity, metadata) = came.unwrap();
        assert_eq!(identity.names(), ["acme"]);
        assert!(metadata.iter().all(|(name, _)| name != "x-api-key"), "{metadata:?}");

        for keys in [&[][..], &["key-of-beta"], &["key-of-acme", "key-of-acme"]] {
            let (status, code, challenge, came) = send(&mut rig, &Try { by_grpc, to_http, keys }).await;
            assert!(came.is_none());
            if by_grpc {
                assert_eq!(code, Some(Code::Unauthenticated), "{keys:?}");
            } else {
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{keys:?}");
                assert_eq!(challenge.as_deref(), Some("Key realm=\"test\""), "{keys:?}");
            }
        }
    }
    let page = rig.metrics();
    for line in [
        r#"inferscope_receiver_unauthenticated_requests{receiver="otlp",transport="grpc",reason="missing"} 2"#,
        r#"inferscope_receiver_unauthenticated_requests{receiver="otlp",transport="grpc",reason="malformed"} 2"#,
        r#"inferscope_receiver_unauthenticated_requests{receiver="otlp",transport="http",reason="wrong"} 2"#,
    ] {
        assert!(page.contains(line), "no {line} in\n{page}");
    }
}

#[tokio::test]
async fn the_guard_of_one_listener_is_not_passed_by_speaking_the_protocol_of_the_other() {
    let mut rig = start(&yaml(AUTH, "")).await;

    let by_http = Try {
        by_grpc: false,
        to_http: false,
        keys: &[],
    };
    assert_eq!(send(&mut rig, &by_http).await.0, StatusCode::UNAUTHORIZED);
    let elsewhere = Try {
        to_http: true,
        ..by_http
    };
    let (status, _, _, came) = send(&mut rig, &elsewhere).await;
    assert_eq!((status, came.unwrap().0), (StatusCode::OK, Identity::Unasked));
}

#[tokio::test]
async fn who_is_to_come_again_is_told_so() {
    let mut rig = start(&yaml(AUTH, AUTH)).await;
    let keys = &["busy"];

    let by_http = Try {
        by_grpc: false,
        to_http: true,
        keys,
    };
    assert_eq!(send(&mut rig, &by_http).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let by_grpc = Try {
        by_grpc: true,
        ..by_http
    };
    assert_eq!(send(&mut rig, &by_grpc).await.1, Some(Code::Unavailable));
}

#[tokio::test]
async fn who_takes_longer_to_be_known_than_a_request_may_take_is_sent_away() {
    let auth = format!("{AUTH}, write_timeout: 50ms");
    let mut rig = start(&yaml(AUTH, &auth)).await;

    let by_http = Try {
        by_grpc: false,
        to_http: true,
        keys: &["slow"],
    };
    let (status, _, challenge, came) = send(&mut rig, &by_http).await;
    assert_eq!((status, challenge), (StatusCode::SERVICE_UNAVAILABLE, None));
    assert!(came.is_none());
}

#[tokio::test]
async fn an_authenticator_that_does_not_run_is_an_error_at_start() {
    let problem = Rig::refused(&yaml(AUTH, "")).await;

    assert!(
        problem.contains("keys/main") && problem.contains("service::extensions"),
        "{problem}"
    );
}

#[test]
fn names_that_no_extension_can_have_and_request_params_are_errors() {
    let all = [
        ("auth: {}", "is not the name of an extension"),
        ("auth: {authenticator: 'a b'}", "is not the name of an extension"),
        (
            "auth: {authenticator: a, request_params: [token]}",
            "credentials in addresses",
        ),
        ("auth: {authenticatr: a}", "authenticatr"),
    ];
    for (auth, part) in all {
        for yaml in [yaml(auth, ""), yaml("", auth)] {
            let problems = rig::problems(&yaml);
            assert!(problems.contains(part), "{problems}");
        }
    }
}
