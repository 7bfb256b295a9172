use std::time::Duration;

use config::{Diagnostics, Section};

use super::*;

fn read(yaml: &str) -> (Option<Config>, String) {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = config::decode::<Config>(&section, &mut diagnostics);
    (config, diagnostics.render(false))
}

/// The problems of a job with these keys.
fn problems(job: &str) -> String {
    let (config, told) = read(&format!("config: {{scrape_configs: [{{job_name: j, {job}}}]}}"));
    assert!(config.is_none(), "{job} was accepted");
    told
}

fn job(job: &str) -> ScrapeConfig {
    let (config, told) = read(&format!("config: {{scrape_configs: [{{job_name: j, {job}}}]}}"));
    let config = config.unwrap_or_else(|| panic!("{told}"));
    config.config.unwrap().own.scrape_configs.remove(0)
}

#[test]
fn the_defaults_are_prometheus_except_for_redirects() {
    let global = GlobalOwn::default();
    let whole = job("static_configs: [{targets: ['a:1']}], http_sd_configs: [{url: 'http://a/'}]");
    let (job, ways) = (whole.own, whole.access.own);

    assert_eq!(global.scrape_interval.get(), Duration::from_secs(60));
    assert_eq!(global.scrape_timeout.get(), Duration::from_secs(10));
    assert_eq!((job.metrics_path.as_str(), job.scheme), ("/metrics", Scheme::Http));
    assert!(job.honor_timestamps && job.enable_compression && !job.honor_labels);
    assert!(ways.enable_http2 && ways.follow_redirects.is_none());
    let server = &job.http_sd_configs[0];
    assert_eq!(server.own.refresh_interval.get(), Duration::from_secs(60));
    assert!(server.follows_redirects() && server.access.own.enable_http2);
}

#[test]
fn durations_are_prometheus_durations() {
    let table = [
        ("15s", 15_000),
        ("1m30s", 90_000),
        ("500ms", 500),
        ("1d", 86_400_000),
        ("1h0m5ms", 3_600_005),
        ("0", 0),
    ];
    for (text, expected) in table {
        assert_eq!(
            text.parse::<PromDuration>().unwrap().get().as_millis(),
            expected,
            "{text}"
        );
    }
    for text in [
        "",
        "15",
        "1.5s",
        "30s1m",
        "1s1s",
        "-1s",
        "1 s",
        "s",
        "5µs",
        "99999999999999999999s",
    ] {
        assert!(text.parse::<PromDuration>().is_err(), "{text}");
    }
    assert_eq!("90s".parse::<PromDuration>().unwrap().to_string(), "1m30s");
    assert_eq!("8d".parse::<PromDuration>().unwrap().to_string(), "8d");
}

