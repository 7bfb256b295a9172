//! Random spans from a seed: a hundred times cheaper than strategies, so that laws can be tried a hundred thousand times.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};

use super::harness::key_value;

/// Numbers that look random (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Once in so many throws.
    pub(super) fn one_in(&mut self, throws: u64) -> bool {
        self.below(throws) == 0
    }

    pub(super) fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at as u64 + 1) as usize);
        }
    }

    /// A value of any type; mostly one that could be a duration.
    pub(super) fn value(&mut self) -> Option<Value> {
        const TEXTS: [&str; 8] = [
            "12.3ms",
            "0.125",
            "Some(42)",
            "1.2.3s",
            "",
            "NaN",
            "870ns",
            "9999999999s",
        ];
        Some(match self.below(14) {
            0..=5 => Value::DoubleValue(self.below(600) as f64 / 1e3),
            6 => Value::DoubleValue(f64::from_bits(self.next())),
            7 => Value::IntValue(self.below(3) as i64),
            8 => Value::IntValue(self.next() as i64),
            9 | 10 => Value::StringValue(self.of(&TEXTS).to_owned()),
            11 => Value::BoolValue(true),
            12 => Value::ArrayValue(ArrayValue {
                values: vec![AnyValue::default()],
            }),
            _ => return None,
        })
    }

    pub(super) fn attributes(&mut self, keys: &[&str], count: u64) -> Vec<KeyValue> {
        let mut attribute = |key: &str| KeyValue {
            value: self.value().map(|value| AnyValue { value: Some(value) }),
            ..key_value(key, Value::BoolValue(false))
        };
        // Repeated keys are against the rules, and come.
        let wanted: Vec<&str> = (0..count).map(|at| keys[at as usize % keys.len()]).collect();
        wanted.into_iter().map(&mut attribute).collect()
    }

    /// A span of a request that tells everything by itself.
    pub(super) fn flat_span(&mut self) -> Span {
        const NAMES: [&str; 5] = ["llm_request", "llm_request", "Load model", "prefill", ""];
        const KEYS: [&str; 12] = [
            "gen_ai.latency.time_in_queue",
            "gen_ai.latency.time_in_model_prefill",
            "gen_ai.latency.time_in_model_decode",
            "gen_ai.latency.time_in_model_inference",
            "gen_ai.latency.e2e",
            "gen_ai.latency.time_to_first_token",
            "gen_ai.usage.prompt_tokens",
            "gen_ai.usage.completion_tokens",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.request.id",
            "",
        ];
        let mut keys = KEYS;
        self.shuffle(&mut keys);
        let count = self.below(14);
        let start = self.below(2_000_000_000);
        let length = if self.one_in(9) {
            self.next()
        } else {
            self.below(900_000_000)
        };
        Span {
            trace_id: [self.next(), self.next() | 1].map(u64::to_be_bytes).concat(),
            span_id: (self.next() | 1).to_be_bytes().to_vec(),
            parent_span_id: (self.next() | 1).to_be_bytes().to_vec(),
            name: self.of(&NAMES).to_owned(),
            start_time_unix_nano: start,
            end_time_unix_nano: start.wrapping_add(length),
            flags: self.next() as u32,
            trace_state: self.of(&["", "v=1"]).to_owned(),
            attributes: self.attributes(&keys, count),
            ..Span::default()
        }
    }

    /// A span of a trace whose engine needs several: everything that means something to one of them, in any
    /// combination. Ids and times are few, so that spans meet each other.
    pub(super) fn tied_span(&mut self, trace: u64) -> Span {
        const NAMES: [&str; 19] = [
            " Req a",
            "prefill Req a",
            "decode Req a",
            "tokenize",
            "request_process",
            "prefill_waiting",
            "prefill_forward",
            "decode_waiting",
            "decode_forward",
            "decode_loop",
            "decode_transferred",
            "prefill_transfer_kv_cache",
            "compute",
            "Scheduler",
            "generate",
            "schedule",
            "infer",
            "waiting",
            "send_generation",
        ];
        const TIMES: [&str; 4] = ["total_time", "validation_time", "queue_time", "inference_time"];
        const MOMENTS: [&str; 6] = [
            "QUEUE_START",
            "COMPUTE_START",
            "COMPUTE_INPUT_END",
            "COMPUTE_END",
            "schedule",
            "retract",
        ];
        let id = |number: u64| (number + 1).to_be_bytes().to_vec();
        let name = self.of(&NAMES);
        let mut span = Span {
            trace_id: [trace, 1].map(u64::to_be_bytes).concat(),
            span_id: id(self.below(8)),
            parent_span_id: id(self.below(8)),
            name: name.to_owned(),
            start_time_unix_nano: self.below(60_000_000),
            end_time_unix_nano: self.below(90_000_000),
            ..Span::default()
        };
        if name == "generate" && self.one_in(2) {
            // What the router writes: the total is the sum of its parts.
            let parts = [0, 1, 2].map(|_| self.below(30));
            for (key, ms) in TIMES.iter().zip([parts.iter().sum(), parts[0], parts[1], parts[2]]) {
                span.attributes
                    .push(key_value(key, Value::StringValue(format!("{ms}ms"))));
            }
        } else if name == "generate" || self.one_in(12) {
            span.attributes = self.attributes(&TIMES, 4);
        }
        let mut say = |key: &str, value: &str| {
            span.attributes
                .push(key_value(key, Value::StringValue(value.to_owned())));
        };
        if self.one_in(3) {
            say("bootstrap_room", self.of(&["0x1", "0x2"]));
        }
        if name.ends_with("Req a") {
            say("module", "sglang::request");
        }
        if name == "Scheduler" {
            say("thread_label", self.of(&["Scheduler [TP 0]", "Tokenizer"]));
        }
        if self.one_in(4) {
            say("triton.model_name", "m");
        }
        if self.one_in(5) {
            span.status = Some(opentelemetry_proto::tonic::trace::v1::Status {
                code: 2,
                ..Default::default()
            });
        }
        for _ in 0..self.below(3) {
            span.events.push(Event {
                name: self.of(&MOMENTS).to_owned(),
                time_unix_nano: self.below(90_000_000),
                ..Event::default()
            });
        }
        if self.one_in(3) {
            span.links.push(Link {
                trace_id: span.trace_id.clone(),
                span_id: id(self.below(8)),
                ..Link::default()
            });
        }
        span
    }
}
