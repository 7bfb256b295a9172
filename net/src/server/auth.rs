//! The Collector's `configauth` block of a listener, and the guard that it puts at its door.

use std::sync::Arc;

use config::{Id, Report, Unread, Validate};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use pipeline::Identity;
use pipeline::component::BuildError;
use pipeline::context::authenticators::{Authenticator, Authenticators, Unauthenticated};
use serde::Deserialize;

use super::bind::Transport;
use crate::authenticator;
use crate::endpoint::is_here;

/// Who makes sure of senders.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The name of an extension, such as `bearertokenauth` or `basicauth/edge`.
    pub authenticator: String,
    request_params: Option<Unread>,
}

/// Lets in only whom an authenticator knows; cheap to clone.
#[derive(Clone)]
pub struct Guard {
    name: Arc<str>,
    authenticator: Arc<dyn Authenticator>,
}

impl Guard {
    /// The guard of a listener; None where it asks nobody.
    pub fn of(auth: Option<&Auth>, authenticators: &Authenticators) -> Result<Option<Self>, BuildError> {
        let Some(name) = auth.map(|auth| auth.authenticator.as_str()) else {
            return Ok(None);
        };
        let found = name.parse().ok().and_then(|id: Id| authenticators.get(&id));
        let missing = || {
            BuildError::new(format!(
                "auth: {name:?} is no authenticator that runs; list it under service::extensions"
            ))
        };
        found
            .map(|authenticator| {
                Some(Self {
                    name: name.into(),
                    authenticator,
                })
            })
            .ok_or_else(missing)
    }

    /// Who sends a request with these headers.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Identity, Unauthenticated> {
        let mut shown = headers.get_all(self.authenticator.header()).iter();
        let first = shown.next().ok_or(Unauthenticated::Missing)?;
        if shown.next().is_some() {
            // Whoever stands between may have read the other one.
            return Err(Unauthenticated::Malformed);
        }
        let subject = self.authenticator.authenticate(first.as_bytes()).await?;
        Ok(Identity::Known(subject))
    }

    /// The name of the authenticator's extension.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The header that holds the secret, which nobody behind the door is to see.
    pub fn header(&self) -> HeaderName {
        HeaderName::try_from(self.authenticator.header()).unwrap_or(AUTHORIZATION)
    }

    /// What to show, for `WWW-Authenticate`.
    pub fn challenge(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.authenticator.challenge()).ok()
    }
}

impl Auth {
    /// Reports what is wrong with it at a listener, which may have no TLS.
    pub(super) fn check(&self, endpoint: &str, transport: Transport, is_plain: bool, report: &mut Report<'_>) {
        report.within("auth", |report| self.validate(report));
        let host = endpoint.rsplit_once(':').map_or("", |(host, _)| host);
        let is_reachable = transport != Transport::Unix && !endpoint.is_empty() && !is_here(host);
        if is_plain && is_reachable {
            report.warn(
                "auth",
                "senders show their credentials in plain text\nset up `tls`, or let a proxy do it and listen on localhost",
            );
        }
    }
}

impl Validate for Auth {
    fn validate(&self, report: &mut Report<'_>) {
        authenticator::check(&self.authenticator, report);
        if self.request_params.is_some() {
            report.reject(
                "request_params",
                "is not available: credentials in addresses end up in logs; use a header",
            );
        }
    }
}
