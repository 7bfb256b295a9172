//! A1: three kinds of authentication by four places of a claim, and no wrong attribution.

use pipeline::{Method, Origin};

use super::rig::{Rig, anyone, known, request, string, with_header};

const CONFIG: &str = "
connection: { 'spiffe://acme/agent': acme, acme-token: acme, acme-user: acme }
gateway: { identities: ['spiffe://edge/gateway'], trusted_services: [llm-gateway] }
";

/// Where `beta` is claimed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    TenantHeader,
    ScopeHeader,
    Resource,
    Span,
}

const PLACES: [Place; 4] = [Place::TenantHeader, Place::ScopeHeader, Place::Resource, Place::Span];

struct Found {
    tenant: String,
    marks: (String, String),
    claimed: Option<String>,
    conflicts: u64,
}

fn try_out(config: &str, origin: &Origin, place: Place, service: &str) -> Found {
    let claim = [("tenant.id", string("beta"))];
    let mut resource = vec![("service.name", string(service))];
    let mut span = Vec::new();
    let origin = match place {
        Place::TenantHeader => with_header(origin.clone(), "x-tenant-id", "beta"),
        Place::ScopeHeader => with_header(origin.clone(), "x-scope-orgid", "beta"),
        Place::Resource | Place::Span => origin.clone(),
    };
    match place {
        Place::Resource => resource.extend(claim),
        Place::Span => span.extend(claim),
        _ => {}
    }
    let mut rig = Rig::new(config);
    let seen = rig.run(&request(&resource, &span), &origin);
    let source = match place {
        Place::TenantHeader | Place::ScopeHeader => "header",
        Place::Resource => "resource",
        Place::Span => "item",
    };
    Found {
        tenant: seen.tenant(0),
        marks: seen.marks(),
        claimed: seen.on_span(0, "inferscope.tenant.claimed"),
        conflicts: rig.counted("inferscope_tenant_conflicts", source),
    }
}

#[test]
fn a1_a_claim_never_outranks_an_authenticated_connection_wherever_it_stands() {
    let senders = [
        known(Method::Certificate, "spiffe://acme/agent"),
        known(Method::Token, "acme-token"),
        known(Method::Password, "acme-user"),
    ];
    for origin in senders {
        for place in PLACES {
            let found = try_out(CONFIG, &origin, place, "vllm");

            assert_eq!(found.tenant, "acme", "{place:?}");
            assert_eq!(found.marks, ("connection".to_owned(), "true".to_owned()), "{place:?}");
            assert_eq!(found.claimed.as_deref(), Some("beta"), "{place:?}");
            assert_eq!(found.conflicts, 1, "{place:?}");
        }
    }
}

#[test]
fn a1_a_claim_of_nobody_in_particular_labels_and_is_not_trusted() {
    for place in PLACES {
        let found = try_out(CONFIG, &anyone(), place, "vllm");

        assert_eq!(found.tenant, "beta", "{place:?}");
        assert_eq!(found.marks, ("claim".to_owned(), "false".to_owned()), "{place:?}");
        assert_eq!((found.claimed, found.conflicts), (None, 0), "{place:?}");
    }
}

#[test]
fn a1_a_claim_of_an_authenticated_stranger_is_nobodys() {
    for origin in [
        known(Method::Certificate, "spiffe://evil/agent"),
        known(Method::Token, "bearertokenauth"),
        known(Method::Password, "somebody"),
        known(Method::Token, ""),
    ] {
        for place in PLACES {
            let found = try_out(CONFIG, &origin, place, "llm-gateway");

            assert_eq!(found.tenant, "unknown", "{place:?}");
            assert_eq!(found.marks, ("unknown".to_owned(), "false".to_owned()), "{place:?}");
            assert_eq!(found.conflicts, 1, "{place:?}");
        }
    }
}

#[test]
fn a1_a_listed_gateway_vouches_by_its_header_and_by_attributes_of_trusted_services_only() {
    let gateways = [Method::Certificate, Method::Token, Method::Password].map(|by| known(by, "spiffe://edge/gateway"));
    let services = [("llm-gateway", true), ("vllm", false)];
    for (gateway, (service, is_believed)) in gateways.iter().flat_map(|it| services.map(|service| (it, service))) {
        for place in PLACES {
            let by_header = matches!(place, Place::TenantHeader | Place::ScopeHeader);

            let found = try_out(CONFIG, gateway, place, service);

            let expected = if by_header || is_believed { "beta" } else { "unknown" };
            assert_eq!(found.tenant, expected, "{service} {place:?}");
            assert_eq!(found.marks.0 == "gateway", expected == "beta", "{service} {place:?}");
        }
    }
}

#[test]
fn no_order_puts_anything_above_the_connection() {
    let orders = ["[claim, kubernetes, gateway]", "[gateway, claim]", "[]"];
    for order in orders {
        let config = format!("{CONFIG}order: {order}\n");
        for place in PLACES {
            let origin = known(Method::Certificate, "spiffe://acme/agent");
            assert_eq!(try_out(&config, &origin, place, "llm-gateway").tenant, "acme");
        }
    }
    let off = format!("{CONFIG}order: [gateway]\n");
    assert_eq!(try_out(&off, &anyone(), Place::TenantHeader, "vllm").tenant, "unknown");
}

#[test]
fn senders_whose_batches_were_merged_are_not_believed_if_one_of_them_was_authenticated() {
    let merged = Origin {
        identity: pipeline::Identity::Several,
        client: None,
        ..anyone()
    };

    assert_eq!(try_out(CONFIG, &merged, Place::Resource, "vllm").tenant, "unknown");
}
