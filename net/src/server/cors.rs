//! Cross-origin requests from browsers (the Fetch standard, "CORS protocol").

use config::{Report, Validate};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;

use super::Reply;

/// Which pages of other origins may send us telemetry. Without this block none may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins, each with at most one `*`, such as `https://*.example.com`; empty means none.
    pub allowed_origins: Vec<String>,
    /// Headers beyond the safe ones and `Content-Type`; `*` means any.
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that the page may read.
    pub exposed_headers: Vec<String>,
    /// Seconds for which a browser remembers the permission; zero leaves it to the browser.
    pub max_age: u32,
}

/// Headers that a page may always send: what the Fetch standard calls safe, and what OTLP needs.
const ALLOWED_HEADERS: [&str; 5] = [
    "accept",
    "accept-language",
    "content-language",
    "content-type",
    "x-requested-with",
];

impl Cors {
    /// Answers a browser's question whether it may send; None if the request is not such a question.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Reply>> {
        let asks = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let origin = request.headers().get(ORIGIN).filter(|_| asks)?;
        let mut response = Response::new(Reply::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers"));
        // Without the headers below the browser takes the answer for a no.
        if self.allows(origin) && self.allows_headers(request.headers()) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            if let Some(asked) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
            if self.max_age > 0 {
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
            }
        }
        Some(response)
    }

    /// Lets the page that asked read the answer.
    pub fn permit(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else {
            return;
        };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if let Ok(exposed) = HeaderValue::from_str(&self.exposed_headers.join(", "))
            && !exposed.is_empty()
        {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let origin = origin.to_ascii_lowercase();
        self.allowed_origins
            .iter()
            .any(|pattern| matches(&pattern.to_ascii_lowercase(), &origin))
    }

    fn allows_headers(&self, request: &HeaderMap) -> bool {
        let asked = request
            .get(ACCESS_CONTROL_REQUEST_HEADERS)
            .map_or(Ok(""), HeaderValue::to_str);
        let Ok(asked) = asked else { return false };
        let allowed = |name: &str| {
            let own = self
                .allowed_headers
                .iter()
                .any(|own| own == "*" || own.eq_ignore_ascii_case(name));
            own || ALLOWED_HEADERS.contains(&name.to_ascii_lowercase().as_str())
        };
        asked
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .all(allowed)
    }
}

/// Whether `text` fits `pattern`, which may hold one `*` for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
    }
}

impl Validate for Cors {
    fn validate(&self, report: &mut Report<'_>) {
        if self.allowed_origins.is_empty() {
            report.warn("", "allowed_origins is empty, so no page may send");
        }
        for (index, origin) in self.allowed_origins.iter().enumerate() {
            if origin.matches('*').count() > 1 {
                report.reject(&format!("allowed_origins::{index}"), "may hold one * at most");
            }
        }
        for (key, names) in [
            ("allowed_headers", &self.allowed_headers),
            ("exposed_headers", &self.exposed_headers),
        ] {
            for (index, name) in names.iter().enumerate() {
                if HeaderValue::from_str(name).is_err() {
                    report.reject(&format!("{key}::{index}"), "is not a header name");
                }
            }
        }
    }
}
