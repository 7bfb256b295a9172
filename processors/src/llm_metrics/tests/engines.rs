//! What other engines send: SGLang's stages, aborts and pairs, TGI's and Triton's words.

use pipeline::payload::{Limits, json};

use super::harness::{Desks, Metrics, Value, bare, captured, json_lines, pair, phased, request_of, text};
use super::harness::{answer, parse};
use prost::Message;

/// Everything that the driven capture of SGLang holds.
fn sglang(phases: &str, metrics: &str) -> (Metrics, Desks) {
    let mut desks = Desks::new(metrics);
    for traces in phased(phases, &captured("sglang-0.5.23-driven")) {
        desks.count(&traces);
    }
    (desks.flush(), desks)
}

/// A golden input of `llm_phases`, decomposed and counted.
fn case(name: &str, phases: &str, metrics: &str) -> Metrics {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/llm_phases/cases");
    let input = std::fs::read(format!("{folder}/{name}/input.json")).unwrap();
    let input = json::traces_from_json(&input, &Limits::default()).unwrap().payload;
    let mut desks = Desks::new(metrics);
    for traces in phased(phases, &[input.bytes().to_vec()]) {
        desks.count(&traces);
    }
    desks.flush()
}

/// What the script that drove SGLang had planned, without the prefill halves of pairs and what was not sampled.
fn planned() -> Vec<serde_json::Value> {
    let mut lines = json_lines("sglang-0.5.23-driven", "ground_truth.jsonl");
    let is_sampled = |line: &serde_json::Value| !line["traceparent"].as_str().unwrap_or("-01").ends_with("-00");
    lines.retain(|line| line["engine"] != "prefill" && is_sampled(line));
    lines
}

#[test]
fn h15_and_h18_requests_of_sglang_count_once_by_how_they_ended_and_pairs_are_one() {
    let (metrics, desks) = sglang("", "");

    let outcome = |word: &str| -> i64 {
        let keys = metrics.of("inferscope.requests").into_iter();
        keys.filter(|key| key.contains(&format!("outcome={word}")))
            .map(|key| metrics.total(key))
            .sum()
    };
    // The script calls "abort" what was given up in the queue, and also what was refused because it was too long.
    let planned = planned();
    let count = |is: &dyn Fn(&serde_json::Value) -> bool| planned.iter().filter(|line| is(line)).count() as i64;
    let refused = count(&|line| line["plan"]["abort"] == "validate");
    let aborted = count(&|line| line["result"] == "abort") - refused;
    assert_eq!((aborted, refused), (1, 1));
    assert_eq!(outcome("ok"), count(&|line| line["result"] == "ok"));
    assert_eq!((outcome("abort"), outcome("error")), (aborted, refused));
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_spans{kind=\"prefill_half\"}"),
        3
    );
    assert!(desks.own("inferscope_connector_llm_metrics_spans{kind=\"retracted\"}") > 0);
}

#[test]
fn h18_of_a_pair_the_decode_half_says_the_tokens_and_both_halves_their_phases() {
    let metrics = case("sglang_pair", "", "");

    let tokens = |word: &str| {
        let keys = metrics.of("inferscope.request.tokens");
        let key = keys
            .into_iter()
            .find(|key| key.contains(&format!("gen_ai.token.type={word}")));
        metrics.total(key.unwrap())
    };
    assert_eq!((tokens("input"), tokens("output")), (120, 12));
    let phases = metrics.of("inferscope.request.phase.duration");
    for word in ["prefill", "queue", "kv_transfer", "queue.decode", "decode"] {
        assert!(
            phases
                .iter()
                .any(|key| key.contains(&format!("inferscope.phase={word}"))),
            "{word}: {phases:?}"
        );
    }
    let durations = metrics.of("gen_ai.server.request.duration");
    assert_eq!(metrics.histogram(durations[0]).count, 1);
}

#[test]
fn h14_a_retracted_attempt_is_in_no_sum() {
    let metrics = case("sglang_retracted", "", "");

    let sum = |word: &str| {
        let keys = metrics.of("inferscope.request.phase.duration");
        let key = keys
            .into_iter()
            .find(|key| key.contains(&format!("inferscope.phase={word}")));
        metrics.histogram(key.unwrap()).sum.unwrap()
    };
    // The outermost of each; SGLang's waiting for decode belongs to decode.
    assert!((sum("prefill") - 0.043_880).abs() < 1e-6, "{}", sum("prefill"));
    let total = sum("decode") + sum("prefill") + sum("queue") + sum("dispatch") + sum("tokenize") + sum("detokenize");
    let requests = metrics.of("gen_ai.server.request.duration");
    assert!(total < metrics.histogram(requests[0]).sum.unwrap());
}

