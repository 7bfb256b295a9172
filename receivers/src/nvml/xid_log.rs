//! Critical events as log records.

use bytes::Bytes;
use pipeline::payload::{Limits, Logs, Payload};
use prost::Message;

use super::desk::Xid;
use super::told::Owner;

/// A request of log records, as far as it is needed here (opentelemetry.proto.collector.logs.v1).
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeLogs {
    #[prost(message, repeated, tag = "2")]
    log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    severity_number: i32,
    #[prost(string, tag = "3")]
    severity_text: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
    #[prost(string, tag = "12")]
    event_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// `SEVERITY_NUMBER_ERROR`.
const ERROR: i32 = 17;

/// The events as log records of this node; None without any.
pub(super) fn payload(xids: &[Xid], owner: &Owner) -> Option<Payload> {
    if xids.is_empty() {
        return None;
    }
    let resource = Resource {
        attributes: vec![text("service.name", &owner.job), text("host.name", &owner.instance)],
    };
    let request = Request {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![ScopeLogs {
                log_records: xids.iter().map(record).collect(),
            }],
        }],
    };
    let bytes = Bytes::from(request.encode_to_vec());
    let parsed = Logs::parse(bytes, &Limits::default()).ok()?;
    Some(Payload::Logs(parsed.payload))
}

fn record(xid: &Xid) -> LogRecord {
    let said = format!("GPU {} reports XID {}", xid.index, xid.number);
    LogRecord {
        time_unix_nano: xid.time_ns,
        observed_time_unix_nano: xid.time_ns,
        severity_number: ERROR,
        severity_text: "ERROR".to_owned(),
        body: Some(AnyValue {
            value: Some(Value::Text(said)),
        }),
        event_name: "inferscope.gpu.xid".to_owned(),
        attributes: vec![
            text("hw.id", &xid.uuid),
            text("hw.type", "gpu"),
            text("error.type", "xid"),
            KeyValue {
                key: "inferscope.gpu.xid".to_owned(),
                value: Some(AnyValue {
                    value: Some(Value::Number(i64::try_from(xid.number).unwrap_or(i64::MAX))),
                }),
            },
        ],
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::Text(value.to_owned())),
        }),
    }
}
