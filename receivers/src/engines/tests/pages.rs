//! What the tables say about whole pages.

use std::collections::{BTreeSet, HashMap};

use super::super::metrics::GROUPS;
use super::super::profile::{Canonical, Claims, Class, Kind, Metric, Profile, Row};
use super::super::tables;
use super::page::{Page, Series, all, page};

fn canonical(page: &Page, series: &Series) -> Option<Canonical> {
    page.profile.canonical(&series.name, series.kind, &series.labels())
}

/// The series of a page that tell canonical ones, and what they tell.
fn told(page: &Page) -> Vec<(Series, Canonical)> {
    let mut claims = Claims::default();
    let all: Vec<_> = page
        .series
        .iter()
        .filter_map(|series| Some((series.clone(), canonical(page, series)?)))
        .collect();
    let entered: Vec<_> = all.iter().map(|(_, canonical)| claims.enter(canonical)).collect();
    claims.begin();
    entered.iter().for_each(|claim| claims.present(*claim));
    let winners = all.into_iter().zip(entered).filter(|(_, claim)| claims.wins(*claim));
    winners.map(|(series, _)| series).collect()
}

#[test]
fn every_family_on_every_page_has_a_role_or_a_reason_why_it_has_none() {
    for page in all() {
        assert!(page.families.len() > 5, "{}", page.file);
        for (name, kind) in &page.families {
            assert!(
                page.profile.class(name, *kind).is_some(),
                "{}: {name} {kind:?}",
                page.file
            );
        }
    }
}

#[test]
fn the_pages_of_the_running_engine_have_all_roles_that_are_looked_for_first() {
    let page = page("metrics-13-final");
    let roles: BTreeSet<&str> = told(&page).iter().map(|(_, canonical)| canonical.metric.role).collect();

    for role in [
        "queue depth",
        "running",
        "TTFT",
        "ITL",
        "TPOT",
        "E2E",
        "queue time",
        "prefill",
        "decode",
        "KV usage",
        "prefix-cache queries",
        "prefix-cache hits",
        "tokens in and out",
        "success by reason",
        "preemptions",
        "admission rejections",
    ] {
        assert!(roles.contains(role), "{role}: {roles:?}");
    }
}

#[test]
fn every_name_in_every_row_is_on_some_page_and_leads_to_its_metric() {
    let pages = all();
    let is_hit = |profile: &Profile, row: &Row, family: &str| {
        pages.iter().any(|page| {
            page.series.iter().any(|series| {
                let bases = profile
                    .prefixes
                    .iter()
                    .filter_map(|prefix| series.name.strip_prefix(prefix));
                let total = format!("{family}_total");
                let mut named =
                    bases.filter(|base| *base == family || (row.metric.kind == Kind::Counter && *base == total));
                let found = canonical(page, series);
                named.next().is_some()
                    && found.is_some_and(|found| {
                        found.metric == row.metric
                            && found.scale == row.scale
                            && row
                                .adding
                                .iter()
                                .all(|(name, value)| found.attributes().any(|it| it == (*name, *value)))
                    })
            })
        })
    };

    for profile in tables::ALL {
        for row in profile.rows {
            for family in row.families {
                assert!(
                    is_hit(profile, row, family),
                    "{}: {family} → {}",
                    profile.name,
                    row.metric.name
                );
            }
        }
    }
}

#[test]
fn every_reason_for_having_no_role_is_about_something_known() {
    for profile in tables::ALL {
        for (pattern, why) in profile.without_role {
            assert!(
                !pattern.is_empty() && *pattern != "*" && why.len() > 5,
                "{}: {pattern}",
                profile.name
            );
        }
    }
}

#[test]
fn no_two_series_of_a_page_tell_the_same() {
    for page in all() {
        let mut seen: HashMap<(&str, Vec<(String, String)>), String> = HashMap::new();
        for (series, canonical) in told(&page) {
            let attributes = canonical
                .attributes
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()));
            let identity = (canonical.metric.name, attributes.collect());
            let before = seen.insert(identity, series.name.clone());
            assert_eq!(
                before, None,
                "{}: {} → {}",
                page.file, series.name, canonical.metric.name
            );
        }
    }
}

#[test]
fn canonical_metrics_have_one_name_each_and_are_all_in_use() {
    let mut names = BTreeSet::new();
    let used = |metric: &Metric| {
        tables::ALL
            .iter()
            .any(|profile| profile.rows.iter().any(|row| row.metric == metric))
    };

    for metric in GROUPS.iter().flat_map(|(_, metrics)| metrics.iter()) {
        assert!(names.insert(metric.name), "{} stands there twice", metric.name);
        assert_ne!(metric.kind, Kind::Summary, "{}", metric.name);
        assert!(!metric.name.starts_with("gen_ai."), "{} is another's name", metric.name);
        assert!(
            metric.description.ends_with('.') && !metric.role.is_empty(),
            "{}",
            metric.name
        );
        assert!(used(metric), "{} is in no table", metric.name);
    }
}

