//! What an exporter tells about its attempts: spans, and failures by kind.

use config::telemetry::Detail;

use super::*;
use crate::telemetry::{OwnSpan, OwnSpans, SpanValue, Suffixes};

/// Keeps spans as text.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl OwnSpans for Kept {
    fn record(&self, span: OwnSpan<'_>) {
        let attribute = |(key, value): &(&str, SpanValue<'_>)| match value {
            SpanValue::Text(text) => format!("{key}={text}"),
            SpanValue::Number(number) => format!("{key}={number}"),
            SpanValue::Truth(truth) => format!("{key}={truth}"),
        };
        let attributes: Vec<String> = span.attributes.iter().map(attribute).collect();
        let error = span.error.unwrap_or("none");
        let text = format!("{} {} error: {error}", span.name, attributes.join(" "));
        self.0.lock().unwrap().push(text);
    }
}

fn away() -> Answer {
    Answer::Fail(ExportError::retry("away"))
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_a_span_with_what_came_of_it() {
    let (world, kept) = (World::system(), Arc::new(Kept::default()));
    world.telemetry.metrics().set_spans(kept.clone());
    let scene = Scene::within(world, Scripted::new([away()]), waiting_for_results());

    let (batch, verdict) = scene.batch();
    scene.handle().deliver(batch).await;
    assert_eq!(verdict.await, Outcome::Delivered);
    scene.end(Duration::from_secs(1)).await;

    let spans = kept.0.lock().unwrap().clone();
    let expected = [
        "exporter/fake/traces exporter=fake data_type=traces items.sent=0 items.failed=1 inferscope.payload.bytes=34 \
         inferscope.attempt=1 error.type=_OTHER error.permanent=false error: away",
        "exporter/fake/traces exporter=fake data_type=traces items.sent=1 items.failed=0 inferscope.payload.bytes=34 \
         inferscope.attempt=2 error: none",
    ];
    assert_eq!(spans, expected);
}

/// The lines of failed spans after one batch that met this answer, with one attempt.
async fn failures(detail: Detail, answer: Answer) -> Vec<String> {
    let world = World::system();
    world.telemetry.metrics().set_detail(detail);
    let retry_on_failure = RetryOnFailure {
        enabled: false,
        ..RetryOnFailure::default()
    };
    let delivery = Delivery {
        retry_on_failure,
        ..waiting_for_results()
    };
    let scene = Scene::within(world, Scripted::new([answer]), delivery);
    let (batch, verdict) = scene.batch();
    scene.handle().deliver(batch).await;
    assert!(!verdict.await.is_ok());
    let world = scene.end(Duration::from_secs(1)).await;

    let page = world.telemetry.metrics().render(Suffixes::none());
    let lines = page
        .lines()
        .filter(|line| line.starts_with("otelcol_exporter_send_failed_spans"));
    lines.filter(|line| line.ends_with(" 1")).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn at_level_detailed_failures_say_what_stood_in_the_way() {
    let too_large = ExportError::TooLarge {
        cause: "too large".to_owned(),
    };
    let cases = [
        (away(), "_OTHER", "false"),
        (Answer::Hang, "Deadline_Exceeded", "false"),
        (Answer::Fail(ExportError::permanent("no")), "_OTHER", "true"),
        (Answer::Fail(too_large), "ResourceExhausted", "true"),
    ];
    for (answer, error_type, permanent) in cases {
        let lines = failures(Detail::Detailed, answer).await;
        let labels = format!("error_type=\"{error_type}\",error_permanent=\"{permanent}\"}} 1");
        assert!(lines.len() == 1 && lines[0].ends_with(&labels), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn below_it_failures_are_one_number() {
    let lines = failures(Detail::Normal, Answer::Hang).await;

    assert!(lines.len() == 1 && !lines[0].contains("error"), "{lines:?}");
}
