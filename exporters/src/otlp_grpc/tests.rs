#![allow(clippy::unwrap_used, clippy::expect_used)]

mod too_large;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use net::grpc::{Code, Status};
use pipeline::component::ExportError;
use pipeline::outside::{Connection, Listener, Network, SystemNetwork};
use prost::Message;

use super::OtlpGrpc;
use crate::testing::{
    Answer, Destination, TestTls, abandoned, config, every_metric, export, exporter, exporter_in, large_traces, logs,
    metrics, remarks, setup, traces,
};

const OK: fn() -> Answer = Answer::grpc_ok;

fn plain(address: SocketAddr, more: &str) -> OtlpGrpc {
    exporter(&format!("endpoint: {address}\ntls: {{insecure: true}}\n{more}"))
}

/// `ExportTraceServiceResponse` with a partial success.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

fn partial_success(rejected: i64, message: &str) -> Vec<u8> {
    Response {
        partial_success: Some(Partial {
            rejected,
            message: message.to_owned(),
        }),
    }
    .encode_to_vec()
}

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<OtlpGrpc>();
}

#[tokio::test]
async fn a_call_is_as_the_specification_says_and_carries_the_bytes_as_they_are() {
    let destination = Destination::start(|_| OK()).await;
    let exporter = plain(
        destination.address,
        "compression: none\nheaders: {x-tenant: acme}\ntimeout: 3s",
    );

    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &metrics()).await.unwrap();
    export(&exporter, &logs()).await.unwrap();

    let received = destination.received();
    let paths: Vec<&str> = received.iter().map(|call| call.path.as_str()).collect();
    let service = |name| format!("/opentelemetry.proto.collector.{name}/Export");
    assert_eq!(
        paths,
        [
            service("trace.v1.TraceService"),
            service("metrics.v1.MetricsService"),
            service("logs.v1.LogsService")
        ]
    );
    let first = &received[0];
    assert_eq!(first.message(), *traces().bytes());
    assert_eq!(first.authority, destination.address.to_string());
    assert_eq!(
        (first.header("content-type"), first.header("te")),
        ("application/grpc", "trailers")
    );
    assert!(first.header("user-agent").starts_with("Inferscope/"));
    assert_eq!((first.header("x-tenant"), first.header("grpc-encoding")), ("acme", ""));
    assert_eq!(
        net::grpc::parse_timeout(first.header("grpc-timeout")),
        Some(Duration::from_secs(3))
    );
    assert_eq!(destination.connections(), 1, "calls share a connection");
}

#[tokio::test]
async fn metrics_of_every_kind_leave_as_they_are() {
    let destination = Destination::start(|_| OK()).await;

    export(&plain(destination.address, "compression: none"), &every_metric())
        .await
        .unwrap();

    assert_eq!(destination.received()[0].message(), *every_metric().bytes());
}