#[test]
fn sizes_are_powers_of_1024() {
    let table = [("10MB", 10 << 20), ("1KiB", 1024), ("7B", 7), ("1.5KB", 1536), ("0", 0)];
    for (text, expected) in table {
        assert_eq!(text.parse::<Size>().unwrap().0, expected, "{text}");
    }
    for text in ["10", "MB", "1XB", "-1KB", "1.2.3B"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
}

#[test]
fn a_whole_configuration_of_prometheus_is_read() {
    let job = job(
        "scrape_interval: 15s, scrape_timeout: 5s, metrics_path: /m, scheme: https, params: {module: [a, b]}, \
         honor_labels: true, static_configs: [{targets: ['a:1'], labels: {x: y}}], body_size_limit: 10MB, \
         sample_limit: 5, basic_auth: {username: u, password: p}, \
         tls_config: {ca_file: /ca, server_name: s, min_version: TLS13}, scrape_protocols: [PrometheusText0.0.4], \
         relabel_configs: [{source_labels: [__address__], target_label: instance, replacement: '$1'}]",
    );

    assert_eq!(job.own.params["module"], ["a", "b"]);
    assert_eq!(job.limits.body_size_limit, Some(Size(10 << 20)));
    assert_eq!(job.own.scrape_protocols, Some(vec![ScrapeProtocol::Text004]));
    assert_eq!(job.access.own.tls_config.client().server_name_override(), Some("s"));
}

#[test]
fn what_is_not_about_scraping_says_why_and_what_to_do() {
    for (key, remedy) in [
        ("alerting", "keep it in the configuration of the server"),
        ("rule_files", "keep it in the configuration of the server"),
        ("remote_write", "put an exporter into the pipeline"),
        ("remote_read", "nothing is stored here"),
    ] {
        let yaml = format!("config: {{{key}: [], scrape_configs: [{{job_name: j}}]}}");
        let (config, told) = read(&yaml);
        assert!(config.is_none() && told.contains(remedy), "{key}: {told}");
    }
}

#[test]
fn what_is_not_built_says_so() {
    assert!(problems("dns_sd_configs: []").contains("not available yet"));
    assert!(problems("aws_sd_configs: []").contains("not available yet"));
    assert!(problems("kubernetes_sd_configs: [{role: ingress}]").contains("not available"));
    assert!(problems("oauth2: {}").contains("not available yet"));
    assert!(problems("scrape_native_histograms: true").contains("not available yet"));
    assert!(problems("scrape_protocols: [PrometheusProto]").contains("not available yet"));
}

/// Every key of Prometheus 3.8, taken from the structs that its library reads a configuration into.
#[test]
fn every_key_of_prometheus_is_honoured_or_says_why_not() {
    let discoveries = "aws azure consul digitalocean docker dockerswarm dns ec2 ecs eureka gce hetzner ionos kuma \
                       lightsail linode marathon nerve nomad openstack ovhcloud puppetdb scaleway serverset stackit triton \
                       uyuni vultr";
    for name in discoveries.split_whitespace() {
        let told = problems(&format!("{name}_sd_configs: []"));
        assert!(told.contains("not available yet"), "{name}: {told}");
    }
    for key in [
        "oauth2: {}",
        "http_headers: {}",
        "no_proxy: a",
        "proxy_connect_header: {}",
        "proxy_from_environment: true",
    ] {
        for place in [
            key.to_owned(),
            format!("http_sd_configs: [{{url: 'http://a/', {key}}}]"),
        ] {
            let told = problems(&place);
            assert!(
                told.contains("not available") || told.contains("is not asked"),
                "{place}: {told}"
            );
        }
    }
    for key in [
        "basic_auth: {username_ref: a}",
        "authorization: {credentials_ref: a}",
        "tls_config: {ca_ref: a}",
        "tls_config: {cert_ref: a}",
    ] {
        let told = problems(key);
        assert!(
            told.contains("store of secrets") && !told.contains("either"),
            "{key}: {told}"
        );
    }
    let without_effect = [
        "always_scrape_classic_histograms: true",
        "scrape_failure_log_file: /f",
        "native_histogram_bucket_limit: 1",
        "native_histogram_min_bucket_factor: 1.1",
        "keep_dropped_targets: 1",
        "metric_name_validation_scheme: utf8",
        "metric_name_escaping_scheme: underscores",
    ];
    for key in without_effect {
        let (config, told) = read(&format!("config: {{scrape_configs: [{{job_name: j, {key}}}]}}"));
        assert!(config.is_some() && told.contains("has no effect"), "{key}: {told}");
    }
    job(
        "honor_labels: true, honor_timestamps: true, track_timestamps_staleness: true, params: {}, scrape_interval: 1m, \
         scrape_timeout: 1s, scrape_protocols: [PrometheusText0.0.4], fallback_scrape_protocol: PrometheusText0.0.4, \
         scrape_native_histograms: false, convert_classic_histograms_to_nhcb: false, metrics_path: /, scheme: http, \
         enable_compression: true, body_size_limit: 0, sample_limit: 0, target_limit: 0, label_limit: 0, \
         label_name_length_limit: 0, label_value_length_limit: 0, relabel_configs: [], metric_relabel_configs: [], \
         static_configs: [], file_sd_configs: [], http_sd_configs: [], bearer_token_file: /t, follow_redirects: true, \
         enable_http2: true, proxy_url: 'http://p:1', proxy_from_environment: false",
    );
}

#[test]
fn global_keys_and_other_blocks_of_prometheus_say_that_they_have_no_effect() {
    for key in [
        "evaluation_interval: 1m",
        "rule_query_offset: 1m",
        "query_log_file: /q",
        "scrape_failure_log_file: /f",
        "keep_dropped_targets: 1",
        "metric_name_validation_scheme: utf8",
        "metric_name_escaping_scheme: underscores",
        "always_scrape_classic_histograms: true",
    ] {
        let (config, told) = read(&format!(
            "config: {{global: {{{key}}}, scrape_configs: [{{job_name: j}}]}}"
        ));
        assert!(config.is_some() && told.contains("has no effect"), "{key}: {told}");
    }
    for key in ["storage", "tracing", "otlp", "runtime"] {
        let (config, told) = read(&format!("config: {{{key}: {{}}, scrape_configs: [{{job_name: j}}]}}"));
        assert!(config.is_some() && told.contains("has no effect"), "{key}: {told}");
    }
}

#[test]
fn further_files_stand_for_jobs() {
    let (config, told) = read("config: {scrape_config_files: ['jobs/*.yml']}");
    assert!(config.is_some(), "{told}");

    let (_, told) = read("config: {scrape_config_files: ['*/a.yml']}");
    assert!(told.contains("one `*` in its last part"), "{told}");
}

#[test]
fn contradictions_and_slips_are_errors() {
    let table = [
        (
            "scrape_interval: 5s, scrape_timeout: 6s",
            "longer than the scrape_interval",
        ),
        ("scrape_interval: 0s", "longer than 0s"),
        ("scrape_intervall: 5s", "scrape_intervall"),
        (
            "static_configs: [{targets: ['http://a:1/metrics']}]",
            "is not host:port",
        ),
        ("basic_auth: {username: u}, bearer_token: t", "keep one of them"),
        ("authorization: {type: Basic, credentials: c}", "basic_auth"),
        ("authorization: {}", "either credentials or credentials_file"),
        ("tls_config: {min_version: TLS10}", "TLS12 or TLS13"),
        (
            "file_sd_configs: [{files: ['/a/*/b.json']}]",
            "one `*` in its last part",
        ),
        ("http_sd_configs: [{}]", "begins with http"),
        ("http_sd_configs: [{url: 'ftp://a/'}]", "begins with http"),
        ("http_sd_configs: [{url: 'http://u:p@a/'}]", "basic_auth"),
        (
            "http_sd_configs: [{url: 'http://a/', refresh_interval: 0s}]",
            "longer than 0s",
        ),
        (
            "http_sd_configs: [{url: 'http://a/', authorization: {}}]",
            "either credentials",
        ),
        ("http_sd_configs: [{url: 'http://a/', interval: 5s}]", "interval"),
        ("kubernetes_sd_configs: [{}]", "a role is needed"),
        ("kubernetes_sd_configs: [{role: job}]", "endpointslice"),
        (
            "kubernetes_sd_configs: [{role: pod, refresh_interval: 5s}]",
            "refresh_interval",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, api_server: 'a:6443'}]",
            "begins with http",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, api_server: 'https://u:p@a'}]",
            "basic_auth",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, api_server: 'https://a', kubeconfig_file: /c}]",
            "keep one of them",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, bearer_token: t}]",
            "write api_server",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, kubeconfig_file: /c, tls_config: {ca_file: /ca}}]",
            "bring their own",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, follow_redirects: false}]",
            "write api_server",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, kubeconfig_file: /c, namespaces: {own_namespace: true}}]",
            "only a pod",
        ),
        ("kubernetes_sd_configs: [{role: pod, namespaces: {own: true}}]", "own"),
        (
            "kubernetes_sd_configs: [{role: pod, selectors: [{role: node, label: a}]}]",
            "the role pod has selectors for pod",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, selectors: [{label: a}]}]",
            "has selectors for",
        ),
        (
            "kubernetes_sd_configs: [{role: endpoints, selectors: [{role: pod}, {role: pod}]}]",
            "another selector for pod",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, attach_metadata: {deployment: true}}]",
            "deployment",
        ),
        (
            "relabel_configs: [{regex: '(', target_label: a}]",
            "not a regular expression",
        ),
        ("relabel_configs: [{action: hashmod, target_label: a}]", "modulus"),
        ("relabel_configs: [{action: replace}]", "target_label"),
        (
            "relabel_configs: [{action: labeldrop, source_labels: [a], regex: b}]",
            "names only",
        ),
        (
            "relabel_configs: [{action: keepequal, source_labels: [a], target_label: b, regex: c}]",
            "nothing else",
        ),
    ];
    for (job, expected) in table {
        let told = problems(job);
        assert!(told.contains(expected), "{job}: {told}");
    }
}

