use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;
use prost::Message;

use super::*;

#[test]
fn a_prefix_is_five_bytes() {
    let prefix = Prefix {
        compressed: true,
        length: 0x0102_0304,
    };

    assert_eq!(prefix.bytes(), [1, 1, 2, 3, 4]);
    assert_eq!(Prefix::read([1, 1, 2, 3, 4]), Some(prefix));
    assert_eq!(Prefix::read([2, 0, 0, 0, 0]), None);
}

#[test]
fn codes_have_the_numbers_of_the_specification() {
    for number in 0..=16 {
        let code = Code::from_number(number);
        assert_eq!(u64::from(code.number()), number);
        assert_eq!(code.as_str(), number.to_string());
    }
    assert_eq!(Code::from_number(17), Code::Unknown);
    assert_eq!((Code::ResourceExhausted.number(), Code::Unavailable.number()), (8, 14));
}

#[test]
fn timeouts_are_digits_and_a_unit() {
    for (text, timeout) in [
        ("1H", Some(Duration::from_secs(3_600))),
        ("2M", Some(Duration::from_secs(120))),
        ("30S", Some(Duration::from_secs(30))),
        ("250m", Some(Duration::from_millis(250))),
        ("99999999u", Some(Duration::from_micros(99_999_999))),
        ("7n", Some(Duration::from_nanos(7))),
        ("123456789m", None),
        ("-1S", None),
        ("S", None),
        ("", None),
        ("1x", None),
        ("1é", None),
    ] {
        assert_eq!(parse_timeout(text), timeout, "{text:?}");
    }
    for timeout in [
        Duration::from_nanos(7),
        Duration::from_millis(250),
        Duration::from_secs(5),
        Duration::from_secs(86_400),
    ] {
        assert_eq!(parse_timeout(&format_timeout(timeout)), Some(timeout));
    }
}

#[test]
fn a_status_travels_in_trailers() {
    let delay = Duration::from_millis(1_500);
    for status in [
        Status::new(Code::Ok, ""),
        Status::new(Code::InvalidArgument, "100 % wrong:\n\u{fc}ber\u{1f600}"),
        Status::retry(Code::Unavailable, "queue full", delay),
    ] {
        let mut trailers = HeaderMap::new();
        status.write(&mut trailers);
        assert_eq!(Status::read(&trailers), Some(status));
    }
}

#[test]
fn a_status_looks_on_the_wire_as_grpc_says() {
    let mut trailers = HeaderMap::new();

    Status::retry(Code::Unavailable, "50% full\u{e9}", Duration::from_secs(1)).write(&mut trailers);

    assert_eq!(trailers["grpc-status"], "14");
    assert_eq!(trailers["grpc-message"], "50%25 full%C3%A9");
    // google.rpc.Status { code: 14, message, details: [Any { RetryInfo { retry_delay: 1 s } }] }, without padding.
    let details = trailers["grpc-status-details-bin"].to_str().unwrap();
    assert!(!details.contains('='));
    let bytes = binary::decode(details.as_bytes()).unwrap();
    let status = RpcStatus::decode(bytes.as_slice()).unwrap();
    assert_eq!(status.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
    assert_eq!(status.details[0].value, [0x0a, 2, 0x08, 1]);
}

#[test]
fn trailers_of_others_are_read_leniently() {
    let mut trailers = HeaderMap::new();
    assert_eq!(Status::read(&trailers), None);

    trailers.insert("grpc-status", "99".parse().unwrap());
    trailers.insert("grpc-message", "50% full %zz %".parse().unwrap());
    trailers.insert("grpc-status-details-bin", "!!!".parse().unwrap());
    let status = Status::read(&trailers).unwrap();

    assert_eq!(
        (status.code, status.message.as_ref(), status.retry_after),
        (Code::Unknown, "50% full %zz %", None)
    );
}

#[test]
fn a_long_message_is_cut_and_stays_text() {
    let mut trailers = HeaderMap::new();

    Status::new(Code::Unavailable, "\u{e9}".repeat(10_000)).write(&mut trailers);

    assert!(trailers["grpc-message"].len() < 4_000);
    assert!(
        Status::read(&trailers)
            .unwrap()
            .message
            .chars()
            .all(|letter| letter == '\u{e9}')
    );
}

#[test]
fn base64_is_read_with_and_without_padding() {
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg"),
        ("fo", "Zm8"),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg"),
        ("fooba", "Zm9vYmE"),
    ] {
        assert_eq!(binary::encode(bytes.as_bytes()), text);
        assert_eq!(binary::decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        assert_eq!(
            binary::decode(format!("{text}==").as_bytes()).unwrap(),
            bytes.as_bytes()
        );
    }
    assert_eq!(binary::decode(b"a-b"), None);
}

#[test]
fn a_negative_delay_is_none() {
    // retry_delay { seconds: -1 }
    let info = RetryInfo::decode([0x0a, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1].as_slice()).unwrap();

    assert_eq!(info.delay(), None);
}

#[test]
fn the_json_of_a_status_is_protobufs() {
    let status = Status::retry(Code::Unavailable, "say \"when\"", Duration::from_millis(1_500));

    let json: serde_json::Value = serde_json::from_slice(&status.to_rpc().to_json()).unwrap();

    assert_eq!(json["code"], 14);
    assert_eq!(json["message"], "say \"when\"");
    assert_eq!(json["details"][0]["retryDelay"], "1.5s");
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = percent::decode(&bytes);
        let _ = binary::decode(&bytes);
        let _ = RpcStatus::decode(bytes.as_slice()).map(|status| (status.retry_after(), status.to_json()));
        prop_assert_eq!(binary::decode(binary::encode(&bytes).as_bytes()).unwrap(), bytes);
    }
}
