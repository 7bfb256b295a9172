//! The way from the root to a value, written as the Collector writes it: `receivers::otlp::protocols::grpc`.

use std::fmt;
use std::sync::Arc;

/// Keys and list indices from the root down.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Arc<Vec<String>>);

impl Path {
    /// The way to the root itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// One step further.
    #[must_use]
    pub fn child(&self, step: impl Into<String>) -> Self {
        let mut steps = self.0.as_ref().clone();
        steps.push(step.into());
        Self(Arc::new(steps))
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// The steps of a path below this one, as written by `Report` callers: `tls::cert_file`, `metrics::readers::0`.
    #[must_use]
    pub fn join(&self, below: &str) -> Self {
        let mut steps = self.0.as_ref().clone();
        steps.extend(below.split("::").filter(|step| !step.is_empty()).map(str::to_owned));
        Self(Arc::new(steps))
    }

    /// Whether `self` is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.0.starts_with(&ancestor.0)
    }

    /// The way without its last step; none for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(Arc::new(parent.to_vec())))
    }

    /// `path: message`, or the message alone at the root.
    pub(crate) fn before(&self, message: &str) -> String {
        if self.0.is_empty() {
            message.to_owned()
        } else {
            format!("{self}: {message}")
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("::"))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromIterator<String> for Path {
    fn from_iter<I: IntoIterator<Item = String>>(steps: I) -> Self {
        Self(Arc::new(steps.into_iter().collect()))
    }
}
