#![doc = include_str!("README.md")]

mod backups;
mod config;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;

pub use config::{Compression, Config, Format, Rotation};

use record::Recorder;
use writer::Writer;

/// Writes batches into a file.
pub struct File {
    path: PathBuf,
    recorder: Recorder,
    /// One record at a time: records of several pipelines never mix.
    writer: Arc<Mutex<Writer>>,
}

impl Component for File {
    const ABOUT: About = About {
        name: "file",
        aliases: &[],
        summary: "Writes OTLP into a file, as JSON lines or protobuf",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for File {
    fn build(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let path = Path::new(&config.path);
        if config.create_directory
            && let Some(directory) = path.parent().filter(|directory| *directory != Path::new(""))
        {
            let cannot =
                |cause| BuildError::because(format!("the directory {directory:?} cannot be made: {cause}"), cause);
            setup.outside.storage.create_directory(directory).map_err(cannot)?;
        }
        let recorder = Recorder::new(config.format, config.compression);
        let truncate = !config.append && config.rotation.is_none();
        let writer = Writer::open(path, truncate, config.rotation, recorder.framing(), &setup.outside);
        let writer = writer.map_err(|cause| {
            let hint = if cause.kind() == std::io::ErrorKind::NotFound {
                "; `create_directory: true` makes its directory"
            } else {
                ""
            };
            BuildError::because(format!("the file {path:?} cannot be opened: {cause}{hint}"), cause)
        })?;
        Ok(Self {
            path: path.to_owned(),
            recorder,
            writer: Arc::new(Mutex::new(writer)),
        })
    }

    fn delivery(_config: &Config) -> Delivery {
        Delivery::direct()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        if export.payload.is_empty() {
            return Ok(());
        }
        let (recorder, writer) = (self.recorder, Arc::clone(&self.writer));
        // Encoding takes a while and disks block; neither belongs on the runtime's own threads.
        let work = tokio::task::spawn_blocking(move || {
            let record = recorder
                .record(&export.payload)
                .map_err(|why| ExportError::permanent(why.to_string()))?;
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk may have room again.
            writer
                .write(&record)
                .map_err(|cause| ExportError::retry(cause.to_string()))
        });
        let result = work
            .await
            .unwrap_or_else(|_| Err(ExportError::permanent("writing panicked")));
        result.map_err(|error| self.named(error))
    }

    async fn stop(&self) {
        let writer = Arc::clone(&self.writer);
        let work = tokio::task::spawn_blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).sync());
        if let Ok(Err(error)) = work.await {
            tracing::warn!(path = %self.path.display(), %error, "the file may not survive a power cut");
        }
    }
}

impl File {
    fn named(&self, error: ExportError) -> ExportError {
        let name = |cause| format!("file {:?}: {cause}", self.path);
        match error {
            ExportError::Retry { after, cause } => ExportError::Retry {
                after,
                cause: name(cause),
            },
            ExportError::Permanent { cause } => ExportError::Permanent { cause: name(cause) },
            other @ (ExportError::Partial { .. } | ExportError::TooLarge { .. } | ExportError::RetryRest { .. }) => {
                other
            }
        }
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "file {:?}", self.path)
    }
}
