//! `host:port`, as listeners and clients are told it.

/// Host and port of an endpoint without a scheme; the port may still be none. What is wrong comes with what to write
/// instead.
pub(crate) fn host_and_port(text: &str) -> Result<(&str, &str), String> {
    let without_port = |host: &str| {
        format!(
            "{text:?} has no port; write `host:port`, such as `{host}:4317` for OTLP over gRPC or `{host}:4318` over HTTP"
        )
    };
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(match text.parse::<u16>() {
            Ok(_) => format!(
                "{text:?} is a port without a host; write `localhost:{text}`, or `0.0.0.0:{text}` for all addresses"
            ),
            Err(_) => without_port(if text.is_empty() { "localhost" } else { text }),
        });
    };
    let is_v6 = |text: &str| text.parse::<std::net::Ipv6Addr>().is_ok();
    if is_v6(unbracketed(text)) && !is_v6(host) {
        return Err(without_port(&format!("[{}]", unbracketed(text))));
    }
    if host.contains(':') && unbracketed(host) == host {
        return Err(format!("put the IPv6 address in brackets: `[{host}]:{port}`"));
    }
    Ok((host, port))
}

/// An IPv6 address as it is without a port behind it.
pub(crate) fn unbracketed(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// Whether a host is this machine, to which nobody else can listen.
pub(crate) fn is_here(host: &str) -> bool {
    let address = unbracketed(host).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_host_and_port_comes_with_what_to_write() {
        for (text, remedy) in [
            (
                "gateway",
                "`gateway:4317` for OTLP over gRPC or `gateway:4318` over HTTP",
            ),
            ("", "`localhost:4317`"),
            ("4317", "is a port without a host; write `localhost:4317`"),
            ("::1", "`[::1]:4317`"),
            ("[::1]", "`[::1]:4317`"),
            ("fe80::1", "has no port; write `host:port`, such as `[fe80::1]:4317`"),
            ("::1:4317", "put the IPv6 address in brackets: `[::1]:4317`"),
        ] {
            let problem = host_and_port(text).unwrap_err();
            assert!(problem.contains(remedy), "{text}: {problem}");
        }
        assert_eq!(host_and_port("[::1]:4317"), Ok(("[::1]", "4317")));
        assert_eq!(host_and_port(":4317"), Ok(("", "4317")));
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["gateway", "10.0.0.1", "0.0.0.0", "", "localhost.example.com"] {
            assert!(!is_here(host), "{host}");
        }
    }
}
