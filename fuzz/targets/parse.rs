//! Arbitrary bytes: parse, look at everything, edit, cut. Nothing panics, and what comes out is clean.

#![no_main]

use fuzzed::{assert_clean, assert_splits, parse, read_all, walk};
use libfuzzer_sys::fuzz_target;
use pipeline::payload::{Edit, EncodedAttributes, ResourceView, ScopeView, SpanStage, SpanView};

/// States every kind of edit, by what the span happens to hold.
struct Edits;

impl SpanStage for Edits {
    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        if let Some((key, _)) = resource.attrs().next() {
            edit.delete(key.as_str());
        }
        edit.set("host.name", "node");
    }

    fn scope(&mut self, scope: ScopeView<'_>, edit: &mut Edit<'_>) {
        edit.insert(scope.name(), true);
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        for (index, (key, value)) in span.raw_attrs().enumerate() {
            match index % 4 {
                0 => edit.set(key.as_str(), index as i64),
                1 => edit.delete(key.as_str()),
                2 => edit.set_encoded("copy", value),
                _ => edit.insert(key.as_str(), "never"),
            }
        }
        match span.start() % 5 {
            0 => edit.drop("by time"),
            1 => edit.hold(),
            _ => edit.append(&EncodedAttributes::new().with("fresh", 0.5)),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(traces) = parse(data) else { return };
    assert_eq!(read_all(&traces), traces.spans());
    assert_splits(&traces);

    let walked = walk(&traces, &mut [Box::new(Edits)]);
    let kept = walked.left.as_ref().map_or(0, |traces| traces.spans());
    assert_eq!(u64::from(kept), walked.counts[0].forwarded());
    // Twice: the second walk meets what the first one wrote. Sizes may pass a limit on the way, which costs items.
    if let Some(edited) = walked.left {
        assert_eq!(read_all(&edited), edited.spans());
        if edited.bytes().len() < 1 << 16 {
            let again = walk(&edited, &mut [Box::new(Edits)]);
            again.left.iter().for_each(|traces| assert_eq!(read_all(traces), traces.spans()));
        }
    }
    let untouched = walk(&traces, &mut []);
    assert_clean(&untouched.left.expect("nobody took anything"));
});
