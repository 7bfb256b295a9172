//! What an engine's page tells in the words of all engines, and under other names.

use super::super::*;
use super::rig::*;
use crate::engines::profile::{Alias, Dialect};
use crate::engines::tables;

fn speaking(aliases: &[Alias]) -> Rig {
    let dialect = Dialect {
        profile: &tables::VLLM,
        canonical: true,
        aliases: aliases.iter().copied().collect(),
        spans_within: std::time::Duration::ZERO,
    };
    Rig::new(SeriesRules {
        dialect: Some(dialect),
        ..target()
    })
}

#[test]
fn a_page_of_a_real_engine_is_told_in_the_words_of_all_engines_as_well() {
    let mut rig = speaking(&[]);
    let page = capture("13-final");

    let told = rig.scrape(&page);
    let again = rig.scrape(&page);

    for told in [&told, &again] {
        let own = told.histogram("vllm:e2e_request_latency_seconds");
        let all = told.histogram("inferscope.engine.request.duration");
        assert_eq!((own.count, own.sum), (all.count, all.sum));
        assert_eq!(own.explicit_bounds, all.explicit_bounds);
        assert_eq!(own.start_time_unix_nano, all.start_time_unix_nano);
        assert_eq!(told.metric("inferscope.engine.request.duration").unit, "s");
        assert!(told.metric("inferscope.engine.request.duration").metadata.is_empty());
        let waiting = &told.numbers("inferscope.engine.requests.waiting")[0];
        assert_eq!(
            text(&waiting.attributes, "gen_ai.request.model").as_deref(),
            Some("tiny-llama")
        );
        assert_eq!(
            text(&waiting.attributes, "inferscope.engine.name").as_deref(),
            Some("vllm")
        );
        assert_eq!(text(&waiting.attributes, "pod").as_deref(), Some("vllm-a-0"));
    }
    assert_eq!(
        rig.table.tally().scraped,
        page.lines().filter(|line| !line.starts_with('#')).count() as u64
    );
}

#[test]
fn h28_old_and_new_name_of_one_thing_are_told_once() {
    let family = |name: &str, count: u32| {
        format!(
            "# TYPE {name} histogram\n{name}_bucket{{le=\"0.1\"}} {count}\n{name}_bucket{{le=\"+Inf\"}} {count}\n\
             {name}_count {count}\n{name}_sum 1\n"
        )
    };
    let (old, new) = (
        family("vllm:time_per_output_token_seconds", 3),
        family("vllm:inter_token_latency_seconds", 5),
    );
    let name = "inferscope.engine.inter_token_latency";
    let mut rig = speaking(&[]);

    let only_old = rig.scrape(&old).histogram(name).count;
    let both = rig.scrape(&format!("{old}{new}")).histogram(name).count;
    let only_new = rig.scrape(&new).histogram(name).count;

    assert_eq!((only_old, both, only_new), (3, 5, 5));
}

#[test]
fn what_is_told_further_ends_with_the_series_that_tells_it() {
    let mut rig = speaking(&[]);
    rig.scrape("# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{engine=\"0\"} 4\n");

    let gone = rig.scrape("# TYPE vllm:num_requests_waiting gauge\n");

    assert!(is_stale(gone.numbers("inferscope.engine.requests.waiting")[0].flags));
}

#[test]
fn aliases_stand_beside_their_series_and_behind_one_of_that_name() {
    let mut rig = speaking(&[Alias::Underscores]);
    let page = "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{engine=\"0\"} 4\n";

    let told = rig.scrape(page);
    let taken = rig.scrape(&format!(
        "{page}# TYPE vllm_num_requests_waiting gauge\nvllm_num_requests_waiting{{engine=\"0\"}} 9\n"
    ));

    let alias = &told.numbers("vllm_num_requests_waiting")[0];
    assert_eq!(text(&alias.attributes, "inferscope_alias").as_deref(), Some("1"));
    let points = taken.numbers("vllm_num_requests_waiting");
    let with_value: Vec<_> = points.iter().filter(|point| !is_stale(point.flags)).collect();
    assert_eq!(with_value.len(), 1);
    assert_eq!(text(&with_value[0].attributes, "inferscope_alias"), None);
}
