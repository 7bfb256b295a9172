//! The outside that a configuration may name: environment variables and files.

use std::io;

/// Where variables and files come from, so that tests need neither.
pub trait Environment {
    /// The value of an environment variable; none when it is not set or not text.
    fn var(&self, name: &str) -> Option<String>;

    /// The content of a file.
    fn read_file(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Environment for System {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