#[test]
fn a_page_with_the_old_and_the_new_name_tells_it_once_by_the_new_one() {
    for (file, old, new) in [
        (
            "llm-d-inference-sim",
            "vllm:time_per_output_token_seconds",
            "vllm:inter_token_latency_seconds",
        ),
        (
            "metrics-0.11.2",
            "vllm:time_per_output_token_seconds",
            "vllm:inter_token_latency_seconds",
        ),
        (
            "metrics-0.11.2",
            "vllm:gpu_cache_usage_perc",
            "vllm:kv_cache_usage_perc",
        ),
        (
            "metrics-0.11.2",
            "vllm:gpu_prefix_cache_hits_total",
            "vllm:prefix_cache_hits_total",
        ),
    ] {
        let page = page(file);
        assert!(
            page.families.contains_key(old) && page.families.contains_key(new),
            "{file}: {old} {new}"
        );

        let told: Vec<_> = told(&page).into_iter().map(|(series, _)| series.name).collect();

        assert!(
            told.contains(&new.to_owned()) && !told.contains(&old.to_owned()),
            "{file}: {old} {new}"
        );
    }
}

#[test]
fn a_page_with_the_old_name_only_tells_it_as_well() {
    let page = page("metrics-vllm-backend");

    let told = told(&page);

    let tells = |name: &str, metric: &str| {
        told.iter()
            .any(|(series, canonical)| series.name == name && canonical.metric.name == metric)
    };
    assert!(tells(
        "vllm:time_per_output_token_seconds",
        "inferscope.engine.inter_token_latency"
    ));
    // The engine's own first token, and not the first answer of the server around it.
    assert!(tells(
        "vllm:time_to_first_token_seconds",
        "inferscope.engine.time_to_first_token"
    ));
    assert!(
        !told
            .iter()
            .any(|(series, _)| series.name == "nv_inference_first_response_histogram_ms")
    );
}

#[test]
fn when_the_better_name_goes_the_other_one_tells() {
    let page = page("llm-d-inference-sim");
    let of = |name: &str| {
        let series = page.series.iter().find(|series| series.name == name).unwrap();
        canonical(&page, series).unwrap()
    };
    let (old, new) = (
        of("vllm:time_per_output_token_seconds"),
        of("vllm:inter_token_latency_seconds"),
    );
    let mut claims = Claims::default();
    let (by_old, by_new) = (claims.enter(&old), claims.enter(&new));

    claims.begin();
    claims.present(by_old);
    claims.present(by_new);
    assert!(claims.wins(by_new) && !claims.wins(by_old));
    claims.begin();
    claims.present(by_old);
    assert!(claims.wins(by_old) && !claims.wins(by_new));
}

#[test]
fn what_has_a_label_for_what_it_is_tells_each_under_its_own_name() {
    let page = page("triton-from-source/metrics.prom");
    let told = told(&page);
    let value = |metric: &str, attribute: (&str, &str)| {
        let mut found = told.iter().filter(|(_, canonical)| {
            let is_backend = canonical
                .attributes()
                .any(|it| it == ("gen_ai.request.model", "tensorrt_llm"));
            is_backend
                && canonical.metric.name == metric
                && (attribute.0.is_empty() || canonical.attributes().any(|it| it == attribute))
        });
        let (series, canonical) = found.next().unwrap_or_else(|| panic!("{metric}"));
        assert!(found.next().is_none(), "{metric} twice");
        assert!(
            !canonical.attributes().any(|(name, _)| name.contains("type")),
            "{canonical:?}"
        );
        series.value
    };

    assert_eq!(value("inferscope.engine.requests.waiting", ("", "")), 2.0);
    assert_eq!(value("inferscope.engine.requests.running", ("", "")), 5.0);
    assert_eq!(value("inferscope.engine.kv_cache.usage", ("", "")), 0.25);
    assert_eq!(
        value("inferscope.engine.kv_cache.blocks", ("inferscope.state", "used")),
        1560.0
    );
    assert_eq!(value("inferscope.engine.kv_cache.block.tokens", ("", "")), 64.0);
}

#[test]
fn a_sum_that_stands_beside_its_parts_is_told_alone() {
    let page = page("sglang-from-source/metrics-0.5.23");
    let told = told(&page);
    let waiting: Vec<f64> = told
        .iter()
        .filter(|(_, canonical)| canonical.metric.name == "inferscope.engine.requests.waiting")
        .map(|(series, _)| series.value)
        .collect();

    assert_eq!(waiting, [5.0]);
}

#[test]
fn start_times_are_no_metrics() {
    for page in all() {
        for (name, kind) in page.families.iter().filter(|(name, _)| name.ends_with("_created")) {
            assert!(
                matches!(page.profile.class(name, *kind), Some(Class::StartTime | Class::None(_))),
                "{name}"
            );
            let series = page.series.iter().filter(|series| series.name == *name);
            assert!(
                series.map(|series| canonical(&page, series)).all(|none| none.is_none()),
                "{name}"
            );
        }
    }
}

#[test]
fn an_alias_stands_back_behind_a_series_of_that_name_and_is_told_once() {
    let labels = || [("model_name", "m")].into_iter();
    let mut claims = Claims::default();
    let itself = claims.enter_itself("vllm_x", labels());
    let alias = claims.enter_alias("vllm_x", labels());
    let second = claims.enter_alias("vllm_x", labels());
    let other = claims.enter_alias("vllm_x", [("model_name", "n")].into_iter());

    claims.begin();
    [itself, alias, second, other]
        .into_iter()
        .for_each(|claim| claims.present(claim));
    assert!(claims.wins(itself) && !claims.wins(alias) && !claims.wins(second) && claims.wins(other));

    claims.begin();
    [second, alias].into_iter().for_each(|claim| claims.present(claim));
    assert!(claims.wins(alias) && !claims.wins(second));
}
