use bytes::Bytes;
use config::Signal;
use futures_util::FutureExt;
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::payload::{Limits, Payload};
use pipeline::{Budget, Origin, Outcome};
use tokio::sync::mpsc;

use super::rig::{self, span};
use crate::otlp::ferry::Ferry;

fn payload(name: &str) -> Payload {
    let bytes = Bytes::from(rig::request(vec![span(name)]));
    Payload::parse(Signal::Traces, bytes, &Limits::default())
        .unwrap()
        .payload
}

#[tokio::test]
async fn a_payload_whose_sender_left_before_the_pipeline_had_room_still_gets_in() {
    let (sender, mut batches) = mpsc::channel(1);
    let budget = Budget::new(1_000_000);
    let outlet = Outlet::new(vec![vec![LaneDoor::new(sender, Backlog::default())]], budget.clone());
    let ferry = |name| Ferry::new(outlet.clone(), payload(name), Origin::own(), budget.admit(100).unwrap());
    let (mut first, mut second) = (ferry("first"), ferry("second"));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());

    drop(second);
    for name in ["first", "second"] {
        let batch = batches.recv().await.unwrap();
        assert_eq!(batch.payload, payload(name));
        batch.settle(Outcome::Delivered);
    }

    assert_eq!(first.await, Outcome::Delivered);
    assert_eq!(budget.used(), 0);
}
