//! Which labels the series of a span have: what the span says, and what its resource says where the span is silent.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pipeline::payload::{EncodedAttributes, RawAttrs, RawValue, ResourceView, Text, Value, names};

use super::config::{Config, Dimension};
use super::dictionary::{Dictionary, Word, dictionary};
use super::said::Said;
use super::tenants::{OTHER, Tenants};
use crate::aggregation::instance_id;
use crate::llm_names;

/// A value longer than this makes no label: it would be kept for as long as its series, and whoever sends spans writes
/// it.
const LABEL_BYTES_MAX: usize = 1024;

/// The service whose spans are requests although they say nothing under the common names.
const TGI_ROUTER: &str = "text-generation-inference.router";

/// Attributes of a resource that the metrics keep on theirs. Prometheus makes `job` of them.
const KEPT: [&str; 2] = [names::SERVICE_NAMESPACE, names::SERVICE_NAME];

/// The texts by which requests are told apart; empty where nobody says anything.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words<'a> {
    request_model: Text<'a>,
    response_model: Text<'a>,
    operation: Text<'a>,
    provider: Text<'a>,
    tenant: Text<'a>,
    tenant_class: Text<'a>,
}

/// Values of the dimensions, in their order.
pub(super) type Values<'a> = Vec<Option<RawValue<'a>>>;

/// What a resource says about all of its spans.
#[derive(Debug)]
pub(super) struct Sender<'a> {
    /// Where the spans say nothing.
    words: Words<'a>,
    values: Values<'a>,
    /// What the metrics of this sender have as their resource.
    pub(super) resource: EncodedAttributes,
    /// Its instance, or everything that it says about itself: spans of one process have it in common.
    pub(super) identity: &'a [u8],
    /// Whether it is TGI's router.
    pub(super) is_tgi: bool,
}

/// How labels are made, as configured.
#[derive(Debug)]
pub(super) struct Labels {
    /// What attributes mean.
    pub(super) dictionary: Dictionary,
    /// Attributes of a resource that name the model, the first first.
    models: Vec<String>,
    dimensions: Vec<Dimension>,
    /// The tenant of spans without one; none leaves the label out.
    tenant: Option<String>,
    /// Lanes share them, so that all name the same tenants.
    tenants: Mutex<Tenants>,
}

impl PartialEq for Words<'_> {
    /// Most words are empty; to compare nothing with nothing would be a call all the same.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let same = |one: Text<'_>, other: Text<'_>| match (one.is_empty(), other.is_empty()) {
            (false, false) => one == other,
            (one, other) => one == other,
        };
        same(self.request_model, other.request_model)
            && same(self.response_model, other.response_model)
            && same(self.operation, other.operation)
            && same(self.provider, other.provider)
            && same(self.tenant, other.tenant)
            && same(self.tenant_class, other.tenant_class)
    }
}

impl<'a> Words<'a> {
    /// What a span says, and its sender where it is silent.
    #[inline]
    pub(super) fn of(said: &Said<'a>, sender: &Sender<'a>) -> Self {
        let or = |word, fallback: Text<'a>| Some(said.word(word)).filter(fits_text).unwrap_or(fallback);
        let others = &sender.words;
        Self {
            request_model: or(Word::RequestModel, others.request_model),
            response_model: or(Word::ResponseModel, others.response_model),
            operation: or(Word::Operation, others.operation),
            provider: or(Word::Provider, others.provider),
            tenant: or(Word::Tenant, others.tenant),
            tenant_class: or(Word::TenantClass, others.tenant_class),
        }
    }

    /// The model that objectives are about: the one that was asked for, else the one that answered.
    pub(super) fn model(&self) -> &'a [u8] {
        let asked = self.request_model.as_bytes();
        if asked.is_empty() {
            self.response_model.as_bytes()
        } else {
            asked
        }
    }

    /// The class of limits.
    pub(super) fn tenant_class(&self) -> &'a [u8] {
        self.tenant_class.as_bytes()
    }
}

