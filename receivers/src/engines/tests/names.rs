//! What the tables say about single series.

use super::super::profile::{Alias, Aliases, Kind, Profile, Scale};
use super::super::tables::{DCGM, RAY_SERVE, SGLANG, TGI, TRITON, VLLM};
use super::page::page;

/// Metric, unit and value of a canonical series.
fn told(profile: &'static Profile, name: &str, kind: Kind, value: f64) -> Option<(&'static str, &'static str, f64)> {
    let canonical = profile.canonical(name, kind, &[])?;
    Some((
        canonical.metric.name,
        canonical.metric.unit,
        canonical.scale.apply(value),
    ))
}

#[test]
fn units_become_those_of_all_engines_exactly_once() {
    let table = [
        (
            &TRITON,
            "nv_inference_request_duration_us",
            Kind::Counter,
            9_123_456.0,
            "s",
            9.123_456,
        ),
        (
            &TRITON,
            "nv_inference_first_response_histogram_ms",
            Kind::Histogram,
            9.0,
            "s",
            0.009,
        ),
        (
            &TRITON,
            "nv_cache_hit_duration_per_model",
            Kind::Counter,
            250.0,
            "s",
            0.000_25,
        ),
        (&TRITON, "nv_gpu_utilization", Kind::Gauge, 0.75, "1", 0.75),
        (
            &RAY_SERVE,
            "ray_serve_http_request_latency_ms",
            Kind::Histogram,
            35.0,
            "s",
            0.035,
        ),
        (
            &RAY_SERVE,
            "ray_serve_batch_wait_time_ms",
            Kind::Histogram,
            1250.0,
            "s",
            1.25,
        ),
        (
            &RAY_SERVE,
            "ray_serve_replica_utilization_percent",
            Kind::Gauge,
            37.5,
            "1",
            0.375,
        ),
        (
            &RAY_SERVE,
            "ray_vllm_time_to_first_token_seconds",
            Kind::Histogram,
            0.25,
            "s",
            0.25,
        ),
        (
            &SGLANG,
            "sglang:kv_transfer_latency_ms",
            Kind::Histogram,
            7.0,
            "s",
            0.007,
        ),
        (&VLLM, "vllm:kv_cache_usage_perc", Kind::Gauge, 0.9, "1", 0.9),
        (&TGI, "tgi_request_duration", Kind::Histogram, 0.000_15, "s", 0.000_15),
        (&DCGM, "DCGM_FI_DEV_SM_CLOCK", Kind::Gauge, 1980.0, "Hz", 1.98e9),
        (&DCGM, "DCGM_FI_DEV_GPU_UTIL", Kind::Gauge, 99.0, "1", 0.99),
        (
            &DCGM,
            "DCGM_FI_DEV_FB_USED",
            Kind::Gauge,
            61_007.0,
            "By",
            63_970_476_032.0,
        ),
        (&DCGM, "DCGM_FI_DEV_FB_USED_PERCENT", Kind::Gauge, 0.75, "1", 0.75),
        (
            &DCGM,
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
            Kind::Counter,
            123_456_789.0,
            "J",
            123_456.789,
        ),
        (
            &DCGM,
            "DCGM_FI_DEV_POWER_VIOLATION",
            Kind::Counter,
            1_500_000_009.0,
            "s",
            1.500_000_009,
        ),
        (&DCGM, "DCGM_FI_DEV_GPU_TEMP", Kind::Gauge, 48.0, "Cel", 48.0),
    ];

    for (profile, name, kind, value, unit, expected) in table {
        let (_, is, scaled) = told(profile, name, kind, value).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((is, scaled), (unit, expected), "{name}");
    }
}

#[test]
fn bounds_in_milliseconds_are_the_decimal_bounds_in_seconds() {
    let page = page("ray-serve");
    let mut bounds = 0;

    for series in page.series.iter().filter(|series| series.name.ends_with("_ms")) {
        let canonical = page
            .profile
            .canonical(&series.name, series.kind, &series.labels())
            .unwrap();
        assert_eq!(canonical.metric.unit, "s", "{}", series.name);
        for bound in &series.bounds {
            let seconds: f64 = format!("{bound}e-3").parse().unwrap_or(f64::INFINITY);
            assert_eq!(canonical.scale.apply(*bound), seconds, "{}", series.name);
            bounds += 1;
        }
    }

    assert_eq!(bounds, 7 * 20);
    assert_eq!(Scale::Per(1e3).apply(f64::INFINITY), f64::INFINITY);
    assert!(Scale::Per(1e3).apply(f64::NAN).is_nan());
}

#[test]
fn the_type_decides_and_not_the_name() {
    let metric = |profile, name, kind| told(profile, name, kind, 0.0).map(|(metric, _, _)| metric);

    assert_eq!(
        metric(&VLLM, "vllm:iteration_tokens_total", Kind::Histogram),
        Some("inferscope.engine.step.tokens")
    );
    assert_eq!(metric(&VLLM, "vllm:iteration_tokens_total", Kind::Counter), None);
    assert_eq!(
        metric(&SGLANG, "sglang:lora_pool_slots_total", Kind::Gauge),
        Some("inferscope.engine.lora.slots.max")
    );
    assert_eq!(metric(&SGLANG, "sglang:kv_transfer_latency_ms", Kind::Gauge), None);
    assert_eq!(metric(&SGLANG, "sglang:num_retracted_reqs", Kind::Gauge), None);
    assert_eq!(
        metric(&TGI, "tgi_request_success", Kind::Counter),
        Some("inferscope.engine.requests.finished")
    );
    assert_eq!(metric(&DCGM, "DCGM_FI_PROF_PCIE_TX_BYTES", Kind::Counter), None);
    assert_eq!(metric(&VLLM, "vllm:lora_requests_info", Kind::Gauge), None);
    assert_eq!(metric(&VLLM, "vllm:not_heard_of", Kind::Gauge), None);
}

