//! The open file: whole records behind each other, and a new file when this one is large.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pipeline::outside::{Appender, Clock, Outside, Storage};

use super::backups::Backups;
use super::config::Rotation;
use super::record::Framing;

/// The open file. Its calls block.
pub(super) struct Writer {
    path: PathBuf,
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    rotation: Option<Rotation>,
    framing: Framing,
    backups: Backups,
    /// None after a failure; the next record opens it again.
    file: Option<Box<dyn Appender>>,
    /// Bytes in the file.
    bytes: u64,
    /// The last record may stand there in part only.
    torn: bool,
}

impl Writer {
    /// Opens the file. `truncate` empties it.
    pub(super) fn open(
        path: &Path,
        truncate: bool,
        rotation: Option<Rotation>,
        framing: Framing,
        outside: &Outside,
    ) -> io::Result<Self> {
        let storage = Arc::clone(&outside.storage);
        let file = storage.append(path, truncate)?;
        let bytes = file.len()?;
        Ok(Self {
            path: path.to_owned(),
            clock: Arc::clone(&outside.clock),
            backups: Backups::of(path),
            file: Some(file),
            torn: false,
            storage,
            rotation,
            framing,
            bytes,
        })
    }

    /// Hands one record to the operating system. After an error the record may be there in part, but it never
    /// damages the next one.
    pub(super) fn write(&mut self, record: &[u8]) -> io::Result<()> {
        if self.torn {
            self.mend()?;
        }
        let grown = self.bytes + record.len() as u64;
        if self.bytes > 0 && self.rotation.is_some_and(|rotation| grown > rotation.bytes_max()) {
            self.rotate()?;
        }
        let written = self.file()?.write_all(record).and_then(|()| self.file()?.flush());
        match written {
            Ok(()) => self.bytes += record.len() as u64,
            Err(_) => {
                self.torn = true;
                self.file = None;
            }
        }
        written
    }

    /// Returns once everything written would survive a power cut.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.sync())
    }

    fn file(&mut self) -> io::Result<&mut Box<dyn Appender>> {
        let opened = match self.file.take() {
            Some(file) => file,
            None => {
                let file = self.storage.append(&self.path, false)?;
                self.bytes = file.len()?;
                file
            }
        };
        Ok(self.file.insert(opened))
    }

    /// Closes off a record that was cut short: a line feed ends a line, while behind a wrong length nothing can be
    /// read any more, so such a file is put aside.
    fn mend(&mut self) -> io::Result<()> {
        match self.framing {
            Framing::Lines => {
                self.file()?.write_all(b"\n")?;
                self.bytes += 1;
            }
            Framing::Lengths => self.put_aside()?,
        }
        self.torn = false;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.put_aside()?;
        let Some(rotation) = self.rotation else { return Ok(()) };
        if let Err(error) = self.backups.prune(self.storage.as_ref(), rotation, self.clock.wall()) {
            // Files too many are no reason to lose telemetry.
            tracing::warn!(path = %self.path.display(), %error, "old files could not be removed");
        }
        Ok(())
    }

    fn put_aside(&mut self) -> io::Result<()> {
        self.file = None;
        self.backups.put_aside(self.storage.as_ref(), self.clock.wall())?;
        self.bytes = 0;
        Ok(())
    }
}
