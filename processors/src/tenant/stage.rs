//! Writes the tenant: once on the resource, and on an item only where it is another.

use std::sync::Arc;

use pipeline::component::Setup;
use pipeline::context::pods::{Clues, PodMap, Pods};
use pipeline::payload::{
    AttributeEdit, BatchContext, Edit, EncodedAttributes, ItemStage, ItemView, RawAttrs, ResourceView, SpanStage,
    SpanView, names,
};

use super::config::Config;
use super::decision::{Decision, Facts, Source, decide};
use super::door::{Door, Sender};
use super::meters::{Meters, Place};
use super::observed;
use super::said::{Keys, Said};

/// What is told of the batch and the resource at hand, and what was decided about it.
#[derive(Debug)]
pub(super) struct TenantStage {
    config: Config,
    keys: Keys,
    meters: Meters,
    pods: Pods,
    /// As of the beginning of the batch, so that all of it is judged alike.
    map: Arc<PodMap>,
    door: Door,
    facts: Facts,
    /// Of the resource at hand.
    tenant: String,
    /// What request spans are given that say nothing of their own.
    marks: EncodedAttributes,
    /// A claim of the header or of the resource that has lost; empty if none has.
    lost: String,
}

impl TenantStage {
    pub(super) fn new(config: &Config, setup: &Setup) -> Self {
        let pods = setup.context.pods.clone();
        Self {
            keys: Keys::new(config),
            meters: Meters::new(&setup.telemetry),
            map: pods.map(),
            pods,
            config: config.clone(),
            door: Door::default(),
            facts: Facts::default(),
            tenant: String::new(),
            marks: EncodedAttributes::new(),
            lost: String::new(),
        }
    }

    fn begin(&mut self, context: &BatchContext<'_>) {
        self.map = self.pods.map();
        self.door.open(&self.config, context.origin, &self.meters);
    }

    fn enter(&mut self, resource: ResourceView<'_>, edit: &mut AttributeEdit<'_>) {
        let said = self.keys.read(resource.raw_attrs(), &self.meters);
        self.learn(resource, &said);
        if self.door.sender == Sender::Own {
            return self.enter_own(&said, edit);
        }
        let decision = decide(&self.config, &self.door, &self.facts, &Said::default());
        self.meters.resource(decision.source);
        self.lost.clear();
        for (place, claimed) in [
            (Place::Header, Some(self.door.header.as_str())),
            (Place::Resource, said.claimed()),
        ] {
            let claimed = claimed.filter(|claimed| !claimed.is_empty() && *claimed != decision.tenant);
            if let Some(claimed) = claimed {
                self.meters.conflict(place);
                if self.lost.is_empty() {
                    self.lost.push_str(claimed);
                }
            }
        }
        self.marks.clear();
        put_marks(&mut self.marks, &decision, &self.lost);
        if said.tenant != Some(decision.tenant) {
            edit.set(names::TENANT_ID, decision.tenant);
        }
        if said.has_marks && self.door.sender != Sender::Gateway {
            forget_marks(edit);
        }
        self.tenant.clear();
        self.tenant.push_str(decision.tenant);
    }

    /// What this process has made has the tenant of the pod that it is about, unless it says one already.
    fn enter_own(&mut self, said: &Said<'_>, edit: &mut AttributeEdit<'_>) {
        self.meters.own_resource();
        if !said.has_tenant && !self.facts.observed.is_empty() {
            edit.set(names::TENANT_ID, self.facts.observed.as_str());
        }
    }

    /// Looks up what is known of a resource.
    fn learn(&mut self, resource: ResourceView<'_>, said: &Said<'_>) {
        let facts = &mut self.facts;
        put(&mut facts.by_gateway, said.by_gateway());
        put(&mut facts.by_sender, said.by_sender());
        let believed = &self.config.gateway.trusted_services;
        facts.is_trusted_service = self.door.sender == Sender::Gateway && {
            let service = resource.attr(names::SERVICE_NAME);
            let service = service.as_ref().and_then(|value| value.as_str()).unwrap_or_default();
            believed.iter().any(|it| it == "*" || it == service)
        };
        let (map, kubernetes) = (&*self.map, &self.config.kubernetes);
        let by_address = || map.alone_at(self.door.address?);
        let by_resource = || map.find(&Clues::of(resource));
        // Whoever speaks for others speaks for their pods, too: its own says nothing about them.
        let (pod, is_observed) = match self.door.sender {
            Sender::Tenant => (None, false),
            Sender::Own | Sender::Gateway => (by_resource(), true),
            Sender::Stranger => (by_address(), true),
            Sender::Anyone => match by_address() {
                Some(pod) => (Some(pod), true),
                None => (by_resource(), false),
            },
        };
        facts.is_observed = is_observed;
        put(
            &mut facts.observed,
            pod.and_then(|pod| observed::tenant(kubernetes, map, pod)),
        );
    }

    /// Edits an item, if it needs any; only spans are marked.
    fn look(&self, attributes: RawAttrs<'_>, is_span: bool, edit: &mut AttributeEdit<'_>) {
        if self.door.sender == Sender::Own {
            return;
        }
        let said = self.keys.read(attributes, &self.meters);
        let is_request = is_span && said.is_request;
        let says_nothing = said.claimed().is_none() && !said.has_tenant && !said.has_marks;
        if says_nothing {
            if is_request {
                edit.append(&self.marks);
            }
            return;
        }
        let decision = decide(&self.config, &self.door, &self.facts, &said);
        let lost = said.claimed().filter(|claimed| *claimed != decision.tenant);
        if lost.is_some() {
            self.meters.conflict(Place::Item);
        }
        let is_same = decision.tenant == self.tenant;
        if said.has_tenant && said.tenant != Some(decision.tenant) || !said.has_tenant && !is_same {
            edit.set(names::TENANT_ID, decision.tenant);
        }
        if decision.is_passed_on {
            return; // Who found the tenant has marked the item, and knows better how.
        }
        if said.has_marks && (is_request || self.door.sender != Sender::Gateway) {
            forget_marks(edit);
        }
        if is_request {
            let earlier = Some(self.lost.as_str()).filter(|lost| *lost != decision.tenant);
            let mut marks = EncodedAttributes::new();
            put_marks(&mut marks, &decision, lost.or(earlier).unwrap_or_default());
            for (key, value) in marks.attrs().raw() {
                edit.set_encoded(key.as_str(), value);
            }
        }
    }
}

impl SpanStage for TenantStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.begin(context);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        self.enter(resource, edit);
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        self.look(span.raw_attrs(), true, edit);
    }
}

impl ItemStage for TenantStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.begin(context);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut AttributeEdit<'_>) {
        self.enter(resource, edit);
    }

    fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        self.look(item.attrs().raw(), false, edit);
    }
}

fn put_marks(marks: &mut EncodedAttributes, decision: &Decision<'_>, lost: &str) {
    marks.push(names::INFERSCOPE_TENANT_SOURCE, Source::word(decision.source));
    marks.push(names::INFERSCOPE_TENANT_TRUSTED, decision.trusted);
    if !lost.is_empty() {
        marks.push(names::INFERSCOPE_TENANT_CLAIMED, lost);
    }
}

fn forget_marks(edit: &mut AttributeEdit<'_>) {
    for mark in [
        names::INFERSCOPE_TENANT_SOURCE,
        names::INFERSCOPE_TENANT_TRUSTED,
        names::INFERSCOPE_TENANT_CLAIMED,
    ] {
        edit.delete(mark);
    }
}

fn put(place: &mut String, text: Option<&str>) {
    place.clear();
    place.push_str(text.unwrap_or_default());
}
