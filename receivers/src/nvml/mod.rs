#![doc = include_str!("README.md")]

mod activity;
mod config;
mod counters;
mod counts;
mod desk;
mod device;
mod exporter;
mod find;
mod holders;
mod lineage;
mod metrics;
mod processes;
mod reading;
mod sane;
mod session;
mod tell;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod told;
mod watch;
mod words;
mod xid_log;

use std::path::Path;

use ::config::Signal;
use futures_util::FutureExt;
use futures_util::future::join;
use pipeline::component::{About, BuildError, Component, Outlets, Receiver, Service, Setup, Stability, Stop};
use pipeline::outside::Storage;

pub use self::config::{Config, Dcgm, HostnameLabel, Rates};
use self::counts::Counts;
use self::lineage::Kernel;
use self::session::Errand;
use self::tell::Teller;
use self::told::Told;
use self::watch::Watch;
use self::words::Words;

/// Samples the GPUs of this node.
pub struct NvmlReceiver;

impl Component for NvmlReceiver {
    const ABOUT: About = About {
        name: "nvml",
        aliases: &[],
        summary: "Samples the NVIDIA GPUs of this node: metrics, XID events, and what `gpu_context` joins with requests",
        signals: &[Signal::Metrics, Signal::Logs],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: counts::ALL,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Receiver for NvmlReceiver {
    async fn start(config: Config, setup: Setup, outlets: Outlets, stop: Stop) -> Result<Service, BuildError> {
        let counts = Counts::new(&setup.telemetry);
        let id = setup.id.to_string();
        let hostname = hostname(&config, setup.outside.storage.as_ref());
        let errand = Errand {
            library_path: config.library_path.clone(),
            rates: config.rates,
            retry: config.retry_interval.get(),
            clock: setup.outside.clock.clone(),
            gpus: setup.context.gpus.clone(),
            counts: counts.clone(),
            kernel: Kernel::new(setup.outside.storage.clone()),
            host: hostname.clone(),
            asks_processes: config.process_metrics || config.kubernetes_virtual_gpus,
        };
        let watch = Watch::new(errand, config.timeout.get(), setup.health.clone(), id.clone());
        let words = Words::new(&config, id, hostname);
        let teller = Teller {
            words,
            watch: watch.clone(),
            interval: config.collection_interval.get(),
            pods: config.kubernetes.then(|| setup.context.pods.clone()),
            gpus: setup.context.gpus.clone(),
            outlets,
            outside: setup.outside,
            counts,
            told: Told::default(),
            known: Vec::new(),
        };
        Ok(join(watch.run(stop.clone()), teller.run(stop)).map(|_| Ok(())).boxed())
    }
}

/// The node's name: as written, or the kernel's.
fn hostname(config: &Config, storage: &dyn Storage) -> String {
    if !config.hostname.is_empty() {
        return config.hostname.clone();
    }
    let read = storage.read(Path::new("/proc/sys/kernel/hostname"));
    let text = read.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    text.unwrap_or_default()
}
