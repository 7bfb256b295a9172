#![allow(clippy::unwrap_used, clippy::expect_used)]

//! Calls against servers are tested with the exporter that makes them; here is what needs no server.

use std::time::Duration;

use config::{Diagnostics, Section};

use super::{GrpcClientConfig, KeepaliveConfig};

fn read(yaml: &str) -> (Option<GrpcClientConfig>, String) {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = config::decode(&section, &mut diagnostics);
    (config, diagnostics.render(false))
}

#[test]
fn a_present_keepalive_block_pings_and_an_absent_one_does_not() {
    assert_eq!(read("endpoint: a:1").0.unwrap().keepalive, None);

    let present = read("endpoint: a:1\nkeepalive:").0.unwrap().keepalive.unwrap();
    assert_eq!(present.interval(), Some(Duration::from_secs(10)));

    let off = KeepaliveConfig {
        time: config::Duration::ZERO,
        ..present
    };
    assert_eq!(off.interval(), None);
}

#[test]
fn pings_are_never_so_frequent_that_servers_cut_us_off() {
    let (config, said) = read("endpoint: a:1\nkeepalive: {time: 1s}");

    assert_eq!(
        config.unwrap().keepalive.unwrap().interval(),
        Some(Duration::from_secs(10))
    );
    assert!(said.contains("shorter than 10s"), "{said}");
}

#[test]
fn header_values_never_show() {
    for yaml in [
        "{endpoint: 'a:1', headers: {authorization: hunter2}}",
        "{endpoint: 'a:1', headers: [{name: authorization, value: hunter2}]}",
    ] {
        let (config, said) = read(yaml);
        let config = config.unwrap();

        let map = config.headers.to_map();
        assert_eq!(map["authorization"], "hunter2");
        assert!(!format!("{config:?} {map:?} {said}").contains("hunter2"));
    }
}

#[test]
fn a_header_value_that_cannot_be_sent_is_refused_without_showing_it() {
    let (config, said) = read("{endpoint: 'a:1', headers: {authorization: \"hunter2\\n\"}}");

    assert!(config.is_none());
    assert!(
        said.contains("such as a line break") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn a_repeated_header_of_the_list_form_is_sent_twice() {
    let (config, _) = read("{endpoint: 'a:1', headers: [{name: x, value: '1'}, {name: x, value: '2'}]}");

    assert_eq!(config.unwrap().headers.to_map().get_all("x").iter().count(), 2);
}
