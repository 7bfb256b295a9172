//! Who decides: the order of domain §4.1, and nothing else.

use super::config::{Config, Rank};
use super::door::{Door, Sender};
use super::name;
use super::said::Said;

/// What said the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    /// The authenticated connection.
    Connection,
    /// A listed gateway.
    Gateway,
    /// The sender's pod.
    Kubernetes,
    /// The sender.
    Claim,
    /// Nobody.
    #[default]
    Unknown,
}

impl Source {
    /// All of them, as in attributes and metrics.
    pub(super) const WORDS: [&'static str; 5] = ["connection", "gateway", "kubernetes", "claim", "unknown"];

    /// The one with this word.
    pub(super) fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Connection,
            Self::Gateway,
            Self::Kubernetes,
            Self::Claim,
            Self::Unknown,
        ];
        all.into_iter().find(|source| source.word() == word)
    }

    /// The word in attributes and metrics.
    pub(super) fn word(self) -> &'static str {
        Self::WORDS.get(self as usize).copied().unwrap_or_default()
    }
}

/// What is known of a resource. Its texts serve resource after resource.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What its attributes name that gateways write; empty if none does.
    pub(super) by_gateway: String,
    /// The same of those that senders write.
    pub(super) by_sender: String,
    /// Whether gateways are believed about this service.
    pub(super) is_trusted_service: bool,
    /// What its pod names.
    pub(super) observed: String,
    /// Whether the pod was observed, or vouched for; not where the sender alone says which pod it is.
    pub(super) is_observed: bool,
}

/// A tenant, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision<'a> {
    pub(super) tenant: &'a str,
    pub(super) source: Source,
    pub(super) trusted: bool,
    /// Whether a process in front of this one has decided it and has written down how.
    pub(super) is_passed_on: bool,
}

/// Decides about an item with these claims of its own; about its resource, if there are none.
pub(super) fn decide<'a>(config: &Config, door: &'a Door, facts: &'a Facts, item: &Said<'a>) -> Decision<'a> {
    if door.sender == Sender::Tenant {
        return Decision {
            tenant: &door.tenant,
            source: Source::Connection,
            trusted: true,
            is_passed_on: false,
        };
    }
    let asked = config.order.iter().find_map(|rank| match rank {
        Rank::Gateway => gateway(door, facts, item),
        Rank::Kubernetes => kubernetes(facts),
        Rank::Claim => claim(door, facts, item),
    });
    asked.unwrap_or(Decision {
        tenant: name::UNKNOWN,
        source: Source::Unknown,
        trusted: false,
        is_passed_on: false,
    })
}

fn gateway<'a>(door: &'a Door, facts: &'a Facts, item: &Said<'a>) -> Option<Decision<'a>> {
    if door.sender != Sender::Gateway {
        return None;
    }
    let vouched = |tenant| Decision {
        tenant,
        source: Source::Gateway,
        trusted: true,
        is_passed_on: false,
    };
    if let Some(header) = filled(&door.header) {
        return Some(vouched(header));
    }
    let tenant = item.by_gateway().or(filled(&facts.by_gateway));
    let decision = vouched(tenant.filter(|_| facts.is_trusted_service)?);
    // A process in front has written down how it knows, and how sure that is; to pass it on makes it no truer.
    Some(match (item.found_by, item.is_untrusted) {
        (Some(source), is_untrusted) => Decision {
            source,
            trusted: !is_untrusted,
            is_passed_on: true,
            ..decision
        },
        (None, true) => Decision {
            source: Source::Claim,
            trusted: false,
            ..decision
        },
        (None, false) => decision,
    })
}

fn kubernetes(facts: &Facts) -> Option<Decision<'_>> {
    filled(&facts.observed).map(|tenant| Decision {
        tenant,
        source: Source::Kubernetes,
        trusted: facts.is_observed,
        is_passed_on: false,
    })
}

fn claim<'a>(door: &'a Door, facts: &'a Facts, item: &Said<'a>) -> Option<Decision<'a>> {
    if door.sender != Sender::Anyone {
        return None;
    }
    let attribute = item.by_sender().or(filled(&facts.by_sender));
    filled(&door.header).or(attribute).map(|tenant| Decision {
        tenant,
        source: Source::Claim,
        trusted: false,
        is_passed_on: false,
    })
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
