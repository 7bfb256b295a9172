//! A file of secrets that is read again while the program runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use pipeline::component::{BuildError, Service, Setup, Stop};

/// How often it is read: a secret that was withdrawn lets nobody in for longer than that.
const READ_EVERY: Duration = Duration::from_secs(10);

/// Larger files hold something else.
const BYTES_MAX: usize = 1 << 20;

/// The file, as text; none where no path is written.
pub(crate) fn held(path: &str, setup: &Setup) -> Result<Option<String>, BuildError> {
    match path {
        "" => Ok(None),
        path => read(path, setup).map(Some),
    }
}

/// What runs beside an authenticator: its file is followed, if it has one.
pub(crate) fn service(
    path: String,
    held: Option<String>,
    setup: Setup,
    stop: Stop,
    learn: impl Fn(&str) -> Result<(), BuildError> + Send + Sync + 'static,
) -> Service {
    match held {
        None => stop.cancelled_owned().map(Ok).boxed(),
        Some(held) => follow(path, held, setup, stop, learn).map(Ok).boxed(),
    }
}

fn read(path: &str, setup: &Setup) -> Result<String, BuildError> {
    let read = setup.outside.storage.read(Path::new(path));
    let bytes = read.map_err(|cause| BuildError::because(format!("{path} cannot be read: {cause}"), cause))?;
    if bytes.len() > BYTES_MAX {
        return Err(BuildError::new(format!(
            "{path} is larger than 1 MiB; it should hold a few lines"
        )));
    }
    String::from_utf8(bytes).map_err(|cause| BuildError::because(format!("{path} is no text"), cause))
}

/// Reads the file again and again; `learn` takes what it holds when that has changed, or says what is wrong with it. Until it
/// can be read what it held before counts.
async fn follow(
    path: String,
    mut held: String,
    setup: Setup,
    stop: Stop,
    learn: impl Fn(&str) -> Result<(), BuildError>,
) {
    let path: Arc<str> = path.into();
    let mut is_broken = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(READ_EVERY) => {}
        }
        let (file, outside) = (Arc::clone(&path), setup.clone());
        // A file system may hang; nobody else is to hang with it.
        let read = tokio::task::spawn_blocking(move || read(&file, &outside)).await;
        let Ok(read) = read else { continue };
        let learned = read.and_then(|text| {
            if text != held {
                learn(&text)?;
                held = text;
                tracing::info!(extension = %setup.id, %path, "credentials were read again");
            }
            Ok(())
        });
        match learned {
            Ok(()) => is_broken = false,
            Err(why) if !std::mem::replace(&mut is_broken, true) => {
                tracing::warn!(extension = %setup.id, %why, "credentials stay as they were");
            }
            Err(_) => {}
        }
    }
}
