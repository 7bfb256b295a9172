//! Receivers: sockets into batches.

use config::Signal;
use futures_util::future::BoxFuture;

use super::{BuildError, Component, Fatal, Setup, Stop};
use crate::lane::Outlet;

/// Work that goes on until it is told to stop. It returns once everything it started has ended.
pub type Service = BoxFuture<'static, Result<(), Fatal>>;

/// Turns what arrives into batches, hands them to its outlets and answers senders with the outcome.
pub trait Receiver: Component + Sized {
    /// Takes what it needs, such as ports, and returns the work that goes on until `stop`.
    ///
    /// After `stop` it takes no more, answers what it has begun and drops its outlets, which lets the lanes drain.
    fn start(
        config: Self::Config,
        setup: Setup,
        outlets: Outlets,
        stop: Stop,
    ) -> impl Future<Output = Result<Service, BuildError>> + Send;
}

/// The pipelines that a receiver or connector feeds, by signal; None where no pipeline wants that signal.
#[derive(Debug, Clone, Default)]
pub struct Outlets {
    /// Where traces go.
    pub traces: Option<Outlet>,
    /// Where metrics go.
    pub metrics: Option<Outlet>,
    /// Where logs go.
    pub logs: Option<Outlet>,
}

impl Outlets {
    /// The pipelines for one signal.
    pub fn get(&self, signal: Signal) -> Option<&Outlet> {
        match signal {
            Signal::Traces => self.traces.as_ref(),
            Signal::Metrics => self.metrics.as_ref(),
            Signal::Logs => self.logs.as_ref(),
        }
    }

    /// Sets the pipelines for one signal.
    pub fn set(&mut self, signal: Signal, outlet: Outlet) {
        let place = match signal {
            Signal::Traces => &mut self.traces,
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        };
        *place = Some(outlet);
    }
}
