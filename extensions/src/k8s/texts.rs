//! Labels and annotations, as far as they are kept.

use std::collections::BTreeMap;

use super::meters::LeftOut;

/// Labels of an object that are kept, the first by name. A node that describes its hardware has some 150.
pub(super) const LABELS_MAX: usize = 256;

/// Annotations of an object that are kept, the first by name. People write a few; controllers a dozen.
pub(super) const ANNOTATIONS_MAX: usize = 64;

/// How long the value of an annotation may be, in bytes. What is longer is a document for a controller and no name for
/// people; Kubernetes takes 256 KiB an object, of which ten thousand pods would fill the memory.
pub(super) const ANNOTATION_BYTES_MAX: usize = 1_024;

/// The whole object once more, as `kubectl apply` writes it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

type Texts = BTreeMap<String, String>;

pub(super) fn labels(all: Option<Texts>, left_out: &LeftOut) -> Texts {
    let mut labels = all.unwrap_or_default();
    left_out.too_many(cut(&mut labels, LABELS_MAX));
    labels
}

pub(super) fn annotations(all: Option<Texts>, left_out: &LeftOut) -> Texts {
    let mut annotations = all.unwrap_or_default();
    if annotations.remove(LAST_APPLIED).is_some() {
        left_out.last_applied();
    }
    let before = annotations.len();
    annotations.retain(|_, value| value.len() <= ANNOTATION_BYTES_MAX);
    left_out.too_long(before - annotations.len());
    left_out.too_many(cut(&mut annotations, ANNOTATIONS_MAX));
    annotations
}

/// Leaves the first by name; says how many there were beyond.
fn cut(texts: &mut Texts, max: usize) -> usize {
    let beyond = texts.len().saturating_sub(max);
    if beyond > 0
        && let Some(first) = texts.keys().nth(max).cloned()
    {
        texts.split_off(&first);
    }
    beyond
}
