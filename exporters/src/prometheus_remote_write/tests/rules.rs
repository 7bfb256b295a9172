//! The rules of both specifications about what a request holds, each against a receiver.

use super::otlp::*;
use super::*;
use crate::testing::export;

/// Something of every kind.
fn everything(seconds: u64) -> Payload {
    let mut explicit = buckets(&[("model", "llama")], seconds, &[0.1, 1.0], &[1, 2, 3], Some(4.5));
    explicit.exemplars = vec![traced(0.5, seconds, &[])];
    let service = [
        ("service.name", "vllm"),
        ("service.instance.id", "p"),
        ("k8s.pod.name", "vllm-0"),
    ];
    let metrics = vec![
        gauge(
            "vllm:num_requests_running",
            "",
            vec![point(&[("model", "llama")], seconds, 3.0)],
        ),
        counter(
            "vllm:prompt_tokens",
            "",
            vec![point(&[("model", "llama")], seconds, 300.0)],
        ),
        histogram("vllm:time_to_first_token", "s", CUMULATIVE, vec![explicit]),
    ];
    request(vec![resource(&service, metrics)])
}

/// Sends it to a willing receiver; gives the requests, checked.
async fn sent(more: &[&str], payload: &Payload) -> Vec<Written> {
    let destination = willing().await;
    export(&writer(destination.address, more), payload).await.unwrap();
    written(&destination)
}

/// All series of all requests.
fn merged(requests: Vec<Written>) -> Written {
    let mut all = Written::default();
    for request in requests {
        all.is_v2 |= request.is_v2;
        all.series.extend(request.series);
        all.metadata.extend(request.metadata);
    }
    all
}

#[tokio::test]
async fn r01_the_body_is_a_snappy_block_and_not_a_frame() {
    for (_, protocol) in PROTOCOLS {
        let destination = willing().await;
        export(&writer(destination.address, &[protocol]), &everything(1))
            .await
            .unwrap();

        for request in destination.received() {
            let written = oracle::read(&request);
            assert!(!written.series.is_empty());
            // The block format begins with the length of what was compressed, the framed one with a fixed magic.
            assert!(!request.body.starts_with(b"\xff\x06\x00\x00sNaPpY"));
            assert_eq!(snap::raw::decompress_len(&request.body).unwrap(), written.bytes);
            assert_eq!(request.path, "/api/v1/write");
        }
    }
}

#[tokio::test]
async fn r02_headers_are_exact_and_users_add_theirs() {
    for (is_v2, protocol) in PROTOCOLS {
        let destination = willing().await;
        let more = [protocol, "headers: {X-Scope-OrgID: acme, authorization: Bearer x}"];
        export(&writer(destination.address, &more), &everything(1))
            .await
            .unwrap();

        let request = destination.received().remove(0);
        assert_eq!(oracle::read(&request).is_v2, is_v2);
        assert_eq!(request.header("x-scope-orgid"), "acme");
        assert_eq!(request.header("authorization"), "Bearer x");
    }
}

#[test]
fn r02_users_cannot_override_the_protocols_headers() {
    for name in [
        "Content-Encoding",
        "content-type",
        "User-Agent",
        "X-Prometheus-Remote-Write-Version",
    ] {
        for place in ["", "http: "] {
            let block = format!("{{endpoint: 'http://a:1', headers: {{{name}: x}}}}");
            let yaml = if place.is_empty() {
                block
            } else {
                format!("http: {block}")
            };
            let problem = config::<PrometheusRemoteWrite>(&yaml).expect_err(name);
            assert!(problem.contains("is set by the protocol"), "{problem}");
        }
    }
}

#[tokio::test]
async fn r03_version_and_content_type_belong_together() {
    for (is_v2, version, content_type) in [
        (false, "0.1.0", "application/x-protobuf"),
        (
            true,
            "2.0.0",
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        ),
    ] {
        let destination = willing().await;
        let protocol = if is_v2 {
            V2
        } else {
            "protobuf_message: prometheus.WriteRequest"
        };
        export(&writer(destination.address, &[protocol]), &everything(1))
            .await
            .unwrap();

        for request in destination.received() {
            assert_eq!(request.header("x-prometheus-remote-write-version"), version);
            assert_eq!(request.header("content-type"), content_type);
        }
    }
}

