//! `proxy_url`: an HTTP proxy between us and the server.

use std::io;

use ::http::{HeaderValue, Uri};
use pipeline::outside::Connection;
use pipeline::payload::base64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A proxy's answer to CONNECT is a status line and a few headers.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// An HTTP proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    /// `host:port`.
    pub(super) address: String,
    /// `proxy-authorization`, where the URL has a user.
    pub(super) credentials: Option<HeaderValue>,
}

impl Proxy {
    /// Reads `http://[user:password@]host:port`; None for an empty text. Problems do not repeat the text, which may
    /// hold a password.
    pub(super) fn parse(url: &str) -> Result<Option<Self>, String> {
        if url.is_empty() {
            return Ok(None);
        }
        let uri: Uri = url
            .parse()
            .map_err(|_| "is not a URL; write `http://host:port`".to_owned())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(scheme) => return Err(format!("{scheme} proxies are not available; use an `http://` proxy")),
            None => return Err("is not a URL; write `http://host:port`".to_owned()),
        }
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or("has no host; write `http://host:port`")?;
        let user = uri
            .authority()
            .and_then(|authority| authority.as_str().rsplit_once('@'))
            .map(|(user, _)| user);
        let credentials = user.map(basic).transpose()?;
        Ok(Some(Self {
            address: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
            credentials,
        }))
    }

    /// Asks the proxy for a tunnel to `host:port` (RFC 9110 §9.3.6).
    pub(super) async fn tunnel(&self, stream: &mut Box<dyn Connection>, target: &str) -> io::Result<()> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes();
        if let Some(credentials) = &self.credentials {
            request.extend_from_slice(b"proxy-authorization: ");
            request.extend_from_slice(credentials.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        stream.flush().await?;
        let answer = self.answer(stream).await?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        if answer.starts_with("HTTP/1.") && status.starts_with('2') && status.len() == 3 {
            return Ok(());
        }
        let line = answer.lines().next().unwrap_or_default().escape_debug().to_string();
        Err(io::Error::other(format!(
            "proxy {} refused a tunnel to {target}: {line}",
            self.address
        )))
    }

    /// Everything up to the empty line. Read byte by byte: what follows belongs to the tunnel.
    async fn answer(&self, stream: &mut Box<dyn Connection>) -> io::Result<String> {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == ANSWER_BYTES_MAX {
                return Err(io::Error::other(format!(
                    "the answer of proxy {} is too long",
                    self.address
                )));
            }
            answer.push(stream.read_u8().await?);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Basic credentials (RFC 7617) from the user part of a URL.
fn basic(user: &str) -> Result<HeaderValue, String> {
    let text = format!("Basic {}", base64::encode(&percent_decoded(user)));
    let mut value = HeaderValue::from_str(&text).map_err(|_| "has credentials that a header cannot carry")?;
    value.set_sensitive(true);
    Ok(value)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0).zip(digit(1))) {
            (b'%', Some((high, low))) => {
                // Two hexadecimal digits are below 256.
                decoded.push((high << 4 | low) as u8);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = behind;
            }
        }
    }
    decoded
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_the_url() {
        let proxy = Proxy::parse("http://al%40ice:secret@proxy:3128").unwrap().unwrap();

        assert_eq!(proxy.address, "proxy:3128");
        assert_eq!(proxy.credentials.unwrap(), "Basic YWxAaWNlOnNlY3JldA==");
    }

    #[test]
    fn problems_do_not_repeat_the_password() {
        for url in [
            "socks5://u:hunter2@proxy:1080",
            "https://u:hunter2@proxy",
            "u:hunter2@proxy",
            "http://",
        ] {
            let problem = Proxy::parse(url).err().unwrap();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
        assert!(Proxy::parse("").unwrap().is_none());
        assert_eq!(Proxy::parse("http://proxy").unwrap().unwrap().address, "proxy:80");
    }
}
