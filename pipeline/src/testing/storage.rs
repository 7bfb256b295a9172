//! Files that tests make up.

use std::io;
use std::path::{Path, PathBuf};

use crate::outside::{Appender, Storage};

/// Storage of which nothing but reading works: asked for each file anew, so that a file may change between two looks.
pub struct ReadOnly<F>(pub F);

impl<F> Storage for ReadOnly<F>
where
    F: Fn(&Path) -> Option<String> + Send + Sync,
{
    fn append(&self, _: &Path, _: bool) -> io::Result<Box<dyn Appender>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.into_bytes())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<F> std::fmt::Debug for ReadOnly<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ReadOnly")
    }
}
