//! The counts of the one line that every verbosity begins with, read without decoding the batch.

use pipeline::payload::Payload;

/// A count with its name, in the Collector's words.
pub(super) type Count = (&'static str, u64);

/// The counts of a batch, outermost first.
pub(super) fn counts(payload: &Payload) -> Vec<Count> {
    let bytes = payload.bytes();
    let resources = fields(bytes, RESOURCES).count() as u64;
    let items = u64::from(payload.items());
    match payload {
        Payload::Traces(_) => vec![("resource spans", resources), ("spans", items)],
        Payload::Logs(_) => vec![("resource logs", resources), ("log records", items)],
        Payload::Metrics(_) => {
            let scopes = fields(bytes, RESOURCES).flat_map(|resource| fields(resource, SCOPES));
            let metrics = scopes.map(|scope| fields(scope, METRICS).count() as u64).sum();
            vec![
                ("resource metrics", resources),
                ("metrics", metrics),
                ("data points", items),
            ]
        }
    }
}

/// `resource_spans`, `resource_metrics` and `resource_logs` of the export requests.
const RESOURCES: u64 = 1;
/// `scope_metrics` of ResourceMetrics.
const SCOPES: u64 = 2;
/// `metrics` of ScopeMetrics.
const METRICS: u64 = 2;

/// The length-delimited fields of this number. Payloads were checked when they came in, so walking stops early only
/// at bytes that were never there.
fn fields(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let (field, value) = next_field(&mut rest)?;
            if field == number && value.is_some() {
                return value;
            }
        }
    })
}

/// The next field's number and, where it is length-delimited, its value.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = varint(rest)?;
    let length = match tag & 7 {
        0 => varint(rest).map(|_| 0)?,
        1 => 8,
        2 => varint(rest)?,
        5 => 4,
        _ => return None,
    };
    let (value, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some((tag >> 3, (tag & 7 == 2).then_some(value)))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
