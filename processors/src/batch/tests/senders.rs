//! Who sent a merged batch.

use std::sync::Arc;

use pipeline::{Identity, Method, Subject};

use super::*;

fn merged(one: Origin, other: Origin) -> Origin {
    let mut bench = Bench::of(&Config::default());
    bench.give(numbered(1), one);
    bench.give(numbered(1), other);
    let mut sent = bench.drain();
    assert_eq!(sent.len(), 1);
    let batch = sent.remove(0);
    let origin = (*batch.origin).clone();
    batch.settle(Outcome::Delivered);
    origin
}

fn of(transport: &'static str, identity: Identity) -> Origin {
    Origin {
        transport,
        identity,
        ..Origin::default()
    }
}

fn known(name: &str) -> Identity {
    Identity::Known(Arc::new(Subject {
        method: Method::Certificate,
        names: vec![name.to_owned()],
    }))
}

#[test]
fn a_merged_batch_has_the_identity_of_all_its_senders_or_that_of_several() {
    let identity = |one, other| merged(of("grpc", one), of("http", other)).identity;

    assert_eq!(identity(known("a"), known("a")), known("a"));
    assert_eq!(identity(known("a"), known("b")), Identity::Several);
    assert_eq!(identity(known("a"), Identity::Unasked), Identity::Several);
    assert_eq!(identity(Identity::Unasked, Identity::Unasked), Identity::Unasked);
}

#[test]
fn what_others_sent_never_passes_for_our_own_however_it_was_merged() {
    let nobody = || Identity::Unasked;

    assert!(!merged(of("grpc", nobody()), of("http", nobody())).is_own());
    assert!(!merged(Origin::default(), of("grpc", nobody())).is_own());
    assert!(merged(Origin::default(), Origin::default()).is_own());
}
