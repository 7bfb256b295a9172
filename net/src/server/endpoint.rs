//! Whether an endpoint can be listened on, as far as the text alone says.

use super::Transport;
use crate::endpoint::host_and_port;

/// What is wrong with the endpoint of a listener, and what to write instead. An empty one is the component's default.
pub(super) fn check(endpoint: &str, transport: Transport) -> Result<(), String> {
    if endpoint.is_empty() || transport == Transport::Unix {
        return Ok(());
    }
    if let Some((scheme, rest)) = endpoint.split_once("://") {
        let address = rest.split('/').next().unwrap_or_default();
        return Err(format!(
            "a listener's endpoint has no scheme ({scheme}); write `{address}`"
        ));
    }
    let (host, port) = host_and_port(endpoint)?;
    if port.contains('/') || host.contains(['/', '@', ' ']) {
        return Err(format!("{endpoint:?} holds more than `host:port`"));
    }
    match port.parse::<u16>() {
        Ok(_) => Ok(()), // Zero is any free port.
        Err(_) => Err(format!("{port:?} is not a port; write a number up to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_listened_on_passes() {
        for endpoint in [
            "",
            "localhost:4317",
            ":4317",
            "0.0.0.0:0",
            "[::1]:4317",
            "pod-0.svc:65535",
        ] {
            assert_eq!(check(endpoint, Transport::Tcp), Ok(()), "{endpoint}");
        }
        assert_eq!(check("/run/otlp.sock", Transport::Unix), Ok(()));
    }

    #[test]
    fn what_cannot_is_refused_with_a_remedy() {
        let problem = |endpoint| check(endpoint, Transport::Tcp).err().unwrap_or_default();

        assert!(problem("127.0.0.1").contains("`127.0.0.1:4317`"));
        assert!(problem("localhost:otlp").contains("not a port"));
        assert!(problem("127.0.0.1:99999").contains("up to 65535"));
        assert!(problem("http://localhost:4318/v1").contains("write `localhost:4318`"));
        assert!(problem("localhost:4318/v1/traces").contains("more than `host:port`"));
        assert!(problem("::1:4317").contains("`[::1]:4317`"));
    }
}