#[tokio::test]
async fn every_status_is_retried_or_given_up_as_otlp_says() {
    use Code::*;
    let again = [Cancelled, DeadlineExceeded, Aborted, OutOfRange, Unavailable, DataLoss];
    for number in 1..=17 {
        let code = Code::from_number(number);
        let destination = Destination::start(move |_| Answer::grpc(Status::new(code, "no"))).await;

        let result = export(&plain(destination.address, ""), &traces()).await;

        match result {
            Err(ExportError::Retry { after: None, cause }) => {
                assert!(again.contains(&code), "{code} was retried");
                assert!(cause.contains(&format!("{code}")) && cause.contains("no"), "{cause}");
            }
            Err(ExportError::Permanent { .. }) => assert!(!again.contains(&code), "{code} was given up"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn exhausted_resources_are_retried_only_when_the_server_says_when() {
    let delay = Duration::from_millis(1500);
    for code in [Code::ResourceExhausted, Code::Unavailable] {
        let destination = Destination::start(move |_| Answer::grpc(Status::retry(code, "busy", delay))).await;

        let result = export(&plain(destination.address, ""), &traces()).await;

        assert!(
            matches!(result, Err(ExportError::Retry { after: Some(after), .. }) if after == delay),
            "{result:?}"
        );
    }
    let destination = Destination::start(|_| Answer::grpc(Status::new(Code::ResourceExhausted, "quota used up"))).await;
    let result = export(&plain(destination.address, ""), &traces()).await;
    assert!(matches!(result, Err(ExportError::Permanent { .. })), "{result:?}");
}

#[tokio::test]
async fn a_partial_success_is_told_and_a_remark_is_not_a_failure() {
    let destination = Destination::start(|_| OK().saying(partial_success(3, "bad ids"))).await;
    let expected = ExportError::Partial {
        rejected: 3,
        message: "bad ids".to_owned(),
    };
    assert_eq!(export(&plain(destination.address, ""), &traces()).await, Err(expected));

    let destination = Destination::start(|_| OK().saying(partial_success(0, "please upgrade"))).await;
    assert_eq!(export(&plain(destination.address, ""), &traces()).await, Ok(()));
}

#[tokio::test]
async fn a_compressed_answer_is_understood() {
    let destination = Destination::start(|_| {
        let mut packed = Vec::new();
        let answer = partial_success(3, "bad ids").into();
        net::codec::compress(net::codec::Encoding::Gzip, None, &[answer], &mut packed).unwrap();
        OK().saying(packed).with("grpc-encoding", "gzip")
    })
    .await;

    let result = export(&plain(destination.address, ""), &traces()).await;

    assert!(
        matches!(result, Err(ExportError::Partial { rejected: 3, .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_does_not_undo_the_success() {
    for (headers, message) in [
        (
            vec![("grpc-encoding", "br".to_owned())],
            partial_success(1, "unreadable"),
        ),
        (vec![("grpc-encoding", "gzip".to_owned())], b"no gzip".to_vec()),
    ] {
        let destination = Destination::start(move |_| Answer::Grpc {
            status: Status::new(Code::Ok, ""),
            message: message.clone().into(),
            headers: headers.clone(),
        })
        .await;
        let exporter = plain(destination.address, "");

        assert_eq!(export(&exporter, &traces()).await, Ok(()));
        assert_eq!(destination.received().len(), 1);
    }
}

#[tokio::test]
async fn proxies_that_answer_with_http_are_judged_as_grpc_says() {
    for (status, retried) in [
        (502, true),
        (503, true),
        (504, true),
        (429, true),
        (404, false),
        (401, false),
        (500, false),
    ] {
        let destination = Destination::start(move |_| Answer::http(status)).await;
        let result = export(&plain(destination.address, ""), &traces()).await;
        assert_eq!(
            matches!(result, Err(ExportError::Retry { .. })),
            retried,
            "{status}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_grpc_is_given_up_with_a_hint() {
    let destination = Destination::start(|_| Answer::http(200).with("content-type", "text/html")).await;

    let result = export(&plain(destination.address, ""), &traces()).await;

    let Err(ExportError::Permanent { cause }) = result else {
        panic!("{result:?}")
    };
    assert!(cause.contains("text/html") && cause.contains("4317"), "{cause}");
}

#[tokio::test]
async fn every_codec_arrives_as_it_was_and_is_announced() {
    let payload = large_traces(900_000);
    for (codec, header) in [("none", ""), ("gzip", "gzip"), ("zstd", "zstd")] {
        let destination = Destination::start(|_| OK()).await;
        let exporter = plain(destination.address, &format!("compression: {codec}"));

        export(&exporter, &payload).await.unwrap();
        export(&exporter, &traces()).await.unwrap();

        let received = destination.received();
        assert_eq!(received[0].header("grpc-encoding"), header);
        assert_eq!(received[0].message(), *payload.bytes());
        assert_eq!(received[1].message(), *traces().bytes());
    }
}

#[tokio::test]
async fn an_open_codec_is_gzip_until_the_server_announces_zstd() {
    let destination = Destination::start(|_| OK().with("grpc-accept-encoding", "identity,gzip,zstd")).await;
    let exporter = plain(destination.address, "");

    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &traces()).await.unwrap();

    let received = destination.received();
    assert_eq!(
        (received[0].header("grpc-encoding"), received[1].header("grpc-encoding")),
        ("gzip", "zstd")
    );
    assert_eq!(received[1].message(), *traces().bytes());
}

#[tokio::test]
async fn a_server_that_refuses_the_zstd_it_announced_gets_gzip_again() {
    let destination = Destination::start(|call| match call.header("grpc-encoding") {
        "zstd" => Answer::grpc(Status::new(Code::Unimplemented, "unknown encoding")),
        _ => OK().with("grpc-accept-encoding", "zstd"),
    })
    .await;
    let exporter = plain(destination.address, "");
    export(&exporter, &traces()).await.unwrap();

    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &traces()).await.unwrap();

    let received = destination.received();
    let codecs: Vec<&str> = received.iter().map(|call| call.header("grpc-encoding")).collect();
    assert_eq!(codecs, ["gzip", "zstd", "gzip", "gzip"]);
}

#[tokio::test]
async fn a_method_that_is_not_there_says_nothing_about_zstd() {
    let destination = Destination::start(|call| match call.path.contains("Logs") {
        true => Answer::grpc(Status::new(Code::Unimplemented, "unknown service")),
        false => OK().with("grpc-accept-encoding", "zstd"),
    })
    .await;
    let exporter = plain(destination.address, "");
    export(&exporter, &traces()).await.unwrap();

    let missing = export(&exporter, &logs()).await;
    export(&exporter, &traces()).await.unwrap();

    assert!(matches!(missing, Err(ExportError::Permanent { .. })), "{missing:?}");
    assert_eq!(destination.received().last().unwrap().header("grpc-encoding"), "zstd");
}

#[tokio::test]
async fn connections_that_a_server_retires_cost_no_call() {
    let destination = Destination::start(|_| OK()).await;
    let exporter = plain(destination.address, "compression: none");
    let payload = traces();

    let worker = |retires: bool| {
        let (destination, exporter, payload) = (&destination, &exporter, &payload);
        async move {
            for call in 1..=50 {
                export(exporter, payload).await.unwrap();
                if retires && call % 10 == 0 {
                    destination.retire_connections();
                }
            }
        }
    };
    tokio::join!(worker(true), worker(false), worker(false), worker(false));

    assert_eq!(destination.received().len(), 200);
    assert!(
        destination.connections() >= 5,
        "every retirement asks for a new connection"
    );
}

#[tokio::test]
async fn four_mebibytes_do_not_stall() {
    let payload = large_traces(4 * 1024 * 1024 - 200_000);
    let destination = Destination::start(|_| OK()).await;

    export(&plain(destination.address, "compression: none"), &payload)
        .await
        .unwrap();

    assert_eq!(destination.received()[0].message(), *payload.bytes());
}

#[tokio::test]
async fn nothing_is_sent_for_an_empty_batch() {
    let destination = Destination::start(|_| OK()).await;

    let empty = crate::testing::parse(config::Signal::Traces, Vec::new());
    export(&plain(destination.address, ""), &empty).await.unwrap();

    assert!(destination.received().is_empty());
}

#[tokio::test]
async fn a_destination_that_is_away_or_hangs_up_is_tried_again() {
    let destination = Destination::start(|_| Answer::HangUp).await;
    let address = destination.address;
    let exporter = plain(address, "");

    let hung_up = export(&exporter, &traces()).await;
    drop(destination);
    let away = export(&exporter, &traces()).await;

    for result in [hung_up, away] {
        let Err(ExportError::Retry { after: None, cause }) = result else {
            panic!("{result:?}")
        };
        assert!(cause.contains(&address.to_string()), "{cause}");
    }
}

#[tokio::test]
async fn a_destination_may_restart_between_two_batches() {
    let destination = Destination::start(|_| OK()).await;
    let address = destination.address;
    let exporter = plain(address, "");
    export(&exporter, &traces()).await.unwrap();

    drop(destination);
    // The connection is found to be gone at this attempt or was before: both are fine, hanging is not.
    let _ = export(&exporter, &traces()).await;
    let destination = Destination::start_at(&address.to_string(), None, |_| OK()).await;
    export(&exporter, &traces()).await.unwrap();

    assert_eq!(destination.received().len(), 1);
}

#[tokio::test]
async fn a_hung_connection_is_replaced_after_a_timeout() {
    let hangs = Arc::new(AtomicBool::new(true));
    let script = Arc::clone(&hangs);
    let destination = Destination::start(move |_| {
        if script.load(Ordering::SeqCst) {
            Answer::Silence
        } else {
            OK()
        }
    })
    .await;
    let exporter = plain(destination.address, "");

    abandoned(&exporter, &traces()).await;
    hangs.store(false, Ordering::SeqCst);
    export(&exporter, &traces()).await.unwrap();

    assert_eq!(destination.connections(), 2);
}

#[tokio::test]
async fn one_slow_answer_does_not_cost_a_connection_that_answers_others() {
    let destination = Destination::start(|call| {
        if call.path.contains("Metrics") {
            Answer::Silence
        } else {
            OK()
        }
    })
    .await;
    let exporter = plain(destination.address, "");
    export(&exporter, &traces()).await.unwrap();

    let (slow, quick) = (metrics(), traces());
    tokio::join!(abandoned(&exporter, &slow), async {
        export(&exporter, &quick).await.unwrap();
    });
    export(&exporter, &traces()).await.unwrap();

    assert_eq!(destination.connections(), 1);
}

#[tokio::test]
async fn a_patient_client_waits_for_a_destination_that_is_not_there_yet() {
    let free = Destination::start(|_| OK()).await.address;
    let exporter = plain(free, "wait_for_ready: true");

    let payload = traces();
    let waiting = export(&exporter, &payload);
    let starting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Destination::start_at(&free.to_string(), None, |_| OK()).await
    };
    let (result, destination) = tokio::join!(waiting, starting);

    assert_eq!(result, Ok(()));
    assert_eq!(destination.received().len(), 1);
}

#[tokio::test]
async fn tls_is_the_default_and_checks_the_certificate() {
    let tls = TestTls::new();
    let destination = Destination::start_at("127.0.0.1:0", Some(&tls), |_| OK()).await;
    let pem = tls.ca_pem.replace('\n', "\n    ");
    let endpoint = format!("endpoint: localhost:{}", destination.address.port());

    let trusting: OtlpGrpc = exporter(&format!("{endpoint}\ntls:\n  ca_pem: |\n    {pem}"));
    assert_eq!(export(&trusting, &traces()).await, Ok(()));

    let other = TestTls::new().ca_pem.replace('\n', "\n    ");
    let doubting: OtlpGrpc = exporter(&format!("{endpoint}\ntls:\n  ca_pem: |\n    {other}"));
    let refused = export(&doubting, &traces()).await;
    let Err(ExportError::Retry { cause, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(cause.contains("certificate"), "{cause}");

    let careless: OtlpGrpc = exporter(&format!("{endpoint}\ntls: {{insecure_skip_verify: true}}"));
    assert_eq!(export(&careless, &traces()).await, Ok(()));
}

#[tokio::test]
async fn a_unix_socket_works() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("otlp.sock");
    let destination = Destination::start_unix(&path, |_| OK()).await;

    let exporter: OtlpGrpc = exporter(&format!("endpoint: unix://{}\ntls: {{insecure: true}}", path.display()));
    export(&exporter, &traces()).await.unwrap();

    assert_eq!(destination.received()[0].authority, "localhost");
}

/// A network where one name has the addresses of two destinations.
struct TwoAddresses(Vec<SocketAddr>);

impl Network for TwoAddresses {
    fn listen(&self, address: &str) -> BoxFuture<'static, std::io::Result<Box<dyn Listener>>> {
        SystemNetwork.listen(address)
    }

    fn listen_unix(&self, path: &Path) -> std::io::Result<Box<dyn Listener>> {
        SystemNetwork.listen_unix(path)
    }

    fn connect(&self, address: &str) -> BoxFuture<'static, std::io::Result<Box<dyn Connection>>> {
        SystemNetwork.connect(address)
    }

    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, std::io::Result<Box<dyn Connection>>> {
        SystemNetwork.connect_unix(path)
    }

    fn resolve(&self, _address: &str) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        let addresses = self.0.clone();
        Box::pin(async move { Ok(addresses) })
    }
}

async fn spread(balancer: &str) -> (usize, usize) {
    let (one, two) = (Destination::start(|_| OK()).await, Destination::start(|_| OK()).await);
    let mut setup = setup("otlp_grpc");
    setup.outside.network = Arc::new(TwoAddresses(vec![one.address, two.address]));
    let yaml = format!("endpoint: dns:///gateway:4317\ntls: {{insecure: true}}\nbalancer_name: {balancer}");
    let exporter: OtlpGrpc = exporter_in(&yaml, &setup);

    for _ in 0..20 {
        export(&exporter, &traces()).await.unwrap();
    }

    assert_eq!(
        one.received()
            .iter()
            .chain(&two.received())
            .filter(|call| call.authority == "gateway:4317")
            .count(),
        20
    );
    (one.received().len(), two.received().len())
}

#[tokio::test]
async fn round_robin_spreads_calls_over_all_addresses_of_a_name() {
    let (one, two) = spread("round_robin").await;

    assert!(one >= 8 && two >= 8, "{one} and {two} of 20");
}

#[tokio::test]
async fn pick_first_stays_with_one_address() {
    assert_eq!(spread("pick_first").await, (20, 0));
}

#[tokio::test]
async fn when_one_of_two_addresses_goes_away_the_other_takes_over() {
    let (one, two) = (Destination::start(|_| OK()).await, Destination::start(|_| OK()).await);
    let mut setup = setup("otlp_grpc");
    setup.outside.network = Arc::new(TwoAddresses(vec![one.address, two.address]));
    let exporter: OtlpGrpc = exporter_in("endpoint: gateway:4317\ntls: {insecure: true}", &setup);
    export(&exporter, &traces()).await.unwrap();

    drop(one);
    let mut delivered = 0;
    for _ in 0..10 {
        delivered += usize::from(export(&exporter, &traces()).await.is_ok());
    }

    assert!(
        delivered >= 9,
        "one call may meet the end of the connection, not {}",
        10 - delivered
    );
}

#[test]
fn both_blocks_at_one_level_are_read_and_unknown_keys_are_found() {
    let read = config::<OtlpGrpc>(
        "endpoint: a:1\ntimeout: 7s\nsending_queue: {queue_size: 5}\nretry_on_failure: {enabled: false}",
    );
    let read = read.unwrap();
    assert_eq!(*read.own.timeout, Duration::from_secs(7));
    assert_eq!(
        (read.own.sending_queue.queue_size, read.own.retry_on_failure.enabled),
        (5, false)
    );

    let problem = config::<OtlpGrpc>("endpoint: a:1\ntimeuot: 7s").unwrap_err();
    assert!(problem.contains("timeuot") && problem.contains("timeout"), "{problem}");
}

#[test]
fn what_cannot_work_is_refused_when_the_file_is_read() {
    for (yaml, expected) in [
        ("{}", "endpoint"),
        ("endpoint: a", "a:4317"),
        ("{endpoint: 'a:1', compression: snappy}", "snappy is not available yet"),
        (
            "{endpoint: 'a:1', compression: gzip, compression_params: {level: 12}}",
            "1 (fast) to 9",
        ),
        (
            "{endpoint: 'a:1', auth: {authenticator: 'a b/'}}",
            "not the name of an extension",
        ),
        ("{endpoint: 'a:1', headers: {'bad name': x}}", "not a header name"),
        (
            "{endpoint: 'a:1', headers: {content-encoding: gzip}}",
            "set by the protocol",
        ),
        ("{endpoint: 'a:1', balancer_name: ring_hash}", "round_robin"),
        (
            "{endpoint: 'a:1', sending_queue: {num_consumers: 0}}",
            "must be at least 1",
        ),
    ] {
        let problem = config::<OtlpGrpc>(yaml).expect_err(yaml);
        assert!(problem.contains(expected), "{yaml}\n{problem}");
    }
}

#[test]
fn keys_without_effect_are_said_to_have_none() {
    let said = remarks::<OtlpGrpc>("{endpoint: 'http://a:1', write_buffer_size: 524288}");

    assert!(
        said.contains("write_buffer_size") && said.contains("has no effect"),
        "{said}"
    );
    assert!(said.contains("does not turn TLS off"), "{said}");
}
