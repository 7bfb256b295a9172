//! Extensions: what runs beside the pipelines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{BuildError, Component, Service, Setup, Stop};

/// Runs beside the pipelines: knows the outside, or tells the outside about us.
pub trait Extension: Component + Sized {
    /// As what this configuration adds itself to the authenticators of the context when it starts.
    fn authenticates(_config: &Self::Config) -> Authenticates {
        Authenticates::default()
    }

    /// Takes what it needs, such as ports, and returns the work that goes on until `stop`.
    fn start(
        config: Self::Config,
        setup: Setup,
        stop: Stop,
    ) -> impl Future<Output = Result<Service, BuildError>> + Send;
}

/// Whom an extension authenticates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Authenticates {
    /// Listeners can ask it who their senders are.
    pub senders: bool,
    /// Exporters can show what it holds.
    pub us: bool,
}

/// How all components feel; extensions publish it, everybody may report.
#[derive(Debug, Clone, Default)]
pub struct Health {
    shared: Arc<Mutex<HealthBoard>>,
}

#[derive(Debug, Default)]
struct HealthBoard {
    process: HealthState,
    troubles: BTreeMap<String, String>,
}

/// Where the process stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HealthState {
    /// Not all components run yet.
    #[default]
    Starting,
    /// Everything runs.
    Ready,
    /// It drains and will end.
    Stopping,
}

impl Health {
    /// Says where the process stands.
    pub fn set_state(&self, state: HealthState) {
        self.board().process = state;
    }

    /// Where the process stands.
    pub fn state(&self) -> HealthState {
        self.board().process
    }

    /// Says that a component cannot do its work, and why.
    pub fn trouble(&self, component: &str, why: impl Into<String>) {
        self.board().troubles.insert(component.to_owned(), why.into());
    }

    /// Says that a component works again.
    pub fn recovered(&self, component: &str) {
        self.board().troubles.remove(component);
    }

    /// The components that cannot do their work, with the reasons.
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.board().troubles.clone()
    }

    fn board(&self) -> std::sync::MutexGuard<'_, HealthBoard> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
