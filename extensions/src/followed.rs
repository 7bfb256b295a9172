//! Files of secrets that are read again while the program runs.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use pipeline::component::{BuildError, Service, Setup, Stop};

/// How often they are read: a secret that was withdrawn lets nobody in for longer than that.
const READ_EVERY: Duration = Duration::from_secs(10);

/// Larger files hold something else.
const BYTES_MAX: usize = 1 << 20;

/// How often several files are read in a row until they hold the same twice. Whoever replaces them does so once, which costs one
/// reading; that they change without end is their owner's mistake.
const READINGS_MAX: usize = 4;

/// What each of some files holds, as text; none where no path is written.
pub(crate) type Held<const FILES: usize> = [Option<String>; FILES];

/// What files hold that belong together: all of them before a change, or all of them after it.
pub(crate) fn held<const FILES: usize>(paths: &[String; FILES], setup: &Setup) -> Result<Held<FILES>, BuildError> {
    let mut held = read_all(paths, setup)?;
    if FILES == 1 {
        return Ok(held);
    }
    for _ in 1..READINGS_MAX {
        let again = read_all(paths, setup)?;
        if again == held {
            return Ok(held);
        }
        held = again;
    }
    Err(BuildError::new(format!("{} change while they are read", words(paths))))
}

/// What runs beside an authenticator: its files are followed, if it has some. `learn` takes what all of them hold.
pub(crate) fn service<const FILES: usize>(
    paths: [String; FILES],
    held: Held<FILES>,
    setup: Setup,
    stop: Stop,
    learn: impl Fn(&Held<FILES>) -> Result<(), BuildError> + Send + Sync + 'static,
) -> Service {
    if held.iter().all(Option::is_none) {
        return stop.cancelled_owned().map(Ok).boxed();
    }
    follow(paths, held, setup, stop, learn).map(Ok).boxed()
}

fn words(paths: &[String]) -> String {
    let written: Vec<&str> = paths
        .iter()
        .map(String::as_str)
        .filter(|path| !path.is_empty())
        .collect();
    written.join(" and ")
}

fn read_all<const FILES: usize>(paths: &[String; FILES], setup: &Setup) -> Result<Held<FILES>, BuildError> {
    let mut held = [const { None }; FILES];
    for (path, held) in paths.iter().zip(&mut held) {
        if !path.is_empty() {
            *held = Some(read(path, setup)?);
        }
    }
    Ok(held)
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

/// Reads the files again and again; `learn` takes what they hold when that has changed, or says what is wrong with it. Until all
/// of them can be read what they held before counts.
async fn follow<const FILES: usize>(
    paths: [String; FILES],
    mut known: Held<FILES>,
    setup: Setup,
    stop: Stop,
    learn: impl Fn(&Held<FILES>) -> Result<(), BuildError>,
) {
    let mut is_broken = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(READ_EVERY) => {}
        }
        let (files, outside) = (paths.clone(), setup.clone());
        // A file system may hang; nobody else is to hang with it.
        let read = tokio::task::spawn_blocking(move || held(&files, &outside)).await;
        let Ok(read) = read else { continue };
        let learned = read.and_then(|fresh| {
            if fresh != known {
                learn(&fresh)?;
                known = fresh;
                tracing::info!(extension = %setup.id, path = words(&paths), "credentials were read again");
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
