//! Where configuration text comes from: `file:…`, `env:…`, `yaml:…`, a bare path, and the same names in `${…}`.

use std::fmt;

use crate::environment::Environment;
use crate::yaml::INPUT_BYTES_MAX;

/// `scheme:rest`, split as the Collector splits it. A bare path has the scheme `file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) rest: &'a str,
}

/// The text behind a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) text: String,
    pub(crate) how: How,
}

/// What there is to say about a text besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Found,
    /// The variable is not set, and its default is empty: text, not null.
    EmptyDefault,
    /// The variable is not set and has no default.
    Unset,
    /// The variable is set to nothing.
    Empty,
}

/// Why a location gave no text, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreachable {
    pub(crate) message: String,
    pub(crate) help: String,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<'a> Location<'a> {
    /// A `--config` argument: what has no scheme is a path. A scheme has at least two characters, so `C:\x` is a path.
    pub(crate) fn argument(text: &'a str) -> Self {
        Self::uri(text).unwrap_or(Self {
            scheme: "file",
            rest: text,
        })
    }

    /// The inside of `${…}`: what has no colon is a variable.
    pub(crate) fn reference(text: &'a str) -> Result<Self, Unreachable> {
        if !text.contains(':') {
            return Ok(Self {
                scheme: "env",
                rest: text,
            });
        }
        Self::uri(text).ok_or_else(|| Unreachable {
            message: format!("invalid uri: {text:?}"),
            help: match text.split_once(":-") {
                Some(_) => format!("a default needs the scheme: write ${{env:{text}}}"),
                None => "write ${env:NAME}, ${file:path} or ${yaml:text}".to_owned(),
            },
        })
    }

    fn uri(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let named = scheme.len() >= 2
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
        named.then_some(Self { scheme, rest })
    }

    pub(crate) fn fetch(&self, environment: &dyn Environment) -> Result<Fetched, Unreachable> {
        match self.scheme {
            "env" => self.variable(environment),
            "file" => self.file(environment),
            "yaml" => Ok(Fetched {
                text: self.rest.to_owned(),
                how: How::Found,
            }),
            "http" | "https" => Err(Unreachable {
                message: format!("scheme {:?} is not supported yet for uri \"{self}\"", self.scheme),
                help: "download the file before the start and name it with file:".to_owned(),
            }),
            scheme => Err(Unreachable {
                message: format!("scheme {scheme:?} is not supported for uri \"{self}\""),
                help: self.unknown_scheme_help(),
            }),
        }
    }

    fn unknown_scheme_help(&self) -> String {
        if let Some(default) = self.rest.strip_prefix('-') {
            return format!("a default needs the scheme: write ${{env:{}:-{default}}}", self.scheme);
        }
        "the schemes are env, file and yaml".to_owned()
    }

    fn variable(&self, environment: &dyn Environment) -> Result<Fetched, Unreachable> {
        let (name, default) = match self.rest.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (self.rest, None),
        };
        if !is_variable(name) {
            let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            return Err(Unreachable {
                message: format!(
                    "environment variable {name:?} has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$"
                ),
                help: if digits {
                    format!("to keep ${{{name}}} as text, for a regular expression, write $${{{name}}}")
                } else {
                    "write the name of a variable, or $${ for a literal ${".to_owned()
                },
            });
        }
        Ok(match (environment.var(name), default) {
            (Some(text), _) if text.is_empty() => Fetched { text, how: How::Empty },
            (Some(text), _) => Fetched { text, how: How::Found },
            (None, Some("")) => Fetched {
                text: String::new(),
                how: How::EmptyDefault,
            },
            (None, Some(default)) => Fetched {
                text: default.to_owned(),
                how: How::Found,
            },
            (None, None) => Fetched {
                text: String::new(),
                how: How::Unset,
            },
        })
    }

    fn file(&self, environment: &dyn Environment) -> Result<Fetched, Unreachable> {
        let unreadable = |why: &str, help: &str| Unreachable {
            message: format!("unable to read the file {}: {why}", self.rest),
            help: help.to_owned(),
        };
        if self.rest.is_empty() {
            return Err(unreadable("the path is empty", "write the path behind the colon"));
        }
        let bytes = environment
            .read_file(self.rest)
            .map_err(|error| unreadable(&error.to_string(), "check the path and its permissions"))?;
        if bytes.len() > INPUT_BYTES_MAX {
            return Err(unreadable("longer than 1 MiB", "name a smaller file"));
        }
        let text =
            String::from_utf8(bytes).map_err(|error| unreadable(&error.to_string(), "save the file in UTF-8"))?;
        Ok(Fetched { text, how: How::Found })
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.rest)
    }
}

pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
