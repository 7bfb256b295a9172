//! The Collector's `configauth` block of a client, and the credentials that it shows.

use std::sync::Arc;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, HeaderName, HeaderValue};
use config::{Id, Report, Validate};
use pipeline::component::BuildError;
use pipeline::context::authenticators::{Authenticators, Credentials};
use serde::Deserialize;

use super::Headers;

/// Who shows the destination that it is we who send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientAuth {
    /// The name of an extension, such as `bearertokenauth` or `basicauth/gateway`.
    pub authenticator: String,
}

/// What requests show.
#[derive(Clone)]
pub(super) struct Shown {
    /// The extension, as the configuration calls it.
    authenticator: String,
    header: HeaderName,
    credentials: Arc<dyn Credentials>,
}

impl Shown {
    /// What a client shows; None where its configuration names nobody.
    pub(super) fn of(auth: Option<&ClientAuth>, authenticators: &Authenticators) -> Result<Option<Self>, BuildError> {
        let Some(name) = auth.map(|auth| auth.authenticator.as_str()) else {
            return Ok(None);
        };
        let found = name.parse().ok().and_then(|id: Id| authenticators.credentials(&id));
        let credentials = found.ok_or_else(|| {
            BuildError::new(format!(
                "auth: {name:?} is no client authenticator that runs; list under service::extensions a basicauth with \
                 client_auth, or a bearertokenauth with token or filename"
            ))
        })?;
        Ok(Some(Self {
            authenticator: name.to_owned(),
            header: HeaderName::try_from(credentials.header()).unwrap_or(AUTHORIZATION),
            credentials,
        }))
    }

    pub(super) fn authenticator(&self) -> &str {
        &self.authenticator
    }

    /// Adds what is shown now; a header of that name that is configured gives way, as in the Collector.
    pub(super) fn add(&self, headers: &mut HeaderMap) {
        let shown = self.credentials.shown();
        if shown.is_empty() {
            return; // Without credentials the destination says what is missing; of an empty header it says that it is wrong.
        }
        // The extension has looked at it.
        if let Ok(mut value) = HeaderValue::from_maybe_shared(shown) {
            value.set_sensitive(true);
            headers.insert(self.header.clone(), value);
        }
    }
}

impl ClientAuth {
    /// Reports what is wrong with it and the headers beside it. `is_open` says that others on the way can read them.
    pub(super) fn check(&self, headers: &Headers, is_open: bool, report: &mut Report<'_>) {
        report.within("auth", |report| self.validate(report));
        if headers.has(&AUTHORIZATION) {
            report.warn(
                "headers",
                "`authorization` gives way to what the authenticator shows there\nkeep one of the two",
            );
        }
        if is_open {
            report.warn(
                "auth",
                "the credentials travel in plain text; over gRPC the Collector would not start\nset up `tls`",
            );
        }
    }
}

impl Validate for ClientAuth {
    fn validate(&self, report: &mut Report<'_>) {
        if self.authenticator.parse::<Id>().is_err() {
            report.help(
                "authenticator",
                format!("{:?} is not the name of an extension", self.authenticator),
                "write the name that stands under extensions, such as bearertokenauth",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Key(&'static str);

    impl Credentials for Key {
        fn header(&self) -> &str {
            "x-api-key"
        }

        fn shown(&self) -> bytes::Bytes {
            self.0.into()
        }
    }

    #[test]
    fn whoever_has_nothing_to_show_sends_no_empty_header() {
        let added = |shown| {
            let mut headers = HeaderMap::new();
            let shown = Shown {
                authenticator: "keys".to_owned(),
                header: HeaderName::from_static("x-api-key"),
                credentials: Arc::new(Key(shown)),
            };
            shown.add(&mut headers);
            headers.get("x-api-key").map(|value| value.as_bytes().to_vec())
        };

        assert_eq!(added("one"), Some(b"one".to_vec()));
        assert_eq!(added(""), None);
    }
}