#[test]
fn p8_from_attributes_a_phase_of_several_stages_counts_once_for_its_request() {
    let (metrics, _) = sglang("emit: attributes", "phases_from: attributes");

    let counts: Vec<(String, u64)> = metrics
        .of("inferscope.request.phase.duration")
        .into_iter()
        .map(|key| (key.to_owned(), metrics.histogram(key).count))
        .collect();
    let of = |word: &str| -> u64 {
        let of_word = counts
            .iter()
            .filter(|(key, _)| key.contains(&format!("inferscope.phase={word},")));
        of_word.map(|(_, count)| count).sum()
    };
    let ok = planned().iter().filter(|line| line["result"] == "ok").count() as u64;
    let single = planned().iter().filter(|line| line["plan"]["out"] == 1).count() as u64;
    assert_eq!(of("dispatch"), ok + 2, "{counts:#?}");
    assert_eq!(of("queue"), ok + 1, "one was given up in the queue: {counts:#?}");
    assert_eq!((of("prefill"), of("decode")), (ok, ok - single), "{counts:#?}");
    let of_decode = counts
        .iter()
        .filter(|(key, _)| key.contains("inferscope.phase=decode,"));
    assert!(
        of_decode
            .clone()
            .all(|(key, _)| key.contains("gen_ai.response.model=Qwen/Qwen3-0.6B")),
        "{counts:#?}"
    );
}

#[test]
fn durations_of_tgi_and_triton_are_counted_and_what_they_do_not_say_is_absent() {
    for (name, service, phases) in [
        ("tgi_steps", "service.name=text-generation-inference.router", 5),
        ("triton_moments", "", 6),
    ] {
        let metrics = case(name, "", "");

        assert_eq!(
            metrics
                .histogram(&format!("gen_ai.server.request.duration{{{service}}}"))
                .count,
            1
        );
        assert_eq!(metrics.of("inferscope.request.phase.duration").len(), phases);
        assert_eq!(metrics.of("gen_ai.server.time_to_first_token"), [""; 0]);
        assert_eq!(metrics.of("gen_ai.server.time_per_output_token"), [""; 0]);
        assert_eq!(metrics.of("inferscope.request.tokens"), [""; 0]);
    }
}

#[test]
fn requests_of_tgi_and_triton_are_known_before_they_are_decomposed() {
    let mut desks = Desks::new("");
    let tgi = [("service.name", text("text-generation-inference.router"))];
    let router = bare(&[("total_time", text("112ms"))]);
    desks.count(&parse(&request_of(&tgi, "", vec![router.clone()]).encode_to_vec()));
    desks.count_spans(vec![bare(&[("triton.model_name", text("llama"))]), router]);

    desks.flush();

    assert_eq!(desks.own("inferscope_connector_llm_metrics_spans{kind=\"request\"}"), 2);
    assert_eq!(
        desks.own("inferscope_connector_llm_metrics_spans{kind=\"other\"}"),
        1,
        "TGI's word on another service"
    );
}

#[test]
fn an_error_is_counted_by_its_type_and_a_nameless_one_as_other() {
    let mut failed = answer(&[("error.type", text("timeout"))]);
    failed.status = Some(opentelemetry_proto::tonic::trace::v1::Status {
        code: 2,
        ..Default::default()
    });
    let mut nameless = failed.clone();
    nameless.attributes.retain(|it| it.key != "error.type");
    let mut desks = Desks::new("");

    desks.count_spans(vec![failed, nameless, answer(&[("error.type", text("ignored"))])]);

    let metrics = desks.flush();
    assert_eq!(
        metrics.of("inferscope.requests"),
        [
            "inferscope.requests{error.type=_OTHER,outcome=error,service.name=llm}",
            "inferscope.requests{error.type=timeout,outcome=error,service.name=llm}",
            "inferscope.requests{outcome=ok,service.name=llm}",
        ]
    );
    assert_eq!(
        metrics
            .histogram("gen_ai.server.request.duration{error.type=timeout,service.name=llm}")
            .count,
        1
    );
}

#[test]
fn reasons_are_read_in_all_their_forms() {
    let array = |words: &[&str]| {
        let values = words.iter().map(|word| pair("", text(word)).value.unwrap()).collect();
        Value::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue { values })
    };
    for (value, outcome) in [
        (text("[\"abort\"]"), "abort"),
        (text("abort"), "abort"),
        (array(&["stop", "abort"]), "abort"),
        (array(&["stop"]), "ok"),
        (text("error"), "error"),
        (text("length"), "ok"),
        (text("abortive"), "ok"),
    ] {
        let mut desks = Desks::new("");
        desks.count_spans(vec![answer(&[("gen_ai.response.finish_reasons", value.clone())])]);

        let metrics = desks.flush();
        let keys = metrics.of("inferscope.requests");
        assert!(keys[0].contains(&format!("outcome={outcome}")), "{value:?}: {keys:?}");
    }
}
