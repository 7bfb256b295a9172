//! Values that are no names.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use proptest::prelude::*;

use super::rig::{Rig, anyone, request, string, text, with_header};

#[test]
fn a_value_that_cannot_be_a_name_is_ignored_and_counted_wherever_it_stands() {
    let long = "x".repeat(10 * 1024);
    let bad = [
        (long.as_str(), "too_long"),
        ("", "empty"),
        ("acme\r\nx: y", "control_character"),
        ("_other", "reserved"),
    ];
    for (value, reason) in bad {
        let mut rig = Rig::new("");
        let claim = [("tenant.id", string(value))];
        let origin = with_header(anyone(), "x-tenant-id", value);

        let seen = rig.run(&request(&claim, &claim), &origin);

        assert_eq!(seen.tenant(0), "unknown", "{reason}");
        assert_eq!(
            text(&seen.resource, "tenant.id").as_deref(),
            Some("unknown"),
            "{reason}"
        );
        assert_eq!(seen.on_span(0, "inferscope.tenant.claimed"), None, "{reason}");
        assert_eq!(rig.counted("inferscope_tenant_refused_values", reason), 3, "{reason}");
    }
}

#[test]
fn a_number_is_no_tenant_and_does_not_stay() {
    let mut rig = Rig::new("");
    let claim = [("tenant.id", Value::IntValue(7))];

    let seen = rig.run(&request(&[], &claim), &anyone());

    assert_eq!(seen.tenant(0), "unknown");
    assert_eq!(rig.counted("inferscope_tenant_refused_values", "wrong_type"), 1);
}

#[test]
fn headers_that_do_not_agree_say_nothing() {
    let mut rig = Rig::new("");
    let origin = with_header(anyone(), "x-tenant-id", "acme");
    let origin = with_header(origin, "x-tenant-id", "beta");

    let seen = rig.run(&request(&[], &[]), &origin);

    assert_eq!(seen.tenant(0), "unknown");
    assert_eq!(rig.counted("inferscope_tenant_refused_values", "ambiguous"), 1);
}

#[test]
fn a_second_tenant_on_the_same_span_does_not_stay_behind_the_first() {
    let mut rig = Rig::new("");
    let claims = [("tenant.id", string("acme")), ("tenant.id", string("beta"))];

    let seen = rig.run(&request(&[], &claims), &anyone());

    // `text` refuses repetitions.
    assert_eq!(seen.tenant(0), "acme");
}

proptest! {
    #[test]
    fn whatever_is_claimed_the_tenant_is_a_short_text_without_control_characters(
        header in ".{0,200}",
        resource in ".{0,200}",
        span in ".{0,200}",
    ) {
        let mut rig = Rig::new("");
        let origin = with_header(anyone(), "x-tenant-id", &header);

        let seen = rig.run(&request(&[("tenant.id", string(&resource))], &[("tenant_id", string(&span))]), &origin);

        let tenant = seen.tenant(0);
        prop_assert!((1..=128).contains(&tenant.len()) && !tenant.chars().any(char::is_control), "{tenant:?}");
    }
}
