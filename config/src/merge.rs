//! Several files become one: maps join, everything else is replaced by what comes later.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::node::{Entry, Map, Node, Value};
use crate::yaml::DEPTH_MAX;

/// `later` over `earlier`. Lists are replaced, an explicit null erases what stood there, `{}` changes nothing.
pub(crate) fn merge(earlier: &Arc<Node>, later: &Arc<Node>) -> Arc<Node> {
    let (Value::Map(below), Value::Map(above)) = (&earlier.value, &later.value) else {
        return Arc::clone(later);
    };
    let mut entries = below.entries.clone();
    for entry in &above.entries {
        match entries.iter_mut().find(|existing| existing.key == entry.key) {
            Some(existing) => {
                let value = merge(&existing.value, &entry.value);
                // A block that was only extended keeps the place of its first key; a replaced one moves.
                if !matches!(existing.value.value, Value::Map(_)) || !matches!(entry.value.value, Value::Map(_)) {
                    existing.key_origin = entry.key_origin.clone();
                }
                existing.value = value;
            }
            None => entries.push(entry.clone()),
        }
    }
    Node::new(Value::Map(Map::of(entries)), earlier.origin.clone())
}

/// Top-level keys with `::` become maps within maps, as in `--config yaml:processors::batch::timeout: 2s`.
pub(crate) fn unfold(root: &Arc<Node>) -> Result<Arc<Node>, Diagnostic> {
    let Value::Map(map) = &root.value else {
        return Ok(Arc::clone(root));
    };
    if !map.entries.iter().any(|entry| entry.key.contains("::")) {
        return Ok(Arc::clone(root));
    }
    let mut unfolded = Node::new(Value::Map(Map::default()), root.origin.clone());
    for entry in &map.entries {
        let steps: Vec<&str> = entry.key.split("::").collect();
        if steps.len() > DEPTH_MAX {
            let problem = Diagnostic::error("nested too deeply").at(&entry.key_origin);
            return Err(problem.help("a key may name at most 64 levels"));
        }
        if steps.iter().any(|step| step.trim().is_empty()) {
            let problem = Diagnostic::error(format!("the key {:?} has an empty step", entry.key));
            return Err(problem
                .at(&entry.key_origin)
                .help("write a name between the separators"));
        }
        unfolded = merge(&unfolded, &nested(&steps, entry));
    }
    Ok(unfolded)
}

/// `entry`'s value below all of `steps`, each of which points at the whole key.
fn nested(steps: &[&str], entry: &Entry) -> Arc<Node> {
    let mut node = Arc::clone(&entry.value);
    for step in steps.iter().rev() {
        let key_origin = entry.key_origin.narrowed(step);
        let inner = Entry {
            key: (*step).to_owned(),
            key_origin: key_origin.clone(),
            value: node,
        };
        node = Node::new(Value::Map(Map::of(vec![inner])), key_origin);
    }
    node
}
