//! What an engine's page says about requests, beside what their spans said.

use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use pipeline::context::engine_requests::matching::SenderFacts;
use pipeline::context::engine_requests::{EngineRequests, Instance, Request, Role};
use pipeline::payload::scrape::{STALE, Scrape, ScrapedExemplar};
use pipeline::payload::{SpanId, TraceId};
use pipeline::telemetry::{Suffixes, Telemetry};

use super::super::*;
use super::rig::*;
use crate::engines::profile::{Dialect, Profile};
use crate::engines::tables;
use crate::prometheus::comparison::Comparison;
use crate::prometheus::counts::Counts;

/// One target with what is known about its requests.
struct Site {
    table: Table,
    rules: SeriesRules,
    comparison: Comparison,
    requests: EngineRequests,
    telemetry: Telemetry,
    now: u64,
}

const TTFT: &str = "vllm:time_to_first_token_seconds";

impl Site {
    fn of(profile: &'static Profile) -> Self {
        let rules = SeriesRules {
            dialect: Some(Dialect {
                profile,
                canonical: true,
                aliases: [].into_iter().collect(),
                spans_within: Duration::ZERO,
            }),
            ..target()
        };
        let requests = EngineRequests::default();
        requests.feed();
        let url = "http://10.0.0.7:8000/metrics".parse().unwrap();
        Self {
            table: Table::new(),
            comparison: Comparison::new(&rules, &url, &requests),
            rules,
            requests,
            telemetry: Telemetry::default(),
            now: NOW,
        }
    }

    fn vllm() -> Self {
        Self::of(&tables::VLLM)
    }

    fn instance(&self, client: &str) -> Arc<Instance> {
        let sender = SenderFacts {
            resource: client.as_bytes(),
            client: Some(client.parse().unwrap()),
            ..SenderFacts::default()
        };
        self.requests.instance(&sender, self.now).unwrap().instance
    }

    /// A request of the target's own instance ended `ago` nanoseconds before now, with a first token after so many.
    fn request(&self, ago: u64, first_token: u64) -> Request {
        let mut durations = [None; Role::ALL.len()];
        durations[Role::FirstToken as usize] = Some(first_token);
        let request = Request {
            end: self.now - ago,
            trace_id: TraceId([0xab; 16]),
            span_id: SpanId(ago.to_be_bytes()),
            durations,
        };
        self.instance("10.0.0.7").saw(&request, self.now);
        request
    }

    /// The page, and what is told beside it.
    fn scrape_as(&mut self, page: &str, format: Format) -> (Scrape, Scrape) {
        let page = Bytes::copy_from_slice(page.as_bytes());
        self.table.read(&page, format, &self.rules).unwrap();
        let (mut scrape, _) = self.table.tell((self.now / 1_000_000) as i64);
        let counts = Counts::new(&self.telemetry, "vllm");
        let compared = self.comparison.tell(&mut scrape, &counts);
        self.now += 15 * SECOND;
        (scrape, compared)
    }

    fn scrape(&mut self, page: &str) -> (Scrape, Scrape) {
        self.scrape_as(page, Format::Text)
    }

    fn unused(&self, reason: &str) -> bool {
        let page = self.telemetry.metrics().render(Suffixes::none());
        let line = format!("reason=\"{reason}\"");
        page.lines()
            .any(|it| it.starts_with("inferscope_scrape_unused_spans") && it.contains(&line))
    }
}

/// A histogram of first tokens with these counts up to 0.1, 0.5 and infinity.
fn histogram(name: &str, labels: &str, counts: [u32; 3]) -> String {
    let [tenth, half, all] = counts;
    let comma = if labels.is_empty() { "" } else { "," };
    format!(
        "{name}_bucket{{{labels}{comma}le=\"0.1\"}} {tenth}\n{name}_bucket{{{labels}{comma}le=\"0.5\"}} {half}\n\
         {name}_bucket{{{labels}{comma}le=\"+Inf\"}} {all}\n{name}_count{{{labels}}} {all}\n{name}_sum{{{labels}}} 1\n"
    )
}

fn page(counts: [u32; 3]) -> String {
    format!("# TYPE {TTFT} histogram\n{}", histogram(TTFT, "engine=\"0\"", counts))
}

/// The bound of the bucket that an exemplar stands at.
fn bound(scrape: &Scrape, exemplar: &ScrapedExemplar) -> f64 {
    let series = scrape.samples[exemplar.sample as usize].series;
    match scrape.shape.series()[series as usize].part {
        Part::Bucket(bound) => bound,
        other => panic!("{other:?}"),
    }
}

