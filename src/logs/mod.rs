//! The program's own log, as `service.telemetry.logs` wants it.

mod line;
mod sampling;

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use config::Telemetry;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use line::Line;
use sampling::Sampled;

/// Places in libraries that log every failure of a request, with what was answered. Who asked says it once and counts.
const SAID_ELSEWHERE: [&str; 2] = ["kube_client::client", "kube_client::client::builder"];

/// Sends the log where the configuration wants it. Called once.
pub fn start(telemetry: &Telemetry) -> anyhow::Result<()> {
    let logs = &telemetry.logs;
    let level = match logs.level {
        config::telemetry::Level::Debug => LevelFilter::DEBUG,
        config::telemetry::Level::Info => LevelFilter::INFO,
        config::telemetry::Level::Warn => LevelFilter::WARN,
        config::telemetry::Level::Error => LevelFilter::ERROR,
    };
    let sampled = Sampled::new(logs.sampling.as_ref().filter(|sampling| sampling.enabled));
    let line = Line::new(logs.encoding, &logs.initial_fields);
    let layer = tracing_subscriber::fmt::layer()
        .event_format(line)
        .with_writer(Places::open(&logs.output_paths)?)
        .with_filter(sampled)
        .with_filter(filter_fn(|about| !SAID_ELSEWHERE.contains(&about.target())))
        .with_filter(level);
    tracing_subscriber::registry()
        .with(layer)
        .try_init()
        .context("the log was started twice")
}

/// Where lines go; each goes to all of them.
#[derive(Clone)]
struct Places {
    places: Arc<[Place]>,
}

enum Place {
    Stderr,
    Stdout,
    File(std::fs::File),
}

impl Places {
    fn open(paths: &[String]) -> anyhow::Result<Self> {
        let open = |path: &String| match path.as_str() {
            "stderr" => Ok(Place::Stderr),
            "stdout" => Ok(Place::Stdout),
            path => {
                let path = path.strip_prefix("file://").unwrap_or(path);
                let file = OpenOptions::new().create(true).append(true).open(path);
                file.map(Place::File)
                    .with_context(|| format!("could not open the log file {path}"))
            }
        };
        Ok(Self {
            places: paths.iter().map(open).collect::<anyhow::Result<_>>()?,
        })
    }
}

impl Write for Places {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for place in self.places.iter() {
            match place {
                Place::Stderr => std::io::stderr().write_all(bytes)?,
                Place::Stdout => std::io::stdout().write_all(bytes)?,
                Place::File(file) => (&*file).write_all(bytes)?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Places {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_the_url_of_a_file_are_places_to_write_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, url) = (folder.path().join("a.log"), folder.path().join("b.log"));
        let places = [path.display().to_string(), format!("file://{}", url.display())];

        let written = Places::open(&places).unwrap().write(b"ready\n");

        assert_eq!(written.unwrap(), 6);
        assert_eq!(std::fs::read(path).unwrap(), b"ready\n");
        assert_eq!(std::fs::read(url).unwrap(), b"ready\n");
    }
}