#[test]
fn two_jobs_of_one_name_and_no_job_are_errors() {
    let (_, twice) = read("config: {scrape_configs: [{job_name: j}, {job_name: j}]}");
    let (_, none) = read("config: {}");
    let (_, nothing) = read("{}");

    assert!(twice.contains("the name of another job"), "{twice}");
    assert!(none.contains("nothing to scrape"), "{none}");
    assert!(nothing.contains("nothing to scrape"), "{nothing}");
}

#[cfg(feature = "k8s")]
#[test]
fn a_cluster_is_reached_as_prometheus_reaches_it() {
    let mut moved = job(
        "kubernetes_sd_configs: [{role: endpointslice, api_server: 'https://a:6443', authorization: {credentials_file: t}, \
         tls_config: {ca_file: ca}, selectors: [{role: pod, label: a=b}], namespaces: {names: [x]}}, \
         {role: pod, follow_redirects: true, enable_http2: true}, {role: node, kubeconfig_file: kube/config}]",
    );
    moved.move_to("/etc/jobs");

    let [server, inside, file] = &moved.own.kubernetes_sd_configs[..] else {
        panic!("{moved:?}");
    };
    assert_eq!(
        server.access.own.authorization.as_ref().unwrap().credentials_file,
        "/etc/jobs/t"
    );
    assert_eq!(server.own.selector(Role::Pod).unwrap().label, "a=b");
    assert!(server.own.selector(Role::Service).is_none() && server.follows_redirects());
    assert_eq!(inside.own.role, Some(Role::Pod));
    assert_eq!(file.own.kubeconfig_file, "/etc/jobs/kube/config");
}

