//! The rules of both specifications about what follows from answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use pipeline::component::ExportError;

use super::otlp::*;
use super::*;
use crate::testing::{Received, abandoned, export};

/// Many series, one sample each.
fn many(series: usize, seconds: u64) -> Payload {
    let names: Vec<String> = (0..series).map(|number| number.to_string()).collect();
    let points = names.iter().map(|name| point(&[("n", name)], seconds, 1.0)).collect();
    of_service(vec![gauge("x", "", points)])
}

/// As the driver does it, without its waits.
async fn until_settled(exporter: &PrometheusRemoteWrite, payload: &Payload) -> Result<(), ExportError> {
    for _ in 0..1_000 {
        match export(exporter, payload).await {
            Err(ExportError::Retry { .. } | ExportError::RetryRest { .. }) => {}
            settled => return settled,
        }
    }
    panic!("never settled")
}

fn answering(status: u16) -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    move |_| Answer::http(status)
}

/// What a receiver of 2.0 says when it wrote so many samples.
fn wrote(status: u16, samples: usize) -> Answer {
    Answer::http(status).with("x-prometheus-remote-write-samples-written", &samples.to_string())
}

#[tokio::test]
async fn r07_samples_of_a_series_arrive_in_order_over_retries_and_batches() {
    for (_, protocol) in PROTOCOLS {
        let (asked, latest) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<String, i64>::new()));
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&accepted);
        let destination = Destination::start(move |request| {
            // Two of three requests fail, so that shards of one batch are settled at different times.
            if asked.fetch_add(1, Ordering::SeqCst) % 3 != 2 {
                return Answer::http(500);
            }
            let written = oracle::read(request);
            let mut latest = latest.lock().unwrap();
            for series in &written.series {
                let before = latest.entry(series.text()).or_default();
                for sample in &series.samples {
                    // A violation is an answer that the test sees.
                    if sample.timestamp <= *before {
                        return Answer::http(400).saying(format!("{} at {}", series.text(), sample.timestamp));
                    }
                    *before = sample.timestamp;
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
            taken(&written)
        })
        .await;
        let exporter = writer(destination.address, &[protocol, "max_batch_size_bytes: 1500"]);

        for seconds in 1..6 {
            assert_eq!(until_settled(&exporter, &many(40, seconds)).await, Ok(()));
        }

        assert_eq!(accepted.load(Ordering::SeqCst), 5 * 40, "each sample once");
    }
}

#[tokio::test]
async fn r07_a_series_stays_in_its_shard_and_shards_run_side_by_side() {
    let destination = willing().await;
    let exporter = writer(destination.address, &["remote_write_queue: {num_consumers: 4}"]);

    export(&exporter, &many(16_000, 1)).await.unwrap();
    export(&exporter, &many(16_000, 2)).await.unwrap();

    let requests = written(&destination);
    let sets = |requests: &[Written]| {
        let mut sets: Vec<Vec<String>> = requests
            .iter()
            .map(|request| request.series.iter().map(oracle::Series::text).collect())
            .collect();
        sets.sort();
        sets
    };
    assert_eq!(requests.len(), 8);
    assert_eq!(sets(&requests[..4]), sets(&requests[4..]));
    assert!(destination.connections() > 1);
}

#[tokio::test]
async fn a_small_batch_is_one_request() {
    let destination = willing().await;

    export(&writer(destination.address, &[]), &many(100, 1)).await.unwrap();

    assert_eq!(written(&destination).len(), 1);
}

#[tokio::test]
async fn r08_server_errors_are_tried_again_and_client_errors_never() {
    for (_, protocol) in PROTOCOLS {
        for status in (400..=431).chain(500..=511).filter(|it| ![413, 415].contains(it)) {
            // A receiver of 2.0 says what it wrote; without that, 400 may mean that it does not know 2.0.
            let destination = Destination::start(move |_| wrote(status, 0)).await;

            let result = export(&writer(destination.address, &[protocol]), &many(1, 1)).await;

            let again = status >= 500 || status == 429;
            match result {
                Err(ExportError::Retry { after: None, .. }) => assert!(again, "{status}"),
                Err(ExportError::Permanent { cause }) => {
                    assert!(!again, "{status} was given up");
                    assert!(cause.contains(&status.to_string()), "{cause}");
                }
                other => panic!("{status}: {other:?}"),
            }
            assert_eq!(destination.received().len(), 1);
        }
    }
}

