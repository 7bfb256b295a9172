//! Certificates that change while the program runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::TlsError;

type Load<T> = Box<dyn Fn() -> Result<Arc<T>, TlsError> + Send + Sync>;

/// A TLS configuration that is read again when somebody needs it and it is old.
///
/// A new one that cannot be read leaves the old one in force: a half-written file must not end a service.
pub struct Reloading<T> {
    load: Load<T>,
    interval: Option<Duration>,
    current: Mutex<(Arc<T>, Instant)>,
}

impl<T> Reloading<T> {
    /// Loads the first configuration; `interval` says how old it may become, None that it stays.
    pub fn new(
        interval: Option<Duration>,
        now: Instant,
        load: impl Fn() -> Result<Arc<T>, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let first = load()?;
        Ok(Self {
            load: Box::new(load),
            interval,
            current: Mutex::new((first, now)),
        })
    }

    /// The configuration to use now.
    pub fn current(&self, now: Instant) -> Arc<T> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (configuration, read_at) = &mut *current;
        if self
            .interval
            .is_some_and(|interval| now.saturating_duration_since(*read_at) >= interval)
        {
            *read_at = now;
            match (self.load)() {
                Ok(fresh) => *configuration = fresh,
                Err(error) => tracing::warn!(%error, "new certificates cannot be used; the old ones stay in force"),
            }
        }
        Arc::clone(configuration)
    }
}

impl<T> std::fmt::Debug for Reloading<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reloading")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
