//! The processor at work: adds what is missing, and takes away what is spare where it is told to.

use pipeline::payload::{Edit, EncodedAttributes, ScopeView, SpanStage, SpanView, Value};
use pipeline::telemetry::Telemetry;

use super::config::{Config, Normalize};
use super::heard::{Gap, Heard};
use super::meters::Meters;
use super::rows::{self, Meaning, Says};
use crate::llm_names::{self, Dictionary, Scripts};

/// How the scopes begin under which components of this program make spans: `inferscope/llm_phases`.
const OWN_SCOPES: &[u8] = b"inferscope/";

/// One lane's share of the processor.
#[derive(Debug)]
pub(super) struct AttributeStage {
    normalize: Normalize,
    dictionary: Dictionary<Meaning>,
    scripts: Scripts<Meaning>,
    meters: Meters,
    /// The scope at hand.
    scope: Vec<u8>,
    /// Whether its spans were made by this program, here or in front: those say everything as they should.
    is_own: bool,
    /// Filled anew for every span, so that none allocates.
    gained: EncodedAttributes,
}

impl AttributeStage {
    pub(super) fn new(config: &Config, telemetry: &Telemetry) -> Self {
        Self {
            normalize: config.normalize,
            dictionary: rows::dictionary(),
            scripts: Scripts::default(),
            meters: Meters::new(telemetry),
            scope: Vec::new(),
            is_own: false,
            gained: EncodedAttributes::new(),
        }
    }

    #[inline(never)]
    fn write(&mut self, heard: &Heard<'_>, edit: &mut Edit<'_>) {
        self.meters.add(heard);
        if self.normalize == Normalize::Replace {
            heard.spare_names().for_each(|name| edit.delete(name));
        }
        self.gained.clear();
        for gap in heard.gaps() {
            put(&gap, &mut self.gained);
        }
        if !self.gained.is_empty() {
            edit.append(&self.gained);
        }
    }
}

impl SpanStage for AttributeStage {
    fn scope(&mut self, scope: ScopeView<'_>, _edit: &mut Edit<'_>) {
        self.is_own = scope.name().as_bytes().starts_with(OWN_SCOPES);
        self.scope.clear();
        self.scope.extend_from_slice(scope.name().as_bytes());
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        if self.is_own {
            return;
        }
        let script = self.scripts.of(&self.scope);
        let heard = Heard::of(span, &self.dictionary, script);
        if !heard.is_plain() {
            self.write(&heard, edit);
        }
    }
}

/// Writes a fact under its standard name.
fn put(gap: &Gap<'_>, out: &mut EncodedAttributes) {
    let key = rows::name(gap.row, 1);
    match gap.says {
        Says::Count | Says::Text | Says::Flag => out.push(key, gap.value),
        Says::Seconds | Says::Price => {
            if let Some(number) = gap.value.read().as_f64() {
                out.push(key, number * rows::unit(gap.name));
            }
        }
        Says::Operation => {
            if let Value::Str(text) = gap.value.read()
                && let Some(operation) = llm_names::operation(text.as_bytes())
            {
                out.push(key, operation);
            }
        }
        Says::Reasons => match gap.value.read() {
            Value::Str(text) => out.push(key, [text.as_str()].as_slice()),
            _ => out.push(key, gap.value),
        },
        Says::Nothing => {}
    }
}