#[cfg(feature = "k8s")]
#[test]
fn metadata_that_cannot_be_attached_is_told() {
    for (keys, why) in [
        ("role: node, attach_metadata: {node: true}", "there anyway"),
        ("role: service, attach_metadata: {node: true}", "on no node"),
        ("role: node, attach_metadata: {namespace: true}", "in no namespace"),
    ] {
        let (config, told) = read(&format!(
            "config: {{scrape_configs: [{{job_name: j, kubernetes_sd_configs: [{{{keys}}}]}}]}}"
        ));
        assert!(config.is_some() && told.contains(why), "{keys}: {told}");
    }
}

#[test]
fn an_expression_and_a_replacement_need_no_quotes() {
    let rules = job(
        "relabel_configs: [{source_labels: [a], regex: true, action: keep}, {regex: 8080, target_label: b, replacement: 9090}]",
    )
    .own
    .relabel_configs;

    assert_eq!(rules[0].regex, "true");
    assert_eq!(
        (rules[1].regex.as_str(), rules[1].replacement.as_str()),
        ("8080", "9090")
    );
    assert!(problems("relabel_configs: [{regex: [a], target_label: b}]").contains("text"));
}

#[cfg(not(feature = "k8s"))]
#[test]
fn a_program_without_kubernetes_says_so() {
    assert!(problems("kubernetes_sd_configs: [{role: pod}]").contains("built without Kubernetes"));
}