#[test]
fn all_spellings_of_a_name_lead_to_the_same_metric() {
    for name in [
        "vllm:num_requests_waiting",
        "vllm_num_requests_waiting",
        "ray_vllm_num_requests_waiting",
    ] {
        for profile in [&VLLM, &RAY_SERVE] {
            let canonical = profile.canonical(name, Kind::Gauge, &[]).unwrap();
            assert_eq!(canonical.metric.name, "inferscope.engine.requests.waiting", "{name}");
            assert_eq!(canonical.engine, Some("vllm"), "{name}");
        }
    }
}

#[test]
fn labels_get_the_names_of_all_engines_and_others_stay() {
    let attributes = |profile: &'static Profile, name, kind, labels: &[(&str, &str)]| {
        let canonical = profile.canonical(name, kind, labels).unwrap();
        let attributes: Vec<_> = canonical
            .attributes()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        attributes.join(" ")
    };

    let vllm = [
        ("model_name", "m"),
        ("engine", "0"),
        ("finished_reason", "stop"),
        ("cluster", "eu"),
        ("empty", ""),
    ];
    assert_eq!(
        attributes(&VLLM, "vllm:request_success_total", Kind::Counter, &vllm),
        "cluster=eu gen_ai.request.model=m inferscope.engine.rank=0 inferscope.finish_reason=stop inferscope.engine.name=vllm"
    );
    let tier = [("model_name", "m"), ("source", "host")];
    assert_eq!(
        attributes(&VLLM, "vllm:prompt_tokens_cached_by_source_total", Kind::Counter, &tier),
        "gen_ai.request.model=m inferscope.tier=host inferscope.engine.name=vllm"
    );
    let backend = [("model", "m"), ("version", "1")];
    assert_eq!(
        attributes(&TRITON, "vllm:prompt_tokens_total", Kind::Counter, &backend),
        "gen_ai.request.model=m gen_ai.token.type=input inferscope.model.version=1 inferscope.engine.name=vllm"
    );
    let gpu = [("UUID", "GPU-1"), ("Hostname", "n"), ("hostname", "n"), ("pod", "p")];
    assert_eq!(
        attributes(&DCGM, "DCGM_FI_DEV_GPU_TEMP", Kind::Gauge, &gpu),
        "host.name=n hw.parent=GPU-1 hw.sensor_location=gpu hw.type=temperature k8s.pod.name=p"
    );
}

#[test]
fn an_alias_on_a_page_is_no_second_source() {
    let labels = [("model_name", "m"), ("inferscope_alias", "1")];

    assert!(
        VLLM.canonical("vllm_num_requests_waiting", Kind::Gauge, &labels)
            .is_none()
    );
}

#[test]
fn aliases_are_other_spellings_and_the_names_of_other_versions() {
    let aliases = |name, kind, wanted: &[Alias]| {
        let wanted: Aliases = wanted.iter().copied().collect();
        VLLM.aliases(name, kind, wanted).join(" ")
    };
    use Alias::{Colons, NewNames, OldNames, Underscores};

    assert_eq!(
        aliases("vllm:num_requests_waiting", Kind::Gauge, &[Underscores]),
        "vllm_num_requests_waiting"
    );
    assert_eq!(
        aliases("ray_vllm_num_requests_waiting", Kind::Gauge, &[Colons]),
        "vllm:num_requests_waiting"
    );
    assert_eq!(
        aliases("vllm:kv_cache_usage_perc", Kind::Gauge, &[OldNames]),
        "vllm:gpu_cache_usage_perc"
    );
    assert_eq!(
        aliases("vllm:gpu_cache_usage_perc", Kind::Gauge, &[NewNames]),
        "vllm:kv_cache_usage_perc"
    );
    assert_eq!(aliases("vllm:gpu_cache_usage_perc", Kind::Gauge, &[OldNames]), "");
    assert_eq!(
        aliases("vllm:prefix_cache_hits_total", Kind::Counter, &[OldNames, Underscores]),
        "vllm:gpu_prefix_cache_hits_total vllm_gpu_prefix_cache_hits_total vllm_prefix_cache_hits_total"
    );
    assert_eq!(
        aliases(
            "vllm:inter_token_latency_seconds",
            Kind::Histogram,
            &[OldNames, Underscores]
        ),
        "vllm:time_per_output_token_seconds vllm_inter_token_latency_seconds vllm_time_per_output_token_seconds"
    );
    assert_eq!(
        aliases("vllm:lora_requests_info", Kind::Gauge, &[Underscores]),
        "vllm_lora_requests_info"
    );
    assert_eq!(
        aliases("python_info", Kind::Gauge, &[Underscores, Colons, OldNames, NewNames]),
        ""
    );
    assert_eq!(aliases("vllm:num_requests_waiting", Kind::Gauge, &[]), "");
}
