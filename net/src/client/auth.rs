//! The Collector's `configauth` block of a client, and the credentials that it shows.

use std::sync::Arc;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, HeaderName, HeaderValue};
use config::{Id, Report, Validate};
use pipeline::component::BuildError;
use pipeline::context::authenticators::{Authenticators, Credentials};
use serde::Deserialize;

use super::Headers;
use crate::authenticator;

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
    /// What a client shows beside its configured headers; None where its configuration names nobody.
    pub(super) fn of(
        auth: Option<&ClientAuth>,
        headers: &Headers,
        authenticators: &Authenticators,
    ) -> Result<Option<Self>, BuildError> {
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
        let header = HeaderName::try_from(credentials.header()).unwrap_or(AUTHORIZATION);
        // Only the extension knows the header, so this cannot be said when the configuration is read.
        if headers.has(&header) {
            tracing::warn!(
                %header,
                authenticator = name,
                "the header of `headers` gives way to what the authenticator shows there; keep one of the two"
            );
        }
        Ok(Some(Self {
            authenticator: name.to_owned(),
            header,
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
    /// Reports what is wrong with it. `is_open` says that others on the way can read what is shown.
    pub(super) fn check(&self, is_open: bool, report: &mut Report<'_>) {
        report.within("auth", |report| self.validate(report));
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
        authenticator::check(&self.authenticator, report);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fmt::{Debug, Write};
    use std::sync::Mutex;

    use bytes::Bytes;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id as SpanId, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Shows a key in a header of its own.
    struct Key(&'static str);

    impl Credentials for Key {
        fn header(&self) -> &str {
            "x-api-key"
        }

        fn shown(&self) -> Bytes {
            self.0.into()
        }
    }

    /// What is logged.
    #[derive(Default)]
    struct Log(Arc<Mutex<String>>);

    struct Line<'a>(&'a mut String);

    impl Visit for Line<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            writeln!(self.0, "{field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn event(&self, event: &Event<'_>) {
            event.record(&mut Line(&mut self.0.lock().unwrap()));
        }

        fn new_span(&self, _: &Attributes<'_>) -> SpanId {
            SpanId::from_u64(1)
        }

        fn record(&self, _: &SpanId, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &SpanId, _: &SpanId) {}
        fn enter(&self, _: &SpanId) {}
        fn exit(&self, _: &SpanId) {}
    }

    fn logged(headers: &Headers) -> String {
        let authenticators = Authenticators::default();
        authenticators.add_credentials("keys/main".parse().unwrap(), Arc::new(Key("key")));
        let auth = ClientAuth {
            authenticator: "keys/main".to_owned(),
        };
        let log = Log::default();
        let text = Arc::clone(&log.0);
        tracing::subscriber::with_default(log, || Shown::of(Some(&auth), headers, &authenticators).unwrap());
        let text = text.lock().unwrap();
        text.clone()
    }

    #[test]
    fn a_header_gives_way_only_where_the_authenticator_shows_that_one() {
        let said = logged(&Headers::from([("X-Api-Key", "other"), ("authorization", "x")]));
        assert!(
            said.contains("header=x-api-key") && said.contains("gives way"),
            "{said}"
        );

        assert_eq!(logged(&Headers::from([("authorization", "x")])), "");
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
