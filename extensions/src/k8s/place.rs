//! Namespaces and nodes, as far as they are read.

use kubernetes::Part;
use kubernetes::api::core::v1;
use pipeline::context::pods::{Namespace, Node};

use super::meters::LeftOut;
use super::texts;

pub(super) fn namespace(part: Part<v1::Namespace>, left_out: &LeftOut) -> Namespace {
    let metadata = part.metadata;
    Namespace {
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        labels: texts::labels(metadata.labels, left_out),
        annotations: texts::annotations(metadata.annotations, left_out),
    }
}

pub(super) fn node(part: Part<v1::Node>, left_out: &LeftOut) -> Node {
    let metadata = part.metadata;
    Node {
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        labels: texts::labels(metadata.labels, left_out),
        annotations: texts::annotations(metadata.annotations, left_out),
    }
}
