//! What attributes claim about the tenant: one pass over those of a resource or an item.

use pipeline::payload::{RawAttrs, RawValue, Value, names};

use super::config::Config;
use super::decision::Source;
use super::meters::Meters;
use super::name::{self, Fault};

/// Attributes of ours that nobody else may write: they say how sure the tenant is.
const MARKS: [&str; 3] = [
    names::INFERSCOPE_TENANT_SOURCE,
    names::INFERSCOPE_TENANT_TRUSTED,
    names::INFERSCOPE_TENANT_CLAIMED,
];

/// Which attributes to look for.
#[derive(Debug)]
pub(super) struct Keys {
    gateway: Vec<String>,
    claim: Vec<String>,
    /// Lengths of all of them, by bit; a key of another length is passed over.
    lengths: u128,
}

/// What the attributes of a resource or an item claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said<'a> {
    /// The first of the gateways' attributes that is there: its place in the list, and its name.
    gateway: Option<(usize, &'a str)>,
    /// The same of the senders' attributes.
    claim: Option<(usize, &'a str)>,
    /// Whether there is a `tenant.id`, of whatever kind.
    pub(super) has_tenant: bool,
    /// What it says, if it is a text and there is one only: readers differ in which of several they take.
    pub(super) tenant: Option<&'a str>,
    /// Whether there are marks of ours.
    pub(super) has_marks: bool,
    /// Whether the sender's own mark says that its tenant is not to be trusted.
    pub(super) is_untrusted: bool,
    /// What the sender's own marks say has told it the tenant, if they are whole: it says how sure it is as well.
    pub(super) found_by: Option<Source>,
    /// Whether it looks like a request to a model.
    pub(super) is_request: bool,
}

impl Keys {
    pub(super) fn new(config: &Config) -> Self {
        let (gateway, claim) = (config.gateway.attributes.clone(), config.claim.attributes.clone());
        let all = gateway.iter().chain(&claim).map(String::as_str);
        let all = all.chain(MARKS).chain([names::TENANT_ID]);
        Self {
            lengths: all.fold(0, |lengths, key| lengths | bit(key.len())),
            gateway,
            claim,
        }
    }

    /// Reads attributes.
    pub(super) fn read<'a>(&self, attributes: RawAttrs<'a>, meters: &Meters) -> Said<'a> {
        let mut said = Said::default();
        let mut marks = Marks::default();
        for (key, value) in attributes {
            let key = key.as_bytes();
            said.is_request |= marks_request(key);
            if self.lengths & bit(key.len()) != 0 {
                if let Some(mark) = MARKS.iter().find(|mark| mark.as_bytes() == key) {
                    said.has_marks = true;
                    marks.hear(mark, value.read());
                } else {
                    self.hear(&mut said, key, value, meters);
                }
            }
        }
        said.is_untrusted = marks.is_untrusted;
        said.found_by = marks.source.filter(|_| marks.sources == 1 && marks.says_trust);
        said
    }

    fn hear<'a>(&self, said: &mut Said<'a>, key: &[u8], value: RawValue<'a>, meters: &Meters) {
        if key == names::TENANT_ID.as_bytes() {
            let text = value.read().as_str();
            said.tenant = text.filter(|_| !said.has_tenant);
            said.has_tenant = true;
        }
        let place = |list: &[String]| list.iter().position(|it| it.as_bytes() == key);
        let (gateway, claim) = (place(&self.gateway), place(&self.claim));
        if gateway.is_none() && claim.is_none() {
            return;
        }
        match named(value) {
            Ok(name) => {
                put(&mut said.gateway, gateway, name);
                put(&mut said.claim, claim, name);
            }
            Err(fault) => meters.refused(fault),
        }
    }
}

/// The marks of one item.
#[derive(Debug, Default)]
struct Marks {
    source: Option<Source>,
    /// How often it is said; readers differ in which of several they take.
    sources: u32,
    says_trust: bool,
    is_untrusted: bool,
}

impl Marks {
    fn hear(&mut self, mark: &str, value: Value<'_>) {
        match mark {
            names::INFERSCOPE_TENANT_SOURCE => {
                self.sources += 1;
                self.source = value.as_str().and_then(Source::of);
            }
            names::INFERSCOPE_TENANT_TRUSTED => {
                self.says_trust = true;
                self.is_untrusted |= value.as_bool() != Some(true);
            }
            _ => {}
        }
    }
}

impl<'a> Said<'a> {
    /// What a gateway names.
    pub(super) fn by_gateway(&self) -> Option<&'a str> {
        self.gateway.map(|(_, name)| name)
    }

    /// What a sender names.
    pub(super) fn by_sender(&self) -> Option<&'a str> {
        self.claim.map(|(_, name)| name)
    }

    /// What is claimed at all.
    pub(super) fn claimed(&self) -> Option<&'a str> {
        self.by_sender().or(self.by_gateway())
    }
}

/// Engines and libraries say these about requests to models and about nothing else.
fn marks_request(key: &[u8]) -> bool {
    key.starts_with(b"gen_ai.") || key.starts_with(b"llm.") || key == names::TRITON_MODEL_NAME.as_bytes()
}

/// Longer keys share a bit with others, which costs a comparison.
fn bit(length: usize) -> u128 {
    1 << (length % 128)
}

/// The first value of a key counts, as for every reader of OTLP attributes, and of several keys the first of the list.
fn put<'a>(held: &mut Option<(usize, &'a str)>, place: Option<usize>, name: &'a str) {
    if let Some(place) = place
        && held.is_none_or(|(before, _)| place < before)
    {
        *held = Some((place, name));
    }
}

/// A text, or the only text in a row: so are request headers written on spans.
fn named(value: RawValue<'_>) -> Result<&str, Fault> {
    match value.read() {
        Value::Str(text) => name::check(text.as_str()),
        Value::Array(row) => {
            let mut values = row.values();
            match (values.next(), values.next()) {
                (Some(Value::Str(text)), None) => name::check(text.as_str()),
                (Some(Value::Str(_)), Some(_)) => Err(Fault::Ambiguous),
                _ => Err(Fault::WrongType),
            }
        }
        _ => Err(Fault::WrongType),
    }
}