/// Bounds with values of all exemplars.
fn given(scrape: &Scrape) -> Vec<(f64, f64)> {
    scrape
        .exemplars
        .iter()
        .map(|it| (bound(scrape, it), it.value))
        .collect()
}

fn value(compared: &Scrape, name: &str) -> Option<f64> {
    compared.samples.iter().find_map(|sample| {
        let series = compared.shape.series()[sample.series as usize];
        let metric = compared.shape.metric_of(series.point).unwrap();
        (compared.shape.metric(metric).unwrap().name == name).then_some(sample.value)
    })
}

#[test]
fn each_bucket_gets_the_newest_request_that_fits() {
    let mut site = Site::vllm();
    site.request(3000, 100_000_000);
    site.request(2000, 90_000_000);
    site.request(1000, 2_000_000_000);
    site.request(1500, 200_000_000);
    let newest = site.request(1200, 500_000_000);

    let (scrape, _) = site.scrape(&page([5, 6, 7]));

    assert_eq!(given(&scrape), [(0.1, 0.09), (0.5, 0.5), (f64::INFINITY, 2.0)]);
    let exemplar = &scrape.exemplars[1];
    assert_eq!(exemplar.time, Some((newest.end / 1_000_000) as i64));
    let labels = [("trace_id", "ab".repeat(16)), ("span_id", newest.span_id.to_string())];
    assert_eq!(exemplar.labels, labels.map(|(name, value)| (name.to_owned(), value)));
    let told = Told::of(scrape);
    let otlp = &told.histogram(TTFT).exemplars;
    assert_eq!(otlp.len(), 3, "they are in what the scrape turns into");
    assert_eq!(
        (otlp[1].trace_id.as_slice(), otlp[1].span_id.as_slice()),
        ([0xab; 16].as_slice(), newest.span_id.0.as_slice())
    );
    assert!(
        told.histogram("inferscope.engine.time_to_first_token")
            .exemplars
            .is_empty()
    );
}

#[test]
fn an_exemplar_is_given_once_and_only_a_newer_one_follows() {
    let mut site = Site::vllm();
    site.request(SECOND, 50_000_000);
    let (first, _) = site.scrape(&page([1, 1, 1]));
    let (again, _) = site.scrape(&page([1, 1, 1]));
    // It has another length, and comes late.
    site.request(40 * SECOND, 90_000_000);
    let (late, _) = site.scrape(&page([2, 2, 2]));
    site.request(SECOND, 20_000_000);
    let (newer, _) = site.scrape(&page([3, 3, 3]));

    assert_eq!((given(&first), given(&again)), (vec![(0.1, 0.05)], vec![]));
    assert_eq!((given(&late), given(&newer)), (vec![], vec![(0.1, 0.02)]));
}

#[test]
fn a_target_that_comes_back_is_given_nothing_that_it_was_given_before() {
    let mut site = Site::vllm();
    site.request(SECOND, 50_000_000);
    site.scrape(&page([1, 1, 1]));
    site.table.end_all(0);

    let (back, _) = site.scrape(&page([1, 1, 1]));

    assert_eq!(given(&back), []);
}

#[test]
fn an_exemplar_of_the_page_itself_stays_alone() {
    let mut site = Site::vllm();
    site.request(SECOND, 50_000_000);
    let own =
        page([1, 1, 1]).replace("le=\"0.1\"} 1", "le=\"0.1\"} 1 # {trace_id=\"own\"} 0.07 1795316006.0") + "# EOF\n";

    let (scrape, _) = site.scrape_as(&own, Format::OpenMetrics);

    assert_eq!(given(&scrape), [(0.1, 0.07)]);
}

#[test]
fn several_series_that_count_get_nothing_and_that_is_counted() {
    let mut site = Site::vllm();
    site.request(SECOND, 50_000_000);
    let of = |rank: &str, counts| histogram(TTFT, &format!("engine=\"{rank}\""), counts);
    let head = format!("# TYPE {TTFT} histogram\n");

    let (idle, _) = site.scrape(&format!("{head}{}{}", of("0", [1, 1, 1]), of("1", [0, 0, 0])));
    assert_eq!(given(&idle), [(0.1, 0.05)], "an idle one is no rival");
    assert!(!site.unused("series"));

    site.request(SECOND, 60_000_000);
    let (both, _) = site.scrape(&format!("{head}{}{}", of("0", [2, 2, 2]), of("1", [1, 1, 1])));

    assert!(given(&both).is_empty() && site.unused("series"));
}

