//! Critical events as log records.

use pipeline::payload::json::logs_from_json;
use pipeline::payload::names::{ERROR_TYPE, HOST_NAME, HW_ID, SERVICE_NAME};
use pipeline::payload::{Limits, Payload};
use serde_json::{Value, json};

use super::desk::Xid;
use super::told::Owner;

/// `SEVERITY_NUMBER_ERROR`.
const ERROR: i32 = 17;

/// The events as log records of this node; None without any. They are rare, so they are written as OTLP/JSON.
pub(super) fn payload(xids: &[Xid], owner: &Owner) -> Option<Payload> {
    if xids.is_empty() {
        return None;
    }
    let records: Vec<Value> = xids.iter().map(record).collect();
    let attributes = [text(SERVICE_NAME, &owner.job), text(HOST_NAME, &owner.instance)];
    let request = json!({
        "resourceLogs": [{
            "resource": { "attributes": attributes },
            "scopeLogs": [{ "logRecords": records }],
        }],
    });
    let parsed = logs_from_json(request.to_string().as_bytes(), &Limits::default()).ok()?;
    Some(Payload::Logs(parsed.payload))
}

fn record(xid: &Xid) -> Value {
    let number = i64::try_from(xid.number).unwrap_or(i64::MAX);
    json!({
        "timeUnixNano": xid.time_ns.to_string(),
        "observedTimeUnixNano": xid.time_ns.to_string(),
        "severityNumber": ERROR,
        "severityText": "ERROR",
        "body": { "stringValue": format!("GPU {} reports XID {}", xid.index, xid.number) },
        "eventName": "inferscope.gpu.xid",
        "attributes": [
            text(HW_ID, &xid.uuid),
            text("hw.type", "gpu"),
            text(ERROR_TYPE, "xid"),
            { "key": "inferscope.gpu.xid", "value": { "intValue": number.to_string() } },
        ],
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}
