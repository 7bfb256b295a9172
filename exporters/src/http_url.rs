//! URLs of destinations that are reached by HTTP.

use http::Uri;

/// The URL, or what is wrong with it; `example` says how one is written.
pub(crate) fn http_url(text: &str, example: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| format!("is not a URL; {example}"))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_none_or(str::is_empty) => Err(format!("has no host; {example}")),
        // Credentials in a URL end up in logs.
        Some("http" | "https") if authority.contains('@') => Err(
            "holds credentials; put them in `headers`, as `authorization`, or name an authenticator below `auth`"
                .to_owned(),
        ),
        Some("http" | "https") => Ok(uri),
        _ => Err(format!("is not an HTTP URL; {example}")),
    }
}
