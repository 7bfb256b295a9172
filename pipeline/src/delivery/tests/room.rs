//! A full queue: who is sent away and who waits.

use super::*;

/// One attempt at a time, one place in the queue; the destination answers nothing to the first attempt.
fn crowded() -> (Arc<Scripted>, Scene) {
    let sending_queue = SendingQueue {
        num_consumers: 1,
        queue_size: 1,
        ..SendingQueue::default()
    };
    let exporter = Scripted::new([Answer::Hang]);
    let delivery = Delivery {
        sending_queue,
        ..Delivery::default()
    };
    let scene = Scene::new(Arc::clone(&exporter), delivery);
    (exporter, scene)
}

/// A batch whose sender was told long ago that it is queued.
fn unheard(scene: &Scene) -> Batch {
    let credit = scene.world.budget.admit(1).unwrap();
    Batch::new(one_span(), Origin::own(), Receipt::unheard(), credit)
}

/// Fills the queue and lets the consumer take the first.
async fn fill(scene: &Scene) {
    for _ in 0..2 {
        let (batch, verdict) = scene.batch();
        scene.handle().deliver(batch).await;
        assert_eq!(verdict.await, Outcome::Queued);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_would_send_again_waits_for_room() {
    let (_, scene) = crowded();
    fill(&scene).await;
    let started = Instant::now();

    scene.handle().deliver(unheard(&scene)).await;

    assert!(
        started.elapsed() >= Duration::from_secs(5),
        "there is room after the timeout of the first attempt"
    );
    let world = scene.end(Duration::from_secs(60)).await;
    assert_eq!(count(&world, "otelcol_exporter_enqueue_failed_spans"), 0);
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_merged_batch_waits_if_only_one_of_its_senders_was_told_already() {
    let (_, scene) = crowded();
    fill(&scene).await;
    let (mut batch, verdict) = scene.batch();
    batch.receipt = Receipt::join(vec![batch.receipt, Receipt::unheard()]);

    scene.handle().deliver(batch).await;

    assert_eq!(verdict.await, Outcome::Queued);
    let world = scene.end(Duration::from_secs(60)).await;
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 3);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_program_ends_the_wait_and_the_loss_is_counted() {
    let (_, scene) = crowded();
    fill(&scene).await;
    let (handle, batch) = (scene.handle(), unheard(&scene));
    let waiting = tokio::spawn(async move { handle.deliver(batch).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());

    let world = scene.end(Duration::from_secs(60)).await;

    waiting.await.unwrap();
    let page = world.telemetry.metrics().render(crate::telemetry::Suffixes::none());
    assert!(
        page.contains("inferscope_component_discarded_items{component=\"exporter/fake\",signal=\"traces\",reason=\"shutdown\"} 1\n"),
        "{page}"
    );
}
