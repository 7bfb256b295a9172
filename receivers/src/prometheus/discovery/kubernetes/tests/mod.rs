mod api_server;
mod labels;
mod telling;
mod whole;

use serde_json::{Value, json};

/// A pod of the namespace `llm` with one port.
fn pod(name: &str, ip: &str, port: u16) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "llm", "uid": name},
        "spec": {"nodeName": "gpu-a", "containers": [
            {"name": "main", "image": "hub/main:1", "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}]}
        ]},
        "status": {"phase": "Running", "podIP": ip}
    })
}
