//! `headers` of a client block: sent with every request, values kept secret.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use config::{Report, Secret};

/// Headers that are sent with every request.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Headers(config::Headers);

/// Headers that belong to the protocol: setting them would break the request.
const RESERVED: &[&str] = &[
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "te",
    "connection",
];

impl Headers {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// Whether one has this name.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        let mut names = self.0.0.iter().map(|(name, _)| name);
        names.any(|own| own.eq_ignore_ascii_case(name.as_str()))
    }

    /// Reports names and values that HTTP does not allow, below `headers`.
    pub fn validate(&self, report: &mut Report<'_>) {
        for (name, value) in &self.0.0 {
            let path = format!("headers::{name}");
            let path = if report.has(&path) { path.as_str() } else { "headers" };
            match HeaderName::from_bytes(name.as_bytes()) {
                Err(_) => report.reject(path, format!("{name:?} is not a header name")),
                Ok(name) if RESERVED.contains(&name.as_str()) => {
                    report.help(
                        path,
                        format!("the header {name:?} is set by the protocol"),
                        "delete this header",
                    );
                }
                Ok(_) => {}
            }
            if HeaderValue::from_str(value.reveal()).is_err() {
                report.reject(
                    path,
                    "the value has characters that a header cannot carry, such as a line break",
                );
            }
        }
    }

    /// The headers as requests carry them. What [`validate`](Self::validate) refused is left out.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.0.len());
        for (name, value) in &self.0.0 {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.reveal());
            if let (Ok(name), Ok(mut value)) = (name, value) {
                // Keeps the value out of debug output and out of HPACK's table, where it could be guessed at.
                value.set_sensitive(true);
                map.append(name, value);
            }
        }
        map
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(headers: [(&str, &str); N]) -> Self {
        let headers = headers.map(|(name, value)| (name.to_owned(), Secret::from(value)));
        Self(config::Headers(headers.into()))
    }
}