#[tokio::test]
async fn r08_a_receiver_that_is_away_or_silent_is_tried_again() {
    let destination = Destination::start(|_| Answer::HangUp).await;
    let address = destination.address;
    let hung_up = export(&writer(address, &[]), &many(1, 1)).await;
    drop(destination);
    let away = export(&writer(address, &[]), &many(1, 1)).await;
    let silent = Destination::start(|_| Answer::Silence).await;
    let silent = export(&writer(silent.address, &["timeout: 100ms"]), &many(1, 1)).await;

    for result in [hung_up, away, silent] {
        assert!(
            matches!(result, Err(ExportError::Retry { after: None, .. })),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn r09_too_many_requests_wait_as_long_as_the_receiver_says() {
    for (_, protocol) in PROTOCOLS {
        let destination = Destination::start(|_| Answer::http(429).with("retry-after", "7")).await;
        let result = export(&writer(destination.address, &[protocol]), &many(1, 1)).await;
        assert!(matches!(result, Err(ExportError::Retry { after: Some(after), .. }) if after.as_secs() == 7));

        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        let destination = Destination::start(move |_| Answer::http(503).with("retry-after", &date)).await;
        let result = export(&writer(destination.address, &[protocol]), &many(1, 1)).await;
        let Err(ExportError::Retry { after: Some(after), .. }) = result else {
            panic!("{result:?}")
        };
        assert!((90..=100).contains(&after.as_secs()), "{after:?}");
    }
}

#[tokio::test]
async fn r10_bodies_of_successes_mean_nothing_and_those_of_errors_are_shown_bounded() {
    for (_, protocol) in PROTOCOLS {
        let junk = Destination::start(|request| taken(&oracle::read(request)).saying("error: all is lost")).await;
        assert_eq!(export(&writer(junk.address, &[protocol]), &many(1, 1)).await, Ok(()));

        let page = format!("out of order\u{1b}{}", "x".repeat(60_000));
        let destination = Destination::start(move |_| wrote(400, 0).saying(page.clone())).await;
        let result = export(&writer(destination.address, &[protocol]), &many(1, 1)).await;
        let Err(ExportError::Permanent { cause }) = result else {
            panic!("{result:?}")
        };
        assert!(
            cause.contains("out of order\\u{1b}xxx") && cause.len() < 2_000,
            "{cause}"
        );
    }
}

#[tokio::test]
async fn r18_a_success_without_counts_is_no_success_in_2_0() {
    // A receiver of 1.0 that does not look at the content type: it decodes nothing, and is content.
    let destination = Destination::start(answering(200)).await;
    let exporter = writer(destination.address, &[V2]);

    assert_eq!(export(&exporter, &many(3, 1)).await, Ok(()));
    let requests = written(&destination);
    let texts: Vec<String> = requests
        .iter()
        .filter(|it| !it.is_v2)
        .flat_map(Written::texts)
        .collect();
    assert_eq!(texts.len(), 3, "all of it went out again in 1.0");

    let before = requests.len();
    assert_eq!(export(&exporter, &many(3, 2)).await, Ok(()));
    assert!(written(&destination)[before..].iter().all(|it| !it.is_v2), "remembered");
}

#[tokio::test]
async fn r18_what_is_not_written_is_counted_and_not_sent_again() {
    let one_shard = "remote_write_queue: {num_consumers: 1}";
    let destination = Destination::start(|_| wrote(204, 2)).await;
    let result = export(&writer(destination.address, &[V2, one_shard]), &many(5, 1)).await;
    assert!(
        matches!(result, Err(ExportError::Partial { rejected: 3, .. })),
        "{result:?}"
    );
    assert_eq!(destination.received().len(), 1);

    // A header that is missing beside another one counts as nothing.
    let destination =
        Destination::start(|_| Answer::http(200).with("x-prometheus-remote-write-histograms-written", "0")).await;
    let result = export(&writer(destination.address, &[V2, one_shard]), &many(5, 1)).await;
    assert!(matches!(result, Err(ExportError::Permanent { .. })), "{result:?}");

    // 1.0 has no such headers: a receiver that sends them is not believed.
    let destination = Destination::start(|_| wrote(200, 0)).await;
    assert_eq!(
        export(&writer(destination.address, &[one_shard]), &many(5, 1)).await,
        Ok(())
    );
}

#[tokio::test]
async fn r19_a_receiver_that_does_not_know_2_0_gets_1_0_from_then_on() {
    let destination = Destination::start(|request| {
        let written = oracle::read(request);
        if written.is_v2 {
            Answer::http(415)
        } else {
            taken(&written)
        }
    })
    .await;
    let utf8 = "translation_strategy: NoTranslation";
    let exporter = writer(
        destination.address,
        &[V2, utf8, "remote_write_queue: {num_consumers: 1}"],
    );
    let payload = |seconds| of_service(vec![gauge("gen.ai", "", vec![point(&[("a.b", "1")], seconds, 1.0)])]);

    export(&exporter, &payload(1)).await.unwrap();
    export(&exporter, &payload(2)).await.unwrap();

    let requests = written(&destination);
    let protocols: Vec<bool> = requests.iter().map(|it| it.is_v2).collect();
    assert_eq!(protocols, [true, false, false]);
    // 1.0 has no UTF-8 names.
    assert_eq!(requests[0].one("gen.ai").label("a.b"), "1");
    assert_eq!(requests[1].one("gen_ai").label("a_b"), "1");
}

#[tokio::test]
async fn r19_a_400_may_mean_that_2_0_is_not_known() {
    let one_shard = "remote_write_queue: {num_consumers: 1}";
    let old = Destination::start(|request| {
        let written = oracle::read(request);
        if written.is_v2 {
            Answer::http(400)
        } else {
            taken(&written)
        }
    })
    .await;
    let exporter = writer(old.address, &[V2, one_shard]);
    assert_eq!(export(&exporter, &many(2, 1)).await, Ok(()));
    assert_eq!(export(&exporter, &many(2, 2)).await, Ok(()));
    let protocols: Vec<bool> = written(&old).iter().map(|it| it.is_v2).collect();
    assert_eq!(protocols, [true, false, false]);

    // Who refuses both had another reason, and is asked in 2.0 again.
    let strict = Destination::start(answering(400)).await;
    let exporter = writer(strict.address, &[V2, one_shard]);
    assert!(matches!(
        export(&exporter, &many(2, 1)).await,
        Err(ExportError::Permanent { .. })
    ));
    assert!(matches!(
        export(&exporter, &many(2, 2)).await,
        Err(ExportError::Permanent { .. })
    ));
    let protocols: Vec<bool> = written(&strict).iter().map(|it| it.is_v2).collect();
    assert_eq!(protocols, [true, false, true, false]);
}

#[tokio::test]
async fn r19_without_2_0_there_is_nothing_to_fall_back_to() {
    let destination = Destination::start(answering(415)).await;
    let result = export(&writer(destination.address, &[]), &many(1, 1)).await;

    assert!(matches!(result, Err(ExportError::Permanent { .. })), "{result:?}");
    assert_eq!(destination.received().len(), 1);
}

#[tokio::test]
async fn r20_a_partial_write_drops_what_was_rejected_and_nothing_is_sent_again() {
    let destination = Destination::start(|_| wrote(400, 4).saying("one sample is out of order")).await;
    let exporter = writer(destination.address, &[V2, "remote_write_queue: {num_consumers: 1}"]);

    let result = export(&exporter, &many(5, 1)).await;

    let Err(ExportError::Partial { rejected: 1, message }) = result else {
        panic!("{result:?}")
    };
    assert!(message.contains("one sample is out of order"), "{message}");
    assert_eq!(destination.received().len(), 1);
}

#[tokio::test]
async fn r20_only_the_refused_request_of_a_batch_is_lost() {
    for (_, protocol) in PROTOCOLS {
        let destination = Destination::start(|request| {
            let written = oracle::read(request);
            let is_bad = written.series.iter().any(|series| series.label("n") == "7");
            if is_bad {
                wrote(400, 0).saying("bad series")
            } else {
                taken(&written)
            }
        })
        .await;
        let exporter = writer(destination.address, &[protocol, "max_batch_size_bytes: 1"]);

        let result = export(&exporter, &many(20, 1)).await;

        assert!(
            matches!(result, Err(ExportError::Partial { rejected: 1, .. })),
            "{result:?}"
        );
        assert_eq!(
            destination.received().len(),
            20,
            "a request for each series, none twice"
        );
    }
}

#[tokio::test]
async fn r21_requests_stay_below_the_cap() {
    for (_, protocol) in PROTOCOLS {
        let destination = willing().await;
        let exporter = writer(destination.address, &[protocol, "max_batch_size_bytes: 2000"]);
        // One series with many samples is cut as well.
        let points = (0..500).map(|second| point(&[], second, second as f64)).collect();
        export(&exporter, &of_service(vec![gauge("long", "", points)]))
            .await
            .unwrap();
        export(&exporter, &many(200, 1)).await.unwrap();

        let requests = written(&destination);
        assert!(requests.iter().all(|request| request.bytes <= 2_000));
        let samples: Vec<i64> = requests
            .iter()
            .flat_map(|request| &request.series)
            .filter(|series| series.name() == "long")
            .flat_map(|series| series.samples.iter().map(|sample| sample.timestamp))
            .collect();
        assert_eq!(samples, (0..500).map(ms).collect::<Vec<_>>(), "in order");
    }
}

#[tokio::test]
async fn r21_a_request_that_is_too_large_is_cut_in_half_until_it_fits() {
    for (_, protocol) in PROTOCOLS {
        let destination = Destination::start(|request| {
            let written = oracle::read(request);
            let samples: usize = written.series.iter().map(|series| series.samples.len()).sum();
            if samples > 3 {
                Answer::http(413)
            } else {
                taken(&written)
            }
        })
        .await;
        let exporter = writer(destination.address, &[protocol]);
        let mut points: Vec<_> = (0..20).map(|second| point(&[], second, second as f64)).collect();
        points.extend((0..20).map(|number| point(&[("n", &number.to_string())], 1, 1.0)));

        assert_eq!(
            export(&exporter, &of_service(vec![gauge("x", "", points)])).await,
            Ok(())
        );

        // Nothing fits at all: dropped, and told.
        let stubborn = Destination::start(answering(413)).await;
        let result = export(&writer(stubborn.address, &[protocol]), &many(1, 1)).await;
        assert!(matches!(result, Err(ExportError::Permanent { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn what_was_accepted_is_never_sent_again() {
    for (_, protocol) in PROTOCOLS {
        let failures = AtomicUsize::new(0);
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&accepted);
        let destination = Destination::start(move |request| {
            let written = oracle::read(request);
            let has_twenty = written.series.iter().any(|series| series.label("n") == "20");
            if has_twenty && failures.fetch_add(1, Ordering::SeqCst) < 2 {
                return Answer::http(503);
            }
            noted.lock().unwrap().extend(written.texts());
            taken(&written)
        })
        .await;
        let exporter = writer(destination.address, &[protocol, "max_batch_size_bytes: 600"]);
        let payload = many(30, 1);

        let first = export(&exporter, &payload).await;
        // The requests in front of the one with series 20 have arrived.
        let Err(ExportError::RetryRest { delivered, .. }) = first else {
            panic!("{first:?}")
        };
        assert_eq!(delivered, accepted.lock().unwrap().len() as u64);
        assert_eq!(until_settled(&exporter, &payload).await, Ok(()));

        let mut accepted = accepted.lock().unwrap().clone();
        assert_eq!(accepted.len(), 30);
        accepted.sort();
        accepted.dedup();
        assert_eq!(accepted.len(), 30);
    }
}

#[tokio::test]
async fn deltas_are_added_up_once_however_often_a_batch_is_tried() {
    let failures = AtomicUsize::new(0);
    let destination = Destination::start(move |request| {
        if failures.fetch_add(1, Ordering::SeqCst) < 3 {
            return Answer::http(500);
        }
        taken(&oracle::read(request))
    })
    .await;
    let exporter = writer(destination.address, &[]);
    let payload = of_service(vec![sum("calls", "", DELTA, true, vec![point(&[], 1, 5.0)])]);

    assert_eq!(until_settled(&exporter, &payload).await, Ok(()));

    let last = written(&destination).pop().unwrap();
    assert_eq!(last.one("calls_total").samples[0].value, 5.0);
}

#[tokio::test]
async fn an_attempt_that_is_cut_off_leaves_nothing_behind_that_blocks_the_next() {
    let asked = AtomicUsize::new(0);
    let destination = Destination::start(move |request| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return Answer::Silence;
        }
        taken(&oracle::read(request))
    })
    .await;
    let exporter = writer(
        destination.address,
        &["timeout: 1h", "remote_write_queue: {num_consumers: 1}"],
    );

    abandoned(&exporter, &many(1, 1)).await;

    assert_eq!(export(&exporter, &many(1, 2)).await, Ok(()));
}

#[tokio::test]
async fn points_that_could_not_become_series_are_told_beside_those_that_arrived() {
    let destination = willing().await;
    let payload = of_service(vec![
        gauge("good", "", vec![point(&[], 1, 1.0)]),
        sum("bad", "", DELTA, false, vec![point(&[], 1, 1.0)]),
    ]);

    let result = export(&writer(destination.address, &[]), &payload).await;

    let expected = ExportError::Partial {
        rejected: 1,
        message: "1 unsupported_temporality".to_owned(),
    };
    assert_eq!(result, Err(expected));
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let destination = Destination::start(|_| Answer::http(308).with("location", "https://new.example/write")).await;

    let result = export(&writer(destination.address, &[]), &many(1, 1)).await;

    let Err(ExportError::Permanent { cause }) = result else {
        panic!("{result:?}")
    };
    assert!(cause.contains("https://new.example/write"), "{cause}");
}
