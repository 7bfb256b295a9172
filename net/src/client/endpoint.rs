//! Where a gRPC client connects to, in the spellings that gRPC and the Collector know.

use std::path::{Path, PathBuf};

use crate::endpoint::{host_and_port, unbracketed};

/// The destination of a gRPC client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcEndpoint {
    place: Place,
    /// `https://` was written, which turns TLS on whatever `tls.insecure` says.
    https: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// `host:port`. Names are resolved to all of their addresses, unless `passthrough:` left that to the dialer.
    Host { address: String, resolve: bool },
    /// A Unix socket.
    Unix(PathBuf),
}

impl GrpcEndpoint {
    /// Reads `host:port`, `dns:///host:port`, `passthrough:///host:port`, `unix:///path`, `unix:path`,
    /// `http://host:port` or `https://host:port`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("an endpoint is required, such as `localhost:4317`".to_owned());
        }
        if let Some(rest) = text.strip_prefix("https://") {
            return Ok(Self {
                place: host(rest.trim_end_matches('/'), true)?,
                https: true,
            });
        }
        let place = if let Some(rest) = text.strip_prefix("http://") {
            host(rest.trim_end_matches('/'), true)?
        } else if let Some(rest) = text.strip_prefix("dns:") {
            host(without_authority(rest)?, true)?
        } else if let Some(rest) = text.strip_prefix("passthrough:") {
            host(without_authority(rest)?, false)?
        } else if let Some(rest) = text.strip_prefix("unix:") {
            unix(rest)?
        } else if text.contains("://") || text.starts_with("unix-abstract:") {
            return Err(format!(
                "{text:?} has a scheme that is not supported; use `host:port`, `dns:///` or `unix:///`"
            ));
        } else {
            host(text, true)?
        };
        Ok(Self { place, https: false })
    }

    /// Whether the scheme alone asks for TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The name that a certificate must show: the host without its port; None for a Unix socket.
    pub fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Host { address, .. } => address.rsplit_once(':').map(|(host, _)| unbracketed(host)),
            Place::Unix(_) => None,
        }
    }

    /// What requests carry as `:authority` unless the configuration says otherwise.
    pub fn authority(&self) -> &str {
        match &self.place {
            Place::Host { address, .. } => address,
            // gRPC naming: a Unix socket has no host, and clients send `localhost`.
            Place::Unix(_) => "localhost",
        }
    }

    /// `host:port` whose addresses are to be looked up; None where there is nothing to look up.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.place {
            Place::Host { address, resolve: true } => Some(address),
            _ => None,
        }
    }

    /// `host:port` as it was written; None for a Unix socket.
    pub(super) fn address(&self) -> Option<&str> {
        match &self.place {
            Place::Host { address, .. } => Some(address),
            Place::Unix(_) => None,
        }
    }

    pub(super) fn socket(&self) -> Option<&Path> {
        match &self.place {
            Place::Host { .. } => None,
            Place::Unix(path) => Some(path),
        }
    }
}

impl std::fmt::Display for GrpcEndpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Host { address, .. } => formatter.write_str(address),
            Place::Unix(path) => write!(formatter, "unix://{}", path.display()),
        }
    }
}

/// The part behind `scheme:`; an authority such as `dns://8.8.8.8/name` would name a DNS server of one's own.
fn without_authority(rest: &str) -> Result<&str, String> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Ok(rest);
    };
    match rest.split_once('/') {
        Some(("", name)) => Ok(name),
        Some((server, name)) => Err(format!(
            "a DNS server of one's own ({server:?}) is not supported; write `dns:///{name}`"
        )),
        None => Err(format!("write three slashes: `dns:///{rest}`")),
    }
}

fn host(text: &str, resolve: bool) -> Result<Place, String> {
    let (host, port) = host_and_port(text)?;
    if host.is_empty() {
        return Err(format!("{text:?} has no host; write `localhost:{port}`"));
    }
    match port.parse::<u16>() {
        Ok(0) | Err(_) => Err(format!("{port:?} is not a port; write a number from 1 to 65535")),
        Ok(_) if host.contains(['/', '@', ' ']) => {
            Err(format!("{host:?} is not a host; write `host:port` without a path"))
        }
        Ok(_) => Ok(Place::Host {
            address: text.to_owned(),
            resolve,
        }),
    }
}

fn unix(rest: &str) -> Result<Place, String> {
    // gRPC naming: `unix:path` may be relative, `unix:///path` is absolute.
    let path = match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(path) => return Err(format!("write three slashes for an absolute path: `unix:///{path}`")),
        None => rest,
    };
    if path.is_empty() {
        return Err("a path is missing; write `unix:///run/otlp.sock`".to_owned());
    }
    Ok(Place::Unix(PathBuf::from(path)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_the_collector_and_of_grpc_are_understood() {
        let authority = |text: &str| GrpcEndpoint::parse(text).unwrap().to_string();

        assert_eq!(authority("jaeger:4317"), "jaeger:4317");
        assert_eq!(authority("dns:///jaeger:4317"), "jaeger:4317");
        assert_eq!(authority("dns:jaeger:4317"), "jaeger:4317");
        assert_eq!(authority("passthrough:///jaeger:4317"), "jaeger:4317");
        assert_eq!(authority("http://jaeger:4317/"), "jaeger:4317");
        assert_eq!(authority("https://[::1]:4317"), "[::1]:4317");
        assert_eq!(authority("unix:///run/a.sock"), "unix:///run/a.sock");
        assert_eq!(authority("unix:a.sock"), "unix://a.sock");
    }

    #[test]
    fn only_https_turns_tls_on_by_itself() {
        let https = |text: &str| GrpcEndpoint::parse(text).unwrap().is_https();

        assert!(https("https://jaeger:4317"));
        assert!(!https("http://jaeger:4317"));
        assert!(!https("jaeger:4317"));
    }

    #[test]
    fn the_host_of_an_ipv6_address_has_no_brackets() {
        assert_eq!(GrpcEndpoint::parse("[::1]:4317").unwrap().host(), Some("::1"));
        assert_eq!(GrpcEndpoint::parse("unix:///a").unwrap().host(), None);
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_a_remedy() {
        let problem = |text: &str| GrpcEndpoint::parse(text).unwrap_err();

        assert!(problem("").contains("localhost:4317"));
        assert!(problem("jaeger").contains("jaeger:4317"));
        assert!(problem(":4317").contains("localhost:4317"));
        assert!(problem("::1:4317").contains("[::1]:4317"));
        assert!(problem("jaeger:http").contains("not a port"));
        assert!(problem("jaeger/v1/traces:4317").contains("without a path"));
        assert!(problem("ftp://jaeger:4317").contains("not supported"));
        assert!(problem("dns://8.8.8.8/jaeger:4317").contains("dns:///jaeger:4317"));
        assert!(problem("unix://run/a").contains("unix:///run/a"));
    }
}
