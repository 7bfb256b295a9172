//! Files that were put aside: their names, and which of them go.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pipeline::outside::Storage;

use super::config::Rotation;
use crate::calendar::Moment;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The names beside one file: `traces-2026-11-22T07-15-00.123.json` for `traces.json`, as the Collector writes them.
#[derive(Debug, Clone)]
pub(super) struct Backups {
    path: PathBuf,
}

impl Backups {
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Puts the file aside. A name that is taken is not used again: renaming would overwrite it.
    pub(super) fn put_aside(&self, storage: &dyn Storage, wall: SystemTime) -> io::Result<()> {
        let taken = self.list(storage)?;
        let mut at = wall;
        let mut name = self.name(at);
        while taken.contains(&name) {
            at += Duration::from_millis(1);
            name = self.name(at);
        }
        storage.rename(&self.path, &name)
    }

    /// Removes what is too old or too many.
    pub(super) fn prune(&self, storage: &dyn Storage, rotation: Rotation, wall: SystemTime) -> io::Result<()> {
        let mut backups = self.list(storage)?;
        // The time in the names has a fixed width, so their order is the order of time.
        backups.sort_unstable_by(|one, other| other.cmp(one));
        let kept_max = if rotation.max_backups == 0 {
            usize::MAX
        } else {
            rotation.max_backups as usize
        };
        let oldest = wall.checked_sub(DAY * rotation.max_days).map(|at| self.name(at));
        for (index, backup) in backups.iter().enumerate() {
            let too_old = rotation.max_days > 0 && oldest.as_ref().is_some_and(|oldest| backup < oldest);
            if index >= kept_max || too_old {
                storage.remove(backup)?;
            }
        }
        Ok(())
    }

    fn name(&self, wall: SystemTime) -> PathBuf {
        let (mut name, extension) = self.parts();
        name.push(stamp(wall));
        name.push(extension);
        self.path.with_file_name(name)
    }

    /// The files put aside so far.
    fn list(&self, storage: &dyn Storage) -> io::Result<Vec<PathBuf>> {
        let directory = match self.path.parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        };
        let files = storage.list(directory)?;
        let names = files
            .iter()
            .filter_map(|file| file.file_name())
            .filter(|name| self.is_backup(name.as_encoded_bytes()));
        // Under the configured directory, however the storage spells it.
        Ok(names.map(|name| self.path.with_file_name(name)).collect())
    }

    fn is_backup(&self, name: &[u8]) -> bool {
        let (stem, extension) = self.parts();
        let rest = name.strip_prefix(stem.as_encoded_bytes());
        let between = rest.and_then(|rest| rest.strip_suffix(extension.as_encoded_bytes()));
        between.is_some_and(is_stamp)
    }

    /// `traces-` and `.json` of `traces.json`.
    fn parts(&self) -> (OsString, OsString) {
        let mut stem = self.path.file_stem().unwrap_or_default().to_owned();
        stem.push("-");
        let mut extension = OsString::new();
        if let Some(it) = self.path.extension() {
            extension.push(".");
            extension.push(it);
        }
        (stem, extension)
    }
}

/// `2026-11-22T07-15-00.123`: no colons, which some file systems refuse.
fn stamp(wall: SystemTime) -> String {
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
        "{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{:03}",
        moment.millis()
    )
}

fn is_stamp(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00-00-00.000";
    let fits = |(byte, shape): (&u8, &u8)| {
        if *shape == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == shape
        }
    };
    text.len() == SHAPE.len() && text.iter().zip(SHAPE).all(fits)
}
