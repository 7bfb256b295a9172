//! From configuration to scrapes.

use std::time::Duration;

use ::config::{Diagnostics, Section};
use pipeline::plan::World;

use super::super::{Config, EngineReceiver, Tgi, Vllm};
use super::page::text;
use crate::prometheus::Scheme;
use crate::prometheus::tests::rig::{Rig, Site};

fn read(yaml: &str) -> (Option<Config>, String) {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = ::config::decode::<Config>(&section, &mut diagnostics);
    (config, diagnostics.render(false))
}

#[test]
fn a_few_keys_stand_for_a_job_of_prometheus() {
    let (config, told) = read(
        "{endpoint: 'https://a:1/m', collection_interval: 5s, timeout: 1500ms, labels: {cluster: eu}, \
         tls: {server_name_override: b}, basic_auth: {username: u, password: p}}",
    );
    let scraping = config.unwrap_or_else(|| panic!("{told}")).scraping("vllm/eu");
    let (global, job) = (&scraping.global.own, &scraping.scrape_configs[0]);

    assert_eq!(scraping.scrape_configs.len(), 1);
    assert_eq!((job.own.job_name.as_str(), job.own.scheme), ("vllm/eu", Scheme::Https));
    assert_eq!(job.own.metrics_path, "/m");
    assert_eq!(job.own.static_configs[0].targets, ["a:1"]);
    assert_eq!(job.own.static_configs[0].labels["cluster"], "eu");
    assert_eq!(global.scrape_interval.get(), Duration::from_secs(5));
    assert_eq!(global.scrape_timeout.get(), Duration::from_millis(1500));
    assert_eq!(job.access.tls.as_ref().unwrap().server_name_override(), Some("b"));
    assert!(job.access.own.basic_auth.is_some());
}

#[test]
fn tls_is_on_where_it_is_written() {
    let scheme = |yaml: &str| read(yaml).0.unwrap().scraping("vllm").scrape_configs[0].own.scheme;

    assert_eq!(scheme("targets: ['a:1']"), Scheme::Http);
    assert_eq!(scheme("{targets: ['a:1'], tls: }"), Scheme::Https);
    assert_eq!(scheme("{targets: ['a:1'], tls: {insecure: true}}"), Scheme::Http);
    assert_eq!(scheme("endpoint: 'https://a:1'"), Scheme::Https);
}

#[test]
fn contradictions_and_slips_are_errors() {
    for (yaml, expected) in [
        ("{}", "nothing to scrape"),
        ("endpoint: 'ftp://a:1'", "neither http nor https"),
        ("{endpoint: 'a:1', targets: ['b:1']}", "all engines below targets"),
        ("{endpoint: 'a:1/m', metrics_path: /n}", "keep one of them"),
        ("targets: ['http://a:1']", "is not host:port"),
        ("{endpoint: 'a:1', timeout: 20s}", "longer than the collection_interval"),
        ("{endpoint: 'a:1', timeout: 0s}", "at least 1ms"),
        ("{endpoint: 'a:1', aliases: [colon]}", "colon"),
        ("{endpoint: 'a:1', authorization: {}}", "either credentials"),
        (
            "{endpoint: 'a:1', authorization: {credentials: c}, basic_auth: {username: u}}",
            "keep one of them",
        ),
        (
            "{endpoint: 'a:1', config: {scrape_configs: [{job_name: j}]}}",
            "config is set as well",
        ),
        ("config: {}", "nothing to scrape"),
        (
            "config: {alerting: {}, scrape_configs: [{job_name: j}]}",
            "keep it in the configuration of the server",
        ),
    ] {
        let (config, told) = read(yaml);
        assert!(config.is_none() && told.contains(expected), "{yaml}: {told}");
    }
    let (config, told) = read("{endpoint: 'a:1', initial_delay: 1s}");
    assert!(config.is_some() && told.contains("spread over the interval"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_is_scraped_and_its_series_arrive_as_they_are() {
    let site = Site::page(text("vllm-0.32.0/metrics/metrics-13-final.prom")).await;
    let yaml = format!(
        "{{endpoint: '{}', collection_interval: 1s, timeout: 900ms}}",
        site.address
    );

    let mut rig = Rig::of::<EngineReceiver<Vllm>>(&yaml, World::system(), true).await;
    rig.until("a scrape", |rig| rig.values("up", "vllm").contains(&Some(1.0)))
        .await;
    rig.stop().await;

    assert!(!rig.values("vllm:num_requests_running", "vllm").is_empty());
    assert!(site.heads()[0].starts_with("get /metrics "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_of_prometheus_finds_engines_as_well() {
    let site = Site::page("# TYPE tgi_queue_size gauge\ntgi_queue_size 2\n").await;
    let job = format!(
        "{{job_name: found, static_configs: [{{targets: ['{}']}}]}}",
        site.address
    );
    let yaml = format!("config: {{global: {{scrape_interval: 1s, scrape_timeout: 900ms}}, scrape_configs: [{job}]}}");

    let mut rig = Rig::of::<EngineReceiver<Tgi>>(&yaml, World::system(), true).await;
    rig.until("a scrape", |rig| !rig.values("tgi_queue_size", "found").is_empty())
        .await;
    rig.stop().await;
}
