#![allow(clippy::unwrap_used, clippy::expect_used)]

//! Calls against servers are tested with the exporter that makes them; here is what needs no server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use config::{Diagnostics, Section};
use futures_util::future::BoxFuture;
use pipeline::outside::{Connection, Listener, Network, Outside};
use tokio::io::AsyncWriteExt;

use super::links::Links;
use super::{Balancer, GrpcClientConfig, GrpcEndpoint, KeepaliveConfig};

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

/// SETTINGS, and GOAWAY with NO_ERROR (RFC 9113, 6.5 and 6.8).
const FAREWELL: [u8; 26] = [
    0, 0, 0, 4, 0, 0, 0, 0, 0, // SETTINGS without any
    0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// A server whose connections end as soon as they are open.
#[derive(Default)]
struct Ending {
    /// It sends no HTTP/2 before that.
    babbles: AtomicBool,
}

impl Network for Ending {
    fn connect(&self, _: &str) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        let babbles = self.babbles.load(Ordering::Relaxed);
        Box::pin(async move {
            let (near, mut far) = tokio::io::duplex(1 << 16);
            let said: &[u8] = if babbles {
                b"HTTP/1.1 400 Bad Request\r\n\r\n"
            } else {
                &FAREWELL
            };
            far.write_all(said).await?;
            // It says that this is the end, and lets us finish.
            far.shutdown().await?;
            tokio::spawn(async move { tokio::io::copy(&mut far, &mut tokio::io::sink()).await });
            Ok(Box::new(near) as Box<dyn Connection>)
        })
    }

    fn resolve(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Ok(vec![SocketAddr::from(([127, 0, 0, 1], 4317))]) })
    }

    fn listen(&self, _: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn listen_unix(&self, _: &Path) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_unix(&self, _: &Path) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

#[tokio::test]
async fn why_connections_end_now_is_not_told_with_why_they_ended_before() {
    let server = Arc::new(Ending::default());
    let outside = Outside {
        network: Arc::clone(&server) as Arc<_>,
        ..Outside::system()
    };
    let endpoint = GrpcEndpoint::parse("a:4317").unwrap();
    let links = Links::new(endpoint, None, None, Balancer::RoundRobin, outside);
    let picked = async || match links.pick(false).await {
        Ok(_) => panic!("a connection that has ended is not picked"),
        Err(why) => why,
    };

    server.babbles.store(true, Ordering::Relaxed);
    let babbled = picked().await;
    server.babbles.store(false, Ordering::Relaxed);
    let silent = picked().await;

    assert!(
        babbled.starts_with("connections close as soon as they are open: "),
        "{babbled}"
    );
    assert_eq!(silent, "connections close as soon as they are open");
}
