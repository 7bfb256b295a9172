//! Where a span came from, in a form that is compared at once.

use std::mem::take;

use pipeline::payload::{Place, ResourceView, ScopeView};
use sha2::{Digest, Sha256};

/// Stands for the bytes of a resource and a scope. A resource may be as large as a batch, so the bytes themselves are
/// never compared per span; two places of one fingerprint are one place, also when somebody tries to make it otherwise.
pub(super) type Fingerprint = [u8; 32];

/// Resource and scope at hand.
#[derive(Debug, Clone, Default)]
pub(super) struct Provenance {
    place: Place,
    /// Of the resource alone, so that a resource of many scopes is read once; none before the first scope asks.
    of_resource: Option<Fingerprint>,
    fingerprint: Fingerprint,
}

impl Provenance {
    /// A new resource. It is copied here, because the scope decides whether spans wait, and by then it is out of sight.
    pub(super) fn enter_resource(&mut self, resource: ResourceView<'_>) {
        *self = Self {
            place: Place::default().with_resource(resource),
            ..Self::default()
        };
    }

    /// A scope in it whose spans may wait.
    pub(super) fn enter_scope(&mut self, scope: ScopeView<'_>) {
        self.place = take(&mut self.place).with_scope(scope);
        let [resource, resource_schema, scope, scope_schema] = self.place.parts();
        let of_resource = *self
            .of_resource
            .get_or_insert_with(|| fingerprint(&[resource, resource_schema]));
        self.fingerprint = fingerprint(&[&of_resource, scope, scope_schema]);
    }

    /// Copies for who keeps a span; they share the bytes.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What stands for it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// Lengths go in front, so that no part can pass for the end of another.
fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
