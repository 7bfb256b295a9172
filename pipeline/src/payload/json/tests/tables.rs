//! The table of names agrees with the table of wire types, message by message.

use super::super::otlp;
use super::super::schema::{FIELDS_MAX, Kind, Message, Presence};
use crate::payload::schema::{self, Kind as WireKind, Message as WireMessage};

#[test]
fn both_tables_know_the_same_fields_by_the_same_numbers() {
    let mut compared = Vec::new();

    compare(&otlp::TRACES, &schema::TRACES, &mut compared);
    compare(&otlp::METRICS, &schema::METRICS, &mut compared);
    compare(&otlp::LOGS, &schema::LOGS, &mut compared);

    assert_eq!(compared.len(), 34, "messages of OTLP that were reached");
}

fn compare(named: &'static Message, wired: &'static WireMessage, compared: &mut Vec<*const Message>) {
    let name = wired.name;
    if compared.contains(&std::ptr::from_ref(named)) {
        return;
    }
    compared.push(named);
    assert!(named.fields.len() <= FIELDS_MAX, "{name}");
    for (number, wire) in wired.fields.iter().enumerate() {
        let known = named.field_numbered(number as u32).is_some();
        assert_eq!(
            known,
            !matches!(wire.kind, WireKind::Unknown),
            "field {number} of {name}"
        );
    }
    let mut choices = 0;
    for field in named.fields {
        let wire = wired.fields[field.number as usize];
        let repeated = field.presence == Presence::Repeated;
        if field.presence == Presence::Choice {
            choices |= 1 << field.number;
        }
        match (field.kind, wire.kind) {
            (Kind::Message(inner), WireKind::Message(wired)) => compare(inner, wired, compared),
            (Kind::Text, WireKind::Text) | (Kind::Id, WireKind::Id(_)) | (Kind::Bytes, WireKind::Bytes) => {}
            (Kind::Fixed32, WireKind::Fixed32) => {}
            (Kind::Fixed64 | Kind::Sfixed64 | Kind::Double, WireKind::Fixed64) if !repeated => {}
            (Kind::Fixed64 | Kind::Double, WireKind::PackedFixed64) if repeated => {}
            (Kind::U64, WireKind::PackedVarint) if repeated => {}
            (Kind::Bool | Kind::U32 | Kind::I32 | Kind::S32 | Kind::I64 | Kind::Enum(_), WireKind::Varint) => {}
            (ours, theirs) => panic!("{} of {name} is {ours:?} here and {theirs:?} there", field.name),
        }
    }
    assert_eq!(choices, wired.oneof, "choices of {name}");
}
