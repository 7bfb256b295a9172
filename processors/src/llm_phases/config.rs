//! What users write.

use config::{Duration, Report, Validate};
use serde::Deserialize;

use super::engine::Engine;
use super::phase::Phase;

/// Lays out where each request's time went.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Phases that are written. The others are computed all the same and left out, so the status stays true and the
    /// written ones stay where they are; the gaps between them are the phases that you did not ask for.
    pub phases: Vec<Phase>,
    /// How phases are written: as child spans, as attributes of the request span, or both.
    pub emit: Emit,
    /// Whether a phase that took no time is written as a span of zero length.
    pub zero_length_phases: bool,
    /// Whether SGLang's spans per step (`decode_loop`, `chunked_prefill`) are folded into the span of their phase and
    /// dropped. A request of 1,000 tokens has about 1,000 of them.
    pub drop_step_spans: bool,
    /// What to know about single engines.
    pub engines: Engines,
    /// Bounds of what waits for the rest of its trace.
    pub assembler: AssemblerConfig,
}

/// How phases are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Emit {
    /// Child spans under the request span.
    Spans,
    /// `inferscope.phase.<phase>.duration` and `.source` on the request span.
    Attributes,
    /// Both.
    Both,
}

impl Emit {
    pub(super) fn spans(self) -> bool {
        self != Self::Attributes
    }

    pub(super) fn attributes(self) -> bool {
        self != Self::Spans
    }
}

/// What to know about single engines.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engines {
    /// Scopes `vllm.tracing.otel` and `vllm.llm_engine`, and spans named `llm_request`.
    pub vllm: EngineConfig,
    /// Scope `sglang server`.
    pub sglang: EngineConfig,
    /// Service `text-generation-inference.router`.
    pub tgi: EngineConfig,
    /// Scope `triton-server`, service `triton-inference-server`.
    pub triton: EngineConfig,
    /// Any other span with `gen_ai.latency.*`.
    pub plain: EngineConfig,
}

impl Engines {
    pub(super) fn of(&self, engine: Engine) -> &EngineConfig {
        match engine {
            Engine::Vllm => &self.vllm,
            Engine::Sglang => &self.sglang,
            Engine::Tgi => &self.tgi,
            Engine::Triton => &self.triton,
            Engine::Plain => &self.plain,
        }
    }
}

/// What to know about one engine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Whether its spans are decomposed; otherwise they pass as they came.
    pub enabled: bool,
    /// Further instrumentation scopes whose spans mean what this engine's mean, such as a fork's.
    pub scopes: Vec<String>,
}

/// Bounds of what waits for the rest of its trace.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssemblerConfig {
    /// Traces that wait at once; the oldest leaves first.
    pub traces_max: u32,
    /// Spans of one trace that wait; with one more the trace leaves and the rest starts anew.
    pub spans_per_trace_max: u32,
    /// Memory of everything that waits, in bytes; the oldest trace leaves first.
    pub bytes_max: u64,
    /// A trace that hears nothing new for this long leaves.
    pub idle_window: Duration,
    /// No trace waits longer than this.
    pub wait_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            phases: Phase::ALL.to_vec(),
            emit: Emit::Spans,
            zero_length_phases: false,
            drop_step_spans: false,
            engines: Engines::default(),
            assembler: AssemblerConfig::default(),
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            scopes: Vec::new(),
        }
    }
}

impl Default for AssemblerConfig {
    fn default() -> Self {
        Self {
            // A thousand requests a second for the ten seconds that a trace may be idle.
            traces_max: 10_000,
            // An answer of 16,000 tokens with a span per token, the longest that engines commonly allow.
            spans_per_trace_max: 16_384,
            // About as much as the largest batch that the receivers accept, three times.
            bytes_max: 64 * 1024 * 1024,
            // Twice the flush interval of OpenTelemetry's batch processors, so that both processes have flushed.
            idle_window: Duration::from_secs(10),
            // The other half of a prefill/decode pair ends with its request; who waits longer waits in vain.
            wait_max: Duration::from_secs(30),
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.phases.is_empty() {
            report.reject(
                "phases",
                "must name at least one phase; remove the key to get all of them",
            );
        }
        self.engines.validate(report);
        self.assembler.validate(report);
    }
}

impl Engines {
    fn validate(&self, report: &mut Report<'_>) {
        let mut seen: Vec<(&str, Engine)> = Vec::new();
        for engine in Engine::ALL {
            for (index, scope) in self.of(engine).scopes.iter().enumerate() {
                let path = format!("engines::{}::scopes::{index}", engine.word());
                if scope.is_empty() {
                    report.reject(
                        &path,
                        "must not be empty; name the instrumentation scope as the engine sends it",
                    );
                }
                if let Some((_, other)) = seen.iter().find(|(known, other)| *known == scope && *other != engine) {
                    let problem = format!(
                        "scope {scope:?} is already mapped to {}; keep one of the two",
                        other.word()
                    );
                    report.reject(&path, problem);
                }
                seen.push((scope, engine));
            }
        }
    }
}

impl AssemblerConfig {
    fn validate(&self, report: &mut Report<'_>) {
        if self.traces_max == 0 {
            report.reject("assembler::traces_max", "must be at least 1");
        }
        if self.spans_per_trace_max == 0 {
            report.reject("assembler::spans_per_trace_max", "must be at least 1");
        }
        if self.bytes_max == 0 {
            report.reject("assembler::bytes_max", "must be at least 1");
        }
        if self.idle_window.is_zero() {
            report.reject("assembler::idle_window", "must be longer than zero, such as 10s");
        }
        if self.wait_max < self.idle_window {
            report.reject("assembler::wait_max", "must not be shorter than assembler::idle_window");
        }
    }
}
