//! What the connection says about a whole batch.

use std::net::IpAddr;

use pipeline::{Identity, Origin};

use super::config::Config;
use super::meters::{Meters, Place};
use super::name::{self, Fault};

/// Who is at the other end, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sender {
    /// This process made the batch.
    #[default]
    Own,
    /// An authenticated identity that belongs to a tenant.
    Tenant,
    /// An authenticated identity that speaks for others.
    Gateway,
    /// An authenticated identity that nobody has listed, or several.
    Stranger,
    /// Nobody was asked.
    Anyone,
}

/// What the connection says about a whole batch. Its texts serve batch after batch.
#[derive(Debug, Default)]
pub(super) struct Door {
    pub(super) sender: Sender,
    /// Of [`Sender::Tenant`]; empty otherwise.
    pub(super) tenant: String,
    /// What a header names; empty if none does.
    pub(super) header: String,
    /// Where the batch came from.
    pub(super) address: Option<IpAddr>,
}

impl Door {
    /// Reads what is known of the sender of the next batch.
    pub(super) fn open(&mut self, config: &Config, origin: &Origin, meters: &Meters) {
        self.tenant.clear();
        self.header.clear();
        self.address = origin.client;
        self.sender = match &origin.identity {
            _ if origin.is_own() => Sender::Own,
            Identity::Unasked => Sender::Anyone,
            Identity::Several => Sender::Stranger,
            Identity::Known(subject) => self.known(config, &subject.names),
        };
        for header in &config.headers {
            self.read_header(header, origin, meters);
        }
    }

    fn known(&mut self, config: &Config, names: &[String]) -> Sender {
        if let Some(tenant) = names.iter().find_map(|name| config.connection.get(name)) {
            self.tenant.push_str(tenant);
            return Sender::Tenant;
        }
        let is_gateway = names.iter().any(|name| config.gateway.identities.contains(name));
        if is_gateway { Sender::Gateway } else { Sender::Stranger }
    }

    /// Takes what a header says, unless a better one has spoken.
    fn read_header(&mut self, header: &str, origin: &Origin, meters: &Meters) {
        let mut values = origin.metadata(header);
        let Some(value) = values.next() else { return };
        if values.any(|other| other != value) {
            return meters.refused(Fault::Ambiguous);
        }
        match name::check(value) {
            Ok(name) if self.header.is_empty() => self.header.push_str(name),
            Ok(name) if self.header != name => meters.conflict(Place::Header),
            Ok(_) => {}
            Err(fault) => meters.refused(fault),
        }
    }
}