#[tokio::test]
async fn r04_times_are_milliseconds_and_values_doubles() {
    for (_, protocol) in PROTOCOLS {
        let mut one = point(&[], 1, 0.1);
        one.time_unix_nano += 999_999;
        let all = merged(sent(&[protocol], &of_service(vec![gauge("x", "", vec![one])])).await);

        let sample = all.one("x").samples[0];
        assert_eq!((sample.timestamp, sample.value.to_bits()), (ms(1), 0.1_f64.to_bits()));
    }
}

#[tokio::test]
async fn r05_labels_are_sorted_single_and_not_empty() {
    for (_, protocol) in PROTOCOLS {
        let pairs = [
            ("z", "1"),
            ("A", "2"),
            ("__name__", "forged"),
            ("z", "again"),
            ("e", ""),
            ("z.", "3"),
            ("", "4"),
        ];
        let all = merged(
            sent(
                &[protocol],
                &of_service(vec![gauge("x", "", vec![point(&pairs, 1, 1.0)])]),
            )
            .await,
        );

        let names: Vec<&str> = all.one("x").labels.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "A",
            "__name__",
            "instance",
            "job",
            "key_",
            "otel_scope_name",
            "otel_scope_version",
            "z",
            "z_",
        ];
        assert_eq!(names, expected);
        assert_eq!(all.one("x").label("z"), "1");
    }
}

#[tokio::test]
async fn r06_names_are_legal_in_the_protocol_whatever_the_strategy() {
    let payload = of_service(vec![counter(
        "gen_ai.日.tokens",
        "s",
        vec![point(&[("gen_ai.model", "x")], 1, 1.0)],
    )]);
    for (strategy, v1, v2) in [
        (
            "UnderscoreEscapingWithSuffixes",
            "gen_ai_tokens_seconds_total",
            "gen_ai_tokens_seconds_total",
        ),
        ("UnderscoreEscapingWithoutSuffixes", "gen_ai_tokens", "gen_ai_tokens"),
        (
            "NoUTF8EscapingWithSuffixes",
            "gen_ai_tokens_seconds_total",
            "gen_ai.日.tokens_seconds_total",
        ),
        ("NoTranslation", "gen_ai_tokens", "gen_ai.日.tokens"),
    ] {
        let key = format!("translation_strategy: {strategy}");
        let label = if v2.contains('.') {
            "gen_ai.model"
        } else {
            "gen_ai_model"
        };
        let first = merged(sent(&[&key], &payload).await);
        assert_eq!(first.one(v1).label("gen_ai_model"), "x");
        let second = merged(sent(&[&key, V2], &payload).await);
        assert_eq!(second.one(v2).label(label), "x");
    }
}

#[tokio::test]
async fn r11_a_stale_marker_is_exact_and_no_other_nan_looks_like_it() {
    for (_, protocol) in PROTOCOLS {
        let forged = f64::from_bits(0x7ff0_0000_0000_0002);
        let points = vec![
            point(&[("n", "forged")], 1, forged),
            point(&[("n", "nan")], 1, -f64::NAN),
            stale(&[("n", "stale")], 1),
        ];
        let all = merged(sent(&[protocol], &of_service(vec![gauge("x", "", points)])).await);

        let bits = |name: &str| {
            let series = all.series.iter().find(|series| series.label("n") == name).unwrap();
            series.samples[0].value.to_bits()
        };
        assert_eq!(bits("forged"), 0x7ff8_0000_0000_0001);
        assert_eq!(bits("nan"), 0x7ff8_0000_0000_0001);
        assert_eq!(bits("stale"), 0x7ff0_0000_0000_0002);
    }
}

#[tokio::test]
async fn r12_every_request_has_symbols_of_its_own() {
    // The oracle checks: the first is empty, each is there once, each reference leads to one, none is there for nothing.
    let requests = sent(&[V2, "max_batch_size_bytes: 400"], &everything(1)).await;

    assert!(requests.len() > 3, "{}", requests.len());
    let whole = merged(sent(&[V2], &everything(1)).await);
    assert_eq!(merged(requests).texts(), whole.texts());
}

