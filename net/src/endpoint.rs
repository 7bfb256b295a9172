//! `host:port`, as listeners and clients are told it.

/// Host and port of an endpoint without a scheme; the port may still be none. What is wrong comes with what to write
/// instead.
pub(crate) fn host_and_port(text: &str) -> Result<(&str, &str), String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!(
            "{text:?} has no port; write `host:port`, such as `{text}:4317`"
        ));
    };
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
