//! The exporter `waterfall`: hands what arrives to the screen. Private to the demo, so no registry lists it.

use config::{Signal, Validate};
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;
use pipeline::payload::{Payload, Traces};
use serde::Deserialize;
use tokio::sync::mpsc;

/// Where spans end that a person looks at.
pub(super) struct Viewer {
    screen: mpsc::Sender<Traces>,
}

/// No key is written in the file: the demo fills in the screen between planning and starting.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    #[serde(skip)]
    pub(super) screen: Option<mpsc::Sender<Traces>>,
}

impl Validate for Config {}

impl Component for Viewer {
    const ABOUT: About = About {
        name: "waterfall",
        aliases: &[],
        summary: "Shows each request on the screen of the demo.",
        signals: &[Signal::Traces],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = "waterfall:\n";
    type Config = Config;
}

impl Exporter for Viewer {
    fn build(config: &Config, _setup: &Setup) -> Result<Self, BuildError> {
        let screen = config.screen.clone();
        let screen = screen.ok_or_else(|| BuildError::new("only `inferscope demo` has a screen for `waterfall`"))?;
        Ok(Self { screen })
    }

    fn delivery(_config: &Config) -> Delivery {
        Delivery::direct()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        let Payload::Traces(traces) = export.payload else {
            return Err(ExportError::permanent("only traces can be drawn"));
        };
        self.screen
            .send(traces)
            .await
            .map_err(|_| ExportError::permanent("the demo has ended"))
    }
}