#[tokio::test]
async fn r13_a_series_has_samples_or_histograms() {
    for (_, protocol) in PROTOCOLS {
        let yaml = [
            protocol,
            "convert_explicit_histograms_to_nhcb: true",
            "keep_classic_histograms: true",
        ];
        let all = merged(sent(&yaml, &everything(1)).await);

        // The oracle checks each series; here, that both kinds are there.
        assert!(all.series.iter().any(|series| !series.histograms.is_empty()));
        assert!(all.series.iter().any(|series| !series.samples.is_empty()));
    }
}

#[tokio::test]
async fn r14_metadata_has_a_request_of_its_own_in_1_0_and_stands_on_every_series_in_2_0() {
    let kinds = [
        ("vllm:num_requests_running", 2, ""),
        ("vllm:prompt_tokens_total", 1, ""),
        ("vllm:time_to_first_token_seconds", 3, "s"),
        ("target_info", 2, ""),
    ];
    let requests = sent(&["send_metadata: true"], &everything(1)).await;
    assert!(requests.iter().all(|it| it.series.is_empty() != it.metadata.is_empty()));
    let told: Vec<(String, i32, String)> = merged(requests)
        .metadata
        .into_iter()
        .map(|it| (it.metric_family_name, it.kind, it.unit))
        .collect();
    assert_eq!(
        told,
        kinds.map(|(name, kind, unit)| (name.to_owned(), kind, unit.to_owned()))
    );
    assert!(merged(sent(&[], &everything(1)).await).metadata.is_empty());

    let all = merged(sent(&[V2], &everything(1)).await);
    for series in &all.series {
        let (kind, help, unit) = series.metadata.clone().unwrap();
        let family = kinds.iter().find(|(name, ..)| series.name().starts_with(name)).unwrap();
        assert_eq!((kind, unit.as_str()), (family.1, family.2), "{}", series.text());
        assert!(!help.is_empty());
    }
}

#[tokio::test]
async fn r15_counters_and_histograms_say_since_when_they_count_in_2_0() {
    let all = merged(sent(&[V2], &everything(5)).await);
    for series in &all.series {
        let counts = !["vllm:num_requests_running", "target_info"].contains(&series.name());
        assert_eq!(
            series.samples[0].start_timestamp,
            if counts { ms(0) } else { 0 },
            "{}",
            series.text()
        );
    }
    // The oracle checks that 1.0 has none.
    sent(&[], &everything(5)).await;
}

#[tokio::test]
async fn r16_exemplars_have_a_value_a_time_and_the_trace() {
    for (_, protocol) in PROTOCOLS {
        let all = merged(sent(&[protocol], &everything(5)).await);

        let exemplars: Vec<_> = all.series.iter().flat_map(|series| &series.exemplars).collect();
        assert_eq!(exemplars.len(), 1);
        assert_eq!((exemplars[0].value, exemplars[0].timestamp), (0.5, ms(5)));
        assert_eq!(exemplars[0].labels[1], ("trace_id".to_owned(), "cd".repeat(16)));
    }
}

#[tokio::test]
async fn r17_native_histograms_of_both_kinds_go_through_both_protocols() {
    use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
    for (is_v2, protocol) in PROTOCOLS {
        let fine = ExponentialHistogramDataPoint {
            start_time_unix_nano: at(0),
            time_unix_nano: at(1),
            count: 6,
            sum: Some(3.0),
            scale: 20,
            positive: Some(Buckets {
                offset: -1_000_000,
                bucket_counts: vec![1, 0, 5],
            }),
            ..ExponentialHistogramDataPoint::default()
        };
        let explicit = buckets(&[], 1, &[0.5], &[1, 1], Some(1.0));
        let payload = of_service(vec![
            exponential("e", "", CUMULATIVE, vec![fine]),
            histogram("h", "", CUMULATIVE, vec![explicit]),
        ]);
        let all = merged(sent(&[protocol, "convert_explicit_histograms_to_nhcb: true"], &payload).await);

        let (e, h) = (&all.one("e").histograms[0], &all.one("h").histograms[0]);
        assert_eq!((e.schema, h.schema), (8, -53));
        assert_eq!((e.timestamp, e.start_timestamp), (ms(1), if is_v2 { ms(0) } else { 0 }));
        // Index -1,000,000 at scale 20 is -245 (rounded down from -244.1) at scale 8; Prometheus numbers by the end.
        assert_eq!(
            oracle::absolute(&e.positive_spans, &e.positive_deltas),
            [(-244, 6)].into()
        );
    }
}
