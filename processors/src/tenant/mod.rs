#![doc = include_str!("README.md")]

mod config;
mod decision;
mod door;
mod meters;
mod name;
mod observed;
mod said;
mod stage;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, On, Processor, Reliance, Setup, Stability, Stage};

pub use self::config::{Claim, Config, Gateway, Kubernetes, Rank};

use self::stage::TenantStage;
use crate::actions;

/// Says on whose behalf telemetry was made.
pub struct Tenant;

impl Component for Tenant {
    const ABOUT: About = About {
        name: "tenant",
        aliases: &[],
        summary: "Says on whose behalf telemetry was made: by the sender's connection, a gateway, its pod, or its claim",
        signals: &Signal::ALL,
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &meters::ALL,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for Tenant {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        Ok(actions::stage(setup, TenantStage::new(config, setup)))
    }

    fn leans_on(config: &Config) -> Vec<Reliance> {
        let is_meant = config.kubernetes != Kubernetes::default() || config.order.first() == Some(&Rank::Kubernetes);
        let need = (is_meant && config.order.contains(&Rank::Kubernetes)).then_some(Reliance {
            on: On::Extension("k8s"),
            loss: "no pod is known, so the source `kubernetes` says nothing",
        });
        let by_identity = !config.connection.is_empty() || !config.gateway.identities.is_empty();
        let known = by_identity.then_some(Reliance {
            on: On::KnownSenders,
            loss: "`connection` and `gateway::identities` name senders that nobody ever is",
        });
        let by_address = config.order.contains(&Rank::Kubernetes);
        let by_header = config.order.contains(&Rank::Claim) && !config.headers.is_empty();
        let merged = (by_identity || by_address || by_header).then_some(Reliance {
            on: On::NotBehind("batch"),
            loss: "what was merged from several senders has no identity, no address and no headers by which its tenant is known",
        });
        need.into_iter().chain(known).chain(merged).collect()
    }
}
