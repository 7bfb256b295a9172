//! What the simulated API server knows, and what has happened.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::ask::Ask;

/// How requests are answered that are not answered as they should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// With a status and what it says.
    Status(u16, String),
    /// Never.
    Silence,
    /// With text that is no JSON.
    Garbage,
    /// Watches: with nothing, and the end.
    End,
    /// Watches: that the version is forgotten, and the end.
    Expired,
}

#[derive(Default)]
pub(super) struct Store {
    version: u64,
    /// What happened before is forgotten.
    oldest: u64,
    /// By kind, namespace and name.
    objects: BTreeMap<(String, String, String), Value>,
    happened: Vec<Happened>,
    pub(super) faults: HashMap<(String, String), Fault>,
    pub(super) token: Option<String>,
    pub(super) asked: Vec<String>,
}

struct Happened {
    version: u64,
    plural: String,
    /// What it is about; None for a line as it is.
    object: Option<Value>,
    line: String,
}

impl Store {
    pub(super) fn put(&mut self, plural: &str, mut object: Value) {
        let text = |object: &Value, key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text(&object, "namespace"), text(&object, "name"));
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if text(&object, "uid").is_empty() {
            object["metadata"]["uid"] = json!(format!("{namespace}-{name}-uid"));
        }
        let key = (plural.to_owned(), namespace, name);
        let before = self.objects.insert(key, object.clone());
        let word = if before.is_some() { "MODIFIED" } else { "ADDED" };
        self.happen(plural, word, object);
    }

    pub(super) fn delete(&mut self, plural: &str, namespace: &str, name: &str) {
        let key = (plural.to_owned(), namespace.to_owned(), name.to_owned());
        if let Some(mut object) = self.objects.remove(&key) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.happen(plural, "DELETED", object);
        }
    }

    pub(super) fn say(&mut self, plural: &str, line: &str) {
        self.version += 1;
        self.happened.push(Happened {
            version: self.version,
            plural: plural.to_owned(),
            object: None,
            line: format!("{line}\n"),
        });
    }

    pub(super) fn compact(&mut self) {
        self.version += 1;
        self.oldest = self.version;
        self.happened.clear();
    }

    fn happen(&mut self, plural: &str, word: &str, object: Value) {
        self.happened.push(Happened {
            version: self.version,
            plural: plural.to_owned(),
            line: format!("{}\n", json!({"type": word, "object": object})),
            object: Some(object),
        });
    }

    /// A page of objects, from what `continue` says on.
    pub(super) fn list(&self, ask: &Ask) -> Value {
        let start: usize = ask.parameter("continue").and_then(|it| it.parse().ok()).unwrap_or(0);
        let limit: usize = ask
            .parameter("limit")
            .and_then(|it| it.parse().ok())
            .unwrap_or(usize::MAX);
        let of_kind = self.objects.iter().filter(|(key, _)| key.0 == ask.plural);
        let all: Vec<&Value> = of_kind
            .map(|(_, object)| object)
            .filter(|it| ask.is_about(it))
            .collect();
        let page: Vec<&Value> = all.iter().skip(start).take(limit).copied().collect();
        let rest = start + page.len() < all.len();
        let token = rest.then(|| (start + page.len()).to_string());
        json!({
            "kind": "List",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": self.version.to_string(), "continue": token.unwrap_or_default()},
            "items": page,
        })
    }

    /// Lines that happened after a version, and the version to go on from; None where that is forgotten.
    pub(super) fn since(&self, version: u64, ask: &Ask) -> Option<(String, u64)> {
        if version < self.oldest {
            return None;
        }
        let later = self
            .happened
            .iter()
            .filter(|it| it.version > version && it.plural == ask.plural);
        let about = later.filter(|it| it.object.as_ref().is_none_or(|object| ask.is_about(object)));
        let lines = about.map(|it| it.line.as_str()).collect();
        Some((lines, self.version.max(version)))
    }
}
