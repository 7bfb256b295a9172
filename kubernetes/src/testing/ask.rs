//! A request to the simulated API server.

use serde_json::Value;

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) plural: String,
    namespace: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Ask {
    /// Reads a path such as `/api/v1/namespaces/inference/pods` and its query; None where it is another.
    pub(super) fn read(path: &str, query: &str) -> Option<Self> {
        let mut steps = path.trim_start_matches('/').split('/');
        match steps.next()? {
            "api" => steps.next(),
            "apis" => steps.nth(1),
            _ => None,
        }?;
        let steps: Vec<&str> = steps.collect();
        let (namespace, plural) = match steps.as_slice() {
            ["namespaces", namespace, plural] => (Some((*namespace).to_owned()), *plural),
            [plural] => (None, *plural),
            _ => return None,
        };
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Some(Self {
            plural: plural.to_owned(),
            namespace,
            parameters: pairs.map(|(key, value)| (key.to_owned(), decode(value))).collect(),
        })
    }

    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn verb(&self) -> &'static str {
        match self.parameter("watch") {
            Some("true" | "1") => "watch",
            _ => "list",
        }
    }

    /// Whether an object is one of those that are asked for.
    pub(super) fn is_about(&self, object: &Value) -> bool {
        let namespace = object["metadata"]["namespace"].as_str();
        let is_here = self.namespace.is_none() || self.namespace.as_deref() == namespace;
        let fields = self.parameter("fieldSelector").unwrap_or_default();
        is_here
            && fields
                .split(',')
                .filter_map(|field| field.split_once('='))
                .all(|(path, value)| {
                    let pointer = format!("/{}", path.replace('.', "/"));
                    object.pointer(&pointer).and_then(Value::as_str) == Some(value)
                })
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: Option<u8>| digit.and_then(|it| char::from(it).to_digit(16)).unwrap_or_default() as u8;
        bytes.push(match byte {
            b'%' => hex(rest.next()) * 16 + hex(rest.next()),
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
