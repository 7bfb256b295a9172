//! Whole scrapes over real sockets.

use std::collections::BTreeSet;

use bytes::Bytes;
use net::codec::{self, Encoding};

use pipeline::plan::World;

use super::rig::{Answer, Rig, Site};

const TEXT: &str = "content-type: text/plain; version=0.0.4";

fn capture(name: &str) -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/engines/vllm-0.32.0/metrics/"
    );
    std::fs::read(format!("{path}metrics-{name}.prom")).unwrap()
}

fn job(name: &str, site: &Site, more: &str) -> String {
    format!(
        "{{job_name: {name}, static_configs: [{{targets: ['{}']}}], {more}}}",
        site.address
    )
}

fn gzip(body: Vec<u8>) -> Vec<u8> {
    let mut packed = Vec::new();
    codec::compress(Encoding::Gzip, Some(9), &[Bytes::from(body)], &mut packed).unwrap();
    packed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_real_engine_arrives_and_ends_when_the_engine_does() {
    let site = Site::page(capture("13-final")).await;
    let mut rig = Rig::start(&job("vllm", &site, "")).await;

    rig.until("a scrape", |rig| rig.values("up", "vllm").contains(&Some(1.0)))
        .await;
    let told = rig.told();
    let names: BTreeSet<_> = told.iter().map(|point| point.name.as_str()).collect();
    assert!(names.len() > 50, "{names:?}");
    assert!(told.iter().all(|point| point.instance == site.address.to_string()));
    let lines = String::from_utf8(capture("13-final")).unwrap();
    let samples = lines.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(rig.values("scrape_samples_scraped", "vllm")[0], Some(samples as f64));
    assert_eq!(
        rig.values("scrape_samples_scraped", "vllm")[0],
        rig.values("scrape_series_added", "vllm")[0]
    );
    let first_time = told[0].time;
    assert!(told.iter().filter(|point| point.time == first_time).count() > names.len());

    site.set(Answer::Status("404 Not Found"));
    rig.until("the engine's end", |rig| rig.values("up", "vllm").contains(&Some(0.0)))
        .await;
    let requests = rig.values("vllm:e2e_request_latency_seconds", "vllm");
    assert_eq!(requests.last(), Some(&None));
    assert_eq!(requests.iter().filter(|value| value.is_none()).count(), 1);
    assert!(rig.metric(&["inferscope_scrape_failures", "reason=\"status\""]) >= 1.0);
    assert!(rig.metric(&["otelcol_scraper_errored_metric_points", "scraper=\"vllm\""]) > 50.0);

    site.set(Answer::Page(TEXT, b"back 1\n".to_vec()));
    rig.until("its return", |rig| rig.values("back", "vllm").contains(&Some(1.0)))
        .await;
    rig.stop().await;
    let accepted = rig.metric(&["otelcol_receiver_accepted_metric_points", "transport=\"http\""]);
    assert_eq!(accepted, rig.told().len() as f64);
    rig.until("the end of all batches", |rig| rig.world.budget.used() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_receiver_stops_every_series_ends() {
    let site = Site::page("# TYPE a counter\na 1\nb 2 1500\n").await;
    let mut rig = Rig::start(&job("j", &site, "")).await;
    rig.until("a scrape", |rig| !rig.values("a", "j").is_empty()).await;

    rig.stop().await;

    for name in [
        "a",
        "up",
        "scrape_duration_seconds",
        "scrape_samples_scraped",
        "scrape_series_added",
        "scrape_samples_post_metric_relabeling",
    ] {
        let values = rig.values(name, "j");
        assert_eq!(values.last(), Some(&None), "{name}");
        assert_eq!(values.iter().filter(|value| value.is_none()).count(), 1, "{name}");
    }
    assert!(!rig.values("b", "j").contains(&None), "a series with times of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_targets_fail_by_reason_and_their_neighbour_keeps_its_interval() {
    let healthy = Site::page("a 1\n").await;
    let bomb = gzip(vec![b'a'; 8 * 1024 * 1024]);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let gzipped = "content-type: text/plain\r\ncontent-encoding: gzip";
    let sites = [
        ("status", Site::new(Answer::Status("404 Not Found")).await, ""),
        ("timeout", Site::new(Answer::Drip).await, ""),
        ("body_size_limit", Site::new(Answer::Endless).await, ""),
        ("page", Site::page("a 1\n\u{1}garbage{{{\n").await, ""),
        ("encoding", Site::new(Answer::Page(gzipped, bomb)).await, ""),
        (
            "encoding",
            Site::new(Answer::Page(gzipped, b"no gzip".to_vec())).await,
            "",
        ),
        (
            "encoding",
            Site::new(Answer::Page("content-encoding: br", b"a 1\n".to_vec())).await,
            "",
        ),
        ("no_answer", Site::new(Answer::HalfClosed).await, ""),
        (
            "redirect",
            Site::new(Answer::Status("302 Found\r\nlocation: /other")).await,
            "",
        ),
        (
            "redirect",
            Site::new(Answer::Status("302 Found\r\nlocation: /metrics")).await,
            "follow_redirects: true",
        ),
        ("sample_limit", Site::page("a 1\nb 2\n").await, "sample_limit: 1"),
        ("label_limit", Site::page("a{b=\"c\"} 1\n").await, "label_limit: 2"),
        (
            "body_size_limit",
            Site::page(vec![b'#'; 2000]).await,
            "body_size_limit: 1KB",
        ),
        (
            "credentials",
            Site::page("a 1\n").await,
            "bearer_token_file: /no/such/file",
        ),
    ];
    let mut jobs = vec![job("healthy", &healthy, "")];
    jobs.push(format!(
        "{{job_name: closed, static_configs: [{{targets: ['{closed}']}}]}}"
    ));
    for (at, (_, site, more)) in sites.iter().enumerate() {
        jobs.push(job(&format!("bad{at}"), site, more));
    }

    let mut rig = Rig::start(&jobs.join(", ")).await;
    rig.until("four scrapes", |rig| rig.values("up", "healthy").len() >= 4)
        .await;
    rig.until("all failures", |rig| {
        (0..sites.len()).all(|at| !rig.values("up", &format!("bad{at}")).is_empty())
    })
    .await;
    rig.stop().await;

    for (at, (reason, _, _)) in sites.iter().enumerate() {
        let name = format!("bad{at}");
        let ups = rig.values("up", &name);
        assert!(
            !ups.contains(&Some(1.0)) && ups.contains(&Some(0.0)),
            "{name} {reason}: {ups:?}"
        );
        let counted = rig.metric(&[
            "inferscope_scrape_failures",
            &format!("scraper=\"{name}\""),
            &format!("reason=\"{reason}\""),
        ]);
        assert!(counted >= 1.0, "{name} {reason}\n{}", rig.metrics());
        assert!(
            rig.values("a", &name).is_empty(),
            "{name}: points of a page that cannot be used"
        );
    }
    assert!(
        rig.metric(&[
            "inferscope_scrape_failures",
            "scraper=\"closed\"",
            "reason=\"no_answer\""
        ]) >= 1.0
    );
    let ups: Vec<_> = rig
        .told()
        .into_iter()
        .filter(|point| point.name == "up" && point.job == "healthy")
        .collect();
    let scrapes: Vec<_> = ups.iter().filter(|point| point.value == Some(1.0)).collect();
    assert_eq!(scrapes.len() + 1, ups.len(), "one stale marker, and no failure");
    for pair in scrapes.windows(2) {
        let gap = pair[1].time - pair[0].time;
        assert!(gap <= 1_500_000_000, "a gap of {gap} ns in an interval of a second");
    }
    rig.until("the end of all batches", |rig| rig.world.budget.used() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_asked_as_prometheus_asks() {
    let site = Site::page(capture("01-idle-before-first-request")).await;
    let more = "metrics_path: /m, params: {module: [a b]}, basic_auth: {username: u, password: pw}";
    let mut rig = Rig::start(&job("j", &site, more)).await;

    rig.until("a scrape", |rig| !rig.values("up", "j").is_empty()).await;
    rig.stop().await;

    let head = &site.heads()[0];
    for part in [
        "get /m?module=a%20b http/1.1\r\n",
        &format!("host: {}\r\n", site.address),
        "accept: application/openmetrics-text;version=1.0.0",
        "text/plain;version=0.0.4;q=0.6,*/*;q=0.1\r\n",
        "accept-encoding: gzip\r\n",
        "x-prometheus-scrape-timeout-seconds: 0.9\r\n",
        "authorization: basic dtpwdw==\r\n",
        "user-agent: inferscope/",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_open_metrics_and_redirects_are_read_where_they_are_allowed() {
    let page = "# TYPE c counter\nc_total 3\n# EOF\n";
    let headers = "content-type: application/openmetrics-text; version=1.0.0\r\ncontent-encoding: gzip";
    let packed = Site::new(Answer::Page(headers, gzip(page.into()))).await;
    let nameless = Site::new(Answer::Page("x-nothing: here", b"n 1\n".to_vec())).await;
    let place = format!(
        "307 Temporary Redirect\r\nlocation: http://{}/metrics",
        nameless.address
    );
    let moved = Site::new(Answer::Status(Box::leak(place.into_boxed_str()))).await;
    let jobs = [
        job("packed", &packed, ""),
        job("moved", &moved, "follow_redirects: true, bearer_token: secret"),
    ];

    let mut rig = Rig::start(&jobs.join(", ")).await;
    rig.until("two scrapes", |rig| {
        !rig.values("c_total", "packed").is_empty() && !rig.values("n", "moved").is_empty()
    })
    .await;
    rig.stop().await;

    assert_eq!(rig.values("c_total", "packed")[0], Some(3.0));
    assert!(moved.heads()[0].contains("authorization: bearer secret"));
    assert!(
        !nameless.heads()[0].contains("authorization"),
        "a token was shown to another server"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_come_and_go_with_their_files() {
    let (one, two) = (Site::page("a 1\n").await, Site::page("a 2\n").await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.yaml");
    let list = |sites: &[&Site]| -> String {
        sites
            .iter()
            .map(|site| format!("- targets: ['{}']\n", site.address))
            .collect()
    };
    std::fs::write(&file, list(&[&one, &two])).unwrap();
    let files = format!(
        "{{job_name: f, file_sd_configs: [{{files: ['{}/*.yaml'], refresh_interval: 200ms}}]}}",
        folder.path().display()
    );
    let mut rig = Rig::start(&files).await;
    let of = |rig: &Rig, site: &Site| -> Vec<Option<f64>> {
        let told = rig.told();
        let points = told
            .iter()
            .filter(|point| point.name == "a" && point.instance == site.address.to_string());
        points.map(|point| point.value).collect()
    };
    rig.until("both", |rig| !of(rig, &one).is_empty() && !of(rig, &two).is_empty())
        .await;

    std::fs::write(&file, list(&[&two])).unwrap();
    rig.until("the end of one", |rig| of(rig, &one).last() == Some(&None))
        .await;
    std::fs::write(&file, "- targets: [").unwrap();
    let before = of(&rig, &two).len();
    rig.until("the other to go on", |rig| of(rig, &two).len() >= before + 2)
        .await;

    assert!(!of(&rig, &two).contains(&None));
    assert_eq!(rig.metric(&["inferscope_scrape_targets", "scraper=\"f\""]), 1.0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_come_and_go_with_the_list_of_a_server_and_stay_when_it_fails() {
    let (one, two) = (Site::page("a 1\n").await, Site::page("a 2\n").await);
    let list = |sites: &[&Site]| {
        let groups: Vec<_> = sites
            .iter()
            .map(|site| {
                format!(
                    "{{\"targets\": [\"{}\"], \"labels\": {{\"rack\": \"r1\"}}}}",
                    site.address
                )
            })
            .collect();
        Answer::Page(
            "content-type: application/json; charset=utf-8",
            format!("[{}]", groups.join(",")).into_bytes(),
        )
    };
    let lister = Site::new(list(&[&one, &two])).await;
    let config = format!(
        "{{job_name: h, http_sd_configs: [{{url: 'http://{}/targets', refresh_interval: 200ms, basic_auth: {{username: u, password: pw}}}}], \
         relabel_configs: [{{source_labels: [__meta_url], regex: 'http://.*/targets', action: keep}}]}}",
        lister.address
    );
    let mut rig = Rig::start(&config).await;
    let of = |rig: &Rig, site: &Site| -> Vec<Option<f64>> {
        let told = rig.told();
        let points = told
            .iter()
            .filter(|point| point.name == "a" && point.instance == site.address.to_string());
        points.map(|point| point.value).collect()
    };
    rig.until("both", |rig| !of(rig, &one).is_empty() && !of(rig, &two).is_empty())
        .await;

    lister.set(list(&[&two]));
    rig.until("the end of one", |rig| of(rig, &one).last() == Some(&None))
        .await;
    for (reason, answer) in [
        ("status", Answer::Status("503 Service Unavailable")),
        (
            "list",
            Answer::Page("content-type: application/json", b"[{\"targets\"".to_vec()),
        ),
        ("content_type", Answer::Page("content-type: text/html", b"[]".to_vec())),
        ("timeout", Answer::Drip),
        ("body_size_limit", Answer::Endless),
        ("no_answer", Answer::HalfClosed),
    ] {
        lister.set(answer);
        let parts = [
            "inferscope_discovery_failures",
            "scraper=\"h\"",
            "mechanism=\"http\"",
            &format!("reason=\"{reason}\""),
        ];
        // An endless list is cut off by whichever comes first, the bound or the interval.
        let cut_off = ["inferscope_discovery_failures", "reason=\"timeout\""];
        let before = rig.metric(&cut_off);
        rig.until(reason, |rig| {
            rig.metric(&parts) >= 1.0 || (reason == "body_size_limit" && rig.metric(&cut_off) > before)
        })
        .await;
    }
    let before = of(&rig, &two).len();
    rig.until("the other to go on", |rig| of(rig, &two).len() >= before + 2)
        .await;

    assert!(!of(&rig, &two).contains(&None), "a list that failed took targets away");
    let head = &lister.heads()[0];
    for part in [
        "get /targets http/1.1\r\n",
        "accept: application/json\r\n",
        "x-prometheus-refresh-interval-seconds: 0.2\r\n",
        "authorization: basic dtpwdw==\r\n",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    lister.set(list(&[]));
    rig.until("the end of both", |rig| of(rig, &two).last() == Some(&None))
        .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_ends_its_list_delays_neither_other_targets_nor_the_end() {
    let (site, lister) = (Site::page("a 1\n").await, Site::new(Answer::Drip).await);
    let list = format!(
        "http_sd_configs: [{{url: 'http://{}/', refresh_interval: 1h}}]",
        lister.address
    );

    let mut rig = Rig::start(&job("j", &site, &list)).await;
    rig.until("a scrape", |rig| {
        !lister.heads().is_empty() && !rig.values("a", "j").is_empty()
    })
    .await;
    rig.stop().await;

    assert_eq!(rig.values("a", "j").last(), Some(&None));
    rig.until("no memory for the list", |rig| rig.world.budget.used() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_in_further_files_are_scraped_too() {
    let site = Site::page("a 1\n").await;
    let folder = tempfile::tempdir().unwrap();
    let targets = format!("- targets: ['{}']\n", site.address);
    std::fs::write(folder.path().join("targets.yaml"), targets).unwrap();
    let jobs = "scrape_configs:\n- {job_name: further, file_sd_configs: [{files: [targets.yaml]}]}\n";
    std::fs::write(folder.path().join("jobs.yml"), jobs).unwrap();
    let files = format!("scrape_config_files: ['{}/jo*.yml']", folder.path().display());

    let mut rig = Rig::configured(&files, World::system(), true).await;
    rig.until("a scrape", |rig| !rig.values("a", "further").is_empty())
        .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_with_tls_must_show_a_certificate_that_is_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &certificate).unwrap();
    let site = Site::secure(Answer::Page(TEXT, b"a 1\n".to_vec()), &certificate, &key).await;
    let ca = ca.display();
    let jobs = [
        job(
            "trusted",
            &site,
            &format!("scheme: https, tls_config: {{ca_file: '{ca}', server_name: localhost}}"),
        ),
        job(
            "misnamed",
            &site,
            &format!("scheme: https, tls_config: {{ca_file: '{ca}', server_name: other}}"),
        ),
        job(
            "untrusted",
            &site,
            "scheme: https, tls_config: {server_name: localhost}",
        ),
    ];

    let mut rig = Rig::start(&jobs.join(", ")).await;
    let told = |rig: &Rig| {
        ["trusted", "misnamed", "untrusted"]
            .iter()
            .all(|job| !rig.values("up", job).is_empty())
    };
    rig.until("a scrape of each", told).await;
    rig.stop().await;

    assert_eq!(rig.values("a", "trusted")[0], Some(1.0));
    assert!(rig.values("a", "misnamed").is_empty() && rig.values("a", "untrusted").is_empty());
    assert!(
        rig.metric(&[
            "inferscope_scrape_failures",
            "scraper=\"untrusted\"",
            "reason=\"no_answer\""
        ]) >= 1.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_that_does_not_answer_is_not_sent_a_second_batch_and_scrapes_go_on() {
    let site = Site::page("a 1\n").await;
    let rig = Rig::in_front_of(&job("j", &site, ""), World::system(), false).await;

    rig.until("four scrapes", |_| site.heads().len() >= 4).await;

    assert_eq!(rig.values("a", "j").len(), 1);
    assert!(rig.metric(&["otelcol_receiver_refused_metric_points"]) >= 6.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_memory_nothing_is_said_about_a_target_that_may_be_up() {
    let site = Site::page("a 1\n").await;
    let world = World::system();
    let others = world.budget.admit(world.budget.limit() - 2).unwrap();
    let mut rig = Rig::in_front_of(&job("j", &site, ""), world, true).await;

    let starved = |rig: &Rig| rig.metric(&["inferscope_scrape_failures", "reason=\"memory\""]) >= 1.0;
    rig.until("a scrape without memory", starved).await;
    assert!(rig.told().is_empty());
    drop(others);
    rig.until("a scrape with memory", |rig| rig.values("up", "j").contains(&Some(1.0)))
        .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_series_that_the_pipelines_refused_comes_with_the_next_scrape_that_they_take() {
    let site = Site::page("a 1\nb 2\n").await;
    let mut rig = Rig::start(&job("j", &site, "")).await;
    rig.until("a scrape", |rig| !rig.values("a", "j").is_empty()).await;

    rig.refuse(true);
    let refused = |rig: &Rig| rig.metric(&["otelcol_receiver_requests", "outcome=\"refused\""]);
    site.set(Answer::Page(TEXT, b"b 2\n".to_vec()));
    let before = refused(&rig);
    rig.until("two refusals", |rig| refused(rig) >= before + 2.0).await;
    assert!(!rig.values("a", "j").contains(&None));
    rig.refuse(false);

    rig.until("the end", |rig| rig.values("a", "j").contains(&None)).await;
    rig.stop().await;
    let ends = rig.told().into_iter().filter(|point| point.name == "a");
    let ends: Vec<u64> = ends
        .filter(|point| point.value.is_none())
        .map(|point| point.time)
        .collect();
    assert_eq!(ends.len(), 1);
    let with = |name: &str| {
        rig.told()
            .iter()
            .any(|point| point.name == name && point.time == ends[0])
    };
    assert!(with("b") && with("up"), "it has the time of the scrape that tells it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_batch_is_offered_until_the_pipelines_take_it() {
    let site = Site::page("a 1\n").await;
    let mut rig = Rig::start(&job("j", &site, "")).await;
    rig.until("a scrape", |rig| !rig.values("a", "j").is_empty()).await;

    rig.refuse_ends(2);
    rig.stop().await;

    assert_eq!(rig.ends_to_refuse(), 0);
    for name in ["a", "up"] {
        assert_eq!(rig.values(name, "j").last(), Some(&None), "{name}");
    }
}
