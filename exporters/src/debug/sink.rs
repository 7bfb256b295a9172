//! Where the text goes: the program's own log, or straight to a screen or file.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use config::{Id, Signal};
use pipeline::component::{BuildError, Setup};
use pipeline::outside::Clock;

use super::Config;
use super::counts::Count;
use crate::calendar::Moment;

/// What one batch comes to.
pub(super) struct Report {
    pub(super) signal: Signal,
    pub(super) counts: Vec<Count>,
    /// Empty for basic verbosity.
    pub(super) text: String,
}

/// Where reports go.
pub(super) enum Sink {
    /// The program's own log, with its level, format and outputs.
    Log { id: Id },
    /// Outputs of one's own.
    Outputs {
        id: Id,
        clock: Arc<dyn Clock>,
        outputs: Arc<Mutex<Vec<Output>>>,
    },
}

/// An output with its name; a lock keeps the lines of one report together.
pub(super) struct Output {
    path: String,
    writer: Box<dyn Write + Send>,
}

impl Sink {
    pub(super) fn new(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let id = setup.id.clone();
        if config.use_internal_logger {
            return Ok(Self::Log { id });
        }
        let open = |path: &String| match path.as_str() {
            "stdout" => Ok(Output {
                path: path.clone(),
                writer: Box::new(io::stdout()),
            }),
            "stderr" => Ok(Output {
                path: path.clone(),
                writer: Box::new(io::stderr()),
            }),
            file => {
                let cannot = |cause| BuildError::because(format!("the output {file:?} cannot be opened"), cause);
                let appender = setup.outside.storage.append(Path::new(file), false).map_err(cannot)?;
                Ok(Output {
                    path: path.clone(),
                    writer: Box::new(appender),
                })
            }
        };
        let outputs = config
            .output_paths
            .iter()
            .map(open)
            .collect::<Result<Vec<_>, BuildError>>()?;
        Ok(Self::Outputs {
            id,
            clock: Arc::clone(&setup.outside.clock),
            outputs: Arc::new(Mutex::new(outputs)),
        })
    }

    /// Shows a report. An error is one output that could not be written; the others were.
    pub(super) async fn show(&self, report: Report) -> Result<(), String> {
        match self {
            Self::Log { id } => {
                log(id, &report);
                Ok(())
            }
            Self::Outputs { id, clock, outputs } => {
                let text = console(id, clock.wall(), &report);
                let outputs = Arc::clone(outputs);
                // A full pipe blocks the writer; it must not block the runtime.
                let written = tokio::task::spawn_blocking(move || write(&outputs, &text)).await;
                written.unwrap_or_else(|_| Err("writing panicked".to_owned()))
            }
        }
    }
}

fn write(outputs: &Mutex<Vec<Output>>, text: &str) -> Result<(), String> {
    let mut outputs = outputs.lock().unwrap_or_else(PoisonError::into_inner);
    let mut result = Ok(());
    for output in outputs.iter_mut() {
        let written = output
            .writer
            .write_all(text.as_bytes())
            .and_then(|()| output.writer.flush());
        if let Err(cause) = written {
            result = Err(format!("the output {:?} cannot be written: {cause}", output.path));
        }
    }
    result
}

/// What the program's log knows these events by. Their text has several lines, and control characters in it are
/// escaped already.
pub const LOG_TARGET: &str = "inferscope::debug_exporter";

/// Field names are the Collector's. They must be known when this is compiled, hence one line for each signal.
fn log(id: &Id, report: &Report) {
    let component = id.to_string();
    let count = |at: usize| report.counts.get(at).map_or(0, |(_, count)| *count);
    let (first, second, third) = (count(0), count(1), count(2));
    match report.signal {
        Signal::Traces => tracing::info!(
            target: LOG_TARGET,
            { "otelcol.component.id" = component, "otelcol.signal" = "traces", "resource spans" = first, "spans" = second },
            "Traces"
        ),
        Signal::Metrics => tracing::info!(
            target: LOG_TARGET,
            {
                "otelcol.component.id" = component,
                "otelcol.signal" = "metrics",
                "resource metrics" = first,
                "metrics" = second,
                "data points" = third
            },
            "Metrics"
        ),
        Signal::Logs => tracing::info!(
            target: LOG_TARGET,
            { "otelcol.component.id" = component, "otelcol.signal" = "logs", "resource logs" = first, "log records" = second },
            "Logs"
        ),
    }
    if !report.text.is_empty() {
        tracing::info!(target: LOG_TARGET, { "otelcol.component.id" = component }, "{}", report.text);
    }
}

/// The same as the Collector's console encoder writes it.
fn console(id: &Id, wall: SystemTime, report: &Report) -> String {
    let time = timestamp(wall);
    let signal = report.signal.to_string();
    let who = serde_json::json!({
        "otelcol.component.id": id.to_string(), "otelcol.component.kind": "exporter", "otelcol.signal": signal,
    });
    let mut fields = who.clone();
    for (name, count) in &report.counts {
        fields[*name] = (*count).into();
    }
    let title = match report.signal {
        Signal::Traces => "Traces",
        Signal::Metrics => "Metrics",
        Signal::Logs => "Logs",
    };
    let mut text = format!("{time}\tinfo\t{title}\t{fields}\n");
    if !report.text.is_empty() {
        text.push_str(&format!("{time}\tinfo\t{}\t{who}\n", report.text));
    }
    text
}

fn timestamp(wall: SystemTime) -> String {
    let moment = Moment::of(wall);
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = moment;
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        moment.millis()
    )
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log { .. } => formatter.write_str("the program's log"),
            Self::Outputs { .. } => formatter.write_str("outputs of its own"),
        }
    }
}
