//! The effective configuration as YAML or JSON, with or without its secrets.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::document::Document;
use crate::node::{Node, Value};
use crate::path::Path;
use crate::secrecy::{self, Secrecy};
use crate::secret::REDACTED;
use crate::section::LedgerEntries;
use crate::userinfo;

/// Whether secrets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Secrets print as `[REDACTED]`, and as eight stars within addresses.
    #[default]
    Redacted,
    /// Everything prints as it is; the result can be loaded again.
    Unredacted,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// As a configuration file.
    #[default]
    Yaml,
    /// For programs.
    Json,
}

/// Prints the merged and expanded configuration.
///
/// Most of what is secret is known to the components' types alone, so the check against `collector` must have run and every
/// component must have been decoded before. Text of a section that no type has read is redacted as a whole. Beside that
/// nothing is shown that its key calls a secret, and no credentials in addresses.
pub fn print(document: &Document, mode: Mode, format: Format) -> String {
    let root = document.root();
    let mut named = BTreeSet::new();
    let mut found = |path: &Path, _: &Node| {
        named.insert(path.clone());
    };
    secrecy::walk(&root.node, &Path::root(), Secrecy::Open, &mut found);
    let printer = Printer {
        mode,
        format,
        ledger: root.ledger.read(),
        named,
    };
    match format {
        Format::Yaml => {
            let mut out = String::new();
            printer.yaml(&root.node, &Path::root(), 0, &mut out);
            out
        }
        Format::Json => {
            let mut out = format!("{:#}", printer.json(&root.node, &Path::root()));
            out.push('\n');
            out
        }
    }
}

struct Printer {
    mode: Mode,
    format: Format,
    ledger: LedgerEntries,
    /// What its key calls a secret, whether or not a type knows it.
    named: BTreeSet<Path>,
}

/// A scalar as it will be written.
enum Shown {
    /// Needs quotes if YAML would read it as something else.
    Text(String),
    Plain(String),
}

impl Printer {
    /// Writes `node` behind `key:` or `-`, or at the top.
    fn yaml(&self, node: &Node, path: &Path, indent: usize, out: &mut String) {
        let margin = "  ".repeat(indent);
        match &node.value {
            Value::Map(map) if !map.entries.is_empty() && !self.as_text(path) => {
                for entry in &map.entries {
                    let path = path.child(entry.key.as_str());
                    out.push_str(&margin);
                    out.push_str(&quoted_if_needed(&entry.key));
                    out.push(':');
                    self.yaml_behind(&entry.value, &path, indent, out);
                }
            }
            Value::List(items) if !items.is_empty() && !self.as_text(path) => {
                for (index, item) in items.iter().enumerate() {
                    out.push_str(&margin);
                    out.push('-');
                    self.yaml_behind(item, &path.child(index.to_string()), indent, out);
                }
            }
            _ => {
                out.push_str(&self.yaml_scalar(node, path));
                out.push('\n');
            }
        }
    }

    fn yaml_behind(&self, node: &Node, path: &Path, indent: usize, out: &mut String) {
        let block = match &node.value {
            Value::Map(map) => !map.entries.is_empty(),
            Value::List(items) => !items.is_empty(),
            _ => false,
        };
        if block && !self.as_text(path) {
            out.push('\n');
            self.yaml(node, path, indent + 1, out);
        } else {
            out.push(' ');
            out.push_str(&self.yaml_scalar(node, path));
            out.push('\n');
        }
    }

    fn yaml_scalar(&self, node: &Node, path: &Path) -> String {
        match (&node.value, self.shown(node, path)) {
            (Value::Map(_), None) => "{}".to_owned(),
            (Value::List(_), None) => "[]".to_owned(),
            (_, None) => "null".to_owned(),
            (_, Some(Shown::Plain(text))) => text,
            (_, Some(Shown::Text(text))) => quoted_if_needed(&text),
        }
    }