#[test]
fn spans_of_two_senders_at_one_address_are_used_by_nobody_and_that_is_counted() {
    let mut site = Site::vllm();
    site.request(SECOND, 50_000_000);
    let sender = SenderFacts {
        resource: b"another",
        client: Some("10.0.0.7".parse().unwrap()),
        ..SenderFacts::default()
    };
    site.requests.instance(&sender, site.now).unwrap();

    let (scrape, compared) = site.scrape(&page([1, 1, 1]));

    assert!(given(&scrape).is_empty() && site.unused("ambiguous"));
    assert_eq!(value(&compared, "inferscope.engine.requests.traced"), None);
}

#[test]
fn values_are_in_the_unit_of_the_page() {
    let mut site = Site::of(&tables::TRITON);
    site.request(SECOND, 50_000_000);
    let name = "nv_inference_first_response_histogram_ms";
    let page = format!(
        "# TYPE {name} histogram\n{}",
        histogram(name, "model=\"m\",version=\"1\"", [1, 1, 1])
            .replace("0.1", "40")
            .replace("0.5", "80")
    );

    let (scrape, _) = site.scrape(&page);

    assert_eq!(given(&scrape), [(80.0, 50.0)]);
}

#[test]
fn the_captured_pages_show_two_requests_that_were_given_up_after_their_first_token() {
    let mut site = Site::vllm();
    let name = "inferscope.engine.requests.aborted_after_first_token";

    let (_, before) = site.scrape(&capture("05-after-prefix"));
    site.scrape(&capture("06-after-aborts"));
    let (_, after) = site.scrape(&capture("06-after-aborts"));

    assert_eq!((value(&before, name), value(&after, name)), (Some(0.0), Some(2.0)));
    let told = Told::of(after);
    let point = &told.numbers(name)[0];
    assert_eq!(point.value, Some(Number::AsDouble(2.0)));
    assert!(
        point.start_time_unix_nano > 0,
        "it counts since the engine's own counters do"
    );
    assert_eq!(
        text(&point.attributes, "inferscope.engine.name").as_deref(),
        Some("vllm")
    );
    assert_eq!(text(&point.attributes, "pod").as_deref(), Some("vllm-a-0"));
}

#[test]
fn an_engine_that_counts_what_was_given_up_is_not_told_it_a_second_time() {
    let mut site = Site::of(&tables::SGLANG);
    let page = "# TYPE sglang:time_to_first_token_seconds histogram\nsglang:time_to_first_token_seconds_count 9\n\
                sglang:time_to_first_token_seconds_sum 9\n# TYPE sglang:e2e_request_latency_seconds histogram\n\
                sglang:e2e_request_latency_seconds_count 4\nsglang:e2e_request_latency_seconds_sum 9\n\
                # TYPE sglang:num_running_reqs gauge\nsglang:num_running_reqs 0\n\
                # TYPE sglang:num_queue_reqs gauge\nsglang:num_queue_reqs 0\n";

    let (_, compared) = site.scrape(page);

    assert_eq!(
        value(&compared, "inferscope.engine.requests.aborted_after_first_token"),
        None
    );
}

#[test]
fn completeness_is_told_while_requests_finish_and_ends_when_none_do() {
    let mut site = Site::vllm();
    let name = "inferscope.engine.requests.completeness";
    let finished = |count: u32| {
        format!("# TYPE vllm:request_success counter\nvllm:request_success_total{{finished_reason=\"stop\"}} {count}\n")
    };

    let (_, first) = site.scrape(&finished(0));
    for second in 1..=9 {
        site.request(second * SECOND, SECOND);
    }
    let (_, all) = site.scrape(&finished(9));
    let (_, half) = site.scrape(&finished(18));
    let (_, last) = (0..25).map(|_| site.scrape(&finished(18))).last().unwrap();

    assert_eq!((value(&first, name), value(&all, name)), (None, Some(1.0)));
    assert!(
        (0.4..0.6).contains(&value(&half, name).unwrap()),
        "{:?}",
        value(&half, name)
    );
    assert_eq!(value(&last, name), None);
    assert_eq!(value(&all, "inferscope.engine.requests.traced"), Some(9.0));
    let end = site.comparison.end(0);
    let stale = end
        .samples
        .iter()
        .all(|sample| sample.value.to_bits() == STALE.to_bits());
    assert!(stale && end.points == 1, "of what was told last: {:?}", end.samples);
}

#[test]
fn a_page_of_devices_is_compared_with_nothing() {
    let mut site = Site::of(&tables::DCGM);
    site.request(SECOND, SECOND);

    let (_, compared) = site.scrape("# TYPE DCGM_FI_DEV_GPU_UTIL gauge\nDCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} 5\n");

    assert!(compared.samples.is_empty());
}
