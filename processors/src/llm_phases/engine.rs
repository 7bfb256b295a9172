//! Which engine a span comes from.
//!
//! The same attribute names mean different things in different engines, so the engine is told from who made the span
//! and never from its attributes: the instrumentation scope first, then the resource, then the name of the span.

use pipeline::payload::{ResourceView, names};

use super::config::Engines;

/// An engine whose spans mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Engine {
    /// One flat span per sequence with durations as attributes.
    Vllm,
    /// A span per stage, from several processes.
    Sglang,
    /// Durations as Rust debug strings, a span per step.
    Tgi,
    /// Moments as span events.
    Triton,
    /// Anything that carries `gen_ai.latency.*` as vLLM means it.
    Plain,
}

impl Engine {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [Self::Vllm, Self::Sglang, Self::Tgi, Self::Triton, Self::Plain];

    /// Whether its requests are told by several spans, so that spans wait for each other.
    pub(super) const fn spans_processes(self) -> bool {
        matches!(self, Self::Sglang | Self::Tgi | Self::Triton)
    }

    /// The word in metrics and in the configuration.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Tgi => "tgi",
            Self::Triton => "triton",
            Self::Plain => "plain",
        }
    }
}

/// What is known before the spans of a scope are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// By scope or resource.
    By(Engine),
    /// Neither says; the name of the span may.
    ByName,
    /// The engine is known and switched off.
    Off,
}

/// Scopes of the engines themselves: vLLM's current and older name, SGLang's and Triton's.
const SCOPES: [(&str, Engine); 4] = [
    ("vllm.tracing.otel", Engine::Vllm),
    ("vllm.llm_engine", Engine::Vllm),
    ("sglang server", Engine::Sglang),
    ("triton-server", Engine::Triton),
];

/// The services that name their engine. TGI's Python shard is another service and has no requests of its own.
const SERVICES: [(&str, Engine); 2] = [
    ("text-generation-inference.router", Engine::Tgi),
    ("triton-inference-server", Engine::Triton),
];

/// The span that vLLM makes for each sequence.
pub(super) const VLLM_REQUEST: &[u8] = b"llm_request";

/// Tells engines apart, with what the user added.
#[derive(Debug, Clone)]
pub(super) struct Detector {
    /// The user's scopes first, so that they win.
    scopes: Vec<(Box<str>, Engine)>,
    enabled: [bool; Engine::ALL.len()],
}

impl Detector {
    /// Built-in names and the user's.
    pub(super) fn new(engines: &Engines) -> Self {
        let mut scopes = Vec::new();
        let enabled = Engine::ALL.map(|engine| engines.of(engine).enabled);
        for engine in Engine::ALL {
            let config = engines.of(engine);
            scopes.extend(config.scopes.iter().map(|scope| (scope.as_str().into(), engine)));
        }
        scopes.extend(SCOPES.iter().map(|(scope, engine)| ((*scope).into(), *engine)));
        Self { scopes, enabled }
    }

    /// What a resource says about all its scopes.
    pub(super) fn of_resource(&self, resource: ResourceView<'_>) -> Option<Engine> {
        let mut engine = None;
        for (key, value) in resource.attrs() {
            // On the resource of every process of vLLM.
            if key == names::VLLM_INSTRUMENTING_MODULE_NAME {
                return Some(Engine::Vllm);
            }
            if key == names::SERVICE_NAME {
                let service = value.as_str().unwrap_or_default();
                engine = SERVICES
                    .iter()
                    .find(|(name, _)| *name == service)
                    .map(|(_, engine)| *engine);
            }
        }
        engine
    }

    /// What scope and resource say together.
    pub(super) fn of_scope(&self, scope: &[u8], resource: Option<Engine>) -> Told {
        let by_scope = self
            .scopes
            .iter()
            .find(|(name, _)| name.as_bytes() == scope)
            .map(|(_, engine)| *engine);
        match by_scope.or(resource) {
            Some(engine) if self.is_enabled(engine) => Told::By(engine),
            Some(_) => Told::Off,
            None => Told::ByName,
        }
    }

    /// Whose request a span is when neither its scope nor its resource says.
    pub(super) fn of_name(&self, name: &[u8]) -> Option<Engine> {
        let engine = if name == VLLM_REQUEST {
            Engine::Vllm
        } else {
            Engine::Plain
        };
        self.is_enabled(engine).then_some(engine)
    }

    fn is_enabled(&self, engine: Engine) -> bool {
        self.enabled.get(engine as usize).copied().unwrap_or(false)
    }
}