    fn json(&self, node: &Node, path: &Path) -> Json {
        match (&node.value, self.shown(node, path)) {
            (_, Some(Shown::Text(text))) => Json::String(text),
            (Value::Bool(value), _) => Json::Bool(*value),
            (Value::Int(value), _) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => Json::Null,
            },
            // JSON has no infinity and no NaN; their YAML words are the nearest thing to the truth.
            (Value::Float(value), Some(Shown::Plain(text))) => {
                serde_json::Number::from_f64(*value).map_or(Json::String(text), Json::Number)
            }
            (Value::List(items), _) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.json(item, &path.child(index.to_string())))
                    .collect()
            }
            (Value::Map(map), _) => {
                let entry = |entry: &crate::node::Entry| {
                    (
                        entry.key.clone(),
                        self.json(&entry.value, &path.child(entry.key.as_str())),
                    )
                };
                Json::Object(map.entries.iter().map(entry).collect())
            }
            _ => Json::Null,
        }
    }

    /// A scalar, or what takes its place; none for null and for blocks that are printed as blocks.
    fn shown(&self, node: &Node, path: &Path) -> Option<Shown> {
        if self.hides(node, path) {
            return Some(Shown::Text(REDACTED.to_owned()));
        }
        if self.as_text(path)
            && let Some(original) = &node.original
        {
            return Some(Shown::Text(self.escaped(original)));
        }
        Some(match &node.value {
            Value::Bool(value) => Shown::Plain(value.to_string()),
            Value::Int(value) => Shown::Plain(value.to_string()),
            Value::Float(value) => Shown::Plain(float(*value)),
            Value::Text(text) => Shown::Text(self.escaped(&text.text)),
            Value::Null | Value::List(_) | Value::Map(_) | Value::Failed => return None,
        })
    }

    /// Whether a text field read the original text of an expansion here; printed as a number it would not load.
    fn as_text(&self, path: &Path) -> bool {
        self.ledger.texts.contains(path)
    }

    fn hides(&self, node: &Node, path: &Path) -> bool {
        if self.mode == Mode::Unredacted || !node.is_scalar() {
            return false;
        }
        if self.ledger.secrets.iter().any(|secret| path.is_within(secret)) {
            return true;
        }
        let decoded = || self.ledger.decoded.iter().any(|decoded| path.is_within(decoded));
        // A type that has read a whole block about credentials has told which of it are secrets.
        if self.named.contains(path) && !(Secrecy::of(path) == Secrecy::Guarded && decoded()) {
            return true;
        }
        // Numbers and booleans are no secrets, but the text behind an expansion that happens to be digits may be one.
        let text = matches!(node.value, Value::Text(_)) || node.original.is_some();
        let unread = self.ledger.unread.iter().any(|unread| path.is_within(unread));
        let steps = path.steps();
        let of_component = steps.len() > 2 && crate::id::Kind::ALL.iter().any(|kind| kind.section() == steps[0]);
        text && (unread || (of_component && !decoded()))
    }

    /// Undoes what loading does to `$`, so that the printed text can be loaded. JSON output is for programs that do
    /// not expand anything.
    fn escaped(&self, text: &str) -> String {
        let text = match self.mode {
            Mode::Redacted => userinfo::without_secrets(text),
            Mode::Unredacted => text.to_owned(),
        };
        let expands = text.contains("$$") || text.contains("${");
        if expands && self.format == Format::Yaml {
            text.replace('$', "$$")
        } else {
            text
        }
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        ".nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf" } else { "-.inf" }.to_owned()
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.1}")
    } else {
        format!("{value:e}")
    }
}

/// Plain where YAML reads it back as the same text, in double quotes otherwise.
fn quoted_if_needed(text: &str) -> String {
    let readable = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/')
        && text.chars().all(readable)
        && matches!(crate::resolve::plain(text), Value::Text(_))
        // Other readers of the printed file follow YAML 1.1, where these words are booleans.
        && !matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let code = u32::from(c);
                quoted.push_str(&if code <= 0xffff {
                    format!("\\u{code:04x}")
                } else {
                    format!("\\U{code:08x}")
                });
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
