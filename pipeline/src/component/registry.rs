//! All component types of this build, with their types erased.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Diagnostics, Section, Signal};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{
    About, Authenticates, BuildError, Component, Connection, Connector, Export, ExportError, Exporter, Extension,
    Outlets, Processor, Receiver, Reliance, Service, Setup, Stage, Stop,
};
use crate::delivery::Delivery;

/// A component's decoded configuration; the entry that made it knows its type.
pub type Decoded = Arc<dyn Any + Send + Sync>;

type Decode = fn(&Section, &mut Diagnostics) -> Option<Decoded>;

/// All component types of this build.
#[derive(Default)]
pub struct Registry {
    /// Receivers by type name.
    pub receivers: BTreeMap<&'static str, ReceiverEntry>,
    /// Processors by type name.
    pub processors: BTreeMap<&'static str, ProcessorEntry>,
    /// Exporters by type name.
    pub exporters: BTreeMap<&'static str, ExporterEntry>,
    /// Connectors by type name.
    pub connectors: BTreeMap<&'static str, ConnectorEntry>,
    /// Extensions by type name.
    pub extensions: BTreeMap<&'static str, ExtensionEntry>,
}

/// A receiver type.
pub struct ReceiverEntry {
    /// What it is.
    pub about: About,
    /// Reads its section.
    pub decode: Decode,
    /// Starts one instance.
    pub start: fn(Decoded, Setup, Outlets, Stop) -> BoxFuture<'static, Result<Service, BuildError>>,
}

/// A processor type.
pub struct ProcessorEntry {
    /// What it is.
    pub about: About,
    /// Reads its section.
    pub decode: Decode,
    /// Makes a stage for one lane.
    pub build: fn(&Decoded, &Setup) -> Result<Stage, BuildError>,
    /// Reports what makes no sense in pipelines of a signal.
    pub validate_for: fn(&Decoded, Signal, &Section, &mut Diagnostics),
    /// What it needs of the rest of the file.
    pub leans_on: fn(&Decoded) -> Vec<Reliance>,
}

/// An exporter type.
pub struct ExporterEntry {
    /// What it is.
    pub about: About,
    /// Reads its section.
    pub decode: Decode,
    /// Queue, retry and timeout of one configuration.
    pub delivery: fn(&Decoded) -> Delivery,
    /// Makes one instance.
    pub build: fn(&Decoded, &Setup) -> Result<Arc<dyn AnyExporter>, BuildError>,
}

/// A connector type.
pub struct ConnectorEntry {
    /// What it is.
    pub about: About,
    /// Reads its section.
    pub decode: Decode,
    /// From which signal to which it can lead.
    pub routes: &'static [(Signal, Signal)],
    /// Makes the connection for one signal.
    pub build: fn(&Decoded, &Setup, Outlets) -> Result<Connection, BuildError>,
}

/// An extension type.
pub struct ExtensionEntry {
    /// What it is.
    pub about: About,
    /// Reads its section.
    pub decode: Decode,
    /// Whom one configuration authenticates.
    pub authenticates: fn(&Decoded) -> Authenticates,
    /// Starts one instance.
    pub start: fn(Decoded, Setup, Stop) -> BoxFuture<'static, Result<Service, BuildError>>,
}

/// An exporter with its type erased.
pub trait AnyExporter: Send + Sync {
    /// One attempt.
    fn export(&self, export: Export) -> BoxFuture<'_, Result<(), ExportError>>;

    /// Flushes and lets go of what it holds.
    fn stop(&self) -> BoxFuture<'_, ()>;
}

impl<E: Exporter> AnyExporter for E {
    fn export(&self, export: Export) -> BoxFuture<'_, Result<(), ExportError>> {
        Exporter::export(self, export).boxed()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Exporter::stop(self).boxed()
    }
}

impl Registry {
    /// Adds a receiver type.
    pub fn receiver<R: Receiver>(&mut self) {
        let start = |config: Decoded, setup: Setup, outlets: Outlets, stop: Stop| {
            R::start(own::<R>(&config), setup, outlets, stop).boxed()
        };
        self.receivers.insert(
            R::ABOUT.name,
            ReceiverEntry {
                about: R::ABOUT,
                decode: decode::<R>,
                start,
            },
        );
    }

    /// Adds a processor type.
    pub fn processor<P: Processor>(&mut self) {
        let build = |config: &Decoded, setup: &Setup| P::build(&own::<P>(config), setup);
        let validate_for = |config: &Decoded, signal: Signal, section: &Section, diagnostics: &mut Diagnostics| {
            config::report_on(section, diagnostics, |report| {
                P::validate_for(&own::<P>(config), signal, report);
            });
        };
        self.processors.insert(
            P::ABOUT.name,
            ProcessorEntry {
                about: P::ABOUT,
                decode: decode::<P>,
                build,
                validate_for,
                leans_on: |config| P::leans_on(&own::<P>(config)),
            },
        );
    }

    /// Adds an exporter type.
    pub fn exporter<E: Exporter>(&mut self) {
        let delivery = |config: &Decoded| E::delivery(&own::<E>(config));
        let build = |config: &Decoded, setup: &Setup| {
            E::build(&own::<E>(config), setup).map(|exporter| Arc::new(exporter) as Arc<dyn AnyExporter>)
        };
        let entry = ExporterEntry {
            about: E::ABOUT,
            decode: decode::<E>,
            delivery,
            build,
        };
        self.exporters.insert(E::ABOUT.name, entry);
    }

    /// Adds a connector type.
    pub fn connector<C: Connector>(&mut self) {
        let build = |config: &Decoded, setup: &Setup, outlets: Outlets| C::build(&own::<C>(config), setup, outlets);
        let entry = ConnectorEntry {
            about: C::ABOUT,
            decode: decode::<C>,
            routes: C::ROUTES,
            build,
        };
        self.connectors.insert(C::ABOUT.name, entry);
    }

    /// Adds an extension type.
    pub fn extension<E: Extension>(&mut self) {
        let start = |config: Decoded, setup: Setup, stop: Stop| E::start(own::<E>(&config), setup, stop).boxed();
        self.extensions.insert(
            E::ABOUT.name,
            ExtensionEntry {
                about: E::ABOUT,
                decode: decode::<E>,
                authenticates: |config| E::authenticates(&own::<E>(config)),
                start,
            },
        );
    }
}

fn decode<C: Component>(section: &Section, diagnostics: &mut Diagnostics) -> Option<Decoded> {
    config::decode::<C::Config>(section, diagnostics).map(|config| Arc::new(config) as Decoded)
}

/// The typed configuration again. An entry only ever sees what its own `decode` made, so the default never happens.
fn own<C: Component>(config: &Decoded) -> C::Config {
    config.downcast_ref::<C::Config>().cloned().unwrap_or_default()
}
