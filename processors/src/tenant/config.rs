//! What users write.

use std::collections::BTreeMap;

use config::{Report, Validate};
use pipeline::payload::names;
use serde::Deserialize;

use super::name;

/// Says on whose behalf telemetry was made.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Tenants by the identity of an authenticated connection. Nothing outranks them.
    pub connection: BTreeMap<String, String>,
    /// Whose word counts for others.
    pub gateway: Gateway,
    /// What is observed of the sender's pod.
    pub kubernetes: Kubernetes,
    /// What senders say of themselves.
    pub claim: Claim,
    /// Request headers that name a tenant, the most telling first; kept by receivers with `include_metadata`.
    pub headers: Vec<String>,
    /// What is asked after the connection, in this order. What is left out is not asked.
    pub order: Vec<Rank>,
}

/// Whose word counts for others.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Identities of authenticated connections that speak for others.
    pub identities: Vec<String>,
    /// Values of `service.name` whose attributes are believed over such a connection; `"*"` for all.
    pub trusted_services: Vec<String>,
    /// Their attributes that name a tenant, of the item or else of its resource; the first that is there counts.
    pub attributes: Vec<String>,
}

/// What is observed of the sender's pod; the first that is there counts, and an empty name is not looked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kubernetes {
    /// A label of its namespace.
    pub namespace_label: String,
    /// A label of the pod.
    pub pod_label: String,
    /// The label by which Kueue queues the pod.
    pub queue_label: String,
    /// Whether the namespace itself is the tenant where no label says one.
    pub namespace_name: bool,
}

/// What senders say of themselves. It counts where the listener has no authentication, and is marked as not trusted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claim {
    /// Attributes that name a tenant, of the item or else of its resource; the first that is there counts.
    pub attributes: Vec<String>,
}

/// What may say the tenant, after the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// A listed gateway.
    Gateway,
    /// The sender's pod.
    Kubernetes,
    /// The sender itself.
    Claim,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connection: BTreeMap::new(),
            gateway: Gateway::default(),
            kubernetes: Kubernetes::default(),
            claim: Claim::default(),
            headers: vec!["x-tenant-id".to_owned(), "x-scope-orgid".to_owned()],
            order: vec![Rank::Gateway, Rank::Kubernetes, Rank::Claim],
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        let attributes = [
            names::TENANT_ID,
            "http.request.header.x-tenant-id",
            "http.request.header.x-llm-d-inference-fairness-id",
            // As llm-d called it until 0.8.
            "http.request.header.x-gateway-inference-fairness-id",
            "baggage.tenant.id",
        ];
        Self {
            identities: Vec::new(),
            trusted_services: Vec::new(),
            attributes: attributes.map(str::to_owned).to_vec(),
        }
    }
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self {
            namespace_label: "inferscope.io/tenant".to_owned(),
            pod_label: "inferscope.io/tenant".to_owned(),
            queue_label: "kueue.x-k8s.io/queue-name".to_owned(),
            namespace_name: true,
        }
    }
}

impl Default for Claim {
    fn default() -> Self {
        Self {
            attributes: vec![names::TENANT_ID.to_owned(), "tenant_id".to_owned()],
        }
    }
}

/// Attributes that are looked for in every item; more would be a list of guesses.
const ATTRIBUTES_MAX: usize = 16;

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        for (identity, tenant) in &self.connection {
            let path = format!("connection::{identity}");
            if let Err(fault) = name::check(tenant) {
                report.reject(&path, format!("{tenant:?} cannot be a tenant: {}", fault.sentence()));
            }
            if self.gateway.identities.contains(identity) {
                report.help(
                    &path,
                    format!("{identity:?} is a gateway as well"),
                    "keep it in one of the two: a gateway speaks for others, a connection for itself",
                );
            }
        }
        for (index, rank) in self.order.iter().enumerate() {
            if self.order.iter().take(index).any(|other| other == rank) {
                report.reject(&format!("order::{index}"), "is listed twice");
            }
        }
        let lists = [
            ("gateway::attributes", &self.gateway.attributes),
            ("claim::attributes", &self.claim.attributes),
            ("headers", &self.headers),
        ];
        for (path, list) in lists {
            if list.len() > ATTRIBUTES_MAX {
                report.reject(path, format!("holds more than {ATTRIBUTES_MAX} names"));
            }
            if list.iter().any(String::is_empty) {
                report.reject(path, "holds an empty name");
            }
        }
        if self.gateway.trusted_services.iter().any(String::is_empty) {
            report.reject("gateway::trusted_services", "holds an empty name; write \"*\" for all");
        }
    }
}
