//! Requests that the destination finds too large.

use super::*;

/// Takes requests of so many spans, unless one of them is poison: with it every request is too large.
struct Narrow {
    spans_max: u32,
    poison: Option<u8>,
    taken: Mutex<Vec<u32>>,
}

impl Narrow {
    fn new(spans_max: u32, poison: Option<u8>) -> Arc<Self> {
        Arc::new(Self {
            spans_max,
            poison,
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> Vec<u32> {
        self.taken.lock().unwrap().clone()
    }
}

impl AnyExporter for Narrow {
    fn export(&self, export: Export) -> BoxFuture<'_, Result<(), ExportError>> {
        let items = export.payload.items();
        let poison = self.poison.map(|id| [id; 8]);
        let is_poisoned = poison.is_some_and(|id| export.payload.bytes().windows(8).any(|bytes| bytes == id));
        let takes = items <= self.spans_max && !is_poisoned;
        if takes {
            self.taken.lock().unwrap().push(items);
        }
        Box::pin(async move {
            takes.then_some(()).ok_or(ExportError::TooLarge {
                cause: "received message larger than max".to_owned(),
            })
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Spans with the ids 1, 2, 3 …
fn spans(count: u8) -> Payload {
    let framed = |body: Vec<u8>, tag: u8| [vec![tag, body.len() as u8], body].concat();
    let one = |id: u8| {
        let span = [vec![0x0a, 16], vec![99; 16], vec![0x12, 8], vec![id; 8]].concat();
        let request = framed(framed(framed(span, 0x12), 0x12), 0x0a);
        Payload::parse(Signal::Traces, Bytes::from(request), &Limits::default())
            .unwrap()
            .payload
    };
    Payload::concat(&(1..=count).map(one).collect::<Vec<_>>()).unwrap()
}

async fn deliver(scene: &Scene, count: u8) -> Outcome {
    let (mut batch, verdict) = scene.batch();
    batch.payload = spans(count);
    scene.handle().deliver(batch).await;
    verdict.await
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_arrives_in_parts_and_in_order() {
    let exporter = Narrow::new(2, None);
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());

    assert_eq!(deliver(&scene, 7).await, Outcome::Delivered);

    assert_eq!(exporter.taken(), [2, 2, 2, 1]);
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 7);
    assert_eq!(count(&world, "otelcol_exporter_send_failed_spans"), 0);
}

#[tokio::test(start_paused = true)]
async fn of_a_request_only_the_span_that_is_too_large_alone_is_lost() {
    let exporter = Narrow::new(100, Some(3));
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());

    let outcome = deliver(&scene, 6).await;

    assert_eq!(outcome, Outcome::Rejected("received message larger than max".into()));
    assert_eq!(exporter.taken().iter().sum::<u32>(), 5);
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 5);
    let page = world.telemetry.metrics().render(crate::telemetry::Suffixes::none());
    assert!(page.contains("reason=\"too_large\"} 1\n"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn parts_are_tried_again_like_every_request() {
    let exporter = Scripted::new([
        Answer::Fail(ExportError::TooLarge {
            cause: "413".to_owned(),
        }),
        Answer::Fail(ExportError::retry("busy")),
    ]);
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());

    assert_eq!(deliver(&scene, 2).await, Outcome::Delivered);

    assert_eq!(
        exporter.attempts(),
        4,
        "the whole, the first half twice, the second half"
    );
    scene.end(Duration::from_secs(1)).await;
}