impl Labels {
    /// As configured.
    pub(super) fn new(config: &Config) -> Self {
        // The tenant is a label anyway, and bounded; listed as a dimension, it has a default.
        let is_tenant = |it: &&Dimension| it.name == names::TENANT_ID;
        let tenant = config.dimensions.iter().find(is_tenant);
        let others = config.dimensions.iter().filter(|it| !is_tenant(it));
        Self {
            dictionary: dictionary(&config.tenant_class_attribute),
            models: config.model_attributes.clone(),
            dimensions: others.cloned().collect(),
            tenant: tenant.and_then(|it| it.default.clone()),
            tenants: Mutex::new(Tenants::new(config.tenants_max, config.metrics_expiration.limit())),
        }
    }

    /// What the series of this process have in common, so that those of another are others.
    pub(super) fn own(&self) -> EncodedAttributes {
        EncodedAttributes::new().with(names::COLLECTOR_INSTANCE_ID, instance_id())
    }

    /// Reads a resource.
    pub(super) fn sender<'a>(&self, resource: ResourceView<'a>) -> Sender<'a> {
        let text = |key: &str| match resource.attr(key) {
            Some(Value::Str(text)) => Some(text).filter(fits_text),
            _ => None,
        };
        let mut sender = Sender {
            words: Words::default(),
            values: Values::new(),
            resource: EncodedAttributes::new(),
            identity: text(names::SERVICE_INSTANCE_ID).map_or(resource.bytes(), Text::as_bytes),
            is_tgi: text(names::SERVICE_NAME).is_some_and(|name| name == TGI_ROUTER),
        };
        let mut said = Said::default();
        for (key, value) in resource.raw_attrs() {
            said.attribute(key, value, &self.dictionary);
        }
        let model = self.models.iter().find_map(|key| text(key));
        sender.words = Words::of(&said, &sender);
        sender.words.request_model = model.unwrap_or_default();
        for key in KEPT {
            if let Some(value) = text(key) {
                sender.resource.push(key, value);
            }
        }
        self.values(resource.raw_attrs(), &mut sender.values);
        sender
    }

    /// The values of the dimensions among attributes.
    #[inline]
    pub(super) fn values<'a>(&self, attributes: RawAttrs<'a>, out: &mut Values<'a>) {
        out.clear();
        for dimension in &self.dimensions {
            let value = attributes.get(&dimension.name);
            out.push(value.filter(|value| value.bytes().len() <= LABEL_BYTES_MAX));
        }
    }

    /// Writes the labels of a span; says whether its tenant is one of the others.
    pub(super) fn write(
        &self,
        words: &Words<'_>,
        values: &[Option<RawValue<'_>>],
        sender: &Sender<'_>,
        now: Instant,
        out: &mut EncodedAttributes,
    ) -> bool {
        out.clear();
        let is_other = !words.tenant.is_empty() && !self.admits(words.tenant.as_bytes(), now);
        let tenant = match (is_other, words.tenant.as_str()) {
            (true, _) => Some(OTHER),
            (false, "") => self.tenant.as_deref(),
            (false, tenant) => Some(tenant),
        };
        let words = [
            (names::GEN_AI_REQUEST_MODEL, words.request_model.as_str()),
            (names::GEN_AI_RESPONSE_MODEL, words.response_model.as_str()),
            (names::GEN_AI_OPERATION_NAME, operation(&words.operation)),
            (names::GEN_AI_PROVIDER_NAME, words.provider.as_str()),
        ];
        for (key, word) in words.into_iter().filter(|(_, word)| !word.is_empty()) {
            out.push(key, word);
        }
        if let Some(tenant) = tenant {
            out.push(names::TENANT_ID, tenant);
        }
        let values = values.iter().zip(&sender.values);
        for (dimension, (of_span, of_sender)) in self.dimensions.iter().zip(values) {
            match (of_span.or(*of_sender), &dimension.default) {
                (Some(value), _) => out.push(&dimension.name, value),
                (None, Some(value)) => out.push(&dimension.name, value),
                (None, None) => {}
            }
        }
        out.push(names::COLLECTOR_INSTANCE_ID, instance_id());
        is_other
    }

    fn admits(&self, tenant: &[u8], now: Instant) -> bool {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.admits(tenant, now)
    }
}

fn fits_text(text: &Text<'_>) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&text.as_bytes().len())
}

/// What the semantic conventions call an operation; a word that they do not know is a name of somebody's own.
fn operation<'a>(word: &Text<'a>) -> &'a str {
    llm_names::operation(word.as_bytes()).unwrap_or_else(|| word.as_str())
}
