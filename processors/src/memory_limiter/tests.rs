#![allow(clippy::unwrap_used, clippy::expect_used)]

use ::config::{Diagnostics, Kind, Section, Severity, Signal};
use pipeline::component::Stage;
use pipeline::plan::World;
use pipeline::testing::contract;
use pipeline::{Budget, DEFAULT_LIMIT_BYTES};

use super::allowance::Allowance;
use super::*;

const MIB: u64 = 1024 * 1024;

fn decoded(yaml: &str) -> (Option<Config>, Vec<(Severity, String)>) {
    let section = Section::from_yaml("limits.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = ::config::decode(&section, &mut diagnostics);
    (
        config,
        diagnostics
            .iter()
            .map(|problem| (problem.severity, problem.message.clone()))
            .collect(),
    )
}

fn problem_of(yaml: &str) -> String {
    let (config, problems) = decoded(yaml);
    assert!(config.is_none(), "accepted: {yaml}");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap().1
}

fn allowance(config: &Config, total: u64) -> Allowance {
    Allowance::of(config, || Ok::<u64, ()>(total)).unwrap()
}

#[test]
fn the_contract_holds() {
    contract::contract::<MemoryLimiter>();
}

#[test]
fn what_the_collector_refuses_is_refused() {
    assert!(problem_of("{limit_mib: 100}").contains("check_interval"));
    assert!(problem_of("{check_interval: 1s}").contains("limit_mib or limit_percentage"));
    assert!(problem_of("{check_interval: 1s, limit_mib: 100, spike_limit_mib: 100}").contains("spike_limit_mib"));
    assert!(problem_of("{check_interval: 1s, limit_percentage: 101}").contains("at most 100"));
    let spike = "{check_interval: 1s, limit_percentage: 50, spike_limit_percentage: 50}";
    assert!(problem_of(spike).contains("smaller than limit_percentage"));
}

#[test]
fn keys_for_the_garbage_collector_get_one_notice_each() {
    let yaml = "{check_interval: 1s, limit_mib: 100, min_gc_interval_when_soft_limited: 10s, max_gc_interval_when_hard_limited: 1s}";

    let (config, problems) = decoded(yaml);

    assert!(config.is_some());
    let notices: Vec<Severity> = problems.iter().map(|(severity, _)| *severity).collect();
    assert_eq!(notices, [Severity::Notice, Severity::Notice], "{problems:?}");
}

#[test]
fn a_configuration_that_the_collector_takes_says_nothing() {
    let (config, problems) = decoded("{check_interval: 1s, limit_mib: 512, spike_limit_mib: 128}");

    assert!(config.is_some());
    assert_eq!(problems, []);
}

#[test]
fn batches_may_hold_half_of_what_lies_below_the_spike() {
    let config = Config {
        limit_mib: 512,
        spike_limit_mib: 112,
        ..Config::default()
    };

    assert_eq!(
        allowance(&config, 0),
        Allowance {
            limit: 512 * MIB,
            soft: 400 * MIB,
            batches: 200 * MIB
        }
    );
}

#[test]
fn without_a_spike_limit_a_fifth_is_left() {
    let config = Config {
        limit_mib: 500,
        ..Config::default()
    };

    assert_eq!(allowance(&config, 0).soft, 400 * MIB);
}

#[test]
fn percentages_are_of_what_the_process_could_have() {
    let config = Config {
        limit_percentage: 80,
        spike_limit_percentage: 30,
        ..Config::default()
    };

    let allowance = allowance(&config, 1000 * MIB);

    assert_eq!(
        (allowance.limit, allowance.soft, allowance.batches),
        (800 * MIB, 500 * MIB, 250 * MIB)
    );
}

#[test]
fn mebibytes_win_over_percentages_and_no_total_is_needed() {
    let config = Config {
        limit_mib: 100,
        limit_percentage: 50,
        ..Config::default()
    };

    assert_eq!(
        Allowance::of(&config, || Err("unknown")).map(|allowance| allowance.limit),
        Ok(100 * MIB)
    );
}

#[test]
fn of_several_limiters_the_tightest_counts() {
    let budget = Budget::default();
    let of = |limit_mib| {
        allowance(
            &Config {
                limit_mib,
                ..Config::default()
            },
            0,
        )
    };

    tighten(&budget, &of(4000));
    assert_eq!(budget.limit(), 1600 * MIB, "the built-in default may be raised");
    tighten(&budget, &of(1000));
    tighten(&budget, &of(2000));

    assert_eq!(budget.limit(), 400 * MIB);
}

#[test]
fn building_it_sets_the_budget_of_the_process_and_adds_no_stage() {
    let world = World::system();
    assert_eq!(world.budget.limit(), DEFAULT_LIMIT_BYTES);
    let setup = contract::setup(&world, "memory_limiter", Kind::Processor, Signal::Traces);
    let config = Config {
        limit_mib: 100,
        spike_limit_mib: 20,
        ..Config::default()
    };

    let stage = MemoryLimiter::build(&config, &setup).unwrap();

    assert!(matches!(stage, Stage::Nothing));
    assert_eq!(world.budget.limit(), 40 * MIB);
    assert!(world.budget.admit(41 * MIB).is_err());
}
