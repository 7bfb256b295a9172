//! What all exporters with a client do alike.

use pipeline::component::{ExportError, Exporter};
use pipeline::payload::Payload;

use crate::otlp_grpc::OtlpGrpc;
use crate::otlp_http::OtlpHttp;
use crate::prometheus_remote_write::PrometheusRemoteWrite;
use crate::testing::credentials::{AUTH, Key};
use crate::testing::{Answer, Destination, Received, config, export, exporter, exporter_in, metrics, remarks, setup};

/// Takes what shows one of two keys, whichever protocol it comes by.
fn guarded(request: &Received) -> Answer {
    let is_grpc = request.header("content-type") == "application/grpc";
    match (is_grpc, request.header("x-api-key")) {
        (true, "Key one" | "Key two") => Answer::grpc_ok(),
        (false, "Key one" | "Key two") => Answer::http(200),
        (true, _) => Answer::grpc(net::grpc::Status::new(net::grpc::Code::Unauthenticated, "who are you")),
        (false, _) => Answer::http(401)
            .with("content-type", "text/plain")
            .saying("who are you"),
    }
}

async fn shows_its_credentials<E: Exporter>(endpoint: impl Fn(&Destination) -> String) {
    let payload: Payload = metrics();
    let destination = Destination::start(guarded).await;
    let endpoint = endpoint(&destination);
    let setup = setup(E::ABOUT.name);
    let key = Key::known_to(&setup);

    let shows = exporter_in::<E>(
        &format!("{endpoint}\nheaders: {{x-api-key: other, x-more: a}}\n{AUTH}"),
        &setup,
    );
    assert_eq!(export(&shows, &payload).await, Ok(()), "{}", E::ABOUT.name);
    key.change("Key two");
    assert_eq!(export(&shows, &payload).await, Ok(()), "{}", E::ABOUT.name);
    let received = destination.received();
    assert_eq!(
        (received[1].header("x-api-key"), received[1].header("x-more")),
        ("Key two", "a")
    );

    key.change("Key three");
    for (exporter, who) in [
        (shows, "the credentials are those of \"keys/main\""),
        (exporter::<E>(&endpoint), "no authenticator is named below `auth`"),
    ] {
        let error = export(&exporter, &payload).await.unwrap_err();
        let ExportError::Permanent { cause } = &error else {
            panic!("{error:?}")
        };
        assert!(cause.contains("who are you") && cause.contains(who), "{cause}");
        assert!(!cause.contains("three"), "{cause}");
    }

    let unknown = config::<E>(&format!("{endpoint}\nauth: {{authenticator: keys/other}}")).unwrap();
    let error = E::build(&unknown, &setup)
        .err()
        .expect("nobody has that name")
        .to_string();
    assert!(
        error.contains("\"keys/other\" is no client authenticator that runs"),
        "{error}"
    );
    assert!(error.contains("client_auth"), "{error}");
}

#[tokio::test]
async fn exporters_show_the_credentials_of_the_authenticator_that_they_name() {
    shows_its_credentials::<OtlpGrpc>(|it| format!("endpoint: {}\ntls: {{insecure: true}}", it.address)).await;
    shows_its_credentials::<OtlpHttp>(|it| format!("endpoint: http://{}", it.address)).await;
    shows_its_credentials::<PrometheusRemoteWrite>(|it| format!("endpoint: http://{}/api/v1/write", it.address)).await;
}

#[test]
fn credentials_that_others_could_read_are_warned_about() {
    let open = "travel in plain text";
    let remark = |yaml: &str| remarks::<OtlpGrpc>(&format!("{{{yaml}, {AUTH}}}"));
    assert!(remark("endpoint: 'gateway:4317', tls: {insecure: true}").contains(open));
    for quiet in [
        "endpoint: 'gateway:4317'",
        "endpoint: 'https://gateway:4317', tls: {insecure: true}",
        "endpoint: '[::1]:4317', tls: {insecure: true}",
        "endpoint: 'unix:///run/a.sock', tls: {insecure: true}",
    ] {
        assert_eq!(remark(quiet), "", "{quiet}");
    }
    let remark = |yaml: &str| remarks::<OtlpHttp>(&format!("{{{yaml}, {AUTH}}}"));
    assert!(remark("endpoint: 'http://gateway:4318'").contains(open));
    assert_eq!(remark("endpoint: 'https://gateway:4318'"), "");
    assert_eq!(remark("endpoint: 'http://localhost:4318'"), "");
    assert!(remark("endpoint: 'https://a', traces_endpoint: 'http://gateway:4318/v1/traces'").contains(open));
    assert!(remark("logs_endpoint: 'http://gateway:4318/v1/logs'").contains(open));
    // Where each signal has a URL of its own, nothing goes to the endpoint.
    let own = ["traces", "metrics", "logs"].map(|signal| format!("{signal}_endpoint: 'https://gateway/{signal}'"));
    assert_eq!(
        remark(&format!("endpoint: 'http://gateway:4318', {}", own.join(", "))),
        ""
    );
    // Which header the authenticator shows is not known before it runs.
    assert_eq!(
        remark("endpoint: 'https://a', headers: {Authorization: x, x-api-key: y}"),
        ""
    );
}
